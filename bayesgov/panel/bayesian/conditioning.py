r"""Coordinates in which the declared panel's coefficients are nearly independent standard normals, whatever the scales.

Coefficients are affine in standard normals e, :math:`b_r = m + c \circ e_0 + S u_r`: common values or means over
regions with prior scales c, and offsets of the varying ones with loadings S. Were errors Gaussian and persistence
free, the rows would give e the precision P and the pull p of

.. math:: M_r = [Z\ y]'\Sigma_r^{-1}[Z\ y], \quad P = I + \sum_r G_r' M_r^{zz} G_r, \quad
          p = \sum_r G_r' (M_r^{zy} - M_r^{zz} m), \quad b_r = m + G_r e.

The sampler moves in z, :math:`e = P^{-1}p + L^{-T}z, LL' = P`, at the present scales. The prior of e and the
likelihood stay as declared, for log |L| enters the density: P and p only choose coordinates, so they may come from an
approximation (Student-t errors by their information, atanh of persistence and the first outcome by their tangents,
unequal numbers of periods by their mean). Without these z is exactly standard normal and independent of the scales.
The same for the survey's coefficients is in :mod:`bayesgov.survey.bayesian.conditioning`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform

from bayesgov.panel.bayesian.prior import ResolvedPrior
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.likelihood import Columns, PanelFactors, within_error_variance

_STEPS = 5  # Gauss-Newton steps to a reference value of persistence, which need not be exact
_EDGE = 0.95  # the reference stays inside, where tangents are of use


class Conditioned(Transform):  # type: ignore[misc]  # PyMC ships no types
    """Coordinates z of a vector e = P^-1 p + L^-T z, L L' = P; P and p are the variable's last two inputs."""

    name = "conditioned"
    ndim_supp = 1

    def backward(self, value: pt.TensorVariable, *inputs: Any) -> pt.TensorVariable:
        root = pt.linalg.cholesky(inputs[-2])
        inner = pt.linalg.solve_triangular(root, inputs[-1], lower=True) + value
        return pt.linalg.solve_triangular(root.T, inner, lower=False)

    def forward(self, value: pt.TensorVariable, *inputs: Any) -> pt.TensorVariable:
        root = pt.linalg.cholesky(inputs[-2])
        return (root * value[:, None]).sum(axis=0) - pt.linalg.solve_triangular(root, inputs[-1], lower=True)

    def log_jac_det(self, value: pt.TensorVariable, *inputs: Any) -> pt.TensorVariable:
        return -pt.log(pt.diagonal(pt.linalg.cholesky(inputs[-2]))).sum()


class ConditionedEach(Transform):  # type: ignore[misc]
    """As :class:`Conditioned` for a diagonal P, given as a vector."""

    name = "conditioned"
    ndim_supp = 0

    def backward(self, value: pt.TensorVariable, *inputs: Any) -> pt.TensorVariable:
        return inputs[-1] / inputs[-2] + value / pt.sqrt(inputs[-2])

    def forward(self, value: pt.TensorVariable, *inputs: Any) -> pt.TensorVariable:
        return (value - inputs[-1] / inputs[-2]) * pt.sqrt(inputs[-2])

    def log_jac_det(self, value: pt.TensorVariable, *inputs: Any) -> pt.TensorVariable:
        return -0.5 * pt.log(inputs[-2])


def conditioned_normal(
    name: str, dims: str, precision: pt.TensorVariable, pull: pt.TensorVariable
) -> pt.TensorVariable:
    """Independent standard normals, sampled in the coordinates of a precision (a vector if diagonal) and a pull.

    Precision and pull are inputs of the variable, for a transform sees nothing else; its distribution ignores them.
    """
    joint = precision.ndim == 2

    def logp(value: pt.TensorVariable, *_: Any) -> pt.TensorVariable:
        each = -0.5 * (value**2 + np.log(2 * np.pi))
        return each.sum(axis=-1) if joint else each

    def draw(_precision: np.ndarray, pull: np.ndarray, *, rng: np.random.Generator, size: Any) -> np.ndarray:
        return rng.standard_normal(pull.shape if size is None else (*size, *pull.shape[pull.ndim - joint :]))

    def mode(_variable: Any, _size: Any, precision: pt.TensorVariable, pull: pt.TensorVariable) -> pt.TensorVariable:
        return pt.linalg.solve(precision, pull, assume_a="pos") if joint else pull / precision

    return pm.CustomDist(
        name, precision, pull, logp=logp, random=draw, support_point=mode, dims=dims,
        signature="(n,n),(n)->(n)" if joint else "(),()->()",
        transform=Conditioned() if joint else ConditionedEach(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class WorkingLikelihood:
    """Cross-products whose weighted sums are M_r; K columns, those of the initial value's coefficients last.

    Attributes
    ----------
    within, between, mixed, first : ndarray, shape (n_regions, K + 1, K + 1)
        Of [Z y] within units and of its unit means; of unit means with the first outcomes' rows, both ways; and of
        these rows. The last two are zero unless the first outcome is modelled.
    periods : ndarray, shape (n_regions,)
        Mean number of rows of a unit.
    persistence : float
        Reference value, at which the tangents are taken.
    has_first : bool
    """

    within: np.ndarray
    between: np.ndarray
    mixed: np.ndarray
    first: np.ndarray
    periods: np.ndarray
    persistence: float
    has_first: bool

    def information(self, error: Any, unit: Any, spread: Any = 0.0) -> Any:
        """M_r, shape (n_regions, K + 1, K + 1), at variances of errors (n_regions,), unit effects and omega^2.

        Arrays or PyTensor variables. With the first outcome the weights are those of
        :func:`bayesgov.panel.bayesian.model._stationary_likelihood`.
        """
        n = self.periods
        if not self.has_first:
            return self.within / error[:, None, None] + self.between * (n / (error + n * unit))[:, None, None]
        loading = 1 / (1 - self.persistence)
        d = 1 / (error / (1 - self.persistence**2) + spread)
        share = unit / (1 + unit * (n / error + d * loading**2))
        parts = (
            (self.within, 1 / error),
            (self.between, n / error - share * (n / error) ** 2),
            (self.mixed, -share * n / error * d * loading),
            (self.first, d - share * (d * loading) ** 2),
        )
        return sum(products * weight[:, None, None] for products, weight in parts)


def working_likelihood(
    design: PanelDesign, columns: Columns, factors: PanelFactors, prior: ResolvedPrior, *, first: bool, atanh: bool
) -> WorkingLikelihood:
    """Cross-products by region, tangents taken at pooled estimates under moderate scales.

    Parameters
    ----------
    design, columns, factors, prior
    first : bool
        Whether the first outcome is drawn from the stationary distribution.
    atanh : bool
        Whether persistence is pooled on that scale.
    """
    lag = int(columns.terms[0])
    before = initial_rows(design, columns) if first else np.zeros((len(design.units), 0))
    n_before, rows = before.shape[1], design.unit_rows
    wide = np.insert(factors.unit_means, factors.unit_means.shape[1] - 1, np.zeros((n_before, 1)), axis=1)
    within = np.insert(factors.within, factors.within.shape[2] - 1, np.zeros((n_before, 1, 1)), axis=2)
    periods = np.bincount(design.unit_region, weights=rows) / np.bincount(design.unit_region)
    scale = np.concatenate(
        [np.nan_to_num(prior.scale, nan=prior.year_scale), initial_scales(columns, prior)[:n_before]]
    )
    mean = np.append(prior.mean, np.zeros(n_before))
    start = (design.x[design.starts, 0] - columns.y_centre) / columns.y_scale
    drift = (columns.y_centre - columns.term_centre[0]) / columns.y_scale
    plain = np.delete(np.arange(prior.scale.size - columns.n_year), lag)
    b, error = mean.copy(), within_error_variance(factors)
    for _ in range(_STEPS):
        a = float(np.clip(b[lag], -_EDGE, _EDGE))
        standing = wide[:, plain] @ b[plain] + drift * a
        # y_i0 = standing(b) / (1 - a) + w_i'kappa + noise, to first order about (a, b)
        slope = np.zeros_like(wide)
        slope[:, plain] = wide[:, plain] / (1 - a)
        slope[:, lag] = drift / (1 - a) + standing / (1 - a) ** 2
        slope[:, -1] = start + a * standing / (1 - a) ** 2
        slope[:, wide.shape[1] - 1 - n_before : -1] = before
        found = WorkingLikelihood(
            within.transpose(0, 2, 1) @ within,
            _by_region(design, wide * (rows / periods[design.unit_region])[:, None], wide),
            _by_region(design, wide, slope) + _by_region(design, slope, wide),
            _by_region(design, slope, slope),
            periods,
            a,
            first,
        )
        pooled = found.information(np.full(periods.size, error), error, error).sum(axis=0)
        b = mean + np.linalg.solve(pooled[:-1, :-1] + np.diag(scale**-2.0), pooled[:-1, -1] - pooled[:-1, :-1] @ mean)
    return _tangent_to_atanh(found, lag) if atanh else found


def initial_rows(design: PanelDesign, columns: Columns) -> np.ndarray:
    """w_i: a constant and the unit covariates in standard deviations, shape (n_units, 1 + n_covariates)."""
    covariates = (design.covariates - columns.covariate_centre) / columns.covariate_scale
    return np.column_stack([np.ones(len(design.units)), covariates])


def initial_scales(columns: Columns, prior: ResolvedPrior) -> np.ndarray:
    """Prior scales of kappa, shape (1 + n_covariates,)."""
    return np.append(prior.scale[columns.intercept], prior.scale[columns.covariates])


def _by_region(design: PanelDesign, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    regions = range(len(design.regions))
    return np.stack([left[design.unit_region == r].T @ right[design.unit_region == r] for r in regions])


def _tangent_to_atanh(found: WorkingLikelihood, lag: int) -> WorkingLikelihood:
    """Of alpha = tanh(eta) at the reference a: alpha = a + (1 - a^2) (eta - atanh a)."""
    a = found.persistence
    change = np.eye(found.within.shape[2])
    change[lag, lag] = 1 - a**2
    change[lag, -1] = (1 - a**2) * np.arctanh(a) - a
    changed = {name: change.T @ getattr(found, name) @ change for name in ("within", "between", "mixed", "first")}
    return replace(found, **changed)


def precision_and_pull(
    information: Any, centre: Any, common: Any, kept: np.ndarray, loading: Any | None
) -> tuple[pt.TensorVariable, pt.TensorVariable]:
    """P, shape (n, n), and p of the offsets, region by region, then of the common coefficients kept.

    Parameters
    ----------
    information : tensor, shape (n_regions, K + 1, K + 1)
        M_r.
    centre, common : tensor, shape (K,)
        m and c.
    kept : ndarray of int
        Columns with a common coefficient to estimate.
    loading : tensor, shape (k, k), or None
        S, of the first k columns; None where nothing varies.
    """
    residual = pt.concatenate([-centre, pt.ones(1)])
    score = (information * residual).sum(axis=-1)[:, :-1]
    products = information[:, :-1, :-1] * common[:, None]
    # symmetric, so that rows can be taken twice
    shared = (products.sum(axis=0) * common)[kept].T[kept]
    pull = (score.sum(axis=0) * common)[kept]
    if loading is None:
        return pt.eye(kept.size) + shared, pull
    n_regions, k = information.type.shape[0], loading.type.shape[0]
    # written out: PyTensor wants a BLAS of its own for products of matrices
    half = (information[:, :-1, :k, None] * loading).sum(axis=2)
    own = (loading[:, :, None] * half[:, :k, None, :]).sum(axis=1)
    blocks = (pt.eye(n_regions)[:, None, :, None] * own[:, :, None, :]).reshape((n_regions * k, n_regions * k))
    cross = (half * common[:, None]).transpose(1, 0, 2)[kept].reshape((kept.size, n_regions * k))
    offsets = (loading * score[:, :k, None]).sum(axis=1).reshape((n_regions * k,))
    rows = [pt.concatenate([blocks, cross.T], axis=1), pt.concatenate([cross, shared], axis=1)]
    return pt.eye(n_regions * k + kept.size) + pt.concatenate(rows, axis=0), pt.concatenate([offsets, pull])
