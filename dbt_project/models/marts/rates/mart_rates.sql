-- Yield curves by day. Windows reach back 257 observations; what a row has no history for is null.
with days as (
    select
        *,
        cast(
            mask_258
            | case when move_proxy is not null then {{ flag('PROXY') }} else 0 end
            | case when curve = 'UST' and n_proxy_tenors < 4 then {{ flag('COMPONENT_MISSING') }} else 0 end
            as bigint
        ) as row_mask
    from {{ ref('int_curve__daily') }}
)

select
    curve,
    day as period_start,
    day as period_end,
    y_2y as yield_2y,
    y_5y as yield_5y,
    y_10y as yield_10y,
    y_20y as yield_20y,
    y_30y as yield_30y,
    y_40y as yield_40y,
    change_3_2y as change_3d_2y,
    z_3_2y as z_3d_2y,
    change_5_2y as change_5d_2y,
    z_5_2y as z_5d_2y,
    change_3_5y as change_3d_5y,
    z_3_5y as z_3d_5y,
    change_5_5y as change_5d_5y,
    z_5_5y as z_5d_5y,
    change_3_10y as change_3d_10y,
    z_3_10y as z_3d_10y,
    change_5_10y as change_5d_10y,
    z_5_10y as z_5d_10y,
    change_3_20y as change_3d_20y,
    z_3_20y as z_3d_20y,
    change_5_20y as change_5d_20y,
    z_5_20y as z_5d_20y,
    change_3_30y as change_3d_30y,
    z_3_30y as z_3d_30y,
    change_5_30y as change_5d_30y,
    z_5_30y as z_5d_30y,
    change_3_40y as change_3d_40y,
    z_3_40y as z_3d_40y,
    change_5_40y as change_5d_40y,
    z_5_40y as z_5d_40y,
    rv_2y as rv21_2y,
    rv_5y as rv21_5y,
    rv_10y as rv21_10y,
    rv_20y as rv21_20y,
    rv_30y as rv21_30y,
    rv_40y as rv21_40y,
    move_proxy,
    short_change_5 as short_change_5d,
    long_change_5 as long_change_5d,
    slope_change_5 as slope_change_5d,
    regime_5 as regime_5d,
    short_change_21 as short_change_21d,
    long_change_21 as long_change_21d,
    slope_change_21 as slope_change_21d,
    regime_21 as regime_21d,
    short_change_63 as short_change_63d,
    long_change_63 as long_change_63d,
    slope_change_63 as slope_change_63d,
    regime_63 as regime_63d,
    is_twist_5 as is_twist_5d,
    bear_steepening_5 as bear_steepening_score,
    {{ mask_to_flags('row_mask') }} as flags,
    {{ digest_text('digest_258') }} as inputs_hash,
    origin,
    known_at
from days
