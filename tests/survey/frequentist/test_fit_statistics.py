"""Fit statistics of the housing table against R, and their conventions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from survey.model_check_data import REFERENCE, SPEC, housing, simulated

from bayesgov.survey.frequentist.fit_statistics import fit_statistics
from bayesgov.survey.frequentist.ordered import fit_ordered

HOUSING = REFERENCE["housing"]


@pytest.fixture(scope="module")
def found():
    design = housing()
    return fit_statistics(fit_ordered(design, SPEC), SPEC)


def test_housing_is_as_in_r(found):
    table = found.frame().set_index("statistic")["value"]
    for name in ("pearson", "deviance", "cox_snell", "nagelkerke", "mcfadden", "mckelvey_zavoina", "aic", "bic"):
        assert table[name] == pytest.approx(HOUSING[name], rel=1e-9), name
    assert found.goodness_df == HOUSING["df"]
    assert found.n_patterns == 24
    assert found.chi2 == pytest.approx(2 * (HOUSING["log_likelihood"] - HOUSING["log_likelihood_null"]), rel=1e-9)
    assert (found.df, found.p_value) == (6, pytest.approx(stats.chi2.sf(found.chi2, 6)))


def test_both_conventions_of_minus_two_log_likelihood(found):
    table = found.frame().set_index("statistic")["value"]
    assert table["minus2ll"] == pytest.approx(-2 * HOUSING["log_likelihood"], rel=1e-10)
    expected = -2 * (HOUSING["log_likelihood"] + HOUSING["constant"])
    assert table["minus2ll_patterns"] == pytest.approx(expected, rel=1e-9)
    difference = table["minus2ll_patterns_null"] - table["minus2ll_patterns"]
    assert difference == pytest.approx(found.chi2)


def test_how_rows_are_written_down_changes_nothing(found):
    """One row a respondent, in another order: the same patterns, the same statistics."""
    design = housing()
    rows = np.repeat(np.arange(design.n_obs), design.weights.astype(int))
    rows = np.random.default_rng(3).permutation(rows)
    single = replace(design.take(rows), weights=np.ones(rows.size))
    again = fit_statistics(fit_ordered(single, SPEC), SPEC)
    np.testing.assert_allclose(again.frame()["value"], found.frame()["value"], rtol=1e-9)


def test_sparse_patterns_are_said_to_be_sparse(found):
    assert found.checks()[0].status == "pass"
    sparse = fit_statistics(fit_ordered(simulated(), SPEC), SPEC)
    assert sparse.n_patterns == 399  # two rows share a pattern
    check = sparse.checks()[0]
    assert (check.status, check.value) == ("warn", pytest.approx(1.0, abs=0.05))
    assert "do not follow chi-square" in check.advice


def test_weights_that_are_no_counts_have_no_multinomial_constant():
    design = housing()
    halved = fit_statistics(fit_ordered(replace(design, weights=design.weights / 2), SPEC), SPEC)
    table = halved.frame().set_index("statistic")["value"]
    assert np.isnan(table["minus2ll_patterns"])
    assert table["minus2ll"] == pytest.approx(-HOUSING["log_likelihood"], rel=1e-9)


def test_null_model_keeps_offset_and_threshold_structure():
    design = housing()
    offset = replace(design, offset=design.x[:, 1])
    spec = SPEC.model_copy(update={"thresholds": "equidistant"})
    found = fit_statistics(fit_ordered(offset, spec), spec)
    bare = replace(offset, x=np.zeros((design.n_obs, 0)), terms=(), factors=())
    assert found.null.log_likelihood == pytest.approx(fit_ordered(bare, spec).log_likelihood)
    assert found.df == 6


@pytest.mark.parametrize(("link", "variance"), [("probit", 1.0), ("cloglog", np.pi**2 / 6), ("cauchit", np.nan)])
def test_latent_share_uses_the_variance_of_the_link(link, variance):
    design = housing()
    spec = SPEC.model_copy(update={"link": link})
    fit = fit_ordered(design, spec)
    eta = design.x @ fit.problem.unpack(fit.parameters).beta
    explained = np.average((eta - np.average(eta, weights=design.weights)) ** 2, weights=design.weights)
    expected = explained / (explained + variance)
    assert fit_statistics(fit, spec).mckelvey_zavoina == pytest.approx(expected, nan_ok=True)


def test_latent_share_averages_the_variances_of_a_scale_model():
    design = housing()
    scaled = replace(design, scale_x=design.x[:, [1]], scale_terms=("Infl[High]",))
    fit = fit_ordered(scaled, SPEC)
    parts = fit.problem.unpack(fit.parameters)
    assert abs(parts.log_scale[0]) > 0.05
    weights = design.weights / design.weights.sum()
    eta = design.x @ parts.beta
    explained = weights @ (eta - weights @ eta) ** 2
    error = weights @ np.exp(parts.log_scale[0] * design.x[:, 1]) ** 2 * np.pi**2 / 3
    assert fit_statistics(fit, SPEC).mckelvey_zavoina == pytest.approx(explained / (explained + error))
