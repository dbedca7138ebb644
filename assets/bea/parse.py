"""BEA's release calendar and accounts: bytes to rows.

A capture of the calendar becomes one planned event for each release and period that stands in it, with the last change of the
row as the bound of when it was announced. What changed between captures is found in the models; nothing here compares two
payloads. Payloads are small (some thousand numbers), so rows are plain objects until the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa

from undertow.archive import Sighting
from undertow.calendars import at_local
from undertow.errors import ParseError
from undertow.room import Landed
from undertow.schemas import OBSERVATION, PROVENANCE, RELEASE_EVENT, SERIES
from undertow.vocabulary import Basis, Event, Flag, ObsStatus

__all__ = ["parse"]

NEW_YORK = "America/New_York"
DAY_ENDS = "23:59"

Quarantine = list[tuple[str, str, str]]

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTH = re.compile(rf"\b({'|'.join(MONTHS)})\b")
_QUARTER = re.compile(r"\b([1-4])(?:st|nd|rd|th) quarter\b", re.IGNORECASE)
_YEAR = re.compile(r"\b((?:19|20)\d\d)\b")
_ESTIMATE = re.compile(r"\(([A-Z][a-z]+) Estimate\)")
_OWN_NAMES = ("Advance", "Second", "Third")
_TIME_PERIOD = re.compile(r"(\d{4})(?:Q([1-4])|M(0[1-9]|1[0-2]))?", re.ASCII)
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?", re.ASCII)
_LAST_REVISED = re.compile(r"LastRevised:\s*([A-Z][a-z]+ \d{1,2}, \d{4})")
_UNKNOWN_RELEASE = "the release is not in the catalogue (assets/bea/series.yml, calendar)"
_ROW_COLUMNS = ("TimePeriod", "CL_UNIT", "UNIT_MULT", "DataValue")
_KEY_COLUMNS = {
    "nipa": ("TableName", "SeriesCode"),
    "ita": ("Indicator", "AreaOrCountry", "Frequency"),
    "iip": ("TypeOfInvestment", "Component", "Frequency"),
}


class _Period(NamedTuple):
    """A reference period: as people write it, its first and its last day, and how long it is."""

    text: str
    start: date
    end: date
    frequency: str


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the rows of one payload of any of the room's datasets.

    Rows that cannot be read, and releases that the catalogue does not know, go to quarantine.

    Raises:
        ParseError: the bytes are not what the dataset says, BEA reports an error, a unit or a series of the catalogue is not as
            expected, or nothing in the payload can be used.
    """
    if sighting.dataset == "release_calendar_ics":
        return _calendar(payload, sighting, catalogue["calendar"])
    if sighting.dataset == "release_dates_json":
        return _dates(payload, sighting, catalogue["calendar"])
    if sighting.dataset in _KEY_COLUMNS:
        return _table(payload, sighting, catalogue)
    raise ParseError(f"the room bea has no parser for {sighting.dataset}")


# --- the calendar as iCalendar -------------------------------------------------------------------------------------------


def _calendar(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return one planned event for each followed release and period of the iCalendar file."""
    from icalendar import Calendar  # imported late: 0.1 s that only this needs

    try:
        components = Calendar.from_ical(payload).events
    except (ValueError, KeyError, IndexError) as error:
        raise ParseError(f"the bytes are not one whole iCalendar file: {str(error)[:200]}") from error
    if not components:
        raise ParseError("the calendar has no event; an empty calendar says nothing of any release")
    quarantine: Quarantine = []
    found: list[tuple[int, datetime, str, dict[str, Any]]] = []
    for number, component in enumerate(components, 1):
        title = " ".join(str(component.get("SUMMARY", "")).split())
        place = f"event {number}"
        try:
            sequence, stamp, event_at = _stamps(component)
            for row in _planned(title, catalogue):
                announced_at = min(stamp, sighting.fetched_at)
                event = Event.RESCHEDULED if sequence else Event.SCHEDULED
                source = f'BEA release calendar: "{title}" (sequence {sequence})'
                row |= _event(event, event_at, announced_at, source)
                found.append((sequence, stamp, place, row))
        except _UnreadableError as error:
            quarantine.append((place, str(error), f"{title} | {component.get('DTSTART')!s} | {component.get('UID')!s}"))
    rows = _one_a_period(found, quarantine)
    if not rows:
        raise ParseError(
            f"no event of the calendar can be used; the first: {quarantine[0] if quarantine else 'none is followed'}"
        )
    return Landed(release_event=_arrow(rows, RELEASE_EVENT), quarantine=quarantine)


class _UnreadableError(ValueError):
    """One row cannot be used; the message says why."""


def _stamps(component: Any) -> tuple[int, datetime, datetime]:
    """Return the sequence number, the last change and the instant of an event."""
    if component.errors:
        name, reason = component.errors[0]
        raise _UnreadableError(f"the property {name} cannot be read: {reason}")
    absent = [name for name in ("SUMMARY", "DTSTART", "DTSTAMP") if component.get(name) is None]
    if absent:
        raise _UnreadableError(f"the event has no {' and no '.join(absent)}")
    start = component["DTSTART"].dt
    stamp = (component.get("LAST-MODIFIED") or component["DTSTAMP"]).dt
    for value in (start, stamp):
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise _UnreadableError("the event has a date or an instant without a zone where an instant is expected")
    return int(component.get("SEQUENCE", 0)), stamp.astimezone(UTC), start.astimezone(UTC)


def _planned(title: str, catalogue: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield release, period and what is special about them for a title; nothing for releases that are not followed."""
    followed = next((entry for entry in catalogue["followed"] if re.match(entry["title"], title)), None)
    if followed is None:
        if any(title.startswith(name) for name in catalogue["not_followed"]):
            return
        raise _UnreadableError(_UNKNOWN_RELEASE)
    periods = list(_quarters(title) if followed["period"] == "quarter" else _months(title))
    if not periods:
        raise _UnreadableError(f"the title names no {followed['period']} with its year")
    reason = None
    releases = followed.get("releases")
    if "estimates" in followed:
        estimate = _ESTIMATE.search(title)
        if estimate is None or estimate[1] not in followed["estimates"]:
            raise _UnreadableError("the title names no estimate that the catalogue knows")
        releases = [followed["estimates"][estimate[1]]]
        if estimate[1] not in _OWN_NAMES:
            reason = f"BEA calls it the {estimate[1]} Estimate"
    for release in releases:
        for period in periods:
            yield {
                "release_id": release,
                "reference_period": period.text,
                "reference_end": period.end,
                "reason": reason,
            }


def _months(title: str) -> Iterator[_Period]:
    """Yield the months that a title names; each belongs to the first year after it."""
    for match in _MONTH.finditer(title):
        if year := _YEAR.search(title, match.end()):
            yield _period(int(year[1]), month=MONTHS.index(match[1]) + 1)


def _quarters(title: str) -> Iterator[_Period]:
    """Yield the quarters that a title names; each belongs to the first year after it."""
    for match in _QUARTER.finditer(title):
        if year := _YEAR.search(title, match.end()):
            yield _period(int(year[1]), quarter=int(match[1]))


def _period(year: int, *, quarter: int | None = None, month: int | None = None) -> _Period:
    """Return a quarter, a month or, without either, a year."""
    if quarter:
        start, months, text, frequency = date(year, 3 * quarter - 2, 1), 3, f"{year}-Q{quarter}", "Q"
    elif month:
        start, months, text, frequency = date(year, month, 1), 1, f"{year}-{month:02d}", "M"
    else:
        start, months, text, frequency = date(year, 1, 1), 12, f"{year}", "A"
    after = start.month - 1 + months
    return _Period(text, start, date(year + after // 12, after % 12 + 1, 1) - timedelta(days=1), frequency)


def _event(event: Event, event_at: datetime, announced_at: datetime, source: str) -> dict[str, Any]:
    """Return the columns of a planned event that do not depend on its release."""
    return {
        "component": "all",
        "event": event.value,
        "event_at": event_at,
        "announced_at": announced_at,
        "announced_basis": "notice",
        "flags": [Flag.KNOWN_LATE.value],
        "merged_into": None,
        "source": source,
    }


def _one_a_period(found: Iterable[tuple[int, datetime, str, dict[str, Any]]], quarantine: Quarantine) -> list[dict[str, Any]]:
    """Return one row for each release and period: of several dates the one with the highest sequence and last change.

    Where these do not tell which row is the newer one, all go to quarantine.
    """
    groups: dict[tuple[str, str], list[tuple[int, datetime, str, dict[str, Any]]]] = {}
    for entry in found:
        groups.setdefault((entry[3]["release_id"], entry[3]["reference_period"]), []).append(entry)
    rows = []
    for entries in groups.values():
        newest = max(entry[:2] for entry in entries)
        standing = [entry for entry in entries if entry[:2] == newest]
        if len({entry[3]["event_at"] for entry in standing}) == 1:
            rows.append(standing[0][3])
        else:
            standing = []
        quarantine.extend(
            (entry[2], "another event gives this release and period another date", entry[3]["source"])
            for entry in entries
            if not standing or entry[3]["event_at"] != standing[0][3]["event_at"]
        )
    return sorted(rows, key=lambda row: (row["release_id"], row["reference_end"]))


# --- the calendar as JSON ------------------------------------------------------------------------------------------------


def _dates(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return one planned event for each followed release and instant of the JSON file; its period is left empty.

    The file names no periods. The models look for the plan of that release at that instant.
    """
    content = _json(payload)
    if not isinstance(content, dict) or "file_last_updated" not in content:
        raise ParseError("the file is no object with file_last_updated")
    try:
        updated = datetime.fromisoformat(content["file_last_updated"])
    except (TypeError, ValueError) as error:
        raise ParseError(f"file_last_updated is no instant: {content['file_last_updated']!r}") from error
    updated = (updated if updated.tzinfo else updated.replace(tzinfo=ZoneInfo(NEW_YORK))).astimezone(UTC)
    announced_at = min(updated, sighting.fetched_at)
    quarantine: Quarantine = []
    rows: dict[tuple[str, datetime], dict[str, Any]] = {}
    for name, entry in content.items():
        followed = next((one for one in catalogue["followed"] if one["name"] == name), None)
        if followed is None:
            if name != "file_last_updated" and not any(name.startswith(known) for known in catalogue["not_followed"]):
                quarantine.append((name, _UNKNOWN_RELEASE, str(entry)[:500]))
            continue
        for instant in _instants(name, entry, quarantine):
            source = f'BEA release dates: "{name}" (no period named)'
            for release in followed.get("releases", [followed.get("family")]):
                rows[release, instant] = {
                    "release_id": release,
                    "reference_period": "",
                    "reference_end": instant.astimezone(ZoneInfo(NEW_YORK)).date(),
                    "reason": None,
                    **_event(Event.SCHEDULED, instant, announced_at, source),
                }
    if not rows:
        raise ParseError("the file has no date of a release that is followed")
    return Landed(release_event=_arrow([rows[key] for key in sorted(rows)], RELEASE_EVENT), quarantine=quarantine)


def _instants(name: str, entry: Any, quarantine: Quarantine) -> Iterator[datetime]:
    """Yield the instants (UTC) of one release of the JSON file; what is none goes to quarantine."""
    dates = entry.get("release_dates") if isinstance(entry, dict) else None
    if not isinstance(dates, list):
        quarantine.append((name, "the release has no list release_dates", str(entry)[:500]))
        return
    for text in dates:
        try:
            instant = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            quarantine.append((name, "this is not an instant", str(text)))
            continue
        if instant.tzinfo is None:
            quarantine.append((name, "the instant has no zone", text))
        else:
            yield instant.astimezone(UTC)


# --- the tables of the data API ------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    """What the catalogue says of one series."""

    series_id: str
    native_frequency: str
    facts: Mapping[str, Any]


def _table(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the values of the catalogue's series in one answer of the data API."""
    dataset = sighting.dataset
    results = _results(_json(payload))
    data = results.get("Data")
    data = [data] if isinstance(data, dict) else data
    if not isinstance(data, list) or not data:
        raise ParseError("the answer has no Data")
    _demand_columns(data, (*_KEY_COLUMNS[dataset], *_ROW_COLUMNS))
    lines = _lines(dataset, data, catalogue)
    known_at, basis, flags = _known(dataset, results, sighting.fetched_at)
    quarantine: Quarantine = []
    found: dict[tuple[str, date], list[tuple[str, str, dict[str, Any]]]] = {}
    for number, row in enumerate(data, 1):
        line = lines.get(_line_key(dataset, row)) if isinstance(row, dict) else None
        if isinstance(row, dict) and line is None:
            continue  # a line that the catalogue does not name
        try:
            place = f"Data[{number - 1}]"
            period, value, status = _reading(row, line, sighting.fetched_at, catalogue["no_number"])
        except _UnreadableError as error:
            quarantine.append((place, str(error), json.dumps(row)[:500]))
            continue
        assert line is not None  # noqa: S101 (narrowing for the type checker)
        observation = {
            "series_id": line.series_id,
            "period_start": period.start,
            "period_end": period.end,
            "value": value,
            "known_at": known_at,
            "known_at_basis": basis.value,
            "obs_status": status.value,
            "flags": flags,
            "footnotes": [],
        }
        found.setdefault((line.series_id, period.start), []).append((place, json.dumps(row)[:500], observation))
    rows = []
    for entries in found.values():
        if len({(entry[2]["value"], entry[2]["obs_status"]) for entry in entries}) == 1:
            rows.append(entries[0][2])
        else:
            quarantine.extend((place, "the answer has several values for this period", raw) for place, raw, _ in entries)
    if not rows:
        raise ParseError(f"no number of the answer can be used; the first: {quarantine[0] if quarantine else 'none'}")
    rows.sort(key=lambda row: (row["series_id"], row["period_start"]))
    series = [_series(line, catalogue["defaults"]) for line in sorted(lines.values())]
    return Landed(observation=_arrow(rows, OBSERVATION), series=_arrow(series, SERIES), quarantine=quarantine)


def _results(content: Any) -> dict[str, Any]:
    """Return the part of an answer that holds ``Data``, or raise with what BEA says went wrong."""
    top = content.get("BEAAPI") if isinstance(content, dict) else None
    if not isinstance(top, dict):
        raise ParseError("the answer has no BEAAPI")
    results = top.get("Results", top)
    results = results[0] if isinstance(results, list) and results else results
    if not isinstance(results, dict):
        raise ParseError("the answer has no Results")
    for error in (top.get("Error"), results.get("Error")):
        if error:
            first = error[0] if isinstance(error, list) else error
            words = first if isinstance(first, dict) else {"APIErrorDescription": first}
            detail = words.get("ErrorDetail")
            more = detail.get("Description") if isinstance(detail, dict) else detail
            raise ParseError(
                f"BEA reports error {words.get('APIErrorCode', '?')}: {words.get('APIErrorDescription', 'no description')}"
                + (f" ({more})" if more else "")
            )
    return results


def _demand_columns(data: list[Any], columns: tuple[str, ...]) -> None:
    """Raise where no row at all has a column that we read."""
    present = {name for row in data if isinstance(row, dict) for name in row}
    missing = [name for name in columns if name not in present]
    if missing:
        raise ParseError(f"the rows have no {', '.join(missing)}; they have {', '.join(sorted(present)) or 'nothing'}")


def _line_key(dataset: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in _KEY_COLUMNS[dataset])


def _lines(dataset: str, data: list[Any], catalogue: Mapping[str, Any]) -> dict[tuple[Any, ...], _Line]:
    """Return the catalogue's series of the tables in an answer, by what identifies them there.

    Raises:
        ParseError: the table is unknown, or a series of the catalogue is not in the answer.
    """
    lines: dict[tuple[Any, ...], _Line] = {}
    if dataset == "nipa":
        tables = {row["TableName"] for row in data if isinstance(row, dict) and isinstance(row.get("TableName"), str)}
        if unknown := sorted(tables - set(catalogue["nipa"])):
            raise ParseError(f"the catalogue does not know the table {', '.join(unknown)}")
        for table in tables:
            facts = catalogue["nipa"][table]
            for code, own in facts["series"].items():
                frequency = facts["frequency"]
                lines[table, code] = _Line(f"bea.NIPA.{table}.{code}.{frequency}", frequency, {**facts, **own})
    else:
        facts = catalogue[dataset]
        second, native = facts.get("area") or facts["component"], facts["native_frequency"]
        for code, own in facts["series"].items():
            series_id = f"bea.{dataset.upper()}.{code}.{second}.{native}"
            lines[code, second, native] = _Line(series_id, facts["frequency"], {**facts, **own})
    present = {_line_key(dataset, row) for row in data if isinstance(row, dict)}
    lines = {key: line for key, line in lines.items() if key in present or not line.facts.get("may_be_absent")}
    if absent := [line.series_id for key, line in lines.items() if key not in present]:
        raise ParseError(f"the answer has no row of {', '.join(sorted(absent))}")
    return lines


def _known(dataset: str, results: Mapping[str, Any], fetched_at: datetime) -> tuple[datetime, Basis, list[str]]:
    """Return since when the numbers of an answer are known, on what basis, and the flags that go with it.

    The first note of a NIPA table ends with the day of its last revision; the end of that day in New York is a bound.
    """
    if dataset == "nipa":
        notes = results.get("Notes") or []
        texts = [note.get("NoteText") for note in notes if isinstance(note, dict)]
        days = {match[1] for text in texts if isinstance(text, str) and (match := _LAST_REVISED.search(text))}
        if len(days) > 1:
            raise ParseError(f"the notes name several days of the last revision: {', '.join(sorted(days))}")
        for text in days:
            try:
                day = datetime.strptime(text, "%B %d, %Y").date()  # noqa: DTZ007 (a day, not an instant)
            except ValueError as error:
                raise ParseError(f"the day of the last revision cannot be read: {text!r}") from error
            if day > fetched_at.astimezone(ZoneInfo(NEW_YORK)).date():
                raise ParseError(f"the table says that it was revised on {day.isoformat()}, after it was fetched")
            return min(at_local(day, DAY_ENDS, NEW_YORK), fetched_at), Basis.PROVIDER, [Flag.KNOWN_LATE.value]
    return fetched_at, Basis.FIRST_SEEN, []


def _reading(
    row: Any, line: _Line | None, fetched_at: datetime, no_number: Mapping[str, str]
) -> tuple[_Period, float | None, ObsStatus]:
    """Return period, value in the catalogue's unit and status of one row.

    Raises:
        ParseError: the unit is another one than the catalogue knows.
        _UnreadableError: something else cannot be read.
    """
    if not isinstance(row, dict) or line is None:
        raise _UnreadableError("this is not an object")
    match = _TIME_PERIOD.fullmatch(str(row.get("TimePeriod")))
    if match is None:
        raise _UnreadableError(f"the period {row.get('TimePeriod')!r} cannot be read")
    if match[1] == "0000":
        raise _UnreadableError("the year is impossible")
    period = _period(int(match[1]), quarter=int(match[2] or 0) or None, month=int(match[3] or 0) or None)
    if period.frequency != line.facts["frequency"]:
        raise _UnreadableError(f"the period is of another length than the series ({line.facts['frequency']})")
    if period.start > fetched_at.date():
        raise _UnreadableError("the period begins after the fetch")
    if row.get("CL_UNIT") != line.facts["cl_unit"]:
        raise ParseError(f"{line.series_id} comes in {row.get('CL_UNIT')!r}, expected {line.facts['cl_unit']!r}")
    text = str(row.get("DataValue", "")).strip()
    if text in no_number:
        return period, None, ObsStatus(no_number[text])
    if not text or not _NUMBER.fullmatch(text):
        raise _UnreadableError(f"the value {text!r} is not a number")
    try:
        power = int(row.get("UNIT_MULT", "")) - line.facts["scale"]
        value = Decimal(text.replace(",", "")).scaleb(power)
    except (ValueError, TypeError, InvalidOperation):
        raise _UnreadableError(f"the value {text!r} with the multiplier {row.get('UNIT_MULT')!r} is not a number") from None
    return period, float(value), ObsStatus.NORMAL


def _series(line: _Line, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of one series."""
    facts = line.facts
    return {
        "series_id": line.series_id,
        "title": facts["title"],
        "agency": defaults["agency"],
        "unit": facts["unit"],
        "decimals": facts["decimals"],
        "frequency": facts["frequency"],
        "seasonal_adjustment": facts["seasonal_adjustment"],
        "revision_policy": defaults["revision_policy"],
        "release_id": facts["release_id"],
        "component": None,
        "stale_after_days": facts["stale_after_days"],
        "licence": defaults["licence"],
        "source_url": defaults["source_url"],
    }


# --- shared --------------------------------------------------------------------------------------------------------------


def _json(payload: bytes) -> Any:
    """Return the content of a JSON file."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the bytes are not one whole JSON text: {error}") from error


def _arrow(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table of a landing schema without the columns that the landing writer adds."""
    return pa.Table.from_pylist(rows, schema=pa.schema([field for field in schema if field not in PROVENANCE]))
