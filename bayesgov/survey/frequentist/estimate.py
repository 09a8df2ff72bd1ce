"""The frequentist Fit of a spec: which estimator answers it, and what to do about missing predictors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bayesgov.fits import Check, EstimatorFit
from bayesgov.survey import pooling
from bayesgov.survey.build import encode
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist import mixed, ordered
from bayesgov.survey.imputation import impute
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
    if not design.group_name:
        return ordered.to_fit(ordered.fit_ordered(design, spec), label)
    if spec.family == "cumulative" and spec.covariance == "model":
        return mixed.to_fit(mixed.fit_mixed(design, spec), label)
    fit = ordered.to_fit(ordered.fit_ordered(design, spec), label)
    reason = f"{design.group_name} intercepts need the cumulative family and covariance = 'model': they are left out"
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
    fits = []
    for number, frame in enumerate(imputed.frames, start=1):
        progress(f"fitting imputation {number} of {spec.imputations}")
        fits.append(fit_frequentist(encode(prepared, frame).design, spec, label))
    estimates = np.array([fit.tree["estimates"]["estimate"].values for fit in fits])
    covariances = np.array([fit.tree["covariance"]["covariance"].values for fit in fits])
    terms = [str(term) for term in fits[0].tree["estimates"]["term"].values]
    pooled = pooling.pooled_fit(pooling.pool(estimates, covariances, len(used) - len(terms)), terms, label)
    failed = {check.name: check for fit in fits for check in fit.checks() if check.status == "fail"}
    return replace(pooled, checks_run=(*pooled.checks_run, *failed.values()))
