"""The pages of what the checks found, in real runs: good, blocked by a check, and with a tool that fails."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import assets.ecb.assets as ecb_assets
from assets.ecb import ROOM
from assets.factory import room_assets
from expectations.ecb import SUITES
from expectations.suite import Expectation
from orchestration.runner import run
from tests.unit.core.test_data_docs import Page
from undertow.errors import UndertowError
from undertow.publish import Build, current_build
from undertow.settings import Home


def pages(home: Home) -> dict[str, Page]:
    return {path.stem: Page(path) for path in (home.quality / "data_docs").glob("*.html")}


def results(home: Home) -> dict[str, str]:
    """What the index says came of each suite."""
    return {row[0]: row[2] for row in pages(home)["index"].rows if row[0] != "suite"}


def undertow(home: Home, *arguments: str) -> str:
    environment = {**os.environ, "UNDERTOW_HOME": str(home.root)}
    done = subprocess.run(
        [sys.executable, "-m", "undertow", *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def test_a_run_leaves_pages_that_all_its_outputs_name(sample_home: Home) -> None:
    report = run("sample")  # again: nothing has changed, the pages stay
    index = sample_home.quality / "data_docs/index.html"
    assert report.data_docs == str(index)
    said = results(sample_home)
    ran = {"bls_observation", "census_observation", "dol_observation", "ecb_observation", "fct_observation", "mart_signal_long"}
    assert {name for name, result in said.items() if result == "passed"} >= {*ran, "mart_release_quality"}
    assert said["file_observation"] == "passed"
    assert said["bea_release_event"] == "never ran", "the sample has no release calendar of that bureau"
    assert set(said.values()) == {"passed", "never ran"}
    shown = pages(sample_home)
    assert sorted(shown) == sorted([*(name for name, said in results(sample_home).items() if said != "never ran"), "index"])
    for name, page in shown.items():
        assert [link for link in page.links if not (index.parent / link).is_file()] == [], name
    landed = sample_home.landing / "bls/observation/*.parquet"
    (n_series,) = duckdb.sql(f"SELECT count(DISTINCT series_id) FROM read_parquet('{landed}')").fetchall()[0]
    assert n_series > 10_000
    assert f"Must have greater than or equal to 1 rows. {n_series} " in shown["bls_observation"].text  # one row a series
    told = [check for check in report.checks if check.tool == "great_expectations" and "note" not in check.details]
    assert len(told) > 30
    assert {Path(check.details["data_docs"]).stem for check in told} == set(shown) - {"index"}
    assert all(Path(check.details["data_docs"]).is_file() for check in told)
    assert str(index) in undertow(sample_home, "quality")
    assert json.loads(undertow(sample_home, "quality", "--format", "json"))["run"]["data_docs"] == str(index)
    assert f"Checks    {index}" in undertow(sample_home, "run", "--quiet").replace("\n/", "/")


def test_a_run_without_changes_pays_nothing_for_them(sample_home: Home) -> None:
    folder = sample_home.quality / "data_docs"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    script = (
        "import sys; from orchestration.runner import run; report = run('sample'); "
        "print(report.seconds['data docs'], 'great_expectations' in sys.modules)"
    )
    environment = {**os.environ, "UNDERTOW_HOME": str(sample_home.root)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    seconds, imported = done.stdout.split()
    assert float(seconds) < 0.5
    assert imported == "False"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.fixture
def repaired(sample_home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """The sample's home, whose pages are good again afterwards."""
    yield sample_home
    monkeypatch.undo()
    run("sample")
    assert results(sample_home)["ecb_observation"] == "passed"


def test_a_run_that_a_check_blocks_shows_the_fault(
    repaired: Home, sample_build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    impossible = Expectation(
        "ExpectColumnValuesToBeBetween", "no rate is above 20,000", arguments={"column": "max_value", "max_value": 20_000}
    )
    changed = (replace(SUITES[0], expectations=(*SUITES[0].expectations, impossible)),)
    monkeypatch.setattr(ecb_assets, "assets", room_assets(ROOM, changed))
    with pytest.raises(UndertowError, match=r"no rate is above 20,000; see .*index\.html"):
        run("sample")
    assert results(repaired)["ecb_observation"] == "failed"
    shown = pages(repaired)["ecb_observation"]
    assert shown.rows[1][:3] == ["failed", "ERROR", "no rate is above 20,000"]
    assert shown.rows[3][0] == "ecb.EXR.D.TRL.EUR.SP00.A"  # the old lira stood at more than a million
    assert float(shown.rows[3][1]) > 1_000_000
    summary = next(words for words in shown.words if words.startswith("On landing/ecb/observation"))
    assert summary.endswith("12 of 13 passed, 1 failed, 0 warned.")
    state = json.loads(undertow(repaired, "quality", "--format", "json"))
    assert [(check["why"], Path(check["data_docs"]).name) for check in state["checks"]] == [
        ("no rate is above 20,000", "ecb_observation.html")
    ]
    assert current_build(repaired).build_id == sample_build.build_id


def test_a_run_in_which_the_tool_fails_shows_no_bad_data(
    repaired: Home, sample_build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Expectation("ExpectColumnValuesToNotBeNull", "a column that is not there", arguments={"column": "absent"})
    changed = (replace(SUITES[0], expectations=(*SUITES[0].expectations, absent)),)
    monkeypatch.setattr(ecb_assets, "assets", room_assets(ROOM, changed))
    with pytest.raises(UndertowError, match=r"Great Expectations failed in suite ecb_observation.*absent"):
        run("sample")
    said = results(repaired)
    assert (said["ecb_observation"], said["bls_observation"]) == ("tool error", "passed")
    assert "neither passed nor failed" in pages(repaired)["ecb_observation"].text
    assert json.loads(undertow(repaired, "quality", "--format", "json"))["checks"] == []
    assert current_build(repaired).build_id == sample_build.build_id
