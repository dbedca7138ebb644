"""The marts in PostgreSQL: a real server, which the tests start and stop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from tests.integration.commands import call
from tests.integration.postgres_server import Server, running_server
from undertow.dictionary import marts
from undertow.errors import UndertowError, UsageError
from undertow.export.postgres import export_postgres
from undertow.publish import Build, current_build
from undertow.settings import Home

ROOT = Path(__file__).resolve().parents[2]
LONG = ("fct_observation", "dim_release_calendar", "fct_release_event", "mart_release_quality", "dim_series")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("postgres") / "server") as running:
        yield running


@pytest.fixture(autouse=True)
def _empty(server: Server) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS marts CASCADE; DROP SCHEMA IF EXISTS bi CASCADE")


def changed(build: Build, root: Path, mark: str, statements: str, touched: tuple[str, ...]) -> Build:
    """A home with one build: a copy of another, with some tables changed."""
    folder = Home(root).ensure().published / f"{build.build_id}-{mark}"
    folder.mkdir()
    shutil.copyfile(build.database, folder / "undertow.duckdb")
    manifest = json.loads(json.dumps(dict(build.manifest)))
    with duckdb.connect(str(folder / "undertow.duckdb")) as connection:
        connection.execute(statements)
        left = {
            row[0]
            for row in connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall()
        }
        manifest["tables"] = {name: table for name, table in manifest["tables"].items() if name in left}
        for name in left.intersection(touched):
            manifest["tables"][name] |= {
                "rows": connection.execute(f"SELECT count(*) FROM marts.{name}").fetchall()[0][0],
                "content": f"{mark}:{name}",
            }
    manifest["build_id"] = folder.name
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder.parent / "current").symlink_to(folder.name)
    return current_build(Home(root))


@pytest.fixture(scope="module")
def build(sample_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The sample build without most rows of its long tables."""
    cut = ";".join(f"DELETE FROM marts.{name} WHERE rowid >= 5000" for name in LONG)
    return changed(sample_build, tmp_path_factory.mktemp("short"), "short", cut, LONG)


@pytest.fixture(scope="module")
def later(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A later build: other signals, one mart more and one gone."""
    statements = (
        "UPDATE marts.mart_signal_long SET value = value + 1;"
        "CREATE TABLE marts.mart_new AS SELECT 1 AS n, [{'a': 2}] AS things; DROP TABLE marts.mart_labour"
    )
    manifest = dict(build.manifest)
    with_new = Build(build.build_id, build.path, manifest | {"tables": manifest["tables"] | {"mart_new": {}}})
    return changed(with_new, tmp_path_factory.mktemp("later"), "later", statements, ("mart_signal_long", "mart_new"))


def holds(server: Server, schema: str = "marts") -> set[str]:
    """The builds that a reader finds in the schema."""
    with server.connect() as connection:
        return {row[0] for row in connection.execute(f"SELECT DISTINCT build_id FROM {schema}.undertow_build").fetchall()}


def plain(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=UTC) if isinstance(value, datetime) else value


def sorted_rows(rows: list[tuple]) -> list[str]:
    return sorted(repr(tuple(map(plain, row))) for row in rows)


# --- what is there afterwards ----------------------------------------------------------------------------------------------


def test_every_row_of_every_mart_arrives(server: Server, build: Build) -> None:
    summary = export_postgres(build, server.url)
    assert sorted(summary["written"]) == sorted(build.manifest["tables"])
    compared = 0
    with server.connect() as connection, duckdb.connect(str(build.database), read_only=True) as published:
        published.execute("SET TimeZone = 'UTC'")
        for name in build.manifest["tables"]:
            there = connection.execute(f"SELECT * FROM marts.{name}").fetchall()
            assert sorted_rows(there) == sorted_rows(published.execute(f"SELECT * FROM marts.{name}").fetchall()), name
            compared += len(there)
        types = dict(
            connection.execute(
                "SELECT column_name, data_type || ' ' || udt_name FROM information_schema.columns "
                "WHERE table_schema = 'marts' AND table_name = 'mart_signal_long'"
            ).fetchall()
        )
        assert types["known_at"] == "timestamp with time zone timestamptz"
        assert types["flags"] == "ARRAY _text"
        assert types["value"] == "double precision float8"
        (row,) = connection.execute(
            "SELECT value, known_at, flags FROM marts.mart_signal_long WHERE signal_id = 'inflation.cpi_all_12m' "
            "AND period_start = '2025-09-01' AND vintage_number = 1"
        ).fetchall()
    assert row[0] == pytest.approx(3.0127, abs=5e-5)
    assert row[1] == datetime(2025, 10, 24, 12, 30, tzinfo=UTC)
    assert row[2] == []
    assert compared == summary["rows"] > 80_000


def test_texts_that_look_like_something_else(server: Server, build: Build, tmp_path: Path) -> None:
    """Commas, quotes, braces, backslashes, NULL as a word, the empty text, the empty list, no text at all, line ends."""
    odd = ["a,b", 'say "so"', "{x}", "back\\slash", "NULL", "", "two\nlines", "ä€"]
    table = (
        "CREATE TABLE marts.mart_odd (word VARCHAR, words VARCHAR[], n BIGINT, x DOUBLE, moment TIMESTAMPTZ, thing STRUCT(a INT));"
        + "".join(
            f"INSERT INTO marts.mart_odd VALUES ({q(word)}, [{q(word)}, NULL], 1, 'NaN', '1890-01-01', {{'a': 1}});"
            for word in odd
        )
        + "INSERT INTO marts.mart_odd VALUES (NULL, [], NULL, 'Infinity', NULL, NULL), (NULL, NULL, 9007199254740993, 0.1, NULL, NULL)"
    )
    more = Build(build.build_id, build.path, dict(build.manifest) | {"tables": {"mart_odd": {}}})
    export_postgres(changed(more, tmp_path, "odd", table, ("mart_odd",)), server.url)
    with server.connect() as connection:
        rows = connection.execute("SELECT word, words, n, x, moment, thing FROM marts.mart_odd").fetchall()
    assert [row[0] for row in rows] == [*odd, None, None]
    assert [row[1] for row in rows] == [*([word, None] for word in odd), [], None]
    assert [row[2] for row in rows[-2:]] == [None, 9007199254740993]
    assert (rows[-2][3], rows[-1][3]) == (float("inf"), 0.1)
    assert rows[0][3] != rows[0][3]
    assert (rows[0][4], rows[0][5], rows[-1][5]) == (datetime(1890, 1, 1, tzinfo=UTC), {"a": 1}, None)


def q(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def test_tables_and_columns_say_what_they_are(server: Server, build: Build) -> None:
    """The descriptions of the dbt yml are the comments, of every mart and every column."""
    export_postgres(build, server.url)
    with server.connect() as connection:
        tables = dict(
            connection.execute(
                "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class WHERE relnamespace = 'marts'::regnamespace AND relkind = 'r'"
            ).fetchall()
        )
        columns = {
            (table, column): says
            for table, column, says in connection.execute(
                "SELECT c.relname, a.attname, col_description(c.oid, a.attnum) FROM pg_class AS c "
                "JOIN pg_attribute AS a ON a.attrelid = c.oid WHERE c.relnamespace = 'marts'::regnamespace AND a.attnum > 0"
            ).fetchall()
        }
    for mart in marts(ROOT):
        assert tables[mart["name"]] == " ".join(mart["description"].split()), mart["name"]
        for column in mart["columns"]:
            assert " ".join(columns[mart["name"], column["name"]].split()) == " ".join(column["description"].split())


def test_psql_reads_it(server: Server, build: Build) -> None:
    """A SQL client of its own kind."""
    if not server.psql.exists():
        pytest.skip("this machine has no psql")
    export_postgres(build, server.url)
    query = "SELECT obs_status, count(*) FROM marts.mart_signal_long WHERE known_at <= '2025-11-15Z' GROUP BY 1 ORDER BY 1"
    done = subprocess.run(
        [server.psql, "-At", "-h", "127.0.0.1", "-p", str(server.port), "-U", "loader", "-d", "postgres", "-c", query],
        env={**os.environ, "PGPASSWORD": server.password}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    with duckdb.connect(str(build.database), read_only=True) as published:
        expected = published.execute(query.replace("'2025-11-15Z'", "TIMESTAMPTZ '2025-11-15 00:00:00+00'")).fetchall()
    assert done.stdout.split() == [f"{status}|{count}" for status, count in expected]
    assert len(expected) >= 1


# --- again, and another build ----------------------------------------------------------------------------------------------


def test_the_same_build_again_writes_nothing(server: Server, build: Build) -> None:
    export_postgres(build, server.url)
    with server.connect() as connection:
        before = connection.execute(
            "SELECT oid, relfilenode FROM pg_class WHERE relnamespace = 'marts'::regnamespace"
        ).fetchall()
    summary = export_postgres(build, server.url)
    assert (summary["written"], len(summary["unchanged"])) == ([], len(build.manifest["tables"]))
    with server.connect() as connection:
        assert (
            connection.execute("SELECT oid, relfilenode FROM pg_class WHERE relnamespace = 'marts'::regnamespace").fetchall()
            == before
        )


def test_a_later_build_writes_what_changed(server: Server, build: Build, later: Build) -> None:
    """Views and grants on a table stay; a mart that is gone goes, a new one comes."""
    export_postgres(build, server.url)
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE ROLE reader; CREATE SCHEMA bi; GRANT SELECT ON marts.mart_signal_long TO reader")
        connection.execute("CREATE VIEW bi.level AS SELECT sum(value) AS total FROM marts.mart_signal_long")
        before = connection.execute("SELECT total FROM bi.level").fetchone()
    summary = export_postgres(later, server.url)
    assert (summary["written"], summary["dropped"]) == (["mart_new", "mart_signal_long"], ["mart_labour"])
    assert holds(server) == {later.build_id}
    with server.connect(autocommit=True) as connection:
        counted = connection.execute("SELECT count(value) FROM marts.mart_signal_long").fetchone()
        after = connection.execute("SELECT total FROM bi.level").fetchone()
        assert (before, counted) != (None, None)
        assert after[0] == pytest.approx(before[0] + counted[0])  # ty: ignore
        assert connection.execute("SELECT has_table_privilege('reader', 'marts.mart_signal_long', 'SELECT')").fetchone() == (
            True,
        )
        assert connection.execute("SELECT things FROM marts.mart_new").fetchone() == ([{"a": 2}],)
        connection.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_a_view_on_a_table_that_must_go_is_named(server: Server, build: Build, later: Build) -> None:
    export_postgres(build, server.url)
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE SCHEMA bi; CREATE VIEW bi.work AS SELECT * FROM marts.mart_labour")
    with pytest.raises(UndertowError, match=r"nothing was exported.*view bi\.work depends on table marts\.mart_labour"):
        export_postgres(later, server.url)
    assert holds(server) == {build.build_id}


# --- readers see whole builds ----------------------------------------------------------------------------------------------


def test_readers_see_one_build_or_the_other(server: Server, build: Build, later: Build) -> None:
    """While two builds are exported in turns, a reader's transaction never sees signals of one beside the name of the other."""
    export_postgres(build, server.url)
    totals = {}
    for one in (build, later):
        with duckdb.connect(str(one.database), read_only=True) as published:
            totals[one.build_id] = published.execute(
                "SELECT count(value), round(sum(value)) FROM marts.mart_signal_long"
            ).fetchone()
    seen, waits, over = [], [], threading.Event()

    def read() -> None:
        with server.connect() as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not over.is_set():
                begun = time.monotonic()
                with connection.transaction():
                    (name,) = connection.execute("SELECT DISTINCT build_id FROM marts.undertow_build").fetchall()
                    told = connection.execute("SELECT count(value), round(sum(value)) FROM marts.mart_signal_long").fetchone()
                seen.append((name[0], told))
                waits.append(time.monotonic() - begun)

    reader = threading.Thread(target=read)
    reader.start()
    # one table more and one less needs a lock that readers of it would wait for; the signals' readers do not
    for one in (later, build, later, build):
        export_postgres(one, server.url)
    over.set()
    reader.join()
    assert {name for name, _ in seen} == set(totals)
    assert [(name, told) for name, told in seen if told != totals[name]] == []
    assert len(seen) > 20
    assert max(waits) < 5


def test_killed_in_the_middle_readers_keep_the_old_build(server: Server, build: Build, sample_home: Home) -> None:
    export_postgres(build, server.url)
    environment = {**os.environ, "UNDERTOW_HOME": str(sample_home.root), "PGPASSWORD": server.password}
    url = server.url.replace(f":{server.password}", "")
    process = subprocess.Popen([sys.executable, "-m", "undertow", "export", "postgres", "--to", url], env=environment)
    at_work = "SELECT count(*) FROM pg_stat_progress_copy WHERE tuples_processed > 100000"
    with server.connect(autocommit=True) as watch:
        until = time.monotonic() + 120
        while watch.execute(at_work).fetchone() == (0,):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        with pytest.raises(UndertowError, match="another export is writing the schema 'marts'"):
            export_postgres(build, server.url)
        process.kill()
        process.wait(30)
        while watch.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'undertow'").fetchone() != (0,):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert holds(server) == {build.build_id}
        assert watch.execute("SELECT count(*) FROM marts.fct_observation").fetchone() == (5000,)
    assert export_postgres(build, server.url)["written"] == []


# --- errors ----------------------------------------------------------------------------------------------------------------


def test_the_command(server: Server, build: Build) -> None:
    url = server.url.replace(f":{server.password}", "")
    home = build.path.parents[1]
    os.environ["PGPASSWORD"] = server.password
    try:
        done = call(home, "export", "postgres", "--to", url, "--schema", 'odd "name"; --', "--format", "json")
    finally:
        del os.environ["PGPASSWORD"]
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["build_id"], summary["schema"]) == (build.build_id, 'odd "name"; --')
    with server.connect(autocommit=True) as connection:
        assert connection.execute('SELECT count(*) FROM "odd ""name""; --".mart_signal_long').fetchone()[0] > 40_000  # ty: ignore
        connection.execute('DROP SCHEMA "odd ""name""; --" CASCADE')
    again = call(home, "export", "postgres", "--to", server.url)
    assert again.stdout.startswith(
        f"build {build.build_id} is in schema marts: {len(build.manifest['tables'])} tables written, 0 unchanged, "
    )


def test_errors_are_one_sentence_without_the_password(server: Server, build: Build) -> None:
    home = build.path.parents[1]
    wrong = server.url.replace(server.password, "Secret-7")
    closed = server.url.replace(f":{server.port}/", ":9/").replace(server.password, "Secret-7")
    for url, says in {
        wrong: "password authentication failed",
        closed: "onnection refused",
        "postgresql://loader:Secret-7@127.0.0.1/x?nonsense=Secret-7": "the address cannot be read",
        "http://loader:Secret-7@127.0.0.1/": "the address cannot be read",
    }.items():
        done = call(home, "export", "postgres", "--to", url)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
        assert "Secret-7" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_schema_that_is_not_ours_is_left_alone(server: Server, build: Build) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.mart_fx (mine int)")
    with pytest.raises(UsageError, match="holds mart_fx, which Undertow did not write; name another schema"):
        export_postgres(build, server.url)
    with server.connect() as connection:
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'marts'::regnamespace").fetchone() == (1,)


def test_without_psycopg_it_says_what_to_install(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match=r"psycopg is not installed; install undertow\[postgres\]"):
        export_postgres(build, "postgresql://localhost/x")
