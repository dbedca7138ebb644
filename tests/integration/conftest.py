"""A published build of the packaged real data, made once for all integration tests by the public entry."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from undertow.publish import Build, current_build
from undertow.settings import Home


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home in which `undertow run` (sample mode) has run once; read-only for tests."""
    from orchestration.runner import run

    root = tmp_path_factory.mktemp("sample")
    before = os.environ.get("UNDERTOW_HOME")
    os.environ["UNDERTOW_HOME"] = str(root)
    try:
        report = run("sample")
        assert report.failed_sources == []
        yield Home(root)
    finally:
        if before is None:
            os.environ.pop("UNDERTOW_HOME", None)
        else:
            os.environ["UNDERTOW_HOME"] = before


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
