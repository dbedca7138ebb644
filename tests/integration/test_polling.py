"""A reader that polls sees whole builds only, while builds with changing data are published and old ones removed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.integration.reader import look_at_database, look_at_parquet, reading
from undertow.publish import SEEDS, Build, current_build, list_builds, prune, publish, verify
from undertow.settings import Home

PUBLISHES = 20
SLOW = "dim_release_calendar"  # changes with every second build only, so that its Parquet file is a link in the others


@pytest.fixture
def warehouse(sample_home: Home, sample_build: Build, tmp_path: Path) -> Path:
    """A warehouse with a hundred rows of each table of the sample."""
    path = tmp_path / "small.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"ATTACH '{sample_home.database}' AS src (READ_ONLY)")
        for schema in ("marts", "intermediate", "seeds"):
            connection.execute(f"CREATE SCHEMA {schema}")
        for table in (*(f"marts.{name}" for name in sample_build.manifest["tables"]), "intermediate.int_observation__head"):
            connection.execute(f"CREATE TABLE {table} AS FROM src.{table} LIMIT 100")
        for table in SEEDS:
            connection.execute(f"CREATE TABLE {table} AS FROM src.{table}")
    return path


def change(warehouse: Path, number: int) -> None:
    """Write a number into every row of every mart, and let one mart grow."""
    with duckdb.connect(str(warehouse)) as connection:
        columns = connection.execute(
            "SELECT table_name, min(column_name) FROM duckdb_columns() "
            "WHERE schema_name = 'marts' AND data_type = 'VARCHAR' GROUP BY 1 ORDER BY 1"
        ).fetchall()
        assert len(columns) >= 11
        for table, column in columns:
            value = number // 2 if table == SLOW else number
            connection.execute(f"UPDATE marts.{table} SET {column} = 'build {value}'")
        connection.execute("INSERT INTO marts.fct_observation FROM marts.fct_observation LIMIT 10")


def next_build(home: Home, warehouse: Path, number: int) -> Build:
    """Change the warehouse and publish it."""
    change(warehouse, number)
    build, is_new = publish(
        home, warehouse, code_version="1", fingerprint=str(number), inputs=[{"origin": "packaged"}], mode="sample"
    )
    assert is_new
    return build


def test_a_reader_that_polls_sees_whole_builds_only(warehouse: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home").ensure()
    published = [next_build(home, warehouse, 0).build_id]
    with reading(home.root, 0) as polls:
        for number in range(1, PUBLISHES + 1):
            published.append(next_build(home, warehouse, number).build_id)
            removed = prune(home, 2)
            assert removed == published[-3:-2]
            if number % 2 == 0:  # every other one follows at once
                polls.wait_for(len(polls.seen) + 4)
        polls.wait_for(len(polls.seen) + 2)
    assert polls.problems() == []
    assert len(polls.seen) > 3 * PUBLISHES
    for way in ("database", "parquet"):
        builds = polls.builds(way)
        assert builds == sorted(builds)  # never back to an older one
        assert set(builds) <= set(published)
        assert len(builds) > PUBLISHES / 2
        assert builds[-1] == published[-1]
    assert [build.build_id for build in list_builds(home)] == published[-2:]
    newest = current_build(home)
    assert verify(newest) == []
    assert [name for name, table in newest.manifest["tables"].items() if table["unchanged"]] == []
    before = list_builds(home)[0].manifest["tables"]
    assert [name for name, table in before.items() if table["unchanged"]] == [SLOW]
    assert [path.name for path in home.published.iterdir() if path.name.startswith(".")] == []


def test_the_reader_would_notice_a_mix(warehouse: Path, tmp_path: Path) -> None:
    """The same looks at a build into which a table of another build was put by hand."""
    home = Home(tmp_path / "home").ensure()
    first, second = next_build(home, warehouse, 1), next_build(home, warehouse, 2)
    table = "mart_fx/mart_fx.parquet"
    assert look_at_parquet(home.published) == {"way": "parquet", "build": second.build_id, "problems": [], "gone": False}
    (second.path / "marts" / table).unlink()
    shutil.copy(first.path / "marts" / table, second.path / "marts" / table)
    (problem,) = look_at_parquet(home.published)["problems"]
    assert problem.startswith("mart_fx: (100, ")

    assert look_at_database(home.published)["problems"] == []
    second.database.chmod(0o644)
    with duckdb.connect(str(second.database)) as connection:
        connection.execute(f"ATTACH '{first.database}' AS old (READ_ONLY)")
        connection.execute("DELETE FROM marts.dim_series")
        connection.execute("INSERT INTO marts.dim_series FROM old.marts.dim_series")
    (problem,) = look_at_database(home.published)["problems"]
    assert problem.startswith("dim_series: (100, ")


def test_a_build_that_is_being_removed_is_no_build(warehouse: Path, tmp_path: Path) -> None:
    """Killed while it removes a build: what is left is neither listed nor offered, and the next publish sweeps it away."""
    home = Home(tmp_path / "home").ensure()
    first, second = next_build(home, warehouse, 1), next_build(home, warehouse, 2)
    half = home.published / f".removing-{first.build_id}"
    first.path.rename(half)
    (half / "undertow.duckdb").unlink()
    (home.published / ".building-1").mkdir()
    assert [build.build_id for build in list_builds(home)] == [second.build_id]
    third = next_build(home, warehouse, 3)
    assert sorted(path.name for path in home.published.iterdir()) == sorted([second.build_id, third.build_id, "current"])
    assert json.loads((home.current / "manifest.json").read_text())["build_id"] == third.build_id
