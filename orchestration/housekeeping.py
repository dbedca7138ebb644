"""Keeping house on a schedule: what daily runs pile up, and nobody reads again, goes; no vintage and no published build does.

Landed files that repeat each other become one (``undertow compact``), old run reports and cut-off builds go
(``undertow tidy``), and so do Dagster's records of old runs: a run writes some ten megabytes of events, and Dagster keeps them
for ever.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg

from undertow import clock
from undertow.history import Compaction, Removal, compact, keep_house, migrate
from undertow.lock import writing
from undertow.settings import Home, Settings

__all__ = ["JOB", "Kept", "build_housekeeping", "keep", "prune_runs"]

JOB = "housekeeping"
LANDED_FILES = 8  # a landed table with fewer files is left alone, as by `undertow compact`
REPORTS = 200  # run reports that are kept, and how long cut-off builds are, as by `undertow tidy`
CUT_OFF_DAYS = 30
RUNS = 100  # newest finished runs of Dagster whose events are kept
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True)
class Kept:
    """What keeping house did."""

    merged: list[Compaction]
    removed: list[Removal]
    runs: int  # of Dagster


def keep(home: Home, instance: dg.DagsterInstance | None = None, *, reports: int = REPORTS, runs: int = RUNS) -> Kept:
    """Keep house.

    Args:
        home: the home; its lock is taken.
        instance: Dagster's instance; None leaves its runs alone.
        reports: newest run reports to keep.
        runs: newest finished runs of Dagster to keep.

    Raises:
        LockedError: a run is going on.
    """
    with writing(home):
        migrate(home.landing)
        merged = list(compact(home, at_least=LANDED_FILES))
        removed = keep_house(home, reports=reports, before=clock.now() - timedelta(days=CUT_OFF_DAYS))
    return Kept(merged, removed, 0 if instance is None else prune_runs(instance, runs))


def prune_runs(instance: dg.DagsterInstance, newest: int) -> int:
    """Delete the records of all but the newest finished runs, and return how many; a run that is going on stays.

    Dagster deletes rows. What its runs printed, and the file that SQLite has for the events of each, stay behind and go here.
    """
    finished = instance.get_run_records(dg.RunsFilter(statuses=_FINISHED))  # newest first
    shard = getattr(instance.event_log_storage, "path_for_shard", None)  # SQLite has it, a server of databases has not
    for record in finished[newest:]:
        run_id = record.dagster_run.run_id
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        if shard is not None:
            for end in ("", "-wal", "-shm"):
                Path(shard(run_id) + end).unlink(missing_ok=True)
    return len(finished[newest:])


def build_housekeeping() -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """Return the job and its schedule; the schedule is off until it is switched on, as the others are."""

    @dg.op(name="keep_house", description=__doc__)
    def keep_house_op(context: dg.OpExecutionContext) -> Iterator[dg.Output]:
        done = keep(Home(Settings().home).ensure(), context.instance)
        merged = {f"{one.source}/{one.table}": f"{one.files_before} files, {one.rows_after} rows" for one in done.merged}
        context.log.info(f"merged {len(merged)} tables, removed {len(done.removed)} files and {done.runs} runs")
        yield dg.Output(
            None, metadata={"merged": dg.MetadataValue.json(merged), "removed": len(done.removed), "runs": done.runs}
        )

    about = "Merge landed files, and remove old reports and records of runs."

    @dg.job(name=JOB, description=about, executor_def=dg.in_process_executor)
    def housekeeping() -> None:
        keep_house_op()

    schedule = dg.ScheduleDefinition(
        name="weekly_housekeeping",
        job=housekeeping,
        cron_schedule="0 3 * * 0",
        execution_timezone="UTC",
        description="Keeps house on Sundays at 03:00 UTC, when no provider publishes.",
    )
    return housekeeping, schedule
