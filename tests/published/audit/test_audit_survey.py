"""The audit of the shipped survey study against facts worked out by hand from its printed tables."""

from __future__ import annotations

from decimal import Decimal

import pytest
from scipy.stats import chi2

from bayesgov.published.audit.engine import audit
from bayesgov.published.audit.report import AuditReport, AuditRow
from bayesgov.study import Study, load_study

MODEL_ITEMS = tuple(str(k) for k in range(1, 15))
SCREENED_ITEMS = tuple(str(k) for k in range(1, 17))


@pytest.fixture(scope="module")
def survey() -> Study:
    return load_study("survey")


@pytest.fixture(scope="module")
def report(survey: Study) -> AuditReport:
    return audit(survey, power=False)


@pytest.fixture(scope="module")
def rows(report: AuditReport) -> dict[str, AuditRow]:
    return {row.id: row for row in report.rows}


def verdicts(rows: dict[str, AuditRow], stem: str, items: tuple[str, ...] = MODEL_ITEMS) -> dict[str, str]:
    return {item: rows[f"{stem}-{item}"].verdict for item in items}


def only(found: dict[str, str], verdict: str) -> list[str]:
    return [item for item, entry in found.items() if entry == verdict]


def enclosed(row: AuditRow, value: float) -> bool:
    return row.low is not None and row.high is not None and row.low <= value <= row.high


def test_the_sample(rows: dict[str, AuditRow]) -> None:
    assert rows["sample-analysed"].verdict == "consistent"
    assert 1227 + 1287 + 1140 == 3654
    assert (rows["sample-table1"].verdict, rows["sample-table1"].low) == ("inconsistent", 3654)


def test_six_levels_need_five_equations_and_four_are_printed(rows: dict[str, AuditRow]) -> None:
    row = rows["equations-levels"]
    assert (row.verdict, row.reported, row.recomputed) == ("inconsistent", "4", "5")
    assert rows["outcome-levels-table1"].verdict == "inconsistent"
    assert rows["equations-predictors"].verdict == "inconsistent"


def test_one_margin_of_table_1_does_not_add_up(rows: dict[str, AuditRow]) -> None:
    found = {
        f"{item}-{level}": rows[f"table1-margin-{item}-{level}"].verdict for item in SCREENED_ITEMS for level in "ABC"
    }
    assert only(found, "inconsistent") == ["5-B"]
    assert only(found, "consistent") == [name for name in found if name != "5-B"]
    assert 273 + 434 + 853 == 1560
    assert (rows["table1-margin-5-B"].reported, rows["table1-margin-5-B"].recomputed) == ("1287", "1560")


def test_no_chi_square_of_table_1_is_that_of_its_counts(rows: dict[str, AuditRow]) -> None:
    found = verdicts(rows, "table1-chi2", SCREENED_ITEMS)
    assert set(found.values()) == {"inconsistent"}
    # sum of (O - E)² / E over the nine cells of item 1, E from the margins 1161, 1205, 1288 and 1227, 1287, 1140
    observed = ((455, 459, 247), (435, 355, 415), (337, 473, 478))
    n, sizes = 3654, (1227, 1287, 1140)
    by_hand = sum(
        (count - sum(row) * size / n) ** 2 / (sum(row) * size / n)
        for row in observed
        for count, size in zip(row, sizes, strict=True)
    )
    row = rows["table1-chi2-1"]
    assert float(row.recomputed) == pytest.approx(by_hand, abs=5e-4)  # six digits are shown
    assert row.reported == "856.365"
    assert set(verdicts(rows, "table1-p", SCREENED_ITEMS).values()) == {"consistent"}


def test_the_lasso_numbers(rows: dict[str, AuditRow]) -> None:
    assert rows["lasso-selected"].verdict == "consistent"
    assert rows["lasso-lambda-zero"].verdict == "undetermined"
    assert rows["lasso-path"].verdict == "undetermined"


def test_variance_inflation_and_tolerance(rows: dict[str, AuditRow]) -> None:
    row = rows["table3-product-10"]
    assert row.verdict == "inconsistent"
    assert abs(Decimal("6.322") * Decimal("0.333") - 1) > 1
    assert rows["table2-semidefinite"].verdict == "impossible"


@pytest.mark.parametrize(
    ("identifier", "deviances", "printed"),
    [
        ("table5-chi2", ("38.594", "26.356", "12.238"), "11.326c"),
        ("table6-chi2", ("91.263", "38.594", "52.669"), "53.569"),
    ],
)
def test_differences_of_deviance(
    rows: dict[str, AuditRow], identifier: str, deviances: tuple[str, str, str], printed: str
) -> None:
    restricted, full, difference = map(Decimal, deviances)
    row = rows[identifier]
    assert restricted - full == difference
    assert (row.verdict, row.reported) == ("inconsistent", printed)
    assert enclosed(row, float(difference))
    # three rounded numbers differ by 0.0015 at most from their identity
    assert abs(Decimal(printed.rstrip("c")) - difference) > Decimal("0.0015")


def test_the_exchange_that_would_mend_table_6(rows: dict[str, AuditRow]) -> None:
    resolved = [entry for entry in rows["table6-chi2"].explanations if entry.resolves]
    assert [entry.value for entry in resolved] == ["6/intercept_only/minus2ll: 91.263 -> 92.163"]
    assert not any(entry.resolves for entry in rows["table5-chi2"].explanations)


def test_degrees_of_freedom(rows: dict[str, AuditRow]) -> None:
    for levels, implied in ((6, 56), (5, 42), (3, 14)):
        row = rows[f"table5-df-{levels}-levels"]
        assert (row.verdict, row.low) == ("inconsistent", implied)
    assert rows["table5-df-multiple-of-table6"].verdict == "inconsistent"
    assert rows["table6-df"].verdict == "inconsistent"
    assert [entry.name for entry in rows["table6-df"].explanations if entry.resolves] == ["6 predictors"]


def test_p_of_tables_5_and_6(rows: dict[str, AuditRow]) -> None:
    assert rows["table5-p"].verdict == "inconsistent"
    assert enclosed(rows["table5-p"], float(chi2.sf(11.326, 17)))
    assert rows["table5-p-text"].verdict == "consistent"
    assert rows["table5-p-above-0.05"].verdict == "consistent"
    assert rows["table5-table6-same-model"].verdict == "consistent"
    assert rows["table6-p"].verdict == "consistent"
    assert rows["table6-p-text"].verdict == "consistent"


def test_intercept_deviance(rows: dict[str, AuditRow]) -> None:
    # 2 (1227 log(3654/1227) + 1287 log(3654/1287) + 1140 log(3654/1140)) = 8019.65
    row = rows["table6-intercept-from-table1"]
    assert (row.verdict, row.recomputed) == ("inconsistent", "8019.65")
    # 2 (5 log 10808 + 10803 log(10808/10803)) = 102.878
    smallest = rows["table6-intercept-smallest-6-levels"]
    assert (smallest.verdict, smallest.recomputed) == ("impossible", "at least 102.878")
    assert rows["table6-intercept-smallest-3-levels"].verdict == "consistent"


def test_single_items_of_table_1_exceed_the_chi_square_of_the_whole_model(rows: dict[str, AuditRow]) -> None:
    row = rows["table6-chi2-of-one-item"]
    assert row.verdict == "undetermined"  # the same respondents are assumed
    assert row.low is not None
    assert row.low > 53.5695


def test_reversed_limits_stop_what_depends_on_them(rows: dict[str, AuditRow]) -> None:
    assert only(verdicts(rows, "table7-order"), "impossible") == ["2"]
    for stem in ("inside", "lower", "upper", "centre", "width", "zero", "wald-interval"):
        row = rows[f"table7-{stem}-2"]
        assert row.verdict == "not checkable"
        assert "reverse order" in row.note


def test_table_7_row_by_row(rows: dict[str, AuditRow], survey: Study) -> None:
    assert set(verdicts(rows, "table7-se").values()) == {"consistent"}
    assert only(verdicts(rows, "table7-inside"), "inconsistent") == ["8"]
    flagged = only(verdicts(rows, "table7-wald"), "inconsistent")
    clearly_off = []
    for item in MODEL_ITEMS:
        estimate, se, wald = (survey.number(f"7/{item}/{column}").value for column in ("estimate", "se", "wald"))
        # first-order rounding error of (b / SE)²: 0.0005 (2 b / SE² + 2 b² / SE³); doubled, plus half a digit of Wald
        slack = Decimal("0.002") * (estimate / se**2 + estimate**2 / se**3) + Decimal("0.006")
        if abs((estimate / se) ** 2 - wald) > slack:
            clearly_off.append(item)
    assert len(clearly_off) > 5
    assert set(clearly_off) <= set(flagged)
    # (5.282 / 2.601)² = 4.124 against 4.185; (2.387 / 1.143)² = 4.361 against 4.208
    assert rows["table7-wald-4"].verdict == rows["table7-wald-3"].verdict == "inconsistent"


def test_not_all_coefficients_are_significant(rows: dict[str, AuditRow], survey: Study) -> None:
    above = [item for item in MODEL_ITEMS if survey.number(f"7/{item}/p").value > Decimal("0.05")]
    assert above == ["1", "2", "5", "6", "7", "8", "9", "14"]
    found = verdicts(rows, "table7-significant")
    assert only(found, "inconsistent") == above
    assert only(found, "undetermined") == ["12"]  # printed 0.05
    whole = rows["table7-all-significant"]
    assert (whole.verdict, whole.recomputed) == ("inconsistent", "5 of 14 below 0.05")
    by_wald = rows["table7-all-significant-wald"]
    assert (by_wald.verdict, by_wald.recomputed) == ("inconsistent", "12 of 14 above 3.841")
    assert rows["table7-p-order"].verdict == "inconsistent"


def test_every_declared_check_is_accounted_for(report: AuditReport, survey: Study) -> None:
    assert len({row.id for row in report.rows}) == len(report.rows)
    assert {row.kind for row in report.rows} == {declaration.check for declaration in survey.audit}
    for row in report.rows:
        if row.verdict == "not checkable":
            assert row.note
            assert (row.low, row.high) == (None, None)
        if row.verdict in ("inconsistent", "impossible"):
            assert row.note


def test_notes_say_nothing_about_authors(report: AuditReport) -> None:
    words = " ".join(row.note + " ".join(entry.name for entry in row.explanations) for row in report.rows).casefold()
    for word in ("fraud", "fabricat", "manipulat", "author", "mistake", "suspicious"):
        assert word not in words
