"""Normal estimates under a regularised horseshoe, the effects integrated out, as compiled scalar code."""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesgov.shrinkage_kernel import log_scales, pull_back


@numba.njit(error_model="numpy")
def normal_means_log_density(
    theta: np.ndarray,
    estimate: np.ndarray,
    std_error: np.ndarray,
    included: np.ndarray,
    fixed: np.ndarray,
    gradient: np.ndarray,
) -> float:
    """Value of the log posterior of the hyperparameters; ``gradient`` is filled.

    estimate_r | scale_r ~ N(0, scale_r² + std_error_r²) for every included row.

    Parameters
    ----------
    theta : ndarray, shape (2 + n_rows,)
        Horseshoe hyperparameters of :mod:`bayesgov.shrinkage_kernel`.
    estimate, std_error, included : ndarray, shape (n_rows,)
        ``included`` is 1 or 0.
    fixed : ndarray, shape (3,)
    """
    n_rows = estimate.size
    log_scale, d_log_scale = np.empty(n_rows), np.zeros(n_rows)
    density: float = log_scales(1, theta, fixed, log_scale)
    for r in range(n_rows):
        scale2 = math.exp(2.0 * log_scale[r])
        variance = scale2 + std_error[r] ** 2
        square = estimate[r] ** 2 / variance
        density -= 0.5 * included[r] * (math.log(2.0 * math.pi * variance) + square)
        d_log_scale[r] = included[r] * scale2 / variance * (square - 1.0)
    pull_back(1, theta, fixed, log_scale, d_log_scale, gradient)
    return density
