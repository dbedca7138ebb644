"""What is expected of landed BLS observations."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

SUITES = (
    Suite(
        name="bls_observation",
        stage="landing",
        asset=("landing", "bls", "observation"),
        metrics=observation_metrics(
            r""",
            max(value) FILTER (WHERE period_end >= DATE '1980-01-01') AS newest_max,
            count(*) FILTER (WHERE last_day(period_end) <> period_end) AS n_not_month_ends,
            -- changes over a month, a quarter or a year may be negative, and job counts are larger than any index
            CASE WHEN any_value(series_id) SIMILAR TO 'bls\.(CI.*[AQ]|.*:change(_before)?)' THEN 0 ELSE min(value) END
                AS min_level,
            CASE WHEN any_value(series_id) SIMILAR TO 'bls\.(CE|LN|JT).*' THEN max(value) / 10 ELSE max(value) END AS max_level
            """
        ),
        expectations=(
            *common_expectations(),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a level, a rate or an index is not negative",
                arguments={"column": "min_level", "min_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a value a hundred times its usual size is another unit",
                arguments={"column": "max_level", "min_value": -100_000, "max_value": 100_000},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "periods are whole months, half-years or years",
                arguments={"column": "n_not_month_ends", "min_value": 0, "max_value": 0},
            ),
            Expectation(
                "ExpectColumnValuesToMatchRegex",
                "series ids are the agency's own",
                arguments={"column": "series_id", "regex": r"^bls\.[A-Z0-9_#-]+(:(A|S|change|change_before))?$"},
            ),
        ),
    ),
)
