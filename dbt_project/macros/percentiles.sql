{#-
    The share of a volume at or above a rate, from percentiles by volume (signal F1). A percentile is the lowest rate with at
    least that share of the volume at or below it, so where the rate lies above one percentile and at or below the next, the
    share lies between what is left above each: bounds, never a number. The point is linear between the two. A tie belongs to
    the lower percentile, so percentiles that are equal make no segment and no division by zero. Everything is in percent.
    `which` is low, point or high. Percentiles that are missing or do not rise give null.
-#}
{% macro share_at_or_above(rate, percentiles, which) -%}
    {%- set levels = [1, 25, 50, 75, 99] -%}
    {%- set x = comparable(rate) -%}
    {%- set knots = [] -%}
    {%- for percentile in percentiles %}{% do knots.append(comparable(percentile)) %}{% endfor -%}
    {%- set ends = {'low': (99.0, 0.0), 'point': (99.5, 0.5), 'high': (100.0, 1.0)}[which] -%}
    case
        when {{ rate }} is null{% for percentile in percentiles %} or {{ percentile }} is null{% endfor %} then null
        when not ({% for i in range(4) %}{{ knots[i] }} <= {{ knots[i + 1] }}{% if not loop.last %} and {% endif %}{% endfor %}) then null
        when {{ x }} <= {{ knots[0] }} then cast({{ ends[0] }} as double)
        {%- for i in range(4) %}
        when {{ x }} <= {{ knots[i + 1] }} then
            {%- if which == 'low' %} cast({{ 100 - levels[i + 1] }} as double)
            {%- elif which == 'high' %} cast({{ 100 - levels[i] }} as double)
            {%- else %}
            {{ 100 - levels[i] }} - {{ levels[i + 1] - levels[i] }}
            * (cast({{ x }} - {{ knots[i] }} as double) / nullif(cast({{ knots[i + 1] }} - {{ knots[i] }} as double), 0))
            {%- endif %}
        {%- endfor %}
        else cast({{ ends[1] }} as double)
    end
{%- endmacro %}

{#- A rate, or basis points, as a decimal: they have few digits, and their binary fractions neither compare nor subtract as written. -#}
{% macro comparable(rate) -%}
    cast({{ rate }} as decimal(18, 6))
{%- endmacro %}

{#- The difference of two rates in basis points, subtracted before it is rounded to a binary fraction. -#}
{% macro basis_points(rate, less) -%}
    cast(({{ comparable(rate) }} - {{ comparable(less) }}) * 100 as double)
{%- endmacro %}
