-- Cross-border signals in the common shape (signals X1 and X4), at each instant at which an input changed. Twelve-month sums
-- are the published ones, or those of one vintage. A share lacks a value where no GDP was known with it (COMPONENT_MISSING).
{%- set flows = [
    ('tic_net', 'net', 'month'),
    ('tic_private_equity', 'private_equity', 'month'),
    ('tic_private_minus_official', 'private_minus_official', 'month'),
    ('tic_treasury_minus_equity', 'treasury_minus_equity', 'month'),
    ('tic_net_12m', 'net', '12m'),
    ('tic_private_12m', 'private', '12m'),
    ('tic_longterm_12m', 'longterm', '12m'),
    ('tic_treasury_12m', 'treasury', '12m'),
    ('tic_treasury_private_12m', 'treasury_private', '12m'),
    ('tic_equity_12m', 'equity', '12m'),
    ('tic_private_equity_12m', 'private_equity', '12m'),
    ('tic_private_equity_corporate_12m', 'private_equity_corporate', '12m'),
] %}
{%- set shares = [
    ('tic_12m_pct_gdp', 'net'),
    ('tic_private_12m_pct_gdp', 'private'),
    ('tic_longterm_12m_pct_gdp', 'longterm'),
    ('tic_treasury_12m_pct_gdp', 'treasury'),
    ('tic_equity_12m_pct_gdp', 'equity'),
] %}
{%- set scores = [
    ('tic_private_minus_official_60m_z', 'private_minus_official'),
    ('tic_treasury_minus_equity_60m_z', 'treasury_minus_equity'),
] %}
with named as (
    {%- for name, flow, measure in flows %}
    select
        '{{ name }}' as name,
        '{{ flow }}' as flow,
        '{{ measure }}' as measure
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

named_shares as (
    {%- for name, flow in shares %}
    select
        '{{ name }}' as name,
        '{{ flow }}' as flow
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

named_scores as (
    {%- for name, flow in scores %}
    select
        '{{ name }}' as name,
        '{{ flow }}' as flow
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- three months of private purchases of shares and corporate bonds against a quarter of the twelve-month sum
months as (
    select
        *,
        lead(known_at) over (partition by period_end order by known_at) as next_known_at
    from {{ ref('int_cross__window') }}
    where flow = 'private_equity_corporate'
),

reversals as (
    select
        months.period_start,
        months.period_end,
        greatest(months.known_at, sums.known_at) as known_at,
        months.sum_3m - sums.value / 4 as value,
        months.n_3m + sums.n_inputs as n_inputs,
        3 - months.n_3m + sums.n_missing as n_missing,
        months.mask_3m | sums.flag_mask as flag_mask,
        case when months.origin = sums.origin then months.origin else 'mixed' end as origin,
        {{ digest_xor('months.digest_3m', 'sums.inputs_digest') }} as inputs_digest
    from months
    inner join {{ ref('int_cross__flow') }} as sums
        on
            sums.flow = 'private_equity_corporate'
            and sums.measure = '12m'
            and months.period_end = sums.period_end
            and (months.next_known_at is null or months.next_known_at > sums.known_at)
            and (sums.next_known_at is null or sums.next_known_at > months.known_at)
),

long as (
    select
        named.name,
        flows.period_start,
        flows.period_end,
        flows.value,
        flows.known_at,
        flows.flag_mask,
        flows.n_inputs,
        flows.n_missing,
        flows.inputs_digest,
        flows.origin
    from {{ ref('int_cross__flow') }} as flows
    inner join named
        on
            flows.flow = named.flow
            and flows.measure = named.measure
    union all
    select
        named_shares.name,
        flows.period_start,
        flows.period_end,
        100 * flows.value / quarters.gdp as value,
        flows.known_at,
        flows.flag_mask | coalesce(quarters.flag_mask, 0) as flag_mask,
        flows.n_inputs + case when quarters.gdp is null then 0 else 1 end as n_inputs,
        flows.n_missing + case when quarters.gdp is null then 1 else 0 end as n_missing,
        {{ digest_xor('flows.inputs_digest', 'quarters.row_digest') }} as inputs_digest,
        case when coalesce(quarters.origin, flows.origin) = flows.origin then flows.origin else 'mixed' end as origin
    from {{ ref('int_cross__flow') }} as flows
    inner join named_shares
        on
            flows.flow = named_shares.flow
            and flows.measure = '12m'
    left join {{ ref('int_cross__gdp_then') }} as quarters
        on
            flows.period_end = quarters.period_end
            and flows.known_at = quarters.known_at
    union all
    select
        named_scores.name,
        windows.period_start,
        windows.period_end,
        windows.z as value,
        windows.known_at,
        windows.flag_mask | case when windows.n < 60 then {{ flag('WINDOW_SPANS_GAP') }} else 0 end as flag_mask,
        windows.n + 1 as n_inputs,
        60 - windows.n as n_missing,
        windows.inputs_digest,
        windows.origin
    from {{ ref('int_cross__window') }} as windows
    inner join named_scores
        on windows.flow = named_scores.flow
    where windows.is_whole
    union all
    select
        'tic_private_reversal_3m' as name,
        period_start,
        period_end,
        value,
        known_at,
        flag_mask,
        n_inputs,
        n_missing,
        inputs_digest,
        origin
    from reversals
    union all
    select
        measure as name,
        period_start,
        period_end,
        value,
        known_at,
        flag_mask,
        n_inputs,
        n_missing,
        inputs_digest,
        origin
    from {{ ref('int_cross__external') }}
    union all
    -- where what nobody explains is larger than the flow, the flow says little of why holdings changed
    select
        'other_change_share' as name,
        period_start,
        period_end,
        abs(other_change) / nullif(abs(net_transactions) + abs(valuation_change) + abs(other_change), 0) as value,
        known_at,
        flag_mask,
        n_inputs,
        n_missing,
        inputs_digest,
        origin
    from {{ ref('int_cross__holdings') }}
    where
        holder_code = '99996'
        and security = 'total'
        and (other_change is not null or period_end > cast('2023-02-28' as date))
)

select
    'crossborder.' || name as signal_id,
    period_start,
    period_end,
    value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(
        flag_mask | case when value is null and n_missing > 0 then {{ flag('COMPONENT_MISSING') }} else 0 end as bigint
    ) as flag_mask,
    cast(n_inputs as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from long
