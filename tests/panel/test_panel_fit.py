"""Fitting dynamic panels: what a fit holds, what it recovers, and that every variant answers."""

from __future__ import annotations

import numpy as np
import pytest
from panel.panel_samples import sample_spec, simulate

from bayesgov.fits import PosteriorFit
from bayesgov.panel.bayesian import fit_bayesian
from bayesgov.panel.bayesian.collapsed import collapsed_model
from bayesgov.panel.bayesian.draws import named_draws, prior_draws, unit_effect_moments
from bayesgov.panel.design import PanelDesign, panel_design

SPEC = sample_spec(sampling={"draws": 500, "tune": 500, "target_accept": 0.9})


@pytest.fixture(scope="module")
def design() -> PanelDesign:
    return panel_design(simulate(120, 8, 4, seed=11), SPEC)


@pytest.fixture(scope="module")
def fit(design: PanelDesign) -> PosteriorFit:
    return fit_bayesian(design, SPEC, "panel", seed=3)


def test_posterior_has_every_variable_by_name(design: PanelDesign, fit: PosteriorFit) -> None:
    posterior = fit.tree["posterior"].to_dataset()
    assert {name: variable.dims[2:] for name, variable in posterior.data_vars.items()} == {
        "alpha": ("region", "lag"),
        "beta": ("region", "predictor"),
        "level": ("region",),
        "intercept": ("region",),
        "delta": ("covariate",),
        "year_effect": ("time",),
        "alpha_mean": ("lag",),
        "beta_mean": ("predictor",),
        "level_mean": (),
        "region_sd": ("varying",),
        "year_sd": (),
        "unit_sd": (),
        "error_sd": (),
    }
    assert posterior.sizes["chain"] == 4
    assert list(posterior["varying"].values) == ["intercept", *design.terms]
    assert list(posterior["predictor"].values) == list(design.terms[1:])
    assert set(fit.tree["prior"].to_dataset().data_vars) == set(posterior.data_vars)
    assert set(fit.tree["effects"].to_dataset().data_vars) == {
        "persistence",
        "half_life",
        "long_run",
        "impulse_response",
    }
    assert fit.tree.attrs["seed"] == 3


def test_checks_pass_and_estimates_are_near_the_truth(fit: PosteriorFit) -> None:
    assert [check.name for check in fit.checks() if check.status != "pass"] == []
    table = fit.estimates(0.99).set_index("term")
    assert table.loc["error_sd", "lower"] < 0.3 < table.loc["error_sd", "upper"]
    assert table.loc["alpha_mean[L1.y]", "lower"] < 0.5 < table.loc["alpha_mean[L1.y]", "upper"]
    assert set(table["interval"]) == {"99% equal-tailed credible"}


def test_year_effects_sum_to_zero(fit: PosteriorFit) -> None:
    years = fit.tree["posterior"]["year_effect"]
    assert np.abs(years.sum("time").values).max() < 1e-12


def test_the_same_seed_gives_the_same_draws(design: PanelDesign, fit: PosteriorFit) -> None:
    again = fit_bayesian(design, SPEC, "again", seed=3)
    np.testing.assert_array_equal(again.tree["posterior"]["alpha"].values, fit.tree["posterior"]["alpha"].values)


def test_intercept_and_level_say_the_same_line(design: PanelDesign, fit: PosteriorFit) -> None:
    posterior = fit.tree["posterior"].to_dataset().isel(chain=0, draw=slice(0, 5))
    slopes = np.concatenate([posterior["alpha"].values, posterior["beta"].values], axis=-1)
    at_mean = posterior["intercept"].values + slopes @ design.x.mean(axis=0)
    np.testing.assert_allclose(at_mean, posterior["level"].values, rtol=0, atol=1e-12)


def test_unit_effects_have_the_moments_of_their_conditional_distributions(design: PanelDesign) -> None:
    model = collapsed_model(design, SPEC)
    scales, working = prior_draws(model, 50, np.random.default_rng(1))
    mean, sd = unit_effect_moments(design, model, scales, working)
    z, y, full, unit = model.columns.z, model.columns.y, working.full(), 7
    own, region = design.unit == unit, design.unit_region[unit]
    centres, variances = [], []
    for draw in range(50):
        # u | y ~ N(tau^2 1'Sigma^-1 rho, tau^2 - tau^4 1'Sigma^-1 1), Sigma = sigma^2 I + tau^2 11'
        tau2, rho = scales.unit[draw] ** 2, y[own] - z[own] @ full[draw, region]
        weights = tau2 * np.linalg.inv(scales.error[draw, region] ** 2 * np.eye(own.sum()) + tau2).sum(axis=0)
        centres.append(weights @ rho)
        variances.append(tau2 - tau2 * weights.sum())
    assert mean[unit] == pytest.approx(model.columns.y_scale * np.mean(centres), rel=1e-10)
    spread = np.sqrt(np.var(centres) + np.mean(variances))
    assert sd[unit] == pytest.approx(model.columns.y_scale * spread, rel=1e-10)


def test_pooling_moves_regions_together(design: PanelDesign) -> None:
    # by the prior alone: unrelated regions spread as widely as their prior, equal regions not at all
    spread = {}
    for pooling in ("partial", "none", "complete"):
        spec = sample_spec(pooling=pooling)
        own = panel_design(simulate(40, 6, 4, seed=1), spec)
        model = collapsed_model(own, spec)
        scales, working = prior_draws(model, 2000, np.random.default_rng(1))
        draws = named_draws(own, model, scales, working, 1)
        spread[pooling] = float(draws["alpha"].std("region").mean())
        assert ("alpha_mean" in draws) == (pooling == "partial")
    assert spread["complete"] == 0
    assert spread["complete"] < spread["partial"] < spread["none"]
    # root mean square deviation of four draws from N(0, 0.5^2): 0.5 sqrt(3/4) c4(4), scatter 0.17 / sqrt(2000)
    assert spread["none"] == pytest.approx(0.5 * np.sqrt(0.75) * 0.9213, abs=0.017)
