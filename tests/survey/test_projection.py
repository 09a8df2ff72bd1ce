"""Projection: exactness, monotone divergence, recovery of a sparse truth."""

import json
from dataclasses import replace
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.optimize import minimize
from survey.ordinal_draws import asymptotic_draws

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.likelihood import log_likelihood
from bayesgov.survey.predictive import block_of_draws, outcome_log_probability, pointwise_log_likelihood, thinned
from bayesgov.survey.projection import project_posterior, select
from bayesgov.survey.projector import Reference, Submodel, divergence, project, submodel_distance
from bayesgov.survey.response import probabilities
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import LINKS, CumulativeSpec

TESTS = Path(__file__).parents[1]
LOGIT = CumulativeSpec(formula="y ~ x")


@pytest.fixture(scope="module")
def grouped():
    """Three of six predictors matter; twelve villages."""
    design = benchmark_design(1500, 6, 4, 12, seed=3).design
    return design, asymptotic_draws(design, seed=4, draws=60)


@pytest.fixture(scope="module")
def path(grouped):
    return select(*grouped, LOGIT, search_draws=8, evaluation_draws=200)


def test_full_model_is_its_own_projection(grouped):
    design, posterior = grouped
    projected = project_posterior(design, posterior, LOGIT, design.factors, draws=40)
    reference = thinned(posterior, 40)
    for name in ("threshold", "beta", "group_effect"):
        np.testing.assert_allclose(projected[name], reference[name], atol=1e-10)


def test_full_model_is_found_from_afar(grouped):
    """The search and the evaluation start elsewhere than at the answer."""
    design, posterior = grouped
    values = block_of_draws(posterior, design)
    eta = design.x @ values.beta[0] + values.group_effect[0][design.group]
    distance = values.threshold[0][:, None] - eta
    below = 1 / (1 + np.exp(-distance))
    reference = Reference(np.diff(below, axis=0, prepend=0, append=1), design.offset)
    submodel = Submodel(LOGIT, 4, design.x, design.group, 12, design.weights)
    truth = np.concatenate([values.threshold[0], values.beta[0], values.group_effect[0]])
    found = project(submodel, reference, np.concatenate([[-1.0, 0, 1], np.zeros(6 + 12)]))
    assert found.converged
    # a decrement of 1e-8 nats leaves at most 1e-4 standard errors, and these are about 0.05
    np.testing.assert_allclose(found.parameters, truth, atol=5e-6)


def test_projection_maximises_the_likelihood_of_fractional_counts():
    """The same maximum as a general optimiser's, for a submodel that cannot reproduce the reference."""
    rng = np.random.default_rng(5)
    x, probability = rng.normal(size=(40, 2)), rng.dirichlet(np.ones(3), size=40)
    weights = rng.integers(1, 4, size=40).astype(float)
    submodel = Submodel(LOGIT, 3, x, np.zeros(40, dtype=int), 0, weights)
    found = project(submodel, Reference(probability.T, np.full(40, 0.3)), np.array([-0.5, 0.5, 0, 0]))

    def objective(theta):
        return -log_likelihood(weights[:, None] * probability, 0.3 + x @ theta[2:], theta[:2]).value

    best = minimize(objective, [-0.5, 0.5, 0, 0], tol=1e-12)
    np.testing.assert_allclose(found.parameters, best.x, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "link", "columns", "with_judges"),
    [
        ("logit_warm", "logit", [0], False),
        ("logit_none", "logit", [], False),
        ("logit_warm_judge", "logit", [0], True),
        ("probit_yes", "probit", [1], False),
        ("cloglog_warm", "cloglog", [0], False),
    ],
)
def test_agrees_with_clm_on_augmented_data(name, link, columns, with_judges):
    """R repeats every row once for each category, weighted by its reference probability: reference/projection.R."""
    expected = json.loads((TESTS / "reference" / "projection.json").read_text())[name]
    wine = pd.read_csv(TESTS.parent / "models" / "survey" / "data" / "wine.csv")
    x = np.column_stack([wine["temp"] == "warm", wine["contact"] == "yes"]).astype(float)
    judge = wine["judge"].to_numpy() - 1
    effect = np.array([1.2, -0.4, 0.7, -0.1, 0.5, 0.9, -1.4, -0.2, -1.2])
    distance = np.array([-1.3, 1.2, 3.4, 5.0])[:, None] - x @ [2.5, 1.5] - effect[judge]
    response = CumulativeSpec(formula="y ~ x", link=link)
    reference = Reference(probabilities(response, distance), np.zeros(72))
    submodel = Submodel(response, 5, x[:, columns], judge, 9 * with_judges, np.ones(72))
    found = project(submodel, reference, np.r_[-1.0, 0, 1, 2, np.zeros(len(columns) + 9 * with_judges)])
    threshold, slopes, judges = np.split(found.parameters, [4, 4 + len(columns)])
    if with_judges:
        # R's first judge is the reference level; here the judges' effects keep the sum of the start
        assert judges.sum() == pytest.approx(0, abs=1e-10)
        threshold, slopes = threshold - judges[0], np.r_[slopes, judges[1:] - judges[0]]
    # clm was iterated to a gradient of 1e-12, the projection to 1e-4 standard errors or better
    np.testing.assert_allclose(threshold, expected["threshold"], atol=2e-5)
    np.testing.assert_allclose(slopes, expected["beta"], atol=2e-5)
    level = probabilities(response, submodel_distance(submodel, reference, found.parameters))
    assert divergence(submodel, reference, level) == pytest.approx(expected["kl"], abs=1e-9)


def test_sparse_truth_is_found(path):
    assert set(path.suggested_terms) == {"x1", "x3", "x5"}
    assert set(path.terms[:3]) == {"x1", "x3", "x5"}
    assert all(check.status == "pass" for check in path.checks)


def test_divergence_falls_to_zero(path):
    assert np.all(np.diff(path.kl) < 0)
    assert path.kl[-1] < 1e-10
    assert path.elpd_difference[-1] == pytest.approx(0, abs=1e-3)
    assert path.rps_difference[-1] == pytest.approx(0, abs=1e-6)


def test_frame_reports_what_the_path_holds(path):
    frame = path.frame()
    assert list(frame["term"]) == ["", *path.terms]
    assert frame.loc[frame["suggested"], "size"].tolist() == [path.suggested_size]
    # the rule: the first size whose elpd comes within a standard error of the reference's
    near = frame["elpd_difference"] + frame["elpd_difference_se"] >= 0
    assert frame["size"][near].iloc[0] == path.suggested_size


def test_reference_elpd_is_that_of_loo(grouped, path):
    design, posterior = grouped
    kept = thinned(posterior, 200)
    density = pointwise_log_likelihood(design, kept, LOGIT).to_dataset(name="y")
    tree = xr.DataTree.from_dict({"posterior": kept, "log_likelihood": density})
    assert path.reference_elpd == pytest.approx(az.loo(tree, reff=1.0).elpd, abs=1e-6)


def test_merged_rows_give_the_same_path(grouped):
    """Binary predictors: rows, and rows merged into frequency weights."""
    rng = np.random.default_rng(8)
    x = rng.integers(2, size=(600, 3)).astype(float)
    y = np.digitize(x @ [1.0, 0, -0.8] + rng.logistic(size=600), [-0.5, 1.0])
    rows = design_from_arrays(y, x, levels="abc", terms=("u", "v", "w"))
    posterior = asymptotic_draws(rows, seed=1, draws=25)
    distinct, weights = np.unique(np.column_stack([x, y]), axis=0, return_counts=True)
    merged = design_from_arrays(
        distinct[:, 3].astype(int), distinct[:, :3], levels="abc", terms=("u", "v", "w"), weights=weights.astype(float)
    )
    one, other = (select(design, posterior, LOGIT, search_draws=4) for design in (rows, merged))
    assert one.terms == other.terms
    assert set(one.suggested_terms) == {"u", "w"}
    for name in ("kl", "elpd", "elpd_se", "elpd_difference", "elpd_difference_se", "rps", "rps_difference_se"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9)


def test_interaction_waits_for_its_parts():
    rng = np.random.default_rng(9)
    main = rng.normal(size=(300, 2))
    x = np.column_stack([main, main[:, 0] * main[:, 1]])
    # the interaction alone carries the outcome, and still comes last
    y = np.digitize(2 * x[:, 2] + rng.logistic(size=300), [-1.0, 1.0])
    design = design_from_arrays(y, x, levels="abc", terms=("u", "v", "u:v"))
    found = select(design, asymptotic_draws(design, seed=1, draws=10), LOGIT, search_draws=4)
    assert found.terms[-1] == "u:v"


def test_factors_enter_whole():
    rng = np.random.default_rng(10)
    x = np.column_stack([np.eye(3)[rng.integers(3, size=400)][:, 1:], rng.normal(size=400)])
    y = np.digitize(x @ [1.0, -1.0, 0.2] + rng.logistic(size=400), [-1.0, 1.0])
    terms = ("f[b]", "f[c]", "z")
    design = design_from_arrays(y, x, levels="abc", terms=terms, factors=("f", "f", "z"))
    posterior = asymptotic_draws(design, seed=1, draws=10)
    found = select(design, posterior, LOGIT, search_draws=4, max_size=1)
    assert found.terms == ("f",)
    projected = project_posterior(design, posterior, LOGIT, ("f",), draws=None)
    assert np.all(projected["beta"].sel(term="z") == 0)
    assert np.all(projected["beta"].sel(term="f[b]") != 0)


@pytest.mark.parametrize(
    ("family", "link"), [*(("cumulative", link) for link in LINKS), ("adjacent", "logit"), ("continuation", "cloglog")]
)
def test_every_family_projects_onto_itself(family, link):
    rng = np.random.default_rng(11)
    response = CumulativeSpec(formula="y ~ x", family=family, link=link)
    x, truth = rng.normal(size=(200, 2)), np.array([-0.8, 0.1, 0.9, 0.5, -0.4])
    reference = Reference(probabilities(response, truth[:3, None] - x @ truth[3:]), np.zeros(200))
    submodel = Submodel(response, 4, x, np.zeros(200, dtype=int), 0, np.ones(200))
    found = project(submodel, reference, np.array([-0.5, 0, 0.5, 0, 0]))
    assert found.converged
    np.testing.assert_allclose(found.parameters, truth, atol=1e-5)


def test_scale_model_is_kept():
    rng = np.random.default_rng(12)
    x = rng.normal(size=(300, 2))
    y = np.digitize(x[:, 0] + rng.logistic(size=300), [-1.0, 0.2, 1.0])
    plain = design_from_arrays(y, x, levels="abcd", terms=("u", "v"))
    posterior = asymptotic_draws(plain, seed=1, draws=5)
    posterior["log_scale"] = (("chain", "draw", "scale_term"), rng.normal(0, 0.2, size=(4, 5, 1)))
    design = replace(plain, scale_x=x[:, 1:], scale_terms=("v",))
    projected = project_posterior(design, posterior, LOGIT, ("u", "v"), draws=None)
    for name in ("threshold", "beta", "log_scale"):
        np.testing.assert_allclose(projected[name], posterior[name], atol=1e-6)


def test_what_cannot_be_projected_is_named(grouped):
    design, posterior = grouped
    with pytest.raises(ValueError, match="nominal effects has no projection"):
        select(replace(design, nominal=(0,)), posterior, LOGIT)
    with pytest.raises(ValueError, match=r"factors takes factors of the model, x1, .*; got z"):
        project_posterior(design, posterior, LOGIT, ("z",))


def test_extreme_probabilities_do_not_break_the_log_density(grouped):
    design, posterior = grouped
    far = posterior.assign(beta=posterior["beta"] + 30)
    assert np.isfinite(outcome_log_probability(design, block_of_draws(far, design), LOGIT)).all()


@pytest.mark.slow
def test_truth_at_the_studys_size_within_a_minute():
    simulated = benchmark_design(seed=1)
    posterior = asymptotic_draws(simulated.design, seed=1, draws=250)
    found = select(simulated.design, posterior, LOGIT)
    assert set(found.suggested_terms) == {f"x{i + 1}" for i in np.flatnonzero(simulated.beta)}
