"""Reading a published build: as of any instant, in the caller's own kind of data frame.

A reader opens the immutable file of one build, read-only, and never the warehouse; it cannot block a run or be blocked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from undertow.errors import UsageError
from undertow.instants import format_instant, parse_instant
from undertow.publish import Build, current_build, list_builds
from undertow.settings import Home, Settings

__all__ = ["FeatureStore"]

Frame = Literal["arrow", "pandas", "polars"]
Instant = str | datetime | date


class FeatureStore:
    """One published build, open for reading.

    Args:
        build: a build id, the folder of a build, or None for the newest.
        home: folder of the pipeline; None reads ``UNDERTOW_HOME`` (default ``data``).
        frame: the library whose data frames are returned.

    Example:
        >>> store = FeatureStore(frame="pandas")                                    # doctest: +SKIP
        >>> store.as_known("2025-11-15T00:00Z", ["bls.CUUR0000SA0"])["value"]       # doctest: +SKIP
    """

    def __init__(self, build: str | Path | None = None, *, home: Path | str | None = None, frame: Frame = "pandas") -> None:
        self.build = _find(build, Home(home if home is not None else Settings().home))
        self.frame = frame
        self._connection = duckdb.connect(str(self.build.database), read_only=True)
        self._connection.execute("SET TimeZone = 'UTC'")

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def as_known(self, ts: Instant, series: Sequence[str] | None = None) -> Any:
        """Return one row a series: the newest period that had a value at ``ts`` and what later periods were then called.

        Args:
            ts: the knowledge instant (text as in ``undertow.instants``, datetime or date).
            series: series ids; None returns all.

        Raises:
            InstantError: ``ts`` is not an instant.
            UsageError: a series id is unknown to the build.
        """
        return self._read("as_known", ts, "series_id", series, "dim_series")

    def vintages_as_known(self, ts: Instant, series: Sequence[str] | None = None) -> Any:
        """Return every period of each series as it stood at ``ts``, missing ones included. Arguments as ``as_known``."""
        return self._read("vintages_as_known", ts, "series_id", series, "dim_series", "series_id, period_start")

    def signals_as_known(self, ts: Instant, signals: Sequence[str] | None = None) -> Any:
        """Return one row a signal: the newest period that had a value at ``ts``. Arguments as ``as_known``."""
        return self._read("signals_as_known", ts, "signal_id", signals, "mart_signal_long")

    def calendar_as_known(self, ts: Instant, releases: Sequence[str] | None = None) -> Any:
        """Return the release calendar as it stood at ``ts``. Arguments as ``as_known``."""
        return self._read(
            "calendar_as_known",
            ts,
            "release_id",
            releases,
            "dim_release_calendar",
            "release_id, reference_end, component",
        )

    def sql(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the result of a query over schema ``marts`` and the macros."""
        return self._framed(self._connection.execute(query, list(parameters)).to_arrow_table())

    def _read(
        self, macro: str, ts: Instant, key: str, wanted: Sequence[str] | None, register: str, order: str | None = None
    ) -> Any:
        instant = format_instant(parse_instant(ts))
        where, parameters = "", [instant]
        if wanted is not None:
            self._require_known(key, list(wanted), register)
            where = f"WHERE list_contains(?, {key})"
            parameters.append(list(wanted))  # ty: ignore[invalid-argument-type]
        query = f"SELECT * FROM {macro}(?) {where} ORDER BY {order or key}"
        return self._framed(self._connection.execute(query, parameters).to_arrow_table())

    def _require_known(self, key: str, wanted: list[str], register: str) -> None:
        """Raise UsageError, with the nearest ids, where an id is not in the build."""
        rows = self._connection.execute(
            f"SELECT w FROM (SELECT unnest(?) AS w) WHERE w NOT IN (SELECT {key} FROM marts.{register})", [wanted]
        ).fetchall()
        if not rows:
            return
        stranger = rows[0][0]
        near = self._connection.execute(
            f"SELECT DISTINCT {key}, jaro_winkler_similarity({key}, ?) AS s FROM marts.{register} ORDER BY s DESC, 1 LIMIT 3",
            [stranger],
        ).fetchall()
        raise UsageError(f"unknown {key} {stranger!r}; near it are {', '.join(row[0] for row in near)}")

    def _framed(self, table: pa.Table) -> Any:
        """Return an Arrow table as the caller's kind of frame."""
        if self.frame == "arrow":
            return table
        if self.frame == "polars":
            import polars

            return polars.from_arrow(table)
        return table.to_pandas()


def _find(build: str | Path | None, home: Home) -> Build:
    """Return the build that was asked for.

    Raises:
        UsageError: there is no such build.
    """
    if build is None:
        return current_build(home)
    for candidate in list_builds(home):
        if candidate.build_id == str(build) or candidate.path == Path(build).expanduser().resolve():
            return candidate
    raise UsageError(f"there is no build {build}; `undertow publish --list` shows the builds")
