"""The multinomial logit against VGAM and nnet, and what it says where levels are separated."""

from dataclasses import replace

import numpy as np
import pytest
from survey.model_check_data import REFERENCE, simulated

from bayesgov.survey.frequentist.multinomial import fit_multinomial

# R printed 12 digits; VGAM iterated to 1e-13, nnet's optimiser stops about 1e-8 short in the log-likelihood
VGAM, NNET = 1e-9, 1e-6


@pytest.fixture(scope="module")
def fitted():
    return fit_multinomial(simulated())


def test_agrees_with_vgam(fitted):
    expected = REFERENCE["multinomial"]
    np.testing.assert_allclose(fitted.coefficients, expected["coef"], atol=VGAM)
    np.testing.assert_allclose(fitted.std_errors, expected["se"], atol=VGAM)
    assert fitted.log_likelihood == pytest.approx(expected["logLik"], abs=1e-8)
    assert [check.status for check in fitted.checks] == ["pass", "pass"]


def test_agrees_with_nnet(fitted):
    np.testing.assert_allclose(fitted.coefficients, REFERENCE["multinom"]["coef"], atol=NNET)


def test_probabilities_average_to_the_shares(fitted):
    """The score equations of the intercepts."""
    design = simulated()
    average = np.average(fitted.probabilities(design.x), axis=0, weights=design.weights)
    shares = np.bincount(design.y, design.weights) / design.weights.sum()
    np.testing.assert_allclose(average, shares, atol=1e-10)


def test_weights_are_frequencies(fitted):
    design = simulated()
    repeated = design.take(np.repeat(np.arange(design.n_obs), design.weights.astype(int)))
    again = fit_multinomial(replace(repeated, weights=np.ones(repeated.n_obs)))
    np.testing.assert_allclose(again.coefficients, fitted.coefficients, atol=1e-10)
    np.testing.assert_allclose(again.covariance, fitted.covariance, atol=1e-10)


def test_wald_test_of_a_factor(fitted):
    tests = fitted.tests_by_factor(simulated().factors).set_index("factor")
    assert tests["df"].to_dict() == {"age": 3, "score": 3, "woman": 3, "region": 6}
    # one column: b' V⁻¹ b over the three logits
    place = [3, 9, 15]
    estimate = fitted.coefficients[:, 3]
    by_hand = estimate @ np.linalg.inv(fitted.covariance[np.ix_(place, place)]) @ estimate
    assert tests.loc["woman", "statistic"] == pytest.approx(by_hand)


def test_as_a_fit(fitted):
    estimates = fitted.to_fit().estimates().set_index("term")
    assert estimates.loc["4: age", "estimate"] == pytest.approx(REFERENCE["multinomial"]["coef"][2][1], abs=VGAM)
    assert estimates.loc["2: intercept", "std_error"] == pytest.approx(REFERENCE["multinomial"]["se"][0][0], abs=VGAM)


def test_an_empty_cell_is_named():
    """No woman answered "3": the likelihood rises for ever along that coefficient."""
    design = simulated()
    x = design.x.copy()
    x[design.y == 2, 2] = 0
    check = fit_multinomial(replace(design, x=x)).checks[1]
    assert check.status == "fail"
    assert check.advice == "no finite estimate for 3: woman: merge outcome levels or drop the term"


def test_what_cannot_be_fitted_is_refused():
    design = simulated()
    with pytest.raises(ValueError, match="takes no offset"):
        fit_multinomial(replace(design, offset=np.ones(design.n_obs)))
    with pytest.raises(ValueError, match="every outcome level needs an observation"):
        fit_multinomial(replace(design, levels=tuple("12345")))
