{#-
    z_exp and rank_exp of every row of a relation in the shape of int_signal__emitted, on strictly earlier periods as known at the
    row's own instant (design rule 3; signals.md section 3): z = (x - mean) / sd (n-1), rank = (#less + #equal / 2) / n. Signals
    whose rows became known in the order of their periods take plain windows; the others join each row with the history of its
    own vintage. Sums are exact (decimal), so that the result does not depend on the order in which an engine adds.
-#}
{% macro standardised(emitted) -%}
with rows_with_value as (
    select
        signal_id,
        period_start,
        value,
        known_at,
        next_known_at,
        vintage_number
    from {{ emitted }}
    where value is not null
),

ordered as (
    select
        *,
        vintage_number > 1
        or next_known_at is not null
        or coalesce(known_at < max(known_at) over (
            partition by signal_id
            order by period_start
            rows between unbounded preceding and 1 preceding
        ), false) as is_out_of_order
    from rows_with_value
),

with_vintages as (
    select distinct signal_id
    from ordered
    where is_out_of_order
),

plain as (
    select
        signal_id,
        period_start,
        known_at,
        value,
        count(*) over earlier as n_history,
        sum({{ exact('value') }}) over earlier as sum_history,
        sum({{ exact('value * value') }}) over earlier as sum_squares,
        min(value) over earlier < max(value) over earlier as varies,
        {{ expanding_rank('value', 'signal_id', 'period_start') }} as mid_rank
    from ordered
    where signal_id not in (select with_vintages.signal_id from with_vintages)
    window earlier as (
        partition by signal_id
        order by period_start
        rows between unbounded preceding and 1 preceding
    )
),

revised as (
    select *
    from ordered
    where signal_id in (select with_vintages.signal_id from with_vintages)
),

vintaged as (
    select
        own.signal_id,
        own.period_start,
        own.known_at,
        own.value,
        count(history.value) as n_history,
        sum({{ exact('history.value') }}) as sum_history,
        sum({{ exact('history.value * history.value') }}) as sum_squares,
        min(history.value) < max(history.value) as varies,
        sum(case when history.value < own.value then 1.0 when history.value = own.value then 0.5 else 0.0 end) as mid_rank
    from revised as own
    left join revised as history
        on
            own.signal_id = history.signal_id
            and own.period_start > history.period_start
            and own.known_at >= history.known_at
            and own.known_at < coalesce(history.next_known_at, cast('9999-12-31' as timestamp))
    group by own.signal_id, own.period_start, own.known_at, own.value
),

combined as (
    select signal_id, period_start, known_at, value, n_history, sum_history, sum_squares, varies, mid_rank
    from plain
    union all
    select signal_id, period_start, known_at, value, n_history, sum_history, sum_squares, varies, mid_rank
    from vintaged
),

moments as (
    select
        signal_id,
        period_start,
        known_at,
        value,
        cast(n_history as double) as n_history,
        cast(mid_rank as double) as mid_rank,
        cast(sum_history as double) / n_history as mean_history,
        -- a history that never moved has no deviation; its sums may say otherwise in the last bits
        case
            when varies
                then {{ sd_from_sums('n_history', 'sum_history', 'sum_squares') }}
        end as sd_history
    from combined
)

select
    moments.signal_id,
    moments.period_start,
    moments.known_at,
    cast(moments.n_history as int) as n_history,
    moments.n_history >= seed_signal.min_history as has_history,
    case
        when moments.n_history >= seed_signal.min_history and moments.sd_history > 0
            then (moments.value - moments.mean_history) / moments.sd_history
    end as z_exp,
    case
        when moments.n_history >= seed_signal.min_history and moments.n_history > 0
            then moments.mid_rank / moments.n_history
    end as rank_exp
from moments
inner join {{ ref('seed_signal') }} as seed_signal
    on moments.signal_id = seed_signal.signal_id
{%- endmacro %}
