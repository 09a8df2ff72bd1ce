"""The tree over what the missing discrete cells of one row may hold: forward for its probability, back for derivatives.

Columns stand in a sequence; each incomplete one has a cumulative-logit regression on all columns before it. A node at
column d is one combination of the row's missing cells before d, so a regression is evaluated once a node and not once
a combination of all missing cells. With E = exp(eta) one exponential serves every level, and thresholds at minus and
plus infinity make all levels alike, so that no branch depends on the data::

    P(level k) = (1 - exp(-(c_k - c_{k-1}))) / ((1 + E exp(-c_k)) (1 + exp(c_{k-1}) / E))

Derivatives are those of each regression times the posterior probability of the node (Fisher's identity), collected
from the leaves back to the root.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesgov.survey.kernels.general import log_probability

_BOUND = 350.0  # two such numbers differ by less than the largest exponent; beyond it nothing is ever likely
_TINY, _HUGE = 1e-100, 1e100


@numba.njit(error_model="numpy", inline="always")
def clipped(value: float) -> float:
    """A predictor or threshold within what exponentials can hold."""
    return min(max(value, -_BOUND), _BOUND)


@numba.njit(error_model="numpy", inline="always")
def unpack(
    phi: np.ndarray,
    start: np.ndarray,
    n_levels: np.ndarray,
    slopes: np.ndarray,
    over: np.ndarray,
    under: np.ndarray,
    gap: np.ndarray,
) -> None:
    """Slopes (column before, column) and, by level, exp(-c_k), exp(c_{k-1}) and 1 - exp(-(c_k - c_{k-1})).

    ``over`` and ``under`` come as zeros and ``gap`` as ones, which is what the outer levels keep.
    """
    for d in range(n_levels.size):
        position = start[d]
        threshold = clipped(phi[position])
        over[d, 0], under[d, 1] = math.exp(-threshold), math.exp(threshold)
        for m in range(1, n_levels[d] - 1):
            width = math.exp(clipped(phi[position + m]))
            threshold = min(threshold + width, _BOUND)
            over[d, m], under[d, m + 1] = math.exp(-threshold), math.exp(threshold)
            gap[d, m] = -math.expm1(-width)
        for k in range(start[d + 1] - position - n_levels[d] + 1):
            slopes[k, d] = phi[position + n_levels[d] - 1 + k]


@numba.njit(error_model="numpy", inline="always")
def pack(
    phi: np.ndarray,
    start: np.ndarray,
    n_levels: np.ndarray,
    gap: np.ndarray,
    d_cut: np.ndarray,
    d_gap: np.ndarray,
    d_slopes: np.ndarray,
    d_phi: np.ndarray,
) -> None:
    """Derivatives by ``phi``: the way back of :func:`unpack`; ``d_cut[d, k]`` is of the threshold below level k."""
    for d in range(n_levels.size):
        position, beyond = start[d], 0.0
        for m in range(n_levels[d] - 2, 0, -1):
            beyond += d_cut[d, m + 1]
            # d log(1 - exp(-w)) / dw = (1 - g) / g with g = 1 - exp(-w)
            d_width = beyond + d_gap[d, m] * (1.0 - gap[d, m]) / gap[d, m]
            d_phi[position + m] = math.exp(clipped(phi[position + m])) * d_width
        d_phi[position] = beyond + d_cut[d, 1]
        for k in range(start[d + 1] - position - n_levels[d] + 1):
            d_phi[position + n_levels[d] - 1 + k] = d_slopes[k, d]


@numba.njit(error_model="numpy", inline="always")
def row_predictors(row: np.ndarray, slopes: np.ndarray, predictor: np.ndarray) -> None:
    """Linear predictors of the incomplete columns from the cells that are known."""
    predictor[:] = 0.0
    for k in range(row.size):
        if row[k] != 0.0:
            for d in range(predictor.size):
                predictor[d] += row[k] * slopes[k, d]


@numba.njit(error_model="numpy", inline="always")
def find_holes(code: np.ndarray, i: int, holes: np.ndarray) -> int:
    """Fill ``holes`` with the columns in which row i is missing; how many there are."""
    count = 0
    for d in range(code.shape[1]):
        if code[i, d] < 0:
            holes[count] = d
            count += 1
    return count


@numba.njit(error_model="numpy", inline="always")
def spread(
    slopes: np.ndarray,
    first: int,
    d: int,
    value: np.ndarray,
    n_levels: np.ndarray,
    holes: np.ndarray,
    before: int,
    increment: np.ndarray,
) -> None:
    """Fill ``increment`` with what the first ``before`` missing cells add to column d's predictor, node by node."""
    size = 1
    increment[0] = 0.0
    for h in range(before):
        m = holes[h]
        slope = slopes[first + m, d]
        for node in range(size - 1, -1, -1):
            base = increment[node]
            for k in range(n_levels[m] - 1, -1, -1):
                increment[node * n_levels[m] + k] = base + slope * value[m, k]
        size *= n_levels[m]


@numba.njit(error_model="numpy", inline="always")
def collect(
    pull: np.ndarray,
    size: int,
    first: int,
    d: int,
    value: np.ndarray,
    n_levels: np.ndarray,
    holes: np.ndarray,
    before: int,
    d_slopes: np.ndarray,
) -> float:
    """The way back of :func:`spread`: derivatives of the slopes; the sum of ``pull`` over the nodes is returned."""
    for h in range(before - 1, -1, -1):
        m = holes[h]
        size //= n_levels[m]
        slope = 0.0
        for node in range(size):
            total = 0.0
            for k in range(n_levels[m]):
                own = pull[node * n_levels[m] + k]
                total += own
                slope += own * value[m, k]
            pull[node] = total
        d_slopes[first + m, d] += slope
    return pull[0]


@numba.njit(error_model="numpy", inline="always")
def grow(
    code: int,
    n_levels: int,
    size: int,
    d: int,
    predictor: float,
    increment: np.ndarray,
    over: np.ndarray,
    under: np.ndarray,
    gap: np.ndarray,
    weight: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
) -> float:
    """Multiply the nodes by the probability of column d, one node for each level if it is missing; the largest.

    ``upper`` and ``lower`` (column, node, level) keep the derivatives of log P(level) by its thresholds.
    """
    low, high = (0, n_levels) if code < 0 else (code, code + 1)
    largest = 0.0
    for node in range(size - 1, -1, -1):
        exponential, base = math.exp(clipped(predictor + increment[node])), weight[node]
        reciprocal = 1.0 / exponential
        for k in range(high - 1, low - 1, -1):
            above, below = exponential * over[d, k], reciprocal * under[d, k]
            one_above, one_below = 1.0 / (1.0 + above), 1.0 / (1.0 + below)
            upper[d, node, k - low], lower[d, node, k - low] = above * one_above, below * one_below
            probability = base * gap[d, k] * one_above * one_below
            weight[node * (high - low) + k - low] = probability
            largest = max(largest, probability)
    return largest


@numba.njit(error_model="numpy", inline="always")
def shrink(
    code: int,
    n_levels: int,
    size: int,
    d: int,
    weight: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    pull: np.ndarray,
    d_cut: np.ndarray,
    d_gap: np.ndarray,
) -> None:
    """The way back of :func:`grow`: derivatives of column d's thresholds, and of its predictor in ``pull``."""
    low, high = (0, n_levels) if code < 0 else (code, code + 1)
    for node in range(size):
        slope, total = 0.0, 0.0
        for k in range(low, high):
            share = weight[node * (high - low) + k - low]
            up, down = share * upper[d, node, k - low], share * lower[d, node, k - low]
            d_cut[d, k + 1] += up
            d_cut[d, k] -= down
            d_gap[d, k] += share
            slope += down - up
            total += share
        weight[node] = total
        pull[node] = slope


@numba.njit(error_model="numpy", inline="always")
def forward(
    i: int,
    code: np.ndarray,
    n_levels: np.ndarray,
    support: np.ndarray,
    slopes: np.ndarray,
    over: np.ndarray,
    under: np.ndarray,
    gap: np.ndarray,
    holes: np.ndarray,
    predictor: np.ndarray,
    increment: np.ndarray,
    weight: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
) -> tuple[int, float]:
    """Probability of row i's discrete predictors in ``weight``, a node; number of nodes and logarithm taken out."""
    first = slopes.shape[0] - n_levels.size
    size, before, logarithm = 1, 0, 0.0
    weight[0] = 1.0
    for d in range(n_levels.size):
        spread(slopes, first, d, support, n_levels, holes, before, increment)
        largest = grow(
            code[i, d], n_levels[d], size, d, predictor[d], increment, over, under, gap, weight, upper, lower
        )
        if code[i, d] < 0:
            size *= n_levels[d]
            before += 1
        if 0.0 < largest < _TINY:
            logarithm -= math.log(_HUGE)
            for node in range(size):
                weight[node] *= _HUGE
    return size, logarithm


@numba.njit(error_model="numpy", inline="always")
def leaves(
    family: int,
    link: int,
    y: int,
    eta: float,
    threshold: np.ndarray,
    size: int,
    increment: np.ndarray,
    u: np.ndarray,
    d_u: np.ndarray,
    weight: np.ndarray,
    pull: np.ndarray,
    d_threshold: np.ndarray,
) -> float:
    """Multiply the leaves by P(y); their sum. ``pull`` and ``d_threshold`` get derivatives of that sum."""
    total = 0.0
    d_threshold[:] = 0.0
    for node in range(size):
        predictor = eta + increment[node]
        if family == 0 and link == 0:
            probability = _logit_probability(y, predictor, threshold, d_u)
        else:
            for k in range(threshold.size):
                u[k] = threshold[k] - predictor
            probability = math.exp(log_probability(family, link, y, u, d_u))
        share, slope = weight[node] * probability, 0.0
        total += share
        for k in range(threshold.size):
            if d_u[k] != 0.0:
                d_threshold[k] += share * d_u[k]
                slope -= d_u[k]
        weight[node], pull[node] = share, share * slope
    return total


@numba.njit(error_model="numpy", inline="always")
def _logit_probability(y: int, eta: float, threshold: np.ndarray, d_u: np.ndarray) -> float:
    """P(y) of the cumulative logit and its logarithmic derivatives; equal to the general form, at half its time."""
    probability = 1.0
    d_u[:] = 0.0
    if y < threshold.size:
        above = math.exp(clipped(eta) - clipped(threshold[y]))
        probability /= 1.0 + above
        d_u[y] += above / (1.0 + above)
    if y > 0:
        below = math.exp(clipped(threshold[y - 1]) - clipped(eta))
        probability /= 1.0 + below
        d_u[y - 1] -= below / (1.0 + below)
    if 0 < y < threshold.size:
        gap = threshold[y] - threshold[y - 1]
        factor = -math.expm1(-gap)
        probability *= max(factor, 0.0)
        d_u[y] += (1.0 - factor) / factor
        d_u[y - 1] -= (1.0 - factor) / factor
    return probability
