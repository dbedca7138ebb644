"""Yields of Japanese government bonds: bytes to rows, and the publication rule as calendar events.

One reader serves both files. Nothing here fetches, and nothing here knows what a yield is used for.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from undertow.archive import Sighting
from undertow.calendars import add_business_days, at_local, business_days
from undertow.errors import ParseError
from undertow.parsing import Quarantine, event_table, landed, observation, release_event
from undertow.room import Landed
from undertow.vocabulary import Basis, Event, Flag, ObsStatus

__all__ = ["parse", "rules"]

TOKYO = "Asia/Tokyo"
MARKET = "JP"
PUBLISHED = "09:30"
PUBLISHED_SINCE = date(2025, 4, 1)  # the first notices that we know of with this hour are of April 2025
HOLIDAYS_SINCE = date(1999, 9, 24)  # from here on the calendar and the days with yields agree

_DAY = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})", re.ASCII)
_BEGINS_LIKE_A_DAY = re.compile(r"\d{1,4}(/|$)", re.ASCII)
_MATURITY = re.compile(r"(\d{1,2})Y", re.ASCII)
_YIELD = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_UNIT = re.compile(r"\(\s*Unit\s*:\s*(.*?)\s*\)", re.IGNORECASE)
_ABSENT = "-"
_HIGHEST = 20.0  # percent; a yield beyond it is a slipped decimal

Line = tuple[int, list[str]]


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the yields and the series of one of the two files.

    Raises:
        ParseError: the bytes are not such a file, a maturity or the unit is another, or a day is told twice and differently.
    """
    quarantine: Quarantine = []
    lines = [(number, cells) for number, cells in _lines(payload) if any(cell.strip() for cell in cells)]
    place = next((i for i, (_, cells) in enumerate(lines) if cells[0].strip() == "Date"), None)
    if place is None:
        raise ParseError(f"no line begins with Date; the file begins {','.join(lines[0][1])[:60]!r}" if lines else "no line")
    _demand_percent(lines[:place])
    maturities = _maturities(lines[place][1], catalogue["maturities"])
    grid = _grid(lines[place + 1 :], maturities, sighting.fetched_at, quarantine)
    _judge_the_end(payload, lines[-1], grid, quarantine)
    rows = list(_rows(grid, catalogue["maturities"], sighting.fetched_at, quarantine))
    if not rows:
        raise ParseError("the file has no usable yield" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    told = {row["series_id"] for row in rows}
    series = [
        {**catalogue["series"], "series_id": _series_id(one), "title": f"{catalogue['title']}, {_words(one)}"}
        for one in maturities
        if _series_id(one) in told
    ]
    return landed(rows, series, quarantine)


def rules(year: int) -> pa.Table:
    """Return one scheduled event for each business day of ``year`` since the hour is known: yields come out on the next one.

    Holidays follow from laws that are older than the year, so 1 January is an upper bound of when they were known.
    """
    first = date(year, 1, 1)
    return event_table(
        release_event(
            "mof_jgb_yields",
            (day.isoformat(), day),
            Event.SCHEDULED,
            at_local(add_business_days(MARKET, day, 1), PUBLISHED, TOKYO),
            at_local(first, "00:00", TOKYO),
            source="rule: at 09:30 in Tokyo on the next business day",
            flags=[Flag.KNOWN_LATE],
        )
        for day in business_days(MARKET, max(first, PUBLISHED_SINCE), date(year, 12, 31))
    )


def _lines(payload: bytes) -> list[Line]:
    """Return the cells of each line; the footnote is in Shift-JIS, of which what is ASCII is the same in UTF-8."""
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = payload.decode("cp932", "replace")
    return list(enumerate(csv.reader(text.replace("\r\n", "\n").split("\n")), 1))


def _demand_percent(titles: Sequence[Line]) -> None:
    """Raise where the rows before the header do not say that the unit is percent."""
    units = [match[1] for _, cells in titles for cell in cells if (match := _UNIT.search(cell))]
    if units != ["%"]:
        raise ParseError(f"the title says the unit is {units or 'nothing'}, expected %")


def _maturities(header: Sequence[str], expected: Mapping[str, str]) -> list[str]:
    """Return the maturities of the header, in its order."""
    named = [cell.strip() for cell in header[1:]]
    strange = [name for name in named if not _MATURITY.fullmatch(name)]
    if strange:
        raise ParseError(f"the header has columns that are no maturities: {strange}")
    if len(set(named)) < len(named):
        raise ParseError(f"the header names a maturity twice: {named}")
    missing = [name for name in expected if name not in named]
    if missing:
        raise ParseError(f"the header lacks the maturities {', '.join(missing)}; if one has ended, see assets/mof/series.yml")
    return named


def _grid(
    lines: Sequence[Line], maturities: Sequence[str], fetched_at: datetime, quarantine: Quarantine
) -> dict[date, dict[str, str]]:
    """Return day -> maturity -> text as written; lines that cannot be placed or tell nothing go to quarantine."""
    latest = fetched_at.astimezone(ZoneInfo(TOKYO)).date()
    grid: dict[date, dict[str, str]] = {}
    for number, raw in lines:
        cells = [cell.strip() for cell in raw]
        if not _BEGINS_LIKE_A_DAY.match(cells[0]) and not any(cells[1:]):
            continue  # the footnote: words in one cell, for people
        where, line = f"line {number}", ",".join(raw)
        if len(cells) != len(maturities) + 1:
            raise ParseError(f"line {number} has {len(cells)} cells, and the header has {len(maturities) + 1}: {line[:60]!r}")
        day = _day(cells[0])
        told = dict(zip(maturities, cells[1:], strict=True))
        if day is None:
            quarantine.append((where, "the first cell is not a date", line))
        elif day > latest:
            quarantine.append((where, f"the day is after the fetch of {latest.isoformat()}", line))
        elif all(text in (_ABSENT, "") for text in told.values()):
            quarantine.append((where, "the day has no yield", line))
        elif all(_YIELD.fullmatch(text) and float(text) == 0 for text in told.values() if text not in (_ABSENT, "")):
            quarantine.append((where, "all yields of the day are zero: a holiday that was filled in", line))
        elif grid.setdefault(day, told) != told:
            raise ParseError(f"the file gives the yields of {day} twice, and differently")
    return grid


def _judge_the_end(payload: bytes, last: Line, grid: dict[date, dict[str, str]], quarantine: Quarantine) -> None:
    """Take the last line back where it is one of yields and has no end: its last number may be cut."""
    day = _day(last[1][0].strip())
    if day is not None and day in grid and not payload.endswith(b"\n"):
        del grid[day]
        quarantine.append((f"line {last[0]}", "the last line has no end, so its numbers may be cut", ",".join(last[1])))


def _rows(
    grid: Mapping[date, Mapping[str, str]], began: Mapping[str, str], fetched_at: datetime, quarantine: Quarantine
) -> Iterator[dict[str, Any]]:
    """Yield one row for each day and maturity from the first day of the maturity on."""
    for day, told in sorted(grid.items()):
        instant, flags = _published(day)
        for maturity, text in told.items():
            is_absent = text in (_ABSENT, "")
            if is_absent and day.isoformat() < began.get(maturity, "9999"):
                continue
            value = float(text) if _YIELD.fullmatch(text) else None
            if not is_absent and (value is None or abs(value) > _HIGHEST):
                quarantine.append((f"{day}, {maturity}", "the yield is not a number, or a slipped decimal", text))
                continue
            yield observation(
                _series_id(maturity),
                (day, day),
                value,
                fetched_at,
                instant=instant,
                basis=Basis.LAG_RULE,
                status=ObsStatus.MISSING if value is None else ObsStatus.NORMAL,
                flags=flags,
            )


def _published(day: date) -> tuple[datetime, list[Flag]]:
    """Return when the yields of a day came out, and how sure that is."""
    following = add_business_days(MARKET, day, 1)
    if day >= PUBLISHED_SINCE:
        return at_local(following, PUBLISHED, TOKYO), []
    return at_local(following, "23:59", TOKYO), [Flag.KNOWN_LATE if day >= HOLIDAYS_SINCE else Flag.LOOKAHEAD_RISK]


def _day(text: str) -> date | None:
    """Return the date of ``2025/5/2``, or None."""
    match = _DAY.fullmatch(text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _words(maturity: str) -> str:
    return "1 year" if maturity == "1Y" else f"{maturity[:-1]} years"


def _series_id(maturity: str) -> str:
    return f"mof.jgb.{maturity}"
