"""Finds tables of an analysis that its report does not show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd
import pytest

from bayesgov.report import categories, figures, held_out_figures, panel_figures, selection
from bayesgov.report.content import ReportFigure, ReportTable, Section

_DRAWING = (categories, figures, held_out_figures, panel_figures, selection)


def unshown(
    tables: Mapping[str, pd.DataFrame],
    make: Callable[[dict[str, pd.DataFrame]], Sequence[Section]],
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    """Names of tables without which the sections say just the same."""
    for module in _DRAWING:
        for name, drawn in list(vars(module).items()):
            if hasattr(drawn, "__wrapped__"):  # a house figure: what is drawn is in its data
                monkeypatch.setattr(module, name, lambda *_given, **_named: None)
    tagged = {name: frame.copy() for name, frame in tables.items()}
    for name, frame in tagged.items():
        frame.attrs["table"] = name  # goes with the frame through most of what is done to it
    made = make(tagged)
    whole = list(_said(made))
    doubtful = [name for name in tables if name not in _tags(made)]
    return [name for name in doubtful if _without(name, tables, make) == whole]


def _tags(sections: Sequence[Section]) -> set[str]:
    blocks = [block for section in sections for block in section.blocks]
    frames = [block.frame for block in blocks if isinstance(block, ReportTable)]
    frames += [block.data for block in blocks if isinstance(block, ReportFigure)]
    return {frame.attrs.get("table", "") for frame in frames}


def _without(
    name: str,
    tables: Mapping[str, pd.DataFrame],
    make: Callable[[dict[str, pd.DataFrame]], Sequence[Section]],
) -> list[str] | None:
    try:  # a table that others cannot do without is shown with them
        return list(_said(make({other: frame for other, frame in tables.items() if other != name})))
    except KeyError:
        return None


def _said(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        for block in section.blocks:
            if isinstance(block, ReportTable):
                yield f"{section.key} {block.key} {block.caption} {block.frame.to_csv()}"
            elif isinstance(block, ReportFigure):
                yield f"{section.key} {block.key} {block.caption} {block.description} {block.data.to_csv()}"
            else:
                yield f"{section.key} {block}"
