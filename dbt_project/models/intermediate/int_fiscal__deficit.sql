-- The deficit of the fiscal year to date beside that of the year before, at each instant at which one of the two changed. Both
-- are of one statement, which restates the year before. On the wire a deficit is negative.
-- Benefits that are due on a first of the month without payments are paid in the month before. A span whose first of October,
-- or whose first day after its end, is such a day in one of the two years only is not comparable (CALENDAR_SHIFT).
with amounts as (
    select
        case when series_id like '%.prior_%' then 'prior' else 'current' end as part,
        period_start as month,
        period_end,
        value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where
        series_id in (
            'fiscaldata.mts_table_5.5694.current_fytd_net_outly_amt', 'fiscaldata.mts_table_5.5694.prior_fytd_net_outly_amt'
        )
),

instants as (
    select distinct
        month,
        period_end,
        known_at
    from amounts
),

spans as (
    select
        *,
        {{ add_months('month', 1) }} as day_after,
        {{ add_months("cast(date_trunc('year', " ~ add_months('month', 3) ~ ") as date)", -3) }} as first_day
    from instants
),

compared as (
    select
        *,
        {{ is_moved_payment_day('first_day') }} <> {{ is_moved_payment_day(add_months('first_day', -12)) }}
        or {{ is_moved_payment_day('day_after') }} <> {{ is_moved_payment_day(add_months('day_after', -12)) }} as is_shifted
    from spans
)

select
    compared.month,
    compared.period_end,
    compared.known_at,
    compared.is_shifted,
    -present.value / 1000000000 as deficit,
    case when present.value < 0 and year_before.value < 0 then (present.value / year_before.value - 1) * 100 end as change,
    case when present.value is null then 1 else 0 end + case when year_before.value is null then 1 else 0 end as n_missing,
    present.flag_mask as own_mask,
    present.row_digest as own_digest,
    present.flag_mask | coalesce(year_before.flag_mask, 0) as flag_mask,
    {{ digest(['present.row_digest', 'year_before.row_digest']) }} as inputs_digest,
    case when coalesce(year_before.origin, present.origin) = present.origin then present.origin else 'mixed' end as origin
from compared
inner join amounts as present
    on
        present.part = 'current'
        and compared.month = present.month
        and compared.known_at >= present.known_at
        and (present.next_known_at is null or present.next_known_at > compared.known_at)
left join amounts as year_before
    on
        year_before.part = 'prior'
        and compared.month = year_before.month
        and compared.known_at >= year_before.known_at
        and (year_before.next_known_at is null or year_before.next_known_at > compared.known_at)
