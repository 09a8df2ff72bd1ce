"""What draws of the parameters say about rows: log-likelihood in chunks, proper scores, replicated data.

Nothing here holds draws times rows times categories at once: rows come in blocks, sized so that a block's arrays stay
within a few dozen MiB, and rows that no likelihood can tell apart are merged first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from bayesgov.survey.design import Design, MonotonicTerm
from bayesgov.survey.margins import Coefficients, coefficients, distances
from bayesgov.survey.merge import covariate_patterns
from bayesgov.survey.response import Response, log_probability_at

_BLOCK_CELLS = 1 << 19  # doubles of one temporary array: 4 MiB stay in the cache of most machines


@dataclass(frozen=True, slots=True)
class MergedRows:
    """Rows that a likelihood cannot tell apart, merged.

    Attributes
    ----------
    design : Design
        One row for each distinct row, with their weights added.
    inverse : ndarray of int, shape (n_obs,)
        Merged row of each row of the Design that was given.
    """

    design: Design
    inverse: np.ndarray


def merge_rows(design: Design, *, outcome: bool = True) -> MergedRows:
    """Merge rows with equal predictors, offset, group and scale predictors, and equal outcome unless told not to.

    Parameters
    ----------
    design : Design
    outcome : bool
        False merges rows of different outcome too; the outcome of a merged row then means nothing.
    """
    codes = covariate_patterns(design) * (max(len(design.groups), 1) + 1) + design.group
    if outcome:
        codes = codes * design.n_categories + design.y
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    weights = np.bincount(inverse, design.weights, first.size)
    return MergedRows(replace(design.take(first), weights=weights), inverse)


def complete_rows(design: Design) -> Design:
    """The rows without modelled missing cells: what predictions are made and judged on."""
    if not design.missing:
        return design
    whole = ~np.isnan(design.x).any(axis=1)
    return replace(design, missing=()).take(whole)


def thinned(posterior: xr.Dataset, limit: int | None = None) -> xr.Dataset:
    """Draws evenly spaced along every chain, at most ``limit`` in total (at least one a chain)."""
    per_chain = posterior.sizes["draw"]
    kept = per_chain if limit is None else min(per_chain, max(1, limit // posterior.sizes["chain"]))
    # the middle of each of `kept` equal stretches
    positions = ((np.arange(kept) + 0.5) * per_chain / kept).astype(int)
    return posterior.isel(draw=positions)


def block_of_draws(posterior: xr.Dataset, design: Design) -> Coefficients:
    """Parameters of all draws, chains end to end.

    Parameters
    ----------
    posterior : xarray.Dataset
        Dims chain and draw, then those given here; variables ``threshold`` (threshold) and, where the model has them,
        ``beta`` (term), ``group_effect`` (group), ``departure`` (nominal_term, threshold), ``log_scale`` (scale_term)
        and one ``simplex_<factor>`` (step) for each monotonic factor.
    design : Design
    """

    def values(name: str) -> np.ndarray | None:
        if name not in posterior:
            return None
        array = posterior[name].transpose("chain", "draw", ...).values
        return np.asarray(array.reshape(array.shape[0] * array.shape[1], *array.shape[2:]), dtype=float)

    threshold, beta = values("threshold"), values("beta")
    if threshold is None:
        raise ValueError(f"draws need the variable threshold; they have {', '.join(map(str, posterior))}")
    return coefficients(
        threshold,
        np.zeros((threshold.shape[0], 0)) if beta is None else beta,
        departure=values("departure"),
        log_scale=values("log_scale"),
        group_effect=values("group_effect"),
        monotonic=[_contributions(posterior, design, term) for term in design.monotonic],
    )


def _contributions(posterior: xr.Dataset, design: Design, term: MonotonicTerm) -> np.ndarray:
    """mo(x) of every level of a monotonic predictor, shape (n_draws, n_levels)."""
    from bayesgov.survey.monotonic import monotonic_values, variable_name

    levels, n_draws = np.arange(len(term.levels)), posterior.sizes["chain"] * posterior.sizes["draw"]
    name = f"simplex_{variable_name(design, term)}"
    if name not in posterior:  # one step is the whole effect
        return np.tile(levels.astype(float), (n_draws, 1))
    simplex = posterior[name].transpose("chain", "draw", ...).values
    return monotonic_values(simplex.reshape(n_draws, -1), levels)


def blocks(design: Design, n_draws: int) -> Iterator[np.ndarray]:
    """Rows in blocks whose arrays of draws by rows by categories stay near 4 MiB, within the cache."""
    size = max(1, _BLOCK_CELLS // (n_draws * design.n_categories))
    return (np.arange(start, min(start + size, design.n_obs)) for start in range(0, design.n_obs, size))


def outcome_log_probability(design: Design, values: Coefficients, response: Response) -> np.ndarray:
    """Log probability of every row's own outcome, unweighted, shape (n_draws, n_obs)."""
    n_draws = values.threshold.shape[0]
    result = np.empty((n_draws, design.n_obs))
    for rows in blocks(design, n_draws):
        part = design.take(rows)
        result[:, rows] = log_probability_at(response, distances(part, values), part.y)
    return result


def pointwise_log_likelihood(
    design: Design, posterior: xr.Dataset, response: Response, *, dtype: type[np.floating] = np.float64
) -> xr.DataArray:
    """Log-likelihood of one observation of every row at every draw, for the ``log_likelihood`` group of a tree.

    Frequency weights are *not* applied: leaving out one of a row's observations is what cross-validation means, so
    ``az.loo`` on this variable is right row by row, and a sum over rows must weight them.

    Parameters
    ----------
    design : Design
    posterior : xarray.Dataset
        As in :func:`block_of_draws`.
    response : Response
    dtype : type
        ``numpy.float32`` halves the memory, at six correct digits.

    Returns
    -------
    xarray.DataArray
        Dims chain, draw and ``obs`` (the Design's ``row``).
    """
    values = block_of_draws(posterior, design)
    merged = merge_rows(design)
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], design.n_obs)
    result = np.empty((shape[0] * shape[1], design.n_obs), dtype=dtype)
    result[:] = outcome_log_probability(merged.design, values, response)[:, merged.inverse]
    coords = {"chain": posterior["chain"], "draw": posterior["draw"], "obs": design.row}
    return xr.DataArray(result.reshape(shape), coords, ("chain", "draw", "obs"), name=design.outcome)


def total_log_likelihood(design: Design, posterior: xr.Dataset, response: Response) -> xr.DataArray:
    """Weighted log-likelihood of all rows at every draw, dims chain and draw; all that power-scaling needs."""
    values = block_of_draws(posterior, design)
    merged = merge_rows(design).design
    total = np.zeros(values.threshold.shape[0])
    for rows in blocks(merged, total.size):
        part = merged.take(rows)
        total += log_probability_at(response, distances(part, values), part.y) @ part.weights
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    coords = {"chain": posterior["chain"], "draw": posterior["draw"]}
    return xr.DataArray(total.reshape(shape), coords, ("chain", "draw"), name=design.outcome)


def ranked_probability_score(at_most: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Ranked probability score (Epstein 1969, doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2); smaller is better.

    Parameters
    ----------
    at_most : ndarray, shape (n_categories - 1, n_rows)
        Predictive P(y <= k).
    y : ndarray of int, shape (n_rows,)

    Returns
    -------
    ndarray, shape (n_rows,)
        sum_k (P(y <= k) - 1{y_i <= k})², not divided by the number of thresholds.
    """
    happened = y <= np.arange(at_most.shape[0])[:, None]
    score: np.ndarray = ((at_most - happened) ** 2).sum(axis=0)
    return score


def brier_score(at_most: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Brier score sum_k (P(y = k) - 1{y_i = k})² of every row; arguments as in :func:`ranked_probability_score`."""
    edge = np.zeros_like(at_most[:1])
    probability = np.diff(at_most, axis=0, prepend=edge, append=edge + 1)
    happened = y == np.arange(probability.shape[0])[:, None]
    score: np.ndarray = ((probability - happened) ** 2).sum(axis=0)
    return score


def weighted_total(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Sum of values over observations with its standard error, sqrt(n) times their standard deviation.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
    weights : ndarray, shape (n_rows,)
        Frequencies; n is their sum.
    """
    n_obs, total = float(weights.sum()), float(weights @ values)
    variance = float(weights @ (values - total / n_obs) ** 2) / (n_obs - 1)
    return total, float(np.sqrt(n_obs * variance))
