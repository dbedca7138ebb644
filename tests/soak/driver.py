"""Drives a soak: moves the clock, lets the provider misbehave, kills the service, upgrades it, and holds what it publishes against
one clean run over the same archive.

Everything random follows from a seed and the day, and what is known is written after each day, so that a soak that was ended is
resumed where it was. The code under test is a copy, which an upgrade edits: the service then starts anew with other code, as it
does after a real one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pyarrow.parquet as pq
from werkzeug import Request, Response

from assets.cftc import SOCRATA_URL
from assets.dol import REPORT_URL
from tests.integration.reader import Polls, reading
from tests.provider import server as faults
from tests.provider.payloads import API_V1, CU_DATA, DAILY, HIST, csv_text, scaled, zipped
from tests.provider.server import Fault, File, Provider, provider
from tests.soak.world import ROOMS, World
from undertow.atomic import write_text
from undertow.calendars import at_local
from undertow.history import parquet_bytes
from undertow.incidents import IncidentLog
from undertow.instants import format_instant
from undertow.publish import current_build
from undertow.settings import Home

__all__ = ["PHASES", "Plan", "Soak", "Watching"]

PROJECT = Path(__file__).parents[2]
PARTS = ("assets", "dbt_project", "expectations", "orchestration", "tests", "undertow")
DAY = timedelta(days=1)
PHASES = ("fetch", "land", "models", "publish")
LONGEST = {"fetch": 0.1, "land": 0.1, "models": 9.0, "publish": 1.5}  # seconds into a step until which a kill may come
FUTURES, REPORT = SOCRATA_URL.removeprefix("https://"), REPORT_URL.removeprefix("https://")


@dataclass(frozen=True)
class Plan:
    """What a soak plays. ``every`` is how many days lie between two builds; the ECB is
    fetched on every weekday, and what was fetched is landed and checked on every Friday."""

    first: date
    last: date
    every: int = 14
    seed: int = 1
    extra: tuple[date, ...] = ()  # further days with a build
    renamed: date | None = None  # the ECB renames a column
    parser: date | None = None  # and from this day on the code can read it: an upgrade with a higher parser version
    layout: date | None = None  # an upgrade whose landing has another schema version
    kills: Mapping[date, str] = field(default_factory=dict)  # in which phase the service is killed
    restarts: tuple[date, ...] = ()  # it is ended and started anew
    fault_rate: float = 0.12  # of days
    fault_free_days: int = 14  # at the end
    open_at_end: tuple[str, ...] = ()  # incidents that are open on the last day, for what they wait for has not come
    checks: tuple[date, ...] = ()  # held against a clean run; the last day always is

    def days(self) -> Iterator[date]:
        """Yield the weekdays."""
        day = self.first
        while day <= self.last:
            if day.isoweekday() < 6:
                yield day
            day += DAY

    def builds_on(self, day: date) -> bool:
        """Tell whether a day has a build."""
        friday = day.isoweekday() == 5
        number = (day - self.first).days // 7
        return day in {self.first, self.last, *self.extra} or (friday and number % max(1, self.every // 7) == 0)


class Watching(Provider):
    """A provider that writes down what it answered with status 200 and in whole."""

    def give(self, request: Request, file: File) -> Response:
        """Answer as the provider does when nothing is wrong."""
        response = super().give(request, file)
        if response.status_code == 200 and not request.path.startswith("/hook/"):
            self.served.append(hashlib.sha256(file.body).hexdigest())
        return response

    @property
    def served(self) -> list[str]:
        """The hashes of the bodies that were sent since the last look."""
        return self.__dict__.setdefault("_served", [])


class Service:
    """The process under test."""

    def __init__(self, code: Path, environment: Mapping[str, str], at: datetime) -> None:
        command = [sys.executable, "-m", "tests.soak.worker", json.dumps({"at": format_instant(at)})]
        self.log = (code.parent / "service.log").open("ab")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=code, env=dict(environment)
        )
        self.lines: Queue[str] = Queue()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        self.ready = self._next(120)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def _next(self, timeout: float) -> dict[str, Any]:
        try:
            line = self.lines.get(timeout=timeout)
        except Empty:
            raise AssertionError("the service says nothing") from None
        if not line:
            raise AssertionError(f"the service has ended by itself: {self.process.wait()}; see service.log")
        return json.loads(line)

    def send(self, at: datetime, do: str, **arguments: Any) -> None:
        """Give a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"at": format_instant(at), "do": do, **arguments}) + "\n")
        self.process.stdin.flush()

    def answer(self, timeout: float = 900) -> dict[str, Any]:
        """Wait until the command is done."""
        while True:
            said = self._next(timeout)
            if said.get("done"):
                return said

    def kill_in(self, phase: str, after: float) -> tuple[str | None, dict[str, Any] | None]:
        """Kill -9 some time after a phase has begun; return the step it was in, or the answer where it was done before."""
        while True:
            said = self._next(900)
            if said.get("done"):
                return None, said
            if said.get("step", "").startswith(phase):
                break
        until, step = time.monotonic() + after, said["step"]
        while time.monotonic() < until:
            try:
                line = self.lines.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                break
            said = json.loads(line)
            if said.get("done"):
                return None, said
            step = said.get("step", step)
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.process.wait(30) == -signal.SIGKILL
        self.close()
        return step, None

    def close(self) -> None:
        """End it, gently where it still lives."""
        with contextlib.suppress(OSError, ValueError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)
        self.thread.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()


class Soak:
    """One soak in a folder of its own: ``home``, the copy of the code, and ``state.json``."""

    def __init__(self, root: Path, plan: Plan, say: Callable[[str], None] = print) -> None:
        self.root, self.plan, self.say = root.resolve(), plan, say
        self.root.mkdir(parents=True, exist_ok=True)
        self.home, self.code = Home(self.root / "home"), self.root / "code"
        self.state: dict[str, Any] = {
            "next": plan.first.isoformat(), "cursor": "", "served": [], "excused": [], "told": [], "runs": [], "builds": [],
            "kills": [], "faults": [], "lives": [], "sizes": [], "checks": [], "looks": 0, "bad_looks": [], "seconds": 0.0,
            "upgrades": [], "asks": 0, "requests": 0, "fetches": 0, "failed_fetches": 0, "kept": [],
        }  # fmt: skip
        if self._file.is_file():
            self.state = json.loads(self._file.read_text(encoding="utf-8"))
        if not self.code.is_dir():
            self._copy_code()
        self.service: Service | None = None
        self.environment: dict[str, str] = {}

    @property
    def _file(self) -> Path:
        return self.root / "state.json"

    def _copy_code(self) -> None:
        part_way = self.root / "code.part"
        shutil.rmtree(part_way, ignore_errors=True)
        for part in PARTS:
            shutil.copytree(PROJECT / part, part_way / part, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
        shutil.rmtree(self.code, ignore_errors=True)
        part_way.rename(self.code)

    def upgrade(self) -> None:
        """Let the service go on with the code of this checkout, whatever release it ran on until now."""
        self._copy_code()
        for name in [name for _, name in self.state["upgrades"]]:
            self._edit_code(name)
        self.state["upgrades"].append([self.state["next"], "release"])
        write_text(self._file, json.dumps(self.state))

    def _edit_code(self, name: str) -> None:
        """Write into the copy of the code what an upgrade of the plan changes there."""
        if name == "parser":
            _edit(self.code / "assets/ecb/__init__.py", "parser_version=1,", "parser_version=2,")
            _edit(self.code / "assets/ecb/parse.py", 'if header[0] != "Date":', 'if header[0] not in ("Date", "TIME_PERIOD"):')
        elif name == "layout":
            path = self.code / "undertow/__init__.py"
            path.write_text(path.read_text(encoding="utf-8") + "\n# another release\n", encoding="utf-8")

    def check_now(self) -> None:
        """Build from what is archived, asking nobody, and hold it against a clean run: for a soak that was ended on any day."""
        day = date.fromisoformat(self.state["next"])
        at = datetime(day.year, day.month, day.day, 3, 0, tzinfo=UTC)
        with provider() as self.server:
            self._set_environment()
            try:
                answer = self._command(at, "run", rooms=list(ROOMS), fetch=False)
            finally:
                self._end_service()
            assert not answer.get("error"), answer
            self.state["lives"][-1]["rss"].append([answer["rss"], answer["peak"], True])
            if answer.get("is_new"):
                manifest = current_build(self.home).manifest
                self.state["builds"].append(
                    [day.isoformat(), manifest["build_id"], manifest["fingerprint"], manifest["content"]]
                )
            self._measure(day)
            self.state["checks"].append({"day": day.isoformat(), **self.compare(at + timedelta(minutes=30))})
            self.say(f"{day} check: {self.state['checks'][-1]}")
        write_text(self._file, json.dumps(self.state))

    def play(self, seconds: float | None = None) -> bool:
        """Play the days that are left, for at most some seconds; tell whether the end was reached."""
        began = time.monotonic()
        with ExitStack() as stack:
            server = stack.enter_context(provider())
            server.__class__ = Watching
            self.server: Any = server
            self.world = World(server)
            self.world.renamed = self.plan.renamed
            server.answers["hook/alerts"] = self._hook
            self._set_environment()
            stack.callback(self._end_service)
            polls: Polls | None = None
            for day in self.plan.days():
                if day < date.fromisoformat(self.state["next"]):
                    continue
                if seconds is not None and time.monotonic() - began > seconds:
                    return False
                if polls is None and self.home.current.exists():
                    polls = stack.enter_context(reading(self.home.root, 3.0))
                started = time.monotonic()
                self._day(day)
                self._note(polls, time.monotonic() - started)
                self.state["next"] = (day + DAY).isoformat()
                write_text(self._file, json.dumps(self.state))
            return True

    # --- a day -----------------------------------------------------------------------------------------------------------

    def _day(self, day: date) -> None:
        dice = random.Random(f"{self.plan.seed} {day}")
        builds = self.plan.builds_on(day)
        self._upgrade(day)
        if day in self.plan.restarts:
            self._end_service()
        self.server.mend()
        at = datetime(day.year, day.month, day.day, 21, 0, tzinfo=UTC) if builds else at_local(day, "16:20", "Europe/Berlin")
        self.world.show(at, rates_only=not builds)
        lasting = self._plant(dice, day, builds)
        if not builds and day.isoweekday() != 5:
            answer = self._command(at, "fetch", rooms=["ecb"])
            self.state["fetches"] += 1
            self.state["failed_fetches"] += bool(answer["failed"])
            return
        if not builds:
            self._run(day, at, ["ecb"], build=False)
            return
        tick = self._tick(at)
        rooms = list(ROOMS) if tick.get("first") or self._is_sweep(day) else sorted({"ecb", *tick["rooms"]} & set(ROOMS))
        self._run(day, at + timedelta(minutes=1), rooms)
        if not lasting:
            self.server.faults.clear()
        for later in (40, 80):
            after = at + timedelta(minutes=later)
            self.world.move(after)
            tick = self._tick(after)
            again = sorted(set(tick["rooms"]) & set(ROOMS))
            if again and later == 40:
                self._run(day, after + timedelta(minutes=1), again)
        if self._is_sweep(day):
            kept = self._command(at + timedelta(hours=2), "housekeep")
            self.state["kept"].append([day.isoformat(), len(kept["merged"]), kept["removed"], kept["runs"]])
        self._measure(day)
        if day in self.plan.checks or day == self.plan.last:
            self.state["checks"].append({"day": day.isoformat(), **self.compare(at + timedelta(hours=2, minutes=30))})
            self.say(f"{day} check: {self.state['checks'][-1]}")

    def _is_sweep(self, day: date) -> bool:
        """Tell whether a day with a build asks every room, as the schedule does, and keeps house afterwards."""
        return day in {self.plan.first, self.plan.last} or (day.day <= max(7, self.plan.every) and day not in self.plan.extra)

    def _is_remembered(self, day: date) -> bool:
        """Tell whether Dagster writes the run down: in June and December, for it costs more than the run itself."""
        return day.month % 6 == 0 and self._is_sweep(day)

    def _plant(self, dice: random.Random, day: date, builds: bool) -> bool:
        """Let the provider misbehave, or not; tell whether it goes on all day. The last days are without faults."""
        if (
            dice.random() >= self.plan.fault_rate * (3 if builds else 1)
            or day + self.plan.fault_free_days * DAY > self.plan.last
        ):
            return False
        places = [HIST, DAILY, *([CU_DATA, REPORT, FUTURES, API_V1, "www.bls.gov"] if builds else [])]
        place, lasting = dice.choice(places), dice.random() < 0.3
        table = self.world.table()
        mixed = [table[0], *dice.sample(table[1:], len(table) - 1)]
        twice = [*table[:3], table[2], *table[3:]]
        of_rates: dict[str, Fault] = {
            "duplicate rows": faults.instead(zipped(csv_text(twice))),
            "out of order": faults.instead(zipped(csv_text(mixed))),
            "1000 times": faults.instead(zipped(csv_text(scaled(1000)(table)))),
        }
        of_all: dict[str, Fault] = {
            "500": faults.status(500), "429, come back in a second": faults.status(429, Retry_After="1"),
            "429": faults.too_many, "truncated": faults.cut_short, "HTML with 200": faults.page, "no answer": late,
            "connection lost": faults.dropped,
        }  # fmt: skip
        kinds = {**of_all, **of_rates} if place == HIST else of_all
        kind = dice.choice(sorted(kinds))
        whole = kind in of_rates or kind == "HTML with 200"  # what is answered so is not asked for again
        self.server.break_with(place, *([kinds[kind]] if lasting or whole else [kinds[kind], faults.as_usual]))
        self.state["faults"].append([day.isoformat(), place, kind, lasting])
        return lasting

    def _upgrade(self, day: date) -> None:
        """Change the code of the service, and what an older release of it would have left, on the days of the plan."""
        done = {name for _, name in self.state["upgrades"]}
        if self.plan.parser is not None and day >= self.plan.parser and "parser" not in done:
            self._end_service()
            self._edit_code("parser")
            self.state["upgrades"].append([day.isoformat(), "parser"])
        if self.plan.layout is not None and day >= self.plan.layout and "layout" not in done:
            self._end_service()
            older_layout(self.home.landing)
            self._edit_code("layout")
            self.state["upgrades"].append([day.isoformat(), "layout"])

    # --- the service -----------------------------------------------------------------------------------------------------

    def _set_environment(self) -> None:
        inherited = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("UNDERTOW_", "DAGSTER_")) and "proxy" not in name.lower()
        }
        dagster = self.home.root / "dagster"
        dagster.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / "orchestration" / "dagster.yaml", dagster / "dagster.yaml")
        self.environment = {
            **inherited,
            **self.server.environment(timeout_seconds="2"),
            "UNDERTOW_HOME": str(self.home.root),
            "UNDERTOW_KEEP_BUILDS": "5",
            "UNDERTOW_ALERT_WEBHOOK": self.server.server.url_for("/hook/alerts"),
            "DAGSTER_HOME": str(dagster),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": str(self.code),
        }

    def _hook(self, request: Request) -> File:
        """Take an alert; every seventh is refused."""
        told = json.loads(request.get_data() or b"{}")
        refused = (len(self.state["told"]) + 1) % 7 == 0
        self.state["told"].append([self.world.at.date().isoformat(), not refused, [one["key"] for one in told["incidents"]]])
        if refused:
            raise ConnectionResetError("as planned")
        return File(b"taken", "text/plain", validators=False)

    def _alive(self, at: datetime) -> Service:
        if self.service is None:
            self.service = Service(self.code, self.environment, at)
            self.state["lives"].append({"since": at.date().isoformat(), "rss": []})
        return self.service

    def _end_service(self) -> None:
        if self.service is not None:
            self.service.close()
            self.service = None

    def _command(self, at: datetime, do: str, **arguments: Any) -> dict[str, Any]:
        service = self._alive(at)
        service.send(at, do, **arguments)
        return service.answer()

    def _tick(self, at: datetime) -> dict[str, Any]:
        answer = self._command(at, "tick", cursor=self.state["cursor"])
        self.state["cursor"] = answer["cursor"]
        self.state["asks"] += answer["asks"]
        return answer

    def _run(self, day: date, at: datetime, rooms: list[str], *, build: bool = True) -> None:
        """Run, and once more where the run was killed."""
        phase = self.plan.kills.get(day)
        if phase is not None and not any(kill[0] == day.isoformat() for kill in self.state["kills"]):
            dice = random.Random(f"{self.plan.seed} kill {day}")
            service = self._alive(at)
            service.send(at, "run", rooms=rooms, build=build)
            step, answer = service.kill_in(phase, dice.random() * LONGEST[phase])
            self.state["kills"].append([day.isoformat(), phase, step])
            self.say(f"{day} killed in {step}")
            if answer is None:
                self.service = None
                if (step or "").startswith("fetch") and self.server.served:
                    self.state["excused"].append(self.server.served[-1])  # it may have died with the answer in its hands
                self._run(day, at + timedelta(minutes=2), rooms, build=build)
                return
        else:
            answer = self._command(at, "run", rooms=rooms, build=build, remembered=build and self._is_remembered(day))
        self.state["lives"][-1]["rss"].append([answer["rss"], answer["peak"], build])
        kept = {
            name: answer.get(name)
            for name in (
                "build",
                "is_new",
                "series_computed",
                "failed",
                "unread",
                "warned",
                "error",
                "cpu",
                "seconds",
                "new",
                "rows",
            )
        }
        if build:
            told = f"{day} {','.join(rooms)}: {answer.get('error') or answer.get('build')} new {answer.get('is_new')}, series {answer.get('series_computed')}, {answer['cpu']:.0f} CPU s, {answer['rss']:.0f} MiB"
            self.say(told + (f", failed {len(answer['failed'])}" if answer.get("failed") else ""))
        if answer.get("is_new"):
            manifest = current_build(self.home).manifest
            self.state["builds"].append([day.isoformat(), manifest["build_id"], manifest["fingerprint"], manifest["content"]])
        self.state["runs"].append(
            {"day": day.isoformat(), "whole": build, **{name: value for name, value in kept.items() if value}}
        )

    def _note(self, polls: Polls | None, seconds: float) -> None:
        self.state["seconds"] += seconds
        known = set(self.state["served"])
        self.state["requests"] += len(self.server.asked)
        self.state["served"] += [sha for sha in dict.fromkeys(self.server.served) if sha not in known]
        self.server.served.clear()
        if polls is not None:
            self.state["looks"] += len(polls.seen)
            self.state["bad_looks"] += polls.problems()
            polls.seen.clear()

    # --- what is held against what ---------------------------------------------------------------------------------------

    def _measure(self, day: date) -> None:
        """Write down how much is on disk, by place."""
        places = {
            "payloads": self.home.archive / "payloads", "sightings": self.home.archive / "manifest", "landing": self.home.landing,
            "warehouse": self.home.warehouse, "runs": self.home.quality / "runs", "checks": self.home.quality / "checks",
            "data docs": self.home.quality / "data_docs", "published": self.home.published, "dagster": self.home.root / "dagster",
            "home": self.home.root,
        }  # fmt: skip
        sizes = {name: size_of(place) for name, place in places.items()}
        log = IncidentLog(self.home.quality)
        self.state["sizes"].append(
            {"day": day.isoformat(), "requests": self.state["requests"], "open": sorted(log.open()), **sizes}
        )

    def compare(self, at: datetime) -> dict[str, Any]:
        """Hold the published build against one clean run over the same archive; see ``tests.soak.clean``."""
        clean = self.root / "clean"
        environment = {**self.environment, "UNDERTOW_CLOCK": format_instant(at), "UNDERTOW_HOME": str(clean)}
        environment.pop("DAGSTER_HOME")
        environment.pop("UNDERTOW_ALERT_WEBHOOK")
        command = [sys.executable, "-m", "tests.soak.clean", str(self.home.root), str(clean)]
        done = subprocess.run(
            command, env=environment, cwd=self.code, capture_output=True, text=True, check=False, timeout=1800
        )
        if done.returncode:
            raise AssertionError(f"the clean run failed: {done.stderr[-3000:]}")
        return json.loads(done.stdout.splitlines()[-1])


def late(provider: Provider, request: Request, file: File) -> Response:
    """No answer within the patience of the one who asks."""
    time.sleep(3)
    return Response(b"", 503)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def older_layout(landing: Path) -> None:
    """Write the landing in the schema version before this one, as an older release would have left it."""
    for path in landing.glob("*/series/*.parquet"):
        table = pq.read_table(path)
        if "redistribution" in table.column_names:
            path.write_bytes(parquet_bytes(table.drop_columns(["redistribution"])))
    (landing / "schema_version").write_text("2\n", encoding="utf-8")


def size_of(folder: Path) -> tuple[int, int]:
    """Return the number of files under a folder and their bytes; a file with several names counts once."""
    found: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            stat = path.lstat()
            if path.is_file() and not path.is_symlink():
                found[(stat.st_dev, stat.st_ino)] = stat.st_size
    return len(found), sum(found.values())
