-- What gold and bitcoin do when equities move: slope and correlation of 63 daily log changes on common days. A day that was
-- taken back has a row without values.
{%- set assets = ['gold', 'btc'] %}
with
{%- for asset in assets %}
{{ asset }}_panel as (
    select
        '{{ asset }}' as asset,
        panel.epoch_at,
        panel.next_epoch_at,
        panel.day,
        panel.level,
        panel.equity,
        panel.known_at,
        panel.flag_mask,
        panel.origin,
        panel.day_digest
    from (
        with {{ epoch_days(ref('int_market__input'), [asset, 'equity']) }}

        select epoch_at, next_epoch_at, day, {{ asset }} as level, equity, known_at, flag_mask, origin, day_digest
        from days
        union all
        select epoch_at, next_epoch_at, day, null as level, null as equity, known_at, flag_mask, origin, day_digest
        from gone
        -- what never stood is not taken back
        where
            exists (
                select 1
                from days
                where days.day = gone.day and days.known_at < gone.known_at
            )
    ) as panel
),
{%- endfor %}

panels as (
    {%- for asset in assets %}
    select * from {{ asset }}_panel
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

changes as (
    select
        *,
        100 * ln(level / lag(level) over every_day) as y,
        100 * ln(equity / lag(equity) over every_day) as x,
        row_number() over every_day as day_number
    from panels
    where level is not null
    window every_day as (partition by asset, epoch_at order by day)
),

rolled as (
    select
        *,
        sum({{ exact('x') }}) over steps as sx,
        sum({{ exact('y') }}) over steps as sy,
        sum({{ exact('x * x') }}) over steps as sxx,
        sum({{ exact('y * y') }}) over steps as syy,
        sum({{ exact('x * y') }}) over steps as sxy,
        max(known_at) over last_64 as known_64,
        {{ mask_or_over('flag_mask', 'last_64') }} as mask_64,
        bit_xor(day_digest) over last_64 as digest_64,
        min(origin) over last_64 as first_origin,
        max(origin) over last_64 as last_origin
    from changes
    window
        steps as (partition by asset, epoch_at order by day rows between 62 preceding and current row),
        last_64 as (partition by asset, epoch_at order by day rows between 63 preceding and current row)
)

select
    asset,
    epoch_at,
    next_epoch_at,
    day,
    day_number,
    case
        when day_number > 63
            then
                (63.0 * cast(sxy as double) - cast(sx as double) * cast(sy as double))
                / nullif(63.0 * cast(sxx as double) - cast(sx as double) * cast(sx as double), 0)
    end as beta,
    case when day_number > 63 then {{ corr_from_sums('63.0', 'sx', 'sy', 'sxx', 'syy', 'sxy') }} end as corr,
    known_64,
    mask_64,
    digest_64,
    case when first_origin = last_origin then first_origin else 'mixed' end as origin
from rolled
union all
select
    asset,
    epoch_at,
    next_epoch_at,
    day,
    null as day_number,
    null as beta,
    null as corr,
    known_at as known_64,
    flag_mask as mask_64,
    day_digest as digest_64,
    origin
from panels
where level is null
