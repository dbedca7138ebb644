"""A generated sample of the BIS's effective exchange rates: two months by day, and twenty by month.

The figures are invented. No genuine payload was at hand, so the form is the documented one. The writer serves the tests too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from assets.bis import API_URL
from undertow.room import Sample

__all__ = ["COLUMNS", "answer", "payloads"]

FETCHED_AT = "2026-10-31T12:00:00Z"
AREAS = {"US": "United States", "XM": "Euro area", "JP": "Japan"}
COLUMNS = (
    "FREQ", "EER_TYPE", "EER_BASKET", "REF_AREA", "UNIT_MEASURE", "TIME_FORMAT", "COLLECTION", "TITLE_TS", "TIME_PERIOD",
    "OBS_VALUE", "OBS_STATUS", "OBS_CONF", "OBS_PRE_BREAK",
)  # fmt: skip


def answer(rows: Iterable[tuple[str, str, str, str, str]], basket: str = "B") -> bytes:
    """Return the lines of (frequency, type, area, period, value), with the status M where there is no value."""
    lines = [",".join(COLUMNS)]
    for frequency, kind, area, period, value in rows:
        title = f"{AREAS.get(area, area)} - {'Real' if kind == 'R' else 'Nominal'} - Broad (64 economies)"
        status = "A" if value not in ("", "NaN") else "M"
        lines.append(f"{frequency},{kind},{basket},{area},882,,A,{title},{period},{value},{status},F,")
    return ("\n".join(lines) + "\n").encode()


def payloads() -> Iterator[Sample]:
    """Yield both data sets."""
    days = [day for step in range(61) if (day := date(2026, 8, 31) + timedelta(days=step)).isoweekday() < 6]
    months = [f"{place // 12}-{place % 12 + 1:02d}" for place in range(2025 * 12, 2025 * 12 + 20)]
    daily = [("D", "N", area, day.isoformat(), _index(area, day.isoformat())) for area in AREAS for day in days]
    monthly = [("M", kind, area, month, _index(area, kind + month)) for kind in "NR" for area in AREAS for month in months]
    key = "+".join(AREAS)
    yield Sample("eer_daily", answer(daily), f"{API_URL}D.N.B.{key}?format=csv&startPeriod=2026-08-31", FETCHED_AT)
    yield Sample("eer_monthly", answer(monthly), f"{API_URL}M.N+R.B.{key}?format=csv", FETCHED_AT)


def _index(area: str, period: str) -> str:
    return f"{100 + zlib.crc32(f'{area} {period}'.encode()) % 401 / 100:.2f}"
