"""Wide backfills: the quarters of the SEC's data sets as partitions, fetched and landed in parallel by the multiprocess
executor.

One run takes any number of quarters. Its first step clears up after killed runs and asks for the provider's page of data
sets; then each quarter that is not landed yet is a chain of two steps, each in a process of its own: fetch into the archive
(one file at a time, the pool ``quarters_<room>``), land (as many as the executor starts). Both share the lock of the home
(``undertow.lock.adding``), so that a run of the warehouse waits for no more than the quarters at work. The pool is not that
of the daily job's fetching: a run holds the lock while it waits for its pool, and a step here would hold that pool while it
waits for the lock.

The warehouse is not written here; the next run of the job ``daily`` builds and publishes what was landed, and ``undertow
backfill`` does so at its end.

This module is a code location of its own (deploy/workspace.yaml), so that a backfill of hours and the daily job do not share
a process.
"""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` while it builds the steps.

import importlib
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.factory import check_payload, suites_digest
from orchestration.calendar_sensor import RELEASES
from orchestration.heartbeat import beating
from undertow import clock
from undertow.archive import Archive, redact
from undertow.backfill import Plan, Quarter, backfill_rooms, day_of, name_of, survey
from undertow.errors import FetchError, UndertowError
from undertow.expected import read, rooms_asked
from undertow.fetching import LiveFetcher
from undertow.history import migrate
from undertow.http import address
from undertow.landing import land, prepare
from undertow.lock import adding, writing
from undertow.remote import open_archive
from undertow.room import Request, load_room
from undertow.settings import Home, Settings
from undertow.store import FeatureStore
from undertow.vocabulary import Origin

__all__ = ["backfill", "backfill_job", "build_backfill_definitions", "defs", "job_name", "quarters_key", "quarters_of"]

WAIT = 3600.0  # seconds that a step waits for a run that writes the warehouse
WORKERS = 2  # processes of a backfill that is started in the UI; the launchpad has another number
LONGEST = 24 * 3600  # seconds after which run monitoring takes a backfill for stuck
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def quarters_of(room: str) -> dg.TimeWindowPartitionsDefinition:
    """Return the partitions of a room: quarters of filing, named after their first day, from the first that there is."""
    cost = load_room(room).room.quarter
    assert cost is not None  # noqa: S101 (narrowing for the type checker)
    return dg.TimeWindowPartitionsDefinition(
        start=day_of(cost.first).isoformat(), cron_schedule="0 0 1 1,4,7,10 *", fmt="%Y-%m-%d", timezone="America/New_York"
    )


def quarters_key(room: str) -> dg.AssetKey:
    """Return the key of the asset whose partitions are the quarters of a room: materialised is landed."""
    return dg.AssetKey(["quarters", room])


def job_name(room: str) -> str:
    """Return the name of the job that brings quarters of a room."""
    return f"backfill_{room}"


def _home() -> Home:
    return Home(Settings().home).ensure()


def _one(room: str, name: str) -> Quarter:
    """Return how far a quarter is now."""
    ((found,), _) = survey(load_room(room), _home(), name, name)
    return found


def _quarters_op(room: str) -> dg.OpDefinition:
    """Return the step that clears up after killed runs, and says which quarters are to be done."""

    @dg.op(
        name=f"{room}_quarters",
        description="Clears up after killed runs, asks for the page of data sets, and says which quarters are not landed.",
        out=dg.DynamicOut(str),
        pool=f"quarters_{room}",
    )
    def quarters(context: dg.OpExecutionContext) -> Iterator[dg.DynamicOutput[str]]:
        home, modules, settings = _home(), load_room(room), Settings()
        with beating(context.instance, context.run.run_id), writing(home, WAIT):
            migrate(home.landing)
            prepare(modules, home.landing)
        if not settings.has_contact:
            raise FetchError("; ".join(modules.notes(settings)) if modules.notes else "set UNDERTOW_CONTACT")
        with adding(home, WAIT):
            pages = [one for one in modules.requests(settings, clock.now().date()) if one.dataset == "index"]
            for outcome in LiveFetcher(settings).ask(modules, pages, open_archive(home), follow=False):
                if outcome.status == "failed":
                    context.log.warning(outcome.message)
        for name in _names(context):
            quarter = _one(room, name)
            context.log.info(f"{name}: {quarter.state} {quarter.why}")
            if quarter.is_left:
                yield dg.DynamicOutput(name, mapping_key=name)

    return quarters


def _fetch_op(room: str) -> dg.OpDefinition:
    """Return the step that archives the files of a quarter which are not archived yet."""

    @dg.op(name=f"{room}_fetch", description="Fetches the files of a quarter into the archive.", pool=f"quarters_{room}")
    def fetch(context: dg.OpExecutionContext, quarter: str) -> str:
        home, modules, one = _home(), load_room(room), _one(room, quarter)
        if not one.requests and one.state == "missing":
            raise FetchError(f"{room}: the page of data sets could not be had, so nobody knows the files of {quarter}")
        if one.state == "missing":
            archive = open_archive(home)
            lacking = [request for request in one.requests if not _is_archived(archive, room, request)]
            with beating(context.instance, context.run.run_id), adding(home, WAIT):
                outcomes = list(LiveFetcher(Settings()).ask(modules, lacking, archive, follow=False))
            failed = [outcome.message for outcome in outcomes if outcome.status in ("failed", "skipped")]
            if failed:
                raise FetchError("; ".join(failed))
            context.log.info(f"{quarter}: {sum(outcome.bytes for outcome in outcomes)} bytes archived")
        return quarter

    return fetch


def _land_op(room: str) -> dg.OpDefinition:
    """Return the step that lands a quarter, and takes back what a blocking check would not have."""

    @dg.op(name=f"{room}_land", description="Reads the archived files of a quarter into the landing, and checks what landed.")
    def read(context: dg.OpExecutionContext, quarter: str) -> str:
        home, modules, one = _home(), load_room(room), _one(room, quarter)
        suites = importlib.import_module(f"assets.{room}.checks").SUITES
        began = time.perf_counter()
        with beating(context.instance, context.run.run_id), adding(home, WAIT):
            at = {redact(address(request)) for request in one.requests}
            outcomes = list(land(modules, open_archive(home), home.landing, (), suites_digest(suites), only=at))
            for outcome in outcomes:
                if any(outcome.rows.values()):
                    check_payload(modules.room, suites, home.landing, outcome)
        errors = [outcome.error for outcome in outcomes if outcome.error]
        if errors:
            raise UndertowError(f"{quarter}: {'; '.join(errors)}")
        now = _one(room, quarter)
        context.log_event(
            dg.AssetMaterialization(
                quarters_key(room),
                description=f"{quarter} is landed",
                partition=day_of(quarter).isoformat(),
                metadata={
                    "dagster/partition_row_count": now.rows,
                    "bytes": now.bytes,
                    "seconds": round(time.perf_counter() - began, 1),
                    "files": [address(request) for request in now.requests],
                },
            )
        )
        return quarter

    return read


def _landed_op(room: str) -> dg.OpDefinition:
    """Return the last step, which fails where a quarter that was asked for is not landed."""

    @dg.op(
        name=f"{room}_landed",
        description="Says which quarters there are, now that all that could be landed is.",
        ins={"done": dg.In(list[str])},
        out=dg.Out(dg.Nothing),  # the rows are in the landing
    )
    def landed(context: dg.OpExecutionContext, done: list[str]) -> None:
        found = {name: _one(room, name) for name in _names(context)}
        wrong = [f"{name}: {one.state}{one.why and ', ' + one.why}" for name, one in found.items() if one.state != "landed"]
        if wrong:
            raise UndertowError(f"{len(wrong)} of {len(found)} quarters are not landed: {'; '.join(wrong[:5])}")
        rows = sum(one.rows for one in found.values())
        context.log.info(f"{len(found)} quarters are landed, {len(done)} of them new, {rows} rows")

    return landed


def _asset(room: str) -> dg.AssetsDefinition:
    """Return the asset of a room's quarters."""
    quarters, fetch, read, landed = _quarters_op(room), _fetch_op(room), _land_op(room), _landed_op(room)

    @dg.graph_asset(
        key=quarters_key(room),
        group_name="quarters",
        kinds={"python", "parquet"},
        partitions_def=quarters_of(room),
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=(
            f"{load_room(room).room.title}: the data sets by quarter of filing. A partition is materialised when its files are "
            "archived and landed. What is archived is not fetched again and what is landed is not read again, so a backfill "
            "may be started over."
        ),
    )
    def asset():
        return landed(quarters().map(lambda quarter: read(fetch(quarter))).collect())

    return asset


def _asked_again() -> dg.AssetsDefinition:
    """Return the asset by which releases are asked for again: its partitions are those that the sensor releases_due makes."""

    @dg.asset(
        key=["calendar", "asked_again"],
        group_name="calendar",
        kinds={"python"},
        partitions_def=RELEASES,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="releases_again",
        description=(
            "Periods of releases that a person asks for again, any number in one run: the rooms that bring them are asked, "
            "and what they send is archived. The next run of the job daily lands and publishes it."
        ),
    )
    def asked_again(context: dg.AssetExecutionContext) -> None:
        home, settings, now = _home(), Settings(), datetime.now(UTC)
        with FeatureStore(home=home.root, frame="arrow") as store:
            bringing = {row.release_id: row.rooms for row in read(store, now, rooms_asked(settings, now.date()))}
        wanted = sorted({key.split("|")[0] for key in context.partition_keys})
        unknown = [release for release in wanted if release not in bringing]
        if unknown:
            raise UndertowError(f"no source that is asked under these settings brings {', '.join(unknown)}")
        rooms = sorted({room for release in wanted for room in bringing[release]})
        archive, fetcher = open_archive(home), LiveFetcher(settings)
        with beating(context.instance, context.run.run_id), adding(home, WAIT):
            outcomes = [outcome for room in rooms for outcome in fetcher.fetch(load_room(room), archive)]
        failed = [outcome.message for outcome in outcomes if outcome.status == "failed"]
        if failed:
            raise FetchError("; ".join(failed))
        new = sum(outcome.status == "new" for outcome in outcomes)
        context.add_output_metadata({"rooms": rooms, "payloads": len(outcomes), "new": new})

    return asked_again


def _names(context: dg.OpExecutionContext) -> list[str]:
    """Return the quarters that a run is for, by the provider's names."""
    return [name_of(datetime.fromisoformat(key).date()) for key in context.partition_keys]


def _is_archived(archive: Archive, room: str, request: Request) -> bool:
    sighting = archive.latest(room, request.dataset, address(request))
    if sighting is None or sighting.origin == Origin.SYNTHETIC:
        return False
    return archive.payload_path(sighting.sha256).is_file()


# Steps are forked from a process that has imported what they need: a quarter costs no start of an interpreter.
PRELOADED = ["orchestration.backfills", "undertow.bulk", "undertow.parsing"]


def build_backfill_definitions() -> dg.Definitions:
    """Return the definitions of the code location of backfills: an asset and a job for each room with history in quarters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of backfill_policy; docs/decisions/0120 says why we use it
        assets, again = {room: _asset(room) for room in backfill_rooms()}, _asked_again()
    return dg.Definitions(
        assets=[*assets.values(), again],
        jobs=[
            dg.define_asset_job(
                job_name(room),
                selection=dg.AssetSelection.assets(asset),
                executor_def=dg.multiprocess_executor,
                config={"execution": {"config": _execution(WORKERS)}},
                tags={"dagster/max_runtime": str(LONGEST)},
                description="Fetch and land quarters, several at a time; what is done is passed over.",
            )
            for room, asset in assets.items()
        ],
        executor=dg.multiprocess_executor.configured(_execution(WORKERS), name="quarters_in_parallel"),
    )


def _execution(workers: int) -> dict[str, Any]:
    """Return the configuration of the multiprocess executor."""
    return {
        "max_concurrent": workers,
        "start_method": {"forkserver": {"preload_modules": PRELOADED}},
    }


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for the code location ``backfills``."""
    return build_backfill_definitions()


def backfill_job(room: str) -> dg.JobDefinition:
    """Return the job of a room; processes of the executor call it by name."""
    return build_backfill_definitions().resolve_job_def(job_name(room))


def backfill(
    begun: Plan, listener: Callable[[list[Quarter], float], None] | None = None, *, poll: float = 2.0
) -> tuple[list[Quarter], list[str]]:
    """Fetch and land the quarters of a plan that are left, in processes of their own, and return how far all of them are then.

    Args:
        begun: the plan.
        listener: told how far the quarters are, and the seconds since the start, every ``poll`` seconds.
        poll: seconds.

    Returns:
        The quarters, and a sentence for each step that failed. Nothing is raised for those: what was landed stays.
    """
    from orchestration.alerts import failure_text

    first, last = begun.quarters[0].name, begun.quarters[-1].name
    modules, home = load_room(begun.room), _home()
    over, started = threading.Event(), time.monotonic()

    def watch() -> None:
        while not over.wait(poll):
            if listener:
                listener(survey(modules, home, first, last)[0], time.monotonic() - started)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        with _instance() as instance:
            result = dg.execute_job(
                dg.build_reconstructable_job("orchestration.backfills", "backfill_job", (begun.room,)),
                instance=instance,
                run_config={
                    "execution": {"config": _execution(begun.workers)},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                tags=dict(zip(RANGE, (day_of(first).isoformat(), day_of(last).isoformat()), strict=True)),
            )
            failures = [f"{event.step_key}: {failure_text(event)}" for event in result.all_events if event.is_step_failure]
    finally:
        over.set()
        watcher.join()
    found, _ = survey(modules, home, first, last)
    if listener:
        listener(found, time.monotonic() - started)
    return found, failures


def _instance() -> dg.DagsterInstance:
    """Return the instance of DAGSTER_HOME, or one for this backfill alone: what is done is told by archive and landing."""
    if os.environ.get("DAGSTER_HOME"):
        return dg.DagsterInstance.get()
    return dg.DagsterInstance.local_temp(
        overrides={
            "concurrency": {"pools": {"default_limit": 1}},
            "python_logs": {"python_log_level": "CRITICAL"},
            "telemetry": {"enabled": False},
        }
    )
