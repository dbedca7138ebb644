-- What was known of each release after each event: the calendar as of any instant.
with ranked as (
    select
        events.*,
        release.timezone,
        case events.event
            when 'scheduled' then 1
            when 'rescheduled' then 2
            when 'partial' then 3
            when 'released' then 4
            when 'merged' then 5
            when 'cancelled' then 6
            else 7
        end as precedence
    from {{ ref('int_release_event') }} as events
    inner join {{ ref('seed_release') }} as release
        on events.release_id = release.release_id
),

running as (
    select
        release_id,
        component,
        reference_period,
        reference_end,
        timezone,
        announced_at as known_at,
        event,
        reason,
        source,
        confidence,
        first_value(case when event = 'scheduled' then event_at end ignore nulls) over so_far as original_at,
        last_value(case when event in ('scheduled', 'rescheduled') then event_at end ignore nulls) over so_far as scheduled_at,
        last_value(
            case when event in ('released', 'partial', 'merged') then event_at end ignore nulls
        ) over so_far as actual_at,
        last_value(merged_into ignore nulls) over so_far as merged_into,
        last_value(reason ignore nulls) over so_far as last_reason,
        {{ mask_or('flag_mask') }} over so_far as flag_mask,
        lead(announced_at) over (
            partition by release_id, component, reference_period
            order by announced_at, precedence
        ) as next_known_at
    from ranked
    window so_far as (
        partition by release_id, component, reference_period
        order by announced_at, precedence
        rows between unbounded preceding and current row
    )
)

select
    release_id,
    component,
    reference_period,
    reference_end,
    event as status,
    original_at,
    scheduled_at,
    actual_at,
    case
        when actual_at is not null and original_at is not null
            then {{ days_between(local_date('original_at', 'timezone'), local_date('actual_at', 'timezone')) }}
    end as delay_days,
    merged_into,
    last_reason as reason,
    flag_mask,
    source,
    confidence,
    known_at
from running
where next_known_at is null or next_known_at > known_at
