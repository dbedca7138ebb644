"""What is expected of landed Traders in Financial Futures."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="cftc_observation",
        stage="landing",
        asset=("landing", "cftc", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE isodow(period_end) > 2) AS n_not_monday_or_tuesday,
            count(*) FILTER (WHERE value < 0 OR value <> round(value)) AS n_no_contracts,
            count(*) FILTER (
                WHERE known_at_basis = 'provider' AND date_diff('day', period_end, known_at) < 3
            ) AS n_told_too_soon,
            count(*) FILTER (WHERE list_contains(flags, 'SUSPECT')) AS n_above_open_interest
            """
        ),
        expectations=(
            *(one for one in common_expectations() if one.kind != "ExpectTableRowCountToBeBetween"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "positions are whole numbers of contracts",
                arguments={"column": "n_no_contracts", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a report comes three days after its date at the earliest",
                arguments={"column": "n_told_too_soon", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a report is of a Tuesday, or of the Monday before one that is a holiday",
                severity="WARN",
                arguments={"column": "n_not_monday_or_tuesday", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the positions of a side fit into the open interest",
                severity="WARN",
                arguments={"column": "n_above_open_interest", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)
