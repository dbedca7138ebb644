"""Charts over time as SVG that stands in a page: no script, colours from the page's style, each point with its words.

A missing value breaks the line: nothing is drawn across a gap. Spans of time can be shaded and named.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Literal

__all__ = ["Span", "Trace", "nice_ticks", "time_chart"]

WIDTH, HEIGHT = 640.0, 250.0
LEFT, RIGHT, TOP, BOTTOM, PAD = 52.0, 8.0, 10.0, 24.0, 14.0
_MOST_WITH_WORDS = 150  # points of a trace that each say what they are; a longer line is hovered as a whole
_MONTHS_BETWEEN = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True)
class Trace:
    """One measure in a chart.

    ``points`` are in order of time, None where there is no value. ``style`` names a colour of the page's style, 1 to 4, and
    ``words`` hold what is said of each point beside its value.
    """

    name: str
    points: Sequence[tuple[date, float | None]]
    style: int = 1
    kind: Literal["line", "dots", "bars"] = "line"
    words: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Span:
    """A span of time that is shaded, both ends included."""

    start: date
    end: date
    says: str


def nice_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return about ``wanted`` round numbers that cover ``low`` to ``high``: one, two or five times a power of ten apart.

    Raises:
        ValueError: the ends are not finite, or in the wrong order.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or low > high:
        raise ValueError(f"no axis goes from {low} to {high}")
    rough = (high - low) / max(wanted - 1, 1) or abs(low) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, 3 - math.floor(math.log10(step)))
    return [round(place * step, digits) for place in range(first, max(last, first + 1) + 1)]


def time_chart(
    title: str, unit: str, traces: Sequence[Trace], *, zero: bool = False, top: float | None = None, spans: Sequence[Span] = ()
) -> str:
    """Return a figure: the chart with its title, unit and legend, as HTML.

    Args:
        title: of the figure.
        unit: of the values.
        traces: what is drawn, the first one lowest.
        zero: the axis holds zero.
        top: the axis reaches at least as high, so that charts of one scale can be compared.
        spans: shaded spans of time.

    Raises:
        ValueError: no trace has a value.
    """
    known = [(day, value) for trace in traces for day, value in trace.points if value is not None]
    if not known:
        raise ValueError(f"there is nothing to draw in {title!r}")
    values = [value for _, value in known]
    has_zero = zero or any(trace.kind == "bars" for trace in traces)
    held = [*values, *([0.0] if has_zero else []), *([] if top is None else [top])]
    ticks = nice_ticks(min(held), max(held))
    axes = _Axes(min(day for day, _ in known), max(day for day, _ in known), ticks[0], ticks[-1])
    parts = [_span(axes, span) for span in spans if span.end >= axes.first and span.start <= axes.last]
    parts += [_tick(axes, value, ticks) for value in ticks]
    parts += [_month(axes, day, says) for day, says in _months(axes.first, axes.last)]
    bars = [trace for trace in traces if trace.kind == "bars"]
    for trace in traces:
        parts.append(_drawn(axes, trace, unit, bars.index(trace) if trace in bars else 0, len(bars)))
    said = "; ".join(_in_words(trace, unit) for trace in traces)
    legend = "".join(
        f'<li><span class="key t{trace.style} {trace.kind}"></span>{html.escape(trace.name)}</li>' for trace in traces
    )
    # spans that say the same have one key
    said_of_spans = dict.fromkeys(span.says for span in spans)
    named = "".join(f'<li><span class="key span"></span>{html.escape(says)}</li>' for says in said_of_spans)
    caption = f'<b>{html.escape(title)}</b> <span class="quiet">{html.escape(unit)}</span>'
    return (
        f'<figure class="chart">\n<figcaption>{caption}</figcaption>\n'
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{html.escape(f"{title}, {unit}. {said}.")}">'
        f"{''.join(parts)}</svg>\n"
        f'<ul class="keys">{legend}{named}</ul>\n</figure>\n'
    )


@dataclass(frozen=True)
class _Axes:
    first: date
    last: date
    low: float
    high: float

    def x(self, day: date) -> float:
        width = WIDTH - LEFT - RIGHT
        days = (self.last - self.first).days
        return LEFT + width / 2 if days == 0 else LEFT + PAD + (width - 2 * PAD) * (day - self.first).days / days

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _span(axes: _Axes, span: Span) -> str:
    start, end = axes.x(max(span.start, axes.first)), axes.x(min(span.end, axes.last))
    return (
        f'<rect class="span" x="{start - 2:.1f}" y="{TOP}" width="{end - start + 4:.1f}" height="{HEIGHT - TOP - BOTTOM:.1f}">'
        f"<title>{html.escape(span.says)}</title></rect>"
    )


def _tick(axes: _Axes, value: float, ticks: Sequence[float]) -> str:
    y = axes.y(value)
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    kind = "axis" if value == 0 and ticks[0] < 0 else "grid"
    return (
        f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{value:,.{decimals}f}</text>'
    )


def _months(first: date, last: date) -> list[tuple[date, str]]:
    """Return about six firsts of months between two days, and how each is called; of a short time its two ends."""
    months = (last.year - first.year) * 12 + last.month - first.month
    if months < 2:
        return [(day, day.isoformat()) for day in dict.fromkeys((first, last))]
    step = next((step for step in _MONTHS_BETWEEN if months / step <= 6.5), 240)
    start = first.year * 12 + first.month - 1
    places = [place for place in range(start, start + months + 2) if place % step == 0]
    days = [date(place // 12, place % 12 + 1, 1) for place in places]
    return [(day, f"{day:%Y}" if step >= 12 else f"{day:%Y-%m}") for day in days if first <= day <= last]


def _month(axes: _Axes, day: date, says: str) -> str:
    x = axes.x(day)
    anchor = "start" if x < LEFT + 25 else ("end" if x > WIDTH - RIGHT - 25 else "middle")
    return (
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>'
        f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{says}</text>'
    )


def _drawn(axes: _Axes, trace: Trace, unit: str, place: int, of: int) -> str:
    words = trace.words or [""] * len(trace.points)
    said = [
        html.escape(_point_in_words(trace.name, unit, *point, extra)) for point, extra in zip(trace.points, words, strict=True)
    ]
    if trace.kind == "bars":
        wide = min(0.8 * _shortest(trace.points, axes), 2 * PAD) / of
        parts = [
            _bar(axes, axes.x(day) - 0.5 * wide * of + place * wide, wide, value, says)
            for (day, value), says in zip(trace.points, said, strict=True)
            if value is not None
        ]
        return f'<g class="bars t{trace.style}">{"".join(parts)}</g>'
    parts = []
    if trace.kind == "line":
        lines = " ".join(
            f"M{' L'.join(f'{axes.x(day):.1f},{axes.y(value):.1f}' for day, value in run)}" for run in _runs(trace.points)
        )
        parts.append(f'<path d="{lines}"><title>{html.escape(trace.name)}</title></path>')
    if trace.kind == "dots" or len(trace.points) <= _MOST_WITH_WORDS:
        size = 3.5 if trace.kind == "dots" else 2.2
        parts += [
            f'<circle cx="{axes.x(day):.1f}" cy="{axes.y(value):.1f}" r="{size}"><title>{says}</title></circle>'
            for (day, value), says in zip(trace.points, said, strict=True)
            if value is not None
        ]
    return f'<g class="{trace.kind} t{trace.style}">{"".join(parts)}</g>'


def _point_in_words(name: str, unit: str, day: date, value: float | None, extra: str) -> str:
    what = "no value" if value is None else f"{_number(value)} {unit}"
    return f"{name}, {day.isoformat()}: {what}{f' ({extra})' if extra else ''}"


def _bar(axes: _Axes, x: float, wide: float, value: float, says: str) -> str:
    top, bottom = axes.y(max(value, 0.0)), axes.y(min(value, 0.0))
    return (
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{max(bottom - top, 0.5):.1f}"><title>{says}</title></rect>'
    )


def _shortest(points: Sequence[tuple[date, float | None]], axes: _Axes) -> float:
    """Return the least distance between two points of a trace on the page."""
    days = sorted({day for day, _ in points})
    gaps = [axes.x(b) - axes.x(a) for a, b in pairwise(days)]
    return max(min(gaps, default=2 * PAD), 1.0)


def _runs(points: Sequence[tuple[date, float | None]]) -> list[list[tuple[date, float]]]:
    """Return the stretches of a line without a gap; a lone point is a stretch from itself to itself."""
    runs: list[list[tuple[date, float]]] = [[]]
    for day, value in points:
        if value is not None:
            runs[-1].append((day, value))
        elif runs[-1]:
            runs.append([])
    return [run if len(run) > 1 else run * 2 for run in runs if run]


def _in_words(trace: Trace, unit: str) -> str:
    """Return a trace for a reader who hears the chart."""
    known = [(day, value) for day, value in trace.points if value is not None]
    if not known:
        return f"{trace.name}: no values"
    (first, _), (last, newest) = known[0], known[-1]
    values = [value for _, value in known]
    return (
        f"{trace.name}: from {first.isoformat()} to {last.isoformat()}, last {_number(newest)} {unit}, "
        f"between {_number(min(values))} and {_number(max(values))}"
    )
