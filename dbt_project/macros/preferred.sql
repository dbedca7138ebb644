{#-
    Several series tell the same number (an agency, and who republishes it). Of each id and period this is, from each instant on,
    the state of the most preferred series that has told of it by then; `preference` 1 goes before 2. A marked gap of a less
    preferred series is no state, and neither is one of a period that no series has told a number of.
    `inputs` is a seed with the columns `series_id`, `preference` and those of `ids`. A taint (seed_taint) is one more state.
-#}
{% macro preferred_states(inputs, ids) -%}
{%- set keys -%}
{%- for id in ids %}{{ id }}, {% endfor -%} day
{%- endset -%}
with told as (
    select
        {%- for id in ids %}
        inputs.{{ id }},
        {%- endfor %}
        inputs.preference,
        flagged.series_id,
        flagged.period_end as day,
        flagged.value,
        flagged.known_at,
        flagged.next_known_at,
        flagged.obs_status,
        {{ travelling('flagged.flag_mask') }} as flag_mask,
        flagged.origin,
        {{ digest(['flagged.series_id', 'flagged.period_start', 'flagged.known_at', 'flagged.value']) }} as row_digest
    from {{ ref('int_observation__flagged') }} as flagged
    inner join {{ inputs }} as inputs
        on flagged.series_id = inputs.series_id
    where flagged.value is not null or flagged.vintage_number > 1
),

tainted as (
    select * from told
    union all
    select
        {%- for id in ids %}
        told.{{ id }},
        {%- endfor %}
        told.preference,
        told.series_id,
        told.day,
        told.value,
        greatest(told.known_at, taints.known_at) as known_at,
        told.next_known_at,
        told.obs_status,
        told.flag_mask | {{ flag_bit('taints.flag') }} as flag_mask,
        told.origin,
        told.row_digest
    from told
    inner join {{ ref('seed_taint') }} as taints
        on
            told.series_id = taints.series_id
            and told.day between taints.period_from and taints.period_to
            and (told.next_known_at is null or told.next_known_at > taints.known_at)
    where {{ known_by('taints.known_at') }}
),

ranked as (
    select
        *,
        -- peers of one instant count for each other
        min(preference) over (
            partition by {{ keys }}
            order by known_at
            range between unbounded preceding and current row
        ) as best,
        row_number() over (
            partition by {{ keys }}, series_id, known_at
            order by flag_mask desc
        ) as telling
    from tainted
),

kept as (
    select
        {{ keys }},
        series_id,
        value,
        known_at,
        obs_status,
        flag_mask,
        origin,
        row_digest,
        row_number() over (partition by {{ keys }} order by known_at) as state_number,
        lead(known_at) over (partition by {{ keys }} order by known_at) as next_known_at
    from ranked
    where preference = best and telling = 1
)

select * from kept
{%- endmacro %}

{#- What an amount of dollars is multiplied by to be in billions, by the words of its unit; null where they name neither. -#}
{% macro to_billions(unit) -%}
    case
        when lower({{ unit }}) like '%billion%' or lower({{ unit }}) like '%bn%' then 1.0
        when lower({{ unit }}) like '%million%' or lower({{ unit }}) like '%mn%' then 0.001
    end
{%- endmacro %}
