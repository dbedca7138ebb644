"""Traders in Financial Futures: the yearly file and the API's answer to rows, and the report's schedule as calendar events.

Both are brought to one shape first (report date, contract, cells by measure), and judged there, once. Fetching does not belong
here, nor does what a position is worth or used for.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from undertow.archive import Sighting
from undertow.calendars import add_business_days, at_local, is_business_day
from undertow.errors import InstantError, ParseError
from undertow.instants import parse_instant
from undertow.parsing import Quarantine, event_table, landed, observation, release_event
from undertow.room import Landed
from undertow.safezip import read_member
from undertow.vocabulary import Basis, Event, Flag

__all__ = ["parse", "report_days", "rules"]

WASHINGTON = "America/New_York"
PUBLISHED = "15:30"
LAG = 3  # federal business days
FIRST_REPORT = date(2006, 6, 13)
FIRST_PUBLISHED = date(2010, 7, 20)  # reports before it were computed afterwards
CODES_CHECKED_SINCE = date(2025, 1, 1)  # the catalogue was compared with a whole file of that year
MAX_TEXT = 256 * 1024 * 1024
BULK_AFTER = timedelta(days=120)  # a row that was loaded so much later was not loaded because it was published

# Reports that came late: the first and the last of them, when they were out at the latest, and why. Where no page says when,
# there is no day, and our fetch dates them. The last ones are on the safe side.
DELAYED: tuple[tuple[date, date, date | None, str], ...] = (
    (date(2013, 10, 1), date(2013, 10, 29), None, "lapse of October 2013"),
    (
        date(2018, 12, 24),
        date(2019, 3, 5),
        date(2019, 3, 8),
        "lapse of 2018-19: first report 2019-02-01, current on 2019-03-08",
    ),
    (date(2023, 1, 31), date(2023, 1, 31), date(2023, 2, 24), "outage at a clearing firm: the report came on 2023-02-24"),
    (date(2023, 2, 7), date(2023, 3, 21), None, "outage at a clearing firm: the reports after it"),
)

# The backlog of 2025 as announced on 2025-11-18: report, day. The calendar's facts hold the plan; here it is an upper bound.
BACKLOG = {
    date(2025, 9, 30): date(2025, 11, 19), date(2025, 10, 7): date(2025, 11, 21), date(2025, 10, 14): date(2025, 11, 25),
    date(2025, 10, 21): date(2025, 12, 2), date(2025, 10, 28): date(2025, 12, 5), date(2025, 11, 4): date(2025, 12, 9),
    date(2025, 11, 10): date(2025, 12, 12), date(2025, 11, 18): date(2025, 12, 16), date(2025, 11, 25): date(2025, 12, 19),
    date(2025, 12, 2): date(2025, 12, 23), date(2025, 12, 9): date(2025, 12, 30), date(2025, 12, 16): date(2026, 1, 6),
    date(2025, 12, 23): date(2026, 1, 9), date(2025, 12, 30): date(2026, 1, 13), date(2026, 1, 6): date(2026, 1, 16),
    date(2026, 1, 13): date(2026, 1, 20),
}  # fmt: skip
# The file of 2025 with this stamp (14:41) holds all reports of 2025.
STAMP = "2026-01-02 14:41"
CONFIRMED_UNTIL = date(2025, 9, 23)  # later reports are dated by `:created_at` or by our fetch

_INTEGER = re.compile(r"\d+", re.ASCII)
_FACE = re.compile(r"\$([\d,]+) FACE VALUE", re.ASCII)
_GROUPS = {"F30", "Interest Rates - U.S. Treasury"}


class _Row(NamedTuple):
    """One contract of one report, as text."""

    place: str
    report: str
    code: str
    units: str
    created: str
    cells: dict[str, str]


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the positions of one yearly file or of one answer of the API.

    A cell that is no whole number, a report after the fetch and rows that contradict each other go to quarantine.

    Raises:
        ParseError: the bytes are not what the dataset says, a column is missing, a contract on US Treasuries is not in the
            catalogue or has another face value, or no row can be used.
    """
    read = {"tff_futures_only": _file, "tff_socrata": _answer}.get(sighting.dataset)
    if read is None:
        raise ParseError(f"the room cftc has no parser for {sighting.dataset}")
    quarantine: Quarantine = []
    told: dict[tuple[date, str], dict[str, float]] = {}
    torn: set[tuple[date, str]] = set()
    loaded: dict[date, datetime] = {}
    for row in read(payload, catalogue):
        report = _report(row, sighting, quarantine)
        if report is None or not _is_known(row, report, catalogue, quarantine):
            continue
        wrong = {name: cell for name, cell in row.cells.items() if not _INTEGER.fullmatch(cell)}
        if wrong:
            quarantine.append((row.place, f"{report} {row.code}: not a whole number of contracts", str(wrong)[:200]))
            continue
        values = {name: float(cell) for name, cell in row.cells.items()}
        if told.setdefault((report, row.code), values) != values:
            torn.add((report, row.code))
            quarantine.append(
                (row.place, f"the payload has two different rows for {row.code} on {report}", str(row.cells)[:200])
            )
        if row.created and (instant := _instant(row, quarantine)) is not None:
            loaded[report] = max(loaded.get(report, instant), instant)  # a report counts when all of its rows are there
    for key in torn:
        del told[key]
    if not told:
        raise ParseError("the payload has no usable row of any Treasury contract")
    rows = []
    for (report, code), values in sorted(told.items()):
        flags = [] if _adds_up(values) else [Flag.SUSPECT]
        instant = loaded.get(report)
        if instant is not None and instant - at_local(report, "00:00", WASHINGTON) > BULK_AFTER:
            instant = None
        rows += [
            observation(
                f"cftc.tff.{code}.{name}",
                (report, report),
                value,
                sighting.fetched_at,
                instant=instant,
                basis=Basis.FIRST_SEEN if instant is None else Basis.PROVIDER,
                flags=flags,
            )
            for name, value in values.items()
        ]
    return landed(rows, _series({code for _, code in told}, catalogue), quarantine)


def report_days(year: int) -> list[date]:
    """Return the days that reports of a year are about: Tuesdays, or the Monday before a Tuesday that is a holiday."""
    tuesday = date(year, 1, 1)
    tuesday += timedelta(days=(1 - tuesday.weekday()) % 7)
    days = []
    while tuesday <= date(year, 12, 31) + timedelta(days=1):
        # closures by executive order (Christmas Eve) come too late to move a report
        by_law = is_business_day("US_FEDERAL", tuesday) or (tuesday.month, tuesday.day) in {(12, 24), (12, 26)}
        days.append(tuesday if by_law else tuesday - timedelta(days=1))
        tuesday += timedelta(days=7)
    return [day for day in days if day.year == year and day >= FIRST_REPORT]


def rules(year: int) -> pa.Table:
    """Return the schedule of the reports of ``year``, and that they came, as far as that is known.

    A schedule counts as known from 1 January of its year, an upper bound. Of the lapse of 2025 the facts in the calendar have
    the plans; what follows here is when its reports were out at the latest.
    """
    return event_table(event for report in report_days(year) for event in _events(report))


def _events(report: date) -> Iterator[dict[str, Any]]:
    """Yield the events of one report."""
    name = (report.isoformat(), report)
    planned = at_local(add_business_days("US_FEDERAL", report, LAG), PUBLISHED, WASHINGTON)
    first_of_year = at_local(date(report.year, 1, 1), "00:00", WASHINGTON)
    if report not in BACKLOG:
        yield release_event(
            "cftc_tff", name, Event.SCHEDULED, planned, first_of_year, flags=[Flag.KNOWN_LATE],
            source="rule: Friday at 15:30, or Monday where a federal holiday lies between",
        )  # fmt: skip
    else:
        stamp = parse_instant(f"{STAMP} {WASHINGTON}")
        bound = at_local(BACKLOG[report], PUBLISHED, WASHINGTON)
        if report.year == 2025:
            bound = min(bound, stamp)
        yield release_event(
            "cftc_tff", name, Event.RELEASED, bound, bound, flags=[Flag.KNOWN_LATE],
            source="CFTC backlog schedule of 2025-11-18, and the file of 2025 stamped 2026-01-02: out at the latest",
        )  # fmt: skip
        return
    late = next((row for row in DELAYED if row[0] <= report <= row[1]), None)
    if late is not None and late[2] is not None:
        bound = at_local(late[2], PUBLISHED, WASHINGTON)
        yield release_event("cftc_tff", name, Event.RELEASED, bound, bound, flags=[Flag.KNOWN_LATE], source=late[3])
    elif late is None and report <= CONFIRMED_UNTIL:
        flags = [Flag.LOOKAHEAD_RISK] if report < FIRST_PUBLISHED else []
        yield release_event(
            "cftc_tff", name, Event.RELEASED, planned, planned, flags=flags, source="rule, outside of known delays"
        )


def _file(payload: bytes, catalogue: Mapping[str, Any]) -> Iterator[_Row]:
    """Yield the rows of a yearly file."""
    try:
        text = read_member(payload, pattern="*.txt", max_bytes=MAX_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"the file is not text: {error}") from error
    reader = csv.reader(io.StringIO(text))
    header = [name.strip() for name in next(reader, [])]
    at = {name: place for place, name in enumerate(header)}
    report = next((name for name in at if name.startswith("Report_Date_as_")), "Report_Date_as_YYYY-MM-DD")
    columns = {name: f"{facts['column']}_All" for name, facts in catalogue["measures"].items()}
    _demand(at, [report, "CFTC_Contract_Market_Code", "CFTC_SubGroup_Code", "Contract_Units", *columns.values()], "file")
    group, code, units = at["CFTC_SubGroup_Code"], at["CFTC_Contract_Market_Code"], at["Contract_Units"]
    for cells in reader:
        if len(cells) != len(header):
            raise ParseError(f"line {reader.line_num} has {len(cells)} cells, expected {len(header)}; the file is cut short")
        if cells[group].strip() in _GROUPS:
            yield _Row(
                f"line {reader.line_num}",
                cells[at[report]].strip(),
                cells[code].strip(),
                cells[units],
                "",
                {name: cells[at[column]].strip() for name, column in columns.items()},
            )


def _answer(payload: bytes, catalogue: Mapping[str, Any]) -> Iterator[_Row]:
    """Yield the rows of an answer of the API."""
    try:
        rows = json.loads(payload)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ParseError(f"the answer is not JSON: {error}") from error
    if isinstance(rows, dict):
        raise ParseError(f"the API answers with an error: {rows.get('message') or rows.get('errorCode') or sorted(rows)}")
    if not isinstance(rows, list) or not rows:
        raise ParseError("the answer holds no report")
    columns = {name: facts["api"] for name, facts in catalogue["measures"].items()}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise ParseError(f"row {number} is no object")
        if row.get("commodity_subgroup_name", "Interest Rates - U.S. Treasury") not in _GROUPS:
            continue
        if row.get("futonly_or_combined", "FutOnly") != "FutOnly":
            raise ParseError(f"row {number} is of futures and options together, not of futures only")
        needed = ["report_date_as_yyyy_mm_dd", "cftc_contract_market_code", ":created_at", *columns.values()]
        if row.get("cftc_contract_market_code") in catalogue["contracts"]:
            _demand(row, needed, f"row {number}")
        yield _Row(
            f"row {number}",
            str(row.get("report_date_as_yyyy_mm_dd", ""))[:10],
            str(row.get("cftc_contract_market_code", "")),
            str(row.get("contract_units", "")),
            str(row.get(":created_at", "")),
            {name: str(row.get(column, "")) for name, column in columns.items()},
        )


def _demand(present: Mapping[str, Any], needed: list[str], where: str) -> None:
    """Raise where a column is missing."""
    if missing := [name for name in needed if name not in present]:
        raise ParseError(f"{where}: there is no column {', '.join(missing)}")


def _report(row: _Row, sighting: Sighting, quarantine: Quarantine) -> date | None:
    """Return the report's date, or None and a line in the quarantine."""
    try:
        report = date.fromisoformat(row.report)
    except ValueError:
        quarantine.append((row.place, "the report date is no date", row.report))
        return None
    if report > sighting.fetched_at.date():
        quarantine.append((row.place, "the report is of a day after the fetch", row.report))
        return None
    return report


def _is_known(row: _Row, report: date, catalogue: Mapping[str, Any], quarantine: Quarantine) -> bool:
    """Tell whether the contract is read; one that nobody has judged is not passed over."""
    facts = catalogue["contracts"].get(row.code)
    if facts is None:
        if row.code in catalogue["other_contracts"]:
            return False
        problem = f"the contract {row.code or '(none)'} on US Treasuries is not in assets/cftc/series.yml"
        if report >= CODES_CHECKED_SINCE:
            raise ParseError(f"{row.place}: {problem}; add it to `contracts` or to `other_contracts`, or totals would lack it")
        quarantine.append((row.place, problem, f"{report} {row.units}"))
        return False
    face = _FACE.search(row.units)
    if face and int(face[1].replace(",", "")) != facts["face"]:
        raise ParseError(
            f"{row.place}: the contract {row.code} has the units {row.units!r}, expected a face of {facts['face']}"
        )
    return True


def _instant(row: _Row, quarantine: Quarantine) -> datetime | None:
    """Return when the row was loaded."""
    try:
        return parse_instant(row.created)
    except InstantError as error:
        quarantine.append((row.place, str(error), row.created))
        return None


def _adds_up(values: Mapping[str, float]) -> bool:
    """Tell whether the positions of a side fit into the open interest."""
    return all(
        sum(values[f"{who}_{side}"] for who in ("lev_money", "asset_mgr", "dealer")) <= values["open_interest"]
        for side in ("long", "short")
    )


def _series(codes: set[str], catalogue: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the description of each series of the contracts."""
    for code in sorted(codes):
        contract = catalogue["contracts"][code]
        for name, measure in catalogue["measures"].items():
            yield {
                **catalogue["defaults"],
                "series_id": f"cftc.tff.{code}.{name}",
                "title": f"{contract['title']}, {measure['title']}, futures only",
            }
