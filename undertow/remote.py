"""A home and its object store: which one the settings name, and what a run does with it when it begins and when it publishes.

Without ``UNDERTOW_STORE_URL`` nothing here asks anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from undertow.archive import Archive
from undertow.errors import StoreError, UsageError
from undertow.objects import ObjectStore
from undertow.publish import Build
from undertow.remote_archive import RemoteArchive
from undertow.remote_builds import RemoteBuilds, open_build
from undertow.remote_landing import OBJECTS, RemoteLanding, named_objects
from undertow.settings import Home, Settings

__all__ = ["RemoteHome", "Tidied", "build_at", "open_archive", "remote_home", "require_remote_home"]

_STORES: dict[tuple[object, ...], ObjectStore] = {}
_ARCHIVES: dict[tuple[ObjectStore, Path], RemoteArchive] = {}


def _store(url: str, settings: Settings) -> ObjectStore:
    """Return the store of an address; one process opens it once, for as long as its credentials stay the same."""
    credentials = hash(tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))))
    key = (os.getpid(), url, settings.retries, settings.timeout_seconds, credentials)
    if key not in _STORES:
        _STORES[key] = ObjectStore(url, retries=settings.retries, timeout=settings.timeout_seconds)
    return _STORES[key]


def open_archive(home: Home, settings: Settings | None = None) -> Archive:
    """Return the archive of a home: the one in its folder, or in its folder and in the store of the settings."""
    settings = settings or Settings()
    if settings.store_url is None:
        return Archive(home.archive)
    store = _store(settings.store_url, settings)
    key = (store, home.archive)
    if key not in _ARCHIVES:
        _ARCHIVES[key] = RemoteArchive(home.archive, store)
    return _ARCHIVES[key]


def remote_home(home: Home, settings: Settings | None = None) -> RemoteHome | None:
    """Return the home in the store of the settings, or None where they name none."""
    settings = settings or Settings()
    if settings.store_url is None:
        return None
    archive = open_archive(home, settings)
    assert isinstance(archive, RemoteArchive)  # noqa: S101 (narrowing for the type checker)
    return RemoteHome(home, archive.remote, archive, timedelta(hours=settings.store_grace_hours), settings.keep_builds)


def build_at(address: str, settings: Settings | None = None) -> Build:
    """Return the build at the address of a store, or of one build in it, in the reader's cache.

    Raises:
        UsageError: the address is malformed, its library is not installed, nothing is published or there is no such build.
        StoreError: the store does not answer, or an object is lost or damaged.
    """
    settings = settings or Settings()
    cache = (settings.cache or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "undertow").expanduser()
    try:
        return open_build(address, cache / "builds", lambda url: _store(url, settings))
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"the build cannot be kept in the cache {cache}: {reason}; see UNDERTOW_CACHE") from error


@dataclass(frozen=True)
class Tidied:
    """What was removed from a store, or would be."""

    builds: list[str]
    objects: int
    bytes: int


class RemoteHome:
    """A home and its store; the home's lock is held by whoever writes."""

    def __init__(
        self, home: Home, remote: ObjectStore, archive: RemoteArchive, grace: timedelta = timedelta(days=1), keep: int = 10
    ) -> None:
        self.home, self.remote, self.archive = home, remote, archive
        self.landing = RemoteLanding(home, remote)
        self.builds = RemoteBuilds(remote)
        self.grace, self.keep = grace, keep

    def take_over(self, listener: Callable[[str], None] | None = None) -> str:
        """Bring archive and landing up to date with the store, and send what this home has alone; say what was done.

        Raises:
            StoreError: the store does not answer, or an object is lost or damaged.
            ArchiveError: a manifest object cannot be read.
        """
        brought, sent = self.archive.take_over(listener)
        files, surplus = self.landing.take_over(listener)
        return f"{brought:,} sightings brought, {sent:,} sent; {files:,} landed files brought, {surplus:,} removed"

    def begin(self, listener: Callable[[str], None] | None = None, *, mend: bool = False) -> None:
        """Begin to publish: read the pointer, then put the landing into the store.

        In this order: who moved the pointer before we read it has moved the landing before, and that ``send`` notices; who
        moves it later makes our own move fail. So an older state never follows a newer one.

        Args:
            listener: told what is going on.
            mend: send landed files again that the store lost or cut, which takes a listing.

        Raises:
            StoreError: another machine moved the landing, or the store refuses or does not answer.
        """
        self.builds.begin()
        self.landing.send(listener, mend=mend)

    def tidy(self, *, dry_run: bool = False, keep: int | None = None, now: datetime | None = None) -> Tidied:
        """Remove from the store, when their grace is over: half-uploaded builds, old ones, landed files that no list names.

        Payloads and sightings are never removed.

        Args:
            dry_run: only say what would go.
            keep: builds to keep; the setting by default.
            now: the clock by default.
        """
        now = now or datetime.now(UTC)
        doomed = self.builds.doomed(keep or self.keep, self.grace, now)
        files = self.landing.names()
        named = named_objects(files) if files is not None else set()
        stale = {
            key: entry
            for key, entry in (self.remote.list(OBJECTS) if files is not None else {}).items()
            if key.rpartition("/")[2] not in named and entry.modified <= now - self.grace
        }
        if not dry_run:
            self.builds.remove(doomed)
            self.remote.remove(stale)
        sizes = [entry.size for objects in doomed.values() for entry in objects.values()]
        sizes += [entry.size for entry in stale.values()]
        return Tidied(sorted(doomed), len(sizes), sum(sizes))


def require_remote_home(home: Home, settings: Settings) -> RemoteHome:
    """Return the home in the store of the settings.

    Raises:
        UsageError: they name none.
    """
    found = remote_home(home, settings)
    if found is None:
        raise UsageError("no object store is named; set UNDERTOW_STORE_URL, as in s3://bucket/prefix")
    return found
