"""Reporting checklists: an item is satisfied only by what stands on the page; sources are listed once."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pandas as pd
import pytest
from report.outline import Outline

from bayesgov.report import methods, panel_methods
from bayesgov.report.bibliography import bibtex, cited, key_of, reference_list, sources
from bayesgov.report.checklist import (
    STATUSES,
    Answer,
    checklist_table,
    evidence,
    filled_checklists,
    guidelines,
)
from bayesgov.report.content import Document, FitDiagnostics, ReportTable, StudyPart
from bayesgov.report.manuscript import methods_markdown, software_sentence
from bayesgov.report.stored import StoredRun, read_run


@pytest.fixture(scope="module")
def rows(rows_run: Path) -> StoredRun:
    return read_run(rows_run)


def _answers(run: StoredRun) -> dict[str, Answer]:
    return {
        f"{filled.guideline.name} {answer.item.id}": answer
        for filled in filled_checklists(run)
        for answer in filled.answers
    }


def test_the_guidelines_are_whole() -> None:
    known = evidence()
    assert [guideline.name for guideline in guidelines()] == ["BARG", "WAMBS", "ROBUST", "SAMPL"]
    assert [len(guideline.item) for guideline in guidelines()] == [26, 10, 7, 16]
    used = set()
    for guideline in guidelines():
        assert guideline.reference in sources()
        ids = [item.id for item in guideline.item]
        assert len(ids) == len(set(ids))
        for item in guideline.item:
            used |= {*item.shown_by, *item.helps, item.only_with, item.unless} - {""}
            assert bool(item.otherwise) == bool(item.only_with or item.unless)
    assert used == set(known)


def test_every_link_of_the_checklist_has_its_target(rows_page: str) -> None:
    section = rows_page.split('<section id="checklist">')[1].split("</section>", maxsplit=1)[0]
    targets = set(re.findall(r'href="#([^"]+)"', section))
    assert len(targets) >= 10
    assert targets <= set(Outline(rows_page).values("id"))


def test_a_full_fit_satisfies_what_it_shows(rows: StoredRun) -> None:
    answers = _answers(rows)
    assert answers["BARG 1.E"].places[0].target == "table-prior-shares"
    assert answers["WAMBS 9"].status == "satisfied"
    assert answers["BARG Preamble A"].status == "needs the author"
    assert answers["BARG 3.C"].status == "not applicable"
    assert answers["BARG 2.A"].status == "needs the author"  # this run's provenance names no software


def test_a_failed_diagnostic_is_not_satisfying(rows: StoredRun) -> None:
    """This run has too few draws: R-hat is reported, and fails."""
    answer = _answers(rows)["WAMBS 2"]
    assert answer.status == "needs the author"
    assert "fails" in answer.words
    part = rows.document.parts[0]
    mended = tuple(
        dataclasses.replace(fit, checks=tuple(dataclasses.replace(check, status="pass") for check in fit.checks))
        for fit in part.diagnostics
    )
    document = dataclasses.replace(rows.document, parts=(dataclasses.replace(part, diagnostics=mended),))
    assert _answers(dataclasses.replace(rows, document=document))["WAMBS 2"].status == "satisfied"


@pytest.mark.parametrize(
    ("key", "item"),
    [
        ("prior-shares", "BARG 1.E"),
        ("power-scaling", "WAMBS 9"),
        ("vif", "SAMPL Collinearity"),
        ("replicated", "BARG 3.A"),
    ],
)
def test_without_the_block_the_item_is_open(rows: StoredRun, key: str, item: str) -> None:
    assert _answers(rows)[item].status == "satisfied"
    part = rows.document.parts[0]
    sections = tuple(
        dataclasses.replace(
            section,
            blocks=tuple(block for block in section.blocks if getattr(block, "key", "") not in (key, "condition")),
        )
        for section in part.sections
    )
    fits = tuple(
        dataclasses.replace(fit, checks=tuple(c for c in fit.checks if not c.name.startswith("prior_sensitivity")))
        for fit in part.diagnostics
    )
    bare = dataclasses.replace(part, sections=sections, diagnostics=fits)
    run = dataclasses.replace(rows, document=dataclasses.replace(rows.document, parts=(bare,)))
    assert _answers(run)[item].status in ("needs the author", "not applicable")


def test_software_and_files_are_found_where_they_are(rows: StoredRun) -> None:
    provenance = {"command": "bayesgov fit", "seed": "1", "pymc": "6.3", "checksum of d.csv (SHA-256)": "ab"}
    run = dataclasses.replace(
        rows,
        document=dataclasses.replace(rows.document, provenance=provenance),
        specs=("wine.toml",),
        trees=("posterior.zarr",),
    )
    answers = _answers(run)
    for item in ("BARG 1.D", "BARG 2.A", "BARG 6.A", "BARG 6.B", "BARG 6.C", "SAMPL Software", "SAMPL Data"):
        assert answers[item].status == "satisfied", item


def test_an_estimator_alone_has_no_bayesian_items(rows: StoredRun) -> None:
    part = rows.document.parts[0]
    frequentist = tuple(fit for fit in part.diagnostics if fit.approach == "frequentist")
    document = dataclasses.replace(rows.document, parts=(dataclasses.replace(part, diagnostics=frequentist),))
    filled = filled_checklists(dataclasses.replace(rows, document=document))
    for checklist in filled[:3]:
        assert checklist.count("not applicable") == len(checklist.answers)
    assert filled[3].count("satisfied") > 5


def test_the_table_says_what_the_page_says(rows: StoredRun, rows_run: Path, rows_page: str) -> None:
    frame = pd.read_csv(rows_run / "tables" / "reporting-checklist.csv")
    assert set(frame["status"]) == set(STATUSES)
    assert frame.equals(pd.DataFrame(checklist_table(filled_checklists(rows)).frame))
    section = rows_page.split('<section id="checklist">')[1].split("</section>", maxsplit=1)[0]
    for status, count in frame["status"].value_counts().items():
        assert (
            len(re.findall(rf'data-label="Status"><span class="badge[^>]*>.*?</span> {status}</span>', section))
            == count
        )


def test_every_reference_of_the_reports_is_a_source() -> None:
    written = {entry for entries in methods._REFERENCES.values() for entry in entries}
    written |= {*methods._ROWS_REFERENCES, *methods.SAMPLING_REFERENCES}
    written |= {entry for entries in panel_methods._REFERENCES.values() for entry in entries}
    assert [entry for entry in sorted(written) if key_of(entry) is None] == []


def test_sources_are_complete_and_in_order() -> None:
    known = sources()
    assert list(known) == sorted(known)
    for key, source in known.items():
        assert key.startswith(re.sub(r"[^A-Za-z].*", "", source.author[0])[:3]), key
        assert key.rstrip("abc").endswith(str(source.year)), key
        assert source.journal or source.publisher or source.arxiv, key
    dois = [source.doi for source in known.values() if source.doi]
    assert len(dois) == len(set(dois))
    assert all(re.fullmatch(r"10\.\d{4,9}/\S+", doi) for doi in dois)


def test_a_source_as_text_and_as_bibtex() -> None:
    source = sources()["Blundell1998"]
    assert source.text == (
        "Blundell, R. & Bond, S. (1998). Initial conditions and moment restrictions in dynamic panel data models. "
        "Journal of Econometrics 87, 115-143. https://doi.org/10.1016/S0304-4076%2898%2900009-8"
    )
    entry = bibtex(["Blundell1998"])
    assert entry.startswith("@article{Blundell1998,\n  author = {Blundell, R. and Bond, S.},")
    assert "pages = {115--143}" in entry
    assert "doi = {10.1016/S0304-4076(98)00009-8}" in entry
    assert sources()["Harris2020"].text.startswith("Harris, C. R., Millman, K. J., van der Walt, S. J. et al. (2020)")


def test_bibtex_is_balanced() -> None:
    text = bibtex(sources())
    assert text.count("{") == text.count("}")
    assert text.count("@") == len(sources())
    assert "χ" not in text


def _document(*, approach: str) -> Document:
    fits = (FitDiagnostics("x", "fit", approach, ()),)
    part = StudyPart("x", "X", "X", "rows", (), None, (), fits)
    own = "Own, A. (2026). A source of my own. Here."
    return Document(
        "T", "L", (part,), (), ("Brant1990", own), {"bayesgov": "1", "numpy": "2", "pymc": "6", "seed": "7"}, ()
    )


def test_software_is_cited_where_it_was_used() -> None:
    assert cited(_document(approach="bayesian"), ["Sung2005"]) == (
        "AbrilPla2023",
        "Brant1990",
        "Harris2020",
        "Sung2005",
    )
    assert cited(_document(approach="frequentist")) == ("Brant1990", "Harris2020")
    assert "PyMC 6" in software_sentence(_document(approach="bayesian"))
    assert "PyMC" not in software_sentence(_document(approach="frequentist"))
    assert software_sentence(_document(approach="frequentist")).endswith("NumPy 2; seed 7.")


def test_a_source_that_is_not_known_stands_as_it_is_written() -> None:
    listed = reference_list(_document(approach="frequentist"))
    assert "Own, A. (2026). A source of my own. Here." in listed
    assert any(text.startswith("Brant, R. (1990)") for text in listed)


def test_the_run_has_methods_and_references_for_a_paper(rows: StoredRun, rows_run: Path, rows_page: str) -> None:
    text = (rows_run / "methods.md").read_text("utf-8")
    assert text == methods_markdown(rows.document, reference_list(rows.document))
    assert "## Ordinal regression on rows" in text
    keys = re.findall(r"^@\w+\{(\w+),", (rows_run / "references.bib").read_text("utf-8"), flags=re.MULTILINE)
    assert {"McCullagh1980", "Kruschke2021", "Weber2025"} <= set(keys)
    shown = rows_page.split('<section id="references">')[1]
    for key in keys:
        assert sources()[key].title.replace("'", "&#39;") in shown


def test_no_table_of_a_report_is_called_like_the_checklist(rows: StoredRun) -> None:
    keys = [block.key for block in rows.document.blocks if isinstance(block, ReportTable)]
    assert "reporting-checklist" not in keys
