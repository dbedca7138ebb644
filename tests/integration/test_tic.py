"""TIC, on genuine files of 2026 and two made ones: what is in the public tables of a build, and since when it is known."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from assets.tic import BASE_URL
from assets.tic.sample import majors, months
from tests.integration.conftest import shared_data
from undertow.fetching import SampleFetcher
from undertow.publish import current_build
from undertow.report import RunReport
from undertow.settings import Home

JAPAN = b"Japan\t42609\t2026-05\t"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunReport, duckdb.DuckDBPyConnection, Home]]:
    """A run on the recorded files, on a later table 1 in which one number is another, and on a table 5 of November 2025."""
    from orchestration.runner import run

    if not (shared_data() / "tic").is_dir():
        pytest.skip("the shared genuine payloads are not here")
    folder = tmp_path_factory.mktemp("tic")
    with (shared_data() / "replay.csv").open(newline="", encoding="utf-8") as handle:
        recorded = [row for row in csv.DictReader(handle) if row["source"] == "tic"]
    for row in recorded:
        row["file"] = str(shared_data() / row["file"])
    table1 = next(row for row in recorded if row["dataset"] == "slt_table1")
    genuine = (shared_data() / table1["file"]).read_bytes()
    at = genuine.index(JAPAN) + len(JAPAN)
    holdings = genuine[at : genuine.index(b"\t", at)]
    made = {
        "slt_table1_later.txt": (
            genuine[:at] + str(int(holdings) - 5000).encode() + genuine[at + len(holdings) :],
            {**table1, "fetched_at": "2026-08-18T12:00:00Z", "note": "made: Japan's holdings of May 2026 revised"},
        ),
        "ticrel_20251017.txt": (
            majors(months(13, date(2025, 9, 1))),
            {
                "source": "tic", "dataset": "slt_table5", "url": f"{BASE_URL}ticrel_20251017.zip",
                "fetched_at": "2025-11-18T22:00:00Z", "note": "made, under the name of the archive that was planned for 17 October",
            },
        ),
    }  # fmt: skip
    for name, (content, row) in made.items():
        (folder / name).write_bytes(content)
        recorded.append({**row, "file": str(folder / name)})
    manifest = folder / "replay.csv"
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, ["source", "dataset", "file", "url", "fetched_at", "note"])
        writer.writeheader()
        writer.writerows(recorded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERTOW_HOME", str(folder / "home"))
        patch.setattr(SampleFetcher, "packaged", lambda *_: iter(()))
        report = run("replay", [manifest])
        home = Home(folder / "home")
        connection = duckdb.connect(str(current_build(home).database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")
    yield report, connection, home
    connection.close()


@pytest.fixture(scope="module")
def build(ran: tuple[RunReport, duckdb.DuckDBPyConnection, Home]) -> duckdb.DuckDBPyConnection:
    return ran[1]


def test_the_dead_table_is_reported_as_dead_and_nothing_of_it_lands(
    ran: tuple[RunReport, duckdb.DuckDBPyConnection, Home],
) -> None:
    report, build, home = ran
    said = {outcome.dataset: outcome.error for outcome in report.landed if outcome.source == "tic"}
    assert {name for name, error in said.items() if error is None} == {"slt_table1", "slt_table5", "mfhhis01"}
    assert "dead: the address answers, but the newest period there ended on 2023-01-31" in str(said["mfh"])
    assert report.failed_sources == [], "the Treasury stopped the table in 2023, and everybody may know it"
    assert build.execute("SELECT count(*) FROM marts.dim_series WHERE series_id LIKE 'tic.mfh.%'").fetchall() == [(0,)]
    assert not list((home.landing / "tic" / "observation").glob("mfh-*"))
    assert [check.name for check in report.checks if not check.passed and check.asset.startswith("landing")] == []


def test_table_1_has_114_holders_a_month_and_adds_up_exactly(build: duckdb.DuckDBPyConnection) -> None:
    cells = """
        SELECT split_part(series_id, '.', 3) AS measure, split_part(series_id, '.', 4) AS code, period_end, value
        FROM vintages_as_known('2026-08-17T12:00Z') WHERE series_id LIKE 'tic.slt1.%'
    """
    assert build.execute(
        f"SELECT DISTINCT n FROM (SELECT count(DISTINCT code) AS n FROM ({cells}) WHERE measure = 'for_lt_total_pos' GROUP BY period_end)"
    ).fetchall() == [(114,)]
    sums = build.execute(
        f"""
        SELECT
            count(DISTINCT measure), count(DISTINCT period_end), count(*), min(period_end), max(period_end),
            max(abs(whole - places)), max(abs(whole - sectors)), count(*) FILTER (whole IS NULL OR places IS NULL)
        FROM (
            SELECT
                measure, period_end,
                sum(value) FILTER (code = '99996') AS whole,
                sum(value) FILTER (code IN ('69995', '79995')) AS places,
                sum(value) FILTER (code IN ('99990', '99991')) AS sectors
            FROM ({cells}) GROUP BY measure, period_end
        )
        """
    ).fetchone()
    assert sums is not None
    # five columns of holdings in 77 months, ten of transactions and valuation in the 40 since February 2023
    assert [str(value) for value in sums] == ["15", "77", str(5 * 77 + 10 * 40), "2020-01-31", "2026-05-31", "0.0", "0.0", "0"]


def test_holdings_are_unbroken_in_february_2023_and_transactions_absent_before(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        """
        SELECT split_part(series_id, '.', 3) AS measure, strftime(period_end, '%Y-%m') AS month, obs_status, list_contains(flags, 'METHOD_BREAK')
        FROM vintages_as_known('2026-08-17T12:00Z')
        WHERE series_id LIKE 'tic.slt1.for_lt_treas_%.42609' AND period_end BETWEEN DATE '2022-12-31' AND DATE '2023-03-31'
        ORDER BY 1, 2
        """
    ).fetchall()
    assert [row for row in rows if row[0].endswith("pos")] == [
        ("for_lt_treas_pos", month, "A", False) for month in ("2022-12", "2023-01", "2023-02", "2023-03")
    ]
    for measure in ("for_lt_treas_net", "for_lt_treas_valchg"):
        assert [row[1:] for row in rows if row[0] == measure] == [("2023-02", "B", True), ("2023-03", "A", False)]
    found = build.execute(
        """
        SELECT count(*) FILTER (period_end < DATE '2023-02-01'), count(*) FILTER (value = 0 AND signbit(value))
        FROM marts.fct_observation
        WHERE series_id LIKE 'tic.slt1.%_net.%' OR series_id LIKE 'tic.slt1.%_valchg.%'
        """
    ).fetchall()
    assert found == [(0, 0)]


def test_known_answers_of_the_genuine_files(build: duckdb.DuckDBPyConnection) -> None:
    wanted = {
        ("tic.slt1.for_lt_total_net.99996", "2025-04"): -67_091,
        ("tic.slt1.for_lt_treas_net.99996", "2025-04"): -58_500,
        ("tic.slt1.for_lt_eqty_net.99996", "2025-04"): -16_800,
        ("tic.slt1.for_lt_total_pos.99996", "2026-05"): 39_173_511,
        ("tic.slt1.for_lt_total_net.99996", "2026-05"): 262_845,
        ("tic.slt1.for_lt_total_valchg.99996", "2026-05"): 1_233_124,
        ("tic.slt5.japan", "2026-04"): 1209.9,
        ("tic.slt5.united_kingdom", "2026-04"): 937.5,
        ("tic.slt5.china_mainland", "2026-04"): 651.1,
        ("tic.slt5.grand_total", "2026-04"): 9352.6,
        ("tic.slt5.foreign_official", "2026-02"): 4010.9,
        ("tic.slt5.foreign_official_bills", "2026-04"): 457.3,
        ("tic.mfhhis.china_mainland", "2011-06"): 1307.0,
        ("tic.mfhhis.japan", "2011-06"): 881.5,
        ("tic.mfhhis.united_kingdom", "2000-03"): 78.6,
    }
    for (series_id, month), value in wanted.items():
        found = build.execute(
            "SELECT value FROM vintages_as_known('2026-08-17T12:00Z') WHERE series_id = ? AND strftime(period_end, '%Y-%m') = ?",
            [series_id, month],
        ).fetchall()
        assert len(found) == 1, series_id
        assert found[0][0] == pytest.approx(value, abs=50 if value in (-58_500, -16_800) else 1e-9), series_id


def test_june_of_2002_to_2011_is_one_number_and_that_of_the_new_series(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        """
        SELECT series_id, strftime(period_end, '%Y-%m'), count(*), min(obs_status), bool_and(list_contains(flags, 'METHOD_BREAK'))
        FROM marts.fct_observation
        WHERE series_id = 'tic.mfhhis.grand_total' AND (obs_status = 'B' OR month(period_end) = 6) AND year(period_end) <= 2012
        GROUP BY ALL ORDER BY 2
        """
    ).fetchall()
    breaks = ["2000-03", *(f"{year}-06" for year in range(2002, 2012)), "2011-12"]
    assert [row[1] for row in rows if row[3] == "B"] == breaks
    assert all(row[2] == 1 for row in rows)
    assert all(row[4] == (row[3] == "B") for row in rows)
    names = build.execute("SELECT series_id FROM marts.dim_series WHERE series_id LIKE 'tic.mfhhis.%'").fetchall()
    assert not [
        name for (name,) in names if any(character.isdigit() for character in name.replace("all_other_", "|").split("|")[0])
    ]
    assert ("tic.mfhhis.united_kingdom",) in names
    assert build.execute(
        "SELECT count(DISTINCT series_id), max(n) FROM (SELECT series_id, count(DISTINCT year(period_end)) AS n "
        "FROM marts.fct_observation WHERE series_id LIKE 'tic.mfhhis.all_other_%' GROUP BY 1)"
    ).fetchall() == [(23, 3)]  # blocks whose lists have the same names share an id


@pytest.mark.parametrize(("dataset", "greatest", "months_told"), [("slt5", 0.25, 13), ("mfhhis", 0.55, 310)])
def test_lists_of_holders_add_up(build: duckdb.DuckDBPyConnection, dataset: str, greatest: float, months_told: int) -> None:
    rows = build.execute(
        """
        SELECT
            sum(value) FILTER (holder = 'grand_total')
            - sum(value) FILTER (holder <> 'grand_total' AND NOT starts_with(holder, 'foreign_official')) AS gap,
            sum(value) FILTER (holder = 'foreign_official')
            - sum(value) FILTER (holder IN ('foreign_official_bills', 'foreign_official_bonds_notes')) AS official_gap
        FROM (
            SELECT split_part(series_id, '.', 3) AS holder, period_end, value FROM vintages_as_known('2026-08-17T12:00Z')
            WHERE starts_with(series_id, 'tic.' || ? || '.') AND known_at >= TIMESTAMPTZ '2026-05-01 00:00:00+00'
        )
        GROUP BY period_end
        """,
        [dataset],
    ).fetchall()
    assert len(rows) == months_told
    assert max(abs(gap) for gap, _ in rows) < greatest
    assert max(abs(gap) for _, gap in rows) < 0.15


def test_files_are_known_from_the_release_before_the_fetch_and_not_from_their_names(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        """
        SELECT DISTINCT split_part(series_id, '.', 2), strftime(known_at, '%Y-%m-%dT%H:%M:%SZ'), known_at_basis
        FROM marts.fct_observation WHERE starts_with(series_id, 'tic.') ORDER BY 1, 2
        """
    ).fetchall()
    assert rows == [
        ("mfhhis", "2026-05-19T03:59:59Z", "provider"),  # the day that the file prints, to its end in New York
        ("slt1", "2026-07-14T20:00:00Z", "calendar"),  # fetched at noon on 17 August, four hours before the next release
        ("slt1", "2026-08-17T20:00:00Z", "calendar"),  # the one number that differs
        ("slt5", "2025-11-18T21:00:00Z", "calendar"),  # not 17 October, which stands in the address
        ("slt5", "2026-06-18T20:00:00Z", "calendar"),
    ]


def test_a_vintage_of_a_release_that_is_only_assumed_says_so(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        """
        SELECT DISTINCT strftime(known_at, '%Y-%m-%d'), list_contains(flags, 'LOOKAHEAD_RISK')
        FROM marts.fct_observation WHERE starts_with(series_id, 'tic.slt') ORDER BY 1
        """
    ).fetchall()
    # the calendar knows of no notice of the releases of June and July 2026; those of August and November 2025 are official
    assert rows == [("2025-11-18", False), ("2026-06-18", True), ("2026-07-14", True), ("2026-08-17", False)]


def test_a_later_file_is_a_new_vintage_of_what_differs_only(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        """
        SELECT strftime(known_at, '%m-%d'), value, list_contains(flags, 'REVISED')
        FROM marts.fct_observation WHERE series_id = 'tic.slt1.for_lt_total_pos.42609' AND period_end = DATE '2026-05-31' ORDER BY 1
        """
    ).fetchall()
    assert [(when, revised) for when, _, revised in rows] == [("07-14", False), ("08-17", True)]
    assert rows[0][1] - rows[1][1] == 5000
    assert build.execute(
        "SELECT count(*) FROM marts.fct_observation WHERE starts_with(series_id, 'tic.slt1.') AND known_at > TIMESTAMPTZ '2026-08-01 00:00:00+00'"
    ).fetchall() == [(1,)]


def test_the_change_of_holdings_is_split_as_of_each_vintage(ran: tuple[RunReport, duckdb.DuckDBPyConnection, Home]) -> None:
    home = ran[2]
    with duckdb.connect(str(home.root / "warehouse" / "undertow.duckdb"), read_only=True) as warehouse:
        rest = dict(
            warehouse.execute(
                """
                SELECT strftime(period_end, '%Y-%m'), other_change FROM intermediate.int_cross__holdings
                WHERE holder_code = '99996' AND security = 'total' AND period_end BETWEEN DATE '2025-04-01' AND DATE '2025-12-31'
                """
            ).fetchall()
        )
        # what neither transactions nor prices explain, in billions
        assert {month: rest[month] for month in ("2025-04", "2025-09", "2025-11", "2025-12")} == {
            "2025-04": -37.383, "2025-09": -95.679, "2025-11": 141.155, "2025-12": 100.151,
        }  # fmt: skip
        japan = warehouse.execute(
            """
            SELECT strftime(known_at, '%m-%d'), strftime(next_known_at, '%m-%d'), other_change, holder_kind
            FROM intermediate.int_cross__holdings
            WHERE holder_code = '42609' AND security = 'total' AND period_end = DATE '2026-05-31' ORDER BY known_at
            """
        ).fetchall()
        assert [row[:2] for row in japan] == [("07-14", "08-17"), ("08-17", None)]
        assert japan[1][2] - japan[0][2] == pytest.approx(-5)
        by_kind = dict(
            warehouse.execute(
                "SELECT holder_kind, count(DISTINCT holder_code) FROM intermediate.int_cross__holdings GROUP BY 1"
            ).fetchall()
        )
        assert by_kind == {"country": 81, "region": 8, "world": 3, "sector": 2, "part": 18}
        assert warehouse.execute(
            "SELECT DISTINCT obs_status, net_transactions IS NULL FROM intermediate.int_cross__holdings "
            "WHERE period_end < DATE '2023-02-01' AND holder_code = '42609'"
        ).fetchall() == [("L", True)]
