"""The binary models of the survey study's equations 9–12 and Brant's test, against base R's glm and matrix algebra."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from survey.model_check_data import REFERENCE, SPEC, housing, simulated

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.frequentist.brant import binary_cuts, brant

PRINTED = 1e-9  # R printed 12 digits and iterated glm to a deviance of 1e-14


@pytest.fixture(scope="module")
def found():
    return brant(simulated(), SPEC)


def test_binary_models_are_those_of_glm(found):
    expected = REFERENCE["brant"]
    cuts = found.cuts
    np.testing.assert_allclose(cuts.slope, expected["slopes"], atol=PRINTED)
    # glm models y > k, so its intercept is minus the threshold
    np.testing.assert_allclose(cuts.intercept, -np.array(expected["intercepts"]), atol=PRINTED)
    table = cuts.frame()
    slopes = table[table["term"] != "threshold"]
    np.testing.assert_allclose(slopes["std_error"], np.ravel(expected["std_error"]), atol=PRINTED)
    np.testing.assert_allclose(
        table.loc[table["term"] == "threshold", "std_error"], expected["intercept_std_error"], atol=PRINTED
    )
    assert slopes["threshold"].unique().tolist() == ["1|2", "2|3", "3|4"]


def test_joint_covariance_and_statistics_are_those_of_the_formula(found):
    expected = REFERENCE["brant"]
    slopes = np.arange(18).reshape(3, 6)[:, 1:].ravel()
    np.testing.assert_allclose(found.cuts.covariance[np.ix_(slopes, slopes)], expected["covariance"], atol=PRINTED)
    assert found.omnibus.statistic == pytest.approx(expected["omnibus"], rel=1e-8)
    assert (found.omnibus.df, found.omnibus.p_value) == (10, pytest.approx(stats.chi2.sf(expected["omnibus"], 10)))
    np.testing.assert_allclose([test.statistic for test in found.per_term], expected["per_term"], rtol=1e-8)
    region = {test.name: test for test in found.per_factor}["region"]
    assert (region.statistic, region.df) == (pytest.approx(expected["region"], rel=1e-8), 4)
    assert all(check.status == "pass" for check in found.checks)


def test_housing():
    expected = REFERENCE["housing"]["brant"]
    found = brant(housing(), SPEC)
    assert found.omnibus.statistic == pytest.approx(expected["omnibus"], rel=1e-8)
    assert found.frame().query("scope == 'omnibus'")["df"].tolist() == [6]


def test_weights_are_frequencies(found):
    design = simulated()
    repeated = design.take(np.repeat(np.arange(design.n_obs), design.weights.astype(int)))
    again = brant(replace(repeated, weights=np.ones(repeated.n_obs)), SPEC)
    assert again.omnibus.statistic == pytest.approx(found.omnibus.statistic, rel=1e-8)


def test_two_models_of_the_same_cut_have_one_covariance():
    """With an empty level between them, 1|2 and 2|3 are one model: their covariance equals its variance."""
    design = simulated()
    thinned = design.take(design.y != 1)
    rare = replace(thinned, y=np.where(np.arange(thinned.n_obs) == 0, 1, thinned.y))
    covariance = binary_cuts(rare, SPEC).covariance.reshape(3, 6, 3, 6)
    # one row in a thousand tells them apart
    np.testing.assert_allclose(covariance[0, :, 1], covariance[0, :, 0], rtol=0.15, atol=3e-3)


@pytest.mark.parametrize("link", ["probit", "cloglog"])
def test_other_links_use_their_own_scores(link):
    """The covariance of each binary model is its own inverse expected information."""
    design, spec = simulated(), SPEC.model_copy(update={"link": link})
    cuts = binary_cuts(design, spec)
    distribution = {"probit": stats.norm, "cloglog": stats.gumbel_l}[link]
    z = np.column_stack([np.ones(design.n_obs), -design.x])
    e = cuts.intercept[1] - design.x @ cuts.slope[1]
    weight = design.weights * distribution.pdf(e) ** 2 / (distribution.cdf(e) * distribution.sf(e))
    np.testing.assert_allclose(
        cuts.covariance.reshape(3, 6, 3, 6)[1, :, 1], np.linalg.inv(z.T @ (weight[:, None] * z)), rtol=1e-6
    )


def test_a_separated_cut_is_named():
    """Nobody on the lowest level is a woman: the first binary model has no finite slope for her."""
    design = simulated()
    x = design.x.copy()
    x[design.y == 0, 2] = 0
    found = brant(replace(design, x=x), SPEC)
    status = [check.status for check in found.checks]
    assert status == ["fail", "pass", "pass"]
    assert "1|2" in found.checks[0].advice
    assert "woman" in found.checks[0].advice
    assert np.isnan(found.omnibus.statistic)
    assert np.isnan(found.cuts.slope[0]).all()
    assert np.isfinite(found.cuts.slope[1:]).all()


@pytest.mark.slow
def test_size_of_the_test_under_proportional_odds():
    rng = np.random.default_rng(8)
    statistics = []
    for _ in range(300):
        x = np.column_stack([rng.normal(size=800), rng.integers(0, 2, 800)])
        y = np.digitize(x @ [0.8, -0.5] + rng.logistic(size=800), [-1.0, 0.3, 1.5])
        design = design_from_arrays(y, x, levels="abcd", terms=("x", "z"))
        statistics.append(brant(design, SPEC).omnibus.statistic)
    # chi-square with 4 df: mean 4, standard error sqrt(8 / 300); rejections binomial(300, .05)
    assert np.mean(statistics) == pytest.approx(4, abs=3.5 * np.sqrt(8 / 300))
    rejected = np.mean(np.array(statistics) > stats.chi2.ppf(0.95, 4))
    assert rejected == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / 300))
