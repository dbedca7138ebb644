"""A generated sample of the Treasury's curves: six weeks of par yields as a feed, and of real yields as a CSV file.

The figures are invented: they move like yields and are no one's. The form is the Treasury's. The writer serves the tests too.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import date

from assets.treasury import FEED_URL
from undertow.calendars import business_days
from undertow.room import Sample

__all__ = ["feed", "payloads"]

FETCHED_AT = "2026-10-31T12:00:00Z"
DAYS = business_days("SIFMA_US", date(2026, 9, 17), date(2026, 10, 30))
NOMINAL = {
    "BC_1MONTH": 370, "BC_1_5MONTH": 371, "BC_2MONTH": 372, "BC_3MONTH": 372, "BC_4MONTH": 371, "BC_6MONTH": 368,
    "BC_1YEAR": 360, "BC_2YEAR": 352, "BC_3YEAR": 355, "BC_5YEAR": 368, "BC_7YEAR": 388, "BC_10YEAR": 412,
    "BC_20YEAR": 468, "BC_30YEAR": 471,
}  # fmt: skip
REAL = {"5 YR": 130, "7 YR": 150, "10 YR": 180, "20 YR": 230, "30 YR": 250}

_META = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
_DATA = "http://schemas.microsoft.com/ado/2007/08/dataservices"


def feed(rows: Mapping[date, Mapping[str, str | None]]) -> str:
    """Return the Atom feed of a curve: for each day the text of each element, None where it is marked as null."""
    lines = [
        '<?xml version="1.0" encoding="utf-8" standalone="yes"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:d="{_DATA}" xmlns:m="{_META}">',
        '<title type="text">DailyTreasuryYieldCurveRateData</title>',
    ]
    for day, cells in rows.items():
        lines += ["<entry>", '<content type="application/xml">', "<m:properties>"]
        lines.append(f'<d:NEW_DATE m:type="Edm.DateTime">{day}T00:00:00</d:NEW_DATE>')
        lines += [
            f'<d:{name} m:null="true" />' if text is None else f'<d:{name} m:type="Edm.Double">{text}</d:{name}>'
            for name, text in cells.items()
        ]
        lines += ["</m:properties>", "</content>", "</entry>"]
    return "\n".join([*lines, "</feed>", ""])


def payloads() -> Iterator[Sample]:
    """Yield one payload of each curve."""
    nominal = {
        day: {name: _yield(name, level, day) for name, level in NOMINAL.items()}
        | {"BC_30YEARDISPLAY": _yield("BC_30YEAR", NOMINAL["BC_30YEAR"], day)}
        for day in DAYS
    }
    yield Sample(
        "par_yields",
        feed(nominal).encode(),
        f"{FEED_URL}?data=daily_treasury_yield_curve&field_tdr_date_value=2026",
        FETCHED_AT,
    )
    lines = ["Date," + ",".join(f'"{name}"' for name in REAL)]
    lines += [f"{day:%m/%d/%Y}," + ",".join(_yield(name, level, day) for name, level in REAL.items()) for day in reversed(DAYS)]
    yield Sample(
        "real_yields",
        ("\n".join(lines) + "\n").encode(),
        f"{FEED_URL}?data=daily_treasury_real_yield_curve&field_tdr_date_value=2026",
        FETCHED_AT,
    )


def _yield(name: str, level: int, day: date) -> str:
    """Return an invented yield in percent, always the same, and the same that the sample of the H.15 release has."""
    years = f"{int(re.findall(r'[0-9]+', name)[0]):02d}"
    return f"{(level + zlib.crc32(f'{years} {day}'.encode()) % 21 - 10) / 100:.2f}"
