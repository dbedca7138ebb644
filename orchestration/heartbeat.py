"""Signs of life of a run: its process writes the time into the instance's storage, and the launcher looks whether it does.

A process that dies while the database is away can tell nobody, and the code server that started it gives up watching it when
it cannot write that down. What no longer gives a sign is lost.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import dagster as dg

__all__ = ["beating", "last_sign"]

INTERVAL = 20.0  # seconds between two signs


def _key(run_id: str) -> str:
    return f"undertow/alive/{run_id}"


@contextmanager
def beating(instance: dg.DagsterInstance, run_id: str, interval: float = INTERVAL) -> Generator[None]:
    """Give signs of life of a run while the block runs. A database that is away is tried again at the next one."""
    over = threading.Event()

    def beat() -> None:
        while True:
            with suppress(Exception):
                instance.run_storage.set_cursor_values({_key(run_id): datetime.now(UTC).isoformat()})
            if over.wait(interval):
                return

    threading.Thread(target=beat, name="signs of life", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def last_sign(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return the last sign of life of a run, or None where it never gave one."""
    return instance.run_storage.get_cursor_values({_key(run_id)}).get(_key(run_id))
