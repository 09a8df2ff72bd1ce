"""Checks of sample sizes, levels, equations, thresholds and Lasso penalties, on constructed numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import lasso, sample
from bayesgov.published.audit.finding import Explanation
from bayesgov.published.audit.registry import registered


def cell(text: str) -> PrintedNumber:
    return PrintedNumber.parse(text)


def table(rows: tuple[tuple[int, ...], ...], item: str = "1") -> dict[str, PrintedNumber]:
    return {f"1/{item}.{i}/{j}": cell(str(count)) for i, row in enumerate(rows, 1) for j, count in enumerate(row, 1)}


def readings(kind: str, **arguments: object) -> dict[str, Explanation]:
    explain = registered()[kind].explain
    assert explain is not None
    return {entry.name: entry for entry in explain(**arguments)}


ROWS = ((20, 30, 50), (40, 30, 30), (10, 20, 70))
X = np.concatenate([np.repeat(i, sum(row)) for i, row in enumerate(ROWS, 1)]).astype(float)
Y = np.concatenate([np.repeat([1, 2, 3], row) for row in ROWS]).astype(float)


def test_part_of_whole() -> None:
    assert sample.part_of_whole(part=cell("10,808"), whole=cell("23,928")).verdict == "consistent"
    assert sample.part_of_whole(part=cell("23,928"), whole=cell("10,808")).verdict == "impossible"


def test_groups_sum_to_sample() -> None:
    parts = {"1/n/A": cell("40"), "1/n/B": cell("60")}
    assert sample.groups_sum_to_sample(parts=parts, stated=cell("100")).verdict == "consistent"
    assert sample.groups_sum_to_sample(parts=parts, stated=cell("120")).verdict == "inconsistent"
    tried = readings("groups_sum_to_sample", parts=parts, stated=cell("120"), others=(100, 90))
    assert [entry.resolves for entry in tried.values()] == [True, False]


def test_cumulative_equations() -> None:
    assert sample.cumulative_equations(levels=cell("6"), equations=cell("5")).verdict == "consistent"
    finding = sample.cumulative_equations(levels=cell("6"), equations=cell("4"))
    assert (finding.verdict, finding.recomputed) == ("inconsistent", "5")
    tried = readings("cumulative_equations", levels=cell("4"), equations=cell("4"))
    assert tried["one equation a level"].resolves


def test_stated_count() -> None:
    assert sample.stated_count(count=cell("14"), found=14, what="rows").verdict == "consistent"
    assert sample.stated_count(count=cell("14"), found=4, what="rows").verdict == "inconsistent"


@pytest.mark.parametrize(
    ("texts", "verdict"),
    [
        (("-1.2", "0.3", "2.0"), "consistent"),
        (("-1.2", "0.3", "0.3"), "undetermined"),
        (("-1.2", "0.3", "0.1"), "impossible"),
    ],
)
def test_thresholds_increasing(texts: tuple[str, ...], verdict: str) -> None:
    thresholds = {f"1/{k}/estimate": cell(text) for k, text in enumerate(texts)}
    assert sample.thresholds_increasing(thresholds=thresholds).verdict == verdict


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6, unique=True), st.integers(0, 4))
def test_true_thresholds_are_never_impossible(values: list[float], decimals: int) -> None:
    thresholds = {f"1/{k}/estimate": cell(f"{value:.{decimals}f}") for k, value in enumerate(sorted(values))}
    assert sample.thresholds_increasing(thresholds=thresholds).verdict != "impossible"


def test_score_variance_and_weight() -> None:
    assert sample.score_variance(table(ROWS)).contains(2 / 3)  # three options of 100 respondents each
    shares = np.array([70, 80, 150]) / 300
    assert sample.null_weight(table(ROWS)).midpoint == pytest.approx((1 - (shares**3).sum()) / 3, rel=1e-12)
    # two levels of equal size: the binary logit's p (1 - p)
    assert sample.null_weight(table(((50, 50), (50, 50)))).contains(0.25)


def test_sample_size_from_standard_error() -> None:
    weight = sample.null_weight(table(ROWS)).midpoint
    se = math.sqrt(1 / (1000 * (2 / 3) * weight))

    def verdict(printed: str, n: str = "1000", vif: str = "1.001") -> str:
        return sample.sample_size_from_standard_error(
            se=cell(printed), vif=cell(vif), counts=table(ROWS), n=cell(n)
        ).verdict

    assert verdict(f"{se:.4f}") == "consistent"
    assert verdict(f"{10 * se:.4f}") == "undetermined"
    assert verdict(f"{0.1 * se:.4f}") == "undetermined"
    assert verdict("-0.1") == "not checkable"
    assert verdict("0.1", vif="0.5") == "not checkable"
    one_option = sample.sample_size_from_standard_error(
        se=cell("0.1"), vif=cell("2.0"), counts=table(((20, 30), (0, 0))), n=cell("1000")
    )
    assert one_option.verdict == "not checkable"


def test_zero_penalty_is_glmnets() -> None:
    # |sum of x y| / n with x standardised by its population standard deviation
    expected = abs(np.mean((X - X.mean()) / X.std() * Y))
    assert lasso.zero_penalty(table(ROWS)).midpoint == pytest.approx(expected, rel=1e-12)
    correlation = abs(np.corrcoef(X, Y)[0, 1])
    assert lasso.zero_penalty(table(ROWS), standardised=True).midpoint == pytest.approx(correlation, rel=1e-12)


def test_penalty_with_no_predictor() -> None:
    counts = table(ROWS) | table(((10, 10, 10), (10, 10, 10)), item="2")
    largest = lasso.zero_penalty(table(ROWS)).midpoint
    above, below = cell(f"{largest + 0.01:.4f}"), cell(f"{largest - 0.01:.4f}")
    assert lasso.penalty_with_no_predictor(penalty=above, counts=counts).verdict == "consistent"
    finding = lasso.penalty_with_no_predictor(penalty=below, counts=counts)
    assert finding.verdict == "undetermined"
    assert "keeps item 1 below" in finding.note
    unusable = counts | table(((10, 10), (0, 0)), item="3")
    assert lasso.penalty_with_no_predictor(penalty=above, counts=unusable).verdict == "not checkable"
    assert list(readings("penalty_with_no_predictor", penalty=below, counts=counts)) == ["the outcome standardised"]


@given(st.integers(1, 60), st.floats(0.01, 1), st.integers(4, 6))
def test_penalties_of_one_path_are_consistent(steps: int, largest: float, decimals: int) -> None:
    smaller = cell(f"{largest * 1e-4 ** (steps / 99):.{decimals}f}")
    larger = cell(f"{largest:.{decimals}f}")
    verdict = lasso.penalties_on_one_path(smaller=smaller, larger=larger).verdict
    assert verdict == ("consistent" if smaller.bounds.low > 0 else "not checkable")


def test_penalties_of_two_paths() -> None:
    # half a step of the finer default path: 1e-4 ** (10.25 / 99), which is 20.5 steps of the ratio 1e-2
    smaller = cell(f"{1e-4 ** (10.25 / 99):.6f}")
    assert lasso.penalties_on_one_path(smaller=smaller, larger=cell("1.000000")).verdict == "undetermined"
