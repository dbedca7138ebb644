"""A short soak: five weeks of the lapse of 2025 by a simulated clock, with faults, a kill, a renamed column, and an upgrade.

The long one is ``make soak``; what both must show is in ``tests.soak.verdict``, and docs/soak.md tells of it.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.soak.driver import Plan, Soak
from tests.soak.verdict import slope, verdict
from undertow.incidents import IncidentLog
from undertow.publish import current_build

PLAN = Plan(
    date(2025, 10, 20),
    date(2025, 11, 21),
    every=56,  # so that builds are made on the first day, on the day of the CPI in the lapse, and on the last day
    extra=(date(2025, 10, 24),),
    renamed=date(2025, 10, 29),
    parser=date(2025, 11, 12),
    layout=date(2025, 11, 12),
    kills={date(2025, 10, 24): "models"},
    fault_rate=0.5,
    fault_free_days=10,
    open_at_end=("lapse|2025-10",),  # of the backlog, much came weeks later
)


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Soak:
    """The soak, played in two goes."""
    root = tmp_path_factory.mktemp("soak")
    assert not Soak(root, PLAN).play(seconds=0)
    played = Soak(root, PLAN)
    assert played.play()
    return Soak(root, PLAN)  # from its state on disk


def test_everything_that_must_be_true_of_a_soak_is(soak: Soak) -> None:
    found = verdict(soak)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    (check,) = soak.state["checks"]
    assert check["archive"] == []
    assert check["differences"] == {}
    assert check["tables"] > 20
    assert check["rows"] > 10_000
    assert check["views"] > check["tables"]  # the same as known at instants


def test_the_service_was_killed_and_upgraded_and_readers_looked_on(soak: Soak) -> None:
    state = soak.state
    ((day, phase, step),) = state["kills"]
    assert (day, phase, step) == ("2025-10-24", "models", "models")
    assert [name for _, name in state["upgrades"]] == ["parser", "layout"]
    assert len(state["lives"]) == 3
    assert len(state["faults"]) >= 3
    assert state["looks"] > 20
    assert [build[0] for build in state["builds"]] == ["2025-10-20", "2025-10-24", "2025-11-21"]


def test_the_renamed_column_was_said_aloud_and_read_after_the_upgrade(soak: Soak) -> None:
    unread = {run["day"]: run.get("unread", []) for run in soak.state["runs"]}
    assert all("the first column is 'TIME_PERIOD', expected 'Date'" in str(unread[day]) for day in ("2025-10-31", "2025-11-07"))
    assert unread["2025-11-14"] == []
    with duckdb.connect(str(current_build(soak.home).database), read_only=True) as connection:
        days = connection.execute(
            "SELECT count(DISTINCT period_start) FROM marts.fct_observation WHERE series_id = 'ecb.EXR.D.USD.EUR.SP00.A' "
            "AND period_start BETWEEN DATE '2025-10-29' AND DATE '2025-11-21' AND value IS NOT NULL"
        ).fetchall()
    assert days == [(18,)]  # every weekday


def test_the_facts_of_the_lapse_are_told_as_they_became_known(soak: Soak) -> None:
    log = IncidentLog(soak.home.quality)
    assert list(log.open()) == ["lapse|2025-10"]
    told = [key for _, _, keys in soak.state["told"] for key in keys]
    assert told.count("lapse|2025-10") == 1
    with duckdb.connect(str(current_build(soak.home).database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = "SELECT reference_period, status FROM calendar_as_known(?) WHERE release_id = 'cpi' AND component = 'all' AND "
        query += "reference_period IN ('2025-09', '2025-10') ORDER BY 1"
        then = connection.execute(query, ["2025-10-23"]).fetchall()
        now = connection.execute(query, ["2025-11-22"]).fetchall()
        values = connection.execute(
            "SELECT period_start FROM as_known('2025-11-22') WHERE series_id = 'bls.CUUR0000SA0'"
        ).fetchall()
    assert then == [("2025-09", "rescheduled"), ("2025-10", "scheduled")]
    assert now == [("2025-09", "released"), ("2025-10", "cancelled")]
    assert values == [(date(2025, 9, 1),)]


def test_what_a_rehearsal_publishes_says_so(soak: Soak) -> None:
    assert current_build(soak.home).manifest["mode"] == "rehearsal of live"
    assert (soak.home.root / "rehearsal").is_file()
    newest = max((soak.home.quality / "runs").glob("*.json"))
    assert json.loads(newest.read_text())["notes"][0].startswith("this is a rehearsal: it is 2025-11-21T")


def test_a_memory_that_grows_is_seen() -> None:
    assert slope([700.0, 710, 705, 700, 712, 706, 709, 711, 707]) < 0.02
    assert slope([700.0 + 15 * number for number in range(12)]) > 0.12


def test_what_is_wrong_is_seen(soak: Soak, tmp_path: Path) -> None:
    """Each finding can fail: a lost payload, a second publication, a torn look, a difference."""
    state = soak.state
    broken = Soak(soak.root, PLAN)
    broken.state = json.loads(json.dumps(state))
    broken.state["served"].append("0" * 64)
    broken.state["builds"].append([*state["builds"][-1]])
    broken.state["bad_looks"].append({"way": "database"})
    broken.state["checks"][-1]["differences"] = {"fct_observation": {"all": [1, 0, 2]}}
    broken.state["sizes"][-1]["runs"] = [1_000, 10]
    broken.state["lives"][0]["rss"] = [[600 + 20 * number, 700, False] for number in range(20)]
    broken.state["kills"] = []
    found = {name for name, wrong in verdict(broken).items() if wrong}
    assert found == {
        "the published rows are those of one clean run", "no payload is lost", "memory is flat", "the disk grows by new information",
        "nothing is published twice", "readers see whole builds", "what was planned has happened",
    }  # fmt: skip
