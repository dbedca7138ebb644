"""GDP in the sample build: generated numbers on the real days of the real releases of 2025 and 2026."""

from datetime import date

import duckdb

GDP = "bea.NIPA.T10101.A191RL.Q"


def test_the_estimates_of_the_third_quarter_are_told_apart(published: duckdb.DuckDBPyConnection) -> None:
    """No advance estimate came; the Initial one came on 23 December 2025 and the Updated one on 22 January 2026."""
    rows = published.execute(
        """
        SELECT CAST(timezone('America/New_York', known_at) AS DATE), value, vintage_number, list_contains(flags, 'REVISED'), flags
        FROM marts.fct_observation
        WHERE series_id = ? AND period_end = DATE '2025-09-30'
        ORDER BY known_at
        """,
        [GDP],
    ).fetchall()
    assert [(day, number, revised) for day, _, number, revised, _ in rows] == [
        (date(2025, 12, 23), 1, False),
        (date(2026, 1, 22), 2, True),
    ]
    assert rows[0][1] != rows[1][1]
    assert all("SYNTHETIC" in flags for *_, flags in rows)


def test_gdp_as_known(published: duckdb.DuckDBPyConnection) -> None:
    """On 10 December 2025 the newest quarter was the second; in January the Initial Estimate was all there was."""
    found = {}
    for instant in ("2025-12-10 14:00 America/New_York", "2026-01-15", "2026-02-01"):
        row = published.execute("SELECT period_end, value, n_revisions FROM as_known(?) WHERE series_id = ?", [instant, GDP])
        found[instant[:10]] = row.fetchone()
    assert [found[day][0] for day in sorted(found)] == [date(2025, 6, 30), date(2025, 9, 30), date(2025, 9, 30)]
    assert [found[day][2] for day in sorted(found)] == [0, 0, 1]
    assert found["2026-01-15"][1] != found["2026-02-01"][1]


def test_monthly_prices_come_two_months_at_once(published: duckdb.DuckDBPyConnection) -> None:
    """October and November 2025 were released together on 22 January 2026."""
    rows = published.execute(
        """
        SELECT period_end, min(CAST(timezone('America/New_York', known_at) AS DATE))
        FROM marts.fct_observation
        WHERE series_id = 'bea.NIPA.T20804.DPCCRG.M' AND period_end >= DATE '2025-09-30' AND value IS NOT NULL
        GROUP BY period_end
        ORDER BY period_end
        """
    ).fetchall()
    assert rows == [
        (date(2025, 9, 30), date(2025, 12, 5)),
        (date(2025, 10, 31), date(2026, 1, 22)),
        (date(2025, 11, 30), date(2026, 1, 22)),
        (date(2025, 12, 31), date(2026, 2, 20)),
    ]
