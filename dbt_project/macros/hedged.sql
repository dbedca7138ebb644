{#-
    What an equity index brought since the last day of the year before to a foreign investor who sold the dollar forward by a month,
    month after month: each month brings the index's return and the forward's, (1 + i tau) / (1 + i_usd tau) - 1 by covered interest
    parity, with the rates of the day on which the month's hedge was made and tau the days since then over 360. The hedge is that
    of the amount invested, so the return in dollars itself stays unhedged for less than a month; that product is left out.
    `short_rate` is the role of the foreign short rate. Percent.
-#}
{% macro hedged_return(short_rate) -%}
with {{ epoch_days(ref('int_market__input'), ['equity', 'short_usd', short_rate]) }},

dated as (
    select
        *,
        cast(date_trunc('month', day) as date) as month_start,
        cast(year(day) as int) as in_year,
        max(day) over (partition by epoch_at, cast(date_trunc('month', day) as date)) as month_end
    from days
),

grown as (
    select
        dated.epoch_at,
        dated.next_epoch_at,
        dated.day,
        dated.in_year,
        dated.month_start,
        dated.day = dated.month_end as is_month_end,
        dated.equity / base.equity
        + (1 + base.{{ short_rate }} / 100 * {{ days_between('base.day', 'dated.day') }} / 360.0)
        / (1 + base.short_usd / 100 * {{ days_between('base.day', 'dated.day') }} / 360.0) - 1 as growth,
        greatest(dated.known_at, base.known_at) as known_at,
        cast(dated.flag_mask | base.flag_mask as bigint) as flag_mask,
        {{ digest_xor('dated.day_digest', 'base.day_digest') }} as day_digest,
        case when dated.origin <> base.origin then 'mixed' else dated.origin end as origin
    from dated
    inner join dated as base
        on
            dated.epoch_at = base.epoch_at
            and {{ add_months('dated.month_start', -1) }} = base.month_start
            and base.day = base.month_end
),

chained as (
    select
        own.epoch_at,
        own.next_epoch_at,
        own.day,
        own.growth,
        greatest(own.known_at, coalesce(max(earlier.known_at), own.known_at)) as known_at,
        cast(own.flag_mask | coalesce({{ mask_or('earlier.flag_mask') }}, 0) as bigint) as flag_mask,
        {{ digest_xor('own.day_digest', 'bit_xor(earlier.day_digest)') }} as day_digest,
        case
            when coalesce(min(earlier.origin), own.origin) = own.origin
                and coalesce(max(earlier.origin), own.origin) = own.origin
                then own.origin
            else 'mixed'
        end as origin,
        count(earlier.day) as n_months,
        cast(coalesce(sum({{ exact('ln(earlier.growth)') }}), 0) as double) as log_before,
        month(own.day) - 1 as n_expected
    from grown as own
    left join grown as earlier
        on
            own.epoch_at = earlier.epoch_at
            and own.in_year = earlier.in_year
            and own.month_start > earlier.month_start
            and earlier.is_month_end
    group by
        own.epoch_at, own.next_epoch_at, own.day, own.growth, own.known_at, own.flag_mask, own.day_digest, own.origin
)

select
    epoch_at,
    next_epoch_at,
    day,
    100 * (growth * exp(log_before) - 1) as hedged_ytd,
    known_at,
    flag_mask,
    day_digest,
    origin
from chained
where n_months = n_expected
union all
select
    epoch_at,
    next_epoch_at,
    day,
    null as hedged_ytd,
    known_at,
    flag_mask,
    day_digest,
    origin
from gone
{%- endmacro %}
