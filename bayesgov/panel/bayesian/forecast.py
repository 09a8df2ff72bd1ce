"""What the posterior of some rows of a panel predicts for each of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bayesgov import sampling
from bayesgov.fused import compile_density
from bayesgov.panel.bayesian.collapsed import (
    COORDINATES,
    CollapsedModel,
    Scales,
    collapsed_density,
    collapsed_model,
    redraw_coefficients,
    scales_at,
)
from bayesgov.panel.bayesian.draws import named_draws, prior_draws
from bayesgov.panel.bayesian.scores import without_rows
from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.panel.forecast import Forecast
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.sampling import SamplingOptions


def forecast_last_period(frame: pd.DataFrame, spec: DynamicPanelSpec, options: SamplingOptions) -> Forecast:
    """The last period of a panel, given the periods before it.

    Predictors of the last period are taken as known, its year effect is not: it is drawn from its prior. As in
    :func:`bayesgov.panel.bayesian.scores.leave_future_out`, the units in which priors are stated are those of all rows.

    Parameters
    ----------
    frame : DataFrame
        As for :func:`bayesgov.panel.design.panel_design`.
    spec : DynamicPanelSpec
        With a collapsed density.
    options : SamplingOptions

    Raises
    ------
    ValueError
        With fewer than three periods of rows, or for a model without a collapsed density.
    """
    design = panel_design(frame, spec)
    if len(design.times) < 3:
        raise ValueError(f"a forecast needs two earlier periods; the rows used have {len(design.times)} periods")
    full = collapsed_model(design, spec)
    kept_rows = design.time < len(design.times) - 1
    kept = without_rows(design, full, kept_rows)
    compiled = compile_density(
        collapsed_density(kept),
        {"coordinate": range(kept.n_dim)},
        prior=lambda chosen: named_draws(
            design, full, *prior_draws(full, chosen.prior_draws, np.random.default_rng(chosen.seed)), 1
        ),
    )
    tree = sampling.sample(compiled, replace(options, prior_draws=1))
    theta = tree["posterior"].to_dataset()[COORDINATES].values.reshape(-1, kept.n_dim)
    return forecast_rows(design, full, kept_rows, scales_at(kept, theta), np.random.default_rng([options.seed, 3]))


def forecast_rows(
    design: PanelDesign, full: CollapsedModel, kept_rows: np.ndarray, scales: Scales, rng: np.random.Generator
) -> Forecast:
    """Predictions of every row that is not kept, one normal for each draw.

    Parameters
    ----------
    design : PanelDesign
        All rows.
    full : CollapsedModel
        Of all rows.
    kept_rows : ndarray of bool, shape (n_obs,)
    scales : Scales
        Draws from the posterior of the rows kept.
    rng : numpy.random.Generator
        For the coefficients.

    Returns
    -------
    Forecast
        Given the coefficients, a unit's effect is normal with mean k times the mean of its T residuals,
        k = T tau² / (sigma² + T tau²), and variance sigma² tau² / (sigma² + T tau²).
    """
    kept = without_rows(design, full, kept_rows)
    coefficients = redraw_coefficients(kept, scales, rng).full()
    held = ~kept_rows
    unit, region, z = design.unit[held], design.region[held], full.columns.z[held]
    counts = np.bincount(design.unit[kept_rows], minlength=len(design.units))
    means = np.zeros((len(design.units), full.columns.z.shape[1] + 1))
    means[counts > 0] = kept.factors.unit_means
    predicted, residual = np.empty((len(coefficients), unit.size)), np.empty((len(coefficients), unit.size))
    for index in np.unique(region):
        own = region == index
        by_region, of_unit = coefficients[:, index], means[unit[own]]
        predicted[:, own] = by_region @ z[own].T
        residual[:, own] = of_unit[:, -1] - by_region @ of_unit[:, :-1].T
    error, effect, periods = scales.error[:, region] ** 2, scales.unit[:, None] ** 2, counts[unit]
    total = error + periods * effect
    mean = predicted + residual * periods * effect / total
    spread = np.sqrt(error + error * effect / total)
    scale = full.columns.y_scale
    return Forecast(
        units=tuple(design.units[index] for index in unit),
        regions=tuple(design.regions[index] for index in region),
        y=design.y[held],
        mean=full.columns.y_centre + scale * mean,
        deviation=scale * spread,
    )
