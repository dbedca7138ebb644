"""The one entry that the command line calls: take the lock, build the definitions, run the job in this process."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.engines import require
from undertow import clock
from undertow.errors import UndertowError
from undertow.fetching import make_fetcher
from undertow.landing import prepare
from undertow.lock import writing
from undertow.report import RunReport
from undertow.room import load_room, room_names
from undertow.settings import Home, Settings
from undertow.watching import watched

if TYPE_CHECKING:
    import dagster as dg

__all__ = ["run"]


def run(
    mode: str,
    source_from: Sequence[Path] = (),
    known_by: datetime | None = None,
    listener: Callable[[str], None] | None = None,
    engine: str | None = None,
    *,
    rooms: Collection[str] | None = None,
    fetch: bool = True,
    build: bool = True,
) -> RunReport:
    """Run the pipeline, the whole of it unless told otherwise, and return its report.

    Args:
        mode: sample, replay, live or file.
        source_from: manifest of a replay, or the user's files.
        known_by: build only from what was known at this instant, into a folder of its own.
        listener: told the name of each step as it begins.
        engine: what computes the models: duckdb, spark or sail; by default what UNDERTOW_ENGINE says.
        rooms: fetch and land these rooms only, as the sensor of releases asks for; None is all of them.
        fetch: False lands what is archived and asks nobody.
        build: False stops after the landing; the next run that builds takes all of it.

    Raises:
        UndertowError: what the engine needs is not installed, another run holds the lock, the input is wrong, a blocking
            check failed or a step broke; the published build is as it was. The report is saved in any case.
    """
    settings = Settings()
    engine = engine or settings.engine
    require(engine)
    fetcher = make_fetcher(mode, source_from, settings)  # a wrong mode or file is said before anything starts
    home = Home(settings.home, settings.home_bits).ensure()
    now = clock.now()
    report = RunReport(
        run_id=f"{now:%Y%m%dT%H%M%S%fZ}",
        mode=mode,
        started_at=now.isoformat(),
        known_by=known_by.isoformat() if known_by else None,
        listener=listener,
        notes=[*clock.notes(), *fetcher.notes(room_names())],
    )
    with writing(home, settings.lock_wait_seconds), watched(report, home, settings):
        try:
            _execute(report, mode, source_from, known_by, _Part(rooms, fetch, build), engine)
        except OSError as error:  # before the first step, which has its own words: a full disk, a folder that went away
            where = f" ({error.filename})" if error.filename else ""
            raise UndertowError(f"the run could not begin, nothing is published: {error.strerror or error}{where}") from error
    return report


@dataclass(frozen=True)
class _Part:
    """What of the pipeline a run is about."""

    rooms: Collection[str] | None
    fetch: bool
    build: bool

    def selection(self, assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetKey] | None:
        """Return the assets of the run; None is all of them."""
        if self.rooms is None and self.fetch and self.build:
            return None
        from orchestration.definitions import selection_of

        keys = selection_of(assets)(room_names() if self.rooms is None else self.rooms)
        kinds = {"archive": self.fetch, "landing": True}
        return [key for key in keys if kinds.get(key.path[0], self.build)]


def _execute(
    report: RunReport, mode: str, source_from: Sequence[Path], known_by: datetime | None, part: _Part, engine: str
) -> None:
    with report.step("start"):
        _quiet()
        import dagster as dg

        from orchestration.definitions import JOB, build_definitions
        from orchestration.resources import Pipeline, code_version

        pipeline = Pipeline(
            mode=mode,
            source_from=[str(path) for path in source_from],
            known_by=known_by.isoformat() if known_by else "",
            report=report,
            engine=engine,
        )
        pipeline.take_over()
        pipeline.warehouse().forget_old_parse(code_version())
        definitions = build_definitions(pipeline)
        job = definitions.resolve_job_def(JOB)
        if part.rooms is not None:
            for room in room_names():  # the models read the tables of all of them
                prepare(load_room(room), pipeline.home.landing)
        selection = part.selection([one for one in definitions.assets or [] if isinstance(one, dg.AssetsDefinition)])
    instance = dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else dg.DagsterInstance.ephemeral()
    result = job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=selection,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    pipeline.show_checks()
    if not result.success:
        raise _failure(result, report)


def _quiet() -> None:
    """Turn off telemetry and the notices that no user of this command can act on."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)


def _failure(result, report: RunReport) -> UndertowError:
    """Return one clear error for a failed run: the blocking checks that failed, or the first step's own words."""
    from orchestration.alerts import failure_text

    blocked = [check for check in report.checks if not check.passed and check.severity == "ERROR" and check.tool != "dbt"]
    if blocked:
        names = "; ".join(f"{check.asset}: {check.details.get('why', check.name)}" for check in blocked[:5])
        see = f"; see {report.data_docs}" if report.data_docs else ""
        return UndertowError(f"{len(blocked)} blocking checks failed, nothing is published: {names}{see}")
    for event in result.all_events:
        if event.is_step_failure:
            return UndertowError(f"step {event.step_key} failed, nothing is published: {failure_text(event)}")
    return UndertowError("the run failed, nothing is published")


def republish() -> dict[str, object]:
    """Publish the warehouse as the last whole run left it; the caller holds the lock.

    Raises:
        UndertowError: there is no whole warehouse, or it cannot be published.
    """
    from orchestration.publishing import publish_pipeline
    from orchestration.resources import Pipeline

    pipeline = Pipeline()
    if not (pipeline.output.warehouse / "state.json").is_file():
        raise UndertowError("the warehouse is not whole; run `undertow run` first")
    publish_pipeline(pipeline)
    return pipeline.report.build
