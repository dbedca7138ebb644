-- Lapses in appropriations, as they became known: one row when a lapse begins, and one when it has ended.
with states as (
    select
        lapse_id,
        'open' as status,
        start_date,
        cast(null as date) as end_date,
        cast(null as int) as days_inclusive,
        scope,
        agencies,
        bls_closed,
        bea_census_closed,
        treasury_tic_closed,
        cftc_closed,
        note,
        source,
        confidence,
        cast(0 as bigint) as flag_mask,
        {{ local_midnight('start_date', 'America/New_York') }} as known_at
    from {{ ref('seed_lapse') }}
    union all
    select
        lapse_id,
        'ended' as status,
        start_date,
        end_date,
        days_inclusive,
        scope,
        agencies,
        bls_closed,
        bea_census_closed,
        treasury_tic_closed,
        cftc_closed,
        note,
        source,
        confidence,
        -- the hour of the signature is not recorded: the end of the day is a bound
        cast({{ flag('KNOWN_LATE') }} as bigint) as flag_mask,
        {{ local_midnight(add_days('end_date', 1), 'America/New_York') }} as known_at
    from {{ ref('seed_lapse') }}
)

select
    lapse_id,
    status,
    start_date,
    end_date,
    days_inclusive,
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
