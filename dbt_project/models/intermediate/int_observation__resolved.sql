{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed() }}") }}
-- When each landed value became known (design rules 6 and 8), and one row for each state it went through.
-- known_at is the earlier of the rule's instant and our own fetch. The same state seen again is no new row; another state
-- at the same instant is a correction that we can only date by our fetch. No two states of a period share an instant.
-- One value told for one instant by two payloads that date it themselves is one state, and the fuller telling stands: a
-- compilation of published values does not say which were preliminary, nor why one is missing. That a bound is late
-- (KNOWN_LATE) is said of a time, so it makes no new state of one that is known already.
-- Where a provider dates more than one state of a period, a telling that a rule dates (a file of today's values, which knows
-- nothing of corrections) is known no earlier than the first state of that value: a file fetched after a correction would
-- else tell the corrected value at the instant of the first one.
-- What a newer parser reads otherwise in an old payload (parsed_at is after the fetch) is known from that reading on.
with landed as (
    select *
    from (
        {{ union_rooms('observation') }}
    ) as landing
    where {{ only_changed() }}
),

-- periods that landed more than once; the others, nearly all, have one state and need no comparison
crowded as (
    select
        series_id,
        period_start,
        period_end
    from landed
    group by series_id, period_start, period_end
    having count(*) > 1
),

described as (
    select
        landed.series_id,
        landed.period_start,
        landed.period_end,
        landed.value,
        landed.known_at,
        landed.known_at_basis,
        landed.obs_status,
        landed.flag_mask,
        landed.footnotes,
        coalesce(landed.parsed_at, landed.fetched_at) as fetched_at,
        landed.payload_sha256,
        landed.origin,
        crowded.series_id is not null as is_crowded,
        series.release_id,
        coalesce(series.component, 'all') as component,
        series.revision_policy,
        -- the calendar governs only what the payload could not date itself; null: it does not
        case
            when landed.known_at_basis = 'first_seen' and coalesce(landed.parsed_at <= landed.fetched_at, true)
                then series.release_id
        end as calendar_id,
        -- the provider named the day and not the hour; the release of that day has it. Where a rule gives the last second of a
        -- day, that says the same, unless the day itself is a bound.
        case
            when landed.known_at_basis = 'provider' and (landed.flag_mask & {{ flag('KNOWN_LATE') }}) <> 0
                then series.release_id
            when
                landed.known_at_basis = 'lag_rule'
                and extract(second from landed.known_at) = 59
                and (landed.flag_mask & {{ flag('KNOWN_LATE') }}) = 0
                then series.release_id
        end as dated_id
    from landed
    left join {{ ref('int_series') }} as series
        on landed.series_id = series.series_id
    left join crowded
        on
            landed.series_id = crowded.series_id
            and landed.period_start = crowded.period_start
            and landed.period_end = crowded.period_end
),

zones as (
    select distinct
        release_id,
        timezone
    from {{ ref('int_release__hour') }}
),

-- only equalities and comparisons of one side with the other: any other condition makes each row meet each hour
dated as (
    select
        described.*,
        case
            when described.dated_id is not null then {{ local_date('described.known_at', 'zones.timezone') }}
        end as local_day
    from described
    left join zones
        on described.dated_id = zones.release_id
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
    {{ cancelled_releases() }}
),

ruled as (
    select
        dated.*,
        hours.event_at is not null as is_sharpened,
        case
            when hours.event_at is not null then hours.event_at
            when dated.calendar_id is null then dated.known_at
            when dated.revision_policy = 'restated_history' and dated.value is not null then vintage.vintage_at
            when dated.value is null and cancelled.announced_at is not null then cancelled.announced_at
            else coalesce(own.published_at, any_component.published_at)
        end as ruled_at,
        case
            when dated.calendar_id is null or dated.value is null then 0
            when dated.revision_policy = 'restated_history' then coalesce(vintage.flag_mask, 0)
            else coalesce(own.flag_mask, any_component.flag_mask, 0)
        end as ruled_mask
    from dated
    left join {{ ref('int_release__publication') }} as own
        on
            dated.calendar_id = own.release_id
            and dated.component = own.component
            and dated.period_end = own.reference_end
    left join any_component
        on
            coalesce(dated.calendar_id, dated.dated_id) = any_component.release_id
            and dated.period_end = any_component.reference_end
    left join cancelled
        on
            dated.calendar_id = cancelled.release_id
            and dated.component = cancelled.component
            and dated.period_end = cancelled.reference_end
    left join {{ ref('int_release__vintage') }} as vintage
        on
            dated.calendar_id = vintage.release_id
            and dated.payload_sha256 = vintage.payload_sha256
    left join {{ ref('int_release__hour') }} as hours
        on
            dated.dated_id = hours.release_id
            and dated.local_day = hours.local_day
            -- who names the hour itself means another bound: the value may have been told by an earlier release
            and dated.known_at > hours.event_at
            -- a release of that day that came before the period's own has not dated it
            and coalesce(any_component.published_at, cast('0001-01-01' as timestamp)) <= hours.event_at
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
        is_crowded,
        release_id,
        known_at as landed_at,
        flag_mask - case
            when is_sharpened and fetched_at >= ruled_at then flag_mask & {{ flag('KNOWN_LATE') }} else 0
        end as landed_mask,
        -- that an instant is an upper bound says nothing of the value: the same value under a later bound is no news
        flag_mask - (flag_mask & {{ flag('KNOWN_LATE') }}) as said_mask,
        known_at_basis as landed_basis,
        case when ruled_at is null or fetched_at < ruled_at then fetched_at else ruled_at end as resolved_at,
        case
            when ruled_at is null or fetched_at < ruled_at then 'first_seen'
            when calendar_id is not null or is_sharpened then 'calendar'
            else known_at_basis
        end as resolved_basis,
        case when ruled_at is null or fetched_at < ruled_at then 0 else ruled_mask end as ruled_mask
    from ruled
),

ruled_series as (
    select distinct series_id
    from bounded
    where is_crowded and landed_basis = 'lag_rule'
),

-- what the provider's own history says, of series that a rule dates too
own_history as (
    select
        bounded.series_id,
        bounded.period_start,
        bounded.period_end,
        bounded.value,
        min(bounded.resolved_at) as stated_at,
        count(*) over (partition by bounded.series_id, bounded.period_start, bounded.period_end) as n_states
    from bounded
    inner join ruled_series
        on bounded.series_id = ruled_series.series_id
    where bounded.is_crowded and bounded.landed_basis = 'provider'
    group by bounded.series_id, bounded.period_start, bounded.period_end, bounded.value
),

dated_again as (
    select
        bounded.series_id,
        bounded.period_start,
        bounded.period_end,
        bounded.value,
        bounded.obs_status,
        bounded.footnotes,
        bounded.footnotes_text,
        bounded.fetched_at,
        bounded.payload_sha256,
        bounded.origin,
        bounded.is_crowded,
        bounded.release_id,
        bounded.landed_at,
        bounded.landed_mask,
        bounded.said_mask,
        bounded.landed_basis,
        bounded.ruled_mask,
        case
            when bounded.landed_basis = 'lag_rule' and own_history.stated_at > bounded.resolved_at
                then least(own_history.stated_at, bounded.fetched_at)
            else bounded.resolved_at
        end as resolved_at,
        case
            when bounded.landed_basis <> 'lag_rule' or not coalesce(own_history.stated_at > bounded.resolved_at, false)
                then bounded.resolved_basis
            when bounded.fetched_at < own_history.stated_at then 'first_seen'
            else 'provider'
        end as resolved_basis
    from bounded
    left join own_history
        on
            bounded.series_id = own_history.series_id
            and bounded.period_start = own_history.period_start
            and bounded.period_end = own_history.period_end
            and bounded.value = own_history.value
            and own_history.n_states > 1
    where bounded.is_crowded
),

tellings as (
    select
        *,
        obs_status in ('A', 'O') and landed_mask = 0 and footnotes_text = '' as is_plain,
        max(
            case when obs_status not in ('A', 'O') or landed_mask <> 0 or footnotes_text <> '' then payload_sha256 end
        ) over same_value as fuller_payload
    from dated_again
    window same_value as (partition by series_id, period_start, period_end, landed_at, value, landed_basis)
),

ordered as (
    select
        *,
        lag(resolved_at) over states as previous_at,
        lag(value) over states as previous_value,
        lag(obs_status) over states as previous_status,
        lag(said_mask) over states as previous_mask,
        lag(footnotes_text) over states as previous_footnotes
    from tellings
    where not (is_plain and landed_basis = 'provider' and coalesce(fuller_payload <> payload_sha256, false))
    window states as (
        partition by series_id, period_start, period_end
        order by resolved_at, fetched_at, landed_mask, payload_sha256, landed_at
    )
),

compared as (
    select
        *,
        coalesce(previous_at = resolved_at, false) as is_same_instant,
        (
            previous_at is null
            or value is distinct from previous_value
            or obs_status <> previous_status
            or said_mask <> previous_mask
            or footnotes_text <> previous_footnotes
        ) as is_change
    from ordered
),

-- periods of which two payloads say different things about one instant take the longer way below
disputed as (
    select distinct
        series_id,
        period_start,
        period_end
    from compared
    where is_change and is_same_instant
),

corrected as (
    select
        compared.*,
        case when compared.is_same_instant then compared.fetched_at else compared.resolved_at end as said_at
    from compared
    inner join disputed
        on
            compared.series_id = disputed.series_id
            and compared.period_start = disputed.period_start
            and compared.period_end = disputed.period_end
    where compared.is_change or not compared.is_same_instant
),

-- a correction is news only where it is of the newest state that was known by then; the last word at one instant stands
standing as (
    select
        *,
        max(resolved_at) over (
            partition by series_id, period_start, period_end
            order by said_at
        ) as newest_at,
        row_number() over (
            partition by series_id, period_start, period_end, said_at
            order by resolved_at desc, fetched_at desc, payload_sha256 desc, landed_at desc
        ) as recency
    from corrected
),

told as (
    select
        *,
        lag(said_at) over history as told_at,
        lag(value) over history as told_value,
        lag(obs_status) over history as told_status,
        lag(said_mask) over history as told_mask,
        lag(footnotes_text) over history as told_footnotes
    from standing
    where recency = 1 and resolved_at = newest_at
    window history as (partition by series_id, period_start, period_end order by said_at)
),

changed as (
    select
        series_id, period_start, period_end, value, resolved_at as known_at, resolved_basis as known_at_basis, obs_status,
        landed_mask | ruled_mask as flag_mask, footnotes, fetched_at, payload_sha256, origin, release_id, is_crowded
    from bounded
    where not is_crowded
    union all
    select
        compared.series_id, compared.period_start, compared.period_end, compared.value, compared.resolved_at as known_at,
        compared.resolved_basis as known_at_basis, compared.obs_status, compared.landed_mask | compared.ruled_mask as flag_mask,
        compared.footnotes, compared.fetched_at, compared.payload_sha256, compared.origin, compared.release_id,
        compared.is_crowded
    from compared
    left join disputed
        on
            compared.series_id = disputed.series_id
            and compared.period_start = disputed.period_start
            and compared.period_end = disputed.period_end
    where compared.is_change and disputed.series_id is null
    union all
    select
        series_id, period_start, period_end, value, said_at as known_at,
        case when is_same_instant then 'first_seen' else resolved_basis end as known_at_basis, obs_status,
        landed_mask | case when is_same_instant then 0 else ruled_mask end as flag_mask, footnotes, fetched_at,
        payload_sha256, origin, release_id, is_crowded
    from told
    where
        told_at is null
        or value is distinct from told_value
        or obs_status <> told_status
        or said_mask <> told_mask
        or footnotes_text <> told_footnotes
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
    release_id,
    is_crowded
from changed
where {{ known_by('known_at') }}
