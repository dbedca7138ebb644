"""The archive: what providers answered, kept by content hash before anything reads it.

Layout under the archive's folder, fit for an object store (no file is ever edited)::

    payloads/<first two of the hash>/<sha256>.zst          the bytes, once however often they are seen
    manifest/<source>/<dataset>/<instant>-<hash>.json      one small file per sighting

A payload is written before its manifest file, so a kill at any moment leaves at most bytes that nothing mentions; the
next store of them finishes the work. Fetching and parsing do not belong here, and the archive never deletes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import zstandard

from undertow.atomic import is_temporary, write_bytes, write_text
from undertow.errors import ArchiveError, InstantError, UsageError
from undertow.instants import format_instant, parse_instant
from undertow.vocabulary import Origin

__all__ = [
    "REDACTED",
    "SHIPPED_URL",
    "Archive",
    "Sighting",
    "is_secret_name",
    "manifest_paths",
    "manifest_text",
    "packed",
    "redact",
    "sighting_of",
    "unpacked",
]

REDACTED = "REDACTED"
SHIPPED_URL = "undertow:"  # begins the address of a file that a room itself holds

_LEVEL = 6
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Too wide on purpose: a harmless `keyword=` that reads REDACTED costs nothing, a key in a manifest is for ever.
_SECRET_NAME = re.compile(
    r"key|token|secret|passw|pwd|user_?(id|name)|signature|credential|authorization|cookie|^(sig|auth)$", re.IGNORECASE
)
_CREDENTIALS = re.compile(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)[^/\\]*@")


@dataclass(frozen=True)
class Sighting:
    """One manifest row: these bytes were seen at this address at this instant."""

    source: str
    dataset: str
    url: str  # without secrets
    fetched_at: datetime  # aware, UTC
    sha256: str
    bytes: int
    origin: str
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    problem: str | None = None  # why the bytes are kept but not parsed
    note: str | None = None


def is_secret_name(name: str) -> bool:
    """Tell whether a query parameter or a header of this name holds a key, a token, a password or a user's identity."""
    return _SECRET_NAME.search(unquote_plus(name)) is not None


def redact(url: str) -> str:
    """Return an address without credentials, and with the values of secret query parameters replaced by ``REDACTED``.

    Never raises: what is not an address is read as one as far as it goes. Applying it twice changes nothing.

    Example:
        >>> redact("https://me:pw@api.example.org/data?api_key=abc&year=2025")
        'https://api.example.org/data?api_key=REDACTED&year=2025'
    """
    rest, hash_mark, fragment = url.partition("#")
    path, question_mark, query = rest.partition("?")
    path = _CREDENTIALS.sub(r"\1", path)
    return path + question_mark + _redact_query(query) + hash_mark + _redact_query(fragment)


def _redact_query(query: str) -> str:
    """Return a query string with secret values replaced; the order and the spelling of the rest stay."""
    parts = re.split(r"([&;])", query)
    for index in range(0, len(parts), 2):
        name, equals, value = parts[index].partition("=")
        # The value may itself be an address with a query, so a secret name inside it hides the whole value.
        if equals and (is_secret_name(name) or ("=" in unquote_plus(value) and is_secret_name(value))):
            parts[index] = f"{name}={REDACTED}"
    return "".join(parts)


class Archive:
    """The archive in one folder. Many may read it; one run at a time writes it (``undertow.lock``)."""

    def __init__(self, root: Path) -> None:
        """Name the folder; nothing is created before the first ``store``."""
        self.root = Path(root)
        self._read: dict[Path, tuple[tuple[int, int], Sighting]] = {}  # manifest files read, by size and time

    def store(
        self,
        payload: bytes,
        *,
        source: str,
        dataset: str,
        url: str,
        fetched_at: datetime,
        origin: str,
        http_status: int | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
        problem: str | None = None,
        note: str | None = None,
    ) -> tuple[Sighting, bool]:
        """Keep the bytes and write down that they were seen.

        The same bytes at another time add a sighting only. The same source, dataset, bytes, time and address again
        change nothing. A payload file that was damaged is written anew.

        Args:
            payload: the bytes as the provider sent them.
            source: the room's name.
            dataset: the dataset's name within the room.
            url: where the bytes came from; it is redacted before it is kept.
            fetched_at: when, naive meaning UTC.
            origin: one of ``undertow.vocabulary.Origin``.
            http_status: status of the answer, if there was one.
            etag: the answer's ETag.
            last_modified: the answer's Last-Modified.
            problem: why these bytes shall not be parsed.
            note: anything a reader should know.

        Returns:
            The sighting, and whether these bytes are new to this source and dataset.
        """
        sighting = Sighting(
            source=source,
            dataset=dataset,
            url=redact(url),
            fetched_at=parse_instant(fetched_at),
            sha256=hashlib.sha256(payload).hexdigest(),
            bytes=len(payload),
            origin=str(origin),
            http_status=http_status,
            etag=etag,
            last_modified=last_modified,
            problem=problem,
            note=note,
        )
        return self._keep(sighting, payload)

    def _keep(self, sighting: Sighting, payload: bytes) -> tuple[Sighting, bool]:
        """Keep the bytes, then their sighting; return it, and whether these bytes are new to its source and dataset."""
        folder, sha256 = self.manifest_folder(sighting.source, sighting.dataset), sighting.sha256
        known = self.holds(sha256) and any(
            seen.sha256 == sha256 for seen in self._sightings_in(folder, f"*-{sha256[:12]}*.json")
        )
        if not self._is_whole(sha256):
            write_bytes(self.payload_path(sha256), packed(payload))
        return self._write_sighting(folder, sighting), not known

    def holds(self, sha256: str) -> bool:
        """Tell whether the bytes of that hash are there to be read."""
        return self.payload_path(sha256).is_file()

    def record_unchanged(
        self,
        previous: Sighting,
        fetched_at: datetime,
        *,
        origin: str | None = None,
        http_status: int | None = 304,
        etag: str | None = None,
        last_modified: str | None = None,
        note: str | None = None,
    ) -> Sighting:
        """Write down that the provider said at ``fetched_at`` that its answer is still the previous one (HTTP 304).

        What is not given is taken from the previous sighting, except the note.

        Raises:
            ArchiveError: the archive no longer holds the bytes of the previous sighting.
        """
        if not self.holds(previous.sha256):
            raise ArchiveError(
                f"{previous.source}/{previous.dataset} is unchanged, but its bytes {previous.sha256} "
                f"are not in the archive {self.root}; fetch it again without its ETag"
            )
        sighting = replace(
            previous,
            url=redact(previous.url),
            fetched_at=parse_instant(fetched_at),
            origin=str(origin or previous.origin),
            http_status=http_status,
            etag=etag or previous.etag,
            last_modified=last_modified or previous.last_modified,
            note=note,
        )
        return self._write_sighting(self.manifest_folder(previous.source, previous.dataset), sighting)

    def read(self, sha256: str) -> bytes:
        """Return the bytes of that hash.

        Raises:
            ArchiveError: they are not in the archive, or what is stored does not give that hash.
        """
        path = self.payload_path(sha256)
        try:
            frame = path.read_bytes()
        except FileNotFoundError:
            raise ArchiveError(f"the archive {self.root} holds no payload {sha256}") from None
        return unpacked(frame, sha256, str(path))

    def copy_to(self, sha256: str, target: Path) -> None:
        """Write the bytes of that hash to a file, piece by piece: a payload may be larger than the memory that is free.

        Raises:
            ArchiveError: they are not in the archive, or what is stored does not give that hash; nothing is left at ``target``.
        """
        path = self.payload_path(sha256)
        digest = hashlib.sha256()
        try:
            with path.open("rb") as stored, target.open("wb") as file:
                for piece in zstandard.ZstdDecompressor().read_to_iter(stored):
                    digest.update(piece)
                    file.write(piece)
        except FileNotFoundError:
            raise ArchiveError(f"the archive {self.root} holds no payload {sha256}") from None
        except (zstandard.ZstdError, MemoryError) as error:
            target.unlink(missing_ok=True)
            raise ArchiveError(f"the payload {path} is torn or damaged: {error}") from None
        if digest.hexdigest() != sha256:
            target.unlink(missing_ok=True)
            raise ArchiveError(f"the payload {path} is torn or damaged: its bytes do not match their hash")

    def sightings(self, source: str | None = None, dataset: str | None = None) -> list[Sighting]:
        """Return the sightings, oldest first (by time, then hash), of one source or dataset or of all.

        Raises:
            ArchiveError: a manifest file cannot be read; the message names it.
        """
        found = [
            sighting for folder in self._manifest_folders(source, dataset) for sighting in self._sightings_in(folder, "*.json")
        ]
        return sorted(found, key=lambda sighting: (sighting.fetched_at, sighting.sha256, sighting.url))

    def first_sightings(self, source: str | None = None) -> list[Sighting]:
        """Return for each source, dataset and hash its earliest sighting without a problem, oldest first."""
        first: dict[tuple[str, str, str], Sighting] = {}
        for sighting in self.sightings(source):
            if sighting.problem is None:
                first.setdefault((sighting.source, sighting.dataset, sighting.sha256), sighting)
        return list(first.values())

    def sources(self) -> set[str]:
        """Return the sources of which something readable is here, without those that only have files of Undertow itself."""
        return {seen.source for seen in self.first_sightings() if not seen.url.startswith(SHIPPED_URL)}

    def holds_provider_data(self) -> bool:
        """Tell whether a provider's own answer is here, live or replayed; packaged files and generated samples do not count."""
        return any(
            seen.origin in (Origin.LIVE, Origin.REPLAY) and seen.problem is None
            for folder in self._manifest_folders(None, None)
            for seen in self._sightings_in(folder, "*.json")
        )

    def latest(self, source: str, dataset: str, url: str | None = None) -> Sighting | None:
        """Return the newest sighting without a problem, at that address if one is given; None if there is none.

        Sightings with a problem are passed over, so that an error page's ETag never confirms itself.
        """
        address = None if url is None else redact(url)
        for sighting in reversed(self.sightings(source, dataset)):
            if sighting.problem is None and address in (None, sighting.url):
                return sighting
        return None

    def verify(self) -> list[str]:
        """Read the whole archive and return what is wrong with it, one sentence each; an empty list is a clean bill.

        Every payload is decompressed and hashed; every manifest file must be readable, lie where its content says, and
        have its payload. Leftover temporary files and payloads that no sighting mentions are traces of a killed run,
        not damage.
        """
        problems: list[str] = []
        sizes: dict[str, int] = {}
        damaged: set[str] = set()
        for path in _files(self.root / "payloads"):
            sha256 = path.name.removesuffix(".zst")
            if not _SHA256.fullmatch(sha256) or path != self.payload_path(sha256):
                problems.append(f"{path} is not a payload of this archive")
                continue
            try:
                sizes[sha256] = len(self.read(sha256))
            except ArchiveError as error:
                damaged.add(sha256)
                problems.append(str(error))
        for path in _files(self.root / "manifest"):
            try:
                sighting = _load(path)
            except ArchiveError as error:
                problems.append(str(error))
                continue
            folder = self.root / "manifest" / sighting.source / sighting.dataset
            if path not in manifest_paths(folder, sighting):
                problems.append(f"the manifest file {path} does not lie where its content says")
            if sighting.sha256 in damaged:
                continue
            if sighting.sha256 not in sizes:
                if not self.holds(sighting.sha256):  # else it is kept elsewhere, and was not brought here yet
                    problems.append(f"the manifest file {path} names the payload {sighting.sha256}, which is missing")
            elif sizes[sighting.sha256] != sighting.bytes:
                problems.append(
                    f"the manifest file {path} says {sighting.bytes} bytes; the payload has {sizes[sighting.sha256]}"
                )
        return problems

    def payload_path(self, sha256: str) -> Path:
        """Return where the payload of that hash lies, whether or not it exists.

        Raises:
            ArchiveError: the text is not a SHA-256 in lower-case hexadecimal.
        """
        if not _SHA256.fullmatch(sha256):
            raise ArchiveError(f"{sha256[:80]!r} is not a SHA-256 hash")
        return self.root / "payloads" / sha256[:2] / f"{sha256}.zst"

    def _is_whole(self, sha256: str) -> bool:
        """Tell whether the payload is there and undamaged."""
        try:
            self.read(sha256)
        except ArchiveError:
            return False
        return True

    def manifest_folder(self, source: str, dataset: str) -> Path:
        """Return the folder of a dataset's manifest files."""
        for name in (source, dataset):
            if not _NAME.fullmatch(name):
                raise UsageError(f"{name[:80]!r} cannot name a source or a dataset: use letters, digits, _ - and .")
        return self.root / "manifest" / source / dataset

    def _manifest_folders(self, source: str | None, dataset: str | None) -> list[Path]:
        """Return the folders of the datasets asked for that exist."""
        return sorted(
            folder
            for folder in (self.root / "manifest").glob("*/*")
            if folder.is_dir() and source in (None, folder.parent.name) and dataset in (None, folder.name)
        )

    def _sightings_in(self, folder: Path, pattern: str) -> Iterator[Sighting]:
        """Yield the sightings of one folder; a file read before is read again only if it changed."""
        for path in folder.glob(pattern):
            if is_temporary(path):
                continue
            stat = path.stat()
            stamp = (stat.st_size, stat.st_mtime_ns)
            cached = self._read.get(path)
            if cached is None or cached[0] != stamp:
                cached = self._read[path] = (stamp, _load(path))
            yield cached[1]

    def _write_sighting(self, folder: Path, sighting: Sighting) -> Sighting:
        """Write a manifest file, unless one of the same time, bytes and address is there, and return what stands."""
        for path in manifest_paths(folder, sighting):
            if not path.exists():
                write_text(path, manifest_text(sighting))
                return sighting
            standing = _load(path)
            if (standing.sha256, standing.url) == (sighting.sha256, sighting.url):
                return standing
        raise ArchiveError(f"two sightings claim the manifest file {path}")


def packed(payload: bytes) -> bytes:
    """Return a payload as it is kept: one zstandard frame; the same bytes give the same frame."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True).compress(payload)


def unpacked(frame: bytes, sha256: str, where: str) -> bytes:
    """Return the payload in a frame.

    Raises:
        ArchiveError: the frame is torn, or what is in it does not give that hash; the message says ``where`` it lies.
    """
    try:
        # Not decompress(): it trusts the size in the header, and a damaged header may claim any size.
        payload = zstandard.ZstdDecompressor().decompressobj().decompress(frame)
    except (zstandard.ZstdError, MemoryError) as error:
        raise ArchiveError(f"the payload {where} is torn or damaged: {error}") from None
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise ArchiveError(f"the payload {where} is torn or damaged: its bytes do not match their hash")
    return payload


def manifest_text(sighting: Sighting) -> str:
    """Return the content of a sighting's manifest file."""
    return json.dumps({**asdict(sighting), "fetched_at": format_instant(sighting.fetched_at)}, indent=1) + "\n"


def manifest_paths(folder: Path, sighting: Sighting) -> tuple[Path, Path]:
    """Return a sighting's file, and the one it takes when another address gave the same bytes at the same instant."""
    name = f"{sighting.fetched_at:%Y%m%dT%H%M%S%f}Z-{sighting.sha256[:12]}"
    address = hashlib.sha256(f"{sighting.sha256} {sighting.url}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return folder / f"{name}.json", folder / f"{name}-{address}.json"


def _files(folder: Path) -> list[Path]:
    """Return the files under a folder, without leftovers of unfinished writes, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not is_temporary(path))


def _load(path: Path) -> Sighting:
    """Return the sighting in a manifest file."""
    return sighting_of(path.read_bytes(), str(path))


def sighting_of(content: bytes, where: str) -> Sighting:
    """Return the sighting that a manifest file says; a field that a later version added is passed over.

    Raises:
        ArchiveError: it cannot be read; the message says ``where`` it lies.
    """
    try:
        said: Any = json.loads(content.decode("utf-8"))
        known = {field.name: said[field.name] for field in fields(Sighting) if field.name in said}
        known["fetched_at"] = parse_instant(known["fetched_at"])
        return Sighting(**known)
    except (ValueError, TypeError, KeyError, InstantError) as error:
        raise ArchiveError(f"the manifest file {where} cannot be read: {type(error).__name__}: {error}") from None
