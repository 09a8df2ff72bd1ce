"""Draws of an estimator: their percentiles are its confidence limits, their correlations its covariance's."""

from __future__ import annotations

import arviz
import numpy as np
import pytest
import xarray as xr

from bayesgov.fits import EstimatorFit, element_draws, estimator_tree
from bayesgov.sampling_distribution import sampling_distribution


def _tree(terms, std_error=1.0, df=np.inf, correlation=None, **options):
    n = len(terms)
    error = np.broadcast_to(np.asarray(std_error, dtype=float), (n,))
    groups = {}
    if correlation is not None:
        covariance = np.asarray(correlation) * np.outer(error, error)
        groups["covariance"] = xr.Dataset(
            {"covariance": (("term", "other_term"), covariance)}, {"term": list(terms), "other_term": list(terms)}
        )
    return estimator_tree(terms, np.arange(1.0, n + 1), error, df=df, groups=groups, **options)


def test_percentiles_are_confidence_limits():
    terms = ["beta[a]", "beta[b]", "threshold[1|2]"]
    tree = _tree(terms, std_error=[0.5, 1.0, 2.0], df=np.array([np.inf, 4.0, 30.0]), correlation=np.eye(3))
    drawn = element_draws(sampling_distribution(tree, seed=1))
    assert drawn.terms == tuple(terms)
    limits = EstimatorFit("f", tree, ()).estimates(0.9)
    flat = drawn.values.reshape(-1, 3)
    # a thousand equally spaced quantiles: percentiles interpolate between neighbours, 0.01 standard errors apart there
    np.testing.assert_allclose(np.percentile(flat, 5, axis=0), limits["lower"], atol=0.03)
    np.testing.assert_allclose(np.percentile(flat, 95, axis=0), limits["upper"], atol=0.03)
    np.testing.assert_allclose(np.median(flat, axis=0), limits["estimate"], atol=1e-12)


def test_dependence_is_that_of_the_covariance():
    correlation = np.array([[1.0, 0.8, -0.3], [0.8, 1.0, 0.1], [-0.3, 0.1, 1.0]])
    found = sampling_distribution(_tree(["a", "b", "c"], [1.0, 5.0, 0.1], correlation=correlation), seed=3)
    flat = element_draws(found).values.reshape(-1, 3)
    # standard error of a correlation from 1,000 draws: at most 0.03
    np.testing.assert_allclose(np.corrcoef(flat.T), correlation, atol=0.1)
    assert found.attrs["dependence"] == "covariance of the estimates"
    assert sampling_distribution(_tree(["a", "b"]), seed=3).attrs["dependence"] == "unknown"


def test_a_covariance_without_full_rank_is_drawn_from():
    """Equidistant thresholds: three of them from two parameters."""
    root = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    covariance = root @ root.T
    error = np.sqrt(np.diag(covariance))
    tree = _tree(["a", "b", "c"], error, correlation=covariance / np.outer(error, error))
    flat = element_draws(sampling_distribution(tree, seed=1)).values.reshape(-1, 3)
    assert np.corrcoef(flat[:, 0] + flat[:, 2], flat[:, 1])[0, 1] > 0.99


def test_variables_and_dims_are_a_posteriors():
    terms = ["alpha[n, L1.y]", "beta[n, x]", "beta[n, z]", "alpha[s, L1.y]", "beta[s, x]", "beta[s, z]", "sigma"]
    found = sampling_distribution(_tree(terms), seed=1)
    assert {name: found[name].dims for name in found.data_vars} == {
        "sigma": ("chain", "draw"),
        "alpha": ("chain", "draw", "region", "lag"),
        "beta": ("chain", "draw", "region", "predictor"),
    }
    assert sorted(element_draws(found).terms) == sorted(terms)
    assert float(found["beta"].sel(region="s", predictor="z").median()) == pytest.approx(6)


def test_labels_with_commas_and_incomplete_grids_keep_their_names():
    terms = ["beta[a, b]", "beta[c, d]", "gamma[x, y]", "gamma[x, z]", "gamma[w, y]"]
    found = sampling_distribution(_tree(terms), seed=1)
    assert found["beta"].dims == ("chain", "draw", "term")
    assert set(element_draws(found).terms) == set(terms)


def test_equal_dims_with_other_labels_do_not_meet():
    found = sampling_distribution(_tree(["beta[x]", "mu[y]"]), seed=1)
    assert found["beta"].sizes["term"] == found["mu"].sizes["mu_term"] == 1
    assert not found.isnull().any().to_array().any()


def test_what_has_no_distribution_has_no_draws():
    tree = _tree(["a", "b", "c", "d"], [1.0, np.nan, 0.0, 1.0], df=np.array([np.inf, np.inf, np.inf, np.nan]))
    assert list(sampling_distribution(tree, seed=1).data_vars) == ["a"]
    assert not sampling_distribution(_tree(["a"], np.nan), seed=1).data_vars


def test_the_seed_decides():
    tree = _tree(["a", "b"])
    first = sampling_distribution(tree, seed=1)
    assert first.identical(sampling_distribution(tree, seed=1))
    assert not first.equals(sampling_distribution(tree, seed=2))


def test_a_bootstrap_says_how_uncertain_its_draws_leave_it():
    tree = _tree(["a", "b"], kind="bootstrap")
    draws = np.random.default_rng(1).standard_normal((4, 250))
    group = xr.Dataset({name: (("chain", "draw"), draws + at) for at, name in enumerate("ab", start=1)})
    tree["sampling_distribution"] = xr.DataTree(group)
    frame = EstimatorFit("f", tree, ()).estimates()
    # of the median of n independent normal draws: sqrt(pi / 2 / n) = 0.040
    np.testing.assert_allclose(frame["mc_error"], np.sqrt(np.pi / 2 / 1000), rtol=0.2)
    assert "mc_error" not in EstimatorFit("f", _tree(["a"]), ()).estimates()


def test_arviz_reads_an_estimator_as_it_reads_a_posterior():
    tree = _tree(["beta[a]", "beta[b]"], correlation=np.eye(2))
    tree["sampling_distribution"] = xr.DataTree(sampling_distribution(tree, seed=1))
    table = arviz.summary(tree, group="sampling_distribution", kind="stats", round_to="none")
    np.testing.assert_allclose(table["mean"], [1, 2], atol=1e-12)
    forest = arviz.plot_forest(tree, group="sampling_distribution", backend="none")
    assert forest.viz["point_estimate"]["beta"].sizes == {"chain": 1, "term": 2}
