"""Items that measure a city's latent outcome: its indicators, standardised as the composite's and signed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.errors import InputError
from bayesgov.panel.composite import Composite
from bayesgov.panel.cube import panel_from_frame
from bayesgov.panel.index_spec import IndexSpec
from bayesgov.panel.indices import RURAL, URBAN
from bayesgov.panel.spec import DynamicPanelSpec


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """Items on the grid of units and periods; the composite is their weighted sum wherever all are known.

    Attributes
    ----------
    names : tuple of str, length n_items
    units : tuple of str
    times : tuple of int
    values : ndarray, shape (n_units, n_times, n_items)
        Less ``mean``, in standard deviations of the indicator; NaN where a cell of town or country is missing.
    mean : ndarray, shape (n_items,)
        Over the known cells.
    weights : ndarray, shape (n_items,)
        Of the items in the composite.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    times: tuple[int, ...]
    values: np.ndarray
    mean: np.ndarray
    weights: np.ndarray


def measured_items(frame: pd.DataFrame, composite: Composite, spec: DynamicPanelSpec) -> Items:
    """Items of the spec's outcome: for the level a mean of town and country, for differentiation town less country.

    Parameters
    ----------
    frame : DataFrame
        Rows as they were read, before interpolation.
    composite : Composite
        Of the level, whose means and deviations standardise the indicators of town and country alike.
    spec : DynamicPanelSpec
        With indices and latent.

    Raises
    ------
    InputError
        If a column is missing or holds text, or an item has no two different known values.
    """
    indices = spec.indices
    if indices is None:
        raise InputError("a latent outcome needs indices, whose indicators measure it: add indices to the spec")
    columns = {area: [f"{name}_{area}" for name in indices.indicators] for area in (URBAN, RURAL)}
    share = (indices.urban_share,) if indices.urban_share else ()
    panel = panel_from_frame(frame, spec.unit, spec.time, (*columns[URBAN], *columns[RURAL], *share))
    sign = np.where(np.isin(indices.indicators, indices.negative), -1.0, 1.0)
    urban, rural = (
        (sign * np.stack([panel.values[name] for name in names], axis=-1) - composite.mean) / composite.deviation
        for names in columns.values()
    )
    if spec.outcome == "differentiation":
        values = urban - rural
    else:
        weight = _share(panel.values[share[0]])[..., None] if share else 0.5
        values = weight * urban + (1 - weight) * rural
    _require_variation(values, indices)
    mean = np.nanmean(values, axis=(0, 1))
    return Items(indices.indicators, panel.units, panel.times, values - mean, mean, composite.indicator_weights)


def _share(share: np.ndarray) -> np.ndarray:
    if ((share < 0) | (share > 1)).any():
        raise InputError(f"urban_share: shares between 0 and 1 are wanted; got {np.nanmax(share):g}")
    return share


def _require_variation(values: np.ndarray, indices: IndexSpec) -> None:
    for position, name in enumerate(indices.indicators):
        known = values[..., position][~np.isnan(values[..., position])]
        if known.size < 2 or not np.ptp(known) > 0:
            raise InputError(f"{name}: a latent outcome needs values that differ; it has none: leave it out")


def proxy(items: Items) -> np.ndarray:
    """Mean of the known items of every unit and period, filled from the unit's other periods, then by zero.

    It scales the latent outcome and places starting points; nothing is estimated from it.

    Returns
    -------
    ndarray, shape (n_units, n_times)
    """
    known = ~np.isnan(items.values)
    count = known.sum(axis=-1)
    mean = np.where(known, items.values, 0.0).sum(axis=-1) / np.maximum(count, 1)
    table = pd.DataFrame(np.where(count > 0, mean, np.nan))
    filled: np.ndarray = table.interpolate(axis=1, limit_direction="both").fillna(0.0).to_numpy()
    return filled
