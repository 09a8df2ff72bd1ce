"""The compiled likelihoods against NumPy, against distribution functions of SciPy and against differences."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import special, stats

from bayesgov.survey.kernels.arithmetic import exp_minus
from bayesgov.survey.kernels.data import kernel_data
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.kernels.information import expected_information
from bayesgov.survey.kernels.likelihood import evaluate_general, evaluate_logit
from bayesgov.survey.kernels.links import d_log_slope, log_above, log_below, log_interval, log_slope
from bayesgov.survey.likelihood import log_likelihood, log_probabilities
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import LINKS

DISTRIBUTIONS = {
    "logit": stats.logistic,
    "probit": stats.norm,
    "cloglog": stats.gumbel_l,
    "loglog": stats.gumbel_r,
    "cauchit": stats.cauchy,
}


def _arguments(data, beta, threshold, group_effect, *, nominal=(), departure=None, log_scale=()):
    n_cuts = threshold.size
    return (
        data.x, data.starts, data.weights, data.group, np.array(nominal, dtype=np.int64), data.scale_x, data.offset,
        beta, threshold, group_effect,
        np.empty((0, n_cuts)) if departure is None else departure, np.array(log_scale, dtype=float),
    )  # fmt: skip


@pytest.fixture(scope="module")
def survey():
    simulated = benchmark_design(3000, 5, 6, 20, seed=4)
    return simulated, kernel_data(simulated.design)


@pytest.mark.parametrize("stretch", [1.0, 300.0], ids=["usual", "far tails"])
@pytest.mark.parametrize("weighted", [False, True])
def test_fast_path_is_the_numpy_likelihood(survey, stretch, weighted):
    simulated, data = survey
    design = simulated.design
    weights = np.random.default_rng(0).uniform(0.5, 2, data.n_rows) if weighted else np.empty(0)
    beta, effect = stretch * simulated.beta, simulated.group_effect
    arguments = list(_arguments(data, beta, simulated.thresholds, effect))
    arguments[2] = weights
    value, d_offset, d_beta, d_cut, d_group, _, _ = evaluate_logit(0, 0, True, *arguments)

    mass = weights if weighted else np.ones(data.n_rows)
    counts = np.eye(design.n_categories)[data.y] * mass[:, None]
    eta = data.x.T @ beta + effect[data.group]
    expected = log_likelihood(counts, eta, simulated.thresholds)
    assert value == pytest.approx(expected.value, rel=1e-12)
    size = np.abs(data.x).sum()  # of the terms that cancel in the derivatives
    np.testing.assert_allclose(d_offset, expected.d_eta, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(d_beta, data.x @ expected.d_eta, atol=1e-14 * size)
    np.testing.assert_allclose(d_cut, expected.d_cutpoints.sum(axis=0), atol=1e-14 * size)
    np.testing.assert_allclose(d_group, np.bincount(data.group, expected.d_eta), atol=1e-14 * size)


def test_thresholds_out_of_order_have_no_likelihood(survey):
    simulated, data = survey
    threshold = simulated.thresholds[::-1].copy()
    for evaluate in (evaluate_logit, evaluate_general):
        assert evaluate(0, 0, False, *_arguments(data, simulated.beta, threshold, simulated.group_effect))[0] == -np.inf


def test_vector_exponential():
    a = np.concatenate([np.linspace(0, 708, 100_001), np.logspace(-300, 0, 1000)])
    got = np.array([exp_minus(value) for value in a])
    np.testing.assert_allclose(got, np.exp(-a), rtol=2 * np.finfo(float).eps)
    assert exp_minus(1e308) == exp_minus(708.0)
    assert np.isnan(exp_minus(np.nan))


def _probability(family, link, u):
    """Level probabilities straight from the definitions, shape (n_categories,)."""
    below = DISTRIBUTIONS[link].cdf(u)
    if family == "cumulative":
        return np.diff(np.concatenate([[0.0], below, [1.0]]))
    if family == "continuation":
        passed = np.cumprod(np.concatenate([[1.0], 1 - below]))
        return passed * np.concatenate([below, [1.0]])
    ratio = np.cumprod(np.concatenate([[1.0], (1 - below) / below]))
    return ratio / ratio.sum()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("link", LINKS)
def test_general_kernel_is_its_definition(family, link):
    rng = np.random.default_rng(7)
    simulated = benchmark_design(60, 3, 4, 5, seed=2)
    data = kernel_data(simulated.design)
    scale_x = rng.normal(size=(2, data.n_rows))
    nominal, log_scale = [0, 2], np.array([0.2, -0.1])
    beta, threshold = np.array([0.1, -0.05, 0.08]), np.array([-0.6, 0.4, 1.3])
    departure, effect = 0.02 * rng.normal(size=(2, 3)), 0.3 * rng.normal(size=5)
    weights = rng.uniform(0.5, 2, data.n_rows)
    codes = FAMILIES.index(family), LINKS.index(link)

    def evaluate(parameters):
        arguments = list(
            _arguments(
                data,
                parameters[:3],
                parameters[3:6],
                parameters[6:11],
                nominal=nominal,
                departure=parameters[11:17].reshape(2, 3),
                log_scale=parameters[17:],
            )
        )
        arguments[2], arguments[5] = weights, scale_x
        value, _, *derivatives = evaluate_general(*codes, False, *arguments)
        return value, np.concatenate([derivative.ravel() for derivative in derivatives])

    point = np.concatenate([beta, threshold, effect, departure.ravel(), log_scale])
    value, gradient = evaluate(point)
    expected = 0.0
    for i in range(data.n_rows):
        u = threshold - beta @ data.x[:, i] - effect[data.group[i]] - departure.T @ data.x[nominal, i]
        expected += weights[i] * np.log(_probability(family, link, u / np.exp(log_scale @ scale_x[:, i]))[data.y[i]])
    assert value == pytest.approx(expected, rel=1e-11)
    step = 1e-6
    differences = [
        (evaluate(point + step * unit)[0] - evaluate(point - step * unit)[0]) / (2 * step)
        for unit in np.eye(point.size)
    ]
    np.testing.assert_allclose(gradient, differences, atol=1e-6 * np.abs(gradient).max())


def test_general_kernel_has_the_fast_path_as_a_case(survey):
    simulated, data = survey
    arguments = _arguments(data, simulated.beta, simulated.thresholds, simulated.group_effect)
    fast, general = evaluate_logit(0, 0, True, *arguments), evaluate_general(0, 0, True, *arguments)
    assert fast[0] == pytest.approx(general[0], rel=1e-13)
    for left, right in zip(fast[1:5], general[1:5], strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("link", LINKS)
def test_links_keep_their_tails(link):
    code, points = LINKS.index(link), np.array([-30.0, -8.0, -1.5, 0.0, 0.7, 5.0])
    reference = DISTRIBUTIONS[link]
    got = [[function(code, x) for x in points] for function in (log_below, log_above, log_slope)]
    # the normal's asymptotic series is accurate to 1e-11 where it takes over
    np.testing.assert_allclose(got[0], reference.logcdf(points), rtol=1e-11)
    np.testing.assert_allclose(got[1], reference.logsf(points), rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(got[2], reference.logpdf(points), rtol=1e-12)
    step = 1e-5
    slopes = [(log_slope(code, x + step) - log_slope(code, x - step)) / (2 * step) for x in points[1:]]
    np.testing.assert_allclose([d_log_slope(code, x) for x in points[1:]], slopes, rtol=1e-7, atol=1e-7)


def test_normal_tail_joins_its_series():
    x = np.array([-19.999, -20.001, -25.0, -40.0])
    np.testing.assert_allclose([log_below(1, value) for value in x], special.log_ndtr(x), rtol=1e-12)


@pytest.mark.parametrize("link", LINKS)
def test_interval_of_close_thresholds_keeps_its_digits(link):
    code, lower, gap = LINKS.index(link), 0.3, 1e-9
    # F(l + g) - F(l) = F'(l) g (1 + O(g))
    expected = log_slope(code, lower) + np.log((lower + gap) - lower)
    # probit alone takes a difference of logarithms, which costs digits
    assert log_interval(code, lower, lower + gap) == pytest.approx(expected, abs=1e-6 if link == "probit" else 1e-8)
    assert log_interval(code, lower, lower) == -np.inf


def test_expected_information_is_the_mean_outer_product_of_scores():
    simulated = benchmark_design(40, 2, 4, 3, seed=5)
    data = kernel_data(simulated.design)
    threshold, beta, effect = np.array([-1.0, 0.2, 1.1]), np.array([0.2, -0.1]), np.array([0.1, -0.3, 0.2])
    shared, crossed, own = np.empty((5, 5)), np.empty((5, 3)), np.empty(3)
    expected_information(
        0, 0, data.x, data.mass, data.offset, data.group, beta, threshold, effect, shared, crossed, own
    )
    expected = np.zeros((8, 8))
    for i in range(data.n_rows):
        eta = np.atleast_1d(beta @ data.x[:, i] + effect[data.group[i]])
        one = np.concatenate([data.x[:, i], np.eye(3)[data.group[i]]])
        probability = np.exp(log_probabilities(eta, threshold))[0]
        for k in range(4):
            derivatives = log_likelihood(np.eye(4)[[k]], eta, threshold)
            score = np.concatenate([derivatives.d_cutpoints[0], derivatives.d_eta * one])
            expected += probability[k] * np.outer(score, score)
    np.testing.assert_allclose(shared, expected[:5, :5], rtol=1e-10)
    np.testing.assert_allclose(crossed, expected[:5, 5:], rtol=1e-10)
    np.testing.assert_allclose(np.diag(own), expected[5:, 5:], rtol=1e-10)


def test_another_process_loads_the_same_code():
    """numba crashes on loading some code from disk, recursive functions among it."""
    script = (
        "import numpy as np; from bayesgov.survey.kernels.likelihood import evaluate_general as f; e=np.empty(0);"
        "i=np.arange(3); x=np.empty((0,2));"
        "print(repr(float(f(2, 1, False, x, i, e, i[:2], i[:0], x, np.zeros(2), e, np.array([0.3]), e,"
        " np.empty((0,1)), e)[0])))"
    )
    printed = [
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert printed[0] == printed[1]
    assert float(printed[0]) == pytest.approx(stats.norm.logcdf(0.3) + stats.norm.logsf(0.3))
