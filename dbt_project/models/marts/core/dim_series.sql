{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed() }}") }}
-- One row for each series: what it is, how often it comes, what its provider does to old values, and under which licence.
with extent as (
    select
        series_id,
        min(case when next_known_at is null then period_start end) as first_period,
        max(case when next_known_at is null then period_end end) as last_period,
        cast(sum(case when next_known_at is null then 1 else 0 end) as int) as n_periods,
        -- an instant that could be too early is no evidence that anything was known by then
        min(case when (flag_mask & {{ flag('LOOKAHEAD_RISK') }}) = 0 then known_at end) as history_known_from
    from {{ ref('int_observation__flagged') }}
    where
        value is not null
        and {{ only_changed() }}
    group by series_id
)

select
    series.series_id,
    series.title,
    series.agency,
    series.unit,
    series.decimals,
    series.frequency,
    series.seasonal_adjustment,
    series.revision_policy,
    series.release_id,
    series.component,
    series.stale_after_days,
    extent.first_period,
    extent.last_period,
    coalesce(extent.n_periods, 0) as n_periods,
    extent.history_known_from,
    series.licence,
    series.is_withheld,
    series.source_url,
    series.origin
from {{ ref('int_series') }} as series
left join extent
    on series.series_id = extent.series_id
where {{ only_changed('series.series_id') }}
