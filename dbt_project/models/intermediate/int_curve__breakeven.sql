-- The 5-year break-even (nominal par yield less that of inflation-indexed notes) and its change over 21 common days, in basis
-- points. A day that was taken back has a row without values.
with {{ epoch_days(ref('int_market__input'), ['ust_5y', 'tips_5y']) }},

rolled as (
    select
        *,
        round(100 * (ust_5y - tips_5y), 6) as breakeven,
        round(100 * (ust_5y - tips_5y - lag(ust_5y - tips_5y, 21) over every_day), 6) as change_21,
        max(known_at) over last_22 as known_22,
        {{ mask_or_over('flag_mask', 'last_22') }} as mask_22,
        bit_xor(day_digest) over last_22 as digest_22,
        min(origin) over last_22 as first_origin,
        max(origin) over last_22 as last_origin
    from days
    window
        every_day as (partition by epoch_at order by day),
        last_22 as (partition by epoch_at order by day rows between 21 preceding and current row)
)

select
    epoch_at,
    next_epoch_at,
    day,
    breakeven,
    change_21,
    known_22,
    mask_22,
    digest_22,
    case when first_origin = last_origin then first_origin else 'mixed' end as origin
from rolled
union all
select
    epoch_at,
    next_epoch_at,
    day,
    null as breakeven,
    null as change_21,
    known_at as known_22,
    flag_mask as mask_22,
    day_digest as digest_22,
    origin
from gone
-- what never stood is not taken back
where
    exists (
        select 1
        from days
        where days.day = gone.day and days.known_at < gone.known_at
    )
