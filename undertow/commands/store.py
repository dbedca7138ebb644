"""``undertow store``: the object store that a home is kept in as well."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from undertow.commands.options import PAGE_FORMATS, format_option
from undertow.errors import StoreError, UndertowError, UsageError
from undertow.render import console, write_json
from undertow.settings import Home, Settings

if TYPE_CHECKING:
    from undertow.remote import RemoteHome

__all__ = ["store"]


@click.command()
@click.option("--sync", is_flag=True, help="Bring what the store has and this home lacks, and send the other way round.")
@click.option("--verify", is_flag=True, help="Read everything that counts in the store and compare it with its hashes.")
@click.option("--tidy", "tidy_", is_flag=True, help="Remove half-uploaded and old builds whose grace is over.")
@click.option("--dry-run", is_flag=True, help="With --tidy: only say what would go.")
@click.option("--quiet", is_flag=True, help="No progress, only the result.")
@format_option(PAGE_FORMATS)
def store(sync: bool, verify: bool, tidy_: bool, dry_run: bool, quiet: bool, form: str) -> None:
    """Look at the object store of UNDERTOW_STORE_URL: what is current there, and whether all of it is whole.

    Runs bring and send by themselves; --sync is for a store that is new to a home with a history, or the other way round.
    Credentials come from the environment or a profile. Builds are read with --build and the store's address.

    \b
    Example:
      undertow store
      undertow store --sync
      undertow store --verify
      undertow store --tidy --dry-run
      undertow known bls.CUUR0000SA0 --build s3://bucket/prefix
    """
    from undertow.lock import run_lock, writing
    from undertow.remote import require_remote_home

    if sync + verify + tidy_ > 1:
        raise UsageError("--sync, --verify and --tidy are separate wishes: name one")
    if dry_run and not tidy_:
        raise UsageError("--dry-run belongs to --tidy")
    settings = Settings()
    home = Home(settings.home)
    remote = require_remote_home(home, settings)
    told: dict[str, Any]
    with console(stderr=True).status("asking the store") as status:
        listener: Callable[[str], None] | None = None if quiet else status.update
        if sync:
            try:
                with writing(home.ensure()):
                    told = _sync(remote, listener)
            except OSError as error:
                reason = f"{error.strerror or error} ({error.filename or home.root})"
                raise UndertowError(f"the home cannot take what the store has: {reason}") from error
        elif verify:
            told = _verify(remote, listener)
        elif tidy_:
            with run_lock(home.ensure().lock):
                done = remote.tidy(dry_run=dry_run)
            told = {"builds": done.builds, "objects": done.objects, "bytes": done.bytes, "dry_run": dry_run}
        else:
            told = _state(remote)
    if form == "json":
        write_json(told, None)
    else:
        _say(told)
    if problems := told.get("problems"):
        raise UndertowError(f"{len(problems)} objects of {remote.remote.url} are lost or damaged")


def _state(remote: RemoteHome) -> dict[str, Any]:
    pointer = remote.builds.pointer()
    entries = remote.builds.entries()
    whole = remote.builds.whole()
    files = remote.landing.names()
    return {
        "url": remote.remote.url,
        "checks_conditions": _checks(remote),
        "current": pointer.build_id if pointer else None,
        "builds": [
            {
                "build_id": build_id,
                "is_whole": build_id in whole,
                "bytes": sum(entry.size for entry in objects.values()),
            }
            for build_id, objects in sorted(entries.items())
        ],
        "landed_files": None if files is None else len(files),
        "landed_bytes": None if files is None else sum(file["bytes"] for file in files.values()),
    }


def _checks(remote: RemoteHome) -> bool | None:
    """Tell whether the store checks conditions of writes; None for who may only read there."""
    try:
        return remote.remote.checks_conditions
    except StoreError:
        return None


def _sync(remote: RemoteHome, listener: Callable[[str], None] | None) -> dict[str, Any]:
    """Bring and send archive and landing, then send the build that is current here if the store has none."""
    from undertow.errors import NothingPublishedError
    from undertow.publish import current_build, rollback

    done = remote.take_over(listener)
    remote.begin(listener, mend=True)
    pointer = remote.builds.pointer()
    if pointer is None:
        try:
            remote.builds.send(current_build(remote.home), listener)
        except NothingPublishedError as error:
            return {"url": remote.remote.url, "done": f"{done}; {error}"}
    else:
        remote.builds.bring(pointer.build_id, remote.home)
        rollback(remote.home, pointer.build_id)
    now = remote.builds.pointer()
    return {"url": remote.remote.url, "done": done, "current": now.build_id if now else None}


def _verify(remote: RemoteHome, listener: Callable[[str], None] | None) -> dict[str, Any]:
    problems = remote.archive.problems_in_store(listener) + remote.landing.problems()
    pointer = remote.builds.pointer()
    if pointer is not None:
        with tempfile.TemporaryDirectory(prefix="undertow-") as scratch:
            problems += remote.builds.problems(pointer.build_id, Path(scratch))
    return {"url": remote.remote.url, "current": pointer.build_id if pointer else None, "problems": problems}


def _say(told: dict[str, Any]) -> None:
    if "objects" in told:
        verb = "would be removed" if told["dry_run"] else "removed"
        click.echo(f"{verb}: {len(told['builds'])} builds, {told['objects']:,} objects, {told['bytes'] / 1e6:,.1f} MB")
        return
    if "done" in told:
        click.echo(f"{told['url']}: {told['done']}; current is {told.get('current', 'nothing')}")
        return
    if "problems" in told:
        for problem in told["problems"]:
            click.echo(problem)
        if not told["problems"]:
            click.echo(f"{told['url']} is whole; current is {told['current'] or 'nothing'}")
        return
    checks = {
        True: "checks conditions of writes",
        False: "checks no conditions: let one machine write",
        None: "may be read only",
    }[told["checks_conditions"]]
    click.echo(f"{told['url']}: {checks}")
    if told["landed_files"] is not None:
        click.echo(f"landing: {told['landed_files']:,} files, {told['landed_bytes'] / 1e6:,.1f} MB")
    for build in told["builds"]:
        mark = "*" if build["build_id"] == told["current"] else " "
        click.echo(f"{mark} {build['build_id']}  {build['bytes'] / 1e6:>8,.1f} MB{'' if build['is_whole'] else '  not whole'}")
    if not told["builds"]:
        click.echo("nothing is published there yet")
