-- Macros of the published file. They are created after its tables, with the file as the main database.
-- Written for DuckDB 1.2 and later. Through ATTACH, `USE` the database first.

-- Reading of instants (design rule 10): seconds optional, offsets and zone names accepted, a text without a zone is UTC
-- whatever the zone of the session. Twin of undertow.instants.parse_instant; a test holds them together.
create or replace macro instant_parts(ts) as regexp_extract(
    trim(cast(ts as varchar)),
    '^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,6})?)?)?\s*([Zz]|[Uu][Tt][Cc]|[+-]\d{2}(?::?\d{2})?|[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+)?$',
    ['day', 'clock', 'seconds', 'zone']
);

create or replace macro instant_local(parts) as cast(
    parts.day || ' '
    || (case when parts.clock = '' then '00:00' else parts.clock end)
    || (case when parts.seconds = '' then ':00' else parts.seconds end)
    as timestamp
);

create or replace macro instant_offset(zone) as (
    (case when zone[1] = '-' then -1 else 1 end)
    * (cast(zone[2:3] as integer) * 60 + (case when length(zone) > 3 then cast(zone[-2:] as integer) else 0 end))
);

-- A local time that occurs twice is the first of the two; one that does not occur at all is an error. Clocks go back by an
-- hour, or by half an hour on Lord Howe Island.
create or replace macro instant_in_zone(wall, zone) as (
    case
        when timezone(zone, timezone(zone, wall)) <> wall
            then error('the local time ' || cast(wall as varchar) || ' does not exist in ' || zone)
        when timezone(zone, timezone(zone, wall) - interval 1 hour) = wall
            then timezone(zone, wall) - interval 1 hour
        when timezone(zone, timezone(zone, wall) - interval 30 minute) = wall
            then timezone(zone, wall) - interval 30 minute
        else timezone(zone, wall)
    end
);

create or replace macro instant(ts) as (
    case
        when ts is null then error('an as-of instant is needed, for example 2025-10-24T12:30Z')
        when instant_parts(ts).day = '' or instant_parts(ts).day is null
            then error('not an instant: ' || cast(ts as varchar) || ' (write 2025-10-24T12:30Z or 2025-10-24 08:30 America/New_York)')
        when instant_parts(ts).zone = '' or lower(instant_parts(ts).zone) in ('z', 'utc')
            then timezone('UTC', instant_local(instant_parts(ts)))
        when instant_parts(ts).zone[1] in ('+', '-')
            then timezone('UTC', instant_local(instant_parts(ts))) - to_minutes(instant_offset(instant_parts(ts).zone))
        else instant_in_zone(instant_local(instant_parts(ts)), instant_parts(ts).zone)
    end
);

-- Every period of every series as it stood at an instant, missing ones included.
create or replace macro vintages_as_known(ts) as table
with cutoff as (
    select instant(ts) as as_of
),

newest as (
    select
        o.series_id,
        o.period_start,
        o.period_end,
        arg_max(
            struct_pack(
                value := o.value, known_at := o.known_at, known_at_basis := o.known_at_basis, obs_status := o.obs_status,
                flags := o.flags, footnotes := o.footnotes, vintage_number := o.vintage_number,
                payload_sha256 := o.payload_sha256, origin := o.origin
            ),
            o.known_at
        ) as state
    from marts.fct_observation as o, cutoff
    where o.known_at <= cutoff.as_of
    group by o.series_id, o.period_start, o.period_end
)

select
    series_id,
    period_start,
    period_end,
    state.value as value,
    state.known_at as known_at,
    state.known_at_basis as known_at_basis,
    state.obs_status as obs_status,
    state.flags as flags,
    state.footnotes as footnotes,
    state.vintage_number as vintage_number,
    state.payload_sha256 as payload_sha256,
    state.origin as origin
from newest;

-- The calendar as it stood at an instant; a release that was due and of which nothing was known is pending.
create or replace macro calendar_as_known(ts) as table
with cutoff as (
    select instant(ts) as as_of
),

newest as (
    select
        c.release_id,
        c.component,
        c.reference_period,
        arg_max(
            struct_pack(
                reference_end := c.reference_end, status := c.status, original_at := c.original_at,
                scheduled_at := c.scheduled_at, actual_at := c.actual_at, delay_days := c.delay_days,
                merged_into := c.merged_into, lapse_id := c.lapse_id, reason := c.reason, flags := c.flags, source := c.source,
                known_at := c.known_at
            ),
            c.known_at
        ) as state,
        any_value(cutoff.as_of) as as_of
    from marts.dim_release_calendar as c, cutoff
    where c.known_at <= cutoff.as_of
    group by c.release_id, c.component, c.reference_period
),

judged as (
    select
        newest.*,
        r.closes_with,
        cast(timezone(r.timezone, state.scheduled_at) as date) as planned_on,
        state.status in ('scheduled', 'rescheduled') and state.scheduled_at <= as_of as is_pending
    from newest
    left join internal.release as r on newest.release_id = r.release_id
),

-- A release that is due and unheard of belongs to the lapse that closed its agency on that day, or that had ended by no more
-- days than it lasted: what could not be collected then cannot come on time.
lapse as (
    select
        lapse_id,
        unnest(['bls', 'bea_census', 'treasury_tic', 'cftc']) as closes_with,
        unnest([bool_or(bls_closed in ('yes', 'partly')), bool_or(bea_census_closed in ('yes', 'partly')),
            bool_or(treasury_tic_closed in ('yes', 'partly')), bool_or(cftc_closed in ('yes', 'partly'))]) as is_closed,
        min(start_date) as first_day,
        coalesce(max(end_date) + max(days_inclusive), date '9999-12-31') as last_day
    from marts.dim_lapse, cutoff
    where known_at <= cutoff.as_of
    group by lapse_id
),

behind as (
    select
        j.release_id,
        j.component,
        j.reference_period,
        max(l.lapse_id) as lapse_id
    from judged as j
    inner join lapse as l
        on j.closes_with = l.closes_with and l.is_closed and j.planned_on between l.first_day and l.last_day
    where j.is_pending
    group by j.release_id, j.component, j.reference_period
)

select
    j.release_id,
    j.component,
    j.reference_period,
    j.state.reference_end as reference_end,
    case when j.is_pending then 'pending' else j.state.status end as status,
    j.state.original_at as original_at,
    j.state.scheduled_at as scheduled_at,
    j.state.actual_at as actual_at,
    j.state.delay_days as delay_days,
    j.state.merged_into as merged_into,
    coalesce(b.lapse_id, j.state.lapse_id) as lapse_id,
    j.state.reason as reason,
    j.state.flags as flags,
    j.state.source as source,
    j.state.known_at as known_at
from judged as j
left join behind as b
    on j.release_id = b.release_id and j.component = b.component and j.reference_period = b.reference_period;

-- One row a series: the newest reference period that had a value at an instant, and what later periods were then called.
create or replace macro as_known(ts) as table
with cutoff as (
    select instant(ts) as as_of
),

head as (
    select
        h.series_id,
        arg_max(
            struct_pack(
                period_start := h.period_start, period_end := h.period_end, value := h.value, known_at := h.value_known_at,
                known_at_basis := h.known_at_basis, obs_status := h.obs_status, flags := h.flags,
                first_print := h.first_print, vintage_number := h.vintage_number, origin := h.origin
            ),
            h.known_at
        ) as state
    from internal.observation_head as h, cutoff
    where h.known_at <= cutoff.as_of
    group by h.series_id
),

described as (
    select
        head.series_id,
        head.state,
        s.title,
        s.unit,
        s.decimals,
        s.frequency,
        s.release_id,
        s.component,
        s.stale_after_days,
        s.first_period,
        date_diff('day', head.state.period_end, cast(timezone('UTC', cutoff.as_of) as date)) as age_days,
        cutoff.as_of
    from head
    inner join marts.dim_series as s on head.series_id = s.series_id
    cross join cutoff
    where head.state.value is not null -- all values may have been withdrawn
),

calendar as (
    select release_id, component, reference_period, reference_end, status, original_at, scheduled_at, reason
    from calendar_as_known(ts)
),

-- what is said of a component goes before what is said of the whole release
own_component as (
    select distinct release_id, component, reference_period
    from calendar
    where component <> 'all'
),

-- later periods of the series' release in which the series would publish: it did, or should have, in that period a year
-- earlier, or it is not a year old
candidates as (
    select
        d.series_id,
        d.as_of,
        d.frequency,
        c.reference_period,
        c.reference_end,
        c.status,
        c.original_at,
        c.scheduled_at,
        c.reason,
        d.first_period > cast(c.reference_end - interval 12 month as date) as is_young
    from described as d
    inner join calendar as c
        on d.release_id = c.release_id
        and (c.component = 'all' or c.component = d.component)
        and c.reference_end > d.state.period_end
    left join own_component as o
        on d.release_id = o.release_id and d.component = o.component and c.reference_period = o.reference_period
    where
        (c.component = d.component or o.component is null)
        and (
            d.frequency not in ('B', 'D')
            or c.reference_end <= cast(timezone('UTC', d.as_of) as date) + 7
        )
),

year_earlier as (
    select distinct o.series_id, o.period_end
    from marts.fct_observation as o
    inner join (select distinct last_day(cast(reference_end - interval 12 month as date)) as period_end from candidates) as p
        on o.period_end = p.period_end
),

later as (
    select k.*
    from candidates as k
    left join year_earlier as y
        on k.series_id = y.series_id
        and last_day(cast(k.reference_end - interval 12 month as date)) = y.period_end
    where k.frequency in ('B', 'D', 'W') or k.is_young or y.series_id is not null
),

summary as (
    select
        series_id,
        list(
            struct_pack(reference_period := reference_period, status := status, scheduled_at := scheduled_at, reason := reason)
            order by reference_end
        ) filter (where status not in ('released', 'partial')) as later_periods,
        min(scheduled_at) filter (where status in ('scheduled', 'rescheduled') and scheduled_at > as_of) as next_release_at,
        count(*) filter (where status in ('released', 'partial')) as n_releases_without,
        bool_or(status = 'pending' or status = 'rescheduled') as is_delayed,
        arg_min(reference_period, reference_end) filter (where status not in ('released', 'partial')) as next_period,
        arg_min(status, reference_end) filter (where status not in ('released', 'partial')) as next_status
    from later
    group by series_id
)

select
    d.series_id,
    d.title,
    d.state.period_start as period_start,
    d.state.period_end as period_end,
    d.state.value as value,
    d.unit,
    d.decimals,
    d.state.known_at as known_at,
    d.state.known_at_basis as known_at_basis,
    d.state.obs_status as obs_status,
    list_concat(
        case when d.age_days > d.stale_after_days then ['STALE'] else cast([] as varchar[]) end,
        list_concat(
            case when coalesce(s.is_delayed, false) and coalesce(s.n_releases_without, 0) = 0 then ['DELAYED'] else cast([] as varchar[]) end,
            d.state.flags
        )
    ) as flags,
    d.state.first_print as first_print,
    d.state.value - d.state.first_print as revision,
    d.state.vintage_number - 1 as n_revisions,
    d.age_days,
    case when coalesce(s.n_releases_without, 0) = 0 then s.next_release_at end as next_release_at,
    case when coalesce(s.n_releases_without, 0) = 0 then s.next_period end as next_period,
    case when coalesce(s.n_releases_without, 0) = 0 then s.next_status end as next_status,
    case when coalesce(s.n_releases_without, 0) = 0 then coalesce(s.later_periods, []) else [] end as later_periods,
    coalesce(s.n_releases_without, 0) as n_releases_without,
    d.state.origin as origin,
    d.as_of
from described as d
left join summary as s on d.series_id = s.series_id;

-- One row a signal: the newest period that had a value at an instant, and what a newer period without one was.
create or replace macro signals_as_known(ts) as table
with cutoff as (
    select instant(ts) as as_of
),

newest as (
    select
        m.signal_id,
        m.period_start,
        arg_max(
            struct_pack(
                period_end := m.period_end, value := m.value, z_exp := m.z_exp, rank_exp := m.rank_exp, known_at := m.known_at,
                vintage_number := m.vintage_number, obs_status := m.obs_status, flags := m.flags, n_inputs := m.n_inputs,
                n_missing := m.n_missing, confidence := m.confidence, inputs_hash := m.inputs_hash,
                method_version := m.method_version, origin := m.origin
            ),
            m.known_at
        ) as state,
        any_value(m.unit) as unit,
        any_value(m.stress_dir) as stress_dir,
        any_value(cutoff.as_of) as as_of
    from marts.mart_signal_long as m, cutoff
    where m.known_at <= cutoff.as_of
    group by m.signal_id, m.period_start
),

latest as (
    select
        signal_id,
        arg_max(state, period_start) filter (where state.value is not null) as state,
        max(period_start) filter (where state.value is not null) as period_start,
        arg_max(state, period_start) as newest_state,
        any_value(unit) as unit,
        any_value(stress_dir) as stress_dir,
        any_value(as_of) as as_of
    from newest
    group by signal_id
)

select
    l.signal_id,
    g.title,
    l.period_start,
    l.state.period_end as period_end,
    l.state.value as value,
    l.unit,
    l.stress_dir,
    l.state.z_exp as z_exp,
    l.state.rank_exp as rank_exp,
    l.state.known_at as known_at,
    l.state.obs_status as obs_status,
    list_concat(
        case
            when date_diff('day', l.state.period_end, cast(timezone('UTC', l.as_of) as date)) > g.stale_after_days then ['STALE']
            else cast([] as varchar[])
        end,
        l.state.flags
    ) as flags,
    l.state.n_inputs as n_inputs,
    l.state.n_missing as n_missing,
    l.state.confidence as confidence,
    date_diff('day', l.state.period_end, cast(timezone('UTC', l.as_of) as date)) as age_days,
    case when l.newest_state.value is null then l.newest_state.period_end end as newer_period_without_value,
    case when l.newest_state.value is null then l.newest_state.obs_status end as newer_obs_status,
    l.state.inputs_hash as inputs_hash,
    l.state.method_version as method_version,
    l.state.origin as origin,
    l.as_of
from latest as l
inner join internal.signal as g on l.signal_id = g.signal_id
where l.state is not null;
