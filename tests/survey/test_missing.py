"""Missing cells as unknowns: the kernel against plain enumeration, its graph, and draws of completed predictors."""

import itertools

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats
from scipy.optimize import approx_fprime
from scipy.special import expit

from bayesgov.errors import InputError
from bayesgov.survey import missing_plan
from bayesgov.survey.design import MissingColumn, design_from_arrays
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.kernels.missing import marginal_log_likelihood as kernel
from bayesgov.survey.likelihood import log_probabilities
from bayesgov.survey.missing import (
    Whitened,
    completed_x,
    declare_predictors,
    marginal_log_likelihood,
    pointwise_log_likelihood,
)
from bayesgov.survey.missing_plan import plan_missing
from bayesgov.survey.spec import LINKS

KINDS = {
    1: ("continuous", ()),
    2: ("binary", (0.0, 1.0)),
    3: ("ordinal", (1.0, 2.0, 3.0)),
    4: ("ordinal", (0, 1, 2, 5)),
}
DISTRIBUTIONS = {
    "logit": expit,
    "probit": stats.norm.cdf,
    "cloglog": lambda e: -np.expm1(-np.exp(e)),
    "loglog": lambda e: np.exp(-np.exp(-e)),
    "cauchit": stats.cauchy.cdf,
}


def _design(n_obs, rate, seed=0, incomplete=tuple(KINDS)):
    rng = np.random.default_rng(seed)
    z = rng.multivariate_normal(np.zeros(5), 0.4 + 0.6 * np.eye(5), size=n_obs)
    codes = [np.digitize(z[:, 2], [0.0]), np.digitize(z[:, 3], [-0.5, 0.5]), np.digitize(z[:, 4], [-1, 0, 1])]
    values = [np.asarray(KINDS[j][1], float)[code] for j, code in zip((2, 3, 4), codes, strict=True)]
    x = np.column_stack([z[:, 0], 50 + 10 * z[:, 1], *values])
    eta = 0.5 * z[:, 0] + 0.5 * z[:, 1] + 0.8 * values[0] - 0.4 * values[1]
    y = np.digitize(eta + rng.logistic(size=n_obs), [-1, 0.5, 2.0])
    for j in incomplete:
        x[rng.random(n_obs) < rate, j] = np.nan
    missing = [MissingColumn(j, np.flatnonzero(np.isnan(x[:, j])), *KINDS[j]) for j in incomplete]
    weights = rng.integers(1, 4, n_obs).astype(float)
    return design_from_arrays(y, x, levels="abcd", terms=list("pqrst"), missing=missing, weights=weights)


@pytest.fixture(scope="module")
def design():
    return _design(50, 0.35)


@pytest.fixture(scope="module")
def plan(design):
    return plan_missing(design)


def _parameters(plan, seed=1):
    rng = np.random.default_rng(seed)
    n_obs, n_phi = plan.arrays.x.shape[0], int(plan.arrays.start[-1])
    phi = plan.centre[-n_phi:] + 0.2 * rng.normal(size=n_phi)
    slope = rng.normal(scale=0.5, size=len(plan.discrete))
    return [rng.normal(size=n_obs), np.array([-1, 0.2, 1.3]), slope, phi, rng.normal(size=len(plan.arrays.cell))]


def _level_probability(k, eta, own, n_levels):
    cuts = np.concatenate([[-np.inf], own[0] + np.cumsum([0, *np.exp(own[1 : n_levels - 1])]), [np.inf]])
    return expit(cuts[k + 1] - eta) - expit(cuts[k] - eta)


def _outcome_probability(family, link, y, eta, threshold):
    below = DISTRIBUTIONS[link](threshold - eta)
    if family == "cumulative":
        return np.diff([0.0, *below, 1.0])[y]
    if family == "continuation":
        return np.prod(1 - below[:y]) * (below[y] if y < below.size else 1.0)
    odds = np.concatenate([[1.0], np.cumprod((1 - below) / below)])
    return (odds / odds.sum())[y]


def _enumerated(design, plan, family, link, eta, threshold, slope, phi, cells):
    """Row probabilities by going through every combination of the missing cells."""
    arrays, first = plan.arrays, plan.arrays.x.shape[1] - len(plan.discrete)
    total = 0.0
    for i in range(design.n_obs):
        row = arrays.x[i].copy()
        row[arrays.cell[arrays.cell[:, 0] == i, 1]] = cells[arrays.cell[:, 0] == i]
        probability = 0.0
        for levels in itertools.product(
            *[range(n) if code < 0 else [code] for n, code in zip(arrays.n_levels, arrays.code[i], strict=True)]
        ):
            filled, predictor, term = row.copy(), eta[i], 1.0
            for d, k in enumerate(levels):
                filled[first + d] = arrays.support[d, k]
                predictor += slope[d] * arrays.outcome_value[d, k] * (arrays.code[i, d] < 0)
                own = phi[arrays.start[d] : arrays.start[d + 1]]
                n_levels = arrays.n_levels[d]
                term *= _level_probability(k, filled[: first + d] @ own[n_levels - 1 :], own, n_levels)
            probability += term * _outcome_probability(family, link, design.y[i], predictor, threshold)
        total += design.weights[i] * np.log(probability)
    return total


def _kernel(design, plan, family, link, parameters):
    return kernel(FAMILIES.index(family), LINKS.index(link), *parameters, design.y, design.weights, plan.arrays)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("link", LINKS)
def test_kernel_equals_enumeration(design, plan, family, link):
    assert plan.arrays.n_nodes == 24, "some row lacks all three discrete predictors"
    parameters = _parameters(plan)
    value, *gradient = _kernel(design, plan, family, link, parameters)
    # the enumeration differences distribution functions, which costs a few digits
    assert value == pytest.approx(_enumerated(design, plan, family, link, *parameters), rel=1e-11)
    sizes = np.cumsum([0, *[p.size for p in parameters]])

    def along(vector):
        return _kernel(design, plan, family, link, [vector[a:b] for a, b in itertools.pairwise(sizes)])[0]

    numerical = approx_fprime(np.concatenate(parameters), along, 1e-6)
    # one-sided differences with steps of 1e-6 on second derivatives of the order of the sample
    np.testing.assert_allclose(np.concatenate(gradient), numerical, atol=3e-4, rtol=1e-4)


def test_complete_data_factorise():
    complete = _design(40, 0.0)
    plan = plan_missing(complete)
    parameters = _parameters(plan)
    value, d_eta, *_ = _kernel(complete, plan, "cumulative", "logit", parameters)
    pointwise = log_probabilities(parameters[0], parameters[1])[np.arange(40), complete.y]
    arrays, predictors = plan.arrays, 0.0
    for d, own in enumerate(np.split(parameters[3], arrays.start[1:-1])):
        position, n_levels = 2 + d, arrays.n_levels[d]
        eta = arrays.x[:, :position] @ own[n_levels - 1 :]
        levels = [_level_probability(k, e, own, n_levels) for k, e in zip(arrays.code[:, d], eta, strict=True)]
        predictors += complete.weights @ np.log(levels)
    assert value == pytest.approx(complete.weights @ pointwise + predictors, rel=1e-12)
    eta = parameters[0]
    below = expit(np.append(parameters[1], np.inf)[complete.y] - eta)
    above = expit(np.concatenate([[-np.inf], parameters[1]])[complete.y] - eta)
    np.testing.assert_allclose(d_eta, complete.weights * (below + above - 1), atol=1e-12)


def test_extreme_parameters_stay_finite_or_are_refused(design, plan):
    parameters = _parameters(plan)
    parameters[3] = parameters[3] * 50
    value, *gradient = _kernel(design, plan, "cumulative", "logit", parameters)
    assert np.isfinite(value)
    assert all(np.isfinite(part).all() for part in gradient)
    parameters[0] = np.full(design.n_obs, 1e6)
    value, *gradient = _kernel(design, plan, "cumulative", "probit", parameters)
    assert value == -np.inf
    assert all(np.isfinite(part).all() for part in gradient)


def _model(design, plan):
    centre = np.nanmean(design.x, axis=0)
    with pm.Model(coords={"term": design.terms}) as model:
        predictors = declare_predictors(design, plan)
        beta = pm.Normal("beta", 0.0, 1.0, dims="term")
        cuts = pm.Normal("cuts", 0.0, np.float64(3.0), shape=3)
        eta = pt.as_tensor(np.nan_to_num(design.x - centre)) @ beta
        for j, values in predictors.values.items():
            rows = np.flatnonzero(np.isnan(design.x[:, j]))
            eta = pt.inc_subtensor(eta[rows], (values - centre[j]) * beta[j])
        log_likelihood = marginal_log_likelihood(
            plan, predictors, family="cumulative", link="logit", eta=eta, threshold=cuts, beta=beta,
            y=pt.as_tensor(design.y), weights=pt.as_tensor(design.weights), shift=centre,
        )  # fmt: skip
        pm.Potential("likelihood", log_likelihood)
    return model


def test_graph_equals_the_formulas_and_its_gradient_the_differences(design, plan):
    model = _model(design, plan)
    rng = np.random.default_rng(4)
    point = {name: rng.normal(scale=0.3, size=value.shape) for name, value in model.initial_point().items()}
    point["cuts"] = np.array([-1.0, 0.2, 1.3])
    function = model.logp_dlogp_function(ravel_inputs=True, mode="FAST_COMPILE")
    vector = np.concatenate([point[name].ravel() for name in model.initial_point()])
    value, gradient = function(vector)
    assert value == pytest.approx(_log_density(design, plan, point), rel=1e-11)
    numerical = approx_fprime(vector, lambda v: float(function(v)[0]), 1e-6)
    np.testing.assert_allclose(gradient, numerical, atol=1e-3, rtol=1e-4)


def _log_density(design, plan, point):
    """The model of :func:`_model`, written out with NumPy."""
    parameters = plan.centre + plan.factor @ point["predictor_parameter_whitened__"]
    density = stats.norm.logpdf(parameters, 0, plan.prior_sd).sum() + np.log(np.diag(plan.factor)).sum()
    density += stats.norm.logpdf(point["beta"]).sum() + stats.norm.logpdf(point["cuts"], 0, 3).sum()
    density += stats.norm.logpdf(point["innovation_q"]).sum()
    mean, sd = np.nanmean(design.x, axis=0), np.nanstd(design.x, axis=0)
    z = (design.x - mean) / sd
    located, spread = parameters[0] + parameters[1] * z[:, 0], np.exp(parameters[2])
    holes = np.isnan(z[:, 1])
    z[holes, 1] = located[holes] + spread * point["innovation_q"]
    # the Gaussian constant is left out of the potential
    gauss = stats.norm.logpdf(z[:, 1], located, spread) + 0.5 * np.log(2 * np.pi)
    density += design.weights[~holes] @ gauss[~holes]
    x = np.where(np.isnan(design.x), 0, design.x - mean)
    x[holes, 1] = z[holes, 1] * sd[1]
    columns = [column.column for column in plan.discrete]
    own = plan.arrays._replace(outcome_value=plan.arrays.outcome_value - mean[columns][:, None])
    phi = parameters[-int(plan.arrays.start[-1]) :]
    likelihood = _kernel(
        design,
        _With(own),
        "cumulative",
        "logit",
        [x @ point["beta"], point["cuts"], point["beta"][columns], phi, z[holes, 1]],
    )
    return density + likelihood[0]


class _With:
    def __init__(self, arrays):
        self.arrays = arrays


def test_a_second_derivative_is_refused(design, plan):
    beta = pt.vector("beta")
    with pm.Model():
        predictors = declare_predictors(design, plan)
        value = marginal_log_likelihood(
            plan, predictors, family="cumulative", link="logit", eta=pt.zeros(50), threshold=pt.as_tensor([-1.0, 0, 1]),
            beta=beta, y=pt.as_tensor(design.y), weights=pt.as_tensor(design.weights), shift=np.zeros(5),
        )  # fmt: skip
    with pytest.raises(NotImplementedError, match="second derivatives"):
        pytensor.grad(pytensor.grad(value, beta).sum(), beta)


def test_whitened_coordinates_are_a_change_of_coordinates():
    rng = np.random.default_rng(0)
    factor = np.tril(rng.normal(size=(3, 3))) + 3 * np.eye(3)
    transform = Whitened(rng.normal(size=3), factor)
    z = pt.as_tensor(rng.normal(size=3))
    np.testing.assert_allclose(transform.forward(transform.backward(z)).eval(), z.eval(), atol=1e-12)
    jacobian = np.linalg.slogdet(factor)[1]
    assert transform.log_jac_det(z).eval() == pytest.approx(jacobian, rel=1e-12)


def _draw(design, plan, seed=2):
    rng = np.random.default_rng(seed)
    return {
        "beta": np.array([0.3, 0.02, 1.5, -0.4, 0.2]),
        "threshold": np.array([-1.0, 0.5, 2.0]),
        "predictor_parameter": plan.centre,
    } | {f"missing_{design.factors[c.column]}": 50 + 10 * rng.normal(size=c.rows.size) for c in plan.continuous}


def test_completed_predictors_keep_what_was_observed(design, plan):
    draw = _draw(design, plan)
    x = completed_x(plan, design, draw, "cumulative", "logit", np.random.default_rng(0))
    observed = ~np.isnan(design.x)
    np.testing.assert_array_equal(x[observed], design.x[observed])
    np.testing.assert_array_equal(x[~observed[:, 1], 1], draw["missing_q"])
    for j, (_, support) in list(KINDS.items())[1:]:
        assert set(x[:, j]) <= set(support)
    again = completed_x(plan, design, draw, "cumulative", "logit", np.random.default_rng(0))
    np.testing.assert_array_equal(x, again)


def test_missing_cells_are_drawn_from_their_posterior():
    design = _design(300, 0.3, incomplete=(2, 3))
    plan = plan_missing(design)
    draw = _draw(design, plan)
    rng = np.random.default_rng(0)
    row = int(np.flatnonzero(np.isnan(design.x[:, 2:4]).all(axis=1))[0])
    counts, repetitions = np.zeros((2, 3)), 4000
    for _ in range(repetitions):
        x = completed_x(plan, design, draw, "cumulative", "logit", rng)
        counts[int(x[row, 2]), int(x[row, 3]) - 1] += 1
    weight = np.array([[_joint(design, plan, draw, row, a, b) for b in (1, 2, 3)] for a in (0, 1)])
    expected = repetitions * weight / weight.sum()
    # chi-squared over six cells: exceeded once in ten thousand
    assert np.sum((counts - expected) ** 2 / expected) < stats.chi2.isf(1e-4, 5)
    pointwise = pointwise_log_likelihood(plan, design, draw, "cumulative", "logit")
    prior = np.array([[_joint(design, plan, draw, row, a, b, False) for b in (1, 2, 3)] for a in (0, 1)])
    assert pointwise[row] == pytest.approx(np.log(weight.sum() / prior.sum()), rel=1e-10)
    kept = ~np.isnan(design.x).any(axis=1)
    eta = design.x[kept] @ draw["beta"]
    plain = log_probabilities(eta, draw["threshold"])[np.arange(kept.sum()), design.y[kept]]
    np.testing.assert_allclose(pointwise[kept], plain, rtol=1e-9)


def _joint(design, plan, draw, row, r, s, outcome=True):
    """P(y, r, s | the rest) of one row, from the plan's own parameters."""
    values = design.x[row].copy()
    values[2], values[3] = r, s
    z = (values[plan.sequence] - plan.location) / plan.spread
    total = 1.0
    if outcome:
        total = np.exp(log_probabilities(values @ draw["beta"], draw["threshold"]))[design.y[row]]
    for d, column in enumerate(plan.discrete):
        own = draw["predictor_parameter"][plan.arrays.start[d] : plan.arrays.start[d + 1]]
        n_levels, position = len(column.support), plan.n_complete + d
        level = int(np.searchsorted(column.support, values[column.column]))
        total *= _level_probability(level, z[:position] @ own[n_levels - 1 :], own, n_levels)
    return total


def test_starting_estimates_are_near_the_maximum():
    design = _design(2000, 0.1, seed=5)
    plan = plan_missing(design)
    assert len(plan.names) == plan.centre.size == plan.prior_sd.size
    assert plan.names[:3] == ("q: mean", "q ~ p", "q: log sd")
    n_phi = int(plan.arrays.start[-1])
    cells = np.zeros(len(plan.arrays.cell))
    parameters = [np.zeros(2000), np.array([-1, 0.2, 1.3]), np.zeros(3), plan.centre[-n_phi:], cells]
    unit = plan_missing(_design(2000, 0.0, seed=5)).factor  # standard errors with nothing missing
    gradient = _kernel(design, plan, "cumulative", "logit", parameters)[4]
    # gradient in standard errors: incomplete rows and weights of 1 to 3 move it, but not by orders
    scaled = plan.factor[-n_phi:, -n_phi:].T @ gradient
    assert np.all(np.abs(scaled) < 25)
    assert np.all(np.diag(plan.factor) < 4 * np.diag(unit))


def test_too_few_rows_fall_back_to_the_prior():
    design = _design(12, 0.3, seed=8)
    plan = plan_missing(design)
    assert np.isfinite(plan.centre).all()
    np.testing.assert_array_equal(np.diag(plan.factor)[plan.centre == 0], plan.prior_sd[plan.centre == 0])


def test_too_many_combinations_suggest_imputation(design, monkeypatch):
    monkeypatch.setattr(missing_plan, "MOST_COMBINATIONS", 20)
    with pytest.raises(InputError, match=r"row \d+ of the data lacks .* 24 combinations .* missing = \"impute\""):
        plan_missing(design)
    monkeypatch.undo()
    monkeypatch.setattr(missing_plan, "MOST_TERMS", 30)
    with pytest.raises(InputError, match="over all rows; at most 30"):
        plan_missing(design)
