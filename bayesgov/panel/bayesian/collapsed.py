"""The Gaussian model as its collapsed density: standard deviations are sampled, coefficients drawn again exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesgov.fused import FusedDensity, NativeDensity
from bayesgov.panel import collapsed as kernel
from bayesgov.panel.bayesian.prior import ResolvedPrior, resolve_prior
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.likelihood import (
    Columns,
    PanelFactors,
    panel_factors,
    within_error_variance,
    working_columns,
)
from bayesgov.panel.spec import DynamicPanelSpec

COORDINATES = "theta"  # the sampler's own, before they are named


@dataclass(frozen=True, slots=True, eq=False)
class CollapsedModel:
    """A Design under a spec, reduced to what the compiled functions take.

    Attributes
    ----------
    columns : Columns
    factors : PanelFactors
    prior : ResolvedPrior
    within, between : ndarray, shape (n_regions or n_groups, n_columns + 1, n_columns + 1)
        Cross-products, the outcome less its prior mean.
    fixed_s : ndarray, shape (n_varying,)
        Standard deviations between regions; zero where they are sampled.
    fixed_c : ndarray, shape (n_columns + 1,)
        Prior scales of common coefficients and of means over regions.
    n_region, n_error : int
        Standard deviations sampled between regions, and of errors.
    half_scale : ndarray, shape (n_dim,)
        Scales of the half-normal priors of the standard deviations.
    resolution : ndarray, shape (n_dim - n_error,)
        Below how many prior scales each standard deviation, errors apart, is hardly told from zero.
    error_start : float
        Rough standard deviation of the errors, where chains start.
    """

    columns: Columns
    factors: PanelFactors
    prior: ResolvedPrior
    within: np.ndarray
    between: np.ndarray
    fixed_s: np.ndarray
    fixed_c: np.ndarray
    n_region: int
    n_error: int
    half_scale: np.ndarray
    resolution: np.ndarray
    error_start: float

    @property
    def n_dim(self) -> int:
        """Standard deviations sampled."""
        return self.n_region + (self.columns.n_year > 0) + 1 + self.n_error

    def arguments(self) -> tuple[Any, ...]:
        """What ``kernel.log_posterior`` takes between the point and its gradient."""
        factors = self.factors
        return (
            self.within, self.between, factors.group_region, factors.periods, factors.group_units, factors.region_rows,
            self.columns.n_year, self.fixed_s, self.fixed_c, self.half_scale, self.resolution,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """Draws of the standard deviations in working units.

    Attributes
    ----------
    region : ndarray, shape (n_draws, n_varying)
        Given and constant where they are not sampled.
    year : ndarray, shape (n_draws,)
        Zero without year effects.
    unit : ndarray, shape (n_draws,)
    error : ndarray, shape (n_draws, n_regions)
    """

    region: np.ndarray
    year: np.ndarray
    unit: np.ndarray
    error: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class WorkingDraws:
    """Draws of the coefficients of the working columns.

    Attributes
    ----------
    common : ndarray, shape (n_draws, n_columns)
        For varying columns the means over regions.
    regional : ndarray, shape (n_draws, n_regions, n_varying)
    """

    common: np.ndarray
    regional: np.ndarray

    def full(self) -> np.ndarray:
        """Every region's coefficients of every column, shape (n_draws, n_regions, n_columns)."""
        n_draws, n_regions, n_varying = self.regional.shape
        shared = np.broadcast_to(
            self.common[:, None, n_varying:], (n_draws, n_regions, self.common.shape[1] - n_varying)
        )
        return np.concatenate([self.regional, shared], axis=2)


def is_collapsible(spec: DynamicPanelSpec) -> bool:
    """Whether every linear coefficient of a model can be integrated out."""
    return (
        spec.errors == "gaussian"
        and spec.stationarity == "none"
        and spec.initial != "stationary"
        and spec.correlation == "independent"
    )


def collapsed_model(design: PanelDesign, spec: DynamicPanelSpec) -> CollapsedModel:
    """Reduce a Design to the cross-products that the collapsed density is made of.

    Raises
    ------
    ValueError
        If :func:`is_collapsible` is false.
    """
    if not is_collapsible(spec):
        raise ValueError("this model has no collapsed density: sample its graph")
    columns = working_columns(design)
    factors = panel_factors(design, columns)
    prior = resolve_prior(design, spec, columns)
    unrelated = spec.pooling == "none"
    k = columns.n_varying
    fixed_c = np.append(np.nan_to_num(prior.scale, nan=1.0), 1.0)
    fixed_s = np.zeros(k)
    if unrelated:  # b_r ~ N(mean, scale^2): no mean to estimate
        fixed_s, fixed_c[:k] = fixed_c[:k].copy(), 0.0
    within, between = cross_products(factors, prior.mean)
    n_error = len(design.regions) if spec.error_scale == "by_region" else 1
    error = float(np.sqrt(within_error_variance(factors)))
    sampled = prior.region_scale[: 0 if unrelated else k]
    errors = _region_errors(factors, within, between, prior.region_scale, error)
    region = _told_from_zero(errors, len(design.regions))[: sampled.size]
    year = [_told_from_zero(error / np.sqrt(len(design.units)), len(design.times))] * (columns.n_year > 0)
    unit = _told_from_zero(error / np.sqrt(np.median(factors.periods)), len(design.units))
    scale = np.array([*sampled, *[prior.year_scale] * len(year), prior.unit_scale])
    return CollapsedModel(
        columns=columns,
        factors=factors,
        prior=prior,
        within=within,
        between=between,
        fixed_s=fixed_s,
        fixed_c=fixed_c,
        n_region=sampled.size,
        n_error=n_error,
        half_scale=np.append(scale, np.full(n_error, prior.error_scale)),
        resolution=np.array([*region, *year, unit]) / scale,
        error_start=error,
    )


def _told_from_zero[Number: (float, np.ndarray)](std_error: Number, n: int) -> Number:
    """Which standard deviation between n effects shows against their standard errors e: e (2 / n)^(1/4).

    The standard error of the variance estimated from n effects that are all zero is e^2 sqrt(2 / n).
    """
    factor: float = (2.0 / n) ** 0.25
    return std_error * factor


def _region_errors(
    factors: PanelFactors, within: np.ndarray, between: np.ndarray, scale: np.ndarray, error: float
) -> np.ndarray:
    """Typical standard error of a region's coefficient, the others known, no larger than its prior scale.

    Unit effects are taken to be as large as errors. The others count as known because collinear coefficients can vary
    between regions one at a time; too small a resolution costs little, too large a one leaves a spike at zero.

    Returns
    -------
    ndarray, shape (n_varying,)
    """
    k = scale.size
    precision = np.diagonal(within, axis1=1, axis2=2)[:, :k] / error**2
    weight = factors.periods / (1 + factors.periods) / error**2
    np.add.at(precision, factors.group_region, weight[:, None] * np.diagonal(between, axis1=1, axis2=2)[:, :k])
    found: np.ndarray = np.median(1 / np.sqrt(precision + scale**-2), axis=0)
    return found


def cross_products(factors: PanelFactors, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cross-products of [Z, y - Z mean] within units and of unit means, shapes as the factors'."""
    shift = np.eye(mean.size + 1)
    shift[:-1, -1] = -mean
    within, between = factors.within @ shift, factors.between @ shift
    return (
        np.ascontiguousarray(within.transpose(0, 2, 1) @ within),
        np.ascontiguousarray(between.transpose(0, 2, 1) @ between),
    )


def collapsed_density(model: CollapsedModel) -> FusedDensity:
    """The log posterior over the standard deviations; equal to the declared model's, and tested so."""
    arguments, n_dim = model.arguments(), model.n_dim

    def value(theta: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = np.empty(n_dim)
        return kernel.log_posterior(theta, *arguments, gradient), gradient

    def expand(theta: np.ndarray, _rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {COORDINATES: theta}  # named after sampling, all draws at once

    # standard deviations at twice what can be told from zero
    initial = np.full(n_dim, 1.47)
    initial[n_dim - model.n_error :] = np.log(model.error_start / model.prior.error_scale)
    native = NativeDensity(kernel.native, kernel.packed(*arguments))
    return FusedDensity(n_dim, value, expand, {COORDINATES: ("coordinate",)}, {}, initial, jitter=0.1, native=native)


def stretched(theta: np.ndarray) -> np.ndarray:
    """As ``kernel.stretched``, of any shape: linear at zero, a cube far from it."""
    sizes: np.ndarray = theta + theta**3 / 6
    return sizes


def scales_at(model: CollapsedModel, theta: np.ndarray) -> Scales:
    """Standard deviations at points of the sampler's coordinates, shape (n_draws, n_dim)."""
    n_draws, n_regions = theta.shape[0], model.factors.within.shape[0]
    first_error = model.resolution.size
    sizes = np.abs(stretched(theta[:, :first_error])) * model.resolution * model.half_scale[:first_error]
    at = model.n_region
    year = sizes[:, at] if model.columns.n_year else np.zeros(n_draws)
    at += model.columns.n_year > 0
    errors = np.exp(theta[:, at + 1 :]) * model.half_scale[at + 1 :]
    region = (
        sizes[:, : model.n_region] if model.n_region else np.broadcast_to(model.fixed_s, (n_draws, model.fixed_s.size))
    )
    return Scales(region, year, sizes[:, at], np.ascontiguousarray(np.broadcast_to(errors, (n_draws, n_regions))))


def redraw_coefficients(model: CollapsedModel, scales: Scales, rng: np.random.Generator) -> WorkingDraws:
    """Exact draws of every coefficient given the standard deviations."""
    n_draws, n_regions = scales.error.shape
    n_columns, k = model.columns.z.shape[1], model.columns.n_varying
    c = np.tile(model.fixed_c, (n_draws, 1))
    if model.columns.n_year:
        c[:, n_columns - model.columns.n_year : n_columns] = scales.year[:, None]
    common, regional = np.empty((n_draws, n_columns)), np.empty((n_draws, n_regions, k))
    kernel.redraw(
        model.within, model.between, model.factors.group_region, model.factors.periods,
        np.ascontiguousarray(scales.region), c, scales.error**2, scales.unit**2,
        rng.standard_normal(common.shape), rng.standard_normal(regional.shape), common, regional,
    )  # fmt: skip
    common += model.prior.mean
    regional += model.prior.mean[:k]
    return WorkingDraws(common, regional)
