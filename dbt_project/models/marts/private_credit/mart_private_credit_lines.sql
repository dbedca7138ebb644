-- Every position of every filing as it was told, the loan that it counts as with the reason in words, or why it is set
-- aside. One row for each line and instant at which that changed.
with lines as (
    select *
    from {{ ref('int_holding__cleaned') }}
),

memberships as (
    select *
    from {{ ref('int_loan__membership') }}
)

select
    lines.line_id,
    lines.filer,
    lines.filer_name,
    lines.fund,
    lines.manager,
    lines.manager_basis,
    lines.accession,
    lines.document_url,
    lines.payload_sha256,
    lines.form,
    lines.report_period,
    lines.period_end,
    lines.raw_identifier,
    lines.principal,
    lines.principal_currency,
    lines.par,
    lines.cost,
    lines.fair_value,
    lines.currency,
    lines.own_value,
    lines.unit,
    lines.spread_bp,
    lines.rate_pct,
    lines.pik_rate_pct,
    lines.maturity,
    lines.accrual_status,
    lines.fair_value_level,
    lines.mark_par,
    lines.mark_cost,
    memberships.loan_id,
    memberships.tier,
    memberships.other_line,
    memberships.evidence,
    {{ reasons_of(
        '(lines.reason_mask | ' ~ bit_if(reason('not_a_loan'), 'lines.grade is not null and memberships.loan_id is null') ~ ')'
    ) }} as set_aside_for,
    {{ notes_of('lines.note_mask') }} as notes,
    {{ mask_to_flags(
        '(' ~ travelling('lines.flag_mask') ~ ' | ' ~ bit_if(flag('SYNTHETIC'), "lines.origin = 'synthetic'") ~ ')'
    ) }} as flags,
    lines.origin,
    coalesce(memberships.known_at, lines.known_at) as known_at
from lines
left join memberships
    on lines.line_id = memberships.line_id
