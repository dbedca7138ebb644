-- The claims of the essays, each measured as of the last day on which it can have been written, and again whenever one of its
-- numbers was told anew: one row for each claim, measure and instant. A claim that nothing free measures says why.
select
    claims.claim_id,
    claims.essay,
    essays.title as essay_title,
    essays.last_day as written_by,
    claims.position,
    claims.claim,
    states.measure,
    measures.statement,
    measures.subject_kind,
    measures.subject,
    measures.statistic,
    states.period_end,
    states.value,
    measures.low,
    measures.high,
    states.verdict,
    states.is_as_written,
    coalesce(measures.meaning, claims.reason) as reason,
    {{ mask_to_flags('coalesce(states.flag_mask, 0)') }} as flags,
    states.value_known_at,
    states.known_at
from {{ ref('int_claim__state') }} as states
inner join {{ ref('seed_claim_measure') }} as measures
    on
        states.claim_id = measures.claim_id
        and states.measure = measures.measure
inner join {{ ref('seed_claim') }} as claims on states.claim_id = claims.claim_id
inner join {{ ref('seed_essay') }} as essays on claims.essay = essays.essay
union all
select
    claims.claim_id,
    claims.essay,
    essays.title as essay_title,
    essays.last_day as written_by,
    claims.position,
    claims.claim,
    0 as measure,
    cast(null as string) as statement,
    cast(null as string) as subject_kind,
    cast(null as string) as subject,
    cast(null as string) as statistic,
    cast(null as date) as period_end,
    cast(null as double) as value,
    cast(null as double) as low,
    cast(null as double) as high,
    case claims.kind
        when 'licensed' then 'not_measurable_for_free'
        when 'not_built' then 'not_measured_yet'
        else 'not_a_measurement'
    end as verdict,
    true as is_as_written,
    claims.reason,
    {{ text_to_list("''") }} as flags,
    cast(null as timestamp) as value_known_at,
    essays.as_of as known_at
from {{ ref('seed_claim') }} as claims
inner join {{ ref('seed_essay') }} as essays on claims.essay = essays.essay
where claims.kind != 'measured' and {{ known_by('essays.as_of') }}
