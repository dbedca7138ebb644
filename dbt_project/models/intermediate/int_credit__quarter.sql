{{ config(materialized='incremental', incremental_strategy='append') }}
-- Private credit at the end of each calendar quarter, at each instant at which a filing about it came or changed: who had
-- told by then of whom, how far managers were apart on the same loans, and how the loans stood. Only comparable opinions in
-- dollars count.
{%- set sums = [
    'par', 'value_at_par', 'par_below_90', 'par_below_80', 'par_in_kind', 'par_non_accrual', 'par_with_accrual'
] %}
with filings as (
    select *
    from {{ ref('int_holding__filing') }}
    where
        period_end = {{ month_end('period_end') }}
        and extract(month from period_end) % 3 = 0
),

opinions as (
    select
        *,
        lag(known_at) over history as previous_at,
        lead(known_at) over history as following_at
    from {{ ref('int_loan__mark') }}
    where
        period_end = {{ month_end('period_end') }}
        and extract(month from period_end) % 3 = 0
    window history as (partition by loan_id, period_end, manager order by known_at)
),

instants as (
    select period_end, known_at from filings
    union
    select period_end, known_at from opinions
),

-- a fund is expected if it told of the quarter before, as far as that was known; one that tells unexpectedly is expected
-- from then on
expected as (
    select
        instants.period_end,
        instants.known_at,
        count(distinct filings.fund) as n_funds_expected,
        count(distinct filings.manager) as n_managers_expected,
        count(distinct case when filings.period_end = instants.period_end then filings.fund end) as n_funds_known,
        count(distinct case when filings.period_end = instants.period_end then filings.manager end) as n_managers_known,
        count(distinct case when filings.period_end = instants.period_end and filings.is_amendment then filings.fund end)
            as n_funds_amended
    from instants
    inner join filings
        on
            filings.period_end between {{ month_end('instants.period_end', -3) }} and instants.period_end
            and instants.known_at >= filings.known_at
    group by instants.period_end, instants.known_at
),

-- who is registered to file at all, by the newest edition of the register that was known
register as (
    select filer, min(known_at) as known_at
    from (
        {{ union_rooms('filing') }}
    ) as rooms
    where kind = 'register' and {{ known_by('known_at') }}
    group by filer
),

registered as (
    select
        instants.period_end,
        instants.known_at,
        count(distinct register.filer) as n_registered
    from instants
    inner join register
        on instants.known_at >= register.known_at
    group by instants.period_end, instants.known_at
),

levels as (
    select
        instants.period_end,
        instants.known_at,
        cast(sum({{ exact('filings.fund_level_3') }}) as double)
        / nullif(cast(sum({{ exact('filings.fund_total') }}) as double), 0) as level3_share,
        count(*) as n_funds_with_levels
    from instants
    inner join filings
        on
            instants.period_end = filings.period_end
            and instants.known_at >= filings.known_at
            and instants.known_at < coalesce(filings.replaced_at, cast('9999-12-31' as timestamp))
    where filings.fund_level_3 is not null and filings.fund_total > 0
    group by instants.period_end, instants.known_at
),

-- what each opinion adds when it comes and takes when it changes; the sums over time are the state
counted as (
    select
        period_end,
        known_at,
        following_at,
        loan_id,
        manager,
        flag_mask,
        origin,
        lines_digest,
        {{ exact('par') }} as par,
        {{ exact('par * mark_par') }} as value_at_par,
        {{ exact('case when mark_par < 0.9 then par else 0 end') }} as par_below_90,
        {{ exact('case when mark_par < 0.8 then par else 0 end') }} as par_below_80,
        {{ exact('case when is_in_kind then par else 0 end') }} as par_in_kind,
        {{ exact("case when accrual_status = 'non_accrual' then par else 0 end") }} as par_non_accrual,
        {{ exact('case when accrual_status is not null then par else 0 end') }} as par_with_accrual
    from opinions
    where is_comparable and currency = 'USD'
),

steps as (
    select
        period_end, known_at, 1 as direction, par, value_at_par, par_below_90, par_below_80, par_in_kind, par_non_accrual,
        par_with_accrual
    from counted
    union all
    select
        period_end, following_at as known_at, -1 as direction, par, value_at_par, par_below_90, par_below_80, par_in_kind,
        par_non_accrual, par_with_accrual
    from counted
    where following_at is not null
),

stepped as (
    select
        instants.period_end,
        instants.known_at,
        {%- for name in sums %}
        sum(coalesce(steps.direction * steps.{{ name }}, 0)) as {{ name }},
        {%- endfor %}
        sum(coalesce(steps.direction, 0)) as n_opinions
    from instants
    left join steps
        on instants.period_end = steps.period_end and instants.known_at = steps.known_at
    group by instants.period_end, instants.known_at
),

standing as (
    select
        period_end,
        known_at,
        {%- for name in sums %}
        cast(sum({{ name }}) over history as double) as {{ name }},
        {%- endfor %}
        sum(n_opinions) over history as n_opinions
    from stepped
    window history as (
        partition by period_end
        order by known_at
        rows between unbounded preceding and current row
    )
),

apart as (
    select
        instants.period_end,
        instants.known_at,
        count(*) as n_loans_shared,
        count(case when loans.tier = 'high' then 1 end) as n_loans_high,
        cast(sum({{ exact('loans.par') }}) as double) as par_shared,
        cast(sum({{ exact('loans.par * loans.mark_range') }}) as double) as par_times_range,
        cast(sum({{ exact('loans.par * loans.mark_sd') }}) as double) as par_times_sd,
        cast(sum({{ exact('loans.par * loans.mark_iqr') }}) as double) as par_times_iqr,
        cast(sum({{ exact('loans.par * loans.mark_mad') }}) as double) as par_times_mad,
        cast(sum({{ exact('loans.mark_range') }}) as double) / count(*) as range_mean,
        {{ quantile('loans.mark_range', 0.5) }} as range_median,
        {{ quantile('loans.mark_range', 0.95) }} as range_p95,
        max(loans.mark_range) as range_max,
        {%- for points in [5, 10, 20] %}
        cast(sum(case when round(loans.mark_range, 9) > {{ points / 100 }} then {{ exact('loans.par') }} else 0 end) as double)
            as par_gap_over_{{ points }},
        count(case when round(loans.mark_range, 9) > {{ points / 100 }} then 1 end) as n_gap_over_{{ points }},
        {%- endfor %}
        {{ mask_or('loans.flag_mask') }} as flag_mask,
        case when count(distinct loans.origin) = 1 then min(loans.origin) else 'mixed' end as origin
    from instants
    inner join {{ ref('int_loan__disagreement') }} as loans
        on
            instants.period_end = loans.period_end
            and instants.known_at >= loans.known_at
            and instants.known_at < coalesce(loans.next_known_at, cast('9999-12-31' as timestamp))
    where loans.n_managers > 1 and loans.currency = 'USD'
    group by instants.period_end, instants.known_at
),

-- origin and flags of everything that had been told by then, and a digest of it
inputs as (
    select
        period_end,
        known_at,
        max(is_synthetic) over history as is_synthetic,
        max(is_other) over history as is_other,
        min(origin) over history as origin,
        bit_xor(lines_digest) over history as inputs_digest
    from (
        select
            instants.period_end,
            instants.known_at,
            max(case when opinions.origin = 'synthetic' then 1 else 0 end) as is_synthetic,
            max(case when opinions.origin <> 'synthetic' then 1 else 0 end) as is_other,
            min(opinions.origin) as origin,
            bit_xor({{ digest(['opinions.loan_id', 'opinions.manager', 'opinions.lines_digest', 'opinions.known_at']) }})
                as lines_digest
        from instants
        left join opinions
            on instants.period_end = opinions.period_end and instants.known_at = opinions.known_at
        group by instants.period_end, instants.known_at
    ) as told
    window history as (
        partition by period_end
        order by known_at
        rows between unbounded preceding and current row
    )
)

select
    {{ add_days(month_end('instants.period_end', -3), 1) }} as period_start,
    instants.period_end,
    instants.known_at,
    cast(coalesce(expected.n_funds_known, 0) as int) as n_funds_known,
    cast(coalesce(expected.n_funds_expected, 0) as int) as n_funds_expected,
    cast(coalesce(expected.n_managers_known, 0) as int) as n_managers_known,
    cast(coalesce(expected.n_managers_expected, 0) as int) as n_managers_expected,
    cast(coalesce(expected.n_funds_amended, 0) as int) as n_funds_amended,
    cast(registered.n_registered as int) as n_registered,
    cast(standing.n_opinions as int) as n_opinions,
    nullif(standing.par, 0) as par_eligible,
    cast(coalesce(apart.n_loans_shared, 0) as int) as n_loans_shared,
    cast(coalesce(apart.n_loans_high, 0) as int) as n_loans_high,
    apart.par_shared,
    coalesce(apart.par_shared, 0) / nullif(standing.par, 0) as share_shared,
    apart.par_times_range / apart.par_shared as range_weighted,
    apart.range_mean,
    apart.range_median,
    apart.range_p95,
    apart.range_max,
    apart.par_times_sd / apart.par_shared as sd_weighted,
    apart.par_times_iqr / apart.par_shared as iqr_weighted,
    apart.par_times_mad / apart.par_shared as mad_weighted,
    {%- for points in [5, 10, 20] %}
    apart.par_gap_over_{{ points }} / apart.par_shared as share_gap_over_{{ points }},
    cast(coalesce(apart.n_gap_over_{{ points }}, 0) as int) as n_gap_over_{{ points }},
    {%- endfor %}
    standing.value_at_par / nullif(standing.par, 0) as mark_weighted,
    standing.par_below_90 / nullif(standing.par, 0) as share_below_90,
    standing.par_below_80 / nullif(standing.par, 0) as share_below_80,
    standing.par_in_kind / nullif(standing.par, 0) as pik_share,
    standing.par_non_accrual / nullif(standing.par_with_accrual, 0) as nonaccrual_share,
    standing.par_with_accrual / nullif(standing.par, 0) as nonaccrual_coverage,
    levels.level3_share,
    cast(coalesce(levels.n_funds_with_levels, 0) as int) as n_funds_with_levels,
    cast(
        -- a doubtful opinion is not a doubtful quarter; what is said of times holds for all
        (coalesce(apart.flag_mask, 0) & ({{ flag('KNOWN_LATE') }} + {{ flag('LOOKAHEAD_RISK') }}))
        | {{ bit_if(flag('COMPONENT_MISSING'), 'expected.n_funds_known < expected.n_funds_expected') }}
        | {{ bit_if(flag('SYNTHETIC'), 'inputs.is_synthetic = 1') }} as bigint
    ) as flag_mask,
    case
        when inputs.is_synthetic = 1 and inputs.is_other = 0 then 'synthetic'
        when inputs.is_synthetic = 1 or inputs.origin is null then 'mixed'
        else inputs.origin
    end as origin,
    inputs.inputs_digest
from instants
left join expected
    on instants.period_end = expected.period_end and instants.known_at = expected.known_at
left join registered
    on instants.period_end = registered.period_end and instants.known_at = registered.known_at
left join levels
    on instants.period_end = levels.period_end and instants.known_at = levels.known_at
left join standing
    on instants.period_end = standing.period_end and instants.known_at = standing.known_at
left join apart
    on instants.period_end = apart.period_end and instants.known_at = apart.known_at
left join inputs
    on instants.period_end = inputs.period_end and instants.known_at = inputs.known_at
where {{ only_whole_builds() }}
