"""FRED payloads: bytes to rows for the API's answers and for the CSVs of the two graph pages.

What was asked for stands in the address of the sighting; an answer that echoes anything else is refused. Each payload is
read by itself: rows that begin where a window begins say "known by then", and models drop those that an earlier window
dates. Fetching does not belong here.
"""

from __future__ import annotations

import csv
import io
import json
import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pyarrow as pa

from undertow.archive import Sighting
from undertow.calendars import add_business_days, at_local
from undertow.errors import ParseError
from undertow.room import Landed
from undertow.schemas import OBSERVATION, PROVENANCE, TABLES
from undertow.vocabulary import Basis, Flag, ObsStatus

__all__ = ["FIRST_DAY", "LAST_DAY", "parse", "read_page", "read_vintage_dates"]

FIRST_DAY = date(1776, 7, 4)  # the API's words for "from the beginning" and "until now"
LAST_DAY = date(9999, 12, 31)
END_OF_DAY = "23:59:59"
ZONE = "America/New_York"
FRED_ZONE = "America/Chicago"  # in which a real-time date is a day

ENVELOPE = {"realtime_start", "realtime_end", "count", "offset", "limit"}
POINT = {"realtime_start", "realtime_end", "date", "value"}
WITHDRAWN = "no longer in the provider's data from this day on"

_ID = re.compile(r"[A-Z0-9_]{1,60}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_VINTAGE = re.compile(r"([A-Z0-9_]+)_(\d{8})", re.ASCII)
_MONTHS = {"M": 1, "Q": 3, "S": 6, "A": 12}
_FREQUENCIES = {"D": "D", "W": "W", "M": "M", "Q": "Q", "SA": "S", "A": "A"}  # FRED's short names that fit ours
_ADJUSTMENTS = {"SA": "SA", "SAAR": "SA", "NSA": "NSA"}

Quarantine = list[tuple[str, str, str]]


class _State(NamedTuple):
    """What a payload says of one period: the value from a day on. ``is_bound``: that day is an upper bound."""

    day: date  # of the observation, as FRED dates it
    since: date | None  # real-time date; None where the payload has none
    value: float | None
    is_bound: bool = False
    footnotes: tuple[str, ...] = ()


@dataclass
class _Found:
    """The states of one series in a payload, and the texts they came from."""

    native: str
    states: list[_State] = field(default_factory=list)
    decimals: int = 0


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the rows of one payload of any of the room's datasets.

    A missing value (``"."``, in a CSV an empty cell) is a row without a value. A row that cannot be read, and rows that
    contradict each other, go to quarantine. Vintage dates are checked and land nothing.

    Raises:
        ParseError: the bytes are not what the dataset says, FRED refused the request, the answer is of another series,
            period, unit or output type than was asked for, or nothing in it can be used.
    """
    readers = {
        "series_info": _series_info,
        "vintage_dates": _vintage_dates,
        "observations": _observations,
        "fredgraph_csv": _fredgraph,
        "alfredgraph_csv": _alfredgraph,
    }
    if sighting.dataset not in readers:
        raise ParseError(f"the room fred reads {', '.join(readers)}; it has no parser for {sighting.dataset}")
    return readers[sighting.dataset](payload, sighting, catalogue)


# --- the API -------------------------------------------------------------------------------------------------


def read_vintage_dates(payload: bytes, url: str, fetched_at: datetime | None = None) -> tuple[list[date], int | None]:
    """Return the vintage dates of an answer in ascending order, and the offset to go on from, or None at the end.

    The offset is that of the last date again, so that the windows over two pages meet.

    Raises:
        ParseError: the answer is none of ``series/vintagedates``, or of another period than was asked for.
    """
    answer = _answer(payload, ENVELOPE | {"vintage_dates"})
    _demand_echo(answer, url, fetched_at)
    words = answer["vintage_dates"]
    if not isinstance(words, list) or not all(isinstance(word, str) and _date(word) for word in words):
        raise ParseError("vintage_dates is not a list of dates (YYYY-MM-DD)")
    if words != sorted(set(words)):
        raise ParseError("the vintage dates are not in ascending order, each once")
    offset = _demand_whole(answer, len(words))
    is_more = offset + len(words) < answer["count"]
    return [date.fromisoformat(word) for word in words], offset + len(words) - 1 if is_more else None


def read_page(payload: bytes, url: str) -> int | None:
    """Return the offset of the next page of observations, or None where this is the last.

    Raises:
        ParseError: the answer is none of ``series/observations``.
    """
    answer = _answer(payload, ENVELOPE | {"observations", "output_type", "units"})
    _demand_echo(answer, url, None)
    size = len(_list(answer, "observations"))
    offset = _demand_whole(answer, size)
    return offset + size if offset + size < answer["count"] else None


def _vintage_dates(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Check the days on which a series changed; they say what to ask for and are no observations."""
    del catalogue
    _asked_series(sighting.url)
    dates, _ = read_vintage_dates(payload, sighting.url, sighting.fetched_at)
    if not dates:
        raise ParseError("the answer has no vintage date")
    return Landed()


def _series_info(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read title, unit and frequency of one series."""
    native = _asked_series(sighting.url)
    described = _list(_answer(payload, {"realtime_start", "realtime_end", "seriess"}), "seriess")
    if len(described) != 1 or not isinstance(described[0], dict):
        raise ParseError(f"the answer describes {len(described)} series, and one was asked for")
    said = described[0]
    wanted = ("id", "title", "units", "frequency_short", "seasonal_adjustment_short")
    if missing := [name for name in wanted if not isinstance(said.get(name), str)]:
        raise ParseError(f"the description lacks {', '.join(missing)}")
    if said["id"] != native:
        raise ParseError(f"the answer is of the series {said['id']}, and {native} was asked for")
    facts = _facts(native, catalogue)
    frequency = _FREQUENCIES.get(said["frequency_short"])
    if frequency is None:
        raise ParseError(f"the frequency {said['frequency_short']} of {native} is not one that this room reads")
    known = facts.get("frequency")
    if known and frequency != ("D" if known == "B" else known):
        raise ParseError(f"FRED says that {native} has the frequency {frequency}, and assets/fred/series.yml says {known}")
    facts |= {
        "title": said["title"],
        "unit": said["units"],
        "frequency": known or frequency,
        "seasonal_adjustment": _ADJUSTMENTS.get(said["seasonal_adjustment_short"], "NA"),
    }
    return Landed(series=_table([_series_row(native, facts, 0)], TABLES["series"]))


def _observations(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the vintages of one series: for each observation the days between which each value was current."""
    native = _asked_series(sighting.url)
    answer = _answer(payload, ENVELOPE | {"observations", "output_type", "units"})
    asked = _query(sighting.url)
    start, end = _demand_echo(answer, sighting.url, sighting.fetched_at)
    if answer["output_type"] != 1 or answer["units"] != "lin":
        raise ParseError(
            f"the answer has output type {answer['output_type']} and units {answer['units']!r}; "
            "this room reads type 1 and untransformed values (lin)"
        )
    points = _list(answer, "observations")
    offset = _demand_whole(answer, len(points))
    is_last_page = offset + len(points) >= answer["count"]
    if "limit" in asked and asked["limit"] != str(answer["limit"]):
        raise ParseError(f"the answer has the limit {answer['limit']}, and {asked['limit']} was asked for")
    quarantine: Quarantine = []
    found = _Found(native)
    intervals: dict[date, dict[date, tuple[date, float | None]]] = defaultdict(dict)
    torn: set[date] = set()
    for number, point in enumerate(points, offset):
        place = f"observation {number}"
        if not isinstance(point, dict) or point.keys() != POINT:
            raise ParseError(f"{place} is not an object of {', '.join(sorted(POINT))}: {str(point)[:120]}")
        read = _read(point, start, end)
        if isinstance(read, str):
            quarantine.append((place, read, json.dumps(point)))
            continue
        day, since, until, value = read
        found.decimals = max(found.decimals, _decimals(point["value"]))
        before = intervals[day].setdefault(since, (until, value))
        if before != (until, value):
            torn.add(day)
            quarantine.append(
                (place, "another row of this payload says otherwise of the same day and vintage", json.dumps(point))
            )
    cut = None if is_last_page else max(intervals, default=None)  # the rest of this day may stand on the next page
    for day, mine in intervals.items():
        if day in torn:
            reason = "rows of this day contradict each other, so none of them is used"
            quarantine.append((f"observation of {day}", reason, str(sorted(mine))))
            continue
        found.states += _timeline(day, mine, start, end, is_cut=day == cut)
    return _landed([found], sighting, catalogue, quarantine)


def _timeline(
    day: date, intervals: Mapping[date, tuple[date, float | None]], start: date, end: date, *, is_cut: bool
) -> Iterator[_State]:
    """Yield the states of one observation in a window; a day that no interval covers is a withdrawal.

    A row that begins with the window is a bound, unless the window is open at its start: nothing can be older then.
    """
    ordered = sorted(intervals.items())
    for place, (since, (until, value)) in enumerate(ordered):
        yield _State(day, since, value, is_bound=since == start != FIRST_DAY)
        if value is None or until == end:
            continue
        after = until + timedelta(days=1)
        if not is_cut if place + 1 == len(ordered) else after < ordered[place + 1][0]:
            yield _State(day, after, None, footnotes=(WITHDRAWN,))


def _read(point: Mapping[str, Any], start: date, end: date) -> tuple[date, date, date, float | None] | str:
    """Return day, first and last real-time date, and value of one observation; or what is wrong with it."""
    day, since, until = _date(point["date"]), _date(point["realtime_start"]), _date(point["realtime_end"])
    if day is None or since is None or until is None:
        return "a date is not written YYYY-MM-DD"
    if not start <= since <= until <= end:
        return f"its real-time period does not lie within that of the answer, {start} to {end}"
    if point["value"] == ".":
        return day, since, until, None
    value = _number(point["value"])
    return (day, since, until, value) if value is not None else "the value is neither a number nor '.'"


def _answer(payload: bytes, wanted: Iterable[str]) -> dict[str, Any]:
    """Return an answer of the API, which must have these fields."""
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise ParseError(f"the answer is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise ParseError("the answer is JSON and no object")
    code = answer.get("error_code", answer.get("code"))
    if code is not None:
        words = " ".join(str(answer.get("error_message", answer.get("message", "no reason given"))).split())
        raise ParseError(f"FRED refused the request (error {code}): {words[:200]}")
    if missing := sorted(set(wanted) - answer.keys()):
        raise ParseError(f"the answer lacks {', '.join(missing)}")
    return answer


def _list(answer: Mapping[str, Any], name: str) -> list[Any]:
    """Return a field of an answer that is a list."""
    if not isinstance(answer[name], list):
        raise ParseError(f"{name} is not a list")
    return answer[name]


def _demand_whole(answer: Mapping[str, Any], size: int) -> int:
    """Return the offset of an answer; raise where it has fewer rows than it says."""
    count, offset, limit = (answer[name] for name in ("count", "offset", "limit"))
    if not all(isinstance(number, int) and number >= 0 for number in (count, offset, limit)):
        raise ParseError(f"count, offset and limit are not numbers: {count!r}, {offset!r}, {limit!r}")
    expected = min(limit, max(count - offset, 0))
    if size != expected:
        raise ParseError(f"the answer has {size} rows, and says that it has {expected}")
    return offset


def _demand_echo(answer: Mapping[str, Any], url: str, fetched_at: datetime | None) -> tuple[date, date]:
    """Return the real-time period of an answer; raise where it or another echoed field is not what was asked for."""
    asked = _query(url)
    if "vintage_date" in asked:
        raise ParseError("the API ignores the parameter vintage_date and answers with today's data; ask for a real-time period")
    if "vintage_dates" in asked:
        raise ParseError("this room reads real-time periods (realtime_start, realtime_end), not vintage_dates")
    for name in ("output_type", "units", "observation_start", "observation_end", "offset", "sort_order"):
        if name in asked and str(answer.get(name, asked[name])) != asked[name]:
            raise ParseError(f"the answer has {name} {answer.get(name)}, and {asked[name]} was asked for")
    today = fetched_at.astimezone(ZoneInfo(FRED_ZONE)).date().isoformat() if fetched_at else None
    for name in ("realtime_start", "realtime_end"):
        wanted = asked.get(name, today)
        if wanted is not None and answer[name] != wanted:
            why = "was asked for" if name in asked else "is the day it was asked on, and no period was asked for"
            raise ParseError(f"the answer has {name} {answer[name]}, and {wanted} {why}; what it holds is another vintage")
    start, end = _date(answer["realtime_start"]), _date(answer["realtime_end"])
    if start is None or end is None or start > end:
        raise ParseError(f"the real-time period is {answer['realtime_start']!r} to {answer['realtime_end']!r}")
    return start, end


def _query(url: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def _asked_series(url: str) -> str:
    """Return the series that an address asks for: answers of the API do not name it."""
    native = _query(url).get("series_id", "")
    if not _ID.fullmatch(native):
        raise ParseError(f"the address names no series_id, and the answer does not say which series it is of: {url[:120]!r}")
    return native


# --- the CSVs ------------------------------------------------------------------------------------------------


class _Sheet(NamedTuple):
    """A CSV as text: the columns after the date, and for each day its line and its cells."""

    columns: list[str]
    cells: dict[date, tuple[int, list[str]]]  # in ascending order of days


def _fredgraph(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the newest values of one or more series."""
    quarantine: Quarantine = []
    sheet = _sheet(payload, quarantine)
    asked = [word for word in _query(sighting.url).get("id", "").split(",") if word]
    if asked and sheet.columns != asked:
        raise ParseError(f"the file holds {', '.join(sheet.columns)}, and {', '.join(asked)} was asked for")
    if "vintage_date" in _query(sighting.url):
        raise ParseError("the address asks for a vintage_date; such a file belongs to the dataset alfredgraph_csv")
    series = []
    for place, native in enumerate(sheet.columns):
        values, decimals = _column(sheet, place, native, quarantine)
        alone = len(sheet.columns) == 1
        kept = values if alone else _own_periods(values, _facts(native, catalogue).get("frequency"))
        series.append(_Found(native, [_State(day, None, value) for day, value in kept.items()], decimals))
    return _landed(series, sighting, catalogue, quarantine)


def _alfredgraph(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read chosen vintages: one row for each day at which a column says otherwise than the one before it."""
    quarantine: Quarantine = []
    sheet = _sheet(payload, quarantine)
    vintages: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for place, name in enumerate(sheet.columns):
        match = _VINTAGE.fullmatch(name)
        day = match and _date(f"{match[2][:4]}-{match[2][4:6]}-{match[2][6:]}")
        if not match or day is None:
            raise ParseError(f"the column {name!r} is not named <id>_<YYYYMMDD>, so its vintage is unknown")
        vintages[match[1]].append((day, place))
    asked = _query(sighting.url)
    days = sorted(day.isoformat() for one in vintages.values() for day, _ in one)
    wanted = sorted(word for word in asked.get("vintage_date", "").split(",") if word)
    if wanted and sorted(set(wanted)) != sorted(set(days)):
        raise ParseError(f"the file holds the vintages {', '.join(days)}, and {', '.join(wanted)} were asked for")
    natives = {word for word in asked.get("id", "").split(",") if word}
    if natives and natives != set(vintages):
        raise ParseError(f"the file holds {', '.join(sorted(vintages))}, and {', '.join(sorted(natives))} was asked for")
    series = []
    for native, columns in vintages.items():
        found = _Found(native)
        standing: dict[date, float | None] = {}
        for since, place in sorted(columns):
            values, decimals = _column(sheet, place, sheet.columns[place], quarantine)
            found.decimals = max(found.decimals, decimals)
            for day, value in _stated(values, standing).items():
                if day not in standing or standing[day] != value:
                    found.states.append(_State(day, since, value, is_bound=True))
                standing[day] = value
        series.append(found)
    return _landed(series, sighting, catalogue, quarantine)


def _stated(values: Mapping[date, float | None], standing: Mapping[date, float | None]) -> dict[date, float | None]:
    """Return what a vintage says: its values, and its blanks where a value stood before or between its own values.

    A blank before the first and after the last value says that the vintage does not reach so far.
    """
    own = [day for day, value in values.items() if value is not None]
    first, last = (own[0], own[-1]) if own else (LAST_DAY, FIRST_DAY)
    return {day: value for day, value in values.items() if value is not None or first < day < last or day in standing}


def _own_periods(values: Mapping[date, float | None], frequency: str | None) -> dict[date, float | None]:
    """Return the cells of one of several columns without blanks that belong to the other columns' dates."""
    own = [day for day, value in values.items() if value is not None]
    if not own:
        return {}
    frequency = frequency or _frequency(own)
    weekdays = {day.weekday() for day in own}

    def is_own(day: date) -> bool:
        if frequency in _MONTHS:
            return day.day == 1 and (day.month - own[0].month) % _MONTHS[frequency] == 0
        return day.weekday() in weekdays

    return {day: value for day, value in values.items() if value is not None or (own[0] < day < own[-1] and is_own(day))}


def _sheet(payload: bytes, quarantine: Quarantine) -> _Sheet:
    """Split a CSV into cells; rows that cannot be used go to quarantine."""
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"the file is not text: {error}") from error
    lines = [(number, cells) for number, cells in enumerate(csv.reader(io.StringIO(text)), 1) if any(map(str.strip, cells))]
    if not lines:
        raise ParseError("the file is empty")
    header = [name.strip() for name in lines[0][1]]
    columns = header[1:]
    if header[0] not in ("observation_date", "DATE") or not columns or not all(_ID.fullmatch(name) for name in columns):
        raise ParseError(f"the header is {','.join(header)[:120]!r}, expected observation_date (or DATE) and series ids")
    if len(set(columns)) < len(columns):
        raise ParseError(f"the header names a column twice: {','.join(header)[:120]!r}")
    rows: dict[date, tuple[int, list[str]]] = {}
    torn: set[date] = set()
    for number, cells in lines[1:]:
        raw = ",".join(cells)
        day = _date(cells[0].strip())
        if day is None:
            quarantine.append((f"line {number}", "the first cell is not a date (YYYY-MM-DD)", raw))
        elif len(cells) != len(header):
            quarantine.append((f"line {number}", f"the line has {len(cells)} cells, and the header has {len(header)}", raw))
        elif day in rows and rows[day][1] != cells[1:]:
            torn.add(day)
            quarantine.append((f"line {number}", f"line {rows[day][0]} says otherwise of the same day", raw))
        else:
            rows.setdefault(day, (number, cells[1:]))
    for day in sorted(torn):
        number, cells = rows.pop(day)
        quarantine.append(
            (f"line {number}", "another line says otherwise of the same day", ",".join((day.isoformat(), *cells)))
        )
    if not rows:
        raise ParseError("the file has a header and no usable row")
    return _Sheet(columns, dict(sorted(rows.items())))


def _column(sheet: _Sheet, place: int, name: str, quarantine: Quarantine) -> tuple[dict[date, float | None], int]:
    """Return one column, None for a blank, and the digits after its points; other texts go to quarantine."""
    values: dict[date, float | None] = {}
    decimals = 0
    for day, (number, cells) in sheet.cells.items():
        text = cells[place].strip()
        if text in ("", "."):
            values[day] = None
        elif (value := _number(text)) is not None:
            values[day] = value
            decimals = max(decimals, _decimals(text))
        else:
            quarantine.append((f"line {number}, {name}", "the value is not a number", text))
    return values, decimals


# --- rows ----------------------------------------------------------------------------------------------------


def _landed(series: Sequence[_Found], sighting: Sighting, catalogue: Mapping[str, Any], quarantine: Quarantine) -> Landed:
    """Return the rows of the series that have any."""
    observations: list[dict[str, Any]] = []
    described: list[dict[str, Any]] = []
    for found in sorted(series, key=lambda one: one.native):
        if not found.states:
            continue
        facts = _facts(found.native, catalogue)
        if "frequency" not in facts:
            facts["frequency"] = _frequency(sorted({state.day for state in found.states}))
        rows = list(_rows(found, facts, sighting, quarantine))
        if rows:
            observations += rows
            described.append(_series_row(found.native, facts, found.decimals))
    if not observations:
        worst = f"; the first: {quarantine[0][1]} ({quarantine[0][2][:80]!r})" if quarantine else ""
        raise ParseError(f"the payload has no usable observation{worst}")
    return Landed(
        observation=_table(observations, OBSERVATION), series=_table(described, TABLES["series"]), quarantine=quarantine
    )


def _rows(found: _Found, facts: Mapping[str, Any], sighting: Sighting, quarantine: Quarantine) -> Iterator[dict[str, Any]]:
    """Yield one row for each state, ordered by period and instant."""
    periods = {day: _span(day, facts["frequency"]) for day in {state.day for state in found.states}}
    for day in sorted(day for day, span in periods.items() if span is None):
        quarantine.append(
            (f"{found.native} {day}", f"the day begins no period of frequency {facts['frequency']}", day.isoformat())
        )
    instants = {since: _end_of_day(since) for since in {state.since for state in found.states} if since is not None}
    source = [Flag.SECONDARY_SOURCE.value] if facts["is_secondary"] else []
    lag = _lag(facts.get("lag"))
    missing, normal = ObsStatus.MISSING.value, ObsStatus.NORMAL.value
    late = [*source, Flag.KNOWN_LATE.value]
    name, nothing = f"fred.{found.native}", list[str]()
    for state in sorted(found.states, key=lambda one: (one.day, one.since or FIRST_DAY)):
        span = periods[state.day]
        if span is None:
            continue
        if state.since is not None:
            known, basis = instants[state.since], Basis.LAG_RULE.value
        elif lag is not None:
            known, basis = lag(state.day), Basis.LAG_RULE.value
        else:
            known, basis = sighting.fetched_at, Basis.FIRST_SEEN.value
        yield {
            "series_id": name,
            "period_start": span[0],
            "period_end": span[1],
            "value": state.value,
            "known_at": known,
            "known_at_basis": basis,
            "obs_status": missing if state.value is None else normal,
            "flags": late if state.is_bound else source,
            "footnotes": list(state.footnotes) or nothing,
        }


def _series_row(native: str, facts: Mapping[str, Any], decimals: int) -> dict[str, Any]:
    """Return the description of a series."""
    return {
        "series_id": f"fred.{native}",
        "title": facts.get("title", native),
        "agency": facts["agency"],
        "unit": facts["unit"],
        "decimals": facts.get("decimals", decimals),
        "frequency": facts["frequency"],
        "seasonal_adjustment": facts["seasonal_adjustment"],
        "revision_policy": facts["revision"],
        "release_id": facts.get("release_id"),
        "component": facts.get("component"),
        "stale_after_days": facts.get("stale_after_days") or facts["stale_after"][facts["frequency"]],
        "licence": facts["licence"],
        "source_url": f"https://fred.stlouisfed.org/series/{native}",
        "redistribution": facts.get("redistribution"),
    }


def _facts(native: str, catalogue: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the catalogue says of a series; of a strange one only what holds for all."""
    return {**catalogue["defaults"], **catalogue["series"].get(native, {})}


def _lag(rule: Mapping[str, Any] | None) -> Callable[[date], datetime] | None:
    """Return the publication rule of a series as a function of the observation's day: business days later, at an hour."""
    if rule is None:
        return None
    return lambda day: at_local(add_business_days(rule["calendar"], day, rule["business_days"]), rule["at"], rule["zone"])


def _span(day: date, frequency: str) -> tuple[date, date] | None:
    """Return first and last day of the period that FRED dates so, or None where it begins no such period.

    Months and longer periods are dated by their first day, weeks by their last.
    """
    if frequency == "W":
        return day - timedelta(days=6), day
    if frequency not in _MONTHS:
        return day, day
    length = _MONTHS[frequency]
    if day.day != 1 or (day.month - 1) % length:
        return None
    last = day.month + length - 1
    return day, date(day.year, last, monthrange(day.year, last)[1])


def _frequency(days: Sequence[date]) -> str:
    """Return the frequency that the distances between the days of a strange series suggest."""
    if len(days) < 2:
        raise ParseError("one observation does not tell the frequency of a series that assets/fred/series.yml does not list")
    steps = sorted((later - day).days for day, later in pairwise(days))
    step = steps[len(steps) // 2]
    if step >= 28 and all(day.day == 1 for day in days):
        return next(name for longest, name in ((31, "M"), (92, "Q"), (184, "S"), (10**6, "A")) if step <= longest)
    if step == 7:
        return "W"
    if step > 4:
        raise ParseError(f"observations that lie {step} days apart are of no frequency that this room reads")
    return "B" if all(day.isoweekday() < 6 for day in days) else "D"


def _end_of_day(day: date) -> datetime:
    """Return the last second of a day in New York."""
    return at_local(day, END_OF_DAY, ZONE)


def _date(text: Any) -> date | None:
    """Return a date that is written YYYY-MM-DD, or None."""
    return _parsed_date(text) if isinstance(text, str) else None


@lru_cache(maxsize=65_536)
def _parsed_date(text: str) -> date | None:
    """Return the date of a text; a payload says few dates many times."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _number(text: Any) -> float | None:
    """Return a finite number that is written with a point, or None."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if isfinite(value) else None


def _decimals(text: str) -> int:
    """Return the digits after the point of a number as it is written."""
    return len(re.split("[eE]", text)[0].partition(".")[2]) if "." in text else 0


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table in a landing schema, without the columns that the landing writer adds."""
    return pa.Table.from_pylist(rows, schema=pa.schema([column for column in schema if column not in PROVENANCE]))
