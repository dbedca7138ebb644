"""Metrics for Prometheus: read with its own parser, and held against SQL on the published tables and against the reports."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.commands import call
from tests.integration.ticks import publish_copy
from undertow.expected import rooms_asked
from undertow.incidents import Incident, IncidentLog
from undertow.instants import parse_instant
from undertow.prometheus import exposition, write_textfile
from undertow.publish import Build
from undertow.settings import Home, Settings

pytestmark = pytest.mark.slow

NOW = parse_instant("2026-11-22T12:00Z")
RUN: dict[str, Any] = {
    "run_id": "20261120T080000Z", "mode": "live", "started_at": "2026-11-20T08:00:00+00:00", "ended_at": "2026-11-20T08:02:05+00:00",
    "fetched": [
        {"source": "bls", "dataset": "cu_data", "status": "new", "bytes": 500},
        {"source": "ecb", "dataset": "eurofxref_hist", "status": "failed", "bytes": 0},
        {"source": "bls", "dataset": "cu_series", "status": "unchanged", "bytes": 70},
    ],
    "landed": [{"source": "bls", "dataset": "cu_data", "error": None, "retired": False}],
    "checks": [
        {"asset": "a", "name": "x", "passed": True, "severity": "ERROR", "tool": "dbt"},
        {"asset": "a", "name": "y", "passed": True, "severity": "ERROR", "tool": "dbt"},
        {"asset": "a", "name": "z", "passed": False, "severity": "WARN", "tool": "calendar"},
    ],
    "build": {"build_id": "b", "is_new": True}, "seconds": {"fetch bls": 1.5, "models": 60.0}, "error": None,
    "requests": {"bls": {"200": 2, "304": 1}, "ecb": {"503": 3, "none": 1}},
}  # fmt: skip
FAILED = {**RUN, "run_id": "20261121T080000Z", "started_at": "2026-11-21T08:00:00+00:00", "ended_at": "2026-11-21T08:00:10+00:00",
          "build": {}, "error": "step land_bls failed", "requests": {"bls": {"200": 5}}, "fetched": [], "landed": [], "checks": []}  # fmt: skip
OLD = {key: value for key, value in RUN.items() if key not in {"ended_at", "requests"}} | {
    "run_id": "20261119T080000Z", "started_at": "2026-11-19T08:00:00+00:00", "build": {"build_id": "b", "is_new": False},
}  # fmt: skip


def read(text: bytes | str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return the samples by name and labels, as Prometheus reads them."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text.decode() if isinstance(text, bytes) else text):
        for sample in family.samples:
            place = found.setdefault(sample.name, {})
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in place, (sample.name, labels)
            place[labels] = sample.value
    return found


def by(samples: dict[tuple[tuple[str, str], ...], float], label: str) -> dict[str, float]:
    return {dict(labels)[label]: value for labels, value in samples.items()}


@pytest.fixture
def home(sample_home: Home, sample_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with the published build and the quarantine of the sample, and with reports and incidents of its own."""
    home = Home(tmp_path / "home").ensure()
    publish_copy(sample_build, home)
    for folder in sample_home.landing.glob("*/quarantine"):
        shutil.copytree(folder, home.landing / folder.parent.name / "quarantine")
    (home.quality / "runs").mkdir()
    for report in (RUN, FAILED, OLD):
        (home.quality / "runs" / f"{report['run_id']}.json").write_text(json.dumps(report))
    log = IncidentLog(home.quality)
    log.update(NOW, [Incident("lapse|2025-10", "lapse", "held back", {}), Incident("run|daily|x", "run", "failed", {})])
    log.update(NOW, [], {"run|daily|x": "succeeded"})
    monkeypatch.setenv("UNDERTOW_HOME", str(home.root))
    return home


def test_the_build_is_what_sql_says_of_it(home: Home, published: duckdb.DuckDBPyConnection, sample_build: Build) -> None:
    metrics = read(exposition(home, Settings(), NOW))
    assert by(metrics["undertow_up"], "part") == {"runs": 1, "build": 1, "quarantine": 1, "incidents": 1}
    rows = by(metrics["undertow_published_rows"], "table")
    assert set(rows) == set(sample_build.manifest["tables"])
    for table, n in rows.items():
        assert published.execute(f"SELECT count(*) FROM marts.{table}").fetchall() == [(n,)], table
    query = "SELECT signal_id, {} FROM signals_as_known(?) WHERE starts_with(signal_id, 'composite.') AND {} IS NOT NULL"
    for column in ("value", "confidence"):
        found = published.execute(query.format(column, column), [NOW]).fetchall()
        assert by(metrics[f"undertow_composite_{column}"], "signal") == dict(found)
        assert "composite.fragility_ciss" in dict(found)
    (published_at,) = published.execute("SELECT epoch(published_at) FROM internal.build").fetchall()[0]
    assert metrics["undertow_build_timestamp_seconds"][()] == pytest.approx(published_at, abs=1e-3)
    assert metrics["undertow_build_age_seconds"][()] == pytest.approx(NOW.timestamp() - published_at, abs=1e-3)
    (info,) = metrics["undertow_build_info"]
    assert dict(info)["build_id"] == sample_build.build_id


OVERDUE = """
    WITH had AS (
        SELECT s.release_id, s.component, o.period_end, s.origin, split_part(s.series_id, '.', 1) AS room
        FROM marts.dim_series AS s JOIN as_known(?) AS o USING (series_id) WHERE list_contains(?, split_part(s.series_id, '.', 1))
    ),
    newest AS (
        SELECT release_id, component, max(period_end) AS period_end, bool_and(origin = 'synthetic') AS generated
        FROM (SELECT * FROM had UNION ALL SELECT * REPLACE ('all' AS component) FROM had WHERE component <> 'all') GROUP BY ALL
    )
    SELECT c.release_id, max(epoch(? - c.scheduled_at)), count(*)
    FROM calendar_as_known(?) AS c JOIN newest AS n USING (release_id, component)
    WHERE NOT n.generated AND c.reference_end > n.period_end AND c.status IN ('scheduled', 'rescheduled', 'pending')
        AND c.scheduled_at + INTERVAL 2 HOUR <= ? AND c.lapse_id IS NULL AND c.reference_end > ?::DATE - INTERVAL 24 MONTH
    GROUP BY 1
"""


@pytest.mark.parametrize("at", ["2026-11-22T12:00Z", "2026-10-31T00:00Z"])
def test_lateness_is_what_the_calendar_and_the_data_say(home: Home, published: duckdb.DuckDBPyConnection, at: str) -> None:
    now = parse_instant(at)
    rooms = rooms_asked(Settings(), now.date())
    said = published.execute(OVERDUE, [now, rooms, now, now, now, now]).fetchall()
    metrics = read(exposition(home, Settings(), now))
    late = by(metrics["undertow_release_overdue_seconds"], "release")
    assert {release: seconds for release, seconds in late.items() if seconds} == {one[0]: one[1] for one in said}
    assert "cpi" in {one[0] for one in said}
    assert {seconds for release, seconds in late.items() if release not in {one[0] for one in said}} <= {0}
    periods = {
        dict(k)["release"]: n for k, n in metrics["undertow_release_overdue_periods"].items() if ("held_back", "false") in k
    }
    assert {release: n for release, n in periods.items() if n} == {one[0]: one[2] for one in said}


def test_lateness_grows_while_nothing_is_published(home: Home) -> None:
    first, second = (
        by(read(exposition(home, Settings(), at))["undertow_release_overdue_seconds"], "release")["cpi"]
        for at in (NOW, NOW + timedelta(hours=3))
    )
    assert (first > 0, second - first) == (True, 3 * 3600)


def test_quarantine_is_what_the_files_hold(home: Home) -> None:
    found = by(read(exposition(home, Settings(), NOW))["undertow_quarantined_rows"], "source")
    for source, n in found.items():
        query = f"SELECT count(*) FROM read_parquet('{home.landing}/{source}/quarantine/*.parquet', union_by_name = true)"
        assert duckdb.sql(query).fetchall() == [(n,)], source
    assert len(found) > 10


def test_runs_are_what_their_reports_say(home: Home) -> None:
    metrics = read(exposition(home, Settings(), NOW))
    runs = by({k: v for k, v in metrics["undertow_runs_total"].items() if ("mode", "live") in k}, "outcome")
    assert runs == {"published": 1, "unchanged": 1, "partial": 0, "failed": 1}
    assert by(metrics["undertow_run_seconds_sum"], "outcome")["published"] == 125
    assert by(metrics["undertow_run_seconds_sum"], "outcome")["unchanged"] == 61.5  # of an older version: its steps
    requests = {(dict(k)["source"], dict(k)["status"]): v for k, v in metrics["undertow_requests_total"].items()}
    assert requests == {("bls", "200"): 7, ("bls", "304"): 1, ("ecb", "503"): 3, ("ecb", "none"): 1}
    payloads = {(dict(k)["source"], dict(k)["outcome"]): v for k, v in metrics["undertow_payloads_total"].items()}
    assert payloads == {("bls", "new"): 2, ("bls", "unchanged"): 2, ("ecb", "failed"): 2}
    assert by(metrics["undertow_new_bytes_total"], "source") == {"bls": 1000, "ecb": 0}
    assert (metrics["undertow_last_run_failed"][()], metrics["undertow_last_run_seconds"][()]) == (1, 10)
    assert metrics["undertow_last_success_timestamp_seconds"][()] == datetime(2026, 11, 20, 8, 2, 5, tzinfo=UTC).timestamp()
    (home.quality / "runs" / f"{FAILED['run_id']}.json").unlink()
    metrics = read(exposition(home, Settings(), NOW))
    checks: Counter[tuple[str, str]] = Counter()
    for labels, n in metrics["undertow_checks"].items():
        checks[dict(labels)["result"], dict(labels)["severity"]] += int(n)
    assert checks == {("passed", "ERROR"): 2, ("failed", "WARN"): 1, ("passed", "WARN"): 0, ("failed", "ERROR"): 0}
    assert by(metrics["undertow_source_failed"], "source") == {"bls": 0, "ecb": 1}
    assert by(metrics["undertow_last_run_step_seconds"], "step") == RUN["seconds"]


def test_incidents_are_what_the_log_says(home: Home) -> None:
    metrics = read(exposition(home, Settings(), NOW))
    assert by(metrics["undertow_open_incidents"], "kind") == {"lapse": 1, "release": 0, "run": 0}
    assert by(metrics["undertow_incidents_total"], "kind") == {"lapse": 1, "release": 0, "run": 1}


def test_what_cannot_be_read_is_said_and_hides_nothing_else(home: Home, tmp_path: Path) -> None:
    (home.quality / "runs" / "20261122T080000Z.json").write_text('{"run_id": ')
    (home.landing / "bls" / "quarantine" / "torn.parquet").write_bytes(b"PAR1")
    target = tmp_path / "textfile" / "undertow.prom"
    write_textfile(target, home, Settings(), NOW)
    metrics = read(target.read_text())
    assert by(metrics["undertow_up"], "part") == {"runs": 1, "build": 1, "quarantine": 0, "incidents": 1}
    assert sum(metrics["undertow_runs_total"].values()) == 3
    assert [path.name for path in target.parent.iterdir()] == ["undertow.prom"]
    empty = read(exposition(Home(tmp_path / "empty"), Settings(), NOW))
    assert by(empty["undertow_up"], "part") == {"runs": 1, "build": 0, "quarantine": 1, "incidents": 1}


def test_the_command_prints_writes_and_serves_on_this_machine(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "undertow.prom"
    printed, written = call(home.root, "metrics"), call(home.root, "metrics", "--output", str(target))
    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, "")
    changing = {"undertow_build_age_seconds", "undertow_scrape_timestamp_seconds", "undertow_release_overdue_seconds"}
    whole = {name: samples for name, samples in read(printed.stdout).items() if name not in changing}
    assert {name: samples for name, samples in read(target.read_text()).items() if name not in changing} == whole
    arguments = [sys.executable, "-m", "undertow", "metrics", "--serve", "--port", "0", "--seconds", "60"]
    server = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        said = server.stderr.readline().split()[-1]
        assert said.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(said, timeout=30) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            scraped = read(answer.read())
        assert {name: samples for name, samples in scraped.items() if name not in changing} == whole
        port = int(said.rpartition(":")[2].partition("/")[0])
        with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.2", port), timeout=5):
            pass  # another address of this machine: what listens everywhere would answer here
    finally:
        server.terminate()
        server.wait(60)
