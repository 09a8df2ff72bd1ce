"""Printed numbers and the intervals that they stand for, against exact rational arithmetic."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber

finite = st.floats(-1e6, 1e6)
limits = st.tuples(finite, finite).map(sorted)
share = st.fractions(0, 1)


def inside(limit: list[float], at: Fraction) -> Fraction:
    """An exact number of the interval."""
    low, high = map(Fraction, limit)
    return low + (high - low) * at


def encloses(interval: Interval, exact: Fraction) -> bool:
    """Compared as rationals, so that no rounding enters the comparison."""
    above = interval.low == -math.inf or Fraction(interval.low) <= exact
    below = interval.high == math.inf or exact <= Fraction(interval.high)
    return above and below


@settings(deadline=None)
@given(limits, limits, share, share)
def test_sum_difference_and_product_are_enclosed(a: list[float], b: list[float], s: Fraction, t: Fraction) -> None:
    x, y = inside(a, s), inside(b, t)
    first, second = Interval(*a), Interval(*b)
    assert encloses(first + second, x + y)
    assert encloses(first - second, x - y)
    assert encloses(first * second, x * y)


@settings(deadline=None)
@given(limits, limits, share, share)
def test_reciprocal_and_quotient_are_enclosed(a: list[float], b: list[float], s: Fraction, t: Fraction) -> None:
    x, y = inside(a, s), inside(b, t)
    assume(y != 0)
    assert encloses(Interval(*b).reciprocal(), 1 / y)
    assert encloses(Interval(*a) / Interval(*b), x / y)


@settings(deadline=None)
@given(limits, share)
def test_square_absolute_value_and_negative_are_enclosed(a: list[float], s: Fraction) -> None:
    x = inside(a, s)
    interval = Interval(*a)
    assert encloses(interval.square(), x * x)
    assert encloses(abs(interval), abs(x))
    assert encloses(-interval, -x)
    assert interval.square().low >= 0


@settings(deadline=None)
@given(limits, share)
def test_square_root_is_enclosed(a: list[float], s: Fraction) -> None:
    x = inside(a, s)
    assume(x >= 0)
    root = Interval(*a).sqrt()
    # sqrt(x) lies in [l, h] where l² <= x <= h², l >= 0
    assert root.low >= 0
    assert Fraction(root.low) ** 2 <= x <= Fraction(root.high) ** 2


@settings(deadline=None)
@given(st.tuples(st.floats(-50, 50), st.floats(-50, 50)).map(sorted), share)
def test_monotone_functions_are_enclosed(a: list[float], s: Fraction) -> None:
    x = inside(a, s)
    precise = Context(prec=60)
    exact = precise.exp(precise.divide(Decimal(x.numerator), Decimal(x.denominator)))
    assert encloses(Interval(*a).monotone(math.exp), Fraction(exact))
    falling = Interval(*a).monotone(lambda value: math.exp(-value))
    assert encloses(falling, Fraction(precise.divide(Decimal(1), exact)))


@settings(deadline=None)
@given(limits, finite, share)
def test_numbers_stand_for_themselves_on_either_side(a: list[float], c: float, s: Fraction) -> None:
    x = inside(a, s)
    interval = Interval(*a)
    assert encloses(c + interval, Fraction(c) + x)
    assert encloses(c - interval, Fraction(c) - x)
    assert encloses(interval * c, Fraction(c) * x)
    if not interval.contains(0.0):
        assert encloses(c / interval, Fraction(c) / x)


def test_operations_are_tight_to_the_last_place() -> None:
    found = Interval(1.0, 2.0) + Interval(3.0, 4.0)
    assert (found.low, found.high) == (math.nextafter(4.0, 0), math.nextafter(6.0, 7))


def test_a_reciprocal_over_zero_is_unbounded_where_it_should_be() -> None:
    assert Interval(-1, 1).reciprocal() == Interval(-math.inf, math.inf)
    assert Interval(0, 2).reciprocal().high == math.inf
    assert Interval(0, 2).reciprocal().low == pytest.approx(0.5)
    assert Interval(-2, 0).reciprocal().low == -math.inf
    assert Interval(0, 0).reciprocal() == Interval(-math.inf, math.inf)


def test_square_is_tighter_than_the_product_over_zero() -> None:
    interval = Interval(-1.0, 2.0)
    assert interval.square().low == 0
    assert (interval * interval).low < -1.9


def test_infinite_limits_times_zero() -> None:
    assert encloses(Interval(0.0, math.inf) * Interval(0.0, 0.0), Fraction(0))
    assert (Interval(1.0, math.inf) * Interval(0.0, 2.0)).high == math.inf


@pytest.mark.parametrize("limit", [(2.0, 1.0), (math.nan, 1.0), (0.0, math.nan)])
def test_reversed_limits_and_nan_are_refused(limit: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="low <= high"):
        Interval(*limit)


def test_the_square_root_of_negative_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        Interval(-2.0, -1.0).sqrt()


@settings(deadline=None)
@given(limits, limits)
def test_relations_between_intervals(a: list[float], b: list[float]) -> None:
    first, second = Interval(*a), Interval(*b)
    hull = first.hull(second)
    assert all(hull.contains(limit) for limit in (*a, *b))
    assert first.intersects(second) == second.intersects(first)
    assert first.intersects(second) == (max(a[0], b[0]) <= min(a[1], b[1]))
    assert first.contains(first.midpoint)
    assert first.width == a[1] - a[0]


decimals = st.integers(0, 6)
values = st.decimals(-10_000, 10_000, places=9)
printed_values = decimals.flatmap(
    lambda places: st.decimals(-10_000, 10_000, places=places).map(lambda value: f"{value:.{places}f}")
)


@settings(deadline=None)
@given(values, decimals, st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN]))
def test_bounds_contain_every_value_that_rounds_to_what_is_printed(value: Decimal, places: int, rule: str) -> None:
    printed = PrintedNumber.parse(f"{value.quantize(Decimal(1).scaleb(-places), rule):f}")
    assert printed.decimals == places
    assert encloses(printed.bounds, Fraction(value))


@settings(deadline=None)
@given(printed_values)
def test_bounds_are_no_wider_than_rounding(text: str) -> None:
    printed = PrintedNumber.parse(text)
    half = Fraction(1, 2 * 10**printed.decimals)
    for limit, sign in ((printed.bounds.low, -1), (printed.bounds.high, 1)):
        exact = Fraction(printed.value) + sign * half
        # a conversion to float and one step outward
        assert abs(Fraction(limit) - exact) <= 2 * Fraction(math.ulp(limit))


@settings(deadline=None)
@given(printed_values, st.decimals("0.501", "0.999", places=3))
def test_a_truncated_number_need_not_round_to_what_is_printed(text: str, share_of_unit: Decimal) -> None:
    """Bounds are those of rounding: a value more than half a unit beyond is outside."""
    printed = PrintedNumber.parse(text)
    beyond = share_of_unit.scaleb(-printed.decimals)
    assert not printed.bounds.contains(float(printed.value + beyond))
    assert not printed.bounds.contains(float(printed.value - beyond))


@settings(deadline=None)
@given(
    digits=printed_values.filter(lambda text: not text.startswith("-")),
    sign=st.sampled_from(["", "-", "−", "+"]),
    comparator=st.sampled_from([("", "="), ("=", "="), ("<", "<"), (">", ">"), ("<=", "<="), ("≤", "<="), ("≥", ">=")]),
    stars=st.integers(0, 3),
    percent=st.booleans(),
    parentheses=st.booleans(),
)
def test_parsing_reads_every_mark(
    *, digits: str, sign: str, comparator: tuple[str, str], stars: int, percent: bool, parentheses: bool
) -> None:
    number = f"{comparator[0]}{sign}{digits}{'%' * percent}"
    text = (f"({number})" if parentheses else number) + "*" * stars
    printed = PrintedNumber.parse(text)
    assert printed.text == str(printed) == text
    assert printed.value == Decimal(digits) * (-1 if sign in ("-", "−") else 1)
    assert printed.decimals == len(digits.partition(".")[2])
    assert printed.comparator == comparator[1]
    assert printed.stars == stars
    assert printed.percent is percent
    assert float(printed) == float(printed.value)
    assert PrintedNumber.parse(printed.text) == printed


@pytest.mark.parametrize(
    ("text", "value", "places"),
    [
        ("0.40", "0.40", 2),
        (".40", "0.40", 2),
        ("23,928", "23928", 0),
        ("1,234.50", "1234.50", 2),
        ("(-0.23)", "-0.23", 2),
    ],
)
def test_forms_that_tables_use(text: str, value: str, places: int) -> None:
    printed = PrintedNumber.parse(text)
    assert printed.value == Decimal(value)
    assert printed.decimals == places


def test_trailing_zeros_count() -> None:
    assert PrintedNumber.parse("0.40").bounds.width < PrintedNumber.parse("0.4").bounds.width


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "--1", "1,23", "0.5 0.6", "<", "*", "1e5", "0.5*****"])
def test_words_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match="a printed number was wanted") as caught:
        PrintedNumber.parse(text)
    assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(printed_values, st.floats(-1e5, 1e5))
def test_comparators_give_half_lines(text: str, value: float) -> None:
    limit = float(Decimal(text))
    for mark, holds in (("<", value <= limit), ("<=", value <= limit), (">", value >= limit), ("≥", value >= limit)):
        assert PrintedNumber.parse(mark + text).bounds.contains(value) == holds


def test_counts_are_exact() -> None:
    count = PrintedNumber.parse("3,654")
    assert count.is_integer
    assert (count.exact.low, count.exact.high) == (3654.0, 3654.0)
    assert not PrintedNumber.parse("3.0").is_integer
    assert not PrintedNumber.parse("<3").is_integer


@settings(deadline=None)
@given(
    st.sampled_from(["0.40", "<0.05", "1.319**", "131.9%", "23,928", "(-0.23)", ">=2.0*"]),
    st.decimals(-1000, 1000, places=5),
)
def test_another_value_keeps_the_printed_form(text: str, value: Decimal) -> None:
    printed = PrintedNumber.parse(text)
    other = printed.with_value(value)
    assert (other.decimals, other.comparator, other.stars, other.percent) == (
        printed.decimals,
        printed.comparator,
        printed.stars,
        printed.percent,
    )
    assert abs(other.value - value) <= Decimal(5).scaleb(-printed.decimals - 1)
    assert PrintedNumber.parse(other.text) == other
