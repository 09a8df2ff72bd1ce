"""The Bayesian side of the survey study on rows: what a posterior is asked after it has been sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.fits import Check, PosteriorFit
from bayesgov.survey.bayesian.loo import loo
from bayesgov.survey.bayesian.results import posterior_summary, probability_curve
from bayesgov.survey.design import Design
from bayesgov.survey.projection import select
from bayesgov.survey.replication import predicted_shares, replicated_shares
from bayesgov.survey.spec import CumulativeSpec

_MOST_POINTWISE = 100_000  # rows: leave-one-out and projection look at every row at hundreds of draws


@dataclass(frozen=True, slots=True)
class PosteriorResult:
    """Everything that was asked of a posterior.

    Attributes
    ----------
    tables : mapping of str to pandas.DataFrame
        "posterior_coefficients", "posterior_average", "posterior_effects", "posterior_curves", "departures",
        "replicated_shares", "prior_shares", "scores", "projection"; those that do not apply are absent.
    checks : tuple of Check
        Of everything but the sampler, whose checks are the Fit's.
    """

    tables: Mapping[str, pd.DataFrame]
    checks: tuple[Check, ...]


def question_posterior(
    design: Design,
    spec: CumulativeSpec,
    fit: PosteriorFit,
    *,
    seed: int,
    progress: Callable[[str], None] = lambda _message: None,
) -> PosteriorResult:
    """Summaries, predictive checks, scores and projection.

    Parameters
    ----------
    design : Design
    spec : CumulativeSpec
    fit : PosteriorFit
        Its tree has the groups ``posterior`` and ``prior``.
    seed : int
        Of replicated data.
    """
    posterior = fit.tree["posterior"].to_dataset()
    progress("posterior summaries")
    summary = posterior_summary(design, posterior, spec)
    tables = {
        "posterior_coefficients": summary.coefficients,
        "posterior_average": summary.probabilities,
        "posterior_effects": summary.effects,
    }
    curves = [
        probability_curve(design, posterior, spec, term)
        for term, factor in zip(design.terms, design.factors, strict=True)
        if ":" not in term and design.factors.count(factor) == 1
    ]
    if curves:
        tables["posterior_curves"] = pd.concat(curves, ignore_index=True)
    if "departure" in posterior:
        tables["departures"] = _departures(fit)
    checks: tuple[Check, ...] = ()
    if design.missing:
        return PosteriorResult(tables, checks)
    progress("posterior predictive checks")
    replicated = replicated_shares(design, posterior, spec, seed=seed)
    shares = [one.frame().assign(part=_part_names(one.variable, one.frame()["part"])) for one in replicated]
    tables["replicated_shares"] = pd.concat(shares, ignore_index=True)
    tables["prior_shares"] = predicted_shares(design, fit.tree["prior"].to_dataset(), spec)
    if design.n_obs <= _MOST_POINTWISE:
        progress("leave-one-out scores")
        performance = loo(design, posterior, spec)
        tables["scores"] = performance.frame()
        checks += performance.checks
        if not design.nominal and not design.monotonic and len(set(design.factors)) > 1:
            progress("projection")
            path = select(design, posterior, spec)
            tables["projection"] = path.frame()
            checks += path.checks
    return PosteriorResult(tables, checks)


def _part_names(variable: str, parts: pd.Series) -> pd.Series:
    return parts.where(np.full(len(parts), variable == "all"), f"{variable}: " + parts.astype(str))


def _departures(fit: PosteriorFit) -> pd.DataFrame:
    frame = fit.estimates()
    return frame[frame["term"].str.startswith("departure[")].reset_index(drop=True)
