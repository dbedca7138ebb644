-- Every event of every release, with the instant at which it became known.
select
    release_id,
    component,
    reference_period,
    reference_end,
    event,
    event_at,
    announced_at,
    announced_basis,
    {{ mask_to_flags('flag_mask') }} as flags,
    merged_into,
    reason,
    source,
    confidence,
    announced_at as known_at
from {{ ref('int_release_event') }}
