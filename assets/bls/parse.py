"""BLS series: bytes to rows for the packaged database, the flat files and the API, and the rule of past release days.

The news release pages and the vintage tables have modules of their own, for their bytes date themselves. All other formats
are brought to one set of columns first (series, year, period code, value, note); periods, ids, duplicates and the order of
rows are decided there, once. Everything that grows with the number of rows is done on whole columns.
Fetching does not belong here, nor does the release calendar of recent years, which is a table of facts.
"""

from __future__ import annotations

import json
import re
import sqlite3
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pacsv

from assets.bls import ces_vintages, employment_situation
from undertow.archive import Sighting
from undertow.calendars import at_local
from undertow.errors import ParseError
from undertow.room import Landed
from undertow.schemas import INSTANT
from undertow.vocabulary import Basis, Event, Flag, ObsStatus

__all__ = ["parse", "rules"]

Quarantine = list[tuple[str, str, str]]

# What a row describes: the series itself, its half-year average, its annual average, its change over the month inside one
# payload, or the earlier estimate of that change, as a news release repeats it.
BASE, HALF, YEAR, CHANGE, CHANGE_BEFORE = range(5)
SUFFIXES = ("", ":S", ":A", employment_situation.CHANGE, employment_situation.CHANGE_BEFORE)
TITLES = (
    "", ", half-year average", ", annual average", ", change over the month",
    ", change over the month as estimated before the release",
)  # fmt: skip

CPI_SURVEYS = ("CU", "CW", "SU")
DATA_COLUMNS = ("series_id", "year", "period", "value", "footnote_codes")
SERIES_COLUMNS = ("series_id", "seasonal", "begin_year", "begin_period")  # what every xx.series has, in some order
TITLE_COLUMNS = ("series_title", "series_name")
BASE_COLUMNS = ("base_period", "base_date")
FOOTNOTE_COLUMNS = ("footnote_code", "footnote_text")
FLAT_DATASET = re.compile(r"([a-z]{2})_(data|series|footnote)")
TITLES_QUERY = "SELECT id, title FROM series WHERE typeof(id) = 'text' AND typeof(title) = 'text' ORDER BY id"
PACKAGE_TABLES = {"series": {"id", "title"}, "indexes": {"series", "year", "period", "value"}}

_SERIES_ID = re.compile(r"[A-Z0-9_#-]{4,30}", re.ASCII)
_NUMBER = r"\A-?[0-9]+(\.[0-9]+)?\z"
_BASE_IN_TITLE = re.compile(r"\b((?:[A-Z][a-z]+ )?\d{4}(?:-\d{2,4})?=100)\b")
_KEY_IN_MESSAGE = re.compile(r"(key\s*:?\s*)\S+", re.IGNORECASE)
_CHUNK = 65_536


class _Span(NamedTuple):
    """A period code: what it describes, its first month, its months, and its rank among codes of the same span."""

    kind: int
    month: int
    months: int
    rank: int


SPANS: dict[str, _Span] = {
    **{f"M{month:02d}": _Span(BASE, month, 1, 0) for month in range(1, 13)},
    **{f"Q{quarter:02d}": _Span(BASE, 3 * quarter - 2, 3, 0) for quarter in range(1, 5)},
    "S01": _Span(HALF, 1, 6, 0),
    "S02": _Span(HALF, 7, 6, 0),
    "M13": _Span(YEAR, 1, 12, 0),
    "S03": _Span(YEAR, 1, 12, 1),
    "Q05": _Span(YEAR, 1, 12, 2),
    "A01": _Span(YEAR, 1, 12, 3),
}


class _Note(NamedTuple):
    """What the footnotes of a row amount to."""

    status: str
    flags: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()


@dataclass
class _Points:
    """The values of one payload, column by column. ``value`` is NaN where the provider has no number."""

    ids: list[str]
    series: np.ndarray  # index into ids
    periods: list[str]
    period: np.ndarray  # index into periods
    year: np.ndarray
    value: np.ndarray
    notes: list[_Note]
    note: np.ndarray  # index into notes
    lines: np.ndarray | None = None

    def keep(self, mask: np.ndarray) -> None:
        """Drop the rows where ``mask`` is False."""
        for name in ("series", "period", "year", "value", "note", "lines"):
            column = getattr(self, name)
            if column is not None:
                setattr(self, name, column[mask])

    def entry(self, row: int, reason: str) -> tuple[str, str, str]:
        """Return a quarantine entry for one row."""
        native, period = self.ids[self.series[row]], self.periods[self.period[row]]
        value = "-" if np.isnan(self.value[row]) else f"{self.value[row]:.15g}"
        place = f"{native} {self.year[row]} {period}"
        if self.lines is not None:
            place = f"line {self.lines[row]}, {place}"
        return place, reason, f"{native} {self.year[row]} {period} {value}"

    def refuse(self, mask: np.ndarray, reason: str, quarantine: Quarantine) -> None:
        """Move the rows where ``mask`` is True to quarantine."""
        if mask.any():
            quarantine.extend(self.entry(row, reason) for row in np.flatnonzero(mask))
            self.keep(~mask)


@dataclass
class _Titles:
    """Titles and units by native id, as far as a payload gives them."""

    title: dict[str, str] = field(default_factory=dict)
    unit: dict[str, str] = field(default_factory=dict)


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the rows of one payload of any of the room's datasets.

    A missing value (``-``) is a row without a value and with its reason. A row that cannot be read goes to quarantine.

    Raises:
        ParseError: the bytes are not what the dataset says, a column is missing, BLS refused the request, or nothing in
            the payload can be used.
    """
    readers = {"cpi_package": _package, "api_v2": _api, "employment_situation": _page, "ces_vintages": _vintages}
    of_files = {"data": _flat_data, "series": _flat_series, "footnote": _flat_footnotes}
    flat = FLAT_DATASET.fullmatch(sighting.dataset)
    reader = readers.get(sighting.dataset) or (of_files[flat[2]] if flat and flat[1].upper() in catalogue["surveys"] else None)
    if reader is None:
        raise ParseError(f"the room bls reads {', '.join(readers)} and flat files; it has no parser for {sighting.dataset}")
    return reader(payload, sighting, catalogue)


# --- payloads that date themselves: in modules of their own ---------------------------------------------------


def _page(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read a page of the Employment Situation."""
    del sighting
    observation, natives, quarantine = employment_situation.read(payload, catalogue)
    return Landed(observation=observation, series=_series(_entries(natives), _Titles(), catalogue), quarantine=quarantine)


def _vintages(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the vintage tables of the establishment survey."""
    observation, natives, quarantine = ces_vintages.read(payload, sighting.fetched_at, catalogue)
    return Landed(observation=observation, series=_series(_entries(natives), _Titles(), catalogue), quarantine=quarantine)


def _entries(natives: Iterable[str]) -> list[tuple[str, int, str]]:
    """Return (native id, kind, frequency) of monthly series by their ids with suffix."""
    parts = (native.partition(":") for native in natives)
    return [(native, SUFFIXES.index(colon + suffix), "M") for native, colon, suffix in parts]


# --- the packaged SQLite file -------------------------------------------------------------------------------


def _package(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read the SQLite file of the package ``cpi``: all values of all series, and the titles of all series."""
    quarantine: Quarantine = []
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(payload)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        _demand_tables(connection)
        titles = _Titles(dict(connection.execute(TITLES_QUERY)))
        points = _package_points(connection, quarantine)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise ParseError(f"the file is not a readable SQLite database: {error}") from error
    finally:
        connection.close()
    return _landed(points, sighting, catalogue, quarantine, titles)


def _demand_tables(connection: sqlite3.Connection) -> None:
    """Raise where a table or a column that we read is not there."""
    for table, expected in PACKAGE_TABLES.items():
        kind = connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if kind != ("table",) or not expected <= found:
            raise ParseError(f"the database has no table {table} with columns {sorted(expected)}; found {sorted(found)}")


def _package_points(connection: sqlite3.Connection, quarantine: Quarantine) -> _Points:
    """Read the table ``indexes`` in chunks; each distinct text is kept once."""
    series_index: defaultdict[str, int] = defaultdict(count().__next__)
    period_index: defaultdict[str, int] = defaultdict(count().__next__)
    chunks: list[tuple[np.ndarray, ...]] = []
    cursor = connection.execute("SELECT series, year, period, value FROM indexes")
    while rows := cursor.fetchmany(_CHUNK):
        try:
            series, years, periods, values = zip(*rows, strict=True)
            columns = (years, values)
            numbers = np.fromiter(columns[0], np.int32, len(rows)), np.fromiter(columns[1], np.float64, len(rows))
        except (TypeError, ValueError, OverflowError):
            readable = [row for row in rows if _readable(row, quarantine)]
            if not readable:
                continue
            series, years, periods, values = zip(*readable, strict=True)
            numbers = np.array(years, np.int32), np.array([_float(value) for value in values], np.float64)
        codes = (
            np.fromiter(map(series_index.__getitem__, series), np.int32, len(series)),
            np.fromiter(map(period_index.__getitem__, periods), np.int32, len(series)),
        )
        chunks.append((codes[0], codes[1], *numbers))
    if not chunks:
        raise ParseError("the table indexes has no usable row")
    series_code, period_code, year, value = (np.concatenate(column) for column in zip(*chunks, strict=True))
    notes = [_Note(ObsStatus.NORMAL), _Note(ObsStatus.MISSING)]
    note = np.isnan(value).astype(np.int32)
    return _Points(list(series_index), series_code, list(period_index), period_code, year, value, notes, note)


def _readable(row: tuple[Any, ...], quarantine: Quarantine) -> bool:
    """Tell whether a database row has the right types; quarantine it otherwise."""
    series, year, period, value = row
    number = value is None or value == "-" or (isinstance(value, int | float) and np.isfinite(value))
    good = isinstance(series, str) and isinstance(period, str) and isinstance(year, int) and 0 <= year < 10_000 and number
    if not good:
        quarantine.append((f"indexes {series} {year} {period}", "the row has a cell of the wrong type", repr(row)[:200]))
    return good


def _float(value: Any) -> float:
    """Return a database value as a number; NULL and ``-`` are NaN."""
    return float("nan") if value is None or value == "-" else float(value)


# --- flat files ---------------------------------------------------------------------------------------------


def _flat_data(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read a file of values (``cu.data.*``)."""
    quarantine: Quarantine = []
    columns, lines = _flat(payload, DATA_COLUMNS, quarantine)
    missing = pc.equal(columns["value"], "-").to_numpy(zero_copy_only=False)
    number = pc.match_substring_regex(columns["value"], _NUMBER).to_numpy(zero_copy_only=False)
    year = pc.match_substring_regex(columns["year"], r"\A[0-9]{4}\z").to_numpy(zero_copy_only=False)
    for mask, name in ((~year, "year"), (year & ~number & ~missing, "value")):
        for row in np.flatnonzero(mask):
            raw = "\t".join(columns[column][row].as_py() for column in DATA_COLUMNS)
            quarantine.append((f"line {lines[row]}", f"the {name} is not a number", raw))
    good = pa.array(year & (number | missing))
    columns = {name: column.filter(good) for name, column in columns.items()}
    lines = lines[good.to_numpy(zero_copy_only=False)]
    if not len(lines):
        raise ParseError("the file has no usable row")
    series, period, codes = (columns[name].dictionary_encode() for name in ("series_id", "period", "footnote_codes"))
    value = pc.cast(pc.if_else(pc.equal(columns["value"], "-"), None, columns["value"]), pa.float64())
    values = value.to_numpy(zero_copy_only=False)
    ids = series.dictionary.to_pylist()
    notes, note = _flat_notes(ids, series.indices.to_numpy(), codes, np.isnan(values), catalogue)
    points = _Points(
        ids,
        series.indices.to_numpy(),
        period.dictionary.to_pylist(),
        period.indices.to_numpy(),
        pc.cast(columns["year"], pa.int32()).to_numpy(),
        values,
        notes,
        note,
        lines,
    )
    return _landed(points, sighting, catalogue, quarantine, _Titles())


def _flat_notes(
    ids: list[str], series: np.ndarray, codes: pa.DictionaryArray, missing: np.ndarray, catalogue: Mapping[str, Any]
) -> tuple[list[_Note], np.ndarray]:
    """Return the distinct notes of a file and the index of each row's note.

    A flat file gives codes without texts, so a row's note depends on its survey, its codes and whether it has a value.
    """
    surveys = sorted({native[:2] for native in ids})
    survey = np.array([surveys.index(native[:2]) for native in ids])[series]
    texts = codes.dictionary.to_pylist()
    key = (survey * len(texts) + codes.indices.to_numpy()) * 2 + missing
    distinct, note = np.unique(key, return_inverse=True)
    notes = []
    for code in distinct.tolist():
        rest, absent = divmod(code, 2)
        where, which = divmod(rest, len(texts))
        parts = [(part.strip(), None) for part in texts[which].split(",") if part.strip()]
        notes.append(_note(surveys[where], parts, bool(absent), catalogue))
    return notes, note


def _flat_series(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read a catalogue file (``cu.series``). The columns differ by survey; those that we read go by their names."""
    quarantine: Quarantine = []
    survey = sighting.dataset[:2].upper()
    names = tuple(
        name.strip() for name in payload.partition(b"\n")[0].decode("utf-8-sig", "replace").split("\t") if name.strip()
    )
    lacking = [name for name in SERIES_COLUMNS if name not in names]
    if lacking or names[0] != "series_id":
        raise ParseError(f"the columns are {list(names)[:20]}; a catalogue file begins with series_id and has {lacking}")
    columns, lines = _flat(payload, names, quarantine)
    titled = next((name for name in TITLE_COLUMNS if name in names), None)
    based = next((name for name in BASE_COLUMNS if name in names), None)
    titles = _Titles()
    first: dict[str, tuple[int, tuple[str, ...]]] = {}
    frequencies: dict[str, str] = {}
    for line, *cells in zip(lines.tolist(), *(columns[name].to_pylist() for name in names), strict=True):
        row = dict(zip(names, cells, strict=True))
        native = row["series_id"]
        said = "periodicity_code" not in row or survey not in CPI_SURVEYS or row["periodicity_code"] == native[3:4]
        good = _SERIES_ID.fullmatch(native) and native[:2] == survey and row["seasonal"] == native[2] and said
        if not good or (titled and not row[titled]):
            quarantine.append((f"line {line}", "the id, its title, or what the id says of itself is wrong", "\t".join(cells)))
            continue
        if native in first and first[native][1] != tuple(cells):
            raise ParseError(f"lines {first[native][0]} and {line} both describe {native} and differ")
        first.setdefault(native, (line, tuple(cells)))
        frequencies[native] = "S" if _half_yearly(native) else {"Q": "Q", "A": "A"}.get(row["begin_period"][:1], "M")
        if titled:
            titles.title[native] = row[titled]
        if based and row[based]:
            titles.unit[native] = f"{catalogue['defaults']['unit']} {row[based]}"
    if not first:
        why = f": {quarantine[0][0]}, {quarantine[0][1]}" if quarantine else ""
        raise ParseError(f"the file has no usable row{why}")
    entries = [(native, BASE, frequencies[native]) for native in first]
    return Landed(series=_series(entries, titles, catalogue), quarantine=quarantine)


def _flat_footnotes(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Hold a survey's file of footnotes (``ce.footnote``) against the catalogue; it lands no row.

    The flat files carry codes only, and the catalogue supplies their texts. A code that means something else by now would
    give rows a wrong reason, so that stops the source.
    """
    quarantine: Quarantine = []
    survey = sighting.dataset[:2].upper()
    columns, lines = _flat(payload, FOOTNOTE_COLUMNS, quarantine, may_be_blank=True)
    pairs = zip(lines.tolist(), *(columns[name].to_pylist() for name in FOOTNOTE_COLUMNS), strict=True)
    for line, code, text in pairs:
        known = _known_note(survey, code, None, catalogue)
        if known is None:
            continue
        if _known_note(survey, code, text, catalogue) is None:
            raise ParseError(
                f"line {line}: footnote {code} of {survey} now reads {text!r}; the catalogue has {known['text']!r}"
            )
    return Landed(quarantine=quarantine)


def _flat(
    payload: bytes, expected: tuple[str, ...], quarantine: Quarantine, *, may_be_blank: bool = False
) -> tuple[dict[str, pa.Array], np.ndarray]:
    """Read a flat file as stripped texts and return its columns and the line number of each row.

    The expected columns must come first and in order; further columns are reported once and not read. A line with the
    wrong number of cells goes to quarantine, except an unfinished last line, which shows that the file is cut short. So does
    a line without a first cell, unless that ``may_be_blank``.
    """
    if not payload.isascii():
        payload = _as_utf8(payload)
    head, _, body = payload.partition(b"\n")
    names = [name.strip() for name in head.decode().split("\t")]
    if tuple(names[: len(expected)]) != expected:
        raise ParseError(f"the columns are {names[:20]}, expected {list(expected)}")
    extra = [name for name in names[len(expected) :] if name]
    if extra:
        quarantine.append(("line 1", "the file has columns we do not know and do not read", "\t".join(extra)))
    if not body.strip():
        raise ParseError("the file has a header and no rows")
    skipped: list[int] = []

    def refuse(row: pacsv.InvalidRow) -> str:
        skipped.append(row.number)
        if row.text.strip():
            reason = f"the line has {row.actual_columns} cells, the header has {row.expected_columns}"
            quarantine.append((f"line {row.number}", reason, row.text))
        return "skip"

    labels = [f"c{position}" for position in range(len(names))]
    table = pacsv.read_csv(
        pa.BufferReader(payload),
        read_options=pacsv.ReadOptions(use_threads=False, skip_rows=1, column_names=labels),
        parse_options=pacsv.ParseOptions(
            delimiter="\t", quote_char=False, ignore_empty_lines=False, invalid_row_handler=refuse
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(labels, pa.string()),
            include_columns=labels[: len(expected)],
            strings_can_be_null=False,
        ),
    )
    lines = np.setdiff1d(np.arange(2, table.num_rows + len(skipped) + 2), np.array(skipped, np.int64), assume_unique=True)
    if skipped and skipped[-1] > (lines[-1] if len(lines) else 0) and not payload.endswith(b"\n"):
        raise ParseError(f"the file ends in the middle of line {skipped[-1]}; it was cut short")
    columns = {
        name: pc.utf8_trim_whitespace(table[label].combine_chunks()) for name, label in zip(expected, labels, strict=False)
    }
    filled = pc.not_equal(columns[expected[0]], "")
    if not may_be_blank and not pc.all(filled).as_py():
        blank = np.flatnonzero(~filled.to_numpy(zero_copy_only=False))
        for row in blank:
            if rest := "\t".join(columns[name][row].as_py() for name in expected).strip():
                quarantine.append((f"line {lines[row]}", f"the line has no {expected[0].replace('_', ' ')}", rest))
        columns = {name: column.filter(filled) for name, column in columns.items()}
        lines = np.delete(lines, blank)
    return columns, lines


def _as_utf8(payload: bytes) -> bytes:
    """Return the text as UTF-8; what is not UTF-8 is taken for Latin-1, which older BLS files use in titles."""
    try:
        return payload.decode("utf-8-sig").encode()
    except UnicodeDecodeError:
        return payload.decode("latin-1").encode()


# --- the API ------------------------------------------------------------------------------------------------


def _api(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Read an answer of the Public Data API."""
    quarantine: Quarantine = []
    found = _api_series(payload, quarantine)
    ids: dict[str, int] = {}
    periods: dict[str, int] = {}
    notes: dict[_Note, int] = {}
    rows: list[tuple[int, int, int, float, int]] = []
    for native, data in found:
        if not data:
            quarantine.append((native, "the series came without data", "[]"))
        for place, point in enumerate(data):
            read = _api_point(native, point, catalogue)
            if isinstance(read, str):
                quarantine.append((f"{native}, data[{place}]", read, json.dumps(point)[:200]))
                continue
            year, period, value, note = read
            codes = (ids.setdefault(native, len(ids)), periods.setdefault(period, len(periods)))
            rows.append((*codes, year, value, notes.setdefault(note, len(notes))))
    if not rows:
        said = "; ".join(raw for _, _, raw in quarantine) or "no message"
        raise ParseError(f"BLS answered with no data points: {said[:300]}")
    series, period_code, years, values, note_code = (np.array(column) for column in zip(*rows, strict=True))
    points = _Points(list(ids), series, list(periods), period_code, years, values.astype(np.float64), list(notes), note_code)
    return _landed(points, sighting, catalogue, quarantine, _Titles())


def _api_series(payload: bytes, quarantine: Quarantine) -> list[tuple[str, list[Any]]]:
    """Return the series of an answer as (native id, points), or raise where BLS did not do what it was asked."""
    try:
        body = json.loads(payload)
    except ValueError as error:
        raise ParseError(f"the answer is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ParseError("the answer is JSON, but not an object")
    said = body.get("message")
    messages = [
        _KEY_IN_MESSAGE.sub(r"\1***", str(text)) for text in (said if isinstance(said, list) else [said] if said else [])
    ]
    if body.get("status") != "REQUEST_SUCCEEDED":
        raise ParseError(f"BLS answered {body.get('status')}: {'; '.join(messages) or 'no message'}")
    quarantine.extend((f"message[{place}]", "BLS says about the request", text) for place, text in enumerate(messages))
    results = body.get("Results")
    parts = results if isinstance(results, list) else [results]
    series = [one for part in parts if isinstance(part, dict) for one in part.get("series") or []]
    found = []
    for place, one in enumerate(series):
        native = one.get("seriesID") if isinstance(one, dict) else None
        data = one.get("data") if isinstance(one, dict) else None
        if not isinstance(native, str) or not _SERIES_ID.fullmatch(native) or not isinstance(data, list):
            quarantine.append((f"series[{place}]", "the series has no id or no list of data", json.dumps(one)[:200]))
            continue
        found.append((native, data))
    return found


def _api_point(native: str, point: Any, catalogue: Mapping[str, Any]) -> tuple[int, str, float, _Note] | str:
    """Return year, period, value and note of one point, or the reason why it cannot be read."""
    if not isinstance(point, dict):
        return "the point is not an object"
    year, period, text = (str(point.get(name, "")).strip() for name in ("year", "period", "value"))
    if not re.fullmatch(r"\d{4}", year, re.ASCII):
        return "the year is not a number"
    missing = text == "-"
    if not missing and not re.fullmatch(_NUMBER.replace(r"\z", r"\Z"), text, re.ASCII):
        return "the value is not a number"
    parts = [
        (str(note.get("code") or "").strip(), str(note.get("text") or "").strip())
        for note in point.get("footnotes") or []
        if isinstance(note, dict) and note
    ]
    return int(year), period, float("nan") if missing else float(text), _note(native[:2], parts, missing, catalogue)


# --- what all formats share ---------------------------------------------------------------------------------


def _note(survey: str, parts: Sequence[tuple[str, str | None]], missing: bool, catalogue: Mapping[str, Any]) -> _Note:
    """Return what a row's footnotes mean, by survey, code and text; a text of None is one the format does not carry."""
    status = ObsStatus.MISSING if missing else ObsStatus.NORMAL
    flags: list[str] = []
    footnotes = []
    for code, text in parts:
        known = _known_note(survey, code, text, catalogue)
        shown = text if text is not None else (known or {}).get("text", "")
        footnotes.append(": ".join(word for word in (code, shown) if word))
        if known is not None and (known["applies_to"] == "missing") == missing:
            status = ObsStatus(known["status"])
            flags.extend(Flag(flag) for flag in known.get("flags", ()) if flag not in flags)
    return _Note(status.value, tuple(flags), tuple(footnotes))


def _known_note(survey: str, code: str, text: str | None, catalogue: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the catalogue's entry of a footnote, or None."""
    for known in catalogue["footnotes"]:
        fits = known["code"] == code and (survey in known["surveys"] or "*" in known["surveys"])
        if fits and (text is None or _plain(text) == _plain(known["text"])):
            return known
    return None


def _plain(text: str) -> str:
    """Return a footnote text without what differs between surveys: case and a full stop."""
    return text.strip().rstrip(".").casefold()


def _landed(
    points: _Points, sighting: Sighting, catalogue: Mapping[str, Any], quarantine: Quarantine, titles: _Titles
) -> Landed:
    """Turn the columns of a payload into the tables ``observation`` and ``series``."""
    observation, entries = _observations(points, sighting.fetched_at, quarantine)
    observation, entries = _with_changes(observation, entries, catalogue)
    present = {native for native, kind, _ in entries if kind == BASE}
    entries.extend(
        (native, BASE, "S" if _half_yearly(native) else "M")
        for native in titles.title
        if native not in present and _SERIES_ID.fullmatch(native)
    )
    return Landed(observation=observation, series=_series(entries, titles, catalogue), quarantine=quarantine)


def _with_changes(
    observation: pa.Table, entries: list[tuple[str, int, str]], catalogue: Mapping[str, Any]
) -> tuple[pa.Table, list[tuple[str, int, str]]]:
    """Append the change over the month of each series that the catalogue lists for it, from the levels of this payload.

    The levels of two payloads may stand before and after a benchmark, so no later step can take this difference.
    """
    present = {native for native, kind, _ in entries if kind == BASE} & set(catalogue["changes"])
    tables = [observation]
    for native in sorted(present):
        levels = observation.filter(pc.equal(observation["series_id"], f"bls.{native}"))
        months = levels["period_start"].to_numpy().astype("datetime64[M]").astype(np.int64)
        value = levels["value"].to_numpy()
        rows = np.flatnonzero((np.diff(months) == 1) & ~np.isnan(np.diff(value))) + 1
        if len(rows):
            table = levels.take(pa.array(rows))
            table = table.set_column(0, "series_id", _text(f"bls.{native}{SUFFIXES[CHANGE]}", len(rows)))
            tables.append(table.set_column(3, "value", pa.array(value[rows] - value[rows - 1])))
            entries = [*entries, (native, CHANGE, "M")]
    return pa.concat_tables(tables), entries


def _half_yearly(native: str) -> bool:
    """Tell whether a price index comes every half year; in other surveys the fourth character means something else."""
    return native[:2] in CPI_SURVEYS and native[3] == "S"


def _observations(points: _Points, fetched_at: datetime, quarantine: Quarantine) -> tuple[pa.Table, list[tuple[str, int, str]]]:
    """Return the observation table and one (native id, kind, frequency) for each series in it."""
    well_named = np.array([bool(_SERIES_ID.fullmatch(native)) for native in points.ids])
    points.refuse(~well_named[points.series], "this is not a BLS series id", quarantine)
    known = np.array([period in SPANS for period in points.periods])
    points.refuse(~known[points.period], "the period code is unknown", quarantine)
    span = np.array([SPANS.get(period, _Span(BASE, 1, 1, 0)) for period in points.periods], np.int64)
    ahead = (points.year - fetched_at.year) * 12 + span[:, 1][points.period] - fetched_at.month > 0
    points.refuse(ahead, "the period begins after the fetch", quarantine)
    points.refuse(points.year < 1600, "the year is impossible", quarantine)
    if not len(points.year):
        raise ParseError("the payload has no usable row")
    _suspect_zeros(points)

    kind, month, months, rank = (span[:, part][points.period] for part in range(4))
    half_yearly = np.array(
        [_half_yearly(native) if good else False for native, good in zip(points.ids, well_named, strict=True)]
    )
    kind = np.where((kind == HALF) & half_yearly[points.series], BASE, kind)
    code = points.series.astype(np.int64) * len(SUFFIXES) + kind
    used = np.flatnonzero(np.bincount(code))
    names = [f"bls.{points.ids[one // len(SUFFIXES)]}{SUFFIXES[one % len(SUFFIXES)]}" for one in used.tolist()]
    place = np.zeros(used[-1] + 1, np.int64)
    place[used[sorted(range(len(names)), key=names.__getitem__)]] = np.arange(len(names))
    start = (points.year.astype(np.int64) - 1600) * 12 + month - 1
    key = ((place[code] << 14 | start) << 4 | months) << 2 | rank
    order = np.argsort(key, kind="stable")
    order = _settle(points, order, key, quarantine)
    shortest = np.full(used[-1] + 1, 12)
    np.minimum.at(shortest, code[order], months[order])
    entries = [
        (points.ids[one // len(SUFFIXES)], one % len(SUFFIXES), {1: "M", 3: "Q", 6: "S", 12: "A"}[int(shortest[one])])
        for one in used.tolist()
    ]
    first = (start[order] - 370 * 12).astype("datetime64[M]")
    table = _table(sorted(names), place[code[order]], first, months[order], points, order, fetched_at)
    return table, entries


def _suspect_zeros(points: _Points) -> None:
    """Flag price indexes that are not positive: they are in the provider's files, and no price level can be that."""
    of_cpi = np.array([native[:2] in CPI_SURVEYS for native in points.ids])
    suspect = (points.value <= 0) & of_cpi[points.series]
    if suspect.any():
        points.note = np.where(suspect, points.note + len(points.notes), points.note)
        points.notes = [*points.notes, *(note._replace(flags=(*note.flags, Flag.SUSPECT)) for note in points.notes)]


def _settle(points: _Points, order: np.ndarray, key: np.ndarray, quarantine: Quarantine) -> np.ndarray:
    """Return ``order`` with one row for each series and period.

    Rows that repeat a row are dropped. Of an annual average under several codes M13 goes before S03 and Q05; one that
    differs from it goes to quarantine. Rows of one code that contradict each other go there together.
    """
    sorted_key = key[order]
    again = np.concatenate(([False], sorted_key[1:] >> 2 == sorted_key[:-1] >> 2))
    if not again.any():
        return order
    head = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
    value, note, rank = points.value[order], points.note[order], sorted_key & 3
    same_value = (value == value[head]) | (np.isnan(value) & np.isnan(value[head]))
    same_code = rank == rank[head]
    differs = again & ~(same_value & ((note == note[head]) | ~same_code))
    group = np.cumsum(~again) - 1
    torn = np.isin(group, group[differs & same_code])
    for mask, reason in (
        (torn, "the payload has several values for this period"),
        (differs & ~torn, "another code of the payload gives another annual average"),
    ):
        quarantine.extend(points.entry(row, reason) for row in order[mask])
    return order[~(again | torn)]


def _table(
    names: list[str],
    series: np.ndarray,
    first: np.ndarray,
    months: np.ndarray,
    points: _Points,
    order: np.ndarray,
    fetched_at: datetime,
) -> pa.Table:
    """Return the observation table of rows in their final order."""
    rows = len(order)
    note = pa.array(points.note[order])
    texts = pa.list_(pa.string())
    return pa.table(
        {
            "series_id": pa.array(names, pa.string()).take(pa.array(series)),
            "period_start": pa.array(first.astype("datetime64[D]")),
            "period_end": pa.array((first + months.astype("timedelta64[M]")).astype("datetime64[D]") - 1),
            "value": pa.array(points.value[order], pa.float64(), from_pandas=True),
            "known_at": pa.repeat(pa.scalar(fetched_at, INSTANT), rows),
            "known_at_basis": _text(Basis.FIRST_SEEN, rows),
            "obs_status": pa.array([one.status for one in points.notes], pa.string()).take(note),
            "flags": pa.array([list(one.flags) for one in points.notes], texts).take(note),
            "footnotes": pa.array([list(one.footnotes) for one in points.notes], texts).take(note),
        }
    )


def _series(entries: Iterable[tuple[str, int, str]], titles: _Titles, catalogue: Mapping[str, Any]) -> pa.Table:
    """Return one row for each (native id, kind, frequency), ordered by id."""
    defaults = catalogue["defaults"]
    rows = []
    for native, kind, frequency in entries:
        survey = catalogue["surveys"].get(native[:2], {})
        listed = catalogue["series"].get(native, {})
        measured = _measured(native, survey.get("units", ()))
        adjusted = {"S": "SA", "U": "NSA"}.get(native[2], "NA") if survey else "NA"
        title = titles.title.get(native) or listed.get("title") or _plain_title(native, survey.get("name"), adjusted)
        base = _BASE_IN_TITLE.search(title)
        unit = titles.unit.get(native) or listed.get("unit") or measured.get("unit")
        rows.append(
            (
                f"bls.{native}{SUFFIXES[kind]}",
                title + TITLES[kind],
                defaults["agency"],
                unit or (f"{defaults['unit']} {base[1]}" if base else defaults["unit"]),
                listed.get("decimals", measured.get("decimals", defaults["decimals"])),
                frequency,
                adjusted,
                survey.get("revision", {}).get(adjusted, defaults["revision"]),
                survey.get("release_id") or listed.get("release_id"),
                survey.get("component") or listed.get("component"),
                defaults["stale_after_days"][frequency],
                defaults["licence"],
                defaults["source_url"].format(id=native),
            )
        )
    names = (
        "series_id", "title", "agency", "unit", "decimals", "frequency", "seasonal_adjustment", "revision_policy",
        "release_id", "component", "stale_after_days", "licence", "source_url",
    )  # fmt: skip
    types = {"decimals": pa.int32(), "stale_after_days": pa.int32()}
    columns = list(zip(*sorted(rows), strict=True)) or [()] * len(names)
    return pa.table({name: pa.array(column, types.get(name, pa.string())) for name, column in zip(names, columns, strict=True)})


def _measured(native: str, rules: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what the first rule of a survey that fits an id says of its unit and decimals."""
    return next((rule for rule in rules if re.fullmatch(rule["id"], native)), {})


def _plain_title(native: str, survey: str | None, adjusted: str) -> str:
    """Return a title for a series that only its data tell of."""
    words = {"SA": ", seasonally adjusted", "NSA": ", not seasonally adjusted"}.get(adjusted, "")
    return f"BLS series {native}" + (f", {survey}" if survey else "") + words


def _text(word: str, count: int) -> pa.Array:
    """Return a column that holds one word."""
    return pa.repeat(pa.scalar(str(word), pa.string()), count)


# --- the rule of past release days --------------------------------------------------------------------------

FIRST_MONTH = (1913, 1)
LAST_MONTH = (2023, 11)  # from the next month on, every release is in the calendar of facts
LISTED_MONTHS = {(2013, 9), (2013, 10)}  # moved by the lapse of October 2013, and in the calendar of facts
CHECKED_FROM = (1949, 2)  # the first month in the list of release days that the rule was checked against
HOUR_KNOWN_FROM = (1979, 1)  # before, fourteen releases came on the last day itself, at an hour nobody recorded
LATE_RELEASES = {  # reference month -> release day, where it came later than the last day of the following month
    (1951, 1): date(1951, 3, 2),
    (1964, 1): date(1964, 3, 3),
    (1995, 12): date(1996, 2, 1),  # lapse in appropriations
}


def rules(year: int) -> pa.Table:
    """Return the bound of the CPI release of each reference month of ``year`` that no calendar lists.

    Since 1949 no CPI came later than the last day of the month after its reference month, except ``LATE_RELEASES``. So
    08:30 in New York on that day is an upper bound (KNOWN_LATE). Up to 1978 the hour of release is not recorded and
    releases came on that day itself, so the bound is the end of the day. Months before February 1949 lie outside of
    what was checked, and the oldest were computed years later: there the instant could be too early (LOOKAHEAD_RISK).
    """
    months = [(year, month) for month in range(1, 13)]
    months = [month for month in months if FIRST_MONTH <= month <= LAST_MONTH and month not in LISTED_MONTHS]
    source = (
        "rule: an upper bound; no CPI since 1949 came later than the last day of the following month, except those of "
        "1951-01, 1964-01 and 1995-12 (release days of the CPI as listed by FRED, release 10)"
    )
    size = len(months)
    instants = pa.array([_released(month) for month in months], INSTANT)
    nothing = pa.nulls(size, pa.string())
    return pa.table(
        {
            "release_id": _text("cpi", size),
            "component": _text("all", size),
            "reference_period": pa.array([f"{one[0]}-{one[1]:02d}" for one in months], pa.string()),
            "reference_end": pa.array([_last_day(*one) for one in months], pa.date32()),
            "event": _text(Event.RELEASED, size),
            "event_at": instants,
            "announced_at": instants,
            "announced_basis": _text("rule", size),
            "flags": pa.array(
                [[Flag.KNOWN_LATE if one >= CHECKED_FROM else Flag.LOOKAHEAD_RISK] for one in months],
                pa.list_(pa.string()),
            ),
            "merged_into": nothing,
            "reason": nothing,
            "source": _text(source, size),
        }
    )


def _released(month: tuple[int, int]) -> datetime:
    """Return the bound of the release of a reference month."""
    year, number = month
    day = LATE_RELEASES.get(month) or _last_day(year + number // 12, number % 12 + 1)
    return at_local(day, "08:30" if month >= HOUR_KNOWN_FROM else "23:59", "America/New_York")


def _last_day(year: int, month: int) -> date:
    """Return the last day of a month."""
    return date(year, month, monthrange(year, month)[1])
