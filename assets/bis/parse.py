"""Effective exchange rates in SDMX-CSV: bytes to rows. Nothing here fetches, or knows what an index is used for."""

from __future__ import annotations

import csv
import io
import math
import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.parsing import Quarantine, fitting_status, landed, observation
from undertow.room import Landed

__all__ = ["parse"]

BASKET = "B"
_NEEDED = ("FREQ", "EER_TYPE", "EER_BASKET", "REF_AREA", "TIME_PERIOD", "OBS_VALUE")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_INDEX = re.compile(r"\d+(?:\.\d+)?", re.ASCII)

Told = dict[tuple[str, tuple[date, date]], tuple[float | None, str]]


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the numbers and the series of one answer.

    Raises:
        ParseError: the bytes are no such answer, they are cut short, or they are of series that were not asked for.
    """
    facts = catalogue["datasets"].get(sighting.dataset)
    if facts is None:
        raise ParseError(f"the room reads {', '.join(catalogue['datasets'])}, not {sighting.dataset}")
    quarantine: Quarantine = []
    told: Told = {}
    described: dict[str, dict[str, Any]] = {}
    for number, row in _rows(payload):
        series_id = _series_id(row, facts, catalogue["areas"])
        try:
            period = _period(row["TIME_PERIOD"], facts["frequency"], sighting.fetched_at)
            value = _value(row["OBS_VALUE"])
        except ValueError as error:
            quarantine.append((f"line {number}", str(error), ",".join(row.values())))
            continue
        said = (value, row.get("OBS_STATUS", ""))
        if told.setdefault((series_id, period), said) != said:
            raise ParseError(f"the answer gives {series_id} of {period[0]} twice, and differently")
        described[series_id] = {
            **catalogue["defaults"],
            "series_id": series_id,
            "title": f"{facts['types'][row['EER_TYPE']]} effective exchange rate, broad, {catalogue['areas'][row['REF_AREA']]}",
            "frequency": facts["frequency"],
            "stale_after_days": facts["stale_after_days"],
        }
    if not any(value is not None for value, _ in told.values()):
        raise ParseError("the answer has no usable number" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    rows = [
        observation(series_id, period, value, sighting.fetched_at, status=fitting_status(status, value))
        for (series_id, period), (value, status) in sorted(told.items())
    ]
    return landed(rows, [described[series_id] for series_id in sorted(described)], quarantine)


def _rows(payload: bytes) -> list[tuple[int, dict[str, str]]]:
    """Return the lines with their numbers, cells by the names of their columns."""
    reader = csv.reader(io.StringIO(payload.decode("utf-8-sig", "replace")))
    header = next(reader, [])
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise ParseError(f"the header lacks {', '.join(missing)}; it begins {','.join(header)[:60]!r}")
    if len(set(header)) < len(header):
        raise ParseError("the header names a column twice")
    found = []
    for cells in reader:
        if cells and len(cells) != len(header):
            raise ParseError(f"line {reader.line_num} has {len(cells)} cells, and the header has {len(header)}")
        if cells:
            found.append((reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    return found


def _series_id(row: Mapping[str, str], facts: Mapping[str, Any], areas: Mapping[str, str]) -> str:
    """Return the id of the series that a line is of."""
    key = tuple(row[name] for name in _NEEDED[:4])
    frequency, kind, basket, area = key
    if frequency != facts["frequency"] or kind not in facts["types"] or basket != BASKET or area not in areas:
        raise ParseError(f"the answer has the series {'.'.join(key)}, which was not asked for")
    return f"bis.WS_EER.{'.'.join(key)}"


def _period(text: str, frequency: str, fetched_at: datetime) -> tuple[date, date]:
    """Return the first and the last day of a period.

    Raises:
        ValueError: it is no such period, or it is after the fetch.
    """
    match = _MONTH.fullmatch(text)
    try:
        if frequency == "D" and _DAY.fullmatch(text):
            start = end = date.fromisoformat(text)
        elif frequency == "M" and match:
            start = date(int(match[1]), int(match[2]), 1)
            end = start.replace(day=monthrange(start.year, start.month)[1])
        else:
            raise ValueError
    except ValueError:
        raise ValueError(f"the period {text!r} is no {'day' if frequency == 'D' else 'month'}") from None
    if start > fetched_at.date():
        raise ValueError(f"the period {text} is after the fetch")
    return start, end


def _value(text: str) -> float | None:
    if text.casefold() in ("", "nan"):
        return None
    value = float(text) if _INDEX.fullmatch(text) else math.nan
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"the index {text!r} is not a positive number")
    return value
