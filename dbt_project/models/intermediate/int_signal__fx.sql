-- The dollar and currency signals in the common shape. Of what a day lacked from the beginning there is no row; of what was
-- taken back there is one without a value.
{%- set of_currencies = [
    ('usd_majors_index', 'usd_majors_index', 'known_at', 'flag_mask', 'day_digest', 6),
    ('realised_vol_21d', 'realised_vol_21d', 'known_22d', 'mask_22d', 'digest_22d', 132),
    ('aud_jpy_realised_vol_21d', 'rv_aud_jpy_21d', 'known_22d', 'mask_22d', 'digest_22d', 44),
    ('absorption_ratio_g10', 'absorption_ratio_g10', 'known_501d', 'mask_501d', 'digest_501d', 4509),
    ('mean_pairwise_corr_g10_63d', 'mean_pairwise_corr_g10_63d', 'known_64d', 'mask_64d', 'digest_64d', 576),
] %}
{#- signal, model, column, suffix of its window's columns, inputs, a column that a day taken back lacks, own flag -#}
{%- set of_the_dollar = [
    ('usd_broad_index', 'int_fx__broad', 'usd_broad', '_1', 1, 'usd_broad', none),
    ('usd_equity_corr_21d', 'int_fx__equity', 'corr_21', '_22', 44, 'n_days', none),
    ('usd_equity_corr_63d', 'int_fx__equity', 'corr_63', '_64', 128, 'n_days', none),
    ('usd_equity_corr_126d', 'int_fx__equity', 'corr_126', '_127', 254, 'n_days', none),
    ('usd_equity_corr_252d', 'int_fx__equity', 'corr_252', '_253', 506, 'n_days', none),
    ('joint_down_21d', 'int_fx__equity', 'joint_down_21', '_22', 44, 'n_days', none),
    ('joint_down_excess_63d', 'int_fx__equity', 'joint_down_excess', '_316', 632, 'n_days', none),
    ('unwind_score_21d', 'int_fx__unwind', 'unwind_score', '_274', 822, 'n_days', none),
    ('equity_unhedged_minus_local_eur_ytd', 'int_fx__foreign', 'unhedged_eur_ytd - local_ytd', '', 4, 'local_ytd', none),
    ('equity_unhedged_minus_local_jpy_ytd', 'int_fx__foreign', 'unhedged_jpy_ytd - local_ytd', '', 6, 'local_ytd', none),
    ('spx_unhedged_eur_ytd', 'int_fx__foreign', 'unhedged_eur_ytd', '', 4, 'local_ytd', none),
    ('spx_unhedged_jpy_ytd', 'int_fx__foreign', 'unhedged_jpy_ytd', '', 6, 'local_ytd', none),
    ('usd_real_rate_beta_126d', 'int_fx__real_rate', 'beta', '_127', 508, 'real_rate', 'PROXY'),
    ('usd_real_rate_r2_126d', 'int_fx__real_rate', 'r_squared', '_127', 508, 'real_rate', 'PROXY'),
    ('usd_real_rate_residual_z', 'int_fx__real_rate', 'residual_z', '_127', 508, 'real_rate', 'PROXY'),
] %}
with long as (
    {%- for name, column, known_at, mask, digest, n_inputs in of_currencies %}
    select
        'fx.{{ name }}' as signal_id,
        day,
        {{ column }} as value,
        {{ known_at }} as known_at,
        {{ mask }} as flag_mask,
        {{ n_inputs }} as n_inputs,
        0 as n_missing,
        {{ digest_text(digest) }} as inputs_hash,
        origin,
        next_epoch_at
    from {{ ref('int_fx__daily') }}
    where {{ column }} is not null
    union all
    {%- endfor %}
    {%- for name, model, column, window, n_inputs, present, own_flag in of_the_dollar %}
    select
        'fx.{{ name }}' as signal_id,
        day,
        {{ column }} as value,
        known{{ window if window else '_at' }} as known_at,
        {%- set mask = 'mask' ~ window if window else 'flag_mask' %}
        {{ mask }}{% if own_flag %} | {{ flag(own_flag) }}{% endif %}
        | case when {{ present }} is null then {{ flag('COMPONENT_MISSING') }} else 0 end as flag_mask,
        case when {{ present }} is null then 0 else {{ n_inputs }} end as n_inputs,
        case when {{ present }} is null then 1 else 0 end as n_missing,
        {{ digest_text('digest' ~ window if window else 'day_digest') }} as inputs_hash,
        origin,
        next_epoch_at
    from {{ ref(model) }}
    where {{ column }} is not null or {{ present }} is null
    union all
    {%- endfor %}
    select
        'fx.usd_devaluation_vol' as signal_id,
        day,
        devaluation_vol as value,
        known_at,
        flag_mask,
        n_volatilities + 1 as n_inputs,
        5 - n_volatilities as n_missing,
        {{ digest_text('row_digest') }} as inputs_hash,
        origin,
        cast(null as timestamp) as next_epoch_at
    from {{ ref('int_fx__devaluation') }}
    where devaluation_vol is not null
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
