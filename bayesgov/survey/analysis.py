"""Both schools on the same rows: everything that a report on a spec and a data set shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.data import Table
from bayesgov.fits import Approach, Check, EstimatorFit, Fit, PosteriorFit
from bayesgov.survey.bayesian.fit import fit_bayesian
from bayesgov.survey.bayesian.pipeline import question_posterior
from bayesgov.survey.build import encode
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.estimate import fit_frequentist, fit_imputed
from bayesgov.survey.frequentist.pipeline import run_pipeline
from bayesgov.survey.prepare import PreparedData, prepare
from bayesgov.survey.row_loss import row_loss_profile
from bayesgov.survey.spec import CumulativeSpec

type Progress = Callable[[str], None]


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
        "frequentist" and "bayesian", as far as asked for.
    checks : mapping of str to tuple of Check
        Checks beyond the fits' own, by name of the step.
    tables : mapping of str to pandas.DataFrame
        By the names that :mod:`bayesgov.report.rows` shows.
    assumptions : tuple of str
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
    start = time.perf_counter()
    seconds: dict[str, float] = {}
    progress("reading the rows")
    prepared = prepare(spec, data)
    design = _complete_design(prepared, spec, data)
    tables = {
        "flow": pd.DataFrame([(step.reason, step.lost, step.left) for step in prepared.flow], columns=_FLOW),
        "missing_codes": pd.DataFrame(
            [(code.variable, code.code, code.rows) for code in prepared.missing_codes],
            columns=["variable", "code", "rows"],
        ),
    }
    if not prepared.complete.all():
        tables["row_loss"] = row_loss_profile(prepared)
    fits: dict[str, Fit] = {}
    checks: dict[str, tuple[Check, ...]] = {}
    if "frequentist" in approaches:
        found = run_pipeline(design, spec, _listwise(prepared, spec, data), seed=seed, progress=progress)
        tables |= found.tables
        checks["frequentist pipeline"] = found.checks
        progress("maximum likelihood")
        fits["frequentist"] = _frequentist(prepared, spec, data, label="frequentist", seed=seed, progress=progress)
        tables["frequentist_estimates"] = fits["frequentist"].estimates()
        tables |= _missing_information(fits["frequentist"])
        seconds["frequentist"] = time.perf_counter() - start
    if "bayesian" in approaches:
        middle = time.perf_counter()
        fit = _bayesian(prepared, spec, data, label="bayesian", seed=seed, progress=progress)
        fits["bayesian"] = fit
        seconds["sampling"] = time.perf_counter() - middle
        fitted = encode(prepared).design if spec.missing == "model" else design
        asked = question_posterior(fitted, spec, fit, seed=seed, progress=progress)
        tables |= asked.tables
        checks["posterior"] = asked.checks
        seconds["bayesian"] = time.perf_counter() - middle
    if "lasso_errors" in tables and "projection" in tables:
        tables |= _selection_side_by_side(tables, design)
    return SurveyAnalysis(spec, data, design, fits, checks, tables, assumptions_of(spec, design, approaches), seconds)


_FLOW = ["reason", "lost", "left"]


def _listwise(prepared: PreparedData, spec: CumulativeSpec, data: Table) -> PreparedData:
    return prepared if spec.missing == "listwise" else prepare(spec.model_copy(update={"missing": "listwise"}), data)


def _complete_design(prepared: PreparedData, spec: CumulativeSpec, data: Table) -> Design:
    return encode(_listwise(prepared, spec, data)).design


def _frequentist(
    prepared: PreparedData, spec: CumulativeSpec, data: Table, *, label: str, seed: int, progress: Progress
) -> EstimatorFit:
    """Missing predictors are imputed where the spec says so, and cost their rows elsewhere."""
    if spec.missing == "impute":
        return fit_imputed(prepared, spec, label, seed=seed, progress=progress)
    return fit_frequentist(_complete_design(prepared, spec, data), spec, label)


def _bayesian(
    prepared: PreparedData, spec: CumulativeSpec, data: Table, *, label: str, seed: int, progress: Progress
) -> PosteriorFit:
    design = encode(prepared).design if spec.missing == "model" else _complete_design(prepared, spec, data)
    return fit_bayesian(design, spec, label, seed=seed, progress=progress)


def _missing_information(fit: Fit) -> dict[str, pd.DataFrame]:
    if "imputation" not in fit.tree:
        return {}
    return {"pooled_missing": fit.tree["imputation"].to_dataset().to_dataframe().reset_index()}


def _selection_side_by_side(tables: Mapping[str, pd.DataFrame], design: Design) -> dict[str, pd.DataFrame]:
    """The Lasso and the projection on one axis, the number of variables, and their orders of entry."""
    path = tables["projection"]
    models = tables["lasso_path"]["model"].unique()
    model = models[-1]  # the ordinal path where there is one
    folds = tables["lasso_errors"]
    folds = folds[(folds["model"] == model) & folds["std_error"].notna()]
    # several penalties share a size: the best of them stands for it
    best = folds.loc[folds.groupby("n_variables")["error"].idxmin()]
    lasso_name, projection_name = f"Lasso, {model}", "Projection of the posterior"
    curves = pd.concat(
        [
            pd.DataFrame(
                {
                    "procedure": lasso_name,
                    "size": best["n_variables"],
                    "estimate": best["error"],
                    "lower": best["lower"],
                    "upper": best["upper"],
                    "ylabel": "cross-validated error",
                }
            ),
            pd.DataFrame(
                {
                    "procedure": projection_name,
                    "size": path["size"],
                    "estimate": path["elpd_difference"],
                    "lower": path["elpd_difference"] - path["elpd_difference_se"],
                    "upper": path["elpd_difference"] + path["elpd_difference_se"],
                    "ylabel": "elpd less that of the full model",
                }
            ),
        ],
        ignore_index=True,
    )
    chosen = tables["lasso_chosen"]
    chosen = chosen[(chosen["model"] == model) & ~chosen["criterion"].str.contains("generalised")]
    rules = [(lasso_name, rule, size) for rule, size in zip(chosen["rule"], chosen["n_variables"], strict=True)]
    rules.append((projection_name, "suggested", int(path.loc[path["suggested"], "size"].iloc[0])))
    return {
        "selection_curves": curves,
        "selection_chosen": pd.DataFrame(rules, columns=["procedure", "rule", "size"]),
        "selection_order": _order_of_entry(tables["lasso_path"], path, design, model),
    }


def _order_of_entry(lasso: pd.DataFrame, projection: pd.DataFrame, design: Design, model: str) -> pd.DataFrame:
    """Rank of every factor in both procedures; a factor enters the Lasso with its first contrast."""
    path = lasso[(lasso["model"] == model) & (lasso["coefficient"] != 0)]
    largest = path.groupby("term")["lambda"].max()
    factors = list(dict.fromkeys(design.factors))
    entry = [
        max((largest.get(term, 0.0) for term, of in zip(design.terms, design.factors, strict=True) if of == factor))
        for factor in factors
    ]
    place = {factor: index for index, factor in enumerate(projection["term"].iloc[1:], start=1)}
    return pd.DataFrame(
        {
            "term": factors,
            "Lasso": np.argsort(np.argsort(-np.asarray(entry), kind="stable"), kind="stable") + 1,
            "projection": [place.get(factor, len(factors)) for factor in factors],
        }
    )


def assumptions_of(spec: CumulativeSpec, design: Design, approaches: tuple[Approach, ...]) -> tuple[str, ...]:
    """What the analysis rests on, in sentences."""
    family = {
        "cumulative": "Level k or below is modelled (cumulative family)",
        "adjacent": "Each level is modelled against the next (adjacent-category family)",
        "continuation": "Stopping at a level is modelled among those who reach it (continuation-ratio family)",
    }[spec.family]
    sentences = [f"{family} with the {spec.link} link and {spec.thresholds} thresholds."]
    if design.n_terms:
        free = sorted({design.factors[column] for column in design.nominal})
        sentences.append(
            f"Effects are the same at every threshold, except those of {', '.join(free)}."
            if free
            else "Every effect is the same at every threshold (proportional odds); its tests are reported."
        )
    sentences.append(
        f"Rows of one {design.group_name} share an intercept; given it, rows are independent."
        if design.group_name
        else "Rows are independent."
    )
    sentences.append(
        {
            "listwise": "Rows with a missing predictor are deleted: that is harmless only if being complete does not "
            "depend on the outcome beyond the predictors.",
            "impute": f"Missing predictors are imputed {spec.imputations} times for the frequentist fit, assuming that "
            "missingness depends on observed values only; the posterior uses complete rows.",
            "model": "Missing predictors are parameters of the posterior, assuming that missingness depends on what is "
            "observed; the frequentist fit deletes their rows.",
        }[spec.missing]
    )
    if "bayesian" in approaches:
        scaled = " of predictors scaled to standard deviation one" if spec.prior.standardise else ""
        sentences.append(
            f"Prior of the coefficients{scaled}: {_prior_words(spec)}; of the thresholds: "
            f"{spec.threshold_prior.kind.replace('_', ' ')}."
        )
    return tuple(sentences)


def _prior_words(spec: CumulativeSpec) -> str:
    prior = spec.prior
    return {
        "normal": f"normal with standard deviation {prior.scale:g}",
        "laplace": f"Laplace with scale {prior.scale:g}, the Lasso's counterpart",
        "horseshoe": f"regularised horseshoe with a Student-t slab of scale {prior.slab_scale:g} and {prior.slab_df:g} "
        "degrees of freedom",
        "r2d2": f"R2D2 with prior mean {prior.r2_mean:g} of the latent R²",
    }[prior.kind]
