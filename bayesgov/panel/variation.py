r"""Dispersion of an index between the cities of a region: coefficient of variation and sigma-convergence.

The coefficient of variation of region r in year t is s / m, the standard deviation (divisor n - 1) over the mean of
its cities. Intervals resample whole cities, because a city's years depend on one another:

- confidence: percentiles of the cluster bootstrap (Cameron & Miller 2015, doi:10.3368/jhr.50.2.317);
- credible: the Bayesian bootstrap (Rubin 1981, doi:10.1214/aos/1176345338), Dirichlet(1, ..., 1) weights of the
  cities, whose draws are of the coefficient of the population that the cities stand for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

Dispersion = Literal["variation", "deviation"]

_FEWEST = 4  # cities of a region below which there is no interval
EVERY_YEAR = "mean of years"


@dataclass(frozen=True, slots=True, eq=False)
class RegionalIndex:
    """An index of units in regions.

    Attributes
    ----------
    values : ndarray, shape (n_units, n_times)
        NaN where missing.
    times : sequence of int
    unit_region : ndarray of int, shape (n_units,)
        Codes into ``regions``.
    regions : sequence of str
    """

    values: np.ndarray
    times: Sequence[int]
    unit_region: np.ndarray
    regions: Sequence[str]

    def parts(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every region with its rows of ``values``."""
        for code, region in enumerate(self.regions):
            yield region, self.values[self.unit_region == code]


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals come about.

    Attributes
    ----------
    seed : int
    draws : int
        Of the bootstrap and of the posterior.
    level : float
        Of the intervals.
    """

    seed: int
    draws: int = 2000
    level: float = 0.95


def variation_table(index: RegionalIndex, resampling: Resampling) -> pd.DataFrame:
    """Coefficients of variation by region and year, with intervals of both schools.

    Parameters
    ----------
    index : RegionalIndex
        Positive.
    resampling : Resampling

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
    for code, (region, part) in enumerate(index.parts()):
        n_units = part.shape[0]
        sample = dispersion(part, np.ones((1, n_units)), "variation", corrected=True)[0]
        _require_positive(part, region, index.times)
        for approach, weights in _weights(n_units, resampling, code).items():
            drawn = dispersion(part, weights, "variation", corrected=approach == "frequentist")
            columns = np.column_stack([drawn, _mean_of_years(drawn)])
            estimates = np.append(sample, _mean_of_years(sample[None])[0])
            known = np.append((~np.isnan(part)).sum(axis=0), n_units)
            for column, year in enumerate([*map(str, index.times), EVERY_YEAR]):
                described = _describe(columns[:, column], known[column], approach, resampling.level)
                if approach == "frequentist":
                    described["estimate"] = estimates[column]
                rows.append({"region": region, "time": year, "n_units": int(known[column])} | described)
    order = ["region", "time", "approach", "estimate", "std_error", "lower", "upper", "interval", "n_units"]
    return pd.DataFrame(rows)[order]


def convergence_table(index: RegionalIndex, resampling: Resampling, of: Dispersion = "variation") -> pd.DataFrame:
    """Sigma-convergence: the trend of the log dispersion, and the first year's variance against the last's.

    Parameters
    ----------
    index : RegionalIndex
    resampling : Resampling
    of : {"variation", "deviation"}
        Coefficient of variation (positive index) or standard deviation.

    Returns
    -------
    pandas.DataFrame
        By region, and "all": ``of, approach, estimate`` (yearly change of the log dispersion; negative is convergence)
        ``, std_error, lower, upper, interval, p_value`` (frequentist: twice the smaller share of bootstrap slopes
        beyond zero)``, probability_negative`` (Bayesian)``, equal_variances_t, equal_variances_p``: Pitman's (1939,
        doi:10.1093/biomet/31.1-2.9) and Morgan's test on the cities known in both years. Years in which a region has
        fewer than two cities take no part in its trend.

    Raises
    ------
    ValueError
        As :func:`variation_table`, for the coefficient of variation.
    """
    rows = []
    groups = dict(index.parts())
    if len(index.regions) > 1:
        groups["all"] = index.values
    for position, (region, part) in enumerate(groups.items()):
        if of == "variation":
            _require_positive(part, region, index.times)
        t, p = equal_variances(part[:, 0], part[:, -1])
        sample = dispersion(part, np.ones((1, part.shape[0])), of, corrected=True)
        years = ~np.isnan(sample[0])
        times = np.asarray(index.times, dtype=float)[years]
        for approach, weights in _weights(part.shape[0], resampling, len(index.regions) + position).items():
            drawn = dispersion(part, weights, of, corrected=approach == "frequentist")
            slopes = _slope(drawn[:, years], times)
            row = {"region": region, "of": of, "equal_variances_t": t, "equal_variances_p": p}
            row |= _describe(slopes, part.shape[0], approach, resampling.level)
            if approach == "frequentist":
                row |= {"estimate": _slope(sample[:, years], times)[0], "p_value": _two_sided(slopes)}
            else:
                row["probability_negative"] = _share_below_zero(slopes)
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


def _weights(n_units: int, resampling: Resampling, stream: int) -> dict[str, np.ndarray]:
    """Weights of the units by approach, shape (draws, n_units)."""
    rng = np.random.default_rng([resampling.seed, stream])
    return {
        "frequentist": rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=resampling.draws).astype(float),
        "bayesian": rng.dirichlet(np.ones(n_units), size=resampling.draws),
    }


def _mean_of_years(dispersions: np.ndarray) -> np.ndarray:
    """Over the years that have a value in some draw, NaN without one; shape (n_draws,)."""
    usable = ~np.isnan(dispersions).all(axis=0)
    if not usable.any():
        return np.full(len(dispersions), np.nan)
    means: np.ndarray = dispersions[:, usable].mean(axis=1)
    return means


def _slope(dispersions: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Least-squares slope of the log dispersion on time, shape (n_draws,); NaN with fewer than two years."""
    if times.size < 2:
        return np.full(len(dispersions), np.nan)
    centred = times - times.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes: np.ndarray = np.log(dispersions) @ centred / (centred @ centred)
    return slopes


def _usable(draws: np.ndarray) -> np.ndarray:
    """The finite draws; none where more than one in a hundred is not finite."""
    finite = draws[np.isfinite(draws)]
    return finite if finite.size >= 0.99 * draws.size else finite[:0]


def _share_below_zero(slopes: np.ndarray) -> float:
    usable = _usable(slopes)
    return float(np.mean(usable < 0)) if usable.size else float("nan")


def _two_sided(slopes: np.ndarray) -> float:
    """Twice the smaller share of slopes beyond zero; one is added to both counts, so that no p-value is zero."""
    below = _share_below_zero(slopes)
    return min(1.0, 2 * (min(below, 1 - below) * slopes.size + 1) / (slopes.size + 1)) if below >= 0 else below


def _describe(draws: np.ndarray, n_units: int, approach: str, level: float) -> dict[str, object]:
    kind = "cluster-bootstrap confidence" if approach == "frequentist" else "Bayesian-bootstrap credible"
    row: dict[str, object] = {"approach": approach, "interval": f"{100 * level:g}% {kind}"}
    finite = _usable(draws)
    if n_units < _FEWEST or not finite.size:
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
