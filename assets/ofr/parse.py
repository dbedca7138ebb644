"""Answers of the two monitors to rows. Fetching does not belong here, nor does what a volume is used for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from undertow.archive import Sighting
from undertow.calendars import add_business_days, at_local
from undertow.errors import InstantError, ParseError
from undertow.instants import parse_instant
from undertow.parsing import Quarantine, landed, observation
from undertow.room import Landed
from undertow.vocabulary import Basis, Flag, ObsStatus

__all__ = ["parse"]

WASHINGTON = "America/New_York"
PUBLISHED = "15:00"
UNVERIFIED = ((date(1900, 1, 1), date(2019, 12, 31)), (date(2025, 10, 1), date(2025, 11, 12)))


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the values and the series of one answer.

    Series that the catalogue does not know, or that are missing, cells that are no number and days after the fetch go to
    quarantine.

    Raises:
        ParseError: the bytes are no such answer, a series has no stamp of its vintage or another unit, or nothing can be used.
    """
    if sighting.dataset not in catalogue["datasets"]:
        raise ParseError(f"the room ofr has no parser for {sighting.dataset}")
    try:
        answer = json.loads(payload)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ParseError(f"the answer is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise ParseError("the answer is no object of series")
    wanted = {name: facts for name, facts in catalogue["series"].items() if facts["dataset"] == sighting.dataset}
    given = {name.upper(): name for name in answer}
    quarantine: Quarantine = [
        (name, "the series is not in assets/ofr/series.yml, so it is not read", "") for name in given if name not in wanted
    ]
    rows, present = [], []
    for name, facts in wanted.items():
        if name not in given:
            quarantine.append((name, "the answer has no such series", ""))
            continue
        found = list(_values(name, facts, answer[given[name]], sighting.fetched_at, quarantine))
        rows += found
        present += [name] if found else []
    if not rows:
        raise ParseError(f"the answer has no usable value of any series of {sighting.dataset}; it holds {sorted(answer)[:5]}")
    series = (
        {**catalogue["defaults"], **catalogue["datasets"][sighting.dataset], **wanted[name], "series_id": f"ofr.{name}"}
        for name in present
    )
    return landed(rows, series, quarantine)


def _values(
    name: str, facts: Mapping[str, Any], told: Any, fetched_at: datetime, quarantine: Quarantine
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one series."""
    try:
        cells = told["timeseries"]["aggregation"]
        edits = told["timeseries"].get("disclosure_edits") or []
        stamp, unit = told["metadata"]["schedule"]["last_update"], told["metadata"]["unit"]
        suppressed = {day for day, mark in edits if mark is not None}
        updated = parse_instant(f"{stamp} {WASHINGTON}")
        scale = (unit["name"], int(unit.get("magnitude") or 0))
    except (KeyError, TypeError, ValueError, AttributeError, InstantError) as error:
        raise ParseError(
            f"{name} has not the values, the unit and the stamp of its vintage that a series has: {error!r}"
        ) from None
    if scale != (facts["unit"], 0):
        raise ParseError(f"{name} is in {scale[0]} with magnitude {scale[1]}, expected {facts['unit']} with magnitude 0")
    seen: dict[date, float | None] = {}
    for cell in cells:
        try:
            text, value = cell
            day = date.fromisoformat(text)
            value = None if value is None else float(value)
        except (TypeError, ValueError):
            quarantine.append((name, "the cell is no day with a number", str(cell)[:200]))
            continue
        if day > fetched_at.date() or (value is not None and not math.isfinite(value)):
            quarantine.append((name, "the day is after the fetch, or the number is not finite", str(cell)[:200]))
            continue
        if day in seen:
            if seen[day] != value:
                raise ParseError(f"{name} has two values on {day}")
            continue
        seen[day] = value
        status = ObsStatus.PROVISIONAL if name.endswith("-P") else ObsStatus.NORMAL
        if value is None:
            status = ObsStatus.SUPPRESSED if text in suppressed else ObsStatus.MISSING
        instant, basis, flags = _known(day, facts, updated)
        yield observation(
            f"ofr.{name}",
            _period(day, facts["frequency"]),
            value,
            fetched_at,
            instant=instant,
            basis=basis,
            status=status,
            flags=[*flags, *([Flag.PRELIMINARY] if name.endswith("-P") else [])],
        )


def _known(day: date, facts: Mapping[str, Any], updated: datetime) -> tuple[datetime, Basis, list[Flag]]:
    """Return from when on the value of a day was known, and what that stands on."""
    if "lag" not in facts:
        return updated, Basis.PROVIDER, [Flag.KNOWN_LATE]
    ruled = at_local(add_business_days("US_FEDERAL", day, facts["lag"]), PUBLISHED, WASHINGTON)
    if updated < ruled:
        return updated, Basis.PROVIDER, []
    return ruled, Basis.LAG_RULE, [Flag.LOOKAHEAD_RISK] if any(first <= day <= last for first, last in UNVERIFIED) else []


def _period(day: date, frequency: str) -> tuple[date, date]:
    """Return the period that a value of a day is of: the day, or the quarter that it lies in."""
    if frequency != "Q":
        return day, day
    first = date(day.year, day.month - (day.month - 1) % 3, 1)
    return first, (first + timedelta(days=95)).replace(day=1) - timedelta(days=1)
