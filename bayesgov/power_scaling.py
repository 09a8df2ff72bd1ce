"""A posterior probability under a stronger or weaker prior, by weights on the draws that there are.

Raising the prior to a power scales how much it says (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5); a normal
prior of scale s becomes one of scale s / sqrt(power). The weights are Pareto-smoothed, and their tail says when they
stop to be reliable (Vehtari et al. 2024, doi:10.48550/arXiv.1507.02646).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesgov.pareto import pareto_k_threshold, smoothed_weights

WIDEST = 4.0  # powers from 1 / WIDEST to WIDEST are tried
FEWEST_DRAWS = 25  # that the tail of the weights can be told from
_STEP = 1 / 16  # of log2 of the power, then halved to _EXACT
_EXACT = 1e-3


@dataclass(frozen=True, slots=True)
class Reweighted:
    """A probability under the prior raised to a power.

    Attributes
    ----------
    probability : float
    pareto_k : float
        Shape of the weights' tail; minus infinity where the prior is flat over the draws.
    reliable : bool
        Whether ``pareto_k`` lies below min(1 - 1 / log10(draws), 0.7).
    """

    probability: float
    pareto_k: float
    reliable: bool


@dataclass(frozen=True, slots=True)
class Side:
    """What turning the power one way found.

    Attributes
    ----------
    power : float
        Where the answer changes; NaN if it does not.
    answer : str
        The other answer; empty if it does not change.
    reach : float
        The last power that was reliable: nothing is known beyond it.
    pareto_k : float
        At the last power that was tried.
    """

    power: float
    answer: str
    reach: float
    pareto_k: float


def log_prior_density(tree: xr.DataTree) -> np.ndarray | None:
    """Log density of a tree's top-level priors in each draw, shape (n_draws,), chain by chain; None if not kept."""
    if "log_prior" not in tree:
        return None
    parts = []
    for variable in tree["log_prior"].to_dataset().data_vars.values():
        inner = [dim for dim in variable.dims if dim not in ("chain", "draw")]
        parts.append(variable.sum(inner).transpose("chain", "draw").values.ravel())
    total: np.ndarray | None = np.sum(parts, axis=0) if parts else None
    return total


def reweighted(event: np.ndarray, log_prior: np.ndarray, power: float) -> Reweighted:
    """Probability of an event under the prior raised to ``power``.

    Parameters
    ----------
    event : ndarray of bool, shape (n_draws,)
    log_prior : ndarray, shape (n_draws,)
    power : float
        One leaves the posterior as it is.

    Raises
    ------
    ValueError
        With fewer than 25 draws.
    """
    # p(theta | y, power) / p(theta | y) = c p(theta)^(power - 1)
    log_ratio = (power - 1.0) * (log_prior - log_prior.max())
    if np.ptp(log_ratio) < 1e-12:
        return Reweighted(float(event.mean()), -np.inf, True)
    weights, tail = smoothed_weights(-log_ratio[:, None])
    reliable = bool(tail[0] <= pareto_k_threshold(event.size))
    return Reweighted(float(weights[:, 0] @ event), float(tail[0]), reliable)


def turn_prior(event: np.ndarray, log_prior: np.ndarray, answer: Callable[[float], str], *, stronger: bool) -> Side:
    """The power nearest to one, on one side of it, at which the answer changes.

    Parameters
    ----------
    event : ndarray of bool, shape (n_draws,)
    log_prior : ndarray, shape (n_draws,)
    answer : callable
        From a probability to an answer.
    stronger : bool
        Whether powers above one are tried, up to :data:`WIDEST`, or those below.
    """
    sign = 1.0 if stronger else -1.0
    now, reached, tail = answer(float(event.mean())), 0.0, -np.inf
    for distance in np.arange(_STEP, np.log2(WIDEST) + _STEP / 2, _STEP):
        found = reweighted(event, log_prior, 2.0 ** (sign * distance))
        tail = found.pareto_k
        if not found.reliable:
            break
        if (then := answer(found.probability)) != now:
            low, high = reached, float(distance)
            while high - low > _EXACT:
                middle = 0.5 * (low + high)
                trial = answer(reweighted(event, log_prior, 2.0 ** (sign * middle)).probability)
                low, high, then = (middle, high, then) if trial == now else (low, middle, trial)
            power = float(2.0 ** (sign * high))
            return Side(power, then, power, tail)
        reached = float(distance)
    return Side(np.nan, "", float(2.0 ** (sign * reached)), tail)
