-- Flows that are made of lines of the TIC table: sums and differences of lines of one measure (a month, or twelve), at each
-- instant at which one of the lines changed. A flow lacks a value while one of its lines does.
{%- set flows = [
    ('net', 'month', {30: 1}),
    ('private_minus_official', 'month', {31: 1, 32: -1}),
    ('private_equity', 'month', {8: 1}),
    ('private_equity_corporate', 'month', {7: 1, 8: 1}),
    ('treasury_minus_equity', 'month', {5: 1, 10: 1, 8: -1, 13: -1}),
    ('net', '12m', {30: 1}),
    ('private', '12m', {31: 1}),
    ('longterm', '12m', {3: 1}),
    ('treasury', '12m', {5: 1, 10: 1}),
    ('treasury_private', '12m', {5: 1}),
    ('equity', '12m', {8: 1, 13: 1}),
    ('private_equity', '12m', {8: 1}),
    ('private_equity_corporate', '12m', {7: 1, 8: 1}),
] %}
with parts as (
    {%- for flow, measure, lines in flows %}
    {%- set last = loop.last %}
    {%- for line, sign in lines.items() %}
    select
        '{{ flow }}' as flow,
        '{{ measure }}' as measure,
        {{ line }} as line,
        {{ sign }} as sign,
        {{ lines | length }} as n_parts
    {%- if not (last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

states as (
    select
        parts.flow,
        parts.sign,
        parts.n_parts,
        lines.measure,
        lines.period_end,
        lines.value,
        lines.known_at,
        lines.next_known_at,
        lines.flag_mask,
        lines.origin,
        lines.row_digest
    from {{ ref('int_cross__line') }} as lines
    inner join parts
        on
            lines.line = parts.line
            and lines.measure = parts.measure
),

instants as (
    select distinct
        flow,
        measure,
        period_end,
        known_at
    from states
)

select
    instants.flow,
    instants.measure,
    cast(date_trunc('month', instants.period_end) as date) as period_start,
    instants.period_end,
    instants.known_at,
    lead(instants.known_at) over (
        partition by instants.flow, instants.measure, instants.period_end
        order by instants.known_at
    ) as next_known_at,
    case
        when count(states.value) = min(states.n_parts)
            then round(cast(sum({{ exact('states.sign * states.value') }}) as double), 6)
    end as value,
    cast(count(states.value) as int) as n_inputs,
    cast(min(states.n_parts) - count(states.value) as int) as n_missing,
    {{ mask_or('states.flag_mask') }} as flag_mask,
    case when count(distinct states.origin) = 1 then min(states.origin) else 'mixed' end as origin,
    bit_xor(states.row_digest) as inputs_digest
from instants
inner join states
    on
        instants.flow = states.flow
        and instants.measure = states.measure
        and instants.period_end = states.period_end
        and instants.known_at >= states.known_at
        and (states.next_known_at is null or states.next_known_at > instants.known_at)
group by instants.flow, instants.measure, instants.period_end, instants.known_at
