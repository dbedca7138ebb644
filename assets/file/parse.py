"""Bring-your-own series: bytes to rows, with every row held against the contract in the room's docstring.

All formats are read as texts first, so that one set of checks and one wording of reasons serve them all. Distinct
dates, instants and flag lists are read once, not once for each row. What a series means does not belong here.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from undertow.archive import Sighting
from undertow.errors import InstantError, ParseError
from undertow.instants import parse_instant
from undertow.room import Landed, room_names
from undertow.schemas import INSTANT
from undertow.vocabulary import Basis, Flag, ObsStatus, Redistribution

__all__ = ["OPTIONAL", "REQUIRED", "parse"]

REQUIRED = ("series_id", "period_start", "value", "known_at", "unit", "source", "licence")
OPTIONAL = ("period_end", "obs_status", "flags", "title", "frequency", "decimals", "redistribution")
FREQUENCIES = ("D", "B", "W", "M", "Q", "S", "A")
_OF_ROOMS = {"fed"}  # source words of rooms that are not their names
NEVER_STORED = (Flag.STALE, Flag.DELAYED)  # a reader's point of view

_SERIES_ID = r"\A[a-z][a-z0-9_]*\.[^[:space:]]+\z"
_NUMBER = r"\A-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\z"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MAX_TEXT = 512 * 1024 * 1024
_MAX_DECIMALS = 10
_EXACT = 2.0**52
_EPOCH = date(1970, 1, 1)
_NONE = np.iinfo(np.int64).min  # a date or an instant that could not be read

T = TypeVar("T")


@dataclass
class _Sheet:
    """A file as stripped texts, with what is wrong in it.

    ``places`` are line numbers (CSV) or row numbers (Parquet), and ``ok`` marks the rows that can be used.
    """

    columns: dict[str, pa.Array]
    places: np.ndarray
    word: str
    ok: np.ndarray
    refused: list[tuple[int, str, str]]

    def refuse(self, bad: np.ndarray, reason: str) -> None:
        """Take the rows where ``bad`` is True out of use; a row is refused once, for the first reason found."""
        for row in np.flatnonzero(bad & self.ok).tolist():
            raw = ",".join(column[row].as_py() for column in self.columns.values())
            self.refused.append((int(self.places[row]), reason, raw))
        self.ok &= ~bad

    def quarantine(self) -> list[tuple[str, str, str]]:
        """Return what was refused, in the order of the file."""
        return [(f"{self.word} {place}", reason, raw) for place, reason, raw in sorted(self.refused)]


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the rows and the series of one file.

    Raises: ParseError: the bytes are neither CSV nor Parquet, a column is missing or unknown, a licence is empty, a
    series has two units or two frequencies, one that is withheld has a room's word, or no row can be used.
    """
    if sighting.dataset not in ("series", "vintages"):
        raise ParseError(f"the room file reads series, vintages; it has no parser for {sighting.dataset}")
    sheet = _read(payload)
    columns = sheet.columns
    bare = np.flatnonzero(_empty(columns["licence"]))
    if len(bare):
        raise ParseError(f"the licence is empty in {sheet.word} {sheet.places[bare[0]]}; a licence must be recorded")

    sheet.refuse(~_matches(columns["series_id"], _SERIES_ID), "series_id is not <source>.<native id>")
    for name in ("unit", "source"):
        sheet.refuse(_empty(columns[name]), f"{name} is empty")
    start, end = _periods(sheet)
    known = _known(sheet, sighting)
    value = _values(sheet)
    status = _status(sheet, value)
    flag_lists, flags = _flags(sheet)
    _facts_of_series(sheet)
    names, series = _distinct(columns["series_id"], str)
    rank = np.argsort(np.argsort(np.array(names)))[series]

    order = np.lexsort((known, end, start, rank))
    order = order[sheet.ok[order]]
    order = _one_row_a_key(sheet, order, (rank, start, end, known), (value, status, flags))
    if not len(order):
        first = sheet.quarantine()[0]
        raise ParseError(f"no row can be used; the first: {first[0]}, {first[1]}")
    taken = pa.array(order)
    observation = pa.table(
        {
            "series_id": columns["series_id"].take(taken),
            "period_start": pa.array(start[order].astype("datetime64[D]")),
            "period_end": pa.array(end[order].astype("datetime64[D]")),
            "value": pa.array(value[order], pa.float64(), from_pandas=True),
            "known_at": pa.array(known[order], pa.int64()).cast(INSTANT),
            "known_at_basis": _text(Basis.PROVIDER, len(order)),
            "obs_status": pa.array(status[order].tolist(), pa.string()),
            "flags": pa.array(flag_lists, pa.list_(pa.string())).take(pa.array(flags[order])),
            "footnotes": pa.ListArray.from_arrays(np.zeros(len(order) + 1, np.int32), pa.array([], pa.string())),
        }
    )
    table = _series(sheet, order, start, end, known, value, sighting, catalogue)
    return Landed(observation=observation, series=table, quarantine=sheet.quarantine())


# --- reading the bytes ---------------------------------------------------------------------------------------


def _read(payload: bytes) -> _Sheet:
    """Read CSV, gzipped CSV or Parquet as texts and check the columns."""
    if payload.startswith(b"PAR1"):
        columns, places, refused, word = *_parquet(payload), [], "row"
    else:
        columns, places, refused = _csv(_inflated(payload) if payload.startswith(b"\x1f\x8b") else payload)
        word = "line"
    if not len(places):
        raise ParseError("the file has a header and no usable rows" if refused else "the file has no rows")
    return _Sheet(columns, places, word, np.ones(len(places), bool), refused)


def _demand_columns(found: list[str]) -> None:
    """Raise where a column is missing, unknown or there twice."""
    missing = [name for name in REQUIRED if name not in found]
    unknown = [name for name in found if name not in REQUIRED + OPTIONAL]
    if missing:
        raise ParseError(f"the file lacks the columns {', '.join(missing)}; it has {', '.join(found)[:200] or 'none'}")
    if unknown:
        raise ParseError(f"the contract has no columns {unknown}; optional ones are {', '.join(OPTIONAL)}")
    if len(set(found)) < len(found):
        raise ParseError(f"a column is there twice: {', '.join(found)}")


def _inflated(payload: bytes) -> bytes:
    """Inflate a gzip file, up to a cap."""
    try:
        with gzip.open(io.BytesIO(payload)) as handle:
            text = handle.read(_MAX_TEXT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ParseError(f"the gzip file is damaged: {error}") from error
    if len(text) > _MAX_TEXT:
        raise ParseError(f"the gzip file holds more than {_MAX_TEXT} bytes")
    return text


def _csv(payload: bytes) -> tuple[dict[str, pa.Array], np.ndarray, list[tuple[int, str, str]]]:
    """Read a CSV and return its columns, the line each row begins on, and rows with the wrong number of cells."""
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"the file is neither Parquet nor UTF-8 text: {error}") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    places: list[int] = []
    refused: list[tuple[int, str, str]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        _demand_columns(header)
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(header):
                rows.append(cells)
                places.append(line)
            elif cells:
                reason = f"the line has {len(cells)} cells, the header has {len(header)}"
                refused.append((line, reason, ",".join(cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ParseError(f"line {reader.line_num} is not CSV: {error}") from error
    cells_by_column = zip(*rows, strict=True) if rows else [()] * len(header)
    columns = {
        name: pc.utf8_trim_whitespace(pa.array(cells, pa.string())) for name, cells in zip(header, cells_by_column, strict=True)
    }
    return columns, np.array(places, np.int64), refused


def _parquet(payload: bytes) -> tuple[dict[str, pa.Array], np.ndarray]:
    """Read a Parquet file and return its columns as texts, and row numbers from 1."""
    try:
        table = pq.read_table(pa.BufferReader(payload))
        _demand_columns(table.column_names)
        columns = {name: _as_text(name, table[name].combine_chunks()) for name in table.column_names}
    except (pa.ArrowException, OSError) as error:
        raise ParseError(f"the Parquet file cannot be read: {error}") from error
    return columns, np.arange(1, table.num_rows + 1)


def _as_text(name: str, column: pa.Array) -> pa.Array:
    """Return a column of a Parquet file as stripped texts, empty where it is null."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = pc.binary_join(column.cast(pa.list_(pa.string())), ";")
    elif pa.types.is_timestamp(kind) and name.startswith("period_"):
        return _days_as_text(column)
    elif pa.types.is_timestamp(kind):
        column = column.cast(INSTANT if kind.tz else pa.timestamp("us"))
    elif pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    elif not (pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_null(kind) or _is_text(kind)):
        raise ParseError(f"the column {name} has the type {kind}; expected texts, dates, instants or numbers")
    return pc.utf8_trim_whitespace(pc.fill_null(column.cast(pa.string()), ""))


def _days_as_text(column: pa.Array) -> pa.Array:
    """Return a column of timestamps as dates; a time of day stays in the text, and the row is refused for it."""
    local = pc.local_timestamp(column) if column.type.tz else column
    days = local.cast(pa.date32())
    text = pc.if_else(pc.equal(days.cast(local.type), local), days.cast(pa.string()), local.cast(pa.string()))
    return pc.fill_null(text, "")


def _is_text(kind: pa.DataType) -> bool:
    """Tell whether a column type is a text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


# --- the checks of each column ---------------------------------------------------------------------------------


def _periods(sheet: _Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Return first and last days as days since 1970."""
    columns = sheet.columns
    start = _codes(columns["period_start"], _day)
    sheet.refuse(start == _NONE, "period_start is not a date (YYYY-MM-DD)")
    if "period_end" not in columns:
        return start, start
    end = np.where(_empty(columns["period_end"]), start, _codes(columns["period_end"], _day))
    sheet.refuse(end == _NONE, "period_end is not a date (YYYY-MM-DD)")
    sheet.refuse(end < start, "the period ends before it starts")
    return start, end


def _known(sheet: _Sheet, sighting: Sighting) -> np.ndarray:
    """Return instants as microseconds since 1970."""
    known = _codes(sheet.columns["known_at"], _microseconds)
    sheet.refuse(known == _NONE, "known_at is not an instant")
    latest = _microseconds(sighting.fetched_at.isoformat())
    sheet.refuse(known > latest, "known_at is after the fetch: a value cannot become known after we hold it")
    return known


def _values(sheet: _Sheet) -> np.ndarray:
    """Return the numbers, NaN where the cell is empty."""
    texts = sheet.columns["value"]
    written = pc.match_substring_regex(texts, _NUMBER)
    numbers = pc.cast(pc.if_else(written, texts, pa.scalar(None, pa.string())), pa.float64())
    value = numbers.to_numpy(zero_copy_only=False)
    sheet.refuse(~_empty(texts) & ~np.isfinite(value), "value is not a number")
    return value


def _status(sheet: _Sheet, value: np.ndarray) -> np.ndarray:
    """Return the observation status of each row; a row without a value is at least missing."""
    missing = np.isnan(value)
    default = np.where(missing, ObsStatus.MISSING.value, ObsStatus.NORMAL.value)
    if "obs_status" not in sheet.columns:
        return default
    words, codes = _distinct(sheet.columns["obs_status"], str)
    known = np.array([word == "" or word in {status.value for status in ObsStatus} for word in words])
    sheet.refuse(~known[codes], "obs_status is not in the SDMX code list CL_OBS_STATUS")
    given = np.array(words, dtype=object)[codes]
    return np.where((given == "") | ((given == ObsStatus.NORMAL.value) & missing), default, given)


def _flags(sheet: _Sheet) -> tuple[list[list[str]], np.ndarray]:
    """Return the distinct flag lists and the index of each row's list."""
    if "flags" not in sheet.columns:
        return [[]], np.zeros(len(sheet.ok), np.int64)
    read, codes = _distinct(sheet.columns["flags"], _flag_list)
    wrong = np.array([one is None for one in read])
    sheet.refuse(wrong[codes], "flags holds a word that is not a flag, or one that is never stored")
    lists: list[list[str]] = []
    place: list[int] = []
    for one in read:
        flags = one or []
        if flags not in lists:
            lists.append(flags)
        place.append(lists.index(flags))
    return lists, np.array(place)[codes]


def _facts_of_series(sheet: _Sheet) -> None:
    """Refuse rows whose frequency or decimals are no such thing."""
    if "frequency" in sheet.columns:
        words, codes = _distinct(sheet.columns["frequency"], str)
        known = np.array([word in ("", *FREQUENCIES) for word in words])
        sheet.refuse(~known[codes], f"frequency is not one of {', '.join(FREQUENCIES)}")
    if "decimals" in sheet.columns:
        sheet.refuse(~_matches(sheet.columns["decimals"], r"\A([0-9]|1[0-5])?\z"), "decimals is not a number of digits")
    if "redistribution" in sheet.columns:
        allowed = r"\A(|" + "|".join(Redistribution) + r")\z"
        sheet.refuse(~_matches(sheet.columns["redistribution"], allowed), "redistribution is not allowed or withheld")


def _one_row_a_key(
    sheet: _Sheet, order: np.ndarray, keys: tuple[np.ndarray, ...], contents: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Return ``order`` with one row for each key: repeated rows become one, contradicting rows go to quarantine."""
    again = np.ones(max(len(order) - 1, 0), bool)
    for key in keys:
        again &= key[order][1:] == key[order][:-1]
    if not again.any():
        return order
    again = np.concatenate(([False], again))
    head = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
    differs = np.zeros(len(order), bool)
    for content in contents:
        mine, first = content[order], content[order][head]
        absent = np.isnan(mine) & np.isnan(first) if mine.dtype.kind == "f" else False
        differs |= again & ~((mine == first) | absent)
    group = np.cumsum(~again)
    torn = np.isin(group, group[differs])
    bad = np.zeros(len(sheet.ok), bool)
    bad[order[torn]] = True
    sheet.refuse(bad, "rows of the same series, period and known_at contradict each other")
    return order[~(again | torn)]


# --- the series ------------------------------------------------------------------------------------------------


def _series(
    sheet: _Sheet,
    order: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    known: np.ndarray,
    value: np.ndarray,
    sighting: Sighting,
    catalogue: Mapping[str, Any],
) -> pa.Table:
    """Return one row for each series that has a usable row; ``order`` is sorted by series."""
    defaults = catalogue["defaults"]
    ids = sheet.columns["series_id"].take(pa.array(order)).to_pylist()
    bounds = [0, *(place for place in range(1, len(ids)) if ids[place] != ids[place - 1]), len(ids)]
    rows = []
    for low, high in pairwise(bounds):
        native, mine = ids[low], order[low:high]
        source = "; ".join(_words(sheet, "source", mine))
        newest = mine[np.argsort(known[mine], kind="stable")]
        titles = [title for title in _cells(sheet, "title", newest) if title]
        rows.append(
            {
                "series_id": native,
                "title": titles[-1] if titles else native,
                "agency": source,
                "unit": _single(sheet, "unit", mine, native),
                "decimals": max((int(text) for text in _words(sheet, "decimals", mine)), default=_digits(value[mine])),
                "frequency": _single(sheet, "frequency", mine, native) or _frequency(start[mine], end[mine]),
                "seasonal_adjustment": defaults["seasonal_adjustment"],
                "revision_policy": defaults["revision_policy"],
                "release_id": None,
                "component": None,
                "stale_after_days": defaults["stale_after_days"],
                "licence": "; ".join(_words(sheet, "licence", mine)),
                "source_url": sighting.url or source,
                "redistribution": _redistribution(sheet, mine, native, sighting, catalogue),
            }
        )
    table = pa.Table.from_pylist(rows)
    for name in ("release_id", "component"):
        table = table.set_column(table.schema.get_field_index(name), name, pa.nulls(len(rows), pa.string()))
    words = pa.array([row["redistribution"] for row in rows], pa.string())
    return table.set_column(table.schema.get_field_index("redistribution"), "redistribution", words)


def _redistribution(
    sheet: _Sheet, rows: np.ndarray, series_id: str, sighting: Sighting, catalogue: Mapping[str, Any]
) -> str | None:
    """Return whether the values of a series may be republished; None where recorded vintages say nothing.

    Raises:
        ParseError: a series that may not has the source word of a room, whose tables would show its levels.
    """
    word = _single(sheet, "redistribution", rows, series_id)
    if not word:
        open_licences = set(catalogue["open_licences"])
        if all(licence.strip().lower() in open_licences for licence in _words(sheet, "licence", rows)):
            word = Redistribution.ALLOWED.value
        elif sighting.dataset == "vintages":
            return None
        else:
            word = Redistribution.WITHHELD.value
    source = series_id.split(".", 1)[0]
    if word == Redistribution.WITHHELD and source in _OF_ROOMS | set(room_names()):
        raise ParseError(
            f"the series {series_id} may not be republished, and {source} is the source word of a room, whose tables show "
            "levels; name it user.<name>, or say redistribution=allowed"
        )
    return word


def _cells(sheet: _Sheet, name: str, rows: np.ndarray) -> list[str]:
    """Return the cells of one column in some rows; none where the file lacks the column."""
    return sheet.columns[name].take(pa.array(rows)).to_pylist() if name in sheet.columns else []


def _words(sheet: _Sheet, name: str, rows: np.ndarray) -> list[str]:
    """Return the distinct words of one column in some rows, sorted, without the empty one."""
    if name not in sheet.columns:
        return []
    return sorted(word for word in pc.unique(sheet.columns[name].take(pa.array(rows))).to_pylist() if word)


def _single(sheet: _Sheet, name: str, rows: np.ndarray, series_id: str) -> str:
    """Return the one word that a series has in a column, or raise where it has two."""
    words = _words(sheet, name, rows)
    if len(words) > 1:
        raise ParseError(f"the series {series_id} has more than one {name}: {', '.join(words[:5])}")
    return words[0] if words else ""


def _digits(value: np.ndarray) -> int:
    """Return how many digits after the point the values need."""
    numbers = value[np.abs(value) < _EXACT]  # a larger number has no digits after the point, and NaN none at all
    for digits in range(_MAX_DECIMALS):
        if np.allclose(numbers, np.round(numbers, digits), rtol=1e-13, atol=1e-12):
            return digits
    return _MAX_DECIMALS


def _frequency(start: np.ndarray, end: np.ndarray) -> str:
    """Return the frequency that the usual distance between periods suggests, or the length of a single period."""
    first = np.unique(start)
    step = float(np.median(np.diff(first))) if len(first) > 1 else float(end[0] - start[0] + 1)
    for longest, frequency in ((4, "D"), (10, "W"), (45, "M"), (120, "Q"), (270, "S")):
        if step <= longest:
            weekend = (first + 3) % 7 >= 5  # 1970-01-01 was a Thursday
            return "B" if frequency == "D" and len(first) > 1 and not weekend.any() else frequency
    return "A"


# --- small tools -----------------------------------------------------------------------------------------------


def _distinct(column: pa.Array, read: Callable[[str], T]) -> tuple[list[T], np.ndarray]:
    """Return what ``read`` makes of each distinct text, and the index of each row's text."""
    encoded = column.dictionary_encode()
    return [read(text) for text in encoded.dictionary.to_pylist()], encoded.indices.to_numpy()


def _codes(column: pa.Array, read: Callable[[str], int]) -> np.ndarray:
    """Return what ``read`` makes of each row's text, as integers."""
    numbers, codes = _distinct(column, read)
    return np.array(numbers, np.int64)[codes]


def _day(text: str) -> int:
    """Return a date as days since 1970, or ``_NONE``."""
    try:
        return (date.fromisoformat(text) - _EPOCH).days if _DAY.fullmatch(text) else _NONE
    except ValueError:
        return _NONE


def _microseconds(text: str) -> int:
    """Return an instant as microseconds since 1970, or ``_NONE``."""
    try:
        instant = parse_instant(text)
    except InstantError:
        return _NONE
    days = instant.date().toordinal() - _EPOCH.toordinal()
    seconds = (days * 24 + instant.hour) * 3600 + instant.minute * 60 + instant.second
    return seconds * 1_000_000 + instant.microsecond


def _flag_list(text: str) -> list[str] | None:
    """Return the flags of ``PROXY;SUSPECT``, or None where one of them is unknown or never stored."""
    words = list(dict.fromkeys(word.strip() for word in text.split(";") if word.strip()))
    try:
        flags = [Flag(word) for word in words]
    except ValueError:
        return None
    return None if any(flag in NEVER_STORED for flag in flags) else [flag.value for flag in flags]


def _matches(column: pa.Array, pattern: str) -> np.ndarray:
    """Tell for each row whether its text fits a pattern."""
    return pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False)


def _empty(column: pa.Array) -> np.ndarray:
    """Tell for each row whether its text is empty."""
    return pc.equal(column, "").to_numpy(zero_copy_only=False)


def _text(word: str, count: int) -> pa.Array:
    """Return a column that holds one word."""
    return pa.repeat(pa.scalar(str(word), pa.string()), count)
