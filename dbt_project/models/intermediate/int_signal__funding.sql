-- Funding signals (signals F1 and F2) in the common shape. Shares are made from percentiles, so they are intervals, and they
-- stand for a share that the New York Fed does not publish. A month is the mean of its days weighted by volume: it is said once
-- its last business day is known, or a later day is; where more than a tenth of its business days is missing it has no value.
-- Who borrows federal funds is told by the quarter, of each day: a month is the sum of the days whose volumes are known.
{%- set shares = ['repo_share_iorb', 'repo_share_iorb_low', 'repo_share_iorb_high'] %}
{#- name, groups of inputs that have to be known of, whether the rate on reserves is one, inputs -#}
{%- set daily = [
    ('repo_share_iorb', 'percentiles', true, 6), ('repo_share_iorb_low', 'percentiles', true, 6),
    ('repo_share_iorb_high', 'percentiles', true, 6), ('sofr_minus_iorb', 'sofr', true, 2),
    ('tgcr_minus_iorb', 'tgcr', true, 2), ('effr_minus_iorb', 'effr', true, 2), ('sofr_p99_minus_iorb', 'p99', true, 2),
    ('sofr_dispersion', 'dispersion', false, 2), ('srf_takeup', 'srf', false, 1), ('on_rrp', 'on_rrp', false, 1),
    ('sofr_minus_effr', 'sofr_effr', false, 2), ('sofr_p99_minus_median', 'upper_half', false, 2),
    ('sofr_minus_on_rrp', 'sofr_on_rrp', false, 2),
]
%}
{#- rates that are published at different hours: before the second there is nothing to say -#}
{%- set of_both = ['sofr_minus_effr', 'sofr_p99_minus_median', 'sofr_minus_on_rrp'] %}
with days as (
    select
        *,
        repo_share_iorb is null and sofr_p1 + sofr_p25 + sofr + sofr_p75 + sofr_p99 + iorb is not null as is_disordered,
        origin as origin_of_day,
        case
            when origin_iorb is null or origin = origin_iorb or origin = 'synthetic' then origin else 'mixed'
        end as origin_with_iorb
    from {{ ref('int_funding__daily') }}
),

{%- for name, group, has_iorb, n_inputs in daily %}

{{ name }}_rows as (
    select
        'funding.{{ name }}' as signal_id,
        day as period_start,
        day as period_end,
        {{ name }} as value,
        known_at,
        mask_{{ group }} | mask_day{% if has_iorb %} | mask_iorb{% endif %}
        {%- if name in shares %}
        | {{ flag('PROXY') }} | {{ flag('INTERVAL_CENSORED') }}
        | case when is_disordered then {{ flag('SUSPECT') }} else 0 end
        {%- endif %} as flag_mask,
        {{ n_inputs }} as n_inputs,
        {{ n_inputs - (1 if has_iorb else 0) }} - n_{{ group }} as n_missing,
        {% if has_iorb -%}
        {{ digest_xor('digest_' ~ group, 'digest_iorb') }} as inputs_digest,
        origin_with_iorb as origin
        {%- else -%}
        digest_{{ group }} as inputs_digest,
        origin_of_day as origin
        {%- endif %}
    from days
    where
        n_{{ group }} >= {{ n_inputs if name in of_both else 1 }}
        {%- if has_iorb %}
        and iorb is not null
        {%- endif %}
),
{%- endfor %}

business_days as (
    select distinct
        reference_end as day,
        cast(date_trunc('month', reference_end) as date) as month
    from {{ ref('int_release_event__declared') }}
    where
        release_id = 'nyfed_secured_rates'
        and event = 'scheduled'
),

months as (
    select
        month,
        max(day) as last_day,
        count(*) as n_days
    from business_days
    group by month
),

day_states as (
    select
        day,
        cast(date_trunc('month', day) as date) as month,
        repo_share_iorb,
        repo_share_iorb_low,
        repo_share_iorb_high,
        case when repo_share_iorb is not null then sofr_volume end as weight,
        mask_percentiles | mask_volume | mask_iorb | mask_day as flag_mask,
        digest_percentiles as row_digest,
        origin,
        known_at,
        lead(known_at) over (partition by day order by known_at) as next_known_at
    from days
    where
        n_percentiles > 0
        and iorb is not null
),

closed as (
    select
        months.month,
        months.n_days,
        min(day_states.known_at) as closed_at
    from months
    inner join day_states
        on months.last_day <= day_states.day
    group by months.month, months.n_days
),

month_instants as (
    select
        month,
        n_days,
        closed_at as known_at
    from closed
    union
    select
        closed.month,
        closed.n_days,
        day_states.known_at
    from closed
    inner join day_states
        on
            closed.month = day_states.month
            and closed.closed_at < day_states.known_at
),

monthly as (
    select
        month_instants.month,
        month_instants.n_days,
        month_instants.known_at,
        count(day_states.weight) as n_values,
        {%- for share in shares %}
        cast(sum({{ exact('day_states.' ~ share ~ ' * day_states.weight') }}) as double)
        / cast(sum(day_states.weight) as double) as {{ share }},
        {%- endfor %}
        {{ mask_or('day_states.flag_mask') }} as flag_mask,
        bit_xor(day_states.row_digest) as inputs_digest,
        case when count(distinct day_states.origin) = 1 then min(day_states.origin) else 'mixed' end as origin
    from month_instants
    inner join day_states
        on
            month_instants.month = day_states.month
            and month_instants.known_at >= day_states.known_at
            and (day_states.next_known_at is null or day_states.next_known_at > month_instants.known_at)
    group by month_instants.month, month_instants.n_days, month_instants.known_at
),

-- before the first month that has a value, a month without one says only that we have not looked
since as (
    select min(known_at) as known_at
    from monthly
    where 10 * n_values >= 9 * n_days
),

fund_volumes as (
    select
        series_id,
        period_start as day,
        cast(date_trunc('month', period_start) as date) as month,
        value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', travelling('flag_mask')]) }} as row_digest,
        origin
    from {{ ref('int_observation__flagged') }}
    where series_id in ('nyfed.FR2420:effr_total', 'nyfed.FR2420:effr_domestic')
),

fund_instants as (
    select distinct
        month,
        known_at
    from fund_volumes
),

fund_days as (
    select
        fund_instants.month,
        fund_instants.known_at,
        fund_volumes.day,
        max(case when fund_volumes.series_id = 'nyfed.FR2420:effr_total' then fund_volumes.value end) as total,
        max(case when fund_volumes.series_id = 'nyfed.FR2420:effr_domestic' then fund_volumes.value end) as domestic,
        {{ mask_or('fund_volumes.flag_mask') }} as flag_mask,
        bit_xor(fund_volumes.row_digest) as row_digest,
        case when count(distinct fund_volumes.origin) = 1 then min(fund_volumes.origin) else 'mixed' end as origin
    from fund_instants
    inner join fund_volumes
        on
            fund_instants.month = fund_volumes.month
            and fund_instants.known_at >= fund_volumes.known_at
            and (fund_volumes.next_known_at is null or fund_volumes.next_known_at > fund_instants.known_at)
    group by fund_instants.month, fund_instants.known_at, fund_volumes.day
),

fund_months as (
    select
        fund_days.month,
        fund_days.known_at,
        months.n_days,
        count(fund_days.total + fund_days.domestic) as n_values,
        100.0
        * cast(sum(case when fund_days.total is not null then {{ exact('fund_days.domestic') }} end) as double)
        / nullif(
            cast(sum(case when fund_days.domestic is not null then {{ exact('fund_days.total') }} end) as double), 0
        ) as domestic_bank_share,
        {{ mask_or('fund_days.flag_mask') }} as flag_mask,
        bit_xor(fund_days.row_digest) as inputs_digest,
        case when count(distinct fund_days.origin) = 1 then min(fund_days.origin) else 'mixed' end as origin
    from fund_days
    inner join months
        on fund_days.month = months.month
    group by fund_days.month, fund_days.known_at, months.n_days
),

domestic_bank_share_month_rows as (
    select
        'funding.domestic_bank_share_month' as signal_id,
        month as period_start,
        last_day(month) as period_end,
        case when 10 * n_values >= 9 * n_days then domestic_bank_share end as value,
        known_at,
        flag_mask
        | case
            when n_values < n_days then {{ flag('COMPONENT_MISSING') }} | {{ flag('WINDOW_SPANS_GAP') }}
            else 0
        end as flag_mask,
        2 * n_days as n_inputs,
        2 * greatest(n_days - n_values, 0) as n_missing,
        inputs_digest,
        origin
    from fund_months
),
{%- for share in shares %}

{{ share }}_month_rows as (
    select
        'funding.{{ share }}_month' as signal_id,
        monthly.month as period_start,
        last_day(monthly.month) as period_end,
        case when 10 * monthly.n_values >= 9 * monthly.n_days then monthly.{{ share }} end as value,
        monthly.known_at,
        monthly.flag_mask | {{ flag('PROXY') }} | {{ flag('INTERVAL_CENSORED') }}
        | case
            when monthly.n_values < monthly.n_days then {{ flag('COMPONENT_MISSING') }} | {{ flag('WINDOW_SPANS_GAP') }}
            else 0
        end as flag_mask,
        monthly.n_days as n_inputs,
        greatest(monthly.n_days - monthly.n_values, 0) as n_missing,
        monthly.inputs_digest,
        monthly.origin
    from monthly
    inner join since
        on monthly.known_at >= since.known_at
),
{%- endfor %}

long as (
    {%- for name, _, _, _ in daily %}
    select signal_id, period_start, period_end, value, known_at, flag_mask, n_inputs, n_missing, inputs_digest, origin
    from {{ name }}_rows
    union all
    {%- endfor %}
    {%- for share in shares + ['domestic_bank_share'] %}
    select signal_id, period_start, period_end, value, known_at, flag_mask, n_inputs, n_missing, inputs_digest, origin
    from {{ share }}_month_rows
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    signal_id,
    period_start,
    period_end,
    value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(flag_mask as bigint) as flag_mask,
    cast(n_inputs as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from long
