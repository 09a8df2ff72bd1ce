r"""The likelihood of an ordinal regression on rows: value, gradient and Hessian, in chunks.

:math:`\eta_{ik} = o_i + x_i \beta + z_i \delta_k` with :math:`z` the nominal columns of :math:`x`, and
:math:`\log s_i = w_i \zeta`. Departures sum to zero over the thresholds, :math:`\sum_k \delta_{jk} = 0`, so
:math:`\beta` stays the average effect and has the same meaning as in the Bayesian model. Parameters are, in this order,
thresholds (or the few parameters that structured ones have), coefficients, departures at all thresholds but the last,
and coefficients of the log scale. Random intercepts are no part of this likelihood.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from bayesgov.survey.design import Design
from bayesgov.survey.links import require_link
from bayesgov.survey.margins import coefficients, probabilities
from bayesgov.survey.ordinal_rows import LevelRows, level_rows, needed_thresholds
from bayesgov.survey.spec import Family, Link, Thresholds
from bayesgov.survey.thresholds import threshold_structure

_CHUNK = 16_384  # rows; small enough for the temporaries of a chunk to stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A log-likelihood and its derivatives.

    Attributes
    ----------
    value : float
        Minus infinity where thresholds are out of order.
    gradient : ndarray, shape (n_parameters,)
    hessian : ndarray, shape (n_parameters, n_parameters)
    """

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Parameters by role.

    Attributes
    ----------
    threshold : ndarray, shape (n_categories - 1,)
    beta : ndarray, shape (n_terms,)
    departure : ndarray, shape (n_nominal, n_categories - 1)
    log_scale : ndarray, shape (n_scale_terms,)
    """

    threshold: np.ndarray
    beta: np.ndarray
    departure: np.ndarray
    log_scale: np.ndarray


@dataclass(frozen=True, slots=True)
class OrdinalProblem:
    """An ordinal likelihood, ready to be evaluated; made by :func:`ordinal_problem`.

    Attributes
    ----------
    design : Design
        The rows in their own order.
    family : Family
    link : Link
    names : tuple of str, length n_parameters
    expand : ndarray, shape (n_full, n_parameters)
        Maps the parameters to all thresholds, coefficients, departures at every threshold and log scales.
    full_names : tuple of str, length n_full
    order : ndarray of int, shape (n_obs,)
        Rows by level, so that a chunk has one level.
    starts : ndarray of int, shape (n_categories + 1,)
        Where each level begins in ``order``.
    x, offset, weights, scale_x : ndarray
        Of the design, in that order.
    """

    design: Design
    family: Family
    link: Link
    names: tuple[str, ...]
    expand: np.ndarray
    full_names: tuple[str, ...]
    order: np.ndarray
    starts: np.ndarray
    x: np.ndarray
    offset: np.ndarray
    weights: np.ndarray
    scale_x: np.ndarray

    @property
    def n_observations(self) -> float:
        """Sum of the weights."""
        return float(self.weights.sum())

    @property
    def n_full(self) -> int:
        """Thresholds, coefficients, departures and log scales before any of them is constrained."""
        return int(self.expand.shape[0])

    def unpack(self, parameters: np.ndarray) -> Unpacked:
        """The parameters by role, structured thresholds and sum-to-zero departures written out."""
        full, n_cuts, n_terms = self.expand @ parameters, self.design.n_categories - 1, self.design.n_terms
        departures = full[n_cuts + n_terms : full.size - self.scale_x.shape[1]]
        return Unpacked(
            threshold=full[:n_cuts],
            beta=full[n_cuts : n_cuts + n_terms],
            departure=departures.reshape(len(self.design.nominal), n_cuts),
            log_scale=full[full.size - self.scale_x.shape[1] :],
        )

    def evaluate(self, parameters: np.ndarray) -> Evaluation:
        """Weighted log-likelihood, gradient and Hessian.

        Parameters
        ----------
        parameters : ndarray, shape (n_parameters,)

        Returns
        -------
        Evaluation
        """
        value, gradient = 0.0, np.zeros(self.n_full)
        half = np.zeros((self.n_full, self.n_full))
        for rows, found in self._chunks(parameters):
            value += float(self.weights[rows] @ found.value)
            self._add_derivatives(gradient, half, rows, found)
        return Evaluation(value, self.expand.T @ gradient, self.expand.T @ (half + half.T) @ self.expand)

    def pointwise(self, parameters: np.ndarray) -> np.ndarray:
        """Log-likelihood of every row for a weight of one, shape (n_obs,), in the Design's order."""
        result = np.empty(self.order.size)
        for rows, found in self._chunks(parameters):
            result[self.order[rows]] = found.value
        return result

    def scores(self, parameters: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Gradient of every row for a weight of one, in chunks.

        Yields
        ------
        positions : ndarray of int, shape (n_rows,)
            Of the chunk's rows in the Design.
        scores : ndarray, shape (n_rows, n_parameters)
        """
        for rows, found in self._chunks(parameters):
            yield self.order[rows], self._row_scores(rows, found) @ self.expand

    def probabilities(self, parameters: np.ndarray, design: Design | None = None) -> np.ndarray:
        """Probability of every level, shape (n_obs, n_categories), for these rows or those of another Design."""
        values = self.unpack(parameters)
        block = coefficients(values.threshold, values.beta, departure=values.departure, log_scale=values.log_scale)
        return np.asarray(probabilities(design or self.design, block, self)[0])

    def distance_rows(self, rows: np.ndarray, threshold: int) -> np.ndarray:
        """What e_k = theta_k - eta_k multiplies each parameter with, offset aside, shape (rows.size, n_parameters).

        Parameters
        ----------
        rows : ndarray of int
            Positions in ``x``, which is in the order of levels.
        threshold : int
        """
        result = np.zeros((rows.size, self.n_full))
        (cut,), beta, _ = self._blocks((threshold,))
        result[:, cut[0]] = 1
        result[:, cut[1:]] = -self.x[rows][:, list(self.design.nominal)]
        result[:, beta] = -self.x[rows]
        return np.asarray(result @ self.expand)

    def _chunks(self, parameters: np.ndarray) -> Iterator[tuple[slice, LevelRows]]:
        """Rows of one level each, with the derivatives of their log probabilities."""
        values, n_levels = self.unpack(parameters), self.design.n_categories
        nominal = list(self.design.nominal)
        for level in range(n_levels):
            needed = list(needed_thresholds(self.family, level, n_levels))
            for start in range(self.starts[level], self.starts[level + 1], _CHUNK):
                rows = slice(start, min(start + _CHUNK, self.starts[level + 1]))
                x = self.x[rows]
                e = values.threshold[needed, None] - (self.offset[rows] + x @ values.beta)
                if nominal:
                    e -= (x[:, nominal] @ values.departure[:, needed]).T
                log_scale = self.scale_x[rows] @ values.log_scale if values.log_scale.size else None
                yield rows, level_rows(self.family, self.link, level, n_levels, e, log_scale)

    def _blocks(self, thresholds: tuple[int, ...]) -> tuple[list[list[int]], slice, slice]:
        """Positions in the full vector: each threshold with its departures; coefficients; log scale."""
        n_cuts, n_terms = self.design.n_categories - 1, self.design.n_terms
        first = n_cuts + n_terms
        cuts = [[k, *(first + j * n_cuts + k for j in range(len(self.design.nominal)))] for k in thresholds]
        return cuts, slice(n_cuts, first), slice(self.n_full - self.scale_x.shape[1], self.n_full)

    def _threshold_rows(self, rows: slice) -> np.ndarray:
        """What e_k is linear in besides the coefficients: (1, -z), shape (n_rows, 1 + n_nominal)."""
        z = self.x[rows][:, list(self.design.nominal)]
        return np.column_stack([np.ones(len(z)), -z])

    def _add_derivatives(self, gradient: np.ndarray, half: np.ndarray, rows: slice, found: LevelRows) -> None:
        """Add a chunk to the gradient and to a matrix that makes the Hessian when its transpose is added.

        e_k = (1, -z) (theta_k, delta_k) - x beta - offset, so that every block is a weighted product.
        """
        weights, x, own, scale = self.weights[rows], self.x[rows], self._threshold_rows(rows), self.scale_x[rows]
        cuts, beta, zeta = self._blocks(found.thresholds)
        slope = weights * found.slope
        shift = np.zeros_like(slope)  # minus the derivative of the slopes in eta
        for (i, j), part in found.curvature.items():
            curvature = weights * part
            half[np.ix_(cuts[i], cuts[j])] += _product(own, curvature if i < j else 0.5 * curvature, own)
            shift[i] += curvature
            if i < j:
                shift[j] += curvature
        for i, cut in enumerate(cuts):
            gradient[cut] += slope[i] @ own
            half[cut, beta] -= _product(own, shift[i], x)
        gradient[beta] -= slope.sum(axis=0) @ x
        half[beta, beta] += _product(x, 0.5 * shift.sum(axis=0), x)
        if scale.shape[1]:
            cross = weights * found.scale_cross
            gradient[zeta] += (weights * found.scale_slope) @ scale
            half[zeta, zeta] += _product(scale, 0.5 * weights * found.scale_curvature, scale)
            half[beta, zeta] -= _product(x, cross.sum(axis=0), scale)
            for i, cut in enumerate(cuts):
                half[cut, zeta] += _product(own, cross[i], scale)

    def _row_scores(self, rows: slice, found: LevelRows) -> np.ndarray:
        own, (cuts, beta, zeta) = self._threshold_rows(rows), self._blocks(found.thresholds)
        result = np.zeros((len(own), self.n_full))
        for slope, cut in zip(found.slope, cuts, strict=True):
            result[:, cut] += slope[:, None] * own
        result[:, beta] = -found.slope.sum(axis=0)[:, None] * self.x[rows]
        if self.scale_x.shape[1]:
            result[:, zeta] = found.scale_slope[:, None] * self.scale_x[rows]
        return result


def ordinal_problem(
    design: Design, *, family: Family = "cumulative", link: Link = "logit", thresholds: Thresholds = "flexible"
) -> OrdinalProblem:
    """An ordinal likelihood from a Design; its random intercepts are left out.

    Raises
    ------
    ValueError
        For an unknown link, a structure or scale that the family does not have, or missing cells in the predictors.
    """
    require_link(link)
    if family != "cumulative" and (thresholds != "flexible" or design.scale_terms):
        raise ValueError(f"structured thresholds and a scale model need the cumulative family; got {family!r}")
    if design.nominal and thresholds != "flexible":
        raise ValueError(f"nominal effects need flexible thresholds; got {thresholds!r}")
    if design.missing:
        gaps = ", ".join(design.terms[column.column] for column in design.missing)
        raise ValueError(f"maximum likelihood needs complete predictors; {gaps} have missing cells: delete or impute")
    order = np.argsort(design.y, kind="stable")
    names, full_names, expand = _constraints(design, thresholds)
    return OrdinalProblem(
        design=design,
        family=family,
        link=link,
        names=names,
        expand=expand,
        full_names=full_names,
        order=order,
        starts=np.searchsorted(design.y[order], np.arange(design.n_categories + 1)),
        x=design.x[order],
        offset=design.offset[order],
        weights=design.weights[order],
        scale_x=design.scale_x[order],
    )


def _constraints(design: Design, thresholds: Thresholds) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Names of the parameters and of what they expand to, with the map between them."""
    structure = threshold_structure(thresholds, design.thresholds)
    n_cuts, nominal = len(design.thresholds), [design.terms[column] for column in design.nominal]
    # departures at all thresholds but the last; the last is minus their sum
    centred = np.vstack([np.eye(n_cuts - 1), -np.ones((1, n_cuts - 1))])
    coefficients_named = tuple(f"beta[{term}]" for term in design.terms)
    departures = [tuple(f"departure[{term}, {cut}]" for cut in design.thresholds) for term in nominal]
    scales = tuple(f"log_scale[{term}]" for term in design.scale_terms)
    free = tuple(name for group in departures for name in group[:-1])
    every = tuple(name for group in departures for name in group)
    expand = block_diag(
        structure.matrix, np.eye(design.n_terms), np.kron(np.eye(len(nominal)), centred), np.eye(len(scales))
    )
    return (
        (*structure.names, *coefficients_named, *free, *scales),
        (*(f"threshold[{cut}]" for cut in design.thresholds), *coefficients_named, *every, *scales),
        expand,
    )


def _product(left: np.ndarray, weights: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left' diag(weights) right."""
    return np.asarray((left * weights[:, None]).T @ right)
