"""The benchmarks work, and all engines give the same answers: the quick mode, without and with the other tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.macro import pages

ROOT = Path(__file__).resolve().parents[3]
PEERS = Path(os.environ.get("UNDERTOW_PEERS_PYTHON", ROOT / ".venv-peers/bin/python"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


def measured(made: Path, out: Path, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--out", str(out), *arguments],
        cwd=ROOT, env={**os.environ, "UNDERTOW_BENCH_DATA": str(made)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


def check(results: dict, groups: set[str]) -> None:
    """Every case ran, and answered what the others answered."""
    assert set(results["groups"]) == groups
    for group in results["groups"].values():
        cases = {case["engine"]: case for case in group["cases"]}
        assert {engine: case["failure"] for engine, case in cases.items() if case["failure"]} == {}
        compared = [case["agreement"] for case in cases.values() if case["agreement"]]
        assert compared
        assert [one for one in compared if one["different"] or not one["rows"]] == []
        for case in cases.values():
            assert min(case["seconds"], case["cpu_seconds"], case["peak_bytes"]) > 0


def test_undertow_and_duckdb_agree(made: Path, tmp_path: Path) -> None:
    groups = {"asof", "as-known", "funding", "landing", "tic", "validation"}
    results = measured(made, tmp_path, *(word for group in groups for word in ("--only", group)))
    check(results, groups)
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "| Undertow" in page
    assert "all rows" in page


def test_the_pages_of_a_year_are_parsed() -> None:
    assert pages(1)().num_rows > 12 * 100


def test_the_other_tools_agree(made: Path, tmp_path: Path) -> None:
    if not PEERS.exists():
        pytest.skip("the environment of the other tools is not there; `make test` makes it")
    results = measured(made, tmp_path, "--only", "asof", "--only", "validation", "--peers-python", str(PEERS))
    check(results, {"asof", "validation"})
    engines = {case["engine"].split(",")[0] for group in results["groups"].values() for case in group["cases"]}
    assert {"polars", "pandas", "Feast", "Great Expectations on pandas"} <= engines
    assert "prefers-color-scheme: dark" in (tmp_path / "results.svg").read_text(encoding="utf-8")
