"""Texts of the world that are SQL, HTML or paths: at the command line, in the data of a build, in a user's file, in a folder's name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from orchestration.warehouse import Warehouse
from tests.integration.test_dagster import BROWSER
from tests.integration.test_pages import shown
from tests.integration.ticks import publish_copy
from undertow.archive import Archive
from undertow.cli import cli
from undertow.errors import UndertowError
from undertow.export.feast import export_feast
from undertow.landing import land, landed_files
from undertow.publish import PAGES, Build, current_build, verify
from undertow.quoting import identifier, literal
from undertow.room import load_room
from undertow.settings import Home
from undertow.store import FeatureStore

pytestmark = pytest.mark.slow

INJECTIONS = (
    "x'; DROP TABLE marts.dim_series; --",
    'x"; DROP TABLE marts.dim_series; --',
    "' OR '1'='1",
    "x') UNION SELECT * FROM marts.dim_series --",
    "bls.CUUR0000SA0' AND 1=0 UNION ALL SELECT 'owned",
    "../../../../etc/passwd",
)
COMMANDS = (
    ("known", "{}"),
    ("known", "--match", "{}"),
    ("signals", "{}"),
    ("explain", "{}"),
    ("calendar", "{}"),
    ("audit", "{}"),
    ("page", "{}"),
    ("known", "bls.CUUR0000SA0", "--build", "{}"),
    ("known", "bls.CUUR0000SA0", "--as-of", "{}"),
    ("publish", "--rollback", "{}"),
    ("export", "sdmx", "out", "--series", "{}"),
)


@pytest.fixture(scope="module")
def home(sample_home: Home, sample_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose path has quotes in it, with the build of the sample."""
    folder = tmp_path_factory.mktemp("attack") / 'it\'s a "home"; --'
    home = Home(folder).ensure()
    publish_copy(sample_build, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERTOW_HOME", str(folder))
        patch.chdir(folder.parent)
        yield home


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_command_line_takes_sql_for_a_name(home: Home, words: tuple[str, ...]) -> None:
    """Each is one sentence of ours: a name that is not known. Nothing is run, nothing is found, nothing is written."""
    for injection in INJECTIONS:
        result = CliRunner().invoke(cli, [word.replace("{}", injection) for word in words])
        said = result.output + str(result.exception)
        assert "Parser Error" not in said, said
        assert "Catalog Error" not in said, said
        assert "owned" not in result.stdout, said
        if result.exit_code == 0:  # a pattern that fits nothing
            assert "--match" in words, said
            assert "bls." not in result.stdout.replace(injection, ""), said
        else:
            assert isinstance(result.exception, UndertowError | SystemExit), said
    assert verify(current_build(home)) == []


def test_the_python_reader_takes_sql_for_a_name(home: Home) -> None:
    with FeatureStore(frame="arrow") as store:
        for injection in INJECTIONS:
            for ask in (store.as_known, store.vintages_as_known, store.signals_as_known):
                with pytest.raises(UndertowError, match="unknown"):
                    ask("2025-11-15", [injection])
                with pytest.raises(UndertowError):
                    ask(injection)
        assert store.as_known("2025-11-15", ["bls.CUUR0000SA0"]).num_rows == 1


def test_a_path_with_quotes_is_a_path(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "it's feast"
    assert export_feast(current_build(home), target)["head_rows"] > 100
    assert verify(current_build(home)) == []
    with Warehouse(home).environment():
        inside = os.environ["UNDERTOW_HOME"]
    assert duckdb.sql(f"SELECT '{inside}'").fetchall() == [(str(home.root),)]  # how the sources of the dbt project read it


OWN = """series_id,period_start,value,known_at,unit,source,licence,title,redistribution
own.x'; DROP TABLE y; --,2025-01-01,1.5,2025-02-01T12:00Z,percent,Desk,public domain,a,allowed
own.good,2025-01-01,1.5,2025-02-01T12:00Z,"%</script><script>planted()</script>","Desk'; --",public domain,"<img src=x onerror=planted()>",allowed
"""


def test_a_users_file_is_data(tmp_path: Path) -> None:
    """An id that is SQL is no id; other texts are kept as they are, and a column that no contract knows is no column."""
    archive, landing, modules = Archive(tmp_path / "archive"), tmp_path / "it's landing", load_room("file")
    header, _, second = OWN.strip().splitlines()
    for number, text in enumerate((OWN, f"{header},x); DROP TABLE y; --\n{second},1\n")):
        archive.store(
            text.encode(), source="file", dataset="vintages", url=f"own{number}.csv",
            fetched_at=datetime(2026, 11, 1, tzinfo=UTC), origin="file",
        )  # fmt: skip
    outcomes = [one for one in land(modules, archive, landing) if one.dataset == "vintages"]
    whole = next(one for one in outcomes if one.error is None)
    assert (whole.rows["observation"], whole.quarantined) == (1, 1)
    assert [one.error for one in outcomes if one.error and "DROP TABLE y" in one.error] != []
    listed = ", ".join(literal(path) for path in landed_files(landing, "file", "series"))
    (row,) = duckdb.sql(f"SELECT unit, title FROM read_parquet([{listed}])").fetchall()
    assert row == ("%</script><script>planted()</script>", "<img src=x onerror=planted()>")


PAYLOAD = (
    "\"'></td></script><script>document.title='planted'</script><img src=x onerror=\"document.title='planted'\">{legend}&amp;"
)
# what pages look things up by; everything else that is text is planted
KEYS = ("_id", "flag", "status", "basis", "component", "reference_period", "origin", "pillar", "state", "kind", "domain", "series", "tag", "verdict",
        "signal", "spoke", "event", "currency", "subject", "role", "hash", "sha256", "code", "regime", "month", "claim", "measure", "set_", "line",
        "group", "place", "zone", "frequency", "publisher_time", "rule")  # fmt: skip


@pytest.fixture(scope="module")
def planted(
    sample_build: Build, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, Any]]]:
    """The build with an attack in every text that a provider, a catalogue or a user gives."""
    database = tmp_path_factory.mktemp("planted") / "undertow.duckdb"
    shutil.copyfile(sample_build.database, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = connection.execute(
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE data_type = 'VARCHAR' AND NOT internal "
            "AND schema_name IN ('marts', 'internal') AND table_name <> 'fct_observation' AND table_name <> 'build'"
        ).fetchall()
        touched = [one for one in columns if not any(key in one[2] for key in KEYS)]
        assert {column for _, _, column in touched} >= {"title", "reason", "licence", "meaning"}
        for schema, table, column in touched:
            name = identifier(column)
            connection.execute(
                f"UPDATE {identifier(schema)}.{identifier(table)} SET {name} = {name} || ? WHERE {name} IS NOT NULL", [PAYLOAD]
            )
        yield connection, dict(sample_build.manifest)


class Tags(HTMLParser):
    """The tags of a page as a browser sees them, and the texts of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.title = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        if self._inside == "title":
            self.title += data


@pytest.fixture(scope="module")
def pages(planted: tuple[duckdb.DuckDBPyConnection, dict[str, Any]]) -> dict[str, str]:
    connection, manifest = planted
    return {name: page(connection, manifest) for name, page in PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
def test_no_text_of_the_data_becomes_a_tag(name: str, pages: dict[str, str]) -> None:
    assert "document.title" in pages[name], "nothing was planted on this page: the test would see nothing"
    page = Tags()
    page.feed(pages[name])
    assert [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "embed", "base")] == []
    assert [attrs for _, attrs in page.tags if any(key.startswith("on") for key in attrs)] == []
    kinds = [attrs.get("type") for tag, attrs in page.tags if tag == "script"]
    assert all(not text.lstrip().startswith("document.title") for text in page.scripts)
    assert kinds in ([], [None], ["application/json", None])
    assert "script-src 'unsafe-inline'" not in pages[name]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("name", ["index.html", "known.html", "signals.html"])
def test_no_text_of_the_data_runs_in_a_browser(name: str, pages: dict[str, str], tmp_path: Path) -> None:
    """Without the policy that forbids it: what keeps it out is that it is text."""
    page = pages[name].replace("Content-Security-Policy", "x-no-policy")
    assert page != pages[name]
    (tmp_path / name).write_text(page, encoding="utf-8")
    seen = Tags()
    seen.feed(shown(tmp_path / name, tmp_path))
    assert seen.title not in ("", "planted")
    assert [tag for tag, _ in seen.tags if tag == "img"] == []
