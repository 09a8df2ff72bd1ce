"""Checks of regression tables, stars, ranges and dynamic models, on constructed cells and on the panel study."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit import panel_tables, ranges, stars
from bayesgov.published.audit.engine import audit
from bayesgov.study import Study, load_study

LEVELS = (0.10, 0.05, 0.01)


@pytest.fixture(scope="module")
def panel() -> Study:
    return load_study("panel")


def cell(text: str) -> PrintedNumber:
    return PrintedNumber.parse(text)


def cells(**texts: str) -> dict[str, PrintedNumber]:
    """Cells of row x, by column."""
    return {f"2/x/{column}": cell(text) for column, text in texts.items()}


def numbers(study: Study, *references: str) -> dict[str, PrintedNumber]:
    found = {key: value for reference in references for key, value in study.cells(reference).items()}
    return {key: value for key, value in found.items() if isinstance(value, PrintedNumber)}


@pytest.mark.parametrize(
    ("estimate", "t", "verdict"),
    [
        ("0.187", "(0.17)", "consistent"),
        ("-0.263", "(-0.23)", "consistent"),
        ("-0.909", "(1.34)", "inconsistent"),
        ("0.005", "(0.00)", "undetermined"),
        ("0.000", "(1.00)", "undetermined"),
    ],
)
def test_sign_agrees(estimate: str, t: str, verdict: str) -> None:
    assert panel_tables.sign_agrees(estimate=cell(estimate), t=cell(t)).verdict == verdict


def test_the_paper_has_one_sign_conflict(panel: Study) -> None:
    verdicts = {
        reference: panel_tables.sign_agrees(
            estimate=panel.number(reference), t=panel.number(reference.replace(".estimate", ".t"))
        ).verdict
        for reference in numbers(panel, "2/*.estimate/*")
    }
    assert len(verdicts) == 56
    assert [ref for ref, verdict in verdicts.items() if verdict == "inconsistent"] == ["2/digital_lag.estimate/central"]
    assert [ref for ref, v in verdicts.items() if v == "undetermined"] == ["2/digital_lag.estimate/northwestern"]


@settings(max_examples=100, deadline=None)
@given(b=st.floats(-20, 20), se=st.floats(0.01, 50))
def test_the_implied_standard_error_encloses_the_one_that_was_rounded_away(b: float, se: float) -> None:
    implied = panel_tables.implied_standard_error(cell(f"{b:.3f}"), cell(f"{b / se:.2f}"))
    # b / t loses a few units in the last place of se in this test itself
    assert implied.low * (1 - 1e-12) <= se <= implied.high * (1 + 1e-12) or b == 0


def test_standard_error_verdicts() -> None:
    implied = panel_tables.standard_error_implied
    assert implied(estimate=cell("1.319"), t=cell("2.36"), standard_error=cell("0.559")).verdict == "consistent"
    assert implied(estimate=cell("1.319"), t=cell("2.36"), standard_error=cell("0.595")).verdict == "inconsistent"
    assert implied(estimate=cell("1.319"), t=cell("2.36"), standard_error=cell("-0.559")).verdict == "impossible"
    without = implied(estimate=cell("0.005"), t=cell("0.00"))
    assert without.verdict == "not checkable"
    assert without.high is None
    assert without.low == pytest.approx(0.9)  # 0.0045 / 0.005


@pytest.mark.parametrize(
    ("estimate", "t", "verdict"),
    [
        ("1.319**", "2.36", "consistent"),
        ("1.319", "2.36", "inconsistent"),
        ("-37.626*", "-2.44", "inconsistent"),
        ("0.5", "1.00", "consistent"),
        ("0.5*", "1.00", "inconsistent"),
        ("0.5**", "1.96", "undetermined"),  # 1.955 to 1.965 around 1.95996
        ("0.5*", "1.96", "undetermined"),
        ("0.5****", "9.00", "not checkable"),
    ],
)
def test_stars_match_t(estimate: str, t: str, verdict: str) -> None:
    assert stars.stars_match_t(estimate=cell(estimate), t=cell(t), levels=LEVELS).verdict == verdict


def test_stars_explained_by_few_degrees_of_freedom() -> None:
    few, one_sided, opposite = stars._explain_stars(estimate=cell("-37.626*"), t=cell("-2.44"), levels=LEVELS)
    # tables of t: 0.975 quantile 2.447 with 6 df, 2.365 with 7; 0.95 quantile 2.920 with 2 df, 2.353 with 3
    assert few.resolves
    assert few.value.startswith("2.7 to 6.1")
    assert not one_sided.resolves
    assert not opposite.resolves
    too_many = stars._explain_stars(estimate=cell("0.5***"), t=cell("1.50"), levels=LEVELS)
    assert not any(explanation.resolves for explanation in too_many)


def test_one_sided_reading() -> None:
    # 1.70 is beyond 1.645, the one-sided 5 % point
    assert stars._explain_stars(estimate=cell("0.5**"), t=cell("1.70"), levels=LEVELS)[1].resolves


def test_levels_have_to_decrease() -> None:
    with pytest.raises(InputError, match="levels should be decreasing"):
        stars.stars_match_t(estimate=cell("1"), t=cell("1"), levels=(0.01, 0.05))


def test_only_one_estimate_of_the_paper_has_other_stars(panel: Study) -> None:
    found = [
        reference
        for reference in numbers(panel, "2/*.estimate/*")
        if stars.stars_match_t(
            estimate=panel.number(reference), t=panel.number(reference.replace(".estimate", ".t")), levels=LEVELS
        ).verdict
        != "consistent"
    ]
    assert found == ["2/constant.estimate/southern"]


def test_correlation_stars() -> None:
    # textbook critical values of r for n = 30 (28 df): 0.361 at 0.05 and 0.463 at 0.01, two-sided
    good = {"2/2/1": cell("0.470**"), "2/3/1": cell("0.370*"), "2/3/2": cell("0.350"), "2/1/1": cell("1")}
    check = stars.correlation_stars
    assert check(correlations=good, n=30, levels=(0.05, 0.01)).verdict == "consistent"
    assert "* 0.3610, ** 0.4629" in check(correlations=good, n=30, levels=(0.05, 0.01)).note
    bad = good | {"2/3/2": cell("0.350*")}
    assert check(correlations=bad, n=30, levels=(0.05, 0.01)).verdict == "inconsistent"
    edge = good | {"2/3/2": cell("0.36")}
    assert check(correlations=edge, n=30, levels=(0.05, 0.01)).verdict == "undetermined"
    with pytest.raises(InputError, match="n should be 3 or more"):
        check(correlations=good, n=2, levels=(0.05, 0.01))


def test_uncorrelated_claim() -> None:
    check = stars.uncorrelated_claim
    some = {"2/2/1": cell("0.470"), "2/3/1": cell("0.100"), "2/1/1": cell("1")}
    assert check(correlations=some, n=30, level=0.05).verdict == "inconsistent"
    assert check(correlations=some | {"2/2/1": cell("-0.36")}, n=30, level=0.05).verdict == "undetermined"
    assert check(correlations=some | {"2/2/1": cell("0.200")}, n=30, level=0.05).verdict == "consistent"


def test_significance_claim() -> None:
    check = stars.significance_claim
    large, mixed, small = cells(a="2.50", b="-3.00"), cells(a="2.50", b="0.30"), cells(a="0.50", b="-0.30")
    assert check(t=large, levels=(0.05,), claimed=True).verdict == "consistent"
    assert check(t=mixed, levels=(0.05,), claimed=True).verdict == "inconsistent"
    assert check(t=mixed, levels=(0.05,), claimed=False).verdict == "inconsistent"
    assert check(t=small, levels=(0.05,), claimed=False).verdict == "consistent"
    between = check(t=cells(a="1.80"), levels=(0.10, 0.05), claimed=True)
    assert between.verdict == "undetermined"
    assert "depends on the level" in between.note
    assert check(t=cells(a="1.96"), levels=(0.05,), claimed=True).verdict == "undetermined"


def test_significance_claims_of_the_paper(panel: Study) -> None:
    digital = numbers(panel, "2/digital.t/*", "2/digital_lag.t/*")
    assert stars.significance_claim(t=digital, levels=(0.10, 0.05), claimed=False).verdict == "consistent"
    assert stars.significance_claim(t=digital, levels=(0.10, 0.05), claimed=True).verdict == "inconsistent"


def test_significant_cells_named() -> None:
    t = cells(a="2.50", b="0.30", c="-2.80")
    check = stars.significant_cells_named
    assert check(t=t, level=0.05, named=("2/x/a", "2/x/c")).verdict == "consistent"
    assert check(t=t, level=0.05, named=("2/x/a",)).verdict == "inconsistent"
    assert check(t=t, level=0.05, named=("2/x/a", "2/x/b", "2/x/c")).verdict == "inconsistent"
    assert check(t=t | cells(d="1.96"), level=0.05, named=("2/x/a", "2/x/c")).verdict == "undetermined"
    with pytest.raises(InputError, match="named cell '2/y/a'"):
        check(t=t, level=0.05, named=("2/y/a",))


def test_percent_readings() -> None:
    read = panel_tables.percent_reading
    assert read(coefficient=cell("1.319**"), percent=cell("131.9%")).verdict == "consistent"
    assert read(coefficient=cell("124.018*"), percent=cell("124.02%")).verdict == "inconsistent"
    itself, growth, _ = panel_tables._explain_percent(coefficient=cell("124.018*"), percent=cell("124.02%"))
    assert itself.resolves
    assert not growth.resolves
    # 100 (exp(0.693) - 1) = 99.97
    in_logarithms = panel_tables._explain_percent(coefficient=cell("0.693"), percent=cell("100.0%"))
    assert in_logarithms[1].resolves
    # exp(800) overflows and must not stop the audit
    assert not panel_tables._explain_percent(coefficient=cell("800.1"), percent=cell("1%"))[1].resolves


def test_same_percent_rule() -> None:
    check = panel_tables.same_percent_rule
    coefficients = cells(a="1.319**", b="124.018*")
    paper = check(coefficients=coefficients, percents=cells(c="131.9%", d="124.02%"))
    assert paper.verdict == "inconsistent"
    assert "131.9% from 1.319**: 100 b; 124.02% from 124.018*: b" in paper.note
    assert check(coefficients=coefficients, percents=cells(c="131.9%", d="12401.8%")).verdict == "consistent"
    with pytest.raises(InputError, match="each coefficient needs its percentage"):
        check(coefficients=coefficients, percents=cells(c="131.9%"))


@pytest.mark.parametrize(
    ("estimate", "t", "verdict"),
    [
        ("0.400", "8.00", "consistent"),  # SE 0.05: 0.30 to 0.50
        ("0.900", "3.00", "undetermined"),  # SE 0.3: 0.31 to 1.49
        ("1.374", "1.14", "inconsistent"),
        ("-1.200", "-9.00", "inconsistent"),
        ("0.500", "0.00", "undetermined"),
    ],
)
def test_lag_stationarity(estimate: str, t: str, verdict: str) -> None:
    assert panel_tables.lag_stationarity(estimate=cell(estimate), t=cell(t), level=0.95).verdict == verdict


def test_stationarity_interval() -> None:
    found = panel_tables.lag_stationarity(estimate=cell("0.400"), t=cell("8.00"), level=0.95)
    # 0.4 -+ 1.96 x 0.05; rounding of t (8.00 +- 0.005) and of b move the limits by less than 0.001
    assert found.low == pytest.approx(0.302, abs=1e-3)
    assert found.high == pytest.approx(0.498, abs=1e-3)
    with pytest.raises(InputError, match="level should be a confidence level"):
        panel_tables.lag_stationarity(estimate=cell("0.4"), t=cell("8"), level=95.0)


def test_long_run_sign(panel: Study) -> None:
    def check(region: str) -> str:
        return panel_tables.long_run_sign(
            effect=panel.number(f"2/digital.estimate/{region}"),
            effect_lag=panel.number(f"2/digital_lag.estimate/{region}"),
            outcome_lag=panel.number(f"2/outcome_lag.estimate/{region}"),
            claimed="positive",
        ).verdict

    assert check("northeastern") == "consistent"  # 0.537 / 1.097
    assert check("northwestern") == "inconsistent"  # -0.258 / 1.495
    assert check("central") == "not checkable"  # alpha = 1.374
    zero = panel_tables.long_run_sign(
        effect=cell("0.50"), effect_lag=cell("-0.50"), outcome_lag=cell("0.5"), claimed="positive"
    )
    assert zero.verdict == "undetermined"
    with pytest.raises(InputError, match="claimed should be positive or negative"):
        panel_tables.long_run_sign(effect=cell("1"), effect_lag=cell("1"), outcome_lag=cell("0.5"), claimed="large")


@pytest.mark.parametrize(
    ("p", "verdict"),
    [
        ("0.772", "consistent"),
        ("0.054", "undetermined"),
        ("0.020", "inconsistent"),
        ("0.050", "undetermined"),
        ("1.300", "impossible"),
    ],
)
def test_specification_test(p: str, verdict: str) -> None:
    assert panel_tables.specification_test(p=cell(p), levels=(0.05, 0.10)).verdict == verdict


def test_high_overidentification_p_values_carry_a_caution() -> None:
    high = panel_tables.specification_test(p=cell("0.993"), levels=(0.05,), overidentification=True)
    assert "Roodman" in high.note
    serial = panel_tables.specification_test(p=cell("0.993"), levels=(0.05,))
    assert "Roodman" not in serial.note


def test_possible_range(panel: Study) -> None:
    tests = numbers(panel, "2/sargan.p/*", "2/ar2.p/*")
    assert ranges.possible_range(values=tests, minimum=0, maximum=1, quantity="a p-value").verdict == "consistent"
    estimates = numbers(panel, "2/*.estimate/*")
    finding = ranges.possible_range(values=estimates, minimum=0, maximum=1, quantity="a p-value", other_values=tests)
    assert finding.verdict == "impossible"
    assert [explanation.resolves for explanation in finding.explanations] == [True]
    low = ranges.possible_range(values=cells(a="0.98"), minimum=1.0, maximum=math.inf, quantity="a VIF")
    assert low.verdict == "impossible"
    rounded = ranges.possible_range(values=cells(a="1.0"), minimum=1.0, maximum=math.inf, quantity="a VIF")
    assert rounded.verdict == "consistent"


def test_all_beyond_cut() -> None:
    check = ranges.all_beyond_cut
    values = {"3/10/VIF": cell("6.322"), "3/12/VIF": cell("4.25"), "3/1/VIF": cell("3.193")}
    assert check(values=values, cut=cell("10"), side="below").verdict == "consistent"
    assert check(values=values, cut=cell("5"), side="below", excepted=("10",)).verdict == "consistent"
    other = check(values=values, cut=cell("5"), side="below", excepted=("12",))
    assert other.verdict == "inconsistent"
    assert [explanation.resolves for explanation in other.explanations] == [True]
    assert check(values=values, cut=cell("4.25"), side="below", excepted=("10",)).verdict == "undetermined"
    assert check(values=values, cut=cell("3"), side="above").verdict == "consistent"
    assert check(values=values, cut=cell("4"), side="above").verdict == "inconsistent"
    with pytest.raises(InputError, match="excepted row '99'"):
        check(values=values, cut=cell("5"), side="below", excepted=("99",))
    with pytest.raises(InputError, match="side should be below or above"):
        check(values=values, cut=cell("5"), side="under")


def test_all_below_all() -> None:
    low, high = cells(a="0.30", b="0.33"), cells(c="0.45", d="0.56")
    check = ranges.all_below_all
    assert check(lower=low, higher=high, quote="").verdict == "consistent"
    assert check(lower=high, higher=low, quote="").verdict == "inconsistent"
    assert ranges._explain_order(lower=high, higher=low, quote="")[0].resolves
    assert check(lower=low, higher=cells(c="0.33"), quote="").verdict == "undetermined"
    assert check(lower=low, higher=cells(c="0.31", d="0.56"), quote="").verdict == "inconsistent"


def test_all_of_sign() -> None:
    check = ranges.all_of_sign
    assert check(values=cells(a="0.3", b="0.1"), claimed="positive").verdict == "consistent"
    assert check(values=cells(a="0.3", b="-0.1"), claimed="positive").verdict == "inconsistent"
    assert check(values=cells(a="-0.3", b="-0.1"), claimed="negative").verdict == "consistent"
    assert check(values=cells(a="0.3", b="0.0"), claimed="positive").verdict == "undetermined"


def test_number_of(panel: Study) -> None:
    table = panel.cells("2/*/*")
    assert ranges.number_of(cells=table, count=cell("7"), of="columns").verdict == "consistent"
    assert ranges.number_of(cells=table, count=cell("6"), of="columns").verdict == "inconsistent"
    with pytest.raises(InputError, match="of should be rows or columns"):
        ranges.number_of(cells=table, count=cell("6"), of="cells")


def test_a_long_run_effect_needs_no_division_by_zero() -> None:
    edge = panel_tables.long_run_sign(
        effect=cell("0.5"), effect_lag=cell("0.1"), outcome_lag=cell("1.0"), claimed="positive"
    )
    assert edge.verdict == "not checkable"
    assert panel_tables.sign_of(Interval(-0.005, 0.005)) == 0


def test_the_audit_of_the_shipped_panel(panel: Study) -> None:
    """Verdicts as worked out above and by hand; a declaration that binds other cells changes one of them."""
    rows = {row.id: row for row in audit(panel, power=False).rows}
    expected = {
        "percent-gdp": "consistent",
        "percent-industry": "inconsistent",
        "table1-balanced-regions": "consistent",
        "table1-direction": "inconsistent",
        "table2-sign-digital_lag-central": "inconsistent",
        "table2-stars-constant-southern": "inconsistent",
        "table2-stationarity-eastern": "inconsistent",
        "table2-stationarity-southern": "undetermined",
        "table2-note-p-values": "impossible",
        "table2-sargan-eastern": "undetermined",
        "claim-digital-not-significant": "consistent",
        "claim-digital-promotes": "inconsistent",
        "claim-east-gdp": "consistent",
        "claim-east-industry": "undetermined",
        "open-instrument-count": "not checkable",
    }
    assert {name: rows[name].verdict for name in expected} == expected
    sign = {explanation.name: explanation for explanation in rows["table2-sign-digital_lag-central"].explanations}
    assert sign["one sign dropped or added"].resolves
