"""Objects in a store: whole reads and whole writes at any fsspec address, and writes that hold only under a condition.

Two conditions are all that publishing needs: ``create`` writes an object only where none is, ``replace`` only where it still is
the one that was read. Amazon S3 and the stores that speak its protocol check them themselves (``If-None-Match``, ``If-Match``);
on a local disk and in memory this module does. Whether a store really checks is tried once a process, on an object made for
that. Where it does not, both become a look before the write and one after it: a reader still sees whole builds only, but of two
writers at the very same moment one may go unnoticed. What the objects mean does not belong here.

Credentials come from the environment or a profile, as the store's own library finds them, and are never part of an address.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import filelock
import tenacity

from undertow.atomic import make_folder, write_bytes
from undertow.errors import StoreError, UsageError
from undertow.settings import ADDRESS

__all__ = ["MARK", "MARK_KEY", "Entry", "ObjectStore", "file_hash", "in_parallel"]

logger = logging.getLogger("undertow.objects")

_Answer = TypeVar("_Answer")
_Item = TypeVar("_Item")

MARK_KEY, MARK = "store.json", b'{"format": 1, "of": "undertow"}\n'
LONGEST_BACKOFF = 20.0  # seconds
PART = 32 * 2**20  # bytes; a file of two parts or more goes up in parts
_LOCAL = ("file", "local")
_PASSING = {errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EIO), errno.EIO, errno.ETIMEDOUT}
_CONFLICTS = {"PreconditionFailed", "412"}
_UNKNOWN = {"NotImplemented", "501", "InvalidArgument", "InvalidRequest"}  # to a store that knows no conditions
_MEMORY_LOCK = threading.Lock()


@dataclass(frozen=True)
class Entry:
    """An object that a listing named: its size in bytes, and when it was last written, UTC."""

    size: int
    modified: datetime


class _TornError(Exception):
    """What was read is not what was written there; it may have been cut on the way."""


class _RefusedError(Exception):
    """The condition of a write did not hold."""


class ObjectStore:
    """The objects under one address. Nothing is asked before the first call; threads may share it, processes may not.

    Every call is tried again where the failure may pass (status 429 or 5xx, a broken or slow connection, a cut answer),
    with growing pauses, and then fails with one sentence.
    """

    def __init__(self, url: str, *, retries: int = 5, timeout: float = 60.0, pause: float = 0.5) -> None:
        """Open a store.

        Args:
            url: an fsspec address such as ``s3://bucket/prefix``.
            retries: how often a call is tried again.
            timeout: seconds until an unanswered request counts as failed, where the library of the store takes a limit.
            pause: seconds; the first pause before a retry is at most this long, a later one at most twice the one before.

        Raises:
            UsageError: it is no address, it holds a user, password or query, or the library for its protocol is not installed.
        """
        if not ADDRESS.fullmatch(url):
            raise UsageError(
                "the address of an object store is a protocol and a path such as s3://bucket/prefix, without user, password "
                "or query; credentials come from the environment"
            )
        self.url = url.rstrip("/")
        self._retries, self._pause = retries, pause
        self._fs = _file_system(self.url, timeout)
        self._root = self._fs._strip_protocol(self.url).rstrip("/")
        protocols = self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,)
        self._is_local = any(protocol in _LOCAL for protocol in protocols)
        self._speaks_s3 = "s3" in protocols
        self._is_memory = "memory" in protocols
        self._checks: bool | None = None

    def __repr__(self) -> str:
        return f"ObjectStore({self.url!r})"

    # --- reading ---

    def read(self, key: str, *, sha256: str | None = None) -> bytes:
        """Return an object.

        Args:
            key: its name within the store.
            sha256: what it must hash to, if that is known.

        Raises:
            FileNotFoundError: there is no such object.
            StoreError: the store does not answer, or what it gives does not have that hash.
        """

        def once() -> bytes:
            data = self._fs.cat_file(self._path(key), **({"max_concurrency": 1} if self._speaks_s3 else {}))
            if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
                raise _TornError(f"the object {self.name(key)} is damaged: its bytes do not match their hash")
            return data

        return self._try(once, f"reading {self.name(key)}")

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        """Return an object with the tag that ``replace`` wants, or None where there is none.

        The tag is read first: were the object replaced in between, the tag would be the older one's and ``replace`` refuse.
        """
        return self._try(lambda: self._standing(key), f"reading {self.name(key)}")

    def download(self, key: str, target: Path, *, sha256: str, size: int) -> None:
        """Bring an object to a file that is whole or absent.

        Raises:
            FileNotFoundError: there is no such object.
            StoreError: the store does not answer, or what it gives does not have that hash and size.
            OSError: the file cannot be written.
        """
        make_folder(target.parent)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident() & 0xFFFFFFFF:08x}.tmp")

        def once() -> None:
            self._fs.get_file(self._path(key), str(temporary))
            found = temporary.stat().st_size
            if found != size:
                raise _TornError(f"the object {self.name(key)} is damaged: {found} bytes came, and it has {size}")
            if file_hash(temporary) != sha256:
                raise _TornError(f"the object {self.name(key)} is damaged: its bytes do not match their hash")

        try:
            self._try(once, f"reading {self.name(key)}")
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def list(self, prefix: str = "") -> dict[str, Entry]:
        """Return the objects whose names begin with a folder, by their names within the store."""

        def once() -> dict[str, Entry]:
            place = self._path(prefix).rstrip("/")
            found: Mapping[str, Mapping[str, Any]] = self._fs.find(place, detail=True)
            root = self._root + "/"
            return {
                path[len(root) :]: Entry(int(info.get("size") or 0), _modified(info))
                for path, info in found.items()
                if path.startswith(root) and not path.rpartition("/")[2].startswith(".")
            }

        return self._try(once, f"listing {self.name(prefix)}")

    # --- writing ---

    def write(self, key: str, data: bytes) -> None:
        """Write an object, whatever was there; a reader meets the old one or the new one.

        Raises:
            StoreError: the store refuses or does not answer.
        """
        self._try(lambda: self._put(key, data), f"writing {self.name(key)}")

    def upload(self, path: Path, key: str) -> None:
        """Write a file as an object, in parts where it is large; the object appears whole."""

        def once() -> None:
            if self._is_local:
                self._put(key, path.read_bytes())
            else:
                self._fs.put_file(str(path), self._path(key), **({"chunksize": PART} if self._speaks_s3 else {}))

        self._try(once, f"writing {self.name(key)}")

    def create(self, key: str, data: bytes) -> bool:
        """Write an object where none is, and tell whether ours stands there now; False means that another one does.

        The same bytes count as ours, so that a write whose answer was lost can be tried again.
        """
        return self._conditional(key, data, None)

    def replace(self, key: str, data: bytes, tag: str) -> bool:
        """Write an object where the one of ``read_tagged`` still is, and tell whether ours stands there now."""
        return self._conditional(key, data, tag)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there any more is no error."""
        paths = [self._path(key) for key in keys]

        def once() -> None:
            if self._speaks_s3:
                self._fs.rm(paths)
                return
            for path in paths:
                with suppress(FileNotFoundError):
                    self._fs.rm_file(path)

        if paths:
            self._try(once, f"removing objects of {self.url}")

    @property
    def checks_conditions(self) -> bool:
        """Tell whether a write whose condition does not hold is refused; it is tried on the object ``store.json``."""
        if self._checks is None:
            self._checks = not self._speaks_s3 and (self._is_local or self._is_memory)
            if self._speaks_s3:
                self._checks = self._try(self._probe, f"writing {self.name(MARK_KEY)}")
            if not self._checks:
                logger.warning("%s does not check the conditions of writes; let one machine write it at a time", self.url)
        return self._checks

    def name(self, key: str) -> str:
        """Return the address of an object, for messages."""
        return f"{self.url}/{key}" if key else self.url

    # --- how ---

    def _probe(self) -> bool:
        """Write over the mark under conditions that do not hold; its bytes never change, so nothing is lost."""
        for number, tag in enumerate((None, None, '"00000000000000000000000000000000"')):
            try:
                self._put_if(MARK_KEY, MARK, tag)
            except _RefusedError:
                continue
            except OSError as error:
                if _code(error) in _UNKNOWN:
                    return False
                raise
            if number > 0:  # the first write may have made it
                return False
        return True

    def _conditional(self, key: str, data: bytes, tag: str | None) -> bool:
        is_checked = self.checks_conditions

        def once() -> bool:
            try:
                if self._speaks_s3 and is_checked:
                    self._put_if(key, data, tag)
                else:
                    with self._alone():
                        self._compare_and_put(key, data, tag)
                if is_checked:
                    return True
            except _RefusedError:
                pass
            # Refused, or nobody checked: ours stands if what is there now is what we wrote (a lost answer, then a retry).
            standing = self._standing(key)
            return standing is not None and standing[0] == data

        return self._try(once, f"writing {self.name(key)}")

    def _alone(self) -> AbstractContextManager[Any]:
        """Keep other writers out for a moment, where we are the ones to check conditions."""
        if self._is_local:
            return filelock.FileLock(_local_lock(self._root))
        return _MEMORY_LOCK if self._is_memory else nullcontext()

    def _standing(self, key: str) -> tuple[bytes, str] | None:
        """Return an object and its tag, tried once."""
        try:
            if not self._speaks_s3:
                data = self._fs.cat_file(self._path(key))
                return data, hashlib.sha256(data).hexdigest()
            tag = self._fs.info(self._path(key), refresh=True)["ETag"]
            return self._fs.cat_file(self._path(key), max_concurrency=1), tag
        except FileNotFoundError:
            return None

    def _put_if(self, key: str, data: bytes, tag: str | None) -> None:
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            self._fs.pipe_file(self._path(key), data, chunksize=5 * 2**30, **condition)
        except FileNotFoundError:
            if tag is None:
                raise
            raise _RefusedError from None  # it was there when its tag was read
        except OSError as error:
            if _code(error) in _CONFLICTS:
                raise _RefusedError from None
            raise

    def _compare_and_put(self, key: str, data: bytes, tag: str | None) -> None:
        standing = self._standing(key)
        if (None if standing is None else standing[1]) != tag:
            raise _RefusedError
        self._put(key, data)

    def _put(self, key: str, data: bytes) -> None:
        if self._is_local:
            write_bytes(Path(self._path(key)), data)
        else:
            self._fs.pipe_file(self._path(key), data)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root

    def _try(self, call: Callable[[], _Answer], what: str) -> _Answer:
        """Call until it answers, or fails for good; a failure is one sentence."""
        tries = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._retries + 1),
            wait=tenacity.wait_random_exponential(multiplier=self._pause, max=LONGEST_BACKOFF),
            retry=tenacity.retry_if_exception(_may_pass),
            before_sleep=lambda state: logger.info("%s: %s; once more", what, state.outcome and state.outcome.exception()),
            reraise=True,
        )
        try:
            return tries(call)
        except StoreError:
            raise
        except FileNotFoundError as error:
            if what.startswith("reading"):
                raise
            raise StoreError(f"{what} failed: {_reason(error)}") from error
        except _TornError as error:
            raise StoreError(str(error)) from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
                raise  # this machine's disk, not the store
            count = f" after {self._retries + 1} tries" if _may_pass(error) and self._retries else ""
            raise StoreError(f"{what} failed{count}: {_reason(error)}") from error


def in_parallel(call: Callable[[_Item], _Answer], items: Iterable[_Item], threads: int) -> list[_Answer]:
    """Return what a call answers for each item, a few at a time; after the first failure no further one is begun."""
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(call, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_system(url: str, timeout: float) -> Any:
    """Return the fsspec file system of an address, without caches of listings and with our own retries only."""
    try:
        import fsspec
    except ImportError:
        raise UsageError("an object store needs the package fsspec: install undertow[s3]") from None
    protocol = url.partition("://")[0]
    options: dict[str, Any] = {}
    if protocol in ("s3", "s3a"):
        limits = {"connect_timeout": min(timeout, 10.0), "read_timeout": timeout, "retries": {"total_max_attempts": 1}}
        options = {"use_listings_cache": False, "skip_instance_cache": True, "config_kwargs": limits}
    try:
        system = fsspec.filesystem(protocol, **options)
    except ImportError as error:
        raise UsageError(f"the object store {url} needs another package: {error}; for s3 install undertow[s3]") from None
    except ValueError as error:
        raise UsageError(f"the object store {url} cannot be opened: {error}") from None
    if options:
        system.retries = 1
    return system


def _local_lock(root: str) -> Path:
    """Return the lock of a store on a local disk; its name begins with a dot, so that no listing shows it."""
    path = Path(root) / ".lock"
    make_folder(path.parent)
    return path


def _modified(info: Mapping[str, Any]) -> datetime:
    """Return when an object was last written, from what its file system says."""
    found: Any = next(
        (info[name] for name in ("LastModified", "last_modified", "updated", "mtime", "created") if info.get(name)), None
    )
    if isinstance(found, str):
        found = datetime.fromisoformat(found)
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(found), UTC) if found is not None else datetime.now(UTC)


def _answers(error: BaseException | None) -> Iterable[BaseException]:
    """Yield an error and what it was made from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _code(error: BaseException) -> str:
    """Return the code that an S3 store answered with, or an empty text."""
    for one in _answers(error):
        response = getattr(one, "response", None)
        if isinstance(response, Mapping):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that an S3 store answered with."""
    for one in _answers(error):
        response = getattr(one, "response", None)
        if isinstance(response, Mapping):
            return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return None


def _may_pass(error: BaseException) -> bool:
    """Tell whether the same call may succeed a moment later."""
    if isinstance(error, _TornError):
        return True
    if isinstance(error, (FileNotFoundError, FileExistsError, PermissionError, StoreError, UsageError)):
        return False
    status = _status(error)
    if status is not None:
        # 409: another conditional write of the object goes on at this moment.
        return status in (408, 409, 429) or (status >= 500 and status != 501) or _code(error) in ("SlowDown", "RequestTimeout")
    for one in _answers(error):
        if isinstance(one, (TimeoutError, ConnectionError)):
            return True
        if type(one).__module__.partition(".")[0] in ("aiohttp", "urllib3", "http") or type(one).__name__ in _BROKEN:
            return True
    return isinstance(error, OSError) and error.errno in _PASSING


# Errors of botocore that mean the way to the store and not the request; it is not imported here, being an extra.
_BROKEN = {
    "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError", "EndpointConnectionError", "FSTimeoutError",
    "HTTPClientError", "IncompleteReadError", "ReadTimeoutError", "ResponseStreamingError", "ResponseParserError",
    "FlexibleChecksumError",
}  # fmt: skip


def _reason(error: BaseException) -> str:
    """Return why a call failed in one line: the store's own words, where it gave some."""
    code, status = _code(error), _status(error)
    words = re.sub(r"^\[Errno \d+\] ", "", " ".join(str(error).split()))[:300] or type(error).__name__
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"):
        return f"{words}; credentials come from the environment or a profile (AWS_PROFILE)"
    if status is not None:
        return f"the store answered {status} {code}: {words}"
    return words
