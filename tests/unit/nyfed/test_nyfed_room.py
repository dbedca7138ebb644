"""The New York Fed room: genuine answers where they are at hand, hand-made ones in their exact format, and planted faults."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.nyfed import API_URL, RATES
from assets.nyfed.fetch import requests
from assets.nyfed.parse import is_exercise, parse, rules
from assets.nyfed.sample import operation, operations, payloads, rate_row, rates
from expectations.nyfed import SUITES
from tests.unit.core.test_xlsx import workbook
from undertow.archive import Sighting
from undertow.calendars import business_days, is_business_day
from undertow.errors import ParseError
from undertow.http import address
from undertow.instants import parse_instant
from undertow.room import Landed, load_room
from undertow.schemas import validate
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "nyfed"
SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "nyfed"
CATALOGUE = load_room("nyfed").catalogue()
SEARCH = f"{API_URL}rates/secured/sofr/search.json"


def shared(name: str) -> bytes:
    path = SHARED / name
    if not path.is_file():
        pytest.skip("the shared genuine payloads are not here")
    return path.read_bytes()


def run(payload: bytes, dataset: str, fetched_at: str = "2026-10-31T12:00:00Z", url: str = "u") -> Landed:
    sighting = Sighting("nyfed", dataset, url, parse_instant(fetched_at), "0" * 64, len(payload), "replay")
    return parse(payload, sighting, CATALOGUE)


def fixture(name: str, dataset: str, fetched_at: str = "2026-10-31T12:00:00Z", url: str = "u") -> Landed:
    return run((FIXTURES / name).read_bytes(), dataset, fetched_at, url)


def rows(landed: Landed) -> dict[tuple[str, str], dict[str, Any]]:
    assert landed.observation is not None
    return {(row["series_id"], row["period_end"].isoformat()): row for row in landed.observation.to_pylist()}


def values(landed: Landed) -> dict[str, float | None]:
    """Return the values of an answer about one day."""
    return {series: row["value"] for (series, _), row in rows(landed).items()}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- rates ---------------------------------------------------------------------------------------------------------------


def test_a_rate_with_its_percentiles_is_known_on_the_next_business_day() -> None:
    landed = run(shared("lhm_rates_secured_sofr_last_500_json.json"), "sofr", "2025-11-21T15:00:00Z")
    found = rows(landed)
    assert len(found) == 3000
    assert landed.quarantine == []
    names = ("nyfed.SOFR:p1", "nyfed.SOFR:p25", "nyfed.SOFR", "nyfed.SOFR:p75", "nyfed.SOFR:p99", "nyfed.SOFR:volume")
    assert [found[name, "2025-10-31"]["value"] for name in names] == [4.05, 4.15, 4.22, 4.29, 4.35, 3211]
    assert found["nyfed.SOFR", "2025-10-31"]["known_at"] == utc("2025-11-03T13:00")  # a Monday, after the clocks changed
    assert found["nyfed.SOFR", "2025-10-30"]["known_at"] == utc("2025-10-31T12:00")
    assert {row["known_at_basis"] for row in found.values()} == {"lag_rule"}


def test_what_was_fetched_before_its_hour_is_known_by_the_fetch() -> None:
    found = rows(run(shared("lhm_rates_secured_sofr_last_10_json.json"), "sofr", "2025-11-21T12:59:00Z"))
    assert found["nyfed.SOFR", "2025-11-20"]["known_at"] == utc("2025-11-21T12:59")
    assert found["nyfed.SOFR", "2025-11-20"]["known_at_basis"] == "first_seen"
    assert found["nyfed.SOFR", "2025-11-19"]["known_at_basis"] == "lag_rule"


def test_unsecured_rates_come_an_hour_later_also_on_good_friday() -> None:
    found = rows(run(shared("lhm_rates_unsecured_effr_last_500_json.json"), "effr", "2025-11-21T15:00:00Z"))
    assert found["nyfed.EFFR", "2025-04-17"]["known_at"] == utc("2025-04-18T13:00")
    assert ("nyfed.EFFR", "2025-04-18") in found
    assert [found[f"nyfed.EFFR:{name}", "2025-11-20"]["value"] for name in ("target_from", "target_to", "volume")] == [
        3.75,
        4.0,
        75,
    ]
    secured = rows(run(shared("lhm_rates_secured_sofr_last_500_json.json"), "sofr", "2025-11-21T15:00:00Z"))
    assert ("nyfed.SOFR", "2025-04-18") not in secured
    assert secured["nyfed.SOFR", "2025-04-17"]["known_at"] == utc("2025-04-21T12:00")


@pytest.mark.parametrize(
    ("name", "calendar", "n_days"),
    [
        ("lhm_rates_secured_sofr_last_500_json.json", "SOFR", 500),
        ("sofr_2018-08-10_2018-11-28_rateonly.json", "SOFR", 75),
        ("sofr_2019-07-17_2019-10-31.json", "SOFR", 75),
        ("sofr_2025-10-20_2026-02-06.json", "SOFR", 75),
        ("sofr_2026-09-04_2026-10-08_rateonly.json", "SOFR", 24),
        ("lhm_rates_unsecured_effr_last_500_json.json", "FED", 500),
        ("lhm_rates_unsecured_obfr_last_500_json.json", "FED", 500),
    ],
)
def test_the_calendars_are_those_of_genuine_answers(name: str, calendar: str, n_days: int) -> None:
    """Holiday by holiday: every day of the calendar has a rate, and no other has."""
    days = sorted(date.fromisoformat(row["effectiveDate"]) for row in json.loads(shared(name))["refRates"])
    assert len(days) == n_days
    assert days == business_days(calendar, days[0], days[-1])


def test_operations_keep_the_calendar_of_secured_rates() -> None:
    days = {
        date.fromisoformat(row["date"][:10])
        for row in csv.DictReader(gzip.decompress(shared("jaggerxtrm_nyfed_repo_ops.csv.gz")).decode().splitlines())
    }
    assert len(days) == 972
    assert sorted(days) == business_days("SOFR", min(days), max(days))


@pytest.mark.parametrize(
    ("day", "is_sofr", "is_fed"),
    [
        ("2023-04-07", False, True),  # Good Friday, though bonds traded until noon
        ("2025-04-18", False, True),  # Good Friday
        ("2025-06-19", False, False),  # Juneteenth
        ("2025-01-09", True, True),  # a day of mourning: federal offices closed, markets open
        ("2025-10-13", False, False),  # Columbus Day
        ("2025-11-28", True, True),  # the day after Thanksgiving
    ],
)
def test_holidays(day: str, is_sofr: bool, is_fed: bool) -> None:
    asked = date.fromisoformat(day)
    assert (is_business_day("SOFR", asked), is_business_day("FED", asked)) == (is_sofr, is_fed)


def test_a_missing_volume_is_no_row_and_not_a_null() -> None:
    names = {name for name, _ in rows(run(shared("sofr_2018-08-10_2018-11-28_rateonly.json"), "sofr"))}
    assert names == {"nyfed.SOFR", "nyfed.SOFR:p1", "nyfed.SOFR:p25", "nyfed.SOFR:p75", "nyfed.SOFR:p99"}


def test_equal_percentiles_stand() -> None:
    found = rows(run(shared("sofr_2019-07-17_2019-10-31.json"), "sofr"))
    assert found["nyfed.SOFR", "2019-09-30"]["value"] == found["nyfed.SOFR:p25", "2019-09-30"]["value"] == 2.35
    assert found["nyfed.SOFR", "2019-09-17"]["value"] == 5.25


def test_a_rate_that_was_published_again_counts_from_the_afternoon() -> None:
    found = rows(fixture("rates_revised_on_the_day.json", "sofr"))
    revised, plain = found["nyfed.SOFR", "2025-04-22"], found["nyfed.SOFR", "2025-04-21"]
    assert (revised["known_at"], revised["footnotes"]) == (utc("2025-04-23T18:30"), ["revisionIndicator r"])
    assert (plain["known_at"], plain["footnotes"]) == (utc("2025-04-22T12:00"), [])


def test_rates_before_the_documented_hours_say_so() -> None:
    landed = run(rates([rate_row("EFFR", date(2008, 9, 12))]), "effr")
    assert rows(landed)["nyfed.EFFR", "2008-09-12"]["flags"] == ["LOOKAHEAD_RISK"]


# --- what is not there: told apart ---------------------------------------------------------------------------------------


def test_an_empty_answer_is_right_for_a_holiday_and_wrong_for_a_business_day() -> None:
    def empty(first: str, last: str, fetched_at: str = "2025-11-21T15:00:00Z") -> Landed:
        return fixture("rates_empty.json", "sofr", fetched_at, f"{SEARCH}?startDate={first}&endDate={last}")

    for days in (("2025-04-18", "2025-04-20"), ("2025-11-27", "2025-11-27")):
        landed = empty(*days, fetched_at="2026-01-05T15:00:00Z")
        assert (landed.observation.num_rows, landed.quarantine) == (0, [])  # ty: ignore[unresolved-attribute]
    assert empty("2025-11-21", "2025-11-21").observation.num_rows == 0, "not out yet"  # ty: ignore[unresolved-attribute]
    with pytest.raises(ParseError, match="no rows, though sofr of 1 business days from 2025-04-17 to 2025-04-17 was out"):
        empty("2025-04-17", "2025-04-20")
    with pytest.raises(ParseError, match="newest ones were asked for"):
        fixture("rates_empty.json", "sofr", url=f"{API_URL}rates/secured/sofr/last/10.json")


def test_an_empty_answer_of_operations() -> None:
    def empty(day: str) -> Landed:
        url = f"{API_URL}rp/results/search.json?startDate={day}&endDate={day}"
        return run(b'{"repo": {"operations": []}}', "repo_operations", "2025-11-21T15:00:00Z", url)

    assert empty("2025-04-18").observation.num_rows == 0  # ty: ignore[unresolved-attribute]
    assert empty("2025-11-21").observation.num_rows == 0, "the day is not over"  # ty: ignore[unresolved-attribute]
    with pytest.raises(ParseError, match="no rows, though repo_operations of 1 business days from 2025-11-20"):
        empty("2025-11-20")


def test_the_genuine_empty_answer() -> None:
    payload = shared("lhm_rates_secured_sofr_search_json.json")
    assert run(payload, "sofr", url=f"{SEARCH}?startDate=2025-11-22&endDate=2025-11-23").quarantine == []


def test_a_missing_business_day_is_named_and_a_holiday_is_not() -> None:
    landed = fixture("rates_holiday_and_a_missing_business_day.json", "sofr")
    assert landed.quarantine == [("refRates, SOFR on 2025-04-16", "a business day without a row, and no holiday", "")]
    assert ("nyfed.SOFR", "2025-04-16") not in rows(landed)


def test_another_layout_is_refused_and_a_new_key_is_named() -> None:
    with pytest.raises(ParseError, match="no percentPercentile25 and unknown keys percentile25: another layout"):
        fixture("rates_a_key_renamed.json", "sofr")
    row = {**rate_row("SOFR", date(2026, 10, 29)), "medianAge": 3.0}
    landed = run(rates([row]), "sofr")
    assert landed.quarantine[0][1] == "unknown keys, not read: medianAge"
    assert len(rows(landed)) == 6


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"<html>", "not JSON"),
        (b'{"rates": []}', r"no refRates; at that level it has \['rates'\]"),
        (b'{"refRates": {}}', "refRates is dict, not a list"),
        (b'{"refRates": [{"effectiveDate": "2026-10-29", "type": "SOFR", "percentRate": NaN}]}', "not a number"),
        (b'{"refRates": [{"effectiveDate": "2026-10-29", "type": "SOFR", "percentRate": "much"}]}', "no row of the answer"),
        (b'{"refRates": [{"effectiveDate": "29.10.2026", "type": "SOFR", "percentRate": 1}]}', "'29.10.2026' is not a date"),
        (b'{"refRates": [{"effectiveDate": "2026-11-30", "type": "SOFR", "percentRate": 1}]}', "is after the fetch"),
        (b'{"refRates": [{"effectiveDate": "2026-10-29", "type": "LIBOR", "percentRate": 1}]}', "'LIBOR' is not known"),
    ],
)
def test_what_is_no_answer(payload: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        run(payload, "sofr")


def test_two_rows_of_a_day_that_differ() -> None:
    row = rate_row("SOFR", date(2026, 10, 29))
    assert len(rows(run(rates([row, row]), "sofr"))) == 6
    with pytest.raises(ParseError, match="two rows of SOFR on 2026-10-29 and they differ"):
        run(rates([row, {**row, "percentRate": 9.0}]), "sofr")


def test_averages_of_sofr() -> None:
    payload = b'{"refRates": [{"effectiveDate": "2026-10-29", "type": "SOFRAI", "average30day": 3.71234, "index": 1.24}]}'
    found = rows(run(payload, "sofrai"))
    assert {name: row["value"] for (name, _), row in found.items()} == {
        "nyfed.SOFRAI:average30day": 3.71234,
        "nyfed.SOFRAI:index": 1.24,
    }
    assert {row["known_at_basis"] for row in found.values()} == {"first_seen"}


# --- operations ----------------------------------------------------------------------------------------------------------


def test_the_reverse_repos_of_a_day_with_a_small_value_exercise() -> None:
    """2024-10-16: 272.072 with the exercise, 272.028 without; the older generation of standing repos; who lent."""
    found = values(run(shared("rp_results_2024-10-16_with_small_value_exercise.json"), "repo_operations"))
    assert (found["nyfed.ON_RRP:accepted"], found["nyfed.RRP:sve"]) == (272.028, 0.044)
    assert (found["nyfed.SRF:accepted"], found["nyfed.SRF:offering_rate"]) == (0.001, 5.0)
    lent = [found[f"nyfed.ON_RRP:accepted:{who}"] for who in ("bank", "gse", "mmf", "pd")]
    assert lent == [0.0, 23.357, 248.67, 0.001]


def test_two_operations_of_the_newer_generation_are_summed() -> None:
    landed = run(shared("rp_results_2026-09-15.json"), "repo_operations")
    found = values(landed)
    assert (found["nyfed.SRF:accepted"], found["nyfed.SRF:accepted:treasury"], found["nyfed.SRF:accepted:mbs"]) == (
        0.102,
        0.101,
        0.001,
    )
    assert (found["nyfed.ON_RRP:accepted"], found["nyfed.ON_RRP:offering_rate"], found["nyfed.SRF:offering_rate"]) == (
        0.7,
        3.5,
        3.75,
    )
    assert "nyfed.ON_RRP:accepted:mmf" not in found, "who lent is added a quarter later"
    assert rows(landed)["nyfed.SRF:accepted", "2026-09-15"]["known_at"] == utc("2026-09-15T17:45:41"), "the later of the two"
    assert rows(landed)["nyfed.SRF:accepted", "2026-09-15"]["known_at_basis"] == "provider"


def test_an_exercise_and_two_facilities_of_a_hand_made_day() -> None:
    found = values(fixture("operations_two_facilities_and_an_exercise.json", "repo_operations"))
    assert found["nyfed.SRF:accepted"] == 3.751
    assert [found[f"nyfed.SRF:accepted:{name}"] for name in ("treasury", "agency", "mbs")] == [3.5, 0.001, 0.25]
    assert (found["nyfed.RP:sve"], found["nyfed.ON_RRP:accepted"], found["nyfed.ON_RRP:counterparties"]) == (0.009, 0.64, 2)


def test_notes_of_real_exercises() -> None:
    """Every way in which genuine notes say it, and notes that speak of other things."""
    sources = ("repo", "rrp")
    notes = defaultdict(set)
    for name in sources:
        table = gzip.decompress(shared(f"jaggerxtrm_nyfed_{name}_ops.csv.gz")).decode().splitlines()
        for row in csv.DictReader(table):
            notes[is_exercise(row["note"])].add(row["date"][:10])
    assert notes[True] >= {"2022-04-11", "2022-09-08", "2023-11-15", "2024-05-09", "2025-01-24", "2025-02-26", "2025-03-05"}
    assert len(notes[True]) < 25 < len(notes[False])
    limit = (
        "Today's afternoon SRF operation will have an aggregate operation limit of $500 billion, which is $500 billion less."
    )
    assert not is_exercise(limit)


def test_a_day_that_is_not_over_is_preliminary_and_a_late_stamp_is_a_bound() -> None:
    day = date(2026, 10, 29)
    one = operation(day, 2, "Repo", "Full Allotment", ("08:15", "08:30"), {"Treasury": 10**9}, rate=4.0)
    early = rows(run(operations([one]), "repo_operations", "2026-10-29T14:00:00Z"))
    assert early["nyfed.SRF:accepted", "2026-10-29"]["flags"] == ["PRELIMINARY"]
    late = rows(run(operations([{**one, "lastUpdated": "2026-10-30 09:29:30"}]), "repo_operations"))
    assert late["nyfed.SRF:accepted", "2026-10-29"]["flags"] == ["KNOWN_LATE"]
    assert late["nyfed.SRF:accepted", "2026-10-29"]["known_at"] == utc("2026-10-30T13:29:30")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"auctionStatus": "Announced"}, "has no results yet: Announced"),
        ({"operationMethod": "Dutch"}, "Repo, Dutch is of a kind that is not known"),
        ({"totalAmtAccepted": None}, "None is not an amount"),
        ({"totalAmtAccepted": -1}, "-1 is not an amount"),
        ({"lastUpdated": "yesterday"}, "not an instant"),
        ({"details": [{"securityType": "Gold", "amtAccepted": 1}]}, r"collateral \['Gold'\] is not known"),
    ],
)
def test_a_day_of_which_an_operation_cannot_be_read_has_no_sums(change: dict[str, Any], words: str) -> None:
    bad, good = date(2026, 10, 28), date(2026, 10, 29)
    made = [operation(day, number, "Repo", "Full Allotment", ("08:15", "08:30"), {"Treasury": 10**9}, rate=4.0)
            for number, day in ((1, bad), (2, bad), (3, good))]  # fmt: skip
    landed = run(operations([{**made[0], **change}, *made[1:]]), "repo_operations")
    assert {day for _, day in rows(landed)} == {"2026-10-29"}
    (fault,) = landed.quarantine
    assert re.search(words, fault[1])


def test_parts_that_do_not_add_up_are_suspect() -> None:
    one = operation(date(2026, 10, 29), 1, "Repo", "Full Allotment", ("08:15", "08:30"), {"Treasury": 10**9}, rate=4.0)
    landed = run(operations([{**one, "totalAmtAccepted": 2 * 10**9}]), "repo_operations")
    assert rows(landed)["nyfed.SRF:accepted", "2026-10-29"]["flags"] == ["SUSPECT"]


def test_an_overnight_repo_before_the_facility_and_a_term_repo_are_no_take_up() -> None:
    before = operation(date(2019, 9, 18), 1, "Repo", "Multiple Price", ("08:15", "08:30"), {"Treasury": 75 * 10**9}, rate=2.1)
    term = {
        **operation(date(2026, 10, 29), 1, "Repo", "Full Allotment", ("08:15", "08:30"), {"Treasury": 10**9}, rate=4.0),
        "term": "Term",
    }
    found = rows(run(operations([before, term]), "repo_operations"))
    assert {key: row["value"] for key, row in found.items()} == {
        ("nyfed.RP:other", "2019-09-18"): 75.0,
        ("nyfed.RP:other", "2026-10-29"): 1.0,
    }


# --- holdings, dealers, elasticity ---------------------------------------------------------------------------------------


def test_holdings_are_texts_in_dollars_and_known_after_the_balance_sheet() -> None:
    landed = run(shared("lhm_soma_summary_json.json"), "soma_summary", "2025-11-21T15:00:00Z")
    found = rows(landed)
    assert found["nyfed.SOMA:bills", "2025-11-19"]["value"] == 195.4929267
    assert found["nyfed.SOMA:total", "2003-07-09"]["value"] == 650.982322
    assert ("nyfed.SOMA:frn", "2003-07-09") not in found
    # a Wednesday is in Thursday's balance sheet, and counts from the business day after that; of the newest, our fetch was earlier
    assert found["nyfed.SOMA:total", "2025-11-12"]["known_at"] == utc("2025-11-14T21:30")
    assert found["nyfed.SOMA:total", "2025-11-19"]["known_at"] == utc("2025-11-21T15:00")
    assert {tuple(row["flags"]) for row in found.values()} == {("KNOWN_LATE",)}
    assert landed.quarantine == []
    not_wednesday = {day for _, day in found if date.fromisoformat(day).weekday() != 2}
    assert len(not_wednesday) == 14


def test_the_total_does_not_hold_the_compensation_for_inflation() -> None:
    landed = fixture("soma_none_of_a_kind.json", "soma_summary")
    found = rows(landed)
    parts = ("bills", "notesbonds", "tips", "frn", "mbs", "cmbs", "agencies")
    total = sum(Decimal(str(found[f"nyfed.SOMA:{part}", "2025-11-19"]["value"])) for part in parts)
    assert round(total, 6) == round(Decimal(str(found["nyfed.SOMA:total", "2025-11-19"]["value"])), 6)
    assert ("nyfed.SOMA:agencies", "2009-11-10") not in found
    assert [fault[0] for fault in landed.quarantine] == ["soma.summary[2]"]


def test_primary_dealers() -> None:
    found = rows(fixture("dealers_one_suppressed.json", "primary_dealer"))
    value, suppressed = (found["nyfed.PDPOSGST-TOT", day] for day in ("2025-11-05", "2025-11-12"))
    assert (value["value"], value["obs_status"], value["known_at_basis"]) == (341267.0, "A", "first_seen")
    assert (suppressed["value"], suppressed["obs_status"]) == (None, "Q")


def test_the_elasticity() -> None:
    landed = fixture("elasticity_five_percentiles.csv", "elasticity")
    found = rows(landed)
    names = ("RDE:p2_5", "RDE:p16", "RDE", "RDE:p84", "RDE:p97_5")
    assert [found[f"nyfed.{name}", "2025-07-11"]["value"] for name in names] == [-0.95, -0.55, -0.15, 0.2, 0.58]
    assert [fault[0] for fault in landed.quarantine] == ["line 4"]
    with pytest.raises(ParseError, match="no Date and no 50th percentile"):
        run(b"Date,Median\n2025-07-03,1\n", "elasticity")


def volumes(header: list[str], table: list[list[Any]]) -> bytes:
    """Return a workbook with a title row, a header and rows, as the quarterly statistics have them."""
    return workbook({"About": [["Notes"]], "Effective Federal Funds Rate": [["Summary statistics"], header, *table]})


def test_who_borrowed_federal_funds() -> None:
    header = ["Date", "Total Volume ", "FBO Volume", "Domestic Bank Volume"]
    landed = run(volumes(header, [[45748, 100, 92, 8], [], [45749, 101.5, None, 9.5], ["soon", 1, 1, 1]]), "fr2420")
    found = {(series.removeprefix("nyfed.FR2420:"), day): row["value"] for (series, day), row in rows(landed).items()}
    assert found == {
        ("effr_total", "2025-04-01"): 100, ("effr_fbo", "2025-04-01"): 92, ("effr_domestic", "2025-04-01"): 8,
        ("effr_total", "2025-04-02"): 101.5, ("effr_domestic", "2025-04-02"): 9.5,
    }  # fmt: skip
    assert [fault[:2] for fault in landed.quarantine] == [("Effective Federal Funds Rate, row 6", "'soon' is not a date")]
    with pytest.raises(ParseError, match="has the columns Date, Total Volume, FBO Volume, Domestic Bank Volume"):
        run(volumes(["Date", "Volume"], [[45748, 1]]), "fr2420")


# --- calendar, requests, sample, suite -----------------------------------------------------------------------------------


def test_the_rule_names_each_business_day_and_its_hour() -> None:
    events = {(row["release_id"], row["reference_period"]): row["event_at"] for row in rules(2025).to_pylist()}
    assert validate("release_event", _with_provenance(rules(2025))).num_rows == len(events) == 499
    assert events["nyfed_secured_rates", "2025-10-31"] == utc("2025-11-03T13:00")
    assert events["nyfed_unsecured_rates", "2025-04-17"] == utc("2025-04-18T13:00")
    assert events["nyfed_secured_rates", "2025-04-17"] == utc("2025-04-21T12:00")
    assert ("nyfed_secured_rates", "2025-04-18") not in events
    assert ("nyfed_secured_rates", "2025-06-19") not in events
    assert rules(2015).num_rows == 0
    assert {name for name, _ in events} == {"nyfed_secured_rates", "nyfed_unsecured_rates"}


def _with_provenance(table: Any) -> Any:
    import pyarrow as pa

    from undertow.schemas import PROVENANCE

    given = {"fetched_at": datetime(2025, 1, 1, tzinfo=UTC), "payload_sha256": "r", "origin": "rule", "parser_version": 1,
             "parsed_at": datetime(2025, 1, 1, tzinfo=UTC)}  # fmt: skip
    for field in PROVENANCE:
        table = table.append_column(field, pa.repeat(pa.scalar(given[field.name], field.type), table.num_rows))
    return table


def test_what_is_asked_for() -> None:
    asked = list(requests(Settings(), date(2026, 11, 21)))
    addresses = [address(one) for one in asked]
    assert len(addresses) == len(set(addresses)) == 22
    assert f"{API_URL}rates/secured/sofr/search.json?startDate=2018-04-02&endDate=2026-10-31" in addresses
    assert f"{API_URL}rates/unsecured/effr/last/40.json" in addresses
    quarters = [one.params for one in asked if one.dataset == "repo_operations"]
    assert quarters[0] == {"startDate": "2026-04-01", "endDate": "2026-06-30"}
    assert quarters[-1] == {"startDate": "2026-10-01", "endDate": "2026-11-21"}
    assert len(quarters) == 3
    assert [one.url[-38:] for one in asked if one.may_be_absent] == [
        "/FR2420-summary-statistics-q22026.xlsx", "/FR2420-summary-statistics-q32026.xlsx",
    ]  # fmt: skip
    assert not any(one.secrets or one.form or one.json for one in asked)


def test_the_sample_is_read_whole_and_is_always_the_same() -> None:
    first, second = list(payloads()), list(payloads())
    assert first == second
    datasets = set()
    for one in first:
        landed = run(one.content, one.dataset, one.fetched_at, one.url)
        assert landed.quarantine == [], one.url
        assert landed.observation.num_rows > 0  # ty: ignore[unresolved-attribute]
        datasets.add(one.dataset)
    assert datasets >= {name.lower() for name in RATES} | {"repo_operations", "soma_summary", "primary_dealer", "elasticity"}


def test_the_suite_sees_what_it_looks_for() -> None:
    """Its metrics on good rows, and on rows with one fault each."""
    (suite,) = SUITES
    landed = run(rates([rate_row("SOFR", date(2026, 10, 29)), rate_row("SOFR", date(2026, 10, 28))]), "sofr").observation
    connection = duckdb.connect(":memory:")
    connection.register("parsed", landed)

    def metrics(change: str) -> dict[str, Any]:
        connection.execute(
            "CREATE OR REPLACE TABLE landed AS SELECT * REPLACE (" + change + "), "
            "TIMESTAMPTZ '2026-10-31 12:00:00+00' AS fetched_at, '0' AS payload_sha256 FROM parsed"
        )
        found = connection.execute(suite.metrics.format(rows="landed"))
        names = [column[0] for column in found.description or []]
        table = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return {name: max(row[name] for row in table if row[name] is not None) for name in
                ("n_percentiles_out_of_order", "largest_rate", "n_weekend_days")}  # fmt: skip

    assert metrics("value AS value") == {
        "n_percentiles_out_of_order": 0,
        "largest_rate": metrics("value AS value")["largest_rate"],
        "n_weekend_days": 0,
    }
    assert metrics("CASE WHEN series_id LIKE '%:p25' THEN 9.0 ELSE value END AS value")["n_percentiles_out_of_order"] == 2
    assert metrics("value * 100 AS value")["largest_rate"] > 30
    assert metrics("DATE '2026-10-31' AS period_end")["n_weekend_days"] == 2
