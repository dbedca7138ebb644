"""One sheet of an Excel workbook (Office Open XML) as rows of cells, by the standard library alone.

Providers put small tables into workbooks. What is needed of them is text and numbers, so styles, formulas' texts and dates as
such are not read: a date is the number that Excel keeps, and ``from_serial`` turns it into a day. What a cell means does not
belong here.
"""

from __future__ import annotations

import math
import posixpath
import re
from datetime import date, timedelta
from xml.etree import ElementTree

from undertow.errors import ParseError
from undertow.safexml import root_of
from undertow.safezip import members, read_member

__all__ = ["Cell", "from_serial", "read_sheet", "sheet_names"]

Cell = str | float | None

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}"
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]*)", re.ASCII)
_MAX_BYTES = 256 * 1024 * 1024
_WIDEST = 16_384  # columns of a sheet, by the format
_MOST_CELLS = 5_000_000  # empty ones before a filled one are made too, so a small file could name a great many
_EPOCH = date(1899, 12, 30)  # day 0, so that day 60 is the 29 February 1900 that Excel believes in
_FIRST_SOUND_DAY = 61


def sheet_names(payload: bytes) -> list[str]:
    """Return the names of the sheets, in the order of the workbook.

    Raises:
        ParseError: the bytes are no workbook.
    """
    return list(_sheets(payload))


def read_sheet(payload: bytes, name: str) -> list[list[Cell]]:
    """Return the rows of a sheet, each as long as its last cell; empty rows and cells in between are kept.

    Numbers are floats, texts are texts, a truth value is 1.0 or 0.0, and an error of a formula (``#N/A``) is its text.

    Raises:
        ParseError: the bytes are no workbook, or there is no such sheet.
    """
    sheets = _sheets(payload)
    if name not in sheets:
        raise ParseError(f"the workbook has no sheet {name!r}; it has {', '.join(map(repr, sheets))}")
    texts = _shared_texts(payload)
    rows: list[list[Cell]] = []
    room = _MOST_CELLS
    for row in _xml(payload, sheets[name]).iter(f"{_MAIN}row"):
        number = int(row.get("r") or len(rows) + 1)
        if not len(rows) < number <= 1_048_576:
            raise ParseError(f"the rows of {name!r} are not in order at row {number}")
        rows += [[] for _ in range(number - len(rows))]
        cells = rows[-1]
        for cell in row.iter(f"{_MAIN}c"):
            column = _column(cell.get("r"), len(cells))
            room -= max(1, column + 1 - len(cells))
            if room < 0:
                raise ParseError(f"the sheet {name!r} spans more than {_MOST_CELLS} cells")
            cells += [None] * (column - len(cells)) + [_value(cell, texts)]
    return rows


def from_serial(number: float) -> date:
    """Return the day of an Excel date number.

    Raises:
        ValueError: the number is no day after February 1900.

    Example:
        >>> from_serial(45931.0).isoformat()
        '2025-10-01'
    """
    if not math.isfinite(number) or number != int(number) or not _FIRST_SOUND_DAY <= number < 2_958_466:
        raise ValueError(f"{number} is not the number of a day")
    return _EPOCH + timedelta(days=int(number))


def _sheets(payload: bytes) -> dict[str, str]:
    """Return the part of each sheet by its name."""
    parts = set(members(payload))
    book = "xl/workbook.xml"
    if book not in parts:
        raise ParseError("the file is no Excel workbook: it has no xl/workbook.xml")
    targets = {
        relation.get("Id"): posixpath.normpath(posixpath.join("/xl", relation.get("Target") or ""))[1:]
        for relation in _xml(payload, "xl/_rels/workbook.xml.rels").iter(f"{_PACKAGE}Relationship")
    }
    found = {}
    for sheet in _xml(payload, book).iter(f"{_MAIN}sheet"):
        part = targets.get(sheet.get(f"{_RELATION}id"))
        if part in parts:
            found[sheet.get("name") or ""] = part
    if not found:
        raise ParseError("the workbook has no sheets")
    return found


def _shared_texts(payload: bytes) -> list[str]:
    """Return the texts that cells refer to by number."""
    part = "xl/sharedStrings.xml"
    if part not in members(payload):
        return []
    return ["".join(_texts(item)) for item in _xml(payload, part).iter(f"{_MAIN}si")]


def _texts(node: ElementTree.Element) -> list[str]:
    """Return the pieces of a text, without how it is pronounced."""
    spoken = {text for reading in node.iter(f"{_MAIN}rPh") for text in reading.iter(f"{_MAIN}t")}
    return [text.text or "" for text in node.iter(f"{_MAIN}t") if text not in spoken]


def _xml(payload: bytes, part: str) -> ElementTree.Element:
    """Return the root of a part."""
    return root_of(read_member(payload, part, max_bytes=_MAX_BYTES), part)


def _column(reference: str | None, following: int) -> int:
    """Return the place of a cell in its row, from 0; a cell without a reference follows the one before it."""
    if reference is None:
        return following
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ParseError(f"{reference!r} names no cell")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    if not following < column <= _WIDEST:
        raise ParseError(f"the cells are not in order at {reference}")
    return column - 1


def _value(cell: ElementTree.Element, texts: list[str]) -> Cell:
    """Return what a cell holds."""
    kind = cell.get("t") or "n"
    if kind == "inlineStr":
        return "".join(_texts(cell))
    node = cell.find(f"{_MAIN}v")
    if node is None or node.text is None:
        return None
    if kind in ("str", "e"):
        return node.text
    try:
        if kind == "s":
            return texts[int(node.text)]
        return float(node.text)
    except (ValueError, IndexError) as error:
        raise ParseError(f"the cell {cell.get('r')} holds {node.text!r}, which its type {kind} does not allow") from error
