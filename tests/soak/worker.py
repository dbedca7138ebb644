"""The long-lived process of the soak: it ticks the sensor of releases and runs the pipeline, as Dagster's daemon has them run.

``python -m tests.soak.worker`` reads one JSON command a line and answers with one JSON line; it says the name of each step as it
begins. The clock of a command is set before it is done. It lives until its standard input ends, or until it is killed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import dagster as dg

from orchestration.calendar_sensor import RELEASES, build_release_sensor
from orchestration.definitions import JOB
from orchestration.housekeeping import keep
from orchestration.runner import run
from tests.integration.commands import hasten
from undertow.archive import Archive
from undertow.errors import UndertowError
from undertow.fetching import LiveFetcher
from undertow.instants import parse_instant
from undertow.landing import prepare
from undertow.lock import writing
from undertow.room import load_room, room_names
from undertow.settings import Home, Settings

__all__ = ["main"]

Answer = dict[str, Any]


def resident() -> float:
    """Return the resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def peak() -> float:
    """Return the greatest resident memory since the last call in MiB, and begin anew."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return found / 1024


class Worker:
    """What the process keeps from one command to the next: Dagster's instance and the sensor."""

    def __init__(self, say: Callable[[Answer], None]) -> None:
        self.say = say
        self.home = Home(Settings().home).ensure()
        self.instance = dg.DagsterInstance.get()
        self.dagster = os.environ["DAGSTER_HOME"]
        self.sensor = build_release_sensor(JOB, lambda rooms: [dg.AssetKey(["archive", room, "any"]) for room in rooms])
        for name in room_names():
            prepare(load_room(name), self.home.landing)

    def tick(self, cursor: str) -> Answer:
        """Evaluate the sensor; do with what it says what the daemon does, but for starting the run."""
        result = self.sensor(dg.build_sensor_context(self.instance, cursor or None))
        if isinstance(result, dg.RunRequest):
            return {"first": True, "asks": 0, "rooms": [], "cursor": ""}
        if not isinstance(result, dg.SensorResult):
            return {"skipped": str(result), "asks": 0, "rooms": [], "cursor": cursor}
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name or RELEASES.name, list(request.partition_keys))
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        requests = result.run_requests or []
        keys = [request.run_key for request in requests]
        rooms = sorted({room for request in requests for room in request.tags["undertow/rooms"].split(", ")})
        asked = sum(len(request.tags["undertow/release_id"].split(", ")) for request in requests)
        return {"first": False, "asks": asked, "keys": keys, "rooms": rooms, "cursor": result.cursor or ""}

    def run(self, rooms: list[str], *, fetch: bool = True, build: bool = True, remembered: bool = False) -> Answer:
        """Run the pipeline for some rooms; ``remembered`` lets Dagster write it down, as its daemon has it."""
        if remembered:
            os.environ["DAGSTER_HOME"] = self.dagster
        else:
            os.environ.pop("DAGSTER_HOME", None)
        began, cpu = perf_counter(), process_time()
        answer: Answer = {}
        try:
            report = run("live", listener=lambda step: self.say({"step": step}), rooms=rooms, fetch=fetch, build=build)
        except UndertowError as error:
            answer["error"] = str(error)
        else:
            told = report.build
            answer = {
                "build": told.get("build_id"),
                "is_new": told.get("is_new"),
                "series_computed": told.get("series_computed"),
                "fetched": len(report.fetched),
                "new": sum(one.status == "new" for one in report.fetched),
                "failed": sorted(
                    {f"{one.source}/{one.dataset}: {one.message[:160]}" for one in report.fetched if one.status == "failed"}
                ),
                "unread": sorted(
                    {f"{one.source}/{one.dataset}: {(one.error or '')[:160]}" for one in report.landed if one.error}
                ),
                "warned": sorted({f"{one.asset}: {one.name}" for one in report.checks if not one.passed}),
                "rows": sum(sum(one.rows.values()) for one in report.landed),
                "steps": {name: seconds for name, seconds in report.cpu_seconds.items() if seconds > 0.1},
            }
        return answer | {"seconds": round(perf_counter() - began, 2), "cpu": round(process_time() - cpu, 2)}

    def housekeep(self) -> Answer:
        """Do what the job housekeeping does, and keep less."""
        done = keep(self.home, self.instance, reports=20, runs=1)
        merged = [f"{one.source}/{one.table}: {one.files_before} files" for one in done.merged]
        return {"merged": merged, "removed": len(done.removed), "runs": done.runs}

    def fetch(self, rooms: list[str]) -> Answer:
        """Fetch for some rooms and do nothing else."""
        found = []
        with writing(self.home):
            for room in rooms:
                found += list(LiveFetcher(Settings()).fetch(load_room(room), Archive(self.home.archive)))
        failed = sorted({f"{one.source}/{one.dataset}: {one.message[:160]}" for one in found if one.status == "failed"})
        return {"new": sum(one.status == "new" for one in found), "failed": failed}


def main() -> None:
    """Obey."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer

    def say(answer: Answer) -> None:
        out.write(json.dumps(answer, default=str) + "\n")
        out.flush()

    os.environ["UNDERTOW_CLOCK"] = json.loads(sys.argv[1])["at"]
    hasten()
    worker = Worker(say)
    say({"ready": True, "pid": os.getpid(), "rss": round(resident(), 1)})
    for line in sys.stdin:
        command = json.loads(line)
        os.environ["UNDERTOW_CLOCK"] = command.pop("at")
        parse_instant(os.environ["UNDERTOW_CLOCK"])
        answer = getattr(worker, command.pop("do"))(**command)
        say({**answer, "done": True, "rss": round(resident(), 1), "peak": round(peak(), 1)})


if __name__ == "__main__":
    main()
