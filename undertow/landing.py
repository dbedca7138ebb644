"""Landing: archived payloads become typed, append-only Parquet, one file for each payload and table.

Landing is a function of the archive: a payload that is archived and not landed is landed by the next run, so a run that
was cut off is completed by the one after it. File names follow from the payload, so landing twice gives the same files.
The writer adds the provenance columns; parsers stay pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from undertow.archive import Archive, Sighting
from undertow.atomic import write_bytes, write_text
from undertow.errors import ContractError, ParseError
from undertow.history import changed_by_rereading, migrate, parquet_bytes
from undertow.report import LandOutcome
from undertow.room import RoomModules
from undertow.schemas import INSTANT, PROVENANCE, empty, validate
from undertow.vocabulary import Origin

__all__ = ["count_rows", "land", "landed_files", "prepare"]

FIRST_RULE_YEAR = 1913  # the first year of the oldest series, the CPI


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


def land(modules: RoomModules, archive: Archive, landing: Path) -> Iterator[LandOutcome]:
    """Parse every archived payload of the room that is not landed yet and yield what came of each.

    A payload that cannot be parsed is recorded as such (it is not tried again until the parser's version rises) and
    yields an outcome with ``error``; it stays in the archive.
    """
    room = modules.room
    migrate(landing)
    prepare(modules, landing)
    marks = landing / room.name / "landed"
    marks.mkdir(parents=True, exist_ok=True)
    horizon = None
    for sighting in archive.first_sightings(room.name):
        year = sighting.fetched_at.year
        horizon = year if horizon is None else max(horizon, year)
        mark = marks / f"{sighting.dataset}-{sighting.sha256}-v{room.parser_version}.json"
        if mark.exists():
            continue
        outcome = _land_one(modules, archive, landing, sighting, is_reread=_was_read(marks, sighting))
        record = {"rows": outcome.rows, "quarantined": outcome.quarantined, "error": outcome.error}
        write_text(mark, json.dumps(record, sort_keys=True) + "\n")
        yield outcome
    if horizon is not None and modules.rules is not None:
        yield from _land_rules(modules, landing, horizon)


def _was_read(marks: Path, sighting: Sighting) -> bool:
    """Tell whether an earlier version of the parser has read this payload."""
    earlier = marks.glob(f"{sighting.dataset}-{sighting.sha256}-v*.json")
    return any(json.loads(path.read_text(encoding="utf-8"))["error"] is None for path in earlier)


def _land_one(modules: RoomModules, archive: Archive, landing: Path, sighting: Sighting, *, is_reread: bool) -> LandOutcome:
    """Parse one payload and write its tables; a re-reading lands only what it reads differently, as rows that say so."""
    room = modules.room
    outcome = LandOutcome(room.name, sighting.dataset, sighting.sha256)
    try:
        landed = modules.parse(archive.read(sighting.sha256), sighting, modules.catalogue())
        tables: dict[str, pa.Table] = {
            name: table for name in room.tables if (table := getattr(landed, name)) is not None and table.num_rows
        }
        parsed_at = None
        if is_reread:
            parsed_at = datetime.now(UTC)
            if "observation" in tables:
                tables["observation"] = changed_by_rereading(
                    tables["observation"],
                    landed_files(landing, room.name, "observation"),
                    sha256=sighting.sha256,
                    fetched_at=sighting.fetched_at,
                    version=room.parser_version,
                    now=parsed_at,
                )
        if landed.quarantine:
            columns = list(zip(*landed.quarantine, strict=True))
            tables["quarantine"] = pa.table({"place": columns[0], "reason": columns[1], "raw": columns[2]})
        checked = {
            name: validate(
                name,
                _with_provenance(table, sighting.fetched_at, sighting.sha256, sighting.origin, room.parser_version, parsed_at),
            )
            for name, table in tables.items()
        }
    except (ParseError, ContractError) as error:
        outcome.error = f"{room.name}/{sighting.dataset} ({sighting.sha256[:12]}): {error}"
        return outcome
    stem = f"{sighting.dataset}-{sighting.fetched_at:%Y%m%dT%H%M%SZ}-{sighting.sha256[:12]}-v{room.parser_version}"
    for name, table in checked.items():
        write_bytes(landing / room.name / name / f"{stem}.parquet", parquet_bytes(table))
        outcome.rows[name] = table.num_rows
    outcome.quarantined = outcome.rows.pop("quarantine", 0)
    return outcome


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
    events = _with_provenance(events, datetime(horizon, 1, 1, tzinfo=UTC), name, Origin.RULE.value, room.parser_version)
    events = validate("release_event", events)
    write_bytes(path, parquet_bytes(events))
    yield LandOutcome(room.name, "rules", name, {"release_event": events.num_rows})


def _with_provenance(
    table: pa.Table, fetched_at: datetime, sha256: str, origin: str, parser_version: int, parsed_at: datetime | None = None
) -> pa.Table:
    """Append what says where rows came from; ``parsed_at`` is the fetch but for a later re-reading."""
    rows = table.num_rows
    values = {
        "fetched_at": pa.scalar(fetched_at, INSTANT),
        "payload_sha256": pa.scalar(sha256),
        "origin": pa.scalar(origin),
        "parser_version": pa.scalar(parser_version, pa.int32()),
        "parsed_at": pa.scalar(parsed_at or fetched_at, INSTANT),
    }
    for field in PROVENANCE:
        table = table.append_column(field.name, pa.repeat(values[field.name], rows))
    return table


def count_rows(files: list[Path]) -> int:
    """Return the number of rows in Parquet files, from their footers alone."""
    return sum(pq.read_metadata(path).num_rows for path in files)
