"""Business calendars: which days a market or an office works, and local clock times as instants.

The rules come from QuantLib; ``AD_HOC`` below is the table to edit when a government or a market closes (or opens) on a
day that no rule foresees. When a statistic is released is not here: that is the release calendar, which is data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from undertow.errors import UsageError
from undertow.instants import parse_instant

__all__ = [
    "AD_HOC",
    "CALENDARS",
    "FREQUENCIES",
    "AdHoc",
    "Calendar",
    "add_business_days",
    "at_local",
    "business_days",
    "calendar",
    "day_grid",
    "is_business_day",
    "next_business_day",
    "previous_business_day",
]

# name -> (QuantLib class, market within it), and what the calendar is of
CALENDARS: dict[str, tuple[str, str | None]] = {
    "SIFMA_US": ("UnitedStates", "GovernmentBond"),  # full closes of the US Treasury market, as SIFMA recommends them
    "SOFR": ("UnitedStates", "SOFR"),  # as SIFMA_US, and no fixing on a Good Friday even when bonds trade
    "US_FEDERAL": ("UnitedStates", "Settlement"),  # US federal offices
    "FED": ("UnitedStates", "FederalReserve"),  # Reserve Banks: open on Good Friday, and when offices close by order
    "TARGET": ("TARGET", None),  # the euro system's payment system; the ECB's reference rates
    "JP": ("Japan", None),  # Japan; the Ministry of Finance's bond yields
}

# the steps of a grid of days
FREQUENCIES = {
    "D": "every day",
    "B": "Mondays to Fridays, or the business days of a calendar",
    "W": "every seventh day from the first on",
    "M": "the last day of each month",
}


class AdHoc(NamedTuple):
    """One day on which a calendar departs from its rules."""

    calendar: str
    day: date
    state: Literal["open", "closed"]
    why: str


# Add a row when a closure is announced. A closed federal office does not always mean that nothing is released: weekly
# claims came out on 2025-12-24. Inauguration days, kept in Washington only, are not listed.
AD_HOC: tuple[AdHoc, ...] = (
    AdHoc("US_FEDERAL", date(2012, 12, 24), "closed", "Executive Order 13633"),
    AdHoc("US_FEDERAL", date(2014, 12, 26), "closed", "Executive Order 13682"),
    AdHoc("US_FEDERAL", date(2018, 12, 5), "closed", "National Day of Mourning for George H. W. Bush"),
    AdHoc("US_FEDERAL", date(2018, 12, 24), "closed", "Executive Order 13854"),
    AdHoc("US_FEDERAL", date(2019, 12, 24), "closed", "Executive Order 13900"),
    AdHoc("US_FEDERAL", date(2020, 12, 24), "closed", "executive order of 2020-12-11"),
    AdHoc("US_FEDERAL", date(2021, 6, 18), "closed", "first Juneteenth, law since the day before"),
    AdHoc("US_FEDERAL", date(2024, 12, 24), "closed", "executive order of December 2024 (from memory)"),
    AdHoc("US_FEDERAL", date(2025, 1, 9), "closed", "National Day of Mourning for Jimmy Carter, Executive Order 14133"),
    AdHoc("US_FEDERAL", date(2025, 12, 24), "closed", "Executive Order 14371"),
    AdHoc("US_FEDERAL", date(2025, 12, 26), "closed", "Executive Order 14371"),
    # Before 2007 a holiday that fell on a Sunday moved to Monday only; the ministry published yields on this Tuesday.
    AdHoc("JP", date(2003, 5, 6), "open", "QuantLib applies a later law; the Ministry of Finance published yields"),
)


@dataclass(frozen=True)
class Calendar:
    """One business calendar: QuantLib's rules and the ad-hoc days that go before them."""

    name: str
    rules: Any
    ad_hoc: dict[date, bool]

    def is_open(self, day: date) -> bool:
        """Tell whether the day is a business day."""
        known = self.ad_hoc.get(day)
        return _by_rule(self.name, day) if known is None else known


@cache
def calendar(name: str) -> Calendar:
    """Return the calendar of that name (one of ``CALENDARS``).

    Raises:
        UsageError: there is no calendar of that name.
    """
    if name not in CALENDARS:
        raise UsageError(f"there is no calendar {name!r}; the calendars are {', '.join(CALENDARS)}")
    import QuantLib  # imported late: 0.2 s that most commands do not need

    family, market = CALENDARS[name]
    kind = getattr(QuantLib, family)
    rules = kind(getattr(kind, market)) if market else kind()
    return Calendar(name, rules, {row.day: row.state == "open" for row in AD_HOC if row.calendar == name})


@lru_cache(maxsize=65_536)
def _by_rule(name: str, day: date) -> bool:
    """Tell whether QuantLib's rules call the day a business day."""
    import QuantLib

    if not 1901 <= day.year <= 2199:
        raise UsageError(f"the calendar {name} knows the years 1901 to 2199, not {day.isoformat()}")
    return bool(calendar(name).rules.isBusinessDay(QuantLib.Date(day.day, day.month, day.year)))


def _day(value: date) -> date:
    """Return a plain date; a datetime is refused, for its date depends on a zone that the caller should choose."""
    if isinstance(value, datetime):
        raise UsageError(f"a calendar takes a date, not the datetime {value.isoformat()}")
    return value


def is_business_day(name: str, day: date) -> bool:
    """Tell whether a day is a business day of the calendar."""
    return calendar(name).is_open(_day(day))


def business_days(name: str, start: date, end: date) -> list[date]:
    """Return the business days from ``start`` to ``end``, both included; none when ``end`` is before ``start``."""
    days, chosen = (_day(end) - _day(start)).days, calendar(name)
    return [day for day in (start + timedelta(days=step) for step in range(days + 1)) if chosen.is_open(day)]


def next_business_day(name: str, day: date) -> date:
    """Return the first business day after ``day``."""
    return add_business_days(name, day, 1)


def previous_business_day(name: str, day: date) -> date:
    """Return the last business day before ``day``."""
    return add_business_days(name, day, -1)


def add_business_days(name: str, day: date, n: int) -> date:
    """Return the ``n``-th business day after ``day`` (before it when ``n`` is negative).

    The count starts at ``day`` itself, business day or not: one business day after a Saturday is Monday, as is one
    after the Friday. With ``n`` zero the answer is ``day``, unmoved.
    """
    chosen, current, left = calendar(name), _day(day), abs(n)
    step = timedelta(days=1 if n > 0 else -1)
    while left:
        current += step
        left -= chosen.is_open(current)
    return current


def day_grid(start: date, end: date, freq: str, within: str | None = None) -> list[date]:
    """Return the days from ``start`` to ``end``, both included, in steps of ``freq``.

    Args:
        start: the first day; with ``W`` it sets the day of the week.
        end: the last day; none come out when it is before ``start``.
        freq: one of ``FREQUENCIES``.
        within: with ``B`` a name of ``CALENDARS``; None takes Mondays to Fridays, holidays included.

    Raises:
        UsageError: the step or the calendar is unknown, or a calendar was given for a step that is not ``B``.

    Example:
        >>> [day.day for day in day_grid(date(2025, 1, 31), date(2025, 4, 1), "M")]
        [31, 28, 31]
    """
    if freq not in FREQUENCIES:
        steps = ", ".join(f"{name} ({what})" for name, what in FREQUENCIES.items())
        raise UsageError(f"a grid has no step {freq!r}; the steps are {steps}")
    if within is not None and freq != "B":
        raise UsageError(f"a calendar of business days goes with the step B, not {freq}")
    if within is not None:
        return business_days(within, start, end)
    days = (
        _day(start) + timedelta(days=step) for step in range(0, (_day(end) - _day(start)).days + 1, 7 if freq == "W" else 1)
    )
    if freq == "B":
        return [day for day in days if day.weekday() < 5]
    if freq == "M":
        return [day for day in days if (day + timedelta(days=1)).day == 1]
    return list(days)


def at_local(day: date, clock: str, zone: str) -> datetime:
    """Return the instant (UTC) at which clocks in a zone show a time on a day.

    Args:
        day: the local date.
        clock: ``HH:MM``.
        zone: a zone name such as ``America/New_York``, or ``UTC``.

    Raises:
        InstantError: the time or the zone does not exist, or the clocks skip that time on that day.

    Example:
        >>> at_local(date(2025, 10, 24), "08:30", "America/New_York").isoformat()
        '2025-10-24T12:30:00+00:00'
    """
    return parse_instant(f"{_day(day).isoformat()} {clock} {zone}")
