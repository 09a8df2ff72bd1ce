"""Figures of comparisons: decisions by term and rule, estimates over the choices of an analysis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from bayesgov.report.marks import (
    blank_figure,
    frame_limits,
    house_figure,
    in_order,
    outside_legend,
    require_columns,
    series_handles,
)
from bayesgov.report.style import INK, MAX_WIDTH, MUTED, RULE, SeriesStyle, series_styles, wrapped

# Mark and fill of each decision: the mark tells, the fill helps.
_DECISIONS = {"effect": ("●", "#9AD0F5"), "no effect": ("○", "#ffffff"), "undecided": ("?", "#e8e8e8")}
_ROW, _LINE, _CURVE, _CHARACTER = 0.24, 0.14, 2.1, 0.068  # inches
_WORD = 0.65  # inches: a column that has room for "undecided"
_LABEL, _SHORT_LABEL, _RULE = 34, 26, 26  # characters in a line


@house_figure
def decision_map(table: pd.DataFrame) -> Figure:
    """Decisions by term (row) and rule (column), and how far the rules agree.

    A cell has the word of its decision; with so many rules that words do not fit, a mark, which the legend explains.

    Parameters
    ----------
    table : DataFrame
        As :meth:`bayesgov.comparison.Comparison.concordance` returns it: index ``term``, a column of words for each
        rule, ``agreement`` as a share.
    """
    require_columns(table, ("agreement",))
    rules = [str(name) for name in table.columns if name != "agreement"]
    labels, room = _row_labels(table.index, len(rules))
    words = room >= _WORD
    heads, upright = _heads([*rules, "agreement"], room)
    high = _LINE * max(head.count("\n") + 1 for head in heads) if upright else _CHARACTER * _longest(heads)
    row = max(_ROW, 0.06 + _LINE * max(label.count("\n") + 1 for label in labels))
    figure = blank_figure((0.3 if words else 0.5) + high + row * len(table))
    axes = figure.add_subplot()
    for column, rule in enumerate(rules):
        for place, word in enumerate(table[rule]):
            _cell(axes, column, place, word, words=words)
    for place, share in enumerate(table["agreement"]):
        text = f"{100 * share:.0f}%" if np.isfinite(share) else "–"
        axes.text(len(rules) + 0.15, place, text, ha="center", va="center")
    axes.set_xticks(
        [*range(len(rules)), len(rules) + 0.15], heads, rotation=0 if upright else 90, ha="center", va="bottom"
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(table)), labels)
    axes.tick_params(length=0)
    axes.set_xlim(-0.5, len(rules) + 0.65)
    axes.set_ylim(len(table) - 0.5, -0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if not words:
        outside_legend(figure, _decision_handles(table[rules]))
    return figure


def _row_labels(terms: Iterable[object], n_rules: int) -> tuple[list[str], float]:
    """Labels of the rows, and the inches left for a column; lines are shorter where that makes room for words."""
    for width in (_LABEL, _SHORT_LABEL):
        labels = [wrapped(str(term), width) for term in terms]
        room = (MAX_WIDTH - 0.3 - _CHARACTER * _longest(labels)) / (n_rules + 1.15)
        if room >= _WORD:
            break
    return labels, room


def _longest(texts: Sequence[str]) -> int:
    """Characters in the longest line."""
    return max(len(line) for text in texts for line in text.split("\n"))


def _heads(rules: Sequence[str], room: float) -> tuple[list[str], bool]:
    """Heads of the columns, and whether they are upright: turned where a word is wider than its column."""
    characters = int(room / _CHARACTER)
    heads = [wrapped(rule.replace("> ", ">\u00a0"), characters) for rule in rules]  # "> 3" stays together
    if _longest(heads) <= characters:
        return heads, True
    return [wrapped(rule, _RULE) for rule in rules], False


def _decision_handles(table: pd.DataFrame) -> list[Patch]:
    present = set(table.to_numpy().ravel())
    return [
        Patch(facecolor=fill, edgecolor=MUTED, linewidth=0.5, label=f"{mark}  {word}")
        for word, (mark, fill) in _DECISIONS.items()
        if word in present
    ]


def _cell(axes: Axes, column: int, row: int, word: object, *, words: bool) -> None:
    if not isinstance(word, str):  # the rule does not apply to the term
        axes.text(column, row, "–", ha="center", va="center", color=MUTED)
        return
    mark, fill = _DECISIONS[word]
    axes.add_patch(Rectangle((column - 0.46, row - 0.44), 0.92, 0.88, facecolor=fill, edgecolor=RULE, linewidth=0.5))
    axes.text(column, row, word if words else mark, ha="center", va="center", color=INK, fontsize=8 if words else 9)


@house_figure
def specification_curve(data: pd.DataFrame, choices: pd.DataFrame, *, ylabel: str) -> Figure:
    """Estimates under every combination of choices, in order of size, and below them which choices each is.

    Simonsohn, Simmons & Nelson (2020, doi:10.1038/s41562-020-0912-z).

    Parameters
    ----------
    data : DataFrame
        Columns ``series``, ``estimate``, ``lower``, ``upper``; one row for each specification, in any order, that of
        the series the legend's.
    choices : DataFrame
        One row for each row of ``data``, in its order; a column for each choice, its values as text.
    """
    require_columns(data, ("series", "estimate", "lower", "upper"))
    styles = series_styles(data["series"].astype(str))
    order = np.argsort(data["estimate"].to_numpy(dtype=float), kind="stable")
    data, choices = data.iloc[order].reset_index(drop=True), choices.iloc[order].reset_index(drop=True)
    rows = [(str(name), value) for name in choices.columns for value in in_order(choices[name].sort_values())]
    labels = [wrapped(f"{name}: {value}", _LABEL) for name, value in rows]
    heights = np.array([0.06 + _LINE * (label.count("\n") + 1) for label in labels])
    figure = blank_figure(0.7 + _CURVE + heights.sum())
    grid = figure.add_gridspec(2, 1, height_ratios=(_CURVE, heights.sum()))
    upper, lower = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    _curve(upper, data, styles)
    upper.set_ylabel(wrapped(ylabel, 34))
    _choice_matrix(lower, choices, rows, heights)
    lower.set_yticks(np.cumsum(heights) - heights / 2, labels)
    lower.set_xlabel(f"{len(data)} specifications, in order of their estimates")
    for axes in (upper, lower):
        axes.set_xticks([])
        axes.set_xlim(-0.7, len(data) - 0.3)
    if len(styles) > 1:
        outside_legend(figure, series_handles(styles))
    return figure


def _curve(axes: Axes, data: pd.DataFrame, styles: Mapping[str, SeriesStyle]) -> None:
    limits = frame_limits(data, zero=True)
    for name, style in styles.items():
        mine = data[data["series"].astype(str) == name]
        low, high = np.clip(mine["lower"], limits.low, limits.high), np.clip(mine["upper"], limits.low, limits.high)
        axes.vlines(mine.index, low, high, style.color, linewidth=1)
        axes.plot(
            mine.index,
            mine["estimate"],
            style.marker,
            color=style.color,
            markerfacecolor=style.face,
            markersize=3.6,
        )
    axes.axhline(0, color=MUTED, linewidth=0.9, zorder=0)
    axes.set_ylim(limits.low, limits.high)
    axes.grid(axis="y", color=RULE, linewidth=0.5)


def _choice_matrix(axes: Axes, choices: pd.DataFrame, rows: Sequence[tuple[str, str]], heights: np.ndarray) -> None:
    """A dash where a specification makes a choice; a band behind the choices of every other question."""
    ends = np.cumsum(heights)
    names = list(dict.fromkeys(name for name, _ in rows))
    for (name, value), end, height in zip(rows, ends, heights, strict=True):
        made = np.flatnonzero((choices[name].astype(str) == value).to_numpy())
        axes.plot(made, np.full(made.size, end - height / 2), "|", color=INK, markersize=7, markeredgewidth=1.6)
        if names.index(name) % 2 == 0:
            axes.axhspan(end - height, end, color="#f4f4f4", linewidth=0, zorder=-2)
    axes.set_ylim(ends[-1], 0)
    axes.tick_params(axis="y", length=0)
