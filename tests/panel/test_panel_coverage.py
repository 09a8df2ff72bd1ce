"""Intervals of the default model cover persistence as often as they say; those of the naive one do not."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.panel_coverage import coverage

from bayesgov.panel.bayesian import fit_bayesian
from bayesgov.panel.design import panel_design
from bayesgov.panel.simulate import ALPHA, PanelSimulation, simulate_panel
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.spec import SamplingSpec


@pytest.mark.slow
@pytest.mark.parametrize("n_times", [5, 10])
@pytest.mark.parametrize("alpha", [0.5, 0.8])
def test_ninety_percent_intervals_cover(alpha: float, n_times: int) -> None:
    found = coverage(alpha, n_times, "conditional", 200)
    assert 0.85 <= found.covered.mean() <= 0.95
    # the posterior median is where the truth is, within four of its standard errors and a tenth of an interval
    error = found.estimate.std() / np.sqrt(200)
    assert abs(found.estimate.mean() - alpha) < 4 * error + 0.1 * found.width.mean()


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.5, 0.8])
def test_the_naive_model_is_wrong(alpha: float) -> None:
    found = coverage(alpha, 5, "naive", 20)
    assert found.covered.mean() < 0.2
    assert (found.estimate > alpha).all()


@pytest.mark.slow
def test_persistence_that_differs_by_region_is_recovered() -> None:
    """One coefficient of the first outcome for all regions pulls their persistences together."""
    spec = DynamicPanelSpec(
        outcome="services", unit="city", time="year", region="region", predictors=("digital", "industry", "gdp"),
        sampling=SamplingSpec(chains=2, draws=400, tune=400),
    )  # fmt: skip
    truth, found, covered = np.array([ALPHA[region] for region in sorted(ALPHA)]), [], []
    for seed in range(100, 120):
        frame = simulate_panel(PanelSimulation(seed=seed)).latent
        draws = (
            fit_bayesian(panel_design(frame, spec), spec, seed=seed).tree["posterior"]["alpha"].values.reshape(-1, 7)
        )
        lower, median, upper = np.percentile(draws, [5, 50, 95], axis=0)
        found.append(median)
        covered.append((lower < truth) & (truth < upper))
    mean = dict(zip(sorted(ALPHA), np.mean(found, axis=0), strict=True))
    # partial pooling shrinks the difference, by less than a third at these sizes
    assert mean["eastern"] - mean["northwestern"] > 2 / 3 * (ALPHA["eastern"] - ALPHA["northwestern"])
    assert 0.82 <= np.mean(covered) <= 0.97
