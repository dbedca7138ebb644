"""A small sample of BLS payloads, generated in their exact wire formats: no number in it was ever published.

Three pages of the Employment Situation, a few years of vintage tables, and the headline series of the other surveys from the
API, so that a first run without a network shows payroll revisions, the labour market and their vintages at work. Consumer
prices are no part of it: a package ships the genuine ones.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial

from assets.bls import API_V2_URL, VINTAGES_URL
from undertow.room import Sample

__all__ = ["INDUSTRIES", "employees", "page", "payloads", "vintage_table", "vintage_zip", "vintages"]

FETCHED_AT = "2026-02-12T00:00:00Z"
NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
SHORT = ("Jan.", "Feb.", "Mar.", "Apr.", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec.")
LABELS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Lines of table B-1 in their order: name, depth in the tree, and the level they begin with, in thousands.
INDUSTRIES = (
    ("Total nonfarm", 0, 150_000), ("Total private", 1, 128_000), ("Goods-producing", 2, 21_000),
    ("Mining and logging", 3, 600), ("Construction", 3, 8_000), ("Manufacturing", 3, 12_400), ("Durable goods", 4, 7_600),
    ("Nondurable goods", 4, 4_800), ("Private service-providing", 2, 107_000), ("Wholesale trade", 3, 6_000),
    ("Retail trade", 3, 15_000), ("Transportation and warehousing", 3, 6_500), ("Utilities", 3, 580), ("Information", 3, 2_900),
    ("Financial activities", 3, 9_000), ("Professional and business services", 3, 22_000),
    ("Leisure and hospitality", 3, 16_500), ("Other services", 3, 5_900),
    ("Government", 1, 22_000), ("Federal", 2, 2_800), ("State government", 2, 5_300),
    ("Local government", 2, 13_900),
)  # fmt: skip
HOUSEHOLD = (
    "Civilian noninstitutional population", "Civilian labor force", "Participation rate", "Employed",
    "Employment-population ratio", "Unemployed", "Unemployment rate", "Not in labor force",
)  # fmt: skip
API_SERIES = (
    ("JTS000000000000000JOL", "M", "7{0}0"), ("CIU1010000000000A", "Q", "3.{0}"), ("CIS1010000000000Q", "Q", "0.{0}"),
    ("WPSFD4", "M", "150.{0}00"), ("WPUFD4", "M", "151.{0}00"), ("EIUIR", "M", "140.{0}"), ("CES0500000003", "M", "30.{0}0"),
)  # fmt: skip

Month = int  # months since the year 0
Level = Callable[[Month, Month], float]  # (month described, month of the release) -> value


def payloads() -> Iterator[Sample]:
    """Yield the sample: pages, vintage tables and one answer of the API."""
    for released, month in ((date(2025, 12, 16), (2025, 11)), (date(2026, 1, 9), (2025, 12)), (date(2026, 2, 11), (2026, 1))):
        url = f"https://www.bls.gov/news.release/archives/empsit_{released:%m%d%Y}.htm"
        yield Sample("employment_situation", page(released, month).encode(), url, FETCHED_AT)
    yield Sample("ces_vintages", vintages(), VINTAGES_URL, FETCHED_AT)
    yield Sample("api_v2", _answer(), API_V2_URL, FETCHED_AT)


# --- the numbers ---------------------------------------------------------------------------------------------------------


def _number(year: int, month: int) -> Month:
    return year * 12 + month - 1


def employees(line: int, month: Month, release: Month) -> int:
    """Return a made-up level in thousands: a trend, a wobble, and an estimate that settles over three releases."""
    age = min(release - month, 2)
    benchmark = 40 if release % 12 == 0 else 0
    trend = (month - _number(2024, 1)) * (9 - line % 7)
    return INDUSTRIES[line][2] + trend + (line * 7 + month * 5) % 11 * 6 - (2 - age) * (month % 5 + line % 3) * 4 - benchmark


def _household(line: int, month: Month) -> float:
    """Return a made-up number of table A-1, in thousands or percent."""
    population = 270_000 + (month - _number(2024, 1)) * 190
    force = round(population * 0.62) + month * 53 % 170
    unemployed = 7_000 + (month - _number(2024, 1)) * 25 + month * 37 % 190
    values = (
        population,
        force,
        100 * force / population,
        force - unemployed,
        100 * (force - unemployed) / population,
        unemployed,
    )
    return (*values, 100 * unemployed / force, population - force)[line]


# --- the page ------------------------------------------------------------------------------------------------------------


def page(released: date, month: tuple[int, int]) -> str:
    """Return a page of the Employment Situation of a reference month, released on a day at 8:30.

    The page of a December carries the revised household history of the year.
    """
    newest = _number(*month)
    columns = [newest - 12, newest - 2, newest - 1, newest]
    tables = [_annual(newest)] if month[1] == 12 else []
    tables += [_summary(columns), _household_table(newest), _payroll_table(columns)]
    change = partial(_change, 0, release=newest)
    before = [_change(0, newest - back, newest - 1) for back in (2, 1)]
    sentence = " and ".join(
        f"the change for {NAMES[(newest - back) % 12]} was revised {'up' if change(newest - back) > earlier else 'down'} by "
        f"{abs(change(newest - back) - earlier):,},000, from {earlier:+,},000 to {change(newest - back):+,},000"
        for back, earlier in zip((2, 1), before, strict=True)
    )
    sentence = "The change in total nonfarm payroll employment" + sentence.removeprefix("the change").replace(
        " and", ", and", 1
    )
    year, name = month[0], NAMES[month[1] - 1]
    text = f"""
Transmission of material in this news release is embargoed until	               USDL-00-0000
8:30 a.m. (ET) {released:%A}, {NAMES[released.month - 1]} {released.day}, {released.year}

                            THE EMPLOYMENT SITUATION -- {name.upper()} {year}


This page is generated. None of its numbers was published by anyone. Total nonfarm payroll employment changed by
{change(newest):,},000 in {name}.

{sentence}. With these
revisions, employment in both months combined is other than previously reported.
"""
    head = f"<title> Employment Situation News Release - {year} M{month[1]:02d} Results </title>"
    body = f'<h1>Employment Situation News Release</h1>\n<div class="normalnews"><pre>{text}</pre></div>\n' + "\n".join(tables)
    return f'<!DOCTYPE HTML>\n<html lang="en-us">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _change(line: int, month: Month, release: Month) -> int:
    return employees(line, month, release) - employees(line, month - 1, release)


def _payroll_table(columns: Sequence[Month]) -> str:
    newest = columns[-1]
    months = [_column(month, preliminary=newest - month < 2) for month in columns]
    last = f"Change from:<br />{_plain(newest - 1)} - {_plain(newest)}{PRELIMINARY}"
    lines = []
    for line, (name, depth, _) in enumerate(INDUSTRIES):
        levels = [f"{employees(line, month, newest):,}" for month in columns]
        lines.append((name, depth, [*levels, *levels, f"{_change(line, newest, newest):,}"]))
    groups = [("Not seasonally adjusted", 4), ("Seasonally adjusted", 5)]
    title = "ESTABLISHMENT DATA<br /> Table B-1.  Employees on nonfarm payrolls by industry sector"
    return _table("ces_table1", title, "Industry", groups, [*months, *months, last], lines)


def _summary(columns: Sequence[Month]) -> str:
    newest = columns[-1]
    changes = [
        (name, depth + 1, [f"{_change(line, month, newest):,}" for month in columns])
        for line, (name, depth, _) in enumerate(INDUSTRIES)
        if name not in ("Federal", "State government", "Local government")
    ]
    lines: list[tuple[str, int, list[str] | None]] = [
        ("EMPLOYMENT BY SELECTED INDUSTRY<br />(Over-the-month change, in thousands)", 0, None),
        *changes,
        ("HOURS AND EARNINGS<br />ALL EMPLOYEES", 0, None),
        ("Total private", 1, None),
        ("Average weekly hours", 2, [f"34.{month % 5}" for month in columns]),
        ("Average hourly earnings", 2, [f"$30.{month % 90 + 10}" for month in columns]),
        ("Average weekly earnings", 2, [f"$1,0{month % 90 + 10}.50" for month in columns]),
    ]
    heads = [_column(month, preliminary=newest - month < 2) for month in columns]
    title = "ESTABLISHMENT DATA<br /> Summary table B. Establishment data, seasonally adjusted"
    return _table("ces_table10", title, "Category", [], heads, lines)


def _household_table(newest: Month) -> str:
    unadjusted, adjusted = [newest - 12, newest - 1, newest], [newest - 12, *range(newest - 4, newest + 1)]
    groups = [("Not seasonally adjusted", 3), ("Seasonally adjusted" + _mark("1"), 6)]
    title = "HOUSEHOLD DATA<br /> Table A-1.  Employment status of the civilian population by sex and age"
    heads = [_column(month) for month in (*unadjusted, *adjusted)]
    return _table("cps_empsit_a01", title, "Employment status, sex, and age", groups, heads, _people([*unadjusted, *adjusted]))


def _annual(newest: Month) -> str:
    months = list(range(newest - 12, newest + 1))
    groups = [(str(newest // 12 - 1), 1), (str(newest // 12), 12)]
    title = "HOUSEHOLD DATA<br /> Table B.  Employment status of the civilian population, seasonally adjusted"
    heads = [SHORT[month % 12] for month in months]
    lines = [line for line in _people(months) if line[0] != "Not in labor force"]
    return _table("cps_empsit_annual_c", title, "Employment status, sex, and age", groups, heads, lines)


def _people(months: Sequence[Month]) -> list[tuple[str, int, list[str] | None]]:
    depths = (0, 1, 2, 2, 3, 2, 3, 1)
    lines: list[tuple[str, int, list[str] | None]] = [("TOTAL", 0, None)]
    for line, (name, depth) in enumerate(zip(HOUSEHOLD, depths, strict=True)):
        is_rate = "rate" in name or "ratio" in name
        values = [_household(line, month) for month in months]
        lines.append((name, depth, [f"{value:.1f}" if is_rate else f"{value:,.0f}" for value in values]))
    return lines


PRELIMINARY = '<span class="footnoteRefs">(<a href="#f.p" title="Preliminary">p</a>)</span>'


def _mark(note: str) -> str:
    return f'<span class="footnoteRefs">(<a href="#f.{note}">{note}</a>)</span>'


def _plain(month: Month) -> str:
    return f"{SHORT[month % 12]}{month // 12}"


def _column(month: Month, *, preliminary: bool = False) -> str:
    return f"{SHORT[month % 12]}<br />{month // 12}" + (PRELIMINARY if preliminary else "")


def _table(
    name: str,
    title: str,
    stub: str,
    groups: Sequence[tuple[str, int]],
    heads: Sequence[str],
    lines: Sequence[tuple[str, int, list[str] | None]],
) -> str:
    """Return a table as BLS writes them: ids, headings in one or two rows, names marked with their depth."""
    span = ' rowspan="2"' if groups else ""
    rows = [f'\t<th class="stubhead" id="{name}.h.1.1"{span}>{stub}</th>']
    if groups:
        rows += [f'\t<th class="stubhead" colspan="{width}">{group}</th>' for group, width in groups] + ["</tr>", "<tr>"]
    rows += [f'\t<th class="stubhead">{head}</th>' for head in heads]
    body = []
    for line, depth, values in lines:
        body += ["<tr>", f'\t<th><p class="sub{depth}">{line}</p></th>']
        if values is None:
            body.append(f'\t\t\t\t<td colspan="{len(heads)}"/>')
        else:
            body += [f'\t<td><span class="datavalue">{value}</span></td>' for value in values]
        body.append("</tr>\n")
    foot = f'<tr class="footnotes"><td class="footnotes" colspan="{len(heads) + 1}">NOTE: Generated.</td></tr>'
    opening = [f'<table class="regular" id="{name}">', f'<caption><span class="tableTitle">{title}</span></caption>', "<thead>"]
    closing = ["</tbody>", f"<tfoot>{foot}</tfoot>", "</table>"]
    return "\n".join([*opening, "<tr>", *rows, "</tr>", "</thead>", "<tbody>", *body, *closing])


# --- vintages and the API ------------------------------------------------------------------------------------------------


def vintages() -> bytes:
    """Return ``cesvinall.zip`` with one industry: the releases from January 2006 to August 2008."""
    first, last = _number(2006, 1), _number(2008, 8)
    return vintage_zip({"tri_000000_SA.csv": vintage_table(first, last, partial(employees, 0))})


def vintage_table(first: Month, last: Month, level: Level) -> str:
    """Return a vintage table: a row for each release from the first month on, a column for each month."""
    header = ["year", "month", *(f"{LABELS[month % 12]}_{month // 12 % 100:02d}" for month in range(first, last + 1))]
    rows = [",".join(header)]
    for release in range(first, last + 1):
        cells = [f"{level(month, release):g}" if month <= release else "" for month in range(first, last + 1)]
        rows.append(",".join([str(release // 12), str(release % 12 + 1), *cells]))
    return "\n".join(rows) + "\n"


def vintage_zip(tables: dict[str, str]) -> bytes:
    """Return a zip file of tables, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in tables.items():
            entry = zipfile.ZipInfo(name, (2008, 9, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return buffer.getvalue()


def _answer() -> bytes:
    """Return an answer of the API: two years of the headline series that no other sample holds."""
    series = []
    for native, frequency, shape in API_SERIES:
        data = []
        for back in range(24 if frequency == "M" else 8):
            per_year = 12 if frequency == "M" else 4
            year, part = 2025 - back // per_year, per_year - back % per_year
            name = NAMES[part - 1] if frequency == "M" else f"{part}{['st', 'nd', 'rd', 'th'][part - 1]} Quarter"
            notes = [{"code": "P", "text": "preliminary"}] if back == 0 and frequency == "M" else [{}]
            value = shape.format((part * 3 + year) % 10)
            period = f"{frequency}{part:02d}"
            data.append({"year": str(year), "period": period, "periodName": name, "value": value, "footnotes": notes})
        data[0]["latest"] = "true"
        series.append({"seriesID": native, "data": data})
    body = {"status": "REQUEST_SUCCEEDED", "responseTime": 0, "message": [], "Results": {"series": series}}
    return json.dumps(body).encode()
