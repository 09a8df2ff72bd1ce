r"""The submodel nearest to given category probabilities: the step that projection repeats.

With reference probabilities :math:`p_{ik}` and row weights :math:`w_i`, the submodel's parameters maximise
:math:`\sum_i w_i \sum_k p_{ik} \log q_{ik}`: its own likelihood of the fractional counts :math:`w_i p_{ik}`. That is
the augmented-data projection of Weber, Glass & Vehtari (2025, doi:10.1007/s00180-024-01506-0) without K copies of
every row. Arrays here are category by row, so that every operation runs along the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from bayesgov.survey.response import Response, expected_information, probabilities, score

_MAX_ITERATIONS = 100
_TINY = np.finfo(float).tiny
_FAR = 0.01  # nats an observation: from further away a step is checked against the divergence itself
_SLOW = 0.1  # a fixed information serves while a step leaves less than this share of the divergence to be gained


@dataclass(frozen=True, slots=True)
class Submodel:
    """Rows as one submodel sees them.

    Attributes
    ----------
    response : Response
    n_categories : int
    x : ndarray, shape (n_rows, n_terms)
        The submodel's own columns.
    group : ndarray of int, shape (n_rows,)
    n_groups : int
        0 for no group intercepts; otherwise every group has a row.
    weights : ndarray, shape (n_rows,)
    """

    response: Response
    n_categories: int
    x: np.ndarray
    group: np.ndarray
    n_groups: int
    weights: np.ndarray

    @property
    def n_thresholds(self) -> int:
        return self.n_categories - 1


@dataclass(frozen=True, slots=True)
class Reference:
    """What one draw of the reference model says about the rows.

    Attributes
    ----------
    probability : ndarray, shape (n_categories, n_rows)
    offset : ndarray, shape (n_rows,)
        The part of the linear predictor that every submodel keeps.
    inverse_scale : ndarray, shape (n_rows,), or None
        One over the latent standard deviation, which every submodel keeps; None for one.
    """

    probability: np.ndarray
    offset: np.ndarray
    inverse_scale: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Projected:
    """The submodel nearest to a reference.

    Attributes
    ----------
    parameters : ndarray, shape (n_categories - 1 + n_terms + n_groups,)
        Thresholds, coefficients, group intercepts.
    decrement : float
        Divergence that one more step would gain, in nats over all rows.
    converged : bool
    factor : tuple
        Cholesky factor of the information last used, for a reference nearby.
    """

    parameters: np.ndarray
    decrement: float
    converged: bool
    factor: tuple[np.ndarray, bool]


def project(
    submodel: Submodel,
    reference: Reference,
    start: np.ndarray,
    factor: tuple[np.ndarray, bool] | None = None,
    *,
    tolerance: float = 1e-8,
) -> Projected:
    """Minimise the Kullback-Leibler divergence from the reference to the submodel.

    Scoring with expected information. The information of a nearby problem is used as long as it converges quickly,
    because computing and factoring it is the dear part of a step.

    Parameters
    ----------
    submodel : Submodel
    reference : Reference
    start : ndarray
        Parameters to start from. Group intercepts keep the sum that they have here, since only their differences and
        the thresholds are determined.
    factor : tuple, optional
        ``Projected.factor`` of a nearby problem.
    tolerance : float
        Divergence, in nats over all rows, that is left to be gained before the last step: 1e-8 leaves parameters
        within 1e-4 of their standard errors.
    """
    counts = reference.probability * submodel.weights
    parameters, decrement, far = start, np.inf, _FAR * submodel.weights.sum()
    if factor is None:
        factor = factored(submodel, reference, submodel_distance(submodel, reference, parameters))
    for _ in range(_MAX_ITERATIONS):
        distance = submodel_distance(submodel, reference, parameters)
        gradient = _gradient(submodel, reference, distance, counts)
        step, previous = cho_solve(factor, gradient), decrement
        decrement = float(gradient @ step) / 2
        if decrement < tolerance:
            return Projected(parameters + step, decrement, True, factor)
        if decrement > _SLOW * previous:
            factor = factored(submodel, reference, distance)
            step = cho_solve(factor, gradient)
            decrement = float(gradient @ step) / 2
        if decrement > far or not _in_order(submodel, parameters + step):
            step = _damped(submodel, reference, parameters, step, counts)
        parameters = parameters + step
    return Projected(parameters, decrement, False, factor)


def submodel_distance(submodel: Submodel, reference: Reference, parameters: np.ndarray) -> np.ndarray:
    """(theta_k - eta_i) / s_i, shape (n_categories - 1, n_rows)."""
    n_cuts, n_terms = submodel.n_thresholds, submodel.x.shape[1]
    eta = reference.offset + submodel.x @ parameters[n_cuts : n_cuts + n_terms]
    if submodel.n_groups:
        eta += parameters[n_cuts + n_terms :][submodel.group]
    distance: np.ndarray = parameters[:n_cuts, None] - eta
    return distance if reference.inverse_scale is None else distance * reference.inverse_scale


def divergence(submodel: Submodel, reference: Reference, probability: np.ndarray) -> float:
    """Kullback-Leibler divergence from reference to submodel, in nats, averaged over observations.

    Parameters
    ----------
    submodel : Submodel
    reference : Reference
    probability : ndarray, shape (n_categories, n_rows)
        Of the submodel.
    """
    # p log(p / q) -> 0 as p -> 0
    ratio = np.maximum(reference.probability, _TINY) / np.maximum(probability, _TINY)
    rows = (reference.probability * np.log(ratio)).sum(axis=0)
    return float(submodel.weights @ rows / submodel.weights.sum())


def _gradient(submodel: Submodel, reference: Reference, distance: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Derivative of the log-likelihood of the fractional counts in the parameters."""
    step = np.diff(distance[:, :1], axis=0) if reference.inverse_scale is None else None
    d_thresholds = score(submodel.response, distance, counts, step)
    if reference.inverse_scale is not None:
        d_thresholds = d_thresholds * reference.inverse_scale
    d_eta = -d_thresholds.sum(axis=0)
    parts = [d_thresholds.sum(axis=1), d_eta @ submodel.x]
    if submodel.n_groups:
        parts.append(np.bincount(submodel.group, d_eta, submodel.n_groups))
    return np.concatenate(parts)


def factored(submodel: Submodel, reference: Reference, distance: np.ndarray) -> tuple[np.ndarray, bool]:
    """Cholesky factor of :func:`information`."""
    factor: tuple[np.ndarray, bool] = cho_factor(information(submodel, reference, distance))
    return factor


def information(submodel: Submodel, reference: Reference, distance: np.ndarray) -> np.ndarray:
    """Expected information of the parameters, made regular where group intercepts share their level with thresholds.

    A multiple of 1 1' is added to the block of the group intercepts: every step then leaves their sum alone and is
    otherwise the same.
    """
    weights = submodel.weights
    if reference.inverse_scale is not None:
        weights = weights * reference.inverse_scale**2
    blocks = expected_information(submodel.response, distance) * weights
    on_eta = blocks.sum(axis=0)  # minus the cross terms of thresholds and linear predictor
    total = on_eta.sum(axis=0)
    n_cuts, x = submodel.n_thresholds, submodel.x
    size = n_cuts + x.shape[1]
    result = np.zeros((size + submodel.n_groups,) * 2)
    result[:n_cuts, :n_cuts] = blocks.sum(axis=2)
    result[n_cuts:size, :n_cuts] = -x.T @ on_eta.T
    result[n_cuts:size, n_cuts:size] = x.T @ (total[:, None] * x)
    if submodel.n_groups:
        columns = np.column_stack([-on_eta.T, total[:, None] * x])
        for position, column in enumerate(columns.T):
            result[size:, position] = np.bincount(submodel.group, column, submodel.n_groups)
        by_group = np.bincount(submodel.group, total, submodel.n_groups)
        result[size:, size:] = np.diag(by_group) + by_group.mean() / submodel.n_groups
    lower = np.tril(result)
    symmetric: np.ndarray = lower + np.tril(result, -1).T
    return symmetric


def _damped(
    submodel: Submodel, reference: Reference, parameters: np.ndarray, step: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """The step, halved until thresholds stay in order and the divergence does not grow."""
    value = _log_likelihood(submodel, reference, parameters, counts)
    for halving in range(30):
        trial = step * 0.5**halving
        if _log_likelihood(submodel, reference, parameters + trial, counts) >= value:
            return trial
    return np.zeros_like(step)


def _log_likelihood(submodel: Submodel, reference: Reference, parameters: np.ndarray, counts: np.ndarray) -> float:
    """Minus infinity where thresholds of the cumulative family are out of order."""
    if not _in_order(submodel, parameters):
        return -np.inf
    probability = probabilities(submodel.response, submodel_distance(submodel, reference, parameters))
    return float((counts * np.log(np.maximum(probability, _TINY))).sum())


def _in_order(submodel: Submodel, parameters: np.ndarray) -> bool:
    """The other families put no order on their thresholds."""
    increasing = bool(np.all(np.diff(parameters[: submodel.n_thresholds]) > 0))
    return increasing or submodel.response.family != "cumulative"
