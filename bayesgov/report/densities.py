"""Kernel density curves for prior-posterior figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats

_TAIL = 0.5  # per cent of prior draws left out on either side: heavy prior tails would hide the posterior
_WIDEST = 8.0  # the prior's curve is drawn over at most this many posterior ranges

_POINTS = 200  # of a curve


def density_curves(prior: Mapping[str, np.ndarray], posterior: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Densities of prior and posterior draws of the same parameters (ArviZ's kernel estimate, boundary-corrected).

    The prior's curve is cut to the central 99 % of its draws and to a few posterior ranges, and keeps its height.

    Parameters
    ----------
    prior, posterior : mapping of str to ndarray
        Parameter's name -> draws, any shape; the same names in both.

    Returns
    -------
    DataFrame
        Columns ``label``, ``series`` ("prior", "posterior"), ``x``, ``density``.

    Raises
    ------
    ValueError
        If the names differ.
    """
    if set(prior) != set(posterior):
        raise ValueError(
            f"prior and posterior need the same names; these differ: {sorted(set(prior) ^ set(posterior))}"
        )
    parts = []
    for label, draws in posterior.items():
        x, density = _curve(draws)
        parts.append(pd.DataFrame({"label": label, "series": "posterior", "x": x, "density": density}))
        x, density = _curve(prior[label])
        low, high = _window(np.ravel(prior[label]), np.ravel(draws))
        inside = (x >= low) & (x <= high)
        if inside.sum() < 2:  # the grid is coarser than the window: the prior is flat there
            x, density = np.array([low, high]), np.interp([low, high], x, density)
            inside = np.array([True, True])
        parts.append(pd.DataFrame({"label": label, "series": "prior", "x": x[inside], "density": density[inside]}))
    return pd.concat(parts, ignore_index=True)


def _curve(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.ravel(np.asarray(draws, dtype=float))
    low, high = np.percentile(values, [_TAIL, 100 - _TAIL])
    kept = values[(values >= low) & (values <= high)]
    x, density, _ = array_stats.kde(kept, grid_len=_POINTS)
    return x, density * kept.size / values.size


def _window(prior: np.ndarray, posterior: np.ndarray) -> tuple[float, float]:
    low, high = posterior.min(), posterior.max()
    reach = (_WIDEST - 1) / 2 * (high - low)
    return max(low - reach, float(np.percentile(prior, _TAIL))), min(
        high + reach, float(np.percentile(prior, 100 - _TAIL))
    )
