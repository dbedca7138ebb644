-- Every signal in the shape of an observation: what it says, when it became known, from how many inputs, and how far it can
-- be trusted. Quality lowers confidence and never the value. A signal that is itself a series whose values may not be
-- republished shows where it stands in its history, and not its level (docs/decisions/0086).
{%- set halves = [
    ('int_signal__emitted', 'int_signal__standardised'),
    ('int_fragility__signal', 'int_fragility__standardised'),
] %}
with withheld as (
    select distinct roles.signal_id
    from {{ ref('seed_role') }} as roles
    inner join {{ ref('int_series') }} as series
        on roles.series_id = series.series_id
    where
        roles.signal_id is not null
        and series.is_withheld
),

emitted as (
    {%- for rows, standing in halves %}
    select
        emitted.signal_id,
        emitted.period_start,
        emitted.period_end,
        emitted.value,
        emitted.known_at,
        emitted.vintage_number,
        emitted.obs_status,
        emitted.flag_mask,
        emitted.n_inputs,
        emitted.n_missing,
        {%- if rows == 'int_fragility__signal' %}
        emitted.confidence,
        {%- else %}
        cast(null as double) as confidence,
        {%- endif %}
        emitted.inputs_hash,
        emitted.origin,
        standardised.z_exp,
        standardised.rank_exp,
        standardised.has_history
    from {{ ref(rows) }} as emitted
    left join {{ ref(standing) }} as standardised
        on
            emitted.signal_id = standardised.signal_id
            and emitted.period_start = standardised.period_start
            and emitted.known_at = standardised.known_at
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

masked as (
    select
        *,
        cast(
            flag_mask
            | case when coalesce(has_history, false) or value is null then 0 else {{ flag('SHORT_HISTORY') }} end
            as bigint
        ) as full_mask
    from emitted
),

mask_sets as (
    select
        full_mask,
        {{ mask_to_flags('full_mask') }} as flags,
        {{ confidence('full_mask') }} as confidence
    from (
        select distinct full_mask
        from masked
    ) as masks
)

select
    masked.signal_id,
    masked.period_start,
    masked.period_end,
    case when withheld.signal_id is null then masked.value end as value,
    seed_signal.unit,
    seed_signal.stress_dir,
    masked.z_exp,
    masked.rank_exp,
    masked.known_at,
    masked.vintage_number,
    case when withheld.signal_id is not null and masked.value is not null then 'Q' else masked.obs_status end as obs_status,
    mask_sets.flags,
    masked.n_inputs,
    masked.n_missing,
    -- the composite and its pillars tell their own, out of their inputs'
    case
        when masked.value is null then cast(0 as double) else coalesce(masked.confidence, mask_sets.confidence)
    end as confidence,
    masked.inputs_hash,
    seed_signal.method_version,
    masked.origin
from masked
inner join mask_sets
    on masked.full_mask = mask_sets.full_mask
inner join {{ ref('seed_signal') }} as seed_signal
    on masked.signal_id = seed_signal.signal_id
left join withheld
    on masked.signal_id = withheld.signal_id
