"""What bytes look like: an error page, half a file and an empty answer never pass for data."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.errors import FetchError, PayloadError
from undertow.room import Content
from undertow.sniff import check_content, looks_like

CONTENTS = get_args(Content)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "Date,USD\n2025-11-20,1.15\n")
    return buffer.getvalue()


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table({"x": [1]}), buffer)
    return buffer.getvalue()


def _sqlite(folder: Path) -> bytes:
    with sqlite3.connect(folder / "x.db") as connection:
        connection.execute("create table t (x)")
    connection.close()
    return (folder / "x.db").read_bytes()


def test_genuine_content_passes(tmp_path: Path) -> None:
    for content, body in {
        "json": b'\xef\xbb\xbf \r\n{"refRates": []}',
        "csv": b"Date,USD\r\n2025-11-20,1.15\r\n",
        "text": b"series_id\tyear\tperiod\n",
        "html": b"<!DOCTYPE html>\n<html><body>Archived release</body></html>",
        "zip": _zip(),
        "gzip": gzip.compress(b"x", mtime=0),
        "sqlite": _sqlite(tmp_path),
        "xml": b'<?xml version="1.0"?><gesmes:Envelope/>',
        "parquet": _parquet(),
        "pdf": b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n",
        "any": b"\x00",
    }.items():
        check_content(body, content)
    check_content(b"[1]", "json")
    check_content(b"<TICKER>,<DATE>\nX,20251120\n", "csv")
    check_content(b"{a text may begin so}", "text")
    check_content("日付,金利\n".encode("shift_jis"), "csv")
    check_content(b"<rss/>", "xml")


HTML = [
    b"<!DOCTYPE html><html><head><title>Access Denied</title></head></html>",
    b"\n\n  <HTML>\n<BODY>Service Unavailable</BODY></HTML>",
    b"\xef\xbb\xbf<head></head>",
    b"<!-- cached -->\n<!doctype HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>",
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">',
]


@pytest.mark.parametrize("body", HTML)
@pytest.mark.parametrize("content", ["json", "csv", "text", "zip", "gzip", "sqlite", "xml", "parquet", "pdf", "any"])
def test_an_html_page_is_never_data(body: bytes, content: Content) -> None:
    with pytest.raises(PayloadError, match=r"got an HTML page; it begins ['\"]<"):
        check_content(body, content)


@pytest.mark.parametrize("content", CONTENTS)
def test_an_empty_answer_is_never_data(content: Content) -> None:
    with pytest.raises(PayloadError, match="got an empty answer"):
        check_content(b"", content)


@pytest.mark.parametrize(
    ("body", "content", "words"),
    [
        (b"not found", "json", "expected JSON, got text; it begins 'not found'"),
        (b"<?xml version='1.0'?><error>bad key</error>", "csv", "expected CSV, got XML"),
        (b'{"error": "bad key"}', "csv", "expected CSV, got JSON"),
        (b"Date,USD\n\x00\x01", "csv", "expected CSV, got binary data"),
        (b"Date\x00", "text", "expected text, got binary data"),
        (gzip.compress(b"Date,USD", mtime=0), "csv", "expected CSV, got a gzip file"),
        (b"%PDF-1.7", "text", "expected text, got a PDF"),
        (b"%PDF-1.7", "pdf", "expected a PDF, got a PDF without its end (cut short)"),
        (b"Date,USD", "pdf", "expected a PDF, got text"),
        (b"Date,USD", "zip", "expected a zip file, got text"),
        (b"Date,USD", "gzip", "expected a gzip file, got text"),
        (b"SQLite format 2", "sqlite", "expected an SQLite database, got text"),
        (b"Date,USD", "xml", "expected XML, got text"),
        (b"Date,USD", "html", "expected an HTML page, got text"),
        (b"PAR1", "parquet", "expected a Parquet file, got a Parquet file without its end"),
        (b"  \n ", "json", "expected JSON, got text"),
    ],
)
def test_the_wrong_kind(body: bytes, content: Content, words: str) -> None:
    with pytest.raises(PayloadError) as caught:
        check_content(body, content)
    assert words in str(caught.value)
    assert isinstance(caught.value, FetchError)


def test_half_a_zip_and_half_a_parquet_file() -> None:
    with pytest.raises(PayloadError, match="a zip file without its end"):
        check_content(_zip()[:-30], "zip")
    with pytest.raises(PayloadError, match="a Parquet file without its end"):
        check_content(_parquet()[:-1], "parquet")


def test_a_message_holds_sixty_printable_characters() -> None:
    body = b"\x1b[31mred\x00\n\t  alert " + b"x" * 500
    with pytest.raises(PayloadError) as caught:
        check_content(body, "json")
    beginning = str(caught.value).split("it begins ")[1]
    assert beginning == repr(("[31mred alert " + "x" * 500)[:60])
    assert str(caught.value).isprintable()


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=300), st.sampled_from(CONTENTS))
def test_any_bytes_pass_or_are_a_payload_error(body: bytes, content: Content) -> None:
    assert looks_like(body)
    with suppress(PayloadError):
        check_content(body, content)
