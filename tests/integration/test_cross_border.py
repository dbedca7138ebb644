"""Cross-border flows in a published build: all genuine TIC press releases, and what a user's licensed file leaves in it.

Nominal GDP, the external accounts and the history that is read whole are generated files in the bring-your-own contract. The
packaged data of other rooms stays away.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner

from assets.file.sample import HEADER, press_release
from orchestration.warehouse import Warehouse
from tests.integration.conftest import shared_data
from undertow.cli import cli
from undertow.doctor import examine
from undertow.fetching import SampleFetcher
from undertow.instants import parse_instant
from undertow.pages.crossborder import crossborder_page
from undertow.publish import current_build
from undertow.settings import Home, Settings

SECRET = [6173.0719 + 1.0007 * number for number in range(40)]  # closes that no other number is equal to
CURRENT, POSITION = "bea.ITA.BalCurrAcct.AllCountries.QSA", "bea.IIP.Net.Pos.QNSA"
IDENTITIES = {
    "3=1-2": (3, {1: 1, 2: -1}),
    "21=19+20": (21, {19: 1, 20: 1}),
    "30=21+22+29": (30, {21: 1, 22: 1, 29: 1}),
    "30=31+32": (30, {31: 1, 32: 1}),
    "3=4+9": (3, {4: 1, 9: 1}),
}


def accounts() -> Iterator[tuple[str, ...]]:
    """GDP and the external accounts: the numbers of BEA where they are known, and one revision."""
    public = ("test", "public domain")
    for start, end, value, known_at in (
        ("2024-10-01", "2024-12-31", "29719.6", "2025-03-27T12:30Z"),
        ("2025-01-01", "2025-03-31", "30042.1", "2025-06-26T12:30Z"),
        ("2025-04-01", "2025-06-30", "30353.9", "2025-07-30T12:30Z"),
        ("2025-04-01", "2025-06-30", "30485.7", "2025-09-25T12:30Z"),
        ("2025-07-01", "2025-09-30", "31095.1", "2025-12-23T13:30Z"),
    ):
        yield "fred.GDP", start, end, value, known_at, "USD bn, annual rate", *public
    for start, end, value, known_at in (
        ("2024-10-01", "2024-12-31", "-310.0", "2025-03-20T12:30Z"),
        ("2025-01-01", "2025-03-31", "-439.8", "2025-06-24T12:30Z"),
        ("2025-04-01", "2025-06-30", "-251.3", "2025-09-23T12:30Z"),
        ("2025-07-01", "2025-09-30", "-226.4", "2026-01-14T13:30Z"),
    ):
        yield CURRENT, start, end, value, known_at, "USD bn", *public
    yield POSITION, "2024-10-01", "2024-12-31", "-26200", "2025-03-26T14:00Z", "USD bn", *public


def history() -> Iterator[tuple[str, ...]]:
    """Two vintages of the history that is read whole, USD millions: the second restates a month that no release shows."""
    for known_at, restated in (("2026-02-18T21:00Z", 1000), ("2026-03-18T20:00Z", 9000)):
        for place in range(12):
            value = restated if place == 2 else 1000 * place
            start = date(2025, place + 1, 1)
            end = date(2025, place + 2, 1) if place < 11 else date(2026, 1, 1)
            last = date.fromordinal(end.toordinal() - 1)
            yield (
                "tic.npr.line_23", start.isoformat(), last.isoformat(), str(value), known_at, "USD mn", "test", "public domain",
            )  # fmt: skip


def licensed() -> Iterator[tuple[str, ...]]:
    """A share index that nobody else may have, and one that anyone may."""
    for number, value in enumerate(SECRET):
        day = date.fromordinal(date(2025, 7, 1).toordinal() + number).isoformat()
        known_at = f"{day}T21:00Z"
        yield "user.spx", day, day, f"{value:.4f}", known_at, "index", "S&P DJI", "licensed to us alone"
        yield "user.vix", day, day, f"{16 + number / 10:.1f}", known_at, "index", "Cboe", "CC0-1.0"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    from orchestration.runner import run

    genuine = shared_data() / "vintages/tic_press_release.csv.gz"
    if not genuine.is_file():
        pytest.skip("the shared genuine payloads are not here")
    folder = tmp_path_factory.mktemp("cross")
    made = {"accounts": (accounts, "vintages"), "history": (history, "vintages"), "licensed": (licensed, "series")}
    with (folder / "replay.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["source", "dataset", "file", "url", "fetched_at", "note"])
        writer.writerow(["file", "vintages", str(genuine), "", "2026-01-16T00:00:00Z", ""])
        for name, (rows, dataset) in made.items():
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as out:
                csv.writer(out).writerows([HEADER, *rows()])
            writer.writerow(["file", dataset, f"{name}.csv", "", "2026-03-19T00:00:00Z", ""])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERTOW_HOME", str(folder / "home"))
        packaged = SampleFetcher.packaged  # of the rooms' own files, only the decisions are wanted
        patch.setattr(SampleFetcher, "packaged", lambda *a: packaged(*a) if a[1].room.name == "prints" else iter(()))
        report = run("replay", [folder / "replay.csv"])
    assert report.failed_sources == []
    assert [check.name for check in report.checks if not check.passed] == []
    return Home(folder / "home")


@pytest.fixture(scope="module")
def build(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(current_build(home).database), read_only=True)
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def states(build: duckdb.DuckDBPyConnection, line: int, month: str, columns: str) -> list[tuple]:
    """Return columns of all rows of a month's line, oldest first."""
    return build.execute(
        f"SELECT {columns} FROM marts.mart_cross_border WHERE line = ? AND period_end = CAST(? AS DATE) ORDER BY known_at",
        [line, month],
    ).fetchall()


def signal(build: duckdb.DuckDBPyConnection, name: str, month: str, columns: str = "value") -> list[tuple]:
    """Return columns of all rows of a signal's period, oldest first."""
    return build.execute(
        f"SELECT {columns} FROM marts.mart_signal_long WHERE signal_id = 'crossborder.' || ? AND period_end = CAST(? AS DATE) "
        "ORDER BY known_at",
        [name, month],
    ).fetchall()


def printed() -> dict[tuple[datetime, str, date, date], dict[int, float]]:
    """Return the columns of the genuine releases, read from the file: instant, measure, period, and the lines with a number."""
    found: dict[tuple[datetime, str, date, date], dict[int, float]] = defaultdict(dict)
    with gzip.open(shared_data() / "vintages/tic_press_release.csv.gz", "rt", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            name = row["series_id"].removeprefix("tic.press_release.line_")
            period = date.fromisoformat(row["period_start"]), date.fromisoformat(row["period_end"])
            measure = "12m" if name.endswith("_12m") else "month"
            found[parse_instant(row["known_at"]), measure, *period][int(name[:2])] = float(row["value"])
    return found


# --- first prints and revisions ----------------------------------------------------------------------------------------


def test_september_2025_at_its_three_vintages(build: duckdb.DuckDBPyConnection) -> None:
    assert states(build, 30, "2025-09-30", "value, CAST(known_at AS VARCHAR), revision_from_first, flags") == [
        (190.1, "2025-11-18 21:00:00+00", 0.0, []),
        (184.3, "2025-12-18 21:00:00+00", -5.8, ["REVISED"]),
        (178.2, "2026-01-15 21:00:00+00", -11.9, ["REVISED"]),
    ]
    assert signal(build, "tic_net", "2025-09-30") == [(190.1,), (184.3,), (178.2,)]
    values = states(build, 3, "2025-04-30", "value, CAST(CAST(known_at AS DATE) AS VARCHAR)")
    assert (values[0], values[-1]) == ((-50.6, "2025-06-18"), (-47.1, "2025-09-18"))
    (first,) = signal(build, "tic_private_minus_official", "2025-09-30")[:1]
    assert first[0] == pytest.approx(213.9 + 23.7)


def test_all_releases_are_there(build: duckdb.DuckDBPyConnection) -> None:
    wanted = printed()
    assert len({at for at, *_ in wanted}) == 221  # 222 releases; two of them carry one instant
    found = build.execute(
        "SELECT count(DISTINCT known_at), min(known_at), max(known_at) FROM marts.fct_observation "
        "WHERE series_id LIKE 'tic.press_release.%'"
    ).fetchall()[0]
    assert found == (221, min(wanted)[0], max(wanted)[0])
    months = {(line, end) for (_, measure, _, end), lines in wanted.items() if measure == "month" for line in lines}
    ours = build.execute(
        "SELECT DISTINCT line, period_end FROM marts.mart_cross_border WHERE value IS NOT NULL AND known_at < '2026-02-01'"
    ).fetchall()
    assert set(ours) == months


def test_every_number_of_a_release_stands_from_its_instant_on(build: duckdb.DuckDBPyConnection) -> None:
    """Each of the 221 releases as the mart has it at its own instant: months and twelve-month sums, number for number."""
    rows = [
        {"said_at": at, "measure": measure, "period_end": end, "line": line, "value": value}
        for (at, measure, _, end), lines in printed().items()
        for line, value in lines.items()
    ]
    build.register("print", pa.Table.from_pylist(rows))
    compared, wrong = build.execute(
        "SELECT count(*), count(*) FILTER (WHERE p.value IS DISTINCT FROM "
        "CASE p.measure WHEN '12m' THEN m.sum_12m ELSE m.value END) FROM print AS p ASOF JOIN marts.mart_cross_border AS m "
        "ON p.line = m.line AND p.period_end = m.period_end AND p.said_at >= m.known_at"
    ).fetchall()[0]
    assert (compared, wrong) == (len(rows), 0)


def test_a_twelve_month_sum_is_the_published_one_and_no_chain_of_first_prints(build: duckdb.DuckDBPyConnection) -> None:
    sums = states(build, 8, "2024-08-31", "sum_12m, sum_12m_basis, sum_12m_start, CAST(known_at AS VARCHAR)")
    assert sums[0] == (-133.8, "published", date(2023, 9, 1), "2024-10-17 20:00:00+00")
    assert {row[0] for row in sums} == {-133.8}
    chain = build.execute(
        "SELECT round(sum(first_print), 1) FROM (SELECT DISTINCT period_end, first_print FROM marts.mart_cross_border "
        "WHERE line = 8 AND period_end BETWEEN '2023-09-30' AND '2024-08-31')"
    ).fetchall()
    assert chain == [(213.4,)]  # what a reader gets who adds up first prints
    assert {row[0] for row in signal(build, "tic_private_equity_12m", "2024-08-31")} == {-133.8}
    stood = build.execute(
        "SELECT value FROM signals_as_known('2024-10-18') WHERE signal_id = 'crossborder.tic_private_equity_12m'"
    )
    assert stood.fetchall() == [(-133.8,)]


def test_sums_of_one_vintage_where_no_release_printed_one(build: duckdb.DuckDBPyConnection) -> None:
    """The history is in millions and read whole: each vintage has its own sum, and a restated month that moves it."""
    assert states(build, 23, "2025-12-31", "value, sum_12m, sum_12m_basis, CAST(CAST(known_at AS DATE) AS VARCHAR)") == [
        (11.0, 65.0, "one vintage", "2026-02-18"),  # 0 + 1 + 1 + 3 + ... + 11
        (11.0, 73.0, "one vintage", "2026-03-18"),
    ]
    months = states(build, 23, "2025-03-31", "value, first_print, CAST(CAST(known_at AS DATE) AS VARCHAR)")
    assert months[-2:] == [(1.0, months[0][1], "2026-02-18"), (9.0, months[0][1], "2026-03-18")]


def test_lines_add_up_but_for_the_exceptions_by_name(build: duckdb.DuckDBPyConnection) -> None:
    """Held against the file itself: what does not add up within rounding is flagged, and nothing else is."""
    broken = {}
    compared = defaultdict(int)
    for (at, measure, _, end), lines in printed().items():
        for name, (total, parts) in IDENTITIES.items():
            if {total, *parts} <= set(lines):
                compared[name] += 1
                gap = lines[total] - sum(sign * lines[part] for part, sign in parts.items())
                if round(abs(gap), 6) > 0.05 * (len(parts) + 1):
                    broken[name, measure, end, at.date()] = round(gap, 1)
    assert min(compared.values()) > 1_200
    first, second = date(2023, 4, 17), date(2023, 5, 15)
    assert broken == {
        ("3=4+9", "month", date(2022, 11, 30), first): 10.5,
        ("3=4+9", "month", date(2022, 12, 31), first): 10.4,
        ("3=4+9", "month", date(2023, 1, 31), first): 9.6,
        ("3=4+9", "12m", date(2022, 2, 28), first): 410.5,
        ("3=4+9", "12m", date(2023, 2, 28), first): 162.7,
        ("30=31+32", "month", date(2023, 2, 28), second): -0.2,
    }
    found = build.execute(
        "SELECT DISTINCT broken_identities, line, period_end FROM marts.mart_cross_border WHERE broken_identities <> 'none'"
    ).fetchall()
    assert {(name, end) for name, _, end in found} == {(name, end) for name, _, end, _ in broken}
    assert {line for name, line, _ in found if name == "3=4+9"} == {3, 4, 9}
    marked = build.execute(
        "SELECT DISTINCT line, period_end FROM marts.mart_cross_border "
        "WHERE (broken_identities <> 'none') <> list_contains(flags, 'SUSPECT') ORDER BY 1"
    ).fetchall()
    assert marked == [(line, date(2023, 1, 31)) for line in (20, 21, 30, 31)], "the misprint, whose lines add up"
    # the month was printed again, and adds up again
    assert states(build, 9, "2022-12-31", "value, broken_identities")[-2:] == [(-3.3, "3=4+9"), (1.0, "none")]


# --- the form of February 2023 -----------------------------------------------------------------------------------------


def test_windows_that_cross_the_new_form_are_marked(build: duckdb.DuckDBPyConnection) -> None:
    def marked(query: str) -> tuple[date, date]:
        return build.execute(query).fetchall()[0]

    crossing = "SELECT min(period_end), max(period_end) FROM marts.{} WHERE list_contains(flags, 'METHOD_BREAK') AND {}"
    assert marked(crossing.format("mart_cross_border", "line = 30")) == (date(2023, 2, 28), date(2023, 12, 31))
    assert build.execute(
        "SELECT count(*) FROM marts.mart_cross_border WHERE line BETWEEN 22 AND 29 AND list_contains(flags, 'METHOD_BREAK')"
    ).fetchall() == [(0,)]
    of_year = "signal_id = 'crossborder.tic_private_equity_12m'"
    assert marked(crossing.format("mart_signal_long", of_year)) == (date(2023, 2, 28), date(2023, 12, 31))
    of_five = "signal_id = 'crossborder.tic_private_minus_official_60m_z'"  # and until January 2028
    assert marked(crossing.format("mart_signal_long", of_five)) == (date(2023, 2, 28), date(2025, 11, 30))


@pytest.mark.parametrize("line", [3, 8, 30])
def test_what_is_usual_is_said_by_era_and_from_what_was_known(build: duckdb.DuckDBPyConnection, line: int) -> None:
    """Computed again from the file: the mean of the months of the era that a later release could revise, before each row."""
    told: dict[date, list[tuple[datetime, float]]] = defaultdict(list)
    for (at, measure, _, end), lines in sorted(printed().items(), key=lambda item: item[0]):
        if measure == "month" and line in lines:
            told[end].append((at, lines[line]))
    releases = sorted({at for at, *_ in printed()})

    def usual(era_of: date, at: datetime) -> tuple[float | None, int]:
        changes = []
        for end, values in told.items():
            before = [value for when, value in values if when < at and (values[0][0].date() - end).days <= 100]
            if (end < date(2023, 2, 1)) == (era_of < date(2023, 2, 1)) and before:
                again = [when for when in releases if values[0][0] < when < at]
                changes += [abs(before[-1] - before[0])] if again else []
        return (sum(changes) / len(changes) if changes else None), len(changes)

    rows = build.execute(
        "SELECT period_end, known_at, typical_revision, n_months_of_revision FROM marts.mart_cross_border "
        "WHERE line = ? AND known_at < '2026-02-01' ORDER BY ALL",
        [line],
    ).fetchall()
    assert len(rows) > 400
    for end, at, typical, count in rows[::17] + rows[-3:]:
        mean, months = usual(end, at)
        assert (count, typical) == (months, pytest.approx(mean) if mean is not None else None), (end, at)
    assert next(row[2:] for row in rows if row[0] == date(2023, 2, 28)) == (None, 0)  # nothing was known of the new form


def test_the_new_form_has_larger_revisions(build: duckdb.DuckDBPyConnection) -> None:
    newest = dict(
        build.execute(
            "SELECT era, arg_max(typical_revision, known_at) FROM marts.mart_cross_border WHERE line = 3 GROUP BY era"
        ).fetchall()
    )
    assert newest["to 2023-01"] == pytest.approx(2.05, abs=0.05)
    assert newest["from 2023-02"] > 5 * newest["to 2023-01"]


# --- shares of GDP, and the external position --------------------------------------------------------------------------


def test_shares_of_the_gdp_then_known(build: duckdb.DuckDBPyConnection) -> None:
    shares = {
        line: states(build, line, "2025-11-30", "sum_12m, gdp, round(sum_12m_pct_gdp, 2), gdp_period_end")
        for line in (3, 21, 30)
    }
    quarter = date(2025, 9, 30)
    assert shares == {
        3: [(1569.2, 31095.1, 5.05, quarter)],
        21: [(1271.1, 31095.1, 4.09, quarter)],
        30: [(1417.9, 31095.1, 4.56, quarter)],
    }
    assert [round(signal(build, f"tic_{name}_12m_pct_gdp", "2025-11-30")[0][0], 1) for name in ("treasury", "equity")] == [
        1.4,
        2.2,
    ]
    # two releases earlier neither the third quarter nor the last estimate of the second was all that there is now
    told = states(build, 30, "2025-07-31", "gdp, gdp_period_end, CAST(CAST(known_at AS DATE) AS VARCHAR)")
    assert told[0] == (30353.9, date(2025, 6, 30), "2025-09-18")
    told = states(build, 30, "2025-09-30", "gdp, gdp_period_end, CAST(CAST(known_at AS DATE) AS VARCHAR)")
    assert told[0] == (30485.7, date(2025, 6, 30), "2025-11-18")


def test_without_gdp_there_is_a_reason_and_no_number(build: duckdb.DuckDBPyConnection) -> None:
    assert states(build, 30, "2015-06-30", "sum_12m_pct_gdp, no_share_because")[-1] == (
        None, "no nominal GDP of the twelve months was known",
    )  # fmt: skip
    rows = signal(build, "tic_12m_pct_gdp", "2015-06-30", "value, obs_status, flags, n_missing")
    assert rows[0] == (None, "O", ["COMPONENT_MISSING"], 1)
    assert "COMPONENT_MISSING" not in signal(build, "tic_net_12m", "2015-06-30", "flags")[0][0]


def test_the_external_position(build: duckdb.DuckDBPyConnection) -> None:
    def told(name: str, quarter: str) -> list[tuple]:
        rows = signal(build, name, quarter, "round(value, 2), CAST(CAST(known_at AS DATE) AS VARCHAR), flags")
        return [(value, day, [flag for flag in flags if flag != "SHORT_HISTORY"]) for value, day, flags in rows]

    # a deficit is negative; 3.3 percent of GDP is what BEA said of the second quarter
    assert told("current_account_pct_gdp", "2025-06-30") == [(-3.31, "2025-09-23", []), (-3.30, "2025-09-25", ["REVISED"])]
    assert told("current_account_pct_gdp", "2025-09-30") == [(-2.91, "2026-01-14", [])]
    assert told("current_account_4q_pct_gdp", "2025-09-30") == [(round(-100 * 1227.5 * 4 / 121342.5, 2), "2026-01-14", [])]
    assert told("current_account_4q_pct_gdp", "2025-06-30")[0][0] is None  # three quarters are not four
    assert told("niip_pct_gdp", "2024-12-31") == [(None, "2025-03-26", ["COMPONENT_MISSING"]), (-88.16, "2025-03-27", [])]


# --- the release that the lapse moved ----------------------------------------------------------------------------------


def test_august_2025_was_delayed_and_merged(build: duckdb.DuckDBPyConnection) -> None:
    """Scheduled for 17 October, published on 18 November with September: the scheduled day made nothing known."""
    assert states(build, 30, "2025-08-31", "value, CAST(known_at AS VARCHAR)")[0] == (187.1, "2025-11-18 21:00:00+00")
    early = build.execute(
        "SELECT count(*) FROM marts.fct_observation WHERE series_id LIKE 'tic.%' AND CAST(known_at AS DATE) = '2025-10-17'"
    ).fetchall()
    assert early == [(0,)]
    called = (
        "SELECT status, CAST(scheduled_at AS DATE), merged_into FROM calendar_as_known(?) "
        "WHERE release_id = 'tic_monthly' AND reference_period = '2025-08'"
    )
    assert build.execute(called, ["2025-10-17T19:59Z"]).fetchall() == [("scheduled", date(2025, 10, 17), None)]
    assert build.execute(called, ["2025-11-10"]).fetchall() == [("pending", date(2025, 10, 17), None)]
    assert build.execute(called, ["2025-11-19"]).fetchall()[0][::2] == ("merged", "tic_monthly:2025-09")
    quality = build.execute(
        "SELECT status, delay_days, lapse_id FROM marts.mart_release_quality WHERE release_id = 'tic_monthly' "
        "AND reference_period = '2025-08' ORDER BY known_at DESC LIMIT 1"
    ).fetchall()
    assert quality == [("merged", 32, "2025-10")]


def test_the_calendar_since_2003(build: duckdb.DuckDBPyConnection) -> None:
    delays = dict(
        build.execute(
            "SELECT reference_period, delay_days FROM marts.dim_release_calendar WHERE release_id = 'tic_monthly' "
            "AND delay_days > 0 QUALIFY row_number() OVER (PARTITION BY reference_period ORDER BY known_at DESC) = 1"
        ).fetchall()
    )
    assert delays == {"2013-08": 6, "2014-01": 1, "2014-12": 1, "2018-11": 15, "2025-08": 32}


# --- a user's licensed series ------------------------------------------------------------------------------------------


def test_values_that_may_not_be_republished_are_nowhere_in_the_build(home: Home, build: duckdb.DuckDBPyConnection) -> None:
    path = current_build(home).path
    tables = sorted((path / "marts").glob("*/*.parquet"))
    assert len(tables) > 15
    wanted = [round(value, 4) for value in SECRET]
    for table in tables:
        columns = duckdb.sql(f"DESCRIBE SELECT * FROM '{table}'").fetchall()
        for name, kind in ((row[0], row[1]) for row in columns):
            if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
                query = f"SELECT count(*) FROM '{table}' WHERE list_contains(?, round({name}, 4))"
                assert duckdb.execute(query, [wanted]).fetchall() == [(0,)], (table, name)
    inside = build.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal AND data_type = 'DOUBLE' "
        "AND schema_name IN ('internal', 'marts')"
    ).fetchall()
    assert len(inside) > 20
    for schema, table, column in inside:
        query = f"SELECT count(*) FROM {schema}.{table} WHERE list_contains(?, round({column}, 4))"
        assert build.execute(query, [wanted]).fetchall() == [(0,)], (schema, table, column)
    page = (path / "known.html").read_text(encoding="utf-8")
    assert not any(f"{value:.4f}".rstrip("0") in page for value in wanted)


def test_what_is_withheld_says_so(home: Home, build: duckdb.DuckDBPyConnection) -> None:
    assert build.execute(
        "SELECT DISTINCT value, obs_status, footnotes FROM marts.fct_observation WHERE series_id = 'user.spx'"
    ).fetchall() == [(None, "Q", ["withheld under its licence: licensed to us alone"])]
    assert build.execute("SELECT count(*) FROM marts.fct_observation WHERE series_id = 'user.spx'").fetchall() == [(40,)]
    known = build.execute(
        "SELECT series_id, value, obs_status, period_end FROM as_known('2026-01-01') WHERE series_id LIKE 'user.%'"
    )
    newest = date(2025, 8, 9)
    assert sorted(known.fetchall()) == [("user.spx", None, "Q", newest), ("user.vix", 19.9, "A", newest)]
    assert dict(
        build.execute("SELECT series_id, is_withheld FROM marts.dim_series WHERE series_id LIKE 'user.%'").fetchall()
    ) == {"user.spx": True, "user.vix": False}
    # the warehouse that makes the signals has them
    with duckdb.connect(str(home.database), read_only=True) as warehouse:
        sums = warehouse.execute(
            "SELECT sum(value) FROM intermediate.int_observation__flagged WHERE series_id = 'user.spx'"
        ).fetchall()
    assert sums[0][0] == pytest.approx(sum(SECRET), abs=1e-3)


def test_a_reader_is_told_that_values_are_withheld(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTOW_HOME", str(home.root))
    done = CliRunner().invoke(cli, ["known", "user.spx", "--as-of", "2026-01-01"])
    assert (done.exit_code, "withheld" in done.output) == (0, True), done.output
    done = CliRunner().invoke(cli, ["explain", "user.spx", "--as-of", "2026-01-01"])
    assert (done.exit_code, "licensed to us alone" in done.output) == (0, True), done.output
    done = CliRunner().invoke(
        cli, ["explain", "crossborder.tic_private_equity_12m", "--as-of", "2024-10-18", "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert [(item["series_id"], item["value"]) for item in said["inputs"]] == [("tic.press_release.line_08_12m", -133.8)]


def test_doctor_says_which_roles_are_filled(home: Home) -> None:
    says = {finding.what: finding.says for finding in examine(home, Settings()) if finding.what.startswith("role ")}
    assert says["role equity_index.spx"] == "user.spx until 2025-08-09; values withheld, licence: licensed to us alone"
    assert says["role vol.vix"] == "user.vix until 2025-08-09; values published, licence: CC0-1.0"
    assert says["role vol.move"].startswith("absent: ")
    assert "rates.move_proxy stands in" in says["role vol.move"]


# --- nothing looks ahead -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instant", ["2023-04-17T20:00Z", "2026-02-18T21:00Z"])
def test_cut_off_it_says_what_was_known_then(home: Home, tmp_path: Path, instant: str) -> None:
    cut = Warehouse(home, parse_instant(instant), tmp_path / "cut.duckdb")
    assert [result.name for result in cut.build(tests=False) if result.status not in {"success", "no-op"}] == []
    at = instant.replace("T", " ").replace("Z", "")
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"ATTACH '{home.database}' AS whole (READ_ONLY); ATTACH '{tmp_path / 'cut.duckdb'}' AS cut (READ_ONLY)"
        )
        for table in ("mart_cross_border", "mart_signal_long", "fct_observation"):
            left = f"SELECT * FROM whole.marts.{table} WHERE known_at <= TIMESTAMP '{at}'"
            right = f"SELECT * FROM cut.marts.{table}"
            for one, other in ((left, right), (right, left)):
                assert connection.execute(f"SELECT * FROM ({one} EXCEPT ALL {other}) LIMIT 3").fetchall() == [], table
        assert connection.execute("SELECT count(*) FROM cut.marts.mart_cross_border").fetchall()[0][0] > 10_000


def test_a_generated_release_adds_up() -> None:
    """The sample's own lines, so that a first run breaks no identity."""
    lines: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for name, start, end, value, *_ in press_release("2025-11-18T21:00Z", date(2025, 9, 1), 1.7):
        number = int(name.removeprefix("tic.press_release.line_")[:2])
        lines[start, end][number] = float(value)
    assert len(lines) == 6
    for column in lines.values():
        for total, parts in IDENTITIES.values():
            assert column[total] == pytest.approx(sum(sign * column[part] for part, sign in parts.items()), abs=1e-6)


# --- what cannot be meant, and the page ----------------------------------------------------------------------------------


def test_a_sum_that_cannot_be_meant_stands_as_printed_and_is_doubted(build: duckdb.DuckDBPyConnection) -> None:
    """The release of March 2024 printed -6,905.1 for other acquisitions of the year through January 2023, which had been -137."""
    columns = "sum_12m, list_contains(flags, 'SUSPECT'), strftime(known_at, '%Y-%m-%d')"
    for line, before, misprint in ((20, -137.0, -6905.1), (21, 1157.5, -5611.7), (30, 1534.2, -5221.9), (31, 1636.0, -5207.2)):
        *_, last_before, last = states(build, line, "2023-01-31", columns)
        assert last_before[:2] == (before, False)
        assert last == (misprint, True, "2024-03-19")
    assert signal(build, "tic_net_12m", "2023-01-31", "value, list_contains(flags, 'SUSPECT')")[-1] == (-5221.9, True)
    doubted = (
        "SELECT DISTINCT line, period_end FROM marts.mart_cross_border WHERE list_contains(flags, 'SUSPECT') AND line = 30"
        " ORDER BY 2"
    )
    assert build.execute(doubted).fetchall() == [(30, date(2023, 1, 31)), (30, date(2023, 2, 28))]


def page_rows(page: str, kind: str) -> dict[str, list[str]]:
    """Return the numbers of the rows of a page's tables, by their keys."""
    rows = re.findall(rf'<tr data-{kind}="([^"]*)">(.*?)</tr>', page, re.DOTALL)
    return {key: re.findall(r'<data value="([^"]*)">', cells) for key, cells in rows}


def test_the_page_shows_first_print_and_latest_as_known_at_its_instant(build: duckdb.DuckDBPyConnection) -> None:
    manifest = {"published_at": "2026-03-19T00:00:00Z", "build_id": "20260319T000000Z-0", "origins": ["replay"]}
    page = crossborder_page(build, manifest)
    months = page_rows(page, "month")
    assert [float(number) for number in months["2025-09"][:3]] == [190.1, 178.2, -11.9]
    assert next(iter(months)) == "2025-11", "the newest month is on top"
    titles = re.findall(r"<figcaption><b>(.*?)</b>", page)
    assert titles[:2] == ["Net TIC flow (lines 21, 22 and 29)", "US long-term securities, net foreign purchases"]
    assert "Net TIC flow (lines 21, 22 and 29), 2025-09-30: 178.2 USD bn a month" not in page, "a point is called by its trace"
    assert "latest known, 2025-09-30: 178.2 USD bn a month (known 2026-01-15T21:00Z, REVISED)" in page
    assert "first print, 2025-09-30: 190.1 USD bn a month" in page
    assert 'through 2023-01: <data value="-5221.9">-5,221.9</data>' in page, "a misprint is named and not drawn"
    assert "No table of holdings was known." in page
    assert "No yield of Japan was known." in page
    assert "bring your own file" in page
    earlier = crossborder_page(build, manifest, as_of=parse_instant("2025-11-18T20:59Z"))
    assert next(iter(page_rows(earlier, "month"))) == "2025-07", "August and September came together on the 18th at 21:00Z"
    assert [float(number) for number in page_rows(earlier, "month")["2025-07"][:2]] == [2.1, 2.1]
