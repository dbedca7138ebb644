"""The lock that lets one run at a time write under ``UNDERTOW_HOME``.

The operating system holds the lock and drops it when the holder ends, however it ends; the file beside it with the
holder's name is for people to read and locks nothing. Readers of a published build take no lock.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock

from undertow import clock
from undertow.atomic import make_folder, remove_leftovers, write_text
from undertow.errors import LockedError, UsageError
from undertow.instants import format_instant
from undertow.settings import Home

__all__ = ["holder_path", "run_lock", "writing"]


@contextmanager
def writing(home: Home) -> Generator[None]:
    """Hold the lock of a home for a run, and remove what killed writers left in it.

    Raises:
        LockedError, UsageError: as ``run_lock`` and ``clock.claim`` do.
    """
    with run_lock(home.lock):
        clock.claim(home)
        for folder in (home.archive, home.landing, home.warehouse, home.quality):
            remove_leftovers(folder)
        yield


@contextmanager
def run_lock(path: Path) -> Generator[None]:
    """Hold the lock while the block runs; never wait for it.

    Args:
        path: the lock file. It stays when the lock is released, and ``<path>.json`` says who holds it.

    Raises:
        LockedError: another process, or another part of this one, holds it; the message says who and since when.
        UsageError: the lock file cannot be made.
    """
    lock = filelock.FileLock(path, timeout=0)
    try:
        make_folder(path.parent)
        lock.acquire()
    except filelock.Timeout:
        raise LockedError(f"{_holder(path)}; wait for it to end, or end it ({path})") from None
    except OSError as error:
        raise UsageError(f"the lock {path} cannot be taken: {error.strerror or error}") from None
    try:
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": format_instant(clock.now().replace(microsecond=0)),
            "command": " ".join(sys.argv)[:200],
        }
        with suppress(OSError):  # a full disk; the file is for people to read
            write_text(holder_path(path), json.dumps(holder) + "\n")
        yield
    finally:
        with suppress(OSError):
            holder_path(path).unlink(missing_ok=True)
        lock.release()


def holder_path(path: Path) -> Path:
    """Return the file beside a lock that says who holds it."""
    return path.with_name(path.name + ".json")


def _holder(path: Path) -> str:
    """Say who holds the lock. A file left behind by a run that was killed is not taken for the holder's."""
    holder: Any = None
    with suppress(OSError, ValueError):
        holder = json.loads(holder_path(path).read_text(encoding="utf-8"))
    try:
        pid, host, started, command = (holder[name] for name in ("pid", "host", "started", "command"))
        if host == socket.gethostname() and not _is_alive(int(pid)):
            raise ValueError("left by a run that ended")
    except (TypeError, KeyError, ValueError):
        return "another run holds the lock, and has not yet written who it is"
    return f"another run holds the lock: process {pid} on {host} since {started} ({command})"


def _is_alive(pid: int) -> bool:
    """Tell whether a process of that number runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, as another user
        return True
    return True
