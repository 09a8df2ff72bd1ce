"""Checks of sentences that call all rows of a table significant, against the table's own p-values and statistics."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from scipy.special import chdtri

from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.interval_matrix import cell_place
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import listing

Numbers = Mapping[str, PrintedNumber]

_OTHER_LEVELS = (0.10, 0.01)


def _verdict(against: int, unsettled: int) -> Verdict:
    return "inconsistent" if against else "undetermined" if unsettled else "consistent"


def _rows(values: Numbers, references: list[str]) -> str:
    return listing((f"({cell_place(ref).row}) {values[ref]}" for ref in references), limit=20)


def _said(count: int) -> str:
    return "significant" if count == 1 else f"all {count} significant"


def _explain_p(*, p: Numbers, alpha: float, comparisons: int = 1, quote: str = "") -> tuple[Explanation, ...]:
    level = Decimal(str(alpha))
    cuts = [("one-tailed p", 2 * level)]
    cuts += [(f"the {other:g} level", Decimal(str(other))) for other in _OTHER_LEVELS if other != alpha]
    if comparisons > 1:
        cuts.append((f"p printed as adjusted for {comparisons} tests (Bonferroni)", comparisons * level))
    found = [(name, sum(cell.below(cut) is False for cell in p.values())) for name, cut in cuts]
    return tuple(Explanation(name, f"{count} of {len(p)} not below", resolves=count == 0) for name, count in found)


@check("all_p_below", explain=_explain_p, readings=("typo", "transposed"), typo_limit=500)
def all_p_below(*, p: Numbers, alpha: float, comparisons: int = 1, quote: str = "") -> Finding:
    """Whether all rows that a sentence calls significant have a printed p below the level it names.

    Parameters
    ----------
    p : mapping
        One row's p or those of all rows that the sentence covers.
    alpha : float
        The level that the sentence names.
    comparisons : int
        Number of tests; that p is printed as adjusted for so many is tried as an explanation where it is above 1.
    quote : str
        The sentence.
    """
    level = Decimal(str(alpha))
    found = {reference: cell.below(level) for reference, cell in p.items()}
    against = [reference for reference, answer in found.items() if answer is False]
    unsettled = [reference for reference, answer in found.items() if answer is None]
    note = f"Not below {level}: {_rows(p, against)}; either side by rounding: {_rows(p, unsettled)}."
    return _tally(len(p), len(against), len(unsettled), f"below {level}", note, quote)


def _tally(total: int, against: int, unsettled: int, where: str, note: str, quote: str) -> Finding:
    """How many of the rows that a sentence covers stand where it needs them to."""
    least = total - against - unsettled
    return Finding(
        _said(total),
        f"{least} of {total} {where}",
        float(least),
        float(least + unsettled),
        _verdict(against, unsettled),
        note=f'{note} Sentence: "{quote}".' if quote else note,
    )


def critical_chi_square(alpha: float, df: int) -> Interval:
    """The chi-square statistic with upper tail probability alpha."""
    # chdtri inverts the tail to about 1e-12 relative
    value = float(chdtri(df, alpha))
    return Interval(value * (1 - 1e-10), value * (1 + 1e-10))


def _explain_statistic(*, statistic: Numbers, df: int, alpha: float, quote: str = "") -> tuple[Explanation, ...]:
    readings = [("one-tailed test", 2 * alpha)] if df == 1 else []
    readings += [(f"the {other:g} level", other) for other in _OTHER_LEVELS if other != alpha]
    tried: list[Explanation] = []
    for name, level in readings:
        critical = critical_chi_square(level, df)
        below = sum(cell.bounds.high < critical.low for cell in statistic.values())
        tried.append(Explanation(name, f"{below} of {len(statistic)} below {critical.midpoint:.3f}", below == 0))
    return tuple(tried)


@check(
    "all_statistics_significant",
    classical=True,
    explain=_explain_statistic,
    readings=("typo", "transposed"),
    typo_limit=500,
)
def all_statistics_significant(*, statistic: Numbers, df: int, alpha: float, quote: str = "") -> Finding:
    """Whether all rows that a sentence calls significant have a chi-square statistic above the critical value.

    Parameters
    ----------
    statistic : mapping
        Chi-square (Wald) statistics, all with ``df`` degrees of freedom.
    df : int
    alpha : PrintedNumber
        The level as the text prints it.
    quote : str
        The sentence.
    """
    critical = critical_chi_square(alpha, df)
    against = [ref for ref, cell in statistic.items() if cell.bounds.high < critical.low]
    unsettled = [ref for ref, cell in statistic.items() if ref not in against and cell.bounds.low <= critical.high]
    note = f"Below the critical value {critical.midpoint:.3f} (df = {df}): {_rows(statistic, against)}."
    where = f"above {critical.midpoint:.3f}"
    return _tally(len(statistic), len(against), len(unsettled), where, note, quote)
