"""Writes ``docs/data-dictionary.md`` from what the project itself says of its data: ``python -m undertow.dictionary``.

Tables, columns, types and rules come from the yml files of the marts; flags, statuses, signals and releases from the
seeds; arguments and result columns of the macros from ``undertow/sql/macros.sql``. Only what none of them says (columns
that exist in a macro's result alone) is written here. The same input gives the same page; a test calls ``outdated``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from undertow.atomic import write_text

__all__ = ["PAGE", "MacroResult", "generated", "macro_results", "main", "marts", "outdated"]

PAGE = "docs/data-dictionary.md"

# Types of the dbt contracts, as the published file shows them.
_TYPES = {"string": "varchar", "int": "integer", "timestamp": "timestamptz"}

# What each table macro is for, and the mart that describes the columns it passes on.
_MACROS = {
    "as_known": (
        "One row a series: the newest reference period that had a value at `ts`, and what later periods of its release were "
        "then called.",
        ("fct_observation", "dim_series"),
    ),
    "headline_as_known": (
        "The headline series (`seed_headline`) in their order, as `as_known` tells them, and in its place each release of "
        "which only the calendar is known: which period had come by `ts`, and what later ones were called.",
        ("fct_observation", "dim_series"),
    ),
    "vintages_as_known": (
        "Every period of every series as it stood at `ts`, missing ones included.",
        ("fct_observation",),
    ),
    "signals_as_known": (
        "One row a signal: the newest period that had a value at `ts`, and whether a newer one has none.",
        ("mart_signal_long",),
    ),
    "reserve_ampleness": (
        "The five measures of ample reserves as known at `ts`: of the newest period that had a value or, with `day`, of the "
        "newest that touches its month. A measure of which nothing is known has a row that says so.",
        ("mart_reserve_ampleness",),
    ),
    "calendar_as_known": (
        "The release calendar as it stood at `ts`.",
        ("dim_release_calendar",),
    ),
}

# Columns that only the macros have, and columns that mean a little more there: (type, meaning) by name or by macro.name.
_COLUMNS = {
    "age_days": ("bigint", "Days from the end of the period to the day of `ts`."),
    "as_of": ("timestamptz", "The instant that was asked for."),
    "availability": ("varchar", "What there is of the measure: public, approximate or missing."),
    "first_print": ("double", "First value that was ever published of the period."),
    "later_periods": (
        "struct(reference_period varchar, status varchar, scheduled_at timestamptz, reason varchar)[]",
        "Later periods of the release in which the series would publish and has no value, oldest first, as they were called "
        "at `ts`: scheduled, rescheduled, pending, cancelled, merged or permanent_gap.",
    ),
    "missing_because": (
        "varchar",
        "Why the measure has no value or no place: not published, nothing was known of it, no value and its status, or too "
        "few earlier values to place it; null where it has both.",
    ),
    "n_releases_without": (
        "bigint",
        "Releases of later periods, of the last two years, that took place without a value of this series in our data; where "
        "there are any, the series has ended or we lack the payload, and the columns on later periods are empty.",
    ),
    "n_revisions": ("integer", "How often the state of the period had changed by then."),
    "newer_obs_status": ("varchar", "Observation status of that newer period."),
    "newer_period_without_value": ("date", "End of the newest period of the signal, where that one has no value."),
    "next_period": ("varchar", "Reference period of the oldest of `later_periods`."),
    "next_release_at": ("timestamptz", "Next planned release after `ts`, as planned then."),
    "next_status": ("varchar", "Status of the oldest of `later_periods`."),
    "position": ("integer", "Place of the row in the list of headline series."),
    "revision": ("double", "`value` minus `first_print`."),
    "section": ("varchar", "Heading under which pages show the row."),
    "source_url": ("varchar", "Page of the provider."),
    "stands_for": ("varchar", "What the number is, in words, and what it is not."),
    "title": ("varchar", "Title in words."),
    "reserve_ampleness.known_at": ("timestamptz", "Instant (UTC) at which this value became known."),
    "reserve_ampleness.position": ("integer", "Place of the measure, clockwise from the top."),
    "headline_as_known.flags": (
        "varchar[]",
        "Quality flags of the value, with STALE and DELAYED as seen from `ts` in front; without a value DELAYED alone.",
    ),
    "headline_as_known.known_at": (
        "timestamptz",
        "Instant (UTC) at which this value became known; without a value, at which the release came.",
    ),
    "headline_as_known.period_end": (
        "date",
        "Last day of the period; without a value, of the newest period of the release that had come.",
    ),
    "headline_as_known.series_id": ("varchar", "The series; null where only the calendar of `release_id` is known."),
    "as_known.flags": (
        "varchar[]",
        "Quality flags of the value, with STALE and DELAYED as seen from `ts` in front.",
    ),
    "as_known.known_at": ("timestamptz", "Instant (UTC) at which this value became known."),
    "calendar_as_known.lapse_id": (
        "varchar",
        "As in `dim_release_calendar`; of a pending release the lapse that closed its agency when it was due, or that had "
        "ended by no more days than it lasted.",
    ),
    "calendar_as_known.status": (
        "varchar",
        "As in `dim_release_calendar`; pending where the planned instant had passed and nothing was known of a release.",
    ),
    "signals_as_known.flags": ("varchar[]", "Quality flags of the value, with STALE as seen from `ts` in front."),
}

_MACRO = re.compile(r"^create or replace macro (\w+)\(([^)]*)\) as table\n(.*?);$", re.MULTILINE | re.DOTALL)
_REF = re.compile(r"ref\('(\w+)'\)")


@dataclass(frozen=True)
class MacroResult:
    """One table macro of the published file: its arguments and the name, type and meaning of each column it gives."""

    name: str
    arguments: tuple[str, ...]
    says: str
    columns: tuple[tuple[str, str, str], ...]


def generated(root: Path) -> dict[str, str]:
    """Return the generated page of the project in ``root``: path below it -> content.

    Raises:
        ValueError: a macro or one of its columns is described nowhere.
    """
    tables = marts(root)
    parts = [
        "# Data dictionary",
        f"Written by `python -m undertow.dictionary` (`make docs`); a test fails when it is out of date. "
        f"It describes the {len(tables)} tables and {len(_MACROS)} table macros of a published build.",
        "The DuckDB file is `data/published/current/undertow.duckdb`, with the tables in schema `marts`; the same tables are "
        "Parquet files in `data/published/current/marts/<table>/`. Instants are UTC. Table macros take `ts`, an instant as "
        "text, for example `2025-11-15T00:00Z` or `2025-12-10 14:00 America/New_York`; a text without a zone is UTC.",
        _contents(tables),
        "## Tables",
        *(_table_section(table) for table in tables),
        "## Macros",
        *(_macro_section(macro) for macro in macro_results(root)),
        *_seed_sections(root),
    ]
    return {PAGE: "\n\n".join(parts) + "\n"}


def outdated(root: Path) -> list[str]:
    """Return the generated pages below ``root`` that are missing or differ from what would be written."""
    return [
        name
        for name, text in generated(root).items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text
    ]


def marts(root: Path) -> list[Mapping[str, Any]]:
    """Return the yml descriptions of the marts, dimensions and facts first."""
    found = [
        model
        for path in sorted((root / "dbt_project/models/marts").rglob("*.yml"))
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models") or ()
    ]
    return sorted(found, key=lambda model: (not model["name"].startswith(("dim_", "fct_")), model["name"]))


def macro_results(root: Path) -> list[MacroResult]:
    """Return the table macros of the published file, the most used first.

    Raises:
        ValueError: a macro or one of its columns is described nowhere.
    """
    described = {model["name"]: {column["name"]: column for column in model["columns"]} for model in marts(root)}
    text = (root / "undertow/sql/macros.sql").read_text(encoding="utf-8")
    results = []
    for name, arguments, body in _MACRO.findall(text):
        if name not in _MACROS:
            raise ValueError(f"undertow/dictionary.py does not describe the macro {name}")
        says, tables = _MACROS[name]
        columns = [_macro_column(name, column, [described[table] for table in tables]) for column in _selected(body)]
        results.append(MacroResult(name, tuple(a.strip() for a in arguments.split(",")), says, tuple(columns)))
    return sorted(results, key=lambda macro: list(_MACROS).index(macro.name))


def _macro_column(macro: str, name: str, tables: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """Return name, type and meaning of one column of a macro: from the table above, or from a mart that has it."""
    for key in (f"{macro}.{name}", name):
        if key in _COLUMNS:
            return name, *_COLUMNS[key]
    for table in tables:
        if name in table:
            return name, _type(table[name]), _sentence(table[name])
    raise ValueError(f"undertow/dictionary.py does not describe the column {name} of the macro {macro}")


def _selected(body: str) -> list[str]:
    """Return the column names of the last select that starts a line of a macro's body."""
    body = re.sub(r"--[^\n]*", "", body)
    select = body[body.rindex("\nselect\n") + len("\nselect\n") :]
    columns, depth, start = [], 0, 0
    select = select[: select.index("\nfrom ")]
    for position, letter in enumerate(select + ","):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            columns.append(re.split(r"[\s.]", select[start:position].strip())[-1])
            start = position + 1
    return columns


# --- the page ------------------------------------------------------------------------------------------------------------


def _contents(tables: Iterable[Mapping[str, Any]]) -> str:
    lines = [f"- [`{table['name']}`](#{table['name']}): {_sentence(table)}" for table in tables]
    lines += [f"- [`{name}(ts)`](#{name}): {says}" for name, (says, _) in _MACROS.items()]
    lines += [f"- [{title}](#{title.lower().replace(' ', '-')})" for title in _SEEDS]
    return "\n".join(lines)


def _table_section(table: Mapping[str, Any]) -> str:
    rows = [(f"`{column['name']}`", _type(column), _sentence(column), "; ".join(_rules(column))) for column in table["columns"]]
    tests = "; ".join(_rules(table))
    parts = [f"### {table['name']}", _sentence(table), _grid(("column", "type", "meaning", "rule"), rows)]
    if tests:
        parts.insert(2, f"Rule of the table: {tests}.")
    return "\n\n".join(parts)


def _macro_section(macro: MacroResult) -> str:
    rows = [(f"`{name}`", kind, meaning) for name, kind, meaning in macro.columns]
    call = f"`{macro.name}({', '.join(macro.arguments)})`"
    return "\n\n".join([f"### {macro.name}", f"{call}: {macro.says}", _grid(("column", "type", "meaning"), rows)])


# Heading -> (seed, sentence, columns as heading and seed column).
_SEEDS: dict[str, tuple[str, str, dict[str, str]]] = {
    "Signals": (
        "seed_signal",
        "Stress direction 1 means that higher is more stress. A standardised value (`z_exp`, `rank_exp`) needs the minimum "
        "history, in periods; older than the age in days, a value is STALE.",
        {
            "signal": "signal_id", "title": "title", "unit": "unit", "stress": "stress_dir", "frequency": "frequency",
            "history": "min_history", "age": "stale_after_days", "version": "method_version", "formula": "formula",
        },
    ),
    "Flags": (
        "seed_flag",
        "The closed list of quality flags. Confidence is the product of one minus the penalty of each flag. A flag that "
        "travels reaches every row that is made from a row with it. Their home is `undertow/vocabulary.py`.",
        {"flag": "flag", "bit": "bit", "meaning": "meaning", "penalty": "penalty", "travels": "travels"},
    ),
    "Observation status": (
        "seed_obs_status",
        "The SDMX code list CL_OBS_STATUS, as `obs_status` uses it.",
        {"code": "obs_status", "meaning": "meaning"},
    ),
    "Releases": (
        "seed_release",
        "Releases with a calendar; dates are told in their zone.",
        {
            "release": "release_id", "title": "title", "agency": "agency", "zone": "timezone", "frequency": "frequency",
            "usual time": "usual_time",
        },
    ),
}  # fmt: skip


def _seed_sections(root: Path) -> list[str]:
    sections = []
    for title, (seed, says, columns) in _SEEDS.items():
        path = root / f"dbt_project/seeds/{seed}.csv"
        with path.open(newline="", encoding="utf-8") as handle:
            rows = [[row[column] for column in columns.values()] for row in csv.DictReader(handle)]
        rows = [[f"`{first}`", *others] for first, *others in rows]
        origin = f"{says} From `dbt_project/seeds/{seed}.csv`."
        sections.append("\n\n".join([f"## {title}", origin, _grid(tuple(columns), rows)]))
    return sections


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'|'.join(' --- ' for _ in header)}|"]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Return a text as one table cell: no bars, line ends, tags or asterisks that would be read as markup."""
    text = " ".join(text.split()).replace("|", "\\|")
    return text if "`" in text else text.replace("<", "&lt;").replace("*", "\\*")


def _sentence(item: Mapping[str, Any]) -> str:
    return " ".join(str(item.get("description") or "").split())


def _type(column: Mapping[str, Any]) -> str:
    kind = str(column.get("data_type") or "").lower()
    return _TYPES.get(kind, kind)


def _rules(item: Mapping[str, Any]) -> list[str]:
    """Return the constraints and the data tests of a column or a table in words, each once."""
    constraints = [_constraint(constraint) for constraint in item.get("constraints") or ()]
    return list(dict.fromkeys([*constraints, *(_rule(test) for test in item.get("data_tests") or ())]))


def _constraint(constraint: Mapping[str, Any]) -> str:
    kind = str(constraint["type"])
    if kind == "primary_key":
        return "never null; unique"
    return str(constraint["expression"]) if kind == "check" else _rule(kind)


def _rule(test: str | Mapping[str, Any]) -> str:
    """Return a dbt data test in words; a test this page does not know is named."""
    if isinstance(test, str):
        return {"not_null": "never null", "unique": "unique"}.get(test, test)
    name, body = next(iter(test.items()))
    body = body or {}
    arguments = {**body, **(body.get("arguments") or {})}
    where = (body.get("config") or {}).get("where")
    if name == "accepted_values":
        words = "one of " + ", ".join(str(value) for value in arguments["values"])
    elif name == "relationships":
        found = _REF.search(str(arguments["to"]))
        words = f"one of {found[1] if found else arguments['to']}.{arguments['field']}"
    elif name == "unique_rows":
        words = "one row for each " + ", ".join(arguments["columns"])
    else:
        words = _rule(str(name))
    return f"{words} where {where}" if where else words


def main() -> None:
    """Write the page into the project this package stands in."""
    root = Path(__file__).resolve().parent.parent
    for name, text in generated(root).items():
        write_text(root / name, text)


if __name__ == "__main__":
    main()
