"""The first days of months on which no payments are made, rendered as dbt renders them and run in DuckDB."""

from __future__ import annotations

from datetime import date

import duckdb

from tests.dbt.test_macros import Project


def moved(day: date) -> bool:
    (row,) = duckdb.sql(f"SELECT {Project().is_moved_payment_day('d')} FROM (SELECT DATE '{day.isoformat()}' AS d)").fetchall()
    return row[0]


def test_days_without_payments_against_the_calendar() -> None:
    for year in range(2000, 2031):
        for month in range(1, 13):
            day = date(year, month, 1)
            expected = month != 1 and (day.weekday() >= 5 or (month == 9 and day.weekday() == 0))
            assert moved(day) is expected, day


def test_the_days_that_moved_the_deficit_of_fiscal_2025() -> None:
    assert moved(date(2023, 10, 1))
    assert not moved(date(2024, 10, 1))
    assert not moved(date(2025, 4, 1))
    assert not moved(date(2024, 4, 1))
    assert moved(date(2025, 9, 1))  # Labor Day
