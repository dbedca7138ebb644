-- Lapses in appropriations, as they became known: one row when a lapse begins, and one when it has ended.
with steps as (
    select
        'open' as status,
        false as has_ended
    union all
    select
        'ended' as status,
        true as has_ended
),

states as (
    select
        lapses.*,
        steps.status,
        steps.has_ended,
        case
            when steps.has_ended then {{ local_midnight(add_days('lapses.end_date', 1), 'America/New_York') }}
            else {{ local_midnight('lapses.start_date', 'America/New_York') }}
        end as known_at,
        -- the hour of the signature is not recorded: the end of the day is a bound
        case when steps.has_ended then cast({{ flag('KNOWN_LATE') }} as bigint) else cast(0 as bigint) end as flag_mask
    from {{ ref('seed_lapse') }} as lapses
    cross join steps
)

select
    lapse_id,
    status,
    start_date,
    case when has_ended then end_date end as end_date,
    case when has_ended then days_inclusive end as days_inclusive,
    scope,
    agencies,
    bls_closed,
    bea_census_closed,
    treasury_tic_closed,
    cftc_closed,
    note,
    {{ mask_to_flags('flag_mask') }} as flags,
    source,
    confidence,
    known_at
from states
where {{ known_by('known_at') }}
