{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed() }}") }}
-- Every state of every observation with the flags that can be told when it became known. was_published says whether the state
-- before it had a value, and is null for the first.
with marked as (
    select distinct
        series_id,
        period_start,
        period_end
    from {{ ref('int_observation__missing') }}
),

states as (
    select
        resolved.series_id, resolved.period_start, resolved.period_end, resolved.value, resolved.known_at,
        resolved.known_at_basis, resolved.obs_status, resolved.flag_mask, resolved.footnotes, resolved.fetched_at,
        resolved.payload_sha256, resolved.origin, resolved.release_id,
        resolved.is_crowded or marked.series_id is not null as is_crowded
    from {{ ref('int_observation__resolved') }} as resolved
    left join marked
        on
            resolved.series_id = marked.series_id
            and resolved.period_start = marked.period_start
            and resolved.period_end = marked.period_end
    where {{ only_changed('resolved.series_id') }}
    union all
    select
        series_id, period_start, period_end, value, known_at, known_at_basis, obs_status, flag_mask, footnotes, fetched_at,
        payload_sha256, origin, release_id, true as is_crowded
    from {{ ref('int_observation__missing') }}
    where {{ only_changed() }}
),

-- a period with one state, as nearly all have, needs no comparison
numbered as (
    select
        *,
        1 as vintage_number,
        value as first_print,
        cast(null as timestamp) as next_known_at,
        cast(null as boolean) as was_published
    from states
    where not is_crowded
    union all
    select
        *,
        row_number() over history as vintage_number,
        {{ first_known("value") }} over (
            partition by series_id, period_start, period_end
            order by known_at
            rows between unbounded preceding and current row
        ) as first_print,
        lead(known_at) over history as next_known_at,
        lag(value is not null) over history as was_published
    from states
    where is_crowded
    window history as (partition by series_id, period_start, period_end order by known_at)
),

cancelled as (
    {{ cancelled_releases() }}
),

-- a component that comes with another release leaves no gap
rescued as (
    {{ rescued_components() }}
),

-- no older period can be touched
earliest as (
    select min({{ month_end('reference_end', -1) }}) as period_end
    from cancelled
),

-- the periods beside a cancelled one, and the cancelled one inside a longer period (a half-year or annual average)
near_a_gap as (
    select
        numbered.series_id,
        numbered.period_start,
        numbered.period_end,
        numbered.known_at,
        {{ mask_or(
            "case when numbered.period_start <= cancelled.reference_end and cancelled.reference_end <= numbered.period_end then "
            ~ flag('WINDOW_SPANS_GAP') ~ " else " ~ flag('CANCELLED_NEIGHBOUR') ~ " end"
        ) }} as gap_mask
    from numbered
    inner join {{ ref('int_series') }} as series
        on numbered.series_id = series.series_id
    inner join cancelled
        on
            numbered.release_id = cancelled.release_id
            and (cancelled.component = 'all' or cancelled.component = series.component)
            and cancelled.announced_at <= numbered.known_at
            and (
                (
                    series.frequency = 'M'
                    and numbered.period_end in (
                        {{ month_end('cancelled.reference_end', -1) }}, {{ month_end('cancelled.reference_end', 1) }}
                    )
                )
                or (
                    series.frequency in ('Q', 'S', 'A')
                    and numbered.period_start <= cancelled.reference_end
                    and cancelled.reference_end <= numbered.period_end
                )
            )
    left join rescued
        on
            cancelled.release_id = rescued.release_id
            and cancelled.reference_end = rescued.reference_end
            and cancelled.announced_at >= rescued.announced_at
            and cancelled.component = 'all'
            and series.component = rescued.component
    where
        numbered.period_end >= (select earliest.period_end from earliest)
        and rescued.release_id is null
    group by numbered.series_id, numbered.period_start, numbered.period_end, numbered.known_at
)

select
    numbered.series_id,
    numbered.period_start,
    numbered.period_end,
    numbered.value,
    numbered.known_at,
    numbered.known_at_basis,
    numbered.obs_status,
    cast(
        numbered.flag_mask
        | coalesce(near_a_gap.gap_mask, 0)
        | case
            when numbered.value is distinct from numbered.first_print and numbered.value is not null then {{ flag('REVISED') }}
            else 0
        end
        | case when numbered.origin = 'synthetic' then {{ flag('SYNTHETIC') }} else 0 end
        as bigint
    ) as flag_mask,
    numbered.footnotes,
    numbered.fetched_at,
    numbered.payload_sha256,
    numbered.origin,
    numbered.release_id,
    numbered.first_print,
    cast(numbered.vintage_number as int) as vintage_number,
    numbered.next_known_at,
    numbered.was_published
from numbered
left join near_a_gap
    on
        numbered.series_id = near_a_gap.series_id
        and numbered.period_start = near_a_gap.period_start
        and numbered.period_end = near_a_gap.period_end
        and numbered.known_at = near_a_gap.known_at
