"""Draws of working coefficients as named variables in the variables' own units, with what follows from them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bayesgov.panel.bayesian.collapsed import CollapsedModel, Scales, WorkingDraws
from bayesgov.panel.design import PanelDesign

_MOMENT_DRAWS, _MOMENT_UNITS = 1000, 2000


def coordinates(design: PanelDesign, varying: tuple[str, ...]) -> dict[str, list[str] | list[int]]:
    """Labels of every dim of the posterior."""
    return {
        "region": list(design.regions),
        "lag": list(design.terms[: design.n_lags]),
        "predictor": list(design.terms[design.n_lags :]),
        "covariate": list(design.covariate_names),
        "time": list(design.times),
        "varying": list(varying),
    }


def named_draws(
    design: PanelDesign, model: CollapsedModel, scales: Scales, working: WorkingDraws, n_chains: int
) -> xr.Dataset:
    """Posterior or prior draws by name.

    Parameters
    ----------
    design : PanelDesign
    model : CollapsedModel
    scales, working : draws, chain by chain
    n_chains : int

    Returns
    -------
    xarray.Dataset
        Dims chain, draw and, in the variables' own units:

        ``alpha`` (region, lag), ``beta`` (region, predictor), ``intercept`` (region)
            The equation's coefficients by region.
        ``level`` (region)
            The outcome's level at average predictors, year and unit covariates: what the intercepts are pooled as.
        ``alpha_mean``, ``beta_mean``, ``level_mean``, ``region_sd`` (varying)
            Means over regions and standard deviations between them, under partial pooling.
        ``delta`` (covariate), ``year_effect`` (time), ``year_sd``, ``unit_sd``, ``error_sd``
    """
    columns, n_lags = model.columns, design.n_lags
    full = working.full()
    slopes, level, intercept = _own_units(model, full)
    variables: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "alpha": (("region", "lag"), slopes[..., :n_lags]),
        "beta": (("region", "predictor"), slopes[..., n_lags:]),
        "level": (("region",), level),
        "intercept": (("region",), intercept),
        "delta": (
            ("covariate",),
            working.common[:, columns.covariates] * columns.y_scale / columns.covariate_scale,
        ),
        "unit_sd": ((), columns.y_scale * scales.unit),
        "error_sd": (("region",), columns.y_scale * scales.error)
        if model.n_error > 1
        else ((), columns.y_scale * scales.error[:, 0]),
    }
    if columns.n_year:
        years = columns.y_scale * working.common[:, -columns.n_year :] @ columns.year_basis.T
        variables |= {"year_effect": (("time",), years), "year_sd": ((), columns.y_scale * scales.year)}
    if model.n_region:
        mean_slopes, mean_level, _ = _own_units(model, working.common[:, None])
        variables |= {
            "alpha_mean": (("lag",), mean_slopes[:, 0, :n_lags]),
            "beta_mean": (("predictor",), mean_slopes[:, 0, n_lags:]),
            "level_mean": ((), mean_level[:, 0]),
            "region_sd": (("varying",), scales.region * model.prior.region_unit),
        }
    return _dataset(variables, coordinates(design, model.prior.varying), n_chains)


def _own_units(model: CollapsedModel, full: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes (..., n_terms), level and intercept of working coefficients of shape (n_draws, n_regions, n_columns)."""
    columns = model.columns
    slopes = full[..., columns.terms] * columns.y_scale / columns.term_scale
    level = columns.y_centre + columns.y_scale * full[..., columns.intercept]
    return slopes, level, level - slopes @ columns.term_centre


def _dataset(
    variables: dict[str, tuple[tuple[str, ...], np.ndarray]],
    coords: dict[str, list[str] | list[int]],
    n_chains: int,
) -> xr.Dataset:
    """Chains stacked one after the other as dims chain and draw; empty variables are left out."""
    shaped = {
        name: (("chain", "draw", *dims), values.reshape(n_chains, -1, *values.shape[1:]))
        for name, (dims, values) in variables.items()
        if values.size
    }
    used = {dim for dims, _ in shaped.values() for dim in dims}
    n_draws = next(iter(shaped.values()))[1].shape[1]
    labels = {name: values for name, values in coords.items() if name in used}
    return xr.Dataset(shaped, coords={"chain": np.arange(n_chains), "draw": np.arange(n_draws), **labels})


def prior_draws(model: CollapsedModel, n_draws: int, rng: np.random.Generator) -> tuple[Scales, WorkingDraws]:
    """Exact draws from the prior."""
    columns, prior = model.columns, model.prior
    n_regions = model.factors.within.shape[0]
    half = np.abs(rng.standard_normal((n_draws, model.n_dim))) * model.half_scale
    at = model.n_region
    region = half[:, :at] if at else np.tile(model.fixed_s, (n_draws, 1))
    year = half[:, at] if columns.n_year else np.zeros(n_draws)
    at += columns.n_year > 0
    error = np.ascontiguousarray(np.broadcast_to(half[:, at + 1 :], (n_draws, n_regions)))
    scale = np.tile(model.fixed_c[:-1], (n_draws, 1))
    if columns.n_year:
        scale[:, -columns.n_year :] = year[:, None]
    common = prior.mean + scale * rng.standard_normal(scale.shape)
    k = columns.n_varying
    spread = region[:, None] * rng.standard_normal((n_draws, n_regions, k))
    return Scales(region, year, half[:, at], error), WorkingDraws(common, common[:, None, :k] + spread)


def unit_effect_moments(
    design: PanelDesign, model: CollapsedModel, scales: Scales, working: WorkingDraws
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and standard deviation of every unit effect, shape (n_units,) each, in the outcome's units.

    Given everything else, u_i is normal with mean T tau^2 / (sigma^2 + T tau^2) times the mean of the unit's residuals;
    what the unit covariates explain is not in it. At most a thousand evenly spaced draws are used, and blocks of units
    at a time, so that many units need neither long nor much memory.
    """
    every = max(1, scales.unit.size // _MOMENT_DRAWS)
    thin = Scales(*(getattr(scales, name)[::every] for name in ("region", "year", "unit", "error")))
    thin_working = WorkingDraws(working.common[::every], working.regional[::every])
    mean, variance = np.empty(len(design.units)), np.empty(len(design.units))
    for start in range(0, mean.size, _MOMENT_UNITS):
        units = np.arange(start, min(start + _MOMENT_UNITS, mean.size))
        centre, spread = _unit_effect_terms(design, model, thin, thin_working, units)
        mean[units] = centre.mean(axis=0)
        variance[units] = centre.var(axis=0) + (spread**2).mean(axis=0)
    return model.columns.y_scale * mean, model.columns.y_scale * np.sqrt(variance)


def _unit_effect_terms(
    design: PanelDesign, model: CollapsedModel, scales: Scales, working: WorkingDraws, units: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Conditional mean and standard deviation of some units' effects at every draw, working units."""
    full, means = working.full(), model.factors.unit_means[units]
    counts, region = design.unit_rows[units], design.unit_region[units]
    centre = np.empty((full.shape[0], units.size))
    for index in np.unique(region):
        own = region == index
        centre[:, own] = means[own, -1] - full[:, index] @ means[own, :-1].T
    unit, error = scales.unit[:, None] ** 2, scales.error[:, region] ** 2
    total = error + counts * unit
    return centre * (counts * unit / total), np.sqrt(error * unit / total)
