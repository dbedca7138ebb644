"""Published builds in an object store: each under its id, and one small pointer that says which is current.

``published/<build id>/`` holds the files of a build as they are in a home, and ``objects.json``, which names them with their
hashes and is written last: a build without it is not whole. ``published/current.json`` is the pointer. It moves in one
conditional write, only from where the writer had found it, so of two writers one is told. A reader reads the pointer once and
then nothing but objects that never change; every byte is held against the hashes, which the pointer vouches for.

A build that was current is removed no sooner than a grace time after it was replaced, so a reader that began before can end.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from undertow.atomic import make_folder, write_bytes
from undertow.errors import NothingPublishedError, StoreError, UsageError
from undertow.instants import format_instant, parse_instant
from undertow.objects import Entry, ObjectStore, file_hash, in_parallel
from undertow.publish import Build, load_build
from undertow.settings import Home

__all__ = ["POINTER_KEY", "Pointer", "Publisher", "RemoteBuild", "RemoteBuilds", "is_address", "open_build"]

PREFIX, LIST_NAME = "published", "objects.json"
POINTER_KEY = f"{PREFIX}/current.json"
THREADS = 4  # files of a build on their way at the same time
REMEMBERED = timedelta(days=30)  # how long the pointer says when a build was replaced
CACHED = 3  # builds that a reader's cache keeps of one store
_ONE_BUILD = re.compile(rf"(?P<store>.+)/{PREFIX}/(?P<build>[^/]+)")
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]*")


@dataclass(frozen=True)
class Pointer:
    """What ``current.json`` says."""

    build_id: str
    objects: str  # SHA-256 of the list of the build's files
    fingerprint: str
    moved_at: datetime
    recent: Mapping[str, datetime] = field(default_factory=dict)  # builds that were current, and until when

    def content(self) -> bytes:
        """Return the object."""
        said = {
            "format": 1,
            "build_id": self.build_id,
            "objects": self.objects,
            "fingerprint": self.fingerprint,
            "moved_at": format_instant(self.moved_at),
            "recent": {build_id: format_instant(until) for build_id, until in sorted(self.recent.items())},
        }
        return json.dumps(said, indent=1).encode() + b"\n"


@dataclass(frozen=True)
class RemoteBuild(Build):
    """A build of a store, of which the files that were asked for are in the reader's cache."""

    builds: RemoteBuilds
    files: Mapping[str, Mapping[str, Any]]

    def file(self, name: str) -> Path:
        """Return a file of the build, which is brought from the store if it is not in the cache."""
        if name not in self.files:
            raise UsageError(f"build {self.build_id} has no file {name}")
        return self.builds.bring_file(self.build_id, name, self.files[name], self.path)


class RemoteBuilds:
    """The builds of one store."""

    def __init__(self, remote: ObjectStore) -> None:
        self.remote = remote
        self._base: tuple[bytes, str] | None = None

    # --- the pointer ---

    def pointer(self) -> Pointer | None:
        """Return where the pointer stands, or None where nothing is published.

        Raises:
            StoreError: the store does not answer, or the pointer cannot be read.
        """
        try:
            return self._pointer_of(self.remote.read(POINTER_KEY))
        except FileNotFoundError:
            return None

    def begin(self) -> Pointer | None:
        """Read the pointer as what this writer starts from; ``send`` moves it from there and from nowhere else."""
        self._base = self.remote.read_tagged(POINTER_KEY)
        return None if self._base is None else self._pointer_of(self._base[0])

    def _pointer_of(self, content: bytes) -> Pointer:
        try:
            said = json.loads(content)
            return Pointer(
                build_id=_checked_id(said["build_id"]),
                objects=said["objects"],
                fingerprint=said["fingerprint"],
                moved_at=parse_instant(said["moved_at"]),
                recent={name: parse_instant(until) for name, until in said["recent"].items()},
            )
        except (ValueError, TypeError, KeyError, AttributeError, UsageError) as error:
            name = self.remote.name(POINTER_KEY)
            raise StoreError(f"the pointer {name} is damaged: {type(error).__name__}: {error}") from None

    def _move(self, build_id: str, objects: str, fingerprint: str, now: datetime) -> bool:
        """Move the pointer from where ``begin`` found it; tell whether it now says what we wanted."""
        recent: dict[str, datetime] = {}
        if self._base is not None:
            before = self._pointer_of(self._base[0])
            recent = {name: until for name, until in before.recent.items() if until > now - REMEMBERED}
            recent[before.build_id] = now
            recent.pop(build_id, None)
        content = Pointer(build_id, objects, fingerprint, now, recent).content()
        if self._base is None:
            return self.remote.create(POINTER_KEY, content)
        return self.remote.replace(POINTER_KEY, content, self._base[1])

    # --- writing ---

    def send(self, build: Build, listener: Callable[[str], None] | None = None, now: datetime | None = None) -> str:
        """Put a build into the store and point at it; ``begin`` came before.

        Files that an earlier, killed try has put there are not sent again: they lie under the id of this build alone.

        Returns:
            The id of the build that is current then: this one, or one that another writer has made of the same meanwhile.

        Raises:
            StoreError: the store refuses or does not answer, or another writer published something else meanwhile.
        """
        folder = f"{PREFIX}/{build.build_id}"
        files: dict[str, dict[str, Any]] = {
            path.relative_to(build.path).as_posix(): {"sha256": file_hash(path), "bytes": path.stat().st_size}
            for path in sorted(build.path.rglob("*"))
            if path.is_file()
        }
        there = self.remote.list(folder)
        unsent = [name for name, file in files.items() if there.get(f"{folder}/{name}", _NOTHING).size != file["bytes"]]
        progress = _Progress(sum(files[name]["bytes"] for name in unsent), listener)

        def upload(name: str) -> None:
            self.remote.upload(build.path / name, f"{folder}/{name}")
            progress.add(files[name]["bytes"])

        in_parallel(upload, sorted(unsent, key=lambda name: -files[name]["bytes"]), THREADS)  # the largest first
        listed = json.dumps({"format": 1, "build_id": build.build_id, "files": files}, indent=1).encode() + b"\n"
        self.remote.write(f"{folder}/{LIST_NAME}", listed)
        fingerprint = build.manifest["fingerprint"]
        if self._move(build.build_id, hashlib.sha256(listed).hexdigest(), fingerprint, now or datetime.now(UTC)):
            return build.build_id
        other = self.pointer()
        if other is not None and other.fingerprint == fingerprint:
            return other.build_id
        said = f"build {other.build_id}" if other is not None else "nothing"
        raise StoreError(
            f"another writer moved {self.remote.name(POINTER_KEY)} since this run began, and it points at {said}; run again"
        )

    def rollback(self, build_id: str) -> None:
        """Point at an earlier build of the store.

        Raises:
            UsageError: the store has no whole build of that id.
            StoreError: another writer moved the pointer at this moment.
        """
        self.begin()
        listed, _ = self._listed(build_id)
        manifest = json.loads(self._file_content(build_id, "manifest.json"))
        if not self._move(build_id, hashlib.sha256(listed).hexdigest(), manifest["fingerprint"], datetime.now(UTC)):
            raise StoreError(f"another writer moved {self.remote.name(POINTER_KEY)} at this moment; look, and try again")

    # --- what there is ---

    def entries(self) -> dict[str, dict[str, Entry]]:
        """Return the objects of each build, whole or not, by its id."""
        found: dict[str, dict[str, Entry]] = {}
        for key, entry in self.remote.list(PREFIX).items():
            _, build_id, *rest = key.split("/", 2)
            if rest:
                found.setdefault(build_id, {})[rest[0]] = entry
        return found

    def whole(self) -> list[str]:
        """Return the ids of the builds that are whole, oldest first."""
        return sorted(build_id for build_id, files in self.entries().items() if LIST_NAME in files)

    def doomed(self, keep: int, grace: timedelta, now: datetime | None = None) -> dict[str, dict[str, Entry]]:
        """Return the builds that may go: half-uploaded ones, and all but the newest ``keep``, when their grace is over.

        The current build always stays. A build's grace begins when the pointer left it, or, where it never pointed there or has
        forgotten it, with the last write of the build.
        """
        now = now or datetime.now(UTC)
        entries, pointer = self.entries(), self.pointer()
        whole = sorted(build_id for build_id, files in entries.items() if LIST_NAME in files)
        spared = {*whole[-keep:], pointer.build_id if pointer else ""}
        left = pointer.recent if pointer else {}
        return {
            build_id: files
            for build_id, files in entries.items()
            if build_id not in spared and left.get(build_id, max(entry.modified for entry in files.values())) <= now - grace
        }

    def remove(self, doomed: Mapping[str, Mapping[str, Entry]]) -> None:
        """Remove builds, the list of each first: from then on it is not whole, and nobody begins to read it."""
        self.remote.remove(f"{PREFIX}/{build_id}/{LIST_NAME}" for build_id, files in doomed.items() if LIST_NAME in files)
        self.remote.remove(
            f"{PREFIX}/{build_id}/{name}" for build_id, files in doomed.items() for name in files if name != LIST_NAME
        )

    def problems(self, build_id: str, scratch: Path) -> list[str]:
        """Read all files of a build and return what is wrong, one sentence each; they pass through ``scratch``."""
        try:
            _, files = self._listed(build_id)
        except (StoreError, UsageError) as error:
            return [str(error)]
        found = []
        for name, file in files.items():
            try:
                self.bring_file(build_id, name, file, scratch).unlink()
            except (StoreError, UsageError) as error:
                found.append(str(error))
        return found

    # --- reading ---

    def find(self, fingerprint: str, home: Home) -> Build | None:
        """Return the store's current build, brought into a home, if it is made of the same; else None."""
        pointer = self.pointer()
        return self.bring(pointer.build_id, home) if pointer is not None and pointer.fingerprint == fingerprint else None

    def bring(self, build_id: str, home: Home) -> Build:
        """Bring a whole build into a home, if it is not there, and return it; what is current in the home stays as it is."""
        target = home.published / _checked_id(build_id)
        if not (target / "manifest.json").is_file():
            _, files = self._listed(build_id)
            staging = home.published / f".building-{build_id}"
            shutil.rmtree(staging, ignore_errors=True)
            in_parallel(lambda item: self.bring_file(build_id, *item, staging), files.items(), THREADS)
            for path in staging.rglob("*"):
                if path.is_file():
                    path.chmod(0o444)
            staging.rename(target)
        return load_build(target)

    def open(self, build_id: str | None, cache: Path) -> Build:
        """Return a build to be read: its database and its manifest are brought into the cache, and other files when asked for.

        Args:
            build_id: which; None for the current one.
            cache: folder of the caches of all stores.

        Raises:
            NothingPublishedError: nothing is published in the store.
            UsageError: there is no such build.
            StoreError: the store does not answer, or an object is lost or damaged.
        """
        pointer = self.pointer() if build_id is None else None
        if build_id is None and pointer is None:
            raise NothingPublishedError(f"nothing is published in {self.remote.url} yet")
        wanted = pointer.build_id if pointer is not None else _checked_id(str(build_id))
        folder = cache / hashlib.sha256(self.remote.url.encode()).hexdigest()[:12] / wanted
        kept = folder / LIST_NAME
        content = kept.read_bytes() if kept.is_file() else b""
        if not content or (pointer is not None and hashlib.sha256(content).hexdigest() != pointer.objects):
            content, _ = self._listed(wanted, None if pointer is None else pointer.objects)
            write_bytes(kept, content)
        files = self._files_of(content, wanted)
        for name in ("manifest.json", "undertow.duckdb"):
            if name not in files:
                raise StoreError(f"build {wanted} in {self.remote.url} is damaged: its list does not name {name}")
            self.bring_file(wanted, name, files[name], folder)
        folder.touch()
        _forget_old(folder)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return RemoteBuild(manifest["build_id"], folder, manifest, self, files)

    def bring_file(self, build_id: str, name: str, file: Mapping[str, Any], folder: Path) -> Path:
        """Bring one file of a build, unless it is there in its size; its hash is looked at when it comes."""
        target = folder / name
        if target.is_file() and target.stat().st_size == file["bytes"]:
            return target
        make_folder(target.parent)
        key = f"{PREFIX}/{build_id}/{name}"
        try:
            self.remote.download(key, target, sha256=file["sha256"], size=file["bytes"])
        except FileNotFoundError:
            raise StoreError(f"the object {self.remote.name(key)} is lost; build {build_id} is not whole") from None
        return target

    def _file_content(self, build_id: str, name: str) -> bytes:
        _, files = self._listed(build_id)
        try:
            return self.remote.read(f"{PREFIX}/{build_id}/{name}", sha256=files[name]["sha256"])
        except (FileNotFoundError, KeyError):
            raise StoreError(f"build {build_id} in {self.remote.url} is damaged: {name} is lost") from None

    def _listed(self, build_id: str, sha256: str | None = None) -> tuple[bytes, dict[str, dict[str, Any]]]:
        """Return the list of a build's files as it is stored, and what it says."""
        try:
            content = self.remote.read(f"{PREFIX}/{_checked_id(build_id)}/{LIST_NAME}", sha256=sha256)
        except FileNotFoundError:
            if sha256 is not None:
                raise StoreError(
                    f"the build {build_id} that {self.remote.name(POINTER_KEY)} points at is lost or not whole"
                ) from None
            raise UsageError(f"there is no whole build {build_id} in {self.remote.url}; `undertow store` shows them") from None
        return content, self._files_of(content, build_id)

    def _files_of(self, content: bytes, build_id: str) -> dict[str, dict[str, Any]]:
        try:
            said = json.loads(content)
            for name, file in said["files"].items():
                if name.startswith("/") or ".." in name.split("/") or not isinstance(file["sha256"], str):
                    raise ValueError(f"it names {name!r}")
                _ = file["bytes"] + 0
            if said["build_id"] != build_id:
                raise ValueError(f"it is that of build {said['build_id']}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            name = self.remote.name(f"{PREFIX}/{build_id}/{LIST_NAME}")
            raise StoreError(f"the object {name} is damaged: {type(error).__name__}: {error}") from None
        return said["files"]


_NOTHING = Entry(-1, datetime.min.replace(tzinfo=UTC))


class _Progress:
    """Tells a listener how much of an upload is done, at most every few seconds."""

    def __init__(self, total: int, listener: Callable[[str], None] | None) -> None:
        self._total, self._listener = total, listener
        self._done, self._told, self._lock = 0, monotonic(), threading.Lock()
        if listener is not None and total:
            listener(f"sending {total / 1e6:,.0f} MB")

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self._listener is not None and monotonic() - self._told > 5:
                self._told = monotonic()
                self._listener(f"sent {self._done / 1e6:,.0f} of {self._total / 1e6:,.0f} MB")


def _checked_id(build_id: str) -> str:
    """Return the id of a build, which becomes the name of a folder."""
    if not _ID.fullmatch(build_id):
        raise UsageError(f"{build_id[:80]!r} is not the id of a build")
    return build_id


def _forget_old(folder: Path) -> None:
    """Remove the builds of a store that were not read for long from the cache; an open file reads on."""
    with suppress(OSError):
        old: Sequence[Path] = sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-CACHED]
        for path in old:
            if path.stat().st_mtime < datetime.now(UTC).timestamp() - 24 * 3600:
                shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class Publisher:
    """The builds of a store as a place to publish to, with somebody to tell how far an upload is."""

    builds: RemoteBuilds
    listener: Callable[[str], None] | None = None

    def find(self, fingerprint: str, home: Home) -> Build | None:
        """Return the store's current build, brought into the home, if it is made of the same."""
        return self.builds.find(fingerprint, home)

    def send(self, build: Build) -> str:
        """Put a build into the store and point at it; return the id of the one that is current then."""
        return self.builds.send(build, self.listener)

    def bring(self, build_id: str, home: Home) -> Build:
        """Bring a build from the store into the home."""
        return self.builds.bring(build_id, home)


def is_address(build: str | Path | None) -> bool:
    """Tell whether a build is named by the address of a store."""
    return isinstance(build, str) and "://" in build


def open_build(address: str, cache: Path, make: Callable[[str], ObjectStore]) -> Build:
    """Return the build at an address: that of a store means its current one, ``<store>/published/<build id>`` that one.

    Args:
        address: of the store or of one build in it.
        cache: folder of the caches of all stores.
        make: opens a store.

    Raises:
        UsageError, StoreError: as ``RemoteBuilds.open`` does.
    """
    one = _ONE_BUILD.fullmatch(address.rstrip("/"))
    if one is not None:
        return RemoteBuilds(make(one["store"])).open(one["build"], cache)
    return RemoteBuilds(make(address)).open(None, cache)
