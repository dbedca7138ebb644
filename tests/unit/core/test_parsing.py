"""Rows collected by column are the rows that mappings give."""

from datetime import UTC, date, datetime

from tests.landed import checked
from undertow.parsing import ObservationColumns, landed, observation
from undertow.vocabulary import Basis, Flag, ObsStatus

FETCHED_AT = datetime(2026, 11, 21, tzinfo=UTC)
MAY, JUNE = (date(2026, 5, 1), date(2026, 5, 31)), (date(2026, 6, 1), date(2026, 6, 30))


def test_columns_give_the_same_table_as_rows() -> None:
    told = datetime(2026, 8, 17, 20, tzinfo=UTC)
    columns = ObservationColumns(FETCHED_AT, instant=told, basis=Basis.PROVIDER)
    columns.add("a.b", MAY, 1.5)
    columns.add("a.b", JUNE, None, ObsStatus.MISSING, (Flag.METHOD_BREAK, Flag.PROXY), ("2/", "late"))
    columns.add("a.c", MAY, 0.0)
    assert len(columns) == 3
    rows = [
        observation("a.b", MAY, 1.5, FETCHED_AT, instant=told, basis=Basis.PROVIDER),
        observation(
            "a.b", JUNE, None, FETCHED_AT, instant=told, basis=Basis.PROVIDER, status=ObsStatus.MISSING,
            flags=(Flag.METHOD_BREAK, Flag.PROXY), footnotes=("2/", "late"),
        ),
        observation("a.c", MAY, 0.0, FETCHED_AT, instant=told, basis=Basis.PROVIDER),
    ]  # fmt: skip
    by_column, by_row = (landed(told, [], []).observation for told in (columns, rows))
    assert checked("observation", by_column).to_pylist() == checked("observation", by_row).to_pylist()


def test_an_instant_after_the_fetch_is_no_instant() -> None:
    columns = ObservationColumns(FETCHED_AT, instant=datetime(2026, 12, 1, tzinfo=UTC), basis=Basis.PROVIDER)
    columns.add("a.b", MAY, 1.0)
    (row,) = checked("observation", columns.table()).to_pylist()
    assert (row["known_at"], row["known_at_basis"]) == (FETCHED_AT, "first_seen")


def test_no_rows_are_an_empty_table_of_the_landing() -> None:
    assert checked("observation", ObservationColumns(FETCHED_AT).table()).num_rows == 0
