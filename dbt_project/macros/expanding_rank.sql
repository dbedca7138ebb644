{#-
    #{earlier values less than this one} + half of #{earlier equal ones}, over all earlier rows of the partition.
    DuckDB ranks inside a frame (a merge sort tree); other engines compare each row with its past.
-#}
{% macro expanding_rank(value, partition, order) -%}
    {{ return(adapter.dispatch('expanding_rank', 'undertow')(value, partition, order)) }}
{%- endmacro %}
{% macro default__expanding_rank(value, partition, order) -%}
    {%- set frame = "(partition by " ~ partition ~ " order by " ~ order ~ " rows between unbounded preceding and current row)" -%}
    (
        (rank(order by {{ value }}) over {{ frame }} - 1)
        + round(cume_dist(order by {{ value }}) over {{ frame }} * count(*) over {{ frame }}) - 1
    ) / 2.0
{%- endmacro %}
{% macro spark__expanding_rank(value, partition, order) -%}
    aggregate(
        collect_list({{ value }}) over (partition by {{ partition }} order by {{ order }} rows between unbounded preceding and 1 preceding),
        cast(0.0 as double),
        (total, x) -> total + case when x < {{ value }} then 1.0 when x = {{ value }} then 0.5 else 0.0 end
    )
{%- endmacro %}
