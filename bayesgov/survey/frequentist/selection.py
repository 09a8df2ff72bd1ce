"""How often the Lasso selects each predictor when the sample is drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class SelectionFrequency:
    """Share of bootstrap samples in which each term has a non-zero coefficient.

    Attributes
    ----------
    terms : tuple of str, length n_terms
    rules : tuple of str, length n_rules
        How the penalty was chosen, such as "λ.min".
    frequency : ndarray, shape (n_rules, n_terms)
    positive : ndarray, shape (n_rules, n_terms)
        Share of samples with a positive coefficient.
    size : ndarray of int, shape (replicates, n_rules)
        Number of terms selected in each sample.
    resampled : {"rows", "clusters"}
    """

    terms: tuple[str, ...]
    rules: tuple[str, ...]
    frequency: np.ndarray
    positive: np.ndarray
    size: np.ndarray
    resampled: str

    @property
    def replicates(self) -> int:
        """Number of bootstrap samples."""
        return int(self.size.shape[0])

    def to_frame(self) -> pd.DataFrame:
        """One row for each rule and term: rule, term, frequency, monte_carlo_error, positive, replicates."""
        n_rules, n_terms = self.frequency.shape
        error = np.sqrt(self.frequency * (1 - self.frequency) / self.replicates)
        return pd.DataFrame(
            {
                "rule": np.repeat(self.rules, n_terms),
                "term": np.tile(self.terms, n_rules),
                "frequency": self.frequency.ravel(),
                "monte_carlo_error": error.ravel(),
                "positive": self.positive.ravel(),
                "replicates": self.replicates,
            }
        )


def selection_frequency(
    select: Callable[[np.ndarray], np.ndarray],
    *,
    terms: Sequence[str],
    rules: Sequence[str],
    weights: np.ndarray,
    cluster: np.ndarray | None = None,
    replicates: int = 100,
    seed: int,
) -> SelectionFrequency:
    """Bootstrap the selection (Bach 2008, doi:10.1145/1390156.1390161; Meinshausen & Bühlmann 2010).

    Parameters
    ----------
    select : callable
        From bootstrap weights, shape (n_obs,), to coefficients, shape (n_rules, n_terms). At fixed penalties:
        ``lambda w: gaussian_path(x, y, terms=terms, weights=w, lambdas=chosen).coefficients``, whose rows go from the
        larger penalty to the smaller. To include the choice of the penalty, cross-validate inside with the folds of
        the original rows: a row and its repetitions are then never on both sides.
    terms, rules : sequence of str
    weights : ndarray, shape (n_obs,)
        Frequency weights of the sample.
    cluster : ndarray, shape (n_obs,), optional
        Whole clusters are drawn, since rows of one village are no independent draws.
    replicates : int
    seed : int

    Returns
    -------
    SelectionFrequency
    """
    if replicates < 1:
        raise ValueError(f"replicates must be at least 1; got {replicates}")
    rng = np.random.default_rng(seed)
    shape = (len(rules), len(terms))
    chosen, positive = np.zeros(shape), np.zeros(shape)
    size = np.empty((replicates, len(rules)), dtype=np.int64)
    for replicate in range(replicates):
        coefficients = select(bootstrap_weights(rng, weights, cluster))
        if coefficients.shape != shape:
            raise ValueError(f"select must return coefficients of shape {shape}; got {coefficients.shape}")
        chosen += coefficients != 0
        positive += coefficients > 0
        size[replicate] = np.count_nonzero(coefficients, axis=1)
    return SelectionFrequency(
        terms=tuple(terms),
        rules=tuple(rules),
        frequency=chosen / replicates,
        positive=positive / replicates,
        size=size,
        resampled="rows" if cluster is None else "clusters",
    )


def bootstrap_weights(rng: np.random.Generator, weights: np.ndarray, cluster: np.ndarray | None = None) -> np.ndarray:
    """Frequency weights of a sample drawn with replacement, shape (n_obs,).

    Rows stand for ``weights`` observations each, and as many observations are drawn as there are; with ``cluster``
    as many clusters are drawn, rows keeping their weights.
    """
    if cluster is None:
        return rng.multinomial(round(float(weights.sum())), weights / weights.sum()).astype(float)
    codes = np.unique(cluster, return_inverse=True)[1]
    n_clusters = int(codes.max()) + 1
    drawn = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters))
    return np.asarray(weights * drawn[codes], dtype=float)
