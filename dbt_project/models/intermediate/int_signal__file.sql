-- Signals that are a series of the user's own (seed_role), as it stands: licensed, or without a free history. A series that is
-- not there has no row, and what is made of several such series says COMPONENT_MISSING. Whether the level of a signal may be
-- published is the licence's word, and mart_signal_long keeps it.
with states as (
    {{ preferred_states("(select * from " ~ ref('seed_role') ~ " where signal_id is not null)", ['signal_id']) }}
)

select
    states.signal_id,
    case seed_role.frequency
        when 'M' then cast(date_trunc('month', states.day) as date)
        when 'W' then {{ add_days('states.day', -6) }}
        else states.day
    end as period_start,
    states.day as period_end,
    round(states.value * seed_role.factor, 10) as value,
    states.known_at,
    case when states.value is null then 'O' else states.obs_status end as obs_status,
    cast(states.flag_mask as bigint) as flag_mask,
    cast(1 as int) as n_inputs,
    cast(case when states.value is null then 1 else 0 end as int) as n_missing,
    {{ digest_text('states.row_digest') }} as inputs_hash,
    states.origin
from states
inner join {{ ref('seed_role') }} as seed_role
    on states.series_id = seed_role.series_id
