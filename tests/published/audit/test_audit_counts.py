"""Checks of contingency tables, on constructed counts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, f_oneway

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import counts as checks
from bayesgov.published.audit.registry import registered

GOOD = ((20, 30, 50), (40, 30, 30))
# of GOOD: expected 30, 30, 40 in both rows, so 100/30 + 100/30 + 0 + 100/40 x 2 = 35/3
GOOD_CHI_SQUARE = Fraction(35, 3)


def cell(text: str) -> PrintedNumber:
    return PrintedNumber.parse(text)


def table(rows: tuple[tuple[int, ...], ...]) -> dict[str, PrintedNumber]:
    return {f"1/{i}/{j}": cell(str(count)) for i, row in enumerate(rows, 1) for j, count in enumerate(row, 1)}


counts_tables = st.lists(st.tuples(*[st.integers(1, 900)] * 3), min_size=2, max_size=4).map(tuple)


def test_pearson_chi_square_is_exact() -> None:
    assert checks.pearson_chi_square(checks.read_counts(table(GOOD))) == GOOD_CHI_SQUARE


@given(counts_tables)
def test_statistics_agree_with_scipy(rows: tuple[tuple[int, ...], ...]) -> None:
    observed = checks.read_counts(table(rows))
    array = np.array(rows)
    pearson = chi2_contingency(array, correction=False)
    # both are double precision; the statistic itself cancels n out of n (1 + chi2 / n)
    assert float(checks.pearson_chi_square(observed)) == pytest.approx(pearson.statistic, rel=1e-9, abs=1e-9)
    assert observed.df == pearson.dof
    ratio = chi2_contingency(array, correction=False, lambda_="log-likelihood")
    assert checks.likelihood_ratio_chi_square(observed) == pytest.approx(ratio.statistic, rel=1e-9, abs=1e-8)


def test_other_statistics_agree_with_scipy() -> None:
    observed = checks.read_counts(table(((3, 9), (8, 4))))
    corrected = chi2_contingency(np.array([[3, 9], [8, 4]]), correction=True)
    assert float(checks.yates_chi_square(observed)) == pytest.approx(corrected.statistic, rel=1e-12)
    wide = checks.read_counts(table(GOOD))
    groups = [np.repeat([1.0, 2.0], column) for column in zip(*GOOD, strict=True)]
    assert float(checks.anova_f(wide)) == pytest.approx(f_oneway(*groups).statistic, rel=1e-12)
    x, y = np.repeat([1, 2], [100, 100]), np.concatenate([np.repeat([1, 2, 3], row) for row in GOOD])
    assert float(checks.linear_trend(wide)) == pytest.approx(199 * np.corrcoef(x, y)[0, 1] ** 2, rel=1e-12)


@given(counts_tables, st.integers(0, 4))
def test_a_true_chi_square_is_never_flagged(rows: tuple[tuple[int, ...], ...], decimals: int) -> None:
    exact = checks.pearson_chi_square(checks.read_counts(table(rows)))
    printed = cell(f"{float(exact):.{decimals}f}")
    assert checks.chi_square_from_counts(counts=table(rows), chi2=printed).verdict == "consistent"


@given(counts_tables, st.integers(2, 6))
def test_a_true_p_is_never_flagged(rows: tuple[tuple[int, ...], ...], decimals: int) -> None:
    p = chi2_contingency(np.array(rows), correction=False).pvalue
    assume(p > 0)
    assert checks.p_from_counts(counts=table(rows), p=cell(f"{p:.{decimals}f}")).verdict == "consistent"


def test_chi_square_from_counts() -> None:
    good = checks.chi_square_from_counts(counts=table(GOOD), chi2=cell("11.667"))
    assert good.verdict == "consistent"
    assert good.low is not None
    assert good.high is not None
    assert good.low <= 35 / 3 <= good.high
    bad = checks.chi_square_from_counts(counts=table(GOOD), chi2=cell("11.676"))
    assert bad.verdict == "inconsistent"
    assert bad.recomputed == "11.6667"


def resolving(rows: tuple[tuple[int, ...], ...], printed: str) -> list[str]:
    explain = registered()["chi_square_from_counts"].explain
    assert explain is not None
    tried = explain(counts=table(rows), chi2=cell(printed), other_n=(400,))
    return [entry.name for entry in tried if entry.resolves]


def test_readings_of_a_chi_square() -> None:
    # 2 (20 log(20/30) + 50 log(50/40) + 40 log(40/30) + 30 log(30/40))
    assert resolving(GOOD, "11.849") == ["likelihood-ratio G²"]
    assert resolving(GOOD, "23.33") == ["the same shares with n = 400"]
    first_against_rest = chi2_contingency(np.array([[20, 30, 50], [45, 35, 35]]), correction=False).statistic
    assert resolving((*GOOD, (5, 5, 5)), f"{first_against_rest:.3f}") == ["one option against the rest"]
    assert resolving(GOOD, "99.9") == []


def test_yates_is_tried_on_two_by_two_tables() -> None:
    corrected = chi2_contingency(np.array([[3, 9], [8, 4]]), correction=True).statistic
    assert resolving(((3, 9), (8, 4)), f"{corrected:.3f}") == ["Yates correction"]


def test_p_and_df_from_counts() -> None:
    # P(chi-square with 2 df > x) = exp(-x / 2), so exp(-35 / 6) = 0.00293
    assert checks.p_from_counts(counts=table(GOOD), p=cell("0.003")).verdict == "consistent"
    assert checks.p_from_counts(counts=table(GOOD), p=cell("<0.01")).verdict == "consistent"
    assert checks.p_from_counts(counts=table(GOOD), p=cell("<0.001")).verdict == "inconsistent"
    assert checks.df_from_counts(counts=table(GOOD), df=cell("2")).verdict == "consistent"
    assert checks.df_from_counts(counts=table(GOOD), df=cell("6")).verdict == "inconsistent"
    of_table = checks.p_from_chi_square_of_table
    assert of_table(statistic=cell("5.99"), counts=table(GOOD), p=cell("0.05")).verdict == "consistent"
    assert of_table(statistic=cell("5.99"), counts=table(GOOD), p=cell("0.04")).verdict == "inconsistent"


def test_counts_sum_to_total() -> None:
    column = {"1/1/A": cell("20"), "1/2/A": cell("40")}
    assert checks.counts_sum_to_total(counts=column, total=cell("60")).verdict == "consistent"
    finding = checks.counts_sum_to_total(counts=column, total=cell("61"))
    assert (finding.verdict, finding.recomputed) == ("inconsistent", "60")
    assert checks.counts_sum_to_total(counts=column, total=cell("60.0")).verdict == "not checkable"
    explain = registered()["counts_sum_to_total"].explain
    assert explain is not None
    assert explain(counts=column, total=cell("61"))[0].resolves
    assert not explain(counts=column, total=cell("59"))[0].resolves


def test_tables_that_are_no_tables() -> None:
    ragged = table(GOOD)
    del ragged["1/2/3"]
    with pytest.raises(InputError, match="2/3 has no count"):
        checks.chi_square_from_counts(counts=ragged, chi2=cell("1.0"))
    decimal = table(GOOD) | {"1/1/1": cell("20.5")}
    assert checks.chi_square_from_counts(counts=decimal, chi2=cell("1.0")).verdict == "not checkable"
    empty = table(((1, 2), (0, 0)))
    assert checks.chi_square_from_counts(counts=empty, chi2=cell("1.0")).verdict == "not checkable"
