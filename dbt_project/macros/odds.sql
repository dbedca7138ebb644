{#-
    What a future on the mean rate of a month says of the rate after a decision in it: of `days` days the first `before` are at
    the rate before, the others at the rate after. Null where the decision comes into force in a later month. The odds are those
    of a cut by a quarter of a point, between 0 and 1 (the FedWatch method of the CME).
-#}
{% macro rate_after(mean, rate_before, days, before) -%}
    ({{ days }} * {{ mean }} - {{ before }} * {{ rate_before }}) / nullif({{ days }} - {{ before }}, 0)
{%- endmacro %}
{% macro odds_of_a_cut(rate_before, rate_after) -%}
    greatest(least(({{ rate_before }} - {{ rate_after }}) / 0.25, cast(1 as double)), cast(0 as double))
{%- endmacro %}
