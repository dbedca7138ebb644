"""Turns a room into Dagster assets: one op that fetches its datasets into the archive, one that lands what is archived.

Rooms stay free of Dagster; their ``assets.py`` is one call of ``room_assets``. The ops ask the resource ``pipeline`` (see
``orchestration.resources``) for the home, the fetcher and the run report, so that nothing here imports upwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb

from expectations.bridge import check_name, metrics_frame, nothing_to_check, run_suite, run_suites, to_dagster
from expectations.suite import Suite
from undertow.errors import FetchError, ParseError
from undertow.landing import count_rows, land, landed_files, refuse
from undertow.quoting import literal
from undertow.remote import open_archive
from undertow.report import CheckOutcome, LandOutcome
from undertow.room import Room, load_room
from undertow.schemas import PROVENANCE, TABLES

__all__ = ["archive_key", "check_payload", "landing_key", "room_assets", "suites_digest"]

_LANDED = {  # what each table holds, for the pages of the orchestrator
    "observation": "observations as the provider gave them, with when they were known and on what basis",
    "series": "the series that payloads described",
    "release_event": "calendar events that follow from documented rules of the provider",
    "holding": "holdings as they were filed",
    "filing": "filings, and who is registered to file",
}


def archive_key(room: str, dataset: str) -> dg.AssetKey:
    """Return the asset key of a dataset's archived payloads."""
    return dg.AssetKey(["archive", room, dataset])


def landing_key(room: str, table: str) -> dg.AssetKey:
    """Return the asset key of a landed table; the dbt sources carry the same key."""
    return dg.AssetKey(["landing", room, table])


def room_assets(room: Room, suites: tuple[Suite, ...]) -> list[dg.AssetsDefinition]:
    """Return the fetching and the landing assets of one room, with its suites as blocking checks."""
    return [_fetching(room), _landing(room, suites)]


def _fetching(room: Room) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"fetch_{room.name}",
        specs=[
            dg.AssetSpec(
                archive_key(room.name, dataset.name),
                group_name=room.name,
                kinds={"python"},
                description=dataset.title,
                metadata={"provider": dg.MetadataValue.url(dataset.packaged.url)} if dataset.packaged else None,
            )
            for dataset in room.datasets
        ],
        required_resource_keys={"pipeline"},
        # One run at a time asks a provider. The HTTP client retries; a failed provider is reported, not retried as a step.
        pool=f"provider_{room.name}",
    )
    def fetch(context) -> Iterator[dg.MaterializeResult]:
        pipeline = context.resources.pipeline
        modules = load_room(room.name)
        archive = open_archive(pipeline.home)
        with pipeline.report.step(f"fetch {room.name}"):
            outcomes = list(pipeline.fetcher.fetch(modules, archive))
        pipeline.report.add_fetched(room.name, outcomes, pipeline.fetcher.requests[room.name])
        failed = [outcome for outcome in outcomes if outcome.status == "failed"]
        for outcome in failed:
            context.log.warning(outcome.message)
        for dataset in room.datasets:
            mine = [outcome for outcome in outcomes if outcome.dataset == dataset.name]
            yield dg.MaterializeResult(
                asset_key=archive_key(room.name, dataset.name),
                metadata={
                    "status": ", ".join(sorted({outcome.status for outcome in mine})) or "not in this mode",
                    "bytes": sum(outcome.bytes for outcome in mine),
                    "payloads": [outcome.sha256 for outcome in mine if outcome.sha256],
                    "archived_payloads": len([s for s in archive.first_sightings(room.name) if s.dataset == dataset.name]),
                    "archive": dg.MetadataValue.path(str(pipeline.home.archive)),
                },
            )

    return fetch


def _landing(room: Room, suites: tuple[Suite, ...]) -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            landing_key(room.name, table),
            group_name=room.name,
            kinds={"python", "parquet"},
            deps=[archive_key(room.name, dataset.name) for dataset in room.datasets],
            description=f"{room.title}: {_LANDED[table]}.",
            metadata={"dagster/column_schema": _columns(table)},
            code_version=str(room.parser_version),
        )
        for table in room.tables
    ]
    checks = [
        dg.AssetCheckSpec(
            name=check_name(suite, position, expectation),
            asset=dg.AssetKey(list(suite.asset)),
            description=expectation.why,
            blocking=expectation.severity == "ERROR",
        )
        for suite in suites
        for position, expectation in enumerate(suite.expectations)
    ]

    @dg.multi_asset(name=f"land_{room.name}", specs=specs, check_specs=checks, required_resource_keys={"pipeline"})
    def landing(context) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        pipeline = context.resources.pipeline
        modules = load_room(room.name)
        archive = open_archive(pipeline.home)
        failed = [outcome for outcome in pipeline.report.fetched if outcome.status == "failed"]
        if failed and not archive.sources():
            raise FetchError(f"nothing could be fetched and nothing is archived: {failed[0].message}")
        with pipeline.report.step(f"land {room.name}"):
            seen = {(outcome.dataset, outcome.sha256) for outcome in pipeline.report.fetched if outcome.source == room.name}
            outcomes = list(land(modules, archive, pipeline.home.landing, seen, suites_digest(suites)))
        pipeline.report.add_landed(outcomes)
        pipeline.report.add_checks(_oddities(outcomes))
        for outcome in outcomes:
            if outcome.error:
                context.log.warning(outcome.error)
        observations = landed_files(pipeline.home.landing, room.name, room.tables[0])
        alone = archive.sources() <= {room.name}
        if alone and not any(count_rows([path]) for path in observations) and any(outcome.error for outcome in outcomes):
            raise ParseError(next(outcome.error for outcome in outcomes if outcome.error))
        for table in room.tables:
            files = landed_files(pipeline.home.landing, room.name, table)
            yield dg.MaterializeResult(
                asset_key=landing_key(room.name, table),
                metadata={
                    "dagster/row_count": count_rows(files),
                    "new_rows": sum(outcome.rows.get(table, 0) for outcome in outcomes),
                    "quarantined": sum(outcome.quarantined for outcome in outcomes),
                    "files": len(files),
                    "folder": dg.MetadataValue.path(str(pipeline.home.landing / room.name / table)),
                },
                data_version=dg.DataVersion(_fingerprint([path.name for path in files])),
            )
        with pipeline.report.step(f"check {room.name}"):
            results = _check(room, suites, pipeline)
            if _blocking(results):
                _refuse_culprits(room, suites, pipeline, outcomes)
        pipeline.report.add_checks(results)
        for outcome in results:
            yield to_dagster(outcome)

    return landing


def _columns(table: str) -> dg.TableSchema:
    """Return the columns of a landed table as the orchestrator shows them."""
    return dg.TableSchema(
        [
            dg.TableColumn(field.name, str(field.type), constraints=dg.TableColumnConstraints(nullable=field.nullable))
            for field in (*TABLES[table], *PROVENANCE)
        ]
    )


def _oddities(outcomes: list[LandOutcome]) -> list[CheckOutcome]:
    """Return what landing noticed as warnings, for the summary and the quality page."""
    return [
        CheckOutcome(
            asset=f"archive/{outcome.source}/{outcome.dataset}",
            name="agrees_with_the_payload_before",
            passed=False,
            severity="WARN",
            tool="landing",
            details={"why": note},
        )
        for outcome in outcomes
        for note in outcome.notes
    ]


def _check(room: Room, suites: tuple[Suite, ...], pipeline) -> list[CheckOutcome]:
    """Run the room's suites on what is landed; a table in which nothing is landed yet has nothing to check."""
    rows: dict[str, str] = {}
    names: list[str] = []
    outcomes: list[CheckOutcome] = []
    for suite in suites:
        files = landed_files(pipeline.home.landing, room.name, suite.asset[2])
        if not count_rows(files):
            outcomes += nothing_to_check(suite)
            continue
        pattern = pipeline.home.landing / room.name / suite.asset[2] / "*.parquet"
        rows[suite.name] = f"read_parquet({literal(pattern)})"
        names += [path.name for path in files]
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        chosen = [suite for suite in suites if suite.name in rows]
        return outcomes + run_suites(chosen, rows, connection, _fingerprint(names), pipeline.home.quality / "checks")
    finally:
        connection.close()


def _refuse_culprits(room: Room, suites: tuple[Suite, ...], pipeline, outcomes: list[LandOutcome]) -> None:
    """Take back the payloads of this run that a blocking check does not let pass, so that later ones need not bear with them.

    A payload is at fault where the checks fail on it together with what had been landed before this run. The run itself
    stays blocked.
    """
    landing = pipeline.home.landing
    new = [outcome for outcome in outcomes if any(outcome.rows.values())]
    fresh = {name for outcome in new for name in outcome.files}
    reasons: dict[int, list[str]] = {}
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for place, outcome in enumerate(new):
            for suite in suites:
                paths = landed_files(landing, room.name, suite.asset[2])
                names = {path: path.relative_to(landing).as_posix() for path in paths}
                mine = [path for path in paths if names[path] not in fresh or names[path] in outcome.files]
                if any(names[path] in outcome.files for path in mine):
                    quoted = ", ".join(literal(path) for path in mine)
                    failed = _blocking(run_suite(suite, metrics_frame(suite, f"read_parquet([{quoted}])", connection)))
                    reasons.setdefault(place, []).extend(str(check.details["why"]) for check in failed)
    finally:
        connection.close()
    for place, outcome in enumerate(new):
        if reasons.get(place):
            refuse(landing, outcome, f"refused by a check: {'; '.join(reasons[place])}", suites_digest(suites))


def check_payload(room: Room, suites: tuple[Suite, ...], landing: Path, outcome: LandOutcome) -> None:
    """Run a room's suites on what one payload landed, and take it back where a blocking check fails on it alone.

    For payloads that land outside of a run of the pipeline. The run after it checks the table as a whole.
    """
    reasons: list[str] = []
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for suite in suites:
            mine = [name for name in outcome.files if name.startswith(f"{room.name}/{suite.asset[2]}/")]
            if mine:
                quoted = ", ".join(literal(landing / name) for name in mine)
                failed = _blocking(run_suite(suite, metrics_frame(suite, f"read_parquet([{quoted}])", connection)))
                reasons += [str(check.details["why"]) for check in failed]
    finally:
        connection.close()
    if reasons:
        refuse(landing, outcome, f"refused by a check: {'; '.join(reasons)}", suites_digest(suites))


def _blocking(results: list[CheckOutcome]) -> list[CheckOutcome]:
    """Return the checks that stop what comes after them."""
    return [check for check in results if not check.passed and check.severity == "ERROR"]


def suites_digest(suites: tuple[Suite, ...]) -> str:
    """Return a digest of a room's checks."""
    return _fingerprint([suite.digest() for suite in suites])


def _fingerprint(names: list[str]) -> str:
    """Return a digest of landed file names, which follow from payload hashes and parser versions."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]
