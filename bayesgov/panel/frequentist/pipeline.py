"""The panel paper's estimation on rows: GMM by region with its tests, what brackets it, long run, other instruments."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from bayesgov.fits import Check
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.frequentist.estimate import all_tests, fit_gmm_everywhere
from bayesgov.panel.frequentist.long_run import long_run_by_region
from bayesgov.panel.frequentist.multiverse import instrument_multiverse
from bayesgov.panel.frequentist.regions import bracket_checks, gmm_table, linear_by_region
from bayesgov.panel.gmm import GmmFit
from bayesgov.panel.prepare import PreparedPanel
from bayesgov.panel.spec import DynamicPanelSpec, gmm_model
from bayesgov.steps import Found, Progress, run_steps

_LEVEL = 0.95
_DELTA_LIMIT = 0.05  # Fieller's g above which the delta method's interval is not to be trusted


def run_pipeline(
    prepared: PreparedPanel,
    spec: DynamicPanelSpec,
    *,
    seed: int,
    progress: Progress = lambda _message: None,
) -> Found:
    """Run the pipeline; a step that crashes is a problem of the result and the others still run.

    The tests of each GMM estimate are checks of the Fit (:func:`bayesgov.panel.frequentist.estimate.gmm_checks`) and
    not repeated here.

    Parameters
    ----------
    prepared : PreparedPanel
    spec : DynamicPanelSpec
    seed : int
        Unused: nothing here is random. All pipelines are called alike.
    progress : callable

    Returns
    -------
    Found
        Tables by name: "gmm", "gmm_tests", "regions" (series "system GMM" or "difference GMM"), "long_run_gmm",
        "linear", "multiverse"; those that do not apply are absent.
    """
    fits = fit_gmm_everywhere(prepared.panel, spec)
    steps: list[tuple[str, Callable[[], Found]]] = [
        ("GMM by region", lambda: _gmm(fits, spec)),
        ("long-run effects", lambda: _long_run(fits, spec)),
        ("least squares and its corrections", lambda: _linear(prepared.design, fits)),
        ("instrument multiverse", lambda: Found({"multiverse": _multiverse(prepared, spec)})),
    ]
    return run_steps(steps, progress)


def _gmm(fits: Mapping[str, GmmFit | str], spec: DynamicPanelSpec) -> Found:
    tables = {"gmm": gmm_table(fits)}
    estimated = {region: fit for region, fit in fits.items() if isinstance(fit, GmmFit)}
    if estimated:
        tests = [
            (region, test.name, test.statistic, test.df, test.p_value)
            for region, fit in estimated.items()
            for test in all_tests(fit)
        ]
        tables["gmm_tests"] = pd.DataFrame(tests, columns=["region", "test", "statistic", "df", "p_value"])
        tables["regions"] = _regions(estimated, spec)
    return Found(tables)


def _regions(fits: Mapping[str, GmmFit], spec: DynamicPanelSpec) -> pd.DataFrame:
    """The equation's coefficients by region with confidence intervals, period effects and constant left out."""
    series = f"{'system' if spec.gmm.system else 'difference'} GMM"
    terms = [entry.name for entry in spec.regressors()]
    rows = []
    for region, fit in fits.items():
        where = [fit.names.index(term) for term in terms]
        estimate, std_error = fit.coefficients[where], fit.std_errors[where]
        reach = stats.t.isf(0.5 * (1 - _LEVEL), fit.df_residual) * std_error
        values = {
            "region": region,
            "term": terms,
            "series": series,
            "estimate": estimate,
            "std_error": std_error,
            "lower": estimate - reach,
            "upper": estimate + reach,
            "interval": f"{100 * _LEVEL:g}% {fit.covariance_kind} Wald confidence",
            "p_value": 2 * stats.t.sf(np.abs(estimate / std_error), fit.df_residual),
        }
        rows.append(pd.DataFrame(values))
    return pd.concat(rows, ignore_index=True)


def _long_run(fits: Mapping[str, GmmFit | str], spec: DynamicPanelSpec) -> Found:
    table = long_run_by_region(fits, gmm_model(spec))
    if table.empty:
        return Found(checks=(_no_long_run(spec),))
    # one division by 1 - alpha serves all of a region's effects
    doubtful = table[~table["delta_valid"]]
    worst = float(table["g"].max())
    check = Check("delta_method_g", worst, _DELTA_LIMIT, "pass")
    if len(doubtful):
        regions = ", ".join(dict.fromkeys(doubtful["region"]))
        advice = f"1 - alpha is not clearly above zero in {regions}: read Fieller's sets, not the symmetric intervals"
        check = Check("delta_method_g", worst, _DELTA_LIMIT, "warn", advice)
    return Found({"long_run_gmm": table}, (check,))


def _no_long_run(spec: DynamicPanelSpec) -> Check:
    reason = "no region could be estimated by GMM" if spec.predictors else "the equation has no predictors"
    return Check("long-run effects", None, None, "not applicable", reason)


def _linear(design: PanelDesign, fits: Mapping[str, GmmFit | str]) -> Found:
    table, brackets = linear_by_region(design)
    checks = list(bracket_checks(fits, brackets))
    failed = table[table["reason"].fillna("") != ""]
    checks += [
        Check(f"{estimator} [{region}]", None, None, "not applicable", reason)
        for region, estimator, reason in zip(failed["region"], failed["estimator"], failed["reason"], strict=True)
    ]
    first = table[table["term"] == design.terms[0]]
    unsolved = first[first["estimate"].isna()]
    checks += [
        Check(f"solution_found ({estimator}) [{region}]", 0.0, 1.0, "fail", _NO_SOLUTION)
        for region, estimator in zip(unsolved["region"], unsolved["estimator"], strict=True)
    ]
    units = first.groupby("region", sort=False)["n_units"].first()
    checks += [_clusters(str(region), int(count), len(design.terms)) for region, count in units.items()]
    return Found({"linear": table}, tuple(checks))


_NO_SOLUTION = "no persistence below 1.5 corrects the within estimator's bias: the panel says too little about it"


def _clusters(region: str, n_units: int, n_terms: int) -> Check:
    """A covariance clustered by unit has no higher rank than there are units."""
    few = n_units <= n_terms
    advice = f"clustered standard errors of {n_terms} coefficients from {n_units} units say little" if few else ""
    return Check(f"clusters [{region}]", float(n_units), float(n_terms), "warn" if few else "pass", advice)


def _multiverse(prepared: PreparedPanel, spec: DynamicPanelSpec) -> pd.DataFrame:
    """Every region, and all units together, under every set of instruments."""
    tables = [instrument_multiverse(prepared.panel, spec)]
    if set(tables[0]["region"]) != {"all"}:
        tables.append(instrument_multiverse(prepared.panel, spec.model_copy(update={"pooling": "complete"})))
    return pd.concat(tables, ignore_index=True)
