"""A home and its object store: no payload lost, whole builds, one writer wins, damage told; against a server on loopback."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from tests.provider.made_builds import make_build
from tests.provider.object_store import Asked, Fault, ObjectServer, object_server
from undertow import archive as archive_module
from undertow import remote_archive, remote_landing
from undertow.archive import Archive
from undertow.atomic import write_bytes, write_text
from undertow.cli import cli
from undertow.errors import ArchiveError, NothingPublishedError, StoreError, UndertowError, UsageError
from undertow.objects import ObjectStore
from undertow.publish import Build, current_build, list_builds, publish, rollback
from undertow.remote import RemoteHome, open_archive, remote_home
from undertow.remote_archive import RemoteArchive
from undertow.remote_builds import Publisher, RemoteBuild, RemoteBuilds, open_build
from undertow.settings import Home, Settings
from undertow.store import FeatureStore

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
PAYLOAD = b"TIME_PERIOD,OBS_VALUE\n2026-01,1.5\n" * 40
SHA = hashlib.sha256(PAYLOAD).hexdigest()
FRAME = f"archive/payloads/{SHA[:2]}/{SHA}.zst"


@pytest.fixture(scope="module")
def running() -> Iterator[ObjectServer]:
    with object_server() as server:
        yield server


@pytest.fixture(scope="module")
def opened(running: ObjectServer) -> ObjectStore:
    """One store for all tests, which empty it: opening one takes longer than most tests."""
    return ObjectStore(running.url("team"), retries=1, pause=0.01, timeout=10)


@pytest.fixture
def server(running: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    running.forget()
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture
def store(server: ObjectServer, opened: ObjectStore) -> ObjectStore:
    opened.remove(opened.list())
    assert opened.checks_conditions
    server.forget()
    return opened


class Machine(RemoteHome):
    """A machine with a disk of its own."""

    def __init__(self, root: Path, store: ObjectStore, *, keep: int = 2, grace: timedelta = timedelta(hours=1)) -> None:
        home = Home(root).ensure()
        super().__init__(home, store, RemoteArchive(home.archive, store), grace, keep)

    def fetch(self, payload: bytes = PAYLOAD, at: datetime = AT, dataset: str = "hist") -> bool:
        said: dict[str, Any] = {"source": "ecb", "dataset": dataset, "url": "https://ecb", "origin": "live"}
        return self.archive.store(payload, fetched_at=at, **said)[1]

    def land(self, number: int, content: bytes | None = None) -> None:
        write_bytes(self.home.landing / f"ecb/observation/hist-{number}.parquet", content or f"rows {number}".encode())
        write_text(self.home.landing / f"ecb/landed/hist-{number}.json", f'{{"number": {number}}}\n')

    def landed(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.home.landing).as_posix(): path.read_bytes()
            for path in self.home.landing.rglob("*")
            if path.is_file()
        }

    def publish(self, number: int, *, made_of: int | None = None) -> tuple[Build, bool]:
        """Publish a build that was made by hand, as a run does."""
        fingerprint = f"made {number if made_of is None else made_of}"
        if not any(build.manifest["fingerprint"] == fingerprint for build in list_builds(self.home)):
            make_build(self.home.published, number, fingerprint=fingerprint)
        self.begin()
        return self.publish_begun(fingerprint)

    def publish_begun(self, fingerprint: str) -> tuple[Build, bool]:
        return publish(
            self.home, Path("not needed"), code_version="1", fingerprint=fingerprint, inputs=[], mode="file",
            elsewhere=Publisher(self.builds),
        )  # fmt: skip

    def current(self) -> str:
        pointer = self.builds.pointer()
        assert pointer is not None
        return pointer.build_id


@pytest.fixture
def machine(store: ObjectStore, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "one", store)


@pytest.fixture
def other(store: ObjectStore, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "two", store)


# --- payloads ------------------------------------------------------------------------------------------------------------


def test_a_payload_is_in_the_store_when_it_is_kept(machine: Machine, other: Machine, server: ObjectServer) -> None:
    assert machine.fetch()
    writes = [asked.key.removeprefix("team/") for asked in server.asked if asked.method == "PUT"]
    assert writes[0] == FRAME  # the bytes before their sighting
    assert writes[1].startswith("archive/manifest/ecb/hist/20260105T120000000000Z-")
    assert not machine.fetch(at=AT + timedelta(days=1))  # known bytes: a sighting alone
    assert len([asked for asked in server.asked if asked.method == "PUT"]) == 3
    (first, second) = machine.archive.sightings("ecb")
    machine.archive.record_unchanged(second, AT + timedelta(days=2))

    assert other.take_over() == "3 sightings brought, 0 sent; 0 landed files brought, 0 removed"
    assert other.archive.sightings() == machine.archive.sightings()
    assert not other.archive.payload_path(SHA).exists()  # not before it is read
    assert other.archive.holds(SHA)
    assert other.archive.verify() == []
    assert not other.fetch(at=AT + timedelta(days=3))
    assert other.archive.read(first.sha256) == PAYLOAD
    assert other.archive.payload_path(SHA).is_file()
    other.archive.copy_to(SHA, other.home.root / "copy")
    assert (other.home.root / "copy").read_bytes() == PAYLOAD
    assert other.archive.problems_in_store() == []


def test_a_full_disk_loses_no_payload(machine: Machine, other: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(archive_module, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        machine.fetch()
    monkeypatch.undo()
    assert machine.archive.sightings() == []  # nothing here,
    assert other.take_over().startswith("1 sightings brought")  # and all of it there
    assert other.archive.read(SHA) == PAYLOAD
    assert machine.take_over().startswith("1 sightings brought")
    assert machine.archive.read(SHA) == PAYLOAD


def test_a_store_that_refuses_loses_no_payload(machine: Machine, other: Machine, server: ObjectServer) -> None:
    server.fault = lambda asked: Fault(403, "AccessDenied") if asked.method == "PUT" else None
    with pytest.raises(
        StoreError, match=r"answered 403 AccessDenied.*; what ecb/hist sent is kept in .*with the next run"
    ) as raised:
        machine.fetch()
    assert "\n" not in str(raised.value)
    assert machine.archive.read(SHA) == PAYLOAD
    assert other.take_over().startswith("0 sightings brought")
    server.forget()
    assert machine.take_over().startswith("0 sightings brought, 1 sent")
    assert other.take_over().startswith("1 sightings brought")
    assert other.archive.read(SHA) == PAYLOAD


def test_a_disk_and_a_store_that_both_refuse_are_told(
    machine: Machine, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(archive_module, "write_bytes", full)
    server.fault = lambda asked: Fault(403, "AccessDenied") if asked.method == "PUT" else None
    with pytest.raises(
        StoreError, match=r"could not be kept here either \(No space left on device\) and has to be fetched again"
    ):
        machine.fetch()


def test_a_payload_whose_sighting_was_cut_off_is_completed(machine: Machine, other: Machine, server: ObjectServer) -> None:
    """The bytes got there, the sighting did not, as after a kill between the two."""
    server.fault = lambda asked: Fault(403, "AccessDenied") if "manifest" in asked.key and asked.method == "PUT" else None
    with pytest.raises(StoreError):
        machine.fetch()
    server.forget()
    assert machine.archive.problems_in_store() == []  # bytes that nothing mentions are no damage
    machine.take_over()
    other.take_over()
    assert other.archive.read(SHA) == PAYLOAD


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", f"the payload s3://macro-bucket/team/{FRAME} is torn or damaged"),
        (b"\x28\xb5\x2f\xfd", f"the payload s3://macro-bucket/team/{FRAME} is torn or damaged"),
        (archive_module.packed(PAYLOAD + b"x"), "its bytes do not match their hash"),
        (None, f"the payload s3://macro-bucket/team/{FRAME} was there and is lost"),
    ],
)
def test_a_lost_or_damaged_payload_is_told(
    machine: Machine, other: Machine, server: ObjectServer, content: bytes | None, words: str
) -> None:
    machine.fetch()
    other.take_over()
    if content is None:
        server.delete(f"team/{FRAME}")
    else:
        server.put(f"team/{FRAME}", content)
    with pytest.raises((StoreError, ArchiveError)) as raised:
        other.archive.read(SHA)
    assert words in str(raised.value)
    assert not other.archive.payload_path(SHA).exists()
    (problem,) = machine.archive.problems_in_store()
    assert SHA in problem


def test_damage_here_is_mended_from_there_and_the_other_way_round(
    machine: Machine, other: Machine, server: ObjectServer
) -> None:
    machine.fetch()
    path = machine.archive.payload_path(SHA)
    path.write_bytes(path.read_bytes()[:-9])
    assert machine.archive.read(SHA) == PAYLOAD
    assert Archive(machine.home.archive).verify() == []
    server.put(f"team/{FRAME}", b"damaged")
    fresh = Machine(machine.home.root, machine.remote)
    fresh.archive._listed = set()  # a machine that does not know that anything is there
    fresh.fetch()
    other.take_over()
    assert other.archive.read(SHA) == PAYLOAD


def test_a_payload_that_the_store_lost_is_sent_again(machine: Machine, other: Machine, server: ObjectServer) -> None:
    machine.fetch()
    server.delete(f"team/{FRAME}")
    assert machine.take_over().startswith("0 sightings brought, 0 sent")
    other.take_over()
    assert other.archive.read(SHA) == PAYLOAD


def test_a_cut_sighting_is_told(machine: Machine, other: Machine, server: ObjectServer) -> None:
    machine.fetch()
    (key,) = [key for key in machine.remote.list("archive/manifest")]
    server.put(f"team/{key}", server.get(f"team/{key}")[:100])
    with pytest.raises(ArchiveError, match=rf"the manifest file s3://macro-bucket/team/{key} cannot be read"):
        other.take_over()
    assert other.archive.sightings() == []


# --- the landing ---------------------------------------------------------------------------------------------------------


def test_a_fresh_machine_has_the_landing(machine: Machine, other: Machine, server: ObjectServer) -> None:
    machine.land(1)
    machine.land(2)
    assert machine.landing.send() == 2
    server.asked.clear()
    assert machine.landing.send() == 0
    assert not [asked for asked in server.asked if asked.method == "PUT"]
    assert other.landing.take_over() == (4, 0)
    assert other.landed() == machine.landed()
    server.asked.clear()
    assert other.landing.take_over() == (0, 0)
    assert len(server.asked) == 1


def test_marks_stand_in_the_list_and_equal_files_are_one_object(machine: Machine) -> None:
    machine.land(1, b"the same")
    machine.land(2, b"the same")
    assert machine.landing.send() == 1
    assert len(machine.remote.list(remote_landing.OBJECTS)) == 1


def test_a_landing_that_moved_on_is_not_overwritten(machine: Machine, other: Machine) -> None:
    machine.land(1)
    machine.landing.send()
    other.take_over()
    machine.land(2)
    other.land(3)
    machine.landing.send()
    with pytest.raises(StoreError, match=r"the landing in s3://macro-bucket/team moved on since this run began.*run again"):
        other.landing.send()
    assert other.landing.take_over() == (2, 2)  # what it had landed itself is landed again from the archive
    assert other.landed() == machine.landed()
    other.land(3)
    other.landing.send()
    machine.landing.take_over()
    assert machine.landed() == other.landed()


def test_two_that_land_the_same_agree(machine: Machine, other: Machine) -> None:
    for one in (machine, other):
        one.land(1)
    machine.landing.send()
    assert other.landing.send() == 0


def test_a_file_that_changed_goes_up_again(machine: Machine, other: Machine) -> None:
    machine.land(1)
    machine.landing.send()
    machine.land(1, b"other")
    (machine.home.landing / "ecb/landed/hist-1.json").unlink()
    machine.landing.send()
    other.landing.take_over()
    assert other.landed() == {"ecb/observation/hist-1.parquet": b"other"}


@pytest.mark.parametrize("how", ["lost", "cut", "changed"])
def test_damage_of_the_landing_is_told(machine: Machine, other: Machine, server: ObjectServer, how: str) -> None:
    machine.land(1)
    machine.landing.send()
    (key,) = machine.remote.list(remote_landing.OBJECTS)
    if how == "lost":
        server.delete(f"team/{key}")
    else:
        content = server.get(f"team/{key}")
        server.put(f"team/{key}", content[:-1] if how == "cut" else content[::-1])
    with pytest.raises(StoreError, match=rf"the object s3://macro-bucket/team/{key} (of the landing .* is lost|is damaged)"):
        other.landing.take_over()
    assert len(machine.landing.problems()) == 1
    assert machine.landing.send() == 0
    if how == "changed":  # in its own size, which only --verify notices: the list is made anew
        server.delete(f"team/{remote_landing.LIST_KEY}")
    assert machine.landing.send(mend=True) == (how != "changed")
    if how == "changed":
        machine.land(1, b"something else")
        machine.landing.send()
    other.landing.take_over()
    assert other.landed() == machine.landed()
    assert machine.landing.problems() == []


def test_a_landing_that_was_brought_in_part_is_brought_on(machine: Machine, other: Machine, server: ObjectServer) -> None:
    for number in range(5):
        machine.land(number)
    machine.landing.send()
    left = [3]

    def after_some(asked: Asked) -> Fault | None:
        left[0] -= asked.method == "GET" and "landing/objects" in asked.key
        return Fault(403, "AccessDenied") if left[0] < 0 else None

    server.fault = after_some
    with pytest.raises(StoreError, match="answered 403"):
        other.landing.take_over()
    server.forget()
    assert len(other.landed()) < 10
    other.landing.take_over()
    assert other.landed() == machine.landed()
    assert other.landing.send() == 0


def test_a_list_that_leads_out_of_the_landing_is_refused(other: Machine, server: ObjectServer) -> None:
    for name in ("../outside", "/etc/x", "a/../../b"):
        said = {"format": 1, "files": {name: {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1, "text": "x"}}}
        server.put(f"team/{remote_landing.LIST_KEY}", json.dumps(said).encode())
        with pytest.raises(StoreError, match="is damaged: ValueError: it names"):
            other.landing.take_over()
    server.put(f"team/{remote_landing.LIST_KEY}", b'{"format": 1, "fi')
    with pytest.raises(StoreError, match=r"landing/list.json is damaged"):
        other.landing.take_over()
    assert other.landed() == {}


# --- builds --------------------------------------------------------------------------------------------------------------


def test_publishing_and_reading(machine: Machine, server: ObjectServer, tmp_path: Path) -> None:
    with pytest.raises(NothingPublishedError, match="nothing is published in s3://macro-bucket/team yet"):
        machine.builds.open(None, tmp_path / "cache")
    build, is_new = machine.publish(1)
    assert is_new
    assert machine.current() == build.build_id == current_build(machine.home).build_id
    writes = [asked.key for asked in server.asked if asked.method == "PUT" and "published" in asked.key]
    assert writes[-2:] == [f"team/published/{build.build_id}/objects.json", "team/published/current.json"]

    server.asked.clear()
    address = machine.remote.url
    found = open_build(address, tmp_path / "cache", lambda _: machine.remote)
    assert isinstance(found, RemoteBuild)
    assert found.manifest == build.manifest
    with duckdb.connect(str(found.database), read_only=True) as connection:
        assert connection.execute("SELECT count(*), min(number) FROM marts.fct_observation").fetchall() == [(500, 1)]
    assert len(server.asked) == 4  # the pointer, the list, the manifest, the database
    server.asked.clear()
    open_build(address, tmp_path / "cache", lambda _: machine.remote)
    assert [asked.key for asked in server.asked] == ["team/published/current.json"]
    assert found.file("marts/mart_fx/mart_fx.parquet").read_bytes() == build.file("marts/mart_fx/mart_fx.parquet").read_bytes()
    with pytest.raises(UsageError, match="has no file nothing"):
        found.file("nothing")

    second, _ = machine.publish(2)
    assert open_build(address, tmp_path / "cache", lambda _: machine.remote).build_id == second.build_id
    one = open_build(f"{address}/published/{build.build_id}", tmp_path / "cache", lambda _: machine.remote)
    assert one.build_id == build.build_id
    with pytest.raises(UsageError, match="there is no whole build 2026"):
        open_build(f"{address}/published/20260101T000000Z-1", tmp_path / "cache", lambda _: machine.remote)


def test_the_same_again_is_not_published_again(machine: Machine, other: Machine, server: ObjectServer) -> None:
    build, _ = machine.publish(1)
    server.asked.clear()
    again, is_new = machine.publish(1)
    assert (again.build_id, is_new) == (build.build_id, False)
    assert [asked.key for asked in server.asked if asked.method == "PUT"] == []
    # Another machine that made the same takes the build that is there.
    taken, is_new = other.publish(5, made_of=1)
    assert (taken.build_id, is_new) == (build.build_id, False)
    assert current_build(other.home).build_id == build.build_id
    assert machine.builds.whole() == [build.build_id]


def test_of_two_writers_one_is_told(machine: Machine, other: Machine) -> None:
    machine.publish(1)
    other.take_over()
    other.publish(1)
    for one, number in ((machine, 2), (other, 3)):
        make_build(one.home.published, number)
        one.begin()
    second, is_new = machine.publish_begun("made 2")
    assert is_new
    with pytest.raises(StoreError, match=rf"another writer moved .*current.json since this run began.*build {second.build_id}"):
        other.publish_begun("made 3")
    assert machine.current() == second.build_id
    assert current_build(other.home).manifest["fingerprint"] == "made 1"
    third, _ = other.publish(3)  # again, from what is there now: nothing is made anew
    assert machine.current() == third.build_id
    assert [build.manifest["fingerprint"] for build in list_builds(other.home)] == ["made 1", "made 3"]


def test_two_first_writers_and_two_that_made_the_same(machine: Machine, other: Machine) -> None:
    for one, number in ((machine, 1), (other, 2)):
        make_build(one.home.published, number, fingerprint="the same")
        one.begin()
    assert machine.publish_begun("the same")[1]
    first = machine.current()
    other.builds.find = lambda fingerprint, home: None  # ty: ignore[invalid-assignment]  # it looked before the other was done
    build, _ = other.publish_begun("the same")
    assert build.build_id == first == current_build(other.home).build_id == machine.current()


def test_a_store_that_refuses_a_build_leaves_the_one_before(machine: Machine, server: ObjectServer) -> None:
    first, _ = machine.publish(1)
    for what in ("undertow.duckdb", "objects.json", "current.json"):
        server.fault = lambda asked, what=what: Fault(503, "SlowDown") if asked.method == "PUT" and what in asked.key else None
        with pytest.raises(StoreError, match=rf"{what} failed after 2 tries: the store answered 503 SlowDown"):
            machine.publish(2)
        assert machine.current() == first.build_id == current_build(machine.home).build_id
    server.forget()
    second, is_new = machine.publish(2)
    assert is_new
    sent = [asked.key for asked in server.asked if asked.method == "PUT" and "published" in asked.key]
    assert sent == [f"team/published/{second.build_id}/objects.json", "team/published/current.json"]  # the rest was there
    assert machine.current() == second.build_id


def test_a_pointer_whose_answer_was_lost_is_ours(machine: Machine, server: ObjectServer) -> None:
    machine.publish(1)
    lost: list[Asked] = []

    def once(asked: Asked) -> Fault | None:
        if asked.method == "PUT" and asked.key.endswith("current.json") and not lost:
            lost.append(asked)
            return Fault(500, "InternalError", carries_out=True)
        return None

    server.fault = once
    second, is_new = machine.publish(2)
    assert len(lost) == 1
    assert is_new
    assert machine.current() == second.build_id == current_build(machine.home).build_id


def test_a_kill_between_the_pointer_and_the_home_is_mended(machine: Machine) -> None:
    first, _ = machine.publish(1)
    second, _ = machine.publish(2)
    rollback(machine.home, first.build_id)  # as if the link had not moved
    found, is_new = machine.publish(2)
    assert (found.build_id, is_new) == (second.build_id, False)
    assert current_build(machine.home).build_id == second.build_id
    assert machine.builds.whole() == [first.build_id, second.build_id]


def test_rolling_back(machine: Machine, other: Machine, tmp_path: Path) -> None:
    first, _ = machine.publish(1)
    machine.publish(2)
    machine.builds.rollback(first.build_id)
    assert machine.current() == first.build_id
    assert machine.builds.open(None, tmp_path / "cache").build_id == first.build_id
    with pytest.raises(UsageError, match="there is no whole build 20990101"):
        machine.builds.rollback("20990101")
    with pytest.raises(UsageError, match="is not the id of a build"):
        machine.builds.rollback("../current.json")
    assert other.builds.bring(first.build_id, other.home).manifest == first.manifest


def test_old_and_half_uploaded_builds_go_after_their_grace(machine: Machine, server: ObjectServer) -> None:
    builds = [machine.publish(number)[0].build_id for number in (1, 2, 3, 4)]
    server.fault = lambda asked: Fault(403, "AccessDenied") if asked.key.endswith("objects.json") else None
    with pytest.raises(StoreError):
        machine.publish(5)
    server.forget()
    half = list_builds(machine.home)[-1].build_id
    machine.land(1)
    machine.landing.send()
    machine.land(1, b"changed")
    machine.landing.send()
    now = datetime.now(UTC)
    assert machine.tidy(now=now + timedelta(minutes=59)).objects == 0
    wanted = machine.tidy(now=now + timedelta(minutes=61), dry_run=True)
    assert wanted.builds == [*builds[:2], half]
    assert sorted(machine.builds.entries()) == [*builds, half]
    done = machine.tidy(now=now + timedelta(minutes=61))
    assert done == wanted
    assert done.objects == 2 * 6 + 5 + 1  # with their lists, without one, and a landed file that no list names
    assert sorted(machine.builds.entries()) == machine.builds.whole() == builds[2:]
    assert len(machine.remote.list(remote_landing.OBJECTS)) == 1
    assert machine.landing.problems() == []
    machine.builds.rollback(builds[2])
    assert machine.tidy(now=now + timedelta(days=9), keep=1).builds == []  # the current one stays, and the newest


@pytest.mark.parametrize("what", ["undertow.duckdb", "manifest.json", "objects.json", "pointer"])
@pytest.mark.parametrize("how", ["lost", "cut", "changed"])
def test_damage_of_a_build_is_told(machine: Machine, server: ObjectServer, tmp_path: Path, what: str, how: str) -> None:
    build, _ = machine.publish(1)
    key = "team/published/current.json" if what == "pointer" else f"team/published/{build.build_id}/{what}"
    content = server.get(key)
    if how == "lost":
        server.delete(key)
    else:
        server.put(key, content[:-30] if how == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    if what == "pointer" and how == "changed":
        server.put(key, content.replace(b'"objects": "', b'"objects": "f'))
    words = "nothing is published" if (what, how) == ("pointer", "lost") else "is damaged|is lost|lost or not whole"
    with pytest.raises((StoreError, UsageError), match=words) as raised:
        machine.builds.open(None, tmp_path / "cache")
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*.tmp"))
    if what not in ("pointer", "objects.json"):
        (problem,) = machine.builds.problems(build.build_id, tmp_path / "scratch")
        assert what in problem


def test_a_cache_does_not_grow_for_ever(machine: Machine, tmp_path: Path) -> None:
    import os

    for number in range(1, 6):
        machine.publish(number)
        path = machine.builds.open(None, tmp_path / "cache").path
        os.utime(path, (number * 1000, number * 1000))  # read long ago
    assert len(list(path.parent.iterdir())) == 3


# --- the entrances -------------------------------------------------------------------------------------------------------


@pytest.fixture
def configured(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    monkeypatch.setenv("UNDERTOW_HOME", str(machine.home.root))
    monkeypatch.setenv("UNDERTOW_STORE_URL", machine.remote.url + "/")
    monkeypatch.setenv("UNDERTOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UNDERTOW_RETRIES", "1")
    monkeypatch.chdir(tmp_path)
    return machine


def test_settings_name_the_store(configured: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    found = remote_home(configured.home)
    assert found is not None
    assert found.remote.url == configured.remote.url
    assert found.archive is open_archive(configured.home)
    assert found.grace == timedelta(hours=24)
    monkeypatch.delenv("UNDERTOW_STORE_URL")
    assert remote_home(configured.home) is None
    assert type(open_archive(configured.home, Settings())) is Archive


def test_a_reader_names_the_store(configured: Machine, tmp_path: Path) -> None:
    build, _ = configured.publish(7)
    with FeatureStore(configured.remote.url, home=tmp_path / "nothing", frame="arrow") as features:
        assert features.build.build_id == build.build_id
        assert features.sql("SELECT sum(number) AS n FROM marts.fct_observation").to_pylist() == [{"n": 3500}]
        configured.publish(8)  # and removed: an open file reads on
        shutil.rmtree(tmp_path / "cache")
        assert features.sql("SELECT sum(number) AS n FROM marts.mart_fx").to_pylist() == [{"n": 3500}]


def test_a_cache_that_cannot_be_written_is_told(configured: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured.publish(1)
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("UNDERTOW_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"cannot be kept in the cache .*file: .*; see UNDERTOW_CACHE"):
        FeatureStore(configured.remote.url)


def test_a_home_whose_disk_is_full_is_told(configured: Machine, other: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    other.fetch()

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(remote_archive, "write_bytes", full)
    answer = CliRunner().invoke(cli, ["store", "--sync", "--quiet"])
    assert isinstance(answer.exception, UndertowError)
    assert str(answer.exception).startswith("the home cannot take what the store has: No space left on device")


def test_the_command(configured: Machine, server: ObjectServer) -> None:
    def call(*arguments: str) -> Any:
        answer = CliRunner().invoke(cli, [*arguments, "--format", "json"])
        assert answer.exception is None, answer.exception
        return json.loads(answer.stdout)

    configured.fetch()
    configured.land(1)
    build = make_build(configured.home.published, 1)
    rollback(configured.home, build.build_id)
    assert call("store")["current"] is None
    done = call("store", "--sync", "--quiet")
    assert done["current"] == build.build_id
    told = call("store")
    assert told["checks_conditions"] is True
    assert told["builds"] == [{"build_id": build.build_id, "is_whole": True, "bytes": told["builds"][0]["bytes"]}]
    assert told["landed_files"] == 2
    assert call("store", "--verify", "--quiet")["problems"] == []
    assert call("store", "--tidy", "--dry-run")["objects"] == 0
    server.put(f"team/{FRAME}", b"x")
    answer = CliRunner().invoke(cli, ["store", "--verify", "--quiet"])
    assert "1 objects of s3://macro-bucket/team are lost or damaged" in str(answer.exception)
    assert FRAME in answer.stdout
    for wrong in (["--sync", "--verify"], ["--dry-run"]):
        assert isinstance(CliRunner().invoke(cli, ["store", *wrong]).exception, UsageError)


def test_without_a_store_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDERTOW_STORE_URL", raising=False)
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(cli, ["store"])
    assert "set UNDERTOW_STORE_URL" in str(answer.exception)


def test_a_store_on_a_disk_and_in_memory(tmp_path: Path) -> None:
    for url in (f"file://{tmp_path}/mounted", f"memory://{tmp_path.name}"):
        store = ObjectStore(url)
        name = url.partition(":")[0]
        machine, other = Machine(tmp_path / f"{name}1", store), Machine(tmp_path / f"{name}2", ObjectStore(url))
        machine.fetch()
        machine.land(1)
        build, _ = machine.publish(1)
        other.take_over()
        assert other.archive.read(SHA) == PAYLOAD
        assert other.landed() == machine.landed()
        assert other.publish(1)[0].build_id == build.build_id
        assert RemoteBuilds(store).open(None, tmp_path / "cache").manifest == build.manifest
