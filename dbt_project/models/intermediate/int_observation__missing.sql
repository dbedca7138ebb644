{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed() }}") }}
-- A cancelled release is a row for each series that should have had a value (design rule 8): the series published that
-- calendar month a year earlier (or its own gap was marked then) and had not ended. The row is known when the cancellation
-- is, or when the series itself became known to us, if that was later.
-- A component that comes with another release is not missing where its release as a whole is cancelled.
with cancelled as (
    {{ cancelled_releases() }}
),

rescued as (
    {{ rescued_components() }}
),

observed as (
    select
        resolved.*,
        series.component
    from {{ ref('int_observation__resolved') }} as resolved
    inner join {{ ref('int_series') }} as series
        on resolved.series_id = series.series_id
    where
        resolved.release_id in (select cancelled.release_id from cancelled)
        and {{ only_changed('resolved.series_id') }}
),

candidates as (
    select
        cancelled.release_id,
        cancelled.component,
        cancelled.reference_end,
        cancelled.reference_period,
        cancelled.announced_at,
        cancelled.reason,
        observed.series_id,
        min_by(observed.origin, observed.known_at) as origin,
        min(observed.known_at) as known_at
    from cancelled
    inner join observed
        on
            cancelled.release_id = observed.release_id
            and (cancelled.component = 'all' or cancelled.component = observed.component)
            and {{ month_end('cancelled.reference_end', -12) }} = observed.period_end
    left join rescued
        on
            cancelled.release_id = rescued.release_id
            and cancelled.reference_end = rescued.reference_end
            and cancelled.announced_at >= rescued.announced_at
            and cancelled.component = 'all'
            and observed.component = rescued.component
    where
        (observed.value is not null or observed.obs_status = 'L')
        and rescued.release_id is null
    group by
        cancelled.release_id, cancelled.component, cancelled.reference_end, cancelled.reference_period,
        cancelled.announced_at, cancelled.reason, observed.series_id
),

-- what is said of the component goes before what is said of the whole
ranked as (
    select
        *,
        row_number() over (
            partition by series_id, reference_end
            order by announced_at, case when component = 'all' then 1 else 0 end
        ) as precedence
    from candidates
),

a_year_earlier as (
    select *
    from ranked
    where precedence = 1
),

still_published as (
    select
        a_year_earlier.series_id,
        a_year_earlier.reference_end,
        min(observed.known_at) as known_at
    from a_year_earlier
    inner join observed
        on
            a_year_earlier.series_id = observed.series_id
            and observed.period_end < a_year_earlier.reference_end
            and {{ month_end('a_year_earlier.reference_end', -3) }} < observed.period_end
    where observed.value is not null
    group by a_year_earlier.series_id, a_year_earlier.reference_end
),

expected as (
    select
        a_year_earlier.*,
        greatest(a_year_earlier.announced_at, a_year_earlier.known_at, still_published.known_at) as missing_since
    from a_year_earlier
    inner join still_published
        on
            a_year_earlier.series_id = still_published.series_id
            and a_year_earlier.reference_end = still_published.reference_end
),

already_there as (
    select
        expected.series_id,
        expected.reference_end,
        min(observed.known_at) as known_at
    from expected
    inner join observed
        on
            expected.series_id = observed.series_id
            and expected.reference_end = observed.period_end
    group by expected.series_id, expected.reference_end
)

select
    expected.series_id,
    cast(date_trunc('month', expected.reference_end) as date) as period_start,
    expected.reference_end as period_end,
    cast(null as double) as value,
    expected.missing_since as known_at,
    'calendar' as known_at_basis,
    'L' as obs_status,
    cast(0 as bigint) as flag_mask,
    {{ single_list('expected.reason') }} as footnotes,
    expected.missing_since as fetched_at,
    'calendar:' || expected.release_id || ':' || expected.reference_period as payload_sha256,
    expected.origin,
    expected.release_id
from expected
left join already_there
    on
        expected.series_id = already_there.series_id
        and expected.reference_end = already_there.reference_end
where
    (already_there.known_at is null or expected.missing_since < already_there.known_at)
    and {{ known_by('expected.missing_since') }}
