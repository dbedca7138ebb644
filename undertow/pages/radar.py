"""The page "are reserves ample": the five measures of the Federal Reserve on a radar, for chosen months and the newest values.

What is public, approximate or missing stands on its face: a measure without a value leaves its spoke empty and breaks the
outline, an approximate one shows its interval, and each number says when it became known. The page needs no script.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from undertow.cells import AMPLENESS_SHORT, measure_text, period_text
from undertow.instants import format_instant, parse_instant
from undertow.pages.frame import document, filled, flag_link
from undertow.render import instant_text

__all__ = ["MONTHS", "radar_page", "when_text"]

HERE = Path(__file__).parent
Row = Mapping[str, Any]

# The months that the essays' radar is about, and the newest values of all.
MONTHS: tuple[date | None, ...] = (date(2019, 9, 1), date(2025, 6, 1), date(2025, 10, 1), None)
RADIUS, CENTRE = 100.0, (170.0, 140.0)


def radar_page(
    connection: duckdb.DuckDBPyConnection,
    manifest: Mapping[str, Any],
    *,
    as_of: datetime | None = None,
    months: Sequence[date | None] = MONTHS,
) -> str:
    """Return the page as one HTML text.

    Args:
        connection: a published file, in UTC.
        manifest: of the build.
        as_of: the knowledge instant; by default that at which the build was published.
        months: for each radar a day of its month, or None for the newest values.
    """
    at = format_instant((as_of or parse_instant(manifest["published_at"])).replace(microsecond=0))
    query = "SELECT * FROM reserve_ampleness(?, day := ?) ORDER BY position"
    told = [(month, connection.execute(query, [at, month]).to_arrow_table().to_pylist()) for month in months]
    landed = {spoke for (spoke,) in connection.execute("SELECT DISTINCT spoke FROM marts.mart_reserve_ampleness").fetchall()}
    meanings = dict(connection.execute("SELECT flag, meaning FROM internal.flag ORDER BY bit").fetchall())
    parts = {
        "as_of": html.escape(instant_text(parse_instant(at))),
        "measures": "".join(_measure(row, row["spoke"] in landed) for row in told[0][1]),
        "cards": "".join(_card(month, rows) for month, rows in told),
    }
    body = filled("radar.html", manifest, meanings, parts)
    return document("Are reserves ample", body, css=(HERE / "radar.css").read_text(encoding="utf-8"))


def when_text(month: date | None) -> str:
    """Return what a radar is of, in words."""
    return "Newest values" if month is None else f"{month:%B %Y}"


def _measure(row: Row, is_landed: bool) -> str:
    """Return a row of the table that says what there is of each measure."""
    here = "" if is_landed or row["availability"] == "missing" else ' <span class="chip absent">not in this build</span>'
    return (
        f'<tr><th scope="row">{html.escape(row["title"])}</th>'
        f'<td><span class="chip {html.escape(row["availability"])}">{html.escape(row["availability"])}</span>{here}</td>'
        f"<td>{html.escape(row['stands_for'])} "
        f'<a href="{html.escape(row["source_url"])}" rel="noreferrer">Source</a></td></tr>\n'
    )


def _card(month: date | None, rows: Sequence[Row]) -> str:
    lines = "".join(_line(row) for row in rows)
    return (
        f'<section class="card" data-month="{"" if month is None else f"{month:%Y-%m}"}">\n<h2>{when_text(month)}</h2>\n'
        f"{_chart(month, rows)}\n"
        '<table><thead><tr><th scope="col">measure</th><th scope="col" class="n">value</th>'
        '<th scope="col">period</th><th scope="col">known</th></tr></thead>\n'
        f"<tbody>\n{lines}</tbody></table>\n</section>\n"
    )


def _line(row: Row) -> str:
    """Return one measure of one radar as a row of its table."""
    title = html.escape(_name(row))
    head = f'<tr data-spoke="{html.escape(row["spoke"])}"><th scope="row">{title}</th>'
    if row["value"] is None:
        return f'{head}<td colspan="3" class="quiet">{html.escape(row["missing_because"])}</td></tr>\n'
    interval = (
        ""
        if row["low"] is None
        else f'<span class="quiet"> [{measure_text(row["low"], row["unit"])}, {measure_text(row["high"], row["unit"])}]</span>'
    )
    place = f'<div class="quiet">{html.escape(row["missing_because"])}</div>' if row["missing_because"] else ""
    at = format_instant(row["known_at"])
    flags = " ".join(map(flag_link, row["flags"]))
    return (
        f'{head}<td class="n"><data value="{row["value"]!r}">{measure_text(row["value"], row["unit"])}</data>{interval}'
        f'<span class="unit">{html.escape(row["unit"])}</span></td>'
        f"<td>{period_text(row['period_start'], row['period_end'])}</td>"
        f'<td><time datetime="{at}" title="{at}">{at[:10]}</time></td></tr>\n'
        f'<tr class="flags"><td colspan="4">{flags}{place}</td></tr>\n'
    )


def _name(row: Row) -> str:
    return AMPLENESS_SHORT.get(row["spoke"], row["title"])


# --- the chart -----------------------------------------------------------------------------------------------------------


def _point(place: int, of: int, outward: float) -> tuple[float, float]:
    """Return where a value lies: clockwise from the top, 0 in the centre and 1 on the rim."""
    angle = 2 * math.pi * place / of - math.pi / 2
    return CENTRE[0] + RADIUS * outward * math.cos(angle), CENTRE[1] + RADIUS * outward * math.sin(angle)


def _line_between(kind: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    return f'<line class="{kind}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'


def _chart(month: date | None, rows: Sequence[Row]) -> str:
    """Return the radar as SVG. An outline joins neighbours that both have a place; it says nothing across an empty spoke."""
    n = len(rows)
    parts = [
        f'<polygon class="ring" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in (_point(i, n, step) for i in range(n)))}"/>'
        for step in (0.25, 0.5, 0.75, 1.0)
    ]
    placed = {i: row for i, row in enumerate(rows) if row["outward"] is not None}
    for i, row in enumerate(rows):
        parts.append(_line_between("spoke" if i in placed else "spoke empty", CENTRE, _point(i, n, 1.0)))
        parts.append(_label(i, n, row))
    for i in placed:
        if (following := (i + 1) % n) in placed and following != i:
            ends = (_point(i, n, placed[i]["outward"]), _point(following, n, placed[following]["outward"]))
            parts.append(_line_between("outline", *ends))
    for i, row in placed.items():
        if row["outward_low"] is not None and row["outward_high"] is not None:
            parts.append(_line_between("interval", _point(i, n, row["outward_low"]), _point(i, n, row["outward_high"])))
        x, y = _point(i, n, row["outward"])
        kind = "dot synthetic" if "SYNTHETIC" in row["flags"] else f"dot {row['availability']}"
        parts.append(f'<circle class="{kind}" data-spoke="{html.escape(row["spoke"])}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
    said = "; ".join(f"{_name(row)}: {_in_words(row)}" for row in rows)
    return (
        f'<svg viewBox="0 0 340 285" role="img" aria-label="{html.escape(f"Radar, {when_text(month)}. {said}.")}">'
        f"{''.join(parts)}</svg>"
    )


def _label(place: int, of: int, row: Row) -> str:
    x, y = _point(place, of, 1.13)
    side = x - CENTRE[0]
    anchor = "middle" if abs(side) < 20 else ("start" if side > 0 else "end")
    if anchor != "middle":  # two lines, for a page is narrow
        x -= math.copysign(38.0, side)
    y += 14 if y > CENTRE[1] + 20 else (-8 if place else 0)
    below = _in_short(row["missing_because"]) or ("approximate" if row["availability"] == "approximate" else "")
    second = f'<tspan class="quiet" x="{x:.1f}" dy="12">{html.escape(below)}</tspan>' if below else ""
    if place == 0 and below:
        y -= 12
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(_name(row))}{second}</text>'


def _in_short(reason: str | None) -> str:
    """Return why a spoke has no place, in as many words as there is room for at its end."""
    if reason is None:
        return ""
    begins = {"nothing": "nothing known", "no value": "no value", "too few": "not placed yet"}
    return next((words for start, words in begins.items() if reason.startswith(start)), reason)


def _in_words(row: Row) -> str:
    """Return one measure for a reader who hears the chart."""
    if row["value"] is None:
        return row["missing_because"]
    bounds = (
        ""
        if row["low"] is None
        else f", between {measure_text(row['low'], row['unit'])} and {measure_text(row['high'], row['unit'])}"
    )
    place = row["missing_because"] or f"{100 * row['outward']:.0f} percent of the way from abundant to scarce"
    return f"{measure_text(row['value'], row['unit'])} {row['unit']}{bounds}, {place}"
