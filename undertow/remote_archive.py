"""An archive that is kept in an object store too: each payload is there before anything reads it.

The folder of the home is one copy and the store the other. What comes in is written here and put there, under the same names,
whatever becomes of one of the two: with a full disk the payload is in the store, with a store that refuses it is on the disk,
and the run stops with a sentence. ``take_over`` makes up for what a killed or stopped run left undone, in both directions.
Payloads are brought here when they are read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from undertow.archive import Archive, Sighting, manifest_paths, manifest_text, packed, sighting_of, unpacked
from undertow.atomic import is_temporary, write_bytes
from undertow.errors import ArchiveError, StoreError
from undertow.objects import ObjectStore, in_parallel

__all__ = ["RemoteArchive"]

PREFIX = "archive"
THREADS = 8  # objects asked for at the same time; each is small


class RemoteArchive(Archive):
    """The archive in one folder and in one store."""

    def __init__(self, root: Path, remote: ObjectStore) -> None:
        """Name both; nothing is asked or created yet."""
        super().__init__(root)
        self.remote = remote
        self._listed: set[str] | None = None

    # --- both copies ---

    def _keep(self, sighting: Sighting, payload: bytes) -> tuple[Sighting, bool]:
        """Keep bytes and sighting here and there; where one of the two fails, the other has them before the run hears of it."""
        failure: OSError | None = None
        is_new = True
        try:
            sighting, is_new = super()._keep(sighting, payload)
        except OSError as error:
            failure = error
        try:
            path = self.payload_path(sighting.sha256)
            self._send(sighting, lambda: packed(payload) if failure is not None else path.read_bytes())
        except StoreError as error:
            kept = f"is kept in {self.root} and goes to the store with the next run"
            if failure is not None:
                kept = f"could not be kept here either ({failure.strerror or failure}) and has to be fetched again"
            raise StoreError(f"{error}; what {sighting.source}/{sighting.dataset} sent {kept}") from error
        if failure is not None:
            raise failure
        return sighting, is_new

    def record_unchanged(self, previous: Sighting, fetched_at: datetime, **said: Any) -> Sighting:
        """Write down here and there that the provider's answer is still the previous one."""
        sighting = super().record_unchanged(previous, fetched_at, **said)
        self._send_sighting(sighting)
        return sighting

    def holds(self, sha256: str) -> bool:
        """Tell whether the bytes are here or in the store."""
        return super().holds(sha256) or self._key(self.payload_path(sha256)) in self._there

    def read(self, sha256: str) -> bytes:
        """Return the bytes of that hash, from the store where the copy here is missing or damaged.

        Raises:
            ArchiveError: neither copy gives that hash.
            StoreError: the store does not answer.
        """
        self._bring(sha256)
        try:
            return super().read(sha256)
        except ArchiveError:
            if self._key(self.payload_path(sha256)) not in self._there:
                raise
        self._bring(sha256, again=True)
        return super().read(sha256)

    def copy_to(self, sha256: str, target: Path) -> None:
        """Write the bytes of that hash to a file, as ``Archive.copy_to`` does."""
        self._bring(sha256)
        super().copy_to(sha256, target)

    def _is_whole(self, sha256: str) -> bool:
        """Tell whether the payload is here and undamaged; what is only in the store is not brought for that."""
        try:
            Archive.read(self, sha256)
        except ArchiveError:
            return False
        return True

    # --- catching up ---

    def take_over(self, listener: Callable[[str], None] | None = None) -> tuple[int, int]:
        """Bring the sightings that others put into the store, and send what a run of this home could not.

        Args:
            listener: told what is going on, with numbers.

        Returns:
            How many sightings were brought, and how many were sent.

        Raises:
            StoreError: the store does not answer, or what it holds is damaged.
            ArchiveError: an object of the manifest cannot be read.
        """
        self._listed = None
        theirs = {key for key in self._there if key.startswith("manifest/") and key.endswith(".json")}
        ours = {self._key(path) for path in (self.root / "manifest").glob("*/*/*.json") if not is_temporary(path)}
        missing, unsent = sorted(theirs - ours), sorted(ours - theirs)
        if listener and missing:
            listener(f"bringing {len(missing):,} sightings")
        in_parallel(self._bring_sighting, missing, THREADS)
        if listener and unsent:
            listener(f"sending {len(unsent):,} sightings")
        for path in sorted((self.root / "payloads").glob("*/*.zst")):
            sha256 = path.name.removesuffix(".zst")
            if not is_temporary(path) and self._key(path) not in self._there and self._is_whole(sha256):
                self._send_payload(sha256, path.read_bytes)  # the store lost it, or a kill came between it and its sighting
        for key in unsent:
            sighting = sighting_of((self.root / key).read_bytes(), str(self.root / key))
            self._send(sighting, self.payload_path(sighting.sha256).read_bytes)
        return len(missing), len(unsent)

    def problems_in_store(self, listener: Callable[[str], None] | None = None) -> list[str]:
        """Read all of the archive in the store and return what is wrong with it, one sentence each."""
        self._listed = None
        problems, sizes = [], {}
        payloads = sorted(key for key in self._there if key.startswith("payloads/"))
        for number, key in enumerate(payloads):
            if listener and number % 100 == 0:
                listener(f"payload {number:,} of {len(payloads):,}")
            sha256 = key.rpartition("/")[2].removesuffix(".zst")
            try:
                sizes[sha256] = len(unpacked(self.remote.read(f"{PREFIX}/{key}"), sha256, self.remote.name(f"{PREFIX}/{key}")))
            except (ArchiveError, StoreError) as error:
                problems.append(str(error))
                sizes[sha256] = -1
        for key in sorted(key for key in self._there if key.startswith("manifest/")):
            try:
                sighting = sighting_of(self.remote.read(f"{PREFIX}/{key}"), self.remote.name(f"{PREFIX}/{key}"))
            except (ArchiveError, StoreError) as error:
                problems.append(str(error))
                continue
            found = sizes.get(sighting.sha256)
            if found is None:
                name = self.remote.name(f"{PREFIX}/{key}")
                problems.append(f"the object {name} names the payload {sighting.sha256}, which is not in the store")
            elif found not in (-1, sighting.bytes):
                name = self.remote.name(f"{PREFIX}/{key}")
                problems.append(f"the object {name} says {sighting.bytes} bytes; the payload has {found}")
        return problems

    def _bring_sighting(self, key: str) -> None:
        """Bring a manifest object that is whole; one that was cut is no JSON."""
        content = self.remote.read(f"{PREFIX}/{key}")
        sighting_of(content, self.remote.name(f"{PREFIX}/{key}"))
        write_bytes(self.root / key, content)

    # --- one object ---

    @property
    def _there(self) -> set[str]:
        """The names of the archive's objects in the store, as listed once and kept up since."""
        if self._listed is None:
            self._listed = {key.removeprefix(f"{PREFIX}/") for key in self.remote.list(PREFIX)}
        return self._listed

    def _key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _send(self, sighting: Sighting, frame: Callable[[], bytes]) -> None:
        """Put a payload into the store, then its sighting, so that no sighting there lacks its bytes."""
        self._send_payload(sighting.sha256, frame)
        self._send_sighting(sighting)

    def _send_payload(self, sha256: str, frame: Callable[[], bytes]) -> None:
        key = self._key(self.payload_path(sha256))
        if key in self._there:
            return
        data = frame()
        if not self.remote.create(f"{PREFIX}/{key}", data):
            # Another frame of the same bytes, as another version of the compressor makes it, or a damaged object.
            try:
                unpacked(self.remote.read(f"{PREFIX}/{key}"), sha256, key)
            except ArchiveError:
                self.remote.write(f"{PREFIX}/{key}", data)
        self._there.add(key)

    def _send_sighting(self, sighting: Sighting) -> None:
        folder = self.manifest_folder(sighting.source, sighting.dataset)
        for path in manifest_paths(folder, sighting):
            key = self._key(path)
            if key not in self._there and self.remote.create(f"{PREFIX}/{key}", manifest_text(sighting).encode()):
                self._there.add(key)
                return
            content = path.read_bytes() if path.is_file() else self.remote.read(f"{PREFIX}/{key}")
            standing = sighting_of(content, self.remote.name(f"{PREFIX}/{key}"))
            if (standing.sha256, standing.url) == (sighting.sha256, sighting.url):
                self._there.add(key)
                return
        raise ArchiveError(f"two sightings claim the object {self.remote.name(f'{PREFIX}/{key}')}")

    def _bring(self, sha256: str, *, again: bool = False) -> None:
        """Bring a payload from the store if it is not here, or once more."""
        path = self.payload_path(sha256)
        if path.is_file() and not again:
            return
        key = self._key(path)
        if key not in self._there:
            return  # the reader says that it is nowhere
        try:
            frame = self.remote.read(f"{PREFIX}/{key}")
        except FileNotFoundError:
            raise StoreError(f"the payload {self.remote.name(f'{PREFIX}/{key}')} was there and is lost") from None
        unpacked(frame, sha256, self.remote.name(f"{PREFIX}/{key}"))
        write_bytes(path, frame)
