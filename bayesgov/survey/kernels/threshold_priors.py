"""Prior densities of thresholds at the mean of the predictors, as compiled scalar code."""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesgov.survey.kernels.general import log_probability
from bayesgov.survey.kernels.links import d_log_slope, log_above, log_below, log_slope


@numba.njit(error_model="numpy")
def threshold_density(
    family: int, link: int, kind: int, size: float, threshold: np.ndarray, d_threshold: np.ndarray
) -> float:
    """Log prior density, derivatives added to ``d_threshold``; ``kind`` and ``size`` as in ``posterior.Prior``."""
    if kind == 0:
        return _induced_dirichlet(family, link, size, threshold, d_threshold)
    # normal thresholds, sorted in the cumulative family
    density = math.lgamma(threshold.size + 1.0) if family == 0 else 0.0
    for m in range(threshold.size):
        density -= 0.5 * (threshold[m] / size) ** 2 + math.log(size) + 0.5 * math.log(2.0 * math.pi)
        d_threshold[m] -= threshold[m] / size**2
    return density


@numba.njit(error_model="numpy")
def _induced_dirichlet(
    family: int, link: int, concentration: float, threshold: np.ndarray, d_threshold: np.ndarray
) -> float:
    """Thresholds whose level probabilities p at eta = 0 are Dirichlet(a, ..., a) (Betancourt 2019).

    Cumulative: |dp / dc| = prod F'(c_k). Adjacent: with t_k = log p_{k+1} / p_k, |dp / dt| = prod p_k. Continuation:
    F(c_k) ~ Beta(a, a (K - k)) independently.
    """
    n_cuts = threshold.size
    density = math.lgamma(concentration * (n_cuts + 1)) - (n_cuts + 1) * math.lgamma(concentration)
    power = concentration if family == 1 else concentration - 1.0
    if family != 2 and power != 0.0:
        d_u = np.empty(n_cuts)
        for k in range(n_cuts + 1):
            density += power * log_probability(family, link, k, threshold, d_u)
            for m in range(n_cuts):
                d_threshold[m] += power * d_u[m]
    for m in range(n_cuts):
        slope = log_slope(link, threshold[m])
        density += slope
        d_threshold[m] += d_log_slope(link, threshold[m])
        if family == 0:
            continue
        below, above = log_below(link, threshold[m]), log_above(link, threshold[m])
        # adjacent: dt / dc = -F' / (F (1 - F)); continuation: the Beta's powers
        first, second = (-1.0, -1.0) if family == 1 else (concentration - 1.0, concentration * (n_cuts - m) - 1.0)
        density += first * below + second * above
        d_threshold[m] += first * math.exp(slope - below) - second * math.exp(slope - above)
    return density
