"""Validation: the twelve checks of landed consumer prices (``expectations/bls.py``) over many rows.

Undertow computes one row of metrics a series in DuckDB and shows these to Great Expectations. Raw SQL runs the same checks
as statements over the table. Great Expectations on pandas gets the table itself. Answers have a row a check: whether it
passed and, where the engine counts them, how many rows offend.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

Measured = Callable[[], pa.Table]

# In the order of the suite. A count of offending rows, or a condition that is to be true.
COUNTS = {
    "not_null": "series_id IS NULL",
    "null_called_normal": "value IS NULL AND obs_status IN ('A', 'P')",
    "value_called_missing": "value IS NOT NULL AND obs_status IN ('L', 'M', 'O', 'H')",
    "periods_backwards": "period_start > period_end",
    "known_before_period": "known_at < period_start",
    "known_after_fetch": "known_at > fetched_at AND known_at_basis <> 'lag_rule'",
    "negative": "value < 0",
    "another_unit": "value > 100000",
    "not_month_ends": "last_day(period_end) <> period_end",
    "foreign_ids": r"NOT regexp_matches(series_id, '^bls\.[A-Z0-9]+(:[AS])?$')",
}
_DUPLICATES = """
    SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (
        SELECT count(*) AS n FROM read_parquet($rows)
        GROUP BY series_id, period_start, period_end, known_at, payload_sha256 HAVING count(*) > 1
    )
"""
CHECKS = ("rows", "not_null", "duplicates", *list(COUNTS)[1:])


def undertow(rows: str) -> Measured:
    """The suite as a run runs it: metrics by DuckDB, expectations by Great Expectations through the bridge."""
    import duckdb
    import great_expectations  # noqa: F401 (its import is preparation, as it is once in a run)

    from expectations.bls import SUITES
    from expectations.bridge import metrics_frame, run_suite

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    (suite,) = SUITES

    def measured() -> pa.Table:
        frame = metrics_frame(suite, f"read_parquet('{rows}')", connection)
        outcomes = run_suite(suite, frame)
        counts = [
            int(frame[column].sum()) if column and column.startswith("n_") else None
            for column in (expectation.arguments.get("column") for expectation in suite.expectations)
        ]
        return _answer([outcome.passed for outcome in outcomes], counts)

    return measured


def duckdb_statements(rows: str) -> Measured:
    """Raw SQL, a statement a check, as dbt runs tests."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def one(query: str) -> int:
        return connection.execute(query, {"rows": rows}).fetchall()[0][0]

    def measured() -> pa.Table:
        counts = {name: one(f"SELECT count(*) FROM read_parquet($rows) WHERE {fault}") for name, fault in COUNTS.items()}
        return _raw_answer(one("SELECT count(*) FROM read_parquet($rows)"), one(_DUPLICATES), counts)

    return measured


def duckdb_pass(rows: str) -> Measured:
    """Raw SQL, all counts in one statement and the duplicates in another."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    filters = ", ".join(f"count(*) FILTER (WHERE {fault})" for fault in COUNTS.values())

    def measured() -> pa.Table:
        n_rows, *counts = connection.execute(f"SELECT count(*), {filters} FROM read_parquet($rows)", {"rows": rows}).fetchall()[
            0
        ]
        duplicates = connection.execute(_DUPLICATES, {"rows": rows}).fetchall()[0][0]
        return _raw_answer(n_rows, duplicates, dict(zip(COUNTS, counts, strict=True)))

    return measured


def gx_pandas(rows: str) -> Measured:
    """Great Expectations on the table itself, in pandas, asked for nothing but yes or no."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    batches = asset.add_batch_definition_whole_dataframe("whole")
    key = ["series_id", "period_start", "period_end", "known_at", "payload_sha256"]
    columns = [*key, "value", "obs_status", "fetched_at", "known_at_basis"]
    pair = gxe.ExpectColumnPairValuesAToBeGreaterThanB
    expectations = [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToNotBeNull(column="series_id"),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=key),
        gxe.ExpectColumnValuesToNotBeNull(
            column="value", row_condition='obs_status in ["A", "P"]', condition_parser="pandas"
        ),
        gxe.ExpectColumnValuesToBeNull(
            column="value", row_condition='obs_status in ["L", "M", "O", "H"]', condition_parser="pandas"
        ),
        pair(column_A="period_end", column_B="period_start", or_equal=True),
        pair(column_A="known_at", column_B="period_start", or_equal=True),
        pair(
            column_A="fetched_at", column_B="known_at", or_equal=True,
            row_condition='known_at_basis != "lag_rule"', condition_parser="pandas",
        ),
        gxe.ExpectColumnMinToBeBetween(column="value", min_value=0),
        gxe.ExpectColumnMaxToBeBetween(column="value", min_value=0, max_value=100_000),
        gxe.ExpectColumnValuesToBeInSet(column="is_month_end", value_set=[True]),
        gxe.ExpectColumnValuesToMatchRegex(column="series_id", regex=r"^bls\.[A-Z0-9]+(:[AS])?$"),
    ]  # fmt: skip

    def measured() -> pa.Table:
        frame = pq.read_table(rows, columns=columns).to_pandas(date_as_object=False)
        for column in ("known_at", "fetched_at"):
            frame[column] = frame[column].dt.tz_localize(None)
        frame["is_month_end"] = frame["period_end"].dt.is_month_end
        batch = batches.get_batch({"dataframe": frame})
        results = [batch.validate(expectation, result_format="BOOLEAN_ONLY") for expectation in expectations]
        for result in results:
            if "exception_message" in str(result.exception_info) and result.exception_info.get("raised_exception", True):
                raise RuntimeError(str(result.exception_info))
        return _answer([bool(result.success) for result in results], [None] * len(results))

    return measured


def _raw_answer(n_rows: int, duplicates: int, counts: dict[str, int]) -> pa.Table:
    """Return the answer of raw SQL."""
    found = {"duplicates": duplicates, **counts}
    return _answer([n_rows > 0, *(found[name] == 0 for name in CHECKS[1:])], [None, *(found[name] for name in CHECKS[1:])])


def _answer(passed: list[bool], offending: list[int | None]) -> pa.Table:
    return pa.table({"check": list(CHECKS), "passed": passed, "offending": pa.array(offending, pa.int64())})
