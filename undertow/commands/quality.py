"""``undertow quality``: the state of the data in one look."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pyarrow as pa
from rich.console import Console
from rich.markup import escape

from undertow.commands.options import now, reading_options
from undertow.render import instant_text, text_table, write_json, write_page, write_rows

if TYPE_CHECKING:
    from undertow.quality import Quality

__all__ = ["quality"]

FINDING = pa.schema(
    [
        pa.field("section", pa.string()),
        pa.field("subject", pa.string()),
        pa.field("what", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("count", pa.int64()),
        pa.field("at", pa.timestamp("us", tz="UTC")),
        pa.field("says", pa.string()),
    ]
)
SUMMARY_COLUMNS = (
    ("release", "left"),
    ("part", "left"),
    ("periods", "right"),
    ("published", "right"),
    ("past due", "right"),
    ("late", "right"),
    ("longest", "right"),
    ("ended", "right"),
    ("gaps", "right"),
    ("revised", "right"),
)
FLAG_COLUMNS = (
    ("flag", "left"),
    ("observations", "right"),
    ("series", "right"),
    ("signal rows", "right"),
    ("meaning", "left"),
)


@click.command()
@click.option("--days", type=click.IntRange(min=1), default=400, show_default=True, help="How far back releases are listed.")
@click.option("--full", is_flag=True, help="List the releases that a lapse explains too, one by one.")
@reading_options()
def quality(days: int, full: bool, as_of: datetime | None, form: str, output: Path | None, build: str | None) -> None:
    """Show the state of the data as known at an instant: releases, flags and quarantine, and the last run's checks.

    The last run, its checks, the sources it could not read and open incidents are those of this machine, whatever the
    instant. A lapse is one line; --full lists what it moved, merged and cancelled. CSV and Parquet hold one row for each
    finding; JSON holds everything.

    \b
    Example:
      undertow quality --as-of 2025-12-20
      undertow quality --as-of "2025-12-10 14:00 America/New_York" --days 120 --full
      undertow quality --format json --output quality.json
    """
    from undertow.quality import gather
    from undertow.store import FeatureStore

    with FeatureStore(build, frame="arrow") as store:
        state = gather(store, store.home, as_of or now(), days)
    if form == "json":
        write_json(state.as_dict(), output)
    elif form == "table":
        write_page(lambda screen: _draw(screen, state, full), output)
    else:
        write_rows(pa.Table.from_pylist(state.findings(full=full), FINDING), form, output)


def _draw(screen: Console, state: Quality, full: bool) -> None:
    screen.print(f"[bold]Releases[/] as of {instant_text(state.as_of)}")
    summary = [
        [
            row["release_id"],
            "-" if row["component"] == "all" else row["component"],
            f"{row['n_periods']:,}",
            f"{row['n_published']:,}",
            f"{row['n_past_due']:,}",
            f"{row['n_late']:,}",
            f"{row['longest_delay_days']} days" if row["longest_delay_days"] else "-",
            f"{row['n_ended']:,}",
            f"{row['n_series_missing']:,}",
            f"{row['n_values_revised']:,}",
        ]
        for row in state.summary
    ]
    screen.print(text_table(SUMMARY_COLUMNS, summary))
    for incident in state.incidents:
        screen.print(f"  [red]lapse[/] {incident['lapse_id']}  {escape(incident['says'])}", soft_wrap=True)
    alarms = state.releases if full else state.alarms()
    screen.print(f"\n[bold]Unusual[/] since {state.since:%Y-%m-%d}" + ("" if alarms else "  nothing"))
    for (release, component, says), group in groupby(alarms, lambda r: (r["release_id"], r["component"], r["says"])):
        rows = list(group)
        part = "" if component == "all" else f" ({component})"
        first, last = (rows[i]["reference_period"] or rows[i]["reference_end"] for i in (-1, 0))
        span = first if len(rows) == 1 else f"{first} to {last}"
        screen.print(f"  {release} {span}{part}: {escape(says)}", soft_wrap=True)
    _draw_run(screen, state)
    if state.open_incidents:
        screen.print("\n[bold]Open incidents[/]")
    for one in state.open_incidents:
        screen.print(f"  since {instant_text(one['opened_at'])}: {escape(one['says'])}", soft_wrap=True)
    held = sum(row["n_rows"] for row in state.quarantine)
    screen.print("\n[bold]Quarantine[/]" + ("" if held else "  empty"))
    for row in state.quarantine:
        screen.print(f"  {row['source']}: {row['n_rows']:,} rows, the newest fetched {instant_text(row['newest_at'])}")
        for item in (item for item in state.reasons if item["source"] == row["source"]):
            screen.print(f"    {escape(item['place'])}: {escape(item['reason'])}", soft_wrap=True)
    screen.print("\n[bold]Flags[/]" + ("" if state.flags else "  none"))
    if state.flags:
        cells = [
            [r["flag"], f"{r['n_observations']:,}", f"{r['n_series']:,}", f"{r['n_signal_rows']:,}", escape(r["meaning"])]
            for r in state.flags
        ]
        screen.print(text_table(FLAG_COLUMNS, cells))


def _draw_run(screen: Console, state: Quality) -> None:
    if state.run is None:
        screen.print("\n[bold]Last run[/]  none on this machine")
        return
    run = state.run
    screen.print(
        f"\n[bold]Last run[/]  {instant_text(run['started_at'])}, mode {run['mode']}: "
        f"{run['n_passed']} checks passed, {run['n_failed']} did not"
    )
    if run["data_docs"]:
        screen.print(f"  pages   {escape(run['data_docs'])}", soft_wrap=True)
    if run["error"]:
        screen.print(f"  [red]failed[/]  {escape(run['error'])}", soft_wrap=True)
    for failed in state.failed_sources:
        screen.print(f"  [red]source[/]  {failed['source']}/{failed['dataset']}: {escape(failed['why'])}", soft_wrap=True)
    for check in state.checks:
        colour = "yellow" if check["severity"] == "WARN" else "red"
        screen.print(f"  [{colour}]{check['severity']}[/]  {escape(check['asset'])}: {escape(check['why'])}", soft_wrap=True)
