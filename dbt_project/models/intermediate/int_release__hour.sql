-- For each release, or family of releases, and local day: the instant at which the release of that day came, or was planned to
-- when it was due. A provider that dates its numbers by day only gets the hour from here. A plan counts where it was announced
-- before it was due and nothing else was announced by then; of several instants of a day the last counts.
with events as (
    select
        *,
        lead(announced_at) over (
            partition by release_id, component, reference_period
            order by announced_at, event_at
        ) as next_announced_at
    from {{ ref('int_release_event__declared') }}
)

select
    coalesce(families.family, events.release_id) as release_id,
    release.timezone,
    {{ local_date('events.event_at', 'release.timezone') }} as local_day,
    max(events.event_at) as event_at
from events
inner join {{ ref('seed_release') }} as release
    on events.release_id = release.release_id
left join {{ ref('seed_release_family') }} as families
    on events.release_id = families.release_id
where
    events.event_at is not null
    and events.announced_at <= events.event_at
    and (
        events.event in ('released', 'partial', 'merged')
        or (
            events.event in ('scheduled', 'rescheduled')
            and coalesce(events.next_announced_at >= events.event_at, true)
        )
    )
group by coalesce(families.family, events.release_id), release.timezone, {{ local_date('events.event_at', 'release.timezone') }}
