-- For each payload and release with a restated history: the release whose vintage the payload holds, which is the last one
-- published before the payload was fetched. Where a release that was due by then has no known outcome, or the payload holds
-- a newer period than the calendar knows of, the vintage is unknown and the fetch itself is the bound. A family of releases
-- (estimates of the same numbers one after another) has the calendars of its members. Where that release is only assumed to
-- have come on its day, known_at could be too early (LOOKAHEAD_RISK).
-- what each release's calendar says, one row a reference period
with calendar as (
    select
        coalesce(families.family, events.release_id) as release_id,
        events.release_id as member_id,
        events.reference_end,
        min(case when events.event in ('released', 'partial', 'merged') then events.event_at end) as published_at,
        max(case when events.event in ('scheduled', 'rescheduled') then events.event_at end) as due_at,
        max(case when events.event in ('cancelled', 'permanent_gap') then 1 else 0 end) as is_cancelled,
        {{ mask_or(
            "case when events.event in ('released', 'partial', 'merged') then events.flag_mask & " ~ flag('LOOKAHEAD_RISK')
            ~ " else 0 end"
        ) }} as flag_mask
    from {{ ref('int_release_event__declared') }} as events
    left join {{ ref('seed_release_family') }} as families
        on events.release_id = families.release_id
    where events.component = 'all'
    group by coalesce(families.family, events.release_id), events.release_id, events.reference_end
),

judged as (
    select
        payloads.payload_sha256,
        payloads.release_id,
        payloads.fetched_at,
        payloads.newest_end,
        max(case when calendar.published_at <= payloads.fetched_at then calendar.published_at end) as published_at,
        max(case when calendar.published_at <= payloads.fetched_at then calendar.reference_end end) as published_end,
        max(
            case
                when
                    calendar.due_at <= payloads.fetched_at
                    and calendar.is_cancelled = 0
                    and calendar.published_at is null
                    then calendar.reference_end
            end
        ) as unseen_end,
        max(
            case
                when
                    calendar.due_at <= payloads.fetched_at
                    and calendar.is_cancelled = 0
                    and calendar.published_at is null
                    then calendar.due_at
            end
        ) as unseen_at
    from {{ ref('int_release__payload') }} as payloads
    inner join calendar on payloads.release_id = calendar.release_id
    group by payloads.payload_sha256, payloads.release_id, payloads.fetched_at, payloads.newest_end
)

select
    judged.payload_sha256,
    judged.release_id,
    judged.published_at as vintage_at,
    {{ mask_or('calendar.flag_mask') }} as flag_mask
from judged
inner join calendar
    on
        judged.release_id = calendar.release_id
        and judged.published_at = calendar.published_at
where
    judged.newest_end <= judged.published_end
    and coalesce(
        judged.unseen_end < judged.published_end
        or (judged.unseen_end = judged.published_end and judged.unseen_at <= judged.published_at),
        true
    )
group by judged.payload_sha256, judged.release_id, judged.published_at
