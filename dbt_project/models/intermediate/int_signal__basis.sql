-- Signals of the Treasury cash-futures basis trade in the common shape (signal R8), at each instant at which a report changed.
-- The trade itself is reported nowhere, so all of them are proxies.
with totals as (
    select
        *,
        cast(date_trunc('week', report_date) as date) as week
    from {{ ref('int_basis__total') }}
),

-- the two reports of a change, at each instant at which one of them changed
instants as (
    select
        report_date,
        week,
        known_at
    from totals
    union
    select
        own.report_date,
        own.week,
        earlier.known_at
    from totals as own
    inner join totals as earlier
        on {{ add_days('earlier.week', 28) }} = own.week
),

changes as (
    select
        instants.report_date,
        instants.known_at,
        (earlier.gross_short - own.gross_short) / earlier.gross_short as value,
        case when own.gross_short is null then 1 else 0 end
        + case when earlier.gross_short is null then 1 else 0 end as n_missing,
        own.flag_mask | coalesce(earlier.flag_mask, 0) as flag_mask,
        {{ digest(['own.inputs_digest', 'earlier.inputs_digest']) }} as inputs_digest,
        case when coalesce(earlier.origin, own.origin) = own.origin then own.origin else 'mixed' end as origin
    from instants
    inner join totals as own
        on
            instants.report_date = own.report_date
            and instants.known_at >= own.known_at
            and (own.next_known_at is null or own.next_known_at > instants.known_at)
    left join totals as earlier
        on
            {{ add_days('earlier.week', 28) }} = instants.week
            and instants.known_at >= earlier.known_at
            and (earlier.next_known_at is null or earlier.next_known_at > instants.known_at)
)

{%- for name, column in [('leveraged_gross_short', 'gross_short'), ('leveraged_net', 'net')] %}
select
    'basis.{{ name }}' as signal_id,
    report_date as period_start,
    report_date as period_end,
    {{ column }} as value,
    known_at,
    case when {{ column }} is null then 'O' else 'A' end as obs_status,
    flag_mask,
    n_contracts as n_inputs,
    n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from totals
union all
{%- endfor %}
select
    'basis.unwind_4w' as signal_id,
    report_date as period_start,
    report_date as period_end,
    value,
    known_at,
    case when value is null then 'O' else 'A' end as obs_status,
    cast(flag_mask | case when n_missing > 0 then {{ flag('COMPONENT_MISSING') }} else 0 end as bigint) as flag_mask,
    cast(2 as int) as n_inputs,
    cast(n_missing as int) as n_missing,
    {{ digest_text('inputs_digest') }} as inputs_hash,
    origin
from changes
