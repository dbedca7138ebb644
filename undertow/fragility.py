"""The composite of market fragility: pillars in [0, 1], weighed by how strongly they move together.

Pure functions on arrays. Source: Holló, Kremer and Lo Duca, "CISS - a composite indicator of systemic stress in the financial
system", ECB Working Paper 1426, 2012: sub-indices are ranks, deviations are taken from 0.5, correlations are weighed
exponentially with 0.93 a week, and the composite is the quadratic form of the weighted sub-indices. Here the grid is of
weekdays, so the weight of a day is 0.93 to the power of a fifth, and the correlations of a day are those of the days on
which all pillars present on it were present: one sample for all pairs, so that the matrix is one of correlations.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

__all__ = ["DECAY", "LEAST_COVERAGE", "LEAST_DAYS", "ciss", "composite_by_day", "contributions", "correlations"]

DECAY = 0.93 ** (1 / 5)  # of the weight of a day in the correlations, per weekday
LEAST_COVERAGE = 0.6  # of the weights; below it there is no composite
LEAST_DAYS = 20  # with all pillars of the day; below it their correlation says nothing, and there is no quadratic form


def contributions(scores: np.ndarray, weights: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Return what each pillar adds to the composite: (w o p) times its row of C (w o p).

    Args:
        scores: (N,) pillars in [0, 1].
        weights: (N,) weights that sum to one.
        correlation: (N, N) correlations between the pillars.

    Returns:
        (N,) contributions; their sum is the composite.
    """
    weighted = weights * scores
    return weighted * (correlation @ weighted)


def ciss(scores: np.ndarray, weights: np.ndarray, correlation: np.ndarray) -> float:
    """Return the composite (w o p)' C (w o p), in [0, 1]; shapes as in ``contributions``.

    Example:
        >>> C = np.array([[1, 0.5, 0.2], [0.5, 1, 0.1], [0.2, 0.1, 1]])
        >>> round(ciss(np.array([0.9, 0.5, 0.2]), np.array([0.5, 0.3, 0.2]), C), 12)
        0.3025
    """
    return float(contributions(scores, weights, correlation).sum())


def correlations(scores: np.ndarray, *, decay: float = DECAY) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each day, the exponentially weighted correlations of the deviations from 0.5, up to that day.

    Args:
        scores: (T, N) pillars in [0, 1], NaN where absent; days on which one is absent weigh nothing and do not age the others.
        decay: weight of a day against the one after it, in (0, 1).

    Returns:
        (T, N, N) correlations, the identity where a pillar has been at 0.5 all along or no day was whole; and (T,) the number
        of whole days so far.
    """
    days, count = scores.shape
    matrices = np.empty((days, count, count))
    second = np.zeros((count, count))
    current = np.eye(count)
    for day in range(days):
        deviation = scores[day] - 0.5
        if np.isfinite(deviation).all():
            second = decay * second + (1 - decay) * np.outer(deviation, deviation)
            spread = np.sqrt(np.diag(second))
            product = np.outer(spread, spread)
            current = np.divide(second, product, out=np.zeros_like(second), where=product > 0).clip(-1, 1)
            np.fill_diagonal(current, 1.0)
        matrices[day] = current
    return matrices, np.cumsum(np.isfinite(scores).all(axis=1))


def composite_by_day(rows: pd.DataFrame, weights: Mapping[str, float]) -> pd.DataFrame:
    """Return the composite of each day.

    Args:
        rows: columns day, pillar, score (NaN where the pillar is absent); any order, one row a day and pillar.
        weights: the weight of each pillar; they sum to one.

    Returns:
        One row a day, in order: ``day``, ``coverage`` (the weight of the pillars present), ``n_days`` (days so far with all of
        them), ``composite_mean``, ``composite_ciss``, ``composite_ciss_sqrt`` and ``contribution_<pillar>``. Weights are taken
        over the pillars present; composites are NaN where these weigh less than ``LEAST_COVERAGE``, and the quadratic form
        and its parts also before ``LEAST_DAYS`` days.
    """
    pillars = list(weights)
    wide = rows.pivot(index="day", columns="pillar", values="score").reindex(columns=pillars).sort_index()
    scores = wide.to_numpy(dtype=float)
    weight = np.array([weights[pillar] for pillar in pillars], dtype=float)
    present = np.isfinite(scores)
    coverage = present @ weight
    enough = coverage >= LEAST_COVERAGE - 1e-9
    n_days = np.zeros(len(wide), dtype=np.int64)
    mean = np.full(len(wide), np.nan)
    parts = np.full(scores.shape, np.nan)
    # a day's correlations are those of its own set of pillars; few sets occur
    for members in np.unique(present[enough], axis=0):
        here = enough & (present == members).all(axis=1)
        share = weight[members] / weight[members].sum()
        matrices, so_far = correlations(scores[:, members])
        n_days[here] = so_far[here]
        mean[here] = scores[np.ix_(here, members)] @ share
        told = np.flatnonzero(here & (so_far >= LEAST_DAYS))
        weighted = scores[np.ix_(told, members)] * share
        parts[np.ix_(told, members)] = weighted * np.einsum("tij,tj->ti", matrices[told], weighted)
    whole = np.isfinite(parts).any(axis=1)
    total = np.where(whole, np.nansum(parts, axis=1).clip(0.0, 1.0), np.nan)
    columns = {
        "day": wide.index,
        "coverage": np.where(present.any(axis=1), coverage.clip(0.0, 1.0), 0.0),
        "n_days": n_days,
        "composite_mean": mean,
        "composite_ciss": total,
        "composite_ciss_sqrt": np.sqrt(total),
    }
    columns |= {f"contribution_{pillar}": parts[:, place] for place, pillar in enumerate(pillars)}
    return pd.DataFrame(columns).reset_index(drop=True)
