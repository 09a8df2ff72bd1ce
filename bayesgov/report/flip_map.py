"""The decision-flip map: how far each verdict is from another one, by claim and dial, as a figure and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayesgov.report.content import Block, Document, Paragraph, ReportFigure, ReportTable, Section
from bayesgov.report.marks import blank_figure, house_figure, in_order, label_rows, outside_legend, series_handles
from bayesgov.report.style import MUTED, RULE, SeriesStyle, series_styles, wrapped
from bayesgov.row_claims import RowVerdicts

_OF_SIMULATION = (
    "The claims are put to simulated rows: what holds here holds of the simulation, not of the data that the claims "
    "are about."
)
_SOURCES = {"printed": "printed table", "frequentist": "frequentist analysis", "posterior": "posterior"}


@dataclass(frozen=True, slots=True)
class _Panel:
    """One dial: its units that have a common scale, and how far the axis goes."""

    dial: str
    title: str
    label: str
    units: tuple[str, ...]
    nearest: float
    farthest: float
    ticks: tuple[float, ...]


_PANELS = (
    _Panel("level", "Level", "factor on α or on\n1 less the probability", ("factor",), 1.0, 1000.0, (1, 10, 100, 1000)),
    _Panel(
        "limit",
        "Limit",
        "standard errors or\nposterior sd",
        ("standard errors", "posterior sd"),
        0.0,
        6.0,
        (0, 2, 4, 6),
    ),
    _Panel("prior", "Prior", "power of the prior,\nas a factor", ("factor",), 1.0, 4.0, (1, 2, 4)),
    _Panel("rounding", "Rounding", "units of the\nlast digit", ("last digits",), 1.0, 1000.0, (1, 10, 100, 1000)),
)


def flip_section(flips: pd.DataFrame, key: str) -> tuple[Section, ...]:
    """The section on what would flip a verdict, if there is anything that could.

    Parameters
    ----------
    flips : DataFrame
        As :func:`bayesgov.flips.flip_table` returns it.
    key : str
        Of the study, which keys of figure and table start with.
    """
    if flips.empty:
        return ()
    return (Section("flips", "What would flip a verdict", (*_figure(flips, key), *_table(flips, key))),)


def with_claims(document: Document, judged: RowVerdicts) -> Document:
    """A report on rows with the verdicts on claims, and what would flip them ahead of its other sections."""
    part = document.parts[0]
    about = (_OF_SIMULATION,) if judged.verdicts and part.source.startswith("simulated rows") else ()
    judged_part = replace(
        part,
        verdicts=judged.verdicts,
        sections=(*flip_section(judged.flips, part.key), *part.sections),
        summary=(*about, *part.summary),
    )
    return replace(document, parts=(judged_part, *document.parts[1:]), problems=(*document.problems, *judged.problems))


def drawn_flips(flips: pd.DataFrame) -> pd.DataFrame:
    """The flips that the map shows: those whose distance is in a unit that claims have in common."""
    shown = [(flips["dial"] == panel.dial) & flips["unit"].isin(panel.units) for panel in _PANELS]
    wanted = np.logical_or.reduce(shown) & flips["distance"].notna().to_numpy()
    drawn: pd.DataFrame = flips.loc[wanted].reset_index(drop=True)
    return drawn


def _figure(flips: pd.DataFrame, key: str) -> tuple[Block, ...]:
    drawn = drawn_flips(flips)
    if drawn.empty:
        return (Paragraph("No dial has a distance that could be drawn: the table says why."),)
    data = drawn.assign(source=drawn["source"].map(_SOURCES))
    return (
        ReportFigure(
            f"{key}-flip-map",
            "How far each verdict is from another one",
            "Distance of each claim's answer from the nearest other answer, by dial and source of evidence, one dial "
            "turned at a time. Level: the limit of a p-value, or of the posterior probability of the claim. Limit: "
            "what the estimand is held against. Prior: the power that the prior is raised to, from 1/4 to 4, by "
            "importance weights. Rounding: change of one printed number. Distances without a common unit stand in the "
            "table only.",
            "Marks near the left edge are verdicts that a small change of a convention, a prior or a printed digit "
            "would turn; an arrow head is one that lies further than was tried, or than the axis reaches.",
            _description(drawn),
            flip_map(data),
            data,
        ),
    )


def _description(drawn: pd.DataFrame) -> str:
    known = drawn[~drawn["beyond"].astype(bool)]
    parts = []
    for panel in _PANELS:
        mine = known[known["dial"] == panel.dial]
        if len(mine):
            claim, source, distance, unit = mine.nsmallest(1, "distance")[["claim", "source", "distance", "unit"]].iloc[
                0
            ]
            parts.append(f"{panel.title}: nearest {claim} ({source}), {distance:.3g} {unit}")
    return "; ".join(parts) + "." if parts else "Every flip lies further than was tried."


def _table(flips: pd.DataFrame, key: str) -> tuple[ReportTable, ...]:
    further = flips["beyond"].astype(bool)
    note = flips["note"].where(~further, ("further than this, if at all; " + flips["note"]).str.rstrip("; "))
    frame = flips.assign(note=note).drop(columns="beyond").rename(columns={"distance": "how_far"})
    return (
        ReportTable(
            f"{key}-flips",
            "The smallest change that flips each answer",
            "One row for each claim, source and dial. Flips at: the dial's value beyond which the answer is another; "
            "empty where no value that was tried changes it. An answer of the audit is not among them: its tolerance "
            "is already the rounding of what is printed.",
            frame,
            folded=True,
        ),
    )


@house_figure
def flip_map(data: pd.DataFrame) -> Figure:
    """Claims × dials, the distance to the nearest other answer as position.

    Parameters
    ----------
    data : DataFrame
        Columns ``claim``, ``source`` (in words: the series), ``dial``, ``distance``, ``beyond``.
    """
    claims = in_order(data["claim"])
    styles = series_styles(name for name in _SOURCES.values() if (data["source"] == name).any())
    panels = [panel for panel in _PANELS if (data["dial"] == panel.dial).any()]
    height = sum(0.13 + 0.13 * wrapped(claim, 22).count("\n") for claim in claims) + 0.1 * len(claims)
    figure = blank_figure(1.4 + height)
    for position, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), position + 1)
        mine = data[data["dial"] == panel.dial]
        _distances(axes, mine, panel, claims, styles)
        label_rows(axes, claims, 22)
        axes.set_title(panel.title)
        if position:
            axes.set_yticklabels([])
    outside_legend(figure, series_handles(styles))
    return figure


def _distances(
    axes: Axes, data: pd.DataFrame, panel: _Panel, claims: Sequence[str], styles: Mapping[str, SeriesStyle]
) -> None:
    if panel.nearest > 0:
        axes.set_xscale("log")
    for place, (name, style) in enumerate(styles.items()):
        mine = data[data["source"] == name]
        beside = 0.24 * (place - (len(styles) - 1) / 2)
        y = np.array([claims.index(claim) + beside for claim in mine["claim"]])
        distance = mine["distance"].to_numpy(dtype=float)
        cut = mine["beyond"].to_numpy(dtype=bool) | (distance > panel.farthest)
        shown = np.clip(distance, panel.nearest, panel.farthest)
        axes.hlines(y, panel.nearest, shown, style.color, linewidth=0.7, alpha=0.5)
        for chosen, marker, size in ((~cut, style.marker, 4.5), (cut, ">", 5.0)):
            if chosen.any():  # an empty line, drawn beyond the axes, has no place that a layout could know
                axes.plot(
                    shown[chosen],
                    y[chosen],
                    marker,
                    color=style.color,
                    markerfacecolor=style.face,
                    markeredgewidth=1.1,
                    markersize=size,
                    clip_on=False,
                    zorder=5,
                )
    axes.set_xlim(panel.nearest, panel.farthest)
    axes.xaxis.set_major_locator(FixedLocator(panel.ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
    axes.grid(axis="x", color=RULE, linewidth=0.5)
    axes.axvline(panel.nearest, color=MUTED, linewidth=0.9, zorder=0)
    axes.set_xlabel(panel.label)
