"""Both schools on the same panel: everything that a report on a spec and a data set shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.data import Table
from bayesgov.fits import Approach, Check, Fit, PosteriorFit, Status
from bayesgov.panel.assumptions import assumptions_of
from bayesgov.panel.cube import panel_from_frame
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.indices import Indices
from bayesgov.panel.prepare import PreparedPanel, panel_tables, prepare_panel
from bayesgov.panel.spec import LEVELS, DynamicPanelSpec
from bayesgov.panel.variation import RegionalIndex, Resampling, convergence_table, variation_table
from bayesgov.runs import record
from bayesgov.steps import Found, Progress, run_step, run_steps

_SCHOOLS = ("frequentist", "bayesian")
_SCORE_DRAWS = 300  # a chain
_UNACCEPTABLE, _MIDDLING = 0.5, 0.6  # Kaiser's (1974, doi:10.1007/BF02291575) words for measures of adequacy


@dataclass(frozen=True, slots=True)
class PanelAnalysis:
    """What was found.

    Attributes
    ----------
    spec : DynamicPanelSpec
    table : Table
        The data as they were read.
    design : PanelDesign
    fits : mapping of str to Fit
        "frequentist", "bayesian" and "latent", as far as asked for and not crashed.
    checks : mapping of str to tuple of Check
        Checks beyond the fits' own, by name of the step.
    tables : mapping of str to pandas.DataFrame
        By the names that the report shows.
    assumptions : tuple of str
    problems : tuple of str
        One line for each step that crashed; the others still ran.
    seconds : mapping of str to float
        Wall time of the steps.
    """

    spec: DynamicPanelSpec
    table: Table
    design: PanelDesign
    fits: Mapping[str, Fit]
    checks: Mapping[str, tuple[Check, ...]]
    tables: Mapping[str, pd.DataFrame]
    assumptions: tuple[str, ...]
    problems: tuple[str, ...]
    seconds: Mapping[str, float]


def fit_panel(
    spec: DynamicPanelSpec, data: Table, approach: Approach, *, label: str, seed: int, progress: Progress
) -> Fit:
    """One Fit of one approach.

    Raises
    ------
    InputError
        If spec and data do not fit one another.
    """
    prepared = prepare_panel(data.frame, spec)
    fit = _fit(prepared, spec, approach, label=label, seed=seed, progress=progress)
    return record(fit, spec=spec, data=data.name, checksum=data.checksum, seed=seed, n_obs=int(prepared.design.n_obs))


def analyse(
    spec: DynamicPanelSpec, data: Table, approaches: tuple[Approach, ...], *, seed: int, progress: Progress
) -> PanelAnalysis:
    """Fit the approaches and ask them everything.

    Parameters
    ----------
    spec : DynamicPanelSpec
    data : Table
    approaches : tuple of {"frequentist", "bayesian"}
    seed : int
    progress : callable
        Called with what is being done.

    Raises
    ------
    InputError
        If spec and data do not fit one another.
    """
    progress("reading the rows")
    prepared = prepare_panel(data.frame, spec)
    fits: dict[str, Fit] = {}
    parts = {
        "rows": run_step("reading the rows", lambda: Found(panel_tables(prepared), _adequacy(prepared.indices))),
        "variation": run_steps(
            (("variation between units", lambda: _variation(prepared, spec, approaches, seed)),), progress
        ),
    }
    if "frequentist" in approaches:
        parts["frequentist pipeline"] = _frequentist(prepared, spec, fits, seed=seed, progress=progress)
    if "bayesian" in approaches:
        parts["posterior"] = _bayesian(prepared, spec, fits, seed=seed, progress=progress)
    if spec.latent is not None and isinstance(composite := fits.get("bayesian"), PosteriorFit):
        latent = partial(_latent, data, prepared, spec, fits, composite, seed=seed, progress=progress)
        parts["latent factor"] = run_steps((("latent factor", latent),), progress)
    last = partial(_held_out, prepared, spec, fits, seed=seed, progress=progress)
    parts["both schools"] = run_steps((("last period held out", last),), progress)
    found = Found()
    for part in parts.values():
        found = found | part
    regions = [part.tables["regions"] for part in parts.values() if "regions" in part.tables]
    if regions:
        found = found | Found({"regions": pd.concat(regions, ignore_index=True)})
    checks = {name: part.checks for name, part in parts.items() if part.checks}
    for fit in fits.values():
        record(fit, spec=spec, data=data.name, checksum=data.checksum, seed=seed, n_obs=int(prepared.design.n_obs))
    sentences = assumptions_of(spec, prepared.design, approaches)
    return PanelAnalysis(
        spec, data, prepared.design, fits, checks, found.tables, sentences, found.problems, found.seconds
    )


def _fit(
    prepared: PreparedPanel, spec: DynamicPanelSpec, approach: Approach, *, label: str, seed: int, progress: Progress
) -> Fit:
    if approach == "frequentist":
        from bayesgov.panel.frequentist.estimate import fit_gmm_everywhere, gmm_by_region_to_fit

        return gmm_by_region_to_fit(fit_gmm_everywhere(prepared.panel, spec), label)
    from bayesgov.panel.bayesian.fit import fit_bayesian

    return fit_bayesian(prepared.design, spec, label, seed)


def _frequentist(
    prepared: PreparedPanel, spec: DynamicPanelSpec, fits: dict[str, Fit], *, seed: int, progress: Progress
) -> Found:
    from bayesgov.panel.frequentist.pipeline import run_pipeline

    def estimate() -> Found:
        fits["frequentist"] = _fit(prepared, spec, "frequentist", label="frequentist", seed=seed, progress=progress)
        return Found()

    fitted = run_steps((("GMM", estimate),), progress, refuse=True)
    pipeline = run_step(
        "frequentist pipeline", lambda: run_pipeline(prepared, spec, seed=seed, progress=progress), refuse=True
    )
    return fitted | pipeline


def _bayesian(
    prepared: PreparedPanel, spec: DynamicPanelSpec, fits: dict[str, Fit], *, seed: int, progress: Progress
) -> Found:
    """The posterior, and what it answers; a posterior that crashed is asked nothing."""
    from bayesgov.panel.bayesian.pipeline import question_posterior

    def draw() -> Found:
        fits["bayesian"] = _fit(prepared, spec, "bayesian", label="bayesian", seed=seed, progress=progress)
        return Found()

    found = run_steps((("posterior", draw),), progress, refuse=True)
    fit = fits.get("bayesian")
    if not isinstance(fit, PosteriorFit):
        return found
    return found | question_posterior(prepared.frame, prepared.design, spec, fit, seed=seed, progress=progress)


def _held_out(
    prepared: PreparedPanel, spec: DynamicPanelSpec, fits: Mapping[str, Fit], *, seed: int, progress: Progress
) -> Found:
    """Forecasts of the last period by both schools, as a table and in the fits' trees."""
    from bayesgov.panel.bayesian.pooling import side_options
    from bayesgov.panel.held_out import hold_out_last_period

    approaches: tuple[Approach, ...] = tuple(fits[name].approach for name in _SCHOOLS if name in fits)
    options = side_options(spec, seed, _SCORE_DRAWS)
    found = hold_out_last_period(prepared, spec, approaches, options=options, progress=progress)
    for name in approaches:
        fits[name].tree["scores"] = xr.DataTree(found.group(name))
    return Found({"held_out_scores": found.scores()}, found.checks)


def _latent(
    data: Table,
    prepared: PreparedPanel,
    spec: DynamicPanelSpec,
    fits: dict[str, Fit],
    composite: PosteriorFit,
    *,
    seed: int,
    progress: Progress,
) -> Found:
    """The outcome as a latent factor of the indicators as they were read, beside the posterior of its composite."""
    from bayesgov.panel.latent import attenuation_tables, fit_latent

    fit = fit_latent(data.frame, prepared, spec, seed=seed, label="latent", progress=progress)
    fits["latent"] = fit
    return Found(attenuation_tables(composite, fit))


def _adequacy(indices: Indices | None) -> tuple[Check, ...]:
    """Whether each index's indicators have enough in common for a composite."""
    checks = []
    for name, composite in (indices.composites if indices else {}).items():
        if len(composite.indicators) < 3:  # of two indicators the measure is one half whatever they are
            continue
        low = composite.kmo < _MIDDLING
        status: Status = "fail" if composite.kmo < _UNACCEPTABLE else "warn" if low else "pass"
        advice = "the indicators share little: a composite of them is no index of one thing" if low else ""
        checks.append(Check(f"kmo [{name}]", composite.kmo, _MIDDLING, status, advice))
    return tuple(checks)


def _variation(prepared: PreparedPanel, spec: DynamicPanelSpec, approaches: tuple[Approach, ...], seed: int) -> Found:
    """Dispersion of the outcome between units by region and year, and its trend."""
    column = _unlogged_outcome(prepared, spec)
    rows = prepared.frame.assign(**{spec.outcome: column})
    grid = panel_from_frame(rows, spec.unit, spec.time, (spec.outcome,))
    index = RegionalIndex(grid.values[spec.outcome], grid.times, prepared.panel.unit_region, prepared.panel.regions)
    resampling = Resampling(seed)
    lowest = float(np.nanmin(index.values))
    if lowest > 0:
        tables = {
            "variation": variation_table(index, resampling),
            "convergence": convergence_table(index, resampling),
        }
        checks: tuple[Check, ...] = ()
    else:
        tables = {"convergence": convergence_table(index, resampling, "deviation")}
        reason = (
            f"a coefficient of variation needs positive values; {spec.outcome} goes down to {lowest:.3g}, so the "
            "trend of its standard deviation is shown instead"
        )
        checks = (Check("coefficient of variation", None, None, "not applicable", reason),)
    return Found({name: table[table["approach"].isin(approaches)] for name, table in tables.items()}, checks)


def _unlogged_outcome(prepared: PreparedPanel, spec: DynamicPanelSpec) -> pd.Series:
    """The outcome before logarithms; of a level the version that is rescaled to positive values."""
    if prepared.indices is not None and spec.outcome in LEVELS:
        return prepared.indices.frame[spec.outcome.replace("level", "positive")]
    return prepared.frame[spec.outcome]
