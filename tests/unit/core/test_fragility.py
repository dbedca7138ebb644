"""The composite: the known answer, bounds, what a future day and an absent pillar may change, and that parts sum to the whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from undertow.fragility import DECAY, LEAST_DAYS, ciss, composite_by_day, contributions, correlations

PILLARS = ["funding", "rates", "dollar", "credit", "coupling", "macro"]
EQUAL = dict.fromkeys(PILLARS, 1 / 6)
some = settings(max_examples=50, deadline=None)
unit = st.floats(0, 1, allow_subnormal=False)
panels = hnp.arrays(np.float64, st.tuples(st.integers(LEAST_DAYS + 1, 60), st.just(6)), elements=unit)


def rows(scores: np.ndarray) -> pd.DataFrame:
    """A panel (T, 6), NaN where a pillar is absent, as the rows of int_fragility__pillar."""
    days = pd.bdate_range("2025-01-01", periods=len(scores))
    return pd.DataFrame(
        [(day, pillar, scores[t, n]) for t, day in enumerate(days) for n, pillar in enumerate(PILLARS)],
        columns=["day", "pillar", "score"],
    )


def parts(told: pd.DataFrame) -> np.ndarray:
    return told[[f"contribution_{pillar}" for pillar in PILLARS]].to_numpy(dtype=float)


def test_the_known_answer() -> None:
    scores, weights = np.array([0.9, 0.5, 0.2]), np.array([0.5, 0.3, 0.2])
    correlation = np.array([[1, 0.5, 0.2], [0.5, 1, 0.1], [0.2, 0.1, 1]])
    assert ciss(scores, weights, correlation) == pytest.approx(0.3025, abs=1e-12)
    assert ciss(scores, weights, np.ones((3, 3))) == pytest.approx(0.64**2, abs=1e-12)
    assert contributions(scores, weights, correlation).sum() == pytest.approx(0.3025, abs=1e-12)


def test_correlations_are_those_of_exponential_weights() -> None:
    """Against the definition, summed by hand: weights decay**age of the products of deviations from one half."""
    scores = np.random.default_rng(7).random((40, 3))
    told, n_days = correlations(scores)
    deviations, weights = scores[:31] - 0.5, DECAY ** np.arange(30, -1, -1.0)
    second = (deviations * weights[:, None]).T @ deviations
    expected = second / np.sqrt(np.outer(np.diag(second), np.diag(second)))
    np.testing.assert_allclose(told[30], expected, atol=1e-12)
    assert n_days.tolist() == list(range(1, 41))
    assert pytest.approx(0.93) == DECAY**5


def test_a_day_without_a_pillar_neither_weighs_nor_ages() -> None:
    scores = np.random.default_rng(8).random((30, 2))
    holed = np.insert(scores, 12, [np.nan, 0.99], axis=0)
    np.testing.assert_array_equal(correlations(scores)[0][-1], correlations(holed)[0][-1])


def test_pillars_that_are_one_give_that_one() -> None:
    same = np.repeat(np.random.default_rng(9).random((40, 1)), 6, axis=1)
    told = composite_by_day(rows(same), EQUAL)
    np.testing.assert_allclose(told["composite_mean"], same[:, 0], atol=1e-12)
    np.testing.assert_allclose(told["composite_ciss_sqrt"][LEAST_DAYS:], same[LEAST_DAYS:, 0], atol=1e-9)


def test_too_few_days_have_a_mean_and_no_quadratic_form() -> None:
    told = composite_by_day(rows(np.random.default_rng(1).random((LEAST_DAYS + 5, 6))), EQUAL)
    assert told["composite_mean"].notna().all()
    assert told["composite_ciss"].notna().tolist() == [False] * (LEAST_DAYS - 1) + [True] * 6
    assert told["n_days"].tolist() == list(range(1, LEAST_DAYS + 6))


def test_coverage_decides() -> None:
    """Four pillars of six are enough, three are not; weights are taken over those that are there."""
    scores = np.random.default_rng(2).random((50, 6))
    scores[:, 5] = scores[:, 4] = np.nan
    scores[45:, 3] = np.nan
    told = composite_by_day(rows(scores), EQUAL)
    assert told["coverage"].round(6).tolist() == [0.666667] * 45 + [0.5] * 5
    assert told["composite_ciss"].isna().tolist() == [True] * (LEAST_DAYS - 1) + [False] * (46 - LEAST_DAYS) + [True] * 5
    assert told["composite_mean"][44] == pytest.approx(scores[44, :4].mean())
    assert told["composite_mean"][45:].isna().all()
    assert np.isnan(parts(told)[:, 4:]).all()


@some
@given(panels, st.integers(1, 10))
def test_a_later_day_changes_nothing_before_it(scores: np.ndarray, later: int) -> None:
    cut = len(scores) - later if len(scores) > later else 1
    whole, before = composite_by_day(rows(scores), EQUAL), composite_by_day(rows(scores[:cut]), EQUAL)
    pd.testing.assert_frame_equal(whole.head(cut), before, check_exact=True)


@some
@given(panels, st.integers(0, 5))
def test_bounds_with_all_pillars_and_with_one_dropped(scores: np.ndarray, dropped: int) -> None:
    holed = scores.copy()
    holed[:, dropped] = np.nan
    for panel in (scores, holed):
        told = composite_by_day(rows(panel), EQUAL)
        for column in ("composite_ciss", "composite_ciss_sqrt", "composite_mean"):
            values = told[column].dropna()
            assert len(values) > 0
            assert values.between(0, 1).all()
        # correlations cannot lift the form above that of pillars that all move as one
        assert (told["composite_ciss_sqrt"].dropna() <= told["composite_mean"][LEAST_DAYS - 1 :] + 1e-9).all()
        sums = np.nansum(parts(told)[LEAST_DAYS - 1 :], axis=1)
        np.testing.assert_allclose(sums, told["composite_ciss"][LEAST_DAYS - 1 :], atol=1e-9)


@some
@given(
    hnp.arrays(np.float64, 4, elements=unit),
    st.integers(0, 3),
    st.floats(0, 1),
    hnp.arrays(np.float64, (4, 4), elements=unit),
)
def test_monotone_where_nothing_moves_against_another(scores: np.ndarray, which: int, rise: float, raw: np.ndarray) -> None:
    correlation = np.clip((raw + raw.T) / 2, 0, 1)
    np.fill_diagonal(correlation, 1.0)
    weights = np.full(4, 0.25)
    higher = scores.copy()
    higher[which] = min(1.0, higher[which] + rise)
    assert ciss(higher, weights, correlation) >= ciss(scores, weights, correlation) - 1e-12


@some
@given(panels, st.permutations(range(6)))
def test_the_order_of_pillars_and_rows_does_not_matter(scores: np.ndarray, order: list[int]) -> None:
    told = composite_by_day(rows(scores), EQUAL)
    mixed = composite_by_day(
        rows(scores).sample(frac=1, random_state=3), {PILLARS[place]: EQUAL[PILLARS[place]] for place in order}
    )
    np.testing.assert_allclose(told["composite_ciss"], mixed["composite_ciss"], atol=1e-12)
    np.testing.assert_allclose(parts(told), parts(mixed), atol=1e-12)
