"""The long-run effect (b0 + b1) / (1 - alpha) of an ADL(1,1), by region, from coefficients and standard errors.

The ratio has no moments when the denominator can be near zero, so it is described by quantiles, never by a mean. The
published table prints no covariances; the ratio depends on them through two correlations only, that of b0 with b1
and that of their sum with alpha, which the functions here take as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from bayesgov.ratios import RatioMoments


@dataclass(frozen=True, slots=True, eq=False)
class LongRunDraws:
    """Draws of the three coefficients of one region.

    Attributes
    ----------
    effect, effect_lag, lagged_outcome : ndarray, shape (n_draws,)
    """

    effect: np.ndarray
    effect_lag: np.ndarray
    lagged_outcome: np.ndarray


@dataclass(frozen=True, slots=True)
class LongRunSummary:
    """Quantiles and probabilities of the long-run effect over draws.

    Attributes
    ----------
    median, lower, upper : float
        Over all draws, those with alpha >= 1 taken at the ratio's formal value.
    probability_positive : float
    median_stationary, lower_stationary, upper_stationary : float
        Over the draws with |alpha| < 1 only, where a long-run effect exists; NaN if there are fewer than 100.
    probability_unit_root : float
        Pr(alpha >= 1).
    probability_near_unit_root : float
        Pr(alpha > 0.95).
    probability_stationary : float
        Pr(|alpha| < 1).
    """

    median: float
    lower: float
    upper: float
    probability_positive: float
    median_stationary: float
    lower_stationary: float
    upper_stationary: float
    probability_unit_root: float
    probability_near_unit_root: float
    probability_stationary: float


def long_run_moments(
    estimate: np.ndarray, std_error: np.ndarray, correlation_effects: float = 0.0, correlation_alpha: float = 0.0
) -> RatioMoments:
    """Moments of numerator and denominator.

    Parameters
    ----------
    estimate, std_error : ndarray, shape (3,)
        Of b0, b1 and alpha.
    correlation_effects : float
        Of b0 with b1.
    correlation_alpha : float
        Of b0 + b1 with alpha. Every pair in (-1, 1)² belongs to some covariance matrix of the three.
    """
    s0, s1, s_alpha = (float(value) for value in std_error)
    numerator_variance = s0**2 + s1**2 + 2 * correlation_effects * s0 * s1
    return RatioMoments(
        numerator=float(estimate[0] + estimate[1]),
        denominator=float(1 - estimate[2]),
        numerator_variance=numerator_variance,
        denominator_variance=s_alpha**2,
        covariance=-correlation_alpha * numerator_variance**0.5 * s_alpha,
    )


def normal_draws(estimate: np.ndarray, std_error: np.ndarray, n_draws: int, rng: np.random.Generator) -> LongRunDraws:
    """Independent normal draws around b0, b1 and alpha, shapes (3,): the posterior under flat priors, no pooling."""
    columns = estimate + std_error * rng.standard_normal((n_draws, 3))
    return LongRunDraws(columns[:, 0], columns[:, 1], columns[:, 2])


def with_correlations(
    draws: LongRunDraws, correlation_effects: float, correlation_alpha: float, seed: int
) -> LongRunDraws:
    """Draws with the same margins, tied by a Gaussian copula.

    b1 is reordered against b0 and alpha against b0 + b1 (Iman & Conover 1982, doi:10.1080/03610918208812265). With
    normal margins this is the joint normal distribution. The same seed gives common random numbers, so that
    differences between correlations are not Monte Carlo noise.
    """
    rng = np.random.default_rng(seed)
    effect_lag = _reordered(draws.effect_lag, draws.effect, correlation_effects, rng)
    alpha = _reordered(draws.lagged_outcome, draws.effect + effect_lag, correlation_alpha, rng)
    return LongRunDraws(draws.effect, effect_lag, alpha)


def _reordered(values: np.ndarray, reference: np.ndarray, correlation: float, rng: np.random.Generator) -> np.ndarray:
    """The values rearranged so that their normal scores have this correlation with those of the reference."""
    n = len(values)
    scores = stats.norm.ppf((stats.rankdata(reference, method="ordinal") - 0.5) / n)
    target = correlation * scores + (1 - correlation**2) ** 0.5 * rng.standard_normal(n)
    return np.asarray(np.sort(values)[stats.rankdata(target, method="ordinal").astype(int) - 1])


def summarise(draws: LongRunDraws, level: float = 0.95) -> LongRunSummary:
    """Median, equal-tailed interval and probabilities; no moment of the ratio is taken, since none need exist."""
    alpha = draws.lagged_outcome
    ratio = (draws.effect + draws.effect_lag) / (1 - alpha)
    stationary = np.abs(alpha) < 1
    quantiles = [0.5, 0.5 * (1 - level), 0.5 * (1 + level)]
    everywhere = np.quantile(ratio, quantiles)
    enough = int(stationary.sum()) >= 100
    within = np.quantile(ratio[stationary], quantiles) if enough else np.full(3, np.nan)
    return LongRunSummary(
        median=float(everywhere[0]),
        lower=float(everywhere[1]),
        upper=float(everywhere[2]),
        probability_positive=float(np.mean(ratio > 0)),
        median_stationary=float(within[0]),
        lower_stationary=float(within[1]),
        upper_stationary=float(within[2]),
        probability_unit_root=float(np.mean(alpha >= 1)),
        probability_near_unit_root=float(np.mean(alpha > 0.95)),
        probability_stationary=float(np.mean(stationary)),
    )
