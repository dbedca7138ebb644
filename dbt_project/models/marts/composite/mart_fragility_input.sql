-- What stood behind the composite of each weekday: every indicator that the seed lists, with the number it then had, or why it
-- had none.
with days as (
    select distinct
        day,
        cut_off
    from {{ ref('int_fragility__pillar') }}
),

first_told as (
    select
        signal_id,
        min(known_at) as known_at
    from {{ ref('int_signal__emitted') }}
    where value is not null
    group by signal_id
)

select
    input.pillar,
    input.signal_id,
    days.day as period_start,
    days.day as period_end,
    standing.period_start as input_period_start,
    standing.period_end as input_period_end,
    standing.known_at as input_known_at,
    published.value,
    standing.stress_rank as rank,
    case
        when standing.stress_rank is not null then 'used'
        when standing.signal_id is not null then 'short history'
        when first_told.known_at <= days.cut_off then 'stale'
        else 'missing'
    end as state,
    standing.confidence,
    coalesce(standing.origin, 'none') as origin,
    {{ mask_to_flags('coalesce(standing.flag_mask, 0)') }} as flags,
    days.cut_off as known_at
from days
cross join {{ ref('seed_fragility_input') }} as input
left join {{ ref('int_fragility__standing') }} as standing
    on days.day = standing.day and input.signal_id = standing.signal_id
-- a value that a licence withholds is withheld here too
left join {{ ref('mart_signal_long') }} as published
    on
        standing.signal_id = published.signal_id
        and standing.period_start = published.period_start
        and standing.known_at = published.known_at
left join first_told
    on input.signal_id = first_told.signal_id
