"""Figures of variable selection: error and coefficients along a Lasso path, and beside them a projection's path."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bayesgov.report.marks import blank_figure, house_figure, in_order, outside_legend, require_columns
from bayesgov.report.style import INK, MUTED, RULE, series_styles, wrapped

_LINES = ("-", "--", "-.", ":")
_LABEL_HEIGHT = 0.15  # inches: one line of text beside a path
_AROUND = 1.0  # inches: axis labels and ticks above and below a panel of paths
_LAMBDA_LINES = {"λ.min": (0, (4, 2)), "λ.1se": (0, (1, 1.5))}


@house_figure
def lasso_error(data: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Error against log λ, one panel for each criterion, the number of variables on top.

    Parameters
    ----------
    data : DataFrame
        Columns ``criterion``, ``log_lambda``, ``error``, ``lower``, ``upper`` (NaN where the criterion has no standard
        error) and ``n_variables``.
    chosen : DataFrame
        Columns ``criterion``, ``rule`` ("λ.min", "λ.1se") and ``log_lambda``.
    """
    require_columns(data, ("criterion", "log_lambda", "error", "lower", "upper", "n_variables"))
    require_columns(chosen, ("criterion", "rule", "log_lambda"))
    criteria = in_order(data["criterion"])
    figure = blank_figure(0.5 + 2.3 * len(criteria))
    for index, criterion in enumerate(criteria):
        axes = figure.add_subplot(len(criteria), 1, index + 1)
        panel = data[data["criterion"].astype(str) == criterion].sort_values("log_lambda")
        style = series_styles([criterion])[criterion]
        axes.vlines(panel["log_lambda"], panel["lower"], panel["upper"], MUTED, linewidth=0.7)
        axes.plot(panel["log_lambda"], panel["error"], "o", color=style.color, markersize=2.6)
        _mark_lambdas(axes, chosen[chosen["criterion"].astype(str) == criterion])
        axes.set_ylabel(wrapped(criterion, 34))
        axes.grid(axis="y", color=RULE, linewidth=0.5)
        _variables_on_top(axes, panel)
    axes.set_xlabel("log λ")
    outside_legend(figure, _lambda_handles(chosen))
    return figure


@house_figure
def coefficient_paths(data: pd.DataFrame, chosen: pd.DataFrame, *, ylabel: str = "coefficient") -> Figure:
    """Coefficients along the path, every line named at its end.

    Parameters
    ----------
    data : DataFrame
        Columns ``term``, ``log_lambda``, ``coefficient``, ``n_variables``; optionally ``model`` (a panel each).
    chosen : DataFrame
        Columns ``rule`` and ``log_lambda``, and ``model`` where ``data`` has it.
    """
    require_columns(data, ("term", "log_lambda", "coefficient", "n_variables"))
    data = data if "model" in data else data.assign(model="")
    chosen = chosen if "model" in chosen else chosen.assign(model="")
    models, terms = in_order(data["model"]), in_order(data["term"])
    tall = max(2.6, _AROUND + 1.15 * _LABEL_HEIGHT * len(terms))
    figure = blank_figure(0.5 + tall * len(models))
    for index, model in enumerate(models):
        axes = figure.add_subplot(len(models), 1, index + 1)
        panel = data[data["model"].astype(str) == model].sort_values("log_lambda")
        _draw_paths(axes, panel, terms, tall - _AROUND)
        _mark_lambdas(axes, chosen[chosen["model"].astype(str) == model])
        axes.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
        axes.set_ylabel(wrapped(f"{ylabel} ({model})" if model else ylabel, 34))
        _variables_on_top(axes, panel.drop_duplicates("log_lambda"))
    axes.set_xlabel("log λ")
    outside_legend(figure, _lambda_handles(chosen))
    return figure


@house_figure
def selection_paths(data: pd.DataFrame, chosen: pd.DataFrame, order: pd.DataFrame) -> Figure:
    """Lasso and projection side by side: error against the number of variables, and the order in which they enter.

    Parameters
    ----------
    data : DataFrame
        Columns ``procedure`` (a panel each), ``size``, ``estimate``, ``lower``, ``upper``, ``ylabel``.
    chosen : DataFrame
        Columns ``procedure``, ``rule``, ``size``.
    order : DataFrame
        Columns ``term``, and one column of ranks for each of two procedures, 1 for the variable that enters first.
    """
    require_columns(data, ("procedure", "size", "estimate", "lower", "upper", "ylabel"))
    require_columns(order, ("term",))
    procedures = in_order(data["procedure"])
    figure = blank_figure(2.9 + _LABEL_HEIGHT * len(order))
    grid = figure.add_gridspec(2, len(procedures), height_ratios=(2.2, 0.5 + _LABEL_HEIGHT * len(order)))
    for index, procedure in enumerate(procedures):
        axes = figure.add_subplot(grid[0, index])
        panel = data[data["procedure"].astype(str) == procedure].sort_values("size")
        axes.vlines(panel["size"], panel["lower"], panel["upper"], MUTED, linewidth=0.9)
        axes.plot(panel["size"], panel["estimate"], "o-", color=INK, markersize=3, linewidth=0.8)
        mine = chosen[chosen["procedure"].astype(str) == procedure]
        for (rule, size), line in zip(mine[["rule", "size"]].itertuples(index=False), _LINES[1:], strict=False):
            axes.axvline(size, color=MUTED, linestyle=line, linewidth=1, label=f"{rule}: {size}")
        axes.legend(loc="best")
        axes.set_title(wrapped(procedure, 34))
        axes.set_ylabel(wrapped(str(panel["ylabel"].iloc[0]), 26))
        axes.set_xlabel("number of variables")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    _order_of_entry(figure.add_subplot(grid[1, :]), order)
    return figure


def _draw_paths(axes: Axes, panel: pd.DataFrame, terms: Sequence[str], height: float) -> None:
    """Draw every path with its name at the left end; ``height`` of the axes in inches."""
    names = panel["term"].astype(str)
    paths = [panel.loc[names == term, ["log_lambda", "coefficient"]].to_numpy(dtype=float) for term in terms]
    for index, points in enumerate(paths):
        # colour and dash only help the eye along; the name at the end of the line identifies it
        colour = (INK, "#0072B2", "#B04A00")[index % 3]
        axes.plot(points[:, 0], points[:, 1], color=colour, linestyle=_LINES[index % 4], linewidth=1)
    ends = np.array([points[0, 1] for points in paths])
    low, high = axes.get_ylim()
    for _ in range(5):  # names that are pushed apart widen the axis, which widens their distance again
        step = (high - low) * _LABEL_HEIGHT / height
        places = _apart(ends, step)
        low, high = min(low, places.min() - step / 2), max(high, places.max() + step / 2)
    left, right = panel["log_lambda"].min(), panel["log_lambda"].max()
    for term, end, place in zip(terms, ends, places, strict=True):
        axes.annotate(
            term,
            (left, end),
            (left - 0.07 * (right - left), place),
            ha="right",
            va="center",
            arrowprops={
                "arrowstyle": "-",
                "color": MUTED,
                "linewidth": 0.5,
                "shrinkA": 0,
                "shrinkB": 0,
                "relpos": (1, 0.5),
            },
        )
    axes.set_ylim(low, high)
    axes.set_xlim(left, right + 0.02 * (right - left))
    axes.spines["left"].set_visible(False)
    axes.spines["right"].set_visible(True)
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")


def _apart(values: np.ndarray, step: float) -> np.ndarray:
    """Positions near ``values``, in the same order and at least ``step`` apart (pool-adjacent-violators)."""
    order = np.argsort(values, kind="stable")
    blocks: list[tuple[float, int]] = []  # mean of (value - rank * step), size
    for rank, value in enumerate(values[order]):
        mean, size = value - rank * step, 1
        while blocks and blocks[-1][0] >= mean:
            former, count = blocks.pop()
            mean, size = (former * count + mean * size) / (count + size), count + size
        blocks.append((mean, size))
    base = np.concatenate([np.full(size, mean) for mean, size in blocks])
    placed = np.empty(values.size)
    placed[order] = base + step * np.arange(values.size)
    return placed


def _variables_on_top(axes: Axes, panel: pd.DataFrame) -> None:
    top = axes.secondary_xaxis("top")
    places = np.linspace(panel["log_lambda"].min(), panel["log_lambda"].max(), 9)
    nearest = [int((panel["log_lambda"] - place).abs().to_numpy().argmin()) for place in places]
    top.set_xticks(places, [str(panel["n_variables"].iloc[row]) for row in nearest])
    top.set_xlabel("number of variables")


def _mark_lambdas(axes: Axes, chosen: pd.DataFrame) -> None:
    for rule, place in chosen[["rule", "log_lambda"]].itertuples(index=False):
        axes.axvline(place, color=INK, linestyle=_LAMBDA_LINES.get(str(rule), "-"), linewidth=0.9, zorder=1)


def _lambda_handles(chosen: pd.DataFrame) -> list[Line2D]:
    return [
        Line2D([], [], color=INK, linestyle=_LAMBDA_LINES.get(rule, "-"), linewidth=0.9, label=rule)
        for rule in in_order(chosen["rule"])
    ]


def _order_of_entry(axes: Axes, order: pd.DataFrame) -> None:
    """Two columns of names, joined where the two procedures rank a variable differently."""
    left, right = (str(name) for name in order.columns if name != "term")
    order = order.assign(term=[textwrap.shorten(str(term), 32, placeholder=" …") for term in order["term"]])
    for term, one, other in order[["term", left, right]].itertuples(index=False):
        alike = one == other
        axes.plot(
            [0, 1], [one, other], color=MUTED if alike else INK, linewidth=0.7 if alike else 1.1, marker="o", ms=3
        )
        axes.text(-0.03, one, f"{one}  {term}", ha="right", va="center")
        axes.text(1.03, other, f"{other}  {term}", ha="left", va="center")
    axes.set_xlim(-1.1, 2.1)
    axes.set_ylim(len(order) + 0.6, 0.4)
    axes.text(-0.03, 0.2, f"order of entry, {left}", ha="right", va="bottom", fontweight="bold")
    axes.text(1.03, 0.2, f"order of entry, {right}", ha="left", va="bottom", fontweight="bold")
    axes.set_axis_off()
