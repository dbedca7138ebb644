"""``undertow backfill``: a provider's history in quarters, planned, fetched and landed in parallel, and resumed where it was
cut off.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from typing import Any

import click

from undertow.backfill import SPEED, Plan, Quarter, backfill_rooms, name_of, progress
from undertow.backfill import plan as make_plan
from undertow.commands.options import PAGE_FORMATS, format_option
from undertow.commands.run import runner
from undertow.errors import UndertowError, UsageError
from undertow.render import console, write_json
from undertow.room import load_room
from undertow.settings import Home, Settings

__all__ = ["backfill"]


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "--from", "first", metavar="QUARTER", help="First quarter of filing, such as 2019q4; default: the first that there is."
)
@click.option("--to", "last", metavar="QUARTER", help="Last quarter; default: the last that is over.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=None,
    help="Processes that read quarters at the same time; default: the number of cores. One file is fetched at a time.",
)  # fmt: skip
@click.option("--plan", "plan_only", is_flag=True, help="Say what there is to do and what it takes; fetch and write nothing.")
@click.option(
    "--megabits", type=click.FloatRange(min=0.1), default=SPEED, show_default=True,
    help="What your line brings a second, for the plan.",
)  # fmt: skip
@click.option("--no-publish", is_flag=True, help="Leave models and publishing to the next run.")
@click.option("--quiet", is_flag=True, help="No progress, only the result.")
@format_option(PAGE_FORMATS)
def backfill(
    source: str,
    first: str | None,
    last: str | None,
    workers: int | None,
    plan_only: bool,
    megabits: float,
    no_publish: bool,
    quiet: bool,
    form: str,
) -> None:
    """Bring the history of SOURCE (sec_nport or sec_bdc) by quarters of filing; then model, check and publish it.

    What is archived is not fetched again and what is landed not read again: after a stop or a kill, the same command goes on.
    Quarters are named as the provider names its files. A contact must be set (UNDERTOW_CONTACT).

    \b
    Example:
      undertow backfill sec_nport --plan
      undertow backfill sec_nport --from 2019q4 --to 2026q2
      undertow backfill sec_bdc --from 2024q1 --workers 1
    """
    home, modules = Home(Settings().home), load_room(source)
    today = datetime.now(UTC).date()
    cost = modules.room.quarter
    if cost is None:
        raise UsageError(f"{source} has no history in quarters; {', '.join(backfill_rooms())} have")
    planned = make_plan(
        modules,
        home,
        (first or cost.first).strip().lower(),
        (last or _last_over(today)).strip().lower(),
        workers=workers or os.cpu_count() or 1,
        megabits=megabits,
        free_bytes=shutil.disk_usage(_nearest(home)).free,
    )
    if plan_only:
        _print_plan(planned, form)
        return
    if not Settings().has_contact:
        raise UsageError("; ".join(modules.notes(Settings())) if modules.notes else "set UNDERTOW_CONTACT")
    if planned.left and planned.disk_bytes > planned.free_bytes:
        raise UndertowError(
            f"the backfill needs about {_size(planned.disk_bytes)}, and {home.root} has {_size(planned.free_bytes)} free; "
            "take fewer quarters or fewer workers"
        )
    home.ensure()
    with _progress(planned, quiet or form == "json") as listener:
        found, failures = _backfiller()(planned, listener)
    if any(quarter.state == "landed" for quarter in found) and not no_publish:
        report = runner()("live", (), None, None, rooms=[source], fetch=False)
        build = report.build.get("build_id")
    else:
        build = None
    _print_result(planned, found, failures, build, form)
    wrong = [quarter for quarter in found if quarter.state != "landed"]
    if wrong:
        raise UndertowError(_wrong(wrong, failures))


def _last_over(today: date) -> str:
    """Return the newest quarter that is over."""
    return name_of(date(today.year, (today.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1))


def _nearest(home: Home) -> str:
    """Return the home, or the nearest folder above it that exists."""
    return str(next(folder for folder in (home.root, *home.root.parents) if folder.is_dir()))


def _backfiller() -> Callable[..., tuple[list[Quarter], list[str]]]:
    """Return the orchestrator's entry, which announces itself under the entry point group ``undertow.backfiller``."""
    found = list(metadata.entry_points(group="undertow.backfiller"))
    if not found:
        raise UsageError("no backfiller is installed; install the project with its dependencies (make install)")
    return found[0].load()


def _wrong(wrong: list[Quarter], failures: list[str]) -> str:
    """Return one sentence about the quarters that are not landed."""
    names = ", ".join(quarter.name for quarter in wrong[:8]) + (" and more" if len(wrong) > 8 else "")
    whys = [quarter.why for quarter in wrong if quarter.why] or failures
    return f"{len(wrong)} quarters are not landed ({names}): {whys[0] if whys else 'they were left out'}"


def _size(count: float) -> str:
    """Return a number of bytes in words."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"


def _span(seconds: float) -> str:
    """Return a length of time in words."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _facts(planned: Plan) -> dict[str, Any]:
    """Return the plan as JSON-ready data; bytes, rows and seconds are what is still to come."""
    counts: dict[str, int] = {}
    for quarter in planned.quarters:
        counts[quarter.state] = counts.get(quarter.state, 0) + 1
    return {
        "source": planned.room,
        "first": planned.quarters[0].name,
        "last": planned.quarters[-1].name,
        "quarters": len(planned.quarters),
        "states": counts,
        "by_page": planned.by_page,
        "workers": planned.workers,
        "megabits": planned.megabits,
        "payload_bytes": planned.payload_bytes,
        "read_rows": planned.read_rows,
        "landed_rows": planned.landed_rows,
        "disk_bytes": planned.disk_bytes,
        "free_bytes": planned.free_bytes,
        "memory_bytes": planned.memory_bytes,
        "fetch_seconds": round(planned.fetch_seconds),
        "land_seconds": round(planned.land_seconds),
        "seconds": round(planned.seconds),
        "cost_of_a_quarter": asdict(planned.cost),
    }


def _print_plan(planned: Plan, form: str) -> None:
    facts = _facts(planned)
    if form == "json":
        write_json(facts, None)
        return
    states = ", ".join(f"{count} {state}" for state, count in facts["states"].items())
    files = "the provider's page, as archived" if planned.by_page else "the calendar; the provider's page is not archived yet"
    lines = {
        "quarters": f"{facts['first']} to {facts['last']}: {facts['quarters']} ({states}), by {files}",
        "to fetch": f"{_size(planned.payload_bytes)}, {_span(planned.fetch_seconds)} at {planned.megabits:g} megabits a second",
        "to read": f"{planned.read_rows:,} rows, of which about {planned.landed_rows:,} are kept",
        "reading": f"{_span(planned.land_seconds)} with {planned.workers} processes, {_size(planned.memory_bytes)} of memory",
        "disk": f"{_size(planned.disk_bytes)}, of it {_size(planned.scratch_bytes)} while it runs; "
        f"{_size(planned.free_bytes)} are free",
        "landed after": f"{_span(planned.seconds)}; models and publishing come after that",
        "measured": planned.cost.measured,
    }
    screen = console()
    for name, text in lines.items():
        screen.print(f"{name:<13} {text}", soft_wrap=True, highlight=False)


def _print_result(planned: Plan, found: list[Quarter], failures: list[str], build: str | None, form: str) -> None:
    if form == "json":
        rows = [{"name": q.name, "state": q.state, "bytes": q.bytes, "rows": q.rows, "why": q.why} for q in found]
        write_json({"source": planned.room, "quarters": rows, "failures": failures, "build_id": build}, None)
        return
    screen = console()
    for quarter in found:
        size = f"{_size(quarter.bytes):>10}  {quarter.rows:>12,} rows" if quarter.bytes else ""
        screen.print(
            f"{quarter.name}  {quarter.state:<9}{size}{quarter.why and '  ' + quarter.why}", soft_wrap=True, highlight=False
        )
    for failure in failures:
        screen.print(f"failed  {failure}", soft_wrap=True, highlight=False)
    if build:
        screen.print(f"Build  {build}", highlight=False)


@contextmanager
def _progress(planned: Plan, quiet: bool) -> Generator[Callable[[list[Quarter], float], None] | None]:
    """Show how far a backfill is: a bar in a terminal, a line for each quarter that gets on elsewhere, nothing when quiet."""
    if quiet or not planned.left:
        yield None
        return
    screen = console(stderr=True)
    if screen.is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn

        with Progress(TextColumn("{task.description}"), BarColumn(), console=screen, transient=True) as bar:
            task = bar.add_task(_told(planned, planned.quarters, 0.0), total=1.0)
            yield lambda now, seconds: bar.update(
                task, completed=progress(planned, now, seconds).share, description=_told(planned, now, seconds)
            )
        return
    before = {quarter.name: quarter.state for quarter in planned.quarters}

    def listener(now: list[Quarter], seconds: float) -> None:
        for quarter in now:
            if before[quarter.name] != quarter.state:
                before[quarter.name] = quarter.state
                screen.print(
                    f"{datetime.now(UTC):%H:%M:%S}  {quarter.name} {quarter.state}; {_told(planned, now, seconds)}",
                    soft_wrap=True,
                )

    yield listener


def _told(planned: Plan, now: list[Quarter], seconds: float) -> str:
    """Return how far a backfill is in words."""
    at = progress(planned, now, seconds)
    return f"{at.done} of {at.total} quarters landed, {_size(at.bytes_left)} to fetch, about {_span(at.seconds_left)} left"
