"""The operation, the plain graph and the compiled kernel are one likelihood."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from bayesgov.survey.kernels.data import kernel_data
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.kernels.likelihood import evaluate_general
from bayesgov.survey.op import log_likelihood, log_likelihood_graph
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import LINKS

N_CUTS = 3


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    data = kernel_data(benchmark_design(50, 3, 4, 5, seed=2).design)
    weights, scale_x = rng.uniform(0.5, 2, data.n_rows), rng.normal(size=(1, data.n_rows))
    return (data.x, data.starts, weights, data.group, np.array([0, 2]), scale_x), data.y


def _values(special):
    rng = np.random.default_rng(9)
    return (
        np.array([0.1, -0.05, 0.08]),
        np.array([-0.6, 0.4, 1.3]),
        0.3 * rng.normal(size=5),
        0.02 * rng.normal(size=(2, N_CUTS)) if special else np.empty((0, N_CUTS)),
        np.array([0.2]) if special else np.empty(0),
    )


def _without(data):
    """Data without nominal effects and scale model."""
    return (*data[:4], np.empty(0, dtype=np.int64), np.empty((0, data[3].size)))


def _both(data, y, family, link, special, mode):
    """Value and gradients in offset and parameters by the operation and by the plain graph."""
    parameters = [pt.vector() if i != 3 else pt.matrix() for i in range(5)]
    offset = pt.vector()
    inputs = [pt.as_tensor(array) for array in data]
    made = log_likelihood(family, link, inputs, offset, parameters, moving_offset=True, plain=not special)
    plain = log_likelihood_graph(family, link, inputs, offset, parameters, pt.as_tensor(y))
    used = [offset, *(parameters if special else parameters[:3])]
    outputs = [[value, *pytensor.grad(value, used)] for value in (made, plain)]
    function = pytensor.function([offset, *parameters], [*outputs[0], *outputs[1]], mode=mode, on_unused_input="ignore")
    results = function(np.linspace(-0.2, 0.2, y.size), *_values(special))
    return results[: len(outputs[0])], results[len(outputs[0]) :]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("link", LINKS)
def test_operation_is_the_plain_graph(rows, family, link):
    data, y = rows
    made, plain = _both(data, y, family, link, True, "FAST_COMPILE")
    # the graph's normal distribution function is PyMC's, accurate to 1e-8 in the tails
    tolerance = 1e-6 if link == "probit" else 1e-10
    for left, right in zip(made, plain, strict=True):
        np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)
    offset, parameters = np.linspace(-0.2, 0.2, y.size), _values(True)
    kernel = evaluate_general(FAMILIES.index(family), LINKS.index(link), True, *data, offset, *parameters)
    for left, right in zip(made, kernel, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-14)


@pytest.mark.parametrize("special", [False, True], ids=["fast path", "general"])
def test_operation_in_compiled_code_is_the_kernel(rows, special):
    data, y = rows
    data = data if special else _without(data)
    beta, values = pt.vector(), _values(special)
    parameters = [beta, *(pt.as_tensor(value) for value in values[1:])]
    inputs = [pt.as_tensor(array) for array in data]
    value = log_likelihood(
        "cumulative", "logit", inputs, pt.zeros(y.size), parameters, moving_offset=False, plain=not special
    )
    compiled = pytensor.function([beta], [value, pytensor.grad(value, beta)], mode="NUMBA")
    kernel = evaluate_general(0, 0, False, *data, np.zeros(y.size), *values)
    for got, expected in zip(compiled(values[0]), (kernel[0], kernel[2]), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-11)


def test_weights_may_be_absent_in_the_plain_graph(rows):
    data, y = rows
    ones = (*data[:2], np.ones(y.size), *data[3:])
    none = (*data[:2], np.empty(0), *data[3:])
    values = [
        log_likelihood_graph(
            "cumulative", "logit", [pt.as_tensor(a) for a in chosen], pt.zeros(y.size),
            [pt.as_tensor(v) for v in _values(True)], pt.as_tensor(y),
        ).eval(mode="FAST_COMPILE")
        for chosen in (ones, none)
    ]  # fmt: skip
    assert values[0] == values[1]


def test_data_have_no_derivative(rows):
    data, y = rows
    x, offset = pt.matrix(), pt.zeros(y.size)
    inputs = [x, *(pt.as_tensor(array) for array in data[1:])]
    parameters = [pt.as_tensor(value) for value in _values(True)]
    value = log_likelihood("cumulative", "logit", inputs, offset, parameters, moving_offset=False, plain=False)
    with pytest.raises(pytensor.gradient.DisconnectedInputError):
        pytensor.grad(value, x)


def test_second_derivatives_are_refused(rows):
    data, y = rows
    beta = pt.vector()
    inputs = [pt.as_tensor(array) for array in data]
    parameters = [beta, *(pt.as_tensor(value) for value in _values(True)[1:])]
    offset = pt.zeros(y.size)
    value = log_likelihood("cumulative", "logit", inputs, offset, parameters, moving_offset=False, plain=False)
    slope = pytensor.grad(value, beta)
    with pytest.raises(NotImplementedError, match="second derivatives"):
        pytensor.grad(slope.sum(), beta)
