-- The Federal Reserve's liquidity by week. A week begins with its first statement; a part that is not there is null, and the
-- row says which one.
with weeks as (
    select
        *,
        mask_row | case when n_missing > 0 then {{ flag('COMPONENT_MISSING') }} else 0 end as full_mask
    from {{ ref('int_liquidity__weekly') }}
)

select
    week as period_start,
    week as period_end,
    assets,
    tga,
    on_rrp,
    net_liquidity,
    net_liquidity_chg_13w,
    net_liquidity_missing,
    on_rrp_peak,
    on_rrp_peak_day,
    rrp_drained,
    reserves,
    reserves_wednesday,
    treasuries_held,
    mbs_held,
    qt_treasuries_4w,
    qt_mbs_4w,
    qt_pace_4w,
    daylight_overdrafts,
    daylight_overdrafts_quarter_end,
    reserve_demand_elasticity,
    reserve_demand_elasticity_day,
    {{ mask_to_flags('full_mask') }} as flags,
    hash_row as inputs_hash,
    origin,
    known_at
from weeks
