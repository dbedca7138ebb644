"""The share of a volume at or above a rate (signal F1): the macro as dbt renders it, run in DuckDB, held against volumes.

The signal is an interval, so what matters is that the truth is always inside: the percentiles are computed from invented
trades here, by their definition, and the true share is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dbt.test_macros import Project

LEVELS = (1, 25, 50, 75, 99)
COLUMNS = ["p1", "p25", "p50", "p75", "p99"]
Trades = list[tuple[int, int]]  # rate in basis points, volume

PROJECT = Project()
QUERY = "SELECT {} FROM (SELECT unnest(?) AS x, ? AS p1, ? AS p25, ? AS p50, ? AS p75, ? AS p99)".format(
    ", ".join(PROJECT.share_at_or_above("x", COLUMNS, which) for which in ("low", "point", "high"))
)
CONNECTION = duckdb.connect(":memory:")


def shares(rates: Sequence[float], percentiles: Sequence[float | None]) -> list[tuple[float | None, ...]]:
    """Return lower bound, point and upper bound for each rate, by the SQL of the models."""
    return CONNECTION.execute(QUERY, [list(rates), *percentiles]).fetchall()


def percentiles_of(trades: Trades) -> list[float]:
    """Return the lowest rates with at least each level of the volume at or below them."""
    total, found = sum(volume for _, volume in trades), []
    for level in LEVELS:
        below = 0
        for rate, volume in sorted(trades):
            below += volume
            if 100 * below >= level * total:
                found.append(rate / 100)
                break
    return found


def true_share(trades: Trades, rate: int) -> float:
    return 100 * sum(volume for traded, volume in trades if traded >= rate) / sum(volume for _, volume in trades)


trades_strategy = st.lists(st.tuples(st.integers(-20, 40), st.integers(1, 10_000)), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("percentiles", "iorb", "expected"),
    [
        ((2.05, 2.07, 2.09, 2.16, 2.22), 2.10, (25, 46.4286, 50)),
        ((2.35, 2.53, 2.55, 2.63, 2.78), 2.35, (99, 99.5, 100)),  # a tie with the lowest
        ((4.35, 4.39, 4.45, 4.51, 4.65), 4.40, (50, 70.8333, 75)),
        ((4.14, 4.20, 4.24, 4.31, 4.38), 4.15, (75, 95, 99)),
        ((4.05, 4.15, 4.22, 4.29, 4.35), 3.90, (99, 99.5, 100)),
        ((3.85, 3.86, 3.91, 3.96, 4.00), 3.90, (50, 55, 75)),
        ((3.88, 3.90, 3.93, 3.99, 4.02), 3.90, (75, 75, 99)),  # a tie at the 25th
        ((3.86, 3.87, 3.90, 3.96, 3.98), 3.90, (50, 50, 75)),
        ((3.61, 3.62, 3.66, 3.72, 3.90), 3.65, (50, 56.25, 75)),
        ((3.86, 3.87, 3.90, 3.96, 3.98), 3.65, (99, 99.5, 100)),  # tomorrow's rate, one day early
        ((2.25, 2.35, 2.35, 2.40, 3.45), 2.35, (75, 75, 99)),  # two equal percentiles: the tie belongs to the lower
        ((2.25, 2.35, 2.35, 2.40, 3.45), 2.36, (25, 45, 50)),  # above a segment of no width
        ((2.35, 2.35, 2.35, 2.35, 2.35), 2.35, (99, 99.5, 100)),
        ((2.35, 2.35, 2.35, 2.35, 2.35), 2.36, (0, 0.5, 1)),
    ],
)
def test_known_answers(percentiles: Sequence[float], iorb: float, expected: tuple[float, ...]) -> None:
    ((low, point, high),) = shares([iorb], percentiles)
    assert (low, round(point or 0, 4), high) == expected


@settings(max_examples=300, deadline=None)
@given(trades_strategy)
def test_the_true_share_is_always_inside(trades: Trades) -> None:
    """At every rate from below the lowest trade to above the highest."""
    rates = range(min(trades)[0] - 2, max(trades)[0] + 3)
    for rate, (low, point, high) in zip(rates, shares([rate / 100 for rate in rates], percentiles_of(trades)), strict=True):
        assert low is not None
        assert point is not None
        assert high is not None
        assert low <= true_share(trades, rate) <= high
        assert 0 <= low <= point <= high <= 100


@settings(max_examples=150, deadline=None)
@given(trades_strategy)
def test_it_falls_as_the_rate_rises(trades: Trades) -> None:
    rates = [rate / 100 for rate in range(min(trades)[0] - 2, max(trades)[0] + 3)]
    found = shares(rates, percentiles_of(trades))
    for before, after in pairwise(found):
        assert all(b >= a for b, a in zip(before, after, strict=True))  # ty: ignore[unsupported-operator]


@settings(max_examples=150, deadline=None)
@given(trades_strategy, st.integers(-20, 40), st.integers(-500, 2000))
def test_a_shift_of_all_rates_changes_nothing(trades: Trades, rate: int, shift: int) -> None:
    moved = [(traded + shift, volume) for traded, volume in trades]
    assert shares([rate / 100], percentiles_of(trades)) == shares([(rate + shift) / 100], percentiles_of(moved))


@settings(max_examples=100, deadline=None)
@given(trades_strategy, st.integers(-20, 40))
def test_half_a_basis_point_of_rounding(trades: Trades, rate: int) -> None:
    """Trades between whole basis points: percentiles round, and the bounds hold within half a basis point of the rate."""
    fine = [(10 * traded + volume % 10, volume) for traded, volume in trades]  # in tenths of a basis point
    rounded = [round(value * 10 + 1e-9) / 100 for value in percentiles_of(fine)]
    ((low, _, high),) = shares([rate / 100], rounded)
    assert low is not None
    assert high is not None
    assert low <= true_share(fine, 10 * rate - 6)
    assert true_share(fine, 10 * rate + 6) <= high


@pytest.mark.parametrize(
    "percentiles",
    [
        (None, 2.07, 2.09, 2.16, 2.22),
        (2.05, 2.07, None, 2.16, 2.22),
        (2.05, 2.09, 2.07, 2.16, 2.22),
        (2.22, 2.16, 2.09, 2.07, 2.05),
    ],
)
def test_percentiles_that_are_missing_or_do_not_rise_give_nothing(percentiles: Sequence[float | None]) -> None:
    assert shares([2.10], percentiles) == [(None, None, None)]


def test_differences_in_basis_points_are_what_is_written() -> None:
    query = f"SELECT {PROJECT.basis_points('a', 'b')} FROM (SELECT 4.22 AS a, 3.90 AS b)"
    floats = f"SELECT {PROJECT.basis_points('a', 'b')} FROM (SELECT CAST(4.35 AS DOUBLE) AS a, CAST(4.05 AS DOUBLE) AS b)"
    assert (CONNECTION.execute(query).fetchone(), CONNECTION.execute(floats).fetchone()) == ((32.0,), (30.0,))


@pytest.mark.parametrize(
    ("mean", "before", "days", "until", "after", "cut"),
    [
        (0.195, 0.1325, 30, 16, 0.26643, 0.0),  # the example of the CME, of a rise: 53.6 %
        (3.77, 3.88, 31, 10, 3.717619, 0.649524),
        (3.88, 3.88, 31, 10, 3.88, 0.0),
        (3.0, 3.88, 31, 10, 2.580952, 1.0),  # more than a quarter of a point
    ],
)
def test_odds_of_a_month_with_a_meeting(mean: float, before: float, days: int, until: int, after: float, cut: float) -> None:
    query = (
        f"SELECT {PROJECT.rate_after('m', 'b', 'd', 'u')} AS r, {PROJECT.odds_of_a_cut('b', 'r')} AS cut, "
        f"{PROJECT.odds_of_a_cut('r', 'b')} AS rise FROM (SELECT CAST(? AS DOUBLE) AS m, CAST(? AS DOUBLE) AS b, ? AS d, ? AS u)"
    )
    rate, odds, rise = CONNECTION.execute(query, [mean, before, days, until]).fetchone()  # ty: ignore[not-iterable]
    assert (round(rate, 5), round(odds, 5)) == (round(after, 5), round(cut, 5))
    assert (round(rise, 3) == 0.536) == (mean == 0.195)


def test_a_decision_on_the_last_day_says_nothing_of_its_month() -> None:
    assert CONNECTION.execute(f"SELECT {PROJECT.rate_after('3.77', '3.88', '31', '31')}").fetchone() == (None,)
