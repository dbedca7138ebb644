"""Landing: archived payloads become typed, append-only Parquet, one file for each payload and table.

Landing is a function of the archive: a payload that is archived and not landed is landed by the next run, so a run that
was cut off is completed by the one after it. File names follow from the payload, so landing twice gives the same files.
A payload that says the same as the one before it at that address, in other bytes, lands nothing; one that comes back after
another stood in its place is said again. The writer adds the provenance columns; parsers stay pure.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from undertow import bulk, clock
from undertow.archive import Archive, Sighting
from undertow.atomic import adopt, write_bytes, write_text
from undertow.bulk import with_provenance
from undertow.comparison import jump, losses, said_again, says_the_same
from undertow.errors import TOO_DEEP, ContractError, ParseError
from undertow.history import changed_by_rereading, migrate, parquet_bytes
from undertow.instants import format_instant
from undertow.lock import SCRATCH
from undertow.report import LandOutcome
from undertow.room import RoomModules
from undertow.schemas import empty, validate
from undertow.vocabulary import Origin

__all__ = ["count_rows", "land", "landed_files", "prepare", "refuse"]

FIRST_RULE_YEAR = 1913  # the first year of the oldest series, the CPI

_Tables = dict[str, pa.Table]


def landed_files(landing: Path, source: str, table: str) -> list[Path]:
    """Return the landed Parquet files of one table of one source, sorted."""
    return sorted((landing / source / table).glob("*.parquet"))


def prepare(modules: RoomModules, landing: Path) -> None:
    """Make the folders of a room, each with an empty file, so that every table can be read before data arrives."""
    for table in (*modules.room.tables, "quarantine"):
        placeholder = landing / modules.room.name / table / "empty.parquet"
        if not placeholder.exists():
            placeholder.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(placeholder, parquet_bytes(empty(table)))


@dataclass
class _Statement:
    """What a provider said at an address from one sighting on: bytes that were not there just before.

    ``name`` names its mark. ``returns`` says that the bytes had been there before the ones they replace. ``record`` is the
    mark: what landed, or why nothing did.
    """

    sighting: Sighting
    name: str
    returns: bool = False
    at: str = ""  # what sets it apart from the same bytes at another address, where the address says what they mean
    record: dict[str, Any] = field(default_factory=dict)


def land(
    modules: RoomModules,
    archive: Archive,
    landing: Path,
    seen: Collection[tuple[str, str | None]] = (),
    checks: str = "",
    only: Collection[str] | None = None,
) -> Iterator[LandOutcome]:
    """Parse every archived payload of the room that is not landed yet and yield what came of each.

    A payload that cannot be parsed is recorded as such (it is not tried again until the parser's version rises) and
    yields an outcome with ``error``; it stays in the archive.

    Args:
        modules: the room.
        archive: where the payloads are.
        landing: the landing folder.
        seen: dataset and hash of the payloads that the provider gave or confirmed in this run. One of them that could not
            be parsed in an earlier run yields its error again, so that a source does not look well while it sends it.
        checks: digest of the room's checks; a payload that others refused (``refuse``) is landed again.
        only: the addresses whose payloads are landed; None is all of them, and the rules of the room.
    """
    retired = {dataset.name for dataset in modules.room.datasets if dataset.retired}
    for outcome in _landed(modules, archive, landing, seen, checks, only):
        outcome.retired = outcome.dataset in retired
        yield outcome


def _landed(
    modules: RoomModules,
    archive: Archive,
    landing: Path,
    seen: Collection[tuple[str, str | None]],
    checks: str,
    only: Collection[str] | None,
) -> Iterator[LandOutcome]:
    """Land the room: ``land``, without what is known of its datasets."""
    room = modules.room
    migrate(landing)
    prepare(modules, landing)
    marks = landing / room.name / "landed"
    marks.mkdir(parents=True, exist_ok=True)
    horizon = None
    standing: dict[tuple[str, str], _Statement] = {}  # the newest readable statement of each dataset and address
    refused: set[tuple[str, str]] = set()
    by_address = {dataset.name for dataset in room.datasets if dataset.by_address}
    sightings = _without_old_samples(modules, archive, landing)
    for statement in _statements(sightings, by_address):
        sighting = statement.sighting
        if only is not None and sighting.url not in only:
            continue
        year = sighting.fetched_at.year
        horizon = year if horizon is None else max(horizon, year)
        place = (sighting.dataset, sighting.url)
        before = standing.get(place)
        mark = marks / f"{statement.name}-v{room.parser_version}.json"
        record = json.loads(mark.read_text(encoding="utf-8")) if mark.exists() else None
        if record is None or not _still_holds(record, statement, before, checks):
            is_reread = _was_read(marks, statement, room.parser_version)
            outcome, record = _land_one(modules, archive, landing, statement, before, is_reread=is_reread)
            write_text(mark, json.dumps(record, sort_keys=True) + "\n")
            outcome.files.append(mark.relative_to(landing).as_posix())
            yield outcome
        elif record["error"] and (sighting.dataset, sighting.sha256) in seen:
            yield LandOutcome(room.name, sighting.dataset, sighting.sha256, error=record["error"])
        statement.record = record
        if record["error"]:
            refused.add((sighting.dataset, sighting.sha256))
        elif not record.get("same_as"):
            standing[place] = statement
    yield from _dead(modules, sightings, standing, set(seen) - refused)
    if horizon is not None and modules.rules is not None and only is None:
        yield from _land_rules(modules, landing, horizon)


def _dead(
    modules: RoomModules,
    sightings: Iterable[Sighting],
    standing: dict[tuple[str, str], _Statement],
    seen: Collection[tuple[str, str | None]],
) -> Iterator[LandOutcome]:
    """Say of each address that answered in this run whether it is dead: what landed of it stands, and nothing new comes.

    A file that had ended before its first fetch is refused by its parser; this is for one that lived, and is confirmed since.
    """
    last = {(sighting.dataset, sighting.url): sighting for sighting in sightings if sighting.problem is None}
    for place, statement in standing.items():
        dataset = modules.room.dataset(place[0])
        newest = statement.record.get("newest_end")
        if dataset is None or newest is None or (place[0], last[place].sha256) not in seen:
            continue
        death = dataset.death(date.fromisoformat(newest), last[place].fetched_at)
        if death:
            sha256 = last[place].sha256
            yield LandOutcome(modules.room.name, place[0], sha256, error=f"{modules.room.name}/{place[0]}: {death}")


def _without_old_samples(modules: RoomModules, archive: Archive, landing: Path) -> list[Sighting]:
    """Return the room's sightings but for generated samples that no longer count; what those landed is removed.

    A sample counts as long as this version of the room generates it and no provider's own answer is in the archive.
    """
    sightings = archive.sightings(modules.room.name)
    generated = [seen for seen in sightings if seen.origin == Origin.SYNTHETIC]
    if not generated:
        return sightings
    counts: set[str] = set()
    if modules.samples is not None and not archive.holds_provider_data():
        counts = {hashlib.sha256(sample.content).hexdigest() for sample in modules.samples()}
    old = [seen for seen in generated if seen.sha256 not in counts]
    for seen in old:
        for path in (landing / modules.room.name).glob(f"*/{seen.dataset}-*{seen.sha256[:12]}*"):
            path.unlink(missing_ok=True)  # another process of a backfill may be at it
    return [seen for seen in sightings if seen not in old]


def _statements(sightings: Iterable[Sighting], by_address: Collection[str] = ()) -> Iterator[_Statement]:
    """Yield what was said anew at each address, oldest first: new bytes, and bytes that came back in place of others.

    Bytes that are known from another address say nothing new, but for the datasets ``by_address``.
    """
    newest: dict[tuple[str, str], str] = {}
    known: set[tuple[str, str]] = set()
    for sighting in sightings:
        place, payload = (sighting.dataset, sighting.url), (sighting.dataset, sighting.sha256)
        if sighting.problem is not None or newest.get(place) == sighting.sha256:
            continue
        name = f"{sighting.dataset}-{sighting.sha256}"
        if payload not in known:
            yield _Statement(sighting, name)
        elif place in newest:
            yield _Statement(sighting, f"{name}-{sighting.fetched_at:%Y%m%dT%H%M%S%fZ}", returns=True)
        elif sighting.dataset in by_address:
            at = hashlib.sha256(sighting.url.encode()).hexdigest()[:12]
            yield _Statement(sighting, f"{name}-at-{at}", at=f"-{at}")
        newest[place] = sighting.sha256
        known.add(payload)


def _still_holds(record: dict[str, Any], statement: _Statement, before: _Statement | None, checks: str) -> bool:
    """Tell whether a mark is still true; an older payload that arrives later (a replay) and new checks can change that."""
    now = {
        "fetched_at": format_instant(statement.sighting.fetched_at),
        "same_as": before and before.name,
        "refused_by": checks,
    }
    return all(record.get(name, value) == value for name, value in now.items())


def refuse(landing: Path, outcome: LandOutcome, reason: str, checks: str) -> None:
    """Take back what a payload landed, because a check does not let it pass; it stays in the archive, with the reason.

    Args:
        landing: the landing folder.
        outcome: what ``land`` yielded in this run; its ``error`` becomes the reason.
        reason: why, in words.
        checks: digest of the checks; under others the payload is landed again.
    """
    outcome.error = f"{outcome.source}/{outcome.dataset} ({outcome.sha256[:12]}): {reason}"
    mark = landing / outcome.files[-1]
    record = json.loads(mark.read_text(encoding="utf-8"))
    # The mark first: rows without their mark would be landed and refused again, a mark without rows is what is wanted.
    write_text(mark, json.dumps({**record, "error": outcome.error, "refused_by": checks}, sort_keys=True) + "\n")
    for name in outcome.files[:-1]:
        (landing / name).unlink(missing_ok=True)
    outcome.rows, outcome.files = {}, outcome.files[-1:]


def _was_read(marks: Path, statement: _Statement, version: int) -> bool:
    """Tell whether an earlier version of the parser has read this payload."""
    earlier = set(marks.glob(f"{statement.name}-v*.json")) - {marks / f"{statement.name}-v{version}.json"}
    return any(json.loads(path.read_text(encoding="utf-8"))["error"] is None for path in earlier)


def _land_one(
    modules: RoomModules, archive: Archive, landing: Path, statement: _Statement, before: _Statement | None, *, is_reread: bool
) -> tuple[LandOutcome, dict[str, Any]]:
    """Parse one payload and write its tables; return what came of it, and its mark.

    A re-reading lands only what it reads differently, as rows that say so.
    """
    room, sighting = modules.room, statement.sighting
    dataset = room.dataset(sighting.dataset)
    if dataset is not None and dataset.on_disk:
        return _land_files(modules, archive, landing, statement, before, is_reread=is_reread)
    outcome = LandOutcome(room.name, sighting.dataset, sighting.sha256)
    record: dict[str, Any] = {"fetched_at": format_instant(sighting.fetched_at), "rows": {}, "quarantined": 0, "error": None}
    try:
        tables = _parsed(modules, archive, sighting)
        if "observation" in tables:
            record["newest_end"] = pc.max(tables["observation"]["period_end"]).as_py().isoformat()
        if before is not None and not is_reread:
            earlier = _parsed(modules, archive, before.sighting)
            if before.sighting.origin == sighting.origin and says_the_same(tables, earlier):
                return outcome, {**record, "same_as": before.name}
            if dataset is not None and not dataset.moves:
                outcome.notes += _notes(statement, before, tables, earlier)
            if statement.returns and "observation" in tables and "observation" in earlier:
                tables["observation"] = said_again(tables["observation"], earlier["observation"], sighting.fetched_at)
        parsed_at = None
        if is_reread:
            parsed_at = clock.now()
            if "observation" in tables:
                tables["observation"] = changed_by_rereading(
                    tables["observation"],
                    landed_files(landing, room.name, "observation"),
                    sha256=sighting.sha256,
                    fetched_at=sighting.fetched_at,
                    version=room.parser_version,
                    now=parsed_at,
                )
        checked = {
            name: validate(
                name,
                with_provenance(table, sighting.fetched_at, sighting.sha256, sighting.origin, room.parser_version, parsed_at),
            )
            for name, table in tables.items()
            if table.num_rows
        }
    except (ParseError, ContractError) as error:
        outcome.error = f"{room.name}/{sighting.dataset} ({sighting.sha256[:12]}): {error}"
        return outcome, {**record, "error": outcome.error}
    which = f"{sighting.fetched_at:%Y%m%dT%H%M%SZ}-{sighting.sha256[:12]}{statement.at}"
    stem = f"{sighting.dataset}-{which}-v{room.parser_version}"
    for name, table in checked.items():
        path = landing / room.name / name / f"{stem}.parquet"
        write_bytes(path, parquet_bytes(table))
        outcome.files.append(path.relative_to(landing).as_posix())
        outcome.rows[name] = table.num_rows
    outcome.quarantined = outcome.rows.pop("quarantine", 0)
    return outcome, {**record, "rows": outcome.rows, "quarantined": outcome.quarantined}


def _land_files(
    modules: RoomModules, archive: Archive, landing: Path, statement: _Statement, before: _Statement | None, *, is_reread: bool
) -> tuple[LandOutcome, dict[str, Any]]:
    """Parse one payload that is larger than memory, and write its tables; return what came of it, and its mark.

    Whether it says the same as the one before is told by a digest of its rows, which the mark keeps: that one is not read
    again. Others may be reading payloads at the same time, each in a scratch folder of its own (``undertow.lock.adding``); what
    a killed one left of its own goes with the next run.
    """
    room, sighting = modules.room, statement.sighting
    assert modules.parse_file is not None  # noqa: S101 (narrowing for the type checker)
    outcome = LandOutcome(room.name, sighting.dataset, sighting.sha256)
    record: dict[str, Any] = {"fetched_at": format_instant(sighting.fetched_at), "rows": {}, "quarantined": 0, "error": None}
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=landing / room.name) as folder:
        scratch = Path(folder) / "work"
        scratch.mkdir()
        payload = Path(folder) / "payload"
        archive.copy_to(sighting.sha256, payload)
        which = f"{sighting.fetched_at:%Y%m%dT%H%M%SZ}-{sighting.sha256[:12]}{statement.at}"
        stem = f"{sighting.dataset}-{which}-v{room.parser_version}"
        provenance: dict[str, Any] = {
            "fetched_at": sighting.fetched_at,
            "sha256": sighting.sha256,
            "origin": sighting.origin,
            "version": room.parser_version,
            "parsed_at": clock.now() if is_reread else sighting.fetched_at,
        }
        written: list[tuple[Path, Path]] = []
        try:
            with modules.parse_file(payload, sighting, modules.catalogue(), scratch) as landed:
                record["digest"] = {}
                for name, order in landed.tables.items():
                    staged = Path(folder) / f"{name}.parquet"
                    rows = bulk.write_table(landed.connection, name, staged, order=order, **provenance)
                    record["digest"][name] = bulk.inspect(landed.connection, name, staged)
                    if rows:
                        outcome.rows[name] = rows
                        written.append((staged, landing / room.name / name / f"{stem}.parquet"))
                lost = _quarantined(landed.quarantine)
            is_same = before is not None and not is_reread and before.sighting.origin == sighting.origin
            if before is not None and is_same and before.record.get("digest") == record["digest"]:
                outcome.rows = {}
                return outcome, {**record, "same_as": before.name}
            if lost is not None:
                staged = Path(folder) / "quarantine.parquet"
                table = validate("quarantine", with_provenance(lost, *provenance.values()))
                pq.write_table(table, staged, compression="zstd", compression_level=3)
                outcome.rows["quarantine"] = lost.num_rows
                written.append((staged, landing / room.name / "quarantine" / f"{stem}.parquet"))
        except (ParseError, ContractError) as error:
            outcome.rows = {}
            outcome.error = f"{room.name}/{sighting.dataset} ({sighting.sha256[:12]}): {error}"
            return outcome, {**record, "error": outcome.error}
        for staged, path in written:
            adopt(staged, path)
            outcome.files.append(path.relative_to(landing).as_posix())
    outcome.quarantined = outcome.rows.pop("quarantine", 0)
    return outcome, {**record, "rows": outcome.rows, "quarantined": outcome.quarantined}


def _parsed(modules: RoomModules, archive: Archive, sighting: Sighting) -> _Tables:
    """Return the tables of a payload that have rows, without provenance."""
    payload = archive.read(sighting.sha256)
    try:
        landed = modules.parse(payload, sighting, modules.catalogue())
    except RecursionError:
        raise ParseError(TOO_DEEP) from None
    tables: _Tables = {
        name: table for name in modules.room.tables if (table := getattr(landed, name)) is not None and table.num_rows
    }
    lost = _quarantined(landed.quarantine)
    if lost is not None:
        tables["quarantine"] = lost
    return tables


def _quarantined(quarantine: Sequence[tuple[str, str, str]]) -> pa.Table | None:
    """Return what a parser could not use as a table without provenance, or None where there is nothing."""
    if not quarantine:
        return None
    columns = list(zip(*quarantine, strict=True))
    return pa.table({"place": columns[0], "reason": columns[1], "raw": columns[2]})


def _notes(statement: _Statement, before: _Statement, tables: _Tables, earlier: _Tables) -> list[str]:
    """Say what is odd in a payload beside the one before it. Nothing is lost by it: what the earlier one said stays landed."""
    fresh, told = tables.get("observation"), earlier.get("observation")
    if told is None:
        return []
    sighting = statement.sighting
    head = f"{sighting.source}/{sighting.dataset}: the payload of {format_instant(sighting.fetched_at)}"
    other = f"the one of {format_instant(before.sighting.fetched_at)}"
    notes = []
    if lost := losses(fresh, told):
        notes.append(f"{head} lacks {lost} that {other} had; what that one said of them stays")
    if fresh is not None and (odd := jump(fresh, told)):
        notes.append(f"{head} has values at another scale than {other} in {odd}")
    return notes


def _land_rules(modules: RoomModules, landing: Path, horizon: int) -> Iterator[LandOutcome]:
    """Land the calendar events that follow from the room's documented rules, up to the year of its newest payload."""
    room = modules.room
    assert modules.rules is not None  # noqa: S101 (narrowing for the type checker)
    path = landing / room.name / "release_event" / f"rules-to-{horizon}-v{room.parser_version}.parquet"
    if path.exists():
        return
    years = [table for year in range(FIRST_RULE_YEAR, horizon + 1) if (table := modules.rules(year)).num_rows]
    if not years:
        return
    events = pa.concat_tables(years)
    name = f"rule:{room.name}:v{room.parser_version}"
    events = with_provenance(events, datetime(horizon, 1, 1, tzinfo=UTC), name, Origin.RULE.value, room.parser_version)
    events = validate("release_event", events)
    write_bytes(path, parquet_bytes(events))
    yield LandOutcome(room.name, "rules", name, {"release_event": events.num_rows})


def count_rows(files: list[Path]) -> int:
    """Return the number of rows in Parquet files, from their footers alone."""
    return sum(pq.read_metadata(path).num_rows for path in files)
