-- The columns of the TIC press releases held against what their lines add up to. Only numbers that one release prints side by
-- side are compared, so this reads what was landed: states leave out what a release repeats. Each number has been rounded to a
-- tenth, so an identity of n numbers is allowed n times half a tenth. One row for each identity, release and column.
with printed as (
    select
        lines.line,
        case when right(observation.series_id, 4) = '_12m' then '12m' else 'month' end as measure,
        observation.period_start,
        observation.period_end,
        observation.known_at,
        max(observation.value) as value
    from {{ ref('stg_file__observation') }} as observation
    inner join {{ ref('seed_tic_line') }} as lines
        on
            observation.series_id in (
                'tic.press_release.line_' || lines.line_id, 'tic.press_release.line_' || lines.line_id || '_12m'
            )
    where {{ known_by('observation.known_at') }}
    group by
        lines.line,
        case when right(observation.series_id, 4) = '_12m' then '12m' else 'month' end,
        observation.period_start,
        observation.period_end,
        observation.known_at
),

columns_of_releases as (
    select
        measure,
        period_start,
        period_end,
        {%- for line in range(1, 33) %}
        max(case when line = {{ line }} then value end) as line_{{ line }},
        {%- endfor %}
        known_at
    from printed
    group by measure, period_start, period_end, known_at
),

differences as (
    {%- for identity, (total, parts) in tic_identities().items() %}
    select
        '{{ identity }}' as identity,
        measure,
        period_start,
        period_end,
        known_at,
        line_{{ total }}
        {%- for part, sign in parts.items() %}
        {{ '-' if sign > 0 else '+' }} line_{{ part }}
        {%- endfor %} as difference,
        0.05 * {{ parts | length + 1 }} as allowed
    from columns_of_releases
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    identity,
    measure,
    period_start,
    period_end,
    known_at,
    round(difference, 2) as difference,
    round(abs(difference), 6) > allowed as is_broken
from differences
where difference is not null
