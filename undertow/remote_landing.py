"""The landing in an object store: files by their content, and one list that says which of them the landing is.

``landing/objects/<first two>/<sha256>`` hold the files and ``landing/list.json`` their names; small marks stand in the list
itself. The list moves in one conditional write, after everything that it names is there, so whoever reads it can have the whole
landing. A home remembers which list its landing grew from. Where the store has moved on since, the store's landing is taken and
what this home had landed beside it is landed again from the archive, which loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from undertow.atomic import write_bytes, write_text
from undertow.errors import StoreError
from undertow.objects import ObjectStore, file_hash, in_parallel
from undertow.settings import Home

__all__ = ["LIST_KEY", "OBJECTS", "RemoteLanding", "named_objects", "object_key"]

logger = logging.getLogger("undertow.remote")

LIST_KEY, OBJECTS = "landing/list.json", "landing/objects"
INLINE = 2_000  # bytes; a text file up to this size stands in the list and needs no object
THREADS = 8

_Files = dict[str, dict[str, Any]]  # name -> sha256, bytes, and for small ones the text


class RemoteLanding:
    """The landing of one home and of one store; the home's lock is held."""

    def __init__(self, home: Home, remote: ObjectStore) -> None:
        self.home = home
        self.remote = remote
        self._memory = home.store / "landing.json"

    def take_over(self, listener: Callable[[str], None] | None = None) -> tuple[int, int]:
        """Make the home's landing that of the store, if the store's is not the one that it grew from.

        Returns:
            How many files were brought, and how many removed.

        Raises:
            StoreError: the store does not answer, or an object of the landing is lost or damaged.
        """
        content = self._list()
        if content is None:
            return 0, 0
        based_on = hashlib.sha256(content).hexdigest()
        if self._remembered().get("based_on") == based_on:
            return 0, 0
        theirs, ours = self._files_of(content), self._files()
        wanted = sorted(name for name, file in theirs.items() if ours.get(name, {}).get("sha256") != file["sha256"])
        if listener and wanted:
            listener(f"bringing {len(wanted):,} landed files")
        in_parallel(lambda name: self._bring(name, theirs[name]), wanted, THREADS)
        surplus = sorted(ours.keys() - theirs.keys())
        for name in surplus:
            (self.home.landing / name).unlink()
        self._remember(based_on, theirs)
        return len(wanted), len(surplus)

    def send(self, listener: Callable[[str], None] | None = None, *, mend: bool = False) -> int:
        """Put what is landed here into the store, then the list of it; return how many objects were sent.

        Args:
            listener: told what is going on.
            mend: do not believe the list in the store, but look which objects are there in their size, and send the others.

        Raises:
            StoreError: the store refuses or does not answer, or its landing moved on since ``take_over``.
        """
        files = self._files()
        content = json.dumps({"format": 1, "files": files}, sort_keys=True, separators=(",", ":")).encode()
        standing = self.remote.read_tagged(LIST_KEY)
        if standing is not None and standing[0] == content and not mend:
            self._remember(hashlib.sha256(content).hexdigest(), files)
            return 0
        base = self._remembered().get("based_on")
        if standing is None and base is not None:
            logger.warning("%s is lost; it is made again from this home", self.remote.name(LIST_KEY))
        if standing is not None and hashlib.sha256(standing[0]).hexdigest() != base and standing[0] != content:
            raise StoreError(self._moved())
        there = named_objects(self._files_of(standing[0])) if standing is not None else set()
        if mend:
            sizes = {key.rpartition("/")[2]: entry.size for key, entry in self.remote.list(OBJECTS).items()}
            there = {file["sha256"] for file in files.values() if sizes.get(file["sha256"]) == file["bytes"]}
        unsent = {file["sha256"]: name for name, file in files.items() if "text" not in file and file["sha256"] not in there}
        if listener and unsent:
            listener(f"sending {len(unsent):,} landed files")
        landing = self.home.landing
        in_parallel(lambda item: self.remote.upload(landing / item[1], object_key(item[0])), unsent.items(), THREADS)
        if standing is None:
            has_moved = not self.remote.create(LIST_KEY, content)
        else:
            has_moved = not self.remote.replace(LIST_KEY, content, standing[1])
        if has_moved:
            raise StoreError(self._moved())
        self._remember(hashlib.sha256(content).hexdigest(), files)
        return len(unsent)

    def problems(self) -> list[str]:
        """Read all of the landing in the store and return what is wrong with it, one sentence each."""
        content = self._list()
        if content is None:
            return []
        found = []
        for sha256 in sorted(named_objects(self._files_of(content))):
            try:
                self.remote.read(object_key(sha256), sha256=sha256)
            except FileNotFoundError:
                found.append(f"the object {self.remote.name(object_key(sha256))} of the landing is lost")
            except StoreError as error:
                found.append(str(error))
        return found

    def names(self) -> _Files | None:
        """Return the files of the store's landing, or None where the store has none."""
        content = self._list()
        return None if content is None else self._files_of(content)

    def _moved(self) -> str:
        return (
            f"the landing in {self.remote.url} moved on since this run began: another machine writes there; "
            "nothing of it is lost, run again"
        )

    def _list(self) -> bytes | None:
        try:
            return self.remote.read(LIST_KEY)
        except FileNotFoundError:
            return None

    def _files_of(self, content: bytes) -> _Files:
        """Return the files that a list names; a name that leads out of the landing is refused."""
        try:
            files = json.loads(content)["files"]
            for name, file in files.items():
                path = PurePosixPath(name)
                if path.is_absolute() or ".." in path.parts or not isinstance(file["sha256"], str):
                    raise ValueError(f"it names {name!r}")
                _ = file["bytes"] + 0
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            name = self.remote.name(LIST_KEY)
            raise StoreError(f"the object {name} is damaged: {type(error).__name__}: {error}") from None
        return files

    def _bring(self, name: str, file: Mapping[str, Any]) -> None:
        target = self.home.landing / name
        if "text" in file:
            content = file["text"].encode()
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise StoreError(f"the object {self.remote.name(LIST_KEY)} is damaged: what it says of {name} has another hash")
            write_bytes(target, content)
            return
        key = object_key(file["sha256"])
        try:
            self.remote.download(key, target, sha256=file["sha256"], size=file["bytes"])
        except FileNotFoundError:
            raise StoreError(f"the object {self.remote.name(key)} of the landing ({name}) is lost") from None

    def _files(self) -> _Files:
        """Return the files of the home's landing; one that did not change since it was last hashed is not hashed again."""
        known = self._remembered().get("files", {})
        found: _Files = {}
        for path in sorted(self.home.landing.rglob("*")):
            name = path.relative_to(self.home.landing)
            if not path.is_file() or any(part.startswith(".") for part in name.parts):
                continue
            stat = path.stat()
            stamp = [stat.st_size, stat.st_mtime_ns]
            sha256 = known[str(name)][2] if known.get(str(name), [])[:2] == stamp else file_hash(path)
            found[name.as_posix()] = {"sha256": sha256, "bytes": stat.st_size}
            if path.suffix != ".parquet" and stat.st_size <= INLINE:
                found[name.as_posix()]["text"] = path.read_text(encoding="utf-8")
        return found

    def _remembered(self) -> dict[str, Any]:
        """Return what this home knows of its landing in this store."""
        try:
            memory = json.loads(self._memory.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return memory if memory.get("url") == self.remote.url else {}

    def _remember(self, based_on: str, files: _Files) -> None:
        """Keep in mind that the home's landing is now that of a list, and what its files hash to."""
        known = {}
        for name, file in files.items():
            stat = (self.home.landing / name).stat()
            known[name] = [stat.st_size, stat.st_mtime_ns, file["sha256"]]
        memory = {"url": self.remote.url, "based_on": based_on, "files": known}
        write_text(self._memory, json.dumps(memory, indent=1) + "\n")


def object_key(sha256: str) -> str:
    """Return the name of the object that holds a landed file."""
    return f"{OBJECTS}/{sha256[:2]}/{sha256}"


def named_objects(files: _Files) -> set[str]:
    """Return the hashes of the files that have objects of their own."""
    return {file["sha256"] for file in files.values() if "text" not in file}
