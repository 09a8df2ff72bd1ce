"""How the page shows checks: which fits share a table, titles, and a glossary of what occurs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bayesgov.fits import Check
from bayesgov.report.check_view import check_tables, check_title, glossary_of
from bayesgov.report.content import Document, FitDiagnostics, StudyPart

RHAT, BULK = Check("rhat_max", 1.0, 1.01, "pass"), Check("ess_bulk_min", 900.0, 400.0, "pass")
KKT = Check("lasso_kkt", 1e-9, 1e-7, "pass")


def _part(*fits: FitDiagnostics) -> StudyPart:
    return StudyPart("rows", "Rows", "rows.csv", "rows", (), None, (), fits)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("rhat_max", "R-hat, largest"),
        ("hansen_p [north]", "Hansen's test [north]"),
        ("binary_model[1|2]", "Binary model of one threshold [1|2]"),
        ("effects free between thresholds: temp", "Effects free between thresholds: temp"),
        ("ar2_p", "Autocorrelation test, order 2"),
        ("nobody_knows", "nobody knows"),
    ],
)
def test_titles_keep_what_a_check_is_of(name: str, title: str) -> None:
    assert check_title(Check(name, 1.0, 1.0, "pass")) == title


def test_fits_with_the_same_checks_share_a_table() -> None:
    first = FitDiagnostics("rows", "normal prior", "bayesian", (RHAT, BULK))
    second = FitDiagnostics("rows", "horseshoe prior", "bayesian", (RHAT,))
    other = FitDiagnostics("rows", "Lasso", "frequentist", (KKT,))
    shared, alone = check_tables(_part(first, other, second))
    assert shared.titles == ("R-hat, largest", "Effective sample size, bulk")
    assert [(fit.name, fit.checks) for fit in shared.fits] == [
        ("normal prior", (RHAT, BULK)),
        ("horseshoe prior", (RHAT, None)),
    ]
    assert alone.fits[0].checks == (KKT,)


def test_steps_with_other_checks_have_their_own() -> None:
    steps = [FitDiagnostics("rows", check.name, "bayesian", (check,)) for check in (RHAT, BULK)]
    assert len(check_tables(_part(*steps))) == 2


def test_a_check_made_twice_is_shown_twice() -> None:
    again = replace(KKT, value=2e-9)
    twice = FitDiagnostics("rows", "paths", "frequentist", (KKT, again))
    tables = check_tables(_part(twice, replace(twice, fit="other paths")))
    assert [table.fits[0].checks for table in tables] == [(KKT, again), (KKT, again)]


def test_the_glossary_has_what_occurs_once() -> None:
    unknown = Check("nobody_knows", 1.0, 1.0, "pass")
    fits = (
        FitDiagnostics("rows", "one", "bayesian", (RHAT, unknown)),
        FitDiagnostics("rows", "two", "bayesian", (RHAT, BULK)),
    )
    found = glossary_of([Document("Rows", "", (_part(*fits),), (), (), {}, ())])
    assert [entry.title for entry in found] == ["R-hat, largest", "Effective sample size, bulk"]


def test_the_page_explains_its_checks(page: str) -> None:
    glossary = page.split('id="check-glossary"')[1].split("</details>", maxsplit=1)[0]
    assert "<dt>R-hat, largest</dt>" in glossary
    assert "disagreement between chains" in glossary.lower()
    assert "rhat max" not in page
