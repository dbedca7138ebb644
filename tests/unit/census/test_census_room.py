"""The Census room: answers of the API, the bureau's files, requests, and planted faults. Values are written here, in the bureau's form."""

from __future__ import annotations

import io
import json
import time
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from assets.census import API_URL, FILES_URL, PROGRAMS, ROOM, sample
from assets.census.fetch import requests
from assets.census.parse import parse
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError, PayloadError
from undertow.http import address
from undertow.instants import parse_instant
from undertow.room import Landed, load_room
from undertow.settings import Settings
from undertow.sniff import check_content

FIXTURES = Path(__file__).parents[2] / "fixtures" / "census"
MARTS = (FIXTURES / "marts_marks_and_repeated_columns.json").read_bytes()
RESSALES = (FIXTURES / "RESSALES-mf.csv").read_text(encoding="utf-8")
CATALOGUE = load_room("census").catalogue()
FETCHED_AT = datetime(2026, 9, 30, 14, 5, tzinfo=UTC)
RETAIL = "MARTS.44X72.SM.SA"


def run(payload: bytes, dataset: str = "marts", fetched_at: datetime = FETCHED_AT) -> Landed:
    return parse(payload, Sighting("census", dataset, "u", fetched_at, "0" * 64, len(payload), "replay"), CATALOGUE)


def zipped(text: str, name: str = "RESSALES-mf.csv") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return sink.getvalue()


def changed(change: Any) -> bytes:
    """Return the answer of the fixture after a change of its rows."""
    rows = json.loads(MARTS)
    return json.dumps(change(rows) or rows).encode()


def told(landed: Landed, series: str) -> dict[str, tuple]:
    """Return month -> value and status of a series."""
    assert landed.observation is not None
    return {
        f"{row['period_start']:%Y-%m}": (row["value"], row["obs_status"])
        for row in landed.observation.to_pylist()
        if row["series_id"] == f"census.{series}"
    }


# --- the API -------------------------------------------------------------------------------------------------------------


def test_values_and_marks_of_an_answer() -> None:
    landed = run(MARTS)
    assert landed.quarantine == []
    table = checked("observation", landed.observation)
    assert told(landed, RETAIL) == {
        "2025-08": (727_431, "A"),
        "2025-09": (None, "O"),
        "2025-10": (733_259, "A"),
        "2025-11": (735_904, "A"),
    }
    assert told(landed, "MARTS.44X72.SM.NSA") == {"2025-09": (745_000, "A")}
    assert told(landed, "MARTS.44Y72.SM.SA") == {"2025-08": (None, "Q"), "2025-09": (594_110, "A")}
    assert table.num_rows == 8  # sampling errors, changes in percent and other categories are not of the catalogue
    assert set(table["known_at"].to_pylist()) == {FETCHED_AT}
    assert set(table["known_at_basis"].to_pylist()) == {"first_seen"}
    first = table.to_pylist()[0]
    assert (first["period_start"], first["period_end"]) == (date(2025, 9, 1), date(2025, 9, 30))


def test_series_of_an_answer() -> None:
    series = {row["series_id"]: row for row in checked("series", run(MARTS).series).to_pylist()}
    assert len(series) == 4
    assert series[f"census.{RETAIL}"] | {"fetched_at": None, "parsed_at": None} == {
        "series_id": "census.MARTS.44X72.SM.SA",
        "title": "Retail and food services sales, total, seasonally adjusted",
        "agency": "Census Bureau",
        "unit": "million USD",
        "decimals": 0,
        "frequency": "M",
        "seasonal_adjustment": "SA",
        "revision_policy": "restated_history",
        "release_id": "retail_sales_advance",
        "component": None,
        "stale_after_days": 52,
        "licence": "US public domain",
        "source_url": "https://www.census.gov/economic-indicators/",
        "fetched_at": None,
        "payload_sha256": "0" * 64,
        "origin": "replay",
        "parser_version": 1,
        "parsed_at": None,
        "redistribution": None,
    }
    assert series["census.MARTS.44X72.SM.NSA"]["seasonal_adjustment"] == "NSA"


def test_regions_are_not_the_country() -> None:
    def regions(rows: list) -> None:
        for row in rows:
            row.append("geo_level_code" if row is rows[0] else "US")
        rows[1][-1] = "NO"

    assert "2025-08" not in told(run(changed(regions)), RETAIL)


def test_every_program_of_the_catalogue_is_a_dataset() -> None:
    assert {key.split(".")[0] for key in CATALOGUE["series"]} == {one.code for one in PROGRAMS} == set(CATALOGUE["releases"])
    assert {one.name for one in ROOM.datasets} == {name for one in PROGRAMS for name in (one.api, f"{one.api}_file")}


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(1, 12)), st.permutations(range(7)))
def test_the_order_of_rows_and_columns_does_not_matter(rows: list[int], columns: list[int]) -> None:
    def shuffled(table: list) -> list:
        return [[row[place] for place in columns] for row in (table[0], *(table[number] for number in rows))]

    assert run(changed(shuffled)).observation == run(MARTS).observation


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "not JSON"),
        (MARTS[:300], "not JSON"),
        (b'{"error": "over quota"}', "not an array of arrays"),
        (b"[]", "not an array of arrays"),
        (b'["a"]', "not an array of arrays"),
        (MARTS.replace(b'"cell_value"', b'"value"'), "no column cell_value"),
        (MARTS.replace(b'"time"', b'"month"'), "no column time"),
        (MARTS[: MARTS.index(b"\n") - 1] + b"]", "columns and no row"),
        (MARTS.replace(b'"SM"', b'"XX"'), "no usable value of any series of MARTS"),
    ],
)
def test_another_layout_of_an_answer_is_refused(payload: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        run(payload)


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        (b'"733259"', b'"7332S9"', "row 3", "neither a number nor a known mark"),
        (b'"733259"', b'"(Z)"', "row 3", "neither a number nor a known mark"),
        (b'"733259"', b'"NaN"', "row 3", "neither a number nor a known mark"),
        (b'"2025-10"', b'"2025-13"', "row 3", "not a month"),
        (b'"2025-10"', b'"2025Q4"', "row 3", "not a month"),
        (b'"2025-10"', b'"2026-10"', "row 3", "after the fetch"),
        (b'"44X72","1"],\n["735,904"', b'"44X72"],\n["735,904"', "row 3", "not 9 texts"),
        (b'"us"', b'"region"', "column region", "not known"),
    ],
)
def test_what_cannot_be_used_of_an_answer_goes_to_quarantine(old: bytes, new: bytes, place: str, reason: str) -> None:
    payload = MARTS.replace(old, new, 1)
    assert payload != MARTS
    landed = run(payload)
    assert [(where, reason in why) for where, why, _ in landed.quarantine] == [(place, True)]
    assert told(landed, RETAIL)["2025-11"] == (735_904, "A")


def test_rows_said_twice() -> None:
    assert run(changed(lambda rows: [*rows, rows[3]])).observation == run(MARTS).observation
    other = ["733260", *json.loads(MARTS)[3][1:]]
    torn = run(changed(lambda rows: [*rows, other]))
    assert [(where, why) for where, why, _ in torn.quarantine] == [
        ("row 12", "the payload has several values of this month"),
        (RETAIL, "the payload has several values of this month"),
    ]
    assert "2025-10" not in told(torn, RETAIL)


def test_a_series_that_vanished_is_said() -> None:
    landed = run(MARTS.replace(b'"44000"', b'"44001"'))
    assert landed.quarantine == [("MARTS.44000.SM.SA", "the payload has no value of this series of the catalogue", "")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><head><title>Missing Key</title></head><body>A valid key must be included.</body></html>", "an HTML page"),
        (b"You have exceeded your daily query limit.", "text"),
        (b"", "an empty answer"),
    ],
)
def test_pages_and_quota_answers_do_not_pass_for_json(body: bytes, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        check_content(body, "json")


# --- the files -----------------------------------------------------------------------------------------------------------


def test_values_of_a_file() -> None:
    landed = run(zipped(RESSALES), "ressales_file")
    assert landed.quarantine == []
    checked("observation", landed.observation)
    assert landed.observation is not None
    assert landed.observation.num_rows == 3  # neither the region, nor the plain month, nor the price, nor the sampling error
    assert told(landed, "RESSALES.ASOLD.TOTAL.SA") == {"2026-06": (672, "A"), "2026-07": (643, "A"), "2026-08": (684, "A")}


@pytest.mark.parametrize("program", [one.code for one in PROGRAMS])
def test_file_and_answer_say_the_same(program: str) -> None:
    api = next(one.api for one in PROGRAMS if one.code == program)
    from_file = run(sample.file(program, date(2026, 8, 1)), f"{api}_file")
    from_answer = run(sample.answer(program, date(2026, 8, 1)), api)
    assert from_file.observation == from_answer.observation
    assert from_file.series == from_answer.series
    assert from_file.quarantine == from_answer.quarantine == []


def test_windows_line_ends_and_old_month_names() -> None:
    text = RESSALES.replace("Jun-2026", "Jun2026").replace("\n", "\r\n")
    assert run(zipped(text), "ressales_file").observation == run(zipped(RESSALES), "ressales_file").observation


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\nDATA\nper_idx", "\nDATEN\nper_idx", "no section DATA"),
        ("TIME PERIODS", "PERIODS", "no section TIME PERIODS"),
        ("cat_idx,cat_code", "cat_idx,code", "the section CATEGORIES has the columns"),
        ("geo_idx,is_adj,val", "geo_idx,is_adj,value", "no column val"),
        ("1,US,", "1,USA,", "no geographic level US"),
        ("ASOLD", "BSOLD", "no usable value of any series of RESSALES"),
    ],
)
def test_another_layout_of_a_file_is_refused(old: str, new: str, message: str) -> None:
    assert old in RESSALES
    with pytest.raises(ParseError, match=message):
        run(zipped(RESSALES.replace(old, new)), "ressales_file")


def test_a_file_of_another_program_is_refused() -> None:
    with pytest.raises(ParseError, match=r"MARTS-mf\.csv"):
        run(zipped(RESSALES), "marts_file")
    with pytest.raises(ParseError):
        run(zipped(RESSALES)[:200], "ressales_file")


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ("2,2,1,0,1,1,643", "2,2,1,0,1,1", "DATA", "6 cells, expected 7"),
        ("2,2,1,0,1,1,643", "2,2,1,0,1,1,64x", "period 2, RESSALES.ASOLD.TOTAL.SA", "neither a number"),
        ("2,2,1,0,1,1,643", "9,2,1,0,1,1,643", "period 9, RESSALES.ASOLD.TOTAL.SA", "not a month"),
        ("2,2,1,0,1,1,643", "4,2,1,0,1,1,643", "period 4, RESSALES.ASOLD.TOTAL.SA", "after the fetch"),
    ],
)
def test_what_cannot_be_used_of_a_file_goes_to_quarantine(old: str, new: str, place: str, reason: str) -> None:
    landed = run(zipped(RESSALES.replace(old, new)), "ressales_file", datetime(2026, 8, 31, tzinfo=UTC))
    assert [(where.startswith(place), reason in why) for where, why, _ in landed.quarantine] == [(True, True)]
    assert told(landed, "RESSALES.ASOLD.TOTAL.SA")["2026-08"] == (684, "A")


def test_a_new_column_of_a_file_is_said() -> None:
    head, _, data = RESSALES.partition("is_adj,val\n")
    text = head + "is_adj,val,note\n" + data.replace("\n", ",x\n")
    landed = run(zipped(text), "ressales_file")
    assert landed.quarantine == [("column note", "the column is not known, so it is not read", "")]
    assert landed.observation == run(zipped(RESSALES), "ressales_file").observation


def test_a_long_file_is_fast() -> None:
    lines = [f"{number % 3 + 1},1,5,0,1,0,{number * 7919 % 1_000_003}" for number in range(300_000)]
    payload = zipped(RESSALES + "\n".join(lines) + "\n")
    started = time.perf_counter()
    landed = run(payload, "ressales_file")
    assert time.perf_counter() - started < 5  # 0.1 s on an idle machine
    assert landed.observation is not None
    assert landed.observation.num_rows == 3


# --- fetch and sample ----------------------------------------------------------------------------------------------------


def test_without_a_key_the_files_are_asked_for() -> None:
    asked = list(requests(Settings(census_key=None), date(2026, 11, 21)))
    assert [request.dataset for request in asked] == [f"{one.api}_file" for one in PROGRAMS]
    assert address(asked[1]) == FILES_URL + "?programCode=M3ADV"
    assert all(not request.secrets for request in asked)


def test_a_key_adds_the_api_and_is_not_recorded() -> None:
    key = "0123456789abcdef0123456789abcdef01234567"
    asked = list(requests(Settings(census_key=SecretStr(key)), date(2026, 11, 21)))
    assert len(asked) == 2 * len(PROGRAMS)
    marts, advm3, _, resconst = (request for request in asked[7:11])
    assert marts.url == API_URL + "marts"
    assert dict(marts.params) == {
        "get": "cell_value,data_type_code,time_slot_id,error_data,category_code,seasonally_adj",
        "time": "from 2024",
        "key": key,
    }
    assert advm3.params["for"] == "us:*"
    assert resconst.params["get"].endswith(",geo_level_code")
    assert all(key not in address(request) and request.secrets == (key,) for request in asked[7:])


def test_the_sample_is_always_the_same_and_revises_itself() -> None:
    samples = list(sample.payloads())
    assert samples == list(sample.payloads())
    assert {one.dataset for one in samples} == {*(one.api for one in PROGRAMS), "ressales_file"}
    for one in samples:
        landed = run(one.content, one.dataset, parse_instant(one.fetched_at))
        assert landed.quarantine == []
        checked("observation", landed.observation)
    earlier, later = (told(run(one.content, fetched_at=datetime(2026, 11, 1, tzinfo=UTC)), RETAIL) for one in samples[:2])
    assert sorted(set(later) - set(earlier)) == ["2026-09"]
    assert [month for month in earlier if month in later and earlier[month] != later[month]] == ["2026-07", "2026-08"]
