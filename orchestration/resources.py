"""The one resource of the pipeline: where the home is, which mode brings the bytes, and the report of the run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cached_property
from pathlib import Path

import dagster as dg

from expectations.bridge import data_docs
from expectations.docs import DataDocsError, refresh
from orchestration.heartbeat import beating
from orchestration.increment import landed
from orchestration.warehouse import PROJECT_DIR, Warehouse
from undertow import clock
from undertow.engine import DUCKDB
from undertow.fetching import Fetcher, make_fetcher
from undertow.instants import parse_instant
from undertow.lock import writing
from undertow.remote import RemoteHome, remote_home
from undertow.report import RunReport
from undertow.settings import Home, Settings
from undertow.watching import watched

__all__ = ["Pipeline", "code_version", "pipeline_resource"]

logger = logging.getLogger("undertow.orchestration")


def code_version() -> str:
    """Return a digest of what decides what a build holds: parsers, models, macros, seeds, the publisher and its pages."""
    root = PROJECT_DIR.parent
    digest = hashlib.sha256()
    for folder, patterns in {
        "dbt_project": ("*.sql", "*.yml", "*.csv", "*.py"),
        "assets": ("*.py", "*.yml"),
        "undertow": ("*.py", "*.sql", "*.css", "*.js"),
    }.items():
        for pattern in patterns:
            for path in sorted((root / folder).rglob(pattern)):
                if "target" in path.parts or "__pycache__" in path.parts:
                    continue
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Pipeline:
    """Home, mode and report. A run from the UI and a run from the command line differ only in who makes this object."""

    def __init__(
        self,
        mode: str = "sample",
        source_from: Sequence[str] = (),
        known_by: str = "",
        report: RunReport | None = None,
        engine: str | None = None,
    ) -> None:
        self.mode = mode
        self.source_from = list(source_from)
        self.known_by = known_by
        self.engine = engine or self.settings.engine
        now = clock.now()
        self.report = report or RunReport(run_id=f"{now:%Y%m%dT%H%M%S%fZ}", mode=mode, started_at=now.isoformat())

    @property
    def settings(self) -> Settings:
        """The settings of this process's environment."""
        return Settings()

    @property
    def home(self) -> Home:
        """The home of archive, landing and quality."""
        return Home(self.settings.home, self.settings.home_bits).ensure()

    @property
    def cut_off(self) -> datetime | None:
        """The knowledge cut-off, or None."""
        return parse_instant(self.known_by) if self.known_by else None

    @property
    def output(self) -> Home:
        """Where the warehouse and the published builds go: the home, or a folder of its own for a cut-off build."""
        if self.cut_off is None:
            return self.home
        folder = self.home.root / "known_by" / f"{self.cut_off:%Y%m%dT%H%M%S%fZ}"
        return Home(folder, self.home.mode).ensure()

    @cached_property
    def fetcher(self) -> Fetcher:
        """The fetcher of the mode."""
        return make_fetcher(self.mode, [Path(path) for path in self.source_from], self.settings)

    @cached_property
    def remote(self) -> RemoteHome | None:
        """The home in the object store of the settings; None without one, and for a cut-off build, which stays here."""
        return remote_home(self.home, self.settings) if self.cut_off is None else None

    def take_over(self) -> None:
        """Bring archive and landing up to date with the object store, if there is one."""
        if self.remote is not None:
            with self.report.step("object store"):
                self.remote.take_over(self.tell)

    def tell(self, what: str) -> None:
        """Tell the report's listener how far the work with the object store is."""
        if self.report.listener:
            self.report.listener(f"object store: {what}")

    def warehouse(self) -> Warehouse:
        """Return the warehouse that this run builds."""
        return Warehouse(self.home, self.cut_off, self.output.database, self.engine)

    def code_fingerprint(self) -> str:
        """Return a digest of what the warehouse is made with: code, cut-off and engine."""
        engine = "" if self.engine == DUCKDB else f" {self.engine}"
        return hashlib.sha256(f"{code_version()} {self.known_by}{engine}".encode()).hexdigest()

    def fingerprint(self) -> str:
        """Return a digest of everything the warehouse is made of and with: landed files, code and cut-off."""
        digest = hashlib.sha256(self.code_fingerprint().encode())
        digest.update(json.dumps(landed(self.home.landing)).encode())
        return digest.hexdigest()

    def show_checks(self) -> None:
        """Bring the Data Docs up to date with what the suites found, also in a run that failed; a warning where that fails."""
        memories, index = [], None
        try:
            with self.report.step("data docs"):
                for home in dict.fromkeys((self.home.quality, self.output.quality)):
                    memories.append(home / "checks")
                    index = refresh(memories, data_docs(home))
        except DataDocsError as error:
            logger.warning("%s", error)
        self.report.data_docs = str(index) if index else None


@dg.resource(
    config_schema={
        "mode": dg.Field(str, default_value="sample", description="sample, replay, live or file"),
        "source_from": dg.Field([str], default_value=[], description="manifest of a replay, or the user's files"),
        "known_by": dg.Field(str, default_value="", description="build only from what was known at this instant"),
    }
)
def pipeline_resource(context: dg.InitResourceContext) -> Iterator[Pipeline]:
    """Yield the pipeline of a run launched from the UI or a schedule: it holds the lock and leaves a report, as a run from the
    command line does. Its mode is set in the launchpad.
    """
    config = context.resource_config
    pipeline = Pipeline(config["mode"], config["source_from"], config["known_by"])
    alive = beating(context.instance, context.run_id) if context.instance and context.run_id else nullcontext()
    writer = writing(pipeline.home, pipeline.settings.lock_wait_seconds)
    with alive, writer, watched(pipeline.report, pipeline.home, pipeline.settings):
        try:
            pipeline.take_over()
            yield pipeline
        finally:
            pipeline.show_checks()
            pipeline.report.error = _failure(context)


def _failure(context: dg.InitResourceContext) -> str | None:
    """Return what the first step that failed in this run said, or None: the exception of a step does not come to a resource."""
    from orchestration.alerts import failure_text

    if context.instance is None or context.run is None:
        return None
    failed = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    events = [entry.dagster_event for entry in failed if entry.dagster_event is not None]
    return f"step {events[0].step_key} failed, nothing is published: {failure_text(events[0])}" if events else None
