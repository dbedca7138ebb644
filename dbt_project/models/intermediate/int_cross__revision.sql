-- How much a line has usually been revised: the mean absolute difference between the first print of a month and what stood
-- later, over the months of one era, at each instant at which it changed. A month counts once a later release had the chance
-- to revise it. One that was first told more than a hundred days after its end has no first print: its release was not
-- recorded, or a history begins with it. The form of 2023 has revisions several times those before it, so the eras are kept
-- apart.
with releases as (
    select
        known_at,
        lead(known_at) over (order by known_at) as next_release_at
    from (
        select distinct known_at
        from {{ ref('int_cross__line') }}
    ) as instants
),

told as (
    select
        line,
        era,
        period_end,
        known_at,
        vintage_number,
        abs(value - first_print) as revision,
        abs(before_value - first_print) as revision_before,
        min(known_at) over (partition by line, period_end) as first_known_at
    from {{ ref('int_cross__line') }}
    where measure = 'month' and value is not null
),

months as (
    select *
    from told
    where cast(first_known_at as date) <= {{ add_days('period_end', 100) }}
),

steps as (
    -- a month joins with the release after its first print, unrevised so far
    select
        months.line,
        months.era,
        releases.next_release_at as known_at,
        1 as joins,
        0.0 as change
    from months
    inner join releases
        on months.known_at = releases.known_at
    where months.vintage_number = 1 and releases.next_release_at is not null
    union all
    select
        line,
        era,
        known_at,
        0 as joins,
        revision - coalesce(revision_before, 0.0) as change
    from months
    where vintage_number > 1
),

by_instant as (
    select
        line,
        era,
        known_at,
        sum(joins) as joins,
        sum({{ exact('change') }}) as change
    from steps
    group by line, era, known_at
),

totals as (
    select
        line,
        era,
        known_at,
        sum(joins) over history as n_months,
        sum(change) over history as revised
    from by_instant
    window history as (partition by line, era order by known_at rows between unbounded preceding and current row)
)

select
    line,
    era,
    known_at,
    lead(known_at) over (partition by line, era order by known_at) as next_known_at,
    cast(n_months as int) as n_months,
    cast(revised as double) / n_months as typical_revision
from totals
where n_months > 0
