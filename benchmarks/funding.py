"""Funding data in the providers' wire formats, of any length: CFTC reports, daily and monthly statements, auctions, buybacks.

The writers are those of the rooms' samples. What is measured is the way from bytes to landed Parquet, the whole run, and one
more day on histories of two lengths, which ought to cost the same.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

Measured = Callable[[], "pa.Table | list[Path]"]
Payload = tuple[str, str, bytes, str]  # source, dataset, content, fetched_at

LAST = date(2026, 10, 30)
TODAY = "2026-11-01T12:00:00Z"


def payloads(cftc_since: int, daily_since: int) -> Iterator[Payload]:
    """Yield the histories: a file a year of the CFTC, and of each dataset of Fiscal Data the pages that the API would give."""
    from assets.cftc import sample as cftc
    from assets.cftc.parse import report_days
    from assets.fiscaldata import sample as fiscal

    start = date(daily_since, 1, 1)
    for year in range(cftc_since, LAST.year + 1):
        reports = [day for day in report_days(year) if day < LAST - timedelta(days=7)]
        yield "cftc", "tff_futures_only", cftc.year_file(reports), TODAY
    made = {
        "dts_operating_cash_balance": fiscal.cash_rows(start, LAST - timedelta(days=1)),
        "debt_to_penny": fiscal.debt_rows(start, LAST - timedelta(days=1)),
        "auctions_query": fiscal.auction_rows(start, LAST),
        "buybacks_operations": fiscal.buyback_rows(start, LAST - timedelta(days=1)),
        "mts_table_5": fiscal.statement_rows(start, date(2026, 9, 30)),
    }
    for dataset, rows in made.items():
        for number in range(1, -(-len(rows) // 10_000) + 1):
            yield "fiscaldata", dataset, fiscal.page(rows, number), TODAY


def one_day() -> Iterator[Payload]:
    """Yield what one more day brings: a report of the CFTC and the statement of a day."""
    from assets.cftc import sample as cftc
    from assets.fiscaldata import sample as fiscal

    yield "cftc", "tff_socrata", cftc.answer([date(2026, 10, 27)]), "2026-11-02T21:00:00Z"
    cash = fiscal.cash_rows(date(2026, 10, 1), LAST)[-4:]
    yield "fiscaldata", "dts_operating_cash_balance", fiscal.page(cash), "2026-11-02T21:00:00Z"


def write(folder: Path, name: str, made: Iterator[Payload]) -> Path:
    """Write payloads and the manifest ``<name>.csv`` that replays them; return the manifest."""
    manifest = folder / f"{name}.csv"
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["source", "dataset", "file", "url", "fetched_at", "note"])
        for number, (source, dataset, content, fetched_at) in enumerate(made):
            file = f"{name}-{number}.bin"
            (folder / file).write_bytes(content)
            writer.writerow([source, dataset, file, f"made/{name}/{number}", fetched_at, "made"])
    return manifest


def fill_home(folder: Path, cftc_since: int, daily_since: int) -> None:
    """Write the histories and one more day, and run the histories into a home."""
    manifest = write(folder, "history", payloads(cftc_since, daily_since))
    write(folder, "day", one_day())
    command = [str(Path(sys.executable).with_name("undertow")), "run", "--source", "replay", "--from", str(manifest)]
    subprocess.run(command, check=True, env={**os.environ, "UNDERTOW_HOME": str(folder / "home")}, stdout=subprocess.DEVNULL)


def land_all(manifest: str) -> Measured:
    """Parse and land every payload of a manifest, from the archived bytes to the Parquet files on disk."""
    from undertow.archive import Archive
    from undertow.instants import parse_instant
    from undertow.landing import land, landed_files
    from undertow.room import load_room

    folder = Path(tempfile.mkdtemp())
    archive = Archive(folder / "archive")
    rows = _rows(manifest)
    for row in rows:
        archive.store(
            Path(row["file"]).read_bytes(), source=row["source"], dataset=row["dataset"], url=row["url"],
            fetched_at=parse_instant(row["fetched_at"]), origin="replay",
        )  # fmt: skip
    rooms = [load_room(name) for name in sorted({row["source"] for row in rows})]

    def measured() -> list[Path]:
        problems = [outcome.error for room in rooms for outcome in land(room, archive, folder / "landing") if outcome.error]
        if problems:
            raise RuntimeError(problems[0])
        return [
            path
            for room in rooms
            for path in landed_files(folder / "landing", room.room.name, "observation")
            if path.name != "empty.parquet"
        ]

    return measured


def parse_all(manifest: str) -> Measured:
    """Parse alone: every payload of a manifest, from bytes in memory to Arrow tables in memory."""
    from undertow.archive import Sighting
    from undertow.instants import parse_instant
    from undertow.room import load_room

    rooms, work = {}, []
    for row in _rows(manifest):
        room = rooms.setdefault(row["source"], load_room(row["source"]))
        content = Path(row["file"]).read_bytes()
        sighting = Sighting(
            row["source"], row["dataset"], row["url"], parse_instant(row["fetched_at"]), "0" * 64, len(content), "replay"
        )
        work.append((room, content, sighting))

    def measured() -> pa.Table:
        parsed = [room.parse(content, sighting, room.catalogue()).observation for room, content, sighting in work]
        return pa.concat_tables([table.select(["value"]) for table in parsed if table is not None])

    return measured


def _rows(manifest: str) -> list[dict[str, str]]:
    """Return the lines of a manifest, files as paths."""
    path = Path(manifest)
    with path.open(newline="", encoding="utf-8") as handle:
        return [{**row, "file": str(path.parent / row["file"])} for row in csv.DictReader(handle)]
