-- Each curve on each day, all tenors side by side, once for each instant at which one of them changed. The proxy of implied
-- volatility stands for an index of Treasuries, so it is of their curve only; it weighs 2, 5, 10 and 30 years with 0.2, 0.2,
-- 0.4 and 0.2 and is null where one is missing. The regimes take the 2-year and the 10-year end over one and the same span, and
-- are null where the spans differ.
{%- set tenors = ['2y', '5y', '10y', '20y', '30y', '40y'] %}
with instants as (
    select distinct
        curve,
        day,
        known_at
    from {{ ref('int_curve__change') }}
),

panel as (
    select
        instants.known_at as row_known_at,
        changes.*,
        row_number() over (
            partition by instants.curve, instants.day, instants.known_at, changes.tenor
            order by changes.known_at desc
        ) as recency
    from instants
    inner join {{ ref('int_curve__change') }} as changes
        on
            instants.curve = changes.curve
            and instants.day = changes.day
            and instants.known_at >= changes.known_at
),

wide as (
    select
        curve,
        day,
        row_known_at as known_at,
        {%- for tenor in tenors %}
        max(case when tenor = '{{ tenor }}' then value end) as y_{{ tenor }},
        max(case when tenor = '{{ tenor }}' then change_3 end) as change_3_{{ tenor }},
        max(case when tenor = '{{ tenor }}' then change_5 end) as change_5_{{ tenor }},
        max(case when tenor = '{{ tenor }}' then z_3 end) as z_3_{{ tenor }},
        max(case when tenor = '{{ tenor }}' then z_5 end) as z_5_{{ tenor }},
        max(case when tenor = '{{ tenor }}' then realised_vol_21 end) as rv_{{ tenor }},
        {%- endfor %}
        {%- for span in [5, 21, 63] %}
        max(case when tenor = '2y' then change_{{ span }} end) as short_{{ span }},
        max(case when tenor = '10y' then change_{{ span }} end) as long_{{ span }},
        max(case when tenor = '2y' then base_day_{{ span }} end) as short_base_{{ span }},
        max(case when tenor = '10y' then base_day_{{ span }} end) as long_base_{{ span }},
        {%- endfor %}
        count(distinct case when tenor in ('2y', '5y', '10y', '30y') then tenor end) as n_proxy_tenors,
        max(case when tenor in ('2y', '5y', '10y', '30y') then observation_number end) as longest_history,
        {{ mask_or('mask_258') }} as mask_258,
        {{ mask_or("case when tenor in ('2y', '5y', '10y', '30y') then mask_22 else 0 end") }} as mask_proxy,
        {{ mask_or("case when tenor in ('2y', '10y') then mask_6 else 0 end") }} as mask_regime_5,
        bit_xor(digest_258) as digest_258,
        bit_xor(case when tenor in ('2y', '5y', '10y', '30y') then digest_22 else 0 end) as digest_proxy,
        bit_xor(case when tenor in ('2y', '10y') then digest_6 else 0 end) as digest_regime_5,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin
    from panel
    where recency = 1
    group by curve, day, row_known_at
),

aligned as (
    select
        *,
        {%- for span in [5, 21, 63] %}
        case when short_base_{{ span }} = long_base_{{ span }} then short_{{ span }} end as short_change_{{ span }},
        case when short_base_{{ span }} = long_base_{{ span }} then long_{{ span }} end as long_change_{{ span }},
        {%- endfor %}
        case when curve = 'UST' then 0.2 * rv_2y + 0.2 * rv_5y + 0.4 * rv_10y + 0.2 * rv_30y end as move_proxy
    from wide
)

select
    *,
    {%- for span in [5, 21, 63] %}
    long_change_{{ span }} - short_change_{{ span }} as slope_change_{{ span }},
    {{ curve_regime('short_change_' ~ span, 'long_change_' ~ span) }} as regime_{{ span }},
    {%- endfor %}
    {{ curve_regime_code('short_change_5', 'long_change_5') }} as regime_code_5,
    short_change_5 * long_change_5 < 0 as is_twist_5,
    case
        when long_change_5 > 0 then greatest(long_change_5 - short_change_5, 0)
        when long_change_5 <= 0 and short_change_5 is not null then 0
    end as bear_steepening_5
from aligned
