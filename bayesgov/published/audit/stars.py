"""Checks of significance marks, and of sentences about significance, against the printed test statistics."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student_t

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.interval_matrix import cell_place
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import listing, number, span

# relative slack on a quantile of scipy.stats, whose accuracy is near 1e-14 in the range of usual levels
_QUANTILE_SLACK = 1e-10
_LARGEST_DF = 1e4


@dataclass(frozen=True, slots=True)
class StarRange:
    """Fewest and most stars that rounding allows."""

    least: int
    most: int

    def __str__(self) -> str:
        return stars_text(self.least) if self.least == self.most else f"{self.least} to {self.most} stars"


def stars_text(count: int) -> str:
    return "1 star" if count == 1 else f"{count} stars"


def _check_levels(levels: tuple[float, ...]) -> None:
    decreasing = all(earlier > later for earlier, later in itertools.pairwise(levels))
    if not levels or not decreasing or not all(0 < level < 1 for level in levels):
        raise InputError(f"levels should be decreasing probabilities for one, two, ... stars; got {list(levels)}")


@functools.lru_cache(maxsize=256)
def critical_t(levels: tuple[float, ...], df: float | None = None) -> tuple[float, ...]:
    """Two-sided critical values: standard normal, or Student's t with ``df`` degrees of freedom.

    Raises
    ------
    InputError
        If the levels are not decreasing probabilities.
    """
    _check_levels(levels)
    tail = [level / 2 for level in levels]
    return tuple(float(norm.isf(p) if df is None else student_t.isf(p, df)) for p in tail)


def critical_correlation(levels: tuple[float, ...], n: int) -> tuple[float, ...]:
    """Two-sided critical values of |r|, from ``t = r sqrt((n - 2) / (1 - r²))`` with n - 2 degrees of freedom.

    Raises
    ------
    InputError
        If n is below 3.
    """
    if n < 3:
        raise InputError(f"n should be 3 or more for a correlation's p-value; got {n}")
    return tuple(t / math.sqrt(n - 2 + t * t) for t in critical_t(levels, n - 2))


def star_range(magnitude: Interval, critical: tuple[float, ...]) -> StarRange:
    """Stars of a statistic whose absolute value lies in ``magnitude``, given increasing critical values."""
    least = sum(magnitude.low > value * (1 + _QUANTILE_SLACK) for value in critical)
    most = sum(magnitude.high > value * (1 - _QUANTILE_SLACK) for value in critical)
    return StarRange(least, most)


@check("correlation_stars", readings=("typo",), typo_limit=400)
def correlation_stars(*, correlations: Mapping[str, PrintedNumber | str], n: int, levels: tuple[float, ...]) -> Finding:
    """Whether each correlation's stars are those that its p-value gives at the stated number of observations.

    Parameters
    ----------
    correlations : mapping
        Cells of the matrix; the diagonal is left out.
    n : int
        Number of observations.
    levels : tuple of float
        Levels that one, two, ... stars stand for, decreasing: (0.05, 0.01).
    """
    critical = critical_correlation(levels, n)
    wrong: list[str] = []
    unsettled = count = 0
    for reference, cell in correlations.items():
        place = cell_place(reference)
        if not isinstance(cell, PrintedNumber) or place.row == place.column:
            continue
        count += 1
        implied = star_range(abs(cell.bounds), critical)
        if not implied.least <= cell.stars <= implied.most:
            wrong.append(f"({place.row}, {place.column}) = {cell}")
        unsettled += implied.least != implied.most and implied.least <= cell.stars <= implied.most
    verdict: Verdict = "inconsistent" if wrong else "undetermined" if unsettled else "consistent"
    cuts = ", ".join(f"{'*' * (k + 1)} {value:.4f}" for k, value in enumerate(critical))
    note = f"Smallest |r| with n = {n}: {cuts}. Cells with other stars: {listing(wrong)}."
    return Finding(f"{count} correlations", f"{len(wrong)} with other stars", None, None, verdict, note=note)


@check("uncorrelated_claim", readings=(), typo_limit=400)
def uncorrelated_claim(
    *, correlations: Mapping[str, PrintedNumber | str], n: int, level: float, quote: str = ""
) -> Finding:
    """Whether variables that the text calls independent of each other have no significant correlation.

    Parameters
    ----------
    correlations : mapping
        Cells of the matrix; the diagonal is left out.
    n : int
        Number of observations.
    level : float
        Two-sided level of each single correlation.
    quote : str
        The sentence.
    """
    critical = critical_correlation((level,), n)
    places = {reference: cell_place(reference) for reference in correlations}
    ranges = {
        reference: star_range(abs(cell.bounds), critical)
        for reference, cell in correlations.items()
        if isinstance(cell, PrintedNumber) and places[reference].row != places[reference].column
    }
    if not ranges:
        return Finding("", "", None, None, "not checkable", note="No correlation is printed.")
    significant = sum(found.least for found in ranges.values())
    possible = sum(found.most for found in ranges.values())
    verdict: Verdict = "inconsistent" if significant else "undetermined" if possible else "consistent"
    note = f"Smallest |r| that differs from zero at the {level:g} level with n = {n}: {critical[0]:.4f}."
    note = f'{note} Sentence: "{quote}".' if quote else note
    recomputed = f"{significant} of {len(ranges)} correlations differ from zero"
    return Finding("independent", recomputed, float(significant), float(possible), verdict, note=note)


def _explain_stars(*, estimate: PrintedNumber, t: PrintedNumber, levels: tuple[float, ...]) -> tuple[Explanation, ...]:
    """Another reference distribution, a one-sided p, another meaning of the stars."""
    magnitude = abs(t.bounds)
    one_sided = star_range(magnitude, critical_t(tuple(2 * level for level in levels if 2 * level < 1)))
    increasing = star_range(magnitude, critical_t(levels))
    # some tables give one star to the strictest level
    reversed_most = len(levels) + 1 - increasing.least if increasing.least else 0
    reversed_least = len(levels) + 1 - increasing.most if increasing.most else 0
    return (
        _degrees_of_freedom(estimate.stars, magnitude, levels),
        Explanation("one-sided p", str(one_sided), resolves=one_sided.least <= estimate.stars <= one_sided.most),
        Explanation(
            "stars in the opposite order",
            stars_text(reversed_least),
            resolves=estimate.stars in (reversed_least, reversed_most),
        ),
    )


def _degrees_of_freedom(stars: int, magnitude: Interval, levels: tuple[float, ...]) -> Explanation:
    """Degrees of freedom under which the t distribution gives the printed stars.

    The critical value of a level falls with the degrees of freedom, so the stars hold between two crossings.
    """

    def crossing(value: float, level: float) -> float | None:
        def gap(df: float) -> float:
            return float(student_t.isf(level / 2, df)) - value

        if gap(1.0) <= 0:
            return 1.0
        return None if gap(_LARGEST_DF) > 0 else float(brentq(gap, 1.0, _LARGEST_DF))

    name = "t distribution with few degrees of freedom"
    lowest = crossing(magnitude.high, levels[stars - 1]) if stars else 1.0
    highest = crossing(magnitude.low, levels[stars]) if stars < len(levels) else None
    if lowest is None or (highest is not None and highest <= lowest):
        return Explanation(name, f"no number of degrees of freedom gives {stars_text(stars)}", resolves=False)
    text = f"{lowest:.1f} or more" if highest is None else f"{lowest:.1f} to {highest:.1f}"
    return Explanation(name, f"{text} degrees of freedom give {stars_text(stars)}", resolves=True)


@check("stars_match_t", explain=_explain_stars, readings=("truncated", "typo", "transposed"))
def stars_match_t(*, estimate: PrintedNumber, t: PrintedNumber, levels: tuple[float, ...]) -> Finding:
    """Whether an estimate's stars are those of its t-value, read as standard normal and two-sided.

    Parameters
    ----------
    estimate : PrintedNumber
        Carries the stars.
    t : PrintedNumber
    levels : tuple of float
        Levels that one, two, ... stars stand for, decreasing: (0.10, 0.05, 0.01).
    """
    if estimate.stars > len(levels):
        note = f"{estimate} carries {stars_text(estimate.stars)}; the table's note explains {len(levels)}."
        return Finding(str(estimate.stars), "", None, None, "not checkable", note=note)
    magnitude = abs(t.bounds)
    implied = star_range(magnitude, critical_t(levels))
    fits = implied.least <= estimate.stars <= implied.most
    verdict: Verdict = "inconsistent" if not fits else "consistent" if implied.least == implied.most else "undetermined"
    p = Interval(2 * float(norm.sf(magnitude.high)), 2 * float(norm.sf(magnitude.low)))
    note = f"{estimate} with |t| = {span(magnitude)} has a two-sided normal p of {span(p, 3)}."
    return Finding(
        stars_text(estimate.stars), str(implied), float(implied.least), float(implied.most), verdict, note=note
    )


def _reported(claimed: bool) -> str:
    return "significant" if claimed else "not significant"


@check("significance_claim", readings=(), typo_limit=300)
def significance_claim(
    *, t: Mapping[str, PrintedNumber], levels: tuple[float, ...], claimed: bool, quote: str = ""
) -> Finding:
    """Whether a sentence that calls effects significant, or not significant, agrees with every t-value it covers.

    Parameters
    ----------
    t : mapping
        The t-values that the sentence covers.
    levels : tuple of float
        Levels at which the sentence may be meant, decreasing; where they disagree the verdict is undetermined.
    claimed : bool
        True: all are said to be significant; False: none.
    quote : str
        The sentence.
    """
    verdicts: list[Verdict] = []
    parts: list[str] = []
    for level, critical in zip(levels, critical_t(levels), strict=True):
        ranges = {reference: star_range(abs(cell.bounds), (critical,)) for reference, cell in t.items()}
        against = [ref for ref, found in ranges.items() if (found.most == 0 if claimed else found.least == 1)]
        unsettled = [ref for ref, found in ranges.items() if found.least != found.most]
        verdicts.append("inconsistent" if against else "undetermined" if unsettled else "consistent")
        significant = sum(found.least for found in ranges.values())
        parts.append(f"{significant} of {len(t)} at the {level:g} level")
    verdict = verdicts[0] if len(set(verdicts)) == 1 else "undetermined"
    largest = max(t.items(), key=lambda entry: abs(float(entry[1])))
    note = f"Largest |t|: {abs(float(largest[1])):g} ({cell_place(largest[0]).row}, {cell_place(largest[0]).column})."
    if len(set(verdicts)) > 1:
        note = f"{note} The answer depends on the level, which the sentence does not state."
    note = f'{note} Sentence: "{quote}".' if quote else note
    return Finding(_reported(claimed), "significant: " + ", ".join(parts), None, None, verdict, note=note)


@check("significant_cells_named", readings=(), typo_limit=300)
def significant_cells_named(
    *, t: Mapping[str, PrintedNumber], level: float, named: tuple[str, ...], quote: str = ""
) -> Finding:
    """Whether the effects that the text names as significant are all that the table shows at a level.

    Parameters
    ----------
    t : mapping
    level : float
    named : tuple of str
        References of the t-values of the effects that the text names.
    """
    unknown = [reference for reference in named if reference not in t]
    if unknown:
        raise InputError(f"named cell {unknown[0]!r} is not among the t-values; write table/row/column as printed")
    critical = critical_t((level,))
    ranges = {reference: star_range(abs(cell.bounds), critical) for reference, cell in t.items()}
    certain = [reference for reference, found in ranges.items() if found.least == 1]
    possible = [reference for reference, found in ranges.items() if found.most == 1]
    wrong = [ref for ref in named if ref not in possible] + [ref for ref in certain if ref not in named]
    settled = set(certain) == set(possible) == set(named)
    verdict: Verdict = "inconsistent" if wrong else "consistent" if settled else "undetermined"
    shown = listing(f"({cell_place(ref).row}, {cell_place(ref).column}) = {t[ref]}" for ref in certain)
    note = (
        f"|t| above {number(critical[0])}: {shown}; the text names {len(named)}. "
        "The check reads the text as a complete list; as examples they would agree."
    )
    note = f'{note} Sentence: "{quote}".' if quote else note
    recomputed = str(len(certain)) if len(certain) == len(possible) else f"{len(certain)} to {len(possible)}"
    return Finding(str(len(named)), recomputed, float(len(certain)), float(len(possible)), verdict, note=note)
