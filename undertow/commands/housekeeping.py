"""``undertow compact`` and ``undertow tidy``: history on disk in fewer files, and an end to old reports and cut-off builds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

import click

from undertow.commands.options import PAGE_FORMATS, format_option, now
from undertow.render import console, text_table, write_json
from undertow.settings import Home, Settings

__all__ = ["compact", "tidy"]

COMPACTION_COLUMNS = (
    ("table", "left"),
    ("files", "right"),
    ("rows", "right"),
    ("rows after", "right"),
    ("size", "right"),
    ("size after", "right"),
)


@click.command()
@click.option(
    "--at-least", type=click.IntRange(min=2), default=8, show_default=True, metavar="N",
    help="Leave tables with fewer files alone.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--quiet", is_flag=True, help="No progress, only the result.")
@format_option(PAGE_FORMATS)
def compact(at_least: int, dry_run: bool, quiet: bool, form: str) -> None:
    """Merge the many small files of landed tables into one each; no vintage is lost.

    Every payload adds a file to the landing. Rows that only repeat what was known before are left out, and what any question
    gets for an answer stays the same. The archive is not touched. The next run builds the warehouse from the merged files.

    \b
    Example:
      undertow compact --dry-run
      undertow compact --at-least 30
    """
    from undertow.history import compact as compacting
    from undertow.history import migrate
    from undertow.lock import run_lock

    settings = Settings()
    home = Home(settings.home, settings.home_bits).ensure()
    with run_lock(home.lock):
        if not dry_run:
            migrate(home.landing)
        done = list(compacting(home, at_least=at_least, dry_run=dry_run, listener=_progress(quiet or form == "json")))
    if form == "json":
        write_json({"dry_run": dry_run, "tables": [asdict(one) for one in done]}, None)
        return
    screen = console()
    if not done:
        screen.print(f"no landed table has {at_least} files or more; nothing to merge")
        return
    cells = [
        [
            f"{one.source}/{one.table}", f"{one.files_before:,}", f"{one.rows_before:,}", f"{one.rows_after:,}",
            _size(one.bytes_before), _size(one.bytes_after),
        ]
        for one in done
    ]  # fmt: skip
    screen.print(text_table(COMPACTION_COLUMNS, cells))
    files = sum(one.files_before for one in done)
    screen.print(f"{files:,} files {'would become' if dry_run else 'became'} {len(done)}")


@click.command()
@click.option("--reports", type=click.IntRange(min=1), default=200, show_default=True, metavar="N", help="Run reports to keep.")
@click.option(
    "--days", type=click.IntRange(min=1), default=30, show_default=True, metavar="N",
    help="Keep cut-off builds that were written to in the last N days.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@format_option(PAGE_FORMATS)
def tidy(reports: int, days: int, dry_run: bool, form: str) -> None:
    """Remove old run reports and old builds of `undertow run --known-by`.

    Archive, landing and published builds stay: no vintage is lost, and a cut-off build can be made again at any time.
    Published builds are pruned by each run and by `undertow publish --prune`.

    \b
    Example:
      undertow tidy --dry-run
      undertow tidy --reports 50 --days 7
    """
    from undertow.history import keep_house
    from undertow.lock import run_lock

    settings = Settings()
    home = Home(settings.home, settings.home_bits).ensure()
    with run_lock(home.lock):
        removed = keep_house(home, reports=reports, before=now() - timedelta(days=days), dry_run=dry_run)
    if form == "json":
        rows = [{"kind": one.kind, "path": str(one.path), "bytes": one.bytes} for one in removed]
        write_json({"dry_run": dry_run, "removed": rows}, None)
        return
    counts = Counter(one.kind for one in removed)
    says = " and ".join(f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in sorted(counts.items()))
    verb = "would remove" if dry_run else "removed"
    size = _size(sum(one.bytes for one in removed))
    console().print(f"{verb} {says}, {size}" if removed else "nothing is old enough to be removed")


def _progress(quiet: bool) -> Callable[[str], None] | None:
    """Return a listener that prints each table as its turn comes, as `undertow run` prints its steps; None when quiet."""
    screen = console(stderr=True)
    return None if quiet else lambda table: screen.print(f"{now():%H:%M:%S}  merging {table}")


def _size(n_bytes: int) -> str:
    """Return a size for people."""
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 100_000 else f"{n_bytes / 1e3:,.1f} kB"
