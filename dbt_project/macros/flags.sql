{#- A list of flag names as a bit mask. -#}
{% macro flags_to_mask(column) -%}
    {%- set bits = flag_bits() -%}
    case
        when {{ column }} is null or {{ array_size(column) }} = 0 then cast(0 as bigint)
        else cast({% for name, bit in bits.items() %}
            case when {{ array_has(column, name) }} then {{ bit }} else 0 end{% if not loop.last %} +{% endif %}
            {%- endfor %}
            as bigint)
    end
{%- endmacro %}

{#- A bit mask as a list of flag names, in the order of the bits; no flags is an empty list. -#}
{% macro mask_to_flags(mask) -%}
    {%- set bits = flag_bits() -%}
    {{ text_to_list("concat_ws(','" ~ _flag_cases(mask, bits) ~ ")") }}
{%- endmacro %}
{% macro _flag_cases(mask, bits) -%}
    {%- for name, bit in bits.items() -%}
        , case when ({{ mask }} & {{ bit }}) <> 0 then '{{ name }}' end
    {%- endfor -%}
{%- endmacro %}

{#- The bit of one flag. An unknown name stops the compilation. -#}
{% macro flag(name) -%}
    {%- set bits = flag_bits() -%}
    {%- if name not in bits -%}{{ exceptions.raise_compiler_error("unknown flag " ~ name) }}{%- endif -%}
    {{ bits[name] }}
{%- endmacro %}

{#- The bit of the flag that a column names. -#}
{% macro flag_bit(column) -%}
    cast(case {{ column }}{% for name, bit in flag_bits().items() %} when '{{ name }}' then {{ bit }}{% endfor %} else 0 end as bigint)
{%- endmacro %}

{#- The part of a mask that travels from inputs to what is made of them. -#}
{% macro travelling(mask) -%}
    ({{ mask }} & {{ travelling_mask() }})
{%- endmacro %}

{#- Confidence of a mask: the product of one minus the penalty of each flag in it. -#}
{% macro confidence(mask) -%}
    round(cast(1.0 as double)
    {%- for name, penalty in flag_penalties().items() if penalty > 0 %}
        * case when ({{ mask }} & {{ flag_bits()[name] }}) <> 0 then cast({{ 1 - penalty }} as double) else 1.0 end
    {%- endfor %}, 6)
{%- endmacro %}

{% macro array_size(column) -%}
    {{ return(adapter.dispatch('array_size', 'undertow')(column)) }}
{%- endmacro %}
{% macro default__array_size(column) -%}len({{ column }}){%- endmacro %}
{% macro spark__array_size(column) -%}size({{ column }}){%- endmacro %}

{% macro array_has(column, name) -%}
    {{ return(adapter.dispatch('array_has', 'undertow')(column, name)) }}
{%- endmacro %}
{% macro default__array_has(column, name) -%}list_contains({{ column }}, '{{ name }}'){%- endmacro %}
{% macro spark__array_has(column, name) -%}array_contains({{ column }}, '{{ name }}'){%- endmacro %}

{% macro text_to_list(expression) -%}
    {{ return(adapter.dispatch('text_to_list', 'undertow')(expression)) }}
{%- endmacro %}
{% macro default__text_to_list(expression) -%}
    case when {{ expression }} = '' then cast([] as varchar[]) else string_split({{ expression }}, ',') end
{%- endmacro %}
{% macro spark__text_to_list(expression) -%}
    case when {{ expression }} = '' then cast(array() as array<string>) else split({{ expression }}, ',') end
{%- endmacro %}

{#- A list of texts as one text, for comparing two lists. -#}
{% macro list_text(column) -%}
    {{ return(adapter.dispatch('list_text', 'undertow')(column)) }}
{%- endmacro %}
{% macro default__list_text(column) -%}array_to_string({{ column }}, ';'){%- endmacro %}
{% macro spark__list_text(column) -%}array_join({{ column }}, ';'){%- endmacro %}

{#- One text as a list of one text; null or empty is an empty list. -#}
{% macro single_list(expression) -%}
    {{ return(adapter.dispatch('single_list', 'undertow')(expression)) }}
{%- endmacro %}
{% macro default__single_list(expression) -%}
    case when coalesce({{ expression }}, '') = '' then cast([] as varchar[]) else [{{ expression }}] end
{%- endmacro %}
{% macro spark__single_list(expression) -%}
    case when coalesce({{ expression }}, '') = '' then cast(array() as array<string>) else array({{ expression }}) end
{%- endmacro %}

{#- Bitwise or of a group, or of a window that begins with its partition. -#}
{% macro mask_or(column) -%}bit_or({{ column }}){%- endmacro %}

{#- Bitwise or of a named window whose rows leave it again: Sail cannot take a row out of a bitwise or, so there each flag goes by itself. -#}
{% macro mask_or_over(column, window) -%}
    {{ return(adapter.dispatch('mask_or_over', 'undertow')(column, window)) }}
{%- endmacro %}
{% macro default__mask_or_over(column, window) -%}bit_or({{ column }}) over {{ window }}{%- endmacro %}
{% macro spark__mask_or_over(column, window) -%}
    cast(
        {%- for bit in flag_bits().values() %}
        max({{ column }} & {{ bit }}) over {{ window }}{{ ' +' if not loop.last }}
        {%- endfor %}
        as bigint
    )
{%- endmacro %}
