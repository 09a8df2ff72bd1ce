r"""Projection predictive selection: the smallest model that predicts what the full one predicts.

Every draw of the reference model is projected onto a submodel by minimising the Kullback-Leibler divergence between
their category probabilities, exactly (Weber, Glass & Vehtari 2025, doi:10.1007/s00180-024-01506-0, the augmented-data
projection). Factors enter one by one, each time the one that leaves the smallest divergence; an interaction only after
its parts. The predictive performance of every size is then estimated with the reference's Pareto-smoothed
leave-one-out weights (Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4).

Group intercepts stay in every submodel, down to the one without predictors, and are projected along with the rest, so
that they may take up what a left-out predictor explained between groups. The question answered is thus which
predictors are needed *beside* knowing the group. A scale model stays at the reference's values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.fits import Check
from bayesgov.pareto import pareto_k_threshold, smoothed_weights
from bayesgov.survey.design import Design
from bayesgov.survey.margins import Coefficients
from bayesgov.survey.predictive import (
    block_of_draws,
    outcome_log_probability,
    ranked_probability_score,
    thinned,
    weighted_total,
)
from bayesgov.survey.projection_rows import ProjectionRows, distinct_rows, reference_parameters, without
from bayesgov.survey.projection_search import PATH_TOLERANCE, Found, search
from bayesgov.survey.projector import divergence, factored, project, submodel_distance
from bayesgov.survey.response import Response, probabilities


@dataclass(frozen=True, slots=True)
class ProjectionPath:
    """Predictive performance against model size.

    Attributes
    ----------
    terms : tuple of str, length n_sizes - 1
        Factors in the order in which they entered; the model of size m has the first m.
    size : ndarray of int, shape (n_sizes,)
        0, 1, ...
    kl : ndarray, shape (n_sizes,)
        Divergence from the reference, in nats an observation, averaged over draws.
    elpd, elpd_se : ndarray, shape (n_sizes,)
        Leave-one-out expected log predictive density, summed over observations, and its standard error.
    elpd_difference, elpd_difference_se : ndarray, shape (n_sizes,)
        To the reference, on the same draws.
    rps, rps_difference, rps_difference_se : ndarray, shape (n_sizes,)
        Leave-one-out ranked probability score, averaged over observations; smaller is better.
    reference_elpd, reference_rps : float
        Of the reference, on the same draws.
    suggested_size : int
        Smallest size whose elpd is within one standard error of the difference of the reference's (the default rule
        of the R package projpred).
    checks : tuple of Check
    """

    terms: tuple[str, ...]
    size: np.ndarray
    kl: np.ndarray
    elpd: np.ndarray
    elpd_se: np.ndarray
    elpd_difference: np.ndarray
    elpd_difference_se: np.ndarray
    rps: np.ndarray
    rps_difference: np.ndarray
    rps_difference_se: np.ndarray
    reference_elpd: float
    reference_rps: float
    suggested_size: int
    checks: tuple[Check, ...]

    @property
    def suggested_terms(self) -> tuple[str, ...]:
        return self.terms[: self.suggested_size]

    def frame(self) -> pd.DataFrame:
        """One row for each size; ``term`` is the factor that entered last, empty for size 0."""
        elpd = ("elpd", "elpd_se", "elpd_difference", "elpd_difference_se")
        columns = ("size", "kl", *elpd, "rps", "rps_difference", "rps_difference_se")
        table = pd.DataFrame({name: getattr(self, name) for name in columns})
        table.insert(1, "term", ["", *self.terms])
        table["suggested"] = self.size == self.suggested_size
        return table


def select(
    design: Design,
    posterior: xr.Dataset,
    response: Response,
    *,
    search_draws: int = 20,
    evaluation_draws: int = 400,
    max_size: int | None = None,
) -> ProjectionPath:
    """Search for the path of submodels and estimate how well each predicts.

    The performance is that of the path found on all rows: with many candidates and few rows it flatters the sizes at
    which the search had a choice (Piironen & Vehtari 2017, doi:10.1007/s11222-016-9649-y).

    Parameters
    ----------
    design : Design
        Without nominal effects and modelled missing cells.
    posterior : xarray.Dataset
        Draws of the reference model, as in :func:`bayesgov.survey.predictive.block_of_draws`.
    response : CumulativeSpec or Response
    search_draws, evaluation_draws : int
        Draws, evenly spaced, that are projected during the search and along the path found.
    max_size : int, optional
        Largest size looked at; by default all factors.

    Returns
    -------
    ProjectionPath

    Raises
    ------
    ValueError
        For a Design that has no projection.
    """
    rows = distinct_rows(design, response)
    n_factors = len(set(design.factors))
    steps = n_factors if max_size is None else min(max_size, n_factors)
    found = search(rows, block_of_draws(thinned(posterior, search_draws), design), steps)
    return _evaluate(rows, block_of_draws(thinned(posterior, evaluation_draws), design), found)


def project_posterior(
    design: Design,
    posterior: xr.Dataset,
    response: Response,
    factors: tuple[str, ...],
    *,
    draws: int | None = 400,
) -> xr.Dataset:
    """Draws projected onto the submodel with some factors.

    Parameters
    ----------
    design, posterior, response
        As in :func:`select`.
    factors : tuple of str
        ``design.factors`` to keep; none for thresholds (and group intercepts) only.
    draws : int or None
        Evenly spaced draws to project; None for all.

    Returns
    -------
    xarray.Dataset
        ``threshold``, ``beta`` (zero for left-out terms), ``group_effect`` and ``log_scale`` where the reference has
        them; dims and coordinates as in ``posterior``.

    Raises
    ------
    ValueError
        For a factor that the Design does not have, and as :func:`select`.
    """
    if unknown := set(factors) - set(design.factors):
        known = ", ".join(dict.fromkeys(design.factors))
        raise ValueError(f"factors takes factors of the model, {known}; got {', '.join(sorted(unknown))}")
    rows = distinct_rows(design, response)
    kept = thinned(posterior, draws)
    values = block_of_draws(kept, design)
    index, factor = rows.index(factors), None
    parameters = reference_parameters(rows, values)
    result = np.zeros_like(parameters)
    for draw in range(len(parameters)):
        submodel, reference = rows.submodel(factors, values, draw), rows.reference(values, draw)
        projected = project(submodel, reference, without(rows, parameters[draw], factors)[index], factor)
        result[draw, index], factor = projected.parameters, projected.factor
    return _as_dataset(rows, kept, result)


@dataclass(frozen=True, slots=True)
class _Performance:
    """Leave-one-out performance of one model on every cell, filled draw by draw.

    Attributes
    ----------
    density : ndarray, shape (n_cells,)
        Predictive probability of the observed category.
    at_most : ndarray, shape (n_categories - 1, n_cells)
        Predictive P(y <= k).
    """

    density: np.ndarray
    at_most: np.ndarray

    def add(self, rows: ProjectionRows, probability: np.ndarray, weight: np.ndarray) -> None:
        """Add one draw's predictions with its leave-one-out weight for each cell."""
        self.density[:] += weight * probability[rows.cells.y, rows.cell_row]
        self.at_most[:] += weight * np.cumsum(probability[:-1], axis=0)[:, rows.cell_row]

    def scores(self, rows: ProjectionRows) -> tuple[np.ndarray, np.ndarray]:
        """Log density and ranked probability score of every cell."""
        log_density = np.log(np.maximum(self.density, np.finfo(float).tiny))
        return log_density, ranked_probability_score(self.at_most, rows.cells.y)


def _evaluate(rows: ProjectionRows, values: Coefficients, found: Found) -> ProjectionPath:
    """Project every draw onto every size of the path and score the predictions."""
    n_draws, n_cells = len(values.beta), rows.cells.n_obs
    weights, pareto_k = smoothed_weights(outcome_log_probability(rows.cells, values, rows.response))
    kinds = [found.factors[:size] for size in range(len(found.starts))]
    indices = [rows.index(factors) for factors in kinds]
    first = rows.reference(values, 0)
    nearby = [
        factored(submodel, first, submodel_distance(submodel, first, start[index]))
        for submodel, start, index in zip(
            (rows.submodel(factors, values, 0) for factors in kinds), found.starts, indices, strict=True
        )
    ]
    own = _Performance(np.zeros(n_cells), np.zeros((rows.n_thresholds, n_cells)))
    sizes = [_Performance(np.zeros(n_cells), np.zeros((rows.n_thresholds, n_cells))) for _ in kinds]
    kl, unconverged = np.zeros(len(kinds)), 0
    for draw in range(n_draws):
        reference = rows.reference(values, draw)
        own.add(rows, reference.probability, weights[draw])
        for size, factors in enumerate(kinds):
            submodel = rows.submodel(factors, values, draw)
            start = found.starts[size][indices[size]]
            projected = project(submodel, reference, start, nearby[size], tolerance=PATH_TOLERANCE)
            unconverged += not projected.converged
            probability = probabilities(rows.response, submodel_distance(submodel, reference, projected.parameters))
            kl[size] += divergence(submodel, reference, probability) / n_draws
            sizes[size].add(rows, probability, weights[draw])
    checks = (_pareto_check(pareto_k, n_draws), _convergence_check(unconverged, n_draws * len(kinds)))
    return _path(rows, found.factors, kl, own, sizes, checks)


def _path(
    rows: ProjectionRows,
    factors: tuple[str, ...],
    kl: np.ndarray,
    own: _Performance,
    sizes: list[_Performance],
    checks: tuple[Check, ...],
) -> ProjectionPath:
    weights, n_obs = rows.cells.weights, rows.cells.weights.sum()
    own_elpd, own_rps = own.scores(rows)
    scores = [each.scores(rows) for each in sizes]
    # column 0: sum over observations, column 1: its standard error
    elpd = np.array([weighted_total(log_density, weights) for log_density, _ in scores])
    elpd_difference = np.array([weighted_total(log_density - own_elpd, weights) for log_density, _ in scores])
    rps = np.array([weighted_total(score, weights) for _, score in scores]) / n_obs
    rps_difference = np.array([weighted_total(score - own_rps, weights) for _, score in scores]) / n_obs
    return ProjectionPath(
        terms=factors,
        size=np.arange(len(sizes)),
        kl=kl,
        elpd=elpd[:, 0],
        elpd_se=elpd[:, 1],
        elpd_difference=elpd_difference[:, 0],
        elpd_difference_se=elpd_difference[:, 1],
        rps=rps[:, 0],
        rps_difference=rps_difference[:, 0],
        rps_difference_se=rps_difference[:, 1],
        reference_elpd=float(weights @ own_elpd),
        reference_rps=float(weights @ own_rps / n_obs),
        suggested_size=_suggested_size(elpd_difference),
        checks=checks,
    )


def _suggested_size(elpd_difference: np.ndarray) -> int:
    """Smallest size within a standard error of the reference; the largest looked at if there is none."""
    near = elpd_difference.sum(axis=1) >= 0
    return int(np.argmax(near)) if near.any() else len(near) - 1


def _pareto_check(pareto_k: np.ndarray, n_draws: int) -> Check:
    threshold, worst = pareto_k_threshold(n_draws), float(np.max(pareto_k))
    if worst <= threshold:
        return Check("projection_pareto_k_max", worst, threshold, "pass")
    high = int((~(pareto_k <= threshold)).sum())
    advice = f"{high} distinct rows: leave-one-out weights are unreliable; use more evaluation draws, or K-fold"
    return Check("projection_pareto_k_max", worst, threshold, "warn", advice)


def _convergence_check(unconverged: int, total: int) -> Check:
    if not unconverged:
        return Check("projections_not_converged", 0.0, 0.0, "pass")
    advice = f"{unconverged} of {total} projections did not converge: the submodels' figures are not to be trusted"
    return Check("projections_not_converged", float(unconverged), 0.0, "fail", advice)


def _as_dataset(rows: ProjectionRows, posterior: xr.Dataset, parameters: np.ndarray) -> xr.Dataset:
    """Projected parameters under the names and dims of the reference's draws."""
    n_cuts, n_terms = rows.n_thresholds, rows.design.n_terms
    lead = posterior["threshold"].transpose("chain", "draw", ...).shape[:2]
    result = posterior[[name for name in ("log_scale",) if name in posterior]]
    blocks = {"threshold": parameters[:, :n_cuts], "beta": parameters[:, n_cuts : n_cuts + n_terms]}
    if rows.groups.size:
        effects = np.zeros((len(parameters), len(rows.design.groups)))
        effects[:, rows.groups] = parameters[:, n_cuts + n_terms :]
        blocks["group_effect"] = effects
    for name, block in blocks.items():
        if name in posterior:
            like = posterior[name].transpose("chain", "draw", ...)
            result[name] = like.copy(data=block.reshape(*lead, -1))
    return result
