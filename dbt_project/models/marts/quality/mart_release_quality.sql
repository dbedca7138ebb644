-- How each release of each reference period went, as known after each event and each arrival of values.
with instants as (
    select release_id, component, reference_end, known_at
    from {{ ref('int_release__state') }}
    union
    select release_id, component, reference_end, known_at
    from {{ ref('int_release__arrival') }}
),

states as (
    select
        *,
        coalesce(
            lead(known_at) over (partition by release_id, component, reference_end order by known_at),
            cast('9999-12-31' as timestamp)
        ) as superseded_at
    from {{ ref('int_release__state') }}
),

arrivals as (
    select
        *,
        coalesce(
            lead(known_at) over (partition by release_id, component, reference_end order by known_at),
            cast('9999-12-31' as timestamp)
        ) as superseded_at
    from {{ ref('int_release__arrival') }}
)

select
    instants.release_id,
    instants.component,
    states.reference_period,
    instants.reference_end,
    coalesce(states.status, 'unscheduled') as status,
    states.original_at,
    states.actual_at,
    states.delay_days,
    states.lapse_id,
    states.reason,
    coalesce(arrivals.n_series_published, 0) as n_series_published,
    coalesce(arrivals.n_series_missing, 0) as n_series_missing,
    coalesce(arrivals.n_values_revised, 0) as n_values_revised,
    {{ mask_to_flags('(coalesce(states.flag_mask, 0) | coalesce(arrivals.flag_mask, 0))') }} as flags,
    arrivals.origin,
    instants.known_at
from instants
left join states
    on
        instants.release_id = states.release_id
        and instants.component = states.component
        and instants.reference_end = states.reference_end
        and states.known_at <= instants.known_at
        and states.superseded_at > instants.known_at
left join arrivals
    on
        instants.release_id = arrivals.release_id
        and instants.component = arrivals.component
        and instants.reference_end = arrivals.reference_end
        and arrivals.known_at <= instants.known_at
        and arrivals.superseded_at > instants.known_at
