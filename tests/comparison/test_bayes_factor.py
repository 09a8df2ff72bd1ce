"""Savage-Dickey ratios from draws against the ratios that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from comparison.comparison_samples import normal_draws
from scipy import stats

from bayesgov.comparison.bayes_factor import Density, density_at, prior_at_zero, savage_dickey


@pytest.mark.parametrize("z", [0.0, 1.0, 2.0, 2.5])
def test_the_density_of_a_normal_is_unbiased_into_its_tail(z):
    """The centres are drawn in, so that kernels do not widen the mixture."""
    found = [density_at(np.random.default_rng(seed).normal(-z, 1, (4, 1000)), 0.0) for seed in range(30)]
    values = np.array([density.value for density in found])
    # thirty data sets: their mean within three of its standard errors, and within 3% for what Silverman's h leaves
    tolerance = 3 * values.std(ddof=1) / np.sqrt(len(values)) + 0.03 * stats.norm.pdf(z)
    assert abs(values.mean() - stats.norm.pdf(z)) < tolerance
    # the reported Monte Carlo error is that seen over data sets, to within what 30 of them tell
    assert np.mean([density.mc_error for density in found]) == pytest.approx(values.std(ddof=1), rel=0.45)
    assert all(density.resolved for density in found)


def test_a_skewed_posterior():
    draws = np.random.default_rng(2).gamma(4.0, 1.0, (4, 2500)) - 2.0
    found = density_at(draws, 0.0)
    assert found.value == pytest.approx(stats.gamma.pdf(2.0, 4.0), rel=0.08)


def test_a_point_that_draws_do_not_reach_has_an_upper_limit():
    found = density_at(normal_draws(10, 1), 0.0)
    assert not found.resolved
    assert stats.norm.pdf(10) < found.value < 0.01
    factor = savage_dickey(normal_draws(10, 1), Density(stats.norm.pdf(0, 0, 10), 0.0))
    assert factor.bound
    # nothing in 4,000 draws on the five standard deviations next to zero: at most 4.8 / 4,000 / 5 there
    assert factor.value == pytest.approx(stats.norm.pdf(0, 0, 10) * 4000 * 5 / 4.79, rel=0.01)
    for z in (3.2, 3.6, 4.0):  # a limit holds where the density is known, too
        limit = density_at(normal_draws(z, 1, n=1000), 0.0)
        assert not limit.resolved
        assert stats.norm.pdf(z) < limit.value


def test_autocorrelated_draws_know_less():
    rng = np.random.default_rng(3)
    sticky = np.repeat(rng.standard_normal((4, 50)), 20, axis=1)
    assert density_at(sticky, 0.0).mc_error > 2.5 * density_at(rng.standard_normal((4, 1000)), 0.0).mc_error


def test_the_bayes_factor_of_a_conjugate_normal():
    """y ~ N(theta, 1/25), theta ~ N(0, 1): BF against 0 is N(y; 0, 1 + 1/25) / N(y; 0, 1/25)."""
    for y in (0.0, 0.3, 0.5):
        posterior = stats.norm(y * 25 / 26, 1 / np.sqrt(26))
        exact = stats.norm.pdf(y, 0, np.sqrt(1 + 1 / 25)) / stats.norm.pdf(y, 0, 0.2)
        factor = savage_dickey(normal_draws(posterior.mean(), posterior.std()), Density(stats.norm.pdf(0), 0.0))
        assert factor.value == pytest.approx(exact, rel=0.05)
        assert not factor.bound


def _tree(prior="", exact=None, draws=None):
    groups = {"posterior": xr.Dataset()}
    if draws is not None:
        groups["prior"] = xr.Dataset({"beta": (("chain", "draw", "term"), draws)})
    if exact is not None:
        groups["prior_at_zero"] = xr.Dataset({"beta": ("term", np.array(exact))})
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["prior"] = prior
    return tree


def test_where_the_priors_density_comes_from():
    draws = np.stack([normal_draws(0, 2), normal_draws(0, 1)], axis=-1)
    assert prior_at_zero(_tree("normal", [0.2, 0.5]), "beta", 1) == Density(0.5, 0.0)
    drawn = prior_at_zero(_tree("normal", draws=draws), "beta", 0)
    assert isinstance(drawn, Density)
    assert drawn.value == pytest.approx(stats.norm.pdf(0, 0, 2), rel=0.05)
    # an exact density holds against what a peaked prior is otherwise refused for
    assert prior_at_zero(_tree("laplace", [0.25], draws), "beta", 0) == Density(0.25, 0.0)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (_tree("horseshoe", draws=np.zeros((1, 9, 1))), "density at zero is infinite"),
        (_tree("horseshoe", exact=[np.inf]), "density at zero is infinite"),
        (_tree("r2d2", draws=np.zeros((1, 9, 1))), "too sharp"),
        (_tree(), "no draws from its prior"),
        (_tree(draws=normal_draws(9, 1)[..., None]), "too few draws from the prior"),
    ],
)
def test_a_prior_without_a_density_at_zero_is_said_to_have_none(tree, reason):
    assert reason in prior_at_zero(tree, "beta", 0)
