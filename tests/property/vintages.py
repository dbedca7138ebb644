"""Small warehouses from a handful of landed rows, by the project's own models, published by its own publisher.

``compiled_models`` asks dbt once for the SQL of the models between a landed row and a published one; ``publish_small`` runs
it on the rows of one example. What stands around it (calendar, other rooms) is empty.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from orchestration.warehouse import landed_setting
from undertow import dictionary
from undertow.publish import SEEDS, Build, publish
from undertow.settings import Home
from undertow.vocabulary import FLAGS, Flag, flag_mask

ROOT = Path(__file__).resolve().parents[2]
DBT = ROOT / "dbt_project"
CHAIN = (
    ("intermediate", "int_observation__resolved"),
    ("intermediate", "int_observation__missing"),
    ("intermediate", "int_observation__flagged"),
    ("intermediate", "int_observation__head"),
    ("marts", "fct_observation"),
)
AROUND = """
CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA seeds; CREATE SCHEMA marts;
CREATE TABLE intermediate.int_release__publication (
    release_id varchar, component varchar, reference_end date, published_at timestamp, flag_mask bigint
);
CREATE TABLE intermediate.int_release__vintage (payload_sha256 varchar, release_id varchar, vintage_at timestamp, flag_mask bigint);
CREATE TABLE intermediate.int_release__hour (release_id varchar, timezone varchar, local_day date, event_at timestamp);
CREATE TABLE intermediate.int_release_event__declared (
    release_id varchar, component varchar, reference_period varchar, reference_end date, event varchar,
    event_at timestamp, announced_at timestamp, reason varchar
);
CREATE TABLE intermediate.int_series (
    series_id varchar, frequency varchar, revision_policy varchar, release_id varchar, component varchar,
    licence varchar, is_withheld boolean
);
"""
OBSERVATION = """(
    series_id varchar, period_start date, period_end date, value double, known_at timestamp, known_at_basis varchar,
    obs_status varchar, flag_mask bigint, footnotes varchar[], fetched_at timestamp, payload_sha256 varchar, origin varchar,
    parsed_at timestamp
)"""


def scratch() -> TemporaryDirectory[str]:
    """Return a folder for one example, in memory where the machine has such a place: publishing forces files to disk."""
    memory = Path("/dev/shm")
    return TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)


@dataclass(frozen=True)
class State:
    """What was said of one period at one instant; instants are UTC without a zone, as models have them."""

    period: tuple[date, date]
    known_at: datetime
    value: float | None
    flags: tuple[str, ...] = ()
    fetched_at: datetime | None = None


@dataclass(frozen=True)
class Series:
    """One series or signal with all that was ever said of it, in the order of arrival."""

    id: str
    frequency: str
    states: tuple[State, ...]
    stale_after_days: int = 80


class Models(dict[str, str]):
    """SQL by model; its text in a failing example is a word."""

    def __repr__(self) -> str:
        return "models"


def compiled_models(folder: Path) -> Models:
    """Return the SQL of the models in ``CHAIN`` as dbt writes it, without the name of the database."""
    environment = {
        **os.environ,
        "UNDERTOW_HOME": str(folder),
        "UNDERTOW_WAREHOUSE": str(folder / "undertow.duckdb"),
        "UNDERTOW_LANDED": landed_setting(),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DO_NOT_TRACK": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "dbt.cli.main", "--quiet", "compile", "--no-introspect", "--no-populate-cache",
         "--project-dir", str(DBT), "--profiles-dir", str(DBT), "--select", *(name for _, name in CHAIN)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "target/compiled").rglob("*.sql")}
    return Models({name: found[name].replace('"undertow".', "") for _, name in CHAIN})


def publish_small(home: Home, models: Mapping[str, str], series: Sequence[Series], signals: Sequence[Series] = ()) -> Build:
    """Build a warehouse from what was said, by the models, and publish it."""
    database = home.ensure().warehouse / "small.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        connection.execute(AROUND)
        rooms = sorted({room for sql in models.values() for room in re.findall(r'"stg_(\w+)__observation"', sql)})
        for room in rooms:
            connection.execute(f"CREATE TABLE staging.stg_{room}__observation {OBSERVATION}")
        _insert(connection, "staging.stg_file__observation", [_landed(one, state) for one in series for state in one.states])
        for table in SEEDS:
            connection.execute(f"CREATE TABLE {table} AS FROM read_csv(?)", [str(DBT / f"{table.replace('.', '/')}.csv")])
        connection.execute(_empty_marts())
        described = [_described(one) for one in series]
        _insert(connection, "marts.dim_series", described)
        _insert(
            connection,
            "intermediate.int_series",
            [
                {
                    n: row[n]
                    for n in ("series_id", "frequency", "revision_policy", "release_id", "component", "licence", "is_withheld")
                }
                for row in described
            ],
        )
        for schema, name in CHAIN:
            connection.execute(f"DROP TABLE IF EXISTS {schema}.{name}")
            connection.execute(f"CREATE TABLE {schema}.{name} AS {models[name]}")
        _insert(connection, "marts.mart_signal_long", [_signal(one, state) for one in signals for state in one.states])
    inputs = [{"origin": "file"}]
    build, _ = publish(home, database, code_version="test", fingerprint="test", inputs=inputs, mode="file")
    return build


@cache
def _empty_marts() -> str:
    """Return the statements that make every mart, empty."""
    types = {"string": "varchar", "int": "integer"}
    return ";".join(
        f"CREATE TABLE marts.{table['name']} ("
        + ", ".join(f"{c['name']} {types.get(c['data_type'], c['data_type'])}" for c in table["columns"])
        + ")"
        for table in dictionary.marts(ROOT)
    )


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        data = pa.Table.from_pylist([dict(row) for row in rows])
        connection.register("rows_to_insert", data)
        connection.execute(f"INSERT INTO {table} BY NAME FROM rows_to_insert")
        connection.unregister("rows_to_insert")


def _landed(series: Series, state: State) -> dict[str, object]:
    fetched_at = state.fetched_at or state.known_at + timedelta(days=1)
    return {
        "series_id": series.id,
        "period_start": state.period[0],
        "period_end": state.period[1],
        "value": state.value,
        "known_at": state.known_at,
        "known_at_basis": "provider",
        "obs_status": "A" if state.value is not None else "O",
        "flag_mask": flag_mask([Flag(flag) for flag in state.flags]),
        "footnotes": [],
        "fetched_at": fetched_at,
        "payload_sha256": f"{abs(hash((series.id, fetched_at))):064x}",
        "origin": "file",
        "parsed_at": fetched_at,
    }


def _signal(series: Series, state: State) -> dict[str, object]:
    return {
        "signal_id": series.id,
        "period_start": state.period[0],
        "period_end": state.period[1],
        "value": state.value,
        "unit": "index",
        "stress_dir": 1,
        "known_at": state.known_at,
        "vintage_number": 1,
        "obs_status": "A" if state.value is not None else "M",
        "flags": list(state.flags),
        "n_inputs": 1,
        "n_missing": 0,
        "confidence": 1.0,
        "inputs_hash": "0" * 16,
        "method_version": "1",
        "origin": "file",
    }


def _described(series: Series) -> dict[str, object]:
    return {
        "series_id": series.id,
        "title": series.id,
        "agency": "test",
        "unit": "index",
        "decimals": 1,
        "frequency": series.frequency,
        "seasonal_adjustment": "NA",
        "revision_policy": "revised",
        "release_id": None,
        "component": "all",
        "stale_after_days": series.stale_after_days,
        "licence": "none",
        "is_withheld": False,
        "source_url": "file",
        "origin": "file",
    }


# --- the reference: design rule 5, word for word -------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """The answer to one question."""

    value: float
    period_end: date
    known_at: datetime
    flags: tuple[str, ...]


def emitted(series: Series, *, marks_revisions: bool) -> dict[tuple[date, date], list[State]]:
    """Return each period's rows, oldest first: one for each instant at which value or flags changed (rule 1).

    That a time is a bound (KNOWN_LATE) is said of the time, and makes no new row of a number that is known already.
    """
    order = {meaning.flag.value: meaning.bit for meaning in FLAGS}
    periods: dict[tuple[date, date], list[State]] = {}
    for state in sorted(series.states, key=lambda s: (s.period, s.known_at)):
        rows = periods.setdefault(state.period, [])
        first_print = next((row.value for row in rows if row.value is not None), state.value)
        flags = set(state.flags)
        if marks_revisions and state.value is not None and state.value != first_print:
            flags.add("REVISED")
        ordered = tuple(sorted(flags, key=order.__getitem__))
        if not rows or (rows[-1].value, {*rows[-1].flags} - {"KNOWN_LATE"}) != (state.value, flags - {"KNOWN_LATE"}):
            rows.append(State(state.period, state.known_at, state.value, ordered))
    return periods


def known(periods: Mapping[tuple[date, date], Sequence[State]], at: datetime, stale_after_days: int) -> Known | None:
    """Return what was known: each period's newest row first, nulls included; then drop nulls; then the newest period."""
    newest = [next((row for row in reversed(rows) if row.known_at <= at), None) for rows in periods.values()]
    with_value = [row for row in newest if row is not None and row.value is not None]
    if not with_value:
        return None
    row = max(with_value, key=lambda r: r.period[1])
    stale = ("STALE",) if (at.date() - row.period[1]).days > stale_after_days else ()
    assert row.value is not None
    return Known(row.value, row.period[1], row.known_at, stale + row.flags)
