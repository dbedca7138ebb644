"""What is expected of landed par yields of the Treasury."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="treasury_observation",
        stage="landing",
        asset=("landing", "treasury", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE isodow(period_end) > 5) AS n_weekend_days,
            count(*) FILTER (
                WHERE period_end < DATE '2006-02-09' AND period_end > DATE '2002-02-18'
                    AND series_id = 'treasury.par.BC_30YEAR' AND value IS NOT NULL
            ) AS n_bonds_that_were_not_sold
            """
        ),
        expectations=(
            *(one for one in common_expectations() if one.kind != "ExpectTableRowCountToBeBetween"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "there is no curve at the weekend",
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
                "no 30-year bond was issued from 2002 to 2006",
                severity="WARN",
                arguments={"column": "n_bonds_that_were_not_sold", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)
