-- A release of one reference period and component ends at most once.
select
    release_id,
    component,
    reference_period,
    count(*) as n_ends
from {{ ref('fct_release_event') }}
where event in ('released', 'merged', 'cancelled')
group by release_id, component, reference_period
having count(*) > 1
