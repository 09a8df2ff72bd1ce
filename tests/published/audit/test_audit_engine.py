"""The engine: binding of declarations to cells, accounting for what could not run, power."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from published.audit.audit_studies import write_study

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import audit, registry
from bayesgov.published.audit.finding import FLAGS, Finding
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.report import VERDICTS
from bayesgov.published.audit.typo import digit_typos, evenly_spaced, transpositions
from bayesgov.study import load_study

CELLS = {"a/x": "0.50", "a/y": "2.1", "b/x": "-0.40", "b/y": "1.9", "c/x": "words", "c/y": ""}
SIGN = '[[audit]]\nid = "sign-{row}"\ncheck = "sign_agrees"\nestimate = "1/{row}/x"\nt = "1/{row}/y"\n'
RANGE = '[[audit]]\nid = "range"\ncheck = "possible_range"\nminimum = 0\nmaximum = 1.0\nquantity = "a share"\n'


@pytest.fixture
def own_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks registered in a test are gone after it."""
    monkeypatch.setattr(registry, "_REGISTER", dict(registry._REGISTER))


def test_a_declaration_is_repeated_over_its_placeholders_in_order(tmp_path: Path) -> None:
    report = audit(write_study(tmp_path, CELLS, SIGN + '[audit.over]\nrow = ["b", "a"]\n'))
    assert [row.id for row in report.rows] == ["sign-b", "sign-a"]
    assert [row.verdict for row in report.rows] == ["inconsistent", "consistent"]
    assert report.rows[0].source == ("1/b/x", "1/b/y", "Table 1")


@pytest.mark.parametrize(("row", "reason"), [("c", "1/c/x holds words")])
def test_words_and_empty_cells_are_not_checkable(tmp_path: Path, row: str, reason: str) -> None:
    found = audit(write_study(tmp_path, CELLS, SIGN + f'[audit.over]\nrow = ["{row}"]\n')).rows[0]
    assert found.verdict == "not checkable"
    assert reason in found.note
    assert "1/c/y is printed empty" in found.note
    assert found.power is None


def test_a_list_of_references_and_a_pattern_bind_the_same_cells(tmp_path: Path) -> None:
    cells = {"a/x": "0.50", "b/x": "0.7", "c/x": "1.8"}
    for values in ('"1/*/x"', '["1/a/x", "1/b/x", "1/c/x"]', '["1/[ab]/x", "1/c/*"]'):
        found = audit(write_study(tmp_path, cells, RANGE + f"values = {values}\n")).rows[0]
        assert found.verdict == "impossible"
        assert found.recomputed.startswith("1 of 3")


def test_one_empty_cell_among_many_is_not_skipped(tmp_path: Path) -> None:
    found = audit(write_study(tmp_path, CELLS, RANGE + 'values = "1/*/y"\n')).rows[0]
    assert found.verdict == "not checkable"
    assert "1/c/y" in found.note


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ('[[audit]]\nid = "u"\ncheck = "no_such"\n', "check 'no_such' is not known; checks: .*sign_agrees"),
        ('[[audit]]\nid = "u"\ncheck = "sign_agrees"\nestimate = "1/a/x"\n', "needs the argument 't'"),
        (RANGE + 'values = "1/a/x"\nvalue = 3\n', "has no argument 'value'; its arguments: values, "),
        (SIGN.replace("{row}", "z"), "argument 'estimate' no cell matches '1/z/x'"),
        (SIGN.replace("1/{row}/x", "7/a/x").replace("{row}", "a"), "no table '7'"),
        (SIGN.replace("1/{row}/x", "1/*/y").replace("{row}", "a"), "should name one cell; '1/\\*/y' names 3"),
        (SIGN, "placeholder {row} has no values; add over.row"),
        (RANGE.replace("minimum = 0", 'minimum = "low"') + 'values = "1/a/x"\n', "should be float.*; got 'low'"),
        (RANGE.replace("minimum = 0", "minimum = true") + 'values = "1/a/x"\n', "should be float.*; got True"),
        (RANGE + "values = 3\n", "should be a cell reference table/row/column; got 3"),
        (SIGN.replace("{row}", "a") * 2, "'sign-a': the id stands twice"),
        (SIGN + '[audit.over]\nrow = ["a", "a"]\n', "'sign-a': the id stands twice"),
    ],
)
def test_a_wrong_declaration_is_said_in_one_line(tmp_path: Path, declaration: str, message: str) -> None:
    study = write_study(tmp_path, CELLS, declaration)
    with pytest.raises(InputError, match=message) as caught:
        audit(study)
    assert "\n" not in str(caught.value)
    assert "study.toml" in str(caught.value)


def test_an_argument_that_a_check_refuses_names_the_declaration(tmp_path: Path) -> None:
    declaration = '[[audit]]\nid = "many"\ncheck = "number_of"\ncells = "1/*/*"\ncount = "1/a/y"\nof = "pages"\n'
    with pytest.raises(InputError, match=r"study\.toml: audit 'many': of should be rows or columns"):
        audit(write_study(tmp_path, CELLS, declaration))


@pytest.mark.usefixtures("own_checks")
def test_an_identity_of_classical_inference_is_left_alone_elsewhere(tmp_path: Path) -> None:
    @check("never_equal", classical=True)
    def never_equal(*, value: PrintedNumber) -> Finding:
        """Nothing passes."""
        return Finding(str(value), "", None, None, "inconsistent")

    declaration = '[[audit]]\nid = "w"\ncheck = "never_equal"\nvalue = "1/a/x"\n'
    assert audit(write_study(tmp_path / "plain", CELLS, declaration)).rows[0].verdict == "inconsistent"
    robust = audit(write_study(tmp_path / "robust", CELLS, declaration, inference="robust")).rows[0]
    assert robust.verdict == "not checkable"
    assert "robust inference" in robust.note
    assert robust.power is None


@pytest.mark.usefixtures("own_checks")
def test_an_exception_inside_a_check_is_no_verdict(tmp_path: Path) -> None:
    @check("broken")
    def broken(*, value: PrintedNumber) -> Finding:
        """Divides by zero."""
        return Finding(str(value), str(1 / 0), None, None, "consistent")

    study = write_study(tmp_path, CELLS, '[[audit]]\nid = "w"\ncheck = "broken"\nvalue = "1/a/x"\n')
    with pytest.raises(ZeroDivisionError):
        audit(study)


@pytest.mark.usefixtures("own_checks")
def test_a_name_is_registered_once_and_a_target_is_a_number() -> None:
    def nothing(*, words: str) -> Finding:
        """Nothing."""
        return Finding(words, "", None, None, "not checkable")

    with pytest.raises(ValueError, match="registered already"):
        check("sign_agrees")(nothing)
    with pytest.raises(ValueError, match="target 'words'"):
        check("nothing", target="words")(nothing)


def test_power_is_the_share_of_typos_that_would_be_reported(tmp_path: Path) -> None:
    # 0.5 as a share: the nine other first digits exceed 1, the nine other second digits do not
    found = audit(write_study(tmp_path, {"a/x": "0.5"}, RANGE + 'values = "1/a/x"\n')).rows[0]
    assert found.power == 0.5
    assert audit(write_study(tmp_path, {"a/x": "0.5"}, RANGE + 'values = "1/a/x"\n'), power=False).rows[0].power is None


VIF = '[[audit]]\nid = "v"\ncheck = "vif_tolerance"\nvif = "1/a/vif"\ntolerance = "1/a/tol"\n'


def test_power_of_numbers_that_disagree_is_that_of_the_repaired_table(tmp_path: Path) -> None:
    # 1 / 2.0 is 0.5: every typo of 0.5 is caught, and every one of 2.0 save 2.1 and 2.2, whose inverses reach 0.45
    bad = audit(write_study(tmp_path / "bad", {"a/vif": "2.0", "a/tol": "0.9"}, VIF)).rows[0]
    good = audit(write_study(tmp_path / "good", {"a/vif": "2.0", "a/tol": "0.5"}, VIF)).rows[0]
    assert bad.verdict == "inconsistent"
    assert good.verdict == "consistent"
    assert bad.power == good.power == pytest.approx(34 / 36)
    assert "Power evaluated on the table with the implied value." in bad.note


def test_no_power_without_numbers_or_without_an_implied_value(tmp_path: Path) -> None:
    negative = audit(write_study(tmp_path, CELLS, RANGE + 'values = "1/b/x"\n')).rows[0]
    assert negative.verdict == "impossible"
    assert negative.power is None
    assert "not evaluated, since the numbers already disagree" in negative.note


def test_typos_keep_the_printed_form() -> None:
    typos = list(digit_typos(PrintedNumber.parse("(-1.3%)**")))
    assert len(typos) == len({typo.text for typo in typos}) == 18
    assert all((typo.decimals, typo.stars, typo.percent) == (1, 2, True) and typo.value <= 0 for typo in typos)
    # 14 has no reading 04, 1,400 none 0,400; 0.11 has 1.11 and 9.11
    assert len(digit_typos(PrintedNumber.parse("14"))) == 8 + 9
    assert len(digit_typos(PrintedNumber.parse("1,400"))) == 8 + 27
    assert len(digit_typos(PrintedNumber.parse("0.11"))) == 27
    assert [typo.text for typo in transpositions(PrintedNumber.parse("<0.11"))] == ["<1.01"]
    assert transpositions(PrintedNumber.parse("10")) == ()
    assert list(evenly_spaced(range(10), 5)) == [0, 2, 4, 6, 8]
    assert list(evenly_spaced(range(3), 5)) == [0, 1, 2]


@pytest.mark.usefixtures("own_checks")
def test_a_typo_reaches_a_cell_wherever_the_check_reads_it(tmp_path: Path) -> None:
    @check("same")
    def same(*, one: PrintedNumber, many: Mapping[str, PrintedNumber]) -> Finding:
        """Whether a cell is itself."""
        equal = many["1/a/x"].value == one.value
        return Finding(str(one), "", None, None, "consistent" if equal else "inconsistent")

    declaration = '[[audit]]\nid = "w"\ncheck = "same"\none = "1/a/x"\nmany = "1/a/*"\n'
    assert audit(write_study(tmp_path, CELLS, declaration)).rows[0].power == 0.0


@pytest.mark.parametrize("name", ["survey", "panel"])
def test_the_shipped_studies_are_accounted_for(name: str) -> None:
    study = load_study(name)
    report = audit(study)
    expected = [
        len(list(itertools.product(*declaration.over.values()))) if declaration.over else 1
        for declaration in study.audit
    ]
    assert len(report.rows) == sum(expected) > 0
    content = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert list(content) == ["study", "checks"]
    keys = ["id", "source", "kind", "reported", "recomputed", "low", "high", "verdict", "explanations", "note", "power"]
    for row in content["checks"]:
        assert list(row) == keys
        assert row["verdict"] in VERDICTS
        assert row["low"] is None or row["high"] is None or row["low"] <= row["high"]
        assert all(list(entry) == ["name", "value", "resolves"] for entry in row["explanations"])
        assert (row["verdict"] in FLAGS) or not any(entry["resolves"] for entry in row["explanations"])
        if row["power"] is None:
            assert row["verdict"] == "not checkable" or "Power" in row["note"]
        else:
            assert 0 <= row["power"] <= 1
        if row["verdict"] == "not checkable":
            assert row["note"]
    assert audit(study).to_json() == report.to_json()
