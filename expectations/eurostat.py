"""What is expected of landed trade figures of Comext."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="eurostat_observation",
        stage="landing",
        asset=("landing", "eurostat", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE period_end <> last_day(period_start) OR day(period_start) <> 1) AS n_not_months,
            max(CASE WHEN value > 0 AND previous > 0 THEN abs(ln(value / previous)) END) AS largest_change
            """
        ).replace(
            "{rows}",
            """(
                SELECT
                    *,
                    lag(value) OVER (PARTITION BY series_id, payload_sha256 ORDER BY period_end) AS previous
                FROM {rows}
            )""",
        ),
        expectations=(
            *common_expectations(),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "trade is no negative amount",
                arguments={"column": "min_value", "min_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a month of trade above EUR 50 billion is in another unit",
                arguments={"column": "max_value", "max_value": 5e10},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the figures are of months",
                arguments={"column": "n_not_months", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a flow that is three times that of the month before is another definition or an order of aircraft",
                severity="WARN",
                arguments={"column": "largest_change", "max_value": 1.0986},
            ),
        ),
    ),
)
