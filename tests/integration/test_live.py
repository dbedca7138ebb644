"""Live mode from end to end: `undertow run --source live` in processes of its own, over real sockets, against the loopback provider.

One home goes through three runs: the first, one that meets 304s, and one with a new day while a source is down. The runs are made
once; each test looks at one thing. What goes wrong with payloads is in `test_faults.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from prometheus_client.parser import text_string_to_metric_families

from assets.bls import ROOM as BLS
from assets.census import PROGRAMS
from assets.cftc import SOCRATA_URL
from assets.ecb import HIST_URL
from assets.ecb import ROOM as ECB
from assets.frb import ROOM as FRB
from assets.nyfed import RATES
from assets.nyfed import ROOM as NYFED
from assets.prints import ROOM as PRINTS
from assets.tic import FILES as TIC_FILES
from assets.treasury import ROOM as TREASURY
from tests.integration.openlineage_events import validate
from tests.integration.ticks import Daemon, publish_copy
from tests.provider import payloads, server
from tests.provider.payloads import (
    API_V1,
    API_V2,
    BEA_DATES,
    BEA_ICS,
    CENSUS_FILES,
    CU_DATA,
    CU_SERIES,
    DAILY,
    HIST,
    LAST_DAY,
    NEXT_DAY,
    REPORT,
)  # fmt: skip
from tests.provider.server import Asked, File, Provider
from undertow.archive import Archive
from undertow.calendars import at_local
from undertow.incidents import IncidentLog
from undertow.instants import format_instant
from undertow.publish import Build, current_build, list_builds
from undertow.room import load_room
from undertow.settings import Home, Settings

FUTURES = SOCRATA_URL.removeprefix("https://")
# the command, with the distance between requests that BLS and ECB ask for and next to none elsewhere
HASTY = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); sys.argv[0] = 'undertow'; "
    "from tests.integration.commands import hasten; hasten(but={'bls', 'ecb'}); from undertow.cli import main; main()"
)
KEY = "5f3c9e1d7a2b48c6"  # 16 hexadecimal digits, as registration keys look
PLANTED = "p1anted-9e1d7a2b48c6"
WATCHERS = ("lineage", "alerts")
DOLLAR = "ecb.EXR.D.USD.EUR.SP00.A"


@dataclass
class Run:
    """One run of the command: what it said, what the provider was asked, and what was published afterwards."""

    code: int
    out: str
    err: str
    asked: list[Asked]
    build: Build

    @property
    def report(self) -> dict[str, Any]:
        """The run's report, from ``--format json``."""
        return json.loads(self.out)

    def fetched(self) -> dict[str, str]:
        """Return dataset -> status."""
        return {one["dataset"]: one["status"] for one in self.report["fetched"]}


@dataclass
class Story:
    """The home and its runs."""

    home: Home
    provider: Provider
    api: payloads.Api
    beside: Path  # what a run writes outside of its home, and the files of secrets
    runs: list[Run] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    told: list[Asked] = field(default_factory=list)  # what the second run told others

    def undertow(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run the command in a process of its own, away from any proxy and any setting of this machine."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if "proxy" not in name.lower() and not name.startswith("UNDERTOW_")
        }
        environment = {**inherited, **self.provider.environment(**settings), "UNDERTOW_HOME": str(self.home.root)}
        done = subprocess.run(
            [sys.executable, "-c", HASTY, *arguments],
            env=environment,
            cwd=self.home.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        self.outputs += [done.stdout, done.stderr]
        return done

    def run(self, *arguments: str, **settings: str) -> Run:
        """Run live mode once."""
        self.provider.asked.clear()
        done = self.undertow("run", "--source", "live", *arguments, **settings)
        assert done.returncode in (0, 3), done.stderr
        asked = [one for one in self.provider.asked if one.host not in WATCHERS]
        run = Run(done.returncode, done.stdout, done.stderr, asked, current_build(self.home))
        self.runs.append(run)
        return run


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with server.provider() as provider:
        beside = tmp_path_factory.mktemp("beside")
        told = Story(Home(tmp_path_factory.mktemp("live")), provider, payloads.serve_all(provider), beside)
        _first_run(told)
        _watched_run(told)
        _a_new_day_while_a_source_is_down(told)
        told.run("--quiet")
        yield told


def _first_run(told: Story) -> None:
    """Everything at once that a client must live with: a redirect, a server that is busy, one that stumbles, an echoed key."""
    provider, api = told.provider, told.api
    api.changes["message"] = lambda asked: [f"Thank you, user of key {asked.get('registrationkey')}."]
    provider.files["www.ecb.europa.eu/moved/eurofxref.zip"] = provider.files[DAILY]
    provider.break_with(DAILY, server.moved("/www.ecb.europa.eu/moved/eurofxref.zip", 301))
    provider.break_with(HIST, server.status(500), server.as_usual)
    provider.break_with(CU_SERIES, server.status(429, Retry_After="3"), server.as_usual)
    told.run("--format", "json", bls_key=KEY)
    provider.mend()


def _watched_run(told: Story) -> None:
    """Nothing new; everything that can be told of a run is told, and every secret comes from a file."""
    for place in ("lineage/api/v1/lineage", f"alerts/hooks/{PLANTED}"):
        told.provider.files[place] = File(b"ok")
    url = told.provider.server.url_for
    secrets = {"bls_key": KEY, "openlineage_key": PLANTED, "alert_webhook": url(f"/alerts/hooks/{PLANTED}")}
    secrets["smtp_password"] = PLANTED
    settings = {}
    for name, secret in secrets.items():
        path = told.beside / name
        path.write_text(secret + "\n")
        path.chmod(0o400)
        settings[f"{name}_file"] = str(path)
    told.run(
        "--format", "json", "--log-format", "json",
        metrics_file=str(told.beside / "undertow.prom"),
        openlineage_file=str(told.beside / "lineage.jsonl"),
        openlineage_url=url("/lineage/"),
        **settings,
    )  # fmt: skip
    told.told = [one for one in told.provider.asked if one.host in WATCHERS]
    for name in secrets:
        (told.beside / name).unlink()


def _a_new_day_while_a_source_is_down(told: Story) -> None:
    """The ECB has published a day; BLS is away, and there is no key."""
    told.provider.files[HIST] = File(payloads.hist(NEXT_DAY), "application/zip")
    told.provider.files[DAILY] = File(payloads.daily(NEXT_DAY), "application/zip")
    told.provider.break_with("download.bls.gov", server.status(503))
    told.provider.break_with("api.bls.gov", server.status(503))


def observations(build: Build, where: str = "true") -> set[tuple[Any, ...]]:
    """Return series, period, value, status, basis and number of the observations of a build."""
    connection = duckdb.connect(str(build.database), read_only=True)
    try:
        rows = connection.execute(
            "SELECT series_id, period_start, value, obs_status, known_at_basis, vintage_number FROM marts.fct_observation "
            f"WHERE {where}"
        ).fetchall()
    finally:
        connection.close()
    assert len(rows) == len(set(rows))
    return set(rows)


def test_the_first_run_lands_and_publishes(story: Story) -> None:
    run = story.runs[0]
    assert run.code == 0, run.err
    fetched = run.fetched()
    bls = {one.dataset for one in load_room("bls").requests(Settings(), LAST_DAY)}
    assert {"cu_data", "employment_situation", "ces_vintages", "ce_data"} < bls
    assert fetched == {
        **{name: "new" for name in bls},
        **{dataset.name: "new" for dataset in ECB.datasets},
        **{"release_calendar_ics": "new", "release_dates_json": "new"},
        **{f"{one.api}_file": "new" for one in PROGRAMS},
        **{dataset: "new" for dataset in TIC_FILES},
        **{dataset: "new" for dataset in ("index", "bdc_zip", "nport_zip", "register")},  # of the SEC, who knows who asks
        **{
            dataset.name: "new"
            for name in ("bis", "cftc", "eurostat", "fiscaldata", "mof", "ofr")
            for dataset in load_room(name).room.datasets
        },
        "exr_changes": "skipped",  # the ECB has corrected nothing
        "release": "skipped",  # there is none on the days that are asked for, which is no fault
        "report": "new",
        **{dataset.name: "new" for dataset in NYFED.datasets},
        **{dataset.name: "new" for dataset in (*FRB.datasets, *TREASURY.datasets)},
        **{name.lower(): "unchanged" for name in (*RATES, "repo_operations")},  # the same bytes at a second address
        "fr2420": "skipped",  # no quarter has a workbook
        **{dataset.name: "new" for dataset in PRINTS.datasets},  # files of the room itself
    }
    assert [note for note in run.report["notes"] if "UNDERTOW_BEA_KEY" in note]
    assert run.report["build"]["is_new"]
    failed = [check for check in run.report["checks"] if not check["passed"]]
    assert {check["tool"] for check in failed} == {"calendar"}  # the provider of the story stands still, and the clock does not
    assert {check["severity"] for check in failed} == {"WARN"}
    assert (DOLLAR, LAST_DAY, float(payloads.rate("USD", LAST_DAY)), "A", "lag_rule", 1) in observations(run.build)


@pytest.mark.parametrize(
    ("series", "as_of", "period", "value"),
    [
        ("bls.CUUR0000SA0", "2025-12-20", "2025-11-01", 324.122),
        ("bls.CUUR0000SA0", "2025-11-15", "2025-09-01", 324.8),
        ("bls.CUUR0000SA0L1E", "2025-12-20", "2025-11-01", 330.425),
        (DOLLAR, "2025-12-18 16:00 Europe/Berlin", "2025-12-18", float(payloads.rate("USD", LAST_DAY))),
        (DOLLAR, "2025-12-18 15:59 Europe/Berlin", "2025-12-17", None),
    ],
)
def test_known_gives_the_values(story: Story, series: str, as_of: str, period: str, value: float | None) -> None:
    done = story.undertow("known", series, "--as-of", as_of, "--format", "json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["period_start"] == period
    assert value is None or row["value"] == value


def test_october_2025_is_a_row_without_a_value(story: Story) -> None:
    october = "period_start = DATE '2025-10-01' AND series_id LIKE 'bls.%'"
    rows = {row[0]: row[2:4] for row in observations(story.runs[0].build, october)}
    assert rows["bls.CUUR0000SA0"] == (None, "L")
    assert rows["bls.CUSR0000SETA01"] == (178.609, "A")


def test_requests_keep_their_distance(story: Story) -> None:
    """Also the second try after an error, and the request that follows a redirect."""
    for run in story.runs:
        for room in (BLS, ECB):
            hosts = {"bls": {"download.bls.gov", "api.bls.gov", "www.bls.gov"}, "ecb": {"www.ecb.europa.eu"}}[room.name]
            starts = [one.at for one in run.asked if one.host in hosts]
            assert len(starts) >= 2
            assert all(after - before >= room.min_interval_seconds - 0.05 for before, after in pairwise(starts))


def test_a_429_is_waited_for_as_long_as_it_says(story: Story) -> None:
    first, second = [one for one in story.runs[0].asked if one.host + one.path == CU_SERIES]
    assert (first.status, second.status) == (429, 200)
    assert second.at - first.at >= 3.0


def test_a_stumble_is_tried_again_and_a_redirect_followed(story: Story) -> None:
    asked = [(one.path.rpartition("/")[2], one.status) for one in story.runs[0].asked if one.host == "www.ecb.europa.eu"]
    assert asked == [("eurofxref-hist.zip", 500), ("eurofxref-hist.zip", 200), ("eurofxref.zip", 301), ("eurofxref.zip", 200)]


def test_who_asks_says_so_and_takes_gzip(story: Story) -> None:
    for one in story.runs[0].asked:
        assert "Ana Ruiz ana@example.org" in one.headers["user-agent"]
        assert one.headers["accept-encoding"] == "gzip"


def test_the_archive_names_the_providers_own_address(story: Story) -> None:
    archive = Archive(story.home.archive)
    assert archive.verify() == []
    asked = {one.host for run in story.runs for one in run.asked}
    seen = [sighting for sighting in archive.sightings() if sighting.source != PRINTS.name]
    assert {sighting.url.split("/")[2] for sighting in seen} == asked - {"api.census.gov"}
    assert asked >= {"www.ecb.europa.eu", "download.bls.gov", "api.bls.gov"}
    newest = archive.latest("ecb", "eurofxref_hist", HIST_URL)
    assert newest is not None
    assert (newest.note or "").startswith("asked at http://127.0.0.1:")
    (series,) = {sighting.sha256 for sighting in archive.sightings("bls", "cu_series")}
    assert archive.read(series) == payloads.cu_series()  # the bytes, not their compression


def test_the_second_run_is_answered_304_and_publishes_nothing(story: Story) -> None:
    """The API's answer has other bytes every time, for it says how long it took; that is no news either."""
    first, second = story.runs[:2]
    assert second.code == 0, second.err
    asked = {(one.host + one.path, one.status) for one in second.asked if one.status != 404}  # what is named for a day
    abroad = payloads.abroad()
    anew = (CENSUS_FILES, REPORT, payloads.CURVE, FUTURES, *payloads.treasury(), *payloads.monitors())  # no validators
    anew += tuple(path for path, file in abroad.items() if not file.validators)
    assert asked - {(path, 200) for path in anew} == {
        (CU_SERIES, 304), (CU_DATA, 304), (HIST, 304), (DAILY, 304), (API_V2, 200),
        (BEA_ICS, 304), (BEA_DATES, 304), *((path, 304) for path in payloads.more_of_bls()),
        *((path, 304) for path in (*payloads.ny_fed(), *payloads.board(), *payloads.futures_files())),
        *((path, 304) for path, file in abroad.items() if file.validators),
        *((path, 304) for path in (*payloads.capital_flows(), *payloads.filings())),
    }  # fmt: skip
    assert {name for name, status in second.fetched().items() if status not in {"unchanged", "skipped"}} == {"api_v2"}
    assert not second.report["build"]["is_new"]
    assert second.report["build"]["models_unchanged"]
    assert second.build.build_id == first.build.build_id


def test_the_third_run_adds_exactly_the_new_day(story: Story) -> None:
    second, third = story.runs[1:]
    assert third.build.build_id != second.build.build_id
    before, after = observations(second.build), observations(third.build)
    assert before - after == set()
    assert after - before == {
        (f"ecb.EXR.D.{one}.EUR.SP00.A", NEXT_DAY, float(payloads.rate(one, NEXT_DAY)), "A", "lag_rule", 1)
        for one in payloads.CURRENCIES
    }


def test_the_sensor_asks_for_the_new_day_until_it_is_there(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One minute after the fixing it asks, as long as the build of the second run is current; then that of the third."""
    home, key = Home(tmp_path).ensure(), f"ecb_eurofxref|all|{NEXT_DAY}"
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path))
    minutes = [format_instant(at_local(NEXT_DAY, f"16:{minute:02}", "Europe/Berlin")) for minute in (0, 1, 2, 3, 4, 5)]
    with dg.DagsterInstance.ephemeral() as instance:
        daemon = Daemon(instance)
        publish_copy(story.runs[1].build, home)
        waiting = [daemon.asked(minute, "ecb_eurofxref") for minute in minutes[:4]]
        assert waiting == [[], [f"{NEXT_DAY}|1"], [f"{NEXT_DAY}|2"], []]
        publish_copy(story.runs[2].build, home)
        arrived = daemon.tick(minutes[4])
    assert [type(event).__name__ for event in arrived.asset_events if event.partition == key] == ["AssetMaterialization"]
    assert "ecb_eurofxref" not in daemon.cursor


def test_a_source_that_is_down_is_named_in_the_summary_and_the_exit_code(story: Story) -> None:
    third = story.runs[2]
    assert third.code == 3, third.err
    summary = " ".join(third.out.split())
    for dataset in ("cu_series", "cu_data", "api_v2"):
        assert f"failed bls/{dataset}" in summary
    assert "still failed after 2 tries: it answered 503" in summary
    assert "Traceback" not in third.err


def test_without_a_key_version_1_is_asked(story: Story) -> None:
    assert {one.host + one.path for one in story.runs[2].asked if one.method == "POST"} == {API_V1, REPORT}
    assert {one.host + one.path for one in story.runs[0].asked if one.method == "POST"} == {API_V2, REPORT}


def test_the_key_is_nowhere(story: Story) -> None:
    """Not in a file, inside a compressed one, or in anything printed, although the server repeats it."""
    assert set(story.api.keys) == {KEY}
    secret, planted = KEY.encode(), PLANTED.encode()
    archive = Archive(story.home.archive)
    files = [path for folder in (story.home.root, story.beside) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        content = archive.read(path.stem) if path.suffix == ".zst" else path.read_bytes()
        if path.suffix == ".parquet":
            content += str(duckdb.sql(f"SELECT * FROM read_parquet('{path}')").fetchall()).encode()
        assert secret not in content, path
        assert planted not in content, path
    assert not [text for text in story.outputs if KEY in text or PLANTED in text]
    assert not [one for one in story.told if secret in one.body or planted in one.body]
    echoes = [archive.read(one.sha256) for one in archive.sightings("bls", "api_v2")]
    assert all(b"user of key " in body for body in echoes)


def test_a_watched_run_is_told_line_by_line(story: Story) -> None:
    second = story.runs[1]
    lines = [json.loads(line) for line in second.err.splitlines()]
    assert {one["run_id"] for one in lines if one["logger"] == "undertow.run"} == {second.report["run_id"]}
    assert (lines[0]["event"], lines[0]["mode"]) == ("run began", "live")
    (last,) = [one for one in lines if one["event"] == "run ended"]
    news = sum(one["bytes"] for one in second.report["fetched"] if one["status"] == "new")  # the API says how long it took
    assert (last["outcome"], last["build_id"], last["bytes"]) == ("unchanged", second.build.build_id, news)
    steps = {one["step"]: one["seconds"] for one in lines if one["event"] == "step ended"}
    assert steps == {step: seconds for step, seconds in second.report["seconds"].items() if step in steps}
    assert {"fetch bls", "land bls", "publish"} <= set(steps), "nothing is modelled anew"
    fetched = [(one["source"], one["dataset"], one["outcome"]) for one in lines if "outcome" in one and "dataset" in one]
    assert fetched == [(one["source"], one["dataset"], one["status"]) for one in second.report["fetched"]]
    answers = [one["status"] for one in lines if one["logger"] == "undertow.http" and "url" in one]
    assert len(answers) > 20
    assert set(answers) <= {200, 304}


def test_the_metrics_count_what_providers_answered(story: Story) -> None:
    """The file of the second run holds the requests of both runs; the server has its own list of them."""
    metrics = text_string_to_metric_families((story.beside / "undertow.prom").read_text())
    (requests,) = [family for family in metrics if family.name == "undertow_requests"]
    counted: Counter[str] = Counter()
    for sample in requests.samples:
        counted[sample.labels["status"]] += int(sample.value)
    assert counted == Counter(str(one.status) for run in story.runs[:2] for one in run.asked)
    assert {"200", "301", "304", "429", "500"} <= set(counted)
    assert (story.beside / "undertow.prom").stat().st_mode & 0o444 == 0o444  # node-exporter is another user


def test_lineage_goes_to_the_server_and_to_the_file(story: Story) -> None:
    posted = [json.loads(one.body) for one in story.told if one.host == "lineage"]
    written = [json.loads(line) for line in (story.beside / "lineage.jsonl").read_text().splitlines()]
    assert posted == written
    assert [event["eventType"] for event in written] == ["START", "COMPLETE"]
    assert {one.headers["authorization"] for one in story.told if one.host == "lineage"} == {f"Bearer {PLANTED}"}
    assert len({event["run"]["runId"] for event in written}) == 1
    assert [validate(event) for event in written][1] > 100
    manifest = story.runs[1].build.manifest
    inputs = {one["name"]: one["facets"]["version"]["datasetVersion"] for one in written[1]["inputs"]}
    newest = {
        f"archive.{o['source']}.{o['dataset']}": o["sha256"] for o in sorted(manifest["inputs"], key=lambda o: o["fetched_at"])
    }
    assert inputs == newest
    outputs = {one["name"].removeprefix("marts."): one for one in written[1]["outputs"]}
    rows = {name: one["outputFacets"]["outputStatistics"]["rowCount"] for name, one in outputs.items()}
    assert rows == {name: table["rows"] for name, table in manifest["tables"].items()}
    with duckdb.connect(str(story.runs[1].build.database), read_only=True) as connection:
        for name, one in outputs.items():
            described = connection.execute(f"DESCRIBE marts.{name}").fetchall()
            assert [(f["name"], f["type"]) for f in one["facets"]["schema"]["fields"]] == [row[:2] for row in described]


def test_what_is_late_is_told_once(story: Story) -> None:
    (alert,) = [json.loads(one.body) for one in story.told if one.host == "alerts"]
    log = IncidentLog(story.home.quality)
    told = [event["key"] for event in log.events() if event["event"] == "told"]
    assert sorted(one["key"] for one in alert["incidents"]) == sorted(told) == sorted(set(told))
    assert {key.partition("|")[0] for key in told} >= {"release"}
    assert any(one.told_by == {"webhook"} for one in log.open().values())


def test_the_home_is_closed_to_others_and_builds_are_read_only(story: Story) -> None:
    home = story.home
    for folder in (home.archive, home.landing, home.warehouse, home.quality, home.published):
        assert folder.stat().st_mode & 0o077 == 0, folder
    for path in (path for path in story.runs[1].build.path.rglob("*") if path.is_file()):
        assert path.stat().st_mode & 0o777 == 0o444, path


def test_a_build_is_listed_for_each_run_that_had_news(story: Story) -> None:
    assert len(list_builds(story.home)) == 2


def test_what_is_not_asked_without_consent_is_said_in_one_line(story: Story) -> None:
    lines = [
        line for line in " ".join(story.runs[2].out.split()).split("skipped ") if line.startswith("fred: nothing is asked")
    ]
    assert len(lines) == 1
    assert "set UNDERTOW_FRED_CONSENT=yes if you may keep it" in lines[0]
    assert [note for note in story.runs[0].report["notes"] if "fred" in note]
    assert not [one for run in story.runs for one in run.asked if "stlouisfed" in one.host]
