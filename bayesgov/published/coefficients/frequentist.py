"""Tests, adjusted p-values and closed-form shrinkage of printed coefficients."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from bayesgov.fits import Check, EstimatorFit, estimator_tree
from bayesgov.multiplicity import adjust
from bayesgov.published.coefficients.design import CoefficientReading


def soft_threshold(estimate: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """sign(b) max(|b| - threshold, 0): the Lasso of one coefficient apart (Donoho 1995, doi:10.1109/18.382009)."""
    shrunken: np.ndarray = np.sign(estimate) * np.maximum(np.abs(estimate) - threshold, 0)
    return shrunken


def james_stein_factor(z: np.ndarray) -> float:
    """Positive-part James-Stein factor of standardised estimates, max(0, 1 - (n - 2) / sum z²).

    Efron & Morris (1973, doi:10.1080/01621459.1973.10481350), the empirical-Bayes estimate of how much to keep.

    Parameters
    ----------
    z : ndarray, shape (n,), n >= 3
    """
    return max(0.0, 1 - (z.size - 2) / float(z @ z))


def fit(table: CoefficientReading) -> EstimatorFit:
    """Estimates as printed with two-sided z-tests, and their shrunken forms beside them.

    Returns
    -------
    EstimatorFit
        Terms ``beta[row]`` of the included rows; group ``shrunken`` holds ``z``, ``p_holm``, ``p_bh``,
        ``soft_threshold`` (universal threshold SE sqrt(2 log n)) and ``james_stein``.
    """
    estimate, std_error = table.estimate[table.included], table.std_error[table.included]
    z = estimate / std_error
    p_values = 2 * stats.norm.sf(np.abs(z))
    terms = [f"beta[{row}]" for row in table.included_rows]
    columns = {
        "z": z,
        "p_holm": adjust(p_values, "holm"),
        "p_bh": adjust(p_values, "bh"),
        "soft_threshold": soft_threshold(estimate, std_error * np.sqrt(2 * np.log(estimate.size))),
        "james_stein": james_stein_factor(z) * estimate,
    }
    group = xr.Dataset({name: ("term", values) for name, values in columns.items()}, coords={"term": terms})
    tree = estimator_tree(terms, estimate, std_error, interval="z confidence", groups={"shrunken": group})
    tree.attrs.update(reading=table.reading, dims={"beta": ["row"]})
    left_out = int((~table.included).sum())
    check = Check(
        "rows_excluded", left_out, 0, "warn" if left_out else "pass", "see the table of readings" if left_out else ""
    )
    return EstimatorFit(f"coefficients-estimates-{table.reading}", tree, (check,))
