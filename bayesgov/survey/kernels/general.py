"""Every family, link, scale model and nominal effect over rows sorted by category: plain loops, one row after another.

With u_k = (threshold_k - eta_k) / s, eta_k = offset + x' beta + group_effect + z' departure_k and log s = w' log_scale:

cumulative     log P(y = k) = log(F(u_k) - F(u_{k-1}))
adjacent       log P(y = k) = sum_{j < k} t_j - log sum_m exp(sum_{j < m} t_j),  t_j = log(1 - F(u_j)) - log F(u_j)
continuation   log P(y = k) = sum_{j < k} log(1 - F(u_j)) + log F(u_k)

``family`` is the position in :data:`FAMILIES`, ``link`` that in :data:`bayesgov.survey.spec.LINKS`.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesgov.survey.kernels.links import log_above, log_below, log_interval, log_slope

FAMILIES = ("cumulative", "adjacent", "continuation")


@numba.njit(error_model="numpy")
def log_probability(family: int, link: int, k: int, u: np.ndarray, d_u: np.ndarray) -> float:
    """log P(y = k) of one row; ``d_u`` (n_categories - 1,) is filled with its derivatives."""
    last = u.size
    d_u[:] = 0.0
    if family == 0:
        if k == 0:
            value = log_below(link, u[0])
        elif k == last:
            value = log_above(link, u[last - 1])
        else:
            value = log_interval(link, u[k - 1], u[k])
        if k < last:
            d_u[k] = math.exp(log_slope(link, u[k]) - value)
        if k > 0:
            d_u[k - 1] = -math.exp(log_slope(link, u[k - 1]) - value)
        return value
    if family == 1:
        return _adjacent(link, k, u, d_u)
    value = 0.0
    for j in range(k):
        above = log_above(link, u[j])
        value += above
        d_u[j] = -math.exp(log_slope(link, u[j]) - above)
    if k < last:
        below = log_below(link, u[k])
        value += below
        d_u[k] = math.exp(log_slope(link, u[k]) - below)
    return value


@numba.njit(error_model="numpy")
def _adjacent(link: int, k: int, u: np.ndarray, d_u: np.ndarray) -> float:
    last = u.size
    # the largest sum of t_j first, so that no exponential overflows
    highest, height, own = 0.0, 0.0, 0.0
    for j in range(last):
        height += log_above(link, u[j]) - log_below(link, u[j])
        highest = max(highest, height)
        if j < k:
            own = height
    mass, height = math.exp(-highest), 0.0
    for j in range(last):
        height += log_above(link, u[j]) - log_below(link, u[j])
        mass += math.exp(height - highest)
    tail = 0.0
    for j in range(last - 1, -1, -1):
        above, below = log_above(link, u[j]), log_below(link, u[j])
        tail += math.exp(height - highest) / mass  # P(y > j)
        height -= above - below
        slope = log_slope(link, u[j])
        # dt / du = -F' / (F (1 - F)) = -(F' / F + F' / (1 - F))
        d_u[j] = ((1.0 if k > j else 0.0) - tail) * -(math.exp(slope - below) + math.exp(slope - above))
    return own - highest - math.log(mass)


@numba.njit(error_model="numpy", nogil=True)
def ordinal(
    family: int,
    link: int,
    x: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    offset: np.ndarray,
    group: np.ndarray,
    nominal: np.ndarray,
    scale_x: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    departure: np.ndarray,
    log_scale: np.ndarray,
    d_beta: np.ndarray,
    d_threshold: np.ndarray,
    d_group: np.ndarray,
    d_departure: np.ndarray,
    d_log_scale: np.ndarray,
    d_offset: np.ndarray,
) -> float:
    """Log-likelihood; the derivatives are filled. Arguments not named here as in ``kernels.logit.cumulative_logit``.

    Parameters
    ----------
    nominal : ndarray of int, shape (n_nominal,)
        Rows of ``x`` whose effects differ between thresholds.
    scale_x : ndarray, shape (n_scale_terms, n_obs)
    departure, d_departure : ndarray, shape (n_nominal, n_categories - 1)
    log_scale, d_log_scale : ndarray, shape (n_scale_terms,)
    """
    n_cuts = threshold.size
    for derivative in (d_beta, d_threshold, d_group, d_log_scale):
        derivative[:] = 0.0
    d_departure[:, :] = 0.0
    u, d_u = np.empty(n_cuts), np.empty(n_cuts)
    value = 0.0
    for k in range(n_cuts + 1):
        for i in range(starts[k], starts[k + 1]):
            weight = weights[i] if weights.size else 1.0
            eta = offset[i]
            if group_effect.size:
                eta += group_effect[group[i]]
            for j in range(beta.size):
                eta += beta[j] * x[j, i]
            log_s = 0.0
            for j in range(log_scale.size):
                log_s += log_scale[j] * scale_x[j, i]
            inverse = math.exp(-log_s)
            for m in range(n_cuts):
                u[m] = threshold[m] - eta
                for j in range(nominal.size):
                    u[m] -= departure[j, m] * x[nominal[j], i]
                u[m] *= inverse
            value += weight * log_probability(family, link, k, u, d_u)
            d_eta, d_s = 0.0, 0.0
            for m in range(n_cuts):
                if d_u[m] == 0.0:
                    continue
                d_s -= weight * d_u[m] * u[m]
                pull = weight * d_u[m] * inverse
                d_threshold[m] += pull
                d_eta -= pull
                for j in range(nominal.size):
                    d_departure[j, m] -= pull * x[nominal[j], i]
            for j in range(beta.size):
                d_beta[j] += d_eta * x[j, i]
            if group_effect.size:
                d_group[group[i]] += d_eta
            for j in range(log_scale.size):
                d_log_scale[j] += d_s * scale_x[j, i]
            if d_offset.size:
                d_offset[i] = d_eta
    return value
