"""The marts of a build as tables of a PostgreSQL schema.

One transaction deletes and copies. A reader sees the build before or this one, never a mixture, and is never kept waiting:
rows that are deleted stay visible to whoever began to read earlier. That is why tables are not renamed, dropped or truncated,
which locks readers out, shows an older snapshot an empty table, and takes views and grants along. A table whose content did
not change is left as it is; a table is made anew only where its columns changed.

What the schema holds is written in the table ``undertow_build``, one row a table. A schema without it is not ours.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from pyarrow import csv

from undertow.errors import UndertowError, UsageError
from undertow.publish import Build
from undertow.quoting import identifier

if TYPE_CHECKING:
    import psycopg

__all__ = ["SCHEMA", "export_postgres"]

SCHEMA = "marts"  # as in the DuckDB file, so that a query reads either
_STATE = "undertow_build"
_BATCH = 100_000  # rows

# Types of the published file as PostgreSQL has them; what is not named here goes as JSON.
_TYPES = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "double precision",
    "INTEGER": "integer",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "VARCHAR": "text",
    "VARCHAR[]": "text[]",
}


@dataclass(frozen=True)
class _Column:
    name: str
    duckdb_type: str
    comment: str | None

    @property
    def type(self) -> str:
        return _TYPES.get(self.duckdb_type, "jsonb")

    @property
    def selected(self) -> str:
        """Return the expression that gives the value as COPY reads it."""
        name = identifier(self.name)
        if self.type == "text[]":
            element = r"""'"' || replace(replace(e, '\', '\\'), '"', '\"') || '"'"""
            listed = f"array_to_string(list_transform({name}, lambda e: coalesce({element}, 'NULL')), ',')"
            return f"CASE WHEN {name} IS NOT NULL THEN '{{' || {listed} || '}}' END AS {name}"
        return f"CAST(to_json({name}) AS VARCHAR) AS {name}" if self.type == "jsonb" else name


@dataclass(frozen=True)
class _Table:
    name: str
    rows: int
    content: str
    comment: str | None
    columns: Sequence[_Column]


def export_postgres(
    build: Build, to: str, schema: str = SCHEMA, progress: Callable[[str, int, int], None] = lambda name, done, of: None
) -> dict[str, Any]:
    """Copy the marts of a build into a schema.

    Args:
        build: the build.
        to: address of the database, ``postgresql://user@host/database``; libpq reads a password that it lacks from
            ``PGPASSWORD`` or the password file.
        schema: made where it is not there.
        progress: told each table, how many are done, and of how many.

    Returns:
        What was done: ``schema``, ``build_id``, ``tables``, ``rows``, and the names of the tables that were ``written``,
        ``unchanged`` and ``dropped``.

    Raises:
        UsageError: psycopg is not installed, the address is none, the database refuses us, or the schema is not ours.
        UndertowError: another export is writing this schema, or the database refused a statement; the schema is as it was.
    """
    psycopg = _psycopg()
    connection = _connect(psycopg, to)
    try:
        with connection, duckdb.connect(str(build.database), read_only=True) as source:
            source.execute("SET TimeZone = 'UTC'")
            summary = _Export(connection, source, build, schema).run(progress)
        _tidy(psycopg, to, schema, summary["written"])
        return summary
    except psycopg.errors.DependentObjectsStillExist as error:
        detail = " ".join((error.diag.message_detail or str(error)).split())
        raise UndertowError(
            f"nothing was exported: the columns of a table changed, and something depends on it ({detail}); drop that first"
        ) from None
    except psycopg.Error as error:
        raise UndertowError(f"nothing was exported, the schema is as it was: {_said(error, to, psycopg)}") from None


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError:
        raise UsageError("psycopg is not installed; install undertow[postgres]") from None
    return psycopg


def _connect(psycopg: Any, to: str) -> Any:
    try:
        psycopg.conninfo.conninfo_to_dict(to)
    except psycopg.ProgrammingError:  # its message may repeat the address with the password
        raise UsageError("the address cannot be read; write for example postgresql://user@host:5432/database") from None
    try:
        return psycopg.connect(to, connect_timeout=15, application_name="undertow")
    except psycopg.Error as error:
        raise UsageError(f"no connection: {_said(error, to, psycopg)}") from None


def _said(error: Exception, to: str, psycopg: Any) -> str:
    """Return what the database said as one sentence, without the password."""
    text = " ".join(str(error).split())
    password = psycopg.conninfo.conninfo_to_dict(to).get("password")
    return text.replace(password, "***") if password else text


class _Export:
    """One export, in the transaction of its connection."""

    def __init__(
        self, connection: psycopg.Connection[Any], source: duckdb.DuckDBPyConnection, build: Build, schema: str
    ) -> None:
        self.connection, self.source, self.build, self.schema = connection, source, build, schema

    def run(self, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
        self._take_lock()
        tables = list(_tables(self.source, self.build))
        before = self._state([table.name for table in tables])
        written, unchanged = [], []
        for place, table in enumerate(tables):
            progress(table.name, place, len(tables))
            has_same_columns = self._columns(table.name) == [(column.name, column.type) for column in table.columns]
            if has_same_columns and before.get(table.name) == table.content:
                unchanged.append(table.name)
            else:
                self._write(table, anew=not has_same_columns)
                written.append(table.name)
            self._comment(table)
        dropped = sorted(before.keys() - {table.name for table in tables})
        for name in dropped:
            self._execute("DROP TABLE IF EXISTS {}", self._named(name))
        self._remember(tables)
        progress("", len(tables), len(tables))
        return {
            "schema": self.schema,
            "build_id": self.build.build_id,
            "tables": len(tables),
            "rows": sum(table.rows for table in tables),
            "written": written,
            "unchanged": unchanged,
            "dropped": dropped,
        }

    def _execute(self, statement: str, *parts: Any, parameters: Sequence[Any] | None = None) -> Any:
        from psycopg import sql

        return self.connection.execute(sql.SQL(statement).format(*parts), parameters)  # ty: ignore[invalid-argument-type]

    def _named(self, table: str) -> Any:
        from psycopg import sql

        return sql.Identifier(self.schema, table)

    def _take_lock(self) -> None:
        taken = self._execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", parameters=[f"undertow {self.schema}"]
        ).fetchone()
        if not taken[0]:
            raise UndertowError(f"another export is writing the schema {self.schema!r}; try again when it has ended")

    def _state(self, wanted: Sequence[str]) -> dict[str, str]:
        """Return the content of each table as the schema says it, having made the schema where it is not there."""
        from psycopg import sql

        found = {
            row[0]
            for row in self._execute(
                "SELECT relname FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)",
                parameters=[self.schema],
            ).fetchall()
        }
        if _STATE in found:
            return dict(self._execute("SELECT table_name, content FROM {}", self._named(_STATE)).fetchall())
        if strange := sorted(found.intersection(wanted)):
            raise UsageError(
                f"the schema {self.schema!r} holds {strange[0]}, which Undertow did not write; "
                "name another schema with --schema"
            )
        self._execute("CREATE SCHEMA IF NOT EXISTS {}", sql.Identifier(self.schema))
        self._execute(
            "CREATE TABLE {} (table_name text PRIMARY KEY, build_id text NOT NULL, published_at timestamptz NOT NULL, "
            "mode text NOT NULL, rows bigint NOT NULL, content text NOT NULL)",
            self._named(_STATE),
        )
        self._execute(
            "COMMENT ON TABLE {} IS 'The build of Undertow that this schema holds: one row a table.'", self._named(_STATE)
        )
        return {}

    def _columns(self, table: str) -> list[tuple[str, str]]:
        """Return names and types of a table's columns in the schema; none where there is no such table."""
        return self._execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped "
            "AND attrelid = (SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s) ORDER BY attnum",
            parameters=[self.schema, table],
        ).fetchall()

    def _write(self, table: _Table, *, anew: bool) -> None:
        from psycopg import sql

        named = self._named(table.name)
        if anew:
            self._execute("DROP TABLE IF EXISTS {}", named)
            columns = [sql.SQL("{} " + column.type).format(sql.Identifier(column.name)) for column in table.columns]  # ty: ignore
            self._execute("CREATE TABLE {} ({})", named, sql.SQL(", ").join(columns))
        else:
            self._execute("DELETE FROM {}", named)
        with self.connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(named)) as copy:
            for piece in _csv(self.source, table):
                copy.write(piece)
        names = [column.name for column in table.columns]
        if anew and "known_at" in names:  # as-of questions: one id, up to an instant
            keys = [*[name for name in names if name.endswith("_id")][:1], "known_at"]
            self._execute("CREATE INDEX ON {} ({})", named, sql.SQL(", ").join(map(sql.Identifier, keys)))

    def _comment(self, table: _Table) -> None:
        from psycopg import sql

        named = self._named(table.name)
        self._execute("COMMENT ON TABLE {} IS {}", named, sql.Literal(table.comment))
        for column in table.columns:
            self._execute(
                "COMMENT ON COLUMN {} IS {}", sql.Identifier(self.schema, table.name, column.name), sql.Literal(column.comment)
            )

    def _remember(self, tables: Sequence[_Table]) -> None:
        self._execute("DELETE FROM {}", self._named(_STATE))
        manifest: Mapping[str, Any] = self.build.manifest
        for table in tables:
            self._execute(
                "INSERT INTO {} VALUES (%s, %s, %s, %s, %s, %s)",
                self._named(_STATE),
                parameters=[
                    table.name,
                    self.build.build_id,
                    manifest["published_at"],
                    manifest["mode"],
                    table.rows,
                    table.content,
                ],
            )


def _tables(source: duckdb.DuckDBPyConnection, build: Build) -> Iterator[_Table]:
    """Yield the marts of a build with what its file says of them."""
    comments = dict(
        source.execute("SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall(),
    )
    for name, table in sorted(build.manifest["tables"].items()):
        columns = source.execute(
            "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE schema_name = 'marts' AND table_name = ? "
            "ORDER BY column_index",
            [name],
        ).fetchall()
        yield _Table(name, table["rows"], table["content"], comments[name], [_Column(*column) for column in columns])


def _csv(source: duckdb.DuckDBPyConnection, table: _Table) -> Iterator[bytes]:
    """Yield the rows of a table as CSV in which a null is nothing and an empty text is two quotes."""
    selected = ", ".join(column.selected for column in table.columns)
    options = csv.WriteOptions(include_header=False)
    for batch in source.execute(f"SELECT {selected} FROM marts.{identifier(table.name)}").to_arrow_reader(_BATCH):
        sink = io.BytesIO()
        csv.write_csv(pa.Table.from_batches([batch]), sink, options)
        yield sink.getvalue()


def _tidy(psycopg: Any, to: str, schema: str, written: Sequence[str]) -> None:
    """Let the planner know the new rows and free the space of the old ones; where it fails, autovacuum does it later."""
    from psycopg import sql

    with suppress(psycopg.Error), psycopg.connect(to, autocommit=True, connect_timeout=15) as connection:
        for name in written:
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(schema, name)))
