"""``undertow doctor``: what a person would check by hand when something does not work."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import duckdb

from undertow import clock
from undertow.channels import channels
from undertow.errors import NothingPublishedError, UndertowError
from undertow.incidents import IncidentLog
from undertow.lineage import LINEAGE
from undertow.lock import run_lock
from undertow.publish import current_build, verify
from undertow.remote import open_archive, remote_home
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
    findings += _store(home, settings)
    findings.append(_archive(home, settings))
    findings.append(_build(home))
    findings += [*_privacy(home, settings), *_watching(home, settings)]
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


def _store(home: Home, settings: Settings) -> list[Finding]:
    """Say whether the object store answers, what is current there, and whether it checks the conditions of writes."""
    try:
        remote = remote_home(home, settings)
        if remote is None:
            return []
        pointer = remote.builds.pointer()
        says = f"{remote.remote.url}, current build {pointer.build_id if pointer else 'none'}"
        if not remote.remote.checks_conditions:
            return [Finding("object store", "warn", f"{says}; it checks no conditions of writes: let one machine write")]
    except UndertowError as error:
        return [Finding("object store", "fail", str(error))]
    return [Finding("object store", "ok", says)]


def _archive(home: Home, settings: Settings) -> Finding:
    if not (home.archive / "manifest").is_dir():
        return Finding("archive", "warn", "empty; run `undertow run`")
    archive = open_archive(home, settings)
    try:
        problems = archive.verify()
    except UndertowError as error:
        return Finding("archive", "fail", str(error))
    if problems:
        return Finding("archive", "fail", "; ".join(problems[:3]))
    return Finding("archive", "ok", f"{len(archive.sightings())} sightings, all hashes match")


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


def _privacy(home: Home, settings: Settings) -> list[Finding]:
    """Look at who may read what should stay with its owner."""
    found = []
    inner = (home.archive, home.landing, home.warehouse, home.quality)
    open_to = [folder.name for folder in inner if folder.is_dir() and folder.stat().st_mode & 0o077]
    if home.root.is_dir() and home.root.stat().st_mode & 0o077 and open_to:
        says = f"others than their owner may enter {', '.join(open_to)}; `chmod 700` them, or the home {home.root}"
        found.append(Finding("privacy", "warn", says))
    else:
        found.append(Finding("privacy", "ok", "archive, landing, warehouse and quality are closed to others"))
    dotenv = Path(".env")
    if settings.secrets and dotenv.is_file() and dotenv.stat().st_mode & 0o077:
        found.append(Finding("privacy", "warn", "others than its owner may read .env, and secrets are set; `chmod 600` it"))
    return found


def _watching(home: Home, settings: Settings) -> list[Finding]:
    """Look at where runs, metrics and alerts are told."""
    names = [channel.name for channel in channels(settings)]
    untold = {name: n for name, n in IncidentLog(home.quality).untold(clock.now()).items() if n and name in names}
    if untold:
        says = "; ".join(f"{name} has not taken {n} alerts" for name, n in untold.items())
        found = [Finding("alerts", "warn", f"{says}; see docs/runbooks/alert-untold.md")]
    else:
        found = [Finding("alerts", "ok", f"told by {' and '.join(names)}" if names else "written down and told to nobody")]
    if settings.metrics_file is not None:
        folder = settings.metrics_file.expanduser().resolve().parent
        is_fine = os.access(folder, os.W_OK | os.X_OK)
        says = f"written to {settings.metrics_file} after each run" if is_fine else f"the folder {folder} is not writable"
        found.append(Finding("metrics", "ok" if is_fine else "warn", says))
    if settings.openlineage_url is not None or settings.openlineage_file is not None:
        try:
            found.append(Finding("lineage", "ok", f"openlineage-python {metadata.version('openlineage-python')}"))
        except metadata.PackageNotFoundError:
            found.append(Finding("lineage", "warn", "OpenLineage needs its client: install undertow[lineage]"))
    return found


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
