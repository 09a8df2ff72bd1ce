"""Two fits' estimates of one thing: how far apart, how much shrunken, how much more precise."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

COLUMNS = (
    "term", "first", "second", "difference", "standardised_difference", "overlap", "distance", "same_sign", "shrinkage",
    "precision_ratio",
)  # fmt: skip


def compare_pairs(estimates: pd.DataFrame, fits: Sequence[str]) -> pd.DataFrame:
    """Every pair of fits on every term that both have.

    Parameters
    ----------
    estimates : DataFrame
        As :func:`bayesgov.comparison.align.aligned_estimates` returns them.
    fits : sequence of str
        Labels in the order that says which is the first of a pair; one without a shared term has no pair.

    Returns
    -------
    DataFrame
        ``term``, ``first``, ``second`` (labels, in the order of the fits), and

        ``difference``
            second - first.
        ``standardised_difference``
            The same over the root mean square of the two standard errors. No test: two fits of the same rows are
            not independent.
        ``overlap``
            Length that the intervals share over the length that they cover together (Jaccard), 0 to 1.
        ``distance``
            Gap between the intervals; 0 where they touch.
        ``same_sign``
            Whether the estimates have the same sign; missing where one is zero or unknown.
        ``shrinkage``
            1 - second / first: the share of the first estimate that the second takes away.
        ``precision_ratio``
            (standard error of the first / of the second)²: above 1 the second is more precise.
    """
    terms = {term: position for position, term in enumerate(dict.fromkeys(estimates["term"]))}
    parts = {label: part.set_index("term") for label, part in estimates.groupby("fit", sort=False)}
    pairs = [
        _pair(first, second, parts[first], parts[second])
        for first, second in combinations([fit for fit in fits if fit in parts], 2)
    ]
    joined = pd.concat(pairs, ignore_index=True)
    order = joined["term"].map(terms).sort_values(kind="stable").index
    return joined.loc[order].reset_index(drop=True)


def _pair(first: str, second: str, one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    common = one.index[one.index.isin(other.index)]
    a, b = one.loc[common], other.loc[common]
    estimate_a, estimate_b = a["estimate"].to_numpy(float), b["estimate"].to_numpy(float)
    error_a, error_b = a["std_error"].to_numpy(float), b["std_error"].to_numpy(float)
    overlap, distance = _intervals(*(part[end].to_numpy(float) for part in (a, b) for end in ("lower", "upper")))
    sign = np.sign(estimate_a) * np.sign(estimate_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {
            "term": common,
            "first": first,
            "second": second,
            "difference": estimate_b - estimate_a,
            "standardised_difference": (estimate_b - estimate_a) / np.sqrt((error_a**2 + error_b**2) / 2),
            "overlap": overlap,
            "distance": distance,
            "same_sign": pd.array(np.where(sign > 0, 1, 0), dtype="boolean"),
            "shrinkage": np.where(estimate_a == 0, np.nan, 1 - estimate_b / estimate_a),
            "precision_ratio": (error_a / error_b) ** 2,
        }
    frame = pd.DataFrame(columns, columns=list(COLUMNS))
    frame.loc[~(np.abs(sign) > 0), "same_sign"] = pd.NA
    return frame


def _intervals(
    lower_a: np.ndarray, upper_a: np.ndarray, lower_b: np.ndarray, upper_b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share of the intervals' union that they have in common, and the gap between them; NaN where one is unknown."""
    inner = np.minimum(upper_a, upper_b) - np.maximum(lower_a, lower_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = np.maximum(inner, 0)
        union = (upper_a - lower_a) + (upper_b - lower_b) - shared
        overlap = np.where(np.isfinite(union) & (union > 0), shared / union, np.nan)
    return overlap, np.maximum(-inner, 0)
