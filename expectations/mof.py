"""What is expected of landed yields of Japanese government bonds."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="mof_observation",
        stage="landing",
        asset=("landing", "mof", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE isodow(period_end) > 5 AND period_end >= DATE '1990-01-01') AS n_weekend_days,
            count(*) FILTER (WHERE value IS NULL AND period_end >= DATE '2000-01-01') AS n_days_without_yield,
            max(abs(value - previous)) FILTER (WHERE period_end >= DATE '2000-01-01') AS largest_step,
            max(days_since) FILTER (WHERE period_end >= DATE '2000-01-01') AS longest_step_days
            """
        ).replace(
            "{rows}",
            """(
                SELECT
                    *,
                    lag(value) OVER days AS previous,
                    date_diff('day', lag(period_end) OVER days, period_end) AS days_since
                FROM {rows}
                WINDOW days AS (PARTITION BY series_id ORDER BY period_end)
            )""",
        ),
        expectations=(
            *common_expectations(),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "there is no curve at the weekend, since Saturdays are off",
                arguments={"column": "n_weekend_days", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a yield beyond these is a slipped decimal",
                arguments={"column": "max_value", "max_value": 20},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a yield beyond these is a slipped decimal or a sign",
                arguments={"column": "min_value", "min_value": -5},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "since 2000 each day has every maturity that there is",
                severity="WARN",
                arguments={"column": "n_days_without_yield", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a yield that moves by a percentage point in a day has a slipped decimal or a crisis",
                severity="WARN",
                arguments={"column": "largest_step", "max_value": 1},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the history ends where the file of the month begins: a month between them was never read",
                severity="WARN",
                arguments={"column": "longest_step_days", "max_value": 14},
            ),
        ),
    ),
)
