"""Figures of an ordinal outcome: predicted probabilities of the levels, replicated shares, the flow of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bayesgov.report.marks import (
    blank_figure,
    grid_rows,
    house_figure,
    in_order,
    label_rows,
    outside_legend,
    require_columns,
    series_handles,
)
from bayesgov.report.style import INK, MUTED, RULE, broken, series_styles, wrapped


@house_figure
def probability_curves(data: pd.DataFrame, *, columns: int = 2) -> Figure:
    """Probability of every level against a predictor, one panel for each predictor, with its interval.

    Parameters
    ----------
    data : DataFrame
        Columns ``predictor``, ``value`` (numbers, or names of levels), ``level``, ``estimate``, ``lower``, ``upper``.
    """
    require_columns(data, ("predictor", "value", "level", "estimate", "lower", "upper"))
    predictors, levels = in_order(data["predictor"]), in_order(data["level"])
    styles = series_styles(levels)
    columns = min(columns, len(predictors))
    figure = blank_figure(0.6 + 2.0 * grid_rows(len(predictors), columns))
    for index, predictor in enumerate(predictors):
        axes = figure.add_subplot(grid_rows(len(predictors), columns), columns, index + 1)
        panel = data[data["predictor"].astype(str) == predictor]
        named = not pd.api.types.is_numeric_dtype(panel["value"].infer_objects())
        names = in_order(panel["value"]) if named else []
        for shift, level in zip(np.linspace(-0.15, 0.15, len(levels)), levels, strict=True):
            mine, style = panel[panel["level"].astype(str) == level], styles[level]
            where = mine["value"].astype(str).map(names.index) + shift if named else mine["value"].astype(float)
            if named:
                axes.vlines(where, mine["lower"], mine["upper"], style.color, linewidth=1)
            else:
                axes.fill_between(where, mine["lower"], mine["upper"], color=style.color, alpha=0.15, linewidth=0)
            axes.plot(
                where,
                mine["estimate"],
                color=style.color,
                linestyle="none" if named else style.line,
                marker=style.marker,
                markerfacecolor=style.face,
                markevery=1 if named else max(1, len(mine) // 5),
            )
        if named:
            axes.set_xticks(range(len(names)), [wrapped(name, 12) for name in names])
        elif (panel["value"].astype(float) % 1 == 0).all():
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.set_xlabel(wrapped(predictor, 40))
        axes.set_ylim(0, 1.05 * panel["upper"].max())
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="y", color=RULE, linewidth=0.5)
        if index % columns == 0:
            axes.set_ylabel("probability")
    outside_legend(figure, series_handles(styles, dashed=True))
    return figure


@house_figure
def replicated_shares(data: pd.DataFrame, *, columns: int = 3) -> Figure:
    """Observed shares of the levels against what the model replicates, one panel for each part of the data.

    Parameters
    ----------
    data : DataFrame
        Columns ``part``, ``level``, ``observed``, ``median``, ``lower``, ``upper``.
    """
    require_columns(data, ("part", "level", "observed", "median", "lower", "upper"))
    parts, levels = in_order(data["part"]), in_order(data["level"])
    columns = min(columns, len(parts))
    rows = grid_rows(len(parts), columns)
    figure = blank_figure(0.6 + 1.7 * rows)
    styles = series_styles(["replicated", "observed"])
    for index, part in enumerate(parts):
        axes = figure.add_subplot(rows, columns, index + 1)
        panel = data[data["part"].astype(str) == part]
        place = panel["level"].astype(str).map(levels.index).to_numpy(dtype=float)
        axes.vlines(place, panel["lower"], panel["upper"], styles["replicated"].color, linewidth=5, alpha=0.35)
        axes.plot(place, panel["median"], "_", color=styles["replicated"].color, markersize=9)
        observed = styles["observed"]
        axes.plot(place, panel["observed"], observed.marker, color=observed.color, markerfacecolor="white")
        axes.set_xticks(range(len(levels)), levels)
        axes.set_xlim(-0.5, len(levels) - 0.5)
        axes.set_ylim(0, 1.1 * panel[["observed", "upper"]].to_numpy(dtype=float).max())
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.grid(axis="y", color=RULE, linewidth=0.5)
        axes.set_title(broken(part, 78 // columns))
    outside_legend(
        figure,
        [
            Patch(facecolor=styles["replicated"].color, alpha=0.35, label="replicated, central 95% and median"),
            *series_handles({"observed": styles["observed"]}, banded="none"),
        ],
    )
    return figure


@house_figure
def row_flow(data: pd.DataFrame) -> Figure:
    """From the rows in the file to the rows in the model: what is left after each step, and what the step lost.

    Parameters
    ----------
    data : DataFrame
        Columns ``reason``, ``lost``, ``left``, in the order of the steps; the first row is the file.
    """
    require_columns(data, ("reason", "lost", "left"))
    figure = blank_figure(0.8 + 0.3 * len(data))
    axes = figure.add_subplot()
    total = float(data["left"].iloc[0])
    y = range(len(data))
    axes.barh(y, data["left"], height=0.62, color="#9AD0F5", edgecolor=INK, linewidth=0.5)
    axes.barh(
        y, data["lost"], left=data["left"], height=0.62, color="#D55E00", hatch="////", edgecolor=INK, linewidth=0.5
    )
    for row, (lost, left) in enumerate(data[["lost", "left"]].itertuples(index=False)):
        text = f"{left:,}" + (f"  (−{lost:,})" if lost else "")
        axes.text(left + lost + 0.01 * total, row, text, va="center", color=INK)
    label_rows(axes, [str(reason) for reason in data["reason"]], 38)
    axes.set_xlim(0, 1.24 * total)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_xlabel("rows")
    axes.spines["bottom"].set_color(MUTED)
    outside_legend(
        figure,
        [
            Patch(facecolor="#9AD0F5", edgecolor=INK, linewidth=0.5, label="left"),
            Patch(facecolor="#D55E00", hatch="////", edgecolor=INK, linewidth=0.5, label="lost at this step"),
        ],
    )
    return figure
