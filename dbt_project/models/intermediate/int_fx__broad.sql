-- The broad dollar by itself: its level, and its change over 21 days against what 21 days usually bring (the change in log
-- percent over the standard deviation, n-1, of the 252 daily changes before these days, times the root of 21).
-- A row reaches back 274 days.
with {{ epoch_days(ref('int_market__input'), ['usd_broad']) }},

changes as (
    select
        *,
        100 * ln(usd_broad / lag(usd_broad) over every_day) as r_usd,
        -- not the sum of 21 changes, which is some 1e-15 where the level came back to what it was
        100 * ln(usd_broad / lag(usd_broad, 21) over every_day) as change_21,
        row_number() over every_day as day_number
    from days
    window every_day as (partition by epoch_at order by day)
),

rolled as (
    select
        *,
        sum({{ exact('r_usd') }}) over before_21 as sum_before,
        sum({{ exact('r_usd * r_usd') }}) over before_21 as squares_before,
        max(known_at) over last_274 as known_274,
        {{ mask_or_over('flag_mask', 'last_274') }} as mask_274,
        bit_xor(day_digest) over last_274 as digest_274,
        min(origin) over last_274 as first_origin,
        max(origin) over last_274 as last_origin
    from changes
    window
        before_21 as (partition by epoch_at order by day rows between 272 preceding and 21 preceding),
        last_274 as (partition by epoch_at order by day rows between 273 preceding and current row)
)

select
    epoch_at,
    next_epoch_at,
    day,
    usd_broad,
    change_21,
    case
        when day_number > 273
            then
                change_21
                / nullif(sqrt(21.0) * {{ sd_from_sums('252.0', 'sum_before', 'squares_before') }}, 0)
    end as change_21_z,
    known_at as known_1,
    flag_mask as mask_1,
    day_digest as digest_1,
    known_274,
    mask_274,
    digest_274,
    case when first_origin = last_origin then first_origin else 'mixed' end as origin
from rolled
union all
select
    epoch_at,
    next_epoch_at,
    day,
    null as usd_broad,
    null as change_21,
    null as change_21_z,
    known_at as known_1,
    flag_mask as mask_1,
    day_digest as digest_1,
    known_at as known_274,
    flag_mask as mask_274,
    day_digest as digest_274,
    origin
from gone
