"""A Design as the kernels want it: rows sorted by category, predictors one a row, identical rows merged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.survey.design import Design

_MERGE_BELOW = 0.8  # share of distinct rows from which weighing them repays the dearer weighted loop


@dataclass(frozen=True, slots=True)
class KernelData:
    """Rows of a Design, sorted by category and, where that pays, merged into distinct rows with weights.

    Attributes
    ----------
    x : ndarray, shape (n_terms, n_rows)
        In the predictors' own units.
    starts : ndarray of int, shape (n_categories + 1,)
        Rows ``starts[k]:starts[k + 1]`` are of category k.
    weights : ndarray, shape (n_rows,) or (0,)
        Empty where every weight is one.
    offset : ndarray, shape (n_rows,)
    group : ndarray of int, shape (n_rows,)
    scale_x : ndarray, shape (n_scale_terms, n_rows)
    row : ndarray of int, shape (n_rows,)
        Position in the Design of each row, of its first copy where rows were merged.
    """

    x: np.ndarray
    starts: np.ndarray
    weights: np.ndarray
    offset: np.ndarray
    group: np.ndarray
    scale_x: np.ndarray
    row: np.ndarray

    @property
    def n_rows(self) -> int:
        return self.row.size

    @property
    def y(self) -> np.ndarray:
        """Level codes, shape (n_rows,)."""
        return np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts))

    @property
    def mass(self) -> np.ndarray:
        """Weights in full, shape (n_rows,)."""
        return self.weights if self.weights.size else np.ones(self.n_rows)


def kernel_data(design: Design, *, merge: bool = True) -> KernelData:
    """Sort the rows of a Design by category and merge identical ones where at least a fifth of the rows goes.

    Parameters
    ----------
    design : Design
    merge : bool
        False keeps one row for one row, as models of missing cells need.
    """
    kept, weights = _merged(design) if merge else (np.arange(design.n_obs), design.weights)
    positive = weights > 0
    kept, weights = kept[positive], weights[positive]
    order = np.argsort(design.y[kept], kind="stable")
    row, weights = kept[order], weights[order]
    return KernelData(
        x=np.ascontiguousarray(design.x[row].T),
        starts=np.searchsorted(design.y[row], np.arange(design.n_categories + 1)).astype(np.int64),
        weights=np.empty(0) if np.all(weights == 1.0) else np.ascontiguousarray(weights),
        offset=np.ascontiguousarray(design.offset[row]),
        group=np.ascontiguousarray(design.group[row]),
        scale_x=np.ascontiguousarray(design.scale_x[row].T),
        row=row,
    )


def _merged(design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the distinct rows, and their summed weights; all rows where merging does not pay."""
    columns = np.column_stack([design.y, design.group, design.offset, design.x, design.scale_x])
    code = pd.DataFrame(columns).groupby(list(range(columns.shape[1])), sort=False, dropna=False).ngroup().to_numpy()
    n_distinct = int(code.max()) + 1
    if n_distinct > _MERGE_BELOW * design.n_obs:
        return np.arange(design.n_obs), design.weights
    _, first = np.unique(code, return_index=True)
    return first, np.bincount(code, weights=design.weights, minlength=n_distinct)
