"""Forward search over factors by divergence from the reference model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor

from bayesgov.survey.margins import Coefficients
from bayesgov.survey.projection_rows import ProjectionRows, reference_parameters, without
from bayesgov.survey.projector import Reference, divergence, information, project, submodel_distance
from bayesgov.survey.response import probabilities

# Nats over all rows left to be gained: parameters within a thousandth of their standard errors, and every figure of a
# path far below the decimals that it is read with.
PATH_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Found:
    """A path with, for each of its sizes, where projections of other draws start from.

    Attributes
    ----------
    factors : tuple of str, length n_sizes - 1
    starts : list of ndarray
        All parameters, zero where left out, averaged over the draws of the search.
    """

    factors: tuple[str, ...]
    starts: list[np.ndarray]


@dataclass(frozen=True, slots=True)
class _Step:
    """All draws of the search projected onto one submodel: parameters of all terms, and mean divergence."""

    factors: tuple[str, ...]
    parameters: np.ndarray
    kl: float


def search(rows: ProjectionRows, values: Coefficients, n_steps: int) -> Found:
    """Forward search over factors by divergence from the reference."""
    references = [rows.reference(values, draw) for draw in range(len(values.beta))]
    empty = np.array([without(rows, parameters, ()) for parameters in reference_parameters(rows, values)])
    step = _projected_step(rows, values, references, (), empty, None)
    path = [step]
    for _ in range(n_steps):
        nearby = _information_of_all(rows, values, references[0], step.parameters.mean(axis=0))
        trials = [
            _projected_step(rows, values, references, (*step.factors, factor), step.parameters, nearby)
            for factor in _admissible(rows.design.factors, step.factors)
        ]
        step = min(trials, key=lambda trial: trial.kl)
        path.append(step)
    return Found(step.factors, [step.parameters.mean(axis=0) for step in path])


def _admissible(factors: tuple[str, ...], chosen: tuple[str, ...]) -> list[str]:
    """Factors that may enter next: an interaction only after all of its parts that are factors themselves."""
    distinct = list(dict.fromkeys(factors))
    return [
        factor
        for factor in distinct
        if factor not in chosen
        and all(part in chosen for part in distinct if part != factor and _is_part(part, factor))
    ]


def _is_part(part: str, factor: str) -> bool:
    return set(part.split(":")) < set(factor.split(":"))


def _information_of_all(
    rows: ProjectionRows, values: Coefficients, reference: Reference, parameters: np.ndarray
) -> np.ndarray:
    """Information of all parameters at those of a submodel: a part of it serves each model that is larger by one."""
    everything = rows.submodel(tuple(rows.design.factors), values, 0)
    return information(everything, reference, submodel_distance(everything, reference, parameters))


def _projected_step(
    rows: ProjectionRows,
    values: Coefficients,
    references: list[Reference],
    factors: tuple[str, ...],
    starts: np.ndarray,
    nearby: np.ndarray | None,
) -> _Step:
    index = rows.index(factors)
    factor = None if nearby is None else cho_factor(nearby[np.ix_(index, index)])
    parameters, total = np.zeros_like(starts), 0.0
    for draw, reference in enumerate(references):
        submodel = rows.submodel(factors, values, draw)
        projected = project(submodel, reference, starts[draw][index], factor, tolerance=PATH_TOLERANCE)
        factor = projected.factor
        parameters[draw, index] = projected.parameters
        probability = probabilities(rows.response, submodel_distance(submodel, reference, projected.parameters))
        total += divergence(submodel, reference, probability)
    return _Step(factors, parameters, total / len(references))
