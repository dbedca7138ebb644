"""An engine that is not there is one sentence, before anything starts."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration import engines
from orchestration.increment import Increment
from orchestration.runner import run
from orchestration.warehouse import Warehouse, WarehouseError
from undertow.cli import cli
from undertow.errors import UsageError
from undertow.settings import Home, Settings


def test_without_the_extra_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(engines, "_installed", lambda module: False)
    for engine in ("spark", "sail"):
        with pytest.raises(UsageError, match=rf"the engine {engine} needs the packages of undertow\[spark\]"):
            run("sample", engine=engine)
    assert not (tmp_path / "home").exists()


def test_sail_needs_its_own_package_and_spark_needs_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_installed", lambda module: module != "pysail")
    monkeypatch.setattr(engines.shutil, "which", lambda name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(UsageError, match="pysail is not installed"):
        engines.require("sail")
    with pytest.raises(UsageError, match="needs Java 17 or later"):
        engines.require("spark")
    engines.require("duckdb")
    monkeypatch.setattr(engines.shutil, "which", lambda name: "/usr/bin/java")
    engines.require("spark")


def test_the_command_line_knows_three_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = CliRunner().invoke(cli, ["run", "--engine", "flink"])
    assert refused.exit_code == 2
    assert "'flink' is not one of 'duckdb', 'spark', 'sail'" in refused.output
    monkeypatch.setenv("UNDERTOW_ENGINE", "sail")
    assert Settings().engine == "sail"
    monkeypatch.setenv("UNDERTOW_ENGINE", "flink")
    with pytest.raises(UsageError, match="UNDERTOW_ENGINE"):
        Settings()


def test_a_warehouse_on_spark_does_not_grow(tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path), None, tmp_path / "w.duckdb", "spark")
    with pytest.raises(WarehouseError, match="a warehouse on spark does not grow"):
        warehouse.build(increment=Increment())
