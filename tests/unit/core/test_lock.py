"""The run lock, between real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from undertow.atomic import remove_leftovers
from undertow.errors import LockedError, UsageError
from undertow.lock import adding, holder_path, run_lock, writing
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


ADDER = """
import sys, time
from undertow.lock import adding
from undertow.settings import Home
with adding(Home(sys.argv[1]), float(sys.argv[2])):
    print("in", flush=True)
    sys.stdin.read()
print("out", flush=True)
"""


def _adder(home: Home, wait: float) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", ADDER, str(home.root), str(wait)]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_those_who_add_share_the_lock_and_keep_runs_out(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    with _adder(home, 5) as one, _adder(home, 5) as other:
        assert [_line(one), _line(other)] == ["in", "in"]
        with pytest.raises(LockedError, match=r"a backfill holds the lock: process \d+ on"), run_lock(home.lock):
            pytest.fail("a run has the lock while others add")
        os.kill(one.pid, signal.SIGKILL)
        one.wait(10)
        with pytest.raises(LockedError), run_lock(home.lock):
            pytest.fail("a run has the lock while another adds")
        other.communicate()
    with run_lock(home.lock), _adder(home, 0.3) as late:
        _, err = late.communicate(timeout=30)
        assert "another run holds the lock: process" in err
    with adding(home, 0):
        pass


def test_a_run_that_waits_goes_before_those_who_come_later(tmp_path: Path) -> None:
    """One adds, a run waits for it, and another who would add waits for the run."""
    home = Home(tmp_path).ensure()
    order: list[str] = []
    with _adder(home, 5) as first:
        assert _line(first) == "in"
        waiting = threading.Event()

        def run() -> None:
            waiting.set()
            with writing(home, 30):
                order.append("run")
                time.sleep(0.5)
                order.append("run is over")

        runner = threading.Thread(target=run)
        runner.start()
        assert waiting.wait(5)
        time.sleep(0.3)
        with _adder(home, 30) as second:
            reader = threading.Thread(target=lambda: order.append(_line(second)))
            reader.start()
            time.sleep(1)
            assert order == [], "the first still adds"
            first.communicate()
            reader.join(20)
            second.communicate()
        runner.join(20)
    assert order == ["run", "run is over", "in"]


def test_waiting_has_an_end_and_scratch_of_the_killed_goes(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    left = home.landing / "sec_nport" / ".scratch-of-a-killed-one"
    left.mkdir(parents=True)
    with _adder(home, 5) as one:
        assert _line(one) == "in"
        begun = time.monotonic()
        with pytest.raises(LockedError), writing(home, 0.5):
            pytest.fail("a run has the lock while another adds")
        assert 0.4 < time.monotonic() - begun < 10
        assert left.exists()
        one.communicate()
    with writing(home, 0.5):
        assert not left.exists()
