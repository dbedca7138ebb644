-- The liquidity signals in the common shape, by week. A week whose net liquidity lacks a part has a row without a value; of
-- what has not begun (a change over thirteen weeks, the peak of a series that is not landed) there is none.
{%- set of_weeks = [
    ('net_liquidity', 'net_liquidity', 'net', 3, '1 = 1'),
    ('net_liquidity_chg_13w', 'net_liquidity_chg_13w', 'net_13w', 6, 'net_liquidity_chg_13w is not null'),
    ('reserves', 'reserves', 'reserves', 1, 'reserves is not null or is_reserves_unit_wrong'),
    ('reserves_chg_13w', 'reserves_chg_13w', 'reserves_13w', 2, 'reserves_chg_13w is not null'),
    ('qt_pace_4w', 'qt_pace_4w', 'qt', 4, 'qt_pace_4w is not null'),
] %}
with drained as (
    select
        own.day,
        own.known_at,
        own.flag_mask,
        own.row_digest,
        own.origin,
        round(max(history.value) - own.value, 6) as value
    from {{ ref('int_liquidity__state') }} as own
    inner join {{ ref('int_liquidity__state') }} as history
        on
            own.concept = history.concept
            and own.day >= history.day
            and own.known_at >= history.known_at
            and (history.next_known_at is null or history.next_known_at > own.known_at)
    where own.concept = 'on_rrp' and {{ is_wednesday('own.day') }}
    group by own.day, own.known_at, own.flag_mask, own.row_digest, own.origin, own.value
),

long as (
    {%- for name, column, part, n_inputs, condition in of_weeks %}
    select
        'liquidity.{{ name }}' as signal_id,
        week as period_start,
        week as period_end,
        {{ column }} as value,
        known_at,
        mask_{{ part }}
        | case when {{ column }} is null and n_missing > 0 then {{ flag('COMPONENT_MISSING') }} else 0 end as flag_mask,
        {%- if name == 'net_liquidity' %}
        {{ n_inputs }} - n_missing as n_inputs,
        n_missing,
        {%- else %}
        {{ n_inputs }} as n_inputs,
        0 as n_missing,
        {%- endif %}
        hash_{{ part }} as inputs_hash,
        origin
    from {{ ref('int_liquidity__weekly') }}
    where {{ condition }}
    union all
    {%- endfor %}
    -- these wait for no statement
    select
        'liquidity.rrp_drained' as signal_id,
        day as period_start,
        day as period_end,
        value,
        known_at,
        flag_mask,
        1 as n_inputs,
        0 as n_missing,
        {{ digest_text('row_digest') }} as inputs_hash,
        origin
    from drained
    union all
    select
        'liquidity.reserves_pct_' || measure as signal_id,
        week as period_start,
        week as period_end,
        value,
        known_at,
        flag_mask,
        2 as n_inputs,
        0 as n_missing,
        inputs_hash,
        origin
    from {{ ref('int_liquidity__share') }}
    union all
    select
        case concept
            when 'tga' then 'liquidity.tga'
            when 'overdrafts' then 'liquidity.daylight_overdrafts'
            else replace(concept, 'elasticity', 'liquidity.reserve_demand_elasticity')
        end as signal_id,
        case concept
            when 'overdrafts' then {{ add_months("cast(date_trunc('month', day) as date)", -2) }}
            else day
        end as period_start,
        day as period_end,
        value,
        known_at,
        flag_mask,
        1 as n_inputs,
        0 as n_missing,
        {{ digest_text('row_digest') }} as inputs_hash,
        origin
    from {{ ref('int_liquidity__state') }}
    where
        concept in ('overdrafts', 'elasticity', 'elasticity_low', 'elasticity_high')
        or (concept = 'tga' and {{ is_wednesday('day') }})
)

select
    signal_id,
    period_start,
    period_end,
    cast(value as double) as value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(flag_mask as bigint) as flag_mask,
    cast(n_inputs as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    inputs_hash,
    origin
from long
