r"""Gaussian likelihood of a dynamic panel with unit effects integrated out.

Rows of unit i in region r with residuals :math:`\rho_{it}`, T of them, have covariance
:math:`\sigma_r^2 I + \tau^2 11'`, so that

.. math:: \rho_i'\Sigma_i^{-1}\rho_i = \frac{\sum_t (\rho_{it} - \bar\rho_i)^2}{\sigma_r^2}
          + \frac{T \bar\rho_i^2}{\sigma_r^2 + T\tau^2}, \qquad
          \log|\Sigma_i| = (T - 1)\log\sigma_r^2 + \log(\sigma_r^2 + T\tau^2).

Residuals are linear in the coefficients: summed over units, both squares are lengths of triangular factors times
(-b, 1). One factor within units for each region and one of unit means for each region and number of periods are all
that the likelihood needs, so its cost does not depend on the number of units. Factors of centred columns keep their
digits where cross-products of raw ones lose them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from bayesgov.errors import InputError
from bayesgov.panel.design import PanelDesign


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Every column of the linear model, centred and in standard deviations; varying ones first, year effects last.

    Attributes
    ----------
    z : ndarray, shape (n_obs, n_columns)
        Columns 0, ..., n_varying - 1 have coefficients by region.
    y : ndarray, shape (n_obs,)
    n_varying, n_year : int
    intercept : int
        Position of the constant.
    terms : ndarray of int, shape (n_terms,)
        Positions of the Design's terms.
    covariates : ndarray of int, shape (n_covariates,)
    year_basis : ndarray, shape (n_times, n_year)
        Orthonormal columns that sum to zero.
    term_centre, term_scale : ndarray, shape (n_terms,)
    covariate_centre, covariate_scale : ndarray, shape (n_covariates,)
    y_centre, y_scale : float
        Lags of the outcome have the outcome's scale, so that persistence has no unit.
    """

    z: np.ndarray
    y: np.ndarray
    n_varying: int
    n_year: int
    intercept: int
    terms: np.ndarray
    covariates: np.ndarray
    year_basis: np.ndarray
    term_centre: np.ndarray
    term_scale: np.ndarray
    covariate_centre: np.ndarray
    covariate_scale: np.ndarray
    y_centre: float
    y_scale: float


@dataclass(frozen=True, slots=True, eq=False)
class PanelFactors:
    """What the likelihood needs of the rows.

    Attributes
    ----------
    within : ndarray, shape (n_regions, n_columns + 1, n_columns + 1)
        Upper triangular factor of [Z y] less its unit means.
    between : ndarray, shape (n_groups, n_columns + 1, n_columns + 1)
        Upper triangular factor of the unit means, one for each region and number of periods.
    group_region : ndarray of int, shape (n_groups,)
    periods, group_units : ndarray, shape (n_groups,)
    region_rows : ndarray, shape (n_regions,)
    unit_means : ndarray, shape (n_units, n_columns + 1)
    """

    within: np.ndarray
    between: np.ndarray
    group_region: np.ndarray
    periods: np.ndarray
    group_units: np.ndarray
    region_rows: np.ndarray
    unit_means: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """One value of every linear coefficient, in the variables' own units.

    Attributes
    ----------
    slopes : ndarray, shape (n_regions, n_terms)
    intercepts : ndarray, shape (n_regions,)
    covariates : ndarray, shape (n_covariates,)
        Of the unit covariates less their means over units.
    years : ndarray, shape (n_times,)
        Summing to zero.
    """

    slopes: np.ndarray
    intercepts: np.ndarray
    covariates: np.ndarray
    years: np.ndarray


def working_columns(design: PanelDesign) -> Columns:
    """Centre, scale and order the columns of a Design.

    Raises
    ------
    InputError
        If the outcome or a term is constant.
    """
    y_centre, y_scale = _moments(design.y[:, None], (design.outcome,))
    centre, scale = _moments(design.x, design.terms)
    scale[: design.n_lags] = y_scale[0]
    terms = (design.x - centre) / scale
    w_centre, w_scale = _moments(design.covariates, design.covariate_names)
    w_scale = w_scale[design.departs]  # a departure is on the scale of what it departs from
    covariates = ((design.covariates - w_centre) / w_scale)[design.unit]
    n_times = len(design.times)
    n_year = n_times - 1 if design.time_effects else 0
    basis = zero_sum_basis(n_times)[:, :n_year]
    varying, fixed = np.flatnonzero(design.varying), np.flatnonzero(~design.varying)
    one = np.ones((design.n_obs, 1))
    by_region, common = ([one], []) if design.intercept_varies else ([], [one])
    blocks = [*by_region, terms[:, varying], *common, terms[:, fixed], covariates, basis[design.time]]
    first_common = len(by_region) + varying.size
    positions = np.empty(len(design.terms), dtype=np.int64)
    positions[varying] = len(by_region) + np.arange(varying.size)
    positions[fixed] = first_common + len(common) + np.arange(fixed.size)
    first_covariate = 1 + len(design.terms)
    return Columns(
        z=np.hstack(blocks),
        y=(design.y - y_centre[0]) / y_scale[0],
        n_varying=first_common,
        n_year=n_year,
        intercept=0 if by_region else first_common,
        terms=positions,
        covariates=first_covariate + np.arange(len(design.covariate_names)),
        year_basis=basis,
        term_centre=centre,
        term_scale=scale,
        covariate_centre=w_centre,
        covariate_scale=w_scale,
        y_centre=float(y_centre[0]),
        y_scale=float(y_scale[0]),
    )


def zero_sum_basis(n: int) -> np.ndarray:
    """Orthonormal contrasts (Helmert's), shape (n, n - 1); every column sums to zero."""
    return np.ascontiguousarray(linalg.helmert(n).T)


def _moments(values: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    if not names:
        return np.zeros(0), np.ones(0)
    centre = values.mean(axis=0)
    scale = (values - centre).std(axis=0)
    flat = np.flatnonzero(scale <= 1e-12 * np.abs(centre))
    if flat.size:
        raise InputError(f"{names[flat[0]]} has one value in every row used: leave it out")
    return centre, scale


def panel_factors(design: PanelDesign, columns: Columns) -> PanelFactors:
    """Triangular factors of the rows within units and of the unit means."""
    rows = np.column_stack([columns.z, columns.y])
    size, n_regions = rows.shape[1], len(design.regions)
    counts = design.unit_rows
    means = np.add.reduceat(rows, design.starts, axis=0) / counts[:, None]
    within_rows = rows - means[design.unit]
    region = design.region
    within = np.stack([_root(within_rows[region == r], size) for r in range(n_regions)])
    groups, group = np.unique(np.column_stack([design.unit_region, counts]), axis=0, return_inverse=True)
    group = group.reshape(-1)
    return PanelFactors(
        within=within,
        between=np.stack([_root(means[group == g], size) for g in range(len(groups))]),
        group_region=np.ascontiguousarray(groups[:, 0]),
        periods=groups[:, 1].astype(float),
        group_units=np.bincount(group).astype(float),
        region_rows=np.bincount(region, minlength=n_regions).astype(float),
        unit_means=means,
    )


def within_error_variance(factors: PanelFactors) -> float:
    """Mean square of the least-squares residuals within units, every slope shared, in working units; above zero."""
    *_, last = np.linalg.qr(factors.within.reshape(-1, factors.within.shape[2]), mode="r")
    freedom = factors.region_rows.sum() - factors.group_units.sum() - last.size + 1
    return float(max(last[-1] ** 2 / max(freedom, 1.0), 1e-12))


def _root(rows: np.ndarray, size: int) -> np.ndarray:
    """R with R'R = rows' rows, padded with zeros to ``size`` rows."""
    root = np.zeros((size, size))
    found = np.linalg.qr(rows, mode="r")
    root[: found.shape[0]] = found
    return root


def to_working(columns: Columns, coefficients: Coefficients) -> np.ndarray:
    """Coefficients of the working columns, shape (n_regions, n_columns)."""
    n_regions = coefficients.intercepts.size
    b = np.empty((n_regions, columns.z.shape[1]))
    # a* = a + sum_j b_j c_j - c_y: the level at average predictors
    level = coefficients.intercepts + coefficients.slopes @ columns.term_centre - columns.y_centre
    b[:, columns.intercept] = level / columns.y_scale
    b[:, columns.terms] = coefficients.slopes * columns.term_scale / columns.y_scale
    b[:, columns.covariates] = coefficients.covariates * columns.covariate_scale / columns.y_scale
    if columns.n_year:
        b[:, -columns.n_year :] = (columns.year_basis.T @ coefficients.years) / columns.y_scale
    return b


def log_likelihood(
    columns: Columns, factors: PanelFactors, coefficients: Coefficients, error_sd: np.ndarray, unit_sd: float
) -> float:
    """Log-likelihood of the outcome, unit effects integrated out.

    Parameters
    ----------
    columns : Columns
    factors : PanelFactors
    coefficients : Coefficients
    error_sd : ndarray, shape (n_regions,)
        In the outcome's units, as ``unit_sd``.
    unit_sd : float
    """
    b = to_working(columns, coefficients)
    v = np.hstack([-b, np.ones((b.shape[0], 1))])
    variance, unit_variance = (error_sd / columns.y_scale) ** 2, (unit_sd / columns.y_scale) ** 2
    inside = ((factors.within @ v[..., None])[..., 0] ** 2).sum(axis=1)
    means = ((factors.between @ v[factors.group_region][..., None])[..., 0] ** 2).sum(axis=1)
    total = variance[factors.group_region] + factors.periods * unit_variance
    region_units = np.bincount(factors.group_region, weights=factors.group_units, minlength=variance.size)
    n_obs = factors.region_rows.sum()
    return float(
        -0.5
        * (
            n_obs * np.log(2 * np.pi * columns.y_scale**2)
            + ((factors.region_rows - region_units) * np.log(variance)).sum()
            + (factors.group_units * np.log(total)).sum()
            + (inside / variance).sum()
            + (factors.periods * means / total).sum()
        )
    )
