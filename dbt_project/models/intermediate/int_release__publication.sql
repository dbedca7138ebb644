-- For each release, component and reference period: the instant at which its values became public.
-- A component that came inside another release carries that release's instant.
select
    release_id,
    component,
    reference_end,
    min(event_at) as published_at,
    -- of what came with another release or in part, KNOWN_LATE speaks of the announcement and not of the instant
    {{ mask_or(
        "case when event = 'released' then flag_mask else flag_mask & " ~ flag('LOOKAHEAD_RISK') ~ " end"
    ) }} as flag_mask
from {{ ref('int_release_event__declared') }}
where
    event in ('released', 'partial', 'merged')
    and event_at is not null
group by release_id, component, reference_end
