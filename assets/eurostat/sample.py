"""A generated sample of the cube: twenty months of both products and both flows in JSON-stat.

The figures are invented. No genuine payload was at hand, so the form is the documented one. The writer serves the tests too.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product as every

from assets.eurostat import API_URL
from undertow.room import Sample

__all__ = ["DIMENSIONS", "cube", "months", "payloads"]

FETCHED_AT = "2026-10-31T12:00:00Z"
UPDATED = "2026-10-15T11:00:00+0200"
# the order of products is not that of the question
DIMENSIONS = {
    "freq": ["M"], "reporter": ["DE"], "partner": ["CN"], "product": ["521", "41"], "flow": ["1", "2"],
    "indicators": ["VALUE_IN_EUROS"],
}  # fmt: skip


def months(first: tuple[int, int], count: int) -> list[str]:
    """Return so many months from (year, month) on."""
    start = first[0] * 12 + first[1] - 1
    return [f"{place // 12:04d}-{place % 12 + 1:02d}" for place in range(start, start + count)]


def cube(
    times: Sequence[str],
    figure: Callable[[str, str, str], int | float | None],
    *,
    updated: str = UPDATED,
    status: Mapping[tuple[str, str, str], str] | None = None,
    dimensions: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Return a JSON-stat dataset; ``figure`` gives the cell of a product, a flow and a month, None where it is empty."""
    codes = {**(dimensions or DIMENSIONS), "time": list(times)}
    value, letters = {}, {}
    for place, cell in enumerate(every(*codes.values())):
        named = dict(zip(codes, cell, strict=True))
        key = (named["product"], named["flow"], named["time"])
        if (told := figure(*key)) is not None:
            value[str(place)] = told
        if status and key in status:
            letters[str(place)] = status[key]
    answer = {
        "version": "2.0",
        "class": "dataset",
        "label": "EU trade since 2002 by BEC/rev.4",
        "source": "ESTAT",
        "updated": updated,
        "value": value,
        **({"status": letters} if letters else {}),
        "id": list(codes),
        "size": [len(found) for found in codes.values()],
        "dimension": {
            name: {"label": name, "category": {"index": {code: place for place, code in enumerate(found)}}}
            for name, found in codes.items()
        },
        "extension": {"lang": "EN", "id": "DS-059328", "agencyId": "ESTAT", "version": "1.0"},
    }
    return json.dumps(answer).encode()


def payloads() -> Iterator[Sample]:
    """Yield the cube of January 2025 to August 2026: imports overtake exports in the first months of 2026."""

    def invented(product: str, flow: str, month: str) -> int:
        level = 400_000_000 if product == "521" else 3_500_000_000
        drift = (int(month[:4]) * 12 + int(month[5:]) - 2025 * 12) * 8_000_000 * (1 if flow == "1" else -1)
        return (
            level + drift + (120_000_000 if flow == "2" else 0) + zlib.crc32(f"{product} {flow} {month}".encode()) % 9_999_991
        )

    yield Sample("comext_bec4", cube(months((2025, 1), 20), invented), f"{API_URL}DS-059328", FETCHED_AT)
