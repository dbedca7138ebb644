"""Running measurements: each in a process of its own, watched, a few times, and compared with what the others answered.

Wall time and processor seconds are those of the question alone, measured inside the process; its start, imports and the
reading of the questions are counted apart. Memory is the highest resident size of the whole process. The runs of one group
take turns, so that other load on the machine falls on all engines alike.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any, Literal

import duckdb

__all__ = ["ROOT", "Case", "Group", "Limits", "machine", "measure", "versions"]

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("duckdb", "polars", "pandas", "pyarrow", "numpy", "feast", "ibis-framework", "great-expectations")
GIGABYTE = 1_000_000_000


@dataclass(frozen=True)
class Case:
    """One engine's answer to the question of its group.

    ``function`` is a ``module:function`` of this package; ``environment`` says whose interpreter runs it. ``answers`` is how
    its answer is compared: with the first case of the group that has the same word, in all rows that it has.
    """

    engine: str
    function: str
    arguments: Mapping[str, Any]
    environment: Literal["own", "peers"] = "own"
    answers: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Cases that answer one question over one set of data. ``facts`` are other numbers that belong to the table."""

    name: str
    title: str
    question: str
    cases: tuple[Case, ...]
    key: str | None = None  # the column by which answers are compared; None compares the values as a bag
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """When a run is ended, how many there are, and from how many seconds on a case is run once only."""

    memory_bytes: int = 10 * GIGABYTE
    seconds: float = 300
    runs: int = 5
    patience_seconds: float = 60


def measure(
    group: Group, interpreters: Mapping[str, str | None], limits: Limits, done: Callable[[str], None]
) -> dict[str, Any]:
    """Run a group and return what came of it, as plain data; ``done`` is called after each run with the engine's name."""
    cases = [case for case in group.cases if interpreters[case.environment]]
    results: list[dict[str, Any]] = [_empty_result(case) for case in cases]
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(limits.runs):
            for case, result in zip(cases, results, strict=True):
                if not result["failure"] and (turn == 0 or result["runs"][0]["seconds"] <= limits.patience_seconds):
                    answer = Path(scratch) / f"{cases.index(case)}.parquet"
                    run = _run(case, str(interpreters[case.environment]), limits, answer if turn == 0 else None)
                    if "failure" in run:
                        result["failure"] = run["failure"]
                    else:
                        result["runs"].append(run)
                        result["rows"] = run["rows"]
                    if turn == 0 and answer.exists():
                        result["agreement"] = _agreement(group, cases, case, Path(scratch), answer)
                done(case.engine)
    for result in results:
        for name in ("seconds", "cpu_seconds", "peak_bytes", "load") if result["runs"] else ():
            result[name] = median(run[name] for run in result["runs"])
        if result["runs"] and all("written_bytes" in run for run in result["runs"]):
            result["written_bytes"] = median(run["written_bytes"] for run in result["runs"])
    return {
        "title": group.title,
        "question": group.question,
        "facts": dict(group.facts),
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cases": results,
    }


def _empty_result(case: Case) -> dict[str, Any]:
    return {
        "engine": case.engine,
        "function": case.function,
        "note": case.note,
        "runs": [],
        "failure": None,
        "agreement": None,
    }


def _run(case: Case, interpreter: str, limits: Limits, answer: Path | None) -> dict[str, Any]:
    """Run a case once; return what its worker said, or why it was ended."""
    with tempfile.TemporaryDirectory() as folder:
        command = [interpreter, "-W", "ignore", "-m", "benchmarks.worker", case.function, json.dumps(dict(case.arguments))]
        if answer is not None:
            command += ["--answer", str(answer)]
        environment = {**os.environ, "TMPDIR": folder, "DO_NOT_TRACK": "1", "FEAST_USAGE": "False"}
        said, errors = Path(folder) / "said", Path(folder) / "errors"
        started = time.perf_counter()
        with said.open("w") as out, errors.open("w") as err:
            process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err, env=environment, start_new_session=True)
            ended, reason = Event(), []
            watch = Thread(target=_watch, args=(process.pid, limits, started, ended, reason))
            watch.start()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            ended.set()
            watch.join()
        if reason:
            return {"failure": reason[0]}
        if process.returncode:
            last = (errors.read_text(encoding="utf-8").strip().splitlines() or ["it said nothing"])[-1]
            return {"failure": f"ended with code {process.returncode}: {last[:200]}"}
        return {
            **json.loads(said.read_text(encoding="utf-8").strip().splitlines()[-1]),
            "process_seconds": time.perf_counter() - started,
            "process_cpu_seconds": usage.ru_utime + usage.ru_stime,
        }


def _watch(pid: int, limits: Limits, started: float, ended: Event, reason: list[str]) -> None:
    """End the process and its children where it takes more memory or time than it may, and say so in ``reason``."""
    while not ended.wait(0.05):
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return
        if pages * os.sysconf("SC_PAGE_SIZE") > limits.memory_bytes:
            reason.append(f"did not finish within {limits.memory_bytes / GIGABYTE:.0f} GB of memory")
        elif time.perf_counter() - started > limits.seconds:
            reason.append(f"did not finish within {limits.seconds:.0f} s")
        if reason:
            if not ended.is_set():
                os.killpg(pid, 9)  # with the commands that it runs: they would go on writing
            return


def _agreement(group: Group, cases: Sequence[Case], case: Case, scratch: Path, answer: Path) -> dict[str, Any] | None:
    """Compare an answer with that of the first case of the same word; where both name a value, it must be the same one."""
    reference = next(other for other in cases if other.answers == case.answers)
    other = scratch / f"{cases.index(reference)}.parquet"
    if case.answers is None or reference is case or not other.exists():
        return None
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE a AS FROM read_parquet(?)", [str(answer)])
        connection.execute("CREATE TABLE b AS FROM read_parquet(?)", [str(other)])
        if group.key is None:
            query = "SELECT (SELECT count(*) FROM a), count(*) FROM (SELECT value FROM a EXCEPT ALL SELECT value FROM b)"
        else:
            # what only one of the two counts cannot be compared
            differs = " OR ".join(
                f"a.{name} IS DISTINCT FROM b.{name}" if name != "offending" else f"a.{name} <> b.{name}"
                for (name,) in connection.execute("SELECT column_name FROM (DESCRIBE b)").fetchall()
                if name != group.key
            )
            query = (
                f"SELECT count(*), count(*) FILTER (WHERE b.{group.key} IS NULL OR {differs}) "
                f"FROM a LEFT JOIN b ON a.{group.key} = b.{group.key}"
            )
        compared, different = connection.execute(query).fetchall()[0]
    return {"with": reference.engine, "rows": compared, "different": different}


# --- where it was measured -----------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Return the processor, its cores and the memory."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gigabytes": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGABYTE),
        "system": platform.system(),
    }


def versions(interpreter: str, packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of what is measured, as an interpreter has them."""
    program = (
        "import json, platform, sys\n"
        "from importlib import metadata\n"
        "found = {'python': platform.python_version()}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = metadata.version(name)\n"
        "    except metadata.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([interpreter, "-c", program, *packages], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
