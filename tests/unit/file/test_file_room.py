"""The bring-your-own room: the contract, genuine vintages, and planted faults."""

from __future__ import annotations

import gzip
import io
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.file import ROOM
from assets.file.fetch import requests
from assets.file.parse import OPTIONAL, REQUIRED, parse
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.instants import parse_instant
from undertow.room import Landed, load_room
from undertow.settings import Settings
from undertow.vocabulary import Flag, ObsStatus

FIXTURES = Path(__file__).parents[2] / "fixtures" / "file"
SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "vintages"
FETCHED_AT = datetime(2026, 7, 1, tzinfo=UTC)
ALL = (FIXTURES / "contract_all_columns.csv").read_text()
FAULTS = (FIXTURES / "contract_one_fault_a_line.csv").read_text()
CATALOGUE = load_room("file").catalogue()
HEADER = "series_id,period_start,value,known_at,unit,source,licence\n"
ROW = "desk.a,2025-01-01,1.5,2025-02-01T12:00Z,percent,Desk,public domain\n"


def run(payload: str | bytes, dataset: str = "vintages", url: str = "") -> Landed:
    data = payload.encode() if isinstance(payload, str) else payload
    return parse(data, Sighting("file", dataset, url, FETCHED_AT, "0" * 64, len(data), "file"), CATALOGUE)


def rows(table: pa.Table | None, series: str) -> list[dict[str, Any]]:
    assert table is not None
    return table.filter(pc.equal(table["series_id"], series)).to_pylist()


def genuine(name: str) -> Landed:
    path = SHARED / name
    if not path.exists():
        pytest.skip("the shared genuine payloads are not here")
    return run(path.read_bytes())


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


# --- genuine vintages ----------------------------------------------------------------------------------------


def test_genuine_employment_situation() -> None:
    landed = genuine("bls_employment_situation.csv.gz")
    table = checked("observation", landed.observation)
    assert landed.quarantine == []
    assert table.num_rows == 3_264
    assert pc.unique(table["known_at_basis"]).to_pylist() == ["provider"]
    first = rows(table, "bls.LNU04000000")[0]
    assert (first["period_end"], first["value"]) == (date(2009, 1, 31), 8.5)
    assert first["known_at"] == datetime(2010, 2, 5, 13, 30, tzinfo=UTC)
    gaps = [row for row in table.to_pylist() if row["value"] is None]
    assert len(gaps) == 4
    assert {(row["period_start"], row["obs_status"]) for row in gaps} == {(date(2025, 10, 1), "O")}
    payrolls = [row for row in rows(table, "bls.CES0000000001") if row["period_start"] == date(2025, 10, 1)]
    assert payrolls[0]["value"] == 159_488
    assert payrolls[0]["known_at"] == datetime(2025, 12, 16, 13, 30, tzinfo=UTC)
    series = {row["series_id"]: row for row in checked("series", landed.series).to_pylist()}
    assert {row["frequency"] for row in series.values()} == {"M"}
    assert series["bls.CES0000000001"]["decimals"] == 0
    assert series["bls.LNU04000000"]["decimals"] == 1
    assert series["bls.LNU04000000"]["licence"] == "public domain"


def test_genuine_weekly_and_daily_vintages() -> None:
    landed = genuine("frb_h41_h10.csv.gz")
    table = checked("observation", landed.observation)
    assert table.num_rows == 10_123
    assert table["value"].null_count == 205
    assert rows(table, "frb.WALCL")[0]["value"] == 719_542
    dollar = {row["period_start"]: row["value"] for row in rows(table, "frb.DTWEXBGS")}
    assert dollar[date(2025, 4, 22)] == 122.7879
    assert dollar[date(2009, 1, 1)] is None
    series = {row["series_id"]: row for row in checked("series", landed.series).to_pylist()}
    assert series["frb.WALCL"]["frequency"] == "W"
    assert series["frb.WALCL"]["unit"] == "USD millions, Wednesday level"
    assert series["frb.DTWEXBGS"]["frequency"] == "B"
    assert series["frb.DTWEXBGS"]["decimals"] == 4


def test_genuine_press_release_repeats_one_release_under_two_dates() -> None:
    """Two releases of 2017 are in the file twice: 384 keys, each with the same value, and each lands once."""
    landed = genuine("tic_press_release.csv.gz")
    table = checked("observation", landed.observation)
    assert landed.quarantine == []
    assert table.num_rows == 41_688 - 384
    assert rows(table, "tic.press_release.line_01_12m")[0]["value"] == 16_478.8
    series = {row["series_id"]: row for row in checked("series", landed.series).to_pylist()}
    assert len(series) == 64
    assert {row["frequency"] for row in series.values()} == {"M"}  # the 12-month windows come every month, too


def test_genuine_snapshot() -> None:
    landed = genuine("fred_snapshot_2026-01-03.csv.gz")
    table = checked("observation", landed.observation)
    assert (table.num_rows, table["value"].null_count) == (24_160, 3_321)
    assert [row["value"] for row in rows(table, "fred.UNRATE") if row["period_start"] == date(2025, 10, 1)] == [None]
    series = {row["series_id"]: row["frequency"] for row in checked("series", landed.series).to_pylist()}
    assert (series["fred.GDPC1"], series["fred.ICSA"], series["fred.CPIAUCSL"]) == ("Q", "W", "M")


# --- the contract --------------------------------------------------------------------------------------------


def test_all_columns() -> None:
    landed = run(ALL, url="https://example.org/desk.csv")
    table = checked("observation", landed.observation)
    assert landed.quarantine == []
    first, printed, corrected, empty = rows(table, "desk.move")
    assert first["known_at"] == datetime(2025, 10, 23, 22, 0, tzinfo=UTC)
    assert first["value"] == 71.25
    assert printed["flags"] == ["PROXY", "SUSPECT"]
    assert (corrected["period_start"], corrected["value"], corrected["flags"]) == (date(2025, 10, 24), 68.45, [])
    assert (empty["value"], empty["obs_status"]) == (None, "O")
    spread = rows(table, "desk.spread")
    assert (spread[0]["value"], spread[0]["period_end"]) == (-12, date(2025, 9, 30))
    assert spread[0]["known_at"] == datetime(2025, 10, 1, 12, 0, tzinfo=UTC)  # a text without a zone is UTC
    assert (spread[1]["value"], spread[1]["obs_status"]) == (None, "L")
    move, other = checked("series", landed.series).to_pylist()
    assert move["title"] == "Volatility index, close"
    assert (move["frequency"], move["decimals"], move["unit"]) == ("B", 2, "index")
    assert (move["agency"], move["licence"]) == ("Desk, by hand", "licensed: internal use only")
    assert (move["release_id"], move["revision_policy"], move["stale_after_days"]) == (None, "revised", 400)
    assert move["source_url"] == "https://example.org/desk.csv"
    assert (other["title"], other["decimals"]) == ("desk.spread", 0)


def test_required_columns_alone() -> None:
    landed = run(HEADER + ROW)
    (row,) = checked("observation", landed.observation).to_pylist()
    assert row["period_end"] == row["period_start"] == date(2025, 1, 1)
    assert (row["obs_status"], row["flags"], row["footnotes"]) == ("A", [], [])
    (series,) = checked("series", landed.series).to_pylist()
    assert (series["title"], series["frequency"], series["decimals"]) == ("desk.a", "D", 1)
    assert series["source_url"] == "Desk"


def test_the_docstring_names_every_column() -> None:
    text = __import__("assets.file", fromlist=["ROOM"]).__doc__ or ""
    for name in REQUIRED + OPTIONAL:
        assert f"``{name}``" in text
    assert all(("optional" in line) == (line.split("``")[1] in OPTIONAL) for line in text.split("\n") if line[:2] == "``")


def test_csv_gzip_and_parquet_give_the_same() -> None:
    expected = run(ALL)
    assert run(gzip.compress(ALL.encode())).observation == expected.observation
    lines = ALL.replace('"Desk, by hand"', "Desk").replace('"Volatility index, close"', "Index").splitlines()
    cells = [line.split(",") for line in lines]
    table = pa.table({name: [row[place] for row in cells[1:]] for place, name in enumerate(cells[0])})
    assert run(parquet(table)).observation == expected.observation
    assert run(ALL, "series").observation == expected.observation


def test_parquet_with_types_of_its_own() -> None:
    plain = run(ALL).observation
    assert plain is not None
    names = ["series_id", "period_start", "period_end", "value", "known_at", "obs_status", "flags"]
    table = plain.select(names)
    count = table.num_rows
    for name, word in (("source", "Desk"), ("licence", "ours")):
        table = table.append_column(name, pa.repeat(pa.scalar(word), count))
    table = table.append_column("unit", pa.repeat(pa.scalar("index"), count).dictionary_encode())
    assert run(parquet(table)).observation == plain
    as_pandas = table.set_column(1, "period_start", table["period_start"].cast(pa.timestamp("ns")))
    local = table["known_at"].cast(pa.timestamp("ns", tz="America/New_York"))
    as_pandas = as_pandas.set_column(4, "known_at", local)
    as_pandas = as_pandas.set_column(0, "series_id", table["series_id"].cast(pa.large_string()))
    value = pc.if_else(pc.is_null(table["value"]), pa.scalar(float("nan")), table["value"])
    assert run(parquet(as_pandas.set_column(3, "value", value))).observation == plain


def test_parquet_rows_have_row_numbers() -> None:
    table = pa.table({name: ["x", "x"] for name in REQUIRED})
    with pytest.raises(ParseError, match="no row can be used; the first: row 1, series_id is not"):
        run(parquet(table))


def test_infers_frequency_from_the_distance_of_periods() -> None:
    starts = {
        "desk.b": ["2025-01-02", "2025-01-03", "2025-01-06"],
        "desk.d": ["2025-01-03", "2025-01-04", "2025-01-05"],
        "desk.w": ["2025-01-01", "2025-01-08", "2025-01-15"],
        "desk.m": ["2025-01-01", "2025-02-01", "2025-03-01"],
        "desk.q": ["2025-01-01", "2025-04-01", "2025-07-01"],
        "desk.s": ["2024-01-01", "2024-07-01", "2025-01-01"],
        "desk.a": ["2022-01-01", "2023-01-01", "2024-01-01"],
    }
    text = HEADER + "".join(
        ROW.replace("desk.a", name).replace("2025-01-01", day) for name, days in starts.items() for day in days
    )
    found = {
        row["series_id"]: row["frequency"]
        for row in checked("series", run(text.replace("2025-02-01T", "2026-02-01T")).series).to_pylist()
    }
    assert found == {name: name[-1].upper() for name in starts}


def test_digits_are_those_the_values_need() -> None:
    text = HEADER + ROW.replace("1.5", "719542.0") + ROW.replace("1.5", "0.1250").replace("desk.a", "desk.b")
    assert checked("series", run(text).series)["decimals"].to_pylist() == [0, 3]


def test_the_newest_title_wins_and_sources_are_joined() -> None:
    head = HEADER.strip() + ",title\n"
    old = ROW.strip() + ",Old title\n"
    new = ROW.strip().replace("2025-02-01", "2025-03-01").replace("Desk", "Agency") + ",New title\n"
    (series,) = run(head + new + old).series.to_pylist()  # type: ignore[union-attr]
    assert (series["title"], series["agency"]) == ("New title", "Agency; Desk")


@settings(max_examples=25, deadline=None)
@given(st.permutations(ALL.strip().split("\n")[1:]))
def test_order_of_rows_does_not_matter(lines: list[str]) -> None:
    landed = run("\n".join([ALL.split("\n")[0], *lines]))
    assert landed.observation == run(ALL).observation
    assert landed.series == run(ALL).series


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["desk.a", "desk.b"]),
            st.dates(date(1900, 1, 1), date(2026, 6, 30)),
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            st.datetimes(datetime(1900, 1, 1), datetime(2026, 6, 30)),
            st.sampled_from(["", *(status.value for status in ObsStatus)]),
        ),
        min_size=1,
        unique_by=lambda row: (row[0], row[1], row[3]),
    )
)
def test_what_goes_in_comes_out(points: list[tuple[str, date, float | None, datetime, str]]) -> None:
    text = HEADER.strip() + ",obs_status\n"
    for name, day, value, known, status in points:
        text += f"{name},{day},{'' if value is None else repr(value)},{known.isoformat()},index,Desk,ours,{status}\n"
    landed = run(text)
    found = {
        (row["series_id"], row["period_start"], row["known_at"]): row
        for row in checked("observation", landed.observation).to_pylist()
    }
    assert landed.quarantine == []
    assert len(found) == len(points)
    for name, day, value, known, status in points:
        row = found[name, day, parse_instant(known)]
        assert row["value"] == value
        missing = value is None and status in ("", "A")
        assert row["obs_status"] == ("O" if missing else status or "A")


# --- planted faults ------------------------------------------------------------------------------------------


def test_each_faulty_line_goes_to_quarantine_with_its_number_and_reason() -> None:
    landed = run(FAULTS)
    assert [(place, reason) for place, reason, _ in landed.quarantine] == [
        ("line 3", "period_start is not a date (YYYY-MM-DD)"),
        ("line 4", "the period ends before it starts"),
        ("line 5", "value is not a number"),
        ("line 6", "known_at is not an instant"),
        ("line 7", "known_at is after the fetch: a value cannot become known after we hold it"),
        ("line 8", "obs_status is not in the SDMX code list CL_OBS_STATUS"),
        ("line 9", "flags holds a word that is not a flag, or one that is never stored"),
        ("line 10", "unit is empty"),
        ("line 11", "series_id is not <source>.<native id>"),
        ("line 12", "the line has 9 cells, the header has 10"),
        ("line 13", "value is not a number"),
    ]
    assert landed.quarantine[2][2].startswith("desk.good,2025-04-01,2025-04-30,1.5.2,")
    assert checked("observation", landed.observation).num_rows == 1


@pytest.mark.parametrize("column", REQUIRED)
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(ParseError, match=f"lacks the columns {column}; it has "):
        run((HEADER + ROW).replace(column, "title"))
    with pytest.raises(ParseError, match=f"lacks the columns {column}"):
        run(parquet(pa.table({name: ["x"] for name in REQUIRED if name != column})))


def test_an_empty_licence_is_an_error() -> None:
    with pytest.raises(ParseError, match="the licence is empty in line 3; a licence must be recorded"):
        run(HEADER + ROW + ROW.replace("public domain", " "))


def words(payload: str, dataset: str = "series") -> dict[str, str | None]:
    landed = run(payload, dataset)
    assert landed.series is not None
    return {row["series_id"]: row["redistribution"] for row in checked("series", landed.series).to_pylist()}


@pytest.mark.parametrize(
    ("licence", "dataset", "word"),
    [
        ("public domain", "series", "allowed"),
        ("CC0-1.0", "series", "allowed"),
        ("ICE, internal use only", "series", "withheld"),
        ("not public domain", "series", "withheld"),
        ("public domain", "vintages", "allowed"),
        ("as the original agency", "vintages", None),
    ],
)
def test_a_series_is_republished_where_its_licence_is_an_open_one(licence: str, dataset: str, word: str | None) -> None:
    assert words(f'{HEADER}user.move,2025-01-01,1.5,2025-02-01T12:00Z,index,Desk,"{licence}"\n', dataset) == {"user.move": word}


def test_one_licence_of_a_series_that_is_not_open_withholds_it() -> None:
    assert words(HEADER + ROW + ROW.replace("01-01", "01-02").replace("public domain", "internal")) == {"desk.a": "withheld"}


def test_a_file_says_itself_what_may_be_republished() -> None:
    header = HEADER.replace("licence", "licence,redistribution")
    row = "user.{},2025-01-01,1.5,2025-02-01T12:00Z,index,Desk,{},{}\n"
    both = row.format("spx", "our contract of 2024", "allowed") + row.format("move", "public domain", "withheld")
    assert words(header + both) == {"user.spx": "allowed", "user.move": "withheld"}
    landed = run(header + both + row.format("spx", "x", "perhaps"))
    assert [reason for _, reason, _ in landed.quarantine] == ["redistribution is not allowed or withheld"]
    with pytest.raises(ParseError, match=r"user\.spx has more than one redistribution: allowed, withheld"):
        run(header + row.format("spx", "a", "allowed") + row.format("spx", "a", "withheld").replace("01-01", "01-02"))


@pytest.mark.parametrize("source", ["fred", "treasury", "fed"])
def test_what_is_withheld_is_no_series_of_a_room(source: str) -> None:
    row = ROW.replace("desk.a", f"{source}.X").replace("public domain", "internal")
    with pytest.raises(ParseError, match=f"{source}.X may not be republished, and {source} is the source word of a room"):
        run(HEADER + row, "series")
    assert words(HEADER + row, "vintages") == {f"{source}.X": None}


def test_identical_rows_become_one() -> None:
    assert run(HEADER + ROW * 3).observation == run(HEADER + ROW).observation
    assert run(HEADER + ROW + ROW.replace("1.5", "1.50")).observation == run(HEADER + ROW).observation


@pytest.mark.parametrize("other", [ROW.replace("1.5", "1.6"), ROW.replace("1.5", "")])
def test_contradicting_rows_go_to_quarantine_together(other: str) -> None:
    good = ROW.replace("2025-01-01", "2025-02-01")
    landed = run(HEADER + ROW + good + other)
    reason = "rows of the same series, period and known_at contradict each other"
    assert [(place, why) for place, why, _ in landed.quarantine] == [("line 2", reason), ("line 4", reason)]
    assert checked("observation", landed.observation)["period_start"].to_pylist() == [date(2025, 2, 1)]


def test_one_instant_written_in_two_ways_is_one_key() -> None:
    other = ROW.replace("2025-02-01T12:00Z", "2025-02-01 07:00 America/New_York")
    assert run(HEADER + ROW + other).observation == run(HEADER + ROW).observation


@pytest.mark.parametrize("flag", [Flag.STALE, Flag.DELAYED])
def test_flags_of_a_point_of_view_are_refused(flag: Flag) -> None:
    text = HEADER.strip() + ",flags\n" + ROW.strip() + f",PROXY;{flag}\n" + ROW.strip().replace("desk.a", "desk.b") + ",PROXY\n"
    landed = run(text)
    assert [place for place, _, _ in landed.quarantine] == ["line 2"]


def test_two_units_of_one_series_are_an_error() -> None:
    with pytest.raises(ParseError, match=r"the series desk\.a has more than one unit: bp, percent"):
        run(HEADER + ROW + ROW.replace("2025-01-01", "2025-01-02").replace("percent", "bp"))


def test_line_numbers_count_lines_inside_quotes() -> None:
    quoted = ROW.replace("Desk", '"Desk\nsecond floor"')
    landed = run(HEADER + quoted + "\n" + ROW.replace("1.5", "bad"))
    assert [place for place, _, _ in landed.quarantine] == ["line 5"]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("", "lacks the columns series_id, period_start, value, known_at, unit, source, licence; it has none"),
        (HEADER, "the file has no rows"),
        (HEADER + "a,b\n", "a header and no usable rows"),
        (HEADER.replace(",", ";") + ROW.replace(",", ";"), "lacks the columns"),
        (HEADER.strip() + ",perod_end\n" + ROW.strip() + ",2025-01-31\n", r"no columns \['perod_end'\]"),
        (HEADER.strip() + ",unit\n" + ROW.strip() + ",bp\n", "a column is there twice"),
        (HEADER + ROW.replace("1.5", "bad"), "no row can be used; the first: line 2, value is not a number"),
        (HEADER + ROW + 'desk.a,"not closed', "line 3 is not CSV"),
        (b"\xff\xfe\x00", "neither Parquet nor UTF-8 text"),
        (b"PAR1 and then nothing", "the Parquet file cannot be read"),
        (gzip.compress((HEADER + ROW).encode(), mtime=0)[:-9], "the gzip file is damaged"),
        (b"\x1f\x8b and then nothing", "the gzip file is damaged"),
    ],
)
def test_what_is_no_such_file_is_an_error(payload: str | bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(payload)


def test_a_parquet_column_of_another_kind_is_an_error() -> None:
    table = pa.table({name: ["x"] for name in REQUIRED})
    nested = table.set_column(2, "value", pa.array([{"number": 1.5}]))
    with pytest.raises(ParseError, match="has the type struct"):
        run(parquet(nested))
    table = table.set_column(2, "value", pa.array([True]))
    with pytest.raises(ParseError, match="the column value has the type bool"):
        run(parquet(table))


def test_a_parquet_period_with_a_time_of_day_goes_to_quarantine() -> None:
    header, row = HEADER.strip().split(","), ROW.strip().split(",")
    table = pa.table({name: [cell, cell] for name, cell in zip(header, row, strict=True)})
    days = [datetime(2025, 1, 1), datetime(2025, 1, 1, 12)]
    landed = run(parquet(table.set_column(1, "period_start", pa.array(days, pa.timestamp("us")))))
    assert landed.quarantine[0][:2] == ("row 2", "period_start is not a date (YYYY-MM-DD)")
    assert landed.observation == run(HEADER + ROW).observation


def test_byte_order_mark_and_carriage_returns_do_not_matter() -> None:
    assert run("\ufeff" + ALL.replace("\n", "\r\n")).observation == run(ALL).observation


def test_a_hundred_thousand_rows_take_seconds_at_most() -> None:
    sink = io.StringIO()
    sink.write(HEADER)
    for series in range(20):
        for day in range(5_000):
            start = date.fromordinal(730_000 + day)
            sink.write(f"desk.s{series},{start},{day / 8},{start}T16:00 America/New_York,index,Desk,ours\n")
    started = time.perf_counter()
    landed = run(sink.getvalue())
    assert time.perf_counter() - started < 10  # 0.9 s on an idle machine
    assert landed.observation is not None
    assert landed.observation.num_rows == 100_000


def test_an_unknown_dataset_is_an_error() -> None:
    with pytest.raises(ParseError, match="no parser for prices"):
        run(ALL, "prices")


def test_there_is_nothing_to_request() -> None:
    assert list(requests(Settings(_env_file=None), date(2026, 11, 21))) == []
    assert ROOM.tables == ("observation", "series")
    assert load_room("file").rules is None
