"""What is expected of landed positions of registered funds."""

from __future__ import annotations

from expectations.suite import filing_suite, holding_suite

SUITES = (
    holding_suite("sec_nport"),
    filing_suite("sec_nport"),
)
