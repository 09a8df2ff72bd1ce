"""Predictive performance: leave-one-out by importance sampling, K-fold where that fails or groups are left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import arviz_stats as az
import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logsumexp

from bayesgov.fits import Check
from bayesgov.pareto import pareto_k_threshold, smoothed_weights
from bayesgov.survey.design import Design
from bayesgov.survey.margins import Coefficients, distances
from bayesgov.survey.predictive import (
    block_of_draws,
    blocks,
    brier_score,
    merge_rows,
    ranked_probability_score,
    weighted_total,
)
from bayesgov.survey.response import Response, log_probability_at, probabilities

type Refit = Callable[[Design], xr.Dataset]


@dataclass(frozen=True, slots=True)
class PredictivePerformance:
    """How well each observation is predicted from the others.

    Attributes
    ----------
    method : str
        "PSIS-LOO", or "5-fold by village".
    log_score : ndarray, shape (n_obs,)
        Log predictive probability of a row's outcome, of one observation.
    at_most : ndarray, shape (n_categories - 1, n_obs)
        Predictive P(y <= k).
    y : ndarray of int, shape (n_obs,)
    weights : ndarray, shape (n_obs,)
        Frequencies that totals and standard errors use.
    effective_parameters : float or None
        p_loo, the fall of the log score from all observations to the others; None for K-fold.
    pareto_k : ndarray, shape (n_obs,), or None
        Minus infinity for rows that were refitted; None for K-fold.
    pareto_k_threshold : float or None
        Above it importance weights are not to be trusted.
    checks : tuple of Check
    """

    method: str
    log_score: np.ndarray
    at_most: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    effective_parameters: float | None
    pareto_k: np.ndarray | None
    pareto_k_threshold: float | None
    checks: tuple[Check, ...]

    @property
    def elpd(self) -> float:
        """Expected log predictive density, summed over observations."""
        return float(self.weights @ self.log_score)

    @property
    def rps(self) -> np.ndarray:
        """Ranked probability score of every row, shape (n_obs,)."""
        return ranked_probability_score(self.at_most, self.y)

    @property
    def brier(self) -> np.ndarray:
        """Brier score of every row, shape (n_obs,)."""
        return brier_score(self.at_most, self.y)

    def frame(self) -> pd.DataFrame:
        """Columns ``score``, ``total``, ``mean``, ``std_error`` (of the total) and ``better``."""
        n_obs = self.weights.sum()
        rows = [
            ("expected log predictive density", self.log_score, "higher"),
            ("ranked probability score", self.rps, "lower"),
            ("Brier score", self.brier, "lower"),
        ]
        totals = [(name, *weighted_total(values, self.weights), better) for name, values, better in rows]
        table = pd.DataFrame(totals, columns=["score", "total", "std_error", "better"])
        table.insert(2, "mean", table["total"] / n_obs)
        return table


def loo(design: Design, posterior: xr.Dataset, response: Response) -> PredictivePerformance:
    """Pareto-smoothed importance sampling leave-one-out (Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4).

    One *observation* is left out: of a row with frequency weight 7, one of the seven. Rows that a likelihood cannot
    tell apart are computed once. Scores other than the log score use the same weights and are exact in the categories.

    Parameters
    ----------
    design : Design
    posterior : xarray.Dataset
        As in :func:`bayesgov.survey.predictive.block_of_draws`.
    response : CumulativeSpec or Response

    Returns
    -------
    PredictivePerformance
        With ``pareto_k`` and a check against min(1 - 1 / log10(draws), 0.7).
    """
    merged, values = merge_rows(design), block_of_draws(posterior, design)
    rows, n_draws = merged.design, values.threshold.shape[0]
    threshold = pareto_k_threshold(n_draws)
    efficiency = relative_efficiency(posterior)
    log_score, in_sample, pareto_k = (np.empty(rows.n_obs) for _ in range(3))
    at_most = np.empty((design.n_categories - 1, rows.n_obs))
    for part_rows in blocks(rows, n_draws):
        part = rows.take(part_rows)
        distance = distances(part, values)
        log_density = log_probability_at(response, distance, part.y)
        weights, pareto_k[part_rows] = smoothed_weights(log_density, efficiency)
        density = np.exp(log_density)
        log_score[part_rows] = np.log((weights * density).sum(axis=0))
        in_sample[part_rows] = np.log(density.mean(axis=0))
        level = probabilities(response, distance)[:-1]
        at_most[:, part_rows] = np.cumsum((weights * level).sum(axis=1), axis=0)
    return PredictivePerformance(
        "PSIS-LOO",
        log_score[merged.inverse],
        at_most[:, merged.inverse],
        design.y,
        design.weights,
        float(rows.weights @ (in_sample - log_score)),
        pareto_k[merged.inverse],
        threshold,
        (_pareto_check(design, pareto_k[merged.inverse], threshold),),
    )


def refit_failing(
    performance: PredictivePerformance,
    design: Design,
    response: Response,
    refit: Refit,
    *,
    seed: int,
    most: int = 20,
) -> PredictivePerformance:
    """Replace the scores of rows whose importance weights fail by those of a refit without the observation.

    Parameters
    ----------
    performance : PredictivePerformance
        Of :func:`loo`.
    design, response
        As there.
    refit : callable
        Design -> draws of its posterior.
    seed : int
        For the effects of groups that lose their only row.
    most : int
        With more failing rows than this nothing is refitted: K-fold is then the cheaper answer, and the failed check
        says so.

    Returns
    -------
    PredictivePerformance
        Pareto k of refitted rows is minus infinity: no weights are involved.
    """
    if performance.pareto_k is None or performance.pareto_k_threshold is None:
        raise ValueError(f"refit_failing takes the result of loo; got {performance.method}")
    failing = np.flatnonzero(~(performance.pareto_k <= performance.pareto_k_threshold))  # NaN fails
    if not 0 < failing.size <= most:
        return performance
    rng = np.random.default_rng(seed)
    log_score, at_most = performance.log_score.copy(), performance.at_most.copy()
    pareto_k = performance.pareto_k.copy()
    for row in failing:
        weights = design.weights.copy()
        weights[row] = max(weights[row] - 1, 0.0)
        rest = replace(design, weights=weights).take(weights > 0)
        one = np.array([row])
        log_score[one], at_most[:, one] = _predict(design.take(one), rest, refit(rest), response, rng)
        pareto_k[row] = -np.inf
    return replace(
        performance,
        method=f"PSIS-LOO, {failing.size} exact refits",
        log_score=log_score,
        at_most=at_most,
        pareto_k=pareto_k,
        checks=(_pareto_check(design, pareto_k, performance.pareto_k_threshold),),
    )


def kfold(
    design: Design,
    response: Response,
    refit: Refit,
    *,
    folds: int,
    seed: int,
    by: Literal["group", "cluster", "row"] = "group",
) -> PredictivePerformance:
    """K-fold cross-validation; by group, each group is predicted by a model that never saw it.

    Parameters
    ----------
    design : Design
    response : CumulativeSpec or Response
    refit : callable
        Design -> draws of its posterior. It gets the rows of the other folds; group codes keep their meaning.
    folds : int
    seed : int
        For the assignment to folds and the effects of groups that the model has not seen.
    by : {"group", "cluster", "row"}
        What is left out whole. A row with a frequency weight stays whole in any case.

    Returns
    -------
    PredictivePerformance
        A group without rows in the other folds is predicted with effects drawn from Normal(0, ``group_sd``), one for
        each draw; scores are of single observations, not of the group's joint outcome.

    Raises
    ------
    ValueError
        If there are fewer units than folds, or nothing to leave out by.
    """
    units = _units(design, by)
    n_units = int(units.max()) + 1
    if not 2 <= folds <= n_units:
        raise ValueError(f"folds must lie between 2 and the {n_units} of {by}s; got {folds}")
    rng = np.random.default_rng(seed)
    fold = (rng.permutation(n_units) % folds)[units]
    log_score, at_most = np.empty(design.n_obs), np.empty((design.n_categories - 1, design.n_obs))
    for number in range(folds):
        held_out, rest = design.take(fold == number), design.take(fold != number)
        scores = _predict(held_out, rest, refit(rest), response, rng)
        log_score[fold == number], at_most[:, fold == number] = scores
    what = {"group": design.group_name, "cluster": "cluster", "row": "row"}[by]
    return PredictivePerformance(
        f"{folds}-fold by {what}", log_score, at_most, design.y, design.weights, None, None, None, ()
    )


def relative_efficiency(posterior: xr.Dataset) -> float:
    """Effective over actual number of draws, averaged over all elements of all variables, at most one."""
    n_draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    sizes = az.ess(posterior, method="mean")
    flat = np.concatenate([np.atleast_1d(sizes[name].values).ravel() for name in sizes.data_vars])
    known = flat[np.isfinite(flat)]  # a variable that never moves has none
    return float(min(1.0, known.mean() / n_draws)) if known.size else 1.0


def _units(design: Design, by: str) -> np.ndarray:
    """Codes 0, 1, ... of what is left out whole."""
    codes = {
        "group": design.group if design.groups else None,
        "cluster": design.cluster,
        "row": np.arange(design.n_obs),
    }
    if (chosen := codes[by]) is None:
        raise ValueError(f"the Design has no {by}; use by = 'row'")
    return np.unique(chosen, return_inverse=True)[1]


def _predict(
    held_out: Design, rest: Design, posterior: xr.Dataset, response: Response, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Log score and P(y <= k) of rows that a posterior has not seen."""
    values = _with_new_groups(block_of_draws(posterior, rest), posterior, held_out, rest, rng)
    n_draws = values.threshold.shape[0]
    log_score, at_most = np.empty(held_out.n_obs), np.empty((held_out.n_categories - 1, held_out.n_obs))
    for rows in blocks(held_out, n_draws):
        part = held_out.take(rows)
        distance = distances(part, values)
        log_score[rows] = logsumexp(log_probability_at(response, distance, part.y), axis=0) - np.log(n_draws)
        at_most[:, rows] = np.cumsum(probabilities(response, distance)[:-1].mean(axis=1), axis=0)
    return log_score, at_most


def _with_new_groups(
    values: Coefficients, posterior: xr.Dataset, held_out: Design, rest: Design, rng: np.random.Generator
) -> Coefficients:
    """Effects of groups without rows in ``rest`` drawn anew from their population."""
    new = np.setdiff1d(held_out.group, rest.group)
    if not values.group_effect.shape[1] or not new.size:
        return values
    effects = values.group_effect.copy()
    effects[:, new] = posterior["group_sd"].values.reshape(-1, 1) * rng.normal(size=(len(effects), new.size))
    return replace(values, group_effect=effects)


def _pareto_check(design: Design, pareto_k: np.ndarray, threshold: float) -> Check:
    worst = float(np.max(pareto_k))
    if worst <= threshold:
        return Check("pareto_k_max", worst, threshold, "pass")
    failing = design.weights[~(pareto_k <= threshold)].sum()
    advice = f"{failing:g} of {design.weights.sum():g} observations: refit without them, or use K-fold"
    return Check("pareto_k_max", worst, threshold, "warn", advice)
