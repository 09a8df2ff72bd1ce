"""How far each verdict is from another one: the smallest change of a choice, or of a printed digit, that flips it.

The dials: the level at which evidence decides (the limit of a p-value, or of a posterior probability), the limit that
the estimand is held against, the prior, another fit in place of the claim's own, and the rounding of what was printed.
Each is turned by itself while everything else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from bayesgov.claims import Answer, Claim, PosteriorEvidence, Rule, TableEvidence
from bayesgov.evidence import (
    DECISIVE_PROBABILITY,
    TableValues,
    decided,
    event,
    posterior_draws,
    printed_answers,
    printed_numbers,
    table_values,
)
from bayesgov.fits import Fit
from bayesgov.power_scaling import FEWEST_DRAWS, WIDEST, Side, log_prior_density, turn_prior
from bayesgov.printed import PrintedNumber
from bayesgov.study import Study
from bayesgov.verdicts import ClaimVerdict, probability_words

Source = Literal["printed", "frequentist", "posterior"]
Dial = Literal["level", "limit", "prior", "other fit", "rounding"]
Unit = Literal["factor", "standard errors", "posterior sd", "own units", "last digits", ""]

_P_VALUE = re.compile(r"(^|_)p(_|$)")
_NEVER = np.nan


@dataclass(frozen=True, slots=True)
class Flip:
    """What it takes to change one source's answer to a claim by one dial.

    Attributes
    ----------
    claim : str
        Its id.
    source : {"printed", "frequentist", "posterior"}
    dial : {"level", "limit", "prior", "other fit", "rounding"}
    now : str
        The answer as things are.
    flips_at : float
        The dial's value beyond which the answer is another; NaN where no value that was tried changes it.
    distance : float
        From the value that was used, in ``unit``; NaN where nothing was found.
    unit : str
        "factor" is the larger of the two values over the smaller.
    beyond : bool
        Whether the distance is what was tried without a change: the flip lies further, if there is one.
    answer_then : str
        Empty where no change was found.
    note : str
    """

    claim: str
    source: Source
    dial: Dial
    now: Answer
    flips_at: float = _NEVER
    distance: float = _NEVER
    unit: Unit = ""
    beyond: bool = False
    answer_then: str = ""
    note: str = ""


def flip_table(
    claims: Sequence[Claim],
    verdicts: Sequence[ClaimVerdict],
    *,
    study: Study | None,
    tables: Mapping[str, pd.DataFrame],
    fits: Mapping[str, Fit],
) -> pd.DataFrame:
    """The flips of every answer that was given.

    Parameters
    ----------
    claims : sequence of Claim
    verdicts : sequence of ClaimVerdict
        Of the same claims, in their order; an answer "not checkable" has nothing to flip.
    study : Study or None
        None for rows, which have no printed tables.
    tables : mapping of str to DataFrame
    fits : mapping of str to Fit

    Returns
    -------
    DataFrame
        Columns as the attributes of :class:`Flip`; one row for each claim, source and dial that applies.
    """
    found = [
        asdict(flip)
        for claim, verdict in zip(claims, verdicts, strict=True)
        for flip in claim_flips(claim, verdict, study=study, tables=tables, fits=fits)
    ]
    return pd.DataFrame(found, columns=[field.name for field in fields(Flip)])


def claim_flips(
    claim: Claim,
    verdict: ClaimVerdict,
    *,
    study: Study | None,
    tables: Mapping[str, pd.DataFrame],
    fits: Mapping[str, Fit],
) -> tuple[Flip, ...]:
    """The flips of one claim's answers; parameters as in :func:`flip_table`."""
    flips: list[Flip] = []
    if study is not None and claim.printed.cells and verdict.printed.answer != "not checkable":
        flips += _printed_flips(claim, printed_numbers(claim, study))
    sources: tuple[tuple[Source, PosteriorEvidence | TableEvidence], ...] = (
        ("frequentist", claim.frequentist),
        ("posterior", claim.posterior),
    )
    for source, evidence in sources:
        if getattr(verdict, source).answer == "not checkable":
            continue
        if isinstance(evidence, TableEvidence):
            flips += _table_flips(claim.id, source, evidence.decision, table_values(claim, evidence, tables))
        else:
            flips += _posterior_flips(claim, evidence, fits)
    return tuple(flips)


def _printed_flips(claim: Claim, numbers: Mapping[str, PrintedNumber]) -> Iterator[Flip]:
    rule, printed = claim.printed.decision, list(numbers.values())

    def answer(threshold: float) -> Answer:
        return rule.at(threshold).combined(printed_answers(printed, rule.at(threshold)))

    # an answer can change at either end of a number's rounding, and at the number where it is a bound
    ends = [float(number.value + side * _last_digit(number) / 2) for number in printed for side in (-1, 0, 1)]
    p_values = all(any(_P_VALUE.search(part) for part in key.split("/")) for key in numbers)
    yield _rule_flip(claim.id, "printed", "level" if p_values else "limit", rule, ends, answer)
    yield _rounding_flip(claim.id, rule, numbers)


def _rounding_flip(claim: str, rule: Rule, numbers: Mapping[str, PrintedNumber]) -> Flip:
    """The smallest change of one printed number, in units of its last digit, that flips the ruling."""
    printed = list(numbers.values())
    now = rule.combined(printed_answers(printed, rule))
    best = Flip(claim, "printed", "rounding", now, unit="last digits", note="no single printed number flips it")
    for position, (key, number) in enumerate(numbers.items()):
        for steps in _steps_to(rule, number):
            moved = replace(number, value=number.value + steps * _last_digit(number))
            then = rule.combined(printed_answers([*printed[:position], moved, *printed[position + 1 :]], rule))
            if then != now and not abs(steps) >= best.distance:
                bound = "" if number.comparator == "=" else number.comparator
                note = f"{key}, printed {number}, would have to be printed {bound}{moved.value}"
                best = replace(
                    best, flips_at=float(moved.value), distance=float(abs(steps)), answer_then=then, note=note
                )
    return best


def _steps_to(rule: Rule, number: PrintedNumber) -> set[int]:
    """Whole steps of the last digit that bring a number to either side of the rule's thresholds."""
    thresholds = {condition.threshold for condition in (rule.meets, rule.refutes) if condition is not None}
    targets = thresholds | {-threshold for threshold in thresholds if rule.meets.magnitude}
    middles = {round((Decimal(repr(target)) - number.value) / _last_digit(number)) for target in targets}
    return {middle + offset for middle in middles for offset in (-2, -1, 0, 1, 2)} - {0}


def _last_digit(number: PrintedNumber) -> Decimal:
    return Decimal(1).scaleb(-number.decimals)


def _table_flips(claim: str, source: Source, rule: Rule, found: TableValues) -> Iterator[Flip]:
    def answer(threshold: float) -> Answer:
        return rule.at(threshold).combined(found.answers(rule.at(threshold)))

    p_values = all(_P_VALUE.search(column) for column in found.columns)
    numbers = np.concatenate([found.values, found.opposite])
    if rule.refutes is not None:  # its threshold may be the other's mirror
        numbers = np.concatenate([numbers, -numbers, 1 - numbers])
    yield _rule_flip(claim, source, "level" if p_values else "limit", rule, numbers, answer)
    if p_values and rule.expect != "none" and rule.meets.symbol.startswith("<") and len(found.columns) == 1:
        yield from _null_flip(claim, source, rule, found)


def _rule_flip(
    claim: str, source: Source, dial: Dial, rule: Rule, numbers: Iterable[float], answer: Callable[[float], Answer]
) -> Flip:
    """How far the rule's threshold is from one that gives another answer."""
    start, now = rule.meets.threshold, answer(rule.meets.threshold)
    unit: Unit = "factor" if dial == "level" else "own units"
    points = np.asarray(list(numbers), dtype=float)
    points = np.abs(points) if rule.meets.magnitude else points
    low, high = (0.0, 1.0) if dial == "level" else (0.0 if rule.meets.magnitude else -np.inf, np.inf)
    crossings = _crossings(start, now, points[(points > low) & (points < high)], answer)
    if not crossings:
        return Flip(claim, source, dial, now, unit=unit, note=f"no {dial} gives another answer")
    apart = _factor if dial == "level" else _difference
    crossing = min(crossings, key=lambda found: apart(start, found.at))
    return Flip(claim, source, dial, now, crossing.at, apart(start, crossing.at), unit, False, crossing.then)


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A value of a dial beyond which, seen from where it stands, the answer is another."""

    at: float
    then: Answer


def _crossings(start: float, now: Answer, points: np.ndarray, answer: Callable[[float], Answer]) -> list[_Crossing]:
    """The nearest crossing on either side; between neighbouring points the answer does not change."""
    found = []
    known = np.unique(points[np.isfinite(points)])
    for sign in (1.0, -1.0):
        ahead = np.sort(sign * known[sign * known >= sign * start])
        if not ahead.size:
            continue
        # a level's points lie between 0 and 1, and so do these
        last = 0.5 * (ahead[-1] + (1.0 if sign > 0 else 0.0)) if 0 < sign * ahead[-1] < 1 else ahead[-1] + 1.0
        for point, following in zip(ahead, [*ahead[1:], last], strict=True):
            then = answer(float(sign * 0.5 * (point + following)))
            if then != now:
                found.append(_Crossing(float(sign * point), then))
                break
    return found


def _null_flip(claim: str, source: Source, rule: Rule, found: TableValues) -> Iterator[Flip]:
    """The effect in place of zero from which the p-values, computed for it, answer otherwise.

    That is a confidence limit. Only where the table has estimates and standard errors, and the normal distribution
    gives the table's p-values for them.
    """
    if not {"estimate", "std_error"} <= set(found.frame):
        return
    estimate, error = (found.frame[name].to_numpy(dtype=float) for name in ("estimate", "std_error"))
    one_sided = found.columns[0].endswith("greater")
    z = estimate / error
    p_values = special.ndtr(-z) if one_sided else 2 * special.ndtr(-np.abs(z))
    if not np.allclose(p_values, found.values, rtol=1e-6, atol=1e-12):
        return
    alpha = rule.meets.threshold
    reach = -special.ndtri(alpha if one_sided else alpha / 2) * error
    lower, upper = (estimate if one_sided else np.abs(estimate)) - reach, estimate + reach

    def answer(null: float) -> Answer:
        meets = lower > null
        refuted = upper < null if rule.refutes is not None else ~meets
        return rule.combined([True if yes else False if no else None for yes, no in zip(meets, refuted, strict=True)])

    now = answer(0.0)
    points = np.concatenate([lower, upper]) if one_sided else lower[lower > 0]
    crossings = _crossings(0.0, now, points, answer)
    if not crossings:
        return
    crossing = min(crossings, key=lambda one: abs(one.at))
    errors = np.concatenate([error, error]) if one_sided else error[lower > 0]
    own = float(errors[np.argmin(np.abs(points - crossing.at))])
    note = "a test of this effect, in place of zero, answers otherwise"
    yield Flip(
        claim, source, "limit", now, crossing.at, abs(crossing.at) / own, "standard errors", False, crossing.then, note
    )


def _posterior_flips(claim: Claim, evidence: PosteriorEvidence, fits: Mapping[str, Fit]) -> Iterator[Flip]:
    fit, rule = fits[evidence.fit], evidence.decision
    draws = posterior_draws(claim, evidence, fit)
    true = event(draws, rule)
    yield _decision_flip(claim.id, true)
    yield _limit_flip(claim.id, rule, draws)
    yield _prior_flip(claim.id, true, log_prior_density(fit.tree))
    others = {label: event(posterior_draws(claim, evidence, fits[label]), rule) for label in evidence.robust}
    if others:
        yield _other_fit(claim.id, true, others)


def _decision_flip(claim: str, true: np.ndarray) -> Flip:
    """The level of decision, 0.95 by convention, at which the probability decides otherwise."""
    probability, tail = float(true.mean()), 1 - DECISIVE_PROBABILITY
    now, likelier = decided(probability), max(probability, 1 - probability)
    draft = Flip(claim, "posterior", "level", now, unit="factor")
    if now == "undetermined":
        if likelier == 0.5:
            return replace(draft, note="the draws are evenly divided: no level decides")
        then = "holds" if probability > 0.5 else "does not hold"
        return replace(draft, flips_at=likelier, distance=_factor(1 - likelier, tail), answer_then=then)
    if likelier == 1:
        note = f"all of {true.size:,} draws agree: the level would have to lie above 1 - 1/{true.size:,}"
        return replace(draft, distance=tail * true.size, beyond=True, note=note)
    return replace(draft, flips_at=likelier, distance=_factor(1 - likelier, tail), answer_then="undetermined")


def _limit_flip(claim: str, rule: Rule, draws: np.ndarray) -> Flip:
    """The limit of the estimand at which the probability of lying beyond it decides otherwise."""
    compared = np.abs(draws) if rule.meets.magnitude else draws
    above = rule.meets.symbol.startswith(">")
    # all above t: the least is; any above t: the greatest is; none above t: the greatest is not
    deciding = compared.min(axis=1) if (rule.expect == "all") == above else compared.max(axis=1)
    values, counts = np.unique(deciding, return_counts=True)
    below = np.cumsum(counts) / deciding.size  # share of draws at or below each value
    share = 1 - below if above != (rule.expect == "none") else below
    answers = dict(zip(values.tolist(), map(decided, share.tolist()), strict=True))
    first = decided(1.0 if above != (rule.expect == "none") else 0.0)

    def answer(limit: float) -> Answer:
        position = int(np.searchsorted(values, limit, side="right")) - 1
        return first if position < 0 else answers[float(values[position])]

    now, start = decided(float(event(draws, rule).mean())), rule.meets.threshold
    points = values[values > 0] if rule.meets.magnitude else values
    crossings = _crossings(start, now, points, answer)
    draft = Flip(claim, "posterior", "limit", now, unit="posterior sd")
    if not crossings:
        return replace(draft, note="no limit gives another answer")
    crossing = min(crossings, key=lambda found: abs(found.at - start))
    spread = float(deciding.std(ddof=1))
    distance = abs(crossing.at - start) / spread if spread > 0 else _NEVER
    return replace(draft, flips_at=crossing.at, distance=distance, answer_then=crossing.then)


def _prior_flip(claim: str, true: np.ndarray, log_prior: np.ndarray | None) -> Flip:
    """The power of the prior, nearest to one, at which the probability decides otherwise."""
    draft = Flip(claim, "posterior", "prior", decided(float(true.mean())), unit="factor")
    if log_prior is None:
        return replace(draft, note="the fit keeps no density of its prior to scale")
    if true.size < FEWEST_DRAWS:
        return replace(draft, note=f"weights need {FEWEST_DRAWS} or more draws; the fit has {true.size}")
    sides = [turn_prior(true, log_prior, decided, stronger=stronger) for stronger in (False, True)]
    short = [f"{side.reach:.3g} (Pareto k {side.pareto_k:.2f})" for side in sides if _cut_short(side)]
    unknown = f"nothing is known beyond power {' and '.join(short)}: fit again with other priors" if short else ""
    flipped = [side for side in sides if side.answer]
    if not flipped:
        reached = min(_factor(1.0, side.reach) for side in sides)
        return replace(draft, distance=reached, beyond=True, note=unknown)
    nearest = min(flipped, key=lambda side: _factor(1.0, side.power))
    note = f"a normal prior's scale times {nearest.power**-0.5:.3g}" + (f"; {unknown}" if unknown else "")
    distance = _factor(1.0, nearest.power)
    return replace(draft, flips_at=nearest.power, distance=distance, answer_then=nearest.answer, note=note)


def _cut_short(side: Side) -> bool:
    """Whether the weights became unreliable before the widest power that was to be tried."""
    return not side.answer and _factor(1.0, side.reach) < WIDEST * (1 - 1e-9)


def _other_fit(claim: str, true: np.ndarray, others: Mapping[str, np.ndarray]) -> Flip:
    """Whether another prior or reading, fitted in earnest, decides otherwise."""
    now = decided(float(true.mean()))
    changed = {label: other for label, other in others.items() if decided(float(other.mean())) != now}
    draft = Flip(claim, "posterior", "other fit", now)
    if not changed:
        return replace(draft, note=f"the same answer in {', '.join(others)}")
    listed = "; ".join(f"{label}: probability {probability_words(float(o.mean()))}" for label, o in changed.items())
    return replace(draft, answer_then=decided(float(next(iter(changed.values())).mean())), note=listed)


def _factor(one: float, other: float) -> float:
    """The larger over the smaller of two positive numbers."""
    return max(one, other) / min(one, other) if min(one, other) > 0 else np.inf


def _difference(one: float, other: float) -> float:
    return abs(one - other)
