-- A month's first print and all revisions after it add up to each later estimate, and no estimate is known before its month.
with sums as (
    select
        period_start,
        known_at,
        value,
        first_print,
        first_known_at,
        sum(case when known_at > first_known_at then revision else 0 end) over (
            partition by period_start
            order by known_at
            rows between unbounded preceding and current row
        ) as revised
    from {{ ref('mart_payroll_revisions') }}
    where known_at >= first_known_at
)

select
    period_start,
    known_at,
    value,
    first_print,
    revised
from sums
where
    abs(first_print + revised - value) > 1e-6
    or known_at < cast(period_start as timestamp)
