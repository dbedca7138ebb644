-- Reserves of a week as a share of what they serve, in percent: of the assets of commercial banks (H.8) and of nominal GDP at
-- annual rates. What is divided by is the newest figure that had ended with the week and was known when the reserves were, no
-- older than five weeks and a year; reserves in a wrong unit have no share.
{%- set oldest = {'bank_assets': 35, 'gdp': 366} %}
with reserves as (
    select
        week,
        known_at,
        reserves,
        mask_reserves as flag_mask,
        hash_reserves,
        origin
    from {{ ref('int_liquidity__weekly') }}
    where reserves is not null
),

denominators as (
    select
        'bank_assets' as measure,
        day,
        value,
        known_at,
        next_known_at,
        flag_mask,
        row_digest,
        origin
    from {{ ref('int_liquidity__state') }}
    where concept = 'bank_assets'
    union all
    select
        'gdp' as measure,
        day,
        value,
        known_at,
        next_known_at,
        flag_mask,
        row_digest,
        origin
    from {{ ref('int_cross__gdp') }}
),

joined as (
    select
        reserves.week,
        reserves.known_at,
        denominators.measure,
        100 * reserves.reserves / nullif(denominators.value, 0) as value,
        reserves.flag_mask | denominators.flag_mask as flag_mask,
        {{ digest(['reserves.hash_reserves', 'denominators.row_digest']) }} as inputs_digest,
        case when reserves.origin = denominators.origin then reserves.origin else 'mixed' end as origin,
        row_number() over (
            partition by reserves.week, reserves.known_at, denominators.measure
            order by denominators.day desc
        ) as recency
    from reserves
    inner join denominators
        on
            reserves.week >= denominators.day
            and {{ days_between('denominators.day', 'reserves.week') }}
            <= case denominators.measure when 'bank_assets' then {{ oldest['bank_assets'] }} else {{ oldest['gdp'] }} end
            and reserves.known_at >= denominators.known_at
            and (denominators.next_known_at is null or denominators.next_known_at > reserves.known_at)
    where denominators.value is not null
)

select
    week,
    known_at,
    measure,
    value,
    flag_mask,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from joined
where recency = 1
