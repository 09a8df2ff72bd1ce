"""Both schools on the same rows: everything that a report on a spec and a data set shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.data import Table
from bayesgov.errors import InputError
from bayesgov.fits import Approach, Check, EstimatorFit, Fit, PosteriorFit
from bayesgov.runs import record
from bayesgov.sampling import SamplingOptions
from bayesgov.steps import Found, Progress, run_step, run_steps
from bayesgov.survey.assumptions import assumptions_of
from bayesgov.survey.bayesian.density import has_fused_density
from bayesgov.survey.bayesian.fit import fit_bayesian
from bayesgov.survey.bayesian.imputed import fit_imputed_bayesian
from bayesgov.survey.bayesian.pipeline import question_posterior
from bayesgov.survey.build import encode
from bayesgov.survey.design import Design
from bayesgov.survey.dial import lasso_prior_dial
from bayesgov.survey.frequentist.estimate import fit_frequentist, fit_imputed
from bayesgov.survey.frequentist.pipeline import run_pipeline
from bayesgov.survey.held_out import hold_out
from bayesgov.survey.predict import RowPredictor
from bayesgov.survey.prepare import PreparedData, prepare
from bayesgov.survey.row_loss import row_loss_profile
from bayesgov.survey.side_by_side import lasso_selection, projection_selection, selection_side_by_side
from bayesgov.survey.spec import CumulativeSpec

_FOLDS = 5
_SIDE_DRAWS = 300  # a chain of a posterior beside the reported one
_MOST_HELD_OUT = 100_000  # rows
_MOST_SECONDS = 120.0  # of refits without rows held out


@dataclass(frozen=True, slots=True)
class SurveyAnalysis:
    """What was found.

    Attributes
    ----------
    spec : CumulativeSpec
    table : Table
        The data as they were read.
    design : Design
        Of the complete rows, or of all with modelled missing cells.
    fits : mapping of str to Fit
        "frequentist" and "bayesian", as far as asked for and not crashed.
    checks : mapping of str to tuple of Check
        Checks beyond the fits' own, by name of the step.
    tables : mapping of str to pandas.DataFrame
        By the names that :mod:`bayesgov.report.rows` shows.
    assumptions : tuple of str
    problems : tuple of str
        One line for each step that crashed; the others still ran.
    seconds : mapping of str to float
        Wall time of the steps.
    """

    spec: CumulativeSpec
    table: Table
    design: Design
    fits: Mapping[str, Fit]
    checks: Mapping[str, tuple[Check, ...]]
    tables: Mapping[str, pd.DataFrame]
    assumptions: tuple[str, ...]
    problems: tuple[str, ...]
    seconds: Mapping[str, float]


def fit_rows(
    spec: CumulativeSpec, data: Table, approach: Approach, *, label: str, seed: int, progress: Progress
) -> Fit:
    """One Fit of one approach.

    Raises
    ------
    InputError
        If spec and data do not fit one another.
    """
    prepared = prepare(spec, data)
    if approach == "frequentist":
        return _frequentist(prepared, spec, data, label=label, seed=seed, progress=progress)
    return _bayesian(prepared, spec, data, label=label, seed=seed, progress=progress)


def analyse(
    spec: CumulativeSpec, data: Table, approaches: tuple[Approach, ...], *, seed: int, progress: Progress
) -> SurveyAnalysis:
    """Fit the approaches and ask them everything.

    Parameters
    ----------
    spec : CumulativeSpec
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
    prepared = prepare(spec, data)
    design = _complete_design(prepared, spec, data)
    listwise = _listwise(prepared, spec, data)
    about_rows = run_step("reading the rows", lambda: Found(_tables_of_rows(prepared, spec)))
    fits: dict[str, Fit] = {}
    checks: dict[str, tuple[Check, ...]] = {}
    found = about_rows
    if "frequentist" in approaches:
        pipeline = run_step(
            "frequentist pipeline",
            lambda: run_pipeline(design, spec, listwise, seed=seed, progress=progress),
            refuse=True,
        )
        checks["frequentist pipeline"] = pipeline.checks

        def maximise() -> Found:
            fits["frequentist"] = _frequentist(prepared, spec, data, label="frequentist", seed=seed, progress=progress)
            return Found(_tables_of_likelihood(fits["frequentist"]))

        found = found | pipeline | run_steps((("maximum likelihood", maximise),), progress, refuse=True)
    if "bayesian" in approaches:

        def draw() -> Found:
            fits["bayesian"] = _bayesian(prepared, spec, data, label="bayesian", seed=seed, progress=progress)
            return Found()

        found = found | run_steps((("posterior", draw),), progress, refuse=True)
        if isinstance(fit := fits.get("bayesian"), PosteriorFit):
            fitted, rows = (encode(prepared).design, prepared) if spec.missing == "model" else (design, listwise)
            asked = question_posterior(fitted, spec, fit, rows, seed=seed, progress=progress)
            checks["posterior"] = asked.checks
            found = found | asked
    if {"lasso_errors", "projection"} <= set(found.tables):
        found = found | run_step("selection", lambda: Found(selection_side_by_side(found.tables, design)))
    found = found | run_step("selection in the fits", lambda: _selections(fits, found.tables, design))
    judged = run_steps((("rows held out", lambda: _held_out(fits, design, spec, seed, progress)),), progress)
    if spec.dial and len(approaches) == 2:
        judged = judged | run_steps((("Lasso and prior", lambda: _dial(design, spec, seed, progress)),), progress)
    found = found | judged
    checks["both schools"] = judged.checks
    if design.group_name:
        found = found | Found({"groups": _groups(fits, design)})
    sentences = assumptions_of(spec, design, approaches)
    return SurveyAnalysis(spec, data, design, fits, checks, found.tables, sentences, found.problems, found.seconds)


def _tables_of_rows(prepared: PreparedData, spec: CumulativeSpec) -> dict[str, pd.DataFrame]:
    """The flow of rows, who is lost, the codes for missing and the codebook."""
    frame = prepared.frame
    tables = {
        "flow": pd.DataFrame(
            [(step.reason, step.lost, step.left) for step in prepared.flow], columns=["reason", "lost", "left"]
        ),
        "missing_codes": pd.DataFrame(
            [(code.variable, code.code, code.rows) for code in prepared.missing_codes],
            columns=["variable", "code", "rows"],
        ),
        "codebook": pd.DataFrame(
            [
                {
                    "variable": name,
                    "label": entry.label if (entry := spec.variables.get(name)) else "",
                    "kind": kind,
                    "levels": _values_text(frame[name]),
                    "missing_rows": int(frame[name].isna().sum()),
                }
                for name, kind in {prepared.formula.outcome: "ordinal", **prepared.kinds}.items()
            ]
        ),
    }
    if not prepared.complete.all():
        tables["row_loss"] = row_loss_profile(prepared)
    return tables


def _values_text(column: pd.Series) -> str:
    """The levels of categories, in their order where they have one; the range of numbers."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return f"{column.min():g} to {column.max():g}"
    return (" < " if column.cat.ordered else ", ").join(map(str, column.cat.categories))


def _tables_of_likelihood(fit: Fit) -> dict[str, pd.DataFrame]:
    tables = {"frequentist_estimates": fit.estimates()}
    if "imputation" in fit.tree:
        tables["pooled_missing"] = fit.tree["imputation"].to_dataset().to_dataframe().reset_index()
    return tables


def _groups(fits: Mapping[str, Fit], design: Design) -> pd.DataFrame:
    """The standard deviation of the groups' intercepts by both schools, and the test that it is zero."""
    rows = []
    for fit in fits.values():
        frame = fit.estimates()
        row = frame[frame["term"] == "group_sd"]
        if row.empty:
            continue
        entry = {"approach": fit.approach, "group": design.group_name, "groups": len(design.groups)}
        entry |= {name: row.iloc[0][name] for name in ("estimate", "std_error", "lower", "upper", "interval")}
        if fit.approach == "frequentist" and "fit" in fit.tree:
            tested = fit.tree["fit"].to_dataset()
            entry |= {name: float(tested[name]) for name in ("likelihood_ratio", "p_value")}
            entry |= {"lower": np.nan, "upper": np.nan, "interval": "none: zero is its boundary"}
        rows.append(entry)
    return pd.DataFrame(rows)


def _selections(fits: Mapping[str, Fit], tables: Mapping[str, pd.DataFrame], design: Design) -> Found:
    """What each school selects, into its fit's tree."""
    if "frequentist" in fits and not tables.get("lasso_selected", pd.DataFrame()).empty:
        fits["frequentist"].tree["selection"] = xr.DataTree(lasso_selection(tables, design))
    if "bayesian" in fits and "projection" in tables:
        fits["bayesian"].tree["selection"] = xr.DataTree(projection_selection(tables, design))
    return Found()


def _held_out(fits: Mapping[str, Fit], design: Design, spec: CumulativeSpec, seed: int, progress: Progress) -> Found:
    """Scores of both schools on the same rows held out, as tables and in the fits' trees."""
    if spec.missing != "listwise":
        raise InputError(
            "rows are held out of fits to complete rows; missing predictors are not deleted here: use "
            'missing = "listwise"'
        )
    if design.n_obs > _MOST_HELD_OUT:
        raise InputError(f"every row is predicted at every draw: left out above {_MOST_HELD_OUT:,} rows")
    if "bayesian" in fits and not has_fused_density(design, spec):
        drawn = fits["bayesian"].tree.attrs
        needed = _FOLDS * (float(drawn["compile_seconds"]) + 0.5 * float(drawn["sampling_seconds"]))
        if needed > _MOST_SECONDS:
            raise InputError(f"this model has no compiled density: {_FOLDS} refits would take {needed:.0f} seconds")
    approaches: tuple[Approach, ...] = tuple(fit.approach for fit in fits.values())
    found = hold_out(design, spec, approaches, options=_few(spec, seed), folds=_FOLDS, progress=progress)
    for name in approaches:
        fits[name].tree["scores"] = xr.DataTree(found.group(name))
    tables = {
        "held_out_scores": found.scores(),
        "held_out_differences": found.differences(),
        "calibration": found.calibration(),
        "held_out_pit": found.pit(),
    }
    return Found(tables, found.checks)


def _dial(design: Design, spec: CumulativeSpec, seed: int, progress: Progress) -> Found:
    """The Lasso's penalties as priors."""
    dial = lasso_prior_dial(spec, design, options=_few(spec, seed), progress=progress)
    return Found({"dial": dial.table, "dial_path": dial.path}, dial.checks)


def _few(spec: CumulativeSpec, seed: int) -> SamplingOptions:
    """How posteriors beside the reported one are sampled: averages and intervals of a figure need no more."""
    sampling, most = spec.sampling, _SIDE_DRAWS
    draws, tune = min(sampling.draws, most), min(sampling.tune, most)
    return SamplingOptions(seed=seed, chains=2, draws=draws, tune=tune, target_accept=sampling.target_accept)


def _listwise(prepared: PreparedData, spec: CumulativeSpec, data: Table) -> PreparedData:
    return prepared if spec.missing == "listwise" else prepare(spec.model_copy(update={"missing": "listwise"}), data)


def _complete_design(prepared: PreparedData, spec: CumulativeSpec, data: Table) -> Design:
    return encode(_listwise(prepared, spec, data)).design


def _frequentist(
    prepared: PreparedData, spec: CumulativeSpec, data: Table, *, label: str, seed: int, progress: Progress
) -> EstimatorFit:
    """Missing predictors are imputed where the spec says so, and cost their rows elsewhere."""
    if spec.missing == "impute":
        fit, n_obs = fit_imputed(prepared, spec, label, seed=seed, progress=progress), len(prepared.used)
    else:
        design = _complete_design(prepared, spec, data)
        fit, n_obs = fit_frequentist(design, spec, label), design.n_obs
    return record(fit, spec=spec, data=data.name, checksum=data.checksum, seed=seed, n_obs=n_obs)


def _bayesian(
    prepared: PreparedData, spec: CumulativeSpec, data: Table, *, label: str, seed: int, progress: Progress
) -> PosteriorFit:
    """Missing predictors are imputed or modelled where the spec says so, and cost their rows elsewhere."""
    if spec.missing == "impute":
        fit, n_obs = fit_imputed_bayesian(prepared, spec, label, seed=seed, progress=progress), len(prepared.used)
    else:
        design = encode(prepared).design if spec.missing == "model" else _complete_design(prepared, spec, data)
        fit, n_obs = fit_bayesian(design, spec, label, seed=seed, progress=progress), design.n_obs
    fit = replace(fit, predictor=RowPredictor(spec.family, spec.link))
    return record(fit, spec=spec, data=data.name, checksum=data.checksum, seed=seed, n_obs=n_obs)
