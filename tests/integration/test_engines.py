"""The same models on DuckDB, Sail and Apache Spark: the marts row for row, dbt's tests of both kinds, and the traps.

Apache Spark is asked in `make test-engines` only: a build on it takes minutes.
The packaged consumer prices are cut to their national aggregates, and the reference rates to the last ten years or so.
"""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import jinja2.utils
import pytest

from orchestration.parity import compare
from orchestration.warehouse import PROJECT_DIR, Warehouse
from tests.dbt.test_macros import PROJECT
from undertow.settings import Home

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ["sail", pytest.param("spark", marks=pytest.mark.slow)]
PYTHON_MODELS = {"int_loan__membership", "int_fx__coupling", "int_cross_asset__coupling", "int_fragility__composite"}

Asked = Callable[..., Any]


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Run `engine_build` in the environment of the engines."""
    if not (python := os.environ.get("UNDERTOW_SPARK_PYTHON")):
        pytest.skip("UNDERTOW_SPARK_PYTHON names no interpreter with pyspark and pysail; `make test` makes one")

    def ask(engine: str, *arguments: str) -> Any:
        if engine == "spark":
            if os.environ.get("UNDERTOW_TEST_ENGINES") != "all":
                pytest.skip("Apache Spark takes minutes; `make test-engines` asks it too")
            if shutil.which("java") is None:
                pytest.skip("there is no Java on this machine, which Apache Spark needs")
        answer = tmp_path_factory.mktemp("answer") / "answer.json"
        module = [python, "-W", "ignore", "-m", "tests.integration.engine_build"]
        done = subprocess.run(
            [*module, arguments[0], engine, *arguments[1:], str(answer)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=3600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(answer.read_text(encoding="utf-8"))

    return ask


@pytest.fixture(scope="session")
def landed(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with what the sample landed, of the two large packages only a part."""
    root = tmp_path_factory.mktemp("engines")
    shutil.copytree(sample_home.landing, root / "landing")
    parts = {
        "bls/*/cpi_package*": "series_id LIKE 'bls.CU_R0000SA%' AND (length(series_id) <= 15 OR series_id LIKE '%SA0L1E')",
        "ecb/observation/eurofxref_hist*": "period_start >= DATE '2014-01-01'",
    }
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for pattern, condition in parts.items():
            for path in [p for p in (root / "landing").glob(pattern) if p.suffix == ".parquet"]:
                smaller = path.with_name("smaller.parquet")
                connection.execute(
                    f"COPY (SELECT * FROM read_parquet('{path}') WHERE {condition}) TO '{smaller}' (FORMAT parquet)"
                )
                smaller.replace(path)
    return Home(root)


@pytest.fixture(scope="session")
def on_duckdb(landed: Home) -> Path:
    database = landed.root / "duckdb" / "warehouse.duckdb"
    database.parent.mkdir()
    results = Warehouse(landed, None, database).build(tests=False)
    assert {result.status for result in results} <= {"success", "no-op"}
    return database


@pytest.fixture(scope="session", params=ENGINES)
def built(request: pytest.FixtureRequest, asked: Asked, landed: Home) -> tuple[Path, list[dict[str, Any]]]:
    """The warehouse of an engine, and what came of each node: models, data tests and unit tests."""
    database = landed.root / request.param / "warehouse.duckdb"
    database.parent.mkdir()
    return database, asked(request.param, "build", str(landed.root), str(database), "all")


def test_every_mart_is_what_duckdb_computes(built: tuple[Path, list[dict[str, Any]]], on_duckdb: Path) -> None:
    database, _ = built
    with duckdb.connect(str(on_duckdb), read_only=True) as connection:
        rows = dict(
            connection.execute("SELECT table_name, estimated_size FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall()
        )
    assert len(rows) >= 26
    assert min(rows.values()) > 0, "a mart without rows shows nothing"
    names, found = compare(on_duckdb, database)
    assert set(names) == set(rows)
    assert [str(difference) for difference in found] == []


def test_every_model_is_built_and_dbts_tests_of_both_kinds_pass(built: tuple[Path, list[dict[str, Any]]]) -> None:
    _, results = built
    assert {r["name"]: r["message"] for r in results if r["status"] not in {"success", "pass", "no-op"}} == {}
    kinds = Counter(r["resource_type"] for r in results)
    assert kinds["test"] >= 235
    assert kinds["unit_test"] >= 48
    assert {r["name"] for r in results if r["resource_type"] == "model"} >= PYTHON_MODELS


def test_what_publishing_needs_is_in_the_file(built: tuple[Path, list[dict[str, Any]]], on_duckdb: Path) -> None:
    database, _ = built
    for schema, tables in (("intermediate", ["int_series"]), ("seeds", ["seed_signal", "seed_flag", "seed_release"])):
        names, found = compare(on_duckdb, database, schema=schema, tables=tables)
        assert names == sorted(tables)
        assert [str(difference) for difference in found] == []
    with duckdb.connect(str(database), read_only=True) as connection:
        said = connection.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'mart_signal_long'").fetchall()
    assert said[0][0]


# --- traps ----------------------------------------------------------------------------------------------------------

NUMBERS = [
    "1e7", "1.5e7", "123456789.123", "1e15", "1e16", "2e18", "1e-4", "1.2345e-4", "-1.2345e-4", "1e-5", "1.5e-5", "-3.5e-6",
    "1.5e-300", "0.001", "0.00099", "-0.0", "324.8", "-12345678.9", "1e100", "9007199254740993", "0",
]  # fmt: skip


def spark_macro(name: str, *arguments: Any) -> str:
    PROJECT.macros.setdefault("namespace", jinja2.utils.Namespace)
    return PROJECT.macros[f"spark__{name}"](*arguments)


@pytest.mark.parametrize("engine", ENGINES)
def test_portable_macros_give_what_duckdb_gives(asked: Asked, engine: str, tmp_path: Path) -> None:
    pairs = [
        (
            spark_macro("portable_text", "value").replace("value", f"cast('{n}' as double)"),
            f"cast(cast('{n}' as double) as string)",
        )
        for n in NUMBERS
    ]
    pairs += [
        (
            spark_macro("digest_text", spark_macro("digest", [f"'{text}'", "1"])),
            f"lower(lpad(to_hex(md5_number_lower('{text}|1')), 16, '0'))",
        )
        for text in ("a", "abc", "bls.CUUR0000SA0", "")
    ]
    pairs += [
        (spark_macro("add_months", f"date '{day}'", months), PROJECT.add_months(f"date '{day}'", months))
        for day in ("2024-01-31", "2025-03-01", "1913-12-31")
        for months in (-13, -1, 0, 1, 12)
    ]
    pairs += [
        (f"cast({spark_macro('local_midnight', day, zone)} as string)", f"cast({PROJECT.local_midnight(day, zone)} as string)")
        for day in ("date '2025-03-09'", "date '2025-11-02'", "date '1987-10-19'")
        for zone in ("America/New_York", "Asia/Tokyo")
    ]
    queries = tmp_path / "queries.json"
    queries.write_text(json.dumps([f"select {mine}" for mine, _ in pairs]), encoding="utf-8")
    answers = asked(engine, "ask", str(tmp_path / "tables"), str(queries))
    with duckdb.connect(":memory:") as connection:
        expected = [[[str(connection.execute(f"select {theirs}").fetchall()[0][0])]] for _, theirs in pairs]
    assert answers == expected


def test_dateadd_of_dbt_is_silently_null_on_sail_and_used_nowhere(asked: Asked, tmp_path: Path) -> None:
    """dbt.dateadd turns into arithmetic on unix timestamps on Spark. Where this fails, Sail has mended it, and the note may go."""
    dateadd = (
        "cast(to_timestamp(to_unix_timestamp(add_months(cast(date '2025-01-31' as timestamp), cast(1 as int))) "
        "+ to_unix_timestamp(cast(date '2025-01-31' as timestamp)) - to_unix_timestamp(date(date '2025-01-31'))) as timestamp)"
    )
    queries = tmp_path / "queries.json"
    mine = spark_macro("add_months", "date '2025-01-31'", 1)
    queries.write_text(json.dumps([f"select {mine}", f"select {dateadd}"]), encoding="utf-8")
    ours, theirs = asked("sail", "ask", str(tmp_path / "tables"), str(queries))
    assert ours == [["2025-02-28"]]
    assert theirs != [["2025-02-28 00:00:00"]]
    users = [
        str(path.relative_to(PROJECT_DIR))
        for folder in ("models", "macros", "data-tests")
        for path in (PROJECT_DIR / folder).rglob("*.sql")
        if "dateadd(" in path.read_text(encoding="utf-8")
    ]
    assert users == []
