r"""Dispersion of an index between the cities of a region: coefficient of variation and sigma-convergence.

The coefficient of variation of region r in year t is s / m, the standard deviation (divisor n - 1) over the mean of
its cities. Intervals resample whole cities, because a city's years depend on one another:

- confidence: percentiles of the cluster bootstrap (Cameron & Miller 2015, doi:10.3368/jhr.50.2.317);
- credible: the Bayesian bootstrap (Rubin 1981, doi:10.1214/aos/1176345338), Dirichlet(1, ..., 1) weights of the
  cities, whose draws are of the coefficient of the population that the cities stand for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

Dispersion = Literal["variation", "deviation"]

_FEWEST = 4  # cities of a region below which there is no interval
EVERY_YEAR = "mean of years"


def variation_table(
    values: np.ndarray,
    times: Sequence[int],
    unit_region: np.ndarray,
    regions: Sequence[str],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int,
) -> pd.DataFrame:
    """Coefficients of variation by region and year, with intervals of both schools.

    Parameters
    ----------
    values : ndarray, shape (n_units, n_times)
        A positive index; NaN where missing.
    times : sequence of int
    unit_region : ndarray of int, shape (n_units,)
        Codes into ``regions``.
    regions : sequence of str
    draws : int
        Of the bootstrap and of the posterior.
    level : float
    seed : int

    Returns
    -------
    pandas.DataFrame
        ``region, time`` (a year as text, or "mean of years")``, approach, estimate`` (the sample's coefficient; for
        the posterior its median)``, std_error, lower, upper, interval, n_units``. NaN where fewer than four cities are
        known, or where more than one draw in a hundred has a mean that is not positive.

    Raises
    ------
    ValueError
        If a region's mean is not positive in some year: the coefficient means nothing for an index with a zero mean.
    """
    rows = []
    for code, region in enumerate(regions):
        part = values[unit_region == code]
        n_units = part.shape[0]
        sample = dispersion(part, np.ones((1, n_units)), "variation", corrected=True)[0]
        _require_positive(part, region, times)
        rng = np.random.default_rng([seed, code])
        for approach, weights in _resampling(n_units, draws, rng).items():
            drawn = dispersion(part, weights, "variation", corrected=approach == "frequentist")
            columns = np.column_stack([drawn, _mean_of_years(drawn)])
            estimates = np.append(sample, _mean_of_years(sample[None])[0])
            known = np.append((~np.isnan(part)).sum(axis=0), n_units)
            for index, year in enumerate([*map(str, times), EVERY_YEAR]):
                described = _describe(columns[:, index], known[index], approach, level)
                if approach == "frequentist":
                    described["estimate"] = estimates[index]
                rows.append({"region": region, "time": year, "n_units": int(known[index])} | described)
    order = ["region", "time", "approach", "estimate", "std_error", "lower", "upper", "interval", "n_units"]
    return pd.DataFrame(rows)[order]


def convergence_table(
    values: np.ndarray,
    times: Sequence[int],
    unit_region: np.ndarray,
    regions: Sequence[str],
    *,
    of: Dispersion = "variation",
    draws: int = 2000,
    level: float = 0.95,
    seed: int,
) -> pd.DataFrame:
    """Sigma-convergence: the trend of the log dispersion, and the first year's variance against the last's.

    Parameters
    ----------
    of : {"variation", "deviation"}
        Coefficient of variation (positive index) or standard deviation.

    Returns
    -------
    pandas.DataFrame
        By region, and "all": ``approach, estimate`` (yearly change of the log dispersion; negative is convergence)``,
        std_error, lower, upper, interval, p_value`` (frequentist: twice the smaller share of bootstrap slopes beyond
        zero)``, probability_negative`` (Bayesian)``, equal_variances_t, equal_variances_p``: Pitman's (1939,
        doi:10.1093/biomet/31.1-2.9) and Morgan's test on the cities known in both years.
    """
    rows = []
    groups = {region: unit_region == code for code, region in enumerate(regions)}
    if len(regions) > 1:
        groups["all"] = np.ones(unit_region.size, dtype=bool)
    for position, (region, mask) in enumerate(groups.items()):
        part = values[mask]
        if of == "variation":
            _require_positive(part, region, times)
        t, p = equal_variances(part[:, 0], part[:, -1])
        rng = np.random.default_rng([seed, 1, position])
        sample = _slope(dispersion(part, np.ones((1, part.shape[0])), of, corrected=True), times)[0]
        for approach, weights in _resampling(part.shape[0], draws, rng).items():
            slopes = _slope(dispersion(part, weights, of, corrected=approach == "frequentist"), times)
            row = {"region": region, "equal_variances_t": t, "equal_variances_p": p}
            row |= _describe(slopes, part.shape[0], approach, level)
            if approach == "frequentist":
                below = float(np.mean(slopes < 0))
                # one is added to both counts, so that no p-value is zero
                least = (min(below, 1 - below) * draws + 1) / (draws + 1)
                row |= {"estimate": sample, "p_value": min(1.0, 2 * least)}
            else:
                row["probability_negative"] = float(np.mean(slopes < 0))
            rows.append(row)
    return pd.DataFrame(rows)


def dispersion(values: np.ndarray, weights: np.ndarray, of: Dispersion, *, corrected: bool) -> np.ndarray:
    """Weighted standard deviation, or coefficient of variation, of every year under every set of weights.

    Parameters
    ----------
    values : ndarray, shape (n_units, n_times)
    weights : ndarray, shape (n_draws, n_units)
        Counts of a bootstrap sample, or shares.
    of : {"variation", "deviation"}
    corrected : bool
        Divisor n - 1, where weights are counts.

    Returns
    -------
    ndarray, shape (n_draws, n_times)
        NaN where the weights leave fewer than two cities, or the mean is not positive.
    """
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
        deviations = np.where(known, values - centre, 0.0)  # centred, so that squares lose no digits
        total = weights @ known
        shift = weights @ deviations / total
        squares = np.maximum(weights @ deviations**2 - total * shift**2, 0.0)
        spread = np.sqrt(squares / (total - 1 if corrected else total))
        mean = centre + shift
        result = spread / np.where(mean > 0, mean, np.nan) if of == "variation" else spread
    enough = (weights > 0).astype(float) @ known >= 2
    return np.where(enough, result, np.nan)


def equal_variances(first: np.ndarray, last: np.ndarray) -> tuple[float, float]:
    """Pitman's and Morgan's test of equal variances of paired values: t statistic (positive: the first is larger), p.

    Sum and difference are uncorrelated exactly if the variances are equal.
    """
    both = ~(np.isnan(first) | np.isnan(last))
    n = int(both.sum())
    plus, minus = first[both] + last[both], first[both] - last[both]
    if n < _FEWEST or np.ptp(plus) == 0 or np.ptp(minus) == 0:
        return float("nan"), float("nan")
    correlation = float(np.corrcoef(plus, minus)[0, 1])
    t = correlation * np.sqrt((n - 2) / max(1 - correlation**2, np.finfo(float).tiny))
    return float(t), float(2 * stats.t.sf(abs(t), n - 2))


def _resampling(n_units: int, draws: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights of the units by approach, shape (draws, n_units)."""
    return {
        "frequentist": rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=draws).astype(float),
        "bayesian": rng.dirichlet(np.ones(n_units), size=draws),
    }


def _mean_of_years(dispersions: np.ndarray) -> np.ndarray:
    """Over the years that have a value in every draw."""
    usable = ~np.isnan(dispersions).all(axis=0)
    means: np.ndarray = dispersions[:, usable].mean(axis=1)
    return means


def _slope(dispersions: np.ndarray, times: Sequence[int]) -> np.ndarray:
    """Least-squares slope of the log dispersion on time, shape (n_draws,)."""
    centred = np.asarray(times, dtype=float) - np.mean(times)
    with np.errstate(divide="ignore"):
        logs = np.log(dispersions)
    slopes: np.ndarray = logs @ centred / (centred @ centred)
    return slopes


def _describe(draws: np.ndarray, n_units: int, approach: str, level: float) -> dict[str, object]:
    kind = "cluster-bootstrap confidence" if approach == "frequentist" else "Bayesian-bootstrap credible"
    row: dict[str, object] = {"approach": approach, "interval": f"{100 * level:g}% {kind}"}
    finite = draws[np.isfinite(draws)]
    if n_units < _FEWEST or finite.size < 0.99 * draws.size:
        return row | dict.fromkeys(("estimate", "std_error", "lower", "upper"), float("nan"))
    tail = 50 * (1 - level)
    lower, median, upper = np.percentile(finite, [tail, 50, 100 - tail])
    return row | {"estimate": median, "std_error": float(finite.std(ddof=1)), "lower": lower, "upper": upper}


def _require_positive(part: np.ndarray, region: str, times: Sequence[int]) -> None:
    known = ~np.isnan(part)
    count = known.sum(axis=0)
    mean = np.where(known, part, 0.0).sum(axis=0) / np.maximum(count, 1)
    wrong = np.flatnonzero((count > 0) & (mean <= 0))
    if wrong.size:
        raise ValueError(
            f"{region}, {times[wrong[0]]}: a coefficient of variation needs a positive mean; got {mean[wrong[0]]:.3g}: "
            "use an index rescaled to positive values, and say how it was"
        )
