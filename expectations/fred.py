"""What is expected of landed FRED and ALFRED rows."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

# FRED carries projections, which are known before their period begins, so that is no fault here.
_EVERYWHERE = tuple(one for one in common_expectations() if one.arguments.get("column") != "n_known_before_period")

SUITES = (
    Suite(
        name="fred_observation",
        stage="landing",
        asset=("landing", "fred", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE known_at_basis NOT IN ('lag_rule', 'first_seen')) AS n_other_basis,
            count(*) FILTER (WHERE value IS NULL AND obs_status <> 'O') AS n_null_not_missing,
            count(*) FILTER (WHERE series_id NOT LIKE 'fred.%') AS n_foreign_ids
            """
        ),
        expectations=(
            *_EVERYWHERE,
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a real-time date or a publication rule dates a value, or our fetch does",
                arguments={"column": "n_other_basis", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "FRED says that a value is missing, never why",
                arguments={"column": "n_null_not_missing", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the ids are FRED's",
                arguments={"column": "n_foreign_ids", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a value known before its period begins is a projection; it is no statistic",
                severity="WARN",
                arguments={"column": "n_known_before_period", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)
