"""The dbt project, run in this process: parse once, reuse the manifest, one writer of the warehouse file at a time.

This module knows dbt and no Dagster. ``Warehouse.build`` returns one ``NodeResult`` for each model, seed and test.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.engines import fill_empty, register_landing, session, to_warehouse
from orchestration.increment import Increment
from undertow.atomic import write_text
from undertow.engine import DUCKDB
from undertow.errors import UndertowError
from undertow.publish import INTERNAL
from undertow.room import load_room, room_names
from undertow.settings import Home, Settings

__all__ = ["PROJECT_DIR", "NodeResult", "Warehouse", "WarehouseError"]

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"


class WarehouseError(UndertowError):
    """dbt could not build the warehouse."""


@dataclass(frozen=True)
class NodeResult:
    """What came of one dbt node: ``status`` is success, pass, warn, fail, error or skipped."""

    unique_id: str
    resource_type: str
    name: str
    status: str
    failures: int
    seconds: float
    message: str


def landed_setting(names: Sequence[str] | None = None) -> str:
    """Return what the rooms land, in the form the dbt macros read: ``room.table`` joined by commas."""
    entries = []
    for name in names if names is not None else room_names():
        entries += [f"{name}.{table}" for table in load_room(name).room.tables]
    return ",".join(entries)


class Warehouse:
    """The warehouse of one home, for one knowledge cut-off, as an engine computes it.

    Whatever the engine, a build ends with a DuckDB file. Spark and Sail leave their own tables beside it, and every build on
    them is a whole one; the file then holds the marts and what publishing needs of the rest.
    """

    def __init__(
        self, home: Home, known_by: datetime | None = None, database: Path | None = None, engine: str = DUCKDB
    ) -> None:
        self.home = home
        self.known_by = known_by
        self.database = database or home.database
        self.engine = engine
        self.tables = self.database.parent / engine
        self.target = self.database.parent / ("target" if engine == DUCKDB else f"target_{engine}")
        self._manifest: Any = None

    @property
    def manifest_path(self) -> Path:
        """The manifest that ``parse`` writes."""
        return self.target / "manifest.json"

    def variables(self) -> dict[str, str]:
        """Return the dbt variables of this warehouse."""
        if self.known_by is None:
            return {"known_by": ""}
        return {"known_by": self.known_by.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")}

    @contextmanager
    def environment(self) -> Generator[None]:
        """Set what the project reads from the environment, and put the old values back afterwards."""
        wanted = {
            "UNDERTOW_HOME": str(self.home.root).replace("'", "''"),  # the sources read it inside a text of SQL
            "UNDERTOW_WAREHOUSE": str(self.database),
            "UNDERTOW_TABLES": str(self.tables),
            "UNDERTOW_LANDED": landed_setting(),
            "UNDERTOW_MEMORY_LIMIT": Settings().memory_limit,
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.target / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        }
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _invoke(
        self, arguments: list[str], callbacks: Sequence[Callable[[Any], None]] = (), *, is_increment: bool = False
    ) -> Any:
        from dbt.cli.main import dbtRunner  # two seconds of imports that reading commands need not pay

        self.target.mkdir(parents=True, exist_ok=True)
        common = [
            "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR),
            "--target", DUCKDB if self.engine == DUCKDB else "spark",
            "--vars", json.dumps(self.variables() | ({"increment": True} if is_increment else {})),
        ]  # fmt: skip
        with self.environment():
            try:
                return dbtRunner(manifest=self._manifest, callbacks=list(callbacks)).invoke(
                    [
                        "--quiet",
                        "--log-level",
                        "none",
                        "--log-level-file",
                        "info",
                        "--no-use-colors",
                        *arguments,
                        *common,
                    ]
                )
            finally:
                _close_connections()

    def forget_old_parse(self, version: str) -> None:
        """Drop dbt's last parse when the code has changed since, or when dbt was cut off while it wrote it."""
        mark = self.target / "code_version"
        if mark.is_file() and mark.read_text(encoding="utf-8") == version and self._manifest_is_whole():
            return
        shutil.rmtree(self.target, ignore_errors=True)
        self.target.mkdir(parents=True, exist_ok=True)
        mark.write_text(version, encoding="utf-8")

    def _manifest_is_whole(self) -> bool:
        """Tell whether dbt's manifest is JSON to its end, or is not there; dbt writes it in place."""
        try:
            json.loads(self.manifest_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return True
        except ValueError:
            return False
        return True

    def parse(self) -> Mapping[str, Any]:
        """Parse the project (or reuse the last parse) and return the manifest as plain data."""
        if self._manifest is None:
            result = self._invoke(["parse"])
            if not result.success:
                error = result.exception  # some, such as an assertion within dbt, say nothing but their name
                raise WarehouseError(f"the dbt project does not parse: {type(error).__name__}: {error}") from error
            self._manifest = result.result
        return json.loads(self.manifest_path.read_text(encoding="utf-8"))

    def build(
        self,
        select: str | None = None,
        on_event: Callable[[Mapping[str, Any]], None] | None = None,
        *,
        increment: Increment | None = None,
        tests: bool = True,
        unit_tests: bool = False,
    ) -> list[NodeResult]:
        """Run seeds, models and data tests, and return what came of each node. Unit tests belong to the test suite.

        Args:
            select: dbt selection; None builds everything.
            on_event: called with each finished node's event (as dbt's structured log writes it).
            increment: what changed since the last whole build of this warehouse, which then grows by it; None starts from an
                empty file, so that a torn earlier build cannot matter. Spark and Sail always start from nothing.
            tests: run the data tests too.
            unit_tests: run the unit tests too, each before its model. On Spark and Sail there is no other time for them: the
                tables whose columns they ask for are known as long as the session.

        Raises:
            WarehouseError: dbt itself failed (a failing test is a result, not an exception).
        """
        if increment is not None and self.engine != DUCKDB:
            raise WarehouseError(f"a warehouse on {self.engine} does not grow; each build is a whole one")
        self.database.parent.mkdir(parents=True, exist_ok=True)
        if increment is None:
            for path in (self.database, self.database.with_name(self.database.name + ".wal")):
                path.unlink(missing_ok=True)
        (increment or Increment()).save(self.database)
        arguments = ["build", *(["--select", select] if select else [])]
        for kind, wanted in (("unit_test", unit_tests), ("test", tests)):
            arguments += [] if wanted else ["--exclude-resource-type", kind]
        callbacks = [_forward(on_event)] if on_event else []
        with self._session() as spark:
            manifest = self.parse()
            if spark is not None:
                register_landing(spark, manifest["sources"], self.home.landing)
            result = self._invoke(arguments, callbacks, is_increment=increment is not None)
            if result.result is None:
                raise WarehouseError(f"dbt did not run: {result.exception}")
            results = _results(result)
            whole = select is None and not any(r.status in {"error", "fail", "skipped"} for r in results)
            if spark is not None and whole:
                for name in self._public_tables():
                    fill_empty(self.tables, name)
                to_warehouse(self.tables, self.database, self._public_tables())
        return results

    def _session(self) -> AbstractContextManager[Any]:
        return nullcontext() if self.engine == DUCKDB else session(self.engine, self.tables, Settings().spark_memory)

    def _public_tables(self) -> dict[str, tuple[str, Mapping[str, str]]]:
        """Return the tables that publishing reads, and what is said of them and of their columns."""
        inner = {table.source for table in INTERNAL.values()}
        found = {}
        for node in self.parse()["nodes"].values():
            if node["resource_type"] not in {"model", "seed"}:
                continue
            name = f"{node['schema']}.{node['alias']}"
            if node["schema"] == "marts":
                comments = {column: said["description"] for column, said in node["columns"].items()}
                found[name] = (node["description"], comments)
            elif name in inner or name == "intermediate.int_series":
                found[name] = ("", {})
        return found

    def write_docs(self, path: Path) -> None:
        """Write dbt's documentation of the project and of the warehouse's tables as one HTML file that needs no server.

        Raises:
            WarehouseError: there is no warehouse yet, or dbt itself failed.
        """
        if not self.database.exists():
            raise WarehouseError("there is no warehouse to document; run `undertow run` first")
        if self.engine != DUCKDB:
            raise WarehouseError("the documentation is of the warehouse on DuckDB; run without an engine first")
        self.parse()
        result = self._invoke(["docs", "generate", "--static", "--no-compile"])
        if not result.success:
            raise WarehouseError(f"dbt wrote no documentation: {result.exception}")
        write_text(path, (self.target / "static_index.html").read_text(encoding="utf-8"))

    def unit_test(self) -> list[NodeResult]:
        """Run the models' unit tests; the warehouse must have been built, for dbt asks it for the columns of the inputs.

        Raises:
            WarehouseError: dbt itself failed.
        """
        result = self._invoke(["test", "--select", "test_type:unit"])
        if result.result is None:
            raise WarehouseError(f"dbt did not run: {result.exception}")
        return _results(result)


def _results(result: Any) -> list[NodeResult]:
    return [
        NodeResult(
            unique_id=node.node.unique_id,
            resource_type=str(node.node.resource_type),
            name=node.node.name,
            status=str(node.status),
            failures=int(node.failures or 0),
            seconds=round(float(node.execution_time or 0.0), 3),
            message=str(node.message or ""),
        )
        for node in result.result.results
    ]


def _forward(on_event: Callable[[Mapping[str, Any]], None]) -> Callable[[Any], None]:
    """Wrap a listener so that it gets dbt's result events as plain data."""
    from google.protobuf.json_format import MessageToDict

    def callback(event: Any) -> None:
        if event.info.name in {"LogModelResult", "LogSeedResult", "LogTestResult", "LogUnitTestResult", "NodeFinished"}:
            on_event(MessageToDict(event, preserving_proto_field_name=True))

    return callback


def _close_connections() -> None:
    """Let go of the database file: dbt-duckdb keeps its connection open for the life of the process otherwise."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections

    cleanup_connections()
    with DuckDBConnectionManager._LOCK:
        # dbt-duckdb only drops its reference; whoever else holds one, such as a thread that ended with an error, keeps the file
        # open, and then nobody in this process can open it for reading
        if DuckDBConnectionManager._ENV is not None:
            DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager.close_all_connections()
