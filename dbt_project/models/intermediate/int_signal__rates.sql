-- The rates signals in the common shape: of single tenors of the Treasury's and of Japan's curve, and of each curve as a whole.
-- The proxy of implied volatility has a row without a value where a tenor is missing, so that its absence is told and not left
-- open.
{%- set of_tenors = [
    ('ust_30y_3d_change', 'UST', '30y', 'change_3', 4),
    ('ust_30y_3d_z', 'UST', '30y', 'z_3', 256),
    ('ust_10y_3d_z', 'UST', '10y', 'z_3', 256),
    ('ust_30y_3d_z_abs', 'UST', '30y', 'abs(z_3)', 256),
    ('ust_10y_3d_z_abs', 'UST', '10y', 'abs(z_3)', 256),
    ('ust_2y_21d_change', 'UST', '2y', 'change_21', 22),
    ('ust_10y_rv21', 'UST', '10y', 'realised_vol_21', 22),
    ('jgb_30y_3d_change', 'JGB', '30y', 'change_3', 4),
    ('jgb_10y_3d_z', 'JGB', '10y', 'z_3', 256),
    ('jgb_30y_3d_z', 'JGB', '30y', 'z_3', 256),
    ('jgb_40y_3d_z', 'JGB', '40y', 'z_3', 256),
    ('jgb_10y_rv21', 'JGB', '10y', 'realised_vol_21', 22),
    ('jgb_40y_level', 'JGB', '40y', 'value', 1),
] %}
{%- set of_curves = [
    ('curve_regime_5d', 'UST', 'regime_code_5'),
    ('bear_steepening_score', 'UST', 'bear_steepening_5'),
    ('jgb_curve_regime_5d', 'JGB', 'regime_code_5'),
    ('jgb_bear_steepening_score', 'JGB', 'bear_steepening_5'),
] %}
with long as (
    {%- for name, curve, tenor, column, window in of_tenors %}
    select
        'rates.{{ name }}' as signal_id,
        day,
        {{ column }} as value,
        known_at,
        mask_{{ window }}{% if name == 'ust_2y_21d_change' %} | {{ flag('PROXY') }}{% endif %} as flag_mask,
        {{ window }} as n_inputs,
        0 as n_missing,
        {{ digest_text('digest_' ~ window) }} as inputs_hash,
        origin
    from {{ ref('int_curve__change') }}
    where
        curve = '{{ curve }}'
        and tenor = '{{ tenor }}'
        and (
            {{ column }} is not null
            -- a hole in the market's calendar, and not the beginning of the series
            or ((mask_{{ window }} & {{ flag('WINDOW_SPANS_GAP') }}) <> 0 and observation_number >= {{ window }})
        )
    union all
    {%- endfor %}
    select
        'rates.move_proxy' as signal_id,
        day,
        move_proxy as value,
        known_at,
        mask_proxy | {{ flag('PROXY') }}
        | case when n_proxy_tenors < 4 then {{ flag('COMPONENT_MISSING') }} else 0 end as flag_mask,
        22 * n_proxy_tenors as n_inputs,
        4 - n_proxy_tenors as n_missing,
        {{ digest_text('digest_proxy') }} as inputs_hash,
        origin
    from {{ ref('int_curve__daily') }}
    where curve = 'UST' and n_proxy_tenors > 0 and longest_history >= 22
    {%- for name, curve, column in of_curves %}
    union all
    select
        'rates.{{ name }}' as signal_id,
        day,
        {{ column }} as value,
        known_at,
        mask_regime_5 as flag_mask,
        12 as n_inputs,
        0 as n_missing,
        {{ digest_text('digest_regime_5') }} as inputs_hash,
        origin
    from {{ ref('int_curve__daily') }}
    where curve = '{{ curve }}' and regime_5 is not null
    {%- endfor %}
)

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
    origin
from long
