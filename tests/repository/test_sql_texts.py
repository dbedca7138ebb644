"""SQL is never built from input: every text of SQL with a variable in it is made of constants, of quoted names and texts
(``undertow.quoting``) and of what stands in a list here with its reason.

It sees f-strings, ``format``, ``+`` and ``%`` in the source of the project. What it cannot follow is not safe and has to be listed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("undertow", "orchestration", "assets", "expectations", "dbt_project")
SQL = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE \w|DELETE FROM|CREATE (OR REPLACE |TEMP )*(TABLE|VIEW|SCHEMA|MACRO)|DROP (TABLE|SCHEMA)|ALTER TABLE"
    r"|ATTACH '|ATTACH$|COPY \(?|COMMENT ON|FROM \w|WHERE |ORDER BY|GROUP BY|LIMIT $|INNER JOIN|LEFT JOIN|UNION|EXCEPT)\b|read_parquet\("
    r"|read_csv\(|^ATTACH |DESCRIBE "
)
QUOTING = {"literal", "identifier", "int", "float", "len"}

# File and function -> the expressions that may stand in its SQL, and why. Everything else is a finding.
OURS = "names of tables and columns that our own code passes, never a user or a provider"
SAMPLE = "numbers and names of the generator of samples; nothing of it is read"
MODELS = "tables and queries over our own dbt project; _columns and _wanted quote what they read from the warehouse"
READER = "SQL that undertow.bulk made, every name of the file in it quoted"
ALLOWED: dict[tuple[str, str], tuple[set[str], str]] = {
    ("assets/sec_bdc/parse.py", ""): ({"n"}, "exponents, a tuple of numbers of the module"),
    ("assets/sec_bdc/parse.py", "_assemble"): (
        {"first", "measures", "name", "place", "tags"},
        "tags of the room's catalogue, quoted, and places that are counted from them; _RATES is a constant",
    ),
    ("assets/sec_bdc/parse.py", "_compare"): ({"rows"}, READER),
    ("assets/sec_bdc/parse.py", "_filings"): ({"columns"}, "fields of the schema"),
    ("assets/sec_bdc/parse.py", "_load_dates"): ({"_values(tags)", "read_tsv(text, 'txt.tsv', FACT, rejects)"}, READER),
    ("assets/sec_bdc/parse.py", "_load_description"): (
        {"read_tsv(text, f'{name}.tsv', required, rejects, optional)", "table"},
        "names of the constant _DESCRIPTIONS; " + READER,
    ),
    ("assets/sec_bdc/parse.py", "_load_facts"): ({"rows"}, READER),
    ("assets/sec_bdc/parse.py", "_load_filings"): ({"read_tsv(text, 'sub.tsv', SUB, rejects, SUB_MORE)"}, READER),
    ("assets/sec_bdc/sample.py", "_numbers"): (
        {"column", "facts", "filler", "place", "tag", "torn_rows", "units[place]", "value_tag"},
        SAMPLE,
    ),
    ("assets/sec_bdc/sample.py", "_wide"): ({"columns"}, SAMPLE),
    ("assets/sec_bdc/sample.py", "write_zip"): ({"num", "numbers", "old_comparatives", "soi", "txt", "wide"}, SAMPLE),
    ("assets/sec_nport/parse.py", "parse_file"): (
        {"_kept(name, catalogue)", "name.lower()", "rows"},
        "the constant TABLES, the room's catalogue, quoted, and the SQL of undertow.bulk",
    ),
    ("assets/sec_nport/sample.py", "write_zip"): ({"filler"}, SAMPLE),
    ("expectations/suite.py", "observation_metrics"): ({"extra"}, "SQL of the suites"),
    ("orchestration/engines.py", "_columns"): ({"relation"}, MODELS),
    ("orchestration/engines.py", "_run_python_model"): ({"columns", "name", "schema"}, MODELS),
    ("orchestration/engines.py", "_select"): ({"columns"}, MODELS),
    ("orchestration/engines.py", "register_landing"): (
        {"schema", "source['identifier']", "source['schema']"},
        MODELS,
    ),
    ("orchestration/engines.py", "to_warehouse"): ({"_select(connection, source)", "column", "name", "schema"}, MODELS),
    ("orchestration/parity.py", "_rows"): (
        {"apart", "joined", "listed", "name", "order", "query", "schema", "table"},
        "tables and columns of two warehouses that we built, compared by a developer",
    ),
    ("orchestration/parity.py", "compare"): ({"name"}, "the two names a and b"),
    ("undertow/asof.py", "__init__"): (
        {"head.key", "head.table", "order", "read", "where"},
        "one of two heads; each column was found in COLUMNS by _read_columns",
    ),
    ("undertow/bulk.py", "_typed"): ({"columns", "table"}, OURS),
    ("undertow/bulk.py", "inspect"): (
        {"key", "rows", "said", "wrong"},
        "columns and keys of the schemas, words of the vocabulary quoted",
    ),
    ("undertow/bulk.py", "write_table"): ({"_typed(table)", "order", "provenance"}, OURS + "; provenance is quoted"),
    ("undertow/bulk.py", "quarantine"): ({"self._files[name]", "table"}, "tables that are numbered here, and " + OURS),
    ("undertow/bulk.py", "read_tsv"): ({"rejects.watch(name)"}, "options with numbers of ours"),
    ("undertow/comparison.py", ""): ({"name"}, "columns of a constant"),
    ("undertow/explain.py", "_change"): ({"key", "table"}, "a table and its key, chosen in explain from two"),
    ("undertow/explain.py", "_in_force"): ({"state"}, OURS),
    ("undertow/explain.py", "_in_span"): ({"state"}, OURS),
    ("undertow/explain.py", "_inputs"): (
        {"days", "lineage.length", "state", "wanted"},
        "lineage of the module, and days made of dates",
    ),
    ("undertow/explain.py", "_match"): ({"digest"}, "columns of the module's lineage"),
    ("undertow/explain.py", "_newer"): ({"key", "table"}, "a table and its key, chosen in explain from two"),
    ("undertow/explain.py", "_period"): ({"key", "panel", "table"}, "a table and its key, chosen in explain from two"),
    ("undertow/explain.py", "explain"): ({"key", "table"}, "a table and its key, chosen here from two"),
    ("undertow/export/postgres.py", "_csv"): ({"selected"}, "_Column.selected, which quotes the name"),
    ("undertow/history.py", "_compact_one"): ({"_query(name, rows)", "columns"}, "fields of the schemas; the files are quoted"),
    ("undertow/history.py", "_query"): ({"rows", "said"}, "fields of the schemas; the files are quoted"),
    ("undertow/publish.py", "_copy_tables"): ({"order", "table.name", "table.order", "table.query"}, MODELS),
    ("undertow/publish.py", "_digest"): ({"query"}, MODELS),
    ("undertow/publish.py", "_select"): ({"_columns(connection, schema, table)"}, MODELS),
    ("undertow/publish.py", "_wanted"): ({"internal.query", "whole"}, MODELS),
    ("undertow/store.py", "_read"): ({"key", "macro", "order", "where"}, OURS),
    ("undertow/store.py", "_require_known"): ({"key", "register", "schema"}, OURS),
}
LISTED = {(file, function, one) for (file, function), (expressions, _) in ALLOWED.items() for one in expressions}


@cache
def source(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for parent in ast.walk(tree):
        for child in ast.iter_child_nodes(parent):
            child.parent = parent  # ty: ignore[unresolved-attribute]
    return tree


def constant(node: ast.expr) -> str:
    """Return the fixed text in an expression."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(constant(value) if isinstance(value, ast.Constant) else "\0" for value in node.values)
    if isinstance(node, ast.BinOp):
        return constant(node.left) + "\0" + constant(node.right)
    return ""


def function_of(node: ast.AST) -> ast.AST | None:
    while not isinstance(node, ast.FunctionDef | ast.Module):
        node = node.parent  # ty: ignore[unresolved-attribute]
    return node


class Judge:
    """Tells of the expressions of one file whether they can hold nothing but what our own code says."""

    def __init__(self, path: Path, root: Path = ROOT) -> None:
        self.name = path.relative_to(root).as_posix()
        self.tree = source(path)

    def unsafe(self, node: ast.expr, seen: frozenset[str] = frozenset()) -> Iterator[ast.expr]:  # noqa: C901
        """Yield the parts of an expression that are not known to be safe."""
        match node:
            case ast.Constant():
                return
            case ast.JoinedStr():
                parts: list[ast.expr] = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
            case ast.BinOp(op=ast.Add() | ast.Mod() | ast.Mult()):
                parts = [node.left, node.right]
            case ast.IfExp():
                parts = [node.body, node.orelse]
            case ast.BoolOp() | ast.Tuple() | ast.List():
                parts = node.values if isinstance(node, ast.BoolOp) else node.elts
            case ast.Starred():
                parts = [node.value]
            case ast.GeneratorExp() | ast.ListComp():
                parts = [node.elt]
            case ast.Call(func=ast.Name(id=called)) if called in QUOTING:
                return
            case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id=called), _]) if called in QUOTING:
                return
            case ast.Call(func=ast.Attribute(attr="join", value=ast.Constant()), args=[joined]):
                parts = [joined]
            case ast.Call(func=ast.Attribute(attr="format", value=shape)):
                parts = [shape, *node.args, *(keyword.value for keyword in node.keywords)]
            case ast.Name(id=name) if name.strip("_").isupper():
                return
            case ast.Attribute(attr=name) if name.isupper():
                return
            case ast.Attribute(attr="value", value=ast.Attribute(attr=name)) if name.isupper():
                return  # a member of an enum
            case ast.Name(id=name) if name not in seen:
                values = list(self._values(node, name))
                if not values or None in values:
                    yield node
                    return
                for value in values:
                    if value is not None and list(self.unsafe(value, seen | {name})):
                        yield node
                        return
                return
            case ast.Name():
                return  # it is judged already, further out
            case _:
                yield node
                return
        for part in parts:
            yield from self.unsafe(part, seen)

    def _values(self, node: ast.AST, name: str) -> Iterator[ast.expr | None]:
        """Yield what a name is set to in its function; None for what cannot be followed."""
        scope = function_of(node)
        assert scope is not None
        for one in ast.walk(scope):
            match one:
                case ast.Assign(targets=[ast.Name(id=set_)], value=value) if set_ == name:
                    yield value
                case ast.AugAssign(target=ast.Name(id=set_), value=value) if set_ == name:
                    yield value
                case ast.AnnAssign(target=ast.Name(id=set_), value=value) if set_ == name:
                    yield value
                case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value) if name in {
                    getattr(t, "id", "") for t in targets
                }:
                    place = [getattr(t, "id", "") for t in targets].index(name)
                    yield value.elts[place] if isinstance(value, ast.Tuple) else None
                case ast.comprehension(target=target, iter=values) | ast.For(target=target, iter=values) if name in {
                    part.id for part in ast.walk(target) if isinstance(part, ast.Name)
                }:
                    yield self._members(target, values)
                case ast.arg(arg=set_) if set_ == name and set_ not in QUOTING:
                    yield None

    def _members(self, target: ast.expr, values: ast.expr) -> ast.expr | None:
        """Return what a loop goes through, where it is written down or is a constant of the module."""
        if isinstance(values, ast.Call) and isinstance(values.func, ast.Attribute) and values.func.attr == "items":
            values = values.func.value
        if isinstance(values, ast.Call) and isinstance(values.func, ast.Name) and values.func.id == "range":
            return ast.Constant(0)
        if isinstance(values, ast.Tuple | ast.List):
            return values
        if isinstance(values, ast.Name) and values.id.strip("_").isupper():
            return values
        return None

    def findings(self) -> Iterator[tuple[str, str, str]]:
        for node in ast.walk(self.tree):
            match node:
                case ast.JoinedStr() if SQL.search(constant(node)):
                    found = self.unsafe(node)
                case ast.BinOp(op=ast.Add() | ast.Mod()) if SQL.search(constant(node)) and not isinstance(
                    node.parent, ast.BinOp
                ):  # ty: ignore[unresolved-attribute]
                    found = self.unsafe(node)
                case ast.Call(func=ast.Attribute(attr="format", value=shape)) if self._is_sql(shape):
                    found = self.unsafe(node)
                case _:
                    continue
            where = function_of(node)
            for part in found:
                yield self.name, getattr(where, "name", ""), ast.unparse(part)

    def _is_sql(self, shape: ast.expr) -> bool:
        if isinstance(shape, ast.Constant | ast.JoinedStr):
            return SQL.search(constant(shape)) is not None
        name = shape.id if isinstance(shape, ast.Name) else ""
        for one in self.tree.body:
            if isinstance(one, ast.Assign) and any(getattr(target, "id", None) == name for target in one.targets):
                return SQL.search(constant(one.value)) is not None
        return isinstance(shape, ast.Attribute) and shape.attr == "query"


def files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def test_sql_is_never_built_from_input() -> None:
    found = {finding for path in files() for finding in Judge(path).findings()}
    assert sorted(found - LISTED) == [], "quote it with undertow.quoting, pass it as a parameter, or list it with its reason"
    assert sorted(LISTED - found) == [], "listed and not there any more"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("def f(c, x): c.execute(f'SELECT * FROM {x}')", ["x"]),
        ("def f(c, x): c.execute('SELECT * FROM a WHERE b = ' + x)", ["x"]),
        ("def f(c, x): c.execute('SELECT * FROM a WHERE b = %s' % x)", ["x"]),
        ("def f(c, x): c.execute('SELECT * FROM a WHERE b = {}'.format(x))", ["x"]),
        ("Q = 'SELECT * FROM {t}'\ndef f(c, x): c.execute(Q.format(t=x))", ["x"]),
        ("def f(c, x):\n    y = f'{x}'\n    c.execute(f'DELETE FROM {y}')", ["y"]),
        ("def f(c, x):\n    y = 'a'\n    y += x\n    c.execute(f'DELETE FROM {y}')", ["y"]),
        ("def f(c, rows): c.execute(f\"SELECT {', '.join(r for r in rows)} FROM a\")", ["r"]),
        ("def f(c, rows):\n    for r in rows:\n        c.execute(f'DROP TABLE {r}')", ["r"]),
        ("def f(c, x): c.execute(f'ATTACH {x.path}')", ["x.path"]),
        ("def f(c, x): c.execute(f\"SELECT '{str(x)}' FROM a\")", ["str(x)"]),
        ("def f(c, x): c.execute(f'SELECT * FROM {identifier(x)} LIMIT {int(x)}')", []),
        ("def f(c, rows): c.execute(f\"SELECT {', '.join(literal(r) for r in rows)} FROM a\")", []),
        ("T = 'a'\ndef f(c):\n    for r in ('a', 'b'):\n        c.execute(f'DROP TABLE {r}, {T}')", []),
    ],
)
def test_the_judge_sees_what_it_looks_for(text: str, parts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(text)
    assert [expression for _, _, expression in Judge(path, tmp_path).findings()] == parts
