-- The Sahm indicator in real time: the three-month mean of the published unemployment rate less the least of the twelve
-- three-month means before it, all from the rates as they stood when the month became known (C. Sahm, "Direct Stimulus
-- Payments to Individuals", 2019; as in FRED's SAHMREALTIME). Strict: no value where one of its own three months is missing.
-- Interpolated: a single missing month is the mean of its two neighbours. A base with fewer than twelve means needs nine.
-- A month's value is computed once; a later revision of the rate does not restate it.
with rates as (
    select
        period_start as month,
        value,
        obs_status,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where series_id = 'bls.LNS14000000'
),

steps as (
    select {{ integers(-1, 15) }} as step
),

first_known as (
    select
        month,
        min(known_at) as known_at
    from rates
    group by month
),

-- each month at each instant at which a rate in its window changed, its own row being there
touched as (
    select distinct
        {{ add_months('rates.month', 'steps.step') }} as month,
        rates.known_at
    from rates
    cross join steps
),

wanted as (
    select
        touched.month,
        touched.known_at,
        steps.step,
        {{ add_months('touched.month', '-steps.step') }} as input_month
    from touched
    inner join first_known
        on
            touched.month = first_known.month
            and touched.known_at >= first_known.known_at
    cross join steps
),

panel as (
    select
        wanted.month,
        wanted.known_at,
        wanted.step,
        rates.value,
        rates.obs_status,
        rates.flag_mask,
        rates.origin,
        rates.row_digest,
        rates.known_at as input_known_at
    from wanted
    inner join rates
        on
            wanted.input_month = rates.month
            and wanted.known_at >= rates.known_at
            and (rates.next_known_at is null or rates.next_known_at > wanted.known_at)
),

filled as (
    select
        panel.month,
        panel.known_at,
        panel.step,
        panel.value as strict_value,
        coalesce(panel.value, (earlier.value + later.value) / 2) as filled_value
    from panel
    left join panel as earlier
        on
            panel.month = earlier.month
            and panel.known_at = earlier.known_at
            and panel.step + 1 = earlier.step
    left join panel as later
        on
            panel.month = later.month
            and panel.known_at = later.known_at
            and panel.step - 1 = later.step
    where panel.step >= 0
),

-- three times the means, as exact decimals: their differences then have no dust in the last bits
totals as (
    select
        filled.month,
        filled.known_at,
        lags.step as lag_months,
        case when count(filled.strict_value) = 3 then sum({{ exact('filled.strict_value') }}) end as strict_total,
        case when count(filled.filled_value) = 3 then sum({{ exact('filled.filled_value') }}) end as filled_total
    from filled
    inner join steps as lags
        on
            filled.step >= lags.step
            and filled.step <= lags.step + 2
            and lags.step between 0 and 12
    group by filled.month, filled.known_at, lags.step
),

ends as (
    select
        month,
        known_at,
        max(case when lag_months = 0 then strict_total end) as strict_own,
        min(case when lag_months > 0 then strict_total end) as strict_least,
        count(case when lag_months > 0 then strict_total end) as n_strict_means,
        max(case when lag_months = 0 then filled_total end) as filled_own,
        min(case when lag_months > 0 then filled_total end) as filled_least,
        count(case when lag_months > 0 then filled_total end) as n_filled_means
    from totals
    group by month, known_at
),

compared as (
    select
        month,
        known_at,
        case when n_strict_means >= 9 then cast(strict_own - strict_least as double) / 3 end as sahm_strict,
        case when n_filled_means >= 9 then cast(filled_own - filled_least as double) / 3 end as sahm_interpolated,
        n_strict_means,
        n_filled_means
    from ends
),

windows as (
    select
        panel.month,
        panel.known_at,
        count(case when panel.step between 0 and 11 then 1 end) as n_recent,
        count(case when panel.value is null and panel.step >= 0 then 1 end) as n_missing,
        count(case when panel.value is null and panel.step between 0 and 2 then 1 end) as n_own_missing,
        max(
            case when panel.value is null and panel.step between 0 and 2 and panel.obs_status = 'L' then 1 else 0 end
        ) as is_gap,
        {{ mask_or('case when panel.step >= 0 then panel.flag_mask else 0 end') }} as flag_mask,
        max(case when panel.step >= 0 then panel.input_known_at end) as newest_input_at,
        -- the month after is there to fill a gap, and is no input otherwise
        max(case when panel.step = 0 and panel.value is null then 1 else 0 end) as is_own_missing,
        max(case when panel.step < 0 then panel.input_known_at end) as next_input_at,
        bit_xor(case when panel.step >= 0 then panel.row_digest else 0 end) as inputs_digest,
        case when count(distinct panel.origin) = 1 then min(panel.origin) else 'mixed' end as origin
    from panel
    group by panel.month, panel.known_at
)

select
    windows.month as period_start,
    last_day(windows.month) as period_end,
    windows.known_at,
    compared.sahm_strict,
    compared.sahm_interpolated,
    compared.n_strict_means,
    compared.n_filled_means,
    cast(windows.n_missing as int) as n_missing,
    windows.is_gap,
    cast(windows.flag_mask as bigint) as flag_mask,
    windows.inputs_digest,
    windows.origin
from windows
inner join compared
    on
        windows.month = compared.month
        and windows.known_at = compared.known_at
where
    (windows.newest_input_at = windows.known_at or (windows.is_own_missing = 1 and windows.next_input_at = windows.known_at))
    -- a series' first year has no base yet: nothing was published that could be an indicator
    and windows.n_recent = 12
