"""The declared PyMC model: its likelihood, its prior, and (slow) its posterior against the collapsed density's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from panel.panel_samples import sample_spec, simulate
from scipy import stats

from bayesgov import sampling
from bayesgov.panel.bayesian import fit_bayesian
from bayesgov.panel.bayesian.collapsed import collapsed_model
from bayesgov.panel.bayesian.conditioning import Conditioned, ConditionedEach
from bayesgov.panel.bayesian.draws import named_draws, prior_draws
from bayesgov.panel.bayesian.model import build_model
from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.panel.likelihood import Coefficients, log_likelihood, panel_factors, working_columns
from bayesgov.sampling import SamplingOptions

NAMED = ("alpha", "beta", "intercept", "delta", "year_effect", "unit_sd", "error_sd")


def _evaluate(model: pm.Model, names: tuple[str, ...], seed: int) -> dict[str, np.ndarray]:
    """The outcome's log-likelihood and named quantities at a random point of the free variables."""
    outputs = [model.logp(vars=[model["outcome"]]), *model.replace_rvs_by_values([model[name] for name in names])]
    function = model.compile_fn(outputs, mode="FAST_COMPILE", on_unused_input="ignore")
    rng = np.random.default_rng(seed)
    point = {name: value + rng.normal(0, 0.3, value.shape) for name, value in model.initial_point().items()}
    return dict(zip(("outcome", *names), function(point), strict=True))


def _coefficients(values: dict[str, np.ndarray]) -> Coefficients:
    slopes = np.concatenate([values["alpha"], values["beta"]], axis=1)
    return Coefficients(slopes, values["intercept"], values["delta"], values["year_effect"])


VARIANTS: dict[str, dict[str, Any]] = {
    "student_t, lkj, bounded": {"errors": "student_t", "correlation": "lkj", "stationarity": "bounded"},
    "transformed, stationary": {"stationarity": "transformed", "initial": "stationary"},
    "bounded, no pooling": {"stationarity": "bounded", "pooling": "none", "error_scale": "by_region"},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_conditioned_coordinates_leave_the_density_as_declared(changes: dict[str, Any]) -> None:
    spec = sample_spec(1, **changes)
    design = panel_design(simulate(12, 6, 3, seed=1, unbalanced=True), spec)
    conditioned, plain = build_model(design, spec), build_model(design, spec, coordinates="plain")
    moved = ["standard_normal"] + ["unit_offset"] * (spec.errors == "student_t")
    rng = np.random.default_rng(2)
    point = {name: value + rng.normal(0, 0.3, value.shape) for name, value in conditioned.initial_point().items()}
    variables = conditioned.replace_rvs_by_values([conditioned[name] for name in moved])
    function = conditioned.compile_fn([conditioned.logp(jacobian=False), *variables], mode="FAST_COMPILE")
    value, *standard = function(point)
    for name, drawn in zip(moved, standard, strict=True):
        del point[f"{name}_conditioned__"]
        point[name] = drawn
    declared = plain.compile_fn(plain.logp(jacobian=False), mode="FAST_COMPILE")
    # without the coordinates' own Jacobian, the same value at the same standard normals
    assert float(value) == pytest.approx(float(declared(point)), abs=1e-8)


def test_conditioned_coordinates_of_gaussian_rows_are_standard_normal_at_any_scales() -> None:
    spec = sample_spec(1, correlation="lkj", error_scale="by_region")
    design = panel_design(simulate(12, 6, 3, seed=1), spec)
    model = build_model(design, spec)
    density, rng = model.compile_fn(model.logp(), mode="FAST_COMPILE"), np.random.default_rng(1)
    for _ in range(3):
        point = {name: value + rng.normal(0, 0.5, value.shape) for name, value in model.initial_point().items()}
        rest = []
        for _ in range(3):
            z = 3 * rng.standard_normal(point["standard_normal_conditioned__"].shape)
            rest.append(float(density(point | {"standard_normal_conditioned__": z})) + 0.5 * float(z @ z))
        # log p(z, scales) = -z'z / 2 + a function of the scales
        assert rest[1:] == pytest.approx(rest[:1] * 2, abs=1e-8)


def test_log_jacobian_of_conditioned_coordinates_is_their_derivative_s() -> None:
    rng = np.random.default_rng(3)
    half, pull, z = rng.standard_normal((4, 4)), rng.standard_normal(4), rng.standard_normal(4)
    cases = ((Conditioned(), np.eye(4) + half @ half.T), (ConditionedEach(), np.exp(half[0])))
    for transform, precision in cases:
        inputs = pt.as_tensor(precision), pt.as_tensor(pull)
        value = pt.vector("value", shape=(4,))
        there = transform.backward(value, *inputs)
        outputs = [there, transform.forward(there, *inputs), transform.log_jac_det(value, *inputs).sum()]
        function = pytensor.function([value], outputs, mode="FAST_COMPILE")
        _, back, log_jacobian = function(z)
        np.testing.assert_allclose(back, z, atol=1e-12)
        # the map is affine
        derivative = np.stack([function(z + row)[0] - function(z)[0] for row in np.eye(4)])
        assert float(log_jacobian) == pytest.approx(np.linalg.slogdet(derivative)[1], abs=1e-10)


@pytest.mark.parametrize(
    "changes",
    [{}, {"stationarity": "bounded", "error_scale": "by_region"}, {"stationarity": "transformed", "pooling": "none"}],
    ids=["partial", "bounded", "transformed"],
)
def test_integrated_likelihood_is_the_house_s(changes: dict[str, Any]) -> None:
    spec = sample_spec(1, **changes)
    design = panel_design(simulate(12, 6, 3, seed=1, unbalanced=True), spec)
    values = _evaluate(build_model(design, spec), NAMED, 2)
    columns = working_columns(design)
    error_sd = np.broadcast_to(values["error_sd"], (3,))
    expected = log_likelihood(
        columns, panel_factors(design, columns), _coefficients(values), error_sd, float(values["unit_sd"])
    )
    # the model's outcome is in standard deviations
    assert float(values["outcome"]) == pytest.approx(expected + design.n_obs * np.log(columns.y_scale), abs=1e-8)
    if changes:
        assert np.abs(values["alpha"]).max() < 1


def test_stationary_likelihood_is_the_multivariate_normal_one() -> None:
    spec = sample_spec(1, initial="stationary", stationarity="bounded")
    design = panel_design(simulate(10, 5, 2, seed=3, unbalanced=True), spec)
    assert design.covariate_names == ("initial[x0]", "mean[x0]")
    first = ("initial_level", "initial_slope", "initial_sd")
    values = _evaluate(build_model(design, spec), (*NAMED, *first), 4)
    columns = working_columns(design)
    before = (design.covariates - columns.covariate_centre) / columns.covariate_scale @ values["initial_slope"]
    before = columns.y_scale * (before + values["initial_level"])
    alpha, unit_sd, error_sd = values["alpha"][:, 0], float(values["unit_sd"]), float(values["error_sd"])
    explained = (design.covariates - columns.covariate_centre) @ values["delta"]
    total = 0.0
    for unit, start in enumerate(design.starts):
        rows, r = design.unit == unit, design.unit_region[unit]
        a, level = alpha[r], values["intercept"][r] + explained[unit]
        moved = design.x[rows, 1:] @ values["beta"][r]
        later = design.x[rows, 0] * a + moved + level + values["year_effect"][design.time[rows]]
        mean = np.append((level + moved.mean()) / (1 - a) + before[unit], later)
        loading = np.append(1 / (1 - a), np.ones(rows.sum()))
        noise = error_sd**2 * np.append(1 / (1 - a**2), np.ones(rows.sum()))
        noise[0] += float(values["initial_sd"]) ** 2
        covariance = np.diag(noise) + unit_sd**2 * np.outer(loading, loading)
        observed = np.append(design.x[start, 0], design.y[rows])
        # lags are data here; what they explain is in the mean
        total += stats.multivariate_normal.logpdf(observed, mean, covariance)
    n_rows = design.n_obs + len(design.units)
    assert float(values["outcome"]) == pytest.approx(total + n_rows * np.log(columns.y_scale), abs=1e-8)


def test_prior_draws_are_the_declared_prior() -> None:
    spec = sample_spec(1, error_scale="by_region")
    design = panel_design(simulate(12, 6, 3, seed=5), spec)
    model = collapsed_model(design, spec)
    ours = named_draws(design, model, *prior_draws(model, 3000, np.random.default_rng(6)), 1)
    declared = pm.sample_prior_predictive(
        draws=3000,
        model=build_model(design, spec, "explicit"),
        var_names=list(ours.data_vars),
        random_seed=7,
        compile_kwargs={"mode": "FAST_COMPILE"},
    )["prior"].to_dataset()
    worst = 1.0
    for name, variable in ours.data_vars.items():
        theirs = declared[name].transpose(*variable.dims).values.reshape(3000, -1)
        for left, right in zip(variable.values.reshape(3000, -1).T, theirs.T, strict=True):
            worst = min(worst, stats.ks_2samp(left, right).pvalue)
    assert worst > 1e-4  # some sixty comparisons


def test_correlations_between_coefficients_have_the_lkj_prior() -> None:
    spec = sample_spec(1, correlation="lkj")
    design = panel_design(simulate(12, 6, 3, seed=5), spec)
    drawn = pm.sample_prior_predictive(
        draws=2000,
        model=build_model(design, spec, "explicit"),
        var_names=["region_correlation"],
        random_seed=1,
        compile_kwargs={"mode": "FAST_COMPILE"},
    )["prior"]["region_correlation"]
    assert drawn["pair"].values[0] == "L1.y, intercept"
    matrix = np.tile(np.eye(4), (2000, 1, 1))
    i, j = np.triu_indices(4, 1)
    matrix[:, i, j] = matrix[:, j, i] = drawn.values[0]
    assert np.linalg.eigvalsh(matrix).min() > 0
    # every correlation of an LKJ(2) matrix of four variables: (r + 1) / 2 ~ Beta(2 - 1 + 4 / 2, the same)
    expected = stats.beta(3, 3, loc=-1, scale=2)
    assert min(stats.kstest(column, expected.cdf).pvalue for column in drawn.values[0].T) > 1e-4


def _compare(left: Any, right: Any) -> float:
    """The largest difference of posterior means, in its own Monte Carlo standard errors."""
    import arviz as az

    largest = 0.0
    for name in left.data_vars:
        if name not in right:
            continue
        gap = left[name].mean(("chain", "draw")) - right[name].mean(("chain", "draw"))
        error = np.hypot(az.mcse(left[[name]])[name], az.mcse(right[[name]])[name])
        largest = max(largest, float(np.abs(gap / error).max()))
    return largest


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"pooling": "none", "error_scale": "by_region"}], ids=["partial", "none"])
def test_collapsed_posterior_is_that_of_explicit_unit_effects(changes: dict[str, Any]) -> None:
    spec = sample_spec(1, **changes)
    design: PanelDesign = panel_design(simulate(60, 6, 3, seed=8, unbalanced=True), spec)
    collapsed = fit_bayesian(design, spec, seed=1).tree["posterior"].to_dataset()
    options = SamplingOptions(seed=2, draws=2000, tune=2000, target_accept=0.99, prior_draws=1)
    model = build_model(design, spec, "explicit", coordinates="plain")
    explicit = sampling.sample(model, options)["posterior"].to_dataset()
    # some forty means, dependent; heavy-tailed standard deviations between three regions mix slowest
    assert _compare(collapsed, explicit) < 4.5
