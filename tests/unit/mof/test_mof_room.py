"""The room of Japan's Ministry of Finance: values, holidays, marked gaps and instants of both files, and what bad files get."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.mof import HISTORY_URL, MONTH_URL
from assets.mof.fetch import requests
from assets.mof.parse import parse, rules
from assets.mof.sample import LEVELS, curve_csv, invented, payloads
from tests.landed import checked
from undertow.archive import Sighting
from undertow.calendars import business_days
from undertow.errors import ParseError
from undertow.room import Landed, load_room
from undertow.settings import Settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "mof"
GENUINE = Path(__file__).resolve().parents[4] / "shared" / "data" / "fx" / "jgbcme_all.csv"
CATALOGUE = load_room("mof").catalogue()


def landed(payload: bytes, dataset: str = "jgb_curve", fetched: str = "2026-05-23T00:00:00+00:00") -> Landed:
    sighting = Sighting("mof", dataset, "u", datetime.fromisoformat(fetched), "0" * 64, len(payload), "replay")
    return parse(payload, sighting, CATALOGUE)


def told(data: Landed, series_id: str) -> dict[str, tuple[float | None, str]]:
    assert data.observation is not None
    return {
        row["period_end"].isoformat(): (row["value"], row["obs_status"])
        for row in data.observation.to_pylist()
        if row["series_id"] == series_id
    }


def test_the_month_is_read_in_spite_of_its_footnote_and_a_holiday_has_no_row() -> None:
    payload = (FIXTURES / "month_with_footnote_and_holiday.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        payload.decode("utf-8")
    data = landed(payload, "jgb_curve_month")
    assert data.quarantine == []
    assert told(data, "mof.jgb.10Y") == {
        "2025-11-20": (1.824, "A"), "2025-11-21": (1.792, "A"), "2025-11-25": (1.811, "A"),
    }  # fmt: skip
    assert told(data, "mof.jgb.40Y") == {
        "2025-11-20": (3.601, "A"), "2025-11-21": (3.551, "A"), "2025-11-25": (None, "O"),
    }  # fmt: skip
    assert checked("observation", data.observation).num_rows == 3 * len(LEVELS)
    assert checked("series", data.series).num_rows == len(LEVELS)


def test_a_maturity_that_had_not_begun_is_not_missing_and_a_single_zero_is_a_number() -> None:
    data = landed((FIXTURES / "history_saturday_gap_and_zero.csv").read_bytes())
    assert data.quarantine == []
    assert told(data, "mof.jgb.10Y") == {"1986-07-05": (5.1, "A"), "2016-02-09": (0.0, "A")}
    assert told(data, "mof.jgb.40Y") == {"2016-02-09": (3.56, "A")}
    assert told(data, "mof.jgb.1Y")["1986-07-05"] == (None, "O")
    assert told(data, "mof.jgb.5Y")["2016-02-09"] == (-0.2, "A")


@pytest.mark.parametrize(
    ("day", "known_at", "basis", "flags"),
    [
        # the Friday before a long weekend is known on Tuesday morning in Tokyo
        (date(2025, 11, 21), datetime(2025, 11, 25, 0, 30, tzinfo=UTC), "lag_rule", []),
        (date(2025, 11, 20), datetime(2025, 11, 21, 0, 30, tzinfo=UTC), "lag_rule", []),
        # the ten days off at the change of emperor
        (date(2019, 4, 26), datetime(2019, 5, 7, 14, 59, tzinfo=UTC), "lag_rule", ["KNOWN_LATE"]),
        (date(1990, 10, 1), datetime(1990, 10, 2, 14, 59, tzinfo=UTC), "lag_rule", ["LOOKAHEAD_RISK"]),
        (date(2026, 5, 22), datetime(2026, 5, 23, tzinfo=UTC), "first_seen", []),
    ],
)
def test_yields_are_known_on_the_next_business_day_in_tokyo(day: date, known_at: datetime, basis: str, flags: list) -> None:
    data = landed(curve_csv({day: invented(day)}))
    assert data.observation is not None
    assert {(row["known_at"], row["known_at_basis"], *row["flags"]) for row in data.observation.to_pylist()} == {
        (known_at, basis, *flags)
    }


def test_order_and_a_line_that_is_said_twice_change_nothing() -> None:
    days = [date(2025, 11, day) for day in (18, 19, 20)]
    straight = curve_csv({day: invented(day) for day in days})
    lines = straight.split(b"\r\n")
    shuffled = b"\r\n".join([*lines[:2], lines[4], lines[2], lines[3], lines[2], b""])
    one, other = landed(straight), landed(shuffled)
    assert one.observation == other.observation
    assert other.quarantine == []
    assert told(other, "mof.jgb.2Y").keys() == {"2025-11-18", "2025-11-19", "2025-11-20"}


def test_lines_that_tell_nothing_usable_go_to_quarantine() -> None:
    good = date(2025, 11, 20)
    rows = {
        good: {**invented(good), "15Y": "n/a", "20Y": "283.9"},
        date(2025, 11, 24): dict.fromkeys(LEVELS, "0.000"),
        date(2025, 11, 26): {},
        date(2026, 6, 1): invented(good),
    }
    payload = curve_csv(rows).replace(b"2025/11/26", b"2025/11/31")
    data = landed(payload + curve_csv({date(2025, 11, 27): {}}).split(b"\r\n")[2] + b"\r\n")
    assert [(place, reason) for place, reason, _ in data.quarantine] == [
        ("line 4", "all yields of the day are zero: a holiday that was filled in"),
        ("line 5", "the first cell is not a date"),
        ("line 6", "the day is after the fetch of 2026-05-23"),
        ("line 7", "the day has no yield"),
        ("2025-11-20, 15Y", "the yield is not a number, or a slipped decimal"),
        ("2025-11-20, 20Y", "the yield is not a number, or a slipped decimal"),
    ]
    assert data.observation is not None
    assert set(data.observation["period_end"].to_pylist()) == {good}


def test_a_last_line_without_an_end_is_not_trusted() -> None:
    rows = {day: invented(day) for day in (date(2025, 11, 20), date(2025, 11, 21))}
    data = landed(curve_csv(rows)[:-3])
    assert list(told(data, "mof.jgb.40Y")) == ["2025-11-20"]
    assert [reason for _, reason, _ in data.quarantine] == ["the last line has no end, so its numbers may be cut"]


WHOLE = curve_csv({date(2025, 11, 20): invented(date(2025, 11, 20)), date(2025, 11, 21): invented(date(2025, 11, 21))})


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "no line"),
        (b"<html><body>Service unavailable</body></html>", "no line begins with Date"),
        (WHOLE[: WHOLE.rindex(b",") - 8], "line 4 has 14 cells"),
        (WHOLE.replace(b"(Unit : %)", b"(Unit : bp)"), "the unit is \\['bp'\\]"),
        (WHOLE.replace(b"(Unit : %)", b""), "the unit is nothing"),
        (WHOLE.replace(b"30Y", b"30 yrs"), "no maturities: \\['30 yrs'\\]"),
        (WHOLE.replace(b"25Y", b"30Y"), "names a maturity twice"),
        (curve_csv({date(2025, 11, 20): invented(date(2025, 11, 20))}, maturities=("1Y", "10Y")), "lacks the maturities 2Y"),
        (WHOLE + b"2025/11/21" + b",1.0" * 15 + b"\r\n", "2025-11-21 twice, and differently"),
        (WHOLE[: WHOLE.index(b"2025/11/20")], "no usable yield"),
    ],
)
def test_other_bytes_are_refused(payload: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        landed(payload)


def test_a_new_maturity_is_read_and_a_header_further_down_is_found() -> None:
    day = date(2025, 11, 20)
    payload = b"\r\nsome words,(not a unit),,\r\n" + curve_csv(
        {day: {**invented(day), "50Y": "3.9"}}, maturities=(*LEVELS, "50Y")
    )
    assert told(landed(payload), "mof.jgb.50Y") == {"2025-11-20": (3.9, "A")}


def test_the_schedule_is_that_of_japan() -> None:
    events = {row["reference_period"]: row for row in rules(2026).to_pylist()}
    assert len(events) == len(business_days("JP", date(2026, 1, 1), date(2026, 12, 31)))
    assert events["2026-05-01"]["event_at"] == datetime(2026, 5, 7, 0, 30, tzinfo=UTC)  # Golden Week lies between
    assert "2026-05-05" not in events
    assert {row["event"] for row in events.values()} == {"scheduled"}
    assert min(row["reference_end"] for row in rules(2025).to_pylist()) == date(2025, 4, 1)
    assert rules(2024).num_rows == 0
    assert checked("release_event", rules(2026)).num_rows == len(events)


def test_the_sample_is_read_whole_without_an_overlap_and_is_always_the_same() -> None:
    first = list(payloads())
    assert [one.content for one in first] == [one.content for one in payloads()]
    days: Counter = Counter()
    for one in first:
        data = landed(one.content, one.dataset, one.fetched_at.replace("Z", "+00:00"))
        assert data.quarantine == []
        assert checked("observation", data.observation).num_rows % len(LEVELS) == 0
        days.update(list(told(data, "mof.jgb.30Y")))
    assert set(days.values()) == {1}
    assert (min(days), max(days)) == ("2025-09-01", "2026-10-29")
    assert {"2026-09-21", "2026-09-22", "2026-09-23", "2026-10-12"}.isdisjoint(days)


def test_the_live_mode_asks_for_both_files() -> None:
    asked = [(request.dataset, request.url) for request in requests(Settings(), date(2026, 11, 2))]
    assert asked == [("jgb_curve", HISTORY_URL), ("jgb_curve_month", MONTH_URL)]


@pytest.mark.skipif(not GENUINE.exists(), reason="needs the genuine history in ../shared/data/fx")
def test_the_genuine_history() -> None:
    """13,208 days; 648, 361 and 76 marked gaps of the three shortest maturities; no gap since 2000."""
    data = landed(GENUINE.read_bytes())
    assert data.quarantine == []
    assert data.observation is not None
    gaps = Counter(row["series_id"] for row in data.observation.to_pylist() if row["value"] is None)
    assert gaps == {"mof.jgb.1Y": 648, "mof.jgb.2Y": 361, "mof.jgb.3Y": 76}
    counts = Counter(data.observation["series_id"].to_pylist())
    assert [counts[f"mof.jgb.{name}Y"] for name in (1, 10, 30, 40)] == [13_208, 9_847, 6_531, 4_519]
    forty = told(data, "mof.jgb.40Y")
    assert [forty[day][0] for day in ("2025-05-22", "2025-11-17", "2025-11-20")] == [3.336, 3.493, 3.601]
    assert "2025-11-24" not in forty
    open_days = {day.isoformat() for day in business_days("JP", date(2000, 1, 1), date(2026, 4, 30))}
    assert open_days ^ {day for day in told(data, "mof.jgb.10Y") if day >= "2000"} == set()
