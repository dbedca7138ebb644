-- What the equity index brought since the last day of the year before: at home, and to an investor in euros or yen who did not
-- hedge the dollar, (1 + r) * FX_0 / FX_1 - 1 with FX the foreign currency in dollars, by the rates of the ECB. These are of
-- 14:15 in Frankfurt and the close is New York's, so that a single day may be a percent off. Prices only: dividends count where
-- the index counts them. Percent. A year without a day from 24 December on before it has no row.
with {{ epoch_days(ref('int_market__input'), ['equity', 'eur_usd', 'eur_jpy']) }},

year_ends as (
    select
        epoch_at,
        cast(year(day) as int) + 1 as for_year,
        max(day) as base_day
    from days
    where month(day) = 12 and dayofmonth(day) >= 24
    group by epoch_at, cast(year(day) as int) + 1
),

paired as (
    select
        days.epoch_at,
        days.next_epoch_at,
        days.day,
        year_ends.base_day,
        days.equity / base.equity as growth,
        -- dollars for one unit of the foreign currency, then over now
        base.eur_usd / days.eur_usd as growth_eur,
        (base.eur_usd / base.eur_jpy) / (days.eur_usd / days.eur_jpy) as growth_jpy,
        greatest(days.known_at, base.known_at) as known_at,
        cast(days.flag_mask | base.flag_mask as bigint) as flag_mask,
        {{ digest_xor('days.day_digest', 'base.day_digest') }} as day_digest,
        case when days.origin = base.origin then days.origin else 'mixed' end as origin
    from days
    inner join year_ends
        on
            days.epoch_at = year_ends.epoch_at
            and year(days.day) = year_ends.for_year
    inner join days as base
        on
            year_ends.epoch_at = base.epoch_at
            and year_ends.base_day = base.day
)

select
    epoch_at,
    next_epoch_at,
    day,
    100 * (growth - 1) as local_ytd,
    100 * (growth * growth_eur - 1) as unhedged_eur_ytd,
    100 * (growth * growth_jpy - 1) as unhedged_jpy_ytd,
    known_at,
    flag_mask,
    day_digest,
    origin
from paired
union all
select
    epoch_at,
    next_epoch_at,
    day,
    null as local_ytd,
    null as unhedged_eur_ytd,
    null as unhedged_jpy_ytd,
    known_at,
    flag_mask,
    day_digest,
    origin
from gone
