"""``bayesgov.fit`` on rows: the same contract for both schools, from a formula or a spec, on the bundled data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayesgov
from bayesgov.errors import InputError
from bayesgov.fits import GLOSSARY, Check, EstimatorFit, PosteriorFit
from bayesgov.spec import SamplingSpec
from bayesgov.study import models_folder
from bayesgov.survey.build import encode, redesign
from bayesgov.survey.prepare import prepare

SMALL = SamplingSpec(seed=1, chains=2, draws=100, tune=100, target_accept=0.9)
APPROACHES = ("frequentist", "bayesian")


@pytest.fixture(scope="module")
def wine():
    return pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")


@pytest.fixture(scope="module")
def spec():
    return bayesgov.read_cumulative_spec(models_folder() / "survey" / "wine.toml").model_copy(
        update={"sampling": SMALL}
    )


@pytest.fixture(scope="module")
def encoded(spec, wine):
    return encode(prepare(spec, wine))


@pytest.fixture(scope="module")
def fits(spec, wine):
    return {approach: bayesgov.fit(spec, wine, approach, seed=1) for approach in APPROACHES}


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_contract_of_a_fit(fits, approach):
    fit = fits[approach]
    assert isinstance(fit, EstimatorFit if approach == "frequentist" else PosteriorFit)
    assert fit.approach == fit.label == approach
    frame = fit.estimates(level=0.9)
    absent = ("probability_positive", "mc_error") if approach == "frequentist" else ("p_value",)
    assert list(frame.columns) == [name for name in GLOSSARY if name not in absent]
    terms = set(frame["term"])
    assert {"beta[temp[warm]]", "beta[contact[yes]]", "threshold[1|2]", "threshold[4|5]", "group_sd"} <= terms
    kind = "credible" if approach == "bayesian" else "confidence"
    assert frame["interval"].str.contains(kind).all()
    assert all(isinstance(check, Check) for check in fit.checks())


def test_both_schools_find_the_same_thing(fits):
    """A posterior of 200 draws under a weak prior lies within half a standard error of the maximum."""
    both = fits["frequentist"].estimates().merge(fits["bayesian"].estimates(), on="term", suffixes=("", "_posterior"))
    both = both[both["term"].str.startswith(("beta", "threshold"))]
    assert len(both) == 6
    assert (np.abs(both["estimate"] - both["estimate_posterior"]) < both["std_error"]).all()


@pytest.mark.parametrize("approach", APPROACHES)
def test_predictions_are_probabilities(fits, encoded, approach):
    drawn = fits[approach].predict(encoded.design)
    assert drawn.dims == ("chain", "draw", "obs", "category")
    assert drawn.sizes["obs"] == 72
    assert list(drawn["category"].values) == ["1", "2", "3", "4", "5"]
    assert drawn.sizes["draw"] == (1 if approach == "frequentist" else 100)
    assert float(drawn.min()) >= 0
    np.testing.assert_allclose(drawn.sum("category"), 1, atol=1e-12)
    # a random-intercept logit reproduces the observed shares to within its shrinkage of 9 judges
    shares = np.bincount(encoded.design.y) / 72
    np.testing.assert_allclose(drawn.mean(("chain", "draw", "obs")), shares, atol=0.03)


def test_the_point_prediction_is_the_model_at_the_estimates(fits, encoded):
    fit, design = fits["frequentist"], encoded.design
    value = fit.estimates().set_index("term")["estimate"]
    effect = fit.tree["group_effect"]["estimate"].to_series()
    eta = design.x @ value[["beta[temp[warm]]", "beta[contact[yes]]"]].to_numpy()
    eta += effect[[design.groups[code] for code in design.group]].to_numpy()
    below = 1 / (1 + np.exp(-(value["threshold[2|3]"] - eta)))
    predicted = fit.predict(design).isel(chain=0, draw=0)
    np.testing.assert_allclose(predicted.sel(category=["1", "2"]).sum("category"), below, atol=1e-12)


@pytest.mark.parametrize("approach", APPROACHES)
def test_a_group_that_the_fit_has_not_seen_is_averaged_over(fits, encoded, wine, approach):
    rows = wine.head(2).assign(judge=99)
    fit = fits[approach]
    found = fit.predict(redesign(encoded.encoding, rows))
    np.testing.assert_allclose(found.sum("category"), 1, atol=1e-12)
    group = "point" if approach == "frequentist" else "posterior"
    sd = fit.tree[group]["group_sd"].values.ravel()[0]
    first = fit.tree[group].to_dataset().isel(chain=0, draw=0)
    rng = np.random.default_rng(1)
    eta = first["beta"].values @ redesign(encoded.encoding, rows).x[0] + sd * rng.standard_normal(400_000)
    simulated = np.mean(1 / (1 + np.exp(-(first["threshold"].values[1] - eta))))
    # Monte Carlo error of the average below 0.001
    assert float(found[0, 0, 0, :2].sum()) == pytest.approx(simulated, abs=3e-3)


def test_rows_without_a_group_column_are_of_a_new_group(fits, encoded, wine):
    rows = wine.drop(columns=["judge", "rating"]).head(3)
    assert fits["frequentist"].predict(redesign(encoded.encoding, rows)).sizes["obs"] == 3


def test_a_prediction_for_another_design_is_refused(fits, wine):
    other = bayesgov.build_design(bayesgov.CumulativeSpec(formula="rating ~ temp"), wine)
    with pytest.raises(ValueError, match=r"needs the terms of the fit, temp\[warm\], contact\[yes\]; the Design has"):
        fits["frequentist"].predict(other)


def test_a_fit_without_rows_does_not_predict(fits):
    bare = EstimatorFit("printed", fits["frequentist"].tree, ())
    with pytest.raises(ValueError, match="printed has none behind it"):
        bare.predict(None)


def test_a_formula_will_do(wine):
    fit = bayesgov.fit("rating ~ temp + contact", wine, "frequentist", label="plain")
    assert fit.label == "plain"
    # R: clm(factor(rating) ~ temp + contact)
    coefficients = fit.estimates().set_index("term")["estimate"]
    assert coefficients["beta[temp[warm]]"] == pytest.approx(2.503102, abs=1e-5)
    assert coefficients["beta[contact[yes]]"] == pytest.approx(1.527798, abs=1e-5)


def test_pandas_table_and_arrow_give_one_answer(wine, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    formula = "rating ~ temp + contact"
    path = tmp_path / "wine.csv"
    wine.to_csv(path, index=False)
    found = [
        bayesgov.fit(formula, data, "frequentist").estimates()["estimate"].to_numpy()
        for data in (wine, bayesgov.read_table(path), pyarrow.Table.from_pandas(wine))
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_the_same_seed_gives_the_same_draws(spec, wine, fits):
    again = bayesgov.fit(spec, wine, "bayesian", seed=1).tree["posterior"]
    other = bayesgov.fit(spec, wine, "bayesian", seed=2).tree["posterior"]
    assert again["beta"].identical(fits["bayesian"].tree["posterior"]["beta"])
    assert not np.array_equal(again["beta"], other["beta"])


@pytest.mark.parametrize(
    ("formula", "approach", "line"),
    [
        ("rating ~ temp", "classical", "approach must be bayesian or frequentist; got 'classical'"),
        ("rating ~ temprature", "frequentist", "temp"),
        ("rating + temp", "frequentist", "~"),
        ("contact ~ temp", "frequentist", "contact"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(wine, formula, approach, line):
    with pytest.raises(InputError) as refused:
        bayesgov.fit(formula, wine, approach)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def holes(wine):
    """The wine data with every seventh temperature unknown."""
    frame = wine.copy()
    frame["temp"] = frame["temp"].where(np.arange(72) % 7 != 0, None)
    return frame


@pytest.mark.parametrize("approach", APPROACHES)
def test_missing_predictors_are_imputed_for_both_schools(holes, approach):
    spec = bayesgov.CumulativeSpec(
        formula="rating ~ temp + contact", missing="impute", imputations=3, sampling=SMALL, prior={"kind": "normal"}
    )
    fit = bayesgov.fit(spec, holes, approach, seed=1)
    listwise = bayesgov.fit("rating ~ temp + contact", holes, "frequentist").estimates().set_index("term")
    found = fit.estimates().set_index("term")
    # deleting a seventh of the rows at random moves an estimate by less than its standard error
    shift = (found["estimate"] - listwise["estimate"]).loc[["beta[temp[warm]]", "beta[contact[yes]]"]].abs()
    assert (shift < listwise["std_error"].loc[shift.index]).all()
    names = {check.name for check in fit.checks()}
    assert "imputations" in names
    if approach == "bayesian":
        assert fit.tree["posterior"].sizes["chain"] == 3 * SMALL.chains
        assert "rhat_max" in names  # of single imputations
    else:
        assert (fit.tree["imputation"]["missing_information"] > 0).all()


@pytest.mark.slow  # without a compiled density of its own the model takes a minute to compile
def test_a_monotonic_effect_predicts_levels_in_order():
    """mo() of an ordered predictor with three levels: the posterior's steps, and scores in maximum likelihood."""
    rng = np.random.default_rng(1)
    dose = rng.integers(0, 3, 300)
    eta = np.array([0.0, 0.2, 1.5])[dose]
    y = np.searchsorted([-1.0, 0.0, 1.5], eta + rng.logistic(size=300))
    frame = pd.DataFrame({"y": y, "dose": pd.Categorical.from_codes(dose, ["a", "b", "c"], ordered=True)})
    spec = bayesgov.CumulativeSpec(formula="y ~ mo(dose)", sampling=SMALL, prior={"kind": "normal"})
    encoded = encode(prepare(spec, frame))
    rows = redesign(encoded.encoding, frame.drop_duplicates("dose").sort_values("dose"))
    for approach in APPROACHES:
        top = bayesgov.fit(spec, frame, approach, seed=1).predict(rows).mean(("chain", "draw"))[:, -1].values
        assert top[0] < top[1] < top[2]
        if approach == "bayesian":  # the steps 0.2 and 1.3 are not equal, and the posterior sees it
            assert top[2] - top[1] > 2 * (top[1] - top[0])
