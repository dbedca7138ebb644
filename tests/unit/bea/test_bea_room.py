"""The BEA room: the genuine calendar, hand-made answers of the data API in their exact format, and planted faults."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from assets.bea import ROOM
from assets.bea.fetch import ITA_INDICATORS, NIPA_TABLES, notes, requests
from assets.bea.parse import parse
from assets.bea.sample import payloads
from expectations.bea import SUITES
from undertow.archive import Archive, Sighting
from undertow.errors import ParseError
from undertow.fetching import LiveFetcher, ReplayFetcher
from undertow.http import address
from undertow.instants import parse_instant
from undertow.landing import land, landed_files
from undertow.room import Landed, load_room
from undertow.schemas import validate
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bea"
SHARED = Path(__file__).resolve().parents[3].parent / "shared"
CATALOGUE = load_room("bea").catalogue()


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        pytest.skip("the shared genuine payloads are not here")
    return path


def run(payload: bytes, dataset: str, fetched_at: str = "2026-07-13T12:00:00Z") -> Landed:
    sighting = Sighting("bea", dataset, "u", parse_instant(fetched_at), "0" * 64, len(payload), "replay")
    return parse(payload, sighting, CATALOGUE)


def fixture(name: str, dataset: str, fetched_at: str = "2026-07-13T12:00:00Z") -> Landed:
    return run((FIXTURES / name).read_bytes(), dataset, fetched_at)


def events(landed: Landed) -> dict[tuple[str, str], dict[str, Any]]:
    assert landed.release_event is not None
    return {(row["release_id"], row["reference_period"]): row for row in landed.release_event.to_pylist()}


def values(landed: Landed) -> dict[tuple[str, str], float | None]:
    assert landed.observation is not None
    return {(row["series_id"], row["period_end"].isoformat()): row["value"] for row in landed.observation.to_pylist()}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- the calendar --------------------------------------------------------------------------------------------------------


def test_the_genuine_calendar() -> None:
    landed = run(shared("data/bea/bea_calendar.ics").read_bytes(), "release_calendar_ics")
    rows = events(landed)
    assert landed.quarantine == []
    assert len(rows) == 87
    initial, updated = rows["gdp_second", "2025-Q3"], rows["gdp_third", "2025-Q3"]
    assert (initial["event"], initial["event_at"]) == ("rescheduled", at("2025-12-23 13:30"))
    assert (initial["announced_at"], initial["reason"]) == (at("2025-11-25 13:36:02"), "BEA calls it the Initial Estimate")
    assert (updated["event_at"], updated["reason"]) == (at("2026-01-22 13:30"), "BEA calls it the Updated Estimate")
    assert ("gdp_advance", "2025-Q3") not in rows
    assert rows["gdp_third", "2025-Q4"]["event_at"] == at("2026-04-09 12:30")  # the title is written the new way
    assert rows["gdp_advance", "2026-Q3"]["event"] == "scheduled"
    # two months in one title are two rows at one instant
    assert rows["personal_income_outlays", "2025-10"]["event_at"] == at("2026-01-22 15:00")
    assert rows["personal_income_outlays", "2025-11"]["event_at"] == at("2026-01-22 15:00")
    # "December and Annual 2025" is December
    assert rows["international_trade", "2025-12"]["event_at"] == at("2026-02-19 13:30")
    assert rows["international_trade", "2025-08"]["announced_at"] == at("2025-11-14 19:09:09")
    # two releases until 2025, one of both from 2026 on
    assert rows["international_investment_position", "2025-Q3"]["event_at"] == at("2026-01-16 15:00")
    assert rows["international_transactions", "2025-Q3"]["event_at"] == at("2026-01-14 13:30")
    both = [rows[name, "2025-Q4"] for name in ("international_transactions", "international_investment_position")]
    assert {row["event_at"] for row in both} == {at("2026-03-25 12:30")}
    assert {flag for row in rows.values() for flag in row["flags"]} == {"KNOWN_LATE"}
    assert max(row["announced_at"] for row in rows.values()) <= at("2026-07-13 12:00")


def test_the_genuine_calendar_agrees_with_the_table_of_facts() -> None:
    """Every BEA release of the facts that came while the calendar covers it stands in it on that instant."""
    rows = events(run(shared("data/bea/bea_calendar.ics").read_bytes(), "release_calendar_ics"))
    with shared("facts/release_events.csv").open(newline="", encoding="utf-8") as handle:
        facts = [
            row
            for row in csv.DictReader(handle)
            if row["event"] in {"released", "merged"}
            and "2025-01-01" <= row["event_date"] <= "2026-12-31"
            and row["release_id"] in {release for release, _ in rows}
        ]
    wrong = []
    for fact in facts:
        row = rows.get((fact["release_id"], fact["reference_period"]))
        told = parse_instant(f"{fact['event_date']} {fact['event_time_et']} America/New_York")
        if row is None or row["event_at"] != told:
            wrong.append((fact["release_id"], fact["reference_period"], told))
    assert wrong == []
    assert len(facts) >= 50


def test_the_genuine_dates_agree_with_the_genuine_calendar() -> None:
    calendar = run(shared("data/bea/bea_calendar.ics").read_bytes(), "release_calendar_ics")
    dates = run(shared("data/bea/bea_release_dates.json").read_bytes(), "release_dates_json")
    assert dates.quarantine == []
    assert dates.release_event is not None
    assert calendar.release_event is not None
    named = {
        ("gdp" if r["release_id"].startswith("gdp") else r["release_id"], r["event_at"])
        for r in calendar.release_event.to_pylist()
    }
    days = [(row["release_id"], row["event_at"]) for row in dates.release_event.to_pylist()]
    assert len(days) == len(set(days)) == 86
    assert set(days) == named
    assert dates.release_event["announced_at"][0].as_py() == at("2026-07-13 12:00:00")  # 12:00:42 bounded by our fetch


def test_a_page_in_place_of_the_calendar_is_kept_and_not_read(tmp_path: Path) -> None:
    page = shared("data/bea/bea_landing_page.html")
    manifest = tmp_path / "replay.csv"
    url = "https://apps.bea.gov/API/signup/release_dates.ics"
    lines = [f"bea,{name},{page},{url},2026-07-13T12:00:00Z,page" for name in ("release_calendar_ics", "release_dates_json")]
    manifest.write_text("source,dataset,file,url,fetched_at,note\n" + "\n".join(lines) + "\n", encoding="utf-8")
    archive, modules = Archive(tmp_path / "archive"), load_room("bea")
    outcomes = list(ReplayFetcher(manifest).fetch(modules, archive))
    assert [outcome.status for outcome in outcomes] == ["failed", "failed"]
    assert all("an HTML page" in outcome.message for outcome in outcomes)
    assert {sighting.problem is not None for sighting in archive.sightings("bea")} == {True}
    assert list(land(modules, archive, tmp_path / "landing")) == []


def test_two_captures_land_side_by_side(tmp_path: Path) -> None:
    """A row that vanished leaves what the first capture said of it; nothing is cancelled."""
    manifest = tmp_path / "replay.csv"
    names = {
        "2025-10-01T12:00:00Z": "calendar_before_the_lapse.ics",
        "2025-12-01T12:00:00Z": "calendar_after_the_lapse_one_vanished_one_unknown.ics",
    }
    lines = [f"bea,release_calendar_ics,{FIXTURES / name},u,{when},capture" for when, name in names.items()]
    manifest.write_text("source,dataset,file,url,fetched_at,note\n" + "\n".join(lines) + "\n", encoding="utf-8")
    archive, modules = Archive(tmp_path / "archive"), load_room("bea")
    list(ReplayFetcher(manifest).fetch(modules, archive))
    outcomes = list(land(modules, archive, tmp_path / "landing"))
    assert [(outcome.rows, outcome.quarantined) for outcome in outcomes] == [
        ({"release_event": 4}, 0),
        ({"release_event": 3}, 3),
    ]
    files = [str(path) for path in landed_files(tmp_path / "landing", "bea", "release_event")]
    rows = duckdb.sql(
        f"""
        SELECT release_id, reference_period, event, strftime(event_at AT TIME ZONE 'UTC', '%m-%d %H:%M')
        FROM read_parquet({files})
        ORDER BY fetched_at, release_id, reference_period
        """
    ).fetchall()
    assert rows == [
        ("gdp_second", "2025-Q3", "scheduled", "11-26 13:30"),
        ("gdp_third", "2025-Q3", "scheduled", "12-19 13:30"),
        ("personal_income_outlays", "2025-09", "scheduled", "10-31 12:30"),
        ("personal_income_outlays", "2025-10", "scheduled", "11-26 13:30"),
        ("gdp_second", "2025-Q3", "rescheduled", "12-23 13:30"),
        ("gdp_third", "2025-Q3", "scheduled", "12-19 13:30"),
        ("personal_income_outlays", "2025-09", "rescheduled", "12-05 15:00"),
    ]
    suite = next(suite for suite in SUITES if suite.name == "bea_release_event")
    metrics = duckdb.sql(suite.metrics.replace("{rows}", f"read_parquet({files})")).df().set_index("release_id")
    assert metrics["n_vanished"].to_dict() == {
        "gdp": 0,
        "personal_income_outlays": 0,
    }  # October was due before the second capture


def test_the_suite_tells_of_a_planned_release_that_left_and_of_forms_that_disagree(tmp_path: Path) -> None:
    first = (FIXTURES / "calendar_before_the_lapse.ics").read_bytes()
    second = b"BEGIN:VEVENT".join(part for part in first.split(b"BEGIN:VEVENT") if b"Third" not in part) + b"END:VCALENDAR\r\n"
    archive, modules = Archive(tmp_path / "archive"), load_room("bea")
    for payload, dataset, when in (
        (first, "release_calendar_ics", "2025-10-01T12:00:00Z"),
        (second, "release_calendar_ics", "2025-10-02T12:00:00Z"),
        ((FIXTURES / "release_dates_one_without_zone.json").read_bytes(), "release_dates_json", "2025-12-11T12:00:00Z"),
    ):
        archive.store(payload, source="bea", dataset=dataset, url=dataset, fetched_at=parse_instant(when), origin="replay")
    assert [outcome.error for outcome in land(modules, archive, tmp_path / "landing")] == [None] * 3
    files = [str(path) for path in landed_files(tmp_path / "landing", "bea", "release_event")]
    suite = next(suite for suite in SUITES if suite.name == "bea_release_event")
    metrics = duckdb.sql(suite.metrics.replace("{rows}", f"read_parquet({files})")).df().set_index("release_id")
    assert metrics.loc["gdp", "n_vanished"] == 1
    assert metrics.loc["personal_income_outlays", "n_vanished"] == 0
    assert metrics.loc["gdp", "n_differing"] == 3  # 11-26 in one form; 12-23 and 01-22 in the other
    assert metrics.loc["gdp", "n_announced_after_fetch"] == 0


def test_what_the_calendar_does_not_say_plainly_goes_to_quarantine() -> None:
    landed = fixture("calendar_after_the_lapse_one_vanished_one_unknown.ics", "release_calendar_ics", "2025-12-01T12:00:00Z")
    assert [(place, reason) for place, reason, _ in landed.quarantine] == [
        ("event 4", "the title names no estimate that the catalogue knows"),
        ("event 5", "the release is not in the catalogue (assets/bea/series.yml, calendar)"),
        ("event 6", "the title names no month with its year"),
    ]
    assert len(events(landed)) == 3


def test_the_stamp_of_a_row_is_bounded_by_our_fetch() -> None:
    rows = events(fixture("calendar_before_the_lapse.ics", "release_calendar_ics", "2025-09-01T00:00:00Z"))
    assert {row["announced_at"] for row in rows.values()} == {at("2025-09-01 00:00")}


CALENDAR = (FIXTURES / "calendar_before_the_lapse.ics").read_bytes()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (CALENDAR[:700], "not one whole iCalendar"),
        (b"", "not one whole iCalendar"),
        (b"<html></html>", "not one whole iCalendar"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "says nothing of any release"),
        (CALENDAR.replace(b"Personal", b"Impersonal").replace(b"Gross", b"Net"), "no event of the calendar can be used"),
    ],
    ids=["truncated", "nothing", "a page", "no event", "no known title"],
)
def test_a_broken_calendar_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        run(payload, "release_calendar_ics", "2025-10-01T12:00:00Z")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"DTSTART;VALUE=DATE-TIME:20251031T123000Z", b"DTSTART;VALUE=DATE-TIME:soon", "the property DTSTART cannot be read"),
        (b"DTSTART;VALUE=DATE-TIME:20251031T123000Z", b"DTSTART;VALUE=DATE:20251031", "a date or an instant without a zone"),
        (b"DTSTART;VALUE=DATE-TIME:20251031T123000Z\r\n", b"", "the event has no DTSTART"),
        (b"SEQUENCE:0", b"SEQUENCE:first", "the property SEQUENCE cannot be read"),
    ],
)
def test_a_damaged_row_goes_to_quarantine_alone(old: bytes, new: bytes, reason: str) -> None:
    landed = run(CALENDAR.replace(old, new, 1), "release_calendar_ics", "2025-10-01T12:00:00Z")
    assert ("personal_income_outlays", "2025-09") not in events(landed)
    assert len(events(landed)) == 3
    ((place, why, _),) = landed.quarantine
    assert place == "event 1"
    assert reason in why


def test_of_two_rows_of_one_release_the_newer_one_counts() -> None:
    again = CALENDAR.replace(b"Personal Income and Outlays\\, October", b"Personal Income and Outlays\\, September")
    torn = run(again, "release_calendar_ics", "2025-10-01T12:00:00Z")
    assert ("personal_income_outlays", "2025-09") not in events(torn)
    assert [place for place, _, _ in torn.quarantine] == ["event 1", "event 2"]
    settled = run(again.replace(b"SEQUENCE:0", b"SEQUENCE:1", 1), "release_calendar_ics", "2025-10-01T12:00:00Z")
    assert events(settled)["personal_income_outlays", "2025-09"]["event_at"] == at("2025-10-31 12:30")
    assert [place for place, _, _ in settled.quarantine] == ["event 2"]


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(4)), again=st.integers(0, 3))
def test_the_order_and_the_repetition_of_events_do_not_matter(order: list[int], again: int) -> None:
    head, *blocks = CALENDAR.split(b"BEGIN:VEVENT")
    end = b"END:VCALENDAR\r\n"
    blocks = [block.removesuffix(end) for block in blocks]
    shuffled = b"BEGIN:VEVENT".join([head, *(blocks[place] for place in order), blocks[again]]) + end
    landed = run(shuffled, "release_calendar_ics", "2025-10-01T12:00:00Z")
    assert landed.quarantine == []
    assert events(landed) == events(run(CALENDAR, "release_calendar_ics", "2025-10-01T12:00:00Z"))


def test_release_dates_without_periods() -> None:
    landed = fixture("release_dates_one_without_zone.json", "release_dates_json", "2025-12-11T12:00:00Z")
    assert landed.release_event is not None
    rows = landed.release_event.to_pylist()
    assert [(row["release_id"], row["reference_period"], row["event_at"]) for row in rows] == [
        ("gdp", "", at("2025-12-23 13:30")),
        ("gdp", "", at("2026-01-22 13:30")),
        ("international_investment_position", "", at("2026-03-25 12:30")),
        ("international_transactions", "", at("2026-03-25 12:30")),
    ]
    assert rows[0]["announced_at"] == at("2025-12-10 13:00:42.402013")  # 08:00:42 in New York
    assert [(place, reason) for place, reason, _ in landed.quarantine] == [
        ("Gross Domestic Product", "the instant has no zone"),
        ("A New Satellite Account", "the release is not in the catalogue (assets/bea/series.yml, calendar)"),
    ]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "not one whole JSON"),
        (b"[]", "no object with file_last_updated"),
        (b'{"file_last_updated": "2025-12-10T08:00:42"}', "no date of a release that is followed"),
        (b'{"file_last_updated": "lately"}', "no instant"),
    ],
)
def test_broken_release_dates_are_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        run(payload, "release_dates_json")


# --- the tables of the accounts ------------------------------------------------------------------------------------------


def test_initial_and_updated_estimate() -> None:
    """The day of the last revision dates each vintage; its end in New York is the bound until the calendar has the hour."""
    gdp = ("bea.NIPA.T10101.A191RL.Q", "2025-09-30")
    for name, value, known in (("initial", 4.3, "2025-12-24 04:59"), ("updated", 4.4, "2026-01-23 04:59")):
        landed = fixture(f"nipa_{name}_estimate_2025q3.json", "nipa", "2026-02-01T00:00:00Z")
        assert landed.observation is not None
        assert landed.quarantine == []
        assert values(landed)[gdp] == value
        assert landed.observation.num_rows == 5  # the line "Goods" is not followed
        rows = landed.observation.to_pylist()
        assert {(row["known_at"], row["known_at_basis"], tuple(row["flags"])) for row in rows} == {
            (at(known), "provider", ("KNOWN_LATE",))
        }
    early = fixture("nipa_initial_estimate_2025q3.json", "nipa", "2025-12-23T15:05:00Z")
    assert early.observation is not None
    assert early.observation["known_at"][0].as_py() == at("2025-12-23 15:05")


def test_values_units_and_what_is_missing() -> None:
    landed = fixture("nipa_commas_na_and_an_annual_row.json", "nipa")
    series = "bea.NIPA.T10105.A191RC.Q"
    assert values(landed) == {
        (series, "2024-12-31"): 29825.182,
        (series, "2025-06-30"): 30485.729,
        (series, "2025-09-30"): None,
    }
    assert landed.observation is not None
    assert landed.series is not None
    assert landed.observation["obs_status"].to_pylist() == ["A", "A", "O"]
    assert landed.observation["period_start"].to_pylist()[1] == date(2025, 4, 1)
    assert [(place, reason) for place, reason, _ in landed.quarantine] == [
        ("Data[2]", "the period is of another length than the series (Q)"),
        ("Data[3]", "the value 'n/a yet' is not a number"),
        ("Data[6]", "the answer has several values for this period"),
        ("Data[7]", "the answer has several values for this period"),
    ]
    (row,) = landed.series.to_pylist()
    assert (row["unit"], row["frequency"], row["release_id"]) == ("USD bn, annual rate", "Q", "gdp")


def test_international_tables() -> None:
    landed = fixture("ita_balances_one_suppressed.json", "ita", "2025-09-23T13:00:00Z")
    assert values(landed)["bea.ITA.BalCurrAcct.AllCountries.QSA", "2025-06-30"] == -251.314
    assert landed.observation is not None
    hidden = landed.observation.to_pylist()[0]
    assert (hidden["value"], hidden["obs_status"]) == (None, "Q")
    assert (hidden["known_at"], hidden["known_at_basis"]) == (at("2025-09-23 13:00"), "first_seen")
    position = fixture("iip_one_object_without_results.json", "iip")
    assert values(position) == {("bea.IIP.Net.Pos.QNSA", "2025-06-30"): -26139.741}


def nipa(**changes: Any) -> dict[str, Any]:
    """Return the answer of the Initial Estimate with its first row changed; None takes a column away."""
    answer = json.loads((FIXTURES / "nipa_initial_estimate_2025q3.json").read_text())
    row = answer["BEAAPI"]["Results"]["Data"][0]
    row.update(changes)
    for name in [name for name, value in changes.items() if value is None]:
        del row[name]
    return answer


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"TimePeriod": "2025Q5"}, "the period '2025Q5' cannot be read"),
        ({"TimePeriod": "2026Q4"}, "the period begins after the fetch"),
        ({"DataValue": "1,23.4"}, "is not a number"),
        ({"DataValue": ""}, "is not a number"),
        ({"DataValue": "-"}, "is not a number"),
        ({"DataValue": None}, "is not a number"),
        ({"UNIT_MULT": "many"}, "is not a number"),
        ({"UNIT_MULT": None}, "is not a number"),
    ],
)
def test_a_row_that_cannot_be_read_goes_to_quarantine_alone(changes: dict[str, Any], reason: str) -> None:
    landed = run(json.dumps(nipa(**changes)).encode(), "nipa")
    assert len(values(landed)) == 4
    ((place, why, _),) = landed.quarantine
    assert place == "Data[0]"
    assert reason in why


def test_a_new_column_changes_nothing() -> None:
    landed = run(json.dumps(nipa(Vintage="Initial")).encode(), "nipa")
    assert values(landed)["bea.NIPA.T10101.A191RL.Q", "2025-03-31"] == -0.6
    assert landed.quarantine == []


def without(column: str) -> bytes:
    answer = nipa()
    for row in answer["BEAAPI"]["Results"]["Data"]:
        del row[column]
    return json.dumps(answer).encode()


def with_results(**parts: Any) -> bytes:
    answer = nipa()
    answer["BEAAPI"]["Results"].update(parts)
    return json.dumps(answer).encode()


WHOLE = (FIXTURES / "nipa_initial_estimate_2025q3.json").read_bytes()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (WHOLE[:900], "not one whole JSON"),
        (b"<html>", "not one whole JSON"),
        (b"{}", "has no BEAAPI"),
        (with_results(Data=[]), "has no Data"),
        (with_results(Data="none"), "has no Data"),
        (without("DataValue"), "have no DataValue"),
        (without("SeriesCode"), "have no SeriesCode"),
        (json.dumps(nipa(TableName="T99999")).encode(), "does not know the table T99999"),
        (json.dumps(nipa(CL_UNIT="Level")).encode(), "comes in 'Level', expected 'Percent change, annual rate'"),
        (WHOLE.replace(b"DPCERL", b"XXXXRL"), "has no row of bea.NIPA.T10101.DPCERL.Q"),
        (WHOLE.replace(b"December 23, 2025", b"Brumaire 2, 2025"), "cannot be read"),
        (WHOLE.replace(b"December 23, 2025", b"December 23, 2027"), "after it was fetched"),
        ((FIXTURES / "api_error_in_results.json").read_bytes(), r"BEA reports error 4: .*\(Table T99999 is unknown"),
        ((FIXTURES / "api_error_invalid_key.json").read_bytes(), "BEA reports error 3: The BEA API UserID"),
    ],
    ids=[
        "truncated", "a page", "another layout", "empty", "no list", "no value column", "no code column", "unknown table",
        "another unit", "a series vanished", "no day", "a day ahead", "error at 200", "error at the top",
    ],
)  # fmt: skip
def test_an_answer_of_another_kind_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        run(payload, "nipa")


@settings(max_examples=60, deadline=None)
@given(number=st.integers(-(10**12), 10**12), power=st.integers(0, 9))
def test_a_number_with_separators_and_a_multiplier_keeps_its_value(number: int, power: int) -> None:
    answer = nipa(DataValue=f"{number:,}", UNIT_MULT=str(power))
    landed = run(json.dumps(answer).encode(), "nipa")
    assert values(landed)["bea.NIPA.T10101.A191RL.Q", "2025-03-31"] == float(number * 10**power)


# --- requests, key and sample --------------------------------------------------------------------------------------------


def test_a_key_widens_and_never_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDERTOW_BEA_KEY", raising=False)
    keyless, keyed = Settings(), Settings(bea_key=SecretStr("ABCDEF01-2345-6789-abcd-ef0123456789"))
    today = date(2026, 11, 21)
    assert [request.dataset for request in requests(keyless, today)] == ["release_calendar_ics", "release_dates_json"]
    asked = list(requests(keyed, today))
    assert [request.dataset for request in asked][2:] == ["nipa"] * 4 + ["ita", "iip"]
    assert {request.params["TableName"] for request in asked if request.dataset == "nipa"} == set(CATALOGUE["nipa"])
    assert {table: facts["frequency"] for table, facts in CATALOGUE["nipa"].items()} == NIPA_TABLES
    assert set(ITA_INDICATORS) == set(CATALOGUE["ita"]["series"])
    shown = [address(request) for request in asked]
    assert not any("abcd" in line.lower() for line in shown)
    assert "TableName=T10101" in shown[2]
    # the answer repeats the key in capitals
    assert "ABCDEF01-2345-6789-ABCD-EF0123456789" in asked[2].secrets
    (sentence,) = LiveFetcher(keyless).notes(["bea", "ecb"])
    assert "UNDERTOW_BEA_KEY" in sentence
    assert notes(keyed) == LiveFetcher(keyed).notes(["bea"]) == []


def test_the_sample_is_whole_and_shows_how_estimates_replace_each_other() -> None:
    modules = load_room("bea")
    samples = list(payloads())
    assert samples == list(payloads())
    assert {sample.dataset for sample in samples} == {"nipa", "ita", "iip"}
    found: dict[str, dict[str, float | None]] = {}
    series = set()
    for sample in samples:
        landed = run(sample.content, sample.dataset, sample.fetched_at)
        assert landed.quarantine == []
        assert landed.observation is not None
        assert landed.series is not None
        assert landed.observation.num_rows <= 200
        series |= set(landed.series["series_id"].to_pylist())
        told = {end: value for (name, end), value in values(landed).items() if name == "bea.NIPA.T10101.A191RL.Q"}
        if told:
            found[sample.fetched_at[:10]] = told
    assert len(series) == 20
    assert "2025-09-30" not in found["2025-09-25"]
    assert found["2025-12-23"]["2025-09-30"] != found["2026-01-22"]["2025-09-30"]
    assert found["2025-12-23"]["2025-06-30"] == found["2026-01-22"]["2025-06-30"]
    assert modules.samples is not None
    assert {dataset.name for dataset in ROOM.datasets} >= {sample.dataset for sample in modules.samples()}


def test_landed_rows_fit_the_shared_schemas() -> None:
    landed = fixture("nipa_initial_estimate_2025q3.json", "nipa")
    assert landed.observation is not None
    with pytest.raises(Exception, match="columns missing"):
        validate("observation", landed.observation)  # without provenance, which the landing writer adds


def test_the_generated_transactions_add_up() -> None:
    """Current account from its balances, and with the capital account less the financial one the discrepancy, turned round."""
    checked_quarters = 0
    for sample in payloads():
        if sample.dataset != "ita":
            continue
        sighting = Sighting("bea", "ita", sample.url, parse_instant(sample.fetched_at), "0" * 64, 1, "synthetic")
        told = values(parse(sample.content, sighting, CATALOGUE))
        of = {name.split(".")[2]: {} for name, _ in told}
        for (name, end), value in told.items():
            of[name.split(".")[2]][end] = value
        for end, account in of["BalCurrAcct"].items():
            parts = sum(of[name][end] for name in ("BalGds", "BalServ", "BalPrimInc", "BalSecInc"))
            assert account == pytest.approx(parts, abs=1e-9)
            assert account < 0  # a deficit
            left = account + of["BalCapAcct"][end] - of["NetLendBorrFinAcct"][end]
            assert left == pytest.approx(-of["StatDisc"][end], abs=1e-9)
            checked_quarters += 1
    assert checked_quarters > 20
