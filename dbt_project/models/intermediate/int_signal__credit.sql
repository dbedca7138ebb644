-- Signals of private credit in the common shape (signals C1 and C2), at each instant at which a filing about the quarter came.
-- A gap is in points of par and a share between 0 and 1.
{%- set signals = [
    ('mark_range_weighted', '100 * range_weighted'),
    ('share_gap_over_5', 'share_gap_over_5'),
    ('share_gap_over_10', 'share_gap_over_10'),
    ('share_gap_over_20', 'share_gap_over_20'),
    ('share_below_90', 'share_below_90'),
    ('share_below_80', 'share_below_80'),
    ('pik_share', 'pik_share'),
    ('nonaccrual_share', 'nonaccrual_share'),
    ('level3_share', 'level3_share'),
] %}
with long as (
    {%- for name, expression in signals %}
    select
        'credit.{{ name }}' as signal_id,
        period_start,
        period_end,
        {{ expression }} as value,
        known_at,
        flag_mask,
        n_funds_known as n_inputs,
        n_funds_expected - n_funds_known as n_missing,
        inputs_digest,
        origin
    from {{ ref('int_credit__quarter') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    signal_id,
    period_start,
    period_end,
    round(value, 12) as value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(flag_mask | case when value is null then {{ flag('COMPONENT_MISSING') }} else 0 end as bigint) as flag_mask,
    cast(n_inputs as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    {{ digest_text('coalesce(inputs_digest, 0)') }} as inputs_hash,
    origin
from long
