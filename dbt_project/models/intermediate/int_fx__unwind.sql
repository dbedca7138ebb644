-- Days on which foreigners' holdings of dollar assets look sold: the broad dollar and equities fell, and implied volatility
-- rose and stood more than one deviation above its 252 days before. The score is their share in 21 days, and is zero unless the
-- dollar lost more than one standard deviation in these 21 days: in a dash for dollars equities fall and the dollar rises, and
-- single days on which it does not are noise. A row reaches back 274 days.
with {{ epoch_days(ref('int_market__input'), ['usd_broad', 'equity', 'vix']) }},

changes as (
    select
        *,
        100 * ln(usd_broad / lag(usd_broad) over every_day) as r_usd,
        100 * ln(equity / lag(equity) over every_day) as r_equity,
        vix - lag(vix) over every_day as d_vix,
        row_number() over every_day as day_number
    from days
    window every_day as (partition by epoch_at order by day)
),

judged_days as (
    select
        *,
        case
            when day_number > 252
                then
                    (vix - cast(sum({{ exact('vix') }}) over before_today as double) / 252)
                    / nullif(
                        {{ sd_from_sums(
                            '252.0',
                            'sum(' ~ exact('vix') ~ ') over before_today',
                            'sum(' ~ exact('vix * vix') ~ ') over before_today'
                        ) }},
                        0
                    )
        end as vix_z
    from changes
    window before_today as (partition by epoch_at order by day rows between 252 preceding and 1 preceding)
),

marked as (
    select
        *,
        case
            when vix_z is null then null
            when r_usd < 0 and r_equity < 0 and d_vix > 0 and vix_z > 1 then 1
            else 0
        end as is_unwind
    from judged_days
),

rolled as (
    select
        *,
        count(is_unwind) over steps_21 as n_judged,
        sum(is_unwind) over steps_21 as n_unwind,
        sum({{ exact('r_usd') }}) over steps_21 as change_21,
        sum({{ exact('r_usd') }}) over before_21 as sum_before,
        sum({{ exact('r_usd * r_usd') }}) over before_21 as squares_before,
        max(known_at) over last_274 as known_274,
        {{ mask_or_over('flag_mask', 'last_274') }} as mask_274,
        bit_xor(day_digest) over last_274 as digest_274,
        min(origin) over last_274 as first_origin,
        max(origin) over last_274 as last_origin
    from marked
    window
        steps_21 as (partition by epoch_at order by day rows between 20 preceding and current row),
        before_21 as (partition by epoch_at order by day rows between 272 preceding and 21 preceding),
        last_274 as (partition by epoch_at order by day rows between 273 preceding and current row)
)

select
    epoch_at,
    next_epoch_at,
    day,
    cast(day_number as int) as n_days,
    case when n_judged = 21 then cast(n_unwind as int) end as unwind_days,
    case
        when n_judged < 21 or day_number <= 273 then null
        when
            cast(change_21 as double) < -sqrt(21.0) * {{ sd_from_sums('252.0', 'sum_before', 'squares_before') }}
            then cast(n_unwind as double) / 21
        else 0.0
    end as unwind_score,
    vix_z,
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
    null as n_days,
    null as unwind_days,
    null as unwind_score,
    null as vix_z,
    known_at as known_274,
    flag_mask as mask_274,
    day_digest as digest_274,
    origin
from gone
