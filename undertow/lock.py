"""The lock that lets one run at a time write under ``UNDERTOW_HOME``, or several processes of a backfill add to it.

The operating system holds the lock and drops it when the holder ends, however it ends; the file beside it with the holder's
name is for people to read and locks nothing. Readers of a published build take no lock.

A run holds the lock alone (``writing``). Whoever only adds payloads to the archive and files to the landing shares it with
others who do (``adding``): no model reads the landing meanwhile. Who waits for the lock stands in a queue of one place, the
file ``<lock>.turn``, and whoever comes later, to share the lock or to have it alone, waits behind: a run waits for the
quarters that are being read, and not for those after them.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock

from undertow import clock
from undertow.atomic import make_folder, remove_leftovers, write_text
from undertow.errors import LockedError, UsageError
from undertow.instants import format_instant
from undertow.settings import PRIVATE, Home

__all__ = ["SCRATCH", "adding", "holder_path", "run_lock", "writing"]

SCRATCH = ".scratch-"  # begins the folder, in a room's landing, in which a large payload is read
_POLL = 0.1  # seconds between two attempts to take the lock
_CONTENTION = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK)


@contextmanager
def writing(home: Home, wait: float = 0.0) -> Generator[None]:
    """Hold the lock of a home alone for a run, and remove what killed writers left in it.

    Args:
        home: the home.
        wait: seconds to wait for the lock; 0 refuses at once.

    Raises:
        LockedError, UsageError: as ``run_lock`` and ``clock.claim`` do.
    """
    with run_lock(home.lock, wait):
        clock.claim(home)
        for folder in (home.archive, home.landing, home.warehouse, home.quality):
            remove_leftovers(folder)
        for scratch in home.landing.glob(f"*/{SCRATCH}*"):
            shutil.rmtree(scratch, ignore_errors=True)
        yield


@contextmanager
def run_lock(path: Path, wait: float = 0.0) -> Generator[None]:
    """Hold the lock alone while the block runs.

    Args:
        path: the lock file. It stays when the lock is released, and ``<path>.json`` says who holds it.
        wait: seconds to wait for it; 0 refuses at once.

    Raises:
        LockedError: another process, or another part of this one, still holds it; the message says who and since when.
        UsageError: the lock file cannot be made.
    """
    lock = filelock.FileLock(path, timeout=0)
    until = time.monotonic() + wait
    try:
        make_folder(path.parent, PRIVATE)
        if wait:
            with filelock.FileLock(_turn(path)).acquire(timeout=wait):
                lock.acquire(timeout=max(0.0, until - time.monotonic()), poll_interval=_POLL)
        else:
            lock.acquire()
    except filelock.Timeout:
        raise LockedError(f"{_holder(path)}; wait for it to end, or end it ({path})") from None
    except OSError as error:
        raise UsageError(f"the lock {path} cannot be taken: {error.strerror or error}") from None
    try:
        with suppress(OSError):  # a full disk; the file is for people to read
            _sign(holder_path(path))
        yield
    finally:
        with suppress(OSError):
            holder_path(path).unlink(missing_ok=True)
        lock.release()


@contextmanager
def adding(home: Home, wait: float) -> Generator[None]:
    """Share the lock of a home with others who add payloads and landed files to it, while the block runs.

    Runs are kept out, and everything that reads the landing as a whole. Nothing may be removed or rewritten under this lock.

    Args:
        home: the home.
        wait: seconds to wait for a run that holds the lock, or is in line for it.

    Raises:
        LockedError: a run still holds it, or waits for it.
        UsageError: the lock file cannot be made.
    """
    path, until = home.lock, time.monotonic() + wait
    signed = path.with_name(f"{path.name}.adding.json")
    try:
        make_folder(path.parent)
        file = path.open("a")
    except OSError as error:
        raise UsageError(f"the lock {path} cannot be taken: {error.strerror or error}") from None
    with file:
        try:
            with filelock.FileLock(_turn(path)).acquire(timeout=wait):
                while not _shared(file.fileno()):
                    if time.monotonic() > until:
                        raise filelock.Timeout(str(path))
                    time.sleep(_POLL)
        except filelock.Timeout:
            raise LockedError(f"{_holder(path)}; wait for it to end, or end it ({path})") from None
        _sign(signed)
        yield  # closing the file drops the lock; the last one's name may stay, and its process is then known to be gone


def _shared(descriptor: int) -> bool:
    """Take the shared lock if nobody holds it alone; tell whether that went."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _CONTENTION:
            return False
        raise
    return True


def _turn(path: Path) -> Path:
    """Return the file that is held by whoever is next."""
    return path.with_name(f"{path.name}.turn")


def _sign(path: Path) -> None:
    """Write down who holds the lock, for people to read."""
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": format_instant(clock.now().replace(microsecond=0)),
        "command": " ".join(sys.argv)[:200],
    }
    with suppress(OSError):  # a full disk
        write_text(path, json.dumps(holder) + "\n")


def holder_path(path: Path) -> Path:
    """Return the file beside a lock that says who holds it."""
    return path.with_name(path.name + ".json")


def _holder(path: Path) -> str:
    """Say who holds the lock. A file left behind by a run that was killed is not taken for the holder's."""
    for file, who in ((holder_path(path), "another run"), (path.with_name(f"{path.name}.adding.json"), "a backfill")):
        holder: Any = None
        with suppress(OSError, ValueError):
            holder = json.loads(file.read_text(encoding="utf-8"))
        try:
            pid, host, started, command = (holder[name] for name in ("pid", "host", "started", "command"))
            if host == socket.gethostname() and not _is_alive(int(pid)):
                raise ValueError("left by a run that ended")
        except (TypeError, KeyError, ValueError):
            continue
        return f"{who} holds the lock: process {pid} on {host} since {started} ({command})"
    return "another run holds the lock, and has not yet written who it is"


def _is_alive(pid: int) -> bool:
    """Tell whether a process of that number runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, as another user
        return True
    return True
