"""Sampling one small model end to end, and diagnostics that fail when they should."""

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from bayesgov.diagnostics import posterior_checks, power_scaling, power_scaling_check
from bayesgov.sampling import SamplingOptions, compile_model, log_prior, sample

OBSERVED = np.array([0.3, 1.1, -0.4, 0.8])
OPTIONS = SamplingOptions(seed=3, draws=500, tune=500, cores=2)


@pytest.fixture(scope="module")
def compiled():
    with pm.Model(coords={"unit": range(4)}) as model:
        observed = pm.Data("observed", OBSERVED, dims="unit")
        mu = pm.Normal("mu", 0, 2)
        pm.Normal("y", mu, 1, observed=observed, dims="unit")
    return compile_model(model)


@pytest.fixture(scope="module")
def tree(compiled):
    return sample(compiled, OPTIONS)


def _exact(observed):
    """Conjugate normal posterior of mu: mean and standard deviation."""
    precision = observed.size + 1 / 4
    return observed.sum() / precision, precision**-0.5


def test_posterior_is_the_conjugate_one(tree):
    draws = tree["posterior"]["mu"]
    mean, sd = _exact(OBSERVED)
    error = float(az.mcse(draws, method="mean"))
    assert abs(float(draws.mean()) - mean) < 4 * error
    assert float(draws.std()) == pytest.approx(sd, rel=0.1)


def test_same_seed_same_draws(compiled, tree):
    again = sample(compiled, OPTIONS)
    np.testing.assert_array_equal(again["posterior"]["mu"], tree["posterior"]["mu"])
    np.testing.assert_array_equal(again["prior"]["mu"], tree["prior"]["mu"])


def test_refit_with_new_data_needs_no_compilation(compiled):
    other = OBSERVED + 5
    draws = sample(compiled, OPTIONS, data={"observed": other})["posterior"]["mu"]
    assert abs(float(draws.mean()) - _exact(other)[0]) < 4 * float(az.mcse(draws, method="mean"))


def test_sampler_statistics_have_arviz_names(tree):
    assert {"diverging", "energy", "reached_max_treedepth", "tree_depth", "lp"} <= set(tree["sample_stats"].data_vars)


def test_provenance_is_in_the_tree(tree):
    assert tree.attrs["seed"] == 3
    assert {"sampler", "sampler_version", "pymc_version", "target_accept"} <= set(tree.attrs)


def test_log_prior_is_the_density_of_the_draws(compiled, tree):
    density = log_prior(compiled.model, tree, ["mu"])["mu"]
    np.testing.assert_allclose(density, stats.norm.logpdf(tree["posterior"]["mu"], 0, 2), atol=1e-8)


def test_a_good_fit_passes_every_check(tree):
    assert {check.status for check in posterior_checks(tree)} == {"pass"}


def _changed(tree, variable=None, **statistics):
    posterior = tree["posterior"].to_dataset() if variable is None else xr.Dataset({"mu": variable})
    stats_ = tree["sample_stats"].to_dataset().assign(statistics)
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats_})


def _status(tree, name):
    return next(check for check in posterior_checks(tree) if check.name == name)


def test_chains_that_disagree_fail_and_are_named(tree):
    apart = tree["posterior"]["mu"] + tree["posterior"]["chain"]
    check = _status(_changed(tree, apart), "rhat_max")
    assert check.status == "fail"
    assert check.advice.startswith("mu:")


def test_nan_never_passes(tree):
    broken = tree["posterior"]["mu"] * np.nan
    for name in ("rhat_max", "ess_bulk_min", "ess_tail_min"):
        assert _status(_changed(tree, broken), name).status == "fail"


def test_one_divergence_fails(tree):
    diverging = tree["sample_stats"]["diverging"].copy()
    diverging[0, 0] = True
    assert _status(_changed(tree, diverging=diverging), "divergences").status == "fail"


def test_sluggish_energy_fails(tree):
    shape = tree["sample_stats"]["energy"].shape
    walk = np.random.default_rng(0).normal(size=shape).cumsum(axis=1)
    assert _status(_changed(tree, energy=(("chain", "draw"), walk)), "ebfmi_min").status == "fail"


def test_a_strong_prior_is_found_by_power_scaling(compiled, tree):
    def sensitivity(likelihood_weight):
        mu = tree["posterior"]["mu"]
        pointwise = sum(stats.norm.logpdf(value, mu, 1) for value in OBSERVED) * likelihood_weight
        full = tree.copy()
        full["log_prior"] = log_prior(compiled.model, tree, ["mu"])
        full["log_likelihood"] = xr.Dataset({"y": (("chain", "draw"), np.asarray(pointwise))})
        return power_scaling(full, ["mu"])

    plain = sensitivity(1.0)
    assert float(plain["mu"].sel(component="likelihood")) > float(plain["mu"].sel(component="prior"))
    assert power_scaling_check(plain).status == "pass"
    # the same arithmetic with the roles exchanged must warn
    exchanged = plain.isel(component=[1, 0]).assign_coords(component=["prior", "likelihood"])
    assert power_scaling_check(exchanged).status == "warn"


@pytest.mark.parametrize("bad", [{"draws": 0}, {"chains": 0}, {"target_accept": 1.0}])
def test_options_are_checked(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        SamplingOptions(seed=1, **bad)
