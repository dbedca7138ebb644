"""Zip files from providers, read without trust in what they say of themselves.

A member is inflated under a cap, into memory or, where it is too large for that, piece by piece; the names inside a zip file
never become paths. Other archive formats do not belong here, nor does what a
member means.
"""

from __future__ import annotations

import fnmatch
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from undertow.errors import ParseError

__all__ = ["members", "members_of", "read_member", "stream_member"]

_GIB = 1024**3
_MIB = 1024**2
_MAX_MEMBERS = 10_000
_DIRECTORY_BYTES_PER_MEMBER = 2048  # a name and its extra fields; more is an attack on the memory of whoever reads it
_ENCRYPTED = 0x1
_DRIVE = re.compile(r"^[A-Za-z]:")


def members(payload: bytes, *, max_members: int = _MAX_MEMBERS) -> list[str]:
    """Return the names of the files in a zip file, in its order, folders left out.

    Raises:
        ParseError: the bytes are not a sound zip file, or an entry in it is unsafe.
    """
    with _opened(payload, max_members) as archive:
        return [entry.filename for entry in archive.infolist() if not entry.is_dir()]


def read_member(
    payload: bytes,
    name: str | None = None,
    *,
    pattern: str | re.Pattern[str] | None = None,
    max_bytes: int = _GIB,
    max_ratio: float = 200,
    max_members: int = _MAX_MEMBERS,
) -> bytes:
    """Return the bytes of one file in a zip file.

    Args:
        payload: the zip file.
        name: the member's exact name. Without a name and a pattern, the zip file must hold a single file.
        pattern: instead of a name, a shell pattern (``*.csv``, case does not matter) or a compiled regular expression
            that is searched in the name; it must fit one file.
        max_bytes: greatest inflated size.
        max_ratio: greatest inflated size over compressed size, for a member that inflates beyond 1 MiB.
        max_members: greatest number of entries.

    Raises:
        ParseError: the zip file is cut short or corrupt; an entry in it is unsafe (an absolute path, ``..``, a drive
            letter, a link, encryption); no member fits, or more than one; or the member breaks a cap.
    """
    if name is not None and pattern is not None:
        raise ValueError("give a member's name or a pattern, not both")
    with _opened(payload, max_members) as archive:
        entry = _chosen(archive, name, pattern)
        return b"".join(_inflated(archive, entry, max_bytes, max_ratio, len(payload)))


@contextmanager
def stream_member(
    payload: bytes | Path,
    name: str | None = None,
    *,
    pattern: str | re.Pattern[str] | None = None,
    max_bytes: int = _GIB,
    max_ratio: float = 200,
    max_members: int = _MAX_MEMBERS,
) -> Generator[Iterator[bytes]]:
    """Give one file in a zip file piece by piece, so that it is never in memory as a whole; arguments as of ``read_member``.

    That the size and the checksum are what the zip file says is known after the last piece only: who stops before has not
    checked them.

    Raises:
        ParseError: as ``read_member``, also while pieces are read.
    """
    whole = len(payload) if isinstance(payload, bytes) else payload.stat().st_size
    with _opened(payload, max_members) as archive:
        yield _inflated(archive, _chosen(archive, name, pattern), max_bytes, max_ratio, whole)


def members_of(payload: Path) -> dict[str, int]:
    """Return the files in a zip file on disk with the sizes it gives them, folders left out.

    Raises:
        ParseError: as in ``members``.
    """
    with _opened(payload, _MAX_MEMBERS) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist() if not entry.is_dir()}


@contextmanager
def _opened(payload: bytes | Path, max_members: int) -> Generator[zipfile.ZipFile]:
    """Open a zip file whose every entry is safe; whatever goes wrong with it inside the block becomes a ParseError."""
    try:
        _check_directory_size(payload if isinstance(payload, bytes) else _end(payload), max_members)
        with zipfile.ZipFile(io.BytesIO(payload) if isinstance(payload, bytes) else payload) as archive:
            entries = archive.infolist()
            if len(entries) > max_members:
                raise ParseError(f"the zip file has {len(entries)} entries, more than {max_members}")
            for entry in entries:
                _check_entry(entry)
            yield archive
    except ParseError:
        raise
    # What zipfile raises on hostile bytes: its own errors, and those of what it calls without guarding them.
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
        OverflowError,
        IndexError,
    ) as error:
        raise ParseError(f"the zip file is cut short or corrupt: {error}") from None


def _end(payload: Path) -> bytes:
    """Return the last bytes of a zip file, in which its table of contents is announced."""
    with payload.open("rb") as file:
        file.seek(max(0, payload.stat().st_size - (22 + 65_535)))
        return file.read()


def _check_directory_size(payload: bytes, max_members: int) -> None:
    """Refuse a table of contents that is too large before it is read."""
    position = payload.rfind(b"PK\x05\x06", -(22 + 65_535))
    if position >= 0 and len(payload) >= position + 22:
        (size,) = struct.unpack_from("<L", payload, position + 12)
        if 0xFFFFFFFF > size > max_members * _DIRECTORY_BYTES_PER_MEMBER:
            raise ParseError(f"the zip file has a table of contents of {size} bytes, too many for {max_members} files")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """Refuse an entry that would be dangerous to anyone who unpacks it."""
    name = entry.orig_filename
    path = name.replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/") or "\x00" in path:
        raise ParseError(f"the zip file has the unsafe entry {name[:80]!r}")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ParseError(f"the zip file has the entry {name[:80]!r}, which is a link or a device, not a file")
    if entry.flag_bits & _ENCRYPTED:
        raise ParseError(f"the zip file has the entry {name[:80]!r}, which is encrypted")


def _chosen(archive: zipfile.ZipFile, name: str | None, pattern: str | re.Pattern[str] | None) -> zipfile.ZipInfo:
    """Return the one entry that was asked for."""
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    if name is not None:
        wanted = f"the member {name!r}"
        fitting = [entry for entry in files if entry.filename == name]
    elif isinstance(pattern, str):
        wanted = f"a member like {pattern!r}"
        fitting = [entry for entry in files if fnmatch.fnmatchcase(entry.filename.lower(), pattern.lower())]
    elif pattern is not None:
        wanted = f"a member like {pattern.pattern!r}"
        fitting = [entry for entry in files if pattern.search(entry.filename)]
    else:
        wanted = "a single member"
        fitting = files
    if len(fitting) != 1:
        listed = ", ".join(entry.filename[:80] for entry in files[:5]) or "nothing"
        found = "none" if not fitting else str(len(fitting))
        raise ParseError(f"expected {wanted} in the zip file, found {found}; it holds {listed}")
    return fitting[0]


def _inflated(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, max_bytes: int, max_ratio: float, whole: int
) -> Iterator[bytes]:
    """Inflate one entry piece by piece, counting; zipfile checks its CRC at the end."""
    name = entry.filename[:80]
    # zipfile inflates bzip2 and LZMA without a bound on what one step gives, so a cap could not hold.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ParseError(f"the member {name!r} uses the compression {entry.compress_type}; only deflate is read")
    if entry.file_size > max_bytes:
        raise ParseError(f"the member {name!r} says it has {entry.file_size} bytes, more than {max_bytes}")
    compressed = max(1, min(entry.compress_size, whole))
    size = 0
    with archive.open(entry) as file:
        while chunk := file.read(_MIB):
            size += len(chunk)
            if size > max_bytes:
                raise ParseError(f"the member {name!r} inflates to more than {max_bytes} bytes")
            if size > _MIB and size / compressed > max_ratio:
                raise ParseError(
                    f"the member {name!r} inflates to more than {max_ratio:g} times its compressed size (a zip bomb?)"
                )
            yield chunk
    if size != entry.file_size:
        raise ParseError(f"the member {name!r} says it has {entry.file_size} bytes and has {size}")
