{#-
    Rooms are found by the runner, which passes what each lands as UNDERTOW_LANDED ("bls.observation,bls.series,...").
    A new room needs its staging models and no edit here.
-#}
{% macro rooms_landing(table) -%}
    {%- set rooms = [] -%}
    {%- for entry in env_var('UNDERTOW_LANDED').split(',') -%}
        {%- set room, landed = entry.split('.') -%}
        {%- if landed == table %}{% do rooms.append(room) %}{% endif -%}
    {%- endfor -%}
    {{ return(rooms) }}
{%- endmacro %}

{#- All rooms' staging rows of one shared table, as one. -#}
{% macro union_rooms(table) -%}
    {%- for room in rooms_landing(table) %}
    select * from {{ ref('stg_' ~ room ~ '__' ~ table) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{#- The knowledge cut-off of a time-travel build (`undertow run --known-by`): only rows known by then. -#}
{% macro known_by(column) -%}
    {%- if var('known_by') -%}
        {{ column }} <= cast('{{ var("known_by") }}' as timestamp)
    {%- else -%}
        1 = 1
    {%- endif -%}
{%- endmacro %}
