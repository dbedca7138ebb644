"""A published build of the packaged real data, made once for all integration tests by the public entry."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from undertow.publish import Build, current_build
from undertow.settings import Home


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Home]:
    """A home in which `undertow run` (sample mode) has run once; read-only for tests.

    The first worker makes it, and each takes a copy: some tests run in it again.
    """
    from orchestration.runner import run

    base = tmp_path_factory.getbasetemp()
    made = (base if worker_id == "master" else base.parent) / "sample"
    root = base / "home-of-worker"
    with pytest.MonkeyPatch.context() as patch:
        with FileLock(f"{made}.lock"):
            if not made.with_suffix(".whole").exists():
                patch.setenv("UNDERTOW_HOME", str(made))
                report = run("sample")
                assert report.failed_sources == []
                made.with_suffix(".whole").touch()
        shutil.copytree(made, root, symlinks=True)
        patch.setenv("UNDERTOW_HOME", str(root))
        yield Home(root)


@pytest.fixture(scope="session")
def sample_build(sample_home: Home) -> Build:
    """The published build of ``sample_home``."""
    return current_build(sample_home)


@pytest.fixture(scope="session")
def published(sample_build: Build) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, read-only, in UTC."""
    connection = duckdb.connect(str(sample_build.database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def shared_data() -> Path:
    """The folder of genuine payloads beside the project; tests skip where it is absent."""
    return Path(__file__).resolve().parents[3] / "shared" / "data"
