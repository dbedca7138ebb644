-- Odds of a cut at the next meeting of the FOMC (signal P1), from settlements of 30-day federal funds futures in the user's
-- file (user.zq.<year>-<month>) by the method of the CME: the contract of the meeting's month is a mean of days at the rate
-- before, which is the newest effective rate known with the settlement, and days at the rate after. A decision is in force from
-- the day after it. A day has its row from the first meeting after it, in the contract of that month alone; others have none.
with settlements as (
    select
        cast(split_part(series_id, '.', 3) || '-01' as date) as contract_month,
        period_end as day,
        value as price,
        obs_status,
        known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', travelling('flag_mask')]) }} as row_digest,
        origin
    from {{ ref('int_observation__flagged') }}
    where series_id like 'user.zq.____-__'
),

meetings as (
    select
        reference_end as decided_on,
        min(announced_at) as known_at
    from {{ ref('int_release_event__declared') }}
    where
        release_id = 'fomc_statement'
        and event = 'scheduled'
    group by reference_end
),

meetings_ahead as (
    select
        settlements.*,
        meetings.decided_on,
        row_number() over (
            partition by settlements.contract_month, settlements.day, settlements.known_at
            order by meetings.decided_on
        ) as place
    from settlements
    inner join meetings
        on
            settlements.day < meetings.decided_on
            and settlements.known_at >= meetings.known_at
),

next_meetings as (
    select *
    from meetings_ahead
    where place = 1
),

rates as (
    select
        period_end as day,
        value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', travelling('flag_mask')]) }} as row_digest,
        origin
    from {{ ref('int_observation__flagged') }}
    where series_id = 'nyfed.EFFR'
),

joined as (
    select
        next_meetings.day,
        next_meetings.known_at,
        next_meetings.obs_status,
        round({{ rate_after(
            '(100 - next_meetings.price)',
            'rates.value',
            'day(last_day(next_meetings.decided_on))',
            'day(next_meetings.decided_on)'
        ) }}, 10) as rate_after,
        rates.value as rate_before,
        next_meetings.flag_mask | rates.flag_mask as flag_mask,
        {{ digest(['next_meetings.row_digest', 'rates.row_digest']) }} as inputs_digest,
        case when next_meetings.origin = rates.origin then rates.origin else 'mixed' end as origin,
        row_number() over (partition by next_meetings.day, next_meetings.known_at order by rates.day desc) as recency
    from next_meetings
    inner join rates
        on
            next_meetings.day >= rates.day
            and {{ days_between('rates.day', 'next_meetings.day') }} <= 10
            and next_meetings.known_at >= rates.known_at
            and (rates.next_known_at is null or rates.next_known_at > next_meetings.known_at)
    where
        next_meetings.contract_month = cast(date_trunc('month', next_meetings.decided_on) as date)
        and rates.value is not null
),

odds as (
    select
        *,
        {{ odds_of_a_cut('rate_before', 'rate_after') }} as p
    from joined
    where
        recency = 1
        -- a decision on the last day of its month is in force in the next one's contract
        and (rate_after is not null or obs_status <> 'A')
),

long as (
    select
        'rates.cut_odds' as signal_id,
        *,
        case when rate_after is not null then 100 * p end as value
    from odds
    union all
    select
        'rates.cut_odds_entropy' as signal_id,
        *,
        case
            when rate_after is null then null
            when p in (0, 1) then 0
            else -(p * ln(p) + (1 - p) * ln(1 - p))
        end as value
    from odds
)

select
    signal_id,
    day as period_start,
    day as period_end,
    value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(flag_mask as bigint) as flag_mask,
    cast(2 as int) as n_inputs,
    cast(case when value is null then 1 else 0 end as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from long
