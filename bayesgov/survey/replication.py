"""Ordinal predictive checks: what replicated outcomes would look like beside the observed ones.

Replicates are drawn from each posterior draw's own category probabilities, so that the bands hold both the
uncertainty of the parameters and the chance of sampling. Rows that a likelihood cannot tell apart are drawn together,
as one multinomial; nothing of the size of draws by rows by categories is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.survey.design import Design
from bayesgov.survey.margins import Coefficients, average_probabilities, distances
from bayesgov.survey.predictive import block_of_draws, blocks, thinned
from bayesgov.survey.response import Response, probabilities

_DRAWS = 400  # replicates: a tail area of 0.025 has a Monte Carlo error of 0.008
_MOST_VALUES = 20  # a predictor with more distinct values is split into quarters

# names of the parts, and the part of each row
type Part = tuple[tuple[str, ...], np.ndarray]


@dataclass(frozen=True, slots=True)
class ReplicatedShares:
    """Shares of the categories in parts of the data, observed and replicated.

    Attributes
    ----------
    variable : str
        What splits the data: "all", the group, or a predictor.
    parts : tuple of str, length n_parts
    levels : tuple of str, length n_categories
    n_obs : ndarray, shape (n_parts,)
        Observations in each part, weights applied.
    observed : ndarray, shape (n_parts, n_categories)
    replicated : ndarray, shape (n_draws, n_parts, n_categories)
    """

    variable: str
    parts: tuple[str, ...]
    levels: tuple[str, ...]
    n_obs: np.ndarray
    observed: np.ndarray
    replicated: np.ndarray

    @property
    def tail_area(self) -> np.ndarray:
        """P(replicated < observed) + P(replicated = observed) / 2, shape (n_parts, n_categories).

        Near 0 the model predicts more of a category than was seen, near 1 less. Middle values are likelier than under
        a uniform distribution, because the same data set made the posterior (Gelman 2013, doi:10.1214/13-EJS854).
        """
        # shares of the same counts may differ in the last bit
        same = np.isclose(self.replicated, self.observed, rtol=0, atol=1e-12)
        less = (self.replicated < self.observed) & ~same
        area: np.ndarray = less.mean(axis=0) + 0.5 * same.mean(axis=0)
        return area

    def frame(self, level: float = 0.95) -> pd.DataFrame:
        """Columns ``part``, ``level``, ``n_obs``, ``observed``, ``median``, ``lower``, ``upper``, ``tail_area``."""
        tail = 50 * (1 - level)
        lower, median, upper = np.percentile(self.replicated, [tail, 50, 100 - tail], axis=0)
        n_levels = len(self.levels)
        return pd.DataFrame(
            {
                "part": np.repeat(self.parts, n_levels),
                "level": np.tile(self.levels, len(self.parts)),
                "n_obs": np.repeat(self.n_obs, n_levels),
                "observed": self.observed.ravel(),
                "median": median.ravel(),
                "lower": lower.ravel(),
                "upper": upper.ravel(),
                "tail_area": self.tail_area.ravel(),
            }
        )


def parts_of(design: Design, names: tuple[str, ...] = ()) -> dict[str, Part]:
    """Ways to split the rows: not at all, by group, and by each predictor.

    Parameters
    ----------
    design : Design
    names : tuple of str, optional
        Factors to split by; by default all that are no interactions.

    Returns
    -------
    dict of str to (names of parts, codes of shape (n_obs,))
        A factor of contrasts by its levels (the reference level is called "reference level"), a score by its values, a
        quantity by its quarters.
    """
    found: dict[str, Part] = {"all": (("all",), np.zeros(design.n_obs, dtype=np.int64))}
    if design.groups:
        present, codes = np.unique(design.group, return_inverse=True)
        found[design.group_name] = (tuple(design.groups[code] for code in present), codes)
    factors = [factor for factor in dict.fromkeys(design.factors) if ":" not in factor]
    for factor in names or factors:
        found[factor] = _parts_of_factor(design, factor)
    return found


def replicated_shares(
    design: Design,
    posterior: xr.Dataset,
    response: Response,
    *,
    seed: int,
    parts: Mapping[str, Part] | None = None,
    draws: int = _DRAWS,
) -> tuple[ReplicatedShares, ...]:
    """Category shares of replicated data beside the observed ones, overall and in parts of the data.

    Parameters
    ----------
    design : Design
    posterior : xarray.Dataset
        As in :func:`bayesgov.survey.predictive.block_of_draws`.
    response : CumulativeSpec or Response
    seed : int
    parts : mapping, optional
        As :func:`parts_of` gives it, which is the default.
    draws : int
        Evenly spaced draws, one replicate each.

    Returns
    -------
    tuple of ReplicatedShares
        In the order of ``parts``.

    Notes
    -----
    A row of frequency weight w is w independent observations. Weights that are no whole numbers are no counts: such a
    row is drawn once and carries its weight, which makes the bands wider rather than too narrow.
    """
    split = parts_of(design) if parts is None else parts
    values = block_of_draws(thinned(posterior, draws), design)
    n_draws, n_levels = values.threshold.shape[0], design.n_categories
    rng = np.random.default_rng(seed)
    totals = {name: np.zeros((n_draws, len(names), n_levels)) for name, (names, _) in split.items()}
    for rows in blocks(design, n_draws):
        drawn = _replicate(design.take(rows), values, response, rng)
        for name, (_, codes) in split.items():
            _add_by_part(totals[name], drawn, codes[rows])
    return tuple(_shares(design, name, *split[name], totals[name]) for name in split)


def calibration(
    design: Design, posterior: xr.Dataset, response: Response, *, seed: int, bins: int = 10, draws: int = _DRAWS
) -> pd.DataFrame:
    """Observed share of every category where it was predicted with about the same probability.

    Parameters
    ----------
    design, posterior, response, seed, draws
        As in :func:`replicated_shares`.
    bins : int
        Bins of about equally many rows for each category; equal predictions share a bin, so there may be fewer.

    Returns
    -------
    DataFrame
        Columns ``level``, ``bin``, ``predicted`` (mean posterior probability), ``n_obs``, ``observed``, ``lower``,
        ``upper`` (95 % of the replicates) and ``tail_area``.
    """
    predicted = _mean_probabilities(design, block_of_draws(thinned(posterior, draws), design), response)
    parts = {level: _quantile_bins(predicted[k], bins) for k, level in enumerate(design.levels)}
    replicates = replicated_shares(design, posterior, response, seed=seed, parts=parts, draws=draws)
    tables = []
    for k, shares in enumerate(replicates):
        table = shares.frame()
        table = table[table["level"] == design.levels[k]].reset_index(drop=True)
        codes = parts[shares.variable][1]
        table["predicted"] = np.bincount(codes, design.weights * predicted[k]) / np.bincount(codes, design.weights)
        tables.append(table.rename(columns={"part": "bin"}).drop(columns="median"))
    columns = ["level", "bin", "predicted", "n_obs", "observed", "lower", "upper", "tail_area"]
    return pd.concat(tables, ignore_index=True)[columns]


def pit_histogram(at_most: np.ndarray, y: np.ndarray, weights: np.ndarray, *, bins: int = 10) -> pd.DataFrame:
    """Non-randomised histogram of the probability integral transform (Czado, Gneiting & Held 2009, eq. 2).

    Parameters
    ----------
    at_most : ndarray, shape (n_categories - 1, n_obs)
        Predictive P(y <= k) of every row, best from leave-one-out.
    y : ndarray of int, shape (n_obs,)
    weights : ndarray, shape (n_obs,)
    bins : int

    Returns
    -------
    DataFrame
        Columns ``lower``, ``upper`` (of the bin), ``height`` (1 everywhere for a calibrated forecast; a hump in the
        middle means too wide predictions, a trough too narrow ones) and ``std_error`` of the height.

    Notes
    -----
    doi:10.1111/j.1541-0420.2009.01191.x
    """
    edge = np.zeros_like(at_most[:1])
    padded = np.concatenate([edge, at_most, edge + 1])
    below, above = np.take_along_axis(padded, y[None], axis=0)[0], np.take_along_axis(padded, y[None] + 1, axis=0)[0]
    edges = np.linspace(0, 1, bins + 1)
    # F_i(u) = (u - P(y < y_i)) / P(y = y_i), held within [0, 1]; one row's mass in each bin
    reach = np.maximum(above - below, np.finfo(float).tiny)
    mass = np.diff(np.clip((edges[:, None] - below) / reach, 0, 1), axis=0)
    n_obs = weights.sum()
    mean = mass @ weights / n_obs
    variance = ((mass - mean[:, None]) ** 2) @ weights / (n_obs - 1)
    return pd.DataFrame(
        {
            "lower": edges[:-1],
            "upper": edges[1:],
            "height": bins * mean,
            "std_error": bins * np.sqrt(variance / n_obs),
        }
    )


def predicted_shares(
    design: Design, draws: xr.Dataset, response: Response, *, limit: int = 1000, level: float = 0.95
) -> pd.DataFrame:
    """What draws of the parameters, from the prior or the posterior, say about the shares of the categories.

    Parameters
    ----------
    design : Design
    draws : xarray.Dataset
        The ``prior`` or ``posterior`` group of a tree.
    response : CumulativeSpec or Response
    limit : int
        Evenly spaced draws that are used.
    level : float
        Of the equal-tailed interval.

    Returns
    -------
    DataFrame
        Columns ``level``, ``observed``, ``mean``, ``median``, ``lower``, ``upper``.
    """
    shares = average_probabilities(design, block_of_draws(thinned(draws, limit), design), response)
    tail = 50 * (1 - level)
    lower, median, upper = np.percentile(shares, [tail, 50, 100 - tail], axis=0)
    observed = np.bincount(design.y, design.weights, design.n_categories) / design.weights.sum()
    columns = {"observed": observed, "mean": shares.mean(axis=0), "median": median, "lower": lower, "upper": upper}
    return pd.DataFrame({"level": list(design.levels)} | columns)


def _parts_of_factor(design: Design, factor: str) -> Part:
    columns = [column for column, name in enumerate(design.factors) if name == factor]
    if not columns:
        known = ", ".join(dict.fromkeys(design.factors))
        raise ValueError(f"parts are made of factors of the model, {known}; got {factor}")
    x = design.x[:, columns]
    if len(columns) > 1 or set(np.unique(x)) <= {0.0, 1.0}:
        return _parts_of_contrasts(design, columns)
    values, codes = np.unique(x[:, 0], return_inverse=True)
    if values.size <= _MOST_VALUES:
        return tuple(f"{value:g}" for value in values), codes
    return _quantile_bins(x[:, 0], 4)


def _parts_of_contrasts(design: Design, columns: list[int]) -> Part:
    patterns, codes = np.unique(design.x[:, columns], axis=0, return_inverse=True)
    names = []
    for pattern in patterns:
        there = [design.terms[column] for column, value in zip(columns, pattern, strict=True) if value]
        names.append(" and ".join(there) or "reference level")
    return tuple(names), codes.ravel()


def _quantile_bins(values: np.ndarray, bins: int) -> Part:
    """Bins between quantiles; equal values always share one."""
    inner = np.unique(np.quantile(values, np.arange(1, bins) / bins))
    _, codes = np.unique(np.searchsorted(inner, values, side="left"), return_inverse=True)
    starts = [values[codes == code].min() for code in range(codes.max() + 1)]
    ends = [values[codes == code].max() for code in range(codes.max() + 1)]
    return tuple(f"{start:.3g} to {end:.3g}" for start, end in zip(starts, ends, strict=True)), codes


def _mean_probabilities(design: Design, values: Coefficients, response: Response) -> np.ndarray:
    """Posterior mean of every row's category probabilities, shape (n_categories, n_obs)."""
    result = np.empty((design.n_categories, design.n_obs))
    for rows in blocks(design, values.threshold.shape[0]):
        result[:, rows] = probabilities(response, distances(design.take(rows), values)).mean(axis=1)
    return result


def _replicate(part: Design, values: Coefficients, response: Response, rng: np.random.Generator) -> np.ndarray:
    """Replicated counts, shape (n_categories, n_draws, n_rows)."""
    level = probabilities(response, distances(part, values))
    whole = np.all(part.weights == np.round(part.weights))
    if whole and np.any(part.weights != 1):
        share = np.moveaxis(level / level.sum(axis=0), 0, -1)
        return np.moveaxis(rng.multinomial(part.weights.astype(np.int64), share).astype(float), -1, 0)
    uniform = rng.uniform(size=level.shape[1:])
    above = uniform >= np.cumsum(level[:-1], axis=0)
    # 1{y = k} = 1{y >= k} - 1{y >= k + 1}
    edge = np.ones_like(above[:1])
    happened = np.concatenate([edge, above]) & ~np.concatenate([above, ~edge])
    return np.asarray(happened * part.weights)


def _add_by_part(total: np.ndarray, counts: np.ndarray, codes: np.ndarray) -> None:
    """Add counts (n_categories, n_draws, n_rows) to totals (n_draws, n_parts, n_categories)."""
    indicator = np.zeros((codes.size, total.shape[1]))
    indicator[np.arange(codes.size), codes] = 1.0
    total += np.moveaxis(counts @ indicator, 0, -1)


def _shares(
    design: Design, name: str, names: tuple[str, ...], codes: np.ndarray, totals: np.ndarray
) -> ReplicatedShares:
    observed = np.zeros((len(names), design.n_categories))
    np.add.at(observed, (codes, design.y), design.weights)
    n_obs = observed.sum(axis=1)
    return ReplicatedShares(name, names, design.levels, n_obs, observed / n_obs[:, None], totals / n_obs[:, None])
