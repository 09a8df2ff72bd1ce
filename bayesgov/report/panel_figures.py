"""Figures of a panel: curves with bands by region, brackets of estimators, the multiverse of instruments."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from bayesgov.report.marks import (
    Limits,
    blank_figure,
    draw_intervals,
    frame_limits,
    grid_rows,
    house_figure,
    in_order,
    label_rows,
    outside_legend,
    require_columns,
    row_positions,
    series_handles,
    value_axis,
)
from bayesgov.report.style import MUTED, RULE, SeriesStyle, broken, series_styles, wrapped

_LEVEL = 0.05  # of the tests that the figures mark
_GAP = 1.6  # between groups of choices, in steps between neighbouring choices
_BRACKET = "#CFE8FA"


@house_figure
def bands(data: pd.DataFrame, *, xlabel: str, ylabel: str, zero: bool, columns: int = 3) -> Figure:
    """Curves with their bands, one panel for each region, all with the same scales.

    Parameters
    ----------
    data : DataFrame
        Columns ``panel``, ``series``, ``x`` (whole numbers), ``estimate``, ``lower``, ``upper``.
    zero : bool
        Whether a line at zero belongs into every panel.
    """
    require_columns(data, ("panel", "series", "x", "estimate", "lower", "upper"))
    panels, styles = in_order(data["panel"]), series_styles(data["series"].astype(str))
    columns = min(columns, len(panels))
    rows = grid_rows(len(panels), columns)
    limits = frame_limits(data, zero=zero)
    figure = blank_figure(0.7 + 1.55 * rows)
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        for name, style in styles.items():
            mine = (data["panel"].astype(str) == panel) & (data["series"].astype(str) == name)
            _draw_band(axes, data[mine].sort_values("x"), style)
        _band_axes(axes, data["x"], limits, zero=zero)
        axes.set_title(broken(panel, 72 // columns))
        if index % columns:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel(wrapped(ylabel, 26))
        if index + columns >= len(panels):
            axes.set_xlabel(xlabel)
    if len(styles) > 1:
        outside_legend(figure, series_handles(styles, dashed=True))
    return figure


def _draw_band(axes: Axes, curve: pd.DataFrame, style: SeriesStyle) -> None:
    axes.fill_between(curve["x"], curve["lower"], curve["upper"], color=style.color, alpha=0.16, linewidth=0)
    for limit in ("lower", "upper"):
        axes.plot(curve["x"], curve[limit], color=style.color, linewidth=0.6, linestyle=style.line)
    axes.plot(
        curve["x"],
        curve["estimate"],
        color=style.color,
        linestyle=style.line,
        marker=style.marker,
        markersize=3,
        markerfacecolor=style.face,
    )


def _band_axes(axes: Axes, x: pd.Series, limits: Limits, *, zero: bool) -> None:
    axes.set_ylim(limits.low, limits.high)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    margin = 0.03 * (x.max() - x.min()) or 0.5
    axes.set_xlim(x.min() - margin, x.max() + margin)
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    if zero:
        axes.axhline(0, color=MUTED, linewidth=0.9, zorder=0)


@house_figure
def bracket(data: pd.DataFrame, ends: pd.DataFrame, *, xlabel: str, loose: str = "") -> Figure:
    """Estimators of persistence by region before the bar from the within to the pooled estimate.

    Parameters
    ----------
    data : DataFrame
        Columns ``label``, ``series``, ``estimate``, ``lower``, ``upper``; no limits for what has no interval drawn.
    ends : DataFrame
        Columns ``label``, ``low`` (within), ``high`` (pooled).
    loose : str
        A series that may leave the panel: the others decide its limits.
    """
    require_columns(data, ("label", "series", "estimate", "lower", "upper"))
    require_columns(ends, ("label", "low", "high"))
    labels, styles = in_order(data["label"]), series_styles(data["series"].astype(str))
    limits = frame_limits(data[data["series"] != loose], zero=False)
    figure = blank_figure(0.9 + 0.11 * (len(styles) + 1) * len(labels))
    axes = figure.add_subplot()
    y = row_positions(data, labels, list(styles))
    place = ends["label"].astype(str).map(labels.index)
    axes.barh(place, ends["high"] - ends["low"], left=ends["low"], height=0.86, color=_BRACKET, zorder=-1)
    for name, style in styles.items():
        mine = (data["series"].astype(str) == name).to_numpy()
        draw_intervals(axes, y[mine], data[mine], style, limits)
    label_rows(axes, labels, 26)
    value_axis(axes, limits, wrapped(xlabel, 70), zero=True)
    for edge in np.arange(len(labels) - 1) + 0.5:
        axes.axhline(edge, color=RULE, linewidth=0.5, zorder=-2)
    outside_legend(figure, [*series_handles(styles), Patch(facecolor=_BRACKET, label="from within to pooled")])
    return figure


@house_figure
def multiverse(data: pd.DataFrame) -> Figure:
    """Estimates under every set of instruments: a row of panels for each region, a column for each quantity.

    Parameters
    ----------
    data : DataFrame
        Columns ``region``, ``quantity``, ``group`` (of choices), ``place`` (of the choice in its group, from 0),
        ``estimate``, ``lower``, ``upper`` (NaN for a p-value, whose panels have a line at 0.05), ``many`` (more
        instruments than units) and ``chosen`` (the spec's own set).
    """
    wanted = ("region", "quantity", "group", "place", "estimate", "lower", "upper", "many", "chosen")
    require_columns(data, wanted)
    regions, quantities, groups = (in_order(data[name]) for name in ("region", "quantity", "group"))
    width = int(data["place"].max()) + _GAP
    data = data.assign(x=data["group"].astype(str).map(groups.index) * width + data["place"])
    figure = blank_figure(2.2 + 0.95 * len(regions))
    grid = figure.add_gridspec(len(regions), len(quantities))
    styles = series_styles(("sets", "chosen"))
    for column, quantity in enumerate(quantities):
        mine = data[data["quantity"].astype(str) == quantity]
        is_share = bool(mine["lower"].isna().all())
        limits = Limits(-0.05, 1.05) if is_share else _usual_limits(mine)
        for row, region in enumerate(regions):
            axes = figure.add_subplot(grid[row, column])
            _draw_choices(axes, mine[mine["region"].astype(str) == region], limits, styles)
            _choice_axes(axes, limits, len(groups), width, data["x"].max())
            axes.axhline(_LEVEL if is_share else 0.0, color=MUTED, linewidth=0.9, linestyle="--" if is_share else "-")
            if row == 0:
                axes.set_title(broken(quantity, 72 // len(quantities)))
            if column == 0:
                axes.set_ylabel(broken(region, 15))
            if row == len(regions) - 1:
                centres = np.arange(len(groups)) * width + data["place"].max() / 2
                axes.set_xticks(centres, [wrapped(group, 14) for group in groups], rotation=90)
    outside_legend(figure, _choice_handles(styles))
    return figure


def _usual_limits(data: pd.DataFrame) -> Limits:
    """Limits that show the spec's own choices, zero, and the others but for the outermost tenth and long intervals."""
    estimate = data["estimate"]
    shown = estimate[estimate.between(*estimate.quantile([0.05, 0.95])) | data["chosen"]]
    reach = 2 * float((data["upper"] - estimate).median())
    return Limits(min(0.0, float(shown.min()) - reach), max(0.0, float(shown.max()) + reach))


def _draw_choices(axes: Axes, data: pd.DataFrame, limits: Limits, styles: dict[str, SeriesStyle]) -> None:
    for chosen, style in ((False, styles["sets"]), (True, styles["chosen"])):
        for many in (False, True):
            part = data[(data["chosen"] == chosen) & (data["many"] == many)]
            low, high = np.fmax(part["lower"], limits.low), np.fmin(part["upper"], limits.high)
            known = part["lower"].notna()
            axes.vlines(part.loc[known, "x"], low[known], high[known], style.color, linewidth=0.9)
            inside = part["estimate"].between(limits.low, limits.high)
            axes.plot(
                part["x"],
                np.clip(part["estimate"], limits.low, limits.high).where(inside),
                style.marker,
                color=style.color,
                markersize=4.6 if chosen else 3.4,
                markerfacecolor="white" if many else style.color,
                markeredgewidth=0.9,
                zorder=5 if chosen else 4,
            )
    for edge, marker, beyond in (
        (limits.high, "^", data["estimate"] > limits.high),
        (limits.low, "v", data["estimate"] < limits.low),
    ):
        if beyond.any():  # an empty line that is not clipped has no extent, and the layout fails
            axes.plot(data.loc[beyond, "x"], np.full(int(beyond.sum()), edge), marker, color=MUTED, ms=3, clip_on=False)


def _choice_axes(axes: Axes, limits: Limits, n_groups: int, width: float, last: float) -> None:
    axes.set_xlim(-0.9, last + 0.9)
    axes.set_ylim(limits.low, limits.high)
    axes.set_xticks([])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    for group in range(0, n_groups, 2):
        start = group * width - _GAP / 2
        axes.axvspan(start, start + width, color="#f4f4f4", linewidth=0, zorder=-2)


def _choice_handles(styles: dict[str, SeriesStyle]) -> list[Artist]:
    words = (
        ("sets", False, "a set of instruments"),
        ("chosen", False, "the spec's own"),
        ("sets", True, "hollow: more instruments than units"),
    )
    return [
        Line2D(
            [],
            [],
            linestyle="none",
            color=styles[name].color,
            marker=styles[name].marker,
            markerfacecolor="white" if many else styles[name].color,
            label=text,
        )
        for name, many, text in words
    ]
