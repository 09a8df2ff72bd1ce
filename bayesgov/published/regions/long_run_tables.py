"""Tidy tables of the long-run effects by region."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from bayesgov.published.regions.long_run import (
    LongRunDraws,
    long_run_moments,
    normal_draws,
    summarise,
    with_correlations,
)
from bayesgov.published.regions.reading import Reading
from bayesgov.ratios import delta_interval, fieller_set
from bayesgov.spec import RegionsSpec

CORRELATIONS = (-0.9, -0.5, 0.0, 0.5, 0.9)
NORMAL_DRAWS = 8000


def _indices(reading: Reading, spec: RegionsSpec) -> list[int]:
    return [reading.table.term_index(term) for term in (spec.effect, spec.effect_lag, spec.lagged_outcome)]


def _draws(reading: Reading, spec: RegionsSpec, region: int, seed: int) -> dict[str, LongRunDraws]:
    terms = _indices(reading, spec)
    rng = np.random.default_rng([seed, 3, region])
    estimate, std_error = reading.table.estimate[terms, region], reading.table.std_error[terms, region]
    theta = reading.draws["theta"].isel(region=region)
    return {
        "no pooling": normal_draws(estimate, std_error, NORMAL_DRAWS, rng),
        "partial pooling (hierarchical)": LongRunDraws(*(theta.isel(term=j).to_numpy().ravel() for j in terms)),
    }


def _key(reading: Reading, region: int) -> dict[str, Any]:
    table = reading.table
    return {
        "region": table.regions[region],
        "region_label": table.region_labels[region],
        "reading": table.sign_reading,
    }


def long_run(readings: tuple[Reading, ...], spec: RegionsSpec, seed: int) -> pd.DataFrame:
    """Long-run effect by region: Fieller set, delta interval, flat-prior draws and hierarchical posterior.

    Extra columns. Fieller: ``set_kind`` ("interval", "complement": all but the open interval (lower, upper), "whole
    line"), ``set_text``, ``g``. Delta: ``valid``. Draws: ``median_stationary, lower_stationary, upper_stationary`` over
    draws with |alpha| < 1, ``probability_positive``, ``probability_unit_root`` = Pr(alpha >= 1),
    ``probability_near_unit_root`` = Pr(alpha > 0.95), ``probability_stationary`` = Pr(|alpha| < 1).
    """
    rows = []
    for reading in readings:
        terms = _indices(reading, spec)
        for r in range(len(reading.table.regions)):
            key = _key(reading, r)
            moments = long_run_moments(reading.table.estimate[terms, r], reading.table.std_error[terms, r])
            fieller, delta = fieller_set(moments), delta_interval(moments)
            shared = {"approach": "frequentist", "estimate": moments.ratio, "g": fieller.g}
            rows.append(
                key
                | shared
                | {"series": "Fieller", "lower": fieller.lower, "upper": fieller.upper, "set_kind": fieller.kind}
                | {"set_text": str(fieller), "interval": "95% Fieller confidence set"}
            )
            rows.append(
                key | shared | {"series": "delta method", "interval": "95% delta-method confidence"} | asdict(delta)
            )
            for series, draws in _draws(reading, spec, r, seed).items():
                summary = asdict(summarise(draws))
                summary["estimate"] = summary.pop("median")
                interval = "95% equal-tailed credible" + (", flat prior" if series == "no pooling" else "")
                rows.append(key | {"approach": "bayesian", "series": series, "interval": interval} | summary)
    return pd.DataFrame(rows)


def long_run_correlation(readings: tuple[Reading, ...], spec: RegionsSpec, seed: int) -> pd.DataFrame:
    """The long-run effect under correlations that the paper does not print.

    Columns ``correlation_effects`` (of b0 with b1) and ``correlation_alpha`` (of b0 + b1 with alpha) run over a grid;
    ``set_kind``, ``set_lower``, ``set_upper`` give Fieller's set under the same correlations (no pooling only). Under
    partial pooling the correlation ties the posterior draws and leaves each coefficient's own posterior as it is.
    """
    rows = []
    for reading in readings:
        terms = _indices(reading, spec)
        for r in range(len(reading.table.regions)):
            printed = (reading.table.estimate[terms, r], reading.table.std_error[terms, r])
            for series, draws in _draws(reading, spec, r, seed).items():
                for effects in CORRELATIONS:
                    for alpha in CORRELATIONS:
                        summary = asdict(summarise(with_correlations(draws, effects, alpha, seed)))
                        row = {"series": series, "correlation_effects": effects, "correlation_alpha": alpha}
                        row |= {name: summary[name] for name in ("median", "lower", "upper", "probability_positive")}
                        if series == "no pooling":
                            fieller = fieller_set(long_run_moments(*printed, effects, alpha))
                            row |= {"set_kind": fieller.kind, "set_lower": fieller.lower, "set_upper": fieller.upper}
                        rows.append(_key(reading, r) | {"approach": "bayesian"} | row)
    return pd.DataFrame(rows)
