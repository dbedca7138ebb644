{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed() }}") }}
-- The head of each series: after each instant, the newest reference period that has a value. A row says "from known_at on,
-- this is the newest number"; a withdrawal brings the older period back. Readers as of an instant join this small table and
-- never the whole history. Values that may not be republished are withheld here too, because readers are whom it is for.
with states as (
    select
        series_id, period_start, period_end, value, known_at, known_at_basis, obs_status, flag_mask, origin, first_print,
        vintage_number, next_known_at
    from {{ ref('int_observation__flagged') }}
    where {{ only_changed() }}
),

-- series in which a value was ever taken back need the whole panel; in all others the newest period only grows
withdrawn as (
    select distinct states.series_id
    from states
    where states.value is null and states.vintage_number > 1
),

growing as (
    select
        *,
        max(period_end) over (
            partition by series_id
            order by known_at, period_end
            rows between unbounded preceding and current row
        ) as newest_end,
        lead(known_at) over (partition by series_id order by known_at, period_end) as following_at
    from states
    where
        value is not null
        and series_id not in (select withdrawn.series_id from withdrawn)
),

grown as (
    -- the newest period of each instant, if it is at least as new as everything before it
    select
        series_id, period_start, period_end, value, known_at, known_at_basis, obs_status, flag_mask, origin,
        first_print, vintage_number
    from growing
    where
        period_end = newest_end
        and (following_at is null or following_at > known_at)
),

instants as (
    select distinct
        series_id,
        known_at as head_at
    from states
    where series_id in (select withdrawn.series_id from withdrawn)
),

panel as (
    select
        instants.head_at,
        states.*,
        row_number() over (partition by instants.series_id, instants.head_at order by states.period_end desc) as recency
    from instants
    inner join states
        on
            instants.series_id = states.series_id
            and states.known_at <= instants.head_at
            and (states.next_known_at is null or states.next_known_at > instants.head_at)
    where states.value is not null
),

-- where nothing is left after a withdrawal, the head says so with a row that has no value
shrunk as (
    select
        instants.series_id,
        panel.period_start,
        panel.period_end,
        panel.value,
        instants.head_at as known_at,
        panel.known_at_basis,
        panel.obs_status,
        coalesce(panel.flag_mask, 0) as flag_mask,
        panel.origin,
        panel.first_print,
        panel.vintage_number,
        panel.known_at as value_known_at
    from instants
    left join panel
        on
            instants.series_id = panel.series_id
            and instants.head_at = panel.head_at
            and panel.recency = 1
),

heads as (
    select
        series_id, period_start, period_end, value, known_at, known_at_basis, obs_status, flag_mask, origin, first_print,
        vintage_number, known_at as value_known_at
    from grown
    union all
    select
        series_id, period_start, period_end, value, known_at, known_at_basis, obs_status, flag_mask, origin, first_print,
        vintage_number, value_known_at
    from shrunk
),

flag_sets as (
    select
        flag_mask,
        {{ mask_to_flags('flag_mask') }} as flags
    from (select distinct flag_mask from heads) as masks
)

select
    heads.series_id,
    heads.period_start,
    heads.period_end,
    case when series.is_withheld then null else heads.value end as value,
    heads.known_at,
    heads.value_known_at,
    heads.known_at_basis,
    case when series.is_withheld and heads.value is not null then 'Q' else heads.obs_status end as obs_status,
    flag_sets.flags,
    case when series.is_withheld then null else heads.first_print end as first_print,
    heads.vintage_number,
    heads.origin
from heads
inner join flag_sets
    on heads.flag_mask = flag_sets.flag_mask
left join {{ ref('int_series') }} as series
    on heads.series_id = series.series_id
