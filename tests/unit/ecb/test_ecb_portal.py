"""Answers of the ECB's Data Portal: versions, withdrawals, holidays, and what is no such answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.ecb.fetch import follow
from assets.ecb.parse import parse
from tests.landed import checked
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed, Request, load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ecb"
HISTORY = (FIXTURES / "portal_history_with_correction_and_delete.csv").read_text()
NEWEST = (FIXTURES / "portal_newest_short_form.csv").read_text()
SHORT = "KEY,TIME_PERIOD,OBS_VALUE"
DATED = f"{SHORT},ACTION,VALID_FROM,VALID_TO"
DOLLAR = "EXR.D.USD.EUR.SP00.A"


def landed(text: str, dataset: str = "exr_changes", fetched: str = "2026-10-31T08:00:00+00:00") -> Landed:
    payload = text.encode()
    sighting = Sighting("ecb", dataset, "u", datetime.fromisoformat(fetched), "0" * 64, len(payload), "replay")
    return parse(payload, sighting, load_room("ecb").catalogue())


def told(data: Landed, currency: str) -> list[tuple]:
    return [
        (str(row["period_end"]), row["value"], row["obs_status"], f"{row['known_at']:%m-%d %H:%M:%S}", row["known_at_basis"])
        for row in checked("observation", data.observation).to_pylist()
        if row["series_id"] == f"ecb.EXR.D.{currency}.EUR.SP00.A"
    ]


def test_a_correction_is_a_version_of_its_own() -> None:
    data = landed(HISTORY)
    assert data.quarantine == []
    assert told(data, "USD") == [
        ("2026-10-29", 1.25, "A", "10-29 14:57:01", "provider"),
        ("2026-10-29", 1.2, "A", "10-30 08:00:00", "provider"),
        ("2026-10-30", 1.1, "A", "10-30 14:56:59", "provider"),
    ]
    assert checked("series", data.series)["unit"].to_pylist() == [f"{code} per EUR" for code in ("CHF", "GBP", "JPY", "USD")]


def test_a_delete_and_an_end_without_a_successor_are_withdrawals() -> None:
    data = landed(HISTORY)
    assert told(data, "JPY") == [
        ("2026-10-30", 170.5, "A", "10-30 14:56:59", "provider"),
        ("2026-10-30", None, "O", "10-30 17:00:00", "provider"),
    ]
    assert told(data, "GBP")[1] == ("2026-10-30", None, "O", "10-30 16:00:00", "provider")
    notes = [row["footnotes"] for row in checked("observation", data.observation).to_pylist() if row["value"] is None]
    assert notes == [[], ["the version ended and none followed"], ["deleted by the provider"]]


def test_a_holiday_is_a_row_without_a_value_and_an_end_far_away_is_none() -> None:
    assert told(landed(HISTORY), "CHF") == [
        ("2026-05-01", None, "H", "05-01 13:57:00", "provider"),
        ("2026-10-30", 0.92, "A", "10-30 14:56:59", "provider"),
    ]


def test_without_a_history_the_rule_gives_the_instant() -> None:
    assert told(landed(NEWEST, "exr_newest"), "USD") == [("2026-10-30", 1.1, "A", "10-30 15:00:00", "lag_rule")]
    early = landed(NEWEST, "exr_newest", "2026-10-30T14:58:00+00:00")
    assert told(early, "USD") == [("2026-10-30", 1.1, "A", "10-30 14:58:00", "first_seen")]
    old = landed(f"{SHORT}\n{DOLLAR},2015-01-05,1.1915\n").observation
    assert checked("observation", old)["flags"].to_pylist() == [["KNOWN_LATE"]]


def test_the_order_of_columns_and_lines_and_a_repeated_line_do_not_matter() -> None:
    lines = [line.split(",") for line in (DATED, *(f"{DOLLAR},2026-10-{day},1.{day},Replace,2026-10-{day}T14:57Z,"
             for day in (28, 29, 30)))]  # fmt: skip
    straight = "\n".join(",".join(line) for line in lines)
    turned = "\n".join(",".join(reversed(line)) for line in (lines[0], lines[3], lines[1], lines[2], lines[3]))
    assert landed(straight).observation == landed(turned).observation
    assert [row[1] for row in told(landed(turned), "USD")] == [1.28, 1.29, 1.3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{DOLLAR},2026-10-30,-1.1,Replace,2026-10-30T14:57Z,", "the rate '-1.1' is not a positive number"),
        (f"{DOLLAR},2026-10-30,0,Replace,2026-10-30T14:57Z,", "the rate '0' is not a positive number"),
        (f"{DOLLAR},2026-10,1.1,Replace,2026-10-30T14:57Z,", "the period '2026-10' is no day"),
        (f"{DOLLAR},2026-11-30,1.1,Replace,2026-10-30T14:57Z,", "the day 2026-11-30 is after the fetch"),
        (f"{DOLLAR},2026-10-30,1.1,Append,2026-10-30T14:57Z,", "the action 'Append' is neither Replace nor Delete"),
        (f"{DOLLAR},2026-10-30,1.1,Replace,2026-11-30T14:57Z,", "the version is valid from 2026-11-30T14:57Z, which is after the fetch"),
        (f"{DOLLAR},2026-10-30,1.1,Replace,2026-10-30T14:57Z,2026-10-29T14:57Z", "the version ended before it began"),
        ("EXR.M.USD.EUR.SP00.A,2026-10-30,1.1,Replace,2026-10-30T14:57Z,", "no reference rate of the euro"),
        (f"{DOLLAR},2026-10-30,1.1,Replace,,", "is not an instant"),
    ],
)  # fmt: skip
def test_lines_that_cannot_be_used_go_to_quarantine(line: str, reason: str) -> None:
    data = landed(f"{DATED}\n{DOLLAR},2026-10-28,1.3,Replace,2026-10-28T14:57Z,\n{line}\n")
    ((place, said, raw),) = data.quarantine
    assert (place, raw) == ("line 3", line)
    assert reason in said
    assert [row[0] for row in told(data, "USD")] == ["2026-10-28"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks KEY, TIME_PERIOD, OBS_VALUE"),
        ("<!DOCTYPE html><html><body>maintenance</body></html>", "lacks KEY"),
        (HISTORY[: HISTORY.rindex("2:15")], "35"),
        (HISTORY.replace("OBS_VALUE", "VALUE"), "lacks OBS_VALUE"),
        (HISTORY.replace(",VALID_TO", ",VALID_UNTIL"), "has ACTION, VALID_FROM and lacks the rest"),
        (f"{SHORT},KEY\n", "a column twice"),
        (f"{SHORT}\n", "no usable rate"),
        (f"{SHORT}\n{DOLLAR},2026-10-30,1.1\n{DOLLAR},2026-10-30,1.2\n", "two things of USD on 2026-10-30"),
    ],
)
def test_other_bytes_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        landed(text)


def test_changes_are_asked_for_once_the_portal_has_shown_that_it_answers() -> None:
    probe = Request("exr_newest", "u")
    (asked,) = follow(Settings(), probe, NEWEST.encode())
    assert (asked.dataset, asked.may_be_absent) == ("exr_changes", True)
    assert asked.params["updatedAfter"] == "2026-09-01T00:00:00+00:00"
    currencies = asked.url.split("D.")[1].split(".EUR")[0].split("+")
    assert {"USD", "JPY", "NOK"} < set(currencies)
    assert {"BGN", "HRK", "RUB"}.isdisjoint(currencies)
    assert list(follow(Settings(), probe, b"<html></html>")) == []
    assert list(follow(Settings(), Request("eurofxref_hist", "u"), NEWEST.encode())) == []


def test_the_newest_day_of_an_answer_sets_the_window() -> None:
    text = f"{SHORT}\n{DOLLAR},2026-01-02,1.1\n{DOLLAR},2025-12-31,1.1\n"
    (asked,) = follow(Settings(), Request("exr_newest", "u"), text.encode())
    assert asked.params["updatedAfter"] == f"{date(2025, 12, 1)}T00:00:00+00:00"
    assert datetime.fromisoformat(asked.params["updatedAfter"]).tzinfo == UTC
