-- Every state of every line of the TIC table, in USD billions: of a month as printed, and of the twelve months that end with
-- it. The press releases print both, a month in four releases and the sum in two. The history of the same table, which is
-- read whole, goes on where they end: its months are states like any other, and its sum is that of twelve months of one
-- vintage. Sums of first prints are never made: releases restate months that they do not print (a year of them at a time).
-- A state is SUSPECT while the newest release that printed it breaks an identity that it is part of, and where a number that
-- was printed cannot be meant (seed_tic_misprint).
with inputs as (
    select
        line,
        breaks_in_2023,
        'tic.press_release.line_' || line_id as series_id,
        'month' as measure,
        'press_release' as source,
        1.0 as scale
    from {{ ref('seed_tic_line') }}
    union all
    select
        line,
        breaks_in_2023,
        'tic.press_release.line_' || line_id || '_12m' as series_id,
        '12m' as measure,
        'press_release' as source,
        1.0 as scale
    from {{ ref('seed_tic_line') }}
    union all
    select
        line,
        breaks_in_2023,
        'tic.npr.line_' || line_id as series_id,
        'month' as measure,
        'history' as source,
        0.001 as scale
    from {{ ref('seed_tic_line') }}
),

told as (
    select
        inputs.line,
        inputs.measure,
        inputs.source,
        flagged.period_start,
        flagged.period_end,
        round(flagged.value * inputs.scale, 1) as value,
        flagged.value * inputs.scale as exact_value,
        flagged.known_at,
        flagged.next_known_at,
        {{ travelling('flagged.flag_mask') }} as flag_mask,
        flagged.origin,
        {{ digest(['flagged.series_id', 'flagged.period_start', 'flagged.known_at', 'flagged.value', 'flagged.obs_status']) }}
            as row_digest
    from {{ ref('int_observation__flagged') }} as flagged
    inner join inputs
        on flagged.series_id = inputs.series_id
),

-- twelve months of one vintage of the history, at each instant at which one of them changed
vintages as (
    select distinct
        ends.line,
        ends.period_end,
        months.known_at
    from told as ends
    inner join told as months
        on
            ends.line = months.line
            and months.source = 'history'
            and months.period_end <= ends.period_end
            and months.period_end > {{ month_end('ends.period_end', -12) }}
            and months.known_at >= ends.known_at
    where ends.source = 'history'
),

sums as (
    select
        vintages.line,
        '12m' as measure,
        'history' as source,
        min(months.period_start) as period_start,
        vintages.period_end,
        round(cast(sum({{ exact('months.exact_value') }}) as double), 1) as value,
        vintages.known_at,
        {{ mask_or('months.flag_mask') }} as flag_mask,
        case when count(distinct months.origin) = 1 then min(months.origin) else 'mixed' end as origin,
        bit_xor(months.row_digest) as row_digest
    from vintages
    inner join told as months
        on
            vintages.line = months.line
            and months.source = 'history'
            and months.period_end <= vintages.period_end
            and months.period_end > {{ month_end('vintages.period_end', -12) }}
            and vintages.known_at >= months.known_at
            and (months.next_known_at is null or months.next_known_at > vintages.known_at)
    group by vintages.line, vintages.period_end, vintages.known_at
    having count(months.value) = 12
),

tellings as (
    select line, measure, source, period_start, period_end, value, known_at, flag_mask, origin, row_digest
    from told
    union all
    select line, measure, source, period_start, period_end, value, known_at, flag_mask, origin, row_digest
    from sums
),

-- of two tellings at one instant that of the press release stands
ranked as (
    select
        *,
        row_number() over (
            partition by line, measure, period_end, known_at
            order by source desc, period_start asc
        ) as precedence
    from tellings
),

compared as (
    select
        *,
        lag(known_at) over history as before_at,
        lag(value) over history as before_value,
        lag(flag_mask) over history as before_mask
    from ranked
    where precedence = 1
    window history as (partition by line, measure, period_end order by known_at)
),

states as (
    select
        *,
        lead(known_at) over (partition by line, measure, period_end order by known_at) as next_known_at
    from compared
    where
        before_at is null
        or value is distinct from before_value
        or flag_mask <> before_mask
),

lines_of_identities as (
    {%- for identity, (total, parts) in tic_identities().items() %}
    {%- set last = loop.last %}
    {%- for line in [total] + (parts | list) %}
    select
        '{{ identity }}' as identity,
        {{ line }} as line
    {%- if not (last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

printed as (
    select
        parts.line,
        checked.measure,
        checked.period_end,
        checked.known_at,
        concat_ws(
            '; '
            {%- for identity in tic_identities() %},
            max(case when checked.identity = '{{ identity }}' and checked.is_broken then '{{ identity }}' end)
            {%- endfor %}
        ) as broken
    from {{ ref('int_cross__identity') }} as checked
    inner join lines_of_identities as parts
        on checked.identity = parts.identity
    group by parts.line, checked.measure, checked.period_end, checked.known_at
),

compared_prints as (
    select
        *,
        lag(broken) over (partition by line, measure, period_end order by known_at) as before_broken
    from printed
),

doubts as (
    select
        line,
        measure,
        period_end,
        known_at,
        broken,
        lead(known_at) over (partition by line, measure, period_end order by known_at) as next_known_at
    from compared_prints
    where broken <> coalesce(before_broken, '')
),

instants as (
    select
        line,
        measure,
        period_end,
        known_at
    from states
    union
    select
        line,
        measure,
        period_end,
        known_at
    from doubts
),

dated as (
    select
        instants.line,
        instants.measure,
        states.source,
        states.period_start,
        instants.period_end,
        states.value,
        instants.known_at,
        states.flag_mask,
        doubts.broken,
        misprints.line is not null as is_misprint,
        states.origin,
        states.row_digest
    from instants
    inner join states
        on
            instants.line = states.line
            and instants.measure = states.measure
            and instants.period_end = states.period_end
            and instants.known_at >= states.known_at
            and (states.next_known_at is null or states.next_known_at > instants.known_at)
    left join {{ ref('seed_tic_misprint') }} as misprints
        on
            states.line = misprints.line
            and states.measure = misprints.measure
            and states.period_end = misprints.period_end
            and states.known_at = misprints.known_at
            and states.value = misprints.value
    left join doubts
        on
            instants.line = doubts.line
            and instants.measure = doubts.measure
            and instants.period_end = doubts.period_end
            and instants.known_at >= doubts.known_at
            and (doubts.next_known_at is null or doubts.next_known_at > instants.known_at)
)

select
    dated.line,
    dated.measure,
    dated.source,
    dated.period_start,
    dated.period_end,
    dated.value,
    dated.known_at,
    lead(dated.known_at) over history as next_known_at,
    {{ first_known("dated.value") }} over (
        partition by dated.line, dated.measure, dated.period_end
        order by dated.known_at
        rows between unbounded preceding and current row
    ) as first_print,
    row_number() over history as vintage_number,
    lag(dated.value) over history as before_value,
    case
        when lines.breaks_in_2023
            then case when dated.period_end < {{ tic_break() }} then 'to 2023-01' else 'from 2023-02' end
        else 'all'
    end as era,
    coalesce(dated.broken, '') as broken,
    cast(
        dated.flag_mask
        | case when coalesce(dated.broken, '') <> '' or dated.is_misprint then {{ flag('SUSPECT') }} else 0 end
        | case
            when
                lines.breaks_in_2023
                and dated.period_start < {{ tic_break() }}
                and dated.period_end >= {{ tic_break() }}
                then {{ flag('METHOD_BREAK') }}
            else 0
        end
        as bigint
    ) as flag_mask,
    dated.origin,
    dated.row_digest
from dated
inner join {{ ref('seed_tic_line') }} as lines
    on dated.line = lines.line
window history as (partition by dated.line, dated.measure, dated.period_end order by dated.known_at)
