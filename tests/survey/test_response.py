"""Category probabilities and their derivatives, every family and link."""

from itertools import product

import numpy as np
import pytest

from bayesgov.survey import links
from bayesgov.survey.likelihood import log_probabilities as grouped_log_probabilities
from bayesgov.survey.response import (
    expected_information,
    log_probabilities,
    log_probability_at,
    probabilities,
    score,
)
from bayesgov.survey.spec import LINKS, CumulativeSpec

MODELS = [*(("cumulative", link) for link in LINKS), *product(("adjacent", "continuation"), LINKS)]


def _response(family, link):
    return CumulativeSpec(formula="y ~ x", family=family, link=link)


def _distances(rng, n_rows=7, n_cuts=3):
    return np.sort(rng.normal(scale=1.2, size=(n_cuts, n_rows)), axis=0)


def _derivative(function, distance, cut, step=1e-6):
    """Central difference in one distance of every row."""
    move = np.zeros_like(distance)
    move[cut] = step
    return (function(distance + move) - function(distance - move)) / (2 * step)


@pytest.mark.parametrize(("family", "link"), MODELS)
def test_probabilities_follow_their_definition(family, link):
    response, distance = _response(family, link), _distances(np.random.default_rng(1))
    probability, below = probabilities(response, distance), links.cdf(link, distance)
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=1e-14)
    np.testing.assert_allclose(np.log(probability), log_probabilities(response, distance), rtol=1e-10)
    at_most = np.cumsum(probability, axis=0)
    expected = {
        "cumulative": at_most[:-1],
        "adjacent": probability[:-1] / (probability[:-1] + probability[1:]),
        "continuation": probability[:-1] / (1 - at_most[:-1] + probability[:-1]),
    }
    np.testing.assert_allclose(expected[family], below, rtol=1e-10)


@pytest.mark.parametrize(("family", "link"), MODELS)
def test_outcome_takes_its_own_category(family, link):
    rng = np.random.default_rng(2)
    response, distance = _response(family, link), _distances(rng)
    y = rng.integers(4, size=7)
    taken = log_probability_at(response, distance, y)
    np.testing.assert_allclose(taken, log_probabilities(response, distance)[y, np.arange(7)], rtol=1e-12)
    # an axis of draws in between
    stacked = log_probability_at(response, np.stack([distance, distance - 0.3], axis=1), y)
    np.testing.assert_allclose(stacked[0], taken, rtol=1e-14)
    np.testing.assert_allclose(stacked[1], log_probability_at(response, distance - 0.3, y), rtol=1e-14)


@pytest.mark.parametrize(("family", "link"), MODELS)
def test_derivatives(family, link):
    rng = np.random.default_rng(3)
    response, distance = _response(family, link), _distances(rng)
    counts = rng.gamma(1.0, size=(4, 7))
    found, information = score(response, distance, counts), expected_information(response, distance)
    probability = probabilities(response, distance)
    slopes = []
    for cut in range(3):
        value = _derivative(lambda d: (counts * log_probabilities(response, d)).sum(axis=0), distance, cut)
        np.testing.assert_allclose(found[cut], value, rtol=1e-7, atol=1e-8)
        slopes.append(_derivative(lambda d: probabilities(response, d), distance, cut))
    # expected information = sum_k dP_k dP_k' / P_k
    outer = np.einsum("jkn,lkn->jln", slopes, slopes / probability)
    np.testing.assert_allclose(information, outer, rtol=1e-6, atol=1e-8)


def test_logit_keeps_its_digits_in_the_tails():
    response = _response("cumulative", "logit")
    distance = np.array([[-60.0, 40.0, 0.0], [-50.0, 41.0, 1e-9]])
    expected = grouped_log_probabilities(np.zeros(3), distance.T).T
    np.testing.assert_allclose(np.log(probabilities(response, distance)), expected, rtol=1e-9, atol=1e-15)
    assert np.isfinite(score(response, distance, np.ones((3, 3)))).all()


def test_shared_steps_change_nothing():
    rng = np.random.default_rng(4)
    response, eta = _response("cumulative", "logit"), rng.normal(size=9)
    distance = np.array([-1.0, 0.2, 1.5])[:, None] - eta
    counts = rng.gamma(1.0, size=(4, 9))
    shared = score(response, distance, counts, np.array([[1.2], [1.3]]))
    np.testing.assert_allclose(shared, score(response, distance, counts), rtol=1e-12)
