"""What a room is: one provider, the datasets it offers, and how rooms are found.

A room is a package ``assets/<name>`` with ``ROOM`` (a ``Room``), ``fetch.requests`` and ``parse.parse``. Rooms are found by
looking at the folder, so adding one edits no list. This module knows no provider and no orchestrator.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pyarrow as pa
import yaml

from undertow.archive import Sighting
from undertow.errors import UsageError

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "Content",
    "Cost",
    "Dataset",
    "Landed",
    "LandedTables",
    "Packaged",
    "Request",
    "Room",
    "RoomModules",
    "Sample",
    "Shipped",
    "load_room",
    "room_names",
]

Content = Literal["json", "csv", "text", "html", "zip", "gzip", "sqlite", "xml", "parquet", "pdf", "any"]


@dataclass(frozen=True)
class Packaged:
    """A genuine provider file that an installed package ships: real data that needs no network.

    ``fetched_at`` (ISO 8601, UTC) is when that package version fetched it, as recorded in its wheel.
    """

    distribution: str
    version: str
    path: str
    fetched_at: str
    url: str


@dataclass(frozen=True)
class Shipped:
    """A file of the room's own package: facts that people transcribed, which no provider serves as data.

    ``path`` is relative to the room's folder. ``fetched_at`` (ISO 8601, UTC) is when the transcription was finished; it rises
    with every edit of the file.
    """

    path: str
    fetched_at: str


@dataclass(frozen=True)
class Sample:
    """A payload that Undertow generates in a provider's exact wire format, so that a first run shows the room at work.

    ``fetched_at`` (ISO 8601, UTC) is when it would have been fetched. All that is made of it is flagged SYNTHETIC.
    """

    dataset: str
    content: bytes
    url: str
    fetched_at: str


@dataclass(frozen=True)
class Dataset:
    """One file or endpoint of a provider. ``content`` is what its bytes must look like.

    ``moves`` says that each payload holds a window that moves on, so that periods which have left it are no loss.
    ``dead_after_days`` is how long before a fetch the newest period may have ended; beyond it the address answers and is dead.
    ``retired`` says that the provider stopped it and serves it still: that it is dead is reported and no failure of the source.
    ``by_address`` says that a payload does not name what it is of, and its address does: the same bytes mean another thing
    at another address.
    ``shipped`` is a file of the room itself, read in the modes sample, replay and live.
    ``on_disk`` says that a payload is too large for memory: the room's ``parse_file`` gets a file, and answers with
    tables of a database.
    """

    name: str
    title: str
    content: Content
    packaged: Packaged | None = None
    max_bytes: int = 512 * 1024 * 1024
    moves: bool = False
    by_address: bool = False
    shipped: Shipped | None = None
    on_disk: bool = False
    dead_after_days: int | None = None
    retired: bool = False

    def death(self, newest: date, fetched_at: datetime) -> str | None:
        """Say that the address is dead, by the last day of the newest period there when it was fetched; None: it lives."""
        age = (fetched_at.date() - newest).days
        if self.dead_after_days is None or age <= self.dead_after_days:
            return None
        return (
            f"dead: the address answers, but the newest period there ended on {newest.isoformat()}, {age} days before it was "
            f"fetched (what is kept up is at most {self.dead_after_days} days behind)"
        )


@dataclass(frozen=True)
class Request:
    """One request to a provider: what the live mode sends.

    ``json`` and ``form`` make it a POST. ``secrets`` are query values that must never be written. ``may_be_absent`` says that a
    provider without an answer (404, 410, 204) is no fault: a file that is named for a day, on a day without one.
    ``busy`` tells whether a body that came with status 200 asks to come back later; such an answer is asked for again.
    """

    dataset: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    may_be_absent: bool = False
    busy: Callable[[bytes], bool] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Cost:
    """What one quarter of a provider's history costs, as measured; a plan of a backfill multiplies it.

    ``read`` counts rows of the provider's largest table, ``landed`` those that are kept. Bytes are of the payload, of the
    payload in the archive, of the landed Parquet, and of the scratch folder while it is read. CPU seconds and the peak of
    memory (bytes) are those of one process that archives and lands it.
    """

    first: str  # the oldest quarter that the provider serves, such as 2019q4
    read: int
    landed: int
    payload_bytes: int
    archived_bytes: int
    landed_bytes: int
    scratch_bytes: int
    cpu_seconds: float
    memory_bytes: int
    measured: str  # when, and on what


@dataclass(frozen=True)
class Room:
    """One provider. ``tables`` are the shared tables it lands; ``parser_version`` rises when its parser's output changes.

    ``stops_when_refused``: after a 403, or a 429 that no waiting ends, nothing more is asked of the provider in that run.
    ``recorded_as`` is another name of the source in manifests of recorded payloads, where several rooms share a provider.
    ``quarter`` is what a quarter of its history costs, where the provider serves history in files of a quarter or a month each.
    """

    name: str
    title: str
    datasets: tuple[Dataset, ...]
    tables: tuple[str, ...] = ("observation", "series", "release_event")
    parser_version: int = 1
    min_interval_seconds: float = 1.0
    stops_when_refused: bool = False
    recorded_as: str | None = None
    quarter: Cost | None = None

    def dataset(self, name: str) -> Dataset | None:
        """Return the dataset of that name, or None."""
        return next((dataset for dataset in self.datasets if dataset.name == name), None)


@dataclass
class Landed:
    """What a parser made of one payload: tables without provenance columns (the landing writer adds those)."""

    observation: pa.Table | None = None
    series: pa.Table | None = None
    release_event: pa.Table | None = None
    holding: pa.Table | None = None
    filing: pa.Table | None = None
    quarantine: list[tuple[str, str, str]] = field(default_factory=list)  # (place, reason, raw text)


@dataclass
class LandedTables:
    """What a parser made of a payload that is too large for memory: tables of a database, without provenance columns.

    ``tables`` has the names of the shared tables, and the columns by which the rows are ordered when they are written; where
    there is none the rows stay in the order in which they were put there, which must be the same every time. Keys are unique;
    the landing writer checks it.
    """

    connection: duckdb.DuckDBPyConnection
    tables: Mapping[str, str | None]
    quarantine: list[tuple[str, str, str]] = field(default_factory=list)


class Parse(Protocol):
    """Bytes to rows, pure: no clock, no network, no file but the catalogue it is handed."""

    def __call__(self, payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
        """Return the rows of one payload."""
        ...


class ParseFile(Protocol):
    """A file to tables, pure but for the scratch folder: the same file gives the same rows."""

    def __call__(
        self, payload: Path, sighting: Sighting, catalogue: Mapping[str, Any], scratch: Path
    ) -> AbstractContextManager[LandedTables]:
        """Give the tables of one payload; ``scratch`` is an empty folder that is removed afterwards."""
        ...


@dataclass(frozen=True)
class RoomModules:
    """A room with its functions, loaded."""

    room: Room
    requests: Callable[[Any, date], Iterable[Request]]
    parse: Parse
    rules: Callable[[int], pa.Table] | None  # release events of one calendar year that follow from a documented rule
    samples: Callable[[], Iterable[Sample]] | None = None  # generated payloads, where no package ships genuine ones
    follow: Callable[[Any, Request, bytes], Iterable[Request]] | None = None  # what to ask next, seeing one answer
    notes: Callable[[Any], Iterable[str]] | None = None  # what the live mode leaves out under these settings, and why
    parse_file: ParseFile | None = None  # for the datasets that are too large for memory
    quarters: Callable[[bytes], Mapping[str, Sequence[Request]]] | None = None  # the files of each quarter, by the index page

    def catalogue(self) -> Mapping[str, Any]:
        """Return the room's ``series.yml`` as a mapping."""
        return _catalogue(self.room.name)


@cache
def _catalogue(name: str) -> Mapping[str, Any]:
    text = resources.files(f"assets.{name}").joinpath("series.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text) or {}


def room_names() -> list[str]:
    """Return the names of the rooms under ``assets/``, sorted."""
    package = importlib.import_module("assets")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg)


@cache
def load_room(name: str) -> RoomModules:
    """Load one room.

    Raises:
        UsageError: there is no room of that name.
    """
    if name not in room_names():
        raise UsageError(f"there is no source {name!r}; the sources are {', '.join(room_names())}")
    package = importlib.import_module(f"assets.{name}")
    fetch = importlib.import_module(f"assets.{name}.fetch")
    parse = importlib.import_module(f"assets.{name}.parse")
    samples = None
    if importlib.util.find_spec(f"assets.{name}.sample"):
        samples = importlib.import_module(f"assets.{name}.sample").payloads
    return RoomModules(
        room=package.ROOM,
        requests=fetch.requests,
        parse=parse.parse,
        rules=getattr(parse, "rules", None),
        samples=samples,
        follow=getattr(fetch, "follow", None),
        notes=getattr(fetch, "notes", None),
        parse_file=getattr(parse, "parse_file", None),
        quarters=getattr(fetch, "quarters", None),
    )
