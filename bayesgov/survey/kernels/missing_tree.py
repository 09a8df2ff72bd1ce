"""The tree over what the missing discrete cells of one row may hold: forward for its probability, back for derivatives.

Columns stand in a sequence; each incomplete one has a cumulative-logit regression on all columns before it. A node at
column d is one combination of the row's missing cells before d, so a regression is evaluated once a node and not once
a combination of all missing cells. With E = exp(eta) one exponential serves every level, and thresholds at minus and
plus infinity make all levels alike, so that no branch depends on the data. The outcome of a cumulative logit is one
more column of this kind, with its own thresholds::

    P(level k) = (1 - exp(-(c_k - c_{k-1}))) / ((1 + E exp(-c_k)) (1 + exp(c_{k-1}) / E))

Derivatives are those of each regression times the posterior probability of the node (Fisher's identity), collected
from the leaves back to the root. Nodes of one level stand together: combination = level * n_nodes + node, so that the
loops over nodes run on vector instructions.

Nothing here allocates, so numba is told to count no references (``_nrt``): counting cost more than the arithmetic.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesgov.survey.kernels.arithmetic import exp_minus
from bayesgov.survey.kernels.general import log_probability

_BOUND = 350.0  # two such numbers differ by less than the largest exponent; beyond it nothing is ever likely
_TINY, _HUGE = 1e-100, 1e100


@numba.njit(error_model="numpy", _nrt=False)
def clipped(value: float) -> float:
    """A predictor or threshold within what exponentials can hold."""
    return min(max(value, -_BOUND), _BOUND)


@numba.njit(error_model="numpy", _nrt=False)
def place_thresholds(threshold: np.ndarray, d: int, over: np.ndarray, under: np.ndarray, gap: np.ndarray) -> None:
    """By level of column d: exp(-c_k), exp(c_{k-1}) and 1 - exp(-(c_k - c_{k-1})).

    ``over`` and ``under`` come as zeros and ``gap`` as ones, which is what the outer levels keep.
    """
    for m in range(threshold.size):
        over[d, m], under[d, m + 1] = math.exp(-clipped(threshold[m])), math.exp(clipped(threshold[m]))
        if m > 0:
            gap[d, m] = max(-math.expm1(threshold[m - 1] - threshold[m]), 0.0)


@numba.njit(error_model="numpy", _nrt=False)
def unpack(
    phi: np.ndarray,
    start: np.ndarray,
    n_levels: np.ndarray,
    slopes: np.ndarray,
    over: np.ndarray,
    under: np.ndarray,
    gap: np.ndarray,
    threshold: np.ndarray,
) -> None:
    """Slopes (column before, column) and thresholds of the incomplete columns; ``threshold`` is room to work in."""
    for d in range(n_levels.size):
        position = start[d]
        threshold[0] = clipped(phi[position])
        for m in range(1, n_levels[d] - 1):
            threshold[m] = threshold[m - 1] + math.exp(clipped(phi[position + m]))
        place_thresholds(threshold[: n_levels[d] - 1], d, over, under, gap)
        for m in range(1, n_levels[d] - 1):  # the widths themselves: differences of thresholds have lost digits
            gap[d, m] = -math.expm1(-math.exp(clipped(phi[position + m])))
        for k in range(start[d + 1] - position - n_levels[d] + 1):
            slopes[k, d] = phi[position + n_levels[d] - 1 + k]


@numba.njit(error_model="numpy", _nrt=False)
def log_gap_slope(gap: float) -> float:
    """d log(1 - exp(-w)) / dw = (1 - g) / g with g = 1 - exp(-w); only a level without rows may have g = 0."""
    return (1.0 - gap) / gap if gap > 0.0 else 0.0


@numba.njit(error_model="numpy", _nrt=False)
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
            d_width = beyond + d_gap[d, m] * log_gap_slope(gap[d, m])
            d_phi[position + m] = math.exp(clipped(phi[position + m])) * d_width
        d_phi[position] = beyond + d_cut[d, 1]
        for k in range(start[d + 1] - position - n_levels[d] + 1):
            d_phi[position + n_levels[d] - 1 + k] = d_slopes[k, d]


@numba.njit(error_model="numpy", inline="always", _nrt=False)
def row_predictors(row: np.ndarray, slopes: np.ndarray, predictor: np.ndarray) -> None:
    """Linear predictors of the incomplete columns from the cells that are known."""
    predictor[:] = 0.0
    for k in range(row.size):
        if row[k] != 0.0:
            for d in range(predictor.size):
                predictor[d] += row[k] * slopes[k, d]


@numba.njit(error_model="numpy", inline="always", _nrt=False)
def give_row(row: np.ndarray, d_predictor: np.ndarray, d_slopes: np.ndarray) -> None:
    """The way back of :func:`row_predictors`."""
    for k in range(row.size):
        if row[k] != 0.0:
            for d in range(d_predictor.size):
                d_slopes[k, d] += row[k] * d_predictor[d]


@numba.njit(error_model="numpy", inline="always", _nrt=False)
def rescale(scale: float, size: int, weight: np.ndarray, pull: np.ndarray, d_threshold: np.ndarray) -> None:
    """From joint probabilities to posterior probabilities times a frequency."""
    for node in range(size):
        weight[node] *= scale
        pull[node] *= scale
    for k in range(d_threshold.size):
        d_threshold[k] *= scale


@numba.njit(error_model="numpy", inline="always", _nrt=False)
def find_holes(code: np.ndarray, i: int, holes: np.ndarray) -> int:
    """Fill ``holes`` with the columns in which row i is missing; how many there are."""
    count = 0
    for d in range(code.shape[1]):
        if code[i, d] < 0:
            holes[count] = d
            count += 1
    return count


@numba.njit(error_model="numpy", inline="always", _nrt=False)
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
        for k in range(n_levels[m] - 1, -1, -1):
            added = slopes[first + m, d] * value[m, k]
            for node in range(size):
                increment[k * size + node] = increment[node] + added
        size *= n_levels[m]


@numba.njit(error_model="numpy", inline="always", _nrt=False)
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
        d_slopes[first + m, d] += value[m, 0] * total(pull, size)
        for k in range(1, n_levels[m]):
            d_slopes[first + m, d] += value[m, k] * _fold(pull, k * size, size)
    return pull[0]


@numba.njit(error_model="numpy", fastmath={"reassoc", "contract"}, _nrt=False)
def total(values: np.ndarray, size: int) -> float:
    """Sum of the first ``size`` values."""
    result = 0.0
    for i in range(size):
        result += values[i]
    return result


@numba.njit(error_model="numpy", fastmath={"reassoc", "contract"}, _nrt=False)
def _fold(values: np.ndarray, start: int, size: int) -> float:
    """Add a stretch of an array to its beginning; the sum of the stretch is returned."""
    result = 0.0
    for i in range(size):
        own = values[start + i]
        result += own
        values[i] += own
    return result


@numba.njit(error_model="numpy", inline="always", _nrt=False)
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
    base: np.ndarray,
    weight: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
) -> None:
    """Multiply the nodes by the probability of column d, one node for each level if it is missing.

    ``upper`` and ``lower`` (column, level, node) keep the derivatives of log P(level) by its thresholds. ``increment``
    is overwritten.
    """
    if size == 1 and code >= 0:  # most nodes of most surveys: no loop to set up
        exponential = exp_minus(-clipped(predictor + increment[0]))
        above, below = exponential * over[d, code], under[d, code] / exponential
        one_above, one_below = 1.0 / (1.0 + above), 1.0 / (1.0 + below)
        upper[d, 0, 0], lower[d, 0, 0] = above * one_above, below * one_below
        weight[0] *= gap[d, code] * one_above * one_below
        return
    low, high = (0, n_levels) if code < 0 else (code, code + 1)
    for node in range(size):
        increment[node] = exp_minus(-clipped(predictor + increment[node]))
        base[node] = weight[node]
    for k in range(low, high):
        _level(
            size, over[d, k], under[d, k], gap[d, k], increment, base, weight, (k - low) * size,
            upper[d, k - low], lower[d, k - low],
        )  # fmt: skip


@numba.njit(error_model="numpy", inline="always", _nrt=False)
def _level(
    size: int,
    over: float,
    under: float,
    gap: float,
    exponential: np.ndarray,
    base: np.ndarray,
    weight: np.ndarray,
    start: int,
    upper: np.ndarray,
    lower: np.ndarray,
) -> None:
    for node in range(size):
        above, below = exponential[node] * over, under / exponential[node]
        one_above, one_below = 1.0 / (1.0 + above), 1.0 / (1.0 + below)
        upper[node], lower[node] = above * one_above, below * one_below
        weight[start + node] = base[node] * gap * one_above * one_below


@numba.njit(error_model="numpy", inline="always", _nrt=False)
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
    if size == 1 and code >= 0:
        up, down = weight[0] * upper[d, 0, 0], weight[0] * lower[d, 0, 0]
        d_cut[d, code + 1] += up
        d_cut[d, code] -= down
        d_gap[d, code] += weight[0]
        pull[0] = down - up
        return
    low, high = (0, n_levels) if code < 0 else (code, code + 1)
    for node in range(size):
        pull[node] = 0.0
    for k in range(low, high):
        up, down, share = _back_level(size, weight, (k - low) * size, upper[d, k - low], lower[d, k - low], pull)
        d_cut[d, k + 1] += up
        d_cut[d, k] -= down
        d_gap[d, k] += share


@numba.njit(error_model="numpy", fastmath={"reassoc", "contract"}, _nrt=False)
def _back_level(
    size: int, weight: np.ndarray, start: int, upper: np.ndarray, lower: np.ndarray, pull: np.ndarray
) -> tuple[float, float, float]:
    """Sums over the nodes of one level; its shares are added to those of the first level, which are the parents'."""
    up, down, share = 0.0, 0.0, 0.0
    for node in range(size):
        own = weight[start + node]
        own_up, own_down = own * upper[node], own * lower[node]
        up += own_up
        down += own_down
        share += own
        pull[node] += own_down - own_up
        if start > 0:
            weight[node] += own
    return up, down, share


@numba.njit(error_model="numpy", inline="always", _nrt=False)
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
    base: np.ndarray,
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
        grow(code[i, d], n_levels[d], size, d, predictor[d], increment, over, under, gap, base, weight, upper, lower)
        if code[i, d] < 0:
            size *= n_levels[d]
            before += 1
        if total(weight, size) < _TINY:
            logarithm -= math.log(_HUGE)
            for node in range(size):
                weight[node] *= _HUGE
    return size, logarithm


@numba.njit(error_model="numpy", _nrt=False)
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
) -> None:
    """Multiply the leaves by P(y) of any family and link; ``pull`` and ``d_threshold`` get derivatives of their sum."""
    d_threshold[:] = 0.0
    for node in range(size):
        for k in range(threshold.size):
            u[k] = threshold[k] - eta - increment[node]
        weight[node] *= math.exp(log_probability(family, link, y, u, d_u))
        slope = 0.0
        for k in range(threshold.size):
            if d_u[k] != 0.0:
                d_threshold[k] += weight[node] * d_u[k]
                slope -= d_u[k]
        pull[node] = weight[node] * slope
