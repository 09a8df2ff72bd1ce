"""Simulated cities measured by noisy indicators, for the tests of bayesgov.panel.latent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayesgov.panel.index_spec import IndexSpec, LatentSpec
from bayesgov.panel.latent.expansion import expanded
from bayesgov.panel.latent.items import measured_items
from bayesgov.panel.latent.model import LatentModel, latent_model
from bayesgov.panel.prepare import PreparedPanel, prepare_panel
from bayesgov.panel.spec import DynamicPanelSpec, InterpolateSpec
from bayesgov.spec import SamplingSpec


def simulate_measured(
    n_units: int = 60,
    n_times: int = 8,
    n_items: int = 4,
    n_regions: int = 2,
    *,
    seed: int,
    alpha: float = 0.6,
    beta: tuple[float, float] = (0.4, 0.2),
    yearly_sd: float = 0.7,
    lasting_sd: float = 0.4,
    missing: float = 0.05,
) -> pd.DataFrame:
    """Columns unit, time, region, x, z0_urban, z0_rural, ...; town and country have the same level."""
    rng = np.random.default_rng(seed)
    effect = 0.4 * rng.standard_normal(n_units)
    total = n_times + 40
    x, level = np.zeros((n_units, total)), np.zeros((n_units, total))
    for t in range(1, total):
        x[:, t] = 0.6 * x[:, t - 1] + 0.5 * effect + 0.6 * rng.standard_normal(n_units)
        moved = beta[0] * x[:, t] + beta[1] * x[:, t - 1]
        level[:, t] = alpha * level[:, t - 1] + moved + effect + 0.4 * rng.standard_normal(n_units)
    x, level = x[:, 40:], level[:, 40:]
    columns: dict[str, Any] = {
        "unit": np.repeat([f"u{index:03d}" for index in range(n_units)], n_times),
        "time": np.tile(2009 + np.arange(n_times), n_units),
        "region": np.repeat([f"r{index % n_regions}" for index in range(n_units)], n_times),
        "x": x.ravel(),
    }
    shape = (n_units, n_times)
    for item in range(n_items):
        for area in ("urban", "rural"):
            noise = lasting_sd * rng.standard_normal((n_units, 1)) + yearly_sd * rng.standard_normal(shape)
            value = (1.0 + 0.1 * item) * level + np.sqrt(2) * noise
            columns[f"z{item}_{area}"] = np.where(rng.random(shape) < missing, np.nan, 5 + 2 * value).ravel()
    return pd.DataFrame(columns)


def measured_spec(n_items: int = 4, **changes: Any) -> DynamicPanelSpec:
    """The level of :func:`simulate_measured`'s items on its lag and on x with one lag."""
    values: dict[str, Any] = {
        "outcome": "level",
        "unit": "unit",
        "time": "time",
        "region": "region",
        "predictors": ("x",),
        "indices": IndexSpec(dimensions={"all": tuple(f"z{item}" for item in range(n_items))}),
        "interpolate": InterpolateSpec(ends="carry"),
        "latent": LatentSpec(),
        "sampling": SamplingSpec(chains=2, draws=200, tune=200, target_accept=0.8),
    }
    return DynamicPanelSpec(**(values | changes))


def measured_model(frame: pd.DataFrame, spec: DynamicPanelSpec) -> tuple[LatentModel, PreparedPanel]:
    """The joint model of a spec, and its rows."""
    prepared = prepare_panel(frame, spec)
    assert prepared.indices is not None
    items = measured_items(frame, prepared.indices.composites["level"], spec)
    return expanded(latent_model(prepared.panel, items, spec)), prepared
