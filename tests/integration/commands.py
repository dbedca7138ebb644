"""The command in a process of its own, without paying for its imports every time.

A server that has imported what a run needs forks a process for each call. The process is a run like any other: it has its own
number, exit code, environment and standard error, and can be killed. Distances between requests to a provider are cut.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

from undertow.archive import Archive
from undertow.landing import land
from undertow.publish import prune, publish
from undertow.room import load_room, room_names
from undertow.settings import Home

__all__ = ["FORKS", "Running", "call", "killed_at", "publish_and_prune", "start", "store_and_land"]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "dbt.adapters.duckdb",
        "dbt.cli.main",
        "great_expectations.expectations",
        "orchestration.definitions",
        "orchestration.runner",
        "tests.integration.commands",
        "undertow.cli",
    ]
)
DISK = {"os.link", "os.remove", "os.rename", "os.rmdir", "os.symlink"}  # what Python tells before it changes a name


def _main(arguments: list[str], environment: Mapping[str, str], folder: str, said: Connection) -> None:
    os.dup2(said.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(1, "w"), line_buffering=True),
        io.TextIOWrapper(io.FileIO(2, "w"), write_through=True),
    )
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)  # no .env of the checkout
    sys.argv = ["undertow", *arguments]
    from undertow.cli import main

    hasten()
    main()


def hasten(*, but: Collection[str] = ()) -> None:
    """Let all rooms but some ask one request after the other, without the distance that they keep from real providers."""
    for name in set(room_names()) - set(but):
        module: Any = importlib.import_module(f"assets.{name}")
        module.ROOM = replace(module.ROOM, min_interval_seconds=0.02)
    load_room.cache_clear()


class Running:
    """A call of the command that goes on."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], folder: Path) -> None:
        reader, writer = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=_main, args=(arguments, dict(environment), str(folder), writer), daemon=True)
        self._process.start()
        writer.close()
        self.lines: list[tuple[float, str]] = []  # when a line was said, and the line
        self._news = threading.Condition()
        self._over = False
        self._stream = os.fdopen(os.dup(reader.fileno()), encoding="utf-8", errors="replace")
        reader.close()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self._stream:
            with self._news:
                self.lines.append((monotonic(), line.rstrip()))
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def said(self) -> str:
        """Return everything on standard error so far."""
        return "\n".join(line for _, line in self.lines)

    def steps(self) -> list[tuple[float, str]]:
        """Return the steps that began so far, and when."""
        return [(at, line[8:].strip()) for at, line in list(self.lines) if line[2:3] == ":" and line[5:6] == ":"]

    def wait_for_step(self, name: str) -> bool:
        """Wait until a step begins; tell whether it did, or the run ended before."""
        with self._news:
            self._news.wait_for(lambda: self._over or any(step == name for _, step in self.steps()), timeout=120)
        return any(step == name for _, step in self.steps())

    def wait(self, timeout: float = 120) -> int | None:
        """Wait for the end; return the exit code, or None if it did not come in time."""
        self._process.join(timeout)
        if self._process.exitcode is not None:
            self._listener.join(10)
        return self._process.exitcode

    def kill(self) -> int | None:
        """Kill -9, and return the exit code: ``-SIGKILL`` unless the run had ended before."""
        assert self._process.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        return self.wait()


def start(arguments: list[str], environment: Mapping[str, str], folder: Path) -> Running:
    """Start the command."""
    return Running(arguments, environment, folder)


def call(home: Path, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Call the command as a shell does, and wait for it."""
    return subprocess.run(
        [sys.executable, "-m", "undertow", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "UNDERTOW_HOME": str(home)},
        timeout=timeout,
    )


# --- parts of a run, for a process of their own --------------------------------------------------------------------------


def killed_at(step: int, work: Callable[..., None], *arguments: object) -> None:
    """Do some work, and be killed just before the given step on disk."""
    done = 0

    def hook(event: str, values: tuple[Any, ...]) -> None:
        nonlocal done
        if event in DISK:
            done += 1
            if done == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    work(*arguments)


def publish_and_prune(root: Path, warehouse: Path, mark: str) -> None:
    """Publish something new, and keep two builds."""
    home = Home(root)
    publish(home, warehouse, code_version="1", fingerprint=mark, inputs=[{"origin": "live"}], mode="live")
    prune(home, 2)


def store_and_land(root: Path, payload: bytes, at: datetime) -> None:
    """Archive a payload of the ECB and land it."""
    home, modules = Home(root), load_room("ecb")
    Archive(home.archive).store(
        payload, source="ecb", dataset="eurofxref_hist", url="https://ecb", fetched_at=at, origin="live"
    )
    assert [one.error for one in land(modules, Archive(home.archive), home.landing) if one.error] == []
