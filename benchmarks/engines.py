"""All marts on DuckDB, Sail and Apache Spark, over the packaged sample with its N-PORT data set at some multiples of its size.

``python -m benchmarks.engines --times 1 --times 10 --python .venv-spark/bin/python --out benchmarks/ENGINES.json`` measures and
adds to the file. Each build is a process of its own, of the interpreter that has all three, so that DuckDB is the same release;
processor seconds and memory are those of that process and of what it starts, Spark's Java among them. What the others compute
is then held against what DuckDB computed, row for row (``orchestration/parity.py``).

The multiples are data sets in the exact wire format with as many times the borrowers and the other positions, landed by the
room. A genuine quarter has some 7,300 times the loans of the packaged one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import click

from benchmarks.harness import ROOT, machine, versions
from undertow.engine import ENGINES, SAIL, SPARK

DAY = date(2025, 9, 30)  # of the packaged data set
BORROWERS, FILLER = 14, 60  # in it
PATIENCE = 5400.0  # seconds after which a build is ended


def prepare(root: Path, times: int) -> Path:
    """Land the packaged sample with its N-PORT data set at ``times`` its size; return the home, which is kept.

    Args:
        root: the folder of the homes.
        times: how many times the borrowers; 1 takes the packaged data set itself.
    """
    from orchestration import runner
    from undertow.archive import Archive
    from undertow.instants import parse_instant
    from undertow.landing import land
    from undertow.room import load_room

    base = root / "sample"
    if not (base / "landing").exists():
        os.environ["UNDERTOW_HOME"] = str(base)
        runner.run("sample", build=False)
    home = root / f"times_{times}"
    if (home / "landing").exists():
        return home
    part = root / f"times_{times}.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(base / "landing", part / "landing")
    if times > 1:
        from assets.sec_nport.sample import write_zip
        from undertow.loans.universe import universe

        shutil.rmtree(part / "landing" / "sec_nport")
        world = universe(borrowers=BORROWERS * times, managers=min(4 * times, 20), quarters=(DAY,))
        payload = part / "nport.zip"
        write_zip(world, payload, day=DAY, filler=FILLER * times)
        archive = Archive(part / "archive")
        archive.store(
            payload.read_bytes(),
            source="sec_nport",
            dataset="nport_zip",
            url="https://example.org/2025q4_nport.zip",
            fetched_at=parse_instant("2026-02-20T12:00:00Z"),
            origin="replay",  # a generated sample that the room does not ship would not count
        )
        payload.unlink()
        if problems := [one.error for one in land(load_room("sec_nport"), archive, part / "landing") if one.error]:
            raise click.ClickException(problems[0])
    part.rename(home)
    return home


def rows_of(home: Path) -> int:
    """Return how many positions of N-PORT are landed."""
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute(
            "SELECT count(*) FROM read_parquet(?)", [str(home / "landing" / "sec_nport" / "holding" / "*.parquet")]
        ).fetchall()[0][0]


def work(engine: str, home: Path, database: Path, said: Path) -> None:
    """Build all models in this process, without tests, and write when its parts were done."""
    from orchestration.warehouse import Warehouse
    from undertow.settings import Home

    began = time.perf_counter()
    marks: dict[str, float] = {}
    nodes: list[tuple[float, str]] = []

    def on_event(event: Any) -> None:
        node = event["data"]["node_info"]
        kind, materialized = node["resource_type"], node.get("materialized")
        since = round(time.perf_counter() - began, 2)
        marks.setdefault("first_node", since)
        if event["info"]["name"] == "LogModelResult":
            nodes.append((round(float(event["data"]["execution_time"]), 2), node["node_name"]))
            if kind == "model" and materialized == "table":
                marks.setdefault("first_table", since)

    database.parent.mkdir(parents=True)
    results = Warehouse(Home(home), None, database, engine).build(on_event=on_event, tests=False)
    wrong = [f"{result.name}: {result.message}" for result in results if result.status not in {"success", "no-op"}]
    found = {**marks, "all": round(time.perf_counter() - began, 2), "nodes": len(results), "wrong": wrong[:3]}
    found["slowest"] = [f"{name} {seconds}" for seconds, name in sorted(nodes, reverse=True)[:5]]
    said.write_text(json.dumps(found), encoding="utf-8")


def build(engine: str, home: Path, database: Path, python: str, memory: str) -> dict[str, Any]:
    """Build in a process of its own, and return its seconds, processor seconds and highest memory with all that it started."""
    with tempfile.TemporaryDirectory() as name:
        said, errors = Path(name) / "said.json", Path(name) / "errors"
        command = [python, "-W", "ignore", "-m", "benchmarks.engines", "--work", engine, str(home), str(database), str(said)]
        environment = {**os.environ, "UNDERTOW_HOME": str(home), "UNDERTOW_SPARK_MEMORY": memory}
        began = time.perf_counter()
        with errors.open("w") as err:
            process = subprocess.Popen(command, cwd=ROOT, stdout=err, stderr=err, env=environment, start_new_session=True)
        peak, cpu = 0, {}
        while process.poll() is None:
            now, seconds = _group(process.pid)
            peak, cpu = max(peak, now), {**cpu, **seconds}
            if time.perf_counter() - began > PATIENCE:
                os.killpg(process.pid, 9)
            time.sleep(0.2)
        seconds = time.perf_counter() - began
        if not said.exists():
            last = (errors.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            if process.returncode == -9 and seconds < PATIENCE:
                last = "the system ended it, as it does where memory runs out"
            return {"failure": f"ended after {seconds:.0f} s: {last[:300]}", "peak_bytes": peak}
        found = json.loads(said.read_text(encoding="utf-8"))
        started = seconds - found["all"]  # imports, and the end of the process
        return {
            **found,
            "seconds": round(seconds, 1),
            "first_table": round(started + found["first_table"], 1),
            "cpu_seconds": round(sum(cpu.values()), 1),
            "peak_bytes": peak,
        }


def _group(leader: int) -> tuple[int, dict[int, float]]:
    """Return the resident bytes of a session's processes, and the processor seconds of each.

    A process younger than a second counts for nothing yet: Java forks for each small command, and the fork has its memory too.
    """
    resident, seconds, ticks = 0, {}, os.sysconf("SC_CLK_TCK")
    uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader:  # its session
                seconds[int(folder.name)] = (int(fields[11]) + int(fields[12])) / ticks
                if uptime - int(fields[19]) / ticks >= 1:
                    resident += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            continue
    return resident, seconds


def measure(root: Path, times: int, engine: str, python: str, memory: str) -> dict[str, Any]:
    """Build one multiple on one engine, and compare with DuckDB's build of it where there is one."""
    from orchestration.parity import compare

    home = prepare(root, times)
    folder = home / engine
    shutil.rmtree(folder, ignore_errors=True)
    database = folder / "warehouse.duckdb"
    found = {"times": times, "engine": engine, "positions": rows_of(home), "load": round(os.getloadavg()[0], 1)}
    found |= build(engine, home, database, python, memory)
    reference = home / "duckdb" / "warehouse.duckdb"
    if "failure" not in found and engine != "duckdb" and reference.exists():
        names, differences = compare(reference, database)
        found["marts"], found["unlike"] = len(names), sorted({one.table for one in differences})
        found["differences"] = [str(one)[:1000] for one in differences]
    for tables in (SAIL, SPARK):
        shutil.rmtree(folder / tables, ignore_errors=True)
    return found


def table(found: dict[str, Any]) -> str:
    """Return what was measured as a table in Markdown, as ``docs/engines.md`` has it."""
    rows = [
        "| N-PORT sample | positions | engine | whole build | processor | memory | first table | equal to DuckDB's |",
        "| --: | --: | --- | --: | --: | --: | --: | --: |",
    ]
    for one in found["builds"]:
        name = {"duckdb": "DuckDB", "sail": "Sail", "spark": "Spark"}[one["engine"]]
        head = f"| {one['times']:,} x | {one['positions']:,} | {name} |"
        if "failure" in one:
            rows.append(f"{head} ended for want of memory or time | | {one['peak_bytes'] / 1e9:.1f} GB | | |")
            continue
        equal = "" if "marts" not in one else f"{one['marts'] - len(one['unlike'])} of {one['marts']} marts"
        rows.append(
            f"{head} {one['seconds']:.0f} s | {one['cpu_seconds']:.0f} s | {one['peak_bytes'] / 1e9:.1f} GB "
            f"| {one['first_table']:.0f} s | {equal} |"
        )
    return "\n".join(rows)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: python -m benchmarks.engines --times 1 --times 10 --python .venv-spark/bin/python",
)
@click.option("--times", multiple=True, default=(1, 10, 100), show_default=True, type=click.IntRange(1), help="Multiples.")
@click.option("--engine", "engines", multiple=True, default=ENGINES, show_default=True, type=click.Choice(ENGINES))
@click.option("--python", default=sys.executable, help="Interpreter with the packages of undertow[spark].")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the homes, kept.  [default: a temporary one]")
@click.option("--memory", default="4g", show_default=True, help="Memory of Spark's process.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to which what was measured is added.")
@click.option("--table", "is_table", is_flag=True, help="Print what --out holds as a table, and measure nothing.")
@click.option("--work", "job", nargs=4, hidden=True)
def main(
    times: tuple[int, ...],
    engines: tuple[str, ...],
    python: str,
    root: Path | None,
    memory: str,
    out: Path | None,
    is_table: bool,
    job: tuple[str, str, str, str] | None,
) -> None:
    """Measure the build of all marts on the engines, and whether they agree."""
    if job:
        work(job[0], Path(job[1]), Path(job[2]), Path(job[3]))
        return
    found: dict[str, Any] = {"builds": []}
    if out and out.exists():
        found = json.loads(out.read_text(encoding="utf-8"))
    if is_table:
        click.echo(table(found))
        return
    found["machine"] = machine()
    found["versions"] = versions(python, ("duckdb", "pyspark", "pysail", "dbt-core", "dbt-duckdb", "dbt-spark"))
    with tempfile.TemporaryDirectory() as scratch:
        homes = (root or Path(scratch)).resolve()
        homes.mkdir(parents=True, exist_ok=True)
        for multiple in times:
            for engine in sorted(engines, key=ENGINES.index):
                one = measure(homes, multiple, engine, python, memory)
                click.echo(json.dumps(one))
                found["builds"] = [b for b in found["builds"] if (b["times"], b["engine"]) != (multiple, engine)] + [one]
                if out:
                    found["builds"].sort(key=lambda b: (b["times"], ENGINES.index(b["engine"])))
                    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    unlike = [f"{b['times']} times on {b['engine']}" for b in found["builds"] if b.get("differences") or b.get("wrong")]
    if unlike:
        raise click.ClickException("not what DuckDB computes: " + ", ".join(unlike))


if __name__ == "__main__":
    main()
