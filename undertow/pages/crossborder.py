"""The page "money from abroad": flows and holdings with their revisions, the dollar and what it hedged, Japan's long end.

Everything on it is as known at one instant. A part for which the build has no data says so, and why.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import duckdb

from undertow.instants import format_instant, parse_instant
from undertow.pages.chart import Trace, time_chart
from undertow.pages.frame import document, filled, flag_link
from undertow.pages.parts import absent, cell, charts_of, day_of, figures_style, flags_of, row_of, table_of
from undertow.render import instant_text, number_text

__all__ = ["crossborder_page"]

Row = Mapping[str, Any]

NET, LONG_TERM, TREASURY, EQUITY = 30, 3, 5, 8  # lines of the TIC table
MONTHS, SHOWN, YEARS = 36, 13, 3
WORLD, ALL_SECURITIES = "99996", "total"
JAPAN = "JGB"
NO_EQUITIES = (
    "No equity index is in this build. Equity indices are licensed and none is shipped: bring your own file of the series "
    "<code>user.spx</code>, and the correlation of the dollar with equities appears here."
)


def crossborder_page(
    connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], *, as_of: datetime | None = None
) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the knowledge instant; by default that at which the build was published.
    """
    at = format_instant((as_of or parse_instant(manifest["published_at"])).replace(microsecond=0))

    def rows(query: str, *parameters: Any) -> list[dict[str, Any]]:
        return connection.execute(query, list(parameters)).to_arrow_table().to_pylist()

    parts = {"flows": _flows, "sums": _sums, "holdings": _holdings, "dollar": _dollar, "japan": _japan}
    told = {name: part(rows, at) for name, part in parts.items()}
    meanings = dict(connection.execute("SELECT flag, meaning FROM internal.flag ORDER BY bit").fetchall())
    told["as_of"] = html.escape(instant_text(parse_instant(at)))
    page = filled("crossborder.html", manifest, meanings, told)
    return document("Money from abroad", page, css=figures_style())


Rows = Callable[..., list[dict[str, Any]]]


# --- flows and holdings --------------------------------------------------------------------------------------------------

_LINES = """
SELECT line, title, period_end, value, first_print, revision_from_first, typical_revision, sum_12m, flags, known_at,
    min(known_at) OVER (PARTITION BY line, period_end) AS first_known_at
FROM marts.mart_cross_border
WHERE known_at <= CAST(? AS TIMESTAMPTZ) AND list_contains(?, line)
QUALIFY row_number() OVER (PARTITION BY line, period_end ORDER BY known_at DESC) = 1
ORDER BY line, period_end
"""


def _flows(rows: Rows, at: str) -> str:
    known = [row for row in rows(_LINES, at, [NET, LONG_TERM, TREASURY, EQUITY]) if row["value"] is not None]
    if not known:
        return absent("No line of the TIC press release was known.")
    charts = []
    for line in (NET, LONG_TERM, TREASURY, EQUITY):
        if months := [row for row in known if row["line"] == line][-MONTHS:]:
            values = [(row["period_end"], row["value"]) for row in months]
            latest = Trace("latest known", values, 1, "bars", [_said(row) for row in months])
            first = Trace("first print", [(row["period_end"], row["first_print"]) for row in months], 2, "dots")
            charts.append(time_chart(months[0]["title"], "USD bn a month", [latest, first]))
    lines = [_flow_line(row) for row in reversed([row for row in known if row["line"] == NET][-SHOWN:])]
    columns = ("month", "#first print", "#latest", "#revision", "#typical", "first known", "flags")
    return charts_of(*charts) + table_of("Net TIC flow, USD bn", columns, lines)


def _said(row: Row) -> str:
    return f"known {instant_text(row['known_at'])}{', ' + ' '.join(row['flags']) if row['flags'] else ''}"


def _flow_line(row: Row) -> str:
    numbers = "".join(cell(row[name], 1) for name in ("first_print", "value", "revision_from_first", "typical_revision"))
    return row_of(
        "month", f"{row['period_end']:%Y-%m}", f"{numbers}<td>{day_of(row['first_known_at'])}</td>{flags_of(row['flags'])}"
    )


def _sums(rows: Rows, at: str) -> str:
    known = [row for row in rows(_LINES, at, [NET, TREASURY, EQUITY]) if row["sum_12m"] is not None]
    if not known:
        return absent("No twelve-month sum was known.")
    newest = max(row["period_end"] for row in known)
    doubtful = [row for row in known if "SUSPECT" in row["flags"] and _within(row["period_end"], newest, 10)]
    traces = [
        Trace(months[0]["title"], [(r["period_end"], None if r in doubtful else r["sum_12m"]) for r in months], style)
        for style, line in enumerate((NET, TREASURY, EQUITY), 1)
        if (months := [row for row in known if row["line"] == line and _within(row["period_end"], newest, 10)])
    ]
    left_out = "; ".join(
        f"{html.escape(row['title'])}, through {row['period_end']:%Y-%m}: "
        f'<data value="{row["sum_12m"]!r}">{number_text(row["sum_12m"], 1)}</data>, known {day_of(row["known_at"])}'
        for row in doubtful
    )
    aside = f"Printed and not drawn, for they are {flag_link('SUSPECT')}: {left_out}." if doubtful else ""
    return charts_of(time_chart("Twelve-month sums", "USD bn", traces, zero=True)) + (absent(aside) if aside else "")


_HOLDINGS = """
SELECT *
FROM marts.mart_cross_border_holdings
WHERE known_at <= CAST(? AS TIMESTAMPTZ) AND security = ? AND (holder_kind = 'country' OR holder_code = ?)
QUALIFY row_number() OVER (PARTITION BY holder_code, period_end ORDER BY known_at DESC) = 1
ORDER BY holder_code, period_end
"""


def _holdings(rows: Rows, at: str) -> str:
    known = [row for row in rows(_HOLDINGS, at, ALL_SECURITIES, WORLD) if row["holdings"] is not None]
    if not known:
        return absent("No table of holdings was known.")
    newest = max(row["period_end"] for row in known)
    world = [row for row in known if row["holder_code"] == WORLD and row["net_transactions"] is not None][-MONTHS:]
    kinds = (("net purchases", "net_transactions"), ("valuation", "valuation_change"), ("other change", "other_change"))
    traces = [
        Trace(name, [(row["period_end"], row[column]) for row in world], style, "bars")
        for style, (name, column) in enumerate(kinds, 1)
    ]
    charts = [time_chart("Why holdings changed, all foreigners", "USD bn a month", traces)] if world else []
    countries = (row for row in known if row["period_end"] == newest and row["holder_kind"] == "country")
    lines = [_holder_line(row) for row in sorted(countries, key=lambda row: -row["holdings"])[:15]]
    columns = ("country", "#holdings", "#change", "#net purchases", "#valuation", "#other", "known", "flags")
    return charts_of(*charts) + table_of(f"The largest holders at the end of {newest:%B %Y}, USD bn", columns, lines)


def _holder_line(row: Row) -> str:
    custody = ' <span class="chip">custody</span>' if row["is_custody_centre"] else ""
    columns = ("holdings", "holdings_change", "net_transactions", "valuation_change", "other_change")
    numbers = "".join(cell(row[column], 1) for column in columns)
    rest = f"{numbers}<td>{day_of(row['known_at'])}</td>{flags_of(row['flags'])}"
    return row_of("holder", row["holder_code"], rest, f"{html.escape(row['holder'])}{custody}")


# --- the dollar ----------------------------------------------------------------------------------------------------------

_SIGNALS = """
SELECT signal_id, period_end, value, known_at, flags
FROM marts.mart_signal_long
WHERE known_at <= CAST(? AS TIMESTAMPTZ) AND list_contains(?, signal_id)
QUALIFY row_number() OVER (PARTITION BY signal_id, period_end ORDER BY known_at DESC) = 1
ORDER BY signal_id, period_end
"""
_LEVELS = {"fx.usd_broad_index": "broad dollar, Federal Reserve", "fx.usd_majors_index": "against six majors, ECB rates"}
_CORRELATIONS = {"fx.usd_equity_corr_63d": "63 days", "fx.usd_equity_corr_252d": "252 days"}


def _dollar(rows: Rows, at: str) -> str:
    known = rows(_SIGNALS, at, [*_LEVELS, *_CORRELATIONS])
    level, coupled = _traces(known, _LEVELS), _traces(known, _CORRELATIONS)
    charts = [time_chart("The dollar", "index", level)] if level else []
    charts += [time_chart("Correlation of the dollar with equities", "ratio", coupled, zero=True)] if coupled else []
    lines = [_newest(known, name, says) for name, says in {**_LEVELS, **_CORRELATIONS}.items()]
    return (
        charts_of(*charts)
        + ("" if coupled else absent(NO_EQUITIES))
        + table_of("Newest values", ("measure", "#newest", "day", "known", "flags"), lines)
    )


def _traces(known: Sequence[Row], wanted: Mapping[str, str]) -> list[Trace]:
    """Return a trace for each signal that has a value in the newest years."""
    newest = max((row["period_end"] for row in known if row["value"] is not None), default=None)
    traces = []
    for style, (name, says) in enumerate(wanted.items(), 1):
        own = [row for row in known if row["signal_id"] == name and newest and _within(row["period_end"], newest, YEARS)]
        if any(row["value"] is not None for row in own):
            traces.append(Trace(says, [(row["period_end"], row["value"]) for row in own], style))
    return traces


def _newest(known: Sequence[Row], name: str, says: str) -> str:
    row = next((row for row in reversed(known) if row["signal_id"] == name and row["value"] is not None), None)
    if row is None:
        return row_of("id", name, '<td colspan="4" class="quiet">nothing was known of it</td>', html.escape(says))
    rest = f"<td>{row['period_end']}</td><td>{day_of(row['known_at'])}</td>{flags_of(row['flags'])}"
    return row_of("id", name, cell(row["value"], 3) + rest, html.escape(says))


# --- Japan ---------------------------------------------------------------------------------------------------------------

_CURVE = """
SELECT *
FROM marts.mart_rates
WHERE known_at <= CAST(? AS TIMESTAMPTZ) AND curve = ?
QUALIFY row_number() OVER (PARTITION BY period_end ORDER BY known_at DESC) = 1
ORDER BY period_end
"""
_TENORS = {"yield_10y": "10 years", "yield_30y": "30 years", "yield_40y": "40 years"}


def _japan(rows: Rows, at: str) -> str:
    known = [row for row in rows(_CURVE, at, JAPAN) if any(row[column] is not None for column in _TENORS)]
    if not known:
        return absent("No yield of Japan was known.")
    shown = [row for row in known if _within(row["period_end"], known[-1]["period_end"], YEARS)]
    traces = [
        Trace(says, [(row["period_end"], row[column]) for row in shown], style)
        for style, (column, says) in enumerate(_TENORS.items(), 1)
        if any(row[column] is not None for row in shown)
    ]
    abnormal = sorted((row for row in shown if row["z_3d_30y"] is not None), key=lambda row: -abs(row["z_3d_30y"]))[:8]
    return charts_of(time_chart("Yields of Japanese government bonds", "percent", traces)) + table_of(
        "The most abnormal changes over three observations, 30 years",
        ("day", "#yield, percent", "#change, bp", "#z", "known", "flags"),
        [_jump_line(row) for row in abnormal],
    )


def _jump_line(row: Row) -> str:
    numbers = cell(row["yield_30y"], 3) + cell(row["change_3d_30y"], 1) + cell(row["z_3d_30y"], 2)
    return row_of("day", f"{row['period_end']}", f"{numbers}<td>{day_of(row['known_at'])}</td>{flags_of(row['flags'])}")


def _within(day: date, newest: date, years: int) -> bool:
    return (newest - day).days <= 365.25 * years
