"""The log posterior density of the common ordinal model over the sampler's coordinates.

Coordinates, in order: thresholds (n_cuts), coefficients (n_terms), group effects (n_groups - 1) with the logarithm of
their standard deviation, hyperparameters of the shrinkage prior (:mod:`bayesgov.shrinkage_kernel`). Thresholds,
coefficients and group effects are in likelihood-conditioned coordinates (:mod:`bayesgov.survey.bayesian.conditioning`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from bayesgov.shrinkage_kernel import log_scales, pull_back
from bayesgov.survey.kernels.compiling import entry_point
from bayesgov.survey.kernels.conditioned import (
    conditioned,
    conditioned_pull_back,
    conditioned_root,
    free_of_zero_sum,
    zero_sum,
)
from bayesgov.survey.kernels.general import ordinal
from bayesgov.survey.kernels.logit import cumulative_logit
from bayesgov.survey.kernels.threshold_priors import threshold_density

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


class Rows(NamedTuple):
    """What the likelihood reads; shapes as in :class:`bayesgov.survey.kernels.data.KernelData`."""

    x: np.ndarray
    starts: np.ndarray
    weights: np.ndarray
    offset: np.ndarray
    group: np.ndarray


class Coordinates(NamedTuple):
    """The sampler's coordinates; shapes as in :class:`bayesgov.survey.bayesian.conditioning.Conditioning`."""

    mean: np.ndarray
    threshold_mode: np.ndarray
    threshold_root: np.ndarray
    beta_precision: np.ndarray
    beta_pull: np.ndarray
    group_precision: np.ndarray
    group_pull: np.ndarray


class Prior(NamedTuple):
    """Which model it is, and the constants of its priors.

    Attributes
    ----------
    family, link : int
        Positions in ``FAMILIES`` and ``LINKS``.
    threshold_kind, threshold_size
        0: induced Dirichlet with this concentration; 1: ordered normal with this scale.
    group_scale : float
        Of the half-normal prior of the groups' standard deviation.
    shrinkage, fixed
        Family and constants of :mod:`bayesgov.shrinkage_kernel`.
    factor : ndarray of int, shape (n_terms,)
        Which local scale each coefficient has.
    log_unit : ndarray, shape (n_terms,)
        Added to the logarithm of that scale.
    n_factors, n_groups : int
    """

    family: int
    link: int
    threshold_kind: int
    threshold_size: float
    group_scale: float
    shrinkage: int
    fixed: np.ndarray
    factor: np.ndarray
    log_unit: np.ndarray
    n_factors: int
    n_groups: int


@entry_point
def logit_log_density(
    theta: np.ndarray, rows: Rows, coordinates: Coordinates, prior: Prior, gradient: np.ndarray
) -> float:
    """Log posterior of the cumulative logit, Jacobians included; ``gradient`` is filled."""
    density, parameters = _forward(theta, coordinates, prior)
    threshold, beta, effect = parameters[0] + np.dot(coordinates.mean, parameters[2]), parameters[2], parameters[6]
    d_threshold, d_beta, d_effect = np.empty(threshold.size), np.empty(beta.size), np.empty(effect.size)
    density += cumulative_logit(
        rows.x, rows.starts, rows.weights, rows.offset, rows.group, beta, threshold, effect,
        d_beta, d_threshold, d_effect, np.empty(0),
    )  # fmt: skip
    return density + _backward(theta, coordinates, prior, parameters, d_threshold, d_beta, d_effect, gradient)


@entry_point
def general_log_density(
    theta: np.ndarray, rows: Rows, coordinates: Coordinates, prior: Prior, gradient: np.ndarray
) -> float:
    """:func:`logit_log_density` for every family and link."""
    density, parameters = _forward(theta, coordinates, prior)
    threshold, beta, effect = parameters[0] + np.dot(coordinates.mean, parameters[2]), parameters[2], parameters[6]
    d_threshold, d_beta, d_effect = np.empty(threshold.size), np.empty(beta.size), np.empty(effect.size)
    empty, no_departure = np.empty(0), np.empty((0, threshold.size))
    density += ordinal(
        prior.family, prior.link, rows.x, rows.starts, rows.weights, rows.offset, rows.group,
        np.empty(0, dtype=np.int64), np.empty((0, rows.offset.size)),
        beta, threshold, effect, no_departure, empty, d_beta, d_threshold, d_effect, no_departure, empty, empty,
    )  # fmt: skip
    return density + _backward(theta, coordinates, prior, parameters, d_threshold, d_beta, d_effect, gradient)


@entry_point
def locate(
    theta: np.ndarray, coordinates: Coordinates, prior: Prior, at_mean: np.ndarray, beta: np.ndarray, effect: np.ndarray
) -> None:
    """Fill thresholds at the mean of the predictors, coefficients and group effects."""
    _, parameters = _forward(theta, coordinates, prior)
    at_mean[:], beta[:], effect[:] = parameters[0], parameters[2], parameters[6]


@numba.njit(error_model="numpy")
def _forward(theta, coordinates, prior):  # type: ignore[no-untyped-def]  # a tuple of nine arrays
    """Density of what lies before the likelihood, and the parameters: thresholds at the mean, their free form,
    coefficients, L^-1, inverse prior variances, log local scales, group effects, their free form, its precision."""
    n_cuts, n_terms = coordinates.threshold_mode.size, coordinates.beta_pull.size
    n_free = coordinates.group_pull.size
    first_group = n_cuts + n_terms
    first_hyper = first_group + n_free + (1 if prior.n_groups else 0)
    density = 0.0
    free, at_mean = np.empty(n_cuts), np.empty(n_cuts)
    for m in range(n_cuts):
        free[m] = coordinates.threshold_mode[m]
        for k in range(n_cuts):
            free[m] += coordinates.threshold_root[m, k] * theta[k]
        at_mean[m] = free[m]
        density += math.log(coordinates.threshold_root[m, m])
        if prior.family == 0 and m > 0:
            at_mean[m] = at_mean[m - 1] + math.exp(free[m])
            density += free[m]
    log_scale, inverse_variance = np.empty(prior.n_factors), np.empty(n_terms)
    density += log_scales(prior.shrinkage, theta[first_hyper:], prior.fixed, log_scale)
    for j in range(n_terms):
        log_s = log_scale[prior.factor[j]] + prior.log_unit[j]
        inverse_variance[j] = math.exp(-2.0 * log_s)
        density -= log_s + _LOG_ROOT_2PI
    inverse, log_det = conditioned_root(coordinates.beta_precision, inverse_variance)
    beta = conditioned(inverse, coordinates.beta_pull, theta[n_cuts:first_group])
    density -= log_det
    for j in range(n_terms):
        density -= 0.5 * beta[j] * beta[j] * inverse_variance[j]
    v, precision = np.empty(n_free), np.empty(n_free)
    if prior.n_groups:
        log_sd = theta[first_hyper - 1]
        shape, sd = math.exp(-2.0 * log_sd), math.exp(log_sd)
        density += 0.5 * math.log(2.0 / math.pi) - math.log(prior.group_scale) + log_sd
        density -= 0.5 * (sd / prior.group_scale) ** 2
        for i in range(n_free):
            precision[i] = coordinates.group_precision[i] + shape
            v[i] = coordinates.group_pull[i] / precision[i] + theta[first_group + i] / math.sqrt(precision[i])
            density -= log_sd + _LOG_ROOT_2PI + 0.5 * v[i] * v[i] * shape + 0.5 * math.log(precision[i])
    effect = zero_sum(v, prior.n_groups)
    return density, (at_mean, free, beta, inverse, inverse_variance, log_scale, effect, v, precision)


@numba.njit(error_model="numpy")
def _backward(theta, coordinates, prior, parameters, d_threshold, d_beta, d_effect, gradient):  # type: ignore[no-untyped-def]
    """Fill ``gradient`` from the likelihood's derivatives and return the log prior of the thresholds."""
    at_mean, free, beta, inverse, inverse_variance, log_scale, _, v, precision = parameters
    n_cuts, n_terms, n_free = at_mean.size, beta.size, v.size
    first_group = n_cuts + n_terms
    first_hyper = first_group + n_free + (1 if prior.n_groups else 0)
    for j in range(n_terms):
        d_beta[j] += d_threshold.sum() * coordinates.mean[j] - beta[j] * inverse_variance[j]
    density = threshold_density(
        prior.family, prior.link, prior.threshold_kind, prior.threshold_size, at_mean, d_threshold
    )
    if prior.family == 0:
        tail = 0.0
        for m in range(n_cuts - 1, 0, -1):
            tail += d_threshold[m]
            d_threshold[m] = tail * math.exp(free[m]) + 1.0
        d_threshold[0] += tail
    for k in range(n_cuts):
        gradient[k] = 0.0
        for m in range(n_cuts):
            gradient[k] += coordinates.threshold_root[m, k] * d_threshold[m]
    d_inverse_variance = conditioned_pull_back(
        inverse, coordinates.beta_pull, theta[n_cuts:first_group], d_beta, gradient[n_cuts:first_group]
    )
    d_log_scale = np.zeros(log_scale.size)
    for j in range(n_terms):
        # d inverse variance / d log scale = -2 inverse variance
        square = beta[j] * beta[j] * inverse_variance[j]
        d_log_scale[prior.factor[j]] += square - 1.0 - 2.0 * inverse_variance[j] * d_inverse_variance[j]
    if prior.n_groups:
        log_sd = theta[first_hyper - 1]
        shape = math.exp(-2.0 * log_sd)
        slope = 1.0 - (math.exp(log_sd) / prior.group_scale) ** 2
        d_v = free_of_zero_sum(d_effect)
        for i in range(n_free):
            d_v[i] -= v[i] * shape
            gradient[first_group + i] = d_v[i] / math.sqrt(precision[i])
            # dv / d log sd at fixed coordinates, from d precision / d log sd = -2 shape
            moved = coordinates.group_pull[i] / precision[i] + v[i]
            slope += v[i] * v[i] * shape - 1.0 + shape / precision[i] * (1.0 + d_v[i] * moved)
        gradient[first_hyper - 1] = slope
    pull_back(prior.shrinkage, theta[first_hyper:], prior.fixed, log_scale, d_log_scale, gradient[first_hyper:])
    return density
