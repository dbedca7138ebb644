"""Par yield curves: bytes to rows, and the publication rule as calendar events.

Both forms become one grid of days and maturities first. Nothing here fetches, and nothing here knows what a yield is used for.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from undertow.archive import Sighting
from undertow.calendars import at_local, business_days
from undertow.errors import ParseError
from undertow.room import Landed
from undertow.safexml import root_of
from undertow.schemas import OBSERVATION, PROVENANCE, RELEASE_EVENT, SERIES
from undertow.vocabulary import Basis, Event, Flag, ObsStatus

__all__ = ["parse", "rules"]

NEW_YORK = "America/New_York"
MARKET = "SIFMA_US"
PUBLISHED = "18:00"
RULE_SINCE = date(2000, 1, 3)
FIRST_RULE_YEAR = 2015
CONFIRMED_UNTIL = date(2026, 2, 20)  # up to here every planned day has a yield in the H.15, which repeats the curve

_NATIVE = re.compile(r"(BC|TC)_(\d+(?:_5)?)(MONTH|YEAR)", re.ASCII)
_COLUMN = re.compile(r"(\d+(?:\.5)?) (mo|month|yr|year)s?", re.ASCII | re.IGNORECASE)
_YIELD = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_HIGHEST = 30.0  # percent; a yield above it is a slipped decimal

Quarantine = list[tuple[str, str, str]]
Grid = dict[date, dict[str, str]]  # day -> native name -> text as written; an empty text is a marked gap


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the yields and the series of one year of a curve.

    Raises:
        ParseError: the bytes are not such a feed or file, they are of the other curve, or a day is told twice and differently.
    """
    curve = catalogue["curves"].get(sighting.dataset)
    if curve is None:
        raise ParseError(f"the room reads {', '.join(catalogue['curves'])}, not {sighting.dataset}")
    quarantine: Quarantine = []
    text = payload.decode("utf-8-sig", "replace").lstrip()
    pairs = _feed(text) if text.startswith("<") else _table_rows(text, curve["prefix"])
    grid = _grid(pairs, curve["prefix"], sighting.fetched_at, quarantine)
    observations = list(_rows(grid, curve["id"], sighting.fetched_at, quarantine))
    if grid and not observations:
        raise ParseError("the curve has no usable yield" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    natives = sorted({row["series_id"] for row in observations}, key=_length)
    described = [
        {
            **catalogue["series"],
            "series_id": series_id,
            "title": f"{curve['title']}, {_words(series_id.rpartition('.')[2])}",
            "source_url": curve["source_url"],
        }
        for series_id in natives
    ]
    return Landed(
        observation=pa.Table.from_pylist(observations, schema=_parsed(OBSERVATION)),
        series=pa.Table.from_pylist(described, schema=_parsed(SERIES)),
        quarantine=quarantine,
    )


def rules(year: int) -> pa.Table:
    """Return one scheduled event for each day of ``year`` on which the bond market is open, and that it came, as far as known.

    The closing days are recommended before the year begins, so 1 January is an upper bound of when they were known.
    """
    if year < FIRST_RULE_YEAR:
        return _EVENTS.empty_table()
    first = date(year, 1, 1)
    source = "rule: by 18:00 in New York on every day on which the bond market is open"
    rows = []
    for day in business_days(MARKET, first, date(year, 12, 31)):
        instant = at_local(day, PUBLISHED, NEW_YORK)
        event = {
            "release_id": "treasury_par_yields",
            "component": "all",
            "reference_period": day.isoformat(),
            "reference_end": day,
            "event": Event.SCHEDULED.value,
            "event_at": instant,
            "announced_at": at_local(first, "00:00", NEW_YORK),
            "announced_basis": "rule",
            "flags": [Flag.KNOWN_LATE.value],
            "merged_into": None,
            "reason": None,
            "source": source,
        }
        rows.append(event)
        if day <= CONFIRMED_UNTIL:
            came = {"event": Event.RELEASED.value, "announced_at": instant, "flags": []}
            rows.append({**event, **came, "source": f"{source}; the H.15 has a yield of that day"})
    return pa.Table.from_pylist(rows, schema=_EVENTS)


def _feed(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the day and the cells of each entry of an Atom feed."""
    root = root_of(text.encode(), "the feed")
    if root.tag.rpartition("}")[2] != "feed":
        raise ParseError(f"the root element is {root.tag}, expected feed")
    for node in root.iter():
        if node.tag.rpartition("}")[2] == "properties":
            cells = {child.tag.rpartition("}")[2]: _told(child.text) for child in node}
            yield cells.pop("NEW_DATE", "")[:10], cells


def _table_rows(text: str, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the day and the cells of each row of a CSV file, under the feed's names."""
    reader = csv.reader(io.StringIO(text))
    header = next(reader, [])
    if not header or header[0].strip() != "Date":
        raise ParseError(f"the header is {header[:4]}, expected Date and maturities")
    natives = [_native(name.strip(), prefix) for name in header[1:]]
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise ParseError(f"line {reader.line_num} has {len(cells)} cells, and the header has {len(header)}")
        parts = re.fullmatch(r"(\d{2})/(\d{2})/(\d{4})", cells[0].strip(), re.ASCII)
        day = f"{parts[3]}-{parts[1]}-{parts[2]}" if parts else cells[0]
        yield day, dict(zip(natives, map(_told, cells[1:]), strict=True))


def _told(text: str | None) -> str:
    """Return the text of a cell, empty where it says that there is no yield."""
    stripped = (text or "").strip()
    return "" if stripped == "N/A" else stripped


def _native(column: str, prefix: str) -> str:
    """Return the feed's name of a column such as ``1.5 Month`` or ``10 YR``; a strange one stays as it is."""
    match = _COLUMN.fullmatch(column)
    if match is None:
        return column
    return f"{prefix}_{match[1].replace('.', '_')}{'MONTH' if match[2].lower().startswith('mo') else 'YEAR'}"


def _grid(pairs: Iterator[tuple[str, dict[str, str]]], prefix: str, fetched_at: datetime, quarantine: Quarantine) -> Grid:
    """Return day -> maturity -> text; days that cannot be placed and days without a yield go to quarantine."""
    grid: Grid = {}
    for told, cells in pairs:
        try:
            day = date.fromisoformat(told)
        except ValueError:
            quarantine.append((f"day {told!r}", "the day is not a date", str(cells)))
            continue
        if day > fetched_at.date():
            quarantine.append((f"day {told}", "the day is after the fetch", str(cells)))
            continue
        named = {name: text for name, text in cells.items() if _NATIVE.fullmatch(name)}
        strange = sorted(set(cells) - set(named) - {"Id", "BC_30YEARDISPLAY"})
        others = [name for name in named if not name.startswith(prefix)]
        if others:
            raise ParseError(f"the payload is of another curve: {others[0]}, expected {prefix}")
        quarantine += [(f"day {told}, {name}", "the column is not a maturity", cells[name]) for name in strange if cells[name]]
        if not any(named.values()):
            quarantine.append((f"day {told}", "the day has no yield", str(cells)))
        elif grid.setdefault(day, named) != named:
            raise ParseError(f"the payload gives the curve of {told} twice, and differently")
    return grid


def _rows(grid: Grid, curve: str, fetched_at: datetime, quarantine: Quarantine) -> Iterator[dict[str, Any]]:
    """Yield one row for each day and maturity, from the first yield of the maturity in the payload to the last."""
    days = sorted(grid)
    for native in sorted({name for cells in grid.values() for name in cells}, key=_length):
        texts = {day: grid[day][native] for day in days if native in grid[day]}
        told = [day for day, text in texts.items() if text]
        for day, text in texts.items():
            if not told or not told[0] <= day <= told[-1]:
                continue
            value = float(text) if _YIELD.fullmatch(text) else None
            if text and (value is None or abs(value) > _HIGHEST):
                quarantine.append((f"day {day}, {native}", "the yield is not a number, or a slipped decimal", text))
                continue
            ruled = at_local(day, PUBLISHED, NEW_YORK)
            yield {
                "series_id": f"treasury.{curve}.{native}",
                "period_start": day,
                "period_end": day,
                "value": value,
                "known_at": min(ruled, fetched_at),
                "known_at_basis": (Basis.LAG_RULE if ruled <= fetched_at else Basis.FIRST_SEEN).value,
                "obs_status": (ObsStatus.MISSING if value is None else ObsStatus.NORMAL).value,
                "flags": [Flag.LOOKAHEAD_RISK.value] if day < RULE_SINCE else [],
                "footnotes": [],
            }


def _length(native: str) -> float:
    """Return the months of a maturity, by which series are ordered."""
    match = _NATIVE.search(native)
    if match is None:
        raise ParseError(f"{native!r} is not a maturity")
    return float(match[2].replace("_", ".")) * (1 if match[3] == "MONTH" else 12)


def _words(native: str) -> str:
    """Return a maturity in words: ``1.5 months``, ``10 years``."""
    match = _NATIVE.fullmatch(native)
    if match is None:
        raise ParseError(f"{native!r} is not a maturity")
    count = match[2].replace("_", ".")
    return f"{count} {match[3].lower()}{'' if count == '1' else 's'}"


def _parsed(schema: pa.Schema) -> pa.Schema:
    """Return a landing schema without the columns that the landing writer adds."""
    return pa.schema([column for column in schema if column not in PROVENANCE])


_EVENTS = _parsed(RELEASE_EVENT)
