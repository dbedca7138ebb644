-- Calendar events that rooms landed. A calendar that is captured again and again says again and again what stands in it; a date
-- that differs from what the capture before said was announced after that capture, whatever the stamp of the row. A calendar
-- that names days and no periods (empty reference_period) makes no event: checks hold it against the others.
with landed as (
    {{ union_rooms('release_event') }}
),

compared as (
    select
        *,
        lag(event_at) over captures as previous_at,
        lag(fetched_at) over captures as previous_fetch
    from landed
    where reference_period <> ''
    window captures as (
        partition by
            release_id,
            component,
            reference_period,
            case when event in ('scheduled', 'rescheduled') then 'plan' else event end,
            announced_basis
        order by fetched_at, announced_at
    )
)

select
    release_id,
    component,
    reference_period,
    reference_end,
    event,
    event_at,
    case
        when
            announced_basis = 'notice'
            and event in ('scheduled', 'rescheduled')
            and previous_at <> event_at
            and announced_at < previous_fetch
            then fetched_at
        else announced_at
    end as announced_at,
    announced_basis,
    flag_mask,
    merged_into,
    reason,
    source
from compared
