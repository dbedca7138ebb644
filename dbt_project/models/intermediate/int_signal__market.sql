-- Signals of daily market series on their common days, in the common shape. Of what a day lacked from the beginning there is no
-- row; of what was taken back there is one without a value.
{#- signal, model, column, observations of its window, series, own flag, condition -#}
{%- set signals = [
    ('rates.breakeven_5y_21d_change', 'int_curve__breakeven', 'change_21', 22, 2, 'breakeven', none),
    ('fx.usd_equity_corr_ewma', 'int_fx__tail', 'corr_ewma', 253, 2, 'day_number', none),
    ('fx.usd_equity_tail_beta', 'int_fx__tail', 'tail_beta', 253, 2, 'day_number', none),
    ('equity.drawdown_252d', 'int_equity__daily', 'drawdown', 252, 1, 'day_number', none),
    ('equity.distance_from_mean_100d', 'int_equity__daily', 'distance', 100, 1, 'day_number', none),
    ('equity.gold_beta_63d', 'int_equity__beta', 'beta', 64, 2, 'day_number', 'gold'),
    ('equity.gold_corr_63d', 'int_equity__beta', 'corr', 64, 2, 'day_number', 'gold'),
    ('equity.bitcoin_beta_63d', 'int_equity__beta', 'beta', 64, 2, 'day_number', 'btc'),
    ('equity.bitcoin_corr_63d', 'int_equity__beta', 'corr', 64, 2, 'day_number', 'btc'),
    ('credit.equity_divergence', 'int_equity__credit', 'divergence', 504, 2, 'day_number', none),
] %}
with long as (
    {%- for name, model, column, rows, n_series, present, asset in signals %}
    select
        '{{ name }}' as signal_id,
        day,
        {{ column }} as value,
        known_{{ rows }} as known_at,
        mask_{{ rows }} | case when {{ present }} is null then {{ flag('COMPONENT_MISSING') }} else 0 end as flag_mask,
        case when {{ present }} is null then 0 else {{ rows * n_series }} end as n_inputs,
        case when {{ present }} is null then 1 else 0 end as n_missing,
        {{ digest_text('digest_' ~ rows) }} as inputs_hash,
        origin,
        next_epoch_at
    from {{ ref(model) }}
    where
        ({{ column }} is not null or {{ present }} is null)
        {%- if asset %}
        and asset = '{{ asset }}'
        {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- a day that an epoch did not change comes out the same from the next one: keep it once
select
    signal_id,
    day as period_start,
    day as period_end,
    cast(value as double) as value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(flag_mask as bigint) as flag_mask,
    cast(n_inputs as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    inputs_hash,
    min(origin) as origin
from long
where next_epoch_at is null or known_at < next_epoch_at
group by signal_id, day, value, known_at, flag_mask, n_inputs, n_missing, inputs_hash
