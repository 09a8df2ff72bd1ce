"""Rows and draws of the reference model as projection sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesgov.survey.design import Design
from bayesgov.survey.margins import Coefficients, distances
from bayesgov.survey.predictive import merge_rows
from bayesgov.survey.projector import Reference, Submodel
from bayesgov.survey.response import Response, probabilities

_BLOCK_ARRAYS = ("threshold", "beta", "departure", "log_scale", "group_effect")


@dataclass(frozen=True, slots=True)
class ProjectionRows:
    """Distinct rows of predictors, and the outcomes observed on them.

    Attributes
    ----------
    design : Design
        One row for each distinct row of predictors.
    response : Response
    groups : ndarray of int, shape (n_present,)
        Codes of the groups that have rows.
    group : ndarray of int, shape (n_rows,)
        Position of each row's group among them.
    cells : Design
        One row for each distinct pair of predictors and outcome.
    cell_row : ndarray of int, shape (n_cells,)
        Each cell's row of ``design``.
    """

    design: Design
    response: Response
    groups: np.ndarray
    group: np.ndarray
    cells: Design
    cell_row: np.ndarray

    @property
    def n_thresholds(self) -> int:
        return self.design.n_categories - 1

    def columns(self, factors: tuple[str, ...]) -> np.ndarray:
        """Columns of x that belong to factors."""
        return np.flatnonzero([factor in factors for factor in self.design.factors])

    def index(self, factors: tuple[str, ...]) -> np.ndarray:
        """Positions of a submodel's parameters among thresholds, all coefficients and group intercepts."""
        n_cuts, n_terms = self.n_thresholds, self.design.n_terms
        groups = n_cuts + n_terms + np.arange(self.groups.size)
        return np.concatenate([np.arange(n_cuts), n_cuts + self.columns(factors), groups])

    def submodel(self, factors: tuple[str, ...], values: Coefficients, draw: int) -> Submodel:
        """The rows as a submodel sees them; monotonic factors keep the shape that the draw gives them."""
        x = self.design.x
        if values.monotonic:
            x = x.copy()
            for term, contribution in zip(self.design.monotonic, values.monotonic, strict=True):
                x[:, term.column] = contribution[draw, x[:, term.column].astype(np.int64)]
        return Submodel(
            self.response,
            self.design.n_categories,
            np.ascontiguousarray(x[:, self.columns(factors)]),
            self.group,
            self.groups.size,
            self.design.weights,
        )

    def reference(self, values: Coefficients, draw: int) -> Reference:
        """What one draw says about the rows."""
        distance = distances(self.design, _one(values, draw))[:, 0]
        scale = None
        if values.log_scale.shape[1]:
            scale = np.exp(-self.design.scale_x @ values.log_scale[draw])
        return Reference(probabilities(self.response, distance), self.design.offset, scale)


def distinct_rows(design: Design, response: Response) -> ProjectionRows:
    if design.nominal:
        raise ValueError("a model with nominal effects has no projection; refit with nominal = []")
    if design.missing:
        raise ValueError("a model of missing cells has no projection; refit with missing = 'listwise' or 'impute'")
    cells = merge_rows(design).design
    rows = merge_rows(cells, outcome=False)
    groups, group = np.unique(rows.design.group, return_inverse=True)
    return ProjectionRows(rows.design, response, groups if design.groups else groups[:0], group, cells, rows.inverse)


def _one(values: Coefficients, draw: int) -> Coefficients:
    """The block of one draw."""
    arrays = {name: getattr(values, name)[draw : draw + 1] for name in _BLOCK_ARRAYS}
    return Coefficients(**arrays, monotonic=tuple(shape[draw : draw + 1] for shape in values.monotonic))


def reference_parameters(rows: ProjectionRows, values: Coefficients) -> np.ndarray:
    """Thresholds, coefficients and intercepts of groups that have rows, shape (n_draws, n_parameters)."""
    groups = values.group_effect[:, rows.groups] if rows.groups.size else np.zeros((len(values.beta), 0))
    return np.hstack([values.threshold, values.beta, groups])


def without(rows: ProjectionRows, parameters: np.ndarray, factors: tuple[str, ...]) -> np.ndarray:
    """Parameters with the coefficients of all other factors zero and the thresholds moved by their mean."""
    n_cuts = rows.n_thresholds
    left_out = np.setdiff1d(np.arange(rows.design.n_terms), rows.columns(factors))
    result = parameters.copy()
    mean = np.average(rows.design.x[:, left_out], axis=0, weights=rows.design.weights)
    result[:n_cuts] -= mean @ parameters[n_cuts + left_out]
    result[n_cuts + left_out] = 0
    return result
