"""Answers of the New York Fed: bytes to rows, and the publication of its rates as calendar events.

One reader for each envelope. Nothing here fetches, and nothing here knows what a rate or an operation is used for: operations
of a day are summed because a day's take-up is what a series can hold, and exercises are kept apart because they are no take-up.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pyarrow as pa

from undertow.archive import Sighting
from undertow.calendars import at_local, business_days, next_business_day
from undertow.errors import InstantError, ParseError
from undertow.instants import parse_instant
from undertow.room import Landed
from undertow.schemas import OBSERVATION, PROVENANCE, RELEASE_EVENT, SERIES
from undertow.vocabulary import Basis, Event, Flag, ObsStatus
from undertow.xlsx import from_serial, read_sheet

__all__ = ["is_exercise", "parse", "rules"]

NEW_YORK = "America/New_York"
REVISION_HOUR = "14:30"
BALANCE_SHEET_HOUR = "16:30"
OPERATIONS_END = "16:00"  # after the last operation of a day
STANDING_SINCE = date(2021, 7, 29)  # the standing repo facility; overnight repos before it were temporary operations
BILLION = Decimal(10**9)
ROUNDING = 10  # dollars, by which a total may differ from its parts

# type of a reference rate -> release, its calendar and hour, and the first day of which its hour is documented
SECURED = ("nyfed_secured_rates", "SOFR", "08:00", date(2018, 4, 2))
UNSECURED = ("nyfed_unsecured_rates", "FED", "09:00", date(2016, 3, 1))
PUBLICATION = {"SOFR": SECURED, "TGCR": SECURED, "BGCR": SECURED, "EFFR": UNSECURED, "OBFR": UNSECURED}

RATE_KEYS = ("percentRate", "percentPercentile1", "percentPercentile25", "percentPercentile75", "percentPercentile99")
ROW_KEYS = {"effectiveDate", "type", "revisionIndicator", "footnoteId"}
HISTORIC_KEYS = {"intraDayLow", "intraDayHigh", "stdDeviation"}  # of old federal funds rows; not landed
METHODS = ("Fixed Rate", "Multiple Price", "Full Allotment")
FUNDS_SHEET = "Effective Federal Funds Rate"
SECURITIES = {"Treasury": "treasury", "Agency": "agency", "Mortgage-Backed": "mbs"}
COUNTERPARTIES = ("bank", "gse", "mmf", "pd")
MOST_MISSING = 20  # days named one by one; more are told in one line

_EXERCISE = re.compile(r"small[\s-]+value\s+exercise|\bSVE\b", re.IGNORECASE)
_UNSETTLED = re.compile(r"The settled amount is [^<]*unsettled trades\.", re.IGNORECASE)
_PERCENTILE = re.compile(r"Elasticity - (\d+(?:\.\d+)?)(?:st|nd|rd|th) percentile(?: \(main\))?")
_ROOM = "nyfed."

_Row = dict[str, Any]
_Quarantine = list[tuple[str, str, str]]


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the values and the series of one answer. An answer without rows is right where no business day was asked for.

    Raises:
        ParseError: the bytes are not such an answer, the layout is another one, or a rate that was due is not in it.
    """
    files = {"elasticity": _elasticity, "fr2420": _fr2420}
    if sighting.dataset in files:
        return _landed(files[sighting.dataset](payload, sighting, catalogue))
    try:
        content = json.loads(payload, parse_constant=_refuse)
    except ValueError as error:
        raise ParseError(f"the answer is not JSON: {error}") from error
    readers: dict[str, tuple[str, Callable[..., _Reading]]] = {
        "repo_operations": ("repo.operations", _operations),
        "soma_summary": ("soma.summary", _soma),
        "primary_dealer": ("pd.timeseries", _dealers),
    }
    path, reader = readers.get(sighting.dataset, ("refRates", _rates))
    return _landed(reader(_rows_at(content, path), sighting, catalogue))


def rules(year: int) -> pa.Table:
    """Return one scheduled event for each business day of ``year`` on which reference rates are computed.

    The rates of a day come out on the next business day. Ad-hoc closures are in ``undertow.calendars.AD_HOC``. The holidays
    of a year are known before it begins, so its first day is an upper bound of when they were.
    """
    rows = []
    for release_id, calendar, hour, first in (SECURED, UNSECURED):
        for day in business_days(calendar, max(date(year, 1, 1), first), date(year, 12, 31)):
            rows.append(
                {
                    "release_id": release_id,
                    "component": "all",
                    "reference_period": day.isoformat(),
                    "reference_end": day,
                    "event": Event.SCHEDULED.value,
                    "event_at": at_local(next_business_day(calendar, day), hour, NEW_YORK),
                    "announced_at": at_local(date(year, 1, 1), "00:00", NEW_YORK),
                    "announced_basis": "rule",
                    "flags": [],
                    "merged_into": None,
                    "reason": None,
                    "source": "https://www.newyorkfed.org/markets/reference-rates: on the next business day, "
                    f"at about {hour} in New York",
                }
            )
    return pa.Table.from_pylist(rows, schema=_parsed(RELEASE_EVENT))


def is_exercise(note: str) -> bool:
    """Tell whether the note of an operation says that it is itself a small value exercise."""
    return _EXERCISE.search(note) is not None


class _Reading:
    """What was read of one answer: rows by key, the series they are of, and what could not be used."""

    def __init__(self, sighting: Sighting, catalogue: Mapping[str, Any]) -> None:
        self.sighting = sighting
        self.catalogue = catalogue
        self.rows: dict[tuple[str, date], _Row] = {}
        self.series: dict[str, _Row] = {}
        self.quarantine: _Quarantine = []

    def add(
        self,
        series_id: str,
        day: date,
        value: float | None,
        known: tuple[datetime, Basis],
        entry: Mapping[str, Any],
        *,
        flags: Iterable[Flag] = (),
        footnotes: Iterable[str] = (),
        status: ObsStatus = ObsStatus.NORMAL,
    ) -> None:
        """Add one value; the rule's instant counts where the answer was fetched after it."""
        known_at, basis = known
        if known_at > self.sighting.fetched_at:
            known_at, basis = self.sighting.fetched_at, Basis.FIRST_SEEN
        self.rows[series_id, day] = {
            "series_id": series_id,
            "period_start": day,
            "period_end": day,
            "value": value,
            "known_at": known_at,
            "known_at_basis": basis.value,
            "obs_status": status.value,
            "flags": [flag.value for flag in flags],
            "footnotes": list(footnotes),
        }
        if series_id not in self.series:
            facts = {key: fact for key, fact in entry.items() if key != "suffix"}
            self.series[series_id] = {**self.catalogue["defaults"], **facts, "series_id": series_id}

    def seen(self) -> tuple[datetime, Basis]:
        """Return our own fetch as what is known of when a value became public."""
        return self.sighting.fetched_at, Basis.FIRST_SEEN

    def today(self) -> date:
        """Return the day of the fetch in New York."""
        return self.sighting.fetched_at.astimezone(ZoneInfo(NEW_YORK)).date()

    def day(self, text: Any) -> date:
        """Return a day that is not after the fetch.

        Raises:
            ValueError: it is no such day.
        """
        day = date.fromisoformat(text) if isinstance(text, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
        if day is None:
            raise ValueError(f"{text!r} is not a date")
        if day > self.today():
            raise ValueError(f"{text} is after the fetch")
        return day


def _landed(reading: _Reading) -> Landed:
    """Return the tables of what was read, ordered by series and day."""
    return Landed(
        observation=pa.Table.from_pylist([reading.rows[key] for key in sorted(reading.rows)], schema=_parsed(OBSERVATION)),
        series=pa.Table.from_pylist([reading.series[key] for key in sorted(reading.series)], schema=_parsed(SERIES)),
        quarantine=reading.quarantine,
    )


def _rows_at(content: Any, path: str) -> list[Any]:
    """Return the list of rows inside the envelope.

    Raises:
        ParseError: the envelope is another one.
    """
    place = content
    for name in path.split("."):
        if not isinstance(place, dict) or name not in place:
            keys = sorted(place) if isinstance(place, dict) else type(place).__name__
            raise ParseError(f"the answer has no {path}; at that level it has {keys}")
        place = place[name]
    if not isinstance(place, list):
        raise ParseError(f"{path} is {type(place).__name__}, not a list")
    return place


# --- reference rates -----------------------------------------------------------------------------------------------------


def _rates(rows: list[Any], sighting: Sighting, catalogue: Mapping[str, Any]) -> _Reading:
    """Read reference rates; what a calendar says of days that are not there is told."""
    reading = _Reading(sighting, catalogue)
    if not rows:
        kind = sighting.dataset.upper()
        if kind not in PUBLICATION:
            raise ParseError("the answer has no rows, and newest ones were asked for")
        _, calendar, hour, first = PUBLICATION[kind]
        _demand_nothing_due(sighting, calendar, first, lambda day: _published(calendar, day, hour))
        return reading
    rows_read = [row for row in rows if isinstance(row, dict)]
    _demand_known_keys(rows_read, catalogue, reading.quarantine)
    days: dict[str, dict[date, _Row]] = defaultdict(dict)
    for number, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise ValueError("the row is not an object")
            day, kind = reading.day(row.get("effectiveDate")), row.get("type")
            if kind != "SOFRAI" and kind not in catalogue["rates"]:
                raise ValueError(f"the type {kind!r} is not known")
            before = days[kind].setdefault(day, row)
            if before != row:
                raise ParseError(f"there are two rows of {kind} on {day} and they differ")
            _rate(reading, kind, day, row)
        except (ValueError, InvalidOperation) as error:
            reading.quarantine.append((f"refRates[{number}]", str(error), json.dumps(row)[:500]))
    if not reading.rows:
        raise ParseError(f"no row of the answer can be used; the first: {reading.quarantine[0][1]}")
    for kind, found in days.items():
        if kind in PUBLICATION:
            _tell_missing_days(kind, sorted(found), reading.quarantine)
    return reading


def _rate(reading: _Reading, kind: str, day: date, row: _Row) -> None:
    """Add what one row says."""
    if kind == "SOFRAI":
        for key, entry in reading.catalogue["averages"].items():
            if key in row:
                reading.add(f"{_ROOM}SOFRAI{entry['suffix']}", day, _number(row[key]), reading.seen(), entry)
        return
    facts = reading.catalogue["rates"][kind]
    release_id, calendar, hour, first = PUBLICATION[kind]
    mark, footnote = row.get("revisionIndicator") or "", row.get("footnoteId")
    notes = [f"revisionIndicator {mark}"] if mark else []
    notes += [f"footnoteId {footnote}"] if footnote not in (None, "") else []
    known = _published(calendar, day, REVISION_HOUR if mark else hour)
    flags = [Flag.LOOKAHEAD_RISK] if day < first else []  # of the time before, no hour of publication is documented
    values = {
        key: _number(row[key]) for key in (*RATE_KEYS, "volumeInBillions", "targetRateFrom", "targetRateTo") if key in row
    }
    for key, value in values.items():
        measure = reading.catalogue["measures"][key]
        entry = {
            **measure,
            "title": f"{facts['title']}, {measure['title']}",
            "release_id": release_id,
        }
        reading.add(
            f"{_ROOM}{kind}{measure['suffix']}", day, value, (known, Basis.LAG_RULE), entry, flags=flags, footnotes=notes
        )


@cache
def _published(calendar: str, day: date, hour: str) -> datetime:
    """Return when the rates of a day come out."""
    return at_local(next_business_day(calendar, day), hour, NEW_YORK)


def _demand_nothing_due(sighting: Sighting, calendar: str, first: date, due_at: Callable[[date], datetime]) -> None:
    """Raise where an answer has no rows, and the days that the address asks for had some by the time it was fetched."""
    asked = dict(parse_qsl(urlsplit(sighting.url).query))
    if not {"startDate", "endDate"} <= set(asked):
        raise ParseError("the answer has no rows, and newest ones were asked for")
    try:
        start, end = (date.fromisoformat(asked[name]) for name in ("startDate", "endDate"))
    except ValueError as error:
        raise ParseError(f"the address does not tell which days were asked for: {error}") from error
    days = business_days(calendar, max(start, first), min(end, sighting.fetched_at.date()))
    due = [day for day in days if due_at(day) <= sighting.fetched_at]
    if due:
        raise ParseError(
            f"the answer has no rows, though {sighting.dataset} of {len(due)} business days from {due[0]} to {due[-1]} was out"
        )


def _demand_known_keys(rows: list[_Row], catalogue: Mapping[str, Any], quarantine: _Quarantine) -> None:
    """Raise where keys of the rows changed their names; name in the quarantine what is new beside all that is known."""
    known = ROW_KEYS | HISTORIC_KEYS | set(catalogue["measures"]) | set(catalogue["averages"])
    seen = {key for row in rows for key in row}
    strangers = sorted(seen - known)
    if not strangers:
        return
    is_averages = any(row.get("type") == "SOFRAI" for row in rows)
    expected = set(catalogue["averages"]) if is_averages else set(RATE_KEYS)
    lost = sorted((expected | {"effectiveDate", "type"}) - seen)
    if lost:
        raise ParseError(f"the rows have no {', '.join(lost)} and unknown keys {', '.join(strangers)}: another layout")
    quarantine.append(("refRates", f"unknown keys, not read: {', '.join(strangers)}", json.dumps(rows[0])[:500]))


def _tell_missing_days(kind: str, days: list[date], quarantine: _Quarantine) -> None:
    """Name in the quarantine the business days between the first and the last row that have none; holidays are no gap."""
    missing = [day for day in business_days(PUBLICATION[kind][1], days[0], days[-1]) if day not in set(days)]
    if len(missing) > MOST_MISSING:
        reason = f"{len(missing)} business days from {missing[0]} to {missing[-1]} have no row"
        quarantine.append((f"refRates, {kind}", reason, ""))
        return
    quarantine.extend((f"refRates, {kind} on {day}", "a business day without a row, and no holiday", "") for day in missing)


# --- operations ----------------------------------------------------------------------------------------------------------


def _operations(rows: list[Any], sighting: Sighting, catalogue: Mapping[str, Any]) -> _Reading:
    """Read operations and sum those of a day. A day of which one operation cannot be read has no sums."""
    reading = _Reading(sighting, catalogue)
    if not rows:
        _demand_nothing_due(sighting, "SOFR", STANDING_SINCE, lambda day: at_local(day, OPERATIONS_END, NEW_YORK))
    by_id: dict[str, _Row] = {}
    broken: set[Any] = set()
    for number, row in enumerate(rows):
        try:
            operation = _operation(row, reading)
            before = by_id.get(operation["id"])
            if before is None or before["updated"] <= operation["updated"]:
                by_id[operation["id"]] = operation
        except (ValueError, KeyError, TypeError, InvalidOperation, InstantError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            reading.quarantine.append((f"repo.operations[{number}]", reason, json.dumps(row)[:500]))
            broken.add(row.get("operationDate") if isinstance(row, dict) else None)
    if rows and not by_id:
        raise ParseError(f"no operation of the answer can be used; the first: {reading.quarantine[0][1]}")
    days: dict[date, list[_Row]] = defaultdict(list)
    for operation in by_id.values():
        days[operation["day"]].append(operation)
    for day, operations in sorted(days.items()):
        if day.isoformat() not in broken:
            _day_of_operations(reading, day, sorted(operations, key=lambda operation: operation["updated"]))
    return reading


def _operation(row: _Row, reading: _Reading) -> _Row:
    """Return what matters of one operation.

    Raises:
        ValueError, KeyError, TypeError, InvalidOperation, InstantError: what is wrong with it.
    """
    if row["auctionStatus"] != "Results":
        raise ValueError(f"the operation has no results yet: {row['auctionStatus']}")
    kind, method, day = row["operationType"], row["operationMethod"], reading.day(row["operationDate"])
    if kind not in ("Repo", "Reverse Repo") or method not in METHODS:
        raise ValueError(f"the operation {kind}, {method} is of a kind that is not known")
    note, details = row.get("note") or "", row["details"]
    securities = {detail["securityType"] for detail in details}
    if strange := securities - set(SECURITIES):
        raise ValueError(f"the collateral {sorted(strange)} is not known")
    rates = [
        _number(rate)
        for detail in details
        if (rate := detail.get("percentOfferingRate", detail.get("minimumBidRate"))) is not None
    ]
    if kind == "Repo":
        name = "SRF" if row["term"] == "Overnight" and day >= STANDING_SINCE else "RP:other"
    else:
        plain = row["term"] == "Overnight" and method == "Fixed Rate" and securities == {"Treasury"}
        name = "ON_RRP" if plain else "RRP:other"
    if is_exercise(note):
        name = "RP:sve" if kind == "Repo" else "RRP:sve"
    accepted, lent = _dollars(row["totalAmtAccepted"]), row.get("propositions") or ()
    by_security = {SECURITIES[detail["securityType"]]: _dollars(detail["amtAccepted"]) for detail in details}
    return {
        "id": row["operationId"],
        "day": day,
        "series": name,
        "updated": parse_instant(f"{row['lastUpdated']} {NEW_YORK}"),
        "accepted": accepted,
        "by_security": by_security,
        "adds_up": sum(by_security.values()) == accepted,
        "rate": max(rates, default=None),
        "counterparties": row.get("acceptedCpty"),
        "propositions": {one["counterpartyType"]: _dollars(one["amtAccepted"]) for one in lent},
        "footnotes": _UNSETTLED.findall(note),
    }


def _day_of_operations(reading: _Reading, day: date, operations: list[_Row]) -> None:
    """Add the sums of one day."""
    facts = reading.catalogue["operations"]
    is_open = reading.sighting.fetched_at < at_local(day, OPERATIONS_END, NEW_YORK)
    for name in ("ON_RRP", "SRF", "RP:sve", "RRP:sve", "RP:other", "RRP:other"):
        own = [operation for operation in operations if operation["series"] == name]
        if not own:
            continue
        updated = max(operation["updated"] for operation in own)
        flags = [Flag.KNOWN_LATE] if updated.astimezone(ZoneInfo(NEW_YORK)).date() > day else []
        flags += [Flag.PRELIMINARY] if is_open else []  # another operation of the day may follow
        flags += [Flag.SUSPECT] if not all(operation["adds_up"] for operation in own) else []
        footnotes = [text for operation in own for text in operation["footnotes"]]
        is_facility = name in ("ON_RRP", "SRF")
        series_id = f"{_ROOM}{name}:accepted" if is_facility else f"{_ROOM}{name}"
        values: dict[str, float | None] = {series_id: _billions(sum(operation["accepted"] for operation in own))}
        if name == "SRF":
            for word in SECURITIES.values():
                total = sum(operation["by_security"].get(word, Decimal(0)) for operation in own)
                values[f"{series_id}:{word}"] = _billions(total)
        if is_facility and own[-1]["rate"] is not None:
            values[f"{_ROOM}{name}:offering_rate"] = own[-1]["rate"]
        if name == "ON_RRP" and own[-1]["counterparties"] is not None:
            values[f"{_ROOM}{name}:counterparties"] = _number(own[-1]["counterparties"])
        for key, value in values.items():
            reading.add(key, day, value, (updated, Basis.PROVIDER), facts[key], flags=flags, footnotes=footnotes)
        if name == "ON_RRP" and all(operation["propositions"] for operation in own):
            for word in COUNTERPARTIES:
                key = f"{series_id}:{word}"
                total = sum(operation["propositions"].get(word, Decimal(0)) for operation in own)
                reading.add(key, day, _billions(total), reading.seen(), facts[key])


# --- holdings, dealers, elasticity, volumes ------------------------------------------------------------------------------


def _soma(rows: list[Any], sighting: Sighting, catalogue: Mapping[str, Any]) -> _Reading:
    """Read the weekly holdings. ``""`` says that there are none of that kind, and makes no row.

    Parts are rounded to the cent and to the dollar, so their sum is off by a few dollars on some days (2010-12-22: 2.40).
    """
    reading = _Reading(sighting, catalogue)
    for number, row in enumerate(rows):
        try:
            day = reading.day(row["asOfDate"])
            amounts = {key: _dollars(row[key]) for key in catalogue["soma"] if row.get(key, "") != ""}
            if "total" not in amounts:
                raise ValueError("the row has no total")
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            reading.quarantine.append((f"soma.summary[{number}]", reason, json.dumps(row)[:500]))
            continue
        parts = sum(amount for key, amount in amounts.items() if key not in ("total", "tipsInflationCompensation"))
        flags = [Flag.KNOWN_LATE] + ([Flag.SUSPECT] if abs(parts - amounts["total"]) > ROUNDING else [])
        for key, amount in amounts.items():
            entry = {**catalogue["soma"][key], "frequency": "W", "stale_after_days": 14, "decimals": 3}
            known = (_in_the_balance_sheet(day), Basis.LAG_RULE)
            reading.add(f"{_ROOM}SOMA:{entry['suffix']}", day, _billions(amount), known, entry, flags=flags)
    if not reading.rows:
        first = f"; the first: {reading.quarantine[0][1]}" if reading.quarantine else ""
        raise ParseError(f"the answer has no usable holdings{first}")
    return reading


@cache
def _in_the_balance_sheet(day: date) -> datetime:
    """Return one business day after the balance sheet that holds a day: it comes out on Thursday, on Friday after a holiday."""
    wednesday = day + timedelta(days=(2 - day.weekday()) % 7)
    thursday = next_business_day("US_FEDERAL", wednesday)
    return at_local(next_business_day("US_FEDERAL", thursday), BALANCE_SHEET_HOUR, NEW_YORK)


def _dealers(rows: list[Any], sighting: Sighting, catalogue: Mapping[str, Any]) -> _Reading:
    """Read series of primary dealers, in millions of dollars as published; ``*`` is a suppressed value."""
    reading = _Reading(sighting, catalogue)
    for number, row in enumerate(rows):
        try:
            day, key, text = reading.day(row["asofdate"]), str(row["keyid"]), str(row["value"]).strip()
            value = None if text == "*" else _number(text)
        except (ValueError, KeyError, TypeError, InvalidOperation) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            reading.quarantine.append((f"pd.timeseries[{number}]", reason, json.dumps(row)[:500]))
            continue
        title = catalogue["dealers"].get(key, f"Primary dealers, {key}")
        entry = {"title": title, "unit": "USD mn", "decimals": 0, "frequency": "W", "stale_after_days": 21}
        status = ObsStatus.NORMAL if value is not None else ObsStatus.SUPPRESSED
        reading.add(f"{_ROOM}{key}", day, value, reading.seen(), entry, status=status)
    if rows and not reading.rows:
        raise ParseError(f"no row of the answer can be used; the first: {reading.quarantine[0][1]}")
    return reading


def _elasticity(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> _Reading:
    """Read the estimates of the elasticity: a CSV with the day and a column for each percentile.

    Raises:
        ParseError: the file is another one.
    """
    try:
        reader = csv.DictReader(io.StringIO(payload.decode("utf-8-sig"), newline=""), strict=True)
        header, lines = reader.fieldnames or [], list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ParseError(f"the file is not CSV: {error}") from error
    columns = {found[1]: name for name in header if (found := _PERCENTILE.fullmatch(name.strip()))}
    if "Date" not in header or "50" not in columns:
        raise ParseError(f"the header {header} has no Date and no 50th percentile of the elasticity")
    reading = _Reading(sighting, catalogue)
    for number, line in enumerate(lines, 2):
        try:
            day = reading.day(_iso(line["Date"]))
            values = {key: _number(line[column]) for key, column in columns.items() if (line[column] or "").strip()}
        except (ValueError, InvalidOperation) as error:
            reading.quarantine.append((f"line {number}", str(error), json.dumps(line)[:500]))
            continue
        for key, value in values.items():
            if (entry := catalogue["elasticity"].get(key)) is not None:
                facts = {
                    **entry,
                    "unit": "bp per 1% of bank assets",
                    "revision_policy": "restated_history",
                    "stale_after_days": 60,
                    "source_url": "https://www.newyorkfed.org/research/reserve-demand-elasticity",
                }
                reading.add(f"{_ROOM}RDE{entry['suffix']}", day, value, reading.seen(), facts)
    if not reading.rows:
        raise ParseError("the file has no usable estimate")
    return reading


def _fr2420(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> _Reading:
    """Read who borrowed federal funds: the volumes by day on the sheet of the effective rate. The file names no unit.

    Raises:
        ParseError: the workbook is another one.
    """
    sheet = read_sheet(payload, FUNDS_SHEET)
    wanted = ("Date", *catalogue["fr2420"])
    headers = [[text.strip() if isinstance(text, str) else "" for text in row] for row in sheet]
    top = next((number for number, row in enumerate(headers) if set(wanted) <= set(row)), None)
    if top is None:
        raise ParseError(f"no row of the sheet {FUNDS_SHEET!r} has the columns {', '.join(wanted)}")
    places = {name: headers[top].index(name) for name in wanted}
    reading = _Reading(sighting, catalogue)
    for number, row in enumerate(sheet[top + 1 :], top + 2):
        cells = {name: row[place] if place < len(row) else None for name, place in places.items()}
        if all(cell is None for cell in cells.values()):
            continue
        try:
            when = cells["Date"]
            day = reading.day(from_serial(when).isoformat() if isinstance(when, float) else when)
            values = {name: _number(cell) for name, cell in cells.items() if name != "Date" and cell is not None}
        except ValueError as error:
            reading.quarantine.append((f"{FUNDS_SHEET}, row {number}", str(error), str(row)[:500]))
            continue
        for name, value in values.items():
            entry = {**catalogue["fr2420"][name], "unit": "as published", "stale_after_days": 200}
            reading.add(f"{_ROOM}FR2420:{entry['suffix']}", day, value, reading.seen(), entry)
    if not reading.rows:
        raise ParseError(f"the sheet {FUNDS_SHEET!r} has no usable row")
    return reading


def _iso(text: str) -> str:
    """Return a day that is written as 2026-08-13 or 8/13/2026 in the first of these forms."""
    if found := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", (text or "").strip()):
        return f"{found[3]}-{int(found[1]):02d}-{int(found[2]):02d}"
    return (text or "").strip()


# --- numbers -------------------------------------------------------------------------------------------------------------


def _refuse(word: str) -> None:
    """Refuse the words for numbers that are none, which JSON does not have."""
    raise ValueError(f"{word} is not a number")


def _number(value: Any) -> float:
    """Return a finite number that is written as one, or as a text.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is not a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def _dollars(value: Any) -> Decimal:
    """Return an amount as it is written, exactly.

    Raises:
        ValueError, InvalidOperation: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is not an amount")
    amount = Decimal(str(value).strip())
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{value!r} is not an amount")
    return amount


def _billions(amount: Decimal | int) -> float:
    """Return dollars as billions of dollars."""
    return float(Decimal(amount) / BILLION)


def _parsed(schema: pa.Schema) -> pa.Schema:
    """Return a landing schema without the columns that the landing writer adds."""
    return pa.schema([field for field in schema if field not in PROVENANCE])
