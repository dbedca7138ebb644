"""Co-movement: known answers, bounds, invariances, and that a window sees nothing but itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from undertow.coupling import (
    absorption_ratio,
    absorption_shift,
    coupling_by_day,
    cross_asset_by_day,
    effective_rank,
    mean_pairwise_correlation,
    squared_distance,
    turbulence,
)

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


# --- turbulence -----------------------------------------------------------------------------------------------------


def test_turbulence_known_answer() -> None:
    """With mean zero and the identity as covariance, changes of 3 and 4 are (9 + 16) / 2 away."""
    found = squared_distance(np.array([[3.0, 4.0]]), np.zeros((1, 2)), np.eye(2)[None])
    np.testing.assert_allclose(found, [12.5], rtol=1e-15)


@pytest.mark.parametrize(("days", "count"), [(250, 9), (20, 3)])
def test_turbulence_inside_its_own_sample_averages_its_degrees_of_freedom(days: int, count: int) -> None:
    """Distances from the moments of the sample itself average (T - 1) / T exactly, whatever the sample."""
    returns = walk(days, count)
    means = np.repeat(returns.mean(axis=0)[None], days, axis=0)
    covariances = np.repeat(np.cov(returns.T)[None], days, axis=0)
    assert squared_distance(returns, means, covariances).mean() == pytest.approx((days - 1) / days, abs=1e-12)


def test_turbulence_knows_nothing_of_its_own_day_and_of_later_ones() -> None:
    returns = walk(80, 3)
    before = returns[29:79]
    apart = returns[79] - before.mean(axis=0)
    expected = apart @ np.linalg.solve(np.cov(before.T), apart) / 3
    assert turbulence(returns, window=50)[-1] == pytest.approx(expected, rel=1e-10)
    calm = turbulence(returns, window=50)
    shaken = returns.copy()
    shaken[60] *= 50
    found = turbulence(shaken, window=50)
    np.testing.assert_array_equal(found[:60], calm[:60])
    assert found[60] > 100 * calm[60], "a shock that counted among its own moments could not be as far as this"


@pytest.mark.parametrize("days", [51, 512, 562, 563, 564, 900])
def test_turbulence_and_rank_never_look_ahead(days: int) -> None:
    """Bit for bit, at both sides of the block in which windows are handled."""
    returns = walk(1200, 4)
    np.testing.assert_array_equal(turbulence(returns[:days], window=50), turbulence(returns, window=50)[:days])
    np.testing.assert_array_equal(effective_rank(returns[:days], window=50), effective_rank(returns, window=50)[:days])
    np.testing.assert_array_equal(
        absorption_ratio(returns[:days], window=50, factors=1, standardise=True),
        absorption_ratio(returns, window=50, factors=1, standardise=True)[:days],
    )


@some
@given(st.integers(0, 2**32 - 1))
def test_turbulence_does_not_feel_an_affine_map(seed: int) -> None:
    """Other units, portfolios in place of assets, another origin: the same distance."""
    random = np.random.default_rng(seed)
    returns = walk(60, 4, seed)
    turned, _ = np.linalg.qr(random.normal(size=(4, 4)))
    mixed = turned * random.uniform(0.5, 200, size=4) @ turned.T
    moved = returns @ mixed + random.normal(size=4)
    np.testing.assert_allclose(turbulence(moved, window=40), turbulence(returns, window=40), rtol=1e-6)


@some
@given(PANELS)
def test_turbulence_is_never_negative(returns: np.ndarray) -> None:
    found = turbulence(returns, window=7)
    assert np.isnan(found[:7]).all()
    assert (found[~np.isnan(found)] >= 0).all()


def test_turbulence_of_a_singular_covariance_has_a_ridge() -> None:
    """One asset held twice: a day on which both agree is as far as for one asset, one on which they part is far off."""
    one = walk(60, 1)
    twice = np.repeat(one, 2, axis=1)
    together = turbulence(twice, window=40)
    np.testing.assert_allclose(2 * together[40:], turbulence(one, window=40)[40:], rtol=1e-6)
    parted = twice.copy()
    parted[59, 1] += 0.01
    found = turbulence(parted, window=40)
    assert np.isfinite(found[40:]).all()
    assert found[59] > 1e6
    np.testing.assert_array_equal(found[:59], together[:59])


def test_turbulence_of_what_does_not_vary_is_undefined() -> None:
    returns = walk(30, 3)
    returns[:, 1] = 0.0
    assert np.isnan(turbulence(returns, window=10)).all()
    assert np.isnan(turbulence(walk(10, 3), window=10)).all()


def test_turbulence_of_ordinary_days_averages_one() -> None:
    """With the moments of 1000 other days: T (T - 1) / ((T - N - 2) (T + 1)) or so times one, here within a few percent."""
    assert np.nanmean(turbulence(walk(6000, 5), window=1000)) == pytest.approx(1.0, abs=0.03)


# --- effective rank and correlation absorption -----------------------------------------------------------------------------------


def test_effective_rank_between_one_and_all() -> None:
    assert effective_rank(np.repeat(walk(40, 1), 4, axis=1), window=40)[-1] == pytest.approx(1.0, abs=1e-9)
    assert effective_rank(exact_sample(np.eye(6), 40), window=40)[-1] == pytest.approx(6.0, abs=1e-9)


@pytest.mark.parametrize(("rho", "count"), [(0.6, 5), (0.0, 4), (0.3, 9)])
def test_effective_rank_and_absorption_of_equal_correlations(rho: float, count: int) -> None:
    """Eigenvalues over N: (1 + (N - 1) rho) / N once, (1 - rho) / N the other times; scales do not matter."""
    returns = exact_sample(equicorrelated(rho, count), 60) * np.arange(1, count + 1)
    shares = np.array([(1 + (count - 1) * rho) / count, *[(1 - rho) / count] * (count - 1)])
    assert effective_rank(returns, window=60)[-1] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), abs=1e-9)
    first = absorption_ratio(returns, window=60, factors=1, standardise=True)[-1]
    assert first == pytest.approx((1 + (count - 1) * rho) / count, abs=1e-12)


@some
@given(PANELS, st.integers(0, 2**32 - 1))
def test_bounds_and_scales_of_the_standardised_measures(returns: np.ndarray, seed: int) -> None:
    count = returns.shape[1]
    ratio = absorption_ratio(returns, window=8, factors=1, standardise=True)
    rank = effective_rank(returns, window=8)
    scaled = returns * np.random.default_rng(seed).uniform(0.01, 100, size=count)
    np.testing.assert_allclose(absorption_ratio(scaled, window=8, factors=1, standardise=True), ratio, rtol=1e-7)
    np.testing.assert_allclose(effective_rank(scaled, window=8), rank, rtol=1e-6)
    ratio, rank = ratio[~np.isnan(ratio)], rank[~np.isnan(rank)]
    assert ((ratio >= 1 / count - 1e-12) & (ratio <= 1 + 1e-12)).all()
    assert ((rank >= 1 - 1e-9) & (rank <= count + 1e-9)).all()


# --- panels of assets in different units -----------------------------------------------------------------------------------------


def assets(days: int, epoch: str = "1900-01-01", seed: int = 5) -> pd.DataFrame:
    moves = np.random.default_rng(seed).normal(size=(days, 3))
    return pd.DataFrame(
        {
            "panel": "p",
            "epoch_at": pd.Timestamp(epoch),
            "day": pd.bdate_range("2020-01-01", periods=days),
            "eur": np.exp(np.cumsum(moves[:, 0]) * 0.005),
            "ust_2y": 4 + np.cumsum(moves[:, 1]) * 0.05,
            "equity": 100 * np.exp(np.cumsum(moves[:, 2]) * 0.01),
        }
    )


PANEL = {"p": ["eur", "ust_2y", "equity"]}
KINDS = {"eur": "price", "ust_2y": "yield", "equity": "price"}


def test_a_yield_changes_by_differences_and_a_price_by_logs() -> None:
    frame = assets(300)
    result = cross_asset_by_day(frame.sample(frac=1, random_state=1), PANEL, KINDS)
    changes = np.column_stack([np.diff(np.log(frame["eur"])), np.diff(frame["ust_2y"]), np.diff(np.log(frame["equity"]))])
    np.testing.assert_array_equal(result["day"], frame["day"][1:])
    assert set(result["n_factors"]) == {1}
    for column, expected in (
        ("turbulence", turbulence(changes)),
        ("mean_corr_63d", mean_pairwise_correlation(changes)),
        ("mean_corr_252d", mean_pairwise_correlation(changes, window=252)),
        ("effective_rank", effective_rank(changes)),
    ):
        np.testing.assert_allclose(result[column].astype(float), expected, rtol=1e-12)
    assert result["absorption_ratio"].isna().all()


def test_panels_and_epochs_do_not_touch_each_other() -> None:
    first, second = assets(300), assets(280, "2021-01-01", seed=6)
    other = assets(260).assign(panel="q")
    both = cross_asset_by_day(pd.concat([second, other, first]), PANEL | {"q": ["equity", "eur"]}, KINDS)
    alone = pd.concat([cross_asset_by_day(frame, PANEL, KINDS) for frame in (first, second)], ignore_index=True)
    pd.testing.assert_frame_equal(both[both["panel"] == "p"].reset_index(drop=True), alone)
    assert len(both[both["panel"] == "q"]) == 259


def test_an_empty_panel_has_the_columns_of_a_full_one() -> None:
    empty = cross_asset_by_day(assets(300).head(0), PANEL, KINDS)
    assert list(empty.columns) == list(cross_asset_by_day(assets(300), PANEL, KINDS).columns)
    assert empty.empty
