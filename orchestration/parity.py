"""Two warehouses, or published builds, held against each other row for row: what one engine computed and what another did.

``python -m orchestration.parity first.duckdb second.duckdb`` compares every table of the schema ``marts``: numbers of floating
point to one part in a billion of the larger one, everything else (flags, instants, texts, what is null) exactly, and as often
as it occurs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from undertow.quoting import literal

__all__ = ["TOLERANCE", "Difference", "compare", "main"]

TOLERANCE = 1e-9  # relative


@dataclass(frozen=True)
class Difference:
    """One way in which a table differs: how many rows, and the first few of them as text."""

    table: str
    what: str
    rows: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = "".join(f"\n    {example}" for example in self.examples)
        return f"{self.table}: {self.what}: {self.rows} rows{shown}"


def compare(
    first: Path, second: Path, schema: str = "marts", tables: Sequence[str] | None = None
) -> tuple[list[str], list[Difference]]:
    """Return the tables that were compared, and every difference; equal tables give none.

    Args:
        first: a DuckDB file.
        second: another.
        schema: whose tables.
        tables: these only; by default all that either file has.
    """
    found: list[Difference] = []
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        for name, path in (("a", first), ("b", second)):
            connection.execute(f"ATTACH {literal(path)} AS {name} (READ_ONLY)")
        columns = {side: _columns(connection, side, schema) for side in ("a", "b")}
        names = sorted(tables if tables is not None else set(columns["a"]) | set(columns["b"]))
        for name in names:
            left, right = columns["a"].get(name), columns["b"].get(name)
            if left is None or right is None:
                found.append(Difference(name, f"only in the {'second' if left is None else 'first'}", 0))
            elif left != right:
                found.append(Difference(name, f"columns differ: {set(left.items()) ^ set(right.items())}", 0))
            else:
                found += _rows(connection, schema, name, left)
    return names, found


def _columns(connection: duckdb.DuckDBPyConnection, side: str, schema: str) -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? "
        "ORDER BY table_name, column_index",
        [side, schema],
    ).fetchall():
        tables.setdefault(table, {})[column] = kind
    return tables


def _rows(connection: duckdb.DuckDBPyConnection, schema: str, table: str, columns: dict[str, str]) -> list[Difference]:
    exact = [name for name, kind in columns.items() if kind not in {"DOUBLE", "FLOAT"}]
    inexact = [name for name in columns if name not in exact]
    listed = ", ".join(f'"{name}"' for name in exact)
    found = []
    for what, one, other in (("only the first has", "a", "b"), ("only the second has", "b", "a")):
        query = f"SELECT {listed} FROM {one}.{schema}.{table} EXCEPT ALL SELECT {listed} FROM {other}.{schema}.{table}"
        count = connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]
        if count:
            examples = connection.execute(f"SELECT * FROM ({query}) ORDER BY ALL LIMIT 3").fetchall()
            found.append(Difference(table, what, count, tuple(map(str, examples))))
    if found or not inexact:
        return found
    # the same rows but for their numbers: side by side in one order, in which rows that are else alike go by their numbers
    order = ", ".join([listed, *(f'"{name}"' for name in inexact)])
    numbered = {
        side: f"SELECT row_number() OVER (ORDER BY {order}) AS place, * FROM {side}.{schema}.{table}" for side in ("a", "b")
    }
    joined = f"({numbered['a']}) AS x JOIN ({numbered['b']}) AS y USING (place)"
    for name in inexact:
        apart = (
            f'(x."{name}" IS NULL) <> (y."{name}" IS NULL) OR abs(x."{name}" - y."{name}") '
            f'> {TOLERANCE} * greatest(abs(x."{name}"), abs(y."{name}"))'
        )
        count, sample = connection.execute(
            f'SELECT count(*), first(struct_pack(first := x, second := y."{name}")) FROM {joined} WHERE {apart}'
        ).fetchall()[0]
        if count:
            found.append(Difference(table, f"{name} differs", count, (str(sample),)))
    return found


def main(arguments: Sequence[str]) -> int:
    """Compare two files, say what differs, and return 1 where anything does."""
    names, found = compare(Path(arguments[0]), Path(arguments[1]))
    for difference in found:
        sys.stdout.write(f"{difference}\n")
    unlike = {difference.table for difference in found}
    sys.stdout.write(f"{len(names) - len(unlike)} of {len(names)} tables are equal\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
