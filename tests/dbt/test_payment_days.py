"""The first days of months on which no payments are made, rendered as dbt renders them and run in DuckDB."""

from __future__ import annotations

from datetime import date

import duckdb

from tests.dbt.test_macros import Project


def moved(*days: date) -> list[bool]:
    listed = ", ".join(f"DATE '{day.isoformat()}'" for day in days)
    query = f"SELECT {Project().is_moved_payment_day('d')} FROM (SELECT unnest([{listed}]) AS d) ORDER BY d"
    return [row[0] for row in duckdb.sql(query).fetchall()]


def test_days_without_payments_against_the_calendar() -> None:
    days = [date(year, month, 1) for year in range(2000, 2031) for month in range(1, 13)]
    expected = [day.month != 1 and (day.weekday() >= 5 or (day.month == 9 and day.weekday() == 0)) for day in days]
    assert moved(*days) == expected


def test_the_days_that_moved_the_deficit_of_fiscal_2025() -> None:
    assert moved(date(2023, 10, 1)) == [True]
    assert moved(date(2024, 10, 1)) == [False]
    assert moved(date(2025, 4, 1)) == [False]
    assert moved(date(2024, 4, 1)) == [False]
    assert moved(date(2025, 9, 1)) == [True]  # Labor Day
