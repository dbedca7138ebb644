-- Labour market signals (signals M1 and M2) in the common shape, at each instant at which an input changed.
{%- set sahm = [
    ('sahm_strict', 'sahm_strict', 'n_strict_means', 0),
    ('sahm_interpolated', 'sahm_interpolated', 'n_filled_means', 1),
] %}
with prints as (
    select
        period_start as month,
        release_period as release_month,
        known_at,
        lead(known_at) over (partition by period_start order by known_at) as next_known_at,
        value,
        is_of_release,
        print_number,
        flag_mask,
        origin,
        row_digest
    from {{ ref('int_payroll__print') }}
),

steps as (
    select {{ integers(0, 4) }} as step
),

payrolls_change as (
    select
        'labour.payrolls_change' as signal_id,
        month,
        value,
        known_at,
        'A' as obs_status,
        flag_mask,
        1 as n_inputs,
        0 as n_missing,
        row_digest as inputs_digest,
        origin
    from prints
),

-- three changes of one release; a release that prints too little for its own month's mean gives a null, nothing is borrowed
three_months as (
    select
        own.month,
        own.known_at,
        own.month = own.release_month and own.is_of_release as is_own_month,
        count(inputs.value) as n_values,
        sum({{ exact('inputs.value') }}) as total,
        {{ mask_or('coalesce(inputs.flag_mask, 0)') }} as flag_mask,
        bit_xor(coalesce(inputs.row_digest, 0)) as inputs_digest,
        case when count(distinct inputs.origin) = 1 then min(inputs.origin) else 'mixed' end as origin
    from prints as own
    inner join steps
        on steps.step <= 2
    left join prints as inputs
        on
            own.known_at = inputs.known_at
            and {{ add_months('own.month', '-steps.step') }} = inputs.month
    group by own.month, own.known_at, own.month = own.release_month and own.is_of_release
),

payrolls_3mma as (
    select
        'labour.payrolls_3mma' as signal_id,
        month,
        case when n_values = 3 then cast(total as double) / 3 end as value,
        known_at,
        case when n_values = 3 then 'A' else 'O' end as obs_status,
        flag_mask,
        3 as n_inputs,
        3 - n_values as n_missing,
        inputs_digest,
        origin
    from three_months
    where n_values = 3 or is_own_month
),

payroll_revision_sum as (
    select
        'labour.payroll_revision_sum' as signal_id,
        period_start as month,
        revision_sum as value,
        known_at,
        case when revision_sum is null then 'O' else 'A' end as obs_status,
        revision_sum_mask as flag_mask,
        2 as n_inputs,
        revision_sum_n_missing as n_missing,
        revision_sum_digest as inputs_digest,
        revision_sum_origin as origin
    from {{ ref('int_payroll__revision') }}
    where has_revision_sum
),

payroll_revision_size as (
    select
        'labour.payroll_revision_size' as signal_id,
        month,
        abs(value) as value,
        known_at,
        obs_status,
        flag_mask,
        n_inputs,
        n_missing,
        inputs_digest,
        origin
    from payroll_revision_sum
),

estimates as (
    select
        period_start as month,
        value,
        first_print,
        print_number,
        known_at,
        lead(known_at) over (partition by period_start order by known_at) as next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        row_digest,
        origin
    from {{ ref('int_payroll__revision') }}
),

payroll_revision_cumulative as (
    select
        'labour.payroll_revision_cumulative' as signal_id,
        month,
        value - first_print as value,
        known_at,
        'A' as obs_status,
        flag_mask,
        2 as n_inputs,
        0 as n_missing,
        row_digest as inputs_digest,
        origin
    from estimates
    where first_print is not null and coalesce(print_number, 2) > 1
),

twelve_months as (
    select
        own.month,
        own.known_at,
        count(estimates.value - estimates.first_print) as n_values,
        sum({{ exact('estimates.value - estimates.first_print') }}) as total,
        {{ mask_or('estimates.flag_mask') }} as flag_mask,
        bit_xor(estimates.row_digest) as inputs_digest,
        case when count(distinct estimates.origin) = 1 then min(estimates.origin) else 'mixed' end as origin
    from prints as own
    inner join estimates
        on
            own.month > estimates.month
            and {{ add_months('own.month', -12) }} <= estimates.month
            and own.known_at >= estimates.known_at
            and (estimates.next_known_at is null or estimates.next_known_at > own.known_at)
    where
        own.month = own.release_month
        and own.is_of_release
        and estimates.first_print is not null
    group by own.month, own.known_at
),

payroll_revision_bias_12m as (
    select
        'labour.payroll_revision_bias_12m' as signal_id,
        month,
        cast(total as double) / n_values as value,
        known_at,
        'A' as obs_status,
        flag_mask | case when n_values < 12 then {{ flag('COMPONENT_MISSING') }} else 0 end as flag_mask,
        24 as n_inputs,
        2 * (12 - n_values) as n_missing,
        inputs_digest,
        origin
    from twelve_months
    where n_values >= 9
),

-- a count of signs is no difference: here each month's newest estimate will do, whatever release it is from
touched as (
    select distinct
        {{ add_months('prints.month', 'steps.step') }} as month,
        prints.known_at
    from prints
    cross join steps
),

four_months as (
    select
        touched.month,
        touched.known_at,
        count(inputs.value) as n_values,
        count(case when inputs.value < 0 then 1 end) as n_negative,
        max(case when steps.step = 0 then 1 else 0 end) as has_own,
        {{ mask_or('inputs.flag_mask') }} as flag_mask,
        bit_xor(inputs.row_digest) as inputs_digest,
        case when count(distinct inputs.origin) = 1 then min(inputs.origin) else 'mixed' end as origin
    from touched
    cross join steps
    inner join prints as inputs
        on
            {{ add_months('touched.month', '-steps.step') }} = inputs.month
            and touched.known_at >= inputs.known_at
            and (inputs.next_known_at is null or inputs.next_known_at > touched.known_at)
    group by touched.month, touched.known_at
),

negative_prints_4m as (
    select
        'labour.negative_prints_4m' as signal_id,
        month,
        case when n_values = 4 then cast(n_negative as double) end as value,
        known_at,
        case when n_values = 4 then 'A' else 'O' end as obs_status,
        flag_mask,
        4 as n_inputs,
        4 - n_values as n_missing,
        inputs_digest,
        origin
    from four_months
    where has_own = 1
),

households as (
    select
        series_id,
        period_start as month,
        value,
        obs_status,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        origin,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from {{ ref('int_observation__flagged') }}
    where series_id in ('bls.LNS14000000', 'bls.LNS13000000', 'bls.LNS11000000', 'bls.LNS14024887')
),

unemployment_rate as (
    select
        'labour.unemployment_rate' as signal_id,
        month,
        value,
        known_at,
        case when value is null then obs_status else 'A' end as obs_status,
        flag_mask,
        1 as n_inputs,
        case when value is null then 1 else 0 end as n_missing,
        row_digest as inputs_digest,
        origin
    from households
    where series_id = 'bls.LNS14000000'
),

unrounded_instants as (
    select distinct
        month,
        known_at
    from households
    where series_id in ('bls.LNS13000000', 'bls.LNS11000000')
),

unemployment_unrounded as (
    select
        'labour.unemployment_unrounded' as signal_id,
        unrounded_instants.month,
        100 * people.value / force.value as value,
        unrounded_instants.known_at,
        case
            when people.value is not null and force.value is not null then 'A'
            when people.obs_status = 'L' or force.obs_status = 'L' then 'L'
            else 'O'
        end as obs_status,
        people.flag_mask | force.flag_mask as flag_mask,
        2 as n_inputs,
        case when people.value is null then 1 else 0 end + case when force.value is null then 1 else 0 end as n_missing,
        {{ digest(['people.row_digest', 'force.row_digest']) }} as inputs_digest,
        case when people.origin = force.origin then people.origin else 'mixed' end as origin
    from unrounded_instants
    inner join households as people
        on
            people.series_id = 'bls.LNS13000000'
            and unrounded_instants.month = people.month
            and unrounded_instants.known_at >= people.known_at
            and (people.next_known_at is null or people.next_known_at > unrounded_instants.known_at)
    inner join households as force
        on
            force.series_id = 'bls.LNS11000000'
            and unrounded_instants.month = force.month
            and unrounded_instants.known_at >= force.known_at
            and (force.next_known_at is null or force.next_known_at > unrounded_instants.known_at)
),

-- a rate and the twelve months before it, as known when the rate was
year_windows as (
    select
        own.series_id,
        own.month,
        own.known_at,
        own.obs_status,
        inputs.value,
        {{ months_between('inputs.month', 'own.month') }} as steps_back,
        lag(inputs.value) over so_far as value_before,
        {{ months_between('lag(inputs.month) over so_far', 'inputs.month') }} as step,
        inputs.flag_mask,
        inputs.row_digest,
        inputs.origin
    from households as own
    inner join households as inputs
        on
            own.series_id = inputs.series_id
            and own.month >= inputs.month
            and {{ add_months('own.month', -12) }} <= inputs.month
            and own.known_at >= inputs.known_at
            and (inputs.next_known_at is null or inputs.next_known_at > own.known_at)
    where own.series_id in ('bls.LNS14000000', 'bls.LNS14024887')
    window so_far as (partition by own.series_id, own.month, own.known_at order by inputs.month)
),

year_states as (
    select
        series_id,
        month,
        known_at,
        max(obs_status) as obs_status,
        max(case when steps_back = 0 then value end) as value,
        min(case when steps_back > 0 then value end) as lowest_before,
        count(case when steps_back > 0 then value end) as n_before,
        count(*) - count(value) as n_gaps,
        -- the newest step that was no rise, and the newest that a missing month hides
        min(case when step = 1 and value <= value_before then steps_back end) as no_rise,
        min(case
            when steps_back < 12 and not coalesce(step = 1 and value + value_before is not null, false) then steps_back
        end) as hidden,
        max(steps_back) as longest,
        {{ mask_or('flag_mask') }} as flag_mask,
        bit_xor(row_digest) as inputs_digest,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin
    from year_windows
    group by series_id, month, known_at
),

streaks as (
    select
        *,
        case
            when no_rise is not null and coalesce(hidden > no_rise, true) then no_rise
            when no_rise is null and hidden is null and longest = 12 then 12
        end as streak
    from year_states
    where series_id = 'bls.LNS14000000'
),

unemployment_rise_streak as (
    select
        'labour.unemployment_rise_streak' as signal_id,
        month,
        cast(streak as double) as value,
        known_at,
        case when streak is not null then 'A' when n_gaps > 0 then 'M' else 'O' end as obs_status,
        flag_mask | case when streak is null and n_gaps > 0 then {{ flag('WINDOW_SPANS_GAP') }} else 0 end as flag_mask,
        13 as n_inputs,
        case when streak is null then n_gaps else 0 end as n_missing,
        inputs_digest,
        origin
    from streaks
    where streak is not null or n_gaps > 0
),

youth_unemployment_rise as (
    select
        'labour.youth_unemployment_rise' as signal_id,
        month,
        case when n_before >= 9 then round(value - lowest_before, 6) end as value,
        known_at,
        case when value is null then obs_status else 'A' end as obs_status,
        flag_mask
        | case when n_gaps > 0 then {{ flag('WINDOW_SPANS_GAP') }} | {{ flag('COMPONENT_MISSING') }} else 0 end as flag_mask,
        13 as n_inputs,
        n_gaps as n_missing,
        inputs_digest,
        origin
    from year_states
    where series_id = 'bls.LNS14024887' and n_before >= 9
),

{%- for name, column, n_means, is_filled in sahm %}

{{ name }}_rows as (
    select
        'labour.{{ name }}' as signal_id,
        period_start as month,
        {{ column }} as value,
        known_at,
        case
            when {{ column }} is not null then 'A'
            when is_gap = 1 then 'M'
            else 'O'
        end as obs_status,
        flag_mask
        | case when n_missing > 0 then {{ flag('WINDOW_SPANS_GAP') }} else 0 end
        {%- if is_filled %}
        | case when n_missing > 0 and {{ column }} is not null then {{ flag('GAP_FILLED') }} else 0 end
        {%- endif %}
        | case when {{ n_means }} < 12 and {{ column }} is not null then {{ flag('COMPONENT_MISSING') }} else 0 end
            as flag_mask,
        15 as n_inputs,
        n_missing,
        inputs_digest,
        origin,
        count({{ column }}) over (
            partition by period_start
            order by known_at
            rows between unbounded preceding and 1 preceding
        ) as n_computed
    from {{ ref('int_labour__sahm') }}
),
{%- endfor %}

long as (
    {%- for name in [
        'payrolls_change', 'payrolls_3mma', 'payroll_revision_sum', 'payroll_revision_size', 'payroll_revision_cumulative',
        'payroll_revision_bias_12m', 'negative_prints_4m', 'unemployment_rate', 'unemployment_unrounded',
        'unemployment_rise_streak', 'youth_unemployment_rise',
    ] %}
    select signal_id, month, value, known_at, obs_status, flag_mask, n_inputs, n_missing, inputs_digest, origin
    from {{ name }}
    union all
    {%- endfor %}
    select signal_id, month, value, known_at, obs_status, flag_mask, n_inputs, n_missing, inputs_digest, origin
    from sahm_strict_rows
    where n_computed = 0
    union all
    select signal_id, month, value, known_at, obs_status, flag_mask, n_inputs, n_missing, inputs_digest, origin
    from sahm_interpolated_rows
    where n_computed = 0
)

select
    signal_id,
    month as period_start,
    last_day(month) as period_end,
    value,
    known_at,
    obs_status,
    cast(flag_mask as bigint) as flag_mask,
    cast(n_inputs as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from long
