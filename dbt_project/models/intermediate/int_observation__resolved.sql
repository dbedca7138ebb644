-- When each landed value became known (design rules 6 and 8), and one row for each state it went through.
-- known_at is the earlier of the rule's instant and our own fetch. The same state seen again is no new row; another state
-- at the same instant is a correction that we can only date by our fetch.
with landed as (
    {{ union_rooms('observation') }}
),

described as (
    select
        landed.*,
        series.release_id,
        coalesce(series.component, 'all') as component,
        series.revision_policy,
        -- the calendar governs only what the payload could not date itself; null: it does not
        case when landed.known_at_basis = 'first_seen' then series.release_id end as calendar_id
    from landed
    left join {{ ref('int_series') }} as series
        on landed.series_id = series.series_id
),

any_component as (
    select
        release_id,
        reference_end,
        min(published_at) as published_at,
        {{ mask_or('flag_mask') }} as flag_mask
    from {{ ref('int_release__publication') }}
    group by release_id, reference_end
),

cancelled as (
    select
        release_id,
        component,
        reference_end,
        min(announced_at) as announced_at
    from {{ ref('int_release_event__declared') }}
    where event in ('cancelled', 'permanent_gap')
    group by release_id, component, reference_end
),

ruled as (
    select
        described.*,
        case
            when described.calendar_id is null then described.known_at
            when described.revision_policy = 'restated_history' and described.value is not null then vintage.vintage_at
            when described.value is null and cancelled.announced_at is not null then cancelled.announced_at
            else coalesce(own.published_at, any_component.published_at)
        end as ruled_at,
        case
            when described.calendar_id is null or described.value is null then 0
            when described.revision_policy = 'restated_history' then 0
            else coalesce(own.flag_mask, any_component.flag_mask, 0)
        end as ruled_mask
    from described
    left join {{ ref('int_release__publication') }} as own
        on
            described.calendar_id = own.release_id
            and described.component = own.component
            and described.period_end = own.reference_end
    left join any_component
        on
            described.calendar_id = any_component.release_id
            and described.period_end = any_component.reference_end
    left join cancelled
        on
            described.calendar_id = cancelled.release_id
            and described.component = cancelled.component
            and described.period_end = cancelled.reference_end
    left join {{ ref('int_release__vintage') }} as vintage
        on
            described.calendar_id = vintage.release_id
            and described.payload_sha256 = vintage.payload_sha256
),

bounded as (
    select
        series_id,
        period_start,
        period_end,
        value,
        obs_status,
        footnotes,
        {{ list_text('footnotes') }} as footnotes_text,
        fetched_at,
        payload_sha256,
        origin,
        release_id,
        flag_mask as landed_mask,
        case when ruled_at is null or fetched_at < ruled_at then fetched_at else ruled_at end as resolved_at,
        case
            when ruled_at is null or fetched_at < ruled_at then 'first_seen'
            when calendar_id is not null then 'calendar'
            else known_at_basis
        end as resolved_basis,
        case when ruled_at is null or fetched_at < ruled_at then 0 else ruled_mask end as ruled_mask
    from ruled
),

ordered as (
    select
        *,
        lag(resolved_at) over states as previous_at,
        lag(value) over states as previous_value,
        lag(obs_status) over states as previous_status,
        lag(landed_mask) over states as previous_mask,
        lag(footnotes_text) over states as previous_footnotes
    from bounded
    window states as (
        partition by series_id, period_start, period_end
        order by resolved_at, fetched_at, payload_sha256
    )
),

changed as (
    select
        series_id,
        period_start,
        period_end,
        value,
        case when previous_at = resolved_at then fetched_at else resolved_at end as known_at,
        case when previous_at = resolved_at then 'first_seen' else resolved_basis end as known_at_basis,
        obs_status,
        landed_mask | case when previous_at = resolved_at then 0 else ruled_mask end as flag_mask,
        footnotes,
        fetched_at,
        payload_sha256,
        origin,
        release_id
    from ordered
    where
        previous_at is null
        or value is distinct from previous_value
        or obs_status <> previous_status
        or landed_mask <> previous_mask
        or footnotes_text <> previous_footnotes
)

select
    series_id,
    period_start,
    period_end,
    value,
    known_at,
    known_at_basis,
    obs_status,
    flag_mask,
    footnotes,
    fetched_at,
    payload_sha256,
    origin,
    release_id
from changed
where {{ known_by('known_at') }}
