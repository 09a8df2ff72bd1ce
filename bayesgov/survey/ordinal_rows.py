r"""Log probabilities of single outcomes under the three families of ordinal models, with derivatives.

With :math:`e_k = \theta_k - \eta_k` for each threshold and latent scale :math:`s`:

- cumulative: :math:`P(y \le k) = F(e_k / s)` (McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x);
- adjacent: :math:`P(y = k \mid y \in \{k, k + 1\}) = F(e_k)`;
- continuation: :math:`P(y = k \mid y \ge k) = F(e_k)`, the stopping ratio.

Only the last two need all the thresholds of a row; callers pass rows in chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from bayesgov.survey.links import log_interval
from bayesgov.survey.spec import Family, Link


@dataclass(frozen=True, slots=True)
class LevelRows:
    """log P(y = level) of some rows, with derivatives in e of the thresholds it depends on and in log s.

    Attributes
    ----------
    thresholds : tuple of int, length m
    value : ndarray, shape (n_rows,)
    slope : ndarray, shape (m, n_rows)
    curvature : dict of (int, int) to ndarray, shape (n_rows,)
        Second derivatives for positions i <= j in ``thresholds``; pairs that are absent are zero.
    scale_slope, scale_curvature : ndarray, shape (n_rows,)
    scale_cross : ndarray, shape (m, n_rows)
        Derivatives of ``slope`` in log s; these three are empty (no rows) without a scale model.
    """

    thresholds: tuple[int, ...]
    value: np.ndarray
    slope: np.ndarray
    curvature: dict[tuple[int, int], np.ndarray]
    scale_slope: np.ndarray
    scale_cross: np.ndarray
    scale_curvature: np.ndarray


def needed_thresholds(family: Family, level: int, n_levels: int) -> tuple[int, ...]:
    """Thresholds that P(y = level) depends on, ascending."""
    last = n_levels - 2
    match family:
        case "cumulative":
            return tuple(k for k in (level - 1, level) if 0 <= k <= last)
        case "continuation":
            return tuple(range(min(level, last) + 1))
        case "adjacent":
            return tuple(range(last + 1))


def level_rows(
    family: Family, link: Link, level: int, n_levels: int, e: np.ndarray, log_scale: np.ndarray | None = None
) -> LevelRows:
    """log P(y = level) with derivatives.

    Parameters
    ----------
    family, link, level, n_levels
    e : ndarray, shape (m, n_rows)
        For each of :func:`needed_thresholds`, threshold minus linear predictor.
    log_scale : ndarray, shape (n_rows,), optional
        Cumulative family only.

    Returns
    -------
    LevelRows
    """
    match family:
        case "cumulative":
            return _cumulative(link, level, n_levels, e, log_scale)
        case "continuation":
            return _continuation(link, level, n_levels, e)
        case "adjacent":
            return _adjacent(link, level, e)


def _bounds(level: int, n_levels: int, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of a level's interval; e has one row at either end and two in between."""
    lower = e[0] if level > 0 else np.full(e.shape[1], -np.inf)
    upper = e[-1] if level < n_levels - 1 else np.full(e.shape[1], np.inf)
    return lower, upper


def _cumulative(link: Link, level: int, n_levels: int, e: np.ndarray, log_scale: np.ndarray | None) -> LevelRows:
    thresholds = needed_thresholds("cumulative", level, n_levels)
    inverse = np.ones(1) if log_scale is None else np.exp(-log_scale)
    bounds = e * inverse
    found = log_interval(link, *_bounds(level, n_levels, bounds))
    upper_only, lower_only = level == 0, level == n_levels - 1
    if upper_only or lower_only:
        slope = (found.d_upper if upper_only else found.d_lower)[None]
        curvature = {(0, 0): found.d2_upper if upper_only else found.d2_lower}
    else:
        slope = np.stack([found.d_lower, found.d_upper])
        curvature = {(0, 0): found.d2_lower, (0, 1): found.d2_cross, (1, 1): found.d2_upper}
    if log_scale is None:
        return LevelRows(thresholds, found.value, slope, curvature, *_no_scale(len(thresholds)))
    # e / s moves by -e / s for each unit of log s
    m = len(bounds)
    bent = np.stack(
        [sum((curvature[min(i, j), max(i, j)] * bounds[j] for j in range(m)), np.zeros(1)) for i in range(m)]
    )
    return LevelRows(
        thresholds=thresholds,
        value=found.value,
        slope=slope * inverse,
        curvature={pair: part * inverse**2 for pair, part in curvature.items()},
        scale_slope=-(bounds * slope).sum(axis=0),
        scale_cross=-(slope + bent) * inverse,
        scale_curvature=(bounds * (slope + bent)).sum(axis=0),
    )


def _continuation(link: Link, level: int, n_levels: int, e: np.ndarray) -> LevelRows:
    # log P(y = k) = sum over j < k of log(1 - F(e_j)), plus log F(e_k) unless k is the last level
    thresholds = needed_thresholds("continuation", level, n_levels)
    passed = log_interval(link, e[:level], np.full((1, 1), np.inf))
    value, slope, bend = passed.value.sum(axis=0), passed.d_lower, passed.d2_lower
    if level < n_levels - 1:
        stopped = log_interval(link, np.full((1, 1), -np.inf), e[level:])
        value = value + stopped.value[0]
        slope, bend = np.concatenate([slope, stopped.d_upper]), np.concatenate([bend, stopped.d2_upper])
    curvature = {(i, i): bend[i] for i in range(len(thresholds))}
    return LevelRows(thresholds, value, slope, curvature, *_no_scale(len(thresholds)))


def _adjacent(link: Link, level: int, e: np.ndarray) -> LevelRows:
    # log P(y = k) = c_k - log sum exp c, with c_k = sum over j < k of l_j and l_j = log(1 - F(e_j)) - log F(e_j)
    m = len(e)
    above, below = log_interval(link, e, np.full((1, 1), np.inf)), log_interval(link, np.full((1, 1), -np.inf), e)
    heights = _adjacent_heights(below.value, above.value)
    log_probability = heights - logsumexp(heights, axis=0)
    tail = np.exp(log_probability[::-1]).cumsum(axis=0)[-2::-1]  # P(y > j)
    d_log_odds, d2_log_odds = above.d_lower - below.d_upper, above.d2_lower - below.d2_upper
    pull: np.ndarray = (np.arange(m) < level)[:, None] - tail
    # d2 / dl_i dl_j = -(P(y > max(i, j)) - P(y > i) P(y > j))
    curvature = {
        (i, j): -tail[j] * (1 - tail[i]) * d_log_odds[i] * d_log_odds[j] + (pull[i] * d2_log_odds[i] if i == j else 0.0)
        for i in range(m)
        for j in range(i, m)
    }
    return LevelRows(tuple(range(m)), log_probability[level], pull * d_log_odds, curvature, *_no_scale(m))


def _adjacent_heights(log_below: np.ndarray, log_above: np.ndarray) -> np.ndarray:
    """Unnormalised log probabilities of all levels, shape (m + 1, n_rows)."""
    start = np.zeros((1, *log_below.shape[1:]))
    return np.concatenate([start, np.cumsum(log_above - log_below, axis=0)])


def _no_scale(m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros(0), np.zeros((m, 0)), np.zeros(0)
