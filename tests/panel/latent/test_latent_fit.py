"""Sampling the latent outcome: recovery, units, the report on attenuation, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from panel.latent.latent_samples import measured_spec, simulate_measured

from bayesgov.errors import InputError
from bayesgov.panel.bayesian.fit import fit_bayesian
from bayesgov.panel.index_spec import IndexSpec
from bayesgov.panel.latent import attenuation_tables, fit_latent
from bayesgov.panel.latent.items import measured_items
from bayesgov.panel.prepare import prepare_panel
from bayesgov.spec import SamplingSpec

ALPHA, BETA = 0.6, (0.4, 0.2)


@pytest.fixture(scope="module")
def rows():
    return simulate_measured(seed=1, alpha=ALPHA, beta=BETA)


@pytest.fixture(scope="module")
def spec():
    return measured_spec(pooling="complete")


@pytest.fixture(scope="module")
def fitted(rows, spec):
    prepared = prepare_panel(rows, spec)
    return fit_bayesian(prepared.design, spec), fit_latent(rows, prepared, spec, seed=1)


def _draws(fit, name, **where):
    return fit.tree["posterior"][name].sel(**where).values.ravel()


def test_coefficients_are_recovered_where_the_composite_is_attenuated(fitted):
    composite, latent = fitted
    alpha = _draws(latent, "alpha", region="r0", lag="L1.level")
    assert abs(np.median(alpha) - ALPHA) < 3 * alpha.std()
    # the composite's noise is a sixth of its variance within units: persistence is underestimated
    assert np.median(_draws(composite, "alpha", region="r0", lag="L1.level")) < np.median(alpha) - 0.02
    assert latent.tree["sample_stats"]["diverging"].sum() == 0
    rhat = next(check for check in latent.checks() if check.name == "rhat_max")
    assert rhat.value < 1.05  # 400 draws


def test_units_are_the_composites(fitted, rows, spec):
    _, latent = fitted
    prepared = prepare_panel(rows, spec)
    design = prepared.design
    scores = latent.tree["latent_scores"]["mean"].to_pandas()
    of_rows = np.array(
        [
            scores.loc[design.units[unit], design.times[time]]
            for unit, time in zip(design.unit, design.time, strict=True)
        ]
    )
    slope, constant = np.polyfit(of_rows, design.y, 1)
    # the composite is the latent level plus noise; over 420 rows the line is known to some hundredths
    assert slope == pytest.approx(1.0, abs=0.1)
    assert constant == pytest.approx(0.0, abs=0.1)
    loading = latent.tree["posterior"]["loading"]
    np.testing.assert_allclose(loading.mean("item"), 1.0, atol=1e-12)
    weights = latent.tree["latent_scores"]["weight"]
    np.testing.assert_allclose(latent.tree["posterior"]["composite_scale"], (loading * weights).sum("item"))


def test_missing_cells_are_left_out(fitted, rows):
    _, latent = fitted
    items = [(rows[f"z{k}_urban"] + rows[f"z{k}_rural"]).notna().sum() for k in range(4)]
    assert latent.tree.attrs["item_cells"] == sum(items)
    assert latent.tree.attrs["item_cells"] + latent.tree.attrs["item_cells_missing"] == 4 * len(rows)


def test_report_on_attenuation(fitted):
    tables = attenuation_tables(*fitted)
    table, items = tables["attenuation"], tables["latent_items"]
    assert table.groupby("region")["term"].agg(list).to_dict() == {
        region: ["L1.level", "x", "L1.x"] for region in ("r0", "r1")
    }
    composite, latent = fitted
    first = table.iloc[0]
    draws = _draws(latent, "alpha", region="r0", lag="L1.level")
    assert first["composite_estimate"] == np.median(_draws(composite, "alpha", region="r0", lag="L1.level"))
    assert first["ratio"] == pytest.approx(np.median(first["composite_estimate"] / draws))
    spans_zero = (table["latent_lower"] < 0) & (table["latent_upper"] > 0)
    assert table["ratio"].isna().equals(spans_zero)
    assert list(items["indicator"]) == ["z0", "z1", "z2", "z3", "composite"]
    median = items.set_index("indicator")["reliability_median"]
    # by construction: of the composite's variance within units, noise of 0.7^2 / 4 items against the level's
    assert median["composite"] > median.drop("composite").max()
    assert (items["change_reliability_median"] < items["reliability_median"]).all()


def test_prior_has_the_same_variables(fitted):
    _, latent = fitted
    prior, posterior = latent.tree["prior"], latent.tree["posterior"]
    assert set(prior.data_vars) <= set(posterior.data_vars)
    assert {"alpha", "beta", "intercept", "loading", "lasting_sd", "yearly_sd"} <= set(prior.data_vars)
    assert prior["loading"].std() > 5 * posterior["loading"].std("draw").mean()


def test_items_add_up_to_the_composite(rows):
    for outcome in ("level", "differentiation"):
        spec = measured_spec(outcome=outcome)
        prepared = prepare_panel(rows, spec)
        items = measured_items(prepared.frame, prepared.indices.composites["level"], spec)
        total = (items.values + items.mean) @ items.weights
        np.testing.assert_allclose(total.ravel(), prepared.indices.frame[outcome], atol=1e-10)


def test_separate_weights_are_refused(rows):
    indices = IndexSpec(dimensions={"all": ("z0", "z1", "z2", "z3")}, loadings="separate")
    spec = measured_spec().model_copy(update={"indices": indices})  # the spec itself refuses it too
    with pytest.raises(InputError, match="one set of weights"):
        fit_latent(rows, prepare_panel(rows, spec), spec)


@pytest.mark.slow
def test_recovery_over_panels():
    sampling = SamplingSpec(chains=2, draws=300, tune=400, target_accept=0.8)
    spec = measured_spec(pooling="complete", sampling=sampling)
    composite, latent, covered, slopes = [], [], [], []
    for seed in range(12):
        rows = simulate_measured(n_units=100, seed=100 + seed, alpha=ALPHA, beta=BETA, yearly_sd=0.9)
        prepared = prepare_panel(rows, spec)
        joint = fit_latent(rows, prepared, spec, seed=seed)
        draws = _draws(joint, "alpha", region="r0", lag="L1.level")
        latent.append(np.median(draws))
        composite.append(np.median(_draws(fit_bayesian(prepared.design, spec), "alpha", region="r0", lag="L1.level")))
        covered.append(np.percentile(draws, 2.5) < ALPHA < np.percentile(draws, 97.5))
        slopes.append(np.median(_draws(joint, "beta", region="r0", predictor="x")) / _composite_slope(prepared))
    assert abs(np.mean(latent) - ALPHA) < 3 * np.std(latent, ddof=1) / np.sqrt(len(latent))
    assert abs(np.mean(slopes) - BETA[0]) < 3 * np.std(slopes, ddof=1) / np.sqrt(len(slopes))
    assert np.mean(composite) < ALPHA - 5 * np.std(composite, ddof=1) / np.sqrt(len(composite))
    assert sum(covered) >= 9  # 12 at 95%: fewer than 9 has probability 0.002


def _composite_slope(prepared):
    """What one of the simulated level is in the composite: every indicator has 2 (1 + k / 10) for it."""
    found = prepared.indices.composites["level"]
    return (found.indicator_weights / found.deviation) @ (2 * (1 + 0.1 * np.arange(len(found.indicators))))
