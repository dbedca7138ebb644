-- Marketable securities issued in a month, in USD billions: bills (cash management bills included) and all, less what the
-- System Open Market Account took beside the auction. That a month is over, and no result of it is to come, shows with the
-- first result that is known after it; the month is computed then, and again when a later result of it becomes known or
-- changes.
with results as (
    select
        split_part(series_id, '.', 3) as class,
        split_part(series_id, '.', 5) as field,
        cast(date_trunc('month', period_end) as date) as month,
        case when split_part(series_id, '.', 5) = 'soma_accepted' then -value else value end / 1000000000 as amount,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'period_end', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where series_id like 'fiscaldata.auctions_query.%'
),

months as (
    select distinct
        month,
        {{ local_midnight(add_months('month', 1), 'America/New_York') }} as ended_at
    from results
),

computed as (
    select
        months.month,
        min(results.known_at) as computed_at
    from months
    inner join results
        on months.ended_at <= results.known_at
    group by months.month
),

instants as (
    select
        month,
        computed_at as known_at
    from computed
    union
    select
        results.month,
        results.known_at
    from results
    inner join computed
        on
            results.month = computed.month
            and results.known_at > computed.computed_at
)

select
    instants.month,
    instants.known_at,
    cast(sum({{ exact('results.amount') }}) as double) as issued,
    cast(sum({{ exact("case when results.class in ('bill', 'cmb') then results.amount else 0 end") }}) as double) as bills,
    cast(sum(case when results.field = 'total_accepted' then 1 else 0 end) as int) as n_auctions,
    max(case when results.class = 'bill' then 1 else 0 end) as has_bills,
    max(case when results.class in ('note', 'bond') then 1 else 0 end) as has_coupons,
    {{ mask_or('results.flag_mask') }} as flag_mask,
    bit_xor(results.row_digest) as inputs_digest,
    case when count(distinct results.origin) = 1 then min(results.origin) else 'mixed' end as origin
from instants
inner join results
    on
        instants.month = results.month
        and instants.known_at >= results.known_at
        and (results.next_known_at is null or results.next_known_at > instants.known_at)
group by instants.month, instants.known_at
