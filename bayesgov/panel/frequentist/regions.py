"""One regression a region, as a published table shows them, and other estimators beside GMM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from bayesgov.fits import Check
from bayesgov.panel.design import PanelDesign, select_rows
from bayesgov.panel.frequentist.linear import (
    LinearFit,
    alpha_bracket,
    fit_anderson_hsiao,
    fit_bias_corrected,
    fit_least_squares,
)
from bayesgov.panel.gmm import GmmFit


def gmm_table(fits: Mapping[str, GmmFit | str]) -> pd.DataFrame:
    """Coefficients of every region with the tests at its foot.

    Returns
    -------
    pandas.DataFrame
        One row for each region and term, period dummies left out: ``region, term, estimate, std_error, statistic``
        (t or z), then the region's ``sargan_p, hansen_p, ar1_p, ar2_p, n_instruments, n_units, n_obs, reason``
        (why a region has no estimate; empty otherwise).
    """
    rows = []
    for region, fit in fits.items():
        if isinstance(fit, str):
            rows.append({"region": region, "reason": fit})
            continue
        foot = gmm_foot(fit)
        for term, estimate, std_error in zip(fit.names, fit.coefficients, fit.std_errors, strict=True):
            if not term.startswith("time["):
                values = {"estimate": estimate, "std_error": std_error, "statistic": estimate / std_error}
                rows.append({"region": region, "term": term} | values | foot)
    return pd.DataFrame(rows, columns=["region", "term", "estimate", "std_error", "statistic", *_FOOT, "reason"])


_FOOT = ("sargan_p", "hansen_p", "ar1_p", "ar2_p", "n_instruments", "n_units", "n_obs")


def gmm_foot(fit: GmmFit) -> dict[str, float | int | str]:
    """What stands under a column of a GMM table."""
    p = [test.p_value for test in fit.autocorrelation] + [float("nan")] * 2
    return {
        "sargan_p": fit.sargan.p_value,
        "hansen_p": fit.hansen.p_value,
        "ar1_p": p[0],
        "ar2_p": p[1],
        "n_instruments": fit.n_instruments,
        "n_units": fit.n_units,
        "n_obs": fit.n_obs,
        "reason": "",
    }


def linear_by_region(design: PanelDesign) -> tuple[pd.DataFrame, dict[str, tuple[LinearFit, LinearFit]]]:
    """Pooled, within, Anderson-Hsiao and bias-corrected estimates of every region and of all units together.

    Returns
    -------
    pandas.DataFrame
        ``region, estimator, term, estimate, std_error, n_obs, n_units, reason``; region "all" holds every unit.
    dict of str to (LinearFit, LinearFit)
        By region the pooled and the within fit, between which alpha should lie.
    """
    parts = {"all": design}
    if len(design.regions) > 1:
        parts |= {region: design_of_region(design, code) for code, region in enumerate(design.regions)}
    rows: list[dict[str, object]] = []
    brackets = {}
    for region, part in parts.items():
        found: dict[str, LinearFit] = {}
        for name, estimator in _ESTIMATORS.items():
            try:
                found[name] = estimator(part)
            except ValueError as error:
                rows.append({"region": region, "estimator": name, "reason": str(error)})
                continue
            rows += _linear_rows(region, found[name])
        if "pooled" in found and "within" in found:
            brackets[region] = (found["pooled"], found["within"])
    columns = ["region", "estimator", "term", "estimate", "std_error", "n_obs", "n_units", "reason"]
    return pd.DataFrame(rows, columns=columns), brackets


_ESTIMATORS: dict[str, Callable[[PanelDesign], LinearFit]] = {
    "pooled": lambda design: fit_least_squares(design, unit_effects=False),
    "within": lambda design: fit_least_squares(design, unit_effects=True),
    "anderson-hsiao": fit_anderson_hsiao,
    "bias-corrected": fit_bias_corrected,
}


def _linear_rows(region: str, fit: LinearFit) -> list[dict[str, object]]:
    shared = {"region": region, "estimator": fit.estimator, "n_obs": fit.n_obs, "n_units": fit.n_units, "reason": ""}
    return [
        shared | {"term": term, "estimate": estimate, "std_error": std_error}
        for term, estimate, std_error in zip(fit.names, fit.coefficients, fit.std_errors, strict=True)
    ]


def bracket_checks(
    fits: Mapping[str, GmmFit | str], brackets: Mapping[str, tuple[LinearFit, LinearFit]]
) -> tuple[Check, ...]:
    """The check FE < alpha < OLS for the GMM estimate of every region."""
    checks = []
    for region, fit in fits.items():
        if isinstance(fit, GmmFit) and region in brackets:
            alpha = float(fit.coefficients[fit.names.index(fit.lags_of_outcome[0])])
            check = alpha_bracket(*brackets[region], alpha)
            checks.append(replace(check, name=f"{check.name} [{region}]"))
    return tuple(checks)


def design_of_region(design: PanelDesign, code: int) -> PanelDesign:
    """The rows of one region."""
    own = select_rows(design, design.region == code)
    return replace(own, regions=(design.regions[code],), unit_region=np.zeros(len(own.units), dtype=np.int64))
