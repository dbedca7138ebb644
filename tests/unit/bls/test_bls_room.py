"""The BLS room: values of genuine payloads in all three formats, the rule of past releases, and planted faults."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.bls import ROOM
from assets.bls.fetch import HEADLINE, requests
from assets.bls.parse import LATE_RELEASES, parse, rules
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bls"
SHARED = Path(__file__).parents[3].parent / "shared" / "data"
FETCHED_AT = datetime(2026, 9, 24, 15, 29, 8, tzinfo=UTC)
DASH = (FIXTURES / "cu_october_2025_dash.txt").read_text()
CATALOGUE_FILE = (FIXTURES / "cu_series_padded_with_quotes.txt").read_text()
LAPSE = "X: Data unavailable due to the 2025 lapse in appropriations"
CATALOGUE = load_room("bls").catalogue()


def run(payload: str | bytes, dataset: str = "cu_data", fetched_at: datetime = FETCHED_AT) -> Landed:
    data = payload.encode() if isinstance(payload, str) else payload
    return parse(data, Sighting("bls", dataset, "u", fetched_at, "0" * 64, len(data), "replay"), CATALOGUE)


def rows(table: pa.Table | None, native: str) -> list[dict[str, Any]]:
    assert table is not None
    return table.filter(pc.equal(table["series_id"], f"bls.{native}")).to_pylist()


def values(landed: Landed, native: str) -> dict[tuple[str, str], float | None]:
    return {
        (row["period_start"].isoformat(), row["period_end"].isoformat()): row["value"]
        for row in rows(landed.observation, native)
    }


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip("the shared genuine payloads are not here")
    return path


# --- the packaged SQLite file, genuine -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def package() -> Landed:
    packaged = ROOM.datasets[0].packaged
    assert packaged is not None
    assert metadata.version(packaged.distribution) == packaged.version
    path = Path(str(metadata.distribution(packaged.distribution).locate_file(packaged.path)))
    return run(path.read_bytes(), "cpi_package")


def test_package_has_every_row(package: Landed) -> None:
    table = checked("observation", package.observation)
    assert package.quarantine == []
    assert table.num_rows == 1_692_467
    assert table["value"].null_count == 0
    assert table["series_id"][0].as_py() == "bls.CUSR0000SA0"
    assert pc.all(pc.equal(table["known_at"], pa.scalar(FETCHED_AT, table.schema.field("known_at").type))).as_py()
    assert pc.unique(table["known_at_basis"]).to_pylist() == ["first_seen"]


def test_package_headline_values(package: Landed) -> None:
    all_items = values(package, "CUUR0000SA0")
    assert all_items["2025-09-01", "2025-09-30"] == 324.800
    assert all_items["1913-01-01", "1913-01-31"] == 9.8
    assert all_items["2026-08-01", "2026-08-31"] == 334.98
    assert ("2025-10-01", "2025-10-31") not in all_items  # the package leaves rows without a value out
    assert all(start[:7] == end[:7] for start, end in all_items)
    annual = values(package, "CUUR0000SA0:A")
    assert annual["2025-01-01", "2025-12-31"] == 321.943
    assert min(annual) == ("1913-01-01", "1913-12-31")
    assert values(package, "CUSR0000SA0")["1947-01-01", "1947-01-31"] == 21.48


def test_package_has_285_values_of_october_2025(package: Landed) -> None:
    assert package.observation is not None
    october = package.observation.filter(pc.equal(package.observation["period_end"], date(2025, 10, 31)))
    assert october.num_rows == 285
    assert sum(series.startswith("bls.CUSR") for series in october["series_id"].to_pylist()) == 10


def test_package_half_yearly_series_keep_their_id(package: Landed) -> None:
    assert package.observation is not None
    alaska = values(package, "CUUSS49GSA0")
    assert alaska["2025-01-01", "2025-06-30"] is not None
    assert {(start[5:], end[5:]) for start, end in alaska} == {("01-01", "06-30"), ("07-01", "12-31")}
    assert values(package, "CUUSS49GSA0:A")["2025-01-01", "2025-12-31"] == 271.826
    kinds = {series.rpartition(":")[2] for series in pc.unique(package.observation["series_id"]).to_pylist() if ":" in series}
    assert kinds == {"A"}


def test_package_flags_indexes_of_zero(package: Landed) -> None:
    """Energy services in Pittsburgh, 1935 and later: a price index cannot be zero, and the provider's file says so."""
    assert package.observation is not None
    zero = package.observation.filter(pc.less_equal(package.observation["value"], 0))
    assert zero.num_rows == 51
    assert {tuple(flags) for flags in zero["flags"].to_pylist()} == {("SUSPECT",)}
    assert len(pc.list_flatten(package.observation["flags"])) == 51


def test_package_series(package: Landed) -> None:
    table = checked("series", package.series)
    (nsa,) = rows(table, "CUUR0000SA0")
    assert nsa["title"] == "All items in U.S. city average, all urban consumers, not seasonally adjusted"
    assert nsa["unit"] == "index 1982-84=100"
    described = ("frequency", "seasonal_adjustment", "revision_policy", "release_id", "stale_after_days", "decimals")
    assert tuple(nsa[name] for name in described) == ("M", "NSA", "write_once", "cpi", 80, 3)
    (sa,) = rows(table, "CUSR0000SA0")
    assert tuple(sa[name] for name in described) == ("M", "SA", "restated_history", "cpi", 80, 3)
    (annual,) = rows(table, "CUUR0000SA0:A")
    assert annual["title"].endswith("not seasonally adjusted, annual average")
    assert (annual["frequency"], annual["stale_after_days"]) == ("A", 480)
    (half,) = rows(table, "CUUSS49GSA0")
    assert (half["frequency"], half["stale_after_days"]) == ("S", 280)
    assert rows(table, "CUUR0000SEGC")[0]["source_url"] == "https://data.bls.gov/timeseries/CUUR0000SEGC"
    observed = set(pc.unique(package.observation["series_id"]).to_pylist()) if package.observation else set()
    assert observed <= set(table["series_id"].to_pylist())


def test_package_agrees_with_the_list_of_october_series(package: Landed) -> None:
    lines = shared("bls/cpi_oct2025_published_series.csv").read_text().splitlines()[1:]
    assert package.observation is not None
    october = package.observation.filter(pc.equal(package.observation["period_end"], date(2025, 10, 31)))
    assert {line.partition(",")[0] for line in lines} == {series[4:] for series in october["series_id"].to_pylist()}


# --- the packaged SQLite file, planted faults ----------------------------------------------------------------


def database(points: list[tuple[Any, ...]], sql: str | None = None) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        sql or "CREATE TABLE series (id TEXT, title TEXT); CREATE TABLE indexes (series TEXT, year, period TEXT, value)"
    )
    if sql is None:
        connection.execute("INSERT INTO series VALUES ('CUUR0000SA0', 'All items (1982-84=100)')")
        connection.executemany("INSERT INTO indexes VALUES (?, ?, ?, ?)", points)
    connection.commit()
    return connection.serialize()


GOOD = ("CUUR0000SA0", 2025, "M09", 324.8)


def test_package_row_of_the_wrong_type_goes_to_quarantine() -> None:
    points = [GOOD, ("CUUR0000SA0", "2025", "M08", 1.0), ("CUUR0000SA0", 2025, "M07", "n/a"), (None, 2025, "M06", 1.0)]
    landed = run(database(points), "cpi_package")
    assert values(landed, "CUUR0000SA0") == {("2025-09-01", "2025-09-30"): 324.8}
    assert [reason for _, reason, _ in landed.quarantine] == ["the row has a cell of the wrong type"] * 3
    assert rows(landed.series, "CUUR0000SA0")[0]["unit"] == "index 1982-84=100"


@pytest.mark.parametrize("missing", [None, "-"])
def test_package_row_without_a_value_is_a_row(missing: str | None) -> None:
    landed = run(database([GOOD, ("CUUR0000SA0", 2025, "M10", missing)]), "cpi_package")
    october = rows(checked("observation", landed.observation), "CUUR0000SA0")[1]
    assert (october["value"], october["obs_status"]) == (None, "O")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"SQLite format 3\x00" + bytes(200), "not a readable SQLite database"),
        (b"no database", "not a readable SQLite database"),
        (database([]), "the table indexes has no usable row"),
        (database([], "CREATE TABLE series (id TEXT, title TEXT)"), "no table indexes with columns"),
        (
            database([], "CREATE TABLE series (id, title); CREATE TABLE indexes (series, year, period, level)"),
            r"no table indexes with columns \['period', 'series', 'value', 'year'\]; found \['level'",
        ),
        (
            database(
                [],
                "CREATE TABLE series (id, title); CREATE VIEW indexes AS SELECT 1 series, 2 year, 3 period, 4 value",
            ),
            "no table indexes",
        ),
    ],
)
def test_package_that_is_none_is_an_error(payload: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(payload, "cpi_package")


def test_package_cut_in_the_middle_is_an_error() -> None:
    whole = database([("CUUR0000SA0", 1900 + n // 12, f"M{n % 12 + 1:02d}", float(n)) for n in range(1200)])
    with pytest.raises(ParseError):
        run(whole[: len(whole) // 2], "cpi_package")


# --- flat files ----------------------------------------------------------------------------------------------


def test_dash_with_footnote_is_a_row_that_was_not_collected() -> None:
    landed = run(DASH)
    table = checked("observation", landed.observation)
    assert landed.quarantine == []
    october = rows(table, "CUUR0000SA0")[1]
    assert october["period_start"] == date(2025, 10, 1)
    assert (october["value"], october["obs_status"], october["footnotes"]) == (None, "L", [LAPSE])
    assert october["flags"] == []
    assert values(landed, "CUSR0000SETA01")["2025-10-01", "2025-10-31"] == 178.609
    assert october["known_at"] == FETCHED_AT


def test_dash_without_footnote_is_missing() -> None:
    october = rows(run(DASH).observation, "SUUR0000SA0")[0]
    assert (october["value"], october["obs_status"], october["footnotes"]) == (None, "O", [])


def test_preliminary_is_a_status_and_a_flag() -> None:
    november = rows(run(DASH).observation, "SUUR0000SA0")[1]
    assert (november["value"], november["obs_status"], november["flags"]) == (180.7, "P", ["PRELIMINARY"])
    assert november["footnotes"] == ["P: preliminary"]


def test_an_unknown_footnote_is_kept_as_it_is() -> None:
    landed = run(DASH.replace("\tX\n", "\tX,7\n").replace("180.7\tP", "180.7\tR"))
    assert rows(landed.observation, "CUUR0000SA0")[1]["footnotes"] == [LAPSE, "7"]
    assert rows(landed.observation, "CUUR0000SA0")[1]["obs_status"] == "L"
    november = rows(landed.observation, "SUUR0000SA0")[1]
    assert (november["obs_status"], november["flags"], november["footnotes"]) == ("A", [], ["R"])


def test_averages_are_series_of_their_own() -> None:
    landed = run(DASH)
    assert values(landed, "CUUR0000SA0:A") == {("2025-01-01", "2025-12-31"): 321.943}
    assert values(landed, "CUUR0000SA0:S") == {
        ("2025-01-01", "2025-06-30"): 320.229,
        ("2025-07-01", "2025-12-31"): 324.0,
    }
    assert values(landed, "CUUSS49GSA0") == {("2025-01-01", "2025-06-30"): 268.1, ("2025-07-01", "2025-12-31"): 275.2}
    assert values(landed, "CUUSS49GSA0:A") == {("2025-01-01", "2025-12-31"): 271.6}
    frequency = {row["series_id"]: row["frequency"] for row in checked("series", landed.series).to_pylist()}
    assert frequency["bls.CUUR0000SA0"] == "M"
    assert frequency["bls.CUUR0000SA0:S"] == "S"
    assert frequency["bls.CUUR0000SA0:A"] == frequency["bls.CUUSS49GSA0:A"] == "A"
    assert frequency["bls.CUUSS49GSA0"] == "S"


def test_quarterly_codes() -> None:
    text = DASH + "".join(f"XXU0000000000    \t2025\t{code}\t{n}\t\n" for n, code in enumerate(["Q01", "Q04", "Q05"], 1))
    landed = run(text)
    assert values(landed, "XXU0000000000") == {("2025-01-01", "2025-03-31"): 1, ("2025-10-01", "2025-12-31"): 2}
    assert values(landed, "XXU0000000000:A") == {("2025-01-01", "2025-12-31"): 3}
    (series,) = rows(landed.series, "XXU0000000000")
    assert (series["frequency"], series["release_id"], series["revision_policy"]) == ("Q", None, "revised")


def test_a_series_known_from_data_only_gets_a_plain_title() -> None:
    series = {row["series_id"]: row["title"] for row in checked("series", run(DASH).series).to_pylist()}
    assert series["bls.CUUR0000SA0"].startswith("All items in U.S. city average")
    assert series["bls.CUSR0000SETA01"] == ("BLS series CUSR0000SETA01, CPI for all urban consumers, seasonally adjusted")


@settings(max_examples=25, deadline=None)
@given(st.permutations(DASH.strip().split("\n")[1:]))
def test_order_of_rows_does_not_matter(lines: list[str]) -> None:
    landed = run("\n".join([DASH.split("\n")[0], *lines, ""]))
    assert landed.observation == run(DASH).observation
    assert landed.series == run(DASH).series


def test_repeated_rows_become_one() -> None:
    lines = DASH.strip().split("\n")
    landed = run("\n".join([*lines, *lines[1:], ""]))
    assert landed.observation == run(DASH).observation
    assert landed.quarantine == []


def test_rows_that_contradict_each_other_go_to_quarantine_together() -> None:
    landed = run(DASH + "CUUR0000SA0\t2025\tM09\t1.000\t\n")
    assert landed.quarantine == [
        (
            "line 2, CUUR0000SA0 2025 M09",
            "the payload has several values for this period",
            "CUUR0000SA0 2025 M09 324.8",
        ),
        ("line 17, CUUR0000SA0 2025 M09", "the payload has several values for this period", "CUUR0000SA0 2025 M09 1"),
    ]
    assert ("2025-09-01", "2025-09-30") not in values(landed, "CUUR0000SA0")
    assert len(values(landed, "CUUR0000SA0")) == 3


@pytest.mark.parametrize(("other", "quarantined"), [("321.943", 0), ("321.000", 1)])
def test_m13_goes_before_s03(other: str, quarantined: int) -> None:
    landed = run(DASH + f"CUUR0000SA0\t2025\tS03\t{other}\t\n")
    assert values(landed, "CUUR0000SA0:A") == {("2025-01-01", "2025-12-31"): 321.943}
    assert [reason for _, reason, _ in landed.quarantine] == [
        "another code of the payload gives another annual average"
    ] * quarantined


@pytest.mark.parametrize(
    ("line", "place", "reason"),
    [
        ("CUUR0000SA0\t2025\tM05\tn/a\t", "line 17", "the value is not a number"),
        ("CUUR0000SA0\t2025\tM05\t\t", "line 17", "the value is not a number"),
        ("CUUR0000SA0\t2025\tM05\t1,234.5\t", "line 17", "the value is not a number"),
        ("CUUR0000SA0\t2025\tM05\t0x1A\t", "line 17", "the value is not a number"),
        ("CUUR0000SA0\t2025\tM05\tnan\t", "line 17", "the value is not a number"),
        ("CUUR0000SA0\t25\tM05\t320.1\t", "line 17", "the year is not a number"),
        ("CUUR0000SA0\t2025\tM14\t320.1\t", "line 17, CUUR0000SA0 2025 M14", "the period code is unknown"),
        ("CUUR0000SA0\t0025\tM05\t320.1\t", "line 17, CUUR0000SA0 25 M05", "the year is impossible"),
        ("CUUR0000SA0\t2026\tM10\t320.1\t", "line 17, CUUR0000SA0 2026 M10", "the period begins after the fetch"),
        ("no id\t2025\tM05\t320.1\t", "line 17, no id 2025 M05", "this is not a BLS series id"),
        ("\t2025\tM05\t320.1\t", "line 17", "the line has no series id"),
        ("CUUR0000SA0\t2025\tM05", "line 17", "the line has 3 cells, the header has 5"),
        ("CUUR0000SA0\t2025\tM05\t320.1\t\t", "line 17", "the line has 6 cells, the header has 5"),
    ],
)
def test_a_bad_line_goes_to_quarantine_and_the_rest_lands(line: str, place: str, reason: str) -> None:
    landed = run(DASH + line + "\n")
    assert [(where, why) for where, why, _ in landed.quarantine] == [(place, reason)]
    assert landed.observation == run(DASH).observation


def test_line_numbers_survive_blank_and_bad_lines() -> None:
    lines = DASH.strip().split("\n")
    text = "\n".join([*lines[:3], "", "short", "   ", *lines[3:], "CUUR0000SA0\t2025\tM01\tbad\t", ""])
    landed = run(text)
    assert [where for where, _, _ in landed.quarantine] == ["line 5", "line 20"]
    assert landed.observation == run(DASH).observation


def test_line_numbers_in_a_large_file() -> None:
    line = "CUUR0000SA0      \t{}\tM{:02d}\t       1.000\t\n"
    months = [line.format(1600 + n // 12, n % 12 + 1) for n in range(5_000)]
    text = DASH.split("\n")[0] + "\n" + "".join(months) * 12 + "short\n" + line.format(2025, 9).replace("1.000", "1.0.0")
    assert len(text) > 2 * 1024 * 1024
    assert [where for where, _, _ in run(text).quarantine] == ["line 60002", "line 60003"]


def test_carriage_returns_and_a_missing_last_newline_do_not_matter() -> None:
    assert run(DASH.replace("\n", "\r\n")).observation == run(DASH).observation
    assert run(DASH.removesuffix("\n")).observation == run(DASH).observation


def test_a_file_cut_in_the_middle_of_a_line_is_an_error() -> None:
    with pytest.raises(ParseError, match="ends in the middle of line 16; it was cut short"):
        run(DASH[:-8])


def test_further_columns_are_reported_once_and_not_read() -> None:
    lines = DASH.strip().split("\n")
    text = "\n".join([lines[0] + "\taspect", *(line + "\t1" for line in lines[1:]), ""])
    landed = run(text)
    assert landed.quarantine == [("line 1", "the file has columns we do not know and do not read", "aspect")]
    assert landed.observation == run(DASH).observation


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DASH.replace("footnote_codes", "footnotes"), r"'footnotes'\], expected \['series_id'"),
        (DASH.replace("period", "value", 1), "the columns are"),
        ("<html>\n<h1>Access Denied</h1>\n", "the columns are"),
        ("", "the columns are"),
        (DASH.split("\n")[0], "a header and no rows"),
        (DASH.split("\n")[0] + "\n\n \n", "a header and no rows"),
        (DASH.split("\n")[0] + "\nCUUR0000SA0\t2025\tM05\tbad\t\n", "no usable row"),
        (DASH.split("\n")[0] + "\nCUUR0000SA0\t2025\tM99\t1.0\t\n", "no usable row"),
        (DASH.split("\n")[0] + "\nshort\n", "no usable row"),
    ],
)
def test_what_is_no_such_file_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(text)


def test_catalogue_file() -> None:
    landed = run(CATALOGUE_FILE, "cu_series")
    assert landed.observation is None
    assert landed.quarantine == []
    table = checked("series", landed.series)
    assert table["series_id"].to_pylist() == [
        "bls.CUSR0000SA0",
        "bls.CUUR0000SA0",
        "bls.CUUR0000SEED04",
        "bls.CUUSS49GSA0",
    ]
    assert table["unit"].to_pylist()[1:3] == ["index 1982-84=100", "index DECEMBER 1977=100"]
    assert table["title"].to_pylist()[2].startswith('A title with "quotes" in U.S.')
    assert table["frequency"].to_pylist() == ["M", "M", "M", "S"]
    assert table["seasonal_adjustment"].to_pylist() == ["SA", "NSA", "NSA", "NSA"]


def test_catalogue_file_in_latin_1() -> None:
    landed = run(CATALOGUE_FILE.replace("Urban Alaska", "Mayagüez").encode("latin-1"), "cu_series")
    assert rows(landed.series, "CUUSS49GSA0")[0]["title"].startswith("All items in Mayagüez,")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SEED04\tU", "SEED04\tS"),
        ("CUUSS49GSA0      ", "??"),
        ('A title with "quotes"', "\t"),
        ("\tU\tS\t", "\tU\tR\t"),
    ],
)
def test_catalogue_line_that_contradicts_its_id_goes_to_quarantine(old: str, new: str) -> None:
    assert old in CATALOGUE_FILE
    landed = run(CATALOGUE_FILE.replace(old, new), "cu_series")
    assert len(landed.quarantine) == 1
    assert checked("series", landed.series).num_rows == 3


def test_catalogue_with_two_titles_for_one_series_is_an_error() -> None:
    again = CATALOGUE_FILE.split("\n")[1].replace("All items", "All item")
    with pytest.raises(ParseError, match="lines 2 and 6 both describe CUSR0000SA0 and differ"):
        run(CATALOGUE_FILE + again + "\n", "cu_series")


# --- the API -------------------------------------------------------------------------------------------------


def test_genuine_api_answer() -> None:
    payload = shared("bls/api/v2_CUUR0000SEGC_20260919.json").read_bytes()
    landed = run(payload, "api_v2", datetime(2026, 9, 19, 12, tzinfo=UTC))
    table = checked("observation", landed.observation)
    assert landed.quarantine == []
    assert table.num_rows == 32
    assert table["value"].null_count == 1
    by_month = {row["period_start"]: row for row in table.to_pylist()}
    assert by_month[date(2024, 1, 1)]["value"] == 336.316
    assert by_month[date(2026, 8, 1)]["value"] == 374.865
    assert by_month[date(2026, 8, 1)]["footnotes"] == []
    gap = by_month[date(2025, 10, 1)]
    assert (gap["value"], gap["obs_status"], gap["footnotes"]) == (None, "L", [LAPSE])
    assert gap["known_at"] == datetime(2026, 9, 19, 12, tzinfo=UTC)
    (series,) = checked("series", landed.series).to_pylist()
    assert series["title"].startswith("Personal care services in U.S. city average")


def test_api_agrees_with_the_package(package: Landed) -> None:
    landed = run(shared("bls/api/v2_CUUR0000SEGC_20260919.json").read_bytes(), "api_v2")
    packaged = values(package, "CUUR0000SEGC")
    asked = values(landed, "CUUR0000SEGC")
    assert {period for period in asked if period not in packaged} == {("2025-10-01", "2025-10-31")}
    assert all(packaged[period] == value for period, value in asked.items() if value is not None)


def test_results_may_be_a_list_and_messages_become_notes() -> None:
    landed = run(fixture("api_results_as_list_one_series_unknown.json"), "api_v2")
    assert values(landed, "CUUR0000SA0")["2025-09-01", "2025-09-30"] == 324.8
    assert landed.quarantine == [
        ("message[0]", "BLS says about the request", "Series does not exist for Series CUUR0000NOPE"),
        ("CUUR0000NOPE", "the series came without data", "[]"),
    ]
    assert rows(landed.series, "CUUR0000NOPE") == []


def test_a_footnote_is_known_by_survey_code_and_text() -> None:
    landed = run(fixture("api_code_depends_on_survey.json"), "api_v2")
    september, october, november = rows(checked("observation", landed.observation), "LNS14000000")
    assert october["obs_status"] == "L"
    assert october["footnotes"] == ["9: Data unavailable due to the 2025 lapse in appropriations."]
    assert september["obs_status"] == "O"  # X means something in CPI, nothing known in the household survey
    assert november["value"] == 4.6
    november, december = rows(landed.observation, "CES0000000001")
    assert (december["obs_status"], december["flags"]) == ("P", ["PRELIMINARY"])
    assert (november["obs_status"], november["flags"]) == ("A", [])  # the letter P with another text
    assert november["footnotes"] == ["P: pending a recount"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("api_not_processed.json", "BLS answered REQUEST_NOT_PROCESSED: Request could not be serviced, as the daily"),
        ("api_key_invalid.json", r"REQUEST_NOT_PROCESSED: The key:\*\*\* provided by the User is invalid\.$"),
        ("api_succeeded_without_data.json", "no data points: No Data Available for Series CUUR0000SA0 Year: 2031"),
    ],
)
def test_a_refusal_at_http_200_is_an_error(name: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(fixture(name), "api_v2")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"<html>", "not JSON"),
        (b"\xff\xff", "not JSON"),
        (b"[1]", "not an object"),
        (b"{}", "BLS answered None"),
        (b'{"status":"REQUEST_FAILED","message":"one text"}', "BLS answered REQUEST_FAILED: one text"),
        (b'{"status":"REQUEST_SUCCEEDED","Results":null}', "no data points: no message"),
        (b'{"status":"REQUEST_SUCCEEDED","message":[],"Results":{"series":[]}}', "no data points: no message"),
        (b'{"status":"REQUEST_SUCCEEDED","message":[],"Results":[7,{"series":null}]}', "no data points: no message"),
        (b'{"status":"REQUEST_SUCCEEDED","Results":{"series":[{"seriesID":7,"data":[]},3]}}', "no data points"),
    ],
)
def test_what_is_no_answer_is_an_error(payload: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(payload, "api_v2")


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ({"year": "2025", "period": "M05", "value": "n/a"}, "the value is not a number"),
        ({"year": "2025", "period": "M05"}, "the value is not a number"),
        ({"year": "2025", "period": "M05", "value": "1e5"}, "the value is not a number"),
        ({"year": "MMXXV", "period": "M05", "value": "1.0"}, "the year is not a number"),
        ({"year": "2025", "period": "M77", "value": "1.0"}, "the period code is unknown"),
        ("text", "the point is not an object"),
    ],
)
def test_a_bad_point_goes_to_quarantine(point: Any, reason: str) -> None:
    good = {"year": "2025", "period": "M09", "value": "324.800", "footnotes": [{}, None]}
    body = {"status": "REQUEST_SUCCEEDED", "Results": {"series": [{"seriesID": "CUUR0000SA0", "data": [point, good]}]}}
    landed = run(json.dumps(body), "api_v2")
    assert [why for _, why, _ in landed.quarantine] == [reason]
    assert values(landed, "CUUR0000SA0") == {("2025-09-01", "2025-09-30"): 324.8}


def test_an_unknown_dataset_is_an_error() -> None:
    with pytest.raises(ParseError, match="no parser for xx_data"):
        run("", "xx_data")


# --- the rule of past releases -------------------------------------------------------------------------------


def test_rule_bounds_every_genuine_release_day() -> None:
    """Each first release day since 1949 is not after the bound. February has extra days, for seasonal factors."""
    listed = json.loads(shared("fred/api_payloads/release_dates_0.json").read_text())["release_dates"]
    assert {row["release_id"] for row in listed} == {10}
    days = [date.fromisoformat(row["date"]) for row in listed]
    assert sum(day.month == 2 for day in days) > 76 + 15
    checked_months = 0
    for year in range(1949, 2024):
        for event in rules(year).to_pylist():
            if event["reference_period"] == "1949-01":
                continue  # the list begins with the release of February 1949
            first = min(day for day in days if day > event["reference_end"])
            # The end of the day where the hour is not known, 08:30 for the others; 14 releases fell on the day itself.
            bound = (event["event_at"] - timedelta(hours=5)).date()
            assert first <= bound, event["reference_period"]
            assert first < bound or year < 1979 or event["reference_period"] == "1995-12"
            assert event["flags"] == ["KNOWN_LATE"]
            checked_months += 1
    assert checked_months == 75 * 12 - 1 - 1 - 2  # without 1949-01, 2023-12 and two months of 2013
    for (year, month), day in LATE_RELEASES.items():
        assert min(one for one in days if one > date(year, month, 28) + timedelta(days=3)) == day


def test_rule_covers_the_months_that_no_calendar_lists() -> None:
    assert rules(1912).num_rows == rules(2024).num_rows == 0
    assert rules(1913).num_rows == 12
    assert rules(2023)["reference_period"].to_pylist()[-1] == "2023-11"
    in_2013 = rules(2013)["reference_period"].to_pylist()
    assert "2013-08" in in_2013
    assert "2013-09" not in in_2013
    assert "2013-10" not in in_2013
    assert len(in_2013) == 10


def test_rule_instants() -> None:
    events = {row["reference_period"]: row for year in (1913, 1963, 1964, 1995, 2023) for row in rules(year).to_pylist()}
    assert events["2023-11"]["event_at"] == datetime(2023, 12, 31, 13, 30, tzinfo=UTC)
    assert events["2023-05"]["event_at"] == datetime(2023, 6, 30, 12, 30, tzinfo=UTC)  # daylight saving time
    assert events["1995-12"]["event_at"] == datetime(1996, 2, 1, 13, 30, tzinfo=UTC)
    assert events["1964-01"]["event_at"] == datetime(1964, 3, 4, 4, 59, tzinfo=UTC)  # end of 3 March in New York
    assert events["1963-12"]["event_at"] == datetime(1964, 2, 1, 4, 59, tzinfo=UTC)
    assert events["1913-01"]["flags"] == ["LOOKAHEAD_RISK"]
    assert all(row["event_at"] == row["announced_at"] for row in events.values())
    assert all(row["event"] == "released" and row["release_id"] == "cpi" for row in events.values())
    assert events["1964-02"]["reference_end"] == date(1964, 2, 29)


def test_rules_are_valid_and_unique_over_all_years() -> None:
    assert checked("release_event", pa.concat_tables([rules(year) for year in range(1913, 2027)])).num_rows == 1_329


# --- requests ------------------------------------------------------------------------------------------------


def test_requests_without_a_key() -> None:
    asked = list(requests(Settings(_env_file=None, bls_key=None), date(2026, 11, 21)))
    files = "https://download.bls.gov/pub/time.series/"
    assert [(one.dataset, one.url) for one in asked] == [
        ("employment_situation", "https://www.bls.gov/news.release/empsit.htm"),
        ("cu_footnote", files + "cu/cu.footnote"),
        ("cu_series", files + "cu/cu.series"),
        ("cu_data", files + "cu/cu.data.0.Current"),
        ("ce_series", files + "ce/ce.series"),
        ("ce_data", files + "ce/ce.data.01a.CurrentSeasAE"),
        ("jt_data", files + "jt/jt.data.1.AllItems"),
        ("ci_series", files + "ci/ci.series"),
        ("ci_data", files + "ci/ci.data.1.AllData"),
        ("ces_vintages", "https://www.bls.gov/web/empsit/cesvinall.zip"),
        ("api_v2", "https://api.bls.gov/publicAPI/v1/timeseries/data/"),
    ]
    assert asked[-1].json == {"seriesid": list(HEADLINE), "startyear": "2017", "endyear": "2026"}
    assert {"CUUR0000SA0", "CES0000000001", "LNS14000000", "JTS000000000000000JOL", "CIU1010000000000A", "EIUIR"} < set(
        HEADLINE
    )
    assert all(ROOM.dataset(one.dataset) and not one.secrets for one in asked)


def test_requests_with_a_key_keep_it_out_of_the_address() -> None:
    asked = list(requests(Settings(_env_file=None, bls_key="s3cret"), date(2026, 11, 21)))
    (asked,) = (one for one in asked if one.dataset == "api_v2")
    assert asked.url == "https://api.bls.gov/publicAPI/v2/timeseries/data/"
    assert asked.json["registrationkey"] == "s3cret"
    assert asked.json["startyear"] == "2007"
    assert asked.secrets == ("s3cret",)
    assert "s3cret" not in asked.url
    assert not asked.params
