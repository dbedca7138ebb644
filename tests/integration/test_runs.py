"""Runs: again, interrupted, two at once, replayed, with the user's own file."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.runner import run
from tests.integration.conftest import shared_data
from undertow.archive import Archive
from undertow.errors import UndertowError
from undertow.lock import run_lock
from undertow.publish import Build, current_build, list_builds
from undertow.settings import Home


def contents(build: Build) -> dict[str, str]:
    return {name: table["content"] for name, table in build.manifest["tables"].items()}


def test_a_second_run_with_the_same_input_changes_nothing(sample_home: Home, sample_build: Build) -> None:
    before = {path: path.stat().st_mtime_ns for path in sample_home.landing.rglob("*.parquet")}
    report = run("sample")
    assert report.build["build_id"] == sample_build.build_id
    assert report.build["is_new"] is False
    assert {outcome.status for outcome in report.fetched} == {"unchanged"}
    assert report.landed == []
    assert {path: path.stat().st_mtime_ns for path in sample_home.landing.rglob("*.parquet")} == before
    assert len(list_builds(sample_home)) == 1
    assert len(report.checks) > 80
    assert all(check.passed for check in report.checks)


def test_a_rebuilt_warehouse_has_the_same_rows(sample_home: Home, sample_build: Build) -> None:
    """Forgetting the warehouse and building it again from the landing gives the same content of every table."""
    (sample_home.warehouse / "state.json").unlink()
    report = run("sample")
    assert report.build["is_new"] is False  # the fingerprint is the same, so nothing is published
    full = duckdb.connect(":memory:")
    full.execute(f"ATTACH '{sample_home.database}' AS w (READ_ONLY)")
    full.execute(f"ATTACH '{sample_build.database}' AS p (READ_ONLY)")
    full.execute("SET TimeZone = 'UTC'")
    for table in sample_build.manifest["tables"]:
        columns = [row[0] for row in full.execute(f"SELECT column_name FROM (DESCRIBE p.marts.{table})").fetchall()]
        kinds = dict(full.execute(f"SELECT column_name, column_type FROM (DESCRIBE w.marts.{table})").fetchall())
        names = ", ".join(f"timezone('UTC', {c}) AS {c}" if kinds[c] == "TIMESTAMP" else c for c in columns)
        for left, right in (("w", "p"), ("p", "w")):
            select = {"w": f"SELECT {names} FROM w.marts.{table}", "p": f"SELECT {', '.join(columns)} FROM p.marts.{table}"}
            extra = full.execute(f"SELECT count(*) FROM ({select[left]} EXCEPT ALL {select[right]})").fetchall()[0][0]
            assert extra == 0, table
    full.close()


def test_an_interrupted_first_run_is_completed_by_the_next(tmp_path: Path) -> None:
    """Kill -9 in the middle of a first run: nothing is published, the archive is whole, and the next run publishes."""
    own = tmp_path / "own.csv"
    own.write_text(
        "series_id,period_start,value,known_at,unit,source,licence,redistribution\n"
        "own.MOVE,2025-10-01,81.5,2025-10-02T12:00Z,index,A desk,licensed to us,allowed\n"
    )
    arguments = [sys.executable, "-m", "undertow", "run", "--source", "file", "--from", str(own)]
    environment = {**os.environ, "UNDERTOW_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip().endswith("models"):
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL
    home = Home(tmp_path / "home")
    assert list_builds(home) == []
    assert Archive(home.archive).verify() == []
    done = subprocess.run([*arguments, "--quiet"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [build.build_id for build in list_builds(home)] == [current_build(home).build_id]
    with duckdb.connect(str(current_build(home).database), read_only=True) as connection:
        assert connection.execute("SELECT series_id, value, origin FROM marts.fct_observation").fetchall() == [
            ("own.MOVE", 81.5, "file")
        ]


def test_two_runs_at_once_the_second_says_so(sample_home: Home) -> None:
    with run_lock(sample_home.lock):
        done = subprocess.run(
            [sys.executable, "-m", "undertow", "run"],
            env={**os.environ, "UNDERTOW_HOME": str(sample_home.root)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 4
    assert str(os.getpid()) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failing_blocking_check_leaves_the_published_build(
    sample_home: Home, sample_build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suite that fails stops everything after it; the current build stays; the message says which check."""
    from dataclasses import replace

    import assets.ecb.assets as ecb_assets
    from assets.ecb import ROOM
    from assets.factory import room_assets
    from expectations.ecb import SUITES
    from expectations.suite import Expectation

    impossible = Expectation(
        "ExpectColumnValuesToBeBetween", "no rate is above one", arguments={"column": "max_value", "max_value": 1}
    )
    broken = (replace(SUITES[0], expectations=(*SUITES[0].expectations, impossible)),)
    monkeypatch.setattr(ecb_assets, "assets", room_assets(ROOM, broken))
    with pytest.raises(UndertowError, match="no rate is above one"):
        run("sample")
    assert current_build(sample_home).build_id == sample_build.build_id
    reports = sorted((sample_home.quality / "runs").glob("*.json"))
    assert "no rate is above one" in json.loads(reports[-1].read_text())["error"]


def test_replay_builds_every_mart_whose_data_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = shared_data() / "replay.csv"
    if not manifest.is_file():
        pytest.skip("the genuine payloads beside the project are absent")
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path))
    report = run("replay", [manifest])
    assert report.failed_sources == []
    assert report.notes == [], "every recorded source has a room"
    connection = duckdb.connect(str(current_build(Home(tmp_path)).database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")

    # the provider's own row for October 2025, in the state it was in from the announcement on
    assert connection.execute(
        "SELECT value, obs_status, footnotes, known_at::VARCHAR FROM marts.fct_observation "
        "WHERE series_id = 'bls.CUUR0000SEGC' AND period_start = '2025-10-01'"
    ).fetchall() == [(None, "L", ["X: Data unavailable due to the 2025 lapse in appropriations"], "2025-11-21 16:37:00+00")]
    # a value that stands in the package and in the API answer is one row, with the instant of its release
    assert connection.execute(
        "SELECT value, known_at::VARCHAR FROM marts.fct_observation "
        "WHERE series_id = 'bls.CUUR0000SEGC' AND period_start = '2026-08-01'"
    ).fetchall() == [(374.865, "2026-09-11 12:30:00+00")]

    # vintages as printed, brought as a file: what the Federal Reserve could see when it decided
    def known(series: str, as_of: str) -> tuple:
        return connection.execute(
            "SELECT strftime(period_end, '%Y-%m'), value, list_contains(flags, 'REVISED') FROM as_known(?) WHERE series_id = ?",
            [as_of, series],
        ).fetchall()[0]

    assert known("bls.LNS14000000", "2025-12-10 14:00 America/New_York") == ("2025-09", 4.4, False)
    assert known("bls.CES0000000001", "2025-12-15 12:00 America/New_York")[0] == "2025-09"
    assert known("bls.CES0000000001", "2025-12-16 08:30 America/New_York")[0] == "2025-11"
    october = connection.execute(
        "SELECT value, obs_status FROM vintages_as_known('2025-12-17') "
        "WHERE series_id = 'bls.LNS14000000' AND period_start = '2025-10-01'"
    ).fetchall()
    assert october == [(None, "L")]
    assert connection.execute(
        "SELECT value FROM vintages_as_known('2025-12-17') WHERE series_id = 'bls.CES0000000001' AND period_start = '2025-10-01'"
    ).fetchall() == [(159488.0,)]
    _the_labour_market(connection)
    _what_else_the_committee_could_see(connection)
    _the_claims_of_the_essays(connection)
    _the_composite(connection)
    connection.close()


def _the_composite(connection: duckdb.DuckDBPyConnection) -> None:
    """Four pillars of genuine data have a history; funding and private credit have none, and the composite says so.

    The numbers are our own and no one's record: they are here so that a change of them is noticed.
    """
    assert connection.execute(
        "SELECT min(period_start)::VARCHAR, bool_and(composite_mean IS NOT NULL), max(n_synthetic), max(confidence) < 0.5 "
        "FROM marts.mart_fragility WHERE period_start BETWEEN '2020-04-03' AND '2025-12-24'"
    ).fetchall() == [("2020-04-03", True, 0, True)]
    assert connection.execute(
        "SELECT count(composite_mean), round(max(coverage), 6) FROM marts.mart_fragility WHERE period_start < '2020-04-03'"
    ).fetchall() == [(0, 0.5)]
    names = (
        "round(coverage, 4), round(pillar_rates, 3), round(pillar_dollar, 3), round(pillar_coupling, 3), round(pillar_macro, 3)"
    )
    day = connection.execute(
        f"SELECT round(composite_mean, 3), {names}, pillar_funding, pillar_credit FROM marts.mart_fragility "
        "WHERE period_start = '2025-04-10'"
    ).fetchall()
    assert day == [(0.755, 0.6667, 0.983, 0.889, 0.521, 0.625, None, None)]
    # the week of the abnormal yields is the year's most stressed
    assert connection.execute(
        "SELECT max_by(period_start, composite_ciss) BETWEEN '2025-04-07' AND '2025-04-18' FROM marts.mart_fragility "
        "WHERE period_start BETWEEN '2025-01-01' AND '2025-12-31'"
    ).fetchall() == [(True,)]


def _the_claims_of_the_essays(connection: duckdb.DuckDBPyConnection) -> None:
    """Verdicts on the day of each essay; numbers told anew later have another (docs/claims-audit.md)."""
    rows = connection.execute(
        "SELECT claim_id || '.' || measure, verdict, round(value, 3) FROM marts.mart_claims_audit WHERE is_as_written AND measure > 0"
    ).fetchall()
    then = {key: (verdict, value) for key, verdict, value in rows}
    expected = {
        "F11.1": ("holds", 48.0), "F11.2": ("holds", 119.0), "F11.3": ("holds", -33.0), "F11.4": ("holds", -4.0),
        "F12.1": ("holds", 2.0), "F13.1": ("holds", 62.333), "F13.2": ("fails", 0.082), "F14.2": ("holds", 4.44),
        "F15.1": ("holds", 6.0), "F18.2": ("not_what_it_seems", 40.0), "F19.1": ("no_data", None), "F20.1": ("holds", 0.0),
        "F21.1": ("holds", 1.0), "F21.2": ("holds", 8.0), "F24.1": ("fails", -8.0), "F4.2": ("no_data", None),
        "H4.1": ("fails", 2.825), "H5.1": ("holds", 3.37), "H6.2": ("fails", 76.9), "J3.1": ("stale", 3.3),
        "J4.1": ("holds", 1.0), "J4.2": ("fails", 0.996), "J15.1": ("holds", -7.442), "P10.1": ("holds", 69.116),
        "P10.2": ("holds", 76.093), "P9.1": ("holds", -328.381),
    }  # fmt: skip
    assert {key: then[key] for key in expected} == expected
    counted: dict[str, int] = {}
    for verdict, _ in then.values():
        counted[verdict] = counted.get(verdict, 0) + 1
    assert counted == {"holds": 30, "fails": 8, "stale": 1, "not_what_it_seems": 2, "no_data": 21}
    assert connection.execute(
        "SELECT verdict_as_written, verdict, value FROM claims_as_known('2026-01-01') WHERE claim_id = 'F11' AND measure IN (2, 4) "
        "ORDER BY measure"
    ).fetchall() == [("holds", "fails", 108.0), ("holds", "fails", -26.0)]


def _what_else_the_committee_could_see(connection: duckdb.DuckDBPyConnection) -> None:
    """What replay adds to the transcribed numbers of 10 December 2025, 14:00 in New York, and nothing that came later."""

    def known(as_of: str) -> dict[str, tuple]:
        rows = connection.execute(
            "SELECT series_id, period_end::VARCHAR, value, strftime(timezone('America/New_York', known_at), '%m-%d %H:%M') "
            "FROM headline_as_known(?) WHERE series_id IS NOT NULL",
            [as_of],
        ).fetchall()
        return {row[0]: row[1:] for row in rows}

    statement = known("2025-12-10 14:00 America/New_York")
    wanted = {
        "frb.WALCL": ("2025-12-03", 6_535_781, "12-04 16:30"),
        "frb.WRESBAL": ("2025-12-03", 2_858_284, "12-04 16:30"),
        "tic.press_release.line_30": ("2025-09-30", 190.1, "11-18 16:00"),
        "bls.CES0000000001": ("2025-09-30", 159_626, "11-20 08:30"),
        "bls.LNS14000000": ("2025-09-30", 4.4, "11-20 08:30"),
        "fred.DGS10": ("2025-12-08", 4.17, "12-09 16:15"),
        "nyfed.SOFR": ("2025-12-09", 3.93, "12-10 08:00"),
        "ecb.EXR.D.USD.EUR.SP00.A": ("2025-12-10", 1.1634, "12-10 10:00"),
    }
    assert {name: statement[name] for name in wanted} == wanted
    assert known("2025-12-11 16:29 America/New_York")["frb.WALCL"] == wanted["frb.WALCL"]
    assert known("2025-12-11 16:30 America/New_York")["frb.WALCL"][0] == "2025-12-10"
    line_30 = "tic.press_release.line_30"
    assert known("2025-12-18 15:59 America/New_York")[line_30][:2] == ("2025-09-30", 190.1)
    assert known("2025-12-18 16:00 America/New_York")[line_30][:2] == ("2025-10-31", -37.3)
    told = connection.execute(
        "SELECT signal_id, period_end::VARCHAR, round(value, 1), strftime(timezone('America/New_York', known_at), '%m-%d %H:%M') "
        "FROM signals_as_known('2025-12-10 14:00 America/New_York')"
    ).fetchall()
    expected = {
        "funding.sofr_minus_iorb": ("2025-12-09", 3.0, "12-10 08:00"),
        "funding.repo_share_iorb": ("2025-12-09", 75.0, "12-10 08:00"),
        "funding.repo_share_iorb_low": ("2025-12-09", 75.0, "12-10 08:00"),
        "funding.repo_share_iorb_high": ("2025-12-09", 99.0, "12-10 08:00"),
        "basis.leveraged_gross_short": ("2025-11-04", 1365.5, "12-09 15:30"),
        "liquidity.reserves": ("2025-12-03", 2858.3, "12-04 16:30"),
    }
    assert {row[0]: row[1:] for row in told if row[0] in expected} == expected
    # a snapshot of January holds these for December too, as they stood in January: no one knew them in this form
    late = {"fred.RRPONTSYD", "fred.ICSA", "fred.PAYEMS", "fred.UNRATE", "fred.CPIAUCSL", "fred.GDPC1"}
    seen = {name for (name,) in connection.execute("SELECT series_id FROM as_known('2025-12-10 19:00')").fetchall()}
    assert late & seen == set()
    assert late <= {name for (name,) in connection.execute("SELECT series_id FROM as_known('2026-01-04')").fetchall()}


def _the_labour_market(connection: duckdb.DuckDBPyConnection) -> None:
    """Nine release pages and 192 transcribed releases: revisions, and what was known at some instants."""

    def ask(query: str, *values: object) -> list[tuple]:
        return connection.execute(query, list(values)).fetchall()

    def signals(as_of: str) -> dict[str, tuple]:
        rows = ask("SELECT signal_id, strftime(period_end, '%Y-%m'), round(value, 4) FROM signals_as_known(?)", as_of)
        return {name.removeprefix("labour."): rest for name, *rest in rows if name.startswith("labour.")}

    def changes(as_of: str) -> dict[str, float]:
        return dict(
            ask(
                "SELECT strftime(period_end, '%m'), value FROM vintages_as_known(?) "
                "WHERE series_id = 'bls.CES0000000001:change' AND period_end BETWEEN '2025-06-30' AND '2025-12-31'",
                as_of,
            )
        )

    # the two revisions of -33 thousand are two rows
    assert ask(
        "SELECT strftime(period_start, '%Y-%m'), known_at::VARCHAR FROM marts.mart_payroll_revisions WHERE revision_sum = -33 ORDER BY 2"
    ) == [("2025-09", "2025-11-20 13:30:00+00"), ("2025-11", "2025-12-16 13:30:00+00")]
    assert ask(
        "SELECT print, value, revision, stated_before FROM marts.mart_payroll_revisions WHERE period_start = '2025-08-01' "
        "ORDER BY known_at"
    ) == [("first", 22, None, None), ("second", -4, -26, 22), ("third", -26, -22, -4)]
    # September was revised from 119 to 108; the levels of the two releases would say 86
    assert ask(
        "SELECT print, value, revision FROM marts.mart_payroll_revisions WHERE period_start = '2025-09-01' ORDER BY known_at"
    ) == [("first", 119, None), ("second", 108, -11)]
    assert ask(
        "SELECT value, third_print, is_benchmark, benchmark_print FROM marts.mart_payroll_revisions "
        "WHERE period_start = '2025-11-01' AND known_at = TIMESTAMPTZ '2026-02-11 13:30:00+00'"
    ) == [(41, 41, True, 41)]
    # a transcribed release prints three levels: no third change, and no three-month mean
    assert ask(
        "SELECT count(*) FROM marts.mart_payroll_revisions WHERE period_start BETWEEN '2020-01-01' AND '2024-12-01' "
        "AND (print = 'third' OR revision_sum IS NOT NULL)"
    ) == [(0,)]
    april = "SELECT DISTINCT nfp_change, nfp_3mma FROM marts.mart_labour WHERE period_start = '2020-04-01' ORDER BY 1 DESC"
    assert ask(april) == [(-20537, None), (-20687, None)]

    assert changes("2025-12-10 14:00 America/New_York") == {"06": -13, "07": 72, "08": -4, "09": 119}
    assert changes("2025-09-12") == {"06": -13, "07": 79, "08": 22}
    now = signals("2025-12-10 14:00 America/New_York")
    assert now == {
        "payrolls_change": ["2025-09", 119], "payrolls_3mma": ["2025-09", 62.3333], "payroll_revision_sum": ["2025-09", -33],
        "negative_prints_4m": ["2025-09", 2], "unemployment_rate": ["2025-09", 4.4],
        "unemployment_unrounded": ["2025-09", 4.4398], "sahm_strict": ["2025-09", 0.2333], "sahm_interpolated": ["2025-09", 0.2333],
        "payroll_revision_size": ["2025-09", 33], "payroll_revision_cumulative": ["2025-08", -26],
        "payroll_revision_bias_12m": ["2025-09", -21.75], "unemployment_rise_streak": ["2025-09", 3],
    }  # fmt: skip
    assert signals("2025-12-10 14:00 America/New_York")["unemployment_unrounded"][1] == round(100 * 7603 / 171248, 4)
    real_time = dict(
        ask(
            "SELECT strftime(period_start, '%Y-%m'), round(arg_min(value, known_at), 2) FROM marts.mart_signal_long "
            "WHERE signal_id = 'labour.sahm_strict' AND period_start BETWEEN '2024-06-01' AND '2025-02-01' GROUP BY 1"
        )
    )
    assert real_time == {
        "2024-06": 0.43, "2024-07": 0.53, "2024-08": 0.57, "2024-09": 0.50, "2024-10": 0.43, "2024-11": 0.43,
        "2024-12": 0.40, "2025-01": 0.37, "2025-02": 0.27,
    }  # fmt: skip
    assert ask(
        "SELECT signal_id, round(value, 4), obs_status, flags FROM marts.mart_signal_long WHERE signal_id LIKE 'labour.sahm%' "
        "AND period_start = '2025-11-01' ORDER BY 1"
    ) == [
        ("labour.sahm_interpolated", 0.4333, "A", ["CANCELLED_NEIGHBOUR", "GAP_FILLED", "WINDOW_SPANS_GAP"]),
        ("labour.sahm_strict", None, "M", ["CANCELLED_NEIGHBOUR", "WINDOW_SPANS_GAP"]),
    ]
    # both sources together: one state for each value and instant
    assert ask(
        "SELECT known_at::VARCHAR, value, obs_status FROM marts.fct_observation "
        "WHERE series_id = 'bls.CES0000000001' AND period_start = '2025-09-01' ORDER BY known_at"
    ) == [("2025-11-20 13:30:00+00", 159626, "P"), ("2025-12-16 13:30:00+00", 159593, "A")]
    assert ask("SELECT max(known_at)::VARCHAR FROM marts.fct_observation WHERE series_id LIKE 'bls.LNS1%'") == [
        ("2026-02-11 13:30:00+00",)
    ]


def test_a_users_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File mode lands the contract and keeps the licence, and a value that may not be republished is not published."""
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path / "home"))
    source = tmp_path / "move.csv"
    source.write_text(
        "series_id,period_start,value,known_at,unit,source,licence\n"
        "ice.MOVE,2025-04-08,137.3,2025-04-08T21:00:00Z,index,test,licensed\n"
        "ice.MOVE,2025-04-09,,2025-04-09T21:00:00Z,index,test,licensed\n"
    )
    report = run("file", [source])
    assert [(o.source, o.status) for o in report.fetched] == [("file", "new")]
    connection = duckdb.connect(str(current_build(Home(tmp_path / "home")).database), read_only=True)
    assert connection.execute(
        "SELECT s.licence, s.is_withheld, o.value, o.obs_status, o.known_at_basis, o.origin FROM marts.fct_observation AS o "
        "INNER JOIN marts.dim_series AS s USING (series_id) ORDER BY o.period_start"
    ).fetchall() == [("licensed", True, None, "Q", "provider", "file"), ("licensed", True, None, "O", "provider", "file")]
    connection.close()
