-- The real return on cash (signal R6): SOFR less the newest 12-month change of the CPI that was known when SOFR was. A row is
-- written once, with the CPI of its day, and again only where SOFR itself changes. While the newest month of the CPI is a
-- marked gap there is no value, and no older month stands in for it.
with cash as (
    select
        period_start as day,
        value,
        known_at,
        obs_status,
        {{ travelling('flag_mask') }} as flag_mask,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', travelling('flag_mask')]) }} as row_digest,
        origin
    from {{ ref('int_observation__flagged') }}
    where series_id = 'nyfed.SOFR'
),

inflation as (
    select
        period_start as month,
        value,
        obs_status,
        known_at,
        lead(known_at) over (partition by period_start order by known_at) as next_known_at,
        flag_mask,
        inputs_hash,
        origin
    from {{ ref('int_signal__inflation') }}
    where signal_id = 'inflation.cpi_all_12m'
),

-- the newest month there was a word of, from each instant on
instants as (
    select
        known_at,
        max(max(month)) over (order by known_at rows between unbounded preceding and current row) as month
    from inflation
    group by known_at
),

spans as (
    select
        known_at,
        month,
        lead(known_at) over (order by known_at) as next_known_at
    from instants
)

select
    'rates.real_return_on_cash' as signal_id,
    cash.day as period_start,
    cash.day as period_end,
    round(cash.value - inflation.value, 10) as value,
    cash.known_at,
    case
        when cash.value is null then cash.obs_status
        when inflation.value is null then inflation.obs_status
        else 'A'
    end as obs_status,
    cast(cash.flag_mask | inflation.flag_mask as bigint) as flag_mask,
    cast(3 as int) as n_inputs,
    cast(
        case when cash.value is null then 1 else 0 end + case when inflation.value is null then 1 else 0 end as int
    ) as n_missing,
    {{ digest_text(digest(['cash.row_digest', 'inflation.inputs_hash'])) }} as inputs_hash,
    case when cash.origin = inflation.origin then cash.origin else 'mixed' end as origin
from cash
inner join spans
    on
        cash.known_at >= spans.known_at
        and (spans.next_known_at is null or spans.next_known_at > cash.known_at)
inner join inflation
    on
        spans.month = inflation.month
        and cash.known_at >= inflation.known_at
        and (inflation.next_known_at is null or inflation.next_known_at > cash.known_at)
