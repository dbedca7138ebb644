-- Monthly flows over windows of months as they stood at one instant: the month against the 60 months before it (z), and the
-- newest three months. A window counts months, not rows, and begins with the first month that is known at all; one that lacks a
-- month has no number. Emitted at each instant at which a month of the window changed.
{%- set window_months = 60 %}
with flows as (
    select *
    from {{ ref('int_cross__flow') }}
    where measure = 'month'
),

born as (
    select
        flow,
        period_end,
        min(known_at) as known_at
    from flows
    group by flow, period_end
),

-- the windows whose first month is no earlier than the first one known
oldest as (
    select
        flow,
        known_at,
        min(min(period_end)) over (partition by flow order by known_at) as period_end
    from flows
    group by flow, known_at
),

instants as (
    select distinct
        born.flow,
        born.period_end,
        flows.known_at
    from born
    inner join flows
        on
            born.flow = flows.flow
            and flows.period_end <= born.period_end
            and flows.period_end >= {{ month_end('born.period_end', -window_months) }}
            and flows.known_at >= born.known_at
),

windows as (
    select
        instants.flow,
        instants.period_end,
        instants.known_at,
        max(case when flows.period_end = instants.period_end then flows.value end) as value,
        count(case when flows.period_end < instants.period_end then flows.value end) as n,
        sum(case when flows.period_end < instants.period_end then {{ exact('flows.value') }} end) as total,
        sum(case when flows.period_end < instants.period_end then {{ exact('flows.value * flows.value') }} end) as squares,
        count(case when flows.period_end > {{ month_end('instants.period_end', -3) }} then flows.value end) as n_3m,
        sum(
            case when flows.period_end > {{ month_end('instants.period_end', -3) }} then {{ exact('flows.value') }} end
        ) as sum_3m,
        {{ mask_or('flows.flag_mask') }} as flag_mask,
        {{ mask_or(
            "case when flows.period_end > " ~ month_end('instants.period_end', -3) ~ " then flows.flag_mask else 0 end"
        ) }} as mask_3m,
        case when count(distinct flows.origin) = 1 then min(flows.origin) else 'mixed' end as origin,
        bit_xor(flows.inputs_digest) as inputs_digest,
        bit_xor(
            case when flows.period_end > {{ month_end('instants.period_end', -3) }} then flows.inputs_digest end
        ) as digest_3m
    from instants
    inner join flows
        on
            instants.flow = flows.flow
            and flows.period_end <= instants.period_end
            and flows.period_end >= {{ month_end('instants.period_end', -window_months) }}
            and instants.known_at >= flows.known_at
            and (flows.next_known_at is null or flows.next_known_at > instants.known_at)
    group by instants.flow, instants.period_end, instants.known_at
)

select
    windows.flow,
    cast(date_trunc('month', windows.period_end) as date) as period_start,
    windows.period_end,
    windows.known_at,
    {{ month_end('windows.period_end', -window_months) }} >= oldest.period_end as is_whole,
    case
        when windows.n = {{ window_months }} and windows.value is not null
            then
                (windows.value - cast(windows.total as double) / windows.n)
                / nullif({{ sd_from_sums('windows.n', 'windows.total', 'windows.squares') }}, 0)
    end as z,
    cast(windows.n as int) as n,
    case when windows.n_3m = 3 then cast(windows.sum_3m as double) end as sum_3m,
    cast(windows.n_3m as int) as n_3m,
    cast(
        windows.flag_mask
        | case
            when
                windows.period_end >= {{ tic_break() }}
                and {{ month_end('windows.period_end', -window_months) }} < {{ tic_break() }}
                then {{ flag('METHOD_BREAK') }}
            else 0
        end
        as bigint
    ) as flag_mask,
    cast(
        windows.mask_3m
        | case
            when
                windows.period_end >= {{ tic_break() }}
                and {{ month_end('windows.period_end', -2) }} < {{ tic_break() }}
                then {{ flag('METHOD_BREAK') }}
            else 0
        end
        as bigint
    ) as mask_3m,
    windows.origin,
    windows.inputs_digest,
    windows.digest_3m
from windows
inner join oldest
    on
        windows.flow = oldest.flow
        and windows.known_at = oldest.known_at
