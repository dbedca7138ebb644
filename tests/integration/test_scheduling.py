"""Scheduling by the calendar against a published build: the sensor, the run it asks for, lateness as checks, alerts."""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.alerts import build_alert_sensors
from orchestration.backfills import build_backfill_definitions
from orchestration.calendar_sensor import LIVE
from orchestration.definitions import JOB, build_definitions, selection_of
from orchestration.lateness import headline_releases, lateness
from orchestration.resources import Pipeline
from tests.integration.ticks import Daemon, publish_copy
from tests.provider.payloads import serve_all
from tests.provider.server import File, Provider, provider, status
from undertow.archive import Archive
from undertow.errors import UndertowError
from undertow.incidents import IncidentLog
from undertow.instants import format_instant, parse_instant
from undertow.publish import Build, current_build
from undertow.report import CheckOutcome, FetchOutcome
from undertow.settings import Home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def definitions(sample_home: Home) -> dg.Definitions:
    return build_definitions()


@pytest.fixture
def home(sample_home: Home, sample_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of its own for incidents, with the published build of the sample and when its payloads were fetched."""
    home = Home(tmp_path).ensure()
    shutil.copytree(sample_home.archive / "manifest", home.archive / "manifest")
    publish_copy(sample_build, home)
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path))
    return home


@pytest.fixture
def daemon(definitions: dg.Definitions) -> Iterator[Daemon]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(instance)


@pytest.mark.usefixtures("home")
def test_the_reference_rates_are_asked_for_at_four_in_frankfurt(daemon: Daemon) -> None:
    """The sample ends with the rates of Friday, 30 October 2026. The next are due on Monday at 16:00 in winter time."""
    assert daemon.asked("2026-11-02T15:00Z", "ecb_eurofxref") == []
    daemon.cursor = ""
    (request,) = daemon.tick("2026-11-02T15:01Z").run_requests or []
    assert request.run_config == LIVE
    assert request.tags["dagster/max_retries"] == "2"
    assert "ecb_eurofxref" in request.tags["undertow/release_id"].split(", ")
    assert "ecb" in request.tags["undertow/rooms"].split(", ")
    assert dg.AssetKey(["archive", "ecb", "any"]) in (request.asset_selection or [])
    assert "ecb_eurofxref|all|2026-11-02" in daemon.instance.get_dynamic_partitions("releases")
    quiet = daemon.tick("2026-11-02T15:01:30Z")
    assert quiet.run_requests == []
    assert "the next release is due 2026-11-03T13:30:00Z" not in str(quiet.skip_reason)
    assert "are waited for and asked for again later" in str(quiet.skip_reason)
    minutes = [daemon.asked(f"2026-11-02T15:0{minute}Z", "ecb_eurofxref") for minute in (2, 3, 4, 5, 8)]
    assert minutes == [["2026-11-02|2"], [], ["2026-11-02|3"], [], ["2026-11-02|4"]]


def test_expected_and_not_arrived_is_written_down_and_closed(daemon: Daemon, home: Home) -> None:
    log, key = IncidentLog(home.quality), "release|ecb_eurofxref|all|2026-11-02"
    daemon.tick("2026-11-02T15:01Z")
    assert key not in log.open()
    late = daemon.tick("2026-11-02T17:08Z")
    assert log.open()[key].says == "ecb_eurofxref 2026-11-02 was due 2026-11-02T15:00:00Z and has not arrived"
    said = {event.partition: event.description for event in late.asset_events}
    assert said["ecb_eurofxref|all|2026-11-02"] == f"opened: {log.open()[key].says}"
    assert daemon.tick("2026-11-02T17:20Z").asset_events == []
    # as of an earlier instant it was not yet due, and so the incident is over
    before = daemon.tick("2026-10-30T16:00Z")
    assert key not in log.open()
    closed = [event for event in log.events() if event["event"] == "closed" and event["key"] == key]
    assert [event["outcome"] for event in closed] == ["scheduled"]
    assert "closed: scheduled" in {event.description for event in before.asset_events if event.partition == key[8:]}


@pytest.mark.usefixtures("home")
def test_a_period_that_arrives_materialises_its_partition(daemon: Daemon) -> None:
    """Asked for on Thursday at one minute past the instant; by Friday its rates are in the build."""
    key = "ecb_eurofxref|all|2026-10-29"
    daemon.instance.add_dynamic_partitions("releases", [key])
    asked = {"2026-10-29": {"due_at": "2026-10-29T15:00:00Z", "attempt": 1}}
    daemon.cursor = json.dumps({"ecb_eurofxref|all": {"since": "2026-10-29T15:01:00Z", "asked": asked}})
    events = daemon.tick("2026-10-30T10:00Z").asset_events
    assert [type(event) for event in events if event.partition == key] == [dg.AssetMaterialization]
    assert "ecb_eurofxref|all" not in json.loads(daemon.cursor)


def test_october_2025_was_cancelled_and_the_lapse_is_one_incident(daemon: Daemon, home: Home) -> None:
    """Behind the lapse everything is one incident. What was known to be cancelled from 21 November on is not asked for."""
    log = IncidentLog(home.quality)
    daemon.tick("2025-11-15T00:00Z")
    daemon.tick("2025-11-15T01:00Z")
    # the Treasury's monthly statements went on in the lapse; that of October was late, and nobody had said why
    statement = "release|monthly_treasury_statement|all|2025-10"
    assert [key for key in log.open() if key.startswith("lapse|") or "|2025-" in key] == ["lapse|2025-10", statement]
    assert "cpi|all|2025-10" in log.open()["lapse|2025-10"].details["periods"]
    for day in range(22, 31):
        assert daemon.asked(f"2025-11-{day}T00:00Z", "cpi") == []
        assert "2025-10" not in "".join(daemon.asked(f"2025-11-{day}T01:00Z", "employment_situation"))


def test_before_anything_is_published_a_first_run_is_asked_for(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path / "empty"))
    requests = [daemon.tick(at).run_requests or [] for at in ("2026-11-02T15:01Z", "2026-11-02T15:02Z")]
    assert [[request.run_key for request in some] for some in requests] == [["first run|2026-11-02"]] * 2  # Dagster runs one
    assert [some[0].asset_selection for some in requests] == [None, None]


@pytest.mark.usefixtures("home")
def test_nothing_is_asked_for_while_a_run_is_in_progress(daemon: Daemon) -> None:
    daemon.instance.add_run(dg.DagsterRun(job_name=JOB, status=dg.DagsterRunStatus.STARTED))
    busy = daemon.tick("2026-11-02T15:01Z")
    assert (busy.run_requests, "a run is in progress" in str(busy.skip_reason)) == ([], True)


@pytest.mark.usefixtures("home")
def test_the_sensors_of_the_code_location(definitions: dg.Definitions) -> None:
    sensors = {sensor.name: sensor for sensor in definitions.sensors or []}
    assert {name: sensor.default_status.value for name, sensor in sensors.items()} == {
        "releases_due": "STOPPED",
        "failed_runs": "RUNNING",
        "mended_runs": "RUNNING",
    }
    with dg.DagsterInstance.ephemeral() as instance:  # as the daemon does it: the selection is held against the job
        context = dg.build_sensor_context(instance, repository_def=definitions.get_repository_def())
        (request,) = sensors["releases_due"].evaluate_tick(context).run_requests or []
    rooms = {key.path[1] for key in request.asset_selection or [] if key.path[0] in {"archive", "landing"}}
    assert rooms == set(request.tags["undertow/rooms"].split(", "))
    assert {"prints", "file"} & rooms == set()  # nobody is asked for what they hold
    assert dg.AssetKey(["published", "build"]) in (request.asset_selection or [])


def test_a_run_for_one_room_asks_that_room_and_publishes(sample_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A selection as the sensor asks for, run for real: one provider, all of the warehouse, the checks of lateness."""
    monkeypatch.setenv("UNDERTOW_HOME", str(sample_home.root))
    before = current_build(sample_home).build_id
    pipeline = Pipeline("sample")
    definitions = build_definitions(pipeline)
    assets = [asset for asset in definitions.assets or [] if isinstance(asset, dg.AssetsDefinition)]
    result = definitions.resolve_job_def(JOB).execute_in_process(
        asset_selection=selection_of(assets)(["ecb"]),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    assert result.success
    assert {outcome.source for outcome in pipeline.report.fetched} == {"ecb"}
    assert current_build(sample_home).build_id == before
    late = {check.name: check for check in pipeline.report.checks if check.tool == "calendar"}
    assert len(late) == len(headline_releases()) + 2
    assert {name for name, check in late.items() if not check.passed} == set()
    assert (late["cpi_is_on_time"].details["status"], late["cpi_is_on_time"].details["judged_at"]) == (
        "on time",
        "2026-09-24T15:29:08Z",
    )


def test_releases_are_asked_for_again_as_partitions(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backfill over keys of releases: the room that brings them is asked once, and what it sends is archived, not landed."""
    keys = ["ecb_eurofxref|all|2026-10-29", "ecb_eurofxref|all|2026-11-02"]
    (asset,) = [one for one in build_backfill_definitions().assets or [] if one.key == dg.AssetKey(["calendar", "asked_again"])]
    with provider() as server, dg.DagsterInstance.ephemeral() as instance:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        serve_all(server)
        instance.add_dynamic_partitions("releases", [*keys, "nobody|all|2026-01"])
        run = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[1]}
        result = dg.materialize([asset], instance=instance, tags=run)
        assert result.success
        events = result.get_asset_materialization_events()
        assert sorted(str(event.partition) for event in events) == keys
        assert {one.host for one in server.asked} == {"www.ecb.europa.eu", "data-api.ecb.europa.eu"}
        assert {seen.source for seen in Archive(home.archive).sightings() if seen.origin == "live"} == {"ecb"}
        assert not list((home.landing).rglob("*.parquet"))
        with pytest.raises(UndertowError, match="no source that is asked under these settings brings nobody"):
            dg.materialize([asset], instance=instance, partition_key="nobody|all|2026-01")


def checks(home: Home, mode: str, at: str, fetched: tuple[str, ...] = (), known_by: str = "") -> dict[str, CheckOutcome]:
    """Return the outcomes of the checks of lateness at an instant, after a run that fetched from some sources."""
    pipeline = Pipeline(mode, known_by=known_by)
    pipeline.report.build["path"] = str(home.current.resolve())
    pipeline.report.fetched = [FetchOutcome(source, "any", "unchanged") for source in fetched]
    return {outcome.name: outcome for outcome in lateness(pipeline, parse_instant(at))}


def test_lateness_is_judged_by_periods_and_the_calendar(home: Home) -> None:
    """The sample holds the CPI of August 2026; September's was due on 14 October at 12:30 in UTC."""
    found = checks(home, "live", "2026-10-14T12:31Z")["cpi_is_on_time"]
    assert (found.passed, found.details["newest_period_ends"]) == (True, "2026-08-31")  # agencies take their time
    found = checks(home, "live", "2026-10-14T14:30Z")["cpi_is_on_time"]
    assert (found.passed, found.severity, found.details["status"]) == (False, "WARN", "late")
    assert found.details["late_periods"] == ["cpi|all|2026-09"]
    assert found.details["why"] == "cpi 2026-09 was due 2026-10-14T12:30:00Z and has not arrived"
    others = checks(home, "live", "2026-11-04T00:00Z")["other_releases_are_on_time"]
    assert (others.passed, others.details["late_releases"]) == (False, ["ecb_eurofxref"])
    # two months after the fetch, nobody was asked: packaged data is judged at the instant of its newest payload
    assert {check.passed for check in checks(home, "sample", "2026-11-21T00:00Z").values()} == {True}


def test_cancelled_and_held_back_is_not_late(home: Home) -> None:
    """In the lapse one check warns for all releases. From the day on which it was said, October's CPI is cancelled."""
    for held in (checks(home, "live", "2025-11-15T00:00Z"), checks(home, "sample", "2026-11-21T00:00Z", known_by="2025-11-15")):
        assert (held["cpi_is_on_time"].passed, held["cpi_is_on_time"].details["status"]) == (True, "held back")
        assert {name for name, check in held.items() if not check.passed} == {"no_lapse_holds_a_release_back"}
        assert held["no_lapse_holds_a_release_back"].details["held_back"] == ["cpi|all|2025-10"]
    cancelled = checks(home, "live", "2025-12-01T00:00Z")["cpi_is_on_time"]
    assert (cancelled.passed, cancelled.details["status"]) == (True, "cancelled")
    assert cancelled.details["why"].startswith("cpi 2025-10 is cancelled (")
    assert "cpi 2025-11 is postponed to 2025-12-18T13:30:00Z" in cancelled.details["why"]


def test_a_live_run_notes_what_it_asked_for_and_did_not_get(home: Home) -> None:
    log = IncidentLog(home.quality)
    checks(home, "sample", "2026-11-21T00:00Z")
    assert log.events() == []
    checks(home, "live", "2026-11-21T00:00Z", fetched=("ecb",))
    assert list(log.open()) == ["release|ecb_eurofxref|all|2026-11-02"]
    checks(home, "live", "2026-10-30T16:00Z", fetched=("ecb",))
    assert log.open() == {}


@pytest.fixture
def alerted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A webhook on the loopback, which the settings of this process name."""
    with provider() as server:
        server.files["alerts/hooks/s3cret"] = File(b"ok")
        monkeypatch.setenv("UNDERTOW_ALERT_WEBHOOK", server.server.url_for("/alerts/hooks/s3cret"))
        yield server


@dg.op(config_schema={"breaks": bool})
def land_something(context) -> None:
    if context.op_config["breaks"]:
        raise ValueError("the header is not what it was\nand more")


@dg.job(name=JOB)
def small_job() -> None:
    land_something()


def run_small_job(instance: dg.DagsterInstance, breaks: bool, **tags: str) -> None:
    """Run a job that fails or not, and let the sensor of its status see it, as the daemon does."""
    failed, mended = build_alert_sensors(small_job)
    result = small_job.execute_in_process(
        run_config={
            "ops": {"land_something": {"config": {"breaks": breaks}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        instance=instance,
        raise_on_error=False,
        tags=tags,
    )
    name = "RUN_FAILURE" if breaks else "RUN_SUCCESS"
    (event,) = [event for event in result.all_events if event.event_type.value == f"PIPELINE_{name.removeprefix('RUN_')}"]
    context = dg.build_run_status_sensor_context(
        sensor_name="any",
        dagster_instance=instance,
        dagster_run=instance.get_runs(dg.RunsFilter(run_ids=[result.run_id]))[0],
        dagster_event=event,
    )
    _ = failed(context.for_run_failure()) if breaks else mended(context)


def test_a_failed_run_is_one_alert_until_it_succeeds(home: Home, alerted: Provider) -> None:
    log = IncidentLog(home.quality)
    with dg.DagsterInstance.ephemeral() as instance:
        run_small_job(instance, True, **{"dagster/will_retry": "true"})
        assert alerted.asked == []
        run_small_job(instance, True)
        run_small_job(instance, True)
        (one,) = alerted.to("alerts")
        (incident,) = json.loads(one.body)["incidents"]
        assert (incident["key"], incident["kind"]) == (f"run|{JOB}|land_something", "run")
        assert (
            incident["says"]
            == "a run of daily failed in step land_something: ValueError: the header is not what it was and more"
        )
        run_small_job(instance, False)
        assert log.open() == {}
        run_small_job(instance, True)
    _, over, again = (json.loads(asked.body) for asked in alerted.to("alerts"))
    assert [(one["key"], one["outcome"]) for one in over["closed"]] == [(incident["key"], "succeeded")]
    assert [one["key"] for one in again["incidents"]] == [incident["key"]]


def test_a_webhook_that_fails_fails_nothing(home: Home, alerted: Provider, caplog: pytest.LogCaptureFixture) -> None:
    alerted.break_with("alerts", status(500))
    with caplog.at_level(logging.WARNING):
        found = checks(home, "live", "2026-11-21T00:00Z", fetched=("ecb", "bls"))
    assert not found["cpi_is_on_time"].passed
    assert [r.getMessage() for r in caplog.records] == ["the alert was not taken: the webhook answered 500"]
    assert len(alerted.to("alerts")) == 1
    assert "s3cret" not in caplog.text
    assert "s3cret" not in IncidentLog(home.quality).path.read_text()


def test_history_is_known_from_the_first_value_that_is_known(published: duckdb.DuckDBPyConnection) -> None:
    """Cold start: unadjusted prices answer since their calendar is certain, restated ones since the vintage that was fetched."""
    known = dict(
        published.execute(
            "SELECT series_id, history_known_from FROM marts.dim_series WHERE history_known_from IS NOT NULL"
        ).fetchall()
    )
    assert format_instant(known["bls.CUSR0000SA0"]) == "2026-09-11T12:30:00Z"
    assert format_instant(known["ecb.EXR.D.USD.EUR.SP00.A"]) == "1999-01-04T15:00:00Z"
    assert known["bls.CUUR0000SA0"].year == 1949  # before, the rule's instants may be too early
    (early,) = published.execute(
        "SELECT count(*) FROM marts.fct_observation AS o JOIN marts.dim_series AS s ON o.series_id = s.series_id "
        "WHERE o.value IS NOT NULL AND NOT list_contains(o.flags, 'LOOKAHEAD_RISK') AND o.known_at < s.history_known_from"
    ).fetchone() or (None,)
    assert early == 0
    ts = known["bls.CUSR0000SA0"]
    for instant, n in ((ts, 1), (ts.replace(year=2025), 0)):
        assert published.execute(
            "SELECT count(*) FROM as_known(?) WHERE series_id = 'bls.CUSR0000SA0'", [instant]
        ).fetchall() == [(n,)]
