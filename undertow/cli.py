"""The command line ``undertow``. Every error is one sentence on standard error and a non-zero exit; no traceback.

Exit codes: 0 done, 1 failed, 2 wrong request, 3 published although a source failed, 4 another run holds the lock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from undertow import __version__
from undertow.cells import KNOWN_COLUMNS, SIGNAL_COLUMNS, known_row, signal_row
from undertow.errors import UndertowError, UsageError
from undertow.fetching import MODES
from undertow.instants import parse_instant
from undertow.render import FORMATS, console, instant_text, write_rows
from undertow.report import RunReport
from undertow.room import room_names
from undertow.settings import Home, Settings

__all__ = ["cli", "main"]

PUBLISHED_WITH_FAILED_SOURCES = 3


class Instant(click.ParamType):
    """An instant on the command line."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant, or fail with the sentence that says how to write one."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_instant(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


def _reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options every reading command has."""
    options = [
        click.option(
            "--as-of",
            type=Instant(),
            default=None,
            help="Knowledge instant, UTC unless it says otherwise [default: now].",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="table",
            show_default=True,
            help="Form of the output.",
        ),
        click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Write to this file."),
        click.option("--build", default=None, help="Build id to read [default: the newest]."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="undertow")
def cli() -> None:
    r"""Macro-financial stress signals with vintages, a release calendar and quality flags.

    \b
    Example:
      undertow run
      undertow known bls.CUUR0000SA0 --as-of 2025-11-15T00:00Z
      undertow signals --as-of "2025-12-10 14:00 America/New_York"
    """


# --- run ---------------------------------------------------------------------------------------------------------------


@cli.command()
@click.option("--source", type=click.Choice(MODES), default="sample", show_default=True, help="Where the bytes come from.")
@click.option(
    "--from", "source_from", multiple=True, type=click.Path(path_type=Path),
    help="Manifest of a replay, or a file of your own series (repeatable).",
)  # fmt: skip
@click.option(
    "--known-by", type=Instant(), default=None, help="Build only from what was known by then, into a folder of its own."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="Form of the summary.",
)
@click.option("--quiet", is_flag=True, help="No progress, only the summary.")
def run(source: str, source_from: tuple[Path, ...], known_by: datetime | None, form: str, quiet: bool) -> None:
    r"""Fetch, land, model, check and publish; then say what came in and what changed.

    Settings come from the environment: UNDERTOW_HOME (default ./data), UNDERTOW_CONTACT (sent to providers in live mode).

    \b
    Example:
      undertow run
      undertow run --source replay --from recorded/replay.csv
      undertow run --source live
      undertow run --source file --from move.csv
      undertow run --known-by 2025-12-10T19:00Z
    """
    runner = _runner()
    with _progress(quiet or form == "json") as listener:
        report = runner(source, source_from, known_by, listener)
    if form == "json":
        import json

        click.echo(json.dumps(report.as_dict(), indent=1, default=str))
    else:
        from undertow.summary import print_summary

        print_summary(report, Home(Settings().home))
    if report.failed_sources:
        raise SystemExit(PUBLISHED_WITH_FAILED_SOURCES)


def _runner() -> Callable[..., RunReport]:
    """Return the orchestrator's entry, which announces itself under the entry point group ``undertow.runner``."""
    found = list(metadata.entry_points(group="undertow.runner"))
    if not found:
        raise UsageError("no runner is installed; install the project with its dependencies (make install)")
    return found[0].load()


@contextmanager
def _progress(quiet: bool) -> Generator[Callable[[str], None] | None]:
    """Show the steps of a run: a bar in a terminal, lines elsewhere, nothing when quiet."""
    if quiet:
        yield None
        return
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda step: screen.print(f"{datetime.now(UTC):%H:%M:%S}  {step}")
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description:<16}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task("start", total=4 + 3 * len(room_names()))

        def listener(step: str) -> None:
            progress.update(task, advance=1, description=step)

        yield listener


# --- known -------------------------------------------------------------------------------------------------------------


@cli.command()
@click.argument("series", nargs=-1)
@click.option("--match", default=None, help="All series whose id matches this pattern, * for any text.")
@_reading_options
def known(
    series: tuple[str, ...],
    match: str | None,
    as_of: datetime | None,
    form: str,
    output: Path | None,
    build: str | None,
) -> None:
    r"""Say what was known of SERIES at an instant: the newest period, its value, and what later periods were called.

    \b
    Example:
      undertow known bls.CUUR0000SA0 --as-of 2025-11-15T00:00:00Z
      undertow known --match "ecb.EXR.D.*" --as-of "2025-04-22 16:00 Europe/Berlin" --format json
    """
    from undertow.store import FeatureStore

    if not series and not match:
        raise UsageError("name a series, for example bls.CUUR0000SA0, or give --match 'ecb.EXR.D.*'")
    instant = as_of or datetime.now(UTC)
    with FeatureStore(build, frame="arrow") as store:
        wanted = list(series)
        if match:
            wanted += store.sql("SELECT series_id FROM marts.dim_series WHERE series_id GLOB ? ORDER BY 1", [match])[
                "series_id"
            ].to_pylist()
            if not wanted:
                raise UsageError(f"no series matches {match!r}")
        data = store.as_known(instant, wanted)
        silent = sorted(set(wanted) - set(data["series_id"].to_pylist()))
        first = store.sql(
            "SELECT series_id, min(known_at) AS first_known_at FROM marts.fct_observation "
            "WHERE value IS NOT NULL AND list_contains(?, series_id) GROUP BY 1 ORDER BY 1",
            [silent],
        ).to_pylist()
    write_rows(data, form, output, KNOWN_COLUMNS, [known_row(row) for row in data.to_pylist()])
    for row in first:
        console(stderr=True).print(
            f"{row['series_id']}: nothing was known at {instant_text(instant)}; "
            f"its first value became known {instant_text(row['first_known_at'])}"
        )


# --- signals -----------------------------------------------------------------------------------------------------------


@cli.command()
@click.argument("signals", nargs=-1)
@_reading_options
def signals(signals: tuple[str, ...], as_of: datetime | None, form: str, output: Path | None, build: str | None) -> None:
    r"""Show SIGNALS (all by default) as they were known at an instant, with flags and confidence.

    \b
    Example:
      undertow signals --as-of 2025-12-10T19:00Z
      undertow signals inflation.cpi_all_12m fx.usd_majors_index --format json
    """
    from undertow.store import FeatureStore

    with FeatureStore(build, frame="arrow") as store:
        data = store.signals_as_known(as_of or datetime.now(UTC), list(signals) or None)
    write_rows(data, form, output, SIGNAL_COLUMNS, [signal_row(row) for row in data.to_pylist()])


# --- publish and doctor ------------------------------------------------------------------------------------------------


@cli.command()
@click.option("--list", "list_", is_flag=True, help="List the published builds.")
@click.option("--verify", "verify_", is_flag=True, help="Check the newest build: files, row counts, macros.")
@click.option("--rollback", metavar="BUILD", default=None, help="Point `current` at an earlier build.")
@click.option("--prune", "prune_", type=click.IntRange(min=1), metavar="N", default=None, help="Keep only the newest N builds.")
def publish(list_: bool, verify_: bool, rollback: str | None, prune_: int | None) -> None:
    r"""Publish what the warehouse holds, or look after the published builds.

    \b
    Example:
      undertow publish
      undertow publish --list
      undertow publish --verify
    """
    from undertow import publish as publishing
    from undertow.lock import run_lock

    home = Home(Settings().home)
    if list_:
        current = publishing.current_build(home).build_id
        for build in publishing.list_builds(home):
            rows = sum(table["rows"] for table in build.manifest["tables"].values())
            click.echo(
                f"{'*' if build.build_id == current else ' '} {build.build_id}  {rows:>12,} rows  {build.manifest['mode']}"
            )
        return
    if verify_:
        build = publishing.current_build(home)
        problems = publishing.verify(build)
        if problems:
            raise UndertowError(f"build {build.build_id} is damaged: {'; '.join(problems)}")
        click.echo(f"build {build.build_id} is whole: {len(build.manifest['tables'])} tables")
        return
    with run_lock(home.ensure().lock):
        if rollback:
            click.echo(f"current is now {publishing.rollback(home, rollback).build_id}")
        elif prune_:
            removed = publishing.prune(home, prune_)
            click.echo(f"removed {len(removed)} builds")
        else:
            report = _republish()
            click.echo(f"{'published' if report['is_new'] else 'already published'}: {report['build_id']}")


def _republish() -> dict[str, Any]:
    """Publish the warehouse as it is, through the orchestrator's own publishing step."""
    found = [entry for entry in metadata.entry_points(group="undertow.publisher")]
    if not found:
        raise UsageError("no publisher is installed; install the project with its dependencies (make install)")
    return found[0].load()()


@cli.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="Form of the output.",
)
def doctor(form: str) -> None:
    r"""Check the machine, the settings and the published build; exit 1 when something is wrong.

    \b
    Example:
      undertow doctor
    """
    from undertow.doctor import examine

    findings = examine(Home(Settings().home), Settings())
    if form == "json":
        import json

        click.echo(json.dumps([vars(finding) for finding in findings], indent=1))
    else:
        screen = console()
        for finding in findings:
            mark = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}[finding.level]
            screen.print(f"{mark}  {finding.what:<22} {escape(finding.says)}")
    if any(finding.level == "fail" for finding in findings):
        raise SystemExit(1)


def main() -> None:
    """Run the command line and turn our own errors into one sentence and an exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("undertow: stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except UndertowError as error:
        click.echo(f"undertow: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("undertow: stopped; the published build is as it was", err=True)
        sys.exit(130)
