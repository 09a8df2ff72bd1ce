"""The section that compares the schools: what its figures, tables and sentences say of fits made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from comparison.comparison_samples import estimator, posterior
from report.drawn_text import outside, overlapping

from bayesgov import compare
from bayesgov.fits import Fit
from bayesgov.report.content import Paragraph, ReportFigure, ReportTable, Section
from bayesgov.report.headings import GLOSSARY
from bayesgov.report.schools import decision_blocks, named, school_sections
from bayesgov.report.tables import text_table

NAMES = {"beta[a]": "a", "beta[b]": "b", "beta[c]": "c"}


@pytest.fixture(scope="module")
def fits() -> tuple[Fit, ...]:
    """One effect that all rules see, one that the test alone sees, and one that none sees."""
    return estimator([0.8, 0.21, 0.0], [0.1, 0.1, 0.1]), posterior([0.7, 0.1, 0.0], [0.1, 0.1, 0.1])


@pytest.fixture(scope="module")
def section(fits: tuple[Fit, ...]) -> Section:
    (found,) = school_sections(fits, NAMES, {"a": "Alpha"})
    return found


def _tables(section: Section) -> dict[str, ReportTable]:
    return {block.key: block for block in section.blocks if isinstance(block, ReportTable)}


def test_the_map_and_the_table_have_every_decision(section: Section) -> None:
    table = _tables(section)["schools-concordance"].frame
    assert list(table.index) == ["a", "b", "c"]
    assert table.loc["a", ["p < 0.05", "P(direction) > 0.975", "Bayes factor > 3"]].tolist() == ["effect"] * 3
    assert table.loc["b", ["p < 0.05", "P(direction) > 0.975"]].tolist() == ["effect", "undecided"]
    (figure,) = (block for block in section.blocks if isinstance(block, ReportFigure))
    drawn = [text.get_text() for text in figure.figure.axes[0].get_yticklabels()]
    assert drawn == ["Alpha", "b", "c"]
    assert "b: p < 0.05 effect, P(direction) > 0.975 undecided" in figure.description
    assert overlapping(figure.figure) == outside(figure.figure) == []


def test_the_first_sentence_counts_agreement_signs_and_overlap(section: Section) -> None:
    first = section.blocks[0]
    assert isinstance(first, Paragraph)
    # all three rules see a; of b the test differs; of c the Bayes factor is for no effect, which the others cannot say
    assert first.text.startswith("All rules that apply say the same of 1 of 3 terms, each asked by 3 rules of 2 fits.")
    assert "the same sign in 2 of 2 pairs" in first.text
    # [0.604, 0.996] and [0.504, 0.896] share 0.292 of 0.492; those of b 0.282 of 0.502; those of c all
    assert "overlap by 59%" in first.text


def test_p_values_and_probabilities_have_tables_of_their_own(section: Section) -> None:
    for key, table in _tables(section).items():
        names = text_table(table.frame, 3).names
        assert not (any(name.startswith("p_") for name in names) and any("probability" in name for name in names)), key
        if key != "schools-concordance":  # its columns are rules
            assert set(names) <= set(GLOSSARY), key


def test_pairs_name_their_fits_once_and_shrinkage_is_of_effects(fits: tuple[Fit, ...]) -> None:
    terms = [*NAMES, "group_sd"]
    with_sd = estimator([0.8, 0.21, 0.0, 1.0], [0.1] * 4, terms=terms)
    (found,) = school_sections((with_sd, fits[1]), NAMES | {"group_sd": "sd"})
    table = _tables(found)["schools-pairs"]
    assert table.caption.startswith("First: frequentist; second: bayesian.")
    assert "first_fit" not in table.frame
    shrinkage = table.frame.set_index("term")["shrinkage"]
    assert shrinkage["a"] == pytest.approx(1 - 0.7 / 0.8, abs=1e-3)
    assert np.isnan(shrinkage["sd"])
    third = posterior([0.6, 0.1, 0.0], [0.1] * 3, "other")
    (several,) = school_sections((*fits, third), NAMES)
    assert "first_fit" in _tables(several)["schools-pairs"].frame


def test_one_school_has_nothing_to_be_compared_with(fits: tuple[Fit, ...]) -> None:
    assert school_sections(fits[:1], NAMES) == ()
    assert school_sections((fits[0], estimator([1.0], [1.0], "other")), NAMES) == ()


def test_fits_without_a_common_term_say_so(fits: tuple[Fit, ...]) -> None:
    (section,) = school_sections((estimator([1.0], [1.0], terms=["beta[z]"]), fits[1]), NAMES)
    (line,) = section.blocks
    assert isinstance(line, Paragraph)
    assert line.kind == "warning"
    assert "no term in common" in line.text


def test_a_bayes_factor_that_does_not_exist_is_explained(fits: tuple[Fit, ...]) -> None:
    shrunken = posterior([0.7, 0.1, 0.0], [0.1] * 3, prior="horseshoe")
    (section,) = school_sections((fits[0], shrunken), NAMES)
    last = section.blocks[-1]
    assert isinstance(last, Paragraph)
    assert last.text == (
        "Bayes factors of bayesian are left out where there is none: the horseshoe's density at zero is infinite."
    )
    assert "schools-bayes-factors" not in _tables(section)


def test_other_rows_are_warned_of() -> None:
    fits = estimator([0.8], [0.1]), posterior([0.7], [0.1])
    for number, fit in enumerate(fits):
        fit.tree.attrs.update(data="rows.csv", data_sha256=str(number), n_obs=9 + number)
    (section,) = school_sections(fits, NAMES)
    warned = [block.text for block in section.blocks if isinstance(block, Paragraph) and block.kind == "warning"]
    assert len(warned) == 1
    assert warned[0].startswith("The fits are of other observations")


def test_many_terms_are_parted_and_their_tables_folded() -> None:
    terms = [f"beta[{number}]" for number in range(60)]
    rng = np.random.default_rng(1)
    fits = [estimator(rng.normal(0, 1, 60), np.full(60, 0.5), label, terms=terms) for label in ("one", "other")]
    blocks = decision_blocks(compare(*fits), "many", {})
    figures = [block for block in blocks if isinstance(block, ReportFigure)]
    assert [figure.key for figure in figures] == ["many-decisions-1-20", "many-decisions-21-40", "many-decisions-41-60"]
    assert [len(figure.data) for figure in figures] == [20, 20, 20]
    assert all(block.folded for block in blocks if isinstance(block, ReportTable))


def test_terms_come_in_the_order_of_their_names(fits: tuple[Fit, ...]) -> None:
    found = named(compare(*fits), {"beta[c]": "gamma", "beta[a]": "alpha"})
    assert found.terms == ("gamma", "alpha")
    assert list(dict.fromkeys(found.decisions["term"])) == list(dict.fromkeys(found.pairs["term"])) == list(found.terms)
