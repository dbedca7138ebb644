-- The external position of a quarter against its GDP, at each instant at which one of the two changed: the balance on current
-- account (a deficit is negative; four times a quarter's flow over GDP at an annual rate, as BEA compares them), its sum over
-- four quarters, and the net investment position at the end of the quarter.
with amounts as (
    select
        case when series_id like 'bea.ITA.%' then 'current_account' else 'position' end as part,
        period_start,
        period_end,
        value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where series_id in ('bea.ITA.BalCurrAcct.AllCountries.QSA', 'bea.IIP.Net.Pos.QNSA')
),

gdp as (
    select
        'gdp' as part,
        day as period_end,
        value,
        known_at,
        next_known_at,
        flag_mask,
        origin,
        row_digest
    from {{ ref('int_cross__gdp') }}
),

states as (
    select part, period_end, value, known_at, next_known_at, flag_mask, origin, row_digest from amounts
    union all
    select part, period_end, value, known_at, next_known_at, flag_mask, origin, row_digest from gdp
),

measures as (
    select 'current_account' as part, 'current_account_pct_gdp' as measure, 1 as quarters, 400 as scale
    union all
    select 'current_account' as part, 'current_account_4q_pct_gdp' as measure, 4 as quarters, 400 as scale
    union all
    select 'position' as part, 'niip_pct_gdp' as measure, 1 as quarters, 100 as scale
),

born as (
    select
        measures.measure,
        measures.part,
        measures.quarters,
        measures.scale,
        amounts.period_start,
        amounts.period_end,
        min(amounts.known_at) as known_at
    from amounts
    inner join measures
        on amounts.part = measures.part
    group by
        measures.measure, measures.part, measures.quarters, measures.scale, amounts.period_start, amounts.period_end
),

instants as (
    select distinct
        born.measure,
        born.part,
        born.quarters,
        born.scale,
        born.period_start,
        born.period_end,
        states.known_at
    from born
    inner join states
        on
            states.part in (born.part, 'gdp')
            and states.period_end <= born.period_end
            and states.period_end > {{ month_end('born.period_end', '-3 * born.quarters') }}
            and states.known_at >= born.known_at
),

compared as (
    select
        instants.measure,
        instants.quarters,
        instants.scale,
        instants.period_start,
        instants.period_end,
        instants.known_at,
        count(case when states.part <> 'gdp' then states.value end) as n_amounts,
        sum(case when states.part <> 'gdp' then {{ exact('states.value') }} end) as amount,
        count(case when states.part = 'gdp' then states.value end) as n_gdp,
        sum(case when states.part = 'gdp' then {{ exact('states.value') }} end) as gdp,
        {{ mask_or('states.flag_mask') }} as flag_mask,
        case when count(distinct states.origin) = 1 then min(states.origin) else 'mixed' end as origin,
        bit_xor(states.row_digest) as inputs_digest
    from instants
    inner join states
        on
            states.part in (instants.part, 'gdp')
            and states.period_end <= instants.period_end
            and states.period_end > {{ month_end('instants.period_end', '-3 * instants.quarters') }}
            and instants.known_at >= states.known_at
            and (states.next_known_at is null or states.next_known_at > instants.known_at)
    group by
        instants.measure,
        instants.quarters,
        instants.scale,
        instants.period_start,
        instants.period_end,
        instants.known_at
)

select
    measure,
    period_start,
    period_end,
    known_at,
    case
        when n_amounts = quarters and n_gdp = quarters
            then scale * cast(amount as double) / cast(gdp as double)
    end as value,
    cast(n_amounts + n_gdp as int) as n_inputs,
    cast(2 * quarters - n_amounts - n_gdp as int) as n_missing,
    flag_mask,
    origin,
    inputs_digest
from compared
