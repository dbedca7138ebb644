"""The lists of major foreign holders of Treasury securities: table 5, the history since 2000, and the table that is dead.

``All Other`` is what a list of names leaves over. Two lists leave different things over, so its id has a digest of the list.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from assets.tic.text import MONTHS, described, month_of, number, period_of, refuse_if_dead, row_where, rows_of
from undertow.archive import Sighting
from undertow.calendars import at_local
from undertow.errors import ParseError
from undertow.parsing import ObservationColumns, Quarantine, landed
from undertow.room import Landed
from undertow.vocabulary import Basis, Flag, ObsStatus

__all__ = ["dead_holders", "history_of_holders", "major_holders"]

WASHINGTON = "America/New_York"
# what is no country: the words of the file (in lower case, without "of which" and footnotes), and what stands for them in ids
TOTALS = {
    "grand total": "grand_total",
    "foreign official": "foreign_official",
    "for. official": "foreign_official",
    "foreign official treasury bills": "foreign_official_bills",
    "treasury bills": "foreign_official_bills",
    "foreign official t-bonds & notes": "foreign_official_bonds_notes",
    "t-bonds & notes": "foreign_official_bonds_notes",
}
GROUPS = {"oil exporters", "carib bnkng ctrs"}
REST = "all other"
HELD = "holdings of US Treasury securities, bills included"
LUXEMBOURG_APART = date(2002, 6, 1)  # footnote 5 of the history: before it, the line of Belgium includes Luxembourg
_FOOTNOTES = re.compile(r"(?:\s+\d{1,2}/)+$", re.ASCII)
_NEW_SERIES = re.compile(r"Series\s+\d+/", re.ASCII)
_STAMP = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_REVISED = re.compile(r"\((\d{4}) revised (.+)\)", re.ASCII)

Period = tuple[date, date]


@dataclass
class _Block:
    """A list of names over some months: for each column its month, and what each row says of it."""

    months: list[Period | None]  # of each cell of a row; None: the cell is of no month, or of a month told better by another
    breaks: set[Period] = field(default_factory=set)  # the first months of a new series
    rows: dict[str, tuple[str, dict[Period, float | None]]] = field(default_factory=dict)  # by name: footnotes, values

    def roster(self) -> str:
        """Return eight digits that stand for the list of names."""
        names = sorted(name.lower() for name in self.rows if name.lower() not in TOTALS and name.lower() != REST)
        return hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]


def major_holders(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read table 5."""
    facts = catalogue["datasets"][sighting.dataset]
    rows = rows_of(payload)
    top = row_where(rows, lambda cells: cells[0] == "Country", "a row of months that begins 'Country'", facts)
    quarantine: Quarantine = []
    months = _months([month_of(cell) for cell in rows[top]], rows[top], top)
    block = _Block(months)
    for line, cells in enumerate(rows[top + 1 :], start=top + 2):
        _take(block, cells, line, quarantine)
    return _landed([block], sighting, catalogue, quarantine)


def history_of_holders(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the history: a block a year, and in it the months of each column in a row above the years."""
    facts = catalogue["datasets"][sighting.dataset]
    rows = rows_of(payload, quoted=True)
    tops = [place for place, cells in enumerate(rows) if cells[0] == "Country"]
    row_where(rows, lambda cells: bool(tops) and cells is rows[tops[0]], "a row of years that begins 'Country'", facts)
    quarantine: Quarantine = []
    blocks: list[_Block] = []
    block = None
    stamp: date | None = None
    footnotes: dict[int, str] = {}
    for place, cells in enumerate(rows):
        if cells[0] == "Country":
            block = _year(rows, place)
            blocks.append(block)
        elif block is not None and any(cells[1:]):
            if cells[0]:
                _take(block, cells, place + 1, quarantine)
        elif found := _STAMP.fullmatch(cells[0]):
            stamp = _day(int(found[3]), int(found[1]), int(found[2]))
        elif found := _REVISED.fullmatch(cells[0]):
            footnotes[int(found[1])] = f"{found[1]} revised {found[2]}"
    return _landed(blocks, sighting, catalogue, quarantine, stamp, footnotes)


def dead_holders(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Refuse the former table, saying since when it is dead. Its numbers are in the history of holders."""
    facts = catalogue["datasets"][sighting.dataset]
    lines = payload.decode("ascii", "replace").splitlines()
    if not any(line.strip() == facts["title"] for line in lines):
        raise ParseError(f"the file has no line {facts['title']!r}")
    for months, years in pairwise(lines):
        named = years.split()
        if named[:1] == ["Country"]:
            told = [
                period
                for month, year in zip(months.split(), named[1:], strict=False)
                if year.isdigit() and (period := period_of(int(year), MONTHS.get(month, 0)))
            ]
            if told:
                refuse_if_dead(sighting, max(told))
                raise ParseError("this former table is not read: slt_table5.txt and mfhhis01.txt have its numbers")
    raise ParseError("the file has no row of months over a row that begins 'Country'")


def _months(periods: Sequence[Period | None], cells: Sequence[str], line: int) -> list[Period | None]:
    """Return the month of each cell of table 5, whose header has nothing but months."""
    if strangers := [cell for period, cell in zip(periods[1:], cells[1:], strict=True) if cell and period is None]:
        raise ParseError(f"line {line + 1}: {strangers[0]!r} is not a month like 2026-04")
    told = [period for period in periods if period]
    if not told or len(set(told)) != len(told):
        raise ParseError(f"line {line + 1}: the header has no month, or a month twice")
    return list(periods)


def _year(rows: Sequence[Sequence[str]], place: int) -> _Block:
    """Return the empty block under a row of years. Of a month that stands twice, the new series is the one that is marked."""
    above = [row for row in rows[max(0, place - 3) : place]]
    months, wide = above[-1] if above else [], len(rows[place])
    marked = {column for row in above[:-1] if not row[0] for column, cell in enumerate(row) if _NEW_SERIES.fullmatch(cell)}
    block = _Block([None] * wide)
    of: dict[Period, list[int]] = {}
    for column in range(1, wide):
        year, month = rows[place][column], months[column] if column < len(months) else ""
        if not year and not month:
            continue
        period = period_of(int(year), MONTHS.get(month, 0)) if year.isdigit() else None
        if period is None:
            raise ParseError(f"line {place + 1}: column {column + 1} is {month!r} {year!r}, no month of a year")
        of.setdefault(period, []).append(column)
    for period, columns in of.items():
        new = [column for column in columns if column in marked]
        if len(columns) > 1 and len(new) != 1:
            raise ParseError(
                f"line {place + 1}: {period[0]:%Y-%m} stands {len(columns)} times, and no mark says which is the new series"
            )
        block.months[new[0] if new else columns[0]] = period
        if new:
            block.breaks.add(period)
    if not of:
        raise ParseError(f"line {place + 1}: the block has no month")
    return block


def _take(block: _Block, cells: Sequence[str], line: int, quarantine: Quarantine) -> None:
    """Note one row of a block; rules, notes and blank lines have nothing to note."""
    if not any(cells[1:]) or not cells[0]:
        return
    written = re.sub(r"\s+", " ", cells[0])
    marks = _FOOTNOTES.search(written)
    name = re.sub(r"^of which: ", "", _FOOTNOTES.sub("", written), flags=re.IGNORECASE).strip()
    if name in block.rows:
        raise ParseError(f"line {line}: {name} stands twice in one list")
    values: dict[Period, float | None] = {}
    for column, month in enumerate(block.months):
        if month is not None:
            try:
                values[month] = number(cells[column] if column < len(cells) else "")
            except ValueError as error:
                quarantine.append((f"line {line}, {name} {month[0]:%Y-%m}", str(error), "\t".join(cells)))
    block.rows[name] = (marks[0].strip() if marks else "", values)


def _landed(
    blocks: Sequence[_Block],
    sighting: Sighting,
    catalogue: Mapping[str, Any],
    quarantine: Quarantine,
    stamp: date | None = None,
    of_year: Mapping[int, str] | None = None,
) -> Landed:
    """Return the rows of all blocks; ``stamp`` is the day that the file prints, and ``of_year`` what it says of a year."""
    facts = catalogue["datasets"][sighting.dataset]
    told = [month for block in blocks for _, values in block.rows.values() for month in values]
    if not told:
        raise ParseError("the list has no usable row" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    if not all("Grand Total" in block.rows for block in blocks):
        raise ParseError("a list of holders has no line Grand Total")
    if strangers := [month for month in told if month[1] > sighting.fetched_at.date()]:
        raise ParseError(f"the month {max(strangers)[0]:%Y-%m} had not ended when the file was fetched")
    newest = max(told)
    refuse_if_dead(sighting, newest)
    dated = stamp is not None and newest[1] < stamp <= sighting.fetched_at.date()
    instant = at_local(stamp, "23:59", WASHINGTON).replace(second=59) if stamp is not None and dated else None
    observations = ObservationColumns(sighting.fetched_at, instant=instant, basis=Basis.PROVIDER)
    late = (Flag.KNOWN_LATE,) if instant is not None and instant <= sighting.fetched_at else ()
    codes = {holder["name"]: code for code, holder in catalogue["holders"].items()}
    series: dict[str, dict[str, Any]] = {}
    for block in blocks:
        roster = block.roster()
        for name, (marks, values) in block.rows.items():
            for month, value in values.items():
                slug, title = _names(name, roster, month)
                series_id = f"{facts['prefix']}.{slug}"
                is_break = value is not None and month in block.breaks
                observations.add(
                    series_id,
                    month,
                    value,
                    ObsStatus.MISSING if value is None else ObsStatus.BREAK if is_break else ObsStatus.NORMAL,
                    (Flag.METHOD_BREAK, *late) if is_break else late,
                    tuple(mark for mark in (marks, (of_year or {}).get(month[0].year, "")) if mark),
                )
                if series_id not in series:
                    code = None if name.lower() in {*TOTALS, *GROUPS, REST} else codes.get(name, "")
                    series[series_id] = described(catalogue, facts, series_id, title, HELD, code)
    return landed(observations, series.values(), quarantine)


def _names(name: str, roster: str, month: Period) -> tuple[str, str]:
    """Return what stands for a holder in ids, and its name in titles."""
    lower = name.lower()
    if lower in TOTALS:
        slug = TOTALS[lower]
        return slug, {"grand_total": "Grand total", "foreign_official": "Foreign official institutions"}.get(
            slug,
            "Foreign official institutions, bills"
            if slug.endswith("bills")
            else "Foreign official institutions, bonds and notes",
        )
    if lower == REST:
        return f"all_other_{roster}", f"All other holders than those of the list {roster}"
    if lower == "belgium" and month[0] < LUXEMBOURG_APART:
        return "belgium_luxembourg", "Belgium-Luxembourg"
    return re.sub(r"[^a-z0-9]+", "_", lower).strip("_"), name


def _day(year: int, month: int, day: int) -> date | None:
    """Return a date, or None where there is no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None
