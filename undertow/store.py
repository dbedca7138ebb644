"""Reading a published build: as of any instant, in the caller's own kind of data frame.

A reader opens the immutable file of one build, read-only, and never the warehouse; it cannot block a run or be blocked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from undertow import clock
from undertow.asof import DETAILS, look_up, look_up_each, resolve
from undertow.calendars import at_local, day_grid
from undertow.errors import UsageError
from undertow.features import FEATURE_LISTS, read_feature_lists
from undertow.frames import Frame, column, column_names, instants_of, to_frame, with_columns
from undertow.instants import format_instant, parse_instant
from undertow.pages.known import known_page
from undertow.pages.radar import MONTHS as RADAR_MONTHS
from undertow.pages.radar import radar_page
from undertow.publish import PAGES, Build, current_build, list_builds
from undertow.remote import build_at
from undertow.remote_builds import is_address
from undertow.settings import Home, Settings

__all__ = ["FeatureStore", "find_build"]

Instant = str | datetime | date

_FEATURES = """
SELECT signal_id AS feature, title, split_part(signal_id, '.', 1) AS domain, unit, stress_dir, frequency, min_history,
    stale_after_days, method_version, formula
FROM internal.signal
"""


class FeatureStore:
    """One published build, open for reading.

    Args:
        build: a build id, the folder of a build, the address of an object store (``s3://bucket/prefix``, its current build) or
            of one build in it (``s3://bucket/prefix/published/<build id>``), or None for the newest.
        home: folder of the pipeline; None reads ``UNDERTOW_HOME`` (default ``data``).
        frame: the library whose data frames are returned.

    Example:
        >>> store = FeatureStore(frame="pandas")                                    # doctest: +SKIP
        >>> store.as_known("2025-11-15T00:00Z", ["bls.CUUR0000SA0"])["value"]       # doctest: +SKIP
    """

    def __init__(self, build: str | Path | None = None, *, home: Path | str | None = None, frame: Frame = "pandas") -> None:
        self.home = Home(home if home is not None else Settings().home)
        self.build = find_build(build, self.home)
        self.frame = frame
        self._connection = duckdb.connect(str(self.build.database), read_only=True)
        # A registered frame has no statistics: DuckDB takes it for one row and would compare every pair (1.5.5).
        self._connection.execute("SET TimeZone = 'UTC'; SET asof_loop_join_threshold = 0")

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

    def headline_as_known(self, ts: Instant) -> Any:
        """Return the headline series in their order as ``as_known`` tells them, and the releases kept without values.

        Of such a release the row says which period had come and what later ones were called; its ``series_id`` is null.

        Raises:
            InstantError: ``ts`` is not an instant.
            UsageError: the build was published before there were headline series.
        """
        self._require_headlines()
        return self._read("headline_as_known", ts, "series_id", None, "dim_series", "position")

    def known_page(self, as_of: Instant | None = None, series: Sequence[str] | None = None) -> str:
        """Return the page "what was known" as one HTML text: the reader chooses any instant on it.

        Args:
            as_of: the instant it opens at; by default that at which the build was published.
            series: series ids; None shows the headline series.

        Raises:
            InstantError: ``as_of`` is not an instant.
            UsageError: a series id is unknown to the build, or the build was published before there were headline series.
        """
        if series is None:
            self._require_headlines()
        else:
            self._require_known("series_id", list(series), "dim_series")
        instant = None if as_of is None else parse_instant(as_of)
        return known_page(self._connection, self.build.manifest, as_of=instant, series=series)

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

    def reserve_ampleness(self, ts: Instant, day: date | str | None = None) -> Any:
        """Return the five measures of ample reserves as known at ``ts``, those without a value included.

        Args:
            ts: the knowledge instant.
            day: any day of the month that is meant; a measure by the quarter tells the quarter of it. None for the newest
                period that had a value.

        Raises:
            InstantError: ``ts`` or ``day`` cannot be read.
            UsageError: the build was published before there was this table.
        """
        self._require_table("ampleness_spoke", "the measures of reserve ampleness")
        parameters = [format_instant(parse_instant(ts)), None if day is None else _day(day)]
        answer = self._connection.execute("SELECT * FROM reserve_ampleness(?, day := ?) ORDER BY position", parameters)
        return to_frame(answer.to_arrow_table(), self.frame)

    def claims_as_known(self, ts: Instant, claims: Sequence[str] | None = None) -> Any:
        """Return the claims of the essays as they stood at ``ts``, beside the verdict of the day on which each was written.

        One row for each number that a claim states, one for a claim that nothing measures; essays written later have none.

        Args:
            ts: the knowledge instant.
            claims: ids such as F14; None gives all.

        Raises:
            InstantError: ``ts`` is not an instant.
            UsageError: a claim is unknown to the build, or the build was published before there was this table.
        """
        self._require_table("mart_claims_audit", "the claims of the essays", schema="marts")
        return self._read("claims_as_known", ts, "claim_id", claims, "mart_claims_audit", "position, measure")

    def fragility(self, ts: Instant, days: int | None = None) -> Any:
        """Return the composite by weekday as known at an instant (rows of mart_fragility), oldest first.

        Args:
            ts: the knowledge instant.
            days: only so many newest weekdays; None: all.
        """
        limit = "" if days is None else f" LIMIT {int(days)}"
        newest = f"SELECT * FROM marts.mart_fragility WHERE known_at <= ? ORDER BY period_start DESC{limit}"
        return self.sql(f"SELECT * FROM ({newest}) ORDER BY period_start", [parse_instant(ts)])

    def radar_page(self, as_of: Instant | None = None, months: Sequence[date | None] = RADAR_MONTHS) -> str:
        """Return the page "are reserves ample" as one HTML text.

        Args:
            as_of: the knowledge instant; by default that at which the build was published.
            months: for each radar a day of its month, or None for the newest values.

        Raises:
            InstantError: ``as_of`` is not an instant.
            UsageError: the build was published before there was this table.
        """
        self._require_table("ampleness_spoke", "the measures of reserve ampleness")
        instant = None if as_of is None else parse_instant(as_of)
        return radar_page(self._connection, self.build.manifest, as_of=instant, months=months)

    def page(self, name: str, as_of: Instant | None = None) -> str:
        """Return a page of the build as one HTML text, as known at an instant.

        Args:
            name: of the page: known, radar, crossborder, credit.
            as_of: the knowledge instant; by default that at which the build was published.

        Raises:
            InstantError: ``as_of`` is not an instant.
            UsageError: there is no such page, or the build is older than it.
        """
        if (wanted := PAGES.get(f"{name}.html")) is None:
            raise UsageError(f"there is no page {name!r}; there are {', '.join(page.removesuffix('.html') for page in PAGES)}")
        instant = None if as_of is None else parse_instant(as_of)
        try:
            return wanted(self._connection, self.build.manifest, as_of=instant)
        except duckdb.CatalogException:
            raise UsageError(f"build {self.build.build_id} is older than the page {name!r}: run `undertow run`") from None

    def historical(
        self,
        entity_df: Any,
        features: Sequence[str] | str | None = None,
        *,
        timestamp: str = "as_of",
        feature: str = "feature",
        known_by: Instant | None = None,
        details: bool = False,
        columns: Sequence[str] = ("value",),
    ) -> Any:
        """Return the rows of ``entity_df``, in their order, with each feature as it was known at the row's own instant.

        A value is that of the newest reference period that had one at that instant (design rule 5), never a later
        revision of it. A feature of which nothing was known yet is null. Every row needs an instant; there is no
        "newest by default".

        Two forms. Wide: ``features`` names series and signals, and each becomes a column. Long: without ``features``
        each row names its own in the column ``feature``, and the answer is a column ``value``.

        Args:
            entity_df: a DataFrame of pandas or polars, or an Arrow table; it stays as it was.
            features: series ids and signal ids; None for the long form.
            timestamp: the column of instants: timestamps (of any zone; without one, UTC), dates (their midnight in
                UTC) or texts as ``undertow.instants`` reads them.
            feature: the column of ids in the long form.
            known_by: nothing that became known after this instant is used, whatever a row's own instant.
            details: add for each feature ``<feature>__period_end``, ``<feature>__known_at`` and ``<feature>__flags`` (in the
                long form ``period_end``, ``known_at`` and ``flags``). The flags include STALE as seen from the row's
                instant; DELAYED needs the calendar: ask ``as_known``.
            columns: what to return of each feature: ``value`` (the column ``<feature>``), the columns of ``details`` and, of
                signals, ``z_exp``, ``rank_exp`` and ``confidence`` (the columns ``<feature>__z_exp`` and so on).

        Returns:
            A frame of the library of ``entity_df``; a pandas index is kept.

        Raises:
            UsageError: a row lacks its instant or its feature, a feature is unknown (the nearest ids are named), or a
                column is missing, unknown or already there.

        Example:
            >>> store.historical(trades, ["fx.usd_majors_index", "bls.CUUR0000SA0"], timestamp="traded_at")  # doctest: +SKIP
        """
        instants = instants_of(column(entity_df, timestamp), timestamp)
        if known_by is not None:
            instants = np.minimum(instants, int(parse_instant(known_by).timestamp() * 1_000_000))
        wanted = list(dict.fromkeys([*columns, *(DETAILS if details else ())]))
        if not wanted:
            raise UsageError("name at least one column")
        if features is None:
            return with_columns(entity_df, self._long(entity_df, feature, instants, wanted))
        ids = [features] if isinstance(features, str) else list(features)
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice or not ids:
            raise UsageError(f"the feature {twice[0]!r} is named twice" if twice else "name at least one feature")
        catalogue = resolve(self._connection, pa.array(ids, pa.string()))
        answers = look_up_each(self._connection, catalogue, instants, wanted)
        told = {
            name if column_ == "value" else f"{name}__{column_}": answer[column_]
            for name, answer in zip(ids, answers, strict=True)
            for column_ in wanted
        }
        return with_columns(entity_df, pa.table(told))

    def _long(self, entity_df: Any, feature: str, instants: np.ndarray, columns: Sequence[str]) -> pa.Table:
        """Answer rows that each name their own feature."""
        if feature not in column_names(entity_df):
            raise UsageError(f"name features, or give entity_df a column {feature!r} that names one in each row")
        named = column(entity_df, feature)
        if named.null_count:
            raise UsageError(f"{named.null_count:,} rows of entity_df name no feature in column {feature!r}")
        coded = pc.dictionary_encode(named)
        catalogue = resolve(self._connection, coded.dictionary)
        return look_up(self._connection, catalogue, coded.indices.to_numpy(), instants, columns)

    def panel(
        self,
        features: Sequence[str] | str,
        start: date | str,
        end: date | str,
        freq: str = "D",
        *,
        at: str = "00:00",
        zone: str = "UTC",
        calendar: str | None = None,
        known_by: Instant | None = None,
        details: bool = False,
        columns: Sequence[str] = ("value",),
    ) -> Any:
        """Return features on a regular grid of knowledge instants: ``historical`` for the days from ``start`` to ``end``.

        Args:
            features: series ids and signal ids.
            start: the first day; with ``W`` it sets the day of the week.
            end: the last day, included.
            freq: ``D`` every day, ``B`` Mondays to Fridays, ``W`` every seventh day, ``M`` the last day of each month.
            at: the local time of day at which each row asks what is known.
            zone: the zone of that time; the clocks' changes are followed.
            calendar: with ``B``, the business days of this calendar (one of ``undertow.calendars.CALENDARS``).
            known_by: as in ``historical``.
            details: as in ``historical``.
            columns: as in ``historical``.

        Returns:
            A frame with ``as_of`` (UTC) and a column for each feature.

        Raises:
            UsageError: as ``historical``; or the days, the step, the time or the zone make no grid.

        Example:
            >>> store.panel("fx.usd_majors_index", "2025-01-01", "2025-12-31", "B",
            ...             at="16:00", zone="America/New_York")                                     # doctest: +SKIP
        """
        days = day_grid(_day(start), _day(end), freq, calendar)
        instants = pa.array([at_local(day, at, zone) for day in days], pa.timestamp("us", tz="UTC"))
        grid = pa.table({"as_of": instants})
        return to_frame(self.historical(grid, features, known_by=known_by, details=details, columns=columns), self.frame)

    def latest(
        self,
        features: Sequence[str] | str,
        as_of: Instant | None = None,
        *,
        details: bool = False,
        columns: Sequence[str] = ("value",),
    ) -> Any:
        """Return one row with the features as they are known now: what a model that was trained on ``historical`` is fed.

        Now is the clock of this machine when the method is called, and the instant that was used stands in the column
        ``as_of``: the same call later may answer otherwise. The build knows nothing newer than its own fetches.

        Args:
            features: series ids and signal ids.
            as_of: another instant than now.
            details: as in ``historical``.
            columns: as in ``historical``.

        Raises:
            UsageError: as ``historical``.
        """
        instant = clock.now() if as_of is None else parse_instant(as_of)
        row = pa.table({"as_of": pa.array([instant], pa.timestamp("us", tz="UTC"))})
        return to_frame(self.historical(row, features, details=details, columns=columns), self.frame)

    def features(self, features: Sequence[str] | None = None) -> Any:
        """Return what each signal is: one row a signal, in the order of the ids.

        The columns are ``feature``, ``title``, ``domain``, ``unit``, ``stress_dir`` (1: higher is more stress; -1: lower is),
        ``frequency``, ``min_history`` (earlier periods that ``z_exp`` and ``rank_exp`` need), ``stale_after_days``,
        ``method_version`` and ``formula``. Series are described by ``marts.dim_series``.

        Args:
            features: signal ids; None gives all.

        Raises:
            UsageError: a signal is unknown to the build.
        """
        where, parameters = "", []
        if features is not None:
            wanted = [features] if isinstance(features, str) else list(features)
            self._require_known("signal_id", wanted, "signal", schema="internal")
            where, parameters = "WHERE list_contains(?, signal_id)", [wanted]
        return self.sql(f"{_FEATURES} {where} ORDER BY signal_id", parameters)

    def feature_lists(self) -> dict[str, list[str]]:
        """Return the named lists of features: ``all`` signals, one list for each domain, and the user's own.

        The user's own stand in the file ``feature_lists.yml`` of the home: a mapping of names to lists of signal ids and
        series ids. An id there may be a pattern of signals with ``*``, such as ``funding.*``.

        Raises:
            UsageError: the file is no such mapping, takes the name of a list that is there already, or names a feature that
                this build does not know.
        """
        ids = [row["signal_id"] for row in self.rows("SELECT signal_id FROM internal.signal ORDER BY signal_id")]
        lists: dict[str, list[str]] = {"all": ids}
        for signal in ids:
            lists.setdefault(signal.partition(".")[0], []).append(signal)
        own = read_feature_lists(self.home.root / FEATURE_LISTS, ids, taken=lists)
        self.require_known(sorted({feature for features in own.values() for feature in features}))
        return lists | own

    def feature_list(self, name: str) -> list[str]:
        """Return the ids of one named list, to be given to ``historical``, ``panel`` or ``latest``.

        Raises:
            UsageError: there is no such list, or as ``feature_lists``.

        Example:
            >>> store.historical(trades, store.feature_list("funding"))                                    # doctest: +SKIP
        """
        lists = self.feature_lists()
        if name not in lists:
            raise UsageError(f"there is no feature list {name!r}; there are {', '.join(lists)}")
        return lists[name]

    def sql(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the result of a query over schema ``marts`` and the macros."""
        return to_frame(self._connection.execute(query, list(parameters)).to_arrow_table(), self.frame)

    def rows(self, query: str, parameters: Sequence[Any] = (), **tables: pa.Table) -> list[dict[str, Any]]:
        """Return the rows of a query as mappings; ``tables`` are Arrow tables that it names."""
        for name, table in tables.items():
            self._connection.register(name, table)
        try:
            return self._connection.execute(query, list(parameters)).to_arrow_table().to_pylist()
        finally:
            for name in tables:
                self._connection.unregister(name)

    def require_known(self, features: Sequence[str]) -> None:
        """Raise UsageError, with the nearest ids, where a series or a signal is not in the build."""
        resolve(self._connection, pa.array(features, pa.string()))

    def _read(
        self, macro: str, ts: Instant, key: str, wanted: Sequence[str] | None, register: str, order: str | None = None
    ) -> Any:
        instant = format_instant(parse_instant(ts))
        where, parameters = "", [instant]
        if wanted is not None:
            self._require_known(key, list(wanted), register)
            # an equality reaches the scans inside a macro, a list does not
            where = f"WHERE {key} = ?" if len(wanted) == 1 else f"WHERE list_contains(?, {key})"
            parameters.append(wanted[0] if len(wanted) == 1 else list(wanted))  # ty: ignore[invalid-argument-type]
        query = f"SELECT * FROM {macro}(?) {where} ORDER BY {order or key}"
        return to_frame(self._connection.execute(query, parameters).to_arrow_table(), self.frame)

    def _require_headlines(self) -> None:
        self._require_table("headline", "headline series", "name a series, or ")

    def _require_table(self, name: str, what: str, else_: str = "", schema: str = "internal") -> None:
        """Raise UsageError where a build is older than something it is asked for."""
        found = "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
        if not self.rows(found, [schema, name]):
            raise UsageError(f"build {self.build.build_id} was published before there were {what}: {else_}run `undertow run`")

    def _require_known(self, key: str, wanted: list[str], register: str, schema: str = "marts") -> None:
        """Raise UsageError, with the nearest ids, where an id is not in the build."""
        rows = self._connection.execute(
            f"SELECT w FROM (SELECT unnest(?) AS w) WHERE w NOT IN (SELECT {key} FROM {schema}.{register})", [wanted]
        ).fetchall()
        if not rows:
            return
        stranger = rows[0][0]
        near = self._connection.execute(
            f"SELECT DISTINCT {key}, jaro_winkler_similarity({key}, ?) AS s FROM {schema}.{register} "
            "ORDER BY s DESC, 1 LIMIT 3",
            [stranger],
        ).fetchall()
        raise UsageError(f"unknown {key} {stranger!r}; near it are {', '.join(row[0] for row in near)}")


def _day(value: date | str) -> date:
    """Return a day; a text is one as ``undertow.instants`` reads it, without a time."""
    return value if isinstance(value, date) else parse_instant(value).date()


def find_build(build: str | Path | None, home: Home) -> Build:
    """Return the build that was asked for.

    Raises:
        UsageError: there is no such build.
        StoreError: the object store that was named does not answer, or holds something damaged.
    """
    if build is None:
        return current_build(home)
    if is_address(build):
        return build_at(str(build))
    for candidate in list_builds(home):
        if candidate.build_id == str(build) or candidate.path == Path(build).expanduser().resolve():
            return candidate
    raise UsageError(f"there is no build {build}; `undertow publish --list` shows the builds")
