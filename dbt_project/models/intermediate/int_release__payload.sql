{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed('release_id') }}") }}
-- The newest period of each release with a restated history in each payload.
select
    landed.payload_sha256,
    landed.fetched_at,
    series.release_id,
    max(landed.period_end) as newest_end
from (
    {{ union_rooms('observation') }}
) as landed
inner join {{ ref('int_series') }} as series
    on landed.series_id = series.series_id
where
    series.revision_policy = 'restated_history'
    and series.release_id is not null
    and landed.known_at_basis = 'first_seen'
    and landed.value is not null
    and {{ only_changed('series.release_id', 'release_id') }}
group by landed.payload_sha256, landed.fetched_at, series.release_id
