"""The same equation under other poolings of the regions and other models of the first outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.diagnostics import posterior_checks
from bayesgov.fits import Check, PosteriorFit
from bayesgov.panel.bayesian.collapsed import is_collapsible
from bayesgov.panel.bayesian.fit import fit_bayesian, sample_collapsed
from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.panel.spec import DynamicPanelSpec, Initial, Pooling
from bayesgov.sampling import SamplingOptions
from bayesgov.steps import Progress

SERIES: Mapping[Pooling, str] = {"none": "no pooling", "partial": "partial pooling", "complete": "complete pooling"}
INTERVAL = "95% equal-tailed credible"
GAUSSIAN = "with Gaussian errors, independent regional coefficients and no bounds on persistence"
_SIDE_DRAWS = 500  # a chain: enough for the medians and 95% limits of models that stand beside
_NOTES: Mapping[Initial, str] = {
    "conditional": "unit effects regressed on initial values and unit means",
    "stationary": "the first outcome drawn from its stationary distribution",
    "naive": "unit effects unrelated to the first outcome: persistence is overstated wherever they are related",
}


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Draws with the Design that they belong to.

    Attributes
    ----------
    design : PanelDesign
    draws : xarray.Dataset
        In the variables' own units, as :func:`bayesgov.panel.bayesian.draws.named_draws`.
    checks : tuple of Check
        Of a model sampled beside the fit, those that did not pass.
    """

    design: PanelDesign
    draws: xr.Dataset
    checks: tuple[Check, ...] = ()


def collapsible_version(spec: DynamicPanelSpec) -> DynamicPanelSpec:
    """The spec with what keeps it from the collapsed density left out; itself if nothing does."""
    if is_collapsible(spec):
        return spec
    initial = "conditional" if spec.initial == "stationary" else spec.initial
    return spec.model_copy(
        update={"errors": "gaussian", "stationarity": "none", "correlation": "independent", "initial": initial}
    )


def side_options(spec: DynamicPanelSpec, seed: int, most: int = _SIDE_DRAWS) -> SamplingOptions:
    """The spec's sampling with no more draws than a model beside the fit needs."""
    chosen = spec.sampling
    fewer = {"draws": min(chosen.draws, most), "tune": min(chosen.tune, most), "seed": seed}
    return replace(SamplingOptions(**chosen.model_copy(update=fewer).model_dump()), prior_draws=1)


def compared_poolings(
    frame: pd.DataFrame,
    design: PanelDesign,
    spec: DynamicPanelSpec,
    fit: PosteriorFit,
    *,
    seed: int,
    progress: Progress,
) -> dict[Pooling, Posterior]:
    """Posteriors without, with partial and with complete pooling; only the last where nothing can vary.

    The fit's own posterior serves where the fit has a collapsed density; otherwise all are those of the
    :func:`collapsible_version`, so that they differ in pooling alone.
    """
    base = collapsible_version(spec)
    own = spec.pooling if varies_by_region(design, spec) else "complete"
    found: dict[Pooling, Posterior] = {}
    for pooling in SERIES:
        chosen = base.model_copy(update={"pooling": pooling})
        if not varies_by_region(design, chosen) and pooling != "complete":
            continue
        if base is spec and pooling == own:
            found[pooling] = Posterior(design, fit.tree["posterior"].to_dataset())
            continue
        progress(f"{SERIES[pooling]} of the regions")
        found[pooling] = _collapsed_posterior(frame, chosen, SERIES[pooling], seed)
    return found


def varies_by_region(design: PanelDesign, spec: DynamicPanelSpec) -> bool:
    """Whether a spec lets any coefficient of its equation differ between two or more regions."""
    return len(design.regions) > 1 and any(spec.varies(name) for name in (*spec.variables, "intercept"))


def region_table(posteriors: Mapping[Pooling, Posterior], spec: DynamicPanelSpec) -> pd.DataFrame:
    """Coefficients of every region under every pooling, time dummies and constants left out.

    Returns
    -------
    pandas.DataFrame
        Columns ``region, term, series, estimate`` (median), ``std_error, lower, upper, interval,
        probability_positive``; region "all" where a series has one value for all. ``note`` says where a spec's errors
        or bounds were left out of the comparison.
    """
    parts = []
    for pooling, posterior in posteriors.items():
        rows = coefficient_table(posterior)
        rows.insert(2, "series", SERIES[pooling])
        parts.append(rows)
    table = pd.concat(parts, ignore_index=True)
    return table if is_collapsible(spec) else table.assign(note=GAUSSIAN)


def coefficient_table(posterior: Posterior) -> pd.DataFrame:
    """Median, standard deviation and 95% interval of the equation's terms by region."""
    design = posterior.design
    rows = []
    for position, term in enumerate(design.terms):
        values = _term(posterior, position)
        regions = design.regions if design.varying[position] and len(design.regions) > 1 else ("all",)
        for code, region in enumerate(regions):
            rows.append({"region": region, "term": term, **_summary(values[:, code])})
    return pd.DataFrame(rows)


def _term(posterior: Posterior, position: int) -> np.ndarray:
    """Draws of one term's coefficient, shape (n_draws, n_regions)."""
    n_lags = posterior.design.n_lags
    name, dim = ("alpha", "lag") if position < n_lags else ("beta", "predictor")
    index = position if position < n_lags else position - n_lags
    chosen = posterior.draws[name].isel({dim: index}).transpose("chain", "draw", "region").values
    return chosen.reshape(-1, chosen.shape[-1])


def _summary(draws: np.ndarray) -> dict[str, float | str]:
    lower, median, upper = np.percentile(draws, [2.5, 50, 97.5])
    return {
        "estimate": float(median),
        "std_error": float(draws.std(ddof=1)),
        "lower": float(lower),
        "upper": float(upper),
        "interval": INTERVAL,
        "probability_positive": float(np.mean(draws > 0)),
    }


def mean_effect_table(partial: Posterior) -> pd.DataFrame:
    """Means over regions of the coefficients that vary, and the standard deviations between regions.

    Returns
    -------
    pandas.DataFrame
        Columns ``term, estimate, std_error, lower, upper, interval, probability_positive, region_sd, region_sd_lower,
        region_sd_upper``; no rows if only intercepts vary.
    """
    design, draws = partial.design, partial.draws
    rows = []
    for position, term in enumerate(design.terms):
        if not design.varying[position]:
            continue
        own = position < design.n_lags
        mean = draws["alpha_mean"].sel(lag=term) if own else draws["beta_mean"].sel(predictor=term)
        lower, median, upper = np.percentile(draws["region_sd"].sel(varying=term).values, [2.5, 50, 97.5])
        spread = {"region_sd": float(median), "region_sd_lower": float(lower), "region_sd_upper": float(upper)}
        rows.append({"term": term, **_summary(mean.values.ravel()), **spread})
    return pd.DataFrame(rows)


def compared_initial_conditions(
    frame: pd.DataFrame,
    design: PanelDesign,
    spec: DynamicPanelSpec,
    fit: PosteriorFit,
    *,
    seed: int,
    progress: Progress,
) -> tuple[dict[Initial, Posterior], str]:
    """Posteriors under the models of the first outcomes, and why the stationary one is not among them (or nothing).

    The fit's own posterior serves for its own model. The others are those of the :func:`collapsible_version`; the
    stationary one, sampled beside the fit if ``spec.compare_stationary``, has Gaussian errors and persistence pooled on
    the scale of atanh.
    """
    base = collapsible_version(spec)
    found: dict[Initial, Posterior] = {}
    for initial in ("conditional", "naive"):
        if initial == spec.initial and base is spec:
            found[initial] = Posterior(design, fit.tree["posterior"].to_dataset())
            continue
        progress(f"the {initial} model of first outcomes")
        chosen = base.model_copy(update={"initial": initial})
        found[initial] = _collapsed_posterior(frame, chosen, f"{initial} first outcomes", seed)
    if spec.initial == "stationary":
        return found | {"stationary": Posterior(design, fit.tree["posterior"].to_dataset())}, ""
    if spec.outcome_lags > 1:
        return found, "it is written for one lag of the outcome"
    if not spec.compare_stationary:
        return found, "it is compiled and takes minutes: set compare_stationary = true"
    progress("the stationary model of first outcomes: it is compiled, which takes a while")
    update = {"initial": "stationary", "stationarity": "transformed", "errors": "gaussian"}
    chosen = spec.model_copy(update=update)
    own = panel_design(frame, chosen)
    beside = fit_bayesian(own, chosen, "stationary", seed)
    checks = _failed(beside.checks(), "stationary first outcomes")
    return found | {"stationary": Posterior(own, beside.tree["posterior"].to_dataset(), checks)}, ""


def initial_table(posteriors: Mapping[Initial, Posterior], spec: DynamicPanelSpec) -> pd.DataFrame:
    """Coefficients by region under every model of the first outcomes.

    Returns
    -------
    pandas.DataFrame
        Columns ``initial, region, term, estimate, std_error, lower, upper, interval, probability_positive, note``.
    """
    parts = []
    for initial, posterior in posteriors.items():
        rows = coefficient_table(posterior)
        rows.insert(0, "initial", initial)
        beside = initial != "stationary" and not is_collapsible(spec)
        parts.append(rows.assign(note=_NOTES[initial] + (f"; {GAUSSIAN}" if beside else "")))
    return pd.concat(parts, ignore_index=True)


def _collapsed_posterior(frame: pd.DataFrame, spec: DynamicPanelSpec, label: str, seed: int) -> Posterior:
    design = panel_design(frame, spec)
    tree = sample_collapsed(design, spec, side_options(spec, seed))
    return Posterior(design, tree["posterior"].to_dataset(), _failed(posterior_checks(tree), label))


def _failed(checks: tuple[Check, ...], label: str) -> tuple[Check, ...]:
    """Checks of a model beside the fit that did not pass, under its name."""
    return tuple(replace(check, name=f"{check.name} [{label}]") for check in checks if check.status != "pass")
