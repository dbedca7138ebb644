{#- What dbt does on Spark and Sail otherwise than dbt-spark would. Models are not concerned; their differences are in the other macros. -#}

{#- Lists of text are named in contracts as DuckDB names them. -#}
{% macro spark__get_empty_schema_sql(columns) -%}
    select
    {%- for column in columns.values() %}
        cast(null as {{ column.data_type | replace('varchar[]', 'array<string>') }}) as {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
    from (select 1) as one
    where false
{%- endmacro %}

{#- Seeds as literals: dbt-spark writes values between quotes as they are, and some hold quotes. -#}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set statements = [] -%}
    {%- for chunk in agate_table.rows | batch(500) -%}
        {%- set sql -%}
            insert into {{ this.render() }}
            select
            {%- for column in agate_table.column_names %}
                cast({{ column }} as {{ types.get(column, adapter.convert_type(agate_table, loop.index0)) }}) as {{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
            from values
            {%- for row in chunk %}
            ({% for value in row %}{{ spark_text(value) }}{{ ', ' if not loop.last }}{% endfor %}){{ ',' if not loop.last }}
            {%- endfor %}
            as seed ({{ agate_table.column_names | join(', ') }})
        {%- endset -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
        {%- do statements.append(sql) -%}
    {%- endfor -%}
    {{ return(statements[0]) }}
{%- endmacro %}
{% macro spark_text(value) -%}
    {%- if value is none -%}cast(null as string){%- else -%}'{{ (value | string) | replace("\\", "\\\\") | replace("'", "\\'") }}'{%- endif -%}
{%- endmacro %}

{#- Descriptions travel with the manifest into the published file; Sail does not take them here. -#}
{% macro spark__comment_clause() -%}{%- endmacro %}

{#- Lists of text in the rows of unit tests, which are written as DuckDB reads them: [a, b]. -#}
{% macro spark__safe_cast(field, type) -%}
    {%- set text = field | string | trim -%}
    {%- if type.lower().startswith('array') and text.startswith("'[") -%}
        cast(array(
        {%- for item in text[2:-2].split(', ') if item -%}
            '{{ item }}'{{ ', ' if not loop.last }}
        {%- endfor -%}
        ) as {{ type }})
    {%- else -%}
        cast({{ field }} as {{ type }})
    {%- endif -%}
{%- endmacro %}
