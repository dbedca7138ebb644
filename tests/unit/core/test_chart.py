"""Charts as SVG: round axes, lines that break at gaps, words for each point, and nothing of a text that is markup."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from undertow.pages.chart import Span, Trace, nice_ticks, time_chart

MONTHS = [date(2025, month, 1) for month in range(1, 7)]


def trace(*values: float | None, **more: object) -> Trace:
    return Trace("net flow", list(zip(MONTHS, values, strict=False)), **more)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 100, [0, 50, 100]),
        (-62, 250, [-200, 0, 200, 400]),
        (3.52, 3.61, [3.5, 3.55, 3.6, 3.65]),
        (0.371, 0.371, [0.0, 0.5]),
        (0, 0, [0, 1]),
        (-7, -7, [-10, 0]),
    ],
)
def test_axes_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high, 4) == ticks


@given(*(st.floats(low, 1e9).map(lambda number: round(number, 6)) for low in (-1e9, 0)))
def test_an_axis_covers_what_is_drawn(low: float, width: float) -> None:
    assume(low + width == low or width > 1e-6 * abs(low))  # numbers that a double can hardly tell apart have no axis
    ticks = nice_ticks(low, low + width)
    step = ticks[1] - ticks[0]
    assert ticks[0] <= low + step * 1e-6
    assert ticks[-1] >= low + width - step * 1e-6
    assert 2 <= len(ticks) <= 12
    steps = {round((b - a) / step, 4) for a, b in pairwise(ticks)}
    assert steps == {1.0}


def test_no_axis_for_what_is_no_number() -> None:
    for ends in ((float("nan"), 1.0), (0.0, float("inf")), (2.0, 1.0)):
        with pytest.raises(ValueError, match="no axis goes"):
            nice_ticks(*ends)


def test_a_line_breaks_at_a_gap_and_a_lone_point_is_seen() -> None:
    chart = time_chart("Flows", "USD bn", [trace(1, 2, None, 4, None, 6)])
    (path,) = re.findall(r'<path d="([^"]*)">', chart)
    assert [stretch.count(",") for stretch in path.split("M") if stretch] == [2, 2, 2]
    ends = [stretch.split() for stretch in path.split("M") if stretch.strip()]
    assert ends[1][0] == ends[1][1].removeprefix("L"), "a month between two gaps is a stretch from itself to itself"
    assert re.findall(r"<title>([^<]*)</title></circle>", chart) == [
        f"net flow, 2025-0{month}-01: {month} USD bn" for month in (1, 2, 4, 6)
    ]
    assert 'aria-label="Flows, USD bn. net flow: from 2025-01-01 to 2025-06-01, last 6 USD bn, between 1 and 6."' in chart


def test_a_value_lies_where_its_axis_says() -> None:
    chart = time_chart("Level", "percent", [trace(0, 10, 5, kind="dots", words=["first", "", "third"])])
    circles = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', chart)]
    labels = {says: float(y) - 3.5 for y, says in re.findall(r'y="([\d.]+)" text-anchor="end">([\d.]+)</text>', chart)}
    assert [y for _, y in circles] == pytest.approx([labels["0"], labels["10"], (labels["0"] + labels["10"]) / 2], abs=0.11)
    assert [x for x, _ in circles] == sorted(x for x, _ in circles)
    assert "2025-03-01: 5 percent (third)" in chart


def test_bars_stand_on_zero_and_side_by_side() -> None:
    chart = time_chart("Flows", "USD bn", [trace(50, -50, 0, kind="bars"), trace(100, 25, 0, kind="bars", style=2)])
    found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"><title>', chart)
    first, fall, _, second, _, _ = [tuple(map(float, numbers)) for numbers in found]
    assert first[1] + first[3] == pytest.approx(fall[1], abs=0.2), "one ends where the other begins: at zero"
    assert second[3] == pytest.approx(2 * first[3], abs=0.2)
    assert first[0] + first[2] == pytest.approx(second[0], abs=0.2)


def test_a_span_is_shaded_where_it_touches_the_chart() -> None:
    spans = [
        Span(date(2025, 2, 1), date(2025, 3, 1), "a lapse"),
        Span(date(2019, 1, 1), date(2019, 2, 1), "before"),
        Span(date(2025, 6, 1), date(2026, 1, 1), "a break"),
    ]
    chart = time_chart("Flows", "USD bn", [trace(1, 2, 3, 4, 5, 6)], spans=spans)
    assert re.findall(r'class="span" .*?<title>(.*?)</title>', chart) == ["a lapse", "a break"]


def test_spans_that_say_the_same_have_one_key() -> None:
    spans = [Span(MONTHS[0], MONTHS[1], "made"), Span(MONTHS[3], MONTHS[4], "made"), Span(MONTHS[4], MONTHS[5], "a lapse")]
    chart = time_chart("Flows", "USD bn", [trace(1, 2, 3, 4, 5, 6)], spans=spans)
    assert re.findall(r'<li><span class="key span"></span>(.*?)</li>', chart) == ["made", "a lapse"]
    assert chart.count('class="span"') == 3


def test_texts_are_no_markup_and_nothing_is_no_chart() -> None:
    chart = time_chart("<b>", "%", [Trace("<script>", [(MONTHS[0], 1.0)])])
    assert "<script>" not in chart
    assert "&lt;script&gt;, 2025-01-01: 1 %" in chart
    with pytest.raises(ValueError, match="nothing to draw in 'Flows'"):
        time_chart("Flows", "USD bn", [trace(None, None)])


@pytest.mark.parametrize(("days", "fewest", "most"), [(1, 1, 2), (20, 2, 2), (200, 3, 7), (1500, 3, 7), (12_000, 3, 7)])
def test_months_are_named_as_often_as_there_is_room(days: int, fewest: int, most: int) -> None:
    first = date(1990, 3, 14)
    chart = time_chart("Level", "index", [Trace("level", [(first, 1.0), (first + timedelta(days=days - 1), 2.0)])])
    assert fewest <= len(re.findall(r">(\d{4}(?:-\d\d)*)</text>", chart)) <= most
