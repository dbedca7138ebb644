"""What a provider, or whoever stands in its place, may send to harm the reader: entities, bombs, endless nesting, names that are SQL."""

from __future__ import annotations

import importlib
import io
import time
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from undertow.archive import Archive, Sighting
from undertow.errors import ParseError
from undertow.landing import land
from undertow.quoting import identifier, literal
from undertow.room import load_room, room_names
from undertow.safexml import iterate, root_of
from undertow.xlsx import read_sheet

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 10))
    + "]><lolz>&lol9;</lolz>"
).encode()
QUADRATIC = b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 50_000 + b'">]><a>' + b"&x;" * 50_000 + b"</a>"
BOMBS = {
    "a billion laughs": LAUGHS,
    "a long entity many times": QUADRATIC,
    "another file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "another server": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
    "a parameter entity": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]><a/>',
    "behind a long comment": b"<!--" + b"x" * 10_000 + b"-->" + LAUGHS.partition(b"?>")[2],
    "in UTF-16": LAUGHS.decode().replace('version="1.0"', 'version="1.0" encoding="utf-16"').encode("utf-16"),
}
FETCHED_AT = datetime(2026, 11, 1, tzinfo=UTC)


READERS = (("dol", "report"), ("frb", "h41"), ("sec_nport", "nport_xml"), ("treasury", "par_yields"))  # what reads XML


@pytest.mark.parametrize("bomb", BOMBS)
def test_the_reader_of_xml_refuses_what_declares_a_document_type(bomb: str) -> None:
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(ParseError, match="the page declares a document type"):
        root_of(BOMBS[bomb], "the page")
    with pytest.raises(ParseError, match="the page declares a document type"):
        list(iterate(BOMBS[bomb], "the page", ("start", "end")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (peak < 20e6, time.monotonic() - began < 5) == (True, True)


def test_sound_xml_is_read_in_any_encoding() -> None:
    for encoding in ("utf-8", "utf-16", "iso-8859-1"):
        text = f'<?xml version="1.0" encoding="{encoding}"?><a b="1">\u00e9 &lt;&amp;&#233;</a>'
        root = root_of(text.encode(encoding), "the page")
        assert (root.tag, root.text, root.get("b")) == ("a", "\u00e9 <&\u00e9", "1")
    assert [node.tag for _, node in iterate(b"<a><b/></a>", "x", ("end",))] == ["b", "a"]
    for broken in (b"", b"<a>", b"\x00", b'<?xml version="1.0" encoding="nonsense"?><a/>'):
        with pytest.raises(ParseError, match="not well-formed"):
            root_of(broken, "the page")


@pytest.mark.parametrize(("room", "dataset"), READERS)
@pytest.mark.parametrize("bomb", ["behind a long comment", "in UTF-16"])
def test_every_room_that_reads_xml_refuses_bombs(room: str, dataset: str, bomb: str) -> None:
    modules = load_room(room)
    sighting = Sighting(room, dataset, "", FETCHED_AT, "0" * 64, 1, "live")
    with pytest.raises(ParseError):
        modules.parse(BOMBS[bomb], sighting, modules.catalogue())


def parser(room: str) -> str:
    """Return the source of a room's parser."""
    return Path(str(importlib.import_module(f"assets.{room}.parse").__file__)).read_text(encoding="utf-8")


def test_the_rooms_that_read_xml_are_these() -> None:
    """A room that reads XML does so through ``undertow.safexml``; none calls a parser of its own."""
    assert {name for name in room_names() if "undertow.safexml" in parser(name)} == {room for room, _ in READERS}
    for name in room_names():
        text = parser(name)
        for forbidden in (
            "ElementTree.fromstring",
            "ElementTree.parse",
            "ElementTree.iterparse",
            "ElementTree.XML(",
            "minidom",
            "lxml",
        ):
            assert forbidden not in text, name


def workbook(sheet: str) -> bytes:
    parts = {
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="a" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": sheet,
    }
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return stored.getvalue()


def test_a_small_workbook_cannot_span_a_great_many_cells() -> None:
    """Each row names its last column alone; the empty cells before it are made by who reads it."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 2_000))
    with pytest.raises(ParseError, match="spans more than 5000000 cells"):
        read_sheet(workbook(f"<worksheet {space}><sheetData>{rows}</sheetData></worksheet>"), "a")
    few = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 4))
    assert [len(row) for row in read_sheet(workbook(f"<worksheet {space}><sheetData>{few}</sheetData></worksheet>"), "a")] == [
        16384
    ] * 3


def json_datasets() -> list[tuple[str, str]]:
    return [(name, one.name) for name in room_names() for one in load_room(name).room.datasets if one.content == "json"]


@pytest.mark.parametrize(("room", "dataset"), json_datasets())
def test_endless_nesting_fails_its_dataset_and_no_run(room: str, dataset: str, tmp_path: Path) -> None:
    """It is an outcome with an error, in this run and, as the bytes are kept, in the next; it is never an exception."""
    archive, modules = Archive(tmp_path / "archive"), load_room(room)
    for body in (b"[" * 200_000, b'{"a":' * 200_000 + b"1" + b"}" * 200_000):
        archive.store(
            body, source=room, dataset=dataset, url=f"https://example.org/{len(body)}", fetched_at=FETCHED_AT, origin="live"
        )
    outcomes = [one for one in land(modules, archive, tmp_path / "landing") if one.dataset == dataset]
    assert len(outcomes) == 2
    assert all(one.error for one in outcomes)
    assert [one for one in land(modules, archive, tmp_path / "landing") if one.dataset == dataset] == []


NASTY = (
    "it's",
    'a "b"',
    "x'; DROP TABLE t; --",
    'x"; DROP TABLE t; --',
    "\\",
    "a\nb",
    "/*",
    "$$",
    "",
    "\u2019; \u00e9",
    "%s {0} ?",
)


def test_names_and_texts_come_back_as_they_were() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (a INTEGER)")
        for text in NASTY:
            assert connection.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]
            if text:
                assert connection.execute(f"SELECT 1 AS {identifier(text)}").description[0][0] == text
        assert connection.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    for wrong in (lambda: identifier(""), lambda: identifier("a\0b"), lambda: literal("a\0b")):
        with pytest.raises(ValueError, match="must not"):
            wrong()
