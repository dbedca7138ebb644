"""Business calendars: known closures, ad-hoc days, arithmetic, and local times across clock changes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow import calendars
from undertow.calendars import (
    AD_HOC,
    CALENDARS,
    add_business_days,
    at_local,
    business_days,
    calendar,
    is_business_day,
    next_business_day,
    previous_business_day,
)
from undertow.errors import InstantError, UsageError
from undertow.instants import format_instant

# Computed by the church's rule, not by QuantLib.
EASTER = {
    2019: date(2019, 4, 21),
    2020: date(2020, 4, 12),
    2021: date(2021, 4, 4),
    2022: date(2022, 4, 17),
    2023: date(2023, 4, 9),
    2024: date(2024, 3, 31),
    2025: date(2025, 4, 20),
    2026: date(2026, 4, 5),
}


def test_target_closures_2019_to_2026() -> None:
    expected = set()
    for year, easter in EASTER.items():
        expected |= {date(year, 1, 1), date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)}
        expected |= {easter - timedelta(days=2), easter + timedelta(days=1)}
    weekdays = {date(2019, 1, 1) + timedelta(days=step) for step in range(8 * 365 + 2)}
    weekdays = {day for day in weekdays if day.weekday() < 5 and day.year <= 2026}
    closed = weekdays - set(business_days("TARGET", date(2019, 1, 1), date(2026, 12, 31)))
    assert closed == {day for day in expected if day.weekday() < 5}
    assert len(closed) == 39  # 38 of them before 31 October 2026, as in the ECB's file


@pytest.mark.parametrize(
    ("name", "day", "is_open"),
    [
        ("SIFMA_US", date(2025, 10, 13), False),  # Columbus Day: bonds rest, shares trade
        ("SIFMA_US", date(2025, 1, 9), True),  # day of mourning: early close only
        ("SIFMA_US", date(2018, 12, 5), False),  # day of mourning: full close
        ("SIFMA_US", date(2023, 4, 7), True),  # Good Friday with payrolls: early close
        ("SOFR", date(2023, 4, 7), False),  # and no SOFR
        ("SOFR", date(2025, 1, 9), True),
        ("SIFMA_US", date(2025, 4, 18), False),
        ("US_FEDERAL", date(2025, 4, 18), True),  # Good Friday is no federal holiday
        ("US_FEDERAL", date(2025, 1, 9), False),
        ("US_FEDERAL", date(2018, 12, 5), False),
        ("US_FEDERAL", date(2025, 12, 24), False),
        ("US_FEDERAL", date(2025, 12, 26), False),
        ("US_FEDERAL", date(2023, 12, 26), True),
        ("US_FEDERAL", date(2021, 6, 18), False),  # first Juneteenth, a Saturday
        ("US_FEDERAL", date(2022, 6, 20), False),
        ("TARGET", date(2025, 11, 11), True),
        ("JP", date(2025, 11, 24), False),
        ("JP", date(2019, 5, 2), False),  # the ten days off at the change of emperor
        ("JP", date(2003, 5, 6), True),  # yields were published
        ("JP", date(2025, 7, 4), True),
    ],
)
def test_known_days(name: str, day: date, is_open: bool) -> None:
    assert is_business_day(name, day) is is_open


@pytest.mark.parametrize("name", CALENDARS)
def test_weekends_are_closed(name: str) -> None:
    assert not is_business_day(name, date(2025, 11, 22))
    assert not is_business_day(name, date(2025, 11, 23))


def test_every_ad_hoc_row_departs_from_the_rules() -> None:
    import QuantLib

    for row in AD_HOC:
        rule = calendar(row.calendar).rules.isBusinessDay(QuantLib.Date(row.day.day, row.day.month, row.day.year))
        assert rule is (row.state == "closed"), f"{row} only repeats the rule"
        assert is_business_day(row.calendar, row.day) is (row.state == "open")
        assert row.why
    assert len({(row.calendar, row.day) for row in AD_HOC}) == len(AD_HOC)


def test_an_added_row_changes_one_calendar_only(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        calendars.AdHoc("TARGET", date(2025, 11, 20), "closed", "test"),
        calendars.AdHoc("TARGET", date(2025, 11, 22), "open", "test: a Saturday"),
    )
    monkeypatch.setattr(calendars, "AD_HOC", rows)
    calendar.cache_clear()
    try:
        days = business_days("TARGET", date(2025, 11, 19), date(2025, 11, 24))
        assert days == [date(2025, 11, 19), date(2025, 11, 21), date(2025, 11, 22), date(2025, 11, 24)]
        assert is_business_day("SIFMA_US", date(2025, 11, 20))
    finally:
        calendar.cache_clear()


def test_business_days_includes_both_ends() -> None:
    assert business_days("SIFMA_US", date(2025, 11, 26), date(2025, 12, 1)) == [
        date(2025, 11, 26),
        date(2025, 11, 28),
        date(2025, 12, 1),
    ]
    assert business_days("SIFMA_US", date(2025, 11, 27), date(2025, 11, 27)) == []
    assert business_days("SIFMA_US", date(2025, 11, 28), date(2025, 11, 26)) == []


def test_steps() -> None:
    assert next_business_day("US_FEDERAL", date(2025, 12, 23)) == date(2025, 12, 29)
    assert previous_business_day("US_FEDERAL", date(2025, 12, 29)) == date(2025, 12, 23)
    assert next_business_day("TARGET", date(2025, 4, 17)) == date(2025, 4, 22)
    assert add_business_days("SIFMA_US", date(2025, 11, 26), 2) == date(2025, 12, 1)
    assert add_business_days("SIFMA_US", date(2025, 12, 1), -2) == date(2025, 11, 26)
    assert add_business_days("SIFMA_US", date(2025, 11, 22), 0) == date(2025, 11, 22)
    assert add_business_days("SIFMA_US", date(2025, 11, 22), 1) == date(2025, 11, 24)


@settings(deadline=None)
@given(st.sampled_from(sorted(CALENDARS)), st.dates(date(1999, 1, 1), date(2035, 1, 1)), st.integers(1, 30))
def test_steps_agree_with_the_list(name: str, day: date, n: int) -> None:
    later = add_business_days(name, day, n)
    between = business_days(name, day + timedelta(days=1), later)
    assert len(between) == n
    assert between[-1] == later
    back = add_business_days(name, later, -n)
    assert back == (day if is_business_day(name, day) else previous_business_day(name, day))


def test_bad_requests() -> None:
    with pytest.raises(UsageError, match="no calendar 'NYSE'; the calendars are SIFMA_US, SOFR, US_FEDERAL, FED, TARGET, JP"):
        is_business_day("NYSE", date(2025, 1, 2))
    with pytest.raises(UsageError, match="years 1901 to 2199"):
        is_business_day("TARGET", date(1850, 1, 2))
    with pytest.raises(UsageError, match="takes a date"):
        is_business_day("TARGET", datetime(2025, 1, 2, 23, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("day", "clock", "zone", "expected"),
    [
        (date(2025, 3, 7), "08:30", "America/New_York", "2025-03-07T13:30:00Z"),  # before the clocks go forward
        (date(2025, 3, 10), "08:30", "America/New_York", "2025-03-10T12:30:00Z"),
        (date(2025, 10, 31), "08:30", "America/New_York", "2025-10-31T12:30:00Z"),
        (date(2025, 11, 3), "08:30", "America/New_York", "2025-11-03T13:30:00Z"),  # after they went back
        (date(2025, 10, 24), "16:00", "Europe/Berlin", "2025-10-24T14:00:00Z"),
        (date(2025, 10, 27), "16:00", "Europe/Berlin", "2025-10-27T15:00:00Z"),
        (date(2025, 11, 20), "08:50", "Asia/Tokyo", "2025-11-19T23:50:00Z"),
        (date(2025, 11, 2), "01:30", "America/New_York", "2025-11-02T05:30:00Z"),  # twice: the first
        (date(2025, 11, 2), "12:00", "UTC", "2025-11-02T12:00:00Z"),
    ],
)
def test_local_times(day: date, clock: str, zone: str, expected: str) -> None:
    assert format_instant(at_local(day, clock, zone)) == expected


def test_local_times_that_do_not_exist() -> None:
    with pytest.raises(InstantError, match="does not exist"):
        at_local(date(2025, 3, 9), "02:30", "America/New_York")
    with pytest.raises(InstantError, match="Europe/Atlantis"):
        at_local(date(2025, 3, 9), "12:30", "Europe/Atlantis")
    with pytest.raises(InstantError, match="is not an instant"):
        at_local(date(2025, 3, 9), "8.30", "Europe/Berlin")


def test_importing_the_module_does_not_import_quantlib() -> None:
    code = "import sys, undertow.calendars; sys.exit('QuantLib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
