"""Figures of the report: tidy frames in, Matplotlib figures out, nothing estimated on the way.

Every function takes one row per drawn mark and returns a figure no wider than 6.5 inches whose text is 8 points or more
at that size. Intervals that reach far beyond the other rows of a panel end in an arrow head at its edge; their limits
are in the data that ships with the figure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

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
    robust_limits,
    row_positions,
    series_handles,
    value_axis,
)
from bayesgov.report.shares import audit_overview, profiles
from bayesgov.report.style import INK, MAX_WIDTH, MUTED, RULE, SeriesStyle, broken, series_styles, wrapped

__all__ = [
    "audit_overview",
    "caterpillar",
    "dot_interval",
    "printed_recomputed",
    "prior_posterior",
    "profiles",
    "sensitivity",
    "shrinkage",
]

_INTERVAL_COLUMNS = ("label", "series", "estimate", "lower", "upper")
_LOG_RATIO = 30.0  # positive values spanning more than this are drawn on a logarithmic axis


@house_figure
def caterpillar(
    data: pd.DataFrame, *, xlabel: str = "estimate", columns: int = 2, zero: bool = True, band: str | None = None
) -> Figure:
    """Estimates of several series by row, one panel for each term, each with its own horizontal scale.

    Parameters
    ----------
    data : DataFrame
        Columns ``label`` (row), ``series``, ``estimate``, ``lower``, ``upper`` and, where there are several panels,
        ``term``.
    xlabel : str
        Says the quantity and the kind of interval.
    columns : int
        Panels side by side.
    zero : bool
        Whether to include a line at zero.
    band : str, optional
        A series with one value in a panel, whatever the row (complete pooling): drawn as a vertical line and band.
    """
    require_columns(data, _INTERVAL_COLUMNS)
    data = data if "term" in data else data.assign(term="")
    styles = series_styles(data["series"].astype(str))
    banded = data["series"].astype(str) == band
    terms, labels = in_order(data["term"]), in_order(data.loc[~banded, "label"])
    columns = min(columns, len(terms))
    rows = grid_rows(len(terms), columns)
    crowd = data[~banded].groupby(["term", "label"], sort=False).size().max()  # marks in one row
    width = 30 if columns == 1 else 18
    lines = max(wrapped(label, width).count("\n") + 1 for label in labels)
    figure = blank_figure(0.9 + rows * (0.45 + max(0.16, 0.088 * crowd, 0.02 + 0.14 * lines) * len(labels)))
    for index, term in enumerate(terms):
        axes = figure.add_subplot(rows, columns, index + 1)
        mine = data["term"].astype(str) == term
        _interval_panel(axes, data[mine & ~banded], labels, styles, zero=zero, width=width)
        if band is not None:
            _draw_band(axes, data[mine & banded], styles[band])
        axes.set_title(broken(term, 60 // columns))
        if index % columns:
            axes.set_yticklabels([])
        if index + columns >= len(terms):
            axes.set_xlabel(wrapped(xlabel, 96 // columns))
    if len(styles) > 1:
        outside_legend(figure, series_handles(styles, banded=band))
    return figure


def _draw_band(axes: Axes, data: pd.DataFrame, style: SeriesStyle) -> None:
    drawn = data[["estimate", "lower", "upper"]].drop_duplicates().to_numpy(dtype=float)
    for estimate, lower, upper in drawn:
        axes.axvspan(lower, upper, color=style.color, alpha=0.15, linewidth=0, zorder=-1)
        axes.axvline(estimate, color=style.color, linestyle=style.line, linewidth=1, zorder=1)


def _interval_panel(
    axes: Axes,
    data: pd.DataFrame,
    labels: Sequence[str],
    styles: dict[str, SeriesStyle],
    *,
    zero: bool,
    width: int,
) -> None:
    limits = frame_limits(data, zero=zero)
    y = row_positions(data, labels, list(styles))
    for name, style in styles.items():
        mine = (data["series"].astype(str) == name).to_numpy()
        if mine.any():
            draw_intervals(axes, y[mine], data[mine], style, limits)
    label_rows(axes, labels, width)
    value_axis(axes, limits, "", zero=zero)


@house_figure
def dot_interval(
    data: pd.DataFrame, *, xlabel: str, zero: bool = True, reference: float | None = None, label_width: int = 34
) -> Figure:
    """A forest of rows × series in one panel, optionally in named groups of rows.

    Parameters
    ----------
    data : DataFrame
        Columns ``label``, ``series``, ``estimate``, ``lower``, ``upper`` and optionally ``group`` and ``set_kind``
        ("complement": the set is all but the open interval from lower to upper).
    reference : float, optional
        A further vertical line, such as a threshold.
    label_width : int
        Characters in a line of a row's label.
    """
    require_columns(data, _INTERVAL_COLUMNS)
    labels = in_order(data["label"])
    styles = series_styles(data["series"].astype(str))
    lines = max(wrapped(label, label_width).count("\n") + 1 for label in labels)
    rows = 0.9 + (0.06 + 0.14 * max(lines, 0.85 * len(styles))) * len(labels)
    figure = blank_figure(max(rows, 1.1 + 0.17 * len(styles)))  # a legend may take a line for each series
    axes = figure.add_subplot()
    _interval_panel(axes, data, labels, styles, zero=zero, width=label_width)
    axes.set_xlabel(wrapped(xlabel, 70))
    if reference is not None:
        axes.axvline(reference, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=0)
    if "group" in data:
        _mark_groups(axes, data, labels)
    if len(styles) > 1:
        outside_legend(figure, series_handles(styles))
    return figure


def _mark_groups(axes: Axes, data: pd.DataFrame, labels: Sequence[str]) -> None:
    """A rule between groups of rows and the group's name at the right edge."""
    group_of = dict(zip(data["label"].astype(str), data["group"].astype(str), strict=False))
    starts = [i for i, label in enumerate(labels) if i == 0 or group_of[label] != group_of[labels[i - 1]]]
    for start, stop in zip(starts, [*starts[1:], len(labels)], strict=True):
        if start:
            axes.axhline(start - 0.5, color=MUTED, linewidth=0.6)
        axes.annotate(
            wrapped(group_of[labels[start]], 16),
            (1.01, (start + stop - 1) / 2),
            xycoords=("axes fraction", "data"),
            va="center",
            color=MUTED,
        )


@house_figure
def shrinkage(
    data: pd.DataFrame,
    *,
    xlabel: str = "effect",
    label_width: int = 26,
    names: tuple[str, str] = ("published", "shrunken"),
) -> Figure:
    """Published estimates joined to their shrunken ones, one panel for each reading of the standard error.

    Parameters
    ----------
    data : DataFrame
        Columns ``label``, ``reading``, ``published``, ``published_lower``, ``published_upper``, ``shrunken``,
        ``shrunken_lower``, ``shrunken_upper``.
    names : (str, str)
        What the legend calls the two.
    """
    kinds = ("published", "shrunken")
    require_columns(data, ("label", "reading", *(f"{k}{end}" for k in kinds for end in ("", "_lower", "_upper"))))
    labels, readings = in_order(data["label"]), in_order(data["reading"])
    styles = series_styles(kinds)
    long = {kind: _one_kind(data, kind) for kind in kinds}
    limits = frame_limits(pd.concat(long.values()), zero=True)
    lines = max(2, *(wrapped(label, label_width).count("\n") + 1 for label in labels))
    figure = blank_figure(max(1.7, 1.0 + (0.06 + 0.135 * lines) * len(labels)))
    for index, reading in enumerate(readings):
        axes = figure.add_subplot(1, len(readings), index + 1)
        for offset, (kind, style) in zip((-0.18, 0.18), styles.items(), strict=True):
            panel = long[kind][long[kind]["reading"].astype(str) == reading]
            y = panel["label"].astype(str).map(labels.index).to_numpy(dtype=float)
            draw_intervals(axes, y + offset, panel, style, limits)
        _join(axes, data[data["reading"].astype(str) == reading], labels)
        label_rows(axes, labels, label_width)
        value_axis(axes, limits, "", zero=True, ticks=4)
        axes.set_title(wrapped(reading, 54 // len(readings)))
        if index:
            axes.set_yticklabels([])
    figure.supxlabel(xlabel, fontsize=8)
    outside_legend(figure, series_handles(dict(zip(names, styles.values(), strict=True))))
    return figure


def _one_kind(data: pd.DataFrame, kind: str) -> pd.DataFrame:
    named = {kind: "estimate", f"{kind}_lower": "lower", f"{kind}_upper": "upper"}
    return data[["label", "reading", *named]].rename(columns=named)


def _join(axes: Axes, data: pd.DataFrame, labels: Sequence[str]) -> None:
    for label, start, stop in zip(data["label"].astype(str), data["published"], data["shrunken"], strict=True):
        y = labels.index(label)
        axes.plot([start, stop], [y - 0.18, y + 0.18], color=MUTED, linewidth=0.7, zorder=3)


@house_figure
def prior_posterior(curves: pd.DataFrame, *, columns: int = 3, xlabel: str = "") -> Figure:
    """Densities laid over one another, one panel for each parameter.

    Parameters
    ----------
    curves : DataFrame
        Columns ``label`` (panel), ``series`` ("prior", "posterior"), ``x``, ``density``, as
        :func:`bayesgov.report.densities.density_curves` makes them.
    """
    require_columns(curves, ("label", "series", "x", "density"))
    labels = in_order(curves["label"])
    styles = series_styles(sorted(in_order(curves["series"])))  # the posterior first: filled and solid
    columns = min(columns, len(labels))
    rows = grid_rows(len(labels), columns)
    figure = blank_figure(0.6 + 1.35 * rows)
    for index, label in enumerate(labels):
        axes = figure.add_subplot(rows, columns, index + 1)
        panel = curves[curves["label"].astype(str) == label]
        for name, style in styles.items():
            curve = panel[panel["series"].astype(str) == name]
            axes.plot(curve["x"], curve["density"], color=style.color, linestyle=style.line)
            if style.filled:
                axes.fill_between(curve["x"], curve["density"], color=style.color, alpha=0.18, linewidth=0)
        axes.set_title(broken(label, 72 // columns))
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        if xlabel and index + columns >= len(labels):
            axes.set_xlabel(xlabel)
    handles = [Line2D([], [], color=s.color, linestyle=s.line, label=name) for name, s in styles.items()]
    outside_legend(figure, handles)
    return figure


@house_figure
def printed_recomputed(data: pd.DataFrame, *, xlabel: str, label_width: int = 34) -> Figure:
    """Each printed value beside the interval that the other printed numbers imply.

    Parameters
    ----------
    data : DataFrame
        Columns ``label``, ``printed``, ``low``, ``high`` (certified bounds of the recomputed value; NaN where there
        are none) and ``verdict``.
    """
    require_columns(data, ("label", "printed", "low", "high", "verdict"))
    labels = [str(label) for label in data["label"]]
    printed, low, high = (data[name].to_numpy(dtype=float) for name in ("printed", "low", "high"))
    lines = max(wrapped(label, label_width).count("\n") + 1 for label in labels)
    figure = blank_figure(0.9 + (0.06 + 0.14 * lines) * len(labels))
    axes = figure.add_subplot()
    limits = robust_limits(printed, np.fmin(low, printed), np.fmax(high, printed), zero=False)
    y = np.arange(len(labels), dtype=float)
    recomputed, paper = series_styles(("recomputed", "printed")).values()
    axes.hlines(y, np.fmin(printed, low), np.fmax(printed, high), colors=MUTED, linewidth=0.6, linestyles=":")
    axes.hlines(y, low, high, colors=recomputed.color, linewidth=4)
    axes.plot(0.5 * (low + high), y, "|", color=recomputed.color, markersize=9, markeredgewidth=1.6)
    axes.plot(printed, y, paper.marker, color=paper.color, markerfacecolor=paper.face, markeredgewidth=1.1, zorder=5)
    label_rows(axes, labels, label_width)
    _scale_axis(axes, np.concatenate([printed, low, high]), limits)
    axes.set_xlabel(wrapped(xlabel, 70))
    for row, verdict in enumerate(data["verdict"].astype(str)):
        axes.annotate(verdict, (1.01, row), xycoords=("axes fraction", "data"), va="center")
    handles = [
        Line2D(
            [],
            [],
            color=recomputed.color,
            linewidth=4,
            label="recomputed from the other printed numbers, with rounding",
        ),
        Line2D(
            [], [], color=paper.color, marker=paper.marker, markerfacecolor="white", linestyle="none", label="printed"
        ),
    ]
    outside_legend(figure, handles)
    return figure


def _scale_axis(axes: Axes, values: np.ndarray, limits: Limits) -> None:
    """A logarithmic axis where positive values span orders of magnitude, else a linear one."""
    finite = values[np.isfinite(values)]
    if finite.min() > 0 and finite.max() / finite.min() > _LOG_RATIO:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(finite.min() / 1.3, finite.max() * 1.3)
        axes.grid(axis="x", color=RULE, linewidth=0.5)
    else:
        value_axis(axes, limits, "", zero=True)


@house_figure
def sensitivity(
    data: pd.DataFrame, *, xlabel: str, ylabel: str, reference: float | None = None, log: bool = False
) -> Figure:
    """An estimand against a dial (prior power, composite weight, assumed correlation), with its interval.

    Parameters
    ----------
    data : DataFrame
        Columns ``series``, ``dial``, ``estimate``, ``lower``, ``upper`` and, where there are several panels, ``panel``.
    reference : float, optional
        Where the dial stands in the main analysis; marked by a vertical line.
    log : bool
        Whether the dial has a logarithmic scale (base 2).
    """
    require_columns(data, ("series", "dial", "estimate", "lower", "upper"))
    data = data if "panel" in data else data.assign(panel="")
    panels, styles = in_order(data["panel"]), series_styles(data["series"].astype(str))
    columns = min(2, len(panels))
    rows = grid_rows(len(panels), columns)
    figure = blank_figure(0.6 + 2.1 * rows, MAX_WIDTH if columns > 1 else 5.2)
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        _dial_panel(axes, data[data["panel"].astype(str) == panel], styles)
        if log:
            axes.set_xscale("log", base=2)
            dial = np.unique(data["dial"].to_numpy(dtype=float))
            axes.set_xticks(dial, [f"{value:g}" for value in dial], minor=False)
            axes.minorticks_off()
        else:
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        if reference is not None:
            axes.axvline(reference, color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)), zorder=0)
        axes.set_title(wrapped(panel, 74 // columns))
        axes.set_ylabel(wrapped(ylabel, 34) if index % columns == 0 else "")
        axes.set_xlabel(wrapped(xlabel, 80 // columns) if index + columns >= len(panels) else "")
    outside_legend(figure, series_handles(styles, dashed=True))
    return figure


def _dial_panel(axes: Axes, data: pd.DataFrame, styles: dict[str, SeriesStyle]) -> None:
    for name, style in styles.items():
        curve = data[data["series"].astype(str) == name].sort_values("dial")
        if curve.empty:
            continue
        axes.fill_between(curve["dial"], curve["lower"], curve["upper"], color=style.color, alpha=0.14, linewidth=0)
        for limit in ("lower", "upper"):
            axes.plot(curve["dial"], curve[limit], color=style.color, linewidth=0.6, linestyle=style.line)
        axes.plot(
            curve["dial"],
            curve["estimate"],
            color=style.color,
            linestyle=style.line,
            marker=style.marker,
            markerfacecolor=style.face,
        )
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
