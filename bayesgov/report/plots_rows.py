"""Public figures of ordinal regressions on rows: probabilities, predictive checks, the Lasso's path, row flow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from bayesgov.fits import EstimatorFit, Fit, PosteriorFit
from bayesgov.report import categories, panel_figures
from bayesgov.report.plots_caption import captioned, central, data_and_model, percent, require_fits
from bayesgov.report.plots_frames import frame_of
from bayesgov.survey.curves import Curve, curves
from bayesgov.survey.design import Design
from bayesgov.survey.dial import Dial
from bayesgov.survey.predict import RowPredictor
from bayesgov.survey.replication import parts_of, replicated_shares

_REFERENCE = "reference level"
_MOST_PANELS = 12
_REPLICATES = 400  # where every replicate is of the estimates themselves


def plot_probabilities(fit: Fit, design: Design, predictor: str | None = None, *, level: float = 0.95) -> Figure:
    """Probability of every level of the outcome along a predictor, all others at their means, without a group's effect.

    Parameters
    ----------
    fit : Fit
        Of an ordinal regression, of either school.
    design : Design
        Of the fit (:func:`bayesgov.build_design`).
    predictor : str, optional
        Term of the formula ("temp"); by default all that are no interactions, a panel each.
    level : float
        Of the bands: posterior percentiles, or those of draws of the estimates' sampling distribution (King, Tomz &
        Wittenberg 2000, doi:10.2307/2669316).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the fit is not of rows, the Design is another's or incomplete, there is no such predictor, or the outcome
        has more levels than lines can tell apart (six).
    """
    predict, parameters, kind = _predictor_of("plot_probabilities", fit, design)
    ways = _curves(fit, design, predictor)
    parts = []
    for way in ways:
        drawn = predict(way.design, parameters).transpose("chain", "draw", "obs", "category").values
        lower, median, upper = central(drawn.reshape(-1, *drawn.shape[2:]), level)
        middle = median
        if fit.approach == "frequentist":
            middle = predict(way.design, fit.tree["point"].to_dataset()).values[0, 0]
        parts.append(way.frame(middle, lower, upper))
    figure = categories.probability_curves(pd.concat(parts, ignore_index=True), columns=1 if len(ways) == 1 else 2)
    bands = f"posterior medians with {percent(level)} equal-tailed credible bands"
    if kind == "confidence":
        bands = f"estimates with {percent(level)} confidence bands from draws of their sampling distribution"
    elif kind == "none":
        bands = "estimates without bands, since some have no standard error"
    return captioned(
        figure,
        f"Probability of every level of {design.outcome}, the other predictors at their means: {bands}",
        *data_and_model((fit,)),
    )


def plot_ppc(fit: Fit, design: Design, by: str | Sequence[str] | None = None, *, seed: int = 1) -> Figure:
    """Ordinal predictive check: shares of the outcome's levels, observed and in replicated data.

    Parameters
    ----------
    fit : Fit
        Of an ordinal regression. A posterior's replicates hold the uncertainty of its parameters; an estimator's that
        of its estimates' sampling distribution.
    design : Design
        Of the fit.
    by : str or sequence of str, optional
        Predictors, or the group, whose parts of the data get a panel each beside that of all rows; of more than
        twelve panels those whose shares lie farthest from their bands' middles are drawn.
    seed : int
        Of the replicates.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the fit is not of rows, the Design is another's or incomplete, or ``by`` is no predictor of it.
    """
    predict, parameters, kind = _predictor_of("plot_ppc", fit, design)
    wanted = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    every = parts_of(design)
    if unknown := [name for name in wanted if name not in every]:
        known = ", ".join(name for name in every if name != "all")
        raise ValueError(f"by: the model has no {unknown[0]!r}; it has: {known}")
    found = replicated_shares(
        design, parameters, predict, seed=seed, parts={name: every[name] for name in ("all", *wanted)}
    )
    frames = [each.frame().assign(variable=each.variable) for each in found]
    shares = pd.concat(frames, ignore_index=True)
    shares["part"] = [_part_name(*pair) for pair in zip(shares["variable"], shares["part"], strict=True)]
    drawn = _farthest(shares)
    outside = (shares["observed"] < shares["lower"]) | (shares["observed"] > shares["upper"])
    source = {
        "credible": "the posterior",
        "confidence": "the estimates' sampling distribution",
        "none": "the estimates alone",
    }
    return captioned(
        categories.replicated_shares(drawn, columns=min(3, drawn["part"].nunique())),
        f"Shares of the levels of {design.outcome}: squares as observed, bands the central 95% of data replicated from "
        f"{source[kind]}; {int(outside.sum())} of {len(shares)} squares lie outside",
        f"Drawn are the {_MOST_PANELS} of {shares['part'].nunique()} parts that lie farthest off"
        if len(drawn) < len(shares)
        else "",
        *data_and_model((fit,)),
    )


def plot_coefficient_path(dial: Dial, *, terms: Sequence[str] | None = None) -> Figure:
    """The Lasso's path, and beside it the posterior under the Laplace prior that each penalty is.

    Parameters
    ----------
    dial : Dial
        Of :func:`bayesgov.lasso_prior_dial`.
    terms : sequence of str, optional
        All by default, a panel each.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If ``dial`` is none, or lacks a term.
    """
    if not isinstance(dial, Dial):
        raise ValueError(f"plot_coefficient_path takes what lasso_prior_dial returns; got {type(dial).__name__}")
    path = dial.path
    known = list(dict.fromkeys(path["term"]))
    chosen = known if terms is None else [terms] if isinstance(terms, str) else list(terms)
    if unknown := [term for term in chosen if term not in known]:
        raise ValueError(f"terms: the path has no {unknown[0]!r}; it has: {', '.join(known)}")
    place = path["term"].map({term: position for position, term in enumerate(chosen)})
    path = path.loc[place.dropna().sort_values(kind="stable").index].assign(panel=path["term"], x=path["log_lambda"])
    lasso = path.assign(series="Lasso", estimate=path["lasso"], lower=np.nan, upper=np.nan)
    posterior = path.assign(series="posterior median, Laplace prior of the same penalty", estimate=path["median"])
    drawn = pd.concat([lasso, posterior], ignore_index=True)
    figure = panel_figures.bands(drawn, xlabel="log λ", ylabel="coefficient", zero=True)
    scales = path["scale"]
    return captioned(
        figure,
        "Coefficients along the Lasso's penalty λ, strongest on the right, and the posterior under independent "
        "Laplace(0, 1/(Nλ)) priors of the standardised coefficients, whose mode is the Lasso",
        f"Prior scales from {scales.min():.2g} to {scales.max():.2g}; coefficients in the predictors' own units",
        "Bands: 95% equal-tailed credible; the Lasso has no interval",
    )


def plot_row_flow(source: Any) -> Figure:
    """From the rows in the data to the rows in the model: what every step left and lost.

    Parameters
    ----------
    source : SurveyAnalysis, PanelAnalysis, Run, Design, PanelDesign or DataFrame
        A Design's ``flow``, the table "flow" of an analysis or a run, or a frame with columns ``reason``, ``lost`` and
        ``left``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If it is nothing of these.
    """
    found = frame_of("plot_row_flow", source, "flow", ("reason", "lost", "left"))
    first, last = int(found.frame["left"].iloc[0]), int(found.frame["left"].iloc[-1])
    return captioned(
        categories.row_flow(found.frame),
        f"Rows left after each step, and rows lost at it: {first:,} in the data, {last:,} in the model",
        *found.sentences,
    )


def _predictor_of(name: str, fit: Fit, design: Design) -> tuple[RowPredictor, xr.Dataset, str]:
    """What predicts for rows, draws of its parameters, and the kind of intervals that these give."""
    require_fits(name, (fit,))
    if not isinstance(design, Design):
        came = type(design).__name__
        raise ValueError(f"{name} needs the Design of the fit, as build_design(spec, data) makes it; got {came}")
    assert isinstance(fit, PosteriorFit | EstimatorFit)  # as required
    predict = fit.predictor
    if not isinstance(predict, RowPredictor):
        raise ValueError(f"{name} needs a fit of an ordinal regression on rows; {fit.label!r} is none")
    if np.isnan(design.x).any():
        raise ValueError(f"{name} needs complete rows; the Design has missing cells: build it with missing='listwise'")
    point = fit.tree["posterior" if fit.approach == "bayesian" else "point"].to_dataset()
    predict(design.take(np.array([0])), point)  # says if the Design is another fit's
    if fit.approach == "bayesian":
        return predict, point, "credible"
    draws = _sampling_draws(fit.tree, predict, design)
    if draws is None:
        return predict, xr.concat([point.isel(draw=0)] * _REPLICATES, "draw"), "none"
    return predict, draws, "confidence"


def _sampling_draws(tree: xr.DataTree, predict: RowPredictor, design: Design) -> xr.Dataset | None:
    """Draws of the sampling distribution with the estimates' group effects; None where a parameter has no draws."""
    point = tree["point"].to_dataset()
    groups = [name for name in ("group_effect", "group_sd") if name in point]
    drawn = tree["sampling_distribution"].to_dataset() if "sampling_distribution" in tree else xr.Dataset()
    for name, value in point.drop_vars(groups).data_vars.items():
        if name not in drawn or drawn[name].shape[2:] != value.shape[2:]:
            return None
    kept = drawn.drop_vars(groups, errors="ignore")
    if predict.family == "cumulative":
        kept = kept.isel(draw=_ordered(kept, design))
    coords = {name: kept[name] for name in ("chain", "draw")}
    held = {name: point[name].isel(chain=0, draw=0, drop=True).expand_dims(coords) for name in groups}
    return kept.assign(held)


def _ordered(drawn: xr.Dataset, design: Design) -> np.ndarray:
    """Draws whose thresholds rise at every row, boolean, shape (n_draws,): normal draws of estimates may not."""
    cuts = drawn["threshold"].transpose("chain", "draw", ...).values[0]
    moved = np.zeros((1, *cuts.shape))
    if "departure" in drawn:
        # theta_k - sum_j departure_jk x_j, at every pattern of x
        patterns = np.unique(design.x[:, list(design.nominal)], axis=0)
        departure = drawn["departure"].transpose("chain", "draw", "nominal_term", ...).values[0]
        moved = np.einsum("pj,djk->pdk", patterns, departure)
    rising: np.ndarray = (np.diff(cuts - moved, axis=-1) > 0).all(axis=(0, 2))
    return rising


def _curves(fit: Fit, design: Design, predictor: str | None) -> tuple[Curve, ...]:
    """Ways through the predictors; a factor's levels are called after its contrasts, the reference by the spec."""
    entries = json.loads(str(fit.tree.attrs.get("spec", "{}"))).get("variables", {})
    levels = {}
    for factor in dict.fromkeys(design.factors):
        own = [term for term, of in zip(design.terms, design.factors, strict=True) if of == factor]
        if all(term.startswith(f"{factor}[") for term in own):
            declared = entries.get(factor, {}).get("levels", ())
            levels[factor] = (declared[0] if declared else _REFERENCE, *(term[len(factor) + 1 : -1] for term in own))
    found = curves(design, levels)
    if predictor is None and found:
        return found
    mine = tuple(way for way in found if way.predictor == predictor)
    if not mine:
        known = ", ".join(way.predictor for way in found) or "none"
        raise ValueError(f"predictor: there is no {predictor!r} to move by itself; there are: {known}")
    return mine


def _part_name(variable: str, part: str) -> str:
    if variable == "all":
        return "all rows"
    inside = part[len(variable) + 1 : -1] if part.startswith(f"{variable}[") and part.endswith("]") else part
    return f"{variable}: {inside}"


def _farthest(shares: pd.DataFrame) -> pd.DataFrame:
    """All rows, and of the other parts those whose shares lie farthest from their bands' middles."""
    reach = np.maximum(0.5 * (shares["upper"] - shares["lower"]), np.finfo(float).tiny)
    distance: pd.Series[float] = (
        ((shares["observed"] - shares["median"]).abs() / reach).groupby(shares["part"], sort=False).max()
    )
    kept = distance.drop("all rows").nlargest(_MOST_PANELS - 1).index
    return shares[shares["part"].isin(["all rows", *kept])]
