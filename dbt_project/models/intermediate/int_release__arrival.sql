-- How many series of a release have a value, or a marked gap, for a reference period, after each instant at which that changed.
with states as (
    select
        flagged.series_id,
        flagged.release_id,
        series.component,
        flagged.period_start,
        flagged.period_end,
        flagged.known_at,
        flagged.value,
        flagged.flag_mask,
        flagged.origin,
        flagged.vintage_number,
        flagged.next_known_at
    from {{ ref('int_observation__flagged') }} as flagged
    inner join {{ ref('int_series') }} as series
        on flagged.series_id = series.series_id
    inner join {{ ref('seed_release') }} as release
        on
            flagged.release_id = release.release_id
            and series.frequency = release.frequency
),

-- only a row that was followed by another can be what a later row replaced
replaced as (
    select series_id, period_start, period_end, value, vintage_number
    from states
    where next_known_at is not null
),

moves as (
    select
        states.release_id,
        states.component,
        states.period_end,
        states.known_at,
        case when states.value is not null then 1 else 0 end
        - case when before.value is not null then 1 else 0 end as published,
        case when states.value is null then 1 else 0 end
        - case when before.series_id is not null and before.value is null then 1 else 0 end as missing,
        case when (states.flag_mask & {{ flag('REVISED') }}) <> 0 then 1 else 0 end as revised,
        states.flag_mask,
        states.origin
    from states
    left join replaced as before
        on
            states.vintage_number > 1
            and states.series_id = before.series_id
            and states.period_start = before.period_start
            and states.period_end = before.period_end
            and states.vintage_number = before.vintage_number + 1
),

daily as (
    select
        release_id,
        component,
        period_end,
        known_at,
        sum(published) as published,
        sum(missing) as missing,
        sum(revised) as revised,
        {{ mask_or(travelling('flag_mask')) }} as flag_mask,
        min(origin) as origin
    from moves
    group by release_id, component, period_end, known_at
)

select
    release_id,
    component,
    period_end as reference_end,
    known_at,
    cast(sum(published) over so_far as int) as n_series_published,
    cast(sum(missing) over so_far as int) as n_series_missing,
    cast(sum(revised) over so_far as int) as n_values_revised,
    {{ mask_or('flag_mask') }} over so_far as flag_mask,
    min(origin) over so_far as origin
from daily
window so_far as (
    partition by release_id, component, period_end
    order by known_at
    rows between unbounded preceding and current row
)
