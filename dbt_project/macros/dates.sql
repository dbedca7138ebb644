{#- Month arithmetic on dates. Written out because dbt.dateadd turns into something silently null on one Spark engine. -#}
{% macro add_months(column, months) -%}
    {{ return(adapter.dispatch('add_months', 'undertow')(column, months)) }}
{%- endmacro %}
{% macro default__add_months(column, months) -%}
    cast({{ column }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}
{% macro spark__add_months(column, months) -%}
    add_months({{ column }}, {{ months }})
{%- endmacro %}

{#- The last day of the month that lies `months` months from the month of a date. -#}
{% macro month_end(column, months=0) -%}
    last_day({{ add_months("cast(date_trunc('month', " ~ column ~ ") as date)", months) }})
{%- endmacro %}

{#- Months between two month-start dates, as an integer. -#}
{% macro months_between(earlier, later) -%}
    cast((year({{ later }}) - year({{ earlier }})) * 12 + month({{ later }}) - month({{ earlier }}) as int)
{%- endmacro %}

{#- The calendar date, in a zone, of a UTC timestamp. The zone may be a column. -#}
{% macro local_date(column, zone) -%}
    {{ return(adapter.dispatch('local_date', 'undertow')(column, zone)) }}
{%- endmacro %}
{% macro default__local_date(column, zone) -%}
    cast(timezone({{ zone }}, timezone('UTC', {{ column }})) as date)
{%- endmacro %}
{% macro spark__local_date(column, zone) -%}
    to_date(from_utc_timestamp({{ column }}, {{ zone }}))
{%- endmacro %}

{#- A date some days later. -#}
{% macro add_days(column, days) -%}
    {{ return(adapter.dispatch('add_days', 'undertow')(column, days)) }}
{%- endmacro %}
{% macro default__add_days(column, days) -%}
    cast({{ column }} + {{ days }} as date)
{%- endmacro %}
{% macro spark__add_days(column, days) -%}
    date_add({{ column }}, {{ days }})
{%- endmacro %}

{#- The UTC timestamp at which a date begins in a zone. -#}
{% macro local_midnight(column, zone) -%}
    {{ return(adapter.dispatch('local_midnight', 'undertow')(column, zone)) }}
{%- endmacro %}
{% macro default__local_midnight(column, zone) -%}
    timezone('UTC', timezone('{{ zone }}', cast({{ column }} as timestamp)))
{%- endmacro %}
{% macro spark__local_midnight(column, zone) -%}
    to_utc_timestamp(cast({{ column }} as timestamp), '{{ zone }}')
{%- endmacro %}

{#- Whole days from one date to a later one. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between', 'undertow')(earlier, later)) }}
{%- endmacro %}
{% macro default__days_between(earlier, later) -%}
    cast(date_diff('day', {{ earlier }}, {{ later }}) as int)
{%- endmacro %}
{% macro spark__days_between(earlier, later) -%}
    cast(datediff({{ later }}, {{ earlier }}) as int)
{%- endmacro %}

{#- A landed instant (timestamp with zone) as a UTC timestamp; sessions run in UTC. -#}
{% macro utc(column) -%}
    {{ return(adapter.dispatch('utc', 'undertow')(column)) }}
{%- endmacro %}
{#- The cast asks the time zone library about every row, at fifty times the cost. -#}
{% macro default__utc(column) -%}
    make_timestamp(epoch_us({{ column }}))
{%- endmacro %}
{% macro spark__utc(column) -%}
    cast({{ column }} as timestamp)
{%- endmacro %}

{#- Whether a date is a Wednesday, counted from one of them: engines number the days of the week differently. -#}
{% macro is_wednesday(column) -%}
    {{ days_between("cast('2003-01-01' as date)", column) }} % 7 = 0
{%- endmacro %}

{#- Every Monday to Friday from one date to another, both inclusive, as a relation with the column `day`. -#}
{% macro weekdays(first, last) -%}
    {{ return(adapter.dispatch('weekdays', 'undertow')(first, last)) }}
{%- endmacro %}
{% macro default__weekdays(first, last) -%}
    (
        select spine.day
        from (select cast(unnest(generate_series({{ first }}, {{ last }}, to_days(1))) as date) as day) as spine
        where isodow(spine.day) < 6
    )
{%- endmacro %}
{% macro spark__weekdays(first, last) -%}
    (
        select spine.day
        from (select explode(sequence({{ first }}, {{ last }})) as day) as spine
        where pmod(datediff(spine.day, cast('2000-01-03' as date)), 7) < 5
    )
{%- endmacro %}

{#- Whole numbers from `first` up to but not including `end`, as a column to select: one row each. -#}
{% macro integers(first, end) -%}
    {{ return(adapter.dispatch('integers', 'undertow')(first, end)) }}
{%- endmacro %}
{% macro default__integers(first, end) -%}cast(unnest(range({{ first }}, {{ end }})) as int){%- endmacro %}
{% macro spark__integers(first, end) -%}explode(sequence({{ first }}, {{ end }} - 1)){%- endmacro %}
