-- A cancelled month gives a null rate at both of its ends, and never 0.
select
    inflation.signal_id,
    inflation.period_start,
    inflation.value
from {{ ref('mart_inflation') }} as inflation
where
    inflation.value is not null
    and (inflation.level is null or inflation.base_level is null)
