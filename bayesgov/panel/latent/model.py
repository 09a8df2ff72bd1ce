"""The joint model of a latent outcome and its indicators: its rows, its priors and the geometry of its coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bayesgov.errors import InputError
from bayesgov.panel.bayesian.collapsed import CollapsedModel, collapsed_model
from bayesgov.panel.cube import Panel
from bayesgov.panel.design import PanelDesign, design_from_panel
from bayesgov.panel.latent import kernel
from bayesgov.panel.latent.items import Items, proxy
from bayesgov.panel.likelihood import zero_sum_basis
from bayesgov.panel.regional import RegionalPanel
from bayesgov.panel.spec import DynamicPanelSpec


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where each parameter stands among the sampler's coordinates."""

    region: slice
    unit: slice
    year: slice
    error: slice
    first_sd: slice
    first_correlation: slice
    common: slice
    years: slice
    offset: slice
    start: slice
    loading: slice
    yearly: slice
    lasting: slice

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return int(self.lasting.stop)


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Coordinates of the linear coefficients.

    Attributes
    ----------
    reference : ndarray, shape (n_regions, n_columns + 1, n_columns + 1)
        Cross-products of [Z y] under a reference likelihood.
    year_reference : ndarray, shape (1, n_columns + 1, n_columns + 1)
        Likewise with regional offsets integrated out, columns of year effects first.
    common_centre, common_root : ndarray, shapes (n_columns - n_year,) and (n_columns - n_year, n_common)
        Common coefficients, year effects apart, are the centre plus :func:`density.mean_widths` times the root times
        coordinates.
    """

    reference: np.ndarray
    year_reference: np.ndarray
    common_centre: np.ndarray
    common_root: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class LatentModel:
    """Rows, priors and coordinates.

    Attributes
    ----------
    design : PanelDesign
        Its outcome is the proxy, which scales the latent outcome and is no data of the model.
    collapsed : CollapsedModel
        The proxy's: working columns, priors and scales that both models share.
    rows : kernel.Rows
        Items in standard deviations of the proxy.
    item_names : tuple of str
    item_mean : ndarray, shape (n_items,)
        What was subtracted from the standardised indicators, so that the items have mean zero in the rows used.
    weights : ndarray, shape (n_items,)
        Of the items in the composite.
    geometry : Geometry
    start_centre, start_root : ndarray, shapes (n_start,) and (n_start, n_start)
        Likewise for the regression of the first level.
    start_scale : ndarray, shape (n_start,)
        Its normal priors.
    loading_basis : ndarray, shape (n_items, n_items - 1)
        Loadings are one plus the prior's scale times the basis times standard normals.
    noise_scale, first_scale : float
        Half-normal priors of the items' noise and of the first level's standard deviation around its regression.
    first_concentration : float
        LKJ prior of the correlation between the first level and the unit effect.
    layout : Layout
    initial : ndarray, shape (layout.size,)
    """

    design: PanelDesign
    collapsed: CollapsedModel
    rows: kernel.Rows
    item_names: tuple[str, ...]
    item_mean: np.ndarray
    weights: np.ndarray
    geometry: Geometry
    start_centre: np.ndarray
    start_root: np.ndarray
    start_scale: np.ndarray
    loading_basis: np.ndarray
    noise_scale: float
    first_scale: float
    first_concentration: float
    layout: Layout
    initial: np.ndarray


def latent_model(panel: RegionalPanel, items: Items, spec: DynamicPanelSpec) -> LatentModel:
    """Rows and coordinates of the joint model.

    Parameters
    ----------
    panel : RegionalPanel
        With the predictors of the spec.
    items : Items
        On the panel's units; periods may differ.
    spec : DynamicPanelSpec
        Gaussian, with independent regional coefficients and one lag of the outcome.

    Raises
    ------
    InputError
        If the outcome has further lags, units differ, or no row has its predictors.
    """
    if spec.outcome_lags > 1:
        raise InputError(f"a latent outcome needs outcome_lags = 1; got {spec.outcome_lags}")
    design, column = _design(panel, items, spec)
    collapsed = collapsed_model(design, spec)
    rows, item_mean = _rows(design, collapsed, items, column)
    layout = _layout(design, collapsed, rows)
    prior, columns = collapsed.prior, collapsed.columns
    start_scale = np.append(prior.scale[columns.intercept], prior.scale[columns.covariates])
    start_scale = np.tile(start_scale, rows.start.shape[1] // start_scale.size)
    first = (_first_levels(design, column) - collapsed.columns.y_centre) / collapsed.columns.y_scale
    start_centre, start_root, first_sd = _start_coordinates(rows.start, first, start_scale)
    latent = spec.latent
    assert latent is not None
    scale = collapsed.columns.y_scale
    basis = latent.loading_scale * zero_sum_basis(len(items.names))
    noise, first_scale = latent.noise_scale / scale, collapsed.prior.unit_scale
    initial = _initial(collapsed, rows, layout, noise, first_sd / first_scale)
    return LatentModel(
        design, collapsed, rows, items.names, item_mean, items.weights, _geometry(collapsed, _reference(collapsed)),
        start_centre, start_root, start_scale, basis, noise, first_scale, spec.priors.correlation_concentration,
        layout, initial,
    )  # fmt: skip


def with_reference(model: LatentModel, reference: np.ndarray) -> LatentModel:
    """The same posterior in coordinates of another reference, shaped as :attr:`Geometry.reference`."""
    return replace(model, geometry=_geometry(model.collapsed, reference))


def _geometry(collapsed: CollapsedModel, reference: np.ndarray) -> Geometry:
    together = _without_offsets(collapsed, reference)
    return Geometry(reference, _years_first(collapsed, together), *_common_coordinates(collapsed, together))


def _design(panel: RegionalPanel, items: Items, spec: DynamicPanelSpec) -> tuple[PanelDesign, np.ndarray]:
    """Rows with their predictors, the proxy as outcome; and the proxy on the panel's grid."""
    cube = panel.panel
    if cube.units != items.units or cube.times != items.times:
        raise InputError("the indicators and the predictors should have the same units and periods")
    stand_in = proxy(items)
    values = {**cube.values, spec.outcome: stand_in}
    # "stationary" stands for unit covariates without the first outcome, which is latent here
    chosen = spec.model_copy(update={"initial": spec.initial if spec.initial == "naive" else "stationary"})
    filled = Panel(cube.units, cube.times, values, cube.present)
    return design_from_panel(filled, panel.regions, panel.unit_region, chosen), stand_in


def _levels(design: PanelDesign, n_times: int) -> tuple[np.ndarray, np.ndarray]:
    """Grid row of every unit, and grid column of its first latent level, the period before its first row."""
    first = design.row[design.starts]
    return first // n_times, first % n_times - 1


def _first_levels(design: PanelDesign, stand_in: np.ndarray) -> np.ndarray:
    unit, time = _levels(design, stand_in.shape[1])
    found: np.ndarray = stand_in[unit, time]
    return found


def _rows(
    design: PanelDesign, collapsed: CollapsedModel, items: Items, stand_in: np.ndarray
) -> tuple[kernel.Rows, np.ndarray]:
    columns, n_times = collapsed.columns, stand_in.shape[1]
    counts, n_items = design.unit_rows, len(items.names)
    used = items.values.reshape(-1, n_items)[design.row]
    mean = np.nanmean(used, axis=0) if used.size else np.zeros(n_items)
    values = np.full((counts.size, n_items, counts.max() + 1), np.nan)
    for index, (unit, time) in enumerate(zip(*_levels(design, n_times), strict=True)):
        length = counts[index] + 1
        values[index, :, :length] = (items.values[unit, time : time + length] - mean).T / columns.y_scale
    known = ~np.isnan(values)
    z, lag = columns.z.copy(), int(columns.terms[0])
    # (lag - its centre) / scale = eta_{t-1} + shift, eta = (level - y_centre) / scale
    z[:, lag] = (columns.y_centre - columns.term_centre[0]) / columns.y_scale
    region = design.unit_region.astype(np.int64)
    same = (region[1:] == region[:-1]) & (counts[1:] == counts[:-1]) & (known[1:] == known[:-1]).all(axis=(1, 2))
    return kernel.Rows(
        z=np.ascontiguousarray(z),
        lag=lag,
        starts=np.append(design.starts, design.n_obs).astype(np.int64),
        unit_region=region,
        start=_start_columns(design, collapsed),
        items=np.where(known, values, 0.0),
        known=known,
        counts=known.sum(axis=2).astype(np.int64),
        repeats=np.concatenate([[False], same]),
    ), mean


def starts_by_region(design: PanelDesign) -> bool:
    """Whether the first level's equation is a region's own: it depends on persistence, and does where that does.

    A unit in its long-run state has level (x'b + u) / (1 - alpha). One equation for regions of different persistence
    would draw their alphas together.
    """
    return bool(design.varying[0]) and len(design.regions) > 1


def _start_columns(design: PanelDesign, collapsed: CollapsedModel) -> np.ndarray:
    """A constant and the unit covariates, one set a region where the first levels' equations differ."""
    columns = collapsed.columns
    standard = (design.covariates - columns.covariate_centre) / columns.covariate_scale
    every = np.hstack([np.ones((standard.shape[0], 1)), standard])
    if not starts_by_region(design):
        return every
    own = design.unit_region[:, None] == np.arange(len(design.regions))
    columns_by_region: np.ndarray = (own[:, :, None] * every[:, None]).reshape(standard.shape[0], -1)
    return columns_by_region


def _layout(design: PanelDesign, collapsed: CollapsedModel, rows: kernel.Rows) -> Layout:
    n_regions, n_items = collapsed.factors.within.shape[0], rows.items.shape[1]
    k, n_year = collapsed.columns.n_varying, collapsed.columns.n_year
    n_common = collapsed.columns.z.shape[1] - n_year - (k if k and not collapsed.n_region else 0)
    n_first = n_regions if starts_by_region(design) else 1
    sizes = (
        collapsed.n_region, 1, int(n_year > 0), collapsed.n_error, n_first, n_first, n_common, n_year, n_regions * k,
        rows.start.shape[1], n_items - 1, n_items, n_items,
    )  # fmt: skip
    ends = np.cumsum(sizes)
    return Layout(*(slice(int(end) - size, int(end)) for size, end in zip(sizes, ends, strict=True)))


def _reference(collapsed: CollapsedModel) -> np.ndarray:
    """Cross-products under the proxy's likelihood, unit effects as large as errors; shape as ``within``."""
    variance, factors = collapsed.error_start**2, collapsed.factors
    total = collapsed.within / variance
    weight = factors.periods / (variance * (1 + factors.periods))
    np.add.at(total, factors.group_region, weight[:, None, None] * collapsed.between)
    return np.ascontiguousarray(total)


def middle_region_sd(collapsed: CollapsedModel) -> np.ndarray:
    """Standard deviations between regions at which the coordinates are round, shape (n_varying,)."""
    if not collapsed.n_region:
        return collapsed.fixed_s
    return 0.5 * collapsed.half_scale[: collapsed.n_region]


def _without_offsets(collapsed: CollapsedModel, reference: np.ndarray) -> np.ndarray:
    """Cross-products of [Z y] for common coefficients, regional offsets integrated out at middling sizes."""
    k, s = collapsed.columns.n_varying, middle_region_sd(collapsed)
    total = reference.sum(axis=0)
    for part in reference:
        block = np.eye(k) + s[:, None] * part[:k, :k] * s
        total = total - part[:, :k] * s @ np.linalg.solve(block, s[:, None] * part[:k])
    return total


def _years_first(collapsed: CollapsedModel, together: np.ndarray) -> np.ndarray:
    size, n_year = together.shape[0], collapsed.columns.n_year
    order = [*range(size - 1 - n_year, size - 1), *range(size - 1 - n_year), size - 1]
    return np.ascontiguousarray(together[np.ix_(order, order)][None])


def _common_coordinates(collapsed: CollapsedModel, together: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and root of the covariance of the common coefficients under the reference, year effects integrated out."""
    scale = collapsed.fixed_c[:-1]  # one prior scale for year effects here
    free = np.flatnonzero(scale > 0)
    precision = together[np.ix_(free, free)] + np.diag(scale[free] ** -2.0)
    n_kept = scale.size - collapsed.columns.n_year
    kept = free < n_kept
    centre, root = np.zeros(n_kept), np.zeros((n_kept, int(kept.sum())))
    centre[free[kept]] = np.linalg.solve(precision, together[free, -1])[kept]
    root[free[kept]] = np.linalg.cholesky(np.linalg.inv(precision)[np.ix_(kept, kept)])
    return centre, root


def _start_coordinates(start: np.ndarray, first: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean and root of the covariance of the first level's regression, and its residual standard deviation."""
    rough = np.linalg.lstsq(start, first, rcond=None)[0]
    sd = float(max((first - start @ rough).std(), 1e-3))
    precision = start.T @ start / sd**2 + np.diag(scale**-2.0)
    centre = np.linalg.solve(precision, start.T @ first / sd**2)
    return centre, np.linalg.inv(np.linalg.cholesky(precision)).T, sd


def _initial(
    collapsed: CollapsedModel, rows: kernel.Rows, layout: Layout, noise_scale: float, first_sd: float
) -> np.ndarray:
    """Standard deviations of the noise by the items less their mean, everything else where the proxy has it."""
    initial = np.zeros(layout.size)
    # twice what can be told from zero
    initial[layout.region] = initial[layout.unit] = initial[layout.year] = 1.47
    error = collapsed.half_scale[-1]
    initial[layout.error] = np.log(collapsed.error_start / error)
    initial[layout.first_sd] = np.log(first_sd)
    initial[layout.first_correlation] = 0.5
    items = np.where(rows.known, rows.items, np.nan)
    count = rows.known.sum(axis=1, keepdims=True)
    gaps = items - rows.items.sum(axis=1, keepdims=True) / np.maximum(count, 1)
    n = np.maximum(rows.counts, 1)
    means = np.where(rows.known, gaps, 0.0).sum(axis=2) / n
    within = np.where(rows.known, gaps - means[..., None], 0.0)
    yearly = np.sqrt((within**2).sum(axis=(0, 2)) / np.maximum((rows.counts - 1).clip(0).sum(axis=0), 1))
    lasting = np.sqrt((means**2).mean(axis=0))
    initial[layout.yearly] = np.log(np.maximum(yearly, 1e-3) / noise_scale)
    initial[layout.lasting] = np.log(np.maximum(lasting, 1e-3) / noise_scale)
    return initial
