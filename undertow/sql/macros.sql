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

-- The parts are taken once, in a subquery: each mention of them would be planned anew.
create or replace macro instant(ts) as (
    select case
        when ts is null then error('an as-of instant is needed, for example 2025-10-24T12:30Z')
        when parts.day = '' or parts.day is null
            then error('not an instant: ' || cast(ts as varchar) || ' (write 2025-10-24T12:30Z or 2025-10-24 08:30 America/New_York)')
        when parts.zone = '' or lower(parts.zone) in ('z', 'utc') then timezone('UTC', wall)
        when parts.zone[1] in ('+', '-') then timezone('UTC', wall) - to_minutes(instant_offset(parts.zone))
        else instant_in_zone(wall, parts.zone)
    end
    from (select parts, case when parts.day <> '' then instant_local(parts) end as wall from (select instant_parts(ts) as parts))
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
    from marts.fct_observation as o
    where o.known_at <= (select as_of from cutoff)
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

-- What a release is called at an instant: one that was due and of which nothing was known is pending.
create or replace macro called_then(status, scheduled_at, as_of) as (
    case when status in ('scheduled', 'rescheduled') and scheduled_at <= as_of then 'pending' else status end
);

-- The calendar as it stood at an instant.
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
    where c.known_at <= (select as_of from cutoff)
    group by c.release_id, c.component, c.reference_period
),

judged as (
    select
        newest.*,
        r.closes_with,
        cast(timezone(r.timezone, state.scheduled_at) as date) as planned_on,
        called_then(state.status, state.scheduled_at, as_of) as status
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
    where known_at <= (select as_of from cutoff)
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
    where j.status = 'pending'
    group by j.release_id, j.component, j.reference_period
)

select
    j.release_id,
    j.component,
    j.reference_period,
    j.state.reference_end as reference_end,
    j.status,
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

described as (
    select
        h.*,
        s.title,
        s.unit,
        s.decimals,
        s.frequency,
        s.release_id,
        s.component,
        s.stale_after_days,
        date_diff('month', h.period_end, s.first_period) as first_month,
        date_diff('day', h.period_end, cast(timezone('UTC', cutoff.as_of) as date)) as age_days,
        cutoff.as_of
    from internal.observation_head_by_time as h
    inner join marts.dim_series as s on h.series_id = s.series_id
    cross join cutoff
    where
        -- as subqueries, so that the scan skips what was not the newest then
        h.known_at <= (select as_of from cutoff)
        and h.superseded_at > (select as_of from cutoff)
        and (h.value is not null or h.obs_status = 'Q') -- all values may have been withdrawn; Q: withheld, and known to us
),

-- The calendar as in calendar_as_known, of the periods that can be waited for: what was due more than two years ago is not.
calendar as (
    select
        release_id,
        component,
        reference_period,
        reference_end,
        called_then(state.status, state.scheduled_at, as_of) as status,
        state.scheduled_at as scheduled_at,
        state.reason as reason
    from (
        select
            c.release_id,
            c.component,
            c.reference_period,
            c.reference_end,
            arg_max(struct_pack(status := c.status, scheduled_at := c.scheduled_at, reason := c.reason), c.known_at) as state,
            any_value(cutoff.as_of) as as_of
        from marts.dim_release_calendar as c, cutoff
        where
            c.known_at <= (select as_of from cutoff)
            and c.reference_end > (select cast(timezone('UTC', as_of) as date) - interval 24 month from cutoff)
        group by c.release_id, c.component, c.reference_period, c.reference_end
    )
),

-- what is said of a component goes before what is said of the whole release
own_component as (
    select distinct release_id, component, reference_period
    from calendar
    where component <> 'all'
),

-- Series of one release that stand at the same period wait for the same later ones.
classes as (
    select distinct release_id, component, frequency, period_end, as_of
    from described
    where release_id is not null
),

candidates as (
    select
        k.release_id,
        k.component,
        k.frequency,
        k.period_end,
        k.as_of,
        date_diff('month', k.period_end, c.reference_end) as months_ahead,
        c.reference_period,
        c.reference_end,
        c.status,
        c.scheduled_at,
        c.reason
    from classes as k
    inner join calendar as c
        on k.release_id = c.release_id
        and (c.component = 'all' or c.component = k.component)
        and c.reference_end > k.period_end
    left join own_component as o
        on k.release_id = o.release_id and k.component = o.component and c.reference_period = o.reference_period
    where
        (c.component = k.component or o.component is null)
        and (k.frequency not in ('B', 'D') or c.reference_end <= cast(timezone('UTC', k.as_of) as date) + 7)
),

-- The later periods in which a series would publish: those of the months in which it did, or should have, a year earlier.
-- One bit a month after its newest period; series of the same bits are told once. A series that has no period a year earlier,
-- for it is younger, would publish in all.
published_then as materialized (
    select
        f.series_id,
        f.period_end
    from internal.observation_first as f
    where
        f.known_at <= (select as_of from cutoff)
        and f.period_end in (select last_day(cast(k.reference_end - interval 12 month as date)) from candidates as k)
),

year_earlier as (
    select
        d.series_id,
        bit_or(cast(1 as bigint) << (date_diff('month', d.period_end, f.period_end) + 12)) as months
    from published_then as f
    inner join described as d on f.series_id = d.series_id
    where
        d.frequency not in ('B', 'D', 'W')
        and date_diff('month', d.period_end, f.period_end) between -11 and 48
    group by d.series_id
),

waiting as (
    select
        d.series_id,
        d.release_id,
        d.component,
        d.frequency,
        d.period_end,
        case
            when d.frequency in ('B', 'D', 'W') then -1
            when d.first_month > -12 then coalesce(y.months, 0) | ((cast(1 as bigint) << (d.first_month + 12)) - 1)
            else y.months
        end as months
    from described as d
    left join year_earlier as y on d.series_id = y.series_id
),

summary as (
    select
        w.release_id,
        w.component,
        w.frequency,
        w.period_end,
        w.months,
        list(
            struct_pack(
                reference_period := k.reference_period, status := k.status, scheduled_at := k.scheduled_at, reason := k.reason
            )
            order by k.reference_end
        ) filter (where k.status not in ('released', 'partial')) as later_periods,
        min(k.scheduled_at) filter (where k.status in ('scheduled', 'rescheduled') and k.scheduled_at > k.as_of)
            as next_release_at,
        count(*) filter (where k.status in ('released', 'partial')) as n_releases_without,
        bool_or(k.status = 'pending' or k.status = 'rescheduled') as is_delayed,
        arg_min(k.reference_period, k.reference_end) filter (where k.status not in ('released', 'partial')) as next_period,
        arg_min(k.status, k.reference_end) filter (where k.status not in ('released', 'partial')) as next_status
    from (select distinct release_id, component, frequency, period_end, months from waiting where months is not null) as w
    inner join candidates as k
        on w.release_id = k.release_id
        and w.component is not distinct from k.component
        and w.frequency = k.frequency
        and w.period_end = k.period_end
        and (w.months = -1 or (k.months_ahead <= 60 and (w.months >> k.months_ahead) & 1 = 1))
    group by all
)

select
    d.series_id,
    d.title,
    d.period_start,
    d.period_end,
    d.value,
    d.unit,
    d.decimals,
    d.value_known_at as known_at,
    d.known_at_basis,
    d.obs_status,
    list_concat(
        case when d.age_days > d.stale_after_days then ['STALE'] else cast([] as varchar[]) end,
        list_concat(
            case when coalesce(s.is_delayed, false) and coalesce(s.n_releases_without, 0) = 0 then ['DELAYED'] else cast([] as varchar[]) end,
            d.flags
        )
    ) as flags,
    d.first_print,
    d.value - d.first_print as revision,
    d.vintage_number - 1 as n_revisions,
    d.age_days,
    case when coalesce(s.n_releases_without, 0) = 0 then s.next_release_at end as next_release_at,
    case when coalesce(s.n_releases_without, 0) = 0 then s.next_period end as next_period,
    case when coalesce(s.n_releases_without, 0) = 0 then s.next_status end as next_status,
    case when coalesce(s.n_releases_without, 0) = 0 then coalesce(s.later_periods, []) else [] end as later_periods,
    coalesce(s.n_releases_without, 0) as n_releases_without,
    d.origin,
    d.as_of
from described as d
inner join waiting as w on d.series_id = w.series_id
left join summary as s
    on w.release_id = s.release_id
    and w.component is not distinct from s.component
    and w.frequency = s.frequency
    and w.period_end = s.period_end
    and w.months = s.months;

-- The headline series in their order, as known; of a release of which no values are kept, what its calendar said: the newest
-- period that had come, and what later ones were called.
create or replace macro headline_as_known(ts) as table
with cutoff as (
    select instant(ts) as as_of
),

with_values as (
    select
        h.position,
        h.section,
        h.title,
        s.release_id,
        a.* exclude (title)
    from internal.headline as h
    inner join marts.dim_series as s on h.series_id = s.series_id
    inner join as_known(ts) as a on h.series_id = a.series_id
),

calendar as (
    select
        h.position,
        h.section,
        h.title,
        c.release_id,
        c.reference_period,
        c.reference_end,
        c.status,
        c.scheduled_at,
        c.actual_at,
        c.reason,
        max(case when c.actual_at is not null then c.reference_end end) over (partition by h.position) as newest_end,
        cutoff.as_of
    from internal.headline as h
    inner join calendar_as_known(ts) as c on h.release_id = c.release_id and c.component = 'all'
    cross join cutoff
    where h.series_id is null
),

later as (
    select
        *,
        (newest_end is null or reference_end > newest_end)
        and status not in ('released', 'partial')
        and reference_end > cast(timezone('UTC', as_of) as date) - interval 24 month as is_later
    from calendar
),

without_values as (
    select
        position,
        section,
        title,
        release_id,
        max(newest_end) as period_end,
        max(case when reference_end = newest_end then actual_at end) as known_at,
        case
            when coalesce(bool_or(is_later and status in ('pending', 'rescheduled')), false) then ['DELAYED']
            else cast([] as varchar[])
        end as flags,
        date_diff('day', max(newest_end), cast(timezone('UTC', max(as_of)) as date)) as age_days,
        min(scheduled_at) filter (where is_later and status in ('scheduled', 'rescheduled') and scheduled_at > as_of)
            as next_release_at,
        arg_min(reference_period, reference_end) filter (where is_later) as next_period,
        arg_min(status, reference_end) filter (where is_later) as next_status,
        coalesce(
            list(
                struct_pack(
                    reference_period := reference_period, status := status, scheduled_at := scheduled_at, reason := reason
                )
                order by reference_end
            ) filter (where is_later),
            []
        ) as later_periods,
        max(as_of) as as_of
    from later
    group by position, section, title, release_id
)

select
    position,
    section,
    title,
    series_id,
    release_id,
    period_start,
    period_end,
    value,
    unit,
    decimals,
    known_at,
    known_at_basis,
    obs_status,
    flags,
    first_print,
    revision,
    n_revisions,
    age_days,
    next_release_at,
    next_period,
    next_status,
    later_periods,
    n_releases_without,
    origin,
    as_of
from (select * from with_values union all by name select * from without_values);

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
    where m.known_at <= (select as_of from cutoff)
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

-- The five measures of ample reserves as known at an instant: of the newest period that had a value then or, with a day, of the
-- newest that touches its month. All five have a row; `missing_because` says why one has no value or no place on its spoke.
create or replace macro reserve_ampleness(ts, day := null) as table
with cutoff as (
    select instant(ts) as as_of, cast(day as date) as asked
),

known as (
    select
        a.spoke,
        a.period_start,
        arg_max(
            struct_pack(
                period_end := a.period_end, value := a.value, low := a.low, high := a.high, unit := a.unit, outward := a.outward,
                outward_low := a.outward_low, outward_high := a.outward_high, outward_by := a.outward_by, known_at := a.known_at,
                obs_status := a.obs_status, flags := a.flags, confidence := a.confidence, origin := a.origin
            ),
            a.known_at
        ) as state
    from marts.mart_reserve_ampleness as a, cutoff
    where
        a.known_at <= (select as_of from cutoff)
        and (
            cutoff.asked is null
            or (a.period_start <= last_day(cutoff.asked) and a.period_end >= date_trunc('month', cutoff.asked))
        )
    group by a.spoke, a.period_start
),

chosen as (
    select
        spoke,
        max(period_start) filter (where state.value is not null) as period_start,
        arg_max(state, period_start) filter (where state.value is not null) as state,
        arg_max(state, period_start).obs_status as newest_status
    from known
    group by spoke
)

select
    s.position,
    s.spoke,
    s.title,
    s.availability,
    c.period_start,
    c.state.period_end as period_end,
    c.state.value as value,
    c.state.low as low,
    c.state.high as high,
    c.state.unit as unit,
    c.state.outward as outward,
    c.state.outward_low as outward_low,
    c.state.outward_high as outward_high,
    c.state.outward_by as outward_by,
    c.state.known_at as known_at,
    c.state.flags as flags,
    c.state.confidence as confidence,
    case
        when s.signal_id is null then 'not published'
        when c.spoke is null then 'nothing was known of it'
        when c.state is null then 'no value: ' || c.newest_status
        when c.state.outward is null then 'too few earlier values to place it'
    end as missing_because,
    s.stands_for,
    s.source_url,
    c.state.origin as origin,
    k.as_of
from internal.ampleness_spoke as s
cross join cutoff as k
left join chosen as c on s.spoke = c.spoke;
