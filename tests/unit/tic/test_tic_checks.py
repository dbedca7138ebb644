"""The checks of landed TIC numbers: a good landing passes, and each planted fault is found by the check that is for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
import pytest

from assets.tic.parse import parse
from assets.tic.sample import COUNTRIES, history, majors, months, table
from expectations.bridge import metrics_frame, run_suite
from expectations.tic import SUITES
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import PayloadError
from undertow.room import load_room
from undertow.sniff import check_content

ARRIVAL = datetime(2026, 10, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """What the room lands of a few months around February 2023, and of the lists."""
    catalogue = load_room("tic").catalogue()
    landed = []
    for dataset, payload, fetched_at in (
        ("slt_table1", table("slt_table1", COUNTRIES, months(4, date(2023, 4, 1))), datetime(2023, 7, 1, tzinfo=UTC)),
        ("slt_table3", table("slt_table3", COUNTRIES, months(4, date(2023, 4, 1))), datetime(2023, 7, 1, tzinfo=UTC)),
        ("slt_table5", majors(months(13)), ARRIVAL),
        ("mfhhis01", history((2011, 2025)), ARRIVAL),
    ):
        sighting = Sighting("tic", dataset, "u", fetched_at, "0" * 64, len(payload), "replay")
        landed.append(checked("observation", parse(payload, sighting, catalogue).observation))
    return pa.concat_tables(landed)


def failed(rows: pa.Table) -> set[str]:
    """Return the columns of the metrics whose expectation fails."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("landed", rows)
    found = set()
    for suite in SUITES:
        outcomes = run_suite(suite, metrics_frame(suite, "landed", connection))
        for outcome, expectation in zip(outcomes, suite.expectations, strict=True):
            if not outcome.passed:
                found.add(str(expectation.arguments.get("column")))
    connection.close()
    return found


def changed(rows: pa.Table, fits: Callable[[dict], bool], **changes: object) -> pa.Table:
    """Return the rows with the first one that fits changed."""
    told = rows.to_pylist()
    row = next(row for row in told if fits(row))
    row.update({name: change(row[name]) if callable(change) else change for name, change in changes.items()})
    return pa.Table.from_pylist(told, schema=rows.schema)


def of(series_id: str, month: str = "") -> Callable[[dict], bool]:
    return lambda row: row["series_id"] == series_id and f"{row['period_end']:%Y-%m}".startswith(month)


def test_a_good_landing_passes(rows: pa.Table) -> None:
    assert failed(rows) == set()


@pytest.mark.parametrize(
    ("fits", "changes", "column"),
    [
        (of("tic.slt1.for_lt_eqty_pos.69995"), {"value": lambda value: value + 5}, "greatest_gap_of_places"),
        (of("tic.slt1.for_lt_eqty_net.99990"), {"value": lambda value: -value}, "greatest_gap_of_sectors"),
        (of("tic.slt1.for_lt_treas_pos.42609", "2023-02"), {"obs_status": "B"}, "n_breaks_of_holdings"),
        (
            of("tic.slt1.for_lt_treas_net.42609", "2023-02"),
            {"period_start": date(2023, 1, 1), "period_end": date(2023, 1, 31)},
            "n_transactions_before_the_form",
        ),
        (of("tic.slt1.for_lt_total_pos.99996"), {"value": lambda value: value / 1000}, "n_slipped_units"),
        (of("tic.slt5.grand_total"), {"value": lambda value: value * 1000}, "n_slipped_units"),
        (of("tic.slt3.for_st_treas_pos.42609"), {"value": -1.0}, "n_negative_holdings"),
        (of("tic.slt5.japan"), {"value": lambda value: value + 2}, "greatest_gap_of_holders"),
        (of("tic.mfhhis.foreign_official_bills"), {"value": lambda value: value + 2}, "greatest_gap_of_types"),
        (of("tic.mfhhis.grand_total"), {"value": None, "obs_status": "O"}, "n_months_without_total"),
        (of("tic.slt1.for_lt_eqty_pos.36137"), {"series_id": "tic.slt1.for_lt_eqty_pos.36138"}, "n_holders_that_come_and_go"),
    ],
)
def test_each_planted_fault_is_found(rows: pa.Table, fits: Callable[[dict], bool], changes: dict, column: str) -> None:
    if column == "n_holders_that_come_and_go":
        told = [row for row in rows.to_pylist() if not (fits(row) and row["period_end"] == date(2023, 4, 30))]
        assert failed(pa.Table.from_pylist(told, schema=rows.schema)) == {column}
    else:
        assert column in failed(changed(rows, fits, **changes))


def test_a_page_with_status_200_is_no_table() -> None:
    page = b'<!DOCTYPE html>\n<html lang="en" dir="ltr" prefix="og: https://ogp.me/ns#">\n<head>' + b" " * 100_000
    for dataset in load_room("tic").room.datasets:
        with pytest.raises(PayloadError, match="got an HTML page"):
            check_content(page, dataset.content)
