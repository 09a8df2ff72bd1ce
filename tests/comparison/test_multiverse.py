"""The specification curve: every combination, what cannot be fitted, and what each choice does."""

import numpy as np
import pandas as pd
import pytest
from panel.panel_samples import sample_spec, simulate

import bayesgov
from bayesgov.comparison import multiverse as module
from bayesgov.comparison.multiverse import multiverse, with_fields
from bayesgov.errors import InputError
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.spec import SamplingSpec
from bayesgov.study import models_folder
from bayesgov.survey.spec import CumulativeSpec

SPEC = CumulativeSpec(
    formula="rating ~ temp + contact", sampling=SamplingSpec(seed=1, chains=2, draws=100, tune=100, target_accept=0.8)
)
CHOICES = {"family": ["cumulative", "adjacent"], "link": ["logit", "probit"], "scale": ["", "temp"]}


@pytest.fixture(scope="module")
def wine():
    return pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")


@pytest.fixture(scope="module")
def found(wine):
    return multiverse(SPEC, wine, CHOICES, "frequentist")


def test_every_combination_is_fitted_or_says_why_not(found):
    universes = found.universes
    assert len(universes) == 8
    assert universes[list(CHOICES)].drop_duplicates().shape[0] == 8
    invalid = universes[universes["status"] == "invalid"]
    assert (invalid["family"] == "adjacent").all()
    assert (invalid["scale"] == "temp").all()
    assert invalid["reason"].str.contains('need family = "cumulative"').all()
    assert (universes.drop(invalid.index)["status"] == "fitted").all()
    assert set(found.estimates["universe"]) == set(universes.drop(invalid.index)["universe"])


def test_estimates_are_those_of_the_fit(found, wine):
    own = found.estimates.query("family == 'cumulative' and link == 'probit' and scale == ''").set_index("term")
    alone = bayesgov.fit(SPEC.model_copy(update={"link": "probit"}), wine, "frequentist").estimates().set_index("term")
    assert list(own.index) == ["beta[temp[warm]]", "beta[contact[yes]]"]
    for name in ("estimate", "lower", "upper", "p_value"):
        np.testing.assert_array_equal(own[name], alone.loc[own.index, name])


def test_summaries_count_universes(found):
    whole = found.summary().set_index("term")
    assert (whole["universes"] == 6).all()
    estimates = found.estimates[found.estimates["term"] == "beta[contact[yes]]"]
    row = whole.loc["beta[contact[yes]]"]
    assert row["median"] == np.median(estimates["estimate"])
    assert (row["lowest"], row["highest"]) == (estimates["estimate"].min(), estimates["estimate"].max())
    assert row["share_excluding_zero"] == np.mean((estimates["lower"] > 0) | (estimates["upper"] < 0))
    choices = found.by_choice()
    counts = choices[choices["term"] == "beta[temp[warm]]"].groupby("field")["universes"].sum()
    assert counts.to_dict() == dict.fromkeys(CHOICES, 6)
    adjacent = choices[(choices["choice"] == "adjacent") & (choices["term"] == "beta[temp[warm]]")].iloc[0]
    logit = found.estimates.query("family == 'adjacent' and term == 'beta[temp[warm]]'")["estimate"]
    assert adjacent["median"] == np.median(logit)


def test_priors_are_a_choice_of_the_posterior(wine):
    found = multiverse(SPEC, wine, {"prior.kind": ["normal"], "prior.scale": [0.05, 3.0]}, terms=["beta[temp[warm]]"])
    assert found.approach == "bayesian"
    narrow, wide = found.estimates["estimate"]
    assert 0 < narrow < 0.5 * wide
    assert "p_value" not in found.estimates
    assert found.estimates["probability_positive"].between(0, 1).all()


def test_a_combination_that_breaks_does_not_end_the_others(wine, monkeypatch):
    fit = module.fit

    def breaks(spec, *arguments, **keywords):
        if spec.link == "probit":
            raise np.linalg.LinAlgError("singular")
        return fit(spec, *arguments, **keywords)

    monkeypatch.setattr(module, "fit", breaks)
    found = multiverse(SPEC, wine, {"link": ["logit", "probit"]}, "frequentist")
    assert found.universes["status"].tolist() == ["fitted", "failed"]
    assert found.universes["reason"].iloc[1] == "LinAlgError: singular"


def test_a_fit_whose_checks_fail_is_doubtful(wine):
    """Nobody rates cold wine above 2: temp separates the outcome."""
    separated = wine.assign(rating=np.where(wine["temp"] == "cold", 1 + wine.index % 2, 3 + wine.index % 2))
    found = multiverse(SPEC, separated, {"link": ["logit"]}, "frequentist")
    assert found.universes["status"].tolist() == ["doubtful"]
    assert "separation" in found.universes["reason"].iloc[0]


def test_fields_of_a_panel_spec_are_set_by_dotted_names():
    spec = DynamicPanelSpec(outcome="y", predictors=("x",), unit="unit", time="time")
    changed = with_fields(spec, {"gmm.collapse": True, "gmm.steps": "one", "outcome_lags": 2})
    assert (changed.gmm.collapse, changed.gmm.steps, changed.outcome_lags) == (True, "one", 2)
    assert spec.gmm.steps != "one"
    with pytest.raises(InputError, match="outcome_lags = 1"):
        with_fields(spec, {"outcome_lags": 2, "stationarity": "bounded"})


def test_both_kinds_of_spec_have_one():
    frame = simulate(n_units=60, n_times=8, n_regions=1, seed=4, n_predictors=1)
    spec = sample_spec(1, predictors=("x0",), pooling="complete", gmm={"collapse": True})
    found = multiverse(spec, frame, {"gmm.steps": ["one", "two"], "gmm.system": [True, False]}, "frequentist")
    assert (found.universes["status"] != "failed").all()
    persistence = found.estimates[found.estimates["term"] == "alpha[all, L1.y]"]
    assert persistence["estimate"].nunique() == 4
    # the truth is 0.5; four estimators of 60 units lie within a few of their standard errors of it
    assert (np.abs(persistence["estimate"] - 0.5) < 4 * persistence["std_error"]).all()
    assert {"beta[all, x0]", "beta[all, L1.x0]"} <= set(found.summary()["term"])


@pytest.mark.parametrize(
    ("choices", "terms", "line"),
    [
        ({"prior.knd": ["normal"]}, None, r"no field 'prior.knd'; prior has: by_factor"),
        ({"lnk": ["logit"]}, None, r"no field 'lnk'; the spec has: "),
        ({"formula.text": ["y ~ x"]}, None, r"formula has: no fields"),
        ({"link": []}, None, "link needs one value or more"),
        ({}, None, "needs a field to vary"),
        ({"link": ["logt"]}, None, "no combination of the choices can be fitted; the first: link: Input should be"),
        ({"link": ["logit"]}, ["temp"], r"no fit has a term 'temp'"),
    ],
)
def test_what_cannot_be_varied_is_refused_in_one_line(wine, choices, terms, line):
    with pytest.raises(InputError, match=line) as refused:
        multiverse(SPEC, wine, choices, "frequentist", terms=terms)
    assert "\n" not in str(refused.value)
