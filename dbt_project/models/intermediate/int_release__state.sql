-- What was known of each release after each event: the calendar as of any instant. What comes with another release, or in
-- part, is often announced before it comes: until then its instant is a plan, and from then on a fact.
with told as (
    select
        *,
        event as status,
        announced_at as known_at,
        case
            when event in ('scheduled', 'rescheduled') or event_at > announced_at then event_at
        end as planned_at,
        case
            when event in ('released', 'partial', 'merged') and event_at <= announced_at then event_at
        end as done_at
    from {{ ref('int_release_event') }}
    union all
    select
        *,
        event as status,
        event_at as known_at,
        cast(null as timestamp) as planned_at,
        event_at as done_at
    from {{ ref('int_release_event') }}
    where
        event in ('released', 'partial', 'merged')
        and event_at > announced_at
        and {{ known_by('event_at') }}
),

ranked as (
    select
        told.*,
        release.timezone,
        case told.event
            when 'scheduled' then 1
            when 'rescheduled' then 2
            when 'partial' then 3
            when 'released' then 4
            when 'merged' then 5
            when 'cancelled' then 6
            else 7
        end as precedence
    from told
    inner join {{ ref('seed_release') }} as release
        on told.release_id = release.release_id
),

-- which lapse in appropriations moved, merged or cancelled it, from when that was known
lapses as (
    select
        release_id,
        component,
        reference_period,
        max(lapse_id) as lapse_id,
        min(announced_at) as announced_at
    from {{ ref('seed_release_event') }}
    where lapse_id is not null
    group by release_id, component, reference_period
),

running as (
    select
        release_id,
        component,
        reference_period,
        reference_end,
        timezone,
        known_at,
        case when status in ('released', 'partial') and done_at is null then 'rescheduled' else status end as status,
        reason,
        source,
        confidence,
        {{ first_known("case when event = 'scheduled' then event_at end") }} over so_far as original_at,
        {{ last_known("planned_at") }} over so_far as scheduled_at,
        {{ last_known("done_at") }} over so_far as actual_at,
        {{ last_known("merged_into") }} over so_far as merged_into,
        {{ last_known("reason") }} over so_far as last_reason,
        {{ mask_or('flag_mask') }} over so_far as flag_mask,
        lead(known_at) over (
            partition by release_id, component, reference_period
            order by known_at, precedence
        ) as next_known_at
    from ranked
    window so_far as (
        partition by release_id, component, reference_period
        order by known_at, precedence
        rows between unbounded preceding and current row
    )
)

select
    running.release_id,
    running.component,
    running.reference_period,
    running.reference_end,
    running.status,
    running.original_at,
    running.scheduled_at,
    running.actual_at,
    case
        when running.actual_at is not null and running.original_at is not null
            then {{ days_between(
                local_date('running.original_at', 'running.timezone'), local_date('running.actual_at', 'running.timezone')
            ) }}
    end as delay_days,
    running.merged_into,
    lapses.lapse_id,
    running.last_reason as reason,
    running.flag_mask,
    running.source,
    running.confidence,
    running.known_at
from running
left join lapses
    on
        running.release_id = lapses.release_id
        and running.component = lapses.component
        and running.reference_period = lapses.reference_period
        and running.known_at >= lapses.announced_at
where running.next_known_at is null or running.next_known_at > running.known_at
