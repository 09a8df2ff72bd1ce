"""Checks of -2 log-likelihoods, likelihood-ratio tests and their degrees of freedom, on constructed numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, multinomial

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import deviance
from bayesgov.published.audit import likelihood_ratio as checks
from bayesgov.published.audit.counts import likelihood_ratio_chi_square, linear_trend, read_counts
from bayesgov.published.audit.finding import Explanation
from bayesgov.published.audit.registry import registered


def cell(text: str) -> PrintedNumber:
    return PrintedNumber.parse(text)


def readings(kind: str, **arguments: object) -> dict[str, Explanation]:
    explain = registered()[kind].explain
    assert explain is not None
    return {entry.name: entry for entry in explain(**arguments)}


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.integers(0, 4))
def test_a_true_difference_is_never_flagged(full: float, difference: float, decimals: int) -> None:
    printed = [cell(f"{value:.{decimals}f}") for value in (full + difference, full, difference)]
    finding = checks.deviance_difference(restricted=printed[0], full=printed[1], chi2=printed[2])
    assert finding.verdict == "consistent"
    assert checks.nested_deviances(restricted=printed[0], full=printed[1]).verdict != "impossible"


@given(st.floats(0.01, 80), st.integers(1, 40), st.integers(1, 4), st.integers(1, 5))
def test_a_true_p_is_never_flagged(statistic: float, df: int, decimals: int, p_decimals: int) -> None:
    p = cell(f"{chi2.sf(statistic, df):.{p_decimals}f}")
    finding = checks.p_from_chi_square(statistic=cell(f"{statistic:.{decimals}f}"), df=cell(str(df)), p=p)
    assert finding.verdict == "consistent"


def test_deviance_difference() -> None:
    def verdict(statistic: str) -> str:
        return checks.deviance_difference(restricted=cell("100.0"), full=cell("90.0"), chi2=cell(statistic)).verdict

    # two numbers of one decimal differ by 10 ± 0.1
    assert verdict("10.1") == "consistent"
    assert verdict("10.2") == "inconsistent"
    tried = readings("deviance_difference", restricted=cell("100.0"), full=cell("90.0"), chi2=cell("20.0"))
    assert [name for name, entry in tried.items() if entry.resolves] == [
        "log-likelihoods printed, so twice the difference"
    ]


@pytest.mark.parametrize(("full", "verdict"), [("9.8", "consistent"), ("10.0", "undetermined"), ("10.2", "impossible")])
def test_nested_deviances(full: str, verdict: str) -> None:
    assert checks.nested_deviances(restricted=cell("10.0"), full=cell(full)).verdict == verdict


def test_p_from_chi_square() -> None:
    def verdict(df: str, p: str, statistic: str = "3.841") -> str:
        return checks.p_from_chi_square(statistic=cell(statistic), df=cell(df), p=cell(p)).verdict

    assert verdict("1", "0.050") == "consistent"
    assert verdict("1", "0.049") == "inconsistent"
    assert verdict("0", "0.05") == "not checkable"
    assert verdict("1", "0.05", statistic="-3.8") == "impossible"


def test_readings_of_p() -> None:
    def resolving(p: str) -> list[str]:
        tried = readings("p_from_chi_square", statistic=cell("3.8415"), df=cell("1"), p=cell(p), comparisons=14)
        return [name for name, entry in tried.items() if entry.resolves]

    assert "one-tailed p" in resolving("0.025")
    assert "1 - p" in resolving("0.950")
    assert "p x 14 (Bonferroni)" in resolving("0.700")
    # exp(-3.8415 / 2) with two degrees of freedom
    assert "another df" in resolving("0.1465")
    assert resolving("0.049") == []


def test_p_from_deviances() -> None:
    def verdict(p: str, full: str = "6.159") -> str:
        return checks.p_from_deviances(restricted=cell("10.000"), full=cell(full), df=cell("1"), p=cell(p)).verdict

    assert verdict("0.050") == "consistent"
    assert verdict("0.06") == "inconsistent"
    assert verdict("0.06", full="11.000") == "not checkable"


def test_model_df() -> None:
    assert checks.model_df(df=cell("14"), predictors=cell("14")).verdict == "consistent"
    assert checks.model_df(df=cell("28"), predictors=cell("14")).verdict == "inconsistent"
    arguments = {"predictors": cell("14"), "options": 3, "other_predictors": (6,)}
    contrasts = readings("model_df", df=cell("28"), **arguments)
    assert [name for name, entry in contrasts.items() if entry.resolves] == ["14 predictors of 3 options as contrasts"]
    six = readings("model_df", df=cell("6"), **arguments)
    assert [name for name, entry in six.items() if entry.resolves] == ["6 predictors"]


def test_parallel_lines_df() -> None:
    assert checks.parallel_lines_df(df=cell("56"), predictors=cell("14"), levels=6).verdict == "consistent"
    assert checks.parallel_lines_df(df=cell("17"), predictors=cell("14"), levels=6).verdict == "inconsistent"
    tried = readings("parallel_lines_df", df=cell("28"), predictors=cell("14"), levels=6)
    assert tried["another number of outcome levels"].value == "K = 4"
    with pytest.raises(InputError, match="levels should be 3 or more"):
        checks.parallel_lines_df(df=cell("17"), predictors=cell("14"), levels=2)


def test_parallel_lines_df_multiple() -> None:
    def verdict(parallel: str, model: str) -> str:
        return checks.parallel_lines_df_multiple(parallel_df=cell(parallel), model_df=cell(model)).verdict

    assert verdict("18", "6") == "consistent"
    assert verdict("17", "6") == "inconsistent"
    assert verdict("3", "6") == "inconsistent"
    assert verdict("3", "0") == "not checkable"


def test_same_number() -> None:
    def verdict(first: str, second: str) -> str:
        return checks.same_number(first=cell(first), second=cell(second), what="a number").verdict

    assert verdict("38.594", "38.59") == "consistent"
    assert verdict("38.594", "38.60") == "inconsistent"
    assert verdict("0.000", "<0.001") == "consistent"
    assert verdict("14", "14") == "consistent"
    assert verdict("14", "15") == "inconsistent"


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=6), st.integers(0, 3))
def test_a_true_intercept_deviance_is_never_flagged(sizes: list[int], decimals: int) -> None:
    n = sum(sizes)
    value = -2 * sum(size * math.log(size / n) for size in sizes)
    printed = cell(f"{value:.{decimals}f}")
    outcome = {f"1/n/{k}": cell(str(size)) for k, size in enumerate(sizes)}
    assert deviance.intercept_minus2ll_from_counts(minus2ll=printed, outcome=outcome).verdict == "consistent"
    smallest = deviance.smallest_intercept_minus2ll(minus2ll=printed, n=cell(str(n)), levels=len(sizes))
    assert smallest.verdict == "consistent"


def test_intercept_deviance() -> None:
    outcome = {"1/n/A": cell("50"), "1/n/B": cell("50")}
    # 200 log 2 = 138.629
    check = deviance.intercept_minus2ll_from_counts
    assert check(minus2ll=cell("138.629"), outcome=outcome).verdict == "consistent"
    assert check(minus2ll=cell("138.692"), outcome=outcome).verdict == "inconsistent"
    tried = readings("intercept_minus2ll_from_counts", minus2ll=cell("69.31"), outcome=outcome)
    assert tried["the log-likelihood without the factor -2"].resolves
    assert check(minus2ll=cell("1.0"), outcome={"1/n/A": cell("0")}).verdict == "not checkable"


def test_one_pattern_is_the_multinomial_probability() -> None:
    sizes = (12, 30, 8)
    shares = [size / 50 for size in sizes]
    expected = -2 * float(multinomial.logpmf(sizes, 50, shares))
    assert deviance.one_pattern_minus2ll(sizes) == pytest.approx(expected, rel=1e-10)


def test_smallest_intercept_deviance() -> None:
    def verdict(minus2ll: str, n: str = "100", levels: int = 3) -> str:
        return deviance.smallest_intercept_minus2ll(minus2ll=cell(minus2ll), n=cell(n), levels=levels).verdict

    # counts 1, 1, 98: 2 (2 log 100 + 98 log(100/98)) = 22.38
    assert verdict("22.38") == "consistent"
    assert verdict("22.37") == "impossible"
    assert verdict("22.37", levels=2) == "consistent"
    assert verdict("22.37", n="2") == "not checkable"
    tried = readings("smallest_intercept_minus2ll", minus2ll=cell("22.30"), n=cell("100"), levels=3)
    assert tried["some levels do not occur"].value == "at most 2 levels"


def item_table(rows: tuple[tuple[int, ...], ...], item: str = "1") -> dict[str, PrintedNumber]:
    return {f"1/{item}.{i}/{j}": cell(str(count)) for i, row in enumerate(rows, 1) for j, count in enumerate(row, 1)}


@given(st.lists(st.tuples(*[st.integers(1, 900)] * 3), min_size=2, max_size=4).map(tuple))
def test_the_chi_square_of_one_slope_is_below_that_of_the_saturated_model(rows: tuple[tuple[int, ...], ...]) -> None:
    table = read_counts(item_table(rows))
    # both are sums of a few terms of up to 10^4
    assert 0 <= deviance.slope_chi_square_bound(table) <= likelihood_ratio_chi_square(table) + 1e-8


def test_the_bound_is_tight_for_small_effects() -> None:
    # a binary outcome and two options: one slope is the saturated model, and all three statistics agree near no effect
    table = read_counts(item_table(((510, 490), (490, 510))))
    bound = deviance.slope_chi_square_bound(table)
    # relative differences of the three are of order chi-square / n
    assert bound == pytest.approx(likelihood_ratio_chi_square(table), rel=1e-3)
    assert bound == pytest.approx(float(linear_trend(table)), rel=1e-3)


def test_a_step_too_long_bounds_nothing() -> None:
    # one rare outcome far from the mean option: the scoring step overshoots, and the bound falls back to zero
    table = read_counts(item_table(((100000, 0), (1, 0), (1, 3))))
    assert deviance.slope_chi_square_bound(table) == 0


def test_model_chi_square_of_one_item() -> None:
    counts = item_table(((90, 10), (10, 90))) | item_table(((50, 50), (50, 50)), item="2")
    check = deviance.model_chi_square_of_one_item
    # G² of the first item is 147.2
    assert check(chi2=cell("150.0"), counts=counts).verdict == "consistent"
    small = check(chi2=cell("50.0"), counts=counts)
    assert small.verdict == "undetermined"
    assert "1 of 2 items alone exceed 50.0" in small.note
    assert check(chi2=cell("50.0"), counts=item_table(((1, 0), (2, 0)))).verdict == "not checkable"
