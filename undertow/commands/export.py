"""``undertow export``: carrying a published build over to other tools."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from undertow.commands.options import Instant, now
from undertow.publish import Build
from undertow.render import console

__all__ = ["export"]

_build = click.option("--build", default=None, help="Build id to export, or address of an object store [default: the newest].")
_form = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the summary."
)


@click.group()
def export() -> None:
    """Carry a published build over to Feast, PostgreSQL, SDMX or dbt's semantic layer.

    Each command reads one build, says on standard output what it wrote (--format json for machines), and writes the same again
    when it is asked again.

    \b
    Example:
      undertow export feast features/
      undertow export postgres --to postgresql://localhost/macro
      undertow export sdmx sdmx/ --signal inflation.cpi_all_12m --as-of 2025-12-10T19:00Z
    """


@export.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_build
@_form
def feast(folder: Path, build: str | None, form: str) -> None:
    """Write a Feast repository over the signals of a build to FOLDER.

    The view `signal` answers as FeatureStore.historical does; FOLDER/README.md says how to ask it, and where Feast differs.
    Feast itself is not needed to write it.

    \b
    Example:
      undertow export feast features/
      undertow export feast features/ --build 20261122T024613Z-1a2b3c4d --format json
    """
    from undertow.export.feast import export_feast

    found = _found(build)
    with console(stderr=True).status(f"writing the signals of build {found.build_id}"):
        summary = export_feast(found, folder)
    _say(summary, form, "wrote {signals} signals ({head_rows:,} head rows) of build {build_id} to {folder}")


@export.command()
@click.option("--to", required=True, metavar="URL", help="The database: postgresql://user@host:5432/database.")
@click.option("--schema", default="marts", show_default=True, help="Schema to write; it is made where it is not there.")
@_build
@_form
def postgres(to: str, schema: str, build: str | None, form: str) -> None:
    """Copy the marts of a build into a schema of a PostgreSQL database, in one transaction.

    Readers see the build before or this one, whole, and are not kept waiting. Tables that did not change are left as they are;
    views and grants stay. Tables and columns carry their descriptions. The password is best left out of URL: PGPASSWORD and the
    password file are read. Needs psycopg: install undertow[postgres].

    \b
    Example:
      undertow export postgres --to postgresql://loader@db.example.org/macro
      undertow export postgres --to postgresql:///macro --schema undertow --format json
    """
    from undertow.export.postgres import export_postgres

    found = _found(build)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        summary = export_postgres(
            found, to, schema, lambda name, done, of: bar.update(task, description=name, completed=done, total=of)
        )
    summary |= {"n_written": len(summary["written"]), "n_unchanged": len(summary["unchanged"])}
    said = "build {build_id} is in schema {schema}: {n_written} tables written, {n_unchanged} unchanged, {rows:,} rows in all"
    _say(summary, form, said)


@export.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--series", multiple=True, metavar="ID", help="A series; repeat for more.")
@click.option("--signal", multiple=True, metavar="ID", help="A signal; repeat for more.")
@click.option("--all-signals", is_flag=True, help="Every signal.")
@click.option("--as-of", type=Instant(), default=None, help="Knowledge instant, UTC unless it says otherwise [default: now].")
@_build
@_form
def sdmx(
    folder: Path,
    series: tuple[str, ...],
    signal: tuple[str, ...],
    all_signals: bool,
    as_of: datetime | None,
    build: str | None,
    form: str,
) -> None:
    """Write series and signals as known at an instant to FOLDER as SDMX.

    The data is SDMX-CSV 2.0 (observations.csv, signals.csv), with OBS_STATUS, the instant at which each vintage became known,
    and the flags; a missing number is NaN with its status. structure.xml (SDMX-ML 3.0) holds the data structures.

    \b
    Example:
      undertow export sdmx sdmx/ --signal inflation.cpi_all_12m --as-of 2025-12-10T19:00Z
      undertow export sdmx sdmx/ --series bls.CUUR0000SA0 --all-signals --format json
    """
    from undertow.export.sdmx import export_sdmx
    from undertow.store import FeatureStore

    with FeatureStore(build, frame="arrow") as store, console(stderr=True).status("writing SDMX"):
        signals = store.feature_list("all") if all_signals else list(signal)
        summary = export_sdmx(store, folder, as_of or now(), list(series), signals)
    _say(summary, form, "wrote {observations:,} observations and {signals:,} rows of signals as of {as_of} to {folder}")


@export.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_build
@_form
def metrics(folder: Path, build: str | None, form: str) -> None:
    """Write a dbt project that describes each signal as a metric to FOLDER, for tools that read dbt's semantic layer.

    Its models are views on the build, as known at the variable `as_of`. `dbt parse` writes target/semantic_manifest.json, the
    form in which such tools import metrics.

    \b
    Example:
      undertow export metrics metrics/
      dbt build --project-dir metrics --profiles-dir metrics --vars "as_of: 2025-12-10T19:00:00Z"
    """
    from undertow.export.metrics import export_metrics

    _say(export_metrics(_found(build), folder), form, "wrote {metrics} metrics of build {build_id} to {folder}")


def _found(build: str | None) -> Build:
    """Return the build that was asked for."""
    from undertow.settings import Home, Settings
    from undertow.store import find_build

    return find_build(build, Home(Settings().home))


def _say(summary: dict[str, Any], form: str, sentence: str) -> None:
    click.echo(json.dumps(summary, indent=1) if form == "json" else sentence.format(**summary))
