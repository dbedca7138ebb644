-- What each measure of a claim said on the last day on which its essay can have been written, and at each later instant at
-- which one of its numbers was told anew. A measure without a period takes the newest one that was known when the essay was
-- written.
with measures as (
    select
        measures.*,
        essays.as_of
    from {{ ref('seed_claim_measure') }} as measures
    inner join {{ ref('seed_claim') }} as claims on measures.claim_id = claims.claim_id
    inner join {{ ref('seed_essay') }} as essays on claims.essay = essays.essay
    where {{ known_by('essays.as_of') }}
),

history as (
    select
        measures.claim_id,
        measures.measure,
        measures.as_of,
        measures.period_end as asked_end,
        measures.base_end,
        measures.lag_periods,
        measures.statistic,
        told.period_end,
        told.value,
        told.known_at,
        told.flag_mask
    from measures
    inner join {{ ref('int_claim__history') }} as told
        on
            measures.subject_kind = told.subject_kind
            and measures.subject = told.subject
),

-- the period that the claim is about
targets as (
    select
        claim_id,
        measure,
        coalesce(asked_end, max(case when known_at <= as_of and value is not null then period_end end)) as period_end
    from history
    group by claim_id, measure, asked_end
),

instants as (
    select
        claim_id,
        measure,
        as_of as known_at
    from measures
    union
    select
        history.claim_id,
        history.measure,
        history.known_at
    from history
    inner join targets
        on
            history.claim_id = targets.claim_id
            and history.measure = targets.measure
            and (history.period_end = targets.period_end or history.period_end = history.base_end)
    where history.known_at > history.as_of
),

known as (
    select
        instants.claim_id,
        instants.measure,
        instants.known_at,
        history.period_end,
        history.value,
        history.known_at as value_known_at,
        history.flag_mask,
        history.base_end,
        history.lag_periods,
        history.statistic,
        targets.period_end as target_end,
        row_number() over (
            partition by instants.claim_id, instants.measure, instants.known_at, history.period_end
            order by history.known_at desc
        ) as recency
    from instants
    inner join targets
        on
            instants.claim_id = targets.claim_id
            and instants.measure = targets.measure
    inner join history
        on
            instants.claim_id = history.claim_id
            and instants.measure = history.measure
            and history.known_at <= instants.known_at
            and history.period_end <= targets.period_end
),

numbered as (
    select
        *,
        row_number() over (partition by claim_id, measure, known_at order by period_end) as place
    from known
    where recency = 1 and value is not null
),

-- a level, its change over some periods, or its change since a day
measured as (
    select
        here.claim_id,
        here.measure,
        here.known_at,
        here.period_end,
        here.target_end,
        here.statistic,
        here.flag_mask,
        greatest(
            here.value_known_at,
            coalesce(base.value_known_at, earlier.value_known_at, here.value_known_at)
        ) as value_known_at,
        case
            when here.lag_periods > 0 then here.value - earlier.value
            when here.base_end is not null then here.value - base.value
            else here.value
        end as x
    from numbered as here
    left join numbered as earlier
        on
            here.claim_id = earlier.claim_id
            and here.measure = earlier.measure
            and here.known_at = earlier.known_at
            and here.place - here.lag_periods = earlier.place
    left join numbered as base
        on
            here.claim_id = base.claim_id
            and here.measure = base.measure
            and here.known_at = base.known_at
            and here.base_end = base.period_end
),

placed as (
    select
        target.claim_id,
        target.measure,
        target.known_at,
        target.period_end,
        target.statistic,
        target.flag_mask,
        target.value_known_at,
        target.x,
        count(others.x) as n_before,
        sum(case when others.x < target.x then 1 else 0 end) as n_below,
        min(others.period_end) as first_end,
        max(case when others.x >= target.x then others.period_end end) as last_as_high,
        max(case when others.x <= target.x then others.period_end end) as last_as_low,
        max(others.period_end) as end_before
    from measured as target
    left join measured as others
        on
            target.claim_id = others.claim_id
            and target.measure = others.measure
            and target.known_at = others.known_at
            and others.period_end < target.period_end
            and others.x is not null
    where target.period_end = target.target_end and target.x is not null
    group by
        target.claim_id, target.measure, target.known_at, target.period_end, target.statistic, target.flag_mask,
        target.value_known_at, target.x
),

of_numbers as (
    select
        placed.claim_id,
        placed.measure,
        placed.known_at,
        placed.period_end,
        placed.value_known_at,
        placed.flag_mask,
        before.x as value_before,
        case placed.statistic
            when 'value' then placed.x
            when 'share_below' then placed.n_below / nullif(cast(placed.n_before as double), 0)
            when 'years_since_higher'
                then {{ days_between('coalesce(placed.last_as_high, placed.first_end)', 'placed.period_end') }} / 365.25e0
            when 'years_since_lower'
                then {{ days_between('coalesce(placed.last_as_low, placed.first_end)', 'placed.period_end') }} / 365.25e0
        end as value
    from placed
    left join measured as before
        on
            placed.claim_id = before.claim_id
            and placed.measure = before.measure
            and placed.known_at = before.known_at
            and placed.end_before = before.period_end
),

-- releases: what the calendar said of one
calendar as (
    select
        measures.claim_id,
        measures.measure,
        measures.as_of,
        measures.statistic,
        measures.base_end,
        events.reference_end,
        events.status,
        events.flag_mask,
        events.known_at as told_at,
        coalesce(events.actual_at, events.scheduled_at) as comes_at,
        events.actual_at is not null as has_come
    from measures
    inner join {{ ref('int_release__state') }} as events
        on
            measures.subject_kind = 'release'
            and events.component = 'all'
            and measures.subject = events.release_id || '/' || events.reference_period
),

calendar_instants as (
    select distinct
        claim_id,
        measure,
        as_of as known_at
    from calendar
    union
    select
        claim_id,
        measure,
        told_at as known_at
    from calendar
    where told_at > as_of
),

calendar_known as (
    select
        instants.claim_id,
        instants.measure,
        instants.known_at,
        calendar.statistic,
        calendar.base_end,
        calendar.reference_end,
        calendar.flag_mask,
        calendar.told_at,
        calendar.comes_at,
        calendar.has_come,
        max(case when calendar.status = 'cancelled' then 1 else 0 end) over states as was_cancelled,
        row_number() over (partition by instants.claim_id, instants.measure, instants.known_at order by calendar.told_at desc)
            as recency
    from calendar_instants as instants
    inner join calendar
        on
            instants.claim_id = calendar.claim_id
            and instants.measure = calendar.measure
            and calendar.told_at <= instants.known_at
    window states as (partition by instants.claim_id, instants.measure, instants.known_at)
),

of_releases as (
    select
        claim_id,
        measure,
        known_at,
        reference_end as period_end,
        told_at as value_known_at,
        flag_mask,
        cast(null as double) as value_before,
        cast(
            case statistic
                when 'days_after' then {{ days_between('base_end', local_date('comes_at', "'America/New_York'")) }}
                when 'is_cancelled' then was_cancelled
                when 'has_date' then case when has_come or comes_at > known_at then 1 else 0 end
            end as double
        ) as value
    from calendar_known
    where recency = 1
),

told as (
    select * from of_numbers
    union all
    select * from of_releases
),

-- where nothing was known yet there is a row that says so
asked as (
    select * from instants
    union
    select * from calendar_instants
)

select
    measures.claim_id,
    measures.measure,
    asked.known_at,
    asked.known_at = measures.as_of as is_as_written,
    told.period_end,
    told.value_known_at,
    told.flag_mask,
    told.value,
    case
        when told.value is null then 'no_data'
        when told.value >= coalesce(measures.low, told.value) and told.value <= coalesce(measures.high, told.value)
            then case when measures.meaning is null then 'holds' else 'not_what_it_seems' end
        when
            measures.statistic = 'value'
            and measures.period_end is null
            and told.value_before >= coalesce(measures.low, told.value_before)
            and told.value_before <= coalesce(measures.high, told.value_before)
            then 'stale'
        else 'fails'
    end as verdict
from measures
inner join asked
    on
        measures.claim_id = asked.claim_id
        and measures.measure = asked.measure
left join told
    on
        asked.claim_id = told.claim_id
        and asked.measure = told.measure
        and asked.known_at = told.known_at
