"""The frequentist Fit of a spec: GMM as the study ran it, one regression a region or one for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr
from scipy import linalg

from bayesgov.fits import Check, EstimatorFit, Status, estimator_tree
from bayesgov.panel.cube import Panel
from bayesgov.panel.gmm import GmmFit, fit_gmm
from bayesgov.panel.gmm_tests import GmmTest
from bayesgov.panel.regional import RegionalPanel, regional_panel
from bayesgov.panel.spec import DynamicPanelSpec, gmm_model

_LEVEL = 0.05  # below which a specification test counts as rejected
_SUSPICIOUS = 0.99  # a Hansen p-value this high says that instruments are too many, not that they are good


def fit_frequentist(frame: pd.DataFrame, spec: DynamicPanelSpec, label: str = "") -> EstimatorFit:
    """GMM of a spec: region by region with all units beside them, or one equation where nothing varies by region.

    Parameters
    ----------
    frame : DataFrame
        One row for each unit and period.
    spec : DynamicPanelSpec
    label : str
        Of the fit; empty takes the spec's.

    Raises
    ------
    InputError
        If spec and data do not fit one another.
    """
    return gmm_by_region_to_fit(fit_gmm_everywhere(regional_panel(frame, spec), spec), label or spec.label)


def fit_gmm_everywhere(data: RegionalPanel, spec: DynamicPanelSpec) -> dict[str, GmmFit | str]:
    """:func:`fit_gmm_by_region`, and one equation for all units, named "all", as the last."""
    return fit_gmm_by_region(data, spec) | {"all": _try_gmm(data.panel, spec)}


def fit_gmm_by_region(data: RegionalPanel, spec: DynamicPanelSpec) -> dict[str, GmmFit | str]:
    """GMM of every region by itself; of all units, named "all", where nothing varies between regions.

    Returns
    -------
    dict of str to GmmFit or str
        The reason in words where a region cannot be estimated.
    """
    if len(data.regions) == 1 or spec.pooling == "complete" or spec.varying == ():
        return {"all": _try_gmm(data.panel, spec)}
    return {region: _try_gmm(part, spec) for region, part in data.parts()}


def _try_gmm(panel: Panel, spec: DynamicPanelSpec) -> GmmFit | str:
    gmm = spec.gmm
    try:
        return fit_gmm(panel, gmm_model(spec), steps=gmm.steps, robust=gmm.robust, small=gmm.small, orders=gmm.orders)
    except ValueError as error:
        return str(error)


def gmm_by_region_to_fit(fits: Mapping[str, GmmFit | str], label: str) -> EstimatorFit:
    """All regions in one fit, with the terms' names of the Bayesian model: ``alpha[north, L1.y]``, ``beta[north, x]``.

    Regions that could not be estimated are checks that failed. The covariance between two regions is zero, as they have
    no unit in common; that of a region with "all" is not estimated, and set to zero too.
    """
    terms: list[str] = []
    estimate, std_error, df = [], [], []
    checks: list[Check] = []
    groups: dict[str, xr.Dataset] = {}
    kinds: dict[str, None] = {}
    for region, fit in fits.items():
        if isinstance(fit, str):
            checks.append(Check(f"estimated [{region}]", None, None, "fail", fit))
            continue
        kinds[fit.covariance_kind] = None
        terms += [_region_term(name, region, fit.lags_of_outcome) for name in fit.names]
        estimate.append(fit.coefficients)
        std_error.append(fit.std_errors)
        df.append(np.full(len(fit.names), fit.df_residual))
        checks += [replace(check, name=f"{check.name} [{region}]") for check in gmm_checks(fit)]
        groups[f"tests {region}".replace("/", "\u2215")] = dataset_of_tests(all_tests(fit))
    estimated = [fit.covariance for fit in fits.values() if isinstance(fit, GmmFit)]
    if estimated:
        groups["covariance"] = xr.Dataset(
            {"covariance": (("term", "term_other"), linalg.block_diag(*estimated))},
            coords={"term": terms, "term_other": terms},
        )
    joined = [np.concatenate(parts) if parts else np.zeros(0) for parts in (estimate, std_error, df)]
    interval = " or ".join(kinds) or "no"
    tree = estimator_tree(
        terms, joined[0], joined[1], df=joined[2], interval=f"{interval} Wald confidence", groups=groups
    )
    return EstimatorFit(label, tree, tuple(checks))


def _region_term(name: str, region: str, outcome_lags: tuple[str, ...]) -> str:
    if name == "constant":
        return f"intercept[{region}]"
    if name.startswith("time["):
        return f"period_effect[{region}, {name[5:-1]}]"
    return f"{'alpha' if name in outcome_lags else 'beta'}[{region}, {name}]"


def all_tests(fit: GmmFit) -> tuple[GmmTest, ...]:
    """Every test of a fit in one list: those of overidentification, autocorrelation, Wald, differences by group."""
    split = [test for pair in fit.difference_hansen for test in pair]
    return (fit.sargan, fit.hansen, *fit.autocorrelation, fit.wald, *split)


def dataset_of_tests(tests: tuple[GmmTest, ...]) -> xr.Dataset:
    """Statistic, degrees of freedom (0 for a standard normal) and p-value by the test's name."""
    return xr.Dataset(
        {
            "statistic": ("test", np.array([test.statistic for test in tests])),
            "df": ("test", np.array([test.df for test in tests])),
            "p_value": ("test", np.array([test.p_value for test in tests])),
        },
        coords={"test": [test.name for test in tests]},
    )


def gmm_checks(fit: GmmFit) -> tuple[Check, ...]:
    """What readers of a GMM table look at, as checks."""
    checks = [
        _instrument_count(fit),
        _rejects("hansen_p", fit.hansen, "the instruments are not valid together, or the equation is misspecified"),
        _sargan(fit),
        _difference_hansen(fit),
        Check(
            "two_step_weight_regular",
            float(not fit.singular),
            1.0,
            "warn" if fit.singular else "pass",
            "the two-step weight is a generalised inverse: Hansen's J and two-step estimates depend on which; use "
            "fewer instruments (collapse, lag limits)"
            if fit.singular
            else "",
        ),
    ]
    if (unknown := np.flatnonzero(np.isnan(fit.std_errors))).size:
        advice = (
            f"the corrected variance of {fit.names[unknown[0]]} is negative, so it has no standard error: too many "
            "instruments for the units; collapse them or limit their lags"
        )
        checks.append(Check("variances_positive", float(-unknown.size), 0.0, "fail", advice))
    if fit.iterations > 1:
        advice = "" if fit.converged else "the iterated estimate has not settled: report two steps instead"
        status: Status = "pass" if fit.converged else "fail"
        checks.append(Check("iterations_converged", float(fit.iterations), None, status, advice))
    for order, test in enumerate(fit.autocorrelation[1:], start=2):
        wrong = f"errors are autocorrelated: outcomes {order} periods back are no instruments, start at lag {order + 1}"
        checks.append(_rejects(f"ar{order}_p", test, wrong))
    return tuple(checks)


def _instrument_count(fit: GmmFit) -> Check:
    many = fit.n_instruments > fit.n_units
    advice = (
        f"{fit.n_instruments} instruments for {fit.n_units} units: Hansen's J degenerates towards p = 1 and two-step "
        "standard errors shrink; collapse the instruments or limit their lags (Roodman 2009, "
        "doi:10.1111/j.1468-0084.2008.00542.x)"
    )
    status: Status = "warn" if many else "pass"
    return Check("instruments", float(fit.n_instruments), float(fit.n_units), status, advice if many else "")


def _rejects(name: str, test: GmmTest, wrong: str) -> Check:
    if not np.isfinite(test.p_value):
        reason = "no more instruments than coefficients" if name == "hansen_p" else "too few periods"
        return Check(name, None, _LEVEL, "not applicable", reason)
    if name == "hansen_p" and test.p_value > _SUSPICIOUS:
        return Check(
            name, test.p_value, _SUSPICIOUS, "warn", "too good to be true: too many instruments weaken the test"
        )
    rejected = test.p_value < _LEVEL
    return Check(name, test.p_value, _LEVEL, "fail" if rejected else "pass", wrong if rejected else "")


def _sargan(fit: GmmFit) -> Check:
    """Never a failure by itself: the statistic assumes errors of one variance."""
    if not np.isfinite(fit.sargan.p_value):
        return Check("sargan_p", None, _LEVEL, "not applicable", "no more instruments than coefficients")
    rejected = fit.sargan.p_value < _LEVEL
    advice = "rejects, but holds for homoskedastic errors only: see Hansen's test" if rejected else ""
    return Check("sargan_p", fit.sargan.p_value, _LEVEL, "warn" if rejected else "pass", advice)


def _difference_hansen(fit: GmmFit) -> Check:
    """The group of instruments that the data speak against most, by its difference in Hansen's J."""
    known = [test for _, test in fit.difference_hansen if np.isfinite(test.p_value)]
    if not known:
        return Check("difference_hansen_p_min", None, _LEVEL, "not applicable", "no group can be left out")
    worst = min(known, key=lambda test: test.p_value)
    level = _LEVEL / len(known)  # Bonferroni: the smallest of several
    rejected = worst.p_value < level
    group = worst.name.removeprefix("difference, ")
    advice = f"{group}: these instruments are not valid beside the others" if rejected else ""
    return Check("difference_hansen_p_min", worst.p_value, level, "warn" if rejected else "pass", advice)
