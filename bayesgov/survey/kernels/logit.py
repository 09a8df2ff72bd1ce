"""The cumulative logit over rows sorted by category: the fast path.

Within one category every row has the same two thresholds, so the loops have no branches and LLVM vectorises them. With
t = eta - theta_k, s = theta_{k-1} - eta and log(1 + exp(t)) = max(t, 0) + log(1 + exp(-|t|)),

    log P(y = k) = -log(1 + exp(t)) - log(1 + exp(s)) + log(1 - exp(-(theta_k - theta_{k-1}))).

The last term is one number for each category. The factors 1 + exp(-|t|) lie between 1 and 2, so the product of 2 * 256
of them stays in range, and one logarithm serves a block of 256 rows.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesgov.survey.kernels.arithmetic import dot, exp_minus, product, total

BLOCK = 256  # rows; their predictors stay in the first-level cache between the two passes over them


@numba.njit(error_model="numpy", nogil=True, fastmath={"contract"})
def cumulative_logit(
    x: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    offset: np.ndarray,
    group: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    d_beta: np.ndarray,
    d_threshold: np.ndarray,
    d_group: np.ndarray,
    d_offset: np.ndarray,
) -> float:
    """Log-likelihood of eta = offset + x' beta + group_effect[group]; the derivatives are filled.

    Parameters
    ----------
    x : ndarray, shape (n_terms, n_obs)
        One predictor a row of the array.
    starts : ndarray of int, shape (n_categories + 1,)
        Observations ``starts[k]:starts[k + 1]`` are of category k.
    weights : ndarray, shape (n_obs,) or (0,)
        Empty where all are one.
    offset, group : ndarray, shape (n_obs,)
    beta, d_beta : ndarray, shape (n_terms,)
    threshold, d_threshold : ndarray, shape (n_categories - 1,)
        Increasing; otherwise the value is -inf.
    group_effect, d_group : ndarray, shape (n_groups,) or (0,)
    d_offset : ndarray, shape (n_obs,) or (0,)
        Filled where it is not empty.

    Returns
    -------
    float
    """
    n_terms = x.shape[0]
    n_categories = starts.size - 1
    eta, factor, positive = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    upper, slope = np.empty(BLOCK), np.empty(BLOCK)
    d_beta[:] = 0.0
    d_threshold[:] = 0.0
    d_group[:] = 0.0
    value = 0.0
    for k in range(n_categories):
        has_upper, has_lower = k < n_categories - 1, k > 0
        above = threshold[k] if has_upper else 0.0
        below = threshold[k - 1] if has_lower else 0.0
        mass = 0.0
        for first in range(starts[k], starts[k + 1], BLOCK):
            n = min(BLOCK, starts[k + 1] - first)
            _predict(x, offset, group, beta, group_effect, first, n, eta)
            if has_upper and has_lower:
                _between(eta, above, below, n, factor, positive, upper, slope)
            elif has_upper:
                _under(eta, above, n, factor, positive, upper, slope)
            else:
                _over(eta, below, n, factor, positive, upper, slope)
            if weights.size:
                for i in range(n):
                    weight = weights[first + i]
                    value -= weight * (math.log(factor[i]) + positive[i])
                    mass += weight
                    upper[i] *= weight
                    slope[i] *= weight
            else:
                value -= math.log(product(factor, n)) + total(positive, n)
                mass += n
            upper_sum = total(upper, n)
            if has_upper:
                d_threshold[k] += upper_sum
            if has_lower:
                d_threshold[k - 1] -= total(slope, n) + upper_sum
            for j in range(n_terms):
                d_beta[j] += dot(x[j, first : first + n], slope, n)
            if group_effect.size:
                for i in range(n):
                    d_group[group[first + i]] += slope[i]
            if d_offset.size:
                d_offset[first : first + n] = slope[:n]
        if has_upper and has_lower:
            gap = above - below
            if gap <= 0.0:
                return -np.inf
            value += mass * math.log(-math.expm1(-gap))
            pull = mass / math.expm1(gap)  # d log(1 - exp(-gap)) / d gap = 1 / (exp(gap) - 1)
            d_threshold[k] += pull
            d_threshold[k - 1] -= pull
    return value


@numba.njit(error_model="numpy", fastmath={"contract"})
def _predict(
    x: np.ndarray,
    offset: np.ndarray,
    group: np.ndarray,
    beta: np.ndarray,
    group_effect: np.ndarray,
    first: int,
    n: int,
    eta: np.ndarray,
) -> None:
    """Linear predictor of one block."""
    for i in range(n):
        eta[i] = offset[first + i]
    if group_effect.size:
        for i in range(n):
            eta[i] += group_effect[group[first + i]]
    for j in range(beta.size):
        slope, column = beta[j], x[j, first : first + n]
        for i in range(n):
            eta[i] += slope * column[i]


@numba.njit(error_model="numpy", fastmath={"contract"})
def _between(
    eta: np.ndarray,
    above: float,
    below: float,
    n: int,
    factor: np.ndarray,
    positive: np.ndarray,
    upper: np.ndarray,
    slope: np.ndarray,
) -> None:
    """A middle category: ``upper`` = F(eta - above), ``slope`` = F(below - eta) - F(eta - above)."""
    for i in range(n):
        t, s = eta[i] - above, below - eta[i]
        small_t, small_s = exp_minus(abs(t)), exp_minus(abs(s))
        share_t, share_s = 1.0 / (1.0 + small_t), 1.0 / (1.0 + small_s)
        factor[i] = (1.0 + small_t) * (1.0 + small_s)
        positive[i] = max(t, 0.0) + max(s, 0.0)
        upper[i] = share_t if t >= 0.0 else small_t * share_t
        slope[i] = (share_s if s >= 0.0 else small_s * share_s) - upper[i]


@numba.njit(error_model="numpy", fastmath={"contract"})
def _under(
    eta: np.ndarray,
    above: float,
    n: int,
    factor: np.ndarray,
    positive: np.ndarray,
    upper: np.ndarray,
    slope: np.ndarray,
) -> None:
    """The lowest category: ``upper`` = F(eta - above) = -``slope``."""
    for i in range(n):
        t = eta[i] - above
        small = exp_minus(abs(t))
        share = 1.0 / (1.0 + small)
        factor[i] = 1.0 + small
        positive[i] = max(t, 0.0)
        upper[i] = share if t >= 0.0 else small * share
        slope[i] = -upper[i]


@numba.njit(error_model="numpy", fastmath={"contract"})
def _over(
    eta: np.ndarray,
    below: float,
    n: int,
    factor: np.ndarray,
    positive: np.ndarray,
    upper: np.ndarray,
    slope: np.ndarray,
) -> None:
    """The highest category: ``slope`` = F(below - eta), ``upper`` = 0."""
    for i in range(n):
        s = below - eta[i]
        small = exp_minus(abs(s))
        share = 1.0 / (1.0 + small)
        factor[i] = 1.0 + small
        positive[i] = max(s, 0.0)
        upper[i] = 0.0
        slope[i] = share if s >= 0.0 else small * share
