"""Yield curves and the Federal Reserve's liquidity in a published build, from genuine payloads and a few levels of three weeks.

The packaged data of the other rooms stays away. Three weeks have all parts of net liquidity: the statement, the Treasury's account
and reverse repurchase, the latter two as published, in a file of the test.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.integration.conftest import shared_data
from undertow.explain import explain
from undertow.fetching import SampleFetcher
from undertow.instants import parse_instant
from undertow.publish import current_build
from undertow.settings import Home
from undertow.store import FeatureStore

TGA, ON_RRP = "fiscaldata.dts.operating_cash_balance.tga_closing", "nyfed.ON_RRP:accepted"
# the Treasury's closing balance in millions, known at 16:00 on the next day; reverse repurchase in billions, known at 13:15
WEEKS = {
    "2025-06-25": (334_579, 210.879),
    "2025-07-30": (None, 155.0),
    "2025-10-29": (983_859, 19.504),
    "2025-11-19": (900_832, 1.129),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    from orchestration.runner import run

    data = shared_data()
    genuine = [data / f"fed/fredgraph_DGS{years}_2005_2026-02-20.csv" for years in (2, 10, 30)]
    genuine.append(data / "vintages/frb_h41_h10.csv.gz")
    if not all(path.exists() for path in genuine):
        pytest.skip("needs the genuine payloads in ../shared/data")
    folder = tmp_path_factory.mktemp("rates")
    parts = folder / "parts.csv"
    with parts.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["series_id", "period_start", "period_end", "value", "known_at", "unit", "source", "licence"])
        for day, (account, repo) in WEEKS.items():
            next_day = date.fromisoformat(day).replace(day=int(day[-2:]) + 1)
            if account is not None:
                said = f"{next_day} 16:00 America/New_York"
                writer.writerow([TGA, day, day, account, said, "USD millions", "Daily Treasury Statement", "public domain"])
            said = f"{day} 13:15 America/New_York"
            writer.writerow([ON_RRP, day, day, repo, said, "USD bn", "New York Fed", "terms of use"])
        writer.writerow(
            [ON_RRP, "2022-12-30", "2022-12-30", 2553.716, "2022-12-30 13:15 America/New_York", "USD bn", "New York Fed",
             "terms of use"]
        )  # fmt: skip
    manifest = folder / "replay.csv"
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["source", "dataset", "file", "url", "fetched_at", "note"])
        for path in genuine[:3]:
            url = f"https://fred.stlouisfed.org/graph/fredgraph.csv?id={path.name.split('_')[1]}"
            writer.writerow(["fred", "fredgraph_csv", str(path), url, "2026-02-21T12:00:00Z", ""])
        writer.writerow(["file", "vintages", str(genuine[3]), "", "2026-06-18T00:00:00Z", ""])
        writer.writerow(["file", "vintages", str(parts), "", "2026-06-18T00:00:00Z", ""])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERTOW_HOME", str(folder / "home"))
        patch.setattr(SampleFetcher, "packaged", lambda *_: iter(()))
        report = run("replay", [manifest])
    assert report.failed_sources == []
    assert [check.name for check in report.checks if not check.passed and check.asset.startswith("landing")] == []
    return Home(folder / "home")


@pytest.fixture(scope="module")
def build(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(current_build(home).database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def rates(build: duckdb.DuckDBPyConnection, day: str, *columns: str) -> tuple:
    (row,) = build.execute(
        f"SELECT {', '.join(columns)} FROM marts.mart_rates WHERE curve = 'UST' AND period_start = ?", [day]
    ).fetchall()
    return row


def test_the_thirty_year_yield_of_april_2025(build: duckdb.DuckDBPyConnection) -> None:
    """From 4.41 to 4.72 in three observations: 3.37 deviations of the year before the move, which it is no part of."""
    change, z, level, known_at = rates(build, "2025-04-09", "change_3d_30y", "z_3d_30y", "yield_30y", "known_at")
    assert (change, level, round(z, 2)) == (31.0, 4.72, 3.37)
    assert known_at.isoformat() == "2025-04-10T20:15:00+00:00"
    assert rates(build, "2025-04-04", "yield_30y") == (4.41,)
    (largest,) = build.execute(
        "SELECT max(abs(z_3d_30y)) FROM marts.mart_rates WHERE period_start BETWEEN '2025-03-15' AND '2025-06-01'"
    ).fetchone()  # ty: ignore[not-subscriptable]
    assert largest == pytest.approx(3.370028, abs=1e-6)


def test_the_signal_is_the_mart(build: duckdb.DuckDBPyConnection) -> None:
    told = build.execute(
        "SELECT signal_id, value, unit, stress_dir, flags FROM marts.mart_signal_long "
        "WHERE signal_id LIKE 'rates.ust_30y%' AND period_start = '2025-04-09' ORDER BY 1"
    ).fetchall()
    assert [(name, round(value, 2), unit, stress) for name, value, unit, stress, _ in told] == [
        ("rates.ust_30y_3d_change", 31.0, "bp", 1),
        ("rates.ust_30y_3d_z", 3.37, "ratio", 1),
        ("rates.ust_30y_3d_z_abs", 3.37, "ratio", 1),
    ]
    assert all("SECONDARY_SOURCE" in flags for *_, flags in told)


@pytest.mark.parametrize(
    ("column", "peak", "december"), [("rv21_2y", 141.7, 51.7), ("rv21_10y", 121.7, 50.6), ("rv21_30y", 120.8, 46.0)]
)
def test_realised_volatility(build: duckdb.DuckDBPyConnection, column: str, peak: float, december: float) -> None:
    (highest,) = build.execute(
        f"SELECT max({column}) FROM marts.mart_rates WHERE period_start BETWEEN '2025-04-01' AND '2025-05-15'"
    ).fetchone()  # ty: ignore[not-subscriptable]
    assert round(highest, 1) == peak
    assert round(rates(build, "2025-12-26", column)[0], 1) == december


def test_the_proxy_of_implied_volatility_waits_for_its_tenor(build: duckdb.DuckDBPyConnection) -> None:
    """The five-year yield is not among the payloads, so there is no proxy, and the row says why."""
    rows = build.execute(
        "SELECT count(*), count(value), min(n_missing), max(n_missing), bool_and(list_contains(flags, 'COMPONENT_MISSING')), "
        "bool_and(list_contains(flags, 'PROXY')), min(obs_status) FROM marts.mart_signal_long WHERE signal_id = 'rates.move_proxy'"
    ).fetchone()
    assert rows is not None
    assert rows[0] > 5_000
    assert rows[1:] == (0, 1, 1, True, True, "O")


@pytest.mark.parametrize(
    ("since", "until", "short", "long", "regime"),
    [
        ("2025-04-04", "2025-04-11", 28, 47, "bear_steepener"),
        ("2024-09-17", "2025-01-14", 78, 113, "bear_steepener"),
        ("2022-01-03", "2022-06-14", 267, 186, "bear_flattener"),
        ("2025-08-29", "2025-09-16", -8, -19, "bull_flattener"),
    ],
)
def test_four_dated_regimes(
    build: duckdb.DuckDBPyConnection, since: str, until: str, short: int, long: int, regime: str
) -> None:
    """The changes come out of the yields of the mart; the class of each is a unit test of the model, and here that of the span."""
    before, after = (rates(build, day, "yield_2y", "yield_10y") for day in (since, until))
    assert [round(100 * (new - old)) for old, new in zip(before, after, strict=True)] == [short, long]
    level, slope = short + long, long - short
    assert regime == f"{'bear' if level > 0 else 'bull'}_{'steepener' if slope >= 2.5 else 'flattener'}"
    if since == "2025-04-04":
        assert rates(build, until, "short_change_5d", "long_change_5d", "regime_5d") == (short, long, regime)
        assert rates(build, until, "bear_steepening_score", "is_twist_5d") == (19, False)


def test_holidays_are_no_steps(build: duckdb.DuckDBPyConnection) -> None:
    days = build.execute(
        "SELECT period_start::VARCHAR FROM marts.mart_rates WHERE period_start BETWEEN '2025-10-09' AND '2025-10-15' ORDER BY 1"
    ).fetchall()
    assert [day for (day,) in days] == ["2025-10-09", "2025-10-10", "2025-10-14", "2025-10-15"]
    friday, tuesday = rates(build, "2025-10-09", "yield_10y")[0], rates(build, "2025-10-15", "yield_10y", "change_3d_10y")
    assert tuesday[1] == pytest.approx(100 * (tuesday[0] - friday), abs=1e-6)


def liquidity(build: duckdb.DuckDBPyConnection, day: str, *columns: str, as_of: str = "2026-11-21") -> tuple:
    rows = build.execute(
        f"SELECT {', '.join(columns)} FROM marts.mart_fed_liquidity WHERE period_start = ? AND known_at <= ? "
        "ORDER BY known_at DESC LIMIT 1",
        [day, parse_instant(as_of)],
    ).fetchall()
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize(
    ("day", "expected", "known_at"),
    [
        ("2025-06-25", 6_116.742, "2025-06-26T20:30:00+00:00"),
        ("2025-10-29", 5_583.671, "2025-10-30T20:30:00+00:00"),
        ("2025-11-19", 5_653.322, "2025-11-20T21:30:00+00:00"),
    ],
)
def test_net_liquidity_where_all_parts_are_there(
    build: duckdb.DuckDBPyConnection, day: str, expected: float, known_at: str
) -> None:
    """Millions and billions, levels of one Wednesday; public on Thursday at half past four, with the statement."""
    value, instant, missing = liquidity(build, day, "net_liquidity", "known_at", "net_liquidity_missing")
    assert (value, instant.isoformat(), missing) == (expected, known_at, None)


def test_net_liquidity_is_null_with_the_reason_elsewhere(build: duckdb.DuckDBPyConnection) -> None:
    assert liquidity(build, "2025-07-30", "net_liquidity", "net_liquidity_missing", "on_rrp") == (
        None, "no Treasury General Account of that day", 155.0,
    )  # fmt: skip
    nothing = "no Treasury General Account of that day, no overnight reverse repurchase of that day"
    assert liquidity(build, "2025-12-10", "net_liquidity", "net_liquidity_missing", "assets") == (None, nothing, 6_539.303)
    told = build.execute(
        "SELECT value, obs_status, flags, n_inputs, n_missing, confidence FROM marts.mart_signal_long "
        "WHERE signal_id = 'liquidity.net_liquidity' AND period_start = '2025-12-10'"
    ).fetchall()
    assert told == [(None, "O", ["COMPONENT_MISSING"], 1, 2, 0.0)]


def test_parts_of_the_week(build: duckdb.DuckDBPyConnection) -> None:
    assert liquidity(build, "2025-10-29", "reserves", "assets", "tga", "on_rrp") == (2_848.021, 6_587.034, 983.859, 19.504)
    assert liquidity(build, "2019-09-18", "reserves") == (1_394.122,)
    assert liquidity(build, "2025-12-03", "assets") == (6_535.781,)
    assert liquidity(build, "2025-10-29", "rrp_drained", "on_rrp_peak", "on_rrp_peak_day") == (
        2_534.212, 2_553.716, date(2022, 12, 30),
    )  # fmt: skip
    held = [liquidity(build, day, "treasuries_held", "mbs_held") for day in ("2025-10-01", "2025-10-29")]
    pace = liquidity(build, "2025-10-29", "qt_treasuries_4w", "qt_mbs_4w", "qt_pace_4w")
    assert pace[:2] == tuple(round(before - after, 6) for before, after in zip(*held, strict=True))
    assert pace[2] == pytest.approx(sum(pace[:2]))


def test_the_statement_is_not_known_on_its_wednesday(build: duckdb.DuckDBPyConnection) -> None:
    assert build.execute(
        "SELECT count(*) FROM marts.mart_fed_liquidity WHERE known_at < period_start + INTERVAL 1 DAY"
    ).fetchone() == (0,)
    (value,) = build.execute(
        "SELECT value FROM signals_as_known('2025-10-30 16:29 America/New_York') WHERE signal_id = 'liquidity.reserves'"
    ).fetchone()  # ty: ignore[not-subscriptable]
    assert value != 2_848.021
    (value,) = build.execute(
        "SELECT value FROM signals_as_known('2025-10-30 16:30 America/New_York') WHERE signal_id = 'liquidity.reserves'"
    ).fetchone()  # ty: ignore[not-subscriptable]
    assert value == 2_848.021


@pytest.mark.parametrize(
    ("day", "value", "monday"),
    [
        ("2025-04-02", 126.6284, "2025-04-07T20:15:00+00:00"),
        ("2025-04-08", 127.1122, "2025-04-14T20:15:00+00:00"),
        ("2025-04-22", 122.7879, "2025-04-28T20:15:00+00:00"),
        ("2025-04-30", 122.944, "2025-05-05T20:15:00+00:00"),
        ("2025-06-30", 119.8269, "2025-07-07T20:15:00+00:00"),
        ("2025-11-27", None, "2025-12-01T21:15:00+00:00"),  # Thanksgiving: a row without a value
        ("2025-12-26", 119.8529, "2025-12-29T21:15:00+00:00"),
    ],
)
def test_the_broad_dollar_is_known_on_the_monday_after(
    build: duckdb.DuckDBPyConnection, day: str, value: float | None, monday: str
) -> None:
    rows = build.execute(
        "SELECT value, known_at FROM marts.fct_observation WHERE series_id = 'frb.DTWEXBGS' AND period_start = ?", [day]
    ).fetchall()
    assert [(told, instant.isoformat()) for told, instant in rows] == [(value, monday)]


@pytest.mark.parametrize(
    ("signal", "period", "n_inputs"),
    [
        ("rates.ust_30y_3d_z", "2025-04-09", 256),
        ("rates.curve_regime_5d", "2025-04-11", 12),
        ("liquidity.net_liquidity", "2025-10-29", 3),
        ("liquidity.qt_pace_4w", "2025-10-29", 4),
        ("liquidity.rrp_drained", "2025-10-29", 1),  # known on its own day: it waits for no statement
    ],
)
def test_explain_names_the_inputs(home: Home, signal: str, period: str, n_inputs: int) -> None:
    with FeatureStore(home=home.root) as store:
        said = explain(store, signal, parse_instant("2026-03-01"), period)
    assert said.n_inputs == n_inputs
    assert max(item["known_at"] for item in said.inputs) == said.row["known_at"]


def test_the_warehouse_of_an_instant_equals_the_filtered_one(home: Home, tmp_path: Path) -> None:
    """Rule 11 for these marts on genuine data: between the reverse repurchase of Wednesday and the statement of Thursday."""
    from orchestration.warehouse import Warehouse

    instant = parse_instant("2025-10-30T20:00Z")
    database = tmp_path / "cut.duckdb"
    results = Warehouse(home, instant, database).build(tests=False)
    assert [one.name for one in results if one.status not in {"success", "no-op"}] == []
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{home.database}' AS whole (READ_ONLY)")
    connection.execute(f"ATTACH '{database}' AS cut (READ_ONLY)")
    for mart in ("mart_rates", "mart_fed_liquidity"):
        full = f"SELECT * FROM whole.marts.{mart} WHERE known_at <= TIMESTAMP '2025-10-30 20:00:00'"
        part = f"SELECT * FROM cut.marts.{mart}"
        assert connection.execute(f"SELECT count(*) > 1000 FROM {part.removeprefix('SELECT * FROM ')}").fetchone() == (True,)
        assert connection.execute(f"({full} EXCEPT ALL {part}) UNION ALL ({part} EXCEPT ALL {full})").fetchall() == []
    connection.close()
