-- Par accepted in buybacks in the 29 days (21 weekdays) that end with a day with an operation, in USD billions, at each
-- instant at which a result in the window became known or changed.
with operations as (
    select
        period_end as day,
        value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where
        series_id like 'fiscaldata.buybacks_operations.%'
        and split_part(series_id, '.', 6) = 'total_par_amt_accepted'
),

days as (
    select distinct day
    from operations
),

instants as (
    select distinct
        days.day,
        operations.known_at
    from days
    inner join operations
        on operations.day between {{ add_days('days.day', -28) }} and days.day
),

oldest as (
    select
        known_at,
        min(min(day)) over (order by known_at) as day
    from operations
    group by known_at
),

windows as (
    select
        instants.day,
        instants.known_at,
        sum({{ exact('operations.value / 1000000000') }}) as accepted,
        cast(count(operations.value) as int) as n_operations,
        max(case when operations.day = instants.day then 1 else 0 end) as has_own,
        {{ mask_or('operations.flag_mask') }} as flag_mask,
        bit_xor(operations.row_digest) as inputs_digest,
        case when count(distinct operations.origin) = 1 then min(operations.origin) else 'mixed' end as origin
    from instants
    inner join operations
        on
            operations.day between {{ add_days('instants.day', -28) }} and instants.day
            and instants.known_at >= operations.known_at
            and (operations.next_known_at is null or operations.next_known_at > instants.known_at)
    group by instants.day, instants.known_at
)

select
    windows.day,
    windows.known_at,
    cast(windows.accepted as double) as accepted,
    windows.n_operations,
    cast(
        windows.flag_mask
        | case when oldest.day > {{ add_days('windows.day', -28) }} then {{ flag('SHORT_HISTORY') }} else 0 end
        as bigint
    ) as flag_mask,
    windows.inputs_digest,
    windows.origin
from windows
inner join oldest
    on windows.known_at = oldest.known_at
where windows.has_own = 1
