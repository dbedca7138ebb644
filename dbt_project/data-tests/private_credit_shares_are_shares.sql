-- Shares are between 0 and 1, a gap over more points is no more frequent, and no measure of spread exceeds the range.
select
    period_end,
    known_at
from {{ ref('int_credit__quarter') }}
where
    {{ only_whole_builds() }}
    and not (
        coalesce(share_gap_over_20 between 0 and share_gap_over_10, true)
        and coalesce(share_gap_over_10 between 0 and share_gap_over_5, true)
        and coalesce(share_gap_over_5 <= 1, true)
        and coalesce(share_below_80 between 0 and share_below_90, true)
        and coalesce(share_below_90 <= 1, true)
        and coalesce(pik_share between 0 and 1, true)
        and coalesce(nonaccrual_share between 0 and 1, true)
        and coalesce(nonaccrual_coverage between 0 and 1, true)
        and coalesce(level3_share between 0 and 1, true)
        and coalesce(share_shared between 0 and 1.000000001, true)
        and coalesce(sd_weighted <= range_weighted + 0.000000001, true)
        and coalesce(iqr_weighted <= range_weighted + 0.000000001, true)
        and coalesce(mad_weighted <= range_weighted + 0.000000001, true)
        and n_funds_known <= n_funds_expected
        and n_managers_known <= n_managers_expected
    )
