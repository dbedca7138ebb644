-- How strongly the assets of a panel move together, by day. A panel has a row where all its assets have a value, so a series
-- that only some users have makes panels of its own and changes no other.
with panels as (
    select
        panel,
        concat_ws(
            ', '
            {%- for position in range(1, 25) %},
            max(case when position = {{ position }} then role end)
            {%- endfor %}
        ) as assets
    from {{ ref('seed_cross_asset_panel') }}
    group by panel
),

days as (
    select
        *,
        cast(
            mask_752
            | case when n_days < 752 then {{ flag('SHORT_HISTORY') }} else 0 end
            | case when n_days is null then {{ flag('COMPONENT_MISSING') }} else 0 end
            as bigint
        ) as row_mask
    from {{ ref('int_cross_asset__daily') }}
    where next_epoch_at is null or known_752 < next_epoch_at
)

select
    days.panel,
    days.day as period_start,
    days.day as period_end,
    panels.assets,
    days.n_assets,
    days.n_factors,
    days.absorption_ratio,
    days.absorption_shift,
    days.turbulence,
    days.mean_corr_63d as mean_pairwise_corr_63d,
    days.mean_corr_252d as mean_pairwise_corr_252d,
    days.effective_rank,
    {{ mask_to_flags('days.row_mask') }} as flags,
    {{ digest_text('days.digest_752') }} as inputs_hash,
    min(days.origin) as origin,
    days.known_752 as known_at
from days
inner join panels
    on days.panel = panels.panel
group by
    days.panel, days.day, panels.assets, days.n_assets, days.n_factors, days.absorption_ratio, days.absorption_shift,
    days.turbulence, days.mean_corr_63d, days.mean_corr_252d, days.effective_rank, days.row_mask, days.digest_752,
    days.known_752
