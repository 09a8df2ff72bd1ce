"""The table behind a public figure, from whatever holds it: an analysis, a run, a Design or the table itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayesgov.panel.analysis import PanelAnalysis
from bayesgov.panel.design import PanelDesign
from bayesgov.report.plots_caption import data_and_model, of_analysis
from bayesgov.runs import Run
from bayesgov.survey.analysis import SurveyAnalysis
from bayesgov.survey.design import Design

# columns that a run folder's tables call otherwise
_AS_STORED = {"p_hansen": "hansen_p", "rows_lost": "lost"}


@dataclass(frozen=True, slots=True)
class FoundFrame:
    """A table to draw.

    Attributes
    ----------
    frame : DataFrame
    sentences : tuple of str
        For the caption: data and model, where the source knows them.
    analysis : SurveyAnalysis, PanelAnalysis or None
    """

    frame: pd.DataFrame
    sentences: tuple[str, ...] = ()
    analysis: SurveyAnalysis | PanelAnalysis | None = None


def frame_of(name: str, source: Any, table: str, columns: Sequence[str]) -> FoundFrame:
    """The table called ``table`` of an analysis or a run, the flow of a Design, or the frame itself.

    Raises
    ------
    ValueError
        If the source has no such table, or the frame lacks one of ``columns``.
    """
    if isinstance(source, SurveyAnalysis | PanelAnalysis | Run):
        if table not in source.tables:
            raise ValueError(f"{name} needs the table {table!r}; there are: {', '.join(source.tables)}")
        frame = source.tables[table]
        if isinstance(source, Run):
            return FoundFrame(frame.rename(columns=_AS_STORED), data_and_model(tuple(source.fits.values())))
        return FoundFrame(frame, of_analysis(source.spec, source.table.name, int(source.design.n_obs)), source)
    if isinstance(source, Design | PanelDesign) and table == "flow":
        steps = [(step.reason, step.lost, step.left) for step in source.flow]
        return FoundFrame(pd.DataFrame(steps, columns=["reason", "lost", "left"]))
    if not isinstance(source, pd.DataFrame):
        raise ValueError(f"{name} takes an analysis, a run or its table {table!r}; got {type(source).__name__}")
    if missing := [column for column in columns if column not in source]:
        raise ValueError(f"{name} needs the column {missing[0]!r}; the frame has: {', '.join(map(str, source))}")
    return FoundFrame(source)
