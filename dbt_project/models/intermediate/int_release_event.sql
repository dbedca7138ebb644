-- All calendar events: the declared ones, and "released" for releases whose values we hold with an instant of their own
-- (a publication rule or the provider's word), told by the first value that came, or whose values are known by exactly the
-- planned instant, which is so where the provider named the day of its release. What somebody republishes (SECONDARY_SOURCE)
-- tells nothing of the release. An event that only generated data tell of is SYNTHETIC.
with observed as (
    select
        flagged.release_id,
        series.component,
        flagged.period_end as reference_end,
        min(flagged.known_at) as released_at,
        min(case when flagged.origin = 'synthetic' then 1 else 0 end) as is_synthetic
    from {{ ref('int_observation__flagged') }} as flagged
    inner join {{ ref('int_series') }} as series
        on flagged.series_id = series.series_id
    where
        flagged.release_id is not null
        and flagged.value is not null
        and (flagged.flag_mask & {{ flag('SECONDARY_SOURCE') }}) = 0
        and (
            flagged.known_at_basis = 'lag_rule'
            -- a day without an hour is that of a vintage, which need not be the first print
            or (flagged.known_at_basis = 'provider' and (flagged.flag_mask & {{ flag('KNOWN_LATE') }}) = 0)
        )
    group by flagged.release_id, series.component, flagged.period_end
),

planned as (
    select distinct
        release_id,
        component,
        reference_period,
        reference_end
    from {{ ref('int_release_event__declared') }}
    where event in ('scheduled', 'rescheduled')
),

confirmed as (
    select
        plans.release_id,
        plans.component,
        plans.reference_end,
        min(plans.event_at) as released_at,
        min(case when flagged.origin = 'synthetic' then 1 else 0 end) as is_synthetic
    from {{ ref('int_release_event__declared') }} as plans
    left join {{ ref('seed_release_family') }} as families
        on plans.release_id = families.release_id
    inner join {{ ref('int_observation__flagged') }} as flagged
        on
            coalesce(families.family, plans.release_id) = flagged.release_id
            and plans.reference_end = flagged.period_end
            and plans.event_at = flagged.known_at
    inner join {{ ref('int_series') }} as series
        on
            flagged.series_id = series.series_id
            and plans.component = series.component
    where
        plans.event in ('scheduled', 'rescheduled')
        and flagged.known_at_basis = 'calendar'
        and flagged.value is not null
        and (flagged.flag_mask & {{ flag('SECONDARY_SOURCE') }}) = 0
    group by plans.release_id, plans.component, plans.reference_end
),

arrived as (
    select
        release_id,
        component,
        reference_end,
        min(released_at) as released_at,
        min(is_synthetic) as is_synthetic
    from (
        select * from observed
        union all
        select * from confirmed
    ) as both_ways
    group by release_id, component, reference_end
),

settled as (
    select distinct
        release_id,
        component,
        reference_period
    from {{ ref('int_release_event__declared') }}
    where event in ('released', 'partial', 'merged', 'cancelled', 'permanent_gap')
)

select
    release_id, component, reference_period, reference_end, event, event_at, announced_at, announced_basis, flag_mask,
    merged_into, reason, source, confidence
from {{ ref('int_release_event__declared') }}
union all
select
    planned.release_id,
    planned.component,
    planned.reference_period,
    planned.reference_end,
    'released' as event,
    min(observed.released_at) as event_at,
    min(observed.released_at) as announced_at,
    'release' as announced_basis,
    cast(min(observed.is_synthetic) * {{ flag('SYNTHETIC') }} as bigint) as flag_mask,
    cast(null as string) as merged_into,
    cast(null as string) as reason,
    'The first value of the period that we hold' as source,
    'derived' as confidence
from planned
inner join arrived as observed
    on
        planned.release_id = observed.release_id
        and (planned.component = 'all' or planned.component = observed.component)
        and planned.reference_end = observed.reference_end
left join settled
    on
        planned.release_id = settled.release_id
        and planned.component = settled.component
        and planned.reference_period = settled.reference_period
where settled.release_id is null
group by planned.release_id, planned.component, planned.reference_period, planned.reference_end
