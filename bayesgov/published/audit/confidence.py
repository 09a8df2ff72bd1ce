"""Checks of confidence intervals: order of the limits, centre, width, the estimate inside, and p."""

from __future__ import annotations

import math
from decimal import Decimal

from scipy.special import stdtrit

from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.identity import (
    LARGEST_DF,
    around,
    compare,
    normal_quantile,
    not_checkable,
    reading,
)
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import finite, listing, span

_OTHER_LEVELS = (0.90, 0.95, 0.99)


def limits_unusable(lower: PrintedNumber, upper: PrintedNumber) -> str:
    """Why nothing should be computed from an interval's limits, or nothing."""
    if lower.bounds.low > upper.bounds.high:
        return f"The limits ({lower}, {upper}) are in reverse order, so nothing is computed from them."
    return "The limits are printed as equal." if lower.bounds.high >= upper.bounds.low else ""


def half_width(lower: PrintedNumber, upper: PrintedNumber, level: float) -> Interval:
    """Standard error (upper - lower) / 2z of a normal interval."""
    return (upper.bounds - lower.bounds) / (2 * normal_quantile(level))


def _explain_order(*, lower: PrintedNumber, upper: PrintedNumber) -> tuple[Explanation, ...]:
    return (Explanation("the limits exchanged", f"({upper}, {lower})", resolves=True),)


@check("limits_in_order", explain=_explain_order)
def limits_in_order(*, lower: PrintedNumber, upper: PrintedNumber) -> Finding:
    """Whether the lower limit lies below the upper limit; anything computed from reversed limits stays unchecked."""
    width = upper.bounds - lower.bounds
    verdict: Verdict = "impossible" if width.high < 0 else "consistent" if width.low >= 0 else "undetermined"
    note = f"Lower limit {lower}, upper limit {upper}."
    return Finding(
        f"({lower}, {upper})", f"width {span(width)}", finite(width.low), finite(width.high), verdict, note=note
    )


def _explain_inside(*, estimate: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber) -> tuple[Explanation, ...]:
    exponentiated = _inside(estimate.bounds.monotone(math.exp), lower, upper) if estimate.bounds.high < 700 else None
    value = f"exp({estimate}) = {span(estimate.bounds.monotone(math.exp))}" if exponentiated else "beyond any limit"
    return (Explanation("the limits of exp(b)", value, resolves=exponentiated == "consistent"),)


def _inside(estimate: Interval, lower: PrintedNumber, upper: PrintedNumber) -> Verdict:
    if estimate.high < lower.bounds.low or estimate.low > upper.bounds.high:
        return "inconsistent"
    certain = estimate.low >= lower.bounds.high and estimate.high <= upper.bounds.low
    return "consistent" if certain else "undetermined"


@check("estimate_inside_interval", explain=_explain_inside)
def estimate_inside_interval(*, estimate: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber) -> Finding:
    """Whether an estimate lies inside its own interval."""
    if limits_unusable(lower, upper):
        return not_checkable(str(estimate), limits_unusable(lower, upper))
    hull = lower.bounds.hull(upper.bounds)
    verdict = _inside(estimate.bounds, lower, upper)
    note = f"Estimate {estimate}, interval ({lower}, {upper})."
    return Finding(str(estimate), f"{lower} to {upper}", finite(hull.low), finite(hull.high), verdict, note=note)


def _limit(estimate: Interval, se: Interval, side: int, level: float) -> Interval:
    return estimate + side * normal_quantile(level) * se


def _student_reading(
    estimate: Interval, se: Interval, lower: PrintedNumber, upper: PrintedNumber, level: float
) -> Explanation:
    """The degrees of freedom, if any, with which b ± t SE gives both printed limits."""
    down, up = (estimate - lower.bounds) / se, (upper.bounds - estimate) / se
    found = [
        df
        for df in range(1, LARGEST_DF + 1)
        if all(multiple.intersects(around(float(stdtrit(df, 0.5 + level / 2)))) for multiple in (down, up))
    ]
    value = listing((f"df = {df}" for df in found), 3) if found else f"{span(down)} SE below, {span(up)} SE above"
    return Explanation("t in place of z, at both limits", value, resolves=bool(found))


def _explain_limit(
    limit: PrintedNumber, side: int, estimate: PrintedNumber, se: PrintedNumber, level: float
) -> tuple[Explanation, ...]:
    b, s = estimate.bounds, se.bounds
    others = [(f"a {100 * k:g} % interval", _limit(b, s, side, k)) for k in _OTHER_LEVELS if k != level]
    others.append(("the variance printed as standard error", _limit(b, s.sqrt(), side, level)))
    others.append(("the estimate with one standard error", b + float(side) * s))
    if _limit(b, s, side, level).high < 700:
        others.append(("the limit of exp(b)", _limit(b, s, side, level).monotone(math.exp)))
    return tuple(reading(name, limit, value) for name, value in others)


def _check_limit(limit: PrintedNumber, side: int, estimate: PrintedNumber, se: PrintedNumber, level: float) -> Finding:
    if se.bounds.low <= 0:
        return not_checkable(str(limit), f"A standard error is positive; printed {se}.")
    implied = _limit(estimate.bounds, se.bounds, side, level)
    sign = "+" if side > 0 else "-"
    return compare(limit, implied, f"{estimate} {sign} {normal_quantile(level):.4f} x {se}; printed {limit}.")


def _explain_lower(
    *, estimate: PrintedNumber, se: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber, level: float = 0.95
) -> tuple[Explanation, ...]:
    tried = _explain_limit(lower, -1, estimate, se, level)
    return (*tried, _student_reading(estimate.bounds, se.bounds, lower, upper, level))


@check("lower_limit", classical=True, target="lower", explain=_explain_lower)
def lower_limit(
    *, estimate: PrintedNumber, se: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber, level: float = 0.95
) -> Finding:
    """Whether the lower limit is b - z SE.

    Parameters
    ----------
    estimate, se, lower, upper : PrintedNumber
        ``upper`` says only whether the limits are in order.
    level : float
        Confidence level of the interval.
    """
    if limits_unusable(lower, upper):
        return not_checkable(str(lower), limits_unusable(lower, upper))
    return _check_limit(lower, -1, estimate, se, level)


def _explain_upper(
    *, estimate: PrintedNumber, se: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber, level: float = 0.95
) -> tuple[Explanation, ...]:
    tried = _explain_limit(upper, 1, estimate, se, level)
    return (*tried, _student_reading(estimate.bounds, se.bounds, lower, upper, level))


@check("upper_limit", classical=True, target="upper", explain=_explain_upper)
def upper_limit(
    *, estimate: PrintedNumber, se: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber, level: float = 0.95
) -> Finding:
    """Whether the upper limit is b + z SE.

    Arguments as in :func:`lower_limit`.
    """
    if limits_unusable(lower, upper):
        return not_checkable(str(upper), limits_unusable(lower, upper))
    return _check_limit(upper, 1, estimate, se, level)


def _explain_width(
    *, se: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber, level: float = 0.95
) -> tuple[Explanation, ...]:
    others = [(f"a {100 * k:g} % interval", half_width(lower, upper, k)) for k in _OTHER_LEVELS if k != level]
    others.append(("the variance printed as standard error", half_width(lower, upper, level).square()))
    if lower.bounds.low > 0:
        logs = upper.bounds.monotone(math.log) - lower.bounds.monotone(math.log)
        others.append(("the limits of exp(b)", logs / (2 * normal_quantile(level))))
    return tuple(reading(name, se, value) for name, value in others)


@check("standard_error_from_width", classical=True, target="se", explain=_explain_width)
def standard_error_from_width(
    *, se: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber, level: float = 0.95
) -> Finding:
    """Whether the standard error is (upper - lower) / 2z, whatever the estimate.

    Parameters
    ----------
    se, lower, upper : PrintedNumber
    level : float
        Confidence level of the interval.
    """
    if limits_unusable(lower, upper):
        return not_checkable(str(se), limits_unusable(lower, upper))
    note = f"({upper} - {lower}) / (2 x {normal_quantile(level):.4f}); printed {se}."
    return compare(se, half_width(lower, upper, level), note)


def _geometric_mean(lower: PrintedNumber, upper: PrintedNumber) -> Interval:
    return (lower.bounds * upper.bounds).sqrt()


def _explain_centre(*, estimate: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber) -> tuple[Explanation, ...]:
    if lower.bounds.low <= 0:
        return ()
    middle = _geometric_mean(lower, upper)
    return (
        reading("a ratio and its limits, √(lower upper)", estimate, middle),
        reading("the limits of exp(b), log √(lower upper)", estimate, middle.monotone(math.log)),
    )


@check("estimate_at_centre", classical=True, target="estimate", explain=_explain_centre)
def estimate_at_centre(*, estimate: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber) -> Finding:
    """Whether an estimate lies halfway between its limits, as in any symmetric interval, whatever its level."""
    if limits_unusable(lower, upper):
        return not_checkable(str(estimate), limits_unusable(lower, upper))
    middle = (lower.bounds + upper.bounds) / 2.0
    return compare(estimate, middle, f"({lower} + {upper}) / 2; printed {estimate}.")


def _explain_ratio(*, estimate: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber) -> tuple[Explanation, ...]:
    return (reading("limits about the ratio itself", estimate, (lower.bounds + upper.bounds) / 2.0),)


@check("ratio_at_centre", classical=True, target="estimate", explain=_explain_ratio)
def ratio_at_centre(*, estimate: PrintedNumber, lower: PrintedNumber, upper: PrintedNumber) -> Finding:
    """Whether an odds ratio (hazard, rate ratio) is √(lower upper), the centre of its interval on the log scale."""
    if limits_unusable(lower, upper):
        return not_checkable(str(estimate), limits_unusable(lower, upper))
    if lower.bounds.high < 0:
        return Finding(str(estimate), "", None, None, "impossible", note=f"A ratio is not negative; printed {lower}.")
    return compare(estimate, _geometric_mean(lower, upper), f"√({lower} x {upper}); printed {estimate}.")


def _excludes(lower: Interval, upper: Interval, null: float) -> bool | None:
    if lower.low > null or upper.high < null:
        return True
    return False if lower.high < null < upper.low else None


def _alpha(level: float) -> Decimal:
    """1 - level as the decimal that is meant: 0.05, not 0.050000000000000044."""
    return 1 - Decimal(str(level))


def _explain_excludes(
    *, lower: PrintedNumber, upper: PrintedNumber, p: PrintedNumber, level: float = 0.95
) -> tuple[Explanation, ...]:
    outside = _excludes(lower.bounds, upper.bounds, 0.0)
    ratio = _excludes(lower.bounds, upper.bounds, 1.0)
    alpha = _alpha(level)
    cuts = [(f"a {100 * k:g} % interval", _alpha(k)) for k in _OTHER_LEVELS if k != level]
    # a one-tailed p below alpha / 2 is a two-sided p below alpha
    cuts.append(("one-tailed p", alpha / 2))
    tried = tuple(
        Explanation(name, f"p = {p} against {cut}", resolves=p.below(cut) in (outside, None)) for name, cut in cuts
    )
    against_one = "excludes 1" if ratio else "contains 1"
    return (*tried, Explanation("a ratio, so the interval against 1", against_one, resolves=p.below(alpha) is ratio))


@check("interval_excludes_zero", classical=True, explain=_explain_excludes)
def interval_excludes_zero(
    *, lower: PrintedNumber, upper: PrintedNumber, p: PrintedNumber, level: float = 0.95
) -> Finding:
    """Whether the interval excludes zero exactly when p is below 1 - level.

    Parameters
    ----------
    lower, upper, p : PrintedNumber
    level : float
        Confidence level of the interval.
    """
    if limits_unusable(lower, upper):
        return not_checkable(str(p), limits_unusable(lower, upper))
    if p.bounds.high < 0 or p.bounds.low > 1:
        return Finding(str(p), "", None, None, "impossible", note=f"A p-value lies in [0, 1]; printed {p}.")
    outside, significant = _excludes(lower.bounds, upper.bounds, 0.0), p.below(_alpha(level))
    unsettled = outside is None or significant is None
    verdict: Verdict = "undetermined" if unsettled else "consistent" if outside is significant else "inconsistent"
    words = {True: "excludes zero", False: "contains zero", None: "can touch zero"}
    against = {True: "is below", False: "is not below", None: "can be either side of"}
    note = f"({lower}, {upper}) {words[outside]}; p = {p} {against[significant]} {_alpha(level)}."
    return Finding(f"p = {p}", f"interval {words[outside]}", None, None, verdict, note=note)
