"""Fits of both schools speak one vocabulary and keep their probabilities apart."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayesgov.fits import GLOSSARY, EstimatorFit, PosteriorFit, element_names, estimator_tree


@pytest.fixture
def posterior():
    rng = np.random.default_rng(1)
    data = xr.Dataset(
        {
            "mu": (("chain", "draw"), rng.normal(2.0, 1.0, (4, 5000))),
            "theta": (("chain", "draw", "term", "region"), rng.normal(size=(4, 5000, 2, 3))),
        },
        coords={"term": ["a", "b"], "region": ["x", "y", "z"]},
    )
    return PosteriorFit("p", xr.DataTree.from_dict({"posterior": data}), ("mu", "theta"), ())


@pytest.fixture
def estimator():
    tree = estimator_tree(["a", "b"], np.array([1.0, -2.0]), np.array([0.5, 1.0]), df=np.array([np.inf, 6.0]))
    return EstimatorFit("f", tree, ())


def test_columns_follow_the_glossary(posterior, estimator):
    assert list(posterior.estimates()) == [name for name in GLOSSARY if name != "p_value"]
    absent = ("probability_positive", "mc_error")
    assert list(estimator.estimates()) == [name for name in GLOSSARY if name not in absent]


def test_element_names(posterior):
    theta = posterior.tree["posterior"]["theta"]
    assert element_names(theta)[:4] == ["theta[a, x]", "theta[a, y]", "theta[a, z]", "theta[b, x]"]


def test_posterior_summary_matches_the_generating_normal(posterior):
    row = posterior.estimates(0.9).set_index("term").loc["mu"]
    # Monte Carlo standard error of a 5% quantile from 20,000 normal draws is about 0.015
    assert row["lower"] == pytest.approx(2 + stats.norm.ppf(0.05), abs=0.06)
    assert row["probability_positive"] == pytest.approx(stats.norm.cdf(2), abs=0.005)
    assert row["interval"] == "90% equal-tailed credible"


def test_wald_and_t_intervals(estimator):
    table = estimator.estimates(0.95).set_index("term")
    assert table.loc["a", "upper"] == pytest.approx(1 + 0.5 * stats.norm.ppf(0.975))
    assert table.loc["b", "upper"] == pytest.approx(-2 + stats.t.ppf(0.975, 6))
    assert table.loc["a", "p_value"] == pytest.approx(2 * stats.norm.sf(2))
    assert table.loc["b", "p_value"] == pytest.approx(2 * stats.t.sf(2, 6))
    assert table.loc["a", "interval"] == "95% Wald confidence"


def test_a_frequentist_tree_has_no_chain_to_diagnose(estimator):
    assert "posterior" not in estimator.tree.children
    assert estimator.tree.attrs["bayesgov_kind"] == "asymptotic_normal"


@pytest.mark.parametrize("level", [0, 1, 95])
def test_level_is_a_probability(posterior, estimator, level):
    for fit in (posterior, estimator):
        with pytest.raises(ValueError, match=r"such as 0\.95"):
            fit.estimates(level)
