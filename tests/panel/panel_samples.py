"""Simulated dynamic panels for the tests of bayesgov.panel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayesgov.panel.spec import DynamicPanelSpec


def simulate(
    n_units: int = 60,
    n_times: int = 8,
    n_regions: int = 3,
    *,
    seed: int,
    alpha: float = 0.5,
    n_predictors: int = 2,
    unit_sd: float = 0.3,
    error_sd: float = 0.3,
    region_sd: float = 0.1,
    unbalanced: bool = False,
    offset: float = 0.0,
    warm_up: int = 50,
) -> pd.DataFrame:
    """y on its lag and predictors with one lag, after a warm-up long enough to be stationary.

    Predictors are autoregressive and correlated with the unit effects. Columns unit, time, region, y, x0, x1, ...
    """
    rng = np.random.default_rng(seed)
    region = np.sort(np.arange(n_units) % n_regions)
    persistence = np.clip(alpha + 0.5 * region_sd * rng.standard_normal(n_regions), -0.95, 0.95)
    slopes = 0.2 + region_sd * rng.standard_normal((n_regions, n_predictors, 2))
    level = region_sd * rng.standard_normal(n_regions)
    effect = unit_sd * rng.standard_normal(n_units)
    total = n_times + warm_up
    x = np.zeros((n_units, total, n_predictors))
    for t in range(1, total):
        x[:, t] = 0.6 * x[:, t - 1] + 0.6 * rng.standard_normal((n_units, n_predictors))
    x += 0.5 * rng.standard_normal((n_units, 1, n_predictors)) + effect[:, None, None]
    year = 0.2 * rng.standard_normal(total)
    y = np.zeros((n_units, total))
    for t in range(1, total):
        moved = (x[:, t] * slopes[region, :, 0]).sum(axis=1) + (x[:, t - 1] * slopes[region, :, 1]).sum(axis=1)
        noise = error_sd * rng.standard_normal(n_units)
        y[:, t] = persistence[region] * y[:, t - 1] + moved + level[region] + effect + year[t] + noise
    period = np.tile(np.arange(n_times), n_units)
    columns: dict[str, Any] = {
        "unit": np.repeat([f"u{index:05d}" for index in range(n_units)], n_times),
        "time": 2009 + period,
        "region": np.repeat([f"r{index}" for index in region], n_times),
        "y": y[:, warm_up:].ravel() + offset,
    }
    columns |= {f"x{j}": x[:, warm_up:, j].ravel() + offset for j in range(n_predictors)}
    frame = pd.DataFrame(columns)
    if unbalanced:
        start, stop = rng.integers(0, 3, n_units), n_times - rng.integers(0, 3, n_units)
        frame = frame[(period >= np.repeat(start, n_times)) & (period < np.repeat(stop, n_times))]
    return frame.reset_index(drop=True)


def sample_spec(n_predictors: int = 2, **changes: Any) -> DynamicPanelSpec:
    """ADL(1, 1) of :func:`simulate`'s columns with everything varying by region."""
    values: dict[str, Any] = {
        "outcome": "y",
        "unit": "unit",
        "time": "time",
        "region": "region",
        "predictors": tuple(f"x{j}" for j in range(n_predictors)),
    }
    return DynamicPanelSpec(**(values | changes))
