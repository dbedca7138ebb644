"""The archived pages of the Employment Situation: what BLS printed on the day, and when it was allowed to be read.

A page is a text (embargo line, headline, the sentence about revisions, boxed notes) and HTML tables with fixed ids. Four
tables are read: A-1 and, in December, the revised household history (table B of the note on revisions), B-1, and summary
table B. The sentence names earlier estimates too, and is held against the tables. Which line of a table is which series
is a matter of ``series.yml``. Fetching does not belong here, nor what the numbers are used for.

Values are those of the page: levels in thousands, rates in percent, changes over the month in thousands, as printed.
"""

from __future__ import annotations

import re
import zlib
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pyarrow as pa

from undertow.calendars import at_local
from undertow.errors import ParseError
from undertow.schemas import OBSERVATION, PROVENANCE
from undertow.vocabulary import Basis, Flag, ObsStatus

__all__ = ["CHANGE", "CHANGE_BEFORE", "PRELIMINARY", "read"]

CHANGE = ":change"  # the change over the month, as one release states it
CHANGE_BEFORE = ":change_before"  # the earlier estimate of it, as the sentence about revisions repeats it
COLLECTION_RATE = "CES_COLLECTION_RATE"
RESPONSE_RATE = "LNU09300000"
PRELIMINARY = "P: preliminary"  # as the API and the flat files say it, so that one value told twice is one state
NONFARM = "CES0000000001"

_MAX_PAGE = 32 * 1024 * 1024
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*"
_EMBARGO = re.compile(
    r"embargoed (?:USDL-[\d-]+ )?until (?:USDL-[\d-]+ )?(\d{1,2}):(\d{2}) ([ap])\.m\. \(E[DS]?T\),? \w+day, "
    rf"({_MONTH}) (\d{{1,2}}), (\d{{4}})"
)
_HEADLINE = re.compile(r"THE EMPLOYMENT SITUATION -+ ([A-Z]+) (\d{4})")
_LABEL = re.compile(rf"({_MONTH})\.?(?: ?(\d{{4}}))?( ?\( ?p ?\))?")
_SENTENCE = re.compile(r"The change in total nonfarm payroll employment for [A-Z].*?\.(?= |$)")
_CLAUSE = re.compile(
    rf"\bfor ({_MONTH}) (?:was revised(?: (?:up|down))?(?: by [\d,]+,?)? from ([+-]?[\d,]+) to ([+-]?[\d,]+)"
    r"|(?:was unchanged|remained(?: unchanged)?|was not revised) at ([+-]?[\d,]+))"
)
_RATE_OF_RELEASE = re.compile(rf"collection rate \(([\d.]+) percent\) for this initial release of ({_MONTH}) (\d{{4}})")
_RATES_BY_MONTH = re.compile(rf"collection rates? for ({_MONTH} \([\d.]+ percent\)(?:,? and {_MONTH} \([\d.]+ percent\))?)")
_RATE = re.compile(rf"({_MONTH}) \(([\d.]+) percent\)")
_RESPONSE = re.compile(rf"\b[Tt]he ({_MONTH}) response rate (?:was [a-z ]+ at|of) ([\d.]+) percent")
_NOT_COLLECTED = re.compile(rf"Data for ({_MONTH}) (\d{{4}}) were not collected[^.]*\.")
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)")
_PARENTS = {"Durable goods": "Manufacturing", "Nondurable goods": "Manufacturing"}
_MISSING = ("-", "\u2013", "\u2014")

Month = tuple[int, int]
Quarantine = list[tuple[str, str, str]]


class Cell(NamedTuple):
    """A value of the page: None where BLS printed a dash."""

    value: float | None
    preliminary: bool = False
    reason: str | None = None


@dataclass
class _Page:
    """What one page says, by native series id and month, and what of it could not be used."""

    known_at: datetime
    month: Month
    cells: dict[tuple[str, Month], Cell] = field(default_factory=dict)
    quarantine: Quarantine = field(default_factory=list)

    def put(self, place: str, native: str, month: Month, cell: Cell) -> None:
        """Take a value; where the page says something else about it elsewhere, the first place stands."""
        before = self.cells.setdefault((native, month), cell)
        if before.value != cell.value:
            reason = f"another place of the page says {before.value} for {native} {month[0]}-{month[1]:02d}"
            self.quarantine.append((place, reason, str(cell.value)))


def read(payload: bytes, catalogue: Mapping[str, Any]) -> tuple[pa.Table, list[str], Quarantine]:
    """Return the observations of one page, the native ids in it, and what could not be used.

    Args:
        payload: the page, or a gzip file of it.
        catalogue: ``employment_situation`` says which line of which table is which series.

    Raises:
        ParseError: the bytes are no such page (no embargo line, no table B-1), it is cut short, or its reference month is
            not the newest of its tables.
    """
    html = _decoded(payload)
    text = _plain(html)
    page = _Page(_embargo(text), _headline(text))
    lines = catalogue["employment_situation"]
    _payrolls(page, html, lines["payrolls"])
    _summary(page, html, lines)
    _household(page, html, lines["household"])
    _sentence(page, text)
    _rates(page, text)
    return _table(page), sorted({native for native, _ in page.cells}), page.quarantine


# --- the page ------------------------------------------------------------------------------------------------------------


def _decoded(payload: bytes) -> str:
    """Return the page as text, inflated where it is a gzip file; what is not UTF-8 is taken for Windows-1252."""
    if payload.startswith(b"\x1f\x8b"):
        stream = zlib.decompressobj(wbits=31)
        try:
            payload = stream.decompress(payload, _MAX_PAGE)
        except zlib.error as error:
            raise ParseError(f"the gzip file is damaged: {error}") from None
        if not stream.eof:
            raise ParseError("the gzip file is cut short, or holds more than a page")
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        return payload.decode("cp1252", "replace")


def _plain(html: str) -> str:
    """Return the words of the page in one line: no tags, no boxes, white space run together."""
    text = re.sub(r"<[^>]*>", " ", html)
    return " ".join(text.replace("&nbsp;", " ").replace("|", " ").split())


def _embargo(text: str) -> datetime:
    """Return the instant of the embargo line."""
    found = _EMBARGO.search(text)
    if found is None:
        raise ParseError("the page has no embargo line that we can read, so it does not say when it became public")
    hour, minute, half, month, day, year = found.groups()
    try:
        when = date(int(year), _month(month), int(day))
    except ValueError:
        raise ParseError(f"the embargo line names a day that does not exist: {found[0]}") from None
    clock = int(hour) % 12 + (12 if half == "p" else 0)
    return at_local(when, f"{clock:02d}:{minute}", "America/New_York")


def _headline(text: str) -> Month:
    """Return the reference month of the headline."""
    found = _HEADLINE.search(text)
    if found is None or found[1][:3].casefold() not in _MONTHS:
        raise ParseError("the page has no headline with a reference month")
    return int(found[2]), _month(found[1])


def _month(name: str) -> int:
    """Return the number of a month by its name or a beginning of it."""
    return _MONTHS[name[:3].casefold()]


def _before(page: _Page, name: str) -> Month:
    """Return the newest month of that name which is not after the reference month."""
    number = _month(name)
    return (page.month[0] if number <= page.month[1] else page.month[0] - 1), number


# --- the tables ----------------------------------------------------------------------------------------------------------


@dataclass
class _Column:
    """A column of values: its group ("Seasonally adjusted"), its month, and whether it is preliminary."""

    group: str
    label: str
    month: Month | None
    preliminary: bool


class _Line(NamedTuple):
    """A line of a table with values: the lines without values above it, the lines it is a part of, its name, its cells."""

    section: str
    parents: tuple[str, ...]
    name: str
    cells: list[str]


class _Grid(HTMLParser):
    """Collects the rows of one table as (is it a heading, cells as (text, columns, rows)); footnote marks only in headings.

    ``depths`` has the depth of each row in the tree of lines: BLS marks the name of a line ``sub0``, ``sub1`` and so on.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[bool, list[tuple[str, int, int]]]] = []
        self.depths: list[int] = []
        self._heading = False
        self._marks = 0
        self._span: tuple[int, int] | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell."""
        named = dict(attrs)
        if tag == "thead":
            self._heading = True
        elif tag == "tr":
            self._end_cell()
            self.rows.append((self._heading, []))
            self.depths.append(0)
        elif tag in ("th", "td"):
            self._end_cell()
            self._span = (_count(named.get("colspan")), _count(named.get("rowspan")))
        elif tag == "span" and (self._marks or named.get("class") == "footnoteRefs"):
            self._marks += 1
        elif tag == "p" and self.depths and (depth := re.fullmatch(r"sub(\d)", named.get("class") or "")):
            self.depths[-1] = int(depth[1])
        elif tag == "br":
            self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """End a row or a cell."""
        if tag == "thead":
            self._heading = False
        elif tag in ("th", "td", "tr"):
            self._end_cell()
        elif tag == "span" and self._marks:
            self._marks -= 1

    def handle_data(self, data: str) -> None:
        """Take the words of a cell."""
        if self._span is not None and (self._heading or not self._marks):
            self._words.append(data)

    def _end_cell(self) -> None:
        if self._span is not None and self.rows:
            self.rows[-1][1].append((" ".join("".join(self._words).split()), *self._span))
        self._span, self._words = None, []


def _count(text: str | None) -> int:
    return int(text) if text and text.isdigit() and 0 < int(text) < 100 else 1


def _read_table(html: str, name: str) -> tuple[list[_Column], list[_Line], str] | None:
    """Return the columns, the lines and the notes of the table with an id, or None where the page has no such table."""
    start = re.search(rf'<table\b[^>]*\bid="{name}"', html, re.IGNORECASE)
    if start is None:
        return None
    end = re.compile(r"</table\s*>", re.IGNORECASE).search(html, start.end())
    if end is None:
        raise ParseError(f"the page ends inside the table {name}; it was cut short")
    grid = _Grid()
    grid.feed(html[start.start() : end.end()])
    columns = _columns([cells for heading, cells in grid.rows if heading], name)
    lines: list[_Line] = []
    notes: list[str] = []
    section: list[str] = []
    parents: list[str] = []
    has_begun = False
    for (heading, cells), depth in zip(grid.rows, grid.depths, strict=True):
        words = [text for text, _, _ in cells]
        if heading or not words or not words[0]:
            continue
        if words[0].startswith(("NOTE", "Footnotes")):
            notes.append(words[0])
        elif len(cells) == len(columns) + 1 and any(words[1:]):
            lines.append(_Line(" / ".join(section), tuple(parents[:depth]), words[0], words[1:]))
            has_begun = True
        else:
            section = [*([] if has_begun else section), words[0]]
            has_begun = False
        parents = [*(parents[:depth] + [""] * (depth - len(parents))), words[0]]
    return columns, lines, " ".join(notes)


def _columns(rows: list[list[tuple[str, int, int]]], name: str) -> list[_Column]:
    """Return what the heading says of each column of values; the first column holds the names of the lines."""
    spread: list[dict[int, str]] = [{} for _ in rows]
    for number, cells in enumerate(rows):
        place = 0
        for text, across, down in cells:
            while place in spread[number]:
                place += 1
            for row in range(number, min(number + down, len(rows))):
                spread[row].update(dict.fromkeys(range(place, place + across), text))
            place += across
    width = {len(row) for row in spread}
    if len(width) != 1 or width == {0}:
        raise ParseError(f"the heading of the table {name} cannot be read")
    columns = []
    for place in range(1, width.pop()):
        labels = [row[place] for row in spread]
        group, label = (labels[0] if len(labels) > 1 else ""), labels[-1]
        found = _LABEL.fullmatch(label)
        year = (found[2] or (group if group.isdigit() else None)) if found else None
        month = (int(year), _month(found[1])) if found and year else None
        columns.append(_Column(re.sub(r" ?\( ?\d+ ?\)", "", group), label, month, bool(found and found[3])))
    return columns


def _cells(page: _Page, table: str, columns: list[_Column], line: _Line, notes: str = "") -> Iterator[tuple[_Column, Cell]]:
    """Yield the readable cells of a line; the others go to quarantine."""
    absent = {(int(found[2]), _month(found[1])): found[0] for found in _NOT_COLLECTED.finditer(notes)}
    for column, text in zip(columns, line.cells, strict=True):
        number = text.replace(",", "").replace("$", "")
        if text in _MISSING:
            yield column, Cell(None, column.preliminary, absent.get(column.month) if column.month else None)
        elif _NUMBER.fullmatch(number):
            yield column, Cell(float(number), column.preliminary)
        else:
            page.quarantine.append((f"{table}, {line.name}, {column.label}", "the value is not a number", text))


def _known_lines(page: _Page, table: str, lines: list[_Line], wanted: Mapping[str, Any], section: str) -> Iterator[_Line]:
    """Yield the lines of a section that the catalogue knows, each once; a line that should be there and is not is reported."""
    seen: dict[str, _Line] = {}
    for line in lines:
        if line.name not in wanted or section not in line.section or not _belongs(line):
            continue
        if line.name in seen:
            if line.cells != seen[line.name].cells:
                page.quarantine.append(
                    (f"{table}, {line.name}", "two lines of the table have this name", " | ".join(line.cells))
                )
            continue
        seen[line.name] = line
        yield line
    for name in wanted:
        if name not in seen:
            page.quarantine.append((table, f"the table has no line {name!r}", ""))


def _belongs(line: _Line) -> bool:
    """Tell whether a line is the one of its name that is meant: wholesale trade has durable goods too."""
    return line.name not in _PARENTS or _PARENTS[line.name] in line.parents


def _payrolls(page: _Page, html: str, wanted: Mapping[str, str]) -> None:
    """Read table B-1: employees on payrolls by industry, both adjustments, and the change over the month."""
    table = _read_table(html, "ces_table1")
    if table is None:
        raise ParseError("the page has no table B-1 (ces_table1)")
    columns, lines, _ = table
    newest = max((column.month for column in columns if column.month), default=None)
    if newest != page.month:
        raise ParseError(f"the headline says {page.month}, and the newest month of table B-1 is {newest}")
    for line in _known_lines(page, "table B-1", lines, wanted, ""):
        for column, cell in _cells(page, "table B-1", columns, line):
            letter = _adjustment(column.group)
            if letter and column.month:
                page.put("table B-1", f"CE{letter}{wanted[line.name]}01", column.month, cell)
            elif column.label.startswith("Change from"):
                preliminary = "p" in column.label.rpartition("(")[2]
                page.put("table B-1", f"CES{wanted[line.name]}01{CHANGE}", page.month, Cell(cell.value, preliminary))
            else:
                page.quarantine.append(("table B-1", "the column is unknown and not read", f"{column.group} {column.label}"))


def _summary(page: _Page, html: str, lines_of: Mapping[str, Any]) -> None:
    """Read summary table B: changes over the month of four months, and hours and earnings."""
    table = _read_table(html, "ces_table10")
    if table is None:
        page.quarantine.append(("summary table B", "the page has no such table (ces_table10)", ""))
        return
    columns, lines, _ = table
    parts = (
        (lines_of["changes"], "Over-the-month change", lambda code: f"CES{code}01{CHANGE}"),
        (lines_of["hours_and_earnings"], "EARNINGS ALL EMPLOYEES / Total private", lambda native: native),
    )
    for wanted, section, named in parts:
        for line in _known_lines(page, "summary table B", lines, wanted, section):
            for column, cell in _cells(page, "summary table B", columns, line):
                if column.month:
                    page.put("summary table B", named(wanted[line.name]), column.month, cell)
                else:
                    page.quarantine.append(("summary table B", "the column is unknown and not read", column.label))


def _household(page: _Page, html: str, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Read table A-1, and the revised history of the year that December's page carries."""
    for table_id, title, adjustment in (("cps_empsit_a01", "table A-1", ""), ("cps_empsit_annual_c", "revised history", "S")):
        table = _read_table(html, table_id)
        if table is None:
            if not adjustment:
                page.quarantine.append((title, f"the page has no such table ({table_id})", ""))
            continue
        columns, lines, notes = table
        names = {name: ids for name, ids in wanted.items() if not adjustment or ids.get("annual", True)}
        for line in _known_lines(page, title, lines, names, "TOTAL"):
            for column, cell in _cells(page, title, columns, line, notes):
                letter = adjustment or _adjustment(column.group)
                if letter and column.month:
                    page.put(title, names[line.name][letter], column.month, cell)
                else:
                    page.quarantine.append((title, "the column is unknown and not read", f"{column.group} {column.label}"))


def _adjustment(group: str) -> str:
    """Return the letter of a column's seasonal adjustment in a series id, or nothing."""
    return {"Seasonally adjusted": "S", "Not seasonally adjusted": "U"}.get(group, "")


# --- the text ------------------------------------------------------------------------------------------------------------


def _sentence(page: _Page, text: str) -> None:
    """Read the sentence about revisions: the change of each month before and now, in persons."""
    found = _SENTENCE.search(text)
    if found is None:
        page.quarantine.append(("text", "the page has no sentence about revisions of total nonfarm payrolls", ""))
        return
    clauses = list(_CLAUSE.finditer(found[0]))
    if len(clauses) != len(re.findall(rf"\bfor {_MONTH}\b", found[0])):
        page.quarantine.append(("text", "a part of the sentence about revisions cannot be read", found[0]))
    for clause in clauses:
        earlier, now = (clause[4], clause[4]) if clause[4] else (clause[2], clause[3])
        month = _before(page, clause[1])
        page.put("text", NONFARM + CHANGE, month, Cell(_thousands(now)))
        page.put("text", NONFARM + CHANGE_BEFORE, month, Cell(_thousands(earlier)))


def _thousands(text: str) -> float:
    return float(text.replace(",", "")) / 1000


def _rates(page: _Page, text: str) -> None:
    """Read the collection rate of the establishment survey and the response rate of the household survey, where told."""
    for rate, name, year in _RATE_OF_RELEASE.findall(text):
        page.put("text", COLLECTION_RATE, (int(year), _month(name)), Cell(float(rate)))
    for months in _RATES_BY_MONTH.findall(text):
        for name, rate in _RATE.findall(months):
            page.put("text", COLLECTION_RATE, _before(page, name), Cell(float(rate)))
    for name, rate in _RESPONSE.findall(text):
        page.put("text", RESPONSE_RATE, _before(page, name), Cell(float(rate)))


# --- rows ----------------------------------------------------------------------------------------------------------------


def _table(page: _Page) -> pa.Table:
    """Return the observations of the page, ordered by series and month; all became known at the embargo."""
    rows = []
    for (native, (year, month)), cell in sorted(page.cells.items()):
        missing = ObsStatus.NOT_COLLECTED if cell.reason else ObsStatus.MISSING
        number = ObsStatus.PROVISIONAL if cell.preliminary else ObsStatus.NORMAL
        rows.append(
            {
                "series_id": f"bls.{native}",
                "period_start": date(year, month, 1),
                "period_end": date(year, month, monthrange(year, month)[1]),
                "value": cell.value,
                "known_at": page.known_at,
                "known_at_basis": Basis.PROVIDER.value,
                "obs_status": (missing if cell.value is None else number).value,
                "flags": [Flag.PRELIMINARY.value] if cell.preliminary and cell.value is not None else [],
                "footnotes": [cell.reason] if cell.reason else [PRELIMINARY] if cell.preliminary else [],
            }
        )
    return pa.Table.from_pylist(rows, schema=pa.schema([one for one in OBSERVATION if one not in PROVENANCE]))
