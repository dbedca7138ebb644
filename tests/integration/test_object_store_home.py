"""Whole runs of the pipeline with an object store: a real home goes there and is read there, and a lost machine loses nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import pytest

from orchestration.runner import run
from tests.integration.test_faults import mounted
from tests.provider.object_store import Fault, ObjectServer, object_server
from undertow.archive import Archive
from undertow.errors import UndertowError
from undertow.publish import Build, current_build, verify
from undertow.remote import RemoteHome, build_at, require_remote_home
from undertow.report import RunReport
from undertow.settings import Home, Settings
from undertow.store import FeatureStore

COLUMNS = "series_id,period_start,value,known_at,unit,source,licence"


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with object_server() as server:
        yield server


@pytest.fixture(autouse=True)
def environment(server: ObjectServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server.forget()
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UNDERTOW_STORE_URL", server.url(tmp_path.name))
    monkeypatch.setenv("UNDERTOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UNDERTOW_RETRIES", "1")
    monkeypatch.chdir(tmp_path)


def run_in(root: Path, monkeypatch: pytest.MonkeyPatch, mode: str = "sample", *files: Path) -> RunReport:
    monkeypatch.setenv("UNDERTOW_HOME", str(root))
    return run(mode, files)


def remote_of(root: Path) -> RemoteHome:
    return require_remote_home(Home(root), Settings())


def test_a_home_goes_to_a_store_and_is_read_there(
    sample_home: Home, sample_build: Build, server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "one"
    shutil.copytree(sample_home.root, root, symlinks=True)
    began = perf_counter()
    report = run_in(root, monkeypatch)
    print(f"first run: {perf_counter() - began:.1f} s, {Counter(asked.method for asked in server.asked)}, {report.seconds}")
    url = server.url(tmp_path.name)
    assert report.build["store"] == f"{url}/published/{sample_build.build_id}"
    assert report.build["is_new"] is False  # the home had published it; now the store has it, too
    remote = remote_of(root)
    pointer = remote.builds.pointer()
    assert pointer is not None
    assert pointer.build_id == sample_build.build_id
    assert remote.builds.problems(sample_build.build_id, tmp_path / "scratch") == []
    assert remote.archive.problems_in_store() == []

    server.asked.clear()
    run_in(root, monkeypatch)
    print(f"second run: {Counter(asked.method for asked in server.asked)}")
    changed = [asked.key for asked in server.asked if asked.method == "PUT"]
    sightings = [key for key in changed if "/archive/manifest/" in key]
    assert set(changed) == set(sightings)  # nothing new: no object is written but what was seen again
    assert len(server.asked) < 15 + len(sightings)

    question = ("2026-06-01T00:00Z", ["bls.CUUR0000SA0", "ecb.EXR.D.USD.EUR.SP00.A"])
    with FeatureStore(url, frame="arrow") as there, FeatureStore(home=root, frame="arrow") as here:
        assert there.as_known(*question).to_pylist() == here.as_known(*question).to_pylist()
        assert len(there.as_known(*question)) == 2
    assert verify(build_at(url)) == []  # every Parquet file is brought for that

    # A machine with an empty disk. Its warehouse is copied, because making it takes minutes and no part of the store in it.
    fresh = tmp_path / "two"
    shutil.copytree(sample_home.warehouse, fresh / "warehouse")
    report = run_in(fresh, monkeypatch)
    assert report.build["models_unchanged"] is True  # the landing that was brought is the landing
    assert (report.build["build_id"], report.build["is_new"]) == (sample_build.build_id, False)
    assert current_build(Home(fresh)).manifest == sample_build.manifest
    assert Archive(fresh / "archive").sightings() == Archive(root / "archive").sightings()


def own(path: Path, series: str, value: float) -> Path:
    path.write_text(f"{COLUMNS}\n{series},2025-04-08,{value},2025-04-08T21:00:00Z,index,test,public domain\n")
    return path


def test_a_full_disk_and_a_refusing_store_lose_no_payload(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One machine's disk is full, another's store refuses: each run stops with a sentence. A third has everything."""
    move, vix = own(tmp_path / "move.csv", "desk.MOVE", 137.3), own(tmp_path / "vix.csv", "desk.VIX", 52.3)
    full = tmp_path / "full"
    full.mkdir()
    with mounted(full / "archive", "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        with suppress(OSError), (full / "archive" / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(b"x" * 4096)
        with pytest.raises(UndertowError, match=r"step fetch_file failed.*No space left on device") as raised:
            run_in(full, monkeypatch, "file", move)
        assert "\n" not in str(raised.value)
        assert Archive(full / "archive").sightings() == []
    server.fault = lambda asked: Fault(403, "AccessDenied") if asked.method == "PUT" else None
    with pytest.raises(UndertowError, match="answered 403 AccessDenied") as raised:
        run_in(tmp_path / "refused", monkeypatch, "file", vix)
    assert "\n" not in str(raised.value)
    server.forget()

    report = run_in(tmp_path / "refused", monkeypatch, "file", own(tmp_path / "cvix.csv", "desk.CVIX", 9.4))
    assert report.build["is_new"] is True
    with FeatureStore(server.url(tmp_path.name), frame="arrow") as store:
        found = store.sql(
            "SELECT series_id, value FROM marts.fct_observation WHERE series_id LIKE 'desk.%' ORDER BY 1"
        ).to_pylist()
    assert found == [
        {"series_id": "desk.CVIX", "value": 9.4}, {"series_id": "desk.MOVE", "value": 137.3}, {"series_id": "desk.VIX", "value": 52.3},
    ]  # fmt: skip
    assert remote_of(tmp_path / "refused").archive.problems_in_store() == []
