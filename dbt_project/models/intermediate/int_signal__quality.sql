-- Signals of data quality in the common shape (signals M0 and M4).
-- quality.release_delay_days: the longest delay among the headline releases of a month that are out, at each publication.
-- quality.cpi_diffcell_share_of_imputations, quality.cpi_carry_forward_share_of_imputations, quality.ces_collection_rate: as
-- printed, at each print.
-- quality.months_missing_12m: marked gaps of the CPI in the twelve months that end with its newest month, at each change.
with released as (
    select
        states.release_id,
        states.component,
        states.reference_period,
        states.reference_end,
        states.known_at,
        states.delay_days,
        {{ travelling('states.flag_mask') }} as flag_mask,
        {{ digest(['states.release_id', 'states.reference_period', 'states.known_at', 'states.delay_days']) }} as row_digest
    from {{ ref('int_release__state') }} as states
    inner join {{ ref('seed_release') }} as release
        on states.release_id = release.release_id
    where
        release.is_headline
        and release.frequency = 'M'
        and states.component = 'all'
        and states.actual_at is not null
        and states.delay_days is not null
        and states.known_at = states.actual_at
),

delays as (
    select
        reference_end,
        known_at,
        max(delay_days) over so_far as value,
        cast(count(*) over so_far as int) as n_inputs,
        -- the bound of a date is no bound of the delay, so KNOWN_LATE stays behind
        {{ mask_or("flag_mask & " ~ flag('LOOKAHEAD_RISK')) }} over so_far as flag_mask,
        bit_xor(row_digest) over so_far as inputs_digest,
        row_number() over (partition by reference_end, known_at order by release_id) as place
    from released
    window so_far as (
        partition by reference_end
        order by known_at
        range between unbounded preceding and current row
    )
),

printed as (
    select
        case flagged.series_id
            when 'prints.cpi_cs_imputed_different_cell_pct' then 'quality.cpi_diffcell_share_of_imputations'
            when 'prints.cpi_cs_imputed_carry_forward_pct' then 'quality.cpi_carry_forward_share_of_imputations'
            else 'quality.ces_collection_rate'
        end as signal_id,
        flagged.period_start,
        flagged.period_end,
        flagged.value,
        flagged.known_at,
        flagged.obs_status,
        {{ travelling('flagged.flag_mask') }} as flag_mask,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest,
        flagged.origin
    from {{ ref('int_observation__flagged') }} as flagged
    where
        flagged.series_id in (
            'prints.cpi_cs_imputed_different_cell_pct',
            'prints.cpi_cs_imputed_carry_forward_pct',
            'prints.ces_collection_rate_first_print'
        )
),

months as (
    select
        period_start as month,
        period_end as month_end,
        value,
        obs_status,
        known_at,
        next_known_at,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest,
        origin
    from {{ ref('int_observation__flagged') }}
    where series_id = 'bls.CUUR0000SA0'
),

steps as (
    select {{ integers(0, 12) }} as step
),

touched as (
    select distinct
        {{ add_months('months.month', 'steps.step') }} as month,
        months.known_at
    from months
    cross join steps
),

counted as (
    select
        touched.month,
        touched.known_at,
        sum(case when months.obs_status = 'L' and months.value is null then 1 else 0 end) as value,
        cast(count(*) as int) as n_inputs,
        max(case when months.month = touched.month then 1 else 0 end) as has_own_row,
        max(months.known_at) as newest_input_at,
        bit_xor(months.row_digest) as inputs_digest,
        case when count(distinct months.origin) = 1 then min(months.origin) else 'mixed' end as origin
    from touched
    inner join months
        on
            touched.known_at >= months.known_at
            and (months.next_known_at is null or months.next_known_at > touched.known_at)
            and months.month <= touched.month
            and {{ add_months('touched.month', -11) }} <= months.month
    group by touched.month, touched.known_at
)

select
    'quality.release_delay_days' as signal_id,
    cast(date_trunc('month', reference_end) as date) as period_start,
    reference_end as period_end,
    cast(value as double) as value,
    known_at,
    'A' as obs_status,
    cast(flag_mask as bigint) as flag_mask,
    n_inputs,
    cast(0 as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    'packaged' as origin
from delays
where place = 1
union all
select
    signal_id,
    period_start,
    period_end,
    value,
    known_at,
    obs_status,
    cast(flag_mask as bigint) as flag_mask,
    cast(1 as int) as n_inputs,
    cast(case when value is null then 1 else 0 end as int) as n_missing,
    {{ digest_text('row_digest') }} as inputs_hash,
    origin
from printed
union all
select
    'quality.months_missing_12m' as signal_id,
    month as period_start,
    last_day(month) as period_end,
    cast(value as double) as value,
    known_at,
    'A' as obs_status,
    cast(case when value > 0 then {{ flag('WINDOW_SPANS_GAP') }} else 0 end as bigint) as flag_mask,
    n_inputs,
    cast(0 as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from counted
where
    has_own_row = 1
    and n_inputs = 12
    and newest_input_at = known_at
