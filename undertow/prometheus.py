"""Metrics for Prometheus, read at each scrape from what a home holds: the published build, the run reports, the incidents.

Nothing is counted in memory, so a process that was restarted tells the same numbers, and each of them is one query on the
published tables or one field of a report. Counters fall when ``undertow tidy`` removes old reports; Prometheus takes that for a
restart. What is read from the build is as known at the instant of the scrape, so lateness grows while nothing is published.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric, SummaryMetricFamily

from undertow import __version__, clock
from undertow.atomic import write_bytes
from undertow.errors import NothingPublishedError
from undertow.expected import read, rooms_asked
from undertow.incidents import IncidentLog
from undertow.instants import parse_instant
from undertow.quality import quarantined
from undertow.settings import Home, Settings
from undertow.store import FeatureStore

__all__ = ["HomeCollector", "exposition", "write_textfile"]

logger = logging.getLogger("undertow.prometheus")

COMPOSITES = "composite.%"
OUTCOMES = ("published", "unchanged", "partial", "failed")


class HomeCollector:
    """What a home says of itself, as a collector that a registry asks.

    Args:
        home: the home.
        settings: which rooms are asked, for lateness is only of what somebody asks for.
        now: the instant of the scrape; the clock by default.
    """

    def __init__(self, home: Home, settings: Settings, now: datetime | None = None) -> None:
        self._home = home
        self._settings = settings
        self._now = now
        self._reports: dict[Path, tuple[int, dict[str, Any]]] = {}  # reports that were read, by their times

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering does not read the home."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics. What cannot be read is left out, and ``undertow_up`` of its part is 0."""
        now = self._now or clock.now()
        up = GaugeMetricFamily("undertow_up", "Whether a part of the metrics could be read.", labels=["part"])
        parts = {"runs": self._runs, "build": self._build, "quarantine": self._quarantine, "incidents": self._incidents}
        for name, part in parts.items():
            try:
                yield from list(part(now))
            except NothingPublishedError:
                up.add_metric([name], 0)
            except (duckdb.Error, OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("the metrics of the part %s cannot be read: %s", name, error)
                up.add_metric([name], 0)
            else:
                up.add_metric([name], 1)
        yield up
        yield _gauge("undertow_scrape_timestamp_seconds", "The instant that these metrics are of.", now.timestamp())

    def _runs(self, now: datetime) -> Iterator[Metric]:
        """Yield what the reports of runs say."""
        del now
        reports = self._read_reports()
        runs = CounterMetricFamily("undertow_runs", "Runs by how they ended.", labels=["outcome", "mode"])
        counts = Counter((_outcome(report), report["mode"]) for report in reports)
        for mode in sorted({report["mode"] for report in reports}) or ["live"]:
            for outcome in OUTCOMES:
                runs.add_metric([outcome, mode], counts[outcome, mode])
        yield runs
        seconds = SummaryMetricFamily("undertow_run_seconds", "How long runs took.", labels=["outcome"])
        for outcome in OUTCOMES:
            lengths = [_seconds(report) for report in reports if _outcome(report) == outcome]
            seconds.add_metric([outcome], len(lengths), sum(lengths))
        yield seconds
        requests = CounterMetricFamily(
            "undertow_requests", "Answers of providers; none is a request without one.", labels=["source", "status"]
        )
        answered: Counter[tuple[str, str]] = Counter()
        fetched: Counter[tuple[str, str]] = Counter()
        received: Counter[str] = Counter()
        for report in reports:
            for source, statuses in report.get("requests", {}).items():
                answered.update({(source, status): n for status, n in statuses.items()})
            for one in report["fetched"]:
                fetched[one["source"], one["status"]] += 1
                received[one["source"]] += one["bytes"] if one["status"] == "new" else 0
        for (source, status), n in sorted(answered.items()):
            requests.add_metric([source, status], n)
        yield requests
        payloads = CounterMetricFamily("undertow_payloads", "Payloads by what came of asking.", labels=["source", "outcome"])
        for (source, outcome), n in sorted(fetched.items()):
            payloads.add_metric([source, outcome], n)
        yield payloads
        size = CounterMetricFamily("undertow_new_bytes", "Bytes of payloads that were new.", labels=["source"])
        for source, n in sorted(received.items()):
            size.add_metric([source], n)
        yield size
        if reports:
            yield from _newest(reports)

    def _build(self, now: datetime) -> Iterator[Metric]:
        """Yield what the published build says as known now."""
        with FeatureStore(home=self._home.root, frame="arrow") as store:
            build = store.build
            published = parse_instant(build.manifest["published_at"]).timestamp()
            info = {"build_id": build.build_id, "version": __version__, "mode": build.manifest["mode"]}
            yield InfoMetricFamily("undertow_build", "The published build.", value=info)
            yield _gauge("undertow_build_timestamp_seconds", "When the build was published.", published)
            yield _gauge("undertow_build_age_seconds", "Seconds since then, at the scrape.", now.timestamp() - published)
            rows = GaugeMetricFamily("undertow_published_rows", "Rows of each published table.", labels=["table"])
            for name, table in sorted(build.manifest["tables"].items()):
                rows.add_metric([name], table["rows"])
            yield rows
            signals = store.rows(
                "SELECT signal_id, value, confidence, period_end FROM signals_as_known(?) WHERE signal_id LIKE ? ORDER BY 1",
                [now, COMPOSITES],
            )
            for column, says in {
                "value": "Level of the composite and of its pillars as known now.",
                "confidence": "How far the composite and its pillars can be trusted, 0 to 1.",
            }.items():
                family = GaugeMetricFamily(f"undertow_composite_{column}", says, labels=["signal"])
                for row in signals:
                    if row[column] is not None:
                        family.add_metric([row["signal_id"]], row[column])
                yield family
            yield from self._lateness(store, now)

    def _lateness(self, store: FeatureStore, now: datetime) -> Iterator[Metric]:
        """Yield how late each kind of release is that somebody asks for."""
        expected = [row for row in read(store, now, rooms_asked(self._settings, now.date())) if not row.is_generated]
        late = GaugeMetricFamily(
            "undertow_release_overdue_seconds",
            "Seconds since the oldest period that is not here was due; 0 where none is overdue.",
            labels=["release"],
        )
        many = GaugeMetricFamily(
            "undertow_release_overdue_periods", "Periods that are overdue.", labels=["release", "held_back"]
        )
        for release in sorted({row.release_id for row in expected}):
            overdue = [row for row in expected if row.release_id == release and row.is_overdue(now)]
            waits = [now - row.due_at for row in overdue if row.due_at is not None and not row.is_held_back]
            late.add_metric([release], max(waits, default=timedelta()).total_seconds())
            for held in (False, True):
                many.add_metric([release, str(held).lower()], sum(row.is_held_back is held for row in overdue))
        yield late
        yield many

    def _quarantine(self, now: datetime) -> Iterator[Metric]:
        """Yield how many rows parsers set aside."""
        family = GaugeMetricFamily(
            "undertow_quarantined_rows", "Rows of each source that could not be read.", labels=["source"]
        )
        for source, n in sorted(quarantined(self._home, now).items()):
            family.add_metric([source], n)
        yield family

    def _incidents(self, now: datetime) -> Iterator[Metric]:
        """Yield what is wrong now, and whether it could be told."""
        log = IncidentLog(self._home.quality)
        events = log.events()
        kinds = {event["key"]: event["kind"] for event in events if event["event"] == "opened"}
        opened = Counter(event["kind"] for event in events if event["event"] == "opened")
        still = Counter(incident.kind for incident in log.open().values())
        every = sorted({"lapse", "release", "run", *kinds.values()})
        total = CounterMetricFamily("undertow_incidents", "Incidents that were opened.", labels=["kind"])
        now_open = GaugeMetricFamily("undertow_open_incidents", "Incidents that are open.", labels=["kind"])
        for kind in every:
            total.add_metric([kind], opened[kind])
            now_open.add_metric([kind], still[kind])
        yield total
        yield now_open
        untold = GaugeMetricFamily(
            "undertow_untold_alerts", "Alerts that a channel has not taken and is asked to take again.", labels=["channel"]
        )
        for channel, n in sorted(log.untold(now).items()):
            untold.add_metric([channel], n)
        yield untold

    def _read_reports(self) -> list[dict[str, Any]]:
        """Return the reports of runs, oldest first; one that was read before and has not changed is not read again."""
        found: dict[Path, tuple[int, dict[str, Any]]] = {}
        for path in sorted((self._home.quality / "runs").glob("*.json")):
            try:
                changed = path.stat().st_mtime_ns
                before = self._reports.get(path)
                found[path] = before if before and before[0] == changed else (changed, json.loads(path.read_bytes()))
            except (OSError, ValueError) as error:  # removed at this moment, or cut short
                logger.warning("the report %s cannot be read: %s", path.name, error)
        self._reports = found
        return [report for _, report in found.values()]


def _newest(reports: list[dict[str, Any]]) -> Iterator[Metric]:
    """Yield what belongs to the newest run, and when runs ended last."""
    last = reports[-1]
    ends = GaugeMetricFamily(
        "undertow_last_run_timestamp_seconds", "When the newest run of each outcome ended.", labels=["outcome"]
    )
    for outcome in OUTCOMES:
        times = [_ended(report) for report in reports if _outcome(report) == outcome]
        if times:
            ends.add_metric([outcome], max(times))
    yield ends
    good = [_ended(report) for report in reports if _outcome(report) in ("published", "unchanged")]
    if good:
        yield _gauge(
            "undertow_last_success_timestamp_seconds", "When the newest run ended that published or found no news.", max(good)
        )
    yield _gauge("undertow_last_run_failed", "Whether the newest run failed.", _outcome(last) == "failed")
    yield _gauge("undertow_last_run_seconds", "How long the newest run took.", _seconds(last))
    steps = GaugeMetricFamily("undertow_last_run_step_seconds", "How long its steps took.", labels=["step"])
    for step, seconds in last["seconds"].items():
        steps.add_metric([step], seconds)
    yield steps
    checks = GaugeMetricFamily("undertow_checks", "Checks of the newest run.", labels=["result", "severity", "tool"])
    counts = Counter(("passed" if c["passed"] else "failed", c["severity"], c["tool"]) for c in last["checks"])
    for tool in sorted({c["tool"] for c in last["checks"]}):
        for severity in ("ERROR", "WARN"):
            for result in ("passed", "failed"):
                checks.add_metric([result, severity, tool], counts[result, severity, tool])
    yield checks
    sources = GaugeMetricFamily(
        "undertow_source_failed", "Whether the newest run could not fetch or read something of a source.", labels=["source"]
    )
    bad = {one["source"] for one in last["fetched"] if one["status"] == "failed"}
    bad |= {one["source"] for one in last["landed"] if one["error"] and not one["retired"]}
    for source in sorted({one["source"] for one in [*last["fetched"], *last["landed"]]}):
        sources.add_metric([source], source in bad)
    yield sources


def exposition(home: Home, settings: Settings, now: datetime | None = None) -> bytes:
    """Return the metrics of a home in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HomeCollector(home, settings, now))
    return generate_latest(registry)


def write_textfile(path: Path, home: Home, settings: Settings, now: datetime | None = None) -> None:
    """Write the metrics for node-exporter's textfile collector, whole or not at all; it may be read by everybody.

    Raises:
        OSError: the file cannot be written.
    """
    write_bytes(path.expanduser(), exposition(home, settings, now))


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=float(value))


def _outcome(report: dict[str, Any]) -> str:
    """Return what became of a run, from its saved report; as ``RunReport.outcome`` says it."""
    if report.get("error"):
        return "failed"
    if not report["build"].get("build_id"):
        return "partial"
    return "published" if report["build"]["is_new"] else "unchanged"


def _ended(report: dict[str, Any]) -> float:
    """Return when a run ended; reports of older versions tell only how long its steps took."""
    if report.get("ended_at"):
        return datetime.fromisoformat(report["ended_at"]).timestamp()
    return datetime.fromisoformat(report["started_at"]).timestamp() + sum(report["seconds"].values())


def _seconds(report: dict[str, Any]) -> float:
    return _ended(report) - datetime.fromisoformat(report["started_at"]).timestamp()
