{#-
    Whether payments that are due on the first of a month are made in the month before, in one year and not in every year: it is a
    Saturday, a Sunday, or the Labor Day of September. New Year's Day is never a day of payment, so it moves nothing between years.
-#}
{% macro is_moved_payment_day(column) -%}
    (
        month({{ column }}) <> 1
        and (
            mod({{ days_between("cast('2000-01-03' as date)", column) }}, 7) in (5, 6)
            or (month({{ column }}) = 9 and mod({{ days_between("cast('2000-01-03' as date)", column) }}, 7) = 0)
        )
    )
{%- endmacro %}
