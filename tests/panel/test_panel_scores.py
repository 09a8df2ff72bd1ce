"""Scores of predictions for regions and periods held out."""

from __future__ import annotations

import numpy as np
import pytest
from panel.panel_samples import sample_spec, simulate

from bayesgov.panel.bayesian.collapsed import CollapsedModel, collapsed_density, collapsed_model, scales_at
from bayesgov.panel.bayesian.scores import (
    held_out_log_density,
    leave_future_out,
    leave_region_out,
    without_rows,
)
from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.sampling import SamplingOptions

OPTIONS = SamplingOptions(seed=1, draws=200, tune=200, prior_draws=1)


def _covariance(design: PanelDesign, model: CollapsedModel, theta: np.ndarray) -> np.ndarray:
    """Of every row given the standard deviations, working units."""
    scales, columns, k = scales_at(model, theta[None]), model.columns, model.columns.n_varying
    c = model.fixed_c[:-1].copy()
    c[-columns.n_year :] = scales.year[0]
    varying = columns.z[:, :k] * scales.region[0]
    covariance = (columns.z * c**2) @ columns.z.T
    covariance += (varying @ varying.T) * (design.region[:, None] == design.region)
    covariance += scales.unit[0] ** 2 * (design.unit[:, None] == design.unit)
    return covariance + np.diag(scales.error[0][design.region] ** 2)


@pytest.mark.parametrize("hold", ["region", "period"])
@pytest.mark.parametrize("error_scale", ["common", "by_region"])
def test_held_out_density_is_the_conditional_normal_one(hold: str, error_scale: str) -> None:
    spec = sample_spec(1, error_scale=error_scale)
    design = panel_design(simulate(18, 6, 3, seed=1, unbalanced=True), spec)
    held = design.region == 1 if hold == "region" else design.time == design.time.max()
    full = collapsed_model(design, spec)
    kept = without_rows(design, full, ~held)
    theta = collapsed_density(full).initial
    found = held_out_log_density(full, kept, scales_at(full, theta[None]))[0]
    covariance = _covariance(design, full, theta)
    residual = full.columns.y - full.columns.z @ full.prior.mean
    gain = np.linalg.solve(covariance[np.ix_(~held, ~held)], covariance[np.ix_(~held, held)])
    mean, spread = gain.T @ residual[~held], covariance[np.ix_(held, held)]
    spread = spread - gain.T @ covariance[np.ix_(~held, held)]
    off = residual[held] - mean
    expected = -0.5 * (off @ np.linalg.solve(spread, off) + np.linalg.slogdet(2 * np.pi * spread)[1])
    assert found == pytest.approx(expected - held.sum() * np.log(full.columns.y_scale), abs=1e-8)


@pytest.mark.slow
def test_regions_that_differ_are_predicted_better_by_pooling_partially() -> None:
    frame = simulate(120, 8, 6, seed=2, region_sd=0.5, n_predictors=1)
    totals = {}
    for pooling in ("partial", "complete"):
        spec = sample_spec(1, pooling=pooling)
        table = leave_region_out(panel_design(frame, spec), spec, OPTIONS)
        assert list(table["region"]) == [f"r{index}" for index in range(6)]
        assert (table["mc_error"] < 1).all()
        totals[pooling] = table["log_density"].sum()
    assert totals["partial"] > totals["complete"] + 20


def test_every_region_is_left_out_in_turn() -> None:
    spec = sample_spec(1)
    table = leave_region_out(panel_design(simulate(20, 6, 2, seed=6), spec), spec, OPTIONS)
    assert list(table["region"]) == ["r0", "r1"]
    assert list(table["rows"]) == [50, 50]
    assert np.isfinite(table["log_density"]).all()


def test_one_chain_has_a_monte_carlo_error() -> None:
    spec = sample_spec(1)
    options = SamplingOptions(seed=1, chains=1, draws=201, tune=200, prior_draws=1)
    table = leave_region_out(panel_design(simulate(20, 6, 2, seed=6), spec), spec, options)
    assert ((table["mc_error"] > 0) & (table["mc_error"] < 1)).all()


def test_one_region_cannot_be_left_out() -> None:
    spec = sample_spec(1, region="")
    with pytest.raises(ValueError, match="two or more regions"):
        leave_region_out(panel_design(simulate(10, 6, 2, seed=3), spec), spec, OPTIONS)


def test_forecasts_are_about_as_good_as_the_errors_allow() -> None:
    frame = simulate(100, 9, 3, seed=4, n_predictors=1)
    table = leave_future_out(frame, sample_spec(1), OPTIONS, first=2016)
    assert list(table["time"]) == [2016, 2017]
    assert list(table["rows"]) == [100, 100]
    # with everything but the errors known: minus the entropy of a normal of sd 0.3, scatter 1 / sqrt(2 x 100)
    best = -0.5 * np.log(2 * np.pi * np.e * 0.3**2)
    assert (table["per_row"] < best + 3 / np.sqrt(200)).all()
    assert (table["per_row"] > best - 0.4).all()
    with pytest.raises(ValueError, match="two before it"):
        leave_future_out(frame, sample_spec(1), OPTIONS, first=2011)
