"""As-of retrieval: each question (series, instant) gets the newest period that was known, in its newest vintage then.

Everywhere the questions are in memory and the history is on disk when the clock starts, and the answer is in memory when it
stops. Each engine is used as its own documentation recommends for this question. Answers have columns row and value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Measured = Callable[[], pa.Table]

# What is newest at each instant, from all vintages. Many periods may become known at one instant: the newest of them counts.
_HEAD = """
    SELECT series_id, known_at, value
    FROM (
        SELECT series_id, period_end, known_at, value,
            max(period_end) OVER (PARTITION BY series_id ORDER BY known_at RANGE UNBOUNDED PRECEDING) AS newest_end
        FROM read_parquet($vintages)
    )
    WHERE period_end = newest_end
"""


def undertow(home: str, entities: str, n_rows: int) -> Measured:
    """``FeatureStore.historical`` on a published build."""
    from undertow.store import FeatureStore

    asked = _asked(entities, n_rows).rename_columns({"series_id": "feature"})

    def measured() -> pa.Table:
        with FeatureStore(home=home, frame="arrow") as store:
            return store.historical(asked).select(["row", "value"])

    return measured


def duckdb_asof(vintages: str, entities: str, n_rows: int) -> Measured:
    """DuckDB: a window over all vintages, then its own ASOF join."""
    import duckdb

    asked = _asked(entities, n_rows)
    connection = duckdb.connect()
    # A registered frame has no statistics: DuckDB would take it for one row and compare every pair.
    connection.execute("SET TimeZone = 'UTC'; SET asof_loop_join_threshold = 0")
    connection.register("asked", asked)
    query = (
        f"SELECT asked.row, head.value FROM asked ASOF LEFT JOIN ({_HEAD}) AS head "
        "ON asked.series_id = head.series_id AND asked.as_of >= head.known_at"
    )
    return lambda: connection.execute(query, {"vintages": vintages}).to_arrow_table()


def scan(vintages: str) -> Measured:
    """DuckDB: read the four columns that the question needs, and nothing else. No engine can be faster on this file."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    query = "SELECT count(series_id) AS n, max(period_end) AS e, max(known_at) AS k, sum(value) AS v FROM read_parquet(?)"
    return lambda: connection.execute(query, [vintages]).to_arrow_table()


def polars_asof(vintages: str, entities: str, n_rows: int) -> Measured:
    """polars: the head by window functions, then ``join_asof``."""
    import polars as pl

    asked = pl.DataFrame(_asked(entities, n_rows))
    same_instant = (pl.col("series_id") == pl.col("series_id").shift(-1)) & (pl.col("known_at") == pl.col("known_at").shift(-1))

    def measured() -> pa.Table:
        head = (
            pl.scan_parquet(vintages)
            .sort("series_id", "known_at", "period_end")
            .filter(pl.col("period_end") == pl.col("period_end").cum_max().over("series_id"), ~same_instant.fill_null(False))
            .select("series_id", "known_at", "value")
        )
        answer = (
            asked.lazy()
            .sort("as_of")
            .join_asof(head, left_on="as_of", right_on="known_at", by="series_id", strategy="backward", check_sortedness=False)
        )
        return answer.select("row", "value").collect().to_arrow()

    return measured


def pandas_asof(vintages: str, entities: str, n_rows: int) -> Measured:
    """pandas: the head by ``cummax``, then ``merge_asof``; ids as categories, which take a tenth of the memory."""
    import pandas as pd

    asked = _asked(entities, n_rows).to_pandas()

    def measured() -> pa.Table:
        told = pq.read_table(vintages, read_dictionary=["series_id"]).to_pandas(date_as_object=False)
        told = told.sort_values(["known_at", "period_end"], kind="stable", ignore_index=True)
        told = told[told["period_end"] == told.groupby("series_id", observed=True)["period_end"].cummax()]
        told = told.drop_duplicates(["series_id", "known_at"], keep="last")
        questions = asked.assign(series_id=asked["series_id"].astype(told["series_id"].dtype)).sort_values("as_of")
        answer = pd.merge_asof(questions, told.drop(columns="period_end"), left_on="as_of", right_on="known_at", by="series_id")
        return pa.Table.from_pandas(answer[["row", "value"]], preserve_index=False)

    return measured


def feast(vintages: str, entities: str, n_rows: int) -> Measured:
    """Feast with its DuckDB offline store; ``filter_by_created_timestamp`` makes it leave out what was not known yet."""
    import tempfile
    from datetime import timedelta
    from pathlib import Path

    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.infra.offline_stores.duckdb import DuckDBOfflineStoreConfig
    from feast.types import Float64

    folder = tempfile.mkdtemp()
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=str(Path(folder) / "registry.db"),
            offline_store=DuckDBOfflineStoreConfig(),
            entity_key_serialization_version=3,
        )
    )
    series = Entity(name="series", join_keys=["series_id"], value_type=ValueType.STRING)
    source = FileSource(path=vintages, timestamp_field="period_end", created_timestamp_column="known_at")
    view = FeatureView(
        name="vintages", entities=[series], ttl=timedelta(0), schema=[Field(name="value", dtype=Float64)], source=source
    )
    store.apply([series, view])
    asked = _asked(entities, n_rows).rename_columns({"as_of": "event_timestamp"}).to_pandas()

    def measured() -> pa.Table:
        job: Any = store.get_historical_features(entity_df=asked, features=["vintages:value"], filter_by_created_timestamp=True)
        return pa.Table.from_pandas(job.to_df()[["row", "value"]], preserve_index=False)

    return measured


def as_known(home: str, as_of: str, series: list[str] | None = None) -> Measured:
    """``FeatureStore.as_known``: of each series, or of some, the newest number that was known, and what is due next."""
    from undertow.store import FeatureStore

    store = FeatureStore(home=home, frame="arrow")
    return lambda: store.as_known(as_of, series).select(["series_id", "value"])


def headline_as_known(home: str, as_of: str) -> Measured:
    """``FeatureStore.headline_as_known``: the same of the headline series, and of releases kept without values."""
    from undertow.store import FeatureStore

    store = FeatureStore(home=home, frame="arrow")
    return lambda: store.headline_as_known(as_of)


def as_known_duckdb(vintages: str, as_of: str) -> Measured:
    """DuckDB: the same numbers (without what is due next) from all vintages, by ``arg_max`` in one pass."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    query = (
        "SELECT series_id, arg_max(value, (period_end, known_at)) AS value FROM read_parquet(?) "
        "WHERE known_at <= CAST(? AS TIMESTAMPTZ) GROUP BY series_id ORDER BY series_id"
    )
    return lambda: connection.execute(query, [vintages, as_of]).to_arrow_table()


def _asked(entities: str, n_rows: int) -> pa.Table:
    """Return the first questions, with their number as column ``row``."""
    table = pq.read_table(entities).slice(0, n_rows).combine_chunks()
    return table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
