"""The four modes of input behind one interface: live, replay, sample and file.

A fetcher brings bytes into the archive and says what it did. Everything after it (landing, models, checks) is the same
for all modes. A provider that fails spoils only its own datasets: the others go on, and the run says so.
"""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import metadata, resources
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from undertow import clock
from undertow.archive import SHIPPED_URL, Archive, Sighting, is_secret_name, redact
from undertow.errors import TOO_DEEP, AbsentError, FetchError, PayloadError, RefusedError, UsageError
from undertow.http import Answer, HttpClient, address, without_secrets
from undertow.instants import format_instant, parse_instant
from undertow.report import FetchOutcome
from undertow.room import Dataset, Request, RoomModules, load_room, room_names
from undertow.settings import Settings, is_this_machine
from undertow.sniff import check_content
from undertow.vocabulary import Origin

__all__ = ["MODES", "Fetcher", "FileFetcher", "LiveFetcher", "ReplayFetcher", "SampleFetcher", "make_fetcher"]

MODES = ("sample", "replay", "live", "file")
REPLAY_COLUMNS = ("source", "dataset", "file", "url", "fetched_at", "note")
CLOCK_TOLERANCE = timedelta(minutes=5)  # how far our clock may be behind a provider's


class Fetcher(ABC):
    """Brings the payloads of one room into the archive."""

    def __init__(self) -> None:
        self.requests: defaultdict[str, Counter[str]] = defaultdict(Counter)  # room -> how its servers answered -> how often

    @abstractmethod
    def fetch(self, modules: RoomModules, archive: Archive) -> Iterator[FetchOutcome]:
        """Fetch what this mode has for the room and yield an outcome for each dataset or file."""

    def notes(self, rooms: Iterable[str]) -> list[str]:
        """Return what a user should know of the input beyond the rooms that exist."""
        del rooms
        return []


def _keep(
    archive: Archive,
    dataset: Dataset,
    source: str,
    payload: bytes,
    *,
    url: str,
    fetched_at: datetime,
    origin: Origin,
    http_status: int | None = None,
    etag: str | None = None,
    last_modified: str | None = None,
    note: str | None = None,
    problem: str | None = None,
) -> FetchOutcome:
    """Archive a payload first, then judge it: bytes of the wrong kind are kept with the problem, and not parsed."""
    try:
        check_content(payload, dataset.content)
    except PayloadError as error:
        problem = str(error)
    sighting, is_new = archive.store(
        payload,
        source=source,
        dataset=dataset.name,
        url=url,
        fetched_at=fetched_at,
        origin=origin.value,
        http_status=http_status,
        etag=etag,
        last_modified=last_modified,
        problem=problem,
        note=note,
    )
    if problem:
        return _outcome("failed", sighting, f"{source}/{dataset.name}: {problem}")
    return _outcome("new" if is_new else "unchanged", sighting)


def _outcome(status: str, sighting: Sighting, message: str = "") -> FetchOutcome:
    return FetchOutcome(
        sighting.source,
        sighting.dataset,
        status,
        message,
        sighting.sha256,
        sighting.bytes,
        format_instant(sighting.fetched_at),
        sighting.origin,
    )


def _shipped(modules: RoomModules, archive: Archive) -> Iterator[FetchOutcome]:
    """Archive the files that the room's own package holds."""
    room = modules.room
    for dataset in room.datasets:
        if dataset.shipped is not None:
            yield _keep(
                archive,
                dataset,
                room.name,
                resources.files(f"assets.{room.name}").joinpath(dataset.shipped.path).read_bytes(),
                url=f"{SHIPPED_URL}{room.name}/{dataset.shipped.path}",
                fetched_at=parse_instant(dataset.shipped.fetched_at),
                origin=Origin.PACKAGED,
                note="part of Undertow",
            )


class SampleFetcher(Fetcher):
    """Real provider files that installed packages ship, and generated ones for the rest: a first run without a network."""

    def fetch(self, modules: RoomModules, archive: Archive) -> Iterator[FetchOutcome]:
        """Archive the packaged file of each dataset that has one, then what the room generates.

        A home that holds what providers have sent gets nothing generated.
        """
        yield from self.packaged(modules, archive)
        if modules.samples is None or archive.holds_provider_data():
            return
        for sample in modules.samples():
            dataset = modules.room.dataset(sample.dataset)
            if dataset is None:
                raise UsageError(f"the room {modules.room.name} has a sample of {sample.dataset!r}, which is no dataset of it")
            yield _keep(
                archive,
                dataset,
                modules.room.name,
                sample.content,
                url=sample.url,
                fetched_at=parse_instant(sample.fetched_at),
                origin=Origin.SYNTHETIC,
                note="generated sample",
            )

    def packaged(self, modules: RoomModules, archive: Archive) -> Iterator[FetchOutcome]:
        """Archive the packaged file of each dataset that has one, and the files of the room itself."""
        yield from _shipped(modules, archive)
        for dataset in modules.room.datasets:
            if dataset.packaged is None:
                continue
            try:
                yield self._one(modules.room.name, dataset, archive)
            except (FetchError, OSError) as error:
                yield FetchOutcome(modules.room.name, dataset.name, "failed", str(error))

    @staticmethod
    def _one(source: str, dataset: Dataset, archive: Archive) -> FetchOutcome:
        packaged = dataset.packaged
        assert packaged is not None  # noqa: S101 (narrowing for the type checker)
        try:
            distribution = metadata.distribution(packaged.distribution)
        except metadata.PackageNotFoundError:
            raise FetchError(
                f"{source}/{dataset.name}: the package {packaged.distribution}, whose data file is the sample, is not installed"
            ) from None
        path = Path(str(distribution.locate_file(packaged.path)))
        if not path.is_file():
            raise FetchError(
                f"{source}/{dataset.name}: {packaged.distribution} {distribution.version} no longer ships {packaged.path}"
            )
        # The recorded instant belongs to the recorded version; of any other version we only know that we see it now.
        recorded = distribution.version == packaged.version
        fetched_at = parse_instant(packaged.fetched_at) if recorded else clock.now()
        return _keep(
            archive,
            dataset,
            source,
            path.read_bytes(),
            url=packaged.url,
            fetched_at=fetched_at,
            origin=Origin.PACKAGED,
            note=f"shipped by {packaged.distribution} {distribution.version}",
        )


@dataclass(frozen=True)
class _Recorded:
    """One line of a replay manifest."""

    source: str
    dataset: str
    path: Path
    url: str
    fetched_at: datetime
    note: str


class ReplayFetcher(Fetcher):
    """Recorded payloads listed in a manifest, together with the packaged real data."""

    def __init__(self, manifest: Path) -> None:
        """Read the manifest (CSV with columns source, dataset, file, url, fetched_at, note; files beside it).

        Raises:
            UsageError: the manifest or a listed file is missing, a column is missing, or an instant is malformed.
        """
        super().__init__()
        if not manifest.is_file():
            raise UsageError(f"there is no replay manifest {manifest}")
        try:
            with manifest.open(newline="", encoding="utf-8-sig") as handle:
                reader = csv.DictReader(handle, strict=True)
                missing = [column for column in REPLAY_COLUMNS if column not in (reader.fieldnames or [])]
                if missing:
                    raise UsageError(f"{manifest}: the replay manifest lacks the columns {', '.join(missing)}")
                self.rows = [self._row(manifest, reader.line_num, row) for row in reader]
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise UsageError(f"{manifest}: the replay manifest cannot be read: {error}") from None

    @staticmethod
    def _row(manifest: Path, number: int, row: dict[str, str]) -> _Recorded:
        if any(row[column] is None for column in REPLAY_COLUMNS):
            raise UsageError(f"{manifest}, line {number}: expected {len(REPLAY_COLUMNS)} cells")
        path = manifest.parent / row["file"]
        if not path.is_file():
            raise UsageError(f"{manifest}, line {number}: there is no file {row['file']}")
        try:
            fetched_at = parse_instant(row["fetched_at"])
        except UsageError as error:
            raise UsageError(f"{manifest}, line {number}: {error}") from None
        surplus = row.get(None) or []
        note = ",".join([row["note"], *surplus])  # the note comes last and is free text: a comma in it is no fault
        return _Recorded(row["source"], row["dataset"], path, row["url"], fetched_at, note)

    def notes(self, rooms: Iterable[str]) -> list[str]:
        """Return a sentence for each source of the manifest that has no room."""
        known = set(rooms)
        known |= {alias for name in known & set(room_names()) if (alias := load_room(name).room.recorded_as)}
        strangers = Counter(row.source for row in self.rows if row.source not in known)
        return [
            f"{source}: {count} recorded payload{'s' if count > 1 else ''}, but there is no such source yet"
            for source, count in sorted(strangers.items())
        ]

    def fetch(self, modules: RoomModules, archive: Archive) -> Iterator[FetchOutcome]:
        """Archive the packaged files, then each recorded payload of the room."""
        yield from SampleFetcher().packaged(modules, archive)
        for row in self.rows:
            if row.source not in (modules.room.name, modules.room.recorded_as):
                continue
            dataset = modules.room.dataset(row.dataset)
            if dataset is None and row.source != modules.room.name:
                continue  # another room of this provider may read it
            if dataset is None:
                yield FetchOutcome(row.source, row.dataset, "skipped", f"{row.source} does not read {row.dataset} yet")
                continue
            payload = row.path.read_bytes()
            yield _keep(
                archive,
                dataset,
                modules.room.name,
                payload,
                url=row.url or row.path.name,
                fetched_at=row.fetched_at,
                origin=Origin.REPLAY,
                note=row.note or None,
            )


class LiveFetcher(Fetcher):
    """The providers' own endpoints, asked politely, or mirrors of them (``UNDERTOW_BASE_URLS``)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    def notes(self, rooms: Iterable[str]) -> list[str]:
        """Return what the rooms do not ask for under these settings, for want of a key or a consent."""
        told = (load_room(name).notes for name in rooms)
        return [note for notes in told if notes is not None for note in notes(self.settings)]

    def fetch(self, modules: RoomModules, archive: Archive) -> Iterator[FetchOutcome]:
        """Send each request of the room; a request that fails is an outcome, not an exception."""
        yield from _shipped(modules, archive)
        yield from self.ask(modules, modules.requests(self.settings, clock.now().date()), archive)

    def ask(
        self, modules: RoomModules, requests: Iterable[Request], archive: Archive, *, follow: bool = True
    ) -> Iterator[FetchOutcome]:
        """Send requests, and those that the room derives from the answers if ``follow``; yield what came of each."""
        room = modules.room
        with HttpClient(
            contact=self.settings.contact,
            timeout=self.settings.timeout_seconds,
            retries=self.settings.retries,
            min_interval=room.min_interval_seconds,
        ) as client:
            try:
                for request in requests:
                    yield from self._ask(client, modules, request, archive, follow=follow)
            except RefusedError as error:
                yield FetchOutcome(room.name, "", "failed", f"{error}; nothing more is asked of {room.name} in this run")
            finally:
                self.requests[room.name].update(client.answered)

    def _ask(
        self, client: HttpClient, modules: RoomModules, request: Request, archive: Archive, *, follow: bool
    ) -> Iterator[FetchOutcome]:
        """Send one request, and then those that the room derives from its answer."""
        room = modules.room
        dataset = room.dataset(request.dataset)
        if dataset is None:
            raise FetchError(f"{room.name}: a request names the unknown dataset {request.dataset}")
        try:
            outcome = self._one(client, room.name, dataset, request, archive)
        except AbsentError as error:
            status = "skipped" if request.may_be_absent else "failed"
            yield FetchOutcome(room.name, dataset.name, status, str(error))
            return
        except FetchError as error:
            if room.stops_when_refused and isinstance(error, RefusedError):
                raise
            yield FetchOutcome(room.name, dataset.name, "failed", str(error))
            return
        yield outcome
        if not follow or modules.follow is None or outcome.status == "failed" or outcome.sha256 is None:
            return
        try:
            following = list(modules.follow(self.settings, request, archive.read(outcome.sha256)))
        except RecursionError:
            yield FetchOutcome(room.name, dataset.name, "failed", f"{room.name}/{dataset.name}: {TOO_DEEP}")
            return
        for one in following:
            yield from self._ask(client, modules, one, archive, follow=True)

    def _one(self, client: HttpClient, source: str, dataset: Dataset, request: Request, archive: Archive) -> FetchOutcome:
        sent = through_mirror(request, self.settings.base_urls)
        if clock.is_rehearsal() and not is_this_machine(urlsplit(sent.url).hostname or ""):
            raise UsageError(
                f"{clock.VARIABLE} is set, so {address(request)} is not asked: in a rehearsal UNDERTOW_BASE_URLS leads every "
                f"request to this machine"
            )
        via = None if sent is request else f"asked at {address(sent)}"
        previous = _confirmable(archive, archive.latest(source, dataset.name, address(request)), via)
        if previous is not None:  # the client compares addresses, and it asks the mirror's
            previous = replace(previous, url=address(sent))
        answer = client.get(sent, content=dataset.content, max_bytes=dataset.max_bytes, previous=previous)
        now = clock.now()
        problem = _clock_problem(answer, now)
        if answer.body is None:
            if previous is None:
                raise FetchError(f"{source}/{dataset.name}: the provider said 'not modified' to a first request")
            if problem:
                raise FetchError(f"{source}/{dataset.name}: {problem}")
            previous = replace(previous, url=address(request))
            return _outcome("unchanged", archive.record_unchanged(previous, now, origin=Origin.LIVE.value, note=via))
        body, removed = _without_secrets(answer.body, request.secrets)
        return _keep(
            archive,
            dataset,
            source,
            body,
            url=address(request),
            fetched_at=now,
            origin=Origin.LIVE,
            http_status=answer.status,
            etag=answer.etag,
            last_modified=answer.last_modified,
            note="; ".join(word for word in (via, removed) if word) or None,
            problem=problem,
        )


def through_mirror(request: Request, base_urls: Mapping[str, str]) -> Request:
    """Return the request as it is sent: to a mirror where a beginning of its address has one, else itself.

    The longest beginning wins, and it ends where a part of the address ends.

    Raises:
        FetchError: the request holds a key and the mirror is asked over plain http on another machine.
    """
    fitting = [base for base in base_urls if request.url.startswith(base) and request.url[len(base) : len(base) + 1] in _ENDS]
    if not fitting:
        return request
    base = max(fitting, key=len)
    mirror = base_urls[base]
    parts = urlsplit(mirror)
    if _holds_key(request) and parts.scheme != "https" and not is_this_machine(parts.hostname or ""):
        raise FetchError(
            f"{address(request)} needs a key, and UNDERTOW_BASE_URLS sends it to {redact(mirror)}, where anyone on the way "
            f"can read it; use https"
        )
    return replace(request, url=mirror + request.url[len(base) :])


_ENDS = ("", "/", "?", "#")


def _holds_key(request: Request) -> bool:
    """Tell whether a request carries a secret, by what the room declares and by the names of its values."""
    body = request.json if isinstance(request.json, dict) else request.form or {}
    query = [name for name, _ in parse_qsl(urlsplit(request.url).query)]
    return bool(request.secrets) or any(is_secret_name(name) for name in (*request.params, *request.headers, *body, *query))


def _confirmable(archive: Archive, previous: Sighting | None, via: str | None) -> Sighting | None:
    """Return the sighting that a 'not modified' would confirm, or None where the whole answer is wanted.

    An ETag means something to the server that gave it, and to no other; and bytes that are gone must come again.
    """
    if previous is None or not archive.holds(previous.sha256):
        return None
    asked_at = next((word for word in (previous.note or "").split("; ") if word.startswith("asked at ")), None)
    return previous if asked_at == via else None


def _clock_problem(answer: Answer, now: datetime) -> str | None:
    """Say that our clock is behind the provider's, if it is: what we fetch would count as known before it was.

    Caches repeat an old Date but never a future one, so nothing is said of a clock that seems ahead; a late ``known_at``
    hides a value and leaks none.
    """
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, IndexError):
        return None
    behind = theirs.replace(tzinfo=theirs.tzinfo or UTC) - now
    if behind <= CLOCK_TOLERANCE:
        return None
    return (
        f"the clock of this machine is {_span(behind)} behind the provider's, so what it sent would count as known too early; "
        "set the clock"
    )


def _span(length: timedelta) -> str:
    """Return a length of time in words."""
    minutes = round(length.total_seconds() / 60)
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes >= 2 * size:
            return f"{round(minutes / size)} {unit}s"
    return f"{minutes} minutes"


def _without_secrets(body: bytes, secrets: Sequence[str]) -> tuple[bytes, str | None]:
    """Return a body in which no secret stands, and a note where one did: some providers repeat a bad key in their answer."""
    clean, found = without_secrets(body, secrets)
    return clean, "a key that the provider repeated was removed before archiving" if found else None


class FileFetcher(Fetcher):
    """A user's own series, in the bring-your-own-file contract of the room ``file``."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Check that the files are there.

        Raises:
            UsageError: no file was named, or one does not exist.
        """
        super().__init__()
        if not paths:
            raise UsageError(
                "mode 'file' needs --from FILE, a CSV or Parquet file with the columns "
                "series_id, period_start, value, known_at, unit, source, licence"
            )
        for path in paths:
            if not path.is_file():
                raise UsageError(f"there is no file {path}")
        self.paths = list(paths)

    def fetch(self, modules: RoomModules, archive: Archive) -> Iterator[FetchOutcome]:
        """Archive the files; other rooms have nothing in this mode."""
        if modules.room.name != "file":
            return
        dataset = modules.room.datasets[0]
        for path in self.paths:
            yield _keep(
                archive,
                dataset,
                "file",
                path.read_bytes(),
                url=path.name,
                fetched_at=clock.now(),
                origin=Origin.FILE,
            )


def make_fetcher(mode: str, source_from: Sequence[Path], settings: Settings) -> Fetcher:
    """Return the fetcher of a mode.

    Raises:
        UsageError: the mode is unknown, or its ``--from`` is missing or wrong.
    """
    if mode == "sample":
        return SampleFetcher()
    if mode == "live":
        return LiveFetcher(settings)
    if mode == "file":
        return FileFetcher(source_from)
    if mode == "replay":
        if len(source_from) != 1:
            raise UsageError("mode 'replay' needs exactly one --from MANIFEST.csv")
        return ReplayFetcher(source_from[0])
    raise UsageError(f"unknown mode {mode!r}; the modes are {', '.join(MODES)}")
