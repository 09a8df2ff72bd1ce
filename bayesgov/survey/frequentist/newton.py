"""Maximum of an ordinal likelihood by Newton's method.

The log-likelihood of the cumulative logit, probit, cloglog and loglog models is concave in thresholds and coefficients
together (Pratt 1981, doi:10.1080/01621459.1981.10477613; Burridge 1981, doi:10.1111/j.2517-6161.1981.tb01147.x); with
cauchit or a scale model it need not be. Where the information is not positive definite a ridge makes it so, and a step
is shortened until thresholds stay in order and the likelihood rises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from bayesgov.survey.ordinal import Evaluation, OrdinalProblem

_MAX_ITERATIONS = 100
_MAX_HALVINGS = 40
_WILD = 30.0  # change of a distance threshold - eta beyond which no step is tried
_TAME = 4.0  # and from which a step that fails is shortened
_DECREMENT_TOLERANCE = 1e-6  # in standard errors; the step that follows squares it


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the iteration ended.

    Attributes
    ----------
    parameters : ndarray, shape (n_parameters,)
    evaluation : Evaluation
        At ``parameters``.
    next_step : ndarray, shape (n_parameters,)
        The Newton step that would come next: the distance to the exact maximum up to second order.
    decrement : float
        Length of that step in standard errors, sqrt(g' I⁻¹ g).
    iterations : int
    converged : bool
    """

    parameters: np.ndarray
    evaluation: Evaluation
    next_step: np.ndarray
    decrement: float
    iterations: int
    converged: bool


def maximise(problem: OrdinalProblem, start: np.ndarray, free: np.ndarray | None = None) -> Optimum:
    """Maximise the log-likelihood from a start with thresholds in order.

    Parameters
    ----------
    problem : OrdinalProblem
    start : ndarray, shape (n_parameters,)
    free : ndarray of bool, shape (n_parameters,), optional
        Parameters that move; the others keep their start (profile likelihood).

    Returns
    -------
    Optimum
        Also where there is no maximum: ``converged`` is then False.
    """
    moving = np.ones(start.size, dtype=bool) if free is None else free
    parameters, found = start, problem.evaluate(start)
    polished = False
    for iteration in range(1, _MAX_ITERATIONS + 1):
        step, decrement, definite = _newton_step(found, moving)
        close = definite and decrement < _DECREMENT_TOLERANCE
        if close and polished:
            return Optimum(parameters, found, step, decrement, iteration - 1, converged=True)
        polished = close
        # the last step changes the likelihood by less than it can resolve
        better = _improved(problem, parameters, step, found, slack=1e-13 * abs(found.value))
        if better is None:
            return Optimum(parameters, found, step, decrement, iteration, converged=close)
        parameters, found = better
    step, decrement, _ = _newton_step(found, moving)
    return Optimum(parameters, found, step, decrement, _MAX_ITERATIONS, converged=False)


def _newton_step(found: Evaluation, moving: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Newton step, its length in standard errors, and whether the information was positive definite as it stood."""
    information, gradient = -found.hessian[np.ix_(moving, moving)], found.gradient[moving]
    size = np.sqrt(np.maximum(np.abs(np.diag(information)), np.finfo(float).tiny))
    scaled = information / np.outer(size, size)
    definite = True
    try:
        factor = cho_factor(scaled, lower=True)
    except LinAlgError:
        lowest = float(np.linalg.eigvalsh(scaled)[0])
        factor = cho_factor(scaled + (max(-lowest, 0.0) * 1.5 + 1e-3) * np.eye(size.size), lower=True)
        definite = lowest > -1e-10  # a singular information at a maximum is no lack of convergence
    solved = cho_solve(factor, gradient / size)
    step = np.zeros(moving.size)
    step[moving] = solved / size
    return step, float(np.sqrt(max(solved @ (gradient / size), 0.0))), definite


def _improved(
    problem: OrdinalProblem, parameters: np.ndarray, step: np.ndarray, found: Evaluation, *, slack: float
) -> tuple[np.ndarray, Evaluation] | None:
    """The end of the longest shortened step on which the likelihood does not fall; None if there is none."""
    reach = _largest_move(problem, step)
    length = min(1.0, _WILD / reach) if reach > 0 else 1.0
    for _ in range(_MAX_HALVINGS):
        trial = parameters + step * length
        new = problem.evaluate(trial)
        if np.isfinite(new.value) and new.value >= found.value - slack:
            return trial, new
        # where probabilities have saturated the information says nothing about the length of a step
        length = min(0.5 * length, _TAME / reach) if reach > 0 else 0.5 * length
    return None


def _largest_move(problem: OrdinalProblem, step: np.ndarray) -> float:
    """The largest change of any row's threshold minus linear predictor."""
    values, nominal = problem.unpack(step), list(problem.design.nominal)
    common = problem.x @ values.beta
    moves = [
        np.abs(cut - common - (problem.x[:, nominal] @ departure if nominal else 0.0)).max()
        for cut, departure in zip(values.threshold, values.departure.T, strict=True)
    ]
    return float(max(moves))
