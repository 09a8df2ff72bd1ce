"""What the scalar checks share: a printed number against what others imply, and p-values of intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from scipy.special import chdtrc, ndtr, ndtri, stdtr

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.wording import finite, listing, span

# the tail functions of scipy.special are accurate to about 1e-13 relative; 2**14 units in the last place are 4e-12
_SLACK_ULPS = 2**14
LARGEST_DF = 200


def standing(printed: PrintedNumber) -> Interval:
    """What a printed number stands for: itself for whole numbers, which are counts here, else its rounding interval."""
    return printed.exact if printed.is_integer else printed.bounds


def compare(printed: PrintedNumber, implied: Interval, note: str, *, digits: int = 6) -> Finding:
    """Finding on a rounded number that other printed numbers imply: consistent where the two intervals meet."""
    verdict: Verdict = "consistent" if printed.bounds.intersects(implied) else "inconsistent"
    return Finding(str(printed), span(implied, digits), finite(implied.low), finite(implied.high), verdict, note=note)


def compare_count(printed: PrintedNumber, implied: float, note: str) -> Finding:
    """Finding on a count or a number of degrees of freedom, which is not rounded."""
    verdict: Verdict = "consistent" if standing(printed).contains(implied) else "inconsistent"
    return Finding(str(printed), f"{implied:g}", implied, implied, verdict, note=note)


def reading(name: str, printed: PrintedNumber, implied: Interval, *, digits: int = 6) -> Explanation:
    """One reading that was tried: what it gives, and whether the printed number can be that."""
    return Explanation(name, span(implied, digits), resolves=printed.bounds.intersects(implied))


def not_checkable(reported: str, note: str) -> Finding:
    return Finding(reported, "", None, None, "not checkable", note=note)


def enclose(value: Fraction) -> Interval:
    """Doubles on both sides of an exact ratio."""
    nearest = float(value)
    return Interval(math.nextafter(nearest, -math.inf), math.nextafter(nearest, math.inf))


def around(value: float) -> Interval:
    """Enclosure of a short floating-point sum, whose relative error is far below 4e-12."""
    return Interval.point(value).monotone(float, slack_ulps=_SLACK_ULPS)


def normal_quantile(level: float) -> float:
    """z with P(\\|Z\\| <= z) = level; InputError unless the level lies between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"level should be a confidence level between 0 and 1; got {level}")
    return float(ndtri(0.5 + level / 2))


def _probability(interval: Interval) -> Interval:
    return Interval(min(max(interval.low, 0.0), 1.0), max(min(interval.high, 1.0), 0.0))


def chi_square_p(statistic: Interval, df: float) -> Interval:
    """P(X >= x) of the chi-square distribution over an interval of x; a negative x counts as 0."""
    above = Interval(max(statistic.low, 0.0), max(statistic.high, 0.0))
    return _probability(above.monotone(lambda x: float(chdtrc(df, x)), slack_ulps=_SLACK_ULPS))


def normal_p(z: Interval) -> Interval:
    """Two-sided p of the standard normal distribution."""
    return _probability(abs(z).monotone(lambda x: 2 * float(ndtr(-x)), slack_ulps=_SLACK_ULPS))


def student_p(t: Interval, df: float) -> Interval:
    """Two-sided p of Student's t distribution."""
    return _probability(abs(t).monotone(lambda x: 2 * float(stdtr(df, -x)), slack_ulps=_SLACK_ULPS))


def p_readings(p: PrintedNumber, implied: Interval, comparisons: int) -> Iterator[Explanation]:
    """Readings of any two-sided p: one-tailed, the other tail, adjusted for ``comparisons`` tests where above 1."""
    yield reading("one-tailed p", p, 0.5 * implied, digits=4)
    yield reading("1 - p", p, 1.0 - implied, digits=4)
    if comparisons > 1:
        yield reading(f"p x {comparisons} (Bonferroni)", p, _probability(float(comparisons) * implied), digits=4)
        yield reading(f"p / {comparisons}", p, implied / float(comparisons), digits=4)


def chi_square_df_reading(p: PrintedNumber, statistic: Interval) -> Explanation:
    """The degrees of freedom, if any, with which a chi-square statistic has the printed p."""
    found = [df for df in range(1, LARGEST_DF + 1) if p.bounds.intersects(chi_square_p(statistic, df))]
    return Explanation("another df", listing((f"df = {df}" for df in found), 3), resolves=bool(found))


def student_df_reading(p: PrintedNumber, t: Interval) -> Explanation:
    """The degrees of freedom, if any, with which Student's t in place of the normal gives the printed p."""
    found = [df for df in range(1, LARGEST_DF + 1) if p.bounds.intersects(student_p(t, df))]
    return Explanation("t in place of z", listing((f"df = {df}" for df in found), 3), resolves=bool(found))
