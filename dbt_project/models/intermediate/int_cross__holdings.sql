-- What foreigners hold of long-term US securities (TIC, table 1), and how much of the change of a month was transactions,
-- prices and the rest: surveys that re-attribute, reporters that come and go. One row for each holder, kind of security, month
-- and instant at which one of its four inputs changed: holdings, those of the month before, net transactions, valuation change.
-- Each is taken as it then stood. The form of February 2023 tells transactions; before it there is no split (status L), and its
-- first month is flagged METHOD_BREAK, while holdings have no break. What a holder is says the seed: only a country may be
-- ranked as one.
with cells as (
    select
        split_part(flagged.series_id, '.', 4) as holder_code,
        case split_part(split_part(flagged.series_id, '.', 3), '_', 3)
            when 'total' then 'total'
            when 'treas' then 'treasury'
            when 'agcy' then 'agency'
            when 'corp' then 'corporate'
            when 'eqty' then 'equity'
        end as security,
        split_part(split_part(flagged.series_id, '.', 3), '_', 4) as measure,
        flagged.period_end,
        round(flagged.value * {{ to_billions('series.unit') }}, 6) as value,
        flagged.known_at,
        flagged.next_known_at,
        flagged.obs_status,
        {{ travelling('flagged.flag_mask') }} as flag_mask,
        flagged.origin,
        {{ digest(['flagged.series_id', 'flagged.period_start', 'flagged.known_at', 'flagged.value', 'flagged.obs_status']) }}
            as row_digest
    from {{ ref('int_observation__flagged') }} as flagged
    inner join {{ ref('int_series') }} as series
        on flagged.series_id = series.series_id
    where flagged.series_id like 'tic.slt1.for_lt_%'
),

inputs as (
    select
        holder_code, security, measure as role, period_end, value, known_at, next_known_at,
        obs_status, flag_mask, origin, row_digest
    from cells
    union all
    select
        holder_code, security, 'before' as role, {{ month_end('period_end', 1) }} as period_end, value, known_at, next_known_at,
        obs_status, flag_mask, origin, row_digest
    from cells
    where measure = 'pos'
),

instants as (
    select distinct
        holder_code,
        security,
        period_end,
        known_at
    from inputs
),

states as (
    select
        instants.holder_code,
        instants.security,
        instants.period_end,
        instants.known_at,
        max(case when inputs.role = 'pos' then inputs.value end) as holdings,
        max(case when inputs.role = 'before' then inputs.value end) as holdings_before,
        max(case when inputs.role = 'net' then inputs.value end) as net_transactions,
        max(case when inputs.role = 'valchg' then inputs.value end) as valuation_change,
        max(case when inputs.role = 'net' then inputs.obs_status end) as transactions_status,
        count(inputs.value) as n_values,
        max(case when inputs.role <> 'before' then 1 else 0 end) as is_told,
        {{ mask_or('inputs.flag_mask') }} as flag_mask,
        bit_xor(inputs.row_digest) as inputs_digest,
        case when count(distinct inputs.origin) <= 1 then min(inputs.origin) else 'mixed' end as origin
    from instants
    inner join inputs
        on
            instants.holder_code = inputs.holder_code
            and instants.security = inputs.security
            and instants.period_end = inputs.period_end
            and instants.known_at >= inputs.known_at
            and (inputs.next_known_at is null or inputs.next_known_at > instants.known_at)
    group by instants.holder_code, instants.security, instants.period_end, instants.known_at
),

split as (
    select
        *,
        round(holdings - holdings_before, 6) as holdings_change,
        round(holdings - holdings_before - net_transactions - valuation_change, 6) as other_change
    from states
    where is_told = 1
)

select
    split.holder_code,
    holders.holder,
    holders.kind as holder_kind,
    holders.is_custody_centre,
    split.security,
    cast(date_trunc('month', split.period_end) as date) as period_start,
    split.period_end,
    split.known_at,
    lead(split.known_at) over (
        partition by split.holder_code, split.security, split.period_end
        order by split.known_at
    ) as next_known_at,
    split.holdings,
    split.holdings_change,
    split.net_transactions,
    split.valuation_change,
    split.other_change,
    case
        when split.holdings is null then 'O'
        when split.net_transactions is null and split.period_end < cast('2023-02-01' as date) then 'L'
        when split.other_change is null then 'O'
        when split.transactions_status = 'B' then 'B'
        else 'A'
    end as obs_status,
    4 as n_inputs,
    cast(4 - split.n_values as int) as n_missing,
    split.flag_mask,
    split.inputs_digest,
    split.origin
from split
inner join {{ ref('seed_tic_holder') }} as holders
    on split.holder_code = holders.code
