"""Sections on rows held out and on the dial: figures draw what the tables have, and say it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from report.drawn_text import outside, overlapping
from report.row_samples import SCHOOLS, dial_tables, held_out_tables

from bayesgov.report import held_out_figures
from bayesgov.report.content import Block, ReportFigure, ReportTable
from bayesgov.report.headings import GLOSSARY
from bayesgov.report.row_prediction import dial_blocks, held_out_blocks
from bayesgov.report.row_tables import displayed
from bayesgov.report.tables import text_table


def _blocks(blocks: tuple[Block, ...], kind: type) -> dict[str, Block]:
    return {block.key: block for block in blocks if isinstance(block, kind)}


@pytest.fixture(scope="module")
def held_out() -> tuple[Block, ...]:
    tables = held_out_tables()
    return held_out_blocks(tables, displayed(tables))


@pytest.fixture(scope="module")
def dial() -> tuple[Block, ...]:
    tables = dial_tables()
    return dial_blocks(tables, displayed(tables), {"temp": "temperature"})


def test_every_figure_is_legible(held_out: tuple[Block, ...], dial: tuple[Block, ...]) -> None:
    figures = _blocks((*held_out, *dial), ReportFigure)
    assert set(figures) == {"calibration", "held-out-pit", "dial"}
    for key, block in figures.items():
        assert isinstance(block, ReportFigure)
        assert overlapping(block.figure) == outside(block.figure) == [], key


def test_every_column_has_a_heading(held_out: tuple[Block, ...], dial: tuple[Block, ...]) -> None:
    for key, block in _blocks((*held_out, *dial), ReportTable).items():
        assert isinstance(block, ReportTable)
        for name in text_table(block.frame, 3).names:
            assert name in GLOSSARY, f"{key}: {name}"


def test_scores_of_all_folds_stand_first_and_those_by_fold_are_folded(held_out: tuple[Block, ...]) -> None:
    tables = _blocks(held_out, ReportTable)
    scores, folds = tables["held-out-scores"], tables["held-out-folds"]
    assert isinstance(scores, ReportTable)
    assert isinstance(folds, ReportTable)
    assert list(scores.frame["approach"]) == [*SCHOOLS, "level shares"]
    assert scores.frame["rows"].eq(100).all()
    assert folds.folded
    assert set(folds.frame["fold"]) == {"1", "2"}


def test_calibration_counts_what_leaves_the_diagonal(held_out: tuple[Block, ...]) -> None:
    figure = _blocks(held_out, ReportFigure)["calibration"]
    assert isinstance(figure, ReportFigure)
    assert "maximum likelihood: 0 of 8 limits leave the predicted share out, mean distance 0.000" in figure.description
    # half of 0.2 is 0.1, more than 1.96 * 0.04 away; so are all the others
    assert "posterior: 8 of 8 limits leave the predicted share out, mean distance 0.250" in figure.description
    axes = figure.figure.axes[0]
    drawn = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) == 4]
    share = np.linspace(0.2, 0.8, 4)
    np.testing.assert_allclose(drawn, [np.column_stack([factor * share, share]) for factor in (1.0, 0.5)])
    low, high = axes.get_xlim()
    assert (low, high) == axes.get_ylim()


def test_bins_outside_the_band_are_counted(held_out: tuple[Block, ...]) -> None:
    figure = _blocks(held_out, ReportFigure)["held-out-pit"]
    assert isinstance(figure, ReportFigure)
    # of 100 observations 5 to 16 fall into a tenth in the central 95%: densities below 0.5 are outside
    assert held_out_figures.pit_limits(10, 100) == (pytest.approx(0.5), pytest.approx(1.6))
    assert figure.description == "Bins outside the band: maximum likelihood 0 of 10; posterior 4 of 10."


def test_a_school_that_was_not_run_is_not_drawn() -> None:
    tables = {
        name: frame[frame["approach"] != "bayesian"] if "approach" in frame else frame
        for name, frame in held_out_tables().items()
    }
    figure = _blocks(held_out_blocks(tables, displayed(tables)), ReportFigure)["calibration"]
    assert isinstance(figure, ReportFigure)
    assert set(figure.data["series"]) == {"maximum likelihood"}


def test_the_dial_shows_both_paths_under_the_labels(dial: tuple[Block, ...]) -> None:
    figure = _blocks(dial, ReportFigure)["dial"]
    assert isinstance(figure, ReportFigure)
    assert [axes.get_title(loc="left") for axes in figure.figure.axes] == ["age", "temperature: warm"]
    lasso = figure.data[figure.data["series"] == "Lasso"]
    assert lasso["lower"].isna().all()
    assert figure.description == (
        "3 penalties from 0.001 to 0.1. The Lasso is zero 2 of 6 times; of the credible intervals there, 1 leave zero "
        "out."
    )


def test_many_levels_and_terms_are_parted() -> None:
    tables = dial_tables()
    path = tables["dial_path"]
    wide = pd.concat([path.assign(term=path["term"] + str(number)) for number in range(7)], ignore_index=True)
    keys = list(_blocks(dial_blocks(tables | {"dial_path": wide}, displayed(tables), {}), ReportFigure))
    assert keys == ["dial-1-7", "dial-8-14"]


def test_without_the_tables_there_is_no_section() -> None:
    assert held_out_blocks({}, {}) == dial_blocks({}, {}, {}) == ()
