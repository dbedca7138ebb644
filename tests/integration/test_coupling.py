"""The dollar against equities, to foreign holders and in a cross-asset panel, out of a published build.

Exchange rates, the broad dollar and yields are genuine. The equity index and the VIX are licensed and not shipped: the test makes
files of its own, an invented path through the few levels that are published as percentages, and computes what is to come
out of them with numpy. Who has the genuine closes names two files in the bring-your-own contract in UNDERTOW_TEST_SPX and
UNDERTOW_TEST_VIX (``user.spx`` and ``user.vix``), and the published record of the correlation is checked with them.
"""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.integration.conftest import shared_data
from undertow.calendars import business_days
from undertow.explain import explain
from undertow.fetching import SampleFetcher
from undertow.instants import parse_instant
from undertow.publish import current_build
from undertow.settings import Home
from undertow.store import FeatureStore

COLUMNS = ["series_id", "period_start", "period_end", "value", "known_at", "unit", "source", "licence"]
# levels of the equity index, 100 at the end of 2024: published changes say 2025 +16.39 %, to 30 June +5.50 %, to 8 April -15.28 %,
# 2 to 8 April -12.14 %, 2 to 22 April -6.76 %, 19 February to 23 March 2020 -33.9 %; the rest of April 2025 is an invented path
LEVELS = {
    "2016-01-04": 34.0, "2020-02-19": 57.6, "2020-03-23": 57.6 * 0.661, "2022-08-16": 73.2, "2022-09-30": 73.2 * 0.833,
    "2024-07-31": 93.9, "2024-08-05": 93.9 * 0.939, "2024-12-31": 100.0, "2025-02-19": 104.46, "2025-04-02": 96.426,
    "2025-04-03": 91.7, "2025-04-08": 84.72, "2025-04-09": 92.8, "2025-04-10": 89.6, "2025-04-15": 91.8, "2025-04-16": 89.7,
    "2025-04-17": 89.8, "2025-04-21": 87.7, "2025-04-22": 96.426 * 0.9324, "2025-06-30": 105.50, "2025-11-21": 112.26,
    "2025-12-10": 117.09, "2025-12-31": 116.39,
}  # fmt: skip
VIX = {
    "2020-02-19": 14.4, "2020-03-23": 61.6, "2025-02-19": 15.3, "2025-04-02": 21.5, "2025-04-03": 30.0, "2025-04-08": 52.3,
    "2025-04-09": 33.6, "2025-04-10": 40.7, "2025-04-15": 30.1, "2025-04-16": 32.6, "2025-04-17": 29.6, "2025-04-21": 33.8,
    "2025-04-22": 30.6,
}  # fmt: skip
WITHDRAWN, WITHDRAWN_KNOWN = "2022-05-18", "2022-05-25"
LATE, LATE_KNOWN = "2023-05-10", "2023-05-17"
CORRECTED, CORRECTED_KNOWN = "2024-03-05", "2024-03-20"
REAL_SPX, REAL_VIX = (os.environ.get(name) for name in ("UNDERTOW_TEST_SPX", "UNDERTOW_TEST_VIX"))


def wave(name: str, day: str) -> float:
    """Return an invented number between -1 and 1, always the same."""
    return zlib.crc32(f"{name} {day}".encode()) % 20_001 / 10_000 - 1


def bridged(days: list[str], steps: dict[str, float], points: dict[str, float]) -> dict[str, float]:
    """Return levels that take the steps (logs), each stretch between two points shifted so that it ends where it should."""
    known = sorted(points)
    logs = {known[0]: np.log(points[known[0]])}
    for start, end in pairwise(known):
        between = [day for day in days if start < day <= end]
        shift = (np.log(points[end] / points[start]) - sum(steps[day] for day in between)) / len(between)
        level = np.log(points[start])
        for day in between:
            level += steps[day] + shift
            logs[day] = level
    return {day: round(float(np.exp(logs[day])), 6) for day in days if day in logs}


def broad_dollar(path: Path) -> dict[str, float]:
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["series_id"] == "frb.DTWEXBGS" and row["value"]]
    return {row["period_start"]: float(row["value"]) for row in rows}


def invented(dollar: dict[str, float]) -> tuple[dict[str, float], dict[str, float], dict[str, tuple[float, float]]]:
    """Return invented levels of equities and the VIX, and yields of 5-year notes, plain and inflation-indexed."""
    days = [f"{day}" for day in business_days("US_FEDERAL", date(2016, 1, 4), date(2025, 12, 31))]
    steps = {}
    for before, day in zip([days[0], *days], days, strict=False):
        moved = np.log(dollar[day] / dollar[before]) if day in dollar and before in dollar else 0.0
        # equities and the dollar move against each other, and with each other from April to August 2025
        steps[day] = (1.0 if "2025-04-22" < day < "2025-08-01" else -1.0) * moved + 0.006 * wave("equity", day)
    equity = bridged(days, steps, LEVELS)
    calm = {day: 16 + 3 * wave("vix", day[:7]) + wave("vix", day) for day in days}
    for start, end in (("2020-02-19", "2020-03-23"), ("2025-02-19", "2025-04-22")):
        stretch = bridged(
            days, {day: 0.02 * wave("v", day) for day in days}, {k: v for k, v in VIX.items() if start <= k <= end}
        )
        calm |= stretch
    notes = {day: (4 + 0.3 * wave("5y", day), 1.5 + 0.3 * wave("real", day)) for day in days}
    return equity, {day: round(value, 4) for day, value in calm.items()}, notes


def others(equity: dict[str, float]) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return invented gold, spread of Baa corporate bonds (percent) and implied volatility of Treasury yields."""
    gold, level = {}, 1100.0
    for before, day in pairwise(sorted(equity)):
        level *= (equity[day] / equity[before]) ** -0.25 * np.exp(0.004 * wave("gold", day))
        gold[day] = round(float(level), 4)
    spread = {day: round(2 + 0.6 * wave("baa", day[:7]) + 0.05 * wave("baa", day), 2) for day in equity}
    move = {day: round(80 + 30 * wave("move", day[:7]) + 3 * wave("move", day), 3) for day in equity}
    return gold, spread, move


Told = tuple[str, str, float | str, str]  # series, day, value (empty where it is taken back), known_at


def closes(series_id: str, levels: dict[str, float]) -> list[Told]:
    return [(series_id, day, value, f"{day} 17:00 America/New_York") for day, value in levels.items()]


def with_faults(rows: list[Told]) -> list[Told]:
    """Return the closes with one that is taken back, one that arrives a week late and one that is corrected."""
    faulty = []
    for series_id, day, value, known_at in rows:
        if day == LATE:
            known_at = f"{LATE_KNOWN} 17:00 America/New_York"
        if day == CORRECTED:
            faulty.append((series_id, day, float(value) * 1.03, known_at))
            known_at = f"{CORRECTED_KNOWN} 17:00 America/New_York"
        faulty.append((series_id, day, value, known_at))
        if day == WITHDRAWN:
            faulty.append((series_id, day, "", f"{WITHDRAWN_KNOWN} 17:00 America/New_York"))
    return faulty


def write(path: Path, rows: list[Told], unit: str, licence: str) -> Path:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        writer.writerows(
            [name, day, day, value, known, unit, "invented for a test", licence] for name, day, value, known in rows
        )
    return path


@pytest.fixture(scope="module")
def genuine() -> list[Path]:
    data = shared_data()
    paths = [data / "ecb/eurofxref-hist.zip", data / "vintages/frb_h41_h10.csv.gz"]
    paths += [data / f"fed/fredgraph_DGS{years}_2005_2026-02-20.csv" for years in (2, 10, 30)]
    if not all(path.exists() for path in paths):
        pytest.skip("needs the genuine payloads in ../shared/data")
    return paths


@pytest.fixture(scope="module")
def home(genuine: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("coupling")
    equity, vix, notes = invented(broad_dollar(genuine[1]))
    private = "private, for this test"
    own = with_faults(closes("user.spx", equity))
    files = [
        Path(REAL_SPX) if REAL_SPX else write(folder / "spx.csv", own, "index", private),
        Path(REAL_VIX) if REAL_VIX else write(folder / "vix.csv", closes("user.vix", vix), "index", private),
        write(folder / "notes.csv", closes("frb.DGS5", {day: plain for day, (plain, _) in notes.items()}), "percent", private),
        write(folder / "real.csv", closes("frb.DFII5", {day: real for day, (_, real) in notes.items()}), "percent", private),
        # short rates of two currencies and not of the third
        write(folder / "usd.csv", closes("user.short_rate_usd", dict.fromkeys(equity, 4.0)), "percent", private),
        write(folder / "eur.csv", closes("user.short_rate_eur", dict.fromkeys(equity, 2.0)), "percent", private),
    ]
    gold, spread, move = others(equity)
    files.append(write(folder / "gold.csv", closes("user.gold", gold), "USD per oz", private))
    licensed = write(folder / "move.csv", closes("user.move", move), "bp a year", "licensed to us")
    baa = folder / "baa.csv"
    baa.write_text("observation_date,BAA10Y\n" + "".join(f"{day},{value}\n" for day, value in spread.items()))
    manifest = folder / "replay.csv"
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["source", "dataset", "file", "url", "fetched_at", "note"])
        writer.writerow(["file", "series", licensed, "", "2026-06-18T00:00:00Z", ""])
        url = "https://fred.stlouisfed.org/graph/fredgraph.csv?id=BAA10Y"
        writer.writerow(["fred", "fredgraph_csv", baa, url, "2026-02-21T12:00:00Z", ""])
        writer.writerow(
            ["ecb", "eurofxref_hist", genuine[0], "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip",
             "2026-10-31T08:00:00Z", ""]
        )  # fmt: skip
        for path in genuine[2:]:
            url = f"https://fred.stlouisfed.org/graph/fredgraph.csv?id={path.name.split('_')[1]}"
            writer.writerow(["fred", "fredgraph_csv", path, url, "2026-02-21T12:00:00Z", ""])
        for path in (genuine[1], *files):
            writer.writerow(["file", "vintages", path, "", "2026-06-18T00:00:00Z", ""])
    with pytest.MonkeyPatch.context() as patch:
        from orchestration.runner import run

        patch.setenv("UNDERTOW_HOME", str(folder / "home"))
        patch.setattr(SampleFetcher, "packaged", lambda *_: iter(()))
        report = run("replay", [manifest])
    assert report.failed_sources == []
    return Home(folder / "home")


@pytest.fixture(scope="module")
def build(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(current_build(home).database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def inputs(genuine: list[Path]) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """The broad dollar, equities and the VIX, by day."""
    dollar = broad_dollar(genuine[1])
    equity, vix, _ = invented(dollar)
    return dollar, equity, vix


invented_only = pytest.mark.skipif(bool(REAL_SPX), reason="the answers are those of the invented closes")
FX = "SELECT {columns} FROM marts.mart_fx WHERE period_start = ? AND known_at <= ? ORDER BY known_at DESC LIMIT 1"
NOW = "2026-11-21T00:00Z"


def fx(build: duckdb.DuckDBPyConnection, day: str, *columns: str, as_of: str = NOW) -> tuple:
    rows = build.execute(FX.format(columns=", ".join(columns)), [day, parse_instant(as_of)]).fetchall()
    return rows[0] if rows else (None,) * len(columns)


def log_changes(days: list[str], *levels: dict[str, float]) -> np.ndarray:
    return np.diff(np.log([[level[day] for level in levels] for day in days]), axis=0)


# --- to foreign holders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "local", "eur", "jpy"),
    [
        ("2025-12-31", 16.39, 2.91, 16.18),
        ("2025-06-30", 5.50, -6.48, -2.98),
        ("2025-04-08", -15.28, -19.62, None),
        ("2025-11-21", 12.26, 1.24, None),
        ("2025-12-10", 17.09, 4.56, None),
    ],
)
def test_equities_to_a_foreign_holder(
    build: duckdb.DuckDBPyConnection, day: str, local: float, eur: float, jpy: float | None
) -> None:
    """The published local return is an input, the exchange rates are genuine: what is left of it in euros and yen is the answer."""
    told = fx(build, day, "equity_local_ytd", "equity_unhedged_eur_ytd", "equity_unhedged_jpy_ytd")
    assert [round(value, 2) for value in told[:2]] == [local, eur]
    assert jpy is None or round(told[2], 2) == jpy
    signals = build.execute(
        "SELECT signal_id, value FROM marts.mart_signal_long WHERE period_start = ? AND signal_id IN "
        "('fx.spx_unhedged_eur_ytd', 'fx.equity_unhedged_minus_local_eur_ytd') ORDER BY 1",
        [day],
    ).fetchall()
    assert [value for _, value in signals] == pytest.approx([told[1] - told[0], told[1]], abs=1e-12)


def test_three_weeks_of_april_2025(build: duckdb.DuckDBPyConnection) -> None:
    columns = ("equity_local_ytd", "equity_unhedged_eur_ytd", "equity_unhedged_jpy_ytd")
    before, after = fx(build, "2025-04-02", *columns), fx(build, "2025-04-22", *columns)
    moved = [round(100 * ((100 + b) / (100 + a) - 1), 2) for a, b in zip(before, after, strict=True)]
    assert moved == [-6.76, -12.23, -12.32]


def test_the_hedge_costs_what_short_rates_differ_by(build: duckdb.DuckDBPyConnection) -> None:
    """With 4 percent in dollars and 2 in euros, each month costs the difference; without a rate for the yen, nothing is invented."""
    local, hedged, basis, plain, label = fx(
        build, "2025-03-31", "equity_local_ytd", "equity_hedged_eur_ytd", "hedge_basis_eur", "equity_hedged_jpy_ytd",
        "hedge_basis_jpy",
    )  # fmt: skip
    assert (basis, label, plain) == ("short_rates", "price_only", local)
    ends = ["2024-12-31", "2025-01-31", "2025-02-28", "2025-03-31"]
    if not REAL_SPX:
        levels = [1 + fx(build, day, "equity_local_ytd")[0] / 100 for day in ends[1:]]
        grown = 1.0
        for old, new, start, end in zip([1.0, *levels], levels, ends, ends[1:], strict=False):
            tau = (date.fromisoformat(end) - date.fromisoformat(start)).days / 360
            grown *= new / old + (1 + 0.02 * tau) / (1 + 0.04 * tau) - 1
        assert hedged == pytest.approx(100 * (grown - 1), abs=1e-9)
    assert -0.6 < hedged - local < -0.4
    assert fx(build, "2025-03-31", "equity_unhedged_minus_hedged_eur_ytd")[0] == pytest.approx(
        fx(build, "2025-03-31", "equity_unhedged_eur_ytd")[0] - hedged, abs=1e-12
    )


# --- the dollar and equities ---------------------------------------------------------------------------------------------------


@invented_only
def test_every_correlation_is_numpys(build: duckdb.DuckDBPyConnection, inputs) -> None:
    dollar, equity, _ = inputs
    days = sorted((dollar.keys() & equity.keys()) - {WITHDRAWN})
    changes = log_changes(days, dollar, equity)
    compared = 0
    for span in (21, 63, 126, 252):
        told = dict(
            build.execute(
                "SELECT period_start::VARCHAR, arg_max(value, known_at) FROM marts.mart_signal_long WHERE signal_id = ? "
                "AND period_start <> ? GROUP BY 1",
                [f"fx.usd_equity_corr_{span}d", WITHDRAWN],
            ).fetchall()
        )
        expected = {days[t]: np.corrcoef(changes[t - span : t].T)[0, 1] for t in range(span, len(days))}
        assert told.keys() == expected.keys()
        assert max(abs(told[day] - expected[day]) for day in told) < 1e-9
        assert max(told, key=told.__getitem__) == max(expected, key=expected.__getitem__)
        compared += len(told)
    assert compared > 9_000


@invented_only
def test_joint_falls_against_their_base_rate(build: duckdb.DuckDBPyConnection, inputs) -> None:
    dollar, equity, _ = inputs
    days = sorted((dollar.keys() & equity.keys()) - {WITHDRAWN})
    changes = log_changes(days, dollar, equity)
    joint = (changes < 0).all(axis=1)
    for day in ("2018-06-12", "2020-03-16", "2025-04-22", "2025-12-23"):
        t = days.index(day)
        losses = changes[t - 252 : t, 1] < np.log(0.99)
        share = (losses & (changes[t - 252 : t, 0] < 0)).sum() / losses.sum()
        told = fx(
            build, day, "joint_down_21d", "joint_down_63d", "joint_down_base_252d", "joint_down_excess_63d",
            "equity_losses_252d", "dollar_down_on_equity_losses_252d",
        )  # fmt: skip
        base = joint[t - 315 : t - 63].mean()
        expected = (
            joint[t - 21 : t].mean(),
            joint[t - 63 : t].mean(),
            base,
            joint[t - 63 : t].mean() - base,
            losses.sum(),
            share,
        )
        assert told == pytest.approx(expected, abs=1e-12), day


def test_a_dash_for_dollars_is_no_unwind(build: duckdb.DuckDBPyConnection) -> None:
    """In February and March 2020 the dollar fell on days on which equities did, and rose by 8 percent all the same."""
    days, highest = build.execute(
        "SELECT max(unwind_days_21d), max(unwind_score_21d) FROM marts.mart_fx "
        "WHERE period_start BETWEEN '2020-02-19' AND '2020-03-31'"
    ).fetchone()  # ty: ignore[not-iterable]
    assert days >= 3, "or the control would control nothing"
    assert highest == 0
    levels = [fx(build, day, "usd_broad_index")[0] for day in ("2020-02-19", "2020-03-23")]
    assert round(100 * (levels[1] / levels[0] - 1), 1) == 8.0


@pytest.mark.parametrize(("start", "end"), [("2022-08-16", "2022-09-30"), ("2024-07-31", "2024-08-05")])
def test_other_falls_of_equities_are_no_unwind(build: duckdb.DuckDBPyConnection, start: str, end: str) -> None:
    rows = build.execute(
        "SELECT count(unwind_score_21d), max(unwind_score_21d) FROM marts.mart_fx WHERE period_start BETWEEN ? AND ?",
        [start, end],
    ).fetchone()
    assert rows is not None
    assert rows[0] >= 4
    assert rows[1] == 0


def test_april_2025_is_an_unwind(build: duckdb.DuckDBPyConnection) -> None:
    days, score, change, z = fx(
        build, "2025-04-22", "unwind_days_21d", "unwind_score_21d", "usd_broad_change_21d", "usd_broad_change_21d_z"
    )
    assert score == days / 21 > 0
    assert round(change, 2) == -2.93
    assert z < -1
    (value,) = build.execute(
        "SELECT value FROM marts.mart_signal_long WHERE signal_id = 'fx.unwind_score_21d' AND period_start = '2025-04-22'"
    ).fetchone()  # ty: ignore[not-subscriptable]
    assert value == score


@pytest.mark.skipif(not (REAL_SPX and REAL_VIX), reason="needs the licensed closes, in UNDERTOW_TEST_SPX and UNDERTOW_TEST_VIX")
def test_the_published_record_of_the_correlation(build: duckdb.DuckDBPyConnection) -> None:
    """Of 2016 to 2025: 0.371 on 2025-07-11; and the table of the page on which the correlations were published."""
    assert build.execute(
        "SELECT arg_max(period_start::VARCHAR, value), round(max(value), 3) FROM marts.mart_signal_long "
        "WHERE signal_id = 'fx.usd_equity_corr_63d' AND period_start BETWEEN '2016-01-01' AND '2025-12-31'"
    ).fetchone() == ("2025-07-11", 0.371)
    for day, expected in (("2020-03-31", -0.371), ("2022-09-28", -0.424), ("2025-03-31", -0.331), ("2025-06-30", 0.169)):
        assert round(fx(build, day, "usd_equity_corr_63d")[0], 3) == expected


# --- what was known when -------------------------------------------------------------------------------------------------------


def test_the_broad_dollar_is_known_on_the_monday_after_its_week(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        "SELECT period_start::VARCHAR, round(value, 2), known_at FROM marts.mart_signal_long WHERE signal_id = 'fx.usd_broad_index' "
        "AND period_start IN ('2025-01-17', '2025-11-21') ORDER BY 1"
    ).fetchall()
    assert [(day, value) for day, value, _ in rows] == [("2025-01-17", 129.68), ("2025-11-21", 122.24)]
    assert rows[1][2] == parse_instant("2025-11-24 16:15 America/New_York")
    assert fx(build, "2025-11-21", "usd_broad_index", as_of="2025-11-24T21:14Z") == (None,)
    assert fx(build, "2025-11-21", "usd_majors_index IS NOT NULL", "flags", as_of="2025-11-24T21:14Z") == (
        True, ["COMPONENT_MISSING"],
    )  # fmt: skip


@invented_only
@pytest.mark.parametrize(
    ("as_of", "day"),
    [
        ("2022-05-25T20:59Z", "2022-05-20"),  # before the close of 18 May is taken back
        ("2022-06-01T00:00Z", "2022-05-20"),  # after it
        ("2022-06-01T00:00Z", WITHDRAWN),
        ("2023-05-16T00:00Z", "2023-05-12"),  # without the day that is late
        ("2023-05-31T00:00Z", "2023-05-12"),
        ("2024-03-12T00:00Z", "2024-03-08"),  # with the wrong close
        ("2024-03-31T00:00Z", "2024-03-08"),
        ("2024-03-31T00:00Z", "2024-03-22"),
    ],
)
def test_a_correlation_as_it_was_known(build: duckdb.DuckDBPyConnection, inputs, as_of: str, day: str) -> None:
    dollar, equity, _ = inputs
    instant, states = parse_instant(as_of), {}
    for _, told, value, known_at in with_faults(closes("user.spx", equity)):
        if parse_instant(known_at) <= instant:
            states[told] = value
    days = [told for told in sorted(states) if states[told] != "" and told in dollar and told <= day]
    found = fx(build, day, "usd_equity_corr_63d", as_of=as_of)[0]
    signal = build.execute(
        "SELECT value, obs_status FROM marts.mart_signal_long WHERE signal_id = 'fx.usd_equity_corr_63d' AND period_start = ? "
        "AND known_at <= ? ORDER BY known_at DESC LIMIT 1",
        [day, instant],
    ).fetchall()
    if day == WITHDRAWN:
        assert (found, signal) == (None, [(None, "O")])
        return
    changes = log_changes(days[-64:], dollar, states)
    expected = np.corrcoef(changes.T)[0, 1]
    assert days[-1] == day
    assert found == pytest.approx(expected, abs=1e-9)
    assert signal == [(pytest.approx(expected, abs=1e-9), "A")]


def test_the_warehouse_of_an_instant_equals_the_filtered_one(home: Home, tmp_path: Path) -> None:
    """Rule 11 where a close was taken back, one has not arrived yet, and one will be corrected."""
    from orchestration.warehouse import Warehouse

    instant = parse_instant("2023-05-16T00:00Z")
    database = tmp_path / "cut.duckdb"
    results = Warehouse(home, instant, database).build("+mart_fx +mart_cross_asset +int_signal__emitted", tests=False)
    assert [one.name for one in results if one.status not in {"success", "no-op"}] == []
    connection = duckdb.connect(":memory:")
    connection.execute(f"ATTACH '{home.database}' AS whole (READ_ONLY)")
    connection.execute(f"ATTACH '{database}' AS cut (READ_ONLY)")
    for name in ("marts.mart_fx", "marts.mart_cross_asset", "intermediate.int_signal__emitted"):
        # of a signal the next row's instant is not yet known
        columns = "* EXCLUDE (next_known_at)" if "signal" in name else "*"
        full = f"SELECT {columns} FROM whole.{name} WHERE known_at <= TIMESTAMP '2023-05-16 00:00:00'"
        part = f"SELECT {columns} FROM cut.{name}"
        assert connection.execute(f"SELECT count(*) > 8000 FROM ({part})").fetchone() == (True,)
        assert connection.execute(f"({full} EXCEPT ALL {part}) UNION ALL ({part} EXCEPT ALL {full})").fetchall() == []
    connection.close()


# --- the dollar, real rates and volatility -----------------------------------------------------------------------------------------


def test_the_dollar_on_the_short_real_rate(build: duckdb.DuckDBPyConnection, inputs, genuine: list[Path]) -> None:
    dollar, _, _ = inputs
    _, _, notes = invented(dollar)
    with genuine[2].open(newline="", encoding="utf-8") as handle:
        two = {row[0]: float(row[1]) for row in list(csv.reader(handle))[1:] if row[1] not in ("", ".")}
    days = sorted(dollar.keys() & notes.keys() & two.keys())
    real = {day: two[day] - notes[day][0] + notes[day][1] for day in days}
    t = days.index("2025-04-22")
    window = days[t - 126 : t + 1]
    y = 100 * np.diff(np.log([dollar[day] for day in window]))
    x = 100 * np.diff([real[day] for day in window])
    beta, alpha = np.polyfit(x, y, 1)
    left = y - alpha - beta * x
    beta_told, r2, z, level, flags = fx(
        build, "2025-04-22", "usd_real_rate_beta_126d", "usd_real_rate_r2_126d", "usd_real_rate_residual_z", "real_rate_short",
        "flags",
    )  # fmt: skip
    assert level == pytest.approx(real["2025-04-22"], abs=1e-6)
    assert beta_told == pytest.approx(beta, rel=1e-6)
    assert r2 == pytest.approx(1 - left.var() / y.var(), rel=1e-6)
    assert z == pytest.approx(left[-1] / np.sqrt((left**2).sum() / 124), rel=1e-6)
    assert "PROXY" in flags
    assert build.execute(
        "SELECT bool_and(list_contains(flags, 'PROXY')) FROM marts.mart_signal_long WHERE signal_id LIKE 'fx.usd_real_rate%'"
    ).fetchone() == (True,)


def test_a_rising_dollar_is_no_devaluation(build: duckdb.DuckDBPyConnection) -> None:
    rising, falling = build.execute(
        "SELECT count(*) FILTER (WHERE usd_broad_change_21d >= 0 AND usd_devaluation_vol <> 0), "
        "count(*) FILTER (WHERE usd_broad_change_21d < 0 AND usd_devaluation_vol <> 0) FROM marts.mart_fx"
    ).fetchone()  # ty: ignore[not-iterable]
    assert (rising, falling > 1000) == (0, True)
    row = build.execute(
        "SELECT n_inputs, n_missing, list_sort(list_filter(flags, x -> x IN ('PROXY', 'COMPONENT_MISSING'))) "
        "FROM marts.mart_signal_long WHERE signal_id = 'fx.usd_devaluation_vol' AND period_start = '2025-04-22'"
    ).fetchone()
    assert row == (4, 2, ["COMPONENT_MISSING", "PROXY"]), "VIX, currencies and yields are there, gold and oil are not"


# --- tails, drawdowns, gold and credit ----------------------------------------------------------------------------------------------


def signal_of(build: duckdb.DuckDBPyConnection, name: str, day: str) -> float:
    (value,) = build.execute(
        "SELECT value FROM marts.mart_signal_long WHERE signal_id = ? AND period_start = ? ORDER BY known_at DESC LIMIT 1",
        [name, day],
    ).fetchone()  # ty: ignore[not-subscriptable]
    return value


@invented_only
@pytest.mark.parametrize("day", ["2025-04-22", "2025-11-21"])
def test_the_dollar_on_the_worst_days_of_equities(build: duckdb.DuckDBPyConnection, inputs, day: str) -> None:
    """Weights that halve in 23 days; and the slope over the 25 worst of 252 days alone."""
    dollar, equity, _ = inputs
    days = [told for told in sorted(dollar.keys() & equity.keys()) if told <= day and told != WITHDRAWN]
    x, y = log_changes(days[-253:], dollar, equity).T
    weights = 0.97 ** np.arange(251, -1, -1)
    expected = (weights * x * y).sum() / np.sqrt((weights * x * x).sum() * (weights * y * y).sum())
    assert signal_of(build, "fx.usd_equity_corr_ewma", day) == pytest.approx(expected, abs=1e-9)
    worst = np.argsort(y, kind="stable")[:25]
    slope = np.cov(x[worst], y[worst])[0, 1] / y[worst].var(ddof=1)
    assert signal_of(build, "fx.usd_equity_tail_beta", day) == pytest.approx(slope, abs=1e-8)


@invented_only
def test_equities_gold_and_credit(build: duckdb.DuckDBPyConnection, inputs) -> None:
    _, equity, _ = inputs
    gold, spread, _ = others(equity)
    days = [told for told in sorted(equity) if told <= "2025-04-22" and told != WITHDRAWN]
    closing = np.array([equity[day] for day in days])
    assert signal_of(build, "equity.drawdown_252d", "2025-04-22") == pytest.approx(
        100 * (1 - closing[-1] / closing[-252:].max())
    )
    assert signal_of(build, "equity.distance_from_mean_100d", "2025-04-22") == pytest.approx(
        100 * (closing[-1] / closing[-100:].mean() - 1)
    )
    window = days[-64:]
    y = 100 * np.diff(np.log([gold[day] for day in window]))
    x = 100 * np.diff(np.log([equity[day] for day in window]))
    assert signal_of(build, "equity.gold_beta_63d", "2025-04-22") == pytest.approx(np.polyfit(x, y, 1)[0], abs=1e-9)
    assert signal_of(build, "equity.gold_corr_63d", "2025-04-22") == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)
    drawdown = np.array([1 - closing[n] / closing[max(n - 251, 0) : n + 1].max() for n in range(len(closing))])
    stress = np.array([spread[day] for day in days])
    apart = [(one[-1] - one[-253:-1].mean()) / one[-253:-1].std(ddof=1) for one in (stress, drawdown)]
    assert signal_of(build, "credit.equity_divergence", "2025-04-22") == pytest.approx(apart[0] - apart[1], abs=1e-6)
    assert build.execute("SELECT count(*) FROM marts.mart_signal_long WHERE signal_id LIKE 'equity.bitcoin%'").fetchone() == (
        0,
    )


def test_the_break_even_over_a_month(build: duckdb.DuckDBPyConnection, inputs) -> None:
    _, _, notes = invented(inputs[0])
    days = [day for day in sorted(notes) if day <= "2025-04-22"]
    now, before = (notes[day][0] - notes[day][1] for day in (days[-1], days[-22]))
    assert signal_of(build, "rates.breakeven_5y_21d_change", "2025-04-22") == pytest.approx(100 * (now - before), abs=1e-5)


def test_a_licensed_signal_shows_its_standing_and_not_its_level(build: duckdb.DuckDBPyConnection, inputs) -> None:
    """Neither the user's MOVE nor the spread that the St. Louis Fed makes of yields of Moody's may be passed on."""
    _, spread, move = others(inputs[1])
    for name, series, factor in (("rates.move", move, 1), ("credit.baa_minus_10y", spread, 100)):
        rows = build.execute(
            "SELECT period_start::VARCHAR, value, obs_status, rank_exp, z_exp, confidence > 0 FROM marts.mart_signal_long "
            "WHERE signal_id = ? ORDER BY 1",
            [name],
        ).fetchall()
        assert {(value, status, trusted) for _, value, status, *_, trusted in rows} == {(None, "Q", True)}
        days = sorted(series)
        assert [row[0] for row in rows] == days
        levels = np.array([series[day] * factor for day in days])
        last, earlier = levels[-1], levels[:-1]
        rank = ((earlier < last).sum() + (np.abs(earlier - last) < 1e-9).sum() / 2) / len(earlier)
        assert rows[-1][3] == pytest.approx(rank, abs=1e-3)
        assert rows[-1][4] == pytest.approx((last - earlier.mean()) / earlier.std(ddof=1), abs=1e-6)
    assert build.execute(
        "SELECT count(value), count(*) > 4000 FROM marts.fct_observation WHERE series_id IN ('user.move', 'fred.BAA10Y')"
    ).fetchone() == (0, True)


# --- the cross-asset panel -------------------------------------------------------------------------------------------------------


def test_the_panel_in_force_is_recorded(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute("SELECT DISTINCT panel, n_assets, assets, n_factors FROM marts.mart_cross_asset ORDER BY 1").fetchall()
    kept = {panel: (count, len(assets.split(", ")), factors) for panel, count, assets, factors in rows if factors}
    assert kept == {"free": (13, 13, 3), "free_equity": (14, 14, 3), "g10": (9, 9, 2)}
    assert "jgb" not in "".join(panel for panel, *_ in rows), "Japan's curve is not landed: no row, and no zero"


@pytest.mark.parametrize("day", ["2008-10-15", "2020-03-16", "2025-04-09"])
def test_cross_asset_measures_are_numpys(build: duckdb.DuckDBPyConnection, home: Home, day: str) -> None:
    """From the exchange rates, yields and index in the marts: the panel, and then each measure in the plainest way."""
    rates = ", ".join(f"usd_per_{name}" for name in ("eur", "jpy", "gbp", "chf", "cad", "aud", "nzd", "sek", "nok"))
    rows = build.execute(
        f"SELECT fx.*, y.yield_2y, y.yield_10y, y.yield_30y FROM (SELECT period_start, {rates}, usd_broad_index FROM marts.mart_fx "
        "QUALIFY row_number() OVER (PARTITION BY period_start ORDER BY known_at DESC) = 1) AS fx "
        "INNER JOIN (SELECT period_start, yield_2y, yield_10y, yield_30y FROM marts.mart_rates WHERE curve = 'UST' "
        "QUALIFY row_number() OVER (PARTITION BY period_start ORDER BY known_at DESC) = 1) AS y "
        "ON fx.period_start = y.period_start WHERE fx.period_start <= ? ORDER BY 1",
        [day],
    ).fetchall()
    levels = np.array([row[1:] for row in rows if all(cell is not None for cell in row)], dtype=float)
    assert levels.shape[1] == 13
    levels[:, :10] = np.log(levels[:, :10])
    changes = np.diff(levels, axis=0)
    before, last = changes[-253:-1], changes[-1]
    apart = last - before.mean(axis=0)
    shares = np.linalg.eigvalsh(np.corrcoef(changes[-252:].T)) / 13
    short = np.corrcoef(changes[-63:].T)
    expected = {
        "turbulence": apart @ np.linalg.solve(np.cov(before.T), apart) / 13,
        "mean_pairwise_corr_63d": (short.sum() - 13) / (13 * 12),
        "effective_rank": float(np.exp(-(shares * np.log(shares)).sum())),
    }
    if len(changes) >= 500:
        expected["absorption_ratio"] = np.linalg.eigvalsh(np.corrcoef(changes[-500:].T))[-3:].sum() / 13
    for column, value in expected.items():
        (told,) = build.execute(
            f"SELECT {column} FROM marts.mart_cross_asset WHERE panel = 'free' AND period_start = ? ORDER BY known_at DESC LIMIT 1",
            [day],
        ).fetchone()  # ty: ignore[not-subscriptable]
        assert told == pytest.approx(value, rel=1e-8), column
        (signal,) = build.execute(
            "SELECT value FROM marts.mart_signal_long WHERE signal_id = ? AND period_start = ? ORDER BY known_at DESC LIMIT 1",
            [f"coupling.{column}", day],
        ).fetchone()  # ty: ignore[not-subscriptable]
        assert signal == told


def test_a_row_is_known_with_its_last_asset(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        "SELECT panel, known_at FROM marts.mart_cross_asset WHERE period_start = '2025-11-20' ORDER BY 1"
    ).fetchall()
    monday = parse_instant("2025-11-24 16:15 America/New_York")
    assert rows == [("free", monday), ("free_equity", monday), ("g10", parse_instant("2025-11-20T15:00Z"))]


# --- without files ------------------------------------------------------------------------------------------------------------------


def test_without_a_file_there_is_no_row_and_no_zero(published: duckdb.DuckDBPyConnection) -> None:
    """The sample has sixty closes of a made equity index: windows of 21 days are full on 37 of them, and no other is."""
    assert published.execute(
        "SELECT signal_id, count(*), count(value) FROM marts.mart_signal_long "
        "WHERE signal_id LIKE 'fx.usd_equity%' OR signal_id LIKE 'fx.joint%' "
        "OR signal_id LIKE 'fx.unwind%' OR signal_id LIKE 'fx.%unhedged%' OR signal_id LIKE 'equity.%' OR signal_id = 'rates.move' "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall() == [("fx.joint_down_21d", 37, 37), ("fx.usd_equity_corr_21d", 37, 37)]
    assert published.execute(
        "SELECT count(usd_equity_corr_63d), count(joint_down_21d), count(unwind_score_21d), count(equity_hedged_eur_ytd), "
        "count(hedge_basis_eur), bool_and(list_contains(flags, 'COMPONENT_MISSING')), count(*) > 7000 FROM marts.mart_fx"
    ).fetchone() == (0, 37, 0, 0, 0, True, True)


@pytest.mark.parametrize(
    ("signal", "series"),
    [
        ("fx.usd_equity_corr_63d", {"frb.DTWEXBGS", "user.spx"}),
        ("fx.unwind_score_21d", {"frb.DTWEXBGS", "user.spx", "user.vix"}),
        ("fx.spx_unhedged_eur_ytd", {"user.spx", "ecb.EXR.D.USD.EUR.SP00.A"}),
        ("fx.usd_equity_tail_beta", {"frb.DTWEXBGS", "user.spx"}),
        ("equity.gold_beta_63d", {"user.gold", "user.spx"}),
        ("credit.equity_divergence", {"fred.BAA10Y", "user.spx"}),
        ("rates.breakeven_5y_21d_change", {"frb.DGS5", "frb.DFII5"}),
        ("rates.move", {"user.move"}),
    ],
)
def test_explain_names_the_series(home: Home, signal: str, series: set[str]) -> None:
    with FeatureStore(home=home.root) as store:
        said = explain(store, signal, parse_instant("2026-03-01"), "2025-04-22", inputs=10_000)
    assert {item["series_id"] for item in said.inputs} == series
    assert max(item["known_at"] for item in said.inputs) == said.row["known_at"]
