"""Transcribed numbers: bytes to rows.

The files are small and written by hand, so a row that does not fit is quarantined with the reason, and a file of another
layout is refused. What a number is used for does not belong here.
"""

from __future__ import annotations

import csv
import io
import math
import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from undertow.archive import Sighting
from undertow.errors import InstantError, ParseError
from undertow.instants import parse_instant
from undertow.room import Landed
from undertow.schemas import OBSERVATION, PROVENANCE, SERIES
from undertow.vocabulary import Basis, Flag, ObsStatus

__all__ = ["HEADER", "parse"]

HEADER = ["series_id", "reference_period", "value", "known_at", "printed_in", "obs_status", "flags", "source", "footnote"]
NEVER_STORED = (Flag.STALE, Flag.DELAYED)  # a reader's point of view
WITHOUT_VALUE = (ObsStatus.NOT_COLLECTED, ObsStatus.CANNOT_EXIST, ObsStatus.MISSING)

_RELEASE = re.compile(r"[a-z0-9_]+:\d{4}(-(\d{2}(-\d{2})?|Q[1-4]))?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the values and the series of one file; the series in the order of their ids.

    Raises:
        ParseError: the bytes are not such a file, or no row of it can be used.
    """
    try:
        reader = csv.reader(io.StringIO(payload.decode("utf-8"), newline=""), strict=True)
        header = next(reader, [])
        if header != HEADER:
            raise ParseError(f"the header is {header}, not {HEADER}")
        lines = [(reader.line_num, cells) for cells in reader]
    except UnicodeDecodeError as error:
        raise ParseError(f"the file is not UTF-8 text: {error}") from error
    except csv.Error as error:
        raise ParseError(f"the file is not CSV: {error}") from error
    series = {name: {**catalogue["defaults"], **entry} for name, entry in catalogue["series"].items()}
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    quarantine = []
    for number, cells in lines:
        try:
            row = _observation(cells, sighting.fetched_at, series)
            key = tuple(row[name] for name in ("series_id", "period_start", "period_end", "known_at"))
            if key in rows:
                raise ValueError("a row above gives a value of this series and period at the same instant")
            rows[key] = row
        except (ValueError, InstantError) as error:
            quarantine.append((f"line {number}", str(error), ",".join(cells)))
    if not rows:
        raise ParseError("the file has no usable row" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    return Landed(
        observation=pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=_parsed(OBSERVATION)),
        series=pa.Table.from_pylist(_series({key[0] for key in rows}, series), schema=_parsed(SERIES)),
        quarantine=quarantine,
    )


def _observation(cells: list[str], fetched_at: datetime, series: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row.

    Raises:
        ValueError, InstantError: what is wrong with it.
    """
    if len(cells) != len(HEADER):
        raise ValueError(f"the line has {len(cells)} cells, the header has {len(HEADER)}")
    row = dict(zip(HEADER, (cell.strip() for cell in cells), strict=True))
    if row["series_id"] not in series:
        raise ValueError("the catalogue does not know this series")
    if not row["source"]:
        raise ValueError("source is empty")
    if row["printed_in"] and not _RELEASE.fullmatch(row["printed_in"]):
        raise ValueError("printed_in is not release_id:reference_period")
    entry = series[row["series_id"]]
    start, end = _period(row["reference_period"], entry["frequency"])
    value = _value(row["value"])
    status = ObsStatus(row["obs_status"])
    if (value is None) != (status in WITHOUT_VALUE):
        raise ValueError(f"a row {'without' if value is None else 'with'} a value has the status {status.value}")
    flags = [Flag(word) for word in row["flags"].split(";") if word]
    if any(flag in NEVER_STORED for flag in flags):
        raise ValueError("STALE and DELAYED are never stored")
    if not row["known_at"] and not (row["printed_in"] and entry.get("release_id")):
        raise ValueError("known_at is empty, and no release gives it")
    known_at = parse_instant(row["known_at"]) if row["known_at"] else fetched_at
    if known_at > fetched_at:
        raise ValueError("known_at is after the transcription")
    return {
        "series_id": row["series_id"],
        "period_start": start,
        "period_end": end,
        "value": value,
        "known_at": known_at,
        "known_at_basis": (Basis.PROVIDER if row["known_at"] else Basis.FIRST_SEEN).value,
        "obs_status": status.value,
        "flags": [flag.value for flag in flags],
        "footnotes": [text for text in (row["footnote"], f"Source: {row['source']}") if text],
    }


def _value(text: str) -> float | None:
    """Return a number, or None for an empty cell.

    Raises:
        ValueError: it is not a number.
    """
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not finite")
    return value


def _period(text: str, frequency: str) -> tuple[date, date]:
    """Return the first and the last day of a reference period.

    Raises:
        ValueError: the text is not a period of that frequency.
    """
    if frequency == "M" and (found := re.fullmatch(r"(\d{4})-(\d{2})", text, re.ASCII)):
        return _months(int(found[1]), int(found[2]), 1)
    if frequency == "Q" and (found := re.fullmatch(r"(\d{4})-Q([1-4])", text, re.ASCII)):
        return _months(int(found[1]), int(found[2]) * 3 - 2, 3)
    if frequency == "A" and re.fullmatch(r"\d{4}", text, re.ASCII):
        return _months(int(text), 1, 12)
    if frequency in ("W", "B"):
        first, _, last = text.partition("/")
        end = date.fromisoformat(last or first)
        start = date.fromisoformat(first) if last or frequency == "B" else end - timedelta(days=6)
        if start > end:
            raise ValueError("the period ends before it starts")
        if frequency == "W" and end.isoweekday() != 6:
            raise ValueError(f"{text} is no Saturday")
        return start, end
    raise ValueError(f"{text!r} is not a period of the frequency {frequency}")


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    """Return the first and the last day of some months of one year."""
    last = month + count - 1
    return date(year, month, 1), date(year, last, monthrange(year, last)[1])


def _series(names: set[str], series: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the descriptions of the series of a file."""
    rows = []
    for name in sorted(names):
        entry = {key: value for key, value in series[name].items() if key != "stale_after_days_by_frequency"}
        stale = series[name]["stale_after_days_by_frequency"][entry["frequency"]]
        rows.append({"release_id": None, "component": None, **entry, "series_id": name, "stale_after_days": stale})
    return rows


def _parsed(schema: pa.Schema) -> pa.Schema:
    """Return a landing schema without the columns that the landing writer adds."""
    return pa.schema([field for field in schema if field not in PROVENANCE])
