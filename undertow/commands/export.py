"""``undertow export``: carrying a published build over to other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

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


def _found(build: str | None) -> Build:
    """Return the build that was asked for."""
    from undertow.settings import Home, Settings
    from undertow.store import find_build

    return find_build(build, Home(Settings().home))


def _say(summary: dict[str, Any], form: str, sentence: str) -> None:
    click.echo(json.dumps(summary, indent=1) if form == "json" else sentence.format(**summary))
