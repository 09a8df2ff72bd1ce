"""The Lasso's penalty as a prior: the mode, the effective number of coefficients, the implied R²."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize
from scipy.special import expit, hyperu

from bayesgov.errors import InputError
from bayesgov.sampling import SamplingOptions
from bayesgov.survey.dial import effective_number, implied_mcfadden, lasso_prior_dial, with_laplace
from bayesgov.survey.frequentist.lasso_ordinal import ordinal_path
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CumulativeSpec

SPEC = CumulativeSpec(formula="y ~ x")
FEW = SamplingOptions(seed=1, chains=2, draws=300, tune=150, target_accept=0.8)


@cache
def design():
    return benchmark_design(250, 4, 3, 0, seed=4).design


@pytest.fixture(scope="module")
def dial():
    return lasso_prior_dial(SPEC, design(), options=FEW)


@pytest.mark.parametrize("penalty", [0.005, 0.03, 0.1])
def test_the_lasso_is_the_mode_of_the_posterior(penalty):
    """log-likelihood + log Laplace(0, 1 / (N lambda)), written out anew and maximised by another method."""
    rows = design()
    mean, deviation = rows.x.mean(axis=0), rows.x.std(axis=0)
    z, n_terms, scale = (rows.x - mean) / deviation, rows.n_terms, 1 / (rows.n_obs * penalty)

    def minus_log_posterior(point):
        # b = up - down with both above zero makes |b| smooth at the optimum
        up, down = point[2 : 2 + n_terms], point[2 + n_terms :]
        edges = np.array([-np.inf, point[0], point[0] + np.exp(point[1]), np.inf])
        eta = z @ (up - down)
        chance = expit(edges[rows.y + 1] - eta) - expit(edges[rows.y] - eta)
        return -np.log(chance).sum() - stats.laplace.logpdf(up + down, scale=scale).sum()

    start = np.concatenate([[-0.7, 0.3], np.full(2 * n_terms, 0.1)])
    bounds = [(None, None)] * 2 + [(0, None)] * (2 * n_terms)
    mode = minimize(minus_log_posterior, start, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-8})
    found = (mode.x[2 : 2 + n_terms] - mode.x[2 + n_terms :]) / deviation
    lasso = ordinal_path(rows, lambdas=np.array([penalty])).coefficients[0]
    np.testing.assert_allclose(found, lasso, atol=2e-4)
    assert (penalty < 0.1) or (lasso == 0).any()


def test_the_prior_that_is_sampled_is_that_one():
    chosen = with_laplace(SPEC.model_copy(update={"prior": SPEC.prior.model_copy(update={"kind": "r2d2"})}), 0.25).prior
    assert (chosen.kind, chosen.scale, chosen.by_factor, chosen.standardise) == ("laplace", 0.25, False, True)


def test_effective_number_with_orthogonal_predictors_has_a_closed_form():
    """E[1 - 1 / (1 + I v)] for v = 2 s² E, E ~ Exponential(1), is 1 - a e^a E1(a) with a = 1 / (2 s² I)."""
    information, scale, draws = 40.0, 0.1, 200_000
    rng = np.random.default_rng(1)
    variance = 2 * scale**2 * rng.exponential(size=(draws, 1))
    found = effective_number(np.diag([information]), variance)
    a = 1 / (2 * scale**2 * information)
    expected = 1 - a * hyperu(1, 1, a)
    assert found.mean() == pytest.approx(expected, abs=4 * found.std() / np.sqrt(draws))


def test_effective_number_is_the_trace_of_a_ridge_hat_matrix():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, 3)) @ np.array([[1, 0.8, 0], [0, 0.6, 0.5], [0, 0, 1]])
    variance = np.array([0.01, 0.3, 2.0])
    hat = x @ np.linalg.solve(x.T @ x + np.diag(1 / variance), x.T)
    assert effective_number(x.T @ x, variance) == pytest.approx(np.trace(hat), rel=1e-12)
    assert effective_number(x.T @ x, np.full(3, 1e12)) == pytest.approx(3, abs=1e-8)
    assert effective_number(x.T @ x, np.zeros(3)) == 0


def test_implied_r_squared_is_what_many_outcomes_give():
    rng = np.random.default_rng(3)
    chance = rng.dirichlet([0.5, 1, 2], size=200)
    implied = implied_mcfadden(chance[None], np.ones(200))[0]
    rows = np.repeat(np.arange(200), 2000)
    y = (rng.random((rows.size, 1)) > np.cumsum(chance[rows], axis=1)).sum(axis=1)
    own = np.log(chance[rows, y])
    null = np.log(np.bincount(y) / y.size)[y]
    assert implied == pytest.approx(1 - own.sum() / null.sum(), abs=0.005)
    same = np.tile([0.2, 0.3, 0.5], (1, 10, 1))
    assert implied_mcfadden(same, np.ones(10))[0] == pytest.approx(0, abs=1e-12)
    assert implied_mcfadden(np.eye(3)[None], np.ones(3))[0] == pytest.approx(1)
    assert implied_mcfadden(np.array([[[1.0, 0], [1, 0]]]), np.ones(2))[0] == 0


def test_the_dial_turns_from_nothing_to_the_likelihood(dial):
    table = dial.table
    assert (table["scale"] == 1 / (250 * table["lambda"])).all()
    for name, sign in (("scale", 1), ("effective_prior", 1), ("mcfadden_median", 1), ("lasso_mcfadden", 1)):
        assert (sign * np.diff(table[name]) > 0).all(), name
    assert table["effective_prior"].iloc[0] < 1.5
    assert table[["effective_prior", "effective_posterior"]].iloc[-1].between(3.7, 4.0).all()
    assert table["lasso_nonzero"].iloc[-1] == 4
    assert (table["mcfadden_lower"] < table["mcfadden_median"]).all()
    assert {check.status for check in dial.checks} == {"pass"}


def test_posterior_and_lasso_agree_where_the_penalty_is_weak(dial):
    weakest = dial.path[dial.path["lambda"] == dial.path["lambda"].min()]
    width = weakest["upper"] - weakest["lower"]
    assert (np.abs(weakest["median"] - weakest["lasso"]) < 0.1 * width).all()
    strongest = dial.path[dial.path["lambda"] == dial.path["lambda"].max()]
    # medians are not zero where the mode is
    assert (strongest.loc[strongest["lasso"] == 0, "median"] != 0).all()
    assert (strongest["median"].abs() < weakest["median"].abs().max()).all()


def test_rows_and_penalties_of_the_user(wine):
    spec = CumulativeSpec(formula="rating ~ temp + contact + (1|judge)")
    found = lasso_prior_dial(spec, wine, np.array([0.01, 0.1]), options=FEW)
    assert found.table["lambda"].tolist() == [0.1, 0.01]
    assert set(found.path["term"]) == {"temp[warm]", "contact[yes]"}
    assert found.table["scale"].tolist() == pytest.approx([1 / 7.2, 1 / 0.72])


@pytest.fixture
def wine():
    from bayesgov.study import models_folder

    return pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")


@pytest.mark.parametrize(
    ("changes", "lambdas", "line"),
    [
        ({}, np.array([0.1, 0.0]), "a penalty of zero has no prior"),
        ({"thresholds": "equidistant"}, None, 'needs thresholds = "flexible"'),
        ({"formula": "rating ~ 1"}, None, "needs a predictor"),
    ],
)
def test_what_has_no_dial_is_refused(wine, changes, lambdas, line):
    spec = CumulativeSpec(**({"formula": "rating ~ temp"} | changes))
    with pytest.raises(InputError, match=line):
        lasso_prior_dial(spec, wine, lambdas, options=FEW)


def test_a_design_without_rows_of_a_level_has_no_dial():
    rows = design()
    with pytest.raises(InputError, match="an observation of every level of y"):
        lasso_prior_dial(SPEC, rows.take(rows.y < 2), options=FEW)
