"""Answers of the Fiscal Data API to rows, and the publication rules of the daily and the monthly statement as calendar events.

One envelope serves all datasets; each has a reader that gives series, period, number and instant. Fetching does not belong
here, nor does what an amount is used for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from undertow.archive import Sighting
from undertow.calendars import add_business_days, at_local, business_days, next_business_day, previous_business_day
from undertow.errors import ParseError
from undertow.instants import parse_instant
from undertow.parsing import Quarantine, event_table, exact_float, landed, observation, release_event
from undertow.room import Landed
from undertow.vocabulary import Basis, Event, Flag

__all__ = ["parse", "rules"]

WASHINGTON = "America/New_York"
FEDERAL = "US_FEDERAL"
NULL = "null"
DTS_AT, MTS_AT = "16:00", "14:00"
DTS_SINCE = 2006
MTS_SINCE = date(2014, 10, 1)  # the first fiscal year with years to date
MTS_PLANNED = (date(2023, 12, 1), date(2026, 11, 1))  # months whose schedule is among the facts of the calendar
MTS_CONFIRMED_UNTIL = date(2025, 8, 1)  # later reports have their own facts, or are dated by our fetch
MTS_UNDATED = (date(2018, 12, 1), date(2019, 1, 1))  # the lapse of 2018-19
MTS_IN_FACTS = (date(2024, 9, 1),)  # September reports whose day is known
KINDS = {"Bill": "bill", "CMB": "cmb", "Note": "note", "Bond": "bond", "TIPS": "tips", "FRN": "frn"}

_WORD = re.compile(r"[^A-Za-z0-9]+")


class _Cell(NamedTuple):
    """One number of a row, and all that is needed to land it."""

    place: str
    dataset: str
    series_id: str
    title: str
    period: tuple[date, date]
    text: str
    instant: datetime | None
    basis: Basis = Basis.FIRST_SEEN
    flags: tuple[Flag, ...] = ()


class _Row(NamedTuple):
    """One row of an answer."""

    place: str
    cells: Mapping[str, Any]

    def text(self, field: str) -> str:
        """Return a field that has to be there.

        Raises:
            ParseError: it is not.
        """
        if not isinstance(self.cells.get(field), str):
            raise ParseError(
                f"{self.place}: there is no field {field} with a text; the fields are {', '.join(sorted(self.cells))}"
            )
        return self.cells[field]

    def day(self, field: str) -> date:
        """Return a field that holds a date.

        Raises:
            ValueError: it does not.
        """
        return date.fromisoformat(self.text(field))


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the amounts and the series of one page of an answer.

    Rows of unknown kinds, numbers and dates that are none, days after the fetch, rows that contradict each other and business
    days that are missing between others go to quarantine.

    Raises:
        ParseError: the bytes are no whole page of the dataset, a field is missing, or nothing can be used.
    """
    read = _READERS.get(sighting.dataset)
    if read is None:
        raise ParseError(f"the room fiscaldata has no parser for {sighting.dataset}")
    quarantine: Quarantine = []
    cells: list[_Cell] = []
    latest = sighting.fetched_at.date()
    for row in _rows(payload):
        try:
            found = list(read(row, catalogue, quarantine))
        except ValueError as error:
            quarantine.append((row.place, str(error), str(row.cells)[:200]))
            continue
        if any(cell.period[0] > latest for cell in found):
            quarantine.append((row.place, "the day is after the fetch", str(row.cells)[:200]))
            continue
        cells += found
    told, torn = _once(cells, quarantine)
    if not told:
        raise ParseError(f"the page has no usable row of {sighting.dataset}")
    if sighting.dataset == "dts_operating_cash_balance":
        if not any(cell.series_id.endswith(".tga_closing") for cell in told):
            raise ParseError(
                "no row of the page is a closing balance of the Treasury General Account; have labels changed again?"
            )
        _tell_missing_days({cell.period[0] for cell in told}, quarantine)
        told = _reconciled(told, {key[1] for key in torn})
    rows = []
    for cell in told:
        rows.append(
            observation(
                cell.series_id,
                cell.period,
                exact_float(cell.text),
                sighting.fetched_at,
                instant=cell.instant,
                basis=cell.basis,
                flags=cell.flags,
            )
        )
    titles = {cell.series_id: cell for cell in told}
    series = [
        {**catalogue["defaults"], **catalogue["datasets"][cell.dataset], "series_id": name, "title": cell.title}
        for name, cell in sorted(titles.items())
    ]
    return landed(rows, series, quarantine)


def _rows(payload: bytes) -> Iterator[_Row]:
    """Yield the rows of a page that is whole."""
    try:
        answer = json.loads(payload)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ParseError(f"the answer is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise ParseError("the answer is no object")
    if "error" in answer:
        raise ParseError(f"the API answers with an error: {answer.get('message') or answer['error']}")
    rows, meta = answer.get("data"), answer.get("meta")
    if not isinstance(rows, list) or not isinstance(meta, dict) or not {"count", "total-count"} <= set(meta):
        raise ParseError("the answer has no data with their count; it is no page of the API")
    if not rows:
        total = meta["total-count"]
        raise ParseError("the answer is empty" if not total else f"the page is empty although there are {total} rows")
    if meta["count"] != len(rows):
        raise ParseError(f"the page says it has {meta['count']} rows and has {len(rows)}; it is cut short")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise ParseError(f"row {number} is no object")
        yield _Row(f"row {number}", row)


def _once(cells: list[_Cell], quarantine: Quarantine) -> tuple[list[_Cell], set[tuple[str, tuple[date, date]]]]:
    """Return each number once, in order, and the keys of which a page has two different ones; those go to quarantine."""
    told: dict[tuple[str, tuple[date, date]], _Cell] = {}
    torn = set()
    for cell in cells:
        key = (cell.series_id, cell.period)
        try:
            value = exact_float(cell.text)
        except ValueError as error:
            quarantine.append((cell.place, f"{cell.series_id}: {error}", cell.text))
            continue
        if key in told and exact_float(told[key].text) != value:
            torn.add(key)
            quarantine.append(
                (cell.place, f"the page has two different rows for {cell.series_id} on {cell.period[1]}", cell.text)
            )
        told.setdefault(key, cell)
    for key in torn:
        quarantine.append((told[key].place, f"the page has two different rows for {key[0]} on {key[1][1]}", told[key].text))
        del told[key]
    return [told[key] for key in sorted(told)], torn


def _balance(row: _Row, catalogue: Mapping[str, Any], quarantine: Quarantine) -> Iterator[_Cell]:
    """Read a row of the operating cash balance."""
    day, account = row.day("record_date"), row.text("account_type")
    fields = catalogue["accounts"].get(account)
    if fields is None:
        quarantine.append((row.place, "the account type is not in assets/fiscaldata/series.yml, so it is not read", account))
        return
    known = at_local(next_business_day(FEDERAL, day), DTS_AT, WASHINGTON)
    for name, field in fields.items():
        own = row.text("close_today_bal")
        text = own if name == "tga_closing" and own != NULL else row.text(field)
        if text == NULL:
            quarantine.append((row.place, f"{field} is null, where the {name} balance should be", account))
            continue
        yield _Cell(
            row.place,
            "dts_operating_cash_balance",
            f"fiscaldata.dts.operating_cash_balance.{name}",
            catalogue["account_titles"][name],
            (day, day),
            text,
            known,
            Basis.LAG_RULE,
        )


def _statement(row: _Row, catalogue: Mapping[str, Any], quarantine: Quarantine) -> Iterator[_Cell]:
    """Read a row of table 5 of the monthly statement; other lines than the balance are not read."""
    line = row.text("line_code_nbr")
    if line not in catalogue["mts_lines"]:
        return
    end = row.day("record_date")
    if (end + timedelta(days=1)).day != 1:
        raise ValueError(f"the statement is of {end}, which is no end of a month")
    for field, title in catalogue["mts_lines"][line].items():
        text = row.text(field)
        if text == NULL:
            quarantine.append((row.place, f"{field} is null", end.isoformat()))
            continue
        yield _Cell(
            row.place, "mts_table_5", f"fiscaldata.mts_table_5.{line}.{field}", title, (end.replace(day=1), end), text, None
        )


def _debt(row: _Row, catalogue: Mapping[str, Any], quarantine: Quarantine) -> Iterator[_Cell]:
    """Read a row of the debt; the split into two parts is null in the early years."""
    day = row.day("record_date")
    known = _end_of(next_business_day(FEDERAL, day))
    for field, title in catalogue["debt_fields"].items():
        if (text := row.text(field)) != NULL:
            yield _Cell(
                row.place, "debt_to_penny", f"fiscaldata.debt_to_penny.{field}", title, (day, day), text, known,
                Basis.LAG_RULE, (Flag.KNOWN_LATE,),
            )  # fmt: skip


def _auction(row: _Row, catalogue: Mapping[str, Any], quarantine: Quarantine) -> Iterator[_Cell]:
    """Read an auction that has a result: its period is from the sale to the issue."""
    if row.text("total_accepted") == NULL:
        return
    kind = KINDS.get(row.text("security_type"))
    if kind is None:
        raise ValueError(f"the security type {row.text('security_type')!r} is not known")
    marks = {
        "tips": row.text("inflation_index_security"),
        "frn": row.text("floating_rate"),
        "cmb": row.text("cash_management_bill_cmb"),
    }
    kind = next((name for name, mark in marks.items() if mark == "Yes"), kind)
    period = (row.day("auction_date"), row.day("issue_date"))
    if period[0] > period[1]:
        raise ValueError(f"the auction of {period[0]} is after the issue of {period[1]}")
    term = row.text("security_term")
    for field, title in catalogue["auction_fields"].items():
        if (text := row.text(field)) != NULL:
            yield _Cell(
                row.place, "auctions_query", f"fiscaldata.auctions_query.{kind}.{_named(term)}.{field}",
                f"Treasury auctions, {kind} of {term}: {title}", period, text, _end_of(period[0]), Basis.PROVIDER,
                (Flag.KNOWN_LATE,),
            )  # fmt: skip


def _buyback(row: _Row, catalogue: Mapping[str, Any], quarantine: Quarantine) -> Iterator[_Cell]:
    """Read a buyback operation that has a result."""
    if row.text("total_par_amt_accepted") == NULL:
        return
    day = row.day("operation_date")
    parts = [row.text(name) for name in ("operation_type", "security_type", "maturity_bucket")]
    accepted, offered, most = (
        exact_float(row.text(name)) for name in ("total_par_amt_accepted", "total_par_amt_offered", "max_par_amt_redeemed")
    )
    flags = (Flag.KNOWN_LATE,) if accepted <= min(offered, most) else (Flag.KNOWN_LATE, Flag.SUSPECT)
    for field, title in catalogue["buyback_fields"].items():
        yield _Cell(
            row.place, "buybacks_operations", f"fiscaldata.buybacks_operations.{'.'.join(map(_named, parts))}.{field}",
            f"Buybacks, {', '.join(parts)}: {title}", (day, day), row.text(field), _end_of(day), Basis.PROVIDER, flags,
        )  # fmt: skip


_READERS: dict[str, Callable[[_Row, Mapping[str, Any], Quarantine], Iterator[_Cell]]] = {
    "dts_operating_cash_balance": _balance,
    "mts_table_5": _statement,
    "debt_to_penny": _debt,
    "auctions_query": _auction,
    "buybacks_operations": _buyback,
}


def _named(words: str) -> str:
    """Return words as a part of a series id."""
    return _WORD.sub("_", words).strip("_").lower()


def _end_of(day: date) -> datetime:
    """Return the last second of a day in Washington: the provider names the day and not the hour."""
    return parse_instant(f"{day.isoformat()} 23:59:59 {WASHINGTON}")


def _tell_missing_days(days: set[date], quarantine: Quarantine) -> None:
    """Put business days that a page leaves out between others into the quarantine; a holiday is none of them."""
    for day in business_days(FEDERAL, min(days), max(days)):
        if day not in days:
            quarantine.append((day.isoformat(), "there is no statement of this day, which is a federal business day", ""))


def _reconciled(cells: list[_Cell], torn: set[tuple[date, date]]) -> list[_Cell]:
    """Mark closing balances that are not the opening balance plus deposits less withdrawals, to rounding (millions)."""
    amounts: dict[tuple[date, date], dict[str, float]] = {}
    for cell in cells:
        amounts.setdefault(cell.period, {})[cell.series_id.rpartition(".")[2]] = exact_float(cell.text)
    names = ("tga_opening", "tga_deposits", "tga_withdrawals", "tga_closing")
    wrong = set(torn)
    for period, told in amounts.items():
        if set(names) <= set(told):
            opening, deposits, withdrawals, closing = (told[name] for name in names)
            if abs(opening + deposits - withdrawals - closing) > 3:
                wrong.add(period)
    return [cell._replace(flags=(*cell.flags, Flag.SUSPECT)) if cell.period in wrong else cell for cell in cells]


def rules(year: int) -> pa.Table:
    """Return the schedule of the daily and the monthly statement of the days and months of ``year``, as far as it follows a
    rule.

    The schedule of a year counts as known from its 1 January, an upper bound. That a monthly statement came on its day is said
    up to August 2025; the one of September has no rule, and the last business day of October is when it was out at the latest.
    """
    first_of_year = at_local(date(year, 1, 1), "00:00", WASHINGTON)
    events = []
    for day in business_days(FEDERAL, date(year, 1, 1), date(year, 12, 31)) if year >= DTS_SINCE else []:
        planned = at_local(next_business_day(FEDERAL, day), DTS_AT, WASHINGTON)
        name, source = (day.isoformat(), day), "rule: 16:00 on the next federal business day"
        flags = [Flag.KNOWN_LATE]
        events.append(
            release_event("daily_treasury_statement", name, Event.SCHEDULED, planned, first_of_year, flags=flags, source=source)
        )
    for number in range(1, 13):
        month = date(year, number, 1)
        if month >= MTS_SINCE:
            events += _monthly(month, first_of_year)
    return event_table(events)


def _monthly(month: date, first_of_year: datetime) -> Iterator[dict[str, Any]]:
    """Yield the events of the statement of a month."""
    following = (month + timedelta(days=31)).replace(day=1)
    end = following - timedelta(days=1)
    name = (f"{month:%Y-%m}", end)
    planned = at_local(add_business_days(FEDERAL, end, 8), MTS_AT, WASHINGTON)
    if not MTS_PLANNED[0] <= month <= MTS_PLANNED[1]:
        yield release_event(
            "monthly_treasury_statement", name, Event.SCHEDULED, planned, first_of_year, flags=[Flag.KNOWN_LATE],
            source="rule: 14:00 on the eighth federal business day",
        )  # fmt: skip
    if month > MTS_CONFIRMED_UNTIL or month in MTS_UNDATED or month in MTS_IN_FACTS:
        return
    if month.month == 9:
        bound = at_local(previous_business_day(FEDERAL, date(month.year, 11, 1)), MTS_AT, WASHINGTON)
        yield release_event(
            "monthly_treasury_statement", name, Event.RELEASED, bound, bound, flags=[Flag.KNOWN_LATE],
            source="the results of a fiscal year come in October; the day is a bound",
        )  # fmt: skip
    else:
        yield release_event(
            "monthly_treasury_statement", name, Event.RELEASED, planned, planned, source="rule, outside of lapses"
        )
