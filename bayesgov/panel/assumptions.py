"""What an analysis of panel rows rests on, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bayesgov.fits import Approach
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.index_spec import IndexSpec, InterpolateSpec
from bayesgov.panel.spec import INTERCEPT, DynamicPanelSpec


def assumptions_of(spec: DynamicPanelSpec, design: PanelDesign, approaches: tuple[Approach, ...]) -> tuple[str, ...]:
    """What the analysis rests on, in sentences: the data first, then what both schools share, then each school."""
    sentences = [*_about_data(spec), _equation(spec, design), _rows(design, approaches)]
    if design.time_effects:
        sentences.append("Every period has an effect of its own that all units share.")
    sentences.append("Given these, errors of different units are independent, and so are a unit's errors over time.")
    if "frequentist" in approaches:
        sentences += [_instruments(spec), *_conditions_of_gmm(spec)]
    if "bayesian" in approaches:
        sentences += [_exogeneity(spec), _initial_values(spec, design), _pooling(spec, design), _errors(spec)]
        sentences.append(_priors(spec))
        if spec.latent is not None:
            sentences.append(
                f"Beside the composite, {spec.outcome} is a latent factor: each indicator is a loading times the "
                "factor, noise that stays with the unit and noise new every period. Its missing cells are modelled, "
                "not interpolated, assuming that missingness depends on what is observed."
            )
    return tuple(sentence for sentence in sentences if sentence)


def _about_data(spec: DynamicPanelSpec) -> list[str]:
    sentences = []
    if spec.interpolate is not None:
        sentences.append(_interpolation(spec.interpolate, "indicators" if spec.indices else "variables"))
    else:
        sentences.append(
            "Rows with a missing value are left out: that is harmless only if being complete does not depend on the "
            "outcome beyond the predictors."
        )
    if spec.indices is not None:
        sentences.append(_composites(spec.indices))
    if spec.log:
        sentences.append(f"In natural logarithms: {_listed(spec.log)}.")
    return sentences


def _interpolation(interpolate: InterpolateSpec, what: str) -> str:
    filled = _listed(interpolate.columns) if interpolate.columns else what
    limit = f" of up to {interpolate.limit} periods" if interpolate.limit else ""
    ends = (
        "cells before the first or after the last known one get the nearest value"
        if interpolate.ends == "carry"
        else "cells before the first or after the last known one stay missing"
    )
    return (
        f"Missing cells of the {filled} in gaps{limit} lie on the straight line between the same unit's neighbouring "
        f"values; {ends}. Filled cells count as known, so no interval is wider for them."
    )


def _composites(indices: IndexSpec) -> str:
    kept = {
        "eigenvalue": "those with an eigenvalue above one",
        "share": f"as many as explain {indices.share:.0%} of the variance",
        "all": "all",
    }[indices.retention]
    loadings = {
        "shared": "one set of means, deviations and loadings for town and country, over all years",
        "separate": "separate means, deviations and loadings for town and country, whose levels cannot be compared",
        "urban": "the towns' means, deviations and loadings for both areas",
    }[indices.loadings]
    area = f"weighted by {indices.urban_share}" if indices.urban_share else "weighted equally"
    gap = {
        "difference": "the urban less the rural level",
        "ratio": "the urban over the rural level, both rescaled to positive values",
        "log_ratio": "the logarithm of the urban over the rural level, both rescaled to positive values",
    }[indices.differentiation]
    return (
        f"Indices are weighted means of principal components of standardised indicators ({kept}; weights are "
        f"shares of variance), with {loadings}; town and country are {area}; differentiation is {gap}. The indices "
        "count as measured without error, and their zero and unit are conventions; for coefficients of variation "
        f"levels are rescaled to {indices.low:g} to {indices.high:g}."
    )


def _equation(spec: DynamicPanelSpec, design: PanelDesign) -> str:
    lags = "its lag" if spec.outcome_lags == 1 else f"its {spec.outcome_lags} lags"
    others = f", on {_listed(design.terms[design.n_lags :])}" if design.n_lags < len(design.terms) else ""
    return f"{spec.outcome} depends on {lags}{others} and on a lasting effect of each {spec.unit}."


def _rows(design: PanelDesign, approaches: Sequence[Approach]) -> str:
    lost = design.flow[-1].lost
    likelihood = "The likelihood and least squares use" if "bayesian" in approaches else "Least squares uses"
    gmm = " GMM uses every complete row." if "frequentist" in approaches else ""
    count = f" ({lost:,} rows outside it are left out)" if lost else ""
    return f"{likelihood} each unit's longest run of complete periods{count}.{gmm}"


def _instruments(spec: DynamicPanelSpec) -> str:
    """Which lags instrument what; kinds as :class:`bayesgov.panel.spec.GmmSpec` has them."""
    gmm = spec.gmm
    named = {*gmm.endogenous, *gmm.predetermined, *gmm.limits}
    exogenous = [name for name in spec.predictors if name not in named]
    windows = {name: f"{limit.first} to {limit.last or 'the last'}" for name, limit in gmm.limits.items()}
    kinds = [
        f"{spec.outcome} ({_window(windows, spec.outcome, 2)})",
        *(f"{name} (endogenous, {_window(windows, name, 2)})" for name in gmm.endogenous),
        *(f"{name} (predetermined, {_window(windows, name, 1)})" for name in gmm.predetermined),
        *(f"{name} ({_window(windows, name, 1)})" for name in gmm.limits if name in _unnamed(spec)),
        *(f"{name} (strictly exogenous, by itself)" for name in exogenous),
    ]
    collapsed = ", collapsed to one column for each lag" if gmm.collapse else ""
    return f"GMM instruments{collapsed}: {'; '.join(kinds)}."


def _unnamed(spec: DynamicPanelSpec) -> set[str]:
    """Predictors with lag limits but no declared kind."""
    return set(spec.predictors) - {*spec.gmm.endogenous, *spec.gmm.predetermined}


def _window(windows: dict[str, str], name: str, first: int) -> str:
    return f"lags {windows.get(name, f'{first} to the last')}"


def _conditions_of_gmm(spec: DynamicPanelSpec) -> list[str]:
    gmm = spec.gmm
    transformed = "first differences" if gmm.transformation == "difference" else "forward orthogonal deviations"
    weights = {"one": "one step", "two": "two steps", "iterated": "iterated weights"}[gmm.steps]
    corrected = gmm.robust and gmm.steps != "one"
    errors = "Windmeijer-corrected" if corrected else "cluster-robust" if gmm.robust else "conventional"
    sentences = [
        f"GMM removes unit effects by {transformed} ({weights}, {errors} standard errors); it needs errors without "
        "autocorrelation, which the AR(2) test looks for, and many units for few instruments."
    ]
    if gmm.system:
        sentences.append(
            "System GMM adds the equation in levels, instrumented by lagged differences: units' first deviations "
            "from their long-run paths must be unrelated to their effects (Blundell & Bond 1998)."
        )
    return sentences


def _exogeneity(spec: DynamicPanelSpec) -> str:
    if not spec.predictors:
        return ""
    treated = [*spec.gmm.endogenous, *spec.gmm.predetermined]
    differs = f" Here the schools differ: GMM lets shocks move {_listed(treated)}." if treated else ""
    return (
        f"The posterior takes {_listed(spec.predictors)} as strictly exogenous given the unit's effect: a shock to "
        f"{spec.outcome} moves no predictor, now or later.{differs}"
    )


def _initial_values(spec: DynamicPanelSpec, design: PanelDesign) -> str:
    left_out = f" Left out, because others say the same: {_listed(design.left_out)}." if design.left_out else ""
    if spec.initial == "conditional":
        own = design.departs == np.arange(design.departs.size)
        names = [name for name, kept in zip(design.covariate_names, own, strict=True) if kept]
        by_region = "" if own.all() else " The coefficient of the first outcome differs by region, as persistence does."
        return (
            "Initial conditions: the posterior conditions on each unit's first outcomes; unit effects have a normal "
            f"distribution around a linear function of {_listed(names)} (Wooldridge 2005).{by_region}{left_out}"
        )
    if spec.initial == "stationary":
        return (
            "Initial conditions: each unit's first outcome comes from the stationary distribution of its own "
            f"process, so the process must have run unchanged for long.{left_out}"
        )
    return (
        "Initial conditions: unit effects count as unrelated to the first outcomes and to the predictors, which is "
        "wrong for almost every panel and overstates persistence; it is there for comparison."
    )


def _pooling(spec: DynamicPanelSpec, design: PanelDesign) -> str:
    if len(design.regions) == 1:
        return ""
    varying = [term for term, varies in zip(design.terms, design.varying, strict=True) if varies]
    varying += [INTERCEPT] if design.intercept_varies else []
    if not varying:
        return "The posterior has one set of coefficients for all regions."
    joint = ", with correlations between coefficients" if spec.correlation == "lkj" else ""
    how = (
        f"come from a common normal distribution whose spread is estimated (partial pooling){joint}"
        if spec.pooling == "partial"
        else "are unrelated between regions (no pooling)"
    )
    every = design.varying.all() and design.intercept_varies
    what = "All regional coefficients" if every else f"Regional coefficients of {_listed(varying)}"
    return f"{what} {how}."


def _errors(spec: DynamicPanelSpec) -> str:
    kind = "Gaussian" if spec.errors == "gaussian" else "Student-t"
    scale = "one standard deviation" if spec.error_scale == "common" else "a standard deviation for each region"
    bound = {
        "none": "persistence is not bounded",
        "bounded": "persistence lies between -1 and 1",
        "transformed": "persistence lies between -1 and 1 and is pooled on the scale of its inverse hyperbolic tangent",
    }[spec.stationarity]
    return f"Errors of the posterior are {kind} with {scale}; {bound}."


def _priors(spec: DynamicPanelSpec) -> str:
    priors = spec.priors
    unit = "in standard deviations of the variables" if spec.standardise else "in the variables' own units"
    spread = (
        f", half-normal({priors.slope_region_scale:g}) for the spread of slopes between regions"
        if spec.region and spec.pooling == "partial"
        else ""
    )
    return (
        f"Priors, {unit}: normal({priors.persistence_mean:g}, {priors.persistence_scale:g}) for persistence, "
        f"normal(0, {priors.slope_scale:g}) for slopes{spread}, half-normal({priors.unit_scale:g}) and "
        f"half-normal({priors.error_scale:g}) for the standard deviations of unit effects and errors."
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
