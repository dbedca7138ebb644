"""Small published builds made by hand, with manifests that a reader can hold their tables against."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from undertow.publish import Build, load_build

__all__ = ["DIGEST", "make_build"]

DIGEST = (
    "SELECT count(*), coalesce(bit_xor(hash(t)), 0)::VARCHAR || ':' || coalesce(sum(hash(t) % 4294967291), 0)::VARCHAR FROM"
)
TABLES = ("dim_series", "fct_observation", "mart_fx")


def make_build(published: Path, number: int, *, fingerprint: str | None = None, rows: int = 500) -> Build:
    """Write a build of three tables in which every row holds a number, and return it; nothing points at it.

    Builds with other numbers have other ids, in the order of the numbers.
    """
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    build_id = f"{at:%Y%m%dT%H%M%S%fZ}-{number:08x}"
    folder = published / build_id
    folder.mkdir(parents=True)
    tables = {}
    with duckdb.connect(str(folder / "undertow.duckdb")) as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts; CREATE SCHEMA internal")
        connection.execute(f"CREATE TABLE internal.build AS SELECT '{build_id}' AS build_id")
        for name in TABLES:
            (folder / "marts" / name).mkdir(parents=True)
            query = f"SELECT {number} AS number, 's' || i AS series_id, i * 0.5 AS value FROM range({rows}) AS r (i)"
            connection.execute(f"CREATE TABLE marts.{name} AS {query}")
            connection.execute(f"COPY marts.{name} TO '{folder}/marts/{name}/{name}.parquet' (FORMAT parquet)")
            count, content = connection.execute(f"{DIGEST} marts.{name} AS t").fetchall()[0]
            tables[name] = {"rows": count, "content": content, "unchanged": False}
    manifest = {
        "build_id": build_id, "published_at": at.isoformat(), "fingerprint": fingerprint or f"made {number}", "tables": tables,
        "code_version": "1", "duckdb_version": duckdb.__version__, "storage_version": "v1.2.0", "mode": "file", "inputs": [],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return load_build(folder)
