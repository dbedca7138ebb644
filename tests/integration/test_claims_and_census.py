"""Weekly claims and Census indicators in a published build, made from a replay of generated payloads.

The payloads are those of the rooms' samples, replayed as if they had been recorded, with one release left out. The packaged data of the
other rooms stays away, so the build holds these two rooms alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from assets.census import sample as census
from assets.dol import release_url
from assets.dol import sample as dol
from undertow.fetching import SampleFetcher
from undertow.publish import current_build
from undertow.settings import Home

CLAIMS = "dol.InitialClaims.SA"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    from orchestration.runner import run

    folder = tmp_path_factory.mktemp("claims")
    manifest = folder / "replay.csv"
    rows = [("dol", one) for one in dol.payloads()] + [("census", one) for one in census.payloads()]
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["source", "dataset", "file", "url", "fetched_at", "note"])
        for number, (source, one) in enumerate(rows):
            if one.url != release_url(2025, 12, 4):
                (folder / f"{number}.bin").write_bytes(one.content)
                writer.writerow([source, one.dataset, f"{number}.bin", one.url, one.fetched_at, ""])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERTOW_HOME", str(folder / "home"))
        patch.setattr(SampleFetcher, "packaged", lambda *_: iter(()))
        report = run("replay", [manifest])
        assert report.failed_sources == []
        assert [check.name for check in report.checks if not check.passed and check.asset.startswith("landing")] == []
        connection = duckdb.connect(str(current_build(Home(folder / "home")).database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def known(build: duckdb.DuckDBPyConnection, as_of: str, series: str = CLAIMS) -> tuple:
    (row,) = build.execute(
        "SELECT strftime(period_end, '%Y-%m-%d'), value, strftime(known_at, '%Y-%m-%dT%H:%MZ'), known_at_basis, next_period, "
        "next_status FROM as_known(?) WHERE series_id = ?",
        [as_of, series],
    ).fetchall()
    return row


@pytest.mark.parametrize(
    ("as_of", "week", "known_at", "next_period"),
    [
        ("2025-09-25T12:29Z", "2025-09-13", "2025-09-18T12:30Z", "2025-09-20"),
        ("2025-09-25T12:30Z", "2025-09-20", "2025-09-25T12:30Z", "2025-09-27"),
        ("2025-10-30", "2025-09-20", "2025-09-25T12:30Z", "2025-09-27"),
        ("2025-11-20T13:29Z", "2025-09-20", "2025-09-25T12:30Z", "2025-09-27"),
        ("2025-11-20T13:30Z", "2025-11-15", "2025-11-20T13:30Z", "2025-11-22"),
        ("2025-11-26 08:30 America/New_York", "2025-11-22", "2025-11-26T13:30Z", "2025-11-29"),
    ],
)
def test_newest_week_of_claims(
    build: duckdb.DuckDBPyConnection, as_of: str, week: str, known_at: str, next_period: str
) -> None:
    """As of 2025-10-30 the newest week is that of 20 September, although the series later shows the weeks of the lapse."""
    value = 1000.0 * dol.initial(date.fromisoformat(week), advance=True)
    assert known(build, as_of)[:5] == (week, value, known_at, "provider", next_period)


def test_weeks_of_the_lapse_are_pending_until_the_release_that_made_up_for_them(build: duckdb.DuckDBPyConnection) -> None:
    assert known(build, "2025-10-30")[5] in {"pending", "rescheduled", "cancelled"}
    lapse = build.execute(
        "SELECT period_end, value, known_at, flags FROM marts.fct_observation WHERE series_id = ? AND vintage_number = 1 "
        "AND period_end BETWEEN '2025-09-27' AND '2025-11-08' ORDER BY period_end",
        [CLAIMS],
    ).fetchall()
    assert [row[1] for row in lapse] == [1000.0 * dol.initial(row[0]) for row in lapse]
    assert len(lapse) == 7
    assert {row[2].isoformat() for row in lapse} == {"2025-11-20T13:30:00+00:00"}
    assert {tuple(row[3]) for row in lapse} == {()}


def test_no_value_is_known_before_its_release(build: duckdb.DuckDBPyConnection) -> None:
    early = build.execute(
        "SELECT count(*) FROM marts.fct_observation WHERE series_id LIKE 'dol.%' AND known_at < period_end + INTERVAL 3 DAY"
    ).fetchone()
    assert early == (0,)


def test_an_advance_figure_and_its_revision_are_two_rows(build: duckdb.DuckDBPyConnection) -> None:
    week = date(2025, 9, 13)
    assert dol.initial(week, advance=True) != dol.initial(week)
    rows = build.execute(
        "SELECT value, strftime(known_at, '%Y-%m-%d'), obs_status, flags, vintage_number FROM marts.fct_observation "
        "WHERE series_id = ? AND period_end = ? ORDER BY known_at",
        [CLAIMS, week],
    ).fetchall()
    first, second = 1000.0 * dol.initial(week, advance=True), 1000.0 * dol.initial(week)
    assert rows == [
        (first, "2025-09-18", "P", ["PRELIMINARY"], 1),
        (second, "2025-09-25", "A", ["REVISED"], 2),
    ]


def test_the_long_table_said_again_makes_no_new_rows(build: duckdb.DuckDBPyConnection) -> None:
    """Each release repeats a year of weeks, and the report two; a week has its advance figure, its revision, and no more."""
    (most,) = build.execute(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM marts.fct_observation WHERE series_id = ? GROUP BY period_end)", [CLAIMS]
    ).fetchall()
    assert most == (2,)


def test_a_week_whose_release_we_lack_is_known_from_the_next_one_at_the_latest(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        "SELECT strftime(known_at, '%Y-%m-%d'), flags FROM marts.fct_observation WHERE series_id = ? AND period_end = '2025-11-29'",
        [CLAIMS],
    ).fetchall()
    assert rows == [("2026-10-15", ["KNOWN_LATE"])]
    assert build.execute(
        "SELECT status, strftime(actual_at, '%Y-%m-%d') FROM calendar_as_known('2025-12-05') "
        "WHERE release_id = 'initial_claims' AND reference_period = '2025-11-29'"
    ).fetchall() == [("released", "2025-12-04")]


def test_insured_unemployment_is_a_week_behind(build: duckdb.DuckDBPyConnection) -> None:
    assert known(build, "2025-10-30", "dol.ContinuedClaims.SA")[0] == "2025-09-13"
    assert known(build, "2025-11-20T13:30Z", "dol.IUR.SA")[0] == "2025-11-08"


def test_census_levels_are_never_known_before_we_could_have_them(build: duckdb.DuckDBPyConnection) -> None:
    """A later answer's revision is another row; the first answer's values count from it, or from the last release before it."""
    rows = build.execute(
        "SELECT strftime(period_end, '%Y-%m'), value, strftime(known_at, '%Y-%m'), known_at_basis, list_contains(flags, 'REVISED') "
        "FROM marts.fct_observation WHERE series_id = 'census.MARTS.44X72.SM.SA' AND period_end >= '2026-08-01' ORDER BY 1, 3"
    ).fetchall()
    august, revised, september = (
        float(census.figure("MARTS.44X72.SM.SA", month, age))
        for month, age in ((date(2026, 8, 1), 0), (date(2026, 8, 1), 1), (date(2026, 9, 1), 0))
    )
    assert [row[:3] for row in rows] == [
        ("2026-08", august, "2026-09"),
        ("2026-08", revised, "2026-10"),
        ("2026-09", september, "2026-10"),
    ]
    assert [row[4] for row in rows] == [False, True, False]
    assert {row[3] for row in rows} <= {"first_seen", "calendar"}
    assert build.execute("SELECT count(*) FROM marts.dim_series WHERE series_id LIKE 'census.%'").fetchone() == (18,)
