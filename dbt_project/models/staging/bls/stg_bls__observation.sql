-- One row for each landed observation of the source; instants as UTC timestamps, flags as a mask.
select
    series_id,
    period_start,
    period_end,
    value,
    {{ utc('known_at') }} as known_at,
    known_at_basis,
    obs_status,
    {{ flags_to_mask('flags') }} as flag_mask,
    footnotes,
    {{ utc('fetched_at') }} as fetched_at,
    payload_sha256,
    origin,
    {{ utc('parsed_at') }} as parsed_at
from {{ source('landing_bls', 'observation') }}
