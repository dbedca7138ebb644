"""The vintage tables of payrolls: values of a generated zip file in the exact format, the placeholder row, planted faults."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.bls.parse import parse
from assets.bls.sample import vintage_table, vintage_zip
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, load_room

CATALOGUE = load_room("bls").catalogue()
# What the releases of August to November 2025 said of these months; the release of October never was.
TABLE = """year,month,Jun_25,Jul_25,Aug_25,Sep_25,Oct_25,Nov_25
2025,6,159724,,,,,
2025,7,159466,159539,,,,
2025,8,159439,159518,159540,,,
2025,9,159439,159511,159507,159626,,
2025,10,159439,159511,159485,-1,-1,
2025,11,159439,159511,159485,159593,159488,159552
"""


def run(tables: dict[str, str] | bytes, fetched_at: datetime = datetime(2026, 3, 1, tzinfo=UTC)) -> Landed:
    payload = tables if isinstance(tables, bytes) else vintage_zip(tables)
    return parse(payload, Sighting("bls", "ces_vintages", "u", fetched_at, "0" * 64, len(payload), "replay"), CATALOGUE)


def rows(landed: Landed, native: str) -> list[tuple]:
    assert landed.observation is not None
    return [
        (f"{row['period_start']:%Y-%m}", row["value"], f"{row['known_at']:%Y-%m-%dT%H:%M}", row["obs_status"])
        for row in landed.observation.to_pylist()
        if row["series_id"] == f"bls.{native}"
    ]


def test_vintages_and_the_placeholder_row() -> None:
    landed = run({"tri_000000_SA.csv": TABLE})
    assert rows(landed, "CES0000000001") == [
        ("2025-06", 159724, "2025-07-31T12:30", "P"),
        ("2025-06", 159466, "2025-08-31T12:30", "P"),
        ("2025-06", 159439, "2025-09-30T12:30", "A"),
        ("2025-07", 159539, "2025-08-31T12:30", "P"),
        ("2025-07", 159518, "2025-09-30T12:30", "P"),
        ("2025-07", 159511, "2025-11-20T13:30", "A"),  # the release that a lapse moved
        ("2025-08", 159540, "2025-09-30T12:30", "P"),
        ("2025-08", 159507, "2025-11-20T13:30", "P"),
        ("2025-08", 159485, "2025-12-31T13:30", "A"),  # not in the row of October, which is no release
        ("2025-09", 159626, "2025-11-20T13:30", "P"),
        ("2025-09", 159593, "2025-12-31T13:30", "A"),
        ("2025-10", 159488, "2025-12-31T13:30", "P"),
        ("2025-11", 159552, "2025-12-31T13:30", "P"),
    ]
    ((place, reason, raw),) = landed.quarantine
    assert (place, raw) == ("tri_000000_SA.csv, row 6", "2025-10")
    assert reason.startswith("the row is a placeholder (-1)")
    assert all(value > 0 for _, value, _, _ in rows(landed, "CES0000000001"))


def test_changes_are_taken_inside_each_release() -> None:
    changes = [row for row in rows(run({"tri_000000_SA.csv": TABLE}), "CES0000000001:change") if row[0] >= "2025-08"]
    assert changes == [
        ("2025-08", 22, "2025-09-30T12:30", "P"),
        ("2025-08", -4, "2025-11-20T13:30", "P"),
        ("2025-08", -26, "2025-12-31T13:30", "A"),
        ("2025-09", 119, "2025-11-20T13:30", "P"),
        ("2025-09", 108, "2025-12-31T13:30", "A"),
        ("2025-10", -105, "2025-12-31T13:30", "P"),
        ("2025-11", 64, "2025-12-31T13:30", "P"),
    ]


def test_industries_adjustments_and_tables_that_are_not_read() -> None:
    landed = run({"a/tri_000000_NSA.csv": TABLE, "tri_420000_SA.csv": TABLE, "tri_605613_SA.csv": TABLE, "readme.txt": "x"})
    assert landed.observation is not None
    assert landed.observation["series_id"].unique().to_pylist() == ["bls.CES4200000001", "bls.CEU0000000001"]
    assert [entry[1] for entry in landed.quarantine if "placeholder" not in entry[1]] == [
        "the file is no vintage table and not read",
        "1 tables of industries that the catalogue does not list are not read",
    ]
    flags = landed.observation["flags"].to_pylist()
    assert flags[0] == ["PRELIMINARY", "KNOWN_LATE"]
    assert {tuple(one) for one in flags} == {("PRELIMINARY", "KNOWN_LATE"), ("KNOWN_LATE",)}


def test_before_2010_the_bound_was_not_checked() -> None:
    landed = run({"tri_000000_SA.csv": "year,month,Dec_39,Jan_40\n1939,12,30000,\n1940,1,30010,30020\n"})
    assert landed.observation is not None
    assert [row[:3] for row in rows(landed, "CES0000000001")] == [
        ("1939-12", 30000, "1940-01-31T13:30"),
        ("1939-12", 30010, "1940-02-29T13:30"),
        ("1940-01", 30020, "1940-02-29T13:30"),
    ]
    assert landed.observation["flags"].to_pylist()[0] == ["PRELIMINARY", "LOOKAHEAD_RISK"]


def test_a_cell_that_is_no_number_and_a_release_ahead_go_to_quarantine() -> None:
    table = TABLE.replace("159724", "n.a.") + "2026,4,1,1,1,1,1,1\n"
    landed = run({"tri_000000_SA.csv": table})
    reasons = {entry[1] for entry in landed.quarantine}
    assert {"the value is not a number", "the release is of a month after the fetch"} < reasons
    assert rows(landed, "CES0000000001")[0] == ("2025-06", 159466, "2025-08-31T12:30", "P")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"tri_000000_SA.csv": TABLE.replace("year,", "jahr,")}, "the columns of"),
        ({"tri_000000_SA.csv": TABLE.replace("Jul_25", "July")}, "the columns of"),
        ({"tri_000000_SA.csv": TABLE.replace("Jul_25,Aug_25", "Aug_25,Jul_25")}, "do not follow each other"),
        ({"tri_000000_SA.csv": TABLE + "2025,11,1,1,1,1,1,1\n"}, "two rows of one release"),
        ({"tri_000000_SA.csv": TABLE.replace("2025,7,", "2025,13,")}, "impossible month"),
        ({"tri_000000_SA.csv": TABLE + "2025,12,1\n"}, "is not CSV"),
        ({"tri_000000_SA.csv": "<html>"}, "is not CSV"),
        ({"tri_000000_SA.csv": "<html>\n<body>\n</html>\n"}, "the columns of"),
        ({"readme.txt": "x"}, "no vintage table"),
        (b"PK\x03\x04", "cut short or corrupt"),
        (vintage_zip({"tri_000000_SA.csv": TABLE})[:-30], "cut short or corrupt"),
    ],
)
def test_another_layout_is_an_error(tables: dict[str, str] | bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(tables)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(1, 4), min_size=6, max_size=6), min_size=6, max_size=6))
def test_the_newest_state_by_each_release_gives_the_table_back(levels: list[list[int]]) -> None:
    """Dropping what did not change loses nothing: replaying the rows up to a release gives that release's row."""
    first = 2020 * 12

    def level(month: int, release: int) -> float:
        return float(levels[release - first][month - first])

    landed = run({"tri_000000_SA.csv": vintage_table(first, first + 5, level)})
    found = rows(landed, "CES0000000001")
    instants = sorted({known_at for _, _, known_at, _ in found})
    assert len(instants) == 6
    for number, instant in enumerate(instants):
        state = {month: value for month, value, known_at, _ in sorted(found, key=lambda row: row[2]) if known_at <= instant}
        assert list(dict(sorted(state.items())).values()) == [float(levels[number][month]) for month in range(number + 1)]
