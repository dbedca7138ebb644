{#-
    A 64-bit digest of some columns that is the same on every engine and version, for `inputs_hash`: the last eight bytes of their
    md5, the last byte first. Null is its own text. Spark has no unsigned numbers, so there the same bits are a signed one.
-#}
{% macro digest(columns) -%}
    {{ return(adapter.dispatch('digest', 'undertow')(columns)) }}
{%- endmacro %}
{% macro _digest_text(columns) -%}
    concat_ws('|', {% for column in columns %}coalesce({{ portable_text(column) }}, '-'){% if not loop.last %}, {% endif %}{% endfor %})
{%- endmacro %}
{% macro default__digest(columns) -%}
    md5_number_lower({{ undertow._digest_text(columns) }})
{%- endmacro %}
{% macro spark__digest(columns) -%}
    {%- set lowest_first -%}
        regexp_replace(
            md5({{ undertow._digest_text(columns) }}), '^.{16}(..)(..)(..)(..)(..)(..)(..)(..)$', '$8$7$6$5$4$3$2$1'
        )
    {%- endset -%}
    (
        shiftleft(cast(conv(substring({{ lowest_first }}, 1, 8), 16, 10) as bigint), 32)
        | cast(conv(substring({{ lowest_first }}, 9, 8), 16, 10) as bigint)
    )
{%- endmacro %}

{#-
    A column as the text that DuckDB makes of it. Spark and Sail write large and small doubles in ways of their own (1.0E7, 1e16), and
    there a digest, which columns have in their name, may be below zero. What a macro repeats an engine plans again, so the column
    is named as seldom as can be.
-#}
{% macro portable_text(column) -%}
    {{ return(adapter.dispatch('portable_text', 'undertow')(column)) }}
{%- endmacro %}
{% macro default__portable_text(column) -%}cast({{ column }} as string){%- endmacro %}
{% macro spark__portable_text(column) -%}
    {%- set name = column.split('.')[-1] -%}
    {%- if 'digest' in name -%}
    cast(mod(cast({{ column }} as decimal(38, 0)) + 18446744073709551616, 18446744073709551616) as string)
    {%- elif name.endswith('value') -%}
    case
        when cast({{ column }} as string) rlike '[eE]|^-?0[.]000' then {{ spark_double_text("cast(" ~ column ~ " as string)") }}
        else cast({{ column }} as string)
    end
    {%- else -%}
    cast({{ column }} as string)
    {%- endif -%}
{%- endmacro %}

{#- A double as text: 1.5E7 and 1.5e7 as 15000000.0, 1.5E16 as 1.5e+16, 1.5E-4 as 0.00015, and 0.000015 and 1.5E-5 as 1.5e-05. -#}
{% macro spark_double_text(text) -%}
    {%- set steps = [
        ('e', 'E'),
        ('^(-?[0-9])E', '$1.0E'),
        ('^(-?)0[.]0000([1-9])([0-9]*)$', '$1$2.$3#-5'),
        ('#', 'E'),
        ('^(-?)([0-9])[.]([0-9]+)E-4$', '$10.000$2$3'),
        ('E(7|8|9|10|11|12|13|14|15)$', '0000000000000000E$1'),
    ] -%}
    {%- for power in range(7, 16) -%}
        {%- do steps.append(('^(-?[0-9])[.]([0-9]{' ~ power ~ '})([0-9]+)E' ~ power ~ '$', '$1$2.$3')) -%}
    {%- endfor -%}
    {%- do steps.extend([
        ('^(-?[0-9]+[.][0-9]+?)0+(E|$)', '$1$2'),
        ('[.]0?E', 'E'),
        ('E-([0-9])$', 'e-0$1'),
        ('E-', 'e-'),
        ('E([0-9])', 'e+$1'),
    ]) -%}
    {%- set nested = namespace(text=text) -%}
    {%- for pattern, replacement in steps -%}
        {%- set nested.text = "regexp_replace(" ~ nested.text ~ ", '" ~ pattern ~ "', '" ~ replacement ~ "')" -%}
    {%- endfor -%}
    {{ nested.text }}
{%- endmacro %}

{#- A digest as 16 hexadecimal characters. -#}
{% macro digest_text(expression) -%}
    {{ return(adapter.dispatch('digest_text', 'undertow')(expression)) }}
{%- endmacro %}
{% macro default__digest_text(expression) -%}lower(lpad(to_hex({{ expression }}), 16, '0')){%- endmacro %}
{% macro spark__digest_text(expression) -%}lower(lpad(hex({{ expression }}), 16, '0')){%- endmacro %}

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
