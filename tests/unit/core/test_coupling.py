"""Co-movement: known answers, bounds, invariances, and that a window sees nothing but itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from undertow.coupling import absorption_ratio, absorption_shift, coupling_by_day, mean_pairwise_correlation

some = settings(max_examples=50, deadline=None)


def exact_sample(covariance: np.ndarray, days: int, seed: int = 1) -> np.ndarray:
    """Changes of that many days whose sample covariance (ddof 1) is the one given, up to rounding."""
    count = covariance.shape[0]
    raw = np.random.default_rng(seed).normal(size=(days, count))
    basis, _ = np.linalg.qr(raw - raw.mean(axis=0))
    return basis * np.sqrt(days - 1) @ np.linalg.cholesky(covariance).T


def equicorrelated(rho: float, count: int) -> np.ndarray:
    return np.full((count, count), rho) + (1 - rho) * np.eye(count)


def walk(days: int, count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(days, count)) * 0.01


PANELS = hnp.arrays(
    float,
    st.tuples(st.integers(8, 20), st.integers(2, 6)),
    # whole thousandths, so that no column varies by rounding alone
    elements=st.integers(-1000, 1000).map(lambda number: number / 1000),
)


# --- absorption ratio -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("factors", "expected"), [(1, 0.68), (2, 0.76), (5, 1.0)])
def test_absorption_of_equal_correlations(factors: int, expected: float) -> None:
    """The eigenvalues of an equicorrelation matrix are 1 + (N - 1) rho, once, and 1 - rho."""
    returns = exact_sample(equicorrelated(0.6, 5), 40)
    assert absorption_ratio(returns, window=40, factors=factors)[-1] == pytest.approx(expected, abs=1e-12)


def test_absorption_of_independent_columns_is_their_share() -> None:
    returns = exact_sample(np.eye(10), 60)
    assert absorption_ratio(returns, window=60, factors=2)[-1] == pytest.approx(0.2, abs=1e-12)


def test_absorption_known_answer() -> None:
    """Example of the package frds: three assets, six periods, one eigenvector."""
    changes = np.array(
        [
            [0.015, 0.031, 0.007, 0.034, 0.014, 0.011],
            [0.012, 0.063, 0.027, 0.023, 0.073, 0.055],
            [0.072, 0.043, 0.097, 0.078, 0.036, 0.083],
        ]
    ).T
    assert absorption_ratio(changes, window=6, factors=1)[-1] == pytest.approx(0.7746543307660252, abs=1e-15)
    standardised = changes / changes.std(axis=0, ddof=1)
    assert absorption_ratio(standardised, window=6, factors=1)[-1] == pytest.approx(0.5970877, abs=5e-8)


def test_absorption_of_identical_columns_is_one() -> None:
    returns = np.repeat(walk(50, 1), 4, axis=1)
    assert absorption_ratio(returns, window=50, factors=1)[-1] == pytest.approx(1.0, abs=1e-12)


def test_absorption_of_what_does_not_vary_is_undefined() -> None:
    assert np.isnan(absorption_ratio(np.zeros((30, 3)), window=10, factors=1)).all()


def test_absorption_begins_with_the_first_full_window() -> None:
    ratios = absorption_ratio(walk(30, 3), window=30, factors=1)
    assert np.isnan(ratios[:-1]).all()
    assert ratios.shape == (30,)
    assert not np.isnan(ratios[-1])
    assert np.isnan(absorption_ratio(walk(29, 3), window=30, factors=1)).all()
    assert absorption_ratio(np.empty((0, 3)), window=30).shape == (0,)


@some
@given(PANELS, st.data())
def test_absorption_lies_between_its_bounds(returns: np.ndarray, data: st.DataObject) -> None:
    count = returns.shape[1]
    factors = data.draw(st.integers(1, count))
    ratios = absorption_ratio(returns, window=8, factors=factors)
    ratios = ratios[~np.isnan(ratios)]
    assert ((ratios >= factors / count - 1e-12) & (ratios <= 1 + 1e-12)).all()


@some
@given(st.integers(0, 2**32 - 1), st.floats(0.001, 1000), st.floats(-5, 5))
def test_absorption_does_not_feel_a_rotation_a_scale_or_a_shift(seed: int, scale: float, shift: float) -> None:
    returns = walk(40, 4, seed)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))
    plain = absorption_ratio(returns, window=20, factors=2)
    moved = absorption_ratio((returns * scale) @ rotation + shift * scale * 0.01, window=20, factors=2)
    np.testing.assert_allclose(moved, plain, rtol=1e-9)


@pytest.mark.parametrize("days", [20, 21, 300, 531, 532, 533, 900])
def test_absorption_never_looks_ahead(days: int) -> None:
    """Bit for bit, at both sides of the block in which windows are handled: the time-travel rule compares rows exactly."""
    returns = walk(1200, 4)
    np.testing.assert_array_equal(
        absorption_ratio(returns[:days], window=20, factors=1), absorption_ratio(returns, window=20, factors=1)[:days]
    )
    np.testing.assert_array_equal(
        mean_pairwise_correlation(returns[:days], window=20), mean_pairwise_correlation(returns, window=20)[:days]
    )


# --- mean pairwise correlation --------------------------------------------------------------------------------------


def test_correlation_of_identical_columns_is_one() -> None:
    returns = np.repeat(walk(63, 1), 5, axis=1)
    assert mean_pairwise_correlation(returns)[-1] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("rho", [-0.2, 0.0, 0.6])
def test_correlation_of_equal_correlations(rho: float) -> None:
    returns = exact_sample(equicorrelated(rho, 5), 63)
    assert mean_pairwise_correlation(returns)[-1] == pytest.approx(rho, abs=1e-12)


@pytest.mark.parametrize("count", [2, 3, 9])
def test_correlation_reaches_its_lower_bound(count: int) -> None:
    """Independent columns less their mean add up to nothing: each pair has the correlation -1 / (N - 1)."""
    returns = exact_sample(np.eye(count), 63)
    returns -= returns.mean(axis=1, keepdims=True)
    assert mean_pairwise_correlation(returns)[-1] == pytest.approx(-1 / (count - 1), abs=1e-12)


def test_correlation_of_two_columns_is_the_usual_one() -> None:
    returns = walk(63, 2)
    assert mean_pairwise_correlation(returns)[-1] == pytest.approx(np.corrcoef(returns.T)[0, 1], abs=1e-12)


def test_correlation_with_a_column_that_does_not_vary_is_undefined() -> None:
    returns = walk(20, 3)
    returns[:, 1] = 0.0
    returns[-1, 1] = 0.01
    means = mean_pairwise_correlation(returns, window=10)
    assert np.isnan(means[:-1]).all()
    assert not np.isnan(means[-1])


def test_correlation_begins_with_the_first_full_window() -> None:
    assert np.isnan(mean_pairwise_correlation(walk(62, 3))).all()
    assert np.isnan(mean_pairwise_correlation(walk(63, 3))).tolist() == [True] * 62 + [False]


@some
@given(PANELS, st.data())
def test_correlation_lies_between_its_bounds_and_has_no_order_and_no_scale(returns: np.ndarray, data: st.DataObject) -> None:
    count = returns.shape[1]
    means = mean_pairwise_correlation(returns, window=8)
    known = means[~np.isnan(means)]
    assert ((known >= -1 / (count - 1) - 1e-9) & (known <= 1 + 1e-9)).all()
    order = data.draw(st.permutations(range(count)))
    scale = np.array(data.draw(st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0, 1024.0]), min_size=count, max_size=count)))
    np.testing.assert_allclose(mean_pairwise_correlation((returns * scale)[:, order], window=8), means, atol=1e-9)


# --- shift ----------------------------------------------------------------------------------------------------------


def shift_by_loop(ratio: np.ndarray, short: int, long: int) -> np.ndarray:
    shifts = np.full(ratio.shape, np.nan)
    for day in range(long - 1, len(ratio)):
        window = ratio[day - long + 1 : day + 1]
        if not np.isnan(window).any() and window.min() < window.max():
            shifts[day] = (window[-short:].mean() - window.mean()) / window.std(ddof=1)
    return shifts


@pytest.mark.parametrize(("short", "long"), [(15, 252), (1, 2), (3, 10)])
def test_shift_equals_a_loop(short: int, long: int) -> None:
    ratio = np.random.default_rng(5).uniform(0.5, 0.9, size=400)
    ratio[:60] = np.nan
    np.testing.assert_allclose(
        absorption_shift(ratio, short=short, long=long), shift_by_loop(ratio, short, long), rtol=1e-9, atol=1e-9
    )


@some
@given(hnp.arrays(float, st.integers(0, 40), elements=st.integers(1, 1000).map(lambda number: number / 1000)))
def test_shift_equals_a_loop_on_anything(ratio: np.ndarray) -> None:
    np.testing.assert_allclose(absorption_shift(ratio, short=3, long=7), shift_by_loop(ratio, 3, 7), rtol=1e-7, atol=1e-7)


def test_shift_of_what_does_not_vary_is_undefined() -> None:
    assert np.isnan(absorption_shift(np.full(300, 0.7))).all()


def test_shift_known_answer() -> None:
    """Of 1, 2, 3 the last one stands one deviation above the mean."""
    assert absorption_shift(np.array([1.0, 2.0, 3.0]), short=1, long=3)[-1] == pytest.approx(1.0)


def test_shift_never_looks_ahead() -> None:
    ratio = np.random.default_rng(6).uniform(0.5, 0.9, size=600)
    np.testing.assert_array_equal(absorption_shift(ratio[:400]), absorption_shift(ratio)[:400])


@pytest.mark.parametrize(
    ("measure", "reach"),
    [
        (lambda series: absorption_ratio(series, window=20, factors=1), 20),
        (lambda series: mean_pairwise_correlation(series, window=20), 20),
        (lambda series: absorption_shift(series[:, 0], short=5, long=20), 20),
    ],
    ids=["absorption_ratio", "mean_pairwise_correlation", "absorption_shift"],
)
def test_a_window_sees_nothing_before_it(measure: Callable[[np.ndarray], np.ndarray], reach: int) -> None:
    """Bit for bit: a corrected day opens a new epoch, and a day whose window it does not touch must come out the same."""
    returns = walk(300, 3)
    corrected = returns.copy()
    corrected[5] *= 3
    np.testing.assert_array_equal(measure(corrected)[5 + reach :], measure(returns)[5 + reach :])


# --- by day ---------------------------------------------------------------------------------------------------------

NAMES = ["epoch_at", "day", "absorption_ratio", "absorption_shift", "mean_corr_63d", "mean_corr_252d"]
FIRST, SECOND = pd.Timestamp("1900-01-01"), pd.Timestamp("2025-03-05 15:00")


def rates(days: int, epoch: pd.Timestamp = FIRST, seed: int = 7) -> pd.DataFrame:
    """A panel of three exchange rates."""
    levels = np.exp(np.cumsum(walk(days, 3, seed), axis=0))
    frame = pd.DataFrame(levels, columns=["eur", "jpy", "gbp"])
    frame.insert(0, "day", pd.date_range("2020-01-01", periods=days, freq="D"))
    frame.insert(0, "epoch_at", epoch)
    return frame


def test_by_day_gives_each_measure_of_log_changes() -> None:
    panel = rates(800)
    result = coupling_by_day(panel, ["eur", "jpy", "gbp"])
    assert list(result.columns) == NAMES
    assert result["day"].tolist() == panel["day"].tolist()[1:]  # the first day has no change
    returns = np.diff(np.log(panel[["eur", "jpy", "gbp"]].to_numpy()), axis=0)
    ratio = absorption_ratio(returns, window=500, factors=2)
    expected = {
        "absorption_ratio": ratio,
        "absorption_shift": absorption_shift(ratio, short=15, long=252),
        "mean_corr_63d": mean_pairwise_correlation(returns, window=63),
        "mean_corr_252d": mean_pairwise_correlation(returns, window=252),
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(result[name].to_numpy(dtype=float), values, err_msg=name)
        assert result[name].iloc[0] is None  # a null in the warehouse, not a NaN


def test_by_day_keeps_epochs_apart_whatever_the_order_of_the_rows() -> None:
    first, second = rates(600), rates(520, SECOND, seed=8)
    both = pd.concat([second, first]).sample(frac=1, random_state=1)
    result = coupling_by_day(both, ["eur", "jpy", "gbp"])
    assert result["epoch_at"].tolist() == [FIRST] * 599 + [SECOND] * 519
    alone = pd.concat([coupling_by_day(panel, ["eur", "jpy", "gbp"]) for panel in (first, second)], ignore_index=True)
    pd.testing.assert_frame_equal(result, alone)


def test_by_day_of_too_few_days_has_days_and_no_numbers() -> None:
    result = coupling_by_day(rates(62), ["eur", "jpy", "gbp"])
    assert len(result) == 61
    assert result[NAMES[2:]].isna().all(axis=None)


@pytest.mark.parametrize("days", [0, 1])
def test_by_day_of_a_panel_without_a_change_is_empty(days: int) -> None:
    result = coupling_by_day(rates(days), ["eur", "jpy", "gbp"])
    assert list(result.columns) == NAMES
    assert len(result) == 0
    assert str(result["epoch_at"].dtype) == str(result["day"].dtype) == "datetime64[us]"


def test_by_day_of_one_epoch_without_a_change_keeps_the_other() -> None:
    result = coupling_by_day(pd.concat([rates(1), rates(70, SECOND)]), ["eur", "jpy", "gbp"])
    assert result["epoch_at"].tolist() == [SECOND] * 69
    assert result["mean_corr_63d"].notna().sum() == 7
