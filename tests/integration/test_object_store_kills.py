"""Publishing to a real S3-compatible server on loopback, under a reader, with the writer killed after every request it makes.

The writer is a process of its own. When the server has carried out its n-th request it kills the writer, which never hears the
answer; then the writer runs again, to its end, and the next round kills one request later. Builds are small and made by hand, all
else is what a run does: take over, archive, land, publish, tidy.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.integration.commands import FORKS
from tests.integration.object_reader import look_at_store, reading_store
from tests.provider.made_builds import make_build
from tests.provider.object_store import Asked, ObjectServer, object_server
from undertow.archive import unpacked
from undertow.atomic import write_bytes, write_text
from undertow.errors import StoreError
from undertow.objects import ObjectStore
from undertow.publish import current_build, prune, publish
from undertow.remote import RemoteHome
from undertow.remote_archive import RemoteArchive
from undertow.remote_builds import Publisher, RemoteBuilds
from undertow.settings import Home

KEPT = 2
GRACE = timedelta(seconds=20)  # the reader is done with a build long before
OVERTAKEN = 3  # exit code of a writer that another one was faster than
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with object_server() as server:
        yield server


@cache
def opened(url: str) -> ObjectStore:
    return ObjectStore(url, retries=2, pause=0.05, timeout=10)


def remote_at(root: Path, url: str) -> RemoteHome:
    """Return a home in a store, knowing nothing of either yet."""
    home, store = Home(root).ensure(), opened(url)
    return RemoteHome(home, store, RemoteArchive(home.archive, store), GRACE, KEPT)


def payload(number: int) -> bytes:
    return f"payload {number}\n".encode() * 50


def write(root: str, url: str, number: int) -> None:
    """Do what a run does: its build has been made, and stands in the home."""
    remote = remote_at(Path(root), url)
    remote.take_over()
    remote.archive.store(
        payload(number),
        source="ecb",
        dataset="hist",
        url="https://ecb",
        fetched_at=START + timedelta(hours=number),
        origin="live",
    )
    write_bytes(remote.home.landing / f"ecb/observation/hist-{number}.parquet", payload(number) * 10)
    write_text(remote.home.landing / f"ecb/landed/hist-{number}.json", json.dumps({"number": number}) + "\n")
    remote.begin()
    publish(
        remote.home, Path("not needed"), code_version="1", fingerprint=f"made {number}", inputs=[], mode="file",
        elsewhere=Publisher(remote.builds),
    )  # fmt: skip
    prune(remote.home, KEPT)
    remote.tidy()


def run_writer(server: ObjectServer, root: Path, url: str, number: int, kill_after: int | None = None) -> int:
    """Run the writer, and kill it when so many requests of its own are carried out; return its exit code."""
    process = FORKS.Process(target=_in_environment, args=(server.environment("writer"), str(root), url, number))
    mine = 0

    def after(asked: Asked) -> None:
        nonlocal mine
        mine += asked.who == "writer"
        if asked.who == "writer" and mine == kill_after:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            until = monotonic() + 5
            with suppress(ProcessLookupError):
                while monotonic() < until:  # no answer, and no further request, before it is gone
                    os.kill(process.pid, 0)
                    sleep(0.002)

    server.after = after
    process.start()
    process.join(240)
    server.after = lambda _: None
    assert process.exitcode is not None
    return process.exitcode


def _in_environment(environment: dict[str, str], root: str, url: str, number: int) -> None:
    os.environ.update(environment)
    try:
        write(root, url, number)
    except StoreError as error:
        print(error)
        raise SystemExit(OVERTAKEN) from None


def nothing_is_torn(root: Path, url: str, *, until: int) -> None:
    """Archive and landing in the store are whole, and hold what each finished run brought."""
    remote = remote_at(root, url)
    assert remote.archive.problems_in_store() == []
    assert remote.landing.problems() == []
    for number in range(until + 1):
        frame = server_payload(remote, number)
        assert unpacked(frame, hashlib.sha256(payload(number)).hexdigest(), "there") == payload(number)
    names = remote.landing.names()
    assert names is not None
    assert {f"ecb/observation/hist-{number}.parquet" for number in range(until + 1)} <= set(names)


def server_payload(remote: RemoteHome, number: int) -> bytes:
    sha256 = hashlib.sha256(payload(number)).hexdigest()
    return remote.remote.read(f"archive/payloads/{sha256[:2]}/{sha256}.zst")


def test_a_writer_killed_after_every_request(server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment("reader").items():
        monkeypatch.setenv(name, value)
    url, root = server.url("team"), tmp_path / "home0"
    ids = [make_build(Home(root).ensure().published, 0).build_id]
    assert run_writer(server, root, url, 0) == 0
    wheres: list[str] = []
    with reading_store(url, tmp_path / "cache", 0.4) as polls:
        for number in range(1, 100):
            ids.append(make_build(Home(root).published, number).build_id)
            server.asked.clear()
            code = run_writer(server, root, url, number, kill_after=number)
            if code == 0:
                break
            assert code == -signal.SIGKILL
            wheres.append(str([asked for asked in server.asked if asked.who == "writer"][number - 1]))
            look = look_at_store(url, tmp_path / f"own{number % 2}")
            assert look["problems"] == [], wheres[-1]
            assert look["build"] in ids[-2:], wheres[-1]
            assert current_build(Home(root)).build_id in ids[-2:]
            nothing_is_torn(root, url, until=number - 1)
            if number % 3 == 0:  # the machine is lost with its disk: another one, with an empty disk, goes on
                root = tmp_path / f"home{number}"
                make_build(Home(root).ensure().published, number)
            assert run_writer(server, root, url, number) == 0, wheres[-1]
            pointer = RemoteBuilds(opened(url)).pointer()
            assert pointer is not None
            assert pointer.build_id == ids[-1] == current_build(Home(root)).build_id
        polls.wait_for(len(polls.seen) + 2)
        nothing_is_torn(root, url, until=number)
    print(f"killed after {len(wheres)} requests: {wheres}")
    assert len(wheres) > 20
    assert any("current.json if-match" in where for where in wheres)
    assert any("list.json if-match" in where for where in wheres)
    assert any("objects.json" in where for where in wheres)
    assert any("payloads" in where for where in wheres)
    assert polls.problems() == []
    seen = polls.builds("store")
    assert seen == sorted(seen)  # never back to an older one
    assert set(seen) <= set(ids)
    assert len(seen) > len(ids) / 2
    assert seen[-1] == ids[-1]


@pytest.mark.parametrize("is_same", [True, False], ids=["the same", "different things"])
def test_two_schedulers_publish_nothing_twice(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_same: bool
) -> None:
    """Two machines run at the same time, each with its own disk and lock; what both made of the same is published once."""
    for name, value in server.environment("reader").items():
        monkeypatch.setenv(name, value)
    url, roots = server.url(f"race-{is_same}"), [tmp_path / "one", tmp_path / "two"]
    builds = RemoteBuilds(ObjectStore(url, pause=0.05))
    overtaken = 0
    published: list[str] = []
    for turn in range(5):
        numbers = [2 * turn, 2 * turn] if is_same else [2 * turn, 2 * turn + 1]
        for place, (root, number) in enumerate(zip(roots, numbers, strict=True)):
            make_build(Home(root).ensure().published, 100 * place + number, fingerprint=f"made {number}")
        before = builds.pointer()
        processes = [
            FORKS.Process(target=_in_environment, args=(server.environment("writer"), str(root), url, number))
            for root, number in zip(roots, numbers, strict=True)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(240)
        codes = [process.exitcode for process in processes]
        assert set(codes) <= {0, OVERTAKEN}
        assert 0 in codes
        overtaken += codes.count(OVERTAKEN)
        pointer = builds.pointer()
        assert pointer is not None
        assert pointer.fingerprint in {f"made {number}" for number, code in zip(numbers, codes, strict=True) if code == 0}
        for root, number, code in zip(roots, numbers, codes, strict=True):
            if code == OVERTAKEN:  # it publishes on the next run, if there is still something to publish
                assert run_writer(server, root, url, number) == 0
        after = builds.pointer()
        assert after is not None
        if is_same:
            assert after == pointer
            moves = set(after.recent) - set(before.recent if before else {})
            assert moves == ({before.build_id} if before else set())  # the pointer moved once
            assert {current_build(Home(root)).build_id for root in roots} == {after.build_id}
        published.append(after.build_id)
        nothing_is_torn(roots[0], url, until=-1)
    print(f"{overtaken} runs were overtaken")
    assert len(set(published)) == len(published)
