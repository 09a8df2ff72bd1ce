"""Inverse links as compiled scalar functions, with both tails kept apart so that neither loses digits to the other.

``link`` is the position in :data:`bayesgov.survey.spec.LINKS`: logit, probit, cloglog, loglog, cauchit. F(x) is the
distribution function that the link inverts: cloglog F(x) = 1 - exp(-exp(x)), loglog F(x) = exp(-exp(-x)).
"""

from __future__ import annotations

import math

import numba

LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


@numba.njit(error_model="numpy")
def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@numba.njit(error_model="numpy")
def log1mexp(gap: float) -> float:
    """log(1 - exp(-gap)) for gap >= 0 (Maechler 2012: two branches keep every digit)."""
    if gap < 0.6931471805599453:
        return math.log(-math.expm1(-gap))
    return math.log1p(-math.exp(-gap))


@numba.njit(error_model="numpy")
def _log_normal_cdf(x: float) -> float:
    if x > 0.0:
        return math.log1p(-0.5 * math.erfc(x * math.sqrt(0.5)))
    if x > -20.0:
        return math.log(0.5 * math.erfc(-x * math.sqrt(0.5)))
    # Phi(x) = phi(x) / |x| (1 - 1/x² + 3/x⁴ - 15/x⁶ + 105/x⁸ - ...), Abramowitz & Stegun 26.2.12
    z = 1.0 / (x * x)
    series = -z * (1.0 - 3.0 * z * (1.0 - 5.0 * z * (1.0 - 7.0 * z * (1.0 - 9.0 * z))))
    return -0.5 * x * x - math.log(-x) - LOG_SQRT_2PI + math.log1p(series)


@numba.njit(error_model="numpy")
def _log_cauchy_cdf(x: float) -> float:
    # F(x) = atan2(1, -x) / pi, exact in the lower tail
    return math.log(math.atan2(1.0, -x) / math.pi) if x < 0.0 else math.log1p(-math.atan2(1.0, x) / math.pi)


@numba.njit(error_model="numpy")
def _log_gumbel_below(x: float) -> float:
    """log(1 - exp(-exp(x)))."""
    return log1mexp(math.exp(x)) if x > -37.0 else x


@numba.njit(error_model="numpy")
def log_below(link: int, x: float) -> float:
    """log F(x)."""
    if link == 0:
        return -_softplus(-x)
    if link == 1:
        return _log_normal_cdf(x)
    if link == 2:
        return _log_gumbel_below(x)
    if link == 3:
        return -math.exp(-x)
    return _log_cauchy_cdf(x)


@numba.njit(error_model="numpy")
def log_above(link: int, x: float) -> float:
    """log(1 - F(x)): cloglog and loglog are each other's mirror, the others symmetric."""
    if link == 2:
        return -math.exp(x)
    if link == 3:
        return _log_gumbel_below(-x)
    return log_below(link, -x)


@numba.njit(error_model="numpy")
def log_slope(link: int, x: float) -> float:
    """log F'(x)."""
    if link == 0:
        return -_softplus(x) - _softplus(-x)
    if link == 1:
        return -0.5 * x * x - LOG_SQRT_2PI
    if link == 2:
        return x - math.exp(x)
    if link == 3:
        return -x - math.exp(-x)
    return -math.log(math.pi) - math.log1p(x * x)


@numba.njit(error_model="numpy")
def d_log_slope(link: int, x: float) -> float:
    """Derivative of log F'(x)."""
    if link == 0:
        return -math.tanh(0.5 * x)
    if link == 1:
        return -x
    if link == 2:
        return 1.0 - math.exp(x)
    if link == 3:
        return math.exp(-x) - 1.0
    return -2.0 * x / (1.0 + x * x)


@numba.njit(error_model="numpy")
def log_interval(link: int, lower: float, upper: float) -> float:
    """log(F(upper) - F(lower)) without forming that difference; -inf unless lower < upper."""
    if not lower < upper:
        return -math.inf
    if link == 0:
        return -_softplus(-upper) - _softplus(lower) + log1mexp(upper - lower)
    if link in (2, 3):
        # exp(-exp(l)) - exp(-exp(u)) = exp(-exp(l)) (1 - exp(-(exp(u) - exp(l)))), or its mirror
        below = math.exp(lower if link == 2 else -upper)
        return -below + log1mexp(below * math.expm1(upper - lower))
    if link == 4:
        # atan u - atan l = atan2(u - l, 1 + u l)
        return math.log(math.atan2(upper - lower, 1.0 + lower * upper) / math.pi)
    # the normal is symmetric: take the difference in the lower tail
    left, right = (-upper, -lower) if lower + upper > 0.0 else (lower, upper)
    near = _log_normal_cdf(right)
    return near + log1mexp(near - _log_normal_cdf(left))
