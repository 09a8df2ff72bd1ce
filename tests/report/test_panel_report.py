"""The report of a panel: its sections, figures and tables, and what it says of what was run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from report import panel_report_samples
from report.unshown import unshown

from bayesgov.data import as_table
from bayesgov.fits import Check
from bayesgov.panel.analysis import PanelAnalysis, analyse
from bayesgov.report import panel_figures, panel_methods
from bayesgov.report.content import Document, FitDiagnostics, ReportFigure, ReportTable, Section
from bayesgov.report.document import write_run
from bayesgov.report.fit_content import failure_line, parted_name
from bayesgov.report.fit_run import document
from bayesgov.report.headings import GLOSSARY
from bayesgov.report.panel_document import by_region
from bayesgov.report.panel_effects import long_run_rows
from bayesgov.report.panel_sections import sections
from bayesgov.report.panel_tables import (
    displayed,
    multiverse_rows,
    ordered_marks,
    printed_gmm,
    score_differences,
    without_pooling_of_one,
)
from bayesgov.report.pieces import figure_parts
from bayesgov.report.tables import text_table

SECTIONS = (
    "The two schools compared",
    "The panel",
    "From indicators to indices",
    "Variation between the units of a region",
    "Effects: both schools",
    "Long run and persistence",
    "Impulse responses by region",
    "GMM and its tests",
    "The multiverse of instruments",
    "Initial conditions",
    "Prediction of regions and periods left out",
    "Residuals by both schools",
    "Priors",
    "Assumptions",
)


@pytest.fixture(scope="module")
def found() -> PanelAnalysis:
    """Both schools on sixty cities with few draws."""
    table = as_table(panel_report_samples.rows())
    return analyse(
        panel_report_samples.spec(), table, ("frequentist", "bayesian"), seed=1, progress=lambda _message: None
    )


@pytest.fixture(scope="module")
def report(found: PanelAnalysis) -> Document:
    return document(found, "simulated rows", {"seed": "1"})


@pytest.fixture(scope="module")
def run(report: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("panel") / "run"
    write_run(place, report, {}, {})
    return place


def _blocks(report: Document, kind: type) -> dict[str, object]:
    return {block.key: block for block in report.parts[0].blocks if isinstance(block, kind)}


def test_no_step_crashed(found: PanelAnalysis) -> None:
    assert found.problems == ()


def test_every_section_is_there_in_its_order(report: Document) -> None:
    assert [section.title for section in report.parts[0].sections] == list(SECTIONS)


def test_the_page_is_written_and_names_its_sections(run: Path) -> None:
    page = (run / "report.html").read_text("utf-8")
    titles = [re.sub(r"<[^>]+>", "", text) for text in re.findall(r"<h3[^>]*>(.*?)</h3>", page, re.DOTALL)]
    assert [title for title in titles if title in SECTIONS] == list(SECTIONS)
    assert "No step crashed." in page


def test_no_table_is_left_unshown(found: PanelAnalysis, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = without_pooling_of_one({name: frame for name, frame in found.tables.items() if not frame.empty})
    assert unshown(tables, lambda some: sections(some, found.spec, ()), monkeypatch) == []


def test_the_schools_are_compared_by_region(report: Document) -> None:
    frame = _blocks(report, ReportTable)["schools-pairs"]
    assert isinstance(frame, ReportTable)
    regional = [f"{term}, {region}" for term in ("L1.level", "digital", "L1.digital") for region in ("r0", "r1")]
    assert list(frame.frame["term"]) == regional


def test_what_was_not_run_has_no_section(found: PanelAnalysis) -> None:
    wanted = {"flow", "gmm", "gmm_tests", "linear"}
    tables = {name: frame for name, frame in found.tables.items() if name in wanted}
    made = sections(tables, found.spec, ())
    assert [section.title for section in made] == ["The panel", "GMM and its tests"]


def test_p_values_and_probabilities_never_share_a_table(run: Path) -> None:
    kinds = set()
    for path in (run / "tables").glob("*.csv"):
        columns = pd.read_csv(path, nrows=0).columns
        has_p = any(name.startswith("p_") for name in columns)
        has_probability = any("probability" in name for name in columns)
        assert not (has_p and has_probability), path.name
        kinds.add((has_p, has_probability))
    assert {(True, False), (False, True)} <= kinds


def test_every_column_has_a_heading(report: Document) -> None:
    for key, block in _blocks(report, ReportTable).items():
        assert isinstance(block, ReportTable)
        if key in ("gmm", "schools-concordance"):  # their columns are regions and rules
            continue
        for name in text_table(block.frame, 3).names:
            assert name in GLOSSARY, f"{key}: {name}"


def test_figures_ship_their_numbers_and_say_them(run: Path, report: Document) -> None:
    figures = _blocks(report, ReportFigure)
    wanted = {"row-flow", "index-weights", "variation", "regions", "long-run", "impulse-responses-1", "bracket"}
    assert wanted | {"multiverse", "initial-conditions", "schools-decisions"} == set(figures)
    for key, block in figures.items():
        assert isinstance(block, ReportFigure)
        assert re.search(r"\d", block.description), key
        assert not pd.read_csv(run / "figures" / f"{key}.csv").empty


def test_the_summary_quotes_both_schools(report: Document, found: PanelAnalysis) -> None:
    lines = report.parts[0].summary
    assert lines[0].startswith("300 of 360 rows are in the model: 60 units in 2 regions, 5 periods (2010 to 2014)")
    mean = found.tables["mean_effects"].set_index("term").loc["L1.level", "estimate"]
    gmm = found.tables["regions"].query("series == 'system GMM' and term == 'L1.level' and region != 'all'")
    line = next(text for text in lines if text.startswith("L1.level: "))
    assert f"posterior mean over regions {mean:.3f}" in line
    assert f"system GMM from {gmm['estimate'].min():.3f} to {gmm['estimate'].max():.3f}" in line


def test_diagnostics_have_a_row_for_each_region(report: Document) -> None:
    names = [entry.fit for entry in report.parts[0].diagnostics]
    assert {"frequentist, r0", "frequentist, r1", "frequentist, all units", "bayesian"} <= set(names)
    for entry in report.parts[0].diagnostics:
        checks = [check.name for check in entry.checks]
        assert len(set(checks)) == len(checks), entry.fit


def test_the_bracket_is_that_of_the_linear_estimates(report: Document, found: PanelAnalysis) -> None:
    block = _blocks(report, ReportFigure)["bracket"]
    assert isinstance(block, ReportFigure)
    linear = found.tables["linear"].query("term == 'L1.level'").set_index(["region", "estimator"])["estimate"]
    for region, name in (("r0", "r0"), ("r1", "r1"), ("all", "all units")):
        words = f"{name}: within {linear[region, 'within']:.2f}, pooled {linear[region, 'pooled']:.2f}"
        assert words in block.description
    assert list(dict.fromkeys(block.data["label"])) == ["r0", "r1", "all units"]


def test_the_spec_s_own_instruments_are_marked(report: Document) -> None:
    block = _blocks(report, ReportFigure)["multiverse"]
    assert isinstance(block, ReportFigure)
    own = block.data[block.data["chosen"]]
    assert set(own["group"]) == {"system, collapsed"}
    assert set(own["depth"]) == {"all"}
    assert set(block.data["quantity"]) == {"L1.level", "digital", "L1.digital", "Hansen, p"}


def test_weights_stand_beside_their_first_level_index(report: Document) -> None:
    block = _blocks(report, ReportFigure)["index-weights"]
    assert isinstance(block, ReportFigure)
    assert dict(zip(block.data["label"], block.data["group"], strict=True)) == {
        "roads": "infrastructure",
        "water": "infrastructure",
        "beds": "health",
        "doctors": "health",
        "waste": "nature",
    }
    # an index of one indicator has no composite
    assert set(block.data.loc[block.data["label"] == "waste", "series"]) == {"in the index of all indicators"}


def test_methods_and_references_are_of_what_was_run() -> None:
    spec = panel_report_samples.spec()
    one_step = spec.model_copy(update={"gmm": spec.gmm.model_copy(update={"steps": "one", "system": False})})

    def authors(entries: tuple[str, ...]) -> set[str]:
        return {entry.rstrip("abc").rstrip("0123456789") for entry in entries}

    everything = authors(panel_methods.references(spec, ("gmm", "linear", "index_weights"), ("bayesian",)))
    assert {"Arellano", "Blundell", "Windmeijer", "Nickell", "Kaiser", "Wooldridge", "Vehtari"} <= everything
    little = authors(panel_methods.references(one_step, ("gmm",), ("frequentist",)))
    assert {"Arellano", "Hansen"} <= little
    assert not little & {"Blundell", "Windmeijer", "Nickell", "Kaiser", "Wooldridge", "Vehtari"}
    text = _text(panel_methods.sections(one_step, ("gmm",), ("frequentist",)))
    assert "One-step difference GMM" in text
    assert "No-U-Turn" not in text
    naive = spec.model_copy(update={"initial": "naive"})
    assert "which is wrong in a short panel" in _text(panel_methods.sections(naive, (), ("bayesian",)))


def _text(made: tuple[Section, ...]) -> str:
    return " ".join(getattr(block, "text", "") for section in made for block in section.blocks)


def _gmm() -> pd.DataFrame:
    foot = {"sargan_p": 0.2, "hansen_p": 0.0001, "ar1_p": 0.01, "ar2_p": np.nan, "n_instruments": 12, "n_units": 40}
    shared = {"n_obs": 300, "reason": "", **foot}
    rows = [
        {"region": "north", "term": "L1.y", "estimate": 0.5321, "std_error": 0.0812, **shared},
        {"region": "north", "term": "x", "estimate": -0.2, "std_error": 0.1, **shared},
        {"region": "south", "reason": "too few units"},
        {"region": "all", "term": "L1.y", "estimate": 0.6, "std_error": 0.05, **shared},
    ]
    return pd.DataFrame(rows)


def test_gmm_as_a_paper_prints_it() -> None:
    table = printed_gmm(_gmm()).set_index("term")
    assert list(table.columns) == ["north", "all units"]
    assert table.loc["L1.y", "north"] == "0.532 (0.081)"
    assert table.loc["x", "north"] == "−0.200 (0.10)"
    assert table.loc["x", "all units"] == ""
    assert table.loc["Hansen, p", "north"] == "< 0.001"
    assert table.loc["AR(2), p", "north"] == "–"
    assert table.loc["observations", "all units"] == "300"


def test_a_table_of_many_regions_is_not_printed_side_by_side() -> None:
    one = _gmm().iloc[[0]]
    many = pd.concat([one.assign(region=f"r{number}") for number in range(13)], ignore_index=True)
    assert set(displayed({"gmm": many})) == {"gmm_rows"}
    assert set(displayed({"gmm": many.iloc[:12]})) == {"gmm_rows", "gmm"}


def test_scores_are_compared_part_by_part_and_in_sum() -> None:
    table = pd.DataFrame(
        {
            "model": ["partial pooling"] * 2 + ["complete pooling"] * 2,
            "region": ["north", "south"] * 2,
            "rows": [10, 30, 10, 30],
            "log_density": [-5.0, -20.0, -7.0, -19.0],
            "per_row": 0.0,
            "mc_error": [0.3, 0.1, 0.4, 0.2],
        }
    )
    found = score_differences(table, "region").set_index("region")
    assert list(found["log_density_difference"]) == [2.0, -1.0, 1.0]
    assert found.loc["sum", "difference_per_row"] == pytest.approx(1 / 40)
    assert found.loc["north", "mc_error"] == pytest.approx(0.5)
    assert found.loc["sum", "mc_error"] == pytest.approx(np.sqrt(0.25 + 0.05))


def _choices() -> pd.DataFrame:
    shared = {"equation": "system", "depth": "1", "collapse": True, "chosen": True, "many": False, "hansen_p": 0.4}
    other = shared | {"depth": "all", "collapse": False, "chosen": False, "many": True, "hansen_p": 1.0}
    return pd.DataFrame(
        [
            shared | {"region": "north", "term": "L1.y", "estimate": 0.5, "std_error": 0.1},
            shared | {"region": "north", "term": "x", "estimate": 0.2, "std_error": 0.1},
            other | {"region": "north", "term": "L1.y", "estimate": 0.7, "std_error": 0.2},
            other | {"region": "south", "term": "", "estimate": np.nan, "std_error": np.nan, "many": np.nan},
        ]
    )


def test_choices_of_instruments_as_marks() -> None:
    marks = multiverse_rows(_choices(), ("L1.y",))
    assert list(marks["quantity"]) == ["L1.y", "L1.y", "Hansen, p", "Hansen, p"]
    assert list(marks["group"]) == ["system, collapsed", "system"] * 2
    assert list(marks["place"]) == [0, 1] * 2
    assert list(marks["estimate"]) == [0.5, 0.7, 0.4, 1.0]
    assert marks["upper"].iloc[0] == pytest.approx(0.5 + 1.959964 * 0.1)
    assert marks["lower"].iloc[2:].isna().all()


def test_hollow_marks_are_the_sets_with_too_many_instruments() -> None:
    figure = panel_figures.multiverse(multiverse_rows(_choices(), ("L1.y",)))
    axes = figure.axes[0]
    points = {
        (line.get_marker(), to_hex(line.get_markerfacecolor())): line.get_ydata()
        for line in axes.lines
        if line.get_marker() not in ("None", "", None) and len(line.get_ydata())
    }
    hollow = [values for (_, face), values in points.items() if face == "#ffffff"]
    filled = [values for (_, face), values in points.items() if face != "#ffffff"]
    assert [list(values) for values in hollow] == [[0.7]]
    assert [list(values) for values in filled] == [[0.5]]


def test_an_estimate_out_of_all_proportion_does_not_flatten_the_others() -> None:
    marks = multiverse_rows(_choices(), ("L1.y",))
    many = pd.concat([marks.assign(region=f"r{number}") for number in range(12)], ignore_index=True)
    wild = many.index[(many["quantity"] == "L1.y") & ~many["chosen"]][0]
    many.loc[wild, ["estimate", "lower", "upper"]] = [500.0, 400.0, 600.0]
    figure = panel_figures.multiverse(many)
    assert figure.axes[0].get_ylim()[1] < 5
    triangles = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "^"]
    assert len(triangles) == 1


def test_bands_share_their_scales() -> None:
    data = pd.DataFrame(
        {
            "panel": ["a", "a", "b", "b"],
            "series": "posterior",
            "x": [0, 1, 0, 1],
            "estimate": [1.0, 0.5, 3.0, 2.0],
            "lower": [0.8, 0.4, 2.5, 1.5],
            "upper": [1.2, 0.6, 3.5, 2.5],
        }
    )
    figure = panel_figures.bands(data, xlabel="x", ylabel="y", zero=True)
    first, second = figure.axes
    assert first.get_ylim() == second.get_ylim()
    low, high = first.get_ylim()
    assert low < 0
    assert high > 3.5
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]


def test_bars_of_the_bracket_run_from_within_to_pooled() -> None:
    data = pd.DataFrame(
        {"label": ["a", "b"], "series": "GMM", "estimate": [0.5, 0.6], "lower": [0.4, 0.5], "upper": [0.6, 0.7]}
    )
    ends = pd.DataFrame({"label": ["a", "b"], "low": [0.3, 0.55], "high": [0.8, 0.5]})
    figure = panel_figures.bracket(data, ends, xlabel="alpha")
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in figure.axes[0].patches if bar.get_height() < 0.9]
    assert bars == [pytest.approx((0.3, 0.8)), pytest.approx((0.55, 0.5))]


def test_long_run_effects_over_zero_have_no_point() -> None:
    gmm = pd.DataFrame(
        {
            "region": ["north", "south"],
            "variable": "x",
            "estimate": [1.5, -400.0],
            "lower": [1.0, -9000.0],
            "upper": [2.0, 8000.0],
            "fieller_kind": ["interval", "complement"],
            "fieller_lower": [0.9, -3.0],
            "fieller_upper": [2.4, 5.0],
        }
    )
    rows = long_run_rows({"long_run_gmm": gmm}).set_index(["label", "series"])
    assert list(rows.index) == [
        (region, kind) for region in ("north", "south") for kind in ("GMM, delta method", "GMM, Fieller's set")
    ]
    assert list(rows["estimate"].iloc[:2]) == [1.5, 1.5]
    assert rows[["estimate", "lower", "upper"]].iloc[2].isna().all()
    fieller = rows.loc["south", "GMM, Fieller's set"]
    assert np.isnan(fieller["estimate"])
    assert (fieller["set_kind"], fieller["lower"], fieller["upper"]) == ("complement", -3.0, 5.0)


def test_every_region_keeps_a_place_for_every_series() -> None:
    data = pd.DataFrame(
        {"term": "x", "label": ["all units", "north"], "series": ["GMM", "partial"], "estimate": [1.0, 2.0]}
    )
    marks = ordered_marks(data, ("GMM", "none", "partial"))
    assert list(zip(marks["label"], marks["series"], strict=True)) == [
        ("north", "GMM"),
        ("north", "partial"),
        ("all units", "GMM"),
        ("all units", "partial"),
    ]
    assert list(marks["estimate"].fillna(0)) == [0.0, 2.0, 1.0, 0.0]


@pytest.mark.parametrize(("number", "sizes"), [(9, [3, 3, 3]), (7, [4, 3]), (4, [4]), (5, [3, 2]), (0, [])])
def test_figures_share_their_panels_evenly(number: int, sizes: list[int]) -> None:
    assert [len(part) for *_, part in figure_parts(range(number), 4, "terms")] == sizes


def test_figures_are_numbered_only_where_there_are_several() -> None:
    several = [(key, title) for key, title, _ in figure_parts("abcde", 4, "terms")]
    assert several == [("-1-3", ", terms 1 to 3"), ("-4-5", ", terms 4 to 5")]
    assert list(figure_parts("abcd", 4, "terms")) == [("", "", "abcd")]


def test_one_region_is_not_pooled_with_anything() -> None:
    regions = pd.DataFrame({"region": ["all", "all"], "series": ["difference GMM", "complete pooling"]})
    assert list(without_pooling_of_one({"regions": regions})["regions"]["series"]) == ["difference GMM", "posterior"]
    several = {"regions": regions.assign(region=["north", "all"])}
    assert without_pooling_of_one(several) is several


def test_attenuation_is_shown_where_there_is_a_latent_factor(found: PanelAnalysis) -> None:
    sides = {f"{side}_{end}": 0.4 for side in ("composite", "latent") for end in ("estimate", "lower", "upper")}
    frame = pd.DataFrame(
        [
            {"region": region, "term": "L1.level", **sides, "ratio": ratio, "ratio_lower": 0.5, "ratio_upper": 1.0}
            for region, ratio in (("r0", 0.7), ("r1", 0.9), ("mean", 0.8))
        ]
    )
    measured = [
        f"{name}_{end}"
        for name in ("loading", "lasting_sd", "yearly_sd", "reliability", "change_reliability")
        for end in ("median", "lower", "upper")
    ]
    items = pd.DataFrame([{"indicator": "roads", **dict.fromkeys(measured, 0.5)}])
    tables = {"flow": found.tables["flow"], "attenuation": frame, "latent_items": items}
    blocks = {section.key: section for section in sections(tables, found.spec, ())}["latent"].blocks
    figure = next(block for block in blocks if isinstance(block, ReportFigure))
    assert "leaves zero out: L1.level 0.80." in figure.description
    assert list(dict.fromkeys(figure.data["label"])) == ["r0", "r1", "mean over regions"]
    for block in (block for block in blocks if isinstance(block, ReportTable)):
        assert set(text_table(block.frame, 3).names) <= set(GLOSSARY), block.key


def test_checks_of_a_region_leave_its_name_to_the_row() -> None:
    checks = (Check("hansen_p [north]", 0.4, 0.05, "pass"), Check("rhat_max", 1.0, 1.01, "pass"))
    rows = by_region(FitDiagnostics("panel", "GMM", "frequentist", checks))
    assert [(row.fit, [check.name for check in row.checks]) for row in rows] == [
        ("GMM, north", ["hansen_p"]),
        ("GMM", ["rhat_max"]),
    ]
    assert parted_name("solution_found (bias-corrected) [far east]") == ("solution_found (bias-corrected)", "far east")


def test_failures_are_named_once_with_their_regions(found: PanelAnalysis) -> None:
    failed = tuple(Check(f"hansen_p [{region}]", 0.01, 0.05, "fail") for region in ("north", "south"))
    passed = Check("ar2_p [north]", 0.5, 0.05, "pass")
    failing = replace(found, fits={}, checks={"step": (*failed, passed)})
    assert failure_line(failing) == "Failed diagnostics: Hansen's test [north; south]."
    assert failure_line(replace(failing, checks={"step": (passed,)})) == "No diagnostic failed."
