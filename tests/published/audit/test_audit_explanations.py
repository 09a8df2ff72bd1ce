"""Readings of cells that are tried on numbers that do not agree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published.audit.audit_studies import write_study

from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import audit, registry
from bayesgov.published.audit.explanations import truncated
from bayesgov.published.audit.finding import Explanation, Finding
from bayesgov.published.audit.registry import check

VIF = '[[audit]]\nid = "v"\ncheck = "vif_tolerance"\nvif = "1/a/vif"\ntolerance = "1/a/tol"\n'
SIGN = '[[audit]]\nid = "s"\ncheck = "sign_agrees"\nestimate = "1/a/b"\nt = "1/a/t"\n'


def readings(folder: Path, cells: Mapping[str, str], declaration: str) -> dict[str, Explanation]:
    row = audit(write_study(folder, cells, declaration), power=False).rows[0]
    return {explanation.name: explanation for explanation in row.explanations}


def test_truncation(tmp_path: Path) -> None:
    # 1 / 2.95 is 0.3390, which rounds to 0.34 and truncates to 0.33
    found = readings(tmp_path, {"a/vif": "2.95", "a/tol": "0.33"}, VIF)["truncated instead of rounded"]
    assert found.resolves
    assert not readings(tmp_path, {"a/vif": "2.95", "a/tol": "0.32"}, VIF)["truncated instead of rounded"].resolves


def test_one_digit(tmp_path: Path) -> None:
    found = readings(tmp_path, {"a/vif": "2.0", "a/tol": "0.9"}, VIF)["one digit misprinted"]
    assert found == Explanation("one digit misprinted", "1/a/tol: 0.9 -> 0.5", resolves=True)
    # two digits apart from 0.50 and no one digit of the VIF gives 1 / 0.73 = 1.37
    none = readings(tmp_path, {"a/vif": "2.00", "a/tol": "0.73"}, VIF)["one digit misprinted"]
    assert none == Explanation("one digit misprinted", "none of 54 makes them agree", resolves=False)


def test_exchanged_digits(tmp_path: Path) -> None:
    name = "two neighbouring digits exchanged"
    assert readings(tmp_path, {"a/vif": "4.00", "a/tol": "0.52"}, VIF)[name].value == "1/a/tol: 0.52 -> 0.25"
    assert not readings(tmp_path, {"a/vif": "4.00", "a/tol": "0.53"}, VIF)[name].resolves


def test_a_sign(tmp_path: Path) -> None:
    found = readings(tmp_path, {"a/b": "-0.40", "a/t": "(2.10)"}, SIGN)["one sign dropped or added"]
    assert found.resolves
    assert found.value == "1/a/b: -0.40 -> 0.40; 1/a/t: (2.10) -> -2.10"


def test_nothing_is_tried_on_numbers_that_agree(tmp_path: Path) -> None:
    assert readings(tmp_path, {"a/b": "0.40", "a/t": "(2.10)"}, SIGN) == {}


def test_a_neighbouring_row_of_the_same_quantity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTER", dict(registry._REGISTER))

    @check("is_two", readings=("neighbour",))
    def is_two(*, value: PrintedNumber) -> Finding:
        """Whether a number is two."""
        return Finding(str(value), "2", 2.0, 2.0, "consistent" if value.bounds.contains(2.0) else "inconsistent")

    # a row "gdp.t" has other rows of t-values for neighbours, a row "1.2" every row
    cells = {
        "a.t/x": "1.0",
        "a.p/x": "2.0",
        "b.t/x": "3.0",
        "b.p/x": "9.0",
        "c.t/x": "2.0",
        "1.1/y": "7.0",
        "1.2/y": "2.0",
    }

    def value(row: str, column: str = "x") -> str:
        declaration = f'[[audit]]\nid = "n"\ncheck = "is_two"\nvalue = "1/{row}/{column}"\n'
        return readings(tmp_path, cells, declaration)["the value of a neighbouring row"].value

    assert value("b.t") == "1/b.t/x: 3.0 -> 2.0"
    assert value("a.t") == "none of 1 makes them agree"
    assert value("1.1", "y") == "1/1.1/y: 7.0 -> 2.0"
    assert value("b.p") == "1/b.p/x: 9.0 -> 2.0"


@settings(deadline=None)
@given(st.decimals(-1000, 1000, places=6), st.integers(1, 4))
def test_truncated_bounds_contain_every_value_that_truncates_to_what_is_printed(value: object, places: int) -> None:
    exact = float(str(value))
    cut = math.trunc(exact * 10**places) / 10**places
    if cut:
        # a product with 10**places may round up across a digit, so allow one unit in the last place
        bounds = truncated(PrintedNumber.parse(f"{cut:.{places}f}")).bounds
        assert bounds.low - math.ulp(exact) <= exact <= bounds.high + math.ulp(exact)
