"""Mode and information that the sampler's coordinates are made from."""

from dataclasses import replace

import numpy as np
import pytest

from bayesgov.survey.bayesian.baseline import null_information, thresholds_from_probabilities
from bayesgov.survey.bayesian.conditioning import condition, free_of_zero_sum, zero_sum
from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.kernels.data import kernel_data
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.links import cdf
from bayesgov.survey.mode import find_mode
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import LINKS, CumulativeSpec

SPEC = CumulativeSpec(formula="y ~ x")


def _found(design, spec=SPEC):
    return condition(design, kernel_data(design), spec)


def _mode(found):
    return np.linalg.solve(found.beta_precision, found.beta_pull)


def test_zero_sum_is_an_isometry():
    free = np.random.default_rng(0).normal(size=(3, 6))
    full = zero_sum(free)
    np.testing.assert_allclose(full.sum(axis=-1), 0, atol=1e-14)
    np.testing.assert_allclose((full**2).sum(axis=-1), (free**2).sum(axis=-1))
    np.testing.assert_allclose(free_of_zero_sum(full), free, atol=1e-14)


def test_without_groups_it_is_maximum_likelihood():
    design = benchmark_design(3000, 4, 5, 0, seed=8).design
    found = _found(design)
    exact = find_mode(np.eye(5)[design.y], design.x)
    sd = np.sqrt(np.diag(exact.coefficient_covariance))
    # the weak priors and the pseudo-observations move the mode by hundredths of a standard error
    np.testing.assert_allclose((_mode(found) - exact.coefficients) / sd, 0, atol=0.03)
    # expected and observed information differ by chance, by about 1 / sqrt(n)
    np.testing.assert_allclose(np.diag(np.linalg.inv(found.beta_precision)) ** 0.5 / sd, 1, atol=0.03)
    gaps = np.exp(found.threshold_mode[1:])
    at_mean = exact.cutpoints - design.x.mean(axis=0) @ exact.coefficients
    np.testing.assert_allclose(found.threshold_mode[0], at_mean[0], atol=0.01)
    np.testing.assert_allclose(gaps, np.diff(at_mean), rtol=0.02)


def test_groups_are_found():
    simulated = benchmark_design(4000, 2, 4, 30, seed=8, group_sd=0.8)
    found = _found(simulated.design)
    assert found.group_sd == pytest.approx(simulated.group_effect.std(), rel=0.15)
    total = found.group_precision + found.group_sd**-2
    effect = zero_sum(found.group_pull / total)
    assert np.corrcoef(effect, simulated.group_effect)[0, 1] > 0.95
    error = free_of_zero_sum(effect - simulated.group_effect) * np.sqrt(total)
    assert 0.6 < error.std() < 1.5


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("link", LINKS)
def test_every_family_and_link_finds_a_mode(family, link):
    spec = CumulativeSpec(formula="y ~ x", family=family, link=link)
    design = benchmark_design(800, 3, 4, 6, seed=3).design
    found = _found(design, spec)
    sd = np.diag(np.linalg.inv(found.beta_precision)) ** 0.5
    assert np.isfinite(found.threshold_mode).all()
    assert np.isfinite(found.threshold_root).all()
    # the first effect is strong under every link
    assert _mode(found)[0] / sd[0] > 4


def test_separation_and_an_empty_level_give_coordinates_all_the_same():
    x = np.repeat([0.0, 1.0], 50)
    y = np.where(x > 0, 2, 0)
    design = design_from_arrays(y, x[:, None], levels=["a", "b", "c", "d"], terms=["x"])
    found = _found(design)
    for values in (found.threshold_mode, found.threshold_root, found.beta_precision, found.beta_pull):
        assert np.isfinite(values).all()
    assert found.beta_pull[0] > 0


def test_units_of_the_predictors_do_not_matter():
    design = benchmark_design(600, 2, 4, 0, seed=6).design
    scaled = replace(design, x=1000 * design.x + 2000)
    np.testing.assert_allclose(_mode(_found(scaled)) * 1000, _mode(_found(design)), rtol=1e-8)


@pytest.mark.parametrize("link", LINKS)
def test_thresholds_give_their_probabilities_back(link):
    probability = np.array([[0.2, 0.5, 0.3], [1e-13, 0.9, 0.1 - 1e-13]])
    cumulative = thresholds_from_probabilities(probability, "cumulative", link)
    np.testing.assert_allclose(cdf(link, cumulative), probability.cumsum(axis=1)[:, :2], rtol=1e-9)
    stopping = cdf(link, thresholds_from_probabilities(probability, "continuation", link))
    np.testing.assert_allclose(stopping[:, 0], probability[:, 0], rtol=1e-9)
    np.testing.assert_allclose(stopping[:, 1], probability[:, 1] / probability[:, 1:].sum(axis=1), rtol=1e-9)
    adjacent = cdf(link, thresholds_from_probabilities(probability, "adjacent", link))
    np.testing.assert_allclose(adjacent, probability[:, :2] / (probability[:, :2] + probability[:, 1:]), rtol=1e-9)


def test_null_information_of_the_cumulative_logit_is_whiteheads():
    share = np.array([0.1, 0.25, 0.4, 0.25])
    # Whitehead (1993): (1 - sum p³) / 3
    assert null_information(share, "cumulative", "logit") == pytest.approx((1 - np.sum(share**3)) / 3)
