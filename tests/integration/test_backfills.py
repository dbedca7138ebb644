"""Wide backfills against a loopback provider: quarters in parallel processes, killed and gone on with, planned, published."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.integration.quarters import QUARTERS, made, place, serve
from tests.provider.server import File, Provider, as_usual, provider, slow, status
from undertow.archive import Archive
from undertow.backfill import survey
from undertow.landing import count_rows, land, landed_files
from undertow.publish import current_build
from undertow.room import load_room
from undertow.settings import Home

pytestmark = pytest.mark.slow


@pytest.fixture
def sec() -> Iterator[Provider]:
    """The SEC, serving the page of data sets and the quarters on it."""
    with provider() as server:
        serve(server)
        yield server


def command(sec: Provider, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `undertow backfill sec_nport` in a session of its own."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("UNDERTOW_", "DAGSTER_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "undertow", "backfill", "sec_nport", "--to", "2025q4", *arguments],
        env={**ours, **sec.environment(), "UNDERTOW_HOME": str(home)},
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; return the exit code and what was said. Nothing of it goes on."""
    try:
        out, err = process.communicate(timeout=600)
    finally:
        if subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, check=False).stdout:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out, err


def asked(sec: Provider) -> dict[str, int]:
    """How often each quarter was asked for."""
    return {name: len(sec.to(place(name))) for name in QUARTERS}


def states(home: Path, first: str = "2025q2") -> dict[str, str]:
    found, _ = survey(load_room("sec_nport"), Home(home), first, "2025q4")
    return {quarter.name: quarter.state for quarter in found}


def test_killed_and_gone_on_with(sec: Provider, tmp_path: Path) -> None:
    """Kill -9 while the second file is on its way: what is archived is not fetched again, what is landed is not read again."""
    home = tmp_path / "home"
    sec.break_with(place("2025q3"), slow(30), as_usual)
    first = command(sec, home, "--from", "2025q2", "--workers", "2", "--no-publish")
    until = time.monotonic() + 300
    while not (home.is_dir() and "landed" in states(home).values()):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < until, states(home)
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    before = states(home)
    landed = {path: path.stat().st_mtime_ns for path in (home / "landing").rglob("*.parquet")}
    assert "landed" in before.values()
    assert before["2025q3"] == "missing"
    (home / "landing" / "sec_nport" / ".scratch-of-the-killed").mkdir(exist_ok=True)
    answered = time.monotonic() + 40
    while asked(sec)["2025q3"] == 0 and time.monotonic() < answered:  # the provider notes a request when it has answered
        time.sleep(0.2)
    sec.mend()
    code, out, err = ended(command(sec, home, "--from", "2025q2", "--workers", "2", "--no-publish"))
    assert code == 0, err
    assert set(states(home).values()) == {"landed"}
    assert asked(sec) == {name: int(state == "missing") for name, state in before.items()}
    assert {path: path.stat().st_mtime_ns for path in landed} == landed
    assert not list((home / "landing").rglob(".scratch-*"))
    assert [line.split()[:2] for line in out.splitlines()] == [[name, "landed"] for name in QUARTERS]
    assert "of 2 quarters landed" in err or "of 1 quarters landed" in err
    code, out, err = ended(command(sec, home, "--from", "2025q2", "--plan", "--format", "json"))
    told = json.loads(out)
    assert (told["states"], told["seconds"], told["payload_bytes"], told["by_page"]) == ({"landed": 3}, 0, 0, True)


def test_two_in_parallel_one_broken_and_then_published(sec: Provider, tmp_path: Path) -> None:
    """A quarter that the provider fails to give does not hold up the others; once it gives it, all is published."""
    home = tmp_path / "home"
    sec.break_with(place("2025q3"), status(404))
    code, out, err = ended(command(sec, home, "--from", "2025q2", "--no-publish", "--quiet"))
    assert code == 1
    assert states(home) == {"2025q2": "landed", "2025q3": "missing", "2025q4": "landed"}
    assert err.startswith("undertow: 1 quarters are not landed (2025q3): ")
    assert "404" in err
    assert "Traceback" not in err
    sec.mend()
    own = b"series_id,period_start,value,known_at,unit,source,licence\nuser.spx,2025-07-10,1.5,2025-07-11Z,index,S&P,ours\n"
    archive = Archive(home / "archive")  # a build without an observation is refused
    archive.store(own, source="file", dataset="series", url="x.csv", fetched_at=datetime.now(UTC), origin="file")
    assert [one.error for one in land(load_room("file"), archive, home / "landing")] == [None]
    code, out, err = ended(command(sec, home, "--from", "2025q2", "--format", "json"))
    assert code == 0, err
    told = json.loads(out)
    assert {quarter["name"]: quarter["state"] for quarter in told["quarters"]} == dict.fromkeys(QUARTERS, "landed")
    assert asked(sec) == {"2025q2": 0, "2025q3": 1, "2025q4": 0}
    build = current_build(Home(home))
    assert build.build_id == told["build_id"]
    files = [path for path in landed_files(home / "landing", "sec_nport", "holding") if path.name != "empty.parquet"]
    assert sum(quarter["rows"] for quarter in told["quarters"]) > count_rows(files) > 100
    with duckdb.connect(str(build.database), read_only=True) as connection:
        days = connection.execute("SELECT DISTINCT period_end FROM marts.mart_private_credit_marks ORDER BY 1").fetchall()
    assert [day for (day,) in days] == list(QUARTERS.values())


def test_a_torn_file_is_told_and_fetched_again(sec: Provider, tmp_path: Path) -> None:
    """Torn bytes are kept with their problem; the quarter counts as missing until the file comes whole."""
    home = tmp_path / "home"
    sec.files[place("2025q4")] = File(made()["2025q4"][:2000], "application/octet-stream")
    code, _, err = ended(command(sec, home, "--from", "2025q4", "--no-publish", "--quiet"))
    assert code == 1
    assert err.startswith("undertow: 1 quarters are not landed (2025q4): ")
    assert states(home, "2025q4") == {"2025q4": "missing"}
    sec.files[place("2025q4")] = File(made()["2025q4"], "application/octet-stream")
    code, _, err = ended(command(sec, home, "--from", "2025q4", "--no-publish", "--quiet"))
    assert (code, states(home, "2025q4")) == (0, {"2025q4": "landed"}), err


def test_an_absent_quarter_is_named(sec: Provider, tmp_path: Path) -> None:
    home = tmp_path / "home"
    code, _, err = ended(command(sec, home, "--from", "2024q1", "--to", "2024q2", "--no-publish", "--quiet"))
    assert code == 1
    assert "1 quarters are not landed (2024q1): the provider's page of data sets links no 2024q1" in err
    assert states(home, "2024q2")["2024q2"] == "landed"
