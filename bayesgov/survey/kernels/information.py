"""Expected information of thresholds, coefficients and group effects under proportional odds, in one pass."""

from __future__ import annotations

import math

import numpy as np

from bayesgov.survey.kernels.compiling import entry_point
from bayesgov.survey.kernels.general import log_probability


@entry_point
def expected_information(
    family: int,
    link: int,
    x: np.ndarray,
    mass: np.ndarray,
    offset: np.ndarray,
    group: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    shared: np.ndarray,
    crossed: np.ndarray,
    own: np.ndarray,
) -> None:
    """Fill the blocks of sum_i mass_i sum_k p_ik g_ik g_ik', g_ik the gradient of log P(y_i = k).

    Parameters
    ----------
    x : ndarray, shape (n_terms, n_obs)
    mass, offset, group : ndarray, shape (n_obs,)
    shared : ndarray, shape (n_cuts + n_terms,) squared
        Of thresholds and coefficients; upper triangle and its mirror.
    crossed : ndarray, shape (n_cuts + n_terms, n_groups)
    own : ndarray, shape (n_groups,)
        The group effects' diagonal block.
    """
    n_cuts, n_terms = threshold.size, beta.size
    shared[:, :], crossed[:, :], own[:] = 0.0, 0.0, 0.0
    u, d_u = np.empty(n_cuts), np.empty(n_cuts)
    by_cut = np.empty(n_cuts)
    for i in range(mass.size):
        eta = offset[i]
        if own.size:
            eta += group_effect[group[i]]
        for j in range(n_terms):
            eta += beta[j] * x[j, i]
        for m in range(n_cuts):
            u[m] = threshold[m] - eta
        by_cut[:] = 0.0
        total = 0.0
        for k in range(n_cuts + 1):
            weight = mass[i] * math.exp(log_probability(family, link, k, u, d_u))
            pull = 0.0
            for m in range(n_cuts):
                pull += d_u[m]
            total += weight * pull * pull
            for m in range(n_cuts):
                by_cut[m] -= weight * d_u[m] * pull  # eta enters u with a minus
                if d_u[m] != 0.0:
                    for n in range(m, n_cuts):
                        shared[m, n] += weight * d_u[m] * d_u[n]
        for j in range(n_terms):
            for m in range(n_cuts):
                shared[m, n_cuts + j] += by_cut[m] * x[j, i]
            for n in range(j, n_terms):
                shared[n_cuts + j, n_cuts + n] += total * x[j, i] * x[n, i]
        if own.size:
            g = group[i]
            own[g] += total
            for m in range(n_cuts):
                crossed[m, g] += by_cut[m]
            for j in range(n_terms):
                crossed[n_cuts + j, g] += total * x[j, i]
    for m in range(n_cuts + n_terms):
        for n in range(m):
            shared[m, n] = shared[n, m]
