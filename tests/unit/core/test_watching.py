"""What is told of a run that fails, that is stopped, and to those who do not answer: the run itself is never harmed."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.openlineage_events import validate
from tests.provider.server import File, Provider, moved, provider, status
from undertow.errors import UndertowError
from undertow.report import FetchOutcome, RunReport
from undertow.settings import Home, Settings
from undertow.watching import watched

KEY = "p1anted-key-7d2"


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with provider() as running:
        running.files["lineage/api/v1/lineage"] = File(b"ok")
        running.files["elsewhere/api/v1/lineage"] = File(b"ok")
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Provider) -> Home:
    monkeypatch.chdir(tmp_path)
    server.mend()
    return Home(tmp_path / "home").ensure()


def report() -> RunReport:
    one = RunReport("20261122T080000000000Z", "live", "2026-11-22T08:00:00+00:00")
    one.fetched = [FetchOutcome("bls", "cu_data", "new", "", "ab" * 32, 500, "2026-11-22T08:00:01Z", "live")]
    return one


def settings(**given: Any) -> Settings:
    return Settings(**given)


def lineage(home: Home) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home.root / "events.jsonl").read_text().splitlines()]


def saved(home: Home) -> dict[str, Any]:
    (path,) = (home.quality / "runs").glob("*.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("error", "state", "says"),
    [
        (UndertowError(f"the server said: {KEY} is no key"), "FAIL", f"the server said: {KEY} is no key"),
        (KeyError(KEY), "ABORT", "stopped by KeyError"),
        (KeyboardInterrupt(), "ABORT", "stopped by KeyboardInterrupt"),
    ],
)
def test_a_run_that_breaks_is_told(error: BaseException, state: str, says: str, home: Home) -> None:
    given = settings(openlineage_file=home.root / "events.jsonl", openlineage_key=KEY, metrics_file=home.root / "m.prom")
    with pytest.raises(type(error)), watched(report(), home, given):
        raise error
    assert saved(home)["error"] == says
    assert saved(home)["ended_at"] > saved(home)["started_at"]
    began, ended = lineage(home)
    assert (began["eventType"], ended["eventType"]) == ("START", state)
    assert began["run"]["runId"] == ended["run"]["runId"]
    assert ended["run"]["facets"]["errorMessage"]["message"] == says.replace(KEY, "REDACTED")
    assert [one["name"] for one in ended["inputs"]] == ["archive.bls.cu_data"]
    assert ended["outputs"] == []
    assert [validate(event) > 3 for event in (began, ended)] == [True, True]
    assert 'undertow_runs_total{mode="live",outcome="failed"} 1.0' in (home.root / "m.prom").read_text()
    assert (home.root / "events.jsonl").stat().st_mode & 0o077 == 0


def test_a_run_that_published_nothing_is_complete_and_partial(home: Home) -> None:
    with watched(report(), home, settings(openlineage_file=home.root / "events.jsonl")):
        pass
    assert lineage(home)[1]["eventType"] == "COMPLETE"
    assert saved(home)["error"] is None


def test_who_does_not_answer_harms_nothing(home: Home, server: Provider, caplog: pytest.LogCaptureFixture) -> None:
    """A server that fails is tried three times, one that is not there too; the file has what was lost."""
    (home.root / "not a folder").write_text("")
    server.break_with("lineage", status(503))
    began = time.monotonic()
    for url in (server.server.url_for("/lineage/"), "http://127.0.0.1:1"):
        given = settings(
            openlineage_url=url,
            openlineage_key=KEY,
            openlineage_file=home.root / "events.jsonl",
            metrics_file=home.root / "not a folder" / "m.prom",
        )
        with caplog.at_level(logging.WARNING, "undertow"), watched(report(), home, given):
            pass
    assert time.monotonic() - began < 20
    assert len(server.to("lineage")) == 6
    assert len(lineage(home)) == 4
    said = [record.getMessage() for record in caplog.records if record.name.startswith("undertow.")]
    assert [text for text in said if text.startswith("the lineage event")] == [
        "the lineage event START was not taken (http): RetryError",
        "the lineage event COMPLETE was not taken (http): RetryError",
        "the lineage event START was not taken (http): ConnectionError",
        "the lineage event COMPLETE was not taken (http): ConnectionError",
    ]
    assert len([text for text in said if text.startswith("the metrics could not be written")]) == 2
    assert KEY not in caplog.text


def test_a_key_does_not_follow_a_redirect(home: Home, server: Provider) -> None:
    server.break_with("lineage", moved("/elsewhere/api/v1/lineage", 307))
    given = settings(openlineage_url=server.server.url_for("/lineage/"), openlineage_key=KEY)
    with watched(report(), home, given):
        pass
    assert len(server.to("lineage")) == 2
    assert server.to("elsewhere") == []


def test_without_the_client_one_warning_says_so(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openlineage.client.transport.file", None)
    with caplog.at_level(logging.WARNING), watched(report(), home, settings(openlineage_file=home.root / "events.jsonl")):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        "no lineage is told of this run: OpenLineage needs its client: install undertow[lineage]"
    ]
    assert saved(home)["error"] is None
