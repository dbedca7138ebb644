"""What is expected of landed economic indicators of the Census Bureau."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="census_observation",
        stage="landing",
        asset=("landing", "census", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (
                WHERE date_part('day', period_start) <> 1 OR period_end <> last_day(period_start)
            ) AS n_not_months,
            count(*) FILTER (WHERE value < 0 AND series_id NOT LIKE 'census.FTD.%') AS n_below_zero,
            max(CASE WHEN value > 0 AND previous > 0 THEN abs(ln(value / previous)) END)
                FILTER (WHERE months_since = 1) AS largest_change
            """
        ).replace(
            "{rows}",
            """(
                SELECT
                    *,
                    lag(value) OVER months AS previous,
                    date_diff('month', lag(period_start) OVER months, period_start) AS months_since
                FROM {rows}
                WINDOW months AS (PARTITION BY series_id, payload_sha256 ORDER BY period_end)
            )""",
        ),
        expectations=(
            *(one for one in common_expectations() if one.kind != "ExpectTableRowCountToBeBetween"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a period is a month",
                arguments={"column": "n_not_months", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "sales, orders, starts and spending are not below zero; a balance may be",
                arguments={"column": "n_below_zero", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a series that doubles or halves within a month has a slipped unit or a crisis",
                severity="WARN",
                arguments={"column": "largest_change", "max_value": 0.693},
            ),
        ),
    ),
)
