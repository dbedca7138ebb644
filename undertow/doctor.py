"""``undertow doctor``: what a person would check by hand when something does not work."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata

import duckdb

from undertow import clock
from undertow.archive import Archive
from undertow.errors import NothingPublishedError, UndertowError
from undertow.lineage import LINEAGE
from undertow.lock import run_lock
from undertow.publish import current_build, verify
from undertow.room import load_room, room_names
from undertow.settings import Home, Settings

__all__ = ["Finding", "examine"]

FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at: ``level`` is ok, warn or fail."""

    what: str
    level: str
    says: str


def examine(home: Home, settings: Settings) -> list[Finding]:
    """Return what was found, in the order a person would look."""
    findings = [_python(), *_versions(), _writable(home), *_rehearsal(home), _space(home), _lock(home)]
    findings += _rooms(settings)
    findings.append(_archive(home))
    findings.append(_build(home))
    findings += _own_series(home)
    return findings


def _python() -> Finding:
    level = "ok" if sys.version_info >= (3, 11) else "fail"
    return Finding("python", level, f"{platform.python_version()} on {platform.system()}")


def _versions() -> list[Finding]:
    found = []
    for name in ("duckdb", "dbt-core", "dbt-duckdb", "dagster", "dagster-dbt", "great-expectations"):
        try:
            found.append(Finding(name, "ok", metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append(Finding(name, "fail", "not installed; run make install"))
    return found


def _writable(home: Home) -> Finding:
    try:
        home.ensure()
        probe = home.root / ".doctor"
        probe.write_text("x", encoding="utf-8")
        probe.unlink()
    except (UndertowError, OSError) as error:
        return Finding("home", "fail", f"{home.root} is not writable: {error}")
    return Finding("home", "ok", str(home.root))


def _rehearsal(home: Home) -> list[Finding]:
    """Return a warning where the clock is not the world's, or the home is not."""
    found = [f"{clock.VARIABLE} is set: this process has the clock of a rehearsal"] if clock.is_rehearsal() else []
    if clock.belongs_to_rehearsal(home):
        found.append(f"{home.root} is the home of a rehearsal: its builds are no data of the world")
    return [Finding("rehearsal", "warn", says) for says in found]


def _space(home: Home) -> Finding:
    place = home.root if home.root.exists() else home.root.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Finding("disk", "fail", str(error))
    return Finding("disk", "ok" if free > FREE_BYTES else "warn", f"{free / 1024**3:.1f} GiB free")


def _lock(home: Home) -> Finding:
    try:
        with run_lock(home.lock):
            return Finding("lock", "ok", "no run is going on")
    except (UndertowError, OSError) as error:
        return Finding("lock", "warn", str(error))


def _rooms(settings: Settings) -> list[Finding]:
    found = []
    for name in room_names():
        try:
            modules = load_room(name)
            room = modules.room
            packaged = sum(dataset.packaged is not None for dataset in room.datasets)
            found.append(Finding(f"source {name}", "ok", f"{room.title}; {len(room.datasets)} datasets, {packaged} packaged"))
            found += [Finding(f"source {name}", "ok", note) for note in modules.notes(settings)] if modules.notes else []
        except Exception as error:
            found.append(Finding(f"source {name}", "fail", str(error)))
    if not settings.contact:
        says = "UNDERTOW_CONTACT is not set; live mode works, but BLS refuses requests without a contact"
        found.append(Finding("contact", "warn", says))
    return found


def _archive(home: Home) -> Finding:
    if not (home.archive / "manifest").is_dir():
        return Finding("archive", "warn", "empty; run `undertow run`")
    problems = Archive(home.archive).verify()
    if problems:
        return Finding("archive", "fail", "; ".join(problems[:3]))
    return Finding("archive", "ok", f"{len(Archive(home.archive).sightings())} sightings, all hashes match")


def _build(home: Home) -> Finding:
    try:
        build = current_build(home)
    except NothingPublishedError as error:
        return Finding("published build", "warn", str(error))
    problems = verify(build)
    if problems:
        return Finding("published build", "fail", "; ".join(problems))
    return Finding(
        "published build", "ok", f"{build.build_id}, {len(build.manifest['tables'])} tables, {build.manifest['mode']}"
    )


def _own_series(home: Home) -> list[Finding]:
    """Return for each role of a user's own series whether the published build has it, and what is lost where not.

    An absent one is no fault: nothing of it can be had without a licence.
    """
    try:
        build = current_build(home)
        with duckdb.connect(str(build.database), read_only=True) as connection:
            rows = connection.execute(
                "SELECT r.role, r.series_id, r.title, r.without, s.series_id IS NOT NULL, s.licence, s.is_withheld, "
                "s.last_period FROM internal.role AS r LEFT JOIN marts.dim_series AS s USING (series_id) ORDER BY r.role"
            ).fetchall()
    except (NothingPublishedError, duckdb.Error):  # a build of an older version has no roles
        return []
    found = []
    for role, series_id, title, without, is_there, licence, is_withheld, last_period in rows:
        wanting = [lineage.signal_id for lineage in LINEAGE if series_id in lineage.series]
        if is_there:
            shown = "values withheld" if is_withheld else "values published"
            says = f"{series_id} until {last_period}; {shown}, licence: {licence}"
        else:
            signals = f"; wanted by {', '.join(wanting)}" if wanting else ""
            says = f"absent: {title}, as {series_id}. {without}{signals}"
        found.append(Finding(f"role {role}", "ok", says))
    return found
