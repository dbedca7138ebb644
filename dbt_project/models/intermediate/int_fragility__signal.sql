-- The composite and its pillars in the shape of emitted signals: written once, at the cut-off of their day. A pillar has no row
-- before its first value.
with long as (
    {%- for name, column in [('fragility_ciss', 'composite_ciss'), ('fragility_mean', 'composite_mean')] %}
    select
        'composite.{{ name }}' as signal_id,
        day as period_start,
        day as period_end,
        {{ column }} as value,
        cut_off as known_at,
        row_mask as flag_mask,
        n_inputs,
        n_missing,
        confidence,
        inputs_hash,
        origin
    from {{ ref('int_fragility__total') }}
    union all
    {%- endfor %}
    select
        concat('composite.pillar_', pillar) as signal_id,
        day as period_start,
        day as period_end,
        score as value,
        cut_off as known_at,
        flag_mask,
        n_used as n_inputs,
        n_listed - n_used as n_missing,
        round(confidence, 6) as confidence,
        coalesce({{ digest_text('row_digest') }}, '0000000000000000') as inputs_hash,
        origin
    from {{ ref('int_fragility__pillar') }}
),

begun as (
    select
        signal_id,
        min(period_start) as first_day
    from long
    where value is not null
    group by signal_id
)

select
    long.signal_id,
    long.period_start,
    long.period_end,
    cast(long.value as double) as value,
    long.known_at,
    cast(null as timestamp) as next_known_at,
    1 as vintage_number,
    case when long.value is null then 'O' else 'A' end as obs_status,
    cast(long.flag_mask as bigint) as flag_mask,
    cast(long.n_inputs as int) as n_inputs,
    cast(long.n_missing as int) as n_missing,
    case when long.value is null then cast(0 as double) else long.confidence end as confidence,
    long.inputs_hash,
    long.origin
from long
inner join begun
    on long.signal_id = begun.signal_id and long.period_start >= begun.first_day
