"""Economic indicators: the API's answers and the bureau's files to rows.

Both are brought to one shape first (series, month, cell), on whole columns; marks, numbers, repeated rows and months ahead are
judged there, once. Only series of the catalogue are read. Fetching does not belong here, nor does what a series is used for.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pacsv

from assets.census import PROGRAMS
from undertow.archive import Sighting
from undertow.errors import ParseError
from undertow.room import Landed
from undertow.safezip import read_member
from undertow.schemas import OBSERVATION, PROVENANCE, SERIES
from undertow.vocabulary import Basis, ObsStatus

__all__ = ["parse"]

Quarantine = list[tuple[str, str, str]]
Cells = list[tuple[str, date | None, str, str]]  # series key, first day of the month, cell, place

MAX_TEXT = 256 * 1024 * 1024
NEEDED = ("cell_value", "data_type_code", "category_code", "seasonally_adj", "time")
KNOWN = {*NEEDED, "error_data", "time_slot_id", "time_slot_date", "time_slot_name", "program_code", "geo_level_code", "us"}
MARKS = {
    "(NA)": ObsStatus.MISSING,
    "(S)": ObsStatus.SUPPRESSED,
    "(D)": ObsStatus.SUPPRESSED,
    "(X)": ObsStatus.CANNOT_EXIST,
}
SECTIONS = (
    "CATEGORIES", "DATA TYPES", "ERROR TYPES", "GEO LEVELS", "TIME PERIODS", "NOTES", "DATA UPDATED ON", "DATA",
)  # fmt: skip
CODES = {"CATEGORIES": ("cat_idx", "cat_code"), "DATA TYPES": ("dt_idx", "dt_code"), "GEO LEVELS": ("geo_idx", "geo_code"),
         "TIME PERIODS": ("per_idx", "per_name")}  # fmt: skip
DATA_COLUMNS = ("per_idx", "cat_idx", "dt_idx", "geo_idx", "is_adj", "val")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?", re.ASCII)


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the values and the series of one answer of the API or of one file.

    A mark such as (NA) is a row without a value and with its status. A cell that is neither number nor mark, a month ahead and
    rows that contradict each other go to quarantine, and so does the name of each series of the catalogue that is not there.

    Raises:
        ParseError: the bytes are not what the dataset says, a column or a section is missing, or no series of the catalogue
            is there.
    """
    readers = {one.api: (_answer, one.code) for one in PROGRAMS} | {f"{one.api}_file": (_file, one.code) for one in PROGRAMS}
    if sighting.dataset not in readers:
        raise ParseError(f"the room census reads {', '.join(readers)}; it has no parser for {sighting.dataset}")
    read, program = readers[sighting.dataset]
    quarantine: Quarantine = []
    wanted = [key for key in catalogue["series"] if key.split(".")[0] == program]
    cells = read(payload, program, wanted, quarantine)
    return _landed(cells, wanted, program, sighting, catalogue, quarantine)


def _answer(payload: bytes, program: str, wanted: list[str], quarantine: Quarantine) -> Cells:
    """Read an answer of the API."""
    try:
        table = json.loads(payload)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ParseError(f"the answer is not JSON: {error}") from error
    if not isinstance(table, list) or not table or not all(isinstance(row, list) for row in table):
        raise ParseError("the answer is not an array of arrays")
    header = table[0]
    if missing := [name for name in NEEDED if name not in header]:
        raise ParseError(f"the answer has no column {', '.join(missing)}; its columns are {header}")
    if len(table) == 1:
        raise ParseError("the answer has columns and no row")
    at = {name: header.index(name) for name in header if isinstance(name, str)}  # of a name that stands twice, the first
    quarantine += [(f"column {name}", "the column is not known, so it is not read", "") for name in sorted(set(at) - KNOWN)]
    cells: Cells = []
    for number, row in enumerate(table[1:], 1):
        if len(row) != len(header) or not all(isinstance(cell, str) or cell is None for cell in row):
            quarantine.append((f"row {number}", f"the row is not {len(header)} texts", str(row)[:200]))
            continue
        told = {name: (row[place] or "").strip() for name, place in at.items()}
        if told.get("error_data", "no") == "yes" or told.get("geo_level_code", "US") != "US":
            continue  # sampling errors and regions are series of their own, and none of the catalogue
        adjusted = {"yes": "SA", "no": "NSA"}.get(told["seasonally_adj"])
        key = f"{program}.{told['category_code']}.{told['data_type_code']}.{adjusted}"
        if key in wanted:
            parts = re.fullmatch(r"(\d{4})-(\d\d?)", told["time"], re.ASCII)
            month = _month(int(parts[1]), int(parts[2])) if parts else None
            cells.append((key, month, told["cell_value"], f"row {number}"))
    return cells


def _file(payload: bytes, program: str, wanted: list[str], quarantine: Quarantine) -> Cells:
    """Read a file: its sections, and of its data the columns of the series that are wanted."""
    try:
        raw = read_member(payload, pattern=f"{program}-mf.csv", max_bytes=MAX_TEXT)
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"{program}-mf.csv is not text: {error}") from error
    sections = _sections(text.replace("\r\n", "\n").replace("\r", "\n"))
    index = {name: _codes(sections[name], name) for name in CODES}
    country = index["GEO LEVELS"].get("US")
    if country is None:
        raise ParseError(f"the file has no geographic level US; its levels are {sorted(index['GEO LEVELS'])}")
    periods = {number: name for name, number in index["TIME PERIODS"].items()}
    data = _data(sections["DATA"], quarantine)
    of_country = pc.equal(data["geo_idx"], country)
    if "et_idx" in data.column_names:
        of_country = pc.and_(of_country, pc.equal(data["et_idx"], "0"))  # others are sampling errors
    data = data.filter(of_country)
    cells: Cells = []
    for key in wanted:
        _, category, kind, adjusted = key.split(".")
        places = index["CATEGORIES"].get(category), index["DATA TYPES"].get(kind)
        if None in places:
            continue
        mask = pc.and_(pc.equal(data["cat_idx"], places[0]), pc.equal(data["dt_idx"], places[1]))
        found = data.filter(pc.and_(mask, pc.equal(data["is_adj"], "1" if adjusted == "SA" else "0")))
        for period, value in zip(found["per_idx"].to_pylist(), found["val"].to_pylist(), strict=True):
            cells.append((key, _named_month(periods.get(period, "")), value, f"period {period}, {key}"))
    return cells


def _sections(text: str) -> dict[str, str]:
    """Return the sections of a file by name."""
    heads = [
        (match.start(), match.end(), match[1]) for match in re.finditer(rf"^({'|'.join(SECTIONS)})[ ,]*$", text, re.MULTILINE)
    ]
    found = {}
    for place, (_, end, name) in enumerate(heads):
        following = heads[place + 1][0] if place + 1 < len(heads) else len(text)
        found.setdefault(name, text[end:following].strip("\n"))
    if missing := [name for name in (*CODES, "DATA") if name not in found]:
        raise ParseError(f"the file has no section {', '.join(missing)}")
    return found


def _codes(section: str, name: str) -> dict[str, str]:
    """Return code -> number of one section."""
    reader = csv.DictReader(io.StringIO(section))
    number, code = CODES[name]
    if not {number, code} <= set(reader.fieldnames or ()):
        raise ParseError(f"the section {name} has the columns {reader.fieldnames}, not {number} and {code}")
    return {row[code]: row[number] for row in reader if row[code] is not None}


def _data(section: str, quarantine: Quarantine) -> pa.Table:
    """Return the section DATA as text; a row of another length goes to quarantine."""

    def odd(row: pacsv.InvalidRow) -> str:
        place = f"DATA, line {row.number}" if row.number else "DATA"
        quarantine.append((place, f"the row has {row.actual_columns} cells, expected {row.expected_columns}", row.text[:200]))
        return "skip"

    body = section.encode()
    names = section.partition("\n")[0].split(",")
    if missing := [name for name in DATA_COLUMNS if name not in names]:
        raise ParseError(f"the section DATA has no column {', '.join(missing)}; its columns are {names}")
    known = {*DATA_COLUMNS, "et_idx"}
    quarantine += [(f"column {name}", "the column is not known, so it is not read", "") for name in names if name not in known]
    try:
        return pacsv.read_csv(
            pa.BufferReader(body),
            read_options=pacsv.ReadOptions(use_threads=False),
            parse_options=pacsv.ParseOptions(invalid_row_handler=odd),
            convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise ParseError(f"the section DATA cannot be read: {error}") from error


def _landed(
    cells: Cells, wanted: list[str], program: str, sighting: Sighting, catalogue: Mapping[str, Any], quarantine: Quarantine
) -> Landed:
    """Judge the cells and return the tables of a payload."""
    told: dict[tuple[str, date], tuple[float | None, ObsStatus]] = {}
    torn: set[tuple[str, date]] = set()
    newest = sighting.fetched_at.date()
    for key, month, cell, place in cells:
        if month is None:
            quarantine.append((place, "the period is not a month", f"{key} {cell}"))
        elif month > newest:
            quarantine.append((place, "the month begins after the fetch", f"{key} {month.isoformat()} {cell}"))
        elif cell not in MARKS and not _NUMBER.fullmatch(cell):
            quarantine.append((place, "the cell is neither a number nor a known mark", f"{key} {month.isoformat()} {cell}"))
        else:
            value = (None, MARKS[cell]) if cell in MARKS else (float(cell.replace(",", "")), ObsStatus.NORMAL)
            if told.setdefault((key, month), value) != value:
                torn.add((key, month))
                quarantine.append((place, "the payload has several values of this month", f"{key} {month.isoformat()} {cell}"))
    for key, month in sorted(torn):
        value, _ = told.pop((key, month))
        quarantine.append((key, "the payload has several values of this month", f"{key} {month.isoformat()} {value}"))
    present = {key for key, _ in told}
    if not present:
        raise ParseError(f"the payload has no usable value of any series of {program} in the catalogue")
    quarantine += [
        (key, "the payload has no value of this series of the catalogue", "") for key in wanted if key not in present
    ]
    rows = [
        {
            "series_id": f"census.{key}",
            "period_start": month,
            "period_end": _last_day(month),
            "value": value,
            "known_at": sighting.fetched_at,
            "known_at_basis": Basis.FIRST_SEEN.value,
            "obs_status": status.value,
            "flags": [],
            "footnotes": [],
        }
        for (key, month), (value, status) in sorted(told.items())
    ]
    series = [_series(key, program, catalogue) for key in wanted if key in present]
    return Landed(
        observation=pa.Table.from_pylist(rows, schema=_parsed(OBSERVATION)),
        series=pa.Table.from_pylist(series, schema=_parsed(SERIES)),
        quarantine=quarantine,
    )


def _series(key: str, program: str, catalogue: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a series."""
    return {
        **catalogue["defaults"],
        **catalogue["releases"][program],
        **catalogue["series"][key],
        "series_id": f"census.{key}",
        "seasonal_adjustment": key.rpartition(".")[2],
        "component": None,
    }


def _parsed(schema: pa.Schema) -> pa.Schema:
    """Return a landing schema without the columns that the landing writer adds."""
    return pa.schema([column for column in schema if column not in PROVENANCE])


def _month(year: int, month: int) -> date | None:
    """Return the first day of a month, or None where there is none."""
    return date(year, month, 1) if 1900 <= year <= 9998 and 1 <= month <= 12 else None


def _named_month(name: str) -> date | None:
    """Return the first day of ``Jan-1992`` or ``Jan1992``, or None."""
    parts = re.fullmatch(r"([A-Z][a-z]{2})-?(\d{4})", name, re.ASCII)
    if parts is None or parts[1] not in MONTHS:
        return None
    return _month(int(parts[2]), MONTHS.index(parts[1]) + 1)


def _last_day(month: date) -> date:
    """Return the last day of a month, given by its first."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
