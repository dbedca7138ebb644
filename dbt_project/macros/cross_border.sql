{#- What the lines of the TIC press release add up to: each identity, the line that is the total, and its parts with their signs. -#}
{% macro tic_identities() -%}
    {{ return({
        '3=1-2': (3, {1: 1, 2: -1}),
        '21=19+20': (21, {19: 1, 20: 1}),
        '30=21+22+29': (30, {21: 1, 22: 1, 29: 1}),
        '30=31+32': (30, {31: 1, 32: 1}),
        '3=4+9': (3, {4: 1, 9: 1}),
    }) }}
{%- endmacro %}

{#- The first month of the new form, in which holders and custodians report what brokers had reported before. -#}
{% macro tic_break() -%}
    cast('2023-02-01' as date)
{%- endmacro %}
