-- A place on a spoke is between its ends, a value is inside its bounds, and what has no value has no place.
select
    spoke,
    period_start,
    known_at,
    low,
    value,
    high,
    outward_low,
    outward,
    outward_high
from {{ ref('mart_reserve_ampleness') }}
where
    outward not between 0 and 1
    or outward_low > outward
    or outward > outward_high
    or low > value
    or value > high
    or (value is null and outward is not null)
