"""Objects in a store: conditions, faults and damage, against a real S3-compatible server on loopback, a disk and memory."""

from __future__ import annotations

import hashlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.provider.object_store import Asked, Fault, ObjectServer, object_server
from undertow import objects
from undertow.errors import StoreError, UsageError
from undertow.objects import MARK_KEY, ObjectStore
from undertow.settings import Settings

SHA = hashlib.sha256(b"as it was").hexdigest()


@pytest.fixture(scope="module")
def running() -> Iterator[ObjectServer]:
    with object_server() as server:
        yield server


@pytest.fixture
def server(running: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    running.forget()
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture(params=["s3", "file", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ObjectStore]:
    """A function that opens one and the same store, each time as if in another process."""
    if request.param == "s3":
        url = request.getfixturevalue("server").url(tmp_path.name)
    else:
        url = f"file://{tmp_path}/store" if request.param == "file" else f"memory://{tmp_path.name}"
    return lambda: ObjectStore(url, retries=2, pause=0.01, timeout=5)


@pytest.fixture(scope="module")
def opened(running: ObjectServer) -> ObjectStore:
    return ObjectStore(running.url("shared"), retries=2, pause=0.01, timeout=10)


@pytest.fixture
def s3(opened: ObjectStore, server: ObjectServer) -> ObjectStore:
    """One store for many tests, with one object in it: opening one takes longer than most tests."""
    opened.remove(opened.list())
    opened.write("a/there", b"as it was")
    assert opened.checks_conditions
    server.forget()
    return opened


def test_conditions_hold(make: Callable[[], ObjectStore]) -> None:
    store = make()
    assert store.checks_conditions
    assert store.create("a/b", b"first")
    assert not store.create("a/b", b"second")
    assert store.create("a/b", b"first")  # a write whose answer was lost is tried again
    found = store.read_tagged("a/b")
    assert found is not None
    assert found[0] == b"first"
    other = make()
    assert other.replace("a/b", b"third", found[1])
    assert not store.replace("a/b", b"fourth", found[1])
    assert store.read("a/b") == b"third"
    assert store.read_tagged("a/nothing") is None
    assert not store.replace("a/nothing", b"x", found[1])
    with pytest.raises(FileNotFoundError):
        store.read("a/nothing")


def test_listing_uploading_and_removing(make: Callable[[], ObjectStore], tmp_path: Path) -> None:
    store, path = make(), tmp_path / "source"
    path.write_bytes(b"12345")
    store.upload(path, "x/one")
    store.write("x/y/two", b"22")
    store.write("xx/three", b"333")
    assert {key: entry.size for key, entry in store.list("x").items()} == {"x/one": 5, "x/y/two": 2}
    assert store.list("nothing") == {}
    store.download("x/one", tmp_path / "target", sha256=hashlib.sha256(b"12345").hexdigest(), size=5)
    assert (tmp_path / "target").read_bytes() == b"12345"
    store.remove(["x/one", "x/y/two", "x/gone"])
    assert store.list("x") == {}
    assert set(store.list()) - {MARK_KEY} == {"xx/three"}


@pytest.mark.parametrize("is_new", [True, False])
def test_of_many_writers_one_wins(make: Callable[[], ObjectStore], is_new: bool) -> None:
    first = make()
    tag = ""
    if not is_new:
        assert first.create("pointer", b"before")
        tag = (first.read_tagged("pointer") or (b"", ""))[1]
    stores = [make() for _ in range(4)]
    won: list[bytes] = []
    start = threading.Barrier(len(stores))

    def write(number: int) -> None:
        content = f"writer {number}".encode()
        store = stores[number]
        assert store.checks_conditions
        start.wait(20)
        if store.create("pointer", content) if is_new else store.replace("pointer", content, tag):
            won.append(content)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(won) == 1
    assert first.read("pointer") == won[0]


def test_a_store_that_ignores_conditions_is_found_out(
    server: ObjectServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.ignores_conditions = True
    store = ObjectStore(server.url(tmp_path.name), retries=1, pause=0.01)
    with caplog.at_level(logging.WARNING, "undertow.objects"):
        assert not store.checks_conditions
    assert "let one machine write it at a time" in caplog.text
    # We look ourselves: all but writers at the very same moment are told.
    assert store.create("a", b"1")
    assert not store.create("a", b"2")
    tag = (store.read_tagged("a") or (b"", ""))[1]
    assert store.replace("a", b"3", tag)
    assert not store.replace("a", b"4", tag)
    assert store.read("a") == b"3"


def test_a_store_that_knows_no_conditions_is_found_out(server: ObjectServer, tmp_path: Path) -> None:
    server.fault = lambda asked: Fault(501, "NotImplemented") if asked.condition else None
    store = ObjectStore(server.url(tmp_path.name), retries=1, pause=0.01)
    server.put(f"{tmp_path.name}/{MARK_KEY}", b"x")
    assert not store.checks_conditions
    assert store.create("a", b"1")
    assert not store.create("a", b"2")


def for_the_first(count: int, fault: Fault) -> Callable[[Asked], Fault | None]:
    """Plant a fault in the first requests."""
    left = [count]

    def plan(_: Asked) -> Fault | None:
        left[0] -= 1
        return fault if left[0] >= 0 else None

    return plan


CALLS: dict[str, Callable[[ObjectStore, Path], object]] = {
    "reading": lambda store, _: store.read("a/there"),
    "listing": lambda store, _: sorted(store.list("a"))[0],
    "creating": lambda store, _: store.create("a/new", b"as it was"),
    "replacing": lambda store, _: store.replace("a/there", b"as it was", '"wrong"'),  # ours stands there
    "downloading": lambda store, folder: store.download("a/there", folder / "file", sha256=SHA, size=9),
}
ANSWERS = {"reading": b"as it was", "listing": "a/there", "creating": True, "replacing": True, "downloading": None}
FAULTS = {
    "500": (Fault(500, "InternalError"), "the store answered 500 InternalError"),
    "503": (Fault(503, "SlowDown"), "the store answered 503 SlowDown"),
    "429": (Fault(429, "TooManyRequests"), "the store answered 429 TooManyRequests"),
    "reset": (Fault(reset=True), "Could not connect to the endpoint|Connection was closed"),
    "lost answer": (Fault(reset=True, carries_out=True), "Could not connect to the endpoint|Connection was closed"),
    "cut": (Fault(cut=True), "not completed|Connection was closed|damaged"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_faults_that_pass_are_waited_out(s3: ObjectStore, server: ObjectServer, tmp_path: Path, fault: str, call: str) -> None:
    planted, words = FAULTS[fault]
    server.fault = for_the_first(2, planted)
    assert CALLS[call](s3, tmp_path) == ANSWERS[call]
    assert s3.read("a/there") == b"as it was"
    if fault == "cut" and call in ("creating", "replacing"):  # such an answer has no body that could be cut
        return
    server.fault = for_the_first(99, planted)
    server.asked.clear()
    with pytest.raises(StoreError, match=words) as raised:
        CALLS[call](s3, tmp_path)
    sentence = str(raised.value)
    assert "after 3 tries" in sentence or "damaged" in sentence
    assert "\n" not in sentence
    assert "only-a-test" not in sentence
    assert 3 <= len(server.asked) <= 6  # aiohttp itself asks once more after a broken connection that it had kept
    assert sorted(path.name for path in tmp_path.iterdir()) in ([], ["file"])


def test_a_slow_store_times_out(server: ObjectServer, tmp_path: Path) -> None:
    store = ObjectStore(server.url(tmp_path.name), retries=1, pause=0.01, timeout=0.3)
    server.fault = lambda _: Fault(late=1.0)
    with pytest.raises(StoreError, match=r"failed after 2 tries: Read timeout"):
        store.read("a")


def test_what_will_not_pass_is_not_tried_again(s3: ObjectStore, server: ObjectServer) -> None:
    server.fault = lambda _: Fault(403, "AccessDenied")
    for call in (lambda: s3.read("a/there"), lambda: s3.create("a/new", b"x"), lambda: s3.list("a")):
        server.asked.clear()
        with pytest.raises(StoreError, match="the store answered 403 AccessDenied"):
            call()
        assert len(server.asked) == 1


def test_no_bucket_no_server_no_credentials(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = ObjectStore("s3://no-such-bucket/x", retries=1, pause=0.01)
    with pytest.raises(StoreError, match=r"writing s3://no-such-bucket/x/a failed"):
        absent.write("a", b"x")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreError, match=r"credentials come from the environment or a profile"):
        ObjectStore(server.url("x"), retries=0).write("a", b"x")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-a-log")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"after 2 tries: Could not connect") as raised:
        ObjectStore(server.url("x"), retries=1, pause=0.01).write("a", b"x")
    assert "not-for-a-log" not in str(raised.value)


def test_damage_is_told_and_leaves_nothing(s3: ObjectStore, server: ObjectServer, tmp_path: Path) -> None:
    target = tmp_path / "file"
    server.put("shared/a/there", b"as it wos")
    with pytest.raises(StoreError, match=r"a/there is damaged: its bytes do not match their hash"):
        s3.download("a/there", target, sha256=SHA, size=9)
    with pytest.raises(StoreError, match=r"a/there is damaged: its bytes do not match their hash"):
        s3.read("a/there", sha256=SHA)
    server.put("shared/a/there", b"as it")
    with pytest.raises(StoreError, match=r"a/there is damaged: 5 bytes came, and it has 9"):
        s3.download("a/there", target, sha256=SHA, size=9)
    server.delete("shared/a/there")
    with pytest.raises(FileNotFoundError):
        s3.download("a/there", target, sha256=SHA, size=9)
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_goes_in_parts_and_appears_whole(
    s3: ObjectStore, server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "PART", 5 * 2**20)  # the smallest that S3 takes
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 50_000)
    server.fault = lambda asked: Fault(503, "SlowDown") if asked.number == 3 else None  # in the middle of the parts
    s3.upload(path, "large")
    methods = [asked.method for asked in server.asked if asked.key.endswith("large")]
    assert methods.count("POST") == 3  # begun twice, completed once
    assert methods.count("PUT") >= 4
    server.forget()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    s3.download("large", tmp_path / "back", sha256=sha256, size=path.stat().st_size)
    assert (tmp_path / "back").stat().st_size == path.stat().st_size


@pytest.mark.parametrize(
    "url",
    [
        "s3://me:secret@bucket/x",
        "s3://secret@bucket",
        "s3://bucket/x?key=secret",
        "s3://bucket/x#secret",
        "/a/secret",
        "S3:secret",
    ],
)
def test_an_address_holds_no_secret(url: str) -> None:
    for call in (lambda: ObjectStore(url), lambda: Settings(store_url=url)):
        with pytest.raises(UsageError, match="without user, password or query") as raised:
            call()
        assert "secret" not in str(raised.value).replace("without", "")


def test_a_long_listing_is_whole(s3: ObjectStore, server: ObjectServer) -> None:
    """A store answers a listing in pages of a thousand."""
    for number in range(1005):
        server.put(f"shared/many/{number:04}", b"x")
    assert sorted(s3.list("many")) == [f"many/{number:04}" for number in range(1005)]
    assert len([asked for asked in server.asked if asked.method == "GET"]) == 2
    s3.remove(f"many/{number:04}" for number in range(1005))
    assert s3.list("many") == {}


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec.registry  # noqa: F401 (the name of this module is taken by a mapping of the package)

    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(vars(sys.modules["fsspec.registry"])["_registry"], "s3", raising=False)  # one that was imported before
    with pytest.raises(UsageError, match=r"install undertow\[s3\]"):
        ObjectStore("s3://bucket/x")


def test_a_protocol_that_nobody_speaks() -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        ObjectStore("nosuch://bucket/x")
