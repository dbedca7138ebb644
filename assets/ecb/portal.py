"""Answers of the ECB's Data Portal: CSV to rows, one for each version of an observation.

Columns are found by name, so the short and the full form and those with a history are one format.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from undertow.errors import InstantError, ParseError
from undertow.instants import parse_instant
from undertow.parsing import Quarantine, fitting_status
from undertow.vocabulary import ObsStatus

__all__ = ["Version", "newest_day", "read"]

_KEY = re.compile(r"EXR\.D\.([A-Z]{3})\.EUR\.SP00\.A", re.ASCII)
_RATE = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_NEEDED = ("KEY", "TIME_PERIOD", "OBS_VALUE")
_HISTORY = ("ACTION", "VALID_FROM", "VALID_TO")


class Version(NamedTuple):
    """What an observation was from an instant on; None where the answer does not say since when."""

    currency: str
    day: date
    value: float | None
    status: ObsStatus
    since: datetime | None
    footnote: str | None
    decimals: int


class _Line(NamedTuple):
    """One line of the answer, read."""

    version: Version
    is_delete: bool
    until: datetime | None


def read(payload: bytes, fetched_at: datetime, quarantine: Quarantine) -> list[Version]:
    """Return the versions of an answer, by currency, day and instant. Lines that cannot be used go to quarantine.

    Raises:
        ParseError: the bytes are no such answer, they are cut short, or two lines say different things of one instant.
    """
    lines = list(_lines(payload, fetched_at, quarantine))
    if not lines:
        raise ParseError("the answer has no usable rate" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    lines.sort(key=lambda line: (line.version[:2], line.version.since or datetime.min.replace(tzinfo=fetched_at.tzinfo)))
    found: list[Version] = []
    for _, group in groupby(lines, key=lambda line: line.version[:2]):
        found.extend(_history(list(group), fetched_at))
    return found


def newest_day(payload: bytes) -> date | None:
    """Return the newest day of an answer, or None where it has none that can be read."""
    found = []
    for row in csv.DictReader(io.StringIO(payload.decode("utf-8-sig", "replace"))):
        try:
            found.append(date.fromisoformat(row.get("TIME_PERIOD") or ""))
        except ValueError:
            continue
    return max(found, default=None)


def _lines(payload: bytes, fetched_at: datetime, quarantine: Quarantine) -> Iterator[_Line]:
    """Yield the lines that can be read."""
    reader = csv.reader(io.StringIO(payload.decode("utf-8-sig", "replace")))
    header = next(reader, [])
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise ParseError(f"the header lacks {', '.join(missing)}; it begins {','.join(header)[:60]!r}")
    told = [name for name in _HISTORY if name in header]
    if told and len(told) < len(_HISTORY):
        raise ParseError(f"the header has {', '.join(told)} and lacks the rest of {', '.join(_HISTORY)}")
    if len(set(header)) < len(header):
        raise ParseError(f"the header names a column twice: {sorted({name for name in header if header.count(name) > 1})}")
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise ParseError(f"line {reader.line_num} has {len(cells)} cells, and the header has {len(header)}")
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        try:
            yield _line(row, fetched_at)
        except (ValueError, InstantError) as error:
            quarantine.append((f"line {reader.line_num}", str(error), ",".join(cells)))


def _line(row: Mapping[str, str], fetched_at: datetime) -> _Line:
    """Read one line.

    Raises:
        ValueError: the reason for which it cannot be used.
    """
    match = _KEY.fullmatch(row["KEY"])
    if match is None:
        raise ValueError(f"the series {row['KEY']!r} is no reference rate of the euro")
    try:
        day = date.fromisoformat(row["TIME_PERIOD"])
    except ValueError:
        raise ValueError(f"the period {row['TIME_PERIOD']!r} is no day") from None
    if day > fetched_at.date():
        raise ValueError(f"the day {day} is after the fetch")
    action = row.get("ACTION", "Replace").casefold()
    if action not in ("replace", "delete"):
        raise ValueError(f"the action {row['ACTION']!r} is neither Replace nor Delete")
    since = parse_instant(row["VALID_FROM"]) if "VALID_FROM" in row else None
    until = parse_instant(row["VALID_TO"]) if row.get("VALID_TO") else None
    if since is not None and since > fetched_at:
        raise ValueError(f"the version is valid from {row['VALID_FROM']}, which is after the fetch")
    if since is not None and until is not None and until < since:
        raise ValueError("the version ended before it began")
    text = "" if action == "delete" else row["OBS_VALUE"]
    value = None if text.casefold() in ("", "nan") else _rate(text)
    decimals = row.get("DECIMALS", "")
    version = Version(
        currency=match[1],
        day=day,
        value=value,
        status=fitting_status(row.get("OBS_STATUS", ""), value),
        since=since,
        footnote="deleted by the provider" if action == "delete" else row.get("OBS_COM") or None,
        decimals=int(decimals) if decimals.isdigit() else len(text.partition(".")[2]),
    )
    return _Line(version, action == "delete", until)


def _rate(text: str) -> float:
    value = float(text) if _RATE.fullmatch(text) else math.nan
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"the rate {text!r} is not a positive number")
    return value


def _history(lines: list[_Line], fetched_at: datetime) -> Iterator[Version]:
    """Yield the versions of one observation, and a withdrawal where the last of them ended."""
    for before, after in pairwise(lines):
        if before.version.since == after.version.since and before.version != after.version:
            raise ParseError(
                f"the answer says two things of {before.version.currency} on {before.version.day}, valid from the same instant"
            )
    last = lines[-1]
    kept: dict[Any, Version] = {line.version.since: line.version for line in lines}
    yield from kept.values()
    if not last.is_delete and last.version.since is not None and last.until is not None and last.until <= fetched_at:
        yield last.version._replace(
            value=None, status=ObsStatus.MISSING, since=last.until, footnote="the version ended and none followed"
        )
