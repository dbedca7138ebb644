-- The dollar against equities where it matters (signal X2): the correlation that forgets (weights 0.97 to the age of a day,
-- means of zero, over 252 days, which hold all but a two-thousandth of the weight), and the slope of the dollar's changes on
-- those of equities over the worst tenth (25) of the equities' 252 days. A day that was taken back has a row without values.
with {{ epoch_days(ref('int_market__input'), ['usd_broad', 'equity']) }},

changes as (
    select
        *,
        100 * ln(usd_broad / lag(usd_broad) over every_day) as x,
        100 * ln(equity / lag(equity) over every_day) as y,
        row_number() over every_day as day_number,
        max(known_at) over last_253 as known_253,
        {{ mask_or_over('flag_mask', 'last_253') }} as mask_253,
        bit_xor(day_digest) over last_253 as digest_253,
        min(origin) over last_253 as first_origin,
        max(origin) over last_253 as last_origin
    from days
    window
        every_day as (partition by epoch_at order by day),
        last_253 as (partition by epoch_at order by day rows between 252 preceding and current row)
),

-- what an epoch did not change stands already
fresh as (
    select *
    from changes
    where
        day_number > 252
        and known_253 >= epoch_at
        and (next_epoch_at is null or known_253 < next_epoch_at)
),

pairs as (
    select
        fresh.epoch_at,
        fresh.day,
        history.x,
        history.y,
        power(cast(0.97 as double), fresh.day_number - history.day_number) as weight,
        row_number() over (
            partition by fresh.epoch_at, fresh.day
            order by history.y, history.day
        ) as place
    from fresh
    inner join changes as history
        on
            fresh.epoch_at = history.epoch_at
            and history.day_number between fresh.day_number - 251 and fresh.day_number
),

summed as (
    select
        epoch_at,
        day,
        cast(sum({{ exact('weight * x * y') }}) as double) as wxy,
        cast(sum({{ exact('weight * x * x') }}) as double) as wxx,
        cast(sum({{ exact('weight * y * y') }}) as double) as wyy,
        cast(sum(case when place <= 25 then {{ exact('x') }} end) as double) as tx,
        cast(sum(case when place <= 25 then {{ exact('y') }} end) as double) as ty,
        cast(sum(case when place <= 25 then {{ exact('x * y') }} end) as double) as txy,
        cast(sum(case when place <= 25 then {{ exact('y * y') }} end) as double) as tyy
    from pairs
    group by epoch_at, day
)

select
    fresh.epoch_at,
    fresh.next_epoch_at,
    fresh.day,
    fresh.day_number,
    summed.wxy / nullif(sqrt(summed.wxx * summed.wyy), 0) as corr_ewma,
    (25 * summed.txy - summed.tx * summed.ty) / nullif(25 * summed.tyy - summed.ty * summed.ty, 0) as tail_beta,
    fresh.known_253,
    fresh.mask_253,
    fresh.digest_253,
    case when fresh.first_origin = fresh.last_origin then fresh.first_origin else 'mixed' end as origin
from fresh
inner join summed
    on
        fresh.epoch_at = summed.epoch_at
        and fresh.day = summed.day
union all
select
    epoch_at,
    next_epoch_at,
    day,
    null as day_number,
    null as corr_ewma,
    null as tail_beta,
    known_at as known_253,
    flag_mask as mask_253,
    day_digest as digest_253,
    origin
from gone
-- what never stood is not taken back
where
    exists (
        select 1
        from days
        where days.day = gone.day and days.known_at < gone.known_at
    )
