"""What is expected of landed positions of BDCs."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, filing_suite, holding_metrics

SUITES = (
    Suite(
        name="sec_bdc_holding",
        stage="landing",
        asset=("landing", "sec_bdc", "holding"),
        metrics=holding_metrics(),
        expectations=(
            Expectation("ExpectColumnValuesToNotBeNull", "every line belongs to a filing", arguments={"column": "accession"}),
            *(
                Expectation("ExpectColumnValuesToBeBetween", why, arguments={"column": column, "min_value": 0, "max_value": 0})
                for column, why in {
                    "n_known_before_period": "nothing is known before the day it is of",
                    "n_known_after_fetch": "what we hold was known when we fetched it",
                    "n_after_report": "no line is of a day after the period of its filing",
                    "n_without_unit": "an amount says its unit",
                    "n_null_called_normal": "a missing value says that it is missing",
                }.items()
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the middle debt mark of a filing is near par; else its amounts may be of another scale",
                severity="WARN",
                arguments={"column": "median_mark", "min_value": 0.85, "max_value": 1.05},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "positions sum to the total of the fund, but for subtotals on the same axis",
                severity="WARN",
                arguments={"column": "sum_to_total", "min_value": 0.9, "max_value": 1.1},
            ),
        ),
    ),
    filing_suite("sec_bdc"),
)
