{{ config(severity='warn', meta={"dagster": {"ref": {"name": "int_signal__emitted"}}}) }}
-- Realised volatility of yields is between 0.6 and 1.4 of the implied one of the user's file, day by day; where it is not, one
-- of the two may be in another unit. A warning: implied volatility may well leave the realised one behind on single days.
select
    implied.period_start,
    implied.value as implied,
    realised.value as realised
from {{ ref('int_signal__emitted') }} as implied
inner join {{ ref('int_signal__emitted') }} as realised
    on
        implied.period_start = realised.period_start
        and realised.signal_id = 'rates.move_proxy'
        and realised.next_known_at is null
where
    implied.signal_id = 'rates.move'
    and implied.next_known_at is null
    and realised.value not between 0.6 * implied.value and 1.4 * implied.value
