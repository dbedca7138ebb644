"""A Feast repository over a published build.

Feast joins by one rule: of the rows whose event timestamp is not after the question's, the one with the latest event timestamp
(ties: the latest created timestamp). Which column is the event timestamp therefore decides whether a model sees the future:

* ``signal`` reads a head: one row for each instant at which the newest number of a signal changed. Its event timestamp is that
  instant, so Feast's rule, with Feast's defaults, gives what ``FeatureStore.historical`` gives, withdrawn values included.
* ``signal_vintage`` reads the published Parquet of ``mart_signal_long``: every vintage, event timestamp the first day of the
  period, created timestamp ``known_at``. Feast's rule then gives the newest period; that it was known is looked at only when
  ``filter_by_created_timestamp=True`` is passed. The event timestamp cannot be ``known_at`` here: a late revision of an old
  period would hide the newest one.

The head is written into the repository; the vintages stay in the build, whose folder never changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from undertow.asof import SIGNAL_HEAD
from undertow.atomic import adopt, make_folder, write_text
from undertow.errors import UsageError
from undertow.publish import Build
from undertow.quoting import literal

__all__ = ["HEAD", "export_feast"]

HEAD = "data/signal_head.parquet"
_MARK = "# Written by `undertow export feast`; it is written anew at each export.\n"

# Feast's name of each type that a feature has.
_TYPES = {"DOUBLE": "Float64", "INTEGER": "Int32", "VARCHAR": "String", "VARCHAR[]": "Array(String)"}
_HEAD_FEATURES = ("value", "z_exp", "rank_exp", "confidence", "flags")
_VINTAGE_FEATURES = (*_HEAD_FEATURES, "obs_status", "vintage_number", "n_inputs", "n_missing", "origin")


def export_feast(build: Build, folder: Path) -> dict[str, Any]:
    """Write the repository into a folder; an earlier one there is replaced, its registry and online store stay.

    Returns:
        What was written: ``folder``, ``build_id``, ``signals``, ``head_rows``.

    Raises:
        UsageError: the folder holds a Feast repository that is not ours, or cannot be written.
    """
    folder = folder.expanduser().resolve()
    config = folder / "feature_store.yaml"
    try:
        if config.exists() and not config.read_text(encoding="utf-8").startswith(_MARK):
            raise UsageError(f"{folder} holds another Feast repository; name an empty folder")
        with duckdb.connect(str(build.database), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            signals = connection.execute("FROM internal.signal ORDER BY signal_id").to_arrow_table().to_pylist()
            comments = {
                row[0]: (row[1], row[2])
                for row in connection.execute(
                    "SELECT column_name, data_type, comment FROM duckdb_columns() "
                    "WHERE schema_name = 'marts' AND table_name = 'mart_signal_long'"
                ).fetchall()
            }
            rows = _write_head(connection, [row["signal_id"] for row in signals], folder / HEAD)
        write_text(folder / "signals.py", _definitions(build, folder, comments))
        write_text(folder / "README.md", _readme(build, signals))
        write_text(config, _MARK + _CONFIG)
    except OSError as error:
        raise UsageError(f"the Feast repository cannot be written to {folder}: {error.strerror or error}") from None
    return {"folder": str(folder), "build_id": build.build_id, "signals": len(signals), "head_rows": rows}


def _write_head(connection: duckdb.DuckDBPyConnection, signals: list[str], path: Path) -> int:
    """Write the head of all signals; return its rows."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    # dates as timestamps: Feast has no type for a date
    connection.execute(
        f"""
        COPY (
            SELECT signal_id, known_at AS newest_from, value, z_exp, rank_exp, confidence, flags,
                make_timestamptz(epoch_us(CAST(period_start AS TIMESTAMP))) AS period_start,
                make_timestamptz(epoch_us(CAST(period_end AS TIMESTAMP))) AS period_end,
                value_known_at AS known_at
            FROM ({SIGNAL_HEAD}) ORDER BY signal_id, newest_from
        ) TO {literal(temporary)} (FORMAT parquet, COMPRESSION zstd)
        """,
        [signals],
    )
    adopt(temporary, path)
    return connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchall()[0][0]


# The DuckDB offline store: on the same questions Feast's default store (Dask) does not give exactly the same values.
_CONFIG = """\
project: undertow
provider: local
registry: data/registry.db
offline_store:
  type: duckdb
online_store:
  type: sqlite
  path: data/online_store.db
entity_key_serialization_version: 3
"""


def _definitions(build: Build, folder: Path, comments: Mapping[str, tuple[str, str | None]]) -> str:
    def fields(names: tuple[str, ...]) -> str:
        lines = []
        for name in names:
            kind, says = comments[name]
            lines.append(f"        Field(name={name!r}, dtype={_TYPES[kind]}, description={json.dumps(says or '')}),\n")
        return "".join(lines)

    vintages = build.file("marts/mart_signal_long/mart_signal_long.parquet").resolve()
    return _DEFINITIONS.format(
        mark=_MARK,
        build_id=build.build_id,
        head=json.dumps(str(folder / HEAD)),
        vintages=json.dumps(str(vintages)),
        head_fields=fields(_HEAD_FEATURES),
        vintage_fields=fields(_VINTAGE_FEATURES),
    )


_DEFINITIONS = '''{mark}"""Signals of Undertow, build {build_id}, as features. README.md says which view is safe to train on."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Array, Float64, Int32, String, UnixTimestamp

signal = Entity(
    name="signal",
    join_keys=["signal_id"],
    value_type=ValueType.STRING,
    description="Id of a signal: its domain, a dot, its name.",
)

# One row for each instant at which the newest number of a signal changed: no look-ahead, whatever is passed.
signal_head = FileSource(name="signal_head", path={head}, timestamp_field="newest_from")

signal_view = FeatureView(
    name="signal",
    entities=[signal],
    ttl=timedelta(0),
    schema=[
{head_fields}        Field(name="period_start", dtype=UnixTimestamp, description="First day of the reference period."),
        Field(name="period_end", dtype=UnixTimestamp, description="Last day of the reference period, inclusive."),
        Field(name="known_at", dtype=UnixTimestamp, description="Instant at which this number became known."),
    ],
    source=signal_head,
    description="Each signal as it was known: its newest period that had a value.",
    tags={{"build_id": "{build_id}"}},
)

# Every vintage, as published. Without filter_by_created_timestamp=True Feast gives numbers before they were known.
signal_vintages = FileSource(
    name="signal_vintages", path={vintages}, timestamp_field="period_start", created_timestamp_column="known_at"
)

signal_vintage_view = FeatureView(
    name="signal_vintage",
    entities=[signal],
    ttl=timedelta(0),
    schema=[
{vintage_fields}    ],
    source=signal_vintages,
    online=False,
    description="Every vintage of every period. Needs filter_by_created_timestamp=True: without it, look-ahead.",
    tags={{"build_id": "{build_id}", "needs": "filter_by_created_timestamp=True"}},
)

levels = FeatureService(name="levels", features=[signal_view[["value"]]], description="The signals in their own units.")
standardised = FeatureService(
    name="standardised",
    features=[signal_view[["z_exp", "rank_exp", "confidence"]]],
    description="The signals on one scale, from strictly earlier history, with their confidence.",
)
'''


def _readme(build: Build, signals: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"| `{row['signal_id']}` | {row['title']} | {row['unit']} | {row['frequency']} | {row['min_history']} |\n"
        for row in signals
    )
    return _README.format(build_id=build.build_id, rows=rows)


_README = """\
# Undertow's signals as a Feast repository

Made by `undertow export feast` from build `{build_id}`. Export again after a run; the registry follows with `feast apply`.

```sh
feast apply
feast materialize-incremental 2026-11-22T00:00:00
```

```python
import pandas as pd
from feast import FeatureStore

store = FeatureStore(".")
asked = pd.DataFrame({{
    "signal_id": ["inflation.cpi_all_12m", "fx.usd_majors_index"],
    "event_timestamp": pd.to_datetime(["2025-12-10T19:00Z", "2025-12-10T19:00Z"]),
}})
store.get_historical_features(asked, features=["signal:value", "signal:z_exp"]).to_df()
```

The entity is the signal: a row of the entity frame names its signal and its instant. Feast does not keep the order of the rows.

| view | event timestamp | created timestamp | use |
| --- | --- | --- | --- |
| `signal` | `newest_from`: when the newest number changed | none | training, serving; equals `FeatureStore.historical` |
| `signal_vintage` | `period_start` | `known_at` | vintages; only with `filter_by_created_timestamp=True`, else look-ahead |

Where Feast's answers differ from Undertow's own:

* `flags` are those of the stored row; Undertow adds STALE as seen from each question's instant.
* `signal_vintage` gives the newest period that had a row, a row without a value included; Undertow then tells the newest period
  that had a value.
* `feast materialize` takes the rows up to its end date; the online store then serves the newest number known by then.

## Signals

| signal | title | unit | frequency | earlier periods that z_exp needs |
| --- | --- | --- | --- | --- |
{rows}"""
