-- The newest description of each series. A title that only repeats the id gives way to one that says something. Its values are
-- withheld from what is published where the newest word on that says so.
with described as (
    select
        *,
        case when instr(title, split_part(split_part(series_id, '.', 2), ':', 1)) > 0 then 1 else 0 end as repeats_id
    from (
        {{ union_rooms('series') }}
    ) as rooms
),

ranked as (
    select
        *,
        row_number() over (
            partition by series_id
            order by repeats_id asc, fetched_at desc, payload_sha256 desc
        ) as recency
    from described
),

permissions as (
    select
        series_id,
        max_by(redistribution, concat_ws('|', cast(fetched_at as string), payload_sha256)) as redistribution
    from described
    where redistribution is not null
    group by series_id
)

select
    ranked.series_id,
    ranked.title,
    ranked.agency,
    ranked.unit,
    ranked.decimals,
    ranked.frequency,
    ranked.seasonal_adjustment,
    ranked.revision_policy,
    ranked.release_id,
    coalesce(ranked.component, 'all') as component,
    ranked.stale_after_days,
    ranked.licence,
    ranked.source_url,
    coalesce(permissions.redistribution, 'allowed') = 'withheld' as is_withheld,
    ranked.origin
from ranked
left join permissions
    on ranked.series_id = permissions.series_id
where ranked.recency = 1
