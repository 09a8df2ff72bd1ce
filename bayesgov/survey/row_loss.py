"""Who is lost: how rows with missing predictors differ from the complete ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bayesgov.survey.prepare import PreparedData


def row_loss_profile(prepared: PreparedData) -> pd.DataFrame:
    """Every variable's distribution among complete rows and among rows that listwise deletion loses.

    The complete rows are the same whatever ``spec.missing`` says. Rows count with their frequency weight where the spec
    names one (a row without a weight counts for nothing), and only where the variable itself is known.

    Returns
    -------
    pandas.DataFrame
        One row for each mean of a number or of an ordinal variable's scores, and one for each level of a category and
        of the outcome. Columns: ``variable``; ``level`` (empty for a mean); ``known_complete`` and ``known_lost``,
        numbers of rows; ``complete`` and ``lost``, means or shares; ``difference``, lost minus complete; and
        ``standardised_difference``, which divides it by the root mean of the two variances (Austin 2009,
        doi:10.1002/sim.3697, equations 1 and 2). NaN where a side has no known row, or where neither varies.
    """
    weights = np.ones(len(prepared.frame))
    if prepared.spec.weights:
        weights = prepared.frame[prepared.spec.weights].fillna(0).to_numpy(dtype=float)
    rows = []
    for name in (prepared.formula.outcome, *prepared.kinds):
        column = prepared.frame[name]
        known = column.notna().to_numpy()
        sides = [known & prepared.complete, known & ~prepared.complete]
        for level, values in _measures(column, by_level=name == prepared.formula.outcome):
            complete, lost = (_moments(values[side], weights[side]) for side in sides)
            spread = np.sqrt(0.5 * (complete[1] + lost[1]))
            difference = lost[0] - complete[0]
            rows.append(
                {
                    "variable": name,
                    "level": level,
                    "known_complete": int(sides[0].sum()),
                    "known_lost": int(sides[1].sum()),
                    "complete": complete[0],
                    "lost": lost[0],
                    "difference": difference,
                    "standardised_difference": difference / spread if spread > 0 else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _measures(column: pd.Series, *, by_level: bool) -> Iterator[tuple[str, np.ndarray]]:
    """What is averaged: an indicator of each level, or the numbers or scores themselves."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        yield "", column.to_numpy(dtype=float)
        return
    codes = column.cat.codes.to_numpy()
    if column.cat.ordered and not by_level:
        yield "", codes + 1.0
        return
    for code, level in enumerate(column.cat.categories):
        yield str(level), (codes == code).astype(float)


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean and variance; NaN where nothing has a weight."""
    if weights.sum() == 0:
        return np.nan, np.nan
    mean = float(np.average(values, weights=weights))
    return mean, float(np.average((values - mean) ** 2, weights=weights))
