-- Calendar events from the seed and from the rooms, each once, known by the cut-off, and the events of families of releases.
-- A plan is an event where it differs from the plan that stood before it: calendars repeat themselves, and stamp rows anew long
-- after a release has come.
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
    from {{ ref('int_release_event__captured') }}
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
),

sequenced as (
    select
        *,
        case event
            when 'scheduled' then 1
            when 'rescheduled' then 2
            when 'partial' then 3
            when 'released' then 4
            when 'merged' then 5
            when 'cancelled' then 6
            else 7
        end as precedence
    from ranked
    where sighting = 1
),

compared as (
    select
        *,
        case when event in ('scheduled', 'rescheduled') then event_at end as planned_at,
        {{ last_known("case when event in ('scheduled', 'rescheduled') then event_at end") }} over earlier as previous_plan,
        max(case when event in ('released', 'merged') then 1 else 0 end) over earlier as has_come
    from sequenced
    window earlier as (
        partition by release_id, component, reference_period
        order by announced_at, precedence, source
        rows between unbounded preceding and 1 preceding
    )
),

standing as (
    select
        *,
        case when event = 'scheduled' and previous_plan is not null then 'rescheduled' else event end as kept_event
    from compared
    where
        planned_at is null
        or (
            planned_at is distinct from previous_plan
            and coalesce(has_come, 0) = 0
        )
),

-- a family is known by its first print: the plan of the first estimate that is still to come, and the first that came
members as (
    select
        families.family,
        families.estimate,
        standing.*,
        row_number() over (
            partition by families.family, standing.component, standing.reference_period, standing.announced_at
            order by standing.precedence desc, standing.release_id asc, standing.source asc
        ) as bearer
    from standing
    inner join {{ ref('seed_release_family') }} as families
        on standing.release_id = families.release_id
),

moments as (
    select
        family,
        component,
        reference_period,
        announced_at as moment
    from members
    group by family, component, reference_period, announced_at
),

last_words as (
    select
        moments.family,
        moments.component,
        moments.reference_period,
        moments.moment,
        members.estimate,
        members.kept_event,
        members.event_at,
        row_number() over (
            partition by
                moments.family, moments.component, moments.reference_period, moments.moment, members.release_id
            order by members.announced_at desc, members.precedence desc, members.source desc
        ) as recency
    from moments
    inner join members
        on
            moments.family = members.family
            and moments.component = members.component
            and moments.reference_period = members.reference_period
            and moments.moment >= members.announced_at
),

outlook as (
    select
        family,
        component,
        reference_period,
        moment,
        min_by(
            case when kept_event in ('scheduled', 'rescheduled') then event_at end,
            case when kept_event in ('scheduled', 'rescheduled') then estimate end
        ) as planned_at,
        min(case when kept_event in ('released', 'partial') then event_at end) as came_at
    from last_words
    where recency = 1
    group by family, component, reference_period, moment
),

changes as (
    select
        *,
        {{ last_known("planned_at") }} over earlier as previous_plan,
        max(came_at) over earlier as came_before
    from outlook
    window earlier as (
        partition by family, component, reference_period
        order by moment
        rows between unbounded preceding and 1 preceding
    )
),

family_events as (
    select
        family,
        component,
        reference_period,
        moment,
        case
            when came_at is not null then 'released'
            when previous_plan is null then 'scheduled'
            else 'rescheduled'
        end as family_event,
        coalesce(came_at, planned_at) as family_at
    from changes
    where
        came_before is null
        and (came_at is not null or (planned_at is not null and planned_at is distinct from previous_plan))
),

-- the event of the member that brought the change lends it its evidence
told as (
    select
        standing.*,
        standing.release_id as told_id,
        standing.kept_event as told_event,
        standing.event_at as told_at
    from standing
    union all
    select
        standing.*,
        family_events.family as told_id,
        family_events.family_event as told_event,
        family_events.family_at as told_at
    from family_events
    inner join members
        on
            family_events.family = members.family
            and family_events.component = members.component
            and family_events.reference_period = members.reference_period
            and family_events.moment = members.announced_at
            and members.bearer = 1
    inner join standing
        on
            members.release_id = standing.release_id
            and members.component = standing.component
            and members.reference_period = standing.reference_period
            and members.announced_at = standing.announced_at
            and members.event = standing.event
            and members.source = standing.source
            and members.event_at is not distinct from standing.event_at
)

select
    told_id as release_id,
    component,
    reference_period,
    reference_end,
    told_event as event,
    told_at as event_at,
    announced_at,
    announced_basis,
    cast(flag_mask as bigint) as flag_mask,
    merged_into,
    reason,
    source,
    confidence
from told
