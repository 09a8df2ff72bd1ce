"""Checks of the design that a paper states: sample sizes, outcome levels, equations, predictors, thresholds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction

from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.counts import read_counts, score_sums, unusable_counts
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.identity import compare_count, enclose, not_checkable
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import finite, listing, span

Numbers = Mapping[str, PrintedNumber]


@check("part_of_whole", readings=("typo", "transposed"))
def part_of_whole(*, part: PrintedNumber, whole: PrintedNumber) -> Finding:
    """Whether a subsample is no larger than the sample that it is taken from."""
    verdict: Verdict = "consistent" if part.value <= whole.value else "impossible"
    share = f"{float(part.value / whole.value):.1%}" if whole.value else "no share"
    note = f"{part} of {whole} ({share}); {whole.value - part.value:,} left out."
    return Finding(str(part), f"at most {whole}", 0.0, float(whole), verdict, note=note)


def _explain_sum(*, parts: Numbers, stated: PrintedNumber, others: tuple[int, ...] = ()) -> tuple[Explanation, ...]:
    found = sum(int(cell.value) for cell in parts.values())
    return tuple(Explanation(f"the stated {other:,} meant", f"{found:,}", resolves=found == other) for other in others)


@check("groups_sum_to_sample", explain=_explain_sum, readings=("typo", "transposed"))
def groups_sum_to_sample(*, parts: Numbers, stated: PrintedNumber, others: tuple[int, ...] = ()) -> Finding:
    """Whether the group sizes of a table add up to the sample size that the text states.

    Parameters
    ----------
    parts : mapping
        The group sizes.
    stated : PrintedNumber
    others : tuple of int
        Other sample sizes that the text states; tried as explanations.
    """
    found = sum(int(cell.value) for cell in parts.values())
    terms = " + ".join(str(cell) for cell in parts.values())
    return compare_count(stated, float(found), f"{terms} = {found:,}; stated {stated}.")


def _explain_equations(*, levels: PrintedNumber, equations: PrintedNumber) -> tuple[Explanation, ...]:
    count = int(equations.value)
    text = f"K = {count + 1}"
    return (
        # these say what the equations would fit; the paper states another number of levels
        Explanation("another number of levels that fits the equations", text, resolves=False),
        Explanation("one equation a level", f"{levels} equations", resolves=equations.exact.contains(float(levels))),
    )


@check("cumulative_equations", target="equations", explain=_explain_equations, readings=("typo",))
def cumulative_equations(*, levels: PrintedNumber, equations: PrintedNumber) -> Finding:
    """Whether an outcome with K ordered levels has K - 1 cumulative equations.

    Parameters
    ----------
    levels : PrintedNumber
        K, as the text states it.
    equations : PrintedNumber
        Number of cumulative equations that the paper gives.
    """
    note = f"{levels} levels have {levels.value - 1} cumulative splits; {equations} equations are given."
    return compare_count(equations, float(levels.value - 1), note)


@check("stated_count", readings=("typo",))
def stated_count(*, count: PrintedNumber, found: int, what: str) -> Finding:
    """Whether a number that the text states is the number found where the declaration says to count.

    Parameters
    ----------
    count : PrintedNumber
    found : int
        As counted by the declaration: letters in an equation, groups in a table's head.
    what : str
        What was counted, for the note.
    """
    return compare_count(count, float(found), f"{what}: {found} found; the text states {count}.")


@check("thresholds_increasing")
def thresholds_increasing(*, thresholds: Numbers) -> Finding:
    """Whether the thresholds of a cumulative model increase with the outcome level, as its probabilities require.

    Parameters
    ----------
    thresholds : mapping
        In the order of the levels.
    """
    steps = [(f"{a} then {b}", b.bounds - a.bounds) for a, b in itertools.pairwise(thresholds.values())]
    against = [name for name, step in steps if step.high < 0]
    unsettled = [name for name, step in steps if step.high >= 0 >= step.low]
    verdict: Verdict = "impossible" if against else "undetermined" if unsettled else "consistent"
    note = f"Steps down: {listing(against)}."
    return Finding(listing(str(cell) for cell in thresholds.values()), "increasing", None, None, verdict, note=note)


def score_variance(counts: Numbers) -> Interval:
    """Variance of option scores 1, 2, ... over all respondents of a table of counts."""
    table = read_counts(counts)
    return enclose(score_sums(table)[0] / table.total)


def null_weight(counts: Numbers) -> Interval:
    """Information of one observation about its linear predictor in a cumulative logit without effects.

    (1 - sum of p_k³) / 3 with outcome shares p_k (Whitehead 1993, doi:10.1002/sim.4780122404); it is 1/3 for a
    finely graded outcome, which no grading exceeds.
    """
    table = read_counts(counts)
    cubes = sum((Fraction(size, table.total) ** 3 for size in table.column_sums), Fraction(0))
    return enclose((1 - cubes) / 3)


@check("sample_size_from_standard_error", classical=True, readings=(), typo_limit=150)
def sample_size_from_standard_error(
    *, se: PrintedNumber, vif: PrintedNumber, counts: Numbers, n: PrintedNumber
) -> Finding:
    """The sample size that a cumulative logit's standard error implies, against the size stated.

    With option scores 1, 2, ... whose variance is V: SE² is at least 3 / (n V), since no observation tells more
    than 1/3 about a logistic predictor, so n is at least 3 / (V SE²). Near zero effects SE² is VIF / (n V w) with the
    null weight w, which gives the n implied; strong effects lower the information and would allow a larger n.

    Parameters
    ----------
    se, vif : PrintedNumber
        Standard error of the item's slope and its variance inflation factor.
    counts : mapping
        The item's options by outcome; their shares are assumed to hold in the sample of size n.
    n : PrintedNumber
        As stated.

    Notes
    -----
    The coding and the shares are assumed, so the verdict is never inconsistent.
    """
    if se.bounds.low <= 0 or vif.bounds.low < 1:
        return not_checkable(str(n), f"A standard error is positive and a VIF at least 1; printed {se} and {vif}.")
    stopped = unusable_counts(counts)
    if stopped is not None:
        return stopped
    squared = score_variance(counts) * se.bounds.square()
    least, implied = 3.0 / squared, vif.bounds / (squared * null_weight(counts))
    stated = float(n)
    verdict: Verdict = "consistent" if least.low <= stated <= implied.high else "undetermined"
    note = (
        f"At least n = {span(least)}; n = {span(implied)} near zero effects, with SE = {se}, VIF = {vif} and option "
        f"scores 1, 2, ... at the printed shares (both assumed); stated n = {n}."
    )
    return Finding(str(n), span(implied), finite(least.low), finite(implied.high), verdict, note=note)
