"""What is expected of landed TIC numbers: units, signs of missing, one break, and tables that add up."""

from __future__ import annotations

from expectations.suite import Expectation, Suite, common_expectations, observation_metrics

# of each table by country: the payload, the column and the month, with what the aggregates leave over, and how many holders
_SUMS = """
    WITH cells AS (
        SELECT
            payload_sha256, split_part(series_id, '.', 2) AS dataset, split_part(series_id, '.', 3) AS measure,
            split_part(series_id, '.', 4) AS code, period_end, value
        FROM {rows}
        WHERE split_part(series_id, '.', 2) IN ('slt1', 'slt2', 'slt3', 'slt4')
    ),
    months AS (
        SELECT
            payload_sha256, dataset, measure, period_end,
            count(*) AS n_holders,
            sum(value) FILTER (WHERE code = '99996') AS whole,
            sum(value) FILTER (WHERE code IN ('69995', '79995')) AS by_place,
            count(value) FILTER (WHERE code IN ('69995', '79995')) AS n_places,
            sum(value) FILTER (WHERE code IN ('99990', '99991')) AS by_sector,
            count(value) FILTER (WHERE code IN ('99990', '99991')) AS n_sectors
        FROM cells
        GROUP BY ALL
    )
    SELECT
        dataset || '.' || measure AS series_id,
        count(*) AS n_months,
        coalesce(max(abs(whole - by_place)) FILTER (WHERE n_places = 2), 0) AS greatest_gap_of_places,
        coalesce(max(abs(whole - by_sector)) FILTER (WHERE n_sectors = 2), 0) AS greatest_gap_of_sectors,
        max(n_holders) - min(n_holders) AS n_holders_that_come_and_go
    FROM months
    GROUP BY payload_sha256, dataset, measure
"""
# of each list of holders: the payload and the month, with what the lines leave over
_LISTS = """
    WITH cells AS (
        SELECT
            payload_sha256, split_part(series_id, '.', 2) AS dataset, split_part(series_id, '.', 3) AS holder, period_end, value
        FROM {rows}
        WHERE split_part(series_id, '.', 2) IN ('slt5', 'mfhhis')
    ),
    months AS (
        SELECT
            payload_sha256, dataset, period_end,
            sum(value) FILTER (WHERE holder = 'grand_total') AS whole,
            sum(value) FILTER (WHERE holder <> 'grand_total' AND NOT starts_with(holder, 'foreign_official')) AS by_holder,
            sum(value) FILTER (WHERE holder = 'foreign_official') AS official,
            sum(value) FILTER (WHERE holder IN ('foreign_official_bills', 'foreign_official_bonds_notes')) AS by_type
        FROM cells
        GROUP BY ALL
    )
    SELECT
        dataset AS series_id,
        max(abs(whole - by_holder)) AS greatest_gap_of_holders,
        max(abs(official - by_type)) AS greatest_gap_of_types,
        count(*) FILTER (WHERE whole IS NULL) AS n_months_without_total
    FROM months
    GROUP BY payload_sha256, dataset
"""


def _zero(column: str, why: str) -> Expectation:
    return Expectation("ExpectColumnValuesToBeBetween", why, arguments={"column": column, "min_value": 0, "max_value": 0})


def _within(column: str, greatest: float, why: str, severity: str = "ERROR") -> Expectation:
    return Expectation(
        "ExpectColumnValuesToBeBetween",
        why,
        severity="ERROR" if severity == "ERROR" else "WARN",
        arguments={"column": column, "min_value": 0, "max_value": greatest},
    )


SUITES = (
    Suite(
        name="tic_observation",
        stage="landing",
        asset=("landing", "tic", "observation"),
        metrics=observation_metrics(
            """,
            count(*) FILTER (
                WHERE split_part(series_id, '.', 2) IN ('slt1', 'slt3') AND series_id LIKE '%_pos.%' AND obs_status = 'B'
            ) AS n_breaks_of_holdings,
            count(*) FILTER (
                WHERE split_part(series_id, '.', 2) IN ('slt1', 'slt2') AND period_end < DATE '2023-02-01' AND value IS NOT NULL
                    AND (series_id LIKE '%_net.%' OR series_id LIKE '%_valchg.%')
            ) AS n_transactions_before_the_form,
            count(*) FILTER (
                WHERE (series_id LIKE 'tic.%.for_lt_total_pos.99996' AND value NOT BETWEEN 500000 AND 200000000)
                    OR (series_id IN ('tic.slt5.grand_total', 'tic.mfhhis.grand_total') AND value NOT BETWEEN 500 AND 50000)
            ) AS n_slipped_units,
            count(*) FILTER (WHERE series_id LIKE '%_pos.%' AND value < 0) AS n_negative_holdings
            """
        ),
        expectations=(
            *common_expectations(),
            _zero("n_breaks_of_holdings", "holdings of tables 1 and 3 have no break"),
            _zero("n_transactions_before_the_form", "the form of February 2023 tells no transactions before it"),
            _zero("n_slipped_units", "tables 1 to 4 are in millions, lists of holders in billions"),
            _zero("n_negative_holdings", "nobody holds less than nothing"),
        ),
    ),
    Suite(
        name="tic_sums",
        stage="landing",
        asset=("landing", "tic", "observation"),
        metrics=_SUMS,
        expectations=(
            _within("greatest_gap_of_places", 2, "countries and organisations are everybody"),
            _within("greatest_gap_of_sectors", 2, "officials and others are everybody"),
            _within("n_holders_that_come_and_go", 0, "a table names the same holders in each of its months", "WARN"),
        ),
    ),
    Suite(
        name="tic_lists",
        stage="landing",
        asset=("landing", "tic", "observation"),
        metrics=_LISTS,
        expectations=(
            _zero("n_months_without_total", "a list has its total in each month"),
            _within("greatest_gap_of_types", 0.25, "bills and bonds are what officials hold"),
            _within("greatest_gap_of_holders", 1, "the names of a list and all others are its total"),
        ),
    ),
)
