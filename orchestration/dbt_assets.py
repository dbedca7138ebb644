"""The dbt project as Dagster assets: every model and seed an asset, every data test an asset check, one op that runs dbt.

dbt runs in this process (see ``orchestration.warehouse``); its events become Dagster events as they come. Where nothing
that the warehouse is made of has changed since the last whole build, the op says so and runs nothing; where only new files
landed, the warehouse grows by them (``orchestration.increment``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.increment import find_increment, landed
from orchestration.resources import Pipeline
from orchestration.warehouse import NodeResult, WarehouseError
from undertow.atomic import write_text
from undertow.engine import DUCKDB
from undertow.quoting import identifier
from undertow.report import CheckOutcome

__all__ = ["WRITER", "build_dbt_assets", "mart_keys"]

WRITER = "warehouse_writer"  # the pool of everything that writes the warehouse: one at a time


class Translator(DagsterDbtTranslator):
    """Groups models by their layer; everything else is dagster-dbt's own naming."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_source_tests_as_checks=True))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the schema of the node: staging, intermediate, marts or seeds."""
        return dbt_resource_props.get("config", {}).get("schema")

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """Return the spec of a data test, with a sentence that says what it tests."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(description=spec.description or _sentence(manifest["nodes"][unique_id]))


def _sentence(test: Mapping[str, Any]) -> str | None:
    """Return what a dbt test tests: the comment above a singular test, or the arguments of a generic one in words."""
    generic = test.get("test_metadata")
    if generic is None:
        lines = (line.strip() for line in test["raw_code"].splitlines())
        return " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--")) or None
    arguments = generic["kwargs"]
    column = arguments.get("column_name")
    match generic["name"]:
        case "not_null":
            return f"{column} is never null."
        case "unique":
            return f"No {column} occurs twice."
        case "accepted_values":
            return f"{column} is one of {_listed(arguments['values'], 'or')}."
        case "relationships":
            parent = arguments["to"].removeprefix("ref('").removesuffix("')")
            return f"Every {column} stands in {parent}.{arguments['field']}."
        case "unique_rows":
            return f"There is one row for each {_listed(arguments['columns'], 'and')}."
    return None


def _listed(words: Sequence[str], last: str) -> str:
    """Return words as a sentence lists them."""
    return f" {last} ".join(filter(None, [", ".join(map(str, words[:-1])), str(words[-1])]))


def mart_keys(manifest: Mapping[str, Any]) -> list[dg.AssetKey]:
    """Return the asset keys of the public marts."""
    return [
        dg.AssetKey(["marts", node["name"]])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"].get("schema") == "marts"
    ]


def build_dbt_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Return the dbt assets of a parsed project."""
    translator = Translator()

    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=translator,
        name="warehouse",
        required_resource_keys={"pipeline"},
        pool=WRITER,
    )
    def warehouse(context: dg.AssetExecutionContext) -> Iterator[Any]:
        pipeline: Pipeline = context.resources.pipeline
        state = pipeline.output.warehouse / "state.json"
        fingerprint, code, files = pipeline.fingerprint(), pipeline.code_fingerprint(), landed(pipeline.home.landing)
        before = _remembered(state, pipeline.output.database)
        if before is not None and before["fingerprint"] == fingerprint:
            events, results = before["events"], [NodeResult(**row) for row in before["results"]]
            pipeline.report.build["models_unchanged"] = True
        else:
            change = None
            if before is not None and before["code"] == code and pipeline.engine == DUCKDB:
                change = find_increment(pipeline.home.landing, before["files"], pipeline.output.database)
            state.unlink(missing_ok=True)  # until this build is whole, the next one starts anew
            events = []
            with pipeline.report.step("models"):
                results = pipeline.warehouse().build(on_event=events.append, increment=change)
            pipeline.report.build["series_computed"] = "all" if change is None else len(change.series)
        rows = _rows(pipeline.output.database)
        for event in events:
            message = DbtCoreCliEventMessage(raw_event=dict(event), event_history_metadata={})
            for said in message.to_default_asset_events(manifest=manifest, dagster_dbt_translator=translator, context=context):
                yield _with_rows(said, rows)
        pipeline.report.add_checks(_test_outcomes(results, manifest))
        pipeline.report.models = {r.name: r.status for r in results if r.resource_type == "model"}
        _raise_on_failure(results)
        if before is None or before["fingerprint"] != fingerprint:
            memory = {
                "fingerprint": fingerprint,
                "code": code,
                "files": files,
                "events": events,
                "results": [asdict(result) for result in results],
            }
            write_text(state, json.dumps(memory))

    return warehouse


def _rows(database: Path) -> dict[str, int]:
    """Return how many rows each table of the warehouse has, by the name that Dagster gives its output."""
    if not database.is_file():
        return {}
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        return {
            f"{schema}__{table}": connection.execute(
                f"SELECT count(*) FROM {identifier(schema)}.{identifier(table)}"
            ).fetchall()[0][0]
            for schema, table in tables
        }


def _with_rows(said: Any, rows: Mapping[str, int]) -> Any:
    """Return the event of a table with its number of rows, and any other as it is."""
    if not isinstance(said, dg.Output) or said.output_name not in rows:
        return said
    return said.with_metadata({**said.metadata, "dagster/row_count": rows[said.output_name]})


def _remembered(state: Path, database: Path) -> dict[str, Any] | None:
    """Return what the last whole build left of itself, if its file is still there."""
    if not state.is_file() or not database.is_file():
        return None
    memory = json.loads(state.read_text(encoding="utf-8"))
    return memory if "files" in memory else None


def _test_outcomes(results: list[NodeResult], manifest: Mapping[str, Any]) -> list[CheckOutcome]:
    """Return the outcome of each dbt test that ran."""
    outcomes = []
    for result in results:
        if result.resource_type not in {"test", "unit_test"} or result.status == "skipped":
            continue
        node = manifest["nodes"].get(result.unique_id, {})
        attached = str(node.get("attached_node") or "").split(".")[-1] or result.name
        outcomes.append(
            CheckOutcome(
                asset=attached,
                name=result.name,
                passed=result.status in {"pass", "success"},
                severity="WARN" if result.status == "warn" else "ERROR",
                tool="dbt",
                details={"failures": result.failures, "message": result.message},
            )
        )
    return outcomes


def _raise_on_failure(results: list[NodeResult]) -> None:
    """Raise with one sentence for each node that failed; what depends on it was skipped by dbt."""
    bad = [result for result in results if result.status in {"error", "fail", "runtime error"}]
    if bad:
        sentences = "; ".join(f"{result.name}: {' '.join(result.message.split())[:300]}" for result in bad[:5])
        raise WarehouseError(f"{len(bad)} of {len(results)} dbt nodes failed, nothing is published: {sentences}")
