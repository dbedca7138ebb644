"""What is expected of the marts before they are published."""

from __future__ import annotations

from expectations.suite import Expectation, Suite


def _zero(column: str, why: str) -> Expectation:
    return Expectation("ExpectColumnValuesToBeBetween", why, arguments={"column": column, "min_value": 0, "max_value": 0})


SUITES = (
    Suite(
        name="mart_signal_long",
        stage="marts",
        asset=("marts", "mart_signal_long"),
        metrics="""
            SELECT
                signal_id,
                count(*) AS n_rows,
                count(*) FILTER (
                    WHERE value IS NOT NULL OR obs_status = 'Q' OR list_has_any(flags, ['COMPONENT_MISSING', 'CALENDAR_SHIFT'])
                ) AS n_values,
                count(*) FILTER (WHERE value IS NULL AND obs_status = 'A') AS n_null_called_normal,
                count(*) FILTER (WHERE value IS NOT NULL AND n_missing > 0 AND NOT list_contains(flags, 'GAP_FILLED')
                    AND NOT list_contains(flags, 'COMPONENT_MISSING')) AS n_silent_gaps,
                count(*) FILTER (WHERE value IS NULL AND obs_status <> 'Q' AND confidence > 0) AS n_confident_nulls,
                count(*) FILTER (WHERE known_at < period_start) AS n_known_before_period,
                count(*) FILTER (WHERE isinf(value) OR isnan(value)) AS n_not_finite,
                count(*) FILTER (WHERE origin = 'synthetic' AND NOT list_contains(flags, 'SYNTHETIC')) AS n_unmarked_synthetic
            FROM {rows}
            GROUP BY signal_id
        """,
        expectations=(
            Expectation("ExpectTableRowCountToBeBetween", "there are signals", severity="WARN", arguments={"min_value": 1}),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "every signal has a value, or says what it lacks",
                arguments={"column": "n_values", "min_value": 1},
            ),
            _zero("n_null_called_normal", "a null signal says why it is null"),
            _zero("n_silent_gaps", "a gap in the inputs gives a null, a named gap rule, or a named missing component"),
            _zero("n_confident_nulls", "a signal without a value has no confidence"),
            _zero("n_known_before_period", "nothing is known before its period begins"),
            _zero("n_not_finite", "values are finite"),
            _zero("n_unmarked_synthetic", "whatever is made from synthetic data says so"),
        ),
    ),
    Suite(
        name="fct_observation",
        stage="marts",
        asset=("marts", "fct_observation"),
        metrics="""
            SELECT
                split_part(series_id, '.', 1) AS source,
                count(*) AS n_rows,
                count(DISTINCT series_id) AS n_series,
                count(*) FILTER (WHERE value IS NULL AND obs_status IN ('A', 'P')) AS n_null_called_normal,
                count(*) FILTER (WHERE value IS NULL AND len(footnotes) = 0 AND obs_status = 'L') AS n_gaps_without_reason,
                count(*) FILTER (WHERE known_at < period_start) AS n_known_before_period,
                count(*) FILTER (WHERE value IS NULL) AS n_gaps
            FROM {rows}
            GROUP BY 1
        """,
        expectations=(
            Expectation("ExpectTableRowCountToBeBetween", "there are observations", arguments={"min_value": 1}),
            _zero("n_null_called_normal", "a missing number says why it is missing"),
            _zero("n_gaps_without_reason", "a gap carries the official reason"),
            _zero("n_known_before_period", "nothing is known before its period begins"),
        ),
    ),
    Suite(
        name="mart_release_quality",
        stage="marts",
        asset=("marts", "mart_release_quality"),
        metrics="""
            SELECT
                release_id,
                count(*) AS n_rows,
                min(delay_days) FILTER (WHERE reason IS NULL) AS min_delay_days,
                count(*) FILTER (WHERE status = 'released' AND n_series_published < 0) AS n_negative_counts,
                count(*) FILTER (WHERE status = 'cancelled' AND delay_days IS NOT NULL) AS n_late_cancelled
            FROM {rows}
            GROUP BY release_id
        """,
        expectations=(
            _zero("n_negative_counts", "counts are counts"),
            _zero("n_late_cancelled", "a cancelled release is never late"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a release does not come before it is planned, unless it says why",
                severity="WARN",
                arguments={"column": "min_delay_days", "min_value": 0},
            ),
        ),
    ),
    Suite(
        name="mart_rates",
        stage="marts",
        asset=("marts", "mart_rates"),
        metrics="""
            SELECT
                curve,
                count(*) AS n_rows,
                count(*) FILTER (WHERE least(rv21_2y, rv21_5y, rv21_10y, rv21_20y, rv21_30y, rv21_40y) < 0) AS n_negative_vols,
                count(*) FILTER (
                    WHERE move_proxy IS NOT NULL
                        AND (rv21_2y IS NULL OR rv21_5y IS NULL OR rv21_10y IS NULL OR rv21_30y IS NULL)
                ) AS n_proxies_of_less,
                count(*) FILTER (WHERE bear_steepening_score > 0 AND long_change_5d <= 0) AS n_steepenings_of_falls,
                count(*) FILTER (WHERE known_at < period_start) AS n_known_before_period
            FROM {rows}
            GROUP BY curve
        """,
        expectations=(
            _zero("n_negative_vols", "a volatility is not negative"),
            _zero("n_proxies_of_less", "the proxy of implied volatility is made of all its tenors"),
            _zero("n_steepenings_of_falls", "a bear steepening is one in which the long end rose"),
            _zero("n_known_before_period", "nothing is known before its period begins"),
        ),
    ),
    Suite(
        name="mart_fed_liquidity",
        stage="marts",
        asset=("marts", "mart_fed_liquidity"),
        metrics="""
            SELECT
                count(*) AS n_rows,
                count(*) FILTER (WHERE isodow(period_end) <> 3) AS n_not_wednesdays,
                count(*) FILTER (WHERE abs(net_liquidity - (assets - tga - on_rrp)) > 0.001) AS n_sums_that_are_none,
                count(*) FILTER (WHERE (net_liquidity IS NULL) <> (net_liquidity_missing IS NOT NULL)) AS n_silent_gaps,
                count(*) FILTER (WHERE rrp_drained < 0) AS n_beyond_the_peak,
                count(*) FILTER (WHERE reserves > assets OR assets NOT BETWEEN 500 AND 15000) AS n_slipped_units,
                count(*) FILTER (WHERE known_at < period_end) AS n_known_before_period
            FROM {rows}
        """,
        expectations=(
            _zero("n_not_wednesdays", "a row is of a Wednesday"),
            _zero("n_sums_that_are_none", "net liquidity is the sum of its parts, in one unit"),
            _zero("n_silent_gaps", "net liquidity has a value, or the row says what is missing"),
            _zero("n_beyond_the_peak", "nothing is above its peak"),
            _zero("n_slipped_units", "the balance sheet is in billions of dollars"),
            _zero("n_known_before_period", "nothing is known before its period ends"),
        ),
    ),
    Suite(
        name="mart_basis_proxy",
        stage="marts",
        asset=("marts", "mart_basis_proxy"),
        metrics="""
            SELECT
                contract_code,
                count(*) AS n_rows,
                count(*) FILTER (WHERE leveraged_gross_short < 0 OR leveraged_gross_long < 0) AS n_negative_positions,
                count(*) FILTER (
                    WHERE abs(leveraged_gross_long - leveraged_gross_short - leveraged_net) > 0.001
                ) AS n_nets_that_are_none,
                count(*) FILTER (WHERE leveraged_gross_short > 10000) AS n_slipped_units,
                count(*) FILTER (
                    WHERE leveraged_net IS NULL AND NOT list_contains(flags, 'COMPONENT_MISSING')
                ) AS n_silent_gaps,
                count(*) FILTER (WHERE known_at < period_end) AS n_known_before_period
            FROM {rows}
            GROUP BY contract_code
        """,
        expectations=(
            _zero("n_negative_positions", "a gross position is not negative"),
            _zero("n_nets_that_are_none", "a net position is long less short"),
            _zero("n_slipped_units", "positions are in billions of dollars"),
            _zero("n_silent_gaps", "a total without a value says that a contract is missing"),
            _zero("n_known_before_period", "no report is known before its day"),
        ),
    ),
    Suite(
        name="mart_cross_border",
        stage="marts",
        asset=("marts", "mart_cross_border"),
        metrics="""
            SELECT
                count(*) AS n_rows,
                count(*) FILTER (WHERE abs(value) > 50000 OR abs(sum_12m) > 500000) AS n_slipped_units,
                count(*) FILTER (WHERE (sum_12m_pct_gdp IS NULL) <> (no_share_because IS NOT NULL)) AS n_silent_gaps,
                count(*) FILTER (WHERE (sum_12m IS NULL) <> (sum_12m_basis IS NULL)) AS n_sums_of_nowhere,
                count(*) FILTER (
                    WHERE era <> 'all' AND sum_12m IS NOT NULL AND period_end BETWEEN DATE '2023-02-28' AND DATE '2023-12-31'
                        AND NOT list_contains(flags, 'METHOD_BREAK')
                ) AS n_silent_breaks,
                count(*) FILTER (WHERE known_at <= period_end) AS n_known_before_period
            FROM {rows}
        """,
        expectations=(
            _zero("n_slipped_units", "flows are in billions of dollars"),
            _zero("n_silent_gaps", "a sum without a share of GDP says why"),
            _zero("n_sums_of_nowhere", "a twelve-month sum says whether it was published or is of one vintage"),
            _zero("n_silent_breaks", "twelve months that cross the new form are marked"),
            _zero("n_known_before_period", "no month is known before it has ended"),
        ),
    ),
    Suite(
        name="mart_fiscal",
        stage="marts",
        asset=("marts", "mart_fiscal"),
        metrics="""
            SELECT
                count(*) AS n_rows,
                count(*) FILTER (WHERE bill_share_of_issuance NOT BETWEEN 0 AND 1) AS n_shares_that_are_none,
                count(*) FILTER (WHERE buybacks_21d < 0 OR buybacks_21d > 1000) AS n_slipped_units,
                count(*) FILTER (
                    WHERE (deficit_fytd_yoy_adjusted IS NULL) <> (deficit_fytd_yoy IS NULL)
                        AND NOT list_contains(flags, 'CALENDAR_SHIFT')
                ) AS n_silent_shifts,
                count(*) FILTER (WHERE known_at < period_start) AS n_known_before_period
            FROM {rows}
        """,
        expectations=(
            _zero("n_shares_that_are_none", "a share lies between 0 and 1"),
            _zero("n_slipped_units", "buybacks are in billions of dollars"),
            _zero("n_silent_shifts", "a span that is not compared says that payment dates moved"),
            _zero("n_known_before_period", "nothing is known before its period begins"),
        ),
    ),
    Suite(
        name="mart_fx",
        stage="marts",
        asset=("marts", "mart_fx"),
        metrics="""
            SELECT
                count(*) AS n_rows,
                count(*) FILTER (
                    WHERE greatest(
                        abs(usd_equity_corr_21d), abs(usd_equity_corr_63d), abs(usd_equity_corr_126d), abs(usd_equity_corr_252d)
                    ) > 1.000000001
                ) AS n_correlations_that_are_none,
                count(*) FILTER (WHERE unwind_score_21d > unwind_days_21d / 21.0 + 1e-9) AS n_scores_without_days,
                count(*) FILTER (WHERE usd_broad_change_21d >= 0 AND usd_devaluation_vol <> 0) AS n_devaluations_of_rises,
                count(*) FILTER (WHERE (equity_hedged_eur_ytd IS NULL) <> (hedge_basis_eur IS NULL)) AS n_unlabelled_hedges,
                count(*) FILTER (
                    WHERE (usd_broad_index IS NULL OR equity_local_ytd IS NULL)
                        AND NOT list_contains(flags, 'COMPONENT_MISSING')
                ) AS n_silent_gaps,
                count(*) FILTER (WHERE known_at < period_start) AS n_known_before_period
            FROM {rows}
        """,
        expectations=(
            _zero("n_correlations_that_are_none", "a correlation lies between -1 and 1"),
            _zero("n_scores_without_days", "a score of unwinding has its days"),
            _zero("n_devaluations_of_rises", "a dollar that rose is not devalued"),
            _zero("n_unlabelled_hedges", "a hedged return says by what it was hedged"),
            _zero("n_silent_gaps", "a row says that a part of it is missing"),
            _zero("n_known_before_period", "nothing is known before its period begins"),
        ),
    ),
    Suite(
        name="mart_cross_asset",
        stage="marts",
        asset=("marts", "mart_cross_asset"),
        metrics="""
            SELECT
                panel,
                count(*) AS n_rows,
                count(*) FILTER (
                    WHERE absorption_ratio NOT BETWEEN n_factors * 1.0 / n_assets - 1e-9 AND 1 + 1e-9
                ) AS n_ratios_out_of_bounds,
                count(*) FILTER (WHERE turbulence < 0) AS n_negative_distances,
                count(*) FILTER (
                    WHERE mean_pairwise_corr_63d NOT BETWEEN -1.0 / (n_assets - 1) - 1e-9 AND 1 + 1e-9
                ) AS n_correlations_out_of_bounds,
                count(*) FILTER (WHERE effective_rank NOT BETWEEN 1 - 1e-9 AND n_assets + 1e-9) AS n_ranks_out_of_bounds,
                count(*) FILTER (WHERE known_at < period_start) AS n_known_before_period
            FROM {rows}
            GROUP BY panel
        """,
        expectations=(
            _zero("n_ratios_out_of_bounds", "an absorption ratio lies between the share of its factors and 1"),
            _zero("n_negative_distances", "a distance is not negative"),
            _zero("n_correlations_out_of_bounds", "a mean correlation lies between -1 / (N - 1) and 1"),
            _zero("n_ranks_out_of_bounds", "an effective rank lies between 1 and the number of assets"),
            _zero("n_known_before_period", "nothing is known before its period begins"),
        ),
    ),
    Suite(
        name="mart_fragility",
        stage="marts",
        asset=("marts", "mart_fragility"),
        metrics="""
            SELECT
                count(*) AS n_rows,
                count(*) FILTER (
                    WHERE least(
                        composite_ciss, composite_mean, pillar_funding, pillar_rates, pillar_dollar, pillar_credit,
                        pillar_coupling, pillar_macro, coverage, confidence
                    ) < 0 OR greatest(
                        composite_ciss, composite_mean, pillar_funding, pillar_rates, pillar_dollar, pillar_credit,
                        pillar_coupling, pillar_macro, coverage, confidence
                    ) > 1
                ) AS n_out_of_bounds,
                count(*) FILTER (WHERE (coverage < 0.6 - 1e-9) <> (composite_mean IS NULL)) AS n_against_the_coverage_rule,
                count(*) FILTER (
                    WHERE abs(
                        composite_ciss - coalesce(contribution_funding, 0) - coalesce(contribution_rates, 0)
                        - coalesce(contribution_dollar, 0) - coalesce(contribution_credit, 0)
                        - coalesce(contribution_coupling, 0) - coalesce(contribution_macro, 0)
                    ) > 1e-9
                ) AS n_parts_that_are_not_the_whole,
                count(*) FILTER (WHERE composite_ciss_sqrt > composite_mean + 1e-9) AS n_above_the_mean,
                count(*) FILTER (WHERE n_synthetic > 0 AND NOT list_contains(flags, 'SYNTHETIC')) AS n_silently_synthetic,
                count(*) FILTER (WHERE known_at < period_end) AS n_known_before_its_end
            FROM {rows}
        """,
        expectations=(
            _zero("n_out_of_bounds", "ranks, and what is made of them, lie between 0 and 1"),
            _zero("n_against_the_coverage_rule", "there is a composite where pillars of 60 % of the weight are there"),
            _zero("n_parts_that_are_not_the_whole", "contributions sum to the composite"),
            _zero("n_above_the_mean", "correlations cannot lift the composite above the mean of its pillars"),
            _zero("n_silently_synthetic", "a composite made from generated data says so"),
            _zero("n_known_before_its_end", "a day is known at its end"),
        ),
    ),
)
