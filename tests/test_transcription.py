"""The tables under ``models/`` against the papers' own text, cell by cell.

The papers are not part of the repository. They are read from the folder that the environment variable
``BAYESGOV_PAPERS`` names, or from ``../shared/papers`` beside a checkout; without them the comparison is skipped.
This reader shares no code with the package: it takes the tables from the text by their captions.
"""

from __future__ import annotations

import csv
import os
import re
import tomllib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAPERS = Path(os.environ.get("BAYESGOV_PAPERS", ROOT.parent / "shared" / "papers"))
STUDIES = ("survey", "panel")

# table, row, column -> printed text
Cells = dict[tuple[str, str, str], str]

REGIONS = ("northeastern", "northern", "northwestern", "southwestern", "southern", "central", "eastern")
TERMS = ("digital", "digital_lag", "outcome_lag", "gdp", "gdp_lag", "industry", "industry_lag", "constant")

# Where the text states a number that the tables do not: words of the sentence around it.
STATED = {
    ("survey", "collected", "value"): "valid questionnaires in the survey was 23,928",
    ("survey", "analysed", "value"): "a final sample size of 10,808",
    ("survey", "villages", "value"): "105 villages",
    ("survey", "independent_variables", "value"): "determines 14 independent variables",
    ("survey", "outcome_levels_text", "value"): "includes six levels",
    ("survey", "equations", "value"): "the following four regression models",
    ("survey", "alpha_screening", "p"): "$p < 0.05$ indicates that the variable has a significant effect",
    ("survey", "lambda_min", "lambda"): r"when $\lambda = 0.0173$ , the model error is minimized",
    ("survey", "lambda_min", "selected"): "at this time the number of selected variables is 14",
    ("survey", "lambda_zero", "lambda"): r"$\lambda = 0.1369$ when the number of variables selected",
    ("survey", "lambda_zero", "selected"): "when the number of variables selected at this time is zero",
    ("survey", "correlation_2_14", "r"): "inclusiveness in the study exceeds 0.80",
    ("survey", "vif_cut", "value"): "a VIF value of more than 10",
    ("survey", "vif_cut_inner", "value"): "variance inflation factor of the other variables is less than 5",
    ("survey", "tolerance_cut", "value"): "tolerance values are all greater than 0.1",
    ("survey", "parallel_lines", "p"): "p-value of $0.869 > 0.05$",
    ("survey", "model_fit", "p"): "is 0.000, which is less than 0.001",
    ("survey", "coefficients", "p"): "all of them are significant at the 0.05 level",
    ("panel", "cities", "value"): "286 prefecture-level cities",
    ("panel", "first_year", "value"): "from 2009 to 2018",
    ("panel", "last_year", "value"): "from 2009 to 2018",
    ("panel", "regions", "value"): "in seven regions of China",
    ("panel", "gdp.eastern", "percent"): "will increase by 131.9%",
    ("panel", "industry.eastern", "percent"): "will increase by 124.02%",
    ("panel", "first_level_indices", "value"): "five first-level indexes",
    ("panel", "second_level_indices", "value"): "eleven second-level indexes",
}
WORDS = {"0": "zero", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "11": "eleven", "16": "sixteen"}


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def paper_text(study: str) -> str:
    path = PAPERS / f"{study}_paper.txt"
    if not path.is_file():
        pytest.skip(f"the paper's text is not at hand: {path} (set BAYESGOV_PAPERS to the folder that holds it)")
    return path.read_text(encoding="utf-8")


def rows_after(text: str, caption: str, until: str) -> list[list[str]]:
    """Tab-separated lines between a caption (at the start of its line) and the words that follow the table."""
    start = re.search(rf"^\W*{re.escape(caption)}", text, re.MULTILINE)
    assert start is not None, f"caption {caption!r} not found"
    block = text[start.end() : text.index(until, start.end())]
    return [[cell.strip() for cell in line.split("\t")] for line in block.splitlines() if "\t" in line]


def bare(cell: str) -> str:
    """A printed cell without white space and markup: "11.326 <sup>c</sup>" is 11.326c, "(- 1.57)" is (-1.57)."""
    return re.sub(r"<[^>]+>|\s", "", cell)


def survey_table_1(text: str) -> Cells:
    header, *rows = rows_after(text, "Table 1: Results", "### 3.2")
    cells: Cells = {("1", "n", re.sub(r" level.*", "", name)): re.sub(r"\D", "", name) for name in header[2:5]}
    assert len(rows) == 48
    for number, row in enumerate(rows):
        item, option = str(number // 3 + 1), f"{number // 3 + 1}.{number % 3 + 1}"
        named = re.search(r"\((\d+)\)", row[0])
        assert named is None or named[1] == item, row
        cells |= {("1", option, grade): count for grade, count in zip("ABC", row[2:5], strict=True)}
        if row[5]:
            cells |= {("1", item, "chi2"): row[5], ("1", item, "p"): row[6]}
    return cells


def survey_tables(text: str) -> Cells:
    cells = survey_table_1(text)
    for row in rows_after(text, "Table 2: Statistical", "The results of the multicollinearity")[1:]:
        number = row[0].strip("()")
        cells |= {("2", number, str(k)): cell for k, cell in enumerate(row[1:], start=1) if cell}
    for name, vif, tolerance in rows_after(text, "Table 3: Multicollinearity", "### 3.3.2")[1:]:
        cells |= {("3", name.strip("()"), "VIF"): vif, ("3", name.strip("()"), "tolerance"): tolerance}
    for position, row in enumerate(rows_after(text, "Table 4: Logistic", "Since the dependent")[1:], start=1):
        cells |= {("4", str(position), c): v for c, v in zip(("independent", "dependent", "model"), row, strict=True)}
    names = {"Null hypothesis": "null", "Conventional": "general", "Only intercept": "intercept_only"}
    names["Ultimately"] = "final"
    for table, caption, until in (("5", "Table 5: Parallel", "Table 6:"), ("6", "Table 6: Model", "## (3)")):
        for name, *row in rows_after(text, caption, until)[1:]:
            entries = zip(("minus2ll", "chi2", "df", "p"), row, strict=True)
            cells |= {(table, names[name], column): bare(cell) for column, cell in entries if cell}
    columns = ("estimate", "se", "wald", "df", "p", "lower", "upper")
    for name, *row in rows_after(text, "Table 7: The results", "## 4 Conclusion")[2:]:
        cells |= {("7", name.strip("()"), column): cell for column, cell in zip(columns, row, strict=True)}
    return cells


def panel_tables(text: str) -> Cells:
    (_, *values), *_ = rows_after(text, "Table 1.Table of", "This part uses")[1:]
    cells: Cells = {("1", "cv", region): value for region, value in zip(REGIONS, values, strict=True)}
    estimates, statistics = [], []
    for _, *row in rows_after(text, "Table2. Regression", "Note:")[1:]:
        # a cell holds an estimate, a t-value in parentheses, or both
        found = [re.fullmatch(r"([^()]*)(\([^()]*\))?", cell) for cell in row]
        parts = [(bare(match[1]), bare(match[2] or "")) for match in found if match is not None]
        assert len(parts) == len(REGIONS), row
        if parts[0][0]:
            estimates.append([estimate for estimate, _ in parts])
        if parts[0][1]:
            statistics.append([t for _, t in parts])
    lines = [f"{term}.estimate" for term in TERMS] + ["sargan.p", "ar2.p"]
    for line, row in zip(lines, estimates, strict=True):
        cells |= {("2", line, region): cell for region, cell in zip(REGIONS, row, strict=True)}
    for term, row in zip(TERMS, statistics, strict=True):
        cells |= {("2", f"{term}.t", region): cell for region, cell in zip(REGIONS, row, strict=True)}
    return cells


READERS = {"survey": survey_tables, "panel": panel_tables}


def transcribed(study: str, pattern: str) -> Cells:
    cells: Cells = {}
    for path in sorted((ROOT / "models" / study / "tables").glob(pattern)):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                cells[row["table"], row["row"], row["column"]] = row["printed"]
    return cells


def differences(paper: Cells, ours: Cells) -> list[str]:
    return [
        f"{'/'.join(key)}: the paper prints {paper.get(key)!r}, the table holds {ours.get(key)!r}"
        for key in sorted(paper.keys() | ours.keys())
        if paper.get(key) != ours.get(key)
    ]


@pytest.mark.parametrize(("study", "count"), [("survey", 429), ("panel", 133)])
def test_every_cell_of_every_table(study: str, count: int) -> None:
    """Counted by hand: 3 + 144 + 32, 105, 28, 9, 5, 5 and 98 cells in the survey; 7 and 18 x 7 in the panel."""
    paper = READERS[study](paper_text(study))
    ours = {key: cell for key, cell in transcribed(study, "table*.csv").items() if cell}
    assert differences(paper, ours) == []
    assert len(ours) == count


@pytest.mark.parametrize("study", STUDIES)
def test_one_altered_digit_is_seen(study: str) -> None:
    ours = transcribed(study, "table*.csv")
    for key, cell in islice(ours.items(), 0, None, 17):
        digit = re.search(r"\d", cell)
        if digit is None:
            continue
        changed = cell[: digit.start()] + str((int(digit[0]) + 1) % 10) + cell[digit.end() :]
        found = differences(READERS[study](paper_text(study)), ours | {key: changed})
        assert len(found) == 1
        assert repr(changed) in found[0]


@pytest.mark.parametrize("study", STUDIES)
def test_printed_decimals_are_counted(study: str) -> None:
    for path in sorted((ROOT / "models" / study / "tables").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                number = re.fullmatch(r"\(?[<>]?-?[\d,]+(?:\.(\d+))?%?\)?\**[a-z]?", row["printed"])
                counted = str(len(number[1] or "")) if number else ""
                assert row["decimals"] == counted, row


@pytest.mark.parametrize("study", STUDIES)
def test_numbers_that_the_text_states(study: str) -> None:
    text = squeezed(paper_text(study))
    for (_, row, column), printed in transcribed(study, "text.csv").items():
        if column == "quote":
            continue
        sentence = STATED.get((study, row, column), text)
        assert sentence in text, (row, sentence)
        number = printed.lstrip("<>=")
        token = rf"(?<![\d.,]){re.escape(number)}(?![\d,]|\.\d)"
        word = rf"\b{WORDS.get(number, number)}\b"
        assert re.search(token, sentence) or re.search(word, sentence), (row, column, printed, sentence[:80])


def quotations(study: str) -> Iterator[str]:
    yield from (cell for (_, _, column), cell in transcribed(study, "text.csv").items() if column == "quote")


@pytest.mark.parametrize("study", STUDIES)
def test_quotations_stand_in_the_paper(study: str) -> None:
    text = squeezed(paper_text(study))
    found = list(quotations(study))
    assert found
    assert [quotation for quotation in found if squeezed(quotation) not in text] == []


@pytest.mark.parametrize("study", STUDIES)
def test_sentences_of_the_claims_stand_in_the_paper(study: str) -> None:
    path = ROOT / "models" / study / "claims.toml"
    if not path.is_file():
        pytest.skip(f"{path} does not exist")
    text = squeezed(paper_text(study))
    sentences = [claim["sentence"] for claim in tomllib.loads(path.read_text(encoding="utf-8"))["claims"]]
    assert sentences
    assert [sentence for sentence in sentences if squeezed(sentence) not in text] == []
