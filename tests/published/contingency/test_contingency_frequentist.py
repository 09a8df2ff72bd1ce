"""Classical analysis of contingency tables against scipy, statsmodels and closed forms."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.stats.multitest import multipletests

from bayesgov.association import associate, noncentrality_interval
from bayesgov.errors import InputError
from bayesgov.multiplicity import adjust
from bayesgov.printed import PrintedNumber
from bayesgov.published.contingency import frequentist
from bayesgov.published.contingency.design import make_design, read_design, zero_sum_basis
from bayesgov.spec import read_published_spec
from bayesgov.study import load_study
from bayesgov.survey.likelihood import log_likelihood, log_probabilities

TABLE = np.array([[30.0, 40, 20], [15, 45, 50], [25, 30, 35]])


@pytest.fixture(scope="module")
def survey():
    study = load_study("survey")
    spec = read_published_spec(study.folder).contingency
    return study, spec, read_design(study, spec)


@pytest.fixture(scope="module")
def small():
    return make_design(np.array([TABLE, TABLE[::-1] + 5]), ("a", "b"), ("1", "2", "3"), ("low", "mid", "high"))


def test_chi_square_is_its_definition():
    found = associate(TABLE)
    expected = np.outer(TABLE.sum(axis=1), TABLE.sum(axis=0)) / TABLE.sum()
    chi2 = ((TABLE - expected) ** 2 / expected).sum()
    g2 = 2 * (TABLE * np.log(TABLE / expected)).sum()
    assert found.chi2 == pytest.approx(chi2, rel=1e-12)
    assert found.g2 == pytest.approx(g2, rel=1e-12)
    assert found.df == 4
    assert found.p_chi2 == pytest.approx(stats.chi2.sf(chi2, 4), rel=1e-12)
    assert found.cramers_v == pytest.approx(np.sqrt(chi2 / (TABLE.sum() * 2)), rel=1e-12)


def test_noncentral_interval_inverts_the_distribution():
    low, high = noncentrality_interval(40.0, 4, 0.9)
    # brentq stops at 1e-9 in the noncentrality; the density there is about 0.02
    assert stats.ncx2.cdf(40.0, 4, low) == pytest.approx(0.95, abs=1e-9)
    assert stats.ncx2.cdf(40.0, 4, high) == pytest.approx(0.05, abs=1e-9)
    assert noncentrality_interval(1.0, 4, 0.95)[0] == 0


def test_bias_corrected_v_vanishes_under_independence_and_nears_v_for_large_n():
    assert associate(np.outer([1.0, 2, 3], [4.0, 5, 6])).v_corrected == 0
    large = associate(TABLE * 1e6)
    assert large.v_corrected == pytest.approx(large.cramers_v, rel=1e-5)  # differs by order 1 / n


@pytest.mark.parametrize(("method", "name"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_adjusted_p_values_equal_statsmodels(method, name):
    p_values = np.array([0.01, 0.04, 0.03, 0.005, 0.5, 0.04])
    np.testing.assert_allclose(adjust(p_values, method), multipletests(p_values, method=name)[1], rtol=1e-14)


def test_zero_sum_basis_is_orthonormal():
    basis = zero_sum_basis(4)
    np.testing.assert_allclose(basis.T @ basis, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-15)


def test_effects_equal_statsmodels_in_zero_sum_coding(small):
    fit = frequentist.fit(small)
    table = small.counts[0].astype(int)
    option, level = (index.ravel() for index in np.indices(table.shape))
    rows = np.repeat(np.arange(table.size), table.ravel())
    dummies = np.eye(3)[option[rows]][:, 1:]
    other = OrderedModel(level[rows], dummies, distr="logit").fit(method="newton", disp=False)
    treatment = np.array([0.0, *other.params[:2]])
    centre = np.eye(3) - 1 / 3
    covariance = np.zeros((3, 3))
    covariance[1:, 1:] = other.cov_params()[:2, :2]
    estimates = fit.estimates().iloc[:3]
    # statsmodels differentiates its Hessian numerically: five digits in standard errors
    np.testing.assert_allclose(estimates["estimate"], centre @ treatment, atol=1e-6)
    np.testing.assert_allclose(estimates["std_error"], np.sqrt(np.diag(centre @ covariance @ centre)), rtol=1e-4)


def test_profile_limits_have_the_critical_deviance(small):
    """At a profile limit, fixing the effect costs exactly the chi-square quantile, by another optimiser."""
    profile = frequentist.fit(small).tree["profile"].to_dataset()
    table, best = small.counts[0], small.maxima[0].log_likelihood
    for limit in ("lower", "upper"):
        value = float(profile[limit][0])

        def loss(free, value=value):
            effects = np.array([value, -value / 2 + free[2], -value / 2 - free[2]])
            return -log_likelihood(table, effects, np.array([free[0], free[0] + np.exp(free[1])])).value

        deviance = 2 * (
            best + minimize(loss, [-0.5, 0.4, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11}).fun
        )
        assert deviance == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-5)


def test_parallel_lines_test_is_null_for_proportional_odds(small):
    """Expected counts of a proportional-odds model fit it exactly; the statistic of other tables is positive."""
    exact = 100 * np.exp(log_probabilities(np.array([-0.5, 0.0, 0.5]), np.array([-1.0, 0.7])))
    design = make_design(exact[None], ("a",), ("1", "2", "3"), ("low", "mid", "high"))
    row = frequentist.parallel_lines_table(design).iloc[0]
    assert row["statistic"] == pytest.approx(0, abs=1e-9)
    assert row["largest_change"] == pytest.approx(0, abs=1e-9)
    assert row["df"] == 2
    assert frequentist.parallel_lines_table(small)["statistic"].gt(0.1).all()


def test_wald_lr_and_chi_square_agree_for_small_effects(survey):
    """All three test the same thing; with n = 3,654 they differ by terms of order effect²."""
    _, _, design = survey
    effects = frequentist.effects_table(frequentist.fit(design), design)
    modest = effects[effects["estimate"].abs() < 0.2]
    wald = (modest["estimate"] / modest["std_error"]) ** 2
    np.testing.assert_allclose(wald, stats.chi2.isf(modest["p_lr"], 1), rtol=0.02)
    assert len(modest) > 10


def test_survey_design_reports_the_margin_that_differs(survey):
    _, _, design = survey
    off = design.margins[design.margins["difference"] != 0]
    assert off[["item", "level", "difference"]].to_numpy().tolist() == [["5", "B", 273.0]]
    assert design.counts.shape == (16, 3, 3)
    assert design.levels == ("C", "B", "A")


def test_negative_and_missing_counts_are_input_errors(survey):
    study, spec, _ = survey
    with pytest.raises(InputError, match="no cell matches"):
        read_design(study, spec.model_copy(update={"items": ("17",)}))
    printed = study.tables["1"]
    broken = dataclasses.replace(printed, cells={**printed.cells, ("1.1", "A"): PrintedNumber.parse("45.5")})
    with pytest.raises(InputError, match="should be a count"):
        read_design(dataclasses.replace(study, tables={**study.tables, "1": broken}), spec)


def test_convergence_checks_pass(survey):
    fit = frequentist.fit(survey[2])
    assert {check.name: check.status for check in fit.checks()} == {
        "gradient_norm": "pass",
        "hessian_condition": "pass",
        "correct_decimals": "pass",
        "smallest_expected_count": "pass",
    }
    assert isinstance(fit.estimates(), pd.DataFrame)
