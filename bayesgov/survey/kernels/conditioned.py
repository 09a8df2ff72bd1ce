"""Likelihood-conditioned coordinates as compiled code; :mod:`bayesgov.survey.bayesian.conditioning` has the formula."""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(error_model="numpy")
def conditioned_root(precision: np.ndarray, inverse_variance: np.ndarray) -> tuple[np.ndarray, float]:
    """Inverse of L with L L' = precision + diag(inverse_variance), and log det L."""
    n = inverse_variance.size
    root, inverse = np.zeros((n, n)), np.zeros((n, n))
    log_det = 0.0
    for i in range(n):
        for j in range(i + 1):
            entry = precision[i, j] + (inverse_variance[i] if i == j else 0.0)
            for k in range(j):
                entry -= root[i, k] * root[j, k]
            root[i, j] = math.sqrt(entry) if i == j else entry / root[j, j]
        log_det += math.log(root[i, i])
        inverse[i, i] = 1.0 / root[i, i]
        for j in range(i):
            entry = 0.0
            for k in range(j, i):
                entry -= root[i, k] * inverse[k, j]
            inverse[i, j] = entry / root[i, i]
    return inverse, log_det


@numba.njit(error_model="numpy")
def _times(lower: np.ndarray, values: np.ndarray, result: np.ndarray) -> None:
    """Lower triangle times a vector."""
    for i in range(values.size):
        result[i] = 0.0
        for j in range(i + 1):
            result[i] += lower[i, j] * values[j]


@numba.njit(error_model="numpy")
def _transposed_times(lower: np.ndarray, values: np.ndarray) -> np.ndarray:
    result = np.zeros(values.size)
    for i in range(values.size):
        for j in range(i + 1):
            result[j] += lower[i, j] * values[i]
    return result


@numba.njit(error_model="numpy")
def conditioned(inverse: np.ndarray, pull: np.ndarray, z: np.ndarray) -> np.ndarray:
    """P^-1 pull + L^-T z = L^-T (L^-1 pull + z)."""
    inner = np.empty(z.size)
    _times(inverse, pull, inner)
    for i in range(z.size):
        inner[i] += z[i]
    return _transposed_times(inverse, inner)


@numba.njit(error_model="numpy")
def conditioned_pull_back(
    inverse: np.ndarray, pull: np.ndarray, z: np.ndarray, d_value: np.ndarray, d_z: np.ndarray
) -> np.ndarray:
    """Fill ``d_z`` and return the derivative of f(value) - log det L in every inverse variance.

    With dP = diag(dq) and dL = L Phi(L^-1 dP L^-T), Phi the lower triangle with half its diagonal:
    d value = -P^-1 dP P^-1 pull - L^-T Phi(L^-1 dP L^-T)' z.
    """
    n = z.size
    inner = np.empty(n)
    _times(inverse, pull, inner)
    centre = _transposed_times(inverse, inner)  # P^-1 pull
    _times(inverse, d_value, d_z)  # L^-1 g
    solved = _transposed_times(inverse, d_z)  # P^-1 g
    d_inverse_variance = np.empty(n)
    for k in range(n):
        slope = -solved[k] * centre[k]
        running = 0.0
        for i in range(k, n):
            entry = inverse[i, k]
            # the last term is -1/2 (P^-1)_kk, from log det L
            slope -= entry * z[i] * (running + 0.5 * entry * d_z[i]) + 0.5 * entry * entry
            running += entry * d_z[i]
        d_inverse_variance[k] = slope
    return d_inverse_variance


@numba.njit(error_model="numpy")
def zero_sum(free: np.ndarray, n: int) -> np.ndarray:
    """n values that sum to zero from n - 1 free ones, an isometry; empty where n is 0."""
    values = np.empty(n)
    if n:
        total = free.sum()
        for i in range(n - 1):
            values[i] = free[i] - total / (math.sqrt(n) + n)
        values[n - 1] = -total / math.sqrt(n)
    return values


@numba.njit(error_model="numpy")
def free_of_zero_sum(values: np.ndarray) -> np.ndarray:
    """The transpose of :func:`zero_sum`."""
    n = values.size
    total = values[: n - 1].sum() / (math.sqrt(n) + n) + values[n - 1] / math.sqrt(n)
    free = np.empty(n - 1)
    for i in range(n - 1):
        free[i] = values[i] - total
    return free
