"""Funding markets in a published build: genuine answers of the New York Fed, and one rate that was published twice in a day.

The packaged data of other rooms stays away, so the build holds the rates, the operations and the decisions of the FOMC, and of
the other measures of ample reserves what is made here in the providers' formats: no genuine payload of theirs is at hand.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from assets.frb import OVERDRAFTS_URL
from assets.frb.sample import overdraft_table
from assets.nyfed import API_URL, ELASTICITY_URL, FR2420_URL
from assets.nyfed.sample import elasticity, rates
from tests.integration.conftest import shared_data
from tests.unit.core.test_xlsx import workbook
from undertow.calendars import business_days
from undertow.fetching import SampleFetcher
from undertow.pages.radar import radar_page
from undertow.publish import current_build
from undertow.settings import Home

# a tri-party rate as it stood in the morning, and as it was published again in the afternoon
TWICE = {"2025-04-23T13:00:00Z": (4.30, ""), "2025-04-23T20:00:00Z": (4.32, "r")}


# the domestic banks' share of federal funds in the second quarter of 2025, of which the second half is larger
VOLUMES = [
    [day.isoformat(), 100, 90, 5 if day < date(2025, 6, 16) else 10]
    for day in business_days("FED", date(2025, 4, 1), date(2025, 6, 30))
]
# average overdrafts of 27 quarters: each above the one before it, but the second quarter of 2025
QUARTERS = [(2019 + n // 4, n % 4 + 1, 1.0 + n / 10) for n in range(27)]
QUARTERS[25] = (2025, 2, 2.04)
ESTIMATED = [date(2025, 6, 25), date(2025, 6, 27), date(2025, 10, 31)]


def measures() -> Iterator[tuple[str, str, bytes, str, str]]:
    """Yield source, dataset, content, address and fetch time of the measures of ample reserves."""
    header = ["Date", "Total Volume", "FBO Volume", "Domestic Bank Volume"]
    book = workbook({"Effective Federal Funds Rate": [header, *VOLUMES]})
    yield "nyfed", "fr2420", book, FR2420_URL + "2025/FR2420-summary-statistics-q22025.xlsx", "2025-10-01T12:00:00Z"
    yield "nyfed", "elasticity", elasticity(ESTIMATED), ELASTICITY_URL, "2025-11-20T15:00:00Z"
    table = overdraft_table([(year, quarter, total, total, 0.0) for year, quarter, total in reversed(QUARTERS)])
    yield "frb", "overdrafts", table.encode(), OVERDRAFTS_URL, "2025-12-20T12:00:00Z"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    from orchestration.runner import run

    if not (shared_data() / "nyfed").is_dir():
        pytest.skip("the shared genuine payloads are not here")
    folder = tmp_path_factory.mktemp("funding")
    with (shared_data() / "replay.csv").open(newline="", encoding="utf-8") as handle:
        recorded = [row for row in csv.DictReader(handle) if row["source"] == "nyfed"]
    for row in recorded:
        row["file"] = str(shared_data() / row["file"])
    for number, (fetched_at, (rate, mark)) in enumerate(TWICE.items()):
        content = rates([{"effectiveDate": "2025-04-22", "type": "TGCR", "percentRate": rate, "revisionIndicator": mark}])
        path = folder / f"tgcr{number}.json"
        path.write_bytes(content)
        url = f"{API_URL}rates/secured/tgcr/last/1.json"
        recorded.append(
            {"source": "nyfed", "dataset": "tgcr", "file": str(path), "url": url, "fetched_at": fetched_at, "note": ""}
        )
    for source, dataset, content, url, fetched_at in measures():
        path = folder / dataset
        path.write_bytes(content)
        recorded.append(
            {"source": source, "dataset": dataset, "file": str(path), "url": url, "fetched_at": fetched_at, "note": ""}
        )
    manifest = folder / "replay.csv"
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, ["source", "dataset", "file", "url", "fetched_at", "note"])
        writer.writeheader()
        writer.writerows(recorded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERTOW_HOME", str(folder / "home"))
        packaged = SampleFetcher.packaged  # of the rooms' own files, only the decisions are wanted
        keep = {"prints"}
        patch.setattr(SampleFetcher, "packaged", lambda *a: packaged(*a) if a[1].room.name in keep else iter(()))
        report = run("replay", [manifest])
        assert report.failed_sources == []
        assert [check.name for check in report.checks if not check.passed and check.asset.startswith("landing")] == []
        connection = duckdb.connect(str(current_build(Home(folder / "home")).database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def day(build: duckdb.DuckDBPyConnection, wanted: str, columns: str) -> tuple:
    """Return columns of the newest row of a day."""
    found = build.execute(
        f"SELECT {columns} FROM marts.mart_funding WHERE period_start = CAST(? AS DATE) ORDER BY known_at DESC LIMIT 1",
        [wanted],
    ).fetchall()
    assert len(found) == 1, wanted
    return found[0]


@pytest.mark.parametrize(
    ("wanted", "iorb", "low", "point", "high"),
    [
        ("2019-07-31", 2.35, 99, 99.5, 100),
        ("2019-08-22", 2.10, 25, 46.4286, 50),
        ("2025-06-30", 4.40, 50, 70.8333, 75),
        ("2025-09-30", 4.15, 75, 95, 99),
        ("2025-10-31", 3.90, 99, 99.5, 100),
        ("2025-11-20", 3.90, 50, 55, 75),
        ("2025-12-09", 3.90, 75, 75, 99),
        ("2025-12-10", 3.90, 50, 50, 75),
        ("2025-12-11", 3.65, 50, 56.25, 75),
    ],
)
def test_the_share_of_a_day(
    build: duckdb.DuckDBPyConnection, wanted: str, iorb: float, low: float, point: float, high: float
) -> None:
    columns = "iorb, repo_share_iorb_low, round(repo_share_iorb, 4), repo_share_iorb_high"
    assert day(build, wanted, columns) == (iorb, low, point, high)
    signals = build.execute(
        "SELECT round(value, 4), flags FROM marts.mart_signal_long WHERE signal_id LIKE 'funding.repo_share_iorb%' "
        "AND signal_id NOT LIKE '%month' AND period_start = CAST(? AS DATE) ORDER BY signal_id",
        [wanted],
    ).fetchall()
    assert [value for value, _ in signals] == [point, high, low]
    assert all({"PROXY", "INTERVAL_CENSORED"} <= set(flags) for _, flags in signals)


@pytest.mark.parametrize(
    ("month", "point", "low", "high"),
    [
        ("2025-06", 12.8, 9.3, 20.0),
        ("2025-07", 22.1, 13.2, 32.5),
        ("2025-08", 24.5, 17.1, 41.7),
        ("2025-09", 56.7, 43.0, 67.8),
        ("2025-10", 81.9, 76.1, 89.7),
        ("2025-11", 85.1, 81.7, 94.2),
        ("2025-12", 78.8, 73.7, 90.7),
        ("2026-01", 57.2, 46.7, 70.2),
    ],
)
def test_the_share_of_a_month_weighted_by_volume(
    build: duckdb.DuckDBPyConnection, month: str, point: float, low: float, high: float
) -> None:
    found = build.execute(
        "SELECT round(value, 1), n_missing FROM marts.mart_signal_long WHERE signal_id LIKE 'funding.repo_share_iorb%_month' "
        "AND strftime(period_start, '%Y-%m') = ? ORDER BY signal_id",
        [month],
    ).fetchall()
    assert found == [(high, 0), (low, 0), (point, 0)]


def test_a_month_is_said_once_it_is_over(build: duckdb.DuckDBPyConnection) -> None:
    """October 2025 with the rates of its last day; a month of which too much is missing has no value."""
    rows = build.execute(
        "SELECT strftime(period_start, '%Y-%m'), strftime(known_at, '%Y-%m-%dT%H:%MZ'), obs_status, n_inputs, n_missing, flags "
        "FROM marts.mart_signal_long WHERE signal_id = 'funding.repo_share_iorb_month'"
    ).fetchall()
    found = {month: rest for month, *rest in rows}
    assert len(found) == len(rows), "one row a month: nothing is said before it is over"
    assert found["2025-10"][:4] == ["2025-11-03T13:00Z", "A", 22, 0]
    assert found["2023-11"][:4] == ["2023-12-01T13:00Z", "O", 21, 13]
    assert {"COMPONENT_MISSING", "WINDOW_SPANS_GAP"} <= set(found["2023-11"][4])
    assert found["2026-09"][1:4] == ["O", 21, 21], "rates without volumes have no weights"
    assert "2018-09" not in found, "before the first month with a value nothing was looked for"


@pytest.mark.parametrize(
    ("wanted", "sofr", "p99", "dispersion", "share", "volume"),
    [
        ("2018-09-28", 5, 20, 30, 82, None),
        ("2019-09-13", 10, 30, 24, 99.5, 1134),
        ("2019-09-16", 33, 250, 222, 99.5, 1156),
        ("2019-09-17", 315, 690, 675, 99.5, 1177),
        ("2019-09-30", 55, 140, 120, 99.5, 1097),
        ("2025-06-16", -8, 1, 13, 9, 2697),
        ("2025-06-30", 5, 25, 30, 71, 2946),
        ("2025-09-30", 9, 23, 24, 95, 3148),
        ("2025-10-31", 32, 45, 30, 99.5, 3211),
        ("2025-11-03", 23, 33, 23, 99.5, 3237),
        ("2025-12-31", 22, 35, 30, 99.5, 3485),
        ("2026-01-15", 1, 9, 13, 58, 3201),
        ("2026-09-17", -5, 3, 23, 25, None),
        ("2026-10-08", -3, 5, 12, 31, None),
    ],
)
def test_spreads_of_a_day(
    build: duckdb.DuckDBPyConnection,
    wanted: str,
    sofr: float,
    p99: float,
    dispersion: float,
    share: float,
    volume: float | None,
) -> None:
    columns = "sofr_minus_iorb, sofr_p99_minus_iorb, sofr_dispersion, round(repo_share_iorb, 1), sofr_volume"
    found = day(build, wanted, columns)
    assert found[:3] == (sofr, p99, dispersion)
    assert abs(found[3] - share) <= 0.5
    assert found[4] == volume


@pytest.mark.parametrize(
    ("wanted", "rate", "is_change"),
    [
        ("2025-10-29", 4.15, False), ("2025-10-30", 3.90, True), ("2025-10-31", 3.90, False),
        ("2025-12-10", 3.90, False), ("2025-12-11", 3.65, True),
        ("2026-09-16", 3.65, False), ("2026-09-17", 3.90, True), ("2026-09-18", 3.90, False),
        ("2019-09-18", 2.10, False), ("2019-09-19", 1.80, True),
    ],
)  # fmt: skip
def test_the_rate_on_reserves_changes_on_the_day_after_the_decision(
    build: duckdb.DuckDBPyConnection, wanted: str, rate: float, is_change: bool
) -> None:
    found = day(build, wanted, "iorb, is_policy_change_day, list_contains(flags, 'CALENDAR_SHIFT'), iorb_effective_from")
    assert found[:3] == (rate, is_change, is_change)
    assert (found[3] == date.fromisoformat(wanted)) >= is_change


def test_a_decision_is_known_before_it_is_in_force(build: duckdb.DuckDBPyConnection) -> None:
    """The rise of 17 September 2026, announced on the 16th at 14:00 in New York."""
    for instant, value, end in (
        ("2026-09-16T17:59Z", 3.65, date(2026, 7, 29)),
        ("2026-09-16T18:00Z", 3.90, date(2026, 9, 17)),
    ):
        (row,) = build.execute("SELECT value, period_end FROM as_known(?) WHERE series_id = 'fed.iorb'", [instant]).fetchall()
        assert row == (value, end)


def test_quarter_ends_are_marked(build: duckdb.DuckDBPyConnection) -> None:
    found = build.execute(
        "SELECT DISTINCT period_start FROM marts.mart_funding WHERE is_quarter_end AND period_start >= DATE '2025-01-01' ORDER BY 1"
    ).fetchall()
    expected = [date(2025, 3, 31), date(2025, 6, 30), date(2025, 9, 30), date(2025, 12, 31), date(2026, 9, 30)]
    assert [row[0] for row in found] == expected
    marked = build.execute(
        "SELECT count(*) FROM marts.mart_funding WHERE list_contains(flags, 'CALENDAR_SHIFT') <> (is_quarter_end OR is_policy_change_day)"
    ).fetchone()
    assert marked == (0,)


def test_what_the_facilities_took(build: duckdb.DuckDBPyConnection) -> None:
    assert day(build, "2024-10-16", "on_rrp, srf_takeup") == (272.028, 0.001)
    assert day(build, "2026-09-15", "on_rrp, srf_takeup, srf_treasury, srf_mbs") == (0.7, 0.102, 0.101, 0.001)
    rows = build.execute(
        "SELECT signal_id, value, strftime(known_at, '%Y-%m-%dT%H:%M:%SZ') FROM signals_as_known('2026-09-16') "
        "WHERE signal_id IN ('funding.on_rrp', 'funding.srf_takeup') ORDER BY 1"
    ).fetchall()
    assert rows == [("funding.on_rrp", 0.7, "2026-09-15T17:15:31Z"), ("funding.srf_takeup", 0.102, "2026-09-15T17:45:41Z")]


def test_the_mean_spread_of_a_month(build: duckdb.DuckDBPyConnection) -> None:
    found = build.execute(
        "SELECT strftime(period_start, '%Y-%m') AS month, round(avg(value), 1) FROM marts.mart_signal_long "
        "WHERE signal_id = 'funding.sofr_minus_iorb' AND period_start BETWEEN DATE '2025-09-01' AND DATE '2025-10-31' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert found == [("2025-09", 0.7), ("2025-10", 7.4)]


def test_a_rate_is_known_at_eight_and_the_federal_funds_rate_at_nine(build: duckdb.DuckDBPyConnection) -> None:
    def known(instant: str) -> dict[str, tuple[date, float]]:
        return {
            name: (period, value)
            for name, period, value in build.execute(
                "SELECT series_id, period_end, value FROM as_known(?) WHERE series_id IN ('nyfed.SOFR', 'nyfed.EFFR')",
                [instant],
            ).fetchall()
        }

    eve, thirtieth = (date(2025, 10, 29), 4.27), (date(2025, 10, 30), 4.04)
    assert known("2025-10-31T11:59Z")["nyfed.SOFR"] == eve
    assert known("2025-10-31T12:00Z")["nyfed.SOFR"] == thirtieth
    assert known("2025-10-31T12:59Z")["nyfed.EFFR"][0] == date(2025, 10, 29)
    assert known("2025-10-31T13:00Z")["nyfed.EFFR"][0] == date(2025, 10, 30)


def test_a_rate_that_is_published_again_is_a_revision_of_the_afternoon(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        "SELECT value, strftime(known_at, '%Y-%m-%dT%H:%MZ'), list_contains(flags, 'REVISED') FROM marts.mart_signal_long "
        "WHERE signal_id = 'funding.tgcr_minus_iorb' ORDER BY known_at"
    ).fetchall()
    assert rows == [(-10.0, "2025-04-23T12:00Z", False), (-8.0, "2025-04-23T18:30Z", True)]


def test_a_holiday_is_in_no_calendar_and_a_day_that_is_missing_is_past_due(build: duckdb.DuckDBPyConnection) -> None:
    found = dict(
        build.execute(
            "SELECT reference_period, status FROM calendar_as_known('2026-10-31') WHERE release_id = 'nyfed_secured_rates' "
            "AND reference_period BETWEEN '2025-04-15' AND '2025-04-21' OR release_id = 'nyfed_secured_rates' "
            "AND reference_period = '2026-03-10'"
        ).fetchall()
    )
    assert found == {
        "2025-04-15": "released", "2025-04-16": "released", "2025-04-17": "released", "2025-04-21": "released",
        "2026-03-10": "pending",
    }  # fmt: skip


# --- are reserves ample --------------------------------------------------------------------------------------------------


def ampleness(build: duckdb.DuckDBPyConnection, as_of: str, month: str | None) -> dict[str, dict]:
    """Return the five measures as known at an instant, by their names."""
    rows = build.execute("SELECT * FROM reserve_ampleness(?, day := CAST(? AS DATE)) ORDER BY position", [as_of, month])
    return {row["spoke"]: row for row in rows.to_arrow_table().to_pylist()}


def test_the_radar_of_june_2025(build: duckdb.DuckDBPyConnection) -> None:
    june = ampleness(build, "2026-11-01", "2025-06-15")
    assert list(june) == ["repo_share", "daylight_overdrafts", "late_payments", "domestic_borrowing", "elasticity"]
    share = june["repo_share"]
    assert [round(share[name], 1) for name in ("low", "value", "high")] == [9.3, 12.8, 20.0]
    assert [round(share[f"outward{end}"], 3) for end in ("_low", "", "_high")] == [0.093, 0.128, 0.2]
    assert (share["availability"], share["outward_by"], share["missing_because"]) == ("approximate", "scale", None)
    assert {"INTERVAL_CENSORED", "PROXY"} <= set(share["flags"])
    drafts = june["daylight_overdrafts"]
    assert (drafts["value"], str(drafts["period_start"]), str(drafts["period_end"])) == (2.04, "2025-04-01", "2025-06-30")
    assert drafts["outward"] == 11 / 25, "eleven of the 25 quarters before it were lower"
    late = june["late_payments"]
    assert (late["availability"], late["value"], late["outward"], late["missing_because"]) == (
        "missing",
        None,
        None,
        "not published",
    )
    banks, days = june["domestic_borrowing"], [share for day, _, _, share in VOLUMES if day >= "2025-06"]
    assert banks["value"] == sum(days) / len(days)
    assert (banks["unit"], banks["missing_because"]) == ("percent", "too few earlier values to place it")
    slope = june["elasticity"]
    assert (str(slope["period_start"]), slope["outward"]) == ("2025-06-27", None)
    assert slope["low"] == pytest.approx(slope["value"] - 0.4)
    assert slope["high"] == pytest.approx(slope["value"] + 0.4)


def test_the_radar_knows_no_more_than_its_instant(build: duckdb.DuckDBPyConnection) -> None:
    """On 15 November 2025 only the share of repo of October was known; the newest values of all differ from those of October."""
    then = ampleness(build, "2025-11-15", "2025-10-01")
    assert round(then["repo_share"]["value"], 1) == 81.9
    assert {name: row["missing_because"] for name, row in then.items() if row["value"] is None} == {
        "daylight_overdrafts": "nothing was known of it",
        "late_payments": "not published",
        "domestic_borrowing": "nothing was known of it",
        "elasticity": "nothing was known of it",
    }
    newest = ampleness(build, "2025-11-15", None)
    assert (str(newest["repo_share"]["period_end"]), str(newest["domestic_borrowing"]["period_end"])) == (
        "2025-10-31",
        "2025-06-30",
    )
    assert ampleness(build, "2025-11-02", "2025-10-01")["repo_share"]["missing_because"] == "nothing was known of it"
    assert ampleness(build, "2026-11-01", "2023-11-01")["repo_share"]["missing_because"] == "no value: O"


def test_the_page_of_the_radar_states_what_is_missing(build: duckdb.DuckDBPyConnection) -> None:
    manifest = {"published_at": "2026-11-01T00:00:00Z", "build_id": "20261101T000000Z-0", "origins": ["replay"]}
    page = radar_page(build, manifest, months=[date(2019, 9, 1), date(2025, 6, 1), None])
    cards = re.findall(r'<section class="card" data-month="(.*?)">(.*?)</section>', page, re.DOTALL)
    assert [month for month, _ in cards] == ["2019-09", "2025-06", ""]
    june, newest = cards[1][1], cards[2][1]
    assert re.findall(r'<tr data-spoke="(\w+)">', june) == list(ampleness(build, "2026-11-01", None))
    assert re.findall(r'<circle class="dot (\w+)" data-spoke="(\w+)"', june) == [
        ("approximate", "repo_share"), ("public", "daylight_overdrafts"),
    ]  # fmt: skip
    assert june.count('class="interval"') == 1
    assert june.count('class="outline"') == 1, "two neighbours have a place, and nothing is drawn across the empty spokes"
    assert june.count('class="spoke empty"') == 3
    assert "not published" in june
    assert "12.8</data>" in june
    assert "[9.3, 20.0]" in june
    assert ">2026-01<" in newest
    assert "Sample data" not in page
    assert "://" not in re.sub(r'href="https://[^"]*"', "", page), "nothing is loaded from anywhere"


def test_the_sample_shows_the_domain_and_says_that_it_is_generated(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        "SELECT signal_id, count(value), bool_and(list_contains(flags, 'SYNTHETIC')) FROM marts.mart_signal_long "
        "WHERE signal_id LIKE 'funding.%' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert len(rows) == 16
    assert all(n_values > 0 and is_marked for _, n_values, is_marked in rows)
    assert published.execute("SELECT bool_and(list_contains(flags, 'SYNTHETIC')) FROM marts.mart_funding").fetchone() == (True,)
