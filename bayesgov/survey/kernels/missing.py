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

import numpy as np

from bayesgov.survey.kernels.compiling import entry_point
from bayesgov.survey.kernels.missing_tree import (
    collect,
    find_holes,
    forward,
    leaves,
    pack,
    row_predictors,
    shrink,
    spread,
    unpack,
)


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
    x, code, n_levels, support, value = arrays.x, arrays.code, arrays.n_levels, arrays.support, arrays.outcome_value
    (n_obs, n_columns), (n_discrete, most), n_nodes = x.shape, support.shape, arrays.n_nodes
    first = n_columns - n_discrete
    d_eta, d_threshold, d_slope = np.zeros(n_obs), np.zeros(threshold.size), np.zeros((n_discrete, 1))
    d_phi, d_cells, outcome_slope = np.zeros(phi.size), np.zeros(cells.size), slope.copy().reshape(n_discrete, 1)
    over, under, gap = np.zeros((n_discrete, most)), np.zeros((n_discrete, most)), np.ones((n_discrete, most))
    d_cut, d_gap = np.zeros((n_discrete, most + 1)), np.zeros((n_discrete, most))
    slopes, d_slopes = np.zeros((n_columns, n_discrete)), np.zeros((n_columns, n_discrete))
    unpack(phi, arrays.start, n_levels, slopes, over, under, gap)
    predictor, d_predictor, row = np.empty(n_discrete), np.zeros(n_discrete), np.empty(n_columns)
    holes, increment, weight, pull = (
        np.empty(n_discrete, np.int64),
        np.empty(n_nodes),
        np.empty(n_nodes),
        np.empty(n_nodes),
    )
    upper, lower = np.empty((n_discrete, n_nodes, most)), np.empty((n_discrete, n_nodes, most))
    u, d_u, d_row = np.empty(threshold.size), np.empty(threshold.size), np.empty(threshold.size)
    density, cell = 0.0, 0
    for i in range(n_obs):
        row[:] = x[i]
        own = cell
        while cell < cells.size and arrays.cell[cell, 0] == i:
            row[arrays.cell[cell, 1]] = cells[cell]
            cell += 1
        before = find_holes(code, i, holes)
        row_predictors(row, slopes, predictor)
        size, logarithm = forward(
            i, code, n_levels, support, slopes, over, under, gap, holes, predictor, increment, weight, upper, lower
        )
        spread(outcome_slope, 0, 0, value, n_levels, holes, before, increment)
        total = leaves(family, link, y[i], eta[i], threshold, size, increment, u, d_u, weight, pull, d_row)
        if not total > 0.0:
            return -np.inf, d_eta * 0.0, d_threshold * 0.0, d_slope[:, 0] * 0.0, d_phi, d_cells * 0.0
        density += frequency[i] * (math.log(total) + logarithm)
        scale = frequency[i] / total
        for node in range(size):
            weight[node] *= scale
            pull[node] *= scale
        for k in range(threshold.size):
            d_threshold[k] += scale * d_row[k]
        d_eta[i] = collect(pull, size, 0, 0, value, n_levels, holes, before, d_slope)
        for d in range(n_discrete - 1, -1, -1):
            if code[i, d] < 0:
                size //= n_levels[d]
                before -= 1
            shrink(code[i, d], n_levels[d], size, d, weight, upper, lower, pull, d_cut, d_gap)
            d_predictor[d] = collect(pull, size, first, d, support, n_levels, holes, before, d_slopes)
        for k in range(n_columns):
            if row[k] != 0.0:
                for d in range(n_discrete):
                    d_slopes[k, d] += row[k] * d_predictor[d]
        for c in range(own, cell):
            for d in range(n_discrete):
                d_cells[c] += slopes[arrays.cell[c, 1], d] * d_predictor[d]
    pack(phi, arrays.start, n_levels, gap, d_cut, d_gap, d_slopes, d_phi)
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
    x, n_levels, support, value = arrays.x, arrays.n_levels, arrays.support, arrays.outcome_value
    (n_obs, n_columns), (n_discrete, most), n_nodes = x.shape, support.shape, arrays.n_nodes
    log_density, filled = np.empty(n_obs), arrays.code.copy()
    outcome_slope, slopes = slope.copy().reshape(n_discrete, 1), np.zeros((n_columns, n_discrete))
    over, under, gap = np.zeros((n_discrete, most)), np.zeros((n_discrete, most)), np.ones((n_discrete, most))
    unpack(phi, arrays.start, n_levels, slopes, over, under, gap)
    predictor, row, holes = np.empty(n_discrete), np.empty(n_columns), np.empty(n_discrete, np.int64)
    weight, pull, increment = np.empty(n_nodes), np.empty(n_nodes), np.empty(n_nodes)
    upper, lower = np.empty((n_discrete, n_nodes, most)), np.empty((n_discrete, n_nodes, most))
    u, d_u, d_row = np.empty(threshold.size), np.empty(threshold.size), np.empty(threshold.size)
    cell = 0
    for i in range(n_obs):
        row[:] = x[i]
        while cell < cells.size and arrays.cell[cell, 0] == i:
            row[arrays.cell[cell, 1]] = cells[cell]
            cell += 1
        n_holes = find_holes(arrays.code, i, holes)
        row_predictors(row, slopes, predictor)
        size, _ = forward(
            i,
            arrays.code,
            n_levels,
            support,
            slopes,
            over,
            under,
            gap,
            holes,
            predictor,
            increment,
            weight,
            upper,
            lower,
        )
        predictors_alone = weight[:size].sum()
        spread(outcome_slope, 0, 0, value, n_levels, holes, n_holes, increment)
        total = leaves(family, link, y[i], eta[i], threshold, size, increment, u, d_u, weight, pull, d_row)
        log_density[i] = math.log(total / predictors_alone)
        left, leaf = uniform[i] * total, 0
        while leaf < size - 1 and left >= weight[leaf]:
            left -= weight[leaf]
            leaf += 1
        for h in range(n_holes - 1, -1, -1):
            filled[i, holes[h]] = leaf % n_levels[holes[h]]
            leaf //= n_levels[holes[h]]
    return log_density, filled
