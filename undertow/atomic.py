"""Files that are whole or absent: every write goes through a temporary file in the same folder and one rename.

A temporary file's name begins with a dot; a reader that meets one ignores it. What is written, and
where, is the caller's business.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

__all__ = ["adopt", "is_temporary", "make_folder", "remove_leftovers", "replace_link", "write_bytes", "write_text"]

_LEFTOVER = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.tmp")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that it is whole or absent, also after a power cut. Missing folders are made.

    An existing file is replaced; a reader that has it open goes on reading the old one.
    """
    make_folder(path.parent)
    temporary = _temporary(path)
    try:
        # Not tempfile: its files are readable by their owner only, and readers of a build may be other users.
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def adopt(file: Path, path: Path) -> None:
    """Give a finished file its name, whole or not at all; it must lie in the same file system."""
    make_folder(path.parent)
    with file.open("rb") as handle:
        os.fsync(handle.fileno())
    file.replace(path)
    _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file as ``write_bytes`` does, line ends as they are."""
    write_bytes(path, text.encode("utf-8"))


def replace_link(link: Path, target: Path | str) -> None:
    """Point a symbolic link at another target in one step: a reader sees the old target or the new one.

    Args:
        link: the link; it is made when it is absent, and a real folder at its place is an error (IsADirectoryError).
        target: where it shall point; a relative target is relative to the link's folder.
    """
    make_folder(link.parent)
    temporary = _temporary(link)
    try:
        temporary.symlink_to(target)
        temporary.replace(link)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(link.parent)


def is_temporary(path: Path) -> bool:
    """Tell whether a file is a leftover of a write that did not finish."""
    return path.name.startswith(".")


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove the temporary files that killed writers left under a folder; nobody may be writing there."""
    found = [path for path in folder.rglob(".*.tmp") if _LEFTOVER.fullmatch(path.name)]
    for path in found:
        path.unlink(missing_ok=True)
    return found


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder with its parents, and make their names durable. ``mode`` is of those that are made, less the umask."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    folder.mkdir(mode=mode, exist_ok=True)
    _sync_folder(folder.parent)


def _temporary(path: Path) -> Path:
    """Return the name of a temporary file beside ``path`` that no other writer uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
