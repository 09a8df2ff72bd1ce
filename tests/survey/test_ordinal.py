"""The ordinal likelihood: derivatives by finite differences, identities between families, constraints, chunks."""

import numpy as np
import pytest
from scipy.special import expit

from bayesgov.survey import ordinal
from bayesgov.survey.design import MissingColumn, design_from_arrays
from bayesgov.survey.likelihood import log_probabilities
from bayesgov.survey.ordinal import ordinal_problem
from bayesgov.survey.spec import LINKS


def random_design(seed, *, n=60, n_levels=4, n_terms=3, nominal=(), scale=False):
    rng = np.random.default_rng(seed)
    return design_from_arrays(
        np.concatenate([np.arange(n_levels), rng.integers(0, n_levels, n - n_levels)]),
        rng.normal(size=(n, n_terms)),
        levels=[f"l{k}" for k in range(n_levels)],
        terms=[f"x{j}" for j in range(n_terms)],
        weights=rng.uniform(0.5, 3, n),
        offset=0.3 * rng.normal(size=n),
        nominal=nominal,
        scale_x=rng.normal(size=(n, 2)) if scale else None,
        scale_terms=("s0", "s1") if scale else (),
    )


def start(problem, seed):
    """Random parameters with thresholds that stay in order for every row."""
    rng = np.random.default_rng(seed)
    size = len(problem.names)
    parameters = 0.2 * rng.normal(size=size)
    n_alpha = sum(not name.startswith(("beta", "departure", "log_scale")) for name in problem.names)
    cuts = problem.expand[: problem.design.n_categories - 1, :n_alpha]
    parameters[:n_alpha] = np.linalg.lstsq(cuts, 1.5 * np.arange(len(cuts)) - 2 + 0.1, rcond=None)[0]
    departures = [k for k, name in enumerate(problem.names) if name.startswith("departure")]
    parameters[departures] *= 0.2
    return parameters


CASES = [
    *(("cumulative", link, "flexible", (), False) for link in LINKS),
    *(("cumulative", link, "flexible", (0, 2), True) for link in LINKS),
    ("cumulative", "logit", "equidistant", (), True),
    ("cumulative", "probit", "symmetric", (), False),
    *(("adjacent", link, "flexible", (1,), False) for link in LINKS),
    *(("continuation", link, "flexible", (1,), False) for link in LINKS),
]


@pytest.mark.parametrize(("family", "link", "thresholds", "nominal", "scale"), CASES)
@pytest.mark.parametrize("n_levels", [2, 3, 5])
def test_derivatives_by_finite_differences(family, link, thresholds, nominal, scale, n_levels):
    design = random_design(n_levels, n_levels=n_levels, nominal=nominal, scale=scale)
    problem = ordinal_problem(design, family=family, link=link, thresholds=thresholds)
    parameters = start(problem, 1)
    found = problem.evaluate(parameters)
    assert np.isfinite(found.value)
    assert np.all(np.isfinite(found.hessian))
    step = 1e-5 * np.eye(parameters.size)
    raised = [problem.evaluate(parameters + row) for row in step]
    dropped = [problem.evaluate(parameters - row) for row in step]
    gradient = np.array([up.value - down.value for up, down in zip(raised, dropped, strict=True)]) / 2e-5
    hessian = np.array([up.gradient - down.gradient for up, down in zip(raised, dropped, strict=True)]) / 2e-5
    # central differences: truncation and rounding are both below 1e-8 of the largest entry
    np.testing.assert_allclose(found.gradient, gradient, atol=1e-8 * max(1, np.abs(found.value)))
    np.testing.assert_allclose(found.hessian, hessian, atol=2e-8 * np.abs(hessian).max())
    np.testing.assert_allclose(found.hessian, found.hessian.T, rtol=1e-12, atol=1e-12)


def test_symmetric_thresholds_of_odd_number_are_symmetric():
    problem = ordinal_problem(random_design(3, n_levels=6), thresholds="symmetric")
    assert problem.names[:3] == ("central", "spacing.1", "spacing.2")
    cuts = problem.unpack(np.array([0.5, 1.0, 3.0, 0, 0, 0])).threshold
    np.testing.assert_allclose(cuts, [-2.5, -0.5, 0.5, 1.5, 3.5])


def test_departures_sum_to_zero():
    problem = ordinal_problem(random_design(3, n_levels=5, nominal=(0, 2)))
    values = problem.unpack(np.arange(float(len(problem.names))))
    np.testing.assert_allclose(values.departure.sum(axis=1), 0, atol=1e-14)
    assert values.departure.shape == (2, 4)
    assert problem.names[-1] == "departure[x2, l2|l3]"
    assert problem.full_names[-1] == "departure[x2, l3|l4]"


def test_logit_equals_the_grouped_likelihood():
    design = random_design(9)
    problem = ordinal_problem(design)
    parameters = start(problem, 2)
    eta = design.offset + design.x @ parameters[3:]
    expected = log_probabilities(eta, parameters[:3])[np.arange(design.n_obs), design.y]
    np.testing.assert_allclose(problem.pointwise(parameters), expected, rtol=1e-12)
    assert problem.evaluate(parameters).value == pytest.approx(design.weights @ expected, rel=1e-12)


def test_adjacent_logit_is_the_multinomial_with_linear_scores():
    design = random_design(4)
    problem = ordinal_problem(design, family="adjacent")
    parameters = start(problem, 3)
    eta = design.offset + design.x @ parameters[3:]
    heights = np.column_stack([k * eta - parameters[:3][:k].sum() for k in range(4)])
    expected = np.exp(heights) / np.exp(heights).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(problem.probabilities(parameters), expected, rtol=1e-12)


def test_continuation_is_a_chain_of_binary_choices():
    design = random_design(4)
    problem = ordinal_problem(design, family="continuation")
    parameters = start(problem, 3)
    stop = expit(parameters[:3] - (design.offset + design.x @ parameters[3:])[:, None])
    staying = np.column_stack([np.ones(design.n_obs), np.cumprod(1 - stop, axis=1)])
    expected = staying * np.column_stack([stop, np.ones(design.n_obs)])
    np.testing.assert_allclose(problem.probabilities(parameters), expected, rtol=1e-12)


@pytest.mark.parametrize("family", ["adjacent", "continuation"])
@pytest.mark.parametrize("link", LINKS)
def test_families_are_one_for_two_levels(family, link):
    design = random_design(4, n_levels=2)
    parameters = np.array([0.3, 0.1, -0.2, 0.4])
    one = ordinal_problem(design, family=family, link=link).pointwise(parameters)
    two = ordinal_problem(design, link=link).pointwise(parameters)
    np.testing.assert_allclose(one, two, rtol=1e-12)


def test_cloglog_continuation_is_cumulative_in_other_thresholds():
    # Laara & Matthews 1985: exp(threshold_k) of one is the sum up to k of exp(threshold_j) of the other
    design = random_design(4)
    parameters = np.array([-1.0, -0.5, 0.3, 0.1, -0.2, 0.4])
    cumulative = np.concatenate([np.log(np.cumsum(np.exp(parameters[:3]))), parameters[3:]])
    one = ordinal_problem(design, family="continuation", link="cloglog").pointwise(parameters)
    two = ordinal_problem(design, link="cloglog").pointwise(cumulative)
    np.testing.assert_allclose(one, two, rtol=1e-12)


@pytest.mark.parametrize("family", ["adjacent", "continuation", "cumulative"])
@pytest.mark.parametrize("link", LINKS)
def test_probabilities_match_pointwise(family, link):
    design = random_design(6, nominal=(1,), scale=family == "cumulative")
    problem = ordinal_problem(design, family=family, link=link)
    parameters = start(problem, 5)
    table = problem.probabilities(parameters)
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-12)
    picked = np.log(table[np.arange(design.n_obs), design.y])
    np.testing.assert_allclose(problem.pointwise(parameters), picked, rtol=1e-9)


def test_scores_add_up_to_the_gradient():
    design = random_design(6, nominal=(1,), scale=True)
    problem = ordinal_problem(design, link="probit")
    parameters = start(problem, 5)
    total = sum(design.weights[rows] @ scores for rows, scores in problem.scores(parameters))
    np.testing.assert_allclose(total, problem.evaluate(parameters).gradient, rtol=1e-10, atol=1e-10)


def test_chunks_do_not_matter(monkeypatch):
    design = random_design(8, nominal=(0,), scale=True)
    parameters = start(ordinal_problem(design), 1)
    whole = ordinal_problem(design).evaluate(parameters)
    monkeypatch.setattr(ordinal, "_CHUNK", 7)
    pieces = ordinal_problem(design).evaluate(parameters)
    assert pieces.value == pytest.approx(whole.value, rel=1e-13)
    np.testing.assert_allclose(pieces.hessian, whole.hessian, rtol=1e-10, atol=1e-10)


def test_thresholds_out_of_order_are_impossible():
    problem = ordinal_problem(random_design(2))
    assert problem.evaluate(np.array([0.0, -1.0, 1.0, 0, 0, 0])).value == -np.inf


def test_what_the_likelihood_cannot_take_is_said():
    design = random_design(2, nominal=(0,))
    with pytest.raises(ValueError, match="nominal effects need flexible thresholds; got 'symmetric'"):
        ordinal_problem(design, thresholds="symmetric")
    with pytest.raises(ValueError, match="need the cumulative family; got 'adjacent'"):
        ordinal_problem(design, family="adjacent", thresholds="equidistant")
    gaps = design_from_arrays(
        design.y,
        design.x,
        levels=design.levels,
        terms=design.terms,
        missing=[MissingColumn(1, np.array([0]), "continuous", ())],
    )
    with pytest.raises(ValueError, match="x1 have missing cells"):
        ordinal_problem(gaps)
