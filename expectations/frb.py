"""What is expected of landed numbers of the Federal Reserve Board."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

# billions that are called millions, or the other way round, fall outside of these
_BOUNDS = {
    "frb.WALCL": (500_000, 15_000_000),
    "frb.TREAST": (300_000, 10_000_000),
    "frb.WRBWFRBL": (1_000, 8_000_000),
    "frb.WRESBAL": (1_000, 8_000_000),
}
_OUT_OF_BOUNDS = " OR ".join(
    f"(series_id = '{series_id}' AND value NOT BETWEEN {low} AND {high})" for series_id, (low, high) in _BOUNDS.items()
)

SUITES = (
    Suite(
        name="frb_observation",
        stage="landing",
        asset=("landing", "frb", "observation"),
        metrics=observation_metrics(
            f""",
            count(*) FILTER (WHERE value = -9999) AS n_sentinels,
            count(*) FILTER (WHERE {_OUT_OF_BOUNDS}) AS n_slipped_units,
            count(*) FILTER (
                WHERE known_at_basis = 'lag_rule' AND date_diff('day', period_end, known_at) < 1
            ) AS n_told_too_soon,
            count(*) FILTER (
                WHERE (series_id LIKE 'frb.DGS%' OR series_id LIKE 'frb.DFII%') AND abs(value) > 30
            ) AS n_slipped_yields,
            count(*) FILTER (WHERE list_contains(flags, 'SUSPECT')) AS n_disputed
            """
        ),
        expectations=(
            *(one for one in common_expectations() if one.kind != "ExpectTableRowCountToBeBetween"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the mark of a missing number is not a number",
                arguments={"column": "n_sentinels", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the balance sheet is in millions of dollars",
                arguments={"column": "n_slipped_units", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "no statement comes on the day that it is of",
                arguments={"column": "n_told_too_soon", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a yield above 30 percent is a slipped decimal",
                arguments={"column": "n_slipped_yields", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "overdrafts that are not the sum of their parts want a look",
                severity="WARN",
                arguments={"column": "n_disputed", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)
