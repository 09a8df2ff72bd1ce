"""The log posterior of the joint model in the sampler's coordinates, with its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesgov.fused import FusedDensity
from bayesgov.panel.bayesian.collapsed import CollapsedModel, stretched
from bayesgov.panel.latent import kernel
from bayesgov.panel.latent.coordinates import Placed, place, place_slopes
from bayesgov.panel.latent.model import LatentModel, Layout, middle_region_sd

COORDINATES = "theta"  # the sampler's own, before they are named


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Every parameter at one point of the coordinates, in working units.

    Attributes
    ----------
    values : kernel.Parameters
    common : ndarray, shape (n_columns,)
        Less their prior means; for varying columns the means over regions.
    region : ndarray, shape (k,)
        Standard deviations between regions.
    placed : Placed
        Offsets of the regions.
    years : Placed
        Year effects likewise.
    year : float
        Their standard deviation.
    """

    values: kernel.Parameters
    common: np.ndarray
    region: np.ndarray
    placed: Placed
    years: Placed
    year: float


def point_at(model: LatentModel, theta: np.ndarray) -> Point:
    """Parameters at one point of the coordinates."""
    at, collapsed, prior = model.layout, model.collapsed, model.collapsed.prior
    k, n_year, n_regions = collapsed.columns.n_varying, collapsed.columns.n_year, collapsed.factors.within.shape[0]
    sizes = _stretched_unit(collapsed) * stretched(_signed(at, theta))
    region = sizes[: collapsed.n_region] if collapsed.n_region else collapsed.fixed_s
    year = float(sizes[-2]) if n_year else 0.0
    widths = mean_widths(collapsed, region)
    shared = model.geometry.common_centre + widths.factor * (model.geometry.common_root @ theta[at.common])
    years = place(
        model.geometry.year_reference, np.append(np.zeros(n_year), shared), np.full(n_year, year), theta[at.years][None]
    )
    common = np.append(shared, year * years.v)
    placed = place(model.geometry.reference, common, region, theta[at.offset].reshape(n_regions, k))
    b = np.tile(common + prior.mean, (n_regions, 1))
    b[:, :k] += region * placed.v
    error = np.exp(theta[at.error]) * prior.error_scale
    first = model.first_scale * np.exp(theta[at.first_sd])
    correlation = np.tanh(theta[at.first_correlation])
    first = np.stack([first * correlation, first**2 * (1 - correlation**2)], axis=1)
    values = kernel.Parameters(
        b=b,
        variance=np.broadcast_to(error**2, n_regions).copy(),
        unit=sizes[-1:],
        g=model.start_centre + model.start_root @ theta[at.start],
        first=np.broadcast_to(first, (n_regions, 2)).copy(),
        loading=1.0 + model.loading_basis @ theta[at.loading],
        yearly=(model.noise_scale * np.exp(theta[at.yearly])) ** 2,
        lasting=(model.noise_scale * np.exp(theta[at.lasting])) ** 2,
    )
    return Point(values, common, region, placed, years, year)


@dataclass(frozen=True, slots=True, eq=False)
class _Widths:
    """How wide each common coefficient's coordinates are.

    Attributes
    ----------
    factor, slope : ndarray, shape (n_columns - n_year,)
        In widths of the reference; and the slope of the factor's logarithm by the standard deviation between regions.
    """

    factor: np.ndarray
    slope: np.ndarray


def mean_widths(collapsed: CollapsedModel, region: np.ndarray) -> _Widths:
    """Means over R regions are known up to 1 / sqrt(c^-2 + R / (s^2 + e^2)), e a region's own standard error."""
    n_region, n_regions = collapsed.n_region, collapsed.factors.within.shape[0]
    n_shared = collapsed.columns.z.shape[1] - collapsed.columns.n_year
    factor, slope = np.ones(n_shared), np.zeros(n_shared)
    # resolution is e (2 / R)^(1/4)
    error = (collapsed.resolution * collapsed.half_scale[: collapsed.resolution.size])[:n_region]
    error = error * (0.5 * n_regions) ** 0.25
    prior = collapsed.fixed_c[:n_region] ** -2.0
    s = region[:n_region]
    precision, middle = (
        prior + n_regions / (size**2 + error**2) for size in (s, middle_region_sd(collapsed)[:n_region])
    )
    factor[:n_region] = np.sqrt(middle / precision)
    slope[:n_region] = n_regions * s / ((s**2 + error**2) ** 2 * precision)
    return _Widths(factor, slope)


def _signed(at: Layout, theta: np.ndarray) -> np.ndarray:
    """Coordinates of the standard deviations that may cross zero: between regions, of year and of unit effects."""
    return np.concatenate([theta[at.region], theta[at.year], theta[at.unit]])


def _stretched_unit(collapsed: CollapsedModel) -> np.ndarray:
    """Standard deviations at a stretched coordinate of one."""
    unit: np.ndarray = collapsed.resolution * collapsed.half_scale[: collapsed.resolution.size]
    return unit


def log_posterior(model: LatentModel, theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Log posterior density up to a constant, and its gradient, shape (layout.size,)."""
    point = point_at(model, theta)
    slopes = kernel.Parameters(*(np.empty_like(part) for part in point.values))
    value = kernel.log_likelihood(model.rows, point.values, slopes)
    gradient = np.zeros(theta.size)
    value += _linear_slopes(model, theta, point, slopes, gradient)
    value += _first_slopes(model, theta, point, slopes, gradient)
    at = model.layout
    gradient[at.error] = 2 * (slopes.variance if model.collapsed.n_error > 1 else slopes.variance.sum())
    gradient[at.loading] = model.loading_basis.T @ slopes.loading - theta[at.loading]
    gradient[at.yearly], gradient[at.lasting] = 2 * slopes.yearly, 2 * slopes.lasting
    value -= 0.5 * float(theta[at.loading] @ theta[at.loading])
    for where in (at.error, at.first_sd, at.yearly, at.lasting):
        # half-normal in exp(theta), with the Jacobian of the logarithm
        square = np.exp(2 * theta[where])
        value += float((theta[where] - 0.5 * square).sum())
        gradient[where] += 1 - square
    return value, gradient


def _first_slopes(
    model: LatentModel, theta: np.ndarray, point: Point, slopes: kernel.Parameters, gradient: np.ndarray
) -> float:
    """The first level's coefficients and correlation with the unit effect: log prior; ``gradient`` is filled."""
    at, values = model.layout, point.values
    start = values.g / model.start_scale
    gradient[at.start] = model.start_root.T @ (slopes.g - start / model.start_scale)
    correlation = np.tanh(theta[at.first_correlation])
    left = 1 - correlation**2
    sd = model.first_scale * np.exp(theta[at.first_sd])
    d_loading, d_variance = (slopes.first if sd.size > 1 else slopes.first.sum(axis=0, keepdims=True)).T
    # phi = s rho, log variance = 2 log s + log(1 - rho^2), drho = (1 - rho^2) dtheta
    gradient[at.first_sd] = d_loading * sd * correlation + 2 * d_variance
    concentration = model.first_concentration
    gradient[at.first_correlation] = d_loading * sd * left - 2 * correlation * (d_variance + concentration)
    # density of rho (1 - rho^2)^(concentration - 1), Jacobian 1 - rho^2
    return concentration * float(np.log(left).sum()) - 0.5 * float(start @ start)


def _linear_slopes(
    model: LatentModel, theta: np.ndarray, point: Point, slopes: kernel.Parameters, gradient: np.ndarray
) -> float:
    """Coefficients and the standard deviations that scale them: log prior with Jacobians; ``gradient`` is filled."""
    at, collapsed, placed, years = model.layout, model.collapsed, point.placed, point.years
    geometry = model.geometry
    n_year, k = collapsed.columns.n_year, collapsed.columns.n_varying
    offsets = place_slopes(
        geometry.reference, point.region, theta[at.offset].reshape(placed.v.shape), placed, slopes.b[:, :k]
    )
    d_common = slopes.b.sum(axis=0) + offsets.common
    n_shared = d_common.size - n_year
    d_years = d_common[None, n_shared:]
    by_year = place_slopes(geometry.year_reference, np.full(n_year, point.year), theta[at.years][None], years, d_years)
    c = collapsed.fixed_c[:n_shared]
    free = c > 0  # unrelated regions have no mean
    ratio = np.where(free, point.common[:n_shared] / np.where(free, c, 1.0), 0.0)
    widths = mean_widths(collapsed, point.region)
    d_shared = d_common[:n_shared] + by_year.common[n_year:] - ratio / np.where(free, c, 1.0)
    gradient[at.offset], gradient[at.years] = offsets.z.ravel(), by_year.z.ravel()
    gradient[at.common] = geometry.common_root.T @ (widths.factor * d_shared)
    # by way of the means' widths, Jacobian included
    d_means = (widths.slope * (d_shared * (point.common[:n_shared] - geometry.common_centre) + 1))[: collapsed.n_region]
    value = float(np.log(widths.factor).sum()) + placed.log_jacobian + years.log_jacobian
    value -= 0.5 * float((placed.v**2).sum() + (years.v**2).sum() + ratio @ ratio)
    d_year = [by_year.s.sum()] if n_year else []
    d_sizes = np.concatenate([offsets.s[: collapsed.n_region] + d_means, d_year, slopes.unit])
    return value + _size_slopes(model, theta, d_sizes, gradient)


def _size_slopes(model: LatentModel, theta: np.ndarray, d_sizes: np.ndarray, gradient: np.ndarray) -> float:
    """Half-normal priors and Jacobians of the stretched coordinates; ``gradient`` is filled."""
    at, resolution, signed = model.layout, model.collapsed.resolution, _signed(model.layout, theta)
    slope, size = 1 + 0.5 * signed**2, resolution * stretched(signed)
    found = d_sizes * _stretched_unit(model.collapsed) * slope + signed / slope - size * resolution * slope
    n_region = model.collapsed.n_region
    gradient[at.region], gradient[at.year], gradient[at.unit] = found[:n_region], found[n_region:-1], found[-1:]
    return float((np.log(slope) - 0.5 * size**2).sum())


def latent_density(model: LatentModel) -> FusedDensity:
    """The log posterior for the sampler."""

    def value(theta: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(all="ignore"):  # early warm-up points may lie where a scale overflows; they are rejected
            try:
                return log_posterior(model, theta)
            except np.linalg.LinAlgError:
                return -np.inf, np.zeros_like(theta)

    def expand(theta: np.ndarray, _rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {COORDINATES: theta}  # named after sampling, all draws at once

    return FusedDensity(model.layout.size, value, expand, {COORDINATES: ("coordinate",)}, {}, model.initial, jitter=0.1)
