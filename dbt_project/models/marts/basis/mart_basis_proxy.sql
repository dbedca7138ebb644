-- What public data say of the Treasury cash-futures basis trade: positions in each future and in all of them, as each report
-- became known, and beside the total the newest repo borrowing of hedge funds and sponsored repo that was known by then.
{%- set monitors = [
    ('hedge_fund_repo', 'ofr.FPF-BORROW_REPO_SUM'), ('sponsored_repo', 'ofr.FICC-SPONSORED_REPO_VOL'),
    ('sponsored_reverse_repo', 'ofr.FICC-SPONSORED_REVREPO_VOL'),
] %}
{%- set inputs = ['totals.inputs_digest'] %}
{%- for name, _ in monitors %}{% do inputs.append(name ~ '.row_digest') %}{% endfor %}
with totals as (
    select *
    from {{ ref('int_basis__total') }}
),

monitors as (
    select
        series_id,
        period_end,
        value / 1000000000 as value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where
        value is not null
        and series_id like 'ofr.F%'
),

{%- for name, series in monitors %}

{{ name }} as (
    select
        totals.report_date,
        totals.known_at,
        max(monitors.period_end) as period_end,
        max_by(monitors.value, monitors.period_end) as value,
        max_by(monitors.flag_mask, monitors.period_end) as flag_mask,
        max_by(monitors.row_digest, monitors.period_end) as row_digest
    from totals
    inner join monitors
        on
            monitors.series_id = '{{ series }}'
            and totals.report_date >= monitors.period_end
            and totals.known_at >= monitors.known_at
            and (monitors.next_known_at is null or monitors.next_known_at > totals.known_at)
    group by totals.report_date, totals.known_at
),
{%- endfor %}

long as (
    select
        report_date,
        contract_code,
        contract,
        leveraged_long * face_usd / 1000000000 as leveraged_gross_long,
        leveraged_short * face_usd / 1000000000 as leveraged_gross_short,
        (leveraged_long - leveraged_short) * face_usd / 1000000000 as leveraged_net,
        (asset_manager_long - asset_manager_short) * face_usd / 1000000000 as asset_manager_net,
        ten_year_equivalents,
        cast(null as double) as hedge_fund_repo,
        cast(null as date) as hedge_fund_repo_as_of,
        cast(null as double) as sponsored_repo,
        cast(null as double) as sponsored_reverse_repo,
        cast(null as date) as sponsored_repo_as_of,
        flag_mask | {{ flag('PROXY') }} as flag_mask,
        {{ digest_text('inputs_digest') }} as inputs_hash,
        origin,
        known_at
    from {{ ref('int_basis__contract') }}
    where n_values = 4 and newest_input_at = known_at
    union all
    select
        totals.report_date,
        'all' as contract_code,
        'all' as contract,
        totals.gross_long as leveraged_gross_long,
        totals.gross_short as leveraged_gross_short,
        totals.net as leveraged_net,
        totals.asset_manager_net,
        totals.ten_year_equivalents,
        hedge_fund_repo.value as hedge_fund_repo,
        hedge_fund_repo.period_end as hedge_fund_repo_as_of,
        sponsored_repo.value as sponsored_repo,
        sponsored_reverse_repo.value as sponsored_reverse_repo,
        sponsored_repo.period_end as sponsored_repo_as_of,
        totals.flag_mask
        {%- for name, _ in monitors %}
        | coalesce({{ name }}.flag_mask, 0)
        {%- endfor %} as flag_mask,
        {{ digest_text(digest(inputs)) }} as inputs_hash,
        totals.origin,
        totals.known_at
    from totals
    left join hedge_fund_repo
        on
            totals.report_date = hedge_fund_repo.report_date
            and totals.known_at = hedge_fund_repo.known_at
    left join sponsored_repo
        on
            totals.report_date = sponsored_repo.report_date
            and totals.known_at = sponsored_repo.known_at
    left join sponsored_reverse_repo
        on
            totals.report_date = sponsored_reverse_repo.report_date
            and totals.known_at = sponsored_reverse_repo.known_at
)

select
    report_date as period_start,
    report_date as period_end,
    contract_code,
    contract,
    leveraged_gross_long,
    leveraged_gross_short,
    leveraged_net,
    asset_manager_net,
    ten_year_equivalents,
    hedge_fund_repo,
    hedge_fund_repo_as_of,
    sponsored_repo,
    sponsored_reverse_repo,
    sponsored_repo_as_of,
    {{ mask_to_flags('flag_mask') }} as flags,
    inputs_hash,
    origin,
    known_at
from long
