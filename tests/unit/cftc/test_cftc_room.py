"""The CFTC room: the genuine file of 2025, the API's answer, the schedule holiday by holiday, requests, and planted faults."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.cftc import ROOM, SOCRATA_URL, sample, zip_url
from assets.cftc.fetch import PAGE, follow, requests
from assets.cftc.parse import parse, report_days, rules
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, Request, load_room
from undertow.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests/fixtures/cftc"
GENUINE = ROOT.parent / "shared/data/cftc"
FETCHED = datetime(2026, 10, 31, 9, tzinfo=UTC)
ANSWER = (FIXTURES / "socrata_irregular_names.json").read_bytes()
SETTINGS = Settings()


def read(payload: bytes, dataset: str = "tff_socrata", fetched_at: datetime = FETCHED) -> Landed:
    sighting = Sighting(ROOM.name, dataset, "u", fetched_at, "0" * 64, len(payload), "replay")
    return parse(payload, sighting, load_room("cftc").catalogue())


def told(landed: Landed) -> dict[tuple[str, str], dict]:
    assert landed.observation is not None
    return {(row["series_id"][9:], row["period_end"].isoformat()): row for row in landed.observation.to_pylist()}


def genuine(name: str) -> bytes:
    if not (GENUINE / name).is_file():
        pytest.skip(f"the genuine payload {name} is not beside this checkout")
    return (GENUINE / name).read_bytes()


def changed(edit: Callable[[list[list[str]]], None]) -> bytes:
    """Return the generated file of a few reports of 2025 after an edit of its rows; the first is the header."""
    made = sample.year_file([date(2025, 1, 7), date(2025, 1, 14)])
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("FinFutYY.txt").decode())))
    edit(rows)
    out, packed = io.StringIO(), io.BytesIO()
    csv.writer(out).writerows(rows)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("FinFutYY.txt", out.getvalue())
    return packed.getvalue()


# --- the wire formats --------------------------------------------------------------------------------------------------------


def test_the_genuine_file_of_2025() -> None:
    landed = read(genuine("fut_fin_txt_2025.zip"), "tff_futures_only", datetime(2026, 1, 2, 19, 41, tzinfo=UTC))
    rows = told(landed)
    assert len(rows) == 52 * 6 * 7
    assert landed.quarantine == []
    assert rows["020601.open_interest", "2025-12-30"]["value"] == 1_848_982
    assert rows["020601.lev_money_short", "2025-12-30"]["value"] == 464_862
    assert {row["known_at_basis"] for row in rows.values()} == {"first_seen"}
    assert ("043602.lev_money_long", "2025-11-10") in rows  # the Monday before Veterans Day
    assert ("043602.lev_money_long", "2025-11-11") not in rows
    faces = {code: facts["face"] for code, facts in load_room("cftc").catalogue()["contracts"].items()}
    total = sum(rows[f"{code}.lev_money_short", "2025-10-28"]["value"] * face for code, face in faces.items()) / 1e9
    assert total == pytest.approx(1_368.9, abs=0.05)


def test_the_sample_has_the_header_of_the_genuine_file() -> None:
    with zipfile.ZipFile(io.BytesIO(genuine("fut_fin_txt_2025.zip"))) as archive:
        header = archive.read("FinFutYY.txt").decode().partition("\r\n")[0]
    assert next(csv.reader([header])) == sample.HEADER


def test_genuine_rows_of_the_api() -> None:
    rows = told(read(genuine("tff_socrata_two_rows_with_created_at.json")))
    assert rows["043602.lev_money_short", "2026-06-16"]["value"] == 2_381_010
    # the Tuesday before Juneteenth: three days later would have been a look ahead
    assert rows["043602.lev_money_short", "2026-06-16"]["known_at"] == datetime(2026, 6, 22, 19, 30, 53, 455_000, UTC)
    assert rows["043602.asset_mgr_long", "2026-05-19"]["known_at"].isoformat() == "2026-05-22T19:30:55.580000+00:00"


def test_columns_of_the_api_end_irregularly() -> None:
    rows = told(read(ANSWER))
    numbers = {name: rows[f"043602.{name}", "2026-06-16"]["value"] for name in load_room("cftc").catalogue()["measures"]}
    assert numbers == {
        "lev_money_long": 300_005, "lev_money_short": 2_000_006, "asset_mgr_long": 2_000_003, "asset_mgr_short": 800_004,
        "dealer_long": 100_001, "dealer_short": 100_002, "open_interest": 5_000_000,
    }  # fmt: skip
    renamed = ANSWER.replace(b"lev_money_positions_long", b"lev_money_positions_long_all")
    with pytest.raises(ParseError, match="no column lev_money_positions_long"):
        read(renamed)


def test_a_report_counts_when_the_last_of_its_rows_was_loaded() -> None:
    rows = told(read(ANSWER))
    assert {row["known_at"].microsecond for (_, day), row in rows.items() if day == "2026-06-16"} == {460_000}
    assert {row["known_at_basis"] for (_, day), row in rows.items() if day == "2026-06-16"} == {"provider"}


def test_a_row_that_was_loaded_in_bulk_is_not_dated_by_its_loading() -> None:
    row = told(read(ANSWER))["043602.open_interest", "2019-06-18"]
    assert (row["known_at"], row["known_at_basis"]) == (FETCHED, "first_seen")


def test_a_faulty_query_answers_with_an_object() -> None:
    with pytest.raises(ParseError, match="no-such-column"):
        read((FIXTURES / "socrata_error_object.json").read_bytes())


@pytest.mark.parametrize(
    ("payload", "match"),
    [
        (b"[]", "holds no report"),
        (b"<html>", "not JSON"),
        (b"[1]", "no object"),
        (ANSWER.replace(b"FutOnly", b"Combined"), "futures and options"),
        (ANSWER.replace(b"043602", b"04360Z"), "04360Z.*series.yml"),
        (ANSWER.replace(b"$200,000", b"$100,000"), "042601 has the units"),
        (ANSWER.replace(b":created_at", b"created_at"), "no column :created_at"),
    ],
)
def test_another_answer_is_refused(payload: bytes, match: str) -> None:
    with pytest.raises(ParseError, match=match):
        read(payload)


def test_an_unknown_treasury_contract_stops_a_new_file_and_is_told_of_an_old_one() -> None:
    def other_code(rows: list[list[str]], day: str | None = None) -> None:
        del rows[2::2]  # one report
        for row in rows[1:]:
            row[2] = day or row[2]
            row[3] = row[3].replace("043602", "99999X")

    with pytest.raises(ParseError, match="99999X"):
        read(changed(other_code), "tff_futures_only")
    landed = read(changed(lambda rows: other_code(rows, "2011-01-04")), "tff_futures_only")
    assert {reason for _, reason, _ in landed.quarantine} == {
        "the contract 99999X on US Treasuries is not in assets/cftc/series.yml",
    }
    assert "043602.lev_money_long" not in {name for name, _ in told(landed)}


def test_cells_are_padded_and_names_change() -> None:
    def rename(rows: list[list[str]]) -> None:
        for row in rows[1:]:
            row[0], row[7] = "10-YEAR U.S. TREASURY NOTES - CHICAGO BOARD OF TRADE", f"  {row[7]}  "

    plain, renamed = read(changed(lambda rows: None), "tff_futures_only"), read(changed(rename), "tff_futures_only")
    assert told(plain) == told(renamed)


def test_rows_that_contradict_each_other_and_bad_cells_go_to_quarantine() -> None:
    def spoil(rows: list[list[str]]) -> None:
        rows.append([*rows[1][:14], "1", *rows[1][15:]])  # another number of leveraged longs
        rows[3][14] = "n/a"
        rows[5][2] = "2030-01-01"

    landed = read(changed(spoil), "tff_futures_only")
    reasons = sorted(reason.split(": ")[-1] for _, reason, _ in landed.quarantine)
    assert reasons == [
        "not a whole number of contracts",
        "the payload has two different rows for 020601 on 2025-01-14",
        "the report is of a day after the fetch",
    ]
    assert ("020601.open_interest", "2025-01-14") not in told(landed)
    assert ("020601.open_interest", "2025-01-07") in told(landed)


def test_positions_that_do_not_fit_into_the_open_interest_are_suspect() -> None:
    landed = read(ANSWER.replace(b'"4000000"', b'"40"'))
    assert {tuple(row["flags"]) for (name, day), row in told(landed).items() if name.startswith("0426")} == {("SUSPECT",)}
    assert told(landed)["043602.open_interest", "2026-06-16"]["flags"] == []


def test_a_file_that_is_cut_short_is_refused() -> None:
    with pytest.raises(ParseError, match="cut short"):
        read(changed(lambda rows: rows[-1].__delitem__(slice(50, None))), "tff_futures_only")
    with pytest.raises(ParseError, match="no column Lev_Money_Positions_Long_All"):
        read(changed(lambda rows: rows[0].__setitem__(14, "Lev_Money_Long")), "tff_futures_only")


# --- the schedule ------------------------------------------------------------------------------------------------------------


def test_days_of_reports() -> None:
    days = report_days(2025)
    assert len(days) == 52
    assert [day for day in days if day.weekday() != 1] == [date(2025, 11, 10)]
    assert date(2024, 12, 24) in report_days(2024)  # closed by an order that came late
    assert date(2018, 12, 31) in report_days(2018)  # New Year's Day is a Tuesday
    assert date(2006, 6, 13) == report_days(2006)[0]
    assert report_days(2005) == []


def test_the_genuine_reports_of_2025_are_those_of_the_rule() -> None:
    rows = told(read(genuine("fut_fin_txt_2025.zip"), "tff_futures_only"))
    assert sorted({day for _, day in rows}) == [day.isoformat() for day in report_days(2025)]


def events(year: int, event: str) -> dict[str, tuple[str, list[str]]]:
    return {
        row["reference_period"]: (f"{row['event_at']:%Y-%m-%dT%H:%M}", row["flags"])
        for row in rules(year).to_pylist()
        if row["event"] == event
    }


@pytest.mark.parametrize(
    ("report", "planned"),
    [
        ("2025-01-07", "2025-01-13T20:30"),  # offices closed on 9 January
        ("2025-03-25", "2025-03-28T19:30"),
        ("2025-07-01", "2025-07-07T19:30"),  # 4 July is the Friday
        ("2024-11-26", "2024-12-02T20:30"),  # Thanksgiving
        ("2026-06-16", "2026-06-22T19:30"),  # Juneteenth is the Friday
        ("2026-11-10", "2026-11-16T20:30"),  # Veterans Day is the Wednesday
    ],
)
def test_publication_holiday_by_holiday(report: str, planned: str) -> None:
    assert events(int(report[:4]), "scheduled")[report][0] == planned


def test_the_backlog_of_2025_has_upper_bounds() -> None:
    released = events(2025, "released")
    assert released["2025-09-23"] == ("2025-09-26T19:30", [])
    assert released["2025-09-30"] == ("2025-11-19T20:30", ["KNOWN_LATE"])
    assert released["2025-10-28"] == ("2025-12-05T20:30", ["KNOWN_LATE"])
    assert released["2025-11-10"] == ("2025-12-12T20:30", ["KNOWN_LATE"])
    # announced for 13 January, and already in the file that is stamped 2 January, 14:41
    assert released["2025-12-30"] == ("2026-01-02T19:41", ["KNOWN_LATE"])
    assert "2025-10-07" not in events(2025, "scheduled"), "the plans of the lapse are facts of the calendar"


def test_other_delays_are_bounded_or_left_to_our_fetch() -> None:
    assert events(2019, "released")["2019-01-15"] == ("2019-03-08T20:30", ["KNOWN_LATE"])
    assert events(2019, "released")["2019-03-12"] == ("2019-03-15T19:30", [])
    assert events(2023, "released")["2023-01-31"] == ("2023-02-24T20:30", ["KNOWN_LATE"])
    assert "2023-02-07" not in events(2023, "released")
    assert "2013-10-08" not in events(2013, "released")
    assert events(2008, "released")["2008-09-09"] == ("2008-09-12T19:30", ["LOOKAHEAD_RISK"])
    assert events(2026, "released").keys() == {"2026-01-06", "2026-01-13"}, "later reports are dated by their loading"


# --- requests ----------------------------------------------------------------------------------------------------------------


def test_requests_are_keyless_and_ask_for_the_loading() -> None:
    first, *files = list(requests(SETTINGS, date(2026, 11, 21)))
    assert first.url == SOCRATA_URL
    assert first.params["$select"] == ":created_at,*"
    assert "2025-09-27" in first.params["$where"]
    assert "market_and_exchange_names" not in first.params["$where"]
    assert [one.url for one in files] == [zip_url(year) for year in range(2026, 2020, -1)]
    assert [one.may_be_absent for one in files] == [True] + [False] * 5
    assert not any(one.secrets for one in (first, *files))


def test_a_full_page_is_followed() -> None:
    request = next(iter(requests(SETTINGS, date(2026, 11, 21))))
    assert list(follow(SETTINGS, request, ANSWER)) == []
    full = json.dumps([{}] * PAGE).encode()
    (following,) = follow(SETTINGS, request, full)
    assert following.params["$offset"] == str(PAGE)
    assert list(follow(SETTINGS, Request("tff_futures_only", "u"), b"PK")) == []


def test_rows_on_two_pages_are_one_row() -> None:
    """What moves to the next page while pages are read comes twice, and says the same."""
    days = [date(2026, 9, 1), date(2026, 9, 8)]
    assert told(read(sample.answer(days))) == told(read(sample.answer(days[:1]))) | told(read(sample.answer(days)))
