"""Frequentist meta-analysis of one term over regions: no, complete and partial pooling.

Conventions are those of metafor's ``rma(method="REML", test="knha")`` (Viechtbauer 2010, doi:10.18637/jss.v036.i03),
and the tests hold the functions to its printed output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats


@dataclass(frozen=True, slots=True)
class CommonEffect:
    """Inverse-variance estimate of one effect common to all regions, and Cochran's Q.

    Attributes
    ----------
    mean, std_error : float
    q : float
        Σ (y - mean)² / s², chi-squared with ``df`` degrees of freedom if the effect is common.
    df : int
    p_value : float
    """

    mean: float
    std_error: float
    q: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class RandomEffects:
    """Random-effects meta-analysis by restricted maximum likelihood.

    Attributes
    ----------
    k : int
        Number of regions.
    mean : float
    std_error : float
        Knapp-Hartung; its reference distribution is t with k - 1 degrees of freedom.
    std_error_wald : float
        The plain one, for a normal reference distribution.
    std_error_truncated : float
        Knapp-Hartung that is never below the plain one (metafor's "adhoc").
    tau2, tau2_lower, tau2_upper : float
        Between-region variance, with its Q-profile confidence limits; both are zero where the estimates agree better
        than even tau2 = 0 leads to expect, so that strictly no tau2 is in the set.
    tau2_dl, tau2_pm : float
        DerSimonian-Laird and Paule-Mandel estimates.
    mean_dl, std_error_dl : float
        Mean under the DerSimonian-Laird variance, with the plain standard error.
    typical_variance : float
        Higgins and Thompson's within-region variance, which ``i2`` and ``h2`` compare tau2 with.
    i2, i2_lower, i2_upper : float
        tau2 / (tau2 + typical_variance), in [0, 1]; limits from those of tau2.
    h2 : float
        tau2 / typical_variance + 1.
    prediction_lower, prediction_upper : float
        Interval for the effect in a new region, t with k - 1 degrees of freedom.
    prediction_lower_riley, prediction_upper_riley : float
        The same with k - 2 degrees of freedom.
    blup, blup_std_error : ndarray, shape (k,)
        Partially pooled region effects; the standard error takes tau2 as known.
    score : float
        Slope of the restricted log-likelihood at tau2, see :func:`reml_score`.
    """

    k: int
    mean: float
    std_error: float
    std_error_wald: float
    std_error_truncated: float
    tau2: float
    tau2_lower: float
    tau2_upper: float
    tau2_dl: float
    tau2_pm: float
    mean_dl: float
    std_error_dl: float
    typical_variance: float
    i2: float
    i2_lower: float
    i2_upper: float
    h2: float
    prediction_lower: float
    prediction_upper: float
    prediction_lower_riley: float
    prediction_upper_riley: float
    blup: np.ndarray
    blup_std_error: np.ndarray
    score: float


def common_effect(y: np.ndarray, std_error: np.ndarray) -> CommonEffect:
    """Complete pooling by inverse variances (Cochran 1954, doi:10.2307/3001666).

    Parameters
    ----------
    y, std_error : ndarray, shape (k,)
    """
    weight = std_error**-2.0
    mean = float(np.sum(weight * y) / np.sum(weight))
    q = float(np.sum(weight * (y - mean) ** 2))
    df = len(y) - 1
    return CommonEffect(mean, float(np.sum(weight) ** -0.5), q, df, float(stats.chi2.sf(q, df)))


def generalised_q(tau2: float, y: np.ndarray, variance: np.ndarray) -> float:
    """Q(tau2) = Σ w (y - mu_w)² with w = 1 / (s² + tau2) (DerSimonian & Kacker 2007, doi:10.1016/j.cct.2006.04.004)."""
    weight = 1.0 / (variance + tau2)
    mean = np.sum(weight * y) / np.sum(weight)
    return float(np.sum(weight * (y - mean) ** 2))


def dersimonian_laird(y: np.ndarray, variance: np.ndarray) -> float:
    """Moment estimate of the between-region variance (DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2)."""
    weight = 1.0 / variance
    scale = np.sum(weight) - np.sum(weight**2) / np.sum(weight)
    return max(0.0, (generalised_q(0.0, y, variance) - (len(y) - 1)) / float(scale))


def solve_q(target: float, y: np.ndarray, variance: np.ndarray) -> float:
    """The tau2 >= 0 at which Q(tau2) equals ``target``; zero where Q(0) lies below it already.

    With the expectation k - 1 as target this is Paule and Mandel's estimate; with chi-squared quantiles it gives the
    Q-profile limits (Viechtbauer 2007, doi:10.1002/sim.2514).
    """

    def excess(tau2: float) -> float:
        return generalised_q(tau2, y, variance) - target

    if excess(0.0) <= 0:
        return 0.0
    # Q(tau2) <= Σ (y - ybar)² / tau2, which brackets the root
    upper = float(np.sum((y - y.mean()) ** 2)) / target
    return float(optimize.brentq(excess, 0.0, upper, xtol=1e-14 * upper, rtol=1e-13))


def reml_tau2(y: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Restricted maximum-likelihood estimate of the between-region variance.

    Maximises, over tau2 >= 0 and globally, the restricted log-likelihood (Viechtbauer 2005,
    doi:10.3102/10769986030003261)

        -1/2 Σ log(s² + tau2) - 1/2 log Σ w - 1/2 Σ w (y - mu_w)²,   w = 1 / (s² + tau2).

    Parameters
    ----------
    y, variance : ndarray, shape (..., k)
        Many meta-analyses at once; the arrays broadcast.

    Returns
    -------
    ndarray, shape (...)
    """
    y, variance = np.broadcast_arrays(y, variance)
    k = y.shape[-1]
    # the REML equation tau2 = Σ w² (k / (k-1) (y - mu)² - s²) / Σ w² bounds its solutions by k / (k-1) range²
    low = np.zeros(y.shape[:-1])
    high = np.sqrt(k / (k - 1)) * np.ptp(y, axis=-1)
    # a grid fine enough to see every mode, then eight zooms of ten times each
    for points in (101, *(21,) * 8):
        tau = low + (high - low) * np.linspace(0.0, 1.0, points).reshape(-1, *(1,) * low.ndim)
        best = np.argmax(_restricted_loglik(tau**2, y, variance), axis=0)
        step = (high - low) / (points - 1)
        centre = low + best * step
        low, high = np.maximum(low, centre - step), np.minimum(high, centre + step)
    # the log-likelihood is flat in tau at zero: a gain below its rounding error is none
    at_zero = _restricted_loglik(np.zeros(low.shape), y, variance)
    gain = _restricted_loglik(centre**2, y, variance) - at_zero
    return np.where(gain > 1e-12 * (1 + np.abs(at_zero)), centre**2, 0.0)


def _restricted_loglik(tau2: np.ndarray, y: np.ndarray, variance: np.ndarray) -> np.ndarray:
    weight = 1.0 / (variance + tau2[..., np.newaxis])
    total = weight.sum(axis=-1)
    mean = (weight * y).sum(axis=-1) / total
    quadratic = (weight * (y - mean[..., np.newaxis]) ** 2).sum(axis=-1)
    return np.asarray(0.5 * (np.log(weight).sum(axis=-1) - np.log(total) - quadratic))


def reml_score(tau2: float, y: np.ndarray, variance: np.ndarray) -> float:
    """Slope of the restricted log-likelihood at tau2, in units of Σ w / 2; zero at an interior maximum."""
    weight = 1.0 / (variance + tau2)
    total = weight.sum()
    mean = (weight * y).sum() / total
    return float((((weight * (y - mean)) ** 2).sum() + (weight**2).sum() / total) / total - 1.0)


def weighted_mean(y: np.ndarray, variance: np.ndarray, tau2: np.ndarray) -> np.ndarray:
    """Means over regions with weights 1 / (s² + tau2), shapes (..., k) and (...) to (...)."""
    weight = 1.0 / (variance + np.asarray(tau2)[..., np.newaxis])
    return np.asarray((weight * y).sum(axis=-1) / weight.sum(axis=-1))


def random_effects(y: np.ndarray, std_error: np.ndarray, level: float = 0.95) -> RandomEffects:
    """Random-effects meta-analysis by REML with the Knapp-Hartung standard error.

    Parameters
    ----------
    y, std_error : ndarray, shape (k,)
    level : float
        Of every interval.

    Notes
    -----
    Standard error: q Σ w⁻¹ with q = Σ w (y - mu)² / (k - 1) (Knapp & Hartung 2003, doi:10.1002/sim.1482). With
    little heterogeneity q falls below one and the interval is shorter than the plain one; the truncated form
    takes max(1, q). Prediction interval: mu ± t · √(SE² + tau2), with k - 1 degrees of freedom as metafor has it, so
    that it equals the confidence interval at tau2 = 0; Riley, Higgins & Deeks (2011, doi:10.1136/bmj.d549) take
    k - 2. Typical variance, I² and H²: Higgins & Thompson (2002, eq. 9, doi:10.1002/sim.1186).
    """
    variance, k = std_error**2, len(y)
    tau2 = float(reml_tau2(y, variance))
    weight = 1.0 / (variance + tau2)
    mean = float(weighted_mean(y, variance, np.array(tau2)))
    wald = float(np.sum(weight) ** -0.5)
    q_scale = float(np.sum(weight * (y - mean) ** 2)) / (k - 1)
    knapp_hartung = wald * q_scale**0.5
    tail = 0.5 * (1 - level)
    limits = [solve_q(float(stats.chi2.ppf(p, k - 1)), y, variance) for p in (1 - tail, tail)]
    precision = 1.0 / variance
    typical = float((k - 1) * precision.sum() / (precision.sum() ** 2 - (precision**2).sum()))
    tau2_dl = dersimonian_laird(y, variance)
    spread = (knapp_hartung**2 + tau2) ** 0.5
    reach, reach_riley = (float(stats.t.isf(tail, df)) * spread for df in (k - 1, k - 2))
    share = tau2 * weight  # weight of a region's own estimate in its partially pooled effect
    return RandomEffects(
        k=k,
        mean=mean,
        std_error=knapp_hartung,
        std_error_wald=wald,
        std_error_truncated=wald * max(1.0, q_scale) ** 0.5,
        tau2=tau2,
        tau2_lower=limits[0],
        tau2_upper=limits[1],
        tau2_dl=tau2_dl,
        tau2_pm=solve_q(k - 1.0, y, variance),
        mean_dl=float(weighted_mean(y, variance, np.array(tau2_dl))),
        std_error_dl=float(np.sum(1.0 / (variance + tau2_dl)) ** -0.5),
        typical_variance=typical,
        i2=tau2 / (tau2 + typical),
        i2_lower=limits[0] / (limits[0] + typical),
        i2_upper=limits[1] / (limits[1] + typical),
        h2=tau2 / typical + 1.0,
        prediction_lower=mean - reach,
        prediction_upper=mean + reach,
        prediction_lower_riley=mean - reach_riley,
        prediction_upper_riley=mean + reach_riley,
        blup=share * y + (1 - share) * mean,
        # variance of the prediction error of a region effect at known tau2
        blup_std_error=np.sqrt(share * variance + (1 - share) ** 2 * wald**2),
        score=reml_score(tau2, y, variance),
    )
