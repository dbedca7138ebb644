"""Publishing: the warehouse's public tables become an immutable build that readers open, and `current` moves to it at once.

A build is a folder ``published/<build id>`` with ``undertow.duckdb`` (read-only, tables in schema ``marts``, table macros),
``marts/<table>/*.parquet`` (zstd), the pages (``PAGES``) and ``manifest.json``. It is written under a hidden name, renamed
when whole, and only then does the link ``current`` point at it. Parquet files of tables that did not change are hard links into
the build before. A reader keeps the files it has opened, whatever happens later. A build that is removed is renamed to a hidden
name first, so that a folder under a build's name is always whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import duckdb

from undertow import __version__, clock
from undertow.atomic import remove_leftovers, replace_link, write_text
from undertow.errors import NothingPublishedError, PublishError, UsageError
from undertow.instants import format_instant
from undertow.pages.calendar import calendar_page
from undertow.pages.claims import claims_page
from undertow.pages.credit import credit_page
from undertow.pages.crossborder import crossborder_page
from undertow.pages.dashboard import dashboard_page
from undertow.pages.known import known_page
from undertow.pages.quality import quality_page
from undertow.pages.radar import radar_page
from undertow.pages.signals import signals_page
from undertow.quoting import identifier, literal
from undertow.settings import Home

__all__ = [
    "INTERNAL",
    "KNOWN_PAGE",
    "PAGES",
    "SEEDS",
    "Build",
    "Elsewhere",
    "Internal",
    "current_build",
    "list_builds",
    "load_build",
    "prune",
    "publish",
    "rollback",
    "verify",
]

KNOWN_PAGE = "known.html"
PAGES: Mapping[str, Callable[..., str]] = {
    "index.html": dashboard_page,
    "signals.html": signals_page,
    KNOWN_PAGE: known_page,
    "calendar.html": calendar_page,
    "claims.html": claims_page,
    "quality.html": quality_page,
    "radar.html": radar_page,
    "crossborder.html": crossborder_page,
    "credit.html": credit_page,
}
_BUILDING, _REMOVING = ".building-", ".removing-"
STORAGE_VERSION = "v1.2.0"  # the oldest DuckDB that must open the published file


@dataclass(frozen=True)
class Internal:
    """A table that the macros and readers need and that is not part of the contract.

    ``source`` is a table of the warehouse and ``query`` reads it as ``{source}``. ``order`` says how its rows lie in the
    file; the table's comment repeats it, and ``undertow.asof`` then walks it in that order.
    """

    source: str
    query: str = "SELECT * FROM {source}"
    order: str = ""


INTERNAL = {
    # what training asks: one id after the other
    "observation_head": Internal(
        "intermediate.int_observation__head",
        "SELECT series_id, period_end, value, known_at, value_known_at, flags FROM {source}",
        "series_id, known_at",
    ),
    # what `as_known` asks: what was newest at one instant. Rows that were so at about the same time lie together.
    "observation_head_by_time": Internal(
        "intermediate.int_observation__head",
        "SELECT *, coalesce(lead(known_at) OVER (PARTITION BY series_id ORDER BY known_at), "
        "TIMESTAMPTZ '9999-12-31 00:00:00Z') AS superseded_at FROM {source}",
        "superseded_at",
    ),
    # since when a period of a month or longer has been known at all: which later periods a series would have
    "observation_first": Internal(
        "marts.fct_observation",
        "SELECT period_end, series_id, known_at FROM {source} WHERE vintage_number = 1 AND period_end - period_start > 7",
        "period_end, series_id",
    ),
    "signal": Internal("seeds.seed_signal"),
    "release": Internal("seeds.seed_release"),
    "flag": Internal("seeds.seed_flag"),
    "headline": Internal("seeds.seed_headline"),
    "ampleness_spoke": Internal("seeds.seed_ampleness_spoke"),
    "role": Internal("seeds.seed_role"),
}
SEEDS = tuple(table.source for table in INTERNAL.values() if table.source.startswith("seeds."))


@dataclass(frozen=True)
class Build:
    """One published build."""

    build_id: str
    path: Path
    manifest: Mapping[str, Any]

    @property
    def database(self) -> Path:
        """The read-only DuckDB file."""
        return self.path / "undertow.duckdb"

    def file(self, name: str) -> Path:
        """Return where a file of the build lies, by its name within it."""
        return self.path / name

    @property
    def page(self) -> Path:
        """The page "what was known"; builds that were published before there was one lack it."""
        return self.path / KNOWN_PAGE

    @property
    def contents(self) -> dict[str, str]:
        """The content digest of each table, by its name with its schema."""
        marts = {f"marts.{name}": table["content"] for name, table in self.manifest["tables"].items()}
        return marts | self.manifest.get("internal", {})


class Elsewhere(Protocol):
    """Where a build is published besides the home; its pointer moves before ``current`` does."""

    def find(self, fingerprint: str, home: Home) -> Build | None:
        """Return the build that is current there, brought into the home, if it is made of the same."""
        ...

    def send(self, build: Build) -> str:
        """Put a build there and make it current; return the id of the one that is, which may be another's of the same."""
        ...

    def bring(self, build_id: str, home: Home) -> Build:
        """Bring a build from there into the home."""
        ...


def load_build(path: Path) -> Build:
    """Return the build in a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    return Build(manifest["build_id"], path, manifest)


def list_builds(home: Home) -> list[Build]:
    """Return the whole builds of a home, oldest first."""
    if not home.published.is_dir():
        return []
    folders = [p for p in home.published.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith(".")]
    builds = []
    for folder in folders:
        with suppress(FileNotFoundError):  # a run is removing it at this moment
            builds.append(load_build(folder))
    return sorted(builds, key=lambda build: build.build_id)


def current_build(home: Home) -> Build:
    """Return the build that ``current`` points at.

    Raises:
        NothingPublishedError: nothing is published yet.
    """
    while True:
        path = home.current.resolve()
        try:
            return load_build(path)
        except FileNotFoundError:
            if home.current.resolve() == path:
                raise NothingPublishedError(f"nothing is published under {home.root} yet; run `undertow run` first") from None
            # A run published another build and removed this one between the two steps.


def publish(
    home: Home,
    database: Path,
    *,
    code_version: str,
    fingerprint: str,
    inputs: Sequence[Mapping[str, Any]],
    mode: str,
    now: datetime | None = None,
    elsewhere: Elsewhere | None = None,
) -> tuple[Build, bool]:
    """Publish the warehouse and return the build and whether it is new.

    Args:
        home: where to publish.
        database: the warehouse file; nothing else may hold it open.
        code_version: digest of the code that built it.
        fingerprint: digest of everything the warehouse was made of; the same as the current build's means no work.
        inputs: the payloads it was built from (source, dataset, sha256, fetched_at).
        mode: live, replay, sample or file.
        now: the instant of publication; the clock by default.
        elsewhere: an object store in which the build becomes current first.

    Returns:
        The build, and False where the current build already says the same, in which case nothing is written.

    Raises:
        PublishError: the warehouse lacks its marts, or the build cannot be written.
        StoreError: the object store does not take it, or another writer was faster; the previous build stays current.
    """
    now = now or clock.now()
    home.published.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    try:
        previous: Build | None = current_build(home)
    except NothingPublishedError:
        previous = None
    if elsewhere is not None and (found := elsewhere.find(fingerprint, home)) is not None:
        replace_link(home.current, Path(found.build_id))
        return found, False
    if previous is not None and previous.manifest["fingerprint"] == fingerprint:
        return (previous, False) if elsewhere is None else (_send(home, previous, elsewhere), False)
    if elsewhere is not None:
        # Whole, but not sent to its end: what a kill left, or a store that refused.
        unsent = [build for build in list_builds(home) if build.manifest["fingerprint"] == fingerprint]
        if unsent:
            return _send(home, unsent[-1], elsewhere), True
    staging = home.published / f"{_BUILDING}{os.getpid()}"
    try:
        staging.mkdir()
        copied = _copy_tables(database, staging / "undertow.duckdb", _comparable(previous, code_version))
        tables = {name.removeprefix("marts."): found for name, found in copied.items() if name.startswith("marts.")}
        content = hashlib.sha256(json.dumps({n: t["content"] for n, t in tables.items()}, sort_keys=True).encode()).hexdigest()
        build_id = f"{now:%Y%m%dT%H%M%S%fZ}-{content[:8]}"
        manifest = {
            "build_id": build_id,
            "published_at": format_instant(now),
            "undertow_version": __version__,
            "code_version": code_version,
            "fingerprint": fingerprint,
            "duckdb_version": duckdb.__version__,
            "storage_version": STORAGE_VERSION,
            "mode": f"rehearsal of {mode}" if clock.is_rehearsal() else mode,
            "content": content,
            "tables": tables,
            "internal": {name: found["content"] for name, found in copied.items() if name.startswith("internal.")},
            "inputs": list(inputs),
            "origins": sorted({str(item["origin"]) for item in inputs}),
        }
        _finish_database(staging / "undertow.duckdb", manifest)
        _write_parquet(staging, tables, previous)
        _write_pages(staging, manifest)
        write_text(staging / "manifest.json", json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(staging / "spill", ignore_errors=True)
        _make_read_only(staging)
        target = home.published / build_id
        staging.rename(target)
        if elsewhere is None:
            replace_link(home.current, Path(build_id))
    except (duckdb.Error, OSError) as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise PublishError(f"the build could not be published, the previous one is untouched: {error}") from error
    build = load_build(target)
    return (build if elsewhere is None else _send(home, build, elsewhere)), True


def _send(home: Home, build: Build, elsewhere: Elsewhere) -> Build:
    """Publish a whole build of the home elsewhere, then point ``current`` at what is current there."""
    build_id = elsewhere.send(build)
    if build_id != build.build_id:
        build = elsewhere.bring(build_id, home)
    replace_link(home.current, Path(build_id))
    return build


def _comparable(previous: Build | None, code_version: str) -> Build | None:
    """Return the build before where its tables may stand in the next one: the same code, the same engine."""
    if previous is None:
        return None
    made = (previous.manifest["code_version"], previous.manifest["duckdb_version"], previous.manifest["storage_version"])
    return previous if made == (code_version, duckdb.__version__, STORAGE_VERSION) else None


def _sweep(home: Home) -> None:
    """Remove what is left of builds and links that were not finished, or were being removed."""
    for kind in (_BUILDING, _REMOVING):
        for leftover in home.published.glob(f"{kind}*"):
            shutil.rmtree(leftover, ignore_errors=True)
    remove_leftovers(home.published)


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(path), config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@dataclass(frozen=True)
class _Table:
    """A table of the published file and the query that fills it."""

    name: str  # with its schema
    source: str  # the whole warehouse table it is made of, as a query; its digest stands for this table's
    query: str
    order: str = ""


def _wanted(connection: duckdb.DuckDBPyConnection) -> list[_Table]:
    """Return the marts of the warehouse and what the macros need."""
    marts = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'src' AND schema_name = 'marts' ORDER BY 1"
    ).fetchall()
    if not marts:
        raise PublishError("the warehouse has no marts to publish; run `undertow run` first")
    wholes = {name: _select(connection, "marts", name) for (name,) in marts}
    tables = [_Table(f"marts.{name}", whole, whole, _order(connection, name)) for name, whole in wholes.items()]
    for name, internal in INTERNAL.items():
        whole = _select(connection, *internal.source.split("."))
        tables.append(_Table(f"internal.{name}", whole, internal.query.format(source=f"({whole})"), internal.order))
    return tables


def _order(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Return what a mart is ordered by, so that the same rows are the same bytes: all columns that tell rows apart.

    The largest one comes out of its model in order already (series, period, instant).
    """
    if table == "fct_observation":
        return ""
    columns = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = 'src' AND schema_name = 'marts' AND table_name = ? "
        "AND data_type IN ('VARCHAR', 'DATE', 'TIMESTAMP', 'INTEGER', 'BIGINT', 'BOOLEAN') ORDER BY column_index",
        [table],
    ).fetchall()
    return ", ".join(name for (name,) in columns)


def _copy_tables(database: Path, target: Path, previous: Build | None) -> dict[str, dict[str, Any]]:
    """Write the marts and what the macros need into a new file; return rows and a content digest of each table.

    Where most of it is as in the build before (made by the same code), its file is copied, which costs as much as reading
    it, and only the tables that changed are written; else all are, so that the file holds no dead blocks.
    """
    connection = duckdb.connect(":memory:", config={"temp_directory": str(target.parent / "spill")})
    try:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.execute(f"ATTACH {literal(database)} AS src (READ_ONLY)")
        wanted = _wanted(connection)
        digests = {source: _digest(connection, source) for source in {table.source for table in wanted}}
        before = previous.contents if previous is not None else {}
        tables: dict[str, dict[str, Any]] = {
            table.name: {
                "rows": digests[table.source][0],
                "content": digests[table.source][1],
                "unchanged": before.get(table.name) == digests[table.source][1],
            }
            for table in wanted
        }
        rows = sum(found["rows"] for found in tables.values())
        rows_kept = sum(found["rows"] for found in tables.values() if found["unchanged"])
        if previous is not None and 2 * rows_kept >= rows:
            shutil.copyfile(previous.database, target)
            connection.execute(f"ATTACH {literal(target)} AS out")
            for schema, name in connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'out'"
            ).fetchall():
                if not tables.get(f"{schema}.{name}", {"unchanged": False})["unchanged"]:
                    connection.execute(f"DROP TABLE out.{identifier(schema)}.{identifier(name)}")
            connection.execute("CHECKPOINT out")  # their blocks can be used again
            wanted = [table for table in wanted if not tables[table.name]["unchanged"]]
        else:
            connection.execute(f"ATTACH {literal(target)} AS out (STORAGE_VERSION '{STORAGE_VERSION}')")
            connection.execute("CREATE SCHEMA out.marts; CREATE SCHEMA out.internal")
        for table in wanted:
            order = f" ORDER BY {table.order}" if table.order else ""
            connection.execute(f"CREATE TABLE out.{table.name} AS {table.query}{order}")
            if table.order:
                connection.execute(f"COMMENT ON TABLE out.{table.name} IS {literal(f'ordered by {table.order}')}")
            if table.name.startswith("marts."):
                _copy_comments(connection, table.name.removeprefix("marts."))
        connection.execute("CHECKPOINT out")
        return tables
    finally:
        connection.close()


def _digest(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, str]:
    """Return rows and content digest of what a query gives, whatever the order of its rows."""
    rows, digest = connection.execute(
        "SELECT count(*), coalesce(bit_xor(hash(t)), 0)::VARCHAR || ':' "
        f"|| coalesce(sum(hash(t) % 4294967291), 0)::VARCHAR FROM ({query}) AS t"
    ).fetchall()[0]
    return rows, digest


def _select(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    """Return the query that reads a warehouse table as it is published."""
    return f"SELECT {_columns(connection, schema, table)} FROM src.{identifier(schema)}.{identifier(table)}"


def _columns(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    """Return the select list of a warehouse table; UTC timestamps become TIMESTAMPTZ."""
    columns = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = 'src' AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [schema, table],
    ).fetchall()
    return ", ".join(
        f"make_timestamptz(epoch_us({identifier(name)})) AS {identifier(name)}" if kind == "TIMESTAMP" else identifier(name)
        for name, kind in columns
    )


def _copy_comments(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Carry dbt's descriptions of tables and columns over, so that BI tools show them."""
    comments = connection.execute(
        "SELECT column_name, comment FROM duckdb_columns() "
        "WHERE database_name = 'src' AND schema_name = 'marts' AND table_name = ? AND comment IS NOT NULL",
        [table],
    ).fetchall()
    connection.execute("BEGIN")  # one transaction: each by itself would be forced to disk
    for column, comment in comments:
        connection.execute(f"COMMENT ON COLUMN out.marts.{identifier(table)}.{identifier(column)} IS {literal(comment)}")
    said = connection.execute(
        "SELECT comment FROM duckdb_tables() WHERE database_name = 'src' AND schema_name = 'marts' AND table_name = ?", [table]
    ).fetchall()
    if said and said[0][0]:
        connection.execute(f"COMMENT ON TABLE out.marts.{identifier(table)} IS {literal(said[0][0].strip())}")
    connection.execute("COMMIT")


def _finish_database(path: Path, manifest: Mapping[str, Any]) -> None:
    """Add the build's own row and the macros, with the file as the main database."""
    connection = _connect(path)
    try:
        connection.execute(
            "CREATE OR REPLACE TABLE internal.build "
            "(build_id VARCHAR, published_at TIMESTAMPTZ, code_version VARCHAR, mode VARCHAR)"
        )
        connection.execute(
            "INSERT INTO internal.build VALUES (?, ?, ?, ?)",
            [manifest["build_id"], manifest["published_at"], manifest["code_version"], manifest["mode"]],
        )
        connection.execute(resources.files("undertow").joinpath("sql/macros.sql").read_text(encoding="utf-8"))
        connection.execute("CHECKPOINT")
    finally:
        connection.close()


def _write_parquet(staging: Path, tables: Mapping[str, Mapping[str, Any]], previous: Build | None) -> None:
    """Write each public table as one zstd Parquet file, or link the file of the build before where it did not change."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(staging / 'undertow.duckdb')} AS build (READ_ONLY)")
        for name, table in tables.items():
            folder = staging / "marts" / name
            folder.mkdir(parents=True)
            path = folder / f"{name}.parquet"
            before = previous.path / "marts" / name / f"{name}.parquet" if previous else None
            if table["unchanged"] and before is not None and before.is_file():
                os.link(before, path)
            else:
                connection.execute(f"COPY build.marts.{identifier(name)} TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)")
    finally:
        connection.close()


def _write_pages(staging: Path, manifest: Mapping[str, Any]) -> None:
    """Write the pages beside the tables that they show, so that the two never differ."""
    connection = duckdb.connect(str(staging / "undertow.duckdb"), read_only=True)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for name, page in PAGES.items():
            write_text(staging / name, page(connection, manifest))
    finally:
        connection.close()


def _make_read_only(folder: Path) -> None:
    """Take write permission from the files, and force them and the folders that name them to disk."""
    for path in (*sorted(folder.rglob("*")), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path.is_file():
            path.chmod(0o444)


def rollback(home: Home, build_id: str) -> Build:
    """Point ``current`` at an earlier build.

    Raises:
        UsageError: there is no such build.
    """
    builds = {build.build_id: build for build in list_builds(home)}
    if build_id not in builds:
        raise UsageError(f"there is no build {build_id}; `undertow publish --list` shows {len(builds)} builds")
    replace_link(home.current, Path(build_id))
    return builds[build_id]


def prune(home: Home, keep: int) -> list[str]:
    """Remove the oldest builds beyond ``keep``; the current one always stays. Return the ids removed."""
    current = current_build(home).build_id
    doomed = [build for build in list_builds(home)[:-keep] if build.build_id != current]
    for build in doomed:
        build.path.rename(home.published / f"{_REMOVING}{build.build_id}")
    _sweep(home)
    return [build.build_id for build in doomed]


def verify(build: Build) -> list[str]:
    """Return what is wrong with a build: files missing, row counts that differ, macros that do not answer."""
    problems = []
    try:
        connection = duckdb.connect(str(build.database), read_only=True)
    except duckdb.Error as error:
        return [f"the database does not open: {error}"]
    try:
        for name, table in build.manifest["tables"].items():
            in_file = connection.execute(f"SELECT count(*) FROM marts.{identifier(name)}").fetchall()[0][0]
            parquet = build.file(f"marts/{name}/{name}.parquet")
            in_parquet = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(parquet)]).fetchall()[0][0]
            if not in_file == in_parquet == table["rows"]:
                problems.append(f"{name}: manifest {table['rows']} rows, database {in_file}, Parquet {in_parquet}")
        for macro in ("as_known", "vintages_as_known", "signals_as_known", "calendar_as_known"):
            connection.execute(f"SELECT count(*) FROM {macro}('2000-01-01')").fetchall()
        stored = connection.execute("SELECT build_id FROM internal.build").fetchall()[0][0]
        if stored != build.build_id:
            problems.append(f"the database belongs to build {stored}")
    except duckdb.Error as error:
        problems.append(str(error))
    finally:
        connection.close()
    return problems
