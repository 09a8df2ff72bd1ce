r"""Likelihood of a dynamic panel whose outcome is a latent factor of its indicators, as compiled loops.

For unit i in region r, t = 1, ..., T, and indicators k:

.. math:: z_{kit} = \lambda_k \eta_{it} + c_{ki} + \varepsilon_{kit}, \qquad
          \eta_{it} = \alpha_r \eta_{i,t-1} + x_{it}'b_r + u_i + e_{it}, \qquad
          \eta_{i0} = w_i'g + \varphi v_i + e_{i0}, \quad u_i = \tau v_i,

with normal :math:`c_{ki}, \varepsilon_{kit}, v_i, e_{it}, e_{i0}` of standard deviations
:math:`\omega_k, \psi_k, 1, \sigma_r, \sigma_0`. Lasting noise is integrated out by hand,

.. math:: \Lambda_k = \psi_k^{-2}(I - \rho_k 11'), \qquad \rho_k = \omega_k^2 / (\psi_k^2 + n_k \omega_k^2),

over the n_k cells that are known; a missing cell is no term of the sum. What is left of a unit, its latent levels and
:math:`v_i`, is normal with a small dense precision, factorised once. The gradient is Fisher's identity:
the expectation of the complete-data gradient under that normal.

Everything that the compiled functions call stands in this file, so that their cache on disk goes stale with it.
"""

# mypy: disallow-untyped-decorators=False, warn-return-any=False
# (numba ships no types)

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc"}}

LOG_2PI = math.log(2 * math.pi)


class Rows(NamedTuple):
    """Data of the units, each with its T rows and T + 1 latent levels.

    Attributes
    ----------
    z : ndarray, shape (n_obs, n_columns)
        Known regressors; the lag's column holds what is to be added to the latent lag.
    lag : int
        Position of the lag's column.
    starts : ndarray of int, shape (n_units + 1,)
        First row of every unit, and the number of rows.
    unit_region : ndarray of int, shape (n_units,)
    start : ndarray, shape (n_units, n_start)
        Regressors of the first latent level.
    items : ndarray, shape (n_units, n_items, n_levels)
        Zero where missing.
    known : ndarray of bool, shape (n_units, n_items, n_levels)
    counts : ndarray of int, shape (n_units, n_items)
        Cells known.
    repeats : ndarray of bool, shape (n_units,)
        Whether the unit before has the same region, periods and known cells, and so the same precision.
    """

    z: np.ndarray
    lag: int
    starts: np.ndarray
    unit_region: np.ndarray
    start: np.ndarray
    items: np.ndarray
    known: np.ndarray
    counts: np.ndarray
    repeats: np.ndarray


class Parameters(NamedTuple):
    """One value of every parameter in working units.

    Attributes
    ----------
    b : ndarray, shape (n_regions, n_columns)
    variance : ndarray, shape (n_regions,)
        Of the errors.
    unit : ndarray, shape (1,)
        Standard deviation of unit effects.
    g : ndarray, shape (n_start,)
    first : ndarray, shape (n_regions, 2)
        phi, and the variance of the first level given the unit effect.
    loading, yearly, lasting : ndarray, shape (n_items,)
        Loadings, and variances of yearly and lasting noise.
    """

    b: np.ndarray
    variance: np.ndarray
    unit: np.ndarray
    g: np.ndarray
    first: np.ndarray
    loading: np.ndarray
    yearly: np.ndarray
    lasting: np.ndarray


@numba.njit(**_OPTIONS)
def _cholesky(a: np.ndarray, n: int) -> float:
    """Lower factor of the leading n rows and columns in place (lower triangle read); returns the log-determinant."""
    log_determinant = 0.0
    for j in range(n):
        for p in range(j):
            factor = a[j, p]
            for i in range(j, n):
                a[i, j] -= factor * a[i, p]
        pivot = a[j, j]
        log_determinant += math.log(pivot)
        root = 1.0 / math.sqrt(pivot)
        for i in range(j, n):
            a[i, j] *= root
    return log_determinant


@numba.njit(**_OPTIONS)
def _invert_lower(root: np.ndarray, n: int, inverse: np.ndarray) -> None:
    """inverse <- L^-1 of the leading n rows and columns; its upper triangle is left alone."""
    for i in range(n):
        for j in range(i):
            inverse[i, j] = 0.0
        for p in range(i):
            factor = root[i, p]
            for j in range(p + 1):
                inverse[i, j] -= factor * inverse[p, j]
        factor = 1.0 / root[i, i]
        for j in range(i):
            inverse[i, j] *= factor
        inverse[i, i] = factor


@numba.njit(**_OPTIONS)
def _cross_product(inverse: np.ndarray, n: int, product: np.ndarray) -> None:
    """product <- L^-T L^-1 from L^-1, both triangles."""
    for i in range(n):
        for j in range(i + 1):
            product[i, j] = 0.0
    for q in range(n):
        for i in range(q + 1):
            factor = inverse[q, i]
            for j in range(i + 1):
                product[i, j] += factor * inverse[q, j]
    for i in range(n):
        for j in range(i):
            product[j, i] = product[i, j]


@numba.njit(**_OPTIONS)
def _unit_precision(unit: int, n: int, rows: Rows, values: Parameters, q: np.ndarray) -> None:
    """Fill the lower triangle of ``q`` with the precision of a unit's n latent levels and of v."""
    region = rows.unit_region[unit]
    alpha, weight = values.b[region, rows.lag], 1.0 / values.variance[region]
    tau, phi, first = values.unit[0], values.first[region, 0], 1.0 / values.first[region, 1]
    for i in range(n + 1):
        for j in range(i + 1):
            q[i, j] = 0.0
    q[0, 0] = first
    q[n, 0] = -phi * first
    for t in range(1, n):
        q[t, t] += weight
        q[t - 1, t - 1] += alpha * alpha * weight
        q[t, t - 1] -= alpha * weight
        q[n, t] -= tau * weight
        q[n, t - 1] += tau * alpha * weight
    q[n, n] = 1.0 + tau * tau * (n - 1) * weight + phi * phi * first
    all_cells, all_pairs = 0.0, 0.0
    for k in range(values.loading.size):
        count = rows.counts[unit, k]
        cell = values.loading[k] ** 2 / values.yearly[k]
        pair = cell * values.lasting[k] / (values.yearly[k] + count * values.lasting[k])
        if count == n:
            all_cells += cell
            all_pairs += pair
            continue
        for i in range(n):
            if rows.known[unit, k, i]:
                q[i, i] += cell
                for j in range(i + 1):
                    if rows.known[unit, k, j]:
                        q[i, j] -= pair
    for i in range(n):
        q[i, i] += all_cells
        for j in range(i + 1):
            q[i, j] -= all_pairs


@numba.njit(**_OPTIONS)
def _unit_pull(unit: int, n: int, rows: Rows, values: Parameters, known_part: np.ndarray, pull: np.ndarray) -> float:
    """Fill ``pull`` with precision times mean, ``known_part`` with x'b (the first: w'g); returns -2 log constants."""
    region, at = rows.unit_region[unit], rows.starts[unit] - 1
    alpha, weight = values.b[region, rows.lag], 1.0 / values.variance[region]
    tau, phi, first = values.unit[0], values.first[region, 0], 1.0 / values.first[region, 1]
    for i in range(n + 1):
        pull[i] = 0.0
    total = 0.0
    for j in range(values.g.size):
        total += rows.start[unit, j] * values.g[j]
    known_part[0] = total
    pull[0] = total * first
    pull[n] = -phi * total * first
    constant = total * total * first + math.log(values.first[region, 1]) + (n - 1) * math.log(values.variance[region])
    for t in range(1, n):
        total = 0.0
        for j in range(rows.z.shape[1]):
            total += rows.z[at + t, j] * values.b[region, j]
        known_part[t] = total
        pull[t] += total * weight
        pull[t - 1] -= alpha * total * weight
        pull[n] -= tau * total * weight
        constant += total * total * weight
    for k in range(values.loading.size):
        count = rows.counts[unit, k]
        if count == 0:
            continue
        yearly, lasting = values.yearly[k], values.lasting[k]
        total, square = 0.0, 0.0
        for t in range(n):
            total += rows.items[unit, k, t]
            square += rows.items[unit, k, t] ** 2
        spread = yearly + count * lasting
        shared = lasting / spread * total
        for t in range(n):
            if rows.known[unit, k, t]:
                pull[t] += values.loading[k] / yearly * (rows.items[unit, k, t] - shared)
        constant += (square - shared * total) / yearly + count * LOG_2PI
        constant += (count - 1) * math.log(yearly) + math.log(spread)
    return constant


@numba.njit(**_OPTIONS)
def _dynamics_slopes(
    unit: int,
    n: int,
    rows: Rows,
    values: Parameters,
    known_part: np.ndarray,
    mean: np.ndarray,
    p: np.ndarray,
    slopes: Parameters,
) -> None:
    """Add the unit's expected gradient of the equations of the latent levels."""
    region, at = rows.unit_region[unit], rows.starts[unit] - 1
    alpha, variance = values.b[region, rows.lag], values.variance[region]
    tau, phi, first = values.unit[0], values.first[region, 0], values.first[region, 1]
    log_variance, d_unit, d_alpha = 0.0, 0.0, 0.0
    for t in range(1, n):
        error = mean[t] - alpha * mean[t - 1] - known_part[t] - tau * mean[n]
        with_lag = p[t, t - 1] - alpha * p[t - 1, t - 1] - tau * p[n, t - 1]
        with_unit = p[t, n] - alpha * p[t - 1, n] - tau * p[n, n]
        with_level = p[t, t] - alpha * p[t - 1, t] - tau * p[n, t]
        square = error * error + with_level - alpha * with_lag - tau * with_unit
        d_alpha += error * mean[t - 1] + with_lag
        d_unit += error * mean[n] + with_unit
        log_variance += 0.5 * (square / variance - 1.0)
        for j in range(rows.z.shape[1]):
            slopes.b[region, j] += rows.z[at + t, j] * error / variance
    slopes.b[region, rows.lag] += d_alpha / variance
    slopes.variance[region] += log_variance
    error = mean[0] - known_part[0] - phi * mean[n]
    with_unit = p[0, n] - phi * p[n, n] + error * mean[n]
    square = error * error + p[0, 0] - 2.0 * phi * p[0, n] + phi * phi * p[n, n]
    slopes.unit[0] += d_unit / variance
    slopes.first[region, 0] += with_unit / first
    slopes.first[region, 1] += 0.5 * (square / first - 1.0)
    for j in range(values.g.size):
        slopes.g[j] += rows.start[unit, j] * error / first


@numba.njit(**_OPTIONS)
def _item_slopes(
    unit: int, n: int, rows: Rows, values: Parameters, mean: np.ndarray, p: np.ndarray, slopes: Parameters
) -> None:
    """Add the unit's expected gradient of the measurement equations; of variances by their logarithms."""
    every_variance, every_pair = 0.0, 0.0
    for i in range(n):
        every_variance += p[i, i]
        for j in range(n):
            every_pair += p[i, j]
    for k in range(values.loading.size):
        count = rows.counts[unit, k]
        if count == 0:
            continue
        loading, yearly, lasting = values.loading[k], values.yearly[k], values.lasting[k]
        cells, pairs = every_variance, every_pair
        if count < n:
            cells, pairs = 0.0, 0.0
            for i in range(n):
                if rows.known[unit, k, i]:
                    cells += p[i, i]
                    for j in range(n):
                        if rows.known[unit, k, j]:
                            pairs += p[i, j]
        total, level, square, product = 0.0, 0.0, 0.0, 0.0
        for t in range(n):
            if rows.known[unit, k, t]:
                gap = rows.items[unit, k, t] - loading * mean[t]
                total += gap
                level += mean[t]
                square += gap * gap
                product += gap * mean[t]
        spread = yearly + count * lasting
        share = lasting / spread
        product -= loading * cells + share * (total * level - loading * pairs)
        slopes.loading[k] += product / yearly
        square += loading * loading * cells
        between = (total * total + loading * loading * pairs) / count
        slopes.yearly[k] += 0.5 * (
            (square - between) / yearly - (count - 1) + (between / spread - 1.0) * yearly / spread
        )
        slopes.lasting[k] += 0.5 * (between / spread - 1.0) * count * share


@numba.njit(**_OPTIONS)
def log_likelihood(rows: Rows, values: Parameters, slopes: Parameters) -> float:
    """Log density of the items with latent levels, unit effects and lasting noise integrated out.

    Parameters
    ----------
    rows : Rows
    values : Parameters
    slopes : Parameters
        Filled with the gradient: of variances by their logarithms, of everything else as it is.
    """
    for j in range(slopes.loading.size):
        slopes.loading[j], slopes.yearly[j], slopes.lasting[j] = 0.0, 0.0, 0.0
    slopes.b[:, :] = 0.0
    slopes.variance[:], slopes.unit[:], slopes.g[:], slopes.first[:, :] = 0.0, 0.0, 0.0, 0.0
    size = rows.items.shape[2] + 1
    q, inverse, p = np.empty((size, size)), np.empty((size, size)), np.empty((size, size))
    pull, mean, known_part = np.empty(size), np.empty(size), np.empty(size)
    value, log_determinant = 0.0, 0.0
    for unit in range(rows.unit_region.size):
        n = rows.starts[unit + 1] - rows.starts[unit] + 1
        if not rows.repeats[unit]:
            _unit_precision(unit, n, rows, values, q)
            log_determinant = _cholesky(q, n + 1)
            _invert_lower(q, n + 1, inverse)
            _cross_product(inverse, n + 1, p)
        constant = _unit_pull(unit, n, rows, values, known_part, pull)
        fitted = 0.0
        for i in range(n + 1):
            total = 0.0
            for j in range(n + 1):
                total += p[i, j] * pull[j]
            mean[i] = total
            fitted += total * pull[i]
        value += 0.5 * (fitted - log_determinant - constant)
        _dynamics_slopes(unit, n, rows, values, known_part, mean, p, slopes)
        _item_slopes(unit, n, rows, values, mean, p, slopes)
    return value


@numba.njit(**_OPTIONS)
def smooth(rows: Rows, values: Parameters, mean: np.ndarray, variance: np.ndarray, changes: np.ndarray) -> None:
    """Conditional moments of the latent levels.

    Parameters
    ----------
    rows : Rows
    values : Parameters
    mean, variance : ndarray, shape (n_units, n_levels)
        Filled; cells beyond a unit's last level are left alone.
    changes : ndarray, shape (n_units, 2)
        Filled with the expected squares of the levels around the unit's mean, and of their first differences.
    """
    size = rows.items.shape[2] + 1
    q, inverse, p = np.empty((size, size)), np.empty((size, size)), np.empty((size, size))
    pull, known_part = np.empty(size), np.empty(size)
    for unit in range(rows.unit_region.size):
        n = rows.starts[unit + 1] - rows.starts[unit] + 1
        if not rows.repeats[unit]:
            _unit_precision(unit, n, rows, values, q)
            _cholesky(q, n + 1)
            _invert_lower(q, n + 1, inverse)
            _cross_product(inverse, n + 1, p)
        _unit_pull(unit, n, rows, values, known_part, pull)
        total, square = 0.0, 0.0
        for i in range(n):
            level = 0.0
            for j in range(n + 1):
                level += p[i, j] * pull[j]
            mean[unit, i], variance[unit, i] = level, p[i, i]
            total += level
            square += level * level + p[i, i]
        pairs, steps = 0.0, 0.0
        for i in range(n):
            for j in range(n):
                pairs += p[i, j]
        for t in range(1, n):
            steps += (mean[unit, t] - mean[unit, t - 1]) ** 2 + p[t, t] + p[t - 1, t - 1] - 2.0 * p[t, t - 1]
        changes[unit, 0] = square - (total * total + pairs) / n
        changes[unit, 1] = steps
