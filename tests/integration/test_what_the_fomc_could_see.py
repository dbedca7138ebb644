"""What could be known on 10 December 2025 at 14:00 in New York, and at instants around it: transcribed numbers and the calendar.

The answers are those of the packaged data alone, so they hold in every mode that reads the files of the room ``prints``.
"""

from __future__ import annotations

import duckdb
import pytest

STATEMENT = "2025-12-10 14:00 America/New_York"


ANSWERS: dict[str, dict[str, tuple]] = {}  # one question an instant is enough


def known(connection: duckdb.DuckDBPyConnection, as_of: str) -> dict[str, tuple]:
    """Return for each transcribed series the end of its newest known period, the value and what came next."""
    if as_of not in ANSWERS:
        ANSWERS[as_of] = _known(connection, as_of)
    return ANSWERS[as_of]


def _known(connection: duckdb.DuckDBPyConnection, as_of: str) -> dict[str, tuple]:
    rows = connection.execute(
        "SELECT series_id, period_end::VARCHAR, value, strftime(timezone('America/New_York', known_at), '%m-%d %H:%M'), "
        "next_period, next_status FROM as_known(?) WHERE series_id LIKE 'prints.%'",
        [as_of],
    ).fetchall()
    return {row[0].removeprefix("prints."): row[1:] for row in rows}


def statuses(connection: duckdb.DuckDBPyConnection, as_of: str) -> dict[tuple[str, str, str], tuple]:
    """Return the status of each release as known, with its planned instant in New York."""
    rows = connection.execute(
        "SELECT release_id, component, reference_period, status, "
        "strftime(timezone('America/New_York', scheduled_at), '%Y-%m-%d %H:%M') FROM calendar_as_known(?)",
        [as_of],
    ).fetchall()
    return {row[:3]: row[3:] for row in rows}


ON_THE_DAY = {
    "payrolls_change": ("2025-09-30", 119.0, "11-20 08:30", "2025-10", "merged"),
    "unemployment_rate": ("2025-09-30", 4.4, "11-20 08:30", "2025-10", "permanent_gap"),
    "unemployment_rate_unrounded": ("2025-09-30", 4.440, "11-20 08:30", "2025-10", "permanent_gap"),
    "ahe_level": ("2025-09-30", 36.67, "11-20 08:30", "2025-10", "merged"),
    "ahe_1m": ("2025-09-30", 0.2, "11-20 08:30", "2025-10", "merged"),
    "ahe_12m": ("2025-09-30", 3.8, "11-20 08:30", "2025-10", "merged"),
    "cpi_all_nsa": ("2025-09-30", 324.800, "10-24 08:30", "2025-10", "cancelled"),
    "cpi_all_1m": ("2025-09-30", 0.3, "10-24 08:30", "2025-10", "cancelled"),
    "cpi_all_12m": ("2025-09-30", 3.0, "10-24 08:30", "2025-10", "cancelled"),
    "cpi_core_1m": ("2025-09-30", 0.2, "10-24 08:30", "2025-10", "cancelled"),
    "cpi_core_12m": ("2025-09-30", 3.0, "10-24 08:30", "2025-10", "cancelled"),
    "cpi_cs_imputed_different_cell_pct": ("2025-09-30", 40.0, "10-24 08:30", "2025-10", "cancelled"),
    "ces_collection_rate_first_print": ("2025-09-30", 80.2, "11-20 08:30", "2025-10", "merged"),
    "ppi_final_demand_1m": ("2025-09-30", 0.3, "11-25 08:30", "2025-10", "merged"),
    "ppi_final_demand_12m": ("2025-09-30", 2.7, "11-25 08:30", "2025-10", "merged"),
    "ppi_core_12m": ("2025-09-30", 2.9, "11-25 08:30", "2025-10", "merged"),
    "pce_prices_12m": ("2025-09-30", 2.8, "12-05 10:00", "2025-10", "pending"),
    "pce_core_prices_12m": ("2025-09-30", 2.8, "12-05 10:00", "2025-10", "pending"),
    "pce_prices_1m": ("2025-09-30", 0.3, "12-05 10:00", "2025-10", "pending"),
    "pce_core_prices_1m": ("2025-09-30", 0.2, "12-05 10:00", "2025-10", "pending"),
    "personal_income_1m": ("2025-09-30", 0.4, "12-05 10:00", "2025-10", "pending"),
    "personal_spending_1m": ("2025-09-30", 0.3, "12-05 10:00", "2025-10", "pending"),
    "job_openings": ("2025-10-31", 7670.0, "12-09 10:00", None, None),
    "eci_3m": ("2025-09-30", 0.8, "12-10 08:30", "2025-Q4", "scheduled"),
    "eci_12m": ("2025-09-30", 3.5, "12-10 08:30", "2025-Q4", "scheduled"),
    "initial_claims": ("2025-11-29", 191_000.0, "12-04 08:30", "2025-12-20", "scheduled"),
    "adp_private_payrolls_change": ("2025-11-30", -32.0, "12-03 23:59", None, None),
    "gdp_real_saar": ("2025-06-30", 3.8, "09-25 08:30", "2025-Q3", "rescheduled"),
    "retail_sales_1m": ("2025-09-30", 0.2, "11-25 08:30", "2025-10", "pending"),
    "industrial_production_1m": ("2025-09-30", 0.1, "12-03 09:15", "2025-10", "pending"),
    "capacity_utilization": ("2025-09-30", 75.9, "12-03 09:15", "2025-10", "pending"),
    "trade_balance": ("2025-08-31", -59.6, "11-19 08:30", "2025-09", "rescheduled"),
    "current_account": ("2025-06-30", -251.3, "09-23 08:30", "2025-Q3", "rescheduled"),
    "current_account_pct_gdp": ("2025-06-30", 3.3, "09-23 08:30", "2025-Q3", "rescheduled"),
    "tic_net": ("2025-09-30", 190.1, "11-18 16:00", "2025-10", "scheduled"),
    "tic_net_private": ("2025-09-30", 213.9, "11-18 16:00", "2025-10", "scheduled"),
    "tic_net_official": ("2025-09-30", -23.7, "11-18 16:00", "2025-10", "scheduled"),
    "tic_treasuries_held": ("2025-09-30", 9249.0, "11-18 16:00", "2025-10", "scheduled"),
    "budget_deficit": ("2025-10-31", 284.35, "11-25 14:00", "2025-11", "pending"),
    "umich_sentiment_preliminary": ("2025-12-31", 53.3, "12-05 23:59", None, None),
    "sep_funds_rate_median": ("2025-12-31", 3.6, "09-17 14:00", None, None),
    "sep_pce_inflation_median": ("2025-12-31", 3.0, "09-17 14:00", None, None),
    "sep_unemployment_median": ("2025-12-31", 4.5, "09-17 14:00", None, None),
}


@pytest.mark.parametrize("series", ON_THE_DAY)
def test_on_the_day_of_the_decision(published: duckdb.DuckDBPyConnection, series: str) -> None:
    if series == "initial_claims":  # its rule may say more of the weeks to come than the calendar of facts
        assert known(published, STATEMENT)[series][:3] == ON_THE_DAY[series][:3]
    else:
        assert known(published, STATEMENT)[series] == ON_THE_DAY[series]


def test_nothing_beyond_the_day(published: duckdb.DuckDBPyConnection) -> None:
    late = published.execute(
        "SELECT series_id, period_end FROM vintages_as_known(?) WHERE known_at > TIMESTAMPTZ '2025-12-10 19:00:00+00'",
        [STATEMENT],
    ).fetchall()
    assert late == []
    october = published.execute(
        "SELECT series_id FROM vintages_as_known(?) WHERE series_id LIKE 'prints.%' AND period_start = '2025-10-01' "
        "AND period_end = '2025-10-31' AND value IS NOT NULL ORDER BY 1",
        [STATEMENT],
    ).fetchall()
    assert [row[0] for row in october] == [
        "prints.adp_private_payrolls_change", "prints.budget_deficit", "prints.job_openings",
    ]  # fmt: skip


def test_no_series_at_all_goes_beyond_the_day(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        "SELECT count(*), count(*) FILTER (known_at > as_of), min(as_of) = max(as_of), "
        "list(series_id) FILTER (value IS NULL), list(obs_status) FILTER (value IS NULL) FROM as_known(?)",
        [STATEMENT],
    ).fetchall()
    assert rows[0][0] > 10_000
    assert rows[0][1:3] == (0, True)
    # the one series without a value is the user's own file, whose licence lets no value out
    assert rows[0][3:] == (["user.spx"], ["Q"])
    # neither survey, nor a price index, had a number for October or November
    assert published.execute(
        "SELECT v.series_id, v.period_end, v.value FROM vintages_as_known(?) AS v JOIN marts.dim_series AS s USING (series_id) "
        "WHERE s.release_id IN ('employment_situation', 'cpi', 'ppi', 'personal_income_outlays') "
        "AND s.frequency = 'M' AND v.period_end > DATE '2025-09-30' AND v.value IS NOT NULL",
        [STATEMENT],
    ).fetchall() == []  # fmt: skip


def test_headlines_of_the_day(published: duckdb.DuckDBPyConnection) -> None:
    """One query gives the whole table; where only the calendar is known, it says which period had come."""
    rows = {
        row["series_id"] or row["release_id"]: row
        for row in published.execute("SELECT * FROM headline_as_known(?) ORDER BY position", [STATEMENT])
        .to_arrow_table()
        .to_pylist()
    }
    listed = {name.removeprefix("prints.") for name in rows if name.startswith("prints.")}
    assert listed == set(ON_THE_DAY)
    for name, (end, value, *_) in ON_THE_DAY.items():
        row = rows[f"prints.{name}"]
        assert (str(row["period_end"]), row["value"]) == (end, value), name
    imports = rows["import_export_prices"]
    assert (imports["series_id"], imports["value"], str(imports["period_end"])) == (None, None, "2025-09-30")
    assert imports["known_at"].isoformat() == "2025-12-03T13:30:00+00:00"
    assert [(later["reference_period"], later["status"], later["scheduled_at"]) for later in imports["later_periods"][:2]] == [
        ("2025-10", "scheduled", None), ("2025-11", "scheduled", None),
    ]  # fmt: skip
    assert max(row["known_at"] for row in rows.values() if row["known_at"]) <= imports["as_of"]


def test_earlier_vintages_of_that_day(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        "SELECT strftime(period_end, '%Y-%m'), value FROM vintages_as_known(?) WHERE series_id = 'prints.payrolls_change' ORDER BY 1",
        [STATEMENT],
    ).fetchall()
    assert rows == [("2025-06", -13.0), ("2025-07", 72.0), ("2025-08", -4.0), ("2025-09", 119.0)]
    assert round(sum(value for _, value in rows[1:]) / 3, 2) == 62.33


def test_what_the_calendar_said_on_that_day(published: duckdb.DuckDBPyConnection) -> None:
    calendar = statuses(published, STATEMENT)
    assert calendar["employment_situation", "all", "2025-10"][0] == "cancelled"
    assert calendar["employment_situation", "establishment", "2025-10"] == ("merged", "2025-12-16 08:30")
    assert calendar["employment_situation", "household", "2025-10"][0] == "permanent_gap"
    assert calendar["employment_situation", "all", "2025-11"] == ("rescheduled", "2025-12-16 08:30")
    assert calendar["cpi", "all", "2025-10"][0] == "cancelled"
    assert calendar["cpi", "all", "2025-11"] == ("rescheduled", "2025-12-18 08:30")
    assert ("cpi", "nonsurvey", "2025-10") not in calendar, "nobody knew yet"
    assert calendar["ppi", "all", "2025-10"] == ("merged", "2026-01-14 08:30")
    assert calendar["personal_income_outlays", "all", "2025-10"][0] == "pending"
    assert calendar["personal_income_outlays", "all", "2025-11"] == ("scheduled", "2025-12-19 08:30")  # it came in January
    assert calendar["employment_cost_index", "all", "2025-Q3"] == ("released", "2025-12-10 08:30")
    assert calendar["international_trade", "all", "2025-09"] == ("rescheduled", "2025-12-11 08:30")
    assert calendar["monthly_treasury_statement", "all", "2025-11"] == ("pending", "2025-12-10 14:00")  # due at that minute
    assert calendar["gdp_advance", "all", "2025-Q3"][0] == "cancelled"
    assert calendar["gdp_second", "all", "2025-Q3"] == ("rescheduled", "2025-12-23 08:30")
    assert calendar["tic_monthly", "all", "2025-10"] == ("scheduled", "2025-12-18 16:00")
    assert calendar["fomc_statement", "all", "2025-12-10"][0] == "released"


@pytest.mark.parametrize(
    ("as_of", "series", "expected"),
    [
        ("2025-09-12", "payrolls_change", ("2025-08-31", 22.0)),
        ("2025-09-12", "unemployment_rate", ("2025-08-31", 4.3)),
        ("2025-11-15", "payrolls_change", ("2025-08-31", 22.0)),
        ("2025-11-15", "cpi_all_12m", ("2025-09-30", 3.0)),
        ("2025-11-20 08:29 America/New_York", "payrolls_change", ("2025-08-31", 22.0)),
        ("2025-11-20 08:30 America/New_York", "payrolls_change", ("2025-09-30", 119.0)),
        ("2025-11-25 08:30 America/New_York", "ppi_final_demand_12m", ("2025-09-30", 2.7)),
        ("2025-12-10 08:00 America/New_York", "eci_3m", ("2025-06-30", 0.9)),
        ("2025-12-10 08:29 America/New_York", "eci_3m", ("2025-06-30", 0.9)),
        ("2025-12-10 08:30 America/New_York", "eci_3m", ("2025-09-30", 0.8)),
        ("2025-12-10 13:59 America/New_York", "payrolls_change", ("2025-09-30", 119.0)),
        ("2025-12-18 15:59 America/New_York", "tic_net", ("2025-09-30", 190.1)),
        ("2025-12-11 08:30 America/New_York", "trade_balance", ("2025-09-30", -52.8)),
        ("2025-12-16 08:30 America/New_York", "payrolls_change", ("2025-11-30", 64.0)),
        ("2026-01-22 10:00 America/New_York", "gdp_real_saar", ("2025-09-30", 4.4)),
    ],
)
def test_contrast_instants(published: duckdb.DuckDBPyConnection, as_of: str, series: str, expected: tuple) -> None:
    assert known(published, as_of)[series][:2] == expected


def test_the_age_of_what_was_known(published: duckdb.DuckDBPyConnection) -> None:
    """Three days after the lapse the newest payrolls were those of August, published 71 days earlier."""
    rows = published.execute(
        "SELECT period_end::VARCHAR, value, date_diff('day', known_at, as_of), age_days, next_period, next_status, flags "
        "FROM as_known('2025-11-15 08:30 America/New_York') WHERE series_id = 'prints.payrolls_change'"
    ).fetchall()
    assert rows == [("2025-08-31", 22.0, 71, 76, "2025-09", "rescheduled", ["DELAYED"])]


def test_contrast_calendars(published: duckdb.DuckDBPyConnection) -> None:
    """On 22 November nobody knew when the PCE of September would come; on the evening of the 24th everybody did."""
    pce = ("personal_income_outlays", "all", "2025-09")
    assert statuses(published, "2025-11-22")[pce] == ("pending", "2025-10-31 08:30")
    assert statuses(published, "2025-11-25 08:00 America/New_York")[pce] == ("rescheduled", "2025-12-05 10:00")
    advance = ("gdp_advance", "all", "2025-Q3")
    assert statuses(published, "2025-11-22")[advance][0] == "pending"
    assert statuses(published, "2025-11-25 08:00 America/New_York")[advance][0] == "cancelled"
    june = published.execute(
        "SELECT value FROM vintages_as_known('2025-09-12') WHERE series_id = 'prints.payrolls_change' AND period_start = '2025-06-01'"
    ).fetchall()
    assert june == [(-13.0,)]
    assert statuses(published, "2025-11-15")["tic_monthly", "all", "2025-08"] == ("pending", "2025-10-17 16:00")


def test_claims_of_the_lapse_were_not_known_in_it(published: duckdb.DuckDBPyConnection) -> None:
    calendar = statuses(published, "2025-10-30")
    assert calendar["initial_claims", "all", "2025-09-27"][0] == "pending"
    assert statuses(published, "2025-11-21")["initial_claims", "all", "2025-09-27"][0] == "merged"


def test_delays_in_the_published_calendar(published: duckdb.DuckDBPyConnection) -> None:
    rows = dict(
        published.execute(
            "SELECT release_id || ' ' || component || ' ' || reference_period, delay_days FROM calendar_as_known('2026-11-01')"
        ).fetchall()
    )
    wanted = {
        "employment_situation all 2025-09": 48, "employment_situation all 2025-10": None, "ppi all 2025-10": 61,
        "international_trade all 2025-08": 43, "industrial_production_g17 all 2025-09": 47, "tic_monthly all 2025-08": 32,
        "employment_cost_index all 2025-Q3": 40, "jolts all 2025-09": 35, "cpi all 2025-11": 8,
    }  # fmt: skip
    assert {key: rows[key] for key in wanted} == wanted


def test_a_plan_is_no_publication(published: duckdb.DuckDBPyConnection) -> None:
    """The merger of October's producer prices was announced on 8 December and took place on 14 January."""
    rows = published.execute(
        "SELECT status, actual_at::VARCHAR, known_at::VARCHAR FROM marts.dim_release_calendar "
        "WHERE release_id = 'ppi' AND reference_period = '2025-10' AND status = 'merged' ORDER BY known_at"
    ).fetchall()
    assert rows == [
        ("merged", None, "2025-12-09 04:59:59+00"),
        ("merged", "2026-01-14 13:30:00+00", "2026-01-14 13:30:00+00"),
    ]


def test_lapses_as_they_became_known(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        "SELECT status, end_date::VARCHAR, known_at::VARCHAR, flags FROM marts.dim_lapse WHERE lapse_id = '2025-10' ORDER BY known_at"
    ).fetchall()
    assert rows == [
        ("open", None, "2025-10-01 04:00:00+00", []),
        ("ended", "2025-11-12", "2025-11-13 05:00:00+00", ["KNOWN_LATE"]),
    ]
    assert published.execute("SELECT count(DISTINCT lapse_id) FROM marts.dim_lapse").fetchall() == [(9,)]


def test_a_lapse_explains_what_is_past_due(published: duckdb.DuckDBPyConnection) -> None:
    def behind(as_of: str) -> dict[str, str | None]:
        return dict(
            published.execute(
                "SELECT release_id || ' ' || reference_period, lapse_id FROM calendar_as_known(?) "
                "WHERE status = 'pending' AND component = 'all' AND scheduled_at > TIMESTAMPTZ '2025-09-01 00:00:00+00'",
                [as_of],
            ).fetchall()
        )

    inside = behind("2025-10-20")
    assert inside["employment_situation 2025-09"] == "2025-10"
    assert inside["retail_sales_advance 2025-09"] == "2025-10"
    assert inside["tic_monthly 2025-08"] == "2025-10"
    assert inside["industrial_production_g17 2025-09"] is None, "the Federal Reserve is not closed by a lapse"
    assert behind("2025-11-25")["ppi 2025-10"] == "2025-10", "due two days after the end"
    assert set(behind("2025-09-30").values()) <= {None}


def test_quality_signals(published: duckdb.DuckDBPyConnection) -> None:
    def signal(name: str, as_of: str) -> tuple:
        return published.execute(
            "SELECT strftime(period_start, '%Y-%m'), value, unit FROM signals_as_known(?) WHERE signal_id = 'quality.' || ?",
            [as_of, name],
        ).fetchall()[0]

    assert signal("release_delay_days", STATEMENT) == ("2025-10", 7.0, "days")  # job openings of October
    assert signal("release_delay_days", "2025-11-20 08:30 America/New_York") == ("2025-09", 48.0, "days")
    assert signal("cpi_diffcell_share_of_imputations", STATEMENT) == ("2025-09", 40.0, "percent")
    assert signal("cpi_diffcell_share_of_imputations", "2025-12-18 08:30 America/New_York") == ("2025-11", 34.0, "percent")
    assert signal("ces_collection_rate", STATEMENT) == ("2025-09", 80.2, "percent")
    assert signal("months_missing_12m", "2025-10-24 12:30") == ("2025-09", 0.0, "months")
    assert signal("months_missing_12m", STATEMENT) == ("2025-10", 1.0, "months")


def test_carried_forward_rents_are_said_once_the_bls_said_so(published: duckdb.DuckDBPyConnection) -> None:
    def flags(as_of: str, signal: str, month: str) -> set[str]:
        rows = published.execute(
            "SELECT arg_max(flags, known_at) FROM marts.mart_signal_long WHERE signal_id = ? AND period_start = ? "
            "AND known_at <= instant(?)",
            [signal, month, as_of],
        ).fetchall()
        return set(rows[0][0])

    for name in ("inflation.cpi_all_12m", "inflation.cpi_core_12m"):
        assert "CARRIED_FORWARD" not in flags("2025-12-20", name, "2025-11-01")
        assert {"CARRIED_FORWARD", "WINDOW_SPANS_GAP"} <= flags("2025-12-24", name, "2025-11-01")
        for month in range(1, 9):
            assert {"CARRIED_FORWARD", "WINDOW_SPANS_GAP"} <= flags("2026-10-01", name, f"2026-{month:02d}-01")
        assert "CARRIED_FORWARD" not in flags("2026-10-01", name, "2025-09-01")
    touching = published.execute(
        "SELECT horizon_months, min(period_start)::VARCHAR, max(period_start)::VARCHAR FROM marts.mart_inflation "
        "WHERE list_contains(flags, 'CARRIED_FORWARD') AND aggregate = 'core' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert touching == [
        (1, "2025-10-01", "2026-04-01"),
        (2, "2025-10-01", "2026-05-01"),
        (3, "2025-10-01", "2026-06-01"),
        (6, "2025-10-01", "2026-08-01"),  # the newest month of the package
        (12, "2025-10-01", "2026-08-01"),
    ]


def test_policy_rates_in_force(published: duckdb.DuckDBPyConnection) -> None:
    def rate(as_of: str) -> tuple:
        return published.execute(
            "SELECT value, period_end::VARCHAR FROM as_known(?) WHERE series_id = 'fed.iorb'", [as_of]
        ).fetchall()[0]

    assert rate("2025-12-10 13:59 America/New_York") == (3.90, "2025-10-30")
    assert rate(STATEMENT) == (3.65, "2025-12-11")
