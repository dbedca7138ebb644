-- Trade signals in the common shape: Germany's balance with China in capital goods (BEC Rev.4, products 41 and 521), exports
-- less imports over twelve months. Months are revised, so a sum is that of the figures as they stood at one instant, and there
-- is a row at each instant at which one of its months changed. A sum that lacks a figure is null: nothing is filled. It stands
-- for a balance that is told by another classification (main industrial groupings), so it is a PROXY.
{%- set cube = 'eurostat.DS-059328.M.DE.CN.' %}
{%- set products = ['41', '521'] %}
{%- set months = 12 %}
{%- set figures = months * 2 * products | length %}
with signs as (
    {%- for product in products %}
    select
        '{{ cube }}{{ product }}.2.VALUE_IN_EUROS' as series_id,
        1 as sign
    union all
    select
        '{{ cube }}{{ product }}.1.VALUE_IN_EUROS' as series_id,
        -1 as sign
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

told as (
    select
        flagged.series_id,
        flagged.period_start as month,
        flagged.value,
        flagged.known_at,
        flagged.next_known_at,
        flagged.obs_status,
        flagged.origin,
        signs.sign,
        {{ travelling('flagged.flag_mask') }} as flag_mask
    from {{ ref('int_observation__flagged') }} as flagged
    inner join signs
        on flagged.series_id = signs.series_id
),

figures as (
    select
        *,
        {{ digest(['series_id', 'month', 'known_at', 'value', 'obs_status', 'flag_mask']) }} as row_digest
    from told
),

steps as (
    select {{ integers(0, months) }} as step
),

-- from when on a month has a figure, and the first month of all
begun as (
    select
        month,
        min(known_at) as known_at,
        min(month) over () as first_month
    from figures
    where value is not null
    group by month
),

touched as (
    select distinct
        {{ add_months('figures.month', 'steps.step') }} as month,
        figures.known_at
    from figures
    cross join steps
),

panel as (
    select
        touched.month,
        touched.known_at,
        figures.value,
        figures.sign,
        figures.flag_mask,
        figures.origin,
        figures.row_digest
    from touched
    inner join begun
        on
            touched.month = begun.month
            and touched.known_at >= begun.known_at
            and touched.month >= {{ add_months('begun.first_month', months - 1) }}
    cross join steps
    inner join figures
        on
            {{ add_months('touched.month', '-steps.step') }} = figures.month
            and touched.known_at >= figures.known_at
            and (figures.next_known_at is null or figures.next_known_at > touched.known_at)
),

summed as (
    select
        month,
        known_at,
        count(value) as n_figures,
        sum(sign * {{ exact('value') }}) as balance,
        {{ mask_or('flag_mask') }} as flag_mask,
        bit_xor(row_digest) as inputs_digest,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin
    from panel
    group by month, known_at
)

select
    'trade.de_cn_capital_goods_balance_12m_bec4' as signal_id,
    month as period_start,
    {{ month_end('month') }} as period_end,
    case when n_figures = {{ figures }} then cast(balance as double) / 1000000000 end as value,
    known_at,
    case when n_figures = {{ figures }} then 'A' else 'O' end as obs_status,
    cast(
        flag_mask
        | {{ flag('PROXY') }}
        | case when n_figures < {{ figures }} then {{ flag('COMPONENT_MISSING') }} else 0 end
        as bigint
    ) as flag_mask,
    cast(n_figures as int) as n_inputs,
    cast({{ figures }} - n_figures as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from summed
