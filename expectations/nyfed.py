"""What is expected of landed rates, operations and holdings of the New York Fed."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="nyfed_observation",
        stage="landing",
        asset=("landing", "nyfed", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (WHERE isodow(period_end) > 5) AS n_weekend_days,
            max(CASE WHEN is_percent THEN abs(value) END) AS largest_rate,
            max(CASE WHEN NOT is_percent AND NOT is_index AND NOT is_dealer THEN value END) AS largest_amount,
            min(CASE WHEN NOT is_percent AND NOT is_dealer AND NOT is_elasticity THEN value END) AS least_amount,
            count(*) FILTER (WHERE list_contains(flags, 'SUSPECT')) AS n_not_adding_up,
            count(*) FILTER (WHERE out_of_order) AS n_percentiles_out_of_order
            """
        ).replace(
            "{rows}",
            """(
                SELECT
                    *,
                    regexp_matches(series_id, '^nyfed\\.(SOFR|TGCR|BGCR|EFFR|OBFR)(:p[0-9]+|:target_.*)?$')
                    OR series_id LIKE '%:offering_rate' OR series_id LIKE '%SOFRAI:average%' AS is_percent,
                    series_id LIKE '%:index' AS is_index,
                    series_id LIKE 'nyfed.PD%' AS is_dealer,
                    series_id LIKE 'nyfed.RDE%' AS is_elasticity,
                    value < lag(value) OVER percentiles AS out_of_order
                FROM {rows}
                WINDOW percentiles AS (
                    PARTITION BY
                        regexp_extract(series_id, '^nyfed\\.(SOFR|TGCR|BGCR|EFFR|OBFR)(:p[0-9]+)?$', 1),
                        CASE
                            WHEN regexp_matches(series_id, '^nyfed\\.(SOFR|TGCR|BGCR|EFFR|OBFR)(:p[0-9]+)?$') THEN ''
                            ELSE series_id || known_at
                        END,
                        period_end,
                        payload_sha256
                    ORDER BY
                        CASE regexp_extract(series_id, ':p([0-9]+)$', 1)
                            WHEN '1' THEN 1 WHEN '25' THEN 2 WHEN '75' THEN 4 WHEN '99' THEN 5 ELSE 3
                        END
                )
            )""",
        ),
        expectations=(
            *(one for one in common_expectations() if one.kind != "ExpectTableRowCountToBeBetween"),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "rates, operations and holdings are of weekdays",
                arguments={"column": "n_weekend_days", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "percentiles by volume rise; where they do not, the shares made of them are left out",
                severity="WARN",
                arguments={"column": "n_percentiles_out_of_order", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a rate of thirty percent is a slipped decimal",
                arguments={"column": "largest_rate", "max_value": 30},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "amounts are billions of dollars: a hundred trillion is a slipped unit",
                arguments={"column": "largest_amount", "max_value": 100_000},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "amounts are not below zero",
                arguments={"column": "least_amount", "min_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "parts that do not add up to their total want a look",
                severity="WARN",
                arguments={"column": "n_not_adding_up", "min_value": 0, "max_value": 0},
            ),
        ),
    ),
)
