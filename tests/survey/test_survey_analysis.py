"""Both schools on the same rows, asked everything: what ends in the fits' trees, and what a comparison makes of it."""

import numpy as np
import pytest

import bayesgov
from bayesgov.row_claims import SURVEY_TABLES
from bayesgov.spec import SamplingSpec
from bayesgov.study import models_folder
from bayesgov.survey.analysis import analyse

FOLDER = models_folder() / "survey"
FEW = SamplingSpec(seed=1, chains=2, draws=100, tune=100, target_accept=0.9)
SCHOOLS = ("frequentist", "bayesian")


def _analysed(approaches=SCHOOLS, **changes):
    # without the judges' intercepts, which are dear and tested where they belong
    plain = {"formula": "rating ~ temp + contact", "lasso": "ordinal", "folds": 3, "dial": False, "sampling": FEW}
    changes = plain | changes
    spec = bayesgov.read_cumulative_spec(FOLDER / "wine.toml").model_copy(update=changes)
    return analyse(
        spec, bayesgov.read_table(FOLDER / "data" / "wine.csv"), approaches, seed=1, progress=lambda _message: None
    )


@pytest.fixture(scope="module")
def found():
    return _analysed(dial=True)


def test_claims_can_name_every_table(found):
    assert set(found.tables) <= SURVEY_TABLES


def test_each_school_says_what_it_selects_under_the_estimates_names(found):
    assert found.problems == ()
    rules = {name: list(found.fits[name].tree["selection"]["rule"].values) for name in SCHOOLS}
    assert rules == {"frequentist": ["lambda.min", "lambda.1se"], "bayesian": ["projection"]}
    for fit in found.fits.values():
        selection = fit.tree["selection"].to_dataset()
        assert set(selection["term"].values) <= set(fit.estimates()["term"])
        assert set(np.unique(selection["selected"])) <= {0.0, 1.0}
    frequency = found.fits["frequentist"].tree["selection"]["frequency"]
    assert frequency.notnull().all()
    # temp has the larger effect by far: every bootstrap sample has it at the smaller penalty
    assert float(frequency.sel(rule="lambda.min", term="beta[temp[warm]]")) > 0.9


def test_both_schools_are_scored_on_the_same_rows(found):
    table = found.tables["held_out_scores"]
    assert set(table["approach"]) == {*SCHOOLS, "level shares"}
    rows = table.pivot(index="fold", columns="approach", values="rows")
    assert rows.nunique(axis=1).eq(1).all()
    assert rows.loc["all"].eq(72).all()
    assert {"held_out_differences", "calibration", "held_out_pit", "dial", "dial_path"} <= set(found.tables)
    for name in SCHOOLS:
        scores = found.fits[name].tree["scores"].to_dataset().to_dataframe()
        own = table[table["approach"] == name].set_index("fold")
        np.testing.assert_array_equal(scores["log_score"], own["log_score"])
    assert {"held_out_rhat_max", "dial_rhat_max"} <= {check.name for check in found.checks["both schools"]}


def test_trees_that_were_stored_compare_with_rules_and_scores(found, tmp_path):
    stored = []
    for name, fit in found.fits.items():
        fit.tree.to_zarr(tmp_path / f"{name}.zarr", consolidated=False)
        stored.append(bayesgov.load_fit(tmp_path / f"{name}.zarr"))
    compared = bayesgov.compare(*stored)
    table = compared.concordance()
    assert {"lambda.min", "lambda.1se", "projection"} <= set(table.columns)
    assert table.loc["beta[temp[warm]]", "lambda.min"] == "effect"
    assert set(compared.scores["fold"]) == {"1", "2", "3", "4", "5", "all"}
    assert {"log_score", "rps", "brier"} <= set(compared.scores)


def test_one_school_alone_is_scored_against_the_level_shares():
    alone = _analysed(("frequentist",), lasso="none")
    assert alone.problems == ()
    assert set(alone.tables["held_out_scores"]["approach"]) == {"frequentist", "level shares"}
    assert "selection" not in alone.fits["frequentist"].tree
    assert "dial" not in alone.tables


def test_fits_to_imputed_rows_are_not_held_out():
    alone = _analysed(("frequentist",), lasso="none", missing="impute", imputations=2)
    assert "held_out_scores" not in alone.tables
    (check,) = [check for check in alone.checks["both schools"] if check.name == "rows held out"]
    assert check.status == "not applicable"
    assert "complete rows" in check.advice
