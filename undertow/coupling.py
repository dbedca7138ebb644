"""Linear algebra of co-movement: absorption ratio, its shift, and mean pairwise correlation. Pure functions on arrays.

Sources: Kritzman, Li, Page and Rigobon, "Principal Components as a Measure of Systemic Risk", Journal of Portfolio
Management 37(4), 2011 (absorption ratio and its standardised shift). Windows here weigh all days equally.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["absorption_ratio", "absorption_shift", "coupling_by_day", "mean_pairwise_correlation"]

_BLOCK = 512  # windows handled at once, so that memory stays bounded


def _windows(returns: np.ndarray, length: int) -> np.ndarray:
    """Return a view (T - length + 1, N, length) of all full windows of (T, N) returns."""
    return np.lib.stride_tricks.sliding_window_view(returns, length, axis=0)


def _covariances(returns: np.ndarray, length: int) -> np.ndarray:
    """Return the covariance matrices (T - length + 1, N, N), ddof 1, of all full windows of (T, N) returns."""
    views = _windows(returns, length)
    matrices = np.empty((views.shape[0], returns.shape[1], returns.shape[1]))
    for start in range(0, views.shape[0], _BLOCK):
        block = views[start : start + _BLOCK]
        centred = block - block.mean(axis=2, keepdims=True)
        matrices[start : start + _BLOCK] = centred @ centred.transpose(0, 2, 1) / (length - 1)
    return matrices


def absorption_ratio(returns: np.ndarray, *, window: int = 500, factors: int = 2) -> np.ndarray:
    """Return the share of variance in the first ``factors`` eigenvectors of each rolling covariance matrix.

    Args:
        returns: (T, N) changes, no missing values.
        window: days in a window (equal weights).
        factors: eigenvectors counted; N / 5 rounded is the convention.

    Returns:
        (T,) ratios in [factors / N, 1]; NaN before the first full window and where nothing varies.
    """
    ratios = np.full(returns.shape[0], np.nan)
    if returns.shape[0] < window:
        return ratios
    values = np.linalg.eigvalsh(_covariances(returns, window))
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
    covariances = _covariances(returns, window)
    deviations = np.sqrt(np.einsum("tii->ti", covariances))
    count = returns.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = covariances / deviations[:, :, None] / deviations[:, None, :]
        off_diagonal = correlations.sum(axis=(1, 2)) - count
        means[window - 1 :] = off_diagonal / (count * (count - 1))
    return means


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
    result = pd.concat(frames, ignore_index=True)
    return result.astype(object).where(result.notna(), None).astype({"epoch_at": "datetime64[us]", "day": "datetime64[us]"})
