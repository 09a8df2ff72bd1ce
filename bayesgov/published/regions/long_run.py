"""The long-run effect (b0 + b1) / (1 - alpha) of an ADL(1,1), by region, from coefficients and standard errors.

The ratio has no moments when the denominator can be near zero, so it is described by quantiles, never by a mean. The
published table prints no covariances; the ratio depends on them through two correlations only, that of b0 with b1
and that of their sum with alpha, which the functions here take as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

FiellerKind = Literal["interval", "complement", "whole line"]


@dataclass(frozen=True, slots=True)
class LongRunMoments:
    """Numerator b0 + b1 and denominator 1 - alpha with their sampling (co)variances."""

    numerator: float
    denominator: float
    numerator_variance: float
    denominator_variance: float
    covariance: float

    @property
    def ratio(self) -> float:
        """NaN where alpha is printed as exactly one."""
        return self.numerator / self.denominator if self.denominator else np.nan


@dataclass(frozen=True, slots=True)
class FiellerSet:
    """Fieller's confidence set of a ratio.

    Attributes
    ----------
    kind : {"interval", "complement", "whole line"}
        "interval": [lower, upper]. "complement": everything outside the open interval (lower, upper), so the set is
        unbounded on both sides. "whole line": no value is excluded; the limits are infinite.
    lower, upper : float
    g : float
        z² Var(1 - alpha) / (1 - alpha)²: 1 or more where the denominator does not differ from zero at this level,
        which is when the set is unbounded.
    """

    kind: FiellerKind
    lower: float
    upper: float
    g: float

    def contains(self, value: float) -> bool:
        inside = self.lower <= value <= self.upper
        if self.kind == "complement":
            return value <= self.lower or value >= self.upper
        return inside

    def __str__(self) -> str:
        if self.kind == "interval":
            return f"[{self.lower:.3g}, {self.upper:.3g}]"
        if self.kind == "complement":
            return f"(-inf, {self.lower:.3g}] or [{self.upper:.3g}, inf)"
        return "(-inf, inf)"


@dataclass(frozen=True, slots=True)
class DeltaInterval:
    """First-order interval of a ratio, and whether it can be believed.

    Attributes
    ----------
    std_error, lower, upper : float
    valid : bool
        Fieller's g is below 0.05, Finney's rule for neglecting it; otherwise the interval is too short.
    """

    std_error: float
    lower: float
    upper: float
    valid: bool


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
) -> LongRunMoments:
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
    return LongRunMoments(
        numerator=float(estimate[0] + estimate[1]),
        denominator=float(1 - estimate[2]),
        numerator_variance=numerator_variance,
        denominator_variance=s_alpha**2,
        covariance=-correlation_alpha * numerator_variance**0.5 * s_alpha,
    )


def fieller_set(moments: LongRunMoments, level: float = 0.95) -> FiellerSet:
    """Fieller's set: all ratios rho with (N - rho D)² <= z² Var(N - rho D).

    The inequality is a rho² - 2 b rho + c <= 0, and its leading coefficient a = D² - z² Var(D) decides the shape
    (Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x).
    """
    m, z2 = moments, float(stats.norm.isf(0.5 * (1 - level))) ** 2
    a = m.denominator**2 - z2 * m.denominator_variance
    b = m.numerator * m.denominator - z2 * m.covariance
    c = m.numerator**2 - z2 * m.numerator_variance
    g = z2 * m.denominator_variance / m.denominator**2 if m.denominator else np.inf
    discriminant = b * b - a * c
    if a == 0:  # a half-line: the limit of an interval whose one end runs off
        edge = c / (2 * b)
        return FiellerSet("interval", edge if b > 0 else -np.inf, np.inf if b > 0 else edge, g)
    if discriminant < 0:  # only with a < 0: the inequality holds everywhere
        return FiellerSet("whole line", -np.inf, np.inf, g)
    roots = sorted(((b - discriminant**0.5) / a, (b + discriminant**0.5) / a))
    return FiellerSet("interval" if a > 0 else "complement", roots[0], roots[1], g)


def delta_interval(moments: LongRunMoments, level: float = 0.95) -> DeltaInterval:
    """Delta-method interval: Var(N/D) ≈ (Var N - 2 R Cov + R² Var D) / D² with R = N / D.

    Valid only where the denominator is many standard errors from zero: g below 0.05 (Finney 1971, Probit Analysis,
    3rd ed., on Fieller's theorem).
    """
    m, z = moments, float(stats.norm.isf(0.5 * (1 - level)))
    if not m.denominator:
        return DeltaInterval(np.nan, np.nan, np.nan, False)
    variance = m.numerator_variance - 2 * m.ratio * m.covariance + m.ratio**2 * m.denominator_variance
    std_error = variance**0.5 / abs(m.denominator)
    valid = z**2 * m.denominator_variance / m.denominator**2 < 0.05
    return DeltaInterval(std_error, m.ratio - z * std_error, m.ratio + z * std_error, valid)


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
