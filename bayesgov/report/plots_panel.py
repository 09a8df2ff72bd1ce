"""Public figures of panels: impulse responses, dispersion between units, the multiverse of instruments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bayesgov.fits import Fit
from bayesgov.panel.analysis import PanelAnalysis
from bayesgov.panel.variation import EVERY_YEAR
from bayesgov.report import panel_figures
from bayesgov.report.panel_tables import multiverse_rows, named_regions
from bayesgov.report.plots_caption import captioned, central, data_and_model, percent, require_fits, require_posterior
from bayesgov.report.plots_frames import frame_of

_MOST_TERMS, _MOST_COLUMNS = 3, 3
_BOOTSTRAPS = {
    "frequentist": "cluster bootstrap (confidence)",
    "bayesian": "Bayesian bootstrap (credible)",
}


def plot_impulse_responses(*fits: Fit, variables: str | Sequence[str] | None = None, level: float = 0.95) -> Figure:
    """What a predictor's rise by one unit for one period does to the outcome, then and later, region by region.

    Parameters
    ----------
    *fits : Fit
        Up to six posteriors of a dynamic panel.
    variables : str or sequence of str, optional
        Predictors; by default all.
    level : float
        Of the bands.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a fit is no posterior of a panel with predictors, or has no such predictor.
    """
    require_fits("plot_impulse_responses", fits)
    frame = pd.concat([_responses(fit, variables, level) for fit in fits], ignore_index=True)
    names, frame["panel"] = list(dict.fromkeys(frame["variable"])), named_regions(frame["region"])
    columns = len(names) if 1 < len(names) <= _MOST_COLUMNS else _MOST_COLUMNS
    if columns == len(names):  # a column of panels for each variable
        place = {region: position for position, region in enumerate(dict.fromkeys(frame["panel"]))}
        frame = frame.loc[frame["panel"].map(place).sort_values(kind="stable").index]
    if len(names) > 1:
        frame["panel"] = frame["variable"] + ": " + frame["panel"]
    figure = panel_figures.bands(
        frame, xlabel="periods since the impulse", ylabel="response", zero=True, columns=columns
    )
    return captioned(
        figure,
        f"Response of the outcome to {', '.join(names)}, raised by one unit for one period: posterior medians with "
        f"{percent(level)} equal-tailed credible bands, pointwise; a band that leaves the panel is cut there",
        *data_and_model(fits),
    )


def _responses(fit: Fit, variables: str | Sequence[str] | None, level: float) -> pd.DataFrame:
    """variable, region, x (horizon), estimate, lower, upper, series."""
    name = "plot_impulse_responses"
    require_posterior(name, fit, "the posterior of a dynamic panel")
    if "effects" not in fit.tree or "impulse_response" not in fit.tree["effects"]:
        raise ValueError(f"{name} needs the posterior of a dynamic panel with predictors; {fit.label!r} is none")
    drawn = fit.tree["effects"]["impulse_response"].transpose("chain", "draw", "variable", "region", "horizon")
    known = [str(value) for value in drawn["variable"].values]
    wanted = known if variables is None else [variables] if isinstance(variables, str) else list(variables)
    if unknown := [variable for variable in wanted if variable not in known]:
        raise ValueError(f"variables: {fit.label!r} has no {unknown[0]!r}; it has: {', '.join(known)}")
    own = drawn.sel(variable=wanted)
    index = pd.MultiIndex.from_product([own[dim].values for dim in own.dims[2:]], names=["variable", "region", "x"])
    limits = central(own.values.reshape(-1, len(index)), level)
    columns = dict(zip(("lower", "estimate", "upper"), limits, strict=True))
    return pd.DataFrame(columns, index=index).reset_index().assign(series=fit.label)


def plot_variation(source: Any) -> Figure:
    """Coefficient of variation between the units of each region over the years, by both bootstraps.

    Parameters
    ----------
    source : PanelAnalysis, Run or DataFrame
        An analysis, a run that was read, or what :func:`bayesgov.panel.variation.variation_table` returns.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If it has no coefficients of variation.
    """
    columns = ("region", "time", "approach", "estimate", "lower", "upper", "interval")
    found = frame_of("plot_variation", source, "variation", columns)
    yearly = found.frame[(found.frame["time"].astype(str) != EVERY_YEAR) & found.frame["estimate"].notna()]
    if yearly.empty:
        raise ValueError("plot_variation needs a region of four units or more in some year; the table has none")
    drawn = pd.DataFrame(
        {
            "panel": named_regions(yearly["region"]),
            "series": yearly["approach"].map(_BOOTSTRAPS),
            "x": yearly["time"].astype(int),
            **{name: yearly[name] for name in ("estimate", "lower", "upper")},
        }
    )
    figure = panel_figures.bands(drawn, xlabel="year", ylabel="coefficient of variation", zero=False)
    outcome = f" of {found.analysis.spec.outcome}" if isinstance(found.analysis, PanelAnalysis) else ""
    return captioned(
        figure,
        f"Coefficient of variation{outcome} between the units of each region, standard deviation over mean",
        f"Bands resample whole units: {' and '.join(dict.fromkeys(yearly['interval']))}",
        *found.sentences,
    )


def plot_instrument_multiverse(source: Any, *, terms: str | Sequence[str] | None = None) -> Figure:
    """GMM under every defensible set of instruments: estimates and Hansen's p-value by region.

    Parameters
    ----------
    source : PanelAnalysis, Run or DataFrame
        An analysis, a run that was read, or what
        :func:`bayesgov.panel.frequentist.multiverse.instrument_multiverse` returns.
    terms : str or sequence of str, optional
        Coefficients; by default the first three: the outcome's lags, then the first predictor's.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If it has no estimates, or not of these terms.
    """
    columns = ("region", "equation", "depth", "collapse", "term", "estimate", "std_error", "hansen_p", "many", "chosen")
    found = frame_of("plot_instrument_multiverse", source, "multiverse", columns)
    frame = found.frame
    known = list(dict.fromkeys(frame.loc[frame["estimate"].notna(), "term"]))
    if not known:
        raise ValueError("plot_instrument_multiverse needs an estimate; no set of instruments gives one")
    chosen = known[:_MOST_TERMS] if terms is None else [terms] if isinstance(terms, str) else list(terms)
    if unknown := [term for term in chosen if term not in known]:
        raise ValueError(f"terms: there is no {unknown[0]!r}; there are: {', '.join(known)}")
    marks = multiverse_rows(frame.assign(region=named_regions(frame["region"])), chosen)
    depths = ", ".join(dict.fromkeys(frame["depth"].astype(str)))
    return captioned(
        panel_figures.multiverse(marks),
        "GMM under every set of instruments: difference or system, one column for each lag and period or collapsed, "
        f"and from left to right windows of {depths} lags; hollow marks have more instruments than units",
        "Intervals: 95% Wald confidence; dashed line: Hansen's p = 0.05",
        *found.sentences,
    )
