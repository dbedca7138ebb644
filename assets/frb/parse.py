"""The Board's releases and its table of overdrafts: bytes to rows, and the publication rules as calendar events.

One reader serves all releases, for their files differ in the series only. Nothing here fetches, and nothing here knows what a
number is used for.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Any

import pyarrow as pa

from assets.frb import RELEASES
from undertow.archive import Sighting
from undertow.calendars import add_business_days, at_local, business_days, is_business_day
from undertow.errors import ParseError
from undertow.room import Landed
from undertow.safexml import iterate
from undertow.safezip import read_member
from undertow.schemas import OBSERVATION, PROVENANCE, RELEASE_EVENT, SERIES
from undertow.vocabulary import Basis, Event, Flag, ObsStatus

__all__ = ["parse", "rules"]

WASHINGTON = "America/New_York"
OFFICES = "US_FEDERAL"
MARKET = "SIFMA_US"
FIRST_RULE_YEAR = 2015
# up to these days every planned day (of H.10: every week) has a number in the series that we have seen
CONFIRMED_UNTIL = {"frb_h41": date(2026, 6, 10), "frb_h15": date(2026, 2, 20), "frb_h10": date(2025, 12, 26)}
NO_NUMBER = {"ND", "NA", "NC"}
_MAX_TEXT = 1024**3
_QUARTER = re.compile(r"^\s*(\d{4}):Q([1-4])\s+(.*)$", re.ASCII)
_DOLLARS = re.compile(r"\$(\d+\.\d+)", re.ASCII)

Quarantine = list[tuple[str, str, str]]


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the rows of one release or of the table of overdrafts.

    Raises:
        ParseError: the bytes are not such a file, none of the catalogued series is in it, or two tellings of one day differ.
    """
    if sighting.dataset in RELEASES:
        return _release(payload, sighting, catalogue)
    if sighting.dataset == "overdrafts":
        return _overdrafts(payload, sighting, catalogue)
    raise ParseError(f"the room reads {', '.join(RELEASES)} and overdrafts, not {sighting.dataset}")


def rules(year: int) -> pa.Table:
    """Return what the Board's publication rules schedule for ``year``, and that it came, as far as that is known.

    H.4.1 is of Wednesdays, H.15 of days on which the bond market is open, and H.10 of weeks, told by their last business day.
    A schedule counts as known from 1 January of its year, an upper bound.
    """
    if year < FIRST_RULE_YEAR:
        return _EVENTS.empty_table()
    first, last = date(year, 1, 1), date(year, 12, 31)
    days = [first + timedelta(days=step) for step in range((last - first).days + 1)]
    plans = [
        *(("frb_h41", day, "16:30", _next_business_day) for day in days if day.isoweekday() == 3),
        *(("frb_h15", day, "16:15", _next_business_day) for day in business_days(MARKET, first, last)),
        *(("frb_h10", _last_open(day), "16:15", _monday_after) for day in days if day.isoweekday() == 5),
    ]
    sources = {
        "frb_h41": "rule: Thursday at 16:30 for Wednesday, the next business day where Thursday is a federal holiday",
        "frb_h15": "rule: the next business day at 16:15",
        "frb_h10": "rule: Monday at 16:15 for the week before, the next business day where Monday is a federal holiday",
    }
    rows = []
    for release_id, day, clock, rule in plans:
        instant = at_local(rule(day), clock, WASHINGTON)
        event = {
            "release_id": release_id,
            "component": "all",
            "reference_period": day.isoformat(),
            "reference_end": day,
            "event": Event.SCHEDULED.value,
            "event_at": instant,
            "announced_at": at_local(first, "00:00", WASHINGTON),
            "announced_basis": "rule",
            "flags": [Flag.KNOWN_LATE.value],
            "merged_into": None,
            "reason": None,
            "source": sources[release_id],
        }
        rows.append(event)
        if day <= CONFIRMED_UNTIL[release_id]:
            came = {"event": Event.RELEASED.value, "announced_at": instant, "flags": []}
            rows.append({**event, **came, "source": f"{sources[release_id]}; the series has a number of that time"})
    return pa.Table.from_pylist(rows, schema=_EVENTS)


def _last_open(friday: date) -> date:
    """Return the last business day up to a Friday."""
    return friday if is_business_day(OFFICES, friday) else add_business_days(OFFICES, friday, -1)


def _next_business_day(day: date) -> date:
    """Return the business day of federal offices after a day."""
    return add_business_days(OFFICES, day, 1)


def _monday_after(day: date) -> date:
    """Return the Monday after the week of a day, or the business day after that Monday where it is a holiday."""
    monday = day + timedelta(days=8 - day.isoweekday())
    return monday if is_business_day(OFFICES, monday) else _next_business_day(monday)


_RULES: dict[str, Callable[[date], date]] = {"next_business_day": _next_business_day, "monday_after": _monday_after}


# --- releases ---------------------------------------------------------------------------------------------------------


@dataclass
class _Series:
    """One series of a file: its attributes, and for each day what it says of it."""

    name: str
    facts: Mapping[str, Any]
    attributes: Mapping[str, str]
    days: dict[date, tuple[str, str]] = field(default_factory=dict)  # day -> (status, value as written)


def _release(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the history of one release."""
    release = catalogue["releases"][sighting.dataset]
    facts = {
        name: {**catalogue["defaults"], **{key: told for key, told in release.items() if key != "series"}, **own}
        for name, own in release["series"].items()
    }
    quarantine: Quarantine = []
    found = _read(payload, facts, sighting.fetched_at, quarantine)
    lacking = sorted(set(facts) - set(found))
    if len(lacking) == len(facts):
        raise ParseError(
            f"the file has none of the series that we read, such as {lacking[0]}; is it {RELEASES[sighting.dataset]}?"
        )
    quarantine += [(name, "the file has no such series any more", "") for name in lacking]
    observations: list[dict[str, Any]] = []
    described: list[dict[str, Any]] = []
    for name in sorted(found, key=lambda one: facts[one]["id"]):
        series = found[name]
        scale = _scale(series, quarantine)
        if scale is None:
            continue
        rows = list(_rows(series, scale, sighting.fetched_at, quarantine))
        if rows:
            observations += rows
            described.append(_described(series))
    if not observations:
        raise ParseError("the file has no usable number" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    return Landed(observation=_table(observations, OBSERVATION), series=_table(described, SERIES), quarantine=quarantine)


def _read(
    payload: bytes, facts: Mapping[str, Mapping[str, Any]], fetched_at: datetime, quarantine: Quarantine
) -> dict[str, _Series]:
    """Return the catalogued series of a file, read as a stream: the whole file of H.4.1 has 126 MB."""
    text = read_member(payload, pattern="*_data.xml", max_bytes=_MAX_TEXT) if payload.startswith(b"PK") else payload
    found: dict[str, _Series] = {}
    current: _Series | None = None
    for event, node in iterate(text, "the file", ("start", "end")):
        tag = node.tag.rpartition("}")[2]
        if event == "start":
            if tag == "Series":
                name = node.get("SERIES_NAME", "")
                current = _Series(name, facts[name], dict(node.attrib)) if name in facts else None
        elif tag == "Obs":
            if current is not None:
                _take(current, node.attrib, fetched_at, quarantine)
            node.clear()
        elif tag == "Series":
            if current is not None:
                known = found.setdefault(current.name, current)
                if known.days != current.days:
                    raise ParseError(f"the file has two different series {current.name}")
            current = None
            node.clear()
    return found


def _take(series: _Series, cells: Mapping[str, str], fetched_at: datetime, quarantine: Quarantine) -> None:
    """Note one observation; one that cannot be placed goes to quarantine."""
    told = cells.get("TIME_PERIOD", "")
    try:
        day = date.fromisoformat(told)
    except ValueError:
        quarantine.append((f"{series.name} {told}", "TIME_PERIOD is not a date", str(dict(cells))))
        return
    if day > fetched_at.date():
        quarantine.append((f"{series.name} {told}", "the day is after the fetch", str(dict(cells))))
        return
    if series.facts["frequency"] == "W" and day.isoweekday() != 3:
        quarantine.append(
            (f"{series.name} {told}", "a number of the weekly statement is not dated Wednesday", str(dict(cells)))
        )
        return
    said = (cells.get("OBS_STATUS", ""), cells.get("OBS_VALUE", ""))
    if series.days.setdefault(day, said) != said:
        raise ParseError(f"the file gives {series.name} of {told} twice, and differently")


def _scale(series: _Series, quarantine: Quarantine) -> float | None:
    """Return what the numbers of a series are multiplied by to be in our unit, or None where the unit is of another kind."""
    kind, power = series.attributes.get("UNIT", ""), series.attributes.get("UNIT_MULT", "1")
    if not kind.startswith(series.facts["unit_kind"]):
        quarantine.append(
            (series.name, f"the unit is {kind!r}, expected {series.facts['unit_kind']!r}", str(series.attributes))
        )
        return None
    try:
        scale = float(power) / series.facts["multiplier"]
    except ValueError:
        scale = 0.0
    if not isfinite(scale) or scale <= 0:
        quarantine.append((series.name, f"UNIT_MULT is {power!r}, not a number", str(series.attributes)))
        return None
    return scale


def _rows(series: _Series, scale: float, fetched_at: datetime, quarantine: Quarantine) -> Iterator[dict[str, Any]]:
    """Yield one row for each day from the first number to the last; a day without one is missing, or a holiday and no row."""
    facts = series.facts
    numbers: dict[date, float | None] = {}
    for day in sorted(series.days):
        status, text = series.days[day]
        if status in NO_NUMBER:
            numbers[day] = None
        elif status == "A" and (value := _number(text)) is not None and value != -9999:
            # the digits of the file, at our scale
            numbers[day] = value if scale == 1 else round(value * scale, 6)
        else:
            quarantine.append((f"{series.name} {day}", f"status {status!r} with this value is not known", text))
    told = [day for day, value in numbers.items() if value is not None]
    if not told:
        return
    newest = told[-1]
    for day, value in numbers.items():
        if not told[0] <= day <= newest:
            continue
        if value is None and facts["frequency"] == "B" and not is_business_day(facts["market"], day):
            continue
        start, end = _period(day, facts["frequency"])
        yield {
            "series_id": f"frb.{facts['id']}",
            "period_start": start,
            "period_end": end,
            "value": value,
            **_known(newest if facts["revision_policy"] == "restated_history" else day, facts, fetched_at),
            "obs_status": (ObsStatus.MISSING if value is None else ObsStatus.NORMAL).value,
            "footnotes": [],
        }


def _known(day: date, facts: Mapping[str, Any], fetched_at: datetime) -> dict[str, Any]:
    """Return when a number of a day became known, on what basis, and the flag of days that are older than the rule."""
    if facts["rule"] is None:
        return {"known_at": fetched_at, "known_at_basis": Basis.FIRST_SEEN.value, "flags": []}
    ruled = at_local(_RULES[facts["rule"]](day), facts["at"], WASHINGTON)
    if ruled > fetched_at:
        return {"known_at": fetched_at, "known_at_basis": Basis.FIRST_SEEN.value, "flags": []}
    older = day < date.fromisoformat(facts["rule_since"])
    return {
        "known_at": ruled,
        "known_at_basis": Basis.LAG_RULE.value,
        "flags": [Flag.LOOKAHEAD_RISK.value] if older else [],
    }


def _period(day: date, frequency: str) -> tuple[date, date]:
    """Return the period of a number: its day, or its month."""
    if frequency != "M":
        return day, day
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


def _described(series: _Series) -> dict[str, Any]:
    """Return the description of a series; an index has the base that the file names."""
    facts = series.facts
    unit = facts["unit"]
    if base := re.fullmatch(r"Index:_?([A-Za-z]+_)?(\d{4})_100", series.attributes.get("UNIT", ""), re.ASCII):
        unit = f"index {(base[1] or '').replace('_', ' ')}{base[2]}=100"
    return _series_row(f"frb.{facts['id']}", f"{facts['title']} ({series.name})", {**facts, "unit": unit})


# --- overdrafts -------------------------------------------------------------------------------------------------------


def _overdrafts(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the table of average daylight overdrafts; a total that is not the sum of its parts is flagged SUSPECT."""
    text = payload.decode("utf-8", "replace")
    if "Average Daylight Overdrafts" not in text or "in billions of dollars" not in text:
        raise ParseError("the text is not the table of average daylight overdrafts in billions of dollars")
    facts = {**catalogue["defaults"], **catalogue["overdrafts"]}
    names = list(facts["columns"])
    quarantine: Quarantine = []
    rows: dict[date, list[float]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        quarter = _QUARTER.match(line)
        if quarter is None:
            continue
        month = 3 * int(quarter[2])
        end = date(int(quarter[1]), month, monthrange(int(quarter[1]), month)[1])
        numbers = [float(one) for one in _DOLLARS.findall(quarter[3])]
        if end in rows or end > sighting.fetched_at.date() or not 3 <= len(numbers) <= len(names):
            quarantine.append((f"line {number}", "the quarter is not over, told twice, or has another number of amounts", line))
        else:
            rows[end] = numbers
    if not rows:
        raise ParseError("the table has no usable quarter")
    observations: list[dict[str, Any]] = [
        {
            "series_id": f"frb.daylight_overdrafts.average.{name}",
            "period_start": date(end.year, end.month - 2, 1),
            "period_end": end,
            "value": value,
            "known_at": sighting.fetched_at,
            "known_at_basis": Basis.FIRST_SEEN.value,
            "obs_status": ObsStatus.NORMAL.value,
            # both parts and the total are rounded to cents
            "flags": [Flag.SUSPECT.value] if name == "total" and abs(amounts[0] - amounts[1] - amounts[2]) > 0.0151 else [],
            "footnotes": [],
        }
        for place, name in enumerate(names)
        for end, amounts in sorted(rows.items())
        for value in amounts[place : place + 1]
    ]
    seen = {row["series_id"].rpartition(".")[2] for row in observations}
    described = [
        _series_row(f"frb.daylight_overdrafts.average.{name}", title, facts)
        for name, title in facts["columns"].items()
        if name in seen
    ]
    return Landed(observation=_table(observations, OBSERVATION), series=_table(described, SERIES), quarantine=quarantine)


# --- shared -----------------------------------------------------------------------------------------------------------


def _series_row(series_id: str, title: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a series in the shared shape."""
    return {"series_id": series_id, "title": title} | {
        column.name: facts[column.name]
        for column in SERIES
        if column not in PROVENANCE and column.name not in {"series_id", "title"}
    }


def _number(text: str) -> float | None:
    """Return a finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _parsed(schema: pa.Schema) -> pa.Schema:
    """Return a landing schema without the columns that the landing writer adds."""
    return pa.schema([column for column in schema if column not in PROVENANCE])


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table in a landing schema."""
    return pa.Table.from_pylist(rows, schema=_parsed(schema))


_EVENTS = _parsed(RELEASE_EVENT)
