"""Posterior log-density of many cumulative-logit tables with shrinkage, as compiled scalar code.

Every item has its own cutpoints; its effects are eta_o = sum_j basis[o, j] z_j with z_j ~ N(0, scale_item²). Effects
are sampled in *likelihood-conditioned* coordinates u: with mode b and curvature H of the likelihood in z_j and
P = w H + 1 / scale², z_j = w H b / P + u_j / sqrt(P). Only coordinates change, the posterior does not; u is nearly
standard normal whatever the scale does, between the centred (H large) and non-centred (H small) parametrisation, so
shrinkage makes no funnel.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesgov.shrinkage_kernel import log_scales, logistic, pull_back, softplus


@numba.njit(error_model="numpy")
def tables_log_density(
    theta: np.ndarray,
    counts: np.ndarray,
    weight: float,
    basis: np.ndarray,
    mode: np.ndarray,
    curvature: np.ndarray,
    family: int,
    fixed: np.ndarray,
    gradient: np.ndarray,
) -> float:
    """Value of the log posterior; ``gradient`` is filled.

    Parameters
    ----------
    theta : ndarray, shape (n_dim,)
        First cutpoints (n_items), log gaps (n_items, n_categories - 2), u (n_items, n_contrasts), hyperparameters.
    counts : ndarray, shape (n_items, n_options, n_categories)
    weight : float
        Power of the likelihood.
    basis : ndarray, shape (n_items, n_options, n_contrasts)
    mode, curvature : ndarray, shape (n_items, n_contrasts)
    family, fixed
        See :mod:`bayesgov.shrinkage_kernel`.
    """
    n_items, n_options, n_levels = counts.shape
    n_contrasts = basis.shape[2]
    n_gaps = n_levels - 2
    first_gap, first_u = n_items, n_items * (1 + n_gaps)
    first_hyper = first_u + n_items * n_contrasts
    log_scale, d_log_scale = np.empty(n_items), np.zeros(n_items)
    density: float = log_scales(family, theta[first_hyper:], fixed, log_scale)
    cut, d_cut = np.empty(n_levels - 1), np.empty(n_levels - 1)
    z, d_z = np.empty(n_contrasts), np.empty(n_contrasts)
    density += n_items * math.lgamma(n_levels)
    for i in range(n_items):
        cut[0] = theta[i]
        for m in range(n_gaps):
            cut[m + 1] = cut[m] + math.exp(theta[first_gap + i * n_gaps + m])
            density += theta[first_gap + i * n_gaps + m]
        for m in range(n_levels - 1):
            # uniform level probabilities: their Jacobian in the cutpoints is the product of logistic densities
            density -= softplus(cut[m]) + softplus(-cut[m])
            d_cut[m] = 1.0 - 2.0 * logistic(cut[m])
        inverse_variance = math.exp(-2.0 * log_scale[i])
        for j in range(n_contrasts):
            information = weight * curvature[i, j]
            total = information + inverse_variance
            z[j] = information * mode[i, j] / total + theta[first_u + i * n_contrasts + j] / math.sqrt(total)
            density -= 0.5 * math.log(2.0 * math.pi) + log_scale[i] + 0.5 * z[j] ** 2 * inverse_variance
            density -= 0.5 * math.log(total)
            d_z[j] = -z[j] * inverse_variance
            d_log_scale[i] += -1.0 + z[j] ** 2 * inverse_variance + inverse_variance / total
        for o in range(n_options):
            eta, d_eta = 0.0, 0.0
            for j in range(n_contrasts):
                eta += basis[i, o, j] * z[j]
            for m in range(n_levels - 1):
                below, above = weight * counts[i, o, m], weight * counts[i, o, m + 1]
                distance = cut[m] - eta
                density -= below * softplus(-distance) + above * softplus(distance)
                slope = below * logistic(-distance) - above * logistic(distance)
                d_cut[m] += slope
                d_eta -= slope
                if m < n_gaps:
                    gap = math.exp(theta[first_gap + i * n_gaps + m])
                    density += above * math.log(-math.expm1(-gap))
                    pull = above / math.expm1(gap)
                    d_cut[m + 1] += pull
                    d_cut[m] -= pull
            for j in range(n_contrasts):
                d_z[j] += basis[i, o, j] * d_eta
        tail = 0.0
        for m in range(n_levels - 2, 0, -1):
            tail += d_cut[m]
            position = first_gap + i * n_gaps + m - 1
            gradient[position] = 1.0 + tail * math.exp(theta[position])
        gradient[i] = tail + d_cut[0]
        for j in range(n_contrasts):
            information = weight * curvature[i, j]
            total = information + inverse_variance
            u = theta[first_u + i * n_contrasts + j]
            gradient[first_u + i * n_contrasts + j] = d_z[j] / math.sqrt(total)
            # dz / d log scale at fixed u, from dP / d log scale = -2 / scale²
            d_log_scale[i] += d_z[j] * inverse_variance * (2.0 * information * mode[i, j] / total**2 + u / total**1.5)
    pull_back(family, theta[first_hyper:], fixed, log_scale, d_log_scale, gradient[first_hyper:])
    return density
