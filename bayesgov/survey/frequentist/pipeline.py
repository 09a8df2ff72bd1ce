"""The survey paper's pipeline on rows: screening, Lasso, collinearity, ordered model, parallel lines, margins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.fits import Check, EstimatorFit
from bayesgov.survey.changes import at_means, on_grid
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.alternatives import compare_models
from bayesgov.survey.frequentist.brant import brant
from bayesgov.survey.frequentist.collinearity import collinearity
from bayesgov.survey.frequentist.correlations import correlate
from bayesgov.survey.frequentist.fit_statistics import fit_statistics
from bayesgov.survey.frequentist.margins import (
    average_probabilities,
    marginal_effects,
    predicted_probabilities,
)
from bayesgov.survey.frequentist.ordered import OrderedFit, fit_ordered, to_fit
from bayesgov.survey.frequentist.penalised import fit_lasso
from bayesgov.survey.frequentist.proportional_odds import parallel_lines
from bayesgov.survey.frequentist.screening import screen
from bayesgov.survey.prepare import PreparedData
from bayesgov.survey.spec import CumulativeSpec

_MOST_CATEGORIES = 20  # a number with more distinct values is no item of a contingency table
_GRID_POINTS = 9


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """Everything that the frequentist pipeline found.

    Attributes
    ----------
    ordered : OrderedFit
        The ordered model without random intercepts.
    fit : EstimatorFit
        The same, as a Fit.
    tables : mapping of str to pandas.DataFrame
        By name: "screening", "correlations", "vif", "condition", "lasso_path", "lasso_errors", "lasso_chosen",
        "lasso_selected", "fit_statistics", "convergence", "parallel_lines", "brant", "binary_logits", "models",
        "effects", "average_probabilities", "probability_curves"; those that do not apply are absent.
    checks : tuple of Check
        Of everything but ``fit``, which has its own.
    """

    ordered: OrderedFit
    fit: EstimatorFit
    tables: Mapping[str, pd.DataFrame]
    checks: tuple[Check, ...]


def run_pipeline(
    design: Design,
    spec: CumulativeSpec,
    prepared: PreparedData,
    *,
    seed: int,
    progress: Callable[[str], None] = lambda _message: None,
) -> PipelineResult:
    """Run the pipeline.

    Parameters
    ----------
    design : Design
        Complete: without modelled missing cells.
    spec : CumulativeSpec
    prepared : PreparedData
        The data behind the Design, whose items are screened as categories.
    seed : int
        Of the Lasso's folds.
    progress : callable
    """
    progress("screening and collinearity")
    tables, checks = _before_the_model(design, prepared)
    progress("ordered model")
    ordered = fit_ordered(design, spec)
    tables |= _about_the_model(ordered, spec)
    if spec.lasso != "none" and design.n_terms > 1:
        progress("Lasso")
        lasso = fit_lasso(design, spec, seed=seed)
        tables |= {
            "lasso_path": lasso.coefficients(),
            "lasso_errors": lasso.errors(),
            "lasso_chosen": lasso.chosen(),
            "lasso_selected": lasso.selected(),
        }
        checks += lasso.checks()
    progress("parallel lines")
    more, found = _proportional_odds(design, spec, ordered)
    return PipelineResult(ordered, to_fit(ordered), tables | more, checks + found)


def _before_the_model(design: Design, prepared: PreparedData) -> tuple[dict[str, pd.DataFrame], tuple[Check, ...]]:
    """Each item against the outcome by itself, and the items against one another."""
    frame = prepared.used
    items = {name: codes for name in prepared.kinds if (codes := _categories(frame[name])) is not None}
    screening = screen(design.y, items, design.weights)
    scores = {name: _scores(frame[name]) for name, kind in prepared.kinds.items() if kind != "nominal"}
    tables = {"screening": screening.to_frame()}
    if len(scores) > 1:
        tables["correlations"] = pd.concat(
            [
                correlate(scores, "spearman", design.weights).to_frame(),
                correlate(scores, "kendall", design.weights).to_frame(),
                correlate(scores, "pearson", design.weights, log=True)
                .to_frame()
                .assign(method="pearson of logarithms"),
            ],
            ignore_index=True,
        )
    if design.n_terms < 2:
        return tables, screening.checks()
    collinear = collinearity(design.x, design.terms, design.factors, design.weights)
    tables |= {"vif": collinear.by_term(), "condition": collinear.by_condition()}
    if len(set(design.factors)) < design.n_terms:
        tables["gvif"] = collinear.by_factor()
    return tables, screening.checks() + collinear.checks()


def _categories(column: pd.Series) -> np.ndarray | None:
    """Category codes, -1 for missing; None for a quantity."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy()
    if column.nunique() > _MOST_CATEGORIES:
        return None
    return np.asarray(pd.factorize(column, sort=True)[0])


def _scores(column: pd.Series) -> np.ndarray:
    """Scores 1, 2, ... of ordered categories, numbers as they stand; NaN for missing."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.to_numpy(dtype=float)
    codes = column.cat.codes.to_numpy()
    return np.where(codes < 0, np.nan, codes + 1.0)


def _about_the_model(ordered: OrderedFit, spec: CumulativeSpec) -> dict[str, pd.DataFrame]:
    """Fit statistics, convergence and what the estimates mean for the levels' probabilities."""
    design = ordered.problem.design
    tables = {
        "fit_statistics": fit_statistics(ordered, spec).frame(),
        "convergence": pd.DataFrame(
            {
                "parameter": ordered.names,
                "estimate": ordered.parameters,
                "std_error": ordered.std_errors,
                "correct_decimals": ordered.correct_decimals,
            }
        ),
    }
    if ordered.usable and design.n_terms:
        tables |= {
            "effects": marginal_effects(ordered, design).frame(),
            "average_probabilities": average_probabilities(ordered, design).frame(),
            "probability_curves": _curves(ordered),
        }
    return tables


def _curves(ordered: OrderedFit) -> pd.DataFrame:
    """Probabilities over the range of every column of x that is no interaction, the others at their means."""
    design = ordered.problem.design
    parts = []
    for column, term in enumerate(design.terms):
        if ":" in term or design.factors.count(design.factors[column]) > 1:
            continue
        values = curve_values(design.x[:, column])
        rows = on_grid(design, {term: tuple(values)})
        frame = predicted_probabilities(ordered, rows).frame()
        frame.insert(0, "predictor", term)
        frame.insert(1, "value", np.repeat(values, design.n_categories))
        parts.append(frame.drop(columns="row"))
    if parts:
        return pd.concat(parts, ignore_index=True)
    frame = predicted_probabilities(ordered, at_means(design), ("means",)).frame()
    return frame.rename(columns={"row": "value"}).assign(predictor="all predictors")


def curve_values(column: np.ndarray) -> np.ndarray:
    """Distinct values of a column, or nine points between the 1st and the 99th percentile where there are many."""
    distinct = np.unique(column)
    if distinct.size <= _GRID_POINTS:
        return distinct
    low, high = np.percentile(column, [1, 99])
    return np.linspace(low, high, _GRID_POINTS)


def _proportional_odds(
    design: Design, spec: CumulativeSpec, ordered: OrderedFit
) -> tuple[dict[str, pd.DataFrame], tuple[Check, ...]]:
    """Tests of parallel lines, the binary models behind them, and the models that one turns to instead."""
    if design.n_terms == 0 or design.monotonic:
        return {}, ()
    reusable = ordered if not design.nominal and spec.thresholds == "flexible" and not design.scale_terms else None
    parallel = parallel_lines(design, spec, reusable)
    models = compare_models(design, spec)
    tables = {"parallel_lines": parallel.frame(), "models": models.frame()}
    tables["parallel_change"] = pd.DataFrame(
        {"largest_change": [parallel.change.largest], "mean_change": [parallel.change.mean]}
    )
    checks = parallel.checks + models.checks
    if spec.family == "cumulative":
        tested = brant(design, spec)
        tables |= {"brant": tested.frame(), "binary_logits": tested.cuts.frame()}
        checks += tested.checks
    return tables, checks
