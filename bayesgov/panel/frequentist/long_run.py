"""Long-run effects (b0 + b1 + ...) / (1 - alpha) and half-lives of a dynamic panel's frequentist estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bayesgov.panel.gmm import GmmFit
from bayesgov.panel.instruments import GmmModel
from bayesgov.ratios import RatioMoments, delta_interval, fieller_set


@dataclass(frozen=True, slots=True)
class HalfLife:
    """Periods until half of a shock is gone, log(1/2) / log(alpha).

    Attributes
    ----------
    estimate, lower, upper : float
        The limits are those of alpha's interval, transformed; infinite from alpha = 1 on, zero where alpha is not
        positive: half is gone at once.
    """

    estimate: float
    lower: float
    upper: float


def half_life(alpha: float, std_error: float, level: float = 0.95) -> HalfLife:
    """Half-life of one lag's coefficient with its Wald interval transformed."""
    reach = float(stats.norm.isf(0.5 * (1 - level))) * std_error
    return HalfLife(_half_life(alpha), _half_life(alpha - reach), _half_life(alpha + reach))


def _half_life(alpha: float) -> float:
    if not np.isfinite(alpha):
        return float("nan")
    if alpha >= 1:
        return float("inf")
    return float(np.log(0.5) / np.log(alpha)) if alpha > 0 else 0.0


def long_run_table(fit: GmmFit, model: GmmModel, level: float = 0.95) -> pd.DataFrame:
    """Long-run effect of every predictor: delta-method interval, and Fieller's set beside it.

    Quantiles are normal, for a fit with the small-sample option too.

    Parameters
    ----------
    fit : GmmFit
    model : GmmModel
        Of the fit; says which coefficients are lags of the same variable.
    level : float

    Returns
    -------
    pandas.DataFrame
        Columns ``variable, estimate, std_error, lower, upper, interval`` (delta method), ``delta_valid`` (Fieller's
        g below 0.05), ``fieller_kind`` ("interval", "complement": all but (fieller_lower, fieller_upper), "whole
        line"), ``fieller_lower, fieller_upper, fieller_text, g``, ``alpha`` (the lags' sum), ``half_life,
        half_life_lower, half_life_upper`` (one lag only; NaN otherwise).
    """
    position = {name: index for index, name in enumerate(fit.names)}
    lags = np.isin(fit.names, fit.lags_of_outcome).astype(float)
    alpha, alpha_variance = float(lags @ fit.coefficients), float(lags @ fit.covariance @ lags)
    # Windmeijer's corrected variance can be negative, and then bounds nothing
    alpha_error = alpha_variance**0.5 if alpha_variance >= 0 else float("nan")
    life = half_life(alpha, alpha_error, level) if lags.sum() == 1 else HalfLife(*[float("nan")] * 3)
    rows = []
    for variable in dict.fromkeys(entry.variable for entry in model.regressors if entry.variable != model.outcome):
        own = np.zeros(len(fit.names))
        own[[position[entry.name] for entry in model.regressors if entry.variable == variable]] = 1.0
        moments = RatioMoments(
            numerator=float(own @ fit.coefficients),
            denominator=1 - alpha,
            numerator_variance=float(own @ fit.covariance @ own),
            denominator_variance=alpha_variance,
            covariance=-float(own @ fit.covariance @ lags),
        )
        delta, fieller = delta_interval(moments, level), fieller_set(moments, level)
        rows.append(
            {
                "variable": variable,
                "estimate": moments.ratio,
                "std_error": delta.std_error,
                "lower": delta.lower,
                "upper": delta.upper,
                "interval": f"{100 * level:g}% delta-method confidence",
                "delta_valid": delta.valid,
                "fieller_kind": fieller.kind,
                "fieller_lower": fieller.lower,
                "fieller_upper": fieller.upper,
                "fieller_text": str(fieller),
                "g": fieller.g,
                "alpha": alpha,
                "half_life": life.estimate,
                "half_life_lower": life.lower,
                "half_life_upper": life.upper,
            }
        )
    return pd.DataFrame(rows)


def long_run_by_region(fits: Mapping[str, GmmFit | str], model: GmmModel, level: float = 0.95) -> pd.DataFrame:
    """:func:`long_run_table` of every region that could be estimated, with a column ``region``."""
    tables = [
        long_run_table(fit, model, level).assign(region=region)
        for region, fit in fits.items()
        if isinstance(fit, GmmFit)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
