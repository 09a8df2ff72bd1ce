r"""Predicted probabilities and average marginal effects of a maximum-likelihood fit, with delta-method intervals.

The delta method's derivatives are central differences of the same functions that give the estimates, all parameters in
one block: with a step of the cube root of machine precision they are right to about 1e-10. An effect gets a symmetric
interval; a probability one that is symmetric on the logit scale, which keeps it between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from bayesgov.fits import Check
from bayesgov.survey import margins
from bayesgov.survey.changes import Effect, Kind, effects_of, left_out
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.ordered import OrderedFit
from bayesgov.survey.margins import Coefficients

_STEP = float(np.cbrt(np.finfo(float).eps))
_CHUNK_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class MarginalEffects:
    """Average marginal effects on the probability of every level.

    Attributes
    ----------
    effects : tuple of Effect, length n_effects
    levels : tuple of str, length n_categories
    estimate, std_error : ndarray, shape (n_effects, n_categories)
    left_out : tuple of str
        Terms whose effect these arrays cannot give: :func:`bayesgov.survey.changes.left_out`.
    """

    effects: tuple[Effect, ...]
    levels: tuple[str, ...]
    estimate: np.ndarray
    std_error: np.ndarray
    left_out: tuple[str, ...]

    def checks(self) -> tuple[Check, ...]:
        """Which terms have no average effect here."""
        number = len(self.left_out)
        advice = f"no average effect of {', '.join(self.left_out)}: compare predictions for chosen values instead"
        return (Check("effects_left_out", number, 0, "warn" if number else "pass", advice if number else ""),)

    def frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row for each effect and level: term, change, level, estimate, std_error, lower, upper, interval, p_value.

        ``change`` is "derivative", "step" or "contrast", see :class:`bayesgov.survey.margins.Effect`.
        """
        reach = _normal_quantile(level) * self.std_error
        return pd.DataFrame(
            {
                "term": np.repeat([effect.term for effect in self.effects], len(self.levels)),
                "change": np.repeat([effect.kind for effect in self.effects], len(self.levels)),
                "level": np.tile(self.levels, len(self.effects)),
                "estimate": self.estimate.ravel(),
                "std_error": self.std_error.ravel(),
                "lower": (self.estimate - reach).ravel(),
                "upper": (self.estimate + reach).ravel(),
                "interval": f"{100 * level:g}% delta-method confidence",
                "p_value": 2 * stats.norm.sf(np.abs(self.estimate / self.std_error)).ravel(),
            }
        )


@dataclass(frozen=True, slots=True)
class PredictedProbabilities:
    """Predicted probabilities of every level.

    Attributes
    ----------
    rows : tuple of str, length n_rows
        What each row stands for.
    levels : tuple of str, length n_categories
    estimate, std_error : ndarray, shape (n_rows, n_categories)
    """

    rows: tuple[str, ...]
    levels: tuple[str, ...]
    estimate: np.ndarray
    std_error: np.ndarray

    def frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row for each row and level: row, level, estimate, std_error, lower, upper, interval."""
        spread = self.estimate * (1 - self.estimate)
        # d logit(p) = dp / (p (1 - p))
        reach = _normal_quantile(level) * np.divide(self.std_error, spread, out=np.zeros_like(spread), where=spread > 0)
        centre = logit(self.estimate)
        return pd.DataFrame(
            {
                "row": np.repeat(self.rows, len(self.levels)),
                "level": np.tile(self.levels, len(self.rows)),
                "estimate": self.estimate.ravel(),
                "std_error": self.std_error.ravel(),
                "lower": expit(centre - reach).ravel(),
                "upper": expit(centre + reach).ravel(),
                "interval": f"{100 * level:g}% delta-method confidence (logit scale)",
            }
        )


def marginal_effects(fit: OrderedFit, design: Design, kinds: Mapping[str, Kind] | None = None) -> MarginalEffects:
    """Average marginal effects over the rows of a Design.

    Parameters
    ----------
    fit : OrderedFit
    design : Design
        The rows to average over: those of the fit, or others with the same terms.
    kinds : mapping of str to {"derivative", "step", "contrast"}, optional
        See :func:`bayesgov.survey.changes.effects_of`.

    Returns
    -------
    MarginalEffects
    """
    effects = effects_of(design, kinds)
    estimate, std_error = _with_std_error(
        fit, lambda values: margins.average_effects(design, values, fit.problem, effects)
    )
    return MarginalEffects(effects, design.levels, estimate, std_error, left_out(design))


def average_probabilities(fit: OrderedFit, design: Design) -> PredictedProbabilities:
    """Predicted probabilities averaged over the rows, one row of results."""
    estimate, std_error = _with_std_error(
        fit, lambda values: margins.average_probabilities(design, values, fit.problem)[:, None]
    )
    return PredictedProbabilities(("average",), design.levels, estimate, std_error)


def predicted_probabilities(
    fit: OrderedFit, design: Design, rows: tuple[str, ...] | None = None
) -> PredictedProbabilities:
    """Predicted probabilities of every row: of new data, :func:`bayesgov.survey.changes.at_means` or ``on_grid``.

    Parameters
    ----------
    fit : OrderedFit
    design : Design
    rows : tuple of str, length design.n_obs, optional
        Names of the rows; by default their numbers.
    """
    parts = []
    for start in range(0, design.n_obs, _CHUNK_ROWS):
        part = design.take(np.arange(start, min(start + _CHUNK_ROWS, design.n_obs)))
        parts.append(_with_std_error(fit, partial(margins.probabilities, part, response=fit.problem)))
    estimate, std_error = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    names = rows or tuple(str(row) for row in design.row)
    return PredictedProbabilities(names, design.levels, estimate, std_error)


def coefficients_of(fit: OrderedFit, parameters: np.ndarray | None = None) -> Coefficients:
    """A fit's estimates, or other values of its parameters, as a block for :mod:`bayesgov.survey.margins`.

    Parameters
    ----------
    fit : OrderedFit
    parameters : ndarray, shape (n_draws, n_parameters), optional
        By default the estimates, a block of one.
    """
    block = fit.parameters[None] if parameters is None else parameters
    roles = [fit.problem.unpack(row) for row in block]
    return margins.coefficients(
        np.array([role.threshold for role in roles]),
        np.array([role.beta for role in roles]),
        departure=np.array([role.departure for role in roles]),
        log_scale=np.array([role.log_scale for role in roles]),
    )


def _with_std_error(fit: OrderedFit, function: Callable[[Coefficients], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A function of the parameters at the estimates, with its delta-method standard error.

    Parameters
    ----------
    function : callable
        A block of n_draws parameter values -> ndarray, shape (n_draws, ...).
    """
    step = _STEP * np.maximum(1.0, np.abs(fit.parameters))
    moves = np.concatenate([np.diag(step), -np.diag(step)])
    up, down = np.split(function(coefficients_of(fit, fit.parameters + moves)), 2)
    # se² = (df / d theta) Cov (df / d theta)'
    slope = (up - down) / (2 * step).reshape(-1, *[1] * (up.ndim - 1))
    variance = np.einsum("a...,ab,b...->...", slope, fit.covariance, slope)
    return function(coefficients_of(fit))[0], np.sqrt(np.maximum(variance, 0.0))


def _normal_quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level}")
    return float(stats.norm.ppf(0.5 * (1 + level)))
