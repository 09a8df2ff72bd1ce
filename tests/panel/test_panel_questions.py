"""What a panel's posterior is asked: every table, from what it is made, and what does not apply."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from panel.panel_samples import sample_spec, simulate

from bayesgov.fits import PosteriorFit
from bayesgov.panel.bayesian import fit_bayesian
from bayesgov.panel.bayesian.collapsed import collapsed_model
from bayesgov.panel.bayesian.draws import named_draws, prior_draws
from bayesgov.panel.bayesian.pipeline import question_posterior
from bayesgov.panel.bayesian.prior_table import prior_table
from bayesgov.panel.design import panel_design
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.steps import Found

FEW = {"draws": 120, "tune": 120, "chains": 2}


def _asked(frame: pd.DataFrame, **changes: Any) -> tuple[DynamicPanelSpec, PosteriorFit, Found]:
    spec = sample_spec(**({"n_predictors": 1, "sampling": FEW} | changes))
    design = panel_design(frame, spec)
    fit = fit_bayesian(design, spec, "panel", seed=1)
    return spec, fit, question_posterior(frame, design, spec, fit, seed=2)


def _not_applicable(found: Found) -> dict[str, str]:
    return {check.name: check.advice for check in found.checks if check.status == "not applicable"}


@pytest.fixture(scope="module")
def asked() -> tuple[DynamicPanelSpec, PosteriorFit, Found]:
    return _asked(simulate(60, 8, 3, seed=21, n_predictors=1, unit_sd=0.5))


def test_every_table_is_there_without_empty_columns(asked: tuple[DynamicPanelSpec, PosteriorFit, Found]) -> None:
    _, _, found = asked
    assert found.problems == ()
    assert set(found.tables) == {
        "priors", "persistence", "long_run_posterior", "impulse_responses", "residual_checks", "regions",
        "mean_effects", "initial_conditions", "region_scores", "future_scores",
    }  # fmt: skip
    for name, table in found.tables.items():
        assert len(table) > 0
        assert not table.isna().all().any(), name
    assert "takes minutes" in _not_applicable(found)["stationary first outcomes"]


def test_poolings_stand_beside_the_fit(asked: tuple[DynamicPanelSpec, PosteriorFit, Found]) -> None:
    _, fit, found = asked
    regions, own = found.tables["regions"], fit.estimates().set_index("term")
    counts = regions.groupby("series").size().to_dict()
    assert counts == {"no pooling": 9, "partial pooling": 9, "complete pooling": 3}
    assert set(regions.loc[regions["series"] == "complete pooling", "region"]) == {"all"}
    partial = regions[regions["series"] == "partial pooling"].set_index(["region", "term"])
    columns = ["estimate", "std_error", "lower", "upper", "probability_positive"]
    for region, term, name in (
        ("r1", "L1.y", "alpha[r1, L1.y]"),
        ("r2", "x0", "beta[r2, x0]"),
        ("r0", "L1.x0", "beta[r0, L1.x0]"),
    ):
        np.testing.assert_allclose(
            partial.loc[(region, term), columns].astype(float), own.loc[name, columns].astype(float)
        )
    means = found.tables["mean_effects"].set_index("term")
    np.testing.assert_allclose(means.loc["x0", columns].astype(float), own.loc["beta_mean[x0]", columns].astype(float))
    assert means.loc["L1.y", "region_sd"] == pytest.approx(own.loc["region_sd[L1.y]", "estimate"])
    spread = regions.groupby(["series", "term"])["estimate"].std()
    assert (spread["partial pooling"] < spread["no pooling"]).all()


def test_naive_first_outcomes_raise_persistence(asked: tuple[DynamicPanelSpec, PosteriorFit, Found]) -> None:
    table = asked[2].tables["initial_conditions"]
    assert list(dict.fromkeys(table["initial"])) == ["conditional", "naive"]
    own = table[table["term"] == "L1.y"].set_index(["initial", "region"])["estimate"]
    assert (own["naive"] > own["conditional"] + 0.05).all()
    assert table.loc[table["initial"] == "naive", "note"].str.contains("overstated").all()


def test_held_out_parts_are_scored_under_both_poolings(asked: tuple[DynamicPanelSpec, PosteriorFit, Found]) -> None:
    tables = asked[2].tables
    assert list(tables["region_scores"]["region"]) == ["r0", "r1", "r2"] * 2
    assert list(tables["future_scores"]["time"]) == [2014, 2015, 2016] * 2
    assert list(dict.fromkeys(tables["future_scores"]["model"])) == ["partial pooling", "complete pooling"]
    # one period of 60 rows a score, in the outcome's own units
    best = -0.5 * np.log(2 * np.pi * np.e * 0.3**2)
    assert (np.abs(tables["future_scores"]["per_row"] - best) < 0.5).all()


def test_one_region_has_one_series_and_no_scores_of_regions() -> None:
    _, fit, found = _asked(simulate(30, 6, 2, seed=22, n_predictors=1), region="", time_effects=False)
    assert found.problems == ()
    assert set(found.tables["regions"]["series"]) == {"complete pooling"}
    assert set(found.tables["regions"]["region"]) == {"all"}
    assert found.tables["regions"]["estimate"].iloc[0] == pytest.approx(fit.estimates()["estimate"].iloc[0])
    assert {"region_scores", "mean_effects"}.isdisjoint(found.tables)
    assert {"poolings of the regions", "regions held out"} <= set(_not_applicable(found))
    assert set(found.tables["future_scores"]["model"]) == {"complete pooling"}


def test_two_lags_without_predictors_and_unrelated_regions() -> None:
    _, _, found = _asked(
        simulate(40, 8, 2, seed=23, n_predictors=1),
        n_predictors=0,
        outcome_lags=2,
        pooling="none",
        error_scale="by_region",
    )
    assert found.problems == ()
    assert {"long_run_posterior", "impulse_responses"}.isdisjoint(found.tables)
    assert set(found.tables["regions"]["series"]) == {"no pooling", "partial pooling", "complete pooling"}
    assert (found.tables["region_scores"]["mc_error"] > 0).all()
    assert "one lag" in _not_applicable(found)["stationary first outcomes"]
    assert "variance" not in " ".join(found.tables["residual_checks"]["statistic"])


def test_only_some_terms_vary_and_the_panel_is_short() -> None:
    _, _, found = _asked(simulate(40, 3, 2, seed=24, n_predictors=1), varying=("x0",))
    assert found.problems == ()
    partial = found.tables["regions"].query("series == 'partial pooling'")
    assert set(partial.loc[partial["term"] == "L1.y", "region"]) == {"all"}
    assert set(partial.loc[partial["term"] == "L1.x0", "region"]) == {"r0", "r1"}
    assert list(found.tables["mean_effects"]["term"]) == ["x0", "L1.x0"]
    assert "future_scores" not in found.tables
    assert "two earlier periods" in _not_applicable(found)["periods held out"]
    assert list(found.tables["residual_checks"]["statistic"]) == ["kurtosis", "largest to smallest regional variance"]


def test_a_declared_model_is_compared_within_its_gaussian_version() -> None:
    frame = simulate(40, 7, 2, seed=25, n_predictors=1)
    gaussian, spec = sample_spec(1, sampling=FEW), sample_spec(1, sampling=FEW, errors="student_t")
    design = panel_design(frame, gaussian)
    fit = fit_bayesian(design, gaussian, "panel", seed=1)
    # as a declared fit's posterior: with degrees of freedom, and coefficients that no Gaussian fit would give
    posterior = fit.tree["posterior"].to_dataset()
    degrees = xr.full_like(posterior["error_sd"], 4.0)
    fit.tree["posterior"] = xr.DataTree(posterior.assign(degrees_of_freedom=degrees, alpha=0 * posterior["alpha"]))
    found = question_posterior(frame, design, spec, fit, seed=2)
    assert found.problems == ()
    regions = found.tables["regions"]
    assert (regions.loc[regions["term"] == "L1.y", "estimate"] > 0.2).all()
    assert regions["note"].str.contains("Gaussian errors").all()
    assert found.tables["initial_conditions"]["note"].str.contains("Gaussian errors").all()
    assert "Gaussian errors" in _not_applicable(found)["comparisons of the model itself"]
    assert "degrees_of_freedom" in set(found.tables["priors"]["parameter"])


@pytest.mark.parametrize("standardise", [True, False])
def test_priors_are_those_that_prior_draws_follow(standardise: bool) -> None:
    spec = sample_spec(1, standardise=standardise)
    design = panel_design(simulate(40, 6, 3, seed=26, n_predictors=1, offset=5.0), spec)
    model = collapsed_model(design, spec)
    scales, working = prior_draws(model, 20_000, np.random.default_rng(1))
    draws = named_draws(design, model, scales, working, 1)
    table = prior_table(design, spec).set_index("parameter")
    drawn = {
        f"{name}{'' if label is None else f'[{label}]'}": values
        for name in ("alpha_mean", "beta_mean", "level_mean", "delta", "region_sd", "unit_sd", "error_sd", "year_sd")
        for label, values in _elements(draws[name])
    }
    assert set(drawn) == set(table.index)
    for parameter, values in drawn.items():
        normal = table.loc[parameter, "distribution"].startswith("Normal")
        size = values.std() if normal else np.sqrt((values**2).mean())
        assert size == pytest.approx(table.loc[parameter, "scale"], rel=0.03), parameter  # 1 / sqrt(2 x 20,000) = 0.005


def _elements(variable: xr.DataArray) -> list[tuple[str | None, np.ndarray]]:
    dims = [dim for dim in variable.dims if dim not in ("chain", "draw")]
    if not dims:
        return [(None, variable.values)]
    return [(str(label.item()), variable.sel({dims[0]: label}).values) for label in variable[dims[0]]]


@pytest.mark.slow
def test_stationary_first_outcomes_agree_with_conditional_ones() -> None:
    frame = simulate(100, 8, 3, seed=27, n_predictors=1, unit_sd=0.5)
    _, _, found = _asked(frame, compare_stationary=True, sampling={"draws": 500, "tune": 500})
    assert found.problems == ()
    table = found.tables["initial_conditions"]
    assert list(dict.fromkeys(table["initial"])) == ["conditional", "naive", "stationary"]
    own = table[table["term"] == "L1.y"].groupby("initial")["estimate"].mean()
    assert own["stationary"] == pytest.approx(0.5, abs=0.1)
    assert own["conditional"] == pytest.approx(own["stationary"], abs=0.1)
    assert own["naive"] > max(own["stationary"], own["conditional"]) + 0.05
