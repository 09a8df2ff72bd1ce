"""Checks of a coefficient's row: standard error, Wald statistic and p against one another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.confidence import half_width, limits_unusable
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.identity import (
    compare,
    normal_p,
    not_checkable,
    p_readings,
    reading,
    student_df_reading,
)
from bayesgov.published.audit.interval_matrix import cell_place
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import listing

Numbers = Mapping[str, PrintedNumber]


def _no_standard_error(se: PrintedNumber) -> str:
    """Why the standard error is of no use as a divisor, or nothing."""
    if se.bounds.high <= 0:
        return f"A standard error is positive; printed {se}."
    return "The standard error is printed as zero." if se.bounds.low <= 0 else ""


@check("standard_error_positive", readings=("sign",))
def standard_error_positive(*, se: PrintedNumber) -> Finding:
    """Whether a standard error is positive; anything computed from one that is not stays unchecked."""
    bounds = se.bounds
    verdict: Verdict = "impossible" if bounds.high <= 0 else "consistent" if bounds.low > 0 else "undetermined"
    return Finding(str(se), "above 0", 0.0, None, verdict, note=f"Standard error {se}.")


def _explain_wald(*, estimate: PrintedNumber, se: PrintedNumber, wald: PrintedNumber) -> tuple[Explanation, ...]:
    b, s = estimate.bounds, se.bounds
    readings = [
        reading("the variance printed as standard error", wald, b.square() / s),
        reading("z = b / SE in place of its square", wald, abs(b / s)),
    ]
    if b.low > 0:
        log_ratio = (b.monotone(math.log) / s).square()
        readings.append(reading("exp(b) printed as estimate", wald, log_ratio))
    return tuple(readings)


@check("wald_from_estimate", classical=True, target="wald", explain=_explain_wald)
def wald_from_estimate(*, estimate: PrintedNumber, se: PrintedNumber, wald: PrintedNumber) -> Finding:
    """Whether the Wald statistic with one degree of freedom is (b / SE)².

    Parameters
    ----------
    estimate, se, wald : PrintedNumber

    Notes
    -----
    Wald (1943), doi:10.1090/S0002-9947-1943-0012401-3.
    """
    problem = _no_standard_error(se)
    if problem:
        return not_checkable(str(wald), problem)
    implied = (estimate.bounds / se.bounds).square()
    return compare(wald, implied, f"({estimate} / {se})²; printed {wald}.")


def _explain_wald_interval(
    *, estimate: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber, wald: PrintedNumber, level: float = 0.95
) -> tuple[Explanation, ...]:
    return tuple(
        reading(f"a {100 * other:g} % interval", wald, (estimate.bounds / half_width(lower, upper, other)).square())
        for other in (0.90, 0.95, 0.99)
        if other != level
    )


@check("wald_from_interval", classical=True, target="wald", explain=_explain_wald_interval)
def wald_from_interval(
    *, estimate: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber, wald: PrintedNumber, level: float = 0.95
) -> Finding:
    """Whether the Wald statistic is (b / SE)² with the standard error (upper - lower) / 2z of the printed interval.

    Parameters
    ----------
    estimate, lower, upper, wald : PrintedNumber
    level : float
        Confidence level of the interval.
    """
    problem = limits_unusable(lower, upper)
    if problem:
        return not_checkable(str(wald), problem)
    se = half_width(lower, upper, level)
    implied = (estimate.bounds / se).square()
    return compare(wald, implied, f"SE implied by ({lower}, {upper}): {se.midpoint:.4g}; printed Wald {wald}.")


def _explain_p(
    *, estimate: PrintedNumber, se: PrintedNumber, p: PrintedNumber, comparisons: int = 1
) -> tuple[Explanation, ...]:
    z = estimate.bounds / se.bounds
    variance = normal_p(abs(estimate.bounds) / se.bounds.sqrt())
    return (
        *p_readings(p, normal_p(z), comparisons),
        student_df_reading(p, z),
        reading("the variance printed as standard error", p, variance, digits=4),
    )


@check("p_from_estimate", classical=True, target="p", explain=_explain_p)
def p_from_estimate(*, estimate: PrintedNumber, se: PrintedNumber, p: PrintedNumber, comparisons: int = 1) -> Finding:
    """Whether a printed p is the two-sided normal p of b / SE.

    Parameters
    ----------
    estimate, se, p : PrintedNumber
    comparisons : int
        Number of tests in the table; p adjusted for so many is tried as an explanation where it is above 1.
    """
    problem = _no_standard_error(se)
    if problem:
        return not_checkable(str(p), problem)
    z: Interval = estimate.bounds / se.bounds
    return compare(p, normal_p(z), f"z = {estimate} / {se}; printed p {p}.", digits=4)


@check("p_falls_with_statistic", classical=True, readings=(), typo_limit=200)
def p_falls_with_statistic(*, statistic: Numbers, p: Numbers) -> Finding:
    """Whether larger test statistics with the same degrees of freedom have smaller p, in every pair of rows.

    Parameters
    ----------
    statistic, p : mapping
        In the same order of rows.
    """
    if len(statistic) != len(p):
        raise InputError(f"each statistic needs its p; got {len(statistic)} and {len(p)}")
    names = [cell_place(reference).row for reference in statistic]
    rows = list(zip(names, statistic.values(), p.values(), strict=True))
    pairs = list(itertools.permutations(rows, 2))
    against = [
        (larger, smaller)
        for larger, smaller in pairs
        if larger[1].bounds.low > smaller[1].bounds.high and larger[2].bounds.low > smaller[2].bounds.high
    ]
    verdict: Verdict = "inconsistent" if against else "consistent"
    count = len(pairs) // 2
    shown = listing((f"{a[1]} with p {a[2]} against {b[1]} with p {b[2]}" for a, b in against), 4)
    note = f"Pairs where the larger statistic has the larger p: {shown}."
    return Finding(f"{count} pairs", f"{len(against)} in the other order", None, None, verdict, note=note)
