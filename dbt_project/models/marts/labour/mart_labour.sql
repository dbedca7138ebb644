-- The labour market by month, as it became known: one row for each instant at which one of its signals changed.
{%- set signals = [
    ('nfp_change', 'payrolls_change'), ('nfp_3mma', 'payrolls_3mma'), ('nfp_revision_sum', 'payroll_revision_sum'),
    ('negative_prints_4m', 'negative_prints_4m'), ('u3', 'unemployment_rate'), ('u3_unrounded', 'unemployment_unrounded'),
    ('sahm_strict', 'sahm_strict'), ('sahm_interp', 'sahm_interpolated'),
] %}
with signals as (
    select
        signal_id,
        period_start,
        period_end,
        value,
        known_at,
        next_known_at,
        obs_status,
        flag_mask,
        origin
    from {{ ref('int_signal__emitted') }}
    where signal_id like 'labour.%'
),

instants as (
    select distinct
        period_start,
        period_end,
        known_at
    from signals
)

select
    instants.period_start,
    instants.period_end,
    instants.known_at,
    {%- for column, name in signals %}
    max(case when signals.signal_id = 'labour.{{ name }}' then signals.value end) as {{ column }},
    {%- endfor %}
    max(case when signals.signal_id = 'labour.payrolls_change' then signals.obs_status end) as nfp_obs_status,
    max(case when signals.signal_id = 'labour.unemployment_rate' then signals.obs_status end) as u3_obs_status,
    {{ mask_to_flags(mask_or('signals.flag_mask')) }} as flags,
    case when count(distinct signals.origin) = 1 then min(signals.origin) else 'mixed' end as origin
from instants
inner join signals
    on
        instants.period_start = signals.period_start
        and instants.known_at >= signals.known_at
        and (signals.next_known_at is null or signals.next_known_at > instants.known_at)
group by instants.period_start, instants.period_end, instants.known_at
