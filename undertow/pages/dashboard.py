"""The home of a build's pages: the composite with its pillars, the newest values of chosen signals, and links to everything.

The composite's lines show the last weekday of each week: ``mart_fragility`` holds every weekday. Everything is as known at one
instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from html import escape
from itertools import groupby
from typing import Any

import duckdb

from undertow.cells import period_text
from undertow.instants import format_instant, parse_instant
from undertow.pages.chart import Span, Trace, time_chart
from undertow.pages.frame import document, filled, flag_link, site, styles
from undertow.pages.parts import (
    absent,
    bar_of,
    cell,
    charts_of,
    day_of,
    flags_of,
    has_table,
    numbers_of,
    row_of,
    synthetic_share,
    table_of,
    tiles_of,
    wide,
)
from undertow.render import instant_text

__all__ = ["PILLARS", "SHOWN", "dashboard_page"]

Row = Mapping[str, Any]

PILLARS = {
    "funding": "Funding",
    "rates": "Rates",
    "dollar": "Dollar",
    "credit": "Credit",
    "coupling": "Coupling of markets",
    "macro": "Macro and data",
}
SHOWN = (
    "funding.sofr_minus_iorb",
    "funding.repo_share_iorb",
    "funding.srf_takeup",
    "funding.on_rrp",
    "liquidity.reserves",
    "liquidity.net_liquidity",
    "rates.ust_30y_3d_z",
    "rates.move_proxy",
    "rates.curve_regime_5d",
    "rates.jgb_40y_3d_z",
    "basis.leveraged_net",
    "fiscal.deficit_fytd_yoy_adjusted",
    "fx.usd_broad_index",
    "fx.realised_vol_21d",
    "fx.usd_equity_corr_63d",
    "crossborder.tic_net_12m",
    "crossborder.tic_private_equity_corporate_12m",
    "credit.mark_range_weighted",
    "credit.nonaccrual_share",
    "coupling.absorption_ratio",
    "coupling.turbulence",
    "inflation.cpi_core_3m",
    "labour.payrolls_3mma",
    "labour.sahm_strict",
    "quality.release_delay_days",
    "quality.ces_collection_rate",
)
STATES = ("used", "stale", "short history", "missing")
MOSTLY_MADE = "half of the inputs or more are SYNTHETIC"
PAGES = (
    ("signals", "Signals", "each with its history as first known and as known at any instant, flags, formula and inputs"),
    ("known", "What was known", "every headline series as it stood at any instant you choose"),
    ("calendar", "Release calendar", "what was planned, late, moved, merged or cancelled, as known at any instant"),
    ("claims", "Claims audit", "what the market essays say, held against what was known on the day and what is known now"),
    ("quality", "Data-quality review", "flags by source, lateness, gaps, rows set aside, checks and the Data Docs"),
    ("radar", "Are reserves ample", "five measures of the Federal Reserve, as far as they are public"),
    ("crossborder", "Money from abroad", "flows and holdings with their revisions, and the dollar as a hedge"),
    ("credit", "One loan, several prices", "what managers of private credit mark the same loans at"),
)


def dashboard_page(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], *, as_of: datetime | None = None) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the knowledge instant; by default that at which the build was published.
    """
    at = format_instant((as_of or parse_instant(manifest["published_at"])).replace(microsecond=0))
    days = _days(connection, at) if has_table(connection, "mart_fragility") else None
    meanings = dict(connection.execute("SELECT flag, meaning FROM internal.flag ORDER BY bit").fetchall())
    parts = {
        "site": site("index"),
        "share": synthetic_share(connection, at),
        "as_of": escape(instant_text(parse_instant(at))),
        "composite": _composite(days),
        "pillars": _pillars(days, _inputs(connection, days, at)),
        "n_signals": str(connection.execute("SELECT count(*) FROM internal.signal").fetchall()[0][0]),
        "signals": _signals(connection, at),
        "pages": _links(),
    }
    css = styles("figures.css", "site.css", "dashboard.css")
    return document("Undertow: dashboard", filled("dashboard.html", manifest, meanings, parts), css=css)


# --- the composite -------------------------------------------------------------------------------------------------------


def _days(connection: duckdb.DuckDBPyConnection, at: str) -> list[dict[str, Any]]:
    """Return the days of the composite that were known."""
    return (
        connection.execute(
            "SELECT * FROM marts.mart_fragility WHERE known_at <= CAST(? AS TIMESTAMPTZ) ORDER BY period_start", [at]
        )
        .to_arrow_table()
        .to_pylist()
    )


def _weekly(days: Sequence[Row]) -> list[Row]:
    """Return the last day of each week, from the first week that has a number of a pillar."""
    begin = next((n for n, row in enumerate(days) if any(row[f"pillar_{name}"] is not None for name in PILLARS)), len(days))
    return [list(week)[-1] for _, week in groupby(days[begin:], lambda row: row["period_start"].isocalendar()[:2])]


def _composite(days: Sequence[Row] | None) -> str:
    if days is None:
        return absent("This build has no composite: it was published before there was one. Run <code>undertow run</code>.")
    if not days:
        return absent("No day of the composite was known at this instant.")
    newest = days[-1]
    lacks = "" if newest["composite_ciss"] is not None else _why_null(newest)
    weeks = _weekly(days)
    year = days[-261:]
    measures = ("composite_ciss", "composite_mean", "coverage", "confidence")
    charts = [
        _chart("Composite, last weekday of each week", weeks, {"CISS-style": "composite_ciss", "plain mean": "composite_mean"}),
        _chart("Composite, the last year by day", year, {"CISS-style": "composite_ciss", "plain mean": "composite_mean"}),
        _chart(
            "Coverage, and confidence beside the value", weeks, {"coverage": "coverage", "confidence": "confidence"}, "share"
        ),
    ]
    columns = ("day", "#CISS-style", "#plain mean", "#coverage", "#confidence")
    tables = numbers_of("Composite, last weekday of each week", columns, _lines(weeks, measures)) + numbers_of(
        "Composite, the last year by day", columns, _lines(year, measures), says="The last year by day as a table"
    )
    return f"{_newest(newest)}{lacks}{charts_of(*filter(None, charts))}{tables}"


def _why_null(row: Row) -> str:
    share = "unknown" if row["coverage"] is None else f"{100 * row['coverage']:.0f} %"
    return absent(
        f"The composite has no value on {row['period_start']}: inputs with {share} of the weight had a rank, and it takes 60 %."
    )


def _newest(row: Row) -> str:
    """Return the newest day in large figures."""
    facts = (
        ("CISS-style", row["composite_ciss"], "ranks weighted with the correlation of the pillars"),
        ("Plain mean", row["composite_mean"], "the pillars averaged"),
        ("Coverage", row["coverage"], f"{row['n_inputs']} inputs, {row['n_missing']} missing"),
        ("Confidence", row["confidence"], f"beside the value, never inside; {row['n_synthetic']} inputs are synthetic"),
    )
    tiles = tiles_of([(*fact, bool(row["n_synthetic"]) and fact[0] == "Confidence") for fact in facts])
    flags = " ".join(map(flag_link, row["flags"] or ()))
    return (
        f'{tiles}<p class="summary">{row["period_start"]:%Y-%m-%d}, known at '
        f"{escape(instant_text(row['known_at']))}; 0 is calm, 1 is as stressed as its own past ever was. {flags}</p>\n"
    )


def _chart(title: str, days: Sequence[Row], lines: Mapping[str, str], unit: str = "0 calm, 1 stressed") -> str:
    """Return a chart of some columns, or nothing where they have no value; days made of mostly synthetic inputs are shaded."""
    traces = [
        Trace(name, [(row["period_start"], row[column]) for row in days], style)
        for style, (name, column) in enumerate(lines.items(), 1)
        if any(row[column] is not None for row in days)
    ]
    return time_chart(title, unit, traces, zero=True, top=1.0, spans=list(_made(days))) if traces else ""


def _made(days: Sequence[Row]) -> Iterator[Span]:
    """Yield the spans of days of which half of the inputs or more are generated."""
    for is_made, rows in groupby(days, lambda row: 2 * row["n_synthetic"] >= row["n_inputs"] > 0):
        if is_made:
            own = list(rows)
            yield Span(own[0]["period_start"], own[-1]["period_start"], MOSTLY_MADE)


def _lines(days: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Return rows of a table, newest first."""
    return [
        f'<tr><th scope="row">{row["period_start"]}</th>{"".join(_short(row[name]) for name in columns)}</tr>\n'
        for row in reversed(days)
    ]


def _short(value: float | None) -> str:
    return f'<td class="n">{"-" if value is None else f"{value:.3f}"}</td>'


# --- the pillars ---------------------------------------------------------------------------------------------------------


def _inputs(connection: duckdb.DuckDBPyConnection, days: Sequence[Row] | None, at: str) -> list[dict[str, Any]]:
    """Return the inputs of the newest day that was known."""
    if not days or not has_table(connection, "mart_fragility_input"):
        return []
    return (
        connection.execute(
            "SELECT i.*, g.title, g.unit FROM marts.mart_fragility_input AS i "
            "LEFT JOIN internal.signal AS g ON i.signal_id = g.signal_id "
            "WHERE i.period_start = ? ORDER BY i.pillar, i.signal_id",
            [days[-1]["period_start"]],
        )
        .to_arrow_table()
        .to_pylist()
    )


def _pillars(days: Sequence[Row] | None, inputs: Sequence[Row]) -> str:
    if not days:
        return absent("There are no pillars without the composite.")
    newest = days[-1]
    largest = max((abs(newest[f"contribution_{name}"] or 0.0) for name in PILLARS), default=0.0) or 1.0
    lines = [_pillar(name, title, newest, inputs, largest) for name, title in PILLARS.items()]
    parts = [newest[f"contribution_{name}"] or 0.0 for name in PILLARS]
    total = None if newest["composite_ciss"] is None else sum(parts)
    lines.append(f'<tr class="total"><th scope="row">sum of contributions</th><td></td>{cell(total, 3)}<td></td></tr>\n')
    columns = ("pillar", "#value", "#contribution to the CISS-style composite", "inputs")
    weeks = _weekly(days)
    charts = [
        _chart(title, weeks, {"pillar": f"pillar_{name}", "contribution": f"contribution_{name}"})
        for name, title in PILLARS.items()
    ]
    shown = [f"{kind}_{name}" for name in PILLARS for kind in ("pillar", "contribution")]
    heads = ("day", *(f"#{title}{extra}" for title in PILLARS.values() for extra in ("", ", contribution")))
    caption = "Pillars and contributions, last weekday of each week"
    return (
        wide("Pillars", table_of(f"Pillars on {newest['period_start']}", columns, lines))
        + _input_table(inputs)
        + charts_of(*filter(None, charts))
        + numbers_of(caption, heads, _lines(weeks, shown))
    )


def _pillar(name: str, title: str, newest: Row, inputs: Sequence[Row], largest: float) -> str:
    value, contribution = newest[f"pillar_{name}"], newest[f"contribution_{name}"]
    counted = {state: sum(row["pillar"] == name and row["state"] == state for row in inputs) for state in STATES}
    said = ", ".join(f"{count} {state}" for state, count in counted.items() if count) or "none listed"
    return row_of(
        "pillar",
        name,
        f"{bar_of(value, 1.0)}{bar_of(contribution, largest)}<td>{escape(said)}</td>",
        escape(title),
    )


def _input_table(inputs: Sequence[Row]) -> str:
    if not inputs:
        return absent("The inputs of the newest day are not listed in this build.")
    lines = [
        f'<tr data-input="{escape(row["signal_id"])}"{_made_class(row["origin"] == "synthetic")}>'
        f'<th scope="row"><a href="signals.html#{escape(row["signal_id"])}">{escape(row["title"] or row["signal_id"])}</a></th>'
        f"<td>{escape(PILLARS.get(row['pillar'], row['pillar']))}</td>{cell(row['rank'], 3)}{cell(row['value'], 3)}"
        f'<td><span class="chip {row["state"].replace(" ", "-")}">{escape(row["state"])}</span></td>'
        f"<td>{_day(row['input_period_start'])}</td><td>{_known(row['input_known_at'])}</td>"
        f"{cell(row['confidence'], 2)}<td>{escape(row['origin'] or '-')}</td></tr>\n"
        for row in inputs
    ]
    columns = ("input", "pillar", "#rank, stress up", "#value", "state", "period", "known", "#confidence", "origin")
    return numbers_of("Inputs of the newest day", columns, lines, says=f"The {len(inputs)} inputs of the newest day")


def _day(day: date | None) -> str:
    return "-" if day is None else day.isoformat()


def _known(at: datetime | None) -> str:
    return "-" if at is None else day_of(at)


def _made_class(is_made: bool) -> str:
    return ' class="synthetic"' if is_made else ""


# --- signals and pages ---------------------------------------------------------------------------------------------------


def _signals(connection: duckdb.DuckDBPyConnection, at: str) -> str:
    rows = {
        row["signal_id"]: row
        for row in connection.execute("SELECT * FROM signals_as_known(?) WHERE list_contains(?, signal_id)", [at, list(SHOWN)])
        .to_arrow_table()
        .to_pylist()
    }
    lines = [_signal(rows[name]) for name in SHOWN if name in rows]
    missing = connection.execute(
        "SELECT signal_id, title FROM internal.signal WHERE list_contains(?, signal_id) ORDER BY 1",
        [[name for name in SHOWN if name not in rows]],
    ).fetchall()
    columns = ("signal", "period", "#value", "#z", "#rank", "known since", "#confidence", "flags")
    nothing = f'<p class="quiet">Nothing was known of: {escape("; ".join(title for _, title in missing))}.</p>\n'
    return wide("Newest values", table_of("Newest values as known", columns, lines)) + (nothing if missing else "")


def _signal(row: Row) -> str:
    name = escape(row["signal_id"])
    return (
        f'<tr data-signal="{name}"{_made_class("SYNTHETIC" in row["flags"])}><th scope="row"><a href="signals.html#{name}">'
        f'{escape(row["title"])}</a></th><td class="day">{period_text(row["period_start"], row["period_end"])}</td>'
        f'<td class="n"><data value="{row["value"]!r}">{row["value"]:,.5g}</data> '
        f'<span class="unit">{escape(row["unit"])}</span></td>'
        f"{cell(row['z_exp'], 2)}{cell(row['rank_exp'], 2)}<td>{day_of(row['known_at'])}</td>{cell(row['confidence'], 2)}"
        f"{flags_of(row['flags'])}</tr>\n"
    )


def _links() -> str:
    cards = "".join(
        f'<li><a href="{name}.html"><b>{title}</b></a><span class="quiet">{says}</span></li>\n' for name, title, says in PAGES
    )
    docs = (
        '<li><a href="../../quality/data_docs/index.html"><b>Data Docs</b></a>'
        '<span class="quiet">what every check found in the newest run, beside the builds of this home</span></li>\n'
    )
    return f'<ul class="pages">\n{cards}{docs}</ul>\n'
