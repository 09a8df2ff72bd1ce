"""Rows that a likelihood cannot tell apart: merged into frequency weights, or numbered as covariate patterns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from bayesgov.survey.design import Design

_LARGEST_CODE = 2**62


def merge_duplicates(design: Design) -> Design:
    """One row for each distinct row, with the sum of the weights; rows keep the order of their first appearance.

    Rows are the same if outcome, predictors, group, offset, scale predictors and cluster are equal.

    Returns
    -------
    Design
        ``row`` holds the position of the first of the merged rows; ``flow`` is unchanged, for no row is lost.

    Raises
    ------
    ValueError
        With modelled missing cells: every one is a parameter of its own.
    """
    if design.missing:
        raise ValueError("rows with modelled missing cells cannot be merged; fit with missing = 'listwise'")
    cluster = [] if design.cluster is None else [design.cluster]
    ids = _distinct(design.n_obs, [*_pattern_columns(design), design.y, design.group, *cluster])
    first = np.unique(ids, return_index=True)[1]  # ids count up, so first appearances come in order
    merged = design.take(first)
    return replace(merged, weights=np.bincount(ids, weights=design.weights, minlength=first.size))


def covariate_patterns(design: Design) -> np.ndarray:
    """The number of each row's covariate pattern: its predictors, offset and scale predictors.

    Returns
    -------
    ndarray of int, shape (n_obs,)
        0, 1, ... in order of first appearance; two missing cells count as equal.
    """
    return _distinct(design.n_obs, list(_pattern_columns(design)))


def _pattern_columns(design: Design) -> Iterator[np.ndarray]:
    yield design.offset
    for block in (design.x, design.scale_x):
        yield from block.T


def _distinct(n_obs: int, columns: list[np.ndarray]) -> np.ndarray:
    """Ids of distinct rows in order of first appearance, built column by column as a number in mixed radix."""
    ids, n_ids = np.zeros(n_obs, dtype=np.int64), 1
    for column in columns:
        codes, values = pd.factorize(column, use_na_sentinel=False)
        if n_ids > _LARGEST_CODE // max(len(values), 1):
            ids, seen = pd.factorize(ids)
            n_ids = len(seen)
        ids, n_ids = ids * len(values) + codes, n_ids * len(values)
    return pd.factorize(ids)[0]
