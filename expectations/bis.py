"""What is expected of landed effective exchange rates of the BIS."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="bis_observation",
        stage="landing",
        asset=("landing", "bis", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE period_start = period_end AND isodow(period_end) > 5) AS n_weekend_days,
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
                "an index is above zero",
                arguments={"column": "min_value", "min_value": 0, "strict_min": True},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "markets are closed at the weekend",
                severity="WARN",
                arguments={"column": "n_weekend_days", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "an effective rate that moves by a fifth in one period has a slipped decimal or a crisis",
                severity="WARN",
                arguments={"column": "largest_change", "max_value": 0.2},
            ),
        ),
    ),
)
