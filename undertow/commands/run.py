"""``undertow run``: the whole pipeline, through the orchestrator's own entry."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import click

from undertow import logs
from undertow.commands.options import PAGE_FORMATS, Instant, format_option
from undertow.engine import ENGINES
from undertow.errors import UsageError
from undertow.fetching import MODES
from undertow.render import console
from undertow.report import RunReport
from undertow.room import room_names
from undertow.settings import Home, Settings

__all__ = ["run", "runner"]

PUBLISHED_WITH_FAILED_SOURCES = 3


@click.command()
@click.option("--source", type=click.Choice(MODES), default="sample", show_default=True, help="Where the bytes come from.")
@click.option(
    "--from", "source_from", multiple=True, type=click.Path(path_type=Path),
    help="Manifest of a replay, or a file of your own series (repeatable).",
)  # fmt: skip
@click.option(
    "--known-by", type=Instant(), default=None, help="Build only from what was known by then, into a folder of its own."
)
@click.option(
    "--engine", type=click.Choice(ENGINES), default=None,
    help="What computes the models (docs/engines.md); by default UNDERTOW_ENGINE, which by default is duckdb.",
)  # fmt: skip
@format_option(PAGE_FORMATS, "summary")
@click.option("--quiet", is_flag=True, help="No progress, only the summary.")
@click.option(
    "--log-format", type=click.Choice(("text", "json")), default=None,
    help="json: each step is a line of JSON on standard error [default: UNDERTOW_LOG, or text].",
)  # fmt: skip
def run(
    source: str,
    source_from: tuple[Path, ...],
    known_by: datetime | None,
    engine: str | None,
    form: str,
    quiet: bool,
    log_format: str | None,
) -> None:
    """Fetch, land, model, check and publish; then say what came in and what changed.

    Settings come from the environment: UNDERTOW_HOME (default ./data), UNDERTOW_CONTACT (sent to providers in live mode).

    \b
    Example:
      undertow run
      undertow run --source replay --from recorded/replay.csv
      undertow run --source live
      undertow run --source file --from move.csv
      undertow run --known-by 2025-12-10T19:00Z
      undertow run --engine sail
      undertow run --source live --quiet --log-format json
    """
    with _logging(log_format):
        entry = runner()
        with _progress(quiet or form == "json" or logs.is_json()) as listener:
            report = entry(source, source_from, known_by, listener, engine)
    if form == "json":
        import json

        click.echo(json.dumps(report.as_dict(), indent=1, default=str))
    else:
        from undertow.summary import print_summary

        print_summary(report, Home(Settings().home))
    if report.failed_sources:
        raise SystemExit(PUBLISHED_WITH_FAILED_SOURCES)


def runner() -> Callable[..., RunReport]:
    """Return the orchestrator's entry, which announces itself under the entry point group ``undertow.runner``."""
    found = list(metadata.entry_points(group="undertow.runner"))
    if not found:
        raise UsageError("no runner is installed; install the project with its dependencies (make install)")
    return found[0].load()


@contextmanager
def _logging(form: str | None) -> Generator[None]:
    """Log in a form, or as the settings say; the run asks the settings, so the form is one of them meanwhile."""
    before = os.environ.get("UNDERTOW_LOG")
    if form is not None:
        os.environ["UNDERTOW_LOG"] = form
    try:
        settings = Settings()
        logs.configure(settings.log, settings.secrets)
        yield
    finally:
        if before is not None:
            os.environ["UNDERTOW_LOG"] = before
        elif form is not None:
            del os.environ["UNDERTOW_LOG"]


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
        task = progress.add_task("start", total=5 + 3 * len(room_names()))

        def listener(step: str) -> None:
            progress.update(task, advance=1, description=step)

        yield listener
