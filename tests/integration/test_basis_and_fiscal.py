"""The basis trade and the budget in a published build, made from a replay of genuine and generated payloads.

The genuine file of the CFTC and the genuine daily statement are read where they lie beside the checkout. The generated payloads are of
other years. The packaged data of the other rooms stays away.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from assets.cftc import sample as cftc
from assets.cftc.parse import report_days
from assets.fiscaldata import sample as fiscal
from assets.ofr import sample as ofr
from tests.integration.conftest import shared_data
from undertow.fetching import SampleFetcher
from undertow.instants import format_instant, parse_instant
from undertow.publish import current_build
from undertow.settings import Home

GENUINE = {
    ("cftc", "tff_futures_only"): ("cftc/fut_fin_txt_2025.zip", "2026-01-02T19:41:00Z"),
    ("fiscaldata", "dts_operating_cash_balance"): (
        "fiscaldata/dts_operating_cash_balance_2025-07-07_2025-07-11.json",
        "2026-07-16T12:00:00Z",
    ),
}
OLD = [day for day in report_days(2011) if day < date(2011, 3, 1)]
NEW = [day for day in report_days(2026) if date(2026, 9, 1) <= day < date(2026, 10, 20)]
BILLIONS = 1e9


def statements() -> list[dict[str, str]]:
    """Return statements of comparable months, and the one of March 2025 as the Treasury told it."""
    rows = fiscal.statement_rows(date(2021, 11, 1), date(2021, 12, 31)) + fiscal.statement_rows(
        date(2025, 3, 1), date(2025, 3, 31)
    )
    rows[-1] |= {"current_fytd_net_outly_amt": "-1307000000000.00", "prior_fytd_net_outly_amt": "-1065000000000.00"}
    return rows


def generated() -> Iterator[tuple[str, str, bytes, str]]:
    yield "cftc", "tff_futures_only", cftc.year_file(OLD[:-1]), "2011-12-31T12:00:00Z"
    without = tuple(code for code in cftc.CONTRACTS if code != "043602")
    yield "cftc", "tff_futures_only", cftc.year_file(OLD[-1:], without), "2011-12-31T13:00:00Z"
    yield "cftc", "tff_socrata", cftc.answer(NEW), "2026-10-31T09:00:00Z"
    yield "cftc", "tff_futures_only", cftc.year_file(NEW), "2026-11-01T09:00:00Z"
    yield "fiscaldata", "mts_table_5", fiscal.page(statements()), "2026-10-31T09:00:00Z"
    auctions = fiscal.auction_rows(date(2026, 8, 1), date(2026, 10, 29))
    yield "fiscaldata", "auctions_query", fiscal.page(auctions, 1, 25), "2026-10-31T09:00:00Z"
    yield "fiscaldata", "auctions_query", fiscal.page(auctions[20:]), "2026-10-31T09:01:00Z"  # five rows came twice
    buybacks = fiscal.buyback_rows(date(2026, 8, 1), date(2026, 10, 29))
    yield "fiscaldata", "buybacks_operations", fiscal.page(buybacks), "2026-10-31T09:00:00Z"
    repo = {
        "FPF-BORROW_REPO_SUM": [("2025-12-31", 3.1e12), ("2026-03-31", 3.243e12)],
        "FICC-SPONSORED_REPO_VOL": [("2026-09-28", 1.5e12), ("2026-09-29", 1.6e12)],
        "FICC-SPONSORED_REVREPO_VOL": [("2026-09-28", 1.1e12), ("2026-09-29", None)],
    }
    yield "ofr", "hfm", ofr.multifull(repo, "2026-10-05 10:00:00"), "2026-10-31T09:00:00Z"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    from orchestration.runner import run

    folder = tmp_path_factory.mktemp("basis")
    manifest = folder / "replay.csv"
    with manifest.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["source", "dataset", "file", "url", "fetched_at", "note"])
        for number, (source, dataset, content, fetched_at) in enumerate(generated()):
            (folder / f"{number}.bin").write_bytes(content)
            writer.writerow([source, dataset, f"{number}.bin", f"{dataset}/{number}", fetched_at, ""])
        for (source, dataset), (name, fetched_at) in GENUINE.items():
            if (path := shared_data() / name).is_file():
                writer.writerow([source, dataset, path, name, fetched_at, ""])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERTOW_HOME", str(folder / "home"))
        patch.setattr(SampleFetcher, "packaged", lambda *_: iter(()))
        report = run("replay", [manifest])
        assert report.failed_sources == []
        assert [check.name for check in report.checks if not check.passed and check.tool != "calendar"] == []
        connection = duckdb.connect(str(current_build(Home(folder / "home")).database), read_only=True)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{Home(folder / 'home').database}' AS full_build (READ_ONLY)")
        yield connection
        connection.close()


def genuine(name: str) -> None:
    if not (shared_data() / name).is_file():
        pytest.skip(f"the genuine payload {name} is not beside this checkout")


def one(build: duckdb.DuckDBPyConnection, sql: str, *values: object) -> tuple:
    (row,) = build.execute(sql, list(values)).fetchall()
    return row


# --- leveraged funds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "known_at", "gross_short", "net"),
    [
        ("2025-03-25", "2025-03-28T19:30Z", 1_148.8, -947.6),
        ("2025-04-01", "2025-04-04T19:30Z", 1_195.9, None),
        ("2025-04-08", "2025-04-11T19:30Z", 1_196.4, None),
        ("2025-06-24", "2025-06-27T19:30Z", 1_295.0, -1_076.4),
        ("2025-09-30", "2025-11-19T20:30Z", 1_330.8, -1_078.5),
        ("2025-10-28", "2025-12-05T20:30Z", 1_368.9, -1_128.0),
        ("2025-11-04", "2025-12-09T20:30Z", 1_365.5, -1_135.6),
        ("2025-12-02", "2025-12-23T20:30Z", 1_376.3, None),
        ("2025-12-30", "2026-01-02T19:41Z", 1_399.9, -1_154.3),
    ],
)
def test_leveraged_funds_in_six_contracts(
    build: duckdb.DuckDBPyConnection, report: str, known_at: str, gross_short: float, net: float | None
) -> None:
    genuine("cftc/fut_fin_txt_2025.zip")
    found = one(
        build,
        "SELECT strftime(known_at, '%Y-%m-%dT%H:%MZ'), leveraged_gross_short, leveraged_net, list_contains(flags, 'KNOWN_LATE'), "
        "list_contains(flags, 'PROXY') FROM marts.mart_basis_proxy WHERE period_end = ? AND contract_code = 'all'",
        report,
    )
    assert found[0] == known_at
    assert found[1] == pytest.approx(gross_short, abs=0.05)
    assert net is None or found[2] == pytest.approx(net, abs=0.05)
    assert found[3:] == (report >= "2025-09-30", True)
    signal = one(
        build,
        "SELECT value, unit FROM marts.mart_signal_long WHERE signal_id = 'basis.leveraged_gross_short' AND period_end = ?",
        report,
    )
    assert signal == (found[1], "USD bn")


def test_contracts_add_up_to_the_total(build: duckdb.DuckDBPyConnection) -> None:
    genuine("cftc/fut_fin_txt_2025.zip")
    rows = dict(
        build.execute(
            "SELECT contract, leveraged_gross_short FROM marts.mart_basis_proxy WHERE period_end = '2025-11-04' AND contract <> 'all'"
        ).fetchall()
    )
    assert sum(rows.values()) == pytest.approx(1_365.5, abs=0.05)
    assert sum(rows[name] for name in ("2Y", "5Y", "10Y")) == pytest.approx(1_172.6, abs=0.05)
    assert len(rows) == 6


def test_ten_year_equivalents_stand_on_the_assumptions_of_the_seed(build: duckdb.DuckDBPyConnection) -> None:
    genuine("cftc/fut_fin_txt_2025.zip")
    (total,) = one(
        build,
        "SELECT ten_year_equivalents FROM marts.mart_basis_proxy WHERE period_end = '2025-10-28' AND contract_code = 'all'",
    )
    assert total == pytest.approx(-8.9e6, abs=0.05e6)


@pytest.mark.parametrize(
    ("as_of", "newest"),
    [
        ("2025-10-31T21:00Z", "2025-09-23"),  # nothing since the lapse began
        ("2025-11-19T20:29Z", "2025-09-23"),
        ("2025-11-19T20:30Z", "2025-09-30"),
        ("2025-12-05T20:30Z", "2025-10-28"),
        ("2026-01-02T19:40Z", "2025-12-09"),
        ("2026-01-02T19:41Z", "2025-12-30"),
    ],
)
def test_what_was_known_of_the_backlog(build: duckdb.DuckDBPyConnection, as_of: str, newest: str) -> None:
    genuine("cftc/fut_fin_txt_2025.zip")
    assert one(
        build, "SELECT strftime(period_end, '%Y-%m-%d') FROM signals_as_known(?) WHERE signal_id = 'basis.leveraged_net'", as_of
    ) == (newest,)


def test_a_report_is_known_from_its_loading_and_the_file_that_comes_later_is_no_news(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        "SELECT strftime(period_end, '%Y-%m-%d'), strftime(known_at, '%H:%M:%S'), known_at_basis, vintage_number, value "
        "FROM marts.fct_observation WHERE series_id = 'cftc.tff.043602.lev_money_short' AND period_end >= '2026-09-01' ORDER BY 1"
    ).fetchall()
    assert [row[0] for row in rows] == [day.isoformat() for day in NEW]
    assert {row[1:4] for row in rows} == {("19:30:55", "provider", 1)}
    assert rows[0][4] == cftc.position("043602", NEW[0], "lev_money_short")


def test_the_unwind_is_the_share_closed_since_the_report_four_weeks_before(build: duckdb.DuckDBPyConnection) -> None:
    def short(day: date) -> float:
        return sum(cftc.position(code, day, "lev_money_short") * face for code, (_, face, _, _) in cftc.CONTRACTS.items())

    rows = build.execute(
        "SELECT period_end, value, obs_status FROM marts.mart_signal_long WHERE signal_id = 'basis.unwind_4w' "
        "AND period_end >= '2026-09-01' ORDER BY 1"
    ).fetchall()
    assert [row[2] for row in rows] == ["O"] * 4 + ["A"] * (len(NEW) - 4)
    for day, value, _ in rows[4:]:
        assert value == pytest.approx(1 - short(day) / short(day - timedelta(days=28)), rel=1e-9)


def test_a_total_of_which_a_contract_is_missing_is_no_number(build: duckdb.DuckDBPyConnection) -> None:
    """In 2011 there was no Ultra 10-Year contract, so five make the total; where one of these is missing, four do not."""
    rows = build.execute(
        "SELECT period_end, value, n_inputs, n_missing, obs_status, list_contains(flags, 'COMPONENT_MISSING'), confidence "
        "FROM marts.mart_signal_long WHERE signal_id = 'basis.leveraged_gross_short' AND period_end < '2012-01-01' ORDER BY 1"
    ).fetchall()
    assert [row[0] for row in rows] == OLD
    assert {row[2] for row in rows} == {5}
    assert [row[3:6] for row in rows] == [(0, "A", False)] * (len(OLD) - 1) + [(1, "O", True)]
    assert rows[-1][1] is None
    assert rows[-1][6] == 0
    contracts = build.execute(
        "SELECT contract FROM marts.mart_basis_proxy WHERE period_end = ? ORDER BY 1", [OLD[-1]]
    ).fetchall()
    assert [name for (name,) in contracts] == ["2Y", "5Y", "Bond", "Ultra Bond", "all"]


def test_hedge_fund_repo_beside_a_report_is_what_was_known_by_then(build: duckdb.DuckDBPyConnection) -> None:
    """The vintage of 5 October 2026 stands beside reports that came after it, and beside none before."""
    rows = build.execute(
        "SELECT strftime(known_at, '%m-%d'), hedge_fund_repo, hedge_fund_repo_as_of, sponsored_repo, sponsored_reverse_repo "
        "FROM marts.mart_basis_proxy WHERE contract_code = 'all' AND period_end >= '2026-09-29' ORDER BY 1"
    ).fetchall()
    assert rows[0] == ("10-02", None, None, None, None)
    assert rows[1][1:] == (3_243.0, date(2026, 3, 31), 1_600.0, 1_100.0)


# --- the Treasury ------------------------------------------------------------------------------------------------------------


def test_the_general_account_from_the_genuine_statement(build: duckdb.DuckDBPyConnection) -> None:
    genuine(GENUINE["fiscaldata", "dts_operating_cash_balance"][0])
    series = "fiscaldata.dts.operating_cash_balance.tga_closing"
    for as_of, expected in (
        ("2025-07-08T19:59Z", []),
        ("2025-07-08T20:00Z", [("2025-07-07", 332_482.0, "lag_rule", "2025-07-08")]),
        ("2025-07-12", [("2025-07-10", 288_395.0, "lag_rule", "2025-07-11")]),
    ):
        found = build.execute(
            "SELECT strftime(period_end, '%Y-%m-%d'), value, known_at_basis, next_period FROM as_known(?) WHERE series_id = ?",
            [as_of, series],
        ).fetchall()
        assert found == expected, as_of


def test_a_missing_statement_is_pending_and_a_holiday_is_not(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        "SELECT reference_period, status FROM calendar_as_known('2025-07-08T12:00Z') "
        "WHERE release_id = 'daily_treasury_statement' AND reference_period BETWEEN '2025-07-02' AND '2025-07-07' ORDER BY 1"
    ).fetchall()
    assert rows == [("2025-07-02", "pending"), ("2025-07-03", "pending"), ("2025-07-07", "scheduled")]


def test_the_deficit_of_march_2025(build: duckdb.DuckDBPyConnection) -> None:
    """Plain 22.7 percent; 1 October 2023 was a Sunday and 1 October 2024 was not, so the spans are not comparable."""
    row = one(
        build,
        "SELECT strftime(known_at, '%Y-%m-%dT%H:%MZ'), deficit_fytd, deficit_fytd_yoy, deficit_fytd_yoy_adjusted, flags "
        "FROM marts.mart_fiscal WHERE period_end = '2025-03-31'",
    )
    assert row[:2] == ("2025-04-10T18:00Z", 1_307.0)
    assert row[2] == pytest.approx(22.7, abs=0.05)
    assert row[3] is None
    assert "CALENDAR_SHIFT" in row[4]


def test_a_comparable_span_has_the_same_number_twice(build: duckdb.DuckDBPyConnection) -> None:
    rows = {row["record_date"]: row for row in statements()}
    found = build.execute(
        "SELECT strftime(period_end, '%Y-%m-%d'), deficit_fytd, deficit_fytd_yoy, deficit_fytd_yoy_adjusted, flags "
        "FROM marts.mart_fiscal WHERE period_end < '2022-01-31' ORDER BY 1"
    ).fetchall()
    assert [row[0] for row in found] == ["2021-11-30", "2021-12-31"]
    for day, deficit, plain, adjusted, flags in found:
        told = float(rows[day]["current_fytd_net_outly_amt"]), float(rows[day]["prior_fytd_net_outly_amt"])
        assert deficit == pytest.approx(-told[0] / BILLIONS)
        assert plain == adjusted == pytest.approx((told[0] / told[1] - 1) * 100)
        assert "CALENDAR_SHIFT" not in flags


def test_bills_among_what_was_issued_in_a_month(build: duckdb.DuckDBPyConnection) -> None:
    """A month is computed with the first result after it, without what the SOMA took, and rows that came twice count once."""
    rows = fiscal.auction_rows(date(2026, 9, 1), date(2026, 9, 30))
    amounts = [(row["security_type"] == "Bill", int(row["total_accepted"]) - int(row["soma_accepted"])) for row in rows]
    bills, issued = sum(amount for is_bill, amount in amounts if is_bill), sum(amount for _, amount in amounts)
    found = build.execute(
        "SELECT strftime(known_at, '%Y-%m-%dT%H:%M:%SZ'), bill_share_of_issuance, bills_issued, securities_issued "
        "FROM marts.mart_fiscal WHERE period_end = '2026-09-30'"
    ).fetchall()
    assert len(found) == 1
    assert found[0][0] == "2026-10-06T03:59:59Z", "the bills issued on 8 October were sold on the 5th"
    assert found[0][1:] == pytest.approx((bills / issued, bills / BILLIONS, issued / BILLIONS))
    assert 0.5 < bills / issued < 0.9
    n_inputs = one(
        build,
        "SELECT n_inputs FROM marts.mart_signal_long WHERE signal_id = 'fiscal.bill_share_of_issuance' AND period_end = '2026-09-30'",
    )
    assert n_inputs == (len(rows),)
    assert one(build, "SELECT count(*) FROM marts.mart_fiscal WHERE period_end = '2026-10-31'") == (0,), "October is not over"


def test_buybacks_of_21_weekdays(build: duckdb.DuckDBPyConnection) -> None:
    made = [(date.fromisoformat(row["operation_date"]), int(row["total_par_amt_accepted"])) for row in fiscal.buyback_rows(
        date(2026, 8, 1), date(2026, 10, 29))]  # fmt: skip
    found = build.execute(
        "SELECT period_end, value, list_contains(flags, 'SHORT_HISTORY'), known_at > period_end, n_inputs "
        "FROM marts.mart_signal_long WHERE signal_id = 'fiscal.buybacks_21d' ORDER BY 1"
    ).fetchall()
    assert [row[0] for row in found] == sorted({day for day, _ in made})
    for day, value, is_short, is_later, n_inputs in found:
        window = [amount for other, amount in made if day - timedelta(days=28) <= other <= day]
        assert value == pytest.approx(sum(window) / BILLIONS)
        assert (is_short, is_later, n_inputs) == (True, True, len(window))


def test_all_signals_have_units_directions_and_flags(build: duckdb.DuckDBPyConnection) -> None:
    rows = build.execute(
        "SELECT DISTINCT signal_id, unit, stress_dir FROM marts.mart_signal_long WHERE signal_id LIKE 'basis.%' "
        "OR signal_id LIKE 'fiscal.%' ORDER BY 1"
    ).fetchall()
    assert rows == [
        ("basis.leveraged_gross_short", "USD bn", 1),
        ("basis.leveraged_net", "USD bn", -1),
        ("basis.unwind_4w", "ratio", 1),
        ("fiscal.bill_share_of_issuance", "ratio", 1),
        ("fiscal.buybacks_21d", "USD bn", 1),
        ("fiscal.deficit_fytd", "USD bn", 1),
        ("fiscal.deficit_fytd_yoy", "percent", 1),
        ("fiscal.deficit_fytd_yoy_adjusted", "percent", 1),
    ]


def test_the_manifest_of_the_generated_payloads_is_in_the_wire_format() -> None:
    """What is generated says what a provider says: text in every cell, and the counts of its page."""
    pages = [json.loads(content) for source, _, content, _ in generated() if source == "fiscaldata"]
    assert all(page["meta"]["count"] == len(page["data"]) for page in pages)
    assert all(isinstance(cell, str) for page in pages for row in page["data"] for cell in row.values())


@pytest.mark.parametrize("instant", ["2026-10-01T03:59:59Z", "2026-10-07T00:00Z"])
def test_what_was_built_from_what_was_known_is_what_the_full_build_says_of_then(
    build: duckdb.DuckDBPyConnection, tmp_path: Path, instant: str
) -> None:
    """One instant after September's last result is known and before the month counts as over, one after both."""
    from orchestration.warehouse import Warehouse

    (catalog,) = one(build, "SELECT path FROM duckdb_databases() WHERE database_name = 'full_build'")
    home = Home(Path(catalog).parents[1])
    cut_off = parse_instant(instant)
    results = Warehouse(home, cut_off, tmp_path / "cut.duckdb").build(tests=False)
    assert [r.name for r in results if r.status not in {"success", "no-op"}] == []
    build.execute(f"ATTACH '{tmp_path / 'cut.duckdb'}' AS cut_build (READ_ONLY)")
    try:
        listed = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'full_build' AND schema_name = 'marts'"
        for (mart,) in build.execute(f"{listed} AND table_name <> 'dim_series'").fetchall():
            full = f"SELECT * FROM full_build.marts.{mart} WHERE known_at <= TIMESTAMP '{format_instant(cut_off)[:-1]}'"
            cut = f"SELECT * FROM cut_build.marts.{mart}"
            assert build.execute(f"SELECT * FROM ({full} EXCEPT ALL {cut}) LIMIT 3").fetchall() == [], mart
            assert build.execute(f"SELECT * FROM ({cut} EXCEPT ALL {full}) LIMIT 3").fetchall() == [], mart
        assert one(build, "SELECT count(*) > 20 FROM cut_build.marts.mart_basis_proxy") == (True,)
        assert one(build, "SELECT count(*) > 3 FROM cut_build.marts.mart_fiscal") == (True,)
    finally:
        build.execute("DETACH cut_build")
