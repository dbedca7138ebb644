"""History on disk: migrating landed files to a newer schema, compacting many small files, and keeping house.

None of these loses a vintage. Compaction leaves out only a row that repeats the state before it, which the models would
leave out too; the newest period of each payload always stays, because it dates the payload's vintage. A merged file is in
place before the files it replaces go, and rows that stand in both for a moment are one row to the models, so a kill at any
moment is harmless. The archive is never touched.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from undertow.atomic import write_bytes, write_text
from undertow.errors import UndertowError
from undertow.quoting import literal
from undertow.schemas import SCHEMA_VERSION, TABLES
from undertow.settings import Home

__all__ = [
    "MIGRATIONS",
    "Compaction",
    "Removal",
    "changed_by_rereading",
    "compact",
    "keep_house",
    "migrate",
    "parquet_bytes",
]

Migration = Callable[[str, pa.Table], pa.Table]


def _add_parsed_at(table_name: str, table: pa.Table) -> pa.Table:
    """Version 1 to 2: every row says from when on its reading counts; the first reading counts from the fetch."""
    del table_name
    if "parsed_at" in table.column_names:
        return table
    return table.append_column("parsed_at", table["fetched_at"])


def _add_redistribution(table_name: str, table: pa.Table) -> pa.Table:
    """Version 2 to 3: a series may say that its values are withheld from published builds; until now none did."""
    if table_name != "series" or "redistribution" in table.column_names:
        return table
    return table.append_column("redistribution", pa.nulls(table.num_rows, pa.string()))


def _add_positions(table_name: str, table: pa.Table) -> pa.Table:
    """Version 3 to 4: a filing says what its data set shows of positions; a reading before that did not look."""
    if table_name != "filing" or "positions" in table.column_names:
        return table
    return table.append_column("positions", pa.nulls(table.num_rows, pa.string()))


# From version n to n + 1. A migration sees one file of one table and returns it in the next version's columns.
MIGRATIONS: dict[int, Migration] = {1: _add_parsed_at, 2: _add_redistribution, 3: _add_positions}


def migrate(landing: Path) -> int:
    """Rewrite landed files of an older schema version in place, file by file, and return how many were rewritten.

    Args:
        landing: the landing folder; its ``schema_version`` file says what the files are.
    """
    mark = landing / "schema_version"
    if not landing.is_dir():
        return 0
    rooms = [folder for folder in landing.iterdir() if folder.is_dir()]
    version = int(mark.read_text(encoding="utf-8")) if mark.is_file() else (1 if rooms else SCHEMA_VERSION)
    rewritten = 0
    if version < SCHEMA_VERSION:
        for path in sorted(landing.rglob("*.parquet")):
            name = path.parent.name
            if name not in TABLES or pq.read_schema(path).names == TABLES[name].names:
                continue
            table = pq.read_table(path)
            for step in range(version, SCHEMA_VERSION):
                table = MIGRATIONS[step](name, table)
            write_bytes(path, parquet_bytes(table.select(TABLES[name].names).cast(TABLES[name])))
            rewritten += 1
    write_text(mark, f"{SCHEMA_VERSION}\n")
    return rewritten


def parquet_bytes(table: pa.Table) -> bytes:
    """Return ``table`` as the bytes of a zstd Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=3)
    return sink.getvalue().to_pybytes()


# What the readings before this one say of each period: the newest state of any payload up to this one's fetch.
_REREAD = """
    WITH before AS (
        SELECT
            series_id,
            period_start,
            period_end,
            arg_max(
                struct_pack(
                    value := value, obs_status := obs_status, flags := flags, footnotes := footnotes, sha := payload_sha256
                ),
                (fetched_at, payload_sha256, parser_version)
            ) AS state
        FROM read_parquet($1)
        WHERE fetched_at <= $2 AND parser_version < $3
        GROUP BY series_id, period_start, period_end
    )

    SELECT
        coalesce(fresh.series_id, before.series_id) AS series_id,
        coalesce(fresh.period_start, before.period_start) AS period_start,
        coalesce(fresh.period_end, before.period_end) AS period_end,
        fresh.value AS value,
        CAST($4 AS TIMESTAMPTZ) AS known_at,
        'first_seen' AS known_at_basis,
        coalesce(fresh.obs_status, 'O') AS obs_status,
        list_sort(list_distinct(list_append(coalesce(fresh.flags, []), 'KNOWN_LATE'))) AS flags,
        list_append(coalesce(fresh.footnotes, []), $5) AS footnotes
    FROM fresh
    FULL JOIN before
        ON fresh.series_id = before.series_id
        AND fresh.period_start = before.period_start
        AND fresh.period_end = before.period_end
    WHERE
        (fresh.series_id IS NULL AND before.state.sha = $6 AND before.state.value IS NOT NULL)
        OR (
            fresh.series_id IS NOT NULL
            AND (fresh.value, fresh.obs_status, fresh.flags, fresh.footnotes) IS DISTINCT FROM
                (before.state.value, before.state.obs_status, before.state.flags, before.state.footnotes)
        )
"""


def changed_by_rereading(
    fresh: pa.Table, files: list[Path], *, sha256: str, fetched_at: datetime, version: int, now: datetime
) -> pa.Table:
    """Return what a newer parser reads differently from an archived payload, as rows that say so.

    A value that the old parser read and the new one does not becomes a null. The rows are known from ``now`` on
    (basis first_seen, flag KNOWN_LATE: the value was public earlier), so no earlier answer changes.

    Args:
        fresh: the observations as the new parser reads them, without provenance.
        files: the landed observation files of the source.
        sha256: the payload.
        fetched_at: its fetch.
        version: the new parser's version.
        now: the instant of the re-reading.
    """
    note = f"read again by parser {version}"
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("fresh", fresh)
        parameters = [[str(path) for path in files], fetched_at, version, now, note, sha256]
        return connection.execute(_REREAD, parameters).to_arrow_table()
    finally:
        connection.close()


@dataclass(frozen=True)
class Compaction:
    """What compaction did to one landed table, or would do."""

    source: str
    table: str
    files_before: int
    rows_before: int
    rows_after: int
    bytes_before: int
    bytes_after: int


# Rows of an observation in the order in which the models read them, and whether one repeats the state before it.
_OBSERVATION = """
    SELECT * EXCLUDE (repeats, is_newest) FROM (
        SELECT
            *,
            coalesce(
                lag(state) OVER history = state,
                false
            ) AS repeats,
            period_end = max(period_end) OVER (PARTITION BY series_id, payload_sha256, parser_version) AS is_newest
        FROM (
            SELECT
                *,
                hash(
                    value, obs_status, flags, footnotes, known_at_basis, parser_version,
                    CASE WHEN known_at_basis = 'first_seen' THEN NULL ELSE known_at END
                ) AS state,
                CASE WHEN known_at_basis = 'first_seen' THEN fetched_at ELSE least(known_at, fetched_at) END AS read_at
            FROM {rows}
        )
        WINDOW history AS (
            PARTITION BY series_id, period_start, period_end
            ORDER BY read_at, fetched_at, payload_sha256, parser_version
        )
    )
    WHERE NOT repeats OR is_newest
"""
_SERIES = """
    SELECT * FROM {rows}
    QUALIFY row_number() OVER (PARTITION BY {said} ORDER BY fetched_at DESC, payload_sha256 DESC) = 1
"""
_RELEASE_EVENT = """
    SELECT * FROM {rows}
    QUALIFY row_number() OVER (
        PARTITION BY release_id, component, reference_period, event, event_at, announced_at, announced_basis, flags,
            merged_into, reason, source
        ORDER BY fetched_at, payload_sha256
    ) = 1
"""


def compact(
    home: Home, *, at_least: int = 8, dry_run: bool = False, listener: Callable[[str], None] | None = None
) -> Iterator[Compaction]:
    """Merge the landed files of each table that has many into one, and yield what was done.

    Generated samples stay files of their own, because they go when a provider's own answer comes.

    Args:
        home: the home; its lock must be held.
        at_least: tables with fewer files are left alone.
        dry_run: work out what would come of it, and write nothing.
        listener: told the name of each table before it is merged.

    Raises:
        UndertowError: a table cannot be read; it and those after it are as they were.
    """
    mergeable = set(TABLES) - {"holding"}  # holdings come in few, large files, which are not to be held in memory together
    for folder in sorted(path for path in home.landing.glob("*/*") if path.is_dir() and path.name in mergeable):
        files = sorted(path for path in folder.glob("*.parquet") if path.name != "empty.parquet")
        if len(files) >= at_least:
            files = _genuine(files)
        if len(files) < at_least:
            continue
        if listener:
            listener(f"{folder.parent.name}/{folder.name}, {len(files)} files")
        yield _compact_one(folder, files, dry_run=dry_run)


def _genuine(files: list[Path]) -> list[Path]:
    """Return the files that hold no generated sample; one that cannot be read is left for the merge to name."""
    connection = duckdb.connect(":memory:")
    try:
        found = connection.execute(
            "SELECT DISTINCT filename FROM read_parquet($files, filename = true) WHERE origin = 'synthetic'",
            {"files": [str(path) for path in files]},
        ).fetchall()
    except duckdb.Error:
        return files
    finally:
        connection.close()
    generated = {name for (name,) in found}
    return [path for path in files if str(path) not in generated]


def _compact_one(folder: Path, files: list[Path], *, dry_run: bool) -> Compaction:
    name = folder.name
    listed = ", ".join(literal(path) for path in files)
    rows = f"read_parquet([{listed}])"
    columns = ", ".join(TABLES[name].names)
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
        before = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0]
        order = "series_id, period_end, fetched_at" if name == "observation" else "ALL"
        table = connection.execute(f"SELECT {columns} FROM ({_query(name, rows)}) ORDER BY {order}").to_arrow_table()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise UndertowError(f"{folder.parent.name}/{name} cannot be merged, and is as it was: {reason}") from error
    finally:
        connection.close()
    digest = hashlib.sha256("\n".join(path.name for path in files).encode()).hexdigest()[:16]
    target = folder / f"compacted-{digest}.parquet"
    merged = parquet_bytes(table.cast(TABLES[name]))
    bytes_before = sum(path.stat().st_size for path in files)
    if not dry_run:
        write_bytes(target, merged)
        for path in files:
            if path != target:
                path.unlink()
    return Compaction(folder.parent.name, name, len(files), before, table.num_rows, bytes_before, len(merged))


def _query(name: str, rows: str) -> str:
    """Return the rows of a table that say something the others do not."""
    if name == "observation":
        return _OBSERVATION.format(rows=rows)
    if name == "series":
        said = [field for field in TABLES[name].names if field not in {"fetched_at", "payload_sha256", "parsed_at"}]
        return _SERIES.format(rows=rows, said=", ".join(said))
    if name == "release_event":
        return _RELEASE_EVENT.format(rows=rows)
    return f"SELECT * FROM {rows}"


@dataclass(frozen=True)
class Removal:
    """Something that keeping house removed, or would remove: a ``run report`` or a ``cut-off build``."""

    kind: str
    path: Path
    bytes: int


def keep_house(home: Home, *, reports: int, before: datetime, dry_run: bool = False) -> list[Removal]:
    """Remove old run reports and cut-off builds; archive, landing and published builds stay. Return what was removed.

    Args:
        home: the home; its lock must be held.
        reports: newest run reports to keep.
        before: cut-off builds last written before this instant go (they can be built again at any time).
        dry_run: only say what would go.
    """
    old = sorted((home.quality / "runs").glob("*.json"))[:-reports] if reports else []
    doomed = [Removal("run report", path, path.stat().st_size) for path in old]
    cut_offs = home.root / "known_by"
    for folder in sorted(cut_offs.iterdir()) if cut_offs.is_dir() else ():
        if folder.is_dir() and not folder.is_symlink() and _last_written(folder) < before.timestamp():
            size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
            doomed.append(Removal("cut-off build", folder, size))
    for removal in () if dry_run else doomed:
        if removal.path.is_dir():
            shutil.rmtree(removal.path)
        else:
            removal.path.unlink()
    return doomed


def _last_written(folder: Path) -> float:
    """Return when a home was last written: a new build shows in the folders within it, not in its own time."""
    return max(path.lstat().st_mtime for path in (folder, *folder.glob("*"), *folder.glob("*/*")))
