"""What is expected of landed ECB reference rates."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="ecb_observation",
        stage="landing",
        asset=("landing", "ecb", "observation"),
        metrics=observation_metrics(
            """,
            max(period_end) AS newest_day,
            count(*) FILTER (WHERE isodow(period_end) > 5) AS n_weekend_days,
            max(CASE WHEN value > 0 AND previous > 0 THEN abs(ln(value / previous)) END)
                FILTER (WHERE days_since <= 7) AS largest_change
            """
        ).replace(
            "{rows}",
            """(
                SELECT
                    *,
                    lag(value) OVER days AS previous,
                    date_diff('day', lag(period_end) OVER days, period_end) AS days_since
                FROM {rows}
                WINDOW days AS (PARTITION BY series_id, payload_sha256 ORDER BY period_end)
            )""",
        ),
        expectations=(
            *common_expectations(),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a rate is above zero",
                arguments={"column": "min_value", "min_value": 0, "strict_min": True},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the ECB publishes on TARGET days only",
                arguments={"column": "n_weekend_days", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a currency that doubles or halves within a week has a slipped decimal or a crisis",
                severity="WARN",
                arguments={"column": "largest_change", "max_value": 0.693},
            ),
            Expectation(
                "ExpectColumnDistinctValuesToContainSet",
                "the currencies that the dollar signals need",
                severity="WARN",  # where the file is away and the portal is not, one rate lands; other sources need not wait
                arguments={
                    "column": "series_id",
                    "value_set": [
                        f"ecb.EXR.D.{code}.EUR.SP00.A"
                        for code in ("USD", "JPY", "GBP", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK")
                    ],
                },
            ),
        ),
    ),
)
