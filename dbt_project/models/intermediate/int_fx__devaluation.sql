-- A falling dollar in turbulent markets: the mean of the volatilities' z-scores on days on which the broad dollar is below its
-- level of 21 days before, and zero on others. A row is known with the dollar, and again when a volatility is told later.
-- Realised volatilities stand in for implied ones that are licensed (PROXY); those that nobody brought are missing components.
with dollar as (
    select
        day,
        change_21,
        known_274 as known_at,
        mask_274 as flag_mask,
        digest_274 as row_digest,
        min(origin) as origin
    from {{ ref('int_fx__broad') }}
    where next_epoch_at is null or known_274 < next_epoch_at
    group by day, change_21, known_274, mask_274, digest_274
),

told as (
    select
        day,
        min(known_at) as known_at
    from dollar
    group by day
),

instants as (
    select
        day,
        known_at
    from dollar
    union
    select
        volatility.day,
        volatility.known_at
    from {{ ref('int_fx__volatility') }} as volatility
    inner join told
        on
            volatility.day = told.day
            and volatility.known_at > told.known_at
),

moved as (
    select
        instants.day,
        instants.known_at as row_known_at,
        dollar.change_21,
        dollar.flag_mask,
        dollar.row_digest,
        dollar.origin,
        row_number() over (partition by instants.day, instants.known_at order by dollar.known_at desc) as recency
    from instants
    inner join dollar
        on
            instants.day = dollar.day
            and instants.known_at >= dollar.known_at
),

shaken as (
    select
        instants.day,
        instants.known_at as row_known_at,
        volatility.z,
        volatility.flag_mask,
        volatility.row_digest,
        volatility.origin,
        row_number() over (
            partition by instants.day, instants.known_at, volatility.role
            order by volatility.known_at desc
        ) as recency
    from instants
    inner join {{ ref('int_fx__volatility') }} as volatility
        on
            instants.day = volatility.day
            and instants.known_at >= volatility.known_at
),

averaged as (
    select
        day,
        row_known_at,
        cast(sum({{ exact('z') }}) as double) / nullif(count(z), 0) as mean_z,
        cast(count(z) as int) as n_volatilities,
        {{ mask_or('case when z is null then 0 else flag_mask end') }} as flag_mask,
        bit_xor(case when z is null then 0 else row_digest end) as row_digest,
        min(origin) as first_origin,
        max(origin) as last_origin
    from shaken
    where recency = 1
    group by day, row_known_at
)

select
    moved.day,
    case
        when moved.change_21 < 0 then averaged.mean_z
        when moved.change_21 is not null and averaged.mean_z is not null then cast(0 as double)
    end as devaluation_vol,
    coalesce(averaged.n_volatilities, 0) as n_volatilities,
    moved.row_known_at as known_at,
    cast(
        moved.flag_mask
        | coalesce(averaged.flag_mask, 0)
        | {{ flag('PROXY') }}
        | case when coalesce(averaged.n_volatilities, 0) < 5 then {{ flag('COMPONENT_MISSING') }} else 0 end
        as bigint
    ) as flag_mask,
    {{ digest_xor('moved.row_digest', 'averaged.row_digest') }} as row_digest,
    case
        when
            coalesce(averaged.first_origin, moved.origin) = moved.origin
            and coalesce(averaged.last_origin, moved.origin) = moved.origin
            then moved.origin
        else 'mixed'
    end as origin
from moved
left join averaged
    on
        moved.day = averaged.day
        and moved.row_known_at = averaged.row_known_at
where moved.recency = 1
