"""The decision-flip map: what it draws, what it leaves to the table, and how a report on rows gets it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report.report_samples import document as sample_document

from bayesgov.report.flip_map import drawn_flips, flip_map, flip_section, with_claims
from bayesgov.row_claims import RowVerdicts

COLUMNS = ["claim", "source", "dial", "now", "flips_at", "distance", "unit", "beyond", "answer_then", "note"]
FLIPS = pd.DataFrame(
    [
        ("one", "printed", "rounding", "holds", 0.05, 3.0, "last digits", False, "undetermined", "n"),
        ("one", "frequentist", "level", "holds", 0.01, 5.0, "factor", False, "does not hold", ""),
        ("one", "posterior", "level", "holds", np.nan, 200.0, "factor", True, "", "all agree"),
        ("two", "posterior", "limit", "holds", 0.3, 1.2, "posterior sd", False, "undetermined", ""),
        ("two", "frequentist", "limit", "holds", 7.0, 2.0, "own units", False, "undetermined", ""),
        ("two", "posterior", "prior", "holds", np.nan, np.nan, "factor", False, "", "no density"),
        ("two", "posterior", "other fit", "holds", np.nan, np.nan, "", False, "undetermined", "b: 0.9"),
    ],
    columns=COLUMNS,
)


def test_only_distances_on_a_common_scale_are_drawn():
    drawn = drawn_flips(FLIPS)
    assert list(zip(drawn["claim"], drawn["dial"], strict=True)) == [
        ("one", "rounding"),
        ("one", "level"),
        ("one", "level"),
        ("two", "limit"),
    ]


def test_section_has_the_map_and_a_row_for_every_flip():
    (section,) = flip_section(FLIPS, "mine")
    figure, table = section.blocks
    assert (figure.key, table.key) == ("mine-flip-map", "mine-flips")
    assert len(table.frame) == len(FLIPS)
    assert "nearest one (frequentist), 5 factor" in figure.description
    assert "Limit: nearest two (posterior), 1.2 posterior sd" in figure.description
    notes = table.frame.set_index(["claim", "source", "dial"])["note"]
    assert notes["one", "posterior", "level"] == "further than this, if at all; all agree"
    assert notes["two", "posterior", "prior"] == "no density"


def test_nothing_to_flip_makes_no_section():
    assert flip_section(FLIPS.iloc[:0], "mine") == ()


def test_without_a_distance_the_table_stands_alone():
    (section,) = flip_section(FLIPS.iloc[[5, 6]], "mine")
    assert [type(block).__name__ for block in section.blocks] == ["Paragraph", "ReportTable"]


def test_marks_lie_at_their_distances_and_arrows_at_the_edge():
    far = FLIPS.assign(distance=FLIPS["distance"].where(FLIPS["source"] != "frequentist", 5e4))
    data = drawn_flips(far).assign(
        source=lambda frame: frame["source"].map({"printed": "printed table"}.get).fillna("posterior")
    )
    figure = flip_map(data)
    level, limit, rounding = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Level", "Limit", "Rounding"]
    assert sorted(x for line in level.lines for x in line.get_xdata() if line.get_marker() == ">") == [200.0, 1000.0]
    assert [float(x) for line in limit.lines for x in line.get_xdata() if line.get_marker() not in ("None", "")] == [
        1.2
    ]
    assert [float(x) for line in rounding.lines for x in line.get_xdata() if line.get_marker() not in ("None", "")] == [
        3.0
    ]
    assert level.get_yticklabels()[0].get_text() == "one"


@pytest.mark.parametrize(("source", "said"), [("simulated rows: x.csv", True), ("rows of your own: x.csv", False)])
def test_report_on_rows_says_when_claims_met_a_simulation(source, said):
    document = sample_document()
    part = replace(document.parts[0], source=source, audit=None, summary=("s",))
    judged = RowVerdicts(part.verdicts, FLIPS, ("a problem",))
    found = with_claims(replace(document, parts=(part,)), judged)
    assert found.parts[0].sections[0].key == "flips"
    assert found.problems[-1] == "a problem"
    assert any("holds of the simulation" in line for line in found.parts[0].summary) is said
