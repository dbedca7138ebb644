"""The FRED room: values of genuine answers and files, windows and what their edges mean, the opt-in, and planted faults."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.fred import FREDGRAPH_URL, ROOM
from assets.fred.fetch import DAILY, REVISED, follow, is_busy, notes, requests, windows
from assets.fred.parse import FIRST_DAY, LAST_DAY, parse, read_page, read_vintage_dates
from assets.fred.sample import History, answer, intervals, observations_url, payloads, vintage_dates
from tests.landed import checked
from undertow.archive import Archive, Sighting, redact
from undertow.doctor import examine
from undertow.errors import ParseError
from undertow.http import address
from undertow.instants import parse_instant
from undertow.landing import land
from undertow.room import Landed, Request, load_room
from undertow.settings import Home, Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "fred"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
FETCHED_AT = datetime(2026, 10, 30, 9, tzinfo=UTC)
CATALOGUE = load_room("fred").catalogue()
KEY = "abcdef0123456789abcdef0123456789"
ALL = observations_url("GDP", FIRST_DAY, LAST_DAY)
TODAY = date(2026, 10, 30)

genuine = pytest.mark.skipif(not (SHARED / "fred").is_dir(), reason="the genuine payloads are not beside the project")


def run(payload: bytes | str, dataset: str, url: str, fetched_at: datetime = FETCHED_AT) -> Landed:
    content = payload.encode() if isinstance(payload, str) else payload
    return parse(content, Sighting("fred", dataset, url, fetched_at, "0" * 64, len(content), "replay"), CATALOGUE)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def rows_of(name: str, table: pa.Table | None) -> list[dict[str, Any]]:
    """Return a table's rows, validated as the landing writer would have them."""
    return checked(name, table).to_pylist()


def told(landed: Landed, series: str | None = None) -> list[tuple[str, float | None, str, bool]]:
    """Return (period, value, instant, is it a bound) of the rows of a payload."""
    return [
        (
            row["period_start"].isoformat(),
            row["value"],
            row["known_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "KNOWN_LATE" in row["flags"],
        )
        for row in rows_of("observation", landed.observation)
        if series in (None, row["series_id"])
    ]


def settings_of(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # ty: ignore[unknown-argument]


def read_shared(name: str) -> bytes:
    raw = (SHARED / name).read_bytes()
    return gzip.decompress(raw) if name.endswith(".gz") else raw


# --- genuine payloads ----------------------------------------------------------------------------------------------------


@genuine
def test_all_vintages_of_gdp() -> None:
    landed = run(read_shared("fred/api_payloads/GDP_all_releases_output1_0.json.gz"), "observations", ALL)
    rows = rows_of("observation", landed.observation)
    assert len(rows) == 3207
    assert landed.quarantine == []
    assert {row["series_id"] for row in rows} == {"fred.GDP"}
    assert {row["known_at_basis"] for row in rows} == {"lag_rule"}
    assert not any("KNOWN_LATE" in row["flags"] for row in rows), "the window is open at its start"
    first = [row for row in rows if row["period_start"] == date(1946, 1, 1)]
    assert [(row["value"], row["obs_status"]) for row in first] == [(199.7, "A"), (None, "O"), (210.4, "A"), (None, "O")]
    assert [row["known_at"] for row in first] == [
        parse_instant(f"{day} 23:59:59 America/New_York") for day in ("1992-12-22", "1996-01-19", "1997-05-07", "1999-10-28")
    ]
    assert first[0]["period_end"] == date(1946, 3, 31)
    assert sum(row["value"] is None for row in rows) == 245


@genuine
def test_payrolls_as_of_a_day() -> None:
    payload = read_shared("fred/api_payloads/PAYEMS_asof_20250131.json")
    day = date(2025, 1, 31)
    url = observations_url("PAYEMS", day, day) + "&observation_start=2024-09-01"
    assert told(run(payload, "observations", url)) == [
        ("2024-09-01", 159025.0, "2025-02-01T04:59:59Z", True),
        ("2024-10-01", 159068.0, "2025-02-01T04:59:59Z", True),
        ("2024-11-01", 159280.0, "2025-02-01T04:59:59Z", True),
        ("2024-12-01", 159536.0, "2025-02-01T04:59:59Z", True),
    ]
    series = rows_of("series", run(payload, "observations", url).series)[0]
    assert (series["series_id"], series["release_id"], series["component"]) == (
        "fred.PAYEMS",
        "employment_situation",
        "establishment",
    )


@genuine
def test_the_vintage_that_was_not_asked_for_is_refused() -> None:
    """`vintage_date` is ignored by the API: the answer is of the day it was asked on."""
    payload = read_shared("fred/api_payloads/PAYEMS_asof_20250131.json")
    base = "https://api.stlouisfed.org/fred/series/observations?series_id=PAYEMS"
    with pytest.raises(ParseError, match="ignores the parameter vintage_date"):
        run(payload, "observations", f"{base}&vintage_date=2025-01-31")
    with pytest.raises(ParseError, match="realtime_start 2025-01-31, and 2024-12-31 was asked for"):
        run(payload, "observations", f"{base}&realtime_start=2024-12-31&realtime_end=2024-12-31")
    with pytest.raises(ParseError, match="no period was asked for"):
        run(payload, "observations", base)
    with pytest.raises(ParseError, match="output_type 1, and 2 was asked for"):
        run(payload, "observations", f"{base}&realtime_start=2025-01-31&realtime_end=2025-01-31&output_type=2")
    with pytest.raises(ParseError, match="names no series_id"):
        run(payload, "observations", "PAYEMS_asof_20250131.json")


@genuine
def test_initial_releases_are_another_layout() -> None:
    with pytest.raises(ParseError, match="output_type 4, and 1 was asked for"):
        run(read_shared("fred/api_payloads/initial_release_0.json"), "observations", ALL)
    with pytest.raises(ParseError, match="output type 4 and units 'lin'"):
        run(read_shared("fred/api_payloads/initial_release_0.json"), "observations", ALL.replace("output_type=1&", ""))


@genuine
def test_vintage_dates_of_gdp_become_one_window_and_the_real_cut_loses_nothing() -> None:
    url = (
        f"https://api.stlouisfed.org/fred/series/vintagedates?series_id=GDP&realtime_start={FIRST_DAY}&realtime_end={LAST_DAY}"
    )
    payload = read_shared("fred/api_payloads/vintagedates_0.json")
    dates, following = read_vintage_dates(payload, url)
    assert (len(dates), dates[0], dates[-1], following) == (401, date(1991, 12, 4), date(2025, 6, 26), None)
    assert list(windows(dates)) == [(FIRST_DAY, LAST_DAY)]
    assert run(payload, "vintage_dates", url) == Landed()

    whole = run(read_shared("fred/api_payloads/GDP_all_releases_output1_0.json.gz"), "observations", ALL)
    history: dict[date, list[tuple[date, str]]] = {}
    answered = json.loads(read_shared("fred/api_payloads/GDP_all_releases_output1_0.json.gz"))["observations"]
    for row in answered:
        history.setdefault(date.fromisoformat(row["date"]), []).append(
            (date.fromisoformat(row["realtime_start"]), row["value"])
        )
    assert intervals(history, FIRST_DAY, LAST_DAY) == answered, "the intervals of one observation leave no day between them"
    assert vintages(in_windows(history, list(windows(dates, most=60)))) == vintages([whole])


@genuine
@pytest.mark.parametrize("native", ["DGS2", "DGS10", "DGS30"])
def test_treasury_yields(native: str) -> None:
    payload = read_shared(f"fed/fredgraph_{native}_2005_2026-02-20.csv")
    url = f"{FREDGRAPH_URL}?id={native}"
    landed = run(payload, "fredgraph_csv", url, datetime(2026, 2, 21, 12, tzinfo=UTC))
    rows = {row["period_start"]: row for row in rows_of("observation", landed.observation)}
    assert (len(rows), landed.quarantine) == (5515, [])
    newest = {"DGS2": 3.48, "DGS10": 4.08, "DGS30": 4.72}[native]
    assert rows[date(2026, 2, 20)]["value"] == newest
    holiday = rows[date(2026, 2, 16)]
    assert (holiday["value"], holiday["obs_status"]) == (None, "O")
    # the next business day after Friday 13 February is Tuesday the 17th
    assert rows[date(2026, 2, 13)]["known_at"] == parse_instant("2026-02-17 16:15 America/New_York")
    assert rows[date(2026, 2, 13)]["known_at_basis"] == "lag_rule"
    assert rows[date(2005, 1, 3)]["value"] == {"DGS2": 3.10, "DGS10": 4.23, "DGS30": 4.85}[native]


@genuine
def test_the_older_header() -> None:
    rows = told(run(read_shared("fed/fredgraph_DGS30_oldheader_first400.csv"), "fredgraph_csv", ""))
    assert len(rows) == 399
    assert rows[0] == ("1977-02-15", 7.7, "1977-02-16T21:15:00Z", False)


@genuine
def test_reserves_changed_their_unit() -> None:
    rows = dict(
        (day, value)
        for day, value, _, _ in told(run(read_shared("fed/jsu21ges_fredgraph_WRESBAL_2015_2025.csv"), "fredgraph_csv", ""))
    )
    assert rows["2019-09-12"] == 1394.122, "billions, in the week that ended on Wednesday 2019-09-18"
    with pytest.raises(ParseError, match="header is 'date,value'"):
        run(read_shared("fed/opxie1_WRESBAL.csv"), "fredgraph_csv", "")


@genuine
def test_vintages_as_columns() -> None:
    landed = run(read_shared("fred/alfredgraph_payems_2024_2025.csv"), "alfredgraph_csv", "")
    rows = told(landed)
    assert len(rows) == 14
    assert [row for row in rows if row[0] == "2024-12-01"] == [
        ("2024-12-01", 159536.0, "2025-02-01T04:59:59Z", True),
        ("2024-12-01", 158926.0, "2025-03-01T04:59:59Z", True),
        ("2024-12-01", 158942.0, "2025-04-01T03:59:59Z", True),
    ]
    rates = told(run(read_shared("fred/alfredgraph_unrate_2026.csv"), "alfredgraph_csv", ""))
    assert [(row[0], row[1], row[2]) for row in rates] == [
        ("2026-05-01", 4.3, "2026-08-01T03:59:59Z"),
        ("2026-06-01", 4.2, "2026-08-01T03:59:59Z"),
        ("2026-07-01", 4.1, "2026-09-01T03:59:59Z"),
        ("2026-08-01", 4.1, "2026-09-25T03:59:59Z"),
    ]


@genuine
def test_genuine_refusals_and_descriptions() -> None:
    for name, words in (("bad_request", "The series does not exist"), ("api_key_not_set", "Variable api_key is not set")):
        with pytest.raises(ParseError, match=rf"error 400\): Bad Request. {words}"):
            run(read_shared(f"fred/api_payloads/error_400_{name}.json"), "observations", ALL)
    url = "https://api.stlouisfed.org/fred/series?series_id=GDP"
    series = rows_of("series", run(read_shared("fred/api_payloads/series_info_0.json"), "series_info", url).series)[0]
    assert [series[name] for name in ("title", "unit", "frequency", "seasonal_adjustment")] == [
        "Gross Domestic Product", "Billions of Dollars", "Q", "SA",
    ]  # fmt: skip
    with pytest.raises(ParseError, match="is of the series GDP, and GDPC1 was asked for"):
        run(read_shared("fred/api_payloads/series_info_0.json"), "series_info", url.replace("GDP", "GDPC1"))


# --- windows -------------------------------------------------------------------------------------------------------------


def in_windows(history: History, periods: list[tuple[date, date]]) -> list[Landed]:
    return [run(answer(history, *period), "observations", observations_url("GDP", *period)) for period in periods]


def vintages(landed: list[Landed]) -> dict[date, list[tuple[datetime, float | None, tuple[str, ...]]]]:
    """Return the states of each period as `int_observation__resolved` keeps them: a bound that says nothing new is none."""
    rows = [row for one in landed for row in rows_of("observation", one.observation)]
    rows.sort(key=lambda row: (row["period_start"], row["known_at"], "KNOWN_LATE" in row["flags"]))
    kept: dict[date, list[tuple[datetime, float | None, tuple[str, ...]]]] = {}
    for row in rows:
        states = kept.setdefault(row["period_start"], [])
        if not states or states[-1][1] != row["value"]:
            states.append((row["known_at"], row["value"], tuple(row["flags"])))
    return kept


QUARTERS = [date(2000 + number // 4, 3 * (number % 4) + 1, 1) for number in range(6)]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Histories of a few quarters: values change, are withdrawn and come back, on days that lie close together."""
    history: dict[date, list[tuple[date, str]]] = {}
    for quarter in QUARTERS[: draw(st.integers(1, 6))]:
        days = draw(st.lists(st.integers(0, 12), min_size=1, max_size=6, unique=True))
        states: list[tuple[date, str]] = []
        for day in sorted(days):
            text = draw(st.sampled_from(["1.5", "2", "."]))
            if not states or states[-1][1] != text:
                states.append((date(2002, 1, 1) + timedelta(days=day), text))
        history[quarter] = states
    return history


@settings(deadline=None, max_examples=150)
@given(histories(), st.integers(2, 9))
def test_any_chunking_of_the_vintage_dates_gives_the_same_vintages(history: History, most: int) -> None:
    dates = vintage_dates(history)
    periods = list(windows(dates, most=most))
    assert [start for start, _ in periods[1:]] == [end for _, end in periods[:-1]], "each begins where the one before ends"
    assert (periods[0][0], periods[-1][1]) == (FIRST_DAY, LAST_DAY)
    assert max(sum(start <= day <= end for day in dates) for start, end in periods) <= most
    whole = vintages(in_windows(history, [(FIRST_DAY, LAST_DAY)]))
    assert vintages(in_windows(history, periods)) == whole
    assert {day: [(value, "KNOWN_LATE" in flags) for _, value, flags in states] for day, states in whole.items()} == {
        day: [(None if text == "." else float(text), False) for _, text in states] for day, states in history.items()
    }


@settings(deadline=None, max_examples=60)
@given(histories(), st.integers(1, 7))
def test_pages_of_a_window_together_say_what_the_window_says(history: History, limit: int) -> None:
    pages, offset = [], 0
    while offset is not None:
        page = answer(history, FIRST_DAY, LAST_DAY, limit=limit, offset=offset)
        url = ALL + (f"&offset={offset}" if offset else "")
        pages.append(run(page, "observations", url))
        offset = read_page(page, url)
    assert len(pages) == -(-len(intervals(history, FIRST_DAY, LAST_DAY)) // limit)
    assert vintages(pages) == vintages(in_windows(history, [(FIRST_DAY, LAST_DAY)]))


def test_windows_hold_at_most_two_thousand_vintages() -> None:
    dates = [date(2000, 1, 1) + timedelta(days=number) for number in range(5000)]
    found = list(windows(dates))
    assert found == [(FIRST_DAY, dates[1999]), (dates[1999], dates[3998]), (dates[3998], LAST_DAY)]
    assert list(windows([*dates, date(2020, 1, 1)]))[:2] == found[:2], "full windows stay as they are"
    assert list(windows(dates[:2000])) == [(FIRST_DAY, LAST_DAY)]
    assert list(windows(dates[:1])) == [(FIRST_DAY, LAST_DAY)]
    assert list(windows([])) == []


def test_a_clipped_edge_alone_is_a_bound() -> None:
    history = {QUARTERS[0]: [(date(2001, 1, 31), "7")], QUARTERS[1]: [(date(2001, 4, 30), "8")]}
    landed = in_windows(history, [(date(2001, 3, 1), LAST_DAY)])[0]
    assert told(landed) == [
        ("2000-01-01", 7.0, "2001-03-02T04:59:59Z", True),
        ("2000-04-01", 8.0, "2001-05-01T03:59:59Z", False),
    ]


# --- fixtures ------------------------------------------------------------------------------------------------------------


def test_a_value_is_withdrawn_and_comes_back() -> None:
    landed = run(fixture("observations_withdrawn_and_back.json"), "observations", ALL)
    assert told(landed) == [
        ("2000-10-01", 101.5, "2001-02-01T04:59:59Z", False),
        ("2000-10-01", None, "2002-03-01T04:59:59Z", False),
        ("2000-10-01", 102.25, "2003-03-29T04:59:59Z", False),
        ("2001-01-01", -0.5, "2001-04-28T03:59:59Z", False),
        ("2001-01-01", None, "2001-05-26T03:59:59Z", False),
    ]
    rows = rows_of("observation", landed.observation)
    assert [row["obs_status"] for row in rows] == ["A", "O", "A", "A", "O"]
    assert rows[0]["flags"] == ["SECONDARY_SOURCE"]


def test_an_interval_that_ends_without_a_word_is_a_withdrawal() -> None:
    said = json.loads(fixture("observations_withdrawn_and_back.json"))
    said["observations"] = [said["observations"][number] for number in (0, 2, 3)]
    said["count"] = 3
    rows = rows_of("observation", run(json.dumps(said), "observations", ALL).observation)
    assert [(row["value"], row["known_at"].astimezone(UTC).date().isoformat()) for row in rows] == [
        (101.5, "2001-02-01"), (None, "2002-03-01"), (102.25, "2003-03-29"), (-0.5, "2001-04-28"), (None, "2001-05-26"),
    ]  # fmt: skip
    assert rows[1]["footnotes"] == ["no longer in the provider's data from this day on"]


def test_october_2025_is_a_row_without_a_value() -> None:
    landed = run(fixture("fredgraph_gap_in_october_2025.csv"), "fredgraph_csv", f"{FREDGRAPH_URL}?id=UNRATE")
    assert [(row["value"], row["obs_status"], row["known_at_basis"]) for row in rows_of("observation", landed.observation)] == [
        (4.3, "A", "first_seen"), (4.4, "A", "first_seen"), (None, "O", "first_seen"), (4.6, "A", "first_seen"),
    ]  # fmt: skip
    assert rows_of("series", landed.series)[0]["component"] == "household"


def test_the_old_header_and_the_dot() -> None:
    assert told(run(fixture("fredgraph_old_header_and_dot.csv"), "fredgraph_csv", "")) == [
        ("2024-11-08", 4.3, "2024-11-12T21:15:00Z", False),
        ("2024-11-11", None, "2024-11-12T21:15:00Z", False),
        ("2024-11-12", 4.43, "2024-11-13T21:15:00Z", False),
    ]


@pytest.mark.parametrize(
    ("native", "day", "known"),
    [
        ("WALCL", "2025-12-03", "2025-12-04 16:30"),  # of Wednesday, published on Thursday
        ("WALCL", "2025-11-26", "2025-11-28 16:30"),  # Thursday was Thanksgiving
        ("SOFR", "2025-12-09", "2025-12-10 08:00"),
        ("EFFR", "2025-10-10", "2025-10-14 09:00"),  # Monday was Columbus Day
        ("DGS30", "2025-04-09", "2025-04-10 16:15"),
    ],
)
def test_documented_lags(native: str, day: str, known: str) -> None:
    [row] = rows_of("observation", run(f"observation_date,{native}\n{day},1.5\n", "fredgraph_csv", "").observation)
    assert (row["period_end"].isoformat(), row["known_at_basis"]) == (day, "lag_rule")
    assert row["known_at"] == parse_instant(f"{known} America/New_York")


def test_the_catalogue_says_what_a_series_needs() -> None:
    wanted = {"title", "agency", "unit", "decimals", "frequency", "seasonal_adjustment", "revision", "licence"}
    assert {name: wanted - facts.keys() for name, facts in CATALOGUE["series"].items() if wanted - facts.keys()} == {}
    owned = {name for name, facts in CATALOGUE["series"].items() if facts["licence"].startswith("Copyright")}
    assert owned == {"VIXCLS", "SP500", "BAMLH0A0HYM2", "BAA10Y", "UMCSENT"}
    assert owned == {name for name, facts in CATALOGUE["series"].items() if facts.get("redistribution") == "withheld"}
    assert not owned & {*REVISED, *DAILY}, "what third parties own is never asked for"


def test_blanks_of_another_frequency_say_nothing() -> None:
    landed = run(fixture("fredgraph_two_frequencies.csv"), "fredgraph_csv", f"{FREDGRAPH_URL}?id=DGS10,UNRATE")
    assert [row[:2] for row in told(landed, "fred.UNRATE")] == [("2025-09-01", 4.4), ("2025-10-01", None), ("2025-11-01", 4.6)]
    assert [row[:2] for row in told(landed, "fred.DGS10")] == [
        ("2025-09-26", 4.2), ("2025-09-29", 4.15), ("2025-09-30", 4.16), ("2025-10-01", 4.12), ("2025-10-02", 4.1),
    ]  # fmt: skip


def test_blanks_of_a_vintage() -> None:
    """A blank after a value is a withdrawal, one between values is missing, one at the end is not published yet."""
    rows = told(run(fixture("alfredgraph_withdrawn_and_gap.csv"), "alfredgraph_csv", ""))
    assert [row[:3] for row in rows] == [
        ("2025-08-01", 4.3, "2025-12-01T04:59:59Z"),
        ("2025-09-01", 4.4, "2025-12-01T04:59:59Z"),
        ("2025-09-01", None, "2026-02-01T04:59:59Z"),
        ("2025-10-01", None, "2026-01-01T04:59:59Z"),
        ("2025-11-01", 4.6, "2026-01-01T04:59:59Z"),
        ("2025-11-01", 4.5, "2026-02-01T04:59:59Z"),
    ]


def test_a_strange_series_is_described_by_the_provider() -> None:
    url = "https://api.stlouisfed.org/fred/series?series_id=WEXAMPLE"
    series = rows_of("series", run(fixture("series_info_weekly.json"), "series_info", url).series)[0]
    assert (series["series_id"], series["unit"], series["frequency"]) == ("fred.WEXAMPLE", "Millions of U.S. Dollars", "W")
    landed = run("observation_date,WEXAMPLE\n2026-10-14,1.25\n2026-10-21,\n2026-10-28,3\n", "fredgraph_csv", "")
    rows = rows_of("observation", landed.observation)
    assert [(row["period_start"].isoformat(), row["period_end"].isoformat(), row["value"]) for row in rows] == [
        ("2026-10-08", "2026-10-14", 1.25), ("2026-10-15", "2026-10-21", None), ("2026-10-22", "2026-10-28", 3.0),
    ]  # fmt: skip
    series = rows_of("series", landed.series)[0]
    assert (series["frequency"], series["decimals"], series["unit"]) == ("W", 2, "as on the series' page")
    with pytest.raises(ParseError, match="one observation does not tell the frequency"):
        run("observation_date,WEXAMPLE\n2026-10-14,1.25\n", "fredgraph_csv", "")


# --- planted faults ------------------------------------------------------------------------------------------------------


def damaged(change: Callable[[dict[str, Any]], Any]) -> bytes:
    said = json.loads(fixture("observations_withdrawn_and_back.json"))
    change(said)
    return json.dumps(said).encode()


FAULTS: dict[str, tuple[bytes, str]] = {
    "cut short": (fixture("observations_withdrawn_and_back.json")[:-40], "is not JSON"),
    "a page": (b"<!DOCTYPE html><html></html>", "is not JSON"),
    "empty": (b"", "is not JSON"),
    "a list": (b"[]", "no object"),
    "an error at 200": (fixture("error_400_series_unknown.json"), "error 400"),
    "too many at 200": (fixture("error_429_at_status_200.json"), "error 429"),
    "a missing field": (damaged(lambda said: said.pop("count")), "lacks count"),
    "fewer rows than it says": (damaged(lambda said: said["observations"].pop()), "has 4 rows, and says that it has 5"),
    "a missing column": (damaged(lambda said: said["observations"][0].pop("value")), "observation 0 is not an object of"),
    "a new column": (damaged(lambda said: said["observations"][0].update(note="x")), "observation 0 is not an object of"),
    "wide rows": (damaged(lambda said: said.update(output_type=2)), "output_type 2, and 1 was asked for"),
    "percent changes": (damaged(lambda said: said.update(units="pc1")), "units 'pc1'"),
    "another period": (damaged(lambda said: said.update(realtime_start="2001-02-01")), "another vintage"),
    "no rows": (damaged(lambda said: said.update(observations=[], count=0)), "no usable observation"),
    "no list": (damaged(lambda said: said.update(observations={})), "not a list"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_of_another_kind_is_refused(fault: str) -> None:
    payload, words = FAULTS[fault]
    with pytest.raises(ParseError, match=words):
        run(payload, "observations", ALL)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("value", "n/a", "neither a number nor"),
        ("value", "nan", "neither a number nor"),
        ("value", 5.0, "neither a number nor"),
        ("value", "1,5", "neither a number nor"),
        ("value", "1e999", "neither a number nor"),
        ("value", None, "neither a number nor"),
        ("date", ["2000-10-01"], "not written YYYY-MM-DD"),
        ("date", "2001-13-01", "not written YYYY-MM-DD"),
        ("realtime_start", "31.01.2001", "not written YYYY-MM-DD"),
        ("realtime_end", "2000-01-01", "does not lie within"),
        ("date", "2000-11-01", "begins no period of frequency Q"),
    ],
)
def test_a_row_that_cannot_be_read_goes_to_quarantine(field: str, value: Any, reason: str) -> None:
    landed = run(damaged(lambda said: said["observations"][0].update({field: value})), "observations", ALL)
    assert [(place, reason in why) for place, why, _ in landed.quarantine] == [
        ("GDP 2000-11-01" if value == "2000-11-01" else "observation 0", True)
    ]
    assert len(told(landed)) == 4


def test_rows_said_twice() -> None:
    again = damaged(lambda said: said.update(observations=[*said["observations"], said["observations"][0]], count=6))
    assert told(run(again, "observations", ALL)) == told(
        run(fixture("observations_withdrawn_and_back.json"), "observations", ALL)
    )

    def contradict(said: dict[str, Any]) -> None:
        said.update(observations=[*said["observations"], {**said["observations"][0], "value": "9"}], count=6)

    landed = run(damaged(contradict), "observations", ALL)
    assert [row[:2] for row in told(landed)] == [("2001-01-01", -0.5), ("2001-01-01", None)]
    assert [place for place, _, _ in landed.quarantine] == ["observation 5", "observation of 2000-10-01"]


CSV = "observation_date,DGS10\n2025-09-26,4.20\n2025-09-29,4.15\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("observation_date,DGS10\n", "a header and no usable row"),
        ("<!DOCTYPE html>\n<html></html>\n", "the header is"),
        ("date,value\n2025-09-26,4.20\n", "the header is"),
        ("observation_date\n2025-09-26\n", "the header is"),
        ("observation_date,DGS10,DGS10\n2025-09-26,1,2\n", "names a column twice"),
        (CSV.replace("DGS10", "DGS30"), "holds DGS30, and DGS10 was asked for"),
        (CSV.replace("DGS10", "DGS10_PC1"), "holds DGS10_PC1, and DGS10 was asked for"),
        (CSV.replace("4.20", "x").replace("4.15", "y"), "no usable observation; the first: the value is not a number"),
    ],
)
def test_a_csv_of_another_kind_is_refused(text: str, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        run(text, "fredgraph_csv", f"{FREDGRAPH_URL}?id=DGS10")


def test_lines_of_a_csv_that_cannot_be_read_go_to_quarantine() -> None:
    lines = "2025-09-30,abc\n2025-10-0\n2025-10-02,4.1,9\n2025-10-03,4.12\n2025-10-03,4.12\n2025-10-06,1\n2025-10-06,2\n"
    landed = run(CSV + lines, "fredgraph_csv", f"{FREDGRAPH_URL}?id=DGS10")
    assert [row[:2] for row in told(landed)] == [("2025-09-26", 4.2), ("2025-09-29", 4.15), ("2025-10-03", 4.12)]
    assert [(place, reason) for place, reason, _ in landed.quarantine] == [
        ("line 5", "the first cell is not a date (YYYY-MM-DD)"),
        ("line 6", "the line has 3 cells, and the header has 2"),
        ("line 10", "line 9 says otherwise of the same day"),
        ("line 9", "another line says otherwise of the same day"),
        ("line 4, DGS10", "the value is not a number"),
    ]


@pytest.mark.parametrize(
    ("text", "url", "words"),
    [
        ("observation_date,UNRATE\n2025-08-01,4.3\n", "", "not named <id>_<YYYYMMDD>"),
        ("observation_date,UNRATE_20251399\n2025-08-01,4.3\n", "", "not named <id>_<YYYYMMDD>"),
        (
            "observation_date,UNRATE_20251130\n2025-08-01,4.3\n",
            "https://x/?id=UNRATE&vintage_date=2025-11-29",
            "were asked for",
        ),
        ("observation_date,UNRATE_20251130\n2025-08-01,4.3\n", "https://x/?id=PAYEMS", "PAYEMS was asked for"),
    ],
)
def test_vintages_that_were_not_asked_for_are_refused(text: str, url: str, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        run(text, "alfredgraph_csv", url)


def test_a_csv_with_a_vintage_belongs_to_the_other_dataset() -> None:
    with pytest.raises(ParseError, match="belongs to the dataset alfredgraph_csv"):
        run(CSV, "fredgraph_csv", f"{FREDGRAPH_URL}?id=DGS10&vintage_date=2025-10-01")
    with pytest.raises(ParseError, match="has no parser for releases"):
        run(CSV, "releases", "")


def test_vintage_dates_out_of_order_are_refused() -> None:
    url = (
        f"https://api.stlouisfed.org/fred/series/vintagedates?series_id=GDP&realtime_start={FIRST_DAY}&realtime_end={LAST_DAY}"
    )
    first = fixture("vintagedates_of_two_pages_first.json")
    assert read_vintage_dates(first, url) == ([date(2001, 1, 31), date(2001, 2, 28), date(2001, 4, 27)], 2)
    with pytest.raises(ParseError, match="not in ascending order"):
        run(first.replace(b'"2001-02-28"', b'"2001-01-31"'), "vintage_dates", url)
    with pytest.raises(ParseError, match="not a list of dates"):
        run(first.replace(b'"2001-02-28"', b'"soon"'), "vintage_dates", url)
    with pytest.raises(ParseError, match="has 3 rows, and says that it has 4"):
        run(first.replace(b'"limit":3', b'"limit":4'), "vintage_dates", url)


# --- what is asked for ---------------------------------------------------------------------------------------------------


def test_nothing_is_asked_without_consent() -> None:
    for values in ({}, {"fred_key": KEY}):
        chosen = settings_of(**values)
        assert list(requests(chosen, TODAY)) == []
        assert [note.split(",")[0] for note in notes(chosen)] == ["fred: nothing is asked"]
        assert "terms of use" in next(iter(notes(chosen)))


def test_the_doctor_says_why_nothing_is_asked(tmp_path: Path) -> None:
    says = [one.says for one in examine(Home(tmp_path), settings_of()) if one.what == "source fred"]
    assert says[1:] == list(notes(settings_of()))
    assert says[0].startswith("FRED and ALFRED, vintages and republished series (opt-in); 5 datasets")


def test_without_a_key_the_newest_values_are_asked() -> None:
    chosen = settings_of(fred_consent="yes")
    asked = list(requests(chosen, TODAY))
    assert [request.params["id"] for request in asked] == [*REVISED, *DAILY]
    assert {(request.dataset, request.url, request.secrets) for request in asked} == {("fredgraph_csv", FREDGRAPH_URL, ())}
    assert len(list(notes(chosen))) == 1


def test_with_a_key_vintages_are_asked_and_the_key_is_a_secret() -> None:
    chosen = settings_of(fred_consent=True, fred_key=KEY)
    asked = list(requests(chosen, TODAY))
    assert [(one.dataset, one.params.get("series_id") or one.params["id"]) for one in asked] == [
        *((dataset, native) for native in REVISED for dataset in ("series_info", "vintage_dates")),
        *(("fredgraph_csv", native) for native in DAILY),
    ]
    assert list(notes(chosen)) == []
    for request in asked:
        assert KEY not in address(request)
        assert KEY not in repr(request)
        assert "vintage_date" not in request.params
        if request.dataset != "fredgraph_csv":
            assert request.secrets == (KEY,)
            assert "api_key=REDACTED" in address(request)
    assert set(REVISED) | set(DAILY) <= set(CATALOGUE["series"])
    assert not set(REVISED) & set(DAILY)
    assert ROOM.min_interval_seconds >= 0.6, "two requests a second are what the API bears"


def test_vintage_dates_lead_to_windows_and_pages() -> None:
    chosen = settings_of(fred_consent=True, fred_key=KEY)
    request = next(
        one for one in requests(chosen, TODAY) if one.dataset == "vintage_dates" and one.params["series_id"] == "GDP"
    )
    first = fixture("vintagedates_of_two_pages_first.json")
    window, page = follow(chosen, request, first)
    assert (window.dataset, address(window)) == (
        "observations", redact(address(window)).replace(KEY, "REDACTED"),
    )  # fmt: skip
    assert {name: window.params[name] for name in ("series_id", "output_type", "realtime_start", "realtime_end")} == {
        "series_id": "GDP", "output_type": "1", "realtime_start": "1776-07-04", "realtime_end": "2001-04-27",
    }  # fmt: skip
    assert (page.dataset, page.params["offset"], page.secrets) == ("vintage_dates", "2", (KEY,))
    second = json.loads(first) | {"offset": 2, "vintage_dates": ["2001-04-27", "2001-05-25", "2002-02-28"]}
    [last] = follow(chosen, page, json.dumps(second).encode())
    assert (last.params["realtime_start"], last.params["realtime_end"]) == ("2001-04-27", "9999-12-31")

    history = {QUARTERS[0]: [(date(2001, 1, 31), "7")], QUARTERS[1]: [(date(2001, 4, 20), "8")]}
    half = answer(history, FIRST_DAY, date(2001, 4, 27), limit=1)
    [rest] = follow(chosen, window, half)
    assert {**rest.params} == {**window.params, "offset": "1"}
    assert list(follow(chosen, rest, answer(history, FIRST_DAY, date(2001, 4, 27), limit=1, offset=1))) == []


@pytest.mark.parametrize("payload", [b"", b"<html>", b'{"error_code":400}', b"{}", b'{"vintage_dates":1}'])
def test_an_answer_that_cannot_be_read_leads_nowhere(payload: bytes) -> None:
    chosen = settings_of(fred_consent=True, fred_key=KEY)
    for request in requests(chosen, TODAY):
        assert list(follow(chosen, request, payload)) == []
    assert list(follow(chosen, Request("fredgraph_csv", FREDGRAPH_URL, {"id": "GDP"}), CSV.encode())) == []


@pytest.mark.parametrize(
    ("body", "busy"),
    [
        (fixture("error_429_at_status_200.json"), True),
        (b'{"code":429,"message":"slow down"}', True),
        (fixture("error_400_series_unknown.json"), False),
        (b'{"error_code":400,"error_message":"429"}', False),
        (b"429", False),
        (b"[429]", False),
        (b"error 429", False),
        (fixture("observations_withdrawn_and_back.json"), False),
    ],
)
def test_too_many_requests_in_the_body(body: bytes, busy: bool) -> None:
    assert is_busy(body) is busy


def test_the_same_bytes_at_two_addresses_are_two_series(tmp_path: Path) -> None:
    """An answer does not name its series, and some series are equal: TREAST and WSHOTSL are one column of one statement."""
    archive, landing = Archive(tmp_path / "archive"), tmp_path / "landing"
    body = answer({date(2026, 10, 21): [(date(2026, 10, 22), "4203155")]}, FIRST_DAY, LAST_DAY)
    for native in ("TREAST", "WSHOMCB"):
        url = observations_url(native, FIRST_DAY, LAST_DAY)
        archive.store(body, source="fred", dataset="observations", url=url, fetched_at=FETCHED_AT, origin="replay")
    landed = list(land(load_room("fred"), archive, landing))
    assert [(one.error, one.rows) for one in landed] == [(None, {"observation": 1, "series": 1})] * 2
    rows = pq.read_table(landing / "fred" / "observation").to_pylist()
    assert sorted((row["series_id"], row["value"]) for row in rows) == [("fred.TREAST", 4203155.0), ("fred.WSHOMCB", 4203155.0)]
    assert list(land(load_room("fred"), archive, landing)) == []


# --- the sample ----------------------------------------------------------------------------------------------------------


def test_the_sample_is_read_whole_and_is_the_same_each_time() -> None:
    samples = list(payloads())
    assert samples == list(payloads())
    landed = [run(one.content, one.dataset, one.url, parse_instant(one.fetched_at)) for one in samples]
    assert all(one.quarantine == [] for one in landed)
    sizes = [one.observation.num_rows for one in landed if one.observation is not None]
    assert sum(sizes) < 300
    gdp = vintages(landed[1:3])
    assert vintages(in_windows(_sample_history(samples[1].content, samples[2].content), [(FIRST_DAY, LAST_DAY)])) == gdp
    assert [value is None for _, value, _ in gdp[date(2024, 4, 1)]] == [False, True, False]
    assert {one.dataset for one in samples} <= {dataset.name for dataset in ROOM.datasets}


def _sample_history(*pages: bytes) -> History:
    """Return the history that the windows of the sample were cut from."""
    rows = [row for page in pages for row in json.loads(page)["observations"]]
    history: dict[date, list[tuple[date, str]]] = {}
    for row in sorted(rows, key=lambda row: (row["date"], row["realtime_start"])):
        states = history.setdefault(date.fromisoformat(row["date"]), [])
        if not states or states[-1][1] != row["value"]:
            states.append((date.fromisoformat(row["realtime_start"]), row["value"]))
    for states in history.values():
        assert all(earlier < later for (earlier, _), (later, _) in pairwise(states))
    return history
