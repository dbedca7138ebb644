-- How ample reserves are, by the measures of seed_ampleness_spoke: one row a measure, period and instant at which its point or
-- one of its bounds changed. A measure that nothing tells has no rows: the macro `reserve_ampleness` says so of it.
with members as (
    {%- for part, column in [('point', 'signal_id'), ('low', 'low_signal_id'), ('high', 'high_signal_id')] %}
    select
        spoke,
        '{{ part }}' as part,
        {{ column }} as signal_id
    from {{ ref('seed_ampleness_spoke') }}
    where {{ column }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

states as (
    select
        members.spoke,
        members.part,
        signals.period_start,
        signals.period_end,
        signals.value,
        signals.unit,
        signals.stress_dir,
        signals.rank_exp,
        signals.known_at,
        lead(signals.known_at) over (
            partition by signals.signal_id, signals.period_start
            order by signals.known_at
        ) as next_known_at,
        signals.obs_status,
        signals.flags,
        signals.confidence,
        signals.origin
    from {{ ref('mart_signal_long') }} as signals
    inner join members
        on signals.signal_id = members.signal_id
),

instants as (
    select distinct
        spoke,
        period_start,
        known_at
    from states
)

select
    instants.spoke,
    point.period_start,
    point.period_end,
    point.value,
    low.value as low,
    high.value as high,
    point.unit,
    {%- for name, value in [('outward', 'point.value'), ('outward_low', 'low.value'), ('outward_high', 'high.value')] %}
    case
        when spokes.scale_high is not null and {{ value }} is not null -- least() passes over what is null
            then greatest(
                    cast(0 as double),
                    least(cast(1 as double), ({{ value }} - spokes.scale_low) / (spokes.scale_high - spokes.scale_low))
                )
        {%- if name == 'outward' %}
        when point.stress_dir > 0 then point.rank_exp
        else 1.0 - point.rank_exp
        {%- endif %}
    end as {{ name }},
    {%- endfor %}
    case when spokes.scale_high is null then 'rank' else 'scale' end as outward_by,
    instants.known_at,
    point.obs_status,
    point.flags,
    point.confidence,
    point.origin
from instants
inner join {{ ref('seed_ampleness_spoke') }} as spokes
    on instants.spoke = spokes.spoke
{%- for part in ['point', 'low', 'high'] %}
{{ 'inner' if part == 'point' else 'left' }} join states as {{ part }}
    on
        instants.spoke = {{ part }}.spoke
        and {{ part }}.part = '{{ part }}'
        and instants.period_start = {{ part }}.period_start
        and instants.known_at >= {{ part }}.known_at
        and ({{ part }}.next_known_at is null or instants.known_at < {{ part }}.next_known_at)
{%- endfor %}
