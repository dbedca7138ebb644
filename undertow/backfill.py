"""Backfills: a provider's history that comes in files of a quarter or a month each. What is here, what is missing, what it
costs.

A quarter is one of *filing*, named as the provider names it: 2019q4. It is ``landed`` when every file of it that the
provider's page links is archived and read by this version of the parser. So a backfill that was cut off at any moment goes on
where it was: what is archived is not fetched again, what is landed is not read again. Nothing here fetches, lands or writes;
``orchestration.backfills`` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from undertow.archive import Archive, redact
from undertow.errors import UsageError
from undertow.http import address
from undertow.room import Cost, Request, RoomModules, load_room, room_names
from undertow.settings import Home
from undertow.vocabulary import Origin

__all__ = [
    "Plan",
    "Progress",
    "Quarter",
    "State",
    "backfill_rooms",
    "day_of",
    "name_of",
    "plan",
    "progress",
    "quarter_names",
    "survey",
]

State = Literal["landed", "archived", "missing", "absent", "refused"]
_NAME = re.compile(r"(\d{4})q([1-4])")
SPEED = 50.0  # megabits a second, where nobody says what the line brings


def backfill_rooms() -> list[str]:
    """Return the sources whose history comes in files of a quarter or a month."""
    return [name for name in room_names() if load_room(name).quarters is not None and load_room(name).room.quarter is not None]


def day_of(name: str) -> date:
    """Return the first day of a quarter.

    Raises:
        UsageError: the name is none such as 2019q4.
    """
    found = _NAME.fullmatch(name.strip().lower())
    if not found or found[1] == "0000":
        raise UsageError(f"{name[:40]!r} is no quarter; write it as 2019q4")
    return date(int(found[1]), 3 * int(found[2]) - 2, 1)


def name_of(day: date) -> str:
    """Return the name of the quarter that a day lies in."""
    return f"{day.year}q{(day.month + 2) // 3}"


def quarter_names(first: str, last: str) -> list[str]:
    """Return the names of the quarters from one to another, both included; none where the last comes before the first.

    Raises:
        UsageError: one of the names is malformed.
    """
    at, end = day_of(first), day_of(last)
    names = []
    while at <= end:
        names.append(name_of(at))
        at = date(at.year + (at.month == 10), (at.month + 2) % 12 + 1, 1)
    return names


@dataclass(frozen=True)
class Quarter:
    """A quarter of filing and how far it is.

    ``absent``: the provider's page links no file of it. ``refused``: the parser or a check would not have it (``why``).
    ``bytes`` and ``rows`` are those archived and landed so far.
    """

    name: str
    state: State
    requests: Sequence[Request] = ()
    bytes: int = 0
    rows: int = 0
    why: str = ""

    @property
    def is_left(self) -> bool:
        """Whether there is something to do: a refused quarter waits for another parser, an absent one for its provider."""
        return self.state in ("missing", "archived")


def survey(modules: RoomModules, home: Home, first: str, last: str) -> tuple[list[Quarter], bool]:
    """Return how far each quarter is, and whether the provider's page of data sets is archived.

    Without the page nobody knows which files there are: every quarter is then taken for missing.

    Raises:
        UsageError: the room has no history in quarters, or a name is malformed.
    """
    if modules.quarters is None:
        raise UsageError(f"{modules.room.name} has no history in quarters; {', '.join(backfill_rooms())} have")
    archive = Archive(home.archive)
    page = archive.latest(modules.room.name, "index")
    linked = modules.quarters(archive.read(page.sha256)) if page else None
    seen = {}
    for one in archive.sightings(modules.room.name):
        if one.problem is None and one.origin != Origin.SYNTHETIC:  # a generated sample is no quarter
            seen[one.dataset, one.url] = one
    found = []
    for name in quarter_names(first, last):
        requests = (linked or {}).get(name, ())
        if linked is None:
            found.append(Quarter(name, "missing"))
        elif not requests:
            found.append(Quarter(name, "absent", why=f"the provider's page of data sets links no {name}"))
        else:
            found.append(_quarter(modules, home, name, requests, seen))
    return found, page is not None


def _quarter(modules: RoomModules, home: Home, name: str, requests: Sequence[Request], seen: dict) -> Quarter:
    """Return how far the files of a quarter are, by the archive's sightings and the marks in the landing."""
    room = modules.room
    size = rows = 0
    why = ""
    states: set[State] = set()
    for request in requests:
        sighting = seen.get((request.dataset, redact(address(request))))
        if sighting is None or not Archive(home.archive).payload_path(sighting.sha256).is_file():
            states.add("missing")
            continue
        size += sighting.bytes
        marks = (home.landing / room.name / "landed").glob(f"{request.dataset}-{sighting.sha256}*-v{room.parser_version}.json")
        records = [json.loads(mark.read_text(encoding="utf-8")) for mark in marks]
        if not records:
            states.add("archived")
        elif all(record["error"] for record in records):
            states.add("refused")
            why = records[0]["error"]
        else:
            states.add("landed")
            rows += sum(sum(record["rows"].values()) for record in records)
    order: tuple[State, ...] = ("missing", "archived", "refused", "landed")
    return Quarter(name, next(state for state in order if state in states), requests, size, rows, why)


@dataclass(frozen=True)
class Plan:
    """What a backfill has to do and what that is expected to take. Bytes, rows and seconds are those that are still to come."""

    room: str
    quarters: list[Quarter]
    cost: Cost
    workers: int
    megabits: float
    by_page: bool  # whether the provider's page says which files there are; else the calendar does
    free_bytes: int  # on the disk of the home

    @property
    def left(self) -> list[Quarter]:
        """The quarters that are not landed and can be."""
        return [quarter for quarter in self.quarters if quarter.is_left]

    @property
    def to_fetch(self) -> list[Quarter]:
        """The quarters of which a file is not archived."""
        return [quarter for quarter in self.quarters if quarter.state == "missing"]

    @property
    def payload_bytes(self) -> int:
        """The bytes to fetch: the mean of the quarters that are here, or the measured quarter's."""
        here = [quarter.bytes for quarter in self.quarters if quarter.state in ("landed", "archived") and quarter.bytes]
        return len(self.to_fetch) * (sum(here) // len(here) if here else self.cost.payload_bytes)

    @property
    def read_rows(self) -> int:
        """The rows of the provider's largest table that are read."""
        return len(self.left) * self.cost.read

    @property
    def landed_rows(self) -> int:
        """The rows that are kept."""
        return len(self.left) * self.cost.landed

    @property
    def disk_bytes(self) -> int:
        """What the home grows by, and what the workers need besides while they read."""
        archived = round(self.payload_bytes * self.cost.archived_bytes / self.cost.payload_bytes)
        return archived + len(self.left) * self.cost.landed_bytes + self.scratch_bytes

    @property
    def scratch_bytes(self) -> int:
        """The most that is in the scratch folders of the workers at one time."""
        return min(self.workers, len(self.left)) * self.cost.scratch_bytes

    @property
    def memory_bytes(self) -> int:
        """The memory of the workers at their peak, all together."""
        return min(self.workers, len(self.left)) * self.cost.memory_bytes

    @property
    def fetch_seconds(self) -> float:
        """Seconds of the line: one file after the other, as the provider wants it."""
        return self.payload_bytes * 8 / (self.megabits * 1e6)

    @property
    def land_seconds(self) -> float:
        """Seconds of the workers, each with a core of its own."""
        return len(self.left) * self.cost.cpu_seconds / self.workers

    @property
    def seconds(self) -> float:
        """Until the last quarter is landed: fetching and reading go on at the same time, but for the first and the last."""
        if not self.left:
            return 0.0
        longer, shorter = max(self.fetch_seconds, self.land_seconds), min(self.fetch_seconds, self.land_seconds)
        return longer + shorter / len(self.left)


def plan(
    modules: RoomModules, home: Home, first: str, last: str, *, workers: int, megabits: float = SPEED, free_bytes: int = 0
) -> Plan:
    """Return the plan of a backfill.

    Args:
        modules: the room.
        home: where the archive and the landing are.
        first: the first quarter.
        last: the last quarter.
        workers: processes that read at the same time.
        megabits: what the line brings a second.
        free_bytes: on the disk of the home.

    Raises:
        UsageError: the room has no history in quarters, a name is malformed, or there is no quarter between the two.
    """
    cost = modules.room.quarter
    if modules.quarters is None or cost is None:
        raise UsageError(f"{modules.room.name} has no history in quarters; {', '.join(backfill_rooms())} have")
    if day_of(first) < day_of(cost.first):
        raise UsageError(f"{modules.room.name} has no {first}; its history begins in {cost.first}")
    quarters, by_page = survey(modules, home, first, last)
    if not quarters:
        raise UsageError(f"there is no quarter from {first} to {last}")
    return Plan(modules.room.name, quarters, cost, workers, megabits, by_page, free_bytes)


@dataclass(frozen=True)
class Progress:
    """How far a backfill is: quarters and bytes done of those that it began with, and how long the rest may take."""

    done: int
    total: int
    bytes_left: int
    seconds_left: float
    share: float  # of the work, from 0 to 1
    quarters: list[Quarter]


def progress(begun: Plan, now: list[Quarter], seconds: float) -> Progress:
    """Return how far a backfill is.

    The first estimate is the plan's; as soon as a quarter is done, what was done tells how long the rest takes.

    Args:
        begun: the plan that it began with.
        now: its quarters now.
        seconds: since it began.
    """
    states = {quarter.name: quarter for quarter in now}
    fetch = begun.fetch_seconds / max(1, len(begun.to_fetch))
    read = begun.land_seconds / max(1, len(begun.left))
    whole = len(begun.to_fetch) * fetch + len(begun.left) * read
    rest, fetched, done = 0.0, 0, 0
    for quarter in begun.left:
        state = states[quarter.name].state
        if state == "missing":
            rest += fetch + read
        elif state == "archived":
            rest += read
        else:
            done += 1
        fetched += quarter.state == "missing" and state not in ("missing", "absent")
    share = 1 - rest / whole if whole else 1.0
    left = seconds * (1 - share) / share if done and share else begun.seconds * (1 - share)
    each = begun.payload_bytes // max(1, len(begun.to_fetch))
    return Progress(done, len(begun.left), (len(begun.to_fetch) - fetched) * each, left, share, now)
