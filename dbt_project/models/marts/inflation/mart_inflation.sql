-- Consumer price inflation from index levels, headline and core, as it became known.
select
    emitted.signal_id,
    inflation.aggregate,
    inflation.adjustment,
    inflation.horizon_months,
    emitted.period_start,
    emitted.period_end,
    inflation.base_period,
    inflation.level,
    inflation.base_level,
    emitted.value,
    emitted.known_at,
    emitted.vintage_number,
    emitted.obs_status,
    {{ mask_to_flags('emitted.flag_mask') }} as flags,
    emitted.n_inputs,
    emitted.n_missing,
    emitted.inputs_hash,
    emitted.origin
from {{ ref('int_signal__emitted') }} as emitted
inner join {{ ref('int_signal__inflation') }} as inflation
    on
        emitted.signal_id = inflation.signal_id
        and emitted.period_start = inflation.period_start
        and emitted.known_at = inflation.known_at
