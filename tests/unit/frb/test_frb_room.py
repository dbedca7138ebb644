"""The FRB room: values, marks of missing numbers, units and instants of the Board's releases."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.frb import RELEASES, ROOM
from assets.frb.fetch import requests
from assets.frb.parse import parse, rules
from assets.frb.sample import overdraft_table, payloads, release_xml, release_zip
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "frb"
CATALOGUE = load_room("frb").catalogue()
WEEKLY = {"FREQ": "19", "UNIT": "Currency", "UNIT_MULT": "1000000", "CURRENCY": "USD"}


def landed(dataset: str, payload: bytes, fetched: str = "2026-06-18T12:00:00+00:00") -> Landed:
    sighting = Sighting("frb", dataset, "u", datetime.fromisoformat(fetched), "0" * 64, len(payload), "replay")
    return parse(payload, sighting, CATALOGUE)


def rows(data: Landed, series_id: str) -> dict[date, dict]:
    assert data.observation is not None
    return {row["period_end"]: row for row in data.observation.to_pylist() if row["series_id"] == series_id}


def h41(days: list[tuple[date, str, str]], name: str = "RESPPMA_N.WW", **attributes: str) -> bytes:
    return release_zip("h41", release_xml("h41", {name: ({**WEEKLY, **attributes}, days)}))


def test_the_mark_of_no_data_is_a_missing_number_and_not_minus_9999() -> None:
    data = landed("h15", (FIXTURES / "h15_no_data_on_a_holiday.xml").read_bytes())
    told = rows(data, "frb.DGS30")
    assert [(day.day, row["value"], row["obs_status"]) for day, row in told.items()] == [
        (10, 4.63, "A"), (14, 4.62, "A"), (15, None, "O"), (17, 4.59, "A"),
    ]  # fmt: skip
    assert ("RIFLGFCY30_N.B 2025-10-16", "status 'X' with this value is not known", "4.60") in data.quarantine
    # Columbus Day is no business day, so Friday's number came on Tuesday
    assert told[date(2025, 10, 10)]["known_at"] == datetime(2025, 10, 14, 20, 15, tzinfo=UTC)
    assert told[date(2025, 10, 10)]["known_at_basis"] == "lag_rule"


def test_a_weekly_level_is_public_on_thursday_at_half_past_four_and_on_friday_after_thanksgiving() -> None:
    days = [(date(2025, 11, 19), "A", "6555283"), (date(2025, 11, 26), "A", "6552419"), (date(2025, 12, 24), "A", "6581231")]
    told = rows(landed("h41", h41(days)), "frb.WALCL")
    assert {day: (row["value"], row["known_at"].isoformat()) for day, row in told.items()} == {
        date(2025, 11, 19): (6_555_283.0, "2025-11-20T21:30:00+00:00"),
        date(2025, 11, 26): (6_552_419.0, "2025-11-28T21:30:00+00:00"),
        # federal offices were closed from Christmas Eve to the Friday after it: the statement is of Monday
        date(2025, 12, 24): (6_581_231.0, "2025-12-29T21:30:00+00:00"),
    }


def test_what_was_fetched_before_the_rule_is_known_from_the_fetch() -> None:
    told = rows(landed("h41", h41([(date(2025, 11, 19), "A", "1")]), "2025-11-20T20:00:00+00:00"), "frb.WALCL")
    assert told[date(2025, 11, 19)]["known_at"] == datetime(2025, 11, 20, 20, tzinfo=UTC)
    assert told[date(2025, 11, 19)]["known_at_basis"] == "first_seen"


@pytest.mark.parametrize(("power", "text"), [("1000000", "1394122"), ("1e+06", "1394122"), ("1000000000", "1394.122")])
def test_a_change_of_unit_changes_no_number(power: str, text: str) -> None:
    data = landed("h41", h41([(date(2019, 9, 18), "A", text)], "RESH4R_N.W", UNIT_MULT=power))
    assert rows(data, "frb.WRESBAL")[date(2019, 9, 18)]["value"] == 1_394_122.0
    assert data.series is not None
    assert data.series.to_pylist()[0]["unit"] == "millions of US dollars"


def test_another_kind_of_unit_is_refused() -> None:
    with pytest.raises(ParseError, match="no usable number"):
        landed("h41", h41([(date(2019, 9, 18), "A", "1")], UNIT="Percent"))
    with pytest.raises(ParseError, match="no usable number"):
        landed("h41", h41([(date(2019, 9, 18), "A", "1")], UNIT_MULT="many"))


def test_the_level_and_the_average_of_a_week_are_two_series() -> None:
    week = date(2025, 1, 1)
    text = release_xml(
        "h41",
        {"RESH4R_N.WW": (WEEKLY, [(week, "A", "2890000")]), "RESH4R_N.W": (WEEKLY, [(week, "A", "3095997")])},
    )
    data = landed("h41", release_zip("h41", text))
    assert rows(data, "frb.WRBWFRBL")[week]["value"] == 2_890_000
    assert rows(data, "frb.WRESBAL")[week]["value"] == 3_095_997


def test_days_that_cannot_be_go_to_quarantine() -> None:
    data = landed("h41", h41([(date(2025, 1, 1), "A", "1"), (date(2025, 1, 2), "A", "2"), (date(2026, 6, 24), "A", "3")]))
    assert list(rows(data, "frb.WALCL")) == [date(2025, 1, 1)]
    reasons = [reason for _, reason, _ in data.quarantine if "no such series" not in reason]
    assert reasons == ["a number of the weekly statement is not dated Wednesday", "the day is after the fetch"]


def test_two_tellings_of_one_day_stop_the_parse() -> None:
    with pytest.raises(ParseError, match="twice"):
        landed("h41", h41([(date(2025, 1, 1), "A", "1"), (date(2025, 1, 1), "A", "2")]))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"<a", "not well-formed"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (
            release_zip("h41", release_xml("h41", {"OTHER_N.WW": (WEEKLY, [(date(2025, 1, 1), "A", "1")])})),
            "none of the series that we read",
        ),
        (b"PK\x03\x04 cut short", "cut short or corrupt"),
    ],
)
def test_other_bytes_are_refused(payload: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        landed("h41", payload)


def test_rates_of_a_week_come_on_monday_and_the_index_with_its_newest_day() -> None:
    daily = {"FREQ": "9", "UNIT": "Currency", "UNIT_MULT": "1", "CURRENCY": "USD"}
    days = [date(2025, 10, 1), date(2025, 10, 9), date(2025, 10, 10)]
    text = release_xml(
        "h10",
        {
            "RXI$US_N.B.EU": (daily, [(day, "A", "1.1500") for day in days]),
            "JRXWTFB_N.B": ({**daily, "UNIT": "Index:_January_2006_100"}, [(day, "A", "121.5") for day in days]),
        },
    )
    data = landed("h10", release_zip("h10", text))
    assert [row["known_at"].isoformat() for row in rows(data, "frb.DEXUSEU").values()] == [
        "2025-10-06T20:15:00+00:00",
        "2025-10-14T20:15:00+00:00",  # Monday the 13th is Columbus Day
        "2025-10-14T20:15:00+00:00",
    ]
    assert {row["known_at"].isoformat() for row in rows(data, "frb.DTWEXBGS").values()} == {"2025-10-14T20:15:00+00:00"}
    assert data.series is not None
    units = {row["series_id"]: row["unit"] for row in data.series.to_pylist()}
    assert units == {"frb.DEXUSEU": "USD per EUR", "frb.DTWEXBGS": "index January 2006=100"}


def test_an_index_has_the_base_that_the_file_names_and_the_dates_of_its_calendar() -> None:
    monthly = {"FREQ": "129", "UNIT": "Index:_2022_100", "UNIT_MULT": "1", "CURRENCY": "NA"}
    data = landed("g17", release_zip("g17", release_xml("g17", {"IP.B50001.S": (monthly, [(date(2026, 4, 30), "A", "99.1")])})))
    row = rows(data, "frb.INDPRO")[date(2026, 4, 30)]
    assert (row["period_start"], row["known_at_basis"]) == (date(2026, 4, 1), "first_seen")
    assert data.series is not None
    described = data.series.to_pylist()[0]
    assert (described["unit"], described["release_id"]) == ("index 2022=100", "industrial_production_g17")


def test_overdrafts_by_quarter() -> None:
    data = landed("overdrafts", (FIXTURES / "overdrafts_quarters_and_footnote.txt").read_bytes())
    total = {day: row["value"] for day, row in rows(data, "frb.daylight_overdrafts.average.total").items()}
    assert total == {
        date(2018, 12, 31): 2.11, date(2019, 9, 30): 2.91, date(2019, 12, 31): 3.27,
        date(2022, 3, 31): 0.23, date(2023, 3, 31): 1.82, date(2023, 12, 31): 0.93,
    }  # fmt: skip
    assert rows(data, "frb.daylight_overdrafts.average.book_entry")[date(2019, 9, 30)]["value"] == 0.41
    assert len(data.quarantine) == 1, "the quarter that is told twice"
    assert {flag for row in rows(data, "frb.daylight_overdrafts.average.total").values() for flag in row["flags"]} == set()


def test_a_total_that_is_not_the_sum_of_its_parts_is_suspect() -> None:
    data = landed("overdrafts", overdraft_table([(2023, 4, 1.93, 0.90, 0.03)]).encode())
    assert rows(data, "frb.daylight_overdrafts.average.total")[date(2023, 12, 31)]["flags"] == ["SUSPECT"]


def test_a_table_in_another_unit_is_refused() -> None:
    text = overdraft_table([(2023, 4, 0.93, 0.90, 0.03)]).replace("billions", "millions")
    with pytest.raises(ParseError, match="billions"):
        landed("overdrafts", text.encode())


@pytest.mark.parametrize(
    ("release_id", "day", "instant"),
    [
        ("frb_h41", "2025-11-26", "2025-11-28T21:30:00+00:00"),  # Thanksgiving
        ("frb_h41", "2025-06-18", "2025-06-20T20:30:00+00:00"),  # Juneteenth
        ("frb_h41", "2025-04-16", "2025-04-17T20:30:00+00:00"),
        ("frb_h15", "2025-04-17", "2025-04-18T20:15:00+00:00"),  # on Good Friday offices are open, and bonds do not trade
        ("frb_h15", "2025-06-18", "2025-06-20T20:15:00+00:00"),
        ("frb_h15", "2025-01-08", "2025-01-10T21:15:00+00:00"),  # a day of mourning
        ("frb_h10", "2025-10-10", "2025-10-14T20:15:00+00:00"),
        ("frb_h10", "2025-01-17", "2025-01-21T21:15:00+00:00"),
        ("frb_h10", "2025-07-03", "2025-07-07T20:15:00+00:00"),  # the Fourth of July is a Friday
    ],
)
def test_the_schedule_of_a_year(release_id: str, day: str, instant: str) -> None:
    events = [row for row in rules(2025).to_pylist() if (row["release_id"], row["reference_period"]) == (release_id, day)]
    assert [row["event"] for row in events] == ["scheduled", "released"]
    assert {row["event_at"].isoformat() for row in events} == {instant}
    assert events[1]["announced_at"] == events[1]["event_at"] > events[0]["announced_at"]


def test_the_schedule_has_each_week_and_each_day_of_the_market() -> None:
    events = [row for row in rules(2025).to_pylist() if row["event"] == "scheduled"]
    counts = {name: sum(row["release_id"] == name for row in events) for name in ("frb_h41", "frb_h15", "frb_h10")}
    assert counts == {"frb_h41": 53, "frb_h15": 249, "frb_h10": 52}
    days = {row["reference_period"] for row in events if row["release_id"] == "frb_h15"}
    assert days.isdisjoint({"2025-04-18", "2025-06-19", "2025-10-13", "2025-12-25"})
    # a day of mourning and Christmas Eve: offices were closed and bonds traded
    assert {"2025-01-09", "2025-12-24"} < days
    assert rules(1999).num_rows == 0


def test_what_is_to_come_is_scheduled_and_no_more() -> None:
    coming = [row for row in rules(2026).to_pylist() if row["event"] == "released"]
    assert max(row["reference_end"] for row in coming if row["release_id"] == "frb_h15") == date(2026, 2, 20)
    assert max(row["reference_end"] for row in coming if row["release_id"] == "frb_h41") == date(2026, 6, 10)


def test_the_sample_is_read_whole_and_is_always_the_same() -> None:
    first, again = list(payloads()), list(payloads())
    assert [one.content for one in first] == [one.content for one in again]
    assert {one.dataset for one in first} == {dataset.name for dataset in ROOM.datasets}
    counts = []
    for one in first:
        data = landed(one.dataset, one.content, one.fetched_at)
        assert data.quarantine == []
        assert data.observation is not None
        counts.append((one.dataset, data.observation.num_rows))
    assert counts[:3] == [("h10", 3747), ("h10", 3887), ("h10", 4037)], "the index of three Mondays before"
    assert dict(counts[3:]) == {"h41": 333, "h15": 8275, "h10": 4177, "g17": 22, "overdrafts": 40}


def test_the_live_mode_asks_for_each_release_once() -> None:
    asked = list(requests(Settings(), date(2026, 11, 21)))
    assert [request.dataset for request in asked] == [*RELEASES, "overdrafts"]
    assert asked[0].url == "https://www.federalreserve.gov/releases/h41/data/FRB_h41_xml.zip"
    assert not any(request.secrets or request.params for request in asked)
