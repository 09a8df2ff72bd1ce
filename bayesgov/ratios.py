"""Confidence sets of a ratio of two estimates: delta method and Fieller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

FiellerKind = Literal["interval", "complement", "whole line"]


@dataclass(frozen=True, slots=True)
class RatioMoments:
    """Numerator and denominator with their sampling (co)variances."""

    numerator: float
    denominator: float
    numerator_variance: float
    denominator_variance: float
    covariance: float

    @property
    def ratio(self) -> float:
        """NaN where the denominator is exactly zero."""
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
        z² Var(D) / D², D the denominator: 1 or more where the denominator does not differ from zero at this level,
        which is when the set is unbounded. NaN where a variance is negative.
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


def fieller_set(moments: RatioMoments, level: float = 0.95) -> FiellerSet:
    """Fieller's set: all ratios rho with (N - rho D)² <= z² Var(N - rho D).

    The inequality is a rho² - 2 b rho + c <= 0, and its leading coefficient a = D² - z² Var(D) decides the shape
    (Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x). A corrected variance may be negative: nothing is excluded.
    """
    if moments.numerator_variance < 0 or moments.denominator_variance < 0:
        return FiellerSet("whole line", -np.inf, np.inf, np.nan)
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


def delta_interval(moments: RatioMoments, level: float = 0.95) -> DeltaInterval:
    """Delta-method interval: Var(N/D) ≈ (Var N - 2 R Cov + R² Var D) / D² with R = N / D.

    Valid only where the denominator is many standard errors from zero: g below 0.05 (Finney 1971, Probit Analysis,
    3rd ed., on Fieller's theorem).
    """
    m, z = moments, float(stats.norm.isf(0.5 * (1 - level)))
    variance = m.numerator_variance - 2 * m.ratio * m.covariance + m.ratio**2 * m.denominator_variance
    if not m.denominator or not variance >= 0:  # a corrected covariance need not be positive definite
        return DeltaInterval(np.nan, np.nan, np.nan, False)
    std_error = variance**0.5 / abs(m.denominator)
    valid = 0 <= z**2 * m.denominator_variance / m.denominator**2 < 0.05
    return DeltaInterval(std_error, m.ratio - z * std_error, m.ratio + z * std_error, valid)
