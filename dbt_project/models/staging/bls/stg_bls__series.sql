-- One row for each series and payload that described it.
select
    series_id,
    title,
    agency,
    unit,
    decimals,
    frequency,
    seasonal_adjustment,
    revision_policy,
    release_id,
    component,
    stale_after_days,
    licence,
    source_url,
    origin,
    {{ utc('fetched_at') }} as fetched_at,
    payload_sha256
from {{ source('landing_bls', 'series') }}
