"""``undertow calendar``: the release calendar as it stood at an instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from undertow.cells import CALENDAR_COLUMNS, calendar_row
from undertow.commands.options import Day, now, reading_options
from undertow.render import console, instant_text, write_rows

__all__ = ["calendar"]

STATUSES = ("scheduled", "rescheduled", "pending", "partial", "released", "merged", "cancelled", "permanent_gap")
DAYS_BACK = 60


@click.command()
@click.argument("releases", nargs=-1, metavar="[RELEASE]...")
@click.option("--from", "first", type=Day(), default=None, help=f"First day [default: {DAYS_BACK} days before the instant].")
@click.option("--to", "last", type=Day(), default=None, help="Last day, included [default: no end].")
@click.option("--on", "day", type=Day(), default=None, help="Only what came, was due or was told on this day.")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these (repeatable).")
@reading_options()
def calendar(
    releases: tuple[str, ...],
    first: date | None,
    last: date | None,
    day: date | None,
    statuses: tuple[str, ...],
    as_of: datetime | None,
    form: str,
    output: Path | None,
    build: str | None,
) -> None:
    """Show the calendar of RELEASES (all by default) as it stood at an instant: planned, late, moved, merged, cancelled.

    Days are UTC and those on which a release came, or else is planned. With --on, a release is shown that came, was first or
    last planned, or whose newest state became known on that day. A release that was due and of which nothing was known is
    pending.

    \b
    Example:
      undertow calendar cpi --as-of 2025-11-22 --from 2025-09-01
      undertow calendar --on 2025-11-21 --as-of 2025-11-22
      undertow calendar --status cancelled --status pending --from 2013-01-01
      undertow calendar cpi --as-of 2025-12-20 --format json
    """
    from undertow.store import FeatureStore

    if day is not None and (first or last):
        raise click.UsageError("--on names one day; --from and --to name a span: give one or the other")
    instant = as_of or now()
    begin = datetime.combine(first, time(), UTC) if first else instant - timedelta(days=DAYS_BACK)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1) if last else None

    def wanted(row: dict[str, Any]) -> bool:
        if statuses and row["status"] not in statuses:
            return False
        if day is not None:
            moments = (row["actual_at"], row["scheduled_at"], row["original_at"], row["known_at"])
            return any(moment is not None and moment.date() == day for moment in moments)
        at = _at(row)
        return at >= begin and (end is None or at < end)

    with FeatureStore(build, frame="arrow") as store:
        data = store.calendar_as_known(instant, list(releases) or None)
    rows = data.to_pylist()
    chosen = [index for index, row in enumerate(rows) if wanted(row)]
    write_rows(data.take(pa.array(chosen, pa.int64())), form, output, CALENDAR_COLUMNS, [calendar_row(rows[i]) for i in chosen])
    if not chosen:
        until = f" to {last}" if last else ""
        span = f"on {day}" if day else f"from {begin:%Y-%m-%d}{until}"
        hint = "each day is one of UTC" if day else "--from and --to choose the days"
        console(stderr=True).print(f"no release {span} was in the calendar at {instant_text(instant)}; {hint}")


def _at(row: dict[str, Any]) -> datetime:
    """Return when a release came, else when it is planned, else when its end became known."""
    return row["actual_at"] or row["scheduled_at"] or row["original_at"] or row["known_at"]
