"""Likelihood of ordinal rows with missing discrete predictors, summed exactly over what the cells may hold.

::

    P(y, discrete columns of a row) = sum over values v of its missing cells of
        P(y | x, v) prod_d P(column d | columns before d)

One pass over the rows gives value and derivatives; a row takes one logarithm. See
:mod:`bayesgov.survey.kernels.missing_tree` for the sum.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from bayesgov.survey.kernels.compiling import entry_point
from bayesgov.survey.kernels.missing_tree import (
    collect,
    find_holes,
    forward,
    give_row,
    grow,
    leaves,
    log_gap_slope,
    pack,
    place_thresholds,
    rescale,
    row_predictors,
    shrink,
    spread,
    total,
    unpack,
)

_SMALLEST = 1e-300  # probability of a row: below it the reciprocal overflows


class MissingArrays(NamedTuple):
    """What the kernel knows about the columns; d counts incomplete discrete columns, L their most levels.

    Attributes
    ----------
    x : ndarray, shape (n_obs, n_columns)
        Columns in sequence, the discrete ones last; 0 in missing cells.
    code : ndarray of int, shape (n_obs, n_discrete)
        Level codes, -1 where missing.
    n_levels : ndarray of int, shape (n_discrete,)
    support : ndarray, shape (n_discrete, L)
        Values of the levels on the scale of ``x``.
    outcome_value : ndarray, shape (n_discrete, L)
        The same on the scale of the outcome's coefficients.
    start : ndarray of int, shape (n_discrete + 1,)
        First parameter of every column: first threshold, log gaps, slopes of the columns before it.
    cell : ndarray of int, shape (n_cells, 2)
        Row and column of the missing continuous cells, rows ascending.
    n_nodes : int
        Most combinations of any row.
    """

    x: np.ndarray
    code: np.ndarray
    n_levels: np.ndarray
    support: np.ndarray
    outcome_value: np.ndarray
    start: np.ndarray
    cell: np.ndarray
    n_nodes: int


class Work(NamedTuple):
    """Room to work in, allocated once a pass."""

    holes: np.ndarray
    row: np.ndarray
    predictor: np.ndarray
    d_predictor: np.ndarray
    increment: np.ndarray
    base: np.ndarray
    weight: np.ndarray
    pull: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    u: np.ndarray
    d_u: np.ndarray
    d_row: np.ndarray


class Derivatives(NamedTuple):
    """What a pass over the rows adds up."""

    eta: np.ndarray
    threshold: np.ndarray
    slope: np.ndarray
    cells: np.ndarray
    cut: np.ndarray
    gap: np.ndarray
    slopes: np.ndarray


@numba.njit(error_model="numpy", inline="always", _nrt=False)
def take_row(i: int, arrays: MissingArrays, cells: np.ndarray, cell: int, row: np.ndarray) -> int:
    """Fill ``row`` with row i, its missing continuous cells at their values; the first cell of the next row."""
    for k in range(row.size):
        row[k] = arrays.x[i, k]
    while cell < cells.size and arrays.cell[cell, 0] == i:
        row[arrays.cell[cell, 1]] = cells[cell]
        cell += 1
    return cell


@numba.njit(error_model="numpy", _nrt=False)
def _add_rows(
    family: int,
    link: int,
    eta: np.ndarray,
    threshold: np.ndarray,
    outcome_slope: np.ndarray,
    cells: np.ndarray,
    y: np.ndarray,
    frequency: np.ndarray,
    arrays: MissingArrays,
    slopes: np.ndarray,
    over: np.ndarray,
    under: np.ndarray,
    gap: np.ndarray,
    work: Work,
    found: Derivatives,
) -> float:
    """The log-likelihood; minus infinity where a row underflows. Nothing is allocated, so no reference is counted."""
    holes, row, predictor, d_predictor, increment, base, weight, pull, upper, lower, u, d_u, d_row = work
    d_eta, d_threshold, d_slope, d_cells, d_cut, d_gap, d_slopes = found
    code, n_levels, support, value = arrays.code, arrays.n_levels, arrays.support, arrays.outcome_value
    (n_obs, n_columns), n_discrete, n_cuts = arrays.x.shape, n_levels.size, threshold.size
    first, logit = n_columns - n_discrete, family == 0 and link == 0
    density, cell = 0.0, 0
    for i in range(n_obs):
        own, cell = cell, take_row(i, arrays, cells, cell, row)
        before = find_holes(code, i, holes)
        row_predictors(row, slopes, predictor)
        size, logarithm = forward(
            i,
            code,
            n_levels,
            support,
            slopes,
            over,
            under,
            gap,
            holes,
            predictor,
            increment,
            base,
            weight,
            upper,
            lower,
        )
        spread(outcome_slope, 0, 0, value, n_levels, holes, before, increment)
        if logit:
            grow(y[i], n_cuts + 1, size, n_discrete, eta[i], increment, over, under, gap, base, weight, upper, lower)
        else:
            leaves(family, link, y[i], eta[i], threshold, size, increment, u, d_u, weight, pull, d_row)
        mass = total(weight, size)
        if not mass > _SMALLEST:
            return -np.inf
        density += frequency[i] * (math.log(mass) + logarithm)
        rescale(frequency[i] / mass, size, weight, pull, d_row)
        if logit:
            shrink(y[i], n_cuts + 1, size, n_discrete, weight, upper, lower, pull, d_cut, d_gap)
        else:
            for k in range(n_cuts):
                d_threshold[k] += d_row[k]
        d_eta[i] = collect(pull, size, 0, 0, value, n_levels, holes, before, d_slope)
        for d in range(n_discrete - 1, -1, -1):
            if code[i, d] < 0:
                size //= n_levels[d]
                before -= 1
            shrink(code[i, d], n_levels[d], size, d, weight, upper, lower, pull, d_cut, d_gap)
            d_predictor[d] = collect(pull, size, first, d, support, n_levels, holes, before, d_slopes)
        give_row(row, d_predictor, d_slopes)
        for c in range(own, cell):
            for d in range(n_discrete):
                d_cells[c] += slopes[arrays.cell[c, 1], d] * d_predictor[d]
    return density


@entry_point
def marginal_log_likelihood(
    family: int,
    link: int,
    eta: np.ndarray,
    threshold: np.ndarray,
    slope: np.ndarray,
    phi: np.ndarray,
    cells: np.ndarray,
    y: np.ndarray,
    frequency: np.ndarray,
    arrays: MissingArrays,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood of outcome and predictors with its derivatives with respect to the five parameter arrays.

    Parameters
    ----------
    family, link : int
        Positions in ``kernels.general.FAMILIES`` and ``spec.LINKS``.
    eta : ndarray, shape (n_obs,)
        Linear predictor of the outcome without the missing discrete cells.
    threshold : ndarray, shape (n_categories - 1,)
    slope : ndarray, shape (n_discrete,)
        Coefficients of the incomplete discrete columns in the outcome's predictor.
    phi : ndarray, shape (start[-1],)
        Parameters of the regressions of the discrete columns.
    cells : ndarray, shape (n_cells,)
        Values of the missing continuous cells, on the scale of ``arrays.x``.
    y, frequency : ndarray, shape (n_obs,)
    arrays : MissingArrays

    Returns
    -------
    tuple
        Value, and derivatives in the order eta, threshold, slope, phi, cells. Minus infinity and zeros where the
        likelihood underflows, which a sampler takes for a divergence.
    """
    n_levels, support = arrays.n_levels, arrays.support
    (n_obs, n_columns), n_discrete, n_cuts, n_nodes = arrays.x.shape, n_levels.size, threshold.size, arrays.n_nodes
    most = max(support.shape[1], n_cuts + 1)
    d_eta, d_threshold, d_slope = np.zeros(n_obs), np.zeros(n_cuts), np.zeros((n_discrete, 1))
    d_phi, d_cells, outcome_slope = np.zeros(phi.size), np.zeros(cells.size), slope.copy().reshape(n_discrete, 1)
    # one column more: the outcome of a cumulative logit
    over, under, gap = (
        np.zeros((n_discrete + 1, most)),
        np.zeros((n_discrete + 1, most)),
        np.ones((n_discrete + 1, most)),
    )
    d_cut, d_gap = np.zeros((n_discrete + 1, most + 1)), np.zeros((n_discrete + 1, most))
    slopes, d_slopes = np.zeros((n_columns, n_discrete)), np.zeros((n_columns, n_discrete))
    unpack(phi, arrays.start, n_levels, slopes, over, under, gap, np.empty(most))
    place_thresholds(threshold, n_discrete, over, under, gap)
    predictor, d_predictor, row = np.empty(n_discrete), np.zeros(n_discrete), np.empty(n_columns)
    holes, increment, base = np.empty(n_discrete, np.int64), np.empty(n_nodes), np.empty(n_nodes)
    weight, pull = np.empty(n_nodes), np.empty(n_nodes)
    upper, lower = np.empty((n_discrete + 1, most, n_nodes)), np.empty((n_discrete + 1, most, n_nodes))
    u, d_u, d_row = np.empty(n_cuts), np.empty(n_cuts), np.empty(n_cuts)
    work = Work(holes, row, predictor, d_predictor, increment, base, weight, pull, upper, lower, u, d_u, d_row)
    found = Derivatives(d_eta, d_threshold, d_slope, d_cells, d_cut, d_gap, d_slopes)
    density = _add_rows(
        family, link, eta, threshold, outcome_slope, cells, y, frequency, arrays, slopes, over, under, gap, work, found
    )
    if density == -np.inf:
        return density, d_eta * 0.0, d_threshold * 0.0, d_slope[:, 0] * 0.0, d_phi, d_cells * 0.0
    pack(phi, arrays.start, n_levels, gap, d_cut, d_gap, d_slopes, d_phi)
    if family == 0 and link == 0:
        for k in range(n_cuts):
            d_threshold[k] = d_cut[n_discrete, k + 1]
        for k in range(1, n_cuts):
            widening = d_gap[n_discrete, k] * log_gap_slope(gap[n_discrete, k])
            d_threshold[k] += widening
            d_threshold[k - 1] -= widening
    return density, d_eta, d_threshold, d_slope[:, 0].copy(), d_phi, d_cells


@entry_point
def fill_rows(
    family: int,
    link: int,
    eta: np.ndarray,
    threshold: np.ndarray,
    slope: np.ndarray,
    phi: np.ndarray,
    cells: np.ndarray,
    y: np.ndarray,
    uniform: np.ndarray,
    arrays: MissingArrays,
) -> tuple[np.ndarray, np.ndarray]:
    """Log P(y | observed predictors) of every row, and level codes with the missing ones drawn from their posterior.

    Parameters
    ----------
    uniform : ndarray, shape (n_obs,)
        Uniform random numbers, one a row; the rest as in :func:`marginal_log_likelihood`.

    Returns
    -------
    tuple of ndarray, shapes (n_obs,) and (n_obs, n_discrete)
    """
    n_levels, support, value = arrays.n_levels, arrays.support, arrays.outcome_value
    (n_obs, n_columns), (n_discrete, most), n_nodes = arrays.x.shape, support.shape, arrays.n_nodes
    log_density, filled = np.empty(n_obs), arrays.code.copy()
    outcome_slope, slopes = slope.copy().reshape(n_discrete, 1), np.zeros((n_columns, n_discrete))
    over, under, gap = np.zeros((n_discrete, most)), np.zeros((n_discrete, most)), np.ones((n_discrete, most))
    unpack(phi, arrays.start, n_levels, slopes, over, under, gap, np.empty(most))
    predictor, row, holes = np.empty(n_discrete), np.empty(n_columns), np.empty(n_discrete, np.int64)
    weight, pull, increment, base = np.empty(n_nodes), np.empty(n_nodes), np.empty(n_nodes), np.empty(n_nodes)
    upper, lower = np.empty((n_discrete, most, n_nodes)), np.empty((n_discrete, most, n_nodes))
    u, d_u, d_row = np.empty(threshold.size), np.empty(threshold.size), np.empty(threshold.size)
    cell = 0
    for i in range(n_obs):
        cell = take_row(i, arrays, cells, cell, row)
        n_holes = find_holes(arrays.code, i, holes)
        row_predictors(row, slopes, predictor)
        size, _ = forward(
            i, arrays.code, n_levels, support, slopes, over, under, gap, holes, predictor, increment, base, weight,
            upper, lower,
        )  # fmt: skip
        predictors_alone = weight[:size].sum()
        spread(outcome_slope, 0, 0, value, n_levels, holes, n_holes, increment)
        leaves(family, link, y[i], eta[i], threshold, size, increment, u, d_u, weight, pull, d_row)
        mass = total(weight, size)
        log_density[i] = math.log(mass / predictors_alone)
        left, leaf = uniform[i] * mass, 0
        while leaf < size - 1 and left >= weight[leaf]:
            left -= weight[leaf]
            leaf += 1
        # the first missing cell changes fastest: combination = level of the last * nodes before it + ...
        for h in range(n_holes):
            filled[i, holes[h]] = leaf % n_levels[holes[h]]
            leaf //= n_levels[holes[h]]
    return log_density, filled
