"""Numbers as a paper printed them, and the rounding intervals that they stand for.

A printed number is text first: "0.40" says more than 0.4, and "<0.05" is a bound. :class:`PrintedNumber` keeps
the text with its decimals, comparator and stars; :class:`Interval` carries what rounding allows through a
computation with outward-rounded interval arithmetic, so that the enclosure is certified and not guessed
(Moore, Kearfott & Cloud 2009, doi:10.1137/1.9780898717716).
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from bayesgov.errors import InputError

Comparator = Literal["=", "<", ">", "<=", ">="]

_COMPARATORS: dict[str, Comparator] = {
    "": "=",
    "=": "=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "≤": "<=",
    "≥": ">=",
}
_NUMBER = re.compile(
    r"""\(?                                        # t-values are often printed in parentheses
    (?P<comparator><=|>=|[<>=≤≥])?\s*
    (?P<sign>[-−+]?)
    (?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
    (?P<percent>%?)\)?
    (?P<stars>\*{0,4})
    (?P<footnote>[a-z]?)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval [low, high] of real numbers; arithmetic encloses the exact result.

    Every operation widens its limits by one unit in the last place, so no floating-point error can move a value
    out of the enclosure.

    Parameters
    ----------
    low, high : float
        Limits, ``low <= high``; infinite limits are allowed, NaN is not.

    Raises
    ------
    ValueError
        If a limit is NaN or ``low > high``.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval needs low <= high; got [{self.low}, {self.high}]")

    @classmethod
    def point(cls, value: float) -> Interval:
        return cls(value, value)

    @classmethod
    def _outward(cls, low: float, high: float) -> Interval:
        return cls(math.nextafter(low, -math.inf), math.nextafter(high, math.inf))

    def _coerce(self, other: Interval | float) -> Interval:
        return other if isinstance(other, Interval) else Interval.point(other)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __add__(self, other: Interval | float) -> Interval:
        o = self._coerce(other)
        return Interval._outward(self.low + o.low, self.high + o.high)

    __radd__ = __add__

    def __sub__(self, other: Interval | float) -> Interval:
        return self + (-self._coerce(other))

    def __rsub__(self, other: float) -> Interval:
        return Interval.point(other) - self

    def __mul__(self, other: Interval | float) -> Interval:
        o = self._coerce(other)
        # 0 * inf is taken as 0: the limits are limits of products of finite numbers
        products = [0.0 if 0.0 in (a, b) else a * b for a in (self.low, self.high) for b in (o.low, o.high)]
        return Interval._outward(min(products), max(products))

    __rmul__ = __mul__

    def reciprocal(self) -> Interval:
        """1/x; an interval that reaches zero gives an unbounded enclosure."""
        if self.low > 0 or self.high < 0:
            return Interval._outward(1 / self.high, 1 / self.low)
        if self.low == 0 and self.high > 0:
            return Interval._outward(1 / self.high, math.inf)
        if self.high == 0 and self.low < 0:
            return Interval._outward(-math.inf, 1 / self.low)
        return Interval(-math.inf, math.inf)

    def __truediv__(self, other: Interval | float) -> Interval:
        return self * self._coerce(other).reciprocal()

    def __rtruediv__(self, other: float) -> Interval:
        return Interval.point(other) * self.reciprocal()

    def __abs__(self) -> Interval:
        if self.low >= 0:
            return self
        if self.high <= 0:
            return -self
        return Interval(0.0, max(-self.low, self.high))

    def square(self) -> Interval:
        """x², tighter than x * x when the interval straddles zero."""
        magnitude = abs(self)
        return Interval(
            max(0.0, math.nextafter(magnitude.low**2, -math.inf)), math.nextafter(magnitude.high**2, math.inf)
        )

    def sqrt(self) -> Interval:
        """√x of the non-negative part; ValueError if there is none."""
        low = max(self.low, 0.0)
        return Interval(
            max(0.0, math.nextafter(math.sqrt(low), -math.inf)), math.nextafter(math.sqrt(self.high), math.inf)
        )

    def monotone(self, function: Callable[[float], float], *, slack_ulps: int = 64) -> Interval:
        """Enclose a monotone function of the interval.

        ``slack_ulps`` widens both limits by that many units in the last place, for library functions (special
        functions, quantiles) that are accurate but not correctly rounded.
        """
        ends = sorted((function(self.low), function(self.high)))
        low, high = ends[0], ends[1]
        return Interval(low - slack_ulps * math.ulp(low), high + slack_ulps * math.ulp(high))

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high

    def intersects(self, other: Interval) -> bool:
        return self.low <= other.high and other.low <= self.high

    def hull(self, other: Interval) -> Interval:
        return Interval(min(self.low, other.low), max(self.high, other.high))

    @property
    def midpoint(self) -> float:
        return self.low if self.low == self.high else 0.5 * (self.low + self.high)

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """One number as printed.

    Attributes
    ----------
    text : str
        Exactly as printed ("0.40", "<0.05", "1.319**", "(-0.23)", "23,928", "131.9%").
    value : Decimal
        The number without comparator, stars, parentheses, per cent sign or thousands separators.
    decimals : int
        Digits printed after the decimal point; trailing zeros count.
    comparator : {"=", "<", ">", "<=", ">="}
    stars : int
    percent : bool
    """

    text: str
    value: Decimal
    decimals: int
    comparator: Comparator = "="
    stars: int = 0
    percent: bool = False

    @classmethod
    def parse(cls, text: str) -> PrintedNumber:
        """Read a printed number.

        Raises
        ------
        InputError
            If the text is not a number in a form that tables use.
        """
        match = _NUMBER.fullmatch(text.strip())
        if match is None:
            raise InputError(f"a printed number was wanted (such as 0.40, <0.05, 1.319**, (-0.23)); got {text!r}")
        digits = match["digits"].replace(",", "")
        sign = "-" if match["sign"] in ("-", "−") else ""
        return cls(
            text=text,
            value=Decimal(sign + digits),
            decimals=len(digits.partition(".")[2]),
            comparator=_COMPARATORS[match["comparator"] or ""],
            stars=len(match["stars"]),
            percent=bool(match["percent"]),
        )

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return self.text

    @property
    def bounds(self) -> Interval:
        """All values that round to (half away from zero or half to even: both ends included) what was printed.

        A comparator gives a half-line: "<0.05" is (-inf, 0.05].
        """
        return _rounding(self.value, self.decimals, self.comparator)

    @property
    def is_integer(self) -> bool:
        return self.decimals == 0 and self.comparator == "="

    @property
    def exact(self) -> Interval:
        """The printed value itself, for counts and degrees of freedom, which are not rounded."""
        return Interval.point(float(self.value))

    def below(self, cut: Decimal, *, or_equal: bool = False) -> bool | None:
        """Whether every value that the number stands for is below the cut: True, False, or None where both occur.

        The ends are compared as decimals: "0.1" begins at 0.05, which is not below 0.05; "<0.05" is.
        """

        def under(end: Decimal, closed: bool) -> bool:
            return end < cut or (end == cut and (or_equal or not closed))

        if self.comparator in ("<", "<="):
            return True if under(self.value, self.comparator == "<=") else None
        if self.comparator == ">":
            return None if self.value < cut else False
        if self.comparator == ">=":
            return None if under(self.value, True) else False
        half = Decimal(5).scaleb(-self.decimals - 1)
        if under(self.value + half, True):
            return True
        return None if under(self.value - half, True) else False

    def above(self, cut: Decimal, *, or_equal: bool = False) -> bool | None:
        """The mirror image of :meth:`below`."""
        mirrored: dict[Comparator, Comparator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
        return replace(self, value=-self.value, comparator=mirrored[self.comparator]).below(-cut, or_equal=or_equal)

    def with_value(self, value: Decimal) -> PrintedNumber:
        """The same cell with another value printed in the same form (decimals, comparator, stars, per cent sign)."""
        number = f"{value:.{self.decimals}f}"
        comparator = "" if self.comparator == "=" else self.comparator
        text = f"{comparator}{number}{'%' * self.percent}{'*' * self.stars}"
        return PrintedNumber(text, Decimal(number), self.decimals, self.comparator, self.stars, self.percent)


# an audit asks for the bounds of one cell thousands of times
@functools.lru_cache(maxsize=65_536)
def _rounding(printed: Decimal, decimals: int, comparator: Comparator) -> Interval:
    value = float(printed)
    if comparator in ("<", "<="):
        return Interval(-math.inf, value)
    if comparator in (">", ">="):
        return Interval(value, math.inf)
    half = Decimal(5).scaleb(-decimals - 1)
    return Interval(math.nextafter(float(printed - half), -math.inf), math.nextafter(float(printed + half), math.inf))
