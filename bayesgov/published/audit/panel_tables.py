"""Checks of regression tables with t-values, and of dynamic panel models in particular."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from scipy.stats import norm

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import finite, listing, span

# values that rounding leaves open when a number is printed as zero
_SIGNS = {1: "positive", -1: "negative", 0: "either"}


def sign_of(bounds: Interval) -> int:
    """1 or -1 where rounding leaves no doubt, 0 where the interval reaches zero."""
    return 1 if bounds.low > 0 else -1 if bounds.high < 0 else 0


def implied_standard_error(estimate: PrintedNumber, t: PrintedNumber) -> Interval:
    """SE = |b / t| over the rounding of both; unbounded where t rounds to zero."""
    return abs(estimate.bounds / t.bounds) if sign_of(t.bounds) else abs(estimate.bounds) / abs(t.bounds)


@check("sign_agrees", readings=("sign",))
def sign_agrees(*, estimate: PrintedNumber, t: PrintedNumber) -> Finding:
    """Whether an estimate and its t-value have the same sign (t = b / SE and SE > 0)."""
    b, statistic = sign_of(estimate.bounds), sign_of(t.bounds)
    verdict: Verdict = "undetermined" if 0 in (b, statistic) else "consistent" if b == statistic else "inconsistent"
    note = f"Estimate {estimate}, t-value {t}."
    if verdict == "undetermined":
        note = f"{note} A number printed as zero can have either sign."
    return Finding(f"t {_SIGNS[statistic]}", f"estimate {_SIGNS[b]}", None, None, verdict, note=note)


@check("standard_error_implied")
def standard_error_implied(
    *, estimate: PrintedNumber, t: PrintedNumber, standard_error: PrintedNumber | None = None
) -> Finding:
    """The standard error that an estimate and its t-value imply, against the printed one where there is one.

    Parameters
    ----------
    estimate, t : PrintedNumber
    standard_error : PrintedNumber, optional
        Left out where the table prints none; the finding then states the implied interval and compares nothing.
    """
    implied = implied_standard_error(estimate, t)
    low, high = implied.low, finite(implied.high)
    bounded = "" if math.isfinite(implied.high) else " (t can round from zero, so there is no upper bound)"
    note = f"|b / t| with b = {estimate} and t = {t}{bounded}."
    if standard_error is None:
        note = f"{note} The table prints no standard error to compare."
        return Finding("", span(implied), low, high, "not checkable", note=note)
    if standard_error.bounds.high < 0:
        note = "A standard error is not negative."
        return Finding(str(standard_error), span(implied), low, high, "impossible", note=note)
    verdict: Verdict = "consistent" if standard_error.bounds.intersects(implied) else "inconsistent"
    return Finding(str(standard_error), span(implied), low, high, verdict, note=note)


def _growth(coefficient: Interval) -> Interval:
    """100 (exp(b) - 1), the percentage for an outcome in logarithms; infinite where exp overflows."""
    return 100.0 * (coefficient.monotone(math.exp) - 1.0) if coefficient.high < 700 else Interval.point(math.inf)


def _explain_percent(*, coefficient: PrintedNumber, percent: PrintedNumber) -> tuple[Explanation, ...]:
    """Other ways from a coefficient to a percentage."""
    bounds = coefficient.bounds
    readings = (
        ("the coefficient itself, a per cent sign added", bounds),
        ("100 (exp(b) - 1), the outcome in logarithms", _growth(bounds)),
        ("b / 100, the predictor in logarithms", bounds / 100.0),
    )
    return tuple(Explanation(name, f"{span(value, 6)} %", percent.bounds.intersects(value)) for name, value in readings)


@check("percent_reading", target="percent", explain=_explain_percent, readings=("truncated", "typo", "transposed"))
def percent_reading(*, coefficient: PrintedNumber, percent: PrintedNumber) -> Finding:
    """Whether the percentage that the text reads from a coefficient is 100 times the coefficient.

    Parameters
    ----------
    coefficient : PrintedNumber
    percent : PrintedNumber
        As the text prints it: "131.9%".
    """
    implied = 100.0 * coefficient.bounds
    verdict: Verdict = "consistent" if percent.bounds.intersects(implied) else "inconsistent"
    note = f"100 x {coefficient} is {span(implied, 6)} %."
    return Finding(str(percent), f"{span(implied, 6)} %", implied.low, implied.high, verdict, note=note)


@check("same_percent_rule", readings=())
def same_percent_rule(*, coefficients: Mapping[str, PrintedNumber], percents: Mapping[str, PrintedNumber]) -> Finding:
    """Whether one rule turns each coefficient into the percentage that the text gives for it.

    Parameters
    ----------
    coefficients, percents : mapping
        In the same order.
    """
    if len(coefficients) != len(percents):
        raise InputError(f"each coefficient needs its percentage; got {len(coefficients)} and {len(percents)}")
    pairs = list(zip(coefficients.values(), percents.values(), strict=True))
    rules: dict[str, Callable[[Interval], Interval]] = {
        "100 b": lambda b: 100.0 * b,
        "b": lambda b: b,
        "100 (exp(b) - 1)": _growth,
        "b / 100": lambda b: b / 100.0,
    }
    fits = {name: [p.bounds.intersects(rule(b.bounds)) for b, p in pairs] for name, rule in rules.items()}
    whole = [name for name, fit in fits.items() if all(fit)]
    each = listing(
        f"{p} from {b}: {', '.join(name for name in rules if fits[name][k]) or 'no rule'}"
        for k, (b, p) in enumerate(pairs)
    )
    verdict: Verdict = "consistent" if whole else "inconsistent"
    note = f"Rules that fit: {each}."
    return Finding(listing(str(p) for _, p in pairs), ", ".join(whole) or "no one rule", None, None, verdict, note=note)


@check("lag_stationarity", readings=("sign", "typo", "transposed"))
def lag_stationarity(*, estimate: PrintedNumber, t: PrintedNumber, level: float) -> Finding:
    """Whether the coefficient of the lagged outcome lies between -1 and 1, with its confidence interval.

    Parameters
    ----------
    estimate, t : PrintedNumber
    level : float
        Confidence level of the normal interval.

    Notes
    -----
    consistent: estimate and interval inside (-1, 1); inconsistent: the estimate is outside; undetermined: the
    interval reaches outside. The limits carry the rounding of both numbers.
    """
    if not 0 < level < 1:
        raise InputError(f"level should be a confidence level between 0 and 1; got {level}")
    z = float(norm.isf((1 - level) / 2))
    se = implied_standard_error(estimate, t)
    interval = Interval((estimate.bounds - z * se).low, (estimate.bounds + z * se).high)
    magnitude = abs(estimate.bounds)
    inside = interval.low > -1 and interval.high < 1
    verdict: Verdict = "inconsistent" if magnitude.low >= 1 else "consistent" if inside else "undetermined"
    place = "outside" if magnitude.low >= 1 else "inside"
    wholly = interval.low >= 1 or interval.high <= -1
    reach = "inside" if inside else "outside" if wholly else "on both sides of the limits"
    note = (
        f"The estimate lies {place} (-1, 1), its {100 * level:g} % confidence interval ({span(interval)}) {reach}; "
        "the model's long-run effects exist inside only."
    )
    return Finding(str(estimate), span(interval), finite(interval.low), finite(interval.high), verdict, note=note)


@check("long_run_sign", readings=())
def long_run_sign(
    *, effect: PrintedNumber, effect_lag: PrintedNumber, outcome_lag: PrintedNumber, claimed: str, quote: str = ""
) -> Finding:
    """Whether the long-run effect (b0 + b1) / (1 - alpha) of the printed estimates has the sign that the text gives.

    Parameters
    ----------
    effect, effect_lag, outcome_lag : PrintedNumber
        b0, b1 and alpha of an ADL(1,1).
    claimed : {"positive", "negative"}
    quote : str
        The sentence.
    """
    if claimed not in ("positive", "negative"):
        raise InputError(f"claimed should be positive or negative; got {claimed!r}")
    denominator = 1.0 - outcome_lag.bounds
    said = f' Sentence: "{quote}".' if quote else ""
    if abs(outcome_lag.bounds).high >= 1:
        note = f"1 - alpha = {span(denominator)} with alpha = {outcome_lag}: a long-run effect needs |alpha| < 1.{said}"
        return Finding(claimed, "", None, None, "not checkable", note=note)
    effect_bounds = (effect.bounds + effect_lag.bounds) / denominator
    sign = sign_of(effect_bounds)
    verdict: Verdict = "undetermined" if sign == 0 else "consistent" if _SIGNS[sign] == claimed else "inconsistent"
    note = (
        f"(b0 + b1) / (1 - alpha) with b0 = {effect}, b1 = {effect_lag}, alpha = {outcome_lag}; "
        f"estimates only, their sampling error left aside.{said}"
    )
    return Finding(claimed, span(effect_bounds), effect_bounds.low, effect_bounds.high, verdict, note=note)


# Roodman's caution is about tests weakened by many instruments; the table prints no count of them
_ROODMAN = (
    "A p-value above 0.25 is no proof of valid instruments: with many instruments such tests lose power "
    "(Roodman 2009, doi:10.1111/j.1468-0084.2008.00542.x)."
)


@check("specification_test", readings=("truncated", "typo", "transposed"))
def specification_test(*, p: PrintedNumber, levels: tuple[float, ...], overidentification: bool = False) -> Finding:
    """Whether a specification test (Sargan, Hansen, AR(2)) keeps its null hypothesis at the usual levels.

    Parameters
    ----------
    p : PrintedNumber
    levels : tuple of float
        Where the levels disagree, the verdict is undetermined.
    overidentification : bool
        Whether it is a test of overidentifying restrictions, for which a high p-value asks for a caution.
    """
    bounds = p.bounds
    if bounds.high < 0 or bounds.low > 1:
        return Finding(str(p), "", None, None, "impossible", note="A p-value lies in [0, 1].")
    kept = [level for level in levels if bounds.low >= level]
    rejected = [level for level in levels if bounds.high < level]
    verdict: Verdict = "undetermined"
    if len(kept) == len(levels) or len(rejected) == len(levels):
        verdict = "consistent" if kept else "inconsistent"
    parts = (("Rejected", rejected), ("Not rejected", kept))
    note = " ".join(f"{word} at {' and '.join(f'{k:g}' for k in at)}." for word, at in parts if at)
    if overidentification and bounds.low > 0.25:
        note = f"{note} {_ROODMAN}"
    cuts = ", ".join(f"{level:g}" for level in levels)
    return Finding(str(p), f"against {cuts}", None, None, verdict, note=note)
