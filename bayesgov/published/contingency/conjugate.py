"""Model-free Bayesian analysis of a two-way table: Dirichlet posteriors and Bayes factors in closed form."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
from scipy.special import gammaln

from bayesgov.survey.likelihood import cumulative_logits

SamplingScheme = Literal["joint multinomial", "independent multinomial"]
JOINT_MULTINOMIAL: SamplingScheme = "joint multinomial"
INDEPENDENT_MULTINOMIAL: SamplingScheme = "independent multinomial"


def dirichlet_draws(
    table: np.ndarray, n_draws: int, rng: np.random.Generator, concentration: float = 1.0
) -> np.ndarray:
    """Posterior draws of the cell probabilities, shape (n_draws, n_rows, n_columns).

    Joint multinomial counts with the conjugate Dirichlet(concentration) prior over all cells.
    """
    draws = rng.dirichlet(table.ravel() + concentration, size=n_draws)
    return draws.reshape(n_draws, *table.shape)


def cramers_v(probability: np.ndarray) -> np.ndarray:
    """Population Cramér's V of joint cell probabilities, shape (..., n_rows, n_columns) -> (...)."""
    rows, columns = probability.sum(axis=-1, keepdims=True), probability.sum(axis=-2, keepdims=True)
    expected = rows * columns
    phi2 = ((probability - expected) ** 2 / expected).sum(axis=(-2, -1))
    v: np.ndarray = np.sqrt(phi2 / (min(probability.shape[-2:]) - 1))
    return v


def proportionality_departure(probability: np.ndarray) -> np.ndarray:
    """How far the rows' cumulative log odds are from parallel.

    Shape (..., n_rows, n_columns) -> (..., n_rows, n_pairs).

    The effect of row o at cut k is minus its cumulative logit, centred over rows; a departure is the difference of that
    effect between two cuts, for every pair of cuts in order. All are zero under proportional odds.
    """
    effect = -cumulative_logits(probability)
    effect = effect - effect.mean(axis=-2, keepdims=True)
    pairs = list(combinations(range(effect.shape[-1]), 2))
    return np.stack([effect[..., second] - effect[..., first] for first, second in pairs], axis=-1)


def log_bayes_factor(table: np.ndarray, scheme: SamplingScheme) -> float:
    """Natural log of the Bayes factor of dependence against independence (Gunel & Dickey 1974).

    Dirichlet(1, ..., 1) over the cells and, under independence, the priors of the margins that this gives on
    conditioning (not on summing over cells), which are uniform too (doi:10.1093/biomet/61.3.545; formulas also in Jamil
    et al. 2017, doi:10.3758/s13428-016-0739-8).

    Parameters
    ----------
    table : ndarray, shape (n_rows, n_columns)
    scheme : {"joint multinomial", "independent multinomial"}
        What the design fixed: the total, or the column totals.
    """
    if scheme == "joint multinomial":
        dependent = _log_beta_ratio(table.ravel())
        return dependent - _log_beta_ratio(table.sum(axis=1)) - _log_beta_ratio(table.sum(axis=0))
    if scheme == "independent multinomial":
        return sum(_log_beta_ratio(column) for column in table.T) - _log_beta_ratio(table.sum(axis=1))
    raise ValueError(f"scheme must be joint multinomial or independent multinomial; got {scheme!r}")


def _log_beta_ratio(counts: np.ndarray) -> float:
    """log B(counts + 1) - log B(1), with B the multivariate beta function."""
    return float(gammaln(counts + 1).sum() - gammaln(counts.sum() + counts.size) + gammaln(counts.size))
