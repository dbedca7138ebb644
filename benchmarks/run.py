"""The whole pipeline: a run into an empty home, a second one with nothing new, and one more day on histories of two sizes.

Each run is the command a user types, in a process of its own. What is measured beside it does the same fetch, parse and
``dbt build`` without anything around them: no archive, no provenance, no checks of landed rows, no Dagster, no published build.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

Measured = Callable[[], "pa.Table | tuple[pa.Table, dict[str, Any]]"]


def empty_home() -> Measured:
    """``undertow run`` into an empty home."""
    home = Path(tempfile.mkdtemp())
    return lambda: _counted(home, *_spent(home))


def replay(manifest: str) -> Measured:
    """``undertow run --source replay`` of a manifest into an empty home."""
    home = Path(tempfile.mkdtemp())
    return lambda: _counted(home, *_spent(home, "--source", "replay", "--from", manifest))


def nothing_new(home: str) -> Measured:
    """``undertow run`` on a home in which nothing changed since the last run."""
    return lambda: _counted(Path(home), *_spent(Path(home)))


def one_more_day(home: str, manifest: str, *, publish: bool) -> Measured:
    """``undertow run --source replay`` of one day of reference rates, on a copy of a home.

    Args:
        home: the home; it is left as it is.
        manifest: the recorded day.
        publish: count the publication too; else what was spent on it is taken off.
    """
    copy = Path(tempfile.mkdtemp()) / "home"
    shutil.copytree(home, copy, symlinks=True, copy_function=shutil.copy2)

    def measured() -> tuple[pa.Table, dict[str, Any]]:
        seconds, cpu_seconds = _spent(copy, "--source", "replay", "--from", manifest)
        report = _report(copy)
        if report["build"].get("series_computed") in {None, "all"}:
            raise RuntimeError("the run did not grow its warehouse by the day; it built it anew")
        if not publish:
            seconds -= report["seconds"]["publish"]
            cpu_seconds -= report["cpu_seconds"]["publish"]
        return _counted(copy, seconds, cpu_seconds)

    return measured


def bare() -> Measured:
    """The bytes of the packages, the rooms' parsers, Parquet, and the command ``dbt build``; nothing else."""
    home = Path(tempfile.mkdtemp())
    program = "import sys; from benchmarks.run import bare_program; bare_program(sys.argv[1])"

    def measured() -> tuple[pa.Table, dict[str, Any]]:
        began, cpu = time.perf_counter(), _children()
        subprocess.run([sys.executable, "-W", "ignore", "-c", program, str(home)], check=True, stdout=subprocess.DEVNULL)
        return pa.table({"value": [0.0]}), {"seconds": time.perf_counter() - began, "cpu_seconds": _children() - cpu}

    return measured


def bare_program(root: str) -> None:
    """Fetch, parse and build without anything around them."""
    from datetime import UTC, datetime
    from importlib import metadata

    import pyarrow.parquet as pq

    from orchestration.warehouse import PROJECT_DIR, Warehouse
    from undertow.archive import Sighting
    from undertow.landing import FIRST_RULE_YEAR
    from undertow.room import load_room, room_names
    from undertow.schemas import TABLES
    from undertow.settings import Home

    home = Home(root).ensure()
    now = datetime(2026, 10, 31, tzinfo=UTC)
    added = {"fetched_at": now, "payload_sha256": "0" * 64, "origin": "packaged", "parser_version": 1, "parsed_at": now}
    for name in room_names():
        modules = load_room(name)
        tables: dict[str, list[pa.Table]] = {table: [] for table in modules.room.tables}
        for dataset in modules.room.datasets:
            if dataset.packaged is None:
                continue
            path = metadata.distribution(dataset.packaged.distribution).locate_file(dataset.packaged.path)
            content = Path(str(path)).read_bytes()
            sighting = Sighting(name, dataset.name, "packaged", now, "0" * 64, len(content), "packaged")
            landed = modules.parse(content, sighting, modules.catalogue())
            for table in modules.room.tables:
                if (rows := getattr(landed, table)) is not None and rows.num_rows:
                    tables[table].append(rows)
        if modules.rules is not None:
            tables["release_event"] += [
                r for year in range(FIRST_RULE_YEAR, now.year + 1) if (r := modules.rules(year)).num_rows
            ]
        for table, parts in tables.items():
            folder = home.landing / name / table
            folder.mkdir(parents=True)
            if not parts:
                pq.write_table(TABLES[table].empty_table(), folder / "empty.parquet")
            for place, rows in enumerate(parts):
                for column, value in added.items():
                    rows = rows.append_column(column, pa.repeat(value, rows.num_rows))
                whole = rows.select(TABLES[table].names).cast(TABLES[table])
                pq.write_table(whole, folder / f"{place}.parquet", compression="zstd")
    with Warehouse(home).environment():
        dbt = [str(Path(sys.executable).with_name("dbt")), "build", "--exclude-resource-type", "unit_test", "--quiet"]
        subprocess.run([*dbt, "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)], check=True)


def _spent(home: Path, *arguments: str) -> tuple[float, float]:
    """Run the command and return what it took: wall and processor seconds."""
    began, cpu = time.perf_counter(), _children()
    subprocess.run(
        [str(Path(sys.executable).with_name("undertow")), "run", *arguments],
        check=True,
        env={**os.environ, "UNDERTOW_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began, _children() - cpu


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _report(home: Path) -> dict[str, Any]:
    """Return the report of the newest run."""
    return json.loads(max((home / "quality" / "runs").glob("*.json")).read_text(encoding="utf-8"))


def _counted(home: Path, seconds: float, cpu_seconds: float) -> tuple[pa.Table, dict[str, Any]]:
    """Return the rows of each published table, by which runs are compared, and what was spent."""
    manifest = json.loads((home / "published" / "current" / "manifest.json").read_text(encoding="utf-8"))
    names = sorted(manifest["tables"])
    rows = [float(manifest["tables"][name]["rows"]) for name in names]
    steps = {f"step {name}": spent for name, spent in _report(home)["cpu_seconds"].items()}
    return pa.table({"table": names, "value": rows}), {"seconds": seconds, "cpu_seconds": cpu_seconds, **steps}
