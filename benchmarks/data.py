"""The data that is measured: made from a seed, kept in a folder outside the checkout, made once.

Vintages have the shape of macro data: series of 250 monthly periods with four vintages each. A release publishes the first
print of a month and, at the same instant, revisions of older ones, so ties are the rule; 60 % of the series are also revised
between two releases. No value is withdrawn, because not every peer can say what that means.

The published build is made by the project's own model of the head and its own publisher.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import funding as funding_data
from benchmarks import landing
from benchmarks import loans as loans_data
from benchmarks import tic as tic_data
from orchestration.warehouse import PROJECT_DIR, Warehouse
from undertow import dictionary
from undertow.publish import SEEDS, publish
from undertow.room import load_room
from undertow.settings import Home

__all__ = [
    "Vintages",
    "cpi",
    "data_folder",
    "entities",
    "funding",
    "funding_home",
    "home",
    "loans",
    "observations",
    "tic",
    "vintages",
]

SEED = 20261121
PERIODS, VINTAGES = 250, 4
VERSION = 3  # of what is made here; another one makes everything anew
_RELEASES = 40
_MEMORY = "8GB"


@dataclass(frozen=True)
class Vintages:
    """A history: as Parquet with four columns for the peers, and as a published build. ``preparation`` says what that cost."""

    folder: Path
    preparation: dict[str, Any]

    @property
    def parquet(self) -> Path:
        """Columns series_id, period_end, known_at, value; ordered by the first three."""
        return self.folder / "vintages.parquet"

    @property
    def home(self) -> Path:
        """The home whose current build holds the same history."""
        return self.folder / "home"


def data_folder() -> Path:
    """Return where made data is kept: ``UNDERTOW_BENCH_DATA``, or a folder under the system's temporary one."""
    named = os.environ.get("UNDERTOW_BENCH_DATA")
    return Path(named).expanduser().resolve() if named else Path(tempfile.gettempdir()) / "undertow-bench"


def _made(folder: Path, make: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Return what ``make`` said about the folder it filled; it fills it once, under another name until it is whole."""
    note = folder / "made.json"
    if note.is_file():
        return json.loads(note.read_text(encoding="utf-8"))
    shutil.rmtree(folder, ignore_errors=True)
    building = folder.with_name(f".{folder.name}-{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    said = make(building)
    (building / "made.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    building.rename(folder)
    return said


def _connect(path: Path | str, scratch: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(path))
    connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY}'; SET temp_directory = '{scratch}'")
    connection.execute("SET enable_progress_bar = false")
    return connection


# --- vintages ------------------------------------------------------------------------------------------------------------

# ``released(r, p)``: the instant at which release r publishes period p. ``told`` is every vintage of every series.
_HISTORY = f"""
CREATE MACRO period_start(p) AS CAST(DATE '2005-01-01' + to_months(CAST(p AS INTEGER)) AS DATE);
CREATE MACRO period_end(p) AS last_day(period_start(p));
CREATE MACRO released(r, p) AS
    CAST(period_end(p) AS TIMESTAMP) + to_days(CAST(8 + r % 20 AS INTEGER)) + INTERVAL '12 hours 30 minutes';
CREATE MACRO told(n) AS TABLE
SELECT
    printf('synthetic.S%06d', s) AS series_id,
    s % {_RELEASES} AS release,
    period_start(p) AS period_start,
    period_end(p) AS period_end,
    v AS vintage,
    CASE
        WHEN v = 0 THEN released(s % {_RELEASES}, p)
        WHEN v = 1 AND s % 5 < 3 THEN released(s % {_RELEASES}, p) + INTERVAL 14 DAY
        WHEN v = 1 THEN released(s % {_RELEASES}, p + 1)
        WHEN v = 2 THEN released(s % {_RELEASES}, p + 2)
        ELSE released(s % {_RELEASES}, p + 12)
    END AS known_at,
    100 + ((s * 7919 + p * 104729 + v * 1299709 + {SEED}) % 1000003) / 10000.0 AS value
FROM range(n) AS series(s), range({PERIODS}) AS periods(p), range({VINTAGES}) AS vintages(v);
"""

_WAREHOUSE = """
CREATE SCHEMA intermediate; CREATE SCHEMA seeds; CREATE SCHEMA marts;
CREATE TABLE intermediate.int_observation__flagged AS
SELECT
    series_id, period_start, period_end, value, known_at, 'calendar' AS known_at_basis, 'A' AS obs_status,
    CAST(524288 + CASE WHEN vintage > 0 THEN 32 ELSE 0 END AS BIGINT) AS flag_mask, CAST([] AS VARCHAR[]) AS footnotes,
    known_at + INTERVAL 1 DAY AS fetched_at, sha256(CAST(release AS VARCHAR)) AS payload_sha256, 'synthetic' AS origin,
    'synthetic_' || release AS release_id,
    first_value(value) OVER history AS first_print, CAST(vintage + 1 AS INTEGER) AS vintage_number,
    lead(known_at) OVER history AS next_known_at
FROM told({n})
WINDOW history AS (PARTITION BY series_id, period_start, period_end ORDER BY known_at);
CREATE TABLE intermediate.int_series AS
SELECT printf('synthetic.S%06d', s) AS series_id, false AS is_withheld FROM range({n}) AS series(s);
"""

_MARTS = """
INSERT INTO marts.fct_observation BY NAME
SELECT
    series_id, period_start, period_end, value, timezone('UTC', known_at) AS known_at, known_at_basis, obs_status,
    CASE WHEN flag_mask & 32 > 0 THEN ['REVISED', 'SYNTHETIC'] ELSE ['SYNTHETIC'] END AS flags, footnotes, vintage_number,
    timezone('UTC', fetched_at) AS fetched_at, payload_sha256, origin
FROM intermediate.int_observation__flagged;
INSERT INTO marts.dim_series BY NAME
SELECT
    printf('synthetic.S%06d', s) AS series_id, 'Made series ' || s AS title, 'none' AS agency, 'index' AS unit, 1 AS decimals,
    'M' AS frequency, 'NSA' AS seasonal_adjustment, 'revised' AS revision_policy,
    'synthetic_' || s % {releases} AS release_id, 'all' AS component, 80 AS stale_after_days, 'none' AS licence,
    false AS is_withheld, 'made' AS source_url, 'synthetic' AS origin
FROM range({n}) AS series(s);
INSERT INTO marts.dim_release_calendar BY NAME
SELECT
    'synthetic_' || r AS release_id, 'all' AS component, strftime(period_start(p), '%Y-%m') AS reference_period,
    period_end(p) AS reference_end, status, timezone('UTC', released(r, p)) AS original_at,
    timezone('UTC', released(r, p)) AS scheduled_at,
    CASE WHEN status = 'released' THEN timezone('UTC', released(r, p)) END AS actual_at, 0 AS delay_days,
    CAST([] AS VARCHAR[]) AS flags, 'made' AS source,
    timezone('UTC', CASE WHEN status = 'released' THEN released(r, p) ELSE released(r, p) - INTERVAL 300 DAY END) AS known_at
FROM range({releases}) AS releases(r), range({periods}) AS periods(p), (SELECT unnest(['scheduled', 'released']) AS status);
"""


def vintages(folder: Path, n_vintages: int) -> Vintages:
    """Return a history of so many vintages, made where it is not there yet."""
    n_series = n_vintages // (PERIODS * VINTAGES)
    place = folder / f"vintages-v{VERSION}-{n_series * PERIODS * VINTAGES}"
    return Vintages(place, _made(place, lambda building: _make_vintages(building, n_series)))


def _make_vintages(folder: Path, n_series: int) -> dict[str, Any]:
    with _connect(":memory:", folder / "scratch") as connection:
        connection.execute(_HISTORY)
        connection.execute(
            "COPY (SELECT series_id, period_end, timezone('UTC', known_at) AS known_at, value FROM told(?) "
            f"ORDER BY series_id, period_end, known_at) TO '{folder / 'vintages.parquet'}' (FORMAT parquet, COMPRESSION zstd)",
            [n_series],
        )
    said = _publish(folder, n_series)
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    return said


def _publish(folder: Path, n_series: int) -> dict[str, Any]:
    """Publish the history; return the seconds of the head and of publishing, and the head's rows."""
    home = Home(folder / "home").ensure()
    database = home.warehouse / "made.duckdb"
    head = _compiled_head(home)
    with _connect(database, folder / "scratch") as connection:
        connection.execute(_HISTORY + _WAREHOUSE.format(n=n_series))
        connection.execute(_empty_marts())
        for table in SEEDS:
            path = PROJECT_DIR / f"{table.replace('.', '/')}.csv"
            connection.execute(f"CREATE TABLE {table} AS FROM read_csv(?)", [str(path)])
        connection.execute(_MARTS.format(n=n_series, releases=_RELEASES, periods=PERIODS))
        started, cpu = time.perf_counter(), time.process_time()
        connection.execute(f"CREATE TABLE intermediate.int_observation__head AS {head}")
        head_seconds, head_cpu = time.perf_counter() - started, time.process_time() - cpu
        (rows,) = connection.execute("SELECT count(*) FROM intermediate.int_observation__head").fetchall()[0]
    started, cpu = time.perf_counter(), time.process_time()
    build, _ = publish(home, database, code_version="bench", fingerprint="bench", inputs=[{"origin": "synthetic"}], mode="file")
    said = {
        "head_rows": rows,
        "head_seconds": round(head_seconds, 2),
        "head_cpu_seconds": round(head_cpu, 2),
        "publish_seconds": round(time.perf_counter() - started, 2),
        "publish_cpu_seconds": round(time.process_time() - cpu, 2),
        "file_bytes": build.database.stat().st_size,
    }
    shutil.rmtree(home.warehouse)
    return said


def _compiled_head(home: Home) -> str:
    """Return the SQL of the model of the head, as dbt writes it."""
    warehouse = Warehouse(home)
    command = ["compile", "--quiet", "--no-populate-cache", "--select", "int_observation__head"]
    folders = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    with warehouse.environment():
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "dbt.cli.main", *command, *folders],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"dbt does not compile the model of the head: {done.stdout}{done.stderr}")
    (path,) = (warehouse.target / "compiled").rglob("int_observation__head.sql")
    return path.read_text(encoding="utf-8").replace('"undertow".', "")


def _empty_marts() -> str:
    """Return the statements that make every mart, empty."""
    types = {"string": "varchar", "int": "integer"}
    return ";".join(
        f"CREATE TABLE marts.{table['name']} ("
        + ", ".join(f"{column['name']} {types.get(column['data_type'], column['data_type'])}" for column in table["columns"])
        + ")"
        for table in dictionary.marts(PROJECT_DIR.parent)
    )


# --- questions -----------------------------------------------------------------------------------------------------------


def entities(folder: Path, n_rows: int, n_vintages: int) -> Path:
    """Return a Parquet file of questions (series_id, as_of): any series at any instant, one in ten exactly at a release."""
    n_series = n_vintages // (PERIODS * VINTAGES)
    place = folder / f"entities-v{VERSION}-{n_rows}-of-{n_series}"
    _made(place, lambda building: _make_entities(building, n_rows, n_series))
    return place / "entities.parquet"


def _make_entities(folder: Path, n_rows: int, n_series: int) -> dict[str, Any]:
    with _connect(":memory:", folder / "scratch") as connection:
        connection.execute("SET threads = 1")  # one order of the random numbers
        connection.execute(_HISTORY)
        connection.execute("SELECT setseed(?)", [SEED / 2**31])
        connection.execute(
            f"""
            COPY (
                WITH drawn AS MATERIALIZED (
                    SELECT i, CAST(floor(random() * ?) AS BIGINT) AS s, CAST(floor(random() * {PERIODS}) AS BIGINT) AS p,
                        CAST(floor(random() * 30.4 * 86400e6) AS BIGINT) AS rest
                    FROM range(?) AS questions(i)
                )
                SELECT printf('synthetic.S%06d', s) AS series_id, timezone('UTC', CASE
                    WHEN i % 10 = 0 THEN released(s % {_RELEASES}, p)
                    ELSE CAST(period_start(p) AS TIMESTAMP) + to_microseconds(rest) END) AS as_of
                FROM drawn ORDER BY i
            ) TO '{folder / "entities.parquet"}' (FORMAT parquet, COMPRESSION zstd)
            """,
            [n_series, n_rows],
        )
    return {"rows": n_rows}


# --- rows to validate, rows to land --------------------------------------------------------------------------------------


def observations(folder: Path, n_rows: int) -> Path:
    """Return a landed observation table of so many rows, with twelve faults of different kinds in it."""
    n_series = n_rows // (PERIODS * VINTAGES)
    place = folder / f"observations-v{VERSION}-{n_series * PERIODS * VINTAGES}"
    _made(place, lambda building: _make_observations(building, n_series))
    return place / "observation.parquet"


def _make_observations(folder: Path, n_series: int) -> dict[str, Any]:
    with _connect(":memory:", folder / "scratch") as connection:
        connection.execute(_HISTORY)
        connection.execute(
            f"""
            COPY (
                SELECT
                    printf('bls.S%08d', rows.s) AS series_id, period_start,
                    CASE WHEN n = 1000 THEN period_start - 1 ELSE period_end END AS period_end,
                    CASE WHEN n BETWEEN 2001 AND 2003 THEN NULL WHEN n = 3000 THEN -value ELSE value END AS value,
                    timezone('UTC', CASE WHEN n BETWEEN 4001 AND 4002 THEN period_start - INTERVAL 1 DAY ELSE known_at END)
                        AS known_at,
                    'calendar' AS known_at_basis, CASE WHEN n BETWEEN 5001 AND 5005 THEN 'M' ELSE 'A' END AS obs_status,
                    CAST([] AS VARCHAR[]) AS flags, CAST([] AS VARCHAR[]) AS footnotes,
                    timezone('UTC', known_at + INTERVAL 1 DAY) AS fetched_at,
                    sha256(CAST(release AS VARCHAR)) AS payload_sha256,
                    'synthetic' AS origin, 1 AS parser_version, timezone('UTC', known_at + INTERVAL 1 DAY) AS parsed_at
                FROM (
                    SELECT *, CAST(series_id[12:] AS BIGINT) AS s, row_number() OVER () AS n
                    FROM (SELECT * FROM told({n_series}) ORDER BY ALL)
                ) AS rows
            ) TO '{folder / "observation.parquet"}' (FORMAT parquet, COMPRESSION zstd)
            """
        )
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    return {"rows": n_series * PERIODS * VINTAGES}


def cpi(folder: Path, n_rows: int | None) -> Path:
    """Return a folder with the consumer prices that the package ``cpi`` ships, or the first so many values of them.

    ``cpi.db`` is the SQLite file, ``raw.csv`` has its values as the provider has them, ``landed.csv`` as Undertow lands them.
    """
    place = folder / f"cpi-v{VERSION}-{metadata.version('cpi')}-{n_rows or 'all'}"
    _made(place, lambda building: _make_cpi(building, n_rows))
    return place


def _make_cpi(folder: Path, n_rows: int | None) -> dict[str, Any]:
    dataset = load_room("bls").room.dataset("cpi_package")
    if dataset is None or dataset.packaged is None:
        raise LookupError("the room bls has no packaged consumer prices")
    shipped = metadata.distribution(dataset.packaged.distribution).locate_file(dataset.packaged.path)
    shutil.copyfile(str(shipped), folder / "cpi.db")
    with closing(sqlite3.connect(folder / "cpi.db")) as database:
        if n_rows is not None:
            database.execute(
                "DELETE FROM indexes WHERE rowid NOT IN (SELECT rowid FROM indexes ORDER BY rowid LIMIT ?)", [n_rows]
            )
            database.commit()
            database.execute("VACUUM")
        with (folder / "raw.csv").open("w", newline="", encoding="utf-8") as target:
            writer = csv.writer(target)
            writer.writerow(("series", "year", "period", "value"))
            writer.writerows(database.execute("SELECT series, year, period, value FROM indexes"))
    files = [str(path) for path in landing.undertow(str(folder / "cpi.db"))()]
    with _connect(":memory:", folder / "scratch") as connection:
        connection.execute(f"COPY (FROM read_parquet({files})) TO '{folder / 'landed.csv'}' (FORMAT csv, HEADER true)")
    return {}


# --- homes ---------------------------------------------------------------------------------------------------------------

_CURRENCIES = ("USD", "JPY", "GBP", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK")


def home(folder: Path, history: int) -> Path:
    """Make a home of the packaged data, its consumer prices ``history`` times under other names, and one more day to replay."""
    made = folder / f"home-{history}-v{VERSION}"
    _made(made, lambda building: _fill_home(building, history))
    return made


def _fill_home(building: Path, history: int) -> dict[str, Any]:
    landed = building / "home" / "landing"
    _undertow_run(building / "home")
    for table in ("observation", "series") if history > 1 else ():
        (source,) = (landed / "bls" / table).glob("cpi_package*.parquet")
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for copy in range(1, history):
                other = source.with_name(f"made-{copy}.parquet")
                connection.execute(
                    f"COPY (SELECT * REPLACE (replace(series_id, 'bls.', 'bls.X{copy}') AS series_id) "
                    f"FROM read_parquet('{source}')) TO '{other}' (FORMAT parquet, COMPRESSION zstd)"
                )
    if history > 1:
        _undertow_run(building / "home")
    rates = [f"{1.1 + place / 10:.4f}" for place in range(len(_CURRENCIES))]
    day = f"Date, {', '.join(_CURRENCIES)}, \n02 November 2026, {', '.join(rates)}, \n"
    (building / "day.txt").write_text(day, encoding="utf-8")
    (building / "day.csv").write_text(
        "source,dataset,file,url,fetched_at,note\n"
        "ecb,eurofxref_daily,day.txt,https://www.ecb.europa.eu/stats/eurofxref/eurofxref.zip,2026-11-02T15:30:00Z,made\n",
        encoding="utf-8",
    )
    return {}


def _undertow_run(home: Path) -> None:
    command = [str(Path(sys.executable).with_name("undertow")), "run"]
    subprocess.run(command, check=True, env={**os.environ, "UNDERTOW_HOME": str(home)}, stdout=subprocess.DEVNULL)


def funding(folder: Path, since: tuple[int, int]) -> Path:
    """Return the manifest of generated funding data, since a year of the CFTC and a year of the daily statements."""
    made = folder / f"funding-{since[0]}-{since[1]}-v{VERSION}"

    def make(building: Path) -> dict[str, Any]:
        funding_data.write(building, "history", funding_data.payloads(*since))
        return {}

    _made(made, make)
    return made / "history.csv"


def funding_home(folder: Path, since: tuple[int, int]) -> Path:
    """Return a folder with a home in which such a history has run, and the manifests ``history.csv`` and ``day.csv``."""
    made = folder / f"funding-home-{since[0]}-{since[1]}-v{VERSION}"

    def make(building: Path) -> dict[str, Any]:
        funding_data.fill_home(building, *since)
        return {}

    _made(made, make)
    return made


def tic(folder: Path, sizes: tuple[int, int, int, int]) -> Path:
    """Return a folder with the manifests ``table1.csv`` and ``cslt.csv`` of generated TIC files; sizes as of ``tic.write``."""
    made = folder / f"tic-{'-'.join(map(str, sizes))}-v{VERSION}"

    def make(building: Path) -> dict[str, Any]:
        tic_data.write(building, *sizes)
        return {}

    _made(made, make)
    return made


def loans(folder: Path, borrowers: int, sizes: tuple[int, int, int]) -> tuple[Path, dict[str, Any]]:
    """Return a folder with generated data sets of the SEC and the lines of a quarter, made by ``loans.write``, and facts."""
    made = folder / f"loans-{borrowers}-{'-'.join(map(str, sizes))}-v{VERSION}"
    return made, _made(made, lambda building: loans_data.write(building, borrowers, sizes))
