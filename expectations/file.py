"""What is expected of landed bring-your-own series. An empty landing is normal: most users bring none."""

from __future__ import annotations

from expectations.suite import Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="file_observation",
        stage="landing",
        asset=("landing", "file", "observation"),
        metrics=observation_metrics(),
        expectations=tuple(
            expectation for expectation in common_expectations() if expectation.kind != "ExpectTableRowCountToBeBetween"
        ),
    ),
)
