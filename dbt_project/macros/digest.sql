{#- A 64-bit digest of some columns that is the same on every engine and version, for `inputs_hash`. Null is its own text. -#}
{% macro digest(columns) -%}
    {{ return(adapter.dispatch('digest', 'undertow')(columns)) }}
{%- endmacro %}
{% macro _digest_text(columns) -%}
    concat_ws('|', {% for column in columns %}coalesce(cast({{ column }} as string), '-'){% if not loop.last %}, {% endif %}{% endfor %})
{%- endmacro %}
{% macro default__digest(columns) -%}
    md5_number_lower({{ undertow._digest_text(columns) }})
{%- endmacro %}
{% macro spark__digest(columns) -%}
    conv(substring(md5({{ undertow._digest_text(columns) }}), 17, 16), 16, 10)
{%- endmacro %}

{#- A digest as 16 hexadecimal characters. -#}
{% macro digest_text(expression) -%}
    lower(lpad(to_hex({{ expression }}), 16, '0'))
{%- endmacro %}

{#- A number as an exact decimal, so that a sum of many does not depend on their order. 16 decimals, 22 digits before
    them: a signal may be as large as 1e10 before its square no longer fits. -#}
{% macro exact(expression) -%}
    cast({{ expression }} as decimal(38, 16))
{%- endmacro %}

{#- Standard deviation (n - 1) from a count, a sum and a sum of squares. -#}
{% macro sd_from_sums(n, total, squares) -%}
    sqrt(greatest(
        (cast({{ squares }} as double) - cast({{ total }} as double) * cast({{ total }} as double) / {{ n }}) / ({{ n }} - 1),
        0
    ))
{%- endmacro %}

{#- Two digests as one; null counts as nothing. -#}
{% macro digest_xor(left, right) -%}
    {{ return(adapter.dispatch('digest_xor', 'undertow')(left, right)) }}
{%- endmacro %}
{% macro default__digest_xor(left, right) -%}
    xor(coalesce({{ left }}, 0), coalesce({{ right }}, 0))
{%- endmacro %}
{% macro spark__digest_xor(left, right) -%}
    (coalesce({{ left }}, 0) ^ coalesce({{ right }}, 0))
{%- endmacro %}

{#- The digests of several relations, whose column ends in `suffix`, as one. -#}
{% macro digest_xor_of(relations, suffix) -%}
    {%- set digests = namespace(text='0') -%}
    {%- for relation in relations %}{% set digests.text = digest_xor(digests.text, relation ~ suffix) %}{% endfor -%}
    {{ digests.text }}
{%- endmacro %}
