"""Delta-method standard errors and intervals of probabilities and effects against R's numDeriv."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import norm
from survey.model_check_data import REFERENCE, SPEC, simulated

from bayesgov.survey.changes import at_means, on_grid
from bayesgov.survey.frequentist.margins import (
    average_probabilities,
    coefficients_of,
    marginal_effects,
    predicted_probabilities,
)
from bayesgov.survey.frequentist.ordered import fit_ordered

# clm's estimates are right to about 1e-9, numDeriv's extrapolated derivatives to about 1e-10
ESTIMATE, STD_ERROR = 1e-8, 1e-8


@pytest.fixture(scope="module")
def design():
    return simulated()


@pytest.fixture(scope="module")
def fit(design):
    return fit_ordered(design, SPEC)


@pytest.fixture(scope="module")
def scaled(design):
    design = replace(design, scale_x=design.x[:, [2]], scale_terms=("woman",))
    return design, fit_ordered(design, SPEC.model_copy(update={"link": "probit", "scale": "woman"}))


def test_effects_and_standard_errors_are_those_of_r(design, fit):
    expected = REFERENCE["margins"]
    found = marginal_effects(fit, design)
    np.testing.assert_allclose(found.estimate, expected["effects"], atol=ESTIMATE)
    np.testing.assert_allclose(found.std_error, expected["effects_se"], atol=STD_ERROR)


def test_a_scale_model_adds_its_own_uncertainty(scaled):
    expected = REFERENCE["margins_scale"]
    found = marginal_effects(scaled[1], scaled[0])
    np.testing.assert_allclose(found.estimate, expected["effects"], atol=ESTIMATE)
    np.testing.assert_allclose(found.std_error, expected["effects_se"], atol=STD_ERROR)


def test_probabilities_and_standard_errors_are_those_of_r(design, fit, scaled):
    for key, data, model in (("margins", design, fit), ("margins_scale", *scaled)):
        expected = REFERENCE[key]
        average, middle = average_probabilities(model, data), predicted_probabilities(model, at_means(data))
        np.testing.assert_allclose(average.estimate[0], expected["average"], atol=ESTIMATE)
        np.testing.assert_allclose(average.std_error[0], expected["average_se"], atol=STD_ERROR)
        np.testing.assert_allclose(middle.estimate[0], expected["at_means"], atol=ESTIMATE)
        np.testing.assert_allclose(middle.std_error[0], expected["at_means_se"], atol=STD_ERROR)


def test_table_of_effects(design, fit):
    table = marginal_effects(fit, design).frame(level=0.9)
    assert len(table) == 5 * 4
    assert table["interval"].unique().tolist() == ["90% delta-method confidence"]
    assert table["change"].tolist()[::4] == ["derivative", "step", "contrast", "contrast", "contrast"]
    np.testing.assert_allclose(table.groupby("term")["estimate"].sum(), 0, atol=1e-14)
    row = table[(table["term"] == "woman") & (table["level"] == "4")].iloc[0]
    assert row["estimate"] == pytest.approx(REFERENCE["margins"]["effects"][2][3])
    assert row["upper"] - row["lower"] == pytest.approx(2 * norm.ppf(0.95) * row["std_error"])
    assert row["p_value"] == pytest.approx(2 * norm.sf(abs(row["estimate"] / row["std_error"])))
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        marginal_effects(fit, design).frame(level=95)


def test_effects_left_out_are_a_check(design, fit):
    assert marginal_effects(fit, design).checks()[0].status == "pass"
    squared = replace(design, terms=("age", "I(age ** 2)", "woman", "region[north]", "region[west]"))
    squared = replace(squared, factors=("age", "I(age ** 2)", "woman", "region", "region"))
    check = marginal_effects(fit, squared).checks()[0]
    assert (check.status, check.value) == ("warn", 2)
    assert check.advice.startswith("no average effect of age, I(age ** 2):")


def test_probabilities_keep_their_interval_inside_zero_and_one(design, fit):
    extreme = on_grid(design, {"age": (-12.0, 0.0, 12.0)})
    table = predicted_probabilities(fit, extreme, ("low", "mean", "high")).frame()
    assert table["row"].unique().tolist() == ["low", "mean", "high"]
    assert ((table["lower"] > 0) & (table["lower"] < table["estimate"]) & (table["upper"] > table["estimate"])).all()
    assert (table["upper"] < 1).all()
    # symmetric intervals would not be inside
    assert (table["estimate"] - norm.ppf(0.975) * table["std_error"] < 0).any()
    middle = table.iloc[5]
    reach = norm.ppf(0.975) * middle["std_error"] / (middle["estimate"] * (1 - middle["estimate"]))
    assert logit(middle["upper"]) == pytest.approx(logit(middle["estimate"]) + reach)


def test_rows_are_predicted_in_chunks(design, fit, monkeypatch):
    whole = predicted_probabilities(fit, design)
    monkeypatch.setattr("bayesgov.survey.frequentist.margins._CHUNK_ROWS", 37)
    parts = predicted_probabilities(fit, design)
    np.testing.assert_allclose(parts.estimate, whole.estimate, atol=1e-15)
    np.testing.assert_allclose(parts.std_error, whole.std_error, atol=1e-12)
    assert whole.rows == tuple(str(row) for row in range(400))
    np.testing.assert_allclose(
        np.average(whole.estimate, axis=0, weights=design.weights), average_probabilities(fit, design).estimate[0]
    )


def test_nominal_effects_and_structured_thresholds_are_written_out(design):
    free = replace(design, nominal=(2,))
    fit = fit_ordered(free, SPEC)
    block = coefficients_of(fit)
    np.testing.assert_allclose(block.departure.sum(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(marginal_effects(fit, free).estimate.sum(axis=1), 0, atol=1e-14)
    even = fit_ordered(design, SPEC.model_copy(update={"thresholds": "equidistant"}))
    np.testing.assert_allclose(np.diff(coefficients_of(even).threshold[0], n=2), 0, atol=1e-12)
    assert np.all(marginal_effects(even, design).std_error > 0)


@pytest.mark.slow
def test_intervals_cover():
    """Average effect of a binary predictor: 95% intervals cover it in about 95% of 300 samples."""
    rng = np.random.default_rng(21)
    thresholds, beta = np.array([-1.0, 0.5, 1.5]), np.array([0.7, -0.6])
    x = np.column_stack([rng.normal(size=300), np.arange(300) % 2])
    below = [1 / (1 + np.exp(-(thresholds - (x[:, [0]] * beta[0] + v * beta[1])))) for v in (0, 1)]
    truth = np.diff(below[1] - below[0], axis=1, prepend=0, append=0).mean(axis=0)
    covered = []
    for _ in range(300):
        y = np.digitize(x @ beta + rng.logistic(size=300), thresholds)
        data = replace(
            simulated().take(np.arange(300)), y=y, x=x, terms=("a", "b"), factors=("a", "b"), weights=np.ones(300)
        )
        table = marginal_effects(fit_ordered(data, SPEC), data).frame().iloc[4:]
        covered.append((table["lower"].to_numpy() <= truth) & (truth <= table["upper"].to_numpy()))
    # three binomial standard errors of 300 samples
    np.testing.assert_allclose(np.mean(covered, axis=0), 0.95, atol=3 * np.sqrt(0.95 * 0.05 / 300))
