"""The declared PyMC model: its likelihood, its prior, and (slow) its posterior against the collapsed density's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from panel.panel_samples import sample_spec, simulate
from scipy import stats

from bayesgov import sampling
from bayesgov.panel.bayesian import fit_bayesian
from bayesgov.panel.bayesian.collapsed import collapsed_model
from bayesgov.panel.bayesian.draws import named_draws, prior_draws
from bayesgov.panel.bayesian.model import build_model
from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.panel.likelihood import Coefficients, log_likelihood, panel_factors, working_columns
from bayesgov.sampling import SamplingOptions

NAMED = ("alpha", "beta", "intercept", "delta", "year_effect", "unit_sd", "error_sd")


def _evaluate(model: pm.Model, names: tuple[str, ...], seed: int) -> dict[str, np.ndarray]:
    """Named quantities at a random point of the free variables."""
    function = model.compile_fn(
        model.replace_rvs_by_values([model[name] for name in names]), mode="FAST_COMPILE", on_unused_input="ignore"
    )
    rng = np.random.default_rng(seed)
    point = {name: value + rng.normal(0, 0.3, value.shape) for name, value in model.initial_point().items()}
    return dict(zip(names, function(point), strict=True))


def _coefficients(values: dict[str, np.ndarray]) -> Coefficients:
    slopes = np.concatenate([values["alpha"], values["beta"]], axis=1)
    return Coefficients(slopes, values["intercept"], values["delta"], values["year_effect"])


@pytest.mark.parametrize(
    "changes",
    [{}, {"stationarity": "bounded", "error_scale": "by_region"}, {"stationarity": "transformed", "pooling": "none"}],
    ids=["partial", "bounded", "transformed"],
)
def test_integrated_likelihood_is_the_house_s(changes: dict[str, Any]) -> None:
    spec = sample_spec(1, **changes)
    design = panel_design(simulate(12, 6, 3, seed=1, unbalanced=True), spec)
    values = _evaluate(build_model(design, spec), ("outcome", *NAMED), 2)
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
    values = _evaluate(build_model(design, spec), ("outcome", *NAMED, *first), 4)
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
        if name not in right or name == "year_offset":
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
    explicit = sampling.sample(build_model(design, spec, "explicit"), options)["posterior"].to_dataset()
    # some forty means, dependent; heavy-tailed standard deviations between three regions mix slowest
    assert _compare(collapsed, explicit) < 4.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"errors": "student_t"},
        {"correlation": "lkj"},
        {"stationarity": "bounded", "initial": "stationary"},
        {"stationarity": "transformed"},
    ],
    ids=["student_t", "lkj", "stationary", "transformed"],
)
def test_declared_variants_recover_persistence(changes: dict[str, Any]) -> None:
    spec = sample_spec(1, **changes, sampling={"target_accept": 0.97, "draws": 2000})
    design = panel_design(simulate(120, 8, 4, seed=9, n_predictors=1), spec)
    fit = fit_bayesian(design, spec, seed=1)
    table = fit.estimates(0.99).set_index("term")
    assert table.loc["alpha_mean[L1.y]", "lower"] < 0.5 < table.loc["alpha_mean[L1.y]", "upper"]
    # offsets of well-informed regions mix slowly: a single value beyond 1.01 among a hundred is no failure here
    assert {check.name: check.value for check in fit.checks()}["rhat_max"] < 1.03
