"""Proximal Newton: a smooth loss plus weighted absolute values of some parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesgov.survey.frequentist.penalised_quadratic import kkt_residual, minimise_penalised_quadratic

_MAX_STEPS = 100
_MAX_HALVINGS = 40
_ARMIJO = 1e-4
_TRACE = 1e-10
_SLACK = 1e-13  # of the loss: rounding in its sum over rows


@dataclass(frozen=True, slots=True)
class Loss:
    """A smooth loss at one point.

    Attributes
    ----------
    value : float
        Infinite outside the domain.
    gradient : ndarray, shape (n,)
    hessian : ndarray, shape (n, n)
    """

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


@dataclass(frozen=True, slots=True)
class PenalisedMinimum:
    """Where a penalised loss is least.

    Attributes
    ----------
    parameters : ndarray, shape (n,)
    loss : Loss
        At ``parameters``.
    kkt : float
        Largest violation of the conditions of optimality.
    """

    parameters: np.ndarray
    loss: Loss
    kkt: float


def minimise_penalised(
    evaluate: Callable[[np.ndarray], Loss], start: np.ndarray, loss: Loss, penalty: np.ndarray, tolerance: float
) -> PenalisedMinimum:
    """The parameters that minimise loss(p) + sum_j penalty_j |p_j|.

    Every step minimises the penalised quadratic expansion of the loss and is halved until the objective falls (Lee,
    Sun & Saunders 2014, doi:10.1137/130921428). Where the loss is not convex, as with a cauchit link, its Hessian is
    shifted until it is positive definite.

    Parameters
    ----------
    evaluate : callable
    start : ndarray, shape (n,)
    loss : Loss
        At ``start``.
    penalty : ndarray, shape (n,)
        Zero for parameters that are not penalised.
    tolerance : float
        Violation of the conditions of optimality at which to stop.

    Returns
    -------
    PenalisedMinimum
        Its ``kkt`` exceeds the tolerance if no step makes progress any more.
    """
    parameters = start
    for _ in range(_MAX_STEPS):
        if kkt_residual(loss.gradient, parameters, penalty) <= tolerance:
            break
        hessian = positive_definite(loss.hessian)
        linear = hessian @ parameters - loss.gradient
        proposal = minimise_penalised_quadratic(hessian, linear, penalty, parameters)
        moved = _backtrack(evaluate, parameters, loss, proposal, penalty)
        if moved is None:
            break
        parameters, loss = moved
    return PenalisedMinimum(parameters, loss, kkt_residual(loss.gradient, parameters, penalty))


def positive_definite(hessian: np.ndarray) -> np.ndarray:
    """The Hessian with a trace of its diagonal added, or, if it is indefinite, shifted until it is not.

    The trace serves predictors that repeat one another, and fewer rows than predictors; it changes steps, not where
    they end.
    """
    traced = hessian + np.diag(_TRACE * np.diag(hessian))
    try:
        np.linalg.cholesky(traced)
    except np.linalg.LinAlgError:
        eigenvalues = np.linalg.eigvalsh(hessian)
        floor = 1e-6 * np.abs(eigenvalues).max()
        return np.asarray(hessian + (floor - eigenvalues[0]) * np.eye(hessian.shape[0]))
    return np.asarray(traced)


def _backtrack(
    evaluate: Callable[[np.ndarray], Loss],
    parameters: np.ndarray,
    loss: Loss,
    proposal: np.ndarray,
    penalty: np.ndarray,
) -> tuple[np.ndarray, Loss] | None:
    """The step to the proposal, halved until the objective falls; None if it never does."""
    direction = proposal - parameters
    before = penalty @ np.abs(parameters)
    # what the linear expansion of the loss promises
    promised = loss.gradient @ direction + penalty @ np.abs(proposal) - before
    slack = _SLACK * (1 + abs(loss.value))
    for halving in range(_MAX_HALVINGS):
        share = 0.5**halving
        trial = proposal if not halving else parameters + share * direction
        new = evaluate(trial)
        fallen = new.value + penalty @ np.abs(trial) - loss.value - before
        if np.isfinite(new.value) and fallen <= _ARMIJO * share * promised + slack:
            return trial, new
    return None
