"""Retrieval of the real feature set: all signals of a published build, each question at its own instant.

The questions name a signal and an instant. Every engine reads the same build: Undertow its published file, the others the Feast
repository that ``undertow export feast`` writes of it. Answers have columns row and value.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Measured = Callable[[], pa.Table]


def make(folder: Path, home: Path, n_rows: int) -> dict[str, Any]:
    """Write the Feast repository of a home's newest build, and questions about it; return what there is."""
    import numpy as np

    from undertow.export.feast import export_feast
    from undertow.publish import current_build
    from undertow.settings import Home

    build = current_build(Home(home))
    summary = export_feast(build, folder / "repository")
    head = pq.read_table(folder / "repository/data/signal_head.parquet", columns=["signal_id"])
    ids = head["signal_id"].unique().sort()
    dice = np.random.default_rng(20261122)
    instants = dice.integers(1_420_070_400, 1_793_491_200, n_rows) * 1_000_000  # 2015 to October 2026
    questions = pa.table(
        {
            "row": np.arange(n_rows),
            "signal_id": ids.take(pa.array(dice.integers(0, len(ids), n_rows))),
            "event_timestamp": pa.array(instants).cast(pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(questions, folder / "questions.parquet")
    rows = build.manifest["tables"]["mart_signal_long"]["rows"]
    return {"signals": len(ids), "rows of signals": rows, "rows of their head": summary["head_rows"]}


def undertow(home: str, questions: str, n_rows: int) -> Measured:
    """``FeatureStore.historical`` in its long form; the store is opened within the time that is measured."""
    from undertow.store import FeatureStore

    asked = _asked(questions, n_rows).rename_columns(["row", "feature", "as_of"])

    def measured() -> pa.Table:
        with FeatureStore(home=home, frame="arrow") as store:
            return store.historical(asked).select(["row", "value"])

    return measured


def undertow_panel(home: str, day: str) -> Measured:
    """``FeatureStore.panel``: all signals on every day of ten years, all in one wide frame."""
    from undertow.store import FeatureStore

    def measured() -> pa.Table:
        with FeatureStore(home=home, frame="arrow") as store:
            return store.panel(store.feature_list("all"), "2016-01-01", day)

    return measured


def explained(home: str, signal: str, as_of: str) -> Measured:
    """``explain`` of a signal's newest number, down to the archived bytes; the store is opened within the time."""
    from undertow.archive import Archive
    from undertow.explain import explain
    from undertow.instants import parse_instant
    from undertow.store import FeatureStore

    def measured() -> pa.Table:
        with FeatureStore(home=home, frame="arrow") as store:
            told = explain(store, signal, parse_instant(as_of), archive=Archive(store.home.archive))
        return pa.table({"row": [0], "value": [float(told.row["value"])]})

    return measured


def duckdb_asof(repository: str, questions: str, n_rows: int) -> Measured:
    """DuckDB's own ASOF join on the head that the repository holds."""
    import duckdb

    asked = _asked(questions, n_rows)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET asof_loop_join_threshold = 0")
    connection.register("asked", asked)
    query = (
        "SELECT asked.row, head.value FROM asked ASOF LEFT JOIN read_parquet(?) AS head "
        "ON asked.signal_id = head.signal_id AND asked.event_timestamp >= head.newest_from"
    )
    return lambda: connection.execute(query, [f"{repository}/data/signal_head.parquet"]).to_arrow_table()


def feast(repository: str, questions: str, n_rows: int, view: str = "signal") -> Measured:
    """Feast with its DuckDB offline store on the repository; the view of vintages with the filter that it needs."""
    import importlib.util
    import tempfile

    from feast import FeatureStore, RepoConfig
    from feast.infra.offline_stores.duckdb import DuckDBOfflineStoreConfig

    found = importlib.util.spec_from_file_location("signals", f"{repository}/signals.py")
    assert found is not None
    assert found.loader is not None
    told: Any = importlib.util.module_from_spec(found)
    found.loader.exec_module(told)
    store = FeatureStore(
        config=RepoConfig(
            project="undertow",
            provider="local",
            registry=str(Path(tempfile.mkdtemp()) / "registry.db"),
            offline_store=DuckDBOfflineStoreConfig(),
            entity_key_serialization_version=3,
        )
    )
    store.apply([told.signal, told.signal_view, told.signal_vintage_view])
    asked = _asked(questions, n_rows).to_pandas()
    options: dict[str, Any] = {"filter_by_created_timestamp": True} if view == "signal_vintage" else {}

    def measured() -> pa.Table:
        job: Any = store.get_historical_features(entity_df=asked, features=[f"{view}:value"], **options)
        return pa.Table.from_pandas(job.to_df()[["row", "value"]], preserve_index=False)

    return measured


def _asked(questions: str, n_rows: int) -> pa.Table:
    """Return the first questions."""
    return pq.read_table(questions).slice(0, n_rows).combine_chunks()
