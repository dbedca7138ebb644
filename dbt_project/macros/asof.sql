{#-
    The newest row at or before an instant, nulls included: first the newest state, and only then its value (design rule 5).
    Use inside a select that groups by the key: {{ newest('value', 'known_at') }}.
-#}
{% macro newest(column, by) -%}
    {{ return(adapter.dispatch('newest', 'undertow')(column, by)) }}
{%- endmacro %}
{% macro default__newest(column, by) -%}
    arg_max(struct_pack(v := {{ column }}), {{ by }}).v
{%- endmacro %}
{% macro spark__newest(column, by) -%}
    max_by(named_struct('v', {{ column }}), {{ by }}).v
{%- endmacro %}

{#- Last non-null value of a column up to the current row of a window. -#}
{% macro last_known(column, window) -%}
    {{ return(adapter.dispatch('last_known', 'undertow')(column, window)) }}
{%- endmacro %}
{% macro default__last_known(column, window) -%}
    last_value({{ column }} ignore nulls) over ({{ window }} rows between unbounded preceding and current row)
{%- endmacro %}
{% macro spark__last_known(column, window) -%}
    last_value({{ column }}, true) over ({{ window }} rows between unbounded preceding and current row)
{%- endmacro %}
