"""The caller's own data frames: reading a column of one, adding columns to one, and making one from Arrow.

pandas and polars are imported only where the caller already uses them. What the columns mean does not belong here, except
that a column of instants has one reading, the one of ``undertow.instants``.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from undertow.errors import InstantError, UsageError
from undertow.instants import parse_instant

__all__ = ["Frame", "column", "column_names", "instants_of", "to_frame", "with_columns"]

Frame = Literal["arrow", "pandas", "polars"]

_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DAY = 86_400_000_000
_EPOCH = np.datetime64(0, "us")


def to_frame(table: pa.Table, frame: Frame) -> Any:
    """Return an Arrow table as a data frame of that library."""
    if frame == "arrow":
        return table
    if frame == "polars":
        import polars

        return polars.from_arrow(table)
    return table.to_pandas()


def column_names(frame: Any) -> list[str]:
    """Return the names of a frame's columns.

    Raises:
        UsageError: it is no frame of a library we know.
    """
    library = _library(frame)
    return list(frame.column_names) if library == "arrow" else [str(name) for name in frame.columns]


def column(frame: Any, name: str) -> pa.Array:
    """Return one column of a frame as one Arrow array; what pandas calls missing is null.

    Raises:
        UsageError: there is no such column, or it holds things that have no Arrow type.
    """
    names = column_names(frame)
    if name not in names:
        raise UsageError(f"entity_df has no column {name!r}; its columns are {', '.join(names) or 'none'}")
    library = _library(frame)
    try:
        if library == "pandas":
            data = pa.array(frame[name], from_pandas=True)
        else:
            data = frame[name].to_arrow() if library == "polars" else frame[name]
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"column {name!r} of entity_df cannot be read: {str(error).splitlines()[0]}") from None
    if isinstance(data, pa.ChunkedArray):
        data = data.combine_chunks()
    if isinstance(data, pa.ChunkedArray):  # no chunks at all
        data = pa.concat_arrays(data.chunks) if data.num_chunks else pa.array([], data.type)
    return data.dictionary_decode() if pa.types.is_dictionary(data.type) else data


def with_columns(frame: Any, table: pa.Table) -> Any:
    """Return the caller's frame with the columns of ``table``, row by row, after its own; the frame itself stays as it was.

    The index of a pandas frame is kept.

    Raises:
        UsageError: a column of that name is there already.
    """
    taken = set(column_names(frame)) & set(table.column_names)
    if taken:
        raise UsageError(f"entity_df already has a column {sorted(taken)[0]!r}; rename it")
    library = _library(frame)
    if library == "polars":
        import polars

        return frame.hstack(polars.from_arrow(table))
    if library == "arrow":
        answer = frame if isinstance(frame, pa.Table) else pa.table(frame)
        for name in table.column_names:
            answer = answer.append_column(name, table[name])
        return answer
    import pandas

    added = table.to_pandas()
    added.index = frame.index
    return pandas.concat([frame, added], axis=1)


def instants_of(data: pa.Array, name: str) -> np.ndarray:
    """Return a column of instants as microseconds since 1970 in UTC (int64).

    Timestamps of any unit and zone, dates (their midnight in UTC) and texts are read; what has no zone is UTC. Parts of a
    microsecond are cut off, so that nothing is known earlier than it was.

    Raises:
        UsageError: a row has no instant, or the column holds something else.
    """
    if data.null_count:
        first = int(np.argmax(data.is_null().to_numpy(zero_copy_only=False)))
        rows = f"{data.null_count:,} rows of entity_df have" if data.null_count > 1 else "a row of entity_df has"
        raise UsageError(f"{rows} no instant in column {name!r}, the first at position {first}; say as of when each row asks")
    kind = data.type
    if pa.types.is_timestamp(kind):
        return _scaled(data.cast(pa.int64()).to_numpy(), kind.unit, name)
    if pa.types.is_date(kind):
        return data.cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64) * _DAY
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _texts(data, name)
    if len(data) == 0:
        return np.empty(0, np.int64)
    raise UsageError(
        f"column {name!r} of entity_df holds {kind}, not instants; give timestamps, dates or texts like 2025-10-24T12:30Z"
    )


def _library(frame: Any) -> Frame:
    """Return the library a frame belongs to."""
    if isinstance(frame, (pa.Table, pa.RecordBatch)):
        return "arrow"
    root = type(frame).__module__.partition(".")[0]
    if root in ("pandas", "polars") and type(frame).__name__ == "DataFrame":
        return root
    raise UsageError(f"entity_df is a {type(frame).__name__}; give a DataFrame of pandas or polars, or an Arrow table")


def _scaled(values: np.ndarray, unit: str, name: str) -> np.ndarray:
    """Return timestamps of a unit as microseconds."""
    if unit == "ns":
        return np.floor_divide(values, 1_000)
    factor = _MICROSECONDS[unit]
    if factor > 1 and len(values) and int(np.abs(values).max()) > np.iinfo(np.int64).max // factor:
        raise InstantError(f"column {name!r} of entity_df holds an instant outside the years 1 to 9999")
    return values * factor


def _texts(data: pa.Array, name: str) -> np.ndarray:
    """Return instants written as text as microseconds; each different text is read once."""
    coded = pc.dictionary_encode(data.cast(pa.large_string()))
    try:
        read = [
            (np.datetime64(parse_instant(text).replace(tzinfo=None), "us") - _EPOCH) for text in coded.dictionary.to_pylist()
        ]
    except InstantError as error:
        raise InstantError(f"column {name!r} of entity_df: {error}") from None
    return np.array(read, dtype="timedelta64[us]").astype(np.int64)[coded.indices.to_numpy()]
