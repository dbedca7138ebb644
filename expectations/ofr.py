"""What is expected of landed repo and hedge fund data."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="ofr_observation",
        stage="landing",
        asset=("landing", "ofr", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE value < 0) AS n_negative,
            count(*) FILTER (WHERE value BETWEEN 1 AND 1e8) AS n_not_in_dollars,
            count(*) FILTER (WHERE series_id LIKE '%-P' AND NOT list_contains(flags, 'PRELIMINARY')) AS n_unmarked_preliminary
            """
        ),
        expectations=(
            *(one for one in common_expectations() if one.kind != "ExpectTableRowCountToBeBetween"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "volumes are not negative",
                arguments={"column": "n_negative", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "volumes are in dollars, not in millions",
                arguments={"column": "n_not_in_dollars", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a preliminary vintage says so",
                arguments={"column": "n_unmarked_preliminary", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)
