-- Money markets by day, as they became known: one row for each instant at which one of the day's numbers, or the rate on
-- reserves in force, changed. The rate in force is the newest one that had taken effect by that day, as known at the instant.
{%- set inputs = {
    'sofr': 'nyfed.SOFR', 'sofr_p1': 'nyfed.SOFR:p1', 'sofr_p25': 'nyfed.SOFR:p25', 'sofr_p75': 'nyfed.SOFR:p75',
    'sofr_p99': 'nyfed.SOFR:p99', 'sofr_volume': 'nyfed.SOFR:volume', 'tgcr': 'nyfed.TGCR', 'bgcr': 'nyfed.BGCR',
    'effr': 'nyfed.EFFR', 'obfr': 'nyfed.OBFR', 'srf_takeup': 'nyfed.SRF:accepted',
    'srf_treasury': 'nyfed.SRF:accepted:treasury', 'srf_agency': 'nyfed.SRF:accepted:agency',
    'srf_mbs': 'nyfed.SRF:accepted:mbs', 'on_rrp': 'nyfed.ON_RRP:accepted',
    'on_rrp_rate': 'nyfed.ON_RRP:offering_rate',
} %}
{#- what has to be known of together: the masks and digests of these groups travel into signals -#}
{%- set groups = {
    'sofr': ['sofr'], 'p99': ['sofr_p99'], 'dispersion': ['sofr_p1', 'sofr_p99'],
    'percentiles': ['sofr', 'sofr_p1', 'sofr_p25', 'sofr_p75', 'sofr_p99'], 'volume': ['sofr_volume'], 'tgcr': ['tgcr'],
    'effr': ['effr'], 'srf': ['srf_takeup'], 'on_rrp': ['on_rrp'], 'sofr_effr': ['sofr', 'effr'],
    'upper_half': ['sofr', 'sofr_p99'], 'sofr_on_rrp': ['sofr', 'on_rrp_rate'],
} %}
with states as (
    select
        series_id,
        period_start as day,
        value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', travelling('flag_mask')]) }} as row_digest,
        origin
    from {{ ref('int_observation__flagged') }}
    where series_id in ({% for id in inputs.values() %}'{{ id }}'{% if not loop.last %}, {% endif %}{% endfor %})
),

first_known as (
    select
        day,
        min(known_at) as known_at
    from states
    group by day
),

-- a decision that became known after the day, as a late or corrected one, changes the day's row too
instants as (
    select
        day,
        known_at
    from states
    union
    select
        first_known.day,
        iorb.known_at
    from first_known
    inner join {{ ref('int_funding__iorb') }} as iorb
        on
            first_known.day >= iorb.effective_from
            and first_known.known_at < iorb.known_at
),

steps as (
    select
        instants.day,
        instants.known_at,
        iorb.effective_from,
        iorb.rate,
        iorb.flag_mask,
        iorb.row_digest,
        iorb.origin,
        row_number() over newest as place,
        lead(iorb.rate) over newest as rate_before
    from instants
    inner join {{ ref('int_funding__iorb') }} as iorb
        on
            instants.day >= iorb.effective_from
            and instants.known_at >= iorb.known_at
            and (iorb.next_known_at is null or iorb.next_known_at > instants.known_at)
    window newest as (partition by instants.day, instants.known_at order by iorb.effective_from desc)
),

in_force as (
    select *
    from steps
    where place = 1
),

business_days as (
    select distinct reference_end as day
    from {{ ref('int_release_event__declared') }}
    where
        release_id = 'nyfed_secured_rates'
        and event = 'scheduled'
),

quarter_ends as (
    select max(day) as day
    from business_days
    group by date_trunc('quarter', day)
),

wide as (
    select
        instants.day,
        instants.known_at,
        {%- for column, id in inputs.items() %}
        max(case when states.series_id = '{{ id }}' then states.value end) as {{ column }},
        {%- endfor %}
        {%- for group, members in groups.items() %}
        {%- set ids %}{% for member in members %}'{{ inputs[member] }}'{% if not loop.last %}, {% endif %}{% endfor %}{% endset %}
        count(case when states.series_id in ({{ ids }}) then 1 end) as n_{{ group }},
        coalesce({{ mask_or("case when states.series_id in (" ~ ids ~ ") then states.flag_mask end") }}, 0) as mask_{{ group }},
        bit_xor(case when states.series_id in ({{ ids }}) then states.row_digest end) as digest_{{ group }},
        {%- endfor %}
        {{ mask_or('states.flag_mask') }} as mask_all,
        bit_xor(states.row_digest) as digest_all,
        case when count(distinct states.origin) = 1 then min(states.origin) else 'mixed' end as origin
    from instants
    inner join states
        on
            instants.day = states.day
            and instants.known_at >= states.known_at
            and (states.next_known_at is null or states.next_known_at > instants.known_at)
    group by instants.day, instants.known_at
)

select
    wide.*,
    in_force.rate as iorb,
    in_force.effective_from as iorb_effective_from,
    coalesce(in_force.flag_mask, 0) as mask_iorb,
    in_force.row_digest as digest_iorb,
    in_force.origin as origin_iorb,
    coalesce(in_force.effective_from = wide.day and in_force.rate <> in_force.rate_before, false) as is_policy_change_day,
    quarter_ends.day is not null as is_quarter_end,
    case
        when
            quarter_ends.day is not null
            or coalesce(in_force.effective_from = wide.day and in_force.rate <> in_force.rate_before, false)
            then {{ flag('CALENDAR_SHIFT') }}
        else 0
    end as mask_day,
    {%- set percentiles = ['wide.sofr_p1', 'wide.sofr_p25', 'wide.sofr', 'wide.sofr_p75', 'wide.sofr_p99'] %}
    {%- for which, column in [('low', 'repo_share_iorb_low'), ('point', 'repo_share_iorb'), ('high', 'repo_share_iorb_high')] %}
    {{ share_at_or_above('in_force.rate', percentiles, which) }} as {{ column }},
    {%- endfor %}
    {{ basis_points('wide.sofr', 'in_force.rate') }} as sofr_minus_iorb,
    {{ basis_points('wide.tgcr', 'in_force.rate') }} as tgcr_minus_iorb,
    {{ basis_points('wide.effr', 'in_force.rate') }} as effr_minus_iorb,
    {{ basis_points('wide.sofr', 'wide.effr') }} as sofr_minus_effr,
    {{ basis_points('wide.sofr_p99', 'in_force.rate') }} as sofr_p99_minus_iorb,
    {{ basis_points('wide.sofr_p99', 'wide.sofr') }} as sofr_p99_minus_median,
    {{ basis_points('wide.sofr', 'wide.on_rrp_rate') }} as sofr_minus_on_rrp,
    {{ basis_points('wide.sofr_p99', 'wide.sofr_p1') }} as sofr_dispersion,
    {{ basis_points('wide.sofr_p75', 'wide.sofr_p25') }} as sofr_interquartile
from wide
left join in_force
    on
        wide.day = in_force.day
        and wide.known_at = in_force.known_at
left join quarter_ends
    on wide.day = quarter_ends.day
