{{ config(severity='warn') }}
-- The international transactions of one answer of BEA add up, where it has the parts: the current account is the sum of its
-- balances, and current account, capital account and financial account (net lending is positive) leave the statistical
-- discrepancy with the opposite sign. Numbers are rounded to millions. A warning: revisions of BEA are no fault of a run.
with parts as (
    select
        payload_sha256,
        period_end,
        max(case when series_id like 'bea.ITA.BalCurrAcct.%' then value end) as current_account,
        max(case when series_id like 'bea.ITA.BalGds.%' then value end) as goods,
        max(case when series_id like 'bea.ITA.BalServ.%' then value end) as services,
        max(case when series_id like 'bea.ITA.BalPrimInc.%' then value end) as primary_income,
        max(case when series_id like 'bea.ITA.BalSecInc.%' then value end) as secondary_income,
        max(case when series_id like 'bea.ITA.BalCapAcct.%' then value end) as capital_account,
        max(case when series_id like 'bea.ITA.NetLendBorrFinAcct.%' then value end) as financial_account,
        max(case when series_id like 'bea.ITA.StatDisc.%' then value end) as discrepancy
    from {{ ref('stg_bea__observation') }}
    where series_id like 'bea.ITA.%'
    group by payload_sha256, period_end
)

select
    payload_sha256,
    period_end,
    current_account - goods - services - primary_income - secondary_income as current_difference,
    current_account + capital_account - financial_account + discrepancy as balance_difference
from parts
where
    abs(current_account - goods - services - primary_income - secondary_income) > 0.005
    or abs(current_account + capital_account - financial_account + discrepancy) > 0.005
