"""Parts that pages of figures and tables are made of, as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from undertow.instants import format_instant
from undertow.pages.frame import flag_link
from undertow.render import number_text

__all__ = [
    *(
        "absent",
        "bar_of",
        "cell",
        "charts_of",
        "day_of",
        "figures_style",
        "flags_of",
        "has_table",
        "numbers_of",
        "row_of",
        "synthetic_share",
        "table_of",
    ),
    *("tiles_of", "wide"),
]


def figures_style() -> str:
    """Return the style of charts and tables."""
    return (Path(__file__).parent / "figures.css").read_text(encoding="utf-8")


def absent(says: str) -> str:
    """Return the sentence that stands where there is nothing to show."""
    return f'<p class="banner warn absent">{says}</p>\n'


def charts_of(*figures: str) -> str:
    """Return charts side by side."""
    return f'<div class="charts">{"".join(figures)}</div>\n' if figures else ""


def table_of(caption: str, columns: Sequence[str], lines: Sequence[str]) -> str:
    """Return a table; the name of a column of numbers begins with #."""
    heads = "".join(_head(name) for name in columns)
    body = "".join(lines) or f'<tr><td colspan="{len(columns)}" class="quiet">none</td></tr>\n'
    return (
        f'<table class="figures"><caption>{html.escape(caption)}</caption><thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table>\n"
    )


def numbers_of(caption: str, columns: Sequence[str], lines: Sequence[str], *, says: str = "The numbers as a table") -> str:
    """Return a table that is folded up: what a chart shows, for those who do not see it or want to copy it."""
    table = wide(caption, table_of(caption, columns, lines))
    return f'<details class="numbers"><summary>{html.escape(says)}</summary>{table}</details>\n'


def wide(name: str, table: str) -> str:
    """Return a table that is scrolled sideways where the window is too narrow, by keys too."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{html.escape(name)}">{table}</div>\n'


def _head(name: str) -> str:
    kind = ' class="n"' if name.startswith("#") else ""
    return f'<th scope="col"{kind}>{html.escape(name.removeprefix("#"))}</th>'


def row_of(kind: str, key: str, rest: str, head: str | None = None) -> str:
    """Return a row of a table: its key as an attribute and, if no other text is given, as its head."""
    return (
        f'<tr data-{kind}="{html.escape(key)}"><th scope="row">{html.escape(key) if head is None else head}</th>{rest}</tr>\n'
    )


def cell(value: float | None, decimals: int) -> str:
    """Return a cell with a number, which keeps the whole of it."""
    if value is None:
        return '<td class="n quiet">-</td>'
    return f'<td class="n"><data value="{value!r}">{number_text(value, decimals)}</data></td>'


def day_of(at: datetime) -> str:
    """Return a day that keeps its instant."""
    text = format_instant(at)
    return f'<time datetime="{text}" title="{text}">{text[:10]}</time>'


def flags_of(flags: Sequence[str] | None) -> str:
    """Return a cell with flags."""
    return f"<td>{' '.join(map(flag_link, flags or ()))}</td>"


# The newest state of each period, and of each signal the newest period with a value: signals_as_known at an eighth of its cost.
_NEWEST = """
SELECT count(*) FILTER (list_contains(flags, 'SYNTHETIC')), count(*)
FROM (
    SELECT signal_id, arg_max(flags, period_start) AS flags
    FROM (
        SELECT signal_id, period_start, flags, value FROM marts.mart_signal_long WHERE known_at <= instant(?)
        QUALIFY row_number() OVER (PARTITION BY signal_id, period_start ORDER BY known_at DESC) = 1
    )
    WHERE value IS NOT NULL GROUP BY signal_id
)
"""


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Return whether a build has a public table; an older build may lack it."""
    query = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'marts' AND table_name = ?"
    return bool(connection.execute(query, [name]).fetchall()[0][0])


def synthetic_share(connection: duckdb.DuckDBPyConnection, at: str) -> str:
    """Return the banner that says how much of what is newest is generated, or nothing where nothing is.

    Args:
        connection: a published file.
        at: the knowledge instant.
    """
    made, all_of_them = connection.execute(_NEWEST, [at]).fetchall()[0]
    parts = [f"{made} of {all_of_them} newest values of signals ({_percent(made, all_of_them)})"] if made else []
    if has_table(connection, "mart_fragility"):
        day = connection.execute(
            "SELECT n_synthetic, n_inputs FROM marts.mart_fragility WHERE known_at <= CAST(? AS TIMESTAMPTZ) "
            "ORDER BY period_start DESC LIMIT 1",
            [at],
        ).fetchall()
        if day and day[0][0]:
            parts.append(f"{day[0][0]} of {day[0][1]} inputs of the newest composite ({_percent(*day[0])})")
    if not parts:
        return ""
    return (
        '<p class="synthetic-mark" role="note"><b>SYNTHETIC.</b> '
        f"<span>{' and '.join(parts)} are generated sample data, not real. They are marked wherever they stand.</span></p>\n"
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def bar_of(value: float | None, full: float, decimals: int = 3) -> str:
    """Return a cell with a number and a bar that is as long as its share of ``full``."""
    if value is None:
        return '<td class="n quiet">-</td>'
    share = max(0.0, min(1.0, abs(value) / full)) if full else 0.0
    return (
        f'<td class="n bar"><data value="{value!r}">{number_text(value, decimals)}</data>'
        f'<span class="bar" aria-hidden="true"><i style="width:{100 * share:.1f}%"></i></span></td>'
    )


def tiles_of(facts: Sequence[tuple[str, float | None, str, bool]]) -> str:
    """Return numbers in large figures: the name of each, its value, what is said below it, whether it rests on made data."""
    tiles = "".join(
        f'<div class="tile{" synthetic" if is_made else ""}"><dt>{html.escape(name)}</dt>'
        f'<dd><data data-name="{html.escape(name)}" value="{"" if value is None else repr(value)}">'
        f"{'none' if value is None else f'{value:,d}' if isinstance(value, int) else number_text(value, 3)}</data>"
        f'<span class="quiet">{html.escape(says)}</span></dd></div>\n'
        for name, value, says, is_made in facts
    )
    return f'<dl class="tiles">\n{tiles}</dl>\n'
