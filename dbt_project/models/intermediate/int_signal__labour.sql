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
    select cast(unnest(range(0, 4)) as int) as step
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
    where series_id in ('bls.LNS14000000', 'bls.LNS13000000', 'bls.LNS11000000')
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
    where series_id <> 'bls.LNS14000000'
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
        'payrolls_change', 'payrolls_3mma', 'payroll_revision_sum', 'negative_prints_4m', 'unemployment_rate',
        'unemployment_unrounded',
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
