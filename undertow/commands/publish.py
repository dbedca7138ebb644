"""``undertow publish``: publishing what the warehouse holds, and looking after the builds."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import click

from undertow.errors import UndertowError, UsageError
from undertow.settings import Home, Settings

__all__ = ["publish"]


@click.command()
@click.option("--list", "list_", is_flag=True, help="List the published builds.")
@click.option("--verify", "verify_", is_flag=True, help="Check the newest build: files, row counts, macros.")
@click.option(
    "--rollback",
    metavar="BUILD",
    default=None,
    help="Point `current` at an earlier build, also in the object store.",
)
@click.option("--prune", "prune_", type=click.IntRange(min=1), metavar="N", default=None, help="Keep only the newest N builds.")
def publish(list_: bool, verify_: bool, rollback: str | None, prune_: int | None) -> None:
    """Publish what the warehouse holds, or look after the published builds.

    \b
    Example:
      undertow publish
      undertow publish --list
      undertow publish --verify
    """
    from undertow import publish as publishing
    from undertow.lock import run_lock
    from undertow.remote import remote_home

    settings = Settings()
    home = Home(settings.home, settings.home_bits)
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
            remote = remote_home(home)
            if remote is not None:
                remote.builds.rollback(rollback)
                remote.builds.bring(rollback, home)
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
