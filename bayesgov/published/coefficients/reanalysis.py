"""Both approaches on one printed coefficient table: the entry point of this part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bayesgov.fits import EstimatorFit, Fit, PosteriorFit
from bayesgov.published.coefficients import bayesian, frequentist
from bayesgov.published.coefficients.design import CoefficientReading, read_readings
from bayesgov.sampling import SamplingOptions
from bayesgov.spec import CoefficientsSpec
from bayesgov.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class CoefficientsReanalysis:
    """What the reanalysis of a coefficient table returns.

    Attributes
    ----------
    fits : tuple of Fit
        For every reading of the standard error: the estimates and the shrunken posterior.
    tables : dict of str to pandas.DataFrame
        "effects" (:func:`effects_table`), "readings" (:func:`readings_table`), "prior_sensitivity".
    assumptions : tuple of str
    """

    fits: tuple[Fit, ...]
    tables: dict[str, pd.DataFrame]
    assumptions: tuple[str, ...]


def reanalyse(
    study: Study, spec: CoefficientsSpec, options: SamplingOptions, progress: Callable[[str], None]
) -> CoefficientsReanalysis:
    """Shrink a printed coefficient table under every reading of its standard errors.

    Parameters
    ----------
    study : Study
    spec : CoefficientsSpec
    options : SamplingOptions
    progress : callable
        Called with one line before each step.

    Raises
    ------
    InputError
        If the table cannot be used (see :func:`bayesgov.published.coefficients.design.read_readings`).
    """
    readings = read_readings(study, spec)
    progress("coefficients: preparing the horseshoe model")
    compiled = bayesian.prepare(readings[0], spec)
    fits: list[Fit] = []
    effects, sensitivities = [], []
    for table in readings:
        progress(f"coefficients: standard errors as {table.reading}")
        estimates, posterior = frequentist.fit(table), bayesian.fit(compiled, table, spec, options)
        fits += [estimates, posterior]
        effects.append(effects_table(table, estimates, posterior))
        sensitivities.append(_sensitivity(table, posterior))
    return CoefficientsReanalysis(
        fits=tuple(fits),
        tables={
            "effects": pd.concat(effects, ignore_index=True),
            "readings": readings_table(readings),
            "prior_sensitivity": pd.concat(sensitivities, ignore_index=True),
        },
        assumptions=assumptions(readings, spec),
    )


def effects_table(
    table: CoefficientReading, estimates: EstimatorFit, posterior: PosteriorFit, level: float = 0.95
) -> pd.DataFrame:
    """Estimates and shrunken effects of the included rows under one reading.

    Columns: row, label, reading, estimate, std_error, z, p_value, p_holm, p_bh, soft_threshold, james_stein
    (frequentist); shrunken, shrunken_sd, lower, upper, probability_positive (posterior median, standard deviation,
    equal-tailed limits); shrinkage_factor (posterior mean of the share of the estimate that the prior takes away).
    """
    classical, shrunken = estimates.estimates(level), posterior.estimates(level)
    closed = estimates.tree["shrunken"].to_dataset()
    labels = [label for label, kept in zip(table.labels, table.included, strict=True) if kept]
    return pd.DataFrame(
        {
            "row": table.included_rows,
            "label": labels,
            "reading": table.reading,
            "estimate": classical["estimate"],
            "std_error": classical["std_error"],
            "z": closed["z"].to_numpy(),
            "p_value": classical["p_value"],
            "p_holm": closed["p_holm"].to_numpy(),
            "p_bh": closed["p_bh"].to_numpy(),
            "soft_threshold": closed["soft_threshold"].to_numpy(),
            "james_stein": closed["james_stein"].to_numpy(),
            "shrunken": shrunken["estimate"],
            "shrunken_sd": shrunken["std_error"],
            "lower": shrunken["lower"],
            "upper": shrunken["upper"],
            "shrinkage_factor": posterior.tree["posterior"]["shrinkage_factor"].mean(("chain", "draw")).to_numpy(),
            "probability_positive": shrunken["probability_positive"],
        }
    )


def readings_table(readings: tuple[CoefficientReading, ...]) -> pd.DataFrame:
    """Standard error of every row under every reading: row, label, reading, estimate, std_error, included, note."""
    parts = [
        pd.DataFrame(
            {
                "row": table.rows,
                "label": table.labels,
                "reading": table.reading,
                "estimate": table.estimate,
                "std_error": table.std_error,
                "included": table.included,
                "note": table.notes,
            }
        )
        for table in readings
    ]
    return pd.concat(parts, ignore_index=True)


def assumptions(readings: tuple[CoefficientReading, ...], spec: CoefficientsSpec) -> tuple[str, ...]:
    """What was assumed, in plain sentences."""
    sentences = [
        "Each printed estimate is normal around its coefficient with a known standard error.",
        "The covariances of the estimates are not printed; rows are taken as independent.",
        f"Prior guess: {spec.expected_nonzero:g} of {len(spec.rows)} coefficients are not zero; slab scale "
        f"{spec.slab_scale:g} in the unit of the coefficients.",
        "Estimates are taken as printed, with their printed sign, under every reading.",
    ]
    for table in readings:
        for row, kept, note in zip(table.rows, table.included, table.notes, strict=True):
            if not kept:
                sentences.append(f"Row {row}, standard error as {table.reading}: {note}.")
    return tuple(sentences)


def _sensitivity(table: CoefficientReading, posterior: PosteriorFit) -> pd.DataFrame:
    """Power-scaling sensitivity: fit, term, prior, likelihood."""
    values = posterior.tree["power_scaling"]["beta"]
    return pd.DataFrame(
        {
            "fit": posterior.label,
            "term": [f"beta[{row}]" for row in table.included_rows],
            "prior": values.sel(component="prior").to_numpy(),
            "likelihood": values.sel(component="likelihood").to_numpy(),
        }
    )
