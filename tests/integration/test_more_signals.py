"""Signals of the labour market's revisions, of cash and of the next meeting, in a published build of a few payloads.

News releases and rates are genuine. Levels of the CPI, young people's unemployment rate, GDP, reserves, assets of banks and a
federal funds future are made here, the first three from published numbers. The packaged data of the other rooms stays away.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
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

# (month, index, known at in New York); October 2025 was never published
CPI = [
    ("2024-08", 314.796, "2024-09-11 08:30"), ("2024-09", 315.301, "2024-10-10 08:30"), ("2024-10", 315.664, "2024-11-13 08:30"),
    ("2024-11", 315.493, "2024-12-11 08:30"), ("2025-08", 323.976, "2025-09-11 08:30"), ("2025-09", 324.800, "2025-10-24 08:30"),
    ("2025-11", 324.122, "2025-12-18 08:30"),
]  # fmt: skip
YOUTH = {
    "2024-11": 9.5, "2024-12": 9.1, "2025-01": 9.1, "2025-02": 9.4, "2025-03": 9.3, "2025-04": 9.6, "2025-05": 9.7,
    "2025-06": 10.0, "2025-07": 10.0, "2025-08": 10.5, "2025-09": 10.4, "2025-10": None, "2025-11": 10.6,
}  # fmt: skip
# a future that says 12 bp less than the rate on average over December 2025, before the meeting of 10 December
FUTURES = {"2025-11-20": 96.23, "2025-11-19": 96.12}
# an index of thirteen listings of twelve firms, and a day on which some of them are missing
LISTED = {"GOOGL": 12.0, "GOOG": 10.0, "AAA": 11.0, **{f"M{number:02}": 7.0 for number in range(9)}, "BRK.B": 4.0}
WEIGHTS = {"2025-10-02": LISTED, "2025-10-03": {"GOOGL": 12.0, "GOOG": 10.0, "AAA": 11.0}}


def month_end(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{date(year + number // 12, number % 12 + 1, 1) - timedelta(1)}"


def rows() -> Iterator[tuple[object, ...]]:
    public = ("made for a test", "public domain")
    for month, value, known_at in CPI:
        yield "bls.CUUR0000SA0", f"{month}-01", month_end(month), value, f"{known_at} America/New_York", "index", *public, ""
    gone = ("index", *public, "O")
    yield "bls.CUUR0000SA0", "2025-10-01", "2025-10-31", "", "2025-11-21 11:37 America/New_York", *gone
    for month, value in YOUTH.items():
        known_at = f"{date.fromisoformat(month_end(month)) + timedelta(5)} 08:30 America/New_York"
        shown = "" if value is None else value
        yield "bls.LNS14024887", f"{month}-01", month_end(month), shown, known_at, "percent", *public, ""
    for day, price in FUTURES.items():
        yield "user.zq.2025-12", day, day, price, f"{day} 18:00 America/New_York", "price", *public, ""
        # the contract of a month without a meeting before the next one says nothing of it
        yield "user.zq.2026-02", day, day, price + 0.2, f"{day} 18:00 America/New_York", "price", *public, ""
    for day, shares in WEIGHTS.items():
        for ticker, weight in shares.items():
            known_at = f"{day} 18:00 America/New_York"
            yield f"user.spx_weight.{ticker}", day, day, weight, known_at, "percent", *public, ""
    yield (
        "fred.GDP",
        "2025-04-01",
        "2025-06-30",
        30485.7,
        "2025-09-25 08:30 America/New_York",
        "USD bn, annual rate",
        *public,
        "",
    )
    yield (
        "fred.GDP",
        "2025-07-01",
        "2025-09-30",
        31095.1,
        "2025-12-23 08:30 America/New_York",
        "USD bn, annual rate",
        *public,
        "",
    )
    for day, value, known_at in (("2025-11-12", 24900.0, "2025-11-21 16:15"), ("2025-11-19", 25000.0, "2025-12-05 16:15")):
        yield "fred.TLAACBW027SBOG", day, day, value, f"{known_at} America/New_York", "billions of US dollars", *public, ""
    for day, value in (("2025-08-20", 3_300_000), ("2025-11-19", 2_900_000)):
        known_at = f"{date.fromisoformat(day) + timedelta(1)} 16:30 America/New_York"
        yield "frb.WRESBAL", day, day, value, known_at, "millions of US dollars", *public, ""
        yield "frb.WALCL", day, day, 6_600_000, known_at, "millions of US dollars", *public, ""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    from orchestration.runner import run

    if not (shared_data() / "replay.csv").exists():
        pytest.skip("the shared genuine payloads are not here")
    folder = tmp_path_factory.mktemp("more")
    with (shared_data() / "replay.csv").open(newline="", encoding="utf-8") as handle:
        wanted = ("employment_situation", "sofr", "effr")
        rows_of_all = list(csv.DictReader(handle))
    printed = "bls_employment_situation.csv.gz"  # what each of 192 releases printed
    recorded = [row for row in rows_of_all if row["dataset"] in wanted or row["file"].endswith(printed)]
    for row in recorded:
        row["file"] = str(shared_data() / row["file"])
    parts = folder / "parts.csv"
    with parts.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        columns = ("series_id", "period_start", "period_end", "value", "known_at", "unit", "source", "licence", "obs_status")
        writer.writerow(columns)
        writer.writerows(rows())
    manifest = folder / "replay.csv"
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, ["source", "dataset", "file", "url", "fetched_at", "note"])
        writer.writeheader()
        writer.writerows(recorded)
        writer.writerow({"source": "file", "dataset": "vintages", "file": str(parts), "fetched_at": "2026-06-18T00:00:00Z"})
    with pytest.MonkeyPatch.context() as patch:
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


def told(build: duckdb.DuckDBPyConnection, signal: str, day: str, as_of: str = "2026-06-01T00:00Z") -> tuple:
    """Return value, status, missing inputs and flags of a signal's period, as known."""
    row = build.execute(
        "SELECT value, obs_status, n_missing, flags FROM marts.mart_signal_long WHERE signal_id = ? AND period_start = ? "
        "AND known_at <= ? ORDER BY known_at DESC LIMIT 1",
        [signal, day, parse_instant(as_of)],
    ).fetchone()
    return row or ()


# --- revisions and streaks -------------------------------------------------------------------------------------------------------


def test_the_third_rise_in_a_row(build: duckdb.DuckDBPyConnection) -> None:
    """4.1, 4.2, 4.3, 4.4 from June to September 2025; October was never published, and hides whether November's rate rose."""
    streak = [told(build, "labour.unemployment_rise_streak", f"2025-{month:02}-01")[:3] for month in range(6, 13)]
    assert streak == [
        (0.0, "A", 0), (1.0, "A", 0), (2.0, "A", 0), (3.0, "A", 0), (None, "M", 1), (None, "M", 1), (0.0, "A", 0),
    ]  # fmt: skip


def test_a_revision_since_the_first_print(build: duckdb.DuckDBPyConnection) -> None:
    """June 2025: first 147, then 14, then -13 (thousand); the steps add up to the whole."""
    name = "labour.payroll_revision_cumulative"
    assert told(build, name, "2025-06-01", "2025-08-02T00:00Z")[0] == -133
    assert told(build, name, "2025-06-01", "2025-09-06T00:00Z")[0] == -160
    assert told(build, name, "2025-08-01")[0] == -48
    assert told(build, "labour.payroll_revision_size", "2025-09-01")[0] == 33
    assert told(build, "labour.payroll_revision_sum", "2025-09-01")[0] == -33


def test_the_mean_revision_is_that_of_the_months_before(build: duckdb.DuckDBPyConnection) -> None:
    """From the published table of prints: newest estimate less first print, of the twelve months before the release."""
    known_at = build.execute(
        "SELECT known_at FROM marts.mart_signal_long WHERE signal_id = 'labour.payroll_revision_bias_12m' "
        "AND period_start = '2025-12-01'"
    ).fetchall()
    assert known_at == [(parse_instant("2026-01-09T13:30Z"),)]
    values = build.execute(
        "SELECT arg_max(value, known_at) - max(first_print) FROM marts.mart_payroll_revisions WHERE known_at <= ? "
        "AND period_start BETWEEN '2024-12-01' AND '2025-11-01' GROUP BY period_start HAVING max(first_print) IS NOT NULL",
        [known_at[0][0]],
    ).fetchall()
    assert len(values) >= 9
    mean, _, n_missing, flags = told(build, "labour.payroll_revision_bias_12m", "2025-12-01")
    assert mean == pytest.approx(sum(value for (value,) in values) / len(values), abs=1e-9)
    assert (n_missing, "COMPONENT_MISSING" in flags) == (2 * (12 - len(values)), len(values) < 12)


def test_young_people_against_their_own_low(build: duckdb.DuckDBPyConnection) -> None:
    assert told(build, "labour.youth_unemployment_rise", "2025-09-01")[:3] == (1.3, "A", 0)  # 10.4 above 9.1
    assert told(build, "labour.youth_unemployment_rise", "2025-10-01")[:2] == (None, "O")
    value, _, n_missing, flags = told(build, "labour.youth_unemployment_rise", "2025-11-01")
    assert (value, n_missing) == (1.5, 1)
    assert {"COMPONENT_MISSING", "WINDOW_SPANS_GAP"} <= set(flags)
    assert told(build, "labour.youth_unemployment_rise", "2025-06-01") == (), "less than nine months before it"


# --- money -----------------------------------------------------------------------------------------------------------------------


def test_spreads_wait_for_both_rates(build: duckdb.DuckDBPyConnection) -> None:
    """On 30 September 2025 SOFR was 4.24, its 99th percentile 4.38 and the federal funds rate 4.09."""
    assert told(build, "funding.sofr_minus_effr", "2025-09-30")[:3] == (15.0, "A", 0)
    assert told(build, "funding.sofr_p99_minus_median", "2025-09-30")[:3] == (14.0, "A", 0)
    assert told(build, "funding.sofr_minus_effr", "2025-09-30", "2025-10-01T12:59Z") == (), (
        "the federal funds rate comes at nine"
    )
    assert told(build, "funding.sofr_p99_minus_median", "2025-09-30", "2025-10-01T12:00Z")[0] == 14.0


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2025-10-31", 4.22 - (324.800 / 315.301 - 1) * 100),
        ("2025-11-20", 3.91 - (324.800 / 315.301 - 1) * 100),
        ("2025-11-21", None),  # said on the 24th, when October was known to be missing for good
        ("2025-12-17", None),  # said half an hour before November came out
        ("2025-12-18", 3.66 - (324.122 / 315.493 - 1) * 100),
    ],
)
def test_cash_has_no_real_return_while_the_month_is_a_gap(
    build: duckdb.DuckDBPyConnection, day: str, expected: float | None
) -> None:
    value, status, n_missing, _ = told(build, "rates.real_return_on_cash", day)
    assert (status, n_missing) == (("A", 0) if expected is not None else ("O", 1))
    assert value == (pytest.approx(expected, abs=1e-9) if expected is not None else None)


def test_reserves_against_what_they_serve(build: duckdb.DuckDBPyConnection) -> None:
    """A week is held against the newest quarter and the newest week of banks' assets that were known with it."""
    assert told(build, "liquidity.reserves_pct_gdp", "2025-11-19")[0] == pytest.approx(100 * 2900 / 30485.7)
    assert told(build, "liquidity.reserves_chg_13w", "2025-11-19")[0] == -400.0
    # the statement of 20 November is older than the banks' of 12 November, which came on the 21st
    assert told(build, "liquidity.reserves_pct_bank_assets", "2025-11-19") == ()


# --- the next meeting --------------------------------------------------------------------------------------------------------------


def test_odds_of_a_cut_from_the_future_of_the_meetings_month(build: duckdb.DuckDBPyConnection) -> None:
    """31 days, ten of them before the decision: the mean of 3.77 beside 3.88 leaves 3.717619, and 64.95 % of a cut."""
    value, status, n_missing, _ = told(build, "rates.cut_odds", "2025-11-20")
    assert build.execute(
        "SELECT value FROM marts.fct_observation WHERE series_id = 'nyfed.EFFR' AND period_end = '2025-11-19'"
    ).fetchone() == (3.88,)
    assert (round(value, 2), status, n_missing) == (64.95, "A", 0)
    assert told(build, "rates.cut_odds_entropy", "2025-11-20")[0] == pytest.approx(0.647741, abs=1e-5)
    assert told(build, "rates.cut_odds", "2025-11-19")[0] == 0.0
    assert told(build, "rates.cut_odds_entropy", "2025-11-19")[0] == 0.0


# --- concentration -----------------------------------------------------------------------------------------------------------------


def test_share_classes_are_one_firm(build: duckdb.DuckDBPyConnection) -> None:
    """Twelve and ten percent of one firm: 22, 11 and eight times 7 percent are the ten largest."""
    assert told(build, "equity.top10_weight", "2025-10-02")[:3] == (22 + 11 + 8 * 7.0, "A", 0)
    assert told(build, "equity.top10_weight_by_listing", "2025-10-02")[0] == 12 + 10 + 11 + 7 * 7.0
    hhi = (22**2 + 11**2 + 9 * 7**2 + 4**2) / 10_000
    assert told(build, "equity.concentration_hhi", "2025-10-02")[0] == pytest.approx(hhi)
    assert told(build, "equity.effective_members", "2025-10-02")[0] == pytest.approx(1 / hhi)
    assert 1 / 12 <= hhi <= 1
    value, status, _, flags = told(build, "equity.top10_weight", "2025-10-03")
    assert (value, status, "COMPONENT_MISSING" in flags) == (None, "O", True), "members are missing: nothing is said"


# --- lineage and time ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "period", "series"),
    [
        ("labour.unemployment_rise_streak", "2025-09", {"bls.LNS14000000"}),
        ("labour.youth_unemployment_rise", "2025-09", {"bls.LNS14024887"}),
        ("funding.sofr_minus_effr", "2025-09-30", {"nyfed.SOFR", "nyfed.EFFR"}),
        ("rates.real_return_on_cash", "2025-10-31", {"nyfed.SOFR", "bls.CUUR0000SA0"}),
        ("rates.cut_odds", "2025-11-20", {"user.zq.2025-12", "user.zq.2026-02", "nyfed.EFFR"}),
        ("liquidity.reserves_pct_gdp", "2025-11-19", {"frb.WRESBAL", "fred.GDP"}),
    ],
)
def test_explain_names_the_inputs(home: Home, signal: str, period: str, series: set[str]) -> None:
    with FeatureStore(home=home.root) as store:
        said = explain(store, signal, parse_instant("2026-06-01"), period, inputs=10_000)
    assert {item["series_id"] for item in said.inputs} == series
    assert said.inputs_match is not False


def test_the_warehouse_of_an_instant_equals_the_filtered_one(home: Home, tmp_path: Path) -> None:
    """Rule 11 between the day on which October was known to be missing and the one on which November came."""
    from orchestration.warehouse import Warehouse

    instant, database = parse_instant("2025-12-10T19:00Z"), tmp_path / "cut.duckdb"
    results = Warehouse(home, instant, database).build("+mart_signal_long", tests=False)
    assert [one.name for one in results if one.status not in {"success", "no-op"}] == []
    connection = duckdb.connect(":memory:")
    connection.execute(f"ATTACH '{home.database}' AS whole (READ_ONLY)")
    connection.execute(f"ATTACH '{database}' AS cut (READ_ONLY)")
    full = "SELECT * FROM whole.marts.mart_signal_long WHERE known_at <= TIMESTAMP '2025-12-10 19:00:00'"
    part = "SELECT * FROM cut.marts.mart_signal_long"
    counted = "SELECT count(DISTINCT signal_id) FROM (" + part + ") WHERE split_part(signal_id, '.', 1) IN ('labour', 'rates')"
    assert connection.execute(counted).fetchone() == (16,)
    assert connection.execute(f"({full} EXCEPT ALL {part}) UNION ALL ({part} EXCEPT ALL {full})").fetchall() == []
    connection.close()
