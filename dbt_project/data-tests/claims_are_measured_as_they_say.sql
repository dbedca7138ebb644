{{ config(meta={"dagster": {"ref": {"name": "mart_claims_audit"}}}) }}
-- depends_on: {{ ref('mart_claims_audit') }}
-- A claim that is measured has measures, and another has none; a signal that one names is a signal.
select
    claims.claim_id,
    claims.kind,
    count(measures.measure) as n_measures
from {{ ref('seed_claim') }} as claims
left join {{ ref('seed_claim_measure') }} as measures on claims.claim_id = measures.claim_id
group by claims.claim_id, claims.kind
having (count(measures.measure) > 0) != (claims.kind = 'measured')
union all
select
    measures.claim_id,
    measures.subject as kind,
    1 as n_measures
from {{ ref('seed_claim_measure') }} as measures
left join {{ ref('seed_signal') }} as signals on measures.subject = signals.signal_id
where measures.subject_kind = 'signal' and signals.signal_id is null
