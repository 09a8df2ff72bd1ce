"""Every kind of Fit goes through compare and back from disk: survey, panel and published, by both schools."""

from __future__ import annotations

import arviz
import numpy as np
import pandas as pd
import pytest
from panel.panel_samples import sample_spec, simulate

import bayesgov
from bayesgov.published.coefficients import bayesian, frequentist
from bayesgov.published.coefficients.design import read_readings
from bayesgov.runs import record
from bayesgov.sampling import SamplingOptions
from bayesgov.spec import SamplingSpec, read_published_spec
from bayesgov.study import load_study, models_folder

SMALL = SamplingSpec(seed=1, chains=2, draws=100, tune=100, target_accept=0.9)
KINDS = ("survey", "panel", "published")
FORMULA = "rating ~ temp + contact"


def _survey():
    wine = pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")
    spec = bayesgov.CumulativeSpec(formula=FORMULA, sampling=SMALL, prior={"kind": "normal"})
    return tuple(bayesgov.fit(spec, wine, approach) for approach in ("frequentist", "bayesian"))


def _panel():
    frame = simulate(24, 6, 2, seed=1, n_predictors=1)
    spec = sample_spec(1, sampling=SMALL)
    return tuple(bayesgov.fit(spec, frame, approach) for approach in ("frequentist", "bayesian"))


def _published():
    study = load_study("survey")
    spec = read_published_spec(study.folder)
    reading = read_readings(study, spec.coefficients)[0]
    ready = bayesian.prepare(reading, spec.coefficients)
    options = SamplingOptions(seed=1, chains=2, draws=100, tune=100, prior_draws=100)
    fits = frequentist.fit(reading), bayesian.fit(ready, reading, spec.coefficients, options)
    return tuple(record(fit, spec=spec, data=study.key, checksum=study.checksum, seed=1) for fit in fits)


@pytest.fixture(scope="module")
def fits():
    return {"survey": _survey(), "panel": _panel(), "published": _published()}


@pytest.fixture(scope="module")
def comparisons(fits):
    return {kind: bayesgov.compare(*pair, rope=0.05) for kind, pair in fits.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_both_schools_are_aligned(fits, comparisons, kind):
    found = comparisons[kind]
    assert found.fits == tuple(fit.label for fit in fits[kind])
    effects = [term for term in found.terms if term.startswith(("beta[", "alpha["))]
    assert len(effects) >= 2
    assert set(effects) <= set(found.decisions["term"])
    assert not set(found.decisions["term"]) & {term for term in found.terms if term.startswith("threshold[")}
    rules = {"p < 0.05", "TOST p < 0.05", "P(direction) > 0.975", "ROPE"}
    assert rules <= set(found.decisions["rule"])
    assert found.decisions["decision"].isin(["effect", "no effect", "undecided"]).all()
    assert found.concordance()["agreement"].between(0, 1).all()
    assert found.checks.set_index("check").loc["same_observations", "status"] == "pass"


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_the_fits(fits, comparisons, kind):
    """Each cell of the long table is read from the fit again, term by term."""
    for fit in fits[kind]:
        own = fit.estimates().set_index("term")
        rows = comparisons[kind].estimates.query("fit == @fit.label").set_index("term")
        shared = [name for name in own if name in rows]
        pd.testing.assert_frame_equal(rows[shared], own.loc[rows.index, shared], check_dtype=False)


@pytest.mark.parametrize("kind", KINDS)
def test_arviz_summarises_both_schools(fits, kind):
    estimator, posterior = fits[kind]
    tables = [
        arviz.summary(fit.tree, group=group, kind="stats", var_names=["beta"], round_to="none")
        for fit, group in ((estimator, "sampling_distribution"), (posterior, "posterior"))
    ]
    assert set(tables[0].index) >= set(tables[1].index)
    drawn, known = estimator.tree["sampling_distribution"]["beta"], posterior.tree["posterior"]["beta"]
    assert drawn.dims == known.dims


@pytest.mark.parametrize("kind", KINDS)
def test_the_fits_come_back_from_disk_and_compare_alike(fits, comparisons, kind, tmp_path):
    for fit in fits[kind]:
        fit.tree.to_zarr(tmp_path / f"{fit.label}.zarr", consolidated=False)
    again = bayesgov.compare(*(bayesgov.load_fit(tmp_path / f"{fit.label}.zarr") for fit in fits[kind]), rope=0.05)
    for name in ("estimates", "pairs", "decisions", "checks"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(comparisons[kind], name))


def test_a_fit_from_disk_predicts(fits, tmp_path):
    wine = pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")
    design = bayesgov.build_design(bayesgov.CumulativeSpec(formula=FORMULA), wine)
    for fit in fits["survey"]:
        fit.tree.to_zarr(tmp_path / f"{fit.label}.zarr", consolidated=False)
        again = bayesgov.load_fit(tmp_path / f"{fit.label}.zarr")
        np.testing.assert_array_equal(again.predict(design), fit.predict(design))


def test_the_exact_prior_density_is_that_of_the_prior_draws(fits):
    """Savage-Dickey takes the density of Normal(0, 1 / sd of the predictor) at zero; the prior's draws have it too."""
    tree = fits["survey"][1].tree
    exact = tree["prior_at_zero"]["beta"]
    sd = tree["prior"]["beta"].std(("chain", "draw"))
    # of the standard deviation of 1,000 draws: 2.2%
    np.testing.assert_allclose(exact, 1 / np.sqrt(2 * np.pi) / sd, rtol=0.08)
