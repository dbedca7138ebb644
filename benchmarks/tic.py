"""TIC files at their genuine size: table 1 with 114 holders and 77 months, and CSLT with 4,266 series since December 1984.

The writers are those of the room's sample; ``benchmarks.funding`` parses and lands what they write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks import funding, macro
from undertow.room import load_room

__all__ = ["models", "write"]

FETCHED_AT = "2026-10-31T12:00:00Z"
LAST = date(2026, 8, 1)
AGGREGATES = 5  # of the holders of a table, which the writer adds
MEASURES = 3


def write(folder: Path, holders: int, months: int, series: int, history: int) -> None:
    """Write ``table1.csv`` and ``cslt.csv``, manifests of one payload each.

    Args:
        folder: where.
        holders: of table 1.
        months: of table 1.
        series: of CSLT, about.
        history: months of CSLT.
    """
    from assets.tic import sample

    countries = {f"{30_000 + number}": (f"Country {number}", number % 17) for number in range(holders - AGGREGATES)}
    kinds = [f"{of}_{kind}" for of, types in sample.TYPES.items() for kind in ("total", *types)]
    read = load_room("tic").catalogue()["datasets"]["cslt"]["codes"]
    codes = [*read, *(f"{50_000 + number}" for number in range(1000))][: -(-series // (len(kinds) * MEASURES))]
    pieces = sample.cslt_json(kinds, codes, sample.months(history, LAST))
    made = {
        "table1": ("slt_table1", sample.table("slt_table1", countries, sample.months(months, LAST))),
        "cslt": ("cslt", sample.cslt_zip(pieces)),
    }
    for name, (dataset, content) in made.items():
        funding.write(folder, name, _one(dataset, content))


def _one(dataset: str, content: bytes) -> Iterator[funding.Payload]:
    yield "tic", dataset, content, FETCHED_AT


def models(releases: int) -> Callable[[], tuple[pa.Table, dict[str, Any]]]:
    """Build every model from so many monthly press releases, each with its months and twelve-month sums of all lines.

    Landing and the parse of the dbt project come before; nothing is tested or published.
    """
    from assets.file import sample

    rows: list[tuple[str, ...]] = []
    for number in range(releases):
        month = 12 * 2007 + number  # the newest month of the release, which comes in the middle of the second one after it
        told = month + 2
        rows += sample.press_release(
            f"{told // 12}-{told % 12 + 1:02}-16T14:00:00Z", date(month // 12, month % 12 + 1, 1), shift=number % 7 / 10
        )
    return macro.models_of("file", "vintages", "", sample.csv_of(rows), datetime(2026, 10, 31, 12, tzinfo=UTC))
