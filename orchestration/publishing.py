"""The last assets: the marts' own expectations, and the published build that readers open."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import duckdb

from expectations.bridge import check_name, data_docs, run_suites, to_dagster
from expectations.suite import Suite, suites
from orchestration.dbt_assets import WRITER
from orchestration.resources import Pipeline, code_version
from undertow import __version__
from undertow.archive import Archive
from undertow.errors import StoreError
from undertow.instants import format_instant
from undertow.publish import INTERNAL, Build, prune, publish
from undertow.remote import RemoteHome
from undertow.remote_builds import Publisher

__all__ = ["build_mart_checks", "build_publishing", "internal_keys", "mart_suites", "publish_pipeline"]


def mart_suites() -> list[Suite]:
    """Return the suites that look at marts."""
    return [suite for suite in suites() if suite.stage == "marts"]


def internal_keys() -> list[dg.AssetKey]:
    """Return the asset keys of what is published for the macros beside the marts."""
    return [dg.AssetKey(source.split(".")) for source in sorted({table.source for table in INTERNAL.values()})]


def build_mart_checks(chosen: Sequence[Suite]) -> dg.AssetChecksDefinition:
    """Return the marts' expectations as one blocking multi-check."""
    specs = [
        dg.AssetCheckSpec(
            name=check_name(suite, position, expectation),
            asset=dg.AssetKey(list(suite.asset)),
            description=expectation.why,
            blocking=expectation.severity == "ERROR",
        )
        for suite in chosen
        for position, expectation in enumerate(suite.expectations)
    ]

    @dg.multi_asset_check(name="check_marts", specs=specs, required_resource_keys={"pipeline"})
    def check_marts(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        pipeline: Pipeline = context.resources.pipeline
        connection = duckdb.connect(str(pipeline.output.database), read_only=True)
        try:
            with pipeline.report.step("check marts"):
                rows = {suite.name: ".".join(suite.asset) for suite in chosen}
                outcomes = run_suites(chosen, rows, connection, pipeline.fingerprint(), pipeline.output.quality / "checks")
        finally:
            connection.close()
        pipeline.report.add_checks(outcomes)
        for outcome in outcomes:
            yield to_dagster(outcome)

    return check_marts


def build_publishing(tables: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset that publishes the marts."""

    @dg.asset(
        key=["published", "build"],
        deps=list(tables),
        group_name="published",
        kinds={"duckdb", "parquet"},
        description="An immutable build: a read-only DuckDB file with macros, zstd Parquet, a manifest.",
        required_resource_keys={"pipeline"},
        code_version=__version__,
        pool=WRITER,
    )
    def published_build(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        pipeline: Pipeline = context.resources.pipeline
        build, is_new = publish_pipeline(pipeline)
        return dg.MaterializeResult(
            metadata={
                "build": build.build_id,
                "new": is_new,
                "rows": pipeline.report.build["tables"],
                "path": dg.MetadataValue.path(str(build.path)),
                "data_docs": dg.MetadataValue.path(str(data_docs(pipeline.output.quality) / "index.html")),
            },
            data_version=dg.DataVersion(build.manifest["content"][:16]),
        )

    return published_build


def publish_pipeline(pipeline: Pipeline) -> tuple[Build, bool]:
    """Publish the pipeline's warehouse, prune old builds, and write down in the report what came of it."""
    remote = pipeline.remote
    if remote is not None:
        with pipeline.report.step("object store: landing"):
            remote.begin(pipeline.tell)
    with pipeline.report.step("publish"):
        build, is_new = publish(
            pipeline.output,
            pipeline.output.database,
            code_version=code_version(),
            fingerprint=pipeline.fingerprint(),
            inputs=_inputs(pipeline),
            mode=pipeline.mode,
            elsewhere=None if remote is None else Publisher(remote.builds, pipeline.tell),
        )
        removed = prune(pipeline.output, pipeline.settings.keep_builds)
    if remote is not None:
        pipeline.report.build["store"] = f"{remote.remote.url}/published/{build.build_id}"
        if is_new:
            _tidy(remote, pipeline)
    tables = build.manifest["tables"]
    pipeline.report.build |= {
        "build_id": build.build_id,
        "path": str(build.path),
        "is_new": is_new,
        "tables": {name: table["rows"] for name, table in tables.items()},
        "changed": [name for name, table in tables.items() if not table["unchanged"]] if is_new else [],
        "removed": removed,
    }
    return build, is_new


def _tidy(remote: RemoteHome, pipeline: Pipeline) -> None:
    """Remove what the store need not keep. The build is published by then, so a failure is only written down."""
    try:
        with pipeline.report.step("object store: tidy"):
            remote.tidy()
    except StoreError as error:
        pipeline.report.notes.append(f"the object store was not tidied: {error}")


def _inputs(pipeline: Pipeline) -> list[dict[str, str]]:
    """Return the archived payloads that the landing was made from."""
    return [
        {
            "source": sighting.source,
            "dataset": sighting.dataset,
            "sha256": sighting.sha256,
            "fetched_at": format_instant(sighting.fetched_at),
            "origin": sighting.origin,
        }
        for sighting in Archive(pipeline.home.archive).first_sightings()
    ]
