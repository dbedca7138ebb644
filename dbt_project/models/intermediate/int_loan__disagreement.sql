{{ config(materialized='incremental', incremental_strategy='append') }}
-- How far the managers of a loan are apart on it, one row for each loan, date and instant at which an opinion came, changed
-- or went. Only opinions on par that are comparable count; a manager counts once. Deviations are of the population, as all
-- who told are there.
with opinions as (
    select *
    from {{ ref('int_loan__mark') }}
),

shared as (
    select
        loan_id,
        period_end
    from opinions
    where is_comparable
    group by loan_id, period_end
    having count(distinct manager) > 1
),

instants as (
    select distinct
        opinions.loan_id,
        opinions.period_end,
        opinions.known_at
    from opinions
    inner join shared
        on opinions.loan_id = shared.loan_id and opinions.period_end = shared.period_end
),

known as (
    select
        instants.loan_id,
        instants.period_end,
        instants.known_at,
        opinions.manager,
        opinions.par,
        opinions.mark_par,
        opinions.borrower,
        opinions.currency,
        opinions.tier,
        opinions.flag_mask,
        opinions.origin,
        {{ quantile('opinions.mark_par', 0.5) }} over (
            partition by instants.loan_id, instants.period_end, instants.known_at
        ) as median_mark,
        cast(sum({{ exact('opinions.mark_par') }}) over (
            partition by instants.loan_id, instants.period_end, instants.known_at
        ) as double) / count(*) over (
            partition by instants.loan_id, instants.period_end, instants.known_at
        ) as mean_mark
    from instants
    inner join opinions
        on
            instants.loan_id = opinions.loan_id
            and instants.period_end = opinions.period_end
            and instants.known_at >= opinions.known_at
            and instants.known_at < coalesce(opinions.next_known_at, cast('9999-12-31' as timestamp))
    where opinions.is_comparable
),

measured as (
    select
        loan_id,
        period_end,
        known_at,
        min(borrower) as borrower,
        min(currency) as currency,
        -- one loan: the weakest of what holds its lines together
        max(tier) as tier,
        count(*) as n_managers,
        cast(sum({{ exact('par') }}) as double) as par,
        min(mark_par) as lowest_mark,
        max(mark_par) as highest_mark,
        max(mark_par) - min(mark_par) as mark_range,
        min(median_mark) as median_mark,
        max(mark_par) - min(median_mark) as highest_less_median,
        sqrt(cast(sum({{ exact('(mark_par - mean_mark) * (mark_par - mean_mark)') }}) as double) / count(*)) as mark_sd,
        {{ quantile('mark_par', 0.75) }} - {{ quantile('mark_par', 0.25) }} as mark_iqr,
        {{ quantile('abs(mark_par - median_mark)', 0.5) }} as mark_mad,
        {{ mask_or('flag_mask') }} as flag_mask,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin
    from known
    group by loan_id, period_end, known_at
)

select
    instants.loan_id,
    instants.period_end,
    instants.known_at,
    lead(instants.known_at) over (
        partition by instants.loan_id, instants.period_end
        order by instants.known_at
    ) as next_known_at,
    measured.borrower,
    measured.currency,
    measured.tier,
    coalesce(cast(measured.n_managers as int), 0) as n_managers,
    measured.par,
    measured.lowest_mark,
    measured.highest_mark,
    measured.median_mark,
    measured.highest_less_median,
    measured.mark_range,
    measured.mark_sd,
    measured.mark_iqr,
    measured.mark_mad,
    measured.flag_mask,
    measured.origin
from instants
left join measured
    on
        instants.loan_id = measured.loan_id
        and instants.period_end = measured.period_end
        and instants.known_at = measured.known_at
where {{ only_whole_builds() }}
