-- How much of an equity index its largest firms are (signal E1), from weights in percent in the user's file, one series a
-- member (user.spx_weight.<ticker>). Share classes of one firm count as one firm, and once as they are listed. On a day whose
-- weights do not add up to 99 to 101 percent members are missing, and nothing is said of the others.
{%- set classes = {'GOOG': 'GOOGL', 'FOX': 'FOXA', 'NWS': 'NWSA'} %}
with weights as (
    select
        replace(series_id, 'user.spx_weight.', '') as member,
        period_end as day,
        value,
        known_at,
        next_known_at,
        {{ travelling('flag_mask') }} as flag_mask,
        {{ digest(['series_id', 'period_start', 'known_at', 'value', 'obs_status', travelling('flag_mask')]) }} as row_digest,
        origin
    from {{ ref('int_observation__flagged') }}
    where series_id like 'user.spx_weight.%'
),

instants as (
    select distinct
        day,
        known_at
    from weights
),

panel as (
    select
        instants.day,
        instants.known_at,
        weights.member,
        case weights.member
            {%- for listed, firm in classes.items() %}
            when '{{ listed }}' then '{{ firm }}'
            {%- endfor %}
            else weights.member
        end as firm,
        weights.value,
        weights.flag_mask,
        weights.row_digest,
        weights.origin
    from instants
    inner join weights
        on
            instants.day = weights.day
            and instants.known_at >= weights.known_at
            and (weights.next_known_at is null or weights.next_known_at > instants.known_at)
),

firms as (
    select
        day,
        known_at,
        sum({{ exact('value') }}) as weight,
        row_number() over (
            partition by day, known_at
            order by sum({{ exact('value') }}) desc, firm asc
        ) as place
    from panel
    where value is not null
    group by day, known_at, firm
),

lines as (
    select
        *,
        row_number() over (
            partition by day, known_at
            order by value desc, member asc
        ) as place
    from panel
),

of_firms as (
    select
        day,
        known_at,
        cast(sum(case when place <= 10 then weight end) as double) as top_10,
        cast(sum({{ exact('weight * weight') }}) as double) / 10000 as hhi,
        cast(sum(weight) as double) as total
    from firms
    group by day, known_at
),

of_lines as (
    select
        day,
        known_at,
        cast(sum(case when place <= 10 then {{ exact('value') }} end) as double) as top_10,
        cast(count(*) as int) as n_members,
        {{ mask_or('flag_mask') }} as flag_mask,
        bit_xor(row_digest) as inputs_digest,
        case when count(distinct origin) = 1 then min(origin) else 'mixed' end as origin
    from lines
    group by day, known_at
),

measured as (
    select
        of_lines.*,
        coalesce(of_firms.total between 99 and 101, false) as is_whole,
        of_firms.top_10 as firms_top_10,
        of_firms.hhi
    from of_lines
    left join of_firms
        on
            of_lines.day = of_firms.day
            and of_lines.known_at = of_firms.known_at
),

long as (
    {%- for name, expression in [
        ('top10_weight', 'firms_top_10'), ('top10_weight_by_listing', 'top_10'), ('concentration_hhi', 'hhi'),
        ('effective_members', '1 / nullif(hhi, 0)'),
    ] %}
    select
        'equity.{{ name }}' as signal_id,
        *,
        case when is_whole then {{ expression }} end as value
    from measured
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    signal_id,
    day as period_start,
    day as period_end,
    value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(flag_mask | case when is_whole then 0 else {{ flag('COMPONENT_MISSING') }} end as bigint) as flag_mask,
    n_members as n_inputs,
    cast(case when is_whole then 0 else 1 end as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from long
