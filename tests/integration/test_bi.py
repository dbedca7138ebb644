"""The published build as BI tools open it: SQLAlchemy, a SQL client, pandas, polars, dbt's documentation site."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from orchestration.docs import main, write_docs
from undertow.dictionary import marts
from undertow.publish import Build
from undertow.settings import Home

ROOT = Path(__file__).resolve().parents[2]
AS_OF = "2025-12-10T19:00Z"
LEVEL = "SELECT value FROM signals_as_known('2025-12-10T19:00Z') WHERE signal_id = 'inflation.cpi_all_12m'"
INFLATION = pytest.approx(3.0127, abs=5e-5)


@pytest.fixture(scope="module")
def engine(sample_build: Build) -> sa.Engine:
    return sa.create_engine(f"duckdb:///{sample_build.database}", connect_args={"read_only": True}, poolclass=NullPool)


def test_sqlalchemy_reflects_every_mart(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert set(inspector.get_table_names(schema="marts")) == {mart["name"] for mart in marts(ROOT)}
    for mart in marts(ROOT):
        assert [c["name"] for c in inspector.get_columns(mart["name"], schema="marts")] == [c["name"] for c in mart["columns"]]
    table = sa.Table("mart_signal_long", sa.MetaData(), schema="marts", autoload_with=engine)
    assert isinstance(table.c.known_at.type, sa.DateTime)
    assert isinstance(table.c.value.type, sa.Float)
    query = (
        sa.select(table.c.value, table.c.flags)
        .where(table.c.signal_id == "inflation.cpi_all_12m", table.c.period_start == sa.func.date("2025-09-01"))
        .order_by(table.c.vintage_number)
    )
    with engine.connect() as connection:
        value, flags = connection.execute(query).first()  # ty: ignore
        assert (value, flags) == (INFLATION, [])
        assert connection.execute(sa.text(LEVEL)).scalar_one() == INFLATION
        assert connection.execute(sa.text("SELECT count(*) FROM as_known(:ts)"), {"ts": AS_OF}).scalar_one() > 10_000


def test_pandas_by_sqlalchemy(engine: sa.Engine) -> None:
    frame = pd.read_sql(sa.text("SELECT * FROM signals_as_known(:ts) ORDER BY signal_id"), engine, params={"ts": AS_OF})
    assert frame.set_index("signal_id").loc["inflation.cpi_all_12m", "value"] == INFLATION
    assert frame["known_at"].dt.tz is not None


def test_a_reader_cannot_write(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="read-only mode"):
        connection.execute(sa.text("DELETE FROM marts.mart_signal_long"))


def test_the_client_of_duckdb_reads_it_beside_us(sample_build: Build, published: duckdb.DuckDBPyConnection) -> None:
    """A SQL client in a process of its own, while this process has the file open."""
    client = Path(sys.executable).with_name("duckdb")
    done = subprocess.run(
        [client, "-readonly", "-json", str(sample_build.database), "-c", LEVEL], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [{"value": published.execute(LEVEL).fetchone()[0]}]  # ty: ignore
    assert json.loads(done.stdout)[0]["value"] == INFLATION
    shown = subprocess.run(
        [client, "-readonly", str(sample_build.database), "-c", "SHOW ALL TABLES"], capture_output=True, text=True, check=True
    )
    assert "mart_signal_long" in shown.stdout


def test_pandas_and_polars_read_parquet(sample_build: Build, published: duckdb.DuckDBPyConnection) -> None:
    """The same rows as the file, with instants in UTC and lists of flags."""
    path = sample_build.path / "marts/mart_signal_long/mart_signal_long.parquet"
    rows, total, flagged = published.execute(
        "SELECT count(*), sum(value), count(*) FILTER (list_contains(flags, 'SYNTHETIC')) FROM marts.mart_signal_long"
    ).fetchall()[0]
    frame = pd.read_parquet(path)
    assert (len(frame), frame["value"].sum()) == (rows, pytest.approx(total))
    assert sum("SYNTHETIC" in flags for flags in frame["flags"]) == flagged > 0
    assert str(frame["known_at"].dtype).endswith("UTC]")
    lazy = pl.scan_parquet(sample_build.path / "marts/mart_signal_long/*.parquet")
    known = lazy.filter(pl.col("known_at") <= pl.datetime(2025, 12, 10, 19, time_zone="UTC"), pl.col("value").is_not_null())
    newest = known.sort("period_start", "known_at").group_by("signal_id").last().collect()
    assert newest.filter(pl.col("signal_id") == "inflation.cpi_all_12m")["value"].item() == INFLATION
    assert newest.schema["flags"] == pl.List(pl.String)


def test_the_documentation_site_names_every_mart(sample_home: Home, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    path = write_docs(sample_home)
    page = path.read_text(encoding="utf-8")
    for mart in marts(ROOT):
        assert f'"model.undertow.{mart["name"]}"' in page
    assert "Instant (UTC) at which this row became known." in page
    assert "exposure.undertow.published_build" in page
    assert not re.search(r'<(script|link)[^>]+(src|href)="https?://', page)
    monkeypatch.setenv("UNDERTOW_HOME", str(sample_home.root / "nowhere"))
    assert main() == 1
    assert capsys.readouterr().err == "undertow: there is no warehouse to document; run `undertow run` first\n"
