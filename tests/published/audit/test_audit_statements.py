"""Checks of sentences against one another and against what they list."""

from __future__ import annotations

import pytest

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import statements
from bayesgov.published.audit.engine import audit
from bayesgov.study import load_study


def test_same_subject() -> None:
    def check(second_subject: str) -> str:
        return statements.same_subject(
            first="The data come from the Survey  of Province A.",
            first_subject="survey of province A",
            second="Based on the Survey of Province A, not on the General Survey.",
            second_subject=second_subject,
            what="The data source",
        ).verdict

    assert check("Survey of Province A") == "consistent"
    assert check("General Survey") == "inconsistent"


def test_a_subject_has_to_stand_in_its_quotation() -> None:
    with pytest.raises(InputError, match="first_subject should be words of its quotation"):
        statements.same_subject(
            first="The data come from A.", first_subject="B", second="B.", second_subject="B", what="The source"
        )


def test_both_quotations_are_shown() -> None:
    found = statements.same_subject(
        first="x is the outcome", first_subject="x", second="y is the outcome", second_subject="y", what="The outcome"
    )
    assert '"x is the outcome" and "y is the outcome"' in found.note


def test_listed_count() -> None:
    quote = "five indexes, such as roads, schools and clinics"
    names = ("roads", "schools", "clinics")
    assert statements.listed_count(count=PrintedNumber.parse("3"), quote=quote, names=names).verdict == "consistent"
    assert statements.listed_count(count=PrintedNumber.parse("5"), quote=quote, names=names).verdict == "inconsistent"
    with pytest.raises(InputError, match="names should be words of its quotation"):
        statements.listed_count(count=PrintedNumber.parse("3"), quote=quote, names=("roads", "parks"))


def decision_table(third: str) -> dict[str, PrintedNumber | str]:
    rows = [("1", "two groups", "binary"), ("2", "many groups", "multinomial"), ("3", third, "ordered")]
    return {
        f"4/{row}/{column}": text
        for row, dependent, model in rows
        for column, text in (("dependent", dependent), ("model", model))
    }


def test_distinct_conditions() -> None:
    check = statements.distinct_conditions
    assert check(rows=decision_table("many ordered groups"), conclusion="model").verdict == "consistent"
    finding = check(rows=decision_table("Many  groups"), conclusion="model")
    assert finding.verdict == "inconsistent"
    assert "rows 2 (multinomial) and 3 (ordered)" in finding.note
    with pytest.raises(InputError, match="conclusion should be a column of every row"):
        check(rows=decision_table("many groups"), conclusion="method")


def test_survey_table_4_gives_two_models_for_one_condition() -> None:
    rows = load_study("survey").cells("4/*/*")
    assert statements.distinct_conditions(rows=rows, conclusion="model").verdict == "inconsistent"


def test_what_is_not_printed_is_not_checkable() -> None:
    open_question = statements.not_printed(needed="the number of instruments", question="Whether they are many")
    assert open_question.verdict == "not checkable"
    assert "the number of instruments" in open_question.note
    cells: dict[str, PrintedNumber | str] = {"2/1/1": PrintedNumber.parse("1")}
    absent = statements.row_needed(cells=cells, row="outcome", quote="all correlate with the outcome")
    assert "prints no row or column for outcome" in absent.note
    present = statements.row_needed(cells=cells, row="1", quote="all correlate with the outcome")
    assert "declare the check" in present.note


@pytest.mark.parametrize("study", ["survey", "panel"])
def test_every_sentence_check_of_the_shipped_studies_runs(study: str) -> None:
    report = audit(load_study(study), power=False)
    kinds = {"same_subject", "listed_count", "distinct_conditions", "row_needed", "not_printed"}
    found = {row.kind: row for row in report.rows if row.kind in kinds}
    assert {"same_subject", "row_needed"} <= set(found)
    # what a sentence is about is a reading, so the quotations have to be there for the reader
    assert '" and "' in found["same_subject"].note
