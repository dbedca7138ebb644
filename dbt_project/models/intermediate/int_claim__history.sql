-- What the claims are measured by: genuine values of their series and signals with the instants at which they became known, and
-- of releases what the calendar said. Made data proves nothing, and is left out.
with subjects as (
    select distinct
        subject_kind,
        subject
    from {{ ref('seed_claim_measure') }}
)

select
    'series' as subject_kind,
    flagged.series_id as subject,
    flagged.period_end,
    flagged.value,
    flagged.known_at,
    flagged.flag_mask
from {{ ref('int_observation__flagged') }} as flagged
inner join subjects on subjects.subject_kind = 'series' and flagged.series_id = subjects.subject
inner join {{ ref('int_series') }} as series on flagged.series_id = series.series_id
where flagged.origin != 'synthetic' and not series.is_withheld
union all
select
    'signal' as subject_kind,
    signals.signal_id as subject,
    signals.period_end,
    signals.value,
    signals.known_at,
    signals.flag_mask
from {{ ref('int_signal__emitted') }} as signals
inner join subjects on subjects.subject_kind = 'signal' and signals.signal_id = subjects.subject
where (signals.flag_mask & {{ flag('SYNTHETIC') }}) = 0
