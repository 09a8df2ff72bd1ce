"""Whether predicted probabilities of an ordered outcome come true: probability integral transform, reliability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def pit_histogram(
    probability: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, bins: int = 10
) -> pd.DataFrame:
    """Non-randomised histogram of the probability integral transform (Czado, Gneiting & Held 2009, section 3.1).

    doi:10.1111/j.1541-0420.2009.01191.x. An outcome spreads its weight evenly over [P(y < y_i), P(y <= y_i)]. Flat at
    one: calibrated; a U: predictions too narrow; a hill: too wide; a slope: shifted.

    Parameters
    ----------
    probability : ndarray, shape (n_obs, n_categories)
        Predicted before the outcome was seen.
    y : ndarray of int, shape (n_obs,)
    weights : ndarray, shape (n_obs,), optional
    bins : int

    Returns
    -------
    pandas.DataFrame
        Columns ``lower``, ``upper`` and ``density``, which averages one.
    """
    edge = np.linspace(0, 1, bins + 1)
    upper = np.take_along_axis(np.cumsum(probability, axis=1), y[:, None], axis=1)
    width = np.take_along_axis(probability, y[:, None], axis=1)
    # F_i(u) = (u - P_i(y_i - 1)) / (P_i(y_i) - P_i(y_i - 1)), held to [0, 1]
    share = np.clip((edge - (upper - width)) / np.maximum(width, np.finfo(float).tiny), 0, 1)
    share[:, [0, -1]] = 0, 1
    average = np.average(share, axis=0, weights=weights)
    return pd.DataFrame({"lower": edge[:-1], "upper": edge[1:], "density": np.diff(average) * bins})


def reliability(
    probability: np.ndarray,
    y: np.ndarray,
    levels: Sequence[str],
    *,
    weights: np.ndarray,
    unit: np.ndarray | None = None,
    bins: int = 10,
) -> pd.DataFrame:
    """Predicted against observed shares of every level, in bins of equally many observations.

    Parameters
    ----------
    probability : ndarray, shape (n_obs, n_categories)
    y : ndarray of int, shape (n_obs,)
    levels : sequence of str, length n_categories
    weights : ndarray, shape (n_obs,)
    unit : ndarray of int, shape (n_obs,), optional
        Clusters, as in :func:`mean_with_error`.
    bins : int
        At most; rows with the same prediction share a bin.

    Returns
    -------
    pandas.DataFrame
        Columns ``level``, ``bin``, ``rows`` (observations), ``predicted``, ``observed`` and ``std_error`` of their
        difference (NaN where a bin has one cluster).
    """
    rows = []
    for category, level in enumerate(levels):
        chance, happened = probability[:, category], (y == category).astype(float)
        place = _bins(chance, weights, bins)
        for number, code in enumerate(np.unique(place), start=1):
            here = place == code
            mass = weights[here]
            _, error = mean_with_error(happened[here] - chance[here], mass, None if unit is None else unit[here])
            predicted, observed = (float(mass @ values[here] / mass.sum()) for values in (chance, happened))
            rows.append((level, number, float(mass.sum()), predicted, observed, error))
    return pd.DataFrame(rows, columns=["level", "bin", "rows", "predicted", "observed", "std_error"])


def mean_with_error(values: np.ndarray, weights: np.ndarray, unit: np.ndarray | None = None) -> tuple[float, float]:
    """Weighted mean with its standard error, from sums over clusters where there are any.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
    weights : ndarray, shape (n_rows,)
        Frequencies.
    unit : ndarray of int, shape (n_rows,), optional
        Clusters; without, every observation is one.

    Returns
    -------
    mean, std_error : float
        sqrt(G / (G - 1) sum_g s_g²) / n with s_g a cluster's weighted sum of deviations; NaN with one cluster.
    """
    total = float(weights.sum())
    mean = float(weights @ values / total)
    deviation = values - mean
    if unit is None:
        n, squares = total, float(weights @ deviation**2)
    else:
        codes = np.unique(unit, return_inverse=True)[1]
        sums = np.bincount(codes, weights * deviation)
        n, squares = float(sums.size), float(sums @ sums)
    error = np.sqrt(n / (n - 1) * squares) / total if n > 1 else np.nan
    return mean, float(error)


def _bins(chance: np.ndarray, weights: np.ndarray, bins: int) -> np.ndarray:
    """Bin of every row by the rank of its prediction, weights counted."""
    _, inverse = np.unique(chance, return_inverse=True)
    mass = np.bincount(inverse, weights)
    middle = (np.cumsum(mass) - 0.5 * mass) / mass.sum()
    return np.asarray(np.floor(middle * bins).astype(np.int64)[inverse])
