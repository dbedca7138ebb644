{{ config(materialized='incremental', incremental_strategy='append') }}
-- Every position as it was told, with why it is set aside (reason_mask; 0: it is comparable at par) and what is noted of it.
-- A position of grade `par` has a mark on par; of grade `cost` only one on cost, which says nothing of what the loan was
-- bought at.
{%- set never = "cast('9999-12-31' as timestamp)" %}
with positions as (
    select *
    from {{ ref('int_holding__line') }}
    where line_kind = 'position'
),

refiled as (
    select
        fund,
        period_end
    from {{ ref('int_holding__filing') }}
    group by fund, period_end
    having count(*) > 1
),

-- a later filing that replaces another only in part replaces the lines that it tells anew
partly as (
    select
        earlier.line_id,
        min(later.known_at) as replaced_at
    from positions as earlier
    inner join refiled
        on earlier.fund = refiled.fund and earlier.period_end = refiled.period_end
    inner join positions as later
        on
            earlier.fund = later.fund
            and earlier.period_end = later.period_end
            and earlier.raw_identifier = later.raw_identifier
            and earlier.accession <> later.accession
            and earlier.known_at < later.known_at
    where earlier.period_end = earlier.report_period and later.period_end = later.report_period
    group by earlier.line_id
),

-- what a fund itself told of a line when a later filing restated its date
restated as (
    select
        line_id,
        cast(own_value as double) as own_value,
        abs(own_value - restated_value) > 0.005 * abs(own_value) as is_restated
    from (
        select
            later.line_id,
            sum({{ exact('own.fair_value') }}) as own_value,
            max(later.restated_value) as restated_value
        from (
            select
                line_id,
                fund,
                period_end,
                raw_identifier,
                known_at,
                report_period,
                sum({{ exact('fair_value') }}) over (
                    partition by accession, period_end, raw_identifier, known_at
                ) as restated_value
            from positions
        ) as later
        inner join positions as own
            on
                later.fund = own.fund
                and later.period_end = own.period_end
                and later.raw_identifier = own.raw_identifier
                and own.period_end = own.report_period
                and later.known_at > own.known_at
                and later.known_at <= coalesce(own.ended_at, later.known_at)
        inner join {{ ref('int_holding__filing') }} as filings
            on
                own.fund = filings.fund
                and own.accession = filings.accession
                and own.period_end = filings.period_end
                and later.known_at <= coalesce(filings.replaced_at, later.known_at)
        left join partly
            on own.line_id = partly.line_id
        where
            later.period_end < later.report_period
            and later.known_at <= coalesce(partly.replaced_at, later.known_at)
        group by later.line_id
    ) as told_twice
),

bare as (
    select
        line_id,
        fund,
        accession,
        period_end,
        raw_identifier,
        known_at,
        left(raw_identifier, 8) as beginning
    from positions
    where
        principal is null and spread_bp is null and rate_pct is null and maturity is null and pik_rate_pct is null
        and period_end = report_period
),

-- lines of a borrower as a whole, beside lines of its loans
totals as (
    select distinct bare.line_id
    from bare
    inner join positions as part
        on
            bare.fund = part.fund
            and bare.accession = part.accession
            and bare.period_end = part.period_end
            and bare.known_at >= part.known_at
            and bare.beginning = left(part.raw_identifier, 8)
            and length(part.raw_identifier) > length(bare.raw_identifier)
            and {{ begins_with('part.raw_identifier', 'bare.raw_identifier') }}
    where part.principal is not null
),

-- The rate at which a filer turned a currency into dollars, in units of it for a dollar. The form leaves open which way it
-- is told: it is believed where it brings the middle loan of the filing in that currency near par.
rates as (
    select
        fund,
        accession,
        period_end,
        principal_currency,
        known_at
    from positions
    where principal > 0 and fair_value > 0 and principal_currency <> currency and currency = 'USD' and exchange_rate > 0
    group by fund, accession, period_end, principal_currency, known_at
    having {{ quantile('fair_value * exchange_rate / principal', 0.5) }} between 0.85 and 1.10
),

in_one_unit as (
    select
        positions.*,
        case
            when positions.principal_currency = positions.currency then positions.principal
            when rates.fund is not null and positions.exchange_rate > 0 then positions.principal / positions.exchange_rate
        end as par,
        coalesce(rates.fund is not null and positions.exchange_rate > 0, false) as is_converted
    from positions
    left join rates
        on
            positions.fund = rates.fund
            and positions.accession = rates.accession
            and positions.period_end = rates.period_end
            and positions.principal_currency = rates.principal_currency
            and positions.known_at = rates.known_at
            and positions.principal_currency <> positions.currency
),

measured as (
    select
        positions.*,
        filings.manager as filing_manager,
        filings.manager_basis,
        filings.filer_name,
        filings.document_url,
        coalesce(filings.is_amendment, false) as is_amendment,
        least(
            coalesce(positions.ended_at, {{ never }}),
            case
                when positions.period_end = positions.report_period then coalesce(filings.replaced_at, {{ never }})
                else {{ never }}
            end,
            coalesce(partly.replaced_at, {{ never }})
        ) as last_at,
        bare.line_id is not null as is_bare,
        totals.line_id is not null as is_total,
        restated.own_value,
        coalesce(restated.is_restated, false) as is_restated,
        case
            when positions.par > 0
                then positions.fair_value / positions.par
        end as mark_par,
        case when positions.cost > 0 then positions.fair_value / positions.cost end as mark_cost,
        case
            when positions.par > 0
                then positions.cost / positions.par
        end as cost_to_par,
        coalesce(positions.n_priced >= 5 and positions.median_value < 50000, false) as is_in_thousands,
        coalesce(positions.pik_rate_pct > 0 or positions.is_paid_in_kind, false) as is_in_kind,
        coalesce(
            positions.pik_rate_pct > 0 and positions.pik_rate_pct >= coalesce(positions.rate_pct, 0) - 0.01,
            false
        ) as is_all_in_kind,
        lower(positions.raw_identifier) like '%revolv%'
        or lower(positions.raw_identifier) like '%delayed%'
        or lower(positions.raw_identifier) like '%ddtl%' as is_drawn_in_parts
    from in_one_unit as positions
    left join {{ ref('int_holding__filing') }} as filings
        on
            positions.fund = filings.fund
            and positions.accession = filings.accession
            and positions.report_period = filings.period_end
    left join partly
        on positions.line_id = partly.line_id
    left join bare
        on positions.line_id = bare.line_id
    left join totals
        on positions.line_id = totals.line_id
    left join restated
        on positions.line_id = restated.line_id
),

scaled as (
    select
        *,
        coalesce(
            mark_cost between 0.2 and 2
            and (cost_to_par between 0.0005 and 0.002 or cost_to_par between 500 and 2000),
            false
        ) as is_off_by_thousand
    from measured
),

judged as (
    select
        *,
        {{ bit_if(reason('comparative'), 'period_end < report_period') }}
        + {{ bit_if(reason('old_comparative'), 'period_end < ' ~ add_months('report_period', -24)) }}
        + {{ bit_if(reason('after_period'), 'period_end > report_period') }}
        + {{ bit_if(reason('no_value'), 'fair_value is null') }}
        + {{ bit_if(reason('no_terms'), 'is_bare and not is_total') }}
        + {{ bit_if(reason('issuer_total'), 'is_total') }}
        + {{ bit_if(
            reason('undrawn'),
            'principal = 0 or (principal is null and not is_bare and coalesce(fair_value <= 0, false)) or (cost <= 0 and fair_value <= 0)'
        ) }}
        + {{ bit_if(reason('negative_principal'), 'principal < 0') }}
        + {{ bit_if(reason('negative_value'), 'principal > 0 and fair_value < 0') }}
        + {{ bit_if(reason('no_principal'), 'principal is null and not is_bare') }}
        + {{ bit_if(reason('currency_mismatch'), 'principal_currency <> currency and not is_converted') }}
        + {{ bit_if(reason('out_of_bounds'), 'mark_par > 1.10 and not is_off_by_thousand') }}
        + {{ bit_if(
            reason('commitment_as_principal'),
            'not is_off_by_thousand and cost > 0 and (cost_to_par < 0.25'
            ~ ' or cost_to_par < 0.5 and (is_drawn_in_parts or mark_cost between 0.9 and 1.1))'
        ) }}
        + {{ bit_if(reason('scale_1000'), 'is_off_by_thousand') }}
        + {{ bit_if(
            reason('filing_scale'),
            'n_priced >= 5 and not coalesce(median_mark between 0.2 and 5, true)'
        ) }} as reason_mask,
        {{ bit_if(note('amended'), 'is_amendment') }}
        + {{ bit_if(note('told_in_thousands'), 'is_in_thousands') }}
        + {{ bit_if(note('filing_median'), 'n_priced >= 5 and not coalesce(median_mark between 0.85 and 1.05, true)') }}
        + {{ bit_if(
            note('sum_is_not_total'),
            'fund_total > 0 and not coalesce(sum_of_positions between 0.9 * fund_total and 1.1 * fund_total, true)'
        ) }}
        + {{ bit_if(note('contradicted'), '(flag_mask & ' ~ flag('SUSPECT') ~ ') <> 0') }}
        + {{ bit_if(note('par_in_kind'), 'is_all_in_kind and abs(mark_par - 1) < 0.0005') }}
        + {{ bit_if(note('restated'), 'is_restated') }}
        + {{ bit_if(note('converted'), 'is_converted') }} as note_mask
    from scaled
)

select
    line_id,
    filer,
    coalesce(filer_name, filer) as filer_name,
    fund,
    coalesce(manager, filing_manager, filer) as manager,
    case when manager is not null then 'filing' else coalesce(manager_basis, 'filer') end as manager_basis,
    accession,
    document_url,
    payload_sha256,
    form,
    report_period,
    period_end,
    raw_identifier,
    principal,
    principal_currency,
    par,
    cost,
    fair_value,
    currency,
    cast(case when is_in_thousands then 1000 else 1 end as double) as unit,
    coalesce(value_grid, 0) as value_grid,
    spread_bp,
    rate_pct,
    pik_rate_pct,
    is_in_kind,
    maturity,
    accrual_status,
    tells_accrual,
    fair_value_level,
    mark_par,
    mark_cost,
    cost_to_par,
    own_value,
    cast(reason_mask as bigint) as reason_mask,
    cast(note_mask as bigint) as note_mask,
    case
        when reason_mask = 0 and mark_par is not null then 'par'
        when
            (reason_mask & {{
                [reason('no_principal'), reason('currency_mismatch'), reason('commitment_as_principal'), reason('scale_1000')]
                | map('int') | sum
            }}) = reason_mask
            and mark_cost between 0 and 1.5
            then 'cost'
    end as grade,
    flag_mask,
    origin,
    known_at,
    nullif(last_at, {{ never }}) as superseded_at
from judged
where {{ only_whole_builds() }}
