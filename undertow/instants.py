"""Instants as text: the one reading of a ``ts`` in Python, and the one way to write it (rule 10 of the design).

The SQL macro that reads a ``ts`` in the warehouse behaves the same; a test compares the two. Calendars, periods and
anything that asks what time it is now do not belong here.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from undertow.errors import InstantError

__all__ = ["INSTANT_PATTERN", "format_instant", "parse_instant"]

# The SQL macro uses this same text; keep it within what both Python's re and RE2 take.
INSTANT_PATTERN = (
    r"^(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?"
    r"\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?|[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+)?$"
)
_INSTANT = re.compile(INSTANT_PATTERN, re.IGNORECASE | re.ASCII)
_EXAMPLES = "write for example 2025-10-24, 2025-10-24T12:30Z or 2025-10-24 08:30 America/New_York"
_LARGEST_OFFSET = timedelta(hours=15, minutes=59)  # what DuckDB accepts; the largest in use is +14:00


def parse_instant(text: str | datetime | date) -> datetime:
    """Return the instant that a text, a date or a datetime means, as an aware datetime in UTC.

    A text without a zone is UTC, whatever the zone of the machine; so is a naive datetime, and a date is its midnight
    in UTC. A local time that occurs twice (the clock goes back) means the first occurrence.

    Args:
        text: ``2025-10-24``, ``2025-10-24T12:30``, ``2025-10-24 12:30:15.25``, each with an optional ``Z``, ``UTC``,
            ``+02``, ``+0200``, ``+02:00`` or a zone name as in ``2025-12-10 14:00 America/New_York``.

    Raises:
        InstantError: the text is malformed, names no real date, time or zone, or a local time that the clocks skip.

    Example:
        >>> parse_instant("2025-12-10 14:00 America/New_York").isoformat()
        '2025-12-10T19:00:00+00:00'
    """
    if isinstance(text, datetime):
        return _from_datetime(text)
    if isinstance(text, date):
        return datetime(text.year, text.month, text.day, tzinfo=UTC)
    if not isinstance(text, str):
        raise InstantError(f"{_shown(text)} is not an instant; {_EXAMPLES}")
    match = _INSTANT.match(text.strip())
    if match is None:
        raise InstantError(f"{_shown(text)} is not an instant; {_EXAMPLES}")
    day, clock, zone = match.groups()
    try:
        naive = datetime.fromisoformat(f"{day}T{_padded(clock or '00:00')}")
    except ValueError:
        raise InstantError(f"{_shown(text)} names a date or a time that does not exist; {_EXAMPLES}") from None
    return _to_utc(naive, _zone(zone, text), text)


def format_instant(instant: datetime) -> str:
    """Return an instant as text in UTC: ``2025-10-24T12:30:00Z``, with six decimals only where there is a fraction.

    A naive datetime is UTC. ``parse_instant`` gives the same instant back.
    """
    utc = parse_instant(instant)
    return utc.replace(tzinfo=None).isoformat() + "Z"


def _padded(clock: str) -> str:
    """Return a clock time with seconds and all six decimals, for Python 3.11 reads only three or six of them."""
    whole, _, fraction = clock.partition(".")
    if whole.count(":") == 1:
        whole += ":00"
    return f"{whole}.{fraction:0<6}"


def _from_datetime(value: datetime) -> datetime:
    """Return a datetime (or a subclass such as a pandas Timestamp) as a plain aware datetime in UTC."""
    try:
        naive = datetime(  # noqa: DTZ001 - the zone is put on in _to_utc
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
            fold=value.fold,
        )
    except (ValueError, TypeError):  # pandas NaT is a datetime without a date
        raise InstantError(f"{_shown(value)} is not an instant; {_EXAMPLES}") from None
    return _to_utc(naive, value.tzinfo or UTC, value)


def _to_utc(naive: datetime, zone: tzinfo, text: object) -> datetime:
    """Put a zone on a local time and return it in UTC, or raise where that local time does not exist."""
    try:
        utc = naive.replace(tzinfo=zone).astimezone(UTC)
        back = utc.astimezone(zone).replace(tzinfo=None)
    except (OverflowError, ValueError):
        raise InstantError(f"{_shown(text)} lies outside the years 1 to 9999 in UTC") from None
    if back != naive:
        raise InstantError(
            f"{_shown(text)} is a local time that does not exist: the clocks skip it in that zone; "
            f"give it in UTC or an hour later"
        )
    return utc


def _zone(name: str | None, text: str) -> tzinfo:
    """Return the zone a text ends with; none is UTC."""
    if name is None or name.upper() in ("Z", "UTC"):
        return UTC
    if name[0] in "+-":
        digits = name[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if int(digits[2:]) > 59 or offset > _LARGEST_OFFSET:
            raise InstantError(f"{_shown(text)} has the offset {name}, which no clock uses; {_EXAMPLES}")
        return timezone(-offset if name[0] == "-" else offset)
    known = _zone_names().get(name.casefold())
    if known is None:
        raise InstantError(f"{_shown(text)} names the time zone {name}, which does not exist; {_EXAMPLES}")
    return ZoneInfo(known)


@cache
def _zone_names() -> dict[str, str]:
    """Return the IANA zone names by their lower-case form; databases read them without regard to case."""
    return {name.casefold(): name for name in available_timezones()}


def _shown(value: object) -> str:
    """Return a value as it may stand in a message: quoted and not too long."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
