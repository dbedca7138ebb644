-- The signals of the cross-asset panel in the common shape. They are of the panel that keyless sources give, so that they mean
-- the same in every build; panels with series of the user's own are in mart_cross_asset.
{%- set signals = [
    ('absorption_ratio', 'absorption_ratio', 501),
    ('absorption_shift', 'absorption_shift', 752),
    ('turbulence', 'turbulence', 254),
    ('mean_pairwise_corr_63d', 'mean_corr_63d', 64),
    ('effective_rank', 'effective_rank', 253),
] %}
with long as (
    {%- for name, column, rows in signals %}
    select
        'coupling.{{ name }}' as signal_id,
        day,
        {{ column }} as value,
        known_{{ rows }} as known_at,
        cast(
            mask_{{ rows }} | case when n_days is null then {{ flag('COMPONENT_MISSING') }} else 0 end
            as bigint
        ) as flag_mask,
        case when n_days is null then 0 else {{ rows }} * n_assets end as n_inputs,
        case when n_days is null then 1 else 0 end as n_missing,
        {{ digest_text('digest_' ~ rows) }} as inputs_hash,
        origin
    from {{ ref('int_cross_asset__daily') }}
    where
        panel = 'free'
        and (next_epoch_at is null or known_{{ rows }} < next_epoch_at)
        and ({{ column }} is not null or n_days is null)
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
    flag_mask,
    cast(n_inputs as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    inputs_hash,
    min(origin) as origin
from long
group by signal_id, day, value, known_at, flag_mask, n_inputs, n_missing, inputs_hash
