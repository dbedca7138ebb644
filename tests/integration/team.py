"""A team's instance in real processes: code servers, daemons and a webserver on loopback, with their state in PostgreSQL.

The instance and the workspace are those of ``deploy/``; only the intervals at which the daemon looks are shorter.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.integration.postgres_server import Server

__all__ = ["ENDED", "Team"]

ROOT = Path(__file__).resolve().parents[2]
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
LOCATIONS = {"daily": "tests.integration.every_minute", "backfills": "orchestration.backfills"}


def free_ports(count: int) -> list[int]:
    import socket

    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Team:
    """The processes, by name. What is started is ended by ``stop``, each with its group."""

    def __init__(self, folder: Path, database: Server, home: Path, **settings: str) -> None:
        folder.mkdir(parents=True)
        self.folder, self.home, self.database = folder, home, database
        daily, backfills, self.port = free_ports(3)
        self.ports = {"daily": daily, "backfills": backfills}
        config = yaml.safe_load((ROOT / "deploy/dagster.yaml").read_text())
        config["run_coordinator"]["config"]["dequeue_interval_seconds"] = 1
        config["run_launcher"]["config"]["lost_after_seconds"] = 60
        config["run_monitoring"] |= {"poll_interval_seconds": 2, "free_slots_after_run_end_seconds": 2}
        (folder / "dagster.yaml").write_text(yaml.safe_dump(config))
        (folder / "workspace.yaml").write_text((ROOT / "deploy/workspace.yaml").read_text())
        ours = {n: v for n, v in os.environ.items() if not n.startswith(("UNDERTOW_", "DAGSTER_")) and "proxy" not in n.lower()}
        self.environment = {
            **ours,
            **settings,
            "DAGSTER_HOME": str(folder),
            "DAGSTER_PG_HOST": "127.0.0.1",
            "DAGSTER_PG_PORT": str(database.port),
            "DAGSTER_PG_USERNAME": "loader",
            "DAGSTER_PG_PASSWORD": database.password,
            "DAGSTER_PG_DB": "postgres",
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "UNDERTOW_HOME": str(home),
            "UNDERTOW_LOCK_WAIT_SECONDS": "60",
            "UNDERTOW_DAILY_HOST": "127.0.0.1",
            "UNDERTOW_DAILY_PORT": str(daily),
            "UNDERTOW_BACKFILLS_HOST": "127.0.0.1",
            "UNDERTOW_BACKFILLS_PORT": str(backfills),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start processes: ``daily``, ``backfills``, ``webserver``, or a daemon of any other name."""
        workspace = str(self.folder / "workspace.yaml")
        for name in names:
            if name in LOCATIONS:
                arguments = ["dagster", "api", "grpc", "-m", LOCATIONS[name], "-h", "127.0.0.1", "-p", str(self.ports[name])]
            elif name == "webserver":
                arguments = ["dagster_webserver", "-w", workspace, "-h", "127.0.0.1", "-p", str(self.port)]
            else:
                arguments = ["dagster._daemon", "run", "-w", workspace]
            with (self.folder / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    [sys.executable, "-m", *arguments],
                    env=self.environment, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill -9 a process and all that it started."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def stop(self) -> None:
        """End everything."""
        for process in self.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        until = time.monotonic() + 20
        while self.running:
            _, process = self.running.popitem()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it started, and itself where it does not end
            process.wait(20)

    def log(self, name: str) -> str:
        """Return what a process has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Ask the webserver by GraphQL; a question again where its connections to the database had gone stale."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        address, headers = f"http://127.0.0.1:{self.port}/graphql", {"Content-Type": "application/json"}
        for attempt in range(10):
            try:
                with urllib.request.urlopen(urllib.request.Request(address, data=body, headers=headers), timeout=120) as answer:
                    told = json.loads(answer.read())
                break
            except urllib.error.HTTPError as error:
                if error.code != 500 or query.startswith("mutation") or attempt == 9:
                    raise
                time.sleep(1)
        assert "errors" not in told, told
        return told["data"]

    def wait_up(self, *locations: str, timeout: float = 240) -> None:
        """Wait until the webserver has loaded code locations."""
        query = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"

        def is_up() -> bool:
            try:
                entries = self.ask(query)["workspaceOrError"]["locationEntries"]
            except (urllib.error.URLError, OSError, AssertionError):
                return False
            loaded = {e["name"] for e in entries if (e["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation"}
            if set(locations) - loaded:
                reload = "mutation ($l: String!) { reloadRepositoryLocation(repositoryLocationName: $l) { __typename } }"
                for name in set(locations) - loaded:
                    self.ask(reload, l=name)
            return set(locations) <= loaded

        self.until(is_up, timeout)

    def until(self, condition: Any, timeout: float = 180) -> Any:
        """Wait until something holds, and return it; no process may end meanwhile."""
        deadline = time.monotonic() + timeout
        while not (found := condition()):
            gone = [name for name, process in self.running.items() if process.poll() is not None]
            assert not gone, f"{gone[0]} ended: {self.log(gone[0])[-2000:]}"
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.3)
        return found

    def said(self) -> str:
        """Return the last words of every process."""
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in self.folder.glob("*.log"))

    def launch(
        self, job: str, location: str, config: Mapping[str, Any], assets: list[list[str]] | None = None, **tags: str
    ) -> str:
        """Put a run into the queue, as the UI does, and return its id."""
        selector = {"repositoryName": "__repository__", "repositoryLocationName": location, "jobName": job}
        if assets:
            selector["assetSelection"] = [{"path": path} for path in assets]
        launched = self.ask(
            "mutation ($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename ... on LaunchRunSuccess "
            "{ run { runId } } ... on PythonError { message } ... on RunConfigValidationInvalid { errors { message } } } }",
            p={
                "selector": selector,
                "runConfigData": config,
                "mode": "default",
                "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
            },
        )["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs, newest first."""
        query = "{ runsOrError { ... on Runs { results { runId status jobName startTime endTime parentRunId tags { key value } } } } }"
        return self.ask(query)["runsOrError"]["results"]

    def status(self, run_id: str) -> str:
        """Return the status of a run."""
        return next(run["status"] for run in self.runs() if run["runId"] == run_id)

    def wait_for(self, run_id: str, wanted: set[str] | frozenset[str] = frozenset(ENDED), timeout: float = 240) -> str:
        """Wait until a run has one of some statuses, and return it."""
        self.until(lambda: self.status(run_id) in wanted, timeout)
        return self.status(run_id)

    def events(self, run_id: str, kind: str, step: str | None = None) -> list[str]:
        """Return a run's events of a kind, as Dagster wrote them into the database."""
        query = "SELECT event FROM event_logs WHERE run_id = %s AND dagster_event_type = %s AND coalesce(step_key, '') LIKE %s"
        with self.database.connect() as connection:
            return [event for (event,) in connection.execute(query, [run_id, kind, step or "%"]).fetchall()]
