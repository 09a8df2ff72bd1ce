"""Priors of a spec in the units of the working columns, and exact draws from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesgov.panel.design import PanelDesign
from bayesgov.panel.likelihood import Columns
from bayesgov.panel.spec import INTERCEPT, DynamicPanelSpec


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedPrior:
    """Prior means and scales of every parameter of the working columns.

    Attributes
    ----------
    mean, scale : ndarray, shape (n_columns,)
        Normal priors of the coefficients; of their means over regions where they vary. The scale of year effects is a
        parameter, and NaN here.
    region_scale : ndarray, shape (n_varying,)
        Half-normal priors of the standard deviations between regions.
    year_scale, unit_scale, error_scale : float
        Half-normal priors.
    varying : tuple of str, length n_varying
        Names of the varying columns.
    region_unit : ndarray, shape (n_varying,)
        A working coefficient of one in the variables' own units.
    """

    mean: np.ndarray
    scale: np.ndarray
    region_scale: np.ndarray
    year_scale: float
    unit_scale: float
    error_scale: float
    varying: tuple[str, ...]
    region_unit: np.ndarray


def resolve_prior(design: PanelDesign, spec: DynamicPanelSpec, columns: Columns) -> ResolvedPrior:
    """The spec's priors, in standard deviations or in the variables' units as ``standardise`` says."""
    priors, y_scale = spec.priors, columns.y_scale
    per_y = 1.0 if spec.standardise else y_scale
    per_x = np.ones(len(design.terms)) if spec.standardise else y_scale / columns.term_scale
    per_w = np.ones(columns.covariates.size) if spec.standardise else y_scale / columns.covariate_scale
    own = np.arange(len(design.terms)) < design.n_lags
    n_columns = columns.z.shape[1]
    mean, scale, region = np.zeros(n_columns), np.full(n_columns, np.nan), np.empty(n_columns)
    mean[columns.terms[0]] = priors.persistence_mean
    scale[columns.terms] = np.where(own, priors.persistence_scale, priors.slope_scale / per_x)
    scale[columns.intercept] = priors.intercept_scale / per_y
    departure = design.departs != np.arange(columns.covariates.size)
    pooled = departure & (spec.pooling == "partial")
    scale[columns.covariates] = np.where(pooled, priors.slope_region_scale, priors.unit_covariate_scale / per_w)
    region[columns.terms] = priors.slope_region_scale / np.where(own, 1.0, per_x)
    region[columns.intercept] = priors.intercept_region_scale / per_y
    names, unit = np.empty(n_columns, dtype=object), np.empty(n_columns)
    names[columns.terms], names[columns.intercept] = design.terms, INTERCEPT
    unit[columns.terms], unit[columns.intercept] = y_scale / columns.term_scale, y_scale
    return ResolvedPrior(
        mean=mean,
        scale=scale,
        region_scale=region[: columns.n_varying],
        year_scale=priors.year_scale / per_y,
        unit_scale=priors.unit_scale / per_y,
        error_scale=priors.error_scale / per_y,
        varying=tuple(names[: columns.n_varying]),
        region_unit=unit[: columns.n_varying],
    )
