"""The likelihood from triangular factors against the multivariate normal, and the collapsed density against its own."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from panel.panel_samples import sample_spec, simulate
from scipy import stats

from bayesgov.errors import InputError
from bayesgov.panel.bayesian.collapsed import (
    CollapsedModel,
    collapsed_density,
    collapsed_model,
    redraw_coefficients,
    scales_at,
)
from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.panel.likelihood import (
    Coefficients,
    log_likelihood,
    panel_factors,
    to_working,
    working_columns,
    zero_sum_basis,
)


def _coefficients(design: PanelDesign, seed: int) -> Coefficients:
    rng = np.random.default_rng(seed)
    n_regions, n_times = len(design.regions), len(design.times)
    return Coefficients(
        slopes=rng.normal(0.2, 0.2, (n_regions, len(design.terms))),
        intercepts=rng.normal(size=n_regions),
        covariates=rng.normal(0, 0.3, len(design.covariate_names)),
        years=zero_sum_basis(n_times) @ rng.normal(0, 0.3, n_times - 1),
    )


def _direct(design: PanelDesign, value: Coefficients, error_sd: np.ndarray, unit_sd: float) -> float:
    centred = design.covariates - design.covariates.mean(axis=0)
    mean = (
        (design.x * value.slopes[design.region]).sum(axis=1)
        + value.intercepts[design.region]
        + (centred @ value.covariates)[design.unit]
        + value.years[design.time]
    )
    total = 0.0
    for unit in range(len(design.units)):
        rows = design.unit == unit
        variance = error_sd[design.unit_region[unit]] ** 2
        covariance = variance * np.eye(rows.sum()) + unit_sd**2
        total += stats.multivariate_normal.logpdf(design.y[rows], mean[rows], covariance)
    return total


@pytest.mark.parametrize("unbalanced", [False, True])
def test_likelihood_is_the_multivariate_normal_one(unbalanced: bool) -> None:
    design = panel_design(simulate(40, 7, 3, seed=1, unbalanced=unbalanced), sample_spec())
    assert (np.ptp(design.unit_rows) > 0) == unbalanced
    columns = working_columns(design)
    value, error_sd = _coefficients(design, 2), np.array([0.3, 0.4, 0.5])
    found = log_likelihood(columns, panel_factors(design, columns), value, error_sd, 0.6)
    assert found == pytest.approx(_direct(design, value, error_sd, 0.6), abs=1e-8)


def test_likelihood_keeps_its_digits_far_from_zero() -> None:
    # y -> y + c and x -> x + c leave the likelihood alone if intercepts move along; 2^20 shifts without rounding x's
    # leading digits differently from y's
    shift = 2.0**20
    near = simulate(40, 7, 3, seed=3, unbalanced=True)
    near[["y", "x0", "x1"]] = np.round(near[["y", "x0", "x1"]] * 2**20) / 2**20
    far = near.assign(**{name: near[name] + shift for name in ("y", "x0", "x1")})
    values = []
    for frame, moved in ((near, 0.0), (far, shift)):
        design = panel_design(frame, sample_spec())
        columns = working_columns(design)
        value = _coefficients(design, 4)
        intercepts = value.intercepts + moved * (1 - value.slopes.sum(axis=1))
        there = Coefficients(value.slopes, intercepts, value.covariates, value.years)
        values.append(log_likelihood(columns, panel_factors(design, columns), there, np.full(3, 0.3), 0.2))
    assert values[1] == pytest.approx(values[0], abs=1e-6)


def test_a_constant_predictor_is_named() -> None:
    design = panel_design(simulate(10, 6, 2, seed=1).assign(x1=1e6), sample_spec(predictor_lags=0))
    with pytest.raises(InputError, match="x1 has one value in every row used"):
        working_columns(design)


def _scaled_design_normal(design: PanelDesign, model: CollapsedModel, theta: np.ndarray) -> float:
    """log N(y | prior mean, every coefficient's and unit effect's contribution to the covariance), directly."""
    scales, columns, k = scales_at(model, theta[None]), model.columns, model.columns.n_varying
    c = model.fixed_c[:-1].copy()
    if columns.n_year:
        c[-columns.n_year :] = scales.year[0]
    same_region = design.region[:, None] == design.region
    varying = columns.z[:, :k] * scales.region[0]
    covariance = (columns.z * c**2) @ columns.z.T + (varying @ varying.T) * same_region
    covariance += scales.unit[0] ** 2 * (design.unit[:, None] == design.unit)
    covariance += np.diag(scales.error[0][design.region] ** 2)
    return float(stats.multivariate_normal.logpdf(columns.y, columns.z @ model.prior.mean, covariance))


def _log_prior(model: CollapsedModel, theta: np.ndarray) -> float:
    """Half-normal priors with the Jacobians of the sampler's coordinates, up to a constant."""
    n = model.resolution.size
    size = model.resolution * (theta[:n] + theta[:n] ** 3 / 6)
    log_error = theta[n:]
    return float(
        stats.norm.logpdf(size).sum()
        + np.log(1 + theta[:n] ** 2 / 2).sum()
        + stats.norm.logpdf(np.exp(log_error)).sum()
        + log_error.sum()
    )


VARIANTS = {
    "partial": {},
    "none": {"pooling": "none"},
    "complete": {"pooling": "complete"},
    "slopes only": {"varying": ("x0", "intercept")},
    "by region": {"error_scale": "by_region"},
    "no years": {"time_effects": False},
    "naive": {"initial": "naive"},
    "own units": {"standardise": False},
    "one region": {"region": ""},
}


def _by_address(model: CollapsedModel, theta: np.ndarray) -> tuple[int, float, np.ndarray]:
    """What the sampler's machine code returns: status, value and gradient."""
    native = collapsed_density(model).native
    assert native is not None
    value, gradient = np.empty(1), np.empty(theta.size)
    pointers = [
        array.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for array in (theta, gradient, value, native.data)
    ]
    return native.compiled().ctypes(theta.size, *pointers), float(value[0]), gradient


@pytest.mark.parametrize("name", VARIANTS)
def test_machine_code_is_the_same_density(name: str) -> None:
    model = collapsed_model(
        panel_design(simulate(24, 6, 3, seed=5, unbalanced=True), sample_spec(**VARIANTS[name])),
        sample_spec(**VARIANTS[name]),
    )
    density = collapsed_density(model)
    theta = density.initial + np.random.default_rng(6).normal(0, 0.7, model.n_dim)
    expected = density.log_density(theta)
    status, value, gradient = _by_address(model, theta)
    assert status == 0
    assert value == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-9, atol=1e-9)
    theta[-1] = 800.0  # an error scale that overflows
    assert _by_address(model, theta)[0] > 0


@pytest.mark.parametrize("name", VARIANTS)
def test_collapsed_density_is_the_integrated_one_with_its_gradient(name: str) -> None:
    design = panel_design(simulate(24, 6, 3, seed=5, unbalanced=True), sample_spec(**VARIANTS[name]))
    model = collapsed_model(design, sample_spec(**VARIANTS[name]))
    density = collapsed_density(model)
    rng = np.random.default_rng(6)
    points = density.initial + rng.normal(0, 0.7, (3, model.n_dim))
    found = np.array([density.log_density(point)[0] for point in points])
    direct = [_scaled_design_normal(design, model, point) + _log_prior(model, point) for point in points]
    np.testing.assert_allclose(np.diff(found), np.diff(direct), rtol=0, atol=1e-8)
    for point in points:
        gradient = density.log_density(point)[1]
        steps = 1e-5 * np.eye(model.n_dim)
        numeric = [
            (density.log_density(point + step)[0] - density.log_density(point - step)[0]) / 2e-5 for step in steps
        ]
        # central differences: rounding of values of order 1e3 over 2e-5
        np.testing.assert_allclose(gradient, numeric, rtol=2e-6, atol=2e-6)


def test_density_and_gradient_stay_finite_at_zero() -> None:
    design = panel_design(simulate(24, 6, 3, seed=5), sample_spec())
    density = collapsed_density(collapsed_model(design, sample_spec()))
    point = density.initial.copy()
    point[:-1] = 0.0
    value, gradient = density.log_density(point)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    # nothing happens on the way through zero
    small = point.copy()
    small[:-1] = 1e-6
    assert density.log_density(small)[0] == pytest.approx(value, abs=1e-5)


def test_redrawn_coefficients_have_their_conditional_mean_and_covariance() -> None:
    design = panel_design(simulate(18, 6, 3, seed=7, unbalanced=True), sample_spec(1))
    model = collapsed_model(design, sample_spec(1))
    n_draws = 40_000
    theta = np.tile(collapsed_density(model).initial, (n_draws, 1))
    scales = scales_at(model, theta)
    draws = redraw_coefficients(model, scales, np.random.default_rng(8))
    columns, k, n_regions = model.columns, model.columns.n_varying, 3
    # the same by the formula for a linear model with known variances: all coefficients in one vector
    c = model.fixed_c[:-1].copy()
    c[-columns.n_year :] = scales.year[0]
    blocks = [columns.z * c]
    for region in range(n_regions):
        blocks.append(np.where((design.region == region)[:, None], columns.z[:, :k] * scales.region[0], 0.0))
    z = np.hstack(blocks)
    sigma = np.diag(scales.error[0][design.region] ** 2)
    sigma += scales.unit[0] ** 2 * (design.unit[:, None] == design.unit)
    weighted = np.linalg.solve(sigma, z)
    covariance = np.linalg.inv(np.eye(z.shape[1]) + z.T @ weighted)
    mean = covariance @ (weighted.T @ (columns.y - columns.z @ model.prior.mean))
    n_columns = columns.z.shape[1]
    lift = np.zeros((n_columns + n_regions * k, z.shape[1]))
    lift[:n_columns, :n_columns] = np.diag(c)
    for region in range(n_regions):
        rows = slice(n_columns + region * k, n_columns + (region + 1) * k)
        lift[rows, :k] = np.diag(c[:k])
        lift[rows, rows] = np.diag(scales.region[0])
    prior = np.concatenate([model.prior.mean, np.tile(model.prior.mean[:k], n_regions)])
    flat = np.hstack([draws.common, draws.regional.reshape(n_draws, -1)])
    exact_sd = np.sqrt(np.diag(lift @ covariance @ lift.T))
    z_mean = (flat.mean(axis=0) - (lift @ mean + prior)) / exact_sd * np.sqrt(n_draws)
    assert np.abs(z_mean).max() < 4.5  # some thirty standard normals
    np.testing.assert_allclose(flat.std(axis=0) / exact_sd, 1.0, atol=4.5 / np.sqrt(2 * n_draws))
    correlation = np.corrcoef(flat.T)
    exact = (lift @ covariance @ lift.T) / np.outer(exact_sd, exact_sd)
    assert np.abs(correlation - exact).max() < 5 / np.sqrt(n_draws)


def test_working_coefficients_give_the_rows_their_means() -> None:
    design = panel_design(simulate(12, 6, 2, seed=9), sample_spec())
    columns = working_columns(design)
    value = _coefficients(design, 10)
    working = columns.y_centre + columns.y_scale * (columns.z * to_working(columns, value)[design.region]).sum(axis=1)
    own = (design.x * value.slopes[design.region]).sum(axis=1) + value.intercepts[design.region]
    own += ((design.covariates - columns.covariate_centre) @ value.covariates)[design.unit] + value.years[design.time]
    np.testing.assert_allclose(working, own, rtol=0, atol=1e-12)


def test_gradient_costs_the_same_whatever_the_number_of_units() -> None:
    small, large = (
        collapsed_model(panel_design(simulate(n, 6, 3, seed=1), sample_spec()), sample_spec()) for n in (30, 300)
    )
    assert [array.shape for array in (small.within, small.between)] == [
        array.shape for array in (large.within, large.between)
    ]
