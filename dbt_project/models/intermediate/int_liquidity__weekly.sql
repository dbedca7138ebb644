-- The liquidity of the Federal Reserve on each Wednesday, in billions of dollars, once for each instant at which one of its
-- parts changed, from the first statement of the week on. Net liquidity takes levels of that Wednesday only, so reserves, an
-- average of the week, are no part of it. Reserves that are less than a five-hundredth of the assets, or more than them, are in
-- another unit than they say. The peak of reverse repurchase is the one that was known when the row was; overdrafts and the
-- elasticity are the newest then.
{%- set concepts = ['assets', 'treasuries', 'mbs', 'reserves', 'reserves_wednesday', 'tga', 'on_rrp'] %}
{%- set lags = {'treasuries': [0, 28], 'mbs': [0, 28], 'assets': [0, 91], 'tga': [0, 91], 'on_rrp': [0, 91],
    'reserves': [0, 91], 'reserves_wednesday': [0]} %}
{%- set parts = {
    'net': "concept in ('assets', 'tga', 'on_rrp') and lag_days = 0",
    'net_13w': "concept in ('assets', 'tga', 'on_rrp')",
    'reserves': "concept = 'reserves' and lag_days = 0",
    'reserves_13w': "concept = 'reserves'",
    'qt': "concept in ('treasuries', 'mbs')",
    'row': "1 = 1",
} %}
with lags as (
    {%- for concept in concepts %}
    {%- for lag_days in lags[concept] %}
    select
        '{{ concept }}' as concept,
        {{ lag_days }} as lag_days
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- a week begins with its first statement
weeks as (
    select
        day as week,
        min(known_at) as first_known_at
    from {{ ref('int_liquidity__state') }}
    where concept = 'assets' and {{ is_wednesday('day') }} and value is not null
    group by day
),

instants as (
    select
        weeks.week,
        greatest(states.known_at, weeks.first_known_at) as known_at
    from weeks
    inner join lags on 1 = 1
    inner join {{ ref('int_liquidity__state') }} as states
        on
            lags.concept = states.concept
            and weeks.week = {{ add_days('states.day', 'lags.lag_days') }}
    group by weeks.week, greatest(states.known_at, weeks.first_known_at)
),

panel as (
    select
        instants.week,
        instants.known_at,
        states.concept,
        lags.lag_days,
        states.value,
        states.known_at as input_known_at,
        states.flag_mask,
        states.origin,
        states.row_digest
    from instants
    inner join lags on 1 = 1
    inner join {{ ref('int_liquidity__state') }} as states
        on
            lags.concept = states.concept
            and instants.week = {{ add_days('states.day', 'lags.lag_days') }}
            and instants.known_at >= states.known_at
            and (states.next_known_at is null or states.next_known_at > instants.known_at)
),

wide as (
    select
        week,
        known_at,
        {%- for concept in concepts %}
        max(case when concept = '{{ concept }}' and lag_days = 0 then value end) as {{ concept }},
        {%- endfor %}
        {%- for concept in ['treasuries', 'mbs', 'assets', 'tga', 'on_rrp', 'reserves'] %}
        max(case when concept = '{{ concept }}' and lag_days > 0 then value end) as {{ concept }}_before,
        {%- endfor %}
        {%- for name, condition in parts.items() %}
        {{ mask_or("case when " ~ condition ~ " then flag_mask else 0 end") }} as mask_{{ name }},
        bit_xor(case when {{ condition }} then row_digest else 0 end) as digest_{{ name }},
        {%- endfor %}
        max(input_known_at) as newest_input_at,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin
    from panel
    group by week, known_at
),

peaks as (
    select
        wide.week,
        wide.known_at,
        max(states.value) as on_rrp_peak,
        max_by(states.day, states.value) as on_rrp_peak_day
    from wide
    inner join {{ ref('int_liquidity__state') }} as states
        on
            wide.week >= states.day
            and wide.known_at >= states.known_at
            and (states.next_known_at is null or states.next_known_at > wide.known_at)
    where wide.on_rrp is not null and states.concept = 'on_rrp'
    group by wide.week, wide.known_at
),

-- the newest period that was known, of what comes late and seldom
late as (
    select
        wide.week,
        wide.known_at,
        {%- for concept in ['overdrafts', 'elasticity'] %}
        max(case when states.concept = '{{ concept }}' then states.day end) as {{ concept }}_day,
        max_by(
            case when states.concept = '{{ concept }}' then states.value end,
            case when states.concept = '{{ concept }}' then states.day end
        ) as {{ concept }},
        {%- endfor %}
        {{ mask_or('states.flag_mask') }} as mask_late
    from wide
    inner join {{ ref('int_liquidity__state') }} as states
        on
            wide.week >= states.day
            and wide.known_at >= states.known_at
            and (states.next_known_at is null or states.next_known_at > wide.known_at)
    where states.concept in ('overdrafts', 'elasticity') and states.value is not null
    group by wide.week, wide.known_at
),

checked as (
    select
        wide.*,
        coalesce(wide.reserves not between wide.assets / 500 and wide.assets, false) as is_reserves_unit_wrong,
        round(wide.assets - wide.tga - wide.on_rrp, 6) as net_liquidity,
        wide.assets_before - wide.tga_before - wide.on_rrp_before as net_liquidity_before,
        peaks.on_rrp_peak,
        peaks.on_rrp_peak_day,
        late.overdrafts,
        late.overdrafts_day,
        late.elasticity,
        late.elasticity_day,
        coalesce(late.mask_late, 0) as mask_late
    from wide
    left join peaks
        on
            wide.week = peaks.week
            and wide.known_at = peaks.known_at
    left join late
        on
            wide.week = late.week
            and wide.known_at = late.known_at
)

select
    week,
    known_at,
    assets,
    tga,
    on_rrp,
    net_liquidity,
    round(net_liquidity - net_liquidity_before, 6) as net_liquidity_chg_13w,
    on_rrp_peak,
    on_rrp_peak_day,
    round(on_rrp_peak - on_rrp, 6) as rrp_drained,
    case when not is_reserves_unit_wrong then reserves end as reserves,
    case
        when not is_reserves_unit_wrong and reserves_before between assets_before / 500 and assets_before
            then round(reserves - reserves_before, 6)
    end as reserves_chg_13w,
    reserves_wednesday,
    treasuries as treasuries_held,
    mbs as mbs_held,
    round(treasuries_before - treasuries, 6) as qt_treasuries_4w,
    round(mbs_before - mbs, 6) as qt_mbs_4w,
    round((treasuries_before - treasuries) + (mbs_before - mbs), 6) as qt_pace_4w,
    overdrafts as daylight_overdrafts,
    overdrafts_day as daylight_overdrafts_quarter_end,
    elasticity as reserve_demand_elasticity,
    elasticity_day as reserve_demand_elasticity_day,
    is_reserves_unit_wrong,
    -- what keeps net liquidity from having a value, in words
    case
        when tga is null and on_rrp is null
            then 'no Treasury General Account of that day, no overnight reverse repurchase of that day'
        when tga is null then 'no Treasury General Account of that day'
        when on_rrp is null then 'no overnight reverse repurchase of that day'
    end as net_liquidity_missing,
    cast(case when tga is null then 1 else 0 end + case when on_rrp is null then 1 else 0 end as int) as n_missing,
    {%- for name in parts %}
    cast(
        mask_{{ name }}
        {%- if name in ('reserves', 'row') %}
        | case when is_reserves_unit_wrong then {{ flag('SUSPECT') }} else 0 end
        {%- endif %}
        {%- if name == 'row' %}
        | mask_late
        {%- endif %}
        as bigint
    ) as mask_{{ name }},
    {{ digest_text('digest_' ~ name) }} as hash_{{ name }},
    {%- endfor %}
    origin
from checked
where known_at = newest_input_at
