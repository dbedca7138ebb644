"""What happened in a run, collected while it happens, for the summary a person reads and for ``quality/runs``.

A ``RunReport`` is plain data: no Dagster, no printing. ``step`` tells a listener (a progress bar, a log) what is going on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from undertow.atomic import write_text
from undertow.logs import RUN

__all__ = ["CheckOutcome", "FetchOutcome", "LandOutcome", "RunReport"]

logger = logging.getLogger("undertow.report")


@dataclass
class FetchOutcome:
    """One dataset of one source: ``new`` or ``unchanged`` bytes, ``skipped`` (not in this mode or not there) or ``failed``."""

    source: str
    dataset: str
    status: str
    message: str = ""
    sha256: str | None = None
    bytes: int = 0
    fetched_at: str | None = None
    origin: str | None = None


@dataclass
class LandOutcome:
    """One payload parsed into landing tables, or the reason why it could not be."""

    source: str
    dataset: str
    sha256: str
    rows: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    error: str | None = None
    retired: bool = False  # the provider stopped it: that it could not be read is no failure of the source
    notes: list[str] = field(default_factory=list)  # what is odd in it, such as a history that got shorter
    files: list[str] = field(default_factory=list, compare=False)  # what was written, within the landing; the mark is last


@dataclass
class CheckOutcome:
    """One check: what it looked at, whether it passed, how bad a failure is, and numbers that explain it."""

    asset: str
    name: str
    passed: bool
    severity: str = "ERROR"  # ERROR blocks, WARN is an event of the world
    tool: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass
class RunReport:
    """All outcomes of one run."""

    run_id: str
    mode: str
    started_at: str
    known_by: str | None = None
    fetched: list[FetchOutcome] = field(default_factory=list)
    landed: list[LandOutcome] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)  # model -> status
    build: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)  # of this process, all cores together
    notes: list[str] = field(default_factory=list)  # what the user should know and no other field says
    data_docs: str | None = None  # the page that shows what the suites found
    error: str | None = None
    ended_at: str | None = None
    requests: dict[str, dict[str, int]] = field(default_factory=dict)  # source -> status of the answer, or "none" -> how many
    listener: Callable[[str], None] | None = field(default=None, repr=False, compare=False)

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Time a step and tell the listener that it began."""
        if self.listener:
            self.listener(name)
        began, cpu = perf_counter(), process_time()
        RUN.info("step began", extra={"step": name})
        whole = False
        try:
            yield
            whole = True
        finally:
            seconds, cpu_seconds = round(perf_counter() - began, 3), round(process_time() - cpu, 3)
            self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 3)
            self.cpu_seconds[name] = round(self.cpu_seconds.get(name, 0.0) + cpu_seconds, 3)
            facts = {"step": name, "seconds": seconds, "cpu_seconds": cpu_seconds}
            RUN.log(logging.INFO if whole else logging.ERROR, "step ended" if whole else "step failed", extra=facts)

    def add_fetched(self, source: str, outcomes: Sequence[FetchOutcome], requests: Mapping[str, int]) -> None:
        """Note what came of asking a source, and how its servers answered."""
        self.fetched.extend(outcomes)
        if requests:
            self.requests[source] = dict(sorted(requests.items()))
        for one in outcomes:
            facts = {
                "source": one.source,
                "dataset": one.dataset,
                "outcome": one.status,
                "bytes": one.bytes,
                "sha256": one.sha256,
            }
            level = logging.WARNING if one.status == "failed" else logging.INFO
            RUN.log(level, one.message or "fetched", extra=facts)

    def add_landed(self, outcomes: Sequence[LandOutcome]) -> None:
        """Note what came of reading payloads."""
        self.landed.extend(outcomes)
        for one in outcomes:
            facts = {
                "source": one.source,
                "dataset": one.dataset,
                "sha256": one.sha256,
                "rows": sum(one.rows.values()),
                "quarantined": one.quarantined,
            }
            RUN.log(logging.WARNING if one.error else logging.INFO, one.error or "landed", extra=facts)

    def add_checks(self, outcomes: Sequence[CheckOutcome]) -> None:
        """Note what checks found; those that did not pass are logged one by one."""
        self.checks.extend(outcomes)
        for one in outcomes:
            if not one.passed:
                why = one.details.get("why") or one.details.get("message") or one.name
                facts = {"asset": one.asset, "check": one.name, "severity": one.severity, "tool": one.tool}
                RUN.log(logging.ERROR if one.severity == "ERROR" else logging.WARNING, str(why), extra=facts)

    @property
    def outcome(self) -> str:
        """What became of the run: ``failed``, ``published``, ``unchanged``, or ``partial`` where it had nothing to publish."""
        if self.error:
            return "failed"
        if not self.build.get("build_id"):
            return "partial"
        return "published" if self.build["is_new"] else "unchanged"

    @property
    def failed_sources(self) -> list[str]:
        """Sources of which a fetch or a parse failed, sorted."""
        bad = {o.source for o in self.fetched if o.status == "failed"} | {
            o.source for o in self.landed if o.error and not o.retired
        }
        return sorted(bad)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready data."""
        data = asdict(self)
        data.pop("listener")
        return data

    def save(self, folder: Path) -> Path:
        """Write the report as JSON into ``folder`` and return its path.

        Where it cannot be written (a full disk) a warning says so: the run has better things to say than that.
        """
        path = folder / f"{self.run_id}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(self.as_dict(), indent=1, default=str) + "\n")
        except OSError as error:
            logger.warning("the report of this run could not be written to %s: %s", path, error.strerror or error)
        return path
