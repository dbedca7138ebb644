-- Each estimate of a month's payroll change beside the estimates before it: first, second and third print, the benchmark, what
-- this release revised, and, on the row of a release's own month, the sum of what it revised in the two months before.
with prints as (
    select
        *,
        lag(value) over history as previous_value,
        lag(known_at) over history as previous_known_at,
        first_value(value) over history as first_value_known,
        max(case when print_number = 1 then value end) over so_far as first_print,
        max(case when print_number = 1 then known_at end) over so_far as first_known_at,
        max(case when print_number = 2 then value end) over so_far as second_print,
        max(case when print_number = 2 then known_at end) over so_far as second_known_at,
        max(case when print_number = 3 then value end) over so_far as third_print,
        max(case when print_number = 3 then known_at end) over so_far as third_known_at,
        min(case when is_benchmark then known_at end) over so_far as benchmark_known_at
    from {{ ref('int_payroll__print') }}
    window
        history as (partition by period_start order by known_at),
        so_far as (
            partition by period_start
            order by known_at
            rows between unbounded preceding and current row
        )
),

-- the releases, and the two newest months that had a number before each
releases as (
    select
        known_at,
        max(release_period) as release_period
    from {{ ref('int_payroll__print') }}
    where is_of_release
    group by known_at
),

known_months as (
    select
        period_start,
        min(known_at) as known_from
    from {{ ref('int_payroll__print') }}
    group by period_start
),

numbered_months as (
    select
        releases.known_at,
        releases.release_period,
        known_months.period_start,
        row_number() over (partition by releases.known_at order by known_months.period_start desc) as recency
    from releases
    inner join known_months
        on
            releases.known_at > known_months.known_from
            and releases.release_period > known_months.period_start
),

sums as (
    select
        numbered_months.known_at,
        numbered_months.release_period,
        case when count(prints.previous_value) = 2 then sum(prints.value - prints.previous_value) end as revision_sum,
        cast(2 - count(prints.previous_value) as int) as n_missing,
        {{ mask_or('coalesce(prints.flag_mask, 0)') }} as flag_mask,
        bit_xor(coalesce(prints.row_digest, 0)) as inputs_digest,
        case when count(distinct prints.origin) = 1 then min(prints.origin) else 'mixed' end as origin
    from numbered_months
    left join prints
        on
            numbered_months.known_at = prints.known_at
            and numbered_months.period_start = prints.period_start
    where numbered_months.recency <= 2
    group by numbered_months.known_at, numbered_months.release_period
    having count(*) = 2 and count(distinct prints.origin) > 0
),

benchmarks as (
    select
        period_start,
        known_at,
        value
    from {{ ref('int_payroll__print') }}
    where is_benchmark
)

select
    prints.period_start,
    prints.period_end,
    prints.release_period,
    prints.known_at,
    prints.print_number,
    prints.is_benchmark,
    prints.is_stated,
    prints.value,
    prints.previous_value,
    prints.previous_known_at,
    prints.value - prints.previous_value as revision,
    prints.stated_before,
    prints.first_print,
    prints.first_known_at,
    prints.second_print,
    prints.second_known_at,
    prints.third_print,
    prints.third_known_at,
    benchmarks.value as benchmark_print,
    prints.benchmark_known_at,
    sums.revision_sum,
    sums.n_missing as revision_sum_n_missing,
    sums.flag_mask as revision_sum_mask,
    sums.inputs_digest as revision_sum_digest,
    sums.origin as revision_sum_origin,
    sums.known_at is not null as has_revision_sum,
    prints.obs_status,
    prints.row_digest,
    cast(
        prints.flag_mask
        | case when prints.value <> prints.first_value_known then {{ flag('REVISED') }} else 0 end
        | case when prints.origin = 'synthetic' then {{ flag('SYNTHETIC') }} else 0 end
        as bigint
    ) as flag_mask,
    prints.origin
from prints
left join sums
    on
        prints.known_at = sums.known_at
        and prints.period_start = sums.release_period
left join benchmarks
    on
        prints.period_start = benchmarks.period_start
        and prints.benchmark_known_at = benchmarks.known_at
