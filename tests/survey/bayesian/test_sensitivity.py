"""Power-scaling with the summed likelihood and top-level priors only."""

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from survey.ordinal_draws import asymptotic_draws

from bayesgov.survey.bayesian.sensitivity import prior_sensitivity, top_level_priors
from bayesgov.survey.predictive import pointwise_log_likelihood
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CumulativeSpec

LOGIT = CumulativeSpec(formula="y ~ x")


@pytest.fixture(scope="module")
def plain():
    design = benchmark_design(300, 2, 3, 0, seed=3).design
    return design, xr.DataTree.from_dict({"posterior": asymptotic_draws(design, seed=4, draws=250)})


def _model(scale):
    with pm.Model(coords={"term": ["x1", "x2"]}) as model:
        pm.Normal("beta", 0, scale, dims="term")
    return model


def test_hierarchical_priors_are_left_alone():
    with pm.Model() as model:
        tau = pm.HalfNormal("tau")
        local = pm.HalfCauchy("lambda", 1, shape=3)
        pm.Normal("beta", 0, tau * local, shape=3)
        centre = pm.Normal("centre")
        pm.Deterministic("threshold", centre + 1)
    assert top_level_priors(model) == ("tau", "centre")


def test_a_strong_prior_shows_and_a_weak_one_does_not(plain):
    design, tree = plain
    # a prior of scale 0.1, a few standard errors, on a posterior that ignored it: its scaling moves the posterior
    strong, weak = (prior_sensitivity(tree, _model(scale), design, LOGIT, ["beta"])["beta"] for scale in (0.1, 100.0))
    assert strong.sel(component="prior").max() > 0.2
    assert weak.sel(component="prior").max() < 0.01
    assert weak.sel(component="likelihood").min() > 0.05


def test_the_sum_stands_for_the_rows(plain):
    """ArviZ sums pointwise values itself; the answer must be the same."""
    design, tree = plain
    model, posterior = _model(1.0), tree["posterior"].to_dataset()
    found = prior_sensitivity(tree, model, design, LOGIT, ["beta"])["beta"].sel(component="likelihood")
    pointwise = pointwise_log_likelihood(design, posterior, LOGIT).to_dataset(name="y")
    theirs = xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": pointwise})
    np.testing.assert_allclose(found, az.psense(theirs, var_names=["beta"], group="likelihood")["beta"], rtol=1e-8)
