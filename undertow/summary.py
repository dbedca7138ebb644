"""The summary a person reads after a run: what came in, what changed, what is late or cancelled, the signals, where it is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from undertow.cells import SIGNAL_COLUMNS, signal_row
from undertow.publish import Build
from undertow.quality import incidents
from undertow.render import console, instant_text
from undertow.report import RunReport
from undertow.settings import Home
from undertow.store import FeatureStore

__all__ = ["print_summary"]


def print_summary(report: RunReport, home: Home, now: datetime | None = None) -> None:
    """Print the summary of a finished run.

    Args:
        report: what happened.
        home: the home of the pipeline.
        now: the instant that lateness is judged from; the clock by default.
    """
    now = now or datetime.now(UTC).replace(microsecond=0)
    if report.known_by:
        now = datetime.fromisoformat(report.known_by)
    screen = console()
    screen.print()
    _came_in(screen, report)
    _checks(screen, report)
    _build(screen, report)
    if "path" not in report.build:
        return
    with FeatureStore(report.build["path"], home=_home_of(report, home), frame="arrow") as store:
        _calendar(screen, store, now)
        _signals(screen, store, now)
        _where(screen, store.build, report)


def _home_of(report: RunReport, home: Home) -> str:
    """Return the home whose published folder holds the build (a cut-off build has its own)."""
    return str(home.root) if not report.known_by else str(report.build["path"]).split("/published/")[0]


def _came_in(screen: Console, report: RunReport) -> None:
    screen.print(f"[bold]What came in[/] (mode {report.mode})")
    skipped = Counter(outcome.message for outcome in report.fetched if outcome.status == "skipped")
    for outcome in report.fetched:
        if outcome.status == "skipped":
            continue
        size = f"{outcome.bytes / 1e6:,.1f} MB" if outcome.bytes else ""
        colour = {"new": "green", "failed": "red"}.get(outcome.status, "default")
        detail = escape(outcome.message) if outcome.message else f"{outcome.origin}, fetched {outcome.fetched_at}, {size}"
        screen.print(f"  [{colour}]{outcome.status:<9}[/] {outcome.source}/{outcome.dataset:<16} {detail}")
    for message, count in skipped.items():
        screen.print(f"  [yellow]skipped  [/] {escape(message)}: {count} payload{'s' if count > 1 else ''}")
    for note in report.notes:
        screen.print(f"  [yellow]skipped  [/] {escape(note)}")
    landed = [outcome for outcome in report.landed if outcome.rows or outcome.error or outcome.quarantined]
    for outcome in landed:
        if outcome.error:
            screen.print(f"  [red]unread   [/] {escape(outcome.error)}")
            continue
        rows = ", ".join(f"{count:,} {name}" for name, count in outcome.rows.items())
        aside = f", [yellow]{outcome.quarantined:,} rows in quarantine[/]" if outcome.quarantined else ""
        screen.print(f"  landed    {outcome.source}/{outcome.dataset:<16} {rows}{aside}")
    if not landed:
        screen.print("  landed    nothing new")


def _checks(screen: Console, report: RunReport) -> None:
    failed = [check for check in report.checks if not check.passed]
    screen.print(f"\n[bold]Checks[/]  {len(report.checks) - len(failed)} passed, {len(failed)} did not")
    for check in failed:
        colour = "yellow" if check.severity == "WARN" else "red"
        why = check.details.get("why") or check.details.get("message") or check.name
        screen.print(f"  [{colour}]{check.severity}[/] {check.asset}: {escape(str(why))}")


def _build(screen: Console, report: RunReport) -> None:
    if not report.build.get("build_id"):
        return
    if not report.build["is_new"]:
        screen.print(f"\n[bold]Build[/]  nothing changed: {report.build['build_id']} stays current")
        return
    tables = report.build["tables"]
    screen.print(f"\n[bold]Build[/]  {report.build['build_id']}: {sum(tables.values()):,} rows in {len(tables)} tables")
    changed = set(report.build["changed"])
    for name, rows in tables.items():
        screen.print(f"  {rows:>12,}  {name}{'' if name in changed else '  (unchanged, linked)'}")


def _calendar(screen: Console, store: FeatureStore, now: datetime) -> None:
    rows = store.calendar_as_known(now).to_pylist()
    recent = now - timedelta(days=400)
    lapses = incidents(store, now, recent)  # one line each, however many releases it moved
    rows = [row for row in rows if row["lapse_id"] is None]
    pending = [row for row in rows if row["status"] == "pending"]
    ended = [row for row in rows if row["status"] in {"cancelled", "merged", "permanent_gap"}]
    delayed = [
        row
        for row in rows
        if row["status"] in {"released", "partial"} and (row["delay_days"] or 0) > 0 and row["actual_at"] > recent
    ]
    screen.print(f"\n[bold]Releases[/] as of {instant_text(now)}")
    for lapse in lapses:
        screen.print(f"  [red]lapse[/]      {lapse['lapse_id']} {escape(lapse['says'])}")
    newest: dict[str, list[dict[str, Any]]] = {}
    for row in pending:
        newest.setdefault(row["release_id"], []).append(row)
    for release, due in sorted(newest.items()):
        first, last = due[0], due[-1]
        span = first["reference_period"] if first is last else f"{first['reference_period']} to {last['reference_period']}"
        screen.print(f"  [yellow]past due[/]   {release} {span}: due {instant_text(first['scheduled_at'])}, not in this data")
    for row in ended:
        reason = f" ({row['reason']})" if row["reason"] else ""
        screen.print(
            f"  [red]{row['status']:<9}[/]  {row['release_id']} {row['reference_period']} {_part(row)}{escape(reason)}"
        )
    for row in delayed:
        screen.print(
            f"  delayed    {row['release_id']} {row['reference_period']}: {row['delay_days']} days, "
            f"came {instant_text(row['actual_at'])}"
        )
    if not (lapses or pending or ended or delayed):
        screen.print("  nothing late, nothing cancelled")


def _part(row: dict[str, Any]) -> str:
    part = "" if row["component"] == "all" else f"[{row['component']}] "
    into = f"into {row['merged_into']}" if row["merged_into"] else f"known {instant_text(row['known_at'])}"
    return escape(part) + into


def _signals(screen: Console, store: FeatureStore, now: datetime) -> None:
    rows = store.signals_as_known(now).to_pylist()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    for heading, justify in SIGNAL_COLUMNS:
        table.add_column(heading, justify=justify)
    for row in rows:
        table.add_row(*signal_row(row))
    screen.print()
    screen.print(table)


def _where(screen: Console, build: Build, report: RunReport) -> None:
    origins = ", ".join(build.manifest["origins"])
    synthetic = "  [red]contains SYNTHETIC data[/]" if "synthetic" in build.manifest["origins"] else ""
    screen.print(f"\n[bold]Data[/]      {origins}{synthetic}")
    screen.print(f"[bold]DuckDB[/]    {build.database}")
    screen.print(f"[bold]Parquet[/]   {build.path / 'marts'}")
    screen.print(f"[bold]Page[/]      {build.page}")
    if report.data_docs:
        screen.print(f"[bold]Checks[/]    {report.data_docs}")
    screen.print(f"[bold]Took[/]      {sum(report.seconds.values()):.1f} s")
