r"""The hierarchical linear panel with every linear coefficient and unit effect integrated out, as compiled loops.

With columns Z, K of them, the first k varying by region, unit effects of variance :math:`\tau^2` and errors of
variance :math:`\sigma_r^2`, the rows of region r enter through

.. math:: M_r = [Z\ y]'\Sigma^{-1}[Z\ y] = W_r / \sigma_r^2 + \sum_T T B_{rT} / (\sigma_r^2 + T\tau^2),

W the cross-products within units and B those of unit means, one for each number of periods T. In coefficients with
standard normal priors, :math:`b_r = c x + s u_r` (c and s prior scales, u for the varying columns only), the precision
of (u_1, ..., u_R, x) is an arrow: each region's block :math:`A_r = I + s M_{vv} s` is eliminated in turn, and the last
pivot of what is left is the quadratic form of the marginal density.

The gradient is Fisher's identity: the expectation of the complete-data gradient over the coefficients' conditional
distribution, whose mean and covariance the same factors give. A gradient costs the same for any number of units.

Everything that the compiled functions call stands in this file, so that their cache on disk goes stale with it.
"""

# mypy: disallow-untyped-decorators=False, warn-return-any=False
# (numba ships no types)

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np

from bayesgov.fused import LOG_DENSITY

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc"}}

# compiled into their one caller and not by themselves as well
_INLINED = _OPTIONS | {"inline": "always"}
_HELPER = _OPTIONS | {"cache": False, "no_cfunc_wrapper": True}  # in the cache as parts of what calls them

LOG_2PI = math.log(2 * math.pi)


@numba.njit(**_HELPER)
def _cholesky(a: np.ndarray, n: int) -> float:
    """Lower factor of the leading n rows and columns in place, further rows solved; returns the log-determinant.

    Rows beyond n become those of L^-1 applied to them, so the last entry of a bordered matrix is a Schur complement.
    """
    size = a.shape[0]
    log_determinant = 0.0
    for j in range(n):
        pivot = a[j, j]
        log_determinant += math.log(pivot)
        root = 1.0 / math.sqrt(pivot)
        for i in range(j, size):
            a[i, j] *= root
        for i in range(j + 1, size):
            factor = a[i, j]
            for m in range(j + 1, i + 1):
                a[i, m] -= factor * a[m, j]
    return log_determinant


@numba.njit(**_HELPER)
def _forward(root: np.ndarray, a: np.ndarray) -> None:
    """a <- L^-1 a."""
    for i in range(a.shape[0]):
        for p in range(i):
            factor = root[i, p]
            for j in range(a.shape[1]):
                a[i, j] -= factor * a[p, j]
        factor = 1.0 / root[i, i]
        for j in range(a.shape[1]):
            a[i, j] *= factor


@numba.njit(**_HELPER)
def _backward(root: np.ndarray, a: np.ndarray) -> None:
    """a <- L^-T a."""
    for i in range(a.shape[0] - 1, -1, -1):
        for p in range(i + 1, a.shape[0]):
            factor = root[p, i]
            for j in range(a.shape[1]):
                a[i, j] -= factor * a[p, j]
        factor = 1.0 / root[i, i]
        for j in range(a.shape[1]):
            a[i, j] *= factor


@numba.njit(**_HELPER)
def _inverse(root: np.ndarray, n: int) -> np.ndarray:
    """L^-1 of the leading n rows and columns, shape (n, n)."""
    inverse = np.zeros((n, n))
    for i in range(n):
        for p in range(i):
            factor = root[i, p]
            for j in range(p + 1):
                inverse[i, j] -= factor * inverse[p, j]
        factor = 1.0 / root[i, i]
        for j in range(i):
            inverse[i, j] *= factor
        inverse[i, i] = factor
    return inverse


@numba.njit(**_HELPER)
def _subtract_products(a: np.ndarray, target: np.ndarray) -> None:
    """target <- target - a' a, four rows of ``a`` at a time, which short rows repay."""
    n, size = a.shape
    whole = n - n % 4
    for i in range(size):
        for p in range(0, whole, 4):
            f0, f1, f2, f3 = a[p, i], a[p + 1, i], a[p + 2, i], a[p + 3, i]
            for j in range(size):
                target[i, j] -= f0 * a[p, j] + f1 * a[p + 1, j] + f2 * a[p + 2, j] + f3 * a[p + 3, j]
        for p in range(whole, n):
            f0 = a[p, i]
            for j in range(size):
                target[i, j] -= f0 * a[p, j]


@numba.njit(**_HELPER)
def _multiply_negative(a: np.ndarray, b: np.ndarray, target: np.ndarray) -> None:
    """target <- -a b for square b, four columns of ``a`` at a time."""
    n, size = a.shape
    whole = size - size % 4
    for i in range(n):
        for j in range(size):
            target[i, j] = 0.0
        for p in range(0, whole, 4):
            f0, f1, f2, f3 = a[i, p], a[i, p + 1], a[i, p + 2], a[i, p + 3]
            for j in range(size):
                target[i, j] -= f0 * b[p, j] + f1 * b[p + 1, j] + f2 * b[p + 2, j] + f3 * b[p + 3, j]
        for p in range(whole, size):
            f0 = a[i, p]
            for j in range(size):
                target[i, j] -= f0 * b[p, j]


@numba.njit(**_HELPER)
def _weigh(
    region: int,
    within: np.ndarray,
    between: np.ndarray,
    group_region: np.ndarray,
    periods: np.ndarray,
    variance: float,
    unit_variance: float,
    m: np.ndarray,
) -> None:
    """Fill ``m`` with M_r."""
    size = m.shape[0]
    weight = 1.0 / variance
    for i in range(size):
        for j in range(size):
            m[i, j] = weight * within[region, i, j]
    for g in range(group_region.size):
        if group_region[g] != region:
            continue
        weight = periods[g] / (variance + periods[g] * unit_variance)
        for i in range(size):
            for j in range(size):
                m[i, j] += weight * between[g, i, j]


@numba.njit(**_HELPER)
def _factorise(
    within: np.ndarray,
    between: np.ndarray,
    group_region: np.ndarray,
    periods: np.ndarray,
    s: np.ndarray,
    c: np.ndarray,
    variance: np.ndarray,
    unit_variance: float,
    roots: np.ndarray,
    solved: np.ndarray,
    schur: np.ndarray,
) -> float:
    """Eliminate every region's block, then factorise what is left; returns the log-determinant of the precision.

    Parameters
    ----------
    roots : ndarray, shape (n_regions, k, k)
        Filled with the lower factors L of A_r.
    solved : ndarray, shape (n_regions, k, K + 1)
        Filled with L^-1 [C h] of every region, C the cross-precision of u and x and h that of u and y.
    schur : ndarray, shape (K + 1, K + 1)
        Filled with the lower factor of the precision of (x, y) with every u eliminated; its last entry is left as the
        quadratic form.
    """
    n_regions, k = roots.shape[0], s.size
    size = c.size
    m = np.empty((size, size))
    schur[:, :] = 0.0
    log_determinant = 0.0
    for r in range(n_regions):
        _weigh(r, within, between, group_region, periods, variance[r], unit_variance, m)
        root, g = roots[r], solved[r]
        for i in range(k):
            for j in range(k):
                root[i, j] = s[i] * s[j] * m[i, j]
            root[i, i] += 1.0
            for j in range(size):
                g[i, j] = s[i] * c[j] * m[i, j]
        log_determinant += _cholesky(root, k)
        _forward(root, g)
        for i in range(size):
            for j in range(size):
                schur[i, j] += c[i] * c[j] * m[i, j]
    _subtract_products(solved.reshape(n_regions * k, size), schur)
    for i in range(size - 1):
        schur[i, i] += 1.0
    return log_determinant + _cholesky(schur, size - 1)


@numba.njit(**_HELPER)
def _second_moments(schur: np.ndarray, moments: np.ndarray) -> None:
    """Fill ``moments`` with E[(x, -1)(x, -1)'] from the factor of their precision."""
    n = schur.shape[0] - 1
    inverse = _inverse(schur, n)
    moments[:, :] = 0.0
    for q in range(n):
        for i in range(q + 1):
            factor = inverse[q, i]
            for j in range(q + 1):
                moments[i, j] += factor * inverse[q, j]
        for j in range(q + 1):  # the mean of x, negative, in the last row
            moments[n, j] -= schur[n, q] * inverse[q, j]
    for i in range(n):
        for j in range(n):
            moments[i, j] += moments[n, i] * moments[n, j]
        moments[i, n] = moments[n, i]
    moments[n, n] = 1.0


@numba.njit(**_HELPER)
def _offset_spread(root: np.ndarray, f: np.ndarray, cross: np.ndarray, spread: np.ndarray) -> None:
    """Fill ``spread`` with E[u u'], u = -F (x, -1) + L^-T e with e standard normal and ``cross`` E[u (x, -1)']."""
    k, size = f.shape
    inverse = _inverse(root, k)
    for i in range(k):
        for j in range(i + 1):
            total = 0.0
            for p in range(size):
                total -= cross[i, p] * f[j, p]
            for p in range(i, k):
                total += inverse[p, i] * inverse[p, j]
            spread[i, j] = total
            spread[j, i] = total


@numba.njit(**_HELPER)
def _coefficient_moments(
    cross: np.ndarray, spread: np.ndarray, moments: np.ndarray, s: np.ndarray, c: np.ndarray, q: np.ndarray
) -> None:
    """Fill ``q`` with E[v v'], v = (b_r, -1) = c (x, -1) + s u."""
    k, size = cross.shape
    for i in range(size):
        for j in range(size):
            q[i, j] = c[i] * c[j] * moments[i, j]
    for i in range(k):
        for j in range(size):
            shared = s[i] * c[j] * cross[i, j]
            q[i, j] += shared
            q[j, i] += shared
        for j in range(k):
            q[i, j] += s[i] * s[j] * spread[i, j]


@numba.njit(**_HELPER)
def _inner(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += a[i, j] * b[i, j]
    return total


@numba.njit(**_INLINED)
def marginal(
    within: np.ndarray,
    between: np.ndarray,
    group_region: np.ndarray,
    periods: np.ndarray,
    group_units: np.ndarray,
    region_rows: np.ndarray,
    n_year: int,
    s: np.ndarray,
    c: np.ndarray,
    variance: np.ndarray,
    unit_variance: float,
    d_log_s: np.ndarray,
    d_log_variance: np.ndarray,
    d_other: np.ndarray,
) -> float:
    """Log marginal density of y given the scales; derivatives by the logarithms of the scales are filled.

    Parameters
    ----------
    within : ndarray, shape (n_regions, K + 1, K + 1)
        Cross-products of [Z y] within units.
    between : ndarray, shape (n_groups, K + 1, K + 1)
        Those of unit means, one for each region and number of periods.
    group_region, periods, group_units : ndarray, shape (n_groups,)
    region_rows : ndarray, shape (n_regions,)
    n_year : int
        The last ``n_year`` columns of Z are year effects; c of these is their standard deviation.
    s : ndarray, shape (k,)
        Standard deviations between regions of the first k columns' coefficients.
    c : ndarray, shape (K + 1,)
        Prior standard deviations of the coefficients, or of their means over regions; the last is 1.
    variance : ndarray, shape (n_regions,)
        Of the errors.
    unit_variance : float
    d_log_s : ndarray, shape (k,)
    d_log_variance : ndarray, shape (n_regions,)
    d_other : ndarray, shape (2,)
        By the logarithm of the year effects' standard deviation, and by the unit variance itself.
    """
    n_regions, k, size = within.shape[0], s.size, c.size
    roots, solved = np.empty((n_regions, k, k)), np.empty((n_regions, k, size))
    schur, moments = np.empty((size, size)), np.empty((size, size))
    q, cross, spread = np.empty((size, size)), np.empty((n_regions, k, size)), np.empty((k, k))
    log_determinant = _factorise(
        within, between, group_region, periods, s, c, variance, unit_variance, roots, solved, schur
    )
    value = -0.5 * (log_determinant + schur[size - 1, size - 1])
    _second_moments(schur, moments)
    d_log_s[:] = -n_regions
    d_log_variance[:] = 0.0
    d_other[:] = 0.0
    for j in range(size - 1 - n_year, size - 1):
        d_other[0] += moments[j, j] - 1.0
    for r in range(n_regions):
        _backward(roots[r], solved[r])  # F = L^-T solved
    _multiply_negative(solved.reshape(n_regions * k, size), moments, cross.reshape(n_regions * k, size))
    for r in range(n_regions):
        _offset_spread(roots[r], solved[r], cross[r], spread)
        _coefficient_moments(cross[r], spread, moments, s, c, q)
        for j in range(k):
            d_log_s[j] += spread[j, j]
        n_units = 0.0
        for g in range(group_region.size):
            if group_region[g] != r:
                continue
            n_units += group_units[g]
            # T (sigma^2 + T tau^2)^-1, the weight of the unit means
            weight = periods[g] / (variance[r] + periods[g] * unit_variance)
            pull = 0.5 * weight * (weight * _inner(q, between[g]) - group_units[g])
            d_other[1] += pull
            d_log_variance[r] += pull * variance[r] / periods[g]
            value -= 0.5 * group_units[g] * math.log(variance[r] + periods[g] * unit_variance)
        free = region_rows[r] - n_units
        d_log_variance[r] += 0.5 * (_inner(q, within[r]) / variance[r] - free)
        value -= 0.5 * (free * math.log(variance[r]) + region_rows[r] * LOG_2PI)
    return value


@numba.njit(**_INLINED)
def stretched(theta: float) -> float:
    """theta + theta^3 / 6: linear at zero, a cube far from it."""
    return theta + theta * theta * theta / 6.0


@numba.njit(**_INLINED)
def log_posterior(
    theta: np.ndarray,
    within: np.ndarray,
    between: np.ndarray,
    group_region: np.ndarray,
    periods: np.ndarray,
    group_units: np.ndarray,
    region_rows: np.ndarray,
    n_year: int,
    fixed_s: np.ndarray,
    fixed_c: np.ndarray,
    half_scale: np.ndarray,
    resolution: np.ndarray,
    gradient: np.ndarray,
) -> float:
    """Log posterior of the standard deviations in the sampler's coordinates; the gradient is filled.

    ``theta`` holds the standard deviations between regions (none where ``fixed_s`` is positive), of year effects (where
    there are any), of unit effects, and of the errors, one or one a region. Errors are logarithms in units of their
    half-normal prior's scale. The others are ``scale * resolution * |theta + theta^3 / 6|``: a cube root where a
    standard deviation is well above what the data can tell from zero, which makes its posterior nearly normal, and
    linear below, so that neither a funnel towards zero nor the long tail of a logarithm is left. The density is even
    in these; a chain may cross zero and nothing changes.
    """
    n_regions, k = within.shape[0], fixed_s.size
    n_free = 0 if k == 0 or fixed_s[0] > 0 else k
    s, c, variance = fixed_s.copy(), fixed_c.copy(), np.empty(n_regions)
    d_log_s, d_log_variance, d_other = np.empty(k), np.empty(n_regions), np.empty(2)
    for j in range(n_free):
        s[j] = half_scale[j] * resolution[j] * stretched(theta[j])
    at = n_free
    if n_year:
        for j in range(c.size - 1 - n_year, c.size - 1):
            c[j] = half_scale[at] * resolution[at] * stretched(theta[at])
        at += 1
    unit_sd = half_scale[at] * resolution[at] * stretched(theta[at])
    first_error = at + 1
    one = theta.size == first_error + 1
    for r in range(n_regions):
        e = first_error if one else first_error + r
        variance[r] = (half_scale[e] * math.exp(theta[e])) ** 2
    value = marginal(
        within, between, group_region, periods, group_units, region_rows, n_year,
        s, c, variance, unit_sd * unit_sd, d_log_s, d_log_variance, d_other,
    )  # fmt: skip
    gradient[:] = 0.0
    for j in range(n_free):
        gradient[j] = d_log_s[j]
    if n_year:
        gradient[at - 1] = d_other[0]
    gradient[at] = 2.0 * d_other[1] * unit_sd * unit_sd
    for r in range(n_regions):
        gradient[first_error if one else first_error + r] += 2.0 * d_log_variance[r]
    for j in range(first_error):
        # from log |sd| to theta, half-normal prior and Jacobian; even functions have slope 0 at 0
        slope = 1.0 + 0.5 * theta[j] * theta[j]
        size = resolution[j] * stretched(theta[j])
        gradient[j] = gradient[j] * slope * resolution[j] / size if size != 0.0 else 0.0
        value += math.log(slope) - 0.5 * size * size
        gradient[j] += theta[j] / slope - size * resolution[j] * slope
    for j in range(first_error, theta.size):
        # half-normal in exp(theta), with the Jacobian of the logarithm
        size = math.exp(theta[j])
        value += theta[j] - 0.5 * size * size
        gradient[j] += 1.0 - size * size
    return value


def packed(
    within: np.ndarray,
    between: np.ndarray,
    group_region: np.ndarray,
    periods: np.ndarray,
    group_units: np.ndarray,
    region_rows: np.ndarray,
    n_year: int,
    fixed_s: np.ndarray,
    fixed_c: np.ndarray,
    half_scale: np.ndarray,
    resolution: np.ndarray,
) -> np.ndarray:
    """What :func:`log_posterior` takes between the point and its gradient as the block that :func:`native` reads."""
    sizes = (within.shape[0], between.shape[0], fixed_s.size, fixed_c.size, n_year, resolution.size)
    parts = (within, between, group_region, periods, group_units, region_rows, fixed_s, fixed_c, half_scale, resolution)
    return np.concatenate([np.asarray(sizes, dtype=float), *[np.asarray(part, dtype=float).ravel() for part in parts]])


@cache
def native() -> Any:
    """:func:`log_posterior` as machine code that takes addresses."""

    @numba.cfunc(LOG_DENSITY, cache=True, error_model="numpy")
    def call(n_dim, theta, gradient, value, data):  # type: ignore[no-untyped-def]
        head = numba.carray(data, 6)
        n_regions, n_groups, k = int(head[0]), int(head[1]), int(head[2])
        size, n_year, n_resolution = int(head[3]), int(head[4]), int(head[5])
        square = size * size
        at = 6 + (n_regions + n_groups) * square
        total = at + 3 * n_groups + n_regions + k + size + n_dim + n_resolution
        block = numba.carray(data, total)
        within = block[6 : 6 + n_regions * square].reshape((n_regions, size, size))
        between = block[6 + n_regions * square : at].reshape((n_groups, size, size))
        group_region, periods = block[at : at + n_groups], block[at + n_groups : at + 2 * n_groups]
        group_units = block[at + 2 * n_groups : at + 3 * n_groups]
        at += 3 * n_groups
        region_rows, fixed_s = block[at : at + n_regions], block[at + n_regions : at + n_regions + k]
        at += n_regions + k
        fixed_c, half_scale = block[at : at + size], block[at + size : at + size + n_dim]
        slopes = numba.carray(gradient, n_dim)
        found = log_posterior(
            numba.carray(theta, n_dim), within, between, group_region, periods, group_units, region_rows, n_year,
            fixed_s, fixed_c, half_scale, block[total - n_resolution :], slopes,
        )  # fmt: skip
        value[0] = found
        for j in range(n_dim):
            found += slopes[j]
        return 0 if math.isfinite(found) else 1

    return call


@numba.njit(**_OPTIONS)
def redraw(
    within: np.ndarray,
    between: np.ndarray,
    group_region: np.ndarray,
    periods: np.ndarray,
    s: np.ndarray,
    c: np.ndarray,
    variance: np.ndarray,
    unit_variance: np.ndarray,
    noise_x: np.ndarray,
    noise_u: np.ndarray,
    common: np.ndarray,
    regional: np.ndarray,
) -> None:
    """Exact draws of the coefficients given the scales, one for each row of them.

    Parameters
    ----------
    s : ndarray, shape (n_draws, k)
    c : ndarray, shape (n_draws, K + 1)
    variance : ndarray, shape (n_draws, n_regions)
    unit_variance : ndarray, shape (n_draws,)
    noise_x, noise_u : ndarray, shapes (n_draws, K) and (n_draws, n_regions, k)
        Standard normal.
    common : ndarray, shape (n_draws, K)
        Filled with the coefficients, for varying columns their means over regions.
    regional : ndarray, shape (n_draws, n_regions, k)
        Filled with the regions' coefficients of the varying columns.
    """
    n_draws, n_regions, k = noise_u.shape
    size = c.shape[1]
    roots, solved = np.empty((n_regions, k, k)), np.empty((n_regions, k, size))
    schur, x = np.empty((size, size)), np.empty(size)
    for d in range(n_draws):
        _factorise(
            within, between, group_region, periods, s[d], c[d], variance[d], unit_variance[d], roots, solved, schur
        )
        x[size - 1] = -1.0
        for i in range(size - 2, -1, -1):
            total = schur[size - 1, i] + noise_x[d, i]
            for j in range(i + 1, size - 1):
                total -= schur[j, i] * x[j]
            x[i] = total / schur[i, i]
        for i in range(size - 1):
            common[d, i] = c[d, i] * x[i]
        for r in range(n_regions):
            for i in range(k - 1, -1, -1):
                total = noise_u[d, r, i]
                for j in range(size):
                    total -= solved[r, i, j] * x[j]
                for j in range(i + 1, k):
                    total -= roots[r, j, i] * regional[d, r, j]
                regional[d, r, i] = total / roots[r, i, i]
            for i in range(k):
                regional[d, r, i] = common[d, i] + s[d, i] * regional[d, r, i]
