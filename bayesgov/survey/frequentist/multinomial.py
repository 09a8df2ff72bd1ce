r"""Multinomial logit: the unordered model that the survey study names as its fallback from proportional odds.

.. math:: \log\frac{P(y_i = k)}{P(y_i = 0)} = a_k + x_i b_k, \qquad k = 1..K-1,

with the lowest level as the reference. The log-likelihood is concave, so Newton with step halving finds the maximum
wherever there is one (Agresti 2013, Categorical Data Analysis, section 8.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import logsumexp

from bayesgov.fits import Check, EstimatorFit, estimator_tree
from bayesgov.survey.design import Design

_DECREMENT = 1e-12  # log-likelihood still to be gained: parameters right to 1e-6 standard errors
_MAX_ITERATIONS = 60  # quadratic convergence needs about 8; each one more takes a separated logit one unit further
_FLAT = 1e-4  # information on a logit over a predictor's range: a standard error of 100 logits says nothing
_SHARE = 0.1  # of a flat direction's length, above which a coefficient takes part in it


@dataclass(frozen=True, slots=True)
class MultinomialFit:
    """Maximum-likelihood multinomial logit.

    Attributes
    ----------
    levels : tuple of str, length n_categories
        The first is the reference.
    terms : tuple of str, length n_terms
    coefficients : ndarray, shape (n_categories - 1, 1 + n_terms)
        Intercept first.
    covariance : ndarray, shape ((n_categories - 1) * (1 + n_terms),) squared
        Inverse information of ``coefficients.ravel()``.
    log_likelihood : float
    n_observations : float
        Sum of the frequency weights.
    iterations : int
    checks : tuple of Check
    """

    levels: tuple[str, ...]
    terms: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    n_observations: float
    iterations: int
    checks: tuple[Check, ...]

    @property
    def parameters(self) -> np.ndarray:
        """The coefficients in one vector, level by level."""
        return self.coefficients.ravel()

    @property
    def std_errors(self) -> np.ndarray:
        """Standard errors, shape of ``coefficients``."""
        return np.asarray(np.sqrt(np.diag(self.covariance)).reshape(self.coefficients.shape))

    @property
    def names(self) -> tuple[str, ...]:
        """``good: temp[warm]`` for each element of ``coefficients``."""
        return tuple(f"{level}: {term}" for level in self.levels[1:] for term in ("intercept", *self.terms))

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Probability of every level, shape (n_rows, n_terms) -> (n_rows, n_categories)."""
        return np.exp(_log_probabilities(_with_intercept(x), self.coefficients))

    def to_fit(self, label: str = "survey-multinomial") -> EstimatorFit:
        """The coefficients as a Fit."""
        tree = estimator_tree(self.names, self.parameters, self.std_errors.ravel())
        tree.attrs.update(estimator="maximum likelihood, multinomial logit", reference=self.levels[0])
        return EstimatorFit(label, tree, self.checks)

    def tests_by_factor(self, factors: tuple[str, ...]) -> pd.DataFrame:
        """Wald test that a factor changes no logit: factor, statistic, df, p_value."""
        rows = []
        for factor in dict.fromkeys(factors):
            columns = [1 + index for index, name in enumerate(factors) if name == factor]
            picked = (np.arange(self.parameters.size).reshape(self.coefficients.shape)[:, columns]).ravel()
            estimate = self.parameters[picked]
            statistic = float(estimate @ np.linalg.solve(self.covariance[np.ix_(picked, picked)], estimate))
            rows.append((factor, statistic, picked.size, float(stats.chi2.sf(statistic, picked.size))))
        return pd.DataFrame(rows, columns=["factor", "statistic", "df", "p_value"])


def fit_multinomial(design: Design) -> MultinomialFit:
    """Maximise the multinomial likelihood of all columns of x.

    Parameters
    ----------
    design : Design
        Groups and scale terms are not used.

    Returns
    -------
    MultinomialFit
        Where levels can be told apart without error, the estimates are where Newton stopped on its way to infinity,
        and a failed check names level and terms.

    Raises
    ------
    ValueError
        With an offset, which has no meaning for K - 1 logits, or an outcome level without rows.
    """
    if np.any(design.offset != 0):
        raise ValueError("a multinomial logit takes no offset: leave the offset out, or compare ordinal models only")
    x = _with_intercept(design.x)
    totals = np.bincount(design.y, design.weights, design.n_categories)
    if np.any(totals <= 0):
        raise ValueError(f"every outcome level needs an observation; level totals are {totals.tolist()}: merge levels")
    coefficients = np.zeros((design.n_categories - 1, x.shape[1]))
    coefficients[:, 0] = np.log(totals[1:] / totals[0])
    value, gradient, information = _evaluate(design, x, coefficients)
    decrement, iterations = np.inf, 0
    while iterations < _MAX_ITERATIONS and decrement > _DECREMENT:
        iterations += 1
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]  # a separated logit's information vanishes
        decrement = float(gradient @ step)
        coefficients = _ascend(design, x, coefficients, step.reshape(coefficients.shape), value)
        value, gradient, information = _evaluate(design, x, coefficients)
    return MultinomialFit(
        levels=design.levels,
        terms=design.terms,
        coefficients=coefficients,
        covariance=np.linalg.pinv(information, hermitian=True),
        log_likelihood=value,
        n_observations=float(design.weights.sum()),
        iterations=iterations,
        checks=_checks(design, information, decrement),
    )


def _with_intercept(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(x.shape[0]), x])


def _log_probabilities(x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    eta = np.concatenate([np.zeros((x.shape[0], 1)), x @ coefficients.T], axis=1)
    return np.asarray(eta - logsumexp(eta, axis=1, keepdims=True))


def _log_likelihood(design: Design, x: np.ndarray, coefficients: np.ndarray) -> float:
    return float(design.weights @ _log_probabilities(x, coefficients)[np.arange(design.n_obs), design.y])


def _evaluate(design: Design, x: np.ndarray, coefficients: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log-likelihood, gradient and observed (here also expected) information, coefficients level by level."""
    log_probability = _log_probabilities(x, coefficients)
    value = float(design.weights @ log_probability[np.arange(design.n_obs), design.y])
    fitted = design.weights[:, None] * np.exp(log_probability[:, 1:])
    observed = design.weights[:, None] * (design.y[:, None] == np.arange(1, design.n_categories))
    gradient = (observed - fitted).T @ x
    n_logits, n_columns = coefficients.shape
    information = np.empty((n_logits, n_columns, n_logits, n_columns))
    for k in range(n_logits):
        for j in range(k + 1):
            # w p_k (1{j = k} - p_j) x x'
            weight = fitted[:, k] * ((j == k) - np.exp(log_probability[:, 1 + j]))
            block = x.T @ (weight[:, None] * x)
            information[k, :, j], information[j, :, k] = block, block.T
    return value, gradient.ravel(), information.reshape(coefficients.size, coefficients.size)


def _ascend(design: Design, x: np.ndarray, coefficients: np.ndarray, step: np.ndarray, value: float) -> np.ndarray:
    """The Newton step, halved until the likelihood does not fall."""
    for halving in range(40):
        trial = coefficients + step * 0.5**halving
        if _log_likelihood(design, x, trial) >= value - 1e-12 * abs(value):
            return trial
    return coefficients


def _checks(design: Design, information: np.ndarray, decrement: float) -> tuple[Check, ...]:
    converged = decrement <= _DECREMENT
    advice = "" if converged else "the multinomial maximum was not reached"
    smallest, flat = _flat_terms(design, information)
    separation = f"no finite estimate for {', '.join(flat)}: merge outcome levels or drop the term" if flat else ""
    return (
        Check("newton_decrement", decrement, _DECREMENT, "pass" if converged else "fail", advice),
        Check("smallest_information", smallest, _FLAT, "fail" if flat else "pass", separation),
    )


def _flat_terms(design: Design, information: np.ndarray) -> tuple[float, list[str]]:
    """Least information on a change over the predictors' ranges, and the logits and terms along which it vanishes.

    Newton's steps towards infinity leave the information of a separated direction near zero.
    """
    reach = np.tile(np.concatenate([[1.0], np.ptp(design.x, axis=0)]), design.n_categories - 1)
    curvature, direction = np.linalg.eigh(information * np.outer(reach, reach))
    size = np.abs(direction[:, curvature < _FLAT]).max(axis=1, initial=0.0)
    names = [f"{level}: {term}" for level in design.levels[1:] for term in ("", *design.terms)]
    return float(curvature[0]), [
        name for name, part in zip(names, size, strict=True) if part > _SHARE and not name.endswith(": ")
    ]
