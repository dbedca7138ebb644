"""Linear algebra of co-movement: absorption ratio and its shift, turbulence, effective rank, mean pairwise correlation.

Pure functions on arrays. Sources: Kritzman, Li, Page and Rigobon, "Principal Components as a Measure of Systemic Risk",
Journal of Portfolio Management 37(4), 2011 (absorption ratio and its standardised shift); Kritzman and Li, "Skulls,
Financial Turbulence, and Risk Management", Financial Analysts Journal 66(5), 2010 (turbulence); Roy and Vetterli, "The
effective rank", EUSIPCO 2007. Windows here weigh all days equally, and the moments of turbulence end before its day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

__all__ = [
    "absorption_ratio",
    "absorption_shift",
    "coupling_by_day",
    "cross_asset_by_day",
    "effective_rank",
    "mean_pairwise_correlation",
    "squared_distance",
    "turbulence",
]

_BLOCK = 512  # windows handled at once, so that memory stays bounded
WORST_CONDITION = 1e10  # of a covariance matrix; a worse one gets a ridge that leaves it this one


def _windows(returns: np.ndarray, length: int) -> np.ndarray:
    """Return a view (T - length + 1, N, length) of all full windows of (T, N) returns."""
    return np.lib.stride_tricks.sliding_window_view(returns, length, axis=0)


def _moments(returns: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the means (T - length + 1, N) and covariances (T - length + 1, N, N), ddof 1, of all full windows of returns."""
    views = _windows(returns, length)
    means = np.empty(views.shape[:2])
    matrices = np.empty((views.shape[0], returns.shape[1], returns.shape[1]))
    for start in range(0, views.shape[0], _BLOCK):
        block = views[start : start + _BLOCK]
        mean = block.mean(axis=2, keepdims=True)
        centred = block - mean
        means[start : start + _BLOCK] = mean[:, :, 0]
        matrices[start : start + _BLOCK] = centred @ centred.transpose(0, 2, 1) / (length - 1)
    return means, matrices


def _covariances(returns: np.ndarray, length: int) -> np.ndarray:
    """Return the covariance matrices of all full windows of (T, N) returns."""
    return _moments(returns, length)[1]


def _correlations(returns: np.ndarray, length: int) -> np.ndarray:
    """Return the correlation matrices of all full windows of (T, N) returns; NaN where a column does not vary."""
    covariances = _covariances(returns, length)
    deviations = np.sqrt(np.einsum("tii->ti", covariances))
    with np.errstate(invalid="ignore", divide="ignore"):
        return covariances / deviations[:, :, None] / deviations[:, None, :]


def _eigenvalues(matrices: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of symmetric matrices, ascending and none below zero; NaN where a matrix is not finite."""
    values = np.full(matrices.shape[:2], np.nan)
    finite = np.isfinite(matrices).all(axis=(1, 2))
    values[finite] = np.maximum(np.linalg.eigvalsh(matrices[finite]), 0.0)
    return values


def absorption_ratio(returns: np.ndarray, *, window: int = 500, factors: int = 2, standardise: bool = False) -> np.ndarray:
    """Return the share of variance in the first ``factors`` eigenvectors of each rolling covariance matrix.

    Args:
        returns: (T, N) changes, no missing values.
        window: days in a window (equal weights).
        factors: eigenvectors counted; N / 5 rounded is the convention.
        standardise: take the correlation matrix, as changes in different units need it.

    Returns:
        (T,) ratios in [factors / N, 1]; NaN before the first full window and where nothing varies (with ``standardise``,
        where a column does not).
    """
    ratios = np.full(returns.shape[0], np.nan)
    if returns.shape[0] < window:
        return ratios
    matrices = _correlations(returns, window) if standardise else _covariances(returns, window)
    values = _eigenvalues(matrices)
    total = values.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios[window - 1 :] = np.where(total > 0, values[:, -factors:].sum(axis=1) / total, np.nan)
    return ratios


def absorption_shift(ratio: np.ndarray, *, short: int = 15, long: int = 252) -> np.ndarray:
    """Return (mean of the last ``short`` ratios - mean of the last ``long``) / their standard deviation (ddof 1).

    Args:
        ratio: (T,) absorption ratios, NaN where undefined.
        short: days of the short mean.
        long: days of the long mean and deviation.

    Returns:
        (T,) shifts in standard deviations; NaN until ``long`` ratios exist and where they do not vary.
    """
    shifts = np.full(ratio.shape[0], np.nan)
    if ratio.shape[0] < long:
        return shifts
    windows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(ratio, long))
    with np.errstate(invalid="ignore"):
        spread = np.where(windows.max(axis=1) > windows.min(axis=1), windows.std(axis=1, ddof=1), np.nan)
        shifts[long - 1 :] = (windows[:, -short:].mean(axis=1) - windows.mean(axis=1)) / spread
    return shifts


def mean_pairwise_correlation(returns: np.ndarray, *, window: int = 63) -> np.ndarray:
    """Return the mean off-diagonal correlation of each rolling window.

    Args:
        returns: (T, N) changes, N at least 2, no missing values.
        window: days in a window.

    Returns:
        (T,) means in [-1 / (N - 1), 1]; NaN before the first full window and where a column does not vary.
    """
    means = np.full(returns.shape[0], np.nan)
    if returns.shape[0] < window:
        return means
    count = returns.shape[1]
    off_diagonal = _correlations(returns, window).sum(axis=(1, 2)) - count
    means[window - 1 :] = off_diagonal / (count * (count - 1))
    return means


def effective_rank(returns: np.ndarray, *, window: int = 252) -> np.ndarray:
    """Return how many independent directions each rolling correlation matrix has: exp of the entropy of its eigenvalues.

    Args:
        returns: (T, N) changes, no missing values.
        window: days in a window.

    Returns:
        (T,) ranks in [1, N]; NaN before the first full window and where a column does not vary.
    """
    ranks = np.full(returns.shape[0], np.nan)
    if returns.shape[0] < window:
        return ranks
    shares = _eigenvalues(_correlations(returns, window)) / returns.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(shares == 0, 0.0, shares * np.log(shares)).sum(axis=1)
    ranks[window - 1 :] = np.exp(entropy)
    return ranks


def squared_distance(changes: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Return (r - mean)' inverse(covariance) (r - mean) / N for each day: the Mahalanobis distance, squared, per asset.

    Columns are brought to one scale first, which changes no distance. A covariance whose condition number is then worse than
    ``WORST_CONDITION`` gets a ridge.

    Args:
        changes: (T, N) changes.
        means: (T, N) what each day is compared with.
        covariances: (T, N, N) likewise.

    Returns:
        (T,) distances, 0 or more; NaN where a column does not vary.
    """
    deviations = np.sqrt(np.einsum("tii->ti", covariances))
    distances = np.full(changes.shape[0], np.nan)
    varied = (deviations > 0).all(axis=1) & np.isfinite(covariances).all(axis=(1, 2))
    if not varied.any():
        return distances
    scale = deviations[varied]
    values, vectors = np.linalg.eigh(covariances[varied] / scale[:, :, None] / scale[:, None, :])
    largest = values[:, -1:]
    poor = values[:, :1] * WORST_CONDITION < largest
    values = np.where(poor, np.maximum(values, 0.0) + largest / WORST_CONDITION, values)
    standard = (changes - means)[varied] / scale
    turned = np.einsum("tij,ti->tj", vectors, standard)
    distances[varied] = (turned * turned / values).sum(axis=1) / changes.shape[1]
    return distances


def turbulence(returns: np.ndarray, *, window: int = 252) -> np.ndarray:
    """Return how unusual each day's changes are against mean and covariance of the ``window`` days before it.

    Args:
        returns: (T, N) changes, no missing values, N less than ``window``.
        window: days of the moments; the day itself is none of them.

    Returns:
        (T,) squared distances per asset, about 1 on an ordinary day; NaN until ``window`` days stand before.
    """
    result = np.full(returns.shape[0], np.nan)
    if returns.shape[0] <= window:
        return result
    means, covariances = _moments(returns[:-1], window)
    result[window:] = squared_distance(returns[window:], means, covariances)
    return result


def _objects(result: pd.DataFrame) -> pd.DataFrame:
    """Return measures by day with None for NaN, as the warehouse reads them."""
    return result.astype(object).where(result.notna(), None).astype({"epoch_at": "datetime64[us]", "day": "datetime64[us]"})


def coupling_by_day(panel: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the coupling measures of a panel of exchange rates, for each epoch and day.

    Args:
        panel: one row a day and epoch with ``epoch_at``, ``day`` and one positive rate a column of ``columns``.
        columns: the rates; log changes are taken from one row to the next.

    Returns:
        Columns epoch_at, day, absorption_ratio (500 days, 2 factors), absorption_shift (15 against 252 days),
        mean_corr_63d, mean_corr_252d; None where the window is not full.
    """
    frames = []
    for epoch, rows in panel.sort_values(["epoch_at", "day"]).groupby("epoch_at", sort=True):
        returns = np.diff(np.log(rows[list(columns)].to_numpy(dtype=float)), axis=0)
        ratio = absorption_ratio(returns)
        frame = pd.DataFrame(
            {
                "epoch_at": epoch,
                "day": rows["day"].to_numpy()[1:],
                "absorption_ratio": ratio,
                "absorption_shift": absorption_shift(ratio),
                "mean_corr_63d": mean_pairwise_correlation(returns, window=63),
                "mean_corr_252d": mean_pairwise_correlation(returns, window=252),
            }
        )
        frames.append(frame)
    names = ["epoch_at", "day", "absorption_ratio", "absorption_shift", "mean_corr_63d", "mean_corr_252d"]
    if not frames:
        empty = {name: pd.Series(dtype="float64") for name in names}
        empty["epoch_at"] = empty["day"] = pd.Series(dtype="datetime64[us]")
        return pd.DataFrame(empty)
    return _objects(pd.concat(frames, ignore_index=True))


_CROSS_ASSET = ("absorption_ratio", "absorption_shift", "turbulence", "mean_corr_63d", "mean_corr_252d", "effective_rank")


def cross_asset_by_day(days: pd.DataFrame, panels: Mapping[str, Sequence[str]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return the coupling measures of panels of assets in different units, for each panel, epoch and day.

    Every asset counts the same: the measures take correlations, and turbulence has no unit.

    Args:
        days: one row a panel, epoch and day with ``panel``, ``epoch_at``, ``day`` and one column for each asset.
        panels: the assets of each panel.
        kinds: of each asset ``yield`` (differences are taken) or another word (log changes).

    Returns:
        Columns panel, epoch_at, day, n_factors (a fifth of the assets, rounded), absorption_ratio (500 days),
        absorption_shift (15 against 252 days), turbulence (against 252 days before), mean_corr_63d, mean_corr_252d,
        effective_rank (252 days); None where the window is not full.
    """
    frames = []
    for panel, of_panel in days.sort_values(["panel", "epoch_at", "day"]).groupby("panel", sort=True):
        assets = panels[str(panel)]
        for epoch, rows in of_panel.groupby("epoch_at", sort=True):
            levels = np.array(rows[list(assets)], dtype=float, order="C")  # in one order, for sums follow it
            plain = np.array([kinds[asset] == "yield" for asset in assets])
            levels[:, ~plain] = np.log(levels[:, ~plain])
            returns = np.diff(levels, axis=0)
            factors = max(1, round(len(assets) / 5))
            ratio = absorption_ratio(returns, factors=factors, standardise=True)
            frames.append(
                pd.DataFrame(
                    {
                        "panel": panel,
                        "epoch_at": epoch,
                        "day": rows["day"].to_numpy()[1:],
                        "n_factors": factors,
                        "absorption_ratio": ratio,
                        "absorption_shift": absorption_shift(ratio),
                        "turbulence": turbulence(returns),
                        "mean_corr_63d": mean_pairwise_correlation(returns, window=63),
                        "mean_corr_252d": mean_pairwise_correlation(returns, window=252),
                        "effective_rank": effective_rank(returns),
                    }
                )
            )
    if not frames:
        empty: dict[str, pd.Series] = {"panel": pd.Series(dtype="str")}
        empty["epoch_at"] = empty["day"] = pd.Series(dtype="datetime64[us]")
        empty |= {name: pd.Series(dtype="float64") for name in ("n_factors", *_CROSS_ASSET)}
        return pd.DataFrame(empty)
    return _objects(pd.concat(frames, ignore_index=True))
