"""Tidy tables of the regional reanalysis, ready for a report.

Columns shared by all tables: ``term`` and ``region`` (identifiers), ``reading`` (whose sign conflicting cells carry),
``approach``, ``series`` (which analysis), ``estimate``, ``std_error``, ``lower``, ``upper`` and ``interval`` (what the
limits are).
``p_value`` is two-sided, ``p_value_greater`` that of an effect of zero or less. p-values and posterior probabilities
have columns of their own; a column that does not apply to a row is empty (NaN).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from bayesgov.published.regions import long_run_tables
from bayesgov.published.regions.design import RegionTable
from bayesgov.published.regions.frequentist import reml_tau2, weighted_mean
from bayesgov.published.regions.reading import Reading
from bayesgov.spec import RegionsSpec

RANDOM_EFFECTS_STATISTICS = (
    "tau2", "tau2_lower", "tau2_upper", "tau2_dl", "tau2_pm", "i2", "i2_lower", "i2_upper", "h2",
    "prediction_lower", "prediction_upper", "prediction_lower_riley", "prediction_upper_riley",
    "std_error_wald", "std_error_truncated", "mean_dl", "std_error_dl",
)  # fmt: skip
CREDIBLE = "95% equal-tailed credible"
WALD = "95% Wald confidence"
KNAPP_HARTUNG = "95% Knapp-Hartung confidence"
TRUNCATED = "95% truncated Knapp-Hartung confidence"
Q_PROFILE = "95% Q-profile confidence"
BLUP = "95% best linear unbiased prediction, tau² as known"
WITHIN_ROUNDING = "95% of the estimates that rounding allows"
ROUNDING_DRAWS = 500


def all_tables(
    readings: tuple[Reading, ...],
    known_se: xr.DataTree,
    scaled: Mapping[float, xr.DataTree],
    spec: RegionsSpec,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Every table by name.

    Parameters
    ----------
    readings : tuple of Reading
        The first is the one that verdicts quote.
    known_se : xarray.DataTree
        Posterior of the first reading with standard errors as printed, rounding ignored.
    scaled : mapping of float to xarray.DataTree
        Posteriors of the first reading with the prior scale of tau multiplied.
    """
    return {
        "pooling": pooling(readings),
        "mean_effects": mean_effects(readings),
        "heterogeneity": heterogeneity(readings),
        "region_effects": region_effects(readings),
        "new_region": new_region(readings),
        "long_run": long_run_tables.long_run(readings, spec, seed),
        "long_run_correlation": long_run_tables.long_run_correlation(readings, spec, seed),
        "prior_sensitivity": prior_sensitivity(readings),
        "prior_scale": prior_scale(readings[0], scaled),
        "sign_conflict": sign_conflict(readings),
        "standard_errors": standard_errors(readings[0].table),
        "rounding": rounding(readings[0], known_se, seed),
    }


def _terms(readings: tuple[Reading, ...]) -> Iterator[tuple[Reading, int, dict[str, Any]]]:
    for reading in readings:
        for j, term in enumerate(reading.table.terms):
            label = reading.table.term_labels[j]
            yield reading, j, {"term": term, "term_label": label, "reading": reading.table.sign_reading}


def summary(draws: xr.DataArray) -> dict[str, Any]:
    """Median, standard deviation, 95% equal-tailed interval and Pr(> 0) of the draws of one quantity."""
    values = draws.to_numpy().ravel()
    lower, median, upper = np.quantile(values, [0.025, 0.5, 0.975])
    return {
        "estimate": median,
        "std_error": values.std(ddof=1),
        "lower": lower,
        "upper": upper,
        "interval": CREDIBLE,
        "probability_positive": float(np.mean(values > 0)),
    }


def _symmetric(estimate: float, std_error: float, interval: str, df: float = np.inf) -> dict[str, Any]:
    reach = float(stats.t.ppf(0.975, df)) * std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "lower": estimate - reach,
        "upper": estimate + reach,
        "interval": interval,
        "p_value": 2 * float(stats.t.sf(abs(estimate) / std_error, df)),
        "p_value_greater": float(stats.t.sf(estimate / std_error, df)),
    }


def pooling(readings: tuple[Reading, ...]) -> pd.DataFrame:
    """Region effects under no, partial and complete pooling: a caterpillar forest.

    Extra columns: ``term_label``, ``region_label``, ``p_value``, ``probability_positive``. Complete pooling repeats its
    one estimate in every region, so that each region shows all series.
    """
    rows = []
    for reading, j, key in _terms(readings):
        table, common, random = reading.table, reading.common[j], reading.random[j]
        for r, region in enumerate(table.regions):
            place = key | {"region": region, "region_label": table.region_labels[r]}
            series = {
                "no pooling": _symmetric(table.estimate[j, r], table.std_error[j, r], WALD),
                "partial pooling (REML)": _symmetric(random.blup[r], random.blup_std_error[r], BLUP)
                | {"p_value": np.nan, "p_value_greater": np.nan},  # a prediction, not an estimated parameter
                "complete pooling": _symmetric(common.mean, common.std_error, WALD),
            }
            rows += [place | {"approach": "frequentist", "series": name} | row for name, row in series.items()]
            theta = reading.draws["theta"].isel(term=j, region=r)
            rows.append(place | {"approach": "bayesian", "series": "partial pooling (hierarchical)"} | summary(theta))
    return pd.DataFrame(rows)


def mean_effects(readings: tuple[Reading, ...]) -> pd.DataFrame:
    """Each term's mean over regions under every estimator and the posterior."""
    rows = []
    for reading, j, key in _terms(readings):
        common, random = reading.common[j], reading.random[j]
        df = random.k - 1
        series = {
            "complete pooling": _symmetric(common.mean, common.std_error, WALD),
            "REML, Knapp-Hartung": _symmetric(random.mean, random.std_error, KNAPP_HARTUNG, df),
            "REML, truncated Knapp-Hartung": _symmetric(random.mean, random.std_error_truncated, TRUNCATED, df),
            "REML, plain": _symmetric(random.mean, random.std_error_wald, WALD),
            "DerSimonian-Laird": _symmetric(random.mean_dl, random.std_error_dl, WALD),
        }
        rows += [key | {"approach": "frequentist", "series": name} | row for name, row in series.items()]
        rows.append(
            key | {"approach": "bayesian", "series": "hierarchical"} | summary(reading.draws["mu"].isel(term=j))
        )
    return pd.DataFrame(rows)


def heterogeneity(readings: tuple[Reading, ...]) -> pd.DataFrame:
    """How much regions differ: one row a term.

    Frequentist columns: ``q, df, p_value`` (Cochran), ``tau2_reml`` with Q-profile confidence limits ``tau2_lower,
    tau2_upper``, ``tau2_dl``, ``tau2_pm``, ``i2`` with limits, ``h2``. Bayesian columns: ``tau_median, tau_lower,
    tau_upper``, ``i2_median, i2_credible_lower, i2_credible_upper``.
    """
    rows = []
    for reading, j, key in _terms(readings):
        common, random = reading.common[j], reading.random[j]
        tau, i2 = (summary(reading.draws[name].isel(term=j)) for name in ("tau", "i2"))
        rows.append(
            key
            | {"q": common.q, "df": common.df, "p_value": common.p_value, "tau2_reml": random.tau2}
            | {
                name: getattr(random, name)
                for name in ("tau2_lower", "tau2_upper", "tau2_dl", "tau2_pm", "i2", "i2_lower", "i2_upper", "h2")
            }
            | {"tau_median": tau["estimate"], "tau_lower": tau["lower"], "tau_upper": tau["upper"]}
            | {"i2_median": i2["estimate"], "i2_credible_lower": i2["lower"], "i2_credible_upper": i2["upper"]}
        )
    return pd.DataFrame(rows)


def region_effects(readings: tuple[Reading, ...]) -> pd.DataFrame:
    """Posterior of every region effect beside what was printed.

    Extra columns: ``printed_estimate``, ``printed_t``, ``printed_std_error`` and ``share``, the posterior mean weight
    of the region's own estimate (0: all from the other regions; 1: no shrinkage).
    """
    rows = []
    for reading, j, key in _terms(readings):
        table = reading.table
        for r, region in enumerate(table.regions):
            place = {"region": region, "region_label": table.region_labels[r], "approach": "bayesian"}
            printed = {
                "printed_estimate": table.estimate[j, r],
                "printed_t": table.t[j, r],
                "printed_std_error": table.std_error[j, r],
                "share": float(reading.draws["share"].isel(term=j, region=r).mean()),
            }
            rows.append(key | place | summary(reading.draws["theta"].isel(term=j, region=r)) | printed)
    return pd.DataFrame(rows)


def new_region(readings: tuple[Reading, ...]) -> pd.DataFrame:
    """What to expect in a region outside the table: prediction intervals and the posterior predictive."""
    rows = []
    for reading, j, key in _terms(readings):
        random = reading.random[j]
        for series, suffix, df in (("REML, t(k-1)", "", random.k - 1), ("REML, t(k-2)", "_riley", random.k - 2)):
            rows.append(
                key
                | {"approach": "frequentist", "series": series, "estimate": random.mean, "df": df}
                | {limit: getattr(random, f"prediction_{limit}{suffix}") for limit in ("lower", "upper")}
                | {"interval": "95% prediction"}
            )
        drawn = summary(reading.draws["theta_new"].isel(term=j)) | {"interval": "95% equal-tailed posterior predictive"}
        rows.append(key | {"approach": "bayesian", "series": "hierarchical"} | drawn)
    return pd.DataFrame(rows)


def prior_sensitivity(readings: tuple[Reading, ...]) -> pd.DataFrame:
    """Power-scaling sensitivity: columns ``quantity`` (mu, tau, theta_new), ``prior``, ``likelihood`` and ``verdict``.

    Above 0.05 a component matters. Both high: the prior and the data pull on the conclusion (Kallioinen et al. 2024).
    """
    rows = []
    for reading, j, key in _terms(readings):
        sensitivity = reading.posterior.tree["power_scaling"].to_dataset()
        for quantity in ("mu", "tau", "theta_new"):
            of_term = sensitivity[quantity].isel(term=j)
            prior, likelihood = (float(of_term.sel(component=name)) for name in ("prior", "likelihood"))
            rows.append(
                key
                | {"quantity": quantity, "prior": prior, "likelihood": likelihood}
                | {"verdict": _sensitivity_verdict(prior, likelihood)}
            )
    return pd.DataFrame(rows)


def _sensitivity_verdict(prior: float, likelihood: float, threshold: float = 0.05) -> str:
    if prior < threshold:
        return "not sensitive to the prior"
    return "prior and data both matter" if likelihood >= threshold else "the prior dominates"


def prior_scale(reading: Reading, scaled: Mapping[float, xr.DataTree]) -> pd.DataFrame:
    """Refits with the prior scale of tau multiplied by ``factor``: ``quantity`` mu, tau and theta_new of each term."""
    rows = []
    posteriors = {1.0: reading.draws} | {factor: tree["posterior"].to_dataset() for factor, tree in scaled.items()}
    for factor, draws in sorted(posteriors.items()):
        for _, j, key in _terms((reading,)):
            for quantity in ("mu", "tau", "theta_new"):
                rows.append(key | {"factor": factor, "quantity": quantity} | summary(draws[quantity].isel(term=j)))
    return pd.DataFrame(rows)


def sign_conflict(readings: tuple[Reading, ...]) -> pd.DataFrame:
    """What depends on the sign of the conflicting cells: ``quantity`` by ``reading``; empty without a conflict.

    Extra columns: ``region`` of the cell, ``printed_estimate`` and ``printed_t``.
    """
    rows = []
    printed = readings[0].table.read_signs("estimate")
    for j, r in np.argwhere(printed.sign_conflict):
        cell = {
            "term": printed.terms[j],
            "region": printed.regions[r],
            "printed_estimate": printed.estimate[j, r],
            "printed_t": printed.t[j, r],
        }
        for reading in readings:
            key = cell | {"reading": reading.table.sign_reading}
            rows += [key | {"approach": "frequentist"} | row for row in _conflict_estimates(reading, j, r)]
            rows += [key | {"approach": "bayesian"} | row for row in _conflict_posterior(reading, j, r)]
    return pd.DataFrame(rows)


def _conflict_estimates(reading: Reading, j: int, r: int) -> list[dict[str, Any]]:
    table, common, random = reading.table, reading.common[j], reading.random[j]
    df = random.k - 1
    truncated = random.std_error_truncated
    rows = {
        "region effect, no pooling": _symmetric(table.estimate[j, r], table.std_error[j, r], WALD),
        "mean over regions, complete pooling": _symmetric(common.mean, common.std_error, WALD),
        "mean over regions, REML": _symmetric(random.mean, random.std_error, KNAPP_HARTUNG, df),
        "mean over regions, REML, truncated": _symmetric(random.mean, truncated, TRUNCATED, df),
        "between-region variance, REML": {
            "estimate": random.tau2,
            "lower": random.tau2_lower,
            "upper": random.tau2_upper,
            "interval": Q_PROFILE,
        },
    }
    return [{"quantity": name} | row for name, row in rows.items()]


def _conflict_posterior(reading: Reading, j: int, r: int) -> list[dict[str, Any]]:
    draws = reading.draws.isel(term=j)
    rows = {
        "region effect, hierarchical": draws["theta"].isel(region=r),
        "mean over regions, hierarchical": draws["mu"],
        "between-region standard deviation, hierarchical": draws["tau"],
    }
    return [{"quantity": name} | summary(row) for name, row in rows.items()]


def standard_errors(table: RegionTable) -> pd.DataFrame:
    """|b/t| of every cell with what rounding allows; ``std_error_high`` is infinite where t prints as zero."""
    rows = [
        {
            "term": term,
            "region": region,
            "estimate": table.estimate[j, r],
            "t": table.t[j, r],
            "std_error": table.std_error[j, r],
            "std_error_low": table.std_error_low[j, r],
            "std_error_high": table.std_error_high[j, r],
            "sign_conflict": bool(table.sign_conflict[j, r]),
        }
        for j, term in enumerate(table.terms)
        for r, region in enumerate(table.regions)
    ]
    return pd.DataFrame(rows)


def rounding(reading: Reading, known_se: xr.DataTree, seed: int) -> pd.DataFrame:
    """How much the rounding of t matters: ``quantity`` with t as printed against rounding carried.

    The frequentist estimates are recomputed for 500 tables with 1/SE drawn uniformly from what rounding allows; their
    limits there are quantiles of the estimate over these tables, not a confidence interval.
    """
    mean, tau2 = _estimates_within_rounding(reading.table, np.random.default_rng([seed, 2]))
    posteriors = {"t as printed": known_se["posterior"].to_dataset(), "rounding carried": reading.draws}
    rows = []
    for _, j, key in _terms((reading,)):
        random = reading.random[j]
        profile = {"lower": random.tau2_lower, "upper": random.tau2_upper, "interval": Q_PROFILE}
        frequentist = {
            ("mean, REML", "t as printed"): _symmetric(random.mean, random.std_error, KNAPP_HARTUNG, random.k - 1),
            ("mean, REML", "rounding carried"): _spread(mean[:, j]),
            ("tau², REML", "t as printed"): {"estimate": random.tau2} | profile,
            ("tau², REML", "rounding carried"): _spread(tau2[:, j]),
        }
        rows += [
            key | {"approach": "frequentist", "quantity": quantity, "series": series} | row
            for (quantity, series), row in frequentist.items()
        ]
        rows += [
            key | {"approach": "bayesian", "quantity": name, "series": series} | summary(draws[name].isel(term=j))
            for name in ("mu", "tau")
            for series, draws in posteriors.items()
        ]
    return pd.DataFrame(rows)


def _estimates_within_rounding(table: RegionTable, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    low, high = 1.0 / table.std_error_high, 1.0 / table.std_error_low
    variance = (low + (high - low) * rng.uniform(size=(ROUNDING_DRAWS, *low.shape))) ** -2.0
    tau2 = reml_tau2(table.estimate, variance)
    return weighted_mean(table.estimate, variance, tau2), tau2


def _spread(values: np.ndarray) -> dict[str, Any]:
    lower, median, upper = np.quantile(values, [0.025, 0.5, 0.975])
    return {"estimate": median, "lower": lower, "upper": upper, "interval": WITHIN_ROUNDING}
