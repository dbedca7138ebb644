"""A generated sample of the economic indicators: two answers of the API for each program, a month apart, and one file.

The figures are invented: of the size of the real ones, and no one's. The second answer revises the newest months of the
first, as every release does. The writers of both forms serve the tests too.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from assets.census import API_URL, FILES_URL, PROGRAMS
from undertow.room import Sample

__all__ = ["LEVELS", "answer", "figure", "file", "payloads"]

# An invented level for each series.
LEVELS: Mapping[str, float] = {
    "MARTS.44X72.SM.SA": 731_000, "MARTS.44X72.SM.NSA": 742_000, "MARTS.44Y72.SM.SA": 593_000, "MARTS.44000.SM.SA": 634_000,
    "M3ADV.MDM.NO.SA": 312_000, "M3ADV.DXT.NO.SA": 201_000, "M3ADV.NXA.NO.SA": 77_000, "M3ADV.NXA.VS.SA": 76_000,
    "M3.MTM.NO.SA": 603_000, "M3.MTM.VS.SA": 598_000, "M3.MDM.NO.SA": 312_000,
    "RESCONST.ASTARTS.TOTAL.SA": 1_310, "RESCONST.APERMITS.TOTAL.SA": 1_390, "RESSALES.ASOLD.TOTAL.SA": 690,
    "VIP.AXXXX.T.SA": 2_150_000, "VIP.AXXXX.V.SA": 1_640_000, "VIP.AXXXX.P.SA": 510_000, "FTD.BOPGS.BAL.SA": -62_000,
}  # fmt: skip
MONTHS = 15
FETCHES = (("2026-09-30T14:05:00Z", date(2026, 8, 1)), ("2026-10-30T14:05:00Z", date(2026, 9, 1)))
SLOW = {"M3": 1, "RESSALES": 0, "VIP": 1, "FTD": 1}  # months that a program is behind the fastest ones
HEADER = ["cell_value", "data_type_code", "time_slot_id", "error_data", "category_code", "seasonally_adj", "time"]
NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def figure(key: str, month: date, age: int) -> str:
    """Return the invented figure of a series for a month that was first told ``age`` releases ago; two releases revise it."""
    step = zlib.crc32(f"{key} {month.isoformat()}".encode()) % 401 - 200
    revision = zlib.crc32(f"{month.isoformat()} {key}".encode()) % 21 - 10
    share = 1 + step / 10_000 + revision * min(age, 2) / 20_000
    return str(round(LEVELS[key] * share))


def _months(newest: date, count: int) -> list[date]:
    """Return the months up to the newest one, oldest first."""
    last = newest.year * 12 + newest.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(last - count + 1, last + 1)]


def answer(program: str, newest: date, count: int = MONTHS, changes: Mapping[tuple[str, date], str] | None = None) -> bytes:
    """Return an answer of the API with the last ``count`` months; ``changes`` are cells to give instead."""
    months = _months(newest, count)
    rows: list[Sequence[str]] = [HEADER]
    for key in LEVELS:
        code, category, kind, adjusted = key.split(".")
        if code != program:
            continue
        said = "yes" if adjusted == "SA" else "no"
        for slot, month in enumerate(months):
            cell = (changes or {}).get((key, month), figure(key, month, len(months) - 1 - slot))
            rows.append([cell, kind, str(slot), "no", category, said, f"{month:%Y-%m}"])
        rows.append(["0.6", f"E_{kind}", "0", "yes", category, said, f"{months[-1]:%Y-%m}"])
    return json.dumps(rows, separators=(",", ":")).replace("],[", "],\n[").encode()


def file(program: str, newest: date, count: int = MONTHS) -> bytes:
    """Return a file, zipped, with the last ``count`` months."""
    months = _months(newest, count)
    keys = [key.split(".") for key in LEVELS if key.startswith(f"{program}.")]
    categories, kinds = (list(dict.fromkeys(key[place] for key in keys)) for place in (1, 2))
    data = []
    for key in keys:
        category, kind, adjusted = categories.index(key[1]) + 1, kinds.index(key[2]) + 1, int(key[3] == "SA")
        for place, month in enumerate(months):
            cell = figure(".".join(key), month, len(months) - 1 - place)
            data.append(f"{place + 1},{category},{kind},0,1,{adjusted},{cell}")
        data.append(f"{len(months)},{category},0,1,1,{adjusted},0.6")
    sections = {
        "CATEGORIES": [
            "cat_idx,cat_code,cat_desc,cat_indent",
            *(f'{n},{c},"Category {c}",0' for n, c in enumerate(categories, 1)),
        ],
        "DATA TYPES": ["dt_idx,dt_code,dt_desc,dt_unit", *(f'{n},{k},"Data type {k}",MLN$' for n, k in enumerate(kinds, 1))],
        "ERROR TYPES": ["et_idx,err_code,err_desc,err_unit", '1,E_1,"Relative standard error",PCT'],
        "GEO LEVELS": ["geo_idx,geo_code,geo_desc", '1,US,"U.S. Total"'],
        "TIME PERIODS": ["per_idx,per_name", *(f"{n},{NAMES[m.month - 1]}-{m.year}" for n, m in enumerate(months, 1))],
        "NOTES": ['"Generated sample, in the form of the bureau\'s files"'],
        "DATA UPDATED ON": ["Friday, 30-Oct-26 09:06:41 EDT"],
        "DATA": ["per_idx,cat_idx,dt_idx,et_idx,geo_idx,is_adj,val", *data],
    }
    text = "\n\n\n".join("\n".join((name, *lines)) for name, lines in sections.items()) + "\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{program}-mf.csv", (2026, 10, 30, 9, 6, 40)), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def payloads() -> Iterator[Sample]:
    """Yield two answers for each program, and the file of new residential sales."""
    for program in PROGRAMS:
        for at, newest in FETCHES:
            month = _months(newest, SLOW.get(program.code, 0) + 1)[0]
            yield Sample(program.api, answer(program.code, month), API_URL + program.api, at)
    yield Sample("ressales_file", file("RESSALES", FETCHES[-1][1]), f"{FILES_URL}?programCode=RESSALES", FETCHES[-1][0])
