"""The survey paper's pipeline on rows: screening, Lasso, collinearity, ordered model, parallel lines, margins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from bayesgov.fits import Check
from bayesgov.steps import Found, Progress, run_steps
from bayesgov.survey.curves import category_levels, curves
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.alternatives import compare_models
from bayesgov.survey.frequentist.brant import brant
from bayesgov.survey.frequentist.collinearity import collinearity
from bayesgov.survey.frequentist.correlations import correlate
from bayesgov.survey.frequentist.fit_statistics import fit_statistics
from bayesgov.survey.frequentist.lasso import gaussian_path
from bayesgov.survey.frequentist.lasso_ordinal import ordinal_path
from bayesgov.survey.frequentist.lasso_path import CrossValidation, LassoPath
from bayesgov.survey.frequentist.margins import (
    average_probabilities,
    marginal_effects,
    predicted_probabilities,
)
from bayesgov.survey.frequentist.ordered import OrderedFit, fit_ordered
from bayesgov.survey.frequentist.penalised import fit_lasso
from bayesgov.survey.frequentist.profile import drop_tests, profile_intervals, wald_tests
from bayesgov.survey.frequentist.proportional_odds import parallel_lines
from bayesgov.survey.frequentist.screening import screen
from bayesgov.survey.frequentist.selection import selection_frequency
from bayesgov.survey.prepare import PreparedData
from bayesgov.survey.spec import CumulativeSpec

_MOST_CATEGORIES = 20  # a number with more distinct values is no item of a contingency table
_MOST_PROFILED = 50_000  # rows: a profile interval is a dozen constrained fits for each coefficient
_REPLICATES = 50  # bootstrap samples of the Lasso's choice: a frequency is then right to 0.07


def run_pipeline(
    design: Design,
    spec: CumulativeSpec,
    prepared: PreparedData,
    *,
    seed: int,
    progress: Progress = lambda _message: None,
) -> Found:
    """Run the pipeline; a step that crashes is a problem of the result and the others still run.

    Parameters
    ----------
    design : Design
        Complete: without modelled missing cells.
    spec : CumulativeSpec
    prepared : PreparedData
        The data behind the Design, whose items are screened as categories.
    seed : int
        Of the Lasso's folds and of bootstrap samples.
    progress : callable

    Returns
    -------
    Found
        Tables by name: "screening", "correlations", "vif", "gvif", "condition", "lasso_path", "lasso_errors",
        "lasso_chosen", "lasso_selected", "selection_frequency", "fit_statistics", "convergence", "effects",
        "average_probabilities", "probability_curves", "likelihood_tests", "profile_intervals", "parallel_lines",
        "parallel_change", "brant", "binary_logits", "models"; those that do not apply are absent.
    """
    ordered = fit_ordered(design, spec)
    steps: list[tuple[str, Callable[[], Found]]] = [
        ("screening and collinearity", lambda: _before_the_model(design, prepared)),
        ("fit statistics", lambda: _about_the_model(ordered, spec)),
        ("effects on probabilities", lambda: _effects(ordered, prepared)),
        ("likelihood intervals and tests", lambda: _likelihood_tests(ordered, spec)),
        ("parallel lines", lambda: _parallel_lines(design, spec, ordered)),
        ("Brant's test", lambda: _brant(design, spec)),
        ("other models", lambda: _other_models(design, spec)),
    ]
    if spec.lasso != "none" and design.n_terms > 1:
        steps.append(("Lasso", lambda: _lasso(design, spec, seed)))
    return run_steps(steps, progress)


def _before_the_model(design: Design, prepared: PreparedData) -> Found:
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
        return Found(tables, screening.checks())
    collinear = collinearity(design.x, design.terms, design.factors, design.weights)
    tables |= {"vif": collinear.by_term(), "condition": collinear.by_condition()}
    if len(set(design.factors)) < design.n_terms:
        tables["gvif"] = collinear.by_factor()
    return Found(tables, screening.checks() + collinear.checks())


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


def _about_the_model(ordered: OrderedFit, spec: CumulativeSpec) -> Found:
    """Fit statistics and convergence."""
    convergence = {
        "parameter": ordered.names,
        "estimate": ordered.parameters,
        "std_error": ordered.std_errors,
        "correct_decimals": ordered.correct_decimals,
    }
    tables = {"fit_statistics": fit_statistics(ordered, spec).frame(), "convergence": pd.DataFrame(convergence)}
    # with random intercepts this is not the fit that the report shows first, whose checks stand elsewhere
    return Found(tables, ordered.checks if ordered.problem.design.group_name else ())


def _effects(ordered: OrderedFit, prepared: PreparedData) -> Found:
    """What the estimates mean for the levels' probabilities."""
    design = ordered.problem.design
    if not (ordered.usable and design.n_terms):
        return Found()
    effects = marginal_effects(ordered, design)
    tables = {
        "effects": effects.frame(),
        "average_probabilities": average_probabilities(ordered, design).frame(),
    }
    drawn = []
    for curve in curves(design, category_levels(prepared)):
        found = predicted_probabilities(ordered, curve.design).frame()
        shape = (len(curve.values), design.n_categories)
        limits = [found[name].to_numpy().reshape(shape) for name in ("estimate", "lower", "upper")]
        drawn.append(curve.frame(*limits))
    if drawn:
        tables["probability_curves"] = pd.concat(drawn, ignore_index=True)
    return Found(tables, effects.checks())


def _likelihood_tests(ordered: OrderedFit, spec: CumulativeSpec) -> Found:
    """Tests of every term of the formula and intervals of every coefficient."""
    design = ordered.problem.design
    if not (ordered.usable and design.n_terms):
        return Found()
    table = pd.DataFrame({"term": list(dict.fromkeys(design.factors))})
    for name, tests in (("lr", drop_tests(ordered, spec)), ("wald", wald_tests(ordered))):
        table["df"] = [test.df for test in tests]
        table[f"{name}_statistic"] = [test.statistic for test in tests]
        table[f"p_{name}"] = [test.p_value for test in tests]
    tables = {"likelihood_tests": table}
    if design.n_obs <= _MOST_PROFILED:
        tables["profile_intervals"] = profile_intervals(ordered, spec).frame()
        return Found(tables)
    advice = f"profile intervals refit the model dozens of times: left out above {_MOST_PROFILED:,} rows"
    return Found(tables, (Check("profile intervals", None, None, "not applicable", advice),))


def _lasso(design: Design, spec: CumulativeSpec, seed: int) -> Found:
    """The paths, their error curves, and how stable each path's choice is."""
    lasso = fit_lasso(design, spec, seed=seed)
    tables = {
        "lasso_path": lasso.coefficients(),
        "lasso_errors": lasso.errors(),
        "lasso_chosen": lasso.chosen(),
        "lasso_selected": lasso.selected(),
    }
    by_folds = {curve.model: curve for curve in lasso.curves if np.isfinite(curve.se).all()}
    stable = [
        _stability(design, spec, path, by_folds[path.model], seed) for path in lasso.paths if path.model in by_folds
    ]
    if stable:
        tables["selection_frequency"] = pd.concat(stable, ignore_index=True)
    return Found(tables, lasso.checks())


def _stability(
    design: Design, spec: CumulativeSpec, path: LassoPath, curve: CrossValidation, seed: int
) -> pd.DataFrame:
    """How often bootstrap samples select each term at the penalties that the folds chose on a path."""
    penalties: dict[float, list[str]] = {}
    for rule, index in curve.rules().items():
        penalties.setdefault(float(path.lambdas[index]), []).append(rule)
    chosen = np.array(sorted(penalties, reverse=True))
    whole = design.cluster if design.cluster is not None else design.group if design.groups else None

    def select(weights: np.ndarray) -> np.ndarray:
        if path.model == "gaussian":
            outcome = design.y + 1.0
            return gaussian_path(design.x, outcome, terms=design.terms, weights=weights, lambdas=chosen).coefficients
        sample = replace(design, weights=weights)
        again = ordinal_path(sample, family=spec.family, link=spec.link, thresholds=spec.thresholds, lambdas=chosen)
        return again.coefficients

    found = selection_frequency(
        select,
        terms=design.terms,
        rules=[" and ".join(penalties[penalty]) for penalty in chosen],
        weights=design.weights,
        cluster=whole,
        replicates=_REPLICATES,
        seed=seed,
    )
    frame = found.to_frame().assign(resampled=found.resampled)
    frame.insert(0, "model", path.model)
    return frame


def _parallel_lines(design: Design, spec: CumulativeSpec, ordered: OrderedFit) -> Found:
    if design.n_terms == 0 or design.monotonic:
        return Found()
    reusable = ordered if not design.nominal and spec.thresholds == "flexible" and not design.scale_terms else None
    parallel = parallel_lines(design, spec, reusable)
    change = pd.DataFrame({"largest_change": [parallel.change.largest], "mean_change": [parallel.change.mean]})
    return Found({"parallel_lines": parallel.frame(), "parallel_change": change}, parallel.checks)


def _brant(design: Design, spec: CumulativeSpec) -> Found:
    """Brant's test and the binary models behind it."""
    if design.n_terms == 0 or design.monotonic or spec.family != "cumulative":
        return Found()
    tested = brant(design, spec)
    return Found({"brant": tested.frame(), "binary_logits": tested.cuts.frame()}, tested.checks)


def _other_models(design: Design, spec: CumulativeSpec) -> Found:
    """The models that one turns to where lines are not parallel."""
    if design.n_terms == 0 or design.monotonic:
        return Found()
    models = compare_models(design, spec)
    return Found({"models": models.frame()}, models.checks)
