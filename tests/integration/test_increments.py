"""A warehouse that grows by what landed equals one built anew, row for row, whatever landed and in whatever order."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from orchestration.increment import Increment, find_increment, landed
from orchestration.warehouse import Warehouse
from undertow.atomic import write_bytes
from undertow.history import parquet_bytes
from undertow.landing import prepare
from undertow.room import load_room, room_names
from undertow.schemas import TABLES
from undertow.settings import Home

ECB = "ecb.EXR.D.{}.EUR.SP00.A"
CPI = "bls.CUSR0000SA0"


@pytest.fixture(scope="module")
def small_home(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ten currencies since 2023 and the consumer price series of the signals, as landed; 41,000 rows in all."""
    home = Home(tmp_path_factory.mktemp("small")).ensure()
    for name in room_names():
        prepare(load_room(name), home.landing)
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    some = {
        "ecb": "series_id LIKE 'ecb.EXR.D.%' AND period_start >= DATE '2023-01-01'",
        "bls": "series_id SIMILAR TO 'bls.CU[SU]R0000SA(0|0L1E|H1|F1)' AND period_start >= DATE '1960-01-01'",
    }
    for room, condition in some.items():
        for table in ("observation", "series", "release_event"):
            where = {"observation": condition, "series": condition.split(" AND ")[0], "release_event": "true"}[table]
            source = sample_home.landing / room / table / "*.parquet"
            rows = connection.execute(f"SELECT * FROM read_parquet('{source}') WHERE {where}").to_arrow_table()
            _land(home, room, table, "first", rows)
    connection.close()
    return home


def _land(home: Home, room: str, table: str, name: str, rows: pa.Table) -> None:
    write_bytes(home.landing / room / table / f"{name}.parquet", parquet_bytes(rows.cast(TABLES[table])))


def _observations(series_id: str, values: dict[date, float | None], fetched_at: datetime, **other: object) -> pa.Table:
    """Return landed observations of one payload; monthly where the first day of a month is asked for a BLS series."""
    rows = []
    for day, value in values.items():
        end = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1) if "bls." in series_id else day
        rows.append(
            {
                "series_id": series_id,
                "period_start": day,
                "period_end": end,
                "value": value,
                "known_at": fetched_at,
                "known_at_basis": "first_seen",
                "obs_status": "A" if value is not None else "O",
                "flags": [],
                "footnotes": [],
                "fetched_at": fetched_at,
                "payload_sha256": f"payload of {fetched_at:%Y-%m-%dT%H:%M}",
                "origin": "live",
                "parser_version": 1,
                "parsed_at": fetched_at,
            }
            | other
        )
    return pa.Table.from_pylist(rows, schema=TABLES["observation"])


def _a_new_day(home: Home) -> None:
    """The ECB's rates of one more day, in two files."""
    at = datetime(2026, 11, 2, 15, 30, tzinfo=UTC)
    currencies = ["USD", "JPY", "GBP", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK"]
    for part, names in (("a", currencies[:4]), ("b", currencies[4:])):
        tables = [_observations(ECB.format(name), {date(2026, 11, 2): 1.5 + i}, at) for i, name in enumerate(names)]
        _land(home, "ecb", "observation", f"day-{part}", pa.concat_tables(tables))


def _a_correction_and_a_withdrawal(home: Home) -> None:
    """An old dollar rate is corrected, and a price index is taken back and said again later."""
    first, later = datetime(2026, 11, 3, 9, tzinfo=UTC), datetime(2026, 11, 4, 9, tzinfo=UTC)
    _land(home, "ecb", "observation", "corrected", _observations(ECB.format("USD"), {date(2025, 3, 3): 1.11}, first))
    gone = _observations("bls.CUUR0000SAH1", {date(2026, 7, 1): None}, first)
    back = _observations("bls.CUUR0000SAH1", {date(2026, 7, 1): 351.5}, later)
    _land(home, "bls", "observation", "taken-back", pa.concat_tables([gone, back]))


def _a_late_old_payload(home: Home) -> None:
    """A payload of long ago that nobody had: older vintages of a restated series, before everything else in time."""
    at = datetime(2025, 9, 20, 12, tzinfo=UTC)
    months = {date(2025, month, 1): 320.0 + month / 10 for month in range(1, 9)}
    _land(home, "bls", "observation", "found", _observations(CPI, months, at))


def _another_description(home: Home) -> None:
    """A series is described anew and moves to the calendar of another release."""
    path = home.landing / "bls" / "series" / "first.parquet"
    rows = duckdb.sql(f"SELECT * FROM read_parquet('{path}') WHERE series_id = 'bls.CUUR0000SAF1'").to_arrow_table()
    row = rows.to_pylist()[0]
    row |= {"title": "Food, described anew", "release_id": None, "fetched_at": datetime(2026, 11, 5, 9, tzinfo=UTC)}
    _land(home, "bls", "series", "anew", pa.Table.from_pylist([row], schema=TABLES["series"]))


def _a_word_of_the_calendar(home: Home) -> None:
    """The price release of a month is cancelled, and another one comes out."""
    at = datetime(2026, 11, 6, 9, tzinfo=UTC)
    row = {
        "release_id": "cpi", "component": "all", "reference_period": "2026-09", "reference_end": date(2026, 9, 30),
        "event": "cancelled", "event_at": None, "announced_at": at, "announced_basis": "notice", "flags": [],
        "merged_into": None, "reason": "A test", "source": "A test", "fetched_at": at, "payload_sha256": "word",
        "origin": "live", "parser_version": 1, "parsed_at": at,
    }  # fmt: skip
    _land(home, "bls", "release_event", "word", pa.Table.from_pylist([row], schema=TABLES["release_event"]))


def _a_number_dated_by_day(home: Home) -> None:
    """A series of a family of releases, whose provider names the day and not the hour."""
    at = datetime(2027, 1, 5, 9, tzinfo=UTC)
    row = {
        **{name: "A test" for name in ("title", "agency", "unit", "licence", "source_url")},
        **{"series_id": GDP, "decimals": 1, "frequency": "Q", "seasonal_adjustment": "SA", "revision_policy": "revised"},
        **{"release_id": "gdp", "component": None, "stale_after_days": 200, "fetched_at": at, "payload_sha256": "accounts"},
        **{"origin": "live", "parser_version": 1, "parsed_at": at},
    }
    _land(home, "bea", "series", "accounts", pa.Table.from_pylist([row], schema=TABLES["series"]))
    dated = {"known_at": datetime(2026, 12, 25, 4, 59, 59, tzinfo=UTC), "known_at_basis": "provider", "flags": ["KNOWN_LATE"]}
    rows = _observations(GDP, {date(2026, 7, 1): 2.1}, at, period_end=date(2026, 9, 30), **dated)
    _land(home, "bea", "observation", "accounts", rows)


def _an_estimate_of_its_family(home: Home) -> None:
    """The third estimate came on that day, so the value has its hour, though it belongs to the family and not to the estimate."""
    at = datetime(2026, 12, 24, 13, 30, tzinfo=UTC)
    row = {
        "release_id": "gdp_third", "component": "all", "reference_period": "2026-Q3", "reference_end": date(2026, 9, 30),
        "event": "released", "event_at": at, "announced_at": at, "announced_basis": "release", "flags": [],
        "merged_into": None, "reason": None, "source": "A test", "fetched_at": at, "payload_sha256": "third",
        "origin": "live", "parser_version": 1, "parsed_at": at,
    }  # fmt: skip
    _land(home, "bea", "release_event", "third", pa.Table.from_pylist([row], schema=TABLES["release_event"]))


GDP = "bea.NIPA.test.Q"
G10 = {ECB.format(name) for name in ("USD", "JPY", "GBP", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK")}
PRICES = {f"bls.CU{kind}R0000{item}" for kind in "SU" for item in ("SA0", "SA0L1E", "SAH1", "SAF1")}
# What lands, one after the other, and the series that each touches.
STEPS = [
    (_a_new_day, G10),
    (_a_correction_and_a_withdrawal, {ECB.format("USD"), "bls.CUUR0000SAH1"}),
    (_a_late_old_payload, {CPI}),
    (_another_description, {"bls.CUUR0000SAF1"}),
    (_a_word_of_the_calendar, PRICES - {"bls.CUUR0000SAF1"}),
    (_a_number_dated_by_day, {GDP}),
    (_an_estimate_of_its_family, {GDP}),
]


@pytest.fixture(scope="module")
def growing(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse of the small home, whole."""
    warehouse = Warehouse(small_home, None, tmp_path_factory.mktemp("growing") / "undertow.duckdb")
    assert _failed(warehouse.build(tests=False)) == []
    return warehouse


def _failed(results) -> list[str]:
    return [f"{r.name}: {r.message}" for r in results if r.status not in {"success", "no-op", "pass", "warn"}]


def _differences(grown: Path, anew: Path) -> dict[str, tuple[int, int, int]]:
    """Return for each table of the marts and for the head: rows only in one, rows only in the other, rows."""
    connection = duckdb.connect(":memory:")
    connection.execute(f"ATTACH '{grown}' AS grown (READ_ONLY)")
    connection.execute(f"ATTACH '{anew}' AS anew (READ_ONLY)")
    tables = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'anew' "
        "AND (schema_name = 'marts' OR table_name = 'int_observation__head') ORDER BY 1"
    ).fetchall()
    found = {}
    for (table,) in tables:
        counts = [
            connection.execute(f"SELECT count(*) FROM (FROM {a}.{table} EXCEPT ALL FROM {b}.{table})").fetchall()[0][0]
            for a, b in (("grown", "anew"), ("anew", "grown"))
        ]
        rows = connection.execute(f"SELECT count(*) FROM anew.{table}").fetchall()[0][0]
        found[table] = (counts[0], counts[1], rows)
    connection.close()
    return found


def test_a_grown_warehouse_equals_one_built_anew(growing: Warehouse, small_home: Home, tmp_path: Path) -> None:
    anew = Warehouse(small_home, None, tmp_path / "undertow.duckdb")
    before, rows = landed(small_home.landing), [_rows(growing)]
    for place, (step, series) in enumerate(STEPS):
        step(small_home)
        increment = find_increment(small_home.landing, before, growing.database)
        assert increment is not None, step.__doc__
        assert set(increment.series) == series, step.__doc__
        assert _failed(growing.build(increment=increment, tests=place == 0)) == []
        if place % 2 or place == len(STEPS) - 1:  # the others are compared with the one after them
            assert _failed(anew.build(tests=False)) == []
            differences = _differences(growing.database, anew.database)
            assert {table: found for table, found in differences.items() if found[:2] != (0, 0)} == {}, step.__doc__
            empty = {table for table, found in differences.items() if not found[2]}
            # no such series are landed here
            nothing = (
                "basis_proxy",
                "cross_border",
                "cross_border_holdings",
                "fed_liquidity",
                "fiscal",
                "fragility",
                "fragility_input",
                "funding",
                "labour",
                "payroll_revisions",
                "private_credit_dispersion",
                "private_credit_filings",
                "private_credit_lines",
                "private_credit_marks",
                "rates",
                "reserve_ampleness",
            )
            assert empty == {f"marts.mart_{name}" for name in nothing}, empty
        before, rows = landed(small_home.landing), [*rows, _rows(growing)]
    # nine rates; a correction, a null and a value; eight vintages; a gap that is none outside the release; a gap for each index;
    # a number, and its hour
    assert [after - first for first, after in pairwise(rows)] == [9, 3, 8, -1, 7, 1, 0]
    with duckdb.connect(str(growing.database), read_only=True) as connection:
        known = connection.execute("SELECT known_at, known_at_basis FROM marts.fct_observation WHERE series_id = ?", [GDP])
        assert known.fetchall() == [(datetime(2026, 12, 24, 13, 30), "calendar")]


def _rows(warehouse: Warehouse) -> int:
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        return connection.execute("SELECT count(*) FROM marts.fct_observation").fetchall()[0][0]


def test_no_increment_where_files_went_away_or_most_is_new(growing: Warehouse, small_home: Home, tmp_path: Path) -> None:
    now = landed(small_home.landing)
    assert find_increment(small_home.landing, now, growing.database) == Increment([], [])
    assert find_increment(small_home.landing, {**now, "bls/observation/gone.parquet": 10}, growing.database) is None
    resized = {**now, "ecb/observation/day-a.parquet": 1}
    assert find_increment(small_home.landing, resized, growing.database) is None
    mostly_new = {name: size for name, size in now.items() if not name.startswith("ecb/observation/first")}
    assert find_increment(small_home.landing, mostly_new, growing.database) is None
    unknown = small_home.landing / "bls" / "holding" / "a.parquet"
    unknown.parent.mkdir()
    _land(small_home, "bls", "holding", "a", TABLES["holding"].empty_table())
    assert find_increment(small_home.landing, now, growing.database) is None
    unknown.unlink()
    unknown.parent.rmdir()
