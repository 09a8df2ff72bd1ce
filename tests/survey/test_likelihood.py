"""The cumulative-logit likelihood: NumPy, its derivatives and PyTensor agree, exactly in the tails."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.special import expit

from bayesgov.survey.likelihood import information, log_likelihood, log_likelihood_graph, log_probabilities


def random_tables(rng, n_levels=4):
    counts = rng.integers(0, 30, size=(3, 2, n_levels)).astype(float)
    eta = rng.normal(size=(3, 2))
    cutpoints = np.sort(rng.normal(scale=2, size=(3, 1, n_levels - 1)), axis=-1)
    return counts, eta, cutpoints


def test_probabilities_are_differences_of_logistic_functions():
    rng = np.random.default_rng(1)
    _, eta, cutpoints = random_tables(rng)
    edges = np.zeros((3, 2, 1))
    cumulative = np.concatenate([edges, expit(cutpoints - eta[..., None]), edges + 1], axis=-1)
    # 1e-13: the naive difference itself loses about three digits at these predictors
    np.testing.assert_allclose(np.exp(log_probabilities(eta, cutpoints)), np.diff(cumulative), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("eta", [-800.0, -40.0, 40.0, 800.0])
def test_tails_keep_their_digits(eta):
    """For |eta| >> 0 the outer probabilities are exp(-distance) and the middle ones exp(-distance) (1 - exp(-gap))."""
    cutpoints = np.array([-1.0, 0.5])
    got = log_probabilities(np.array(eta), cutpoints)
    if eta < 0:
        exact = [0.0, eta + 1 + np.log(-np.expm1(-1.5)), eta - 0.5]
    else:
        exact = [-1 - eta, 0.5 - eta + np.log(-np.expm1(-1.5)), 0.0]
    # terms of order exp(-39) are dropped from the limit
    np.testing.assert_allclose(got, exact, rtol=1e-14, atol=1e-16)


def test_gradient_is_the_derivative_of_the_value():
    rng = np.random.default_rng(2)
    counts, eta, cutpoints = random_tables(rng)
    found = log_likelihood(counts, eta, cutpoints)
    step = 1e-6
    for index in np.ndindex(eta.shape):
        move = np.zeros_like(eta)
        move[index] = step
        slope = (
            log_likelihood(counts, eta + move, cutpoints).value - log_likelihood(counts, eta - move, cutpoints).value
        )
        # central differences: error step² plus rounding eps |value| / step, about 1e-7
        assert found.d_eta[index] == pytest.approx(slope / (2 * step), abs=1e-5)
    shared = found.d_cutpoints.sum(axis=1)
    for i, k in np.ndindex(3, cutpoints.shape[-1]):
        move = np.zeros_like(cutpoints)
        move[i, 0, k] = step
        slope = (
            log_likelihood(counts, eta, cutpoints + move).value - log_likelihood(counts, eta, cutpoints - move).value
        )
        assert shared[i, k] == pytest.approx(slope / (2 * step), abs=1e-4)


def test_information_is_minus_the_derivative_of_the_gradient():
    rng = np.random.default_rng(3)
    counts, x = rng.integers(1, 30, size=(5, 4)).astype(float), rng.normal(size=(5, 2))
    theta = np.array([-1.0, 0.2, 1.5, 0.3, -0.4])

    def gradient(at):
        found = log_likelihood(counts, x @ at[3:], at[:3])
        return np.concatenate([found.d_cutpoints.sum(axis=0), x.T @ found.d_eta])

    step = 1e-6
    numeric = [(gradient(theta - step * e) - gradient(theta + step * e)) / (2 * step) for e in np.eye(5)]
    np.testing.assert_allclose(information(counts, x @ theta[3:], theta[:3], x), numeric, rtol=1e-6, atol=1e-6)


def test_pytensor_form_equals_numpy_with_finite_gradient():
    rng = np.random.default_rng(4)
    counts, eta, cutpoints = random_tables(rng)
    variables = [pt.tensor(name, shape=value.shape) for name, value in (("eta", eta), ("cutpoints", cutpoints))]
    graph = log_likelihood_graph(pt.constant(counts), *variables)
    function = pytensor.function(variables, [graph, *pt.grad(graph, variables)], mode="FAST_COMPILE")
    for scale in (1.0, 50.0):
        value, d_eta, d_cutpoints = function(eta * scale, cutpoints)
        expected = log_likelihood(counts, eta * scale, cutpoints)
        # both are sums of 24 terms in double precision
        assert value == pytest.approx(expected.value, rel=1e-12)
        np.testing.assert_allclose(d_eta, expected.d_eta, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(d_cutpoints[:, 0], expected.d_cutpoints.sum(axis=1), rtol=1e-10, atol=1e-10)
