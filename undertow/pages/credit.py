"""The page "one loan, several prices": how far managers of private credit are apart, on which loans, and what is not compared.

Everything on it is as known at one instant. A part for which the build has no data says so.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import duckdb

from undertow.instants import format_instant, parse_instant
from undertow.pages.chart import Trace, time_chart
from undertow.pages.frame import document, filled
from undertow.pages.parts import absent, cell, charts_of, day_of, figures_style, flags_of, row_of, table_of
from undertow.render import instant_text

__all__ = ["credit_page"]

Row = Mapping[str, Any]
Rows = Callable[..., list[dict[str, Any]]]

SHOWN = 20  # loans and quarters in a table
LEAST_FUNDS = 0.5  # of those expected: a quarter of which fewer have told is not yet one to show loans of


def credit_page(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], *, as_of: datetime | None = None) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the knowledge instant; by default that at which the build was published.
    """
    at = format_instant((as_of or parse_instant(manifest["published_at"])).replace(microsecond=0))

    def rows(query: str, *parameters: Any) -> list[dict[str, Any]]:
        return connection.execute(query, list(parameters)).to_arrow_table().to_pylist()

    known = rows(_QUARTERS, at)
    shown = [row for row in known if row["n_loans_shared"] and row["n_funds_known"] >= LEAST_FUNDS * row["n_funds_expected"]]
    told = {"as_of": html.escape(instant_text(parse_instant(at))), "quarters": _quarters(known)}
    newest = known[-1]["period_end"] if known else None
    told["telling"] = absent("No filing of private credit was known.") if newest is None else _telling(rows, at, newest)
    told["newest"] = f"{newest:%B %Y}" if newest else "a quarter"
    if shown:
        day = shown[-1]["period_end"]
        told |= {"quarter": f"{day:%B %Y}", "widest": _widest(rows, at, day), "aside": _aside(rows, at, day)}
    else:
        nothing = absent("No quarter was known in which two managers had marked one loan.")
        told |= {"quarter": "a quarter", "widest": nothing, "aside": nothing}
    meanings = dict(connection.execute("SELECT flag, meaning FROM internal.flag ORDER BY bit").fetchall())
    page = filled("credit.html", manifest, meanings, told)
    return document("One loan, several prices", page, css=figures_style())


# --- quarters ------------------------------------------------------------------------------------------------------------

_QUARTERS = """
SELECT *
FROM marts.mart_private_credit_dispersion
WHERE known_at <= CAST(? AS TIMESTAMPTZ)
QUALIFY row_number() OVER (PARTITION BY period_end ORDER BY known_at DESC) = 1
ORDER BY period_end
"""
_GAPS = {"range_weighted": "range, mean by par", "range_p95": "range that 95 in 100 loans do not exceed"}
_SHARES = {"share_gap_over_5": "more than 5 points apart", "share_below_90": "marked below 90", "pik_share": "interest in kind"}


def _quarters(known: list[dict[str, Any]]) -> str:
    if not known:
        return absent("No filing of private credit was known.")
    charts = [
        time_chart(title, unit, [_trace(known, name, says, style) for style, (name, says) in enumerate(wanted.items(), 1)])
        for title, unit, wanted in (("Marks of one loan", "points", _GAPS), ("Shares of par", "ratio", _SHARES))
        if any(row[name] is not None for row in known for name in wanted)
    ]
    columns = (
        "quarter",
        "#funds",
        "#expected",
        "#shared loans",
        "#range",
        "#over 10",
        "#below 80",
        "#in kind",
        "known",
        "flags",
    )
    return charts_of(*charts) + table_of("By quarter", columns, [_quarter_line(row) for row in reversed(known[-SHOWN:])])


def _trace(known: list[dict[str, Any]], name: str, says: str, style: int) -> Trace:
    return Trace(says, [(row["period_end"], row[name]) for row in known], style)


def _quarter_line(row: Row) -> str:
    counts = "".join(cell(row[name], 0) for name in ("n_funds_known", "n_funds_expected", "n_loans_shared"))
    shares = "".join(cell(row[name], 3) for name in ("share_gap_over_10", "share_below_80", "pik_share"))
    numbers = cell(row["range_weighted"], 2) + shares
    rest = f"{counts}{numbers}<td>{day_of(row['known_at'])}</td>{flags_of(row['flags'])}"
    return row_of("quarter", f"{row['period_end']}", rest)


# --- loans ---------------------------------------------------------------------------------------------------------------

_WIDEST = """
WITH opinions AS (
    SELECT *
    FROM marts.mart_private_credit_marks
    WHERE known_at <= CAST(?1 AS TIMESTAMPTZ) AND period_end = ?2
    QUALIFY row_number() OVER (PARTITION BY loan_id, manager ORDER BY known_at DESC) = 1
),

lines AS (
    SELECT loan_id, manager, raw_identifier, document_url, accession, other_line, evidence, fair_value
    FROM marts.mart_private_credit_lines
    WHERE known_at <= CAST(?1 AS TIMESTAMPTZ) AND period_end = ?2 AND report_period = period_end
    QUALIFY row_number() OVER (PARTITION BY line_id ORDER BY known_at DESC) = 1
),

largest AS (
    SELECT loan_id, manager, arg_max(struct_pack(raw_identifier, document_url, accession, evidence), fair_value) AS line
    FROM lines
    WHERE loan_id IS NOT NULL
    GROUP BY loan_id, manager
)

SELECT
    opinions.loan_id, min(borrower) AS borrower, max(tier) AS tier, count(*) AS n_managers, sum(par) AS par,
    max(mark_par) - min(mark_par) AS gap, min(mark_par) AS low, max(mark_par) AS high, max(known_at) AS known_at,
    arg_min(struct_pack(manager, line), mark_par) AS lowest, arg_max(struct_pack(manager, line), mark_par) AS highest,
    list_distinct(flatten(list(notes))) AS notes
FROM opinions
LEFT JOIN largest USING (loan_id, manager)
WHERE is_comparable AND currency = 'USD'
GROUP BY opinions.loan_id
HAVING count(*) > 1
ORDER BY gap DESC, opinions.loan_id
LIMIT ?3
"""


def _widest(rows: Callable[..., list[dict[str, Any]]], at: str, day: object) -> str:
    found = rows(_WIDEST, at, day, SHOWN)
    columns = ("borrower", "#gap", "#lowest", "by", "#highest", "by", "#par, USD m", "tier", "why one loan", "notes")
    return table_of("Points between the lowest and the highest mark", columns, [_loan_line(row) for row in found])


def _loan_line(row: Row) -> str:
    low, high = (
        f"{cell(100 * row[name], 1)}<td>{_said(row[end])}</td>" for name, end in (("low", "lowest"), ("high", "highest"))
    )
    why = html.escape((row["lowest"]["line"] or {}).get("evidence") or "")
    notes = html.escape(", ".join(sorted(row["notes"] or [])).replace("_", " "))
    rest = (
        f"{cell(100 * row['gap'], 1)}{low}{high}{cell(row['par'] / 1e6, 1)}<td>{html.escape(row['tier'])}</td>"
        f"<td>{why}</td><td>{notes}</td>"
    )
    return row_of("loan", row["loan_id"], rest, html.escape(row["borrower"]))


def _said(end: Mapping[str, Any]) -> str:
    """Return the manager and its largest line, with a link to the filing where there is one."""
    line = end["line"] or {}
    text, url = html.escape(line.get("raw_identifier") or ""), line.get("document_url") or ""
    told = f'<a href="{html.escape(url)}" rel="noreferrer">{text}</a>' if url.startswith("https://") else text
    return f"{html.escape(end['manager'])}: {told}"


# --- who told, and who did not ---------------------------------------------------------------------------------------------

_TELLING = """
WITH known AS (
    SELECT *
    FROM marts.mart_private_credit_filings
    WHERE known_at <= CAST(?1 AS TIMESTAMPTZ) AND period_end = ?2
)

SELECT status, reason, count(*) AS n, min(known_at) AS since, list_sort(list_distinct(list(filer_name)))[:5] AS names
FROM known
WHERE
    status = 'filed'
    OR status = 'without_positions'
    OR status = 'expected' AND fund NOT IN (SELECT fund FROM known WHERE status = 'filed')
GROUP BY status, reason
ORDER BY n DESC, status, reason
"""


def _telling(rows: Callable[..., list[dict[str, Any]]], at: str, day: object) -> str:
    columns = ("filings", "why", "#how many", "the first", "filers, five of them")
    return table_of("Who told, and who did not", columns, [_telling_line(row) for row in rows(_TELLING, at, day)])


def _telling_line(row: Row) -> str:
    names = html.escape(", ".join(name for name in row["names"] or [] if name))
    why = html.escape((row["reason"] or "").replace("_", " "))
    rest = f"<td>{why}</td>{cell(row['n'], 0)}<td>{day_of(row['since'])}</td><td>{names}</td>"
    said = {"expected": "waited for", "without_positions": "without positions"}.get(row["status"], row["status"])
    return row_of("filings", f"{row['status']}:{row['reason'] or ''}", rest, said)


# --- what is set aside ---------------------------------------------------------------------------------------------------

_ASIDE = """
WITH lines AS (
    SELECT set_aside_for, fair_value * unit AS fair_value
    FROM marts.mart_private_credit_lines
    WHERE known_at <= CAST(?1 AS TIMESTAMPTZ) AND period_end = ?2
    QUALIFY row_number() OVER (PARTITION BY line_id ORDER BY known_at DESC) = 1
),

opinions AS (
    SELECT list_intersect(set_aside_for, ['rounding_interval', 'below_size_floor']) AS reasons, fair_value
    FROM marts.mart_private_credit_marks
    WHERE known_at <= CAST(?1 AS TIMESTAMPTZ) AND period_end = ?2
    QUALIFY row_number() OVER (PARTITION BY loan_id, manager ORDER BY known_at DESC) = 1
)

SELECT reason, what, count(*) AS n, sum(fair_value) AS fair_value
FROM (
    SELECT unnest(set_aside_for) AS reason, 'lines' AS what, fair_value FROM lines
    UNION ALL
    SELECT unnest(reasons), 'opinions', fair_value FROM opinions
)
GROUP BY reason, what
ORDER BY n DESC, reason
"""


def _aside(rows: Callable[..., list[dict[str, Any]]], at: str, day: object) -> str:
    lines = [_reason_line(row) for row in rows(_ASIDE, at, day)]
    return table_of("Set aside", ("reason", "of", "#how many", "#fair value, USD m"), lines)


def _reason_line(row: Row) -> str:
    value = None if row["fair_value"] is None else row["fair_value"] / 1e6
    rest = f"<td>{row['what']}</td>{cell(row['n'], 0)}{cell(value, 1)}"
    return row_of("reason", row["reason"], rest, html.escape(row["reason"].replace("_", " ")))
