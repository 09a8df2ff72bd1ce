"""Leave-one-out and K-fold: against ArviZ, against exact conjugate answers, and by what the refits are given."""

from dataclasses import replace

import arviz as az
import numpy as np
import pytest
import xarray as xr
from scipy.special import expit, logit
from survey.ordinal_draws import asymptotic_draws

from bayesgov.survey.bayesian.loo import kfold, loo, refit_failing, relative_efficiency
from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.predictive import pointwise_log_likelihood
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CumulativeSpec

LOGIT = CumulativeSpec(formula="y ~ x")
COUNTS = np.array([12, 30, 18, 5])


@pytest.fixture(scope="module")
def grouped():
    design = benchmark_design(400, 3, 4, 8, seed=3).design
    return design, asymptotic_draws(design, seed=4, draws=100)


@pytest.fixture(scope="module")
def saturated():
    """No predictors and a flat Dirichlet prior: the posterior of the shares is Dirichlet(1 + counts)."""
    shares = np.random.default_rng(1).dirichlet(1 + COUNTS, size=(4, 2000))
    posterior = xr.Dataset({"threshold": (("chain", "draw", "cut"), logit(shares.cumsum(axis=-1)[..., :-1]))})
    y = np.repeat(np.arange(4), COUNTS)
    return design_from_arrays(y, np.zeros((y.size, 0)), levels="abcd", terms=()), posterior


def test_agrees_with_arviz(grouped):
    design, posterior = grouped
    found = loo(design, posterior, LOGIT)
    density = pointwise_log_likelihood(design, posterior, LOGIT).to_dataset(name="y")
    tree = xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": density})
    theirs = az.loo(tree, reff=relative_efficiency(posterior), pointwise=True)
    assert found.elpd == pytest.approx(theirs.elpd, abs=1e-8)
    assert found.effective_parameters == pytest.approx(theirs.p, abs=1e-8)
    np.testing.assert_allclose(found.log_score, theirs.elpd_i, atol=1e-10)
    np.testing.assert_allclose(found.pareto_k, theirs.pareto_k, atol=1e-10)
    assert found.frame().loc[0, "std_error"] == pytest.approx(theirs.se, rel=2e-3)  # n - 1 here, n there
    # eleven free parameters and no outliers
    assert found.effective_parameters == pytest.approx(3 + 3 + 7, rel=0.15)
    assert [check.status for check in found.checks] == ["pass"]


def test_scores_are_exact_in_a_conjugate_model(saturated):
    design, posterior = saturated
    found = loo(design, posterior, LOGIT)
    # leaving out one observation of category k: Dirichlet(1 + counts - e_k)
    left_out = 1.0 + COUNTS - np.eye(4)
    share = left_out / left_out.sum(axis=1, keepdims=True)
    at_most = share.cumsum(axis=1)[:, :-1]
    rps = ((at_most - np.triu(np.ones((4, 4)))[:, :-1]) ** 2).sum(axis=1)
    brier = ((share - np.eye(4)) ** 2).sum(axis=1)
    # Monte Carlo error of a predictive probability: its posterior sd (< 0.06) / sqrt(8000) = 7e-4
    np.testing.assert_allclose(found.at_most.T, at_most[design.y], atol=4 * 7e-4)
    np.testing.assert_allclose(found.log_score, np.log(np.diag(share))[design.y], atol=0.02)
    np.testing.assert_allclose(found.rps, rps[design.y], atol=0.01)
    np.testing.assert_allclose(found.brier, brier[design.y], atol=0.01)


def test_merged_rows_are_left_out_one_observation_at_a_time(saturated):
    design, posterior = saturated
    merged = design_from_arrays(np.arange(4), np.zeros((4, 0)), levels="abcd", terms=(), weights=COUNTS.astype(float))
    rows, counts = loo(design, posterior, LOGIT), loo(merged, posterior, LOGIT)
    assert counts.effective_parameters == pytest.approx(rows.effective_parameters, rel=1e-10)
    one, other = rows.frame(), counts.frame()
    for column in ("total", "mean", "std_error"):
        np.testing.assert_allclose(one[column], other[column], rtol=1e-10)


def test_failing_rows_are_refitted_without_one_observation(grouped):
    design, posterior = grouped
    weighted = replace(design, weights=np.where(np.arange(design.n_obs) == 7, 3.0, 1.0))
    first = loo(weighted, posterior, LOGIT)
    marked = replace(first, pareto_k=np.where(np.isin(np.arange(design.n_obs), [7, 9]), 0.9, first.pareto_k))
    seen = []

    def refit(rest):
        seen.append(rest)
        return posterior

    second = refit_failing(marked, weighted, LOGIT, refit, seed=1)
    assert [rest.weights.sum() for rest in seen] == [401, 401]
    assert [rest.n_obs for rest in seen] == [400, 399]
    assert seen[0].weights[7] == 2
    changed = first.log_score != second.log_score
    assert set(np.flatnonzero(changed)) == {7, 9}
    # the refit returned the posterior of all rows: its plain average
    density = np.exp(pointwise_log_likelihood(design, posterior, LOGIT)).mean(("chain", "draw"))
    np.testing.assert_allclose(np.exp(second.log_score[[7, 9]]), density[[7, 9]], rtol=1e-10)
    assert np.isneginf(second.pareto_k[[7, 9]]).all()
    assert second.checks[0].status == "pass"
    assert refit_failing(first, weighted, LOGIT, refit, seed=1) is first
    assert refit_failing(marked, weighted, LOGIT, refit, seed=1, most=1) is marked


def test_villages_are_predicted_by_models_that_never_saw_them(grouped):
    design, posterior = grouped
    given = []

    def refit(rest):
        given.append(np.unique(rest.group))
        return posterior

    found = kfold(design, LOGIT, refit, folds=4, seed=1)
    assert found.method == "4-fold by village"
    assert [groups.size for groups in given] == [6, 6, 6, 6]
    left_out = [set(range(8)) - set(groups) for groups in given]
    assert sorted(group for fold in left_out for group in fold) == list(range(8))
    assert np.isfinite(found.log_score).all()
    # the same posterior, villages known: not knowing them costs something
    assert found.elpd < kfold(design, LOGIT, lambda _: posterior, folds=4, seed=1, by="row").elpd - 1
    with pytest.raises(ValueError, match="folds must lie between 2 and the 8 of groups; got 9"):
        kfold(design, LOGIT, refit, folds=9, seed=1)
    with pytest.raises(ValueError, match="the Design has no cluster"):
        kfold(design, LOGIT, refit, folds=2, seed=1, by="cluster")


def test_new_groups_are_averaged_over_their_population():
    """One row, parameters known: P(y = 0) is the logistic-normal integral."""
    design = design_from_arrays(
        np.array([0, 1]), np.zeros((2, 0)), levels="ab", terms=(), group=np.array([0, 1]), groups="uv"
    )
    draws = 20_000
    known = xr.Dataset(
        {
            "threshold": (("chain", "draw", "cut"), np.full((1, draws, 1), 0.7)),
            "group_effect": (("chain", "draw", "group"), np.full((1, draws, 2), 50.0)),
            "group_sd": (("chain", "draw"), np.full((1, draws), 1.5)),
        }
    )
    found = kfold(design, LOGIT, lambda _: known, folds=2, seed=3)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    exact = (weights @ expit(0.7 - 1.5 * nodes)) / weights.sum()
    # standard deviation of the draws is below 0.3: four standard errors are 0.0085
    np.testing.assert_allclose(found.at_most[0], exact, atol=0.0085)
    np.testing.assert_allclose(np.exp(found.log_score), [exact, 1 - exact], atol=0.0085)


def test_row_folds_predict_every_row_once(grouped):
    design, posterior = grouped
    sizes = []
    found = kfold(design, LOGIT, lambda rest: (sizes.append(rest.n_obs), posterior)[1], folds=5, seed=1, by="row")
    assert sizes == [320] * 5
    density = np.exp(pointwise_log_likelihood(design, posterior, LOGIT)).mean(("chain", "draw"))
    np.testing.assert_allclose(np.exp(found.log_score), density, rtol=1e-10)


def test_few_draws_are_refused(grouped):
    design, posterior = grouped
    with pytest.raises(ValueError, match="need 25 or more draws; got 4"):
        loo(design, posterior.isel(draw=[0]), LOGIT)


@pytest.mark.slow
def test_importance_weights_agree_with_refits():
    """The sampler itself on the rows without one observation."""
    from bayesgov.survey.bayesian import fit_bayesian

    design = benchmark_design(300, 3, 4, 6, seed=5).design
    spec = CumulativeSpec(formula="y ~ x")

    def refit(rest):
        return fit_bayesian(rest, spec, "refit", 1).tree["posterior"].to_dataset()

    first = loo(design, refit(design), spec)
    worst = np.argsort(first.log_score)[:3]
    marked = replace(first, pareto_k=np.where(np.isin(np.arange(300), worst), 0.9, first.pareto_k))
    second = refit_failing(marked, design, spec, refit, seed=2)
    # the posterior sd of these log probabilities is about 0.3; from 1,000 effective draws on both sides 0.014
    np.testing.assert_allclose(second.log_score[worst], first.log_score[worst], atol=4 * 0.014)
