"""Checks of a coefficient's row and its interval, and of sentences about significance, on constructed numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2, norm
from scipy.stats import t as student_t

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import confidence, significance, wald
from bayesgov.published.audit.finding import Explanation
from bayesgov.published.audit.registry import registered

Z = float(norm.isf(0.025))


def cell(text: str) -> PrintedNumber:
    return PrintedNumber.parse(text)


def column(*texts: str) -> dict[str, PrintedNumber]:
    return {f"7/{row}/p": cell(text) for row, text in enumerate(texts, 1)}


def readings(kind: str, **arguments: object) -> dict[str, Explanation]:
    explain = registered()[kind].explain
    assert explain is not None
    return {entry.name: entry for entry in explain(**arguments)}


def resolving(kind: str, **arguments: object) -> list[str]:
    return [name for name, entry in readings(kind, **arguments).items() if entry.resolves]


@given(st.floats(-20, 20), st.floats(0.1, 10), st.integers(2, 5))
def test_a_true_row_is_never_flagged(b: float, s: float, decimals: int) -> None:
    values = {
        "estimate": b,
        "se": s,
        "wald": (b / s) ** 2,
        "p": 2 * float(norm.sf(abs(b / s))),
        "lower": b - Z * s,
        "upper": b + Z * s,
    }
    row = {name: cell(f"{value:.{decimals}f}") for name, value in values.items()}
    assume(row["upper"].value - row["lower"].value > 0)

    def verdict(kind: str, *names: str) -> str:
        return registered()[kind].function(**{name: row[name] for name in names}).verdict

    assert verdict("standard_error_positive", "se") == "consistent"
    assert verdict("wald_from_estimate", "estimate", "se", "wald") == "consistent"
    assert verdict("wald_from_interval", "estimate", "lower", "upper", "wald") == "consistent"
    assert verdict("p_from_estimate", "estimate", "se", "p") == "consistent"
    assert verdict("limits_in_order", "lower", "upper") == "consistent"
    assert verdict("estimate_inside_interval", "estimate", "lower", "upper") == "consistent"
    assert verdict("lower_limit", "estimate", "se", "lower", "upper") == "consistent"
    assert verdict("upper_limit", "estimate", "se", "lower", "upper") == "consistent"
    assert verdict("estimate_at_centre", "estimate", "lower", "upper") == "consistent"
    assert verdict("standard_error_from_width", "se", "lower", "upper") == "consistent"
    assert verdict("interval_excludes_zero", "lower", "upper", "p") in ("consistent", "undetermined")


@given(st.floats(-3, 3), st.floats(0.05, 1), st.integers(2, 5))
def test_a_true_ratio_is_never_flagged(b: float, s: float, decimals: int) -> None:
    printed = [cell(f"{math.exp(value):.{decimals}f}") for value in (b, b - Z * s, b + Z * s)]
    finding = confidence.ratio_at_centre(estimate=printed[0], lower=printed[1], upper=printed[2])
    assert finding.verdict in ("consistent", "not checkable")


@pytest.mark.parametrize(
    ("se", "verdict"),
    [("0.5", "consistent"), ("-0.5", "impossible"), ("0.0", "undetermined"), ("<0.1", "undetermined")],
)
def test_standard_error_positive(se: str, verdict: str) -> None:
    assert wald.standard_error_positive(se=cell(se)).verdict == verdict


def test_wald_from_estimate() -> None:
    def verdict(statistic: str, se: str = "1.000") -> str:
        return wald.wald_from_estimate(estimate=cell("2.000"), se=cell(se), wald=cell(statistic)).verdict

    assert verdict("4.00") == "consistent"
    assert verdict("4.02") == "inconsistent"  # (2.0005 / 0.9995)² = 4.006; 4.02 begins at 4.015
    assert verdict("4.00", se="-1.000") == "not checkable"
    assert verdict("4.00", se="0.000") == "not checkable"


def test_readings_of_a_wald_statistic() -> None:
    arguments = {"estimate": cell("2.000"), "se": cell("0.500")}
    assert resolving("wald_from_estimate", **arguments, wald=cell("8.000")) == [
        "the variance printed as standard error"
    ]
    assert resolving("wald_from_estimate", **arguments, wald=cell("4.000")) == ["z = b / SE in place of its square"]
    log_ratio = f"{(math.log(2) / 0.5) ** 2:.2f}"
    assert resolving("wald_from_estimate", **arguments, wald=cell(log_ratio)) == ["exp(b) printed as estimate"]


def test_p_from_estimate() -> None:
    def verdict(p: str) -> str:
        return wald.p_from_estimate(estimate=cell("1.9600"), se=cell("1.0000"), p=cell(p)).verdict

    assert verdict("0.050") == "consistent"
    assert verdict("0.051") == "inconsistent"
    arguments = {"estimate": cell("1.9600"), "se": cell("1.0000"), "comparisons": 10}
    assert "one-tailed p" in resolving("p_from_estimate", **arguments, p=cell("0.025"))
    assert "p x 10 (Bonferroni)" in resolving("p_from_estimate", **arguments, p=cell("0.500"))
    with_t = readings("p_from_estimate", **arguments, p=cell(f"{2 * student_t.sf(1.96, 7):.4f}"))
    assert with_t["t in place of z"].value == "df = 7"


def test_wald_from_interval() -> None:
    limits = {"estimate": cell("2.000"), "lower": cell("0.040"), "upper": cell("3.960")}
    assert wald.wald_from_interval(**limits, wald=cell("4.00")).verdict == "consistent"
    assert wald.wald_from_interval(**limits, wald=cell("4.10")).verdict == "inconsistent"
    at_90 = f"{(2 / (1.96 / float(norm.isf(0.05)))) ** 2:.2f}"
    assert resolving("wald_from_interval", **limits, wald=cell(at_90)) == ["a 90 % interval"]


def test_limits_in_order() -> None:
    check = confidence.limits_in_order
    assert check(lower=cell("-1.2"), upper=cell("3.4")).verdict == "consistent"
    assert check(lower=cell("3.4"), upper=cell("-1.2")).verdict == "impossible"
    assert check(lower=cell("3.4"), upper=cell("3.4")).verdict == "undetermined"


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        ("estimate_inside_interval", ("estimate",)),
        ("lower_limit", ("estimate", "se")),
        ("upper_limit", ("estimate", "se")),
        ("estimate_at_centre", ("estimate",)),
        ("ratio_at_centre", ("estimate",)),
        ("standard_error_from_width", ("se",)),
        ("interval_excludes_zero", ("p",)),
        ("wald_from_interval", ("estimate", "wald")),
    ],
)
def test_nothing_is_computed_from_reversed_limits(kind: str, others: tuple[str, ...]) -> None:
    values = dict.fromkeys(others, cell("0.5"))
    finding = registered()[kind].function(lower=cell("2.0"), upper=cell("1.0"), **values)
    assert finding.verdict == "not checkable"
    assert "reverse order" in finding.note
    assert finding.low is None
    assert finding.recomputed == ""


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [("1.5", "consistent"), ("2.0", "undetermined"), ("2.2", "inconsistent"), ("0.8", "inconsistent")],
)
def test_estimate_inside_interval(estimate: str, verdict: str) -> None:
    check = confidence.estimate_inside_interval
    assert check(estimate=cell(estimate), lower=cell("1.0"), upper=cell("2.0")).verdict == verdict


def test_limits() -> None:
    row = {"estimate": cell("2.000"), "se": cell("1.000")}
    assert confidence.lower_limit(**row, lower=cell("0.040"), upper=cell("3.960")).verdict == "consistent"
    assert confidence.upper_limit(**row, lower=cell("0.040"), upper=cell("3.960")).verdict == "consistent"
    assert confidence.lower_limit(**row, lower=cell("0.050"), upper=cell("3.960")).verdict == "inconsistent"
    assert confidence.upper_limit(**row, lower=cell("0.040"), upper=cell("3.970")).verdict == "inconsistent"
    assert resolving("upper_limit", **row, lower=cell("0.355"), upper=cell("3.645")) == ["a 90 % interval"]
    assert "the limit of exp(b)" in resolving("lower_limit", **row, lower=cell("1.041"), upper=cell("52.46"))


def test_standard_error_from_width() -> None:
    row = {"lower": cell("0.040"), "upper": cell("3.960")}
    assert confidence.standard_error_from_width(**row, se=cell("1.000")).verdict == "consistent"
    assert confidence.standard_error_from_width(**row, se=cell("1.010")).verdict == "inconsistent"
    at_99 = f"{1.96 / float(norm.isf(0.005)):.3f}"
    assert resolving("standard_error_from_width", **row, se=cell(at_99)) == ["a 99 % interval"]


def test_centres() -> None:
    limits = {"lower": cell("1.00"), "upper": cell("4.00")}
    assert confidence.estimate_at_centre(**limits, estimate=cell("2.50")).verdict == "consistent"
    assert confidence.estimate_at_centre(**limits, estimate=cell("2.00")).verdict == "inconsistent"
    assert resolving("estimate_at_centre", **limits, estimate=cell("2.00")) == [
        "a ratio and its limits, √(lower upper)"
    ]
    assert confidence.ratio_at_centre(**limits, estimate=cell("2.00")).verdict == "consistent"
    assert confidence.ratio_at_centre(**limits, estimate=cell("2.50")).verdict == "inconsistent"
    negative = confidence.ratio_at_centre(lower=cell("-1.00"), upper=cell("4.00"), estimate=cell("2.00"))
    assert negative.verdict == "impossible"


@pytest.mark.parametrize(
    ("lower", "upper", "p", "verdict"),
    [
        ("0.2", "1.5", "0.010", "consistent"),
        ("0.2", "1.5", "0.080", "inconsistent"),
        ("-0.2", "1.5", "0.080", "consistent"),
        ("-0.2", "1.5", "<0.05", "inconsistent"),
        ("0.0", "1.5", "0.049", "undetermined"),
        ("0.2", "1.5", "0.05", "undetermined"),
        # 0.1 stands for 0.05 or more, which is not below 0.05
        ("0.2", "1.5", "0.1", "inconsistent"),
        ("0.2", "1.5", "-0.080", "impossible"),
    ],
)
def test_interval_excludes_zero(lower: str, upper: str, p: str, verdict: str) -> None:
    assert confidence.interval_excludes_zero(lower=cell(lower), upper=cell(upper), p=cell(p)).verdict == verdict


def test_the_level_is_checked() -> None:
    with pytest.raises(InputError, match="confidence level between 0 and 1"):
        confidence.standard_error_from_width(se=cell("1.0"), lower=cell("0.0"), upper=cell("2.0"), level=95.0)


def test_p_falls_with_statistic() -> None:
    check = wald.p_falls_with_statistic
    falling = check(statistic=column("1.0", "4.0", "9.0"), p=column("0.317", "0.046", "0.003"))
    assert (falling.verdict, falling.reported) == ("consistent", "3 pairs")
    mixed = check(statistic=column("1.0", "4.0", "9.0"), p=column("0.317", "0.003", "0.046"))
    assert (mixed.verdict, mixed.recomputed) == ("inconsistent", "1 in the other order")
    ties = check(statistic=column("4.0", "4.0"), p=column("0.04", "0.06"))
    assert ties.verdict == "consistent"
    with pytest.raises(InputError, match="each statistic needs its p"):
        check(statistic=column("1.0"), p=column("0.1", "0.2"))


@given(st.lists(st.floats(0.01, 30), min_size=2, max_size=8), st.integers(1, 4))
def test_true_p_values_are_in_order(statistics: list[float], decimals: int) -> None:
    finding = wald.p_falls_with_statistic(
        statistic=column(*(f"{value:.{decimals}f}" for value in statistics)),
        p=column(*(f"{chi2.sf(value, 1):.{decimals}f}" for value in statistics)),
    )
    assert finding.verdict == "consistent"


def test_all_p_below() -> None:
    def verdict(*texts: str) -> str:
        return significance.all_p_below(p=column(*texts), alpha=0.05).verdict

    assert verdict("0.01", "<0.05", "0.049") == "consistent"
    assert verdict("0.01", "0.05") == "undetermined"
    assert verdict("0.01", "0.051") == "inconsistent"
    assert verdict("0.01", "0.1") == "inconsistent"
    tried = resolving("all_p_below", p=column("0.01", "0.09"), alpha=0.05, comparisons=14)
    assert tried == ["one-tailed p", "the 0.1 level", "p printed as adjusted for 14 tests (Bonferroni)"]


def test_all_statistics_significant() -> None:
    def verdict(*texts: str) -> str:
        return significance.all_statistics_significant(statistic=column(*texts), df=1, alpha=0.05).verdict

    assert verdict("3.842", "10.8") == "consistent"
    assert verdict("3.84", "10.8") == "undetermined"
    assert verdict("3.83", "10.8") == "inconsistent"
    tried = resolving("all_statistics_significant", statistic=column("3.0"), df=1, alpha=0.05)
    assert tried == ["one-tailed test", "the 0.1 level"]
    # two degrees of freedom: -2 log(0.05) = 5.991
    assert significance.critical_chi_square(0.05, 2).contains(-2 * math.log(0.05))
