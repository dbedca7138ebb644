"""What an increment has to compute: the series, and their releases, that newly landed files touch.

The warehouse is a function of the landed files, the code and the cut-off. Where only files were added since the last whole
build, every row of a series that none of them touches is as it was, so the models that grow compute the touched series
alone, from all their rows. Nothing is inferred from times: a file that landed late, or says something of long ago, is an
increment like any other. Where files went away (a refusal, a compaction), where the new ones are a large part of all, or
where a table is new that nothing here follows, there is no increment and the warehouse is built anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from undertow.atomic import write_bytes
from undertow.history import parquet_bytes
from undertow.quoting import literal

__all__ = ["Increment", "find_increment", "landed"]

_FOLLOWED = ("observation", "series", "release_event")  # the tables whose new rows are followed to the series they touch
LARGEST_SHARE = 0.25  # of all landed observations; computing more series than that costs as much as a whole build


@dataclass(frozen=True)
class Increment:
    """Ids of the series to compute again, and of the releases that they belong to or belonged to."""

    series: Sequence[str] = ()
    releases: Sequence[str] = ()

    def save(self, database: Path) -> None:
        """Write the ids beside the warehouse file, where the macros of ``dbt_project/macros/increment.sql`` read them."""
        kinds = ["series_id"] * len(self.series) + ["release_id"] * len(self.releases)
        ids = pa.table({"kind": pa.array(kinds, pa.string()), "id": pa.array([*self.series, *self.releases], pa.string())})
        write_bytes(database.with_name(database.name + ".changed.parquet"), parquet_bytes(ids))


def landed(landing: Path) -> dict[str, int]:
    """Return the sizes of the landed files in bytes, by their names relative to the landing folder."""
    return {path.relative_to(landing).as_posix(): path.stat().st_size for path in sorted(landing.rglob("*.parquet"))}


def find_increment(landing: Path, before: Mapping[str, int], database: Path) -> Increment | None:
    """Return what the files landed since a whole build touch, or None where the warehouse must be built anew.

    Args:
        landing: the landing folder.
        before: the landed files that the warehouse was built from, as ``landed`` gives them.
        database: the warehouse file.
    """
    now = landed(landing)
    if not before.items() <= now.items():
        return None
    fresh = now.keys() - before.keys()
    if any(Path(name).parent.name not in {*_FOLLOWED, "quarantine"} for name in fresh):
        return None
    tables = {table: _paths(landing, fresh, table) for table in _FOLLOWED}
    old = _paths(landing, before.keys(), "observation")
    new_rows, old_rows = _count(tables["observation"]), _count(old)
    if new_rows > LARGEST_SHARE * old_rows:
        return None
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(database)} AS warehouse (READ_ONLY)")
        connection.execute("CREATE TABLE landed_series AS SELECT series_id, release_id FROM warehouse.intermediate.int_series")
        connection.execute("CREATE TABLE touched (series_id VARCHAR)")
        connection.execute("CREATE TABLE event (release_id VARCHAR)")
        if tables["series"]:
            insert = "INSERT INTO landed_series SELECT series_id, release_id FROM read_parquet(?)"
            connection.execute(insert, [tables["series"]])
        for table in ("observation", "series"):
            if tables[table]:
                connection.execute("INSERT INTO touched SELECT DISTINCT series_id FROM read_parquet(?)", [tables[table]])
        if tables["release_event"]:
            connection.execute("INSERT INTO event SELECT DISTINCT release_id FROM read_parquet(?)", [tables["release_event"]])
            # a family of releases has the events of its members
            families = "SELECT family FROM warehouse.seeds.seed_release_family SEMI JOIN event USING (release_id)"
            connection.execute(f"INSERT INTO event {families}")
        # an event can date any value of its release
        connection.execute("INSERT INTO touched SELECT series_id FROM landed_series SEMI JOIN event USING (release_id)")
        series = connection.execute("SELECT DISTINCT series_id FROM touched ORDER BY 1").fetchall()
        releases = connection.execute(
            "SELECT DISTINCT release_id FROM landed_series SEMI JOIN touched USING (series_id) "
            "WHERE release_id IS NOT NULL UNION SELECT release_id FROM event ORDER BY 1"
        ).fetchall()
    finally:
        connection.close()
    return Increment([row[0] for row in series], [row[0] for row in releases])


def _paths(landing: Path, names: Collection[str], table: str) -> list[str]:
    """Return the paths of the files of one table."""
    return sorted(str(landing / name) for name in names if Path(name).parent.name == table)


def _count(paths: Sequence[str]) -> int:
    """Return the number of rows in Parquet files, from their footers."""
    return sum(pq.read_metadata(path).num_rows for path in paths)
