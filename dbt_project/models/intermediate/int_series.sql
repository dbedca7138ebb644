-- The newest description of each series. A title that only repeats the id gives way to one that says something.
with described as (
    {{ union_rooms('series') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by series_id
            order by
                case when strpos(title, split_part(split_part(series_id, '.', 2), ':', 1)) > 0 then 1 else 0 end,
                fetched_at desc,
                payload_sha256 desc
        ) as recency
    from described
)

select
    series_id,
    title,
    agency,
    unit,
    decimals,
    frequency,
    seasonal_adjustment,
    revision_policy,
    release_id,
    coalesce(component, 'all') as component,
    stale_after_days,
    licence,
    source_url,
    origin
from ranked
where recency = 1
