"""A generated file in the contract: TIC press releases of four months each, and a share index that may not be republished.

The numbers are invented, and the lines of the table add up. One release is of 2007, the others are those around the
lapse of 2025, in which one was merged with the next.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta

from undertow.room import Sample

__all__ = ["csv_of", "payloads", "press_release", "share_index"]

HEADER = ("series_id", "period_start", "period_end", "value", "known_at", "unit", "source", "licence")

# when a release came, and the newest month in it
RELEASES = (
    ("2007-11-16T14:00Z", date(2007, 9, 1)),
    ("2025-09-18T20:00Z", date(2025, 7, 1)),
    ("2025-11-18T21:00Z", date(2025, 9, 1)),
    ("2026-01-15T21:00Z", date(2025, 11, 1)),
)
# lines that are sums of others, after them: the parts with their signs
TOTALS = {
    4: {5: 1, 6: 1, 7: 1, 8: 1},
    9: {10: 1, 11: 1, 12: 1, 13: 1},
    3: {4: 1, 9: 1},
    1: {2: 1, 3: 1},
    16: {17: 1, 18: 1},
    14: {15: 1, 16: 1},
    19: {3: 1, 16: 1},
    21: {19: 1, 20: 1},
    23: {24: 1, 25: 1},
    26: {27: 1, 28: 1},
    22: {23: 1, 26: 1},
    30: {21: 1, 22: 1, 29: 1},
    31: {30: 1, 32: -1},
}


def payloads() -> Iterator[Sample]:
    """Yield the sample: the press releases, and the share index."""
    rows = [row for known_at, newest in RELEASES for row in press_release(known_at, newest)]
    yield Sample("vintages", csv_of(rows), "generated/tic_press_release.csv", "2026-01-16T00:00:00Z")
    yield Sample("series", csv_of(share_index(date(2025, 6, 30), 60)), "generated/spx.csv", "2026-01-16T00:00:00Z")


def press_release(known_at: str, newest: date, shift: float = 0.0) -> list[tuple[str, ...]]:
    """Return the rows of one release: four months and two twelve-month sums of each line, which add up.

    Args:
        known_at: the instant of the release.
        newest: first day of its newest month.
        shift: added to line 8 of each month, and what follows from it.
    """
    rows = []
    for back in (0, 1, 2, 3):
        first = _months_before(newest, back)
        rows += _column("", first, _end(first), _lines(first, 1.0, shift + (0.3 if back else 0.0)), known_at)
    for back in (0, 12):
        last = _months_before(newest, back)
        rows += _column("_12m", _months_before(last, 11), _end(last), _lines(last, 12.0, shift), known_at)
    return rows


def share_index(first: date, count: int) -> list[tuple[str, ...]]:
    """Return the closes of a made share index on so many weekdays."""
    rows = []
    day = first
    while len(rows) < count:
        if day.weekday() < 5:
            level = 6000.0 + 12.5 * (len(rows) * 7 % 11) + 3.1 * len(rows)
            rows.append(
                (
                    "user.spx", day.isoformat(), day.isoformat(), f"{level:.2f}", f"{day.isoformat()}T21:00Z", "index",
                    "generated", "generated sample of a licensed series",
                )
            )  # fmt: skip
        day += timedelta(days=1)
    return rows


def _lines(month: date, scale: float, shift: float) -> dict[int, float]:
    """Return the 32 lines of a month, in tenths that add up exactly."""
    place = month.year * 12 + month.month
    tenths = {line: round(scale * ((place * (line + 3)) % 41 - 15) * 10) for line in range(1, 33)}
    tenths[2] = round(scale * 60_000)
    tenths[15] = round(scale * 19_000)
    tenths[20] = 0
    tenths[8] += round(10 * shift)
    for total, parts in TOTALS.items():
        tenths[total] = sum(sign * tenths[part] for part, sign in parts.items())
    return {line: value / 10 for line, value in tenths.items()}


def _column(suffix: str, start: date, end: date, lines: dict[int, float], known_at: str) -> list[tuple[str, ...]]:
    return [
        (
            f"tic.press_release.line_{line:02}{suffix}", start.isoformat(), end.isoformat(), f"{value:.1f}", known_at,
            "USD billions, not seasonally adjusted", "US Treasury TIC press release", "public domain",
        )
        for line, value in lines.items()
    ]  # fmt: skip


def _months_before(month: date, count: int) -> date:
    place = month.year * 12 + month.month - 1 - count
    return date(place // 12, place % 12 + 1, 1)


def _end(month: date) -> date:
    return _months_before(month, -1) - timedelta(days=1)


def csv_of(rows: list[tuple[str, ...]]) -> bytes:
    """Return rows of the contract as a file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue().encode()
