"""Rows along which predicted probabilities are drawn: one predictor moves, the others stay at their means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.data import code_text
from bayesgov.survey.changes import on_grid
from bayesgov.survey.design import Design
from bayesgov.survey.prepare import PreparedData

_MOST_POINTS = 9


@dataclass(frozen=True, slots=True)
class Curve:
    """One predictor's way through its values.

    Attributes
    ----------
    predictor : str
        Term of the formula.
    values : tuple of float or str
        Numbers, or the names of levels.
    design : Design
        One row for each value.
    """

    predictor: str
    values: tuple[float | str, ...]
    design: Design

    def frame(self, estimate: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> pd.DataFrame:
        """predictor, value, level, estimate, lower, upper; arrays of shape (n_values, n_categories)."""
        n_levels = self.design.n_categories
        return pd.DataFrame(
            {
                "predictor": self.predictor,
                "value": np.repeat(np.array(self.values, dtype=object), n_levels),
                "level": np.tile(self.design.levels, len(self.values)),
                "estimate": estimate.ravel(),
                "lower": lower.ravel(),
                "upper": upper.ravel(),
            }
        ).infer_objects()


def category_levels(prepared: PreparedData) -> dict[str, tuple[str, ...]]:
    """Levels of the predictors that are categories, in the order of their codes."""
    frame = prepared.used
    return {
        name: tuple(code_text(level) for level in frame[name].cat.categories)
        for name in prepared.kinds
        if isinstance(frame[name].dtype, pd.CategoricalDtype)
    }


def curves(design: Design, levels: Mapping[str, Sequence[str]]) -> tuple[Curve, ...]:
    """A curve for every term of the formula that is no interaction.

    Parameters
    ----------
    design : Design
        Complete.
    levels : mapping of str to sequence of str
        Levels of each categorical predictor, the reference first.
    """
    found = []
    for factor in dict.fromkeys(design.factors):
        columns = [column for column, name in enumerate(design.factors) if name == factor]
        if any(":" in design.terms[column] for column in columns):
            continue
        names = tuple(levels.get(factor, ()))
        contrasts = np.isin(design.x[:, columns], (0.0, 1.0)).all()
        if names and len(names) == len(columns) + 1 and contrasts and f"{factor}[" in design.terms[columns[0]]:
            found.append(Curve(factor, names, _at_levels(design, columns)))
        elif len(columns) == 1:
            found.append(_along(design, factor, columns[0]))
    return tuple(found)


def _at_levels(design: Design, columns: Sequence[int]) -> Design:
    """One row for each level of a factor: no contrast on, then each by itself."""
    grid = on_grid(design, {design.terms[column]: (0.0, 1.0) for column in columns})
    on = grid.x[:, list(columns)]
    # of all combinations, those with at most one contrast on, in the order of the levels
    rows = [int(np.flatnonzero((on == wanted).all(axis=1))[0]) for wanted in np.eye(len(columns) + 1)[:, 1:]]
    return grid.take(np.array(rows))


def _along(design: Design, factor: str, column: int) -> Curve:
    steps = [term for term in design.monotonic if term.column == column]
    points = _values(design.x[:, column])
    values: tuple[float | str, ...] = tuple(points.tolist())
    if steps:
        points, values = np.arange(len(steps[0].levels), dtype=float), steps[0].levels
    return Curve(factor, values, on_grid(design, {design.terms[column]: points.tolist()}))


def _values(column: np.ndarray) -> np.ndarray:
    """Distinct values, or nine points between the 1st and the 99th percentile where there are many."""
    distinct = np.unique(column)
    if distinct.size <= _MOST_POINTS:
        return distinct
    low, high = np.percentile(column, [1, 99])
    return np.linspace(low, high, _MOST_POINTS)
