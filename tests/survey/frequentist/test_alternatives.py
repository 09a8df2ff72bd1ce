"""Models beside proportional odds against ordinal, VGAM and nnet, and their table."""

from dataclasses import replace

import numpy as np
import pytest
from survey.model_check_data import REFERENCE, SPEC, simulated

from bayesgov.survey.frequentist.alternatives import compare_models
from bayesgov.survey.frequentist.ordered import fit_ordered

# R printed 12 digits; clm stops at a gradient of 1e-10, VGAM at a relative change of 1e-13
ESTIMATE = 1e-8
LOG_LIKELIHOOD = 1e-8
STD_ERROR = 1e-8


@pytest.fixture(scope="module")
def found():
    return compare_models(simulated(nominal=(2,)), SPEC)


def _fits(found):
    return {model.name: model.fit for model in found.models}


def test_partial_proportional_odds_is_that_of_clm(found):
    fit, expected = _fits(found)["cumulative, partial"], REFERENCE["partial"]
    parts = fit.problem.unpack(fit.parameters)
    # clm's nominal coefficients are added to the thresholds: -(beta + departure_k)
    np.testing.assert_allclose(-(parts.beta[2] + parts.departure[0]), expected["coef"][3:6], atol=ESTIMATE)
    np.testing.assert_allclose(parts.threshold, expected["coef"][:3], atol=ESTIMATE)
    np.testing.assert_allclose(parts.beta[[0, 1, 3, 4]], expected["coef"][6:], atol=ESTIMATE)
    assert fit.log_likelihood == pytest.approx(expected["logLik"], abs=LOG_LIKELIHOOD)
    # the same standard errors: rows of the change of parameters, which the Design's convention fixes
    change = np.zeros((3, fit.parameters.size))
    change[:, fit.names.index("beta[woman]")] = -1
    change[:, [fit.names.index(f"departure[woman, {cut}]") for cut in ("1|2", "2|3")]] = [[-1, 0], [0, -1], [1, 1]]
    errors = np.sqrt(np.diag(change @ fit.covariance @ change.T))
    np.testing.assert_allclose(errors, expected["se"][3:6], atol=STD_ERROR)


@pytest.mark.parametrize(
    ("name", "reference"), [("adjacent-category", "adjacent"), ("continuation-ratio", "continuation")]
)
def test_other_families_are_those_of_vgam(found, name, reference):
    fit, expected = _fits(found)[name], REFERENCE[reference]
    np.testing.assert_allclose(fit.parameters[:3], expected["thresholds"], atol=ESTIMATE)
    np.testing.assert_allclose(fit.parameters[3:], expected["beta"], atol=ESTIMATE)
    # ours follow the observed information, as glm's of the rows still at risk do
    observed = REFERENCE["continuation_glm"] if reference == "continuation" else expected
    np.testing.assert_allclose(fit.std_errors, observed["se"], atol=STD_ERROR)
    assert fit.log_likelihood == pytest.approx(expected["logLik"], abs=LOG_LIKELIHOOD)


def test_stopping_and_continuing_are_one_model_for_the_logit():
    """VGAM's sratio and cratio, P(y = k | y >= k) and P(y > k | y >= k), are the same but for signs."""
    np.testing.assert_allclose(REFERENCE["continuation"]["beta"], REFERENCE["continuation_above"]["beta"], atol=1e-10)


def test_continuation_ratio_with_a_probit_link():
    spec = SPEC.model_copy(update={"family": "continuation", "link": "probit"})
    fit, expected = fit_ordered(simulated(), spec), REFERENCE["continuation_probit"]
    np.testing.assert_allclose(fit.parameters[:3], expected["thresholds"], atol=ESTIMATE)
    np.testing.assert_allclose(fit.parameters[3:], expected["beta"], atol=ESTIMATE)
    assert fit.log_likelihood == pytest.approx(expected["logLik"], abs=LOG_LIKELIHOOD)


def test_the_table_has_one_model_a_row(found):
    table = found.frame().set_index("model")
    assert table["df"].to_dict() == {
        "cumulative, proportional": 8,
        "cumulative, partial": 10,
        "cumulative, all effects free": 18,
        "adjacent-category": 8,
        "continuation-ratio": 8,
        "multinomial logit": 18,
    }
    likelihood = dict.fromkeys(("plain", "partial", "free", "multinomial", "adjacent", "continuation"))
    names = ("cumulative, proportional", "cumulative, partial", "cumulative, all effects free", "multinomial logit",
             "adjacent-category", "continuation-ratio")  # fmt: skip
    for name, key in zip(names, likelihood, strict=True):
        expected = REFERENCE[key]["logLik"]
        row = table.loc[name]
        assert row["minus2ll"] == pytest.approx(-2 * expected, abs=1e-7)
        assert row["aic"] == pytest.approx(-2 * expected + 2 * row["df"], abs=1e-7)
        assert row["bic"] == pytest.approx(-2 * expected + np.log(798) * row["df"], abs=1e-7)
    assert (table["problems"] == "").all()


def test_models_that_fail_say_so_in_the_table():
    design = simulated()
    x = design.x.copy()
    x[design.y == 0, 2] = 0  # no woman on the lowest level: proportional odds bear that, free effects do not
    problems = compare_models(replace(design, x=x), SPEC).frame().set_index("model")["problems"]
    assert problems["cumulative, proportional"] == ""
    assert "woman" in problems["cumulative, all effects free"]
    assert "woman" in problems["multinomial logit"]


def test_a_likelihood_without_probabilities_is_not_compared():
    """No woman answers "3": free effects make her probability of it negative."""
    design = simulated()
    x = design.x.copy()
    x[design.y == 2, 2] = 0
    table = compare_models(replace(design, x=x), SPEC).frame().set_index("model")
    assert table["aic"].isna().to_dict() == dict.fromkeys(table.index, False) | {"cumulative, all effects free": True}


def test_without_terms_all_models_are_one():
    design = replace(simulated(), x=np.zeros((400, 0)), terms=(), factors=())
    table = compare_models(design, SPEC).frame()
    np.testing.assert_allclose(table["minus2ll"], table["minus2ll"][0], rtol=1e-10)
    assert table["df"].tolist() == [3, 3, 3, 3]


def test_an_offset_leaves_the_multinomial_out():
    design = simulated(offset=np.full(400, 0.5))
    found = compare_models(design, SPEC)
    assert "multinomial logit" not in found.frame()["model"].tolist()
    assert found.checks[0].status == "not applicable"


def test_every_term_nominal_is_fitted_once():
    names = compare_models(simulated(nominal=(0, 1, 2, 3, 4)), SPEC).frame()["model"].tolist()
    assert names.count("cumulative, all effects free") == 1
    assert "cumulative, partial" not in names
