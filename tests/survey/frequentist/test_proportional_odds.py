"""Parallel-lines tests against ordinal::clm, and what they say where there is no general model."""

from dataclasses import replace

import numpy as np
import pytest
from survey.model_check_data import REFERENCE, SPEC, housing, simulated

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.frequentist.multinomial import fit_multinomial
from bayesgov.survey.frequentist.ordered import fit_ordered
from bayesgov.survey.frequentist.proportional_odds import parallel_lines, probability_change, score_test

PRINTED = 1e-7  # twice a difference of log-likelihoods around 1,000, printed to 12 digits


@pytest.fixture(scope="module")
def found():
    return parallel_lines(simulated(), SPEC)


def test_likelihood_ratios_are_those_of_clm(found):
    expected = 2 * (REFERENCE["free"]["logLik"] - REFERENCE["plain"]["logLik"])
    assert found.omnibus.statistic == pytest.approx(expected, abs=PRINTED)
    assert found.omnibus.df == 5 * 2
    assert found.minus2ll_parallel - found.minus2ll_general == pytest.approx(expected, abs=PRINTED)
    assert [test.name for test in found.per_factor] == ["age", "score", "woman", "region"]
    np.testing.assert_allclose([test.statistic for test in found.per_factor], REFERENCE["nominal_test"], atol=PRINTED)
    assert [test.df for test in found.per_factor] == [2, 2, 2, 4]
    assert all(check.status == "pass" for check in found.checks)


def test_score_statistic_is_that_of_the_definition(found):
    assert found.score.statistic == pytest.approx(REFERENCE["score"], rel=1e-7)
    assert found.score.df == 10


def test_housing():
    found = parallel_lines(housing(), SPEC)
    assert found.omnibus.statistic == pytest.approx(REFERENCE["housing"]["parallel"], abs=PRINTED)
    assert found.frame()["scope"].tolist() == ["omnibus", "score", "factor", "factor", "factor"]


def test_change_is_the_difference_between_predictions(found):
    """One binary predictor: the general model has the observed shares."""
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, 500)
    y = np.digitize((1 + x) * rng.logistic(size=500) + x, [-1.0, 0.5, 2.0])
    design = design_from_arrays(y, x[:, None], levels="abcd", terms=("x",))
    change = parallel_lines(design, SPEC).change
    fit = fit_ordered(design, SPEC)
    parts = fit.problem.unpack(fit.parameters)
    below = 1 / (1 + np.exp(-(parts.threshold - np.array([[0.0], [1.0]]) * parts.beta)))
    fitted = np.diff(below, axis=1, prepend=0, append=1)
    shares = np.array([np.bincount(y[x == value], minlength=4) / (x == value).sum() for value in (0, 1)])
    gap = np.abs(shares - fitted)
    assert change.largest == pytest.approx(gap.max(), abs=1e-8)
    assert change.mean == pytest.approx(np.mean([gap[value].mean() for value in x]), abs=1e-8)
    same = probability_change(fit, fit)
    assert (same.largest, same.mean) == (0, 0)


def test_a_large_sample_rejects_a_trifle():
    """What the change in probabilities is for: p < 0.001 while no probability moves by 0.02."""
    rng = np.random.default_rng(12)
    x = rng.integers(0, 2, 200_000)
    y = np.digitize((1 + 0.03 * x) * rng.logistic(size=x.size) + 0.5 * x, [-1.0, 0.5, 2.0])
    cells, counts = np.unique(np.column_stack([y, x]), axis=0, return_counts=True)
    design = design_from_arrays(cells[:, 0], cells[:, [1]], levels="abcd", terms=("x",), weights=counts)
    found = parallel_lines(design, SPEC)
    assert found.omnibus.p_value < 1e-3
    assert found.change.largest < 0.02


def test_other_families_and_scale_terms():
    design = simulated()
    spec = SPEC.model_copy(update={"family": "continuation"})
    found = parallel_lines(design, spec)
    # the score and the likelihood ratio test the same hypothesis
    assert found.score.statistic == pytest.approx(found.omnibus.statistic, rel=0.1)
    scaled = replace(design, scale_x=design.x[:, [2]], scale_terms=("woman",))
    score = score_test(fit_ordered(scaled, SPEC))
    assert np.isnan(score.statistic)


def test_crossing_thresholds_are_reported():
    """Spread grows with x: the thresholds that fit it meet at the far end, and probabilities turn negative there."""
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(size=60), [12.0, -12.0]])
    y = np.digitize(rng.logistic(size=62) * np.exp(0.9 * x.clip(-2, 2)), [-1.0, 0.0, 1.0])
    y[-2:] = [1, 2]
    design = design_from_arrays(y, x[:, None], levels="abcd", terms=("x",))
    found = parallel_lines(design, SPEC)
    # one row of 62 is more than one in a hundred
    assert [check.status for check in found.checks] == ["fail", "fail"]
    assert found.checks[0].value == pytest.approx(1 / 62)
    assert "thresholds cross for 1 of 62 observations" in found.checks[0].advice
    assert "or read the score test" in found.checks[0].advice
    assert np.isnan(found.omnibus.statistic)
    assert np.isnan(found.change.largest)
    assert np.isfinite(found.score.statistic)
    weighted = parallel_lines(replace(design, weights=np.r_[np.full(60, 10.0), 1, 1]), SPEC)
    assert [check.status for check in weighted.checks] == ["warn", "warn"]
    assert np.isfinite(weighted.omnibus.statistic)


def test_an_impossible_likelihood_is_not_compared():
    """No woman answers "3": free effects put 2|3 above 3|4 for women, and their likelihood beats the saturated one."""
    design = simulated()
    x = design.x.copy()
    x[design.y == 2, 2] = 0
    hole = replace(design, x=x)
    free = fit_ordered(replace(hole, nominal=(0, 1, 2, 3, 4)), SPEC)
    assert free.log_likelihood > fit_multinomial(hole).log_likelihood + 100
    found = parallel_lines(hole, SPEC)
    tests = {test.name: test for test in (found.omnibus, *found.per_factor)}
    assert np.isnan(tests["all terms"].p_value)
    assert np.isnan(tests["woman"].p_value)
    assert np.isfinite(tests["region"].p_value)
    assert np.isfinite(found.score.p_value)


def test_without_terms_there_is_nothing_to_test():
    design = replace(simulated(), x=np.zeros((400, 0)), terms=(), factors=())
    found = parallel_lines(design, SPEC)
    assert (found.omnibus.df, found.omnibus.statistic, len(found.per_factor)) == (0, pytest.approx(0, abs=1e-9), 0)
