"""The TIC files: bytes to rows. Nothing here fetches, and nothing here knows what a number is used for.

The tables by country are read here, the lists of major holders in ``holders.py`` and CSLT in ``cslt.py``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from assets.tic import TABLES
from assets.tic.cslt import joined_history
from assets.tic.holders import dead_holders, history_of_holders, major_holders
from assets.tic.text import described, month_of, months_of_names, number, refuse_if_dead, row_where, rows_of, span
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.parsing import ObservationColumns, Quarantine, landed
from undertow.room import Landed
from undertow.vocabulary import Flag, ObsStatus

__all__ = ["parse"]

LINES = 32  # of the press release
_CODE = re.compile(r"\d{5}", re.ASCII)
_BREAK = (Flag.METHOD_BREAK,)
# how the definitions under the tables begin that say which countries a memo line sums
_ROSTERS = {
    "16713": re.compile(r"Euro area:.*?includes\s+(.*)", re.S),
    "16721": re.compile(r"European Union includes\s+(.*)", re.S),
}

Period = tuple[date, date]


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the rows of one file.

    Raises:
        ParseError: the bytes are not such a file, its unit is another, two tellings of one number differ, or it is dead.
    """
    readers = {
        **dict.fromkeys(TABLES, _by_country),
        "slt_table5": major_holders,
        "mfhhis01": history_of_holders,
        "npr_history": _press_release,
        "cslt": joined_history,
        "mfh": dead_holders,
    }
    if sighting.dataset not in readers:
        raise ParseError(f"the room reads {', '.join(readers)}, not {sighting.dataset}")
    return readers[sighting.dataset](payload, sighting, catalogue)


# --- tables 1 to 4 ----------------------------------------------------------------------------------------------------


def _by_country(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read a table with one row for each holder and month."""
    facts = catalogue["datasets"][sighting.dataset]
    rows = rows_of(payload)
    top = row_where(rows, lambda cells: cells[0] == "country", "a row of names that begins 'country'", facts)
    header = _header(rows[top], facts)
    quarantine: Quarantine = [
        (f"line {top + 1}", f"the column {name!r} is not in the catalogue", name)
        for name in header[3:]
        if name not in facts["columns"]
    ]
    names, told = _told(rows, top, header, sighting.fetched_at, quarantine)
    if not told:
        raise ParseError("the table has no usable row" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    refuse_if_dead(sighting, max(month for _, month in told))
    ids = _ids(names, rows[top + 1 :], quarantine)
    months = sorted({month for _, month in told})
    observations, series = ObservationColumns(sighting.fetched_at), []
    for column, title in facts["columns"].items():
        place = header.index(column)
        for code in sorted(ids):
            values = {month: cells[place] for month in months if (cells := told.get((code, month))) is not None}
            series_id = f"{facts['prefix']}.{column}.{ids[code]}"
            spanned = span(values)
            if not spanned:
                continue  # this kind of holder has no such securities
            for month, value in spanned:
                status = _status(column, code, month, value, facts, catalogue)
                observations.add(series_id, month, value, status, _BREAK if status is ObsStatus.BREAK else ())
            series.append(described(catalogue, facts, series_id, names[code], title, code))
    return landed(observations, series, quarantine)


def _header(cells: Sequence[str], facts: Mapping[str, Any]) -> list[str]:
    """Return the machine names of the columns."""
    header = [name for name in cells if name]
    if header[:3] != ["country", "country_code", "date"]:
        raise ParseError(f"the row of names begins {header[:3]}, expected country, country_code, date")
    if list(cells[: len(header)]) != header or len(set(header)) != len(header):
        raise ParseError(f"the row of names has a hole or a name twice: {header}")
    if lacking := [name for name in facts["columns"] if name not in header]:
        raise ParseError(f"the table lacks the columns {', '.join(lacking)}")
    return header


def _told(
    rows: Sequence[Sequence[str]], top: int, header: Sequence[str], fetched_at: datetime, quarantine: Quarantine
) -> tuple[dict[str, str], dict[tuple[str, Period], list[float | str | None]]]:
    """Return the name of each code, and what each row says: a number, None for ``n.a.``, and '' for what went to quarantine."""
    names: dict[str, str] = {}
    told: dict[tuple[str, Period], list[float | str | None]] = {}
    wide = len(header)
    for line, cells in enumerate(rows[top + 1 :], start=top + 2):
        if not any(cells[1:]):
            continue  # blank, or a line of the definitions
        place, raw = f"line {line}", "\t".join(cells)
        month = month_of(cells[2]) if len(cells) > 2 else None
        if month is None or not _CODE.fullmatch(cells[1]):
            quarantine.append((place, "the row has no code of five digits and a month like 2026-05", raw))
        elif month[1] > fetched_at.date():
            quarantine.append((place, "the month had not ended when the file was fetched", raw))
        elif len(cells) < wide or any(cells[wide:]):
            quarantine.append((place, f"the row has not the {wide} cells of the header", raw))
        elif names.setdefault(cells[1], cells[0]) != cells[0]:
            quarantine.append((place, f"the code {cells[1]} is {names[cells[1]]!r} in an earlier row", raw))
        elif (cells[1], month) in told:
            raise ParseError(f"line {line}: {cells[0]} ({cells[1]}) has {cells[2]} twice")
        else:
            values: list[float | str | None] = [*cells[:3]]
            for column, cell in zip(header[3:], cells[3:wide], strict=True):
                try:
                    values.append(number(cell))
                except ValueError as error:
                    quarantine.append((f"{place}, {column}", str(error), raw))
                    values.append("")
            told[cells[1], month] = values
    return names, told


def _ids(names: Mapping[str, str], below: Sequence[Sequence[str]], quarantine: Quarantine) -> dict[str, str]:
    """Return what stands for each code in ids: the code, with a digest of its countries where it is a memo line."""
    paragraphs = "\n".join(cells[0] if not any(cells[1:]) else "" for cells in below).split("\n\n")
    ids = {code: code for code in names}
    for code, pattern in _ROSTERS.items():
        if code in ids:
            found = next((match for text in paragraphs if (match := pattern.search(text.strip()))), None)
            if found is None:
                quarantine.append((names[code], "the file does not say which countries this line sums; it is left out", code))
                del ids[code]
            else:
                countries = re.split(r",\s*(?:and\s+)?|\s+and\s+", " ".join(found[1].rstrip(". \n").split()))
                ids[code] = f"{code}_{roster_digest(countries)}"
    return ids


def roster_digest(names: Sequence[str]) -> str:
    """Return eight digits that stand for a list of countries, whatever its order."""
    told = sorted({re.sub(r"^the\s+", "", name.strip()).lower() for name in names})
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]


def _status(
    column: str, code: str, month: Period, value: float | None, facts: Mapping[str, Any], catalogue: Mapping[str, Any]
) -> ObsStatus:
    """Return what an observation is, by the change of forms in February 2023."""
    if value is None:
        return ObsStatus.MISSING
    is_transaction = not column.endswith("_pos") and column not in facts.get("on_other_forms", ())
    breaks = is_transaction or (column in facts.get("breaks_at_form", ()) and code != facts.get("whole"))
    return ObsStatus.BREAK if breaks and month[0] == catalogue["form_change"] else ObsStatus.NORMAL


# --- the history of the press release ---------------------------------------------------------------------------------


def _press_release(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the table with one row a month and one column for each of the 32 lines."""
    facts = catalogue["datasets"][sighting.dataset]
    rows = rows_of(payload)
    numbers = [str(line) for line in range(1, LINES + 1)]
    top = row_where(
        rows,
        lambda cells: [cell.strip("[]()") for cell in cells[1 : LINES + 1]] == numbers,
        "a row of the numbers 1 to 32",
        facts,
    )
    head = " ".join(" ".join(cells) for cells in rows[:top]).lower()
    if "billion" in head and "million" not in head:
        raise ParseError("the head of the file says billions, and its numbers have been millions")
    quarantine: Quarantine = []
    told = _lines_by_month(rows, top, sighting.fetched_at, quarantine)
    if not told:
        raise ParseError("the table has no usable row" + (f"; the first: {quarantine[0][1]}" if quarantine else ""))
    refuse_if_dead(sighting, max(told))
    observations, series = ObservationColumns(sighting.fetched_at), []
    for line in range(1, LINES + 1):
        series_id = f"{facts['prefix']}.line_{line:02d}"
        breaks_at = catalogue["form_change"] if line in facts["breaks_at_form"] else None
        for month, value in span({month: lines[line - 1] for month, lines in told.items()}):
            if value is None:
                observations.add(series_id, month, None, ObsStatus.MISSING)
            elif month[0] == breaks_at:
                observations.add(series_id, month, value, ObsStatus.BREAK, _BREAK)
            else:
                observations.add(series_id, month, value)
        series.append(described(catalogue, facts, series_id, f"TIC press release, line {line}", facts["lines"][str(line)]))
    return landed(observations, series, quarantine)


def _lines_by_month(
    rows: Sequence[Sequence[str]], top: int, fetched_at: datetime, quarantine: Quarantine
) -> dict[Period, list[float | str | None]]:
    """Return the 32 lines of each month: numbers, None for ``n.a.``, and '' for what went to quarantine."""
    told: dict[Period, list[float | str | None]] = {}
    for line, cells in enumerate(rows[top + 1 :], start=top + 2):
        if not any(cells[1:]):
            continue
        place, raw = f"line {line}", "\t".join(cells)
        month = months_of_names(cells[0])
        if month is None or len(cells) <= LINES:
            quarantine.append((place, "the row has no month like 2026-Jul and 32 cells after it", raw))
        elif month[1] > fetched_at.date():
            quarantine.append((place, "the month had not ended when the file was fetched", raw))
        elif month in told:
            raise ParseError(f"line {line}: the month {cells[0]} stands twice")
        else:
            told[month] = []
            for position, cell in enumerate(cells[1 : LINES + 1], start=1):
                try:
                    told[month].append(number(cell.replace(",", "")))
                except ValueError as error:
                    quarantine.append((f"{place}, column {position}", str(error), raw))
                    told[month].append("")
    return told
