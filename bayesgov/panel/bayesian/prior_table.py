"""The priors of a spec as a table, in the units of the variables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bayesgov.panel.bayesian.prior import ResolvedPrior, resolve_prior
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.likelihood import Columns, working_columns
from bayesgov.panel.spec import DynamicPanelSpec

type Row = tuple[str, str, float]


def prior_table(design: PanelDesign, spec: DynamicPanelSpec) -> pd.DataFrame:
    """Every prior by the name that its parameter has among the estimates.

    Returns
    -------
    pandas.DataFrame
        Columns ``parameter, distribution, scale`` in the variables' units, logarithms where the spec takes them: of
        "Normal(0.5, 0.25)" the scale is 0.25. Distributions without a scale in these units have none.
    """
    columns = working_columns(design)
    prior = resolve_prior(design, spec, columns)
    rows = [*_coefficients(design, spec, columns, prior), *_standard_deviations(design, spec, columns, prior)]
    if spec.correlation == "lkj" and len(prior.varying) > 1:
        concentration = spec.priors.correlation_concentration
        rows.append(("region_correlation", f"LKJ({concentration:g})", np.nan))
    if spec.errors == "student_t":
        rows.append(("degrees_of_freedom", "Gamma(2, 0.1)", np.nan))
    return pd.DataFrame(rows, columns=["parameter", "distribution", "scale"])


def _normal(name: str, location: float, scale: float, ending: str = "") -> Row:
    return name, f"Normal({location:.3g}, {scale:.3g}){ending}", float(scale)


def _half_normal(name: str, scale: float, ending: str = "") -> Row:
    return name, f"HalfNormal({scale:.3g}){ending}", float(scale)


def _coefficients(design: PanelDesign, spec: DynamicPanelSpec, columns: Columns, prior: ResolvedPrior) -> Iterator[Row]:
    suffix = "_mean" if spec.pooling == "partial" else ""
    for position, term in enumerate(design.terms):
        at = columns.terms[position]
        name = "alpha" if position < design.n_lags else "beta"
        unit = columns.y_scale / columns.term_scale[position]
        location, scale, ending = prior.mean[at] * unit, prior.scale[at] * unit, ""
        if position == 0 and spec.stationarity == "bounded":
            ending = " truncated to (-1, 1)"
        elif position == 0 and spec.stationarity == "transformed":
            # normal on the scale of atanh, the slope there 1 / (1 - a^2)
            centre = float(np.clip(location, -0.99, 0.99))
            location, scale, ending = np.arctanh(centre), scale / (1 - centre**2), " on the scale of atanh"
        own = suffix if design.varying[position] else ""
        yield _normal(f"{name}{own}[{term}]", location, scale, ending)
    own = suffix if design.intercept_varies else ""
    yield _normal(f"level{own}", columns.y_centre, columns.y_scale * prior.scale[columns.intercept])
    for position, covariate in enumerate(design.covariate_names):
        at, unit = columns.covariates[position], columns.y_scale / columns.covariate_scale[position]
        yield _normal(f"delta[{covariate}]", prior.mean[at] * unit, prior.scale[at] * unit)
        if spec.initial == "stationary":
            yield _normal(f"initial_slope[{covariate}]", 0.0, prior.scale[at], " in standard deviations")
    if spec.initial == "stationary":
        yield _normal("initial_level", 0.0, prior.scale[columns.intercept], " in standard deviations")


def _standard_deviations(
    design: PanelDesign, spec: DynamicPanelSpec, columns: Columns, prior: ResolvedPrior
) -> Iterator[Row]:
    if spec.pooling == "partial":
        for name, scale, unit in zip(prior.varying, prior.region_scale, prior.region_unit, strict=True):
            transformed = spec.stationarity == "transformed" and name == design.terms[0]
            yield _half_normal(f"region_sd[{name}]", scale * unit, " on the scale of atanh" if transformed else "")
    scales = {"unit_sd": prior.unit_scale, "error_sd": prior.error_scale}
    if design.time_effects:
        scales = {"year_sd": prior.year_scale} | scales
    if spec.initial == "stationary":
        scales["initial_sd"] = prior.unit_scale
    for name, scale in scales.items():
        yield _half_normal(name, scale * columns.y_scale)
