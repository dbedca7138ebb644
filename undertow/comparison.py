"""Two payloads of one dataset side by side: what the newer one says otherwise than the one it replaces.

Pure functions over what a parser made of them (tables without provenance). What follows from a difference is decided in
``undertow.landing``; what a value means does not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from undertow.vocabulary import Basis

__all__ = ["jump", "losses", "said_again", "says_the_same"]

_KEY = ("series_id", "period_start", "period_end")
_LEAST_COMMON = 3  # observations that a series must have in both payloads before a change of scale is spoken of


def says_the_same(fresh: Mapping[str, pa.Table], earlier: Mapping[str, pa.Table]) -> bool:
    """Tell whether two payloads differ in their bytes only, as answers do that say how long they took.

    The instant of our own fetch is no difference: the value was known since the earlier one.
    """
    return fresh.keys() == earlier.keys() and all(_undated(fresh[name]).equals(_undated(earlier[name])) for name in fresh)


def losses(fresh: pa.Table | None, earlier: pa.Table) -> str | None:
    """Say which observations the newer payload lacks, or None where it has them all."""
    gone = earlier.select(_KEY)
    if fresh is not None:
        gone = gone.join(fresh.select(_KEY), keys=list(_KEY), join_type="left anti")
    gone = gone.group_by(list(_KEY)).aggregate([])
    if not gone.num_rows:
        return None
    series = len(pc.unique(gone["series_id"]))
    first, last = pc.min(gone["period_start"]).as_py(), pc.max(gone["period_end"]).as_py()
    return f"{_count(gone.num_rows, 'observation')} ({_count(series, 'series')}, {first} to {last})"


_JUMP = f"""
    SELECT
        series_id,
        median(fresh.value / earlier.value) AS factor
    FROM fresh
    INNER JOIN earlier USING ({", ".join(_KEY)})
    WHERE fresh.value <> 0 AND earlier.value <> 0
    GROUP BY series_id
    HAVING count(*) >= {_LEAST_COMMON} AND abs(ln(abs(median(fresh.value / earlier.value)))) > ln(2)
    ORDER BY abs(ln(abs(factor))) DESC, series_id
"""


def jump(fresh: pa.Table, earlier: pa.Table) -> str | None:
    """Say which series come at another scale, half or double and beyond for most of their periods, or None."""
    found = _ask(_JUMP, fresh, earlier).to_pylist()
    if not found:
        return None
    return f"{_count(len(found), 'series')} (the first, {found[0]['series_id']}, times {found[0]['factor']:,.4g})"


_SAID_AGAIN = f"""
    SELECT fresh.* REPLACE (CAST($1 AS TIMESTAMPTZ) AS known_at, $2 AS known_at_basis)
    FROM fresh
    INNER JOIN earlier ON {" AND ".join(f"fresh.{name} = earlier.{name}" for name in _KEY)}
    WHERE
        fresh.known_at_basis <> $3
        AND (fresh.value, fresh.obs_status, fresh.flags, fresh.footnotes) IS DISTINCT FROM
            (earlier.value, earlier.obs_status, earlier.flags, earlier.footnotes)
    ORDER BY ALL
"""


def said_again(fresh: pa.Table, earlier: pa.Table, fetched_at: datetime) -> pa.Table:
    """Return what a payload that came back says otherwise than the one it replaces, as known from its return on.

    Rows that the provider itself dates say the same as the first time, and what the other payload did not mention stands.
    """
    return _ask(_SAID_AGAIN, fresh, earlier, [fetched_at, Basis.FIRST_SEEN.value, Basis.PROVIDER.value])


def _ask(query: str, fresh: pa.Table, earlier: pa.Table, given: list[Any] | None = None) -> pa.Table:
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("fresh", fresh)
        connection.register("earlier", earlier)
        return connection.execute(query, given or []).to_arrow_table()
    finally:
        connection.close()


def _undated(table: pa.Table) -> pa.Table:
    """Return a table without the instants that are no more than our fetch."""
    if "known_at_basis" not in table.column_names:
        return table
    ours = pc.equal(table["known_at_basis"], Basis.FIRST_SEEN.value)
    place = table.schema.get_field_index("known_at")
    return table.set_column(place, "known_at", pc.if_else(ours, pa.scalar(None, table["known_at"].type), table["known_at"]))


def _count(number: int, word: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {word}{'' if number == 1 or word.endswith('s') else 's'}"
