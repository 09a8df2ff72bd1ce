"""The shrinkage priors of :mod:`bayesgov.priors` as compiled scalar code: log-density and its derivative.

The PyMC models remain the definition. Compiling their gradient costs a minute where sampling costs a second, because
every graph operation is compiled apart; these few loops compile in two or three seconds. Tests hold both equal. They
are not cached on disk: numba does not see that a function of another file has changed, and would run the old one. All
hyperparameters are on unconstrained scales and every density includes its Jacobian.

``family`` says which prior (:data:`FAMILIES`), ``fixed`` holds its constants and ``hyper`` its parameters:

========== ======================================================== =================================
family     fixed                                                    hyper
========== ======================================================== =================================
normal     log scale                                                none
horseshoe  tau0, slab shape, slab rate                              log tau, log c², log lambda_g ...
r2d2       alpha, beta, log(n_groups pi²/3 / variance_share)        logit R², log portion_g ...
laplace    log scale                                                log mixing_g ...
========== ======================================================== =================================
"""

from __future__ import annotations

import math

import numba
import numpy as np

FAMILIES = {"normal": 0, "horseshoe": 1, "r2d2": 2, "laplace": 3}


def n_hyper(family: str, n_groups: int) -> int:
    """Number of hyperparameters."""
    return {"normal": 0, "horseshoe": 2 + n_groups, "r2d2": 1 + n_groups, "laplace": n_groups}[family]


@numba.njit(error_model="numpy")
def softplus(x: float) -> float:
    """log(1 + exp(x)) without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@numba.njit(error_model="numpy")
def logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


@numba.njit(error_model="numpy")
def log_half_cauchy(log_x: float, scale: float) -> float:
    """Log density of log x for x ~ C+(0, scale)."""
    ratio = log_x - math.log(scale)
    return math.log(2.0 / math.pi) + ratio - softplus(2.0 * ratio)


@numba.njit(error_model="numpy")
def log_scales(family: int, hyper: np.ndarray, fixed: np.ndarray, log_scale: np.ndarray) -> float:
    """Fill ``log_scale`` (n_groups,) and return the log prior density of the hyperparameters."""
    n_groups = log_scale.size
    density = 0.0
    if family == 0:
        log_scale[:] = fixed[0]
    elif family == 1:
        tau0, shape, rate = fixed[0], fixed[1], fixed[2]
        density += log_half_cauchy(hyper[0], tau0)
        density += shape * math.log(rate) - math.lgamma(shape) - shape * hyper[1] - rate * math.exp(-hyper[1])
        for g in range(n_groups):
            density += log_half_cauchy(hyper[2 + g], 1.0)
            # 1 / scale² = 1 / c² + 1 / (tau lambda)²
            small = -2.0 * (hyper[0] + hyper[2 + g])
            log_scale[g] = -0.5 * (-hyper[1] + softplus(small + hyper[1]))
    elif family == 3:
        for g in range(n_groups):
            density += hyper[g] - math.exp(hyper[g])
            log_scale[g] = fixed[0] + 0.5 * (math.log(2.0) + hyper[g])
    else:
        alpha, beta = fixed[0], fixed[1]
        density += math.lgamma(alpha + beta) - math.lgamma(alpha) - math.lgamma(beta)
        density -= alpha * softplus(-hyper[0]) + beta * softplus(hyper[0])
        total = 0.0
        for g in range(n_groups):
            portion = math.exp(hyper[1 + g])
            total += portion
            density += hyper[1 + g] - portion
        for g in range(n_groups):
            log_scale[g] = 0.5 * (fixed[2] + hyper[0] + hyper[1 + g] - math.log(total))
    return density


@numba.njit(error_model="numpy")
def pull_back(
    family: int,
    hyper: np.ndarray,
    fixed: np.ndarray,
    log_scale: np.ndarray,
    d_log_scale: np.ndarray,
    d_hyper: np.ndarray,
) -> None:
    """Fill ``d_hyper`` with the derivative of log prior + (what depends on ``log_scale``)."""
    n_groups = log_scale.size
    if family == 1:
        tau0, shape, rate = fixed[0], fixed[1], fixed[2]
        d_hyper[0] = 1.0 - 2.0 * logistic(2.0 * (hyper[0] - math.log(tau0)))
        d_hyper[1] = -shape + rate * math.exp(-hyper[1])
        for g in range(n_groups):
            # share of 1 / scale² that is 1 / (tau lambda)²
            share = math.exp(2.0 * log_scale[g] - 2.0 * (hyper[0] + hyper[2 + g]))
            d_hyper[2 + g] = 1.0 - 2.0 * logistic(2.0 * hyper[2 + g]) + share * d_log_scale[g]
            d_hyper[0] += share * d_log_scale[g]
            d_hyper[1] += 0.5 * (1.0 - share) * d_log_scale[g]
    elif family == 2:
        alpha, beta = fixed[0], fixed[1]
        total, slope = 0.0, 0.0
        for g in range(n_groups):
            total += math.exp(hyper[1 + g])
            slope += 0.5 * d_log_scale[g]
        d_hyper[0] = alpha * logistic(-hyper[0]) - beta * logistic(hyper[0]) + slope
        for g in range(n_groups):
            portion = math.exp(hyper[1 + g])
            d_hyper[1 + g] = 1.0 - portion + 0.5 * d_log_scale[g] - slope * portion / total
    elif family == 3:
        for g in range(n_groups):
            d_hyper[g] = 1.0 - math.exp(hyper[g]) + 0.5 * d_log_scale[g]
