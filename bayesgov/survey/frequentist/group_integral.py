r"""Marginal likelihood of a cumulative model with random intercepts, by adaptive Gauss-Hermite quadrature.

For group g with standardised intercept b, :math:`j_g(b) = \sum_{i \in g} w_i \log P(y_i \mid \sigma b) - b^2 / 2`, mode
:math:`\hat b`, :math:`H = -j''(\hat b)` and :math:`s = H^{-1/2}`,

.. math:: L_g = \log s - \tfrac12 \log 2\pi + \log \sum_k \omega_k e^{t_k^2 / 2} e^{j_g(\hat b + s t_k)}

with nodes and weights for :math:`e^{-t^2 / 2}`; one node is Laplace's approximation (Liu & Pierce 1994,
doi:10.1093/biomet/81.3.624). The gradient is that of this very sum: it follows the mode and the curvature as they move
with the parameters, for which third derivatives of the log probabilities are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from bayesgov.survey.links import LogInterval, curvature_slopes, log_interval
from bayesgov.survey.ordinal import OrdinalProblem
from bayesgov.survey.spec import Link

_MODE_TOLERANCE = 1e-11  # of a standardised intercept
_MODE_ITERATIONS = 100


@dataclass(frozen=True, slots=True)
class GroupedRows:
    """Rows by group, each with its two bounds as linear forms in the parameters.

    Attributes
    ----------
    link : Link
    present : ndarray of int, shape (n_present,)
        Codes of the groups that have rows.
    group : ndarray of int, shape (n_obs,)
        Position in ``present`` of each row; ascending.
    starts : ndarray of int, shape (n_present,)
    lower, upper : ndarray, shape (n_obs, n_parameters)
    lower_offset, upper_offset : ndarray, shape (n_obs,)
        Minus the offset, or an infinite bound.
    weights : ndarray, shape (n_obs,)
    """

    link: Link
    present: np.ndarray
    group: np.ndarray
    starts: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    lower_offset: np.ndarray
    upper_offset: np.ndarray
    weights: np.ndarray

    def total(self, rows: np.ndarray) -> np.ndarray:
        """Weighted sums by group, shape (n_present,) or (n_present, n_parameters)."""
        weighted = (self.weights * rows.T).T
        return np.asarray(np.add.reduceat(weighted, self.starts, axis=0))

    def total_forms(self, in_lower: np.ndarray, in_upper: np.ndarray) -> np.ndarray:
        """Weighted sums by group of multiples of the bounds' linear forms, shape (n_present, n_parameters)."""
        return self.total(in_lower[:, None] * self.lower + in_upper[:, None] * self.upper)


@dataclass(frozen=True, slots=True)
class Marginal:
    """A marginal log-likelihood.

    Attributes
    ----------
    value : float
        Minus infinity where thresholds are out of order.
    gradient : ndarray, shape (n_parameters + 1,)
        The standard deviation last.
    modes : ndarray, shape (n_present,)
        Of the standardised intercepts.
    curvature : ndarray, shape (n_present,)
        H at the modes.
    """

    value: float
    gradient: np.ndarray
    modes: np.ndarray
    curvature: np.ndarray


def grouped_rows(problem: OrdinalProblem) -> GroupedRows:
    """Rows of a cumulative problem without a scale model, by the groups of its Design."""
    n_levels, size = problem.design.n_categories, len(problem.names)
    n_obs = problem.order.size
    lower, upper = np.zeros((n_obs, size)), np.zeros((n_obs, size))
    lower_offset, upper_offset = -problem.offset, -problem.offset
    for level in range(n_levels):
        rows = np.arange(problem.starts[level], problem.starts[level + 1])
        if level > 0:
            lower[rows] = problem.distance_rows(rows, level - 1)
        if level < n_levels - 1:
            upper[rows] = problem.distance_rows(rows, level)
    lower_offset[: problem.starts[1]] = -np.inf
    upper_offset[problem.starts[n_levels - 1] :] = np.inf
    codes = problem.design.group[problem.order]
    order = np.argsort(codes, kind="stable")
    present, starts, group = np.unique(codes[order], return_index=True, return_inverse=True)
    return GroupedRows(
        link=problem.link,
        present=present,
        group=group,
        starts=starts,
        lower=lower[order],
        upper=upper[order],
        lower_offset=lower_offset[order],
        upper_offset=upper_offset[order],
        weights=problem.weights[order],
    )


def marginal_likelihood(
    rows: GroupedRows, parameters: np.ndarray, deviation: float, modes: np.ndarray, n_nodes: int
) -> Marginal:
    """Marginal log-likelihood with its gradient.

    Parameters
    ----------
    rows : GroupedRows
    parameters : ndarray, shape (n_parameters,)
    deviation : float
        Standard deviation of the intercepts; its sign does not matter.
    modes : ndarray, shape (n_present,)
        Where the search for the modes starts.
    n_nodes : int
        1 for Laplace's approximation.
    """
    low = rows.lower_offset + rows.lower @ parameters
    high = rows.upper_offset + rows.upper @ parameters

    def interval(b: np.ndarray) -> LogInterval:
        shift = deviation * b[rows.group]
        return log_interval(rows.link, low - shift, high - shift)

    if np.any(low >= high):
        return Marginal(-np.inf, np.zeros(parameters.size + 1), modes, np.ones_like(modes))
    modes = _find_modes(rows, interval, deviation, modes)
    found = interval(modes)
    curvature = 1 - deviation**2 * rows.total(found.curvature)
    spread = 1 / np.sqrt(curvature)
    shift = deviation * modes[rows.group]
    bent = curvature_slopes(rows.link, low - shift, high - shift)
    d_modes, d_log_spread = _movement(rows, found, bent, deviation, modes, curvature)
    nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    heights, slopes = [], []
    for node in nodes:
        b = modes + spread * node
        here = found if node == 0 else interval(b)
        d_node = d_modes + (node * spread)[:, None] * d_log_spread
        heights.append(rows.total(here.value) - 0.5 * b**2)
        slopes.append(_node_slope(rows, here, deviation, b, d_node))
    terms = np.log(weights)[:, None] + 0.5 * nodes[:, None] ** 2 + np.array(heights)
    integral = logsumexp(terms, axis=0)
    gradient = (np.einsum("kg,kgp->gp", np.exp(terms - integral), np.array(slopes)) + d_log_spread).sum(axis=0)
    value = float((np.log(spread) - 0.5 * np.log(2 * np.pi) + integral).sum())
    return Marginal(value, gradient, modes, curvature)


def _node_slope(
    rows: GroupedRows, here: LogInterval, deviation: float, b: np.ndarray, d_node: np.ndarray
) -> np.ndarray:
    """Total derivative of j(b) at a node that moves with the parameters, shape (n_present, n_parameters + 1)."""
    pull = rows.total(here.slope)
    direct = np.column_stack([rows.total_forms(here.d_lower, here.d_upper), -b * pull])
    return np.asarray(direct + (-deviation * pull - b)[:, None] * d_node)


def _movement(
    rows: GroupedRows,
    found: LogInterval,
    bent: tuple[np.ndarray, np.ndarray],
    deviation: float,
    modes: np.ndarray,
    curvature: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the modes and of log s in (parameters, deviation), shape (n_present, n_parameters + 1) each.

    j'(b) = -deviation sum w m - b and H = 1 - deviation² sum w q, with m and q the first and second derivatives of a
    row's log probability when both bounds move; the mode moves by (d j') / H.
    """
    slope, bend, third = rows.total(found.slope), rows.total(found.curvature), rows.total(bent[0] + bent[1])
    pulled = rows.total_forms(found.d2_lower + found.d2_cross, found.d2_upper + found.d2_cross)
    d_score = np.column_stack([-deviation * pulled, -slope + deviation * modes * bend])
    d_modes = d_score / curvature[:, None]
    direct = np.column_stack(
        [-(deviation**2) * rows.total_forms(*bent), -2 * deviation * bend + deviation**2 * modes * third]
    )
    d_curvature = direct + (deviation**3 * third)[:, None] * d_modes
    return d_modes, -0.5 * d_curvature / curvature[:, None]


def _find_modes(
    rows: GroupedRows, interval: Callable[[np.ndarray], LogInterval], deviation: float, start: np.ndarray
) -> np.ndarray:
    """Modes of all groups at once by Newton's method, halving the steps of groups that do not rise."""
    modes, found = start, interval(start)
    height = rows.total(found.value) - 0.5 * start**2
    for _ in range(_MODE_ITERATIONS):
        curvature = 1 - deviation**2 * rows.total(found.curvature)
        # a cauchit row can be convex away from the mode
        step = (-deviation * rows.total(found.slope) - modes) / np.maximum(curvature, 0.5)
        if np.abs(step).max() < _MODE_TOLERANCE:
            break
        for _ in range(30):
            trial = modes + step
            found = interval(trial)
            new = rows.total(found.value) - 0.5 * trial**2
            falls = new < height - 1e-12 * (1 + np.abs(height))
            if not np.any(falls):
                break
            step = np.where(falls, 0.5 * step, step)
        modes, height = trial, new
    return modes
