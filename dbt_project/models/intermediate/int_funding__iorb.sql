-- The interest rate on reserve balances (on excess reserves before 29 July 2021) as a dated step table: from which day a rate
-- is in force, and when that was known. A decision is announced on the day before it takes effect, so a rate can be known and
-- not yet be in force. The decisions themselves are observations of the room prints.
select
    period_start as decided_on,
    period_end as effective_from,
    value as rate,
    known_at,
    next_known_at,
    {{ travelling('flag_mask') }} as flag_mask,
    {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', travelling('flag_mask')]) }} as row_digest,
    origin
from {{ ref('int_observation__flagged') }}
where
    series_id = 'fed.iorb'
    and value is not null
