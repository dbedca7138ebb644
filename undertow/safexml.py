"""XML from providers, read without trust: a document type, and with it entities and other files, is refused before it acts.

defusedxml refuses it where expat meets it, in whatever encoding and however far into the document; a search for the words in
the bytes would not find them in UTF-16.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from undertow.errors import ParseError

__all__ = ["iterate", "root_of"]


def root_of(payload: bytes, what: str) -> ElementTree.Element:
    """Return the root element of a document.

    Args:
        payload: the document.
        what: what to call it in a message, as in "the report".

    Raises:
        ParseError: it is not well-formed, or it declares a document type.
    """
    try:
        return defusedxml.ElementTree.fromstring(payload, forbid_dtd=True)
    except DefusedXmlException:
        raise _refused(what) from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two: an encoding that is none
        raise ParseError(f"{what} is not well-formed XML: {error}") from error


def iterate(payload: bytes, what: str, events: Sequence[str]) -> Iterator[tuple[str, ElementTree.Element]]:
    """Yield the events of a document while it is read, as ``ElementTree.iterparse`` does.

    Raises:
        ParseError: as ``root_of``, also while events are read.
    """
    try:
        yield from defusedxml.ElementTree.iterparse(io.BytesIO(payload), events=events, forbid_dtd=True)
    except DefusedXmlException:
        raise _refused(what) from None
    except (ElementTree.ParseError, LookupError) as error:
        raise ParseError(f"{what} is not well-formed XML: {error}") from error


def _refused(what: str) -> ParseError:
    return ParseError(f"{what} declares a document type, which nothing that is read here has need of")
