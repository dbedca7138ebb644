-- An equity index against its own past: how far it is below its highest close of 252 days, and from the mean of its last 100,
-- in percent. A day that was taken back has a row without values.
with {{ epoch_days(ref('int_market__input'), ['equity']) }},

rolled as (
    select
        *,
        row_number() over (partition by epoch_at order by day) as day_number,
        max(equity) over last_252 as highest,
        cast(sum({{ exact('equity') }}) over last_100 as double) / 100 as mean_100,
        max(known_at) over last_100 as known_100,
        {{ mask_or_over('flag_mask', 'last_100') }} as mask_100,
        bit_xor(day_digest) over last_100 as digest_100,
        max(known_at) over last_252 as known_252,
        {{ mask_or_over('flag_mask', 'last_252') }} as mask_252,
        bit_xor(day_digest) over last_252 as digest_252,
        min(origin) over last_252 as first_origin,
        max(origin) over last_252 as last_origin
    from days
    window
        last_100 as (partition by epoch_at order by day rows between 99 preceding and current row),
        last_252 as (partition by epoch_at order by day rows between 251 preceding and current row)
),

measured as (
    select
        *,
        case when day_number >= 252 then 100 * (1 - equity / highest) end as drawdown,
        case when day_number >= 100 then 100 * (equity / mean_100 - 1) end as distance
    from rolled
)

select
    epoch_at,
    next_epoch_at,
    day,
    day_number,
    drawdown,
    distance,
    known_100,
    mask_100,
    digest_100,
    known_252,
    mask_252,
    digest_252,
    case when first_origin = last_origin then first_origin else 'mixed' end as origin
from measured
union all
select
    epoch_at,
    next_epoch_at,
    day,
    null as day_number,
    null as drawdown,
    null as distance,
    known_at as known_100,
    flag_mask as mask_100,
    day_digest as digest_100,
    known_at as known_252,
    flag_mask as mask_252,
    day_digest as digest_252,
    origin
from gone
-- what never stood is not taken back
where
    exists (
        select 1
        from days
        where days.day = gone.day and days.known_at < gone.known_at
    )
