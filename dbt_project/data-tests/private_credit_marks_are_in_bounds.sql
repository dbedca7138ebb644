-- What counts has a mark between 0 and 1.10 of par inside its own interval; what does not says why.
select
    loan_id,
    period_end,
    manager,
    known_at
from {{ ref('int_loan__mark') }}
where
    {{ only_whole_builds() }}
    and (
        not coalesce(mark_par between 0 and 1.10, true)
        or (is_comparable and not coalesce(mark_par between mark_low and mark_high, false))
        or (n_lines > 0 and is_comparable = (set_aside_mask <> 0))
    )
