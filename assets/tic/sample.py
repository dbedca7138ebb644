"""A generated sample of the TIC files. The figures are invented: they add up as the Treasury's do, and are no one's.

The writers take any holders and months, and serve the benchmarks and the tests too.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from assets.tic import BASE_URL, FILES
from undertow.room import Sample

__all__ = ["TYPES", "cslt_json", "cslt_zip", "files", "history", "majors", "months", "payloads", "press_release", "table"]

FETCHED_AT = "2026-10-31T12:00:00Z"
LAST = date(2026, 8, 1)
FORM = date(2023, 2, 1)
# code -> name and the size of what it holds, in hundredths of the whole
COUNTRIES = {
    "10251": ("Belgium", 4), "13005": ("United Kingdom", 12), "29998": ("Canada", 7), "36137": ("Cayman Islands", 8),
    "41408": ("China, Mainland", 6), "42609": ("Japan", 13),
}  # fmt: skip
TOTALS = {
    "69995": "All Countries", "79995": "Total IROs", "99996": "Grand Total", "99990": "Of Which: Foreign Official",
    "99991": "Of Which: Foreign Non-Official",
}  # fmt: skip
TYPES = {"for_lt": ("treas", "agcy", "corp", "eqty"), "us_lt": ("govt_bond", "corp_bond", "eqty")}
_HEADS = {
    "slt_table1": ("Table 1: U.S. Long-Term Securities Held by Foreign Residents", "net U.S. sales to foreigners", "foreign"),
    "slt_table2": (
        "Table 2: Foreign Long-Term Securities Held by U.S. Residents",
        "net U.S. purchases from foreigners",
        "U.S.",
    ),
    "slt_table3": ("Table 3: U.S. Treasury Securities Held by Foreign Residents 1/", "net U.S. sales to foreigners", "foreign"),
    "slt_table4": ("Table 4: Gross U.S. Sales and Purchases of Long-Term Securities", "gross sales and purchases", "reported"),
}
# the two rows of labels above the machine names: by a part of the name
_GROUPS = {
    "total": "Total Securities",
    "st_treas": "Short-term U.S. Treasuries", "treas": "U.S. Treasuries", "agcy": "U.S. Agency Bonds",
    "govt_bond": "Foreign Gov't Bonds", "corp_bond": "Foreign Corp. Bonds", "corp": "U.S. Corp. & Other Bonds",
    "eqty": "Corp. Equity",
}  # fmt: skip
_MEASURES = {
    "pos": "Holdings", "net": "Net Transactions", "valchg": "Valuation Change", "sale": "Gross Sales", "pur": "Gross Purchases",
}  # fmt: skip
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Row = tuple[str, str, str, Mapping[str, int | None]]  # code, name, month, values by column


def payloads() -> Iterator[Sample]:
    """Yield one payload of each file that is alive."""
    for dataset, content in files().items():
        yield Sample(dataset, content, BASE_URL + FILES[dataset], FETCHED_AT)


def files(last: date = LAST) -> dict[str, bytes]:
    """Return the content of each file that is alive, by dataset, its newest month being that of ``last``."""
    long, short = months(45, last), months(6, last)
    return {
        **{f"slt_table{n}": table(f"slt_table{n}", COUNTRIES, long if n == 1 else short) for n in range(1, 5)},
        "slt_table5": majors(months(13, last)),
        "mfhhis01": history((2011, last.year - 1)),
        "npr_history": press_release(long),
        "cslt": cslt_zip(cslt_json(("for_lt_treas", "for_lt_eqty"), ("99996", "41408"), months(48, last))),
    }


def months(count: int, last: date = LAST) -> list[date]:
    """Return the first days of so many months up to the last, oldest first."""
    numbers = range(last.year * 12 + last.month - count, last.year * 12 + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def table(dataset: str, countries: Mapping[str, tuple[str, float]], told: Sequence[date]) -> bytes:
    """Return a table by country and month. Aggregates add up, and before the form of 2023 there are no transactions."""
    side = "us_lt" if dataset == "slt_table2" else "for_lt"
    columns, cells = _cells(dataset, side, countries, told)
    title, sign, whose = _HEADS[dataset]
    head = [
        [title],
        ["All Countries and International and Regional Organizations"],
        [f"A positive number for {sign} denotes an increase in a {whose} position"],
        ["Millions of dollars"],
        [f"Link: {BASE_URL}{FILES[dataset]}"],
        [],
        ["", "", "", *(_label(column, _GROUPS) for column in columns)],
        ["Country", "Country Code", "Date", *(_label(column, _MEASURES) for column in columns)],
        ["country", "country_code", "date", *columns],
    ]
    names = {**{code: name for code, (name, _) in countries.items()}, **TOTALS}
    body = [
        [names[code], code, f"{month:%Y-%m}", *(_cell(cells[code, month].get(column)) for column in columns)]
        for code in names
        for month in reversed(told)
    ]
    return _lines(
        [*head, *body, [], ["Definitions:"], ["Generated figures, in the form of the Treasury's file."]], 3 + len(columns)
    )


def _label(column: str, labels: Mapping[str, str]) -> str:
    """Return the label of a column, by the first part of its name that has one."""
    return next(label for part, label in labels.items() if part in column)


def _cells(
    dataset: str, side: str, countries: Mapping[str, tuple[str, float]], told: Sequence[date]
) -> tuple[list[str], dict[tuple[str, date], dict[str, int | None]]]:
    """Return the columns of a table, and the values of each holder and month."""
    if dataset == "slt_table4":
        kinds = [f"{of}_{kind}" for of, types in TYPES.items() for kind in ("total", *types)]
        columns = [f"{kind}_{act}" for act in ("sale", "pur") for kind in kinds]
    elif dataset == "slt_table3":
        columns = ["for_treas_pos", "for_treas_net", "for_lt_treas_pos", "for_lt_treas_net", "for_lt_treas_valchg",
                   "for_st_treas_pos", "for_st_treas_net"]  # fmt: skip
    else:
        columns = [f"{side}_{kind}_{what}" for kind in ("total", *TYPES[side]) for what in ("pos", "net", "valchg")]
    cells: dict[tuple[str, date], dict[str, int | None]] = {}
    for code, (_, size) in countries.items():
        for month in told:
            cells[code, month] = _country(dataset, side, code, size, month)
    for month in told:
        whole = {column: _sum(cells[code, month].get(column) for code in countries) for column in columns}
        organisations = {column: None if value is None else value // 400 for column, value in whole.items()}
        total = {column: _sum((value, organisations[column])) for column, value in whole.items()}
        official = {column: None if value is None else value * 2 // 5 for column, value in total.items()}
        others = {column: None if value is None else value - (official[column] or 0) for column, value in total.items()}
        rows = (whole, organisations, total, official, others)
        cells.update({(code, month): row for code, row in zip(TOTALS, rows, strict=True)})
    return columns, cells


def _country(dataset: str, side: str, code: str, size: float, month: date) -> dict[str, int | None]:
    """Return the values of one country in one month, in millions."""
    if dataset == "slt_table4":
        values = {
            f"{of}_{kind}_{act}": _wave(f"{of}{kind}{act}{code}", month, int(size * 4_000)) + int(size * 9_000)
            for of, types in TYPES.items() for kind in types for act in ("sale", "pur")
        }  # fmt: skip
        for of, types in TYPES.items():
            for act in ("sale", "pur"):
                values[f"{of}_total_{act}"] = sum(values[f"{of}_{kind}_{act}"] for kind in types)
        return dict(values)
    told: dict[str, int | None] = {}
    for kind in TYPES[side]:
        told[f"{side}_{kind}_pos"] = _level(f"{side}{kind}{code}", month, size)
        is_told = month >= FORM
        told[f"{side}_{kind}_net"] = _wave(f"net{side}{kind}{code}", month, int(size * 700)) if is_told else None
        told[f"{side}_{kind}_valchg"] = _wave(f"val{side}{kind}{code}", month, int(size * 500)) if is_told else None
    for what in ("pos", "net", "valchg"):
        told[f"{side}_total_{what}"] = _sum(told[f"{side}_{kind}_{what}"] for kind in TYPES[side])
    if dataset == "slt_table3":
        told["for_st_treas_pos"] = _level(f"bills{code}", month, size / 7)
        told["for_st_treas_net"] = _wave(f"bills{code}", month, int(size * 200))
        told["for_treas_pos"] = _sum((told["for_lt_treas_pos"], told["for_st_treas_pos"]))
        told["for_treas_net"] = _sum((told["for_lt_treas_net"], told["for_st_treas_net"]))
    return told


def _level(name: str, month: date, size: float) -> int:
    """Return a level that grows over the years."""
    age = (month.year - 2010) * 12 + month.month
    return int(size * (15_000 + 60 * age)) + _wave(name, month, int(size * 300))


def _wave(name: str, month: date, span: int) -> int:
    """Return a number between -span and span that is the same in every run."""
    return zlib.crc32(f"{name}|{month}".encode()) % (2 * span + 1) - span if span else 0


def _sum(values: Iterable[int | None]) -> int | None:
    """Return a sum, None where a part is missing."""
    told = list(values)
    return None if None in told else sum(value for value in told if value is not None)


def _cell(value: int | None) -> str:
    return "n.a." if value is None else str(value)


def _lines(rows: Iterable[Sequence[str]], wide: int) -> bytes:
    """Return rows as text with tabs and CRLF, each padded to the full number of columns."""
    return "".join("\t".join([*row, *[""] * (wide - len(row))]) + "\r\n" for row in rows).encode()


def majors(told: Sequence[date]) -> bytes:
    """Return the table of major holders, in billions."""
    rows = [["Country", *(f"{month:%Y-%m}" for month in reversed(told))]]
    rows += _holders(list(reversed(told)), {"Of Which: Foreign Official": 1.0, "Of Which: Foreign Official Treasury Bills": 0.1,
                                            "Of Which: Foreign Official T-Bonds & Notes": 0.9})  # fmt: skip
    head = [
        ["Table 5: Major Foreign Holders of Treasury Securities"],
        ["Holdings at end of time period"],
        ["Billions of dollars"],
        [f"Link: {BASE_URL}{FILES['slt_table5']}"],
        [],
    ]
    return _lines([*head, *rows, [], ["Notes:"], ["Generated figures, in the form of the Treasury's file."]], len(told) + 1)


def history(years: Sequence[int]) -> bytes:
    """Return the history of major holders in blocks of a year, newest first; in the older ones June stands twice."""
    rows: list[list[str]] = [
        ["", "", "MAJOR FOREIGN HOLDERS OF TREASURY SECURITIES"],
        ["", "", "", "    (in billions of dollars)"],
        ["", "", "", "HOLDINGS 1/ AT END OF PERIOD"],
    ]
    for year in sorted(years, reverse=True):
        columns = [date(year, month, 1) for month in range(12, 0, -1)]
        marks: list[list[str]] = []
        if 2002 <= year <= 2011:
            columns.insert(6, date(year, 6, 1))
            marks = [["", *[""] * 6, "Series 9/", "Series"], ["", *[""] * 6, " IX", " VIII"]]
        rows += [[], [], *marks]
        rows.append(["", *(_MONTHS[month.month - 1] for month in columns)])
        rows.append(["Country", *([str(year)] * len(columns))])
        rows.append(["", *["------"] * len(columns)])
        told = _holders(columns, {"  For. Official": 1.0, "    Treasury Bills": 0.1, "    T-Bonds & Notes": 0.9})
        for row in told:
            name = f"{row[0]} 2/" if row[0] == "United Kingdom" and year < 2012 else row[0]
            rows.append([f'"{name}"' if "," in name else name, *(cell.removesuffix(".0") for cell in row[1:])])
    rows += [
        [],
        ["Department of the Treasury/Federal Reserve Board"],
        ["5/18/2026"],
        ["(2025 revised May 18, 2026)"],
        [],
        ["*     Less than $50 million."],
    ]
    return _lines(rows, 14)


def _holders(columns: Sequence[date], official: Mapping[str, float]) -> list[list[str]]:
    """Return the rows of a list of holders, in tenths of billions that add up; a repeated month has other numbers."""
    tenths: dict[str, list[int]] = {name: [] for name, _ in COUNTRIES.values()}
    for position, month in enumerate(columns):
        again = position > 0 and columns[position - 1] == month
        for name, size in COUNTRIES.values():
            tenths[name].append(_level(name, month, size) // 100 - (37 if again else 0))
    rest = [_level("rest", month, 30) // 100 for month in columns]
    total = [sum(column) for column in zip(*tenths.values(), rest, strict=True)]
    state = [value * 2 // 5 for value in total]
    bills = [value // 9 for value in state]
    parts = dict(zip(official, (state, bills, [a - b for a, b in zip(state, bills, strict=True)]), strict=True))
    told = {**tenths, "All Other": rest, "Grand Total": total, **parts}
    return [[name, *(f"{value / 10:.1f}" for value in values)] for name, values in told.items()]


def press_release(told: Sequence[date]) -> bytes:
    """Return the history of the press release, newest first; its lines add up."""
    rows = [
        ["TIC monthly reports on cross-border portfolio financial flows"],
        ["Millions of dollars, not seasonally adjusted"],
        [],
        ["", *(str(line) for line in range(1, 33))],
    ]
    for month in reversed(told):
        line = {n: _wave(f"line{n}", month, 60_000) for n in range(1, 33)}
        line[4], line[9] = sum(line[n] for n in (5, 6, 7, 8)), sum(line[n] for n in (10, 11, 12, 13))
        line[3] = line[4] + line[9]
        line[2], line[1] = 900_000, 900_000 + line[3]
        line[16] = line[17] + line[18]
        line[15], line[14] = 400_000, 400_000 + line[16]
        line[19] = line[3] + line[16]
        line[21] = line[19] + line[20]
        line[23], line[26] = line[24] + line[25], line[27] + line[28]
        line[22] = line[23] + line[26]
        line[30] = line[21] + line[22] + line[29]
        line[32] = line[30] - line[31]
        rows.append([f"{month.year}-{_MONTHS[month.month - 1]}", *(str(line[n]) for n in range(1, 33))])
    return _lines(rows, 33)


def cslt_json(kinds: Iterable[str], codes: Sequence[str], told: Sequence[date]) -> Iterator[str]:
    """Yield the JSON of CSLT in pieces: holdings, transactions and valuation of each kind and code, newest month first."""
    yield '{"releaseID": "3", "version": "2.0", "transmissionDt": "2026-10-16T16:00:00", "series": [\n'
    separator = ""
    for kind in kinds:
        for code in codes:
            for what in ("pos", "net", "valchg"):
                span = told if what == "pos" else told[1:]  # holdings have one month more
                source_id = f"{kind}_{what}_{code}"
                entry = {
                    "source_id": source_id,
                    "metadata": {
                        "title": f"Generated {source_id}",
                        "frequency": "M",
                        "season": "NSA",
                        "units": "Millions of Dollars",
                        "additional": {"status": "A"},
                    },
                    "observations": [
                        [
                            f"{month:%Y-%m-01}",
                            f"{_level(source_id, month, 9) if what == 'pos' else _wave(source_id, month, 9_000)}.0",
                        ]
                        for month in reversed(span)
                    ],
                }
                yield separator + json.dumps(entry, indent=3)
                separator = ",\n"
    yield "\n]}\n"


def cslt_zip(pieces: Iterable[str]) -> bytes:
    """Return the zip of CSLT, always the same bytes for the same pieces."""
    packed = io.BytesIO()
    entry = zipfile.ZipInfo("cslt.json", (2026, 10, 16, 16, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(packed, "w") as archive, archive.open(entry, "w", force_zip64=True) as file:
        for piece in pieces:
            file.write(piece.encode())
    return packed.getvalue()
