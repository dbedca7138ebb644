-- Deficit, issuance and buybacks of the Treasury as they became known: one row for each period and instant at which one of its
-- signals changed. Months have the deficit and the issuance, days with a buyback the sum over 21 weekdays.
{%- set signals = [
    'deficit_fytd', 'deficit_fytd_yoy', 'deficit_fytd_yoy_adjusted', 'bill_share_of_issuance', 'buybacks_21d',
] %}
with signals as (
    select
        signal_id,
        period_start,
        period_end,
        value,
        known_at,
        next_known_at,
        flag_mask,
        inputs_hash,
        origin
    from {{ ref('int_signal__emitted') }}
    where signal_id like 'fiscal.%'
),

instants as (
    select distinct
        period_start,
        period_end,
        known_at
    from signals
),

bills as (
    select
        month,
        known_at,
        bills,
        issued,
        lead(known_at) over (partition by month order by known_at) as next_known_at
    from {{ ref('int_fiscal__issuance') }}
)

select
    instants.period_start,
    instants.period_end,
    {%- for name in signals %}
    max(case when signals.signal_id = 'fiscal.{{ name }}' then signals.value end) as {{ name }},
    {%- endfor %}
    max(bills.bills) as bills_issued,
    max(bills.issued) as securities_issued,
    {{ mask_to_flags(mask_or('signals.flag_mask')) }} as flags,
    case when count(distinct signals.origin) = 1 then min(signals.origin) else 'mixed' end as origin,
    instants.known_at
from instants
inner join signals
    on
        instants.period_start = signals.period_start
        and instants.period_end = signals.period_end
        and instants.known_at >= signals.known_at
        and (signals.next_known_at is null or signals.next_known_at > instants.known_at)
left join bills
    on
        instants.period_start = bills.month
        and instants.period_end > bills.month
        and instants.known_at >= bills.known_at
        and (bills.next_known_at is null or bills.next_known_at > instants.known_at)
group by instants.period_start, instants.period_end, instants.known_at
