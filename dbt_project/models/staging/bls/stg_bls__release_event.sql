-- Calendar events of the source: from documented rules, later from captured calendars.
select
    release_id,
    component,
    reference_period,
    reference_end,
    event,
    {{ utc('event_at') }} as event_at,
    {{ utc('announced_at') }} as announced_at,
    announced_basis,
    {{ flags_to_mask('flags') }} as flag_mask,
    merged_into,
    reason,
    source
from {{ source('landing_bls', 'release_event') }}
