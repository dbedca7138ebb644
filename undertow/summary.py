"""The summary a person reads after a run: what came in, what changed, what is late or cancelled, the signals, where it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape

from undertow import clock
from undertow.cells import SIGNAL_COLUMNS, signal_row
from undertow.publish import Build
from undertow.quality import incidents
from undertow.render import console, instant_text, text_table
from undertow.report import FetchOutcome, RunReport
from undertow.settings import Home
from undertow.store import FeatureStore

__all__ = ["print_summary"]

_MOST_OVERDUE = 8  # kinds of releases that the summary names


def print_summary(report: RunReport, home: Home, now: datetime | None = None) -> None:
    """Print the summary of a finished run.

    Args:
        report: what happened.
        home: the home of the pipeline.
        now: the instant that lateness is judged from; the clock by default.
    """
    now = now or clock.now().replace(microsecond=0)
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
    groups: dict[tuple[str, str, str], list[FetchOutcome]] = {}
    for outcome in report.fetched:
        if outcome.status == "skipped":
            continue
        told_apart = outcome.message or outcome.origin or ""  # each failure has its own words
        groups.setdefault((outcome.status, f"{outcome.source}/{outcome.dataset}", told_apart), []).append(outcome)
    landed = _landed(report)
    width = max((len(name) for _, name, _ in [*groups, *landed]), default=0)
    for (status, name, _), outcomes in groups.items():
        colour = {"new": "green", "failed": "red"}.get(status, "default")
        screen.print(f"  [{colour}]{status:<9}[/] {name:<{width}} {escape(_payloads(outcomes))}")
    skipped = Counter(outcome.message for outcome in report.fetched if outcome.status == "skipped")
    for message, count in skipped.items():
        screen.print(f"  [yellow]skipped  [/] {escape(message)}: {count} payload{'s' if count > 1 else ''}")
    for note in report.notes:
        screen.print(f"  [yellow]skipped  [/] {escape(note)}")
    for (status, name, _), detail in landed.items():
        colour = "red" if status == "unread" else "default"
        screen.print(f"  [{colour}]{status:<9}[/] {name:<{width}} {detail}")
    if not landed:
        screen.print("  landed    nothing new")


def _payloads(outcomes: Sequence[FetchOutcome]) -> str:
    """Return what is said of the payloads of one dataset: the failure, or how many there are, of when, and how large."""
    newest = max(outcomes, key=lambda outcome: outcome.fetched_at or "")
    if newest.message:
        return newest.message + (f" ({len(outcomes)} times)" if len(outcomes) > 1 else "")
    size = sum(outcome.bytes or 0 for outcome in outcomes) / 1e6
    many = f"{len(outcomes)} payloads, the newest" if len(outcomes) > 1 else "fetched"
    return f"{newest.origin}, {many} {newest.fetched_at}" + (f", {size:,.1f} MB" if size >= 0.05 else "")


def _landed(report: RunReport) -> dict[tuple[str, str, str], str]:
    """Return what was landed or could not be read, one line for each dataset, keyed as the lines of what came in."""
    rows: dict[tuple[str, str, str], Counter[str]] = {}
    unread: dict[tuple[str, str, str], str] = {}
    for outcome in report.landed:
        name = f"{outcome.source}/{outcome.dataset}"
        if outcome.error:
            unread["unread", name, outcome.error] = escape(outcome.error)
        elif outcome.rows or outcome.quarantined:
            count = rows.setdefault(("landed", name, ""), Counter())
            count.update(outcome.rows)
            count["quarantine"] += outcome.quarantined
    said = {}
    for key, count in rows.items():
        aside = count.pop("quarantine")
        words = ", ".join(f"{number:,} {name}" for name, number in count.items())
        said[key] = words + (f", [yellow]{aside:,} rows in quarantine[/]" if aside else "")
    return said | unread


def _checks(screen: Console, report: RunReport) -> None:
    failed = [check for check in report.checks if not check.passed]
    screen.print(f"\n[bold]Checks[/]  {len(report.checks) - len(failed)} passed, {len(failed)} did not")
    late = [
        check for check in failed if check.tool == "calendar"
    ]  # one line; the section on releases says which and since when
    if late:
        names = ", ".join(check.name for check in late)
        screen.print(f"  [yellow]WARN[/] {late[0].asset}: {len(late)} of the checks of lateness did not pass: {names}")
    for check in failed:
        if check.tool == "calendar":
            continue
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
    came = [row for row in rows if row["status"] in {"released", "partial", "merged"}]
    newest = {row["release_id"]: row["reference_end"] for row in sorted(came, key=lambda row: row["reference_end"])}
    rows = [row for row in rows if row["lapse_id"] is None]
    # only what is newer than what there is: a history that begins later than its calendar is not late
    pending = [
        row for row in rows if row["status"] == "pending" and row["reference_end"] > newest.get(row["release_id"], date.min)
    ]
    ended = [row for row in rows if row["status"] in {"cancelled", "merged", "permanent_gap"}]
    delayed = [
        row
        for row in rows
        if row["status"] in {"released", "partial"} and (row["delay_days"] or 0) > 0 and row["actual_at"] > recent
    ]
    screen.print(f"\n[bold]Releases[/] as of {instant_text(now)}")
    for lapse in lapses:
        screen.print(f"  [red]lapse[/]      {lapse['lapse_id']} {escape(lapse['says'])}")
    _overdue(screen, store, pending)
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


def _overdue(screen: Console, store: FeatureStore, pending: list[dict[str, Any]]) -> None:
    """Print what should have come: the releases that most series wait for, and how many other kinds there are."""
    counted = store.sql("SELECT release_id, count(*) AS n FROM marts.dim_series WHERE release_id IS NOT NULL GROUP BY 1")
    waiting = dict(zip(counted["release_id"].to_pylist(), counted["n"].to_pylist(), strict=True))
    due: dict[str, list[dict[str, Any]]] = {}
    for row in pending:
        due.setdefault(row["release_id"], []).append(row)
    expected = sorted(due.keys() & waiting.keys(), key=lambda release: (-waiting[release], release))
    for release in expected[:_MOST_OVERDUE]:
        first, last = due[release][0], due[release][-1]
        span = first["reference_period"] if first is last else f"{first['reference_period']} to {last['reference_period']}"
        screen.print(f"  [yellow]past due[/]   {release} {span}: due {instant_text(first['scheduled_at'])}, not in this data")
    others = expected[_MOST_OVERDUE:]
    if others:
        screen.print(f"  [yellow]past due[/]   and {len(others)} other kinds of releases; `undertow quality` lists them")
    if unread := len(due) - len(expected):
        screen.print(f"  not read   {unread} kinds of releases that the calendar knows; this data has no series of them")


def _part(row: dict[str, Any]) -> str:
    part = "" if row["component"] == "all" else f"[{row['component']}] "
    into = f"into {row['merged_into']}" if row["merged_into"] else f"known {instant_text(row['known_at'])}"
    return escape(part) + into


def _signals(screen: Console, store: FeatureStore, now: datetime) -> None:
    rows = store.signals_as_known(now).to_pylist()
    screen.print()
    screen.print(text_table(SIGNAL_COLUMNS, [signal_row(row) for row in rows]))


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
