"""Checks of the size of -2 log-likelihood: what outcome counts and a sample size imply for a model of intercepts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from scipy.special import expit, gammaln, logit

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit.counts import CountTable, counts_by_item, read_counts, score_sums, unusable_counts
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.identity import around, compare, not_checkable, reading
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import number, span

Counts = Mapping[str, PrintedNumber]

_PATTERNS = "-2 log-likelihood over covariate patterns with its multinomial constant (as SPSS prints it)"


def intercept_minus2ll(counts: tuple[int, ...]) -> float:
    """-2 log-likelihood of individual outcomes under intercepts only: 2 sum of n_k log(n / n_k)."""
    n = sum(counts)
    return 2 * math.fsum(size * math.log(n / size) for size in counts if size)


def one_pattern_minus2ll(counts: tuple[int, ...]) -> float:
    """The same with the multinomial constant of one covariate pattern: -2 log of the multinomial probability."""
    coefficient = float(gammaln(sum(counts) + 1) - sum(gammaln(size + 1) for size in counts))
    return intercept_minus2ll(counts) - 2 * coefficient


def _pattern_reading(minus2ll: PrintedNumber, counts: tuple[int, ...]) -> Explanation:
    """The convention whose value depends on how many covariate patterns there are, from one to one a respondent."""
    least, most = one_pattern_minus2ll(counts), intercept_minus2ll(counts)
    between = minus2ll.bounds.high >= least and minus2ll.bounds.low <= most
    value = f"{number(least)} (one pattern) to {number(most, 6)} (one a respondent); the number is not printed"
    return Explanation(_PATTERNS, value, resolves=between)


def _sizes(outcome: Counts) -> tuple[int, ...]:
    return tuple(int(cell.value) for cell in outcome.values())


def _explain_intercept(*, minus2ll: PrintedNumber, outcome: Counts) -> tuple[Explanation, ...]:
    sizes = _sizes(outcome)
    return (
        _pattern_reading(minus2ll, sizes),
        reading("the log-likelihood without the factor -2", minus2ll, around(intercept_minus2ll(sizes) / 2)),
    )


@check("intercept_minus2ll_from_counts", classical=True, target="minus2ll", explain=_explain_intercept)
def intercept_minus2ll_from_counts(*, minus2ll: PrintedNumber, outcome: Counts) -> Finding:
    """Whether -2 log-likelihood of intercepts only is 2 sum of n_k log(n / n_k) of the printed outcome counts.

    Parameters
    ----------
    minus2ll : PrintedNumber
    outcome : mapping
        Number of respondents at each outcome level.
    """
    sizes = _sizes(outcome)
    if any(not cell.is_integer or cell.value < 0 for cell in outcome.values()) or not any(sizes):
        return not_checkable(str(minus2ll), "The outcome counts are no counts.")
    implied = around(intercept_minus2ll(sizes))
    note = f"Outcome counts {', '.join(map(str, sizes))} (n = {sum(sizes)}), one observation a respondent."
    if sum(size > 0 for size in sizes) > 1:
        n = span(minus2ll.bounds / (implied / float(sum(sizes))))
        note = f"{note} With the same shares, {minus2ll} is that of n = {n}."
    return compare(minus2ll, implied, note)


def _degenerate(n: int, levels: int) -> tuple[int, ...]:
    """The outcome counts with the smallest -2 log-likelihood when each level occurs: all but one occur once."""
    return (*(1 for _ in range(levels - 1)), n - levels + 1)


def _explain_smallest(*, minus2ll: PrintedNumber, n: PrintedNumber, levels: int) -> tuple[Explanation, ...]:
    counts = _degenerate(int(n.value), levels)
    fewer = [k for k in range(2, levels) if intercept_minus2ll(_degenerate(int(n.value), k)) <= minus2ll.bounds.high]
    value = f"at most {max(fewer)} levels" if fewer else "no number of levels"
    return (
        _pattern_reading(minus2ll, counts),
        Explanation("some levels do not occur", value, resolves=bool(fewer)),
    )


@check("smallest_intercept_minus2ll", classical=True, explain=_explain_smallest)
def smallest_intercept_minus2ll(*, minus2ll: PrintedNumber, n: PrintedNumber, levels: int) -> Finding:
    """Whether -2 log-likelihood of intercepts only is at least the smallest that n respondents can give.

    With each of K levels observed, 2 sum of n_k log(n / n_k) is smallest when K - 1 levels occur once each (entropy
    is concave, so its minimum over counts lies at a corner).

    Parameters
    ----------
    minus2ll, n : PrintedNumber
    levels : int
        Outcome levels that occur.

    Raises
    ------
    InputError
        If there are fewer than two levels.
    """
    if levels < 2:
        raise InputError(f"levels should be 2 or more; got {levels}")
    if not n.is_integer or n.value < levels:
        return not_checkable(str(minus2ll), f"{n} respondents cannot show {levels} levels.")
    smallest = around(intercept_minus2ll(_degenerate(int(n.value), levels)))
    verdict: Verdict = "impossible" if minus2ll.bounds.high < smallest.low else "consistent"
    largest = around(2 * float(n.value) * math.log(levels))
    note = (
        f"n = {n}, each of {levels} levels observed, one observation a respondent: smallest if all but one level "
        f"occur once, largest ({span(largest, 6)}) if all occur equally often."
    )
    return Finding(str(minus2ll), f"at least {span(smallest, 6)}", smallest.low, largest.high, verdict, note=note)


def slope_chi_square_bound(table: CountTable) -> float:
    """Lower bound of the likelihood-ratio chi-square of one item in a cumulative logit, option scores 1, 2, ...

    Maximised likelihood is at least the likelihood at any parameter value; the value here is one Fisher scoring step
    from no effect, P(y <= j) = F(c_j - b (x - mean x)) with b = U / I and c_j the logit of the cumulative share.
    """
    n = table.total
    mean = sum(i * size for i, size in enumerate(table.row_sums, 1)) / n
    cumulative = (0.0, *(reached / n for reached in itertools.accumulate(table.column_sums)))
    # d log P(y = j) / d eta = F_j + F_(j-1) - 1
    scores = [upper + lower - 1 for lower, upper in itertools.pairwise(cumulative)]
    cells = [(i - mean, j, count) for i, row in enumerate(table.counts, 1) for j, count in enumerate(row) if count]
    slope_score = math.fsum(x * count * scores[j] for x, j, count in cells)
    weight = (1 - sum((size / n) ** 3 for size in table.column_sums)) / 3
    b = slope_score / (float(score_sums(table)[0]) * weight)
    cutpoints = [float(logit(share)) for share in cumulative[1:-1]]

    def probability(x: float, j: int) -> float:
        below = [0.0, *(float(expit(c - b * x)) for c in cutpoints), 1.0]
        return below[j + 1] - below[j]

    ratios = [(count, probability(x, j) * n / table.column_sums[j]) for x, j, count in cells]
    if min(ratio for _, ratio in ratios) <= 0:  # a step so long that an observed cell has no probability
        return 0.0
    return max(0.0, 2 * math.fsum(count * math.log(ratio) for count, ratio in ratios))


@check("model_chi_square_of_one_item", classical=True, readings=(), typo_limit=150)
def model_chi_square_of_one_item(*, chi2: PrintedNumber, counts: Counts) -> Finding:
    """Whether a model's likelihood-ratio chi-square is at least that of each of its predictors alone.

    Parameters
    ----------
    chi2 : PrintedNumber
        Chi-square of the model against intercepts only.
    counts : mapping
        Counts by outcome of the items in the model; rows of item i are named i.1, i.2, ...

    Notes
    -----
    Leaving predictors out cannot raise the chi-square on the same respondents. That the counts are those of the
    model's respondents and the options scored 1, 2, ... is assumed, so the verdict is never inconsistent.
    """
    by_item = counts_by_item(counts)
    for group in by_item.values():
        stopped = unusable_counts(group)
        if stopped is not None:
            return stopped
    tables = {item: read_counts(group) for item, group in by_item.items()}
    bounds = {item: around(slope_chi_square_bound(table)) for item, table in tables.items()}
    item = max(bounds, key=lambda name: bounds[name].midpoint)
    above = sum(bound.low > chi2.bounds.high for bound in bounds.values())
    verdict: Verdict = "undetermined" if above else "consistent"
    note = (
        f"A cumulative logit of item {item} alone has a chi-square of at least {span(bounds[item])} on the printed "
        f"counts (n = {tables[item].total}); {above} of {len(bounds)} items alone exceed {chi2}. Assumed: the same "
        "respondents, option scores 1, 2, ..."
    )
    return Finding(str(chi2), f"at least {span(bounds[item])}", bounds[item].low, None, verdict, note=note)
