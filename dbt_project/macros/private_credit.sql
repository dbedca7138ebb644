{#-
    Why a line or an opinion is set aside, and what is noted of it; seed_private_credit_reason says what each word means. Like flags,
    they travel as bits and are published as lists of words, in the order of the bits.
-#}
{% macro reason_bits() -%}
    {%- set bits = {} -%}
    {%- for name in [
        'comparative', 'old_comparative', 'after_period', 'no_value', 'no_terms', 'issuer_total', 'undrawn', 'negative_principal',
        'negative_value', 'no_principal', 'currency_mismatch', 'out_of_bounds', 'commitment_as_principal', 'scale_1000',
        'filing_scale', 'not_a_loan', 'on_cost', 'rounding_interval', 'below_size_floor',
    ] -%}
        {%- do bits.update({name: 2 ** loop.index0}) -%}
    {%- endfor -%}
    {{ return(bits) }}
{%- endmacro %}

{% macro note_bits() -%}
    {{ return({
        'amended': 1, 'told_in_thousands': 2, 'filing_median': 4, 'sum_is_not_total': 8, 'contradicted': 16, 'par_in_kind': 32,
        'stale_in_kind': 64, 'restated': 128, 'converted': 256,
    }) }}
{%- endmacro %}

{#- One bit, by its word. -#}
{% macro reason(name) -%}{{ reason_bits()[name] }}{%- endmacro %}
{% macro note(name) -%}{{ note_bits()[name] }}{%- endmacro %}

{#- The bit where a condition holds. -#}
{% macro bit_if(bit, condition) -%}
    case when {{ condition }} then {{ bit }} else 0 end
{%- endmacro %}

{#- A mask as a list of words. -#}
{% macro reasons_of(mask) -%}
    {{ text_to_list("concat_ws(','" ~ _flag_cases(mask, reason_bits()) ~ ")") }}
{%- endmacro %}
{% macro notes_of(mask) -%}
    {{ text_to_list("concat_ws(','" ~ _flag_cases(mask, note_bits()) ~ ")") }}
{%- endmacro %}

{#- The first words of a filer's name, by which the funds of one manager are known where no table names it. -#}
{% macro brand(name) -%}
    trim(regexp_replace(
        lower({{ name }}),
        '[ ,]+(capital|credit|lending|private|financ|invest|income|direct|secured|senior|strategic|special|bdc|debt|core|fund'
        || '|corp|technology|venture|originat|enhanced|inc[.]?$|llc|l[.]l[.]c|ltd|co[.]?$|trust|middle|institutional'
        || '|alternative|floating|opportunit|growth|evergreen|portfolio|solution).*$',
        ''
    ))
{%- endmacro %}

{#- A quantile, linear between neighbours. -#}
{% macro quantile(column, share) -%}
    {{ return(adapter.dispatch('quantile', 'undertow')(column, share)) }}
{%- endmacro %}
{% macro default__quantile(column, share) -%}quantile_cont({{ column }}, {{ share }}){%- endmacro %}
{% macro spark__quantile(column, share) -%}percentile({{ column }}, {{ share }}){%- endmacro %}

{#- Whether a text begins with another. -#}
{% macro begins_with(column, beginning) -%}
    left({{ column }}, length({{ beginning }})) = {{ beginning }}
{%- endmacro %}
