"""A generated sample of the Board's releases: weeks of statements, six years of yields, and three years of overdrafts.

The figures are invented: they move like balances and yields and are no one's. The form is the Board's: zips with one SDMX-ML
file, and the text table of overdrafts. The writer serves the tests too.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from assets.frb import OVERDRAFTS_URL, release_url
from undertow.calendars import business_days, is_business_day
from undertow.room import Sample

__all__ = ["Told", "overdraft_table", "payloads", "release_xml", "release_zip"]

FETCHED_AT = "2026-10-31T12:00:00Z"
# as many days as the ranks of the signals need: five years after their own windows of a year
LAST_DAY, DAYS = date(2026, 10, 29), 1_620
LAST_FRIDAY = date(2026, 10, 23)
EARLIER_MONDAYS = (date(2026, 8, 24), date(2026, 9, 14), date(2026, 10, 5))
# first Wednesday and number of weeks: before the crisis of 2008, around the lapse of 2025, and up to the fetch
WEEKS = ((date(2008, 8, 13), 5), (date(2025, 9, 3), 18), (date(2026, 7, 29), 14))
EARLY_DAYS = business_days("US_FEDERAL", date(2008, 9, 2), date(2008, 9, 12))
# maturities as the Board names them, and levels in basis points
YIELDS = {
    "M01": 370, "M03": 372, "M06": 368, "Y01": 360, "Y02": 352, "Y03": 355, "Y05": 368, "Y07": 388, "Y10": 412, "Y20": 468,
    "Y30": 471, "Y05_XII": 130, "Y10_XII": 180, "Y30_XII": 250,
}  # fmt: skip
LONG_HISTORY = ("Y02", "Y05", "Y10", "Y30", "Y05_XII")
QUOTES = {
    "$US_N.B.EU": 1.15, "_N.B.JA": 151.0, "$US_N.B.UK": 1.32, "_N.B.SZ": 0.80, "_N.B.CA": 1.39, "$US_N.B.AL": 0.65,
    "$US_N.B.NZ": 0.58, "_N.B.SD": 9.5, "_N.B.CH": 7.1,
}  # fmt: skip

_NAMESPACES = (
    'xmlns:message="http://www.SDMX.org/resources/SDMXML/schemas/v1_0/message" '
    'xmlns:common="http://www.SDMX.org/resources/SDMXML/schemas/v1_0/common" '
    'xmlns:frb="http://www.federalreserve.gov/structure/compact/common"'
)

Told = tuple[date, str, str]  # a day, its OBS_STATUS and its OBS_VALUE


def release_xml(release: str, series: Mapping[str, tuple[Mapping[str, str], Iterable[Told]]]) -> str:
    """Return the file of a release: for each of the Board's names, the attributes and what is told of each day."""
    kf = f"http://www.federalreserve.gov/structure/compact/{release.upper()}_{release.upper()}"
    lines = [
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>',
        f'<message:MessageGroup {_NAMESPACES} xmlns:kf="{kf}">',
        "<message:Header><message:Prepared>2026-10-30T20:30:00Z</message:Prepared></message:Header>",
        f'<frb:DataSet id="{release.upper()}">',
    ]
    for name, (attributes, days) in series.items():
        written = " ".join(f'{key}="{value}"' for key, value in attributes.items())
        lines.append(f'<kf:Series SERIES_NAME="{name}" {written}>')
        lines.append(
            "<frb:Annotations><common:Annotation><common:AnnotationType>Short Description</common:AnnotationType>"
            f"<common:AnnotationText>{name}</common:AnnotationText></common:Annotation></frb:Annotations>"
        )
        lines += [f'<frb:Obs OBS_STATUS="{status}" OBS_VALUE="{value}" TIME_PERIOD="{day}" />' for day, status, value in days]
        lines.append("</kf:Series>")
    return "\n".join([*lines, "</frb:DataSet>", "</message:MessageGroup>", ""])


def release_zip(release: str, text: str) -> bytes:
    """Return a zip as the release page has it; the same text gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ((f"{release.upper()}_data.xml", text), (f"{release.upper()}_struct.xml", "<structure />")):
            entry = zipfile.ZipInfo(name, date_time=(2026, 10, 30, 16, 30, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def overdraft_table(quarters: Sequence[tuple[int, int, float, float, float]]) -> str:
    """Return the text table: year, quarter, total, funds and book-entry in billions, newest first."""
    lines = [
        "Average Daylight Overdrafts - Quarterly Data [1]",
        "(in billions of dollars)",
        "",
        "Date         Total     Funds   Book-entry  Collateralized   Percent",
        "                                            Overdrafts[2]  of Total",
    ]
    for year, quarter, total, funds, book_entry in quarters:
        backed = total * 0.95
        lines.append(f"{year}:Q{quarter}     ${total:.2f}     ${funds:.2f}     ${book_entry:.2f}     ${backed:.2f}     95%")
    return "\n".join([*lines, "", "[1] Averages of the minutes of a day, over the days of the quarter.", ""])


def _wave(name: str, day: date, spread: int) -> int:
    """Return an invented step, always the same: from ``-spread`` to ``spread``."""
    return zlib.crc32(f"{name} {day}".encode()) % (2 * spread + 1) - spread


def payloads() -> Iterator[Sample]:
    """Yield one payload of each dataset, and H.10 of three Mondays before too: its index is known with its newest release."""
    for monday in EARLIER_MONDAYS:
        friday = monday - timedelta(days=3)
        yield Sample("h10", release_zip("h10", _h10(friday)), release_url("h10"), f"{monday}T21:00:00Z")
    for release, text in (("h41", _h41()), ("h15", _h15()), ("h10", _h10(LAST_FRIDAY)), ("g17", _g17())):
        yield Sample(release, release_zip(release, text), release_url(release), FETCHED_AT)
    quarters = [
        (year, quarter, 1.0 + 0.3 * quarter, 0.9 + 0.3 * quarter, 0.1)
        for year in (2026, 2025, 2024)
        for quarter in (4, 3, 2, 1)
        if (year, quarter) < (2026, 3)
    ]
    yield Sample("overdrafts", overdraft_table(quarters).encode(), OVERDRAFTS_URL, FETCHED_AT)


def _h41() -> str:
    """Return the balance sheet of the weeks of ``WEEKS``, in millions."""
    wednesdays = [first + timedelta(days=7 * number) for first, count in WEEKS for number in range(count)]
    levels = {
        "RESPPMA_N.WW": 6_600_000,
        "RESPPALGUO_N.WW": 4_250_000,
        "RESPPALGASMO_N.WW": 1_950_000,
        "RESPPLLDT_N.WW": 850_000,
        "RESPPLLR_N.WW": 360_000,
        "RESPPLLRF_N.WW": 355_000,
        "RESPPLLRD_N.WW": 5_000,
        "RESH4R_N.WW": 2_950_000,
        "RESH4R_N.W": 2_960_000,
    }
    attributes = {"FREQ": "19", "UNIT": "Currency", "UNIT_MULT": "1000000", "CURRENCY": "USD"}
    return release_xml(
        "h41",
        {
            name: (attributes, [(day, "A", str(level + _wave(name, day, level // 100))) for day in wednesdays])
            for name, level in levels.items()
        },
    )


def _h15() -> str:
    """Return yields: the long history at the maturities that the signals need, two weeks at others; holidays have no number."""
    weekdays = [day for back in range(DAYS * 8 // 5) if (day := LAST_DAY - timedelta(days=back)).weekday() < 5]
    start = business_days("US_FEDERAL", min(weekdays), LAST_DAY)[-DAYS]
    series = {}
    for years, level in YIELDS.items():
        first = start if years in LONG_HISTORY else LAST_DAY - timedelta(days=13)
        series[f"RIFLGFC{years}_N.B"] = _daily(
            {"UNIT": "Percent:_Per_Year", "CURRENCY": "NA"},
            [*(EARLY_DAYS if years in LONG_HISTORY else ()), *(day for day in weekdays if day >= first)],
            lambda day, years=years, level=level: f"{(level + _wave(years[-2:], day, 10)) / 100:.2f}",
        )
    return release_xml("h15", series)


def _h10(last_day: date) -> str:
    """Return rates of the newest year and the long history of the dollar index, up to a Friday.

    The index is known with its newest release, for it is computed anew; the rates tell when the other weeks came.
    """
    days = (LAST_DAY - timedelta(days=back) for back in range(DAYS * 8 // 5))
    weekdays = [day for day in days if day <= last_day and day.weekday() < 5]
    newest_year = [day for day in weekdays if (LAST_DAY - day).days < 400]
    series = {
        f"RXI{direction}": _daily(
            {"UNIT": "Currency", "CURRENCY": "USD"},
            newest_year,
            lambda day, direction=direction, level=level: f"{level * (1 + _wave(direction, day, 99) / 10_000):.4f}",
        )
        for direction, level in QUOTES.items()
    }
    series["JRXWTFB_N.B"] = _daily(
        {"UNIT": "Index:_January_2006_100", "CURRENCY": "NA"}, weekdays, lambda day: f"{121 + _wave('usd', day, 99) / 100:.4f}"
    )
    return release_xml("h10", series)


def _daily(
    attributes: Mapping[str, str], weekdays: Iterable[date], value: Callable[[date], str]
) -> tuple[dict[str, str], list[Told]]:
    """Return a daily series, which has no number on holidays."""
    told = [(day, "A", value(day)) if is_business_day("US_FEDERAL", day) else (day, "ND", "-9999") for day in sorted(weekdays)]
    return {"FREQ": "9", **attributes, "UNIT_MULT": "1"}, told


def _g17() -> str:
    """Return twelve months of production and utilisation, dated by the last day of the month."""
    ends = [date(2025, 11, 1) + timedelta(days=31 * number) for number in range(11)]
    ends = sorted({day.replace(day=1) - timedelta(days=1) for day in ends})
    return release_xml(
        "g17",
        {
            "IP.B50001.S": (
                {"FREQ": "129", "UNIT": "Index:_2017_100", "UNIT_MULT": "1", "CURRENCY": "NA"},
                [(day, "A", f"{101 + _wave('ip', day, 90) / 100:.4f}") for day in ends],
            ),
            "CAPUTL.B50001.S": (
                {"FREQ": "129", "UNIT": "Percent", "UNIT_MULT": "1", "CURRENCY": "NA"},
                [(day, "A", f"{76 + _wave('cu', day, 60) / 100:.4f}") for day in ends],
            ),
        },
    )
