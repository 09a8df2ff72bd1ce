"""Figures of predictions for rows held out: predicted against observed shares, the probability integral transform."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy import stats

from bayesgov.report.marks import (
    blank_figure,
    grid_rows,
    house_figure,
    in_order,
    outside_legend,
    require_columns,
    series_handles,
)
from bayesgov.report.style import MUTED, RULE, SeriesStyle, broken, series_styles

_BAND = 0.95


@house_figure
def reliability(data: pd.DataFrame, *, columns: int = 3) -> Figure:
    """Observed against predicted shares, one panel for each level of the outcome, with the diagonal.

    Parameters
    ----------
    data : DataFrame
        Columns ``level`` (a panel each), ``series``, ``predicted``, ``observed``, ``lower`` and ``upper`` (limits of
        the observed share; NaN where there are none).
    """
    require_columns(data, ("level", "series", "predicted", "observed", "lower", "upper"))
    levels, styles = in_order(data["level"]), series_styles(data["series"].astype(str))
    columns = min(columns, len(levels))
    rows = grid_rows(len(levels), columns)
    figure = blank_figure(0.8 + 1.9 * rows)
    for index, level in enumerate(levels):
        axes = figure.add_subplot(rows, columns, index + 1)
        panel = data[data["level"].astype(str) == level]
        most = 1.08 * float(panel[["predicted", "observed", "upper"]].max().max())
        axes.plot([0, most], [0, most], color=MUTED, linewidth=0.8, zorder=0)
        for name, style in styles.items():
            _shares(axes, panel[panel["series"].astype(str) == name], style)
        axes.set_xlim(0, most)
        axes.set_ylim(0, most)
        axes.locator_params(nbins=4)
        axes.grid(color=RULE, linewidth=0.5)
        axes.set_title(broken(level, 72 // columns))
        if index % columns == 0:
            axes.set_ylabel("observed share")
        if index + columns >= len(levels):
            axes.set_xlabel("predicted share")
    outside_legend(figure, series_handles(styles))
    return figure


def _shares(axes: Axes, data: pd.DataFrame, style: SeriesStyle) -> None:
    axes.vlines(data["predicted"], data["lower"], data["upper"], style.color, linewidth=0.9)
    axes.plot(
        data["predicted"],
        data["observed"],
        style.marker,
        color=style.color,
        markerfacecolor=style.face,
        linestyle="none",
        markersize=3.6,
    )


@house_figure
def pit_histogram(data: pd.DataFrame, n_obs: float) -> Figure:
    """Densities of the probability integral transform as steps, over the band of :func:`pit_limits`.

    Parameters
    ----------
    data : DataFrame
        Columns ``series``, ``lower``, ``upper`` (edges of the bins, the same for every series) and ``density``.
    n_obs : float
        Number of observations.
    """
    require_columns(data, ("series", "lower", "upper", "density"))
    styles = series_styles(data["series"].astype(str))
    low, high = pit_limits(data["lower"].nunique(), n_obs)
    figure = blank_figure(2.4, 5.2)
    axes = figure.add_subplot()
    axes.axhspan(low, high, color="#ececec", linewidth=0, zorder=-1)
    axes.axhline(1, color=MUTED, linewidth=0.8, zorder=0)
    for name, style in styles.items():
        mine = data[data["series"].astype(str) == name].sort_values("lower")
        edges = [*mine["lower"], float(mine["upper"].iloc[-1])]
        axes.stairs(mine["density"], edges, baseline=None, color=style.color, linestyle=style.line, linewidth=1.3)
        middle = 0.5 * (mine["lower"] + mine["upper"])
        axes.plot(middle, mine["density"], style.marker, color=style.color, markerfacecolor=style.face, markersize=3.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.08 * max(high, float(data["density"].max())))
    axes.set_xlabel("probability integral transform")
    axes.set_ylabel("density")
    band = Patch(facecolor="#ececec", edgecolor=MUTED, linewidth=0.5, label=f"central {100 * _BAND:g}% if calibrated")
    outside_legend(figure, [*series_handles(styles, dashed=True), band])
    return figure


def pit_limits(bins: int, n_obs: float) -> tuple[float, float]:
    """Limits of a bin's density: the central 95% of a binomial share of ``n_obs`` independent uniform values."""
    tail = 0.5 * (1 - _BAND)
    low, high = stats.binom.ppf([tail, 1 - tail], round(n_obs), 1 / bins) * bins / np.round(n_obs)
    return float(low), float(high)
