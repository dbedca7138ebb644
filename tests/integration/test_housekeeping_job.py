"""The job housekeeping: what it removes and what it leaves, and that Dagster's records of runs stop growing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.housekeeping import JOB, build_housekeeping, keep, prune_runs
from tests.integration.commands import store_and_land
from tests.provider import payloads
from undertow.errors import LockedError
from undertow.landing import landed_files
from undertow.lock import run_lock
from undertow.settings import Home


@dg.op
def nothing() -> None:
    """Do nothing, and leave events."""


@dg.job(executor_def=dg.in_process_executor)
def idle() -> None:
    """A job whose runs are pruned."""
    nothing()


def runs_on_disk(folder: Path) -> int:
    """Return how many runs have a file of events."""
    return len([path for path in folder.rglob("*.db") if len(path.stem) == 36])


def test_only_the_newest_runs_stay(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        made = [idle.execute_in_process(instance=instance).run_id for _ in range(5)]
        waiting = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED).run_id
        assert runs_on_disk(tmp_path) >= 5
        assert prune_runs(instance, 2) == 3
        left = {record.dagster_run.run_id for record in instance.get_run_records()}
        assert left == {*made[3:], waiting}
        assert runs_on_disk(tmp_path) <= 3
        assert prune_runs(instance, 2) == 0
        assert instance.all_logs(made[4])


def test_the_job_merges_and_removes_and_takes_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home").ensure()
    monkeypatch.setenv("UNDERTOW_HOME", str(home.root))
    for number, day in enumerate(payloads.days()[-9:]):
        store_and_land(home.root, payloads.hist(day), datetime(2025, 12, 1, 16, tzinfo=UTC) + timedelta(days=20 + number))
    for number in range(4):
        (home.quality / "runs").mkdir(exist_ok=True)
        (home.quality / f"runs/2020010{number}T000000000000Z.json").write_text("{}")
    archived = {path: path.read_bytes() for path in home.archive.rglob("*") if path.is_file()}
    assert len(landed_files(home.landing, "ecb", "observation")) == 10  # with the empty one
    job, schedule = build_housekeeping()
    assert (schedule.job_name, schedule.cron_schedule) == (JOB, "0 3 * * 0")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    with dg.DagsterInstance.ephemeral() as instance:
        with run_lock(home.lock), pytest.raises(LockedError):
            keep(home, instance)
        assert job.execute_in_process(instance=instance).success
    assert len(landed_files(home.landing, "ecb", "observation")) == 2
    assert {path: path.read_bytes() for path in home.archive.rglob("*") if path.is_file()} == archived
    done = keep(home, reports=3)
    assert (done.merged, [one.path.name for one in done.removed], done.runs) == ([], ["20200100T000000000000Z.json"], 0)
