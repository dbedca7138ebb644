"""What must come out of the published build of the packaged real data."""

import math
import statistics
from itertools import pairwise

import duckdb
import pytest


def one(connection: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> tuple:
    rows = connection.execute(query, list(parameters)).fetchall()
    assert len(rows) == 1, rows
    return rows[0]


AS_KNOWN = """
    SELECT strftime(period_end, '%Y-%m'), value, strftime(timezone('UTC', known_at), '%Y-%m-%dT%H:%MZ'), next_period, next_status
    FROM as_known(?) WHERE series_id = ?
"""


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2025-11-15T00:00:00Z", ("2025-09", 324.800, "2025-10-24T12:30Z", "2025-10", "pending")),
        ("2025-10-24T12:30Z", ("2025-09", 324.800, "2025-10-24T12:30Z", "2025-10", "scheduled")),
        ("2025-10-24T12:29Z", ("2025-08", 323.976, "2025-09-11T12:30Z", "2025-09", "rescheduled")),
        ("2025-10-15T12:29Z", ("2025-08", 323.976, "2025-09-11T12:30Z", "2025-09", "rescheduled")),
        ("2025-10-09T12:00Z", ("2025-08", 323.976, "2025-09-11T12:30Z", "2025-09", "scheduled")),
        ("2025-11-21T16:36Z", ("2025-09", 324.800, "2025-10-24T12:30Z", "2025-10", "pending")),
        ("2025-11-21T16:37Z", ("2025-09", 324.800, "2025-10-24T12:30Z", "2025-10", "cancelled")),
        ("2025-12-10 14:00 America/New_York", ("2025-09", 324.800, "2025-10-24T12:30Z", "2025-10", "cancelled")),
        ("2025-12-18T13:30Z", ("2025-11", 324.122, "2025-12-18T13:30Z", "2025-12", "scheduled")),
    ],
)
def test_all_items_as_known(published: duckdb.DuckDBPyConnection, as_of: str, expected: tuple) -> None:
    assert one(published, AS_KNOWN, as_of, "bls.CUUR0000SA0") == expected


def test_october_2025_is_a_row_with_the_official_reason(published: duckdb.DuckDBPyConnection) -> None:
    row = one(
        published,
        "SELECT value, obs_status, footnotes, known_at::VARCHAR, known_at_basis FROM marts.fct_observation "
        "WHERE series_id = 'bls.CUUR0000SA0' AND period_start = '2025-10-01' AND period_end = '2025-10-31'",
    )
    assert row == (
        None,
        "L",
        ["Data unavailable due to the 2025 lapse in appropriations"],
        "2025-11-21 16:37:00+00",
        "calendar",
    )


def test_october_2025_is_cancelled_and_never_late(published: duckdb.DuckDBPyConnection) -> None:
    for as_of in ("2025-11-21T16:37Z", "2025-12-31", "2026-11-21"):
        status, delay, reason = one(
            published,
            "SELECT status, delay_days, reason FROM calendar_as_known(?) "
            "WHERE release_id = 'cpi' AND component = 'all' AND reference_period = '2025-10'",
            as_of,
        )
        assert (status, delay) == ("cancelled", None)
        assert reason == "Data unavailable due to the 2025 lapse in appropriations"
    assert published.execute(
        "SELECT DISTINCT status FROM marts.mart_release_quality WHERE release_id = 'cpi' AND component = 'all' "
        "AND reference_period = '2025-10' AND known_at >= TIMESTAMPTZ '2025-11-21 16:37:00+00'"
    ).fetchall() == [("cancelled",)]


def test_the_285_series_of_october_2025(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        "SELECT substr(series_id, 5, 4), known_at::VARCHAR, count(*) FROM marts.fct_observation "
        "WHERE series_id LIKE 'bls.CU%' AND period_start = '2025-10-01' AND period_end = '2025-10-31' AND value IS NOT NULL "
        "GROUP BY 1, 2 ORDER BY 1"
    ).fetchall()
    # the adjusted ones belong to the vintage of the package, which is all that can be claimed
    assert rows == [("CUSR", "2026-09-11 12:30:00+00", 10), ("CUUR", "2025-12-18 13:30:00+00", 275)]


def test_series_that_do_not_publish_in_october_are_not_made_missing(published: duckdb.DuckDBPyConnection) -> None:
    """San Diego publishes in odd months: no October in any recent year, so none is missing in 2025."""
    san_diego = "bls.CUURS49ESA0"
    months = published.execute(
        "SELECT DISTINCT month(period_end) FROM marts.fct_observation WHERE series_id = ? AND period_start >= '2023-01-01' "
        "AND value IS NOT NULL ORDER BY 1",
        [san_diego],
    ).fetchall()
    assert months == [(1,), (3,), (5,), (7,), (9,), (11,)]
    assert one(
        published,
        "SELECT count(*) FROM marts.fct_observation WHERE series_id = ? AND period_start = '2025-10-01'",
        san_diego,
    ) == (0,)
    assert published.execute(
        "SELECT count(*) FROM marts.fct_observation AS gap WHERE gap.obs_status = 'L' AND series_id LIKE 'bls.CU%' AND NOT EXISTS ("
        "SELECT 1 FROM marts.fct_observation AS earlier WHERE earlier.series_id = gap.series_id "
        "AND earlier.period_end = '2024-10-31' AND earlier.value IS NOT NULL)"
    ).fetchall() == [(0,)]


def test_inflation_rates(published: duckdb.DuckDBPyConnection) -> None:
    def rate(signal: str, month: str) -> tuple:
        return one(
            published,
            # without its flags, of which some became known later
            "SELECT DISTINCT round(value, 4), obs_status, n_missing FROM marts.mart_signal_long "
            "WHERE signal_id = ? AND period_start = ?",
            signal,
            month,
        )

    assert rate("inflation.cpi_all_12m", "2025-09-01") == (3.0127, "A", 0)
    assert rate("inflation.cpi_all_1m", "2025-11-01") == (None, "M", 1)
    assert rate("inflation.cpi_all_1m", "2025-10-01") == (None, "M", 1)
    assert rate("inflation.cpi_all_2m_change", "2025-11-01") == (0.2523, "A", 0)
    assert rate("inflation.cpi_all_12m", "2025-11-01")[0] == 2.7351
    # a three-month window whose end points exist is legitimate although October lies inside; one that ends there is not
    assert rate("inflation.cpi_all_3m", "2025-12-01")[1] == "A"
    assert rate("inflation.cpi_all_3m", "2026-01-01")[:2] == (None, "M")


def test_no_adjusted_value_is_known_before_its_vintage(published: duckdb.DuckDBPyConnection) -> None:
    assert one(published, "SELECT min(known_at)::VARCHAR FROM marts.fct_observation WHERE series_id LIKE 'bls.CUSR%'") == (
        "2026-09-11 12:30:00+00",
    )
    assert one(
        published,
        "SELECT count(*) FROM signals_as_known('2026-09-11T12:29Z') WHERE signal_id IN "
        "(SELECT DISTINCT signal_id FROM marts.mart_inflation WHERE adjustment = 'SA')",
    ) == (0,)


@pytest.mark.parametrize(
    ("day", "ratio", "shift", "corr_63", "corr_252"),
    [
        ("2008-09-15", 0.7894, 1.76, 0.5863, 0.4901),
        ("2015-01-15", 0.6147, -1.59, 0.3585, 0.3554),
        ("2020-03-31", 0.7163, 2.00, 0.4938, 0.4615),
        ("2022-09-30", 0.7841, -0.37, 0.6775, 0.5753),
        ("2025-04-30", 0.8174, -0.08, 0.5721, 0.5595),
        ("2025-06-30", 0.8229, 0.72, 0.6527, 0.5844),
        ("2026-10-30", 0.8133, -1.68, 0.5534, 0.6349),
    ],
)
def test_currency_coupling(published, day: str, ratio: float, shift: float, corr_63: float, corr_252: float) -> None:
    row = one(
        published,
        # a day has another row once the broad dollar of that day is known
        "SELECT DISTINCT round(absorption_ratio_g10, 4), round(absorption_shift_g10, 2), "
        "round(mean_pairwise_corr_g10_63d, 4), round(mean_pairwise_corr_g10_252d, 4) FROM marts.mart_fx WHERE period_end = ?",
        day,
    )
    assert row == (ratio, shift, corr_63, corr_252)
    signal = one(
        published,
        "SELECT round(value, 4) FROM marts.mart_signal_long WHERE signal_id = 'fx.absorption_ratio_g10' AND period_end = ?",
        day,
    )
    assert signal == (ratio,)


def test_carry_trades_unwinding(published) -> None:
    """The Australian dollar in yen was never as unsteady as in autumn 2008, and August 2024 stands out since."""
    query = (
        "SELECT period_end::VARCHAR, round(value, 2) FROM marts.mart_signal_long "
        "WHERE signal_id = 'fx.aud_jpy_realised_vol_21d' AND period_end {} ORDER BY value DESC LIMIT 1"
    )
    assert one(published, query.format("> DATE '1999-01-01'")) == ("2008-11-03", 83.36)
    assert one(published, query.format("BETWEEN DATE '2024-07-10' AND DATE '2024-08-07'")) == ("2024-08-07", 29.79)
    # the numbers of the day by hand: 21 changes of the cross of two euro rates
    rates = published.execute(
        "SELECT max(value) FILTER (series_id LIKE '%.JPY.%') / max(value) FILTER (series_id LIKE '%.AUD.%') FROM "
        "vintages_as_known('2025-11-22') WHERE series_id IN ('ecb.EXR.D.JPY.EUR.SP00.A', 'ecb.EXR.D.AUD.EUR.SP00.A') "
        "AND period_end <= DATE '2025-11-21' GROUP BY period_end HAVING count(value) = 2 ORDER BY period_end DESC LIMIT 22"
    ).fetchall()
    changes = [100 * math.log(here / before) for (here,), (before,) in pairwise(rates)]
    assert one(published, query.format("= DATE '2025-11-21'")) == ("2025-11-21", round(statistics.stdev(changes) * 252**0.5, 2))


@pytest.mark.parametrize(
    ("day", "index"),
    [
        ("1999-01-04", 93.76),  # 93.765 before rounding; tables elsewhere print 93.77
        ("2001-07-06", 120.83),
        ("2008-03-17", 71.21),
        ("2022-09-28", 114.54),
        ("2024-12-31", 108.21),
        ("2025-04-30", 99.40),
        ("2026-01-28", 96.20),
        ("2026-10-30", 101.85),
    ],
)
def test_usd_majors_index(published: duckdb.DuckDBPyConnection, day: str, index: float) -> None:
    value, known = one(
        published,
        "SELECT round(value, 2), strftime(timezone('Europe/Berlin', known_at), '%Y-%m-%d %H:%M') FROM marts.mart_signal_long "
        "WHERE signal_id = 'fx.usd_majors_index' AND period_end = ?",
        day,
    )
    assert value == index
    assert known == f"{day} 16:00"


def test_counts(published: duckdb.DuckDBPyConnection) -> None:
    """Every landed value is there once: nothing is dropped between the payload and the fact table."""
    assert one(
        published,
        "SELECT count(*) FROM marts.fct_observation WHERE series_id LIKE 'bls.%' AND value IS NOT NULL AND origin = 'packaged'",
    ) == (1_692_467,)
    assert one(published, "SELECT count(*) FROM marts.fct_observation WHERE series_id LIKE 'ecb.%'") == (221_702,)
    assert one(
        published, "SELECT value FROM marts.fct_observation WHERE series_id = 'bls.CUUR0000SA0:A' AND period_end = '2025-12-31'"
    ) == (321.943,)


def test_bounds_are_flagged(published: duckdb.DuckDBPyConnection) -> None:
    """Months whose release date is only a documented bound say so; months with an official date do not."""
    rows = published.execute(
        "SELECT list_contains(flags, 'KNOWN_LATE') AS late, min(period_end)::VARCHAR, max(period_end)::VARCHAR "
        "FROM marts.fct_observation WHERE series_id = 'bls.CUUR0000SA0' AND value IS NOT NULL AND period_end >= '1979-01-01' "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert rows == [(False, "2013-09-30", "2026-08-31"), (True, "1979-01-31", "2023-11-30")]
    assert one(
        published,
        "SELECT count(*) FROM marts.fct_release_event WHERE release_id = 'cpi' AND announced_basis = 'rule' AND len(flags) = 0",
    ) == (0,)
