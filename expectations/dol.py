"""What is expected of landed weekly claims."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="dol_observation",
        stage="landing",
        asset=("landing", "dol", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE isodow(period_end) <> 6 OR date_diff('day', period_start, period_end) <> 6) AS n_not_weeks,
            count(*) FILTER (
                WHERE known_at_basis = 'provider' AND date_diff('day', period_end, known_at) < 3
            ) AS n_told_too_soon,
            count(*) FILTER (WHERE list_contains(flags, 'SUSPECT')) AS n_disputed,
            max(CASE WHEN series_id LIKE '%InitialClaims%' THEN value END) AS most_claims,
            max(CASE WHEN series_id LIKE '%IUR%' THEN value END) AS highest_rate
            """
        ),
        expectations=(
            *(one for one in common_expectations() if one.kind != "ExpectTableRowCountToBeBetween"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a claims week is seven days and ends on a Saturday",
                arguments={"column": "n_not_weeks", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a release comes on Wednesday at the earliest",
                arguments={"column": "n_told_too_soon", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "claims are counts, and the rate is a share of those covered",
                arguments={"column": "min_value", "min_value": 0, "strict_min": True},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "more than the seven million claims of April 2020 in a week is a slipped unit",
                arguments={"column": "most_claims", "max_value": 10_000_000},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "the insured unemployment rate never reached twenty percent",
                arguments={"column": "highest_rate", "max_value": 20},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a release that contradicts itself wants a look",
                severity="WARN",
                arguments={"column": "n_disputed", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)
