"""Building blocks of the figures: rows of intervals, axis limits, legends. No statistics here either."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bayesgov.report.style import MAX_WIDTH, MUTED, RULE, SeriesStyle, drawing_style, wrapped

# An interval reaching further than this many median half-widths beyond every estimate is cut at the panel's edge and
# ends in an arrow; otherwise one region with a near-zero t-value flattens all the others.
_REACH = 4.0
_NOTEBOOK_DPI = 110
_CHARACTER = 0.066  # inches: mean width of a DejaVu Sans character at 8 points, for legend columns


@dataclass(frozen=True, slots=True)
class Limits:
    """Axis limits."""

    low: float
    high: float


def house_figure[**P](draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw under the house settings, then fix the layout, so that saving in two formats lays out once."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with drawing_style():
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        return figure

    return drawn


class HouseFigure(Figure):
    """A figure that a notebook shows by itself: nothing here goes through pyplot, which would do that."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        with drawing_style():
            self.savefig(stream, format="png", dpi=_NOTEBOOK_DPI, metadata={"Software": None})
        return stream.getvalue()


def blank_figure(height: float, width: float = MAX_WIDTH) -> Figure:
    """An empty figure (inches) with constrained layout."""
    engine = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.03, hspace=0.03)
    return HouseFigure(figsize=(width, height), layout=engine)


def require_columns(data: pd.DataFrame, columns: Iterable[str]) -> None:
    """ValueError if a column that the figure draws is missing or there is no row."""
    missing = [name for name in columns if name not in data]
    if missing:
        raise ValueError(
            f"the figure needs the column {missing[0]!r}; the frame has: {', '.join(map(str, data.columns))}"
        )
    if data.empty:
        raise ValueError("the figure needs one row or more; the frame is empty")


def in_order(values: pd.Series) -> list[str]:
    """Distinct values as text, in order of first appearance."""
    return list(dict.fromkeys(values.astype(str)))


def robust_limits(estimate: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, zero: bool) -> Limits:
    """Limits that show every estimate, and every interval unless it is far longer than the others.

    Parameters
    ----------
    estimate, lower, upper : ndarray, shape (n,)
        Limits of intervals may be infinite; estimates may be NaN (drawn as intervals only).
    zero : bool
        Whether zero is to be inside.
    """
    known = np.isfinite(lower) & np.isfinite(upper)
    middle = 0.5 * (np.where(known, lower, np.nan) + np.where(known, upper, np.nan))
    centre = np.where(np.isfinite(estimate), estimate, middle)
    keep = np.isfinite(centre)
    centre, low, high = centre[keep], lower[keep], upper[keep]
    if centre.size == 0:
        return Limits(-1.0, 1.0)
    half = np.maximum(high - centre, centre - low)
    half = half[np.isfinite(half)]
    reach = _REACH * float(np.median(half)) if half.size else 0.0
    left = max(float(np.min(np.where(np.isfinite(low), low, centre))), float(centre.min()) - reach)
    right = min(float(np.max(np.where(np.isfinite(high), high, centre))), float(centre.max()) + reach)
    if zero:
        left, right = min(left, 0.0), max(right, 0.0)
    margin = 0.05 * (right - left) or 0.5
    return Limits(left - margin, right + margin)


def frame_limits(data: pd.DataFrame, *, zero: bool) -> Limits:
    """:func:`robust_limits` of the columns estimate, lower and upper."""
    estimate, lower, upper = (data[name].to_numpy(dtype=float) for name in ("estimate", "lower", "upper"))
    return robust_limits(estimate, lower, upper, zero=zero)


def row_positions(data: pd.DataFrame, labels: Sequence[str], series: Sequence[str]) -> np.ndarray:
    """Vertical position of each row of the frame: labels one unit apart, their series side by side around them."""
    place = {label: index for index, label in enumerate(labels)}
    present: dict[str, list[str]] = {label: [] for label in labels}
    for name in series:
        for label in data.loc[data["series"].astype(str) == name, "label"].astype(str):
            present[label].append(name)
    step = min(0.28, 0.78 / max(len(names) for names in present.values()))
    positions = []
    for label, name in zip(data["label"].astype(str), data["series"].astype(str), strict=True):
        beside = present[label]
        positions.append(place[label] + step * (beside.index(name) - (len(beside) - 1) / 2))
    return np.asarray(positions, dtype=float)


def draw_intervals(axes: Axes, y: np.ndarray, data: pd.DataFrame, style: SeriesStyle, limits: Limits) -> None:
    """Draw estimates with their intervals; what the limits cut off ends in an arrow head.

    Parameters
    ----------
    y : ndarray, shape (n,)
    data : DataFrame
        Columns estimate, lower, upper; n rows. Where a column ``set_kind`` says "complement", the set is all but
        the open interval from lower to upper, as Fieller's theorem can give.
    """
    segments = _segments(y, data)
    low, high = segments["low"].to_numpy(), segments["high"].to_numpy()
    height = segments["y"].to_numpy()
    axes.hlines(
        height,
        np.clip(low, limits.low, limits.high),
        np.clip(high, limits.low, limits.high),
        style.color,
        linewidth=1.3,
    )
    for cut, edge, marker in ((low < limits.low, limits.low, "<"), (high > limits.high, limits.high, ">")):
        if cut.any():
            heads = np.full(int(cut.sum()), edge)
            axes.plot(heads, height[cut], marker, color=style.color, markersize=4, clip_on=False, zorder=4)
    axes.plot(
        data["estimate"],
        y,
        style.marker,
        color=style.color,
        markerfacecolor=style.face,
        markeredgewidth=1.1,
        zorder=5,
    )


def _segments(y: np.ndarray, data: pd.DataFrame) -> pd.DataFrame:
    """The lines to draw: columns y, low, high (limits may be infinite); rows without an interval have none."""
    lower, upper = data["lower"].to_numpy(dtype=float), data["upper"].to_numpy(dtype=float)
    split = (data["set_kind"] == "complement").to_numpy() if "set_kind" in data else np.zeros(len(data), dtype=bool)
    infinite = np.full(int(split.sum()), np.inf)
    lines = pd.DataFrame(
        {
            "y": np.concatenate([y[~split], y[split], y[split]]),
            "low": np.concatenate([lower[~split], -infinite, upper[split]]),
            "high": np.concatenate([upper[~split], lower[split], infinite]),
        }
    )
    return lines.dropna()


def label_rows(axes: Axes, labels: Sequence[str], width: int) -> None:
    """Label the rows on the left, wrapped, first row on top, with faint bands to guide the eye."""
    axes.set_yticks(range(len(labels)), [wrapped(label, width) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for index in range(0, len(labels), 2):
        axes.axhspan(index - 0.5, index + 0.5, color="#f4f4f4", linewidth=0, zorder=-2)


def value_axis(axes: Axes, limits: Limits, label: str, *, zero: bool, ticks: int = 5) -> None:
    """Limits, ticks, label and the line at zero of the horizontal axis."""
    axes.set_xlim(limits.low, limits.high)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=ticks, prune=None))
    axes.grid(axis="x", color=RULE, linewidth=0.5)
    if zero and limits.low <= 0 <= limits.high:
        axes.axvline(0, color=MUTED, linewidth=0.9, zorder=0)
    if label:
        axes.set_xlabel(label)


def series_handles(
    styles: Mapping[str, SeriesStyle], *, dashed: bool = False, banded: str | None = None
) -> list[Artist]:
    """Legend entries that show marker and fill of each series; its line style where that is drawn (and of a band)."""
    return [
        Line2D(
            [],
            [],
            color=style.color,
            marker="" if name == banded else style.marker,
            markerfacecolor=style.face,
            markeredgewidth=1.1,
            linestyle=style.line if dashed or name == banded else "-",
            label=wrapped(name, 60),
        )
        for name, style in styles.items()
    ]


def outside_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """A legend above the panels, in as many columns as fit the figure's width."""
    widths = [0.52 + _CHARACTER * max(map(len, str(handle.get_label()).split("\n"))) for handle in handles]
    columns = len(handles)
    if sum(widths) > figure.get_figwidth():
        columns = max(1, math.floor(figure.get_figwidth() / max(widths)))
    figure.legend(handles=list(handles), loc="outside upper center", ncols=columns, handlelength=2.6, columnspacing=1.2)


def grid_rows(panels: int, columns: int) -> int:
    """Rows of a grid that holds so many panels."""
    return math.ceil(panels / columns)
