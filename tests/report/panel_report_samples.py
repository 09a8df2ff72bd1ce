"""A small panel with indicators for the tests of its report: two regions, missing cells, one index of two levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
from panel.panel_samples import simulate

from bayesgov.panel.index_spec import IndexSpec, InterpolateSpec
from bayesgov.panel.spec import DynamicPanelSpec, GmmSpec
from bayesgov.spec import SamplingSpec

INDICATORS = ("roads", "water", "beds", "doctors", "waste")


def rows(seed: int = 3) -> pd.DataFrame:
    """Cities and years with indicators in town and country, one cell in twenty missing."""
    frame = simulate(60, 6, 2, seed=seed, n_predictors=1, region_sd=0.2)
    rng = np.random.default_rng(seed)
    for indicator in INDICATORS:
        for area in ("urban", "rural"):
            noisy = frame["y"] + 0.2 * rng.standard_normal(len(frame))
            frame[f"{indicator}_{area}"] = noisy.where(rng.random(len(frame)) > 0.05)
    return frame.drop(columns="y").rename(columns={"unit": "city", "time": "year", "x0": "digital"})


def spec() -> DynamicPanelSpec:
    """The level of services on digital government, few draws."""
    return DynamicPanelSpec(
        label="Services of made-up cities",
        outcome="level",
        unit="city",
        time="year",
        region="region",
        predictors=("digital",),
        gmm=GmmSpec(predetermined=("digital",), collapse=True),
        indices=IndexSpec(
            dimensions={"infrastructure": INDICATORS[:2], "health": INDICATORS[2:4], "nature": ("waste",)}
        ),
        interpolate=InterpolateSpec(ends="carry"),
        sampling=SamplingSpec(seed=1, chains=2, draws=100, tune=200, target_accept=0.9),
    )
