-- The nominal GDP that a twelve-month sum of the TIC table is held against: at each instant at which a sum of that month became
-- known, the newest quarter that had ended with the month, within its twelve months, as that quarter was known then. No row
-- where none was known.
with questions as (
    select distinct
        period_end,
        known_at
    from {{ ref('int_cross__line') }}
),

quarters as (
    select
        questions.period_end,
        questions.known_at,
        gdp.day as gdp_period_end,
        gdp.value as gdp,
        gdp.flag_mask,
        gdp.row_digest,
        gdp.origin,
        row_number() over (
            partition by questions.period_end, questions.known_at
            order by gdp.day desc
        ) as recency
    from questions
    inner join {{ ref('int_cross__gdp') }} as gdp
        on
            questions.period_end >= gdp.day
            and gdp.day > {{ month_end('questions.period_end', -12) }}
            and questions.known_at >= gdp.known_at
            and (gdp.next_known_at is null or gdp.next_known_at > questions.known_at)
    where gdp.value is not null
)

select
    period_end,
    known_at,
    gdp_period_end,
    gdp,
    flag_mask,
    row_digest,
    origin
from quarters
where recency = 1
