"""Parts that pages of figures and tables are made of, as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from undertow.instants import format_instant
from undertow.pages.frame import flag_link
from undertow.render import number_text

__all__ = ["absent", "cell", "charts_of", "day_of", "figures_style", "flags_of", "row_of", "table_of"]


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
