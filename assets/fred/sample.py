"""A generated sample in FRED's exact wire formats: invented numbers, a withdrawal, a revision, a blank and two windows.

``intervals`` and ``answer`` cut any history of vintages the way the API does, so tests use them too. Nothing here is FRED's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from math import sin

from assets.fred import ALFREDGRAPH_URL, API_URL, FREDGRAPH_URL
from assets.fred.parse import FIRST_DAY, LAST_DAY
from undertow.room import Sample

__all__ = ["History", "answer", "intervals", "observations_url", "payloads", "vintage_dates"]

History = Mapping[date, Sequence[tuple[date, str]]]
"""For each observation the texts that it had, with the real-time date from which it had each, in ascending order."""

FETCHED_AT = "2026-10-30T09:00:00Z"


def payloads() -> Iterator[Sample]:
    """Yield the sample: vintages of GDP in two windows, a daily yield, and three vintages of the unemployment rate."""
    history = _gdp()
    dates = vintage_dates(history)
    middle = dates[len(dates) // 2]
    query = f"series_id=GDP&{_period(FIRST_DAY, LAST_DAY)}&file_type=json&api_key=REDACTED"
    yield Sample("vintage_dates", _vintage_answer(dates), f"{API_URL}series/vintagedates?{query}", FETCHED_AT)
    for start, end in ((FIRST_DAY, middle), (middle, LAST_DAY)):
        yield Sample("observations", answer(history, start, end), observations_url("GDP", start, end), FETCHED_AT)
    yield Sample("fredgraph_csv", _dgs10(), f"{FREDGRAPH_URL}?id=DGS10", FETCHED_AT)
    days = ("2026-08-31", "2026-09-30", "2026-10-29")
    address = f"{ALFREDGRAPH_URL}?id=UNRATE&vintage_date={','.join(days)}"
    yield Sample("alfredgraph_csv", _unrate(days), address, FETCHED_AT)


def vintage_dates(history: History) -> list[date]:
    """Return the days on which a history changed, in ascending order."""
    return sorted({since for states in history.values() for since, _ in states})


def intervals(history: History, start: date, end: date) -> list[dict[str, str]]:
    """Return the rows of ``output_type=1`` for a real-time period, with their bounds clipped to it as the API clips them."""
    rows = []
    for day, states in sorted(history.items()):
        for place, (since, text) in enumerate(states):
            until = states[place + 1][0] - timedelta(days=1) if place + 1 < len(states) else LAST_DAY
            if since <= end and until >= start:
                bounds = {"realtime_start": max(since, start).isoformat(), "realtime_end": min(until, end).isoformat()}
                rows.append({**bounds, "date": day.isoformat(), "value": text})
    return rows


def answer(history: History, start: date, end: date, *, limit: int = 100_000, offset: int = 0) -> bytes:
    """Return one page of what the API answers to ``series/observations`` for a real-time period."""
    rows = intervals(history, start, end)
    envelope = {
        "realtime_start": start.isoformat(),
        "realtime_end": end.isoformat(),
        "observation_start": "1600-01-01",
        "observation_end": "9999-12-31",
        "units": "lin",
        "output_type": 1,
        "file_type": "json",
        "order_by": "observation_date",
        "sort_order": "asc",
        "count": len(rows),
        "offset": offset,
        "limit": limit,
        "observations": rows[offset : offset + limit],
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def observations_url(native: str, start: date, end: date) -> str:
    """Return the address of such an answer, as the archive keeps it."""
    query = f"series_id={native}&output_type=1&{_period(start, end)}&file_type=json&api_key=REDACTED"
    return f"{API_URL}series/observations?{query}"


def _period(start: date, end: date) -> str:
    return f"realtime_start={start.isoformat()}&realtime_end={end.isoformat()}"


def _vintage_answer(dates: Sequence[date]) -> bytes:
    """Return what the API answers to ``series/vintagedates``."""
    envelope = {
        "realtime_start": FIRST_DAY.isoformat(),
        "realtime_end": LAST_DAY.isoformat(),
        "order_by": "vintage_date",
        "sort_order": "asc",
        "count": len(dates),
        "offset": 0,
        "limit": 10_000,
        "vintage_dates": [day.isoformat() for day in dates],
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def _gdp() -> History:
    """Return sixteen quarters with three estimates each; one estimate was taken back for a month."""
    history: dict[date, list[tuple[date, str]]] = {}
    for number in range(16):
        first = date(2022 + number // 4, 3 * (number % 4) + 1, 1)
        published = first + timedelta(days=120)
        level = 25_000 + 300 * number + 40 * sin(number)
        states = [(published + timedelta(days=30 * step), f"{level + 11 * step:.3f}") for step in range(3)]
        if number == 9:
            states[1] = (states[1][0], ".")
        history[first] = states
    return history


def _dgs10() -> bytes:
    """Return ninety weekdays of a yield, with a blank on a holiday."""
    lines = ["observation_date,DGS10"]
    day = date(2026, 6, 22)
    while len(lines) <= 90:
        if day.isoweekday() < 6:
            value = "" if day == date(2026, 9, 7) else f"{4 + sin(len(lines) / 9) / 5:.2f}"
            lines.append(f"{day.isoformat()},{value}")
        day += timedelta(days=1)
    return ("\n".join(lines) + "\n").encode()


def _unrate(days: Sequence[str]) -> bytes:
    """Return three vintages of four months: the newest month has a value in the last only, and one value was revised."""
    header = ["observation_date", *(f"UNRATE_{day.replace('-', '')}" for day in days)]
    rows = [
        ["2026-06-01", "4.4", "4.4", "4.4"],
        ["2026-07-01", "4.5", "4.4", "4.4"],
        ["2026-08-01", "", "4.6", "4.6"],
        ["2026-09-01", "", "", "4.5"],
    ]
    return ("\n".join(",".join(row) for row in (header, *rows)) + "\n").encode()
