"""Macro releases: parsing the pages of the Employment Situation, and the models at two depths of vintages.

Pages and vintage tables are generated in the wire formats of the Bureau of Labor Statistics (``assets/bls/sample.py``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

__all__ = ["models", "models_of", "pages"]

_FIRST_YEAR = 2001


def pages(years: int) -> Callable[[], pa.Table]:
    """Parse the pages of so many years, a page a month."""
    from assets.bls import sample
    from undertow.archive import Sighting
    from undertow.room import load_room

    modules = load_room("bls")
    catalogue = modules.catalogue()
    payloads = []
    for number in range(12 * years):
        year, month = 2026 - years + number // 12, number % 12 + 1
        released = date(year + month // 12, month % 12 + 1, 5)
        url = f"https://www.bls.gov/news.release/archives/empsit_{released:%m%d%Y}.htm"
        content = sample.page(released, (year, month)).encode()
        fetched_at = datetime(released.year, released.month, released.day, 18, tzinfo=UTC) + timedelta(days=1)
        payloads.append((content, Sighting("bls", "employment_situation", url, fetched_at, "0" * 64, len(content), "replay")))

    def measured() -> pa.Table:
        landed = [modules.parse(content, sighting, catalogue) for content, sighting in payloads]
        if any(one.quarantine for one in landed):
            raise RuntimeError("a generated page has rows that cannot be read")
        return pa.concat_tables([one.observation for one in landed if one.observation is not None]).select(["value"])

    return measured


def models(years: int) -> Callable[[], tuple[pa.Table, dict[str, Any]]]:
    """Build every model from the vintage tables of all industries that are read, with the releases of so many years.

    Fetching, landing and the parse of the dbt project come before; nothing is tested or published.
    """
    from assets.bls import VINTAGES_URL, sample
    from undertow.room import load_room

    first, last = 12 * _FIRST_YEAR, 12 * (_FIRST_YEAR + years) - 1
    tables = {
        f"tri_{code[:6]}_SA.csv": sample.vintage_table(first, last, partial(sample.employees, line))
        for line, code in enumerate(load_room("bls").catalogue()["vintages"][: len(sample.INDUSTRIES)])
    }
    return models_of("bls", "ces_vintages", VINTAGES_URL, sample.vintage_zip(tables), datetime(2026, 2, 1, tzinfo=UTC))


def models_of(
    source: str, dataset: str, url: str, payload: bytes, fetched_at: datetime
) -> Callable[[], tuple[pa.Table, dict[str, Any]]]:
    """Build every model from one payload, landed in a home of its own before anything is measured."""
    from orchestration.warehouse import Warehouse
    from undertow.archive import Archive
    from undertow.landing import land
    from undertow.room import load_room, room_names
    from undertow.settings import Home

    home = Home(Path(tempfile.mkdtemp()) / "home").ensure()
    archive = Archive(home.archive)
    archive.store(payload, source=source, dataset=dataset, url=url, fetched_at=fetched_at, origin="replay")
    rows = 0
    for name in room_names():
        for outcome in land(load_room(name), archive, home.landing):
            if outcome.error:
                raise RuntimeError(outcome.error)
            rows += outcome.rows.get("observation", 0)
    warehouse = Warehouse(home)
    warehouse.parse()

    def measured() -> tuple[pa.Table, dict[str, Any]]:
        results = warehouse.build(tests=False)
        if bad := [f"{result.name}: {result.message}" for result in results if result.status in {"error", "skipped"}]:
            raise RuntimeError(f"not built: {bad}")
        return pa.table({"value": [float(rows)]}), {"vintages": rows}

    return measured
