-- The knowledge grid of the composite: each weekday with its cut-off, midnight in New York. A day is over when something became
-- known after it, or by the instant that the build was asked for; nothing here reads a clock.
with known as (
    select
        emitted.known_at,
        {{ local_date('emitted.known_at', "'America/New_York'") }} as known_on
    from {{ ref('int_signal__emitted') }} as emitted
    inner join {{ ref('seed_fragility_input') }} as listed
        on emitted.signal_id = listed.signal_id
    where emitted.value is not null
),

bounds as (
    select
        min(known_on) as first_day,
        {%- if var('known_by') %}
        {{ local_date("cast('" ~ var('known_by') ~ "' as timestamp)", "'America/New_York'") }} as last_day
        {%- else %}
        (
            select {{ local_date('max(newest.known_at)', "'America/New_York'") }}
            from {{ ref('int_signal__emitted') }} as newest
        ) as last_day
        {%- endif %}
    from known
),

weekdays as (
    select
        spine.day,
        {{ local_midnight(add_days('spine.day', 1), 'America/New_York') }} as cut_off
    from {{ weekdays('(select bounds.first_day from bounds)', '(select bounds.last_day from bounds)') }} as spine
)

select
    weekdays.day,
    weekdays.cut_off
from weekdays
{%- if var('known_by') %}
where {{ known_by('weekdays.cut_off') }}
{%- else %}
where weekdays.cut_off <= (select max(newest.known_at) from {{ ref('int_signal__emitted') }} as newest)
{%- endif %}
