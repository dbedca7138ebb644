"""What parsers of several rooms do in the same way: rows of observations, exact numbers, landing schemas.

Nothing here knows a provider, fetches, or reads a file or a clock.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from undertow.room import Landed
from undertow.schemas import INSTANT, OBSERVATION, PROVENANCE, RELEASE_EVENT, SERIES
from undertow.vocabulary import Basis, Event, Flag, ObsStatus

__all__ = [
    "ObservationColumns",
    "Quarantine",
    "event_table",
    "exact_float",
    "fitting_status",
    "landed",
    "observation",
    "release_event",
]

Quarantine = list[tuple[str, str, str]]

_WITHOUT_VALUE = {ObsStatus.HOLIDAY, ObsStatus.NOT_COLLECTED, ObsStatus.CANNOT_EXIST, ObsStatus.MISSING}


def exact_float(text: str) -> float:
    """Return a decimal number as a float that says exactly the same digits.

    Amounts in cents need all of a float's precision, and a digit that is lost in silence is a wrong number.

    Raises:
        ValueError: the text is no finite number, or has more digits than a float can give back.
    """
    try:
        told = Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text!r} is no number") from None
    if not told.is_finite():
        raise ValueError(f"{text!r} is no finite number")
    value = float(told)
    if Decimal(repr(value)) != told:
        raise ValueError(f"{text!r} has more digits than a float holds")
    return value


def fitting_status(told: str, value: float | None) -> ObsStatus:
    """Return the SDMX status that a provider gives, where it fits: a gap is not called normal, and a value not missing."""
    try:
        status = ObsStatus(told)
    except ValueError:
        status = ObsStatus.NORMAL
    if (value is None) == (status in _WITHOUT_VALUE):
        return status
    return ObsStatus.MISSING if value is None else ObsStatus.NORMAL


def observation(
    series_id: str,
    period: tuple[date, date],
    value: float | None,
    fetched_at: datetime,
    *,
    instant: datetime | None = None,
    basis: Basis = Basis.FIRST_SEEN,
    status: ObsStatus = ObsStatus.NORMAL,
    flags: Iterable[Flag] = (),
    footnotes: Iterable[str] = (),
) -> dict[str, Any]:
    """Return one row of observations, known from ``instant`` on, or from our fetch where that came first.

    Where our fetch came first, it is not said of it that it is a bound (KNOWN_LATE): its basis says so.
    """
    told = [flag.value for flag in flags]
    if instant is None or instant > fetched_at:
        told = [flag for flag in told if flag != Flag.KNOWN_LATE.value]
        instant, basis = fetched_at, Basis.FIRST_SEEN
    return {
        "series_id": series_id,
        "period_start": period[0],
        "period_end": period[1],
        "value": value,
        "known_at": instant,
        "known_at_basis": basis.value,
        "obs_status": status.value,
        "flags": told,
        "footnotes": list(footnotes),
    }


class ObservationColumns:
    """Observations of one payload that all became known at one instant, collected by column.

    For payloads of a hundred thousand values and more: as mappings (``observation``), they take many times the memory.
    """

    def __init__(self, fetched_at: datetime, *, instant: datetime | None = None, basis: Basis = Basis.FIRST_SEEN) -> None:
        """Collect values that are known from ``instant`` on, or from our fetch where that came first."""
        is_bound = instant is None or instant > fetched_at
        self._known_at = fetched_at if is_bound else instant
        self._basis = Basis.FIRST_SEEN if is_bound else basis
        self._words: dict[str, dict[Hashable, int]] = {"series": {}, "period": {}, "status": {}, "flags": {}, "footnotes": {}}
        self._codes = {name: array("i") for name in self._words}
        self._values = array("d")
        self._missing = array("b")

    def __len__(self) -> int:
        return len(self._values)

    def add(
        self,
        series_id: str,
        period: tuple[date, date],
        value: float | None,
        status: ObsStatus = ObsStatus.NORMAL,
        flags: tuple[Flag, ...] = (),
        footnotes: tuple[str, ...] = (),
    ) -> None:
        """Append one row; ``period`` is its first and its last day."""
        for name, word in zip(self._words, (series_id, period, status, flags, footnotes), strict=True):
            words = self._words[name]
            self._codes[name].append(words.setdefault(word, len(words)))
        self._values.append(0.0 if value is None else value)
        self._missing.append(value is None)

    def table(self) -> pa.Table:
        """Return the rows in the landing schema, without what the landing writer adds."""
        periods: Sequence[Any] = list(self._words["period"])
        columns = {
            "series_id": self._told("series", pa.array(list(self._words["series"]), pa.string())),
            "period_start": self._told("period", pa.array([start for start, _ in periods], pa.date32())),
            "period_end": self._told("period", pa.array([end for _, end in periods], pa.date32())),
            "value": pa.array(
                memoryview(self._values), pa.float64(), mask=pa.array(memoryview(self._missing), pa.int8()).cast(pa.bool_())
            )
            if self._values
            else pa.array([], pa.float64()),
            "known_at": pa.repeat(pa.scalar(self._known_at, INSTANT), len(self)),
            "known_at_basis": pa.repeat(pa.scalar(self._basis.value), len(self)),
            "obs_status": self._told("status", pa.array([str(word) for word in self._words["status"]], pa.string())),
            "flags": self._told("flags", _lists(self._words["flags"])),
            "footnotes": self._told("footnotes", _lists(self._words["footnotes"])),
        }
        return pa.table(columns, schema=_bare(OBSERVATION))

    def _told(self, name: str, words: pa.Array) -> pa.Array:
        """Return a column from the codes of its words."""
        return words.take(pa.array(memoryview(self._codes[name]), pa.int32())) if len(self) else words.slice(0, 0)


def _lists(words: Iterable[Any]) -> pa.Array:
    """Return lists of words as an array."""
    return pa.array([[str(word) for word in told] for told in words], pa.list_(pa.string()))


def landed(
    rows: Iterable[Mapping[str, Any]] | ObservationColumns, series: Iterable[Mapping[str, Any]], quarantine: Quarantine
) -> Landed:
    """Return what a parser made of a payload, from rows as mappings; keys that the schema does not know are left out."""
    return Landed(
        observation=rows.table()
        if isinstance(rows, ObservationColumns)
        else pa.Table.from_pylist(list(rows), schema=_bare(OBSERVATION)),
        series=pa.Table.from_pylist(list(series), schema=_bare(SERIES)),
        quarantine=quarantine,
    )


def release_event(
    release_id: str,
    reference: tuple[str, date],
    event: Event,
    event_at: datetime,
    announced_at: datetime,
    *,
    source: str,
    flags: Iterable[Flag] = (),
) -> dict[str, Any]:
    """Return one event of a release that follows from a rule; ``reference`` is the period's name and its last day."""
    return {
        "release_id": release_id,
        "component": "all",
        "reference_period": reference[0],
        "reference_end": reference[1],
        "event": event.value,
        "event_at": event_at,
        "announced_at": announced_at,
        "announced_basis": "release" if event is Event.RELEASED else "rule",
        "flags": [flag.value for flag in flags],
        "merged_into": None,
        "reason": None,
        "source": source,
    }


def event_table(events: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return events as the table that a room's ``rules`` gives."""
    return pa.Table.from_pylist(list(events), schema=_bare(RELEASE_EVENT))


def _bare(schema: pa.Schema) -> pa.Schema:
    """Return a landing schema without the columns that the landing writer adds."""
    return pa.schema([field for field in schema if field not in PROVENANCE])
