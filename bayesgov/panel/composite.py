r"""Composite indices by principal components, as studies of Chinese cities and provinces compute them.

Indicators are standardised over all units and periods; components of their correlation matrix are kept by a rule;
the index is the mean of the components' scores weighted by the variance that each explains,

.. math:: F = \sum_k \frac{\lambda_k}{\sum_l \lambda_l} \, z v_k .

Every choice on the way is a convention that changes the index; each is an argument with a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bayesgov.panel.index_spec import Retention, Scores

_CUMULATIVE_SHARE = 0.85  # the usual limit of the rule "share"


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite index and how it came about.

    Attributes
    ----------
    indicators : tuple of str, length n_indicators
    index : ndarray, shape (n_rows,)
        NaN where an indicator is missing.
    mean, deviation : ndarray, shape (n_indicators,)
        Of the rows that the weights were computed from; deviations with divisor n.
    eigenvalues : ndarray, shape (n_indicators,)
        Descending.
    vectors : ndarray, shape (n_indicators, n_components)
        Of the kept components, signed so that each agrees with the indicators' directions on balance.
    weights : ndarray, shape (n_components,)
        Of the components' scores; they sum to one.
    kmo : float
        Kaiser-Meyer-Olkin measure of sampling adequacy (Kaiser 1974, doi:10.1007/BF02291575).
    bartlett, bartlett_p : float
        Bartlett's test of sphericity, chi-square with ``bartlett_df`` degrees of freedom.
    """

    indicators: tuple[str, ...]
    index: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    eigenvalues: np.ndarray
    vectors: np.ndarray
    weights: np.ndarray
    kmo: float
    bartlett: float
    bartlett_df: int
    bartlett_p: float

    @property
    def explained(self) -> float:
        """Share of the variance that the kept components explain."""
        return float(self.eigenvalues[: self.weights.size].sum() / self.eigenvalues.sum())

    @property
    def indicator_weights(self) -> np.ndarray:
        """Weight of each standardised indicator in the index, shape (n_indicators,)."""
        weights: np.ndarray = self.vectors @ self.weights
        return weights


def principal_composite(
    values: np.ndarray,
    indicators: Sequence[str],
    *,
    directions: np.ndarray | None = None,
    retention: Retention = "eigenvalue",
    share: float = _CUMULATIVE_SHARE,
    scores: Scores = "component",
    base: np.ndarray | None = None,
) -> Composite:
    """Compute an index from indicators.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_indicators)
        Rows with a missing indicator get no index and take no part in the weights.
    indicators : sequence of str
    directions : ndarray of {1, -1}, shape (n_indicators,), optional
        -1 for an indicator of which less is better; it is reversed before anything else.
    retention : {"eigenvalue", "share", "all"}
        Keep components with an eigenvalue above one (Kaiser 1960), as many as explain ``share`` of the variance, or
        all.
    scores : {"component", "factor"}
        Scores with the components' own variances (eigenvectors of length one) or with variance one, as SPSS saves
        them.
    base : ndarray of bool, shape (n_rows,), optional
        Rows that means, deviations and loadings come from: urban rows only, say, or the first year. All by default.

    Raises
    ------
    ValueError
        If an indicator is constant, fewer than two indicators or too few complete rows are given.
    """
    n_indicators = len(indicators)
    if n_indicators < 2 or values.shape[1] != n_indicators:
        raise ValueError(f"a composite needs two or more indicators, one column each; got {values.shape[1]}")
    signed = values * (np.ones(n_indicators) if directions is None else directions)
    complete = ~np.isnan(signed).any(axis=1)
    used = complete if base is None else complete & base
    n_rows = int(used.sum())
    if n_rows <= n_indicators:
        raise ValueError(f"{n_indicators} indicators need more than as many complete rows; got {n_rows}")
    mean, deviation = signed[used].mean(axis=0), signed[used].std(axis=0)
    # a constant's own standard deviation need not be zero in floating point; its range is
    constant = [name for name, spread in zip(indicators, np.ptp(signed[used], axis=0), strict=True) if spread == 0]
    if constant:
        raise ValueError(f"{constant[0]} is constant: leave it out of the composite")
    standard = (signed - mean) / deviation
    correlation = standard[used].T @ standard[used] / n_rows
    eigenvalues, vectors = np.linalg.eigh(correlation)
    eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1]
    kept = _kept(eigenvalues, retention, share)
    # a component's sign is arbitrary; indicators already point where more is better
    vectors = vectors[:, :kept] * np.where(vectors[:, :kept].sum(axis=0) < 0, -1.0, 1.0)
    if scores == "factor":
        vectors = vectors / np.sqrt(eigenvalues[:kept])
    weights = eigenvalues[:kept] / eigenvalues[:kept].sum()
    bartlett, df = _bartlett(correlation, n_rows)
    return Composite(
        indicators=tuple(indicators),
        index=np.where(complete, standard @ vectors @ weights, np.nan),
        mean=mean,
        deviation=deviation,
        eigenvalues=eigenvalues,
        vectors=vectors,
        weights=weights,
        kmo=kaiser_meyer_olkin(correlation),
        bartlett=bartlett,
        bartlett_df=df,
        bartlett_p=float(stats.chi2.sf(bartlett, df)),
    )


def _kept(eigenvalues: np.ndarray, retention: Retention, share: float) -> int:
    if retention == "all":
        return int(eigenvalues.size)
    if retention == "eigenvalue":
        return max(1, int((eigenvalues > 1).sum()))
    reached = np.cumsum(eigenvalues) / eigenvalues.sum()
    return int(np.searchsorted(reached, share - 1e-12) + 1)


def kaiser_meyer_olkin(correlation: np.ndarray) -> float:
    """Sum of squared correlations over that sum plus the sum of squared partial correlations, off the diagonal."""
    inverse = np.linalg.pinv(correlation)
    scale = np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    off = ~np.eye(correlation.shape[0], dtype=bool)
    simple, partial = (correlation[off] ** 2).sum(), ((inverse / scale)[off] ** 2).sum()
    return float(simple / (simple + partial))


def _bartlett(correlation: np.ndarray, n_rows: int) -> tuple[float, int]:
    """-(n - 1 - (2 p + 5) / 6) log |R| (Bartlett 1951, doi:10.1093/biomet/38.3-4.337)."""
    n_indicators = correlation.shape[0]
    _, log_determinant = np.linalg.slogdet(correlation)
    statistic = -(n_rows - 1 - (2 * n_indicators + 5) / 6) * log_determinant
    return float(statistic), n_indicators * (n_indicators - 1) // 2
