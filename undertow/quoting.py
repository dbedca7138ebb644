"""How a name or a text comes into SQL where it cannot be a parameter: the path of an ATTACH or a COPY, the name of a column.

Values go into a statement as parameters. Where DuckDB's grammar takes none, these two functions are the only way in; a test
of the repository holds every SQL text with a variable in it against that.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["identifier", "literal"]


def literal(text: str | Path) -> str:
    """Return a text as a literal of SQL, quotes included.

    Raises:
        ValueError: it has a NUL in it, which ends a statement in some engines.

    Example:
        >>> literal("it's")
        "'it''s'"
    """
    return "'" + _sound(str(text)).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as a quoted identifier of SQL.

    Raises:
        ValueError: it is empty or has a NUL in it.

    Example:
        >>> identifier("a b")
        '"a b"'
    """
    if not name:
        raise ValueError("an identifier must not be empty")
    return '"' + _sound(name).replace('"', '""') + '"'


def _sound(text: str) -> str:
    if "\0" in text:
        raise ValueError("a name or a text of SQL must not have a NUL in it")
    return text
