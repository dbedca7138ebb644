"""Dagster for a team: PostgreSQL, a queue, daemons, several code servers, all in real processes; and what becomes of a run when one dies.

The runs are of the mode `file` with a series of two values, so they are short; the machinery is the whole of it.
"""

import csv
import shutil
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise

import duckdb
import pytest

from tests.integration.postgres_server import Server, running_server
from tests.integration.quarters import QUARTERS, place, serve
from tests.integration.team import ENDED, Team
from tests.integration.test_faults import mounted
from tests.provider.server import Provider, as_usual, provider, slow
from undertow.archive import Archive
from undertow.backfill import day_of, survey
from undertow.landing import prepare
from undertow.publish import current_build, list_builds
from undertow.room import load_room, room_names
from undertow.settings import Home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("dagster_postgres", reason="undertow[team] is not installed")
    with running_server(tmp_path_factory.mktemp("postgres") / "server") as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with nothing but the empty tables that every landing begins with."""
    home = Home(tmp_path_factory.mktemp("team") / "home").ensure()
    for name in room_names():
        prepare(load_room(name), home.landing)
    return home


@pytest.fixture(scope="module")
def sec() -> Iterator[Provider]:
    with provider() as server:
        serve(server)
        yield server


@pytest.fixture(scope="module")
def team(database: Server, home: Home, sec: Provider) -> Iterator[Team]:
    settings = {**sec.environment(), "TEST_SERIES": str(home.root.parent / "series.csv")}
    team = Team(home.root.parent / "dagster", database, home.root, **settings)
    try:
        team.start("backfills", "webserver", "daemon")
        team.wait_up("backfills")
        yield team
    finally:
        team.stop()


@pytest.fixture(scope="module")
def daily(team: Team) -> None:
    """The code location of the daily job, beside that of backfills."""
    team.start("daily")
    team.wait_up("daily", "backfills")


class Series:
    """A file of one's own series, of which each run brings another value."""

    def __init__(self, team: Team, home: Home) -> None:
        self.team, self.home, self.path = team, home, home.root.parent / "series.csv"
        self.assets: list[list[str]] = []

    def write(self, value: float) -> None:
        rows = [("user.spx", "2025-07-10", 6001.25), ("user.spx", "2025-07-11", value)]
        with self.path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("series_id", "period_start", "value", "known_at", "unit", "source", "licence", "redistribution"))
            writer.writerows((*row, f"{row[1]} 16:00 America/New_York", "index", "S&P", "ours", "allowed") for row in rows)

    def launch(self, value: float, **tags: str) -> str:
        """Put a run into the queue that brings another value: the room of files, the models, publishing."""
        self.write(value)
        if not self.assets:
            query = (
                '{ repositoryOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "daily"}) '
                "{ ... on Repository { assetNodes { assetKey { path } isExecutable } } } }"
            )
            nodes = self.team.ask(query)["repositoryOrError"]["assetNodes"]
            keys = [node["assetKey"]["path"] for node in nodes if node["isExecutable"]]
            self.assets = [key for key in keys if key[0] not in {"archive", "landing"} or key[1] == "file"]
        config = {"resources": {"pipeline": {"config": {"mode": "file", "source_from": [str(self.path)]}}}}
        return self.team.launch("daily", "daily", config, self.assets, **tags)

    def payloads(self) -> int:
        return len({seen.sha256 for seen in Archive(self.home.archive).sightings("file")})

    def published(self) -> float:
        """The value in the newest build."""
        with duckdb.connect(str(current_build(self.home).database), read_only=True) as connection:
            query = "SELECT value FROM vintages_as_known(now()) WHERE series_id = 'user.spx' AND period_start = '2025-07-11'"
            ((value,),) = connection.execute(query).fetchall()
        return value


@pytest.fixture(scope="module")
def series(team: Team, home: Home, daily: None) -> Series:
    del daily
    return Series(team, home)


def begin(team: Team, *names: str, **tags: str) -> str:
    """Choose quarters as partitions in the UI; the daemon makes a run of them, whose id is returned."""
    launched = team.ask(
        "mutation ($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) "
        "{ __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }",
        p={
            "assetSelection": [{"path": ["quarters", "sec_nport"]}],
            "partitionNames": [day_of(name).isoformat() for name in names],
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        },
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    wanted = {"key": "dagster/backfill", "value": launched["backfillId"]}
    (run,) = team.until(lambda: [run for run in team.runs() if wanted in run["tags"]])
    return run["runId"]


def step(kind: str, name: str) -> str:
    return f"quarters__sec_nport.sec_nport_{kind}[{name}]"


def retried(team: Team, run_id: str) -> str:
    """Wait for the run that the daemon starts in place of a failed one, and for its end; return its status."""
    (again,) = team.until(lambda: [run for run in team.runs() if run["parentRunId"] == run_id])
    return team.wait_for(again["runId"], timeout=600)


def kept(home: Home, name: str) -> int:
    """How many payloads of a quarter are archived; each is whole."""
    archive = Archive(home.archive)
    assert archive.verify() == []
    return len({seen.sha256 for seen in archive.sightings("sec_nport") if seen.url.endswith(f"/{name}_nport.zip")})


def landed(home: Home, *names: str) -> bool:
    found, _ = survey(load_room("sec_nport"), home, names[0], names[-1])
    return [quarter.state for quarter in found] == ["landed"] * len(names)


def test_a_backfill_of_partitions_goes_through_the_daemon(team: Team, home: Home, sec: Provider) -> None:
    """Three quarters are chosen: one run of them, with a chain of steps for each quarter, in processes of their own."""
    run_id = begin(team, *QUARTERS)
    assert team.wait_for(run_id, timeout=600) == "SUCCESS", team.said()
    assert [name for name in QUARTERS if team.events(run_id, "STEP_SUCCESS", step("land", name))] == list(QUARTERS)
    query = "SELECT DISTINCT partition FROM event_logs WHERE asset_key = %s AND dagster_event_type = 'ASSET_MATERIALIZATION'"
    with team.database.connect() as connection:
        partitions = connection.execute(query, ['["quarters", "sec_nport"]']).fetchall()
    assert sorted(day for (day,) in partitions) == ["2025-04-01", "2025-07-01", "2025-10-01"]
    assert {name: len(sec.to(place(name))) for name in QUARTERS} == dict.fromkeys(QUARTERS, 1)
    assert landed(home, *QUARTERS)


def test_killed_in_the_middle_the_run_is_marked_and_tried_again(team: Team, home: Home, sec: Provider) -> None:
    """Kill -9 of the daemon, and of the code server with the run in it: the next daemon finds the run lost and tries it again."""
    sec.break_with(place("2024q3"), slow(20), as_usual)
    run_id = begin(team, "2024q2", "2024q3")
    team.until(lambda: team.events(run_id, "STEP_START", step("fetch", "2024q3")))
    team.kill("daemon")
    team.kill("backfills")
    assert team.status(run_id) == "STARTED"
    team.start("backfills", "daemon")
    assert team.wait_for(run_id, timeout=600) == "FAILURE"
    assert "has no such run any more" in "".join(team.events(run_id, "PIPELINE_FAILURE"))
    assert retried(team, run_id) == "SUCCESS", team.said()
    assert [kept(home, name) for name in ("2024q2", "2024q3")] == [1, 1]
    assert landed(home, "2024q2", "2024q3")


def test_the_database_goes_away_and_comes_back(team: Team, home: Home, sec: Provider, database: Server) -> None:
    """PostgreSQL is down until the run's process has ended, which can tell nobody: the run counts as lost and is tried again."""
    group = team.running["backfills"].pid
    before = processes(group)
    sec.break_with(place("2024q4"), slow(10), as_usual)
    run_id = begin(team, "2024q4")
    team.until(lambda: team.events(run_id, "STEP_START", step("fetch", "2024q4")))
    database.stop()
    try:
        until = time.monotonic() + 300
        while processes(group) - before:
            assert time.monotonic() < until, "the run goes on without its database"
            time.sleep(0.5)
    finally:
        database.start()
    assert team.wait_for(run_id, timeout=600) == "FAILURE", team.said()
    assert retried(team, run_id) == "SUCCESS", team.said()
    assert kept(home, "2024q4") == 1
    assert landed(home, "2024q4")


def processes(group: int) -> set[str]:
    """The processes of a group that live, by number: no zombies, nor what Python keeps beside a process for as long as it lives."""
    listed = subprocess.run(["ps", "-eww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    found = [line.split(None, 3) for line in listed.splitlines()]
    return {
        pid
        for pid, its, state, *arguments in found
        if its == str(group) and not state.startswith("Z") and "resource_tracker" not in " ".join(arguments)
    }


def test_a_full_disk_loses_no_payload(team: Team, home: Home) -> None:
    """The archive's disk is full: the run says so, no payload is torn, and the next run completes."""
    disk = home.root.parent / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=16m", "tmpfs") as remount:
        shutil.copytree(home.archive, disk / "archive")
        aside = home.archive.rename(home.archive.with_name("archive.aside"))
        home.archive.symlink_to(disk / "archive")
        try:
            remount(f"size={shutil.disk_usage(disk).used // 1024}k")
            run_id = begin(team, "2025q1", **{"dagster/max_retries": "0"})
            assert team.wait_for(run_id, timeout=600) == "FAILURE"
            assert "No space left on device" in "".join(team.events(run_id, "STEP_FAILURE"))
            assert kept(home, "2025q1") == 0
            remount("size=16m")
            assert team.wait_for(begin(team, "2025q1"), timeout=600) == "SUCCESS", team.said()
            assert kept(home, "2025q1") == 1
            assert landed(home, "2025q1")
        finally:
            home.archive.unlink()
            aside.rename(home.archive)


def test_a_run_goes_through_the_queue_and_publishes(team: Team, series: Series, home: Home) -> None:
    run_id = series.launch(5987.5)
    assert team.wait_for(run_id, timeout=400) == "SUCCESS", team.said()
    assert [len(team.events(run_id, f"PIPELINE_{kind}")) for kind in ("ENQUEUED", "STARTING", "START", "SUCCESS")] == [1] * 4
    assert len(team.events(run_id, "STEP_SUCCESS", "warehouse")) == 1
    assert len(list_builds(home)) == 1
    assert series.published() == 5987.5
    (run,) = [one for one in team.runs() if one["runId"] == run_id]
    assert {"key": "undertow/writes", "value": "warehouse"} in run["tags"]


def test_two_daemons_publish_once(team: Team, series: Series, home: Home) -> None:
    """Both see each tick of a schedule and may both ask for it; the queue starts one run after the other, and one build comes of it.

    Dagster does not support two daemons: where both evaluate a tick at the same instant, neither sees the other's run key, and
    where both look into the queue at the same instant, both start the run. What it does is then done under the home's lock.
    """
    before = len(list_builds(home))
    team.start("second daemon")
    series.write(5988.5)
    schedule = {"repositoryName": "__repository__", "repositoryLocationName": "daily", "scheduleName": "every_minute"}
    team.ask("mutation ($s: ScheduleSelector!) { startSchedule(scheduleSelector: $s) { __typename } }", s=schedule)

    def of_schedule() -> list[dict]:
        wanted = {"key": "dagster/schedule_name", "value": "every_minute"}
        return [run for run in team.runs() if wanted in run["tags"]]

    team.until(of_schedule, 150)
    query = (
        "query ($s: ScheduleSelector!) { scheduleOrError(scheduleSelector: $s) { ... on Schedule { scheduleState "
        "{ id status } } } }"
    )

    def is_stopped() -> bool:
        """Stop the schedule; a daemon in the middle of a tick may write down once more that it runs."""
        state = team.ask(query, s=schedule)["scheduleOrError"]["scheduleState"]
        if state["status"] == "RUNNING":
            team.ask("mutation ($i: String!) { stopRunningSchedule(id: $i) { __typename } }", i=state["id"])
        return state["status"] == "STOPPED"

    team.until(lambda: is_stopped() and all(run["status"] in ENDED for run in team.runs()), 900)
    team.kill("second daemon")
    runs = of_schedule()
    keys = [tag["value"] for run in runs for tag in run["tags"] if tag["key"] == "dagster/run_key"]
    assert max(keys.count(key) for key in keys) <= 2
    for run in runs:
        assert run["status"] == "SUCCESS"
        starts, successes = (len(team.events(run["runId"], f"PIPELINE_{kind}")) for kind in ("START", "SUCCESS"))
        assert 1 <= successes <= starts <= 2
    spans = sorted((run["startTime"], run["endTime"]) for run in runs)
    assert [later for (_, end), (later, _) in pairwise(spans) if later < end] == [], "two runs wrote at the same time"
    assert len(list_builds(home)) == before + 1
    assert series.published() == 5988.5
