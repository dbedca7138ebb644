-- All calendar events: the declared ones, and "released" for releases whose values we hold with an instant of their own
-- (a publication rule or the provider's word), told by the first value that came.
with observed as (
    select
        flagged.release_id,
        series.component,
        flagged.period_end as reference_end,
        min(flagged.known_at) as released_at
    from {{ ref('int_observation__flagged') }} as flagged
    inner join {{ ref('int_series') }} as series
        on flagged.series_id = series.series_id
    where
        flagged.release_id is not null
        and flagged.value is not null
        and flagged.known_at_basis in ('lag_rule', 'provider')
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
    cast(0 as bigint) as flag_mask,
    cast(null as string) as merged_into,
    cast(null as string) as reason,
    'The first value of the period that we hold' as source,
    'derived' as confidence
from planned
inner join observed
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
