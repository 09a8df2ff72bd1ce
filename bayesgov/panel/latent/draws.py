"""Draws of the latent model by name, in the composite's units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesgov.panel.bayesian.collapsed import Scales, WorkingDraws
from bayesgov.panel.bayesian.draws import named_draws, prior_draws
from bayesgov.panel.latent import kernel
from bayesgov.panel.latent.density import Point, point_at
from bayesgov.panel.latent.model import LatentModel, starts_by_region

_SCORE_DRAWS = 400  # at most, evenly spaced; moments of the latent levels are exact given a draw

# draws in the outcome's units, among those of bayesian.draws.named_draws
_OUTCOME_UNITS = ("beta", "beta_mean", "level", "level_mean", "delta", "year_effect", "year_sd", "unit_sd", "error_sd")


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """Draws of the measurement equations, indicators in standard deviations.

    Attributes
    ----------
    loading, lasting_sd, yearly_sd : ndarray, shape (n_draws, n_items)
    """

    loading: np.ndarray
    lasting_sd: np.ndarray
    yearly_sd: np.ndarray

    def dataset(self, names: tuple[str, ...], n_chains: int) -> xr.Dataset:
        """Variables by name, dims chain, draw, item."""
        parts = {"loading": self.loading, "lasting_sd": self.lasting_sd, "yearly_sd": self.yearly_sd}
        return xr.Dataset(
            {
                name: (("chain", "draw", "item"), values.reshape(n_chains, -1, len(names)))
                for name, values in parts.items()
            },
            coords={"chain": np.arange(n_chains), "item": list(names)},
        )


@dataclass(frozen=True, slots=True, eq=False)
class LatentDraws:
    """Named draws, and what they say of the latent levels.

    Attributes
    ----------
    posterior : xarray.Dataset
        As :func:`bayesgov.panel.bayesian.draws.named_draws`, in the composite's units; with ``first_sd``, of the first
        level around its regression, ``first_correlation``, of this with the unit effect, ``loading, lasting_sd,
        yearly_sd`` (item) in standard deviations of the indicators, and ``composite_scale``, the composite for one of
        the latent level.
    scores : xarray.Dataset
        ``mean``, ``sd`` (unit, time): the latent level in the composite's units, NaN outside the rows used and the
        period before them; ``within`` and ``changes`` (score_draw): its variance within units, and the mean square of
        its yearly changes; at the same draws ``composite_noise``, the variance of the composite's yearly noise, and
        ``item_within``, ``item_changes``, ``item_noise`` (item), the same of the indicators; ``weight`` (item) in the
        composite.
    """

    posterior: xr.Dataset
    scores: xr.Dataset


def posterior_draws(model: LatentModel, theta: np.ndarray) -> LatentDraws:
    """Name draws of the sampler's coordinates, shape (n_chains, n_draws, layout.size)."""
    n_chains = theta.shape[0]
    points = [point_at(model, one) for one in theta.reshape(-1, theta.shape[-1])]
    scales, working = _working(model, points)
    measurement = _measurement(model, points)
    composite = measurement.loading @ model.weights
    named = named_draws(model.design, model.collapsed, scales, working, n_chains)
    posterior = composite_units(model, named, composite.reshape(n_chains, -1))
    first = np.array([point.values.first for point in points])
    first_sd = np.sqrt(first[..., 0] ** 2 + first[..., 1])
    # a standard deviation of unit effects below zero is the same effects with their signs turned
    sign = np.sign([point.values.unit for point in points])
    scale = model.collapsed.columns.y_scale * composite[:, None]
    first_level = {"first_sd": scale * first_sd, "first_correlation": sign * first[..., 0] / first_sd}
    region = slice(None) if starts_by_region(model.design) else 0
    dims = ("chain", "draw", "region")[: 2 + starts_by_region(model.design)]
    extra = {
        name: (dims, values.reshape(n_chains, -1, values.shape[1])[..., region]) for name, values in first_level.items()
    }
    posterior = posterior.merge(measurement.dataset(model.item_names, n_chains)).assign(extra)
    posterior["composite_scale"] = (("chain", "draw"), composite.reshape(n_chains, -1))
    return LatentDraws(posterior, _scores(model, points, measurement))


def latent_prior_draws(model: LatentModel, n_draws: int, rng: np.random.Generator) -> xr.Dataset:
    """Exact draws from the prior, by the names and in the units of :class:`LatentDraws`."""
    scales, working = prior_draws(model.collapsed, n_draws, rng)
    n_items, scale = len(model.item_names), model.collapsed.columns.y_scale
    loading = 1 + rng.standard_normal((n_draws, n_items - 1)) @ model.loading_basis.T
    noise = scale * model.noise_scale * np.abs(rng.standard_normal((2, n_draws, n_items)))
    measurement = Measurement(loading, noise[0], noise[1])
    composite = loading @ model.weights
    named = composite_units(model, named_draws(model.design, model.collapsed, scales, working, 1), composite[None])
    return named.merge(measurement.dataset(model.item_names, 1))


def _working(model: LatentModel, points: list[Point]) -> tuple[Scales, WorkingDraws]:
    prior = model.collapsed.prior
    k = model.collapsed.columns.n_varying
    scales = Scales(
        region=np.abs([point.region for point in points]).reshape(len(points), k),
        year=np.abs([point.year for point in points]),
        unit=np.abs([point.values.unit[0] for point in points]),
        error=np.sqrt([point.values.variance for point in points]),
    )
    common = np.array([point.common for point in points]) + prior.mean
    return scales, WorkingDraws(common, np.array([point.values.b[:, :k] for point in points]))


def _measurement(model: LatentModel, points: list[Point]) -> Measurement:
    scale = model.collapsed.columns.y_scale
    loading, lasting, yearly = (
        np.array([getattr(point.values, name) for point in points]) for name in ("loading", "lasting", "yearly")
    )
    return Measurement(loading, scale * np.sqrt(lasting), scale * np.sqrt(yearly))


def composite_units(model: LatentModel, named: xr.Dataset, composite: np.ndarray) -> xr.Dataset:
    """Draws in units of the items' mean as draws in the composite's.

    With loadings of mean one the latent level has the items' units; the composite is c times it, c the weighted sum of
    the loadings, plus noise and a constant. Persistence has no unit.

    Parameters
    ----------
    model : LatentModel
    named : Dataset
    composite : ndarray, shape (n_chains, n_draws)
        c.
    """
    columns, design = model.collapsed.columns, model.design
    c = xr.DataArray(composite, dims=("chain", "draw"), coords={name: named[name] for name in ("chain", "draw")})
    centre = float(model.weights @ model.item_mean)
    changed = {name: named[name] * c for name in _OUTCOME_UNITS if name in named}
    for name in ("level", "level_mean"):
        if name in changed:  # the level is y_centre + y_scale b before, and centre + c y_scale b now
            changed[name] = centre + (named[name] - columns.y_centre) * c
    lag = centre + (columns.term_centre[0] - columns.y_centre) * c
    means = xr.DataArray(columns.term_centre[1:], dims=("predictor",), coords={"predictor": list(design.terms[1:])})
    known = (changed["beta"] * means).sum("predictor") if "beta" in changed else 0.0
    changed["intercept"] = changed["level"] - known - named["alpha"].isel(lag=0, drop=True) * lag
    if "region_sd" in named:
        without_unit = xr.DataArray(named["varying"].values == design.terms[0], dims=("varying",))
        changed["region_sd"] = named["region_sd"].where(without_unit, named["region_sd"] * c)
    ordered = {name: value.transpose("chain", "draw", ...) for name, value in changed.items()}
    return named.assign(ordered)


def _scores(model: LatentModel, points: list[Point], measurement: Measurement) -> xr.Dataset:
    every = max(1, -(-len(points) // _SCORE_DRAWS))
    chosen = np.arange(0, len(points), every)
    n_units, _, n_levels = model.rows.items.shape
    scale, counts = model.collapsed.columns.y_scale, np.diff(model.rows.starts)
    total, square = np.zeros((n_units, n_levels)), np.zeros((n_units, n_levels))
    moved = np.empty((chosen.size, 2))
    mean, variance = np.full((2, n_units, n_levels), np.nan)
    changes = np.empty((n_units, 2))
    centre = float(model.weights @ model.item_mean)
    composite = measurement.loading[chosen] @ model.weights
    for index, draw in enumerate(chosen):
        kernel.smooth(model.rows, points[draw].values, mean, variance, changes)
        level = centre + composite[index] * scale * mean
        total += level
        square += level**2 + (composite[index] * scale) ** 2 * variance
        # rows of a unit are one fewer than its levels: degrees of freedom within, and changes
        moved[index] = scale**2 * changes.sum(axis=0) / counts.sum()
    average = total / chosen.size
    spread = np.sqrt(np.maximum(square / chosen.size - average**2, 0.0))
    noise = measurement.yearly_sd[chosen] ** 2
    return _on_grid(model, average, spread).assign(
        within=("score_draw", composite**2 * moved[:, 0]),
        changes=("score_draw", composite**2 * moved[:, 1]),
        composite_noise=("score_draw", noise @ model.weights**2),
        item_within=(("score_draw", "item"), measurement.loading[chosen] ** 2 * moved[:, :1]),
        item_changes=(("score_draw", "item"), measurement.loading[chosen] ** 2 * moved[:, 1:]),
        item_noise=(("score_draw", "item"), noise),
        weight=("item", model.weights),
    )


def _on_grid(model: LatentModel, mean: np.ndarray, sd: np.ndarray) -> xr.Dataset:
    """Levels of every unit at their periods; the first is the period before the design's."""
    design = model.design
    times = [design.times[0] - 1, *design.times]
    first, counts = design.time[design.starts], design.unit_rows
    grid = np.full((2, len(design.units), len(times)), np.nan)
    for unit in range(len(design.units)):
        length = counts[unit] + 1
        where = slice(first[unit], first[unit] + length)
        grid[0, unit, where], grid[1, unit, where] = mean[unit, :length], sd[unit, :length]
    return xr.Dataset(
        {"mean": (("unit", "time"), grid[0]), "sd": (("unit", "time"), grid[1])},
        coords={"unit": list(design.units), "time": times, "item": list(model.item_names)},
    )
