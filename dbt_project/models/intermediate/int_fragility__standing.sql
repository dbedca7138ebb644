-- What each indicator of the composite said at the end of each weekday: its newest period with a value as then known, until it
-- is older than the signal's normal age; then it is dropped, not decayed. The rank is that of its own row, taken on strictly
-- earlier history as known when the row became known, and turned so that more is more stress.
with listed as (
    select
        input.pillar,
        input.signal_id,
        signal.stress_dir,
        signal.stale_after_days
    from {{ ref('seed_fragility_input') }} as input
    inner join {{ ref('seed_signal') }} as signal
        on input.signal_id = signal.signal_id
),

states as (
    select
        listed.pillar,
        listed.signal_id,
        listed.stale_after_days,
        emitted.period_start,
        emitted.period_end,
        emitted.value,
        emitted.known_at,
        emitted.next_known_at,
        emitted.flag_mask,
        emitted.inputs_hash,
        emitted.origin,
        case when listed.stress_dir < 0 then 1 - standardised.rank_exp else standardised.rank_exp end as stress_rank,
        {{ digest(['listed.signal_id', 'emitted.period_start', 'emitted.known_at', 'emitted.inputs_hash']) }} as row_digest
    from {{ ref('int_signal__emitted') }} as emitted
    inner join listed
        on emitted.signal_id = listed.signal_id
    left join {{ ref('int_signal__standardised') }} as standardised
        on
            emitted.signal_id = standardised.signal_id
            and emitted.period_start = standardised.period_start
            and emitted.known_at = standardised.known_at
    where emitted.value is not null
),

steps as (
    select {{ integers(0, 401) }} as n_days
),

ages as (
    select
        age.n_days,
        states.*
    from states
    inner join steps as age
        on states.stale_after_days >= age.n_days
),

standing as (
    select
        day.day,
        day.cut_off,
        ages.*,
        row_number() over (
            partition by ages.signal_id, day.day
            order by ages.period_end desc, ages.known_at desc
        ) as place
    from ages
    inner join {{ ref('int_fragility__day') }} as day
        on
            {{ add_days('ages.period_end', 'ages.n_days') }} = day.day
            and ages.known_at <= day.cut_off
            and (ages.next_known_at is null or ages.next_known_at > day.cut_off)
)

select
    day,
    cut_off,
    pillar,
    signal_id,
    period_start,
    period_end,
    value,
    known_at,
    stress_rank,
    flag_mask,
    {{ confidence('flag_mask') }} as confidence,
    row_digest,
    origin
from standing
where place = 1
