"""The run lock, between real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from undertow.atomic import remove_leftovers
from undertow.errors import LockedError, UsageError
from undertow.lock import holder_path, run_lock, writing
from undertow.settings import Home

HOLD = """
import sys
from pathlib import Path
from undertow.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _holder(path: Path) -> Generator[subprocess.Popen[str]]:
    """A process that holds the lock until its standard input closes."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


def test_holding_and_letting_go(tmp_path: Path) -> None:
    path = tmp_path / "home" / ".lock"
    with run_lock(path):
        holder = json.loads(holder_path(path).read_text())
        assert holder["pid"] == os.getpid()
        assert holder["host"] == socket.gethostname()
        assert holder["started"].endswith("Z")
        assert holder_path(path) == tmp_path / "home" / ".lock.json"
    assert not holder_path(path).exists()
    with run_lock(path):
        pass


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with _holder(path) as process:
        since = json.loads(holder_path(path).read_text())["started"]
        with pytest.raises(LockedError) as caught, run_lock(path):
            pytest.fail("two processes hold the lock")
        message = str(caught.value)
        assert f"process {process.pid} on {socket.gethostname()} since {since}" in message
        assert caught.value.exit_code == 4
        assert json.loads(holder_path(path).read_text())["pid"] == process.pid  # the loser leaves it alone
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
    with run_lock(path):
        pass


def test_a_killed_holder_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with _holder(path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        assert json.loads(holder_path(path).read_text())["pid"] == process.pid  # it left its name behind
    with run_lock(path):
        assert json.loads(holder_path(path).read_text())["pid"] == os.getpid()
    assert not holder_path(path).exists()


@pytest.mark.parametrize("left", ['{"pid": 1', "[]", "{}", '{"pid": "x", "host": "h", "started": "s"}', None, "dead"])
def test_a_stale_name_is_not_taken_for_the_holder(tmp_path: Path, left: str | None) -> None:
    path = tmp_path / ".lock"
    with _holder(path):
        if left is None:
            holder_path(path).unlink()
        elif left == "dead":
            with subprocess.Popen([sys.executable, "-c", ""]) as gone:
                gone.wait(10)
            content = {"pid": gone.pid, "host": socket.gethostname(), "started": "2020-01-01T00:00:00Z", "command": "x"}
            holder_path(path).write_text(json.dumps(content))
        else:
            holder_path(path).write_text(left)
        with (
            pytest.raises(LockedError, match="another run holds the lock, and has not yet written who it is"),
            run_lock(path),
        ):
            pytest.fail("two processes hold the lock")


def test_one_process_cannot_take_it_twice(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with run_lock(path):
        with pytest.raises(LockedError, match=f"process {os.getpid()}"), run_lock(path):
            pytest.fail("the lock was taken twice")
        assert holder_path(path).exists()


def test_an_exception_lets_go(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with pytest.raises(RuntimeError, match="boom"), run_lock(path):
        raise RuntimeError("boom")
    with run_lock(path):
        pass


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be taken"), run_lock(tmp_path / "file" / ".lock"):
        pytest.fail("a lock inside a file")


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    names = ["a/.b.zst.123.0a1b2c3d.tmp", "a/b.zst", "a/.lock", "a/.my.tmp", "a/b.123.0a1b2c3d.tmp"]
    (tmp_path / "a").mkdir()
    for name in names:
        (tmp_path / name).write_text("x")
    assert remove_leftovers(tmp_path) == [tmp_path / names[0]]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")) == sorted(names[1:])


def test_who_writes_a_home_finds_no_leftovers(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    names = [folder / ".x.1.0a1b2c3d.tmp" for folder in (home.archive, home.landing, home.warehouse, home.quality)]
    for name in names:
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text("x")
    with run_lock(home.lock):
        assert all(name.exists() for name in names)
    with writing(home):
        assert not any(name.exists() for name in names)
        with pytest.raises(LockedError), run_lock(home.lock):
            pytest.fail("two holders")
