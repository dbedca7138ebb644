"""As-of retrieval: for each question (a feature, an instant) the newest number that was known, from the head tables.

A head table holds, for each id, one row for each instant at which its newest number changed: "from ``known_at`` on, this is
it". Design rule 5 (newest row of each period first, nulls included, then drop nulls, then the newest period) is settled when
the head is made, so a question meets exactly one row, however many periods one release published at one instant, and
nothing is ever multiplied by its history.

Two ways give the same answer, and a test holds them together:

* ``_by_join``: an ASOF join in DuckDB. It serves every head and every column.
* ``_by_merge``: values only, from a head that lies ordered by id and instant. The head streams by in batches while the
  questions wait, grouped by id, so the head is never sorted and never held: on 20 million head rows a fraction of the
  join's time and memory.

Which frames and libraries the questions came from does not belong here (``undertow.frames``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from undertow.errors import UsageError

__all__ = ["DETAILS", "Catalogue", "look_up", "look_up_each", "resolve"]

# The columns of an answer after its value.
DETAILS = ("period_end", "known_at", "flags")

_CHUNK = 4_000_000  # questions in one query
_BATCH = 1_000_000  # head rows held at a time
_FILTERED = 256  # up to so many ids the head is filtered by name; beyond, it streams by whole

_ANSWER = pa.schema(
    [
        pa.field("value", pa.float64()),
        pa.field("period_end", pa.date32()),
        pa.field("known_at", pa.timestamp("us", tz="UTC")),
        pa.field("flags", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class _Head:
    """A head table: where it is, what its ids are called, and whether it lies ordered by id and instant."""

    table: str
    key: str
    ordered: bool


@dataclass(frozen=True)
class Catalogue:
    """The features of a request, in its order: which are signals, and after how many days each is stale."""

    ids: pa.Array
    is_signal: np.ndarray
    stale_after_days: pa.Array


def resolve(connection: duckdb.DuckDBPyConnection, ids: pa.Array) -> Catalogue:
    """Look features up in the build.

    Args:
        connection: an open published file.
        ids: series ids and signal ids, each once.

    Raises:
        UsageError: a feature is unknown; the message names the nearest ids.
    """
    asked = pa.table({"code": pa.array(np.arange(len(ids), dtype=np.int32)), "id": ids.cast(pa.string())})
    connection.register("undertow_asked", asked)
    try:
        found = connection.execute(
            "SELECT a.id, s.signal_id IS NOT NULL AS is_signal, coalesce(s.stale_after_days, d.stale_after_days) AS stale, "
            "s.signal_id IS NULL AND d.series_id IS NULL AS is_unknown FROM undertow_asked AS a "
            "LEFT JOIN internal.signal AS s ON a.id = s.signal_id LEFT JOIN marts.dim_series AS d ON a.id = d.series_id "
            "ORDER BY a.code"
        ).to_arrow_table()
    finally:
        connection.unregister("undertow_asked")
    unknown = found["is_unknown"].to_numpy()
    if unknown.any():
        stranger = found["id"][int(np.argmax(unknown))].as_py()
        near = connection.execute(
            "SELECT id FROM (SELECT signal_id AS id FROM internal.signal UNION SELECT series_id FROM marts.dim_series) "
            "ORDER BY jaro_winkler_similarity(id, ?) DESC, id LIMIT 3",
            [stranger],
        ).fetchall()
        raise UsageError(f"unknown feature {stranger!r}; near it are {', '.join(row[0] for row in near)}")
    return Catalogue(
        found["id"].combine_chunks(),
        found["is_signal"].to_numpy(),
        found["stale"].combine_chunks(),
    )


def look_up(
    connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, codes: np.ndarray, instants: np.ndarray, *, details: bool
) -> pa.Table:
    """Answer questions that each name their own feature.

    Args:
        connection: an open published file.
        catalogue: the features.
        codes: for each question the position of its feature in the catalogue (int32).
        instants: for each question its instant, microseconds since 1970 in UTC (int64).
        details: also return ``DETAILS``.

    Returns:
        One row a question, in their order: ``value`` (null where nothing was known) and, with details, the end of its
        period, the instant at which it became known, and its flags, STALE among them where it was old at that instant.
    """
    asked_signal = catalogue.is_signal[codes]
    if not asked_signal.any():
        return _from_head(connection, _series_head(connection), catalogue, codes, instants, details)
    signals = [name for name, is_signal in zip(catalogue.ids.to_pylist(), catalogue.is_signal, strict=True) if is_signal]
    head = _signal_head(connection, signals)
    if asked_signal.all():
        return _from_head(connection, head, catalogue, codes, instants, details)
    places, parts = [], []
    for one_head, chosen in ((_series_head(connection), ~asked_signal), (head, asked_signal)):
        place = np.flatnonzero(chosen)
        places.append(place)
        parts.append(_from_head(connection, one_head, catalogue, codes[place], instants[place], details))
    return _in_place(pa.concat_tables(parts), np.concatenate(places))


def look_up_each(
    connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, instants: np.ndarray, *, details: bool
) -> list[pa.Table]:
    """Answer every feature of the catalogue at every instant: one table a feature, as ``look_up`` returns them.

    An instant that occurs many times is asked once.
    """
    different, where = np.unique(instants, return_inverse=True)
    at_a_time = max(1, _CHUNK // max(1, len(different)))
    answers = []
    for first in range(0, len(catalogue.ids), at_a_time):
        codes = np.arange(first, min(first + at_a_time, len(catalogue.ids)), dtype=np.int32)
        table = look_up(
            connection, catalogue, np.repeat(codes, len(different)), np.tile(different, len(codes)), details=details
        )
        answers += [table.slice(i * len(different), len(different)).take(pa.array(where)) for i in range(len(codes))]
    return answers


def _from_head(
    connection: duckdb.DuckDBPyConnection,
    head: _Head,
    catalogue: Catalogue,
    codes: np.ndarray,
    instants: np.ndarray,
    details: bool,
) -> pa.Table:
    """Answer questions whose features share one head table."""
    if head.ordered and not details:
        return _by_merge(connection, head, catalogue, codes, instants)
    parts = [
        _by_join(connection, head, catalogue, codes[i : i + _CHUNK], instants[i : i + _CHUNK], details)
        for i in range(0, len(codes), _CHUNK)
    ]
    return pa.concat_tables(parts) if parts else _ANSWER.empty_table().select(_columns(details))


def _columns(details: bool) -> list[str]:
    return ["value", *DETAILS] if details else ["value"]


def _by_join(
    connection: duckdb.DuckDBPyConnection,
    head: _Head,
    catalogue: Catalogue,
    codes: np.ndarray,
    instants: np.ndarray,
    details: bool,
) -> pa.Table:
    """Answer by DuckDB's ASOF join of the questions with the head rows of their features."""
    question = {
        "place": pa.array(np.arange(len(codes), dtype=np.int32)),
        "code": pa.array(codes, pa.int32()),
        "as_of": pa.array(instants, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
    }
    chosen = np.unique(codes)
    feature = {
        "code": pa.array(chosen, pa.int32()),
        "id": catalogue.ids.take(pa.array(chosen)),
        "stale": catalogue.stale_after_days.take(pa.array(chosen)),
    }
    more = (
        ", CASE WHEN h.value IS NOT NULL THEN h.period_end END AS period_end"
        ", CASE WHEN h.value IS NOT NULL THEN h.value_known_at END AS known_at"
        ", CASE WHEN h.value IS NULL THEN NULL"
        "    WHEN date_diff('day', h.period_end, CAST(timezone('UTC', q.as_of) AS DATE)) > h.stale"
        "    THEN list_concat(['STALE'], h.flags) ELSE h.flags END AS flags"
        if details
        else ""
    )
    columns = "h.known_at, h.value" + (", h.period_end, h.value_known_at, h.flags, f.stale" if details else "")
    connection.register("undertow_question", pa.table(question))
    connection.register("undertow_feature", pa.table(feature))
    try:
        answer = connection.execute(
            f"SELECT q.place, h.value{more} FROM undertow_question AS q ASOF LEFT JOIN "
            f"(SELECT f.code, {columns} FROM {head.table} AS h JOIN undertow_feature AS f ON h.{head.key} = f.id) AS h "
            "ON q.code = h.code AND q.as_of >= h.known_at"
        ).to_arrow_table()
    finally:
        connection.unregister("undertow_question")
        connection.unregister("undertow_feature")
    return _in_place(answer.select(_columns(details)), answer["place"].to_numpy())


def _in_place(answer: pa.Table, places: np.ndarray) -> pa.Table:
    """Return the rows of ``answer`` in the order of the questions; row i answers question ``places[i]``."""
    order = np.empty(len(places), np.int64)
    order[places] = np.arange(len(places))
    schema = pa.schema([_ANSWER.field(name) for name in answer.column_names])
    return answer.combine_chunks().take(pa.array(order)).cast(schema)


def _by_merge(
    connection: duckdb.DuckDBPyConnection, head: _Head, catalogue: Catalogue, codes: np.ndarray, instants: np.ndarray
) -> pa.Table:
    """Answer by walking once along a head that lies ordered by id and instant.

    The ids and their numbers of rows say where each id's rows lie; the questions are grouped in the same order. Of each
    batch, the questions of the ids in it look for their place by bisection, all at once.
    """
    chosen = np.unique(codes)
    names = catalogue.ids.take(pa.array(chosen))
    where, parameters = ("", []) if len(names) > _FILTERED else (f"WHERE list_contains(?, {head.key})", [names.to_pylist()])
    extents = connection.execute(
        f"SELECT {head.key} AS id, count(*) AS n FROM {head.table} {where} GROUP BY 1 ORDER BY 1", parameters
    ).to_arrow_table()
    first_row = np.concatenate([[0], np.cumsum(extents["n"].to_numpy())]).astype(np.int64)
    # the place of each feature among the head's ids; a feature without rows gets the empty place after the last
    rank = np.full(len(catalogue.ids), len(first_row) - 1, np.int64)
    found = pc.index_in(names, extents["id"].combine_chunks()).to_numpy(zero_copy_only=False)
    rank[chosen] = np.where(np.isnan(found.astype(float)), len(first_row) - 1, found)
    first_row = np.append(first_row, first_row[-1])

    ranked = rank[codes]
    order = _grouped(ranked)
    ranked, asked = ranked[order], instants[order]
    begin, end = first_row[ranked], first_row[ranked + 1]
    values, known = np.zeros(len(codes)), np.zeros(len(codes), bool)
    offset = 0
    for batch in connection.execute(f"SELECT epoch_us(known_at), value FROM {head.table} {where}", parameters).to_arrow_reader(
        _BATCH
    ):
        rows = batch.num_rows
        here = slice(np.searchsorted(end, offset, side="right"), np.searchsorted(begin, offset + rows, side="left"))
        if here.start < here.stop:
            known_at, value = batch.column(0).to_numpy(), batch.column(1)
            low = np.maximum(begin[here] - offset, 0)
            newest = _newest_at(known_at, low, np.minimum(end[here] - offset, rows), asked[here])
            hit = newest >= low
            valid = value.is_valid().to_numpy(zero_copy_only=False)
            numbers = value.fill_null(0.0).to_numpy()
            values[here][hit] = numbers[newest[hit]]
            known[here][hit] = valid[newest[hit]]
        offset += rows
    answer, missing = np.empty_like(values), np.empty_like(known)
    answer[order], missing[order] = values, ~known
    return pa.table({"value": pa.array(answer, mask=missing)})


def _grouped(ranked: np.ndarray) -> np.ndarray:
    """Return the order that groups equal ranks, ascending: two passes of a radix sort, as numpy has one for 16 bits."""
    order = np.argsort((ranked & 0xFFFF).astype(np.uint16), kind="stable")
    if len(ranked) and ranked.max() > 0xFFFF:
        order = order[np.argsort((ranked[order] >> 16).astype(np.uint16), kind="stable")]
    return order


def _newest_at(known_at: np.ndarray, low: np.ndarray, high: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return for each question the last row in [low, high) whose instant is not after the asked one, or ``low - 1``."""
    low, high = low.copy(), high.copy()
    last = len(known_at) - 1
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        is_open = low < high
        is_known = known_at[np.minimum(middle, last)] <= asked
        low = np.where(is_open & is_known, middle + 1, low)
        high = np.where(is_open & ~is_known, middle, high)
    return low - 1


def _series_head(connection: duckdb.DuckDBPyConnection) -> _Head:
    """Return the published head of the series."""
    comment = connection.execute(
        "SELECT comment FROM duckdb_tables() WHERE database_name = current_database() "
        "AND schema_name = 'internal' AND table_name = 'observation_head'"
    ).fetchall()
    return _Head("internal.observation_head", "series_id", comment == [("ordered by series_id, known_at",)])


def _signal_head(connection: duckdb.DuckDBPyConnection, signals: Sequence[str]) -> _Head:
    """Return the head of these signals, made from their rows in this session's temporary schema where it is not there yet."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS undertow_signal_head_of (signal_id VARCHAR)")
    made = {row[0] for row in connection.execute("SELECT signal_id FROM undertow_signal_head_of").fetchall()}
    if not made.issuperset(signals):
        wanted = sorted(made.union(signals))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE undertow_signal_head AS {_SIGNAL_HEAD}", [wanted])
        connection.execute("CREATE OR REPLACE TEMP TABLE undertow_signal_head_of AS SELECT unnest(?) AS signal_id", [wanted])
    return _Head("undertow_signal_head", "signal_id", ordered=True)


# The head of signals. A value that is taken back opens an era: the panel as it then stood gives the era's first row (an
# older period, or no number at all), and within an era the newest period only grows. Ordered by id and instant.
_SIGNAL_HEAD = """
WITH states AS (
    SELECT signal_id, period_start, period_end, value, known_at, flags,
        value IS NULL AND lag(value) OVER (PARTITION BY signal_id, period_start, period_end ORDER BY known_at) IS NOT NULL
            AS is_withdrawal
    FROM marts.mart_signal_long
    WHERE list_contains(?, signal_id)
),
eras AS (
    SELECT DISTINCT signal_id, known_at AS era_at FROM states WHERE is_withdrawal
),
panel AS (
    SELECT e.signal_id, e.era_at, s.period_start, s.period_end,
        arg_max(struct_pack(value := s.value, known_at := s.known_at, flags := s.flags), s.known_at) AS state
    FROM eras AS e JOIN states AS s ON e.signal_id = s.signal_id AND s.known_at <= e.era_at
    GROUP BY ALL
),
opening AS (
    SELECT signal_id, era_at,
        arg_max(
            struct_pack(
                period_start := period_start, period_end := period_end, value := state.value, known_at := state.known_at,
                flags := state.flags
            ),
            struct_pack(a := period_end, b := period_start)
        ) FILTER (state.value IS NOT NULL) AS state
    FROM panel
    GROUP BY signal_id, era_at
),
placed AS (
    SELECT states.*,
        max(CASE WHEN is_withdrawal THEN known_at END)
            OVER (PARTITION BY signal_id ORDER BY known_at RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS era_at
    FROM states
),
candidates AS (
    SELECT signal_id, era_at, period_start, period_end, value, known_at, known_at AS value_known_at, flags
    FROM placed
    WHERE value IS NOT NULL AND (era_at IS NULL OR known_at > era_at)
    UNION ALL
    SELECT signal_id, era_at, state.period_start, state.period_end, state.value, era_at, state.known_at, state.flags
    FROM opening
),
ranked AS (
    SELECT *,
        max(coalesce(period_end, DATE '0001-01-01')) OVER (
            PARTITION BY signal_id, era_at ORDER BY known_at RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS newest_end,
        row_number() OVER (
            PARTITION BY signal_id, known_at ORDER BY period_end DESC NULLS LAST, period_start DESC NULLS LAST
        ) AS place
    FROM candidates
)
SELECT signal_id, period_start, period_end, value, known_at, value_known_at, flags
FROM ranked
WHERE place = 1 AND coalesce(period_end, DATE '0001-01-01') = newest_end
ORDER BY signal_id, known_at
"""
