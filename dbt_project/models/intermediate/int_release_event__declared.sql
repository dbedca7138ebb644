-- Calendar events from the seed and from the rooms, each once, known by the cut-off.
with events as (
    select
        release_id,
        component,
        reference_period,
        reference_end,
        event,
        event_at,
        announced_at,
        announced_basis,
        case flags
            when 'KNOWN_LATE' then {{ flag('KNOWN_LATE') }}
            when 'LOOKAHEAD_RISK' then {{ flag('LOOKAHEAD_RISK') }}
            else 0
        end as flag_mask,
        merged_into,
        reason,
        source,
        confidence
    from {{ ref('seed_release_event') }}
    union all
    select
        release_id,
        component,
        reference_period,
        reference_end,
        event,
        event_at,
        announced_at,
        announced_basis,
        flag_mask,
        merged_into,
        reason,
        source,
        cast('derived' as string) as confidence
    from (
        {{ union_rooms('release_event') }}
    ) as landed
),

ranked as (
    select
        *,
        row_number() over (
            partition by release_id, component, reference_period, event, event_at
            order by announced_at, source
        ) as sighting
    from events
    where {{ known_by('announced_at') }}
)

select
    release_id,
    component,
    reference_period,
    reference_end,
    event,
    event_at,
    announced_at,
    announced_basis,
    cast(flag_mask as bigint) as flag_mask,
    merged_into,
    reason,
    source,
    confidence
from ranked
where sighting = 1
