"""Workbooks: what a reader of cells has to get right, and what it must not trust."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.errors import ParseError
from undertow.xlsx import from_serial, read_sheet, sheet_names

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def letters(column: int) -> str:
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]], more: Mapping[str, str] | None = None) -> bytes:
    """Return a workbook as Excel lays it out: texts shared, numbers in cells, empty cells and rows left out."""
    texts: list[str] = []
    parts: dict[str, str] = {}
    for number, rows in enumerate(sheets.values(), 1):
        lines = []
        for place, row in enumerate(rows, 1):
            cells = []
            for column, value in enumerate(row, 1):
                if isinstance(value, str):
                    texts.append(value)
                    cells.append(f'<c r="{letters(column)}{place}" t="s"><v>{len(texts) - 1}</v></c>')
                elif value is not None:
                    cells.append(f'<c r="{letters(column)}{place}"><v>{value!r}</v></c>')
            if cells:
                lines.append(f'<row r="{place}">{"".join(cells)}</row>')
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
        )
    named = "".join(f'<sheet name="{escape(n)}" sheetId="{i}" r:id="rId{i}"/>' for i, n in enumerate(sheets, 1))
    parts["xl/workbook.xml"] = f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{named}</sheets></workbook>'
    targets = "".join(f'<Relationship Id="rId{i}" Target="worksheets/sheet{i}.xml"/>' for i in range(1, len(sheets) + 1))
    parts["xl/_rels/workbook.xml.rels"] = f'<Relationships xmlns="{PACKAGE}">{targets}</Relationships>'
    shared = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{shared}</sst>'
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**parts, **(more or {})}.items():
            archive.writestr(name, text)
    return target.getvalue()


def sheet(cells: str) -> bytes:
    """Return a workbook whose one sheet holds rows as they are given."""
    part = {"xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'}
    return workbook({"a": []}, part)


def test_every_kind_of_cell() -> None:
    payload = sheet(
        '<row r="2"><c r="B2" t="inlineStr"><is><t>in</t><r><t>line</t></r></is></c><c r="D2" t="b"><v>1</v></c>'
        '<c r="E2" t="e"><v>#N/A</v></c><c r="F2" t="str"><f>A1</f><v>said</v></c><c r="AA2"><v>1.5E3</v></c></row>'
    )
    (empty, row) = read_sheet(payload, "a")
    assert empty == []
    assert row[:6] == [None, "inline", None, 1.0, "#N/A", "said"]
    assert (len(row), row[26]) == (27, 1500.0)


tables = st.lists(
    st.lists(
        st.none()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")),
        max_size=30,
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(tables)
def test_what_is_written_is_read(table: list[list[Any]]) -> None:
    def bare(rows: list[list[Any]]) -> dict[tuple[int, int], Any]:
        return {(r, c): value for r, row in enumerate(rows) for c, value in enumerate(row) if value is not None}

    payload = workbook({"first": [["x"]], "with & sign": table})
    assert sheet_names(payload) == ["first", "with & sign"]
    assert bare(read_sheet(payload, "with & sign")) == bare(table)


def test_days() -> None:
    assert [from_serial(number) for number in (61, 45931.0)] == [date(1900, 3, 1), date(2025, 10, 1)]
    for number in (60, 1.5, float("nan"), 3e6):
        with pytest.raises(ValueError, match="not the number of a day"):
            from_serial(number)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"no zip", "zip"),
        (workbook({}), "no sheets"),
        (workbook({"other": []}), "no sheet 'a'; it has 'other'"),
        (workbook({"a": []}, {"xl/workbook.xml": "<!DOCTYPE x><x/>"}), "declares a document type"),
        (workbook({"a": []}, {"xl/worksheets/sheet1.xml": "<worksheet"}), "is not well-formed XML"),
        (sheet('<row r="1"><c r="B1"/><c r="A1"/></row>'), "not in order at A1"),
        (sheet('<row r="3"/><row r="2"/>'), "not in order at row 2"),
        (sheet('<row r="1"><c r="ZZZ1"/></row>'), "not in order at ZZZ1"),
        (sheet('<row r="1"><c r="first"/></row>'), "names no cell"),
        (sheet('<row r="1"><c r="A1" t="s"><v>7</v></c></row>'), "which its type s does not allow"),
        (sheet('<row r="1"><c r="A1"><v>seven</v></c></row>'), "which its type n does not allow"),
    ],
)
def test_what_is_no_workbook(payload: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        read_sheet(payload, "a")
