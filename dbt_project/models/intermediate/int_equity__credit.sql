-- Credit against equities (signal C6): how far the spread of corporate bonds stands from its 252 days before, in standard
-- deviations, less how far the drawdown of an equity index from its highest close of 252 days does. Both are high in a common
-- fall; credit alone is what 2007 looked like. A row reaches back 504 days. A day that was taken back has a row without values.
with {{ epoch_days(ref('int_market__input'), ['credit_spread', 'equity']) }},

drawn as (
    select
        *,
        row_number() over (partition by epoch_at order by day) as day_number,
        round(1 - equity / max(equity) over last_252, 12) as drawdown
    from days
    window last_252 as (partition by epoch_at order by day rows between 251 preceding and current row)
),

rolled as (
    select
        *,
        {%- for name in ['credit_spread', 'drawdown'] %}
        ({{ name }} - cast(sum({{ exact(name) }}) over before_today as double) / 252)
        / nullif(
            {{ sd_from_sums(
                '252.0',
                'sum(' ~ exact(name) ~ ') over before_today',
                'sum(' ~ exact(name ~ ' * ' ~ name) ~ ') over before_today'
            ) }},
            0
        ) as z_{{ name }},
        {%- endfor %}
        max(known_at) over last_504 as known_504,
        {{ mask_or_over('flag_mask', 'last_504') }} as mask_504,
        bit_xor(day_digest) over last_504 as digest_504,
        min(origin) over last_504 as first_origin,
        max(origin) over last_504 as last_origin
    from drawn
    window
        before_today as (partition by epoch_at order by day rows between 252 preceding and 1 preceding),
        last_504 as (partition by epoch_at order by day rows between 503 preceding and current row)
),

measured as (
    select
        *,
        case when day_number >= 504 then z_credit_spread - z_drawdown end as divergence
    from rolled
)

select
    epoch_at,
    next_epoch_at,
    day,
    day_number,
    divergence,
    known_504,
    mask_504,
    digest_504,
    case when first_origin = last_origin then first_origin else 'mixed' end as origin
from measured
union all
select
    epoch_at,
    next_epoch_at,
    day,
    null as day_number,
    null as divergence,
    known_at as known_504,
    flag_mask as mask_504,
    day_digest as digest_504,
    origin
from gone
-- what never stood is not taken back
where
    exists (
        select 1
        from days
        where days.day = gone.day and days.known_at < gone.known_at
    )
