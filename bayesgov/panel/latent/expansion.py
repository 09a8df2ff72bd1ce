"""Coordinates made round where the posterior is: the likelihood expanded to second order near its mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import optimize

from bayesgov.panel.latent import kernel
from bayesgov.panel.latent.density import latent_density, point_at
from bayesgov.panel.latent.model import LatentModel, with_reference

_ITERATIONS = 150  # of the search, which need not end at the mode
_STEP = 1e-4  # of working coefficients, for central differences of the exact gradient
_FLAT = 1e-8  # least curvature kept, in units of the largest


def expanded(model: LatentModel) -> LatentModel:
    """The same posterior in coordinates referred to the latent model's own likelihood instead of its proxy's.

    The proxy's noise weakens persistence, so that its likelihood is round elsewhere. Levels and unit effects are
    integrated out, hence every region's coefficients have their own block of the Hessian, and one perturbation of a
    column serves all regions. The geometry is exact for any reference; a poor one only makes longer trajectories.
    """
    found = optimize.minimize(
        _negative, model.initial, args=(model,), jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}
    )
    theta = found.x if np.isfinite(found.fun) else model.initial
    values = point_at(model, theta).values
    moved = with_reference(model, _second_order(model, values))
    return replace(moved, initial=_starting_point(model, theta))


def _negative(theta: np.ndarray, model: LatentModel) -> tuple[float, np.ndarray]:
    value, gradient = latent_density(model).log_density(theta)
    return -value, -gradient


def _second_order(model: LatentModel, values: kernel.Parameters) -> np.ndarray:
    """Curvature of the log-likelihood by each region's coefficients, bordered by its pull, shaped as the reference."""
    slopes = kernel.Parameters(*(np.empty_like(part) for part in values))
    kernel.log_likelihood(model.rows, values, slopes)
    n_regions, n_columns = values.b.shape
    gradient = slopes.b.copy()
    found = np.zeros((n_regions, n_columns + 1, n_columns + 1))
    for column in range(n_columns):
        for direction in (1, -1):
            b = values.b.copy()
            b[:, column] += direction * _STEP
            kernel.log_likelihood(model.rows, values._replace(b=b), slopes)
            found[:, :-1, column] -= direction * slopes.b / (2 * _STEP)
    curvature = _positive(0.5 * (found[:, :-1, :-1] + found[:, :-1, :-1].transpose(0, 2, 1)))
    found[:, :-1, :-1] = curvature
    pull = gradient + (curvature @ (values.b - model.collapsed.prior.mean)[..., None])[..., 0]
    found[:, :-1, -1] = found[:, -1, :-1] = pull
    return np.ascontiguousarray(found)


def _positive(matrices: np.ndarray) -> np.ndarray:
    """Symmetric matrices with negative curvature flattened."""
    values, vectors = np.linalg.eigh(matrices)
    least = _FLAT * np.abs(values).max(axis=1, keepdims=True)
    positive: np.ndarray = (vectors * np.maximum(values, least)[:, None]) @ vectors.transpose(0, 2, 1)
    return positive


def _starting_point(model: LatentModel, theta: np.ndarray) -> np.ndarray:
    """Coefficients at the centre of the new coordinates; standard deviations where they were found, none at zero."""
    at, start = model.layout, theta.copy()
    for where in (at.common, at.years, at.offset):
        start[where] = 0.0
    for where in (at.region, at.year, at.unit):
        start[where] = np.maximum(np.abs(start[where]), 1.0)
    return start
