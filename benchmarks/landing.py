"""Landing: a provider's file becomes typed Parquet. Undertow reads the SQLite file that the package ``cpi`` ships.

DuckDB cannot read SQLite without an extension, so it gets the same rows as CSV, which is the easier file. It copies them; it
does not work out periods, instants, titles or where a row came from, does not validate, and keeps no fingerprint.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

Measured = Callable[[], "pa.Table | list[Path]"]

_RAW = {"series": "VARCHAR", "year": "INTEGER", "period": "VARCHAR", "value": "DOUBLE"}


def undertow(payload: str) -> Measured:
    """Parse and land, from the archived bytes to the Parquet files on disk."""
    from undertow.archive import Archive
    from undertow.landing import land, landed_files
    from undertow.room import load_room

    folder = Path(tempfile.mkdtemp())
    archive = Archive(folder / "archive")
    archive.store(
        Path(payload).read_bytes(), source="bls", dataset="cpi_package", url="packaged",
        fetched_at=datetime(2026, 9, 24, 15, 29, 8, tzinfo=UTC), origin="packaged",
    )  # fmt: skip
    room = load_room("bls")

    def measured() -> list[Path]:
        problems = [outcome.error for outcome in land(room, archive, folder / "landing") if outcome.error]
        if problems:
            raise RuntimeError(problems[0])
        return [path for path in landed_files(folder / "landing", "bls", "observation") if path.name != "empty.parquet"]

    return measured


def undertow_parse(payload: str) -> Measured:
    """Parse alone: from bytes in memory to an Arrow table in memory."""
    from undertow.archive import Sighting
    from undertow.room import load_room

    room = load_room("bls")
    content, catalogue = Path(payload).read_bytes(), room.catalogue()
    sighting = Sighting(
        "bls", "cpi_package", "packaged", datetime(2026, 9, 24, 15, 29, 8, tzinfo=UTC), "0" * 64, len(content), "packaged"
    )

    def measured() -> pa.Table:
        table = room.parse(content, sighting, catalogue).observation
        assert table is not None
        return table.select(["value"])

    return measured


def duckdb_copy(csv: str) -> Measured:
    """DuckDB: COPY of the four columns that the provider's file has."""
    import duckdb

    target = Path(tempfile.mkdtemp()) / "copied.parquet"
    connection = duckdb.connect()
    query = f"COPY (SELECT * FROM read_csv($csv, columns = {_RAW})) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"

    def measured() -> list[Path]:
        connection.execute(query, {"csv": csv})
        return [target]

    return measured


def duckdb_copy_landed(csv: str) -> Measured:
    """DuckDB: COPY of the rows as Undertow lands them, all fourteen columns, from CSV."""
    import duckdb

    target = Path(tempfile.mkdtemp()) / "copied.parquet"
    connection = duckdb.connect()

    def measured() -> list[Path]:
        connection.execute(
            f"COPY (SELECT * FROM read_csv($csv, header = true)) TO '{target}' (FORMAT parquet, COMPRESSION zstd)", {"csv": csv}
        )
        return [target]

    return measured
