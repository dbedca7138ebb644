"""What bytes look like, held against what a dataset says they are.

This is the gate in front of the parsers: it catches an error page sent with status 200, an empty answer and half a
file. It reads the ends of the bytes, never their meaning.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from undertow.errors import PayloadError

if TYPE_CHECKING:
    from undertow.room import Content

__all__ = ["check_content", "looks_like"]

_HEAD = 64 * 1024
_HTML = re.compile(
    rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|script)\b",
    re.IGNORECASE | re.DOTALL,
)
_SQLITE = b"SQLite format 3\x00"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_END_OF_DIRECTORY = b"PK\x05\x06"
_END_OF_DIRECTORY_REACH = 22 + 65_535  # the record and the longest comment after it
_END_OF_PDF_REACH = 2048  # readers look for the last mark in the last kilobyte, and some writers add to it
_NAMES = {
    "json": "JSON",
    "csv": "CSV",
    "text": "text",
    "html": "an HTML page",
    "zip": "a zip file",
    "gzip": "a gzip file",
    "sqlite": "an SQLite database",
    "xml": "XML",
    "parquet": "a Parquet file",
    "pdf": "a PDF",
    "any": "data",
}


def check_content(body: bytes, content: Content) -> None:
    """Raise PayloadError where bytes do not look like the content they should be.

    Args:
        body: the answer.
        content: what the dataset says it is; ``any`` may be anything but nothing and an HTML page.

    Raises:
        PayloadError: the message says what was expected, what the bytes look like, and how they begin.
    """
    if not body:
        raise PayloadError(f"expected {_NAMES[content]}, got an empty answer")
    fault = _fault(body, content)
    if fault:
        raise PayloadError(f"expected {_NAMES[content]}, got {fault}; it begins {_beginning(body)!r}")


def looks_like(body: bytes) -> str:
    """Return in words what bytes look like: ``an HTML page``, ``a zip file``, ``binary data`` and so on."""
    text = _text_start(body)
    if _HTML.match(text):
        return _NAMES["html"]
    signatures = (
        (_ZIP, "zip"),
        (b"\x1f\x8b", "gzip"),
        (_SQLITE, "sqlite"),
        (b"PAR1", "parquet"),
    )
    for signature, name in signatures:
        if body.startswith(signature):
            return _NAMES[name]
    if body.startswith(b"%PDF-"):
        return _NAMES["pdf"]
    if b"\x00" in body[:_HEAD]:
        return "binary data"
    if text[:1] in (b"{", b"["):
        return _NAMES["json"]
    return _NAMES["xml"] if text.startswith(b"<") else _NAMES["text"]


def _fault(body: bytes, content: Content) -> str | None:
    """Return what bytes look like where that is not the content expected, else None."""
    seen = looks_like(body)
    if content == "any":
        return seen if seen == _NAMES["html"] else None
    if content == "zip":
        return _zip_fault(body, seen)
    if content == "parquet":
        return _parquet_fault(body, seen)
    if content == "pdf":
        return _pdf_fault(body, seen)
    if content == "csv":
        # An error report in XML is not CSV, while a table may begin with '<' as in '<TICKER>,<DATE>'.
        fits = seen == _NAMES["text"] or (seen == _NAMES["xml"] and not _text_start(body).startswith(b"<?xml"))
    elif content == "html" and seen == _NAMES["gzip"]:
        return _packed_page_fault(body)
    elif content == "text":
        fits = seen in (_NAMES["text"], _NAMES["xml"], _NAMES["json"])
    else:
        fits = seen == _NAMES[content]
    return None if fits else seen


def _packed_page_fault(body: bytes) -> str | None:
    """Return what is wrong with a gzip file that should be an HTML page as an archive keeps it; its beginning is inflated."""
    try:
        page = zlib.decompressobj(wbits=31).decompress(body, _HEAD)
    except zlib.error:
        return "a damaged gzip file"
    seen = looks_like(page)
    return None if seen == _NAMES["html"] else f"a gzip file of {seen}"


def _zip_fault(body: bytes, seen: str) -> str | None:
    """Return what is wrong with bytes that should be a zip file."""
    if not body.startswith(_ZIP):
        return seen
    if _END_OF_DIRECTORY not in body[-_END_OF_DIRECTORY_REACH:]:
        return "a zip file without its end (cut short)"
    return None


def _parquet_fault(body: bytes, seen: str) -> str | None:
    """Return what is wrong with bytes that should be a Parquet file."""
    if not body.startswith(b"PAR1"):
        return seen
    if len(body) < 12 or not body.endswith(b"PAR1"):
        return "a Parquet file without its end (cut short)"
    return None


def _pdf_fault(body: bytes, seen: str) -> str | None:
    """Return what is wrong with bytes that should be a PDF."""
    if not body.startswith(b"%PDF-"):
        return seen
    if b"%%EOF" not in body[-_END_OF_PDF_REACH:]:
        return "a PDF without its end (cut short)"
    return None


def _text_start(body: bytes) -> bytes:
    """Return the first bytes without a byte order mark and leading white space."""
    return body[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n\f\v")


def _beginning(body: bytes) -> str:
    """Return the first 60 printable characters, white space run together."""
    text = body[:1024].decode("utf-8", "replace")
    printable = "".join(character if character.isprintable() and character != "\ufffd" else " " for character in text)
    return " ".join(printable.split())[:60]
