"""What is expected of landed Fiscal Data."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="fiscaldata_observation",
        stage="landing",
        asset=("landing", "fiscaldata", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (
                WHERE series_id LIKE '%.dts.%' AND date_diff('day', period_end, known_at) < 1
            ) AS n_same_day_statements,
            count(*) FILTER (WHERE value < 0 AND series_id NOT LIKE '%.mts_table_5.%') AS n_negative_amounts,
            count(*) FILTER (WHERE list_contains(flags, 'SUSPECT')) AS n_not_adding_up
            """
        ),
        expectations=(
            *(one for one in common_expectations() if one.kind != "ExpectTableRowCountToBeBetween"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a daily statement comes on the next business day at the earliest",
                arguments={"column": "n_same_day_statements", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "balances, debts and amounts sold or bought are not negative",
                arguments={"column": "n_negative_amounts", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a balance is what the movements of its day make of the one before; no more is bought back than is offered",
                severity="WARN",
                arguments={"column": "n_not_adding_up", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)
