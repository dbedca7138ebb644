{#-
    How a curve moved, from the change at its short and at its long end in basis points, `slope` being long less short and
    `level` their mean: a steepener from a slope of 2.5 on, a flattener from -2.5 on, between them parallel; bear where the level
    rose, bull where it fell. The classes exclude each other and leave nothing out. Where the ends move in opposite
    directions (a twist), bear and bull go by the level. They are held against the bounds as decimals, for as
    doubles 4.1 - 1.6 is less than 2.5.
-#}
{% macro curve_regime(short, long) -%}
    case
        when {{ short }} is null or {{ long }} is null then cast(null as string)
        else
            case
                when {{ comparable(short ~ ' + ' ~ long) }} > 0 then 'bear'
                when {{ comparable(short ~ ' + ' ~ long) }} < 0 then 'bull'
                else 'level'
            end
            || case
                when {{ comparable(long ~ ' - ' ~ short) }} >= {{ curve_threshold() }} then '_steepener'
                when {{ comparable(long ~ ' - ' ~ short) }} <= -{{ curve_threshold() }} then '_flattener'
                else '_parallel'
            end
    end
{%- endmacro %}

{#- The regime as a number: 3 * (1 steepener, 0 parallel, -1 flattener) + (1 bear, 0 level, -1 bull). -#}
{% macro curve_regime_code(short, long) -%}
    3 * case
        when {{ comparable(long ~ ' - ' ~ short) }} >= {{ curve_threshold() }} then 1
        when {{ comparable(long ~ ' - ' ~ short) }} <= -{{ curve_threshold() }} then -1
        when {{ long }} - {{ short }} is not null then 0
    end
    + case
        when {{ comparable(short ~ ' + ' ~ long) }} > 0 then 1
        when {{ comparable(short ~ ' + ' ~ long) }} < 0 then -1
        else 0
    end
{%- endmacro %}

{#- Basis points of slope below which a move is parallel. -#}
{% macro curve_threshold() -%}2.5{%- endmacro %}
