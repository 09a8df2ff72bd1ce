"""Scores of predictions for what a model has not seen: a region, or the next period.

Given the standard deviations phi, both the rows kept and all rows have a marginal density in closed form, so
p(held out | kept, phi) is their ratio, coefficients, unit effects and year effects integrated out exactly; phi is
sampled from the posterior of the rows kept. Scores of two models on the same rows may be compared. Columns are centred
and scaled by all rows, those held out included, so priors stated in standard deviations know that much of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logsumexp

from bayesgov import sampling
from bayesgov.fused import compile_density
from bayesgov.panel import collapsed as kernel
from bayesgov.panel.bayesian.collapsed import (
    COORDINATES,
    CollapsedModel,
    Scales,
    collapsed_density,
    collapsed_model,
    cross_products,
    scales_at,
)
from bayesgov.panel.bayesian.draws import named_draws, prior_draws
from bayesgov.panel.design import PanelDesign, panel_design, select_rows
from bayesgov.panel.likelihood import panel_factors
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.sampling import SamplingOptions


def leave_region_out(design: PanelDesign, spec: DynamicPanelSpec, options: SamplingOptions) -> pd.DataFrame:
    """Log predictive density of every region's rows given the other regions'.

    Returns
    -------
    pandas.DataFrame
        Columns ``region, rows, log_density, per_row`` and ``mc_error``, the Monte Carlo error of ``log_density``.

    Raises
    ------
    ValueError
        With one region, or for a model without a collapsed density.
    """
    if len(design.regions) < 2:
        raise ValueError("leaving a region out needs two or more regions; the panel has one")
    full = collapsed_model(design, spec)
    rows = []
    for index, region in enumerate(design.regions):
        kept = without_rows(design, full, design.region != index)
        rows.append({"region": region} | _score(design, full, kept, options))
    return pd.DataFrame(rows)


def leave_future_out(
    frame: pd.DataFrame, spec: DynamicPanelSpec, options: SamplingOptions, *, first: int
) -> pd.DataFrame:
    """Log predictive density of every period from ``first`` on given the periods before it.

    Parameters
    ----------
    frame : DataFrame
        As for :func:`bayesgov.panel.design.panel_design`. Predictors of the period forecast are taken as known, its
        year effect is not.
    spec : DynamicPanelSpec
    options : SamplingOptions
    first : int
        First period to forecast.

    Returns
    -------
    pandas.DataFrame
        Columns ``time, rows, log_density, per_row, mc_error``.

    Raises
    ------
    ValueError
        If there is no period from ``first`` on, or fewer than two periods before it.
    """
    times = panel_design(frame, spec).times
    wanted = [time for time in times if time >= first]
    if not wanted or wanted[0] - times[0] < 2:
        raise ValueError(
            f"forecasts from {first} on need a period from then on and two before it; "
            f"the rows used run from {times[0]} to {times[-1]}"
        )
    rows = []
    for time in wanted:
        design = panel_design(frame[pd.to_numeric(frame[spec.time]) <= time], spec)
        full = collapsed_model(design, spec)
        kept = without_rows(design, full, np.asarray(design.times)[design.time] < time)
        rows.append({"time": time} | _score(design, full, kept, options))
    return pd.DataFrame(rows)


def without_rows(design: PanelDesign, model: CollapsedModel, kept: np.ndarray) -> CollapsedModel:
    """The same model, columns, regions and priors on some of the rows, shape (n_obs,) of bool."""
    columns = replace(model.columns, z=model.columns.z[kept], y=model.columns.y[kept])
    factors = panel_factors(select_rows(design, kept), columns)
    within, between = cross_products(factors, model.prior.mean)
    return replace(model, columns=columns, factors=factors, within=within, between=between)


def held_out_log_density(full: CollapsedModel, kept: CollapsedModel, scales: Scales) -> np.ndarray:
    """log p(rows held out | rows kept, standard deviations), shape (n_draws,), the outcome in its own units."""
    n_held = full.columns.y.size - kept.columns.y.size
    ratio: np.ndarray = _log_marginal(full, scales) - _log_marginal(kept, scales)
    return ratio - n_held * float(np.log(full.columns.y_scale))


def _log_marginal(model: CollapsedModel, scales: Scales) -> np.ndarray:
    factors, columns = model.factors, model.columns
    n_draws, n_regions = scales.error.shape
    c, found = model.fixed_c.copy(), np.empty(n_draws)
    spare = np.empty(columns.n_varying), np.empty(n_regions), np.empty(2)
    for draw in range(n_draws):
        if columns.n_year:
            c[-1 - columns.n_year : -1] = scales.year[draw]
        found[draw] = kernel.marginal(
            model.within, model.between, factors.group_region, factors.periods, factors.group_units,
            factors.region_rows, columns.n_year, scales.region[draw], c, scales.error[draw] ** 2,
            scales.unit[draw] ** 2, *spare,
        )  # fmt: skip
    return found


def _score(
    design: PanelDesign, full: CollapsedModel, kept: CollapsedModel, options: SamplingOptions
) -> dict[str, float]:
    def prior(chosen: SamplingOptions) -> xr.Dataset:
        drawn = prior_draws(full, chosen.prior_draws, np.random.default_rng(chosen.seed))
        return named_draws(design, full, *drawn, 1)

    compiled = compile_density(collapsed_density(kept), {"coordinate": range(kept.n_dim)}, prior=prior)
    tree = sampling.sample(compiled, options)
    theta = tree["posterior"].to_dataset()[COORDINATES].values.reshape(-1, kept.n_dim)
    log_density = held_out_log_density(full, kept, scales_at(kept, theta)).reshape(options.chains, -1)
    # halves of chains: one chain has a Monte Carlo error too
    halves = np.concatenate(np.array_split(log_density[:, : options.draws // 2 * 2], 2, axis=1))
    means = logsumexp(halves, axis=1) - np.log(halves.shape[1])
    density = np.exp(means - means.max())
    n_held = full.columns.y.size - kept.columns.y.size
    value = float(np.log(density.mean()) + means.max())
    return {
        "rows": n_held,
        "log_density": value,
        "per_row": value / n_held,
        # relative error of the mean of the halves' densities
        "mc_error": float(density.std(ddof=1) / density.mean() / np.sqrt(density.size)),
    }
