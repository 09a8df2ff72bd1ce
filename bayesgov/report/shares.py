"""Figures of counts and shares as stacked bars: outcome profiles, verdicts of the audit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from bayesgov.report.marks import (
    Limits,
    blank_figure,
    house_figure,
    in_order,
    label_rows,
    outside_legend,
    require_columns,
    value_axis,
)
from bayesgov.report.style import INK, MAX_WIDTH, VERDICTS, wrapped

# Fill, hatch and ink of the outcome grades, from the best.
_GRADES = (("#0072B2", "", "white"), ("#9AD0F5", "////", INK), ("#ffffff", "", INK), ("#E69F00", "xx", INK))

# Layout of the profiles, in inches and characters.
_LABELS, _BARS, _LINE = 1.93, 1.15, 0.13
_LABEL_WIDTH = 28
_NARROWEST = 0.14  # a narrower segment has no room for its number; the data file has it


@house_figure
def profiles(data: pd.DataFrame) -> Figure:
    """Contingency tables as small multiples: for each option the shares of the outcome grades, adding up to 100 %.

    Two panels stand side by side; eight to ten items fill a printed page.

    Parameters
    ----------
    data : DataFrame
        Columns ``item`` (panel), ``option`` (bar), ``grade`` (segment), ``share`` in [0, 1].

    Raises
    ------
    ValueError
        If there are more grades than fills that stay distinct.
    """
    require_columns(data, ("item", "option", "grade", "share"))
    items, grades = in_order(data["item"]), in_order(data["grade"])
    if len(grades) > len(_GRADES):
        raise ValueError(f"a profile tells {len(_GRADES)} grades apart; got {len(grades)}")
    panels = [data[data["item"].astype(str) == item] for item in items]
    lines = [sum(_option_lines(panel)) for panel in panels]
    pairs = [max(lines[i : i + 2]) for i in range(0, len(lines), 2)]
    heights = [_LINE * pair + 0.34 for pair in pairs]  # the title and the gap below the panel take 0.34 inches
    height = 0.34 + sum(heights)
    # Laid out in inches: constrained layout would size the label column anew for every row of panels.
    figure = Figure(figsize=(MAX_WIDTH, height))
    for index, (item, panel) in enumerate(zip(items, panels, strict=True)):
        left = 0.05 + (index % 2) * (MAX_WIDTH / 2)
        top = height - 0.34 - sum(heights[: index // 2]) - 0.24
        bars = (left + _LABELS, top - _LINE * lines[index], _BARS, _LINE * lines[index])
        axes = figure.add_axes((bars[0] / MAX_WIDTH, bars[1] / height, bars[2] / MAX_WIDTH, bars[3] / height))
        _profile_panel(axes, panel, grades)
        figure.text(left / MAX_WIDTH, (top + 0.06) / height, item, fontweight="bold", va="bottom")
    handles = [
        Patch(facecolor=fill, hatch=hatch, edgecolor=INK, linewidth=0.5, label=grade)
        for grade, (fill, hatch, _) in zip(grades, _GRADES, strict=False)
    ]
    figure.legend(handles=handles, loc="upper center", ncols=len(grades))
    return figure


def _option_lines(panel: pd.DataFrame) -> list[float]:
    """Height of each option's row, in lines of text."""
    return [max(wrapped(option, _LABEL_WIDTH).count("\n") + 1.2, 1.6) for option in in_order(panel["option"])]


def _profile_panel(axes: Axes, data: pd.DataFrame, grades: Sequence[str]) -> None:
    options, lines = in_order(data["option"]), np.asarray(_option_lines(data))
    y = np.cumsum(lines) - lines / 2
    start = np.zeros(len(options))
    for grade, (fill, hatch, ink) in zip(grades, _GRADES, strict=False):
        mine = data[data["grade"].astype(str) == grade]
        share = mine.set_index(mine["option"].astype(str))["share"].reindex(options).to_numpy(dtype=float)
        axes.barh(
            y, share, left=start, height=1.25, color=fill, hatch=hatch, edgecolor=INK, linewidth=0.5, clip_on=False
        )
        for row, left, size in zip(y, start, share, strict=True):
            if size >= _NARROWEST:
                box = {"facecolor": fill, "edgecolor": "none", "pad": 0.6}
                axes.text(left + size / 2, row, f"{100 * size:.0f}", ha="center", va="center", color=ink, bbox=box)
        start = start + share
    axes.set_yticks(y, [wrapped(option, _LABEL_WIDTH) for option in options], linespacing=1.05)
    axes.set_ylim(lines.sum(), 0)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


@house_figure
def audit_overview(data: pd.DataFrame) -> Figure:
    """How many checks ended in each verdict, by place in the paper.

    Parameters
    ----------
    data : DataFrame
        Columns ``place``, ``verdict``, ``count``.
    """
    require_columns(data, ("place", "verdict", "count"))
    counts = data.pivot_table(index="place", columns="verdict", values="count", aggfunc="sum", fill_value=0, sort=False)
    verdicts = [name for name in VERDICTS if name in counts]
    figure = blank_figure(0.9 + 0.32 * len(counts))
    axes = figure.add_subplot()
    start = np.zeros(len(counts))
    total = float(counts.to_numpy().sum(axis=1).max())
    for verdict in verdicts:
        style, number = VERDICTS[verdict], counts[verdict].to_numpy(dtype=float)
        axes.barh(
            range(len(counts)),
            number,
            left=start,
            height=0.7,
            color=style.fill,
            hatch=style.hatch,
            edgecolor=INK,
            linewidth=0.6,
        )
        for row, (left, size) in enumerate(zip(start, number, strict=True)):
            if size >= 0.035 * total:  # a narrower segment has no room for its number; the data file has it
                box = {"facecolor": style.fill, "edgecolor": "none", "pad": 0.8}
                axes.text(left + size / 2, row, f"{size:.0f}", ha="center", va="center", color=style.ink, bbox=box)
        start = start + number
    label_rows(axes, [str(place) for place in counts.index], 30)
    value_axis(axes, Limits(0, 1.02 * total), "number of checks", zero=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    outside_legend(
        figure,
        [
            Patch(facecolor=VERDICTS[v].fill, hatch=VERDICTS[v].hatch, edgecolor=INK, linewidth=0.6, label=v)
            for v in verdicts
        ],
    )
    return figure
