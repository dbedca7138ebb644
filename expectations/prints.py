"""What is expected of landed transcribed numbers."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="prints_observation",
        stage="landing",
        asset=("landing", "prints", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE len(list_filter(footnotes, f -> f LIKE 'Source: %')) = 0) AS n_without_source,
            count(*) FILTER (WHERE series_id LIKE '%\\_pct' ESCAPE '\\' AND (value < 0 OR value > 100)) AS n_not_shares
            """
        ),
        expectations=(
            *common_expectations(),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "every number names its source",
                arguments={"column": "n_without_source", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a share lies between 0 and 100 percent",
                arguments={"column": "n_not_shares", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToMatchRegex",
                "no id is an agency's own",
                arguments={"column": "series_id", "regex": r"^(prints|fed)\.[a-z0-9_]+$"},
            ),
        ),
    ),
)
