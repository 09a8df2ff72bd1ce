"""What comes out of the posterior: coefficients as ratios, probabilities of direction and of practical equivalence,
predicted probabilities and average marginal effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import arviz_stats as az
import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.fits import ElementDraws
from bayesgov.survey.changes import Effect, effects_of, on_grid
from bayesgov.survey.design import Design
from bayesgov.survey.margins import average_effects, average_probabilities, probabilities
from bayesgov.survey.predictive import block_of_draws, complete_rows, merge_rows, thinned
from bayesgov.survey.response import Response
from bayesgov.survey.spec import CumulativeSpec

_DRAWS = 1000

# What exp(sign * beta) multiplies when a predictor rises by one; links without an entry have no such reading.
_RATIOS = {
    ("cumulative", "logit"): ("odds ratio of a higher level", 1),
    ("cumulative", "cloglog"): ("hazard ratio of stopping at a level", -1),
    ("cumulative", "loglog"): ("reversed hazard ratio", 1),
    ("adjacent", "logit"): ("odds ratio of the next higher level", 1),
    ("continuation", "logit"): ("odds ratio of passing a level", 1),
    ("continuation", "cloglog"): ("hazard ratio of stopping at a level", -1),
}


@dataclass(frozen=True, slots=True)
class PosteriorSummary:
    """Tables of a posterior, one row for each estimand.

    Attributes
    ----------
    coefficients : DataFrame
        ``term``, ``factor``, ``estimate`` (median), ``std_error``, ``lower``, ``upper``, ``interval``,
        ``probability_positive``, ``probability_of_direction``, ``mc_error`` (Monte Carlo standard error of the
        estimate), ``ratio``, ``ratio_lower``, ``ratio_upper``, ``ratio_name``, ``change`` (what the next two are
        about), ``largest_change`` (median of the largest absolute average change of any level's probability) and
        ``probability_negligible`` (that it is below ``spec.rope.probability``); the last three are empty for terms
        that cannot change alone. With nominal effects a coefficient is the average over thresholds.
    probabilities : DataFrame
        Average predicted probability of every level: ``level``, ``observed``, ``estimate``, ``std_error``, ``lower``,
        ``upper``, ``interval``, ``mc_error``.
    effects : DataFrame
        Average marginal effects: ``term``, ``factor``, ``change``, ``level``, ``estimate``, ``std_error``, ``lower``,
        ``upper``, ``interval``, ``probability_positive``, ``mc_error``.
    draws : int
        Draws behind probabilities and effects; coefficients use all.
    left_out : int
        Rows with modelled missing cells, which the averages leave out.
    """

    coefficients: pd.DataFrame
    probabilities: pd.DataFrame
    effects: pd.DataFrame
    draws: int
    left_out: int


def posterior_summary(
    design: Design, posterior: xr.Dataset, spec: CumulativeSpec, *, level: float = 0.95, draws: int = _DRAWS
) -> PosteriorSummary:
    """Summarise a posterior on the scales that it is read on.

    Parameters
    ----------
    design : Design
    posterior : xarray.Dataset
        As in :func:`bayesgov.survey.predictive.block_of_draws`.
    spec : CumulativeSpec
        Family, link and the region of practical equivalence.
    level : float
        Of the equal-tailed credible intervals.
    draws : int
        Evenly spaced draws for averages over rows, whose cost is draws times rows times effects. Their Monte Carlo
        standard errors are in the tables.

    Raises
    ------
    ValueError
        If ``level`` is no probability.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level}")
    whole = complete_rows(design)
    rows = merge_rows(whole, outcome=False).design
    kept = thinned(posterior, draws)
    values, changes = block_of_draws(kept, design), effects_of(rows)
    chains = kept.sizes["chain"]
    average = _by_chain(average_effects(rows, values, spec, changes), chains)
    shares = _by_chain(average_probabilities(rows, values, spec), chains)
    return PosteriorSummary(
        _coefficients(design, posterior, spec, level).merge(
            _equivalence(average, changes, spec.rope.probability), on="term", how="left"
        ),
        _probabilities(whole, shares, level),
        _effects(average, changes, design.levels, level),
        values.threshold.shape[0],
        design.n_obs - whole.n_obs,
    )


def probability_curve(
    design: Design,
    posterior: xr.Dataset,
    response: Response,
    term: str,
    at: Sequence[float] | None = None,
    *,
    level: float = 0.95,
    draws: int = _DRAWS,
) -> pd.DataFrame:
    """Predicted probability of every level along one predictor, the others at their means, in a group of effect zero.

    Parameters
    ----------
    design, posterior, level, draws
        As in :func:`posterior_summary`.
    response : CumulativeSpec or Response
    term : str
        A column of x that is no interaction.
    at : sequence of float, optional
        By default the values that occur, or 25 over their range if more do.

    Returns
    -------
    DataFrame
        ``predictor``, ``value``, ``level``, ``estimate`` (median), ``lower``, ``upper``.
    """
    if term not in design.terms:
        raise ValueError(f"term must be one of {', '.join(design.terms)}; got {term}")
    whole = complete_rows(design)
    seen = np.unique(whole.x[:, design.terms.index(term)])
    points = (seen if seen.size <= 25 else np.linspace(seen[0], seen[-1], 25)) if at is None else np.asarray(at)
    grid = on_grid(whole, {term: points.tolist()})
    drawn = probabilities(grid, block_of_draws(thinned(posterior, draws), design), response)
    lower, median, upper = np.quantile(drawn, _quantiles(level), axis=0)
    n_levels = design.n_categories
    return pd.DataFrame(
        {
            "predictor": term,
            "value": np.repeat(points, n_levels),
            "level": np.tile(design.levels, len(points)),
            "estimate": median.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
        }
    )


def _coefficients(design: Design, posterior: xr.Dataset, spec: CumulativeSpec, level: float) -> pd.DataFrame:
    beta = block_of_draws(posterior, design).beta
    drawn = ElementDraws(design.terms, _by_chain(beta, posterior.sizes["chain"]))
    lower, median, upper = np.quantile(beta, _quantiles(level), axis=0)
    positive = (beta > 0).mean(axis=0)
    name, sign = _RATIOS.get((spec.family, spec.link), ("", 0))
    ends = np.exp(sign * np.stack([median, lower, upper])) if name else np.full((3, design.n_terms), np.nan)
    return pd.DataFrame(
        {
            "term": list(design.terms),
            "factor": list(design.factors),
            "estimate": median,
            "std_error": beta.std(axis=0, ddof=1),
            "lower": lower,
            "upper": upper,
            "interval": _interval(level),
            "probability_positive": positive,
            # a draw of exactly zero has neither direction
            "probability_of_direction": np.maximum(positive, (beta < 0).mean(axis=0)),
            "mc_error": drawn.monte_carlo_error(),
            "ratio": ends[0],
            "ratio_lower": ends[1:].min(axis=0),
            "ratio_upper": ends[1:].max(axis=0),
            "ratio_name": name,
        }
    )


def _equivalence(average: np.ndarray, changes: Sequence[Effect], negligible: float) -> pd.DataFrame:
    """Practical equivalence: Pr(max_k |average change of P(y = k)| < negligible)."""
    largest = np.abs(average).max(axis=-1)
    return pd.DataFrame(
        {
            "term": [change.term for change in changes],
            "change": [change.kind for change in changes],
            "largest_change": np.median(largest, axis=(0, 1)),
            "probability_negligible": (largest < negligible).mean(axis=(0, 1)),
        }
    )


def _probabilities(design: Design, shares: np.ndarray, level: float) -> pd.DataFrame:
    observed = np.bincount(design.y, design.weights, design.n_categories) / design.weights.sum()
    table = pd.DataFrame({"level": list(design.levels), "observed": observed})
    summary = _summary(shares, level).drop(columns="probability_positive")
    return pd.concat([table, summary], axis=1)


def _effects(average: np.ndarray, changes: Sequence[Effect], levels: Sequence[str], level: float) -> pd.DataFrame:
    n_levels = len(levels)
    table = pd.DataFrame(
        {
            "term": np.repeat([change.term for change in changes], n_levels),
            "factor": np.repeat([change.factor for change in changes], n_levels),
            "change": np.repeat([change.kind for change in changes], n_levels),
            "level": np.tile(levels, len(changes)),
        }
    )
    return pd.concat([table, _summary(average, level)], axis=1)


def _summary(drawn: np.ndarray, level: float) -> pd.DataFrame:
    """Columns of the glossary and the Monte Carlo error, for draws of shape (chain, draw, ...)."""
    flat = drawn.reshape(*drawn.shape[:2], -1)
    lower, median, upper = np.quantile(flat, _quantiles(level), axis=(0, 1))
    error = az.mcse(xr.Dataset({"value": (("chain", "draw", "element"), flat)}), method="median")["value"].values
    return pd.DataFrame(
        {
            "estimate": median,
            "std_error": flat.std(axis=(0, 1), ddof=1),
            "lower": lower,
            "upper": upper,
            "interval": _interval(level),
            "probability_positive": (flat > 0).mean(axis=(0, 1)),
            "mc_error": error,
        }
    )


def _by_chain(drawn: np.ndarray, chains: int) -> np.ndarray:
    return drawn.reshape(chains, drawn.shape[0] // chains, *drawn.shape[1:])


def _quantiles(level: float) -> list[float]:
    return [0.5 * (1 - level), 0.5, 0.5 * (1 + level)]


def _interval(level: float) -> str:
    return f"{100 * level:g}% equal-tailed credible"
