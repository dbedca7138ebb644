-- Positions of leveraged funds and asset managers in each Treasury future, at each instant at which the report changed. A
-- contract that was in an earlier report is expected in each later one: where it is missing, the row says so, and a total
-- would lack it.
with positions as (
    select
        split_part(series_id, '.', 3) as contract_code,
        split_part(series_id, '.', 4) as measure,
        period_end as report_date,
        value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where
        series_id like 'cftc.tff.%'
        and split_part(series_id, '.', 4) in ('lev_money_long', 'lev_money_short', 'asset_mgr_long', 'asset_mgr_short')
),

instants as (
    select distinct
        report_date,
        known_at
    from positions
),

-- since which report a contract is there, and since when that is known: a row only where it is known sooner than from older
-- reports
first_known as (
    select
        contract_code,
        report_date,
        known_at,
        min(known_at) over (
            partition by contract_code
            order by report_date, known_at
            rows between unbounded preceding and 1 preceding
        ) as known_before
    from positions
    where measure = 'lev_money_short'
),

expected as (
    select distinct
        instants.report_date,
        instants.known_at,
        first_known.contract_code
    from instants
    inner join first_known
        on
            instants.report_date >= first_known.report_date
            and instants.known_at >= first_known.known_at
    where first_known.known_before is null or first_known.known_at < first_known.known_before
),

assumed as (
    select
        contract_code,
        usd_per_bp,
        valid_from,
        lead(valid_from) over (partition by contract_code order by valid_from) as valid_until
    from {{ ref('seed_treasury_future_dv01') }}
),

states as (
    select
        expected.report_date,
        expected.known_at,
        expected.contract_code,
        max(case when positions.measure = 'lev_money_long' then positions.value end) as leveraged_long,
        max(case when positions.measure = 'lev_money_short' then positions.value end) as leveraged_short,
        max(case when positions.measure = 'asset_mgr_long' then positions.value end) as asset_manager_long,
        max(case when positions.measure = 'asset_mgr_short' then positions.value end) as asset_manager_short,
        count(positions.value) as n_values,
        max(positions.known_at) as newest_input_at,
        {{ mask_or('coalesce(positions.flag_mask, 0)') }} as flag_mask,
        bit_xor(coalesce(positions.row_digest, 0)) as inputs_digest,
        case when count(distinct positions.origin) <= 1 then min(positions.origin) else 'mixed' end as origin
    from expected
    left join positions
        on
            expected.contract_code = positions.contract_code
            and expected.report_date = positions.report_date
            and expected.known_at >= positions.known_at
            and (positions.next_known_at is null or positions.next_known_at > expected.known_at)
    group by expected.report_date, expected.known_at, expected.contract_code
)

select
    states.report_date,
    states.known_at,
    states.contract_code,
    futures.contract,
    futures.face_usd,
    states.leveraged_long,
    states.leveraged_short,
    states.asset_manager_long,
    states.asset_manager_short,
    (states.leveraged_long - states.leveraged_short) * assumed.usd_per_bp / ten_year.usd_per_bp as ten_year_equivalents,
    states.n_values,
    states.newest_input_at,
    states.flag_mask,
    states.inputs_digest,
    states.origin
from states
inner join {{ ref('seed_treasury_future') }} as futures
    on states.contract_code = futures.contract_code
left join assumed
    on
        states.contract_code = assumed.contract_code
        and states.report_date >= assumed.valid_from
        and (assumed.valid_until is null or states.report_date < assumed.valid_until)
left join assumed as ten_year
    on
        ten_year.contract_code = '043602'
        and states.report_date >= ten_year.valid_from
        and (ten_year.valid_until is null or states.report_date < ten_year.valid_until)
where futures.ended is null or states.report_date <= futures.ended
