"""The report of a fit to rows: its sections, labels, headings and what its tables say."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from report.row_samples import dial_tables
from report.unshown import unshown

from bayesgov.report import row_prediction, row_tests, rows
from bayesgov.report.headings import GLOSSARY
from bayesgov.report.row_tables import displayed, label_of, plain_term
from bayesgov.report.rows import _farthest_parts, forest_rows, sections
from bayesgov.report.tables import text_table
from bayesgov.row_claims import SURVEY_TABLES
from bayesgov.survey.analysis import SurveyAnalysis


def _text(page: str) -> str:
    without = re.sub(r"<(svg|style).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", without))


def test_every_section_is_there_in_its_order(rows_page: str) -> None:
    titles = [re.sub(r"<[^>]+>", "", found) for found in re.findall(r"<h3[^>]*>(.*?)</h3>", rows_page, re.DOTALL)]
    wanted = (
        "The two schools compared",
        "The rows",
        "Coefficients: both schools",
        "What the coefficients mean for probabilities",
        "Selection of variables",
        "Proportional odds",
        "Screening and collinearity",
        "Fit and prediction",
        "Prediction of rows held out",
        "Assumptions",
    )
    assert [title for title in titles if title in wanted] == list(wanted)


def test_observations_are_counted_with_their_weights(rows_page: str) -> None:
    assert "72 of 72 rows are in the model (1,681 observations); 6 coefficients." in _text(rows_page)


def test_every_column_of_every_table_has_a_heading(rows_run: Path) -> None:
    """Columns that are named by the data themselves (terms of the condition indices, rules) are no words to explain."""
    for path in (rows_run / "tables").glob("*.csv"):
        frame = pd.read_csv(path)
        if path.stem in ("condition", "schools-concordance"):
            continue
        for name, header in zip(text_table(frame, 3).names, text_table(frame, 3).header, strict=True):
            assert name in GLOSSARY, f"{path.stem}: {name}"
            assert header == GLOSSARY[name].text


@pytest.mark.parametrize("figure", ["probabilities-1", "replicated", "screening"])
def test_figures_carry_the_codebooks_labels(rows_run: Path, figure: str) -> None:
    drawn = (rows_run / "figures" / f"{figure}.csv").read_text("utf-8")
    for label in ("type of dwelling", "contact with other residents"):
        assert label in drawn


def test_a_factor_is_drawn_over_all_its_levels(rows_run: Path) -> None:
    drawn = pd.read_csv(rows_run / "figures" / "probabilities-1.csv")
    dwelling = drawn[drawn["predictor"] == "type of dwelling"]
    assert list(dict.fromkeys(dwelling["value"])) == ["Tower", "Apartment", "Atrium", "Terrace"]
    total = dwelling.groupby("value")["estimate"].sum()
    # medians of three shares that add up to one
    assert ((total - 1).abs() < 0.02).all()


def test_no_part_of_the_data_is_left_out(rows_run: Path) -> None:
    drawn = pd.read_csv(rows_run / "figures" / "replicated.csv")
    # all rows, and 3 + 4 + 2 levels of the predictors
    assert drawn["part"].nunique() == 10
    assert {"all rows", "type of dwelling: Tower", "contact with other residents: Low"} <= set(drawn["part"])


def test_the_figure_of_many_parts_draws_those_that_fit_worst() -> None:
    parts = [f"village: {number}" for number in range(40)]
    data = pd.DataFrame({"part": ["all rows", *parts], "observed": 0.5, "median": 0.5, "lower": 0.4, "upper": 0.6})
    data.loc[data["part"].isin(["village: 7", "village: 31"]), "observed"] = 0.7
    drawn = _farthest_parts(data)
    assert len(drawn) == 12
    assert {"all rows", "village: 7", "village: 31"} <= set(drawn)


def test_the_posterior_parts_into_one_question_a_table() -> None:
    frame = pd.DataFrame(
        {
            "term": ["a", "b:c"],
            "factor": ["a", "b:c"],
            "estimate": [0.1, 0.2],
            "std_error": 0.1,
            "lower": -0.1,
            "upper": 0.3,
            "interval": "95% equal-tailed credible",
            "probability_positive": 0.8,
            "probability_of_direction": 0.8,
            "mc_error": 0.002,
            "ratio": [float("nan")] * 2,
            "ratio_lower": float("nan"),
            "ratio_upper": float("nan"),
            "ratio_name": "",
            "change": ["step", None],
            "largest_change": [0.01, None],
            "probability_negligible": [0.4, None],
        }
    )
    shown = displayed({"posterior_coefficients": frame})
    assert set(shown) == {"posterior_coefficients", "equivalence"}  # no ratio under this link
    assert list(shown["equivalence"]["term"]) == ["a"]  # an interaction changes with its parts
    assert list(shown["equivalence"]["change"]) == ["one step up"]


def test_names_of_terms_for_readers() -> None:
    assert plain_term("beta[temp[warm]]") == "temp[warm]"
    assert plain_term("threshold[1|2]") == "threshold[1|2]"
    assert label_of("temp[warm]", {"temp": "temperature"}) == "temperature: warm"
    assert label_of("age", {}) == "age"


def test_the_summary_leads_to_what_it_counts(rows_page: str) -> None:
    brief = rows_page.split("<h3>In brief</h3>")[1].split("</ul>", maxsplit=1)[0]
    targets = re.findall(r'href="#([^"]+)"', brief)
    assert targets[:4] == [
        "figure-row-flow",
        "table-frequentist-estimates",
        "table-posterior-coefficients",
        "table-schools-pairs",
    ]
    for target in targets:
        assert f'id="{target}"' in rows_page


def test_no_table_is_left_unshown(rows_found: SurveyAnalysis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Besides the tables of the housing data, those that other data and specs have."""
    made = {name: frame for name, frame in rows_found.tables.items() if not frame.empty} | dial_tables()
    terms = {name: fit.estimates() for name, fit in rows_found.fits.items()}
    made["forest"] = forest_rows(terms["frequentist"], terms["bayesian"], {})
    assert unshown(made, lambda tables: sections(tables, {}, (), rope=0.01, family="cumulative"), monkeypatch) == []
    source = "".join(Path(module.__file__ or "").read_text("utf-8") for module in (rows, row_tests, row_prediction))
    assert [name for name in SURVEY_TABLES if name not in made and f'"{name}"' not in source] == []
