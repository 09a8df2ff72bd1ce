"""Long-run effects, half-lives and impulse responses of the posterior draws, region by region."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.panel.design import PanelDesign

NEAR_UNIT_ROOT = 0.95


def derived_effects(posterior: xr.Dataset, design: PanelDesign, *, horizon: int = 10) -> xr.Dataset:
    """What the coefficients imply over time.

    Parameters
    ----------
    posterior : xarray.Dataset
        ``alpha`` (chain, draw, region, lag) and ``beta`` (chain, draw, region, predictor).
    design : PanelDesign
    horizon : int
        Last period of the impulse responses.

    Returns
    -------
    xarray.Dataset
        ``persistence`` (region): the largest modulus of the roots of the outcome's lags, alpha itself for one lag.
        ``half_life`` (region): periods until half of a shock is gone, log(1/2) / log(persistence); infinite from a
        unit root on, zero where persistence is not positive.
        ``long_run`` (region, variable): the sum of a predictor's lag coefficients over 1 - the sum of alpha; NaN from a
        unit root on, where there is no long run.
        ``impulse_response`` (region, variable, horizon): change of the outcome h periods after the predictor rose by
        one for one period.
        All with dims chain and draw.
    """
    alpha = posterior["alpha"].transpose("chain", "draw", "region", "lag").values
    persistence = _persistence(alpha)
    with np.errstate(divide="ignore"):
        half_life = np.where(persistence > 0, np.log(0.5) / np.log(np.clip(persistence, 1e-300, None)), 0.0)
    half_life = np.where(persistence >= 1, np.inf, half_life)
    coords = {name: posterior.coords[name] for name in ("chain", "draw", "region")}
    lead = ("chain", "draw", "region")
    variables = {"persistence": (lead, persistence), "half_life": (lead, half_life)}
    if "beta" not in posterior:
        return xr.Dataset(variables, coords=coords)
    beta = posterior["beta"].transpose("chain", "draw", "region", "predictor").values
    names, lags = lag_table(design)
    long_run, responses = [], []
    for name in names:
        own = [(lag, position) for (variable, lag), position in lags.items() if variable == name]
        total = beta[..., [position for _, position in own]].sum(axis=-1)
        gap = 1 - alpha.sum(axis=-1)
        long_run.append(np.where(persistence < 1, total / np.where(gap == 0, np.nan, gap), np.nan))
        responses.append(_response(alpha, beta, own, horizon))
    return xr.Dataset(
        variables
        | {
            "long_run": ((*lead, "variable"), np.stack(long_run, axis=-1)),
            "impulse_response": ((*lead, "variable", "horizon"), np.stack(responses, axis=-2)),
        },
        coords=coords | {"variable": names, "horizon": np.arange(horizon + 1)},
    )


def lag_table(design: PanelDesign) -> tuple[list[str], dict[tuple[str, int], int]]:
    """Names of the predictors, and the position of every predictor and lag among them."""
    table = {}
    for position, term in enumerate(design.terms[design.n_lags :]):
        head, _, tail = term.partition(".")
        lagged = bool(tail) and head[:1] == "L" and head[1:].isdigit()
        table[(tail, int(head[1:])) if lagged else (term, 0)] = position
    return list(dict.fromkeys(variable for variable, _ in table)), table


def _persistence(alpha: np.ndarray) -> np.ndarray:
    """Largest modulus among the eigenvalues of the companion matrix; alpha itself, with its sign, for one lag."""
    n_lags = alpha.shape[-1]
    if n_lags == 1:
        return alpha[..., 0]
    companion = np.zeros((*alpha.shape[:-1], n_lags, n_lags))
    companion[..., 0, :] = alpha
    companion[..., np.arange(1, n_lags), np.arange(n_lags - 1)] = 1.0
    largest: np.ndarray = np.abs(np.linalg.eigvals(companion)).max(axis=-1)
    return largest


def _response(alpha: np.ndarray, beta: np.ndarray, own: list[tuple[int, int]], horizon: int) -> np.ndarray:
    """psi_h = beta_h + sum_l alpha_l psi_{h-l}, shape (..., horizon + 1)."""
    psi = np.zeros((*alpha.shape[:-1], horizon + 1))
    for h in range(horizon + 1):
        for lag, position in own:
            if lag == h:
                psi[..., h] += beta[..., position]
        for back in range(1, min(h, alpha.shape[-1]) + 1):
            psi[..., h] += alpha[..., back - 1] * psi[..., h - back]
    return psi


def long_run_table(effects: xr.Dataset, level: float = 0.95) -> pd.DataFrame:
    """Median and interval of every long-run effect, with the probability that persistence leaves next to none.

    Means are not reported: where alpha may come near one, the ratio has none. Draws from a unit root on have no long
    run; they are left out of median and interval, and ``probability_unit_root`` says how many there are.

    Returns
    -------
    pandas.DataFrame
        Columns ``variable, region, median, lower, upper, interval, probability_positive,
        probability_persistence_above`` (0.95) and ``probability_unit_root``.
    """
    tail = 50 * (1 - level)
    rows = []
    for region in effects["region"].values:
        persistence = effects["persistence"].sel(region=region).values.ravel()
        for variable in effects["variable"].values:
            draws = effects["long_run"].sel(region=region, variable=variable).values.ravel()
            finite = draws[np.isfinite(draws)]
            found = np.percentile(finite, [tail, 50, 100 - tail]) if finite.size else np.full(3, np.nan)
            rows.append(
                {
                    "variable": variable,
                    "region": region,
                    "median": found[1],
                    "lower": found[0],
                    "upper": found[2],
                    "interval": f"{100 * level:g}% equal-tailed credible",
                    "probability_positive": float(np.mean(finite > 0)) if finite.size else np.nan,
                    "probability_persistence_above": float(np.mean(persistence > NEAR_UNIT_ROOT)),
                    "probability_unit_root": float(np.mean(persistence >= 1)),
                }
            )
    return pd.DataFrame(rows)


def persistence_table(effects: xr.Dataset, level: float = 0.95) -> pd.DataFrame:
    """Medians and intervals of persistence and of half-lives, region by region.

    Returns
    -------
    pandas.DataFrame
        Columns ``region, alpha`` (persistence)``, alpha_lower, alpha_upper, half_life, half_life_lower,
        half_life_upper`` (periods; infinite where draws are at a unit root or beyond)``, interval,
        probability_above_095`` and ``probability_unit_root``, both of persistence.
    """
    limits = [0.5, (1 - level) / 2, (1 + level) / 2]
    rows = []
    for region in effects["region"].values:
        persistence = effects["persistence"].sel(region=region).values.ravel()
        # observed values: nothing lies between a finite and an infinite half-life
        half_life = np.quantile(
            effects["half_life"].sel(region=region).values.ravel(), limits, method="closest_observation"
        )
        names = [f"{name}{limit}" for name in ("alpha", "half_life") for limit in ("", "_lower", "_upper")]
        rows.append(
            {"region": str(region)}
            | dict(zip(names, [*np.quantile(persistence, limits), *half_life], strict=True))
            | {
                "interval": f"{100 * level:g}% equal-tailed credible",
                "probability_above_095": float(np.mean(persistence > NEAR_UNIT_ROOT)),
                "probability_unit_root": float(np.mean(persistence >= 1)),
            }
        )
    return pd.DataFrame(rows)


def impulse_table(effects: xr.Dataset, level: float = 0.95) -> pd.DataFrame:
    """Medians and pointwise intervals of the impulse responses.

    Returns
    -------
    pandas.DataFrame
        Columns ``region, variable, horizon, median, lower, upper, interval``.
    """
    wanted = effects["impulse_response"].transpose("chain", "draw", "region", "variable", "horizon")
    limits = [(1 - level) / 2, 0.5, (1 + level) / 2]
    lower, median, upper = np.quantile(wanted.values, limits, axis=(0, 1))
    index = pd.MultiIndex.from_product(
        [wanted[name].values for name in ("region", "variable", "horizon")], names=["region", "variable", "horizon"]
    )
    values = {"median": median.ravel(), "lower": lower.ravel(), "upper": upper.ravel()}
    table = pd.DataFrame(values, index=index).reset_index()
    return table.assign(interval=f"{100 * level:g}% equal-tailed credible")
