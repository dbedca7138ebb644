"""What is expected of landed positions of BDCs."""

from __future__ import annotations

from expectations.suite import Expectation, filing_suite, holding_suite

SUITES = (
    holding_suite(
        "sec_bdc",
        Expectation(
            "ExpectColumnValuesToBeBetween",
            "positions sum to the total of the fund, but for subtotals on the same axis",
            severity="WARN",
            arguments={"column": "sum_to_total", "min_value": 0.9, "max_value": 1.1},
        ),
    ),
    filing_suite("sec_bdc"),
)
