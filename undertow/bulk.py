"""Payloads that are larger than memory: tab-separated text to Parquet, in bounded memory, with what cannot be read kept.

Text is read as text (no type is guessed, no quote is special), and a row with another number of cells than the header goes to
quarantine as it is. What the columns mean does not belong here.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from undertow.errors import ContractError, ParseError
from undertow.parsing import Quarantine
from undertow.quoting import identifier, literal
from undertow.safezip import stream_member
from undertow.schemas import ENUMS, INSTANT, KEYS, PROVENANCE, TABLES, validate
from undertow.vocabulary import Flag

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "Rejects",
    "Text",
    "engine",
    "inspect",
    "read_tsv",
    "text_file",
    "text_member",
    "with_provenance",
    "write_table",
]

MEMORY = "450MB"  # of the engine; the rest of a gigabyte is for what it reads from and writes to
_LONGEST_HEADER = 1024 * 1024
_LARGEST = 8 * 1024**3
_RAW = 2_000  # characters of an unreadable row that are kept; the payload has the rest
_ROWS = 64 * 1024
_SURPLUS = "cell_too_many"
_NO_TEXT = "\x01no text\x01"  # stands nowhere, so no cell reads as null
_WORST = 0.02  # a file of which more rows cannot be read has another layout


@contextmanager
def engine(scratch: Path, memory: str = MEMORY) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that spills into ``scratch``."""
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.execute(f"SET memory_limit = {literal(memory)}; SET temp_directory = {literal(scratch / 'spill')}")
        yield connection
    except duckdb.Error as error:
        raise ParseError(f"the tables of the payload cannot be read: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()


@dataclass(frozen=True)
class Text:
    """A tab-separated file that is read once, from its first byte to its last; without a byte it has no columns."""

    path: Path
    columns: Sequence[str]


def text_file(path: Path) -> Text:
    """Return a tab-separated file on disk.

    Raises:
        ParseError: the first line does not end, or a name stands twice in it.
    """
    with path.open("rb") as file:
        return Text(path, _header(path.name, file.read(_LONGEST_HEADER)))


@contextmanager
def text_member(payload: Path, member: str, scratch: Path) -> Generator[Text]:
    """Give one tab-separated file of a zip file, inflated by a thread while it is read: its gigabyte never lies on the disk.

    Args:
        payload: the zip file.
        member: the name in it.
        scratch: a folder for the pipe.

    Raises:
        ParseError: as ``text_file`` and ``stream_member``; what is wrong with the zip file comes before what its reader says.
    """
    name = Path(member).name
    pipe = scratch / f"{name}.pipe"
    failure: list[Exception] = []
    with stream_member(payload, member, max_bytes=_LARGEST) as pieces:
        first = next(pieces, b"")
        text = Text(pipe, _header(name, first))
        if not text.columns:
            yield text
            return
        os.mkfifo(pipe)

        def feed() -> None:
            try:
                with pipe.open("wb") as file:  # waits for a reader
                    for piece in chain((first,), pieces):
                        file.write(piece)
            except BrokenPipeError:
                pass  # the reader has stopped, and says why
            except Exception as error:  # raised below, by the thread that reads
                failure.append(error)

        feeder = Thread(target=feed, daemon=True)
        feeder.start()
        try:
            yield text
        except Exception:
            _end(feeder, pipe)
            if failure:
                raise failure[0] from None
            raise
        _end(feeder, pipe)
        if failure:
            raise failure[0]


def _end(feeder: Thread, pipe: Path) -> None:
    """Wait for the thread that feeds a pipe; one that nobody has read from, or to the end, stops."""
    while feeder.is_alive():  # it may not have come to its opening yet
        os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
        feeder.join(0.01)
    pipe.unlink()


def _header(name: str, start: bytes) -> list[str]:
    """Return the column names of a tab-separated file."""
    line, ends, _ = start.partition(b"\n")
    if not ends and len(line) >= _LONGEST_HEADER:
        raise ParseError(f"{name} has no header: its first line does not end")
    names = line.decode("utf-8-sig", "replace").rstrip("\r\n").split("\t") if line else []
    names = [one.strip() for one in names]  # two names in the provider's own description end with a space
    if len({one.lower() for one in names}) < len(names):
        raise ParseError(f"{name} names a column twice")
    return names


class Rejects:
    """What could not be read of the files that one connection reads: rows with another number of cells than the header.

    The engine refuses most of them by itself. It takes a row with one cell too many where the last is empty, and a value inside
    it would be read from the wrong column; so files are read with one column more, and empty cells as empty texts, which tells
    what was there from what was not.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._files: dict[str, str] = {}

    def watch(self, name: str) -> str:
        """Return the options of ``read_csv`` that keep the rejects of one file apart."""
        number = len(self._files)
        self._files[name] = f"rejects_{number}"
        return f"store_rejects = true, rejects_table = 'rejects_{number}', rejects_scan = 'scans_{number}', rejects_limit = 0"

    def quarantine(self, name: str, table: str) -> Quarantine:
        """Take the torn rows of a file out of the table that it was read to, and return them with those that were refused.

        Args:
            name: the file, as ``read_tsv`` was told; it must have been read once, to its end.
            table: what it was read to: all of its rows that ``is_torn``, and any others.

        Raises:
            ParseError: they are so many that the file has another layout.
        """
        if name not in self._files:
            return []
        found = self._connection.execute(
            f"SELECT line, min(error_message), any_value(left(csv_line, {_RAW})) FROM {self._files[name]} GROUP BY 1 ORDER BY 1"
        ).fetchall()
        columns = self._connection.execute(f"SELECT * FROM {table} WHERE is_torn").description
        texts = ", ".join(identifier(column[0]) for column in columns if column[0] != "is_torn")
        torn = self._connection.execute(
            f"SELECT left(concat_ws(chr(9), {texts}), {_RAW}) FROM {table} WHERE is_torn ORDER BY 1"
        ).fetchall()
        self._connection.execute(f"DELETE FROM {table} WHERE is_torn")
        read = self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        lost = [(f"{name} line {line}", str(reason).splitlines()[0], raw or "") for line, reason, raw in found]
        lost += [(name, "the row has another number of cells than the header", raw) for (raw,) in torn]
        if len(lost) > max(100, _WORST * read):
            raise ParseError(
                f"{name} has {len(lost)} rows that cannot be read, beside {read} that can; the first: {lost[0][1]}"
            )
        return lost


def read_tsv(text: Text, name: str, required: Sequence[str], rejects: Rejects, optional: Sequence[str] = ()) -> str:
    """Return the SQL that reads a tab-separated file as text; empty cells are null, columns that it lacks are null too.

    There is one column more, ``is_torn``: keep all rows for which it is true, and hand the table to ``Rejects.quarantine``.

    Args:
        text: the file; one without a byte has no rows.
        name: what to call it in messages and in quarantine.
        required: columns that it must have.
        rejects: takes the rows that cannot be read.
        optional: columns that it may have; later editions of a file often have more.

    Raises:
        ParseError: a required column is missing.
    """
    names = text.columns
    wanted = [*required, *optional]
    if not names:
        nothing = ", ".join(f"CAST(NULL AS VARCHAR) AS {identifier(one)}" for one in wanted)
        return f"(SELECT {nothing}, false AS is_torn WHERE false)"
    lower = {one.lower(): one for one in names}
    missing = [one for one in required if one.lower() not in lower]
    if missing:
        raise ParseError(f"{name} lacks the columns {', '.join(missing)}; it has {', '.join(names[:12])}")
    columns = ", ".join(f"{literal(one)}: 'VARCHAR'" for one in (*names, _SURPLUS))
    chosen = ", ".join(
        f"nullif({identifier(lower[one.lower()])}, '') AS {identifier(one)}"
        if one.lower() in lower
        else f"CAST(NULL AS VARCHAR) AS {identifier(one)}"
        for one in wanted
    )
    return (
        f"(SELECT {chosen}, {_SURPLUS} IS NOT NULL OR {identifier(names[-1])} IS NULL AS is_torn "
        f"FROM read_csv({literal(text.path)}, delim = '\t', quote = '', escape = '', header = true, auto_detect = false, "
        f"null_padding = true, nullstr = '{_NO_TEXT}', columns = {{{columns}}}, {rejects.watch(name)}))"
    )


def inspect(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> str:
    """Return a digest of what a parser said in a landed file, which the order of the rows and their provenance do not change.

    What is wrong is counted here and told by ``undertow.schemas.validate``, which sees some of the rows that are wrong.

    Args:
        connection: any.
        table: one of ``TABLES``.
        path: a file of ``write_table``.

    Raises:
        ContractError: rows do not meet the schema of the table, or a key stands twice.
    """
    said = ", ".join(field.name for field in TABLES[table] if field not in PROVENANCE)
    wrong = " OR ".join(_faults(table))
    rows = f"(SELECT {said} FROM read_parquet({literal(path)}))"
    *digest, n_wrong = connection.execute(
        f"SELECT count(*), sum(hash(one)), bit_xor(hash(one)), count(*) FILTER (WHERE {wrong}) FROM {rows} AS one"
    ).fetchall()[0]
    if n_wrong:
        some = connection.execute(f"FROM read_parquet({literal(path)}) WHERE {wrong} LIMIT 100").to_arrow_table()
        validate(table, some)
        raise ContractError(f"{table}: {n_wrong} rows do not meet the schema, the first is {some.slice(0, 1).to_pylist()[0]}")
    key = ", ".join(KEYS[table])
    if key:
        found = connection.execute(
            f"SELECT {key}, count(*) FROM {rows} GROUP BY {key} HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        ).fetchall()
        if found:
            raise ContractError(f"{table}: a key appears {found[0][-1]} times: {', '.join(map(str, found[0][:-1]))}")
    return ":".join(map(str, digest))


def _faults(table: str) -> Iterator[str]:
    """Yield the conditions under which a row of a table does not meet its schema."""
    for field in TABLES[table]:
        if field in PROVENANCE:
            continue
        if not field.nullable:
            yield f"{field.name} IS NULL"
        if pa.types.is_floating(field.type):
            yield f"NOT isfinite({field.name})"
        if field.name in ENUMS:
            yield f"NOT list_contains([{', '.join(literal(member.value) for member in ENUMS[field.name])}], {field.name})"
        if field.name == "flags":
            known = ", ".join(literal(flag.value) for flag in Flag)
            yield f"len(flags) > 0 AND (NOT list_has_all([{known}], flags) OR list_count(flags) < len(flags))"
    if "period_start" in TABLES[table].names:
        yield "period_start > period_end"


_TYPES = {
    pa.string(): "VARCHAR", pa.float64(): "DOUBLE", pa.int32(): "INTEGER", pa.bool_(): "BOOLEAN", pa.date32(): "DATE",
    pa.list_(pa.string()): "VARCHAR[]", INSTANT: "TIMESTAMPTZ",
}  # fmt: skip


def _typed(table: str) -> str:
    """Return the query of a table in the types of its schema, without provenance."""
    columns = ", ".join(
        f"CAST({field.name} AS {_TYPES[field.type]}) AS {field.name}" for field in TABLES[table] if field not in PROVENANCE
    )
    return f"SELECT {columns} FROM {table}"


def write_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    target: Path,
    *,
    order: str | None,
    fetched_at: datetime,
    sha256: str,
    origin: str,
    version: int,
    parsed_at: datetime,
) -> int:
    """Write a table, which is called as one of ``TABLES``, to a Parquet file of the landing, with provenance.

    ``target`` is written in place: give a name that no reader looks for, and rename it.

    Args:
        connection: where the table is.
        table: its name.
        target: the file.
        order: the columns by which the rows are ordered; else they stay in the order in which they stand.
        fetched_at: when the payload was fetched.
        sha256: its hash.
        origin: where its bytes came from.
        version: of the parser.
        parsed_at: from when on this reading counts.

    Returns:
        The number of rows.
    """
    provenance = (
        f"CAST({literal(fetched_at.isoformat())} AS TIMESTAMPTZ) AS fetched_at, {literal(sha256)} AS payload_sha256, "
        f"{literal(origin)} AS origin, CAST({version} AS INTEGER) AS parser_version, "
        f"CAST({literal(parsed_at.isoformat())} AS TIMESTAMPTZ) AS parsed_at"
    )
    connection.execute(
        f"COPY (SELECT *, {provenance} FROM ({_typed(table)}){f' ORDER BY {order}' if order else ''}) "
        f"TO {literal(target)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS})"
    )
    return pq.read_metadata(target).num_rows


def with_provenance(
    table: pa.Table, fetched_at: datetime, sha256: str, origin: str, parser_version: int, parsed_at: datetime | None = None
) -> pa.Table:
    """Append what says where rows came from; ``parsed_at`` is the fetch but for a later re-reading."""
    rows = table.num_rows
    values = {
        "fetched_at": pa.scalar(fetched_at, INSTANT),
        "payload_sha256": pa.scalar(sha256),
        "origin": pa.scalar(origin),
        "parser_version": pa.scalar(parser_version, pa.int32()),
        "parsed_at": pa.scalar(parsed_at or fetched_at, INSTANT),
    }
    for column in PROVENANCE:
        table = table.append_column(column.name, pa.repeat(values[column.name], rows))
    return table
