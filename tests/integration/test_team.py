"""Dagster for a team: PostgreSQL, a queue, daemons, several code servers, all in real processes; and what becomes of a run when one dies.

The runs are of the mode `file` with a series of two values, so they are short; the machinery is the whole of it.
"""

import csv
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest

from tests.integration.postgres_server import Server, running_server
from tests.integration.team import Team
from undertow.archive import Archive
from undertow.landing import prepare
from undertow.lock import run_lock
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
def team(database: Server, home: Home) -> Iterator[Team]:
    team = Team(home.root.parent / "dagster", database, home.root)
    try:
        team.start("daily", "backfills", "webserver", "daemon")
        team.wait_up("daily", "backfills")
        yield team
    finally:
        team.stop()


class Series:
    """A file of one's own series, of which each run brings another value."""

    def __init__(self, team: Team, home: Home) -> None:
        self.team, self.home, self.path = team, home, home.root.parent / "series.csv"
        self.assets: list[list[str]] = []

    def write(self, value: float) -> None:
        rows = [("user.spx", "2025-07-10", 6001.25), ("user.spx", "2025-07-11", value)]
        with self.path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("series_id", "period_start", "value", "known_at", "unit", "source", "licence"))
            writer.writerows((*row, f"{row[1]} 16:00 America/New_York", "index", "S&P", "ours") for row in rows)

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
            query = "SELECT value FROM internal.observation_head WHERE series_id = 'user.spx' ORDER BY known_at DESC LIMIT 1"
            return connection.execute(query).fetchall()[0][0]


@pytest.fixture(scope="module")
def series(team: Team, home: Home) -> Series:
    return Series(team, home)


def test_a_run_goes_through_the_queue_and_publishes(team: Team, series: Series, home: Home, database: Server) -> None:
    run_id = series.launch(5987.5)
    assert team.status(run_id) == "QUEUED"
    assert team.wait_for(run_id) == "SUCCESS", team.said()
    assert len(list_builds(home)) == 1
    with database.connect() as connection:
        (events,) = connection.execute("SELECT count(*) FROM event_logs WHERE run_id = %s", [run_id]).fetchone() or (0,)
        (tags,) = connection.execute(
            "SELECT count(*) FROM run_tags WHERE run_id = %s AND key = 'undertow/writes' AND value = 'warehouse'", [run_id]
        ).fetchone() or (0,)
    assert events > 100
    assert tags == 1
    kinds = [message for message in team.messages(run_id) if "RunDequeued" in message]
    assert len(kinds) == 1
