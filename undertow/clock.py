"""The clock: the one place where the time of day is read, and the clock of a rehearsal in its stead.

A rehearsal plays months of operation in an hour against a provider on this machine (docs/soak.md). ``UNDERTOW_CLOCK`` gives it
an instant, from which its clock ticks on; the environment alone can set it, never a file that somebody forgets. What is made so
must not pass for the world's data, so its home is marked: a home is of a rehearsal for ever, or never, and what it
publishes says so. In a rehearsal only this machine is asked for data (``undertow.fetching``).
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

from undertow.atomic import write_text
from undertow.errors import InstantError, UsageError
from undertow.instants import format_instant, parse_instant
from undertow.settings import Home

__all__ = ["VARIABLE", "belongs_to_rehearsal", "claim", "is_rehearsal", "notes", "now"]

VARIABLE = "UNDERTOW_CLOCK"
_MARK = "rehearsal"  # the file in a home that belongs to a rehearsal

_started: tuple[str, datetime, float] | None = None  # the setting as it was read, its instant, and the steady clock then


def is_rehearsal() -> bool:
    """Tell whether the clock of a rehearsal is set in the environment."""
    return bool(os.environ.get(VARIABLE, "").strip())


def now() -> datetime:
    """Return the time of day in UTC; in a rehearsal, its instant and what has passed since this process first read it.

    Raises:
        UsageError: ``UNDERTOW_CLOCK`` is no instant.
    """
    if not is_rehearsal():
        return datetime.now(UTC)
    global _started
    text = os.environ[VARIABLE].strip()
    started = _started
    if started is None or started[0] != text:
        try:
            started = _started = (text, parse_instant(text).astimezone(UTC), time.monotonic())
        except InstantError as error:
            raise UsageError(f"the setting {VARIABLE} is wrong: {error}") from None
    return started[1] + timedelta(seconds=time.monotonic() - started[2])


def notes() -> list[str]:
    """Return a sentence for the summary of a run that is a rehearsal; none otherwise."""
    if not is_rehearsal():
        return []
    instant = format_instant(now().replace(microsecond=0))
    return [f"this is a rehearsal: it is {instant} by its clock ({VARIABLE}), and not by that of the world"]


def belongs_to_rehearsal(home: Home) -> bool:
    """Tell whether a home was made in a rehearsal."""
    return (home.root / _MARK).exists()


def claim(home: Home) -> None:
    """Mark a new home as one of a rehearsal, or refuse what would mix a rehearsal with the world; the lock is held.

    Raises:
        UsageError: the clock of a rehearsal is set and the home holds data of the world, or it is not and the home is one of
            a rehearsal.
    """
    if not is_rehearsal():
        if belongs_to_rehearsal(home):
            raise UsageError(
                f"{home.root} belongs to a rehearsal, so nothing of the world is written there; use another UNDERTOW_HOME"
            )
        return
    if belongs_to_rehearsal(home):
        return
    if any((home.archive / "manifest").glob("*/*/*.json")) or home.current.exists():
        raise UsageError(f"{VARIABLE} is set, and {home.root} holds data of the world; give it a UNDERTOW_HOME of its own")
    write_text(home.root / _MARK, f"A rehearsal began here at {format_instant(now())} of a clock of its own ({VARIABLE}).\n")
