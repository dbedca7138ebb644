-- All signals in one shape; a row stands only where value, status or flags differ from what was known just before.
with candidates as (
    {%- for domain in [
        'inflation', 'fx', 'labour', 'quality', 'funding', 'rates', 'liquidity', 'basis', 'fiscal', 'trade',
        'crossborder', 'coupling', 'credit', 'file', 'inflation_acceleration',
        'market', 'cash', 'odds', 'concentration'
    ] %}
    select
        signal_id, period_start, period_end, cast(value as double) as value, known_at, obs_status, flag_mask, n_inputs,
        n_missing, inputs_hash, origin
    from {{ ref('int_signal__' ~ domain) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

compared as (
    select
        *,
        lag(known_at) over history as previous_at,
        lag(value) over history as previous_value,
        lag(obs_status) over history as previous_status,
        lag(flag_mask) over history as previous_mask
    from candidates
    window history as (partition by signal_id, period_start order by known_at)
),

emitted as (
    select
        signal_id, period_start, period_end, value, known_at, obs_status, flag_mask, n_inputs, n_missing, inputs_hash, origin
    from compared
    where
        previous_at is null
        or value is distinct from previous_value
        or obs_status <> previous_status
        or flag_mask <> previous_mask
),

numbered as (
    select
        *,
        lead(known_at) over history as next_known_at,
        row_number() over history as vintage_number,
        {{ first_known("value") }} over (
            partition by signal_id, period_start
            order by known_at
            rows between unbounded preceding and current row
        ) as first_print
    from emitted
    window history as (partition by signal_id, period_start order by known_at)
)

select
    signal_id,
    period_start,
    period_end,
    value,
    known_at,
    next_known_at,
    cast(vintage_number as int) as vintage_number,
    obs_status,
    cast(
        flag_mask
        | case when value is not null and value is distinct from first_print then {{ flag('REVISED') }} else 0 end
        | case when origin = 'synthetic' then {{ flag('SYNTHETIC') }} else 0 end
        as bigint
    ) as flag_mask,
    n_inputs,
    n_missing,
    inputs_hash,
    origin
from numbered
