"""The scalar checks against a second computation, and against cells that no sound paper prints."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import AuditReport, audit
from bayesgov.published.audit import catalogue as _catalogue  # noqa: F401  registers the checks
from bayesgov.published.audit.registry import CheckKind, registered
from bayesgov.study import Study, load_study

Z = stats.norm.ppf(0.975)
ROWS = tuple(str(row) for row in range(1, 15))

# every function is monotone in each argument over one cell's rounding interval, so its range is found at the corners
IDENTITIES: dict[str, tuple[tuple[str, ...], str, Callable[..., float]]] = {
    "table7-wald": (("estimate", "se"), "wald", lambda b, s: (b / s) ** 2),
    "table7-p-wald": (("wald",), "p", lambda w: stats.chi2.sf(w, 1)),
    "table7-p-estimate": (("estimate", "se"), "p", lambda b, s: 2 * stats.norm.sf(abs(b / s))),
    "table7-lower": (("estimate", "se"), "lower", lambda b, s: b - Z * s),
    "table7-upper": (("estimate", "se"), "upper", lambda b, s: b + Z * s),
    "table7-width": (("lower", "upper"), "se", lambda low, high: (high - low) / (2 * Z)),
    "table7-centre": (("lower", "upper"), "estimate", lambda low, high: (low + high) / 2),
}
USES_LIMITS = {"table7-lower", "table7-upper", "table7-width", "table7-centre"}


@pytest.fixture(scope="module")
def survey() -> Study:
    return load_study("survey")


@pytest.fixture(scope="module")
def report(survey: Study) -> AuditReport:
    return audit(survey, power=False)


def ends(number: PrintedNumber) -> tuple[float, float]:
    half = Fraction(1, 2 * 10**number.decimals)
    return float(Fraction(number.value) - half), float(Fraction(number.value) + half)


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("row", ROWS)
def test_bounds_and_verdict_are_those_of_the_corners(
    survey: Study, report: AuditReport, identity: str, row: str
) -> None:
    found = next(entry for entry in report.rows if entry.id == f"{identity}-{row}")
    if row == "2" and identity in USES_LIMITS:  # the paper prints 8.398 below 1.948
        assert found.verdict == "not checkable"
        return
    inputs, target, function = IDENTITIES[identity]
    corners = itertools.product(*(ends(survey.number(f"7/{row}/{name}")) for name in inputs))
    values = [function(*corner) for corner in corners]
    # the audit widens its bounds by units in the last place only
    assert found.low == pytest.approx(min(values), rel=1e-9, abs=1e-12)
    assert found.high == pytest.approx(max(values), rel=1e-9, abs=1e-12)
    low, high = ends(survey.number(f"7/{row}/{target}"))
    agrees = low <= max(values) and min(values) <= high
    assert found.verdict == ("consistent" if agrees else "inconsistent")


@pytest.mark.parametrize("item", range(1, 17))
def test_chi_square_is_that_of_scipy(survey: Study, report: AuditReport, item: int) -> None:
    counts = [[int(survey.number(f"1/{item}.{option}/{grade}").value) for grade in "ABC"] for option in (1, 2, 3)]
    found = next(entry for entry in report.rows if entry.id == f"table1-chi2-{item}")
    assert found.low == pytest.approx(stats.chi2_contingency(counts, correction=False).statistic, rel=1e-12)


def test_difference_of_deviances_agrees_with_an_exchange_of_digits(report: AuditReport) -> None:
    # 92.163 - 38.594 = 53.569, as printed
    found = next(entry for entry in report.rows if entry.id == "table6-chi2")
    exchanged = next(entry for entry in found.explanations if entry.name == "two neighbouring digits exchanged")
    assert exchanged.resolves
    assert "91.263 -> 92.163" in exchanged.value


SCALAR = ("confidence", "counts", "deviance", "lasso", "likelihood_ratio", "sample", "significance", "wald")
KINDS = [kind for kind in registered().values() if kind.function.__module__.rpartition(".")[2] in SCALAR]
HOSTILE = [
    PrintedNumber.parse(text)
    for text in (
        *("0", "0.0", "0.000", "-0.00", "1", "-1", "17", "10,808", "<0.05", ">0.80", "<=3", ">=2.5", "<-1", ">5"),
        *("-0.5", "3.2", "-3.2", "0.05", "99999.9", "0.0001", "131.9%", "1.3**", "(-0.23)", "800.5", "-800.25"),
    )
]


@st.composite
def tables(draw: st.DrawFn) -> dict[str, PrintedNumber]:
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    counts = st.integers(0, 40).map(lambda count: PrintedNumber.parse(str(count)))
    cell = draw(st.sampled_from((counts, st.sampled_from(HOSTILE))))
    return {f"1/x.{i}/{j}": draw(cell) for i in range(rows) for j in range(columns)}


def hostile_arguments(kind: CheckKind, data: st.DataObject) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, parameter in kind.parameters.items():
        if parameter.binding == "number":
            arguments[name] = data.draw(st.sampled_from(HOSTILE))
        elif parameter.binding != "constant":
            arguments[name] = data.draw(tables())
        elif parameter.required:
            arguments[name] = "x" if str in parameter.constant else 0.05 if float in parameter.constant else 3
    return arguments


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_printed_cell_breaks_a_check(kind: CheckKind, data: st.DataObject) -> None:
    arguments = hostile_arguments(kind, data)
    try:
        finding = kind.function(**arguments)
        if finding.verdict in ("inconsistent", "impossible") and kind.explain:
            kind.explain(**arguments)
    except InputError:
        return  # said in one line, which is what a user can act on
    assert not any(bound is not None and math.isnan(bound) for bound in (finding.low, finding.high))
