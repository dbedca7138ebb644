-- The broad dollar against the short real rate: daily log changes on changes of the real yield in basis points, over 126 days.
-- The real yield is the 2-year yield less the 5-year break-even (5-year yield less that of 5-year inflation-indexed notes), a
-- stand-in for inflation expected over 2 years, of which no free market exists. The residual is that of the last day, over the
-- standard error of the regression (n - 2).
{%- set n = '126.0' %}
with {{ epoch_days(ref('int_market__input'), ['usd_broad', 'ust_2y', 'ust_5y', 'tips_5y']) }},

changes as (
    select
        *,
        100 * ln(usd_broad / lag(usd_broad) over every_day) as y,
        round(100 * (ust_2y - ust_5y + tips_5y - lag(ust_2y - ust_5y + tips_5y) over every_day), 6) as x,
        round(ust_2y - ust_5y + tips_5y, 6) as real_rate,
        row_number() over every_day as day_number
    from days
    window every_day as (partition by epoch_at order by day)
),

rolled as (
    select
        *,
        cast(sum({{ exact('x') }}) over steps_126 as double) as sx,
        cast(sum({{ exact('y') }}) over steps_126 as double) as sy,
        cast(sum({{ exact('x * x') }}) over steps_126 as double) as sxx,
        cast(sum({{ exact('y * y') }}) over steps_126 as double) as syy,
        cast(sum({{ exact('x * y') }}) over steps_126 as double) as sxy,
        max(known_at) over last_127 as known_127,
        {{ mask_or_over('flag_mask', 'last_127') }} as mask_127,
        bit_xor(day_digest) over last_127 as digest_127,
        min(origin) over last_127 as first_origin,
        max(origin) over last_127 as last_origin
    from changes
    window
        steps_126 as (partition by epoch_at order by day rows between 125 preceding and current row),
        last_127 as (partition by epoch_at order by day rows between 126 preceding and current row)
),

moments as (
    select
        *,
        (sxy - sx * sy / {{ n }}) as c_xy,
        greatest(sxx - sx * sx / {{ n }}, 0) as c_xx,
        greatest(syy - sy * sy / {{ n }}, 0) as c_yy
    from rolled
),

fitted as (
    select
        *,
        case when day_number > 126 then c_xy / nullif(c_xx, 0) end as beta,
        case when day_number > 126 then c_xy * c_xy / nullif(c_xx * c_yy, 0) end as r_squared
    from moments
)

select
    epoch_at,
    next_epoch_at,
    day,
    real_rate,
    beta,
    r_squared,
    (y - sy / {{ n }} - beta * (x - sx / {{ n }}))
    / nullif(sqrt(greatest(c_yy * (1 - r_squared), 0) / ({{ n }} - 2)), 0) as residual_z,
    known_127,
    mask_127,
    digest_127,
    case when first_origin = last_origin then first_origin else 'mixed' end as origin
from fitted
union all
select
    epoch_at,
    next_epoch_at,
    day,
    null as real_rate,
    null as beta,
    null as r_squared,
    null as residual_z,
    known_at as known_127,
    flag_mask as mask_127,
    day_digest as digest_127,
    origin
from gone
