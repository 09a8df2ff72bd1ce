"""Correlations of all pairs of variables: Pearson, Spearman, Kendall's tau-b; with the paper's log transform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from bayesgov.multiplicity import adjust

Method = Literal["pearson", "spearman", "kendall"]

_TABLE_CELLS_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Correlations:
    """Correlations of all pairs.

    Attributes
    ----------
    method : {"pearson", "spearman", "kendall"}
    note : str
        What was done to the values before.
    variables : tuple of str, length n_variables
    estimate : ndarray, shape (n_variables, n_variables)
        NaN where a variable does not vary.
    p_value : ndarray, shape (n_variables, n_variables)
        Two-sided, of no association, pair by pair; NaN on the diagonal.
    n : ndarray, shape (n_variables, n_variables)
        Observations (weights) with both values.
    """

    method: Method
    note: str
    variables: tuple[str, ...]
    estimate: np.ndarray
    p_value: np.ndarray
    n: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        """One row a pair: first, second, method, estimate, n, p_value, p_holm, stars.

        ``stars`` follow SPSS and the paper's Table 2, from the unadjusted p-value: ** below 0.01, * below 0.05.
        """
        first, second = np.tril_indices(len(self.variables), -1)
        p_value = self.p_value[first, second]
        tested = np.isfinite(p_value)
        holm = np.full(p_value.size, np.nan)
        holm[tested] = adjust(p_value[tested], "holm")
        names = np.array(self.variables, dtype=object)
        return pd.DataFrame(
            {
                "first": names[first],
                "second": names[second],
                "method": self.method,
                "estimate": self.estimate[first, second],
                "n": self.n[first, second],
                "p_value": p_value,
                "p_holm": holm,
                "stars": np.select([p_value < 0.01, p_value < 0.05], ["**", "*"], ""),
            }
        )

    def matrix(self) -> pd.DataFrame:
        """Estimates as a square table with the variables as index and columns."""
        return pd.DataFrame(self.estimate, index=list(self.variables), columns=list(self.variables))


def correlate(
    columns: Mapping[str, np.ndarray], method: Method, weights: np.ndarray | None = None, *, log: bool = False
) -> Correlations:
    """Correlate all pairs of columns, each pair on the rows that have both.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (n_obs,)
        Scores or measurements; NaN for missing.
    method : {"pearson", "spearman", "kendall"}
    weights : ndarray, shape (n_obs,), optional
        Frequency weights.
    log : bool
        Correlate logarithms, as the paper did. Logarithms need positive values, so a column whose smallest value is
        not positive is first shifted to start at 1, and ``note`` names it. Ranks do not change, so this matters for
        Pearson's coefficient only.

    Notes
    -----
    Pearson and Spearman (Pearson's coefficient of average ranks): t = r sqrt((n - 2) / (1 - r²)) on n - 2 degrees of
    freedom. Kendall's tau-b: normal approximation with the variance of S under ties (Kendall & Gibbons 1990, ch. 4).

    Raises
    ------
    ValueError
        For an unknown method or columns of different lengths.
    """
    if method not in ("pearson", "spearman", "kendall"):
        raise ValueError(f"method must be one of pearson, spearman, kendall; got {method!r}")
    names = tuple(columns)
    values = [np.asarray(column, dtype=float) for column in columns.values()]
    weight = np.ones(values[0].size) if weights is None else np.asarray(weights, dtype=float)
    if {column.shape for column in values} != {weight.shape}:
        raise ValueError(f"columns and weights must have one length; got {sorted({v.size for v in values})}")
    note = "values as they stand"
    if log:
        values, note = _logarithms(names, values)
    size = len(names)
    estimate, p_value, n = np.eye(size), np.full((size, size), np.nan), np.zeros((size, size))
    for i, j in combinations(range(size), 2):
        both = np.isfinite(values[i]) & np.isfinite(values[j]) & (weight > 0)
        pair = _correlate_pair(values[i][both], values[j][both], weight[both], method)
        n[i, j] = n[j, i] = weight[both].sum()
        estimate[i, j] = estimate[j, i] = pair[0]
        p_value[i, j] = p_value[j, i] = pair[1]
    n[np.diag_indices(size)] = [weight[np.isfinite(column)].sum() for column in values]
    return Correlations(method, note, names, estimate, p_value, n)


def _logarithms(names: tuple[str, ...], values: list[np.ndarray]) -> tuple[list[np.ndarray], str]:
    """Natural logarithms, columns that are not positive shifted to start at 1; and what was done."""
    lowest = [np.nanmin(column) if np.isfinite(column).any() else 1.0 for column in values]
    shifts = [0.0 if low > 0 else 1.0 - low for low in lowest]
    shifted = ", ".join(f"{name} + {shift:g}" for name, shift in zip(names, shifts, strict=True) if shift)
    note = "natural logarithms of the scores" + (f", shifted to start at 1: {shifted}" if shifted else "")
    return [np.log(column + shift) for column, shift in zip(values, shifts, strict=True)], note


def _correlate_pair(x: np.ndarray, y: np.ndarray, weights: np.ndarray, method: Method) -> tuple[float, float]:
    """Estimate and p-value of one pair of complete columns; NaN if one does not vary."""
    if not x.size or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, np.nan
    if method == "kendall":
        return _kendall(x, y, weights)
    if method == "spearman":
        x, y = _average_ranks(x, weights), _average_ranks(y, weights)
    covariance = np.cov(x, y, aweights=weights, ddof=0)
    r = float(np.clip(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]), -1.0, 1.0))
    df = float(weights.sum()) - 2
    if df <= 0:
        return r, np.nan
    statistic = np.inf if abs(r) == 1 else abs(r) * np.sqrt(df / (1 - r**2))
    return r, float(2 * stats.t.sf(statistic, df))


def _average_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ranks of the expanded sample, ties sharing their average."""
    _, codes = np.unique(values, return_inverse=True)
    size = np.bincount(codes, weights)
    return np.asarray((np.cumsum(size) - 0.5 * (size - 1))[codes])


def _kendall(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Kendall's tau-b and its p-value, from the weighted cross table."""
    if weights.sum() < 3:
        return np.nan, np.nan
    if np.all(weights == 1):
        result = stats.kendalltau(x, y, method="asymptotic")
        return float(result.statistic), float(result.pvalue)
    rows, columns = (np.unique(values, return_inverse=True)[1] for values in (x, y))
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    if shape[0] * shape[1] > _TABLE_CELLS_MAX:
        raise ValueError(
            "Kendall's tau-b with weights needs variables of few distinct values; "
            f"got {shape[0]} and {shape[1]}: use Spearman's coefficient or unweighted rows"
        )
    flat = np.ravel_multi_index((rows, columns), shape)
    table = np.bincount(flat, weights, minlength=shape[0] * shape[1]).reshape(shape)
    n, across, down = table.sum(), table.sum(axis=1), table.sum(axis=0)
    # S = concordant - discordant pairs: every cell against all cells above it to the left, less those to the right
    before = np.zeros((shape[0] + 1, shape[1] + 1))
    before[1:, 1:] = table.cumsum(axis=0).cumsum(axis=1)
    left = before[:-1, :-1]
    right = before[:-1, -1:] - before[:-1, 1:]
    s = float(np.sum(table * (left - right)))
    pairs = n * (n - 1) / 2
    tied = [float(np.sum(margin * (margin - 1)) / 2) for margin in (across, down)]
    tau = s / np.sqrt((pairs - tied[0]) * (pairs - tied[1]))
    return float(np.clip(tau, -1, 1)), float(2 * stats.norm.sf(abs(s) / np.sqrt(_variance_of_s(n, across, down))))


def _variance_of_s(n: float, across: np.ndarray, down: np.ndarray) -> float:
    """Variance of Kendall's S without association, ties on both sides."""

    def spread(size: np.ndarray) -> float:
        return float(np.sum(size * (size - 1) * (2 * size + 5)))

    def threes(size: np.ndarray) -> float:
        return float(np.sum(size * (size - 1) * (size - 2)))

    def twos(size: np.ndarray) -> float:
        return float(np.sum(size * (size - 1)))

    first = (n * (n - 1) * (2 * n + 5) - spread(across) - spread(down)) / 18
    second = threes(across) * threes(down) / (9 * n * (n - 1) * (n - 2))
    return first + second + twos(across) * twos(down) / (2 * n * (n - 1))
