"""Profile intervals and tests of terms against R's ordinal, and against their definitions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_expit
from scipy.stats import chi2
from survey.frequentist.ordered_data import R, housing, rows, spec, wine

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.frequentist.newton import maximise
from bayesgov.survey.frequentist.ordered import fit_ordered
from bayesgov.survey.frequentist.profile import (
    drop_tests,
    likelihood_ratio_test,
    profile_intervals,
    wald_tests,
    without_factor,
)


@pytest.mark.parametrize(("name", "level"), [("wine_profile", 0.95), ("wine_profile_80", 0.8)])
def test_intervals_reproduce_confint(name, level):
    found = profile_intervals(fit_ordered(wine(), spec()), spec(), level=level)
    # confint interpolates its grid with a spline: good to about 1e-6 at 60 steps
    np.testing.assert_allclose(found.lower, R[name]["lower"], atol=5e-6)
    np.testing.assert_allclose(found.upper, R[name]["upper"], atol=5e-6)
    assert found.frame()["interval"][0] == f"{100 * level:g}% profile-likelihood confidence"


@pytest.mark.parametrize(
    ("design", "settings"),
    [
        (rows(scale=True), {}),
        (rows(), {"link": "cauchit"}),
        (replace(wine(), nominal=(1,)), {}),
        (wine(), {"thresholds": "equidistant", "link": "probit"}),
        (rows(weighted=False), {"family": "continuation", "link": "cloglog"}),
    ],
)
def test_deviance_at_the_limits_is_the_quantile(design, settings):
    fit = fit_ordered(design, spec(**settings))
    found = profile_intervals(fit, spec(**settings), level=0.9)
    assert len(found.names) == sum(not name.startswith(("threshold", "spacing")) for name in fit.names)
    for name, limits in zip(found.names, zip(found.lower, found.upper, strict=True), strict=True):
        position = fit.names.index(name)
        for limit in limits:
            start = fit.parameters + fit.model_covariance[:, position] * (
                (limit - fit.parameters[position]) / fit.model_covariance[position, position]
            )
            constrained = maximise(fit.problem, start, np.arange(start.size) != position)
            deviance = 2 * (fit.log_likelihood - constrained.evaluation.value)
            assert deviance == pytest.approx(chi2.ppf(0.9, 1), abs=1e-6)


def separated():
    x = np.repeat([0.0, 1.0], [40, 6])
    y = np.concatenate([np.tile([0, 1], 20), np.ones(6, dtype=int)])
    return design_from_arrays(y, x[:, None], levels="ab", terms=["x"])


def test_one_limit_is_infinite_under_separation():
    fit = fit_ordered(separated(), spec())
    found = profile_intervals(fit, spec(), level=0.9)

    def minus(cut):
        return -(20 * log_expit(cut) + 20 * log_expit(-cut) + 6 * log_expit(found.lower[0] - cut))

    # the supremum has the six rows at probability one
    deviance = 2 * (40 * np.log(0.5) + minimize_scalar(minus, tol=1e-12).fun)
    assert deviance == pytest.approx(chi2.ppf(0.9, 1), abs=1e-6)
    assert found.upper[0] == np.inf


def test_unusable_fits_have_neither_intervals_nor_tests():
    design = rows()
    twice = replace(design, x=np.column_stack([design.x[:, :2], 2 * design.x[:, 1]]))
    fit = fit_ordered(twice, spec())
    assert np.isnan(profile_intervals(fit, spec()).lower).all()
    assert np.isnan([test.statistic for test in drop_tests(fit, spec())]).all()
    assert np.isnan([test.statistic for test in drop_tests(fit_ordered(separated(), spec()), spec())]).all()


def test_drop_tests_reproduce_drop1():
    found = drop_tests(fit_ordered(housing(), spec(covariance="robust")), spec(covariance="robust"))
    assert [test.name for test in found] == ["Infl", "Type", "Cont"]
    np.testing.assert_allclose([test.statistic for test in found], R["housing_drop1"]["lr"], atol=1e-6)
    assert [test.df for test in found] == R["housing_drop1"]["df"]
    np.testing.assert_allclose([test.p_value for test in found], R["housing_drop1"]["p"], rtol=1e-6)


def test_wald_tests_follow_from_the_covariance():
    fit = fit_ordered(housing(), spec())
    found = wald_tests(fit)
    assert [test.df for test in found] == [2, 3, 1]
    last = fit.parameters[-1] / fit.std_errors[-1]
    assert found[-1].statistic == pytest.approx(last**2, rel=1e-12)
    # a factor's test does not depend on its contrasts
    turned = np.array([[1.0, 0.4], [-0.7, 1.0]])
    design = housing()
    other = replace(design, x=np.column_stack([design.x[:, :2] @ turned, design.x[:, 2:]]))
    assert wald_tests(fit_ordered(other, spec()))[0].statistic == pytest.approx(found[0].statistic, rel=1e-9)


def test_wald_test_of_a_nominal_term_has_all_its_effects():
    fit = fit_ordered(replace(wine(), nominal=(1,)), spec())
    assert [test.df for test in wald_tests(fit)] == [1, 4]
    assert [test.df for test in drop_tests(fit, spec())] == [1, 4]


def test_likelihood_ratio_of_nested_models():
    # anova(clm(rating ~ temp + contact), clm(rating ~ temp, nominal = ~contact)) from the reference log-likelihoods
    parallel, nominal = fit_ordered(wine(), spec()), fit_ordered(replace(wine(), nominal=(1,)), spec())
    test = likelihood_ratio_test("contact", parallel, nominal)
    expected = 2 * (R["wine_nominal"]["logLik"] - R["wine_logit"]["logLik"])
    assert test.statistic == pytest.approx(expected, abs=1e-7)
    assert test.df == 3
    with pytest.raises(ValueError, match="swap them"):
        likelihood_ratio_test("contact", nominal, parallel)
    with pytest.raises(ValueError, match="needs the same rows; got 71 and 72"):
        likelihood_ratio_test("contact", fit_ordered(wine().take(np.arange(71)), spec()), nominal)


def test_names_are_checked():
    fit = fit_ordered(wine(), spec())
    with pytest.raises(
        ValueError, match=r"a profile needs one of beta\[temp\], beta\[contact\]; got threshold\[1\|2\]"
    ):
        profile_intervals(fit, spec(), ["threshold[1|2]"])
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        profile_intervals(fit, spec(), level=95)
    with pytest.raises(ValueError, match="factor must be one of temp, contact; got 'judge'"):
        without_factor(wine(), "judge")
