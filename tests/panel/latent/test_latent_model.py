"""The joint density of a latent outcome and its indicators: against scipy, against differences, against PyMC."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from panel.latent.latent_samples import measured_model, measured_spec, simulate_measured
from scipy import stats

from bayesgov.errors import InputError
from bayesgov.panel.latent import kernel
from bayesgov.panel.latent.coordinates import place
from bayesgov.panel.latent.density import log_posterior, point_at

EXACT = 1e-8  # two ways of the same double-precision sum of some hundred terms


@pytest.fixture(scope="module")
def model():
    frame = simulate_measured(n_units=24, n_times=6, seed=3, missing=0.15)
    # one unit with an item never measured, one with a year without any item
    frame.loc[frame["unit"] == "u004", "z1_urban"] = np.nan
    frame.loc[(frame["unit"] == "u005") & (frame["time"] == 2011), [f"z{k}_rural" for k in range(4)]] = np.nan
    return measured_model(frame, measured_spec())[0]


def _somewhere(model, seed=0):
    return model.initial + 0.2 * np.random.default_rng(seed).standard_normal(model.layout.size)


def _slopes(values):
    return kernel.Parameters(*(np.empty_like(part) for part in values))


def _stacked_moments(model, values, unit):
    """Mean and covariance of the unit's levels and, item by item, of its stacked items."""
    rows = model.rows
    n = rows.starts[unit + 1] - rows.starts[unit] + 1
    region = rows.unit_region[unit]
    alpha, tau, phi = values.b[region, rows.lag], values.unit[0], values.first[region, 0]
    # eta = C^-1 (known + u-loading u + errors), C the difference operator
    difference = np.eye(n) - alpha * np.eye(n, k=-1)
    known = np.empty(n)
    known[0] = rows.start[unit] @ values.g
    known[1:] = rows.z[rows.starts[unit] : rows.starts[unit + 1]] @ values.b[region]
    of_unit = np.append(phi, np.full(n - 1, tau))
    errors = np.append(values.first[region, 1], np.full(n - 1, values.variance[region]))
    inverse = np.linalg.inv(difference)
    mean, spread = inverse @ known, inverse @ (np.diag(errors) + np.outer(of_unit, of_unit)) @ inverse.T
    loading = values.loading
    covariance = np.kron(np.outer(loading, loading), spread)
    covariance += np.kron(np.diag(values.lasting), np.ones((n, n))) + np.kron(np.diag(values.yearly), np.eye(n))
    return np.kron(loading, mean), covariance, mean, spread


def test_likelihood_is_the_normal_of_the_stacked_items(model):
    values = point_at(model, _somewhere(model)).values
    rows, total = model.rows, 0.0
    for unit in range(rows.unit_region.size):
        n = rows.starts[unit + 1] - rows.starts[unit] + 1
        mean, covariance, *_ = _stacked_moments(model, values, unit)
        known = rows.known[unit, :, :n].ravel()
        items = rows.items[unit, :, :n].ravel()[known]
        total += stats.multivariate_normal(mean[known], covariance[np.ix_(known, known)]).logpdf(items)
    assert not rows.known.all()
    np.testing.assert_allclose(kernel.log_likelihood(rows, values, _slopes(values)), total, rtol=EXACT)


def test_smoothed_levels_are_the_conditional_normal(model):
    values, rows = point_at(model, _somewhere(model)).values, model.rows
    shape = (rows.unit_region.size, rows.items.shape[2])
    mean, variance, changes = np.empty(shape), np.empty(shape), np.empty((shape[0], 2))
    kernel.smooth(rows, values, mean, variance, changes)
    for unit in (0, 4, 5):
        items_mean, covariance, level, spread = _stacked_moments(model, values, unit)
        known = rows.known[unit].ravel()
        across = np.kron(values.loading[:, None], spread)[known]
        gain = np.linalg.solve(covariance[np.ix_(known, known)], across).T
        wanted = level + gain @ (rows.items[unit].ravel() - items_mean)[known]
        left = spread - gain @ across
        np.testing.assert_allclose(mean[unit], wanted, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(variance[unit], np.diag(left), rtol=1e-7)
        centred = np.eye(wanted.size) - 1 / wanted.size
        steps = np.diff(np.eye(wanted.size), axis=0)
        for position, square in enumerate((centred, steps.T @ steps)):
            expected = wanted @ square @ wanted + np.trace(square @ left)
            np.testing.assert_allclose(changes[unit, position], expected, rtol=1e-7)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pooling": "none", "error_scale": "by_region"},
        {"pooling": "complete", "time_effects": False, "initial": "naive"},
        {"varying": ("x",)},
    ],
    ids=["partial", "none", "complete", "slopes only"],
)
def test_gradient_is_the_slope(changes):
    frame = simulate_measured(n_units=16, n_times=5, seed=4)
    model, _ = measured_model(frame, measured_spec(**changes))
    theta = _somewhere(model, 1)
    value, gradient = log_posterior(model, theta)
    assert np.isfinite(value)
    step = 1e-5
    numeric = [
        (log_posterior(model, theta + step * one)[0] - log_posterior(model, theta - step * one)[0]) / (2 * step)
        for one in np.eye(theta.size)
    ]
    # truncation of order step^2 and rounding of order 1e-16 |value| / step
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-5)


def test_complete_units_share_their_factors():
    frame = simulate_measured(n_units=12, n_times=5, n_regions=1, seed=5, missing=0.0)
    model, _ = measured_model(frame, measured_spec(region="", pooling="complete"))
    assert model.rows.repeats[1:].all()
    values = point_at(model, _somewhere(model)).values
    once, anew = _slopes(values), _slopes(values)
    value = kernel.log_likelihood(model.rows, values, once)
    rows = model.rows._replace(repeats=np.zeros_like(model.rows.repeats))
    assert value == pytest.approx(kernel.log_likelihood(rows, values, anew), rel=1e-12)
    for first, second in zip(once, anew, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-10, atol=1e-12)


def _log_prior(model, theta):
    """The prior by scipy and PyMC in the parameters themselves, with the Jacobians of their coordinates."""
    at, point, prior = model.layout, point_at(model, theta), model.collapsed.prior
    values, n_year, k = point.values, model.collapsed.columns.n_year, point.region.size
    total = stats.norm.logpdf(point.common[:-n_year], scale=prior.scale[:-n_year]).sum()
    total += stats.norm.logpdf(point.common[-n_year:], scale=point.year).sum()
    total += stats.norm.logpdf(values.b[:, :k], (point.common + prior.mean)[:k], point.region).sum()
    total += stats.norm.logpdf(values.g, scale=model.start_scale).sum()
    first_sd = np.sqrt(values.first[:, 0] ** 2 + values.first[:, 1])
    correlation = values.first[:, 0] / first_sd
    # LKJ of a 2 x 2 matrix is a beta distribution on (-1, 1)
    concentration = model.first_concentration
    total += (stats.beta.logpdf((1 + correlation) / 2, concentration, concentration) + np.log(1 - correlation**2)).sum()
    loadings = pm.ZeroSumNormal.dist(sigma=0.5, shape=values.loading.size)
    total += pm.logp(loadings, values.loading - 1).eval()
    scales = {
        "region": (point.region, prior.region_scale),
        "unit": (values.unit, prior.unit_scale),
        "year": (np.array([point.year]), prior.year_scale),
        "error": (np.sqrt(values.variance[:1]), prior.error_scale),
        "first_sd": (first_sd, model.first_scale),
        "yearly": (np.sqrt(values.yearly), model.noise_scale),
        "lasting": (np.sqrt(values.lasting), model.noise_scale),
    }
    for name, (sd, scale) in scales.items():
        total += stats.halfnorm.logpdf(sd, scale=scale).sum()
        at_zero = name in ("region", "unit", "year")
        coordinate = theta[getattr(at, name)]
        slope = sd / (coordinate + coordinate**3 / 6) * (1 + coordinate**2 / 2) if at_zero else sd
        total += np.log(slope).sum()
    shared = model.geometry.common_centre.size
    moved = [
        point_at(model, theta + one).common[:shared] - point.common[:shared] for one in np.eye(theta.size)[at.common]
    ]
    total += np.linalg.slogdet(np.array(moved))[1]
    # b_r = m + s v_r: the Jacobian of v by its coordinates, and of b by v; year effects likewise
    total += point.placed.log_jacobian + values.b.shape[0] * np.log(point.region).sum()
    return total + point.years.log_jacobian + n_year * np.log(point.year)


def test_priors_are_those_declared(model):
    found, wanted = [], []
    for seed in range(3):
        theta = np.abs(_somewhere(model, seed))
        values = point_at(model, theta).values
        likelihood = kernel.log_likelihood(model.rows, values, _slopes(values))
        found.append(log_posterior(model, theta)[0] - likelihood)
        wanted.append(_log_prior(model, theta))
    np.testing.assert_allclose(np.diff(found), np.diff(wanted), atol=1e-7)


def test_offsets_have_the_jacobian_they_say(model):
    at = model.layout
    theta = _somewhere(model)
    point = point_at(model, theta)
    z = theta[at.offset].reshape(point.placed.v.shape)
    columns = [
        (
            place(model.geometry.reference, point.common, point.region, (z.ravel() + step).reshape(z.shape)).v
            - point.placed.v
        )
        for step in np.eye(z.size)
    ]
    jacobian = np.array([column.ravel() for column in columns])
    np.testing.assert_allclose(point.placed.log_jacobian, np.linalg.slogdet(jacobian)[1], rtol=1e-8)


def test_what_it_cannot_take_is_said():
    frame = simulate_measured(n_units=8, n_times=6, seed=6)
    with pytest.raises(InputError, match="outcome_lags = 1; got 2"):
        measured_model(frame, measured_spec().model_copy(update={"outcome_lags": 2}))
