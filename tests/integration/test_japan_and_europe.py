"""Japan's curve, corrections of the ECB, Germany's trade and effective exchange rates in one published build.

Japan's history is genuine. The answers of the ECB's Data Portal, of Comext and of the BIS are written for the tests in the documented
formats. The packaged data of the rooms stays away.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
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

FIXTURES = Path(__file__).parents[1] / "fixtures"
HISTORY = shared_data() / "fx/jgbcme_all.csv"
BALANCE = "trade.de_cn_capital_goods_balance_12m_bec4"
DOLLAR = "ecb.EXR.D.USD.EUR.SP00.A"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    from orchestration.runner import run

    if not HISTORY.exists():
        pytest.skip("needs Japan's genuine history in ../shared/data/fx")
    folder = tmp_path_factory.mktemp("asia")
    manifest = folder / "replay.csv"
    rows = [
        ("mof", "jgb_curve", HISTORY, "https://www.mof.go.jp/jgbcme_all.csv", "2026-05-23T00:00:00Z"),
        ("ecb", "eurofxref_daily", FIXTURES / "ecb/hist_trailing_comma_and_na.csv", "https://h", "2026-10-31T08:00:00Z"),
        (
            "ecb", "exr_changes", FIXTURES / "ecb/portal_history_with_correction_and_delete.csv", "https://exr",
            "2026-10-31T08:00:00Z",
        ),
        ("eurostat", "comext_bec4", FIXTURES / "eurostat/cube_turns_negative.json", "https://c", "2026-08-18T08:00:00Z"),
        ("eurostat", "comext_bec4", FIXTURES / "eurostat/error_with_status_200.json", "https://c", "2026-09-01T08:00:00Z"),
        (
            "eurostat", "comext_bec4", FIXTURES / "eurostat/cube_revised_and_confidential.json", "https://c",
            "2026-09-16T08:00:00Z",
        ),
        ("bis", "eer_daily", FIXTURES / "bis/daily_with_nan.csv", "https://eer", "2026-08-20T08:00:00Z"),
    ]  # fmt: skip
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["source", "dataset", "file", "url", "fetched_at", "note"])
        writer.writerows([*row, ""] for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERTOW_HOME", str(folder / "home"))
        patch.setattr(SampleFetcher, "packaged", lambda *_: iter(()))
        report = run("replay", [manifest])
    assert report.failed_sources == ["eurostat"]  # one of its payloads is an error with status 200
    (unread,) = [one.error for one in report.landed if one.error]
    assert "the provider answers with an error: INVALID_QUERY_VALUE: product" in unread
    assert [check.name for check in report.checks if not check.passed and check.severity == "ERROR"] == []
    return Home(folder / "home")


@pytest.fixture(scope="module")
def build(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(current_build(home).database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def yields() -> dict[str, list[tuple[date, float]]]:
    """Return the genuine yields by maturity, read by hand."""
    with HISTORY.open(newline="", encoding="ascii") as handle:
        rows = list(csv.reader(handle))
    days = [date(*map(int, row[0].split("/"))) for row in rows[2:]]
    return {
        name: [(day, float(row[place])) for day, row in zip(days, rows[2:], strict=True) if row[place] != "-"]
        for place, name in enumerate(rows[1])
        if place
    }


def japan(build: duckdb.DuckDBPyConnection, day: str, *columns: str) -> tuple:
    (row,) = build.execute(
        f"SELECT {', '.join(columns)} FROM marts.mart_rates WHERE curve = 'JGB' AND period_start = ?", [day]
    ).fetchall()
    return row


# --- Japan ---------------------------------------------------------------------------------------------------------------


def test_known_yields(build: duckdb.DuckDBPyConnection) -> None:
    assert japan(build, "2025-11-20", "yield_10y", "yield_30y", "yield_40y") == (1.824, 3.334, 3.601)
    assert japan(build, "2025-11-17", "yield_40y") == (3.493,)
    assert japan(build, "2025-05-22", "yield_40y") == (3.336,)


def test_a_holiday_has_no_row_and_is_no_step(build: duckdb.DuckDBPyConnection) -> None:
    days = build.execute(
        "SELECT period_start::VARCHAR, yield_40y FROM marts.mart_rates WHERE curve = 'JGB' "
        "AND period_start BETWEEN '2025-11-20' AND '2025-11-26' ORDER BY 1"
    ).fetchall()
    assert days == [("2025-11-20", 3.601), ("2025-11-21", 3.551), ("2025-11-25", 3.561), ("2025-11-26", 3.552)]
    assert japan(build, "2025-11-26", "change_3d_40y") == (pytest.approx(-4.9, abs=1e-6),)
    (zeros,) = build.execute("SELECT count(*) FROM marts.mart_rates WHERE curve = 'JGB' AND yield_40y <= 0").fetchone() or ()
    assert zeros == 0


@pytest.mark.parametrize(("day", "maturity"), [("2025-04-09", "30Y"), ("2025-11-20", "40Y"), ("2013-04-04", "10Y")])
def test_abnormality_and_volatility_by_hand(
    build: duckdb.DuckDBPyConnection, yields: dict[str, list[tuple[date, float]]], day: str, maturity: str
) -> None:
    """R1 and R2 from the genuine file: the 252 changes that end before the window, and 21 changes without their mean."""
    place = [one.isoformat() for one, _ in yields[maturity]].index(day)
    levels = [100 * value for _, value in yields[maturity][place - 255 : place + 1]]
    changes = [after - before for before, after in pairwise(levels)]
    change = levels[-1] - levels[-4]
    tenor = maturity.lower()
    assert japan(build, day, f"change_3d_{tenor}", f"z_3d_{tenor}", f"rv21_{tenor}") == (
        pytest.approx(change, abs=1e-6),
        pytest.approx(change / (3**0.5 * statistics.stdev(changes[:252])), rel=1e-9),
        pytest.approx((252 * statistics.fmean(one * one for one in changes[-21:])) ** 0.5, rel=1e-9),
    )


def test_the_regime_of_november_2025(build: duckdb.DuckDBPyConnection) -> None:
    short, long = japan(build, "2025-11-20", "short_change_5d", "long_change_5d")
    assert (short, long) == (pytest.approx(3.3, abs=1e-6), pytest.approx(11.9, abs=1e-6))
    assert japan(build, "2025-11-20", "regime_5d", "is_twist_5d") == ("bear_steepener", False)
    assert japan(build, "2025-11-20", "bear_steepening_score") == (pytest.approx(8.6, abs=1e-6),)
    # the proxy stands for an index of Treasuries
    assert japan(build, "2025-11-20", "move_proxy", "list_contains(flags, 'PROXY')") == (None, False)
    assert build.execute("SELECT count(*) FROM marts.mart_signal_long WHERE signal_id = 'rates.move_proxy'").fetchone() == (0,)


def test_the_signals_are_the_mart_and_known_in_the_morning_after(build: duckdb.DuckDBPyConnection) -> None:
    told = dict(
        build.execute(
            "SELECT signal_id, value FROM signals_as_known('2025-11-21 09:30 Asia/Tokyo') WHERE signal_id LIKE 'rates.jgb%' "
            "AND period_start = '2025-11-20'"
        ).fetchall()
    )
    columns = "change_3d_30y, z_3d_10y, z_3d_30y, z_3d_40y, rv21_10y, yield_40y, bear_steepening_score"
    names = ["30y_3d_change", "10y_3d_z", "30y_3d_z", "40y_3d_z", "10y_rv21", "40y_level", "bear_steepening_score"]
    expected = dict(zip((f"rates.jgb_{name}" for name in names), japan(build, "2025-11-20", *columns.split(", ")), strict=True))
    assert told == {**expected, "rates.jgb_curve_regime_5d": 4.0}
    assert build.execute(
        "SELECT period_start::VARCHAR, value FROM signals_as_known('2025-11-21 09:29 Asia/Tokyo') "
        "WHERE signal_id = 'rates.jgb_40y_level'"
    ).fetchall() == [("2025-11-19", 3.572)]


def test_the_days_of_2025_without_a_curve(build: duckdb.DuckDBPyConnection) -> None:
    """As of the Tuesday after a long weekend: Friday's yields came that morning."""
    rows = build.execute(
        "SELECT period_start::VARCHAR, value, known_at_basis FROM as_known('2025-11-25 12:00 Asia/Tokyo') "
        "WHERE series_id = 'mof.jgb.40Y'"
    ).fetchall()
    assert rows == [("2025-11-21", 3.551, "lag_rule")]


def test_explain_names_the_yields(home: Home) -> None:
    with FeatureStore(home=home.root) as store:
        said = explain(store, "rates.jgb_40y_level", parse_instant("2025-12-01"), "2025-11-20")
        assert [(item["series_id"], item["value"]) for item in said.inputs] == [("mof.jgb.40Y", 3.601)]
        assert explain(store, "rates.jgb_40y_3d_z", parse_instant("2025-12-01"), "2025-11-20").n_inputs == 256


# --- the ECB -------------------------------------------------------------------------------------------------------------


def states(build: duckdb.DuckDBPyConnection, series: str, day: str) -> list[tuple]:
    rows = build.execute(
        "SELECT value, strftime(known_at, '%d %H:%M:%S'), known_at_basis, obs_status, vintage_number FROM marts.fct_observation "
        "WHERE series_id = ? AND period_start = ? ORDER BY known_at",
        [series, day],
    ).fetchall()
    return rows


def test_a_correction_that_only_the_portal_dates_is_a_vintage(build: duckdb.DuckDBPyConnection) -> None:
    """The file was fetched after the correction and shows the new value alone; it is no news before the correction."""
    assert states(build, DOLLAR, "2026-10-29") == [
        (1.25, "29 14:57:01", "provider", "A", 1),
        (1.2, "30 08:00:00", "provider", "A", 2),
    ]
    assert build.execute("SELECT value FROM vintages_as_known('2026-10-29T16:00Z') WHERE series_id = ? AND "
                         "period_start = '2026-10-29'", [DOLLAR]).fetchall() == [(1.25,)]  # fmt: skip


def test_equal_values_of_both_are_one_vintage(build: duckdb.DuckDBPyConnection) -> None:
    assert states(build, DOLLAR, "2026-10-30") == [(1.1, "30 14:56:59", "provider", "A", 1)]
    assert states(build, DOLLAR, "2026-01-02") == [(1.15, "02 15:00:00", "lag_rule", "A", 1)]


def test_a_withdrawal_is_a_row_and_brings_the_day_before_back(build: duckdb.DuckDBPyConnection) -> None:
    for currency, value, instant in (("JPY", 170.5, "30 17:00:00"), ("GBP", 0.85, "30 16:00:00")):
        series = f"ecb.EXR.D.{currency}.EUR.SP00.A"
        assert states(build, series, "2026-10-30") == [
            (value, "30 14:56:59", "provider", "A", 1),
            (None, instant, "provider", "O", 2),
        ]
        before, after = (
            build.execute(f"SELECT period_start::VARCHAR FROM as_known('{ts}') WHERE series_id = ?", [series]).fetchall()
            for ts in ("2026-10-30T15:30Z", "2026-10-31T12:00Z")
        )
        assert (before, after) == ([("2026-10-30",)], [("2026-10-29",)])


# --- trade and effective rates -------------------------------------------------------------------------------------------


def balances(build: duckdb.DuckDBPyConnection) -> list[tuple]:
    return build.execute(
        "SELECT strftime(period_start, '%Y-%m'), value, strftime(known_at, '%m-%d %H:%M'), obs_status, n_inputs, n_missing "
        "FROM marts.mart_signal_long WHERE signal_id = ? ORDER BY period_start, known_at",
        [BALANCE],
    ).fetchall()


def test_the_balance_turns_negative_and_is_revised(build: duckdb.DuckDBPyConnection) -> None:
    """Twelve months of (5.0 + 0.5) - (4.8 + 0.5) are +2.4; each month from March 2026 on is (5.0 + 0.5) - (5.9 + 0.6) = -1.0."""
    august = "08-17 09:00"
    september = "09-15 09:00"
    assert balances(build) == [
        ("2026-05", pytest.approx(9 * 0.2 - 3), august, "A", 48, 0),
        ("2026-06", pytest.approx(8 * 0.2 - 4), august, "A", 48, 0),
        ("2026-06", pytest.approx(8 * 0.2 - 4.3), september, "A", 48, 0),
        ("2026-07", pytest.approx(7 * 0.2 - 5), august, "A", 48, 0),
        ("2026-07", pytest.approx(7 * 0.2 - 5.3), september, "A", 48, 0),
        # a confidential figure is no zero: the sum of August is missing, and says so
        ("2026-08", None, september, "O", 47, 1),
    ]
    unit, stress, definition = build.execute(
        "SELECT unit, stress_dir, formula FROM internal.signal WHERE signal_id = ?", [BALANCE]
    ).fetchall()[0]
    assert (unit, stress) == ("EUR bn", -1)
    assert "BEC Rev.4" in definition
    assert "neither MIG (Destatis) nor SITC 7" in definition


def test_the_balance_is_a_proxy_and_says_what_it_lacks(build: duckdb.DuckDBPyConnection) -> None:
    flags = dict(
        build.execute(
            "SELECT strftime(period_start, '%Y-%m'), arg_max(flags, known_at) FROM marts.mart_signal_long WHERE signal_id = ? "
            "GROUP BY 1",
            [BALANCE],
        ).fetchall()
    )
    assert all("PROXY" in found for found in flags.values())
    assert [month for month, found in flags.items() if "COMPONENT_MISSING" in found] == ["2026-08"]
    assert "REVISED" in flags["2026-06"]
    assert "REVISED" not in flags["2026-05"]


def test_the_inputs_of_the_balance_give_its_hash(home: Home) -> None:
    with FeatureStore(home=home.root) as store:
        for instant, period in (("2026-08-20", "2026-07"), ("2026-09-20", "2026-07"), ("2026-09-20", "2026-08")):
            said = explain(store, BALANCE, parse_instant(instant), period)
            assert said.inputs_match is True
            assert len(said.inputs) + said.n_inputs_not_listed == 48


def test_effective_rates_are_observations(build: duckdb.DuckDBPyConnection) -> None:
    assert states(build, "bis.WS_EER.D.N.B.US", "2026-08-11") == [(102.04, "20 08:00:00", "first_seen", "A", 1)]
    assert states(build, "bis.WS_EER.D.N.B.US", "2026-08-12") == [(None, "20 08:00:00", "first_seen", "M", 1)]


# --- time ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instant", ["2026-10-30T07:00Z", "2026-09-01T00:00Z"])
def test_the_warehouse_of_an_instant_equals_the_filtered_one(home: Home, tmp_path: Path, instant: str) -> None:
    """Rule 11: between the first value of a rate and its correction, and between two vintages of trade."""
    from orchestration.warehouse import Warehouse

    database = tmp_path / "cut.duckdb"
    results = Warehouse(home, parse_instant(instant), database).build(tests=False)
    assert [one.name for one in results if one.status not in {"success", "no-op"}] == []
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{home.database}' AS whole (READ_ONLY)")
    connection.execute(f"ATTACH '{database}' AS cut (READ_ONLY)")
    limit = instant.removesuffix("Z").replace("T", " ")
    for mart, least in (("mart_rates", 10_000), ("mart_signal_long", 50_000), ("fct_observation", 160_000)):
        full = f"SELECT * FROM whole.marts.{mart} WHERE known_at <= TIMESTAMP '{limit}'"
        part = f"SELECT * FROM cut.marts.{mart}"
        assert connection.execute(f"SELECT count(*) > {least} FROM ({part})").fetchone() == (True,)
        assert connection.execute(f"({full} EXCEPT ALL {part}) UNION ALL ({part} EXCEPT ALL {full})").fetchall() == []
    connection.close()
