"""The Bayesian side of a panel: what the posterior is asked after it has been sampled."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bayesgov.fits import Check, PosteriorFit
from bayesgov.panel.bayesian.collapsed import is_collapsible
from bayesgov.panel.bayesian.effects import impulse_table, long_run_table, persistence_table
from bayesgov.panel.bayesian.pooling import (
    GAUSSIAN,
    SERIES,
    collapsible_version,
    compared_initial_conditions,
    compared_poolings,
    initial_table,
    mean_effect_table,
    region_table,
    side_options,
    varies_by_region,
)
from bayesgov.panel.bayesian.prior_table import prior_table
from bayesgov.panel.bayesian.residual_checks import residual_checks
from bayesgov.panel.bayesian.scores import leave_future_out, leave_region_out
from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.panel.spec import DynamicPanelSpec, Pooling
from bayesgov.steps import Found, Progress, run_steps

_FORECASTS = 3  # periods
_SCORE_DRAWS = 300  # a chain: the tables have the Monte Carlo error that they leave
_COMPARED: tuple[Pooling, ...] = ("partial", "complete")


def question_posterior(
    frame: pd.DataFrame,
    design: PanelDesign,
    spec: DynamicPanelSpec,
    fit: PosteriorFit,
    *,
    seed: int,
    progress: Progress = lambda _message: None,
) -> Found:
    """Effects, other poolings and first outcomes, scores, residual checks and priors; one crash leaves the others.

    Parameters
    ----------
    frame : DataFrame
        Rows behind the Design, interpolated and with their indices.
    design : PanelDesign
        That of the fit.
    spec : DynamicPanelSpec
    fit : PosteriorFit
        Of :func:`bayesgov.panel.bayesian.fit.fit_bayesian`.
    seed : int
        Of replications and of the models sampled beside the fit.
    progress : callable

    Returns
    -------
    Found
        Tables by name: "priors", "long_run_posterior", "persistence", "impulse_responses", "residual_checks",
        "regions", "mean_effects", "initial_conditions", "region_scores", "future_scores"; those that do not apply are
        absent, and a check says why.
    """
    steps: list[tuple[str, Callable[[], Found]]] = [
        ("priors", lambda: Found({"priors": prior_table(design, spec)})),
        ("long-run effects", lambda: _effects(fit)),
        ("residual checks", lambda: _residuals(design, spec, fit, seed)),
        ("regions", lambda: _regions(frame, design, spec, fit, seed, progress)),
        ("initial conditions", lambda: _initial_conditions(frame, design, spec, fit, seed, progress)),
        ("regions held out", lambda: _region_scores(frame, design, spec, seed, progress)),
        ("periods held out", lambda: _future_scores(frame, design, spec, seed, progress)),
    ]
    found = run_steps(steps, progress)
    if is_collapsible(spec):
        return found
    reason = f"poolings, first outcomes and predictions are compared {GAUSSIAN}; the rest is of the model as it stands"
    return found | Found(checks=(Check("comparisons of the model itself", None, None, "not applicable", reason),))


def _effects(fit: PosteriorFit) -> Found:
    effects = fit.tree["effects"].to_dataset()
    tables = {"persistence": persistence_table(effects)}
    if "long_run" in effects:
        tables |= {"long_run_posterior": long_run_table(effects), "impulse_responses": impulse_table(effects)}
    return Found(tables)


def _residuals(design: PanelDesign, spec: DynamicPanelSpec, fit: PosteriorFit, seed: int) -> Found:
    posterior = fit.tree["posterior"].to_dataset()
    found = residual_checks(design, posterior, seed=seed, by_region=spec.error_scale == "by_region")
    return Found({"residual_checks": found.table}, found.checks)


def _regions(
    frame: pd.DataFrame, design: PanelDesign, spec: DynamicPanelSpec, fit: PosteriorFit, seed: int, progress: Progress
) -> Found:
    posteriors = compared_poolings(frame, design, spec, fit, seed=seed, progress=progress)
    tables = {"regions": region_table(posteriors, spec)}
    checks = tuple(check for posterior in posteriors.values() for check in posterior.checks)
    if "partial" not in posteriors:
        reason = "nothing in the equation may differ between two or more regions"
        return Found(tables, (*checks, Check("poolings of the regions", None, None, "not applicable", reason)))
    means = mean_effect_table(posteriors["partial"])
    return Found(tables if means.empty else tables | {"mean_effects": means}, checks)


def _initial_conditions(
    frame: pd.DataFrame,
    design: PanelDesign,
    spec: DynamicPanelSpec,
    fit: PosteriorFit,
    seed: int,
    progress: Progress,
) -> Found:
    posteriors, left_out = compared_initial_conditions(frame, design, spec, fit, seed=seed, progress=progress)
    checks = tuple(check for posterior in posteriors.values() for check in posterior.checks)
    if left_out:
        checks += (Check("stationary first outcomes", None, None, "not applicable", left_out),)
    return Found({"initial_conditions": initial_table(posteriors, spec)}, checks)


def _region_scores(
    frame: pd.DataFrame, design: PanelDesign, spec: DynamicPanelSpec, seed: int, progress: Progress
) -> Found:
    if not varies_by_region(design, _with(spec, "partial")):
        return _nothing_to_compare("regions held out")
    parts = []
    for pooling in _COMPARED:
        progress(f"{SERIES[pooling]}: every region held out in turn")
        chosen = _with(spec, pooling)
        scores = leave_region_out(panel_design(frame, chosen), chosen, side_options(chosen, seed, _SCORE_DRAWS))
        parts.append(_named(scores, pooling))
    return Found({"region_scores": pd.concat(parts, ignore_index=True)})


def _future_scores(
    frame: pd.DataFrame, design: PanelDesign, spec: DynamicPanelSpec, seed: int, progress: Progress
) -> Found:
    first = max(design.times[-1] - _FORECASTS + 1, design.times[0] + 2)
    if first > design.times[-1]:
        reason = f"a forecast needs two earlier periods; the rows used have {len(design.times)}"
        return Found(checks=(Check("periods held out", None, None, "not applicable", reason),))
    poolings = _COMPARED if varies_by_region(design, _with(spec, "partial")) else _COMPARED[1:]
    parts = []
    for pooling in poolings:
        progress(f"{SERIES[pooling]}: the last periods held out in turn")
        chosen = _with(spec, pooling)
        parts.append(
            _named(leave_future_out(frame, chosen, side_options(chosen, seed, _SCORE_DRAWS), first=first), pooling)
        )
    return Found({"future_scores": pd.concat(parts, ignore_index=True)})


def _with(spec: DynamicPanelSpec, pooling: Pooling) -> DynamicPanelSpec:
    return collapsible_version(spec).model_copy(update={"pooling": pooling})


def _named(scores: pd.DataFrame, pooling: Pooling) -> pd.DataFrame:
    scores.insert(0, "model", SERIES[pooling])
    return scores


def _nothing_to_compare(step: str) -> Found:
    reason = "it compares two poolings of regions, and nothing in the equation may differ between two or more"
    return Found(checks=(Check(step, None, None, "not applicable", reason),))
