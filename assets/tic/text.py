"""What the readers of the TIC's text files share: rows of cells, months, numbers, descriptions, and whether a file is dead."""

from __future__ import annotations

import csv
import io
import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from assets.tic import ROOM
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.parsing import exact_float

__all__ = [
    "MONTHS",
    "described",
    "month_of",
    "months_of_names",
    "number",
    "period_of",
    "refuse_if_dead",
    "row_where",
    "rows_of",
    "span",
]

MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_NAMED = re.compile(r"(\d{4})-([A-Z][a-z]{2})", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)

Period = tuple[date, date]


def rows_of(payload: bytes, *, quoted: bool = False) -> list[list[str]]:
    """Return the lines of a file as cells without white space around them. Names with commas are quoted in some files only."""
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = payload.decode("cp1252", "replace")  # the files are ASCII, but for a country's own spelling
    if quoted:
        try:
            return [[cell.strip() for cell in row] or [""] for row in csv.reader(io.StringIO(text, newline=""), delimiter="\t")]
        except csv.Error as error:
            raise ParseError(f"the file is not text with tabs: {error}") from None
    return [[cell.strip() for cell in line.split("\t")] for line in text.replace("\r\n", "\n").split("\n")]


def row_where(
    rows: Sequence[Sequence[str]], fits: Callable[[Sequence[str]], bool], wanted: str, facts: Mapping[str, Any]
) -> int:
    """Return where the one header row stands; above it, the title and the unit have to be those of the catalogue.

    Raises:
        ParseError: there is no such row or more than one, or the title or the unit is another.
    """
    found = [place for place, cells in enumerate(rows) if fits(cells)]
    if len(found) != 1:
        begins = " ".join(" ".join(cells) for cells in rows[:3])[:80].strip()
        raise ParseError(f"expected {wanted} once, found it {len(found)} times; the file begins {begins!r}")
    head = [cell for cells in rows[: found[0]] for cell in cells if cell]
    if "title" in facts and not any(cell.startswith(facts["title"]) for cell in head):
        raise ParseError(f"the title is {head[0] if head else ''!r}, expected one that begins {facts['title']!r}")
    if "unit_line" in facts and facts["unit_line"] not in head:
        raise ParseError(f"the head of the file does not say {facts['unit_line']!r}")
    return found[0]


@lru_cache(1024)
def month_of(text: str) -> Period | None:
    """Return the first and the last day of a month written ``2026-05``, or None."""
    found = _MONTH.fullmatch(text)
    return period_of(int(found[1]), int(found[2])) if found else None


@lru_cache(1024)
def months_of_names(text: str) -> Period | None:
    """Return the first and the last day of a month written ``2026-May``, or None."""
    found = _NAMED.fullmatch(text)
    return period_of(int(found[1]), MONTHS.get(found[2], 0)) if found else None


def period_of(year: int, month: int) -> Period | None:
    """Return the first and the last day of a month, or None where there is no such month."""
    if not (1 <= month <= 12 and year > 0):
        return None
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


@lru_cache(16_384)
def number(cell: str) -> float | None:
    """Return the number in a cell, None for ``n.a.``; ``-0`` is zero.

    Raises:
        ValueError: the cell is neither.
    """
    if cell == "n.a.":
        return None
    if not _NUMBER.fullmatch(cell):
        raise ValueError(f"{cell!r} is neither a number nor n.a.")
    return exact_float(cell) + 0.0


def span(values: Mapping[Period, float | str | None]) -> list[tuple[Period, float | None]]:
    """Return the months from the first number to the last, oldest first, without those that went to quarantine ('').

    What is ``n.a.`` before a series begins is no gap in it.
    """
    told = sorted(month for month, value in values.items() if isinstance(value, float))
    if not told:
        return []
    within = (month for month in sorted(values) if told[0] <= month <= told[-1])
    return [(month, value) for month in within if not isinstance(value := values[month], str)]


def refuse_if_dead(sighting: Sighting, newest: Period) -> None:
    """Refuse a file whose newest month had ended too long before the fetch: its address answers and is no longer kept.

    Raises:
        ParseError: it is dead.
    """
    dataset = ROOM.dataset(sighting.dataset)
    if dataset is not None and (death := dataset.death(newest[1], sighting.fetched_at)):
        raise ParseError(f"{death}; nothing of it is taken")


def described(
    catalogue: Mapping[str, Any], facts: Mapping[str, Any], series_id: str, holder: str, title: str, code: str | None = None
) -> dict[str, Any]:
    """Return the description of one series.

    A line of a country's holdings says that they are counted where they are in custody; what US residents hold (columns that
    begin ``us_``) is by country of the issuer.

    Args:
        catalogue: the catalogue.
        facts: what it says of the dataset.
        series_id: the id.
        holder: who holds, or what is told.
        title: what of it.
        code: the holder's code, '' where the file has a country's name alone; None where the series is of no holder.
    """
    told = {**catalogue["defaults"], **{key: facts[key] for key in catalogue["defaults"] if key in facts}}
    known = {"kind": "country"} if code == "" else catalogue["holders"].get(code, {"kind": "kind not known"})
    if code is not None and known["kind"] in ("country", "kind not known"):
        centre = ", a custody centre" if known.get("custody") else ""
        if ".us_" not in series_id:
            title = f"{title}, {catalogue['custody_caveat']}"
        holder = f"{holder} ({known['kind']}{centre})"
    return {
        **told,
        "series_id": series_id,
        "title": f"{holder}: {title}",
        "unit": facts["unit"],
        "decimals": facts["decimals"],
        "source_url": facts["source_url"],
    }
