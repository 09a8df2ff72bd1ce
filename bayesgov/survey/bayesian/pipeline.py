"""The Bayesian side of the survey study on rows: what a posterior is asked after it has been sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.diagnostics import power_scaling_check
from bayesgov.fits import Check, PosteriorFit, element_names
from bayesgov.steps import Found, Progress, run_steps
from bayesgov.survey.bayesian.fit import fit_bayesian
from bayesgov.survey.bayesian.loo import PredictivePerformance, kfold, loo, refit_failing
from bayesgov.survey.bayesian.model import build_model
from bayesgov.survey.bayesian.results import posterior_summary
from bayesgov.survey.bayesian.sensitivity import prior_sensitivity
from bayesgov.survey.curves import category_levels, curves
from bayesgov.survey.design import Design
from bayesgov.survey.margins import probabilities
from bayesgov.survey.predictive import block_of_draws, complete_rows, thinned
from bayesgov.survey.prepare import PreparedData
from bayesgov.survey.projection import select
from bayesgov.survey.replication import predicted_shares, replicated_shares
from bayesgov.survey.spec import CumulativeSpec

_MOST_POINTWISE = 100_000  # rows: leave-one-out and projection look at every row at hundreds of draws
_CURVE_DRAWS = 1000
_REFIT_SECONDS = 60.0  # of sampling in all, for observations that importance sampling fails for
_FOLDS = 5


def question_posterior(
    design: Design,
    spec: CumulativeSpec,
    fit: PosteriorFit,
    prepared: PreparedData,
    *,
    seed: int,
    progress: Progress = lambda _message: None,
) -> Found:
    """Summaries, predictive checks, scores, projection and prior sensitivity; a crash of one leaves the others.

    Parameters
    ----------
    design : Design
        That of the fit; for a posterior over imputed data sets, that of the complete rows.
    spec : CumulativeSpec
    fit : PosteriorFit
        Its tree has the groups ``posterior`` and ``prior``.
    prepared : PreparedData
        The data behind the Design.
    seed : int
        Of replicated data and refits.
    progress : callable

    Returns
    -------
    Found
        Tables by name: "posterior_coefficients", "posterior_average", "posterior_effects", "posterior_curves",
        "departures", "replicated_shares", "prior_shares", "scores", "projection", "power_scaling"; those that do not
        apply are absent, and a check says why.
    """
    steps: list[tuple[str, Callable[[], Found]]] = [
        ("posterior summaries", lambda: _summaries(design, spec, fit, prepared))
    ]
    if design.missing or "imputations" in fit.tree.attrs:
        reason = "the posterior is not of one complete set of rows: replicated data and scores would need one"
        blocked = Check("posterior predictive checks", None, None, "not applicable", reason)
        return run_steps(steps, progress) | Found(checks=(blocked,))
    steps += [
        ("posterior predictive checks", lambda: _replicated(design, spec, fit, prepared, seed)),
        ("prior sensitivity", lambda: _sensitivity(design, spec, fit)),
    ]
    if design.n_obs > _MOST_POINTWISE:
        reason = f"scores and projection look at every row at every draw: left out above {_MOST_POINTWISE:,} rows"
        return run_steps(steps, progress) | Found(
            checks=(Check("leave-one-out scores", None, None, "not applicable", reason),)
        )
    steps.append(("leave-one-out scores", lambda: _scores(design, spec, fit, seed, progress)))
    if not design.nominal and not design.monotonic and len(set(design.factors)) > 1:
        steps.append(("projection", lambda: _projection(design, spec, fit)))
    return run_steps(steps, progress)


def _summaries(design: Design, spec: CumulativeSpec, fit: PosteriorFit, prepared: PreparedData) -> Found:
    posterior = fit.tree["posterior"].to_dataset()
    summary = posterior_summary(design, posterior, spec)
    tables = {
        "posterior_coefficients": summary.coefficients,
        "posterior_average": summary.probabilities,
        "posterior_effects": summary.effects,
    }
    whole = complete_rows(design)
    values = block_of_draws(thinned(posterior, _CURVE_DRAWS), design)
    drawn = []
    for curve in curves(whole, category_levels(prepared)):
        chances = probabilities(curve.design, values, spec)
        lower, median, upper = np.quantile(chances, [0.025, 0.5, 0.975], axis=0)
        drawn.append(curve.frame(median, lower, upper))
    if drawn:
        tables["posterior_curves"] = pd.concat(drawn, ignore_index=True)
    if "departure" in posterior:
        tables["departures"] = _departures(fit)
    return Found(tables)


def _replicated(design: Design, spec: CumulativeSpec, fit: PosteriorFit, prepared: PreparedData, seed: int) -> Found:
    replicated = replicated_shares(design, fit.tree["posterior"].to_dataset(), spec, seed=seed)
    levels = category_levels(prepared)
    shares = [one.frame().assign(variable=one.variable) for one in replicated]
    for frame in shares:
        frame["part"] = [_part_name(frame["variable"].iloc[0], str(part), levels) for part in frame["part"]]
    return Found(
        {
            "replicated_shares": pd.concat(shares, ignore_index=True),
            "prior_shares": predicted_shares(design, fit.tree["prior"].to_dataset(), spec),
        }
    )


def _sensitivity(design: Design, spec: CumulativeSpec, fit: PosteriorFit) -> Found:
    """Power-scaling of the coefficients and of what else the report shows."""
    names = [name for name in ("beta", "group_sd", "log_scale") if name in fit.tree["posterior"]]
    if not names:
        return Found()
    found = prior_sensitivity(fit.tree, build_model(design, spec), design, spec, names)
    rows = [
        {
            "term": element,
            "prior": float(prior),
            "likelihood": float(likelihood),
        }
        for name in names
        for element, prior, likelihood in zip(
            element_names(found[name].sel(component="prior", drop=True)),
            np.atleast_1d(found[name].sel(component="prior").values),
            np.atleast_1d(found[name].sel(component="likelihood").values),
            strict=True,
        )
    ]
    return Found({"power_scaling": pd.DataFrame(rows)}, (power_scaling_check(found),))


def _scores(design: Design, spec: CumulativeSpec, fit: PosteriorFit, seed: int, progress: Progress) -> Found:
    """Leave-one-out scores; observations that importance sampling fails for are left out in earnest if that is quick.

    Where there are too many of them, the scores of whole groups left out stand beside.
    """
    performance = loo(design, fit.tree["posterior"].to_dataset(), spec)
    if all(check.status == "pass" for check in performance.checks):
        return Found({"scores": _named(performance)}, performance.checks)
    seconds = float(fit.tree.attrs["sampling_seconds"]) + float(fit.tree.attrs["compile_seconds"])
    affordable = int(_REFIT_SECONDS / max(seconds, 1e-3))

    def refit(rest: Design) -> xr.Dataset:
        progress(f"refitting {rest.n_obs:,} rows")
        return fit_bayesian(rest, spec, "refit", seed).tree["posterior"].to_dataset()

    again = refit_failing(performance, design, spec, refit, seed=seed, most=min(affordable, 20))
    parts = [_named(again)]
    failing = any(check.status != "pass" for check in again.checks)
    if failing and min(affordable, len(np.unique(design.group))) >= _FOLDS:
        parts.append(_named(kfold(design, spec, refit, folds=_FOLDS, seed=seed)))
    return Found({"scores": pd.concat(parts, ignore_index=True)}, again.checks)


def _named(performance: PredictivePerformance) -> pd.DataFrame:
    frame = performance.frame()
    frame.insert(0, "method", performance.method)
    return frame


def _projection(design: Design, spec: CumulativeSpec, fit: PosteriorFit) -> Found:
    path = select(design, fit.tree["posterior"].to_dataset(), spec)
    return Found({"projection": path.frame()}, path.checks)


def _part_name(variable: str, part: str, levels: Mapping[str, Sequence[str]]) -> str:
    """ "Infl[High]" of the factor Infl as "High", its reference level by its name; other parts as they are."""
    if part == "reference level" and levels.get(variable):
        return levels[variable][0]
    return part.removeprefix(f"{variable}[").removesuffix("]") if part.startswith(f"{variable}[") else part


def _departures(fit: PosteriorFit) -> pd.DataFrame:
    frame = fit.estimates()
    return frame[frame["term"].str.startswith("departure[")].reset_index(drop=True)
