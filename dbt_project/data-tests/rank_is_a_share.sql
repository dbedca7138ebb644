-- rank_exp lies between 0 and 1, and confidence too.
select
    signal_id,
    period_start,
    rank_exp,
    confidence
from {{ ref('mart_signal_long') }}
where
    rank_exp < 0
    or rank_exp > 1
    or confidence < 0
    or confidence > 1
