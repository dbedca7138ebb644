"""Generated answers of the two monitors in their exact wire format: two vintages, of December 2025 and of October 2026.

The amounts are invented. The writer serves the tests too.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from assets.ofr import API_URL
from undertow.calendars import business_days
from undertow.room import Sample, load_room

__all__ = ["multifull", "payloads", "volume"]

QUARTERS = tuple(date(year, month, day) for year in (2024, 2025, 2026) for month, day in ((3, 31), (6, 30), (9, 30), (12, 31)))


def volume(name: str, day: date) -> float:
    """Return an invented amount in dollars, always the same; 29 December 2025 is suppressed in GCF."""
    base = 3.0e12 if name.startswith("FPF") else 1.5e12
    return base + (zlib.crc32(f"{name} {day.isoformat()}".encode()) % 2_000) * 1e8 + (day - date(2024, 1, 1)).days * 1e8


def multifull(cells: Mapping[str, Sequence[tuple[str, float | None]]], last_update: str, frequency: str = "Daily") -> bytes:
    """Return an answer that holds series with their cells and one stamp."""
    answer = {}
    for name, told in cells.items():
        vintage = {"P": "Preliminary", "F": "Final", "A": "As Published"}.get(name.rpartition("-")[2], "As Published")
        answer[name] = {
            "timeseries": {
                "aggregation": [[day, value] for day, value in told],
                "disclosure_edits": [[day, "Disclosure edit" if value is None else None] for day, value in told],
            },
            "metadata": {
                "mnemonic": name,
                "description": {"name": name, "description": "", "notes": "", "vintage": vintage, "vintage_approach": ""},
                "schedule": {
                    "observation_period": frequency, "observation_frequency": frequency, "seasonal_adjustment": "None",
                    "start_date": told[0][0] if told else "", "last_update": last_update,
                },
                "release": {"short_name": "", "long_name": "", "frequency": frequency},
                "unit": {"name": "USD", "type": "Volume", "magnitude": 0, "precision": 0},
            },
        }  # fmt: skip
    return json.dumps(answer).encode()


def payloads() -> Iterator[Sample]:
    """Yield the payloads of the sample."""
    catalogue = load_room("ofr").catalogue()
    december = business_days("US_FEDERAL", date(2025, 12, 8), date(2025, 12, 29))
    october = business_days("US_FEDERAL", date(2026, 9, 28), date(2026, 10, 29))
    vintages = (
        ("2025-12-31T12:00:00Z", "2025-12-30 15:02:11", december, date(2025, 6, 30)),
        ("2026-10-31T09:00:00Z", "2026-10-30 15:01:40", [*december, *october], date(2026, 6, 30)),
    )
    for fetched_at, stamp, daily, quarter in vintages:
        for dataset, facts in catalogue["datasets"].items():
            cells = {}
            for name, series in catalogue["series"].items():
                if series["dataset"] != dataset:
                    continue
                if series["frequency"] == "Q":
                    days = [day for day in QUARTERS if day <= quarter]
                else:
                    days = [day for day in daily if series.get("lag") or day <= date(2026, 9, 30)]
                told = [(day.isoformat(), volume(name, day)) for day in days]
                cells[name] = [(day, None if name.startswith("REPO-GCF") and day == "2025-12-29" else v) for day, v in told]
            yield Sample(dataset, multifull(cells, stamp), API_URL + facts["path"], fetched_at)
