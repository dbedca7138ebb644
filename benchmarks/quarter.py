"""What one quarter of the SEC's data sets costs: the figures of ``Room.quarter``, by which ``undertow backfill --plan``
counts.

A data set of genuine size is generated; a process of its own archives and lands it, as a step of a backfill does after the
bytes have come. ``python -m benchmarks.quarter sec_nport`` prints the figures as JSON; ``--size 100`` takes a hundredth of
the rows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.loans import FETCHED, MEMBERS, QUARTERS

DATASETS = {"sec_nport": "nport_zip", "sec_bdc": "bdc_zip"}
BORROWERS = {"sec_nport": 42_000, "sec_bdc": 13_000}
FILLER = 4_470_000  # positions of N-PORT that are neither loans nor of Level 3
GENUINE_BYTES = {"sec_nport": 440_700_000, "sec_bdc": 75_900_000}  # of the zip files, with the tables that are not read


def generate(room: str, target: Path, size: int) -> None:
    """Write the data set of a quarter, at one ``size``-th of the genuine number of rows."""
    from assets.sec_bdc import sample as bdc
    from assets.sec_nport import sample as nport
    from undertow.loans.universe import universe

    borrowers = max(20, BORROWERS[room] // size)
    if room == "sec_bdc":
        world = universe(7, borrowers=borrowers, managers=20, quarters=QUARTERS[-1:], holders=5.5)
        bdc.write_zip(world, target, footnote_bytes=924)
    else:
        world = universe(7, borrowers=borrowers, managers=20, quarters=QUARTERS[-1:], holders=6)
        nport.write_zip(world, target, day=QUARTERS[-1], filler=FILLER // size)
    missing = GENUINE_BYTES[room] // size - target.stat().st_size
    if missing > 0:  # the other tables, which are not read: as many bytes that compress no further
        with zipfile.ZipFile(target, "a", zipfile.ZIP_STORED) as archive, archive.open("OTHER.bin", "w") as member:
            generator = random.Random(1)
            for place in range(0, missing, 1 << 20):
                member.write(generator.randbytes(min(1 << 20, missing - place)))


def work(room: str, payload: Path, folder: Path, said: Any) -> None:
    """Archive and land a payload, and say what that took."""
    from undertow.archive import Archive
    from undertow.instants import parse_instant
    from undertow.landing import land
    from undertow.room import load_room

    began, cpu = time.perf_counter(), time.process_time()
    archive = Archive(folder / "archive")
    content = payload.read_bytes()
    at = {"url": f"https://example.org/{payload.name}", "fetched_at": parse_instant(FETCHED), "origin": "replay"}
    archive.store(content, source=room, dataset=DATASETS[room], **at)
    del content
    (outcome,) = [one for one in land(load_room(room), archive, folder / "landing") if one.dataset == DATASETS[room]]
    said.put(
        {
            "seconds": round(time.perf_counter() - began, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
            "memory_bytes": _peak(),
            "landed": sum(outcome.rows.values()),
            "rows": outcome.rows,
            "error": outcome.error,
        }
    )


def _peak() -> int:
    """Return the peak of this process's memory in bytes; getrusage would tell that of the process which started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def measure(room: str, size: int = 1) -> dict[str, Any]:
    """Return the figures of one quarter of a room."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        payload = folder / f"{room}.zip"
        generate(room, payload, size)
        with zipfile.ZipFile(payload) as archive:
            member = next(one for one in archive.namelist() if one.endswith(MEMBERS[room]))
            with archive.open(member) as lines:
                read = sum(piece.count(b"\n") for piece in iter(lambda: lines.read(1 << 20), b"")) - 1
        said: Any = multiprocessing.get_context("spawn").Queue()
        process = multiprocessing.get_context("spawn").Process(target=work, args=(room, payload, folder, said))
        peak = {"scratch": 0}
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.2):
                peak["scratch"] = max(peak["scratch"], _bytes(folder, ".scratch-"))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            process.start()
            found = said.get(timeout=3600)
            process.join(60)
        finally:
            over.set()
            watcher.join()
        return {
            "room": room,
            "read": read,
            "payload_bytes": payload.stat().st_size,
            "archived_bytes": _bytes(folder / "archive"),
            "landed_bytes": _bytes(folder / "landing"),
            "scratch_bytes": peak["scratch"],
            **found,
        }


def _bytes(folder: Path, within: str = "") -> int:
    """Return the size of all files in a folder, or of those in folders under it whose name begins so, as far as still there."""
    total = 0
    for path in folder.rglob("*"):
        if any(part.startswith(within) for part in path.relative_to(folder).parts):
            try:
                total += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:
                continue
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="*", default=sorted(DATASETS), metavar="ROOM")
    parser.add_argument("--size", type=int, default=1, help="a hundredth is 100")
    chosen = parser.parse_args()
    for room in chosen.rooms:
        print(json.dumps(measure(room, chosen.size)))
