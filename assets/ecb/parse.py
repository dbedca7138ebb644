"""Euro reference rates: bytes to rows, and the publication rule as calendar events.

One reader serves the history and the daily file, for they differ in padding and in how they write the date only; answers of the
Data Portal are read in ``portal``. Nothing here fetches, and nothing here knows what a rate is used for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.ecb import portal
from undertow.archive import Sighting
from undertow.calendars import at_local, business_days
from undertow.errors import ParseError
from undertow.parsing import Quarantine, landed, observation
from undertow.room import Landed
from undertow.safezip import read_member
from undertow.schemas import INSTANT
from undertow.vocabulary import Basis, Event, Flag, ObsStatus

__all__ = ["parse", "rules"]

FRANKFURT = "Europe/Berlin"
PUBLISHED = "16:00"
PUBLISHED_SINCE = date(2016, 7, 1)  # before, the rates came out at about 14:30
FIRST_DAY = date(1999, 1, 4)

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONG = re.compile(r"(\d{1,2}) ([A-Z][a-z]+) (\d{4})", re.ASCII)
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_NOT_QUOTED = "N/A"
_MAX_TEXT = 256 * 1024 * 1024


class _Grid(NamedTuple):
    """The file as text: the currencies of the header, and one line number, date and row of cells for each day."""

    currencies: list[str]
    lines: list[int]
    days: list[date]
    cells: list[str]  # row after row, one cell for each currency


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the rates and the series of one history or daily file, or of one answer of the Data Portal.

    ``N/A`` cells make no row. A cell that is no positive number, and a day after the fetch, go to quarantine.

    Raises:
        ParseError: the bytes are not such a file, a row has the wrong number of cells, a currency that is still quoted
            is missing, or two rows of one day differ.
    """
    quarantine: Quarantine = []
    if sighting.dataset in ("exr_newest", "exr_changes"):
        return _answer(payload, sighting.fetched_at, catalogue, quarantine)
    grid = _read(payload, sighting.fetched_at, quarantine)
    _demand_live_currencies(grid, catalogue)
    values = _numbers(grid, quarantine)
    days, values = _one_row_a_day(grid, values)
    if not np.isfinite(values).any():
        raise ParseError("the file has no usable rate; see the first lines of the payload")
    return Landed(
        observation=_observations(grid.currencies, days, values, sighting.fetched_at),
        series=_series({currency: _decimals(grid, currency) for currency in grid.currencies}, catalogue),
        quarantine=quarantine,
    )


def rules(year: int) -> pa.Table:
    """Return one scheduled event for each day of ``year`` on which reference rates are published.

    The ECB's rule: at about 16:00 in Frankfurt on every working day that is no TARGET closing day. Before 1 July 2016
    that hour is an upper bound, and the event is flagged so. The closing days of a year are announced long before it
    begins, so 1 January is an upper bound of when they were known.
    """
    start, end = max(date(year, 1, 1), FIRST_DAY), date(year, 12, 31)
    days = business_days("TARGET", start, end) if start <= end else []
    announced = at_local(date(year, 1, 1), "00:00", "America/New_York")
    count = len(days)
    source = (
        "https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html: "
        "updated at around 16:00 CET on every working day except TARGET closing days (before 2016-07-01 at about 14:30)"
    )
    nothing = pa.nulls(count, pa.string())
    return pa.table(
        {
            "release_id": _text("ecb_eurofxref", count),
            "component": _text("all", count),
            "reference_period": pa.array([day.isoformat() for day in days], pa.string()),
            "reference_end": pa.array(days, pa.date32()),
            "event": _text(Event.SCHEDULED, count),
            "event_at": pa.array([at_local(day, PUBLISHED, FRANKFURT) for day in days], INSTANT),
            "announced_at": pa.repeat(pa.scalar(announced, INSTANT), count),
            "announced_basis": _text("rule", count),
            "flags": pa.array([_flags(day) for day in days], pa.list_(pa.string())),
            "merged_into": nothing,
            "reason": nothing,
            "source": _text(source, count),
        }
    )


def _read(payload: bytes, fetched_at: datetime, quarantine: list[tuple[str, str, str]]) -> _Grid:
    """Split the file into cells and read its header and its dates."""
    if payload.startswith(b"PK"):
        payload = read_member(payload, pattern="*.csv", max_bytes=_MAX_TEXT)
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"the file is not text: {error}") from error
    rows = [(number, line) for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1) if line.strip()]
    if not rows:
        raise ParseError("the file is empty")
    if len(rows) == 1:
        raise ParseError("the file has a header and no rates")
    header = [cell.strip() for cell in rows[0][1].split(",")]
    currencies = _currencies(header)
    latest = fetched_at.astimezone(ZoneInfo(FRANKFURT)).date()
    grid = _Grid(currencies, [], [], [])
    width = len(header)
    for number, line in rows[1:]:
        cells = line.split(",")
        if len(cells) != width:
            raise ParseError(f"line {number} has {len(cells)} cells, and the header has {width}: {line[:80]!r}")
        if width > len(currencies) + 1 and cells.pop().strip():
            raise ParseError(f"line {number} has a value in the last column, which has no name: {line[-80:]!r}")
        day = _day(cells[0].strip())
        if day is None:
            quarantine.append((f"line {number}", "the first cell is not a date", line))
        elif day > latest:
            quarantine.append((f"line {number}", f"the day is after the fetch of {latest.isoformat()}", line))
        else:
            grid.lines.append(number)
            grid.days.append(day)
            grid.cells.extend(cells[1:])
    if not grid.days:
        raise ParseError(f"no row of the file can be used; the first: {quarantine[0][1]} ({quarantine[0][2][:80]!r})")
    return grid


def _currencies(header: list[str]) -> list[str]:
    """Return the currency codes of the header; only the last column may be without a name."""
    if header[0] != "Date":
        raise ParseError(f"the first column is {header[0]!r}, expected 'Date'")
    named = header[1:-1] if header[-1] == "" else header[1:]
    strangers = [name for name in named if not _CURRENCY.fullmatch(name)]
    if strangers or not named:
        raise ParseError(f"the header has columns that are no currency codes: {strangers or header}")
    if len(set(named)) < len(named):
        raise ParseError(f"the header names a currency twice: {sorted({name for name in named if named.count(name) > 1})}")
    return named


def _day(text: str) -> date | None:
    """Return the date of ``2026-10-30`` or ``30 October 2026``, or None."""
    try:
        if _ISO.fullmatch(text):
            return date.fromisoformat(text)
        match = _LONG.fullmatch(text)
        if match and match[2] in _MONTHS:
            return date(int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]))
    except ValueError:
        return None
    return None


def _demand_live_currencies(grid: _Grid, catalogue: Mapping[str, Any]) -> None:
    """Raise where a currency that was quoted on the newest day of the file has no column."""
    newest = max(grid.days).isoformat()
    missing = [
        currency
        for currency, facts in catalogue["currencies"].items()
        if currency not in grid.currencies
        and facts["first"] <= newest <= facts.get("ended", "9999")
        and not ("gap" in facts and facts["gap"][0] <= newest <= facts["gap"][1])
    ]
    if missing:
        raise ParseError(
            f"the header has no column for {', '.join(missing)}, quoted on {newest} as far as we know; "
            f"if a currency has ended, give it an `ended` date in assets/ecb/series.yml"
        )


def _numbers(grid: _Grid, quarantine: list[tuple[str, str, str]]) -> np.ndarray:
    """Return the rates as a matrix of days by currencies, with NaN where there is none, and quarantine bad cells."""
    width = len(grid.currencies)
    cells = pc.utf8_trim_whitespace(pa.array(grid.cells, pa.string()))
    written = pc.match_substring_regex(cells, r"\A[0-9]+(\.[0-9]+)?\z")
    values = pc.cast(pc.if_else(written, cells, pa.scalar(None, pa.string())), pa.float64()).to_numpy(zero_copy_only=False)
    values = np.where((values > 0) & np.isfinite(values), values, np.nan)
    absent = pc.equal(cells, _NOT_QUOTED).to_numpy(zero_copy_only=False)
    for place in np.flatnonzero(np.isnan(values) & ~absent):
        row, column = divmod(int(place), width)
        where = f"line {grid.lines[row]}, {grid.currencies[column]} on {grid.days[row].isoformat()}"
        quarantine.append((where, "the rate is not a positive number", grid.cells[place]))
    return values.reshape(-1, width)


def _one_row_a_day(grid: _Grid, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return days in ascending order and their rates; identical rows of one day become one."""
    days = np.array(grid.days, dtype="datetime64[D]")
    order = np.argsort(days, kind="stable")
    days, values = days[order], values[order]
    again = np.flatnonzero(days[1:] == days[:-1]) + 1
    for row in again:
        if not np.array_equal(values[row], values[row - 1], equal_nan=True):
            first, second = grid.lines[order[row - 1]], grid.lines[order[row]]
            raise ParseError(f"lines {first} and {second} both give rates of {days[row]} and differ")
    return np.delete(days, again), np.delete(values, again, axis=0)


def _observations(currencies: list[str], days: np.ndarray, values: np.ndarray, fetched_at: datetime) -> pa.Table:
    """Return one row for each rate, ordered by series and day."""
    order = sorted(range(len(currencies)), key=currencies.__getitem__)
    columns, rows = np.nonzero(np.isfinite(values[:, order].T))
    names = pa.array([_series_id(currencies[column]) for column in order], pa.string())
    dates = days.tolist()
    rule = [at_local(day, PUBLISHED, FRANKFURT) for day in dates]
    known = pa.array([min(instant, fetched_at) for instant in rule], INSTANT)
    basis = pa.array([Basis.LAG_RULE if instant <= fetched_at else Basis.FIRST_SEEN for instant in rule], pa.string())
    flags = pa.array([_flags(day) for day in dates], pa.list_(pa.string()))
    starts = pa.array(days)
    taken = pa.array(rows)
    count = len(rows)
    return pa.table(
        {
            "series_id": names.take(pa.array(columns)),
            "period_start": starts.take(taken),
            "period_end": starts.take(taken),
            "value": pa.array(values[:, order].T[columns, rows]),
            "known_at": known.take(taken),
            "known_at_basis": basis.take(taken),
            "obs_status": _text(ObsStatus.NORMAL, count),
            "flags": flags.take(taken),
            "footnotes": pa.ListArray.from_arrays(np.zeros(count + 1, np.int32), pa.array([], pa.string())),
        }
    )


def _series(decimals: Mapping[str, int], catalogue: Mapping[str, Any]) -> pa.Table:
    """Return one row for each currency, in alphabetical order; ``decimals`` says how many digits the payload gives it."""
    defaults = catalogue["defaults"]
    rows = []
    for currency in sorted(decimals):
        facts = catalogue["currencies"].get(currency) or {"name": currency, "decimals": decimals[currency]}
        title = f"{facts['name']} per euro"
        ended = facts.get("ended")
        if ended:
            title += f" (ended {ended}: {facts['reason']})"
        rows.append(
            {
                "series_id": _series_id(currency),
                "title": title,
                "agency": defaults["agency"],
                "unit": f"{currency} per EUR",
                "decimals": facts["decimals"],
                "frequency": defaults["frequency"],
                "seasonal_adjustment": defaults["seasonal_adjustment"],
                "revision_policy": defaults["revision_policy"],
                "release_id": defaults["release_id"],
                "component": None,
                "stale_after_days": defaults["stale_after_days_ended" if ended else "stale_after_days"],
                "licence": defaults["licence"],
                "source_url": defaults["source_url"],
            }
        )
    table = pa.Table.from_pylist(rows)
    return table.set_column(table.schema.get_field_index("component"), "component", pa.nulls(len(rows), pa.string()))


def _answer(payload: bytes, fetched_at: datetime, catalogue: Mapping[str, Any], quarantine: Quarantine) -> Landed:
    """Return the versions that an answer of the Data Portal holds; those that it does not date follow the rule."""
    versions = portal.read(payload, fetched_at, quarantine)
    rows = [
        observation(
            _series_id(one.currency),
            (one.day, one.day),
            one.value,
            fetched_at,
            instant=at_local(one.day, PUBLISHED, FRANKFURT) if one.since is None else one.since,
            basis=Basis.LAG_RULE if one.since is None else Basis.PROVIDER,
            status=one.status,
            flags=[Flag(flag) for flag in _flags(one.day)] if one.since is None else [],
            footnotes=[one.footnote] if one.footnote else [],
        )
        for one in versions
    ]
    decimals: dict[str, int] = {}
    for one in versions:
        decimals[one.currency] = max(one.decimals, decimals.get(one.currency, 0))
    told = landed(rows, [], quarantine)
    told.series = _series(decimals, catalogue)
    return told


def _decimals(grid: _Grid, currency: str) -> int:
    """Return the most digits after the point that the file gives a currency."""
    column = grid.currencies.index(currency)
    cells = (cell.strip() for cell in grid.cells[column :: len(grid.currencies)])
    return max((len(cell.partition(".")[2]) for cell in cells if cell != _NOT_QUOTED), default=4)


def _series_id(currency: str) -> str:
    """Return the id of a currency: the ECB's own SDMX key."""
    return f"ecb.EXR.D.{currency}.EUR.SP00.A"


def _flags(day: date) -> list[str]:
    """Return KNOWN_LATE for the years in which the rates came out earlier than the hour we count with."""
    return [] if day >= PUBLISHED_SINCE else [Flag.KNOWN_LATE]


def _text(word: str, count: int) -> pa.Array:
    """Return a column that holds one word."""
    return pa.repeat(pa.scalar(str(word), pa.string()), count)
