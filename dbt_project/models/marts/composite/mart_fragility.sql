-- The composite by weekday, with its pillars and what each contributes. Quality is told beside the value and never changes it.
{%- set pillars = ['funding', 'rates', 'dollar', 'credit', 'coupling', 'macro'] %}
select
    day as period_start,
    day as period_end,
    composite_ciss,
    composite_ciss_sqrt,
    composite_mean,
    coverage,
    {%- for pillar in pillars %}
    pillar_{{ pillar }},
    {%- endfor %}
    {%- for pillar in pillars %}
    contribution_{{ pillar }},
    {%- endfor %}
    n_pillars,
    cast(n_days as int) as n_days,
    n_inputs,
    n_missing,
    n_synthetic,
    confidence,
    {{ mask_to_flags('row_mask') }} as flags,
    case when composite_mean is null then 'O' else 'A' end as obs_status,
    inputs_hash,
    '1' as method_version,
    origin,
    cut_off as known_at
from {{ ref('int_fragility__total') }}
