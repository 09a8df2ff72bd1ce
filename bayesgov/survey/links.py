r"""Link functions of ordinal models: log probabilities of half-lines and intervals, with derivatives, in both tails.

Conventions are those of R's ordinal: :math:`P(y \le k) = F(e)` with, for ``cloglog``, :math:`F(e) = 1 - \exp(-e^e)`
and, for ``loglog``, :math:`F(e) = \exp(-e^{-e})` (Christensen 2019, cran.r-project.org/package=ordinal).

An interval's probability F(upper) - F(lower) is never formed as that difference, which loses every digit in the tails
and for close bounds: logit and cloglog have product forms, cauchit the arctangent of a difference, probit scaled error
functions and, for close bounds, a Gauss-Legendre sum. Derivatives come from the ratios f(bound) / probability, which
stay finite where the probability itself underflows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np
from scipy import special

from bayesgov.survey.spec import Link

_SERIES = 1e-8  # below it log(1 - exp(-x)) is log(x) - x / 2 to double precision
_CLOSE = 0.35  # log ratio of tail probabilities below which probit intervals are summed by quadrature
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(10)


@dataclass(frozen=True, slots=True)
class LogInterval:
    """log(F(upper) - F(lower)) and its derivatives in the two bounds; zeros for an infinite bound.

    Attributes
    ----------
    value : ndarray
        Minus infinity where upper <= lower.
    d_lower, d_upper : ndarray
        First derivatives; ``d_lower`` is negative.
    d2_lower, d2_upper, d2_cross : ndarray
        Second derivatives.
    """

    value: np.ndarray
    d_lower: np.ndarray
    d_upper: np.ndarray
    d2_lower: np.ndarray
    d2_upper: np.ndarray
    d2_cross: np.ndarray

    @property
    def slope(self) -> np.ndarray:
        """Derivative when both bounds move together."""
        return np.asarray(self.d_lower + self.d_upper)

    @property
    def curvature(self) -> np.ndarray:
        """Second derivative when both bounds move together."""
        return np.asarray(self.d2_lower + 2 * self.d2_cross + self.d2_upper)


@dataclass(frozen=True, slots=True)
class _Ratios:
    """Log probability of an interval with p = f / probability at each bound and g = f' / f.

    ``below`` is g(lower) + p(lower) and ``above`` is g(upper) - p(upper), kept because some links have them without
    cancellation.
    """

    value: np.ndarray
    p_lower: np.ndarray
    p_upper: np.ndarray
    below: np.ndarray
    above: np.ndarray


def require_link(link: str) -> None:
    """ValueError unless the link is known."""
    if link not in _INTERVALS:
        raise ValueError(f"link must be one of {', '.join(get_args(Link))}; got {link!r}")


def log_cdf(link: Link, e: np.ndarray) -> np.ndarray:
    """log F(e), elementwise."""
    require_link(link)
    e = np.asarray(e, dtype=float)
    with np.errstate(all="ignore"):
        match link:
            case "logit":
                return np.asarray(special.log_expit(e))
            case "probit":
                return np.asarray(special.log_ndtr(e))
            case "cloglog":
                return _log1mexp(np.exp(e), e)
            case "loglog":
                return np.asarray(-np.exp(-e))
            case "cauchit":
                return np.asarray(np.log(np.arctan2(1.0, -e) / np.pi))


def log_sf(link: Link, e: np.ndarray) -> np.ndarray:
    """log(1 - F(e)), elementwise, without forming the difference."""
    return log_cdf(mirrored(link), -np.asarray(e, dtype=float))


def log_pdf(link: Link, e: np.ndarray) -> np.ndarray:
    """log f(e), f the derivative of F, elementwise."""
    require_link(link)
    e = np.asarray(e, dtype=float)
    with np.errstate(all="ignore"):
        match link:
            case "logit":
                return np.asarray(special.log_expit(e) + special.log_expit(-e))
            case "probit":
                return np.asarray(-0.5 * e**2 - 0.5 * np.log(2 * np.pi))
            case "cloglog":
                return np.asarray(np.where(e == np.inf, -np.inf, e - np.exp(e)))
            case "loglog":
                return np.asarray(np.where(e == -np.inf, -np.inf, -e - np.exp(-e)))
            case "cauchit":
                return np.asarray(-2 * np.log(np.hypot(1.0, e)) - np.log(np.pi))


def cdf(link: Link, e: np.ndarray) -> np.ndarray:
    """F(e), elementwise."""
    return np.exp(log_cdf(link, e))


def pdf(link: Link, e: np.ndarray) -> np.ndarray:
    """f(e), elementwise."""
    return np.exp(log_pdf(link, e))


def score(link: Link, e: np.ndarray) -> np.ndarray:
    """f'(e) / f(e), elementwise."""
    require_link(link)
    e = np.asarray(e, dtype=float)
    with np.errstate(all="ignore"):
        match link:
            case "logit":
                return -np.tanh(0.5 * e)
            case "probit":
                return -e
            case "cloglog":
                return 1.0 - np.exp(e)
            case "loglog":
                return np.exp(-e) - 1.0
            case "cauchit":
                return np.asarray(-2 * e / (1 + e**2))


def score_slope(link: Link, e: np.ndarray) -> np.ndarray:
    """Derivative of :func:`score`, elementwise."""
    require_link(link)
    e = np.asarray(e, dtype=float)
    with np.errstate(all="ignore"):
        match link:
            case "logit":
                return np.asarray(-2 * special.expit(e) * special.expit(-e))
            case "probit":
                return -np.ones_like(e)
            case "cloglog":
                return -np.exp(e)
            case "loglog":
                return -np.exp(-e)
            case "cauchit":
                return np.asarray(-2 * (1 - e**2) / (1 + e**2) ** 2)


def quantile(link: Link, probability: np.ndarray) -> np.ndarray:
    """The e with F(e) = probability, elementwise."""
    require_link(link)
    p = np.asarray(probability, dtype=float)
    with np.errstate(divide="ignore"):
        match link:
            case "logit":
                return np.asarray(special.logit(p))
            case "probit":
                return np.asarray(special.ndtri(p))
            case "cloglog":
                return np.log(-np.log1p(-p))
            case "loglog":
                return -np.log(-np.log(p))
            case "cauchit":
                # -cot(pi p), from whichever end is nearer
                return np.where(p < 0.5, -1 / np.tan(np.pi * p), 1 / np.tan(np.pi * (1 - p)))


def latent_variance(link: Link) -> float:
    """Variance of the distribution F; infinite for cauchit."""
    require_link(link)
    gumbel = np.pi**2 / 6
    variances = {"logit": np.pi**2 / 3, "probit": 1.0, "cloglog": gumbel, "loglog": gumbel, "cauchit": np.inf}
    return float(variances[link])


def mirrored(link: Link) -> Link:
    """The link whose F(e) is 1 - F(-e) of this one: itself if symmetric, cloglog and loglog for each other."""
    require_link(link)
    match link:
        case "cloglog":
            return "loglog"
        case "loglog":
            return "cloglog"
        case _:
            return link


def log_interval(link: Link, lower: np.ndarray, upper: np.ndarray) -> LogInterval:
    """log(F(upper) - F(lower)) with first and second derivatives.

    Parameters
    ----------
    link : Link
    lower, upper : ndarray
        Broadcast against each other; minus and plus infinity make half-lines.

    Returns
    -------
    LogInterval
    """
    lower, upper = _bounds(lower, upper)
    ratios = _ratios(link, lower, upper)
    # d p(u) / du = p(u) (g(u) - p(u)),  d p(l) / dl = p(l) (g(l) + p(l)),  d p(u) / dl = p(u) p(l)
    return LogInterval(
        value=ratios.value,
        d_lower=-ratios.p_lower,
        d_upper=ratios.p_upper,
        d2_lower=np.where(ratios.p_lower > 0, -ratios.p_lower * ratios.below, 0.0),
        d2_upper=np.where(ratios.p_upper > 0, ratios.p_upper * ratios.above, 0.0),
        d2_cross=ratios.p_lower * ratios.p_upper,
    )


def log_interval_value(link: Link, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """log(F(upper) - F(lower)) alone; arguments as in :func:`log_interval`."""
    return _ratios(link, *_bounds(lower, upper)).value


def curvature_slopes(link: Link, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of :attr:`LogInterval.curvature` in the lower and in the upper bound.

    What the gradient of a Laplace approximation needs; arguments as in :func:`log_interval`.
    """
    lower, upper = _bounds(lower, upper)
    ratios = _ratios(link, lower, upper)
    g_lower, g_upper = (np.where(np.isfinite(bound), score(link, bound), 0.0) for bound in (lower, upper))
    p_lower, p_upper = ratios.p_lower, ratios.p_upper
    slope = p_upper - p_lower
    # curvature = p(u) g(u) - p(l) g(l) - slope²
    # d slope / du = p(u) (g(u) - slope),  d slope / dl = -p(l) (g(l) - slope)
    inner_upper = g_upper * ratios.above + p_lower * g_lower - 2 * slope * (g_upper - slope)
    inner_lower = g_lower * ratios.below - p_upper * g_upper - 2 * slope * (g_lower - slope)
    slope_lower, slope_upper = (np.where(np.isfinite(bound), score_slope(link, bound), 0.0) for bound in (lower, upper))
    return -p_lower * (inner_lower + slope_lower), p_upper * (inner_upper + slope_upper)


def _bounds(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.broadcast_arrays(np.asarray(lower, dtype=float), np.asarray(upper, dtype=float))
    return low, high


def _ratios(link: Link, lower: np.ndarray, upper: np.ndarray) -> _Ratios:
    """The link's ratios, with zeros at infinite bounds and an impossible value for bounds out of order."""
    require_link(link)
    with np.errstate(all="ignore"):
        raw = _INTERVALS[link](lower, upper)
    in_order, has_lower, has_upper = lower < upper, np.isfinite(lower), np.isfinite(upper)
    return _Ratios(
        value=np.where(in_order, raw.value, -np.inf),
        p_lower=np.where(in_order & has_lower, raw.p_lower, 0.0),
        p_upper=np.where(in_order & has_upper, raw.p_upper, 0.0),
        below=np.where(in_order & has_lower, raw.below, 0.0),
        above=np.where(in_order & has_upper, raw.above, 0.0),
    )


def _logit_interval(lower: np.ndarray, upper: np.ndarray) -> _Ratios:
    gap = upper - lower
    f_lower, f_upper, s_lower, s_upper = (special.expit(e) for e in (lower, upper, -lower, -upper))
    crowding = 1 / np.expm1(gap)
    # P = F(u) F(-l) (1 - exp(-(u - l)))
    value = special.log_expit(upper) + special.log_expit(-lower) + _log1mexp(gap, np.log(gap))
    return _Ratios(value, f_lower + crowding, s_upper + crowding, s_lower + crowding, -f_upper - crowding)


def _cloglog_interval(lower: np.ndarray, upper: np.ndarray) -> _Ratios:
    rate_lower, rate_upper = np.exp(lower), np.exp(upper)
    shrink = -np.expm1(lower - upper)
    gap = rate_upper * shrink  # exp(u) - exp(l)
    complement = -np.expm1(-gap)
    # P = exp(-exp(l)) (1 - exp(-gap))
    value = -rate_lower + _log1mexp(gap, upper + np.log(shrink))
    # where exp(u) underflows, exp(u) / (1 - exp(-gap)) is 1 / shrink
    tiny = gap < np.finfo(float).tiny
    p_lower = np.where(tiny, np.exp(lower - upper) / shrink, rate_lower / complement)
    p_upper = np.where(tiny, 1 / shrink, np.exp(upper - gap) / complement)
    crowding_lower = np.where(tiny, np.exp(lower - upper) / shrink, rate_lower / np.expm1(gap))
    crowding_upper = np.where(tiny, 1 / shrink, rate_upper / complement)
    return _Ratios(value, p_lower, p_upper, 1 + crowding_lower, 1 - crowding_upper)


def _loglog_interval(lower: np.ndarray, upper: np.ndarray) -> _Ratios:
    return _mirror(_cloglog_interval(-upper, -lower))


def _mirror(ratios: _Ratios) -> _Ratios:
    """Ratios of (lower, upper) from those of (-upper, -lower) under the mirrored link; g changes its sign."""
    return _Ratios(ratios.value, ratios.p_upper, ratios.p_lower, -ratios.above, -ratios.below)


def _cauchit_interval(lower: np.ndarray, upper: np.ndarray) -> _Ratios:
    # angle = atan(u) - atan(l); both arguments divided by the larger bound, so that their product cannot overflow
    finite_lower, finite_upper = np.isfinite(lower), np.isfinite(upper)
    low, high = np.where(finite_lower, lower, 0.0), np.where(finite_upper, upper, 0.0)
    size = np.maximum(1.0, np.maximum(np.abs(low), np.abs(high)))
    angle = np.arctan2((high - low) / size, 1 / size + high * (low / size))
    angle = np.where(finite_lower, angle, np.arctan2(1.0, -high))
    angle = np.where(finite_upper, angle, np.arctan2(1.0, low))
    p_lower, p_upper = 1 / ((1 + low**2) * angle), 1 / ((1 + high**2) * angle)
    below, above = -2 * low / (1 + low**2) + p_lower, -2 * high / (1 + high**2) - p_upper
    return _Ratios(np.log(angle / np.pi), p_lower, p_upper, below, above)


def _probit_interval(lower: np.ndarray, upper: np.ndarray) -> _Ratios:
    # by symmetry the interval lies mostly below zero, where the scaled error function is finite
    flip = lower + upper > 0
    low, high = np.where(flip, -upper, lower), np.where(flip, -lower, upper)
    half = np.sqrt(0.5)
    scaled_low, scaled_high = special.erfcx(-half * low), special.erfcx(-half * high)
    # log F(u) - log F(l), with F(e) = exp(-e² / 2) erfcx(-e / sqrt 2) / 2
    ratio = 0.5 * (low - high) * (low + high) + np.log(scaled_high / scaled_low)
    ratio = np.where(np.isinf(low) | np.isinf(scaled_high), np.inf, ratio)
    value = np.asarray(special.log_ndtr(high) + _log1mexp(ratio, np.log(ratio)))
    hazard_low, hazard_high = np.sqrt(2 / np.pi) / scaled_low, np.sqrt(2 / np.pi) / scaled_high
    p_low, p_high = np.asarray(hazard_low / np.expm1(ratio)), np.asarray(hazard_high / -np.expm1(-ratio))
    close = ratio < _CLOSE
    if np.any(close):
        value_close, p_low_close, p_high_close = _close_probit(low[close], high[close])
        value[close], p_low[close], p_high[close] = value_close, p_low_close, p_high_close
    ratios = _Ratios(value, p_low, p_high, -low + p_low, -high - p_high)
    other = _mirror(ratios)
    pairs = zip(
        (other.value, other.p_lower, other.p_upper, other.below, other.above),
        (ratios.value, ratios.p_lower, ratios.p_upper, ratios.below, ratios.above),
        strict=True,
    )
    return _Ratios(*(np.where(flip, turned, plain) for turned, plain in pairs))


def _close_probit(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value and ratios of narrow normal intervals from f(x) / f(middle), summed over Gauss-Legendre nodes."""
    middle, reach = 0.5 * (low + high), 0.5 * (high - low)
    shift = reach[..., None] * _NODES
    # f(m + s) / f(m) = exp(-s (m + s / 2))
    mass = reach * (np.exp(-shift * (middle[..., None] + 0.5 * shift)) @ _NODE_WEIGHTS)
    value = -0.5 * middle**2 - 0.5 * np.log(2 * np.pi) + np.log(mass)
    return value, np.exp(reach * (middle - 0.5 * reach)) / mass, np.exp(-reach * (middle + 0.5 * reach)) / mass


def _log1mexp(x: np.ndarray, log_x: np.ndarray) -> np.ndarray:
    """log(1 - exp(-x)) for x > 0, from x and its logarithm so that x may underflow (Maechler 2012)."""
    moderate = np.where(x < np.log(2), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))
    return np.where(x < _SERIES, log_x - 0.5 * x, moderate)


_INTERVALS: dict[str, Callable[[np.ndarray, np.ndarray], _Ratios]] = {
    "logit": _logit_interval,
    "probit": _probit_interval,
    "cloglog": _cloglog_interval,
    "loglog": _loglog_interval,
    "cauchit": _cauchit_interval,
}
