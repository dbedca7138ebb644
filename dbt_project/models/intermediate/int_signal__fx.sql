-- The dollar and currency signals in the common shape.
{%- set signals = [
    ('usd_majors_index', 'usd_majors_index', 'known_at', 'flag_mask', 'day_digest', 6),
    ('realised_vol_21d', 'realised_vol_21d', 'known_22d', 'mask_22d', 'digest_22d', 132),
    ('absorption_ratio_g10', 'absorption_ratio_g10', 'known_501d', 'mask_501d', 'digest_501d', 4509),
    ('mean_pairwise_corr_g10_63d', 'mean_pairwise_corr_g10_63d', 'known_64d', 'mask_64d', 'digest_64d', 576),
] %}
with long as (
    {%- for name, column, known_at, mask, digest, n_inputs in signals %}
    select
        'fx.{{ name }}' as signal_id,
        day as period_start,
        day as period_end,
        {{ column }} as value,
        {{ known_at }} as known_at,
        'A' as obs_status,
        {{ mask }} as flag_mask,
        cast({{ n_inputs }} as int) as n_inputs,
        cast(0 as int) as n_missing,
        {{ digest_text(digest) }} as inputs_hash,
        origin,
        epoch_at,
        next_epoch_at
    from {{ ref('int_fx__daily') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

-- a day that an epoch did not change comes out the same from the next one: keep it once
select
    signal_id,
    period_start,
    period_end,
    value,
    known_at,
    obs_status,
    flag_mask,
    n_inputs,
    n_missing,
    inputs_hash,
    min(origin) as origin
from long
where
    value is not null
    and (next_epoch_at is null or known_at < next_epoch_at)
group by
    signal_id, period_start, period_end, value, known_at, obs_status, flag_mask, n_inputs, n_missing, inputs_hash
