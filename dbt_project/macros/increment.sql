{#-
    Increments. The runner writes beside the warehouse which series (and their releases) the files touch that landed since
    the last whole build, and starts from an empty warehouse where it cannot tell. A model that grows forgets these series
    and computes them again from all their rows; the rows of other series cannot have changed.
-#}

{#- The ids of what changed: kind is series_id or release_id. -#}
{% macro changed(kind) -%}
    {{ return(adapter.dispatch('changed', 'undertow')(kind)) }}
{%- endmacro %}
{% macro default__changed(kind) -%}
    (select c.id from read_parquet('{{ env_var("UNDERTOW_WAREHOUSE") | replace("'", "''") }}.changed.parquet') as c where c.kind = '{{ kind }}')
{%- endmacro %}
{% macro spark__changed(kind) -%}
    (select c.id from parquet.`{{ env_var("UNDERTOW_WAREHOUSE") }}.changed.parquet` as c where c.kind = '{{ kind }}')
{%- endmacro %}

{#- The rows that this build computes and its tests read; in a whole build all. `column` holds ids of that kind. -#}
{% macro only_changed(column='series_id', kind='series_id') -%}
    {%- if var('increment', false) -%}
        {{ column }} in {{ changed(kind) }}
    {%- else -%}
        1 = 1
    {%- endif -%}
{%- endmacro %}

{#-
    Filings and their positions are followed to no series: where one of them landed, the build is a whole one. So an increment has
    nothing for a model that is made of them alone, and what the model holds stands.
-#}
{% macro only_whole_builds() -%}
    {%- if var('increment', false) -%}1 = 0{%- else -%}1 = 1{%- endif -%}
{%- endmacro %}

{#- Run by a model that grows before it is computed: takes away what will be computed again. -#}
{% macro forget_changed(kind='series_id') -%}
    {%- if var('increment', false) -%}
        delete from {{ this }} where {{ kind }} in {{ changed(kind) }}
    {%- endif -%}
{%- endmacro %}

{#- A test that says `where: only_changed` reads only the rows that this build computed; the others passed when they were. -#}
{% macro get_where_subquery(relation) -%}
    {%- if config.get('where', '') != 'only_changed' -%}
        {{ return(default__get_where_subquery(relation)) }}
    {%- endif -%}
    (select * from {{ relation }} where {{ only_changed() }}) as dbt_subquery
{%- endmacro %}
