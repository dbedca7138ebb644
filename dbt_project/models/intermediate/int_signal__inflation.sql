-- Rates of change of the consumer price index from index levels (signals M3), on one vintage at a time: a row is emitted at
-- each instant at which an index level inside the window changed. Months are counted, never rows: a cancelled month gives a
-- null, not a longer step. A window that touches a span of seed_taint carries its flag from when that was known, so it is told
-- again at that instant. Source of the formulas: BLS, "Calculating percent changes", and the annual-rate convention of
-- the CPI news release.
{%- set rates = [
    ('1m', 1, 'SA', 12), ('3m', 3, 'SA', 4), ('6m', 6, 'SA', 2), ('12m', 12, 'NSA', 1), ('2m_change', 2, 'SA', 1),
] %}
{%- set aggregates = [('all', 'SA0'), ('core', 'SA0L1E')] %}
with specification as (
    {%- for aggregate, item in aggregates %}
    {%- set outer_loop = loop %}
    {%- for name, months, adjustment, per_year in rates %}
    select
        'inflation.cpi_{{ aggregate }}_{{ name }}' as signal_id,
        '{{ aggregate }}' as aggregate,
        '{{ adjustment }}' as adjustment,
        cast({{ months }} as int) as horizon_months,
        cast({{ per_year }} as double) as periods_per_year,
        'bls.CU{{ "S" if adjustment == "SA" else "U" }}R0000{{ item }}' as series_id
    {%- if not (loop.last and outer_loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

levels as (
    select
        series_id,
        period_start as month,
        period_end as month_end,
        value,
        obs_status,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where series_id in (select specification.series_id from specification)
),

steps as (
    select {{ integers(0, 13) }} as step
),

taints as (
    select
        series_id,
        period_from,
        period_to,
        known_at,
        {{ flag_bit('flag') }} as flag_mask
    from {{ ref('seed_taint') }}
    where {{ known_by('known_at') }}
),

-- every month whose level lies in a signal's window, at every instant at which it changed
touched as (
    select distinct
        specification.signal_id,
        {{ add_months('levels.month', 'steps.step') }} as month,
        levels.known_at
    from specification
    inner join levels
        on specification.series_id = levels.series_id
    inner join steps
        on specification.horizon_months >= steps.step
    union
    select
        specification.signal_id,
        {{ add_months('levels.month', 'steps.step') }} as month,
        taints.known_at
    from taints
    inner join specification
        on taints.series_id = specification.series_id
    inner join levels
        on
            taints.series_id = levels.series_id
            and levels.month between taints.period_from and taints.period_to
    inner join steps
        on specification.horizon_months >= steps.step
),

wanted as (
    select
        touched.signal_id,
        touched.month,
        touched.known_at,
        specification.series_id,
        specification.aggregate,
        specification.adjustment,
        specification.horizon_months,
        specification.periods_per_year,
        {{ add_months('touched.month', '-steps.step') }} as input_month
    from touched
    inner join specification
        on touched.signal_id = specification.signal_id
    inner join steps
        on specification.horizon_months >= steps.step
),

windows as (
    select
        wanted.signal_id,
        wanted.month,
        wanted.known_at,
        wanted.series_id,
        wanted.aggregate,
        wanted.adjustment,
        wanted.horizon_months,
        wanted.periods_per_year,
        levels.month as input_month,
        levels.value,
        levels.obs_status,
        levels.flag_mask,
        levels.origin,
        levels.row_digest,
        levels.known_at as input_known_at,
        {{ months_between('levels.month', 'wanted.month') }} as steps_back
    from wanted
    inner join levels
        on
            wanted.series_id = levels.series_id
            and wanted.input_month = levels.month
            and wanted.known_at >= levels.known_at
            and (levels.next_known_at is null or levels.next_known_at > wanted.known_at)
),

ends as (
    select
        signal_id,
        month as period_start,
        known_at,
        series_id,
        aggregate,
        adjustment,
        horizon_months,
        periods_per_year,
        max(case when steps_back = 0 then 1 else 0 end) as has_own_row,
        max(case when steps_back = 0 then value end) as level,
        max(case when steps_back = horizon_months then value end) as base_level,
        max(case when steps_back = 0 then obs_status end) as level_status,
        max(case when steps_back = horizon_months then obs_status end) as base_status,
        max(case when obs_status = 'L' then 1 else 0 end) as has_gap,
        {{ mask_or('case when steps_back in (0, horizon_months) then flag_mask else 0 end') }} as flag_mask,
        max(input_known_at) as newest_input_at,
        bit_xor(row_digest) as inputs_digest,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin
    from windows
    group by signal_id, month, known_at, series_id, aggregate, adjustment, horizon_months, periods_per_year
),

tainted as (
    select
        ends.signal_id,
        ends.period_start,
        ends.known_at,
        {{ mask_or('taints.flag_mask') }} as taint_mask,
        max(taints.known_at) as newest_taint_at
    from ends
    inner join taints
        on
            ends.series_id = taints.series_id
            and ends.known_at >= taints.known_at
            and ends.period_start >= taints.period_from
            and {{ add_months('ends.period_start', '-ends.horizon_months') }} <= taints.period_to
    group by ends.signal_id, ends.period_start, ends.known_at
)

select
    ends.signal_id,
    ends.aggregate,
    ends.adjustment,
    ends.horizon_months,
    ends.period_start,
    last_day(ends.period_start) as period_end,
    {{ add_months('ends.period_start', '-ends.horizon_months') }} as base_period,
    ends.level,
    ends.base_level,
    (power(ends.level / ends.base_level, ends.periods_per_year) - 1) * 100 as value,
    ends.known_at,
    case
        when ends.level is not null and ends.base_level is not null then 'A'
        when ends.level_status = 'L' or ends.base_status = 'L' then 'M'
        else 'O'
    end as obs_status,
    cast(
        ends.flag_mask
        | coalesce(tainted.taint_mask, 0)
        | case when ends.has_gap = 1 then {{ flag('WINDOW_SPANS_GAP') }} else 0 end
        as bigint
    ) as flag_mask,
    cast(2 as int) as n_inputs,
    cast(
        case when ends.level is null then 1 else 0 end + case when ends.base_level is null then 1 else 0 end as int
    ) as n_missing,
    {{ digest_text('ends.inputs_digest') }} as inputs_hash,
    ends.origin
from ends
left join tainted
    on
        ends.signal_id = tainted.signal_id
        and ends.period_start = tainted.period_start
        and ends.known_at = tainted.known_at
where
    ends.has_own_row = 1
    and (ends.newest_input_at = ends.known_at or tainted.newest_taint_at = ends.known_at)
    -- a series' first months have no base yet: nothing was published that could be a rate
    and (ends.base_level is not null or ends.base_status is not null)
