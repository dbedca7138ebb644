{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed('release_id') }}") }}
-- How many series of a release have a value, or a marked gap, for a reference period, after each instant at which that changed.
-- Series that somebody republishes (SECONDARY_SOURCE) are the same series again and do not count, from when that is known.
with republished as (
    select
        series_id,
        min(known_at) as since
    from {{ ref('int_observation__flagged') }}
    where
        (flag_mask & {{ flag('SECONDARY_SOURCE') }}) <> 0
        and {{ only_changed('release_id', 'release_id') }}
    group by series_id
),

-- A component that the calendar does not know of in a period came with the release as a whole.
own_components as (
    select distinct
        release_id,
        component,
        reference_end
    from {{ ref('int_release_event__declared') }}
),

states as (
    select
        flagged.series_id,
        flagged.release_id,
        coalesce(own.component, 'all') as component,
        flagged.period_start,
        flagged.period_end,
        flagged.known_at,
        flagged.value,
        flagged.flag_mask,
        flagged.origin,
        flagged.was_published
    from {{ ref('int_observation__flagged') }} as flagged
    inner join {{ ref('int_series') }} as series
        on flagged.series_id = series.series_id
    inner join {{ ref('seed_release') }} as release
        on
            flagged.release_id = release.release_id
            and series.frequency = release.frequency
    left join republished
        on flagged.series_id = republished.series_id
    left join own_components as own
        on
            flagged.release_id = own.release_id
            and series.component = own.component
            and flagged.period_end = own.reference_end
    where
        {{ only_changed('flagged.release_id', 'release_id') }}
        and (republished.since is null or flagged.known_at < republished.since)
),

moves as (
    select
        release_id,
        component,
        period_end,
        known_at,
        case when value is not null then 1 else 0 end
        - case when was_published then 1 else 0 end as published,
        case when value is null then 1 else 0 end
        - case when not was_published then 1 else 0 end as missing,
        case when (flag_mask & {{ flag('REVISED') }}) <> 0 then 1 else 0 end as revised,
        flag_mask,
        origin
    from states
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
