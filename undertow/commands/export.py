"""``undertow export``: carrying a published build over to other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from undertow.publish import Build
from undertow.render import console

__all__ = ["export"]

_build = click.option("--build", default=None, help="Build id to export [default: the newest].")
_form = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the summary."
)


@click.group()
def export() -> None:
    """Carry a published build over to Feast, PostgreSQL or SDMX.

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


def _found(build: str | None) -> Build:
    """Return the build that was asked for."""
    from undertow.settings import Home, Settings
    from undertow.store import find_build

    return find_build(build, Home(Settings().home))


def _say(summary: dict[str, Any], form: str, sentence: str) -> None:
    click.echo(json.dumps(summary, indent=1) if form == "json" else sentence.format(**summary))
