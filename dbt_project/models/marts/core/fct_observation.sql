{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_changed() }}") }}
-- Every number with its two times: the period it describes and the instant it became public. A later row never edits an
-- earlier one; a missing number is a row with a reason.
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
    flagged.value,
    flagged.known_at,
    flagged.known_at_basis,
    flagged.obs_status,
    flag_sets.flags,
    flagged.footnotes,
    flagged.vintage_number,
    flagged.fetched_at,
    flagged.payload_sha256,
    flagged.origin
from {{ ref('int_observation__flagged') }} as flagged
inner join flag_sets
    on flagged.flag_mask = flag_sets.flag_mask
where {{ only_changed('flagged.series_id') }}
order by flagged.series_id, flagged.period_end, flagged.known_at
