{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed() }}") }}
-- Every number with its two times: the period it describes and the instant it became public. A later row never edits an
-- earlier one; a missing number is a row with a reason. The values of a series that may not be republished stay in the
-- warehouse, where the signal models read them; their rows here say so.
with flag_sets as (
    select
        flag_mask,
        {{ mask_to_flags('flag_mask') }} as flags
    from (
        select distinct flag_mask
        from {{ ref('int_observation__flagged') }}
        where {{ only_changed() }}
    ) as masks
)

select
    flagged.series_id,
    flagged.period_start,
    flagged.period_end,
    case when series.is_withheld then null else flagged.value end as value,
    flagged.known_at,
    flagged.known_at_basis,
    case when series.is_withheld and flagged.value is not null then 'Q' else flagged.obs_status end as obs_status,
    flag_sets.flags,
    case
        when series.is_withheld then {{ single_list("'withheld under its licence: ' || series.licence") }}
        else flagged.footnotes
    end as footnotes,
    flagged.vintage_number,
    flagged.fetched_at,
    flagged.payload_sha256,
    flagged.origin
from {{ ref('int_observation__flagged') }} as flagged
inner join flag_sets
    on flagged.flag_mask = flag_sets.flag_mask
left join {{ ref('int_series') }} as series
    on flagged.series_id = series.series_id
where {{ only_changed('flagged.series_id') }}
order by flagged.series_id, flagged.period_end, flagged.known_at
