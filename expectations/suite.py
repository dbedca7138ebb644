"""What a suite is: a bounded table of metrics that DuckDB computes, and expectations about it.

Great Expectations never sees the ten million rows: it sees one row per series (or release, or signal) with counts and
extremes. An expectation names the Great Expectations class, its arguments, how bad a failure is, and why it matters.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Expectation", "Suite", "filing_suite", "holding_suite", "observation_metrics", "suites", "suites_of"]

Severity = Literal["ERROR", "WARN"]


@dataclass(frozen=True)
class Expectation:
    """One expectation: ``kind`` is a class of ``great_expectations.expectations``, ``why`` explains it to a reader."""

    kind: str
    why: str
    severity: Severity = "ERROR"
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """Expectations about one table.

    ``asset`` is the key of the asset the checks belong to. ``metrics`` is SQL over ``{rows}``, which the caller replaces by
    the table to look at. ``stage`` is ``landing`` or ``marts``.
    """

    name: str
    stage: Literal["landing", "marts"]
    asset: tuple[str, ...]
    metrics: str
    expectations: tuple[Expectation, ...]

    def digest(self) -> str:
        """Return a digest of the definition, so that unchanged checks on unchanged data need not run again."""
        parts = [self.name, self.metrics, [[e.kind, e.severity, dict(e.arguments)] for e in self.expectations]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def observation_metrics(extra: str = "") -> str:
    """Return the metrics every landed observation table has: one row a series. ``extra`` adds select expressions.

    Rows that are said twice are counted apart: a distinct count beside the other metrics takes twice the time of all of them.
    """
    return f"""
        WITH metrics AS (
            SELECT
                series_id,
                count(*) AS n_rows,
                count(*) FILTER (WHERE value IS NULL AND obs_status IN ('A', 'P')) AS n_null_called_normal,
                count(*) FILTER (WHERE value IS NOT NULL AND obs_status IN ('L', 'M', 'O', 'H')) AS n_value_called_missing,
                count(*) FILTER (WHERE period_start > period_end) AS n_periods_backwards,
                count(*) FILTER (WHERE known_at < period_start) AS n_known_before_period,
                count(*) FILTER (WHERE known_at > fetched_at AND known_at_basis <> 'lag_rule') AS n_known_after_fetch,
                min(value) AS min_value,
                max(value) AS max_value
                {extra}
            FROM {{rows}}
            GROUP BY series_id
        ),
        repeated AS (
            SELECT series_id, count(*) AS n_times
            FROM {{rows}}
            GROUP BY series_id, period_start, period_end, known_at, payload_sha256
            HAVING count(*) > 1
        ),
        duplicates AS (
            SELECT series_id, CAST(sum(n_times - 1) AS BIGINT) AS n_duplicates FROM repeated GROUP BY series_id
        )
        SELECT metrics.*, coalesce(duplicates.n_duplicates, 0) AS n_duplicates
        FROM metrics LEFT JOIN duplicates ON metrics.series_id IS NOT DISTINCT FROM duplicates.series_id
    """


def common_expectations() -> tuple[Expectation, ...]:
    """Return what is expected of every landed observation table."""
    zero = {
        "n_duplicates": "one row for each series, period and instant in a payload",
        "n_null_called_normal": "a null value says why it is null",
        "n_value_called_missing": "a value is not called missing",
        "n_periods_backwards": "a period ends after it starts",
        "n_known_before_period": "nothing is known before its period begins",
        "n_known_after_fetch": "what we hold was known when we fetched it",
    }
    return (
        Expectation("ExpectTableRowCountToBeBetween", "the landing holds rows", arguments={"min_value": 1}),
        Expectation("ExpectColumnValuesToNotBeNull", "every row belongs to a series", arguments={"column": "series_id"}),
        *(
            Expectation("ExpectColumnValuesToBeBetween", why, arguments={"column": column, "min_value": 0, "max_value": 0})
            for column, why in zero.items()
        ),
    )


def suites() -> list[Suite]:
    """Return the suites of every module in this package that defines ``SUITES``."""
    package = importlib.import_module("expectations")
    found: list[Suite] = []
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        if module.name not in {"bridge", "docs", "suite"}:
            found.extend(importlib.import_module(f"expectations.{module.name}").SUITES)
    return found


def suites_of(room: str) -> list[Suite]:
    """Return the landing suites of one room."""
    return [suite for suite in suites() if suite.stage == "landing" and suite.asset[1] == room]


def holding_metrics() -> str:
    """Return the metrics of a landed table of holdings: one row a filing and payload."""
    return """
        SELECT
            accession,
            count(*) AS n_lines,
            count(*) FILTER (WHERE known_at < period_end) AS n_known_before_period,
            count(*) FILTER (WHERE known_at > fetched_at) AS n_known_after_fetch,
            count(*) FILTER (WHERE period_end > report_period + INTERVAL 31 DAY) AS n_after_report,
            count(*) FILTER (WHERE coalesce(fair_value, cost) IS NOT NULL AND currency IS NULL) AS n_without_unit,
            count(*) FILTER (WHERE fair_value IS NULL AND obs_status = 'A') AS n_null_called_normal,
            median(fair_value / principal) FILTER (
                WHERE line_kind = 'position' AND principal > 0 AND fair_value > 0 AND currency = principal_currency
            ) AS median_mark,
            sum(fair_value) FILTER (WHERE line_kind = 'position' AND period_end = report_period)
            / nullif(max(fair_value) FILTER (WHERE line_kind = 'total' AND period_end = report_period), 0) AS sum_to_total,
            -- a data set that is cut off at the end of a row is whole in every other way; amendments may tell a part
            CASE
                WHEN bool_and(form NOT LIKE '%/A') AND any_value(n_before) >= 20
                    THEN count(*) FILTER (WHERE line_kind = 'position' AND period_end = report_period) / any_value(n_before)
            END AS lines_to_before,
            -- said once of a whole data set: its own positions, on those filed in the same weeks a year before
            CASE WHEN row_number() OVER (PARTITION BY payload_sha256 ORDER BY accession) = 1 THEN any_value(to_year_before) END
                AS lines_to_year_before
        FROM {rows}
        LEFT JOIN (
            SELECT
                fund,
                report_period,
                lag(n) OVER (PARTITION BY fund ORDER BY report_period) AS n_before
            FROM (
                SELECT fund, report_period, max(n) AS n
                FROM (
                    SELECT
                        fund,
                        report_period,
                        count(*) FILTER (WHERE line_kind = 'position' AND period_end = report_period) AS n
                    FROM {rows}
                    GROUP BY fund, report_period, accession, payload_sha256
                )
                GROUP BY fund, report_period
            )
        ) AS told_before USING (fund, report_period)
        LEFT JOIN (
            SELECT
                payload_sha256,
                CASE WHEN sum(earlier.n) >= 200 THEN any_value(whole.n) / sum(earlier.n) END AS to_year_before
            FROM (
                SELECT payload_sha256, min(known_at) AS first_at, max(known_at) AS last_at, count(*) AS n
                FROM {rows}
                WHERE line_kind = 'position' AND period_end = report_period
                GROUP BY payload_sha256
            ) AS whole
            INNER JOIN (
                SELECT accession, max(known_at) AS known_at, max(n) AS n
                FROM (
                    SELECT accession, max(known_at) AS known_at, count(*) AS n
                    FROM {rows}
                    WHERE line_kind = 'position' AND period_end = report_period
                    GROUP BY accession, payload_sha256
                )
                GROUP BY accession
            ) AS earlier
                ON earlier.known_at BETWEEN first_at - INTERVAL 1 YEAR AND last_at - INTERVAL 1 YEAR
            GROUP BY payload_sha256
        ) AS year_before USING (payload_sha256)
        GROUP BY accession, payload_sha256
    """


def holding_suite(room: str, *further: Expectation) -> Suite:
    """Return the suite of a landed table of holdings: one row of ``holding_metrics`` a payload."""
    return Suite(
        name=f"{room}_holding",
        stage="landing",
        asset=("landing", room, "holding"),
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
                "a filing tells about as many positions as the fund's one before; else the data set may be cut off",
                severity="WARN",
                arguments={"column": "lines_to_before", "min_value": 0.5, "max_value": 2},
            ),
            Expectation(
                "ExpectColumnValuesToBeBetween",
                "a data set tells at least half as many positions as were filed in the same weeks a year before",
                severity="WARN",
                arguments={"column": "lines_to_year_before", "min_value": 0.5},
            ),
            *further,
        ),
    )


def filing_suite(room: str) -> Suite:
    """Return the suite of a landed table of filings: one row of metrics a payload."""
    return Suite(
        name=f"{room}_filing",
        stage="landing",
        asset=("landing", room, "filing"),
        metrics="""
            SELECT
                payload_sha256,
                count(*) FILTER (WHERE NOT regexp_full_match(filer, '[0-9]{10}')) AS n_not_a_cik,
                count(*) FILTER (WHERE known_at > fetched_at) AS n_known_after_fetch,
                count(*) FILTER (WHERE kind = 'filing' AND report_period IS NULL) AS n_without_period
            FROM {rows}
            GROUP BY payload_sha256
        """,
        expectations=tuple(
            Expectation("ExpectColumnValuesToBeBetween", why, arguments={"column": column, "min_value": 0, "max_value": 0})
            for column, why in {
                "n_not_a_cik": "a filer is a CIK of ten digits",
                "n_known_after_fetch": "what we hold was known when we fetched it",
                "n_without_period": "a filing says what period it is about",
            }.items()
        ),
    )
