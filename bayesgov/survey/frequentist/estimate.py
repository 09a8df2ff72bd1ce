"""The frequentist Fit of a spec: which estimator answers it, and what to do about missing predictors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xarray as xr

from bayesgov.fits import Check, EstimatorFit
from bayesgov.survey import pooling
from bayesgov.survey.build import encode
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist import mixed, ordered
from bayesgov.survey.imputation import impute
from bayesgov.survey.predict import RowPredictor, point_parameters
from bayesgov.survey.prepare import PreparedData
from bayesgov.survey.spec import CumulativeSpec


def fit_frequentist(design: Design, spec: CumulativeSpec, label: str) -> EstimatorFit:
    """Maximum likelihood: with random intercepts where the spec has a group, ordinary otherwise.

    Parameters
    ----------
    design : Design
        Complete.
    spec : CumulativeSpec
        Random intercepts need the cumulative family and model-based standard errors; elsewhere they are left out and
        a check says so, with standard errors clustered by group if the spec asks for clusters.
    label : str
    """
    return _with_predictions(_estimated(design, spec, label), design, spec)


def has_random_intercepts(design: Design, spec: CumulativeSpec) -> bool:
    """Whether maximum likelihood takes the spec's groups as random intercepts."""
    usable = spec.family == "cumulative" and spec.covariance == "model" and not spec.scale
    return bool(design.group_name) and usable


def _estimated(design: Design, spec: CumulativeSpec, label: str) -> EstimatorFit:
    if not design.group_name:
        return ordered.to_fit(ordered.fit_ordered(design, spec), label)
    if has_random_intercepts(design, spec):
        return mixed.to_fit(mixed.fit_mixed(design, spec), label)
    fit = ordered.to_fit(ordered.fit_ordered(design, spec), label)
    reason = (
        f"{design.group_name} intercepts need the cumulative family, covariance = 'model' and no scale model: "
        "they are left out"
    )
    return replace(fit, checks_run=(*fit.checks_run, Check("random_intercepts", None, None, "warn", reason)))


def fit_imputed(
    prepared: PreparedData,
    spec: CumulativeSpec,
    label: str,
    *,
    seed: int,
    progress: Callable[[str], None] = lambda _message: None,
) -> EstimatorFit:
    """Maximum likelihood on every imputed data set, pooled by Rubin's rules.

    Parameters
    ----------
    prepared : PreparedData
        Of a spec with ``missing = "impute"``.
    seed : int
        Of the imputations.
    """
    used = prepared.used
    kinds = {**prepared.kinds, prepared.formula.outcome: "ordinal"}
    progress(f"imputing {spec.imputations} times")
    imputed = impute(used, kinds, spec.imputations, seed, group=prepared.formula.group)
    fits, design = [], None
    for number, frame in enumerate(imputed.frames, start=1):
        progress(f"fitting imputation {number} of {spec.imputations}")
        design = encode(prepared, frame).design
        fits.append(fit_frequentist(design, spec, label))
    assert design is not None  # a spec has two imputations or more
    estimates = np.array([fit.tree["estimates"].to_dataset()["estimate"].values for fit in fits])
    covariances = np.array([fit.tree["covariance"].to_dataset()["covariance"].values for fit in fits])
    terms = [str(term) for term in fits[0].tree["estimates"].to_dataset()["term"].values]
    pooled = pooling.pooled_fit(pooling.pool(estimates, covariances, len(used) - len(terms)), terms, label)
    if "group_effect" in fits[0].tree:
        effects = [fit.tree["group_effect"].to_dataset()["estimate"] for fit in fits]
        pooled.tree["group_effect"] = xr.DataTree(xr.concat(effects, "imputation").mean("imputation").to_dataset())
    if "group_sd" in terms:  # zero is its boundary: no Wald interval, no p-value
        table = pooled.tree["estimates"].to_dataset()
        pooled.tree["estimates"] = xr.DataTree(table.assign(df=table["df"].where(table["term"] != "group_sd")))
    failed = {check.name: check for fit in fits for check in fit.checks() if check.status == "fail"}
    pooled = replace(pooled, checks_run=(*pooled.checks_run, *failed.values()))
    return _with_predictions(pooled, design, spec)


def _with_predictions(fit: EstimatorFit, design: Design, spec: CumulativeSpec) -> EstimatorFit:
    """The fit with its estimates as the one draw that predictions take."""
    modes = fit.tree["group_effect"].to_dataset()["estimate"] if "group_effect" in fit.tree else None
    group = None if modes is None else dict(zip(map(str, modes["group"].values), modes.values.tolist(), strict=True))
    point = point_parameters(design, fit.tree["estimates"].to_dataset()["estimate"].values, group)
    fit.tree["point"] = xr.DataTree(point)
    return replace(fit, predictor=RowPredictor(spec.family, spec.link))
