"""Tests of the repository itself: its borders, its completeness, and that what the documents name exists.

Nothing here builds a warehouse, and nothing imports Dagster, dbt or Great Expectations.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from importlib import import_module
from pathlib import Path
from zoneinfo import available_timezones

import click
import duckdb
import pytest
import yaml

from benchmarks import engines
from undertow import __version__, codegen, dictionary
from undertow.cli import cli
from undertow.engine import ENGINES
from undertow.publish import INTERNAL
from undertow.room import load_room, room_names
from undertow.settings import Home, Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("undertow", "assets", "expectations", "orchestration")
DBT = ROOT / "dbt_project"
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def project_files() -> tuple[Path, ...]:
    """Return the files of the project: tracked, or new and not ignored; without git, what is not a cache or data."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        ignored = re.compile(r"/(\.venv|data|__pycache__|\.git|\.ruff_cache|\.pytest_cache|\.hypothesis|target|logs)[^/]*/")
        found = [path for path in ROOT.rglob("*") if not ignored.search(f"/{name_of(path)}/")]
    return tuple(sorted(path for path in found if path.is_file()))


def python_files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


# --- what the documents name ---------------------------------------------------------------------------------------------

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SUFFIXES = {".py", ".yml", ".sql", ".md", ".toml", ".csv", ".lock", ".in", ".svg", ".json", ".duckdb", ".parquet", ".example"}
# Made when the project is installed or run, so not in a fresh checkout.
MADE_LATER = {
    ".env", ".venv", ".venv/bin/undertow", "manifest.json", "undertow.duckdb", "move.csv", "feature_lists.yml",
    "semantic_manifest.json", "target/semantic_manifest.json",
    "store.json", "objects.json", "landing/list.json", "published/current.json",  # in an object store
}  # fmt: skip
ZONES = available_timezones()
HOME_FOLDERS = {path.name for key, path in vars(Home("data")).items() if key not in {"root", "mode"}} | {"known_by", "dagster"}


def fences(document: Path) -> list[tuple[str, str]]:
    return FENCE.findall(document.read_text(encoding="utf-8"))


def inline(document: Path) -> list[str]:
    return INLINE.findall(FENCE.sub("", document.read_text(encoding="utf-8")))


def shell_lines(document: Path) -> Iterator[str]:
    """Yield the command lines of fenced blocks: all lines of sh blocks, lines after a $ of others."""
    for language, body in fences(document):
        for line in body.splitlines():
            if line.startswith("$ "):
                yield line[2:]
            elif language.split(" ")[0] == "sh":
                yield line


def looks_like_path(token: str) -> bool:
    if re.search(r"[\s(){}=]|://", token) or token in ZONES or re.fullmatch(r"[\d/.]+", token):
        return False
    return "/" in token.strip("/") or token.endswith("/") or Path(token).suffix in SUFFIXES or token in MADE_LATER


def path_exists(token: str) -> bool:
    token = token.removeprefix("./").rstrip("/")
    if token in MADE_LATER:
        return True
    first, _, rest = token.partition("/")
    if first == "data":
        return not rest or rest.split("/")[0] in HOME_FOLDERS
    pattern = re.sub(r"<[^>]+>", "*", token)
    if "/" not in pattern:
        return (ROOT / pattern).exists() or any(fnmatch(path.name, pattern) for path in project_files())
    return any(ROOT.glob(pattern))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_paths_in_documents_exist(document: Path) -> None:
    missing = [token for token in inline(document) if looks_like_path(token) and not path_exists(token)]
    assert missing == []


def test_the_extractor_sees_paths_and_only_paths() -> None:
    assert [t for t in ("assets/<source>/fetch.py", "series.yml", "docs/", "a/b", "../x.md") if not looks_like_path(t)] == []
    for token in ("Europe/Berlin", "duckdb:///", "known_at <= ts", "as_known(ts)", "16:00", "dbt-core>=1.11.16,<1.12", "NaN"):
        assert not looks_like_path(token), token
    assert path_exists("assets/<source>/parse.py")
    assert path_exists("data/published/current/undertow.duckdb")
    assert not path_exists("assets/nowhere/parse.py")
    assert not path_exists("data/elsewhere/")


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    lost = []
    for target in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        page = (document.parent / path) if path else document
        if not page.exists():
            lost.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
            lost += [target] if anchor not in map(slug, headings) else []
    assert lost == []


def command_fault(words: list[str], whole: bool) -> str | None:
    """Return what is wrong with ``undertow ...``; ``whole`` commands are parsed, of others the options are looked up."""
    if len(words) == 1:
        return None
    command: click.Command = cli
    if not words[1].startswith("-"):
        if words[1] not in cli.commands:
            return f"no command {words[1]}"
        command = cli.commands[words[1]]
        if isinstance(command, click.Group) and len(words) > 2:
            if words[2] not in command.commands:
                return f"no command {words[1]} {words[2]}"
            command, words = command.commands[words[2]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"-h", "--help"}
    unknown = [word for word in words if word.startswith("-") and word not in known]
    if unknown:
        return f"no option {unknown}"
    if whole and command is not cli:
        try:
            command.make_context(words[1], words[2:])
        except click.UsageError as error:
            return error.format_message()
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_in_documents_exist(document: Path) -> None:
    lines = [(line, True) for line in shell_lines(document)] + [(token, False) for token in inline(document)]
    faults = {
        line: fault
        for line, whole in lines
        if line.startswith("undertow ") and (fault := command_fault(shlex.split(line, comments=True), whole))
    }
    assert faults == {}


def test_a_wrong_command_is_noticed() -> None:
    assert command_fault(["undertow", "fathom"], False)
    assert command_fault(["undertow", "known", "--since", "2020"], False)
    assert command_fault(["undertow", "export", "fathom"], False)
    assert command_fault(["undertow", "export", "sdmx", "out", "--since", "2020"], True)
    assert command_fault(["undertow", "export", "postgres"], True)
    assert command_fault(["undertow", "known", "x", "--as-of", "yesterday"], True)
    assert command_fault(["undertow", "known", "x", "--as-of", "2025-11-15"], True) is None


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / ".ci/run"], ids=name_of)
def test_make_targets_in_documents_exist(document: Path) -> None:
    lines = [*shell_lines(document), *inline(document)]
    named = {line.split()[1] for line in lines if line.startswith("make ") and not line.startswith("make PYTHON")}
    assert named - make_targets() == set()


def test_the_makefile_has_the_promised_targets() -> None:
    assert make_targets() == {
        "help", "install", "run", "run-spark", "test", "test-engines", "check", "bench", "bench-engines", "soak", "lock", "dev",
        "docs", "dbt-docs", "licences", "audit", "clean",
    }  # fmt: skip


def test_the_page_on_engines_has_what_was_measured() -> None:
    found = json.loads((ROOT / "benchmarks" / "ENGINES.json").read_text(encoding="utf-8"))
    assert {(one["times"], one["engine"]) for one in found["builds"]} >= {
        (times, engine) for times in (1, 10, 100) for engine in ENGINES
    }
    assert engines.table(found) in (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")


def dbt_names() -> set[str]:
    return {path.stem for path in DBT.rglob("*") if path.suffix in {".sql", ".py", ".csv"}}


def is_defined(dotted: str) -> bool:
    """Tell whether a dotted name is a module of ours, a name defined in one, or an entry point group; nothing is imported."""
    if f'entry-points."{dotted}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8"):
        return True
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        module = ROOT.joinpath(*parts[:length])
        source = next((p for p in (module.with_suffix(".py"), module / "__init__.py") if p.is_file()), None)
        if source is not None:
            rest = parts[length:]
            pattern = rf"^(class|def) {rest[0]}\b|^{rest[0]}\b.*=|^__all__ = .*\"{rest[0]}\"" if rest else ""
            return bool(re.search(pattern, source.read_text(encoding="utf-8"), re.MULTILINE))
    return False


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_names_in_documents_exist(document: Path) -> None:
    """Models, seeds, python names and environment variables."""
    variables = set()
    for path in project_files():
        if path.suffix in {".py", ".sql", ".yml"} or path.name == "Makefile":
            variables |= set(re.findall(r"UNDERTOW_[A-Z0-9_]+", path.read_text(encoding="utf-8")))
    variables |= {f"UNDERTOW_{name.upper()}" for name in Settings.model_fields}
    wrong = []
    for token in inline(document):
        if re.fullmatch(r"(stg|int|fct|dim|mart|seed)_\w+", token):
            wrong += [token] if token not in dbt_names() else []
        elif re.fullmatch(rf"({'|'.join(PACKAGES)})(\.\w+)+", token) and token not in MADE_LATER:
            wrong += [token] if not is_defined(token) else []
        elif token.startswith("python -m "):
            wrong += [token] if not is_defined(token.split()[2]) else []
        elif re.fullmatch(r"UNDERTOW_[A-Z0-9_]+", token):
            wrong += [token] if token not in variables else []
    assert wrong == []


def test_the_settings_example_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"UNDERTOW_{name.upper()}", raising=False)
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^# (UNDERTOW_[A-Z_]+)=", text, re.MULTILINE)
    assert named == [f"UNDERTOW_{name.upper()}" for name in Settings.model_fields]
    assert re.search(r"^UNDERTOW_", text, re.MULTILINE) is None, "copying the example must change nothing"
    example = tmp_path / "example.env"
    example.write_text(text.replace("\n# UNDERTOW_", "\nUNDERTOW_"), encoding="utf-8")
    shown, default = Settings(_env_file=example), Settings.model_construct()  # ty: ignore[unknown-argument]
    same = ("home", "timeout_seconds", "retries", "keep_builds")
    assert [name for name in same if getattr(shown, name) != getattr(default, name)] == []


def test_this_version_is_in_the_changelog() -> None:
    assert f"\n## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_decisions_are_indexed() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [path.name for path in records if f"({path.name})" not in index] == []
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == sorted(set(numbers)), "each number once; gaps are left to records that are being written elsewhere"
    for path in records:
        headings = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequence", "When to revisit"], path.name


# --- generated files -----------------------------------------------------------------------------------------------------


def test_generated_files_are_current() -> None:
    assert codegen.outdated(ROOT) == [], "run python -m undertow.codegen"
    assert dictionary.outdated(ROOT) == [], "run make docs"


@pytest.fixture(scope="module")
def empty_build() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in the shape of a published file: contract tables, what the macros need, the macros."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts; CREATE SCHEMA internal")
    types = {"string": "varchar", "int": "integer", "timestamp": "timestamptz"}
    for table in dictionary.marts(ROOT):
        columns = ", ".join(f"{c['name']} {types.get(c['data_type'], c['data_type'])}" for c in table["columns"])
        connection.execute(f"CREATE TABLE marts.{table['name']} ({columns})")
    connection.execute(
        """
        CREATE TABLE internal.observation_head_by_time (
            series_id varchar, period_start date, period_end date, value double, known_at timestamptz,
            value_known_at timestamptz, known_at_basis varchar, obs_status varchar, flags varchar[], first_print double,
            vintage_number integer, origin varchar, superseded_at timestamptz
        );
        CREATE TABLE internal.observation_first (period_end date, series_id varchar, known_at timestamptz)
        """
    )
    seeds = {seed["name"]: seed for seed in yaml.safe_load((DBT / "seeds/_seeds.yml").read_text(encoding="utf-8"))["seeds"]}
    for name, table in INTERNAL.items():
        schema, _, seed = table.source.partition(".")
        if schema == "seeds":
            kinds = {column: types.get(kind, kind) for column, kind in seeds[seed]["config"]["column_types"].items()}
            read = f"CREATE TABLE internal.{name} AS FROM read_csv(?, columns = {kinds})"
            connection.execute(read, [str(DBT / f"seeds/{seed}.csv")])
    connection.execute((ROOT / "undertow/sql/macros.sql").read_text(encoding="utf-8"))
    yield connection
    connection.close()


def test_the_dictionary_tells_what_the_macros_give(empty_build: duckdb.DuckDBPyConnection) -> None:
    for macro in dictionary.macro_results(ROOT):
        given = empty_build.execute(f"DESCRIBE SELECT * FROM {macro.name}('2025-11-15')").fetchall()
        said = [(name, kind.upper().replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")) for name, kind, _ in macro.columns]
        assert [(name, kind.upper()) for name, kind, *_ in given] == said, macro.name


def test_the_sql_of_the_documents_is_understood(empty_build: duckdb.DuckDBPyConnection) -> None:
    blocks = [body for document in DOCUMENTS for language, body in fences(document) if language == "sql"]
    statements = [s for body in blocks if "ATTACH" not in body for s in body.split(";") if s.strip()]
    assert len(statements) >= 5
    for statement in statements:
        empty_build.execute(statement).fetchall()


def test_every_mart_is_told_to_those_who_read_the_build() -> None:
    exposures = yaml.safe_load((DBT / "models/marts/_exposures.yml").read_text(encoding="utf-8"))["exposures"]
    build = next(exposure for exposure in exposures if exposure["name"] == "published_build")
    assert sorted(build["depends_on"]) == sorted(f"ref('{table['name']}')" for table in dictionary.marts(ROOT))


# --- rooms ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", room_names())
def test_rooms_are_complete(name: str) -> None:
    room = load_room(name).room
    staging = DBT / "models/staging" / name
    wanted = [
        *(ROOT / f"assets/{name}/{file}.py" for file in ("__init__", "fetch", "parse", "assets", "checks")),
        ROOT / f"assets/{name}/series.yml",
        ROOT / f"expectations/{name}.py",
        staging / f"_{name}__sources.yml",
        staging / f"_{name}__models.yml",
        *(staging / f"stg_{name}__{table}.sql" for table in room.tables),
    ]
    assert [name_of(path) for path in wanted if not path.is_file()] == []
    assert room.name == name
    assert list((ROOT / "tests/fixtures" / name).iterdir()), "a room has fixtures"
    assert list((ROOT / "tests/unit" / name).glob("test_*.py")), "a room has unit tests"
    assert any(s.stage == "landing" and s.asset[:2] == ("landing", name) for s in import_module(f"expectations.{name}").SUITES)

    sources = yaml.safe_load((staging / f"_{name}__sources.yml").read_text(encoding="utf-8"))["sources"]
    assert [source["name"] for source in sources] == [f"landing_{name}"]
    keys = {table["name"]: table["config"]["meta"]["dagster"]["asset_key"] for table in sources[0]["tables"]}
    assert keys == {table: ["landing", name, table] for table in room.tables}
    models = yaml.safe_load((staging / f"_{name}__models.yml").read_text(encoding="utf-8"))["models"]
    assert {model["name"] for model in models if model.get("description")} == {f"stg_{name}__{t}" for t in room.tables}

    docstring = ast.get_docstring(ast.parse((ROOT / "assets" / name / "__init__.py").read_text(encoding="utf-8"))) or ""
    parts = ("Wire formats?", "Official reference", "Licence", "Traps")
    assert [part for part in parts if not re.search(rf"\*\*{part}\.\*\*", docstring)] == []


def test_no_folder_is_left_of_a_room_that_is_gone() -> None:
    for parent in (DBT / "models/staging", ROOT / "tests/fixtures"):
        folders = {path.name for path in parent.iterdir() if path.is_dir() and any(path.iterdir())}
        assert folders - set(room_names()) == set(), name_of(parent)


def test_recorded_fetch_times_belong_to_the_pinned_packages() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name in room_names():
        for dataset in load_room(name).room.datasets:
            if dataset.packaged:
                assert f"{dataset.packaged.distribution}=={dataset.packaged.version} " in lock, dataset.name


# --- borders -------------------------------------------------------------------------------------------------------------


def imports(path: Path, *, lazily: bool = True) -> list[str]:
    """Return the modules a file imports; without ``lazily`` only those that are imported when it is."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                found.append(child.module or "")
                found.extend(f"{child.module}.{alias.name}" for alias in child.names)
            is_typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            if lazily or not (isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) or is_typing):
                visit(child)

    visit(tree)
    return found


def strangers(path: Path, forbidden: tuple[str, ...], *, lazily: bool = True) -> list[str]:
    return [
        f"{name_of(path)} imports {module}"
        for module in imports(path, lazily=lazily)
        if any(module == name or module.startswith(f"{name}.") for name in forbidden)
    ]


HEAVY = ("dagster", "dagster_dbt", "dbt", "great_expectations")


def test_imports_run_downwards() -> None:
    wrong = []
    for path in python_files("undertow"):
        wrong += strangers(path, ("assets", "expectations", "orchestration", *HEAVY))
    for path in python_files("expectations"):
        wrong += strangers(path, ("assets", "orchestration", "dbt", "dagster_dbt"))
        wrong += strangers(path, HEAVY, lazily=False)
    for path in python_files("assets"):
        wrong += strangers(path, ("orchestration", "dbt", "dagster_dbt", "great_expectations"))
        room = path.relative_to(ROOT / "assets").parts[0]
        if room in room_names():
            wrong += strangers(path, ("dagster", *(f"assets.{other}" for other in room_names() if other != room)))
        if path.name in {"fetch.py", "parse.py"} or (path.name == "__init__.py" and room in room_names()):
            wrong += strangers(path, ("expectations", "assets.factory"))
    for path in [*DBT.glob("models/**/*.py")]:
        wrong += strangers(path, ("assets", "expectations", "orchestration"))
    assert wrong == []


IMPORT_IN_PEACE = """
import os, sys
from pathlib import Path

root, prefix = Path(sys.argv[1]), Path(sys.prefix)
ours = tuple(str(root / name) + os.sep for name in ("undertow", "assets"))
faults = []

def asker():
    # who asked: the nearest frame that is no part of the machinery of files and of the environment
    frame = sys._getframe(2)
    skipped = ("<frozen", os.__file__, "_collections_abc", "pathlib", "importlib", "codecs", "tokenize", "linecache")
    while frame and any(part in frame.f_code.co_filename for part in skipped):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""

def audit(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path = Path(os.fsdecode(arguments[0]))
        inside = path.is_relative_to(root) and not path.is_relative_to(prefix)
        if path.suffix not in {".py", ".pyc", ".so"} and (inside or asker().startswith(ours)):
            faults.append(f"{event} {path}")
    elif event.startswith(("socket.", "sqlite3.", "subprocess.")) or event == "os.system":
        faults.append(f"{event} {arguments}")

environ = type(os.environ)
reading = environ.__getitem__

def watched(self, key):
    if asker().startswith(ours):
        faults.append(f"environment variable {key}")
    return reading(self, key)

environ.__getitem__ = watched
sys.addaudithook(audit)
sys.path.insert(0, str(root))

import importlib
rooms = sorted(path.parent.name for path in (root / "assets").glob("*/__init__.py"))
for room in rooms:
    for module in ("", ".fetch", ".parse"):
        importlib.import_module(f"assets.{room}{module}")
heavy = [name for name in ("dagster", "dbt", "great_expectations", "duckdb", "pandas") if name in sys.modules]
if heavy:
    faults.append(f"imports {heavy}")
print("\\n".join(faults))
"""


def test_importing_a_room_touches_nothing(tmp_path: Path) -> None:
    """No file, network, environment or database, and none of the heavy libraries."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_IN_PEACE, str(ROOT)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == ""


def test_the_watch_on_imports_sees(tmp_path: Path) -> None:
    """The same watch, on a room that reads a file, the environment and a socket when it is imported."""
    room = tmp_path / "assets/nosy"
    room.mkdir(parents=True)
    (tmp_path / "assets/__init__.py").touch()
    (tmp_path / "secret.yml").touch()
    source = "import os, socket\nfrom pathlib import Path\nPath(__file__).parents[2].joinpath('secret.yml').read_text()\n"
    (room / "__init__.py").write_text(source + "os.environ.get('HOME')\nsocket.socket().close()\n")
    (room / "fetch.py").touch()
    (room / "parse.py").touch()
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_IN_PEACE, str(tmp_path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert [word for word in ("secret.yml", "environment variable HOME", "socket.") if word not in result.stdout] == []


# --- dbt -----------------------------------------------------------------------------------------------------------------

CLOCK = re.compile(
    r"\b(current_(timestamp|date|time)|localtimestamp|localtime|transaction_timestamp|get_current_timestamp|run_started_at)\b"
    r"|\b(now|today|getdate|unix_timestamp)\s*\(|datetime\.(now|utcnow|today)|date\.today|time\.time",
    re.IGNORECASE,
)


def without_comments(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return re.sub(r"--[^\n]*|\{#.*?#\}", "", text, flags=re.DOTALL) if path.suffix == ".sql" else text


def test_models_know_no_clock() -> None:
    paths = [
        p for folder in ("models", "macros", "data-tests") for p in (DBT / folder).rglob("*") if p.suffix in {".sql", ".py"}
    ]
    assert len(paths) > 30
    found = {name_of(path): match[0] for path in paths if (match := CLOCK.search(without_comments(path)))}
    assert found == {}
    assert CLOCK.search(without_comments(ROOT / "undertow/sql/macros.sql")) is None


def test_every_mart_column_is_documented() -> None:
    described = {table["name"]: table for table in dictionary.marts(ROOT)}
    assert set(described) == {path.stem for path in (DBT / "models/marts").rglob("*.sql")}
    assert yaml.safe_load((DBT / "dbt_project.yml").read_text())["models"]["undertow"]["marts"]["+contract"] == {
        "enforced": True
    }
    for name, table in described.items():
        assert table.get("description"), name
        columns = [column["name"] for column in table["columns"]]
        assert len(columns) == len(set(columns)), name
        gaps = [c["name"] for c in table["columns"] if not (c.get("description") or "").strip() or not c.get("data_type")]
        assert gaps == [], name
        assert "known_at" in columns or name == "dim_series"
        assert any("unique_rows" in test for test in table.get("data_tests") or ()), f"{name} has no key"


def test_signals_have_a_home_in_the_seed() -> None:
    with (DBT / "seeds/seed_signal.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert all(row["formula"] and row["unit"] and row["stress_dir"] in {"1", "-1", "0"} for row in rows)
    assert len({row["signal_id"] for row in rows}) == len(rows)


def test_the_page_of_signals_lists_them_all() -> None:
    """docs/signals.md: each signal of the seed once among the built ones, and no id that is none. The composite has its own page."""
    with (DBT / "seeds/seed_signal.csv").open(newline="", encoding="utf-8") as handle:
        built = {row["signal_id"] for row in csv.DictReader(handle) if not row["signal_id"].startswith("composite.")}
    domains = "|".join(sorted({name.split(".")[0] for name in built}))
    tables, _, missing = (ROOT / "docs/signals.md").read_text(encoding="utf-8").partition("## Not built, and why")
    named = re.compile(rf"`((?:{domains})\.[a-z0-9_]+)`")
    listed = [name for line in tables.splitlines() if line.startswith("| ") for name in named.findall(line)]
    assert sorted(listed) == sorted(built)
    assert set(named.findall(missing)) <= built
    rows = [line.strip("| ").split(" | ") for line in missing.splitlines() if line.startswith("| ")][2:]
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in rows)


# --- nothing that should not be there ------------------------------------------------------------------------------------

# Written in pieces, so that this file does not contain what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(" + "|".join(("work", "root", "tmp", "home", "Users")) + r")/")
SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abp]-[A-Za-z0-9-]{10,}|-----BEGIN [A-Z ]*PRIVATE" + r" KEY"
    r"|(?i:api_?key|token|secret|passwo?r?d|registrationkey)['\"]?\s*[=:]\s*['\"]?[A-Za-z0-9+/_-]{24,}"
)
REGISTRY = re.compile("|".join(re.escape(".".join(p)) for p in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))))


def texts() -> Iterator[tuple[str, str]]:
    for path in project_files():
        try:
            yield name_of(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_file_holds_a_path_of_a_machine_a_secret_or_a_registry() -> None:
    found = [
        (name, match[0])
        for name, text in texts()
        for pattern in (MACHINE_PATH, SECRET, REGISTRY)
        if (match := pattern.search(text))
    ]
    assert found == []


def test_the_patterns_see_what_they_look_for() -> None:
    assert MACHINE_PATH.search('path = "' + "/home" + '/me/x"')
    assert not MACHINE_PATH.search("https://www.example.org/home/page")
    assert SECRET.search("api_key = '" + "a1" * 16 + "'")
    assert not SECRET.search("bls_key: SecretStr | None = Field(default=None)")


def test_documents_leave_nothing_open() -> None:
    words = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
    assert [name for name, text in texts() if words.search(text) and not name.endswith((".lock", ".csv", ".txt"))] == []


@pytest.mark.parametrize("lock", sorted(ROOT.glob("*.lock")), ids=name_of)
def test_locks_hold_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    requirements = re.findall(r"^[A-Za-z][\w.-]*==[^\n]*\n", text, re.MULTILINE)
    assert requirements
    assert [line for line in requirements if not line.endswith("\\\n")] == [], "a requirement without a hash"
    assert "-e " not in text


def test_what_runs_is_what_is_tested() -> None:
    """Every pin of the runtime lock stands in the development lock, and every exact pin of the project in both."""
    pin = re.compile(r"^([A-Za-z][\w.-]*==\S+)", re.MULTILINE)
    runtime, development = (
        set(pin.findall((ROOT / f).read_text(encoding="utf-8"))) for f in ("requirements.lock", "requirements-dev.lock")
    )
    assert runtime - development == set()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {requirement for requirement in declared if "==" in requirement} - runtime == set()


# --- the worked example of docs/add-a-source.md --------------------------------------------------------------------------

LAND_THE_EXAMPLE = """
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

import assets, expectations
here = Path(sys.argv[1])
assets.__path__.append(str(here / "assets"))
expectations.__path__.append(str(here / "expectations"))

from undertow.archive import Archive
from undertow.landing import land, landed_files
from undertow.room import load_room, room_names
from undertow.sniff import check_content
from expectations.suite import suites_of

assert "example" in room_names()
modules = load_room("example")
payload = (here / "tests/fixtures/example/weekly_with_a_missing_week.csv").read_bytes()
check_content(payload, modules.room.datasets[0].content)
archive = Archive(here / "archive")
fetched_at = datetime(2026, 10, 23, tzinfo=UTC)
archive.store(payload, source="example", dataset="weekly", url="u", fetched_at=fetched_at, origin="replay")
(outcome,) = land(modules, archive, here / "landing")
assert outcome.error is None and outcome.quarantined == 0, outcome
rows = [row for path in landed_files(here / "landing", "example", "observation") for row in pq.read_table(path).to_pylist()]
print([row["value"] for row in rows], outcome.rows, len(suites_of("example")))
print([request.url for request in modules.requests(None, None)])
"""


def test_the_worked_example_works(tmp_path: Path) -> None:
    """The room of the page, made from its blocks, lands its fixture; its unit test passes."""
    for heading, body in fences(ROOT / "docs/add-a-source.md"):
        if title := re.search(r'title="([^"]+)"', heading):
            path = tmp_path / title[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-c", LAND_THE_EXAMPLE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "[101.4, None, 102.9] {'observation': 3, 'series': 1} 1",
        "['https://example.org/late-payments/weekly.csv']",
    ]
    copied = textwrap.dedent(next(body for _, body in fences(ROOT / "docs/add-a-source.md") if body.startswith("mkdir")))
    (tmp_path / "dbt_project/models/staging").mkdir(parents=True)
    (tmp_path / "dbt_project/models/staging/file").symlink_to(DBT / "models/staging/file")
    subprocess.run(["sh", "-ec", copied], cwd=tmp_path, check=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "dbt_project/models/staging/example").iterdir()}
    names = ("_example__models.yml", "_example__sources.yml", "stg_example__observation.sql", "stg_example__series.sql")
    assert sorted(made) == sorted(names)
    assert [name for name, text in made.items() if "example" not in text] == []
    assert "file" not in "".join(made.values()).replace("one Parquet file", "")
