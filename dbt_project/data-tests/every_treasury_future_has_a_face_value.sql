{{ config(meta={"dagster": {"ref": {"name": "int_observation__flagged"}}}) }}
-- A contract that the seed does not know would be left out of the totals in silence.
select distinct split_part(flagged.series_id, '.', 3) as contract_code
from {{ ref('int_observation__flagged') }} as flagged
left join {{ ref('seed_treasury_future') }} as futures
    on split_part(flagged.series_id, '.', 3) = futures.contract_code
where
    flagged.series_id like 'cftc.tff.%'
    and {{ only_changed('flagged.series_id') }}
    and futures.contract_code is null
