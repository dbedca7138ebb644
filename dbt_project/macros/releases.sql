{#- The cancelled releases, each since when that is known: one row for each release, component and reference period. -#}
{% macro cancelled_releases() -%}
    select
        release_id,
        component,
        reference_end,
        min(reference_period) as reference_period,
        min(announced_at) as announced_at,
        min(reason) as reason
    from {{ ref('int_release_event__declared') }}
    where event in ('cancelled', 'permanent_gap')
    group by release_id, component, reference_end
{%- endmacro %}

{#- The components that came with another release, each since when that is known: they leave no gap where their release as a whole
    is cancelled. -#}
{% macro rescued_components() -%}
    select
        release_id,
        component,
        reference_end,
        min(announced_at) as announced_at
    from {{ ref('int_release_event__declared') }}
    where event in ('released', 'partial', 'merged') and component <> 'all'
    group by release_id, component, reference_end
{%- endmacro %}
