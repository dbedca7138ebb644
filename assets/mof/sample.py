"""A generated sample of the ministry's two files: yields of thirteen months, and those of the month after with the footnote.

Thirteen months, because an abnormality needs the changes of a year before. The figures are invented: they move like yields and
are no one's. The form is the ministry's. The writer serves the tests too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from datetime import date

from assets.mof import HISTORY_URL, MONTH_URL
from undertow.calendars import business_days
from undertow.room import Sample

__all__ = ["FOOTNOTE", "LEVELS", "curve_csv", "invented", "payloads"]

FETCHED_AT = "2026-10-31T12:00:00Z"
LEVELS = {
    "1Y": 1050, "2Y": 1290, "3Y": 1410, "4Y": 1560, "5Y": 1690, "6Y": 1800, "7Y": 1910, "8Y": 2040, "9Y": 2160, "10Y": 2270,
    "15Y": 2780, "20Y": 3110, "25Y": 3390, "30Y": 3450, "40Y": 3560,
}  # fmt: skip
FOOTNOTE = "本データは参考値です"  # words of our own; the ministry's note is in the same encoding


def curve_csv(
    rows: Mapping[date, Mapping[str, str]], *, footnote: str = "", maturities: tuple[str, ...] = tuple(LEVELS)
) -> bytes:
    """Return a file: title, header, one line a day with ``-`` where a day has no text for a maturity, and the footnote."""
    lines = ["Interest Rate" + "," * len(maturities) + "(Unit : %)", "Date," + ",".join(maturities)]
    for day, told in rows.items():
        cells = (told.get(name, "-") for name in maturities)
        lines.append(f"{day.year}/{day.month}/{day.day}," + ",".join(cells))
    lines += [footnote + "," * len(maturities)] if footnote else []
    return ("\r\n".join(lines) + "\r\n").encode("cp932")


def invented(day: date) -> dict[str, str]:
    """Return an invented curve of a day in percent, always the same."""
    return {name: f"{(level + zlib.crc32(f'{name} {day}'.encode()) % 41 - 20) / 1000:.3f}" for name, level in LEVELS.items()}


def payloads() -> Iterator[Sample]:
    """Yield the history from September 2025 to September 2026, and the file of October."""
    for dataset, url, first, last, footnote in (
        ("jgb_curve", HISTORY_URL, date(2025, 9, 1), date(2026, 9, 30), ""),
        ("jgb_curve_month", MONTH_URL, date(2026, 10, 1), date(2026, 10, 29), FOOTNOTE),
    ):
        rows = {day: invented(day) for day in business_days("JP", first, last)}
        yield Sample(dataset, curve_csv(rows, footnote=footnote), url, FETCHED_AT)
