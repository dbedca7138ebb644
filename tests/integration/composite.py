"""A small published file whose composite is made by hand: three years of weekdays, one week without a value, one pillar without any."""

from __future__ import annotations

from pathlib import Path

import duckdb

import undertow

__all__ = ["LAST", "with_composite"]

LAST = "2026-10-30"

_DAYS = f"""
CREATE TABLE marts.mart_fragility AS
WITH day AS (
    SELECT CAST(d AS DATE) AS period_start, row_number() OVER (ORDER BY d) AS n
    FROM range(DATE '2023-11-01', DATE '{LAST}' + 1, INTERVAL 1 DAY) AS days(d) WHERE isodow(d) < 6
),
pillar AS (
    SELECT *, 0.5 + 0.4 * sin(n / 40) AS f, 0.5 + 0.3 * sin(n / 70 + 1) AS r, 0.4 + 0.2 * sin(n / 30) AS d,
        0.6 + 0.3 * sin(n / 90) AS c, 0.45 + 0.35 * sin(n / 55 + 2) AS m,
        n BETWEEN 300 AND 304 AS is_thin
    FROM day
),
composite AS (
    SELECT *, (f + r + d + c + m) / 5 AS mean, (f * f + r * r + d * d + c * c + m * m) / 5 AS ciss FROM pillar
)
SELECT
    period_start, timezone('UTC', period_start + TIME '22:00') AS known_at,
    CASE WHEN NOT is_thin THEN ciss END AS composite_ciss, CASE WHEN NOT is_thin THEN sqrt(ciss) END AS composite_ciss_sqrt,
    CASE WHEN NOT is_thin THEN mean END AS composite_mean, CAST(CASE WHEN is_thin THEN 0.5 ELSE 0.8 END AS DOUBLE) AS coverage,
    f AS pillar_funding, r AS pillar_rates, d AS pillar_dollar, c AS pillar_credit, CAST(NULL AS DOUBLE) AS pillar_coupling,
    m AS pillar_macro,
    CASE WHEN NOT is_thin THEN f * f / 5 END AS contribution_funding, CASE WHEN NOT is_thin THEN r * r / 5 END AS contribution_rates,
    CASE WHEN NOT is_thin THEN d * d / 5 END AS contribution_dollar, CASE WHEN NOT is_thin THEN c * c / 5 END AS contribution_credit,
    CAST(NULL AS DOUBLE) AS contribution_coupling, CASE WHEN NOT is_thin THEN m * m / 5 END AS contribution_macro,
    10 AS n_inputs, 2 AS n_missing, CASE WHEN n > 600 THEN 6 ELSE 0 END AS n_synthetic,
    CAST(CASE WHEN n > 600 THEN 0.35 ELSE 0.7 END AS DOUBLE) AS confidence,
    CASE WHEN n > 600 THEN ['SYNTHETIC', 'COMPONENT_MISSING'] ELSE ['COMPONENT_MISSING'] END AS flags, 'A' AS obs_status,
    'made' AS inputs_hash, '1' AS method_version, CASE WHEN n > 600 THEN 'mixed' ELSE 'replay' END AS origin
FROM composite ORDER BY period_start
"""

_INPUTS = f"""
CREATE TABLE marts.mart_fragility_input AS
SELECT
    pillar, signal_id, DATE '{LAST}' AS period_start, period AS input_period_start,
    timezone('UTC', period + INTERVAL 30 HOUR) AS input_known_at, CAST(value AS DOUBLE) AS value,
    CAST(rank AS DOUBLE) AS rank, state, CAST(confidence AS DOUBLE) AS confidence, origin
FROM (VALUES
    ('funding', 'funding.sofr_minus_iorb', DATE '2026-10-29', 4.0, 0.81, 'used', 0.9, 'replay'),
    ('funding', 'funding.on_rrp', DATE '2026-09-01', 3.5, NULL, 'stale', 0.5, 'replay'),
    ('rates', 'rates.move_proxy', DATE '2026-10-29', 88.0, 0.64, 'used', 0.0, 'synthetic'),
    ('dollar', 'fx.realised_vol_21d', DATE '2026-10-29', 7.1, 0.42, 'used', 1.0, 'packaged'),
    ('credit', 'credit.mark_range_weighted', DATE '2026-06-30', 3.2, NULL, 'short history', 0.6, 'replay'),
    ('macro', 'labour.sahm_strict', DATE '2026-09-01', 0.4, 0.77, 'used', 0.9, 'replay'),
    ('coupling', 'coupling.turbulence', NULL, NULL, NULL, 'missing', NULL, NULL)
) AS rows(pillar, signal_id, period, value, rank, state, confidence, origin)
"""


def with_composite(path: Path, build: Path) -> duckdb.DuckDBPyConnection:
    """Return an open file with the signals of a published one and a made composite.

    Args:
        path: of the new file.
        build: the published file.
    """
    connection = duckdb.connect(str(path))
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{build}' AS build (READ_ONLY)")
    connection.execute("CREATE SCHEMA marts; CREATE SCHEMA internal")
    for table in ("internal.flag", "internal.signal", "marts.mart_signal_long"):
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM build.{table}")
    connection.execute("DETACH build")
    connection.execute(_DAYS)
    connection.execute(_INPUTS)
    macros = (Path(undertow.__file__).parent / "sql" / "macros.sql").read_text(encoding="utf-8")
    end = macros.index("-- The five measures of ample reserves")
    start = macros.index("-- One row a signal")
    connection.execute(macros[: macros.index("-- Every period of every series")])
    connection.execute(macros[start:end])
    return connection
