"""CSLT: one JSON of 120 MB in a zip, read as a stream, of which the series of the catalogue are kept.

The file joins estimates (until January 2023 transactions, until November 2011 holdings) with what Form SLT told since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import chain
from typing import Any

from assets.tic.text import described, number, period_of, refuse_if_dead, span
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.parsing import ObservationColumns, Quarantine, landed
from undertow.room import Landed
from undertow.safezip import stream_member
from undertow.vocabulary import Flag, ObsStatus

__all__ = ["joined_history"]

MAX_BYTES = 1024**3
NO_NUMBER = {None, "", ".", "n.a.", "NaN", "ND"}

Period = tuple[date, date]


class _Reader:
    """What ijson reads from: pieces as they come out of the zip."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, and nothing at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        size = len(self._rest) if size < 0 else size
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def joined_history(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the catalogued series of the file."""
    facts = catalogue["datasets"][sighting.dataset]
    codes = set(facts["codes"])
    observations, series = ObservationColumns(sighting.fetched_at), {}
    quarantine: Quarantine = []
    newest: Period | None = None
    with stream_member(payload, pattern="*.json", max_bytes=MAX_BYTES) as pieces:
        for told in _series(pieces):
            source_id = str(told.get("source_id", ""))
            column, _, code = source_id.rpartition("_")
            if column not in facts["columns"] or code not in codes:
                continue
            series_id = f"{facts['prefix']}.{column}.{code}"
            if series_id in series:
                raise ParseError(f"the file has the series {source_id} twice")
            metadata = told.get("metadata")
            unit = metadata.get("units") if isinstance(metadata, dict) else None
            if unit != facts["unit_said"]:
                quarantine.append((source_id, f"the unit is {unit!r}, expected {facts['unit_said']!r}", str(metadata)[:200]))
                continue
            months = _months(source_id, told.get("observations"), sighting, quarantine)
            for month, value in span(months):
                status = _status(column, month, value, facts, catalogue)
                flags = (Flag.METHOD_BREAK,) if status is ObsStatus.BREAK else ()
                observations.add(series_id, month, value, status, flags)
            if months:
                newest = max(months) if newest is None else max(newest, *months)
                name = catalogue["holders"].get(code, {}).get("name", code)
                series[series_id] = described(catalogue, facts, series_id, name, facts["columns"][column], code)
    if newest is None:
        raise ParseError("the file has none of the series that we read, such as for_lt_treas_net_99996")
    refuse_if_dead(sighting, newest)
    return landed(observations, series.values(), quarantine)


def _series(pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Yield one series after the other; only one is in memory."""
    import ijson

    first = next(pieces, b"")
    if not first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise ParseError(f"the file in the zip is no JSON object; it begins {first[:40]!r}")
    try:
        for told in ijson.items(_Reader(chain([first.removeprefix(b"\xef\xbb\xbf")], pieces)), "series.item"):
            if not isinstance(told, dict):
                raise ParseError("an entry of 'series' is no object")
            yield told
    except ijson.JSONError as error:
        raise ParseError(f"the JSON is cut short or malformed: {str(error)[:120]}") from None


def _months(source_id: str, told: Any, sighting: Sighting, quarantine: Quarantine) -> dict[Period, float | None]:
    """Return the value of each month of a series; what cannot be placed goes to quarantine."""
    months: dict[Period, float | None] = {}
    if not isinstance(told, list):
        quarantine.append((source_id, "the series has no list of observations", str(told)[:200]))
        return months
    for entry in told:
        try:
            day, text = entry
            month = _month(day)
            value = None if text in NO_NUMBER else number(text)
        except (TypeError, ValueError) as error:
            quarantine.append(
                (source_id, f"an observation is not a first day of a month and a number: {error}", str(entry)[:200])
            )
            continue
        if month[1] > sighting.fetched_at.date():
            quarantine.append((f"{source_id} {day}", "the month had not ended when the file was fetched", str(entry)[:200]))
        elif month in months and months[month] != value:
            raise ParseError(f"the file gives {source_id} of {day} twice, and differently")
        else:
            months[month] = value
    return months


_PERIODS: dict[str, Period] = {}  # of the texts seen: five hundred months are told a thousand times


def _month(text: str) -> Period:
    """Return the first and the last day of a month written ``2026-06-01``."""
    period = _PERIODS.get(text)
    if period is None:
        day = date.fromisoformat(text)
        period = period_of(day.year, day.month)
        if day.day != 1 or period is None:
            raise ValueError(f"{text!r} is not the first day of a month")
        _PERIODS[text] = period
    return period


def _status(
    column: str, month: Period, value: float | None, facts: Mapping[str, Any], catalogue: Mapping[str, Any]
) -> ObsStatus:
    """Return what an observation is: estimated before the form told it, and a break where the form begins."""
    if value is None:
        return ObsStatus.MISSING
    is_transaction = not column.endswith("_pos") and column != "for_st_treas_net"
    change = catalogue["form_change"]
    if is_transaction and month[0] == change:
        return ObsStatus.BREAK
    return ObsStatus.ESTIMATED if month[0] < (change if is_transaction else facts["estimated_before"]) else ObsStatus.NORMAL
