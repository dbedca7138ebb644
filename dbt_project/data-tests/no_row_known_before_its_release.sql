{{ config(meta={"dagster": {"ref": {"name": "int_observation__flagged"}}}) }}
-- No observation may be known before the release it came in.
with publication as (
    select
        release_id,
        reference_end,
        min(published_at) as published_at
    from {{ ref('int_release__publication') }}
    group by release_id, reference_end
)

select
    flagged.series_id,
    flagged.period_end,
    flagged.known_at,
    publication.published_at
from {{ ref('int_observation__flagged') }} as flagged
inner join {{ ref('int_series') }} as series
    on flagged.series_id = series.series_id
inner join publication
    on
        flagged.release_id = publication.release_id
        and flagged.period_end = publication.reference_end
where
    flagged.value is not null
    and flagged.known_at_basis = 'calendar'
    and {{ only_changed('flagged.series_id') }}
    and flagged.known_at < publication.published_at
