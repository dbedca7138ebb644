"""As-of retrieval: for each question (a feature, an instant) the newest number that was known, from the head tables.

A head table holds, for each id, one row for each instant at which its newest number changed: "from ``known_at`` on, this is
it". Design rule 5 (newest row of each period first, nulls included, then drop nulls, then the newest period) is settled when
the head is made, so a question meets exactly one row, however many periods one release published at one instant, and no
question is ever multiplied by its history.

The head lies ordered by id and instant in the published file. It streams by once, in batches, while the questions wait,
grouped by id; the questions of the ids in a batch find their rows by bisection. So neither side is joined, sorted or held,
which DuckDB's own ASOF join would do with the whole head for every request (on 20 million head rows: three to five times
the time, four times the memory). A test holds this to the ASOF join's answers.

Which frames the questions came in does not belong here (``undertow.frames``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from undertow.errors import UsageError

__all__ = ["COLUMNS", "DETAILS", "OF_SIGNALS", "SIGNAL_HEAD", "Catalogue", "look_up", "look_up_each", "resolve"]

# The columns of an answer: of every feature, and of signals alone.
DETAILS = ("period_end", "known_at", "flags")
OF_SIGNALS = ("z_exp", "rank_exp", "confidence")
COLUMNS = ("value", *DETAILS, *OF_SIGNALS)

_BATCH = 1_000_000  # head rows held at a time
_FILTERED = 256  # up to so many ids the head is filtered by name; beyond, all of it streams by
_DAY = 86_400_000_000

_ANSWER = pa.schema(
    [
        pa.field("value", pa.float64()),
        pa.field("period_end", pa.date32()),
        pa.field("known_at", pa.timestamp("us", tz="UTC")),
        pa.field("flags", pa.list_(pa.string())),
        *(pa.field(name, pa.float64()) for name in OF_SIGNALS),
    ]
)


@dataclass(frozen=True)
class Catalogue:
    """The features of a request, in its order: which are signals, and after how many days each is stale."""

    ids: pa.Array
    is_signal: np.ndarray
    stale_after_days: np.ndarray


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
            "SELECT a.id, s.signal_id IS NOT NULL AS is_signal, "
            "coalesce(s.stale_after_days, d.stale_after_days, 0) AS stale, "
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
    return Catalogue(pa.array(found["id"].to_pylist(), pa.string()), found["is_signal"].to_numpy(), found["stale"].to_numpy())


def look_up(
    connection: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    codes: np.ndarray,
    instants: np.ndarray,
    columns: Sequence[str] = ("value",),
) -> pa.Table:
    """Answer questions that each name their own feature.

    Args:
        connection: an open published file.
        catalogue: the features.
        codes: for each question the position of its feature in the catalogue.
        instants: for each question its instant, microseconds since 1970 in UTC (int64).
        columns: which of ``COLUMNS`` to return.

    Returns:
        One row a question, in their order: ``value`` (null where nothing was known), the end of its period, the instant at
        which it became known, its flags, STALE among them where it was old at that instant, and the other columns.

    Raises:
        UsageError: a column is unknown, or is one of signals and a series is asked for it.
    """
    read = _read_columns(catalogue, columns)
    answers, places = [_empty(0, read)], [np.empty(0, np.int64)]
    for head, members in _heads(connection, catalogue):
        rank = np.full(len(catalogue.ids), -1, np.int64)
        walk = _Walk(connection, head, catalogue.ids.take(pa.array(members)), read)
        rank[members] = walk.rank
        ranked = rank[codes]
        order = _grouped(ranked)
        order = order[np.searchsorted(ranked[order], 0) :]  # those of other heads, and of ids without rows, come first
        ranked, asked = ranked[order], instants[order]
        first_question = np.searchsorted(ranked, np.arange(walk.n_ids + 1))
        for first, stop, begin, rows in walk:
            here = slice(first_question[first], first_question[stop])
            if here.start == here.stop:
                continue
            low, high = begin[ranked[here] - first], begin[ranked[here] - first + 1]
            known_at = rows["known_at"].to_numpy()
            answers.append(_taken(rows, _newest_at(known_at, low, high, asked[here]), low))
            places.append(order[here])
    place = np.concatenate(places)
    source = np.full(len(codes), -1, np.int64)
    source[place] = np.arange(len(place))
    answer = _rows(pa.concat_tables(answers).combine_chunks(), source, source >= 0)
    return _with_stale(answer, instants, catalogue.stale_after_days[codes]).select(list(columns))


def look_up_each(
    connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, instants: np.ndarray, columns: Sequence[str] = ("value",)
) -> list[pa.Table]:
    """Answer every feature of the catalogue at every instant: one table a feature, as ``look_up`` returns them.

    An instant that occurs many times is looked up once.
    """
    read = _read_columns(catalogue, columns)
    different, where = np.unique(instants, return_inverse=True)
    answers = [_empty(len(instants), read)] * len(catalogue.ids)
    for head, members in _heads(connection, catalogue):
        walk = _Walk(connection, head, catalogue.ids.take(pa.array(members)), read)
        member_of = dict(zip(walk.rank.tolist(), members.tolist(), strict=True))
        for first, stop, begin, rows in walk:
            known_at = rows["known_at"].to_numpy()
            for rank in range(first, stop):
                if rank in member_of:
                    low, high = begin[rank - first], begin[rank - first + 1]
                    newest = np.searchsorted(known_at[low:high], different, side="right") + low - 1
                    answers[member_of[rank]] = _taken(rows, newest[where], low)
    return [
        _with_stale(answer, instants, stale).select(list(columns))
        for answer, stale in zip(answers, catalogue.stale_after_days, strict=True)
    ]


def _read_columns(catalogue: Catalogue, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that have to be read: ``value`` always, and what STALE is judged by where flags are asked for.

    Raises:
        UsageError: a column is unknown, or is one of signals and a series is asked for it.
    """
    if strangers := [name for name in columns if name not in COLUMNS]:
        raise UsageError(f"there is no column {strangers[0]!r}; there are {', '.join(COLUMNS)}")
    of_signals = [name for name in columns if name in OF_SIGNALS]
    if of_signals and not catalogue.is_signal.all():
        series = catalogue.ids[int(np.argmin(catalogue.is_signal))].as_py()
        raise UsageError(f"{of_signals[0]} is a column of signals, and {series} is a series")
    return tuple(
        name for name in COLUMNS if name == "value" or name in columns or (name == "period_end" and "flags" in columns)
    )


@dataclass(frozen=True)
class _Head:
    """A head table: where it is, what its ids are called, and whether it lies ordered by id and instant."""

    table: str
    key: str
    ordered: bool


def _heads(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> Iterator[tuple[_Head, np.ndarray]]:
    """Yield each head that the features need, with the positions of its features in the catalogue."""
    signals, series = np.flatnonzero(catalogue.is_signal), np.flatnonzero(~catalogue.is_signal)
    if len(series):
        yield _series_head(connection), series
    if len(signals):
        yield _signal_head(connection, catalogue.ids.take(pa.array(signals)).to_pylist()), signals


class _Walk:
    """One walk along a head: whole ids at a time, in their order.

    Iterating yields the ranks of the first id and of the one after the last, where each id's rows begin (and the last
    one's end), and the rows: ``known_at`` (the instant as microseconds), ``value`` and the details.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, head: _Head, names: pa.Array, columns: Sequence[str]) -> None:
        where, self._parameters = "", []
        if len(names) <= _FILTERED:  # a filter keeps the order of the rows; a join would not
            where, self._parameters = f"WHERE list_contains(?, {head.key})", [names.to_pylist()]
        order = "" if head.ordered else f"ORDER BY {head.key}, known_at"
        read = ", ".join("value_known_at" if name == "known_at" else name for name in columns)
        self._query = f"SELECT epoch_us(known_at) AS known_at, {read} FROM {head.table} {where} {order}"
        self._connection = connection
        extents = connection.execute(
            f"SELECT {head.key} AS id, count(*) AS n FROM {head.table} {where} GROUP BY 1 ORDER BY 1", self._parameters
        ).to_arrow_table()
        self._ends = np.cumsum(extents["n"].to_numpy()).astype(np.int64)
        self.n_ids = extents.num_rows
        # for each name its rank among the head's ids; -1 where it has no rows
        self.rank = pc.fill_null(pc.index_in(names, extents["id"].combine_chunks()), -1).to_numpy().astype(np.int64)

    def __iter__(self) -> Iterator[tuple[int, int, np.ndarray, pa.Table]]:
        held: list[pa.RecordBatch] = []
        done = rows_done = rows_read = 0
        for batch in self._connection.execute(self._query, self._parameters).to_arrow_reader(_BATCH):
            held.append(batch)
            rows_read += batch.num_rows
            whole = int(np.searchsorted(self._ends, rows_read, side="right"))
            if whole == done:
                continue
            rows = pa.Table.from_batches(held)
            cut = int(self._ends[whole - 1]) - rows_done
            begin = np.concatenate([[0], self._ends[done:whole] - rows_done])
            yield done, whole, begin, rows.slice(0, cut).combine_chunks()
            held, done, rows_done = rows.slice(cut).to_batches(), whole, rows_done + cut


def _empty(rows: int, columns: Sequence[str]) -> pa.Table:
    """Return answers to questions of which nothing was known."""
    return pa.table({name: pa.nulls(rows, _ANSWER.field(name).type) for name in columns})


def _taken(rows: pa.Table, newest: np.ndarray, low: np.ndarray | int) -> pa.Table:
    """Return the head rows ``newest`` as answers: nothing where it lies before ``low`` or the head says "no number"."""
    hit = newest >= low
    value = rows["value"].combine_chunks()
    if value.null_count:
        hit &= value.is_valid().to_numpy(zero_copy_only=False)[newest]
    answer = rows.drop_columns("known_at")
    answer = answer.rename_columns(["known_at" if name == "value_known_at" else name for name in answer.column_names])
    return _rows(answer, newest, hit)


def _rows(table: pa.Table, places: np.ndarray, hit: np.ndarray) -> pa.Table:
    """Return the rows at ``places``, null where not ``hit``, in the types of an answer."""
    schema = pa.schema([_ANSWER.field(name) for name in table.column_names])
    return table.take(pa.array(places, mask=~hit)).combine_chunks().cast(schema)


def _with_stale(answer: pa.Table, instants: np.ndarray, stale_after_days: np.ndarray | int) -> pa.Table:
    """Add STALE to the flags of numbers whose period ended too long before their question's instant."""
    if "flags" not in answer.column_names or not answer.num_rows:
        return answer
    ended = answer["period_end"].combine_chunks()
    known = ended.is_valid().to_numpy(zero_copy_only=False)
    age_days = np.floor_divide(instants, _DAY) - pc.fill_null(ended.cast(pa.int32()), 0).to_numpy()
    stale = known & (age_days > stale_after_days)
    flags = answer["flags"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(flags), 0).to_numpy() + stale
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    own = np.ones(int(offsets[-1]), bool)
    own[offsets[:-1][stale]] = False
    source = np.zeros(len(own), np.int64)
    source[own] = np.arange(1, int(own.sum()) + 1)
    words = pa.concat_arrays([pa.array(["STALE"], pa.string()), flags.flatten()]).take(pa.array(source))
    marked = pa.ListArray.from_arrays(pa.array(offsets), words, mask=pa.array(~known))
    return answer.set_column(answer.column_names.index("flags"), "flags", marked)


def _grouped(ranked: np.ndarray) -> np.ndarray:
    """Return the order that groups equal ranks, ascending: passes of a radix sort, as numpy has one for 16 bits."""
    shifted = ranked + 1
    order = np.argsort((shifted & 0xFFFF).astype(np.uint16), kind="stable")
    if len(shifted) and shifted.max() > 0xFFFF:
        order = order[np.argsort((shifted[order] >> 16).astype(np.uint16), kind="stable")]
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
        connection.execute(f"CREATE OR REPLACE TEMP TABLE undertow_signal_head AS {SIGNAL_HEAD}", [wanted])
        connection.execute("CREATE OR REPLACE TEMP TABLE undertow_signal_head_of AS SELECT unnest(?) AS signal_id", [wanted])
    return _Head("undertow_signal_head", "signal_id", ordered=True)


# The head of signals. A value that is taken back opens an era: the panel as it then stood gives the era's first row (an
# older period, or no number at all), and within an era the newest period only grows. Ordered by id and instant.
SIGNAL_HEAD = """
WITH states AS (
    SELECT signal_id, period_start, period_end, value, known_at, flags, z_exp, rank_exp, confidence,
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
        arg_max(
            struct_pack(
                value := s.value, known_at := s.known_at, flags := s.flags, z_exp := s.z_exp, rank_exp := s.rank_exp,
                confidence := s.confidence
            ),
            s.known_at
        ) AS state
    FROM eras AS e JOIN states AS s ON e.signal_id = s.signal_id AND s.known_at <= e.era_at
    GROUP BY ALL
),
opening AS (
    SELECT signal_id, era_at,
        arg_max(
            struct_pack(
                period_start := period_start, period_end := period_end, value := state.value, known_at := state.known_at,
                flags := state.flags, z_exp := state.z_exp, rank_exp := state.rank_exp, confidence := state.confidence
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
    SELECT signal_id, era_at, period_start, period_end, value, known_at, known_at AS value_known_at, flags, z_exp, rank_exp,
        confidence
    FROM placed
    WHERE value IS NOT NULL AND (era_at IS NULL OR known_at > era_at)
    UNION ALL
    SELECT signal_id, era_at, state.period_start, state.period_end, state.value, era_at, state.known_at, state.flags,
        state.z_exp, state.rank_exp, state.confidence
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
SELECT signal_id, period_start, period_end, value, known_at, value_known_at, flags, z_exp, rank_exp, confidence
FROM ranked
WHERE place = 1 AND coalesce(period_end, DATE '0001-01-01') = newest_end
ORDER BY signal_id, known_at
"""
