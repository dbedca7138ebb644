-- The release calendar as of any instant: one row for each state a release went through.
select
    release_id,
    component,
    reference_period,
    reference_end,
    status,
    original_at,
    scheduled_at,
    actual_at,
    delay_days,
    merged_into,
    lapse_id,
    reason,
    {{ mask_to_flags('flag_mask') }} as flags,
    source,
    confidence,
    known_at
from {{ ref('int_release__state') }}
